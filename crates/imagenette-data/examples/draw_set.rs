//! A path goes in, the drawn set of seed 0 is made there, and the time that it took is printed.
//!
//! `cargo run --release -p imagenette-data --example draw_set -- /tmp/drawn [THREADS]`

use std::path::Path;
use std::time::Instant;

use imagenette_data::drawn::make_drawn_set;
use imagenette_data::watch::Silent;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: draw_set FOLDER [THREADS]")?;
    let threads = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    let start = Instant::now();
    make_drawn_set(Path::new(&folder), 0, threads, &Silent)?;
    println!("made in {:.1} s with {threads} threads", start.elapsed().as_secs_f64());
    Ok(())
}
