//! What mixes the channels of a pixel: gray, saturation and hue.

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
    rgb.iter_mut().zip(&*grays).for_each(|(value, &gray)| *value = blended(gray, *value, factor));
}

/// Turns the hue: to Pillow's HSV, `shift` added to the hue modulo 256, and back.
pub(super) fn turn_hue(rgb: &mut [u8], shift: u8) {
    for pixel in rgb.as_chunks_mut::<3>().0 {
        let [red, green, blue] = *pixel;
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        // Gray has no hue.
        if most != least {
            let [hue, saturation] = hue_and_saturation(*pixel, most, most - least);
            *pixel = to_rgb(hue.wrapping_add(shift), saturation, most);
        }
    }
}

/// Hue and saturation of a pixel that is not gray, with the roundings of Pillow's `rgb2hsv`, which computes in f32 and f64
/// by turns.
#[inline(always)]
fn hue_and_saturation([red, green, blue]: [u8; 3], most: u8, range: u8) -> [u8; 2] {
    let range = f32::from(range);
    let below = |value: u8| f32::from(most - value) / range;
    let sixths = if red == most {
        below(blue) - below(green)
    } else if green == most {
        (2.0 + f64::from(below(red)) - f64::from(below(blue))) as f32
    } else {
        (4.0 + f64::from(below(green)) - f64::from(below(red))) as f32
    };
    let turns = f64::from(sixths) / 6.0 + 1.0;
    let turns = if turns >= 1.0 { turns - 1.0 } else { turns } as f32;
    let byte = |share: f32| (f64::from(share) * 255.0) as i32 as u8;
    [byte(turns), byte(range / f32::from(most))]
}

/// A pixel from its hue, saturation and largest value, with the roundings of Pillow's `hsv2rgb`.
#[inline(always)]
fn to_rgb(hue: u8, saturation: u8, most: u8) -> [u8; 3] {
    if saturation == 0 {
        return [most; 3];
    }
    let sixths = f64::from(hue) * 6.0 / 255.0;
    let sector = sixths as i32;
    let rest = (sixths - f64::from(sector)) as f32;
    let saturation = (f64::from(saturation) / 255.0) as f32;
    // None is negative: cut off after a half is added is rounded as C does it.
    let times = |share: f64| (f64::from(most) * (1.0 - share) + 0.5) as i32 as u8;
    let low = times(saturation.into());
    let falling = times(f64::from(saturation * rest));
    let rising = times(f64::from(saturation) * (1.0 - f64::from(rest)));
    match sector % 6 {
        0 => [most, rising, low],
        1 => [falling, most, low],
        2 => [low, most, rising],
        3 => [low, falling, most],
        4 => [rising, low, most],
        _ => [most, low, falling],
    }
}
