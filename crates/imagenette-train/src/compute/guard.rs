//! Code that somebody else wrote is called here: what it panics with becomes an error that names its part.

use imagenette_files::panics::caught;

use crate::error::{Result, TrainError};

/// Calls the code of a part (`activation `swish``) and turns a panic into an error. The code must not be called again
/// then: what it has changed is as it left it.
pub(crate) fn guard<T>(part: &str, code: impl FnOnce() -> T) -> Result<T> {
    caught(code).map_err(|what| fault(part, what))
}

/// The error of a part that does not keep to what is asked of it.
pub(crate) fn fault(part: &str, what: impl Into<String>) -> TrainError {
    TrainError::Part { part: part.into(), step: None, what: what.into() }
}
