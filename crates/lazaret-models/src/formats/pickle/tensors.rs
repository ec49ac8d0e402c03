//! Tensors of PyTorch as its pickles rebuild them: which storage, where in it, how many, in which steps.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::values::{Value, Values};
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;
use crate::weights::{Data, Kind, Tensor, Tensors};

/// Most storages, and most tensors, of a pickle that are kept.
const MOST: usize = 100_000;
/// Most findings for one pickle; what follows is the same again.
const MOST_TOLD: usize = 20;

/// A storage that a persistent id names.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// The name of its member or its key in the file.
    pub(crate) key: String,
    kind: Kind,
    /// Bytes of an element.
    pub(super) width: u64,
    /// Elements, where that is known.
    count: Option<u64>,
}

/// A tensor that a call rebuilds.
#[derive(Debug)]
struct Rebuilt {
    storage: usize,
    kind: Kind,
    offset: Option<u64>,
    shape: Vec<u64>,
    strides: Vec<u64>,
    name: String,
}

/// What a pickle says of tensors.
#[derive(Debug, Default)]
pub(crate) struct Torch {
    pub(crate) storages: Vec<Storage>,
    tensors: Vec<Rebuilt>,
    /// A persistent id was no storage, or there were too many: not all is known.
    pub(crate) is_partial: bool,
}

impl Torch {
    /// The value that stands for a persistent id: 0 for what is no storage.
    pub(super) fn persistent(&mut self, id: Value, values: &Values) -> Value {
        if let Some(class) = class_with_source(id, values) {
            return class;
        }
        match storage(id, values) {
            Some(storage) if self.storages.len() < MOST => {
                self.storages.push(storage);
                Value::Persistent(u32::try_from(self.storages.len()).unwrap_or(0))
            }
            _ => {
                self.is_partial = true;
                Value::Persistent(0)
            }
        }
    }

    /// What a call gives, if it rebuilds a tensor.
    pub(super) fn rebuilt(&mut self, callee: Value, arguments: Value, values: &Values) -> Option<Value> {
        let given = &values.held_of(arguments)?.first;
        let first = *given.first()?;
        if !matches!(first, Value::Persistent(1..) | Value::Tensor(_)) {
            return None;
        }
        let name = values.name_of(callee).filter(|name| &*name.module == "torch._utils")?;
        match (first, &*name.name) {
            // A parameter is its tensor.
            (Value::Tensor(_), "_rebuild_parameter" | "_rebuild_parameter_with_state") => Some(first),
            (
                Value::Persistent(number),
                "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3" | "_rebuild_qtensor",
            ) => {
                let [_, offset, shape, strides, others @ ..] = given.as_slice() else { return None };
                if self.tensors.len() >= MOST {
                    self.is_partial = true;
                    return None;
                }
                let storage = usize::try_from(number).ok()?.checked_sub(1)?;
                let own = if &*name.name == "_rebuild_tensor_v3" {
                    others.get(2).and_then(|kind| dtype(*kind, values))
                } else {
                    None
                };
                let kind = own.or_else(|| self.storages.get(storage).map(|storage| storage.kind))?;
                self.tensors.push(Rebuilt {
                    storage,
                    kind,
                    offset: number_of(*offset),
                    shape: numbers_of(*shape, values)?,
                    strides: numbers_of(*strides, values)?,
                    name: String::new(),
                });
                u32::try_from(self.tensors.len()).ok()?.checked_sub(1).map(Value::Tensor)
            }
            _ => None,
        }
    }

    /// Keys and values, in turn, of a dict: tensors among them are named by their keys.
    pub(super) fn name(&mut self, pairs: &[Value], values: &Values) {
        for [key, value] in pairs.as_chunks::<2>().0 {
            if let (Value::Tensor(number), Some(key)) = (value, values.str_of(*key))
                && let Some(tensor) =
                    self.tensors.get_mut(*number as usize).filter(|tensor| tensor.name.is_empty())
            {
                key.clone_into(&mut tensor.name);
            }
        }
    }

    /// Hands tensors over, each with its bytes as `find` gives those of its storage (none for bytes that cannot be read in
    /// place), and tells those that reach beyond them.
    pub(crate) fn hand_over(
        self,
        find: &mut dyn FnMut(&str) -> Option<Data>,
        part: &Part,
        looking: &mut Looking<'_>,
    ) -> Tensors {
        let mut tensors = Tensors::new(looking);
        let mut told = 0_usize;
        let found: FxHashMap<usize, Option<Data>> =
            self.storages.iter().enumerate().map(|(number, storage)| (number, find(&storage.key))).collect();
        for tensor in self.tensors {
            let Some(storage) = self.storages.get(tensor.storage) else { continue };
            let data = found.get(&tensor.storage).cloned().flatten();
            let placed = tensor.place(storage, data);
            if let Err(why) = &placed
                && told < MOST_TOLD
            {
                told = told.saturating_add(1);
                let message = format!("tensor `{}`: {why}", printed(&tensor.name));
                looking.find(&rules::WEIGHTS_SHAPE, part.place(), message);
            }
            let (shape, data) = placed.unwrap_or_default();
            tensors.push(Tensor { name: tensor.name, kind: tensor.kind, shape, data });
        }
        tensors
    }
}

impl Rebuilt {
    /// Its shape, and its bytes where they lie in one piece in this order; or why it reaches beyond its storage.
    fn place(&self, storage: &Storage, data: Option<Data>) -> Result<(Vec<u64>, Option<Data>), String> {
        let beyond = || "its sizes are beyond any file".to_owned();
        let Some(width) = self.kind.bytes(1).filter(|width| *width > 0) else {
            return Ok((self.shape.clone(), None));
        };
        let count = self
            .shape
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))
            .ok_or_else(beyond)?;
        let Some(offset) = self.offset else { return Ok((self.shape.clone(), None)) };
        if count == 0 || self.strides.len() != self.shape.len() {
            return Ok((self.shape.clone(), None));
        }
        let steps = self.shape.iter().zip(&self.strides);
        let last = steps.clone().try_fold(0_u64, |sum, (length, stride)| {
            sum.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
        });
        let last = last.ok_or_else(beyond)?;
        let elements = offset.checked_add(last).and_then(|last| last.checked_add(1)).ok_or_else(beyond)?;
        let bytes = elements.checked_mul(width).ok_or_else(beyond)?;
        let stored = storage.count.and_then(|count| count.checked_mul(storage.width));
        if let Some(stored) = stored.filter(|stored| *stored < bytes) {
            return Err(format!("it reaches to byte {bytes} of a storage of {stored}"));
        }
        let Some(data) = data else { return Ok((self.shape.clone(), None)) };
        if bytes > data.len {
            return Err(format!(
                "it reaches to byte {bytes} of a storage that has {} bytes in the file",
                data.len
            ));
        }
        let mut expected = Some(1_u64);
        let mut in_order = true;
        for (length, stride) in steps.rev() {
            in_order &= *length == 1 || Some(*stride) == expected;
            expected = expected.and_then(|step| step.checked_mul(*length));
        }
        let in_one_piece = last.saturating_add(1) == count;
        let shape = if in_order { self.shape.clone() } else { vec![count] };
        let from = data.from.saturating_add(offset.saturating_mul(width));
        let own = Data { part: Arc::clone(&data.part), from, len: count.saturating_mul(width) };
        Ok((shape, Some(own).filter(|_| in_order || in_one_piece)))
    }
}

/// The class that a persistent id of torch before zip stands for, kept with its source: `('module', Class, file, source)`.
fn class_with_source(id: Value, values: &Values) -> Option<Value> {
    match values.held_of(id)?.first.as_slice() {
        [kind, class @ Value::Global(_), ..] if values.text_of(*kind) == Some(b"module") => Some(*class),
        _ => None,
    }
}

/// The storage that a persistent id of torch names: `('storage', Class, key, location, count)`.
fn storage(id: Value, values: &Values) -> Option<Storage> {
    let held = values.held_of(id)?;
    let [kind, class, key, others @ ..] = held.first.as_slice() else { return None };
    if values.text_of(*kind) != Some(b"storage") {
        return None;
    }
    let class = values.name_of(*class)?;
    let (kind, width) = match &*class.name {
        "DoubleStorage" => (Kind::F64, 8),
        "FloatStorage" => (Kind::F32, 4),
        "HalfStorage" => (Kind::F16, 2),
        "BFloat16Storage" => (Kind::Bf16, 2),
        "LongStorage" => (Kind::Int(8), 8),
        "IntStorage" => (Kind::Int(4), 4),
        "ShortStorage" => (Kind::Int(2), 2),
        "CharStorage" => (Kind::Int(1), 1),
        "BoolStorage" => (Kind::Bool, 1),
        "ComplexFloatStorage" => (Kind::Bits(64), 8),
        "ComplexDoubleStorage" => (Kind::Bits(128), 16),
        "QInt32Storage" => (Kind::Bits(32), 4),
        _ => (Kind::Uint(1), 1),
    };
    let count = others.get(1).and_then(|count| number_of(*count));
    Some(Storage { key: values.str_of(*key)?.to_owned(), kind, width, count })
}

fn dtype(value: Value, values: &Values) -> Option<Kind> {
    Some(match &*values.name_of(value)?.name {
        "float64" => Kind::F64,
        "float32" => Kind::F32,
        "float16" => Kind::F16,
        "bfloat16" => Kind::Bf16,
        "float8_e4m3fn" => Kind::F8E4m3,
        "float8_e5m2" => Kind::F8E5m2,
        "uint16" => Kind::Uint(2),
        "uint32" => Kind::Uint(4),
        "uint64" => Kind::Uint(8),
        _ => return None,
    })
}

fn number_of(value: Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    }
}

/// The numbers of a tuple, where all of them are known.
fn numbers_of(value: Value, values: &Values) -> Option<Vec<u64>> {
    match value {
        Value::Empty => Some(Vec::new()),
        _ => values.held_of(value)?.first.iter().map(|number| number_of(*number)).collect(),
    }
}
