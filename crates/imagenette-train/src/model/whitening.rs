//! The whitened stem: from the patches of training photos to filters whose outputs are uncorrelated and of unit size.
//!
//! # Source
//! Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2 (after Page, "How to train your ResNet",
//! 2019): the leading eigenvectors of the patches' second moments, each divided by the root of its eigenvalue, and their
//! negatives.

use imagenette_data::augment::{IMAGENET_MEAN, IMAGENET_STD};

/// Added to eigenvalues, so that directions in which photos hardly vary are not blown up.
const EPSILON: f64 = 5e-4;

/// The second moments of patches, summed photo by photo.
#[derive(Debug, Clone)]
pub struct PatchMoments {
    patch_px: usize,
    /// For each two numbers of a patch, which are ordered by channel, row, column.
    sum: Vec<f64>,
    patches: u64,
}

impl PatchMoments {
    /// No patches yet; `patch_px` is their side.
    pub fn new(patch_px: usize) -> Self {
        let numbers = 3 * patch_px * patch_px;
        Self { patch_px, sum: vec![0.0; numbers * numbers], patches: 0 }
    }

    /// Numbers in a patch.
    fn numbers(&self) -> usize {
        3 * self.patch_px * self.patch_px
    }

    /// Adds the patches of one photo, side by side without overlap: uint8 `[px, px, 3]`.
    pub fn add(&mut self, pixels: &[u8], px: usize) {
        let (side, numbers) = (self.patch_px, self.numbers());
        let mut patch = vec![0.0f64; numbers];
        for top in (0..(px + 1).saturating_sub(side)).step_by(side) {
            for left in (0..(px + 1).saturating_sub(side)).step_by(side) {
                for (channel, values) in patch.chunks_exact_mut(side * side).enumerate() {
                    let (mean, deviation) = (f64::from(IMAGENET_MEAN[channel]), f64::from(IMAGENET_STD[channel]));
                    for (place, value) in values.iter_mut().enumerate() {
                        let (row, column) = (top + place / side, left + place % side);
                        *value = (f64::from(pixels[(row * px + column) * 3 + channel]) / 255.0 - mean) / deviation;
                    }
                }
                for (sums, &a) in self.sum.chunks_exact_mut(numbers).zip(&patch) {
                    for (sum, &b) in sums.iter_mut().zip(&patch) {
                        *sum += a * b;
                    }
                }
                self.patches += 1;
            }
        }
    }

    /// The filters `[channels, 3, side, side]`: the leading `channels / 2` directions, then their negatives.
    pub fn filters(&self, channels: usize) -> Vec<f32> {
        let scale = 1.0 / self.patches.max(1) as f64;
        let moments: Vec<f64> = self.sum.iter().map(|sum| sum * scale).collect();
        let leading: Vec<f32> = eigen(moments, self.numbers())
            .into_iter()
            .take(channels / 2)
            .flat_map(|(value, vector)| {
                let size = (value.max(0.0) + EPSILON).sqrt();
                vector.into_iter().map(move |x| (x / size) as f32)
            })
            .collect();
        leading.iter().copied().chain(leading.iter().map(|x| -x)).collect()
    }
}

/// The eigenvalues of a symmetric matrix with their unit vectors, largest first; a vector's largest number is positive,
/// so that the answer is unique.
///
/// # Source
/// The cyclic method of Jacobi (1846), as in Golub and Van Loan, "Matrix computations", section 8.5.
fn eigen(mut matrix: Vec<f64>, size: usize) -> Vec<(f64, Vec<f64>)> {
    let mut vectors = vec![0.0; size * size];
    for i in 0..size {
        vectors[i * size + i] = 1.0;
    }
    let total: f64 = matrix.iter().map(|x| x * x).sum();
    // Ten sweeps are plenty: the convergence is quadratic.
    for _ in 0..50 {
        let off: f64 =
            (0..size).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| matrix[i * size + j].powi(2)).sum();
        if off <= 1e-30 * total {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                let pq = matrix[p * size + q];
                if pq == 0.0 {
                    continue;
                }
                // The rotation in the plane of p and q that brings this number to zero.
                let theta = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * pq);
                let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                for k in 0..size {
                    let (kp, kq) = (matrix[k * size + p], matrix[k * size + q]);
                    matrix[k * size + p] = cosine * kp - sine * kq;
                    matrix[k * size + q] = sine * kp + cosine * kq;
                }
                for k in 0..size {
                    let (pk, qk) = (matrix[p * size + k], matrix[q * size + k]);
                    matrix[p * size + k] = cosine * pk - sine * qk;
                    matrix[q * size + k] = sine * pk + cosine * qk;
                    let (vp, vq) = (vectors[p * size + k], vectors[q * size + k]);
                    vectors[p * size + k] = cosine * vp - sine * vq;
                    vectors[q * size + k] = sine * vp + cosine * vq;
                }
            }
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> = (0..size)
        .map(|i| {
            let mut vector = vectors[i * size..(i + 1) * size].to_vec();
            let largest = vector.iter().copied().fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 {
                vector.iter_mut().for_each(|x| *x = -*x);
            }
            (matrix[i * size + i], vector)
        })
        .collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    pairs
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};

    use super::*;

    #[test]
    fn the_eigenvalues_of_a_small_matrix_are_the_known_ones() {
        // [[2, 1], [1, 2]] has the eigenvalues 3 and 1 with (1, 1) and (1, -1) over the root of 2.
        let pairs = eigen(vec![2.0, 1.0, 1.0, 2.0], 2);
        assert!((pairs[0].0 - 3.0).abs() < 1e-14 && (pairs[1].0 - 1.0).abs() < 1e-14);
        let root = 0.5f64.sqrt();
        assert!(pairs[0].1.iter().all(|x| (x - root).abs() < 1e-14), "{pairs:?}");
    }

    #[test]
    fn eigenvectors_are_orthonormal_and_give_the_matrix_back() {
        let size = 12;
        let mut random = Random::new(0, Purpose::Test, 0, 0);
        let mut matrix = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..=i {
                let x = random.normal();
                (matrix[i * size + j], matrix[j * size + i]) = (x, x);
            }
        }
        let pairs = eigen(matrix.clone(), size);
        assert!(pairs.windows(2).all(|pair| pair[0].0 >= pair[1].0));
        for i in 0..size {
            for j in 0..size {
                let again: f64 = pairs.iter().map(|(value, vector)| value * vector[i] * vector[j]).sum();
                assert!((again - matrix[i * size + j]).abs() < 1e-12, "{i} {j}");
                let product: f64 = pairs[i].1.iter().zip(&pairs[j].1).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j}");
            }
        }
    }

    #[test]
    fn filtered_patches_are_white() {
        for patch_px in [4, 2] {
            are_white(patch_px);
        }
    }

    fn are_white(patch_px: usize) {
        // Smooth pictures: neighbors are alike, so that patches have strong and weak directions.
        let px = 32;
        let mut moments = PatchMoments::new(patch_px);
        let mut photos = Vec::new();
        for number in 0..40 {
            let mut random = Random::new(0, Purpose::Test, 0, number);
            let mut pixels = vec![128.0f64; px * px * 3];
            for i in 3 * px + 3..pixels.len() {
                let near = (pixels[i - 3] + pixels[i - 3 * px]) / 2.0;
                pixels[i] = (near + 25.0 * random.normal()).clamp(0.0, 255.0);
            }
            let pixels: Vec<u8> = pixels.into_iter().map(|x| x as u8).collect();
            moments.add(&pixels, px);
            photos.push(pixels);
        }
        let filters = moments.filters(8);
        assert_eq!(filters.len(), 8 * moments.numbers());
        assert!((0..4 * moments.numbers()).all(|i| filters[i] == -filters[4 * moments.numbers() + i]));
        // The filters' outputs on the same patches: unit second moments, no correlation.
        for a in 0..4 {
            for b in 0..4 {
                let scale = 1.0 / moments.patches as f64;
                let (fa, fb) = (
                    &filters[a * moments.numbers()..][..moments.numbers()],
                    &filters[b * moments.numbers()..][..moments.numbers()],
                );
                let moment: f64 = (0..moments.numbers())
                    .flat_map(|i| (0..moments.numbers()).map(move |j| (i, j)))
                    .map(|(i, j)| f64::from(fa[i]) * f64::from(fb[j]) * moments.sum[i * moments.numbers() + j] * scale)
                    .sum();
                let expected = if a == b { 1.0 } else { 0.0 };
                assert!((moment - expected).abs() < 0.05, "{a} {b}: {moment}");
            }
        }
    }
}
