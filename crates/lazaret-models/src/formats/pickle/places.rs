//! Where the parts of a distributed checkpoint of PyTorch lie, as the pickle `.metadata` beside its files says.

use rustc_hash::FxHashMap;

use super::values::{Value, Values};
use crate::formats::beside;

/// The attribute by which a part names its file: that of `_StorageInfo`, and of whatever is made in its place.
pub(super) const FILE: &[u8] = b"relative_path";

/// The attribute that an index of a tensor has (`MetadataIndex`).
const INDEX: &[u8] = b"fqn";

/// What may be called while places are told: none of them makes a place in a way that is not seen here.
const CALLED: &[(&str, &str)] = &[
    ("builtins", "set"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "WindowsPath"),
    ("torch", "Size"),
    ("torch.serialization", "_get_layout"),
];

/// Places in one file.
#[derive(Debug)]
pub(crate) struct Places {
    /// The name of the file.
    file: String,
    most: usize,
    /// Where each part begins, and how long it is.
    pub(crate) list: Vec<(u64, u64)>,
    /// Some places cannot be told, or there are too many.
    pub(crate) is_partial: bool,
}

impl Places {
    pub(super) fn new(file: &str, most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { file: file.to_owned(), most, list: Vec::new(), is_partial: false }
    }

    /// Keys and values, in turn, of what becomes the attributes of an object.
    pub(super) fn note(&mut self, pairs: &[Value], values: &Values) {
        let mut named: FxHashMap<&[u8], Value> = FxHashMap::default();
        for [key, value] in pairs.as_chunks::<2>().0 {
            if let Some(key @ (FILE | INDEX | b"offset" | b"length")) = values.text_of(*key) {
                self.is_partial |= named.insert(key, *value).is_some();
            }
        }
        let Some(path) = named.get(FILE) else {
            // An index of a tensor has an offset too, of one number for each dimension. Any other may change a place.
            let offset = named.get(&b"offset"[..]);
            let of_index = named.contains_key(INDEX);
            let is_number = offset.is_some_and(|offset| values.number_of(*offset).is_some());
            self.is_partial |=
                named.contains_key(&b"length"[..]) || is_number || offset.is_some() && !of_index;
            return;
        };
        let Some(path) = values.str_of(*path) else {
            self.is_partial = true;
            return;
        };
        if beside::plain(path) != self.file {
            return;
        }
        let number = |key: &[u8]| {
            let value = *named.get(key)?;
            u64::try_from(values.number_of(value)?).ok()
        };
        match number(b"offset").zip(number(b"length")) {
            Some(place) if self.list.len() < self.most => self.list.push(place),
            _ => self.is_partial = true,
        }
    }

    /// A function or class was called. One that is not known may make a place too.
    pub(super) fn called(&mut self, module: &str, name: &str) {
        let of_checkpoints = module.starts_with("torch.distributed.checkpoint.");
        self.is_partial |= !of_checkpoints && !CALLED.contains(&(module, name));
    }
}
