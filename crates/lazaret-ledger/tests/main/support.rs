//! What the tests share: a signer from a seed, a clock that stands, made-up receipts.

use std::path::Path;
use std::sync::Arc;

use lazaret_core::{
    Actor, Basis, Clock, Counts, CrossingId, Ending, Entry, FormatId, Gate, KeyedDigest, Mode, Opened,
    Output, Purpose, Random, RandomError, Recipient, Seal, Signer as _, Timestamp, Verdict,
};

use lazaret_ledger::SqliteLedger;
use lazaret_ledger::note::VerifierKey;

#[path = "../../src/testing.rs"]
mod testing;

pub(crate) use testing::SeedSigner;

pub(crate) const ORIGIN: &str = "ledger.test/lazaret";
const NOW: Timestamp = Timestamp::from_millis(1_764_080_413_007);

pub(crate) struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Random bytes that are foreseen.
pub(crate) struct Counting(pub(crate) u64);

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for (to, from) in buffer.iter_mut().rev().zip(self.0.to_le_bytes()) {
            *to = from;
        }
        Ok(())
    }
}

pub(crate) fn ledger(path: &Path) -> SqliteLedger {
    SqliteLedger::start(path, ORIGIN, Arc::new(SeedSigner::new([7; 32])), Arc::new(Standing)).unwrap()
}

pub(crate) fn key() -> VerifierKey {
    VerifierKey::new(ORIGIN, SeedSigner::new([7; 32]).public_key()).unwrap()
}

pub(crate) fn crossing(n: u64) -> CrossingId {
    CrossingId::new(NOW, &Counting(n)).unwrap()
}

pub(crate) fn digest(n: u64) -> KeyedDigest {
    KeyedDigest(lazaret_ledger::merkle::sha256(&n.to_be_bytes()))
}

pub(crate) fn opened(n: u64) -> Opened {
    Opened {
        crossing: crossing(n),
        actor: Actor { id: "svc.etl".into(), role: "pipeline".into() },
        gate: Gate::Ingest,
        from: digest(n % 3),
        system: "ehr".into(),
        to: "lake".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "lake".into(),
        purpose: Purpose::Research { protocol: "IRB-7".into() },
        basis: Basis::SafeHarbor,
        profile: "safe-harbor".into(),
        started: NOW,
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: None,
        policy: "ab12".into(),
        detectors: vec!["fhir-r4/1".into(), "phi.mrn/2".into()],
    }
}

pub(crate) fn entry(n: u64, record: u64) -> Entry {
    Entry {
        file: None,
        record,
        line: Some(record + 1),
        format: FormatId("fhir-ndjson"),
        kind: "Patient".into(),
        identity: digest(n * 1_000_003 + record),
        digest_in: digest(record),
        digest_out: Some(digest(record + 1)),
        verdict: Verdict::Tokenise,
        policies: vec!["default".into()],
        findings: Vec::new(),
        phi: [("MRN".to_owned(), 1), ("NAME.patient".to_owned(), 2)].into(),
        edits: [("MRN token".to_owned(), 1), ("NAME.patient redact".to_owned(), 2)].into(),
        sensitivity: Vec::new(),
        held: None,
        again: None,
        uninspected: None,
    }
}

pub(crate) fn seal(n: u64, entries: &[Entry], ending: Ending) -> Seal {
    let mut counts = Counts::default();
    for entry in entries {
        counts.add(entry);
    }
    Seal {
        crossing: crossing(n),
        ending,
        reason: (ending == Ending::Cut).then(|| "stopped".to_owned()),
        ended: NOW.plus_millis(n),
        outputs: vec![Output {
            dataset: "lake/Patient".into(),
            name: format!("Patient/part-{n}.parquet"),
            sha256: lazaret_core::hex(&digest(n).0),
            bytes: 4_096,
            records: counts.records,
        }],
        counts,
    }
}
