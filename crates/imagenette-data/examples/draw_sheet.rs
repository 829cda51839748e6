//! A path goes in, a contact sheet of the drawn set comes out there, as a PNG: twelve pictures of every class, or 120
//! of one class. This is how to look at the drawings while changing them.
//!
//! `cargo run --release -p imagenette-data --example draw_sheet -- /tmp/sheet.png [LABEL]`

use imagenette_data::class;
use imagenette_data::contact_sheet::{Cell, Row, contact_sheet};
use imagenette_data::drawn::draw;
use imagenette_data::edition::Split;
use imagenette_data::image::encode_png;

const COLUMNS: u32 = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: draw_sheet FILE.png [LABEL]")?;
    let classes = class::imagenette();
    let (labels, per_class) = match arguments.next() {
        Some(label) => {
            let label: u16 = label.parse()?;
            if usize::from(label) >= classes.len() {
                return Err(format!("expected a label below {}, found {label}", classes.len()).into());
            }
            (label..=label, 10 * COLUMNS)
        }
        None => (0..=9, COLUMNS),
    };
    let rows: Vec<Row> = labels
        .map(|label| {
            let pictures = (0..per_class).map(|index| draw(label, Split::Train, index, 0));
            Row { caption: classes[usize::from(label)].name.clone(), cells: pictures.map(Cell::from).collect() }
        })
        .collect();
    std::fs::write(&path, encode_png(&contact_sheet(&rows, COLUMNS, 160)))?;
    println!("wrote {path}");
    Ok(())
}
