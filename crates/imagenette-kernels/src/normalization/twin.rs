//! Batch normalization, residual and activation in plain f64, and their gradients by the chain rule.

use crate::activation::{Activation, twin::slope, twin::value};

/// Mean and variance of each channel of `input` `[.., channels]`.
#[must_use]
pub fn statistics(input: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let pixels = (input.len() / channels) as f64;
    let column = |channel: usize| input.iter().skip(channel).step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|channel| column(channel).sum::<f64>() / pixels).collect();
    let variance = (0..channels)
        .map(|channel| column(channel).map(|x| (x - mean[channel]) * (x - mean[channel])).sum::<f64>() / pixels)
        .collect();
    (mean, variance)
}

/// `activation(normalized · gain + bias + residual)` with the statistics of `input` itself.
#[must_use]
pub fn forward(
    input: &[f64],
    residual: Option<&[f64]>,
    gain: &[f64],
    bias: &[f64],
    epsilon: f64,
    activation: Activation,
) -> Vec<f64> {
    before(input, residual, gain, bias, epsilon).into_iter().map(|x| value(activation, x)).collect()
}

/// What goes into the activation.
fn before(input: &[f64], residual: Option<&[f64]>, gain: &[f64], bias: &[f64], epsilon: f64) -> Vec<f64> {
    let channels = gain.len();
    let (mean, variance) = statistics(input, channels);
    let of = |(i, x): (usize, &f64)| {
        let c = i % channels;
        (x - mean[c]) / (variance[c] + epsilon).sqrt() * gain[c]
            + bias[c]
            + residual.map_or(0.0, |residual| residual[i])
    };
    input.iter().enumerate().map(of).collect()
}

/// The gradients for input, residual, gain and bias.
#[must_use]
pub fn backward(
    input: &[f64],
    residual: Option<&[f64]>,
    gain: &[f64],
    bias: &[f64],
    epsilon: f64,
    activation: Activation,
    output_gradient: &[f64],
) -> [Vec<f64>; 4] {
    let channels = gain.len();
    let pixels = (input.len() / channels) as f64;
    let (mean, variance) = statistics(input, channels);
    let gradient: Vec<f64> = before(input, residual, gain, bias, epsilon)
        .into_iter()
        .zip(output_gradient)
        .map(|(x, gradient)| gradient * slope(activation, x))
        .collect();
    let normalized = |i: usize| (input[i] - mean[i % channels]) / (variance[i % channels] + epsilon).sqrt();
    let (mut gain_gradient, mut bias_gradient) = (vec![0.0; channels], vec![0.0; channels]);
    for (i, gradient) in gradient.iter().enumerate() {
        gain_gradient[i % channels] += gradient * normalized(i);
        bias_gradient[i % channels] += gradient;
    }
    let input_gradient = (0..input.len()).map(|i| {
        let c = i % channels;
        gain[c] / (variance[c] + epsilon).sqrt()
            * (gradient[i] - bias_gradient[c] / pixels - normalized(i) * gain_gradient[c] / pixels)
    });
    [input_gradient.collect(), gradient.clone(), gain_gradient, bias_gradient]
}
