//! GGUF: key-values, tensor infos, tensors. Versions 1 to 3 in both byte orders.
//!
//! Every count and length is held against what is left of the file before anything is done with it. Values are walked,
//! not kept; templates among them are judged. Tensors are handed over to `weights`.

mod tensors;
mod values;

use lazaret_core::{FormatId, Likeness, Limit, LimitExceeded};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;
use crate::stream::Stream;
use crate::weights::{self, Tensors};

/// Most key-values, and most tensors.
pub(crate) const MAX_ENTRIES: Limit = Limit::new("gguf.max_entries", 1_000_000);
/// Most texts in all arrays of a file: vocabularies and merges.
pub(crate) const MAX_STRINGS: Limit = Limit::new("gguf.max_strings", 10_000_000);
/// How deep arrays may nest; loaders know none in another.
pub(crate) const MAX_NESTING: Limit = Limit::new("gguf.max_nesting", 4);

/// Tensors begin at multiples of this where nothing else is said.
const ALIGNMENT: u64 = 32;

/// The format.
pub(crate) struct Gguf;

impl ModelFormat for Gguf {
    fn id(&self) -> FormatId {
        FormatId("gguf")
    }

    fn about(&self) -> &'static str {
        "GGUF: key-values and quantised tensors"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["gguf"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match (head.bytes.starts_with(b"GGUF"), head.extension) {
            (true, _) => Likeness::Certain,
            (false, "gguf") => Likeness::ByName,
            (false, _) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut reader = Reader::new(part, looking)?;
        let (tensors, values) = (reader.count("tensors", 24)?, reader.count("key-values", 12)?);
        let alignment = values::read(&mut reader, values, looking)?;
        let mut read = Tensors::new(looking);
        let end = tensors::read(&mut reader, tensors, alignment, looking, &mut read)?;
        looking.tail(part, end);
        weights::judge(&read, part, looking);
        Ok(self.id())
    }
}

/// A refusal by the rule of this format's header.
fn refused(at: u64, why: impl Into<String>) -> Unread {
    Unread { rule: &rules::GGUF_HEADER.rule, at: Some(at), why: why.into() }
}

/// Reads numbers as the version and byte order of the file have them.
struct Reader<'p> {
    part: &'p Part,
    stream: Stream<'p>,
    big_endian: bool,
    /// Version 1 has counts and lengths of four bytes.
    version: u32,
    max_entries: Limit,
}

impl<'p> Reader<'p> {
    fn new(part: &'p Part, looking: &mut Looking<'_>) -> Result<Self, Unread> {
        let [magic, version] = [part.array::<4>(0)?, part.array::<4>(4)?];
        if &magic != b"GGUF" {
            return Err(Unread::malformed(0, "it does not begin with `GGUF`"));
        }
        let (little, big) = (u32::from_le_bytes(version), u32::from_be_bytes(version));
        let known = 1..=3;
        let big_endian = !known.contains(&little) && known.contains(&big);
        let version = if big_endian { big } else { little };
        if !known.contains(&version) {
            return Err(refused(4, format!("version {version} is unknown")));
        }
        if big_endian {
            let message =
                "its numbers are big-endian: loaders on usual machines refuse it, or read other numbers";
            looking.find(&rules::GGUF_BYTE_ORDER, part.at(4), message);
        }
        let max_entries = looking.limits.get(MAX_ENTRIES);
        Ok(Self { part, stream: part.stream(8), big_endian, version, max_entries })
    }

    fn position(&self) -> u64 {
        self.stream.position()
    }

    fn left(&self) -> u64 {
        self.part.len().saturating_sub(self.position())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let bytes = self.stream.peek(N)?.first_chunk::<N>().copied();
        let bytes = bytes.ok_or_else(|| Unread::cut_off(self.part.len()))?;
        self.stream.advance(N);
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Unread> {
        let bytes = self.array()?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&mut self) -> Result<u64, Unread> {
        let bytes = self.array()?;
        Ok(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A count, length or dimension.
    fn size(&mut self) -> Result<u64, Unread> {
        if self.version == 1 { self.u32().map(u64::from) } else { self.u64() }
    }

    /// A number of things that take at least so many bytes each.
    fn count(&mut self, what: &str, least: u64) -> Result<u64, Unread> {
        let at = self.position();
        let count = self.size()?;
        let fits = count.checked_mul(if self.version == 1 { least / 2 } else { least });
        if fits.is_none_or(|bytes| bytes > self.left()) {
            return Err(refused(
                at,
                format!("{count} {what} are said to follow; {} bytes are left", self.left()),
            ));
        }
        self.max_entries.check(count)?;
        Ok(count)
    }

    /// Goes over a text; gives where it lies.
    fn text(&mut self) -> Result<(u64, u64), Unread> {
        let at = self.position();
        let length = self.size()?;
        if length > self.left() {
            return Err(refused(
                at,
                format!("a text of {length} bytes is said to follow; {} are left", self.left()),
            ));
        }
        let from = self.position();
        self.stream.seek(from.saturating_add(length));
        Ok((from, length))
    }

    /// A text of at most so many bytes.
    fn name(&mut self, most: u64) -> Result<String, Unread> {
        let at = self.position();
        let length = self.size()?;
        if length > self.left() || length > most {
            return Err(refused(
                at,
                format!(
                    "a name of {length} bytes; the longest allowed has {most}, and {} are left",
                    self.left()
                ),
            ));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes =
            self.stream.peek(length)?.get(..length).ok_or_else(|| Unread::cut_off(self.part.len()))?;
        let name = String::from_utf8_lossy(bytes).into_owned();
        self.stream.advance(length);
        Ok(name)
    }

    fn skip(&mut self, count: u64) -> Result<(), Unread> {
        if count > self.left() {
            return Err(Unread::cut_off(self.part.len()));
        }
        let to = self.position().saturating_add(count);
        self.stream.seek(to);
        Ok(())
    }
}

/// Counts texts under their limit.
struct Strings {
    seen: u64,
    limit: Limit,
}

impl Strings {
    fn add(&mut self) -> Result<(), LimitExceeded> {
        self.seen = self.seen.saturating_add(1);
        self.limit.check(self.seen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn value(key: &str, of: &str) -> Vec<u8> {
        [text(key), 8_u32.to_le_bytes().to_vec(), text(of)].concat()
    }

    fn number(key: &str, of: u32) -> Vec<u8> {
        [text(key), 4_u32.to_le_bytes().to_vec(), of.to_le_bytes().to_vec()].concat()
    }

    fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
        let mut bytes = [text(name), u32::try_from(dims.len()).unwrap().to_le_bytes().to_vec()].concat();
        bytes.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes
    }

    fn file(values: &[Vec<u8>], tensors: &[Vec<u8>], data: usize) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((tensors.len() as u64).to_le_bytes());
        bytes.extend((values.len() as u64).to_le_bytes());
        bytes.extend(values.concat());
        bytes.extend(tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
        bytes
    }

    fn ids(bytes: Vec<u8>) -> Vec<String> {
        told(&scan(bytes, "m.gguf")).iter().map(|t| t.split(' ').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn well_made_files_are_quiet() {
        let values = [value("general.architecture", "llama"), number("llama.context_length", 4096)];
        let tensors = [tensor("a", &[32], 0, 0), tensor("b", &[32, 2], 8, 128)];
        assert_eq!(ids(file(&values, &tensors, 128 + 96)), [""; 0]);
        assert_eq!(ids(file(&values, &tensors, 128 + 68)), [""; 0]);
        assert_eq!(ids(file(&[], &[], 0)), [""; 0]);
        let mut array = [text("t"), 9_u32.to_le_bytes().to_vec(), 8_u32.to_le_bytes().to_vec()].concat();
        array.extend(2_u64.to_le_bytes());
        array.extend([text("x"), text("yy")].concat());
        assert_eq!(ids(file(&[array], &[], 0)), [""; 0]);
    }

    #[test]
    fn counts_and_lengths_are_held_against_the_file() {
        for (at, value) in [(8, 1_u64 << 60), (16, 1 << 60), (24, 1 << 62)] {
            let mut bytes = file(&[number("a", 1)], &[], 64);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert_eq!(ids(bytes), ["gguf.header"], "{at}");
        }
        let nested = [9_u32.to_le_bytes().to_vec(), 1_u64.to_le_bytes().to_vec()].concat().repeat(5000);
        let deep = [text("a"), 9_u32.to_le_bytes().to_vec(), nested].concat();
        assert_eq!(ids(file(&[deep], &[], 0)), ["gguf.header"]);
        assert_eq!(ids(file(&[number("general.alignment", 0)], &[], 0)), ["gguf.header"]);
    }

    #[test]
    fn tensors_are_held_against_the_file() {
        for (tensors, data) in [
            (vec![tensor("a", &[32], 0, 1 << 50)], 128),
            (vec![tensor("a", &[1 << 32; 4], 0, 0)], 128),
            (vec![tensor("a", &[1; 64], 0, 0)], 128),
            (vec![tensor("a", &[32], 250, 0)], 128),
            (vec![tensor("a", &[31], 8, 0)], 128),
            (vec![tensor("a", &[32], 0, 0), tensor("b", &[32], 0, 0)], 256),
            (vec![tensor("a", &[32], 0, 0), tensor("a", &[32], 0, 128)], 256),
            (vec![tensor("a", &[32], 0, 1)], 160),
            (vec![tensor("a", &[32], 0, 64)], 192),
        ] {
            let found = ids(file(&[], &tensors, data));
            assert!(found.iter().any(|id| id.starts_with("gguf.")), "{tensors:?}: {found:?}");
        }
    }

    #[test]
    fn templates_are_judged_under_any_key_that_says_so() {
        const ESCAPES: &str = "{{ ''.__class__.__mro__ }}";
        let escapes = |bytes| ids(bytes).iter().any(|id| id == "template.sandbox-escape");
        for key in ["tokenizer.chat_template", "tokenizer.Chat_Template", "adapter.prompt_template"] {
            assert!(escapes(file(&[value(key, ESCAPES)], &[], 0)), "{key}");
        }
        let mut array = [text("tokenizer.chat_templates"), 9_u32.to_le_bytes().to_vec()].concat();
        array.extend([8_u32.to_le_bytes().to_vec(), 2_u64.to_le_bytes().to_vec()].concat());
        array.extend([text("default"), text(ESCAPES)].concat());
        assert!(escapes(file(&[array], &[], 0)));
    }

    #[test]
    fn what_is_no_text_and_no_truth_value_is_refused() {
        let truth = |value| [text("a"), 7_u32.to_le_bytes().to_vec(), vec![value]].concat();
        assert_eq!(ids(file(&[truth(1)], &[], 0)), [""; 0]);
        assert_eq!(ids(file(&[truth(2)], &[], 0)), ["gguf.header"]);
        let mut key = number("ab", 1);
        key[8] = 0xff;
        assert_eq!(ids(file(&[key], &[], 0)), ["gguf.header"]);
        let mut name = tensor("ab", &[8], 0, 0);
        name[8] = 0xff;
        assert_eq!(ids(file(&[], &[name], 32)), ["gguf.header"]);
    }

    #[test]
    fn keys_twice_other_orders_and_tails_are_told() {
        assert_eq!(ids(file(&[number("a", 1), number("a", 2)], &[], 0)), ["gguf.duplicate-key"]);
        let big = [b"GGUF".to_vec(), 3_u32.to_be_bytes().to_vec(), vec![0; 16]].concat();
        assert_eq!(ids(big), ["gguf.byte-order"]);
        let mut tail = file(&[number("a", 1)], &[], 0);
        tail.extend([7; 80]);
        assert_eq!(ids(tail), ["format.trailing-bytes"]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            scan([b"GGUF\x03\0\0\0".to_vec(), bytes].concat(), "m.gguf");
        }

        #[test]
        fn a_changed_file_ends(at in 0_usize..128, byte in any::<u8>()) {
            let mut bytes = file(&[value("a.chat_template", "x"), number("b", 1)], &[tensor("t", &[32], 0, 0)], 128);
            bytes[at] = byte;
            scan(bytes, "m.gguf");
        }
    }
}
