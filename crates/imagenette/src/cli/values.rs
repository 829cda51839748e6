//! Values as they are typed: text goes in, a number comes out, or what was expected, in words that a user knows.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A whole number in a range.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let expected = || format!("expected a whole number from {} to {}", range.start(), range.end());
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(expected)
    }
}

/// A whole number that is not smaller than this.
pub(super) fn at_least<T>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let expected = || format!("expected a whole number of {least} or more");
        text.parse().ok().filter(|number| *number >= least).ok_or_else(expected)
    }
}

/// A number that is finite.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "expected a number, for example 0.1 or 1e-3".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_such_number_is_answered_with_what_is() {
        assert_eq!(whole(1..=9)("3"), Ok(3));
        for wrong in ["0", "10", "x", "-1", "1.5", ""] {
            assert_eq!(whole(1..=9)(wrong), Err("expected a whole number from 1 to 9".into()), "{wrong}");
        }
        assert_eq!(at_least(1u32)("4294967295"), Ok(u32::MAX));
        assert_eq!(at_least(1u32)("4294967296"), Err("expected a whole number of 1 or more".into()));
        assert_eq!(number("1e-3"), Ok(0.001));
        assert!(["nan", "inf", "a tenth"].iter().all(|wrong| number(wrong).is_err()));
    }
}
