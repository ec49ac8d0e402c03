//! Reads `{"id", "text"}` lines from a file and prints `{"id", "spans"}` lines, offsets in code points. `--wide` first:
//! also states, countries, ages under 90, years and professions.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for benchmarks: it reads one file and prints"
)]

use std::error::Error;

use lazaret_phi::{Scanner, code_points};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let wide = arguments.first().is_some_and(|first| first == "--wide");
    let path = arguments.pop().filter(|path| path != "--wide").ok_or("usage: scan [--wide] FILE.jsonl")?;
    let scanner = Scanner::new()?.wide(wide);
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let document: serde_json::Value = serde_json::from_str(line)?;
        let text = document.get("text").and_then(serde_json::Value::as_str).ok_or("a line without text")?;
        let found = scanner.scan(text, None)?;
        let spans: Vec<serde_json::Value> = found
            .iter()
            .zip(code_points(text, &found))
            .map(|(d, (start, end))| {
                serde_json::json!({"start": start, "end": end, "label": d.label.kind.name(), "sub": d.label.sub, "score": d.confidence.value()})
            })
            .collect();
        println!("{}", serde_json::json!({"id": document.get("id"), "spans": spans}));
    }
    Ok(())
}
