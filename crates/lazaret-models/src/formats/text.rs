//! Plain text: vocabularies, notes, licences. Nothing in it is run by any loader, whatever its words look like; what MLflow
//! imports by the text of a file is judged there.

use lazaret_core::{FormatId, Likeness, Limit};

use super::mlflow;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct Text;

/// Names without an ending that are texts.
const NAMES: &[&str] = &[
    "readme",
    "license",
    "licence",
    "notice",
    "copying",
    "authors",
    "changelog",
    "contributors",
    "vocab",
    "merges",
    "modelfile",
    "latest",
];

impl ModelFormat for Text {
    fn id(&self) -> FormatId {
        FormatId("text")
    }

    fn about(&self) -> &'static str {
        "plain text"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[
            "txt",
            "md",
            "rst",
            "csv",
            "tsv",
            "bpe",
            "vocab",
            "gitattributes",
            "gitignore",
            "dockerignore",
            "license",
            "cff",
            "bib",
            "log",
            "names",
            "tiktoken",
        ]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension)
            || NAMES.contains(&head.file_name)
            // `LICENSE-APACHE`, `NOTICE-THIRD-PARTY`
            || head.extension.is_empty()
                && head.file_name.split_once('-').is_some_and(|(name, _)| NAMES.contains(&name));
        if named && is_text(head.bytes) { Likeness::ByName } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        check(part)?;
        mlflow::judge_text(part, looking)?;
        Ok(self.id())
    }
}

/// Reads a part to its end as text.
pub(crate) fn check(part: &Part) -> Result<(), Unread> {
    let mut stream = part.stream(0);
    loop {
        let at = stream.position();
        let block = stream.peek(1)?;
        if block.is_empty() {
            return Ok(());
        }
        if let Some(place) = block.iter().position(|byte| is_binary(*byte)) {
            let at = at.saturating_add(place as u64);
            return Err(Unread::malformed(at, "a text that goes on as binary data"));
        }
        let count = block.len();
        stream.advance(count);
    }
}

/// A part that is text in UTF-8, if it is no longer than a limit.
pub(super) fn whole(part: &Part, most: Limit) -> Result<String, Unread> {
    let bytes = part.whole(most)?;
    if let Some(at) = bytes.iter().position(|byte| is_binary(*byte)) {
        return Err(Unread::malformed(at as u64, "a text that goes on as binary data"));
    }
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| Unread::malformed(error.valid_up_to() as u64, "it is no UTF-8 text"))?;
    Ok(text.to_owned())
}

/// The byte that no text has; vocabularies may hold any other control character as a word.
const fn is_binary(byte: u8) -> bool {
    byte == 0
}

/// Whether a beginning is text in UTF-8 or in an older charset.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let control = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c);
    let controls = head.iter().filter(control).count();
    !head.iter().any(|byte| is_binary(*byte)) && controls.saturating_mul(20) <= head.len()
}
