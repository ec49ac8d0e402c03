//! Files that are one record: read whole, and given as a payload of one. Those that nobody reads are a record whose
//! reading is the reason.

use std::sync::Arc;

use lazaret_core::{
    Body, Finding, Findings, FormatId, Limits, Payload, Reading, Record, RecordPlace, Refused, Source,
    UNINSPECTABLE,
};
use lazaret_input::{MAX_RECORD, RECORD_SIZE, ReadError, decompress, read_whole};

/// Reads a source that is one record.
pub(crate) fn whole(source: &dyn Source, limits: &Limits) -> Result<Vec<u8>, Refused> {
    read_whole(source, limits.get(MAX_RECORD)).map_err(|error| match error {
        ReadError::Limit(reached) => Refused::new(RECORD_SIZE.id, reached.to_string()),
        ReadError::Source(failed) => decompress::refused(&failed),
        other => Refused::new(UNINSPECTABLE.id, other.to_string()),
    })
}

/// A payload of one record.
pub(crate) struct One {
    record: Option<Arc<dyn Record>>,
    length: u64,
    position: u64,
}

impl One {
    pub(crate) fn of(record: Arc<dyn Record>) -> Self {
        let length = record.body().len();
        Self { record: Some(record), length, position: 0 }
    }
}

impl Payload for One {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        self.position = self.length;
        Ok(self.record.take())
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// A record that is not read: its bytes as they came, and why.
pub(crate) struct Unread {
    pub(crate) format: FormatId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) why: Finding,
}

impl Record for Unread {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }

    fn format(&self) -> FormatId {
        self.format
    }

    fn body(&self) -> Body<'_> {
        Body::Held(&self.bytes)
    }

    fn read<'r>(&'r self, _limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        findings.fault(self.why.clone());
        None
    }
}
