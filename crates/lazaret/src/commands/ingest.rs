//! `lazaret ingest`: clinical records through the checkpoint into the lake, or only looked at.

mod refused;
mod report;

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use lazaret_core::{
    Checkpoint, Counts, Crossing, CrossingId, Failure, Limits, Payload, Policy as _, Receipt, Refused,
    Severity, Stopped, Watch,
};
use lazaret_input::{FileSource, decompress};
use serde::Serialize;

use crate::cli::IngestArgs;
use crate::compose::{Crossings, Data, OpenLake, Told, checkpoint_that_looks, policies_to_look_by};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::report::{JsonRecord, exit_of, json_document, json_line, refusal};

use self::refused::{keep, would_be_kept};
use self::report::write_reports;
pub(crate) use self::report::{FileReport, PlacedFinding};

/// Findings and verdicts of one file that are listed; all are counted.
const MAX_LISTED: usize = 10_000;

const WOULD_BE_HELD: &str = "what is held would wait in the quarantine: mend it at its source, or change the policy \
     that holds it (`lazaret explain RULE` says what a rule means)";
const ARE_HELD: &str = "what is held waits in the quarantine: `lazaret quarantine list` shows it; mend it at its source \
     and ingest it again, or release or reject it there";

/// How often the vault is told, between files, how far the ledger is signed.
const REMEMBER_EVERY: Duration = Duration::from_secs(5);

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
        // A link to a folder could lead round in circles; a link to a file is a file.
        gather(path, &mut files, &|path, is_link| {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            (!is_link || path.is_file()) && !hidden
        })?;
    }
    Ok(files)
}

/// The files under a path, in order. What is in a folder is asked for: its path, and whether it is a link. A link that is
/// kept is a file; no link is followed into a folder.
pub(crate) fn gather(
    path: &Path,
    files: &mut Vec<PathBuf>,
    keeps: &dyn Fn(&Path, bool) -> bool,
) -> Result<(), CliError> {
    let unreadable = |error: std::io::Error| CliError::Usage(format!("{}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_link = entry.file_type().map_err(unreadable)?.is_symlink();
        if keeps(&entry.path(), is_link) {
            inside.push((entry.path(), is_link));
        }
    }
    inside.sort();
    for (path, is_link) in inside {
        if is_link {
            files.push(path);
        } else {
            gather(&path, files, keeps)?;
        }
    }
    Ok(())
}

/// Opens a file and hands what is in it to the format that knows it. Here alone is anything unpacked, under limits
/// and as it is read: no format sees a compressed byte.
fn open(checkpoint: &Checkpoint, path: &Path, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
    let source =
        FileSource::open(path).map_err(|error| Refused::new("input.uninspectable", error.to_string()))?;
    let (source, _) = decompress::unpack(Arc::new(source), limits)?;
    checkpoint.recognise(&source).map(|(_, payload)| payload)
}

/// The first pass, over every file to its end: what the records say of the patients they describe, and whether the
/// file can be read whole, so that bombs and damage are known before anything of it crosses.
fn survey(
    checkpoint: &Checkpoint,
    crossings: &Crossings,
    files: &[PathBuf],
    limits: &Limits,
) -> Result<Vec<Result<(), Refused>>, CliError> {
    let bar = progress("learning who the records are about", files.len() as u64, false);
    let mut surveyed = Vec::with_capacity(files.len());
    for path in files {
        let read = match open(checkpoint, path, limits) {
            Ok(payload) => match checkpoint.survey(&crossings.next(path)?, payload).map_err(Looked::of) {
                Ok(_) => Ok(()),
                Err(Looked::Refused(refused)) => Err(refused),
                Err(Looked::Stopped(stopped)) => {
                    return Err(CliError::failed(path.display().to_string(), stopped));
                }
            },
            Err(refused) => Err(refused),
        };
        surveyed.push(read);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(surveyed)
}

fn told(args: &IngestArgs) -> Told<'_> {
    Told {
        schema: args.schema.as_deref(),
        subject: args.subject.as_deref(),
        charset: args.charset.as_deref(),
    }
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
    let whys = report::whys(&policy);
    let checkpoint = checkpoint_that_looks(config, told(args), policy)?;
    let crossings = Crossings::new(
        config,
        "check",
        args.purpose.as_deref(),
        args.basis.as_deref(),
        args.system.as_deref(),
    )?;
    let limits = &config.limits();
    let surveyed = survey(&checkpoint, &crossings, files, limits)?;
    let mut all = Counts::default();
    let mut worst = None;
    let mut reports = Vec::new();
    for (path, read) in files.iter().zip(surveyed) {
        let name = path.display().to_string();
        let mut report = FileReport::new(path);
        let mut written = Ok(());
        let crossing = crossings.next(path)?;
        let opened = read.and_then(|()| open(&checkpoint, path, limits)).map_err(Looked::Refused);
        let looked = opened.and_then(|payload| {
            let inspected = checkpoint.inspect(crossing, payload, &mut |record| {
                worst = worst.max(record.findings.iter().map(|finding| finding.severity).max());
                if args.jsonl && written.is_ok() {
                    written = json_line(out, &JsonRecord::of(&name, &record));
                } else if !args.jsonl {
                    let line = record.place.line;
                    report.explain(line, record.verdict, &record.policies, &record.findings);
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
                report = would_be_kept(path, &refused, limits);
                worst = worst.max(Some(Severity::High));
                if args.jsonl {
                    json_line(
                        out,
                        &JsonRecord::of_refused(&name, &refusal(&refused), report.refused.as_deref()),
                    )?;
                }
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
        write_reports(out, &reports, &all, &whys, WOULD_BE_HELD)?;
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
    let lake = data.lake(&folder, args.name.as_deref(), args.schema.as_deref())?;
    let crossings = Crossings::new(
        config,
        lake.name(),
        args.purpose.as_deref(),
        args.basis.as_deref(),
        args.system.as_deref(),
    )?
    .into_lake(&lake);
    let whys = report::whys(&data.policy()?);
    let mut acknowledged = |report: &FileReport| {
        if args.jsonl {
            json_line(out, report)?;
            out.flush()?;
        }
        Ok(())
    };
    let ingested = ingest_files(&data, &lake, &crossings, told(args), files, &mut acknowledged)?;
    data.close()?;
    if json {
        json_document(out, &serde_json::json!({ "files": ingested.reports, "counts": ingested.all }))?;
    } else if !args.jsonl {
        write_reports(out, &ingested.reports, &ingested.all, &whys, ARE_HELD)?;
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
    told: Told<'_>,
    files: &[PathBuf],
    ended: &mut dyn FnMut(&FileReport) -> Result<(), CliError>,
) -> Result<Ingested, CliError> {
    let checkpoint = data.checkpoint(told)?;
    let limits = &data.limits();
    let surveyed = survey(&checkpoint, crossings, files, limits)?;
    let mut remembered = Instant::now();
    let mut ingested = Ingested { reports: Vec::new(), all: Counts::default(), worst: None };
    let mut cut = Vec::new();
    for (path, read) in files.iter().zip(surveyed) {
        let passed = read.and_then(|()| open(&checkpoint, path, limits)).map(|payload| {
            let crossing = crossings.next(path)?;
            let to = lake.passage(crossing.id);
            Ok::<_, CliError>(pass(&checkpoint, crossing, payload, to, path))
        });
        let passed = match passed {
            Ok(passed) => passed?,
            Err(refused) => Passed::Refused(refused, None),
        };
        let (report, worst) = match passed {
            Passed::Whole(report, worst) => (*report, worst),
            Passed::Refused(refused, before) => {
                cut.extend(before);
                let report = keep(&checkpoint, crossings.next(path)?, path, &refused, limits)?;
                (report, Some(Severity::High))
            }
        };
        ingested.worst = ingested.worst.max(worst);
        ingested.all.merge(&report.counts);
        if remembered.elapsed() >= REMEMBER_EVERY {
            data.remember()?;
            remembered = Instant::now();
        }
        ended(&report)?;
        ingested.reports.push(report);
    }
    // Only now: what was judged ahead of the cut is held by then.
    for crossing in cut {
        data.vault.mark_cut(crossing).map_err(CliError::vault)?;
    }
    Ok(ingested)
}

/// What became of a file that was opened.
enum Passed {
    Whole(Box<FileReport>, Option<Severity>),
    /// It could not be read to its end. Where a crossing had begun, that one is cut.
    Refused(Refused, Option<CrossingId>),
}

fn pass(
    checkpoint: &Checkpoint,
    crossing: Crossing,
    payload: Box<dyn Payload>,
    to: Box<dyn lazaret_core::Destination>,
    path: &Path,
) -> Passed {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let bar = progress(&path.display().to_string(), length, true);
    let mut worst = None;
    let mut report = FileReport::new(path);
    let id = crossing.id;
    let passed: Result<Receipt, Stopped> = checkpoint.pass(crossing, payload, to, &mut |seen| match seen {
        Watch::Position(position) => bar.set_position(position),
        Watch::Record(judgement) => {
            worst = worst.max(judgement.findings.iter().map(|finding| finding.severity).max());
            let line = judgement.entry.line;
            report.explain(line, judgement.entry.verdict, &judgement.entry.policies, judgement.findings);
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
        }
        Err(stopped) => match Looked::of(stopped) {
            // It was read whole before, so it changed since; or too many of its records are held.
            Looked::Refused(refused) => return Passed::Refused(refused, Some(id)),
            Looked::Stopped(stopped) => {
                report.receipt = Some(stopped.crossing.to_string());
                report.stopped = Some(chain(&stopped));
            }
        },
    }
    Passed::Whole(Box::new(report), worst)
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
