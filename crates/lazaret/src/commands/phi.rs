//! `lazaret phi scan`: where identifying text stands.

use std::io::Write;
use std::path::Path;

use lazaret_core::{Detection, DetectorError, Limits};
use lazaret_input::{FileSource, Lines, MAX_RECORD, json};
use lazaret_phi::{Scanner, code_points};
use serde::Serialize;

use crate::cli::PhiCommand;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain, read_text};
use crate::report::{json_document, json_line};

#[derive(Serialize)]
struct JsonSpan {
    start: usize,
    end: usize,
    label: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'static str>,
    score: f32,
}

/// Runs the command.
pub(crate) fn run(
    command: &PhiCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let PhiCommand::Scan { paths, jsonl } = command;
    let limits = &config.limits();
    let scanner = Scanner::new().map_err(of_detector)?.with_limits(limits);
    let mut found = false;
    let mut documents = Vec::new();
    for path in paths {
        if *jsonl {
            found |= scan_lines(scanner, path, limits, out)?;
        } else {
            let text = read_text(path, limits.get(MAX_RECORD))?;
            let detections = scanner.scan(&text, None).map_err(of_detector)?;
            found |= !detections.is_empty();
            if json {
                let spans = spans_of(&text, &detections);
                documents.push(serde_json::json!({ "path": path.display().to_string(), "spans": spans }));
            } else {
                write_places(path, &text, &detections, out)?;
            }
        }
    }
    if json {
        json_document(out, &documents)?;
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
            score: confidence.value(),
        })
        .collect()
}

fn of_detector(error: DetectorError) -> CliError {
    CliError::failed("the text could not be inspected", error)
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
            "{}:{line}:{column}: {} ({length} characters, {:.0} %)",
            path.display(),
            detection.label,
            detection.confidence.value() * 100.0
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonDocument<'a> {
    id: &'a serde_json::value::RawValue,
    spans: Vec<JsonSpan>,
}

fn scan_lines(
    scanner: Scanner,
    path: &Path,
    limits: &Limits,
    out: &mut impl Write,
) -> Result<bool, CliError> {
    let name = path.display();
    let usage = |why: String| CliError::Usage(format!("{name}: {why}"));
    let source = FileSource::open(path).map_err(|error| usage(chain(&error)))?;
    let mut lines = Lines::of_source(std::sync::Arc::new(source), limits);
    let mut found = false;
    while let Some(line) = lines.next().map_err(|error| CliError::failed(name.to_string(), error))? {
        let bytes = line.bytes.map_err(|error| usage(format!("line {}: {}", line.number, chain(&error))))?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |why: &str| usage(format!("line {}: {why}", line.number));
        let parsed = json::parse(bytes, limits);
        let document = parsed.document.ok_or_else(|| wrong("is not JSON"))?;
        let root = document.root();
        let text =
            root.get("text").and_then(|node| node.as_str()).ok_or_else(|| wrong("has no string `text`"))?;
        let id = root.get("id").ok_or_else(|| wrong("has no `id`"))?;
        let id = document.text().get(id.span()).unwrap_or("null");
        let id = serde_json::value::RawValue::from_string(id.to_owned())
            .map_err(|_| wrong("has a broken `id`"))?;
        let spans = spans_of(text, &scanner.scan(text, None).map_err(of_detector)?);
        found |= !spans.is_empty();
        json_line(out, &JsonDocument { id: &id, spans })?;
    }
    Ok(found)
}
