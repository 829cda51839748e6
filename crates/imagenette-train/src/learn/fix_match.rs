//! FixMatch: what a teacher is sure of becomes the target of a strongly changed view.
//!
//! # Source
//! Sohn et al., "FixMatch: simplifying semi-supervised learning with consistency and confidence", 2020, equations 3
//! and 4.

use imagenette_kernels::loss::softmax;
use imagenette_recipe::unlabeled::FixMatch;

/// The targets of a step's whole batch, the labeled photos first: their own targets, then the teacher's class of each
/// photo of which it is sure. So weighted, the mean over all rows of -Σ target × log softmax is the mean over the
/// labeled photos plus `weight` × the mean over the others, of which unsure ones count nothing.
///
/// `None` where a score of the teacher is not a finite number.
///
/// # Shapes
/// `labeled` `[B, classes]`, `teacher` (scores) `[U, classes]`; gives `[B + U, classes]`, row by row, and of how many
/// photos the teacher is sure.
pub fn targets(
    labeled: &[f32],
    teacher: &[f32],
    classes: usize,
    settings: &FixMatch,
    weight: f64,
) -> Option<(Vec<f32>, usize)> {
    if teacher.iter().any(|score| !score.is_finite()) {
        return None;
    }
    let (few, many) = (labeled.len() / classes, teacher.len() / classes);
    let all = (few + many) as f64;
    let own = (all / few as f64) as f32;
    let others = (weight * all / many.max(1) as f64) as f32;
    let mut targets: Vec<f32> = labeled.iter().map(|target| target * own).collect();
    let mut sure = 0;
    for row in teacher.chunks_exact(classes) {
        let (class, sureness) = most_likely(&softmax(row));
        let mut target = vec![0.0; classes];
        if sureness >= settings.threshold {
            sure += 1;
            target[class] = others;
        }
        targets.extend(target);
    }
    Some((targets, sure))
}

/// The first of the most likely classes, and its probability.
fn most_likely(row: &[f64]) -> (usize, f64) {
    let first = (0, f64::NEG_INFINITY);
    row.iter()
        .copied()
        .enumerate()
        .fold(first, |best, (class, value)| if value > best.1 { (class, value) } else { best })
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};
    use imagenette_kernels::loss::cross_entropy_of_each;

    use super::*;

    /// −Σ target × log softmax, the mean over all rows, in f64.
    fn mean_loss(scores: &[f32], targets: &[f32], classes: usize) -> f64 {
        let rows = scores.chunks_exact(classes).zip(targets.chunks_exact(classes));
        let count = scores.len() / classes;
        let of = |(scores, targets): (&[f32], &[f32])| {
            let sum: f64 = scores.iter().map(|score| f64::from(*score).exp()).sum();
            scores
                .iter()
                .zip(targets)
                .map(|(score, target)| -f64::from(*target) * (f64::from(*score) - sum.ln()))
                .sum::<f64>()
        };
        rows.map(of).sum::<f64>() / count as f64
    }

    #[test]
    fn the_loss_is_that_of_the_paper() {
        let classes = 5;
        let mut random = Random::new(1, Purpose::Test, 0, 0);
        let mut scores = |rows: usize, wide: f64| -> Vec<f32> {
            (0..rows * classes).map(|_| (wide * random.normal()) as f32).collect()
        };
        for (few, many, weight) in [(4usize, 12usize, 1.0), (3, 21, 0.5), (1, 1, 2.0)] {
            let (student, teacher) = (scores(few + many, 1.0), scores(many, 3.0));
            let labels: Vec<u16> = (0..few as u16).map(|place| place % classes as u16).collect();
            let labeled = crate::learn::loss::targets(&labels, None, 0.0, classes);
            let settings = FixMatch { threshold: 0.8, ..FixMatch::default() };
            let (targets, _) = targets(&labeled, &teacher, classes, &settings, weight).unwrap();
            let found = mean_loss(&student, &targets, classes);
            // The paper's two sums, photo by photo.
            let supervised: f64 = cross_entropy_of_each(&student[..few * classes], &labels, classes).iter().sum();
            let mut consistent = 0.0;
            for (place, row) in teacher.chunks_exact(classes).enumerate() {
                let wide: Vec<f64> = row.iter().map(|score| f64::from(*score)).collect();
                let sum: f64 = wide.iter().map(|score| score.exp()).sum();
                let (class, score) = most_likely(&wide);
                if score.exp() / sum >= 0.8 {
                    let own = &student[(few + place) * classes..(few + place + 1) * classes];
                    consistent += cross_entropy_of_each(own, &[class as u16], classes)[0];
                }
            }
            let expected = supervised / few as f64 + weight * consistent / many as f64;
            assert!((found - expected).abs() < 1e-4 * expected.max(1.0), "{found} {expected}");
        }
    }

    #[test]
    fn unsure_photos_count_nothing_and_a_teacher_that_diverged_is_known() {
        let settings = FixMatch::default();
        let labeled = [0.0, 1.0];
        let (found, sure) = targets(&labeled, &[9.0, 0.0, 0.5, 0.4, -7.0, 0.0], 2, &settings, 1.0).unwrap();
        assert_eq!((found.len(), sure), (8, 2));
        assert_eq!(found[..2], [0.0, 4.0]);
        assert_eq!(found[4..6], [0.0, 0.0]);
        let others = 4.0 / 3.0;
        assert!((found[2] - others).abs() < 1e-6 && (found[7] - others).abs() < 1e-6, "{found:?}");
        assert_eq!(targets(&labeled, &[f32::NAN, 0.0], 2, &settings, 1.0), None);
        assert_eq!(targets(&labeled, &[f32::INFINITY, 0.0], 2, &settings, 1.0), None);
    }
}
