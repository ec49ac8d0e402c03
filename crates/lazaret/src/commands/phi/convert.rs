//! `lazaret phi convert`: marked notes from one format into another.

use std::io::Write;
use std::path::{Path, PathBuf};

use lazaret_core::Limits;
use lazaret_input::{MAX_RECORD, NewFile, create_private_folder_durably, read_file};
use lazaret_phi::corpus::{Note, brat, i2b2, jsonl};

use crate::cli::{PhiConvertArgs, PhiFormat};
use crate::commands::phi::score::each_line;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};

/// Longest name of a file made from a note's id.
const LONGEST_NAME: usize = 200;

/// Runs the command.
pub(crate) fn run(args: &PhiConvertArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let limits = &config.limits();
    if args.to == PhiFormat::Jsonl {
        match &args.out {
            None => each_note(args, limits, |note, wrong| write_line(note, wrong, out))?,
            Some(path) => {
                let mut file = new_file(path)?;
                let mut buffered = std::io::BufWriter::new(&mut file);
                each_note(args, limits, |note, wrong| write_line(note, wrong, &mut buffered))?;
                buffered.flush()?;
                drop(buffered);
                file.commit()?;
            }
        }
        return Ok(Exit::Clear);
    }
    let folder = args.out.as_deref().ok_or_else(|| {
        CliError::Usage("i2b2 and brat have a file a note: name their folder with --out".to_owned())
    })?;
    create_private_folder_durably(folder)
        .map_err(|error| CliError::Usage(format!("{}: {error}", folder.display())))?;
    each_note(args, limits, |note, wrong| {
        let name = file_name(&note.id).map_err(wrong)?;
        let refused = |error: lazaret_phi::corpus::CorpusError| wrong(error.to_string());
        if args.to == PhiFormat::I2b2 {
            let document = i2b2::write(note).map_err(refused)?;
            return write_new(&folder.join(format!("{name}.xml")), &document);
        }
        let (text, annotations) = brat::write(note).map_err(refused)?;
        write_new(&folder.join(format!("{name}.txt")), &text)?;
        write_new(&folder.join(format!("{name}.ann")), &annotations)
    })?;
    Ok(Exit::Clear)
}

/// Tells what is wrong with a note, and where the note is.
type Wrong<'w> = &'w dyn Fn(String) -> CliError;

fn write_line(note: &Note, wrong: Wrong<'_>, out: &mut impl Write) -> Result<(), CliError> {
    let line = jsonl::write(note).map_err(|error| wrong(error.to_string()))?;
    Ok(writeln!(out, "{line}")?)
}

fn new_file(path: &Path) -> Result<NewFile, CliError> {
    NewFile::create(path).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let mut file = new_file(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.commit()?)
}

/// A note's id as the name of a file: it must not lead out of the folder.
fn file_name(id: &str) -> Result<&str, String> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let fits = id.len() <= LONGEST_NAME && id.chars().all(is_plain);
    if id.is_empty() || id.starts_with(['.', ' ']) || id.ends_with(['.', ' ']) || !fits {
        return Err("its `id` cannot be the name of a file: letters, digits, `-`, `_`, `.`".to_owned());
    }
    Ok(id)
}

/// Calls for each note of all paths, in the order of their names.
fn each_note(
    args: &PhiConvertArgs,
    limits: &Limits,
    mut take: impl FnMut(&Note, Wrong<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let ending = match args.from {
        PhiFormat::Jsonl => "jsonl",
        PhiFormat::I2b2 => "xml",
        PhiFormat::Brat => "txt",
    };
    for path in args.paths.iter().flat_map(|path| files(path, ending)) {
        let path = path?;
        let name = path.display();
        let wrong = |why: String| CliError::Usage(format!("{name}: {why}"));
        let read = |path: &Path| {
            let bytes = read_file(path, limits.get(MAX_RECORD));
            bytes.map_err(|error| CliError::Usage(format!("{}: {}", path.display(), chain(&error))))
        };
        let id = || path.file_stem().unwrap_or_default().to_string_lossy();
        match args.from {
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

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn an_id_that_leads_elsewhere_is_no_file_name() {
        for id in
            ["", "..", "../a", "a/b", "a\\b", "C:a", ".hidden", "a\u{0}b", "a\nb", "a ", &"x".repeat(201)]
        {
            assert!(file_name(id).is_err(), "{id:?}");
        }
        assert!(["n-1", "220-01", "Note 4.b", "\u{e9}"].iter().all(|id| file_name(id).is_ok()));
    }
}
