//! Updates of parameters in one pass over memory: SGD with Nesterov momentum, AdamW, and moving averages.

use crate::level::{Level, Levels, Work};
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

/// Parameters per task.
const BLOCK: usize = 1 << 14;

/// Stochastic gradient descent; weight decay is added to the gradient, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate.
    pub rate: f64,
    /// The share of the momentum that is kept.
    pub momentum: f64,
    /// Whether to use Nesterov momentum.
    pub nesterov: bool,
    /// The share of each weight that is added to its gradient.
    pub decay: f64,
}

/// Adam with weight decay apart from the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The learning rate.
    pub rate: f64,
    /// The shares of the gradient's running mean and mean square that are kept.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// The share of each weight that is subtracted from it, times the rate.
    pub decay: f64,
    /// The number of this step, from one.
    pub step: u64,
}

impl Sgd {
    /// Moves `weights` against `gradient`; `momentum` is the state, zeros before the first step.
    ///
    /// # Panics
    /// The lengths do not agree.
    pub fn update(&self, level: Level, weights: &mut [f32], gradient: &[f32], momentum: &mut [f32]) {
        check_len("the gradient", gradient.len(), weights.len());
        check_len("the momentum", momentum.len(), weights.len());
        for_each_chunk((weights, momentum), BLOCK, |i, (weights, momentum)| {
            let gradient = &gradient[i * BLOCK..][..weights.len()];
            level.run(SgdBlock { sgd: *self, weights, gradient, momentum });
        });
    }
}

struct SgdBlock<'a> {
    sgd: Sgd,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    momentum: &'a mut [f32],
}

impl Work for SgdBlock<'_> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Plain loops: compiled here, they become this level's vectors.
        let Sgd { rate, momentum: kept, nesterov, decay } = self.sgd;
        let (rate, kept, decay) = (rate as f32, kept as f32, decay as f32);
        for ((w, g), m) in self.weights.iter_mut().zip(self.gradient).zip(self.momentum) {
            let g = g + decay * *w;
            *m = kept * *m + g;
            let direction = if nesterov { g + kept * *m } else { *m };
            *w -= rate * direction;
        }
    }
}

impl AdamW {
    /// Moves `weights`; `mean` and `square` are the state, zeros before the first step.
    ///
    /// # Panics
    /// The lengths do not agree, or the step is zero.
    pub fn update(&self, level: Level, weights: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
        check_len("the gradient", gradient.len(), weights.len());
        check_len("the mean", mean.len(), weights.len());
        check_len("the mean square", square.len(), weights.len());
        assert!(self.step > 0, "the first step is step one");
        for_each_chunk((weights, (mean, square)), BLOCK, |i, (weights, (mean, square))| {
            let gradient = &gradient[i * BLOCK..][..weights.len()];
            level.run(AdamWBlock { adam: *self, weights, gradient, mean, square });
        });
    }
}

struct AdamWBlock<'a> {
    adam: AdamW,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    square: &'a mut [f32],
}

impl Work for AdamWBlock<'_> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let AdamW { rate, betas, epsilon, decay, step } = self.adam;
        // Both means begin at zero: divide by the weight that gradients have in them by now. In f64, since 1 - beta
        // loses its digits in f32.
        let seen = betas.map(|beta| 1.0 - power(beta, step));
        let (stride, root, keep) =
            ((rate / seen[0]) as f32, seen[1].sqrt().recip() as f32, (1.0 - rate * decay) as f32);
        let (kept, added) = (betas.map(|beta| beta as f32), betas.map(|beta| (1.0 - beta) as f32));
        let epsilon = epsilon as f32;
        for (((w, g), m), v) in self.weights.iter_mut().zip(self.gradient).zip(self.mean).zip(self.square) {
            *m = kept[0] * *m + added[0] * g;
            *v = kept[1] * *v + added[1] * g * g;
            *w = *w * keep - stride * *m / (v.sqrt() * root + epsilon);
        }
    }
}

/// `base` to the power of `exponent` by repeated squaring: always in this order, where std's `powi` may have another.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut power = 1.0;
    loop {
        if exponent % 2 == 1 {
            power *= base;
        }
        exponent /= 2;
        if exponent == 0 {
            return power;
        }
        base *= base;
    }
}

/// Moves an average towards the weights: `average += share · (weights - average)`.
///
/// # Panics
/// The lengths do not agree.
pub fn move_average(level: Level, average: &mut [f32], weights: &[f32], share: f32) {
    struct Block<'a> {
        average: &'a mut [f32],
        weights: &'a [f32],
        share: f32,
    }
    impl Work for Block<'_> {
        type Output = ();
        const LEVELS: Levels = Levels::Plain;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            for (average, w) in self.average.iter_mut().zip(self.weights) {
                *average += self.share * (w - *average);
            }
        }
    }
    check_len("the weights", weights.len(), average.len());
    for_each_chunk(average, BLOCK, |i, average| {
        level.run(Block { weights: &weights[i * BLOCK..][..average.len()], average, share });
    });
}

#[cfg(test)]
mod tests {
    use super::power;

    #[test]
    fn powers_are_products_of_their_base() {
        for base in [0.9, 0.999, 0.5, 1.0] {
            let mut product = 1.0;
            // As far as no power is too small to be exact.
            for exponent in 0..1000 {
                let found = power(base, exponent);
                assert!((found / product - 1.0).abs() < 1e-12, "{base} to {exponent} is {found}, not {product}");
                product *= base;
            }
        }
        assert_eq!(power(0.99, u64::MAX), 0.0);
    }
}
