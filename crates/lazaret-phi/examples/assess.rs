//! Reads `{"id", "text"}` lines from a file and prints what is said of each text as a whole, after what is detected in it
//! is taken out: `{"id", "findings"}` lines.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for benchmarks: it reads one file and prints"
)]

use std::error::Error;

use lazaret_phi::Scanner;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: assess FILE.jsonl")?;
    let scanner = Scanner::new()?;
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let document: serde_json::Value = serde_json::from_str(line)?;
        let text = document.get("text").and_then(serde_json::Value::as_str).ok_or("a line without text")?;
        let found = scanner.scan(text, None)?;
        let findings: Vec<serde_json::Value> = scanner
            .assess(text, &found)
            .iter()
            .map(|a| serde_json::json!({"rule": a.rule.id, "severity": a.severity, "score": a.confidence.value(), "message": a.message}))
            .collect();
        println!("{}", serde_json::json!({"id": document.get("id"), "findings": findings}));
    }
    Ok(())
}
