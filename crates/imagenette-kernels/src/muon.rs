//! Muon's update of a matrix that is wider than tall: momentum, the orthogonal direction by Newton-Schulz iterations,
//! and the step. The products run on the register tiles of the convolutions, and the order of a sum depends on the
//! sizes alone.
//!
//! # Source
//! Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024: X ← (aI + bXXᵀ + c(XXᵀ)²) X. The
//! factors are polynomials of XXᵀ and so commute: they are multiplied with each other first, each computed from XXᵀ ←
//! P² XXᵀ, and with X only once, at the end.

use crate::bf16::Bf16;
use crate::buffer::Aligned;
use crate::convolution::{Convolution, ConvolutionShape};
use crate::level::{Level, Levels, Work};
use crate::number::{Number, Precision, is_bf16};
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::{for_each_chunk, map_chunks};
use std::ops::Deref;

/// Numbers per task.
const BLOCK: usize = 1 << 14;
/// Strips of rows that a symmetric product is cut into, each a multiple of the register tiles' width.
const STRIPS: usize = 3;
const STRIP_MULTIPLE: usize = 32;
/// Rows that are filled together when a symmetric product is copied.
const BAND: usize = 16;
/// The iteration's coefficients.
const A: f32 = 3.4445;
const B: f32 = -4.7750;
const C: f32 = 2.0315;
/// Added to the norm that the direction is divided by.
const TINY: f64 = 1e-7;

/// The settings of a step of Muon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The learning rate, already multiplied by the factor for the matrix's size.
    pub rate: f64,
    /// The share of the momentum that is kept.
    pub momentum: f64,
    /// Whether to use Nesterov momentum.
    pub nesterov: bool,
    /// Newton-Schulz iterations, at least one.
    pub iterations: u32,
    /// What becomes of the weights before the step.
    pub size: Size,
    /// What the products' factors and results are rounded to where the level multiplies pairs of [`Bf16`]; elsewhere
    /// they stay f32. Sums, momentum and weights are always f32.
    pub precision: Precision,
}

/// What becomes of the weights before the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// They are scaled to this norm, the root of the sum of their squares.
    Norm(f64),
    /// They are multiplied by this.
    Times(f64),
}

impl Muon {
    /// Whether [`Self::update`] takes matrices of this shape: at least one and a half times as many columns as rows.
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
        match self.precision {
            Precision::Bf16 if level.multiplies_pairs() => {
                self.update_in::<Bf16>(level, shape, weights, gradient, momentum)
            }
            _ => self.update_in::<f32>(level, shape, weights, gradient, momentum),
        }
    }

    fn update_in<T: Number>(
        &self,
        level: Level,
        shape: [usize; 2],
        weights: &mut [f32],
        gradient: &[f32],
        momentum: &mut [f32],
    ) {
        let [rows, columns] = shape;
        assert!(
            Self::fits(shape) && self.iterations > 0,
            "Muon takes a matrix that is wider than tall, and at least one iteration"
        );
        check_len("the weights", weights.len(), rows * columns);
        check_len("the gradient", gradient.len(), weights.len());
        check_len("the momentum", momentum.len(), weights.len());
        let mut direction = Aligned::scratch(weights.len());
        let squares = map_chunks((&mut direction[..], momentum), BLOCK, |i, (direction, momentum)| {
            let gradient = &gradient[i * BLOCK..][..direction.len()];
            level.run(Direction { muon: *self, direction, gradient, momentum });
            sum_of_squares(direction)
        });
        let size = squares.into_iter().sum::<f64>().sqrt() + TINY;
        let mut square = Aligned::scratch(rows * rows);
        symmetric::<T>(level, [rows, columns], &direction, &direction, &mut square);
        let share = (1.0 / (size * size)) as f32;
        for_each_chunk(&mut square[..], BLOCK, |_, square| square.iter_mut().for_each(|x| *x *= share));
        let factor = self.factor::<T>(level, rows, square);
        let mut orthogonal = Aligned::<T>::scratch(weights.len());
        Product::new([rows, rows, columns]).times(
            level,
            &Stored::<T>::new(level, &factor),
            &direction,
            &mut orthogonal,
        );
        let keep = match self.size {
            Size::Times(factor) => factor,
            Size::Norm(norm) => {
                let squares = map_chunks(&mut *weights, BLOCK, |_, weights| sum_of_squares(weights));
                norm / squares.into_iter().sum::<f64>().sqrt()
            }
        };
        let (keep, rate) = (keep as f32, (self.rate / size) as f32);
        for_each_chunk(weights, BLOCK, |i, weights| {
            level.run(Step { orthogonal: &orthogonal[i * BLOCK..][..weights.len()], weights, keep, rate });
        });
    }

    /// The product of the iterations' factors, from `square`, the product of the matrix and its transpose.
    fn factor<T: Number>(&self, level: Level, rows: usize, mut square: Aligned) -> Aligned {
        let len = rows * rows;
        // All these are polynomials of one symmetric matrix, which makes them and their products symmetric.
        let times = |one: &[f32], other: &[f32], to: &mut [f32]| symmetric::<T>(level, [rows; 2], one, other, to);
        let [mut product, mut other, mut factor] = [0; 3].map(|_| Aligned::scratch(len));
        for iteration in 0..self.iterations {
            // P = aI + bS + cS²
            times(&square, &square, &mut product);
            for_each_chunk(&mut product[..], BLOCK, |i, product| {
                product.iter_mut().zip(&square[i * BLOCK..]).for_each(|(x, square)| *x = B * square + C * *x);
            });
            product.iter_mut().step_by(rows + 1).for_each(|x| *x += A);
            if iteration == 0 {
                factor.copy_from_slice(&product);
            } else {
                times(&product, &factor, &mut other);
                std::mem::swap(&mut factor, &mut other);
            }
            if iteration + 1 < self.iterations {
                times(&product, &square, &mut other);
                times(&product, &other, &mut square);
            }
        }
        factor
    }
}

/// `one` times the transpose of `other`, both `[rows, inner]`, in numbers of type `T`, where the product is symmetric:
/// of each strip of rows, only the columns up to the end of its diagonal are computed; the rest is copied from other
/// strips.
fn symmetric<T: Number>(level: Level, [rows, inner]: [usize; 2], one: &[f32], other: &[f32], to: &mut [f32]) {
    let one = Stored::<T>::new(level, one);
    let strip = rows.div_ceil(STRIPS).next_multiple_of(STRIP_MULTIPLE);
    let mut left = Aligned::<T>::scratch(strip.min(rows) * rows);
    for start in (0..rows).step_by(strip) {
        let end = rows.min(start + strip);
        let left = &mut left[..(end - start) * end];
        let product = Product::new([end - start, end, inner]);
        product.times_transpose(level, &one[start * inner..end * inner], &other[..end * inner], left);
        let (above, own) = to.split_at_mut(start * rows);
        for_each_chunk(&mut own[..(end - start) * rows], rows, |row, own| {
            own.iter_mut().zip(&left[row * end..][..end]).for_each(|(own, x)| *own = x.to_f32());
        });
        // Bands of rows, whose cache lines are filled one after the other.
        for_each_chunk(above, BAND * rows, |band, above| {
            for (column, left) in (start..end).zip(left.chunks(end)) {
                for (above, x) in above.chunks_mut(rows).zip(&left[band * BAND..]) {
                    above[column] = x.to_f32();
                }
            }
        });
    }
}

/// Numbers as type `T`: as they are, or rounded.
enum Stored<'a, T: Number> {
    AsIs(&'a [T]),
    Rounded(Aligned<T>),
}

impl<'a, T: Number> Stored<'a, T> {
    fn new(level: Level, numbers: &'a [f32]) -> Self {
        if const { !is_bf16::<T>() } {
            return Self::AsIs(bytemuck::cast_slice(numbers));
        }
        let mut rounded = Aligned::scratch(numbers.len());
        for_each_chunk(&mut rounded[..], BLOCK, |i, to| {
            level.run(Round { from: &numbers[i * BLOCK..][..to.len()], to });
        });
        Self::Rounded(rounded)
    }
}

impl<T: Number> Deref for Stored<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Self::AsIs(numbers) => numbers,
            Self::Rounded(numbers) => numbers,
        }
    }
}

struct Round<'a, T> {
    to: &'a mut [T],
    from: &'a [f32],
}

impl<T: Number> Work for Round<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<T, T>();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (to, from) in self.to.iter_mut().zip(self.from) {
            *to = T::from_f32(*from);
        }
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
    fn times_transpose<T: Number>(&self, level: Level, one: &[T], other: &[f32], to: &mut [T]) {
        self.0.forward(level, one, other, to);
    }

    /// `[pixels, outputs]` times `[outputs, inputs]`.
    fn times<T: Number>(&self, level: Level, one: &[T], other: &[f32], to: &mut [T]) {
        self.0.input_gradient(level, one, other, to);
    }
}

/// In f64, and four sums at a time for speed.
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

struct Direction<'a> {
    muon: Muon,
    direction: &'a mut [f32],
    gradient: &'a [f32],
    momentum: &'a mut [f32],
}

impl Work for Direction<'_> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // Plain loops: compiled here, they become this level's vectors.
        let (kept, nesterov) = (self.muon.momentum as f32, self.muon.nesterov);
        for ((d, g), m) in self.direction.iter_mut().zip(self.gradient).zip(self.momentum) {
            *m = kept * *m + g;
            *d = if nesterov { g + kept * *m } else { *m };
        }
    }
}

struct Step<'a, T> {
    weights: &'a mut [f32],
    orthogonal: &'a [T],
    keep: f32,
    rate: f32,
}

impl<T: Number> Work for Step<'_, T> {
    type Output = ();
    const LEVELS: Levels = Levels::multiplying::<T, T>();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (w, u) in self.weights.iter_mut().zip(self.orthogonal) {
            *w = self.keep * *w - self.rate * u.to_f32();
        }
    }
}

/// Muon's update in plain loops and f64, iteration by iteration.
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
