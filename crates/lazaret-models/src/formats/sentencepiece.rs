//! `SentencePiece` models (`tokenizer.model`, `spiece.model`): pieces of words with their scores, and how text is made even
//! before it is cut. Numbers and texts alone: nothing in it is run.

use lazaret_core::{FormatId, Likeness};

use super::protobuf::{Field, Fields, Value, begins_message};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct SentencePiece;

impl ModelFormat for SentencePiece {
    fn id(&self) -> FormatId {
        FormatId("sentencepiece")
    }

    fn about(&self) -> &'static str {
        "SentencePiece model (tokenizer)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["model", "spm"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if !begins_message(head.bytes) {
            return Likeness::No;
        }
        // Its pieces stand first.
        let limits = lazaret_core::Limits::default();
        let mut fields = Fields::new(head.part, &limits);
        let mut root = fields.root();
        match fields.next(&mut root) {
            Ok(Some(first)) if first.number == PIECES && piece(&mut fields, first).is_ok() => {
                Likeness::Certain
            }
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut fields = Fields::new(part, looking.limits);
        let mut root = fields.root();
        while let Some(field) = fields.next(&mut root)? {
            match (field.number, field.value) {
                (PIECES, _) => piece(&mut fields, field)?,
                // How it was trained, how text is made even before and after, tests of its own: messages of plain values.
                (2..=5, Value::Delimited(mut inner)) => while fields.next(&mut inner)?.is_some() {},
                _ => return Err(Unread::malformed(field.at, "a field that no SentencePiece model has")),
            }
        }
        Ok(self.id())
    }
}

/// The field of the outermost message that a piece stands in.
const PIECES: u32 = 1;

/// A piece: its text, its score, its kind.
fn piece(fields: &mut Fields<'_>, field: Field) -> Result<(), Unread> {
    let wrong = || Unread::malformed(field.at, "a piece that is not a text with a score");
    let mut span = field.span().ok_or_else(wrong)?;
    let mut has_text = false;
    let mut has_score = false;
    while let Some(inner) = fields.next(&mut span)? {
        match (inner.number, inner.value) {
            (1, Value::Delimited(_)) => has_text = true,
            (2, Value::Fixed32) => has_score = true,
            (3, Value::Varint(1..=6)) => {}
            _ => return Err(wrong()),
        }
    }
    if has_text && has_score { Ok(()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{field, number, scan, told};

    fn piece(text: &str) -> Vec<u8> {
        field(1, [field(1, text), b"\x15\0\0\x80\xbf".to_vec(), number(3, 2)].concat())
    }

    #[test]
    fn pieces_are_read_to_the_end() {
        let right = [piece("<unk>"), piece("os.system"), field(2, number(4, 8))].concat();
        let report = scan(right.clone(), "tokenizer.model");
        assert_eq!((report.format.0, told(&report)), ("sentencepiece", Vec::new()));
        let wrong = [right, field(9, "x")].concat();
        let report = scan(wrong, "tokenizer.model");
        assert_eq!(told(&report), ["format.malformed tokenizer.model@40"]);
    }

    proptest! {
        #[test]
        fn any_model_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            scan([piece("a"), bytes].concat(), "spiece.model");
        }
    }
}
