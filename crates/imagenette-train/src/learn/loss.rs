//! What training minimises: cross-entropy with label smoothing, of samples with one label or with two that share it.

use burn::tensor::{Tensor, TensorData, activation};

use imagenette_data::augment::Mixture;

use crate::device::Device;

/// The mean over the batch of −Σ target × log softmax(scores), the target being 1 − `smoothing` on the label plus
/// `smoothing` / classes everywhere, as in PyTorch.
///
/// # Shapes
/// `scores` `[N, classes]`, `labels` N of them, each below the number of classes.
///
/// # Source
/// Szegedy et al., "Rethinking the Inception architecture", 2015, section 7.
pub fn cross_entropy(scores: Tensor<2>, labels: &[u16], smoothing: f64, device: &Device) -> Tensor<1> {
    cross_entropy_of_mixed(scores, labels, None, smoothing, device)
}

/// [`cross_entropy`] where samples took others in: the target is each one's own label with its share and the partner's with
/// the rest.
pub fn cross_entropy_of_mixed(
    scores: Tensor<2>,
    labels: &[u16],
    mixtures: Option<&[Mixture]>,
    smoothing: f64,
    device: &Device,
) -> Tensor<1> {
    let [count, classes] = scores.dims();
    let everywhere = (smoothing / classes as f64) as f32;
    let mut target = vec![everywhere; count * classes];
    for (place, (row, &label)) in target.chunks_exact_mut(classes).zip(labels).enumerate() {
        let sure = (1.0 - smoothing) as f32;
        match mixtures.map(|mixtures| mixtures[place]) {
            None => row[usize::from(label)] += sure,
            Some(Mixture { partner, share }) => {
                row[usize::from(label)] += sure * share;
                row[usize::from(labels[partner])] += sure * (1.0 - share);
            }
        }
    }
    let target = Tensor::<2>::from_data(TensorData::new(target, [count, classes]), device.plain());
    (activation::log_softmax(scores, 1) * target).sum() * (-1.0 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::download;

    const SCORES: [f32; 8] = [1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 2.0];

    fn loss_and_gradient(scores: &[f32], smoothing: f64) -> (f32, Vec<f32>) {
        let device = Device::cpu();
        let scores = Tensor::<2>::from_data(TensorData::new(scores.to_vec(), [2, 4]), device.plain());
        let scores = scores.autodiff().require_grad();
        let loss = cross_entropy(scores.clone(), &[2, 3], smoothing, &device);
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
        // Four samples here, of which the last two are the partners and count nothing: their scores are taken away.
        let device = Device::cpu();
        for (smoothing, expected, gradient) in MIXED {
            let scores = Tensor::<2>::from_data(TensorData::new(SCORES.to_vec(), [2, 4]), device.plain());
            let scores = scores.autodiff().require_grad();
            let mixtures = [Mixture { partner: 2, share: 0.7 }, Mixture { partner: 3, share: 0.4 }];
            let loss = cross_entropy_of_mixed(scores.clone(), &[2, 3, 3, 1], Some(&mixtures), smoothing, &device);
            let found = download(&scores.grad(&loss.backward()).unwrap());
            assert!((f64::from(download(&loss)[0]) - expected).abs() < 1e-6, "{smoothing}");
            for (found, expected) in found.iter().zip(gradient) {
                assert!((f64::from(*found) - expected).abs() < 1e-7, "{smoothing}: {found} and {expected}");
            }
        }
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
