//! What training minimizes: cross-entropy of soft targets, which say how much of each class a sample is.

use std::sync::Arc;

use burn::tensor::{Gradients, Tensor, TensorData, activation};
use imagenette_data::augment::Mixture;
use imagenette_kernels::loss as kernels;

use super::own::{OwnLoss, OwnMethod, TwoStreams};
use crate::compute::device::{Device, Ops};
use crate::compute::guard::{fault, guard};
use crate::compute::weights::download;
use crate::error::Result;

/// How much of each class every sample is: 1 − `smoothing` on its label plus `smoothing` / classes everywhere, as in
/// PyTorch. Of samples that took others in, the label has its share of 1 − `smoothing`, and the partner's label the
/// rest.
///
/// # Shapes
/// `labels` N of them, each below the number of classes; gives `[N, classes]`, row by row.
///
/// # Source
/// Szegedy et al., "Rethinking the Inception architecture", 2015, section 7.
pub fn targets(labels: &[u16], mixtures: Option<&[Mixture]>, smoothing: f64, classes: usize) -> Vec<f32> {
    let (everywhere, sure) = ((smoothing / classes as f64) as f32, (1.0 - smoothing) as f32);
    let mut targets = vec![everywhere; labels.len() * classes];
    for (place, (row, &label)) in targets.chunks_exact_mut(classes).zip(labels).enumerate() {
        match mixtures.map(|mixtures| mixtures[place]) {
            None => row[usize::from(label)] += sure,
            Some(Mixture { partner, share }) => {
                row[usize::from(label)] += sure * share;
                row[usize::from(labels[partner])] += sure * (1.0 - share);
            }
        }
    }
    targets
}

/// Weighs targets by class, so that the mean over the batch of −Σ target × log softmax is the weighted mean: each class's
/// part counts its weight, and the sum is divided by the weights of the samples' labels instead of by their number. With
/// smoothing this is PyTorch's `cross_entropy(…, weight, label_smoothing)`. A mixed sample's weight is that of its two
/// labels in their shares, so that one whose share is 1 counts as an unmixed one. (PyTorch divides losses of mixed targets
/// by the number of samples whatever their weights: the step's size would then depend on which classes a batch has.)
///
/// # Shapes
/// `targets` `[N, classes]`, row by row; `weights` one for each class, all above 0.
pub fn weigh(targets: &mut [f32], labels: &[u16], mixtures: Option<&[Mixture]>, weights: &[f64]) {
    let of = |label: u16| weights[usize::from(label)];
    let of_sample = |(place, &label): (usize, &u16)| match mixtures.map(|mixtures| mixtures[place]) {
        None => of(label),
        Some(Mixture { partner, share }) => f64::from(share) * of(label) + f64::from(1.0 - share) * of(labels[partner]),
    };
    let total: f64 = labels.iter().enumerate().map(of_sample).sum();
    let each = labels.len() as f64 / total;
    for row in targets.chunks_exact_mut(weights.len()) {
        for (target, weight) in row.iter_mut().zip(weights) {
            *target = (f64::from(*target) * weight * each) as f32;
        }
    }
}

/// A loss: its value, and what gradients are taken from.
#[derive(Debug)]
pub struct Loss {
    /// The value where it is known already; else that of the root.
    value: Option<f64>,
    /// A number whose gradients are the loss's.
    root: Tensor<1>,
}

impl Loss {
    /// A loss of this value with the gradients of `root`.
    pub(super) fn known(value: f64, root: Tensor<1>) -> Self {
        Self { value: Some(value), root }
    }

    /// The gradients of all that the loss was computed from.
    pub fn backward(&self) -> Gradients {
        self.root.backward()
    }

    /// The value. On a GPU this waits for it, so ask after the gradients.
    pub fn value(&self) -> f64 {
        self.value.unwrap_or_else(|| f64::from(download(&self.root.clone().inner())[0]))
    }
}

/// What is minimized.
#[derive(Debug, Clone)]
pub enum LossRule {
    /// Cross-entropy.
    CrossEntropy,
    /// Code from elsewhere, by the name that recipes give it.
    Own(String, Arc<dyn OwnLoss>),
}

impl LossRule {
    /// The loss of a batch.
    ///
    /// # Shapes
    /// `scores` and `targets` `[N, classes]`.
    ///
    /// # Errors
    /// When code from elsewhere panics, or gives more or fewer numbers than one.
    pub fn of(&self, scores: Tensor<2>, targets: Vec<f32>, device: &Device) -> Result<Loss> {
        match self {
            Self::CrossEntropy => Ok(cross_entropy(scores, targets, device)),
            Self::Own(name, rule) => own(name, rule.as_ref(), scores, targets, device),
        }
    }
}

/// The loss of a way to learn without labels from elsewhere, by the name that recipes give it.
///
/// # Shapes
/// `scores` `[B + U, classes]`, the photos with labels first; `targets` `[B, classes]`, `teacher` `[U, classes]`.
///
/// # Errors
/// When its code panics, or gives more or fewer numbers than one.
pub fn of_method(
    name: &str,
    rule: &dyn OwnMethod,
    scores: Tensor<2>,
    (targets, teacher): (Vec<f32>, Vec<f32>),
    progress: f64,
    device: &Device,
) -> Result<Loss> {
    let [count, classes] = scores.dims();
    let tensor = |numbers: Vec<f32>| {
        let shape = [numbers.len() / classes, classes];
        Tensor::<2>::from_data(TensorData::new(numbers, shape), device.plain())
    };
    let (targets, teacher) = (tensor(targets), tensor(teacher));
    let [few, _] = targets.dims();
    let labeled = scores.clone().narrow(0, 0, few);
    let strong = scores.narrow(0, few, count - few);
    let step = TwoStreams { labeled, targets, strong, teacher, progress };
    one_number(&format!("method `{name}`"), || rule.loss(step))
}

/// A loss from elsewhere, by the name that recipes give it.
///
/// # Shapes
/// `scores` and `targets` `[N, classes]`.
///
/// # Errors
/// When its code panics, or gives more or fewer numbers than one.
fn own(name: &str, rule: &dyn OwnLoss, scores: Tensor<2>, targets: Vec<f32>, device: &Device) -> Result<Loss> {
    let shape = scores.dims();
    let targets = Tensor::<2>::from_data(TensorData::new(targets, shape), device.plain());
    one_number(&format!("loss `{name}`"), || rule.loss(scores, targets))
}

fn one_number(part: &str, loss: impl FnOnce() -> Tensor<1>) -> Result<Loss> {
    let root = guard(part, loss)?;
    match root.dims() {
        [1] => Ok(Loss { value: None, root }),
        found => Err(fault(part, format!("expected one number, found a tensor of the shape {found:?}"))),
    }
}

/// The mean over the batch of −Σ target × log softmax(scores): by our kernel, in f64, where our kernels compute, else by
/// Burn's operations.
///
/// # Shapes
/// `scores` and `targets` `[N, classes]`.
pub fn cross_entropy(scores: Tensor<2>, targets: Vec<f32>, device: &Device) -> Loss {
    let [count, classes] = scores.dims();
    let constant = |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [count, classes]), device.plain());
    match device.ops() {
        Ops::Kernels(_) => {
            let mut gradient = vec![0.0; targets.len()];
            let value = kernels::cross_entropy(&download(&scores.clone().inner()), &targets, classes, &mut gradient);
            // The gradient of Σ scores × constant is the constant.
            Loss { value: Some(value), root: (scores * constant(gradient)).sum() }
        }
        Ops::Stock => {
            let losses = activation::log_softmax(scores, 1) * constant(targets);
            Loss { value: None, root: losses.sum() * (-1.0 / count as f64) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; 8] = [1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 2.0];

    /// Our kernels and Burn's operations.
    fn devices() -> [Device; 2] {
        [Device::cpu(), Device::cpu().with_stock_ops()]
    }

    fn loss_and_gradient(scores: &[f32], smoothing: f64, device: &Device) -> (f64, Vec<f32>) {
        let scores = Tensor::<2>::from_data(TensorData::new(scores.to_vec(), [2, 4]), device.plain());
        let scores = scores.autodiff().require_grad();
        let loss = cross_entropy(scores.clone(), targets(&[2, 3], None, smoothing, 4), device);
        let gradients = loss.backward();
        (loss.value(), download(&scores.grad(&gradients).unwrap()))
    }

    #[test]
    fn it_agrees_with_pytorch() {
        // import torch; s = torch.tensor([[1, -2, .5, 3], [0, .25, -1.5, 2]], dtype=torch.double, requires_grad=True)
        // l = torch.nn.functional.cross_entropy(s, torch.tensor([2, 3]), label_smoothing=a); l.backward(); l, s.grad
        for device in devices() {
            for (smoothing, expected, gradient) in TORCH {
                let (loss, found) = loss_and_gradient(&SCORES, smoothing, &device);
                assert!((loss - expected).abs() < 1e-6, "{smoothing}: {loss}");
                for (found, expected) in found.iter().zip(gradient) {
                    assert!((f64::from(*found) - expected).abs() < 1e-7, "{smoothing}: {found} and {expected}");
                }
            }
        }
    }

    #[test]
    fn mixed_samples_agree_with_pytorch() {
        // w = torch.tensor([[.7], [.4]]); one = torch.nn.functional.one_hot
        // t = w * one(torch.tensor([2, 3]), 4) + (1 - w) * one(torch.tensor([3, 1]), 4)
        // l = torch.nn.functional.cross_entropy(s, t, label_smoothing=a); l.backward(); l, s.grad
        // Four labels here, of which the last two are the partners': their own targets are left out.
        for (device, (smoothing, expected, gradient)) in devices().iter().flat_map(|device| MIXED.map(|m| (device, m)))
        {
            let scores = Tensor::<2>::from_data(TensorData::new(SCORES.to_vec(), [2, 4]), device.plain());
            let scores = scores.autodiff().require_grad();
            let mixtures = [(2, 0.7), (3, 0.4), (2, 1.0), (3, 1.0)].map(|(partner, share)| Mixture { partner, share });
            let mut targets = targets(&[2, 3, 3, 1], Some(&mixtures), smoothing, 4);
            targets.truncate(2 * 4);
            let loss = cross_entropy(scores.clone(), targets, device);
            let found = download(&scores.grad(&loss.backward()).unwrap());
            assert!((loss.value() - expected).abs() < 1e-6, "{smoothing}");
            for (found, expected) in found.iter().zip(gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{smoothing}: {found} and {expected}");
            }
        }
    }

    /// What PyTorch's `cross_entropy(scores, labels, weight, label_smoothing)` is, as its documentation and its source have it,
    /// for labels that may be mixed: nll = Σ w_y (−ln p_y) and smooth = Σ Σ_c w_c (−ln p_c) over the samples, both divided by
    /// the labels' weights; (1 − ε) nll + ε / K smooth. The gradient is by differences.
    fn weighted_twin(scores: &[f64], parts: &[[(usize, f64); 2]], weights: &[f64; 4], smoothing: f64) -> f64 {
        let (mut nll, mut smooth, mut total) = (0.0, 0.0, 0.0);
        for (scores, parts) in scores.chunks_exact(4).zip(parts) {
            let sum: f64 = scores.iter().map(|score| score.exp()).sum();
            let cost = |class: usize| weights[class] * (sum.ln() - scores[class]);
            nll += parts.iter().map(|&(class, share)| share * cost(class)).sum::<f64>();
            smooth += (0..4).map(cost).sum::<f64>();
            total += parts.iter().map(|&(class, share)| share * weights[class]).sum::<f64>();
        }
        (1.0 - smoothing) * nll / total + smoothing / 4.0 * smooth / total
    }

    #[test]
    fn weighted_classes_agree_with_pytorchs_definition_smoothed_and_mixed() {
        let weights = [0.25, 1.0, 4.0, 0.5];
        let mixtures = [(1, 0.7f32), (0, 0.4)].map(|(partner, share)| Mixture { partner, share });
        let plain = [[(2, 1.0), (3, 0.0)], [(3, 1.0), (2, 0.0)]];
        let share = |share: f32| [f64::from(share), f64::from(1.0 - share)];
        let ([a, b], [c, d]) = (share(0.7), share(0.4));
        let mixed = [[(2, a), (3, b)], [(3, c), (2, d)]];
        for (device, smoothing) in devices().iter().flat_map(|device| [0.0, 0.2].map(|smoothing| (device, smoothing))) {
            for (mixtures, parts) in [(None, &plain), (Some(&mixtures[..]), &mixed)] {
                let scores = Tensor::<2>::from_data(TensorData::new(SCORES.to_vec(), [2, 4]), device.plain());
                let scores = scores.autodiff().require_grad();
                let mut targets = targets(&[2, 3], mixtures, smoothing, 4);
                weigh(&mut targets, &[2, 3], mixtures, &weights);
                let loss = cross_entropy(scores.clone(), targets, device);
                let found = download(&scores.grad(&loss.backward()).unwrap());
                let twin = |scores: &[f64]| weighted_twin(scores, parts, &weights, smoothing);
                let numbers = SCORES.map(f64::from);
                assert!((loss.value() - twin(&numbers)).abs() < 1e-6, "{smoothing}: {}", loss.value());
                for (place, found) in found.iter().enumerate() {
                    let at = |step: f64| {
                        let mut moved = numbers;
                        moved[place] += step;
                        twin(&moved)
                    };
                    let slope = (at(1e-4) - at(-1e-4)) / 2e-4;
                    assert!((slope - f64::from(*found)).abs() < 1e-6, "{smoothing}, {place}: {slope} and {found}");
                }
            }
        }
    }

    #[test]
    fn equal_weights_change_nothing_and_a_sample_mixed_with_its_like_counts_as_itself() {
        let of = |mixtures: Option<&[Mixture]>, weights: Option<&[f64]>| {
            let mut targets = targets(&[2, 3, 0], mixtures, 0.1, 4);
            if let Some(weights) = weights {
                weigh(&mut targets, &[2, 3, 0], mixtures, weights);
            }
            targets
        };
        assert_eq!(of(None, Some(&[3.0; 4])), of(None, None));
        let alone = [0, 1, 2].map(|partner| Mixture { partner, share: 1.0 });
        let weights = [0.5, 1.0, 2.0, 3.0];
        assert_eq!(of(Some(&alone), Some(&weights)), of(None, Some(&weights)));
    }

    #[test]
    fn its_gradient_agrees_with_finite_differences() {
        let device = Device::cpu();
        let (_, gradient) = loss_and_gradient(&SCORES, 0.2, &device);
        for i in 0..SCORES.len() {
            let at = |step: f32| {
                let mut scores = SCORES;
                scores[i] += step;
                loss_and_gradient(&scores, 0.2, &device).0
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!((slope - f64::from(gradient[i])).abs() < 1e-4, "{i}: {slope} and {}", gradient[i]);
        }
    }

    #[rustfmt::skip]
    const MIXED: [(f64, f64, [f64; 8]); 2] = [
        (0.0, 1.647202716170, [0.055276875181, 0.002752073564, -0.316472874469, 0.258443925725, 0.050524384116, -0.235125403652, 0.011273513919, 0.173327505617]),
        (0.2, 1.785952720194, [0.030276875181, -0.022247926436, -0.271472875661, 0.263443926917, 0.025524384116, -0.200125404248, -0.013726486081, 0.188327506213]),
    ];

    #[rustfmt::skip]
    const TORCH: [(f64, f64, [f64; 8]); 2] = [
        (0.0, 1.497202736287, [0.055276875181, 0.002752073564, -0.466472880430, 0.408443931685, 0.050524384116, 0.064874593367, 0.011273513919, -0.126672491403]),
        (0.2, 1.665952736287, [0.030276875181, -0.022247926436, -0.391472880430, 0.383443931685, 0.025524384116, 0.039874593367, -0.013726486081, -0.051672491403]),
    ];
}
