//! The checks that types cannot make: of a recipe by itself, then against the dataset it is to be used on.

use imagenette_data::DataError;
use imagenette_data::edition::Split;
use imagenette_data::manifest::Manifest;

use super::Recipe;
use super::checks::{below_one, require};
use crate::error::{Result, TrainError};
use crate::schedule::{Resolution, Schedule};

impl Recipe {
    /// Checks every value by itself.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        require(!self.name.trim().is_empty(), "name", "a name", format!("`{}`", self.name), "name = \"mine\"")?;
        at_least_one("epochs", self.epochs)?;
        at_least_one("batch_size", self.batch_size)?;
        at_least_one("runs", self.runs)?;
        self.model.validate()?;
        self.optimizer.validate()?;
        self.validate_resolutions()?;
        match self.schedule {
            Schedule::OneCycle { warm_up, start, end } => {
                share("schedule.warm_up", warm_up)?;
                share("schedule.start", start)?;
                share("schedule.end", end)?;
            }
            Schedule::Linear { warm_up } => share("schedule.warm_up", warm_up)?,
            Schedule::FlatCosine { flat } => share("schedule.flat", flat)?,
        }
        below_one("loss.label_smoothing", self.loss.label_smoothing)?;
        if let Some(ema) = self.ema {
            below_one("ema.decay", ema.decay)?;
        }
        // The data crate names its keys from its own tables; here they stand in `augment` and `evaluation`.
        let inside = |error: DataError, table: &str| match error {
            DataError::Setting { key, expected, found, hint } => {
                let key = if key.starts_with(table) { key } else { format!("{table}.{key}") };
                TrainError::Recipe { key, expected, found, hint }
            }
            other => other.into(),
        };
        self.augment.validate().map_err(|error| inside(error, "augment"))?;
        self.evaluation.geometry.validate().map_err(|error| inside(error, "evaluation"))
    }

    fn validate_resolutions(&self) -> Result<()> {
        let smallest_px = self.model.smallest_resolution_px();
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
        }
        for (key, px) in
            [("resolution", self.resolution.smallest_px()), ("evaluation.resolution", self.evaluation.resolution)]
        {
            require(
                px >= smallest_px,
                key,
                &format!("{smallest_px} px or more"),
                format!("{px} px"),
                &format!("this network halves the picture until {smallest_px} px are one"),
            )?;
        }
        Ok(())
    }

    /// Checks the recipe against the dataset it is to be used on.
    ///
    /// # Errors
    /// When it asks for more pixels than the photos have, for a batch larger than the train split, or when a split is
    /// empty.
    pub fn validate_for(&self, manifest: &Manifest) -> Result<()> {
        let (train, val) = (manifest.samples(Split::Train).len(), manifest.samples(Split::Val).len());
        for (split, count) in [("train", train), ("val", val)] {
            require(
                count > 0,
                "dataset",
                &format!("labelled photos in `{split}`"),
                format!("none in {}", manifest.name),
                "use a dataset with both splits",
            )?;
        }
        require(
            self.batch_size as usize <= train,
            "batch_size",
            &format!("at most the {train} photos of the train split"),
            self.batch_size.to_string(),
            &format!("use `--set batch_size={}`", train.min(64)),
        )?;
        // The median: in a set of many sizes a few small photos may be enlarged, but not the half of them.
        let mut sides: Vec<u32> = manifest.images.iter().map(|image| image.width_px.min(image.height_px)).collect();
        sides.sort_unstable();
        let shortest_px = sides.get(sides.len() / 2).copied().unwrap_or(0);
        for (key, px) in
            [("resolution", self.resolution.largest_px()), ("evaluation.resolution", self.evaluation.resolution)]
        {
            require(
                px <= shortest_px,
                key,
                &format!("at most {shortest_px} px, the photos' (median) shortest side"),
                format!("{px} px"),
                &format!("lower `{key}`, or get a larger size of the dataset"),
            )?;
        }
        Ok(())
    }
}

fn at_least_one(key: &str, value: u32) -> Result<()> {
    require(value >= 1, key, "1 or more", value.to_string(), &format!("set `{key}` to 1 or more"))
}

fn share(key: &str, value: f64) -> Result<()> {
    require((0.0..=1.0).contains(&value), key, "a share from 0 to 1", value.to_string(), "0.15 means 15% of the run")
}
