//! What training minimizes: cross-entropy of soft targets, which say how much of each class a sample is; and the same numbers
//! for samples one by one.

use burn::tensor::{Tensor, TensorData, activation};
use imagenette_data::augment::Mixture;

use crate::compute::device::Device;

/// How much of each class every sample is: 1 − `smoothing` on its label plus `smoothing` / classes everywhere, as in PyTorch.
/// Of samples that took others in, the label has its share of 1 − `smoothing`, and the partner's label the rest.
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

/// The mean over the batch of −Σ target × log softmax(scores).
///
/// # Shapes
/// `scores` and `targets` `[N, classes]`.
pub fn cross_entropy(scores: Tensor<2>, targets: Vec<f32>, device: &Device) -> Tensor<1> {
    let [count, classes] = scores.dims();
    let targets = Tensor::<2>::from_data(TensorData::new(targets, [count, classes]), device.plain());
    (activation::log_softmax(scores, 1) * targets).sum() * (-1.0 / count as f64)
}

/// Cross-entropy of each sample, without smoothing.
///
/// # Shapes
/// `scores` `[N, classes]`, `labels` N of them.
pub(crate) fn cross_entropy_of_each(scores: &[f32], labels: &[u16]) -> Vec<f64> {
    let classes = scores.len() / labels.len().max(1);
    let loss = |(scores, &label): (&[f32], &u16)| {
        let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|&score| f64::from(score - largest).exp()).sum();
        sum.ln() - f64::from(scores[usize::from(label)] - largest)
    };
    scores.chunks_exact(classes.max(1)).zip(labels).map(loss).collect()
}

/// The probability of each class of one sample.
pub(crate) fn softmax(scores: &[f32]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = scores.iter().map(|&score| f64::from(score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::weights::download;

    const SCORES: [f32; 8] = [1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 2.0];

    fn loss_and_gradient(scores: &[f32], smoothing: f64) -> (f32, Vec<f32>) {
        let device = Device::cpu();
        let scores = Tensor::<2>::from_data(TensorData::new(scores.to_vec(), [2, 4]), device.plain());
        let scores = scores.autodiff().require_grad();
        let loss = cross_entropy(scores.clone(), targets(&[2, 3], None, smoothing, 4), &device);
        let gradients = loss.backward();
        (download(&loss)[0], download(&scores.grad(&gradients).unwrap()))
    }

    #[test]
    fn it_agrees_with_pytorch() {
        // import torch; s = torch.tensor([[1, -2, .5, 3], [0, .25, -1.5, 2]], dtype=torch.double, requires_grad=True)
        // l = torch.nn.functional.cross_entropy(s, torch.tensor([2, 3]), label_smoothing=a); l.backward(); l, s.grad
        for (smoothing, expected, gradient) in TORCH {
            let (loss, found) = loss_and_gradient(&SCORES, smoothing);
            assert!((f64::from(loss) - expected).abs() < 1e-6, "{smoothing}: {loss}");
            for (found, expected) in found.iter().zip(gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{smoothing}: {found} and {expected}");
            }
        }
    }

    #[test]
    fn mixed_samples_agree_with_pytorch() {
        // w = torch.tensor([[.7], [.4]]); one = torch.nn.functional.one_hot
        // t = w * one(torch.tensor([2, 3]), 4) + (1 - w) * one(torch.tensor([3, 1]), 4)
        // l = torch.nn.functional.cross_entropy(s, t, label_smoothing=a); l.backward(); l, s.grad
        // Four labels here, of which the last two are the partners': their own targets are left out.
        let device = Device::cpu();
        for (smoothing, expected, gradient) in MIXED {
            let scores = Tensor::<2>::from_data(TensorData::new(SCORES.to_vec(), [2, 4]), device.plain());
            let scores = scores.autodiff().require_grad();
            let mixtures = [(2, 0.7), (3, 0.4), (2, 1.0), (3, 1.0)].map(|(partner, share)| Mixture { partner, share });
            let mut targets = targets(&[2, 3, 3, 1], Some(&mixtures), smoothing, 4);
            targets.truncate(2 * 4);
            let loss = cross_entropy(scores.clone(), targets, &device);
            let found = download(&scores.grad(&loss.backward()).unwrap());
            assert!((f64::from(download(&loss)[0]) - expected).abs() < 1e-6, "{smoothing}");
            for (found, expected) in found.iter().zip(gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{smoothing}: {found} and {expected}");
            }
        }
    }

    #[test]
    fn the_losses_of_samples_are_those_whose_mean_is_the_loss() {
        let found = cross_entropy_of_each(&SCORES, &[2, 3]);
        assert!(((found[0] + found[1]) / 2.0 - TORCH[0].1).abs() < 1e-6, "{found:?}");
        assert!(found[0] > found[1]);
        assert!((found[1] + softmax(&SCORES[4..])[3].ln()).abs() < 1e-12);
    }

    #[test]
    fn its_gradient_agrees_with_finite_differences() {
        let (_, gradient) = loss_and_gradient(&SCORES, 0.2);
        for i in 0..SCORES.len() {
            let at = |step: f32| {
                let mut scores = SCORES;
                scores[i] += step;
                f64::from(loss_and_gradient(&scores, 0.2).0)
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
