//! Nearest neighbors: what photos with labels say of one whose features lie near theirs.
//!
//! # Source
//! Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", 2018, section 3.4: each of the
//! nearest votes with exp(cosine / temperature).

use burn::tensor::{Tensor, TensorData};

use crate::compute::device::Device;
use crate::compute::weights::download;

/// By what cosines are divided before they vote, as public benchmarks of self-supervised learning do.
const TEMPERATURE: f64 = 0.1;
/// Photos that are looked at together.
const TOGETHER: usize = 256;

/// Features of photos, each row of length 1.
#[derive(Debug, Clone)]
pub struct Features {
    rows: Vec<f32>,
    width: usize,
}

impl Features {
    /// Features as a network gives them.
    ///
    /// # Shapes
    /// `rows` `[N, width]`, row by row; a row of zeros stays as it is, as far from all.
    pub fn new(mut rows: Vec<f32>, width: usize) -> Self {
        for row in rows.chunks_exact_mut(width) {
            let squares: f64 = row.iter().map(|&number| f64::from(number).powi(2)).sum();
            if squares > 0.0 {
                let length = squares.sqrt() as f32;
                row.iter_mut().for_each(|number| *number /= length);
            }
        }
        Self { rows, width }
    }
}

/// The class that each photo has by its nearest neighbors in a bank of photos with labels, for each count of neighbors in
/// `counts`; of equal votes the first class. A count above the bank's size is the whole bank.
///
/// # Shapes
/// `labels` one for each row of `bank`, all below `classes`; gives a list of labels for each count.
pub fn vote(
    photos: &Features,
    bank: &Features,
    labels: &[u16],
    classes: usize,
    counts: &[usize],
    device: &Device,
) -> Vec<Vec<u16>> {
    let width = bank.width;
    let tensor = |rows: &[f32]| {
        Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [rows.len() / width, width]), device.plain())
    };
    let across = tensor(&bank.rows).transpose();
    let most = counts.iter().copied().max().unwrap_or(0).min(labels.len());
    let mut voted = vec![Vec::new(); counts.len()];
    for rows in photos.rows.chunks(TOGETHER * width) {
        let cosines = download(&tensor(rows).matmul(across.clone()));
        for cosines in cosines.chunks_exact(labels.len()) {
            let nearest = nearest(cosines, most);
            for (voted, &count) in voted.iter_mut().zip(counts) {
                voted.push(winner(&nearest[..count.min(most)], cosines, labels, classes));
            }
        }
    }
    voted
}

/// The places of the largest cosines, the largest first; of equal ones the first place.
fn nearest(cosines: &[f32], count: usize) -> Vec<usize> {
    let before = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
    let mut places: Vec<usize> = (0..cosines.len()).collect();
    if count < places.len() && count > 0 {
        places.select_nth_unstable_by(count - 1, before);
    }
    places.truncate(count);
    places.sort_unstable_by(before);
    places
}

fn winner(nearest: &[usize], cosines: &[f32], labels: &[u16], classes: usize) -> u16 {
    let mut votes = vec![0.0; classes];
    for &place in nearest {
        votes[usize::from(labels[place])] += (f64::from(cosines[place]) / TEMPERATURE).exp();
    }
    let mut best = 0;
    for (label, &vote) in votes.iter().enumerate() {
        if vote > votes[best] {
            best = label;
        }
    }
    best as u16
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};

    use super::*;

    /// The definition: all neighbors sorted, in f64.
    fn twin(photo: &[f32], bank: &[f32], labels: &[u16], classes: usize, count: usize) -> u16 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut all: Vec<(f64, u16)> = bank
            .chunks_exact(photo.len())
            .zip(labels)
            .map(|(row, &label)| (dot(photo, row) / (dot(photo, photo) * dot(row, row)).sqrt(), label))
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut votes = vec![0.0; classes];
        all.iter().take(count).for_each(|(cosine, label)| votes[usize::from(*label)] += (cosine / TEMPERATURE).exp());
        (0..classes).max_by(|&a, &b| votes[a].total_cmp(&votes[b]).then(b.cmp(&a))).unwrap() as u16
    }

    #[test]
    fn it_agrees_with_its_definition_on_random_features_of_odd_shapes() {
        let mut random = Random::new(5, Purpose::Test, 0, 0);
        for (photos, known, width, classes) in [(1, 1, 1, 2), (7, 33, 3, 5), (300, 41, 17, 10), (5, 500, 64, 3)] {
            let mut draw = |count: usize| (0..count).map(|_| random.normal() as f32).collect::<Vec<_>>();
            let (rows, bank) = (draw(photos * width), draw(known * width));
            let labels: Vec<u16> = (0..known).map(|_| random.below(classes as u32) as u16).collect();
            let counts = [1, 20, 200];
            let (of, device) = (|rows: &[f32]| Features::new(rows.to_vec(), width), Device::cpu());
            let found = vote(&of(&rows), &of(&bank), &labels, classes, &counts, &device);
            for (found, count) in found.iter().zip(counts) {
                let expected: Vec<u16> =
                    rows.chunks_exact(width).map(|row| twin(row, &bank, &labels, classes, count)).collect();
                // Votes of nearly equal weight may fall either way where cosines are rounded.
                let differing = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
                assert!(found.len() == photos && differing * 100 <= photos, "{photos}, {count}: {differing}");
            }
        }
    }

    #[test]
    fn of_equal_neighbors_the_first_counts_and_of_equal_votes_the_first_class() {
        let bank = Features::new(vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2);
        let photo = Features::new(vec![3.0, 3.0], 2);
        let vote = |counts: &[usize]| vote(&photo, &bank, &[2, 1, 0], 3, counts, &Device::cpu());
        assert_eq!(vote(&[1, 2, 3, 9]), [[2], [1], [0], [0]]);
    }
}
