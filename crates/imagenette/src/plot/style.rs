//! How all pictures look: colors, marks and the length of texts.

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

/// The color of a group.
pub(super) fn color(group: usize) -> RGBColor {
    COLORS[group % COLORS.len()]
}

/// The outline of a group's mark: circle, square, triangle or diamond. Marks repeat after four groups and colors after
/// seven, so 28 groups differ.
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

/// A picture that is drawn: codes in names, which XML forbids, are shown.
pub(super) fn finished(picture: String) -> String {
    visible::in_document(picture)
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
    fn long_names_keep_their_beginning_and_their_end() {
        assert_eq!(shortened("fast-85", 10), "fast-85");
        assert_eq!(shortened("abcdefghijklmnop", 9), "abc…lmnop");
    }
}
