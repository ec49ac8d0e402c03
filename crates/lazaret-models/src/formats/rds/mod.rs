//! Serialised R objects (`saveRDS`, `save`): what runs when they are read or first touched.

mod around;
mod calls;
mod stream;
#[cfg(test)]
mod tests;
mod walk;

use lazaret_core::{FormatId, Likeness, Limit};

use super::packages;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use stream::{Form, Input};

/// Most objects of one file.
pub(crate) const MAX_ITEMS: Limit = Limit::new("rds.max_items", 20_000_000);
/// How deep they may lie in each other.
pub(crate) const MAX_DEPTH: Limit = Limit::new("rds.max_depth", 100_000);
/// Most names and environments that may be referred to.
pub(crate) const MAX_REFERENCES: Limit = Limit::new("rds.max_references", 500_000);

/// The format.
pub(crate) struct Rds;

impl ModelFormat for Rds {
    fn id(&self) -> FormatId {
        FormatId("rds")
    }

    fn about(&self) -> &'static str {
        "serialised R object (RDS, RData)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["rds", "rdata", "rda"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if form(head.bytes).is_some() { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let start: [u8; 16] = {
            let mut start = [0; 16];
            part.read_at(0, &mut start)?;
            start
        };
        let (form, begins) =
            form(&start).ok_or_else(|| Unread::malformed(0, "it is no serialised R object"))?;
        let mut input = Input::new(part, begins, form);
        let version = input.int()?;
        packages::of_r(input.int()?, part, looking);
        input.int()?;
        if version == 3 {
            let length = input.length()?;
            input.text(length)?;
        }
        walk::objects(input, part, looking)?;
        Ok(self.id())
    }
}

/// How it is written, and where its version stands.
fn form(head: &[u8]) -> Option<(Form, u64)> {
    let (rest, before) = match head {
        [b'R', b'D', b'X' | b'A' | b'B', b'2' | b'3', b'\n', rest @ ..] => (rest, 5),
        _ => (head, 0),
    };
    match rest {
        // R passes over the second byte, whatever it is, and over a line end before text.
        [b'X', _, 0, 0, 0, 2 | 3, ..] => Some((Form::Xdr, before + 2)),
        [b'B', _, 2 | 3, 0, 0, 0, ..] => Some((Form::Native, before + 2)),
        [b'A', line, rest @ ..] if line.is_ascii_whitespace() && is_version(rest) => {
            Some((Form::Ascii, before + 2))
        }
        [b'\n', b'A', line, rest @ ..] if line.is_ascii_whitespace() && is_version(rest) => {
            Some((Form::Ascii, before + 3))
        }
        _ => None,
    }
}

/// Whether text begins with the number of a version of its own.
fn is_version(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    matches!(words.next(), Some(b"2" | b"3")) && text.contains(&b'\n')
}
