//! The two register tiles that all the time goes into. Both hold a block of sums in registers and add products of one
//! broadcast number and a vector of output channels.
#![expect(unsafe_code, reason = "pointer arithmetic in the innermost loops; the callers check the ranges")]

use crate::simd::Simd;

/// Pixels of a forward tile; with `Simd::PANEL_VECTORS` vectors of channels it fills the registers.
pub(super) const TILE_PIXELS: usize = 6;

/// The operands of a forward tile.
pub(super) struct GatherTile {
    /// For each tap, the addresses of the pixels' first channels: `[tap * pitch + pixel]`; the first is null where the tap
    /// adds nothing.
    pub(super) pixels: *const *const f32,
    pub(super) pitch: usize,
    pub(super) taps: usize,
    /// Numbers read from each pixel for each tap.
    pub(super) run: usize,
    /// `[tap][number of the run][channel]`.
    pub(super) weights: *const f32,
    /// Where each pixel's channels go.
    pub(super) targets: [*mut f32; TILE_PIXELS],
    /// Whether the sums begin at zero rather than at what the targets hold.
    pub(super) fresh: bool,
}

impl GatherTile {
    /// `target[p][o] (+)= Σ pixel[p][k] · weights[k][o]`.
    ///
    /// # Safety
    /// All `TILE_PIXELS` addresses of each tap whose first is not null have `run` readable numbers, the weights `taps * run * VECTORS * LANES`,
    /// and every target has `VECTORS * LANES` writable numbers that no other thread touches.
    #[inline(always)]
    pub(super) unsafe fn add<S: Simd, const VECTORS: usize>(&self, s: S) {
        // Every loop over sums has constant bounds: they must never be indexed by a variable, or they leave the registers.
        let mut sums = [[s.splat(0.0); VECTORS]; TILE_PIXELS];
        if !self.fresh {
            for (sums, target) in sums.iter_mut().zip(self.targets) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: a row of the tile lies at each target.
                    *sum = unsafe { s.load_from(target.add(v * S::LANES)) };
                }
            }
        }
        let mut weights = self.weights;
        for tap in 0..self.taps {
            // SAFETY: the table holds `TILE_PIXELS` addresses at this place for each tap.
            let pixels = unsafe { self.pixels.add(tap * self.pitch).cast::<[*const f32; TILE_PIXELS]>().read() };
            if pixels[0].is_null() {
                weights = weights.wrapping_add(self.run * VECTORS * S::LANES);
                continue;
            }
            for k in 0..self.run {
                // SAFETY: the weights hold one row for each tap and number of the run, each pixel `run` numbers.
                unsafe {
                    let mut row = [s.splat(0.0); VECTORS];
                    for (v, vector) in row.iter_mut().enumerate() {
                        *vector = s.load_from(weights.add(v * S::LANES));
                    }
                    weights = weights.add(VECTORS * S::LANES);
                    for (sums, pixel) in sums.iter_mut().zip(pixels) {
                        let x = s.splat(*pixel.add(k));
                        for (sum, w) in sums.iter_mut().zip(row) {
                            *sum = s.mul_add(x, w, *sum);
                        }
                    }
                }
            }
        }
        for (sums, target) in sums.iter().zip(self.targets) {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: a row of the tile may be written at each target.
                unsafe { s.store_to(*sum, target.add(v * S::LANES)) };
            }
        }
    }
}

/// A packed input pixel and the output pixel that sees it through a tap.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) input: u32,
    pub(super) output: u32,
}

/// The operands of a weight-gradient tile.
pub(super) struct OuterTile<'a> {
    /// `[packed pixel][input channel of the panel]`.
    pub(super) input: *const f32,
    /// The packed input pixel and the output pixel of each product.
    pub(super) pairs: &'a [Pair],
    /// `[output pixel][output channel of the panel]`.
    pub(super) gradient: *const f32,
    /// The tile of sums, and numbers from one input channel's sums to the next one's.
    pub(super) target: *mut f32,
    pub(super) target_pitch: usize,
    pub(super) fresh: bool,
}

impl OuterTile<'_> {
    /// `target[i][o] (+)= Σ input[pixel][i] · gradient[pixel][o]` for `CHANNELS` input channels.
    ///
    /// # Safety
    /// The panels hold `CHANNELS` and `VECTORS * LANES` numbers for each pixel that `pairs` names, and the target a
    /// tile of that size that nothing else touches.
    #[inline(always)]
    pub(super) unsafe fn add<S: Simd, const CHANNELS: usize, const VECTORS: usize>(&self, s: S) {
        let mut sums = [[s.splat(0.0); VECTORS]; CHANNELS];
        if !self.fresh {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: the tile lies at the target.
                    *sum = unsafe { s.load_from(self.target.add(i * self.target_pitch + v * S::LANES)) };
                }
            }
        }
        for pair in self.pairs {
            // SAFETY: both panels hold these pixels.
            unsafe {
                let input = self.input.add(pair.input as usize * CHANNELS);
                let gradient = self.gradient.add(pair.output as usize * (VECTORS * S::LANES));
                let mut vectors = [s.splat(0.0); VECTORS];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = s.load_from(gradient.add(v * S::LANES));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(*input.add(i));
                    for (sum, g) in sums.iter_mut().zip(vectors) {
                        *sum = s.mul_add(x, g, *sum);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: the tile lies at the target.
                unsafe { s.store_to(*sum, self.target.add(i * self.target_pitch + v * S::LANES)) };
            }
        }
    }
}
