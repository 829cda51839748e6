//! Slow weights that follow the fast ones from time to time and then take their place: training goes where several
//! steps agree to go.

use imagenette_recipe::lookahead::LookaheadConfig;

use crate::compute::device::Device;
use crate::compute::weights::{Layout, Role, SlotId, Weights};
use crate::ops;

/// Whether a tensor of this role is followed.
fn follows(config: &LookaheadConfig, role: Role) -> bool {
    role.is_learned() || (role == Role::Statistic && config.is_evaluated())
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

    /// The slow weights, to put others in their place.
    pub fn slow_mut(&mut self) -> &mut Weights {
        &mut self.slow
    }

    /// The slow weights where they are what is evaluated and kept.
    pub fn evaluated(&self) -> Option<&Weights> {
        self.config.is_evaluated().then_some(&self.slow)
    }

    /// Call after each step; `step` counts from 1, and `progress` is how far the run is after it. When it is time, the
    /// slow weights move and the fast ones become equal to them.
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
            if follows(&self.config, slot.role) {
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
    use crate::compute::weights::Initial;

    /// A learned tensor, a statistic and a frozen one; each of `steps` steps adds 1 to the fast weights.
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
    fn rising_slow_weights_keep_more_of_themselves_toward_the_end() {
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
