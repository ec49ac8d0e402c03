//! Python pickles, protocols 0 to 5.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct Pickle;

impl ModelFormat for Pickle {
    fn id(&self) -> FormatId {
        FormatId("pickle")
    }

    fn about(&self) -> &'static str {
        "Python pickle, protocols 0 to 5"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pkl", "pickle", "p", "dill", "joblib"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if matches!(head.bytes, [0x80, 2..=5, ..]) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, _: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut stream = part.stream(0);
        stream.peek(1)?;
        Ok(self.id())
    }
}
