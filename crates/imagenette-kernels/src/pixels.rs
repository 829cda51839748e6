//! Bytes of photos become the network's input: each channel minus its mean, divided by its standard deviation.

use crate::number::Number;
use crate::shape::check_len;
use crate::tasks::for_each_chunk;

/// Pixels per task.
const BLOCK_PIXELS: usize = 1 << 14;

/// `output = (bytes / 255 - mean) / deviation`, channel by channel, rounded to what the output holds.
///
/// # Shapes
/// `bytes` and `output` `[.., 3]`.
///
/// # Panics
/// The lengths do not agree or are not a whole number of pixels.
pub fn normalize_pixels<T: Number>(bytes: &[u8], mean: [f32; 3], deviation: [f32; 3], output: &mut [T]) {
    assert!(bytes.len().is_multiple_of(3), "{} bytes are not a whole number of RGB pixels", bytes.len());
    check_len("the output", output.len(), bytes.len());
    T::normalize_pixels(bytes, mean, deviation, output);
}

pub(crate) fn normalize_pixels_in<T: Number>(bytes: &[u8], mean: [f32; 3], deviation: [f32; 3], output: &mut [T]) {
    // A byte has 256 values: the division is done once for each.
    let of = |byte: u8, c: usize| T::from_f32((f32::from(byte) / 255.0 - mean[c]) / deviation[c]);
    let table: Vec<[T; 3]> = (0..=255u8).map(|byte| std::array::from_fn(|c| of(byte, c))).collect();
    let table: &[[T; 3]; 256] = table.as_slice().try_into().expect("a byte has 256 values");
    for_each_chunk(output, 3 * BLOCK_PIXELS, |i, output| {
        let bytes = &bytes[3 * i * BLOCK_PIXELS..][..output.len()];
        for (output, bytes) in output.as_chunks_mut::<3>().0.iter_mut().zip(bytes.as_chunks::<3>().0) {
            for channel in 0..3 {
                output[channel] = table[usize::from(bytes[channel])][channel];
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    #[test]
    fn every_byte_is_normalized_by_its_channel_and_rounded() {
        let bytes: Vec<u8> = (0..=255).flat_map(|byte| [byte, 255 - byte, byte / 2]).collect();
        let (mut output, mut halves) = (vec![f32::NAN; bytes.len()], vec![Bf16::default(); bytes.len()]);
        let (mean, deviation) = ([0.1, 0.5, 0.4], [0.2, 0.3, 0.25]);
        normalize_pixels(&bytes, mean, deviation, &mut output);
        normalize_pixels(&bytes, mean, deviation, &mut halves);
        for (i, ((output, half), byte)) in output.iter().zip(halves).zip(bytes).enumerate() {
            let c = i % 3;
            assert_eq!(*output, (f32::from(byte) / 255.0 - mean[c]) / deviation[c]);
            assert_eq!(half, Bf16::from_f32(*output));
        }
    }
}
