//! What changes each value by itself: a table of 256 values, made from the square, and looked up for each pixel.

use super::operation::blended;

/// A table for each channel.
type Tables = [[u8; 256]; 3];

/// Spreads each channel over 0 to 255.
pub(super) fn auto_contrast(rgb: &mut [u8]) {
    let (lowest, highest) = extremes(rgb);
    let tables = std::array::from_fn(|channel| {
        let (low, high) = (f64::from(lowest[channel]), f64::from(highest[channel]));
        if high <= low {
            return identity();
        }
        let scale = 255.0 / (high - low);
        let offset = -low * scale;
        std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
    });
    look_up(rgb, &tables);
}

/// The lowest and the highest value of each channel.
fn extremes(rgb: &[u8]) -> ([u8; 3], [u8; 3]) {
    // Sixteen pixels side by side, of which every third value is of one channel.
    let (mut lowest, mut highest) = ([255u8; 48], [0u8; 48]);
    let (many, rest) = rgb.as_chunks::<48>();
    for values in many {
        for ((low, high), &value) in lowest.iter_mut().zip(&mut highest).zip(values) {
            (*low, *high) = ((*low).min(value), (*high).max(value));
        }
    }
    for ((low, high), &value) in lowest.iter_mut().zip(&mut highest).zip(rest) {
        (*low, *high) = ((*low).min(value), (*high).max(value));
    }
    let of = |values: &[u8; 48], channel: usize, better: fn(u8, u8) -> u8| {
        values[channel..].iter().step_by(3).copied().reduce(better).unwrap_or(0)
    };
    (
        std::array::from_fn(|channel| of(&lowest, channel, u8::min)),
        std::array::from_fn(|channel| of(&highest, channel, u8::max)),
    )
}

/// Makes the values of each channel about equally frequent.
pub(super) fn equalize(rgb: &mut [u8]) {
    let mut counts = [[0u32; 256]; 3];
    for pixel in rgb.as_chunks::<3>().0 {
        for channel in 0..3 {
            counts[channel][usize::from(pixel[channel])] += 1;
        }
    }
    let tables = counts.map(|counts| {
        let last = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        let step = (counts.iter().sum::<u32>() - counts[last]) / 255;
        if step == 0 {
            return identity();
        }
        let mut below = step / 2;
        counts.map(|count| {
            let level = (below / step).min(255) as u8;
            below += count;
            level
        })
    });
    look_up(rgb, &tables);
}

/// Moves every value away from one, or toward it.
pub(super) fn blend_with(rgb: &mut [u8], from: u8, factor: f32) {
    let table: [u8; 256] = std::array::from_fn(|value| blended(from.into(), value as u8, factor));
    rgb.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|value| value as u8)
}

fn look_up(rgb: &mut [u8], tables: &Tables) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        for channel in 0..3 {
            pixel[channel] = tables[channel][usize::from(pixel[channel])];
        }
    }
}
