//! What is remembered of files that were held: by what their upstream said of them, the receipt and the words of the refusal.
//! Who asks again is told so without anything being fetched, as long as nothing else would be decided now.

use lazaret_core::{Mode, Sha256};

use crate::net::answer::Refusal;
use crate::updates::gate::{Gate, GateError, Held};
use crate::updates::notes::Notes;
use crate::updates::obtain::{borrowed, here};
use crate::updates::oci::manifest::sha256_of;

/// Most files that are named in a note; where more were held it is not remembered.
const MOST_FILES: usize = 1_000;

/// Files that were held, as a note.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HeldNote {
    /// By what was decided, as a digest.
    by: String,
    receipt: String,
    /// What was said to who asked.
    message: String,
    /// A digest of what the upstream said of what was asked for.
    said: String,
    /// The held files, with the last step of each name.
    files: Vec<(Sha256, String)>,
}

impl HeldNote {
    /// As a text. None where a part has an end of line in it.
    fn text(&self) -> Option<String> {
        let mut lines = vec![self.by.clone(), self.receipt.clone(), self.message.clone(), self.said.clone()];
        lines.extend(self.files.iter().map(|(sha256, name)| format!("{sha256} {name}")));
        lines.iter().all(|line| !line.contains(['\n', '\r'])).then(|| lines.join("\n"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut next = || lines.next().map(str::to_owned);
        let (by, receipt, message, said) = (next()?, next()?, next()?, next()?);
        let file = |line: &str| {
            let (sha256, name) = line.split_once(' ')?;
            Some((Sha256::parse(sha256)?, name.to_owned()))
        };
        let files: Vec<_> = lines.map(file).collect::<Option<_>>()?;
        (!files.is_empty()).then_some(Self { by, receipt, message, said, files })
    }
}

/// Remembers that what was asked for was held.
pub(crate) fn remember(
    gate: &Gate,
    notes: &Notes,
    key: &[String],
    said: &str,
    (held, refusal): (&Held, &Refusal),
) -> Result<(), Refusal> {
    if !held.is_lasting || held.files.len() > MOST_FILES {
        return Ok(());
    }
    let note = HeldNote {
        by: digest_of(&gate.pulls.goes_by()),
        receipt: held.receipt.to_string(),
        message: refusal.message.clone(),
        said: digest_of(said),
        files: held.files.clone(),
    };
    let Some(text) = note.text() else { return Ok(()) };
    notes.put(&borrowed(&self::key(key)), &text).map_err(here("remember"))
}

/// The refusal of before, if just the same was held and would be held now.
pub(crate) fn still(
    gate: &Gate,
    notes: &Notes,
    key: &[String],
    said: &str,
) -> Result<Option<Refusal>, Refusal> {
    if gate.mode != Mode::Enforce {
        return Ok(None);
    }
    let note = notes.get(&borrowed(&self::key(key))).map_err(here("read what it remembers"))?;
    let Some(note) = note.as_deref().and_then(HeldNote::parse) else { return Ok(None) };
    if note.said != digest_of(said) || note.by != digest_of(&gate.pulls.goes_by()) {
        return Ok(None);
    }
    for (sha256, name) in &note.files {
        let still = gate.pulls.still_held(*sha256, name, &note.receipt);
        if !still.map_err(|error| GateError::from(error).refusal())? {
            return Ok(None);
        }
    }
    tracing::info!(receipt = note.receipt, "what was held before is asked for again");
    Ok(Some(Held::again(note.message)))
}

/// What that is remembered under.
pub(crate) fn key(key: &[String]) -> Vec<String> {
    ["held".to_owned()].into_iter().chain(key.iter().cloned()).collect()
}

fn digest_of(text: &str) -> String {
    sha256_of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_note_that_reads_the_same_again_or_none(text in "([a-z]{0,3}\n){0,5}([0-9a-f]{64} [a-z .]{0,4}\n|.{0,9}\n){0,3}") {
            let note = HeldNote::parse(&text);
            if let Some(text) = note.as_ref().and_then(HeldNote::text) {
                prop_assert_eq!(HeldNote::parse(&text), note);
            }
        }
    }
}
