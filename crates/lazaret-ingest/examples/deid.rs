//! De-identifies FHIR files with validation off, for `bench/ingest/deid` and for nothing else:
//! `cargo run --release -p lazaret-ingest --example deid -- BASIS FOLDER FILE…` writes `FOLDER/0.json`,
//! `FOLDER/1.json`, … in the order of the files. Every record passes the checkpoint as in the product, with the
//! real detectors, rewriter and vault; only the policy is another: it lets everything through with its edits, so
//! that what the strict reader would hold is written too.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring tool for developers, on files they name"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lazaret_core::{
    Actor, Basis, Checkpoint, CheckpointParts, Clock as _, Crossing, CrossingId, Deadlines, Decision, Entry,
    EntryIndex, Fate, FindingSummary, Gate, KeyedDigest, Ledger, LedgerError, Limits, Mode, Opened, Payload,
    Policy, PolicyError, Purpose, Recipient, Seal, Sealed, SystemClock, ThreadWorkers, Verdict,
};
use lazaret_core::{Format as _, Hint};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_input::MemorySource;
use lazaret_phi::{PhiRewriter, PhiText};
use lazaret_vault::{LocalKms, SqliteVault, SystemRandom};

/// Validation off: whatever is wrong with a record, it is written with its edits.
struct EditsOnly;

impl Policy for EditsOnly {
    fn decide(&self, _: &Crossing, _: &FindingSummary) -> Result<Decision, PolicyError> {
        Ok(Decision { verdict: Verdict::Tokenise, policies: Arc::new([]) })
    }

    fn version(&self) -> String {
        "bench".to_owned()
    }
}

/// A ledger that forgets.
struct Forgets;

impl Ledger for Forgets {
    fn open(&self, _: &Opened) -> Result<EntryIndex, LedgerError> {
        Ok(EntryIndex(0))
    }

    fn record(&self, _: CrossingId, _: Vec<Entry>) -> Result<(), LedgerError> {
        Ok(())
    }

    fn seal(&self, _: &Seal) -> Result<Sealed, LedgerError> {
        Err(LedgerError { what: "seal: it forgets", cause: None })
    }

    fn crossed(&self, _: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError> {
        Ok(None)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let basis = Basis::parse(&arguments.next().expect("a basis")).expect("a basis");
    let folder = PathBuf::from(arguments.next().expect("a folder"));
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().join("data");
    let kms = LocalKms::create_key_file(&kept.path().join("key"), &data, &SystemRandom).unwrap();
    let limits = Limits::default();
    let vault = SqliteVault::init(&data, Arc::new(kms), Arc::new(SystemClock), &limits).unwrap();
    let checkpoint = Checkpoint::new(CheckpointParts {
        formats: vec![Arc::new(FhirR4)],
        detectors: vec![Arc::new(PhiText::new().unwrap())],
        policy: Arc::new(EditsOnly),
        vault: Arc::new(vault),
        ledger: Arc::new(Forgets),
        rewriter: Arc::new(PhiRewriter::new(SystemClock.now())),
        workers: ThreadWorkers::new(1, 1),
        clock: Arc::new(SystemClock),
        deadlines: Deadlines::default(),
        limits: limits.clone(),
        profiles: BTreeMap::new(),
    });
    for (number, path) in arguments.enumerate() {
        let bytes = std::fs::read(&path).unwrap();
        let bytes: Arc<[u8]> = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).into();
        let open = || -> Box<dyn Payload> {
            let source = Arc::new(MemorySource::new(Arc::clone(&bytes), Hint::default()));
            FhirR4.open(source, &limits).unwrap()
        };
        let crossing = crossing(basis, number);
        checkpoint.survey(&crossing, open()).unwrap();
        let mut passage = checkpoint.open(crossing).unwrap();
        let record = open().next().unwrap().expect("a record");
        match passage.feed(record).unwrap() {
            Fate::Cleared(cleared) => {
                std::fs::write(
                    folder.join(format!("{number}.json")),
                    cleared.piece().content.bytes().unwrap_or_default(),
                )
                .unwrap();
            }
            fate => panic!("{path}: not written: {fate:?}"),
        }
        passage.cut("measured");
    }
}

fn crossing(basis: Basis, number: usize) -> Crossing {
    let started = SystemClock.now();
    Crossing {
        id: CrossingId::new(started, &SystemRandom).unwrap(),
        actor: Actor { id: "bench".to_owned(), role: "engineer".to_owned() },
        gate: Gate::Ingest,
        from: number.to_string().into(),
        system: format!("bench-{number}"),
        to: "bench".to_owned(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "bench".to_owned(),
        purpose: Purpose::Operations,
        basis,
        started,
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: None,
    }
}
