//! What all runs of a comparison share: the dataset, the machine, where baselines are kept, and how runs are made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagenette_data::dataset::Dataset;
use imagenette_data::edition::Split;
use imagenette_data::hold_out::hold_out;
use imagenette_files::{atomic, hash};
use imagenette_results::run_record::HeldOut;
use imagenette_train::Recipe;
use imagenette_train::engine::ENGINE;

use crate::cli::{Compare, MachineFlags, OpsName};
use crate::prepared::{Preparation, Prepared};
use crate::terminal::{Refusal, Terminal};
use crate::{Program, datasets, recipes};

use super::side::Side;

/// What predictions are scored against.
pub(super) struct Truth {
    /// Each photo that a run is evaluated on, with its label.
    pub(super) photos: Vec<(String, usize)>,
    /// The WordNet ids in label order.
    pub(super) classes: Vec<String>,
}

/// What all runs of a comparison share.
pub(super) struct Ground<'p> {
    pub(super) dataset: Dataset,
    pub(super) identity: String,
    /// The photos that a run trains on with their labels and those that it is evaluated on: sample numbers.
    split: [Vec<u32>; 2],
    pub(super) program: &'p Program,
    /// What recipes need; none where only commands run.
    pub(super) prepared: Option<Prepared<'p>>,
    pub(super) device: String,
    pub(super) flags: &'p MachineFlags,
    pub(super) threads: usize,
    pub(super) store: PathBuf,
    /// What is held out of train and evaluated instead of val.
    pub(super) held_out: Option<HeldOut>,
    pub(super) timeout: Option<Duration>,
    pub(super) parallel: usize,
    pub(super) terminal: &'p Terminal,
}

/// Refuses a recipe that is one part of a cross-validation: a comparison holds out the same photos in all its runs.
pub(crate) fn refuse_folds(recipe: &Recipe) -> anyhow::Result<()> {
    match recipe.folds {
        None => Ok(()),
        Some(_) => Err(Refusal::usage(
            "recipe: folds: expected none where runs are compared, found one part of a cross-validation",
            "take `--hold-out 0.2`; `train --folds 5` is for judging one recipe",
        )),
    }
}

impl<'p> Ground<'p> {
    /// The dataset, fetched or drawn if it must be, and for recipes its pixels.
    pub(super) fn prepare(
        arguments: &'p Compare,
        sides: &[&Side],
        preparation: Preparation<'p>,
        (program, terminal): (&'p Program, &'p Terminal),
    ) -> anyhow::Result<Self> {
        let recipe = sides.iter().find_map(|side| side.recipe()).cloned();
        let dataset = match (&recipe, &arguments.dataset) {
            (Some(recipe), _) => preparation.dataset(recipe, arguments.offline)?,
            (None, Some(named)) => datasets::named(named, &preparation.store)?,
            (None, None) => datasets::best(&preparation.store, arguments.offline, terminal)?,
        };
        for recipe in sides.iter().filter_map(|side| side.recipe()) {
            refuse_folds(recipe)?;
            recipe.validate_for(&dataset.manifest)?;
        }
        let store = preparation.store.root().to_owned();
        let device = preparation.machine.device.description();
        let threads = preparation.machine.threads;
        let share = recipe.as_ref().map_or(arguments.hold_out, |recipe| recipe.hold_out);
        check_tasks(sides)?;
        let split = match (&recipe, share) {
            (Some(recipe), _) => {
                let split = recipe.split(&dataset.manifest)?;
                [recipe.learned(&split).to_vec(), split.evaluated]
            }
            (None, Some(share)) => {
                let split = hold_out(&dataset.manifest, share)?;
                [split.train, split.held_out]
            }
            (None, None) => [dataset.manifest.samples(Split::Train), dataset.manifest.samples(Split::Val)],
        };
        let held_out = share.map(|share| HeldOut { share, photos: split[1].len() as u64, folds: None });
        check_finished(sides, &dataset, held_out)?;
        let prepared = match recipe {
            Some(recipe) => Some(preparation.finish(recipe, dataset.clone())?),
            None => None,
        };
        Ok(Self {
            identity: dataset.manifest.identity(),
            dataset,
            split,
            program,
            prepared,
            device,
            flags: &arguments.machine,
            threads,
            store,
            held_out,
            timeout: arguments.timeout,
            parallel: arguments.parallel as usize,
            terminal,
        })
    }

    /// Where the runs of a baseline are kept: by all that decides their bits but recipe and seed.
    pub(super) fn baselines(&self) -> PathBuf {
        self.store.join("baselines")
    }

    /// The folder of the baselines that are recipes.
    pub(super) fn recipe_baselines(&self) -> PathBuf {
        let what = format!("{ENGINE} {} {}", self.identity, self.device);
        self.baselines().join(hash::short(&hash::sha256(what)))
    }

    /// The folder of the baselines that are commands: by dataset, what is held out of it, and budget.
    pub(super) fn command_baselines(&self, epochs: Option<u32>) -> PathBuf {
        let share = self.held_out.map_or("none".into(), |held_out| format!("{:?}", held_out.share));
        let epochs = epochs.map_or("any".into(), |epochs| epochs.to_string());
        let what = format!("command {} {share} {epochs}", self.identity);
        self.baselines().join(hash::short(&hash::sha256(what)))
    }

    /// What predictions are scored against.
    pub(super) fn truth(&self) -> anyhow::Result<Truth> {
        let manifest = &self.dataset.manifest;
        let [_, evaluated] = &self.split;
        let mut photos = Vec::new();
        for sample in evaluated {
            let image = &manifest.images[*sample as usize];
            let Some(label) = image.label else {
                let path = manifest.relative_path(image);
                return Err(Refusal::error(format!("{path}: it has no label"), "compare on labeled photos"));
            };
            photos.push((manifest.relative_path(image), usize::from(label)));
        }
        Ok(Truth { photos, classes: manifest.classes.iter().map(|class| class.wnid.clone()).collect() })
    }

    /// Writes the lists of photos for a command: a line each, the path below the dataset's folder, a tab, the class.
    pub(super) fn write_lists(&self, folder: &Path) -> anyhow::Result<[PathBuf; 2]> {
        let manifest = &self.dataset.manifest;
        let paths = ["train.txt", "val.txt"].map(|name| folder.join(name));
        for (samples, path) in self.split.iter().zip(&paths) {
            let mut text = String::new();
            for sample in samples {
                let image = &manifest.images[*sample as usize];
                if let Some(label) = image.label {
                    let class = &manifest.classes[usize::from(label)].wnid;
                    text.push_str(&format!("{}\t{class}\n", manifest.relative_path(image)));
                }
            }
            atomic::write_bytes(path, text.as_bytes())?;
        }
        Ok(paths)
    }

    /// The flags that make another process of this program compute as this one does, with so many threads.
    pub(super) fn machine_flags(&self, threads: usize) -> Vec<String> {
        let mut flags = vec!["--device".to_owned(), self.flags.device.clone()];
        if self.flags.ops == OpsName::Stock {
            flags.extend(["--ops".to_owned(), "stock".to_owned()]);
        }
        flags.extend(["--threads".to_owned(), threads.to_string()]);
        flags
    }

    /// In words what is evaluated on.
    pub(super) fn measured_on(&self) -> String {
        match self.held_out {
            Some(HeldOut { photos, .. }) => {
                format!("{photos} photos held out of {}: no val accuracy", self.dataset.manifest.name)
            }
            None => format!("val of {}", self.dataset.manifest.name),
        }
    }
}

/// Refuses sides whose tasks differ: what is learned from other labels, or judged by other photos, is no comparison of
/// ideas.
fn check_tasks(sides: &[&Side]) -> anyhow::Result<()> {
    let tasks: Vec<_> =
        sides.iter().filter_map(|side| side.recipe()).map(|recipe| (&recipe.task, recipe.draw)).collect();
    let said = |(task, draw): (&Option<String>, u32)| match task {
        Some(task) => format!("`{task}`, draw {draw}"),
        None => "no task".to_owned(),
    };
    match tasks.as_slice() {
        [one, other] if one != other => Err(Refusal::error(
            format!("expected one task on both sides, found {} and {}", said(*one), said(*other)),
            "name it for both: `--base-set task=labels-10%` (the idea has the baseline's keys too)",
        )),
        _ => Ok(()),
    }
}

/// Refuses finished runs that the other side would not be comparable with, before that one is trained.
fn check_finished(sides: &[&Side], dataset: &Dataset, held_out: Option<HeldOut>) -> anyhow::Result<()> {
    let finished = sides.iter().filter_map(|side| match side {
        Side::Finished { runs, .. } => runs.first(),
        _ => None,
    });
    let share = |held_out: Option<HeldOut>| held_out.map(|held_out| held_out.share);
    for run in finished {
        if run.dataset_identity != dataset.manifest.identity() || share(run.held_out) != share(held_out) {
            let of = |name: &str, share: Option<f64>| match share {
                Some(share) => format!("a share of {share} held out of {name}"),
                None => format!("val of {name}"),
            };
            let (there, here) = (of(&run.dataset, share(run.held_out)), of(&dataset.manifest.name, share(held_out)));
            return Err(Refusal::error(
                format!("{}: evaluated on {there}, and the other side would be on {here}", run.folder.display()),
                "compare on the same photos: --dataset names the dataset of the other side",
            ));
        }
    }
    Ok(())
}

/// The recipe of a run with its seed put into it, so that any process that trains it has the same one.
pub(super) fn seeded(recipe: &imagenette_train::Recipe, seed: u64) -> imagenette_train::Recipe {
    imagenette_train::Recipe { seed, runs: 1, ..recipe.clone() }
}

/// A recipe as a table, without what may differ between the runs of a side.
pub(super) fn table(recipe: &imagenette_train::Recipe) -> anyhow::Result<toml::Table> {
    let mut table: toml::Table = recipe.to_toml().parse()?;
    recipes::NOT_THE_RECIPE.iter().for_each(|key| drop(table.remove(*key)));
    Ok(table)
}
