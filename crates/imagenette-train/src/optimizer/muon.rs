//! Muon: the momentum of a convolution's weights, made orthogonal, is the step; everything else follows another
//! optimizer.
//!
//! # Source
//! Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024 (the iteration's coefficients are
//! theirs). That convolutions are matrices [out, in × height × width], and that weights keep a fixed norm, is airbench94's.

use burn::tensor::Tensor;
use imagenette_kernels::Precision;
use imagenette_kernels::muon::{Muon, Size};
use imagenette_recipe::optimizer::{MuonConfig, MuonScale};

use crate::compute::weights::{Role, Slot};
use crate::ops::{Ops, muon_update};

/// Rows and columns of a tensor that Muon moves: a learned convolution with more than one of each.
pub(super) fn matrix(slot: &Slot) -> Option<[usize; 2]> {
    match slot.shape.as_slice() {
        &[rows, channels, height, width] if slot.role == Role::Weight => {
            Some([rows, channels * height * width]).filter(|[rows, columns]| *rows > 1 && *columns > 1)
        }
        _ => None,
    }
}

/// Multiply-adds of one step of a matrix, as `orthogonalize` does it; symmetric products count in full.
pub(super) fn multiply_adds(config: &MuonConfig, [rows, columns]: [usize; 2]) -> u64 {
    let (short, long) = (rows.min(columns) as u64, rows.max(columns) as u64);
    let steps = u64::from(config.steps);
    if is_long([rows, columns]) {
        // The square of the first iteration and the product at the end; between them four small products an iteration,
        // of which the first needs one less and the last two.
        short * short * (2 * long + (4 * steps - 3) * short)
    } else {
        steps * short * short * (2 * long + short)
    }
}

/// One step of a matrix; gives weight and momentum. The precision is that of the products where [`Ops`] are our
/// kernels.
pub(super) fn update(
    config: &MuonConfig,
    [rows, columns]: [usize; 2],
    [weight, velocity]: [Tensor<1>; 2],
    gradient: Tensor<1>,
    factor: f64,
    ops: Ops,
    precision: Precision,
) -> [Tensor<1>; 2] {
    let scale = match config.scale {
        MuonScale::Shape => (rows as f64 / columns as f64).max(1.0).sqrt(),
        MuonScale::AdamLike => 0.2 * (rows.max(columns) as f64).sqrt(),
        MuonScale::Plain => 1.0,
    };
    let rate = config.learning_rate * factor;
    let shape = [rows, columns];
    if let Ops::Kernels(level) = ops
        && Muon::fits(shape)
    {
        let size = match config.normalize_weights {
            true => Size::Norm((rows as f64).sqrt()),
            false => Size::Times(1.0 - rate * config.weight_decay),
        };
        let (momentum, nesterov, iterations) = (config.momentum, config.nesterov, config.steps);
        let step = Muon { rate: rate * scale, momentum, nesterov, iterations, size, precision };
        return muon_update(weight, velocity, gradient, shape, step, level);
    }
    let velocity = velocity * config.momentum + gradient.clone();
    let direction = if config.nesterov { gradient + velocity.clone() * config.momentum } else { velocity.clone() };
    let orthogonal = orthogonalize(direction.reshape(shape), config.steps).reshape([rows * columns]);
    let weight = if config.normalize_weights {
        let size = norm(weight.clone());
        weight * (size.recip() * (rows as f64).sqrt())
    } else {
        weight * (1.0 - rate * config.weight_decay)
    };
    [weight - orthogonal * (rate * scale), velocity]
}

/// The root of the sum of squares, with one number.
fn norm<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    (x.clone() * x).sum().sqrt()
}

/// Whether a matrix is so much longer than wide that the iterations cost less on the square of its shorter side.
fn is_long([rows, columns]: [usize; 2]) -> bool {
    2 * rows.max(columns) >= 3 * rows.min(columns)
}

/// A matrix with nearly the same singular vectors whose singular values are all between about 0.7 and 1.2.
///
/// # Source
/// The quintic Newton-Schulz iteration of Jordan et al., 2024, with a = 3.4445, b = -4.7750, c = 2.0315: X ← (aI + bXXᵀ + c(XXᵀ)²) X.
///
/// The factors are polynomials of XXᵀ and so commute. Of a long X they are multiplied together first, each found from
/// XXᵀ ← P (XXᵀ) Pᵀ = P² XXᵀ, and multiply X only once.
fn orthogonalize(matrix: Tensor<2>, steps: u32) -> Tensor<2> {
    let (a, b, c) = (3.4445, -4.7750, 2.0315);
    let [rows, columns] = matrix.dims();
    // The products are of the shorter side.
    let is_tall = rows > columns;
    let matrix = if is_tall { matrix.transpose() } else { matrix };
    let size = norm(matrix.clone()) + 1e-7;
    let mut x = matrix / size.reshape([1, 1]);
    let square_of = |x: &Tensor<2>| x.clone().matmul(x.clone().transpose());
    // P - aI
    let polynomial_of = |square: &Tensor<2>| square.clone() * b + square.clone().matmul(square.clone()) * c;
    if is_long([rows, columns]) {
        let mut square = square_of(&x);
        let times_polynomial = |of: Tensor<2>, polynomial: &Tensor<2>| of.clone() * a + polynomial.clone().matmul(of);
        let mut factor = None;
        for step in 0..steps {
            let polynomial = polynomial_of(&square);
            factor = Some(match factor {
                None => polynomial.clone() + Tensor::eye(rows.min(columns), &x.device()) * a,
                Some(factor) => times_polynomial(factor, &polynomial),
            });
            if step + 1 < steps {
                square = times_polynomial(times_polynomial(square, &polynomial), &polynomial);
            }
        }
        if let Some(factor) = factor {
            x = factor.matmul(x);
        }
    } else {
        for _ in 0..steps {
            x = x.clone() * a + polynomial_of(&square_of(&x)).matmul(x);
        }
    }
    if is_tall { x.transpose() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::device::Device;
    use crate::compute::weights::{download, upload};

    #[track_caller]
    fn agree(found: &Tensor<1>, expected: [f64; 6]) {
        for (found, expected) in download(found).iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} and {expected}");
        }
    }

    // import torch; torch.set_default_dtype(torch.double)
    // def ns(G, steps):
    //     a, b, c = 3.4445, -4.7750, 2.0315
    //     X = G / (G.norm() + 1e-7)
    //     T = X.shape[0] > X.shape[1]
    //     if T: X = X.T
    //     for _ in range(steps): A = X @ X.T; X = a * X + (b * A + c * A @ A) @ X
    //     return X.T if T else X
    // G = torch.tensor([[1., -2, .5], [.25, 3, -1]]); ns(G, 5); ns(G.T, 5); ns(G, 3)
    #[test]
    fn the_iteration_agrees_with_pytorch_for_wide_and_for_tall_matrices() {
        let device = Device::cpu();
        let wide = upload(vec![1.0, -2.0, 0.5, 0.25, 3.0, -1.0], &device).reshape([2, 3]);
        let five = [0.619853439628, -0.368981891021, 0.030050830739, 0.340303393117, 0.600740764464, -0.241710016166];
        agree(&orthogonalize(wide.clone(), 5).reshape([6]), five);
        agree(&orthogonalize(wide.clone().transpose(), 5).transpose().reshape([6]), five);
        agree(
            &orthogonalize(wide, 3).reshape([6]),
            [0.611232214061, -0.341929178835, 0.022586919760, 0.340236270863, 0.560694253214, -0.228828337374],
        );
    }

    /// The iteration as it is written.
    fn plain(matrix: Tensor<2>, steps: u32) -> Tensor<2> {
        let size = norm(matrix.clone()) + 1e-7;
        let mut x = matrix / size.reshape([1, 1]);
        for _ in 0..steps {
            let square = x.clone().matmul(x.clone().transpose());
            let polynomial = square.clone() * -4.7750 + square.clone().matmul(square) * 2.0315;
            x = x.clone() * 3.4445 + polynomial.matmul(x);
        }
        x
    }

    #[test]
    fn long_matrices_agree_with_the_plain_iteration() {
        let device = Device::cpu();
        for (rows, columns) in [(1, 2), (2, 3), (16, 24), (48, 433), (64, 576)] {
            let numbers = (0..rows * columns).map(|i| ((i * i * 7919 + i * 104_729) % 2003) as f32 / 1001.5 - 1.0);
            let matrix = upload(numbers.collect(), &device).reshape([rows, columns]);
            for steps in [1, 2, 3, 5] {
                let found = download(&orthogonalize(matrix.clone(), steps).reshape([rows * columns]));
                let expected = download(&plain(matrix.clone(), steps).reshape([rows * columns]));
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() < 2e-5,
                        "{rows} x {columns}, {steps} steps: {found} and {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_step_counts_the_products_of_its_iterations() {
        let config: MuonConfig =
            toml::from_str("learning_rate = 0.2\nsteps = 3\nrest = { kind = \"sgd\", learning_rate = 0.1 }").unwrap();
        // [4, 5] × [5, 4], [4, 4] × [4, 4] and [4, 4] × [4, 5].
        assert_eq!(multiply_adds(&config, [4, 5]), 3 * (80 + 64 + 80));
        assert_eq!(multiply_adds(&config, [5, 4]), multiply_adds(&config, [4, 5]));
        // [2, 5] × [5, 2]; of [2, 2] × [2, 2] three, four and two; [2, 2] × [2, 5].
        assert_eq!(multiply_adds(&config, [2, 5]), 20 + 9 * 8 + 20);
    }

    // def muon(shape, scale, norm, lr, mom, wd):
    //     p = torch.tensor([.1 * (i + 1) * (-1) ** i for i in range(6)]).reshape(shape); buf = torch.zeros(shape)
    //     g0 = torch.tensor([1., -2, .5, .25, 3, -1]).reshape(shape); r, c = shape
    //     for t, s in enumerate([1., -.5, .25]):
    //         g = g0 * s; g.flatten()[t] += .3
    //         buf = mom * buf + g
    //         u = ns(g + mom * buf, 5)
    //         p = p * (r ** .5 / p.norm()) if norm else p * (1 - lr * wd)
    //         p = p - lr * dict(shape=max(1, r / c) ** .5, rms=.2 * max(r, c) ** .5, none=1.)[scale] * u
    //     print(p.flatten().tolist())
    // muon((2, 3), 'shape', False, .1, .95, .1); muon((3, 2), 'shape', False, .1, .95, .1)
    // muon((3, 2), 'rms', False, .1, .95, .1); muon((2, 3), 'none', True, .1, .6, 0.)
    /// Rows and columns, scale, whether weights keep their norm, momentum, and the weights after three steps.
    type Case = ([usize; 2], MuonScale, bool, f64, [f64; 6]);

    #[rustfmt::skip]
    const TORCH: [Case; 4] = [
        ([2, 3], MuonScale::Shape, false, 0.95, [-0.114251117032, -0.210780337214, 0.236667203652, -0.524427282597, 0.372339652127, -0.607751607225]),
        ([3, 2], MuonScale::Shape, false, 0.95, [0.085995885578, -0.048694955429, 0.222871232756, -0.486903845119, 0.415887521152, -0.639951118884]),
        ([3, 2], MuonScale::AdamLike, false, 0.95, [0.093909009431, -0.152944413063, 0.271794603684, -0.416060003839, 0.465559254031, -0.598519709673]),
        ([2, 3], MuonScale::Plain, true, 0.6, [0.042953688544, -0.308125122081, 0.363210131463, -0.639550831685, 0.646585078841, -0.917105535257]),
    ];

    #[test]
    fn three_steps_agree_with_pytorch_for_every_scale() {
        let device = Device::cpu();
        let each = TORCH.into_iter().flat_map(|case| [(case, device.ops()), (case, Ops::Stock)]);
        for ((shape, scale, normalize_weights, momentum, expected), ops) in each {
            let config: MuonConfig =
                toml::from_str("learning_rate = 0.2\nrest = { kind = \"sgd\", learning_rate = 0.1 }").unwrap();
            let config = MuonConfig { scale, normalize_weights, momentum, weight_decay: 0.1, ..config };
            let mut weight = upload(vec![0.1, -0.2, 0.3, -0.4, 0.5, -0.6], &device);
            let mut velocity = upload(vec![0.0; 6], &device);
            for (step, size) in [1.0, -0.5, 0.25].into_iter().enumerate() {
                let mut gradient = [1.0, -2.0, 0.5, 0.25, 3.0, -1.0].map(|x: f32| x * size);
                gradient[step] += 0.3;
                let gradient = upload(gradient.into(), &device);
                [weight, velocity] = update(&config, shape, [weight, velocity], gradient, 0.5, ops, Precision::F32);
            }
            agree(&weight, expected);
        }
    }
}
