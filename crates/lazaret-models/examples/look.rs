//! Looks at model files and prints one JSON object a file, with the verdict of the default policy.
//!
//!     cargo run --release -p lazaret-models --example look -- PATH…
//!
//! A path may be a folder: `path` is then relative to it.
#![expect(clippy::print_stdout, reason = "a tool for benchmarks: it reads files and prints")]

use std::error::Error;
use std::path::{Path, PathBuf};

use lazaret_core::{Limits, Severity};
use lazaret_models::look_file;

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    for root in std::env::args_os().skip(1).map(PathBuf::from) {
        let mut files = Vec::new();
        gather(&root, &mut files)?;
        files.sort();
        for path in files {
            let report = look_file(&path, &limits)?;
            let verdict = match report.findings.iter().map(|finding| finding.severity).max() {
                Some(Severity::Critical) => "block",
                Some(Severity::High | Severity::Medium) => "quarantine",
                _ => "allow",
            };
            let relative = path.strip_prefix(&root).ok().filter(|path| !path.as_os_str().is_empty());
            println!(
                "{}",
                serde_json::json!({
                    "path": relative.unwrap_or(&path).to_string_lossy(),
                    "format": report.format,
                    "inspected": report.inspected,
                    "verdict": verdict,
                    "findings": report.findings,
                })
            );
        }
    }
    Ok(())
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        gather(&entry?.path(), files)?;
    }
    Ok(())
}
