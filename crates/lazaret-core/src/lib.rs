//! The words of lazaret, its traits, and the one road everything crosses by.
//!
//! Every byte of patient data and every model on its way to AI is a [`Crossing`]. It is *inspected* by
//! [`Detector`]s, *decided* by a [`Policy`] and *recorded* in a [`Ledger`], all by one [`Checkpoint`], and
//! nothing reaches its [`Destination`] by another road: a destination takes only [`Cleared`] pieces, and only a
//! [`Passage`] clears.
//!
//! | file | what is in it |
//! |---|---|
//! | `crossing`, `mode` | who sends what to whom, on which basis; modes, break-glass, care-critical routes |
//! | `record`, `locator` | payloads, records, segments, places |
//! | `detector`, `finding`, `label`, `language` | who looks, what is found, what kind of identifier it is, in which language |
//! | `profile`, `edits` | what becomes of each identifier, and the changes that follow |
//! | `policy`, `verdict` | who decides, and what may be decided |
//! | `checkpoint`, `passage`, `judge`, `cleared` | the road itself: short, read these first |
//! | `batches`, `numbers`, `amounts`, `stopped` | how a payload is judged ahead of what is recorded; how its placeholders are numbered; how many records it may have; why a crossing stopped |
//! | `receipt` | what is recorded |
//! | `ports`, `workers`, `clock` | what core needs from outside, and the pool that runs each step under a deadline |
//! | `limit`, `sensitive`, `time`, `hex`, `chain`, `faulty` | limits with a name, values that are never printed, time, digits, errors in a line, what is wrong in a file that people keep |

mod amounts;
mod batches;
mod body;
mod chain;
mod checkpoint;
mod cleared;
mod clock;
mod crossing;
mod detector;
mod edits;
mod faulty;
mod finding;
mod hex;
mod judge;
mod label;
mod language;
mod limit;
mod locator;
mod mode;
mod numbers;
mod passage;
mod policy;
mod ports;
mod profile;
mod receipt;
mod record;
mod sensitive;
mod stopped;
mod time;
mod verdict;
mod workers;

pub use amounts::{CORE_LIMITS, MAX_HELD, MAX_RECORDS};
pub use body::{Body, OwnFile, Sha256, Stored};
pub use chain::chain;
pub use checkpoint::{Checkpoint, CheckpointParts, RecordReport};
pub use cleared::{Cleared, Destination, Piece, PieceContent, Undelivered};
pub use clock::SystemClock;
pub use crossing::{
    Actor, Basis, Crossing, CrossingId, Gate, ModelOrigin, Order, Ordered, Purpose, Recipient, Sensitivity,
};
pub use detector::{Context, Detector, DetectorError, View};
pub use edits::{Edit, Edits, EditsOverlap};
pub use faulty::{Fault, Faulty, line_of};
pub use finding::{
    CORE_RULES, Confidence, DETECTOR_FAILED, Detection, Finding, Findings, HELD_RECORDS, MAX_FINDINGS,
    RECORDS, Rule, SENSITIVE_RECORD, Severity, Span, TIME_LIMIT, UNINSPECTABLE, UNKNOWN_SUBJECT, UNLINKED,
};
pub use hex::hex;
pub use label::{Kind, Label};
pub use language::Language;
pub use limit::{Limit, LimitExceeded, Limits};
pub use locator::{Locator, Place, RecordPlace, Step};
pub use mode::{
    CareCritical, FRESH_SIGN_IN_MILLIS, MAX_OVERRIDE_MILLIS, Mode, OVERRIDE_REVIEW_MILLIS, Override,
    OverrideRefused, OverrideRequest, OverrideScope,
};
pub use numbers::{MAX_ENTITIES, MAX_SUBJECTS};
pub use passage::{Fate, Judgement, Passage, Watch};
pub use policy::{Decision, FindingSummary, Policy, PolicyError};
pub use ports::{
    Admission, Clock, DataKey, DataKeys, Deadlines, Hold, HoldId, Job, KeyedDigest, Known, KnownFact, Ledger,
    LedgerError, Numbering, Random, RandomError, Rewriter, Signer, Source, SourceError, Subject, TokenForm,
    TokenRequest, Vault, VaultError, Workers, WorkersRefused,
};
pub use profile::{Action, Profile};
pub use receipt::{
    Counts, Ending, Entry, EntryIndex, Opened, Output, Receipt, RecordedFile, RecordedFinding, Seal, Sealed,
};
pub use record::{
    Content, Fact, Flow, Format, FormatId, Hint, Identity, Likeness, Meaning, Payload, Reading, Record,
    Refused, Segment, SubjectRef,
};
pub use sensitive::Sensitive;
pub use stopped::{Reached, Stage, Stopped};
pub use time::Timestamp;
pub use verdict::Verdict;
pub use workers::{Failure, ThreadWorkers};
