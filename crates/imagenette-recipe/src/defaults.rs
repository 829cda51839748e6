//! What keys are when they are left out, where that is not their type's own default: serde asks a function for each.

pub(crate) fn yes() -> bool {
    true
}

/// `#[serde(default = "whole::<6>")]`
pub(crate) fn whole<const NUMBER: u32>() -> u32 {
    NUMBER
}

/// `#[serde(default = "ratio::<9, 10>")]`: 0.9, the float that this text is too.
pub(crate) fn ratio<const NUMERATOR: u32, const DENOMINATOR: u32>() -> f64 {
    f64::from(NUMERATOR) / f64::from(DENOMINATOR)
}

/// Whether a number is that of [`whole`], so that it need not be written down.
pub(crate) fn is_whole<const NUMBER: u32>(value: &u32) -> bool {
    *value == NUMBER
}

/// Whether a value is its type's default, so that it need not be written down.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_float_that_its_text_is() {
        let ratios =
            [ratio::<85, 100>(), ratio::<95, 100>(), ratio::<99, 100>(), ratio::<4, 100>(), ratio::<1, 100_000>()];
        assert_eq!(ratios, [0.85, 0.95, 0.99, 0.04, 1e-5]);
        assert_eq!([ratio::<1, 1_000_000>(), ratio::<3, 4>(), ratio::<2, 9>()], [1e-6, 0.75, 2.0 / 9.0]);
    }
}
