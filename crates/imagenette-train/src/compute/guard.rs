//! Code that somebody else wrote is called here: what it panics with becomes an error that names its part.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Result, TrainError};

/// Calls the code of a part (`activation `swish``) and turns a panic into an error. The code must not be called again
/// then: what it has changed is as it left it.
pub(crate) fn guard<T>(part: &str, code: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| fault(part, message(panic.as_ref())))
}

/// The error of a part that does not keep to what is asked of it.
pub(crate) fn fault(part: &str, what: impl Into<String>) -> TrainError {
    TrainError::Part { part: part.into(), step: None, what: what.into() }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    // Assertions of two values say them in lines of their own.
    text.unwrap_or("it panicked and said nothing").split_whitespace().collect::<Vec<_>>().join(" ")
}
