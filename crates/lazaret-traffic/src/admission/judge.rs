//! What becomes of an object: looked up, decided, remembered.
//!
//! A model that was ever cleared is allowed, whatever was found in it since: then whoever asks is warned, and an alert is
//! recorded. That it was cleared never changes, so what is remembered of it holds even while nothing can be looked up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_core::{Clock as _, LedgerError, Limit, Limits, Mode, Sha256, SystemClock, chain};
use lazaret_input::json::Node;

use super::memory::{Memory, Remembered};
use super::named::{Model, Named};
use super::notes::{Note, Place, Records};
use super::review::{Answer, Operation, Review};
use super::ruling::{Ruling, Said, said};
use super::standing::{Standing, Trouble, Word};
use super::uses::{MAX_MODELS, Use, Workload, uses};

/// Most cleared models whose standing is kept in memory, and as many others.
pub const MAX_CACHED: Limit = Limit::new("admission.max_cached", 50_000);

/// How long a cleared model is not looked up again: a later finding warns so much later.
const CLEARED_FOR: Duration = Duration::from_secs(30);
/// The same of others: whoever has one admitted tries again at once.
const OTHERS_FOR: Duration = Duration::from_secs(2);

/// Rules that a note of an alert names; the alert itself has them all.
const MOST_RULES: usize = 100;
/// Longest word for the API server's audit log.
const LONGEST_AUDIT: usize = 2_048;

/// Tells where models stand.
pub trait Verdicts: Send + Sync {
    /// Where a model stands.
    fn look_up(&self, model: &Model) -> Result<Arc<Standing>, LedgerError>;

    /// What is to be said of what it knows, if it is not of now.
    fn caution(&self) -> Option<String> {
        None
    }

    /// Whether it can tell anything.
    fn is_ready(&self) -> bool {
        true
    }
}

/// What is done where a standing cannot be told, or a model is not named for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is allowed, with a warning.
    Warn,
    /// It is refused.
    Refuse,
}

/// How objects are judged.
#[derive(Debug, Clone)]
pub struct Terms {
    /// In mode observe nothing is refused.
    pub mode: Mode,
    /// What is done with a model that is not named for good.
    pub unnamed: Otherwise,
    /// What is done where it cannot be told in time whether a model was cleared.
    pub fail: Otherwise,
    /// Namespaces in which everything is allowed.
    pub exempt: BTreeSet<String>,
    /// What the cluster is called in the ledger.
    pub cluster: String,
    /// The limits.
    pub limits: Limits,
}

/// Judges objects.
pub struct Judge {
    terms: Terms,
    verdicts: Arc<dyn Verdicts>,
    records: Arc<dyn Records>,
    known: Mutex<Memory>,
}

/// Whom is asked where models stand.
#[derive(Clone, Copy)]
enum Ask {
    /// Who tells verdicts.
    Verdicts,
    /// Nobody, for this reason; what is remembered of cleared models holds.
    Memory(&'static str),
}

impl Judge {
    /// A judge.
    pub fn new(terms: Terms, verdicts: Arc<dyn Verdicts>, records: Arc<dyn Records>) -> Self {
        let most = usize::try_from(terms.limits.get(MAX_CACHED).most()).unwrap_or(usize::MAX);
        Self { terms, verdicts, records, known: Mutex::new(Memory::new(most)) }
    }

    /// Whether verdicts can be told.
    pub fn is_ready(&self) -> bool {
        self.verdicts.is_ready()
    }

    /// Whether an object is allowed as it is.
    fn is_exempt(&self, review: &Review<'_>) -> bool {
        let is_part = !matches!(review.part, "" | "ephemeralcontainers");
        is_part || review.operation == Operation::Connect || self.terms.exempt.contains(review.namespace)
    }

    /// The answer to a review.
    pub fn answer(&self, review: &Review<'_>) -> Answer {
        self.judge(review, Ask::Verdicts)
    }

    /// The answer where there was no time for one: from memory alone, and nothing is noted.
    pub fn late(&self, review: &Review<'_>, why: &'static str) -> Answer {
        self.judge(review, Ask::Memory(why))
    }

    fn judge(&self, review: &Review<'_>, ask: Ask) -> Answer {
        let notes = matches!(ask, Ask::Verdicts) && !review.dry_run;
        if self.is_exempt(review) {
            return Answer::default();
        }
        let found = |object| uses(review, object, self.terms.limits.get(MAX_MODELS));
        let old = review.old.map_or(Ok(Vec::new()), found);
        let Some(object) = review.object.filter(|_| review.operation != Operation::Delete) else {
            if let (Some(object), Ok(old), true) = (review.old, &old, notes) {
                self.ended(review, object, old);
            }
            return Answer::default(); // what ends is never stopped
        };
        let new = match found(object) {
            Ok(new) => new,
            Err(limit) => {
                let why = format!("its models could not be told: {limit}");
                let said = self.failed(why);
                return self.worded(&Ruling::of(said));
            }
        };
        // What runs may be scaled, labelled and ended without a new question.
        let before = old.unwrap_or_default();
        let is_in = |list: &[Use], used: &Use| list.iter().any(|other| is_same(used, other));
        let (asked, kept): (Vec<Use>, Vec<Use>) = new.into_iter().partition(|used| !is_in(&before, used));
        let gone: Vec<Use> = before.into_iter().filter(|used| !is_in(&kept, used)).collect();
        let mut ruling = Ruling::default();
        for used in &asked {
            self.rule(used, ask, &mut ruling);
        }
        let is_allowed = self.terms.mode == Mode::Observe || ruling.refused.is_empty();
        let kept_on_disk =
            if notes && is_allowed { self.note(review, object, &ruling, &kept, &gone) } else { Ok(()) };
        if let Err(error) = kept_on_disk {
            tracing::error!(cause = chain(&error), "where a model runs could not be recorded");
            // A cleared digest is never stopped; of a name, nobody could say later what it meant where.
            let is_by_digest = ruling.standings.iter().all(|(model, _)| matches!(model, Model::Digest(_)));
            let why = "it could not be recorded that this runs here".to_owned();
            let is_let_in = is_by_digest || self.terms.mode == Mode::Observe;
            ruling.add(if is_let_in { Said::Warn(why) } else { self.failed(why) });
        }
        self.worded(&ruling)
    }

    fn rule(&self, used: &Use, ask: Ask, ruling: &mut Ruling) {
        let (model, perhaps) = match &used.named {
            Named::Open(open) => {
                let text = format!("{}: {}", used.at, open.why());
                ruling.add(match self.terms.unnamed {
                    Otherwise::Warn => Said::Warn(text),
                    Otherwise::Refuse => Said::Refuse(format!("{text} (`gates.models.unnamed` is refuse)")),
                });
                return;
            }
            Named::Model(model) => (model.clone(), false),
            Named::Perhaps(sha256) => (Model::Digest(*sha256), true),
        };
        match self.standing(&model, ask) {
            Ok(standing) => {
                if perhaps && standing.word == Word::Unseen {
                    return; // an image like any other
                }
                let said = said(used, &model, &standing);
                ruling.add(said);
                ruling.models.insert(model.to_string());
                ruling.standings.push((model, standing));
            }
            Err(error) if perhaps => {
                // Nearly every image is no model, and is not held up because that cannot be told.
                tracing::warn!(cause = chain(&error), "it could not be told whether an image is a model");
            }
            Err(error) => {
                let why =
                    format!("{}: whether {model} was cleared could not be told: {}", used.at, chain(&error));
                ruling.add(self.failed(why));
            }
        }
    }

    /// Where a model stands; from memory while that is fresh, or if it was cleared and cannot be looked up.
    fn standing(&self, model: &Model, ask: Ask) -> Result<Arc<Standing>, LedgerError> {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(model);
        let fresh_for = |standing: &Standing| match standing.word {
            Word::Cleared => CLEARED_FOR,
            _ => OTHERS_FOR,
        };
        if let Some(Remembered { standing, when: Some(when) }) = &known
            && now.saturating_duration_since(*when) < fresh_for(standing)
        {
            return Ok(Arc::clone(standing));
        }
        let looked = match ask {
            Ask::Verdicts => self.verdicts.look_up(model),
            Ask::Memory(what) => Err(LedgerError { what, cause: None }),
        };
        match looked {
            Ok(standing) => {
                let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                all.put(model, &standing, now);
                Ok(standing)
            }
            Err(error) => match known {
                Some(Remembered { standing, .. }) if standing.word == Word::Cleared => Ok(standing),
                _ => Err(error),
            },
        }
    }

    /// What is said where a standing cannot be told.
    fn failed(&self, why: String) -> Said {
        match self.terms.fail {
            Otherwise::Warn => Said::Warn(why),
            Otherwise::Refuse => Said::Refuse(format!("{why}; ask again, or see what `lazaret serve` says")),
        }
    }

    /// Notes where models run now, where they no longer do, and what is wrong with them.
    fn note(
        &self,
        review: &Review<'_>,
        object: Node<'_, '_>,
        ruling: &Ruling,
        kept: &[Use],
        gone: &[Use],
    ) -> Result<(), LedgerError> {
        let mut notes = Vec::new();
        if let Some(workload) = Workload::of(review, object) {
            let (at, when, part) =
                (self.place(&workload), SystemClock.now().to_string(), !workload.is_itself);
            let mut running: BTreeSet<Sha256> = BTreeSet::new();
            for (model, standing) in &ruling.standings {
                let cleared = standing.word == Word::Cleared;
                for sha256 in files(model, standing).filter(|file| running.insert(*file)) {
                    let (model, at, when) = (model.to_string(), at.clone(), when.clone());
                    notes.push(Note::Runs { sha256, model, cleared, at, when, part });
                }
            }
            if workload.is_itself && !gone.is_empty() {
                running.extend(self.files_of(kept));
                let gone = self.files_of(gone).into_iter().filter(|file| !running.contains(file));
                notes.extend(gone.map(|sha256| Note::Ended { sha256, at: at.clone(), when: when.clone() }));
            }
        }
        let troubles = ruling.standings.iter().flat_map(|(_, standing)| &standing.troubles);
        let alert = |trouble: &Trouble| {
            let rules = trouble.rules.iter().take(MOST_RULES).cloned().collect();
            Note::Alert { sha256: trouble.sha256, rules }
        };
        notes.extend(troubles.map(alert));
        if notes.is_empty() { Ok(()) } else { self.records.record(notes) }
    }

    fn worded(&self, ruling: &Ruling) -> Answer {
        let mut answer = Answer::default();
        let verdict = match (self.terms.mode, ruling.refused.is_empty(), ruling.warnings.is_empty()) {
            (_, true, true) if ruling.standings.is_empty() => return answer,
            (_, true, true) => "allowed",
            (_, true, false) => "warned",
            (Mode::Observe, false, _) => "would-be-refused",
            (Mode::Enforce, false, _) => "refused",
        };
        answer.audit.push(("verdict", verdict.to_owned()));
        let models: Vec<&str> = ruling.models.iter().take(20).map(String::as_str).collect();
        if !models.is_empty() {
            answer.audit.push(("models", models.join(" ").chars().take(LONGEST_AUDIT).collect()));
        }
        if self.terms.mode == Mode::Enforce && !ruling.refused.is_empty() {
            answer.refused = Some(format!("lazaret: {}", ruling.refused.join("; ")));
        } else {
            answer.warnings.extend(
                ruling.refused.iter().map(|why| format!("lazaret only observes; it would refuse: {why}")),
            );
        }
        answer.warnings.extend(ruling.warnings.iter().map(|warning| format!("lazaret: {warning}")));
        answer.warnings.extend(self.verdicts.caution().map(|caution| format!("lazaret: {caution}")));
        answer
    }

    fn place(&self, workload: &Workload) -> Place {
        Place {
            cluster: self.terms.cluster.clone(),
            namespace: workload.namespace.clone(),
            kind: workload.kind.clone(),
            name: workload.name.clone(),
        }
    }

    /// Notes that something ends. What was a part of something else ends with that.
    fn ended(&self, review: &Review<'_>, object: Node<'_, '_>, old: &[Use]) {
        let Some(workload) = Workload::of(review, object).filter(|workload| workload.is_itself) else {
            return;
        };
        let (at, when) = (self.place(&workload), SystemClock.now().to_string());
        let gone = self.files_of(old).into_iter();
        let notes: Vec<Note> =
            gone.map(|sha256| Note::Ended { sha256, at: at.clone(), when: when.clone() }).collect();
        if !notes.is_empty()
            && let Err(error) = self.records.record(notes)
        {
            tracing::error!(cause = chain(&error), "that a model no longer runs could not be recorded");
        }
    }

    /// The files of models, as far as they can be told.
    fn files_of(&self, uses: &[Use]) -> BTreeSet<Sha256> {
        let mut found = BTreeSet::new();
        for used in uses {
            let model = match &used.named {
                Named::Model(model) => model.clone(),
                Named::Perhaps(sha256) => Model::Digest(*sha256),
                Named::Open(_) => continue,
            };
            let Ok(standing) = self.standing(&model, Ask::Verdicts) else { continue };
            if !matches!(used.named, Named::Perhaps(_)) || standing.word != Word::Unseen {
                found.extend(files(&model, &standing));
            }
        }
        found
    }
}

/// Whether two texts name the same. Of an image the tag beside its digest says nothing.
fn is_same(one: &Use, other: &Use) -> bool {
    one.named == other.named && (one.text == other.text || !matches!(one.named, Named::Open(_)))
}

/// The files that a model is: what was not seen is at least the digest that names it.
fn files<'a>(model: &'a Model, standing: &'a Standing) -> impl Iterator<Item = Sha256> + 'a {
    let own = match model {
        Model::Digest(sha256) if !standing.files.contains(sha256) => Some(*sha256),
        _ => None,
    };
    own.into_iter().chain(standing.files.iter().copied())
}
