//! The loss of SimCLR, NT-Xent: of all views in a step, each must find the other view of its photo.
//!
//! # Source
//! Chen et al., "A simple framework for contrastive learning of visual representations", 2020, equation 1 and
//! algorithm 1.

use burn::tensor::{Tensor, TensorData};

use super::loss::Loss;
use crate::compute::device::Device;
use crate::compute::weights::download;

/// The loss of a step: the mean over all views of −log softmax of the cosine to the other view of the same photo, among
/// the cosines to all views but itself, each divided by `temperature`.
///
/// # Shapes
/// `outputs` `[2 N, outputs]`: the first views of N photos, then their second views in the same order.
pub fn loss(outputs: Tensor<2>, temperature: f64, device: &Device) -> Loss {
    let shape = outputs.dims();
    let (value, gradient) = contrast(&download(&outputs.clone().inner()), shape[1], temperature);
    let gradient = Tensor::<2>::from_data(TensorData::new(gradient, shape), device.plain());
    Loss::known(value, (outputs * gradient).sum())
}

/// The value of [`loss`] and its gradient, by the rows' numbers.
fn contrast(rows: &[f32], width: usize, temperature: f64) -> (f64, Vec<f32>) {
    let count = rows.len() / width;
    let mut unit = rows.to_vec();
    let mut lengths = vec![0.0f32; count];
    for (row, length) in unit.chunks_exact_mut(width).zip(&mut lengths) {
        let squares: f64 = row.iter().map(|&number| f64::from(number).powi(2)).sum();
        *length = (squares.sqrt() as f32).max(1e-12);
        row.iter_mut().for_each(|number| *number /= *length);
    }
    let cosines = products(&unit, &transposed(&unit, width), width, count);

    // The slope of each cosine; a pair's is that of both its views.
    let mut slopes = vec![0.0f32; count * count];
    let mut value = 0.0;
    for (view, cosines) in cosines.chunks_exact(count).enumerate() {
        let other = (view + count / 2) % count;
        let of = |place: usize| f64::from(cosines[place]) / temperature;
        let most = (0..count).filter(|&place| place != view).map(of).fold(f64::NEG_INFINITY, f64::max);
        let share = |place: usize| if place == view { 0.0 } else { (of(place) - most).exp() };
        let total: f64 = (0..count).map(share).sum();
        value += most + total.ln() - of(other);
        for place in 0..count {
            let wanted = if place == other { 1.0 } else { 0.0 };
            slopes[view * count + place] = ((share(place) / total - wanted) / (count as f64 * temperature)) as f32;
        }
    }
    let back = transposed(&slopes, count);
    slopes.iter_mut().zip(&back).for_each(|(slope, back)| *slope += back);
    let mut gradient = products(&slopes, &unit, count, width);
    // Through the division by the length: what points along the row changes nothing.
    for ((gradient, unit), length) in gradient.chunks_exact_mut(width).zip(unit.chunks_exact(width)).zip(lengths) {
        let along: f32 = gradient.iter().zip(unit).map(|(slope, number)| slope * number).sum();
        gradient.iter_mut().zip(unit).for_each(|(slope, number)| *slope = (*slope - along * number) / length);
    }
    (value / count as f64, gradient)
}

/// `[rows, inner]` times `[inner, columns]`. The inner loop runs along a row of the result, so that it is computed many
/// numbers at a time, always in one order.
fn products(a: &[f32], b: &[f32], inner: usize, columns: usize) -> Vec<f32> {
    let mut result = vec![0.0; a.len() / inner * columns];
    for (result, a) in result.chunks_exact_mut(columns).zip(a.chunks_exact(inner)) {
        for (&factor, b) in a.iter().zip(b.chunks_exact(columns)) {
            result.iter_mut().zip(b).for_each(|(sum, number)| *sum += factor * number);
        }
    }
    result
}

fn transposed(rows: &[f32], width: usize) -> Vec<f32> {
    let count = rows.len() / width;
    (0..width).flat_map(|column| (0..count).map(move |row| rows[row * width + column])).collect()
}

#[cfg(test)]
mod tests {
    use imagenette_data::random::{Purpose, Random};

    use super::*;

    /// The definition, pair by pair, in f64.
    fn twin(rows: &[f64], width: usize, temperature: f64) -> f64 {
        let views: Vec<&[f64]> = rows.chunks_exact(width).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()) / temperature;
        let half = views.len() / 2;
        let of = |view: usize| {
            let other = if view < half { view + half } else { view - half };
            let all: f64 = (0..views.len())
                .filter(|&place| place != view)
                .map(|place| cosine(views[view], views[place]).exp())
                .sum();
            all.ln() - cosine(views[view], views[other])
        };
        (0..views.len()).map(of).sum::<f64>() / views.len() as f64
    }

    #[test]
    fn it_agrees_with_its_definition_and_its_gradient_with_differences() {
        let mut random = Random::new(3, Purpose::Test, 0, 0);
        for (photos, width, temperature) in [(1, 2, 1.0), (2, 3, 0.5), (5, 7, 0.1), (8, 1, 0.5), (17, 33, 0.2)] {
            let rows: Vec<f32> = (0..2 * photos * width).map(|_| random.normal() as f32 * 3.0).collect();
            let numbers: Vec<f64> = rows.iter().map(|&number| f64::from(number)).collect();
            let device = Device::cpu();
            let outputs = Tensor::<2>::from_data(TensorData::new(rows, [2 * photos, width]), device.plain());
            let outputs = outputs.autodiff().require_grad();
            let loss = loss(outputs.clone(), temperature, &device);
            let gradient = download(&outputs.grad(&loss.backward()).unwrap());
            let expected = twin(&numbers, width, temperature);
            assert!((loss.value() - expected).abs() < 1e-5 * expected.abs().max(1.0), "{photos}: {}", loss.value());
            for (place, found) in gradient.iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = numbers.clone();
                    moved[place] += step;
                    twin(&moved, width, temperature)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((slope - f64::from(*found)).abs() < 2e-5, "{photos}, {place}: {slope} and {found}");
            }
        }
    }

    // import torch; z = torch.tensor([[1., 2.], [-1., .5], [.5, 1.5], [2., -1.]]); z = torch.nn.functional.normalize(z)
    // s = z @ z.T / 0.5; s.fill_diagonal_(-torch.inf); torch.nn.functional.cross_entropy(s, torch.tensor([2, 3, 0, 1]))
    #[test]
    fn it_is_the_cross_entropy_of_pytorch_over_the_cosines() {
        let (value, _) = contrast(&[1.0, 2.0, -1.0, 0.5, 0.5, 1.5, 2.0, -1.0], 2, 0.5);
        assert!((value - 1.508_374_8).abs() < 1e-5, "{value}");
    }

    #[test]
    fn outputs_that_are_no_numbers_give_a_loss_that_is_none() {
        assert!(contrast(&[f32::NAN, 1.0, 1.0, 0.0], 2, 0.5).0.is_nan());
        assert!(contrast(&[0.0, 0.0, 1.0, 0.0], 2, 0.5).0.is_finite());
    }
}
