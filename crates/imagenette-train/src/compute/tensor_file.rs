//! Files of named tensors with a description: safetensors with one JSON text in the metadata. Complete or absent.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use imagenette_data::DataError;
use imagenette_files::format::Format;
use imagenette_files::input;
use imagenette_files::plain;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, TrainError};

/// The metadata's only key: with one there is one order, so equal content is equal bytes.
const KEY: &str = "imagenette";

/// A tensor with its name and shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedTensor {
    /// The name.
    pub(crate) name: String,
    /// The shape.
    pub(crate) shape: Vec<usize>,
    /// The numbers, row by row.
    pub(crate) values: Vec<f32>,
}

/// Writes tensors and their description.
///
/// # Errors
/// When the folder cannot be written to; a file that was there before then stays as it was.
pub(crate) fn write<H: Serialize>(path: &Path, head: &H, tensors: Vec<NamedTensor>) -> Result<()> {
    let text = serde_json::to_string(head).expect("heads are plain structures of strings and finite numbers");
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|tensor| {
            let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (tensor.name, tensor.shape, bytes)
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view =
            TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor has as many numbers as its shape");
        (name.as_str(), view)
    });
    let whole = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), text)])))
        .expect("names are unique and shapes fit");
    imagenette_data::atomic::write(path, |out| out.write_all(&whole).map_err(DataError::io("write", path)))?;
    Ok(())
}

/// The file's bytes, checked to be whole, with its description.
///
/// # Errors
/// When it cannot be read, is damaged or truncated, or its description is of another format or version. `what` and
/// `hint` are for the message.
pub(crate) fn read<H: DeserializeOwned>(
    path: &Path,
    format: Format,
    what: &str,
    hint: &str,
) -> Result<(H, Vec<NamedTensor>)> {
    let bytes = input::read(path, input::TENSORS_BYTES).map_err(DataError::from)?;
    let malformed = |found: String| TrainError::Malformed {
        path: path.to_owned(),
        expected: format!("a whole {what} file"),
        found,
        hint: hint.into(),
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
    let text = text.ok_or_else(|| malformed("a safetensors file of another program".into()))?;
    format.check_json(path, text, hint).map_err(DataError::from)?;
    let head = serde_json::from_str(text).map_err(|error| malformed(plain::json_error(&error)))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.to_string()))?;
    Ok((head, tensors(&file).map_err(malformed)?))
}

/// The tensors of any safetensors file, with our description where it has one that can be read.
///
/// # Errors
/// When it cannot be read, is damaged or truncated, or holds other numbers than float32.
pub(crate) fn read_any<H: DeserializeOwned>(path: &Path) -> Result<(Option<H>, Vec<NamedTensor>)> {
    let bytes = input::read(path, input::TENSORS_BYTES).map_err(DataError::from)?;
    let malformed = |found: String, hint: &str| TrainError::Malformed {
        path: path.to_owned(),
        expected: "a whole safetensors file".into(),
        found,
        hint: hint.into(),
    };
    let whole = "take another copy of the file";
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.to_string(), whole))?;
    let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY));
    let head = text.and_then(|text| serde_json::from_str(text).ok());
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.to_string(), whole))?;
    Ok((head, tensors(&file).map_err(|found| malformed(found, "save its tensors as float32"))?))
}

/// All tensors of a file.
fn tensors(file: &SafeTensors) -> std::result::Result<Vec<NamedTensor>, String> {
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{}` as {:?}", name.escape_debug(), view.dtype()));
        }
        let (numbers, _) = view.data().as_chunks::<4>();
        let values = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

/// Takes the tensor of this name and shape out of a list.
///
/// # Errors
/// A sentence on what is missing or different.
pub(crate) fn take(
    tensors: &mut HashMap<String, NamedTensor>,
    name: &str,
    shape: &[usize],
) -> std::result::Result<Vec<f32>, String> {
    let tensor = tensors.remove(name).ok_or_else(|| format!("no tensor `{name}`"))?;
    if tensor.shape != shape {
        return Err(format!("`{name}` of shape {:?} instead of {shape:?}", tensor.shape));
    }
    Ok(tensor.values)
}
