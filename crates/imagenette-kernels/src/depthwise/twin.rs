//! The depthwise convolution and its gradients in plain loops, in f64.

use super::Depthwise;

/// Calls `visit(input index, weight index, output index)` for every product that the convolution adds up.
fn visit_products(convolution: &Depthwise, mut visit: impl FnMut(usize, usize, usize)) {
    let shape = convolution.shape();
    let output = convolution.output();
    for image in 0..shape.images {
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for ky in 0..shape.kernel[0] {
                    for kx in 0..shape.kernel[1] {
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
                                ((image * shape.input[0] + y) * shape.input[1] + x) * shape.channels + c,
                                (c * shape.kernel[0] + ky) * shape.kernel[1] + kx,
                                ((image * output[0] + oy) * output[1] + ox) * shape.channels + c,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Each channel's image, filtered.
#[must_use]
pub fn forward(convolution: &Depthwise, input: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; convolution.output_len()];
    visit_products(convolution, |i, w, o| output[o] += input[i] * weights[w]);
    output
}

/// The gradient for the input.
#[must_use]
pub fn input_gradient(convolution: &Depthwise, output_gradient: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut input_gradient = vec![0.0; convolution.input_len()];
    visit_products(convolution, |i, w, o| input_gradient[i] += output_gradient[o] * weights[w]);
    input_gradient
}

/// The gradient for the weights.
#[must_use]
pub fn weight_gradient(convolution: &Depthwise, input: &[f64], output_gradient: &[f64]) -> Vec<f64> {
    let mut weight_gradient = vec![0.0; convolution.weights_len()];
    visit_products(convolution, |i, w, o| weight_gradient[w] += output_gradient[o] * input[i]);
    weight_gradient
}
