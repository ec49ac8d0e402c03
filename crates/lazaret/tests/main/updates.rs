//! The proxies of model updates, asked by the clients that hospitals use: `huggingface_hub` and pip, unmodified, against a hub
//! and an index on the loopback interface.
//!
//! They are in the Python that `LAZARET_HUB` names. Without it the test says that it was skipped, and fails where `CI` is
//! `true`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[path = "../../../lazaret-traffic/tests/main/hub.rs"]
pub(crate) mod hub;

use hub::{Contents, Hub};

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

pub(crate) fn lazaret(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
    command.current_dir(folder);
    command
}

pub(crate) fn serve(folder: &Path) -> (Running, String) {
    let mut serving = lazaret(folder);
    serving.args(["serve", "--models-proxy", "0", "--no-console"]).stdout(Stdio::piped());
    let mut serving = Running(serving.spawn().unwrap());
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("models: ")).expect("serve says its address");
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    (serving, url)
}

fn read(folder: &Path, below: &str, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

fn hub_of(made: &Path) -> Hub {
    let hub = Hub::start(Contents { json: true, ..Contents::default() });
    let mut contents = hub.contents.lock().unwrap();
    read(&made.join("hub"), "", &mut contents.files);
    read(&made.join("packages"), "", &mut contents.packages);
    drop(contents);
    hub
}

/// What the guide says that packages may hold.
fn policy_of_the_guide() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/guides/model-proxies.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once("```cedar\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Every byte that a client is sent.
pub(crate) fn bytes_sent(url: &str, target: &str) -> Vec<u8> {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).unwrap();
    sent
}

#[test]
fn huggingface_hub_and_pip_are_given_what_was_cleared_and_told_why_not() {
    let Ok(python) = std::env::var("LAZARET_HUB") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "LAZARET_HUB names no Python with huggingface_hub"
        );
        println!("skipped: LAZARET_HUB names no Python with huggingface_hub; scripts/test installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models_proxy.py");
    let run = |arguments: &[&str]| {
        let ran =
            Command::new(&python).arg(&script).args(arguments).current_dir(folder.path()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{out}\n{err}");
        out.lines().filter(|line| line.starts_with("ok: ")).count()
    };
    run(&["make", "made"]);
    let hub = hub_of(&folder.path().join("made"));
    let settings = |offline: bool| {
        let (hub, cdn) = (hub.server.url(), format!("127.0.0.1:{}", hub.cdn.port));
        let text = format!(
            "[gates.models]\nmode = 'enforce'\nhub = '{hub}'\nhub_hosts = '{cdn}'\nindex = '{hub}/simple/'\nprivate_hosts = '127.0.0.1'\n\
             offline = '{offline}'\n"
        );
        std::fs::write(folder.path().join("lazaret.toml"), text).unwrap();
    };
    settings(false);
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    std::fs::write(folder.path().join("lazaret-data/policies/packages.cedar"), policy_of_the_guide())
        .unwrap();
    {
        let (_serving, url) = serve(folder.path());
        assert_eq!(run(&["online", &url, "."]), 9);
        let blocked = "/org/mixed/resolve/main/pytorch_model.bin";
        for target in [blocked, "/-/pypi/files/badmodel/badmodel-1.0-py3-none-any.whl"] {
            let sent = bytes_sent(&url, target);
            let told = String::from_utf8_lossy(&sent);
            assert!(told.starts_with("HTTP/1.1 403 lazaret blocked ") && sent.len() < 2500, "{told}");
            assert!(!told.contains("no byte of this leaves"));
        }
        // The large files were fetched once, whoever asked and however often.
        assert_eq!(hub.cdn.count("GET"), 1 + 1, "of the blocked one its record is told");
    }
    settings(true);
    let before = hub.server.asked.lock().unwrap().len();
    let (serving, url) = serve(folder.path());
    assert_eq!(run(&["offline", &url, "."]), 9);
    assert_eq!(hub.server.asked.lock().unwrap().len(), before, "nobody is asked");
    drop(serving);
    let verified = lazaret(folder.path()).args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn files_of_the_hub_are_judged_beside_what_says_what_they_are_and_who_signed_them() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let hub = Hub::start(Contents::default());
    let put = |name: &str, from: &str| {
        let bytes = std::fs::read(root.join("testdata").join(from)).unwrap();
        hub.contents.lock().unwrap().files.insert(format!("org/{name}"), bytes);
    };
    put("graph/deep/model.onnx", "models/generated/benign/ext_data/model.onnx");
    put("graph/deep/model.onnx.data", "models/generated/benign/ext_data/model.onnx.data");
    put("signed/scaler.pkl", "docs/scaler.pkl");
    put("signed/scaler.pkl.sig", "docs/scaler.sig");
    put("signed/config.json", "docs/scaler.intoto.json");
    put("bare/scaler.pkl", "docs/scaler.pkl");
    put("bare/weights.bin", "models/generated/benign/ext_data/model.onnx.data");
    let settings = |signers: &str| {
        let (hub, cdn) = (hub.server.url(), format!("127.0.0.1:{}", hub.cdn.port));
        let text = format!(
            "[gates.models]\nmode = 'enforce'\nhub = '{hub}'\nhub_hosts = '{cdn}'\nprivate_hosts = '127.0.0.1'\n{signers}"
        );
        std::fs::write(folder.join("lazaret.toml"), text).unwrap();
    };
    settings("");
    assert!(lazaret(folder).arg("init").status().unwrap().success());
    let status = |url: &str, target: &str| {
        let sent = String::from_utf8_lossy(&bytes_sent(url, &format!("/org/{target}"))).into_owned();
        sent.split_whitespace().nth(1).unwrap().to_owned()
    };
    {
        let (_serving, url) = serve(folder);
        // The data come first, as they may; and what no graph names is of no format.
        assert_eq!(status(&url, "graph/resolve/main/deep/model.onnx.data"), "200");
        assert_eq!(status(&url, "bare/resolve/main/weights.bin"), "403");
    }
    std::fs::copy(root.join("testdata/docs/signer-pub.pem"), folder.join("signer-pub.pem")).unwrap();
    std::fs::write(folder.join("lazaret-data/policies/signed.cedar"), crate::registry::SIGNED).unwrap();
    settings("[gates.models.signers]\nradiology = 'key signer-pub.pem'\n");
    let (serving, url) = serve(folder);
    for (file, expected) in [
        ("bare/resolve/main/scaler.pkl", "403"),
        ("signed/resolve/main/config.json", "403"),
        ("signed/resolve/main/scaler.pkl", "200"),
    ] {
        assert_eq!(status(&url, file), expected, "{file}");
    }
    drop(serving);
    let told = |args: &[&str]| -> serde_json::Value {
        let ran = lazaret(folder).args(args).arg("--json").output().unwrap();
        serde_json::from_str(&String::from_utf8_lossy(&ran.stdout)).unwrap()
    };
    let last = told(&["ledger", "show"])[0]["crossing"].as_str().unwrap().to_owned();
    let model = &told(&["ledger", "show", &last])["opened"]["model"];
    assert!(model["signer"].as_str().unwrap().starts_with("radiology: key: "), "{model}");
    assert_eq!(model["beside"][0]["name"], "scaler.pkl.sig", "{model}");
    let again = told(&["models", "rescan"]);
    assert_eq!(again["changed"], serde_json::Value::Array(Vec::new()), "{again}");
}

#[test]
fn what_was_held_is_told_from_its_record_until_rules_change_or_persons_admit_it() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(Contents::default());
    // A pickle that starts a program when it is loaded.
    let bad = b"cos\nsystem\n(S'true'\ntR.".to_vec();
    hub.contents.lock().unwrap().files.insert("org/model/bad.pkl".to_owned(), bad.clone());
    let settings = format!(
        "[gates.models]\nmode = 'enforce'\nhub = '{}'\nprivate_hosts = '127.0.0.1'\n",
        hub.server.url()
    );
    std::fs::write(folder.path().join("lazaret.toml"), settings).unwrap();
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    let (serving, url) = serve(folder.path());
    let target = "/org/model/resolve/main/bad.pkl";
    let told = || String::from_utf8_lossy(&bytes_sent(&url, target)).into_owned();
    let receipt = |told: &str| {
        assert!(told.starts_with("HTTP/1.1 403 lazaret blocked bad.pkl"), "{told}");
        told.split("Receipt ").nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    let first = receipt(&told());
    let fetched = hub.server.count("GET /org/model/resolve");
    assert_eq!((receipt(&told()), hub.server.count("GET /org/model/resolve")), (first.clone(), fetched));
    std::fs::write(folder.path().join("lazaret-data/models.toml"), "version = 1\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_200)); // how long a server goes without looking at its files
    let second = receipt(&told());
    assert_ne!(second, first, "by other rules it is looked at again");
    assert_eq!(receipt(&told()), second);
    let admit =
        ["models", "admit", &hub::sha256(&bad), "--by", "ann", "--second", "bob", "--reason", "read it"];
    assert!(lazaret(folder.path()).args(admit).status().unwrap().success());
    assert!(told().starts_with("HTTP/1.1 200 "), "at once");
    drop(serving);
}

/// The files below a folder, with their bytes.
fn all_below(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    read(folder, "", &mut found);
    found
}

#[test]
fn who_asked_is_recorded_and_nothing_that_lets_anybody_in() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(Contents::default());
    let bad = b"cos\nsystem\n(S'true'\ntR.".to_vec();
    for (name, bytes) in [("good.json", b"{}".to_vec()), ("bad.pkl", bad)] {
        hub.contents.lock().unwrap().files.insert(format!("org/model/{name}"), bytes);
    }
    let settings = format!(
        "[gates.models]\nmode = 'enforce'\nhub = '{0}'\nmlflow = '{0}'\nprivate_hosts = '127.0.0.1'\n",
        hub.server.url()
    );
    std::fs::write(folder.path().join("lazaret.toml"), settings).unwrap();
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut serving = lazaret(folder.path());
    serving
        .args(["serve", "--models-proxy", "0", "--no-console"])
        .env("RUST_LOG", "trace")
        .env("LAZARET_LOG", "trace");
    let mut serving = Running(serving.stdout(Stdio::piped()).stderr(log).spawn().unwrap());
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("models: ")).unwrap();
    let host = line.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let host = host.trim_end_matches('/').to_owned();
    let (token, password) = ("hf_QuillMoorFeather0123456789abcdef", "Quillmoor-Feather-9");
    let basic = |name: &str| {
        format!("Basic {}", lazaret_input::base64::encode(format!("{name}:{password}").as_bytes()))
    };
    let status = |method: &str, target: &str, said: Option<&str>| {
        let said = said.map(|said| format!("Authorization: {said}\r\n")).unwrap_or_default();
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{said}Content-Length: 2\r\n\r\n{{}}"
        )
        .unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        told.split_whitespace().nth(1).unwrap().to_owned()
    };
    let good = "/org/model/resolve/main/good.json";
    assert_eq!(status("GET", "/org/model/resolve/main/bad.pkl", Some(&basic("carol"))), "403");
    for said in [Some(format!("Bearer {token}")), Some(basic("alice")), None, Some(format!("Bearer {token}"))]
    {
        assert_eq!(status("GET", good, said.as_deref()), "200");
    }
    let upload = "/-/mlflow/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/other.json";
    assert_eq!(status("PUT", upload, Some(&basic("bob"))), "404", "the server's own answer");
    drop(serving);
    let told = |args: &[&str]| -> serde_json::Value {
        let ran = lazaret(folder.path()).args(args).arg("--json").output().unwrap();
        serde_json::from_str(&String::from_utf8_lossy(&ran.stdout)).unwrap()
    };
    let impact = told(&["models", "impact", &hub::sha256(b"{}")]);
    let fetched = impact["fetched"].as_array().unwrap();
    let mut who: Vec<(String, u64)> = fetched
        .iter()
        .map(|used| (used["who"].as_str().unwrap().to_owned(), used["times"].as_u64().unwrap()))
        .collect();
    who.sort();
    let [(address, 1), (of_token, 3), (alice, 1), (bob, 1)] = who.as_slice() else { panic!("{who:?}") };
    assert_eq!(
        (address.as_str(), alice.as_str(), bob.as_str()),
        ("address:127.0.0.1", "user:alice", "user:bob")
    );
    let digest = of_token.strip_prefix("token:").unwrap();
    assert_eq!(digest.len(), 64);
    assert_ne!(digest, hub::sha256(token.as_bytes()), "it is keyed");
    assert_eq!(told(&["models", "requests"])[0]["brought_by"], "user:carol");
    let events = told(&["ledger", "show", "--last", "50"]).to_string();
    assert!(!events.contains(token));
    let crossing = told(&["ledger", "show"]);
    let shown = lazaret(folder.path())
        .args(["ledger", "show", crossing[0]["crossing"].as_str().unwrap()])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("who          operator") && shown.contains("asked by     user:bob"), "{shown}");
    // Nowhere in the data or the log, in whichever form it was said.
    std::fs::remove_file(folder.path().join("lazaret-data/orders.sock")).unwrap(); // no file to read
    let mut places = all_below(&folder.path().join("lazaret-data"));
    places.insert("log".to_owned(), std::fs::read(folder.path().join("log")).unwrap());
    for name in ["carol", "alice", "bob"] {
        for secret in [token, password, basic(name).strip_prefix("Basic ").unwrap()] {
            for (place, bytes) in &places {
                let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!is_there, "{place} has what lets somebody in");
            }
        }
    }
}

#[test]
fn models_are_served_to_this_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    std::fs::write(folder.path().join("lazaret.toml"), "[gates.models]\nlisten = '0.0.0.0'\n").unwrap();
    let refused =
        lazaret(folder.path()).args(["serve", "--models-proxy", "0", "--no-console"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("until sign-in exists"), "{said}");
    std::fs::write(
        folder.path().join("lazaret.toml"),
        "[gates.models.servers]\n'a/b' = 'https://x.example/'\n",
    )
    .unwrap();
    let refused = lazaret(folder.path()).args(["serve", "--models-proxy", "0"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("gates.models.servers.a/b"), "{said}");
}
