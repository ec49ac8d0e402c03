//! Arrays of numpy (`.npy`, versions 1 to 3): a header of Python literals, then the data; of objects, a pickle.

use std::sync::Arc;

use lazaret_core::{FormatId, Likeness, Limit};

use super::python::literal::{self, Literal};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Kind, Tensor, Tensors};

/// Most bytes of a header. The library itself reads 10,000 unless told otherwise.
pub(crate) const MAX_HEADER: Limit = Limit::new("numpy.max_header", 1 << 20);

/// Most dimensions of an array: numpy itself has 64 from version 2 on, and had 32.
const MOST_DIMENSIONS: usize = 64;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The format.
pub(crate) struct Numpy;

impl ModelFormat for Numpy {
    fn id(&self) -> FormatId {
        FormatId("numpy")
    }

    fn about(&self) -> &'static str {
        "NumPy array"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["npy"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(MAGIC) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let [.., major, _minor] = part.array::<8>(0)?;
        let (begin, len) = match major {
            1 => (10, u64::from(u16::from_le_bytes(part.array(8)?))),
            2 | 3 => (12, u64::from(u32::from_le_bytes(part.array(8)?))),
            _ => return Err(Unread::malformed(6, "a version of the format that is not known")),
        };
        looking.limits.get(MAX_HEADER).check(len)?;
        let header = part.bytes(begin, usize::try_from(len).unwrap_or(usize::MAX))?;
        looking.hidden(part, begin, len, "its header");
        // Versions 1 and 2 are Latin-1.
        let text = match String::from_utf8(header) {
            Ok(text) => text,
            Err(error) => error.into_bytes().iter().map(|byte| char::from(*byte)).collect(),
        };
        let data = begin.saturating_add(len);
        let Ok(header) = literal::read(&text) else {
            let message = "the header is no literal of Python: readers that evaluate it run what it says";
            looking.find(&rules::NUMPY_HEADER_CODE, part.at(begin), message);
            looking.not_whole();
            return Ok(self.id());
        };
        let Some(array) = Array::of(&header) else {
            return Err(Unread::malformed(begin, "its header does not describe an array"));
        };
        let there = part.len().saturating_sub(data);
        if let Some(why) = array.cannot_be() {
            looking.find(&rules::NUMPY_SIZE_MISMATCH, part.at(begin), why);
        }
        if array.objects {
            let message = "an array of Python objects: its data are a pickle, read as one";
            looking.find(&rules::NUMPY_OBJECT_ARRAY, part.at(data), message);
            looking.inside(&part.rest(data, there));
            return Ok(self.id());
        }
        let wanted = array.count.and_then(|count| count.checked_mul(array.item));
        match wanted {
            Some(wanted) if wanted <= there => {
                looking.tail(part, data.saturating_add(wanted));
                hand_over(array, data, wanted, part, looking);
            }
            Some(wanted) => {
                let message = format!("the header says {wanted} bytes of data; {there} are there");
                looking.find(&rules::NUMPY_SIZE_MISMATCH, part.at(begin), message);
            }
            None => {} // told above
        }
        Ok(self.id())
    }
}

/// Hands the array over as a tensor without a name. Arrays in the order of Fortran have their dimensions turned round.
fn hand_over(array: Array, from: u64, len: u64, part: &Part, looking: &mut Looking<'_>) {
    let mut tensors = Tensors::new(looking);
    let data = Some(Data { part: Arc::new(part.clone()), from, len });
    tensors.push(Tensor { name: String::new(), kind: array.kind, shape: array.shape, data });
    weights::judge(&tensors, part, looking);
}

/// The type of the numbers of an array, where they are read.
fn kind_of(descr: &Literal) -> Kind {
    let Literal::Text(code) = descr else { return Kind::Unknown };
    match code.as_str() {
        "<f8" => Kind::F64,
        "<f4" => Kind::F32,
        "<f2" => Kind::F16,
        "<i8" => Kind::Int(8),
        "<i4" => Kind::Int(4),
        "<i2" => Kind::Int(2),
        "|i1" | "<i1" => Kind::Int(1),
        "<u8" => Kind::Uint(8),
        "<u4" => Kind::Uint(4),
        "<u2" => Kind::Uint(2),
        "|u1" | "<u1" => Kind::Uint(1),
        "|b1" => Kind::Bool,
        _ => Kind::Unknown,
    }
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Array {
    /// Items; none where the product is beyond counting.
    count: Option<u64>,
    /// Bytes an item.
    item: u64,
    objects: bool,
    kind: Kind,
    /// Its dimensions in the order in which they lie.
    shape: Vec<u64>,
}

impl Array {
    fn of(header: &Literal) -> Option<Self> {
        let Literal::Dict(pairs) = header else { return None };
        let get = |name: &str| {
            let mut found = pairs.iter().filter(|(key, _)| matches!(key, Literal::Text(key) if key == name));
            found.next_back().map(|(_, value)| value)
        };
        let descr = get("descr")?;
        let (item, objects) = item_size(descr)?;
        let Literal::Tuple(shape) = get("shape")? else { return None };
        let (mut count, mut lengths) = (Some(1_u64), Vec::new());
        for length in shape {
            let Literal::Int(length) = length else { return None };
            let length = u64::try_from(*length).ok()?;
            count = count.and_then(|count| count.checked_mul(length));
            lengths.push(length);
        }
        if shape.contains(&Literal::Int(0)) {
            count = Some(0);
        }
        let Literal::Bool(is_fortran) = get("fortran_order")? else { return None };
        if *is_fortran {
            lengths.reverse();
        }
        Some(Self { count, item, objects, kind: kind_of(descr), shape: lengths })
    }

    /// What numpy cannot make, or other readers stumble over, however few bytes follow. An empty dimension makes no array
    /// possible whose others multiply beyond any memory, and items of no bytes none that is endless.
    fn cannot_be(&self) -> Option<String> {
        if self.shape.len() > MOST_DIMENSIONS {
            let count = self.shape.len();
            return Some(format!(
                "the header says {count} dimensions: no array has more than {MOST_DIMENSIONS}"
            ));
        }
        let largest = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        let items = self.shape.iter().filter(|length| **length > 0);
        let product =
            items.clone().try_fold(self.item.max(1), |product, length| product.checked_mul(*length));
        if product.is_none_or(|product| product > largest) {
            return Some("the header says dimensions whose product is more than any memory has".to_owned());
        }
        let numbers = items.fold(1_u64, |product, length| product.saturating_mul(*length));
        (self.item == 0 && self.count != Some(0) && numbers > MOST_EMPTY).then(|| {
            format!("the header says {numbers} items of no bytes: a reader that goes over them never ends")
        })
    }
}

/// Most items of no bytes that an array has in good faith.
const MOST_EMPTY: u64 = 1_000_000;

/// How many bytes an item has, and whether it holds objects. Types may hold types: `[('a', '<f4', (3,)), …]`.
fn item_size(descr: &Literal) -> Option<(u64, bool)> {
    let mut open = vec![(descr, 1_u64)];
    let (mut size, mut objects) = (0_u64, false);
    while let Some((descr, times)) = open.pop() {
        match descr {
            Literal::Text(code) => {
                let (bytes, object) = scalar(code)?;
                size = size.checked_add(bytes.checked_mul(times)?)?;
                objects |= object;
            }
            Literal::List(fields) => {
                for field in fields {
                    let Literal::Tuple(field) = field else { return None };
                    let [_, descr, shape @ ..] = field.as_slice() else { return None };
                    open.push((descr, times.checked_mul(repeats(shape.first())?)?));
                }
            }
            // A type with a shape.
            Literal::Tuple(pair) => match pair.as_slice() {
                [descr, shape] => open.push((descr, times.checked_mul(repeats(Some(shape))?)?)),
                _ => return None,
            },
            _ => return None,
        }
    }
    Some((size, objects))
}

/// How often the shape of a field repeats its type.
fn repeats(shape: Option<&Literal>) -> Option<u64> {
    let length = |length: &Literal| match length {
        Literal::Int(length) => u64::try_from(*length).ok(),
        _ => None,
    };
    match shape {
        None => Some(1),
        Some(Literal::Tuple(lengths)) => {
            lengths.iter().try_fold(1_u64, |product, one| product.checked_mul(length(one)?))
        }
        Some(one) => length(one),
    }
}

/// `<f8`, `|S5`, `<U3`, `<M8[ns]`, `|O`.
fn scalar(code: &str) -> Option<(u64, bool)> {
    let code = code.trim_start_matches(['<', '>', '|', '=']);
    let mut rest = code.chars();
    let kind = rest.next()?;
    let digits = rest.as_str().split('[').next().unwrap_or_default();
    let number: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    match kind {
        'O' => Some((8, true)),
        'b' | 'i' | 'u' | 'f' | 'c' | 'M' | 'm' | 'V' | 'S' | 'a' | 'T' => Some((number, false)),
        'U' => Some((number.checked_mul(4)?, false)),
        '?' | 'B' => Some((1, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
