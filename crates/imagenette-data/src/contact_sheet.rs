//! Rows of pictures with captions go in, one picture of them all comes out, so that a person can look at the data.

use crate::augment::CropBox;
use crate::image::{Pixels, Resizer};
use crate::text::Line;

/// The space between and around pictures.
const GAP_PX: u32 = 6;
/// Height of a caption above a row, and of each line of a label below a picture.
const CAPTION_PX: u32 = 26;
const LABEL_PX: u32 = 16;
const PAPER: [u8; 3] = [250, 250, 248];
const CAPTION: Line = Line { height_px: 20.0, ink: [30, 30, 34] };
const LABEL: Line = Line { height_px: 13.0, ink: [90, 90, 96] };

/// A caption and the pictures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// A line of text; what does not fit is cut.
    pub caption: String,
    /// The pictures in their order.
    pub cells: Vec<Cell>,
}

/// A picture on the sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The picture, of any size; it is fitted into its place.
    pub picture: Pixels,
    /// What stands below it in one or more lines, each cut where it does not fit; nothing where it is empty.
    pub label: String,
}

impl From<Pixels> for Cell {
    fn from(picture: Pixels) -> Self {
        Self { picture, label: String::new() }
    }
}

/// A picture fitted into a square of `cell_px`, small ones made larger: what a sheet holds of it. Photos that wait for
/// their sheet as they are would fill the memory.
///
/// # Panics
/// When the picture has no pixels, or another number of them than its sides say.
pub fn fitted(picture: &Pixels, cell_px: u32) -> Pixels {
    let scale = f64::from(cell_px) / f64::from(picture.width_px.max(picture.height_px));
    let fit = |side: u32| ((f64::from(side) * scale).round() as u32).clamp(1, cell_px);
    let (width_px, height_px) = (fit(picture.width_px), fit(picture.height_px));
    if (width_px, height_px) == (picture.width_px, picture.height_px) {
        return picture.clone();
    }
    let (width, height) = (f64::from(picture.width_px), f64::from(picture.height_px));
    let whole = CropBox { left: 0.0, top: 0.0, width, height };
    let mut rgb = vec![0; (width_px * height_px * 3) as usize];
    Resizer::new().resize(&picture.rgb, (picture.width_px, picture.height_px), whole, &mut rgb, (width_px, height_px));
    Pixels { width_px, height_px, rgb }
}

/// Lays out the rows one below the other, each picture fitted into a square of `cell_px` with its label below it,
/// `columns` cells to a line.
///
/// # Panics
/// When a picture has no pixels, or another number of them than its sides say.
pub fn contact_sheet(rows: &[Row], columns: u32, cell_px: u32) -> Pixels {
    let columns = columns.max(1);
    let height_of = |row: &Row| {
        let label_lines = row.cells.iter().map(|cell| cell.label.lines().count() as u32).max().unwrap_or(0);
        cell_px + GAP_PX + label_lines * LABEL_PX
    };
    let lines = |row: &Row| (row.cells.len() as u32).div_ceil(columns);
    let width_px = GAP_PX + columns * (cell_px + GAP_PX);
    let height_px = GAP_PX + rows.iter().map(|row| CAPTION_PX + lines(row) * height_of(row)).sum::<u32>();
    let mut sheet = Pixels { width_px, height_px, rgb: PAPER.repeat((width_px * height_px) as usize) };
    let mut top = GAP_PX;
    for row in rows {
        let caption = CAPTION.fitted(&row.caption, (width_px - 2 * GAP_PX) as f32);
        CAPTION.write(&mut sheet, &caption, GAP_PX as f32, top as f32);
        top += CAPTION_PX;
        for (position, Cell { picture, label }) in (0..).zip(&row.cells) {
            let small = fitted(picture, cell_px);
            let (left, upper) =
                (GAP_PX + position % columns * (cell_px + GAP_PX), top + position / columns * height_of(row));
            paste(&mut sheet, &small, left + (cell_px - small.width_px) / 2, upper + (cell_px - small.height_px) / 2);
            for (line, text) in (0..).zip(label.lines()) {
                let text = LABEL.fitted(text, cell_px as f32);
                let middle = left as f32 + (cell_px as f32 - LABEL.width_px(&text)) / 2.0;
                LABEL.write(&mut sheet, &text, middle, (upper + cell_px + 1 + line * LABEL_PX) as f32);
            }
        }
        top += lines(row) * height_of(row);
    }
    sheet
}

fn paste(sheet: &mut Pixels, picture: &Pixels, left: u32, top: u32) {
    let line = picture.width_px as usize * 3;
    for (y, source) in (top..).zip(picture.rgb.chunks_exact(line)) {
        let start = ((y * sheet.width_px + left) * 3) as usize;
        sheet.rgb[start..start + line].copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width_px: u32, height_px: u32, color: [u8; 3]) -> Pixels {
        Pixels { width_px, height_px, rgb: color.repeat((width_px * height_px) as usize) }
    }

    #[test]
    fn every_picture_is_in_its_cell_with_its_label_below_it() {
        let cell = |picture: Pixels, label: &str| Cell { picture, label: label.into() };
        let rows = [
            Row {
                caption: "tench".into(),
                cells: vec![
                    plain(20, 10, [255, 0, 0]).into(),
                    cell(plain(1, 1, [0, 255, 0]), "green\nor so"),
                    plain(7, 70, [0, 0, 255]).into(),
                ],
            },
            Row { caption: "a caption that is far longer than the sheet is wide".into(), cells: vec![] },
        ];
        let sheet = contact_sheet(&rows, 2, 32);
        assert_eq!((sheet.width_px, sheet.height_px), (6 + 2 * 38, 6 + 26 + 2 * (38 + 32) + 26));
        let at = |x: u32, y: u32| &sheet.rgb[((y * sheet.width_px + x) * 3) as usize..][..3];
        // Centers of the three cells: a wide one, one pixel made large, and a tall one on the second line.
        assert_eq!(
            (at(6 + 16, 32 + 16), at(44 + 16, 32 + 16), at(6 + 16, 102 + 16)),
            (&[255, 0, 0][..], &[0, 255, 0][..], &[0, 0, 255][..])
        );
        // There is paper above the wide picture.
        assert_eq!(at(6 + 16, 32 + 2), PAPER);
        let is_written = |from: (u32, u32), to: (u32, u32)| {
            (from.1..to.1).any(|y| (from.0..to.0).any(|x| at(x, y).iter().all(|channel| *channel < 160)))
        };
        assert!(is_written((6, 6), (60, 32)), "a caption");
        assert!(
            is_written((44, 65), (76, 80)) && is_written((44, 81), (76, 96)) && !is_written((6, 65), (38, 96)),
            "a label below the second alone"
        );
    }
}
