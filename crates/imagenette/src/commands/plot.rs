//! `plot`: folders of runs become pictures of their accuracy over epochs, seconds and operations and by recipe, and a table.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_results::run_group::{RECIPE_FILE, Run, RunGroup, Spread, groups};
use imagenette_results::run_record::RECORD_FILE;
use imagenette_train::history::{self, HistoryLine};
use imagenette_train::run_folder::HISTORY_FILE;

use crate::cli::Plot;
use crate::plot::curves::{Axis, draw, what};
use crate::plot::rows;
use crate::terminal::{Hint, Terminal, print, print_json, thousands};

/// How deep below a named folder runs are looked for.
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
    let groups = groups(folders.iter().map(|folder| read(folder)).collect::<anyhow::Result<_>>()?)?;
    let all = || groups.iter().flat_map(|group| &group.runs);
    // What maps are stored in is the recipe's.
    let machine = |run: &Run| {
        let environment = &run.record.environment;
        let device = environment.device.trim_end_matches(", f32").trim_end_matches(", bf16");
        format!("{}, {device}, threads: {}", environment.processor, environment.threads)
    };
    let machines: BTreeSet<String> = all().map(machine).collect();
    if machines.len() > 1 {
        let (count, which) = (machines.len(), list(&machines));
        terminal.say(&format!("seconds do not compare: these runs were made in {count} ways ({which})"));
    }
    let dataset = &all().next().expect("no group is empty").record.dataset;
    let title = arguments.title.clone().unwrap_or_else(|| format!("{} on {}", what(&groups), dataset.name));

    let mut plots: Vec<PathBuf> = Vec::new();
    let failed = |error| anyhow::anyhow!("failed to draw the plot: {error}");
    let mut keep = |name: &str, picture: String| -> anyhow::Result<()> {
        std::fs::create_dir_all(&arguments.out).map_err(DataError::io("create", &arguments.out))?;
        let path = arguments.out.join(format!("top-1-by-{name}.svg"));
        imagenette_data::atomic::write(&path, |out| {
            out.write_all(picture.as_bytes()).map_err(DataError::io("write", &path))
        })?;
        plots.push(path);
        Ok(())
    };
    for axis in Axis::ALL {
        match draw(&groups, axis, &title).map_err(failed)? {
            Some(picture) => keep(axis.name(), picture)?,
            None => terminal.say(&format!("no plot over {}: no record says them", axis.name())),
        }
    }
    if let Some(picture) = rows::draw(&groups, &title).map_err(failed)? {
        keep("recipe", picture)?;
    }
    if arguments.json {
        print_json(
            &serde_json::json!({ "dataset": dataset, "groups": groups.iter().map(json).collect::<Vec<_>>(), "plots": plots }),
        )?;
    } else {
        print(&table(&groups))?;
        plots.iter().try_for_each(|path| print(&path.display().to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The run that was named, or the finished ones below the folder that was named.
fn run_folders(named: &Path, terminal: &Terminal) -> anyhow::Result<Vec<PathBuf>> {
    if named.join(RECORD_FILE).exists() || named.join(RECIPE_FILE).exists() {
        return Ok(vec![named.to_owned()]);
    }
    let (mut found, mut open) = (Vec::new(), Vec::new());
    look_below(named, DEPTH, &mut found, &mut open)?;
    if !open.is_empty() {
        terminal.say(&format!("left out: runs that have not ended ({})", list(open.iter().map(|path| path.display()))));
    }
    if found.is_empty() {
        return Err(Hint::error(
            format!("{}: expected a run's folder, or one with finished runs below it, found none", named.display()),
            "a finished run is a folder with its record.json, as `imagenette train --out RUN` leaves it",
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

/// A run, with its seconds until each epoch where its history is kept.
fn read(folder: &Path) -> anyhow::Result<Run> {
    let mut run = Run::read(folder)?;
    let path = folder.join(HISTORY_FILE);
    if path.exists() {
        let seconds = history::read(&path)?.into_iter().filter_map(|line| match line {
            HistoryLine::Evaluation { epoch, training_seconds, .. } => Some((epoch, training_seconds)),
            HistoryLine::Step { .. } => None,
        });
        run.training_seconds = seconds.collect();
    }
    Ok(run)
}

/// The figures of a group's row.
struct Figures {
    accuracy: Spread,
    seconds: f64,
    pflop: Option<f64>,
    correct: (u64, u64),
    total: u64,
}

impl Figures {
    fn of(group: &RunGroup) -> Self {
        let correct = || group.runs.iter().map(|run| run.record.result.correct);
        let certain = "every record says it";
        Self {
            accuracy: group.spread(|run| Some(run.record.result.accuracy())).expect(certain),
            seconds: group.spread(|run| Some(run.record.seconds.training)).expect(certain).mean,
            pflop: group.spread(|run| run.record.training_flop).map(|spread| spread.mean / 1e15),
            correct: (correct().min().expect(certain), correct().max().expect(certain)),
            total: group.runs[0].record.result.total,
        }
    }
}

/// A Markdown table whose columns are aligned, so that it reads well on a terminal too.
fn table(groups: &[RunGroup]) -> String {
    let top1 = &format!("{} %", what(groups));
    let header = ["recipe", "resolution (px)", "epochs", "n", top1, "sd", "correct", "training (s)", "PFLOP"];
    let mut lines = vec![header.map(String::from)];
    for group in groups {
        let Figures { accuracy, seconds, pflop, correct: (least, most), total } = Figures::of(group);
        let correct =
            if least == most { thousands(least) } else { format!("{} to {}", thousands(least), thousands(most)) };
        lines.push([
            group.name.replace('|', "\\|"),
            group.resolution(),
            group.epochs().to_string(),
            accuracy.n.to_string(),
            format!("{:.2}", 100.0 * accuracy.mean),
            accuracy.standard_deviation.map_or("-".into(), |sd| format!("{:.2}", 100.0 * sd)),
            format!("{correct} of {}", thousands(total)),
            if seconds < 100.0 { format!("{seconds:.1}") } else { thousands(seconds.round() as u64) },
            pflop.map_or("-".into(), |pflop| format!("{pflop:.3}")),
        ]);
    }
    let widths: Vec<usize> = (0..header.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).fold(3, usize::max))
        .collect();
    let mut text: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 | 1 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    let rule = widths.iter().enumerate().map(|(column, width)| match column {
        0 | 1 => "-".repeat(*width),
        _ => format!("{}:", "-".repeat(width - 1)),
    });
    text.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
    text.join("\n")
}

fn json(group: &RunGroup) -> serde_json::Value {
    let Figures { accuracy, seconds, pflop, .. } = Figures::of(group);
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
        "training_seconds": seconds, "training_pflop": pflop, "points": group.points(), "runs": runs,
    })
}

/// At most three of them, and how many more there are.
fn list(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let shown = items.len().min(3);
    match items.len() - shown {
        0 => items.join("; "),
        more => format!("{}; and {more} more", items[..shown].join("; ")),
    }
}
