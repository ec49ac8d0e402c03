//! `lazaret models`: what loading model files would do, and who vouches for them.

mod beside;
mod bom;
mod dry_run;
mod impact;
pub(crate) mod lying;
pub(crate) mod pass;
mod pkcs11;
mod pkcs11_uri;
pub(crate) mod queue;
pub(crate) mod recall;
mod rescan;
mod rules;
mod runs;
mod sarif;
mod show;
mod sign;
mod signer;
pub(crate) mod standing;
mod verify;
pub(crate) mod watch;

pub(super) use signer::public_of;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lazaret_core::{Finding, FormatId, Gate, Ordered, Policy as _, Severity, Verdict};
use lazaret_models::vulnerabilities::Match;
use lazaret_models::{Component, Inspected, ModelFiles, Statistics, Terms};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{ModelsCommand, ModelsScanArgs};
use crate::commands::ingest::{gather, progress};
use crate::compose::{Crossings, Data, checkpoint_for_models, policies_to_look_by};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::{exit_of, json_document, json_line, table, thousands};
use crate::vulnerabilities::against;
use crate::{orders, own_rules};

/// Runs the command.
pub(crate) fn run(
    command: &ModelsCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        ModelsCommand::Scan(args) => scan(args, config, json, out),
        ModelsCommand::Pass(args) => pass::run(args, config, json, out),
        ModelsCommand::Watch(args) => watch::run(args, config, json, out),
        ModelsCommand::DryRun => dry_run::run(config, json, out),
        ModelsCommand::Requests(args) => queue::requests(args, config, json, out),
        ModelsCommand::Impact(args) => impact::run(args, config, json, out),
        ModelsCommand::Bom(args) => bom::run(args, config, json, out),
        ModelsCommand::Show(args) => show::run(args, config, json, out),
        ModelsCommand::Formats => formats(json, out),
        ModelsCommand::Rules(command) => rules::run(command, config, json, out),
        ModelsCommand::Sign(args) => sign::run(args, config, json, out),
        ModelsCommand::Verify(args) => verify::run(args, config, json, out),
        ModelsCommand::Request(_)
        | ModelsCommand::Admit(_)
        | ModelsCommand::Refuse(_)
        | ModelsCommand::Revoke(_)
        | ModelsCommand::Rescan(_) => {
            if let Some(exit) = orders::hand_over_typed(config, &[], out)? {
                return Ok(exit);
            }
            let data = Data::open(config)?;
            let exit = carry_out(command, &data, config, json, out)?;
            data.close()?;
            Ok(exit)
        }
    }
}

/// Orders about models that are held or in the registry, over data that is open for writing: here, or in a server that has it.
pub(crate) fn carry_out(
    command: &ModelsCommand,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (args, what) = match command {
        ModelsCommand::Request(args) => (args, Ordered::RequestModel),
        ModelsCommand::Refuse(args) => (args, Ordered::RefuseModel),
        ModelsCommand::Revoke(args) => (args, Ordered::RevokeModel),
        ModelsCommand::Admit(args) => return queue::admit(args, data, config, json, out),
        ModelsCommand::Rescan(args) => return rescan::run(args, data, config, json, out),
        _ => return Err(CliError::Usage("a server takes no such order".to_owned())),
    };
    queue::order(args, what, data, config, json, out)
}

fn formats(json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let formats = lazaret_models::formats();
    if json {
        let list: Vec<_> = formats
            .iter()
            .map(|format| serde_json::json!({ "id": format.id, "read": format.depth.name(), "about": format.about }))
            .collect();
        json_document(out, &list)?;
        return Ok(Exit::Clear);
    }
    let mut rows = table(["format", "how far", "what it is"]);
    for format in formats {
        rows.add_row([format.id.0, format.depth.name(), format.about]);
    }
    writeln!(out, "{rows}")?;
    Ok(Exit::Clear)
}

/// What is said of one file.
#[derive(Serialize)]
struct FileReport {
    path: String,
    /// Where it lies, as the paths given name it.
    #[serde(skip)]
    lies: PathBuf,
    format: FormatId,
    inspected: Inspected,
    verdict: Verdict,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// What `--json` adds: the packages that the file names, and their known faults. The lines of `--jsonl` stay as they are.
    #[serde(skip)]
    components: Vec<Component>,
    #[serde(skip)]
    vulnerabilities: Vec<Match>,
}

impl FileReport {
    /// With all that is known of it.
    fn document(&self) -> Result<Value, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        if let Some(fields) = document.as_object_mut() {
            fields.insert("components".to_owned(), serde_json::to_value(&self.components)?);
            fields.insert("vulnerabilities".to_owned(), serde_json::to_value(&self.vulnerabilities)?);
        }
        Ok(document)
    }
}

fn scan(args: &ModelsScanArgs, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let files = files_of(&args.paths)?;
    if files.is_empty() {
        return Err(CliError::Usage("no file under the paths given".to_owned()));
    }
    let (policy, from) = policies_to_look_by(config, args.policies.as_deref())?;
    let version = policy.version();
    let (own, own_from) = own_rules::in_force(config, args.rules.as_deref())?;
    let own = Arc::new(own);
    let statistics = args.weights.map_or(Statistics::Off, Statistics::from);
    let checkpoint = checkpoint_for_models(
        config,
        policy,
        time_for(args.sha256 || statistics != Statistics::Off, &files),
    )?;
    let crossings = Crossings::new(config, "check", None, Some("identified"), None)?.through(Gate::Models);
    let against = args.vulnerabilities.as_ref().map(|named| against(config, Some(named))).transpose()?;
    let terms = Terms { own: Arc::clone(&own), against, statistics, digest: args.sha256, ..Terms::default() };
    let (payload, seen) =
        ModelFiles::new(files.iter().map(|file| file.path.clone()).collect(), &terms, &config.limits());
    let bar = progress("looking at model files", files.len() as u64, false);
    let mut reports = Vec::new();
    let mut written = Ok(());
    let mut tally = Tally::default();
    let first = args.paths.first().map_or(Path::new(""), PathBuf::as_path);
    let counts = checkpoint.inspect(crossings.next(first)?, Box::new(payload), &mut |record| {
        bar.inc(1);
        let place = usize::try_from(record.place.number).unwrap_or(usize::MAX);
        let (Some(file), Some(seen)) = (files.get(place), seen.get(place)) else { return };
        let (format, inspected) = seen.is();
        let report = FileReport {
            path: file.shown.clone(),
            lies: file.path.clone(),
            format,
            inspected,
            verdict: record.verdict,
            findings: record.findings,
            sha256: seen.sha256().map(str::to_owned),
            components: if json { seen.components().to_vec() } else { Vec::new() },
            vulnerabilities: seen.vulnerabilities().to_vec(),
        };
        tally.add(&report);
        if args.jsonl {
            if written.is_ok() {
                written = json_line(out, &report);
            }
        } else {
            reports.push(report);
        }
    });
    bar.finish_and_clear();
    written?;
    let counts = counts.map_err(|stopped| CliError::failed("looking at model files", stopped))?;
    if args.sarif {
        sarif::write(out, &reports, &own)?;
    } else if json {
        let policies = serde_json::json!({ "from": from, "version": version });
        let rules = own_from.map(|from| serde_json::json!({ "from": from, "sha256": own.sha256() }));
        let documents: Result<Vec<Value>, _> = reports.iter().map(FileReport::document).collect();
        let reports = documents.map_err(|error| CliError::failed("the report", error))?;
        let all =
            serde_json::json!({ "files": reports, "counts": tally, "policies": policies, "rules": rules });
        json_document(out, &all)?;
    } else if !args.jsonl {
        write_reports(out, &reports, &tally)?;
        writeln!(out, "policies: {from}")?;
        if let Some(file) = own_from {
            writeln!(out, "rules: {} (sha256 {})", file.display(), own.sha256().unwrap_or_default())?;
        }
    }
    Ok(exit_of(&counts, tally.worst))
}

/// How much longer than a record's deadline a file may take where every byte is read: as long as the slowest disk needs.
fn time_for(whole: bool, files: &[Found]) -> Duration {
    const BYTES_A_SECOND: u64 = 20_000_000;
    if !whole {
        return Duration::ZERO;
    }
    let lengths = files.iter().filter_map(|file| std::fs::metadata(&file.path).ok());
    Duration::from_secs(lengths.map(|about| about.len()).max().unwrap_or(0) / BYTES_A_SECOND)
}

/// How the files fared.
#[derive(Default, Serialize)]
struct Tally {
    files: u64,
    verdicts: BTreeMap<String, u64>,
    /// Files of which a part, or all, was not read: never counted as clear.
    not_inspected_whole: u64,
    #[serde(skip)]
    worst: Option<Severity>,
}

impl Tally {
    fn add(&mut self, report: &FileReport) {
        self.files = self.files.saturating_add(1);
        let verdict = self.verdicts.entry(report.verdict.to_string()).or_default();
        *verdict = verdict.saturating_add(1);
        let not_whole = report.inspected != Inspected::Whole;
        self.not_inspected_whole = self.not_inspected_whole.saturating_add(u64::from(not_whole));
        self.worst = self.worst.max(report.findings.iter().map(|finding| finding.severity).max());
    }
}

/// A line for each finding of medium or above; a place begins with the file's own name, so its folder goes before it.
fn write_findings(out: &mut impl Write, path: &str, findings: &[Finding]) -> Result<(), CliError> {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(String::new, |folder| format!("{}/", folder.display()));
    for finding in findings.iter().filter(|finding| finding.severity > Severity::Low) {
        let (at, severity, id) = (&finding.at, finding.severity, finding.id);
        writeln!(out, "{folder}{at}: {severity}: {id}: {}", finding.message)?;
    }
    Ok(())
}

fn write_reports(out: &mut impl Write, reports: &[FileReport], tally: &Tally) -> Result<(), CliError> {
    for report in reports {
        write_findings(out, &report.path, &report.findings)?;
    }
    let mut rows = table(["file", "format", "inspected", "findings", "verdict"]);
    for report in reports {
        let inspected = match report.inspected {
            Inspected::Whole => "whole",
            Inspected::Part => "in part",
            Inspected::None => "not inspected",
        };
        let findings = report.findings.iter().filter(|finding| finding.severity > Severity::Info).count();
        rows.add_row([
            report.path.clone(),
            report.format.to_string(),
            inspected.to_owned(),
            findings.to_string(),
            report.verdict.to_string(),
        ]);
    }
    writeln!(out, "{rows}")?;
    let verdicts: Vec<String> =
        tally.verdicts.iter().map(|(verdict, count)| format!("{} {verdict}", thousands(*count))).collect();
    writeln!(out, "{}: {}", sign::files(tally.files), verdicts.join(", "))?;
    if tally.not_inspected_whole > 0 {
        writeln!(
            out,
            "{} not inspected whole: that is not \"no issues\"",
            thousands(tally.not_inspected_whole)
        )?;
    }
    Ok(())
}

/// A file and how its path is shown: relative to the folder that was given.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    shown: String,
}

/// All files under the paths, in order, hidden ones too: a loader does not care whether a name begins with a dot. A link to a
/// folder elsewhere is one of them, so that nobody passes over it: it is not followed.
pub(crate) fn files_of(paths: &[PathBuf]) -> Result<Vec<Found>, CliError> {
    let mut found = Vec::new();
    for path in paths {
        if let Some(address) = path.to_str().filter(|text| is_of_a_hub(text) && !path.exists()) {
            return Err(CliError::Usage(format!(
                "{address}: no such file, and nothing is fetched here; fetch it through the proxy of a server (`lazaret serve --models-proxy`), which inspects it on its way"
            )));
        }
        let mut files = Vec::new();
        let root = path.canonicalize().ok();
        // What lies within is found where it lies. Another link to a folder is kept and told, as one to nowhere is.
        let lies_within = |link: &Path| {
            link.canonicalize().ok().zip(root.as_ref()).is_some_and(|(to, root)| to.starts_with(root))
        };
        gather(path, &mut files, &|path, is_link| !(is_link && path.is_dir() && lies_within(path)))?;
        for file in files {
            let relative = file.strip_prefix(path).ok().filter(|rest| !rest.as_os_str().is_empty());
            let shown = relative.unwrap_or(&file).to_string_lossy().into_owned();
            found.push(Found { path: file, shown });
        }
    }
    Ok(found)
}

/// Whether a text names a model of a hub, and no file: an address, or `organisation/name` below no folder.
fn is_of_a_hub(text: &str) -> bool {
    let is_step = |step: &str| {
        step.starts_with(|first: char| first.is_ascii_alphanumeric())
            && step.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.'))
    };
    text.contains("://")
        || text.split_once('/').is_some_and(|(organisation, name)| {
            is_step(organisation) && is_step(name) && !Path::new(organisation).exists()
        })
}
