//! The runs that are kept in the repository: every one of them reads whole, and its predictions give its counts.

use std::path::{Path, PathBuf};

use imagenette_results::Run;
use imagenette_results::index::Index;
use imagenette_results::run_folder;

/// The folders that runs are kept in; none where this is not a checkout.
fn kept() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ["records", "benchmarks/results"].map(|folder| root.join(folder)).into_iter().filter(|path| path.is_dir()).collect()
}

#[test]
fn every_kept_run_reads_and_its_predictions_give_its_counts() {
    let mut runs = Vec::new();
    for folder in kept() {
        for run in run_folder::find(&folder, 4).unwrap().finished {
            runs.push(Run::read(&run).unwrap_or_else(|error| panic!("{error}")));
        }
    }
    if runs.is_empty() {
        println!("skipped: no kept runs are here");
        return;
    }
    let unknown = runs.iter().find(|run| run.recipe_canonical_sha256.is_none());
    assert!(unknown.is_none(), "every recipe is read: {unknown:?}");
    let counted = runs.iter().filter(|run| run.is_counted).count();
    println!("{} kept runs, the predictions of {counted} counted again", runs.len());
    assert!(counted > runs.len() / 2);
}

#[test]
fn the_index_has_every_kept_run_once() {
    let index = Index::of(&kept());
    assert_eq!(index.left_out, []);
    let found: usize = kept().iter().map(|folder| run_folder::find(folder, 6).unwrap().finished.len()).sum();
    assert_eq!(index.rows.iter().map(|row| row.runs.len()).sum::<usize>(), found);
    println!("{}", index.table());
}
