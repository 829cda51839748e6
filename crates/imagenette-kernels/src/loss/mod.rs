//! Softmax and cross-entropy: the scores of a network enter; the loss, its gradient and probabilities leave.
//!
//! Everything is computed in f64, sample after sample on one thread, since a batch has only some hundred scores. The
//! exponential and the logarithm are those of the `libm` crate, so that no bit depends on the system's C library.

pub mod twin;

use crate::shape::check_len;

/// The mean over the samples of −Σ target · ln softmax(score), and in `gradient` its gradient for the scores.
///
/// A target may be shared between classes, as label smoothing and mixing do, and need not sum to one. A class whose
/// target is zero adds nothing, even if its score is −∞. If a score is NaN or +∞, the loss is NaN: a run that diverges
/// shows it.
///
/// # Shapes
/// `scores`, `targets` and `gradient` `[samples, classes]`.
///
/// # Panics
/// The lengths do not agree, or there is no sample or no class.
pub fn cross_entropy(scores: &[f32], targets: &[f32], classes: usize, gradient: &mut [f32]) -> f64 {
    assert!(classes > 0 && scores.len() >= classes, "a loss needs at least one sample and one class");
    let samples = scores.len() / classes;
    check_len("the scores", scores.len(), samples * classes);
    check_len("the targets", targets.len(), scores.len());
    check_len("the gradient", gradient.len(), scores.len());
    let rows = scores.chunks_exact(classes).zip(targets.chunks_exact(classes)).zip(gradient.chunks_exact_mut(classes));
    let mut total = 0.0;
    for ((scores, targets), gradient) in rows {
        let softmax = Softmax::of(scores);
        let target_sum: f64 = targets.iter().map(|&target| f64::from(target)).sum();
        for ((&score, &target), gradient) in scores.iter().zip(targets).zip(gradient) {
            let target = f64::from(target);
            // Zero times infinity would be NaN.
            if target != 0.0 {
                total += target * softmax.loss(score);
            }
            *gradient = ((softmax.probability(score) * target_sum - target) / samples as f64) as f32;
        }
    }
    total / samples as f64
}

/// The cross-entropy of each sample with its label, −ln softmax(score of the label).
///
/// # Shapes
/// `scores` `[samples, classes]`, `labels` `[samples]`.
///
/// # Panics
/// The lengths do not agree, there is no class, or a label is not below the number of classes.
#[must_use]
pub fn cross_entropy_of_each(scores: &[f32], labels: &[u16], classes: usize) -> Vec<f64> {
    assert!(classes > 0, "a loss needs at least one class");
    check_len("the scores", scores.len(), labels.len() * classes);
    let loss = |(scores, &label): (&[f32], &u16)| {
        let label = usize::from(label);
        assert!(label < classes, "label {label} is not one of {classes} classes");
        Softmax::of(scores).loss(scores[label])
    };
    scores.chunks_exact(classes).zip(labels).map(loss).collect()
}

/// The probability of each class from the scores of one sample.
#[must_use]
pub fn softmax(scores: &[f32]) -> Vec<f64> {
    let softmax = Softmax::of(scores);
    scores.iter().map(|&score| softmax.probability(score)).collect()
}

/// What the softmax of a sample's scores divides by, relative to the largest score, so that no power overflows.
struct Softmax {
    largest: f64,
    /// Σ e^(score − largest)
    sum: f64,
    log_sum: f64,
}

impl Softmax {
    fn of(scores: &[f32]) -> Self {
        // `max` passes over NaN, but the sum does not.
        let largest = f64::from(scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = scores.iter().map(|&score| libm::exp(f64::from(score) - largest)).sum();
        Self { largest, sum, log_sum: libm::log(sum) }
    }

    fn probability(&self, score: f32) -> f64 {
        libm::exp(f64::from(score) - self.largest) / self.sum
    }

    /// −ln of the probability.
    fn loss(&self, score: f32) -> f64 {
        self.log_sum - (f64::from(score) - self.largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; 8] = [1.0, -2.0, 0.5, 3.0, 0.0, 0.25, -1.5, 2.0];
    const CLASSES: usize = 4;

    /// Targets of two samples whose labels share them with other classes, smoothed as PyTorch does.
    fn targets(of: [[(usize, f32); 2]; 2], smoothing: f32) -> Vec<f32> {
        let mut targets = vec![smoothing / CLASSES as f32; 2 * CLASSES];
        for (targets, labels) in targets.chunks_exact_mut(CLASSES).zip(of) {
            labels.into_iter().for_each(|(label, share)| targets[label] += (1.0 - smoothing) * share);
        }
        targets
    }

    fn agrees_with_pytorch(targets: &[f32], expected: f64, expected_gradient: [f64; 8]) {
        let mut gradient = [f32::NAN; 8];
        let loss = cross_entropy(&SCORES, targets, CLASSES, &mut gradient);
        assert!((loss - expected).abs() < 2e-7, "{loss} for {expected}");
        for (found, expected) in gradient.iter().zip(expected_gradient) {
            assert!((f64::from(*found) - expected).abs() < 5e-8, "{found} for {expected}");
        }
    }

    #[test]
    fn smoothed_labels_agree_with_pytorch() {
        // import torch; s = torch.tensor([[1, -2, .5, 3], [0, .25, -1.5, 2]], dtype=torch.double, requires_grad=True)
        // l = torch.nn.functional.cross_entropy(s, torch.tensor([2, 3]), label_smoothing=a); l.backward(); l, s.grad
        for (smoothing, expected, gradient) in SMOOTHED {
            let labels = [[(2, 1.0), (0, 0.0)], [(3, 1.0), (0, 0.0)]];
            agrees_with_pytorch(&targets(labels, smoothing), expected, gradient);
        }
    }

    #[test]
    fn mixed_labels_agree_with_pytorch() {
        // w = torch.tensor([[.7], [.4]]); one = torch.nn.functional.one_hot
        // t = w * one(torch.tensor([2, 3]), 4) + (1 - w) * one(torch.tensor([3, 1]), 4)
        // l = torch.nn.functional.cross_entropy(s, t, label_smoothing=a); l.backward(); l, s.grad
        for (smoothing, expected, gradient) in MIXED {
            let labels = [[(2, 0.7), (3, 0.3)], [(3, 0.4), (1, 0.6)]];
            agrees_with_pytorch(&targets(labels, smoothing), expected, gradient);
        }
    }

    #[test]
    fn the_loss_of_each_sample_has_pytorchs_mean() {
        let losses = cross_entropy_of_each(&SCORES, &[2, 3], CLASSES);
        assert!(((losses[0] + losses[1]) / 2.0 - SMOOTHED[0].1).abs() < 1e-12, "{losses:?}");
        assert!(losses[0] > losses[1]);
        assert!(cross_entropy_of_each(&[], &[], CLASSES).is_empty());
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        // The second sample's targets do not sum to one.
        let targets = [0.1, 0.2, 0.3, 0.4, 0.5, 0.0, -0.25, 1.5];
        let (mut gradient, mut unused) = ([0.0; 8], [0.0; 8]);
        cross_entropy(&SCORES, &targets, CLASSES, &mut gradient);
        for i in 0..SCORES.len() {
            let mut loss = |step: f32| {
                let mut scores = SCORES;
                scores[i] += step;
                cross_entropy(&scores, &targets, CLASSES, &mut unused)
            };
            let difference = (loss(0.0078125) - loss(-0.0078125)) / 0.015625;
            assert!((difference - f64::from(gradient[i])).abs() < 1e-5, "{difference} for {}", gradient[i]);
        }
    }

    #[test]
    fn probabilities_are_positive_and_sum_to_one() {
        let probabilities = softmax(&SCORES);
        assert!(probabilities.iter().all(|&p| p > 0.0));
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        // e³ : e² is e.
        assert!((probabilities[3] / probabilities[7] - std::f64::consts::E).abs() < 1e-14);
        assert_eq!(softmax(&[7.0]), [1.0]);
        assert!(softmax(&[]).is_empty());
    }

    #[test]
    fn huge_scores_do_not_overflow() {
        let mut gradient = [0.0; 2];
        let loss = cross_entropy(&[1e30, -1e30], &[1.0, 0.0], 2, &mut gradient);
        assert_eq!((loss, gradient), (0.0, [0.0, 0.0]));
        assert_eq!(cross_entropy_of_each(&[f32::MAX, f32::MIN], &[1], 2), [2.0 * f64::from(f32::MAX)]);
    }

    #[test]
    fn a_class_that_is_impossible_costs_nothing_unless_it_is_the_target() {
        let scores = [f32::NEG_INFINITY, 0.0];
        let mut gradient = [0.0; 2];
        assert_eq!(cross_entropy(&scores, &[0.0, 1.0], 2, &mut gradient), 0.0);
        assert_eq!(gradient, [0.0, 0.0]);
        assert_eq!(cross_entropy(&scores, &[1.0, 0.0], 2, &mut gradient), f64::INFINITY);
        assert_eq!(gradient, [-1.0, 1.0]);
        assert_eq!(cross_entropy_of_each(&scores, &[0], 2), [f64::INFINITY]);
        assert_eq!(softmax(&scores), [0.0, 1.0]);
    }

    #[test]
    fn nan_and_infinite_scores_make_the_loss_nan() {
        for score in [f32::NAN, f32::INFINITY] {
            let mut gradient = [0.0; 3];
            assert!(cross_entropy(&[1.0, score, 2.0], &[1.0, 0.0, 0.0], 3, &mut gradient).is_nan(), "{score}");
            assert!(gradient.iter().any(|x| x.is_nan()), "{score}");
            assert!(softmax(&[1.0, score, 2.0]).iter().any(|x| x.is_nan()), "{score}");
        }
    }

    #[test]
    #[should_panic(expected = "label 3 is not one of 3 classes")]
    fn a_label_beyond_the_classes_is_refused() {
        let _ = cross_entropy_of_each(&[0.0; 3], &[3], 3);
    }

    #[test]
    #[should_panic(expected = "at least one sample")]
    fn a_batch_without_samples_is_refused() {
        cross_entropy(&[], &[], 3, &mut []);
    }

    #[rustfmt::skip]
    const MIXED: [(f32, f64, [f64; 8]); 2] = [
        (
            0.0, 1.647202716170,
            [
                0.055276875181, 0.002752073564, -0.316472874469, 0.258443925725,
                0.050524384116, -0.235125403652, 0.011273513919, 0.173327505617,
            ],
        ),
        (
            0.2, 1.785952720194,
            [
                0.030276875181, -0.022247926436, -0.271472875661, 0.263443926917,
                0.025524384116, -0.200125404248, -0.013726486081, 0.188327506213,
            ],
        ),
    ];

    #[rustfmt::skip]
    const SMOOTHED: [(f32, f64, [f64; 8]); 2] = [
        (
            0.0, 1.497202736287,
            [
                0.055276875181, 0.002752073564, -0.466472880430, 0.408443931685,
                0.050524384116, 0.064874593367, 0.011273513919, -0.126672491403,
            ],
        ),
        (
            0.2, 1.665952736287,
            [
                0.030276875181, -0.022247926436, -0.391472880430, 0.383443931685,
                0.025524384116, 0.039874593367, -0.013726486081, -0.051672491403,
            ],
        ),
    ];
}
