//! Squares that are rotated and sheared: for each pixel, where it comes from.

use super::super::MEAN_COLOR;
use super::operation::Scratch;
use super::settings::Resampling;

/// Where a pixel comes from: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`, as `[a, b, c, d, e, f]`.
type Matrix = [f64; 6];

/// The rotation around the middle, against the clock, with the roundings of Pillow's `rotate`.
pub(super) fn rotation(degrees: f64, side_px: usize) -> Matrix {
    // Python's modulo has the sign of the divisor. `libm`, so that every platform computes the same bits.
    let angle = -degrees.rem_euclid(360.0).to_radians();
    let (sine, cosine) = (to_15_digits(libm::sin(angle)), to_15_digits(libm::cos(angle)));
    let center = side_px as f64 / 2.0;
    let from_center = |a: f64, b: f64| a * -center + b * -center + center;
    [cosine, sine, from_center(cosine, sine), -sine, cosine, from_center(-sine, cosine)]
}

/// Python's `round(value, 15)` of a value in −1..1.
fn to_15_digits(value: f64) -> f64 {
    let digits = value * 1e15;
    // What the product lost: the sine of 45° lies so near the middle between two digits that it decides.
    let lost = value.mul_add(1e15, -digits);
    let whole = digits.round();
    let rest = digits - whole + lost;
    let step = if rest > 0.5 {
        1.0
    } else if rest < -0.5 {
        -1.0
    } else {
        0.0
    };
    (whole + step) / 1e15
}

/// Puts each pixel where the matrix says; what comes from outside is the mean color.
pub(super) fn transform(rgb: &mut [u8], side_px: usize, matrix: Matrix, resampling: Resampling, scratch: &mut Scratch) {
    let before = &mut scratch.square;
    before.clear();
    before.extend_from_slice(rgb);
    match resampling {
        Resampling::Nearest => nearest(rgb, before, side_px, matrix),
        Resampling::Bilinear => bilinear(rgb, before, side_px, matrix),
    }
}

/// In 65536ths of a pixel, as Pillow does it.
fn nearest(rgb: &mut [u8], before: &[u8], side_px: usize, [a, b, c, d, e, f]: Matrix) {
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i32;
    let source = before.as_chunks::<3>().0;
    let (mut row_x, mut row_y) = (fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5));
    let [a, b, d, e] = [a, b, d, e].map(fixed);
    for row in rgb.chunks_exact_mut(side_px * 3) {
        let (mut x, mut y) = (row_x, row_y);
        for pixel in row.as_chunks_mut::<3>().0 {
            // Negative ones become large.
            let (column, line) = ((x >> 16) as u32 as usize, (y >> 16) as u32 as usize);
            *pixel = if column < side_px && line < side_px { source[line * side_px + column] } else { MEAN_COLOR };
            (x, y) = (x.wrapping_add(a), y.wrapping_add(d));
        }
        (row_x, row_y) = (row_x.wrapping_add(b), row_y.wrapping_add(e));
    }
}

fn bilinear(rgb: &mut [u8], before: &[u8], side_px: usize, [a, b, c, d, e, f]: Matrix) {
    let source = before.as_chunks::<3>().0;
    let (side, last) = (side_px as f64, side_px as i32 - 1);
    for (line, row) in rgb.chunks_exact_mut(side_px * 3).enumerate() {
        for (column, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = (column as f64 + 0.5, line as f64 + 0.5);
            let (x, y) = (a * x + b * y + c, d * x + e * y + f);
            if !(x >= 0.0 && x < side && y >= 0.0 && y < side) {
                *pixel = MEAN_COLOR;
                continue;
            }
            let (x, y) = (x - 0.5, y - 0.5);
            let (left, top) = (x.floor(), y.floor());
            let (right_share, bottom_share) = (x - left, y - top);
            let inside = |place: f64| (place as i32).clamp(0, last) as usize;
            let columns = [inside(left), inside(left + 1.0)];
            let lines = [inside(top), inside(top + 1.0)];
            for (channel, value) in pixel.iter_mut().enumerate() {
                let across = |line: usize| {
                    let of = |column: usize| f64::from(source[line * side_px + column][channel]);
                    of(columns[0]) + (of(columns[1]) - of(columns[0])) * right_share
                };
                let (upper, lower) = (across(lines[0]), across(lines[1]));
                *value = (upper + (lower - upper) * bottom_share) as u8;
            }
        }
    }
}
