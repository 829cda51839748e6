//! How all pictures look: colors, marks and the length of texts.

use std::collections::BTreeSet;

use imagenette_files::visible;
use plotters::coord::Shift;
use plotters::prelude::*;

use imagenette_results::run_group::Spread;

/// What is drawn on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Okabe and Ito's colors, which the color-blind can tell apart.
pub(super) const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
/// The lines behind a picture.
pub(super) const GRID: RGBColor = RGBColor(222, 222, 222);
/// Small print.
pub(super) const NOTE: RGBColor = RGBColor(90, 90, 90);

/// The color of a group, which no other group has: Okabe and Ito's first, then hues a golden angle apart, dark and less
/// dark in turn.
pub(super) fn color(group: usize) -> RGBColor {
    COLORS.get(group).copied().unwrap_or_else(|| {
        let more = group - COLORS.len();
        let hue = (0.17 + more as f64 * 0.381_966) % 1.0;
        let lightness = [0.30, 0.50, 0.40][more % 3];
        from_hsl([hue, [0.75, 0.45][more % 2], lightness])
    })
}

/// Hue, saturation and lightness, each from 0 to 1.
fn to_hsl(RGBColor(red, green, blue): RGBColor) -> [f64; 3] {
    let [red, green, blue] = [red, green, blue].map(|part| f64::from(part) / 255.0);
    let (least, most) = (red.min(green).min(blue), red.max(green).max(blue));
    let (lightness, range) = (f64::midpoint(least, most), most - least);
    if range == 0.0 {
        return [0.0, 0.0, lightness];
    }
    let hue = if most == red {
        (green - blue) / range + 6.0
    } else if most == green {
        (blue - red) / range + 2.0
    } else {
        (red - green) / range + 4.0
    };
    [hue / 6.0 % 1.0, range / (1.0 - (2.0 * lightness - 1.0).abs()), lightness]
}

fn from_hsl([hue, saturation, lightness]: [f64; 3]) -> RGBColor {
    let amplitude = saturation * lightness.min(1.0 - lightness);
    let part = |offset: f64| {
        let at = (offset + hue * 12.0) % 12.0;
        let value = lightness - amplitude * (at - 3.0).min(9.0 - at).clamp(-1.0, 1.0);
        (255.0 * value).round() as u8
    };
    RGBColor(part(0.0), part(8.0), part(4.0))
}

/// What takes a color's place on a dark background: grays turn over, colors are made light enough to be seen.
fn on_dark(color: RGBColor) -> RGBColor {
    let [hue, saturation, lightness] = to_hsl(color);
    if saturation < 0.1 {
        return from_hsl([0.6, 0.12, 0.09 + 0.83 * (1.0 - lightness)]);
    }
    // What is nearly white is a shade behind others.
    let lightness = if lightness > 0.85 { 0.2 } else { lightness.max(0.62) };
    from_hsl([hue, saturation.min(0.85), lightness])
}

/// A style that gives each color of a picture its place on a dark background.
fn dark_style(picture: &str) -> String {
    let code = |text: &str| {
        let digits = text.get(..6).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let is_whole = text[6..].starts_with('"');
        is_whole.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let colors: BTreeSet<u32> = picture.split("=\"#").skip(1).filter_map(code).collect();
    let rule = |color: u32| {
        let [_, red, green, blue] = color.to_be_bytes();
        let RGBColor(r, g, b) = on_dark(RGBColor(red, green, blue));
        ["fill", "stroke"].map(|what| format!("[{what}=\"#{color:06X}\"]{{{what}:#{r:02X}{g:02X}{b:02X}}}")).concat()
    };
    let rules: String = colors.into_iter().map(rule).collect();
    format!("<style>@media(prefers-color-scheme:dark){{{rules}}}</style>")
}

/// The outline of a group's mark: circle, square, triangle or diamond, in turn.
pub(super) fn mark(group: usize, (x, y): (i32, i32), size: i32) -> Vec<(i32, i32)> {
    match group % 4 {
        0 => (0..24)
            .map(|step| f64::from(step) * std::f64::consts::TAU / 24.0)
            .map(|angle| {
                let away = |along: f64| (f64::from(size) * along).round() as i32;
                (x + away(angle.cos()), y + away(angle.sin()))
            })
            .collect(),
        1 => vec![(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)],
        2 => vec![(x - size - 1, y + size), (x, y - size - 1), (x + size + 1, y + size)],
        _ => vec![(x - size - 1, y), (x, y - size - 1), (x + size + 1, y), (x, y + size + 1)],
    }
}

/// Mean, standard deviation and number of runs in words.
pub(super) fn result(Spread { n, mean, standard_deviation }: Spread) -> String {
    match standard_deviation {
        Some(sd) => format!("{:.2}% ± {:.2} (n = {n})", 100.0 * mean, 100.0 * sd),
        None => format!("{:.2}% (n = 1)", 100.0 * mean),
    }
}

/// A picture that is drawn: codes in names, which XML forbids, are shown, and it has a style for dark backgrounds.
pub(super) fn finished(picture: String) -> String {
    let style = dark_style(&picture);
    let head = picture.find('>').map_or(0, |end| end + 1);
    visible::in_document(format!("{}{style}{}", &picture[..head], &picture[head..]))
}

/// A text of at most this many letters; a longer one keeps its beginning and its end.
pub(super) fn shortened(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let (head, tail) = (room / 3, (room - room / 3).saturating_sub(1));
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_groups_share_a_color() {
        let colors: Vec<RGBColor> = (0..60).map(color).collect();
        for (place, one) in colors.iter().enumerate() {
            for other in &colors[..place] {
                let apart = |a: u8, b: u8| u32::from(a.abs_diff(b));
                let distance = apart(one.0, other.0) + apart(one.1, other.1) + apart(one.2, other.2);
                assert!(distance >= 12, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn colors_are_seen_on_dark_backgrounds() {
        for at in [RGBColor(0, 114, 178), RGBColor(255, 255, 255), RGBColor(7, 7, 7), RGBColor(230, 159, 0)] {
            assert_eq!(from_hsl(to_hsl(at)), at);
        }
        let lightness = |color| to_hsl(on_dark(color))[2];
        assert!(lightness(WHITE) < 0.1 && lightness(BLACK) > 0.9 && lightness(GRID) < 0.25 && lightness(NOTE) > 0.5);
        assert!((0..60).all(|group| lightness(color(group)) > 0.6), "lines");
        let picture = finished("<svg a=\"b\"><text fill=\"#000000\">a=\"#12\u{e9}</text></svg>\n".into());
        assert!(
            picture.starts_with("<svg a=\"b\"><style>") && picture.contains("[fill=\"#000000\"]{fill:#"),
            "{picture}"
        );
    }

    #[test]
    fn long_names_keep_their_beginning_and_their_end() {
        assert_eq!(shortened("fast-85", 10), "fast-85");
        assert_eq!(shortened("abcdefghijklmnop", 9), "abc…lmnop");
    }
}
