//! A against A on real runs: how often the whole procedure finds something where nothing was changed.
//!
//! ```sh
//! cargo run --release --workspace --example cuts -- RUNS…
//! ```
//!
//! The runs below the folders, all of one recipe, are dealt at random into a baseline and an idea of equal size, again
//! and again, and given to the procedure in the order in which they were dealt, as `compare` would see them. "helps" and
//! "hurts" are errors here. The cuts share their runs, so that their rate is a check of sanity and has no interval: the
//! errors themselves are measured by the example `simulate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_results::Run;
use imagenette_results::comparison::{Decision, Design, Procedure, Runs};
use imagenette_results::run_folder::RECORD_FILE;
use imagenette_results::statistics::Sample;

const CUTS: u64 = 20_000;

/// Whole numbers below a bound, by the mixing function of splitmix64 over a counter: the same on every machine.
struct Deal(u64);

impl Deal {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((word ^ word >> 31) % bound as u64) as usize
    }

    /// The values in a random order (Fisher and Yates).
    fn shuffle(&mut self, values: &mut [u64]) {
        (1..values.len()).rev().for_each(|last| values.swap(last, self.below(last + 1)));
    }
}

/// The finished runs below a folder.
fn runs_below(folder: &Path, found: &mut Vec<Run>) -> Result<(), String> {
    if folder.join(RECORD_FILE).is_file() {
        found.push(Run::read(folder).map_err(|error| error.to_string())?);
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut below: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    below.sort();
    below.iter().filter(|path| path.is_dir()).try_for_each(|path| runs_below(path, found))
}

/// What so many cuts say under a design, as a row of the table.
fn row(name: &str, design: Design, correct: &[u64], photos: u64) -> Result<String, String> {
    let procedure = Procedure::new(design).map_err(|error| error.to_string())?;
    let [mut helps, mut hurts, mut no_gain, mut not_clear, mut runs] = [0_u64; 5];
    let mut deal = Deal(1);
    for _ in 0..CUTS {
        let mut dealt = correct.to_vec();
        deal.shuffle(&mut dealt);
        let (baseline, idea) = dealt.split_at(design.max_runs);
        let arm = |correct| Runs { correct, photos };
        let comparison =
            procedure.compare(&arm(baseline), &arm(&idea[..design.max_runs])).map_err(|error| error.to_string())?;
        runs += comparison.last().planned.idea_runs as u64;
        match comparison.decision() {
            Decision::Helps => helps += 1,
            Decision::Hurts => hurts += 1,
            Decision::NoGain => no_gain += 1,
            Decision::NotClear | Decision::GoesOn => not_clear += 1,
        }
    }
    let percent = |count: u64| format!("{:.1}", 100.0 * count as f64 / CUTS as f64);
    let shares = [helps, hurts, no_gain, not_clear].map(percent).join(" | ");
    Ok(format!("| {name} | {shares} | {:.1} |", runs as f64 / CUTS as f64))
}

fn table(folders: &[PathBuf]) -> Result<String, String> {
    let mut runs = Vec::new();
    folders.iter().try_for_each(|folder| runs_below(folder, &mut runs))?;
    let arm = runs.len() / 2;
    if arm < 3 {
        return Err(format!("{} runs found: six or more of one recipe are needed", runs.len()));
    }
    let first = &runs[0];
    let photos = first.record.result.total;
    let same = |run: &Run| {
        (run.recipe == first.recipe && run.record.result.total == photos)
            .then_some(())
            .ok_or_else(|| format!("{}: not of the recipe of {}", run.folder.display(), first.folder.display()))
    };
    runs.iter().try_for_each(same)?;
    let correct: Vec<u64> = runs.iter().map(|run| run.record.result.correct).collect();
    let accuracies: Vec<f64> = correct.iter().map(|correct| *correct as f64 / photos as f64).collect();
    let sample = Sample::of(&accuracies).ok_or("the runs have no spread")?;
    let default = Design { max_runs: arm, ..Design::default() };
    let rows = [
        ("as `compare` does", default),
        ("no stop for \"no gain\"", Design { margin: None, ..default }),
        ("`--strict`", default.strict()),
        ("`--strict`, no stop for \"no gain\"", Design { margin: None, ..default }.strict()),
        ("one look at the end", Design::fixed(arm)),
    ];
    let mut lines = vec![
        format!(
            "{} runs of `{}`, {:.2}% ± {:.2}; {CUTS} random cuts into {arm} and {arm}.\n",
            runs.len(),
            first.record.recipe,
            100.0 * sample.mean,
            100.0 * sample.variance.sqrt()
        ),
        "| design | helps % | hurts % | no gain % | not clear % | runs a side |\n|--|--|--|--|--|--|".into(),
    ];
    for (name, design) in rows {
        lines.push(row(name, design, &correct, photos)?);
    }
    Ok(lines.join("\n"))
}

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match table(&folders) {
        Ok(table) => println!("{table}"),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
