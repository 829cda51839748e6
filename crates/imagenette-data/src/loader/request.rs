//! What is asked of the loader: which samples, how they are seen, and at which resolution.

use crate::augment::{
    Augment, Cutout, Erase, EvaluationGeometry, Mix, OwnAugmentations, Plan, Strong, plan_evaluation, plan_train,
};
use crate::error::{DataError, Result};
use crate::random::SampleKey;

/// How the samples of a batch are seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// As training sees them: cropped and mirrored at random.
    Train(Augment),
    /// As evaluation sees them: always the same.
    Evaluation(EvaluationGeometry),
}

/// A batch that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRequest {
    /// The epoch, on which all that is random depends.
    pub epoch: u32,
    /// The samples, by their number in the manifest.
    pub samples: Vec<u32>,
    /// Where a sample can be drawn several times in an epoch: the number that takes the epoch's place in what is random of
    /// each sample, so that no two of its showings are alike. `None` where it is the epoch itself.
    pub passes: Option<Vec<u32>>,
    /// The side of the square that the network sees.
    pub resolution_px: u32,
    /// How the samples are seen.
    pub view: View,
    /// Which view of the samples this is, where one epoch shows several: what is random of each sample depends on it. 0
    /// where there is one; at most [`SampleKey::LARGEST_VIEW`].
    pub view_number: u32,
    /// What code from elsewhere does to the samples, before anything is erased.
    pub own: OwnAugmentations,
    /// How the samples are changed strongly after that; `None` for not at all.
    pub strong: Option<Strong>,
    /// What squares are cut out of the samples after that; `None` for none.
    pub cutout: Option<Cutout>,
    /// What is erased from the samples; `None` leaves them whole.
    pub erase: Option<Erase>,
    /// How the samples are mixed with one another; `None` leaves them as they are. A batch of which samples are still
    /// to be selected is mixed afterward, by [`Mix::batch`].
    pub mix: Option<MixRequest>,
}

/// How one batch is mixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixRequest {
    /// The settings.
    pub mix: Mix,
    /// The place of the batch's first sample in its epoch, which makes its mixture another than every other batch's.
    pub start: u32,
}

/// The largest resolution that can be asked for; more is surely a typing error.
pub const LARGEST_RESOLUTION_PX: u32 = 4096;

impl BatchRequest {
    /// Samples seen in this view and as they are: nothing else is done to them.
    pub fn plain(epoch: u32, samples: &[u32], resolution_px: u32, view: View) -> Self {
        Self {
            epoch,
            samples: samples.to_vec(),
            passes: None,
            resolution_px,
            view,
            view_number: 0,
            own: OwnAugmentations::default(),
            strong: None,
            cutout: None,
            erase: None,
            mix: None,
        }
    }

    /// Checks the request against the number of photos there are.
    pub(super) fn validate(&self, photos: u32) -> Result<()> {
        match &self.view {
            View::Train(augment) => augment.validate()?,
            View::Evaluation(geometry) => geometry.validate()?,
        }
        self.strong.map_or(Ok(()), |strong| strong.validate())?;
        self.cutout.map_or(Ok(()), |cutout| cutout.validate())?;
        self.erase.map_or(Ok(()), |erase| erase.validate())?;
        self.mix.map_or(Ok(()), |mixed| mixed.mix.validate())?;
        if !(1..=LARGEST_RESOLUTION_PX).contains(&self.resolution_px) {
            return Err(DataError::Setting {
                key: "resolution_px".into(),
                expected: format!("a number from 1 to {LARGEST_RESOLUTION_PX}"),
                found: self.resolution_px.to_string(),
                hint: "64 to 256 are usual".into(),
            });
        }
        if self.view_number > SampleKey::LARGEST_VIEW {
            return Err(DataError::Setting {
                key: "view_number".into(),
                expected: format!("a number from 0 to {}", SampleKey::LARGEST_VIEW),
                found: self.view_number.to_string(),
                hint: "views are counted from 0 in each epoch".into(),
            });
        }
        if let Some(passes) = self.passes.as_ref().filter(|passes| passes.len() != self.samples.len()) {
            return Err(DataError::Setting {
                key: "passes".into(),
                expected: format!("{} numbers, one for each sample", self.samples.len()),
                found: passes.len().to_string(),
                hint: "take samples and passes from the same order".into(),
            });
        }
        match self.samples.iter().find(|&&sample| sample >= photos) {
            Some(sample) => Err(DataError::Setting {
                key: "samples".into(),
                expected: format!("numbers below {photos}, the number of photos"),
                found: sample.to_string(),
                hint: "take the samples from the manifest of the dataset that was packed".into(),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn plan(&self, width_px: u32, height_px: u32, key: SampleKey) -> Plan {
        match &self.view {
            View::Train(augment) => plan_train(augment, width_px, height_px, self.resolution_px, key),
            View::Evaluation(geometry) => plan_evaluation(*geometry, width_px, height_px, self.resolution_px),
        }
    }
}
