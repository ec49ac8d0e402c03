//! The admission webhook over verdicts that fail and hang, and over certificates that change.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lazaret_core::{LedgerError, Limit, Limits, Mode, Sha256};
use lazaret_input::read_file;
use lazaret_traffic::admission::judge::{Judge, Otherwise, Terms, Verdicts};
use lazaret_traffic::admission::named::Model;
use lazaret_traffic::admission::notes::{Note, Records, Waiting};
use lazaret_traffic::admission::review::document;
use lazaret_traffic::admission::serve::{Webhook, serve};
use lazaret_traffic::admission::standing::{Standing, Word};
use lazaret_traffic::admission::tls::{Files, MAX_CERTIFICATE, Tls};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

const WELL: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

/// Every digest was cleared, as long as anything can be told.
struct Moody(AtomicU8);

impl Verdicts for Moody {
    fn look_up(&self, _: &Model) -> Result<Arc<Standing>, LedgerError> {
        match self.0.load(Ordering::SeqCst) {
            FAILS => return Err(LedgerError { what: "tell", cause: None }),
            HANGS => std::thread::sleep(Duration::from_secs(4)),
            _ => {}
        }
        Ok(Arc::new(Standing { word: Word::Cleared, ..Standing::UNSEEN }))
    }
}

#[derive(Default)]
struct Noted(Mutex<Vec<Note>>);

impl Records for Noted {
    fn record(&self, notes: Vec<Note>) -> Result<(), LedgerError> {
        self.0.lock().unwrap().extend(notes);
        Ok(())
    }
}

fn webhook(mood: &Arc<Moody>, fail: Otherwise, knows_clients: bool) -> Arc<Webhook> {
    webhook_within(mood, fail, knows_clients, Limits::default())
}

fn webhook_within(mood: &Arc<Moody>, fail: Otherwise, knows_clients: bool, limits: Limits) -> Arc<Webhook> {
    let terms = Terms {
        mode: Mode::Enforce,
        unnamed: Otherwise::Warn,
        fail,
        exempt: ["lazaret".to_owned()].into(),
        cluster: "c".to_owned(),
        limits: limits.clone(),
    };
    let records = Arc::new(Noted::default());
    let judge = Judge::new(terms, Arc::clone(mood) as _, records as _);
    Webhook::new(judge, knows_clients, limits)
}

fn review(digest: u8, operation: &str, namespace: &str) -> String {
    let image = format!("r.example/m@sha256:{}", Sha256([digest; 32]));
    let object =
        json!({ "metadata": { "name": "p" }, "spec": { "volumes": [{ "image": { "reference": image } }] } });
    let (new, old) = if operation == "DELETE" { (Value::Null, object) } else { (object, Value::Null) };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u", "kind": { "group": "", "version": "v1", "kind": "Pod" }, "namespace": namespace,
            "operation": operation, "object": new, "oldObject": old
        }
    })
    .to_string()
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Asks over TLS: believes one authority, brings a certificate or none. None where the handshake fails.
async fn ask(port: u16, authority: &str, with: Option<&str>, body: &str) -> Option<(u16, String)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(tls(authority)).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match with {
        None => config.with_no_client_auth(),
        Some(name) => {
            let certificate = CertificateDer::from_pem_file(tls(&format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(tls(&format!("{name}.key.pem"))).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let head = format!(
        "POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()?;
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await.ok()?;
    let sent = String::from_utf8(sent).unwrap();
    let (head, body) = sent.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().unwrap(), body.to_owned()))
}

/// Serves on a free port, with a certificate from a folder.
async fn start(webhook: Arc<Webhook>, folder: &Path, clients: Option<&str>) -> (u16, Tls) {
    for name in ["server.pem", "server.key.pem"] {
        std::fs::copy(tls(name), folder.join(name)).unwrap();
    }
    let files = Files {
        certificate: folder.join("server.pem"),
        key: folder.join("server.key.pem"),
        clients: clients.map(tls),
    };
    let tls = Tls::open(files, MAX_CERTIFICATE).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, tls.clone(), webhook.router(), Limits::default(), std::future::pending()));
    (port, tls)
}

fn allowed(answer: Option<(u16, String)>) -> bool {
    let (status, body) = answer.unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["response"]["allowed"].as_bool().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cleared_is_allowed_even_while_nothing_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    for (fail, others) in [(Otherwise::Refuse, false), (Otherwise::Warn, true)] {
        let mood = Arc::new(Moody(AtomicU8::new(WELL)));
        let (port, _) = start(webhook(&mood, fail, false), folder.path(), None).await;
        let ask = async |digest, operation: &str, namespace: &str| {
            let began = Instant::now();
            let answer = ask(port, "ca.pem", None, &review(digest, operation, namespace)).await;
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            allowed(answer)
        };
        assert!(ask(1, "CREATE", "ward").await);
        for mood_now in [FAILS, HANGS] {
            mood.0.store(mood_now, Ordering::SeqCst);
            assert!(ask(1, "CREATE", "ward").await, "it was cleared, and that does not change");
            assert_eq!(ask(2, "CREATE", "ward").await, others);
            assert!(ask(3, "CREATE", "lazaret").await);
            assert!(ask(3, "DELETE", "ward").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cleared_stays_known_when_more_is_asked_about_than_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(Moody(AtomicU8::new(WELL)));
    let mut few = Limits::default();
    few.set("admission.max_cached".to_owned(), 2);
    let webhook = webhook_within(&mood, Otherwise::Refuse, false, few);
    let (port, _) = start(webhook, folder.path(), None).await;
    for digest in 1..=7 {
        assert!(allowed(ask(port, "ca.pem", None, &review(digest, "CREATE", "ward")).await));
    }
    mood.0.store(FAILS, Ordering::SeqCst);
    for digest in 1..=7 {
        assert!(allowed(ask(port, "ca.pem", None, &review(digest, "CREATE", "ward")).await), "{digest}");
    }
    assert!(!allowed(ask(port, "ca.pem", None, &review(8, "CREATE", "ward")).await));
}

/// As long a review as may be, of a pod with nothing that names a model.
fn long_review() -> String {
    let words: Vec<String> = (0..600_000).map(|number| format!("w{number:06}")).collect();
    let object = json!({ "metadata": { "name": "p", "labels": words }, "spec": { "volumes": [{ "image": {
        "reference": format!("r.example/m@sha256:{}", Sha256([1; 32])) } }] } });
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": { "uid": "u", "kind": { "group": "", "version": "v1", "kind": "Pod" }, "namespace": "ward",
            "operation": "CREATE", "object": object, "oldObject": null }
    })
    .to_string()
}

/// One thread answers: what is read where nothing could be told in time holds nobody up.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_long_review_that_is_answered_late_holds_no_other_up() {
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(Moody(AtomicU8::new(HANGS)));
    let (port, _) = start(webhook(&mood, Otherwise::Refuse, false), folder.path(), None).await;
    let body = long_review();
    let began = Instant::now();
    document(body.as_bytes(), &Limits::default()).unwrap();
    let to_read = began.elapsed();
    let sent = Arc::new(AtomicU8::new(0));
    let is_sent = Arc::clone(&sent);
    // The longest time for which nothing else went on, from when the long one is judged.
    let watching = tokio::spawn(async move {
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        while is_sent.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if last.duration_since(began) > to_read * 2 + Duration::from_secs(1) {
                longest = longest.max(last.elapsed());
            }
            last = Instant::now();
        }
        longest
    });
    let began = Instant::now();
    let answer = ask(port, "ca.pem", None, &body).await;
    sent.store(1, Ordering::SeqCst);
    assert!(answer.is_some() && began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let longest = watching.await.unwrap();
    assert!(longest < to_read / 2, "{longest:?} of {to_read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(Moody(AtomicU8::new(WELL)));
    let (port, served) = start(webhook(&mood, Otherwise::Refuse, false), folder.path(), None).await;
    let body = review(1, "CREATE", "ward");
    assert!(ask(port, "renewed.pem", None, &body).await.is_none());
    assert!(!served.renew().unwrap(), "it is the same");
    std::fs::copy(tls("renewed.pem"), folder.path().join("server.pem")).unwrap();
    assert!(served.renew().is_err(), "the key is another's");
    assert!(allowed(ask(port, "ca.pem", None, &body).await));
    std::fs::copy(tls("renewed.key.pem"), folder.path().join("server.key.pem")).unwrap();
    assert!(served.renew().unwrap());
    assert!(ask(port, "ca.pem", None, &body).await.is_none());
    assert!(allowed(ask(port, "renewed.pem", None, &body).await));
    std::fs::write(folder.path().join("server.pem"), "").unwrap();
    assert!(served.renew().is_err());
    assert!(allowed(ask(port, "renewed.pem", None, &body).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_are_known_others_are_answered_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(Moody(AtomicU8::new(WELL)));
    let (port, _) = start(webhook(&mood, Otherwise::Refuse, true), folder.path(), Some("clients.pem")).await;
    let body = review(1, "CREATE", "ward");
    assert_eq!(ask(port, "ca.pem", None, &body).await.unwrap().0, 401);
    assert!(allowed(ask(port, "ca.pem", Some("client"), &body).await));
    // A certificate of nobody who is believed ends the connection.
    assert!(ask(port, "ca.pem", Some("renewed"), &body).await.is_none());
}

#[test]
fn notes_outlive_a_crash_and_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let alert = |digest: u8| Note::Alert { sha256: Sha256([digest; 32]), rules: vec!["a.b".to_owned()] };
    let waiting = Waiting::open(folder.path(), limits.clone()).unwrap();
    assert!(waiting.take().unwrap().is_none());
    waiting.record(vec![alert(1), alert(2)]).unwrap();
    waiting.record(vec![alert(1)]).unwrap(); // not again so soon
    let taken = waiting.take().unwrap().unwrap();
    assert_eq!(taken.notes(), [alert(1), alert(2)]);
    waiting.record(vec![alert(3)]).unwrap();
    drop((taken, waiting)); // never said to be recorded
    let mut torn = std::fs::File::options().append(true).open(folder.path().join("waiting")).unwrap();
    torn.write_all(b"{\"note\":\"al").unwrap();
    let waiting = Waiting::open(folder.path(), limits).unwrap();
    let again = waiting.take().unwrap().unwrap();
    assert_eq!(again.notes(), [alert(1), alert(2)]);
    waiting.done(again).unwrap();
    waiting.record(vec![alert(4)]).unwrap();
    let last = waiting.take().unwrap().unwrap();
    assert_eq!(last.notes(), [alert(3), alert(4)]);
    waiting.done(last).unwrap();
    assert!(waiting.take().unwrap().is_none());
    let mut few = Limits::default();
    few.set("admission.max_waiting".to_owned(), 150);
    let narrow = tempfile::tempdir().unwrap();
    let waiting = Waiting::open(narrow.path(), few).unwrap();
    waiting.record(vec![alert(1)]).unwrap();
    assert!(waiting.record(vec![alert(2)]).is_err(), "what cannot be kept is not acknowledged");
    assert_eq!(waiting.take().unwrap().unwrap().notes(), [alert(1)]);
}

#[test]
fn notes_outlive_what_cannot_be_written_or_read() {
    let alert = |digest: u8| Note::Alert { sha256: Sha256([digest; 32]), rules: vec!["a.b".to_owned()] };
    let folder = tempfile::tempdir().unwrap();
    let waiting = Waiting::open(folder.path(), Limits::default()).unwrap();
    waiting.record(vec![alert(1)]).unwrap();
    let taken = waiting.take().unwrap().unwrap();
    // No other file can be made where this one lay: what is noted then goes into none that is handed over already.
    std::fs::create_dir(folder.path().join("waiting")).unwrap();
    assert!(waiting.record(vec![alert(2)]).is_err());
    assert_eq!(waiting.take().unwrap().unwrap().notes(), [alert(1)]);
    waiting.done(taken).unwrap();
    std::fs::remove_dir(folder.path().join("waiting")).unwrap();
    assert!(waiting.take().unwrap().is_none());
    waiting.record(vec![alert(3)]).unwrap();

    // A line that nobody can read keeps none of the others back; nor does a limit that was lowered since.
    let mut broken = std::fs::File::options().append(true).open(folder.path().join("waiting")).unwrap();
    broken.write_all(b"\0\0\0\n{\"note\":\"other\"}\n").unwrap();
    waiting.record(vec![alert(4)]).unwrap();
    drop(waiting);
    let mut few = Limits::default();
    few.set("admission.max_waiting".to_owned(), 10);
    let waiting = Waiting::open(folder.path(), few).unwrap();
    assert!(waiting.record(vec![alert(5)]).is_err());
    let taken = waiting.take().unwrap().unwrap();
    assert_eq!(taken.notes(), [alert(3), alert(4)]);
    waiting.done(taken).unwrap();
    assert!(waiting.take().unwrap().is_none());
}

/// In a process whose files may have 1,024 bytes, so that the system writes the last note in part.
#[test]
fn a_note_that_was_written_in_part_is_not_there_and_the_next_is_whole() {
    const FOLDER: &str = "LAZARET_TEST_NOTES";
    let alert = |digest: u8| Note::Alert { sha256: Sha256([digest; 32]), rules: vec!["a.b".to_owned()] };
    let Some(folder) = std::env::var_os(FOLDER) else {
        let folder = tempfile::tempdir().unwrap();
        let name = "a_note_that_was_written_in_part_is_not_there_and_the_next_is_whole";
        let module = module_path!().split_once("::").unwrap().1; // without the crate
        let ended = std::process::Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(format!("{module}::{name}"))
            .env(FOLDER, folder.path())
            .output() // into pipes: what it prints into a file counts too
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        let left = std::fs::metadata(folder.path().join("waiting")).unwrap();
        assert!(left.len() > 0, "the other process was here");
        return;
    };
    let folder = Path::new(&folder);
    let waiting = Waiting::open(folder, Limits::default()).unwrap();
    let kept: Vec<Note> =
        (0..100).map(alert).take_while(|note| waiting.record(vec![note.clone()]).is_ok()).collect();
    assert!((2..100).contains(&kept.len()), "the disk is full after {}", kept.len());
    let text = read_file(&folder.join("waiting"), Limit::new("test.notes", 1 << 20)).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.ends_with("}\n") && text.lines().count() == kept.len());
    // What is short enough is still taken, and all of it is handed over.
    let taken = waiting.take().unwrap().unwrap();
    assert_eq!(taken.notes(), kept);
    waiting.record(vec![alert(200)]).unwrap();
    waiting.done(taken).unwrap();
    assert_eq!(waiting.take().unwrap().unwrap().notes(), [alert(200)]);
    waiting.record(vec![alert(201)]).unwrap();
}

/// Every model was cleared, with one file.
struct Cleared;

impl Verdicts for Cleared {
    fn look_up(&self, _: &Model) -> Result<Arc<Standing>, LedgerError> {
        let files = vec![Sha256([1; 32])];
        Ok(Arc::new(Standing { word: Word::Cleared, files, ..Standing::UNSEEN }))
    }
}

/// The disk is full.
struct Full;

impl Records for Full {
    fn record(&self, _: Vec<Note>) -> Result<(), LedgerError> {
        Err(LedgerError { what: "record", cause: None })
    }
}

#[test]
fn what_cannot_be_recorded_is_let_in_only_by_a_cleared_digest_or_as_the_settings_say() {
    let digest = format!("sha256:{}", Sha256([1; 32]));
    let cases = [
        (Mode::Enforce, Otherwise::Refuse, "a/b@1", false),
        (Mode::Enforce, Otherwise::Refuse, digest.as_str(), true),
        (Mode::Enforce, Otherwise::Warn, "a/b@1", true),
        (Mode::Observe, Otherwise::Refuse, "a/b@1", true),
    ];
    for (mode, fail, model, is_allowed) in cases {
        let (exempt, limits) = Default::default();
        let terms = Terms { mode, unnamed: Otherwise::Warn, fail, exempt, cluster: "c".to_owned(), limits };
        let judge = Judge::new(terms, Arc::new(Cleared), Arc::new(Full));
        let mut asked: Value = serde_json::from_str(&review(1, "CREATE", "ward")).unwrap();
        asked["request"]["object"] =
            json!({ "metadata": { "name": "p", "annotations": { "lazaret.io/models": model } }, "spec": {} });
        let bytes = asked.to_string();
        let read = document(bytes.as_bytes(), &Limits::default()).unwrap();
        let answer = judge.answer(&lazaret_traffic::admission::review::review(&read).unwrap());
        assert_eq!(answer.refused.is_none(), is_allowed, "{mode:?} {model}: {answer:?}");
        assert!(
            !is_allowed || answer.warnings.iter().any(|warning| warning.contains("could not be recorded"))
        );
    }
}
