//! The proxy of registries, asked by unmodified clients: skopeo and ORAS, against the registry of Docker's own making
//! (`docker-registry`) on the loopback interface.
//!
//! `LAZARET_OCI` names a Python with `oras`; skopeo and docker-registry are on the path. Without them the test says that it was
//! skipped, and fails where `CI` is `true`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::updates::{Running, bytes_sent, lazaret, serve};

/// Who may pull from the registry that wants to know who asks; its line of `htpasswd` (bcrypt).
const USER: &str = "tester:s3cret-of-the-test";
const HTPASSWD: &str = "tester:$2b$05$G6KbOP4ZpAdTr5glQ7Qsiun5.1FyQqTeDaXtnC8OUjKhnI5o7yETi\n";
/// What lies in the layer that is blocked.
const MARK: &[u8] = b"no byte of this leaves";

/// The host and port of an address.
fn host_of(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// A registry over a folder, on a port of its own.
fn registry(folder: &Path, name: &str, htpasswd: bool) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = folder.join(name);
    let file = folder.join("htpasswd");
    std::fs::write(&file, HTPASSWD).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n", file.display());
    let auth = if htpasswd { auth } else { String::new() };
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n{auth}",
        store.display()
    );
    let file = folder.join(format!("{name}.yml"));
    std::fs::write(&file, config).unwrap();
    let mut serving = Command::new("docker-registry");
    serving.arg("serve").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let serving = Running(serving.spawn().unwrap());
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < Duration::from_secs(20), "the registry does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    (serving, format!("127.0.0.1:{port}"))
}

#[test]
fn skopeo_and_oras_are_given_what_was_cleared_and_told_why_not() {
    let Ok(python) = std::env::var("LAZARET_OCI") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "LAZARET_OCI names no Python with oras");
        println!("skipped: LAZARET_OCI names no Python with oras; scripts/test installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oci_proxy.py");
    let run = |arguments: &[&str]| {
        let ran =
            Command::new(&python).arg(&script).args(arguments).current_dir(folder.path()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{out}\n{err}");
        out.lines().filter(|line| line.starts_with("ok: ")).count()
    };
    let (open, at) = registry(folder.path(), "open", false);
    run(&["push", &at, "."]);
    let settings = |offline: bool, at: &str| {
        let text = format!(
            "[gates.models]\nmode = 'enforce'\nprivate_hosts = '127.0.0.1'\nregistry = 'http://{at}/'\noffline = '{offline}'\n\
             [gates.models.registries]\nreg = 'http://{at}/'\n"
        );
        std::fs::write(folder.path().join("lazaret.toml"), text).unwrap();
    };
    settings(false, &at);
    assert!(lazaret(folder.path()).arg("init").status().unwrap().success());
    {
        let (_serving, url) = serve(folder.path());
        let host = host_of(&url);
        assert_eq!(run(&["online", host, "."]), 10);
        let manifest = bytes_sent(&url, "/v2/reg/org/bad/manifests/v1");
        let manifest = String::from_utf8_lossy(&manifest).into_owned();
        let layer = manifest.rsplit("\"digest\": \"").next().unwrap().split('"').next().unwrap();
        let sent = bytes_sent(&url, &format!("/v2/reg/org/bad/blobs/{layer}"));
        let told = String::from_utf8_lossy(&sent);
        assert!(told.starts_with("HTTP/1.1 403 ") && sent.len() < 2500, "{told}");
        assert!(
            told.contains("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"lazaret blocked model.tar.gz of "),
            "{told}"
        );
        assert!(
            told.contains("pickle.dangerous-call (critical) at ")
                && told.contains("Receipt 0")
                && !told.contains("(info)"),
            "{told}"
        );
        assert!(!sent.windows(MARK.len()).any(|part| part == MARK));
    }
    drop(open);
    settings(true, &at);
    let (serving, url) = serve(folder.path());
    assert_eq!(run(&["offline", host_of(&url), "."]), 10);
    drop(serving);
    let verified = lazaret(folder.path()).args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));

    let (_closed, at) = registry(folder.path(), "closed", true);
    run(&["push", &at, ".", USER]);
    settings(false, &at);
    let (_serving, url) = serve(folder.path());
    assert_eq!(run(&["private", host_of(&url), ".", USER]), 3);
}
