//! How results are shown: tables for eyes, JSON for machines. Paths are the operator's own and are printed only
//! here.

use std::collections::BTreeMap;
use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use lazaret_core::{Confidence, Counts, Finding, FormatId, RecordReport, Refused, Severity, Verdict};
use serde::Serialize;

use crate::commands::explain::rules;
use crate::exit::Exit;

/// One record of `--jsonl`.
#[derive(Serialize)]
pub(crate) struct JsonRecord<'a> {
    pub(crate) path: &'a str,
    pub(crate) line: Option<u64>,
    pub(crate) format: Option<FormatId>,
    /// None for a file that was refused whole and would not be kept.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) phi: &'a BTreeMap<String, u64>,
    pub(crate) findings: &'a [Finding],
    /// Why a file that was refused whole would not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<&'a str>,
}

static NO_PHI: BTreeMap<String, u64> = BTreeMap::new();

impl<'a> JsonRecord<'a> {
    pub(crate) fn of(path: &'a str, report: &'a RecordReport) -> Self {
        Self {
            path,
            line: report.place.line,
            format: Some(report.format),
            verdict: Some(report.verdict),
            phi: &report.phi,
            findings: &report.findings,
            refused: None,
        }
    }

    /// A file that was refused whole: it would be held as one record, or not kept for the reason given.
    pub(crate) fn of_refused(path: &'a str, finding: &'a Finding, not_kept: Option<&'a str>) -> Self {
        Self {
            path,
            line: None,
            format: None,
            verdict: not_kept.is_none().then_some(Verdict::Quarantine),
            phi: &NO_PHI,
            findings: std::slice::from_ref(finding),
            refused: not_kept,
        }
    }
}

/// Writes one JSON value and a line end.
pub(crate) fn json_line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Writes one JSON document for people to read too.
pub(crate) fn json_document(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A table without frames, that fits the terminal.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// One line for a finding: what, where, why.
pub(crate) fn finding_line(path: &str, line: Option<u64>, finding: &Finding) -> String {
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{path}{line}: {}: {}: {}: {}", finding.at, finding.severity, finding.id, finding.message)
}

/// A file that could not be read on, as a finding of the whole file. How grave it is, its rule says.
pub(crate) fn refusal(refused: &Refused) -> Finding {
    let rule = rules().into_iter().find(|(id, ..)| *id == refused.rule);
    Finding {
        id: refused.rule,
        severity: rule.map_or(Severity::High, |(_, severity, _)| severity),
        at: lazaret_core::Locator::document(),
        message: refused.reason.clone(),
    }
}

/// The exit code of what was found.
pub(crate) fn exit_of(counts: &Counts, worst: Option<Severity>) -> Exit {
    if counts.held() > 0 || worst >= Some(Severity::Medium) { Exit::Findings } else { Exit::Clear }
}

/// `1,234`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.95` and not what a float of 32 bits makes of it.
pub(crate) fn two_places(confidence: Confidence) -> f64 {
    (f64::from(confidence.value()) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(super::thousands).join(" "), "0 999 1,000 1,234,567");
    }
}
