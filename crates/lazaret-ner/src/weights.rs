//! `model.safetensors`: tensors by name. Each is taken with the shape that the configuration asks for or refused; memory
//! follows what the file holds, never what it claims.

use candle_core::{DType, Device, Tensor};
use lazaret_core::{Limits, chain};
use lazaret_phi::MAX_MODEL_HEADER;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use crate::error::ModelError;

pub(crate) const WEIGHTS: &str = "model.safetensors";

/// The tensors of a file.
pub(crate) struct Weights<'a> {
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header and checks that the tensors fill the file without gap or overlap.
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ModelError> {
        let length = bytes.first_chunk().map(|length| u64::from_le_bytes(*length));
        let length = length.ok_or_else(|| ModelError::malformed(WEIGHTS, "has no header"))?;
        let checked = limits.get(MAX_MODEL_HEADER).check(length);
        checked.map_err(|source| ModelError::Limit { file: WEIGHTS, what: "header", source })?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            let why = match &error {
                // It names any of the two tensors, now the one, now the other.
                SafeTensorError::InvalidOffset(_) => "its tensors overlap, or leave a gap".to_owned(),
                other => chain(other),
            };
            ModelError::malformed(WEIGHTS, format!("is not a safetensors file: {why}"))
        })?;
        Ok(Self { tensors })
    }

    /// A tensor of this shape, in single precision. Its values must be numbers.
    pub(crate) fn take(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let wrong = |why: String| ModelError::Tensor { name: name.to_owned(), why };
        let view = self.tensors.tensor(name).map_err(|_| wrong("is not there".to_owned()))?;
        if view.shape() != shape {
            let found = view.shape();
            return Err(wrong(format!("has shape {found:?}; by config.json it is {shape:?}")));
        }
        let kind = match view.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => return Err(wrong(format!("holds {other:?}; F32, F16 and BF16 are read"))),
        };
        let failed = |error: candle_core::Error| wrong(format!("could not be read: {error}"));
        let tensor = Tensor::from_raw_buffer(view.data(), kind, shape, &Device::Cpu).map_err(failed)?;
        let tensor = tensor.to_dtype(DType::F32).map_err(failed)?;
        // Nought times a number is nought, times anything else it is none.
        let sum = tensor.affine(0.0, 0.0).and_then(|noughts| noughts.sum_all());
        let sum = sum.and_then(|sum| sum.to_scalar::<f32>()).map_err(failed)?;
        if sum.is_finite() {
            Ok(tensor)
        } else {
            Err(wrong("holds a value that is no finite number".to_owned()))
        }
    }

    /// The first of these names that is there, or the first.
    pub(crate) fn named<'n>(&self, names: [&'n str; 2]) -> &'n str {
        let [first, second] = names;
        let there = |name: &str| self.tensors.tensor(name).is_ok();
        if !there(first) && there(second) { second } else { first }
    }

    /// A tensor of a layer beyond those of the configuration.
    pub(crate) fn beyond(&self, prefix: &str, layers: usize) -> Result<(), ModelError> {
        let number =
            |name: &str| -> Option<usize> { name.strip_prefix(prefix)?.split('.').next()?.parse().ok() };
        let names = self.tensors.iter().map(|(name, _)| name);
        // They come in no order; the error is the same each time.
        let beyond = names.filter(|name| number(name).is_some_and(|layer| layer >= layers)).min();
        let Some(name) = beyond else { return Ok(()) };
        let why = format!("is of a layer beyond the {layers} of config.json");
        Err(ModelError::Tensor { name: name.to_owned(), why })
    }
}
