//! `lazaret quarantine`: records kept back. A look at content, a release, a rejection: each is a crossing,
//! recorded before it is carried out.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Counts, Hint, HoldId, Ordered, Source, Watch};
use lazaret_ingest::formats::{csv, refused};
use lazaret_input::{JSON_TRAILING_BYTES, MemorySource};
use lazaret_vault::{HeldRecord, HoldFilter, HoldState, Settlement};

use crate::cli::QuarantineCommand;
use crate::compose::{Crossings, Data, Reading, Told};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::persons::is_one_person;
use crate::report::{json_document, table, thousands};

/// Runs the command.
pub(crate) fn run(
    command: &QuarantineCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        QuarantineCommand::List { all } => list(&Reading::open(config)?, *all, json, out),
        QuarantineCommand::Show { id, content: _, by, reason } => {
            // The command line takes both or neither, and both with `--content` alone.
            let look = by.as_deref().zip(reason.as_deref());
            show(config, id, look, json, out)
        }
        QuarantineCommand::Release { id, by, second, reason, to, name } => {
            let data = Data::open(config)?;
            let to = to.clone().unwrap_or_else(|| config.path("lake"));
            let (second, name) = (second.as_deref(), name.as_deref());
            release(&data, config, &Asked { id, by, second, reason, name }, &to, out)
        }
        QuarantineCommand::Reject { id, by, second, reason } => {
            let data = Data::open(config)?;
            let id = hold_id(id)?;
            let second = second.as_deref();
            let held = may_be_settled(&data, id, by, second)?;
            let crossings = Crossings::new(config, "rejected", None, None, None)?;
            let order = Crossings::order(Ordered::Reject, &id.to_string(), by, second, reason);
            let receipt = data.carry_out(crossings.ordered(order)?)?;
            data.vault.settle(id, Settlement::Rejected, by, second).map_err(CliError::vault)?;
            writeln!(out, "rejected {} ({}); receipt {receipt}", id, held.kind)?;
            data.close()?;
            Ok(Exit::Clear)
        }
    }
}

/// Reads `CROSSING:NUMBER`.
fn hold_id(text: &str) -> Result<HoldId, CliError> {
    crate::unfinished::hold_id(text)
        .ok_or_else(|| CliError::Usage(format!("`{text}` is no hold; `lazaret quarantine list` lists them")))
}

fn list(data: &Reading, all: bool, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let mut held = Vec::new();
    let mut after = None;
    loop {
        let state = (!all).then_some(HoldState::Held);
        let page = data
            .vault
            .holds(&HoldFilter { state, after, ..HoldFilter::default() })
            .map_err(CliError::vault)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        held.extend(page);
    }
    let waiting = held.iter().any(|record| record.state == HoldState::Held);
    if json {
        let held: Vec<Listed> =
            held.into_iter().map(|record| listed(data, record)).collect::<Result<_, _>>()?;
        json_document(out, &held)?;
    } else {
        let mut rows = table(["hold", "kind", "state", "received", "why"]);
        for record in &held {
            rows.add_row([
                record.id.to_string(),
                if record.kind.is_empty() { "unreadable".to_owned() } else { record.kind.clone() },
                state(record),
                record.received.to_string(),
                why(record),
            ]);
        }
        if held.is_empty() {
            writeln!(out, "nothing is held")?;
        } else {
            writeln!(out, "{rows}\n\n{} records", thousands(held.len() as u64))?;
        }
    }
    Ok(if waiting { Exit::Findings } else { Exit::Clear })
}

/// A held record as `--json` tells of it.
#[derive(serde::Serialize)]
struct Listed {
    /// `releasable` says that one person may release it, and that it reads well enough for that.
    #[serde(flatten)]
    record: HeldRecord,
    /// Whether it takes two persons to settle it.
    blocked: bool,
}

fn listed(data: &Reading, record: HeldRecord) -> Result<Listed, CliError> {
    let entry = data.ledger.entry(record.id.crossing, record.id.record).map_err(super::policy::of_ledger)?;
    let format = entry.as_ref().map(|entry| entry.format.as_str());
    let blocked = !record.releasable;
    let releasable = record.releasable && why_not(&record, format).is_none();
    Ok(Listed { record: HeldRecord { releasable, ..record }, blocked })
}

/// Why a record can never be released, as far as that is known without opening it.
fn why_not(record: &HeldRecord, format: Option<&str>) -> Option<&'static str> {
    let has = |rule: &str| record.findings.iter().any(|finding| finding.id == rule);
    if record.sha256.is_some() {
        Some(IS_A_MODEL)
    } else if format == Some(refused::FORMAT.0) {
        Some(
            "is a file that was refused whole, so it cannot be released; mend it at its source, or raise the limit its finding names, and ingest the file again; then reject this",
        )
    } else if format.is_none_or(|format| format == csv::FORMAT.0) {
        // A row without its header reads as a note, and its columns' meanings would be lost.
        Some(BY_ITSELF)
    } else if record.kind.is_empty() || has(JSON_TRAILING_BYTES.id) {
        Some(
            "cannot be read, so it cannot be released: its identifiers could not be taken out; mend it at its source and ingest it again, or reject it",
        )
    } else {
        None
    }
}

const IS_A_MODEL: &str = "is a model's file, which stays with its sender: `lazaret models admit SHA256` lets it pass when it comes again";

const BY_ITSELF: &str = "cannot be released by itself: without its file it does not read as what it is; mend it at its source and ingest it again, or reject it";

fn state(record: &HeldRecord) -> String {
    let state = record.state.name();
    if record.releasable { state.to_owned() } else { format!("{state}, blocked") }
}

fn why(record: &HeldRecord) -> String {
    let reasons: Vec<String> =
        record.findings.iter().take(3).map(|finding| format!("{} at {}", finding.id, finding.at)).collect();
    let more = record.findings.len().saturating_sub(reasons.len());
    if more > 0 { format!("{} and {more} more", reasons.join("; ")) } else { reasons.join("; ") }
}

fn show(
    config: &Config,
    id: &str,
    look: Option<(&str, &str)>,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let id = hold_id(id)?;
    let data = Reading::open(config)?;
    let held = data.vault.held(id).map_err(CliError::vault)?;
    if json {
        json_document(out, &listed(&data, held.clone())?)?;
    } else {
        writeln!(out, "hold      {}\nkind      {}\nstate     {}", held.id, held.kind, state(&held))?;
        writeln!(out, "received  {}\nbytes     {}", held.received, thousands(held.bytes))?;
        for finding in &held.findings {
            writeln!(
                out,
                "finding   {}: {}: {}: {}",
                finding.at, finding.severity, finding.id, finding.message
            )?;
        }
    }
    if let Some((by, reason)) = look {
        if held.sha256.is_some() {
            return Err(CliError::Usage(format!("{id} {IS_A_MODEL}")));
        }
        let data = Data::open(config)?;
        let crossings = Crossings::new(config, "terminal", None, None, None)?;
        let order = Crossings::order(Ordered::Look, &id.to_string(), by, None, reason);
        data.carry_out(crossings.ordered(order)?)?;
        let bytes = data.vault.open_hold(id).map_err(CliError::vault)?;
        out.write_all(bytes.expose())?;
        out.write_all(b"\n")?;
        data.close()?;
    }
    Ok(Exit::Clear)
}

struct Asked<'a> {
    id: &'a str,
    by: &'a str,
    second: Option<&'a str>,
    reason: &'a str,
    /// The lake's name, if it is told.
    name: Option<&'a str>,
}

/// Whether a record is still held, and those who ask are enough: told before an order is recorded.
fn may_be_settled(data: &Data, id: HoldId, by: &str, second: Option<&str>) -> Result<HeldRecord, CliError> {
    let held = data.vault.held(id).map_err(CliError::vault)?;
    if held.state != HoldState::Held {
        return Err(CliError::Usage(format!("{id} was {} already", held.state.name())));
    }
    if !held.releasable && second.is_none_or(|second| is_one_person(by, second)) {
        return Err(CliError::Usage(format!(
            "{id} is blocked: two different persons settle it (--by, --second)"
        )));
    }
    Ok(held)
}

/// A held record crosses after all, with the profile's edits. What cannot be read cannot be released: its
/// identifiers could not be taken out.
fn release(
    data: &Data,
    config: &Config,
    asked: &Asked<'_>,
    to: &Path,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let id = hold_id(asked.id)?;
    let held = match may_be_settled(data, id, asked.by, asked.second) {
        Ok(held) => held,
        Err(error) => {
            // If it was released, and the process ended too early, it is made visible now.
            if to.is_dir() {
                data.lake(to, asked.name, None)?;
            }
            return Err(error);
        }
    };
    let entry = data.ledger.reader().entry(id.crossing, id.record).map_err(super::policy::of_ledger)?;
    if let Some(why) = why_not(&held, entry.as_ref().map(|entry| entry.format.as_str())) {
        return Err(CliError::Usage(format!("{id} {why}")));
    }
    let checkpoint = data.checkpoint(Told::default())?;
    let lake = data.lake(to, asked.name, None)?;
    let original = data.ledger.reader().crossing(id.crossing).map_err(super::policy::of_ledger)?;
    let opened = original.map(|crossing| crossing.opened);
    let word =
        |get: fn(&lazaret_ledger::OpenedWords) -> &String| opened.as_ref().map(|opened| get(opened).as_str());
    let crossings =
        Crossings::new(config, lake.name(), word(|o| &o.purpose), word(|o| &o.basis), word(|o| &o.system))?
            .into_lake(&lake);
    let bytes = data.vault.open_hold(id).map_err(CliError::vault)?;
    let source: Arc<dyn Source> = Arc::new(MemorySource::new(bytes.expose().as_slice(), Hint::default()));
    let (format, payload) = checkpoint.recognise(&source).map_err(|refused| {
        CliError::Usage(format!("{id} cannot be read, so it cannot be released: {refused}"))
    })?;
    if entry.is_none_or(|entry| entry.format != format.0) {
        return Err(CliError::Usage(format!("{id} {BY_ITSELF}")));
    }
    let order = Crossings::order(Ordered::Release, &id.to_string(), asked.by, asked.second, asked.reason);
    let crossing = crossings.ordered(order)?;
    let to = lake.passage(crossing.id);
    let mut still_held = Vec::new();
    let receipt = checkpoint
        .pass(crossing, payload, to, &mut |seen| {
            if let Watch::Record(judgement) = seen
                && judgement.entry.verdict.holds()
            {
                still_held.extend(judgement.findings.iter().map(|finding| finding.id));
            }
        })
        .map_err(|stopped| CliError::failed(format!("{id} was not released"), stopped))?;
    let counts: &Counts = &receipt.sealed.seal.counts;
    if counts.held() > 0 {
        data.close()?;
        let rules = still_held.join(", ");
        return Err(CliError::Usage(format!(
            "{id} is held still: it cannot be read well enough to take its identifiers out ({rules}); mend it at its source and ingest it again, or reject it"
        )));
    }
    data.vault.settle(id, Settlement::Released, asked.by, asked.second).map_err(CliError::vault)?;
    let receipt = receipt.opened.crossing;
    writeln!(out, "released {id} with the edits of its profile; receipt {receipt}")?;
    data.close()?;
    Ok(Exit::Clear)
}
