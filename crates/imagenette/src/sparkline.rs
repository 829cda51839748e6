//! Curves of one line, drawn in characters: values go in, text of the width of a terminal comes out.

/// Eighths of a letter's height, lowest first.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values as a line of at most `width` letters, each the mean of as many values as it stands for; lowest to highest over
/// the whole height. Values that are no numbers are left out; without any there is no line.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let count = finite.len().min(width);
    if count == 0 {
        return String::new();
    }
    let mean = |place: usize| {
        let some = &finite[place * finite.len() / count..(place + 1) * finite.len() / count];
        some.iter().sum::<f64>() / some.len() as f64
    };
    let means: Vec<f64> = (0..count).map(mean).collect();
    let (low, high) =
        means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let level = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        LEVELS[((share * LEVELS.len() as f64) as usize).min(LEVELS.len() - 1)]
    };
    means.iter().map(level).collect()
}

/// A curve that grows by one value at a time and keeps few of them: when it is full, pairs become their means.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    values: Vec<f64>,
    /// How many values each of them stands for, and those that are not enough for one yet.
    each: usize,
    rest: Vec<f64>,
}

impl Curve {
    /// Twice the widest line that is drawn.
    const MOST: usize = 512;

    /// Adds the next value.
    pub(crate) fn push(&mut self, value: f64) {
        self.each = self.each.max(1);
        self.rest.push(value);
        if self.rest.len() < self.each {
            return;
        }
        self.values.push(self.rest.iter().sum::<f64>() / self.rest.len() as f64);
        self.rest.clear();
        if self.values.len() == Self::MOST {
            self.values = self.values.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
            self.each *= 2;
        }
    }

    /// The curve as a line.
    pub(crate) fn line(&self, width: usize) -> String {
        sparkline(&self.values, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_value_is_low_and_the_highest_high() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[2.0, 2.0, f64::NAN], 8), "▅▅");
        assert_eq!(sparkline(&[0.0, 0.0, 10.0, 10.0], 2), "▁█");
        assert_eq!((sparkline(&[], 8), sparkline(&[1.0], 0)), (String::new(), String::new()));
        assert_eq!(sparkline(&[f64::INFINITY], 4), "");
    }

    #[test]
    fn a_long_curve_keeps_its_shape_in_little_memory() {
        let mut curve = Curve::default();
        (0..100_000).for_each(|step| curve.push(f64::from(step)));
        assert!(curve.values.len() <= Curve::MOST);
        assert_eq!(curve.line(8), "▁▂▃▄▅▆▇█");
    }
}
