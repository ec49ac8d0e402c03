//! The notes of the hospital's gold with what is found in them, and what an entry would do to that: both scanners read all
//! of them. What the present one finds is kept while scanner and gold are the same.

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
use crate::proposals::beside::{Beside, Stand};

/// So many places of each kind are shown.
const SHOWN: usize = 20;
/// So many digits of a digest name a note.
const KEY: usize = 32;

/// The gold and what is found in it.
pub(super) struct Bench {
    config: Config,
    kept: Mutex<Option<Arc<Found>>>,
}

/// Marked notes with what one scanner finds in them, in the file's order.
pub(crate) struct Found {
    /// The file's digest.
    gold: String,
    /// The scanner's version.
    by: String,
    pub(crate) notes: Vec<Arc<FoundIn>>,
}

/// One of them.
pub(crate) struct FoundIn {
    /// What an address names it by: a digest, for its id may be a number of the patient's. Another text is another note.
    pub(crate) key: String,
    pub(crate) note: Note,
    /// What is found in it.
    pub(crate) marks: Vec<Mark>,
    /// Gold spans that are not found, or not whole.
    pub(crate) missed: usize,
    /// Findings where the gold has nothing.
    pub(crate) extra: usize,
}

impl FoundIn {
    fn of(note: Note, marks: Vec<Mark>) -> Self {
        let lines = Beside::of(&note, &marks).lines();
        let count = |stands: &[Stand]| lines.iter().filter(|line| stands.contains(&line.stand)).count();
        let (missed, extra) = (count(&[Stand::Missed, Stand::InPart]), count(&[Stand::Extra]));
        let id =
            format!("{} {}", super::digest_of(note.id.as_bytes()), super::digest_of(note.text.as_bytes()));
        let digest = super::digest_of(id.as_bytes());
        let key = digest.trim_start_matches("sha256:").chars().take(KEY).collect();
        Self { key, note, marks, missed, extra }
    }

    /// Whether gold and findings are not the same there.
    pub(crate) fn differs(&self) -> bool {
        self.missed > 0 || self.extra > 0
    }
}

impl Bench {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), kept: Mutex::new(None) }
    }

    /// What the second scanner does that the first does not, and the gold's digest; none where no gold is named.
    pub(super) fn weigh(
        &self,
        before: &Scanner,
        after: &Scanner,
    ) -> Result<Option<(Effect, String)>, CliError> {
        let Some(found) = self.found(before)? else { return Ok(None) };
        let profile = self.profile()?;
        let mut comparison = Comparison::new(SHOWN);
        for one in &found.notes {
            let is = marks(after, &profile, &one.note.text)?;
            comparison
                .add(&one.note, &one.marks, &is)
                .map_err(|error| CliError::failed("a note of the gold could not be scored", error))?;
        }
        Ok(Some((comparison.effect(), found.gold.clone())))
    }

    fn profile(&self) -> Result<Profile, CliError> {
        self.config.profile("safe-harbor")
    }

    /// The gold as it is now with what a scanner finds in it; none where no gold is named.
    pub(super) fn found(&self, scanner: &Scanner) -> Result<Option<Arc<Found>>, CliError> {
        let path = self.config.path("phi.gold");
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let name = path.display();
        let limits = self.config.limits();
        let bytes = read_file(&path, limits.get(MAX_ANNOTATED))
            .map_err(|error| CliError::Usage(format!("{name}: {}", chain(&error))))?;
        let gold = super::digest_of(&bytes);
        let by = scanner.version();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(kept) = kept.filter(|kept| kept.gold == gold && kept.by == by) {
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
            notes.push(Arc::new(FoundIn::of(note, found)));
        }
        let found = Arc::new(Found { gold, by, notes });
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
