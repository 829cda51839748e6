//! `plot`: folders of runs go in; pictures of their accuracy over epochs, seconds and operations and by recipe come
//! out, and a table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_files::atomic;
use imagenette_results::run_group::{RECIPE_FILE, Run, RunGroup, groups};
use imagenette_results::run_record::RECORD_FILE;

use crate::cli::Plot;
use crate::plot::{Axis, Figures, draw_curves, draw_rows, measure, table};
use crate::terminal::{Refusal, Terminal, print, print_json};

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 4;

pub(crate) fn run(arguments: &Plot, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for named in &arguments.runs {
        for folder in run_folders(named, terminal)? {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    let groups = groups(folders.iter().map(|folder| Run::read(folder)).collect::<Result<_, _>>()?)?;
    say_where_seconds_differ(&groups, terminal);
    let dataset = &groups.first().expect("each folder is in a group").runs[0].record.dataset;
    let title = arguments.title.clone().unwrap_or_else(|| format!("{} on {}", measure(&groups), dataset.name));
    let plots = draw(&groups, &title, &arguments.out, terminal)?;
    if arguments.json {
        let groups: Vec<_> = groups.iter().map(json).collect();
        print_json(&serde_json::json!({ "dataset": dataset, "groups": groups, "plots": plots }))?;
    } else {
        print(&table(&groups))?;
        plots.iter().try_for_each(|path| print(&path.display().to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says so when the runs were made in several ways, whose seconds do not compare.
fn say_where_seconds_differ(groups: &[RunGroup], terminal: &Terminal) {
    let machine = |run: &Run| {
        let environment = &run.record.environment;
        // The precision belongs to the recipe.
        let device = environment.device.trim_end_matches(", f32").trim_end_matches(", bf16");
        format!("{}, {device}, threads: {}", environment.processor, environment.threads)
    };
    let machines: BTreeSet<String> = groups.iter().flat_map(|group| &group.runs).map(machine).collect();
    if machines.len() > 1 {
        let (count, which) = (machines.len(), list(&machines));
        terminal.say(&format!("seconds do not compare: these runs were made in {count} ways ({which})"));
    }
}

/// Draws every picture that the groups have something for; gives the files.
fn draw(groups: &[RunGroup], title: &str, out: &Path, terminal: &Terminal) -> anyhow::Result<Vec<PathBuf>> {
    let mut plots: Vec<PathBuf> = Vec::new();
    let mut keep = |name: &str, picture: String| -> anyhow::Result<()> {
        std::fs::create_dir_all(out).map_err(DataError::io("create", out))?;
        let path = out.join(format!("top-1-by-{name}.svg"));
        atomic::write_bytes(&path, picture.as_bytes())?;
        plots.push(path);
        Ok(())
    };
    for axis in Axis::ALL {
        match draw_curves(groups, axis, title)? {
            Some(picture) => keep(axis.name(), picture)?,
            None => terminal.say(&format!("no plot over {}: not every run records it", axis.name())),
        }
    }
    if let Some(picture) = draw_rows(groups, title)? {
        keep("recipe", picture)?;
    }
    Ok(plots)
}

/// The run that was named, or the finished runs below the folder that was named.
fn run_folders(named: &Path, terminal: &Terminal) -> anyhow::Result<Vec<PathBuf>> {
    if named.join(RECORD_FILE).exists() || named.join(RECIPE_FILE).exists() {
        return Ok(vec![named.to_owned()]);
    }
    let (mut found, mut open) = (Vec::new(), Vec::new());
    look_below(named, DEPTH, &mut found, &mut open)?;
    if !open.is_empty() {
        terminal.say(&format!("left out: unfinished runs ({})", list(open.iter().map(|path| path.display()))));
    }
    if found.is_empty() {
        return Err(Refusal::error(
            format!("{}: expected a run's folder, or one with finished runs below it, found none", named.display()),
            "a finished run is a folder with a record.json, as `imagenette train --out RUN` writes it",
        ));
    }
    Ok(found)
}

fn look_below(folder: &Path, depth: u32, found: &mut Vec<PathBuf>, open: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).map_err(DataError::io("read", folder))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry.map_err(DataError::io("read", folder))?.path())).collect::<anyhow::Result<_>>()?;
    paths.sort();
    for path in paths.into_iter().filter(|path| path.is_dir()) {
        if path.join(RECORD_FILE).exists() {
            found.push(path);
        } else if path.join(RECIPE_FILE).exists() {
            open.push(path);
        } else if depth > 1 {
            look_below(&path, depth - 1, found, open)?;
        }
    }
    Ok(())
}

fn json(group: &RunGroup) -> serde_json::Value {
    let Figures { accuracy, training_seconds, training_pflop, .. } = Figures::of(group);
    let runs: Vec<_> = group
        .runs
        .iter()
        .map(|run| {
            let record = &run.record;
            serde_json::json!({ "folder": run.folder, "seed": record.seed, "result": record.result,
                "training_seconds": record.seconds.training, "training_flop": record.training_flop })
        })
        .collect();
    serde_json::json!({
        "name": group.name, "recipe": group.runs[0].record.recipe, "resolution_px": group.resolution(),
        "epochs": group.epochs(), "held_out": group.runs[0].record.held_out, "accuracy": accuracy,
        "training_seconds": training_seconds, "training_pflop": training_pflop, "points": group.points(), "runs": runs,
    })
}

/// At most three items, and how many more there are.
fn list(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let shown = items.len().min(3);
    match items.len() - shown {
        0 => items.join("; "),
        more => format!("{}; and {more} more", items[..shown].join("; ")),
    }
}
