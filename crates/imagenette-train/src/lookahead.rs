//! Slow weights that follow the fast ones from time to time and then take their place: training goes where several steps
//! agree to go.

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::error::Result;
use crate::ops;
use crate::recipe::checks::require;
use crate::weights::{Layout, Role, SlotId, Weights};

/// When and how far the slow weights follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LookaheadConfig {
    /// The same share of the way each time. Running statistics are left alone.
    ///
    /// # Source
    /// Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", 2019, algorithm 1.
    Steady {
        /// Steps from one time to the next.
        #[serde(default = "six")]
        every: u32,
        /// The share of the way, above 0 and up to 1.
        #[serde(default = "half")]
        share: f64,
    },
    /// The slow weights keep `keep`^`every` × progress³ of themselves: nothing at first, nearly an average at the end.
    /// Running statistics go with them, and the slow weights are what is judged and kept.
    ///
    /// # Source
    /// Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.4 and the code of airbench94.
    Rising {
        /// Steps from one time to the next.
        #[serde(default = "five")]
        every: u32,
        /// The share for each step that is kept at the end of the run, 0 or more and below 1.
        #[serde(default = "keep")]
        keep: f64,
    },
}

fn six() -> u32 {
    6
}

fn half() -> f64 {
    0.5
}

fn five() -> u32 {
    5
}

fn keep() -> f64 {
    0.95
}

impl LookaheadConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key whose value makes no sense.
    pub fn validate(&self) -> Result<()> {
        let (every, (key, share, holds)) = match *self {
            Self::Steady { every, share } => (every, ("lookahead.share", share, share > 0.0 && share <= 1.0)),
            Self::Rising { every, keep } => (every, ("lookahead.keep", keep, (0.0..1.0).contains(&keep))),
        };
        require(every >= 1, "lookahead.every", "1 or more", every.to_string(), "5 or 6 steps are usual")?;
        require(holds, key, "a share from 0 to 1", share.to_string(), "0.5 is usual for `share`, 0.95 for `keep`")
    }

    /// Steps from one time to the next.
    fn every(&self) -> u32 {
        match *self {
            Self::Steady { every, .. } | Self::Rising { every, .. } => every,
        }
    }

    /// Whether a tensor of this role is followed.
    fn follows(&self, role: Role) -> bool {
        role.is_learned() || (role == Role::Statistic && self.is_judged())
    }

    /// Whether the slow weights are what is judged and kept.
    pub fn is_judged(&self) -> bool {
        matches!(self, Self::Rising { .. })
    }
}

/// The slow weights.
#[derive(Debug, Clone)]
pub struct Lookahead {
    config: LookaheadConfig,
    slow: Weights,
}

impl Lookahead {
    /// Slow weights that begin as the fast ones.
    pub fn new(config: LookaheadConfig, weights: &Weights) -> Self {
        Self { config, slow: weights.clone() }
    }

    /// The slow weights.
    pub fn slow(&self) -> &Weights {
        &self.slow
    }

    /// The slow weights, to go on from other ones.
    pub fn slow_mut(&mut self) -> &mut Weights {
        &mut self.slow
    }

    /// The slow weights where they are what counts.
    pub fn judged(&self) -> Option<&Weights> {
        self.config.is_judged().then_some(&self.slow)
    }

    /// Looks after a step, `step` being its number from 1 and `progress` how far the run then is: when it is time, the slow
    /// weights move and the fast ones become as they are.
    pub fn after_step(&mut self, weights: &mut Weights, layout: &Layout, step: u64, progress: f64, device: &Device) {
        let every = self.config.every();
        if !step.is_multiple_of(every.into()) {
            return;
        }
        let kept = match self.config {
            LookaheadConfig::Steady { share, .. } => 1.0 - share,
            LookaheadConfig::Rising { keep, .. } => keep.powi(every as i32) * progress.powi(3),
        };
        for (place, slot) in layout.slots().iter().enumerate() {
            let id = SlotId(place);
            if self.config.follows(slot.role) {
                let moved =
                    ops::move_average(self.slow.take(id, device), weights.tensor(id).clone(), kept, device.ops());
                weights.set(id, moved.clone());
                self.slow.set(id, moved);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Initial;

    /// A learned tensor, a statistic and a frozen one, which the fast weights move by 1 at each of `steps` steps.
    fn run(config: LookaheadConfig, steps: u64) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("learned".into(), Role::Weight, &[1, 1], Initial::Constant(0.0));
        layout.add("statistic".into(), Role::Statistic, &[1], Initial::Constant(0.0));
        layout.add("frozen".into(), Role::Frozen, &[1], Initial::Constant(0.0));
        let mut weights = Weights::draw(&layout, 0, &device);
        let mut lookahead = Lookahead::new(config, &weights);
        for step in 1..=steps {
            let moved = weights.to_host().into_iter().map(|values| vec![values[0] + 1.0]);
            weights = Weights::from_host(moved, &device);
            lookahead.after_step(&mut weights, &layout, step, step as f64 / 10.0, &device);
        }
        (weights.to_host(), lookahead.slow().to_host())
    }

    #[test]
    fn steady_slow_weights_go_half_the_way_and_the_fast_ones_go_back_to_them() {
        let steady = LookaheadConfig::Steady { every: 2, share: 0.5 };
        assert_eq!(run(steady, 1).1[0], [0.0]);
        // 0, then 1, 2 -> 1; then 2, 3 -> 2: half way from 1 to 3; then 3.
        let (fast, slow) = run(steady, 5);
        assert_eq!((fast[0][0], slow[0][0]), (3.0, 2.0));
        assert_eq!((fast[1][0], slow[1][0]), (5.0, 0.0), "statistics are left alone");
    }

    #[test]
    fn rising_slow_weights_keep_more_of_themselves_towards_the_end() {
        let rising = LookaheadConfig::Rising { every: 2, keep: 0.5 };
        // After step 2 (progress 0.2) 0.25 × 0.008 of 0 is kept; after step 4 (0.4) 0.25 × 0.064.
        let first = 2.0 * (1.0 - 0.002);
        let second = first * 0.016 + (first + 2.0) * (1.0 - 0.016);
        let (fast, slow) = run(rising, 4);
        for place in [0, 1] {
            assert!((f64::from(slow[place][0]) - second).abs() < 1e-6, "{slow:?} {second}");
            assert_eq!(fast[place], slow[place]);
        }
    }
}
