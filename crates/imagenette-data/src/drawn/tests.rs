//! What the drawn set promises: the same bytes everywhere, its sizes and counts, whole or absent, and its difficulty.

use super::*;

/// `IMAGENETTE_SHEET=/tmp/sheet.png cargo test -- --ignored contact_sheet`: the way to look at the drawings.
#[test]
#[ignore = "writes a picture to look at"]
fn a_contact_sheet_shows_twelve_of_each_class() {
    let Ok(path) = std::env::var("IMAGENETTE_SHEET") else { return println!("skipped: IMAGENETTE_SHEET is not set") };
    let only: Option<u16> = std::env::var("IMAGENETTE_SHEET_LABEL").ok().map(|label| label.parse().unwrap());
    let (columns, cell) = (12u32, 164u32);
    let rows = 10;
    let mut sheet = image::RgbImage::new(columns * cell, rows * cell);
    for row in 0..rows {
        for column in 0..columns {
            let drawing = match only {
                Some(label) => draw(label, Split::Train, row * columns + column, 0),
                None => draw(row as u16, Split::Train, column, 0),
            };
            let (w, h) = (drawing.width_px, drawing.height_px);
            for y in 0..160 {
                for x in 0..160 {
                    let (sx, sy) = (x * w.max(h) / 160, y * w.max(h) / 160);
                    let (left, top) = ((w.max(h) - w) / 2, (w.max(h) - h) / 2);
                    if sx >= left && sy >= top && sx - left < w && sy - top < h {
                        let at = 3 * ((sy - top) * w + sx - left) as usize;
                        let rgb = [drawing.rgb[at], drawing.rgb[at + 1], drawing.rgb[at + 2]];
                        sheet.put_pixel(column * cell + x, row * cell + y, image::Rgb(rgb));
                    }
                }
            }
        }
    }
    sheet.save(path).unwrap();
}

/// `IMAGENETTE_DRAWN=/tmp/drawn cargo test -- --ignored whole_set`: makes the set and says how long it took.
#[test]
#[ignore = "writes 5,000 files"]
fn the_whole_set_is_made() {
    let Ok(folder) = std::env::var("IMAGENETTE_DRAWN") else { return println!("skipped: IMAGENETTE_DRAWN is not set") };
    let started = std::time::Instant::now();
    make_drawn_set(Path::new(&folder), 0, 2, &crate::watch::Silent).unwrap();
    println!("made in {:.1} s with 2 threads", started.elapsed().as_secs_f64());
}
