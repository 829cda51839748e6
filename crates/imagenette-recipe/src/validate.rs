//! The checks that types cannot make: of a recipe by itself, then against the dataset that it is used on.

use imagenette_data::DataError;
use imagenette_data::edition::Edition;
use imagenette_data::loader::LARGEST_RESOLUTION_PX;
use imagenette_data::manifest::Manifest;
use imagenette_data::task::TaskSplit;
use imagenette_files::{memory, visible};

use crate::balance::ClassWeights;
use crate::budget::check_limit;
use crate::checks::{below_one, positive, require};
use crate::error::{RecipeError, Result};
use crate::model::ModelConfig;
use crate::recipe::{Recipe, Rules};
use crate::schedule::{Resolution, Schedule};

/// The most letters of a recipe's name.
const LONGEST_NAME: usize = 200;
/// The memory that a step takes in the plan, while it is made, and in the history.
const BYTES_OF_A_STEP: u64 = 256;
/// How many times their size photos of one's own may be shown at.
const MOST_ENLARGED: u32 = 16;

impl Recipe {
    /// Checks every value by itself.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        validate_name(&self.name)?;
        check_limit(self.epochs, self.budget)?;
        at_least_one("batch_size", self.batch_size)?;
        at_least_one("runs", self.runs)?;
        self.model.validate()?;
        self.optimizer.validate()?;
        self.optimizer.validate_for(&self.model)?;
        self.validate_resolutions()?;
        match &self.schedule {
            Schedule::Own(_) => {}
            Schedule::OneCycle { warm_up, start, end } => {
                share("schedule.warm_up", *warm_up)?;
                share("schedule.start", *start)?;
                share("schedule.end", *end)?;
            }
            Schedule::Linear { warm_up } => share("schedule.warm_up", *warm_up)?,
            Schedule::Exponential { start, end } => {
                positive("schedule.start", *start)?;
                positive("schedule.end", *end)?;
            }
            Schedule::FlatCosine { warm_up, flat } => {
                share("schedule.warm_up", *warm_up)?;
                share("schedule.flat", *flat)?;
                require(
                    warm_up <= flat,
                    "schedule.warm_up",
                    &format!("at most `flat` ({flat}), where the fall begins"),
                    warm_up.to_string(),
                    "shorten the warm-up",
                )?;
            }
        }
        if let Some(folds) = self.folds {
            require(
                self.hold_out.is_none(),
                "folds",
                "one of `folds` and `hold_out`",
                "both".into(),
                "leave one of them out: each says which photos are held out",
            )?;
            require(
                folds.of >= 2 && (1..=folds.of).contains(&folds.fold),
                "folds",
                "a fold from 1 to `of`, which is 2 or more",
                format!("fold {} of {}", folds.fold, folds.of),
                "`train --folds 5` trains them all",
            )?;
        }
        if let Some(share) = self.hold_out {
            require(
                share > 0.0 && share < 1.0,
                "hold_out",
                "a share above 0 and below 1",
                share.to_string(),
                "0.1 keeps back a tenth of the train split; leave it out to be evaluated on val",
            )?;
        }
        below_one("loss.label_smoothing", self.loss.label_smoothing)?;
        require(
            self.loss.own.is_none() || self.loss.class_weights == ClassWeights::None,
            "loss.class_weights",
            "`none` with a loss that is not cross-entropy",
            "`balanced`".into(),
            "use `sampler = \"balanced\"`, which goes with every loss, or weigh the classes in the loss itself",
        )?;
        if let Some(ema) = self.ema {
            below_one("ema.decay", ema.decay)?;
            ema.window().validate("ema")?;
        }
        self.validate_lookahead()?;
        self.validate_rules()?;
        self.validate_task()?;
        self.validate_unlabeled()?;
        self.validate_self_supervised()?;
        self.validate_initial()?;
        if let Some(selection) = &self.selection {
            selection.validate()?;
        }
        for checked in
            [self.erase.map(|erase| erase.validate()), self.mix.map(|mix| mix.validate())].into_iter().flatten()
        {
            checked.map_err(|error| inside(error, ""))?;
        }
        self.augment.validate()?;
        self.evaluation.geometry.validate().map_err(|error| inside(error, "evaluation"))
    }

    /// Checks that there are photos without labels where the recipe learns from such.
    fn validate_without_labels(&self, manifest: &Manifest, split: &TaskSplit) -> Result<()> {
        require(
            self.unlabeled.is_none() || !split.unlabeled.is_empty(),
            "unlabeled",
            "photos without labels to learn from",
            format!("none in {}", manifest.name),
            "name a task (`--task labels-10%`), or install them beside the others: `get --from mine/ --unlabeled more/`",
        )
    }

    fn validate_rules(&self) -> Result<()> {
        let Some(Rules::Leaderboard) = self.rules else { return Ok(()) };
        let (evaluated_px, largest_px) = (self.evaluation.resolution, self.resolution.largest_px());
        require(
            evaluated_px <= largest_px,
            "evaluation.resolution",
            &format!("at most {largest_px} px, the largest in training (`rules = \"leaderboard\"`)"),
            format!("{evaluated_px} px"),
            "train at the evaluation's resolution too, or leave `rules` out: the result is then not an entry",
        )
    }

    fn validate_lookahead(&self) -> Result<()> {
        let Some(lookahead) = self.lookahead else { return Ok(()) };
        lookahead.validate()?;
        require(
            self.optimizer.lookahead().is_none(),
            "lookahead",
            "none with an optimizer that has its own",
            "one with `ranger`".into(),
            "set `optimizer.lookahead_every` and `optimizer.lookahead_share` instead",
        )?;
        require(
            !(lookahead.is_evaluated() && self.ema.is_some()),
            "ema",
            "none with a `rising` lookahead, whose slow weights are an average already",
            "both".into(),
            "leave one of them out",
        )
    }

    fn validate_resolutions(&self) -> Result<()> {
        if let Resolution::Stages(stages) = &self.resolution {
            let begins = stages.first().is_some_and(|stage| stage.from == 0.0);
            let ascends = stages.windows(2).all(|pair| pair[0].from < pair[1].from);
            let ends = stages.last().is_some_and(|stage| stage.from < 1.0);
            require(
                begins && ascends && ends,
                "resolution",
                "stages that begin at 0 and ascend, all below 1",
                format!("{:?}", stages.iter().map(|stage| stage.from).collect::<Vec<_>>()),
                "the first stage is `from = 0.0`; each next one begins later",
            )?;
            for stage in stages {
                at_least_one("resolution.batch_size", stage.batch_size.unwrap_or(1))?;
                if let Some(crop) = stage.crop {
                    let checked = self.augment.crop_and_flip(Some(crop)).validate();
                    checked.map_err(|error| inside(error, "resolution"))?;
                }
            }
        }
        let resolution = &self.resolution;
        for (key, px) in [
            ("resolution", resolution.smallest_px()),
            ("resolution", resolution.largest_px()),
            ("evaluation.resolution", self.evaluation.resolution),
        ] {
            check_resolution(key, px, &self.model)?;
        }
        Ok(())
    }

    /// Checks that the plan of the run's steps over this many samples, and their history, fit into memory.
    ///
    /// # Errors
    /// When they do not.
    pub fn check_steps(&self, samples: usize) -> Result<()> {
        let of_stages = self.resolution.stages().iter().filter_map(|stage| stage.batch_size);
        let smallest = of_stages.chain([self.batch_size]).min().unwrap_or(1).max(1);
        // How many epochs a budget pays for is checked when it is planned.
        let steps = u64::from(self.epochs.max(1)).saturating_mul((samples / smallest as usize) as u64);
        let what = format!("{} epochs of {} steps (`epochs`)", self.epochs, samples / smallest as usize);
        Ok(memory::check(&what, steps.saturating_mul(BYTES_OF_A_STEP), "set `epochs` lower")?)
    }

    /// Checks the recipe against the dataset that it is used on.
    ///
    /// # Errors
    /// When it asks for more pixels than the photos have, for a batch larger than the train split, or when a split is
    /// empty.
    pub fn validate_for(&self, manifest: &Manifest) -> Result<()> {
        let split = self.split(manifest)?;
        let (train, evaluated) = (self.learned(&split).len(), split.evaluated.len());
        let of_stages = self.resolution.stages().iter().filter_map(|stage| stage.batch_size);
        let largest = of_stages.chain([self.batch_size]).max().unwrap_or(0);
        let drawn = self.labeled_draws(&split);
        if let Some(share) = self.hold_out {
            // Where the whole split is smaller than a batch, what is held out is not to blame.
            require(
                self.task.is_some() || largest as usize <= train || largest as usize > train + evaluated,
                "hold_out",
                &format!("a share that leaves a batch ({largest}) to train on"),
                format!("{share}, which leaves {train} of {} photos", train + evaluated),
                "hold out less: 0.1 is usual",
            )?;
        }
        for (split, count) in
            [("train", train), (if self.hold_out.is_some() { "train, held out" } else { "val" }, evaluated)]
        {
            require(
                count > 0,
                "dataset",
                &format!("labeled photos in `{split}`"),
                format!("none in {}", manifest.name),
                "use a dataset with both splits",
            )?;
        }
        require(
            manifest.classes.len() > 1,
            "dataset",
            "two classes or more, to tell them apart",
            match &manifest.classes[..] {
                [class] => format!("one in {}: `{}`", manifest.name, class.name),
                _ => format!("none in {}", manifest.name),
            },
            "add a folder of photos for each further class, then install the dataset again",
        )?;
        self.validate_balance(manifest, &split.labeled)?;
        self.validate_without_labels(manifest, &split)?;
        require(
            largest as usize <= drawn,
            "batch_size",
            &match self.photos_each() {
                1 => format!("at most the {drawn} photos that are trained on"),
                each => format!("at most the {drawn} labeled photos of an epoch, of which one in {each} has a label"),
            },
            largest.to_string(),
            &format!("use `--set batch_size={}`", drawn.min(64)),
        )?;
        self.check_steps(drawn)?;
        let shortest_px = median_side_px(manifest);
        // Of photos of one's own there is no larger size to get: `enlarges` says what happens.
        let (most_px, most) = match manifest.edition {
            Edition::Own => (shortest_px.saturating_mul(MOST_ENLARGED), format!("{MOST_ENLARGED} times the")),
            _ => (shortest_px, "the".to_owned()),
        };
        for (key, px) in
            [("resolution", self.resolution.largest_px()), ("evaluation.resolution", self.evaluation.resolution)]
        {
            require(
                px <= most_px,
                key,
                &format!("at most {most_px} px, {most} photos' (median) shortest side"),
                format!("{px} px"),
                &format!("lower `{key}`, or get a larger size of the dataset"),
            )?;
        }
        Ok(())
    }

    /// What to say where most photos of a dataset are enlarged: the photos' (median) shortest side, and the largest
    /// resolution that they are shown at.
    pub fn enlarges(&self, manifest: &Manifest) -> Option<(u32, u32)> {
        let (shortest_px, largest_px) =
            (median_side_px(manifest), self.resolution.largest_px().max(self.evaluation.resolution));
        (shortest_px < largest_px).then_some((shortest_px, largest_px))
    }
}

/// The median: in a set of many sizes a few small photos may be enlarged, but not half of them.
fn median_side_px(manifest: &Manifest) -> u32 {
    let mut sides: Vec<u32> = manifest.images.iter().map(|image| image.width_px.min(image.height_px)).collect();
    sides.sort_unstable();
    sides.get(sides.len() / 2).copied().unwrap_or(0)
}

/// A name stands in tables, file names and pictures.
fn validate_name(name: &str) -> Result<()> {
    require(
        !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.contains(visible::is_code),
        "name",
        &format!("a name of at most {LONGEST_NAME} letters, without control codes"),
        format!("`{}`", visible::shortened(name, LONGEST_NAME)),
        "name = \"mine\"",
    )
}

/// Checks that a square of this size is one that this network can see.
pub(crate) fn check_resolution(key: &str, px: u32, model: &ModelConfig) -> Result<()> {
    let smallest_px = model.smallest_resolution_px().max(1);
    let (is_large_enough, found) = (px >= smallest_px, format!("{px} px"));
    let hint = format!(
        "use {smallest_px} px or more: this network halves the picture until {smallest_px} px are one; smaller photos of \
         one's own are enlarged"
    );
    require(is_large_enough, key, &format!("{smallest_px} px or more"), found.clone(), &hint)?;
    let (is_small_enough, expected) = (px <= LARGEST_RESOLUTION_PX, format!("at most {LARGEST_RESOLUTION_PX} px"));
    require(is_small_enough, key, &expected, found, "64 to 256 are usual")
}

/// The data crate names its keys from its own tables; in a recipe they are in other tables.
pub(crate) fn inside(error: DataError, table: &str) -> RecipeError {
    match error {
        DataError::Setting { key, expected, found, hint } => {
            let key = if key.starts_with(table) { key } else { format!("{table}.{key}") };
            RecipeError::Setting { key, expected, found, hint }
        }
        other => other.into(),
    }
}

fn at_least_one(key: &str, value: u32) -> Result<()> {
    require(value >= 1, key, "1 or more", value.to_string(), &format!("set `{key}` to 1 or more"))
}

fn share(key: &str, value: f64) -> Result<()> {
    require((0.0..=1.0).contains(&value), key, "a share from 0 to 1", value.to_string(), "0.15 means 15% of the run")
}
