//! Everything that a run needs before its first step, in the order in which it can be refused: the machine and the
//! recipe first, then the dataset, which may have to be fetched or drawn, and last its pixels, which may have to be
//! packed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use imagenette_data::dataset::Dataset;
use imagenette_data::packed::Packed;
use imagenette_data::store::Store;
use imagenette_train::parts::Parts;
use imagenette_train::{Recipe, TrainJob};

use crate::cli::MachineFlags;
use crate::machine::Machine;
use crate::terminal::{Refusal, Terminal};
use crate::{Program, datasets, machine, recipes};

/// The first half of the way: a machine, and nothing fetched, drawn or packed yet.
pub(crate) struct Preparation<'p> {
    pub(crate) machine: Machine,
    pub(crate) store: Store,
    program: &'p Program,
    terminal: &'p Terminal,
    began: Instant,
}

impl<'p> Preparation<'p> {
    /// Begins with what costs nothing: the device is there, its threads are set.
    pub(crate) fn begin(flags: &MachineFlags, program: &'p Program, terminal: &'p Terminal) -> anyhow::Result<Self> {
        let began = Instant::now();
        Ok(Self { machine: Machine::of(flags)?, store: Store::open_default()?, program, terminal, began })
    }

    /// A recipe by its name or file, with these settings put over it, that this machine can run.
    pub(crate) fn recipe(&self, named: &str, overrides: &[(String, String)]) -> anyhow::Result<Recipe> {
        let recipe = recipes::read(named, overrides, self.program.parts())?;
        self.check(&recipe)?;
        Ok(recipe)
    }

    /// The same for what trains several runs of one recipe: one that leaves nothing to be chosen on each machine.
    pub(crate) fn settled_recipe(&self, named: &str, overrides: &[(String, String)]) -> anyhow::Result<Recipe> {
        let recipe = self.recipe(named, overrides)?;
        if recipe.choices.is_empty() {
            return Ok(recipe);
        }
        Err(Refusal::usage(
            format!("`{named}` chooses its settings by its budget: runs of it may be of several recipes"),
            "give it epochs, by which it chooses at once (`--epochs 5`, `--set epochs=5`), or `--set choices=[]`",
        ))
    }

    /// The parts that recipes can name.
    pub(crate) fn parts(&self) -> &Parts {
        self.program.parts()
    }

    /// Refuses a recipe that this machine cannot run.
    pub(crate) fn check(&self, recipe: &Recipe) -> anyhow::Result<()> {
        self.machine.device.clone().with_precision(recipe.precision)?;
        Ok(())
    }

    /// The dataset that a recipe names, else the best there is, which may be fetched or drawn now.
    pub(crate) fn dataset(&self, recipe: &Recipe, offline: bool) -> anyhow::Result<Dataset> {
        match &recipe.dataset {
            Some(named) => datasets::named(named, &self.store),
            None => datasets::best(&self.store, offline, self.terminal),
        }
    }

    /// The photos' pixels, decoded now if they are not yet.
    pub(crate) fn pixels(&self, dataset: &Dataset) -> anyhow::Result<Arc<Packed>> {
        datasets::pixels(dataset, &self.store.packed_folder(), self.machine.threads, self.terminal)
    }

    /// The second half: a recipe that fits the dataset, and the dataset's pixels.
    pub(crate) fn finish(self, recipe: Recipe, dataset: Dataset) -> anyhow::Result<Prepared<'p>> {
        self.fit([&recipe], &dataset)?;
        let packed = self.pixels(&dataset)?;
        Ok(self.with(recipe, dataset, packed))
    }

    /// Refuses recipes that do not fit this machine or the dataset, and says where they enlarge its photos.
    pub(crate) fn fit<'r>(
        &self,
        recipes: impl IntoIterator<Item = &'r Recipe>,
        dataset: &Dataset,
    ) -> anyhow::Result<()> {
        let mut enlarged = BTreeSet::new();
        for recipe in recipes {
            self.check(recipe)?;
            recipe.validate_for(&dataset.manifest)?;
            enlarged.extend(recipe.enlarges(&dataset.manifest));
        }
        for (photos_px, shown_px) in enlarged {
            self.terminal
                .say(&format!("photos of {photos_px} px (median shortest side) are enlarged to {shown_px} px"));
        }
        Ok(())
    }

    /// The second half where what fits was seen to already, and the pixels were packed: nothing is looked at again.
    pub(crate) fn with(self, recipe: Recipe, dataset: Dataset, packed: Arc<Packed>) -> Prepared<'p> {
        let Self { machine, store: _, program, terminal: _, began } = self;
        Prepared { machine, program, recipe, dataset, packed, seconds: machine::process_seconds(began) }
    }
}

/// Everything that a run needs.
pub(crate) struct Prepared<'p> {
    pub(crate) machine: Machine,
    pub(crate) recipe: Recipe,
    pub(crate) dataset: Dataset,
    pub(crate) packed: Arc<Packed>,
    program: &'p Program,
    /// How long the preparation took.
    seconds: f64,
}

impl Prepared<'_> {
    /// The parts that recipes can name.
    pub(crate) fn parts(&self) -> &Parts {
        self.program.parts()
    }

    /// A new run of the recipe into a folder, evaluated after its last epoch alone.
    pub(crate) fn job(&self, seed: u64, folder: PathBuf) -> TrainJob<'_> {
        let (recipe, packed, device) = (self.recipe.clone(), self.packed.clone(), self.machine.device.clone());
        TrainJob {
            seed,
            loader_threads: self.machine.threads,
            parts: self.program.parts().clone(),
            program: self.program.version().into(),
            commit: self.program.commit().map(Into::into),
            ..TrainJob::new(recipe, &self.dataset, packed, folder, device)
        }
    }

    /// The same for the run that the preparation was made for: its time counts in the run's total.
    pub(crate) fn first_job(&self, seed: u64, folder: PathBuf) -> TrainJob<'_> {
        TrainJob { prepared_seconds: self.seconds, ..self.job(seed, folder) }
    }

    /// A run that is measured and of which nothing is kept, at the recipe's precision. `place` is for files that it
    /// may need on the way.
    pub(crate) fn measured_job(&self, place: &Path) -> anyhow::Result<TrainJob<'_>> {
        let device = self.machine.device.clone().with_precision(self.recipe.precision)?;
        Ok(TrainJob { device, checkpoint_seconds: f64::INFINITY, ..self.job(0, place.join("run")) })
    }
}
