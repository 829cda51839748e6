//! The samples of a batch that are learned from: those with the highest or the lowest loss, as the network itself finds them, or those
//! that a rule from elsewhere chooses. Which share, and when, is the recipe's [`Selection`].

use std::sync::Arc;

use imagenette_data::loader::Batch;
use imagenette_data::random::Random;
use imagenette_recipe::selection::{Losses, Selection};

use super::own::{Judged, OwnSelection};
use crate::compute::guard::{fault, guard};
use crate::error::Result;

/// The rule by which samples are selected.
#[derive(Debug, Clone)]
pub enum SelectionRule {
    /// The highest losses, or the lowest.
    ByLoss,
    /// Code from elsewhere, by the name that recipes give it.
    Own(String, Arc<dyn OwnSelection>),
}

impl SelectionRule {
    /// The places that are learned from, in ascending order. `key` is (seed, epoch, the batch's place in it).
    ///
    /// # Errors
    /// When code from elsewhere panics or gives other places than it may.
    pub fn places(
        &self,
        selection: &Selection,
        batch: &Judged,
        (seed, epoch, start): (u64, u32, u32),
    ) -> Result<Vec<usize>> {
        let (total, count) = (batch.losses.len(), selection.count(batch.losses.len()));
        let Self::Own(name, rule) = self else { return Ok(by_loss(batch.losses, count, selection.losses)) };
        let part = format!("selection `{name}`");
        let mut random = Random::own(seed, name, epoch, start);
        let mut places = guard(&part, || rule.select(batch, count, &mut random))?;
        places.sort_unstable();
        let is_sound =
            places.windows(2).all(|pair| pair[0] < pair[1]) && places.last().is_some_and(|&last| last < total);
        if is_sound && places.len() <= count {
            return Ok(places);
        }
        let found = format!("{} places: {places:?}", places.len());
        Err(fault(&part, format!("expected 1 to {count} places below {total}, each once, found {found}")))
    }
}

/// Keeps only these samples of a batch.
pub(crate) fn keep(batch: &mut Batch, places: &[usize]) {
    let photo = batch.pixels.len() / batch.samples.len().max(1);
    for (to, &from) in places.iter().enumerate() {
        batch.pixels.copy_within(from * photo..(from + 1) * photo, to * photo);
    }
    batch.pixels.truncate(places.len() * photo);
    batch.samples = places.iter().map(|&place| batch.samples[place]).collect();
    batch.labels = places.iter().map(|&place| batch.labels[place]).collect();
}

/// The places of the highest or the lowest losses, in ascending order; of equal losses the earlier are taken first.
fn by_loss(losses: &[f64], count: usize, which: Losses) -> Vec<usize> {
    let mut places: Vec<usize> = (0..losses.len()).collect();
    places.sort_by(|&a, &b| match which {
        Losses::Highest => losses[b].total_cmp(&losses[a]),
        Losses::Lowest => losses[a].total_cmp(&losses[b]),
    });
    places.truncate(count);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_chosen_in_the_order_of_the_batch_and_of_equal_ones_the_earlier() {
        assert_eq!(by_loss(&[0.5, 2.0, 0.1, 2.5], 2, Losses::Highest), [1, 3]);
        assert_eq!(by_loss(&[1.0, 0.5, 1.0, 1.0], 2, Losses::Highest), [0, 2]);
        assert_eq!(by_loss(&[0.5, 2.0, 0.1, 2.5], 2, Losses::Lowest), [0, 2]);
        assert_eq!(by_loss(&[1.0, 0.5, 1.0, 1.0], 2, Losses::Lowest), [0, 1]);
    }

    #[test]
    fn a_rule_from_elsewhere_is_held_to_places_that_there_are() {
        #[derive(Debug)]
        struct These(Vec<usize>);
        impl OwnSelection for These {
            fn select(&self, _: &Judged, _: usize, _: &mut Random) -> Vec<usize> {
                self.0.clone()
            }
        }
        let selection = Selection { keep: 0.5, losses: Losses::Highest, from: 0.0, until: 1.0, own: None };
        let batch = Judged { losses: &[1.0; 4], scores: &[], labels: &[0; 4], samples: &[0; 4], progress: 0.0 };
        let places = |places: &[usize]| {
            SelectionRule::Own("these".into(), Arc::new(These(places.into()))).places(&selection, &batch, (0, 0, 0))
        };
        assert_eq!(places(&[3, 1]).unwrap(), [1, 3]);
        for wrong in [&[][..], &[4], &[1, 1], &[0, 1, 2]] {
            let error = places(wrong).unwrap_err().to_string();
            assert!(error.contains("selection `these`: expected 1 to 2 places below 4"), "{error}");
        }
    }
}
