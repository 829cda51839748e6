//! Errors of the libraries go in; Python's exceptions come out, with path, expected, found and hint as attributes.

use std::path::{Path, PathBuf};

use imagenette_data::DataError;
use imagenette_files::{FileError, Hint};
use imagenette_recipe::RecipeError;
use imagenette_results::ResultsError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What is raised: a name of `imagenette._errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something is not there: also a `FileNotFoundError`.
    Missing,
    /// A value, or the content of a file, makes no sense: also a `ValueError`.
    Value,
    /// The caller asked to stop.
    Interrupted,
    /// Everything else.
    Other,
}

/// What went wrong, before it becomes an exception.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    path: Option<PathBuf>,
    expected: Option<String>,
    found: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// A mistake of this package.
    pub(crate) fn internal(what: &str) -> Self {
        let hint = "this is a fault of imagenette, not of your data: please report it with what you did";
        Self::new(Kind::Other, what).with_hint(hint)
    }

    /// A value that makes no sense.
    pub(crate) fn value(key: &str, expected: impl Into<String>, found: impl Into<String>, hint: &str) -> Self {
        let (expected, found) = (expected.into(), found.into());
        let failure = Self::new(Kind::Value, &format!("{key}: expected {expected}, found {found}")).with_hint(hint);
        Self { expected: Some(expected), found: Some(found), ..failure }
    }

    fn new(kind: Kind, message: &str) -> Self {
        Self { kind, message: message.into(), path: None, expected: None, found: None, hint: None }
    }

    fn with_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn of(kind: Kind, error: &(impl std::fmt::Display + Hint), path: Option<&Path>) -> Self {
        let hint = error.hint().map(|hint| in_python(&hint));
        Self { path: path.map(Path::to_owned), hint, ..Self::new(kind, &error.to_string()) }
    }

    fn with_values(self, expected: &str, found: &str) -> Self {
        Self { expected: Some(expected.into()), found: Some(found.into()), ..self }
    }
}

/// A hint that names a command, with what the package calls it.
fn in_python(hint: &str) -> String {
    hint.replace("`imagenette get NAME`", "`imagenette.get(NAME)` or `imagenette get NAME`")
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match &error {
            FileError::Io { path, source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Self::of(Kind::Missing, &error, Some(path))
            }
            FileError::Io { path, .. } | FileError::InUse { path, .. } => Self::of(Kind::Other, &error, Some(path)),
            FileError::Malformed { path, expected, found, .. } => {
                Self::of(Kind::Value, &error, Some(path)).with_values(expected, found)
            }
            _ => Self::of(Kind::Other, &error, None),
        }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match &error {
            DataError::File(_) => {
                let hint = error.hint();
                let DataError::File(inner) = error else { unreachable!("it was just looked at") };
                // The store's own hint says more than the file's.
                let failure = Self::from(inner);
                Self { hint: hint.or(failure.hint.clone()), ..failure }
            }
            DataError::Missing { path, .. } => Self::of(Kind::Missing, &error, Some(path)),
            DataError::Setting { expected, found, .. } => {
                Self::of(Kind::Value, &error, None).with_values(expected, found)
            }
            DataError::Photo { path, .. } => Self::of(Kind::Value, &error, Some(path)),
            DataError::Member { archive, .. } => Self::of(Kind::Value, &error, Some(archive)),
            DataError::Checksum { path, expected, found } => {
                Self::of(Kind::Value, &error, Some(path)).with_values(expected, found)
            }
            DataError::Interrupted => Self::of(Kind::Interrupted, &error, None),
            _ => Self::of(Kind::Other, &error, None),
        }
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        match error {
            RecipeError::Data(inner) => inner.into(),
            RecipeError::Setting { ref expected, ref found, .. } => {
                Self::of(Kind::Value, &error, None).with_values(expected, found)
            }
            error => Self::of(Kind::Value, &error, None),
        }
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        match &error {
            ResultsError::File(_) => {
                let ResultsError::File(inner) = error else { unreachable!("it was just looked at") };
                inner.into()
            }
            ResultsError::Samples { path, .. } | ResultsError::RunFolder { path, .. } => {
                Self::of(Kind::Value, &error, Some(path))
            }
            _ => Self::of(Kind::Other, &error, None),
        }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| failure.raised(py).unwrap_or_else(|error| error))
    }
}

impl Failure {
    fn raised(&self, py: Python<'_>) -> PyResult<PyErr> {
        let name = match self.kind {
            Kind::Missing => "MissingError",
            Kind::Value => "SettingError",
            Kind::Interrupted => "InterruptedError",
            Kind::Other => "ImagenetteError",
        };
        let details = PyDict::new(py);
        details.set_item("path", self.path.as_ref().map(|path| path.to_string_lossy().into_owned()))?;
        details.set_item("expected", &self.expected)?;
        details.set_item("found", &self.found)?;
        details.set_item("hint", &self.hint)?;
        let class = py.import("imagenette._errors")?.getattr(name)?;
        Ok(PyErr::from_value(class.call((&self.message,), Some(&details))?))
    }
}
