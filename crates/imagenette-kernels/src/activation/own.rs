//! Activations from elsewhere: a function of one number and its slope, applied to maps of any precision on all threads.

use std::fmt::Debug;

use crate::level::{Level, Levels, Work};
use crate::number::Number;
use crate::shape::check_len;
use crate::simd::Simd;
use crate::tasks::for_each_chunk;

/// Numbers per task: small enough that a copy in f32 stays in the cache.
const BLOCK: usize = 1 << 12;

/// An activation and its derivative, number by number.
///
/// # Example
/// ```
/// use imagenette_kernels::activation::own::{Curve, apply};
/// use imagenette_kernels::Level;
///
/// /// max(x, 0)²
/// #[derive(Debug)]
/// struct SquaredRelu;
///
/// impl Curve for SquaredRelu {
///     fn value(&self, x: f32) -> f32 {
///         x.max(0.0) * x.max(0.0)
///     }
///     fn slope(&self, x: f32) -> f32 {
///         2.0 * x.max(0.0)
///     }
/// }
///
/// let mut output = [0.0; 3];
/// apply(Level::best(), &SquaredRelu, &[-1.0, 2.0, 3.0], &mut output);
/// assert_eq!(output, [0.0, 4.0, 9.0]);
/// ```
pub trait Curve: Debug + Send + Sync {
    /// Checks the settings.
    ///
    /// # Errors
    /// What does not make sense, in a sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The function.
    fn value(&self, x: f32) -> f32;

    /// Its derivative at `x`.
    fn slope(&self, x: f32) -> f32;

    /// The function of every number, in place. What is here calls [`Curve::value`], compiled for each level's
    /// instructions; loops without branches and calls become vectors.
    fn values(&self, level: Level, numbers: &mut [f32]) {
        level.run(Values { curve: self, numbers });
    }

    /// Multiplies every number with the slope at its input, in place.
    ///
    /// # Shapes
    /// Both of one length.
    fn times_slopes(&self, level: Level, inputs: &[f32], numbers: &mut [f32]) {
        level.run(Slopes { curve: self, inputs, numbers });
    }
}

struct Values<'a, C: ?Sized> {
    curve: &'a C,
    numbers: &'a mut [f32],
}

impl<C: Curve + ?Sized> Work for Values<'_, C> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for number in self.numbers {
            *number = self.curve.value(*number);
        }
    }
}

struct Slopes<'a, C: ?Sized> {
    curve: &'a C,
    inputs: &'a [f32],
    numbers: &'a mut [f32],
}

impl<C: Curve + ?Sized> Work for Slopes<'_, C> {
    type Output = ();
    const LEVELS: Levels = Levels::Plain;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (number, &x) in self.numbers.iter_mut().zip(self.inputs) {
            *number *= self.curve.slope(x);
        }
    }
}

/// The curve's value of every number.
///
/// # Panics
/// The lengths do not agree.
pub fn apply<T: Number>(level: Level, curve: &dyn Curve, input: &[T], output: &mut [T]) {
    check_len("the output", output.len(), input.len());
    for_each_chunk(output, BLOCK, |i, output| {
        output.copy_from_slice(&input[i * BLOCK..][..output.len()]);
        change(level, curve, output);
    });
}

/// The curve's value of every number, in place and on this thread.
pub(crate) fn change<T: Number>(level: Level, curve: &dyn Curve, numbers: &mut [T]) {
    for numbers in numbers.chunks_mut(BLOCK) {
        match (bytemuck::try_cast_slice_mut::<T, f32>(numbers), T::PRECISION) {
            (Ok(plain), crate::Precision::F32) => curve.values(level, plain),
            _ => {
                let mut wide = [0.0; BLOCK];
                let wide = &mut wide[..numbers.len()];
                level.run(Convert { from: &*numbers, to: &mut *wide });
                curve.values(level, wide);
                level.run(Convert { from: wide, to: numbers });
            }
        }
    }
}

/// Turns the gradient for the output of [`apply`] into the gradient for its input, in place.
///
/// # Panics
/// The lengths do not agree.
pub fn apply_gradient<T: Number>(level: Level, curve: &dyn Curve, input: &[T], gradient: &mut [T]) {
    check_len("the gradient", gradient.len(), input.len());
    for_each_chunk(gradient, BLOCK, |i, gradient| {
        change_gradient(level, curve, &input[i * BLOCK..][..gradient.len()], gradient);
    });
}

/// The gradient for the input, in place and on this thread.
pub(crate) fn change_gradient<T: Number>(level: Level, curve: &dyn Curve, input: &[T], gradient: &mut [T]) {
    for (input, gradient) in input.chunks(BLOCK).zip(gradient.chunks_mut(BLOCK)) {
        match (bytemuck::try_cast_slice::<T, f32>(input), T::PRECISION) {
            (Ok(plain), crate::Precision::F32) => {
                curve.times_slopes(level, plain, bytemuck::cast_slice_mut::<T, f32>(gradient));
            }
            _ => {
                let (mut inputs, mut wide) = ([0.0; BLOCK], [0.0; BLOCK]);
                let (inputs, wide) = (&mut inputs[..input.len()], &mut wide[..input.len()]);
                level.run(Convert { from: input, to: &mut *inputs });
                level.run(Convert { from: &*gradient, to: &mut *wide });
                curve.times_slopes(level, inputs, wide);
                level.run(Convert { from: wide, to: gradient });
            }
        }
    }
}

/// Numbers stored otherwise, rounded once.
struct Convert<'a, A, B> {
    from: &'a [A],
    to: &'a mut [B],
}

impl<A: Number, B: Number> Work for Convert<'_, A, B> {
    type Output = ();
    const LEVELS: Levels = Levels::writing::<B>();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (to, from) in self.to.chunks_mut(S::LANES).zip(self.from.chunks(S::LANES)) {
            s.store_some(s.load_some(from), to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    #[derive(Debug)]
    struct SquaredRelu;

    impl Curve for SquaredRelu {
        fn value(&self, x: f32) -> f32 {
            x.max(0.0) * x.max(0.0)
        }
        fn slope(&self, x: f32) -> f32 {
            2.0 * x.max(0.0)
        }
    }

    #[test]
    fn every_number_is_the_curves_whatever_the_length_the_level_and_the_precision() {
        for len in [0, 1, 7, BLOCK, 2 * BLOCK + 3] {
            let plain: Vec<f32> = (0..len).map(|i| (i % 41) as f32 / 8.0 - 2.5).collect();
            let stored: Vec<Bf16> = plain.iter().map(|&x| Bf16::from_f32(x)).collect();
            for level in Level::available() {
                let (mut output, mut gradient) = (vec![f32::NAN; len], vec![3.0; len]);
                apply(level, &SquaredRelu, &plain, &mut output);
                apply_gradient(level, &SquaredRelu, &plain, &mut gradient);
                let (mut short, mut short_gradient) = (vec![Bf16::default(); len], vec![Bf16::from_f32(3.0); len]);
                apply(level, &SquaredRelu, &stored, &mut short);
                apply_gradient(level, &SquaredRelu, &stored, &mut short_gradient);
                for (i, &x) in plain.iter().enumerate() {
                    let (value, slope) = (SquaredRelu.value(x), 3.0 * SquaredRelu.slope(x));
                    assert_eq!((output[i], gradient[i]), (value, slope), "{level}");
                    let narrow = (Bf16::from_f32(value), Bf16::from_f32(slope));
                    assert_eq!((short[i], short_gradient[i]), narrow, "{level}");
                }
            }
        }
    }
}
