//! Rows of pictures with captions go in, one picture of them all comes out, so that a person can look at the data.

use font8x8::UnicodeFonts;

use crate::augment::CropBox;
use crate::image::{Pixels, Resizer};

/// The space between and around pictures.
const GAP_PX: u32 = 4;
/// Height of a caption: an 8-px font at twice its size, and space around it.
const CAPTION_PX: u32 = 22;
const PAPER: [u8; 3] = [250, 250, 248];
const INK: [u8; 3] = [40, 40, 44];

/// A caption and the pictures under it.
pub struct Row {
    /// One line of ASCII.
    pub caption: String,
    /// The pictures, of any size; each is fitted into a cell.
    pub pictures: Vec<Pixels>,
}

/// Lays out the rows one below the other, each picture fitted into a square cell of `cell_px`, `columns` cells to a
/// line.
///
/// # Panics
/// When a picture has no pixels, or another number of them than its sides say.
pub fn contact_sheet(rows: &[Row], columns: u32, cell_px: u32) -> Pixels {
    let columns = columns.max(1);
    let lines = |row: &Row| (row.pictures.len() as u32).div_ceil(columns);
    let width_px = GAP_PX + columns * (cell_px + GAP_PX);
    let height_px = GAP_PX + rows.iter().map(|row| CAPTION_PX + lines(row) * (cell_px + GAP_PX)).sum::<u32>();
    let mut sheet = Pixels { width_px, height_px, rgb: PAPER.repeat((width_px * height_px) as usize) };
    let mut resizer = Resizer::new();
    let mut top = GAP_PX;
    for row in rows {
        write_caption(&mut sheet, &row.caption, GAP_PX, top);
        top += CAPTION_PX;
        for (position, picture) in (0..).zip(&row.pictures) {
            let scale = f64::from(cell_px) / f64::from(picture.width_px.max(picture.height_px));
            let fit = |side: u32| ((f64::from(side) * scale).round() as u32).clamp(1, cell_px);
            let small = fitted(&mut resizer, picture, fit(picture.width_px), fit(picture.height_px));
            let left = GAP_PX + position % columns * (cell_px + GAP_PX) + (cell_px - small.width_px) / 2;
            let upper = top + position / columns * (cell_px + GAP_PX) + (cell_px - small.height_px) / 2;
            paste(&mut sheet, &small, left, upper);
        }
        top += lines(row) * (cell_px + GAP_PX);
    }
    sheet
}

fn fitted(resizer: &mut Resizer, picture: &Pixels, width_px: u32, height_px: u32) -> Pixels {
    let (width, height) = (f64::from(picture.width_px), f64::from(picture.height_px));
    let whole = CropBox { left: 0.0, top: 0.0, width, height };
    let mut rgb = vec![0; (width_px * height_px * 3) as usize];
    resizer.resize(&picture.rgb, (picture.width_px, picture.height_px), whole, &mut rgb, (width_px, height_px));
    Pixels { width_px, height_px, rgb }
}

fn paste(sheet: &mut Pixels, picture: &Pixels, left: u32, top: u32) {
    let line = picture.width_px as usize * 3;
    for (y, source) in (top..).zip(picture.rgb.chunks_exact(line)) {
        let start = ((y * sheet.width_px + left) * 3) as usize;
        sheet.rgb[start..start + line].copy_from_slice(source);
    }
}

fn write_caption(sheet: &mut Pixels, text: &str, left: u32, top: u32) {
    for (place, character) in (0..).zip(text.chars()) {
        let glyph = font8x8::BASIC_FONTS.get(character).unwrap_or([0; 8]);
        for (dot_y, bits) in (0..).zip(glyph) {
            for dot_x in (0..8).filter(|x| bits >> x & 1 == 1) {
                // Each dot of the font is a square of 2×2 pixels.
                for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (x, y) = (left + place * 16 + dot_x * 2 + x, top + dot_y * 2 + y);
                    if x < sheet.width_px && y < sheet.height_px {
                        let start = ((y * sheet.width_px + x) * 3) as usize;
                        sheet.rgb[start..start + 3].copy_from_slice(&INK);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width_px: u32, height_px: u32, color: [u8; 3]) -> Pixels {
        Pixels { width_px, height_px, rgb: color.repeat((width_px * height_px) as usize) }
    }

    #[test]
    fn every_picture_is_in_its_cell() {
        let rows = [
            Row {
                caption: "tench".into(),
                pictures: vec![plain(20, 10, [255, 0, 0]), plain(1, 1, [0, 255, 0]), plain(7, 70, [0, 0, 255])],
            },
            Row { caption: "a caption that is far longer than the sheet is wide".into(), pictures: vec![] },
        ];
        let sheet = contact_sheet(&rows, 2, 32);
        assert_eq!((sheet.width_px, sheet.height_px), (4 + 2 * 36, 4 + 22 + 2 * 36 + 22));
        let at = |x: u32, y: u32| &sheet.rgb[((y * sheet.width_px + x) * 3) as usize..][..3];
        // Centers of the three cells: a wide one, one pixel made large, and a tall one on the second line.
        assert_eq!(
            (at(4 + 16, 26 + 16), at(40 + 16, 26 + 16), at(4 + 16, 62 + 16)),
            (&[255, 0, 0][..], &[0, 255, 0][..], &[0, 0, 255][..])
        );
        // There is paper above the wide picture.
        assert_eq!(at(4 + 16, 26 + 2), PAPER);
        assert!(
            sheet.rgb.chunks(3).take((sheet.width_px * 26) as usize).any(|pixel| pixel == INK),
            "a caption is written"
        );
    }
}
