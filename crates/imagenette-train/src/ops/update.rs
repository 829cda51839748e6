//! The optimizers' updates and the moving average: one pass of our kernels where the numbers are in the host's memory,
//! Burn's operations elsewhere. Both compute the same formula, and a test compares them.

use burn::tensor::{Tensor, TensorData};
use imagenette_kernels::muon::Muon;
use imagenette_kernels::{Level, optimizer};

use super::{Ops, buffers};

/// Nesterov's momentum (dampening 0) with decay that is part of the gradient: g = gradient + decay × w, v = momentum ×
/// v + g, w = w − rate × (g + momentum × v); without Nesterov w = w − rate × v.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// The learning rate of this step and group.
    pub rate: f64,
    /// The share of the velocity that stays.
    pub momentum: f64,
    /// Whether the step looks ahead along the velocity.
    pub nesterov: bool,
    /// The share of the weight that is added to the gradient.
    pub decay: f64,
}

/// Applies one step; gives the new weight and velocity.
pub fn sgd_update(
    weight: Tensor<1>,
    velocity: Tensor<1>,
    gradient: Tensor<1>,
    step: SgdStep,
    ops: Ops,
) -> (Tensor<1>, Tensor<1>) {
    let SgdStep { rate, momentum, nesterov, decay } = step;
    if let Ops::Kernels(level) = ops {
        let sgd = optimizer::Sgd { rate, momentum, nesterov, decay };
        let [weight, velocity] = in_place([weight, velocity], gradient, |[weight, velocity], gradient| {
            sgd.update(level, weight, gradient, velocity);
        });
        return (weight, velocity);
    }
    let g = gradient + weight.clone() * decay;
    let velocity = velocity * momentum + g.clone();
    let direction = if nesterov { g + velocity.clone() * momentum } else { velocity.clone() };
    (weight - direction * rate, velocity)
}

/// Adam with decoupled weight decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// The learning rate of this step and group.
    pub rate: f64,
    /// The share of the mean gradient that stays.
    pub beta1: f64,
    /// The share of the mean squared gradient that stays.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// The share of the weight, times the rate, that is taken away.
    pub decay: f64,
    /// Steps taken with this one, from 1.
    pub number: u64,
}

/// Applies one step; gives the new weight, mean and mean square.
pub fn adamw_update(
    weight: Tensor<1>,
    mean: Tensor<1>,
    square: Tensor<1>,
    gradient: Tensor<1>,
    step: AdamWStep,
    ops: Ops,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let AdamWStep { rate, beta1, beta2, epsilon, decay, number } = step;
    if let Ops::Kernels(level) = ops {
        let adam = optimizer::AdamW { rate, betas: [beta1, beta2], epsilon, decay, step: number };
        let [weight, mean, square] = in_place([weight, mean, square], gradient, |[weight, mean, square], gradient| {
            adam.update(level, weight, gradient, mean, square);
        });
        return (weight, mean, square);
    }
    // In f64: 1 - beta2^n would lose its digits in f32.
    let power = number.min(i32::MAX as u64) as i32;
    let mean_rate = rate / (1.0 - beta1.powi(power));
    let square_root_scale = (1.0 - beta2.powi(power)).sqrt().recip();
    let keep = 1.0 - rate * decay;
    let mean = mean * beta1 + gradient.clone() * (1.0 - beta1);
    let square = square * beta2 + gradient.clone() * gradient * (1.0 - beta2);
    let direction = mean.clone() / (square.clone().sqrt() * square_root_scale + epsilon);
    (weight * keep - direction * mean_rate, mean, square)
}

/// One step of Muon for a matrix that [`Muon::fits`]; gives the new weight and velocity.
///
/// # Shapes
/// All flat `[rows × columns]`.
pub fn muon_update(
    weight: Tensor<1>,
    velocity: Tensor<1>,
    gradient: Tensor<1>,
    shape: [usize; 2],
    step: Muon,
    level: Level,
) -> [Tensor<1>; 2] {
    in_place([weight, velocity], gradient, |[weight, velocity], gradient| {
        step.update(level, shape, weight, gradient, velocity);
    })
}

/// An average that keeps the share `keep` of itself and takes the rest from the weight.
pub fn move_average(average: Tensor<1>, weight: Tensor<1>, keep: f64, ops: Ops) -> Tensor<1> {
    if let Ops::Kernels(level) = ops {
        let [average] = in_place([average], weight, |[average], weight| {
            optimizer::move_average(level, average, weight, (1.0 - keep) as f32);
        });
        return average;
    }
    average * keep + weight * (1.0 - keep)
}

/// Lets `change` work on the tensors' numbers in place, with the numbers of another.
fn in_place<const N: usize>(
    tensors: [Tensor<1>; N],
    other: Tensor<1>,
    change: impl Fn([&mut [f32]; N], &[f32]),
) -> [Tensor<1>; N] {
    let device = tensors[0].device();
    let other = buffers::host(other).to_contiguous();
    let mut numbers = tensors.map(|tensor| buffers::own::<f32>(buffers::host(tensor)));
    change(numbers.each_mut().map(Vec::as_mut_slice), buffers::slice(&other));
    buffers::give_tensor(other);
    numbers.map(|numbers| {
        let length = numbers.len();
        Tensor::from_data(TensorData::new(numbers, [length]), &device)
    })
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};

    use super::*;
    use crate::compute::device::Device;
    use crate::compute::weights::{download, upload};

    /// More than one task's share.
    const LENGTH: usize = 70_001;

    fn random(number: u32) -> Vec<f32> {
        let mut random = Random::new(0, Purpose::Test, 0, number);
        (0..LENGTH).map(|_| random.normal() as f32).collect()
    }

    fn tensor(values: &[f32]) -> Tensor<1> {
        upload(values.to_vec(), &Device::cpu())
    }

    #[track_caller]
    fn agree(found: &Tensor<1>, expected: &[f64]) {
        for (i, (found, expected)) in download(found).iter().zip(expected).enumerate() {
            let difference = (f64::from(*found) - expected).abs();
            assert!(difference < 3e-6 * (1.0 + expected.abs()), "{i}: {found} and {expected}");
        }
    }

    #[test]
    fn sgd_agrees_with_a_plain_loop_in_f64_on_both_paths() {
        for nesterov in [true, false] {
            for ops in [Device::cpu().ops(), Ops::Stock] {
                let step = SgdStep { rate: 0.1, momentum: 0.9, nesterov, decay: 0.01 };
                let start = random(0);
                let (mut w, mut v): (Vec<f64>, _) = (start.iter().map(|&x| x.into()).collect(), vec![0.0f64; LENGTH]);
                let (mut weight, mut velocity) = (tensor(&start), tensor(&vec![0.0; LENGTH]));
                for round in 1..4 {
                    let gradient = random(round);
                    (weight, velocity) = sgd_update(weight, velocity, tensor(&gradient), step, ops);
                    for i in 0..LENGTH {
                        let g = f64::from(gradient[i]) + 0.01 * w[i];
                        v[i] = 0.9 * v[i] + g;
                        w[i] -= 0.1 * if nesterov { g + 0.9 * v[i] } else { v[i] };
                    }
                }
                agree(&weight, &w);
                agree(&velocity, &v);
            }
        }
    }

    #[test]
    fn adamw_agrees_with_a_plain_loop_in_f64_on_both_paths() {
        for ops in [Device::cpu().ops(), Ops::Stock] {
            let start = random(0);
            let mut w: Vec<f64> = start.iter().map(|&x| x.into()).collect();
            let (mut m, mut s) = (vec![0.0f64; LENGTH], vec![0.0f64; LENGTH]);
            let zero = || tensor(&vec![0.0; LENGTH]);
            let (mut weight, mut mean, mut square) = (tensor(&start), zero(), zero());
            for number in 1..4u64 {
                let step = AdamWStep { rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-5, decay: 0.1, number };
                let gradient = random(number as u32);
                (weight, mean, square) = adamw_update(weight, mean, square, tensor(&gradient), step, ops);
                for i in 0..LENGTH {
                    let g = f64::from(gradient[i]);
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    s[i] = 0.99 * s[i] + 0.01 * g * g;
                    let (m, s) =
                        (m[i] / (1.0 - 0.9f64.powi(number as i32)), s[i] / (1.0 - 0.99f64.powi(number as i32)));
                    w[i] -= 0.01 * 0.1 * w[i] + 0.01 * m / (s.sqrt() + 1e-5);
                }
            }
            agree(&weight, &w);
        }
    }
}
