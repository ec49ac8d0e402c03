//! `lazaret phi knowledge …`: the file of what the hospital knows of its own texts, and entries that are proposed for it.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use crate::cli::PhiKnowledgeCommand;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::knowledge;
use crate::proposals::reviewers;
use crate::report::json_document;

mod proposals;

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
    match command {
        PhiKnowledgeCommand::Check { path } => check(path.as_deref(), config, json, out),
        PhiKnowledgeCommand::Reviewer { name } => reviewer(name, config, json, out),
        PhiKnowledgeCommand::Propose(args) => proposals::propose(args, config, json, out),
        PhiKnowledgeCommand::Proposals { id: Some(id), .. } => proposals::show(*id, config, json, out),
        PhiKnowledgeCommand::Proposals { id: None, all } => proposals::list(*all, config, json, out),
        PhiKnowledgeCommand::Approve { id, reason, despite } => {
            proposals::approve(*id, reason, *despite, config, json, out)
        }
        PhiKnowledgeCommand::Reject { id, reason } => proposals::reject(*id, reason, config, json, out),
    }
}

fn check(
    path: Option<&std::path::Path>,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let path = path.map(std::path::Path::to_owned).or_else(|| knowledge::path(config)).ok_or_else(|| {
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

/// A token, and the line by which the configuration knows it.
fn reviewer(name: &str, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let known = config.reviewers().any(|(other, _)| crate::persons::is_one_person(other, name));
    let token = reviewers::new_token()?;
    let digest = reviewers::digest(&token);
    // As a key of TOML: a name may hold quotes and blanks.
    let key = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let line = format!("{key} = \"{digest}\"");
    if json {
        json_document(out, &json!({ "name": name, "token": token, "line": line, "known": known }))?;
    } else {
        writeln!(out, "token, for {name} alone; it is shown once:\n  {token}")?;
        let place = if known { ", in the place of the line that is there" } else { "" };
        writeln!(out, "line under [reviewers] in lazaret.toml{place}:\n  {line}")?;
    }
    Ok(Exit::Clear)
}
