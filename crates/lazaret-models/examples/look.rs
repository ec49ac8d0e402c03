//! Looks at model files and prints one JSON object a file, with the verdict of the default policy.
//!
//!     cargo run --release -p lazaret-models --example look -- PATH…
//!
//! A path may be a folder: `path` is then relative to it.
#![expect(clippy::print_stdout, reason = "a tool for benchmarks: it reads files and prints")]

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use lazaret_core::{Limits, Severity, Source};
use lazaret_input::FileSource;
use lazaret_models::{Folder, look};

/// The files beside one: their folder, and the names of graphs in it.
struct Beside(PathBuf, Rc<[String]>);

impl Folder for Beside {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        if path.split('/').any(|step| matches!(step, "" | "." | "..") || step.contains(['\\', '\0', ':'])) {
            return None;
        }
        let file = FileSource::open(&self.0.join(path)).ok()?;
        let len = file.len();
        Some((Arc::new(file), len))
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        self.1.iter().filter(|name| name.ends_with(ending)).cloned().collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    for root in std::env::args_os().skip(1).map(PathBuf::from) {
        let mut files = Vec::new();
        gather(&root, &mut files)?;
        files.sort();
        let mut graphs: HashMap<&Path, Vec<String>> = HashMap::new();
        for path in &files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(folder) =
                path.parent().filter(|_| path.extension().is_some_and(|ending| ending == "onnx"))
            {
                graphs.entry(folder).or_default().push(name);
            }
        }
        let graphs: HashMap<&Path, Rc<[String]>> =
            graphs.into_iter().map(|(folder, names)| (folder, names.into())).collect();
        for path in &files {
            let file = FileSource::open(path)?;
            let len = file.len();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = path.parent().unwrap_or(Path::new("."));
            let names = graphs.get(folder).map_or_else(|| Rc::from([]), Rc::clone);
            let beside = Beside(folder.to_owned(), names);
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
                    "path": relative.unwrap_or(path).to_string_lossy(),
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
