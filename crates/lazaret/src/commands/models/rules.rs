//! `lazaret models rules`: what the hospital's own rules would do.

use std::io::Write;
use std::path::Path;

use crate::cli::ModelsRulesCommand;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::own_rules;
use crate::report::{json_document, thousands};

/// Runs the command.
pub(super) fn run(
    command: &ModelsRulesCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let ModelsRulesCommand::Check { file } = command;
    check(file, config, json, out)
}

fn check(file: &Path, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let rules = own_rules::read(file, config)?;
    let expired = rules.entries().iter().filter(|entry| entry.expired).count();
    if json {
        let entries: Vec<_> = rules
            .entries()
            .iter()
            .map(|entry| serde_json::json!({ "line": entry.line, "does": entry.does, "expired": entry.expired }))
            .collect();
        json_document(out, &serde_json::json!({ "sha256": rules.sha256(), "entries": entries }))?;
    } else {
        for entry in rules.entries() {
            let expired = if entry.expired { "expired: " } else { "" };
            writeln!(out, "line {}: {expired}{}", entry.line, entry.does)?;
        }
        writeln!(
            out,
            "{} entries, {} expired; sha256 {}",
            thousands(rules.entries().len() as u64),
            thousands(expired as u64),
            rules.sha256().unwrap_or_default()
        )?;
    }
    Ok(if expired > 0 { Exit::Findings } else { Exit::Clear })
}
