//! Cross-entropy in f64, straight from its definition.

/// −mean Σ target · ln softmax(logits), with the target (1 − ε) at the label and ε/classes everywhere, and its gradient.
#[must_use]
pub fn softmax_cross_entropy(logits: &[f64], labels: &[u16], classes: usize, smoothing: f64) -> (f64, Vec<f64>) {
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (logits, &label) in logits.chunks_exact(classes).zip(labels) {
        let sum: f64 = logits.iter().map(|&x| libm::exp(x)).sum();
        for (class, &x) in logits.iter().enumerate() {
            let hit = if class == usize::from(label) { 1.0 - smoothing } else { 0.0 };
            let target = hit + smoothing / classes as f64;
            loss -= target * libm::log(libm::exp(x) / sum) / labels.len() as f64;
            gradient.push((libm::exp(x) / sum - target) / labels.len() as f64);
        }
    }
    (loss, gradient)
}
