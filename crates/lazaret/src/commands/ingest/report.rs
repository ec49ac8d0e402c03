//! What `lazaret ingest` says of each file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use lazaret_core::{Counts, Finding, HoldId, Refused, Severity, Verdict};
use lazaret_policy::CedarPolicy;
use serde::Serialize;

use crate::exit::CliError;
use crate::report::{finding_line, refusal, table, thousands};

/// What one file gave.
#[derive(Serialize)]
pub(crate) struct FileReport {
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    pub(crate) counts: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<PlacedFinding>,
    /// It was refused whole, and is kept in the quarantine as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<HoldId>,
    /// It was refused whole, and is not kept: why. It stays where it lies and counts as no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
    /// Why the file was stopped: nothing of it crossed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
    /// The verdict of each of the first records, by line.
    #[serde(skip)]
    pub(crate) verdicts: Vec<(Option<u64>, Verdict)>,
    /// Held records that no finding of medium or above explains.
    #[serde(skip)]
    held: Vec<HeldByPolicy>,
}

/// A record that is held for what the policy says, and not for a fault of its own.
struct HeldByPolicy {
    line: Option<u64>,
    verdict: Verdict,
    policies: Vec<String>,
    rules: Vec<&'static str>,
}

/// What each policy is for, by its id.
pub(super) type Whys = BTreeMap<String, String>;

/// The policies' own words.
pub(super) fn whys(policy: &CedarPolicy) -> Whys {
    policy.notes().iter().map(|note| (note.id.clone(), note.why.clone())).collect()
}

#[derive(Serialize)]
pub(crate) struct PlacedFinding {
    pub(crate) line: Option<u64>,
    #[serde(flatten)]
    pub(crate) finding: Finding,
}

impl FileReport {
    /// Of a file of which nothing is known yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.display().to_string(),
            receipt: None,
            counts: Counts::default(),
            findings: Vec::new(),
            kept: None,
            refused: None,
            stopped: None,
            verdicts: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Notes why a record is held, where its findings as they are printed do not say it.
    pub(super) fn explain(
        &mut self,
        line: Option<u64>,
        verdict: Verdict,
        policies: &[String],
        findings: &[Finding],
    ) {
        let said = findings.iter().any(is_printed);
        if verdict.holds() && !said && self.held.len() < super::MAX_LISTED {
            let mut rules: Vec<&'static str> = findings.iter().map(|finding| finding.id).collect();
            rules.dedup();
            self.held.push(HeldByPolicy { line, verdict, policies: policies.to_vec(), rules });
        }
    }

    fn write_held(&self, out: &mut impl Write, whys: &Whys) -> Result<(), CliError> {
        for held in &self.held {
            let line = held.line.map_or_else(String::new, |line| format!(":{line}"));
            write!(out, "{}{line}: {}", self.path, held.verdict)?;
            if !held.rules.is_empty() {
                write!(out, ": {}", held.rules.join(", "))?;
            }
            for policy in &held.policies {
                let why = whys.get(policy).filter(|why| !why.is_empty());
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                write!(out, ": policy `{policy}`{why}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// A file no format could open, or that could not be read to its end. What became of it is not said yet.
    pub(super) fn refused(path: &Path, refused: &Refused) -> Self {
        let mut report = Self::new(path);
        report.findings.push(PlacedFinding { line: None, finding: refusal(refused) });
        report
    }
}

/// Whether a finding is printed: what is low or info holds nothing by itself, and there may be many.
fn is_printed(finding: &Finding) -> bool {
    finding.severity >= Severity::Medium
}

/// Tells of every file on the terminal. `way_out` is said where something is held.
pub(super) fn write_reports(
    out: &mut impl Write,
    reports: &[FileReport],
    all: &Counts,
    whys: &Whys,
    way_out: &str,
) -> Result<(), CliError> {
    for report in reports {
        for placed in report.findings.iter().filter(|placed| is_printed(&placed.finding)) {
            writeln!(out, "{}", finding_line(&report.path, placed.line, &placed.finding))?;
        }
        report.write_held(out, whys)?;
        if let Some(hold) = report.kept {
            writeln!(out, "{}: refused whole, kept in the quarantine as {hold}", report.path)?;
        }
        if let Some(why) = &report.refused {
            writeln!(out, "{}: refused whole, {why}", report.path)?;
        }
        if let Some(why) = &report.stopped {
            writeln!(out, "{}: stopped: {why}", report.path)?;
        }
    }
    if all.held() > 0 {
        writeln!(out, "{way_out}")?;
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
    write!(
        out,
        "\n{} records: {} held, {} had crossed before",
        thousands(all.records),
        thousands(all.held()),
        thousands(all.again)
    )?;
    let refused = reports.iter().filter(|report| report.refused.is_some()).count();
    if refused > 0 {
        write!(out, "; {} files refused and not kept", thousands(refused as u64))?;
    }
    Ok(writeln!(out)?)
}
