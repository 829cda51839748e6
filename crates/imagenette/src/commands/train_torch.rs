//! `train --engine torch`: the recipe is resolved here, and trained by the Python package's starter in PyTorch, on a
//! GPU where there is one. The run's folder and its record are like any other's.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use imagenette_data::store::Store;
use imagenette_files::{FileError, atomic};
use imagenette_results::run_folder::RunFolder;

use super::train::{flags, usual_recipe};
use crate::cli::Train;
use crate::interrupt::INTERRUPTED;
use crate::terminal::{Refusal, Terminal};
use crate::{Program, datasets, recipes, runs};

/// The environment variable that names the Python to use.
const VARIABLE: &str = "IMAGENETTE_PYTHON";
const INSTALL: &str = "install it with `pip install 'imagenette[torch]'`, or name another Python in IMAGENETTE_PYTHON";

pub(crate) fn run(arguments: &Train, program: &Program, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    refuse(arguments)?;
    let python = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let usual = if cfg!(windows) { "python" } else { "python3" };
        OsString::from(usual)
    });
    check_python(&python)?;
    let (overrides, parts) = (flags(arguments)?, program.parts());
    let named = arguments.recipe.as_deref().or(arguments.quick.then_some(super::train::QUICK_RECIPE));
    let store = Store::open_default()?;
    let first = recipes::read(named.unwrap_or(super::train::PHOTOS_RECIPE), &overrides, parts)?;
    let dataset = match &first.dataset {
        Some(known) => datasets::named(known, &store)?,
        None => datasets::best(&store, arguments.offline, terminal)?,
    };
    let recipe = match named {
        Some(_) => first,
        None => recipes::read(usual_recipe(dataset.manifest.edition), &overrides, parts)?,
    };
    recipe.validate_for(&dataset.manifest)?;
    if recipe.budget.is_some() {
        let problem = format!("`{}` is as long as its budget, which --engine torch does not keep", recipe.name);
        return Err(Refusal::usage(problem, "give it epochs: `--epochs 5`"));
    }
    let changed = recipes::settings_in_names(&arguments.set);
    let name = format!("{}{changed}-torch-{}-s{}", recipe.name, dataset.manifest.name, recipe.seed);
    let out = arguments.out.clone().unwrap_or_else(|| runs::free_folder(&name));
    RunFolder::check_new(&out)?;
    // Read by the other process alone, and gone when it has ended.
    let passing = datasets::passing_folder(&store)?;
    let file = passing.path().join(format!("{}.toml", recipe.name));
    atomic::write_bytes(&file, recipe.to_toml().as_bytes())?;
    let mut command = Command::new(&python);
    command.args(["-m", "imagenette.starter", "--recipe"]).arg(&file);
    command.arg("--dataset").arg(&dataset.root).arg("--out").arg(&out);
    command.args(["--seed", &recipe.seed.to_string(), "--evaluate-every", &arguments.evaluate_every.to_string()]);
    if arguments.machine.device != "flex" {
        command.args(["--device", &arguments.machine.device]);
    }
    if let Some(precision) = flags(arguments)?.into_iter().find(|(key, _)| key == "precision").map(|(_, value)| value)
        && precision != "auto"
    {
        command.args(["--precision", &precision]);
    }
    if let Some(threads) = arguments.machine.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    terminal.finish();
    let status = command.status().map_err(FileError::io("start", python.as_ref()))?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        // Python's own for Ctrl-C; nothing is left of the run.
        None | Some(130) => ExitCode::from(INTERRUPTED),
        Some(_) => ExitCode::FAILURE,
    })
}

/// Refuses flags that only the program's own engine knows.
fn refuse(arguments: &Train) -> anyhow::Result<()> {
    let Train { resume, more, initial, task, hold_out, folds, runs, tensorboard, csv, json, budget, .. } = arguments;
    let alone = [
        ("--resume", resume.is_some()),
        ("--more", more.is_some()),
        ("--initial", initial.is_some()),
        ("--task", task.is_some()),
        ("--hold-out", hold_out.is_some()),
        ("--folds", folds.is_some()),
        ("--budget", budget.budget.is_some()),
        ("--minutes", budget.minutes.is_some()),
        ("--machine", budget.machine.is_some()),
        ("--price-per-hour", budget.price_per_hour.is_some()),
        ("--dry-run", budget.dry_run),
        ("--resume-if-present", budget.resume_if_present),
        ("--runs", runs.is_some_and(|runs| runs > 1)),
        ("--tensorboard", *tensorboard),
        ("--csv", *csv),
        ("--json", *json),
    ];
    match alone.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Refusal::usage(
            format!("{flag}: not with --engine torch"),
            "leave it out, or train with the program's own engine",
        )),
    }
}

/// Refuses a Python in which the package or PyTorch is not there.
fn check_python(python: &OsString) -> anyhow::Result<()> {
    let shown = python.to_string_lossy();
    let tried = Command::new(python).args(["-c", "import torch, imagenette.starter"]).output();
    match tried {
        Err(error) => Err(Refusal::error(format!("--engine torch: {shown} cannot be started: {error}"), INSTALL)),
        Ok(tried) if tried.status.success() => Ok(()),
        Ok(tried) => {
            let said = String::from_utf8_lossy(&tried.stderr);
            let last =
                said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned();
            Err(Refusal::error(format!("--engine torch: {shown} lacks the Python package: {last}"), INSTALL))
        }
    }
}
