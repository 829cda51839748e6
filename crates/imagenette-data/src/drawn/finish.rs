//! From a painted picture to something like a photo's pixels: focus, light, exposure, colour cast and noise.

use super::brush::Draws;
use crate::random::Random;

/// Interleaved bytes of `channels` per pixel.
pub(super) struct Plane<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
}

/// Box blur, twice in both directions: integers only, so every platform computes the same bytes.
pub(super) fn blur(plane: &mut Plane<'_>, radius: usize) {
    if radius == 0 {
        return;
    }
    let (width, height, channels) = (plane.width, plane.height, plane.channels);
    let mut line = Vec::with_capacity(width.max(height));
    for _ in 0..2 {
        for channel in 0..channels {
            for y in 0..height {
                blur_line(plane.bytes, y * width * channels + channel, channels, width, radius, &mut line);
            }
            for x in 0..width {
                blur_line(plane.bytes, x * channels + channel, width * channels, height, radius, &mut line);
            }
        }
    }
}

fn blur_line(bytes: &mut [u8], start: usize, step: usize, length: usize, radius: usize, line: &mut Vec<u8>) {
    line.clear();
    line.extend((0..length).map(|i| bytes[start + i * step]));
    let at = |i: isize| u32::from(line[i.clamp(0, length as isize - 1) as usize]);
    let reach = radius as isize;
    let window = 2 * radius as u32 + 1;
    let mut sum: u32 = (-reach..=reach).map(at).sum();
    for i in 0..length {
        bytes[start + i * step] = ((sum + window / 2) / window) as u8;
        sum = sum + at(i as isize + reach + 1) - at(i as isize - reach);
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
        let exposure = random.span(0.65, 1.3);
        let warmth = random.normal() as f32 * 0.08;
        let tint = random.normal() as f32 * 0.04;
        Self {
            gain: [exposure * (1.0 + warmth), exposure * (1.0 + tint), exposure * (1.0 - warmth)],
            lift: random.span(0.0, 0.12),
            contrast: random.span(0.65, 1.2),
            saturation: if random.chance(0.06) { 0.0 } else { random.span(0.45, 1.15) },
            slope: (random.span(-0.35, 0.35), random.span(-0.3, 0.3)),
            vignette: if random.chance(0.5) { random.span(0.0, 0.5) } else { 0.0 },
            noise: if random.chance(0.7) { random.span(2.0, 14.0) } else { random.span(0.0, 2.0) },
            coarse: random.chance(0.3),
            blur_px: if random.chance(0.25) { 1 } else { 0 },
        }
    }

    /// Develops RGB bytes in place.
    pub(super) fn apply(&self, rgb: &mut [u8], width: usize, height: usize, random: &mut Random) {
        blur(&mut Plane { bytes: rgb, width, height, channels: 3 }, self.blur_px);
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
                    let colour = luma + (raw[channel] - luma) * self.saturation;
                    let lit = colour * self.gain[channel] * light;
                    let value = (lit - 118.0) * self.contrast + 118.0 + 255.0 * self.lift * 0.5;
                    pixel[channel] = (value + speck + grain.next() * self.noise * 0.3 + 0.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
}

/// Nearly normal numbers from eight random bits each: grain needs many, and no tails.
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
