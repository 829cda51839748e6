//! A linear layer on features that stay as they are: how well classes lie apart in them.
//!
//! # Source
//! Böhning, "Multinomial logistic regression algorithm", 1992: the curvature of the loss is nowhere above that of half
//! the features' products, so that one factorization serves every step, and no step makes the loss larger.

/// Steps to the minimum.
const STEPS: usize = 200;
/// A step that lowers the loss by less than this share of it is the last one.
const ENOUGH: f64 = 1e-7;
/// How strongly weights are drawn to nothing, as a share of the mean of the features' squares.
const RIDGE: f64 = 1e-4;

/// The weights of a linear layer without bias that minimizes cross-entropy over all rows, with a small penalty on their
/// squares. The same on every machine of one kind of arithmetic: nothing is drawn, and sums run in one order.
///
/// # Shapes
/// `rows` `[N, width]` and N `labels`, all below `classes`; gives `[classes, width]`, row by row.
pub fn fit(rows: &[f32], width: usize, labels: &[u16], classes: usize) -> Vec<f32> {
    let count = labels.len() as f64;
    let (mut curvature, mean_square) = products(rows, width);
    let ridge = RIDGE * mean_square * count;
    for place in 0..width {
        curvature[place * width + place] = 0.5 * curvature[place * width + place] + ridge;
        for other in 0..place {
            curvature[place * width + other] *= 0.5;
        }
    }
    factorize(&mut curvature, width);
    let (mut weights, mut before) = (vec![0.0f64; classes * width], vec![0.0; classes * width]);
    let (mut last, mut momentum) = (f64::INFINITY, 1.0f64);
    for _ in 0..STEPS {
        // Nesterov's steps: from ahead of where the weights are.
        let next = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        let lead = (momentum - 1.0) / next;
        let ahead: Vec<f64> = weights.iter().zip(&before).map(|(now, then)| now + lead * (now - then)).collect();
        let (loss, mut gradient) = slopes(rows, width, labels, classes, &ahead, ridge);
        for gradient in gradient.chunks_exact_mut(width) {
            solve(&curvature, width, gradient);
        }
        before = weights;
        weights = ahead.iter().zip(&gradient).map(|(number, step)| number - step).collect();
        if (last - loss).abs() <= ENOUGH * loss.abs() {
            break;
        }
        // Ahead of it the loss may rise: then from here without a lead.
        momentum = if loss > last { 1.0 } else { next };
        last = loss;
    }
    weights.iter().map(|&number| number as f32).collect()
}

/// The sums of products of each pair of features (the lower triangle), and the mean of their squares.
fn products(rows: &[f32], width: usize) -> (Vec<f64>, f64) {
    let mut sums = vec![0.0f64; width * width];
    // Some rows in f32, then all in f64: as exact as needed, and computed many numbers at a time.
    for rows in rows.chunks(64 * width) {
        let mut few = vec![0.0f32; width * width];
        for row in rows.chunks_exact(width) {
            for (place, &factor) in row.iter().enumerate() {
                let sums = &mut few[place * width..=place * width + place];
                sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += factor * number);
            }
        }
        sums.iter_mut().zip(&few).for_each(|(sum, few)| *sum += f64::from(*few));
    }
    let trace: f64 = (0..width).map(|place| sums[place * width + place]).sum();
    let mean_square = trace / rows.len().max(1) as f64;
    (sums, mean_square)
}

/// Cholesky's factor in place of the lower triangle.
fn factorize(matrix: &mut [f64], width: usize) {
    for row in 0..width {
        for column in 0..=row {
            let (above, below) = matrix.split_at(row * width);
            let of_column = if column == row { &below[..column] } else { &above[column * width..][..column] };
            let sum: f64 = below[..column].iter().zip(of_column).map(|(a, b)| a * b).sum();
            let rest = below[column] - sum;
            matrix[row * width + column] = match row == column {
                true => rest.max(f64::MIN_POSITIVE).sqrt(),
                false => rest / matrix[column * width + column],
            };
        }
    }
}

/// The solution of factor × factorᵀ × x = `vector`, in its place.
fn solve(factor: &[f64], width: usize, vector: &mut [f64]) {
    for row in 0..width {
        let sum: f64 = factor[row * width..][..row].iter().zip(&*vector).map(|(a, b)| a * b).sum();
        vector[row] = (vector[row] - sum) / factor[row * width + row];
    }
    for row in (0..width).rev() {
        vector[row] /= factor[row * width + row];
        let value = vector[row];
        vector[..row].iter_mut().zip(&factor[row * width..]).for_each(|(number, factor)| *number -= value * factor);
    }
}

/// The loss at these weights, summed over the rows, with the penalty; and its gradient.
fn slopes(rows: &[f32], width: usize, labels: &[u16], classes: usize, weights: &[f64], ridge: f64) -> (f64, Vec<f64>) {
    let layer: Vec<f32> = weights.iter().map(|&number| number as f32).collect();
    let mut loss = 0.5 * ridge * weights.iter().map(|number| number * number).sum::<f64>();
    let mut gradient: Vec<f64> = weights.iter().map(|number| ridge * number).collect();
    let mut few = vec![0.0f32; classes * width];
    let mut scores = vec![0.0f64; classes];
    for (rows, labels) in rows.chunks(64 * width).zip(labels.chunks(64)) {
        few.fill(0.0);
        for (row, &label) in rows.chunks_exact(width).zip(labels) {
            for (score, layer) in scores.iter_mut().zip(layer.chunks_exact(width)) {
                *score = f64::from(dot(row, layer));
            }
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = scores.iter().map(|score| (score - most).exp()).sum();
            loss += most + total.ln() - scores[usize::from(label)];
            for (class, sums) in few.chunks_exact_mut(width).enumerate() {
                let wanted = if class == usize::from(label) { 1.0 } else { 0.0 };
                let slope = ((scores[class] - most).exp() / total - wanted) as f32;
                sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += slope * number);
            }
        }
        gradient.iter_mut().zip(&few).for_each(|(sum, few)| *sum += f64::from(*few));
    }
    (loss, gradient)
}

/// The sum of products, in eight lanes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};

    use super::*;

    /// Rows around a center for each class, some features a thousand times as large as others, all with a common part.
    fn drawn(count: usize, width: usize, classes: usize, spread: f64) -> (Vec<f32>, Vec<u16>) {
        let mut random = Random::new(11, Purpose::Test, 0, 0);
        let centers: Vec<f64> = (0..classes * width).map(|_| random.normal()).collect();
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for number in 0..count {
            let label = number % classes;
            for place in 0..width {
                let size = if place % 3 == 0 { 1000.0 } else { 1.0 };
                rows.push((size * (5.0 + centers[label * width + place] + spread * random.normal())) as f32);
            }
            labels.push(label as u16);
        }
        (rows, labels)
    }

    #[test]
    fn its_gradient_agrees_with_differences_and_is_nothing_at_the_end() {
        let (rows, labels) = drawn(90, 7, 3, 2.0);
        let mut random = Random::new(12, Purpose::Test, 0, 0);
        let weights: Vec<f64> = (0..21).map(|_| 1e-3 * random.normal()).collect();
        let (_, gradient) = slopes(&rows, 7, &labels, 3, &weights, 0.5);
        for (place, found) in gradient.iter().enumerate() {
            let at = |step: f64| {
                let mut moved = weights.clone();
                moved[place] += step;
                slopes(&rows, 7, &labels, 3, &moved, 0.5).0
            };
            // A thousand times shorter along features that are a thousand times as large.
            let step = if place % 7 % 3 == 0 { 2e-6 } else { 2e-3 };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            assert!((slope - found).abs() < 0.02 * found.abs().max(1.0), "{place}: {slope} and {found}");
        }
        let (_, mean_square) = products(&rows, 7);
        let ridge = RIDGE * mean_square * 90.0;
        let fitted: Vec<f64> = fit(&rows, 7, &labels, 3).into_iter().map(f64::from).collect();
        let (start, steep) = slopes(&rows, 7, &labels, 3, &[0.0; 21], ridge);
        let (end, flat) = slopes(&rows, 7, &labels, 3, &fitted, ridge);
        let length = |gradient: &[f64]| gradient.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        assert!(end < start && length(&flat) < 0.01 * length(&steep), "{} of {}", length(&flat), length(&steep));
    }

    #[test]
    fn classes_that_lie_apart_are_told_apart_whatever_the_features_sizes() {
        let (rows, labels) = drawn(400, 30, 10, 0.1);
        let weights = fit(&rows, 30, &labels, 10);
        for (row, &label) in rows.chunks_exact(30).zip(&labels) {
            let scores: Vec<f32> = weights.chunks_exact(30).map(|layer| dot(row, layer)).collect();
            let most = (0..10).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            assert_eq!(most, usize::from(label), "{scores:?}");
        }
    }

    #[test]
    fn the_factor_solves() {
        let (rows, _) = drawn(40, 9, 2, 1.0);
        let (mut matrix, _) = products(&rows, 9);
        (0..9).for_each(|place| matrix[place * 9 + place] += 1.0);
        let whole = matrix.clone();
        let entry = |row: usize, column: usize| whole[row.max(column) * 9 + row.min(column)];
        factorize(&mut matrix, 9);
        let wanted: Vec<f64> = (0..9).map(|place| place as f64 - 3.0).collect();
        let mut found = wanted.clone();
        solve(&matrix, 9, &mut found);
        for (row, wanted) in wanted.iter().enumerate() {
            let back: f64 = found.iter().enumerate().map(|(column, number)| entry(row, column) * number).sum();
            assert!((back - wanted).abs() < 1e-4, "{row}: {back} and {wanted}");
        }
    }
}
