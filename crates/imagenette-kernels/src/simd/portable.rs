//! Vectors of four numbers by the `wide` crate: SSE2, NEON, WebAssembly's simd128 or plain numbers, as the target
//! allows.
#![expect(unsafe_code, reason = "loads and stores through pointers")]

use super::Simd;
use crate::bf16::Bf16;
use wide::f32x4;

/// The token of the level that every processor has.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = f32x4;
    const LANES: usize = 4;
    // 16 registers on x86-64, 32 on the others that have vectors.
    const PANEL_VECTORS: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };
    const MULTIPLIES_PAIRS: bool = true;

    #[inline(always)]
    fn splat(self, x: f32) -> f32x4 {
        f32x4::splat(x)
    }
    #[inline(always)]
    fn add(self, a: f32x4, b: f32x4) -> f32x4 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32x4, b: f32x4) -> f32x4 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32x4, b: f32x4) -> f32x4 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32x4, b: f32x4) -> f32x4 {
        a / b
    }
    #[inline(always)]
    fn mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn abs(self, a: f32x4) -> f32x4 {
        a.abs()
    }
    #[inline(always)]
    fn select_greater(self, a: f32x4, b: f32x4, yes: f32x4, no: f32x4) -> f32x4 {
        a.simd_gt(b).bitselect(yes, no)
    }
    #[inline(always)]
    fn select_better(self, a: f32x4, b: f32x4, yes: f32x4, no: f32x4) -> f32x4 {
        (a.simd_gt(b) | a.is_nan()).bitselect(yes, no)
    }
    #[inline(always)]
    fn power_of_two(self, n: f32x4) -> f32x4 {
        f32x4::new(n.to_array().map(|n| f32::from_bits(((n as i32 + 127) << 23) as u32)))
    }
    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> f32x4 {
        // SAFETY: the caller promises four readable numbers.
        f32x4::new(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store_to(self, a: f32x4, to: *mut f32) {
        // SAFETY: the caller promises room for four numbers.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(a.to_array()) }
    }
    #[inline(always)]
    unsafe fn load_bf16_from(self, from: *const Bf16) -> f32x4 {
        // SAFETY: the caller promises four readable numbers.
        f32x4::new(unsafe { from.cast::<[Bf16; 4]>().read_unaligned() }.map(Bf16::to_f32))
    }
    #[inline(always)]
    unsafe fn store_bf16_to(self, a: f32x4, to: *mut Bf16) {
        // SAFETY: the caller promises room for four numbers.
        unsafe { to.cast::<[Bf16; 4]>().write_unaligned(a.to_array().map(Bf16::from_f32)) }
    }
    #[inline(always)]
    fn first_of_pairs(self, pairs: f32x4) -> f32x4 {
        f32x4::new(pairs.to_array().map(|pair| f32::from_bits(pair.to_bits() << 16)))
    }
    #[inline(always)]
    fn second_of_pairs(self, pairs: f32x4) -> f32x4 {
        f32x4::new(pairs.to_array().map(|pair| f32::from_bits(pair.to_bits() & 0xFFFF_0000)))
    }
}
