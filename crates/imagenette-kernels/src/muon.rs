//! Muon's update of a matrix that is longer than wide: momentum, the orthogonal direction by Newton-Schulz iterations, and the step. The
//! products run on the register tiles of the convolutions, and a sum's order follows from the sizes alone.
//!
//! # Source
//! Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024: X ← (aI + bXXᵀ + c(XXᵀ)²) X. The factors are
//! polynomials of XXᵀ and so commute: they are multiplied together first, each found from XXᵀ ← P² XXᵀ, and meet X but once.

use crate::buffer::Aligned;
use crate::convolution::{Convolution, ConvolutionShape};
use crate::level::{Level, Work};
use crate::shape::check_len;
use crate::simd::Simd;
use rayon::prelude::*;

/// Numbers that a task works on.
const BLOCK: usize = 1 << 14;
/// The iteration's coefficients.
const A: f32 = 3.4445;
const B: f32 = -4.7750;
const C: f32 = 2.0315;
/// Added to the norm that the direction is divided by.
const TINY: f64 = 1e-7;

/// A step of Muon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The learning rate, times what the size of the matrix asks for.
    pub rate: f64,
    /// The share of the last step's direction that stays.
    pub momentum: f64,
    /// Whether to look ahead along the momentum.
    pub nesterov: bool,
    /// Newton-Schulz iterations, at least one.
    pub iterations: u32,
    /// The root of the sum of squares that the weights are brought to before the step, or else what they are multiplied with.
    pub size: Size,
}

/// What becomes of the weights before the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Their root of the sum of squares becomes this.
    Norm(f64),
    /// They are multiplied with this.
    Times(f64),
}

impl Muon {
    /// Whether [`Self::update`] takes matrices of this shape: rows no longer than two thirds of the columns.
    #[must_use]
    pub fn fits([rows, columns]: [usize; 2]) -> bool {
        rows > 0 && 2 * columns >= 3 * rows
    }

    /// Moves `weights` against `gradient`; `momentum` is the state, zeros before the first step.
    ///
    /// # Shapes
    /// All `[rows, columns]`.
    ///
    /// # Panics
    /// The lengths do not agree with the shape, the shape does not fit, or there is no iteration.
    pub fn update(&self, level: Level, shape: [usize; 2], weights: &mut [f32], gradient: &[f32], momentum: &mut [f32]) {
        let [rows, columns] = shape;
        assert!(Self::fits(shape) && self.iterations > 0, "a matrix longer than wide, and at least one iteration");
        check_len("the weights", weights.len(), rows * columns);
        check_len("the gradient", gradient.len(), weights.len());
        check_len("the momentum", momentum.len(), weights.len());
        let mut direction = Aligned::scratch(weights.len());
        let squares =
            direction.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK)).zip(momentum.par_chunks_mut(BLOCK)).map(
                |((direction, gradient), momentum)| {
                    level.run(Turn { muon: *self, direction, gradient, momentum });
                    sum_of_squares(direction)
                },
            );
        let size = squares.collect::<Vec<f64>>().into_iter().sum::<f64>().sqrt() + TINY;
        let wide = Product::new([rows, rows, columns]);
        let mut square = Aligned::scratch(rows * rows);
        wide.times_transpose(level, &direction, &direction, &mut square);
        let share = (1.0 / (size * size)) as f32;
        square.iter_mut().for_each(|x| *x *= share);
        let factor = self.factor(level, rows, square);
        let mut orthogonal = Aligned::scratch(weights.len());
        wide.times(level, &factor, &direction, &mut orthogonal);
        let keep = match self.size {
            Size::Times(factor) => factor,
            Size::Norm(norm) => {
                let squares = weights.par_chunks(BLOCK).map(sum_of_squares).collect::<Vec<f64>>();
                norm / squares.into_iter().sum::<f64>().sqrt()
            }
        };
        let (keep, rate) = (keep as f32, (self.rate / size) as f32);
        weights.par_chunks_mut(BLOCK).zip(orthogonal.par_chunks(BLOCK)).for_each(|(weights, orthogonal)| {
            level.run(Step { weights, orthogonal, keep, rate });
        });
    }

    /// The product of the iterations' factors, from the square of the matrix that they are for.
    fn factor(&self, level: Level, rows: usize, mut square: Aligned) -> Aligned {
        let small = Product::new([rows; 3]);
        let len = rows * rows;
        let [mut product, mut other, mut factor] = [0; 3].map(|_| Aligned::scratch(len));
        for iteration in 0..self.iterations {
            // P = aI + bS + cS²; all these are symmetric.
            small.times_transpose(level, &square, &square, &mut product);
            product.iter_mut().zip(square.iter()).for_each(|(x, square)| *x = B * square + C * *x);
            product.iter_mut().step_by(rows + 1).for_each(|x| *x += A);
            if iteration == 0 {
                factor.copy_from_slice(&product);
            } else {
                small.times_transpose(level, &product, &factor, &mut other);
                std::mem::swap(&mut factor, &mut other);
            }
            if iteration + 1 < self.iterations {
                small.times_transpose(level, &product, &square, &mut other);
                small.times_transpose(level, &product, &other, &mut square);
            }
        }
        factor
    }
}

/// Products of matrices as convolutions of single pixels.
struct Product(Convolution);

impl Product {
    /// Of `[pixels, inputs]` and `[outputs, inputs]`.
    fn new([pixels, outputs, inputs]: [usize; 3]) -> Self {
        let shape = ConvolutionShape {
            images: 1,
            input: [pixels, 1],
            input_channels: inputs,
            output_channels: outputs,
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0, 0],
        };
        Self(Convolution::new(shape).expect("no larger than what was allocated already"))
    }

    /// `[pixels, inputs]` times the transpose of `[outputs, inputs]`.
    fn times_transpose(&self, level: Level, one: &[f32], other: &[f32], to: &mut [f32]) {
        self.0.forward(level, one, other, to);
    }

    /// `[pixels, outputs]` times `[outputs, inputs]`.
    fn times(&self, level: Level, one: &[f32], other: &[f32], to: &mut [f32]) {
        self.0.input_gradient(level, one, other, to);
    }
}

/// In f64 and four sums, so that a block is summed fast.
fn sum_of_squares(numbers: &[f32]) -> f64 {
    let (fours, rest) = numbers.as_chunks::<4>();
    let mut sums = [0.0f64; 4];
    for four in fours {
        for (sum, x) in sums.iter_mut().zip(four) {
            *sum += f64::from(*x) * f64::from(*x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>()
}

struct Turn<'a> {
    muon: Muon,
    direction: &'a mut [f32],
    gradient: &'a [f32],
    momentum: &'a mut [f32],
}

impl Work for Turn<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Plain loops: compiled here, they become this level's vectors.
        let (stays, nesterov) = (self.muon.momentum as f32, self.muon.nesterov);
        for ((d, g), m) in self.direction.iter_mut().zip(self.gradient).zip(self.momentum) {
            *m = stays * *m + g;
            *d = if nesterov { g + stays * *m } else { *m };
        }
    }
}

struct Step<'a> {
    weights: &'a mut [f32],
    orthogonal: &'a [f32],
    keep: f32,
    rate: f32,
}

impl Work for Step<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (w, u) in self.weights.iter_mut().zip(self.orthogonal) {
            *w = self.keep * *w - self.rate * u;
        }
    }
}

/// The same in plain loops and f64, iteration by iteration.
pub mod twin {
    use super::{A, B, C, Muon, Size, TINY};

    fn times(one: &[f64], other: impl Fn(usize, usize) -> f64, [rows, inner, columns]: [usize; 3]) -> Vec<f64> {
        let place = |i: usize| (i / columns, i % columns);
        (0..rows * columns)
            .map(|i| (0..inner).map(|k| one[place(i).0 * inner + k] * other(k, place(i).1)).sum())
            .collect()
    }

    /// Moves `weights` against `gradient`; `momentum` is the state.
    pub fn update(
        muon: &Muon,
        [rows, columns]: [usize; 2],
        weights: &mut [f64],
        gradient: &[f64],
        momentum: &mut [f64],
    ) {
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (m, g) in momentum.iter_mut().zip(gradient) {
            *m = muon.momentum * *m + g;
        }
        let ahead = |(m, g): (&f64, &f64)| if muon.nesterov { g + muon.momentum * m } else { *m };
        let mut x: Vec<f64> = momentum.iter().zip(gradient).map(ahead).collect();
        let size = norm(&x) + TINY;
        x.iter_mut().for_each(|x| *x /= size);
        let [a, b, c] = [A, B, C].map(f64::from);
        for _ in 0..muon.iterations {
            let square = times(&x, |k, j| x[j * columns + k], [rows, columns, rows]);
            let fourth = times(&square, |k, j| square[k * rows + j], [rows; 3]);
            let polynomial: Vec<f64> = square.iter().zip(&fourth).map(|(s, f)| b * s + c * f).collect();
            let more = times(&polynomial, |k, j| x[k * columns + j], [rows, rows, columns]);
            x.iter_mut().zip(more).for_each(|(x, more)| *x = a * *x + more);
        }
        let keep = match muon.size {
            Size::Norm(wanted) => wanted / norm(weights),
            Size::Times(factor) => factor,
        };
        weights.iter_mut().zip(x).for_each(|(w, x)| *w = keep * *w - muon.rate * x);
    }
}
