//! `lazaret ledger`: verify, prove, show.

use std::io::Write;
use std::path::Path;

use lazaret_ledger::note::{MAX_NOTE, VerifierKey};
use lazaret_ledger::{
    LedgerReader, MAX_PROOF, ProofError, Query, Verification, prove, verify_proof, verify_remembered,
};
use lazaret_vault::SqliteVault;

use crate::cli::LedgerCommand;
use crate::commands::policy::{find, of_ledger};
use crate::compose::{kms, ledger_of};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain, read_text};
use crate::report::{json_document, table, thousands};

/// Runs the command. Reading needs no key of the vault, except to know whose signatures to trust.
pub(crate) fn run(
    command: &LedgerCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    if let LedgerCommand::CheckProof { file, key } = command {
        return check_proof(file, key, json, out);
    }
    let path = ledger_of(config)?;
    match command {
        LedgerCommand::Verify { key, checkpoint } => {
            let (trusted, remembered) = match key {
                Some(key) => (VerifierKey::parse(key).map_err(|error| CliError::Usage(chain(&error)))?, None),
                None => own_key(config)?,
            };
            let given = checkpoint.as_ref().map(|file| {
                let text = read_text(file, MAX_NOTE)?;
                // Tools that save a note add line ends; it ends with exactly one (C2SP signed-note).
                Ok::<_, CliError>(format!("{}\n", text.trim_end_matches('\n')))
            });
            let given: Vec<String> = given.transpose()?.into_iter().collect();
            let verification =
                verify_remembered(&path, &trusted, &given, remembered.as_deref()).map_err(of_ledger)?;
            write_verification(&verification, json, out)
        }
        LedgerCommand::Prove { receipt, record } => {
            let reader = LedgerReader::open(&path).map_err(of_ledger)?;
            let (id, _) = find(&reader, receipt)?;
            let proof = prove(&reader, id, *record).map_err(|error| match error {
                ProofError::NoRecord(_) | ProofError::NoCrossing => {
                    CliError::Usage(format!("{error}; records count from 0: `lazaret ledger show {receipt}`"))
                }
                error => CliError::failed("the proof", error),
            })?;
            writeln!(out, "{proof}")?;
            Ok(Exit::Clear)
        }
        LedgerCommand::CheckProof { file, key } => check_proof(file, key, json, out),
        LedgerCommand::Show { receipt: Some(receipt), .. } => show(&path, receipt, json, out),
        LedgerCommand::Show { receipt: None, last } => list(&path, *last, json, out),
    }
}

/// Checks a proof with nothing but the key.
fn check_proof(file: &Path, key: &str, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let trusted = VerifierKey::parse(key).map_err(|error| CliError::Usage(chain(&error)))?;
    let proven = match verify_proof(&read_text(file, MAX_PROOF)?, &trusted) {
        Ok(proven) => proven,
        Err(error) => {
            writeln!(out, "{}: DOES NOT HOLD: {}", file.display(), chain(&error))?;
            return Ok(Exit::Findings);
        }
    };
    if json {
        json_document(out, &proven)?;
        return Ok(Exit::Clear);
    }
    writeln!(
        out,
        "holds: crossing {} is entry {} of {}",
        proven.opened.crossing, proven.opened_at, proven.origin
    )?;
    if let Some(record) = &proven.record {
        let entry = &record.entry;
        writeln!(out, "record {}: {} by {}", entry.record, entry.verdict, entry.policies.join(", "))?;
    }
    writeln!(out, "tree of {} entries, root {}", thousands(proven.size), proven.root)?;
    Ok(Exit::Clear)
}

/// The key this installation signs with, and the last checkpoint that its vault remembers.
fn own_key(config: &Config) -> Result<(VerifierKey, Option<String>), CliError> {
    let folder = config.path("data");
    let clock = std::sync::Arc::new(lazaret_core::SystemClock);
    let vault = SqliteVault::open(&folder, kms(config, &folder)?, clock, &config.limits())
        .map_err(|error| CliError::failed("the vault could not be opened (or give --key)", error))?;
    let public = lazaret_core::Signer::public_key(&vault);
    let key = VerifierKey::new(config.text("ledger.origin"), public)
        .map_err(|error| CliError::Usage(chain(&error)))?;
    Ok((key, vault.remembered_log().map_err(CliError::vault)?))
}

fn write_verification(
    verification: &Verification,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    if json {
        json_document(out, verification)?;
    } else {
        for finding in &verification.findings {
            writeln!(out, "{}: {}: {}: {}", finding.at, finding.severity, finding.id, finding.message)?;
        }
        let state = if verification.holds() { "holds" } else { "DOES NOT HOLD" };
        writeln!(
            out,
            "{}: {state}: {} entries, {} of them under {} signed checkpoints; {} crossings ({} not sealed), {} records",
            verification.origin,
            thousands(verification.size),
            thousands(verification.signed),
            thousands(verification.checkpoints),
            thousands(verification.crossings),
            thousands(verification.unsealed),
            thousands(verification.records)
        )?;
        writeln!(out, "root {}", verification.root)?;
    }
    Ok(if verification.holds() { Exit::Clear } else { Exit::Findings })
}

fn show(path: &Path, receipt: &str, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let reader = LedgerReader::open(path).map_err(of_ledger)?;
    let (_, crossing) = find(&reader, receipt)?;
    if json {
        json_document(out, &crossing)?;
        return Ok(Exit::Clear);
    }
    let opened = &crossing.opened;
    writeln!(out, "crossing     {}", opened.crossing)?;
    writeln!(out, "opened       entry {}, {}", crossing.opened_at, opened.started)?;
    writeln!(out, "who          {} ({})", opened.actor.id, opened.actor.role)?;
    if let Some(asked_by) = opened.model.as_ref().and_then(|model| model.asked_by.as_ref()) {
        writeln!(out, "asked by     {asked_by}, as far as they say")?;
    }
    writeln!(out, "gate         {}, system {} to {}", opened.gate, opened.system, opened.to)?;
    writeln!(out, "purpose      {}, basis {}, profile {}", opened.purpose, opened.basis, opened.profile)?;
    writeln!(out, "policy       {}", opened.policy)?;
    if let Some(order) = &opened.order {
        let second = order.second.as_ref().map_or_else(String::new, |second| format!(" and {second}"));
        writeln!(
            out,
            "order        {} of {}, by {}{second}: {}",
            order.what, order.object, order.by, order.reason
        )?;
    }
    let Some(sealed) = &crossing.sealed else {
        writeln!(out, "sealed       not yet")?;
        return Ok(Exit::Clear);
    };
    writeln!(out, "sealed       entry {}, {}, {}", sealed.sealed_at, sealed.seal.ended, sealed.seal.ending)?;
    writeln!(out, "record root  {}", sealed.record_root)?;
    let counts = &sealed.seal.counts;
    writeln!(
        out,
        "records      {}, {} of them had crossed before",
        thousands(counts.records),
        thousands(counts.again)
    )?;
    for (title, map) in [
        ("verdict", &counts.verdicts),
        ("finding", &counts.findings),
        ("identifier", &counts.phi),
        ("edit", &counts.edits),
    ] {
        for (name, count) in map {
            writeln!(out, "{title:<12} {name}: {}", thousands(*count))?;
        }
    }
    for output in &sealed.seal.outputs {
        writeln!(
            out,
            "output       {} {} ({} records)",
            output.dataset,
            output.name,
            thousands(output.records)
        )?;
    }
    Ok(Exit::Clear)
}

fn list(path: &Path, last: usize, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let reader = LedgerReader::open(path).map_err(of_ledger)?;
    let limit = u32::try_from(last).unwrap_or(u32::MAX);
    let rows = reader.crossings(&Query { limit, ..Query::default() }).map_err(of_ledger)?;
    if json {
        json_document(out, &rows)?;
        return Ok(Exit::Clear);
    }
    let mut shown = table(["receipt", "started", "gate", "ending", "records", "held"]);
    for row in rows {
        shown.add_row([
            row.crossing,
            row.started,
            row.gate,
            row.ending.unwrap_or_else(|| "open".to_owned()),
            row.records.map_or_else(String::new, thousands),
            row.held.map_or_else(String::new, thousands),
        ]);
    }
    writeln!(out, "{shown}")?;
    for dataset in reader.datasets().map_err(of_ledger)? {
        writeln!(out, "dataset {dataset}")?;
    }
    Ok(Exit::Clear)
}
