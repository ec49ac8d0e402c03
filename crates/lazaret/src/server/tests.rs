//! The console over real parts: a ledger and a vault filled here, asked over TCP.
#![expect(clippy::disallowed_methods, reason = "what is read here is the test's own")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use lazaret_core::{
    Actor, Basis, Body, Clock as _, Counts, CrossingId, Ending, Entry, Finding, FormatId, Gate, Hold, HoldId,
    KeyedDigest, Ledger as _, Limits, Locator, Mode, Opened, Order, Ordered, Output, Purpose, Recipient,
    Rule, Seal, Sensitivity, Severity, SystemClock, Vault as _, Verdict,
};
use lazaret_ledger::SqliteLedger;
use lazaret_vault::{LocalKms, SqliteVault, SystemRandom};

use super::listen::serve_until;
use super::{ConsoleState, ServeError, bind, bom_document, router};

static RULE: Rule = Rule::new("fhir.type", Severity::High, "a value is not of its type");
const HOSTILE: &str = "<script>alert('x')</script>\"&";

/// A console that is served until it is dropped.
struct Console {
    address: SocketAddr,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    ready: Arc<AtomicBool>,
    crossings: Vec<CrossingId>,
    held: HoldId,
    ledger: SqliteLedger,
    _folder: tempfile::TempDir,
}

impl Console {
    fn new(crossings: u64) -> Self {
        Self::filled(crossings, |_, _, _| ())
    }

    /// With more in its ledger, its vault and its folder.
    fn filled(crossings: u64, more: impl FnOnce(&SqliteLedger, &SqliteVault, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(folder.path());
        let ledger = SqliteLedger::start(
            &folder.path().join("ledger.db"),
            "ledger.test/lazaret",
            vault.clone(),
            Arc::new(SystemClock),
        )
        .unwrap();
        let mut ids = Vec::new();
        let mut held = None;
        for number in 0..crossings {
            let (id, kept) = cross(&ledger, &vault, number);
            ids.push(id);
            held = held.or(Some(kept));
        }
        more(&ledger, &vault, folder.path());
        ledger.checkpoint().unwrap();
        let ready = Arc::new(AtomicBool::new(true));
        let is_ready = Arc::clone(&ready);
        let own = Arc::new(lazaret_models::OwnRules::none());
        let models = super::Models::new(folder.path().join("models"), Limits::default(), own);
        let state =
            ConsoleState::open(ledger.path(), vault, models, move || is_ready.load(Ordering::Relaxed))
                .unwrap();
        let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address();
        assert_eq!(bound.url(), format!("http://127.0.0.1:{}/", address.port()));
        let (end, over) = tokio::sync::oneshot::channel::<()>();
        let served = std::thread::spawn(move || {
            let console = bound.with(|hosts| router(state, hosts), Limits::default());
            let end = async {
                let _dropped = over.await;
            };
            serve_until(vec![console], end).unwrap();
        });
        Self {
            address,
            end: Some(end),
            served: Some(served),
            ready,
            crossings: ids,
            held: held.unwrap(),
            ledger,
            _folder: folder,
        }
    }

    /// Sends one request as it is written and reads the whole answer.
    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.take(1 << 24).read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> String {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    fn get(&self, path: &str) -> String {
        self.ask("GET", path, &self.address.to_string())
    }

    /// A page that is there.
    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        drop(self.end.take());
        let ended = self.served.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

pub(crate) fn vault(folder: &Path) -> Arc<SqliteVault> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let kms = LocalKms::create_key_file(&folder.join("kek"), &data, &SystemRandom).unwrap();
    Arc::new(SqliteVault::init(&data, Arc::new(kms), Arc::new(SystemClock), &Limits::default()).unwrap())
}

fn digest(n: u64) -> KeyedDigest {
    KeyedDigest(lazaret_ledger::merkle::sha256(&n.to_be_bytes()))
}

/// One crossing of three records, the last of them held; every name in it is hostile.
fn cross(ledger: &SqliteLedger, vault: &SqliteVault, number: u64) -> (CrossingId, HoldId) {
    let now = SystemClock.now();
    let id = CrossingId::new(now, &SystemRandom).unwrap();
    let opened = Opened {
        crossing: id,
        actor: Actor { id: HOSTILE.into(), role: "pipeline".into() },
        gate: Gate::Ingest,
        from: digest(number),
        system: HOSTILE.into(),
        to: "lake".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: HOSTILE.into(),
        purpose: Purpose::Research { protocol: HOSTILE.into() },
        basis: Basis::SafeHarbor,
        profile: HOSTILE.into(),
        started: now,
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: Some(Order {
            what: Ordered::Release,
            object: "7:1".into(),
            by: "a.reyes".into(),
            second: Some("m.osei".into()),
            reason: HOSTILE.into(),
            until: None,
        }),
        model: None,
        policy: "ab12".into(),
        detectors: vec![HOSTILE.into()],
    };
    ledger.open(&opened).unwrap();
    let finding = Finding::new(&RULE, Locator::printed(format!("Patient.{HOSTILE}")), "not a date");
    let hold = Hold {
        crossing: id,
        record: 2,
        identity: digest(number * 10 + 2),
        body: Body::Held(b"kept-bytes-7"),
        kind: HOSTILE,
        subject: None,
        findings: std::slice::from_ref(&finding),
        releasable: true,
    };
    let hold = vault.hold(&hold).unwrap();
    vault.sync().unwrap();
    let verdicts = [Verdict::Allow, Verdict::Tokenise, Verdict::Quarantine];
    let entries: Vec<Entry> = (0..3)
        .zip(verdicts)
        .map(|(record, verdict)| {
            let keeps = verdict.holds();
            let recorded = lazaret_core::RecordedFinding {
                id: finding.id.into(),
                severity: finding.severity,
                at: finding.at.as_str().into(),
            };
            Entry {
                file: None,
                record,
                line: Some(record + 1),
                format: FormatId("fhir-ndjson"),
                kind: HOSTILE.into(),
                identity: digest(number * 10 + record),
                digest_in: digest(record),
                digest_out: (!keeps).then(|| digest(record)),
                verdict,
                policies: vec![format!("decides {HOSTILE}")],
                findings: if keeps { vec![recorded] } else { Vec::new() },
                phi: [(format!("MRN.{HOSTILE}"), 1_234)].into(),
                edits: [(format!("MRN.{HOSTILE} token"), 1_234)].into(),
                sensitivity: vec![Sensitivity::Hiv],
                held: keeps.then_some(hold),
                again: None,
                uninspected: None,
            }
        })
        .collect();
    let mut counts = Counts::default();
    for entry in &entries {
        counts.add(entry);
    }
    ledger.record(id, entries).unwrap();
    let output = Output {
        dataset: format!("lake/{HOSTILE}"),
        name: format!("part-{number}-{HOSTILE}.parquet"),
        sha256: "cd".repeat(32),
        bytes: 4_200,
        records: 2,
    };
    let (crossing, ending) = (id, Ending::Complete);
    let ended = SystemClock.now();
    ledger.seal(&Seal { crossing, ending, reason: None, ended, counts, outputs: vec![output] }).unwrap();
    (id, hold)
}

pub(crate) mod models;

/// The part of an answer after its headers.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn every_page_is_whole_escaped_and_under_the_headers() {
    let console = Console::new(2);
    let id = console.crossings[0];
    let dataset = super::words::segment(&format!("lake/{HOSTILE}"));
    let pages = [
        ("/".to_owned(), "Crossings"),
        (format!("/crossings/{id}"), "Receipt and proof"),
        (format!("/crossings/{id}/records"), "Records"),
        (format!("/crossings/{id}/records?only=held"), "Records"),
        ("/datasets".to_owned(), "Datasets"),
        (format!("/datasets/{dataset}/bom"), "Bill of materials"),
        ("/datasets/lake/bom".to_owned(), "Bill of materials"),
        (format!("/datasets/{dataset}/lineage"), "<svg"),
        ("/quarantine".to_owned(), "Quarantine"),
        (format!("/quarantine/{}", console.held), "Why it is held"),
    ];
    for (path, holds) in pages {
        let answer = console.page(&path);
        let text = body(&answer);
        assert!(text.contains(holds), "{path}: {text}");
        assert!(!answer.contains("<script"), "{path}");
        assert!(path == "/datasets" || text.contains("&#60;script&#62;"), "{path} shows the hostile name");
        assert!(!text.contains("kept-bytes-7"), "{path}");
        assert_eq!(text.matches("<h1").count(), 1, "{path}");
        assert_eq!(text.matches("<main").count(), 1, "{path}");
        assert!(text.contains("<html lang=\"en\">") && text.trim_end().ends_with("</html>"), "{path}");
        assert_eq!(text.matches("<table").count(), text.matches("<caption>").count(), "{path}");
        assert_eq!(text.matches("<th ").count(), text.matches("scope=\"").count(), "{path}");
        assert!(!text.contains(" style=") && !text.contains(" onclick"), "{path}");
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(&format!("\r\n{header}\r\n")), "{path}: {header}");
        }
        assert!(!answer.to_lowercase().contains("access-control-"), "{path}");
    }
    let stylesheet = console.page("/assets/console.css");
    assert!(stylesheet.contains("text/css") && stylesheet.contains("prefers-color-scheme: dark"));
    assert!(!body(&stylesheet).contains("http"), "the stylesheet refers to nothing elsewhere");
}

#[test]
fn the_first_page_counts_and_links() {
    let console = Console::new(3);
    let page = console.page("/");
    for holds in ["<dd>9</dd>", ">6 entries, root", "verdict", "research:&#60;script"] {
        assert!(page.contains(holds) || page.to_lowercase().contains(holds), "{holds}: {page}");
    }
    for id in &console.crossings {
        assert!(page.contains(&format!("href=\"/crossings/{id}\"")));
    }
    // 2 of 3 records of a crossing are shown edited or allowed, one is held.
    let crossing = console.page(&format!("/crossings/{}", console.crossings[1]));
    for holds in ["a.reyes", "m.osei", "3,702", "token 3,702", "fhir.type", "hiv", "part-1-", "4.1 KiB"] {
        assert!(crossing.contains(holds), "{holds}: {crossing}");
    }
    assert!(crossing.contains(&format!("/quarantine/{}:2", console.crossings[1])));
}

#[test]
fn pages_end_and_the_next_begins_where_they_ended() {
    let console = Console::new(53);
    let first = console.page("/");
    assert_eq!(first.matches("scope=\"row\"").count(), 50);
    assert!(first.contains("href=\"/?before=6\"") && !first.contains(">Newest<"));
    let second = console.page("/?before=6");
    assert_eq!(second.matches("scope=\"row\"").count(), 3);
    assert!(second.contains(">Newest<") && !second.contains(">Older<"));
    let held = console.page("/quarantine");
    assert_eq!(held.matches("scope=\"row\"").count(), 50);
    let after = held.split("&amp;after=").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(console.page(&format!("/quarantine?after={after}")).matches("scope=\"row\"").count(), 3);
    let only = format!("/quarantine?crossing={}", console.crossings[4]);
    assert_eq!(console.page(&only).matches("scope=\"row\"").count(), 1);
    assert!(console.page("/quarantine?state=released").contains("No record is in this state"));
}

#[test]
fn only_this_machines_names_are_answered() {
    let console = Console::new(1);
    let port = console.address.port();
    for host in [format!("localhost:{port}"), format!("LOCALHOST:{port}"), format!("[::1]:{port}")] {
        assert!(console.ask("GET", "/", &host).starts_with("HTTP/1.1 200"), "{host}");
    }
    let other = port.wrapping_add(1).max(1024);
    let rebound = ["evil.example".to_owned(), format!("evil.example:{port}"), format!("127.0.0.1:{other}")];
    for host in
        rebound.into_iter().chain(["localhost".to_owned(), String::new(), format!("x@127.0.0.1:{port}")])
    {
        let answer = console.ask("GET", "/", &host);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{host}");
        assert!(!answer.contains(&console.crossings[0].to_string()), "{host}");
    }
    let two = format!(
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    );
    assert!(!console.send(&two).starts_with("HTTP/1.1 200"));
    let whole =
        format!("GET http://evil.example/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    assert!(console.send(&whole).starts_with("HTTP/1.1 421"));
    assert!(!console.send("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"), "no host at all");
}

#[test]
fn nothing_but_reading_is_answered() {
    let console = Console::new(1);
    let host = console.address.to_string();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = console.ask(method, "/", &host);
        assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        assert!(answer.contains("allow: GET, HEAD"), "{method}");
    }
    let head = console.ask("HEAD", "/", &host);
    assert!(head.starts_with("HTTP/1.1 200") && body(&head).is_empty());
}

#[test]
fn what_is_not_there_is_a_page_that_says_so() {
    let console = Console::new(1);
    let id = console.crossings[0];
    let unknown = CrossingId::new(SystemClock.now(), &SystemRandom).unwrap();
    for path in [
        "/nothing".to_owned(),
        "/crossings/x".to_owned(),
        format!("/crossings/{unknown}"),
        format!("/crossings/{unknown}/proof"),
        format!("/crossings/{unknown}/records"),
        "/datasets/none/bom".to_owned(),
        "/datasets/none/bom/1.7".to_owned(),
        "/datasets/lake/bom/1.5".to_owned(),
        "/datasets/none/lineage".to_owned(),
        format!("/quarantine/{unknown}:0"),
        format!("/quarantine/{id}:18446744073709551615"),
        "/quarantine/x".to_owned(),
        format!("/datasets/{}/bom", "x".repeat(5_000)),
    ] {
        let answer = console.get(&path);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert_eq!(answer.matches("<h1").count(), 1, "{path}");
        assert!(answer.contains("\r\ncontent-security-policy: default-src 'none'"), "{path}");
    }
    for path in [
        "/?before=x".to_owned(),
        "/?before=18446744073709551615".to_owned(),
        "/datasets?from=-1".to_owned(),
        "/quarantine?state=lost".to_owned(),
        format!("/crossings/{id}/records?from=18446744073709551615"),
        format!("/crossings/{id}/records?only=<script>"),
    ] {
        assert!(console.get(&path).starts_with("HTTP/1.1 400"), "{path}");
    }
}

#[test]
fn proofs_and_materials_are_downloads_that_hold() {
    let console = Console::new(1);
    let answer = console.page(&format!("/crossings/{}/proof", console.crossings[0]));
    assert!(answer.contains("content-type: application/json"));
    let key = console.ledger.key();
    let proven = lazaret_ledger::verify_proof(body(&answer), key).unwrap();
    assert_eq!(proven.opened.crossing, console.crossings[0].to_string());
    for version in ["1.6", "1.7"] {
        let answer = console.page(&format!("/datasets/lake/bom/{version}"));
        assert!(answer.contains(&format!("filename=\"lake-{version}.cdx.json\"")));
        let document: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!(document["specVersion"], version);
    }
}

#[test]
fn a_bill_of_materials_is_also_a_file_of_its_own() {
    let console = Console::new(1);
    let view = lazaret_ledger::bom_view(console.ledger.reader(), "lake", None).unwrap();
    let document = bom_document(view).unwrap();
    assert!(document.trim_start().starts_with("<!doctype html>") && document.contains("tabular-nums"));
    assert!(!document.contains("<script") && !document.contains("href="), "it needs nothing else");
    assert!(!document.contains("&#62; :not"), "the stylesheet is not escaped");
}

#[test]
fn health_follows_the_checkpoint() {
    let console = Console::new(1);
    assert!(console.page("/healthz").ends_with("ready\n"));
    console.ready.store(false, Ordering::Relaxed);
    assert!(console.get("/healthz").starts_with("HTTP/1.1 503"));
}

#[test]
fn another_interface_is_refused_and_a_taken_port_says_so() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
        let refused = bind(address.parse().unwrap()).unwrap_err();
        assert!(matches!(refused, ServeError::NotLoopback(_)), "{address}");
        assert!(refused.to_string().contains("until sign-in exists"));
    }
    let taken = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refused = bind(taken.address()).unwrap_err();
    assert!(refused.to_string().contains("--port"), "{refused}");
}

#[test]
fn no_template_switches_escaping_off() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("console/templates");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // The stylesheet, a part of the binary, is the one exception.
        let text = text.replace("{{ stylesheet|safe }}", "");
        assert!(!text.contains("safe }}") && !text.contains("|safe") && !text.contains("{% autoescape"));
        seen += 1;
    }
    assert!(seen > 10);
}
