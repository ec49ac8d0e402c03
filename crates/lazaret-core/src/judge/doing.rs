//! What a worker is doing with a record, so that one that hangs or panics can be told whose fault it is, and
//! what stops more than the record.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::{LedgerError, PolicyError, VaultError};

/// What the judging of a record is doing; tells, if it hangs or panics, whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Doing {
    Reading,
    Inspecting,
    Deciding,
    Writing,
    Vault,
    Ledger,
}

impl Doing {
    /// Whether the fault is this record's alone: the reader's, a detector's or the writer's.
    pub(crate) fn is_of_the_record(self) -> bool {
        matches!(self, Self::Reading | Self::Inspecting | Self::Writing)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading a record",
            Self::Inspecting => "inspecting a record",
            Self::Deciding => "the policy's decision",
            Self::Writing => "writing a record",
            Self::Vault => "the vault",
            Self::Ledger => "the ledger",
        }
    }
}

/// Where a worker says what it is doing.
#[derive(Debug, Default)]
pub(crate) struct Doings(AtomicU8);

impl Doings {
    pub(super) fn set(&self, doing: Doing) {
        self.0.store(doing as u8, Ordering::Release);
    }

    pub(crate) fn get(&self) -> Doing {
        match self.0.load(Ordering::Acquire) {
            0 => Doing::Reading,
            1 => Doing::Inspecting,
            2 => Doing::Deciding,
            3 => Doing::Writing,
            4 => Doing::Vault,
            _ => Doing::Ledger,
        }
    }
}

/// Why the passage must stop.
#[derive(Debug)]
pub(crate) enum Grave {
    Policy(PolicyError),
    Vault(VaultError),
    Ledger(LedgerError),
    Panicked(Doing),
}

impl From<PolicyError> for Grave {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl From<VaultError> for Grave {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}
