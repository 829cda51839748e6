//! Which photos a recipe trains on and which it is evaluated on: those of its task, where it has one, and two parts of
//! the labeled ones where it holds some out.

use std::collections::BTreeMap;

use imagenette_data::hold_out::{HoldOut, fold_of, hold_out_of};
use imagenette_data::manifest::Manifest;
use imagenette_data::task::{Task, TaskSplit};

use crate::checks::require;
use crate::error::Result;
use crate::recipe::Recipe;
use crate::validate::inside;

impl Recipe {
    /// The task, where there is one.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn task(&self) -> Result<Option<Task>> {
        self.task.as_deref().map(Task::named).transpose().map_err(|error| inside(error, ""))
    }

    /// Who is trained on, with labels and without, and who is evaluated.
    ///
    /// # Errors
    /// When the task is not for this dataset, or the share that is held out makes no sense.
    pub fn split(&self, manifest: &Manifest) -> Result<TaskSplit> {
        let split = self.split_with_labels(manifest)?;
        if self.self_supervised.is_none() {
            return Ok(split);
        }
        let TaskSplit { labeled, mut unlabeled, .. } = split;
        unlabeled.extend(labeled);
        unlabeled.sort_unstable();
        Ok(TaskSplit { labeled: Vec::new(), unlabeled, wrong: BTreeMap::new(), ..split })
    }

    /// Photos whose labels judge a run that learns without any, and those labels: all of train, or those of the task.
    ///
    /// # Errors
    /// As [`Recipe::split`].
    pub fn judges(&self, manifest: &Manifest) -> Result<Vec<(u32, u16)>> {
        let split = self.split_with_labels(manifest)?;
        let labels = split.labels(manifest);
        Ok(split.labeled.iter().map(|&sample| (sample, labels[sample as usize])).collect())
    }

    /// The photos that are learned from beside a teacher's: those with labels, or all where no label is looked at.
    pub fn learned<'s>(&self, split: &'s TaskSplit) -> &'s [u32] {
        if self.self_supervised.is_some() { &split.unlabeled } else { &split.labeled }
    }

    fn split_with_labels(&self, manifest: &Manifest) -> Result<TaskSplit> {
        let split = match self.task()? {
            Some(task) => task.split(manifest, self.draw).map_err(|error| inside(error, ""))?,
            None => {
                let whole = TaskSplit::whole(manifest);
                // Photos without labels are part of an epoch where they are learned from.
                let more =
                    if self.unlabeled.is_some() || self.self_supervised.is_some() { whole.unlabeled.len() } else { 0 };
                TaskSplit { epoch_photos: whole.labeled.len() + more, ..whole }
            }
        };
        let before = split.labeled.len();
        let HoldOut { train, held_out } = match (self.hold_out, self.folds) {
            (None, None) => return Ok(split),
            (Some(share), _) => hold_out_of(manifest, split.labeled, share)?,
            (None, Some(folds)) => fold_of(manifest, split.labeled, folds.of, folds.fold)?,
        };
        // Without a task an epoch is what is left of it, and without labels no photo counts more than once either.
        let out = if self.task.is_none() || self.task()? == Some(Task::NoLabels) { before - train.len() } else { 0 };
        Ok(TaskSplit { labeled: train, evaluated: held_out, epoch_photos: split.epoch_photos - out, ..split })
    }

    /// Labeled photos that an epoch draws: of all the photos that are drawn in it those that have a label.
    pub fn labeled_draws(&self, split: &TaskSplit) -> usize {
        split.epoch_photos / self.photos_each()
    }

    pub(crate) fn validate_task(&self) -> Result<()> {
        let task = self.task()?;
        require(
            task.is_some() || self.draw == 1,
            "draw",
            "none without a task",
            self.draw.to_string(),
            "name one: `task = \"labels-10%\"`, or `train --task labels-10%`",
        )?;
        let draws = task.map_or(1, Task::draws);
        require(
            (1..=draws).contains(&self.draw),
            "draw",
            &format!("a draw from 1 to {draws}"),
            self.draw.to_string(),
            "results are over draws 1, 2 and 3",
        )
    }
}
