//! Where a step's time goes: the operations report what they did and how long it took, while somebody wants to know.

use std::cell::RefCell;
use std::time::Instant;

/// A kind of work in a training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Convolutions forward.
    Forward,
    /// Gradients for the inputs of convolutions.
    InputGradients,
    /// Gradients for the weights of convolutions.
    WeightGradients,
    /// Normalization, residuals and activations, forward and backward.
    Normalization,
    /// Pooling, forward and backward.
    Pooling,
    /// The rest of the backward pass; with Burn's own operations all of it.
    Backward,
    /// The update of the weights.
    Optimizer,
}

impl Part {
    /// Every part, in the order of a step.
    pub const ALL: [Self; 7] = [
        Self::Forward,
        Self::InputGradients,
        Self::WeightGradients,
        Self::Normalization,
        Self::Pooling,
        Self::Backward,
        Self::Optimizer,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::InputGradients => "input gradients",
            Self::WeightGradients => "weight gradients",
            Self::Normalization => "normalization, activation",
            Self::Pooling => "pooling",
            Self::Backward => "rest of backward",
            Self::Optimizer => "optimizer",
        }
    }
}

/// Seconds and floating-point operations, by part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Profile {
    seconds: [f64; Part::ALL.len()],
    flop: [f64; Part::ALL.len()],
    /// Floating-point operations of the convolutions and their gradients, as the networks ask for them.
    pub asked_flop: f64,
}

impl Profile {
    /// Seconds of a part.
    pub fn seconds(&self, part: Part) -> f64 {
        self.seconds[part as usize]
    }

    /// Floating-point operations that a part is known to have done.
    pub fn flop(&self, part: Part) -> f64 {
        self.flop[part as usize]
    }

    /// Seconds of all parts together.
    pub fn total_seconds(&self) -> f64 {
        self.seconds.iter().sum()
    }
}

thread_local! {
    /// The account, while it is kept: of the thread that takes the steps, since forward, backward and update all begin
    /// there.
    static ACCOUNT: RefCell<Option<Profile>> = const { RefCell::new(None) };
}

fn with_account<T>(look: impl FnOnce(&mut Option<Profile>) -> T) -> T {
    ACCOUNT.with_borrow_mut(look)
}

/// Begins an account of the training on this thread.
pub fn begin() {
    with_account(|account| *account = Some(Profile::default()));
}

/// Ends it.
pub fn finish() -> Profile {
    with_account(|account| account.take().unwrap_or_default())
}

/// Does some work and counts its time for a part; work inside it that counts for another part does not count twice.
pub(crate) fn time<T>(part: Part, flop: f64, work: impl FnOnce() -> T) -> T {
    let before = with_account(|account| account.as_ref().map(Profile::total_seconds));
    let began = Instant::now();
    let result = work();
    let seconds = began.elapsed().as_secs_f64();
    with_account(|account| {
        if let (Some(account), Some(before)) = (account, before) {
            let inside = account.total_seconds() - before;
            account.seconds[part as usize] += (seconds - inside).max(0.0);
            account.flop[part as usize] += flop;
        }
    });
    result
}

/// Notes operations that a part did, and those that the network asked for with it, gradients included.
pub(super) fn did(part: Part, flop: f64, asked: f64) {
    with_account(|account| {
        if let Some(account) = account {
            account.flop[part as usize] += flop;
            account.asked_flop += asked;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn work_inside_other_work_counts_once() {
        begin();
        time(Part::Backward, 0.0, || {
            std::thread::sleep(Duration::from_millis(5));
            time(Part::Pooling, 7.0, || std::thread::sleep(Duration::from_millis(20)));
        });
        let profile = finish();
        assert!(profile.seconds(Part::Pooling) >= 0.02 && profile.flop(Part::Pooling) == 7.0);
        assert!(profile.seconds(Part::Backward) >= 0.005, "{profile:?}");
        assert!(profile.total_seconds() >= 0.025);
    }
}
