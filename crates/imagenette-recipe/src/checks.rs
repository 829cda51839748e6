//! Checks of single values, shared by everything that has settings: each fails with the key and what it accepts.

use crate::error::{RecipeError, Result};

/// Fails with the key unless the condition holds.
///
/// # Errors
/// When it does not hold.
pub fn require(holds: bool, key: &str, expected: &str, found: String, hint: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(RecipeError::Setting { key: key.into(), expected: expected.into(), found, hint: hint.into() })
}

/// Fails unless the value is in 0..1 without 1 itself; written so that NaN fails too.
///
/// # Errors
/// When it is not.
pub fn below_one(key: &str, value: f64) -> Result<()> {
    let hint = match key.rsplit('.').next().unwrap_or(key) {
        "label_smoothing" => "0.1 and 0.2 are usual; 0 is none",
        "stochastic_depth" => "0.1 is usual; 0 leaves out nothing",
        "decay" => "0.99 and 0.999 are usual: the share that the average keeps at each step",
        "keep" => "0.95 is usual",
        "beta2" => "0.99 and 0.999 are usual",
        _ => "0.85 to 0.95 are usual",
    };
    require((0.0..1.0).contains(&value), key, "0 or more and below 1", value.to_string(), hint)
}

/// Fails unless the value is a finite number of 0 or more.
///
/// # Errors
/// When it is not.
pub fn not_negative(key: &str, value: f64) -> Result<()> {
    require(
        value >= 0.0 && value.is_finite(),
        key,
        "a finite number, 0 or more",
        value.to_string(),
        "0 switches it off",
    )
}

/// Fails unless the value is a finite number above 0.
///
/// # Errors
/// When it is not.
pub fn positive(key: &str, value: f64) -> Result<()> {
    require(value > 0.0 && value.is_finite(), key, "a finite number above 0", value.to_string(), "it must be above 0")
}
