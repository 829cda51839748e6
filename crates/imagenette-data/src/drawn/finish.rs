//! From a painted picture to something like a photo's pixels: focus, light, exposure, color cast and noise.

use super::draws::Draws;
use crate::random::Random;

/// Blurs interleaved bytes of `CHANNELS` per pixel with a box, twice in each direction: in integers only, so that
/// every platform computes the same bytes.
pub(super) fn blur<const CHANNELS: usize>(bytes: &mut [u8], width: usize, radius: usize) {
    if radius == 0 {
        return;
    }
    let stride = width * CHANNELS;
    let (height, reach) = (bytes.len() / stride, radius as isize);
    let window = 2 * radius as u32 + 1;
    // A multiplication in place of the division; the sums of every radius in use fit.
    let share = (1u32 << 16).div_ceil(window);
    let mean = |sum: u32| ((sum * share) >> 16).min(255) as u8;
    let mut copy = vec![0u8; bytes.len()];
    let mut sums = vec![0u32; stride];
    for _ in 0..2 {
        copy.copy_from_slice(bytes);
        for (row, out) in copy.chunks_exact(stride).zip(bytes.chunks_exact_mut(stride)) {
            let (row, out) = (row.as_chunks::<CHANNELS>().0, out.as_chunks_mut::<CHANNELS>().0);
            let at = |x: isize| row[x.clamp(0, width as isize - 1) as usize].map(u32::from);
            let mut sum = [0u32; CHANNELS];
            for x in -reach..=reach {
                let pixel = at(x);
                (0..CHANNELS).for_each(|channel| sum[channel] += pixel[channel]);
            }
            for (x, out) in (0isize..).zip(out) {
                *out = sum.map(mean);
                let (enters, leaves) = (at(x + reach + 1), at(x - reach));
                (0..CHANNELS).for_each(|channel| sum[channel] = sum[channel] + enters[channel] - leaves[channel]);
            }
        }
        copy.copy_from_slice(bytes);
        // Vertically all columns are blurred together, one row of sums at a time.
        let row = |y: isize| &copy[y.clamp(0, height as isize - 1) as usize * stride..][..stride];
        sums.fill(0);
        for y in -reach..=reach {
            sums.iter_mut().zip(row(y)).for_each(|(sum, &byte)| *sum += u32::from(byte));
        }
        for (y, out) in (0isize..).zip(bytes.chunks_exact_mut(stride)) {
            let (enters, leaves) = (row(y + reach + 1), row(y - reach));
            for (((byte, sum), &enters), &leaves) in out.iter_mut().zip(&mut sums).zip(enters).zip(leaves) {
                *byte = mean(*sum);
                *sum = *sum + u32::from(enters) - u32::from(leaves);
            }
        }
    }
}

/// Lays premultiplied RGBA over another picture of the same size.
pub(super) fn lay_over(below: &mut [u8], above: &[u8]) {
    for (below, above) in below.chunks_exact_mut(4).zip(above.chunks_exact(4)) {
        if above[3] > 0 {
            let rest = 255 - u32::from(above[3]);
            for (under, &over) in below.iter_mut().zip(above) {
                *under = (u32::from(over) + (u32::from(*under) * rest + 127) / 255).min(255) as u8;
            }
        }
    }
}

/// Darkens a picture by the blurred coverage of a layer, shifted by whole pixels: a shadow.
pub(super) fn cast_shadow(
    below: &mut [u8],
    above: &[u8],
    width: usize,
    radius: usize,
    by: (isize, isize),
    strength: f32,
) {
    let mut cover: Vec<u8> = above.chunks_exact(4).map(|pixel| pixel[3]).collect();
    blur::<1>(&mut cover, width, radius);
    let strength = (strength * 256.0) as u32;
    let height = cover.len() / width;
    for y in 0..height {
        for x in 0..width {
            let (from_x, from_y) = (x.wrapping_add_signed(-by.0), y.wrapping_add_signed(-by.1));
            if from_x < width && from_y < height {
                let light = 256 * 255 - u32::from(cover[from_y * width + from_x]) * strength;
                for byte in &mut below[4 * (y * width + x)..][..3] {
                    *byte = (u32::from(*byte) * light / (256 * 255)) as u8;
                }
            }
        }
    }
}

/// How a picture was exposed and developed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Development {
    gain: [f32; 3],
    lift: f32,
    contrast: f32,
    saturation: f32,
    /// Light falls off along this direction, by this much from one edge to the other.
    slope: (f32, f32),
    vignette: f32,
    noise: f32,
    coarse: bool,
    blur_px: usize,
}

impl Development {
    pub(super) fn draw(random: &mut Random) -> Self {
        let exposure = random.span(0.72, 1.25);
        let warmth = random.normal() as f32 * 0.08;
        let tint = random.normal() as f32 * 0.04;
        Self {
            gain: [exposure * (1.0 + warmth), exposure * (1.0 + tint), exposure * (1.0 - warmth)],
            lift: random.span(0.0, 0.1),
            contrast: random.span(0.8, 1.2),
            saturation: if random.chance(0.05) { 0.0 } else { random.span(0.55, 1.15) },
            slope: (random.span(-0.35, 0.35), random.span(-0.3, 0.3)),
            vignette: if random.chance(0.5) { random.span(0.0, 0.5) } else { 0.0 },
            noise: if random.chance(0.6) { random.span(2.0, 10.0) } else { random.span(0.0, 2.0) },
            coarse: random.chance(0.3),
            blur_px: usize::from(random.chance(0.15)),
        }
    }

    /// Develops RGB bytes in place.
    pub(super) fn apply(&self, rgb: &mut [u8], width: usize, height: usize, random: &mut Random) {
        blur::<3>(rgb, width, self.blur_px);
        let mut grain = Grain { random, bits: 0, left: 0 };
        let mut above = vec![0.0f32; width];
        for y in 0..height {
            let v = y as f32 / height as f32 - 0.5;
            for x in 0..width {
                let u = x as f32 / width as f32 - 0.5;
                let light = (1.0 + self.slope.0 * u + self.slope.1 * v) * (1.0 - self.vignette * 2.0 * (u * u + v * v));
                let fresh = grain.next() * self.noise;
                // Coarse grain shares most of itself with the pixels above and to the left.
                let speck =
                    if self.coarse && x > 0 { 0.55 * fresh + 0.35 * above[x] + 0.35 * above[x - 1] } else { fresh };
                above[x] = speck;
                let pixel = &mut rgb[3 * (y * width + x)..][..3];
                let raw = [f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2])];
                let luma = 0.299 * raw[0] + 0.587 * raw[1] + 0.114 * raw[2];
                for channel in 0..3 {
                    let color = luma + (raw[channel] - luma) * self.saturation;
                    let lit = color * self.gain[channel] * light;
                    let value = (lit - 118.0) * self.contrast + 118.0 + 255.0 * self.lift * 0.5;
                    pixel[channel] = (value + speck + grain.next() * self.noise * 0.3 + 0.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
}

/// Nearly normal numbers, each from eight random bits: grain needs many, and no tails.
struct Grain<'a> {
    random: &'a mut Random,
    bits: u32,
    left: u32,
}

impl Grain<'_> {
    /// The sum of eight fair coins, scaled to unit variance.
    fn next(&mut self) -> f32 {
        if self.left == 0 {
            self.bits = self.random.next_u32();
            self.left = 4;
        }
        let coins = (self.bits & 0xff).count_ones();
        self.bits >>= 8;
        self.left -= 1;
        (coins as f32 - 4.0) * std::f32::consts::FRAC_1_SQRT_2
    }
}
