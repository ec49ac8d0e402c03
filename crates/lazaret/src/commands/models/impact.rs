//! `lazaret models impact`: what a file of the registry touches, and what to go back to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use lazaret_core::{Clock as _, CrossingId, Sha256, SystemClock, Timestamp, Verdict};
use lazaret_ledger::{
    AboutFile, BomError, CrossingWords, EntryWords, FileCrossing, LedgerReader, NameOfFile, UseOfFile,
    model_view,
};
use serde::Serialize;

use super::recall::{DELIVERED, LastWord, PULLED, SENT};
use super::runs::{Run, Runs};
use super::standing::{Stands, standing};
use crate::admission::recorded::{ENDED, RUNS};
use crate::admission::verdicts::ALERT;
use crate::cli::ModelsImpactArgs;
use crate::commands::policy::of_ledger;
use crate::compose::Reading;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::{json_document, table, thousands};

/// Names of a file, and who has it, that are listed: those of last.
const MOST_LISTED: u32 = 10_000;
/// Events about a file, or crossings of a model, that are read at once.
const PAGE: u32 = 1_000;
/// Versions of a model that are looked at for one to go back to: those before the file came.
const MOST_VERSIONS: usize = 100;
/// Most crossings of a version, and most files, that are read: of a larger one nobody knows whether all of it is cleared.
const MOST_OF_VERSION: (u64, usize) = (100_000, 100_000);

/// Everything a file touches.
#[derive(Debug, Serialize)]
struct Impact {
    sha256: String,
    /// The verdict of the last look at it; where it has several names, the worst.
    verdict: String,
    /// Whether that lets it leave the registry now: not where it is held, or passed by an admission that is over.
    lets_go: bool,
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
    /// The version to go back to, for each model that has one: the last that came before this, with every file cleared.
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
    /// Its newest receipt, and when it came.
    receipt: String,
    when: String,
    /// All files of it.
    files: Vec<BackTo>,
}

#[derive(Debug, Serialize)]
struct BackTo {
    file: String,
    sha256: String,
}

/// Says what a file touches.
pub(super) fn run(
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
    Ok(if bad || !impact.lets_go { Exit::Findings } else { Exit::Clear })
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
    let lets_go = last.as_ref().map_or(Ok(false), |last| last.lets_go(ledger, file)).map_err(of_ledger)?;
    let (runs, runs_left_out) = runs.list();
    let roll_back = roll_back(ledger, file, &names.list)?;
    let models = names.list.iter().rev().map(in_model).collect();
    Ok(Some(Impact {
        sha256: file.to_string(),
        verdict: last.map_or_else(|| "not seen".to_owned(), |last| last.verdict),
        lets_go,
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

/// For each model of the file: its last version before this file came first of which every file is cleared now.
fn roll_back(ledger: &LedgerReader, file: Sha256, names: &[NameOfFile]) -> Result<Vec<RollBack>, CliError> {
    let mut first: BTreeMap<&str, u64> = BTreeMap::new();
    for NameOfFile { first: at, last, .. } in names {
        let Some(model) = &last.crossing.opened.model else { continue };
        let known = first.entry(&model.name).or_insert(*at);
        *known = (*known).min(*at);
    }
    let back =
        first.into_iter().filter_map(|(model, before)| good_before(ledger, model, before, file).transpose());
    back.collect()
}

/// The last version of a model that came before an index, has not this file, and is good now as a whole: nothing of it is held
/// or was found bad since, and no person has turned any of it down. A version is a revision; of crossings that named none, each
/// is one.
fn good_before(
    ledger: &LedgerReader,
    model: &str,
    first: u64,
    not: Sha256,
) -> Result<Option<RollBack>, CliError> {
    let now = SystemClock.now();
    let (mut seen, mut looked, mut before) = (BTreeSet::new(), 0_usize, Some(first));
    loop {
        let page = ledger.crossings_of_model(model, before, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { return Ok(None) };
        before = Some(last.opened_at);
        for crossing in page {
            let revision = crossing.opened.model.as_ref().and_then(|model| model.revision.clone());
            if revision.as_ref().is_some_and(|revision| !seen.insert(revision.clone())) {
                continue;
            }
            looked = looked.saturating_add(1);
            if looked > MOST_VERSIONS {
                return Ok(None);
            }
            let entries = match &revision {
                Some(revision) => entries_of_revision(ledger, model, revision)?,
                None => entries_of_crossing(ledger, &crossing)?,
            };
            let files = entries.iter().map(|entry| good(ledger, entry, not, now).transpose());
            let files = files.collect::<Option<Result<Vec<BackTo>, CliError>>>().transpose()?;
            if let Some(files) = files.filter(|files| !files.is_empty()) {
                let (receipt, when) = (crossing.opened.crossing, crossing.opened.started);
                return Ok(Some(RollBack { model: model.to_owned(), revision, receipt, when, files }));
            }
        }
    }
}

/// What happened last to each file of a revision; nothing of one that is too large to be known whole.
fn entries_of_revision(
    ledger: &LedgerReader,
    model: &str,
    revision: &str,
) -> Result<Vec<EntryWords>, CliError> {
    let view = model_view(ledger, model, Some(revision), MOST_OF_VERSION).map_err(|error| match error {
        BomError::Store(error) => of_ledger(error),
        error => CliError::failed("the model", error),
    })?;
    let whole = view.filter(|view| view.complete).into_iter();
    Ok(whole
        .flat_map(|view| view.files.into_values().chain(view.held.into_values()))
        .map(|file| file.entry)
        .collect())
}

/// What happened to each file of a crossing; nothing of one that did not come to its end.
fn entries_of_crossing(ledger: &LedgerReader, crossing: &CrossingWords) -> Result<Vec<EntryWords>, CliError> {
    let is_whole = crossing.sealed.as_ref().is_some_and(|sealed| sealed.seal.ending == "complete");
    let Some(id) = CrossingId::parse(&crossing.opened.crossing).filter(|_| is_whole) else {
        return Ok(Vec::new());
    };
    let (mut all, mut from) = (Vec::new(), 0);
    loop {
        let page = ledger.entries(id, from, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { return Ok(all) };
        from = last.record.saturating_add(1);
        all.extend(page);
    }
}

/// A file that one may go back to: another than this, that crossed, and nobody found bad or turned down since.
fn good(
    ledger: &LedgerReader,
    entry: &EntryWords,
    not: Sha256,
    now: Timestamp,
) -> Result<Option<BackTo>, CliError> {
    let named = entry.file.as_ref().filter(|_| entry.held.is_none());
    let Some((words, file)) = named.and_then(|words| Some((words, Sha256::parse(&words.sha256)?))) else {
        return Ok(None);
    };
    let stands = standing(ledger, file, Some(&words.name), now).map_err(of_ledger)?;
    let stands = stands.map(|standing| standing.stands);
    let word = ledger.last_word(file).map_err(of_ledger)?.map(|(_, _, order)| order.what);
    let is_turned_down = matches!(word.as_deref(), Some("refuse-model" | "revoke-model"));
    let is_good =
        file != not && matches!(stands, Some(Stands::Cleared | Stands::Admitted)) && !is_turned_down;
    Ok(is_good.then(|| BackTo { file: words.name.clone(), sha256: words.sha256.clone() }))
}

fn write_impact(out: &mut impl Write, impact: &Impact) -> Result<(), CliError> {
    // It was let through by an order, then.
    let is_over = !impact.lets_go && Verdict::parse(&impact.verdict).is_some_and(|verdict| !verdict.holds());
    let over = if is_over { ", by an admission that is over" } else { "" };
    writeln!(out, "sha256   {}\nverdict  {}{over}", impact.sha256, impact.verdict)?;
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
    write_orders(out, &impact.orders)?;
    for back in &impact.roll_back {
        let revision = back.revision.as_ref().map(|revision| format!(" {revision}")).unwrap_or_default();
        writeln!(
            out,
            "\nroll back to  {}{revision}, of {}, receipt {}",
            back.model, back.when, back.receipt
        )?;
        for BackTo { file, sha256 } in &back.files {
            writeln!(out, "  {sha256}  {file}")?;
        }
    }
    Ok(())
}

/// Who asked for it, admitted it or turned it down.
fn write_orders(out: &mut impl Write, orders: &[AboutFile]) -> Result<(), CliError> {
    for about in orders {
        let AboutFile::Order { when, order, .. } = about else { continue };
        let second = order.second.as_ref().map(|second| format!(" and {second}")).unwrap_or_default();
        let until = order.until.as_ref().map(|until| format!(" until {}", until.get(..10).unwrap_or(until)));
        let (what, by, until) = (&order.what, &order.by, until.unwrap_or_default());
        writeln!(out, "\norder  {when}: {what} by {by}{second}{until}: {}", order.reason)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::Ordered;
    use lazaret_ledger::SqliteLedger;

    use super::*;
    use crate::commands::models::recall::RESCANNED;
    use crate::server::tests::models::{Crosses, SCALER, order, pass, sha256};
    use crate::server::tests::vault;

    #[test]
    fn a_model_as_which_a_file_was_only_given_out_is_one_of_its_models() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let first = Crosses { model: "hosp/r1", file: "m.bin", kept: false, ..SCALER };
        pass(&ledger, &vault, folder.path(), &first);
        for model in ["hosp/r1", "hosp/r2", "hosp/r2"] {
            let given = serde_json::json!({ "by": "ci", "model": model, "revision": "1", "file": "m.bin" });
            ledger.append_about(sha256(first.bytes), PULLED, &given).unwrap();
        }
        let impact = impact_of(ledger.reader(), sha256(first.bytes)).unwrap().unwrap();
        let models: Vec<_> = impact.models.iter().map(|one| (one.model.as_str(), one.times)).collect();
        assert_eq!(models, [("hosp/r1", 1), ("hosp/r2", 2)]);
        assert!(impact.models.iter().all(|one| one.receipt == impact.models[0].receipt));
        ledger.close().unwrap();
    }

    #[test]
    fn nobody_is_sent_back_to_what_was_found_bad_or_turned_down_since() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        for (revision, bytes, held) in
            [("1", &b"first"[..], None), ("2", b"second", None), ("3", b"third", Some("m@1"))]
        {
            let crosses =
                Crosses { file: "m.pt", revision: Some(revision), bytes, held, kept: false, ..SCALER };
            pass(&ledger, &vault, folder.path(), &crosses);
        }
        let back = || {
            let impact = impact_of(ledger.reader(), sha256(b"third")).unwrap().unwrap();
            impact.roll_back.iter().map(|back| back.revision.clone().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(back(), ["2"]);
        let look = |bytes: &[u8], verdict: &str, step: &str| {
            let event = serde_json::json!({ "verdict": verdict, "step": step });
            ledger.append_about(sha256(bytes), RESCANNED, &event).unwrap();
        };
        look(b"second", "block", "other.pt");
        assert_eq!(back(), ["2"], "under this name it is as it was");
        look(b"second", "block", "m.pt");
        assert_eq!(back(), ["1"]);
        order(&ledger, sha256(b"first"), Ordered::RefuseModel, None);
        assert_eq!(back(), Vec::<String>::new());
        look(b"second", "allow", "m.pt");
        assert_eq!(back(), ["2"]);
        ledger.close().unwrap();
    }

    /// The file that is bad need not have been in the version before under its name, and a version with anything bad is none.
    #[test]
    fn the_way_back_is_a_version_of_the_same_model_that_is_cleared_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let one = Crosses {
            model: "other",
            revision: Some("9"),
            file: "a.pt",
            bytes: b"first",
            kept: false,
            ..SCALER
        };
        pass(&ledger, &vault, folder.path(), &one);
        for (revision, file, bytes, held) in [
            (Some("1"), "a.pt", &b"first"[..], None),
            (Some("1"), "b.pt", b"second", None),
            (Some("2"), "a.pt", b"first", None),
            (Some("2"), "b.pt", b"worse", Some("m@1")),
            (None, "c.pt", b"bad", Some("m@1")),
        ] {
            let crosses = Crosses { model: "m", revision, file, bytes, held, ..one };
            pass(&ledger, &vault, folder.path(), &crosses);
        }
        let impact = impact_of(ledger.reader(), sha256(b"bad")).unwrap().unwrap();
        let [back] = impact.roll_back.as_slice() else { panic!("{:?}", impact.roll_back) };
        assert_eq!((back.model.as_str(), back.revision.as_deref()), ("m", Some("1")));
        let files: Vec<&str> = back.files.iter().map(|back| back.file.as_str()).collect();
        assert_eq!(files, ["a.pt", "b.pt"]);
        let crossings = ledger.reader().crossings_of_model("m", None, 10).unwrap();
        let is_own = crossings.iter().any(|crossing| crossing.opened.crossing == back.receipt);
        assert!(is_own, "the receipt is of that model");
        order(&ledger, sha256(b"first"), Ordered::RequestModel, None);
        let mut out = Vec::new();
        write_impact(&mut out, &impact_of(ledger.reader(), sha256(b"first")).unwrap().unwrap()).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("request-model by "));
        ledger.close().unwrap();
    }
}
