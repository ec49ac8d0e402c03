//! Looks at model files and prints one JSON object a file, with the verdict of the default policy.
//!
//!     cargo run --release -p lazaret-models --example scan -- PATH…
//!
//! A path may be a folder: `path` is then relative to it.
#![expect(clippy::print_stdout, reason = "a tool for benchmarks: it reads files and prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{Limits, Severity, Source};
use lazaret_input::FileSource;
use lazaret_models::{Folder, look};

/// The files beside one.
struct Beside(PathBuf);

impl Folder for Beside {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        if path.split('/').any(|step| matches!(step, "" | "." | "..") || step.contains(['\\', '\0', ':'])) {
            return None;
        }
        let file = FileSource::open(&self.0.join(path)).ok()?;
        let len = file.len();
        Some((Arc::new(file), len))
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    for root in std::env::args_os().skip(1).map(PathBuf::from) {
        let mut files = Vec::new();
        gather(&root, &mut files)?;
        files.sort();
        for path in files {
            let file = FileSource::open(&path)?;
            let len = file.len();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let beside = Beside(path.parent().unwrap_or(Path::new(".")).to_owned());
            let report = look(Arc::new(file), len, &name, &beside, &limits);
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
