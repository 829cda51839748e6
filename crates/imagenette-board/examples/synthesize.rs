//! Writes a board with so many made-up entries, for benchmarks and for looking at the site: `synthesize FOLDER ENTRIES
//! [SEEDS]`. None of them was trained; a real board has none of them.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use fixture::{ALL, Wanted};
use imagenette_board::entry::Division;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(folder), Some(entries)) = (arguments.first(), arguments.get(1).and_then(|count| count.parse().ok()))
    else {
        eprintln!("usage: synthesize FOLDER ENTRIES [SEEDS]");
        std::process::exit(2);
    };
    let root = Path::new(folder);
    fixture::board(root, ALL);
    let historic = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../board/historic");
    if historic.is_dir() {
        std::fs::create_dir_all(root.join("historic")).expect("a folder can be made");
        std::fs::copy(historic.join("fastai-imagenette.csv"), root.join("historic/fastai-imagenette.csv"))
            .expect("it is copied");
    }
    let next = AtomicU32::new(0);
    imagenette_files::threads::share(2, || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= entries {
                return;
            }
            entry(number, &arguments).write(root);
        }
    });
}

/// Entries whose accuracy grows with the day, over all kinds of challenges.
fn entry(number: u32, arguments: &[String]) -> Wanted {
    let kinds = [
        "tiny-128px-epochs-5",
        "tiny-192px-epochs-5",
        "tiny-128px-epochs-10",
        "tiny-dollars-0.05",
        "tiny-dollars-2.00",
    ];
    let authors = ["Ann Author", "Łukasz Åström", "李雷", "Ravi <b>Kumar</b>", "Мария Петрова"];
    let ideas = [
        "Muon with a whitened stem",
        "Later decay & wider nets",
        "CutMix until 90%",
        "A blurred pool",
        "<script>alert(1)</script> as a title",
    ];
    let place = number as usize;
    let day = 1 + number % 28;
    let wanted = Wanted::new(&format!("idea-{number}"));
    let wanted = Wanted {
        challenge: kinds[place % kinds.len()].into(),
        name: format!("2026-12-{day:02}_idea-{number}"),
        title: format!("{}, try {number}", ideas[place / 2 % ideas.len()]),
        author: authors[place % authors.len()].into(),
        division: if number % 11 == 10 { Division::Open } else { Division::Recipe },
        accuracy: 0.86 + 0.002 * f64::from(day) + 0.0002 * f64::from(number % 37),
        machine: (number % 7 != 6).then(|| "c7a.large".into()),
        photos: ALL,
        ..wanted
    };
    let seeds = arguments.get(2).and_then(|seeds| seeds.parse().ok()).unwrap_or(if number % 13 == 12 { 1 } else { 5 });
    // Recipes that differ in their third digit: others are the same one.
    let rate = format!("{:.4}", 0.02 + 0.0001 * f64::from(number % 700));
    let momentum = format!("{:.2}", 0.6 + 0.01 * f64::from(number / 700));
    Wanted { seeds, ..wanted }.change("optimizer.learning_rate", &rate).change("optimizer.momentum", &momentum)
}
