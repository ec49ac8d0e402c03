//! A real MLflow server behind the gate, asked by its own client, unmodified, on the loopback interface.
//!
//! Both are in the Python that `LAZARET_MLFLOW` names. Without it the test says that it was skipped, and fails where `CI` is
//! `true`.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::updates::{lazaret, serve};

/// How long the server may take to start: it reads much Python.
const START: Duration = Duration::from_mins(4);

/// An MLflow server and the processes that it starts; all end with the test.
struct Server {
    group: Child,
    port: u16,
}

impl Server {
    fn start(python: &str, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut server = Command::new(python);
        server.args(["-m", "mlflow", "server", "--backend-store-uri", "sqlite:///x.db", "--serve-artifacts"]);
        server.args(["--artifacts-destination", "./art", "--host", "127.0.0.1", "--workers", "1", "--port"]);
        server.arg(port.to_string()).current_dir(folder).process_group(0);
        server.env("MLFLOW_DISABLE_TELEMETRY", "true").env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut server = Self { group: server.spawn().unwrap(), port };
        let began = Instant::now();
        while !server.is_there() {
            let ended = server.group.try_wait().unwrap();
            let told = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                ended.is_none() && began.elapsed() < START,
                "the MLflow server did not start: {}",
                told()
            );
            std::thread::sleep(Duration::from_millis(300));
        }
        server
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn is_there(&self) -> bool {
        ask(self.port, "/health").is_some_and(|told| told.starts_with("HTTP/1.1 200"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.group.id());
        let _gone_already = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _status = self.group.wait();
    }
}

/// What a server answers, if it does.
fn ask(port: u16, target: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut told = Vec::new();
    stream.read_to_end(&mut told).ok()?;
    Some(String::from_utf8_lossy(&told).into_owned())
}

fn json(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let ran = lazaret(folder).arg("--json").args(arguments).output().unwrap();
    serde_json::from_str(&String::from_utf8_lossy(&ran.stdout)).unwrap()
}

/// What the ledger says of the crossings of registered models: name, run, commit, datasets, files.
fn registered(folder: &Path) -> BTreeSet<String> {
    let crossings = json(folder, &["ledger", "show", "--last", "200"]);
    let ids = crossings.as_array().unwrap().iter().map(|crossing| crossing["crossing"].as_str().unwrap());
    let told = ids.map(|id| json(folder, &["ledger", "show", id]));
    told.filter_map(|told| {
        let opened = &told["opened"];
        let is_upload = opened["route"] == "mlflow-upload";
        assert!(is_upload || opened["route"] == "mlflow", "{told}");
        assert_eq!(opened["to"], "registry", "{told}");
        let model = &opened["model"];
        let is_registered = !model["name"].as_str()?.starts_with("mlflow/");
        is_registered.then(|| {
            let has_run = model["run"].as_str().is_some_and(|run| run.len() == 32);
            format!(
                "{} {} {has_run} {}",
                model["name"],
                model["code"],
                model["datasets"].to_string().contains("chest ")
            )
        })
    })
    .collect()
}

#[test]
fn an_unmodified_client_and_server_carry_what_was_cleared_and_are_told_why_not() {
    let Ok(python) = std::env::var("LAZARET_MLFLOW") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "LAZARET_MLFLOW names no Python with mlflow");
        println!("skipped: LAZARET_MLFLOW names no Python with mlflow; scripts/test installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&python, &folder.path().join("server"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mlflow_proxy.py");
    let run = |mode: &str| {
        let settings = format!(
            "[gates.models]\nmode = '{mode}'\nmlflow = '{}'\nprivate_hosts = '127.0.0.1'\n",
            server.url()
        );
        std::fs::write(folder.path().join("lazaret.toml"), settings).unwrap();
        let (serving, url) = serve(folder.path());
        let below = format!("{}/-/mlflow", url.trim_end_matches('/'));
        let mut client = Command::new(&python);
        client.args(["-W", "ignore"]).arg(&script).args([mode, &below, &server.url()]).arg(folder.path());
        let ran = client.current_dir(folder.path()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{out}\n{err}");
        (out.lines().filter(|line| line.starts_with("ok: ")).count(), serving, url)
    };
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    let (shown, serving, _) = run("enforce");
    assert_eq!(shown, 14);
    drop(serving);
    let registered = registered(folder.path());
    for expected in
        ["\"chest\" \"c0ffee\" true true", "\"chest-copy\" \"c0ffee\" true true", "\"evil\" null true false"]
    {
        assert!(registered.contains(expected), "{registered:?}");
    }
    let (shown, serving, url) = run("observe");
    assert_eq!(shown, 1);
    drop(server);
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let gone = ask(port, "/-/mlflow/api/2.0/mlflow/experiments/search").unwrap();
    assert!(gone.starts_with("HTTP/1.1 502") && gone.contains("\"TEMPORARILY_UNAVAILABLE\""), "{gone}");
    drop(serving);
    let verified = lazaret(folder.path()).args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}
