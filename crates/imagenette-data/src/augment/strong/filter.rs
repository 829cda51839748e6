//! What mixes a pixel with its neighbors: sharpness and blur.

use super::operation::{Scratch, blended, rounded};

/// Moves values away from the weighted mean of their neighborhood (3 × 3, the middle five times), or toward it; those on
/// the edges stay as they are.
pub(super) fn sharpen(rgb: &mut [u8], side_px: usize, factor: f32, scratch: &mut Scratch) {
    if side_px < 3 {
        return;
    }
    let before = &mut scratch.square;
    before.clear();
    before.extend_from_slice(rgb);
    let (width, sums) = (side_px * 3, &mut scratch.columns);
    sums.resize(width, 0);
    for (line, rows) in before.windows(3 * width).step_by(width).enumerate() {
        let (upper, rest) = rows.split_at(width);
        let (middle, lower) = rest.split_at(width);
        // Down each column first, so that every value is added once.
        for (((sum, &upper), &middle), &lower) in sums.iter_mut().zip(upper).zip(middle).zip(lower) {
            *sum = i32::from(upper) + i32::from(middle) + i32::from(lower);
        }
        let target = &mut rgb[(line + 1) * width + 3..(line + 2) * width - 3];
        let around = sums.iter().zip(&sums[3..]).zip(&sums[6..]).map(|((left, middle), right)| left + middle + right);
        for ((value, &own), around) in target.iter_mut().zip(&middle[3..]).zip(around) {
            // No thirteenth lies in the middle between two integers, so that nothing hangs on the roundings of floats.
            let smooth = rounded((around + 4 * i32::from(own)) as f32 * (1.0 / 13.0));
            *value = blended(smooth, own, factor);
        }
    }
}

/// How often a box is moved over the square in each direction.
const PASSES: usize = 3;

/// Three boxes across and three down, whose width makes them almost a Gaussian.
///
/// # Source
/// Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box filtering", 2011.
pub(super) fn blur(rgb: &mut [u8], side_px: usize, sigma_px: f32, scratch: &mut Scratch) {
    let box_filter = BoxFilter::of(box_radius(sigma_px));
    let Scratch { square: one, second: other, sums, .. } = scratch;
    one.resize(rgb.len(), 0);
    other.resize(rgb.len(), 0);
    // Down is fast, since neighboring values are added side by side; across is down in the transposed square.
    transpose(rgb, one, side_px);
    for _ in 0..PASSES {
        box_filter.down(one, other, side_px, sums);
        std::mem::swap(one, other);
    }
    transpose(one, other, side_px);
    for _ in 0..PASSES {
        box_filter.down(other, one, side_px, sums);
        std::mem::swap(one, other);
    }
    rgb.copy_from_slice(other);
}

/// The radius of the boxes, in the roundings of Pillow, which computes in f32 and f64 by turns.
fn box_radius(sigma_px: f32) -> f32 {
    let variance = sigma_px * sigma_px / PASSES as f32;
    let length = libm::sqrt(12.0 * f64::from(variance) + 1.0) as f32;
    let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
    let part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
    whole + part / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)))
}

/// A box of a whole number of pixels, and a share of one more on each end.
struct BoxFilter {
    radius: usize,
    /// The weight of the pixels inside, in 2⁻²⁴.
    inside: u32,
    /// The weight of the two pixels at the ends.
    ends: u32,
}

impl BoxFilter {
    fn of(radius: f32) -> Self {
        let inside = (16_777_216.0 / (radius * 2.0 + 1.0)) as u32;
        let whole = radius as u32;
        Self { radius: whole as usize, inside, ends: ((1 << 24) - (whole * 2 + 1) * inside) / 2 }
    }

    /// Moves the box down each column; beyond the square its outermost pixels go on.
    fn down(&self, from: &[u8], to: &mut [u8], side_px: usize, sums: &mut Vec<u32>) {
        let (width, last) = (side_px * 3, side_px - 1);
        let line = |place: usize| &from[place.min(last) * width..][..width];
        // What lies in the box around the line above the first.
        sums.clear();
        sums.extend(line(0).iter().map(|&value| u32::from(value) * (self.radius as u32 + 1)));
        for place in 0..self.radius.min(side_px) {
            sums.iter_mut().zip(line(place)).for_each(|(sum, &value)| *sum += u32::from(value));
        }
        let beyond = self.radius.saturating_sub(side_px) as u32;
        sums.iter_mut().zip(line(last)).for_each(|(sum, &value)| *sum += u32::from(value) * beyond);
        for (place, target) in to.chunks_exact_mut(width).enumerate() {
            let above = line((place).saturating_sub(self.radius + 1));
            let (below, far) = (line(place + self.radius), line(place + self.radius + 1));
            let values = sums.iter_mut().zip(above).zip(below).zip(far).zip(target);
            for ((((sum, &above), &below), &far), target) in values {
                *sum = *sum + u32::from(below) - u32::from(above);
                let weighted = *sum * self.inside + (u32::from(above) + u32::from(far)) * self.ends;
                *target = ((weighted + (1 << 23)) >> 24) as u8;
            }
        }
    }
}

/// Mirrors a square at its diagonal.
fn transpose(from: &[u8], to: &mut [u8], side_px: usize) {
    let from = from.as_chunks::<3>().0;
    for (column, row) in to.chunks_exact_mut(side_px * 3).enumerate() {
        for (pixel, source) in row.as_chunks_mut::<3>().0.iter_mut().zip(from[column..].iter().step_by(side_px)) {
            *pixel = *source;
        }
    }
}
