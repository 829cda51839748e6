//! The three transforms of F(4×4, 3×3) and the transposes of two of them, along one axis; a tile is transformed along
//! both.
//!
//! # Source
//! Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016, section 4, for the method. The points of
//! interpolation are 0, ±1/√2, ±√2 and ∞ rather than 0, ±1, ±2 and ∞: points whose squares multiply to one keep the
//! numbers of the three matrices close together, and so the rounding errors small.

use crate::simd::Simd;
use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Pixels along a side of a tile of the input, of a tile of the output, and of the kernel.
pub(super) const INPUT_SIDE: usize = 6;
pub(super) const OUTPUT_SIDE: usize = 4;
pub(super) const KERNEL_SIDE: usize = 3;
/// Numbers of a transformed tile, one for each point.
pub(super) const POINTS: usize = INPUT_SIDE * INPUT_SIDE;

// The points a and b, and the denominators of the kernel's rows: the product of a point's differences from the others.
const A: f32 = FRAC_1_SQRT_2;
const B: f32 = SQRT_2;
const AT_A: f32 = -1.0 / 1.5;
const AT_B: f32 = 1.0 / 6.0;

// Functions rather than closures, which would not be compiled for the level's instructions.
#[inline(always)]
fn times<S: Simd>(s: S, factor: f32, x: S::V) -> S::V {
    s.mul(s.splat(factor), x)
}

#[inline(always)]
fn add_times<S: Simd>(s: S, factor: f32, x: S::V, sum: S::V) -> S::V {
    s.mul_add(s.splat(factor), x, sum)
}

/// Six pixels of the input to values at the six points.
#[inline(always)]
pub(super) fn input<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
    // One product and two sums: processors that add and multiply in different units do both at once.
    let (even_a, odd_a) = (add_times(s, -2.0, d[2], d[4]), times(s, A, add_times(s, -2.0, d[1], d[3])));
    let (even_b, odd_b) = (add_times(s, -0.5, d[2], d[4]), times(s, B, add_times(s, -0.5, d[1], d[3])));
    [
        add_times(s, -2.5, d[2], s.add(d[0], d[4])),
        s.add(even_a, odd_a),
        s.sub(even_a, odd_a),
        s.add(even_b, odd_b),
        s.sub(even_b, odd_b),
        add_times(s, -2.5, d[3], s.add(d[1], d[5])),
    ]
}

/// Three weights to values at the six points.
#[inline(always)]
pub(super) fn kernel<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
    let even_a = times(s, AT_A, s.mul_add(s.splat(0.5), g[2], g[0]));
    let odd_a = times(s, AT_A * A, g[1]);
    let even_b = times(s, AT_B, s.mul_add(s.splat(2.0), g[2], g[0]));
    let odd_b = times(s, AT_B * B, g[1]);
    [g[0], s.add(even_a, odd_a), s.sub(even_a, odd_a), s.add(even_b, odd_b), s.sub(even_b, odd_b), g[2]]
}

/// Products at the six points to four pixels of the output.
#[inline(always)]
pub(super) fn output<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
    let (sum_a, difference_a) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let (sum_b, difference_b) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
    [
        s.add(m[0], s.add(sum_a, sum_b)),
        add_times(s, A, difference_a, s.mul(s.splat(B), difference_b)),
        add_times(s, 0.5, sum_a, s.add(sum_b, sum_b)),
        add_times(s, A * 0.5, difference_a, add_times(s, B * 2.0, difference_b, m[5])),
    ]
}

/// The transpose of [`output`]: the gradient for four pixels to that for the products.
#[inline(always)]
pub(super) fn output_gradient<S: Simd>(s: S, g: [S::V; 4]) -> [S::V; 6] {
    let (even_a, odd_a) = (add_times(s, 0.5, g[2], g[0]), times(s, A, add_times(s, 0.5, g[3], g[1])));
    let (even_b, odd_b) = (add_times(s, 2.0, g[2], g[0]), times(s, B, add_times(s, 2.0, g[3], g[1])));
    [g[0], s.add(even_a, odd_a), s.sub(even_a, odd_a), s.add(even_b, odd_b), s.sub(even_b, odd_b), g[3]]
}

/// The transpose of [`kernel`]: the gradient at the six points to that for three weights.
#[inline(always)]
pub(super) fn kernel_gradient<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 3] {
    let (sum_a, sum_b) = (times(s, AT_A, s.add(u[1], u[2])), times(s, AT_B, s.add(u[3], u[4])));
    let (difference_a, difference_b) = (s.sub(u[1], u[2]), s.sub(u[3], u[4]));
    [
        s.add(u[0], s.add(sum_a, sum_b)),
        s.mul_add(s.splat(AT_A * A), difference_a, times(s, AT_B * B, difference_b)),
        s.mul_add(s.splat(0.5), sum_a, s.mul_add(s.splat(2.0), sum_b, u[5])),
    ]
}

/// A transform along both axes: columns first, whose results go row by row through the second.
macro_rules! both_axes {
    ($name:ident, $along:ident, $from:tt, $from_side:literal, $to:tt, $to_side:literal) => {
        #[doc = concat!("[`", stringify!($along), "`] along both axes of a tile, row by row.")]
        #[inline(always)]
        pub(super) fn $name<S: Simd>(
            s: S,
            tile: [[S::V; $from_side]; $from_side],
        ) -> [[S::V; $to_side]; $to_side] {
            let columns = each!(x in $from => $along(s, each!(y in $from => tile[y][x])));
            each!(y in $to => $along(s, each!(x in $from => columns[x][y])))
        }
    };
}

both_axes!(input_tile, input, [0 1 2 3 4 5], 6, [0 1 2 3 4 5], 6);
both_axes!(kernel_tile, kernel, [0 1 2], 3, [0 1 2 3 4 5], 6);
both_axes!(output_tile, output, [0 1 2 3 4 5], 6, [0 1 2 3], 4);
both_axes!(output_gradient_tile, output_gradient, [0 1 2 3], 4, [0 1 2 3 4 5], 6);
both_axes!(kernel_gradient_tile, kernel_gradient, [0 1 2 3 4 5], 6, [0 1 2], 3);
