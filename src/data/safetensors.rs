//! Tensors by name with notes, as `safetensors` files: what Python's `safetensors` and Hugging Face's tools read.

use super::array::{Array, Element, Values};
use saddle_fault::{Fault, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::HashMap;

/// The content of a file: tensors by name, and the notes beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named {
    /// The arrays by name, in the order of the file.
    pub arrays: Vec<(String, Array)>,
    /// What else the header says.
    pub notes: HashMap<String, String>,
}

impl Named {
    /// The content as a file.
    ///
    /// # Errors
    /// Two tensors of one name.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let parts: Vec<(&str, Dtype, &Array, Vec<u8>)> = self
            .arrays
            .iter()
            .map(|(name, array)| {
                let dtype = match array.values {
                    Values::F32(_) => Dtype::F32,
                    Values::Int(_) => Dtype::I64,
                    Values::Bool(_) => Dtype::BOOL,
                };
                (name.as_str(), dtype, array, array.bytes())
            })
            .collect();
        let views = parts.iter().map(|(name, dtype, array, bytes)| {
            TensorView::new(*dtype, array.shape.clone(), bytes).map(|view| (*name, view))
        });
        let failed = |e| Fault::value(format!("these tensors cannot be saved: {e}"));
        let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let notes = (!self.notes.is_empty()).then(|| self.notes.clone());
        serialize(views, notes).map_err(failed)
    }

    /// The content of a file, by name in order; `what` names it in errors.
    ///
    /// # Errors
    /// Not a safetensors file, a damaged or cut off one, or an element type that is no plain number.
    pub fn decode(what: &str, file: &[u8]) -> Result<Self> {
        let damaged = |e| Fault::file(format!("{what}: is not a whole safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(file).map_err(damaged)?;
        let all = SafeTensors::deserialize(file).map_err(damaged)?;
        let mut arrays = all
            .iter()
            .map(|(name, view)| {
                let element = element(view.dtype()).ok_or_else(|| {
                    Fault::file(format!(
                        "{what}: `{name}` holds elements of type {:?}, which cannot be read",
                        view.dtype()
                    ))
                })?;
                let what = format!("{what}, `{name}`");
                let array = Array::decode(&what, view.shape(), element, view.data(), false)?;
                Ok((name.to_string(), array))
            })
            .collect::<Result<Vec<_>>>()?;
        arrays.sort_by(|a, b| a.0.cmp(&b.0));
        let notes = header.metadata().clone().unwrap_or_default();
        Ok(Self { arrays, notes })
    }
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::I8 => Element::Int(1),
        Dtype::I16 => Element::Int(2),
        Dtype::I32 => Element::Int(4),
        Dtype::I64 => Element::Int(8),
        Dtype::U8 => Element::Unsigned(1),
        Dtype::U16 => Element::Unsigned(2),
        Dtype::U32 => Element::Unsigned(4),
        Dtype::U64 => Element::Unsigned(8),
        Dtype::F16 => Element::Float(2),
        Dtype::BF16 => Element::BFloat16,
        Dtype::F32 => Element::Float(4),
        Dtype::F64 => Element::Float(8),
        _ => return None,
    })
}
