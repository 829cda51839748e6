//! Vectors of f32 behind one trait, so that every kernel is written once: a level is a token of type `Simd`, which
//! says how many numbers a vector holds, how large the register tile of the convolutions is, and does the arithmetic.
//! Numbers stored as `Bf16` are widened when they are loaded and rounded when they are stored.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::{Avx512, Avx512Bf16};
pub(crate) use portable::Portable;

use crate::bf16::Bf16;
use crate::number::{Number, is_bf16};

/// A token for an instruction set; holding one proves that the processor has it, so that the arithmetic is safe.
#[expect(unsafe_code, reason = "loads and stores through pointers, for the register tiles of the convolutions")]
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// A vector of `LANES` numbers.
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Vectors of output channels in a register tile of `TILE_PIXELS` pixels; the accumulators must fit in registers.
    const PANEL_VECTORS: usize;
    /// Whether convolutions of `Bf16` multiply pairs. Otherwise they widen what they read and go on as for f32, which
    /// is faster than pairs where there is no instruction for them. The portable level multiplies pairs, so that every
    /// machine tests that path.
    const MULTIPLIES_PAIRS: bool = false;

    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once if the level has an instruction for it.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn abs(self, a: Self::V) -> Self::V;
    /// `yes` where `a > b`, else `no`.
    fn select_greater(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `yes` where `a > b` or `a` is NaN, else `no`.
    fn select_better(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// 2ⁿ for whole `n` from -126 to 127.
    fn power_of_two(self, n: Self::V) -> Self::V;
    /// To the nearest whole number, for numbers within ±2²².
    #[inline(always)]
    fn round(self, a: Self::V) -> Self::V {
        // Adding 1.5·2²³ leaves no room for a fraction; the addition itself rounds to nearest even.
        let magic = self.splat(12_582_912.0);
        self.sub(self.add(a, magic), magic)
    }

    /// # Safety
    /// `LANES` numbers can be read from `from`.
    unsafe fn load_from(self, from: *const f32) -> Self::V;
    /// # Safety
    /// `LANES` numbers can be written to `to`.
    unsafe fn store_to(self, a: Self::V, to: *mut f32);

    /// `LANES` numbers, widened.
    ///
    /// # Safety
    /// `LANES` numbers can be read from `from`.
    unsafe fn load_bf16_from(self, from: *const Bf16) -> Self::V;
    /// `LANES` numbers, each rounded to the nearest, of two that are equally near to the even one; NaN stays NaN. A
    /// level may treat numbers below 2⁻¹²⁶ as zero, as the processor's instruction does.
    ///
    /// # Safety
    /// `LANES` numbers can be written to `to`.
    unsafe fn store_bf16_to(self, a: Self::V, to: *mut Bf16);

    /// Pairs of `Bf16`: each number of `first` with that of `second`, rounded as [`Simd::store_bf16_to`] does.
    #[inline(always)]
    fn pair_up(self, first: Self::V, second: Self::V) -> Self::V {
        let mut numbers = [[Bf16::default(); MAX_LANES]; 2];
        self.store(first, &mut numbers[0]);
        self.store(second, &mut numbers[1]);
        let mut words = [0.0f32; MAX_LANES];
        for (word, (first, second)) in words.iter_mut().zip(numbers[0].iter().zip(&numbers[1])) {
            *word = Bf16::pair(*first, *second);
        }
        self.load(&words)
    }
    /// The numbers in the lower halves of lanes that hold pairs of `Bf16`.
    fn first_of_pairs(self, pairs: Self::V) -> Self::V;
    /// The numbers in the upper halves.
    fn second_of_pairs(self, pairs: Self::V) -> Self::V;
    /// `sum` plus the products of both numbers of each pair. Here it is two fused multiply-adds, the second number's
    /// first. A processor's instruction for it may round in another order, always rounds to nearest even, and treats
    /// numbers below 2⁻¹²⁶ as zero, operands and results alike: levels agree within f32's rounding, not to the bit.
    #[inline(always)]
    fn add_pair_products(self, a: Self::V, b: Self::V, sum: Self::V) -> Self::V {
        let sum = self.mul_add(self.second_of_pairs(a), self.second_of_pairs(b), sum);
        self.mul_add(self.first_of_pairs(a), self.first_of_pairs(b), sum)
    }

    /// `LANES` numbers of either kind.
    ///
    /// # Safety
    /// `LANES` numbers can be read from `from`.
    #[inline(always)]
    unsafe fn load_numbers_from<T: Number>(self, from: *const T) -> Self::V {
        // SAFETY: the caller's promise; `T` is the type that is asked for.
        unsafe { if is_bf16::<T>() { self.load_bf16_from(from.cast()) } else { self.load_from(from.cast()) } }
    }

    /// `LANES` numbers of either kind.
    ///
    /// # Safety
    /// `LANES` numbers can be written to `to`.
    #[inline(always)]
    unsafe fn store_numbers_to<T: Number>(self, a: Self::V, to: *mut T) {
        // SAFETY: the caller's promise; `T` is the type that is asked for.
        unsafe { if is_bf16::<T>() { self.store_bf16_to(a, to.cast()) } else { self.store_to(a, to.cast()) } }
    }

    /// The first `LANES` numbers of `from`.
    #[inline(always)]
    fn load<T: Number>(self, from: &[T]) -> Self::V {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the length was checked.
        unsafe { self.load_numbers_from(from.as_ptr()) }
    }

    /// Writes the first `LANES` numbers of `to`.
    #[inline(always)]
    fn store<T: Number>(self, a: Self::V, to: &mut [T]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the length was checked.
        unsafe { self.store_numbers_to(a, to.as_mut_ptr()) }
    }

    /// The numbers of `from`, up to `LANES` of them, and zeros after them.
    #[inline(always)]
    fn load_some<T: Number>(self, from: &[T]) -> Self::V {
        if from.len() >= Self::LANES {
            return self.load(from);
        }
        let mut whole = [T::default(); MAX_LANES];
        whole[..from.len()].copy_from_slice(from);
        self.load(&whole)
    }

    /// Fills `to` with the first numbers of `a`, up to `LANES` of them.
    #[inline(always)]
    fn store_some<T: Number>(self, a: Self::V, to: &mut [T]) {
        if to.len() >= Self::LANES {
            return self.store(a, to);
        }
        let mut whole = [T::default(); MAX_LANES];
        self.store(a, &mut whole);
        let count = to.len();
        to.copy_from_slice(&whole[..count]);
    }
}

/// The longest vector of any level.
pub(crate) const MAX_LANES: usize = 16;

/// The most channels of a register tile of any level.
pub(crate) const MAX_PANEL: usize = 64;
