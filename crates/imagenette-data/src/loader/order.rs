//! The order of samples in an epoch.

use crate::random::{Purpose, Random};

/// The samples in the order of this epoch: a random one, each order being equally likely, from the seed and the epoch
/// alone.
pub fn epoch_order(samples: &[u32], seed: u64, epoch: u32) -> Vec<u32> {
    let mut order = samples.to_vec();
    Random::new(seed, Purpose::Order, epoch, 0).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_shows_every_sample_once_in_its_own_order() {
        let samples: Vec<u32> = (100..1100).collect();
        let order = epoch_order(&samples, 1, 0);
        assert_eq!(order, epoch_order(&samples, 1, 0));
        for other in [epoch_order(&samples, 1, 1), epoch_order(&samples, 2, 0), samples.clone()] {
            let same_place = order.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!(same_place < 10, "{same_place}");
            let mut sorted = other.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, samples);
        }
        assert!(epoch_order(&[], 1, 0).is_empty());
    }
}
