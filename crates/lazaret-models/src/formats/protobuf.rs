//! Protocol buffers, field by field and without a schema: what is delimited by a length is skipped, not read.
//!
//! ONNX, TensorFlow, Core ML and Paddle lie on it. A message is a [`Span`] that gives its fields one by one; callers
//! keep spans on a stack of their own under [`MAX_DEPTH`]. [`Shape`] tells what a message is where no magic number
//! does: by the numbers and kinds of its first fields, and those of the messages within them.

use lazaret_core::{Limit, Limits};

use crate::part::{Part, Unread};

/// How deep messages may nest: subgraphs in subgraphs take four levels each.
pub(crate) const MAX_DEPTH: Limit = Limit::new("protobuf.max_depth", 256);
/// Most fields of one file that are read.
pub(crate) const MAX_FIELDS: Limit = Limit::new("protobuf.max_fields", 20_000_000);

/// How many bytes are read at once.
const WINDOW: usize = 32 << 10;
/// The longest varint.
const MAX_VARINT: usize = 10;
/// How many fields of a message tell its shape.
const SHAPE_FIELDS: usize = 24;
/// How many messages within messages tell the shape of the outermost.
const SHAPE_STEPS: usize = 512;

/// How many fields of unknown numbers a message and those within it may have and still be of a shape.
const SHAPE_UNKNOWN: usize = 4;

/// A message that is left to read: from here to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The offset of the next field.
    pub(crate) at: u64,
    /// The offset of the end.
    pub(crate) end: u64,
}

impl Span {
    /// How many bytes are left.
    pub(crate) const fn len(self) -> u64 {
        self.end.saturating_sub(self.at)
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number of any length.
    Varint(u64),
    /// Eight bytes.
    Fixed64,
    /// Four bytes.
    Fixed32,
    /// A message, a text or bytes: where they lie.
    Delimited(Span),
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its number.
    pub(crate) number: u32,
    /// Where its tag stands.
    pub(crate) at: u64,
    /// What it holds.
    pub(crate) value: Value,
}

impl Field {
    /// The message, text or bytes in it, if it holds such.
    pub(crate) const fn span(&self) -> Option<Span> {
        match self.value {
            Value::Delimited(span) => Some(span),
            _ => None,
        }
    }

    /// The number in it, if it holds one.
    pub(crate) const fn varint(&self) -> Option<u64> {
        match self.value {
            Value::Varint(number) => Some(number),
            _ => None,
        }
    }
}

/// Reads the fields of a part through a small window.
pub(crate) struct Fields<'p> {
    part: &'p Part,
    window: Vec<u8>,
    begin: u64,
    seen: u64,
    most: Limit,
    max_depth: Limit,
}

impl<'p> Fields<'p> {
    pub(crate) fn new(part: &'p Part, limits: &Limits) -> Self {
        Self {
            part,
            window: Vec::new(),
            begin: 0,
            seen: 0,
            most: limits.get(MAX_FIELDS),
            max_depth: limits.get(MAX_DEPTH),
        }
    }

    /// The outermost message.
    pub(crate) const fn root(&self) -> Span {
        Span { at: 0, end: self.part.len() }
    }

    /// Whether messages may lie so deep in each other.
    pub(crate) fn check_depth(&self, depth: usize) -> Result<(), Unread> {
        Ok(self.max_depth.check(depth as u64)?)
    }

    /// The next field of a message; none at its end.
    pub(crate) fn next(&mut self, span: &mut Span) -> Result<Option<Field>, Unread> {
        if span.at >= span.end {
            return Ok(None);
        }
        self.seen = self.seen.saturating_add(1);
        self.most.check(self.seen)?;
        let at = span.at;
        let mut place = at;
        let tag = self.varint(&mut place, span.end)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=0x1fff_ffff).contains(number));
        let number = number.ok_or_else(|| Unread::malformed(at, "a field without a valid number"))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(&mut place, span.end)?),
            1 => {
                place = place.saturating_add(8);
                Value::Fixed64
            }
            2 => {
                let len = self.varint(&mut place, span.end)?;
                let from = place;
                place = place.saturating_add(len);
                Value::Delimited(Span { at: from, end: place })
            }
            5 => {
                place = place.saturating_add(4);
                Value::Fixed32
            }
            3 | 4 => return Err(Unread::malformed(at, "a group, which no model format has")),
            _ => return Err(Unread::malformed(at, "a field of no known kind")),
        };
        if place > span.end {
            return Err(Unread::malformed(at, "a field longer than the message that it stands in"));
        }
        span.at = place;
        Ok(Some(Field { number, at, value }))
    }

    /// The first bytes of a field, at most so many.
    pub(crate) fn bytes(&mut self, span: Span, most: usize) -> Result<&[u8], Unread> {
        let count = usize::try_from(span.len()).unwrap_or(usize::MAX).min(most);
        let bytes = self.peek(span.at, count)?;
        Ok(bytes.get(..count).unwrap_or(bytes))
    }

    /// A field as text, at most so many bytes of it; what is no UTF-8 is replaced.
    pub(crate) fn text(&mut self, span: Span, most: usize) -> Result<String, Unread> {
        Ok(String::from_utf8_lossy(self.bytes(span, most)?).into_owned())
    }

    fn varint(&mut self, place: &mut u64, end: u64) -> Result<u64, Unread> {
        let at = *place;
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let bytes = self.peek(at, MAX_VARINT.min(left))?;
        let mut number = 0_u64;
        for (index, byte) in bytes.iter().take(MAX_VARINT.min(left)).enumerate() {
            let shift = u32::try_from(index).unwrap_or(0).saturating_mul(7);
            let bits = u64::from(byte & 0x7f);
            if index == MAX_VARINT - 1 && *byte > 1 {
                return Err(Unread::malformed(at, "a number of more than 64 bits"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                *place = at.saturating_add(index as u64).saturating_add(1);
                return Ok(number);
            }
        }
        Err(Unread::malformed(at, "a number that does not end"))
    }

    /// The bytes from an offset on: at least so many, unless the part ends before.
    fn peek(&mut self, at: u64, least: usize) -> Result<&[u8], Unread> {
        let within = usize::try_from(at.wrapping_sub(self.begin)).unwrap_or(usize::MAX);
        let have = self.window.len().saturating_sub(within);
        if at < self.begin || have < least {
            self.window.resize(WINDOW.max(least), 0);
            let read = self.part.read_at(at, &mut self.window)?;
            self.window.truncate(read);
            self.begin = at;
            return Ok(&self.window);
        }
        Ok(self.window.get(within..).unwrap_or_default())
    }
}

/// What a field of a [`Shape`] holds.
#[derive(Clone, Copy)]
pub(crate) enum Is {
    /// A number.
    Number,
    /// A number of four bytes.
    Fixed32,
    /// Text: UTF-8 without control characters in its first bytes.
    Text,
    /// Bytes or a message that is not looked into.
    Bytes,
    /// A message of this shape.
    Message(&'static Shape),
}

/// The fields that a message may have, and those of which it must have one.
pub(crate) struct Shape {
    /// Number and kind of all fields.
    pub(crate) fields: &'static [(u32, Is)],
    /// One of these stands in it; any if there are none.
    pub(crate) one_of: &'static [u32],
}

impl Shape {
    /// Whether a message of this shape may have a field of a number.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.fields.iter().any(|(known, _)| *known == number)
    }

    /// Whether the first fields of a part are of this shape, and one that it must have is among them. A fault after a few
    /// good fields does not speak against it: a broken model is one all the same. Nor do a few fields of unknown numbers:
    /// loaders pass over them.
    pub(crate) fn fits(&'static self, part: &Part, limits: &Limits) -> bool {
        let mut fields = Fields::new(part, limits);
        let root = fields.root();
        let mut seen = Seen { messages: 0, unknown: 0 };
        self.fits_within(&mut fields, root, &mut seen, 0)
    }

    fn fits_within(&self, fields: &mut Fields<'_>, mut span: Span, seen: &mut Seen, depth: u64) -> bool {
        let outermost = depth == 0;
        let mut has_one = self.one_of.is_empty();
        let mut good = 0;
        while good < SHAPE_FIELDS {
            seen.messages = seen.messages.saturating_add(1);
            if seen.messages > SHAPE_STEPS || depth > 8 {
                return has_one;
            }
            let field = match fields.next(&mut span) {
                Ok(Some(field)) => field,
                Ok(None) => return has_one,
                Err(_) => return outermost && has_one && good > 1,
            };
            let Some((_, is)) = self.fields.iter().find(|(number, _)| *number == field.number) else {
                seen.unknown = seen.unknown.saturating_add(1);
                if seen.unknown > SHAPE_UNKNOWN {
                    return outermost && has_one && good > 1;
                }
                continue;
            };
            let fits = match (is, field.value) {
                (Is::Fixed32, Value::Fixed32)
                | (Is::Number, Value::Varint(_))
                | (Is::Bytes, Value::Delimited(_)) => true,
                // Numbers in a row may be packed.
                (Is::Number, Value::Delimited(_)) => !outermost,
                (Is::Text, Value::Delimited(span)) => {
                    fields.bytes(span, 64).is_ok_and(|bytes| looks_like_text(bytes, span.len()))
                }
                (Is::Message(shape), Value::Delimited(span)) => {
                    shape.fits_within(fields, span, seen, depth.saturating_add(1))
                }
                _ => false,
            };
            if !fits {
                return outermost && has_one && good > 1;
            }
            // An empty message says nothing.
            let says = field.span().is_none_or(|span| span.len() > 0);
            has_one |= says && self.one_of.contains(&field.number);
            good = good.saturating_add(1);
        }
        has_one
    }
}

/// Whether the first byte of a part can begin a message: a tag with a kind that models have, or the first of a longer
/// one. Most other files are told apart by it.
pub(crate) fn begins_message(head: &[u8]) -> bool {
    head.first().is_some_and(|tag| *tag >= 8 && matches!(tag & 7, 0 | 1 | 2 | 5))
}

/// What was seen while a shape was told.
struct Seen {
    messages: usize,
    unknown: usize,
}

/// Whether the first bytes of something so long are text.
fn looks_like_text(bytes: &[u8], len: u64) -> bool {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character may be cut off at the end of what was read.
        Err(error) if error.error_len().is_none() && len > bytes.len() as u64 => {
            std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    valid.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use lazaret_core::Hint;
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use super::*;
    use crate::look::{NoFolder, Report, look};

    pub(crate) fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                bytes.push(byte);
                return bytes;
            }
            bytes.push(byte | 0x80);
        }
    }

    /// A field with a number.
    pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    /// A field with bytes, a text or a message.
    pub(crate) fn field(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
        let value = value.as_ref();
        [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
    }

    /// Looks at bytes under a name, with nothing beside them.
    pub(crate) fn scan(bytes: impl Into<Vec<u8>>, name: &str) -> Report {
        let bytes = bytes.into();
        let len = bytes.len() as u64;
        look(Arc::new(MemorySource::new(bytes, Hint::default())), len, name, &NoFolder, &Limits::default())
    }

    /// The findings as `id at`, without those that are only told.
    pub(crate) fn told(report: &Report) -> Vec<String> {
        let grave = report.findings.iter().filter(|finding| finding.severity > lazaret_core::Severity::Info);
        grave.map(|finding| format!("{} {}", finding.id, finding.at)).collect()
    }

    fn part(bytes: Vec<u8>) -> Part {
        let len = bytes.len() as u64;
        Part::file(Arc::new(MemorySource::new(bytes, Hint::default())), len, "m")
    }

    fn all(bytes: Vec<u8>) -> Result<Vec<(u32, Value)>, Unread> {
        let (part, limits) = (part(bytes), Limits::default());
        let mut fields = Fields::new(&part, &limits);
        let mut span = fields.root();
        let mut read = Vec::new();
        while let Some(field) = fields.next(&mut span)? {
            read.push((field.number, field.value));
        }
        Ok(read)
    }

    #[test]
    fn fields_are_read_without_what_is_in_them() {
        let bytes = [number(1, 300), field(2, "abc"), vec![0x1d, 1, 2, 3, 4]].concat();
        let read = all(bytes).unwrap();
        assert_eq!(read[0], (1, Value::Varint(300)));
        assert_eq!(read[1], (2, Value::Delimited(Span { at: 5, end: 8 })));
        assert_eq!(read[2], (3, Value::Fixed32));
        assert_eq!(all(number(1, u64::MAX)).unwrap(), [(1, Value::Varint(u64::MAX))]);
    }

    #[test]
    fn what_is_no_field_is_a_fault_with_its_place() {
        for (bytes, at) in [
            (vec![0xff; 12], 0),
            (vec![0x00], 0),
            (vec![0x0b], 0),
            (vec![0x0a, 5, 1], 0),
            (vec![0x08, 1, 0x0f], 2),
            (vec![0x08, 0x80], 1),
            (vec![0x09, 1], 0),
        ] {
            assert_eq!(all(bytes.clone()).unwrap_err().at, Some(at), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = all(bytes);
        }

        /// What no longer looks like a model is read by its name.
        #[test]
        fn any_bytes_under_the_name_of_a_model_end(bytes in proptest::collection::vec(0_u8..0x80, 0..200)) {
            for name in ["m.onnx", "saved_model.pb", "keras_metadata.pb", "m.mlmodel", "m.pdmodel", "saved_model.pbtxt"] {
                scan(bytes.clone(), name);
            }
        }
    }
}
