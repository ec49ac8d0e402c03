//! Fakes of every port. Each can be told to fail, hang or panic at one step.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lazaret_core::*;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Fail,
    Hang,
    Panic,
}

/// Where it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Next,
    Read,
    Segments,
    Detector,
    Policy,
    Digest,
    Token,
    Known,
    Hold,
    Sync,
    Open,
    Crossed,
    Record,
    Seal,
    Write,
    Stage,
    Finish,
    Commit,
}

pub const EVERYWHERE: [At; 18] = [
    At::Next,
    At::Read,
    At::Segments,
    At::Detector,
    At::Policy,
    At::Digest,
    At::Token,
    At::Known,
    At::Hold,
    At::Sync,
    At::Open,
    At::Crossed,
    At::Record,
    At::Seal,
    At::Write,
    At::Stage,
    At::Finish,
    At::Commit,
];

/// The plan of one test: what goes wrong where, at which record if the step knows one.
#[derive(Debug, Default)]
pub struct Plan {
    pub trouble: Option<(At, Trouble)>,
    pub record: u64,
    released: Mutex<bool>,
    release: Condvar,
}

#[derive(Debug, thiserror::Error)]
#[error("a fake failed as planned")]
pub struct Planned;

impl Plan {
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    pub fn new(at: At, trouble: Trouble, record: u64) -> Arc<Self> {
        Arc::new(Self { trouble: Some((at, trouble)), record, ..Self::default() })
    }

    /// Makes trouble if it is planned here.
    pub fn meet(&self, at: At) -> Result<(), Planned> {
        match self.trouble {
            Some((planned, Trouble::Fail)) if planned == at => Err(Planned),
            Some((planned, Trouble::Panic)) if planned == at => panic!("a fake panics as planned"),
            Some((planned, Trouble::Hang)) if planned == at => {
                let mut released = self.released.lock().unwrap();
                while !*released {
                    released = self.release.wait(released).unwrap();
                }
                Err(Planned)
            }
            _ => Ok(()),
        }
    }

    /// Lets whatever hangs go on: the test is over.
    pub fn end(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }
}

pub struct FakeRecord {
    pub plan: Arc<Plan>,
    pub number: u64,
    pub text: String,
}

impl FakeRecord {
    fn meet(&self, at: At) -> Result<(), Planned> {
        if self.plan.record == self.number { self.plan.meet(at) } else { Ok(()) }
    }
}

impl Record for FakeRecord {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: self.number, line: Some(self.number + 1) }
    }
    fn format(&self) -> FormatId {
        FormatId("fake")
    }
    fn body(&self) -> Body<'_> {
        Body::Held(self.text.as_bytes())
    }
    fn may_describe_subject(&self) -> bool {
        self.text.starts_with("describes")
    }
    fn read<'r>(&'r self, _: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        if self.meet(At::Read).is_err() || self.text.starts_with("unreadable") {
            return None;
        }
        if self.text.starts_with("bad") {
            findings.fault(Finding::new(&UNINSPECTABLE, Locator::document(), "bad"));
        }
        Some(Box::new(FakeReading(self)))
    }
}

struct FakeReading<'r>(&'r FakeRecord);

impl Reading for FakeReading<'_> {
    fn kind(&self) -> &str {
        "Fake"
    }
    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }
    fn subject(&self) -> Option<SubjectRef<'_>> {
        // `patient a: …` is of patient a, `nobody: …` of none.
        match self.0.text.split_once(':').map_or("", |(subject, _)| subject) {
            "nobody" => None,
            subject if subject.starts_with("patient ") => Some(SubjectRef { id: subject }),
            _ => Some(SubjectRef { id: "subject-1" }),
        }
    }
    fn describes_subject(&self) -> bool {
        self.0.text.starts_with("describes")
    }
    fn segments(&self, visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        self.0.meet(At::Segments).map_err(|_| Refused::new("fake.segments", "as planned"))?;
        let place = Place::root("Fake");
        let text = place.then(Step::Name("text"));
        let is_photo = self.0.text == "photo";
        let segment = Segment {
            place: &text,
            content: if is_photo {
                Content::Bytes(self.0.text.as_bytes())
            } else {
                Content::Text(&self.0.text)
            },
            meaning: if is_photo {
                Meaning::Identifier(Label::PHOTO)
            } else if self.0.text.starts_with("remark") {
                Meaning::Remark(Label::OTHER_ID.sub("remark"))
            } else {
                Meaning::Text
            },
            subject: None,
            domain: "",
        };
        visit(segment);
        Ok(())
    }
    fn write(&self, edits: &Edits, out: &mut dyn Write) -> Result<(), Refused> {
        self.0.meet(At::Write).map_err(|_| Refused::new("fake.write", "as planned"))?;
        let text =
            edits.apply(0, &self.0.text).ok_or_else(|| Refused::new("fake.write", "edits do not fit"))?;
        out.write_all(text.as_bytes()).map_err(|_| Refused::new("fake.write", "no room"))
    }
}

pub struct FakePayload {
    pub plan: Arc<Plan>,
    pub texts: Vec<String>,
    pub next: usize,
}

impl Payload for FakePayload {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        if self.next as u64 == self.plan.record {
            self.plan.meet(At::Next).map_err(|_| Refused::new("fake.next", "as planned"))?;
        }
        let Some(text) = self.texts.get(self.next) else { return Ok(None) };
        let record =
            FakeRecord { plan: Arc::clone(&self.plan), number: self.next as u64, text: text.clone() };
        self.next += 1;
        Ok(Some(Arc::new(record)))
    }
    fn position(&self) -> u64 {
        self.next as u64
    }
}

static FAKE_RULES: [&Rule; 0] = [];

/// Finds the words `Quillfeather` and `Orrelby` as identifiers, and reports a critical fault at `attack`. Takes its time
/// where the text says `slow`.
pub struct FakeDetector(pub Arc<Plan>);

static ATTACK: Rule = Rule::new("fake.attack", Severity::Critical, "a fake attack");

impl Detector for FakeDetector {
    fn rules(&self) -> &'static [&'static Rule] {
        &FAKE_RULES
    }
    fn version(&self) -> String {
        "fake 1".into()
    }
    fn inspect(
        &self,
        view: &View<'_>,
        _: &Context<'_>,
        findings: &mut Findings,
    ) -> Result<(), DetectorError> {
        if view.text.contains(&format!("record {} ", self.0.record)) {
            self.0
                .meet(At::Detector)
                .map_err(|_| DetectorError { detector: "fake", reason: "as planned".into() })?;
        }
        if view.text.contains("nonsense") {
            let span = Span::new(0, view.text.len() + 1);
            findings.detect(Detection {
                label: Label::NAME,
                span,
                confidence: Confidence::HIGH,
                rule: "phi.name",
                language: Language::English,
            });
        }
        if view.text.contains("slow") {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut words: Vec<_> =
            ["Quillfeather", "Orrelby"].iter().flat_map(|word| view.text.match_indices(word)).collect();
        words.sort_unstable();
        for (start, word) in words {
            let span = Span::new(start, start + word.len());
            findings.detect(Detection {
                label: Label::MRN,
                span,
                confidence: Confidence::HIGH,
                rule: "phi.mrn",
                language: Language::English,
            });
        }
        if view.text.contains("attack") {
            findings.fault(Finding::new(&ATTACK, view.place.locator(), "an attack"));
        }
        Ok(())
    }
}

/// The default policy in short.
pub struct FakePolicy(pub Arc<Plan>);

impl Policy for FakePolicy {
    fn decide(&self, _: &Crossing, findings: &FindingSummary) -> Result<Decision, PolicyError> {
        self.0.meet(At::Policy).map_err(|_| PolicyError { reason: "as planned".into() })?;
        let verdict = match findings.highest {
            Some(Severity::Critical) => Verdict::Block,
            Some(Severity::High | Severity::Medium) => Verdict::Quarantine,
            _ if !findings.labels.is_empty() => Verdict::Tokenise,
            _ => Verdict::Allow,
        };
        Ok(Decision { verdict, policies: Arc::from(vec!["fake".to_owned()]) })
    }
    fn version(&self) -> String {
        "fake-policy".into()
    }
}

#[derive(Default)]
pub struct FakeVault {
    pub plan: Arc<Plan>,
    pub held: Mutex<Vec<(HoldId, Vec<u8>)>>,
    pub learnt: Mutex<HashMap<String, Vec<KnownFact>>>,
}

fn vault_error(what: &'static str) -> impl FnOnce(Planned) -> VaultError {
    move |planned| VaultError { what, cause: Some(Box::new(planned)) }
}

impl Vault for FakeVault {
    fn digest(&self, _: Option<&Subject>, bytes: &[u8]) -> Result<KeyedDigest, VaultError> {
        self.plan.meet(At::Digest).map_err(vault_error("digest"))?;
        // No cryptography: enough to tell texts apart.
        let mut digest = [0_u8; 32];
        for (seed, part) in digest.chunks_mut(8).enumerate() {
            let mut hasher = DefaultHasher::new();
            (seed, bytes).hash(&mut hasher);
            part.copy_from_slice(&hasher.finish().to_be_bytes());
        }
        Ok(KeyedDigest(digest))
    }
    fn token(&self, request: &TokenRequest<'_>) -> Result<String, VaultError> {
        self.plan.meet(At::Token).map_err(vault_error("make a token"))?;
        Ok(format!("[{} token]", request.label.kind.name()))
    }
    fn shift_days(&self, _: &Subject, _: &Purpose) -> Result<i32, VaultError> {
        Ok(7)
    }
    fn learn(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultError> {
        self.learnt.lock().unwrap().entry(subject.id.expose().clone()).or_default().extend_from_slice(facts);
        Ok(())
    }
    fn known(&self, _: &Subject) -> Result<Option<Arc<Known>>, VaultError> {
        self.plan.meet(At::Known).map_err(vault_error("tell what is known"))?;
        Ok(Some(Arc::default()))
    }
    fn hold(&self, hold: &Hold<'_>) -> Result<HoldId, VaultError> {
        self.plan.meet(At::Hold).map_err(vault_error("hold a record"))?;
        let id = HoldId { crossing: hold.crossing, record: hold.record };
        self.held.lock().unwrap().push((id, hold.body.held().unwrap().to_vec()));
        Ok(id)
    }
    fn sync(&self) -> Result<(), VaultError> {
        self.plan.meet(At::Sync).map_err(vault_error("make itself durable"))
    }
}

#[derive(Default)]
pub struct FakeLedger {
    pub plan: Arc<Plan>,
    pub opened: Mutex<Vec<CrossingId>>,
    pub entries: Mutex<Vec<(CrossingId, Entry)>>,
    pub seals: Mutex<Vec<Seal>>,
}

fn ledger_error(what: &'static str) -> impl FnOnce(Planned) -> LedgerError {
    move |planned| LedgerError { what, cause: Some(Box::new(planned)) }
}

impl Ledger for FakeLedger {
    fn open(&self, opened: &Opened) -> Result<EntryIndex, LedgerError> {
        self.plan.meet(At::Open).map_err(ledger_error("open"))?;
        self.opened.lock().unwrap().push(opened.crossing);
        Ok(EntryIndex(0))
    }
    fn record(&self, crossing: CrossingId, entries: Vec<Entry>) -> Result<(), LedgerError> {
        self.plan.meet(At::Record).map_err(ledger_error("record"))?;
        self.entries.lock().unwrap().extend(entries.into_iter().map(|entry| (crossing, entry)));
        Ok(())
    }
    fn seal(&self, seal: &Seal) -> Result<Sealed, LedgerError> {
        self.plan.meet(At::Seal).map_err(ledger_error("seal"))?;
        self.seals.lock().unwrap().push(seal.clone());
        Ok(Sealed {
            seal: seal.clone(),
            record_root: String::new(),
            opened_at: EntryIndex(0),
            sealed_at: EntryIndex(1),
        })
    }
    fn crossed(&self, identity: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError> {
        self.plan.meet(At::Crossed).map_err(ledger_error("look a record up"))?;
        let entries = self.entries.lock().unwrap();
        let seals = self.seals.lock().unwrap();
        let before = entries.iter().find(|(crossing, entry)| {
            entry.identity == *identity
                && entry.digest_out.is_some()
                && seals.iter().any(|seal| seal.crossing == *crossing && seal.ending == Ending::Complete)
        });
        Ok(before.map(|(crossing, _)| *crossing))
    }
}

pub struct FakeRewriter;

impl Rewriter for FakeRewriter {
    fn generalise(&self, _: Label, _: &str) -> Option<String> {
        None
    }
    fn shift(&self, _: Label, _: &str, _: i32) -> Option<String> {
        None
    }
    fn surrogate(&self, _: Label, _: &str, _: &KeyedDigest) -> Option<String> {
        None
    }
    fn numbering(&self) -> Box<dyn Numbering> {
        Box::new(FakeNumbering::default())
    }
}

/// Equal values have one number.
#[derive(Default)]
struct FakeNumbering(Vec<(Label, String)>);

impl Numbering for FakeNumbering {
    fn number(&mut self, label: Label, value: &str, room: &mut u64) -> Option<u32> {
        let met = (label, value.to_owned());
        let known = self.0.iter().position(|known| *known == met);
        if known.is_none() {
            *room = room.checked_sub(1)?;
            self.0.push(met);
        }
        u32::try_from(known.map_or(self.0.len(), |place| place + 1)).ok()
    }
}

/// What a destination showed the world.
#[derive(Debug, Default)]
pub struct Shore {
    pub staged: Mutex<Vec<Piece>>,
    pub visible: Mutex<Vec<Piece>>,
    pub undone: Mutex<u32>,
}

pub struct FakeDestination {
    pub plan: Arc<Plan>,
    pub shore: Arc<Shore>,
}

fn undelivered(what: &'static str) -> impl FnOnce(Planned) -> Undelivered {
    move |planned| Undelivered { what, cause: Some(Box::new(planned)) }
}

impl Destination for FakeDestination {
    fn stage(&mut self, piece: Cleared<Piece>) -> Result<(), Undelivered> {
        self.plan.meet(At::Stage).map_err(undelivered("stage"))?;
        self.shore.staged.lock().unwrap().push(piece.into_piece());
        Ok(())
    }
    fn finish(&mut self) -> Result<Vec<Output>, Undelivered> {
        self.plan.meet(At::Finish).map_err(undelivered("finish"))?;
        Ok(Vec::new())
    }
    fn commit(&mut self, _: &Sealed) -> Result<(), Undelivered> {
        self.plan.meet(At::Commit).map_err(undelivered("commit"))?;
        self.shore.visible.lock().unwrap().append(&mut self.shore.staged.lock().unwrap());
        Ok(())
    }
    fn undo(&mut self) {
        self.shore.staged.lock().unwrap().clear();
        *self.shore.undone.lock().unwrap() += 1;
    }
}

pub struct FakeClock;

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_764_080_413_007)
    }
}

pub struct FakeRandom(pub u8);

impl Random for FakeRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(self.0);
        Ok(())
    }
}

/// A checkpoint of fakes, and what can be seen from outside.
pub struct Scene {
    pub plan: Arc<Plan>,
    pub vault: Arc<FakeVault>,
    pub ledger: Arc<FakeLedger>,
    pub shore: Arc<Shore>,
    pub checkpoint: Checkpoint,
}

/// Long enough for every fake that answers, short enough to wait for those that hang.
pub const DEADLINE: Duration = Duration::from_millis(150);

impl Scene {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self::under(plan, BTreeMap::new())
    }

    pub fn under(plan: Arc<Plan>, profiles: BTreeMap<Basis, Profile>) -> Self {
        Self::with(plan, profiles, 2, Limits::default())
    }

    /// In which everything found is redacted, with placeholders that bear numbers.
    pub fn redacting(plan: Arc<Plan>, workers: usize, limits: Limits) -> Self {
        let profile = Profile::redacting("all").reading_remarks();
        Self::with(plan, [(Basis::SafeHarbor, profile)].into(), workers, limits)
    }

    fn with(plan: Arc<Plan>, profiles: BTreeMap<Basis, Profile>, workers: usize, limits: Limits) -> Self {
        let vault = Arc::new(FakeVault { plan: Arc::clone(&plan), ..FakeVault::default() });
        let ledger = Arc::new(FakeLedger { plan: Arc::clone(&plan), ..FakeLedger::default() });
        let checkpoint = Checkpoint::new(CheckpointParts {
            formats: Vec::new(),
            detectors: vec![Arc::new(FakeDetector(Arc::clone(&plan)))],
            policy: Arc::new(FakePolicy(Arc::clone(&plan))),
            vault: Arc::clone(&vault) as Arc<dyn Vault>,
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            rewriter: Arc::new(FakeRewriter),
            workers: ThreadWorkers::new(workers, 8),
            clock: Arc::new(FakeClock),
            deadlines: Deadlines { record: DEADLINE, call: DEADLINE },
            limits,
            profiles,
        });
        Self { plan, vault, ledger, shore: Arc::default(), checkpoint }
    }

    pub fn payload(&self, texts: &[String]) -> Box<dyn Payload> {
        Box::new(FakePayload { plan: Arc::clone(&self.plan), texts: texts.to_vec(), next: 0 })
    }

    pub fn destination(&self) -> Box<dyn Destination> {
        Box::new(FakeDestination { plan: Arc::clone(&self.plan), shore: Arc::clone(&self.shore) })
    }

    pub fn pass(&self, crossing: Crossing, texts: &[String]) -> Result<Receipt, Stopped> {
        self.checkpoint.pass(crossing, self.payload(texts), self.destination(), &mut |_| {})
    }

    pub fn visible(&self) -> Vec<String> {
        let visible = self.shore.visible.lock().unwrap();
        visible
            .iter()
            .map(|piece| String::from_utf8(piece.content.bytes().unwrap().to_vec()).unwrap())
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.plan.end();
    }
}

pub fn crossing(number: u8) -> Crossing {
    Crossing {
        id: CrossingId::new(FakeClock.now(), &FakeRandom(number)).unwrap(),
        actor: Actor { id: "svc-ingest".into(), role: "engineer".into() },
        gate: Gate::Ingest,
        from: Sensitive::new("/in/Quillfeather.txt".into()),
        system: "ehr".into(),
        to: "lake".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "ehr-to-lake".into(),
        purpose: Purpose::Operations,
        basis: Basis::SafeHarbor,
        started: FakeClock.now(),
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: None,
    }
}

pub fn texts(count: u64) -> Vec<String> {
    (0..count).map(|n| format!("record {n} of Quillfeather")).collect()
}
