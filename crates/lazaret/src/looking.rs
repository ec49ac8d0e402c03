//! The ports of a look that records nothing: what is known of patients is kept in memory for as long as the
//! look lasts, and everything that would record or release refuses.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use lazaret_core::{
    CrossingId, Entry, EntryIndex, Hold, HoldId, KeyedDigest, Known, KnownFact, Label, Ledger, LedgerError,
    Limit, Limits, Opened, Purpose, Seal, Sealed, Subject, TokenRequest, Vault, VaultError,
};
use lazaret_vault::{MAX_FACT_BYTES, MAX_KNOWN_FACTS};

/// A vault that only remembers, in memory, what records say of the patients they describe: as much as the vault
/// would keep.
pub(crate) struct MemoryOfSubjects {
    most_facts: Limit,
    most_bytes: Limit,
    known: RwLock<HashMap<Subject, Arc<Known>>>,
}

impl MemoryOfSubjects {
    /// With the vault's limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most_facts: limits.get(MAX_KNOWN_FACTS),
            most_bytes: limits.get(MAX_FACT_BYTES),
            known: RwLock::default(),
        }
    }

    /// What is known with some facts more; nothing where that is too much.
    fn with(&self, known: Option<&Known>, facts: &[KnownFact]) -> Known {
        let mut all = known.cloned().unwrap_or_default();
        let mut seen: HashSet<(Label, &str)> = HashSet::new();
        let before = all.facts.iter().map(|fact| (fact.label, fact.text.expose().as_str()));
        seen.extend(before);
        let new = facts.iter().filter(|fact| seen.insert((fact.label, fact.text.expose()))).cloned();
        let new: Vec<KnownFact> = new.collect();
        all.facts.extend(new);
        let mut bytes = facts.iter().map(|fact| fact.text.expose().len());
        all.too_much |= self.most_facts.check(facts.len() as u64).is_err()
            || self.most_facts.check(all.facts.len() as u64).is_err()
            || bytes.any(|bytes| self.most_bytes.check(bytes as u64).is_err());
        if all.too_much {
            all.facts.clear();
        }
        all
    }
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
        let all = self.with(known.get(subject).map(Arc::as_ref), facts);
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
