//! Where all models stand, as lines of the list: told once, and told anew of those that something was recorded about since.
//!
//! A model is judged anew if the ledger spoke of it, of one of its files, or of what it lists; once more a little later, because
//! the store of models follows the ledger; when an admission of one of its files ends; and in any case once in a while, in turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use lazaret_core::{Clock as _, LedgerError, Sha256, SystemClock, chain};
use lazaret_ledger::StoreError;
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::standing::{Word, line};

use super::list::because;
use super::verdicts::LedgerVerdicts;

/// What is recorded of a file is in the store of models too after this.
pub(super) const SETTLES: Duration = Duration::from_secs(10);
/// Entries that the ledger had at the first time which are counted as of now: the store may not have followed them yet.
const NEWEST: u64 = 1_000;
/// Each model is judged anew within this time, whatever was recorded.
const ROUND: Duration = Duration::from_hours(1);
/// And so many as fall to this time at least, at once.
const TURN: Duration = Duration::from_mins(1);

/// Where all models stand.
pub(super) struct Judged {
    verdicts: LedgerVerdicts,
    /// Entries of the ledger that are counted; none before the first time.
    size: Option<u64>,
    models: BTreeMap<Model, Told>,
    /// The models that a file is a part of, beside the file itself.
    parts: BTreeMap<Sha256, BTreeSet<Model>>,
    /// What is judged once more, and since when it waits for that.
    settling: VecDeque<(Instant, BTreeSet<Model>)>,
    /// Where the round has come to, and when it went on.
    round: (Option<Model>, Instant),
}

/// What was told of a model.
#[derive(Default)]
struct Told {
    /// Its line; none of one that is not in the list.
    line: Option<String>,
    /// The files by which that was told, beside itself.
    by: BTreeSet<Sha256>,
    /// When an admission ends by which it was told.
    until: Option<String>,
    /// Whether it could not be told.
    failed: bool,
}

impl Judged {
    /// Nothing yet.
    pub(super) fn new(verdicts: LedgerVerdicts) -> Self {
        let (models, parts, settling) = Default::default();
        Self { verdicts, size: None, models, parts, settling, round: (None, Instant::now()) }
    }

    /// How long the ledger is.
    pub(super) fn ledger_size(&self) -> Result<u64, LedgerError> {
        self.verdicts.size().map_err(|error| error.when("tell how long it is"))
    }

    /// Whether something is to be judged once more.
    pub(super) fn settles(&self) -> bool {
        !self.settling.is_empty()
    }

    /// The lines, in the order of the models.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.models.values().filter_map(|told| told.line.as_deref())
    }

    /// Judges what has to be, and says how many models that were.
    pub(super) fn renew(&mut self) -> Result<usize, LedgerError> {
        let size = self.ledger_size()?;
        let mut due: BTreeSet<Model> = self.due();
        let spoken_of = self.size.map(|before| self.spoken_of(before, size)).transpose()?;
        if let Some(spoken_of) = &spoken_of {
            due.extend(spoken_of.iter().cloned());
        } else {
            due.extend(self.verdicts.files().map_err(failed)?.into_iter().map(Model::Digest));
            due.extend(self.verdicts.revisions().map_err(failed)?);
        }
        for model in &due {
            self.judge(model)?;
        }
        // Only now: what was not judged because something failed is due the next time.
        self.size = Some(size);
        let settling = spoken_of.map_or_else(|| self.spoken_of(size.saturating_sub(NEWEST), size), Ok)?;
        if !settling.is_empty() {
            self.settling.push_back((Instant::now(), settling));
        }
        Ok(due.len())
    }

    /// The models that leaves are about, from an index on up to another, with those that a file is a part of.
    fn spoken_of(&self, from: u64, to: u64) -> Result<BTreeSet<Model>, LedgerError> {
        let (files, mut models) = self.verdicts.spoken_of(from, to).map_err(failed)?;
        for file in files {
            models.extend(self.parts.get(&file).into_iter().flatten().cloned());
            models.insert(Model::Digest(file));
        }
        Ok(models)
    }

    /// What is judged anew although the ledger did not speak of it.
    fn due(&mut self) -> BTreeSet<Model> {
        let mut due = BTreeSet::new();
        while self.settling.front().is_some_and(|(since, _)| since.elapsed() >= SETTLES) {
            due.extend(self.settling.pop_front().into_iter().flat_map(|(_, models)| models));
        }
        // Times of one form compare as text.
        let now = SystemClock.now().to_string();
        let is_over = |told: &Told| told.failed || told.until.as_ref().is_some_and(|until| *until <= now);
        due.extend(self.models.iter().filter(|(_, told)| is_over(told)).map(|(model, _)| model.clone()));
        due.extend(self.next_of_the_round());
        due
    }

    /// As many of all models as of the time for a round has gone by.
    fn next_of_the_round(&mut self) -> Vec<Model> {
        let all = self.models.len() as u128;
        let gone_by = self.round.1.elapsed();
        if gone_by < TURN {
            return Vec::new(); // the time goes on to count
        }
        let share = gone_by.as_millis().saturating_mul(all).div_ceil(ROUND.as_millis());
        let share = usize::try_from(share.min(all)).unwrap_or(usize::MAX);
        let is_after = |model: &&Model| self.round.0.as_ref().is_none_or(|last| *model > last);
        let next: Vec<Model> = self.models.keys().filter(is_after).take(share).cloned().collect();
        // At the end it begins again.
        self.round = (next.last().filter(|_| next.len() == share).cloned(), Instant::now());
        next
    }

    fn judge(&mut self, model: &Model) -> Result<(), LedgerError> {
        let told = self.verdicts.stands(model).and_then(|(standing, files)| {
            let until = self.verdicts.admitted_until(&files)?;
            Ok((standing, files, until))
        });
        let told = match told {
            Ok((standing, mut by, until)) => {
                if let Model::Digest(own) = model {
                    by.remove(own);
                }
                // What never came is as what is not in the list.
                let is_listed = standing.word != Word::Unseen;
                let line = is_listed.then(|| line(model, &standing)).transpose().map_err(because)?;
                Told { line, by, until, failed: false }
            }
            // One that cannot be told keeps nobody from the others, and stays as it was.
            Err(error) => {
                tracing::warn!(%model, why = chain(&error), "a verdict could not be told anew");
                Told { failed: true, ..self.models.remove(model).unwrap_or_default() }
            }
        };
        let before = self.models.get(model).map(|told| told.by.clone()).unwrap_or_default();
        for file in before.difference(&told.by) {
            if let Some(models) = self.parts.get_mut(file) {
                models.remove(model);
            }
        }
        for file in &told.by {
            self.parts.entry(*file).or_default().insert(model.clone());
        }
        self.models.insert(model.clone(), told);
        Ok(())
    }
}

fn failed(error: StoreError) -> LedgerError {
    error.when("list the verdicts")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Limits, Ordered};
    use lazaret_ledger::SqliteLedger;
    use lazaret_traffic::admission::standing::{Standing, read};

    use super::*;
    use crate::commands::models::recall::RESCANNED;
    use crate::server::tests::models::{Crosses, SCALER, order, pass, sha256};
    use crate::server::tests::vault;

    fn told(judged: &Judged) -> Vec<(Model, Standing)> {
        let mut all: Vec<_> =
            judged.lines().map(|line| read(line.as_bytes(), &Limits::default()).unwrap()).collect();
        // Until when somebody has who was never told counts from now.
        for trouble in all.iter_mut().flat_map(|(_, standing)| &mut standing.troubles) {
            trouble.until.clear();
        }
        all
    }

    #[test]
    fn only_what_was_spoken_of_is_judged_anew_and_the_list_is_as_one_that_is_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let bytes: Vec<[u8; 5]> = (0..20).map(|number| [number, 1, 2, 3, 4]).collect();
        let revisions: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        for (bytes, revision) in bytes.iter().zip(&revisions) {
            let crosses = Crosses { bytes, revision: Some(revision), kept: false, ..SCALER };
            pass(&ledger, &vault, folder.path(), &crosses);
        }
        let whole = || Judged::new(LedgerVerdicts::over(&path, folder.path().join("models")));
        let mut judged = whole();
        let is_as_whole = |judged: &Judged| {
            let mut anew = whole();
            anew.renew().unwrap();
            assert_eq!(told(judged), told(&anew));
        };
        let settle = |judged: &mut Judged| {
            for (since, _) in &mut judged.settling {
                *since = since.checked_sub(SETTLES).unwrap();
            }
            judged.renew().unwrap()
        };
        assert_eq!(judged.renew().unwrap(), 40);
        assert_eq!(judged.lines().count(), 40);
        assert_eq!(judged.renew().unwrap(), 0);
        assert_eq!(settle(&mut judged), 40, "all of it was recorded a moment ago");
        assert_eq!(judged.renew().unwrap(), 0);

        // A second look, a hold, a file that was never here.
        let bad =
            serde_json::json!({ "verdict": "block", "findings": [{ "id": "a.b", "severity": "high" }] });
        ledger.append_about(sha256(&bytes[3]), RESCANNED, &bad).unwrap();
        assert_eq!(judged.renew().unwrap(), 2, "the file and its revision");
        assert!(judged.lines().any(|line| line.contains("a.b")));
        is_as_whole(&judged);
        let held = Crosses { bytes: b"bad", revision: Some("3"), held: Some("x"), kept: false, ..SCALER };
        pass(&ledger, &vault, folder.path(), &held);
        assert_eq!(judged.renew().unwrap(), 2, "the file that came, and the revision");
        is_as_whole(&judged);

        // What changed is judged once more, when the store has it too.
        assert_eq!(settle(&mut judged), 3);
        assert!(!judged.settles());

        // An admission ends without a word.
        let soon = SystemClock.now().plus_millis(1_500);
        order(&ledger, sha256(b"bad"), Ordered::AdmitModel, Some(soon));
        assert_eq!(judged.renew().unwrap(), 2);
        is_as_whole(&judged);
        let before = told(&judged);
        std::thread::sleep(Duration::from_millis(1_600));
        assert_eq!(judged.renew().unwrap(), 2);
        assert_ne!(told(&judged), before);
        is_as_whole(&judged);

        // In a round each has its turn.
        let mut turns = 0;
        for _ in 0..4 {
            judged.round.1 = judged.round.1.checked_sub(ROUND / 4).unwrap();
            turns += judged.renew().unwrap();
        }
        assert!((41..=44).contains(&turns), "{turns} of 41 models");
        ledger.close().unwrap();
    }
}
