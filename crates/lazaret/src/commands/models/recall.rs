//! `lazaret models impact` and `rescan`: what a file of the registry touches, and what is found in it now.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use lazaret_core::{
    Clock as _, DETECTOR_FAILED, Finding, Gate, Limits, Locator, Policy as _, Severity, Sha256, SystemClock,
    Verdict,
};
use lazaret_input::{FileSource, find_blob};
use lazaret_ledger::{
    AboutFile, EntryWords, FileCrossing, FileEntry, LedgerReader, NameOfFile, StoreError, UseOfFile,
};
use lazaret_models::vulnerabilities::{MAX_MATCHES, check};
use lazaret_models::{Terms, look_by, rule};
use serde::Serialize;

use super::beside::Beside;
use super::runs::{Run, Runs};
use crate::admission::recorded::{ENDED, RUNS};
use crate::admission::verdicts::{ALERT, Duty};
use crate::cli::{ModelsImpactArgs, ModelsRescanArgs};
use crate::commands::ingest::progress;
use crate::compose::{Crossings, Data, Reading, model_store_folder};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::registry::{REGISTRY, decide, terms};
use crate::report::{json_document, table, thousands};

/// Names of a file, and who has it, that are listed: those of last.
const MOST_LISTED: u32 = 10_000;
/// Files of the ledger, and events about one, that are read at once.
const PAGE: u32 = 1_000;
/// The kinds of events about files.
pub(crate) const PULLED: &str = "models.pulled";
pub(crate) const SENT: &str = "models.sent";
pub(crate) const DELIVERED: &str = "models.delivered";
pub(crate) const RESCANNED: &str = "models.rescanned";

/// Everything a file touches.
#[derive(Debug, Serialize)]
struct Impact {
    sha256: String,
    /// The verdict of the last look at it.
    verdict: String,
    /// Its models: names and revisions, with the file's name in each and the last crossing under it; the last come last.
    models: Vec<InModel>,
    /// Models that are not listed, because there are too many: those that came last before the others.
    #[serde(skip_serializing_if = "is_none")]
    models_left_out: u64,
    /// Who brought or fetched it, and when first and last.
    fetched: Vec<UseOfFile>,
    /// Others that are not listed, because there are too many: those that had it last before the others.
    #[serde(skip_serializing_if = "is_none")]
    fetched_left_out: u64,
    /// Where it runs, as far as the admission webhook saw: workloads, since when.
    runs: Vec<Run>,
    /// Workloads that are not listed, because there are too many: of those that ended the oldest.
    #[serde(skip_serializing_if = "is_none")]
    runs_left_out: u64,
    /// What was found in it after it was cleared: who has to do with it, until when.
    alerts: Vec<Alert>,
    /// Orders about it.
    orders: Vec<AboutFile>,
    /// The file to go back to, for each model that has one: what last was cleared before this came.
    roll_back: Vec<RollBack>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct InModel {
    model: String,
    revision: Option<String>,
    file: String,
    receipt: String,
    when: String,
    verdict: String,
    times: u64,
}

/// An alert.
#[derive(Debug, Serialize)]
struct Alert {
    rules: Vec<String>,
    owner: String,
    until: String,
    when: String,
}

#[derive(Debug, Serialize)]
struct RollBack {
    model: String,
    revision: Option<String>,
    file: String,
    sha256: String,
    receipt: String,
    when: String,
}

/// What was decided last about a file: in its last crossing, or in a second look after that.
pub(crate) struct LastWord {
    /// The verdict.
    pub(crate) verdict: String,
    /// The rules that found something in the file, each with the gravest.
    pub(crate) rules: BTreeMap<String, Severity>,
    /// Whether it was cleared by an order, which may be over.
    pub(crate) by_order: bool,
    /// Whether it was kept back.
    pub(crate) held: bool,
    /// The crossing, and the index at which it was opened.
    pub(crate) receipt: String,
    pub(crate) opened_at: u64,
    /// When it was looked at again, if it was.
    pub(crate) looked: Option<String>,
}

impl LastWord {
    /// What was decided last; none of a file that never came.
    pub(crate) fn of(ledger: &LedgerReader, file: Sha256) -> Result<Option<Self>, StoreError> {
        ledger.last_entry_of_file(file)?.map(|last| Self::at(ledger, file, last)).transpose()
    }

    /// The same of a file under the last step of a name: what it does depends on what it is taken for, so that it was cleared
    /// under another name since says nothing.
    pub(crate) fn under(ledger: &LedgerReader, file: Sha256, name: &str) -> Result<Option<Self>, StoreError> {
        ledger.last_entry_of_file_named(file, name)?.map(|last| Self::at(ledger, file, last)).transpose()
    }

    fn at(ledger: &LedgerReader, file: Sha256, last: FileEntry) -> Result<Self, StoreError> {
        let Known { verdict, rules, looked } = known_of(ledger, file, last.opened_at, &last.entry)?;
        let by_order = last.entry.policies.iter().any(|policy| policy == "admitted-by-order");
        let (held, receipt, opened_at) = (last.entry.held.is_some(), last.crossing, last.opened_at);
        Ok(Self { verdict, rules, by_order, held, receipt, opened_at, looked })
    }

    /// Whether the verdict would hold the file.
    pub(crate) fn is_bad(&self) -> bool {
        Verdict::parse(&self.verdict).is_none_or(Verdict::holds)
    }

    /// Whether it lets the file leave the registry: by itself, or by an order that holds now.
    pub(crate) fn lets_go(&self, ledger: &LedgerReader, file: Sha256) -> Result<bool, StoreError> {
        let holds = self.by_order || self.is_bad();
        Ok(!holds || ledger.admission(file, SystemClock.now())?.is_some())
    }
}

/// Whether what was decided last about a file lets it leave the registry: by its last crossing, or by a second look after
/// that, or by an order that holds now.
pub(crate) fn may_leave(ledger: &LedgerReader, file: Sha256, name: &str) -> Result<bool, StoreError> {
    LastWord::under(ledger, file, name)?.map_or(Ok(false), |last| last.lets_go(ledger, file))
}

/// Whether a file that a crossing held still is: that was the last word about it, and no order admits it now.
pub(crate) fn still_held(
    ledger: &LedgerReader,
    file: Sha256,
    name: &str,
    receipt: &str,
) -> Result<bool, StoreError> {
    let Some(last) = LastWord::under(ledger, file, name)? else { return Ok(false) };
    let is_last = last.held && last.receipt == receipt && last.looked.is_none();
    Ok(is_last && ledger.admission(file, SystemClock.now())?.is_none())
}

/// Says what a file touches.
pub(super) fn impact(
    args: &ModelsImpactArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let data = Reading::open(config)?;
    let Some(impact) = impact_of(&data.ledger, args.sha256)? else {
        return Err(CliError::Usage(format!(
            "no file with the SHA-256 {} came through the models gate",
            args.sha256
        )));
    };
    if json {
        json_document(out, &impact)?;
    } else {
        write_impact(out, &impact)?;
    }
    let bad = Verdict::parse(&impact.verdict).is_none_or(Verdict::holds);
    Ok(if bad { Exit::Findings } else { Exit::Clear })
}

fn impact_of(ledger: &LedgerReader, file: Sha256) -> Result<Option<Impact>, CliError> {
    let names = ledger.names_of_file(file, MOST_LISTED).map_err(of_ledger)?;
    let uses = ledger.uses_of_file(file, PULLED, MOST_LISTED).map_err(of_ledger)?;
    let (mut orders, mut alerts, mut runs) = (Vec::new(), Vec::new(), Runs::new());
    let mut after = None;
    loop {
        // Who it was given to is summed up, however many they are.
        let page = ledger.about_file(file, &[PULLED, SENT, DELIVERED], after, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { break };
        after = Some(last.at());
        for about in page {
            let (kind, when, event) = match about {
                AboutFile::Event { kind, when, event, .. } => (kind, when, event),
                order @ AboutFile::Order { .. } => {
                    orders.push(order);
                    continue;
                }
            };
            let word = |key: &str| event.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            match kind.as_str() {
                RUNS => serde_json::from_value(event).into_iter().for_each(|run| runs.begin(run)),
                ENDED => serde_json::from_value(event).into_iter().for_each(|run| runs.end(run)),
                ALERT => alerts.push(Alert {
                    rules: words(event.get("rules")),
                    owner: word("owner").to_owned(),
                    until: word("until").to_owned(),
                    when,
                }),
                _ => {}
            }
        }
    }
    let last = LastWord::of(ledger, file).map_err(of_ledger)?;
    if last.is_none() && after.is_none() && uses.list.is_empty() {
        return Ok(None);
    }
    let (runs, runs_left_out) = runs.list();
    let roll_back = roll_back(ledger, file, &names.list)?;
    let models = names.list.iter().rev().map(in_model).collect();
    Ok(Some(Impact {
        sha256: file.to_string(),
        verdict: last.map_or_else(|| "not seen".to_owned(), |last| last.verdict),
        models,
        models_left_out: names.left_out,
        fetched: uses.list,
        fetched_left_out: uses.left_out,
        runs,
        runs_left_out,
        alerts,
        orders,
        roll_back,
    }))
}

fn words(list: Option<&serde_json::Value>) -> Vec<String> {
    let list = list.and_then(serde_json::Value::as_array).into_iter().flatten();
    list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn in_model(NameOfFile { times, last: FileCrossing { crossing, entry }, .. }: &NameOfFile) -> InModel {
    let model = crossing.opened.model.clone().unwrap_or_default();
    InModel {
        model: model.name,
        revision: model.revision,
        file: entry.file.as_ref().map(|file| file.name.clone()).unwrap_or_default(),
        receipt: crossing.opened.crossing.clone(),
        when: crossing.opened.started.clone(),
        verdict: entry.verdict.clone(),
        times: *times,
    }
}

/// For each model and name of the file: the last file of that name that was cleared before this one came first.
fn roll_back(ledger: &LedgerReader, file: Sha256, names: &[NameOfFile]) -> Result<Vec<RollBack>, CliError> {
    // Of revisions, the first in which it came.
    let mut first: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for NameOfFile { first: at, last, .. } in names {
        let (Some(model), Some(own)) = (&last.crossing.opened.model, &last.entry.file) else { continue };
        let known = first.entry((&model.name, &own.name)).or_insert(*at);
        *known = (*known).min(*at);
    }
    let mut found = Vec::new();
    for ((model, name), before) in first {
        let earlier = ledger.cleared_before(model, name, before, file).map_err(of_ledger)?;
        let Some(FileCrossing { crossing, entry }) = earlier else { continue };
        let model = crossing.opened.model.unwrap_or_default();
        found.push(RollBack {
            model: model.name,
            revision: model.revision,
            file: name.to_owned(),
            sha256: entry.file.map(|file| file.sha256).unwrap_or_default(),
            // Where it had crossed before, the receipt by which.
            receipt: entry.again.unwrap_or(crossing.opened.crossing),
            when: crossing.opened.started,
        });
    }
    Ok(found)
}

fn write_impact(out: &mut impl Write, impact: &Impact) -> Result<(), CliError> {
    writeln!(out, "sha256   {}\nverdict  {}", impact.sha256, impact.verdict)?;
    let mut rows = table(["model", "revision", "file", "last", "times", "verdict", "receipt"]);
    for model in &impact.models {
        rows.add_row([
            &model.model,
            model.revision.as_ref().unwrap_or(&String::new()),
            &model.file,
            &model.when,
            &model.times.to_string(),
            &model.verdict,
            &model.receipt,
        ]);
    }
    writeln!(out, "\n{rows}")?;
    if impact.models_left_out > 0 {
        let left_out = thousands(impact.models_left_out);
        writeln!(out, "and under {left_out} more names, in which it came last before these")?;
    }
    let mut rows = table(["has it", "since", "last", "times"]);
    for found in &impact.fetched {
        rows.add_row([&found.who, &found.first, &found.last, &found.times.to_string()]);
    }
    if impact.fetched.is_empty() {
        writeln!(out, "\nnobody has it, as far as the ledger knows")?;
    } else {
        writeln!(out, "\n{rows}")?;
    }
    if impact.fetched_left_out > 0 {
        let left_out = thousands(impact.fetched_left_out);
        writeln!(out, "and {left_out} more that are not listed, who had it last before these")?;
    }
    if !impact.runs.is_empty() {
        let mut rows = table(["runs in", "namespace", "workload", "since", "until"]);
        for Run { at, since, until } in &impact.runs {
            let workload = format!("{} {}", at.kind, at.name);
            let until = until.clone().unwrap_or_default();
            rows.add_row([&at.cluster, &at.namespace, &workload, since, &until]);
        }
        writeln!(out, "\n{rows}")?;
    }
    if impact.runs_left_out > 0 {
        let left_out = thousands(impact.runs_left_out);
        writeln!(out, "and {left_out} more that are not listed; of those that ended they are the oldest")?;
    }
    for alert in &impact.alerts {
        let rules =
            if alert.rules.is_empty() { "its admission is over".to_owned() } else { alert.rules.join(", ") };
        let day = alert.until.get(..10).unwrap_or(&alert.until);
        writeln!(out, "\nalert  {}: {rules}; {} has until {day}", alert.when, alert.owner)?;
    }
    for back in &impact.roll_back {
        let revision = back.revision.as_ref().map(|revision| format!(" {revision}")).unwrap_or_default();
        writeln!(
            out,
            "\nroll back to  {}{revision}: {} {}, cleared {}, receipt {}",
            back.model, back.file, back.sha256, back.when, back.receipt
        )?;
    }
    Ok(())
}

/// What became of one file that was looked at again.
#[derive(Debug, Serialize)]
struct Rescanned {
    sha256: String,
    model: Option<String>,
    file: String,
    before: String,
    now: Option<Verdict>,
    /// Rules that find something now and did not, with where.
    new: Vec<String>,
    /// Rules that no longer find anything.
    gone: Vec<String>,
    /// Why it could not be looked at again.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_looked_at: Option<String>,
}

/// What is recorded of a second look.
#[derive(Serialize)]
struct RescannedEvent<'a> {
    verdict: Verdict,
    policy: String,
    findings: Vec<Recorded<'a>>,
    new: &'a [String],
    gone: &'a [String],
}

#[derive(Serialize)]
struct Recorded<'a> {
    id: &'a str,
    severity: Severity,
    at: &'a str,
}

/// Looks at the files of the registry again, by the rules and policies of now.
pub(super) fn rescan(
    args: &ModelsRescanArgs,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let store = model_store_folder(config, &data.folder);
    let (policy, terms, duty) = (data.policy()?, terms(config)?, Duty::new(config)?);
    let asked = Crossings::new(config, REGISTRY, None, Some("identified"), None)?.through(Gate::Models);
    let mut files = args.sha256.clone();
    if files.is_empty() {
        loop {
            let page = data.ledger.reader().files(files.last().copied(), PAGE).map_err(of_ledger)?;
            if page.is_empty() {
                break;
            }
            files.extend(page);
        }
    }
    let bar = progress("looking again", files.len() as u64, false);
    let (mut changed, mut looked) = (Vec::new(), 0_u64);
    for file in files {
        bar.inc(1);
        let last = data.ledger.reader().last_crossing_of_file(file).map_err(of_ledger)?;
        let Some(last) = last else { continue };
        let Known { verdict: before, rules: known, .. } =
            known_of(data.ledger.reader(), file, last.crossing.opened_at, &last.entry).map_err(of_ledger)?;
        let own = last.entry.file.as_ref();
        let mut report = Rescanned {
            sha256: file.to_string(),
            model: last.crossing.opened.model.as_ref().map(|model| model.name.clone()),
            file: own.map(|file| file.name.clone()).unwrap_or_default(),
            before,
            now: None,
            new: Vec::new(),
            gone: Vec::new(),
            not_looked_at: None,
        };
        let found = find_blob(&store, file);
        let Some(source) = found.map_err(|error| CliError::failed("the store of models", error))? else {
            if args.all {
                report.not_looked_at = Some("it was held, so it is not in the registry".to_owned());
                changed.push(report);
            }
            continue;
        };
        looked = looked.saturating_add(1);
        let beside =
            Beside::of(data.ledger.reader(), &last.crossing, &report.file, &store).map_err(of_ledger)?;
        let mut findings = look_again(source, &report.file, file, &beside, &data.limits(), &terms);
        findings.extend(of_the_crossing(&last.entry));
        let verdict = decide(&policy, &asked, &findings)?;
        let now: BTreeMap<String, Severity> =
            worst_by_rule(findings.iter().map(|finding| (finding.id.to_owned(), finding.severity)));
        report.new = now.keys().filter(|id| !known.contains_key(*id)).cloned().collect();
        report.gone = known.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
        report.now = Some(verdict);
        let differs =
            !report.new.is_empty() || !report.gone.is_empty() || report.before != verdict.to_string();
        if differs {
            record(data, file, verdict, policy.version(), &findings, &report)?;
            // It was cleared, or it would not lie here: its owner is told, and it is left where it is.
            if let Some(trouble) = duty.trouble(data.ledger.reader(), file).map_err(of_ledger)? {
                Duty::raise(&data.ledger, &trouble).map_err(of_ledger)?;
            }
        }
        if differs || args.all {
            changed.push(report);
        }
    }
    bar.finish_and_clear();
    let worse = changed.iter().any(|file| file.now.is_some_and(Verdict::holds) && file.before == "allow");
    if json {
        json_document(out, &serde_json::json!({ "looked_at": looked, "changed": changed }))?;
    } else {
        write_rescanned(out, looked, &changed)?;
    }
    Ok(if worse { Exit::Findings } else { Exit::Clear })
}

/// The last verdict on a file, the rules that found something then, and when it was looked at again, if it was.
struct Known {
    verdict: String,
    rules: BTreeMap<String, Severity>,
    looked: Option<String>,
}

/// The last verdict on a file, and what was found then.
fn known_of(
    ledger: &LedgerReader,
    file: Sha256,
    opened_at: u64,
    last: &EntryWords,
) -> Result<Known, StoreError> {
    let severity = |text: &str| Severity::parse(text).unwrap_or(Severity::Info);
    let looked = ledger.last_event_about(file, RESCANNED)?;
    if let Some(AboutFile::Event { at, when, event, .. }) = looked
        && at > opened_at
    {
        let verdict = event.get("verdict").and_then(|verdict| verdict.as_str()).unwrap_or_default();
        let findings = event.get("findings").and_then(|findings| findings.as_array());
        let findings = findings.into_iter().flatten().filter_map(|finding| {
            let word = |key: &str| finding.get(key).and_then(|value| value.as_str());
            Some((word("id")?.to_owned(), severity(word("severity")?)))
        });
        let rules = worst_by_rule(findings);
        return Ok(Known { verdict: verdict.to_owned(), rules, looked: Some(when) });
    }
    let findings = last.findings.iter().map(|finding| (finding.id.clone(), severity(&finding.severity)));
    Ok(Known { verdict: last.verdict.clone(), rules: worst_by_rule(findings), looked: None })
}

/// What the crossing added is no finding of the file.
fn worst_by_rule(findings: impl Iterator<Item = (String, Severity)>) -> BTreeMap<String, Severity> {
    let mut worst = BTreeMap::new();
    for (id, severity) in findings.filter(|(id, _)| id != lazaret_core::UNLINKED.id) {
        let known = worst.entry(id).or_insert(severity);
        *known = severity.max(*known);
    }
    worst
}

/// What only a crossing finds of a file, by the signatures and the provenance that came with it: it still holds.
fn of_the_crossing(entry: &EntryWords) -> impl Iterator<Item = Finding> {
    entry.findings.iter().filter_map(|found| {
        let is_attested = found.id.starts_with("signature.") || found.id.starts_with("provenance.");
        let rule = rule(&found.id).filter(|_| is_attested)?;
        let severity = Severity::parse(&found.severity).unwrap_or(rule.rule.severity);
        Some(Finding { severity, ..Finding::new(&rule.rule, Locator::printed(found.at.clone()), "") })
    })
}

fn look_again(
    source: FileSource,
    name: &str,
    file: Sha256,
    beside: &Beside<'_>,
    limits: &Limits,
    terms: &Terms,
) -> Vec<Finding> {
    let own = name.rsplit('/').next().unwrap_or(name).to_owned();
    let len = source.len();
    let report = look_by(Arc::new(source), len, &own, beside, limits, terms);
    let mut findings = report.findings;
    if let Some(against) = &terms.against {
        let (advisories, most) = (against.advisories.as_ref(), limits.get(MAX_MATCHES));
        let mut digest = || Some(file.to_string());
        match check(&report.components, advisories, against.now, &mut digest, most) {
            Ok(checked) => findings.extend(checked.findings),
            Err(error) => findings.push(Finding::new(&DETECTOR_FAILED, Locator::document(), chain(&error))),
        }
    }
    findings
}

fn record(
    data: &Data,
    file: Sha256,
    verdict: Verdict,
    policy: String,
    findings: &[Finding],
    report: &Rescanned,
) -> Result<(), CliError> {
    /// What a ledger's entry takes of findings.
    const MOST_FINDINGS: usize = 300;
    let findings = findings.iter().take(MOST_FINDINGS).map(|finding| Recorded {
        id: finding.id,
        severity: finding.severity,
        at: finding.at.as_str(),
    });
    let event = RescannedEvent {
        verdict,
        policy,
        findings: findings.collect(),
        new: &report.new,
        gone: &report.gone,
    };
    data.ledger.append_about(file, RESCANNED, &event).map_err(of_ledger)?;
    Ok(())
}

fn write_rescanned(out: &mut impl Write, looked: u64, changed: &[Rescanned]) -> Result<(), CliError> {
    let mut rows = table(["model", "file", "sha256", "before", "now", "new", "gone"]);
    for file in changed {
        rows.add_row([
            file.model.clone().unwrap_or_default(),
            file.file.clone(),
            file.sha256.clone(),
            file.before.clone(),
            file.now.map_or_else(|| file.not_looked_at.clone().unwrap_or_default(), |now| now.to_string()),
            file.new.join(", "),
            file.gone.join(", "),
        ]);
    }
    if !changed.is_empty() {
        writeln!(out, "{rows}")?;
    }
    let count = changed.iter().filter(|file| file.not_looked_at.is_none()).count();
    writeln!(out, "{} looked at again, {} listed", thousands(looked), thousands(count as u64))?;
    if changed.iter().any(|file| file.now.is_some_and(Verdict::holds)) {
        writeln!(out, "`lazaret models impact SHA256` says who has a file and what to go back to")?;
    }
    Ok(())
}

fn of_ledger(error: lazaret_ledger::StoreError) -> CliError {
    crate::commands::policy::of_ledger(error)
}
