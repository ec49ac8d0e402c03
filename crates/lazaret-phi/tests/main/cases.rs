//! Each `testdata/phi/NN-name.txt` with its `NN-name.expected.json`.

use std::path::{Path, PathBuf};

use lazaret_phi::Scanner;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/phi")
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own small fixtures")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn expected(name: &str) -> Option<serde_json::Value> {
    let path = folder().join(format!("{name}.expected.json"));
    path.exists().then(|| serde_json::from_str(&read(&path)).unwrap())
}

#[test]
fn every_fixture_is_found_whole_and_what_must_stay_stays() {
    let scanner = Scanner::new().unwrap();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(expected) = expected(&name) else { continue };
        seen += 1;
        let text = read(&path);
        let found = scanner.scan(&text, None).unwrap();
        for span in expected["spans"].as_array().unwrap() {
            let at = |key: &str| usize::try_from(span[key].as_u64().unwrap()).unwrap();
            let (start, end) = (at("start"), at("end"));
            let kind = span["label"].as_str().unwrap().split('.').next().unwrap();
            let covered =
                text[start..end].char_indices().filter(|(_, c)| !c.is_whitespace()).all(|(offset, _)| {
                    found.iter().any(|d| d.span.start <= start + offset && start + offset < d.span.end)
                });
            let named =
                found.iter().any(|d| d.span.start < end && start < d.span.end && d.label.kind.name() == kind);
            if !(covered && named) {
                wrong.push(format!("{name}: missed {kind} at {start}..{end}"));
            }
        }
        for detection in &found {
            let (start, end) = (detection.span.start, detection.span.end);
            let right = expected["spans"].as_array().unwrap().iter().any(|span| {
                let at = |key: &str| usize::try_from(span[key].as_u64().unwrap()).unwrap();
                at("start") < end && start < at("end")
            });
            if !right {
                wrong.push(format!("{name}: false {} at {start}..{end}", detection.label));
            }
        }
    }
    assert!(seen >= 8, "only {seen} fixtures");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_million_characters_in_lines_or_in_one_line_give_every_repetition() {
    let scanner = Scanner::new().unwrap();
    let seed = read(&folder().join("04-two-million-characters.txt"));
    let one = scanner.scan(&seed, None).unwrap();
    assert_eq!(one.len(), 3);
    for joined in [seed.repeat(20_000), seed.replace('\n', " ").repeat(20_000)] {
        let found = scanner.scan(&joined, None).unwrap();
        assert_eq!(found.len(), 60_000);
        for (number, detection) in found.iter().enumerate() {
            let (of, repetition) = (&one[number % 3], number / 3);
            assert_eq!(detection.span.start, of.span.start + repetition * seed.len());
            assert_eq!(detection.span.end, of.span.end + repetition * seed.len());
            assert_eq!(detection.label.kind, of.label.kind);
        }
    }
}

#[test]
fn a_run_of_one_letter_has_nothing_in_it_and_ends() {
    let scanner = Scanner::new().unwrap();
    for unit in ["x", "1", "@", ".", "-", "a.", "1/", "(", "é", "Dr ", "\u{301}"] {
        let text = unit.repeat(2_500_000 / unit.len());
        // With work that grows with the square of the length this would go on for days.
        let found = scanner.scan(&text, None).unwrap();
        assert!(unit != "x" || found.is_empty());
    }
}
