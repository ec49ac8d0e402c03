//! Answers questions about versions of Python packages, one a line, tabs between: for `bench/models/vulnerabilities`.
//!
//! `order A B` gives `-1`, `0`, `1` or `?`; `holds SPECIFIERS VERSION` gives `yes`, `no` or `?`.
#![expect(clippy::print_stdout, reason = "a tool for benchmarks: it reads lines and prints")]

use std::io::BufRead as _;

use lazaret_models::vulnerabilities::{compare_versions, requirement_holds};

fn main() -> std::io::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut fields = line.split('\t');
        let answer = match (fields.next(), fields.next(), fields.next()) {
            (Some("order"), Some(one), Some(other)) => compare_versions("PyPI", one, other)
                .map_or_else(|| "?".to_owned(), |order| (order as i8).to_string()),
            (Some("holds"), Some(specifiers), Some(version)) => {
                match requirement_holds(specifiers, version) {
                    Some(true) => "yes".to_owned(),
                    Some(false) => "no".to_owned(),
                    None => "?".to_owned(),
                }
            }
            _ => "?".to_owned(),
        };
        println!("{answer}");
    }
    Ok(())
}
