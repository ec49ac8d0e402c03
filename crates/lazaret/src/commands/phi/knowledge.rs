//! `lazaret phi knowledge`: the file of what the hospital knows of its own texts, checked.

use std::io::Write;

use serde::Serialize;

use crate::cli::PhiKnowledgeCommand;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::knowledge;
use crate::report::json_document;

#[derive(Serialize)]
struct Checked<'a> {
    path: String,
    digest: &'a str,
    phrases: usize,
    shapes: usize,
    expired: &'a [String],
}

/// Runs the command.
pub(crate) fn run(
    command: &PhiKnowledgeCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let PhiKnowledgeCommand::Check { path } = command;
    let path = path.clone().or_else(|| knowledge::path(config)).ok_or_else(|| {
        let why = "no file: name one, or set `phi.knowledge` in lazaret.toml";
        CliError::Usage(why.to_owned())
    })?;
    let read = knowledge::read(&path, config)?;
    let (phrases, shapes) = read.size();
    let checked = Checked {
        path: path.display().to_string(),
        digest: read.digest(),
        phrases,
        shapes,
        expired: read.expired(),
    };
    if json {
        json_document(out, &checked)?;
    } else {
        writeln!(out, "{}: holds: {phrases} phrases, {shapes} shapes", checked.path)?;
        writeln!(out, "digest {}", checked.digest)?;
        for entry in checked.expired {
            writeln!(out, "{}: {entry}; it does nothing now", checked.path)?;
        }
    }
    Ok(if checked.expired.is_empty() { Exit::Clear } else { Exit::Findings })
}
