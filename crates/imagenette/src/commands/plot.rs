//! `plot`: folders of runs go in; pictures of their accuracy and loss over epochs, seconds and operations, of what is
//! reached for what, and by recipe come out, and a table; where a baseline is named, what is gained over it. A user's
//! folder may hold anything: what cannot be drawn is named and left out.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_data::DataError;
use imagenette_files::atomic;
use imagenette_results::history::History;
use imagenette_results::run_folder::{self, HISTORY_FILE};
use imagenette_results::run_group::{LeftOut, Run, RunGroup, comparable_groups};

use crate::cli::Plot;
use crate::gains::{self, Baseline};
use crate::kept_verdict::KeptVerdict;
use crate::plot::{
    Axis, Drawn, Figures, Gain, LossCurve, draw_curves, draw_frontier, draw_gains, draw_losses, draw_rows, measure,
    table,
};
use crate::terminal::{Refusal, Terminal, print, print_json, print_table};

/// How many levels below a named folder are searched for runs.
const DEPTH: u32 = 6;

pub(crate) fn run(arguments: &Plot, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (mut runs, mut left_out) = read(&arguments.runs);
    let baseline = arguments.baseline.as_deref().map(|named| {
        let verdicts = verdicts(named, arguments, &mut left_out);
        (name_baseline(named, &verdicts, &mut runs, &mut left_out), verdicts)
    });
    let (groups, others) = comparable_groups(runs);
    left_out.extend(others);
    let Some(first) = groups.first() else { return Err(nothing_to_draw(&arguments.runs, &left_out)) };
    LeftOut::lines(&left_out).iter().for_each(|line| terminal.say(&format!("left out: {line}")));
    say_what_was_not_counted(&groups, terminal);
    let over = baseline.as_ref().map(|(baseline, verdicts)| Over::of(baseline, &groups, verdicts)).transpose()?;
    say_where_seconds_differ(&groups, terminal);
    let dataset = &first.runs[0].record.dataset;
    let titles = Titles { given: arguments.title.as_deref(), dataset: &dataset.name };
    let plots = draw(&groups, over.as_ref(), &titles, &arguments.out, terminal)?;
    if arguments.json {
        let groups: Vec<_> = groups.iter().map(json).collect();
        let plots: Vec<_> = plots.iter().map(|path| path.to_string_lossy()).collect();
        print_json(&serde_json::json!({
            "dataset": dataset, "groups": groups, "plots": plots, "left_out": left_out,
            "baseline": over.as_ref().map(|over| &over.baseline),
            "gains": over.as_ref().map(|over| over.gains.iter().map(gain_json).collect::<Vec<_>>()),
        }))?;
    } else {
        print_table(&table(&groups))?;
        if let Some(Over { baseline, gains }) = &over {
            print(&format!("\ngain over {baseline}, in points:"))?;
            gains.iter().try_for_each(|gain| print(&as_text(gain)))?;
        }
        plots.iter().try_for_each(|path| print(&path.display().to_string()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is gained over a baseline.
struct Over {
    baseline: String,
    gains: Vec<Gain>,
}

impl Over {
    fn of(baseline: &Baseline, groups: &[RunGroup], verdicts: &[KeptVerdict]) -> anyhow::Result<Self> {
        let place = gains::find(baseline, groups)?;
        let mut gains = gains::over(place, groups, verdicts);
        if gains.is_empty() {
            return Err(Refusal::error(
                format!(
                    "--baseline: expected runs of another recipe beside those of `{}`, found none",
                    groups[place].name
                ),
                "name the folders of the runs that are to be compared with it",
            ));
        }
        gains.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        Ok(Self { baseline: groups[place].name.clone(), gains })
    }
}

/// The verdicts that lie in the named folders.
fn verdicts(baseline: &str, arguments: &Plot, left_out: &mut Vec<LeftOut>) -> Vec<KeptVerdict> {
    let mut named: Vec<&Path> = arguments.runs.iter().map(PathBuf::as_path).collect();
    // A folder that is the baseline and is plotted as well is looked into once.
    named.extend(Some(Path::new(baseline)).filter(|folder| !named.contains(folder)));
    named.into_iter().flat_map(|folder| gains::verdicts_below(folder, DEPTH, left_out)).collect()
}

/// What the baseline is known by. Its runs are added where they are not among the others: those of a folder that is
/// named, and those that a verdict names, which lie in the store.
fn name_baseline(named: &str, verdicts: &[KeptVerdict], runs: &mut Vec<Run>, left_out: &mut Vec<LeftOut>) -> Baseline {
    let folder = Path::new(named);
    let is_there = |run: &Run, runs: &[Run]| {
        let one = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        runs.iter().any(|known| one(&known.folder) == one(&run.folder))
    };
    let own = if folder.is_dir() { KeptVerdict::read(folder).ok().flatten() } else { None };
    let (baseline, wanted) = match own {
        Some(verdict) => {
            let folders: Vec<PathBuf> = gains::folders(&verdict.baseline).collect();
            (Baseline::Runs(named.to_owned(), folders.clone()), folders)
        }
        None if folder.is_dir() => {
            let (found, problems) = read(&[folder.to_owned()]);
            left_out.extend(problems.into_iter().filter(|problem| !left_out.contains(problem)).collect::<Vec<_>>());
            let folders: Vec<PathBuf> = found.into_iter().map(|run| run.folder).collect();
            (Baseline::Runs(named.to_owned(), folders.clone()), folders)
        }
        None => {
            let of_name = verdicts.iter().filter(|known| known.baseline.recipe.as_deref() == Some(named));
            let folders: Vec<PathBuf> = of_name.flat_map(|known| gains::folders(&known.baseline)).collect();
            match folders.is_empty() {
                true => (Baseline::Name(named.to_owned()), folders),
                false => (Baseline::Runs(named.to_owned(), folders.clone()), folders),
            }
        }
    };
    for folder in wanted {
        match Run::read(&folder) {
            Ok(run) if is_there(&run, runs) => {}
            Ok(run) => runs.push(run),
            Err(error) => left_out.push(LeftOut::because(&folder, &error)),
        }
    }
    baseline
}

fn as_text(gain: &Gain) -> String {
    let level = match (&gain.interval, &gain.verdict) {
        (_, Some(verdict)) => format!("{}, at the verdict's own level", verdict.replace('-', " ")),
        (Some(_), None) => "at 95%".into(),
        (None, None) => "a side has one run: no interval".into(),
    };
    format!("  {}: {}; {level}", gain.name, gain.in_words())
}

fn gain_json(gain: &Gain) -> serde_json::Value {
    serde_json::json!({
        "name": gain.name, "gain": gain.gain, "interval": gain.interval.map(|interval| [interval.low, interval.high]),
        "baseline_runs": gain.runs.0, "runs": gain.runs.1, "verdict": gain.verdict,
    })
}

/// The finished runs in these folders and below them, each once, and the folders that no run can be read from.
fn read(named: &[PathBuf]) -> (Vec<Run>, Vec<LeftOut>) {
    let (mut runs, mut left_out, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for named in named {
        let found = match run_folder::find(named, DEPTH) {
            Ok(found) => found,
            Err(error) => {
                left_out.push(LeftOut::because(named, &error));
                continue;
            }
        };
        left_out.extend(LeftOut::of_found(&found));
        for folder in found.finished {
            // The same folder may be named in several ways.
            if !seen.insert(std::fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone())) {
                continue;
            }
            match Run::read(&folder) {
                Ok(run) => runs.push(run),
                Err(error) => left_out.push(LeftOut::because(&folder, &error)),
            }
        }
    }
    (runs, left_out)
}

/// What is said when no run can be drawn: why not, where there is one reason.
fn nothing_to_draw(named: &[PathBuf], left_out: &[LeftOut]) -> anyhow::Error {
    let usual = "a finished run is a folder with a record.json, as `imagenette train --out RUN` writes it";
    if let [only] = left_out {
        return Refusal::error(only.to_string(), only.hint.clone().unwrap_or_else(|| usual.into()));
    }
    let named = list(named.iter().map(|folder| folder.display()));
    let mut problem = format!("{named}: expected a run's folder, or one with finished runs below it, found none");
    LeftOut::lines(left_out).iter().for_each(|line| problem += &format!("\n  {line}"));
    Refusal::error(problem, usual)
}

/// Says so where the counts are a record's word alone.
fn say_what_was_not_counted(groups: &[RunGroup], terminal: &Terminal) {
    let runs: Vec<&Run> = groups.iter().flat_map(|group| &group.runs).collect();
    let uncounted: Vec<_> = runs.iter().filter(|run| !run.is_counted).map(|run| run.folder.display()).collect();
    if !uncounted.is_empty() {
        let (count, all, which) = (uncounted.len(), runs.len(), list(uncounted));
        terminal.say(&format!("the records' word alone, without predictions: {count} of {all} runs ({which})"));
    }
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

/// What stands above the pictures: what was typed, or what each shows.
struct Titles<'t> {
    given: Option<&'t str>,
    dataset: &'t str,
}

impl Titles<'_> {
    fn of(&self, what: &str) -> String {
        self.given.map_or_else(|| format!("{what} on {}", self.dataset), str::to_owned)
    }
}

/// Draws every picture that the groups have something for; gives the files.
fn draw(
    groups: &[RunGroup],
    over: Option<&Over>,
    titles: &Titles,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<Vec<PathBuf>> {
    let title = &titles.of(measure(groups));
    let mut plots: Vec<PathBuf> = Vec::new();
    let mut keep = |name: &str, picture: String| -> anyhow::Result<()> {
        std::fs::create_dir_all(out).map_err(DataError::io("create", out))?;
        let path = out.join(format!("{name}.svg"));
        atomic::write_bytes(&path, picture.as_bytes())?;
        plots.push(path);
        Ok(())
    };
    let losses: Vec<Vec<Option<LossCurve>>> = groups.iter().map(losses).collect();
    let mut missing: Vec<(&str, Vec<&str>)> = Vec::new();
    for axis in Axis::ALL {
        match draw_curves(groups, axis, title)? {
            Drawn::Picture(picture) => keep(&format!("top-1-by-{}", axis.name()), picture)?,
            Drawn::Nothing(why) => match missing.iter_mut().find(|(known, _)| *known == why) {
                Some((_, axes)) => axes.push(axis.name()),
                None => missing.push((why, vec![axis.name()])),
            },
        }
        // What has no cost or no history to show is no news.
        if let Drawn::Picture(picture) = draw_losses(groups, &losses, axis, &titles.of("training loss"))? {
            keep(&format!("loss-by-{}", axis.name()), picture)?;
        }
        if let Drawn::Picture(picture) = draw_frontier(groups, axis, title)? {
            keep(&format!("frontier-by-{}", axis.name()), picture)?;
        }
    }
    for (why, axes) in missing {
        terminal.say(&format!("no curve of top-1 over {}: {why}", axes.join(", ")));
    }
    // Where a baseline is named, intervals of differences say more than standard deviations side by side.
    let (name, rows) = match over {
        Some(Over { baseline, gains }) => ("gain-by-recipe", draw_gains(gains, baseline, measure(groups), title)?),
        None => ("top-1-by-recipe", draw_rows(groups, title)?),
    };
    if let Some(picture) = rows {
        keep(name, picture)?;
    }
    Ok(plots)
}

/// The losses of a group's runs; none of a run whose folder has no history that can be read.
fn losses(group: &RunGroup) -> Vec<Option<LossCurve>> {
    let of_run = |run: &Run| {
        let history = History::read(&run.folder.join(HISTORY_FILE)).ok()?;
        LossCurve::of(history.lines(), run.record.steps as f64 / f64::from(run.record.epochs.max(1)))
    };
    group.runs.iter().map(of_run).collect()
}

fn json(group: &RunGroup) -> serde_json::Value {
    let Figures { accuracy, training_seconds, training_pflop, .. } = Figures::of(group);
    let runs: Vec<_> = group
        .runs
        .iter()
        .map(|run| {
            let record = &run.record;
            serde_json::json!({ "folder": run.folder.to_string_lossy(), "seed": record.seed, "result": record.result,
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
