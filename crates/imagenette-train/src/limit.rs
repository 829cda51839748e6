//! What ends a run and how far it is: epochs, counted in steps, as progress in 0..1.

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    epochs: u32,
    steps_per_epoch: u64,
}

impl Limit {
    /// So many epochs over `samples` samples. An epoch is as many steps as there are full batches; as the order is another
    /// one in each epoch, so are the samples that are left over.
    pub fn epochs(epochs: u32, samples: usize, batch_size: u32) -> Self {
        Self { epochs, steps_per_epoch: samples as u64 / u64::from(batch_size) }
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(self) -> u64 {
        self.steps_per_epoch
    }

    /// Steps in the whole run.
    pub fn steps(self) -> u64 {
        u64::from(self.epochs) * self.steps_per_epoch
    }

    /// The epoch, from 0, of a step, from 0.
    pub fn epoch_of(self, step: u64) -> u32 {
        (step / self.steps_per_epoch.max(1)) as u32
    }

    /// How far the run is in the middle of this step (from 0), in 0..1. The middle, so that a line from or to zero wastes
    /// neither the first step nor the last.
    pub fn progress(self, step: u64) -> f64 {
        (step as f64 + 0.5) / self.steps() as f64
    }

    /// How many epochs are done after `steps` steps, if that is where an epoch ends.
    pub fn epoch_ended(self, steps: u64) -> Option<u32> {
        (steps > 0 && steps.is_multiple_of(self.steps_per_epoch)).then(|| (steps / self.steps_per_epoch) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_as_many_steps_as_there_are_full_batches() {
        let limit = Limit::epochs(5, 9_469, 64);
        assert_eq!((limit.steps_per_epoch(), limit.steps()), (147, 735));
        assert_eq!([0, 146, 147, 734].map(|step| limit.epoch_of(step)), [0, 0, 1, 4]);
        assert_eq!([0, 146, 147, 735].map(|steps| limit.epoch_ended(steps)), [None, None, Some(1), Some(5)]);
        assert!(limit.progress(0) > 0.0 && limit.progress(734) < 1.0);
    }
}
