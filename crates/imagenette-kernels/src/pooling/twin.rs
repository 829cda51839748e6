//! Pooling in plain loops, in f64.

use super::Pooling;

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

/// Each window's largest number and the tap where it lay.
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
