//! `LiteLLM`'s proxy with its Presidio guard, and lazaret in Presidio's place: what reaches the model, and what comes
//! back.
//!
//! `LiteLLM` is in the Python that `LAZARET_LITELLM` names. Without it the test says that it was skipped, and fails
//! where `CI` is `true`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that ends with the test.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Serves the interface of Presidio on a free port. Gives its address.
pub(crate) fn serve(folder: &Path) -> (Running, String) {
    let mut serving = Command::new(env!("CARGO_BIN_EXE_lazaret"));
    serving.current_dir(folder).args(["serve", "--presidio", "0", "--no-console"]).stdout(Stdio::piped());
    let mut serving = Running(serving.spawn().unwrap());
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line =
        lines.find(|line| line.starts_with("in the place of presidio: ")).expect("serve says its address");
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    (serving, url)
}

#[test]
fn litellm_masks_and_unmasks_with_lazaret_in_presidios_place() {
    let Ok(python) = std::env::var("LAZARET_LITELLM") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "LAZARET_LITELLM names no Python with LiteLLM"
        );
        println!("skipped: LAZARET_LITELLM names no Python with LiteLLM; scripts/test installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (_serving, url) = serve(folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litellm_guard.py");
    let ran = Command::new(python).arg(script).arg(&url).current_dir(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{err}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok: ")).count(), 5, "{out}\n{err}");
}
