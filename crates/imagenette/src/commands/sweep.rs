//! `sweep`: every combination of some values of a recipe, several seeds each; a table of what they reached, the best of
//! them, and the command that settles whether it helps.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imagenette_results::run_folder::CHECKPOINT_FILE;
use imagenette_results::statistics::{Screened, screen};
use imagenette_results::{RunRecord, statistics};
use imagenette_train::recipe::plan::{Axis, Trial, trials};
use imagenette_train::{Outcome, Recipe, TrainError, TrainJob};

use crate::cli::{MachineFlags, OpsName, Sweep};
use crate::compare::refuse_folds;
use crate::compare::verdict::{points, small};
use crate::interrupt::INTERRUPTED;
use crate::numbers::seconds;
use crate::prepared::{Preparation, Prepared};
use crate::recipes::Overrides;
use crate::terminal::{Refusal, Terminal, print, print_json};
use crate::{Program, recipes, runs, shell_words};

/// Holm's adjusted p must lie below this.
const ALPHA: f64 = 0.05;

/// One run of a trial.
enum Run {
    Finished {
        folder: PathBuf,
        record: Box<RunRecord>,
    },
    /// The loss became infinite or NaN: a result too, and resuming would end there again.
    Diverged {
        seed: u64,
        step: u64,
    },
}

/// What a sweep trains.
struct Plan {
    axes: Vec<Axis>,
    trials: Vec<Trial>,
    seeds: Range<u64>,
    folder: PathBuf,
    changed_machine: bool,
}

impl Run {
    fn record(&self) -> Option<&RunRecord> {
        match self {
            Self::Finished { record, .. } => Some(record),
            Self::Diverged { .. } => None,
        }
    }
}

impl Plan {
    /// A trial's values as they are typed: `optimizer.learning_rate=0.04`.
    fn values_of(&self, trial: usize) -> String {
        let pair = |(axis, value): (&Axis, &String)| format!("{}={value}", axis.key);
        self.axes.iter().zip(&self.trials[trial].values).map(pair).collect::<Vec<_>>().join(" ")
    }
}

/// What a sweep has trained: the runs of each trial.
struct Done {
    runs: Vec<Vec<Run>>,
    is_interrupted: bool,
}

pub(crate) fn run(arguments: &Sweep, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    let axes: Vec<Axis> =
        arguments.set.iter().map(|text| Axis::parse(text).map_err(recipes::typed)).collect::<Result<_, _>>()?;
    let recipe = preparation.settled_recipe(&arguments.recipe, &overrides(arguments))?;
    let trials = trials(&recipe, &axes, preparation.parts()).map_err(recipes::typed)?;
    trials.iter().try_for_each(|trial| preparation.check(&trial.recipe))?;
    trials.iter().try_for_each(|trial| refuse_folds(&trial.recipe))?;
    if let Some(axis) = axes.iter().find(|axis| axis.values.len() > 1 && matches!(axis.key.as_str(), "task" | "draw")) {
        return Err(Refusal::usage(
            format!("--set {}: expected one task for all trials, found several", axis.key),
            "trials under other tasks have other labels: their order would say nothing; `--set task=NAME` alone sets one",
        ));
    }
    // Of the recipe itself nothing is asked: it need not fit where each trial does.
    let dataset = preparation.dataset(&recipe, arguments.offline)?;
    preparation.fit(trials.iter().map(|trial| &trial.recipe), &dataset)?;
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new(runs::FOLDER).join(format!("sweep-{}-{}", recipe.name, dataset.manifest.name)));
    let first = arguments.seed.unwrap_or(recipe.seed);
    let plan = Plan {
        axes,
        trials,
        seeds: first..first + u64::from(arguments.runs),
        folder,
        changed_machine: arguments.changed_machine,
    };
    let packed = preparation.pixels(&dataset)?;
    let prepared = preparation.with(recipe, dataset, packed);
    if prepared.recipe.hold_out.is_none() {
        terminal.say("evaluating on val: figures that choose a recipe flatter it; `--hold-out 0.1` keeps val unseen");
    }
    let done = train_all(&plan, &prepared, terminal)?;
    let found = Found::of(&plan, &done.runs, &prepared.recipe);
    let settling = match done.is_interrupted {
        true => None,
        false => found.best().map(|best| command(&plan, &found, best, arguments, &prepared.recipe, program.name())),
    };
    if arguments.json {
        print_json(&json(&plan, &done.runs, &found, settling.as_deref()))?;
    } else {
        table(&plan, &done.runs, &found)?;
        found.lines(&plan, settling.as_deref()).iter().try_for_each(|line| print(line))?;
    }
    if done.is_interrupted {
        terminal.say("hint: repeat the same command to resume the sweep");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags as keys and values that are put over the recipe.
pub(crate) fn overrides(arguments: &Sweep) -> Overrides {
    let mut overrides = Overrides::new();
    if arguments.hold_out != 0.0 {
        overrides.push(("hold_out".to_owned(), format!("{:?}", arguments.hold_out)));
    }
    overrides.extend(arguments.epochs.map(|epochs| ("epochs".to_owned(), epochs.to_string())));
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    overrides
}

/// Trains whatever is not finished yet. Seed by seed, so that an interrupted sweep has results for each trial.
fn train_all(plan: &Plan, prepared: &Prepared, terminal: &Terminal) -> anyhow::Result<Done> {
    let mut done = Done { runs: plan.trials.iter().map(|_| Vec::new()).collect(), is_interrupted: false };
    for seed in plan.seeds.clone() {
        for (trial, runs) in plan.trials.iter().zip(&mut done.runs) {
            match train_one(trial, seed, plan, prepared, terminal)? {
                Some(run) => runs.push(run),
                None => {
                    done.is_interrupted = true;
                    return Ok(done);
                }
            }
        }
    }
    Ok(done)
}

/// The run of a trial with a seed, trained now if it is not finished yet; `None` when it was interrupted.
fn train_one(
    trial: &Trial,
    seed: u64,
    plan: &Plan,
    prepared: &Prepared,
    terminal: &Terminal,
) -> anyhow::Result<Option<Run>> {
    let folder = plan.folder.join(trial.folder_name(&plan.axes, seed));
    let job = TrainJob {
        recipe: trial.recipe.clone(),
        resume: folder.join(CHECKPOINT_FILE).is_file(),
        changed_machine: plan.changed_machine,
        ..prepared.job(seed, folder.clone())
    };
    if let Some(record) = runs::finished(&job)? {
        return Ok(Some(Run::Finished { folder, record: Box::new(record) }));
    }
    match runs::train(&job, terminal) {
        Ok(Outcome::Finished(record)) => Ok(Some(Run::Finished { folder, record })),
        Ok(Outcome::Interrupted { .. }) => Ok(None),
        Err(error) => match error.downcast_ref() {
            Some(TrainError::Diverged { step, .. }) => {
                terminal.say(&format!("{error}; the sweep continues"));
                Ok(Some(Run::Diverged { seed, step: *step }))
            }
            _ => Err(error),
        },
    }
}

/// Accuracies and training seconds of the runs that are finished.
fn figures(runs: &[Run]) -> (Vec<f64>, Vec<f64>) {
    let records = runs.iter().filter_map(Run::record);
    records.map(|record| (record.result.accuracy(), record.seconds.training)).unzip()
}

/// What the runs say about the candidates.
struct Found {
    /// The trial that the others are compared with: the recipe's own values, or else the first that was given.
    baseline: usize,
    /// Whether the baseline has the recipe's own values.
    is_own: bool,
    /// What was found about each trial but the baseline; `None` also where a run diverged.
    candidates: Vec<Option<Screened>>,
    /// The trials in the order of their rank.
    order: Vec<usize>,
    /// The cost of each trial's runs: epochs and samples.
    costs: Vec<Option<(u32, u64)>>,
}

impl Found {
    fn of(Plan { trials, .. }: &Plan, done: &[Vec<Run>], recipe: &Recipe) -> Self {
        let own = trials.iter().position(|trial| trial.recipe == *recipe);
        let baseline = own.unwrap_or(0);
        let accuracies: Vec<Vec<f64>> = done.iter().map(|runs| figures(runs).0).collect();
        let records = || done.iter().flatten().filter_map(Run::record);
        let photos = records().next().map_or(0, |record| record.result.total);
        // Seeds that did not diverge say too much good of values with which others did.
        let is_candidate = |trial: &usize| *trial != baseline && accuracies[*trial].len() == done[*trial].len();
        let places: Vec<usize> = (0..trials.len()).filter(is_candidate).collect();
        let samples: Vec<&[f64]> = places.iter().map(|&place| accuracies[place].as_slice()).collect();
        let mut candidates = vec![None; trials.len()];
        for (place, screened) in places.iter().zip(screen(&accuracies[baseline], &samples, photos)) {
            candidates[*place] = screened;
        }
        let mut order: Vec<usize> = (0..trials.len()).collect();
        // The baseline gains nothing over itself; what cannot be compared comes last.
        let rank = |&place: &usize| match (&candidates[place], place == baseline) {
            (Some(Screened { shrunken, gain, .. }), _) => (*shrunken, *gain),
            (None, true) => (0.0, 0.0),
            (None, false) => (f64::NEG_INFINITY, 0.0),
        };
        order.sort_by(|one, other| {
            let ((one, one_gain), (other, other_gain)) = (rank(one), rank(other));
            other.total_cmp(&one).then(other_gain.total_cmp(&one_gain))
        });
        let cost =
            |runs: &Vec<Run>| runs.iter().find_map(Run::record).map(|record| (record.epochs, record.samples_drawn));
        Self { baseline, is_own: own.is_some(), candidates, order, costs: done.iter().map(cost).collect() }
    }

    /// The candidate that is likely to be the best, if it is likely to be better than the baseline.
    fn best(&self) -> Option<usize> {
        let place = *self.order.iter().find(|&&place| self.candidates[place].is_some())?;
        self.candidates[place].filter(|screened| screened.shrunken > 0.0).map(|_| place)
    }

    /// What follows from the table, in sentences.
    fn lines(&self, plan: &Plan, settling: Option<&str>) -> Vec<String> {
        let baseline = plan.values_of(self.baseline);
        let count = self.candidates.iter().flatten().count();
        let mut lines = Vec::new();
        if !self.is_own {
            lines.push(format!("gains are over {baseline}, the first: the recipe's own values are not among these"));
        }
        let Some(best) = self.best() else {
            if count > 0 {
                lines.push(format!("nothing here looks better than {baseline}"));
            }
            return lines;
        };
        let Some(Screened { gain, shrunken, adjusted_p, .. }) = self.candidates[best] else { return lines };
        lines.push(format!("best: {}: {} points over {baseline}", plan.values_of(best), points(gain)));
        if count > 1 {
            lines.push(format!(
                "the best of {count} looks better than it is: its gain is likely to be {} points",
                points(shrunken)
            ));
        }
        lines.push(match adjusted_p {
            Some(p) if p < ALPHA => format!("it beats {baseline} on these photos: p {} < {ALPHA} (Holm)", small(p)),
            Some(p) => format!("not clear on these photos: p {}, not below {ALPHA} (Holm)", small(p)),
            None => "not clear on these photos: a p takes two runs of each, `--runs 2`".into(),
        });
        if let Some(command) = settling {
            lines.push(format!("to settle it on fresh seeds:  {command}"));
        }
        lines
    }
}

/// The command that compares the recipe with the best trial on seeds that the sweep did not use.
fn command(plan: &Plan, found: &Found, best: usize, arguments: &Sweep, recipe: &Recipe, program: &str) -> String {
    let mut words = vec![program.to_owned(), "compare".into(), arguments.recipe.clone()];
    let mut put = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    if let Some(epochs) = arguments.epochs {
        put("--base-set", format!("epochs={epochs}"));
    }
    for (axis, value) in plan.axes.iter().zip(&plan.trials[best].values) {
        put("--set", format!("{}={value}", axis.key));
    }
    if let Some(dataset) = &arguments.dataset {
        put("--dataset", dataset.clone());
    }
    put("--seed", plan.seeds.end.to_string());
    let MachineFlags { device, ops, threads } = &arguments.machine;
    if device != "flex" {
        put("--device", device.clone());
    }
    if *ops == OpsName::Stock {
        put("--ops", "stock".into());
    }
    if let Some(threads) = threads {
        put("--threads", threads.to_string());
    }
    let costs = (found.costs[best], found.costs[found.baseline]);
    if plan.trials[best].recipe.epochs != recipe.epochs || (found.is_own && costs.0 != costs.1) {
        words.push("--unequal-cost".into());
    }
    if arguments.offline {
        words.push("--offline".into());
    }
    shell_words::line(&words)
}

fn table(plan: &Plan, done: &[Vec<Run>], found: &Found) -> anyhow::Result<()> {
    let Plan { axes, trials, .. } = plan;
    let holds_out = trials.iter().any(|trial| trial.recipe.hold_out.is_some());
    let mut header: Vec<String> = axes.iter().map(|axis| axis.key.clone()).collect();
    let top_1 = if holds_out { "held-out top-1" } else { "top-1" };
    header.extend(["n", top_1, "gain", "likely", "p (Holm)", "training"].map(String::from));
    let mut lines = vec![header];
    for &place in &found.order {
        let (trial, runs) = (&trials[place], &done[place]);
        let (accuracies, training) = figures(runs);
        let mut line = trial.values.clone();
        line.push(accuracies.len().to_string());
        let mut said = match (statistics::mean(&accuracies), statistics::standard_deviation(&accuracies)) {
            (Some(mean), Some(sd)) => format!("{:.2}% ± {:.2}", 100.0 * mean, 100.0 * sd),
            (Some(mean), None) => format!("{:.2}%", 100.0 * mean),
            (None, _) => "-".into(),
        };
        let diverged = runs.len() - accuracies.len();
        if diverged > 0 {
            said += &format!(" ({diverged} diverged)");
        }
        line.push(said);
        line.extend(match &found.candidates[place] {
            Some(Screened { gain, shrunken, adjusted_p, .. }) => {
                [points(*gain), points(*shrunken), adjusted_p.map_or("-".into(), small)]
            }
            None if place == found.baseline => ["baseline", "", ""].map(String::from),
            None => ["-"; 3].map(String::from),
        });
        line.push(statistics::mean(&training).map_or("-".into(), seconds));
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        print(cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// A row for each trial in the order in which they were given.
fn json(
    Plan { axes, trials, .. }: &Plan,
    done: &[Vec<Run>],
    found: &Found,
    settling: Option<&str>,
) -> serde_json::Value {
    let rows = trials.iter().zip(done).enumerate().map(|(place, (trial, runs))| {
        let (accuracies, _) = figures(runs);
        let settings: serde_json::Map<String, serde_json::Value> =
            axes.iter().zip(&trial.values).map(|(axis, value)| (axis.key.clone(), value.as_str().into())).collect();
        let runs: Vec<_> = runs
            .iter()
            .map(|run| match run {
                Run::Finished { folder, record } => serde_json::json!({
                    "folder": folder.to_string_lossy(), "seed": record.seed, "correct": record.result.correct,
                    "total": record.result.total, "training_seconds": record.seconds.training,
                }),
                Run::Diverged { seed, step } => serde_json::json!({ "seed": seed, "diverged_at_step": step }),
            })
            .collect();
        let screened = &found.candidates[place];
        serde_json::json!({
            "settings": settings, "recipe_sha256": trial.recipe.sha256(), "hold_out": trial.recipe.hold_out,
            "runs": runs, "mean": statistics::mean(&accuracies),
            "standard_deviation": statistics::standard_deviation(&accuracies),
            "is_baseline": place == found.baseline,
            "gain": screened.map(|screened| screened.gain),
            "shrunken_gain": screened.map(|screened| screened.shrunken),
            "p": screened.and_then(|screened| screened.test).map(|test| test.p()),
            "p_holm": screened.and_then(|screened| screened.adjusted_p),
            "settle_with": settling.filter(|_| found.best() == Some(place)),
        })
    });
    rows.collect()
}
