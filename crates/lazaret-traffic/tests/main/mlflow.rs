//! An MLflow server behind the gate: what it does that the real one does not, or not always.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lazaret_core::{Ending, Limits};
use lazaret_traffic::updates::gate::Sent;

use crate::main::house::{Pause, Served, Setup};
use crate::main::hub::{Asked, Contents, Hub, Reply, Server};

/// A server that holds one model of two files, and everything that is sent to it.
struct Mlflow {
    server: Server,
    /// The second file.
    weights: Arc<Mutex<Vec<u8>>>,
    /// The commit that runs say.
    commit: Arc<Mutex<String>>,
}

const ROOT: &str = "/api/2.0/mlflow-artifacts/artifacts";
const MODEL: &str = "/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts";

impl Mlflow {
    fn start() -> Self {
        let weights = Arc::new(Mutex::new(b"weights".to_vec()));
        let commit = Arc::new(Mutex::new("c0ffee".to_owned()));
        let of_server = (Arc::clone(&weights), Arc::clone(&commit));
        let server = Server::start(move |asked| {
            answer(asked, &of_server.0.lock().unwrap(), &of_server.1.lock().unwrap())
        });
        Self { server, weights, commit }
    }

    fn served(&self, folder: &std::path::Path, setup: Setup) -> Served {
        let hub = Hub::start(Contents::default());
        Served::start(folder, &hub, &Setup { mlflow: Some(self.server.url()), ..setup })
    }
}

fn answer(asked: &Asked, weights: &[u8], commit: &str) -> Reply {
    let json = |text: &str| Reply::ok("application/json", text);
    let says = |who: &str| asked.headers.get("authorization").is_some_and(|said| said == who);
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    match (asked.method.as_str(), path) {
        ("PUT", _) if says("Bearer reader") => Reply::of(403),
        ("PUT", _) | ("POST", "/api/2.0/mlflow/model-versions/create") => json("{}"),
        ("PATCH", _) if says("Bearer s") => json("{}"),
        ("GET", ROOT) => match query {
            "path=1%2Fmodels%2Fm-1%2Fartifacts" => {
                json(r#"{"files":[{"path":"MLmodel","is_dir":false},{"path":"data","is_dir":true}]}"#)
            }
            "path=1%2Fmodels%2Fm-1%2Fartifacts%2Fdata" => json(r#"{"files":[{"path":"w.bin"}]}"#),
            "path=climbing" => json(r#"{"files":[{"path":".."}]}"#),
            endless if endless.starts_with("path=endless") => {
                json(r#"{"files":[{"path":"a","is_dir":true}]}"#)
            }
            _ => json("{}"),
        },
        ("GET", path) if path.starts_with("/api/2.0/mlflow/logged-models/") && says("Bearer stranger") => {
            Reply::of(403)
        }
        ("GET", path) if path.starts_with("/api/2.0/mlflow/logged-models/") => json(
            r#"{"model":{"info":{"artifact_uri":"mlflow-artifacts:/1/models/m-1/artifacts","source_run_id":"run"}}}"#,
        ),
        ("GET", "/api/2.0/mlflow/runs/get") => json(&format!(
            r#"{{"run":{{"info":{{"artifact_uri":"s3://bucket/1"}},"data":{{"tags":[{{"key":"mlflow.source.git.commit","value":"{commit}"}}]}}}}}}"#
        )),
        ("GET", "/api/2.0/mlflow/model-versions/get") => {
            json(r#"{"model_version":{"source":"models:/m-1","run_id":""}}"#)
        }
        ("GET", "/api/2.0/mlflow/model-versions/get-download-uri") => {
            json(r#"{"artifact_uri":"models:/m-1"}"#)
        }
        ("GET", "/api/2.0/mlflow/experiments/get") => {
            Reply::of(302).with("Location", "http://other.example/")
        }
        ("GET", "/api/2.0/mlflow/experiments/search") => {
            json(r#"{"e":1}"#).with("Set-Cookie", "a=b").with("Location", "http://other.example/")
        }
        ("GET", path) if path == format!("{ROOT}/elsewhere") => {
            Reply::of(307).with("Location", "http://other.example/blob?signature=1")
        }
        ("GET", path) if path == format!("{ROOT}/forbidden") => {
            let reply = json(r#"{"error_code":"PERMISSION_DENIED","message":"not yours"}"#);
            Reply { status: 403, ..reply }
        }
        ("GET", path) if path == format!("{MODEL}/MLmodel") => {
            Reply::ok("text/plain", "flavors: {}").with("ETag", "\"one\"")
        }
        ("GET", path) if path == format!("{MODEL}/data/w.bin") => {
            let tag = format!("\"{}\"", weights.len());
            Reply::ok("application/octet-stream", weights).with("ETag", tag)
        }
        _ => Reply::of(404),
    }
}

fn create(served: &Served, source: &str) -> crate::main::house::Seen {
    let body = format!("{{\"name\":\"chest\",\"source\":\"{source}\"}}");
    served.ask("POST", "/-/mlflow/api/2.0/mlflow/model-versions/create", &[], &body)
}

#[test]
fn a_file_that_is_blocked_never_reaches_the_server_and_one_that_is_cleared_does_with_its_secret() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let to = format!("/-/mlflow{ROOT}/1/run/artifacts/a%20b.bin");
    let secret = [("Authorization", "Bearer s"), ("Cookie", "console=1"), ("X-Forwarded-For", "a")];
    let bad = served.ask("PUT", &to, &secret, "EVIL");
    assert_eq!(bad.status, 403);
    let told = bad.text();
    for word in ["\"PERMISSION_DENIED\"", "lazaret blocked a b.bin of mlflow/1/run", "fake.evil", "Receipt "]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert_eq!(mlflow.server.count(""), 0, "nobody is asked");
    assert_eq!(served.ask("PUT", &to, &[("Content-Encoding", "gzip")], "x").status, 415);
    assert_eq!(served.ask("PUT", &to, &secret, "good").status, 200);
    let sent = served.book.sent.lock().unwrap().clone();
    assert_eq!(sent, [Sent::Goes, Sent::Answered(200)].map(|came| ("a b.bin".to_owned(), came)));
    let asked = mlflow.server.asked.lock().unwrap();
    let [put] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(
        (put.method.as_str(), put.target.as_str()),
        ("PUT", &*format!("{ROOT}/1/run/artifacts/a%20b.bin"))
    );
    assert_eq!(
        (put.headers["authorization"].as_str(), put.headers["content-length"].as_str()),
        ("Bearer s", "4")
    );
    let host = format!("127.0.0.1:{}", mlflow.server.port);
    assert_eq!(put.headers["host"], host, "as the server knows itself");
    assert!(!put.headers.contains_key("cookie") && !put.headers.contains_key("x-forwarded-for"));
}

#[test]
fn a_version_is_one_crossing_of_all_its_files_and_is_not_fetched_again_while_they_stay() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    assert_eq!(create(&served, "models:/m-1").status, 200);
    let seals = |served: &Served| served.book.seals.lock().unwrap().len();
    assert_eq!((seals(&served), mlflow.server.count("POST /api/2.0/mlflow/model-versions")), (1, 1));
    let alias = |served: &Served| {
        let body = r#"{"name":"chest","alias":"champion","version":"1"}"#;
        served.ask("POST", "/-/mlflow/ajax-api/2.0/mlflow/registered-models/alias", &[], body)
    };
    assert_eq!(alias(&served).status, 404, "the server's own answer");
    assert_eq!((seals(&served), mlflow.server.count("POST /ajax-api/")), (1, 1));
    *mlflow.weights.lock().unwrap() = b"all EVIL".to_vec();
    let told = alias(&served);
    assert!(told.status == 403 && told.text().contains("data/w.bin of chest"), "{}", told.text());
    assert_eq!((seals(&served), mlflow.server.count("POST /ajax-api/")), (2, 1));
    let stage = |stage: &str| {
        let body = format!("{{\"name\":\"chest\",\"version\":\"1\",\"stage\":\"{stage}\"}}");
        served.ask("POST", "/-/mlflow/api/2.0/mlflow/model-versions/transition-stage", &[], &body).status
    };
    assert_eq!((stage("Production"), stage("Archived"), stage("NONE")), (403, 404, 404));
    let told_again = alias(&served);
    assert_eq!((told_again.text(), seals(&served)), (told.text(), 2), "by its record");
    "other rules".clone_into(&mut served.book.rules.lock().unwrap());
    assert_eq!((alias(&served).status, seals(&served)), (403, 3));
    let file = served.get(&format!("/-/mlflow{MODEL}/data/w.bin"));
    assert!(file.status == 403 && !file.text().contains("all EVIL"));
    assert_eq!(served.get(&format!("/-/mlflow{MODEL}/MLmodel")).text(), "flavors: {}");
}

#[test]
fn a_version_from_elsewhere_or_made_otherwise_is_judged_as_itself() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let create = |headers: &[(&str, &str)], source: &str, run: &str| {
        let body = format!(r#"{{"name":"chest","source":"{source}","run_id":"{run}"}}"#);
        let told = served.ask("POST", "/-/mlflow/api/2.0/mlflow/model-versions/create", headers, &body);
        assert_eq!(told.status, 200, "{}", told.text());
        let crossed = served.book.asked.lock().unwrap();
        let lineage = &crossed.last().unwrap().1;
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        (crossed.len(), word(&lineage.run), word(&lineage.code))
    };
    let was = |number: usize, run: &str, code: &str| (number, run.to_owned(), code.to_owned());
    assert_eq!(create(&[], "models:/m-1", ""), was(1, "run", "c0ffee"));
    assert_eq!(create(&[], "models:/m-1", ""), was(1, "run", "c0ffee"), "the same");
    // Who names no workspace, or the usual one, means the same.
    for usual in ["default", ""] {
        assert_eq!(create(&[("X-MLflow-Workspace", usual)], "models:/m-1", ""), was(1, "run", "c0ffee"));
    }
    "beef".clone_into(&mut mlflow.commit.lock().unwrap());
    assert_eq!(create(&[], "models:/m-1", ""), was(2, "run", "beef"), "another commit");
    assert_eq!(create(&[], "models:/m-1", "other"), was(3, "other", "beef"), "another run");
    let place = "mlflow-artifacts:/1/models/m-1/artifacts";
    assert_eq!(create(&[], place, "other"), was(4, "other", "beef"), "another source");
    assert_eq!(create(&[], "models:/m-1", "other"), was(4, "other", "beef"), "each is remembered");
    assert_eq!(create(&[("X-MLflow-Workspace", "b")], "models:/m-1", "other"), was(5, "other", "beef"));
    let twice = [("X-MLflow-Workspace", "b"), ("X-MLflow-Workspace", "default")];
    let told = served.ask("POST", "/-/mlflow/api/2.0/mlflow/model-versions/create", &twice, "{}");
    assert!(told.status == 400 && told.text().contains("one workspace"), "{}", told.text());
}

#[test]
fn what_cannot_be_listed_or_is_said_twice_is_not_registered() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    for (source, status, why) in [
        ("s3://bucket/model", 403, "s3://bucket/model"),
        ("runs:/run/model", 403, "do not lie with the MLflow server"),
        ("mlflow-artifacts:/empty", 403, "no file lies there"),
        ("mlflow-artifacts:/climbing", 502, "what an MLflow server would not"),
        ("mlflow-artifacts:/endless", 403, "mlflow.max_depth"),
    ] {
        let told = create(&served, source);
        assert!(
            told.status == status && told.text().contains(why),
            "{source}: {} {}",
            told.status,
            told.text()
        );
    }
    let recorded: Vec<_> = served.book.entries.lock().unwrap().drain(..).collect();
    assert_eq!(recorded.len(), 3, "each model whose files nobody can list");
    for entry in recorded {
        assert_eq!((entry.findings[0].id.as_str(), entry.held.is_some()), ("input.uninspectable", true));
    }
    for body in [
        r#"{"name":"a","source":"models:/m-1","source":"s3://b"}"#,
        r#""{\"name\":\"a\",\"source\":\"s3://b\"}""#,
        r#"{"name":"a"}"#,
        "",
    ] {
        let told = served.ask("POST", "/-/mlflow/api/2.0/mlflow/model-versions/create", &[], body);
        assert_eq!(told.status, 400, "{body}");
    }
    assert_eq!(mlflow.server.count("POST"), 0);
    assert_eq!(create(&served, "dummy-source").status, 200, "a prompt has no files");
}

#[test]
fn nobody_is_sent_elsewhere_and_a_server_that_is_gone_is_told_of_in_its_own_words() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let sent_on = served.get("/-/mlflow/api/2.0/mlflow/experiments/get");
    assert!(sent_on.status == 502 && !String::from_utf8_lossy(&sent_on.raw).contains("other.example"));
    let plain = served.get("/-/mlflow/api/2.0/mlflow/experiments/search");
    assert_eq!((plain.status, plain.text().as_str()), (200, r#"{"e":1}"#));
    assert!(plain.header("set-cookie").is_empty() && plain.header("location").is_empty());
    let file = served.get(&format!("/-/mlflow{ROOT}/elsewhere"));
    assert!(file.status == 403 && file.text().contains("`gates.models.mlflow_hosts`"), "{}", file.text());
    assert!(!String::from_utf8_lossy(&file.raw).contains("signature"));
    let forbidden = served.get(&format!("/-/mlflow{ROOT}/forbidden"));
    assert!(forbidden.status == 403 && forbidden.text().contains("not yours"));
    drop(served);

    let offline = mlflow.served(folder.path(), Setup { offline: true, ..Setup::default() });
    let told = offline.get("/-/mlflow/api/2.0/mlflow/experiments/search");
    assert!(told.status == 503 && told.text().contains("\"error_code\":\"TEMPORARILY_UNAVAILABLE\""));
    drop(offline);

    let hub = Hub::start(Contents::default());
    let gone = Setup { mlflow: Some("http://127.0.0.1:1/".to_owned()), ..Setup::default() };
    let served = Served::start(folder.path(), &hub, &gone);
    for (method, target) in [("GET", "/api/2.0/mlflow/experiments/search"), ("PUT", &*format!("{ROOT}/a"))] {
        let told = served.ask(method, &format!("/-/mlflow{target}"), &[], "x");
        assert!(told.status == 502 && told.text().contains("TEMPORARILY_UNAVAILABLE"), "{}", told.text());
    }
    drop(served);
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let told = served.get("/-/mlflow/");
    assert!(told.status == 404 && told.text().contains("`gates.models.mlflow`"), "{}", told.text());
}

#[test]
fn what_cannot_be_recorded_goes_neither_way() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    served.book.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(served.ask("PUT", &format!("/-/mlflow{ROOT}/a"), &[], "good").status, 503);
    assert_eq!(served.get(&format!("/-/mlflow{MODEL}/MLmodel")).status, 503);
    assert_eq!(create(&served, "models:/m-1").status, 503);
    assert_eq!((mlflow.server.count("PUT"), mlflow.server.count("POST")), (0, 0));
}

#[test]
fn who_sends_a_byte_at_a_time_is_told_so_and_holds_no_place() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let mut limits = Limits::default();
    limits.set("traffic.max_seconds_per_mib", 1);
    limits.set("updates.max_downloads", 1);
    let served = mlflow.served(folder.path(), Setup { limits, ..Setup::default() });
    let mut slow = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let head = format!(
        "PUT /-/mlflow{ROOT}/a.bin HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 900\r\n\r\n",
        served.port
    );
    slow.write_all(head.as_bytes()).unwrap();
    let (began, mut told) = (Instant::now(), [0; 4096]);
    let told = loop {
        slow.write_all(b"x").unwrap();
        match slow.read(&mut told) {
            Ok(read) => break String::from_utf8_lossy(&told[..read]).into_owned(),
            Err(_nothing_yet) => assert!(began.elapsed() < Duration::from_secs(20), "it may hold its place"),
        }
    };
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("traffic.max_seconds_per_mib"), "{told}");
    assert_eq!(served.ask("PUT", &format!("/-/mlflow{ROOT}/b.bin"), &[], "good").status, 200);
    let left = std::fs::read_dir(folder.path().join("store/incoming")).unwrap().count();
    assert_eq!((left, mlflow.server.count("PUT")), (0, 1));
}

#[test]
fn a_model_that_nobody_can_list_is_recorded_where_it_goes_all_the_same() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served =
        mlflow.served(folder.path(), Setup { mode: Some(lazaret_core::Mode::Observe), ..Setup::default() });
    assert_eq!(create(&served, "s3://bucket/model").status, 200);
    let (entries, seals) = (served.book.entries.lock().unwrap(), served.book.seals.lock().unwrap());
    let ([entry], [seal]) = (entries.as_slice(), seals.as_slice()) else { panic!("{entries:?}") };
    assert_eq!(
        (entry.findings[0].id.as_str(), entry.findings[0].at.as_str()),
        ("input.uninspectable", "source")
    );
    assert!(entry.held.is_none() && entry.verdict.holds() && entry.file.is_none());
    assert_eq!((seal.ending, seal.outputs.len()), (Ending::Complete, 0));
}

#[test]
fn nothing_is_taken_that_leaves_too_little_of_the_disk() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup { reserve: 1 << 60, ..Setup::default() });
    let told = served.ask("PUT", &format!("/-/mlflow{ROOT}/a"), &[], "good");
    assert!(told.status == 507 && told.text().contains("TEMPORARILY_UNAVAILABLE"), "{}", told.text());
    assert_eq!(served.get(&format!("/-/mlflow{MODEL}/MLmodel")).status, 507);
    assert_eq!(mlflow.server.count("PUT"), 0);
}

#[test]
fn a_file_is_judged_with_those_that_went_beside_it_whichever_comes_first() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let put = |model: &str, file: &str, bytes: &str| {
        served.ask("PUT", &format!("/-/mlflow{ROOT}/1/{model}/artifacts/data/{file}"), &[], bytes)
    };
    let finish = |id: &str| {
        let target = format!("/-/mlflow/api/2.0/mlflow/logged-models/{id}");
        served.ask("PATCH", &target, &[("Content-Type", "application/json")], &ready(id))
    };
    let went = |path: &str| mlflow.server.count(&format!("PUT {ROOT}/1/{path}"));
    // The file that names it went before.
    assert_eq!(put("models/m-2", "graph", "see tensors").status, 200);
    assert_eq!(put("models/m-2", "tensors", "UNKNOWN").status, 200);
    assert_eq!((went("models/m-2"), finish("m-2").status), (2, 404), "the server's own answer");
    // It comes after: until then nothing of the file reaches the server.
    let waits = put("models/m-3", "tensors", "UNKNOWN 3");
    assert!(waits.status == 202 && waits.text().contains("Receipt "), "{}", waits.text());
    assert_eq!(put("models/m-4", "graph", "see tensors").status, 200, "in another model");
    let seals = || served.book.seals.lock().unwrap().len();
    let before = seals();
    assert_eq!(
        (put("models/m-3", "other", "words").status, went("models/m-3/artifacts/data/tensors")),
        (200, 0)
    );
    assert_eq!(seals(), before + 1, "which says nothing of it: it is not looked at again");
    assert_eq!(
        (put("models/m-3", "graph", "see tensors").status, went("models/m-3/artifacts/data/tensors")),
        (200, 1)
    );
    assert_eq!(finish("m-3").status, 404);
    // It never comes: the client is told when it finishes the model, as often as it tries, and nothing went.
    assert_eq!(put("models/m-5", "tensors", "UNKNOWN 5").status, 202);
    for _ in 0..2 {
        let told = finish("m-5");
        assert!(told.status == 403 && told.text().contains("format.unknown"), "{}", told.text());
    }
    assert_eq!((went("models/m-5"), mlflow.server.count("PATCH")), (0, 2));
    // When it comes all the same, the model is whole.
    assert_eq!(put("models/m-5", "graph", "see tensors").status, 200);
    assert_eq!((went("models/m-5"), finish("m-5").status), (2, 404));
    // What waited when lazaret was ended is told too, until it is sent again.
    for again in [false, true] {
        let other = tempfile::tempdir().unwrap();
        let first = mlflow.served(other.path(), Setup::default());
        let target = format!("/-/mlflow{ROOT}/1/models/m-7/artifacts/data/tensors");
        assert_eq!(first.ask("PUT", &target, &[], "UNKNOWN 7").status, 202);
        drop(first);
        let second = mlflow.served(other.path(), Setup::default());
        if again {
            let graph = format!("/-/mlflow{ROOT}/1/models/m-7/artifacts/data/graph");
            assert_eq!(second.ask("PUT", &graph, &[], "see tensors").status, 200);
            assert_eq!(second.ask("PUT", &target, &[], "UNKNOWN 7").status, 200);
        }
        let finish = "/-/mlflow/api/2.0/mlflow/logged-models/m-7";
        let told = second.ask("PATCH", finish, &[("Content-Type", "application/json")], &ready("m-7"));
        assert_eq!(
            (told.status, told.text().contains("send it again")),
            if again { (404, false) } else { (403, true) }
        );
    }
    // What else is wrong is told at once, and so is what is of no logged model.
    assert_eq!(put("models/m-6", "tensors", "UNKNOWN EVIL").status, 403);
    assert_eq!(put("run", "tensors", "UNKNOWN").status, 403);
    assert_eq!(std::fs::read_dir(folder.path().join("store/incoming")).unwrap().count(), 0);
}

/// What MLflow's client says when it finishes a logged model.
fn ready(id: &str) -> String {
    format!("{{\"model_id\":\"{id}\",\"status\":\"LOGGED_MODEL_READY\"}}")
}

fn tensors(id: &str) -> String {
    format!("/-/mlflow{ROOT}/1/models/{id}/artifacts/tensors")
}

#[test]
fn only_whom_the_server_believes_gives_up_what_waits() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let known = ("Authorization", "Bearer s");
    let patch = |headers: &[(&str, &str)], body: &str| {
        served.ask("PATCH", "/-/mlflow/api/2.0/mlflow/logged-models/m-1", headers, body).status
    };
    let failed = r#"{"model_id":"m-1","status":"LOGGED_MODEL_UPLOAD_FAILED"}"#;
    assert_eq!(served.ask("PUT", &tensors("m-1"), &[known], "UNKNOWN").status, 202);
    for body in
        ["{}", &ready("m-2"), r#"{"status":"LOGGED_MODEL_READY"}"#, &format!("{}{failed}", ready("m-1"))]
    {
        assert_eq!(patch(&[known], body), 400, "{body}: the server goes by the model that is named here");
    }
    assert_eq!(patch(&[], failed), 404, "the server's own answer");
    assert_eq!(patch(&[known], &ready("m-1")), 403);
    // The same id in another workspace is another model.
    let elsewhere = ("X-MLflow-Workspace", "other");
    assert_eq!((patch(&[known, elsewhere], &ready("m-1")), patch(&[known, elsewhere], failed)), (200, 200));
    assert_eq!(patch(&[known], &ready("m-1")), 403);
    assert_eq!((patch(&[known], failed), patch(&[known], &ready("m-1"))), (200, 200));
    let left = std::fs::read_dir(folder.path().join("store/incoming")).unwrap().count();
    assert_eq!((left, mlflow.server.count("PUT")), (0, 0));
}

#[test]
fn nobody_takes_a_name_from_another() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let known = ("Authorization", "Bearer s");
    let put = |headers: &[(&str, &str)], bytes: &str| served.ask("PUT", &tensors("m-1"), headers, bytes);
    let finish = |headers: &[(&str, &str)]| {
        served.ask("PATCH", "/-/mlflow/api/2.0/mlflow/logged-models/m-1", headers, &ready("m-1")).status
    };
    // Whom the server tells nothing of the model leaves nothing here.
    let told = put(&[("Authorization", "Bearer stranger")], "UNKNOWN 0");
    assert!(told.status == 403 && told.text().contains("does not tell its sender"), "{}", told.text());
    // What others left under the name neither takes it nor keeps the model from getting ready.
    let reader = ("Authorization", "Bearer reader");
    assert_eq!((put(&[reader], "UNKNOWN 4444").status, put(&[], "UNKNOWN 333").status), (202, 202));
    assert_eq!(finish(&[known]), 200);
    assert_eq!((put(&[known], "UNKNOWN 1").status, put(&[known], "UNKNOWN 22").status), (202, 202));
    assert_eq!(finish(&[known]), 403);
    // All are looked at again, each is sent for its own sender, and that one is refused is no matter of another's.
    let graph = tensors("m-1").replace("tensors", "graph");
    assert_eq!(served.ask("PUT", &graph, &[known], "see tensors").status, 200);
    let puts: Vec<(Option<String>, String)> = {
        let asked = mlflow.server.asked.lock().unwrap();
        let puts = asked.iter().filter(|asked| asked.method == "PUT");
        puts.map(|put| (put.headers.get("authorization").cloned(), put.headers["content-length"].clone()))
            .collect()
    };
    let by = |who: &str, len: &str| (Some(who.to_owned()), len.to_owned());
    let expected =
        [by("Bearer s", "11"), by("Bearer s", "10"), by("Bearer reader", "12"), (None, "11".to_owned())];
    assert_eq!(puts, expected);
    assert_eq!((finish(&[known]), finish(&[reader])), (200, 403), "and waits on");
}

#[test]
fn who_has_most_that_waits_gives_way_and_is_told() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let mut limits = Limits::default();
    limits.set("mlflow.max_waiting", 8);
    limits.set("mlflow.max_waiting_bytes", 100);
    let served = mlflow.served(folder.path(), Setup { limits, ..Setup::default() });
    let put = |who: &str, id: &str, ending: &str, len: usize| {
        let target = format!("{}{ending}", tensors(id));
        let bytes = format!("UNKNOWN{}", " ".repeat(len - 7));
        served.ask("PUT", &target, &[("Authorization", who)], &bytes).status
    };
    let finish = |who: &str, id: &str| {
        let target = format!("/-/mlflow/api/2.0/mlflow/logged-models/{id}");
        served.ask("PATCH", &target, &[("Authorization", who)], &ready(id))
    };
    let (many, few) = ("Bearer reader", "Bearer s");
    for (id, ending) in (1..5).flat_map(|id| ["1", "2"].map(|ending| (format!("m-{id}"), ending))) {
        assert_eq!(put(many, &id, ending, 7), 202);
    }
    assert_eq!(put(many, "m-9", "1", 7), 403, "no place is left");
    for id in ["m-1", "m-2", "m-3", "m-4"] {
        assert_eq!(put(few, id, "1", 7), 202, "{id}");
    }
    assert_eq!((put(few, "m-5", "1", 7), put(many, "m-5", "1", 7)), (403, 403), "as many each");
    let told = finish(many, "m-1").text();
    assert!(told.contains("tensors1 waited") && told.contains("send it again"), "{told}");
    assert!(!finish(many, "m-3").text().contains("send it again"));
    // Of bytes it is the same, and what alone is too much is refused before anybody gives way.
    assert_eq!((put(few, "m-4", "1", 50), put(many, "m-4", "1", 101)), (202, 403));
    assert_eq!(put(many, "m-4", "1", 30), 403, "it would have more than who gave way");
    assert!(!finish(few, "m-1").text().contains("send it again"), "so nobody did");
    assert_eq!((put(many, "m-4", "1", 25), put(few, "m-4", "1", 60)), (202, 403));
    assert!(finish(few, "m-1").text().contains("send it again"));
}

#[test]
fn what_waits_is_bounded_and_what_finds_no_place_is_not_remembered() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let mut limits = Limits::default();
    limits.set("mlflow.max_waiting", 8);
    limits.set("mlflow.max_waiting_bytes", 40);
    let served = mlflow.served(folder.path(), Setup { limits, ..Setup::default() });
    let put = |id: &str, ending: &str, bytes: &str| {
        served.ask("PUT", &format!("{}{ending}", tensors(id)), &[], bytes)
    };
    assert_eq!((put("m-1", "1", "UNKNOWN").status, put("m-1", "2", "UNKNOWN").status), (202, 202));
    let told = put("m-1", "3", "UNKNOWN");
    assert!(
        told.status == 403 && told.text().contains("a quarter of `mlflow.max_waiting`"),
        "{}",
        told.text()
    );
    let told = put("m-2", "", &format!("UNKNOWN{}", " ".repeat(20)));
    assert!(told.status == 403 && told.text().contains("mlflow.max_waiting_bytes"), "{}", told.text());
    let target = "/-/mlflow/api/2.0/mlflow/logged-models/m-2";
    assert_eq!(served.ask("PATCH", target, &[], &ready("m-2")).status, 404, "nothing of it waits");
    for id in ["m-3", "m-4", "m-5"] {
        assert_eq!(put(id, "", "UNKNOWN").status, 202);
    }
    assert_eq!(put("m-6", "", "UNKNOWN").status, 403);
}

#[test]
fn what_came_beside_a_file_while_it_was_judged_is_seen() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    let ((reached, is_there), (let_go, go_on)) = (channel(), channel());
    served.book.pauses.lock().unwrap().insert("tensors".to_owned(), Pause { reached, go_on });
    let graph = tensors("m-1").replace("tensors", "graph");
    std::thread::scope(|scope| {
        let data = scope.spawn(|| served.ask("PUT", &tensors("m-1"), &[], "UNKNOWN").status);
        // It is judged without its graph, and does not wait yet, when that goes to the server.
        is_there.recv_timeout(Duration::from_secs(8)).unwrap();
        assert_eq!(served.ask("PUT", &graph, &[], "see tensors").status, 200);
        let_go.send(()).unwrap();
        assert_eq!(data.join().unwrap(), 200);
    });
    let puts = |name: &str| mlflow.server.count(&format!("PUT {MODEL}/{name}"));
    assert_eq!((puts("graph"), puts("tensors")), (1, 1));
    let target = "/-/mlflow/api/2.0/mlflow/logged-models/m-1";
    assert_eq!(served.ask("PATCH", target, &[], &ready("m-1")).status, 404, "nothing waits");
}

#[test]
fn what_is_remembered_of_what_waited_is_bounded() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let mut limits = Limits::default();
    limits.set("mlflow.max_waiting", 4);
    let setup = Setup { limits, ..Setup::default() };
    let put = |name: usize| {
        // A restart forgets the bytes.
        let served = mlflow.served(folder.path(), setup.clone());
        let told = served.ask("PUT", &format!("{}{name}", tensors("m-1")), &[], "UNKNOWN");
        (told.status, told.text())
    };
    for name in 1..5 {
        assert_eq!(put(name).0, 202, "{name}");
    }
    let (status, told) = put(5);
    assert!(status == 403 && told.contains("or have waited, as may (`mlflow.max_waiting`)"), "{told}");
    assert_eq!(put(1).0, 202, "it is among them");
}

#[test]
fn of_two_that_come_at_once_none_is_left_waiting() {
    let (folder, mlflow) = (tempfile::tempdir().unwrap(), Mlflow::start());
    let served = mlflow.served(folder.path(), Setup::default());
    for number in 0..30 {
        let (data, graph) = (tensors(&format!("m-{number}")), tensors(&format!("m-{number}")));
        let graph = graph.replace("tensors", "graph");
        std::thread::scope(|scope| {
            scope.spawn(|| served.ask("PUT", &data, &[], &format!("UNKNOWN {number}")));
            scope.spawn(|| assert_eq!(served.ask("PUT", &graph, &[], "see tensors").status, 200));
        });
        let went = data.strip_prefix("/-/mlflow").unwrap();
        assert_eq!(mlflow.server.count(&format!("PUT {went}")), 1, "{went}");
    }
}
