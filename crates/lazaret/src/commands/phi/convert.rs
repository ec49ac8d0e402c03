//! `lazaret phi convert`: marked notes from one format into another.

use std::io::Write;
use std::path::Path;

use lazaret_input::{NewFile, create_private_folder_durably};
use lazaret_phi::corpus::{Note, brat, i2b2, jsonl};

use crate::cli::{PhiConvertArgs, PhiFormat};
use crate::commands::phi::notes::{Wrong, each_note};
use crate::config::Config;
use crate::exit::{CliError, Exit};

/// Longest name of a file made from a note's id.
const LONGEST_NAME: usize = 200;

/// Runs the command.
pub(crate) fn run(args: &PhiConvertArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let limits = &config.limits();
    if args.to == PhiFormat::Jsonl {
        match &args.out {
            None => each_note(args.from, &args.paths, limits, |note, wrong| write_line(note, wrong, out))?,
            Some(path) => {
                let mut file = new_file(path)?;
                let mut buffered = std::io::BufWriter::new(&mut file);
                each_note(args.from, &args.paths, limits, |note, wrong| {
                    write_line(note, wrong, &mut buffered)
                })?;
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
    each_note(args.from, &args.paths, limits, |note, wrong| {
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
