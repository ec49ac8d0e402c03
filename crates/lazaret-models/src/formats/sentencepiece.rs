//! `SentencePiece` models: the pieces of a vocabulary and the rules of a tokenizer, as `tokenizer.model` and `spiece.model`.
//! A reader runs nothing.

use lazaret_core::{FormatId, Likeness, Limits, Severity};

use super::protobuf::{Fields, Is, Shape};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;

static PIECE: Shape = Shape { fields: &[(1, Is::Text), (2, Is::Fixed32), (3, Is::Number)], one_of: &[1, 2] };
static MODEL: Shape = Shape {
    fields: &[(1, Is::Message(&PIECE)), (2, Is::Bytes), (3, Is::Bytes), (4, Is::Bytes), (5, Is::Bytes)],
    one_of: &[1],
};

/// The format.
pub(crate) struct SentencePiece;

impl ModelFormat for SentencePiece {
    fn id(&self) -> FormatId {
        FormatId("sentencepiece")
    }

    fn about(&self) -> &'static str {
        "SentencePiece tokenizer"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["model", "spm"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        // The first piece: a text and a number of four bytes.
        let is_piece = matches!(head.bytes, [0x0a, _, 0x0a, ..]);
        if is_piece && MODEL.fits(head.part, &Limits::default()) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut fields = Fields::new(part, looking.limits);
        let mut model = fields.root();
        // The first field that the format does not have: another file, glued to this one, may begin there.
        let mut stray = None;
        while let Some(field) = fields.next(&mut model).inspect_err(|_| {
            if let Some(at) = stray {
                looking.passed_over(part, at, part.len().saturating_sub(at));
            }
        })? {
            if MODEL.has(field.number) {
                continue;
            }
            stray.get_or_insert(field.at);
            let message = format!("the model has a field {} that SentencePiece does not have", field.number);
            looking.find_as(Severity::Low, &rules::MALFORMED, part.at(field.at), message);
            if let Some(span) = field.span() {
                looking.passed_over(part, span.at, span.len());
            }
        }
        Ok(self.id())
    }
}
