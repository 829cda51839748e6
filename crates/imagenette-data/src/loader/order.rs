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

/// `count` samples of this epoch in the order of passes through all of them, and each sample's pass: for an epoch that has
/// more samples than there are photos to draw, or fewer. Each pass has an order of its own, and the next epoch goes on where
/// this one ends. All follows from the seed, the purpose and the epoch alone.
pub fn repeated_order(samples: &[u32], count: usize, seed: u64, purpose: Purpose, epoch: u32) -> (Vec<u32>, Vec<u32>) {
    let photos = samples.len() as u64;
    if photos == 0 {
        return (Vec::new(), Vec::new());
    }
    let first = u64::from(epoch) * count as u64;
    let (mut order, mut known_pass) = (Vec::new(), None);
    let draw = |number: u64| {
        // No run goes through its photos 2³² times.
        let pass = (number / photos) as u32;
        if known_pass != Some(pass) {
            order = samples.to_vec();
            Random::new(seed, purpose, pass, 0).shuffle(&mut order);
            known_pass = Some(pass);
        }
        (order[(number % photos) as usize], pass)
    };
    (first..first + count as u64).map(draw).unzip()
}

/// `count` samples of this epoch with every class equally often, and each sample's pass: how often the class was gone
/// through before. Where an epoch has as many samples as there are photos, a class of few photos is gone through several
/// times in it, and one of many needs several epochs for one pass.
///
/// Of any samples that follow each other from the epoch's beginning no class has two more than another: they come in
/// rounds, each with one sample of every class in a random order. The photos of a class come in a random order that is
/// another one in each pass, and the next epoch goes on where this one ends. All follows from the seed and the epoch alone.
///
/// `label_of` gives the label of a sample; classes without samples are left out.
pub fn balanced_order(
    samples: &[u32],
    label_of: impl Fn(u32) -> u16,
    count: usize,
    seed: u64,
    epoch: u32,
) -> (Vec<u32>, Vec<u32>) {
    let mut by_class: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    samples.iter().for_each(|&sample| by_class.entry(label_of(sample)).or_default().push(sample));
    let rounds = count.div_ceil(by_class.len().max(1));
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
    order.truncate(count);
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
            let (order, passes) = balanced_order(&samples, label_of, 120, 3, epoch);
            assert_eq!((order.len(), passes.len()), (120, 120));
            assert_eq!((order.clone(), passes), balanced_order(&samples, label_of, 120, 3, epoch));
            let mut counts = [0i32; 10];
            for &sample in &order {
                counts[usize::from(label_of(sample))] += 1;
                let three = [counts[4], counts[0], counts[9]];
                assert!(three.iter().max().unwrap() - three.iter().min().unwrap() <= 1, "{three:?}");
            }
        }
        let orders =
            [(3, 0), (3, 1), (4, 0)].map(|(seed, epoch)| balanced_order(&samples, label_of, 120, seed, epoch).0);
        assert!(orders[0] != orders[1] && orders[0] != orders[2]);
        assert!(balanced_order(&[], label_of, 0, 1, 0).0.is_empty());
    }

    #[test]
    fn a_pass_shows_every_photo_of_its_class_once_and_the_next_epoch_goes_on_where_it_ended() {
        let samples: Vec<u32> = (0..120).collect();
        let drawn: Vec<(u32, u32)> = (0..5)
            .flat_map(|epoch| {
                let (order, passes) = balanced_order(&samples, label_of, 120, 3, epoch);
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
    fn repeated_passes_show_every_sample_equally_often_over_epochs() {
        let samples: Vec<u32> = (7..37).collect();
        let of = |epoch| repeated_order(&samples, 100, 3, Purpose::Order, epoch);
        let drawn: Vec<(u32, u32)> = (0..3)
            .flat_map(|epoch| {
                let (order, passes) = of(epoch);
                order.into_iter().zip(passes).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(drawn.len(), 300);
        for (pass, shown) in drawn.chunks(30).enumerate() {
            let mut of_pass: Vec<u32> = shown.iter().map(|(sample, _)| *sample).collect();
            of_pass.sort_unstable();
            assert!(of_pass == samples && shown.iter().all(|(_, known)| *known as usize == pass));
        }
        assert_ne!(drawn[..30], drawn[30..60]);
        assert_eq!(of(1), of(1));
        // Fewer than there are: the next epoch goes on with the others.
        let (first, second) = (
            repeated_order(&samples, 15, 3, Purpose::Order, 0).0,
            repeated_order(&samples, 15, 3, Purpose::Order, 1).0,
        );
        assert!(first.iter().all(|sample| !second.contains(sample)));
        // A pass is the order of an epoch that shows each once.
        assert_eq!(repeated_order(&samples, 30, 3, Purpose::Order, 4).0, epoch_order(&samples, 3, 4));
        assert!(repeated_order(&[], 5, 1, Purpose::Order, 0).0.is_empty());
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
