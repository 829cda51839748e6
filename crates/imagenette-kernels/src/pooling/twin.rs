//! Pooling in plain loops, in f64.

use super::{BlurPooling, GlobalPooling, Pooling};

/// Calls `visit(output index, tap, input index)` for every pixel of every window, channel by channel.
fn visit_windows(pooling: &Pooling, mut visit: impl FnMut(usize, u8, usize)) {
    let (shape, output) = (pooling.shape(), pooling.output());
    for image in 0..shape.images {
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for ky in 0..shape.window[0] {
                    for kx in 0..shape.window[1] {
                        let (y, x) = (oy * shape.stride[0] + ky, ox * shape.stride[1] + kx);
                        let (Some(y), Some(x)) = (y.checked_sub(shape.padding[0]), x.checked_sub(shape.padding[1]))
                        else {
                            continue;
                        };
                        if y >= shape.input[0] || x >= shape.input[1] {
                            continue;
                        }
                        for c in 0..shape.channels {
                            visit(
                                ((image * output[0] + oy) * output[1] + ox) * shape.channels + c,
                                (ky * shape.window[1] + kx) as u8,
                                ((image * shape.input[0] + y) * shape.input[1] + x) * shape.channels + c,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Each window's largest number and its tap.
#[must_use]
pub fn max(pooling: &Pooling, input: &[f64]) -> (Vec<f64>, Vec<u8>) {
    let mut output = vec![f64::NEG_INFINITY; pooling.output_len()];
    let mut choices = vec![0; pooling.output_len()];
    visit_windows(pooling, |o, tap, i| {
        if input[i] > output[o] {
            (output[o], choices[o]) = (input[i], tap);
        }
    });
    (output, choices)
}

/// The gradient for the input of [`max`].
#[must_use]
pub fn max_gradient(pooling: &Pooling, choices: &[u8], output_gradient: &[f64]) -> Vec<f64> {
    let mut input_gradient = vec![0.0; pooling.input_len()];
    visit_windows(pooling, |o, tap, i| {
        if choices[o] == tap {
            input_gradient[i] += output_gradient[o];
        }
    });
    input_gradient
}

/// The number of pixels in each output's window.
fn counts(pooling: &Pooling) -> Vec<f64> {
    let mut counts = vec![0.0; pooling.output_len()];
    visit_windows(pooling, |o, _, _| counts[o] += 1.0);
    counts
}

/// Each window's mean.
#[must_use]
pub fn average(pooling: &Pooling, input: &[f64]) -> Vec<f64> {
    let counts = counts(pooling);
    let mut output = vec![0.0; pooling.output_len()];
    visit_windows(pooling, |o, _, i| output[o] += input[i] / counts[o]);
    output
}

/// The gradient for the input of [`average`].
#[must_use]
pub fn average_gradient(pooling: &Pooling, output_gradient: &[f64]) -> Vec<f64> {
    let counts = counts(pooling);
    let mut input_gradient = vec![0.0; pooling.input_len()];
    visit_windows(pooling, |o, _, i| input_gradient[i] += output_gradient[o] / counts[o]);
    input_gradient
}

/// Calls `visit(output index, weight, input index)` for every product of a blur pooling.
fn visit_blurred(pooling: &BlurPooling, mut visit: impl FnMut(usize, f64, usize)) {
    let ([images, height, width, channels], output) = (pooling.input(), pooling.output());
    let mirrored = |place: isize, side: usize| {
        let last = side as isize - 1;
        let place = if place > last { 2 * last - place } else { place };
        place.abs().min(last) as usize
    };
    for image in 0..images {
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for (dy, wy) in [(-1, 0.25), (0, 0.5), (1, 0.25)] {
                    for (dx, wx) in [(-1, 0.25), (0, 0.5), (1, 0.25)] {
                        let (y, x) = (mirrored(2 * oy as isize + dy, height), mirrored(2 * ox as isize + dx, width));
                        for c in 0..channels {
                            visit(
                                ((image * output[0] + oy) * output[1] + ox) * channels + c,
                                wy * wx,
                                ((image * height + y) * width + x) * channels + c,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Blur pooling.
#[must_use]
pub fn blur(pooling: &BlurPooling, input: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; pooling.output_len()];
    visit_blurred(pooling, |o, weight, i| output[o] += weight * input[i]);
    output
}

/// The gradient for the input of [`blur`].
#[must_use]
pub fn blur_gradient(pooling: &BlurPooling, output_gradient: &[f64]) -> Vec<f64> {
    let mut input_gradient = vec![0.0; pooling.input_len()];
    visit_blurred(pooling, |o, weight, i| input_gradient[i] += weight * output_gradient[o]);
    input_gradient
}

/// The largest number of each image and channel and its pixel; of equal numbers the first.
#[must_use]
pub fn global_max(pooling: &GlobalPooling, input: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let (mut output, mut choices) = (vec![f64::NEG_INFINITY; pooling.output_len()], vec![0; pooling.output_len()]);
    visit_whole(pooling, |o, pixel, i| {
        if input[i] > output[o] {
            (output[o], choices[o]) = (input[i], pixel);
        }
    });
    (output, choices)
}

/// The gradient for the input of [`global_max`].
#[must_use]
pub fn global_max_gradient(pooling: &GlobalPooling, choices: &[u32], output_gradient: &[f64]) -> Vec<f64> {
    let mut input_gradient = vec![0.0; pooling.input_len()];
    visit_whole(pooling, |o, pixel, i| {
        if choices[o] == pixel {
            input_gradient[i] = output_gradient[o];
        }
    });
    input_gradient
}

/// The mean of each image and channel.
#[must_use]
pub fn global_average(pooling: &GlobalPooling, input: &[f64]) -> Vec<f64> {
    let share = pooling.output_len() as f64 / pooling.input_len() as f64;
    let mut output = vec![0.0; pooling.output_len()];
    visit_whole(pooling, |o, _, i| output[o] += input[i] * share);
    output
}

/// The gradient for the input of [`global_average`].
#[must_use]
pub fn global_average_gradient(pooling: &GlobalPooling, output_gradient: &[f64]) -> Vec<f64> {
    let share = pooling.output_len() as f64 / pooling.input_len() as f64;
    let mut input_gradient = vec![0.0; pooling.input_len()];
    visit_whole(pooling, |o, _, i| input_gradient[i] = output_gradient[o] * share);
    input_gradient
}

/// Calls `visit(output index, pixel, input index)` for every number of every image.
fn visit_whole(pooling: &GlobalPooling, mut visit: impl FnMut(usize, u32, usize)) {
    let [images, pixels, channels] = pooling.input();
    for image in 0..images {
        for pixel in 0..pixels {
            for c in 0..channels {
                visit(image * channels + c, pixel as u32, (image * pixels + pixel) * channels + c);
            }
        }
    }
}
