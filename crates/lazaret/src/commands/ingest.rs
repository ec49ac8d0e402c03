//! `lazaret ingest`: clinical records through the checkpoint into the lake, or only looked at.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use lazaret_core::{
    Checkpoint, Counts, Crossing, Failure, Finding, Limits, Payload, Policy as _, Receipt, Refused, Severity,
    Stopped, Verdict, Watch,
};
use lazaret_input::{FileSource, decompress};
use serde::Serialize;

use crate::cli::IngestArgs;
use crate::compose::{Crossings, Data, OpenLake, checkpoint_that_looks, policies_to_look_by};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::report::{JsonRecord, exit_of, finding_line, json_document, json_line, refusal, table, thousands};

/// Findings and verdicts of one file that are listed; all are counted.
const MAX_LISTED: usize = 10_000;

/// Runs the command.
pub(crate) fn run(
    args: &IngestArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let files = files_of(&args.paths)?;
    if files.is_empty() {
        return Err(CliError::Usage("no file under the paths given".to_owned()));
    }
    if args.check { check(args, config, &files, json, out) } else { ingest(args, config, &files, json, out) }
}

/// All files under the paths, in order. Hidden files and folders are left out; a path named outright is not.
pub(crate) fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        gather(path, &mut files)?;
    }
    Ok(files)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let unreadable = |error: std::io::Error| CliError::Usage(format!("{}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        // A link to a folder could lead round in circles; a link to a file is a file.
        let followed = !entry.file_type().map_err(unreadable)?.is_symlink() || entry.path().is_file();
        if followed && !entry.file_name().to_string_lossy().starts_with('.') {
            inside.push(entry.path());
        }
    }
    inside.sort();
    inside.iter().try_for_each(|path| gather(path, files))
}

/// What one file gave.
#[derive(Serialize)]
pub(crate) struct FileReport {
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    pub(crate) counts: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<PlacedFinding>,
    /// Why the file was stopped: nothing of it crossed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
    /// The verdict of each of the first records, by line.
    #[serde(skip)]
    pub(crate) verdicts: Vec<(Option<u64>, Verdict)>,
}

#[derive(Serialize)]
pub(crate) struct PlacedFinding {
    pub(crate) line: Option<u64>,
    #[serde(flatten)]
    pub(crate) finding: Finding,
}

/// Opens a file, unpacks it under limits, and hands it to the format that knows it.
fn open(checkpoint: &Checkpoint, path: &Path, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
    let source =
        FileSource::open(path).map_err(|error| Refused::new("input.uninspectable", error.to_string()))?;
    let (source, _) = decompress::unpack(Arc::new(source), limits)?;
    checkpoint.recognise(&source).map(|(_, payload)| payload)
}

/// The first pass: what the records say of the patients they describe.
fn survey(
    checkpoint: &Checkpoint,
    crossings: &Crossings,
    files: &[PathBuf],
    limits: &Limits,
) -> Result<(), CliError> {
    let bar = progress("learning who the records are about", files.len() as u64, false);
    for path in files {
        // A file that cannot be read is reported when it passes.
        if let Ok(payload) = open(checkpoint, path, limits) {
            let crossing = crossings.next(path)?;
            match checkpoint.survey(&crossing, payload) {
                Ok(_) => {}
                Err(Stopped { failure: Failure::Failed(cause), .. }) if cause.is::<Refused>() => {}
                Err(stopped) => return Err(CliError::failed(path.display().to_string(), stopped)),
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The policies a look decided by.
#[derive(Serialize)]
struct Policies {
    /// Their folder, or `built-in`.
    from: String,
    /// Their digest, as receipts bear it.
    version: String,
}

fn check(
    args: &IngestArgs,
    config: &Config,
    files: &[PathBuf],
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (policy, from) = policies_to_look_by(config, args.policies.as_deref())?;
    let policies = Policies { from, version: policy.version() };
    tracing::info!(from = policies.from, version = policies.version, "policies");
    let checkpoint = checkpoint_that_looks(config, args.schema.as_deref(), policy)?;
    let crossings = Crossings::new(
        config,
        "check",
        args.purpose.as_deref(),
        args.basis.as_deref(),
        args.system.as_deref(),
    )?;
    let limits = &config.limits();
    survey(&checkpoint, &crossings, files, limits)?;
    let mut all = Counts::default();
    let mut worst = None;
    let mut reports = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let mut report = FileReport::new(path);
        let mut written = Ok(());
        let crossing = crossings.next(path)?;
        let looked = open(&checkpoint, path, limits).map_err(Looked::Refused).and_then(|payload| {
            let inspected = checkpoint.inspect(crossing, payload, &mut |record| {
                worst = worst.max(record.findings.iter().map(|finding| finding.severity).max());
                if args.jsonl && written.is_ok() {
                    written = json_line(out, &JsonRecord::of(&name, &record));
                } else if !args.jsonl {
                    let line = record.place.line;
                    let room = MAX_LISTED.saturating_sub(report.findings.len());
                    let listed = record.findings.into_iter().take(room);
                    report.findings.extend(listed.map(|finding| PlacedFinding { line, finding }));
                }
            });
            inspected.map_err(Looked::of)
        });
        written?;
        match looked {
            Ok(counts) => report.counts = counts,
            Err(Looked::Refused(refused)) => {
                let finding = refusal(&refused);
                worst = worst.max(Some(finding.severity));
                if args.jsonl {
                    let phi = BTreeMap::new();
                    let findings = std::slice::from_ref(&finding);
                    let verdict = Verdict::Quarantine;
                    json_line(
                        out,
                        &JsonRecord { path: &name, line: None, format: None, verdict, phi: &phi, findings },
                    )?;
                }
                report = FileReport::refused(path, &refused);
            }
            Err(Looked::Stopped(stopped)) => return Err(CliError::failed(name, stopped)),
        }
        all.merge(&report.counts);
        if !args.jsonl {
            reports.push(report);
        }
    }
    if json {
        json_document(out, &serde_json::json!({ "files": reports, "counts": all, "policies": policies }))?;
    } else if !args.jsonl {
        write_reports(out, &reports, &all)?;
        writeln!(out, "policies: {}", policies.from)?;
    }
    Ok(exit_of(&all, worst))
}

enum Looked {
    Refused(Refused),
    Stopped(Stopped),
}

impl Looked {
    /// A payload that could not be read on is a finding of the file, not a failure of the inspection.
    fn of(stopped: Stopped) -> Self {
        match stopped.failure {
            Failure::Failed(cause) => match cause.downcast::<Refused>() {
                Ok(refused) => Self::Refused(*refused),
                Err(cause) => Self::Stopped(Stopped { failure: Failure::Failed(cause), ..stopped }),
            },
            failure => Self::Stopped(Stopped { failure, ..stopped }),
        }
    }
}

fn ingest(
    args: &IngestArgs,
    config: &Config,
    files: &[PathBuf],
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let data = Data::open(config)?;
    let folder = args.to.clone().unwrap_or_else(|| config.path("lake"));
    let lake = data.lake(&folder, args.schema.as_deref())?;
    let crossings = Crossings::new(
        config,
        lake.name(),
        args.purpose.as_deref(),
        args.basis.as_deref(),
        args.system.as_deref(),
    )?;
    let mut acknowledged = |report: &FileReport| {
        if args.jsonl {
            json_line(out, report)?;
            out.flush()?;
        }
        Ok(())
    };
    let ingested = ingest_files(&data, &lake, &crossings, args.schema.as_deref(), files, &mut acknowledged)?;
    data.close()?;
    if json {
        json_document(out, &serde_json::json!({ "files": ingested.reports, "counts": ingested.all }))?;
    } else if !args.jsonl {
        write_reports(out, &ingested.reports, &ingested.all)?;
    }
    Ok(ingested.exit())
}

/// What a run over many files gave.
pub(crate) struct Ingested {
    pub(crate) reports: Vec<FileReport>,
    pub(crate) all: Counts,
    worst: Option<Severity>,
}

impl Ingested {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        let stopped = self.reports.iter().any(|report| report.stopped.is_some());
        if stopped { Exit::Failed } else { exit_of(&self.all, self.worst) }
    }
}

/// The road of every file: a first pass over all of them, then each is a crossing of its own, told when it ended.
pub(crate) fn ingest_files(
    data: &Data,
    lake: &OpenLake,
    crossings: &Crossings,
    schema: Option<&Path>,
    files: &[PathBuf],
    ended: &mut dyn FnMut(&FileReport) -> Result<(), CliError>,
) -> Result<Ingested, CliError> {
    let checkpoint = data.checkpoint(schema)?;
    let limits = &data.limits();
    survey(&checkpoint, crossings, files, limits)?;
    let mut ingested = Ingested { reports: Vec::new(), all: Counts::default(), worst: None };
    for path in files {
        let crossing = crossings.next(path)?;
        let to = lake.passage(crossing.id);
        let (report, worst) = match open(&checkpoint, path, limits) {
            Ok(payload) => pass(&checkpoint, crossing, payload, to, path),
            Err(refused) => (not_opened(&checkpoint, crossing, path, &refused)?, Some(Severity::High)),
        };
        ingested.worst = ingested.worst.max(worst);
        ingested.all.merge(&report.counts);
        ended(&report)?;
        ingested.reports.push(report);
    }
    Ok(ingested)
}

/// A file that no format could open did come: that is recorded, as a crossing that was cut.
fn not_opened(
    checkpoint: &Checkpoint,
    crossing: Crossing,
    path: &Path,
    refused: &Refused,
) -> Result<FileReport, CliError> {
    let failed = |stopped| CliError::failed(path.display().to_string(), stopped);
    let mut report = FileReport::refused(path, refused);
    report.receipt = Some(crossing.id.to_string());
    // If the cut cannot be recorded now, the next start does.
    let _cut = checkpoint
        .open(crossing)
        .map_err(failed)?
        .cut(&format!("the source was not opened: {}", refused.rule));
    Ok(report)
}

impl FileReport {
    /// Of a file of which nothing is known yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.display().to_string(),
            receipt: None,
            counts: Counts::default(),
            findings: Vec::new(),
            stopped: None,
            verdicts: Vec::new(),
        }
    }

    /// A file no format could open, or that could not be read to its end: held whole where it lies.
    fn refused(path: &Path, refused: &Refused) -> Self {
        let mut report = Self::new(path);
        report.counts.records = 1;
        report.counts.verdicts.insert(Verdict::Quarantine, 1);
        report.findings.push(PlacedFinding { line: None, finding: refusal(refused) });
        report.verdicts.push((None, Verdict::Quarantine));
        report
    }
}

fn pass(
    checkpoint: &Checkpoint,
    crossing: Crossing,
    payload: Box<dyn Payload>,
    to: Box<dyn lazaret_core::Destination>,
    path: &Path,
) -> (FileReport, Option<Severity>) {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let bar = progress(&path.display().to_string(), length, true);
    let mut worst = None;
    let mut report = FileReport::new(path);
    let receipt = crossing.id.to_string();
    let passed: Result<Receipt, Stopped> = checkpoint.pass(crossing, payload, to, &mut |seen| match seen {
        Watch::Position(position) => bar.set_position(position),
        Watch::Record(judgement) => {
            worst = worst.max(judgement.findings.iter().map(|finding| finding.severity).max());
            let line = judgement.entry.line;
            if report.verdicts.len() < MAX_LISTED {
                report.verdicts.push((line, judgement.entry.verdict));
            }
            let room = MAX_LISTED.saturating_sub(report.findings.len());
            let listed = judgement.findings.iter().take(room).cloned();
            report.findings.extend(listed.map(|finding| PlacedFinding { line, finding }));
        }
    });
    bar.finish_and_clear();
    match passed {
        Ok(receipt) => {
            report.receipt = Some(receipt.opened.crossing.to_string());
            report.counts = receipt.sealed.seal.counts;
            (report, worst)
        }
        Err(stopped) => match Looked::of(stopped) {
            Looked::Refused(refused) => {
                report = FileReport::refused(path, &refused);
                report.receipt = Some(receipt);
                (report, Some(Severity::High))
            }
            Looked::Stopped(stopped) => {
                report.receipt = Some(stopped.crossing.to_string());
                report.stopped = Some(chain(&stopped));
                (report, worst)
            }
        },
    }
}

fn write_reports(out: &mut impl Write, reports: &[FileReport], all: &Counts) -> Result<(), CliError> {
    for report in reports {
        for placed in report.findings.iter().filter(|placed| placed.finding.severity >= Severity::Medium) {
            writeln!(out, "{}", finding_line(&report.path, placed.line, &placed.finding))?;
        }
        if let Some(why) = &report.stopped {
            writeln!(out, "{}: stopped: {why}", report.path)?;
        }
    }
    let mut rows = table(["file", "records", "cleared", "held", "again", "receipt"]);
    for report in reports {
        let held = report.counts.held();
        rows.add_row([
            report.path.clone(),
            thousands(report.counts.records),
            thousands(report.counts.records.saturating_sub(held).saturating_sub(report.counts.again)),
            thousands(held),
            thousands(report.counts.again),
            report.receipt.clone().unwrap_or_default(),
        ]);
    }
    writeln!(out, "{rows}")?;
    let mut rows = table(["identifier", "found"]);
    for (label, count) in &all.phi {
        rows.add_row([label.clone(), thousands(*count)]);
    }
    if !all.phi.is_empty() {
        writeln!(out, "\n{rows}")?;
    }
    writeln!(
        out,
        "\n{} records: {} held, {} had crossed before",
        thousands(all.records),
        thousands(all.held()),
        thousands(all.again)
    )?;
    Ok(())
}

/// A bar on stderr, only on a terminal.
pub(crate) fn progress(what: &str, length: u64, bytes: bool) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = if bytes {
        "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{msg} {wide_bar} {pos}/{len}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_message(what.to_owned())
}
