//! Gauss and Legendre's quadrature.

/// Nodes in −1..1 with their weights: the sum of weight × f(node) is the integral of f, exact for polynomials up to
/// degree 2 n − 1.
///
/// The nodes are the roots of the Legendre polynomial P_n, found by Newton's method from their asymptotic places; the
/// weight of x is 2 / ((1 − x²) P_n'(x)²) (Abramowitz & Stegun 25.4.29).
pub(crate) fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let degree = count as f64;
    let node = |index: usize| {
        let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (degree + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut value, mut before) = (1.0, 0.0);
            for order in 1..=count {
                let order = order as f64;
                (value, before) = (((2.0 * order - 1.0) * x * value - (order - 1.0) * before) / order, value);
            }
            slope = degree * (x * value - before) / (x * x - 1.0);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for count in [1, 2, 5, 40, 501] {
            let nodes = gauss_legendre(count);
            let integral = |power: i32| nodes.iter().map(|(x, weight)| weight * x.powi(power)).sum::<f64>();
            assert!((integral(0) - 2.0).abs() < 1e-12, "{count}");
            assert!(integral(1).abs() < 1e-12, "{count}");
            let even = 2 * (count as i32 - 1);
            assert!((integral(even) - 2.0 / f64::from(even + 1)).abs() < 1e-12, "{count}");
        }
    }
}
