//! `lazaret demo`: the main job on sample records and models, in a directory of its own. What it prints is what happened;
//! the expected verdicts lie beside the samples.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{DataKeys, Limit, Limits, ModelOrigin};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::{FileSource, Lines, MAX_RECORD, json, write_durably};
use lazaret_ledger::{CycloneDx, bom, verify};
use serde::{Deserialize, Serialize};

use crate::cli::DemoArgs;
use crate::commands::ingest::{FileReport, PlacedFinding, files_of, ingest_files};
use crate::compose::{Crossings, Data, OpenLake, Reading, Told};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain, read_text};
use crate::registry::Registry;
use crate::report::{json_document, table, thousands};

/// Marks a directory as a demo's, which may be emptied.
const MARK: &str = "this-is-a-lazaret-demo";
/// Longest list of expected verdicts.
pub(crate) const MAX_EXPECTED: Limit = Limit::new("demo.max_expected", 1 << 20);

/// What is expected of one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    records: u64,
    verdict: String,
    #[serde(default)]
    except: BTreeMap<u64, String>,
}

/// Expected and actual verdict of one input.
#[derive(Serialize)]
struct Compared {
    path: String,
    line: Option<u64>,
    expected: String,
    actual: String,
    agrees: bool,
}

/// Runs the command.
pub(crate) fn run(
    args: &DemoArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let expected = read_expected(&args.samples, &config.limits())?;
    empty(&args.work)?;
    let place = |name: &str| args.work.join(name).to_string_lossy().into_owned();
    let (folder, key, lake_folder) = (place("data"), place("data.key"), args.work.join("lake"));
    let config = config.with(&[("data", Some(&folder)), ("keys.file", Some(&key))]);
    let data = Data::init(&config, false)?;
    let schema = args.samples.join("patients.schema.toml");
    let lake = data.lake(&lake_folder, None, Some(&schema))?;
    let crossings = Crossings::new(&config, lake.name(), None, None, None)?.into_lake(&lake);
    let files = files_of(&[args.samples.join("records"), args.samples.join("hostile")])?;
    let ingested = ingest_files(&data, &lake, &crossings, Told::schema(&schema), &files, &mut |_| Ok(()))?;
    let mut reports = ingested.reports;
    reports.extend(pass_models(&data, &config, &args.samples, lake.name())?);
    data.close()?;
    let compared = compare(&args.samples, &expected, &reports);
    let agree = compared.iter().all(|one| one.agrees);
    if json {
        json_document(out, &serde_json::json!({ "agree": agree, "inputs": compared }))?;
    } else {
        let telling = Telling { args, data: &data, lake: &lake, reports: &reports, compared: &compared };
        telling.tell(out)?;
    }
    out.flush()?;
    if !agree {
        return Ok(Exit::Findings);
    }
    if !args.once && !json {
        drop(data);
        return super::serve::open_console(&Reading::open(&config)?, &config, args.port, out);
    }
    Ok(Exit::Clear)
}

/// Empties the demo's directory: one it made itself, or one that is not there.
fn empty(work: &Path) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::failed(work.display().to_string(), error);
    if work.exists() {
        if !work.join(MARK).exists() {
            return Err(CliError::Usage(format!(
                "{} is not a demo's directory; name another with --work",
                work.display()
            )));
        }
        std::fs::remove_dir_all(work).map_err(failed)?;
    }
    std::fs::create_dir_all(work).map_err(failed)?;
    write_durably(&work.join(MARK), b"made by `lazaret demo`, which empties it\n").map_err(failed)
}

fn read_expected(samples: &Path, limits: &Limits) -> Result<BTreeMap<String, Expected>, CliError> {
    let path = samples.join("expected.json");
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    serde_json::from_str(&read_text(&path, limits.get(MAX_EXPECTED))?)
        .map_err(|error| wrong(error.to_string()))
}

/// Passes the sample models into the registry, each as a revision of one model that was trained on the lake.
fn pass_models(
    data: &Data,
    config: &Config,
    samples: &Path,
    lake: &str,
) -> Result<Vec<FileReport>, CliError> {
    let folder = samples.join("models");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let registry = Registry::open(data, &config.with(&[("gates.models.mode", Some("enforce"))]))?;
    let mut reports = Vec::new();
    for (path, revision) in files_of(&[folder])?.iter().zip(1_u32..) {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let model = ModelOrigin {
            name: "demo/chest-xray".to_owned(),
            revision: Some(revision.to_string()),
            datasets: vec![format!("{lake}/Patient")],
            ..ModelOrigin::default()
        };
        let stored = registry.receive(path, &name)?;
        let passed = registry
            .pass(registry.crossing(&path.to_string_lossy(), model)?, vec![stored])
            .map_err(|stopped| CliError::failed(path.display().to_string(), stopped))?;
        let mut report = FileReport::new(path);
        report.counts = passed.receipt.sealed.seal.counts;
        for file in passed.files {
            report.verdicts.push((None, file.verdict));
            report
                .findings
                .extend(file.findings.into_iter().map(|finding| PlacedFinding { line: None, finding }));
        }
        reports.push(report);
    }
    Ok(reports)
}

/// Sets the verdict of every record beside the one expected. A file or record that only one side knows
/// disagrees.
fn compare(samples: &Path, expected: &BTreeMap<String, Expected>, reports: &[FileReport]) -> Vec<Compared> {
    let mut compared = Vec::new();
    let name_of = |report: &FileReport| {
        let path = Path::new(&report.path);
        path.strip_prefix(samples).unwrap_or(path).to_string_lossy().replace('\\', "/")
    };
    for report in reports {
        let path = name_of(report);
        let wanted = expected.get(&path);
        for (line, verdict) in &report.verdicts {
            let of_line = wanted.map(|wanted| {
                line.and_then(|line| wanted.except.get(&line)).unwrap_or(&wanted.verdict).clone()
            });
            let wanted = of_line.unwrap_or_else(|| "nothing".to_owned());
            let (path, actual) = (path.clone(), verdict.name().to_owned());
            compared.push(Compared { path, line: *line, agrees: wanted == actual, expected: wanted, actual });
        }
        let seen = report.verdicts.len() as u64;
        if let Some(wanted) = wanted.filter(|wanted| wanted.records != seen) {
            compared.push(Compared {
                path: path.clone(),
                line: None,
                expected: format!("{} records", wanted.records),
                actual: format!("{seen} records"),
                agrees: false,
            });
        }
    }
    for path in expected.keys().filter(|path| !reports.iter().any(|report| name_of(report) == **path)) {
        let (expected, actual) = ("a file".to_owned(), "no file".to_owned());
        compared.push(Compared { path: path.clone(), line: None, expected, actual, agrees: false });
    }
    compared
}

/// What is told on the terminal.
struct Telling<'a> {
    args: &'a DemoArgs,
    data: &'a Data,
    lake: &'a OpenLake,
    reports: &'a [FileReport],
    compared: &'a [Compared],
}

impl Telling<'_> {
    fn tell(&self, out: &mut impl Write) -> Result<(), CliError> {
        writeln!(out, "1. Every record is inspected, decided, recorded\n")?;
        self.files(out)?;
        writeln!(out, "\n2. What was found in the records that crossed, and what became of it\n")?;
        self.edits(out)?;
        writeln!(out, "\n3. What was held, and why\n")?;
        self.held(out)?;
        writeln!(out, "\n4. One record before and after (synthetic data)\n")?;
        self.before_and_after(out)?;
        writeln!(out, "\n5. The ledger and the bill of materials\n")?;
        self.ledger(out)?;
        self.bill(out)?;
        let disagree: Vec<_> = self.compared.iter().filter(|one| !one.agrees).collect();
        writeln!(
            out,
            "\n{} inputs, {} verdicts as expected",
            thousands(self.compared.len() as u64),
            thousands((self.compared.len() - disagree.len()) as u64)
        )?;
        for one in disagree {
            let line = one.line.map_or_else(String::new, |line| format!(":{line}"));
            writeln!(out, "  {}{line}: expected {}, was {}", one.path, one.expected, one.actual)?;
        }
        Ok(())
    }

    fn files(&self, out: &mut impl Write) -> Result<(), CliError> {
        let mut rows = table(["file", "records", "crossed", "held", "crossed before"]);
        for report in self.reports {
            let path = Path::new(&report.path);
            let held = report.counts.held();
            let crossed = report.counts.records.saturating_sub(held).saturating_sub(report.counts.again);
            rows.add_row([
                path.strip_prefix(&self.args.samples).unwrap_or(path).display().to_string(),
                thousands(report.counts.records),
                thousands(crossed),
                thousands(held),
                thousands(report.counts.again),
            ]);
        }
        Ok(writeln!(out, "{rows}")?)
    }

    fn edits(&self, out: &mut impl Write) -> Result<(), CliError> {
        let mut sums: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for report in self.reports {
            for (edit, count) in &report.counts.edits {
                let (label, action) = edit.rsplit_once(' ').unwrap_or((edit, ""));
                let kind = label.split('.').next().unwrap_or(label);
                let sum = sums.entry(kind).or_default().entry(action).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        let mut rows = table(["identifier", "token", "generalise", "redact"]);
        for (kind, actions) in sums {
            let count =
                |action: &str| actions.get(action).map_or_else(String::new, |count| thousands(*count));
            rows.add_row([kind.to_owned(), count("token"), count("generalise"), count("redact")]);
        }
        Ok(writeln!(out, "{rows}")?)
    }

    fn held(&self, out: &mut impl Write) -> Result<(), CliError> {
        let mut rows = table(["file", "line", "at", "rule", "why"]);
        for report in self.reports.iter().filter(|report| report.counts.held() > 0) {
            let path = Path::new(&report.path);
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let medium = lazaret_core::Severity::Medium;
            for placed in report.findings.iter().filter(|placed| placed.finding.severity >= medium) {
                rows.add_row([
                    name.clone(),
                    placed.line.map_or_else(String::new, |line| line.to_string()),
                    placed.finding.at.to_string(),
                    placed.finding.id.to_owned(),
                    placed.finding.message.clone(),
                ]);
            }
        }
        Ok(writeln!(out, "{rows}")?)
    }

    fn before_and_after(&self, out: &mut impl Write) -> Result<(), CliError> {
        for (kind, file) in [
            ("Patient", "records/patients-10/Patient.000.ndjson"),
            ("DocumentReference", "records/patients-10/DocumentReference.first150.ndjson"),
        ] {
            let before = first_line(&self.args.samples.join(file))?;
            let dataset = format!("{}/{kind}", self.lake.name());
            let keys = Arc::clone(&self.data.vault) as Arc<dyn DataKeys>;
            let failed = |error| CliError::failed(format!("the dataset {dataset}"), error);
            let mut rows = self.lake.lake.read(&dataset, keys).map_err(failed)?;
            let after = rows.next().transpose().map_err(failed)?;
            let after = after
                .map_or_else(String::new, |row| String::from_utf8_lossy(row.content.expose()).into_owned());
            writeln!(out, "{kind}, before:\n{}", excerpt(&before, kind))?;
            writeln!(out, "{kind}, after:\n{}\n", excerpt(&after, kind))?;
        }
        Ok(())
    }

    fn ledger(&self, out: &mut impl Write) -> Result<(), CliError> {
        let path = self.data.ledger.path();
        let verification = verify(path, self.data.ledger.key(), &[])
            .map_err(|error| CliError::failed("the ledger could not be verified", error))?;
        let state = if verification.holds() { "holds" } else { "DOES NOT HOLD" };
        Ok(writeln!(
            out,
            "ledger: {state}: {} entries, {} crossings, {} records, signed root {}",
            thousands(verification.size),
            thousands(verification.crossings),
            thousands(verification.records),
            verification.root
        )?)
    }

    fn bill(&self, out: &mut impl Write) -> Result<(), CliError> {
        let dataset = format!("{}/Patient", self.lake.name());
        let document = bom(self.data.ledger.reader(), &dataset, None, CycloneDx::V1_7)
            .map_err(|error| CliError::failed("the bill of materials", error))?;
        let place: PathBuf = self.args.work.join("Patient.cdx.json");
        write_durably(&place, document.as_bytes())
            .map_err(|error| CliError::failed(place.display().to_string(), error))?;
        Ok(writeln!(out, "bill of materials of {dataset} (CycloneDX 1.7): {}", place.display())?)
    }
}

fn first_line(path: &Path) -> Result<String, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let source = FileSource::open(path).map_err(|error| wrong(chain(&error)))?;
    let mut lines = Lines::of_source(Arc::new(source), &Limits::default());
    let line =
        lines.next().map_err(|error| wrong(chain(&error)))?.ok_or_else(|| wrong("is empty".to_owned()))?;
    let bytes = line.bytes.map_err(|error| wrong(error.to_string()))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| wrong("is not UTF-8".to_owned()))
}

/// A few telling members of a resource, one a line; the beginning of a note's text.
fn excerpt(resource: &str, kind: &str) -> String {
    let limits = Limits::default();
    let parsed = json::parse(resource.as_bytes(), &limits);
    let Some(document) = parsed.document else { return "  (not JSON)".to_owned() };
    let root = document.root();
    let mut lines = Vec::new();
    let keys: &[&str] = match kind {
        "Patient" => {
            &["id", "identifier", "name", "telecom", "gender", "birthDate", "address", "maritalStatus"]
        }
        _ => &["id", "subject", "date", "author", "custodian"],
    };
    for key in keys {
        let Some(value) = root.get(key) else { continue };
        let text: String = resource.get(value.span()).unwrap_or("").chars().take(150).collect();
        let cut = if value.span().len() > text.len() { "…" } else { "" };
        lines.push(format!("  {key:<13} {text}{cut}"));
    }
    let data = root.get("content").and_then(|content| content.items().next());
    let data = data.and_then(|item| item.get("attachment")).and_then(|attachment| attachment.get("data"));
    if let Some(encoded) = data.and_then(|data| data.as_str())
        && let Ok(bytes) = base64::decode(encoded, Whitespace::Refused, MAX_RECORD)
        && let Ok(text) = String::from_utf8(bytes)
    {
        lines.extend(text.lines().take(11).map(|line| {
            let start: String = line.chars().take(110).collect();
            format!("  | {start}")
        }));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use lazaret_core::Verdict;

    use super::*;

    #[test]
    fn a_flipped_expectation_disagrees() {
        let mut expected = BTreeMap::new();
        let wanted = Expected {
            records: 1,
            verdict: "tokenise".into(),
            except: BTreeMap::from([(2, "block".into())]),
        };
        expected.insert("a.ndjson".to_owned(), wanted);
        let mut report = FileReport::new(Path::new("s/a.ndjson"));
        report.verdicts = vec![(Some(1), Verdict::Tokenise)];
        let agree = |report: &FileReport| {
            compare(Path::new("s"), &expected, std::slice::from_ref(report)).iter().all(|one| one.agrees)
        };
        assert!(agree(&report));
        report.verdicts = vec![(Some(1), Verdict::Quarantine)];
        assert!(!agree(&report), "another verdict");
        report.verdicts = vec![(Some(2), Verdict::Tokenise)];
        assert!(!agree(&report), "the exception of line 2");
        report.verdicts = vec![(Some(1), Verdict::Tokenise), (Some(3), Verdict::Tokenise)];
        assert!(!agree(&report), "one record too many");
        assert!(!compare(Path::new("s"), &expected, &[]).iter().all(|one| one.agrees), "a file too few");
    }
}
