//! MessagePack, as Flax and Orbax write parameters: walked to its end, arrays passed over.

use lazaret_core::{FormatId, Likeness, Limit};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;
use crate::stream::Stream;

/// How deep arrays and maps may nest.
pub(crate) const MAX_DEPTH: Limit = Limit::new("msgpack.max_depth", 256);
/// Most values.
pub(crate) const MAX_NODES: Limit = Limit::new("msgpack.max_nodes", 20_000_000);

/// The format.
pub(crate) struct Msgpack;

impl ModelFormat for Msgpack {
    fn id(&self) -> FormatId {
        FormatId("msgpack")
    }

    fn about(&self) -> &'static str {
        "MessagePack (Flax and Orbax parameters)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["msgpack"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        // A map whose first key is a text.
        let key = match head.bytes {
            [0x81..=0x8f, key @ ..] | [0xde, _, _, key @ ..] | [0xdf, _, _, _, _, key @ ..] => key,
            _ => &[],
        };
        let text = match key {
            [length @ 0xa1..=0xbf, text @ ..] => text.get(..usize::from(length & 0x1f)),
            [0xd9, length, text @ ..] => text.get(..usize::from(*length)),
            _ => None,
        };
        let is_map = text.is_some_and(|text| text.iter().all(u8::is_ascii_graphic));
        match (is_map, self.extensions().contains(&head.extension)) {
            (true, true) => Likeness::Certain,
            (true, false) => Likeness::Possible,
            (false, true) => Likeness::ByName,
            (false, false) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let (max_depth, max_nodes) = (looking.limits.get(MAX_DEPTH), looking.limits.get(MAX_NODES));
        let mut stream = part.stream(0);
        // How many values are to come on each level.
        let mut open = vec![1_u64];
        let mut nodes = 0_u64;
        while let Some(left) = open.last_mut() {
            let Some(less) = left.checked_sub(1) else {
                open.pop();
                continue;
            };
            *left = less;
            nodes = nodes.saturating_add(1);
            max_nodes.check(nodes)?;
            let at = stream.position();
            match value(&mut stream, part.len())? {
                Value::Plain | Value::Extension(1..=3 | -1, _) => {}
                Value::Extension(kind, length) => {
                    let says = format!("byte {at}: a value of the extension {kind}, which is none of Flax's");
                    looking.find(&rules::UNKNOWN_EXTENSION, part.at(at), says);
                    let end = stream.position();
                    looking.passed_over(part, end.saturating_sub(length), length);
                }
                Value::Container(count) => {
                    if count > part.len().saturating_sub(stream.position()) {
                        let says = format!("byte {at}: it claims {count} values, fewer bytes are left");
                        looking.find(&rules::CLAIMED_SIZE, part.at(at), says);
                        looking.not_whole();
                        return Ok(self.id());
                    }
                    open.push(count);
                    max_depth.check(open.len() as u64)?;
                }
            }
        }
        looking.tail(part, stream.position());
        Ok(self.id())
    }
}

enum Value {
    Plain,
    /// Its kind, and how many bytes it has.
    Extension(i8, u64),
    /// So many values follow.
    Container(u64),
}

fn value(stream: &mut Stream<'_>, len: u64) -> Result<Value, Unread> {
    let kind = u8::try_from(number(stream, 1, len)?).unwrap_or(0);
    let (plain, value) = match kind {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, Value::Plain),
        0x80..=0x8f => (0, Value::Container(u64::from(kind & 15) * 2)),
        0x90..=0x9f => (0, Value::Container(u64::from(kind & 15))),
        0xa0..=0xbf => (u64::from(kind & 31), Value::Plain),
        0xc4 | 0xd9 => (number(stream, 1, len)?, Value::Plain),
        0xc5 | 0xda => (number(stream, 2, len)?, Value::Plain),
        0xc6 | 0xdb => (number(stream, 4, len)?, Value::Plain),
        0xc7..=0xc9 => {
            let length = number(stream, 1 << (kind - 0xc7), len)?;
            (length, Value::Extension(extension(stream, len)?, length))
        }
        0xcc | 0xd0 => (1, Value::Plain),
        0xcd | 0xd1 => (2, Value::Plain),
        0xca | 0xce | 0xd2 => (4, Value::Plain),
        0xcb | 0xcf | 0xd3 => (8, Value::Plain),
        0xd4..=0xd8 => {
            let length = 1 << (kind - 0xd4);
            (length, Value::Extension(extension(stream, len)?, length))
        }
        0xdc => (0, Value::Container(number(stream, 2, len)?)),
        0xdd => (0, Value::Container(number(stream, 4, len)?)),
        0xde => (0, Value::Container(number(stream, 2, len)?.saturating_mul(2))),
        0xdf => (0, Value::Container(number(stream, 4, len)?.saturating_mul(2))),
        0xc1 => return Err(Unread::malformed(stream.position(), "a value of no type")),
    };
    let to = stream.position().saturating_add(plain);
    if to > len {
        return Err(Unread::cut_off(len));
    }
    stream.seek(to);
    Ok(value)
}

fn extension(stream: &mut Stream<'_>, len: u64) -> Result<i8, Unread> {
    let kind = number(stream, 1, len)?;
    Ok(u8::try_from(kind).unwrap_or(0).cast_signed())
}

fn number(stream: &mut Stream<'_>, width: usize, len: u64) -> Result<u64, Unread> {
    let bytes = stream.peek(width)?.get(..width);
    let value = bytes.map(|bytes| bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)));
    let value = value.ok_or_else(|| Unread::cut_off(len))?;
    stream.advance(width);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits, Severity};
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use crate::look::{Inspected, NoFolder, Report, look};

    fn said(bytes: &[u8]) -> Report {
        let source = MemorySource::new(bytes, Hint::default());
        look(Arc::new(source), bytes.len() as u64, "flax_model.msgpack", &NoFolder, &Limits::default())
    }

    #[test]
    fn a_value_of_a_foreign_extension_is_looked_at() {
        let call = b"cposix\nsystem\n(S'true'\ntR.";
        let length = u8::try_from(call.len()).unwrap();
        let report = said(&[b"\x81\xa1w\xc7", &[length, 42][..], call].concat());
        assert!(report.findings.iter().any(|finding| finding.id == "pickle.dangerous-call"));
    }

    #[test]
    fn parameters_are_walked_and_lies_are_told() {
        let report = said(b"\x82\xa1a\xc7\x03\x01abc\xa1b\x92\xcb\0\0\0\0\0\0\0\0\xc0");
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert_eq!((report.format.0, report.inspected), ("msgpack", Inspected::Whole));
        let extension = &said(b"\x81\xa1a\xd4\x09x").findings[0];
        assert_eq!((extension.id, extension.severity), ("msgpack.unknown-extension", Severity::Info));
        assert_eq!(said(b"\x81\xa1a\xdd\xff\xff\xff\xff").findings[0].id, "format.claimed-size");
        assert_eq!(said(b"\x81\xa1a\xc6\xff\xff\xff\xff").inspected, Inspected::Part);
    }

    proptest! {
        #[test]
        fn any_document_ends(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _report = said(&[b"\x81\xa1a".as_slice(), &body].concat());
        }
    }
}
