//! Losses, schedules, selections and ways to learn without labels from elsewhere.

use std::fmt::Debug;

use burn::tensor::Tensor;
use imagenette_data::random::Random;

/// What is minimized.
pub trait OwnLoss: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The loss of a batch, one number: usually the mean over the samples.
    ///
    /// # Shapes
    /// `scores` (logits) and `targets` `[N, classes]`, to `[1]`. Each row of the targets says how much of each class the
    /// sample is, smoothed and mixed as the recipe asks; it sums to 1.
    fn loss(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;
}

/// The shape of the learning rate over a run.
pub trait OwnSchedule: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The factor of the peak rate when this share of the run is done: finite, 0 or more. Functions like `sin` differ in
    /// their last bits between systems: take them from the crate `libm` where runs shall repeat everywhere.
    ///
    /// # Shapes
    /// `progress` in 0..1.
    fn factor(&self, progress: f64) -> f64;
}

/// Which samples of a batch are learned from.
pub trait OwnSelection: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The places in the batch of the samples that are learned from: at least one and at most `count`, each once, in any
    /// order. `random` is keyed by (seed, the selection's name, epoch, the batch's place in it).
    fn select(&self, batch: &Judged, count: usize, random: &mut Random) -> Vec<usize>;
}

/// How photos without labels are learned from beside those with.
pub trait OwnMethod: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The loss of a step, one number: of the photos with labels and of those without.
    fn loss(&self, step: TwoStreams) -> Tensor<1>;
}

/// What a step says of photos with labels and of those without. The teacher is the average of the weights where the recipe
/// has one (`[ema]`), else the network itself.
#[derive(Debug)]
pub struct TwoStreams {
    /// The network's scores (logits) of the photos with labels, `[B, classes]`.
    pub labeled: Tensor<2>,
    /// How much of each class they are, smoothed and mixed as the recipe asks, `[B, classes]`.
    pub targets: Tensor<2>,
    /// The network's scores of strongly changed views of the photos without labels, `[U, classes]`.
    pub strong: Tensor<2>,
    /// The teacher's scores of their plain views, in the same order; no gradient goes back there. `[U, classes]`.
    pub teacher: Tensor<2>,
    /// How far the run is, in 0..1.
    pub progress: f64,
}

/// A batch as the network sees it before it learns from it, sample by sample.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'b> {
    /// The cross-entropy of each sample.
    pub losses: &'b [f64],
    /// The scores (logits), `[N, classes]` row by row.
    pub scores: &'b [f32],
    /// The label of each sample.
    pub labels: &'b [u16],
    /// The number of each sample in the manifest.
    pub samples: &'b [u32],
    /// How far the run is, in 0..1.
    pub progress: f64,
}
