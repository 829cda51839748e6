//! The register tiles, where nearly all the time goes. Each holds a block of sums in registers and adds products of
//! one broadcast word and a vector of words of output channels, where a word is an f32 or a pair of `Bf16`.
#![expect(unsafe_code, reason = "pointer arithmetic in the innermost loops; the callers check the ranges")]

use crate::number::{Number, is_bf16, per_word};
use crate::simd::Simd;
use std::ops::Range;

/// Pixels of a forward tile; with `Simd::PANEL_VECTORS` vectors of channels it fills the registers.
pub(super) const TILE_PIXELS: usize = 6;

/// `sums[n][v] += words[n] · row[v]`: one word times `VECTORS` vectors of words, for each of `N` words. A word is an
/// f32 or a pair of `Bf16`, as `W` says; the product of two pairs is the sum of both products.
///
/// # Safety
/// Each address has a readable word, and `row` `VECTORS * LANES` of them.
#[inline(always)]
unsafe fn add_products<S: Simd, W: Number, const N: usize, const VECTORS: usize>(
    s: S,
    sums: &mut [[S::V; VECTORS]; N],
    words: [*const f32; N],
    row: *const f32,
) {
    let mut vectors = [s.splat(0.0); VECTORS];
    for (v, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { s.load_from(row.add(v * S::LANES)) };
    }
    for (sums, word) in sums.iter_mut().zip(words) {
        // SAFETY: the caller's promise.
        let x = s.splat(unsafe { word.read_unaligned() });
        for (sum, w) in sums.iter_mut().zip(vectors) {
            *sum = if is_bf16::<W>() { s.add_pair_products(x, w, *sum) } else { s.mul_add(x, w, *sum) };
        }
    }
}

/// The operands of a forward tile.
pub(super) struct GatherTile<W, T> {
    /// For each tap, the addresses of the pixels' first channels: `[tap * pitch + pixel]`; the first is null where the
    /// tap adds nothing.
    pub(super) pixels: *const *const W,
    pub(super) pitch: usize,
    pub(super) taps: usize,
    /// Words read from each pixel for each tap.
    pub(super) run: usize,
    /// Words `[tap][word of the run][channel]`.
    pub(super) weights: *const f32,
    /// Where each pixel's sums are kept until they are complete.
    pub(super) sums: [*mut f32; TILE_PIXELS],
    /// Where each pixel's channels go when the sums are complete.
    pub(super) targets: [*mut T; TILE_PIXELS],
    /// Whether the sums start at zero rather than at the numbers in `sums`.
    pub(super) fresh: bool,
    /// Whether the sums are complete after this.
    pub(super) complete: bool,
}

impl<W: Number, T: Number> GatherTile<W, T> {
    /// Runs the tile compiled for its number of vectors.
    ///
    /// # Safety
    /// As for `add`, with this number.
    #[inline(always)]
    pub(super) unsafe fn add_sized<S: Simd>(&self, s: S, vectors: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match vectors {
                1 => self.add::<S, 1>(s),
                2 => self.add::<S, 2>(s),
                3 if const { S::PANEL_VECTORS >= 3 } => self.add::<S, 3>(s),
                4 if const { S::PANEL_VECTORS >= 4 } => self.add::<S, 4>(s),
                _ => unreachable!("tiles have no more vectors than a panel"),
            }
        }
    }

    /// `sum[p][o] (+)= Σ pixel[p][k] · weights[k][o]`.
    ///
    /// # Safety
    /// All `TILE_PIXELS` addresses of each tap whose first is not null have `run` readable words, the weights `taps *
    /// run * VECTORS * LANES`, and `VECTORS * LANES` numbers that no other thread touches lie at each address of
    /// `targets` if the sums are `complete` and of `sums` if they are not, or not `fresh`.
    #[inline(always)]
    unsafe fn add<S: Simd, const VECTORS: usize>(&self, s: S) {
        // Every loop over sums has constant bounds: they must never be indexed by a variable, or they leave the
        // registers.
        let mut sums = [[s.splat(0.0); VECTORS]; TILE_PIXELS];
        if !self.fresh {
            for (sums, place) in sums.iter_mut().zip(self.sums) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: each place holds a row of the tile.
                    *sum = unsafe { s.load_from(place.add(v * S::LANES)) };
                }
            }
        }
        let mut weights = self.weights;
        for tap in 0..self.taps {
            // SAFETY: the table holds `TILE_PIXELS` addresses at this place for each tap.
            let pixels = unsafe { self.pixels.add(tap * self.pitch).cast::<[*const W; TILE_PIXELS]>().read() };
            if pixels[0].is_null() {
                weights = weights.wrapping_add(self.run * VECTORS * S::LANES);
                continue;
            }
            for k in 0..self.run {
                // SAFETY: the weights hold one row for each tap and word of the run, each pixel `run` words.
                unsafe {
                    let words = pixels.map(|pixel| pixel.add(k * per_word::<W>()).cast::<f32>());
                    add_products::<S, W, TILE_PIXELS, VECTORS>(s, &mut sums, words, weights);
                    weights = weights.add(VECTORS * S::LANES);
                }
            }
        }
        if self.complete {
            for (sums, target) in sums.iter().zip(self.targets) {
                for (v, sum) in sums.iter().enumerate() {
                    // SAFETY: a row of the tile may be written at each target.
                    unsafe { s.store_numbers_to(*sum, target.add(v * S::LANES)) };
                }
            }
        } else {
            for (sums, place) in sums.iter().zip(self.sums) {
                for (v, sum) in sums.iter().enumerate() {
                    // SAFETY: a row of the tile may be written at each place.
                    unsafe { s.store_to(*sum, place.add(v * S::LANES)) };
                }
            }
        }
    }
}

/// The most input channels of a weight-gradient tile.
pub(super) const TILE_CHANNELS: usize = 6;

/// Cuts channels into tiles of six, avoiding a thin remainder: two fours are faster than six and two.
pub(super) fn tile_channels(channels: Range<usize>) -> Vec<Range<usize>> {
    let mut tiles = Vec::new();
    let mut first = channels.start;
    while first < channels.end {
        let count = match channels.end - first {
            7 | 8 => 4,
            9 => 5,
            left => left.min(TILE_CHANNELS),
        };
        tiles.push(first..first + count);
        first += count;
    }
    tiles
}

/// Packed input pixels and the output pixels that see them through a tap: one of each, or two side by side.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) input: u32,
    pub(super) output: u32,
}

/// The operands of a weight-gradient tile.
pub(super) struct OuterTile<'a> {
    /// Words `[packed pixel][input channel of the panel]`.
    pub(super) input: *const f32,
    /// The packed input pixel and the output pixel of each product.
    pub(super) pairs: &'a [Pair],
    /// Words `[output pixel][output channel of the panel]`.
    pub(super) gradient: *const f32,
    /// The tile of sums, and the count of numbers from one input channel's sums to the next one's.
    pub(super) target: *mut f32,
    pub(super) target_pitch: usize,
    pub(super) fresh: bool,
}

impl OuterTile<'_> {
    /// `target[i][o] (+)= Σ input[pixel][i] · gradient[pixel][o]` for `CHANNELS` input channels.
    ///
    /// # Safety
    /// The panels hold `CHANNELS` and `VECTORS * LANES` words for each pixel that `pairs` names, and the target a
    /// tile of that size that nothing else touches.
    #[inline(always)]
    pub(super) unsafe fn add<S: Simd, W: Number, const CHANNELS: usize, const VECTORS: usize>(&self, s: S) {
        let mut sums = [[s.splat(0.0); VECTORS]; CHANNELS];
        if !self.fresh {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the target holds the tile.
                    *sum = unsafe { s.load_from(self.target.add(i * self.target_pitch + v * S::LANES)) };
                }
            }
        }
        for pair in self.pairs {
            // SAFETY: both panels hold these pixels.
            unsafe {
                let input = self.input.add(pair.input as usize * CHANNELS);
                let gradient = self.gradient.add(pair.output as usize * (VECTORS * S::LANES));
                let words = std::array::from_fn(|i| input.wrapping_add(i));
                add_products::<S, W, CHANNELS, VECTORS>(s, &mut sums, words, gradient);
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: the target holds the tile.
                unsafe { s.store_to(*sum, self.target.add(i * self.target_pitch + v * S::LANES)) };
            }
        }
    }
}

/// The operands of a weight-gradient tile whose rows are evenly spaced.
pub(super) struct StridedTile {
    /// The words of the first row's input channels, and the number of words from one row to the next.
    pub(super) input: *const f32,
    pub(super) input_pitch: usize,
    /// Words `[row][output channel of the panel]`.
    pub(super) gradient: *const f32,
    pub(super) count: usize,
    /// The tile of sums, and the count of numbers from one input channel's sums to the next one's.
    pub(super) target: *mut f32,
    pub(super) target_pitch: usize,
    pub(super) fresh: bool,
}

impl StridedTile {
    /// `target[i][o] (+)= Σ input[row][i] · gradient[row][o]` for `CHANNELS` input channels.
    ///
    /// # Safety
    /// Each of `count` rows has `CHANNELS` words of input and `VECTORS * LANES` of gradient, and the target is a tile
    /// of that size that nothing else touches.
    #[inline(always)]
    unsafe fn add<S: Simd, W: Number, const CHANNELS: usize, const VECTORS: usize>(&self, s: S) {
        let mut sums = [[s.splat(0.0); VECTORS]; CHANNELS];
        if !self.fresh {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the target holds the tile.
                    *sum = unsafe { s.load_from(self.target.add(i * self.target_pitch + v * S::LANES)) };
                }
            }
        }
        for row in 0..self.count {
            // SAFETY: the caller's promise.
            unsafe {
                let input = self.input.add(row * self.input_pitch);
                let mut words = [input; CHANNELS];
                for (i, word) in words.iter_mut().enumerate() {
                    *word = input.add(i);
                }
                let gradient = self.gradient.add(row * (VECTORS * S::LANES));
                add_products::<S, W, CHANNELS, VECTORS>(s, &mut sums, words, gradient);
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: the target holds the tile.
                unsafe { s.store_to(*sum, self.target.add(i * self.target_pitch + v * S::LANES)) };
            }
        }
    }

    /// Runs the tile compiled for its size.
    ///
    /// # Safety
    /// As for `add`, with these sizes.
    #[inline(always)]
    pub(super) unsafe fn add_sized<S: Simd, W: Number>(&self, s: S, channels: usize, vectors: usize) {
        macro_rules! sizes {
            ($($channels:literal)*) => {
                // SAFETY: the caller's promise, for the sizes that it names.
                unsafe {
                    match (channels, vectors) {
                        $(
                            ($channels, 1) => self.add::<S, W, $channels, 1>(s),
                            ($channels, 2) => self.add::<S, W, $channels, 2>(s),
                            ($channels, 3) if const { S::PANEL_VECTORS >= 3 } => self.add::<S, W, $channels, 3>(s),
                            ($channels, 4) if const { S::PANEL_VECTORS >= 4 } => self.add::<S, W, $channels, 4>(s),
                        )*
                        _ => unreachable!("tiles have three to six channels, and no more vectors than a panel"),
                    }
                }
            };
        }
        // At least sixteen channels are cut into tiles that are never thinner.
        sizes!(3 4 5 6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_channels_and_are_never_thin() {
        for start in [0, 5] {
            for count in 0..100 {
                let tiles = tile_channels(start..start + count);
                let covered: Vec<usize> = tiles.iter().cloned().flatten().collect();
                assert_eq!(covered, (start..start + count).collect::<Vec<_>>());
                assert!(count < 6 || tiles.iter().all(|tile| (3..=6).contains(&tile.len())), "{tiles:?}");
            }
        }
    }
}
