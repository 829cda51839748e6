//! The order of samples in an epoch: every photo once, or every class equally often.

use std::collections::BTreeMap;

use crate::random::{Purpose, Random};

/// The samples in the order of this epoch: a random one, each order being equally likely, from the seed and the epoch
/// alone.
pub fn epoch_order(samples: &[u32], seed: u64, epoch: u32) -> Vec<u32> {
    let mut order = samples.to_vec();
    Random::new(seed, Purpose::Order, epoch, 0).shuffle(&mut order);
    order
}

/// The samples of this epoch with every class equally often, and each sample's pass: how often the class was gone through
/// before. An epoch has as many samples as there are photos, so that a class of few photos is gone through several times
/// in it, and one of many needs several epochs for one pass.
///
/// Of any samples that follow each other from the epoch's beginning no class has two more than another: they come in
/// rounds, each with one sample of every class in a random order. The photos of a class come in a random order that is
/// another one in each pass, and the next epoch goes on where this one ends. All follows from the seed and the epoch alone.
///
/// `label_of` gives the label of a sample; classes without samples are left out.
pub fn balanced_order(samples: &[u32], label_of: impl Fn(u32) -> u16, seed: u64, epoch: u32) -> (Vec<u32>, Vec<u32>) {
    let mut by_class: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    samples.iter().for_each(|&sample| by_class.entry(label_of(sample)).or_default().push(sample));
    let rounds = samples.len().div_ceil(by_class.len().max(1));
    let drawn_before = u64::from(epoch) * rounds as u64;
    let mut drawn: Vec<std::vec::IntoIter<(u32, u32)>> = by_class
        .iter()
        .map(|(&label, photos)| {
            let (count, mut order, mut known_pass) = (photos.len() as u64, Vec::new(), None);
            let of_class = drawn_before..drawn_before + rounds as u64;
            let draw = |number: u64| {
                // No run goes through a class 2³² times.
                let pass = (number / count) as u32;
                if known_pass != Some(pass) {
                    order = photos.clone();
                    Random::new(seed, Purpose::Balance, pass, label.into()).shuffle(&mut order);
                    known_pass = Some(pass);
                }
                (order[(number % count) as usize], pass)
            };
            of_class.map(draw).collect::<Vec<_>>().into_iter()
        })
        .collect();
    let mut random = Random::new(seed, Purpose::Order, epoch, 0);
    let mut classes: Vec<usize> = (0..drawn.len()).collect();
    let mut order = Vec::with_capacity(rounds * drawn.len());
    for _ in 0..rounds {
        random.shuffle(&mut classes);
        order.extend(classes.iter().filter_map(|&class| drawn[class].next()));
    }
    order.truncate(samples.len());
    order.into_iter().unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 photos of class 4, 17 of class 0, 3 of class 9.
    fn label_of(sample: u32) -> u16 {
        match sample {
            0..100 => 4,
            100..117 => 0,
            _ => 9,
        }
    }

    #[test]
    fn a_balanced_epoch_has_every_class_equally_often_from_its_beginning_on() {
        let samples: Vec<u32> = (0..120).collect();
        for epoch in [0, 1, 7] {
            let (order, passes) = balanced_order(&samples, label_of, 3, epoch);
            assert_eq!((order.len(), passes.len()), (120, 120));
            assert_eq!((order.clone(), passes), balanced_order(&samples, label_of, 3, epoch));
            let mut counts = [0i32; 10];
            for &sample in &order {
                counts[usize::from(label_of(sample))] += 1;
                let three = [counts[4], counts[0], counts[9]];
                assert!(three.iter().max().unwrap() - three.iter().min().unwrap() <= 1, "{three:?}");
            }
        }
        let orders = [(3, 0), (3, 1), (4, 0)].map(|(seed, epoch)| balanced_order(&samples, label_of, seed, epoch).0);
        assert!(orders[0] != orders[1] && orders[0] != orders[2]);
        assert!(balanced_order(&[], label_of, 1, 0).0.is_empty());
    }

    #[test]
    fn a_pass_shows_every_photo_of_its_class_once_and_the_next_epoch_goes_on_where_it_ended() {
        let samples: Vec<u32> = (0..120).collect();
        let drawn: Vec<(u32, u32)> = (0..5)
            .flat_map(|epoch| {
                let (order, passes) = balanced_order(&samples, label_of, 3, epoch);
                order.into_iter().zip(passes).collect::<Vec<_>>()
            })
            .collect();
        // 5 epochs of 40 samples a class: 2 passes of 100 photos, 11 of 17 with 13 of the next, 66 of 3 with 2.
        for (label, photos, whole) in [(4, 100, 2), (0, 17, 11), (9, 3, 66)] {
            let of_class: Vec<_> = drawn.iter().filter(|(sample, _)| label_of(*sample) == label).collect();
            assert_eq!(of_class.len(), 200);
            for (pass, shown) in of_class.chunks(photos).enumerate() {
                assert!(shown.iter().all(|(_, known)| *known as usize == pass));
                let mut photos_of_pass: Vec<u32> = shown.iter().map(|(sample, _)| *sample).collect();
                photos_of_pass.sort_unstable();
                photos_of_pass.dedup();
                assert_eq!(photos_of_pass.len(), shown.len(), "pass {pass} of class {label} repeats a photo");
                assert!(pass == whole || shown.len() == photos);
            }
        }
        // The order of a class is another one in each pass.
        let of_class: Vec<u32> =
            drawn.iter().map(|(sample, _)| *sample).filter(|sample| label_of(*sample) == 4).collect();
        assert_ne!(of_class[..100], of_class[100..]);
    }

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
