//! Where a network looked: parts of a photo are covered one after the other, and where the class that it named becomes
//! less likely, there it looked. This works for any network, those from elsewhere included.
//!
//! # Source
//! Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013, section 4.2.

use imagenette_data::image::Pixels;
use imagenette_train::run::saved_network::SavedNetwork;

/// Places of the cover along each side, half a cover apart.
const PLACES: usize = 7;
/// The cover's side as a share of the photo's: 1/4, so that two halves of a step are one eighth.
const COVERS: usize = PLACES + 1;
/// What covers: the gray in the middle of all photos.
const GRAY: [u8; 3] = [124, 116, 104];

/// The network's square of a photo and how much each of 8 by 8 parts of it counts.
pub(crate) struct Attention {
    pub(crate) square: Pixels,
    /// Row by row, 0..1; 1 is the part that counts most. All are 0 where no part matters.
    pub(crate) parts: Vec<f32>,
}

impl Attention {
    /// Where the network looked when it gave a photo this label.
    ///
    /// # Errors
    /// When a part of the network that is from elsewhere fails, or memory does not suffice.
    pub(crate) fn of(network: &SavedNetwork, photo: &Pixels, label: usize) -> anyhow::Result<Self> {
        let square = network.view(photo)?;
        let side = network.head.evaluation.resolution as usize;
        let mut squares = square.clone();
        for place in 0..PLACES * PLACES {
            let start = squares.len();
            squares.extend_from_slice(&square);
            cover(&mut squares[start..], side, place / PLACES, place % PLACES);
        }
        let of_label = |row: &Vec<f64>| row.get(label).copied().unwrap_or(0.0);
        let probabilities: Vec<f64> = network.probabilities(&squares)?.iter().map(of_label).collect();
        let (plain, covered) = probabilities.split_first().map_or((0.0, &[][..]), |(plain, rest)| (*plain, rest));
        let lost: Vec<f64> = covered.iter().map(|likely| (plain - likely).max(0.0)).collect();
        let square = Pixels { width_px: side as u32, height_px: side as u32, rgb: square };
        Ok(Self { square, parts: spread(&lost) })
    }

    /// The square with what counts bright and the rest dimmed.
    pub(crate) fn picture(&self) -> Pixels {
        let side = self.square.width_px as usize;
        let mut picture = self.square.clone();
        for (place, pixel) in picture.rgb.chunks_exact_mut(3).enumerate() {
            let strength = self.at((place % side) as f32 / side as f32, (place / side) as f32 / side as f32);
            // What does not count fades into the dark; what counts most keeps its colors and glows a little.
            let light = 0.28 + 0.72 * strength;
            let glow = [70.0, 28.0, 0.0].map(|channel: f32| channel * strength * strength);
            for (channel, glow) in pixel.iter_mut().zip(glow) {
                *channel = (f32::from(*channel) * light + glow).clamp(0.0, 255.0) as u8;
            }
        }
        picture
    }

    /// How much a place counts, between the parts' middles; `x` and `y` in 0..1.
    fn at(&self, x: f32, y: f32) -> f32 {
        let last = (COVERS - 1) as f32;
        let [x, y] = [x, y].map(|along| (along * COVERS as f32 - 0.5).clamp(0.0, last));
        let part = |column: f32, row: f32| self.parts[(row.min(last) as usize) * COVERS + column.min(last) as usize];
        let (left, top) = (x.floor(), y.floor());
        let between = |from: f32, to: f32, share: f32| from + (to - from) * share;
        let upper = between(part(left, top), part(left + 1.0, top), x - left);
        let lower = between(part(left, top + 1.0), part(left + 1.0, top + 1.0), x - left);
        between(upper, lower, y - top)
    }
}

/// Covers a quarter of each side of a square from this place on.
fn cover(square: &mut [u8], side: usize, row: usize, column: usize) {
    let [from_y, from_x] = [row, column].map(|place| place * side / COVERS);
    let [to_y, to_x] = [row, column].map(|place| ((place + 2) * side).div_ceil(COVERS).min(side));
    for y in from_y..to_y {
        square[(y * side + from_x) * 3..(y * side + to_x) * 3]
            .chunks_exact_mut(3)
            .for_each(|p| p.copy_from_slice(&GRAY));
    }
}

/// What was lost by each cover, as what each part counts: the mean over the covers that lie on it, 1 at the most.
fn spread(lost: &[f64]) -> Vec<f32> {
    let mut parts = vec![(0.0, 0u32); COVERS * COVERS];
    for (place, lost) in lost.iter().enumerate() {
        for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let part = &mut parts[(place / PLACES + down) * COVERS + place % PLACES + right];
            part.0 += lost;
            part.1 += 1;
        }
    }
    let means: Vec<f64> = parts.iter().map(|(sum, covers)| sum / f64::from((*covers).max(1))).collect();
    let most = means.iter().copied().fold(0.0, f64::max);
    // A photo of which no part matters has nothing to show: noise would be blown up to the full range.
    means.iter().map(|mean| if most > 0.01 { (mean / most) as f32 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_under_one_cover_lies_under_it() {
        let mut lost = vec![0.0; PLACES * PLACES];
        lost[3 * PLACES + 5] = 0.5;
        let parts = spread(&lost);
        let at = |row: usize, column: usize| parts[row * COVERS + column];
        assert_eq!((at(3, 5), at(4, 6), at(3, 4), at(5, 5)), (1.0, 1.0, 0.0, 0.0));
        assert!(spread(&[0.001; PLACES * PLACES]).iter().all(|part| *part == 0.0), "noise is nothing");
    }

    #[test]
    fn covers_stay_within_the_square_at_every_size() {
        for side in [8, 30, 64, 129] {
            for place in 0..PLACES * PLACES {
                let mut square = vec![255; side * side * 3];
                cover(&mut square, side, place / PLACES, place % PLACES);
                let covered = square.chunks_exact(3).filter(|pixel| **pixel == GRAY).count();
                assert!(covered >= (side / 4).pow(2) && covered <= (side / 4 + 2).pow(2), "{side} {place}: {covered}");
            }
        }
    }

    #[test]
    fn the_part_that_counts_stays_bright() {
        let square = Pixels { width_px: 16, height_px: 16, rgb: vec![200; 16 * 16 * 3] };
        let mut parts = vec![0.0; COVERS * COVERS];
        parts[0] = 1.0;
        let picture = Attention { square, parts }.picture();
        assert!(picture.rgb[0] > 190 && picture.rgb[picture.rgb.len() - 1] < 70);
    }
}
