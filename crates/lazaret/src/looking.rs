//! The ports of a look that records nothing: what is known of patients is kept in memory for as long as the
//! look lasts, and everything that would record or release refuses.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use lazaret_core::{
    CrossingId, Entry, EntryIndex, Hold, HoldId, KeyedDigest, Known, KnownFact, Ledger, LedgerError, Opened,
    Purpose, Seal, Sealed, Subject, TokenRequest, Vault, VaultError,
};

/// A vault that only remembers, in memory, what records say of the patients they describe.
#[derive(Default)]
pub(crate) struct MemoryOfSubjects {
    known: RwLock<HashMap<Subject, Arc<Known>>>,
}

const ONLY_LOOKS: VaultError = VaultError { what: "do this: this command only looks", cause: None };

impl Vault for MemoryOfSubjects {
    fn digest(&self, _: Option<&Subject>, _: &[u8]) -> Result<KeyedDigest, VaultError> {
        Err(ONLY_LOOKS)
    }

    fn token(&self, _: &TokenRequest<'_>) -> Result<String, VaultError> {
        Err(ONLY_LOOKS)
    }

    fn shift_days(&self, _: &Subject, _: &Purpose) -> Result<i32, VaultError> {
        Err(ONLY_LOOKS)
    }

    fn learn(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultError> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = known.get(subject).map_or_else(Known::default, |known| Known::clone(known));
        for fact in facts {
            if !all.facts.contains(fact) {
                all.facts.push(fact.clone());
            }
        }
        known.insert(subject.clone(), Arc::new(all));
        Ok(())
    }

    fn known(&self, subject: &Subject) -> Result<Option<Arc<Known>>, VaultError> {
        Ok(self.known.read().unwrap_or_else(PoisonError::into_inner).get(subject).cloned())
    }

    fn hold(&self, _: &Hold<'_>) -> Result<HoldId, VaultError> {
        Err(ONLY_LOOKS)
    }

    fn sync(&self) -> Result<(), VaultError> {
        Err(ONLY_LOOKS)
    }
}

/// A ledger that refuses: a look leaves no trace.
pub(crate) struct NoLedger;

const NOT_RECORDED: LedgerError = LedgerError { what: "record this: this command only looks", cause: None };

impl Ledger for NoLedger {
    fn open(&self, _: &Opened) -> Result<EntryIndex, LedgerError> {
        Err(NOT_RECORDED)
    }

    fn record(&self, _: CrossingId, _: Vec<Entry>) -> Result<(), LedgerError> {
        Err(NOT_RECORDED)
    }

    fn seal(&self, _: &Seal) -> Result<Sealed, LedgerError> {
        Err(NOT_RECORDED)
    }

    fn crossed(&self, _: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError> {
        Ok(None)
    }
}
