//! `train`: from a recipe and the best data there is to a run's folder and its top-1.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Edition;
use imagenette_data::store::Store;
use imagenette_results::attempt::Price;
use imagenette_results::run_folder::{CHECKPOINT_FILE, RECIPE_FILE, RunFolder, WEIGHTS_FILE};
use imagenette_results::{RunRecord, statistics};
use imagenette_train::recipe::Budget;
use imagenette_train::{Outcome, Recipe, TrainJob};

use super::{train_dry_run, train_many, train_torch};
use crate::cli::{EngineName, Train};
use crate::interrupt::{INTERRUPTED, SPENT};
use crate::numbers::{epochs, seconds, thousands, top1};
use crate::prepared::{Preparation, Prepared};
use crate::progress::Progress;
use crate::recipes::Overrides;
use crate::run_tables::Wanted;
use crate::terminal::{Refusal, Terminal, print, print_json, print_words};
use crate::{Program, charged, datasets, recipes, run_set, runs};

/// The recipe for the drawn set and for photos of any size.
const SMALL_RECIPE: &str = "default";
/// The recipe for Imagenette's photos and others of ImageNet: the best of five epochs.
pub(super) const PHOTOS_RECIPE: &str = "epochs-5";
/// The recipe for them that goes by a budget.
const BUDGET_RECIPE: &str = "dollars";
/// The recipe for whoever does not want to wait: 7% of the operations of the one before.
pub(super) const QUICK_RECIPE: &str = "quick";

pub(crate) fn run(arguments: &Train, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if arguments.list {
        return list(arguments.json);
    }
    if arguments.engine == EngineName::Torch {
        return train_torch::run(arguments, program, terminal);
    }
    let preparation = Preparation::begin(&arguments.machine, program, terminal)?;
    match &arguments.resume {
        Some(run) => resume(run, preparation, arguments, (program, terminal)),
        None => begin(preparation, arguments, (program, terminal)),
    }
}

/// Resumes an interrupted run, or a folder of several of which some may be finished and others not begun: the folder
/// says what is trained, and on what.
fn resume(
    run: &Path,
    preparation: Preparation,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    if let Some(begun) = run_set::begun(run, preparation.parts())? {
        let dataset = datasets_of(&begun.recipe, &begun.identity, &begun.dataset, &preparation)?;
        let prepared = preparation.finish(begun.recipe, dataset)?;
        return train_many::seeds(&prepared, run, arguments, (program, terminal));
    }
    let (recipe, checkpoint) = imagenette_train::run::unfinished(run, preparation.parts())?;
    let dataset = datasets_of(&recipe, &checkpoint.dataset_identity, &checkpoint.dataset, &preparation)?;
    let prepared = preparation.finish(recipe, dataset)?;
    let job = prepared.first_job(checkpoint.seed, run.to_owned());
    let job = TrainJob {
        resume: true,
        changed_machine: arguments.changed_machine,
        evaluate_every: arguments.evaluate_every,
        price: price(&job.recipe, arguments, terminal)?,
        ..job
    };
    let outcome = runs::train_with(&job, tables(arguments), terminal)?;
    finish(&[(run.to_owned(), outcome)], run, arguments, (program, terminal))
}

/// The dataset that a recipe names, else the one with this content.
fn datasets_of(recipe: &Recipe, identity: &str, name: &str, preparation: &Preparation) -> anyhow::Result<Dataset> {
    match &recipe.dataset {
        Some(named) => datasets::named(named, &preparation.store),
        None => datasets::with_identity(identity, name, &preparation.store),
    }
}

/// Trains a new run, or one for each seed.
fn begin(
    preparation: Preparation,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let overrides = flags(arguments)?;
    let parents = arguments.more.as_deref().map(parent_recipe).transpose()?;
    let named = arguments.recipe.as_deref().or(parents.as_deref()).or(arguments.quick.then_some(QUICK_RECIPE));
    let wanted = wanted(named, &overrides, &preparation)?;
    // Before anything is fetched, drawn or packed for it.
    let budget = &arguments.budget;
    if let (Some(folder), 1) = (&arguments.out, wanted.runs)
        && arguments.folds.is_none()
        && !budget.dry_run
        && !budget.resume_if_present
    {
        RunFolder::check_new(folder)?;
    }
    let dataset = preparation.dataset(&wanted, arguments.offline)?;
    let usual = match usual_recipe(dataset.manifest.edition) {
        PHOTOS_RECIPE if wanted.budget.is_some() => BUDGET_RECIPE,
        usual => usual,
    };
    let recipe = match named {
        Some(_) => wanted,
        None => preparation.recipe(usual, &overrides)?,
    };
    let idle = recipes::idle_settings(named.unwrap_or(usual), &arguments.set, &overrides, preparation.parts())?;
    idle.iter().for_each(|setting| terminal.say(&format!("note: `--set {setting}` changes nothing: it is so already")));
    // A budget without a price is refused before anything is packed for it.
    let price = price(&recipe, arguments, terminal)?;
    let mut prepared = preparation.finish(recipe, dataset)?;
    if let Some(note) = quicker(named, &prepared.recipe) {
        terminal.say(note);
    }
    if (prepared.recipe.runs > 1 || arguments.folds.is_some()) && !budget.dry_run {
        // Once for all of them, so that they are runs of one recipe.
        let job = TrainJob {
            evaluate_every: arguments.evaluate_every,
            price: price.clone(),
            ..prepared.first_job(0, PathBuf::new())
        };
        prepared.recipe = imagenette_train::run::settled(&job, &Progress::of_run(terminal))?;
    }
    let (recipe, dataset) = (&prepared.recipe.name, &prepared.dataset.manifest.name);
    let seed = prepared.recipe.seed;
    if budget.dry_run {
        let job = TrainJob {
            evaluate_every: arguments.evaluate_every,
            price,
            ..prepared.first_job(seed, arguments.out.clone().unwrap_or_default())
        };
        return train_dry_run::run(&job, arguments.json, terminal);
    }
    if let Some(folds) = arguments.folds {
        let name = format!("{recipe}{}-{dataset}-folds{folds}-s{seed}", in_name(&prepared.recipe));
        let folder = arguments.out.clone().unwrap_or_else(|| Path::new(runs::FOLDER).join(name));
        return train_many::folds(&prepared, folds, &folder, arguments, (program, terminal));
    }
    if prepared.recipe.runs > 1 {
        let folder = arguments
            .out
            .clone()
            .unwrap_or_else(|| run_set::folder(&format!("{recipe}{}-{dataset}", in_name(&prepared.recipe)), &prepared));
        return train_many::seeds(&prepared, &folder, arguments, (program, terminal));
    }
    if let (true, Some(folder)) = (budget.resume_if_present, &arguments.out) {
        return begin_or_go_on(&prepared, folder, price, arguments, (program, terminal));
    }
    let changed = recipes::settings_in_names(&arguments.set);
    let task = in_name(&prepared.recipe);
    let name = format!("{recipe}{changed}{task}-{dataset}-s{seed}");
    let folder = arguments.out.clone().unwrap_or_else(|| runs::free_folder(&name));
    let job = TrainJob { evaluate_every: arguments.evaluate_every, price, ..prepared.first_job(seed, folder.clone()) };
    let outcome = runs::train_with(&job, tables(arguments), terminal)?;
    finish(&[(folder.clone(), outcome)], &folder, arguments, (program, terminal))
}

/// Goes on with the run in a folder where there is one, else begins it there; says what it came to if it is finished.
fn begin_or_go_on(
    prepared: &Prepared,
    folder: &Path,
    price: Option<Price>,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let job = TrainJob {
        resume: folder.join(CHECKPOINT_FILE).is_file(),
        evaluate_every: arguments.evaluate_every,
        price,
        ..prepared.first_job(prepared.recipe.seed, folder.to_owned())
    };
    let outcome = match runs::finished(&job)? {
        Some(record) => {
            terminal.say(&format!("{}: finished already", folder.display()));
            Outcome::Finished(Box::new(record))
        }
        None => runs::train_with(&job, tables(arguments), terminal)?,
    };
    finish(&[(folder.to_owned(), outcome)], folder, arguments, (program, terminal))
}

/// What the machine costs that trains this recipe.
pub(super) fn price(recipe: &Recipe, arguments: &Train, terminal: &Terminal) -> anyhow::Result<Option<Price>> {
    let is_needed = matches!(recipe.budget, Some(Budget::Dollars(_)));
    charged::price(&arguments.budget, is_needed, &Store::open_default()?, terminal)
}

/// The tables that are written beside a run.
pub(super) fn tables(arguments: &Train) -> Wanted {
    Wanted { tensorboard: arguments.tensorboard, csv: arguments.csv }
}

/// The recipe that was named; where none was, the first of the usual ones that the flags go with, to learn which
/// dataset is meant.
fn wanted(named: Option<&str>, overrides: &Overrides, preparation: &Preparation) -> anyhow::Result<Recipe> {
    let read = |name| preparation.recipe(name, overrides);
    named.map_or_else(|| read(SMALL_RECIPE).or_else(|_| read(PHOTOS_RECIPE)), read)
}

/// What `train` runs on a dataset when no recipe is named.
pub(super) fn usual_recipe(edition: Edition) -> &'static str {
    match edition {
        Edition::ImagenetteV1 | Edition::ImagenetteV2 | Edition::ImagewoofV2 | Edition::Imagewang => PHOTOS_RECIPE,
        Edition::Drawn | Edition::Own => SMALL_RECIPE,
    }
}

/// The recipe that takes a tenth of the time, where nobody named the one that is taken, nor what it may take.
fn quicker(named: Option<&str>, recipe: &Recipe) -> Option<&'static str> {
    let note = "note: for a first look `imagenette train --quick` takes a tenth of the time of `epochs-5`";
    (named.is_none() && recipe.name == PHOTOS_RECIPE && recipe.budget.is_none()).then_some(note)
}

/// What a run's default folder says of its task and of weights to begin with.
fn in_name(recipe: &Recipe) -> String {
    let task = recipe.task.as_ref().map_or(String::new(), |task| format!("-{task}-d{}", recipe.draw));
    let method = match (&recipe.unlabeled, &recipe.self_supervised) {
        (Some(_), _) => "-semi",
        (None, Some(_)) => "-self",
        (None, None) => "",
    };
    let begun = if recipe.initial.is_some() { "-begun" } else { "" };
    format!("{task}{method}{begun}")
}

/// The recipe of a run that is trained on, `[EPOCHS, RUN]`.
fn parent_recipe(more: &[String]) -> anyhow::Result<String> {
    let [epochs, run] = more else { unreachable!("clap asks for two values") };
    if epochs.parse::<u32>().is_ok_and(|epochs| epochs > 0) {
        let path = Path::new(run).join(RECIPE_FILE);
        return match path.is_file() && Path::new(run).join(WEIGHTS_FILE).is_file() {
            true => Ok(path.to_string_lossy().into_owned()),
            false => Err(Refusal::error(
                format!("{run}: expected a finished run with its recipe and weights, found none"),
                "`imagenette runs` lists finished runs; `train --resume RUN` finishes one",
            )),
        };
    }
    Err(Refusal::usage(
        format!("--more: expected a number of epochs and a run, found `{epochs}`"),
        "for example `imagenette train --more 5 runs/first`",
    ))
}

/// The flags as keys and values that are put over a recipe.
pub(crate) fn flags(arguments: &Train) -> anyhow::Result<Overrides> {
    let mut overrides = Overrides::new();
    let mut put = |key: &str, value: Option<String>| overrides.extend(value.map(|value| (key.to_owned(), value)));
    put("epochs", arguments.epochs.map(|epochs| epochs.to_string()));
    put("budget.dollars", arguments.budget.budget.map(|dollars| format!("{dollars:?}")));
    put("budget.minutes", arguments.budget.minutes.map(|minutes| format!("{minutes:?}")));
    put("batch_size", arguments.batch_size.map(|size| size.to_string()));
    put("resolution", arguments.resolution.map(|px| px.to_string()));
    put("evaluation.resolution", arguments.resolution.map(|px| px.to_string()));
    put("precision", arguments.precision.and_then(|name| Some(name.to_possible_value()?.get_name().to_owned())));
    // `{:?}` keeps a point or an exponent, so that TOML reads a float.
    put("optimizer.learning_rate", arguments.learning_rate.map(|rate| format!("{rate:?}")));
    put("initial", arguments.initial.as_deref().map(|from| format!("{{ from = {} }}", recipes::quoted(from))));
    if let Some([epochs, run]) = arguments.more.as_deref() {
        put("epochs", Some(epochs.clone()));
        put("initial", Some(format!("{{ from = {}, head = \"kept\" }}", recipes::quoted(run))));
    }
    put("task", arguments.task.clone());
    put("draw", arguments.draw.map(|draw| draw.to_string()));
    put("hold_out", arguments.hold_out.map(|share| format!("{share:?}")));
    // The first of them; the others differ in their number.
    put("folds", arguments.folds.map(|of| format!("{{ of = {of}, fold = 1 }}")));
    put("seed", arguments.seed.map(|seed| seed.to_string()));
    put("runs", arguments.runs.map(|runs| runs.to_string()));
    overrides.extend(recipes::dataset(arguments.dataset.as_deref()));
    overrides.extend(recipes::settings(&arguments.set)?);
    Ok(overrides)
}

/// Prints every finished run and, of several, their mean and standard deviation; says how to resume what is in a folder
/// where one was interrupted.
pub(super) fn finish(
    outcomes: &[(PathBuf, Outcome)],
    folder: &Path,
    arguments: &Train,
    (program, terminal): (&Program, &Terminal),
) -> anyhow::Result<ExitCode> {
    let mut finished: Vec<(&Path, &RunRecord)> = Vec::new();
    for (run, outcome) in outcomes {
        if let Outcome::Finished(record) = outcome {
            finished.push((run, record));
        }
    }
    let is_whole = finished.len() == outcomes.len();
    if !is_whole {
        // A part of one's own is in its own program alone.
        let name = program.name();
        terminal.say(&format!("hint: resume it with `{name} train --resume {}`", folder.display()));
    }
    if arguments.json {
        let records: Vec<&RunRecord> = finished.iter().map(|(_, record)| *record).collect();
        match records.as_slice() {
            [record] if is_whole => print_json(record)?,
            records => print_json(&records)?,
        }
    } else {
        finished.iter().try_for_each(|(folder, record)| print(&as_text(folder, record)))?;
        let accuracies: Vec<f64> = finished.iter().map(|(_, record)| record.result.accuracy()).collect();
        if let (Some(mean), Some(deviation)) =
            (statistics::mean(&accuracies), statistics::standard_deviation(&accuracies))
        {
            print(&format!(
                "mean {:.2}% ± {:.2} points (sd of {} runs)",
                100.0 * mean,
                100.0 * deviation,
                accuracies.len()
            ))?;
        }
    }
    let short = finished.iter().filter(|(_, record)| record.has_ended_early()).count();
    if short > 0 {
        terminal.say("warning: a budget ended before its plan: the rate had not come to its end, and more is possible");
    }
    Ok(match (is_whole, short) {
        (false, _) => ExitCode::from(INTERRUPTED),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(SPENT),
    })
}

/// A finished run in one line.
fn as_text(folder: &Path, record: &RunRecord) -> String {
    let what = if record.held_out.is_some() { "held-out top-1" } else { "top-1" };
    format!(
        "{what} {}  ({} of {}; seed {}; {}; trained in {}, {} in all; {})",
        top1(record),
        thousands(record.result.correct),
        thousands(record.result.total),
        record.seed,
        length(record),
        seconds(record.seconds.training),
        seconds(record.seconds.total),
        folder.display()
    )
}

/// How long a run is, and what it cost where that is known.
fn length(record: &RunRecord) -> String {
    let length = epochs(record);
    record.dollars.map_or(length.clone(), |dollars| format!("{length}; ${dollars:.4}"))
}

/// Prints what each shipped recipe is, what it should reach and what it costs: the header of its file.
fn list(as_json: bool) -> anyhow::Result<ExitCode> {
    let header = |text: &'static str| text.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>();
    if as_json {
        let recipe = |(name, text): &(&str, &'static str)| serde_json::json!({ "name": name, "description": header(text).join(" "), "toml": text });
        print_json(&Recipe::shipped().iter().map(recipe).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, text) in Recipe::shipped() {
        print_words(&format!("{name:<12} {}", sentences(&header(text)).join("\n             ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines of a header, those that go on joined to the one that they go on from: a terminal breaks them anew.
fn sentences(header: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in header {
        let begins = ["Expected:", "In bf16", "Goal:", "Cost:"].iter().any(|word| line.starts_with(word));
        match lines.last_mut().filter(|_| !begins) {
            Some(last) => last.extend([" ", line]),
            None => lines.push((*line).to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_imagenet_are_trained_on_by_a_recipe_that_names_a_quicker_one_which_takes_a_tenth() {
        let read = |named: &str, settings: &[(&str, &str)]| {
            let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            Recipe::from_toml(Recipe::shipped_text(named).unwrap(), &settings).unwrap()
        };
        let usual = read(usual_recipe(Edition::ImagenetteV2), &[]);
        let note = quicker(None, &usual).unwrap();
        assert!(note.contains("`imagenette train --quick`") && note.contains(&format!("`{}`", usual.name)), "{note}");
        for (named, recipe) in [
            (Some("epochs-5"), &usual),
            (None, &read(usual_recipe(Edition::Drawn), &[])),
            (None, &read("epochs-5", &[("budget.minutes", "3")])),
        ] {
            assert_eq!(quicker(named, recipe), None);
        }
        // A tenth is what both were measured to take.
        let device = imagenette_train::Device::cpu();
        let flop = |recipe: &Recipe| {
            let costs = imagenette_train::run::Costs::of(
                recipe,
                &imagenette_train::parts::Parts::default(),
                10,
                9_469,
                &device,
            );
            costs.unwrap().training_flop.unwrap()
        };
        let share = flop(&read(QUICK_RECIPE, &[])) / flop(&usual);
        assert!((0.04..0.12).contains(&share), "{share}");
    }
}
