//! `lazaret policy`: check, explain, dry-run.

use std::io::Write;
use std::path::Path;

use lazaret_core::{CrossingId, Verdict};
use lazaret_ledger::{CrossingWords, EntryWords, LedgerReader, Query};
use lazaret_policy::{CedarPolicy, Level, Question, Recorded, check, dry_run};

use crate::cli::PolicyCommand;
use crate::commands::explain::rules;
use crate::compose::Reading;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::own_rules;
use crate::report::{json_document, table, thousands};

/// Records read from the ledger at once.
const PAGE: u32 = 1_000;

/// Runs the command.
pub(crate) fn run(
    command: &PolicyCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        PolicyCommand::Check { dir } => {
            let folder = dir.clone().unwrap_or_else(|| config.path("data").join("policies"));
            check_folder(&folder, config, json, out)
        }
        PolicyCommand::Explain { receipt, record } => explain(receipt, *record, config, json, out),
        PolicyCommand::DryRun { dir } => dry(dir, config, json, out),
    }
}

fn check_folder(folder: &Path, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let rules = rules();
    let (own, _) = own_rules::in_force(config, None)?;
    let own = own.rules().iter().map(|rule| rule.id);
    let known: Vec<&str> = rules.iter().map(|(id, ..)| *id).chain(own).collect();
    let found = check(folder, &known, &config.limits());
    let bad = found.iter().any(|diagnostic| diagnostic.level == Level::Error);
    if json {
        json_document(out, &found)?;
    } else {
        for diagnostic in &found {
            writeln!(out, "{diagnostic}")?;
        }
        if !bad {
            writeln!(out, "{}: the policies are valid", folder.display())?;
        }
    }
    Ok(if bad { Exit::Usage } else { Exit::Clear })
}

fn explain(
    receipt: &str,
    record: Option<u64>,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let data = Reading::open(config)?;
    let policy = data.policy()?;
    let (id, crossing) = find(&data.ledger, receipt)?;
    let reader = &data.ledger;
    let records: Vec<u64> = match record {
        Some(record) => vec![record],
        // Without a number: the first record of each verdict.
        None => first_of_each_verdict(reader, id)?,
    };
    let mut explained = Vec::new();
    for number in records {
        let entry = reader.entry(id, number).map_err(of_ledger)?;
        let entry =
            entry.ok_or_else(|| CliError::Usage(format!("receipt {receipt} has no record {number}")))?;
        let question = question(&crossing, &entry)?;
        let explanation = policy.explain(&question).map_err(|error| CliError::failed("the policy", error))?;
        explained.push((number, entry, explanation));
    }
    if json {
        let list: Vec<_> = explained
            .iter()
            .map(|(record, entry, explanation)| {
                serde_json::json!({ "record": record, "recorded": entry.verdict, "by": entry.policies, "now": explanation })
            })
            .collect();
        json_document(out, &list)?;
        return Ok(Exit::Clear);
    }
    for (number, entry, explanation) in explained {
        writeln!(
            out,
            "record {number} ({}): {} by {}",
            entry.kind,
            entry.verdict,
            entry.policies.join(", ")
        )?;
        if crossing.opened.policy != explanation.version {
            writeln!(out, "  the policies have changed since; what follows is what they say now")?;
        }
        writeln!(out, "{explanation}")?;
    }
    Ok(Exit::Clear)
}

fn first_of_each_verdict(reader: &LedgerReader, id: CrossingId) -> Result<Vec<u64>, CliError> {
    let mut seen: Vec<(String, u64)> = Vec::new();
    each_entry(reader, id, &mut |entry| {
        if !seen.iter().any(|(verdict, _)| *verdict == entry.verdict) {
            seen.push((entry.verdict.clone(), entry.record));
        }
        Ok(())
    })?;
    Ok(seen.into_iter().map(|(_, record)| record).collect())
}

fn dry(folder: &Path, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let changed =
        CedarPolicy::load(folder, &config.limits()).map_err(|error| CliError::Usage(chain(&error)))?;
    let data = Reading::open(config)?;
    let current = data.policy()?;
    let reader = &data.ledger;
    let mut questions = Vec::new();
    let mut before = None;
    loop {
        let query = Query { before, limit: PAGE, ..Query::default() };
        let page = reader.crossings(&query).map_err(of_ledger)?;
        let Some(last) = page.last() else { break };
        before = Some(last.opened_at);
        for row in &page {
            let (id, crossing) = find(reader, &row.crossing)?;
            each_entry(reader, id, &mut |entry| {
                questions.push(question(&crossing, entry)?);
                Ok(())
            })?;
        }
    }
    let run = dry_run(&current, &changed, questions);
    if json {
        json_document(out, &run)?;
    } else {
        writeln!(
            out,
            "{} recorded records: {} would be decided otherwise, {} of them would cross that were held, {} would be held that crossed",
            thousands(run.records),
            thousands(run.changed),
            thousands(run.loosened),
            thousands(run.tightened)
        )?;
        let word = |verdict: Option<Verdict>| verdict.map_or("policy fails", Verdict::name).to_owned();
        let mut rows = table(["records", "kind", "now", "then", "rules"]);
        for difference in &run.differences {
            let rules: Vec<&str> = difference.question.rules.iter().map(String::as_str).collect();
            rows.add_row([
                thousands(difference.records),
                difference.question.record_kind.clone(),
                word(difference.old.verdict()),
                word(difference.new.verdict()),
                rules.join(", "),
            ]);
        }
        if !run.differences.is_empty() {
            writeln!(out, "{rows}")?;
        }
    }
    Ok(if run.changed > 0 { Exit::Findings } else { Exit::Clear })
}

fn each_entry(
    reader: &LedgerReader,
    id: CrossingId,
    visit: &mut dyn FnMut(&EntryWords) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut from = 0;
    loop {
        let page = reader.entries(id, from, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { return Ok(()) };
        from = last.record.saturating_add(1);
        page.iter().try_for_each(&mut *visit)?;
    }
}

/// What was asked of the policy about a recorded record.
pub(crate) fn question(crossing: &CrossingWords, entry: &EntryWords) -> Result<Question, CliError> {
    let opened = &crossing.opened;
    let findings: Vec<(&str, &str)> =
        entry.findings.iter().map(|finding| (finding.id.as_str(), finding.severity.as_str())).collect();
    let labels: Vec<&str> = entry.phi.keys().map(String::as_str).collect();
    let sensitivity: Vec<&str> = entry.sensitivity.iter().map(String::as_str).collect();
    let recorded = Recorded {
        actor: &opened.actor.id,
        role: &opened.actor.role,
        gate: &opened.gate,
        to: &opened.to,
        recipient: &opened.recipient,
        route: &opened.route,
        purpose: &opened.purpose,
        basis: &opened.basis,
        mode: &opened.mode,
        care_critical: opened.care_critical.is_some(),
        findings: &findings,
        labels: &labels,
        sensitivity: &sensitivity,
        kind: &entry.kind,
    };
    Question::try_from(recorded).map_err(|error| CliError::failed("a recorded entry", error))
}

/// A recorded crossing by its receipt's id.
pub(crate) fn find(reader: &LedgerReader, receipt: &str) -> Result<(CrossingId, CrossingWords), CliError> {
    let id = CrossingId::parse(receipt).ok_or_else(|| {
        CliError::Usage(format!("`{receipt}` is no receipt id; `lazaret ledger show` lists them"))
    })?;
    let crossing = reader.crossing(id).map_err(of_ledger)?;
    let crossing = crossing.ok_or_else(|| {
        CliError::Usage(format!("no receipt {receipt} in this ledger; `lazaret ledger show` lists them"))
    })?;
    Ok((id, crossing))
}

/// A failure of the ledger's reader.
pub(crate) fn of_ledger(error: lazaret_ledger::StoreError) -> CliError {
    CliError::failed("the ledger could not be read", error)
}
