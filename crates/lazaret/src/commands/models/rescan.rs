//! `lazaret models rescan`: what is found in the files of the registry now, each under every name that it has.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lazaret_core::{
    Checkpoint, Crossing, Finding, Gate, Locator, ModelOrigin, Policy as _, RecordReport, RecordedFinding,
    Severity, Sha256, Verdict,
};
use lazaret_input::Blobs;
use lazaret_ledger::{CrossingWords, EntryWords};
use lazaret_models::{KeptFile, Terms, rule};
use serde::Serialize;

use super::beside::Beside;
use super::recall::{LastWord, RESCANNED, worst_by_rule};
use crate::admission::verdicts::Duty;
use crate::cli::ModelsRescanArgs;
use crate::commands::ingest::progress;
use crate::commands::policy::{of_ledger, question};
use crate::compose::{Crossings, Data, checkpoint_for_models};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::registry::{REGISTRY, terms};
use crate::report::{json_document, table, thousands};

/// Files of the ledger that are read at once.
const PAGE: u32 = 1_000;
/// Bytes of the names of rules that are recorded of one change; the findings tell the others.
const MOST_NAMED: usize = 8 << 10;

/// What became of one file that was looked at again under one of its names.
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
    /// The last step of the name as which it was looked at: it says nothing of the others.
    step: &'a str,
    policy: String,
    findings: Vec<RecordedFinding>,
    new: &'a [String],
    gone: &'a [String],
}

/// Looks at the files of the registry again, by the rules and policies of now.
pub(super) fn run(
    args: &ModelsRescanArgs,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let again = Again::new(data, config)?;
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
    let mut told = Told::default();
    for file in files {
        bar.inc(1);
        for step in data.ledger.reader().steps_of_file(file) {
            let step = step.map_err(of_ledger)?;
            told.add(again.look(file, &step)?, args.all);
        }
    }
    bar.finish_and_clear();
    let Told { looked, would_be_held, failed, listed } = told;
    if json {
        let document = serde_json::json!({
            "looked_at": looked, "would_be_held": would_be_held, "failed": failed, "changed": listed
        });
        json_document(out, &document)?;
    } else {
        write_rescanned(out, looked, would_be_held, &listed)?;
    }
    Ok(match (failed, would_be_held) {
        (0, 0) => Exit::Clear,
        (0, _) => Exit::Findings,
        _ => Exit::Failed,
    })
}

/// What all looks gave.
#[derive(Default)]
struct Told {
    looked: u64,
    /// Of what passed, so much would be held now.
    would_be_held: u64,
    /// So much could not be looked at.
    failed: u64,
    listed: Vec<Rescanned>,
}

impl Told {
    fn add(&mut self, look: Look, all: bool) {
        let (report, is_listed) = match look {
            Look::Gone(report) => (report, all),
            Look::Failed(report) => {
                self.failed = self.failed.saturating_add(1);
                (report, true)
            }
            Look::Looked { report, differs, passed } => {
                self.looked = self.looked.saturating_add(1);
                let holds = passed && report.now.is_some_and(Verdict::holds);
                self.would_be_held = self.would_be_held.saturating_add(u64::from(holds));
                (report, differs || all)
            }
        };
        if is_listed {
            self.listed.push(report);
        }
    }
}

/// What one look gave.
enum Look {
    /// The file is not in the registry.
    Gone(Rescanned),
    /// It could not be looked at; others can.
    Failed(Rescanned),
    /// It was looked at. `passed` tells whether the last crossing of some model let it pass, so that a verdict that holds concerns
    /// what is in use; not where an order that holds now admits it.
    Looked { report: Rescanned, differs: bool, passed: bool },
}

/// Looks again, by the rules and policies of now.
struct Again<'a> {
    data: &'a Data,
    checkpoint: Checkpoint,
    store: Arc<Blobs>,
    /// What policies are asked by is taken from the crossings that are looked at again.
    crossings: Crossings,
    policy: String,
    terms: Terms,
    duty: Duty,
}

impl<'a> Again<'a> {
    fn new(data: &'a Data, config: &Config) -> Result<Self, CliError> {
        let policy = data.policy()?;
        let version = policy.version();
        Ok(Self {
            data,
            checkpoint: checkpoint_for_models(config, policy, Duration::ZERO)?,
            store: data.model_store()?,
            crossings: Crossings::new(config, REGISTRY, None, Some("identified"), None)?
                .through(Gate::Models),
            policy: version,
            terms: terms(config)?,
            duty: Duty::new(config)?,
        })
    }

    /// Looks at a file as one whose name ends in this step, and records what differs. That a file cannot be looked at keeps
    /// nobody from the others; what cannot be recorded ends all.
    fn look(&self, file: Sha256, step: &str) -> Result<Look, CliError> {
        let mut report = Rescanned {
            sha256: file.to_string(),
            model: None,
            file: step.to_owned(),
            before: String::new(),
            now: None,
            new: Vec::new(),
            gone: Vec::new(),
            not_looked_at: None,
        };
        let (last, seen) = match self.inspect(file, step, &mut report) {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                report.not_looked_at = Some("it was held, so it is not in the registry".to_owned());
                return Ok(Look::Gone(report));
            }
            Err(_) if !self.checkpoint.ready() => {
                let why = "too many files took longer than `deadlines.record`, and are read still";
                return Err(CliError::failed("looking at models again", why));
            }
            Err(error) => {
                report.not_looked_at = Some(chain(&error));
                return Ok(Look::Failed(report));
            }
        };
        let findings = RecordedFinding::all(&seen.findings);
        let now: BTreeMap<String, Severity> =
            worst_by_rule(findings.iter().map(|finding| (finding.id.clone(), finding.severity)));
        report.new = now.keys().filter(|id| !last.rules.contains_key(*id)).cloned().collect();
        report.gone = last.rules.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
        report.now = Some(seen.verdict);
        let failed = |error| CliError::failed("the ledger could not be written", error);
        let differs =
            !report.new.is_empty() || !report.gone.is_empty() || last.verdict != seen.verdict.to_string();
        if differs {
            let event = RescannedEvent {
                verdict: seen.verdict,
                step,
                policy: self.policy.clone(),
                findings,
                new: first_of(&report.new),
                gone: first_of(&report.gone),
            };
            self.data.ledger.append_about(file, RESCANNED, &event).map_err(failed)?;
        }
        let word = LastWord { verdict: seen.verdict.to_string(), ..last };
        let reader = self.data.ledger.reader();
        let admitted = word.is_bad() && word.lets_go(reader, file).map_err(of_ledger)?;
        let went_out = reader.is_in_a_model(file, step).map_err(of_ledger)?;
        if went_out && (differs || word.is_bad()) {
            // Its owner is told, and it is left where it is. Also where nothing is new: the look that told it may have been broken
            // off before.
            let trouble = self.duty.trouble(reader, file, Some(step)).map_err(of_ledger)?;
            trouble.map_or(Ok(()), |trouble| Duty::raise(&self.data.ledger, &trouble)).map_err(failed)?;
        }
        Ok(Look::Looked { report, differs, passed: went_out && !admitted })
    }

    /// What was decided last, and what is found now. None where the file is not in the registry.
    fn inspect(
        &self,
        file: Sha256,
        step: &str,
        report: &mut Rescanned,
    ) -> Result<Option<(LastWord, RecordReport)>, CliError> {
        let ledger = self.data.ledger.reader();
        let damaged = || CliError::failed("the ledger", "an entry of the file is missing");
        let last = LastWord::under(ledger, file, step).map_err(of_ledger)?.ok_or_else(damaged)?;
        report.before.clone_from(&last.verdict);
        let entry = ledger.last_entry_of_file_named(file, step).map_err(of_ledger)?.ok_or_else(damaged)?;
        let crossing = ledger.crossing_at(entry.opened_at).map_err(of_ledger)?.ok_or_else(damaged)?;
        let name = entry.entry.file.as_ref().map_or(step, |file| &file.name).to_owned();
        report.file.clone_from(&name);
        report.model = crossing.opened.model.as_ref().map(|model| model.name.clone());
        let stored = self.store.stored(file, &name);
        let Some(stored) = stored.map_err(|error| CliError::failed("the store of models", error))? else {
            return Ok(None);
        };
        let beside = Beside::of(ledger, &crossing, &name, self.store.folder()).map_err(of_ledger)?;
        let said = of_the_crossing(&entry.entry).collect();
        let payload = KeptFile::new(stored, Arc::new(beside), said, &self.terms);
        let asked = self.asked(&crossing, &entry.entry)?;
        let mut seen = None;
        self.checkpoint
            .inspect(asked, Box::new(payload), &mut |record| seen = Some(record))
            .map_err(|stopped| CliError::failed("looking at it again", stopped))?;
        let seen = seen.ok_or_else(|| CliError::failed("looking at it again", "nothing was told of it"))?;
        Ok(Some((last, seen)))
    }

    /// The crossing as which it is looked at again: by whom, by which route and for what it came.
    fn asked(&self, crossing: &CrossingWords, entry: &EntryWords) -> Result<Crossing, CliError> {
        let asked = question(crossing, entry)?;
        let model = crossing.opened.model.clone().map(|model| ModelOrigin {
            name: model.name,
            revision: model.revision,
            datasets: model.datasets,
            code: model.code,
            run: model.run,
            ..ModelOrigin::default()
        });
        Ok(Crossing {
            actor: asked.actor,
            gate: asked.gate,
            to: asked.to,
            recipient: asked.recipient,
            route: asked.route,
            purpose: asked.purpose,
            basis: asked.basis,
            mode: asked.mode,
            model,
            ..self.crossings.next(Path::new(REGISTRY))?
        })
    }
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

/// So many of the names of rules as an entry of the ledger takes.
fn first_of(rules: &[String]) -> &[String] {
    let mut bytes = 0_usize;
    let fits = rules.iter().take_while(|rule| {
        bytes = bytes.saturating_add(rule.len());
        bytes <= MOST_NAMED
    });
    rules.get(..fits.count()).unwrap_or_default()
}

fn write_rescanned(
    out: &mut impl Write,
    looked: u64,
    would_be_held: u64,
    listed: &[Rescanned],
) -> Result<(), CliError> {
    let mut rows = table(["model", "file", "sha256", "before", "now", "new", "gone"]);
    for file in listed {
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
    if !listed.is_empty() {
        writeln!(out, "{rows}")?;
    }
    let count = listed.iter().filter(|file| file.not_looked_at.is_none()).count();
    writeln!(out, "{} looked at again, {} listed", thousands(looked), thousands(count as u64))?;
    if would_be_held > 0 {
        let would = thousands(would_be_held);
        writeln!(
            out,
            "of those that passed {would} would be held now; `lazaret models impact SHA256` says who has a file"
        )?;
    }
    Ok(())
}
