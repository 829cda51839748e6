//! The exponential moving average of the weights: what is evaluated and kept when the recipe asks for it.

use crate::compute::device::Device;
use crate::compute::weights::{Layout, Role, SlotId, Weights};
use crate::ops;

/// Moves the average toward the weights; `step` counts these moves, from 1.
///
/// In the beginning less is kept than `decay`, so that the initial weights are soon forgotten:
/// min(decay, (1 + step) / (10 + step)), as in TensorFlow's `ExponentialMovingAverage`. Running statistics are averaged
/// like weights.
pub fn follow(average: &mut Weights, weights: &Weights, layout: &Layout, decay: f64, step: u64, device: &Device) {
    let keep = decay.min((1.0 + step as f64) / (10.0 + step as f64));
    for (place, slot) in layout.slots().iter().enumerate() {
        if slot.role != Role::Frozen {
            let id = SlotId(place);
            let moved = ops::move_average(average.take(id, device), weights.tensor(id).clone(), keep, device.ops());
            average.set(id, moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::weights::Initial;

    #[test]
    fn it_follows_the_weights_and_soon_forgets_the_beginning() {
        let device = Device::cpu();
        let mut layout = Layout::default();
        layout.add("learned".into(), Role::Weight, &[1, 1], Initial::Constant(0.0));
        layout.add("frozen".into(), Role::Frozen, &[1], Initial::Constant(0.0));
        let mut average = Weights::draw(&layout, 0, &device);
        let weights = Weights::from_host([vec![1.0], vec![1.0]], &device);
        follow(&mut average, &weights, &layout, 0.999, 1, &device);
        let expected = 1.0 - 2.0 / 11.0;
        assert!((average.to_host()[0][0] - expected).abs() < 1e-6);
        follow(&mut average, &weights, &layout, 0.1, 2, &device);
        assert!((average.to_host()[0][0] - (0.1 * expected + 0.9)).abs() < 1e-6);
        assert_eq!(average.to_host()[1], [0.0]);
    }
}
