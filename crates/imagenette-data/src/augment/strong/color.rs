//! What mixes the channels of a pixel: gray, saturation and hue.

use std::hint::select_unpredictable;

use super::operation::{Scratch, blended};

/// The gray of a pixel as Pillow's mode `L` has it: the weights of ITU-R BT.601 in 65536ths, rounded.
#[inline(always)]
fn gray([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000) >> 16) as u8
}

/// The mean gray, rounded.
pub(super) fn mean_gray(rgb: &[u8]) -> u8 {
    let pixels = rgb.as_chunks::<3>().0;
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(gray(pixel))).sum();
    // As Pillow: a quotient of floats, with a half added, cut off.
    (sum as f64 / pixels.len() as f64 + 0.5) as u8
}

/// Takes the colors away.
pub(super) fn to_gray(rgb: &mut [u8]) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        *pixel = [gray(*pixel); 3];
    }
}

/// Moves colors away from each pixel's gray, or toward it.
pub(super) fn saturate(rgb: &mut [u8], factor: f32, scratch: &mut Scratch) {
    // In two steps, so that the second is the same for every value.
    let grays = &mut scratch.square;
    grays.clear();
    grays.extend_from_slice(rgb);
    to_gray(grays);
    rgb.iter_mut().zip(&*grays).for_each(|(value, &gray)| *value = blended(gray.into(), *value, factor));
}

/// Turns the hue: to Pillow's HSV, `shift` added to the hue modulo 256, and back.
pub(super) fn turn_hue(rgb: &mut [u8], shift: u8) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        let [red, green, blue] = *pixel;
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        let [hue, saturation] = hue_and_saturation(*pixel, most, most - least);
        *pixel = to_rgb(hue.wrapping_add(shift), saturation, most);
    }
}

/// Hue and saturation of a pixel, with the roundings of Pillow's `rgb2hsv`, which computes in f32 and f64 by turns. Which
/// channel is the largest is hard to foresee, so nothing is skipped. Gray has the saturation 0 and any hue.
#[inline(always)]
fn hue_and_saturation([red, green, blue]: [u8; 3], most: u8, range: u8) -> [u8; 2] {
    let choose = |of_red: u8, of_green: u8, of_blue: u8| {
        select_unpredictable(red == most, of_red, select_unpredictable(green == most, of_green, of_blue))
    };
    let (after, before, begin) = (choose(blue, red, green), choose(green, blue, red), choose(0, 2, 4));
    let below = |value: u8| f64::from(f32::from(most - value) / f32::from(range.max(1)));
    let sixths = (f64::from(begin) + below(after) - below(before)) as f32;
    let turns = f64::from(sixths) / 6.0 + 1.0;
    let turns = turns - f64::from(u8::from(turns >= 1.0));
    let byte = |share: f32| (f64::from(share) * 255.0) as i32 as u8;
    [byte(turns as f32), byte(f32::from(range) / f32::from(most.max(1)))]
}

/// Where a hue lies: the sixth of the circle, and its place in it.
static HUES: [(u8, f32); 256] = {
    let (mut hues, mut hue) = ([(0, 0.0); 256], 0);
    while hue < 256 {
        let sixths = hue as f64 * 6.0 / 255.0;
        hues[hue] = (sixths as u8 % 6, (sixths - (sixths as u8) as f64) as f32);
        hue += 1;
    }
    hues
};

/// Each byte as a share of 255.
static SHARES: [f32; 256] = {
    let (mut shares, mut byte) = ([0.0; 256], 0);
    while byte < 256 {
        shares[byte] = (byte as f64 / 255.0) as f32;
        byte += 1;
    }
    shares
};

/// For each sixth, the channels' places in: the largest value, the one between, the smallest.
static PLACES: [[u8; 3]; 6] = [[0, 1, 2], [1, 0, 2], [2, 0, 1], [2, 1, 0], [1, 2, 0], [0, 2, 1]];

/// A pixel from its hue, saturation and largest value, with the roundings of Pillow's `hsv2rgb`.
#[inline(always)]
fn to_rgb(hue: u8, saturation: u8, most: u8) -> [u8; 3] {
    let (sixth, place) = HUES[usize::from(hue)];
    let saturation = SHARES[usize::from(saturation)];
    // None is negative: cut off after a half is added is rounded as C does it.
    let without = |share: f64| (f64::from(most) * (1.0 - share) + 0.5) as i32 as u8;
    let falling = without(f64::from(saturation * place));
    let rising = without(f64::from(saturation) * (1.0 - f64::from(place)));
    let between = select_unpredictable(sixth % 2 == 0, rising, falling);
    let values = [most, between, without(saturation.into()), 0];
    PLACES[usize::from(sixth)].map(|place| values[usize::from(place & 3)])
}
