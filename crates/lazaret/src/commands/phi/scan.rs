//! `lazaret phi scan`: where identifying text stands.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::ProgressBar;
use lazaret_core::{Detection, Language, Limits, Severity, UNINSPECTABLE};
use lazaret_input::charset::{self, CharsetError};
use lazaret_input::{FileSource, JSON_NUL, Lines, SourceReader, json, write_durably};
use lazaret_phi::{Assessment, code_points};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer as _};
use serde_json::value::RawValue;

use crate::cli::PhiScanArgs;
use crate::commands::ingest::progress;
use crate::commands::phi::look::Look;
use crate::commands::phi::picture::{self, Drawing, Page};
use crate::commands::phi::text::{Text, is_stdin, name, uninspectable};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::report::{json_line, two_places};

#[derive(Serialize)]
struct JsonSpan {
    start: usize,
    end: usize,
    label: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'static str>,
    score: f64,
    /// Not in lines: what scores them knows no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
}

/// A finding about a text as a whole.
#[derive(Serialize)]
struct JsonFinding {
    id: &'static str,
    severity: Severity,
    score: f64,
    message: String,
}

/// Runs the command.
pub(crate) fn run(
    args: &PhiScanArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let PhiScanArgs { paths, jsonl, color, html, look } = args;
    let limits = &config.limits();
    let look = &Look::new(look, config)?;
    let mut found = false;
    let mut wrong = Wrong::default();
    let mut page = html.as_ref().map(|_| Page::default());
    // Lines and documents on the same terminal would be broken up by it.
    let shown = paths.len() > 1 && !json && !*jsonl;
    let bar = if shown { progress("scanning", paths.len() as u64, false) } else { ProgressBar::hidden() };
    // A file that cannot be read is told at the end, and the others are scanned all the same.
    let scan = |path: &Path, wrong: &mut Wrong| {
        bar.inc(1);
        let text = match Text::read(path, limits) {
            Ok(Text { text, .. }) => text,
            Err(error) => return wrong.take(error).map(Err),
        };
        let detections = look.scan(&text)?;
        let findings = look.assess(&text, &detections);
        Ok(Ok((text, detections, findings)))
    };
    if *jsonl {
        for path in paths {
            bar.inc(1);
            found |= scan_lines(look, path, limits, &mut wrong, out)?;
        }
    } else if json {
        let failed = |error: serde_json::Error| CliError::from(std::io::Error::from(error));
        let mut writer = serde_json::Serializer::pretty(&mut *out);
        let mut documents = writer.serialize_seq(None).map_err(failed)?;
        for path in paths {
            let (text, detections, findings) = match scan(path, &mut wrong)? {
                Ok(scanned) => scanned,
                Err(NotScanned::Uninspectable) => {
                    let finding = JsonFinding {
                        id: UNINSPECTABLE.id,
                        severity: UNINSPECTABLE.severity,
                        score: 1.0,
                        message: "is no text that can be inspected".to_owned(),
                    };
                    let document =
                        serde_json::json!({ "path": name(path), "spans": [], "findings": [finding] });
                    documents.serialize_element(&document).map_err(failed)?;
                    continue;
                }
                Err(NotScanned::Wrong) => continue,
            };
            found |= !detections.is_empty() || findings.iter().any(counts);
            if let Some(page) = &mut page {
                page.add(path, &text, &detections);
            }
            let mut spans = spans_of(&text, &detections);
            for (span, detection) in spans.iter_mut().zip(&detections) {
                span.language = Some(detection.language.code());
            }
            let document = serde_json::json!({ "path": name(path), "spans": spans, "findings": json_findings(findings) });
            documents.serialize_element(&document).map_err(failed)?;
        }
        SerializeSeq::end(documents).map_err(failed)?;
        writeln!(out)?;
    } else {
        let drawing = Drawing::of(*color);
        for path in paths {
            let Ok((text, detections, findings)) = scan(path, &mut wrong)? else { continue };
            found |= !detections.is_empty() || findings.iter().any(counts);
            if let Some(page) = &mut page {
                page.add(path, &text, &detections);
            }
            // The bar and the text may be on one terminal.
            bar.suspend(|| -> Result<(), CliError> {
                if drawing.picture {
                    picture::draw(path, &text, &detections, drawing, out)?;
                } else {
                    write_places(path, &text, &detections, out)?;
                }
                for Assessment { rule, severity, confidence, message } in &findings {
                    let percent = confidence.value() * 100.0;
                    writeln!(out, "{}: {severity}: {}: {message} ({percent:.0} %)", name(path), rule.id)?;
                }
                Ok(())
            })?;
        }
    }
    bar.finish_and_clear();
    if let (Some(page), Some(path)) = (page, html) {
        write_durably(path, page.html()?.as_bytes())
            .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
    }
    if let Some(error) = wrong.into_error() {
        return Err(error);
    }
    Ok(if found { Exit::Findings } else { Exit::Clear })
}

/// Spans in code points, as scorers count.
fn spans_of(text: &str, detections: &[Detection]) -> Vec<JsonSpan> {
    let places = code_points(text, detections);
    places
        .into_iter()
        .zip(detections)
        .map(|((start, end), Detection { label, confidence, .. })| JsonSpan {
            start,
            end,
            label: label.kind.name(),
            sub: label.sub,
            score: two_places(*confidence),
            language: None,
        })
        .collect()
}

/// Whether a finding makes the exit code 1, as it does elsewhere.
fn counts(finding: &Assessment) -> bool {
    finding.severity >= Severity::Medium
}

fn json_findings(findings: Vec<Assessment>) -> Vec<JsonFinding> {
    let of = |Assessment { rule, severity, confidence, message }| JsonFinding {
        id: rule.id,
        severity,
        score: two_places(confidence),
        message,
    };
    findings.into_iter().map(of).collect()
}

/// `path:line:column: kind`, never the text.
fn write_places(
    path: &Path,
    text: &str,
    detections: &[Detection],
    out: &mut impl Write,
) -> Result<(), CliError> {
    for detection in detections {
        let before = text.get(..detection.span.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let length =
            text.get(detection.span.start..detection.span.end).map_or(0, |part| part.chars().count());
        writeln!(
            out,
            "{}:{line}:{column}: {} ({length} characters, {:.0} %{})",
            name(path),
            detection.label,
            detection.confidence.value() * 100.0,
            match detection.language {
                Language::English => String::new(),
                other => format!(", {other}"),
            }
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonDocument<'a> {
    id: &'a RawValue,
    spans: Vec<JsonSpan>,
    /// Left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<JsonFinding>,
}

/// Most files and lines that an error tells one by one.
const TOLD: usize = 20;

/// Scans a text a line. A line that cannot be read is told at the end, and the others are scanned all the same.
fn scan_lines(
    look: &Look,
    path: &Path,
    limits: &Limits,
    wrong: &mut Wrong,
    out: &mut impl Write,
) -> Result<bool, CliError> {
    let name = name(path);
    let stream: Box<dyn Read> = if is_stdin(path) {
        Box::new(std::io::stdin().lock())
    } else {
        let source =
            FileSource::open(path).map_err(|error| CliError::Usage(format!("{name}: {}", chain(&error))))?;
        Box::new(SourceReader::new(Arc::new(source)))
    };
    let mut lines = Lines::new(stream, limits);
    let mut found = false;
    while let Some(line) = lines.next().map_err(|error| CliError::failed(name.clone(), error))? {
        let number = line.number;
        let text = match line.bytes {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(bytes) => read_line(bytes, limits),
            Err(error) => Err(Unread::Form(chain(&error))),
        };
        match text {
            Ok((id, text)) => {
                let detections = look.scan(&text)?;
                let findings = look.assess(&text, &detections);
                found |= !detections.is_empty() || findings.iter().any(counts);
                let spans = spans_of(&text, &detections);
                json_line(out, &JsonDocument { id: &id, spans, findings: json_findings(findings) })?;
            }
            Err(Unread::Form(why)) => wrong.tell(format!("{name}: line {number}: {why}")),
            Err(Unread::NoText(why)) => {
                wrong.take(uninspectable(&format!("{name}: line {number}"), &why))?;
            }
        }
    }
    Ok(found)
}

/// Why a line was not scanned.
enum Unread {
    /// It is no object with an `id` and a `text`.
    Form(String),
    /// It, or its `text`, is no text.
    NoText(CharsetError),
}

/// The `id` as it is written, and the `text`.
fn read_line(bytes: &[u8], limits: &Limits) -> Result<(Box<RawValue>, String), Unread> {
    let form = |why: &str| Unread::Form(why.to_owned());
    charset::decode(bytes, Some("utf-8")).map_err(Unread::NoText)?;
    let parsed = json::parse(bytes, limits);
    if parsed.faults.iter().any(|fault| fault.rule.id == JSON_NUL.id) {
        return Err(Unread::NoText(CharsetError::Nul));
    }
    let document = parsed.document.ok_or_else(|| form("is not JSON"))?;
    let root = document.root();
    let text = root.get("text").and_then(|node| node.as_str()).ok_or_else(|| form("has no string `text`"))?;
    if charset::is_binary(text) {
        return Err(Unread::NoText(CharsetError::Binary));
    }
    let id = root.get("id").ok_or_else(|| form("has no `id`"))?;
    let id = document.text().get(id.span()).unwrap_or("null");
    let id = RawValue::from_string(id.to_owned()).map_err(|_| form("has a broken `id`"))?;
    Ok((id, text.to_owned()))
}

/// Why a file has no places.
enum NotScanned {
    /// It is not there, or too large.
    Wrong,
    /// It is no text.
    Uninspectable,
}

/// Files and lines that could not be read.
#[derive(Default)]
struct Wrong {
    lines: Vec<String>,
    more: usize,
    uninspectable: bool,
}

impl Wrong {
    fn tell(&mut self, line: String) {
        if self.lines.len() < TOLD {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    /// Keeps what is told at the end; another error is given back.
    fn take(&mut self, error: CliError) -> Result<NotScanned, CliError> {
        match error {
            CliError::Usage(why) => {
                self.tell(why);
                Ok(NotScanned::Wrong)
            }
            CliError::Uninspectable(why) => {
                self.tell(why);
                self.uninspectable = true;
                Ok(NotScanned::Uninspectable)
            }
            CliError::Failed { .. } => Err(error),
        }
    }

    fn into_error(mut self) -> Option<CliError> {
        if self.more > 0 {
            self.lines.push(format!("and {} more", self.more));
        }
        let error = if self.uninspectable { CliError::Uninspectable } else { CliError::Usage };
        (!self.lines.is_empty()).then(|| error(self.lines.join("\n")))
    }
}
