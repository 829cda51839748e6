//! The pixels of a photo go in, a hash comes out that its copies share, with other sizes, qualities, formats or slight
//! crops.
//!
//! # Source
//! The DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section
//! 3.2.1: luma at 32×32, its 8×8 lowest frequencies except for the constant ones, and a bit for each that is above
//! their median.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::augment::CropBox;
use crate::image::{Pixels, Resizer};

/// The side of the small picture that is transformed.
const SIDE: usize = 32;
/// The frequencies kept in each direction.
const FREQUENCIES: usize = 8;
/// Luma whose levels deviate less than this from their mean shows nothing that can be compared.
const BLANK_DEVIATION: f32 = 2.5;
/// The side of the pictures by which two photos with near hashes are compared.
const PROOF_SIDE: u32 = 24;

/// What is kept of a photo to find others like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PerceptualHash {
    /// The hash.
    pub(super) upright: u64,
    /// The hash of the mirrored photo: mirroring negates every second horizontal frequency.
    pub(super) mirrored: u64,
}

/// Hashes photos. It keeps its memory, so each thread has its own.
#[derive(Default)]
pub(super) struct Hasher {
    resizer: Resizer,
    small: Vec<u8>,
}

impl Hasher {
    /// The hash of a photo; `None` where it has (nearly) one color, since its frequencies are noise.
    pub(super) fn hash(&mut self, photo: &Pixels) -> Option<PerceptualHash> {
        let luma = self.small(photo, SIDE as u32);
        let luma: Vec<f32> = luma
            .chunks_exact(3)
            .map(|rgb| 0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2]))
            .collect();
        let mean = luma.iter().sum::<f32>() / luma.len() as f32;
        let variance = luma.iter().map(|level| (level - mean) * (level - mean)).sum::<f32>() / luma.len() as f32;
        if variance < BLANK_DEVIATION * BLANK_DEVIATION {
            return None;
        }
        let mut frequencies = low_frequencies(&luma);
        let upright = bits(&frequencies);
        for (place, frequency) in frequencies.iter_mut().enumerate() {
            // The first column is frequency 1, which is odd.
            if (place % FREQUENCIES).is_multiple_of(2) {
                *frequency = -*frequency;
            }
        }
        Some(PerceptualHash { upright, mirrored: bits(&frequencies) })
    }

    /// A small picture of the whole photo, to compare it with others.
    pub(super) fn proof(&mut self, photo: &Pixels) -> Proof {
        Proof(self.small(photo, PROOF_SIDE).into())
    }

    fn small(&mut self, photo: &Pixels, side: u32) -> &[u8] {
        let (width, height) = (f64::from(photo.width_px), f64::from(photo.height_px));
        self.small.resize((side * side * 3) as usize, 0);
        let whole = CropBox { left: 0.0, top: 0.0, width, height };
        let size = (photo.width_px, photo.height_px);
        self.resizer.resize(&photo.rgb, size, whole, &mut self.small, (side, side));
        &self.small
    }
}

/// A photo as a small square picture.
#[derive(Debug, Clone)]
pub(super) struct Proof(Box<[u8]>);

impl Proof {
    /// How alike two photos are: the correlation of their colors, 1 if they are the same up to brightness and
    /// contrast.
    pub(super) fn likeness(&self, other: &Self) -> f32 {
        correlation(self.0.iter().zip(&other.0))
    }

    /// As [`Proof::likeness`] with the other photo mirrored.
    pub(super) fn mirrored_likeness(&self, other: &Self) -> f32 {
        let row = PROOF_SIDE as usize * 3;
        let mirrored = other.0.chunks_exact(row).flat_map(|row| row.chunks_exact(3).rev().flatten());
        correlation(self.0.iter().zip(mirrored))
    }
}

fn correlation<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)> + Clone) -> f32 {
    let (mut count, mut sum_a, mut sum_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs.clone() {
        count += 1.0;
        sum_a += f64::from(*a);
        sum_b += f64::from(*b);
    }
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut square_a, mut square_b, mut product) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        square_a += a * a;
        square_b += b * b;
        product += a * b;
    }
    if square_a == 0.0 || square_b == 0.0 { 0.0 } else { (product / (square_a * square_b).sqrt()) as f32 }
}

/// The cosines of the transform: frequencies 1 to 8 by the 32 places.
static COSINES: LazyLock<[[f32; SIDE]; FREQUENCIES]> = LazyLock::new(|| {
    let mut cosines = [[0.0; SIDE]; FREQUENCIES];
    for (row, frequency) in cosines.iter_mut().zip(1..) {
        for (place, cosine) in row.iter_mut().enumerate() {
            *cosine = libm::cosf((place as f32 + 0.5) * frequency as f32 * PI / SIDE as f32);
        }
    }
    cosines
});

/// The discrete cosine transform: vertical frequencies by horizontal ones, in rows.
fn low_frequencies(luma: &[f32]) -> [f32; FREQUENCIES * FREQUENCIES] {
    let mut across = [[0.0; FREQUENCIES]; SIDE];
    for (sums, row) in across.iter_mut().zip(luma.chunks_exact(SIDE)) {
        for (sum, cosines) in sums.iter_mut().zip(COSINES.iter()) {
            *sum = row.iter().zip(cosines).map(|(level, cosine)| level * cosine).sum();
        }
    }
    let mut frequencies = [0.0; FREQUENCIES * FREQUENCIES];
    for (place, frequency) in frequencies.iter_mut().enumerate() {
        let (vertical, horizontal) = (place / FREQUENCIES, place % FREQUENCIES);
        *frequency = across.iter().zip(&COSINES[vertical]).map(|(sums, cosine)| sums[horizontal] * cosine).sum();
    }
    frequencies
}

fn bits(frequencies: &[f32; FREQUENCIES * FREQUENCIES]) -> u64 {
    let mut sorted = *frequencies;
    sorted.sort_by(f32::total_cmp);
    let median = (sorted[31] + sorted[32]) / 2.0;
    frequencies.iter().enumerate().fold(0, |bits, (place, frequency)| bits | u64::from(*frequency > median) << place)
}

#[cfg(all(test, feature = "drawn"))]
mod tests {
    use super::*;
    use crate::drawn::draw;
    use crate::edition::Split;

    fn drawing(index: u32) -> Pixels {
        let drawing = draw((index % 10) as u16, Split::Train, index, 0);
        Pixels { width_px: drawing.width_px, height_px: drawing.height_px, rgb: drawing.rgb }
    }

    fn distance(a: &Pixels, b: &Pixels) -> u32 {
        let mut hasher = Hasher::default();
        (hasher.hash(a).unwrap().upright ^ hasher.hash(b).unwrap().upright).count_ones()
    }

    #[test]
    fn a_smaller_copy_is_near_and_other_pictures_are_far() {
        let mut hasher = Hasher::default();
        for index in 0..20 {
            let photo = drawing(index);
            let (width, height) = (photo.width_px * 3 / 5, photo.height_px * 3 / 5);
            let mut rgb = vec![0; (width * height * 3) as usize];
            let whole = CropBox { left: 0.0, top: 0.0, width: photo.width_px.into(), height: photo.height_px.into() };
            Resizer::new().resize(&photo.rgb, (photo.width_px, photo.height_px), whole, &mut rgb, (width, height));
            let copy = Pixels { width_px: width, height_px: height, rgb };
            assert!(distance(&photo, &copy) <= 6, "{index}: {}", distance(&photo, &copy));
            let proofs = (hasher.proof(&photo), hasher.proof(&copy));
            assert!(proofs.0.likeness(&proofs.1) > 0.99, "{index}");
            let other = drawing(index + 1);
            assert!(distance(&photo, &other) > 12, "{index}: {}", distance(&photo, &other));
            assert!(hasher.proof(&other).likeness(&proofs.0) < 0.95, "{index}");
        }
    }

    #[test]
    fn the_mirrored_hash_is_the_hash_of_the_mirrored_photo() {
        let mut hasher = Hasher::default();
        let mut far = 0;
        for index in 0..10 {
            let photo = drawing(index);
            let row = photo.width_px as usize * 3;
            let rgb = photo.rgb.chunks_exact(row).flat_map(|row| row.chunks_exact(3).rev().flatten()).copied();
            let mirrored = Pixels { rgb: rgb.collect(), ..photo.clone() };
            let (a, b) = (hasher.hash(&photo).unwrap(), hasher.hash(&mirrored).unwrap());
            assert!(
                (a.mirrored ^ b.upright).count_ones() <= 4 && (b.mirrored ^ a.upright).count_ones() <= 4,
                "{index}"
            );
            far += u32::from((a.upright ^ a.mirrored).count_ones() > 12);
            let proofs = (hasher.proof(&photo), hasher.proof(&mirrored));
            assert!(proofs.0.mirrored_likeness(&proofs.1) > 0.99, "{index}");
        }
        assert!(far >= 5, "most pictures differ from their mirror images: {far} of 10");
    }

    #[test]
    fn a_photo_of_one_color_has_no_hash() {
        let plain = Pixels { width_px: 50, height_px: 40, rgb: vec![200; 50 * 40 * 3] };
        assert_eq!(Hasher::default().hash(&plain), None);
    }
}
