//! Why a crossing was stopped: at which step, and how far it had come.

use std::fmt;

use crate::{CrossingId, Failure};

/// Which step stopped a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the source.
    Read,
    /// Recording that the crossing begins.
    Open,
    /// Judging a record.
    Judge,
    /// The policy.
    Decide,
    /// The vault.
    Vault,
    /// Recording entries.
    Record,
    /// Handing pieces to the destination.
    Deliver,
    /// Ending the destination's temporary output.
    Finish,
    /// Recording the end.
    Seal,
    /// Making the output visible.
    Commit,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "reading the source",
            Self::Open => "recording that the crossing begins",
            Self::Judge => "inspecting a record",
            Self::Decide => "the policy's decision",
            Self::Vault => "the vault",
            Self::Record => "recording what was decided",
            Self::Deliver => "handing a record to the destination",
            Self::Finish => "ending the destination's temporary output",
            Self::Seal => "recording the end of the crossing",
            Self::Commit => "making the output visible",
        })
    }
}

/// How far a stopped crossing had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing was recorded.
    Nothing,
    /// The beginning is recorded. It is sealed as cut, now or at the next start.
    Opened,
    /// The end is recorded; the output becomes visible at the next start.
    Sealed,
}

/// The crossing was stopped.
#[derive(Debug, thiserror::Error)]
#[error("{step}{}{}", Consequence(*reached, *crossing), Place(*record))]
pub struct Stopped {
    /// The crossing, which is also its receipt's id.
    pub crossing: CrossingId,
    /// At which step.
    pub step: Stage,
    /// The record that was being judged, if one was.
    pub record: Option<u64>,
    /// How far it had come.
    pub reached: Reached,
    /// Why.
    #[source]
    pub failure: Failure,
}

struct Consequence(Reached, CrossingId);

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reached::Nothing => f.write_str(" stopped the crossing before it began; nothing crossed"),
            Reached::Opened => {
                write!(f, " stopped crossing {}; nothing of it reached its destination", self.1)
            }
            Reached::Sealed => {
                write!(f, " was interrupted; crossing {} is sealed and is finished at the next start", self.1)
            }
        }
    }
}

struct Place(Option<u64>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |record| write!(f, " (record {record})"))
    }
}

/// A step that failed, before it is known how far the crossing had come.
pub(crate) struct Failed {
    pub(crate) step: Stage,
    pub(crate) record: Option<u64>,
    pub(crate) failure: Failure,
}
