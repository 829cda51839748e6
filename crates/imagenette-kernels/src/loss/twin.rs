//! Softmax and cross-entropy in f64, straight from their definitions: what the kernels must agree with.

/// −mean Σ target · ln softmax(scores), and its gradient for the scores.
#[must_use]
pub fn cross_entropy(scores: &[f64], targets: &[f64], classes: usize) -> (f64, Vec<f64>) {
    let samples = (scores.len() / classes) as f64;
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (scores, targets) in scores.chunks_exact(classes).zip(targets.chunks_exact(classes)) {
        let target_sum: f64 = targets.iter().sum();
        for (probability, target) in softmax(scores).into_iter().zip(targets) {
            loss -= target * libm::log(probability) / samples;
            gradient.push((probability * target_sum - target) / samples);
        }
    }
    (loss, gradient)
}

/// −ln softmax(scores) at each sample's label.
#[must_use]
pub fn cross_entropy_of_each(scores: &[f64], labels: &[u16], classes: usize) -> Vec<f64> {
    let rows = scores.chunks_exact(classes).zip(labels);
    rows.map(|(scores, &label)| -libm::log(softmax(scores)[usize::from(label)])).collect()
}

/// e^score over the sum of all.
#[must_use]
pub fn softmax(scores: &[f64]) -> Vec<f64> {
    let sum: f64 = scores.iter().map(|&score| libm::exp(score)).sum();
    scores.iter().map(|&score| libm::exp(score) / sum).collect()
}
