//! When something is on: a part of the run, by its progress in 0..1.

use crate::checks::require;
use crate::error::Result;

/// A part of a run: from one share of it on, until another. In recipes these are the keys `from` and `until`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The share of the run at which it begins, 0 or more and below 1.
    pub from: f64,
    /// The share of the run before which it ends, above `from` and up to 1.
    pub until: f64,
}

impl Window {
    /// Whether a step at this progress is in it.
    pub fn contains(self, progress: f64) -> bool {
        self.from <= progress && progress < self.until
    }

    /// Checks the two keys of a table.
    ///
    /// # Errors
    /// When it does not begin within the run, or would end before it begins.
    pub fn validate(self, table: &str) -> Result<()> {
        let Self { from, until } = self;
        require(
            (0.0..1.0).contains(&from),
            &format!("{table}.from"),
            "a share of the run, 0 or more and below 1",
            from.to_string(),
            "0 begins with the run, 0.5 in its middle",
        )?;
        require(
            until > from && until <= 1.0,
            &format!("{table}.until"),
            &format!("a share of the run above `from` ({from}) and up to 1"),
            until.to_string(),
            &format!("it would end before it begins; leave `[{table}]` out for none"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_step_and_ends_before_its_last() {
        let window = Window { from: 0.5, until: 0.9 };
        assert_eq!([0.49, 0.5, 0.89, 0.9].map(|progress| window.contains(progress)), [false, true, true, false]);
        assert!(window.validate("mix").is_ok());
        for (from, until, key) in
            [(1.0, 1.0, "mix.from"), (-0.1, 1.0, "mix.from"), (f64::NAN, 1.0, "mix.from"), (0.5, 0.5, "mix.until")]
        {
            let error = Window { from, until }.validate("mix").unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        assert!(Window { from: 0.0, until: 1.1 }.validate("mix").is_err());
    }
}
