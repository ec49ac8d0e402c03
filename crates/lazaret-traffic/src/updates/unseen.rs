//! A model whose files lie where nobody here can read them: what is recorded of it is that it was put to use, and that nothing
//! of it was inspected.

use std::sync::Arc;

use lazaret_core::{
    Body, Cleared, Destination, Finding, Findings, FormatId, Limits, Locator, Output, Payload, Piece,
    Reading, Record, RecordPlace, Refused, Sealed, UNINSPECTABLE, Undelivered,
};

/// A payload of one record, of which nothing is here.
pub(crate) struct Unseen {
    /// Why it is not.
    why: Option<String>,
}

impl Unseen {
    pub(crate) fn new(why: String) -> Self {
        Self { why: Some(why) }
    }
}

impl Payload for Unseen {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        Ok(self.why.take().map(|why| Arc::new(Source { why }) as Arc<dyn Record>))
    }

    fn position(&self) -> u64 {
        0
    }
}

struct Source {
    why: String,
}

impl Record for Source {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }

    fn format(&self) -> FormatId {
        FormatId("model-elsewhere")
    }

    fn body(&self) -> Body<'_> {
        Body::Held(&[])
    }

    fn read<'r>(&'r self, _: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        findings.fault(Finding::new(&UNINSPECTABLE, Locator::printed("source"), self.why.clone()));
        None
    }
}

/// Where it goes: nowhere, since nothing of it is here.
pub(crate) struct Nowhere;

impl Destination for Nowhere {
    fn stage(&mut self, _: Cleared<Piece>) -> Result<(), Undelivered> {
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Output>, Undelivered> {
        Ok(Vec::new())
    }

    fn commit(&mut self, _: &Sealed) -> Result<(), Undelivered> {
        Ok(())
    }

    fn undo(&mut self) {}
}
