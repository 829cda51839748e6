//! The samples of a batch that are learned from: those with the highest loss, as the network itself finds them. Which
//! share, and when, is the recipe's [`Selection`].

use imagenette_data::loader::Batch;
use imagenette_recipe::selection::Selection;

/// Keeps only the samples of a batch with the highest losses.
pub(crate) fn select(selection: &Selection, batch: &mut Batch, losses: &[f64]) {
    let places = highest(losses, selection.count(losses.len()));
    let photo = batch.pixels.len() / batch.samples.len().max(1);
    for (to, &from) in places.iter().enumerate() {
        batch.pixels.copy_within(from * photo..(from + 1) * photo, to * photo);
    }
    batch.pixels.truncate(places.len() * photo);
    batch.samples = places.iter().map(|&place| batch.samples[place]).collect();
    batch.labels = places.iter().map(|&place| batch.labels[place]).collect();
}

/// The places of the highest losses, in ascending order; of equal losses the earlier count as higher.
fn highest(losses: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..losses.len()).collect();
    places.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    places.truncate(count);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_losses_are_found_in_the_order_of_the_batch_and_of_equal_ones_the_earlier() {
        assert_eq!(highest(&[0.5, 2.0, 0.1, 2.5], 2), [1, 3]);
        assert_eq!(highest(&[1.0, 0.5, 1.0, 1.0], 2), [0, 2]);
    }
}
