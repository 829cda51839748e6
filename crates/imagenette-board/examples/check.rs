//! Reads and checks a board, and writes its site where a second folder is named: to measure what takes how long.
//! `check BOARD [SITE]`.

use std::path::Path;
use std::time::Instant;

use imagenette_board::{Board, site};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(board) = arguments.first() else {
        eprintln!("usage: check BOARD [SITE]");
        std::process::exit(2);
    };
    let began = Instant::now();
    let board = Board::read(Path::new(board)).expect("a board");
    println!(
        "{} entries, {} faults in {:.2} s",
        board.entries.len(),
        board.faults.len(),
        began.elapsed().as_secs_f64()
    );
    if let Some(out) = arguments.get(1) {
        let began = Instant::now();
        let written = site::write(&board, Path::new(out)).expect("a site");
        println!("{written:?} in {:.2} s", began.elapsed().as_secs_f64());
    }
}
