//! Looks at model files and prints one JSON object a file, with the verdict of the default policy.
//!
//!     cargo run --release -p lazaret-models --example look -- [--weights | --weights=all] PATH…
//!
//! A path may be a folder: `path` is then relative to it. With `--weights` the numbers of tensors are read too.
#![expect(clippy::print_stdout, reason = "a tool for benchmarks: it reads files and prints")]

use std::error::Error;
use std::path::{Path, PathBuf};

use lazaret_core::{Limits, Severity};
use lazaret_models::{Statistics, Terms, look_file_by};

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let mut statistics = Statistics::Off;
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--weights") => statistics = Statistics::Measured,
            Some("--weights=all") => statistics = Statistics::All,
            _ => scan(&PathBuf::from(argument), statistics, &limits)?,
        }
    }
    Ok(())
}

fn scan(root: &Path, statistics: Statistics, limits: &Limits) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    gather(root, &mut files)?;
    files.sort();
    for path in files {
        let report = look_file_by(&path, limits, &Terms { statistics, ..Terms::default() })?;
        let verdict = match report.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Critical) => "block",
            Some(Severity::High | Severity::Medium) => "quarantine",
            _ => "allow",
        };
        let relative = path.strip_prefix(root).ok().filter(|path| !path.as_os_str().is_empty());
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
