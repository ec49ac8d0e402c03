//! Marked notes as commands are given them: JSON lines, XML of i2b2, or brat's text and annotations.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::Limits;
use lazaret_input::{FileSource, Lines, MAX_RECORD, read_file};
use lazaret_phi::corpus::{Note, brat, i2b2, jsonl};

use crate::cli::PhiFormat;
use crate::exit::{CliError, chain};

/// Tells what is wrong with a note, and where the note is.
pub(crate) type Wrong<'w> = &'w dyn Fn(String) -> CliError;

/// The format of a file or folder: a folder says it by the files in it, a file by its ending.
pub(crate) fn format_of(path: &Path) -> Result<PhiFormat, CliError> {
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|found| found == ending);
    if !path.is_dir() {
        return Ok(if ends(path, "xml") { PhiFormat::I2b2 } else { PhiFormat::Jsonl });
    }
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| wrong(error.to_string()))?;
    let has = |ending: &str| entries.iter().any(|entry| ends(&entry.path(), ending));
    match (has("xml"), has("ann")) {
        (true, false) => Ok(PhiFormat::I2b2),
        (false, true) => Ok(PhiFormat::Brat),
        (true, true) => {
            Err(wrong("has files of i2b2 (.xml) and of brat (.ann): give each a folder".to_owned()))
        }
        (false, false) => Err(wrong("has no file that ends in .xml (i2b2) or .ann (brat)".to_owned())),
    }
}

/// Calls for each note of all paths, in the order of their names.
pub(crate) fn each_note(
    format: PhiFormat,
    paths: &[PathBuf],
    limits: &Limits,
    mut take: impl FnMut(&Note, Wrong<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let ending = match format {
        PhiFormat::Jsonl => "jsonl",
        PhiFormat::I2b2 => "xml",
        PhiFormat::Brat => "txt",
    };
    for path in paths.iter().flat_map(|path| files(path, ending)) {
        let path = path?;
        let name = path.display();
        let wrong = |why: String| CliError::Usage(format!("{name}: {why}"));
        let read = |path: &Path| {
            let bytes = read_file(path, limits.get(MAX_RECORD));
            bytes.map_err(|error| CliError::Usage(format!("{}: {}", path.display(), chain(&error))))
        };
        let id = || path.file_stem().unwrap_or_default().to_string_lossy();
        match format {
            PhiFormat::Jsonl => {
                let mut failed = None;
                each_line(&path, limits, |number, line| {
                    let note = jsonl::read(line, limits).map_err(|error| error.to_string())?;
                    let wrong = |why: String| CliError::Usage(format!("{name}:{number}: {why}"));
                    take(&note, &wrong).map_err(|error| {
                        failed = Some(error);
                        String::new()
                    })
                })
                .map_err(|error| failed.unwrap_or(error))?;
            }
            PhiFormat::I2b2 => {
                let note = i2b2::read(&id(), &read(&path)?, limits);
                take(&note.map_err(|error| wrong(error.to_string()))?, &wrong)?;
            }
            PhiFormat::Brat => {
                let note = brat::read(&id(), &read(&path)?, &read(&path.with_extension("ann"))?, limits);
                take(&note.map_err(|error| wrong(error.to_string()))?, &wrong)?;
            }
        }
    }
    Ok(())
}

/// A file itself, or those of a folder with an ending, sorted.
fn files(path: &Path, ending: &str) -> Vec<Result<PathBuf, CliError>> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let wrong = |why: String| vec![Err(CliError::Usage(format!("{}: {why}", path.display())))];
    let entries = match std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries.into_iter().map(|entry| entry.path()),
        Err(error) => return wrong(error.to_string()),
    };
    let mut files: Vec<PathBuf> =
        entries.filter(|file| file.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    if files.is_empty() {
        return wrong(format!("has no file that ends in .{ending}"));
    }
    files.into_iter().map(Ok).collect()
}

/// Calls for each line that is not blank. What is wrong is told with file and line.
pub(crate) fn each_line(
    path: &Path,
    limits: &Limits,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> Result<(), CliError> {
    let name = path.display();
    let source =
        FileSource::open(path).map_err(|error| CliError::Usage(format!("{name}: {}", chain(&error))))?;
    let mut lines = Lines::of_source(Arc::new(source), limits);
    while let Some(line) = lines.next().map_err(|error| CliError::failed(name.to_string(), error))? {
        let number = line.number;
        let wrong = |why: String| CliError::Usage(format!("{name}:{number}: {why}"));
        let bytes = line.bytes.map_err(|error| wrong(error.to_string()))?;
        if !bytes.iter().all(u8::is_ascii_whitespace) {
            take(number, bytes).map_err(wrong)?;
        }
    }
    Ok(())
}
