//! What an entry would do to the notes of the hospital's gold: both scanners read all of them. What the present one
//! finds is kept while knowledge and gold are the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::Profile;
use lazaret_input::read_file;
use lazaret_phi::Scanner;
use lazaret_phi::corpus::{Mark, Note, jsonl};
use lazaret_phi::score::effect::{Comparison, Effect};

use crate::commands::phi::{MAX_ANNOTATED, marks_of};
use crate::config::Config;
use crate::exit::{CliError, chain};

/// So many places of each kind are shown.
const SHOWN: usize = 20;

/// The gold and what is found in it.
pub(super) struct Bench {
    config: Config,
    kept: Mutex<Option<Arc<Found>>>,
}

/// Marked notes with what one scanner finds in them.
struct Found {
    gold: String,
    knowledge: String,
    notes: Vec<(Note, Vec<Mark>)>,
}

impl Bench {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), kept: Mutex::new(None) }
    }

    /// What the second scanner does that the first does not, and the gold's digest; none where no gold is named.
    /// `knowledge` is the digest of what the first one knows.
    pub(super) fn weigh(
        &self,
        knowledge: &str,
        before: &Scanner,
        after: &Scanner,
    ) -> Result<Option<(Effect, String)>, CliError> {
        let Some(found) = self.found(knowledge, before)? else { return Ok(None) };
        let profile = self.profile()?;
        let mut comparison = Comparison::new(SHOWN);
        for (note, was) in &found.notes {
            let is = marks(after, &profile, &note.text)?;
            comparison
                .add(note, was, &is)
                .map_err(|error| CliError::failed("a note of the gold could not be scored", error))?;
        }
        Ok(Some((comparison.effect(), found.gold.clone())))
    }

    fn profile(&self) -> Result<Profile, CliError> {
        self.config.profile("safe-harbor")
    }

    fn found(&self, knowledge: &str, scanner: &Scanner) -> Result<Option<Arc<Found>>, CliError> {
        let path = self.config.path("phi.gold");
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let name = path.display();
        let limits = self.config.limits();
        let bytes = read_file(&path, limits.get(MAX_ANNOTATED))
            .map_err(|error| CliError::Usage(format!("{name}: {}", chain(&error))))?;
        let gold = super::digest_of(&bytes);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(kept) = kept.filter(|kept| kept.gold == gold && kept.knowledge == knowledge) {
            return Ok(Some(kept));
        }
        let profile = self.profile()?;
        let mut notes = Vec::new();
        let mut ids = BTreeSet::new();
        for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u64..) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let wrong = |why: String| CliError::Usage(format!("{name}:{number}: {why}"));
            let note = jsonl::read(line, &limits).map_err(|error| wrong(error.to_string()))?;
            if !ids.insert(note.id.clone()) {
                return Err(wrong("the same `id` stands on an earlier line".to_owned()));
            }
            let found = marks(scanner, &profile, &note.text)?;
            notes.push((note, found));
        }
        let found = Arc::new(Found { gold, knowledge: knowledge.to_owned(), notes });
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(Some(found))
    }
}

fn marks(scanner: &Scanner, profile: &Profile, text: &str) -> Result<Vec<Mark>, CliError> {
    let mut found = scanner
        .scan(text, None)
        .map_err(|error| CliError::failed("a note of the gold could not be inspected", error))?;
    found.retain(|detection| profile.reports(detection.label));
    Ok(marks_of(text, &found))
}
