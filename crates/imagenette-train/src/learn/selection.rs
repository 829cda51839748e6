//! The samples of a batch that are learned from: those with the highest loss, as the network itself finds them. Which share,
//! and when, is the recipe's [`Selection`].

use imagenette_data::loader::Batch;
use imagenette_recipe::selection::Selection;

/// Leaves of a batch those samples with the highest losses, in their order; of equal losses the earlier.
pub(crate) fn select(selection: &Selection, batch: &mut Batch, losses: &[f64]) {
    let mut places: Vec<usize> = (0..losses.len()).collect();
    places.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    places.truncate(selection.count(losses.len()));
    places.sort_unstable();
    let photo = batch.pixels.len() / batch.samples.len().max(1);
    for (to, &from) in places.iter().enumerate() {
        batch.pixels.copy_within(from * photo..(from + 1) * photo, to * photo);
    }
    batch.pixels.truncate(places.len() * photo);
    batch.samples = places.iter().map(|&place| batch.samples[place]).collect();
    batch.labels = places.iter().map(|&place| batch.labels[place]).collect();
}

/// Cross-entropy of each sample, without smoothing.
pub(crate) fn losses(scores: &[f32], labels: &[u16]) -> Vec<f64> {
    let classes = scores.len() / labels.len().max(1);
    let loss = |(scores, &label): (&[f32], &u16)| {
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|&score| f64::from(score - largest).exp()).sum();
        sum.ln() - f64::from(scores[usize::from(label)] - largest)
    };
    scores.chunks_exact(classes.max(1)).zip(labels).map(loss).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_cross_entropies() {
        // −ln softmax: (1, −2, 0.5, 3) at 2 and (0, 0.25, −1.5, 2) at 3, whose mean the test of the loss knows from PyTorch.
        let found = losses(&[1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 2.0], &[2, 3]);
        assert!(((found[0] + found[1]) / 2.0 - 1.497202736287).abs() < 1e-6, "{found:?}");
        assert!(found[0] > found[1]);
    }
}
