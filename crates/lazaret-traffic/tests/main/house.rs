//! Proxies over a checkpoint whose one rule is that a file may not say `EVIL`, and a client that sees every byte it is sent.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lazaret_core::*;
use lazaret_input::{Blobs, FORMAT_UNKNOWN, read_stream, read_whole};
use lazaret_traffic::net::client::{Client, Waits};
use lazaret_traffic::net::room::Room;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;
use lazaret_traffic::updates::asker::Asker;
use lazaret_traffic::updates::gate::{self, Crossings, Gate, GateError, Lineage, Pull, Pulls};
use lazaret_traffic::updates::notes::Notes;
use lazaret_traffic::updates::oci::route::Registries;
use lazaret_traffic::updates::{Updates, Upstreams};

use crate::main::hub::Hub;

static EVIL: Rule = Rule::new("fake.evil", Severity::Critical, "it says so");
const ALL: Limit = Limit::new("fake.all", 1 << 30);

/// Every file is of this format, and one record.
struct AnyFile;

impl Format for AnyFile {
    fn id(&self) -> FormatId {
        FormatId("fake")
    }
    fn recognise(&self, _: &[u8], _: &Hint) -> Likeness {
        Likeness::Certain
    }
    fn open(&self, source: Arc<dyn Source>, _: &Limits) -> Result<Box<dyn Payload>, Refused> {
        let stored = Stored::of(&source).unwrap();
        Ok(Box::new(Files(VecDeque::from([File { stored, beside: Vec::new() }]))))
    }
}

struct Files(VecDeque<File>);

impl Payload for Files {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        Ok(self.0.pop_front().map(|file| Arc::new(file) as Arc<dyn Record>))
    }
    fn position(&self) -> u64 {
        0
    }
}

struct File {
    stored: Stored,
    beside: Vec<Stored>,
}

impl File {
    fn name(&self) -> String {
        self.stored.source.hint().name.unwrap_or_default()
    }
}

impl Record for File {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }
    fn format(&self) -> FormatId {
        FormatId("fake")
    }
    fn body(&self) -> Body<'_> {
        Body::Stored(&self.stored)
    }
    fn read<'r>(&'r self, _: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        let bytes = read_whole(self.stored.source.as_ref(), ALL).unwrap();
        if let Some(at) = bytes.windows(4).position(|window| window == b"EVIL") {
            let name = self.name();
            findings.fault(Finding::new(&EVIL, Locator::printed(format!("{name}@{at}")), "evil"));
        }
        if self.beside.is_empty() && self.name().ends_with("needs") {
            findings.fault(Finding::new(&EVIL, Locator::printed(self.name()), "alone"));
        }
        // What it is stands in a file beside it that names it.
        let name = self.name();
        let names = |beside: &Stored| {
            let bytes = read_whole(beside.source.as_ref(), ALL).unwrap();
            String::from_utf8_lossy(&bytes).contains(name.rsplit('/').next().unwrap())
        };
        if bytes.starts_with(b"UNKNOWN") && !self.beside.iter().any(names) {
            findings.fault(Finding::new(&FORMAT_UNKNOWN, Locator::printed(name), "unknown"));
        }
        Some(Box::new(Looked))
    }
}

struct Looked;

impl Reading for Looked {
    fn kind(&self) -> &'static str {
        "file"
    }
    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }
    fn subject(&self) -> Option<SubjectRef<'_>> {
        None
    }
    fn segments(&self, _: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        Ok(())
    }
    fn write(&self, _: &Edits, _: &mut dyn std::io::Write) -> Result<(), Refused> {
        Err(Refused::new("fake.write", "not edited"))
    }
}

struct BlockCritical;

impl Policy for BlockCritical {
    fn decide(&self, _: &Crossing, findings: &FindingSummary) -> Result<Decision, PolicyError> {
        let verdict = if findings.highest.is_some() { Verdict::Block } else { Verdict::Allow };
        Ok(Decision { verdict, policies: Arc::from(vec!["fake".to_owned()]) })
    }
    fn version(&self) -> String {
        "fake".into()
    }
}

struct NoSecrets;

impl Vault for NoSecrets {
    fn digest(&self, _: Option<&Subject>, bytes: &[u8]) -> Result<KeyedDigest, VaultError> {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        Ok(KeyedDigest(digest.as_ref().try_into().unwrap()))
    }
    fn token(&self, _: &TokenRequest<'_>) -> Result<String, VaultError> {
        Err(VaultError { what: "make a token", cause: None })
    }
    fn shift_days(&self, _: &Subject, _: &Purpose) -> Result<i32, VaultError> {
        Ok(0)
    }
    fn learn(&self, _: &Subject, _: &[KnownFact]) -> Result<(), VaultError> {
        Ok(())
    }
    fn known(&self, _: &Subject) -> Result<Option<Arc<Known>>, VaultError> {
        Ok(None)
    }
    fn hold(&self, hold: &Hold<'_>) -> Result<HoldId, VaultError> {
        Ok(HoldId { crossing: hold.crossing, record: hold.record })
    }
    fn sync(&self) -> Result<(), VaultError> {
        Ok(())
    }
}

/// What was recorded; it can be told to fail.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) fails: AtomicBool,
    pub(crate) seals: Mutex<Vec<Seal>>,
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) pulls: Mutex<Vec<Pull>>,
    /// What was sent on.
    pub(crate) sent: Mutex<Vec<(String, gate::Sent)>>,
    /// By what is decided.
    pub(crate) rules: Mutex<String>,
    /// Files that persons admitted.
    pub(crate) admitted: Mutex<Vec<Sha256>>,
    /// Files that may not leave, although they were cleared.
    pub(crate) stays: Mutex<Vec<Sha256>>,
    /// What crossings were told.
    pub(crate) asked: Mutex<Vec<(gate::Asked, Lineage)>>,
    /// Recording the files of these names goes no further until it is let go.
    pub(crate) pauses: Mutex<BTreeMap<String, Pause>>,
}

/// Somebody waits until something has come so far, and lets it go on.
pub(crate) struct Pause {
    pub(crate) reached: Sender<()>,
    pub(crate) go_on: Receiver<()>,
}

impl Book {
    fn may(&self) -> Result<(), LedgerError> {
        let fails = self.fails.load(Ordering::SeqCst);
        if fails { Err(LedgerError { what: "record as it should", cause: None }) } else { Ok(()) }
    }
}

impl Ledger for Book {
    fn open(&self, _: &Opened) -> Result<EntryIndex, LedgerError> {
        self.may().map(|()| EntryIndex(0))
    }
    fn record(&self, _: CrossingId, entries: Vec<Entry>) -> Result<(), LedgerError> {
        self.may()?;
        for file in entries.iter().filter_map(|entry| entry.file.as_ref()) {
            let pause = self.pauses.lock().unwrap().remove(&file.name);
            if let Some(Pause { reached, go_on }) = pause {
                reached.send(()).unwrap();
                go_on.recv_timeout(Duration::from_secs(8)).unwrap();
            }
        }
        self.entries.lock().unwrap().extend(entries);
        Ok(())
    }
    fn seal(&self, seal: &Seal) -> Result<Sealed, LedgerError> {
        self.may()?;
        self.seals.lock().unwrap().push(seal.clone());
        let (opened_at, sealed_at) = (EntryIndex(0), EntryIndex(1));
        Ok(Sealed { seal: seal.clone(), record_root: String::new(), opened_at, sealed_at })
    }
    fn admitted(&self, file: Sha256, _: Timestamp) -> Result<Option<Admission>, LedgerError> {
        let order = CrossingId::from_bytes([1; 16]);
        let is_admitted = self.admitted.lock().unwrap().contains(&file);
        Ok(is_admitted.then_some(Admission { order, by_two: true }))
    }
    fn crossed(&self, _: &KeyedDigest) -> Result<Option<CrossingId>, LedgerError> {
        Ok(None)
    }
}

struct Pulled(Arc<Book>);

impl Pulls for Pulled {
    fn may_leave(&self, file: Sha256, _: &str) -> Result<bool, LedgerError> {
        Ok(!self.0.stays.lock().unwrap().contains(&file))
    }
    fn goes_by(&self) -> String {
        self.0.rules.lock().unwrap().clone()
    }
    fn still_held(&self, file: Sha256, name: &str, receipt: &str) -> Result<bool, LedgerError> {
        self.0.may()?;
        assert!(!name.contains('/') && !receipt.is_empty());
        Ok(!self.0.admitted.lock().unwrap().contains(&file))
    }
    fn sent(&self, sent: &Pull, came: gate::Sent) -> Result<(), LedgerError> {
        self.0.may()?;
        self.0.sent.lock().unwrap().push((sent.asked.file.clone(), came));
        Ok(())
    }

    fn pulled(&self, pull: &Pull) -> Result<(), LedgerError> {
        self.0.may()?;
        self.0.pulls.lock().unwrap().push(pull.clone());
        Ok(())
    }
}

struct NoRewriter;

impl Rewriter for NoRewriter {
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
        Box::new(NoNumbering)
    }
}

struct NoNumbering;

impl Numbering for NoNumbering {
    fn number(&mut self, _: Label, _: &str, _: &mut u64) -> Option<u32> {
        None
    }
}

struct Counting;

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        for (to, from) in
            buffer.iter_mut().zip(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes().iter().rev())
        {
            *to = *from;
        }
        Ok(())
    }
}

/// Makes crossings in a mode.
struct InMode(Mode, Arc<Book>);

impl Crossings for InMode {
    fn next(&self, asked: &gate::Asked, lineage: Lineage) -> Result<Crossing, GateError> {
        self.1.asked.lock().unwrap().push((asked.clone(), lineage));
        let started = SystemClock.now();
        Ok(Crossing {
            id: CrossingId::new(started, &Counting)?,
            actor: Actor { id: "proxy".into(), role: "engineer".into() },
            gate: lazaret_core::Gate::Models,
            from: Sensitive::new(asked.from.to_string()),
            system: "hub".into(),
            to: "models".into(),
            to_id: None,
            recipient: Recipient::Internal,
            route: "updates".into(),
            purpose: Purpose::Operations,
            basis: Basis::SafeHarbor,
            started,
            exchange: None,
            mode: self.0,
            care_critical: None,
            override_by: None,
            order: None,
            model: None,
        })
    }

    fn asked_by(&self, by: &Asker) -> Result<String, GateError> {
        Ok(match by {
            Asker::Secret(said) => NoSecrets.digest(None, said.expose().as_bytes())?.to_string(),
            other => format!("{other:?}"),
        })
    }

    fn model(&self, files: Vec<Stored>, beside: Vec<Stored>, _: &mut Crossing) -> Box<dyn Payload> {
        let file = |stored| File { stored, beside: beside.clone() };
        Box::new(Files(files.into_iter().map(file).collect()))
    }

    /// A file `x.needs` needs all others whose names begin with `x.`, and what `tensors` are stands in `graph`s.
    fn has_companions(&self, file: &Stored) -> bool {
        file.source.hint().name.is_some_and(|name| name.ends_with("needs"))
    }

    fn companions(&self, file: &Stored, names: &[String]) -> Vec<String> {
        let name = file.source.hint().name.unwrap_or_default();
        if name.contains("tensors") {
            return names.iter().filter(|other| other.ends_with("graph")).cloned().collect();
        }
        let stem = name.trim_end_matches("needs");
        names.iter().filter(|other| **other != name && other.starts_with(stem)).cloned().collect()
    }
}

/// Proxies that are served on a port, over a folder that stays when they end.
pub(crate) struct Served {
    pub(crate) port: u16,
    pub(crate) book: Arc<Book>,
    _runtime: tokio::runtime::Runtime,
}

/// How the proxies are set up.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) offline: bool,
    pub(crate) datasets: bool,
    /// Whether the hub may send to its server of large files.
    pub(crate) no_cdn: bool,
    pub(crate) registries: Registries,
    pub(crate) limits: Limits,
    /// Where the MLflow server is.
    pub(crate) mlflow: Option<String>,
    /// Bytes of the disk that stay free.
    pub(crate) reserve: u64,
    /// `enforce` unless another is said.
    pub(crate) mode: Option<Mode>,
}

impl Served {
    pub(crate) fn start(folder: &Path, hub: &Hub, setup: &Setup) -> Self {
        let book = Arc::<Book>::default();
        let checkpoint = Checkpoint::new(CheckpointParts {
            formats: vec![Arc::new(AnyFile)],
            detectors: Vec::new(),
            policy: Arc::new(BlockCritical),
            vault: Arc::new(NoSecrets),
            ledger: Arc::clone(&book) as Arc<dyn Ledger>,
            rewriter: Arc::new(NoRewriter),
            workers: ThreadWorkers::new(2, 8),
            clock: Arc::new(SystemClock),
            deadlines: Deadlines { record: Duration::from_secs(10), call: Duration::from_secs(10) },
            limits: Limits::default(),
            profiles: BTreeMap::new(),
        });
        let mode = setup.mode.unwrap_or(Mode::Enforce);
        let gate = Gate {
            checkpoint: Arc::new(checkpoint),
            blobs: Arc::new(Blobs::open(&folder.join("store"), &Counting, &|_| Ok(false)).unwrap()),
            crossings: Box::new(InMode(mode, Arc::clone(&book))),
            pulls: Box::new(Pulled(Arc::clone(&book))),
            mode,
            room: Room { folder: folder.to_owned(), reserve: setup.reserve },
        };
        let waits = Waits { connect: Duration::from_secs(2), read: Duration::from_secs(2) };
        let client = Client::new(None, ["127.0.0.1".to_owned()], waits, Limits::default()).unwrap();
        let cdn = format!("127.0.0.1:{}", hub.cdn.port);
        let hosts = if setup.no_cdn { Vec::new() } else { vec![cdn] };
        let at = |path: &str| Url::parse(&format!("{}{path}", hub.server.url())).unwrap();
        let upstreams = Upstreams {
            hub: Some(Arc::new(Upstream::new(at(""), hosts, "gates.models.hub_hosts"))),
            datasets: setup.datasets,
            spaces: false,
            index: Some(Arc::new(Upstream::new(at("/simple/"), [], "gates.models.index_hosts"))),
            servers: [("plain".to_owned(), Arc::new(Upstream::new(at("/plain/"), [], "x")))].into(),
            registries: setup.registries.clone(),
            mlflow: setup.mlflow.as_ref().map(|url| {
                Arc::new(Upstream::new(Url::parse(url).unwrap(), [], "gates.models.mlflow_hosts"))
            }),
            offline: setup.offline,
        };
        let notes = Notes::open(&folder.join("notes"), Limits::default()).unwrap();
        let updates = Updates::new(client, gate, notes, upstreams, setup.limits.clone());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = updates.router().into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { port, book, _runtime: runtime }
    }

    /// Asks, and gives everything that came.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let sent = headers.iter().map(|(name, value)| [*name, ": ", *value, "\r\n"].concat());
        let sent = sent.collect::<String>();
        let (port, len) = (self.port, body.len());
        let rest = format!("Connection: close\r\n{sent}Content-Length: {len}\r\n\r\n{body}");
        let request = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{rest}");
        stream.write_all(request.as_bytes()).unwrap();
        let raw = read_stream(&mut stream, ALL).unwrap();
        Seen::of(raw)
    }

    pub(crate) fn get(&self, target: &str) -> Seen {
        self.ask("GET", target, &[], "")
    }
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// The words of the status.
    pub(crate) reason: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Every byte.
    pub(crate) raw: Vec<u8>,
}

impl Seen {
    fn of(raw: Vec<u8>) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let (line, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut words = line.splitn(3, ' ');
        let status = words.nth(1).unwrap().parse().unwrap();
        let reason = words.next().unwrap_or("").to_owned();
        let headers = rest.lines().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, reason, headers, body: raw[end + 4..].to_vec(), raw }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
