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
/// Each model is judged anew within this time, whatever was recorded.
const ROUND: Duration = Duration::from_hours(1);

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

    /// Judges what has to be.
    pub(super) fn renew(&mut self) -> Result<(), LedgerError> {
        let failed = |error: StoreError| error.when("list the verdicts");
        let size = self.ledger_size()?;
        let spoken_of = match self.size {
            None => {
                let files = self.verdicts.files().map_err(failed)?.into_iter().map(Model::Digest);
                files.chain(self.verdicts.revisions().map_err(failed)?).collect()
            }
            Some(before) => {
                let (files, mut models) = self.verdicts.spoken_of(before, size).map_err(failed)?;
                for file in files {
                    models.extend(self.parts.get(&file).into_iter().flatten().cloned());
                    models.insert(Model::Digest(file));
                }
                models
            }
        };
        let mut due: BTreeSet<Model> = self.due();
        due.extend(spoken_of.iter().cloned());
        for model in due {
            self.judge(&model)?;
        }
        // Only now: what was not judged because something failed is due the next time.
        self.size = Some(size);
        if !spoken_of.is_empty() {
            self.settling.push_back((Instant::now(), spoken_of));
        }
        Ok(())
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
        let share = self.round.1.elapsed().as_millis().saturating_mul(all) / ROUND.as_millis();
        let share = usize::try_from(share.min(all)).unwrap_or(usize::MAX);
        if share == 0 {
            return Vec::new(); // the time goes on to count
        }
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
