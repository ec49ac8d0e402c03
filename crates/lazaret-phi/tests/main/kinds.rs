//! Kinds of identifier that are easily missed, and what looks like them: each `testdata/phi/kinds/*.txt`, line by line.
//! Notes of our own (`own_notes*.jsonl`) as a whole: no worse than they were.

use std::path::{Path, PathBuf};

use lazaret_phi::{Scanner, code_points};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/phi")
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own small fixtures")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A stretch of a text: what it is, where it is, whether it must be found.
struct Mark {
    kind: String,
    start: usize,
    end: usize,
    must: bool,
}

/// The text without its marks, and the marks: `[[KIND|text]]` and `{{kind|text}}`.
fn marked(line: &str) -> (String, Vec<Mark>) {
    let (mut text, mut marks, mut rest) = (String::new(), Vec::new(), line);
    let next = |rest: &str| [rest.find("[["), rest.find("{{")].into_iter().flatten().min();
    while let Some(at) = next(rest) {
        text.push_str(&rest[..at]);
        let must = rest[at..].starts_with("[[");
        let (inner, after) = rest[at + 2..].split_once(if must { "]]" } else { "}}" }).unwrap();
        let (kind, value) = inner.split_once('|').unwrap();
        marks.push(Mark { kind: kind.to_owned(), start: text.len(), end: text.len() + value.len(), must });
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    (text, marks)
}

#[test]
fn every_kind_is_found_whole_and_its_look_alikes_stay() {
    let scanner = Scanner::new().unwrap();
    let (mut wrong, mut found_marks, mut kept) = (Vec::new(), 0, 0);
    for entry in std::fs::read_dir(folder().join("kinds")).unwrap() {
        let path = entry.unwrap().path();
        for line in read(&path).lines().filter(|line| !line.starts_with('#')) {
            let (text, marks) = marked(line);
            let found = scanner.scan(&text, None).unwrap();
            for mark in marks {
                let covers = |at: usize| found.iter().any(|d| d.span.start <= at && at < d.span.end);
                let mut inside = text[mark.start..mark.end].char_indices();
                let right = if mark.must {
                    found_marks += 1;
                    inside.all(|(at, c)| !c.is_alphanumeric() || covers(mark.start + at))
                } else {
                    kept += 1;
                    !inside.any(|(at, c)| !c.is_whitespace() && covers(mark.start + at))
                };
                let named = !mark.must
                    || found.iter().any(|d| {
                        d.span.start < mark.end && mark.start < d.span.end && d.label.kind.name() == mark.kind
                    });
                if !right || !named {
                    let got: Vec<String> = found
                        .iter()
                        .map(|d| format!("{} {:?}", d.label, &text[d.span.start..d.span.end]))
                        .collect();
                    wrong.push(format!(
                        "{}: {:?} in {text:?}: {got:?}",
                        mark.kind,
                        &text[mark.start..mark.end]
                    ));
                }
            }
        }
    }
    assert!(found_marks >= 90 && kept >= 50, "{found_marks} and {kept} marks");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of a file of notes: spans, found ones, their characters, covered ones, traps, masked ones.
fn figures(name: &str) -> [usize; 6] {
    let scanner = Scanner::new().unwrap();
    let [mut spans, mut seen, mut signs, mut hidden, mut traps, mut masked] = [0; 6];
    for line in read(&folder().join(name)).lines() {
        let note: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = note.get("text").and_then(serde_json::Value::as_str).unwrap();
        let found = scanner.scan(text, None).unwrap();
        let found = code_points(text, &found);
        let blank: Vec<bool> = text.chars().map(char::is_whitespace).collect();
        let list = |key: &str| note.get(key).and_then(serde_json::Value::as_array).unwrap();
        let place = |mark: &serde_json::Value| {
            let at = |key: &str| {
                usize::try_from(mark.get(key).and_then(serde_json::Value::as_u64).unwrap()).unwrap()
            };
            at("start")..at("end")
        };
        let covered = |at: usize| found.iter().any(|(start, end)| (*start..*end).contains(&at));
        for span in list("spans") {
            let shown = || place(span).filter(|at| blank.get(*at) == Some(&false));
            spans += 1;
            seen += usize::from(shown().any(covered));
            signs += shown().count();
            hidden += shown().filter(|at| covered(*at)).count();
        }
        for trap in list("traps") {
            traps += 1;
            masked += usize::from(place(trap).any(covered));
        }
    }
    [spans, seen, signs, hidden, traps, masked]
}

#[test]
fn our_own_notes_are_found_no_worse_than_they_were() {
    let floors = [
        ("own_notes.jsonl", 98, 15, 5),
        ("own_notes2.jsonl", 99, 42, 2),
        ("own_notes3.jsonl", 96, 40, 4),
        ("own_notes4.jsonl", 98, 25, 3),
        ("own_notes5.jsonl", 96, 45, 5),
        ("own_notes6.jsonl", 95, 45, 4),
        ("own_notes7.jsonl", 95, 50, 4),
        ("own_notes8.jsonl", 93, 75, 4),
        ("own_notes9.jsonl", 95, 65, 3),
        ("own_notes14.jsonl", 94, 50, 5),
        ("own_notes17.jsonl", 92, 80, 6),
    ];
    for (name, least_found, most_left, most_masked) in floors {
        let [spans, found, signs, covered, traps, masked] = figures(name);
        assert!(found * 100 >= spans * least_found, "{name}: {found} of {spans} spans");
        assert!(
            (signs - covered) * 1_000 <= signs * most_left,
            "{name}: {} of {signs} left",
            signs - covered
        );
        assert!(masked * 100 <= traps * most_masked, "{name}: {masked} of {traps} traps masked");
    }
}
