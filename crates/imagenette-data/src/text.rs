//! Letters on pictures: a text goes in, its letters stand on the picture, in an open font that the program brings.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, ScaleFont, point};

use crate::image::Pixels;

/// The Latin, Greek and Cyrillic letters of DejaVu Sans; its license lies beside it.
static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("font/DejaVuSans-subset.ttf")).expect("the font that is shipped")
});

/// What ends a text that is cut.
const CUT: char = '…';

/// A line of text at a height in pixels, from its highest to its lowest letters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) height_px: f32,
    pub(crate) ink: [u8; 3],
}

impl Line {
    /// The letters with their places from the left, and the width of all.
    fn glyphs(self, text: &str) -> (Vec<Glyph>, f32) {
        let font = FONT.as_scaled(self.height_px);
        let (mut glyphs, mut along, mut before) = (Vec::new(), 0.0, None);
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            let mut glyph = font.scaled_glyph(letter);
            along += before.map_or(0.0, |before| font.kern(before, glyph.id));
            glyph.position = point(along, font.ascent());
            along += font.h_advance(glyph.id);
            before = Some(glyph.id);
            glyphs.push(glyph);
        }
        (glyphs, along)
    }

    /// How wide a text becomes, in pixels.
    pub(crate) fn width_px(self, text: &str) -> f32 {
        self.glyphs(text).1
    }

    /// The text, or as much of its beginning as fits into a width with an ellipsis behind it.
    pub(crate) fn fitted(self, text: &str, width_px: f32) -> String {
        if self.width_px(text) <= width_px {
            return text.to_owned();
        }
        let mut letters: Vec<char> = text.chars().collect();
        while letters.pop().is_some() {
            let cut = letters.iter().collect::<String>().trim_end().to_owned() + &CUT.to_string();
            if self.width_px(&cut) <= width_px {
                return cut;
            }
        }
        String::new()
    }

    /// Writes a text with its upper left corner at a place. What lies beyond the picture's edge is left out.
    pub(crate) fn write(self, picture: &mut Pixels, text: &str, left: f32, top: f32) {
        for mut glyph in self.glyphs(text).0 {
            glyph.position += point(left, top);
            let Some(outline) = FONT.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|x, y, share| {
                let (x, y) = (bounds.min.x as i64 + i64::from(x), bounds.min.y as i64 + i64::from(y));
                let is_inside =
                    (0..i64::from(picture.width_px)).contains(&x) && (0..i64::from(picture.height_px)).contains(&y);
                if is_inside {
                    let start = (y as usize * picture.width_px as usize + x as usize) * 3;
                    for (channel, ink) in picture.rgb[start..start + 3].iter_mut().zip(self.ink) {
                        let paper = f32::from(*channel);
                        *channel = (paper + (f32::from(ink) - paper) * share.clamp(0.0, 1.0)).round() as u8;
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line { height_px: 16.0, ink: [0; 3] };

    fn paper(width_px: u32, height_px: u32) -> Pixels {
        Pixels { width_px, height_px, rgb: vec![255; (width_px * height_px * 3) as usize] }
    }

    #[test]
    fn letters_are_drawn_where_they_belong_and_cut_where_there_is_no_room() {
        let mut picture = paper(200, 20);
        LINE.write(&mut picture, "tench, Schleie, линь, ψ", 2.0, 2.0);
        let dark = |picture: &Pixels, from: u32, to: u32| {
            let inked =
                |x: u32| (0..picture.height_px).any(|y| picture.rgb[((y * picture.width_px + x) * 3) as usize] < 128);
            (from..to).any(inked)
        };
        let width = LINE.width_px("tench, Schleie, линь, ψ").ceil() as u32;
        assert!(dark(&picture, 2, 12) && dark(&picture, width - 8, width + 2), "{width}");
        assert!(!dark(&picture, width + 3, 200), "{width}");
        let cut = LINE.fitted("a class with a name that is rather long", 100.0);
        assert!(cut.ends_with('…') && cut.starts_with("a class") && LINE.width_px(&cut) <= 100.0, "{cut}");
        assert_eq!(LINE.fitted("short", 100.0), "short");
        assert_eq!(LINE.fitted("short", 1.0), "");
        // What has no letter is a box, what is no letter is nothing, and nothing leaves the picture.
        assert!(LINE.width_px("سمك") > 10.0 && LINE.width_px("\u{1b}\n") == 0.0);
        LINE.write(&mut paper(4, 4), "far beyond", -5.0, -3.0);
    }
}
