//! What becomes of an object: looked up, decided, remembered.
//!
//! A model that was ever cleared is allowed, whatever was found in it since: then whoever asks is warned, and an alert is
//! recorded. That it was cleared never changes, so what is remembered of it holds even while nothing can be looked up.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_input::json::Node;
use lazaret_core::{LedgerError, Limit, Limits, Mode, Sha256, chain};

use super::named::{Model, Named};
use super::notes::{Note, Place, Records};
use super::review::{Answer, Operation, Review};
use super::standing::{Standing, Trouble, Word};
use super::uses::{MAX_MODELS, Use, Workload, uses};

/// Most models whose standing is kept in memory.
pub const MAX_CACHED: Limit = Limit::new("admission.max_cached", 50_000);

/// How long a cleared model is not looked up again: a later finding warns so much later.
const CLEARED_FOR: Duration = Duration::from_secs(30);
/// The same of others: whoever has one admitted tries again at once.
const OTHERS_FOR: Duration = Duration::from_secs(2);

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
    known: Mutex<HashMap<Model, (Arc<Standing>, Instant)>>,
    most_known: usize,
}

/// What is said of one use of a model.
enum Said {
    Nothing,
    Warn(String),
    Refuse(String),
}

impl Judge {
    /// A judge.
    pub fn new(terms: Terms, verdicts: Arc<dyn Verdicts>, records: Arc<dyn Records>) -> Self {
        let most_known = usize::try_from(terms.limits.get(MAX_CACHED).most()).unwrap_or(usize::MAX);
        Self { terms, verdicts, records, known: Mutex::default(), most_known }
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
        if self.is_exempt(review) {
            return Answer::default();
        }
        let found = |object| uses(review, object, self.terms.limits.get(MAX_MODELS));
        let old = review.old.map_or(Ok(Vec::new()), found);
        let Some(object) = review.object.filter(|_| review.operation != Operation::Delete) else {
            if let (Some(object), Ok(old), false) = (review.old, &old, review.dry_run) {
                self.ended(review, object, old);
            }
            return Answer::default(); // what ends is never stopped
        };
        let new = match found(object) {
            Ok(new) => new,
            Err(limit) => return self.failed(&format!("its models could not be told: {limit}")),
        };
        // What runs may be scaled, labelled and ended without a new question.
        let before = old.unwrap_or_default();
        let is_in = |list: &[Use], used: &Use| {
            list.iter().any(|other| other.text == used.text && other.named == used.named)
        };
        let (asked, kept): (Vec<Use>, Vec<Use>) = new.into_iter().partition(|used| !is_in(&before, used));
        let gone: Vec<Use> = before.into_iter().filter(|used| !is_in(&kept, used)).collect();
        let mut ruling = Ruling::default();
        for used in &asked {
            self.rule(used, &mut ruling);
        }
        self.conclude(review, object, ruling, &gone)
    }

    fn rule(&self, used: &Use, ruling: &mut Ruling) {
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
        match self.standing(&model) {
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
                let why = format!("{}: whether {model} was cleared could not be told: {}", used.at, chain(&error));
                ruling.add(match self.terms.fail {
                    Otherwise::Warn => Said::Warn(why),
                    Otherwise::Refuse => Said::Refuse(why),
                });
            }
        }
    }

    /// Where a model stands; from memory while that is fresh, or if it was cleared and cannot be looked up.
    fn standing(&self, model: &Model) -> Result<Arc<Standing>, LedgerError> {
        let now = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned();
        let fresh_for = |standing: &Standing| match standing.word {
            Word::Cleared => CLEARED_FOR,
            _ => OTHERS_FOR,
        };
        if let Some((standing, since)) = &known
            && now.saturating_duration_since(*since) < fresh_for(standing)
        {
            return Ok(Arc::clone(standing));
        }
        match self.verdicts.look_up(model) {
            Ok(standing) => {
                let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= self.most_known {
                    all.clear();
                }
                all.insert(model.clone(), (Arc::clone(&standing), now));
                Ok(standing)
            }
            Err(error) => match known {
                Some((standing, _)) if standing.word == Word::Cleared => Ok(standing),
                _ => Err(error),
            },
        }
    }

    /// What is answered where there was no time to judge.
    pub fn late(&self, review: &Review<'_>, why: &str) -> Answer {
        if self.is_exempt(review) || review.operation == Operation::Delete {
            return Answer::default();
        }
        self.failed(why)
    }

    fn failed(&self, why: &str) -> Answer {
        let mut ruling = Ruling::default();
        ruling.add(match self.terms.fail {
            Otherwise::Warn => Said::Warn(why.to_owned()),
            Otherwise::Refuse => {
                Said::Refuse(format!("{why}; ask again, or see what `lazaret serve` says"))
            }
        });
        self.worded(ruling)
    }

    fn conclude(&self, review: &Review<'_>, object: Node<'_, '_>, ruling: Ruling, gone: &[Use]) -> Answer {
        let is_allowed = self.terms.mode == Mode::Observe || ruling.refused.is_empty();
        let mut notes = Vec::new();
        if is_allowed && !review.dry_run {
            if let Some(workload) = Workload::of(review, object) {
                let place = self.place(&workload);
                for (model, standing) in &ruling.standings {
                    for file in files(model, standing) {
                        notes.push(Note::Runs {
                            sha256: file,
                            model: model.to_string(),
                            at: place.clone(),
                            part: !workload.is_itself,
                        });
                    }
                }
                if workload.is_itself {
                    notes.extend(self.gone(gone, &place));
                }
            }
            let troubles = ruling.standings.iter().flat_map(|(_, standing)| &standing.troubles);
            notes.extend(troubles.map(|trouble| Note::Alert {
                sha256: trouble.sha256,
                rules: trouble.rules.clone(),
            }));
        }
        let mut answer = self.worded(ruling);
        if !notes.is_empty()
            && let Err(error) = self.records.record(notes)
        {
            tracing::error!(cause = chain(&error), "where a model runs could not be recorded");
            answer.warnings.push("lazaret: it could not be recorded that this runs here".to_owned());
        }
        answer
    }

    fn worded(&self, ruling: Ruling) -> Answer {
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
            answer.audit.push(("models", models.join(" ")));
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

    /// Records that something ends. What was a part of something else ends with that.
    fn ended(&self, review: &Review<'_>, object: Node<'_, '_>, old: &[Use]) {
        let Some(workload) = Workload::of(review, object).filter(|workload| workload.is_itself) else {
            return;
        };
        let notes = self.gone(old, &self.place(&workload));
        if !notes.is_empty()
            && let Err(error) = self.records.record(notes)
        {
            tracing::error!(cause = chain(&error), "that a model no longer runs could not be recorded");
        }
    }

    fn gone(&self, uses: &[Use], place: &Place) -> Vec<Note> {
        let mut notes = Vec::new();
        for used in uses {
            let model = match &used.named {
                Named::Model(model) => model.clone(),
                Named::Perhaps(sha256) => Model::Digest(*sha256),
                Named::Open(_) => continue,
            };
            let Ok(standing) = self.standing(&model) else { continue };
            if matches!(used.named, Named::Perhaps(_)) && standing.word == Word::Unseen {
                continue;
            }
            notes.extend(files(&model, &standing).map(|sha256| Note::Ended { sha256, at: place.clone() }));
        }
        notes
    }
}

/// The files that a model is: what was not seen is at least the digest that names it.
fn files<'a>(model: &'a Model, standing: &'a Standing) -> impl Iterator<Item = Sha256> + 'a {
    let own = match model {
        Model::Digest(sha256) if !standing.files.contains(sha256) => Some(*sha256),
        _ => None,
    };
    own.into_iter().chain(standing.files.iter().copied())
}

/// What was found about all uses.
#[derive(Default)]
struct Ruling {
    refused: Vec<String>,
    warnings: Vec<String>,
    models: BTreeSet<String>,
    standings: Vec<(Model, Arc<Standing>)>,
}

impl Ruling {
    fn add(&mut self, said: Said) {
        match said {
            Said::Nothing => {}
            Said::Warn(text) => self.warnings.push(text),
            Said::Refuse(text) => self.refused.push(text),
        }
    }
}

fn said(used: &Use, model: &Model, standing: &Standing) -> Said {
    let at = &used.at;
    match standing.word {
        Word::Cleared => match standing.troubles.as_slice() {
            [] => Said::Nothing,
            [first, more @ ..] => Said::Warn(warning(model, first, more.len())),
        },
        Word::Held => {
            let held = standing.held.clone().unwrap_or_default();
            let (sha256, rules) = (held.sha256, held.rules.join(", "));
            Said::Refuse(format!(
                "{at}: {model} is held: {rules}; receipt {}. Who needs it asks for it: `lazaret models request {sha256}`, and \
                 somebody else admits it",
                held.receipt
            ))
        }
        Word::Unseen => Said::Refuse(format!(
            "{at}: {model} was never inspected here. Pass it (`lazaret models pass MODEL --name NAME`) or fetch it through \
             the proxies, then try again"
        )),
    }
}

/// Short enough that the API server does not cut it: the digest, what is wrong, who has to do with it, until when.
fn warning(model: &Model, trouble: &Trouble, more: usize) -> String {
    let short = |text: &str| text.chars().take(20).collect::<String>();
    let model = match model {
        Model::Digest(sha256) => format!("sha256:{}…", short(&sha256.to_string())),
        Model::Revision { name, revision } => {
            format!("{}@{}", name.chars().take(60).collect::<String>(), short(revision))
        }
    };
    let first = trouble.rules.first().map_or("its admission is over", String::as_str);
    let rules = match trouble.rules.len().saturating_add(more) {
        0 | 1 => first.to_owned(),
        found => format!("{first} and {} more", found.saturating_sub(1)),
    };
    let day = trouble.until.get(..10).unwrap_or(&trouble.until);
    format!("{model} was cleared before; since then: {rules}. {} has until {day}", trouble.owner)
}
