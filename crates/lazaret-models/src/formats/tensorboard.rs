//! Logs of a training run (`events.out.tfevents…`), as trainers leave them beside a model: records of numbers for
//! `TensorBoard`, each between its length and a checksum.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct Events;

/// What stands in the first record, behind the time.
const FIRST: &[u8] = b"brain.Event:";

impl ModelFormat for Events {
    fn id(&self) -> FormatId {
        FormatId("tensorboard-events")
    }

    fn about(&self) -> &'static str {
        "log of a training run (TensorBoard)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        // The ending is the name of a machine.
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if begins(head.bytes) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, _looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut stream = part.stream(0);
        while !stream.peek(1)?.is_empty() {
            let at = stream.position();
            let len = stream.number::<8>()?;
            // The checksum of the length, the record, its checksum.
            let record =
                len.checked_add(8).filter(|record| *record <= part.len().saturating_sub(stream.position()));
            let record = record.ok_or_else(|| Unread::malformed(at, "a record longer than the file"))?;
            stream.skip(record)?;
        }
        Ok(self.id())
    }
}

/// Whether the first record of a file is that of a log.
pub(super) fn begins(head: &[u8]) -> bool {
    let record = head.get(12..64).unwrap_or_else(|| head.get(12..).unwrap_or_default());
    record.first() == Some(&9) && memchr::memmem::find(record, FIRST).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::FIRST;
    use crate::formats::protobuf::tests::{scan, told};

    fn record(len: u64) -> Vec<u8> {
        [&len.to_le_bytes()[..], b"cccc\x09timetime\x1a\x0d", FIRST, b"2cccc"].concat()
    }

    #[test]
    fn records_are_walked_to_the_end() {
        let right = [record(24), record(24)].concat();
        let report = scan(right.clone(), "events.out.tfevents.1.host");
        assert_eq!((report.format.0, told(&report)), ("tensorboard-events", Vec::new()));
        let wrong = [right, record(25)].concat();
        let told = told(&scan(wrong, "events.out.tfevents.1.host"));
        assert!(told.iter().all(|one| one == "format.malformed events.out.tfevents.1.host@80"), "{told:?}");
        assert!(!told.is_empty());
    }

    proptest! {
        #[test]
        fn any_log_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            scan([record(24), bytes].concat(), "events");
        }
    }
}
