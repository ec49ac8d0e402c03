//! `TFRecord` files of examples (`tf.train.Example`, `tf.train.SequenceExample`), as data for training: records, each between its
//! length and checksums.

use crc_fast::{CrcAlgorithm, Digest};
use lazaret_core::{FormatId, Likeness};

use super::protobuf::{Field, Fields, Span, Value};
use super::tensorboard;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct TfRecord;

/// The length of a record, and the checksum of that.
const HEADER: usize = 12;
/// Longest name of a feature, in bytes.
const LONGEST_KEY: u64 = 1024;
/// Shortest value or name that may be a file of its own.
const SHORTEST: u64 = 16;

impl ModelFormat for TfRecord {
    fn id(&self) -> FormatId {
        FormatId("tfrecord")
    }

    fn about(&self) -> &'static str {
        "TFRecord file of tf.train.Example"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tfrecord", "tfrecords", "tfrec"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let is_record = head.bytes.first_chunk::<HEADER>().is_some_and(|header| length_of(header).is_some());
        if is_record && !tensorboard::begins(head.bytes) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut at = 0_u64;
        while at < part.len() {
            let header: [u8; HEADER] = part.array(at)?;
            let len = length_of(&header);
            let len = len
                .ok_or_else(|| Unread::malformed(at, "the length of a record is not that of its checksum"))?;
            let from = at.saturating_add(HEADER as u64);
            let end = from.checked_add(len).filter(|end| *end <= part.len().saturating_sub(4));
            let end = end.ok_or_else(|| Unread::malformed(at, "a record longer than the file"))?;
            if u32::from_le_bytes(part.array(end)?) != masked(&sum_of(part, from, len)?) {
                return Err(Unread::malformed(at, "a record is not what its checksum says"));
            }
            let record = part.rest(from, len);
            let told = example(&record, looking).map_err(|unread| Unread {
                at: Some(from.saturating_add(unread.at.unwrap_or(0))),
                ..unread
            })?;
            for value in told {
                looking.passed_over(part, from.saturating_add(value.at), value.len());
            }
            at = end.saturating_add(4);
        }
        Ok(self.id())
    }
}

/// The length of a record, if the checksum behind it is its own.
fn length_of(header: &[u8; HEADER]) -> Option<u64> {
    let (length, sum) = (header.first_chunk::<8>()?, header.last_chunk::<4>()?);
    let is_own = masked(&sum_of_bytes(length)) == u32::from_le_bytes(*sum);
    is_own.then(|| u64::from_le_bytes(*length))
}

/// The checksum of some bytes.
fn sum_of(part: &Part, from: u64, len: u64) -> Result<Digest, Unread> {
    let mut stream = part.stream(from);
    let (mut left, mut sum) = (len, sum_of_bytes(&[]));
    while left > 0 {
        let block = stream.peek(1)?;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        if count == 0 {
            return Err(Unread::cut_off(part.len()));
        }
        sum.update(block.get(..count).unwrap_or_default());
        stream.advance(count);
        left = left.saturating_sub(count as u64);
    }
    Ok(sum)
}

/// A checksum, CRC-32C (Castagnoli), as these files have it.
fn masked(sum: &Digest) -> u32 {
    let [a, b, c, d, ..] = sum.finalize().to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn sum_of_bytes(bytes: &[u8]) -> Digest {
    let mut sum = Digest::new(CrcAlgorithm::Crc32Iscsi);
    sum.update(bytes);
    sum
}

/// What a message of an example holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    /// `Example` or `SequenceExample`.
    Example,
    /// `Features`: a map.
    Features,
    /// An entry of it, whose value is of this kind.
    Entry,
    Feature,
    /// `FeatureLists`, a map of lists.
    Lists,
    ListEntry,
    List,
    /// `BytesList`, `FloatList`, `Int64List`.
    Bytes,
    Floats,
    Integers,
}

impl Is {
    /// What a field of such a message is; none of one that it does not have.
    const fn holds(self, number: u32) -> Option<Inner> {
        Some(match (self, number) {
            (Self::Example, 1) => Inner::Message(Self::Features),
            (Self::Example, 2) => Inner::Message(Self::Lists),
            (Self::Features, 1) => Inner::Message(Self::Entry),
            (Self::Lists, 1) => Inner::Message(Self::ListEntry),
            (Self::Entry | Self::ListEntry, 1) => Inner::Key,
            (Self::Entry, 2) | (Self::List, 1) => Inner::Message(Self::Feature),
            (Self::ListEntry, 2) => Inner::Message(Self::List),
            (Self::Feature, 1) => Inner::Message(Self::Bytes),
            (Self::Feature, 2) => Inner::Message(Self::Floats),
            (Self::Feature, 3) => Inner::Message(Self::Integers),
            (Self::Bytes | Self::Floats | Self::Integers, 1) => Inner::Value,
            _ => return None,
        })
    }
}

enum Inner {
    Message(Is),
    Key,
    Value,
}

/// Reads one example to its end. Gives its values and names that may be files of their own: pictures, texts, what is hidden.
fn example(record: &Part, looking: &Looking<'_>) -> Result<Vec<Span>, Unread> {
    let mut fields = Fields::new(record, looking.limits);
    let mut open = vec![(fields.root(), Is::Example)];
    let mut values = Vec::new();
    while let Some((span, is)) = open.last_mut() {
        let is = *is;
        let Some(field) = fields.next(span)? else {
            open.pop();
            continue;
        };
        let wrong = || {
            Unread::malformed(field.at, "a record is no example: it has a field that examples do not have")
        };
        match (is.holds(field.number).ok_or_else(wrong)?, field.span()) {
            // Messages lie in each other as often as there are kinds of them.
            (Inner::Message(inner), Some(span)) => open.push((span, inner)),
            (Inner::Key, Some(key)) if key.len() > LONGEST_KEY => {
                return Err(Unread::malformed(field.at, "a feature has a name longer than any has"));
            }
            (Inner::Key, Some(key)) => values.extend(Some(key).filter(|key| key.len() >= SHORTEST)),
            (Inner::Value, span) if is_value(is, &field) => {
                values.extend(span.filter(|span| span.len() >= SHORTEST));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(values)
}

/// Whether a field is a value of such a list.
const fn is_value(list: Is, field: &Field) -> bool {
    match (list, field.value) {
        (Is::Floats, Value::Delimited(span)) => span.len() % 4 == 0,
        (Is::Floats, Value::Fixed32)
        | (Is::Integers, Value::Varint(_))
        | (Is::Bytes | Is::Integers, Value::Delimited(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::formats::protobuf::tests::{field, number, scan, told};
    use crate::look::Inspected;

    fn record(data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u64).to_le_bytes();
        let sum = |bytes: &[u8]| masked(&sum_of_bytes(bytes)).to_le_bytes();
        [&length[..], &sum(&length), data, &sum(data)].concat()
    }

    fn feature(key: &str, list: u64, values: &[u8]) -> Vec<u8> {
        field(1, [field(1, key), field(2, field(list, values))].concat())
    }

    fn example(features: &[u8]) -> Vec<u8> {
        record(&field(1, features))
    }

    const CALL: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

    #[test]
    fn sums_are_those_of_castagnoli() {
        assert_eq!(sum_of_bytes(b"123456789").finalize(), 0xe306_9283);
    }

    #[test]
    fn examples_are_read_to_the_end() {
        let plain = [
            feature("image", 1, &field(1, [7; 100])),
            feature("size", 3, &field(1, [1, 2, 0x80, 1])),
            feature("one", 3, &number(1, 5)),
            feature("box", 2, &field(1, [0; 16])),
        ];
        let lists = field(2, field(1, [field(1, "a"), field(2, field(1, field(3, number(1, 1))))].concat()));
        let right = [example(&plain.concat()), record(&lists), record(b"")].concat();
        let report = scan(right.clone(), "train.tfrecord-00000-of-00001");
        assert_eq!(
            (report.format.0, report.inspected, told(&report)),
            ("tfrecord", Inspected::Whole, Vec::new())
        );
        let at = right.len();
        for (more, says) in [
            (example(&feature("a", 1, &field(1, CALL))), format!("pickle.dangerous-call t@{}", at + 25)),
            // Nothing lies in a name that does not lie in a value, or behind what only looks like a format.
            (
                example(&feature("cposix\nsystem\n(S'true'\ntR.", 1, &field(1, [7]))),
                format!("pickle.dangerous-call t@{}", at + 18),
            ),
            (
                example(&feature(&"a".repeat(1025), 1, &field(1, [7]))),
                format!("format.malformed t@{}", at + 18),
            ),
            (
                example(&feature("a", 1, &field(1, [&b"1 8\nA "[..], &[0xc0; 32], b"\0", CALL].concat()))),
                "format.hidden-content".to_owned(),
            ),
            (record(&field(9, CALL)), format!("format.malformed t@{}", at + 12)),
            (example(&feature("a", 2, &field(1, [0; 15]))), format!("format.malformed t@{}", at + 23)),
            (record(CALL), format!("format.malformed t@{}", at + 12)),
            (CALL.to_vec(), format!("format.malformed t@{at}")),
        ] {
            let told = told(&scan([right.clone(), more].concat(), "t"));
            assert!(told.iter().any(|told| told.starts_with(&says)), "{says}: {told:?}");
        }
        let mut changed = right;
        changed[20] ^= 1;
        assert_eq!(told(&scan(changed, "t")), ["format.malformed t@0"]);
    }

    proptest! {
        #[test]
        fn any_records_end(data in prop::collection::vec(any::<u8>(), 0..64), more in prop::collection::vec(any::<u8>(), 0..64)) {
            scan([record(&data), more].concat(), "t");
        }
    }
}
