//! Vectors of sixteen numbers: AVX-512; 6 pixels × 4 vectors fill 24 of the 32 registers. Where the processor
//! multiplies pairs of `Bf16` as well, it has a level of its own.
#![expect(unsafe_code, reason = "intrinsics, which the tokens prove to exist")]

use super::Simd;
use crate::bf16::Bf16;
use std::arch::x86_64::*;

/// The token of the level: made only where the processor has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

/// The token of the level above: made only where the processor has AVX-512 BF16 too.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16(());

impl Avx512Bf16 {
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ, VL and BF16.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY of every block below: the token `self` exists only where the processor has the instructions.

/// What both levels do in the same way.
macro_rules! arithmetic {
    () => {
        type V = __m512;
        const LANES: usize = 16;
        const PANEL_VECTORS: usize = 4;

        #[inline(always)]
        fn splat(self, x: f32) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        fn sub(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_sub_ps(a, b) }
        }
        #[inline(always)]
        fn mul(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        fn div(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_div_ps(a, b) }
        }
        #[inline(always)]
        fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        fn abs(self, a: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_andnot_ps(_mm512_set1_ps(-0.0), a) }
        }
        #[inline(always)]
        fn select_greater(self, a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes) }
        }
        #[inline(always)]
        fn select_better(self, a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe {
                let better = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
                _mm512_mask_blend_ps(better, no, yes)
            }
        }
        #[inline(always)]
        fn power_of_two(self, n: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe {
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(
                    _mm512_cvtps_epi32(n),
                    _mm512_set1_epi32(127),
                )))
            }
        }
        #[inline(always)]
        unsafe fn load_from(self, from: *const f32) -> __m512 {
            // SAFETY: the token proves the instructions, the caller 16 readable numbers.
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn store_to(self, a: __m512, to: *mut f32) {
            // SAFETY: the token proves the instructions, the caller room for 16 numbers.
            unsafe { _mm512_storeu_ps(to, a) }
        }
        #[inline(always)]
        unsafe fn load_bf16_from(self, from: *const Bf16) -> __m512 {
            // SAFETY: the token proves the instructions, the caller 16 readable numbers.
            unsafe {
                let numbers = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(numbers))
            }
        }
        #[inline(always)]
        fn first_of_pairs(self, pairs: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(pairs))) }
        }
        #[inline(always)]
        fn second_of_pairs(self, pairs: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_and_ps(pairs, _mm512_castsi512_ps(_mm512_set1_epi32(0xFFFF_0000_u32 as i32))) }
        }
    };
}

impl Simd for Avx512 {
    arithmetic!();

    #[inline(always)]
    unsafe fn store_bf16_to(self, a: __m512, to: *mut Bf16) {
        // SAFETY: the token proves the instructions, the caller room for 16 numbers.
        unsafe {
            let bits = _mm512_castps_si512(a);
            // As `Bf16::from_f32` does.
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            let kept = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x0040_0000));
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(kept)));
        }
    }
}

impl Simd for Avx512Bf16 {
    arithmetic!();
    const MULTIPLIES_PAIRS: bool = true;

    #[inline(always)]
    unsafe fn store_bf16_to(self, a: __m512, to: *mut Bf16) {
        // SAFETY: the token proves the instructions, the caller room for 16 numbers; both types are 32 bytes of bits.
        unsafe { _mm256_storeu_si256(to.cast(), std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(a))) }
    }
    #[inline(always)]
    fn pair_up(self, first: __m512, second: __m512) -> __m512 {
        // SAFETY: the token proves the instructions; both types are 64 bytes of bits.
        unsafe {
            let halves = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
            #[rustfmt::skip]
            let interleaved = _mm512_set_epi16(
                31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0,
            );
            _mm512_castsi512_ps(_mm512_permutexvar_epi16(interleaved, halves))
        }
    }
    #[inline(always)]
    fn add_pair_products(self, a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: the token proves the instruction; both types are 64 bytes of bits.
        unsafe {
            _mm512_dpbf16_ps(
                sum,
                std::mem::transmute::<__m512, __m512bh>(a),
                std::mem::transmute::<__m512, __m512bh>(b),
            )
        }
    }
}
