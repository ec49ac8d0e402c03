//! The one road of a file that was fetched: inspected, decided and recorded by the checkpoint, and given out of the folder
//! of cleared blobs alone. What each proxy does around it is its own affair; no byte passes but through here.

use std::io;
use std::sync::Arc;

use axum::http::StatusCode;
use lazaret_core::{
    Checkpoint, Crossing, CrossingId, DETECTOR_FAILED, Destination, LedgerError, Mode, Payload, RandomError,
    Severity, Sha256, Stopped, Stored, TIME_LIMIT, VaultError, Verdict, Watch, chain,
};
use lazaret_input::{Blobs, Durable, FORMAT_UNKNOWN, FileSource, Spool, StoreError};

use crate::net::answer::Refusal;
use crate::net::room::Room;
use crate::net::url::Url;
use crate::updates::asker::Asker;
use crate::updates::unseen::{Nowhere, Unseen};

/// Longest name of a model, revision or file that is recorded, in bytes.
const LONGEST_NAME: usize = 2_048;
/// Findings that a refusal names; the receipt has all.
const MOST_TOLD: usize = 3;

/// What is asked for: what a crossing is told of a file.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who asks for it.
    pub by: Asker,
    /// By which proxy, as policies name it: `hub`, `packages`, `files`, `images`.
    pub route: &'static str,
    /// Where it is from.
    pub from: Url,
    /// The model or package it is of, as its upstream names it: `org/model`.
    pub model: String,
    /// Its revision there.
    pub revision: Option<String>,
    /// Its path in the model.
    pub file: String,
}

/// What a model was made from, as far as its upstream tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The run that trained it.
    pub run: Option<String>,
    /// The commit of the code that did.
    pub code: Option<String>,
    /// The datasets it was trained on.
    pub datasets: Vec<String>,
}

/// Makes the crossing of a model: who asks, for what, on which basis, and how its files are read. The binary knows; a proxy
/// does not.
pub trait Crossings: Send + Sync {
    /// The next crossing.
    fn next(&self, asked: &Asked, lineage: Lineage) -> Result<Crossing, GateError>;

    /// Who asks, in words that may be recorded: what somebody says to be let in only as its keyed digest.
    fn asked_by(&self, by: &Asker) -> Result<String, GateError>;

    /// The files of one model that crosses, each read with the others beside it, and with those that crossed before. The
    /// crossing is told what is proven of them.
    fn model(&self, files: Vec<Stored>, beside: Vec<Stored>, crossing: &mut Crossing) -> Box<dyn Payload>;

    /// Whether other files of its model may have to be known before one is judged that crosses alone.
    fn has_companions(&self, file: &Stored) -> bool;

    /// Which those are, of the names of all files of its model.
    fn companions(&self, file: &Stored, names: &[String]) -> Vec<String>;
}

/// A cleared file is given out once more.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Which.
    pub sha256: Sha256,
    /// As what.
    pub asked: Asked,
}

/// What came of a file that is sent to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is about to go.
    Goes,
    /// The server answered with this status.
    Answered(u16),
    /// It is not known whether the server has it: the connection broke, or no answer came.
    Unknown,
}

/// Records who pulled what, and what was sent where.
pub trait Pulls: Send + Sync {
    /// Records that a cleared file is given out. Returns when that is durable; only then its first byte goes.
    fn pulled(&self, pull: &Pull) -> Result<(), LedgerError>;

    /// Records that a cleared file is sent to a server, before its first byte goes, and then what came of it.
    fn sent(&self, sent: &Pull, came: Sent) -> Result<(), LedgerError>;

    /// Whether what was decided last about a file under the last step of its name still lets it leave: it may have been
    /// looked at again, or its admission may be over.
    fn may_leave(&self, _file: Sha256, _name: &str) -> Result<bool, LedgerError> {
        Ok(true)
    }

    /// By what is decided now: where this is another text, something else may be decided of a file that was held.
    fn goes_by(&self) -> String {
        String::new()
    }

    /// Whether a file that was held by a crossing, under the last step of its name, still is: nothing was decided about it
    /// since, and nobody admitted it. Where that is not known it is looked at again.
    fn still_held(&self, _file: Sha256, _name: &str, _receipt: &str) -> Result<bool, LedgerError> {
        Ok(false)
    }
}

/// The checkpoint, where cleared files lie, and who records that they are given out.
pub struct Gate {
    /// Inspects, decides, records.
    pub checkpoint: Arc<Checkpoint>,
    /// Where cleared files lie.
    pub blobs: Arc<Blobs>,
    /// Makes crossings.
    pub crossings: Box<dyn Crossings>,
    /// Records pulls.
    pub pulls: Box<dyn Pulls>,
    /// Whether verdicts are enforced.
    pub mode: Mode,
    /// Room on the disk that files come to.
    pub room: Room,
}

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    /// It may be given out.
    Cleared(Sha256),
    /// It is held or blocked: nobody gets it.
    Held(Held),
}

/// A file that does not leave.
#[derive(Debug)]
pub struct Held {
    /// Its path in the model: of several, the first that is decided so.
    pub file: String,
    /// The crossing, which is its receipt.
    pub receipt: CrossingId,
    /// What was decided.
    pub verdict: Verdict,
    /// The gravest of what was found: rule, severity, place.
    pub worst: Vec<(String, Severity, String)>,
    /// How much more was found.
    pub more: usize,
    /// All that is held, each with the last step of its name.
    pub files: Vec<(Sha256, String)>,
    /// Whether it is held for what it is, and not because looking at it failed or took too long.
    pub is_lasting: bool,
    /// Whether it is held only because nobody knows what it is.
    pub is_unknown: bool,
}

/// Why a file is neither given out nor held: it was not inspected or not recorded to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The crossing was stopped.
    #[error("the file was not let through")]
    Stopped(#[from] Stopped),
    /// The folder of cleared blobs failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A cleared file is not where it was put.
    #[error("the cleared file is not in the store")]
    Gone,
    /// That it is given out could not be recorded.
    #[error("it could not be recorded who asks")]
    Pull(#[from] LedgerError),
    /// A name that is not recorded as it stands.
    #[error("the name of the {0} is longer than {LONGEST_NAME} bytes, or has control characters in it")]
    Name(&'static str),
    /// No id for its crossing.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No digest for who asks.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl GateError {
    /// As an answer: nothing is given where inspecting or recording failed.
    pub fn refusal(&self) -> Refusal {
        if let Self::Name(_) = self {
            return Refusal::new(StatusCode::BAD_REQUEST, format!("lazaret passes nothing on: {self}"));
        }
        let why = format!("lazaret gives nothing out: {}; when that is put right, ask again", chain(self));
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

impl Gate {
    /// Begins to receive a file.
    pub fn receive(&self) -> io::Result<Spool> {
        self.blobs.receive()
    }

    /// Lets a file through that was received whole, or holds it. It is read with the files of its model beside it that
    /// crossed before; those do not cross.
    pub fn pass(&self, stored: &Stored, asked: &Asked, beside: Vec<Stored>) -> Result<Outcome, GateError> {
        let mut crossing = self.crossing(asked, Lineage::default())?;
        let payload = self.crossings.model(vec![stored.clone()], beside, &mut crossing);
        let to = self.store(&crossing, asked);
        if let Some(held) = self.cross(crossing, payload, to)? {
            return Ok(Outcome::Held(held));
        }
        let sha256 = stored.file.sha256;
        let is_there = self.blobs.find(sha256)?.is_some();
        if is_there { Ok(Outcome::Cleared(sha256)) } else { Err(GateError::Gone) }
    }

    /// Lets the files of one model through in one crossing; gives what is held of them, if anything is.
    pub fn pass_model(
        &self,
        files: Vec<Stored>,
        asked: &Asked,
        lineage: Lineage,
    ) -> Result<Option<Held>, GateError> {
        let mut crossing = self.crossing(asked, lineage)?;
        let payload = self.crossings.model(files, Vec::new(), &mut crossing);
        let to = self.store(&crossing, asked);
        self.cross(crossing, payload, to)
    }

    /// Records that a model is put to use whose files cannot be read here; gives what is held of it, if it is.
    pub fn pass_unseen(
        &self,
        asked: &Asked,
        lineage: Lineage,
        why: String,
    ) -> Result<Option<Held>, GateError> {
        let crossing = self.crossing(asked, lineage)?;
        self.cross(crossing, Box::new(Unseen::new(why)), Box::new(Nowhere))
    }

    /// The crossing of what is asked for. What a client says is recorded for good: a name of a sane length, in one line.
    fn crossing(&self, asked: &Asked, lineage: Lineage) -> Result<Crossing, GateError> {
        let revision = asked.revision.as_deref().unwrap_or_default();
        for (what, name) in [("model", asked.model.as_str()), ("revision", revision), ("file", &asked.file)] {
            if name.len() > LONGEST_NAME || name.contains(char::is_control) {
                return Err(GateError::Name(what));
            }
        }
        self.crossings.next(asked, lineage)
    }

    /// Where the cleared files of a crossing go.
    fn store(&self, crossing: &Crossing, asked: &Asked) -> Box<dyn Destination> {
        let model = format!("{}/{}", crossing.to, asked.model);
        // It can be fetched again, and whoever asked waits.
        self.blobs.passage(crossing.id, &model, Durable::SoonAfter)
    }

    fn cross(
        &self,
        crossing: Crossing,
        payload: Box<dyn Payload>,
        to: Box<dyn Destination>,
    ) -> Result<Option<Held>, GateError> {
        let receipt = crossing.id;
        let mut told = Told::default();
        self.checkpoint.pass(crossing, payload, to, &mut |watch| told.add(&watch))?;
        let Some((verdict, file)) = told.holds else { return Ok(None) };
        // What is only worth knowing did not make it, unless there is nothing else.
        if told.found.iter().any(|(_, severity, _)| *severity > Severity::Info) {
            told.found.retain(|(_, severity, _)| *severity > Severity::Info);
        }
        let found = told.found.len();
        told.found.sort_by_key(|(_, severity, _)| std::cmp::Reverse(*severity));
        told.found.truncate(MOST_TOLD);
        let more = found.saturating_sub(told.found.len());
        let (files, is_lasting, is_unknown) = (told.files, !told.failed, told.unknown && !told.known);
        Ok(Some(Held { file, receipt, verdict, worst: told.found, more, files, is_lasting, is_unknown }))
    }

    /// Opens a cleared file to give it out, once it is recorded who asks; none if it is not here, or may no longer leave.
    pub fn open(&self, sha256: Sha256, asked: &Asked) -> Result<Option<FileSource>, GateError> {
        let Some(file) = self.cleared(sha256, &asked.file)? else { return Ok(None) };
        self.pulls.pulled(&Pull { sha256, asked: asked.clone() })?;
        Ok(Some(file))
    }

    /// A cleared file that may leave, if it is here. Not for a client: that it is given out is not recorded.
    pub fn cleared(&self, sha256: Sha256, name: &str) -> Result<Option<FileSource>, GateError> {
        let Some(file) = self.blobs.find(sha256)? else { return Ok(None) };
        Ok(self.pulls.may_leave(sha256, last_step(name))?.then_some(file))
    }

    /// A cleared file that may leave, if it is here, as one that others of its model are read beside, under its path there.
    pub fn beside(&self, sha256: Sha256, name: &str) -> Result<Option<Stored>, GateError> {
        let may = self.pulls.may_leave(sha256, last_step(name))?;
        Ok(if may { self.blobs.stored(sha256, name)? } else { None })
    }

    /// Whether a cleared file is here, and may leave.
    pub fn has(&self, sha256: Sha256, name: &str) -> Result<bool, GateError> {
        Ok(self.cleared(sha256, name)?.is_some())
    }
}

/// The last step of a file's path: the name that what was decided about it goes by.
pub(crate) fn last_step(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// What a crossing tells while it goes on.
#[derive(Default)]
struct Told {
    holds: Option<(Verdict, String)>,
    found: Vec<(String, Severity, String)>,
    files: Vec<(Sha256, String)>,
    failed: bool,
    /// Whether something is of no format that is known.
    unknown: bool,
    /// Whether something else is found for which it may be held.
    known: bool,
}

impl Told {
    fn add(&mut self, watch: &Watch<'_>) {
        let Watch::Record(judged) = watch else { return };
        // In mode observe nothing is held, whatever would have been.
        if judged.entry.held.is_none() {
            return;
        }
        let verdict = judged.entry.verdict;
        if self.holds.as_ref().is_none_or(|(gravest, _)| *gravest < verdict) {
            let file = judged.entry.file.as_ref().map(|file| file.name.clone());
            self.holds = Some((verdict, file.unwrap_or_default()));
        }
        if let Some(file) = &judged.entry.file {
            self.files.push((file.sha256, last_step(&file.name).to_owned()));
        }
        for found in &judged.entry.findings {
            self.failed |= [TIME_LIMIT.id, DETECTOR_FAILED.id].contains(&found.id.as_str());
            let is_unknown = found.id == FORMAT_UNKNOWN.id;
            self.unknown |= is_unknown;
            self.known |= !is_unknown && found.severity >= Severity::Medium;
        }
        let recorded = judged.entry.findings.iter();
        self.found.extend(recorded.map(|found| (found.id.clone(), found.severity, found.at.clone())));
    }
}

impl Held {
    /// As an answer, in words that every client shows: what was found, where, and the receipt.
    pub fn refusal(&self, asked: &Asked) -> Refusal {
        let what = match self.verdict {
            Verdict::Block => "blocked",
            _ => "holds",
        };
        let found = self.worst.iter().map(|(rule, severity, at)| format!("{rule} ({severity}) at {at}"));
        let mut found = found.collect::<Vec<_>>().join("; ");
        if self.more > 0 {
            found = format!("{found}; and {} more", self.more);
        }
        let message = format!(
            "lazaret {what} {} of {}: {found}. Receipt {}; whoever runs lazaret can look it up and decide",
            self.file, asked.model, self.receipt
        );
        Self::again(message)
    }

    /// The same in the words of before.
    pub(crate) fn again(message: String) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, message).coded("GatedRepo")
    }
}
