//! Softmax cross-entropy with label smoothing: logits and labels enter, the mean loss and its gradient leave.

pub mod twin;

use crate::shape::check_len;

/// The mean loss over the batch, and in `gradient` its gradient for the logits.
///
/// With smoothing ε the target has 1 - ε + ε/classes at the label and ε/classes elsewhere.
///
/// # Shapes
/// `logits` and `gradient` `[samples, classes]`, `labels` `[samples]`.
///
/// # Panics
/// The lengths do not agree, there is no sample, or a label is no class.
pub fn softmax_cross_entropy(
    logits: &[f32],
    labels: &[u16],
    classes: usize,
    smoothing: f32,
    gradient: &mut [f32],
) -> f32 {
    assert!(classes > 0 && !labels.is_empty(), "a loss needs at least one sample and one class");
    assert!(logits.len() / classes == labels.len(), "{} labels for {} logits", labels.len(), logits.len());
    check_len("the logits", logits.len(), labels.len() * classes);
    check_len("the gradient", gradient.len(), logits.len());
    let share = 1.0 / labels.len() as f64;
    let elsewhere = f64::from(smoothing) / classes as f64;
    let mut total = 0.0;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((logits, gradient), &label) in rows.zip(labels) {
        let label = usize::from(label);
        assert!(label < classes, "label {label} is none of {classes} classes");
        let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = logits.iter().map(|&x| libm::exp(f64::from(x) - most)).sum();
        let log_sum = most + libm::log(sum);
        for (class, (&x, gradient)) in logits.iter().zip(gradient).enumerate() {
            let log_probability = f64::from(x) - log_sum;
            let target = elsewhere + if class == label { 1.0 - f64::from(smoothing) } else { 0.0 };
            // Where the target is zero nothing is lost, even if the probability is zero too.
            if target != 0.0 {
                total -= target * log_probability;
            }
            *gradient = ((libm::exp(log_probability) - target) * share) as f32;
        }
    }
    (total * share) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [1.0, -2.0, 0.5, 3.0, 0.0, -1.0];

    #[test]
    fn the_loss_is_minus_the_log_of_the_labels_probability() {
        let mut gradient = [0.0; 6];
        let loss = softmax_cross_entropy(&LOGITS, &[2, 0], 3, 0.0, &mut gradient);
        let probability = |row: &[f32], label: usize| row[label].exp() / row.iter().map(|x| x.exp()).sum::<f32>();
        let expected = -(probability(&LOGITS[..3], 2).ln() + probability(&LOGITS[3..], 0).ln()) / 2.0;
        assert!((loss - expected).abs() < 1e-6, "{loss} for {expected}");
    }

    #[test]
    fn smoothing_moves_a_share_of_the_target_to_all_classes() {
        let mut gradient = [0.0; 3];
        let of = |label, gradient: &mut [f32]| softmax_cross_entropy(&LOGITS[..3], &[label], 3, 0.0, gradient);
        let sharp = of(1, &mut gradient);
        let mean = (0..3).map(|label| of(label, &mut gradient)).sum::<f32>() / 3.0;
        let smooth = softmax_cross_entropy(&LOGITS[..3], &[1], 3, 0.2, &mut gradient);
        assert!((smooth - (0.8 * sharp + 0.2 * mean)).abs() < 1e-6);
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let (mut gradient, mut unused) = ([0.0; 6], [0.0; 6]);
        softmax_cross_entropy(&LOGITS, &[2, 0], 3, 0.1, &mut gradient);
        for i in 0..6 {
            let mut loss = |step: f32| {
                let mut logits = LOGITS;
                logits[i] += step;
                softmax_cross_entropy(&logits, &[2, 0], 3, 0.1, &mut unused)
            };
            let difference = (loss(0.01) - loss(-0.01)) / 0.02;
            assert!((difference - gradient[i]).abs() < 1e-4, "{difference} for {}", gradient[i]);
        }
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let mut gradient = [0.0; 2];
        let loss = softmax_cross_entropy(&[1e30, -1e30], &[0], 2, 0.0, &mut gradient);
        assert_eq!((loss, gradient), (0.0, [0.0, 0.0]));
    }

    #[test]
    #[should_panic(expected = "label 3 is none of 3 classes")]
    fn a_label_that_is_no_class_is_refused() {
        softmax_cross_entropy(&[0.0; 3], &[3], 3, 0.0, &mut [0.0; 3]);
    }
}
