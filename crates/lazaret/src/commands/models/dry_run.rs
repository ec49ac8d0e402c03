//! `lazaret models dry-run`: what the gate would keep back, were it in mode enforce, of what it let pass.

use std::io::Write;

use lazaret_core::{Severity, Sha256};
use lazaret_ledger::{LedgerReader, StoreError};
use serde::Serialize;

use super::recall::{LastWord, PULLED};
use crate::commands::policy::of_ledger;
use crate::compose::ledger_of;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::{json_document, table, thousands};

/// Files of the ledger that are read at once.
const PAGE: u32 = 1_000;
/// Events about one file that are counted.
const MOST_PULLS: u32 = 10_000;

/// What the ledger says.
#[derive(Debug, Serialize)]
struct DryRun {
    /// Files that were looked through.
    files: u64,
    would_be_held: Vec<Kept>,
}

/// A file that passed under a name, and would not.
#[derive(Debug, Serialize)]
struct Kept {
    sha256: String,
    model: Option<String>,
    revision: Option<String>,
    file: String,
    /// The verdict of the last look at it.
    verdict: String,
    /// The rules of medium and above that found something in it.
    rules: Vec<String>,
    /// Its last crossing, who brought it then, and when.
    receipt: String,
    brought_by: String,
    when: String,
    /// How often it was given out.
    given_out: u64,
}

/// Runs the command.
pub(super) fn run(config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let ledger = LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?;
    let mut run = DryRun { files: 0, would_be_held: Vec::new() };
    let mut after = None;
    loop {
        let page = ledger.files(after, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for file in page {
            run.files = run.files.saturating_add(1);
            for step in ledger.steps_of_file(file) {
                let step = step.map_err(of_ledger)?;
                run.would_be_held.extend(kept(&ledger, file, &step).map_err(of_ledger)?);
            }
        }
    }
    if json {
        json_document(out, &run)?;
    } else {
        write(&run, out)?;
    }
    Ok(if run.would_be_held.is_empty() { Exit::Clear } else { Exit::Findings })
}

/// A file under a name, where the gate let it pass so and would not.
fn kept(ledger: &LedgerReader, file: Sha256, step: &str) -> Result<Option<Kept>, StoreError> {
    let Some(word) = LastWord::under(ledger, file, step)? else { return Ok(None) };
    if !word.is_bad() || word.held || word.lets_go(ledger, file)? {
        return Ok(None);
    }
    let missing = || StoreError::Damaged("an entry is missing");
    let last = ledger.last_entry_of_file_named(file, step)?.ok_or_else(missing)?;
    let opened = ledger.opened_at(last.opened_at)?.ok_or_else(missing)?;
    let brought_by = opened.asked_by().to_owned();
    // What passed in mode enforce and was found bad since is alerted; the mode changes nothing about it.
    if opened.mode != "observe" {
        return Ok(None);
    }
    let pulls = ledger.events_about(file, PULLED, MOST_PULLS)?;
    let model = opened.model.unwrap_or_default();
    let grave = word.rules.into_iter().filter(|(_, severity)| *severity > Severity::Low);
    Ok(Some(Kept {
        sha256: file.to_string(),
        model: Some(model.name).filter(|name| !name.is_empty()),
        revision: model.revision,
        file: last.entry.file.map(|file| file.name).unwrap_or_default(),
        verdict: word.verdict,
        rules: grave.map(|(id, _)| id).collect(),
        receipt: word.receipt,
        brought_by,
        when: opened.started,
        given_out: pulls.len() as u64,
    }))
}

fn write(run: &DryRun, out: &mut impl Write) -> Result<(), CliError> {
    let would = thousands(run.would_be_held.len() as u64);
    writeln!(
        out,
        "{} files in the ledger: in mode enforce {would} would be held that passed",
        thousands(run.files)
    )?;
    if run.would_be_held.is_empty() {
        return Ok(());
    }
    let mut rows = table(["sha256", "model", "file", "verdict", "rules", "brought by", "when", "given out"]);
    for kept in &run.would_be_held {
        rows.add_row([
            kept.sha256.clone(),
            kept.model.clone().unwrap_or_default(),
            kept.file.clone(),
            kept.verdict.clone(),
            kept.rules.join(", "),
            kept.brought_by.clone(),
            kept.when.clone(),
            thousands(kept.given_out),
        ]);
    }
    writeln!(out, "{rows}")?;
    writeln!(
        out,
        "`lazaret models impact SHA256` says who has a file, `lazaret models admit` lets it pass in mode enforce too"
    )?;
    Ok(())
}
