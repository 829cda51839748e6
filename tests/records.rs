//! The kept runs of this repository: their index is what the program prints, so that no row is typed.

use std::path::Path;

use crate::support::Place;

#[test]
fn the_index_of_the_kept_runs_is_what_the_command_prints() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../records");
    let page = std::fs::read_to_string(records.join("README.md")).expect("the page of the kept runs");
    let (_, table) = page.split_once("<!-- table: imagenette runs records --markdown -->\n\n").expect("its marker");
    let place = Place::new();
    let printed = place.run(&["runs", records.to_str().expect("a path of plain characters"), "--markdown"]).succeeds();
    assert!(
        table == printed.stdout,
        "run `imagenette runs records --markdown` again and put its table into records/README.md"
    );
    assert_eq!(printed.stderr, "", "no kept run is left out");
}

#[test]
fn every_kept_run_passes_the_check() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../records");
    let place = Place::new();
    let checked = place.run(&["check", records.to_str().expect("a path of plain characters")]).succeeds();
    assert!(checked.stdout.trim_end().ends_with(" runs, nothing fails"), "{}", checked.stdout);
    // Their photos and weights are not here, which is said and no fault.
    assert!(checked.stdout.contains("the weights are not here"), "{}", checked.stdout);
}
