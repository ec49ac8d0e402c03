//! The marked notes of `testdata/phi/languages`: `[[LABEL|text]]` must be found, `{{kind|text}}` must stay.

use std::path::Path;

use lazaret_core::Language;
use lazaret_phi::Scanner;

#[expect(clippy::disallowed_methods, reason = "a test reads its own small fixtures")]
fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/phi/languages");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Label or kind, start, end.
type Mark = (String, usize, usize);

/// The text without its marks, what must be found, and what must stay.
fn unmarked(source: &str) -> (String, Vec<Mark>, Vec<Mark>) {
    let (mut text, mut gold, mut traps, mut rest) = (String::new(), Vec::new(), Vec::new(), source);
    while let Some(at) = [rest.find("[["), rest.find("{{")].into_iter().flatten().min() {
        let (close, marks) =
            if rest[at..].starts_with("[[") { ("]]", &mut gold) } else { ("}}", &mut traps) };
        text.push_str(&rest[..at]);
        let end = at + rest[at..].find(close).unwrap();
        let (kind, value) = rest[at + 2..end].split_once('|').unwrap();
        let start = text.len();
        text.push_str(value);
        marks.push((kind.to_owned(), start, text.len()));
        rest = &rest[end + 2..];
    }
    text.push_str(rest);
    (text, gold, traps)
}

fn notes(file: &str) -> Vec<String> {
    let source = fixture(file);
    source.split("### ").skip(1).map(|note| note.split_once('\n').unwrap().1.to_owned()).collect()
}

/// What was missed, masked wrongly, and how much was marked.
fn score(file: &str) -> (Vec<String>, Vec<String>, usize) {
    let scanner = Scanner::new().unwrap();
    let (mut missed, mut wrong, mut marked) = (Vec::new(), Vec::new(), 0);
    for (number, note) in notes(file).iter().enumerate() {
        let (text, gold, traps) = unmarked(note);
        let found = scanner.scan(&text, None).unwrap();
        marked += gold.len();
        for (label, start, end) in &gold {
            let covered = text[*start..*end].char_indices().all(|(at, c)| {
                c.is_whitespace()
                    || found.iter().any(|d| d.span.start <= start + at && start + at < d.span.end)
            });
            if !covered {
                missed.push(format!("{file} {number}: {label} at {start}"));
            }
        }
        for detection in &found {
            let (from, to) = (detection.span.start, detection.span.end);
            let trapped = traps.iter().any(|(_, start, end)| from < *end && *start < to);
            if trapped || !gold.iter().any(|(_, start, end)| from < *end && *start < to) {
                wrong.push(format!("{file} {number}: {} at {from}", detection.label));
            }
        }
    }
    (missed, wrong, marked)
}

#[test]
fn notes_in_four_languages_are_found_whole_and_what_must_stay_stays() {
    for language in ["de", "fr", "es", "en"] {
        let (missed, wrong, marked) = score(&format!("{language}.dev.txt"));
        assert!(marked >= 35, "{language}: only {marked} spans");
        // Words beside the numbers of the English lines are read as names by other detectors.
        let slips = if language == "en" { 3 } else { 0 };
        assert!(missed.is_empty() && wrong.len() <= slips, "{missed:#?} {wrong:#?}");
    }
}

/// The detectors were not fitted to these: one miss or slip in twenty is no failure, more is.
#[test]
fn notes_that_were_never_looked_at_come_close() {
    for file in ["de.held.txt", "fr.held.txt", "es.held.txt", "late.txt"] {
        let (missed, wrong, marked) = score(file);
        assert!(missed.len() * 20 <= marked && wrong.len() * 20 <= marked, "{missed:#?} {wrong:#?}");
    }
}

#[test]
fn a_detection_says_its_language() {
    let scanner = Scanner::new().unwrap();
    let text = "Seen by Dr. Quillfeather with her daughter on 03/04/2024 and sent home.\n\nDie Patientin wurde am 3. März 2024 \
                mit Fieber aufgenommen und ist seit gestern ohne Beschwerden.";
    let found: Vec<_> = scanner.scan(text, None).unwrap().iter().map(|d| d.language).collect();
    assert_eq!(found, [Language::English, Language::English, Language::German]);
}

#[test]
fn nouns_and_function_words_of_other_languages_are_no_names() {
    let scanner = Scanner::new().unwrap();
    for text in [
        "Der Verband wurde gewechselt und die Wunde ist trocken, der Blutdruck war mit 130/80 gut eingestellt.",
        "La plaie est propre et le pansement a été refait, la tension est stable et le sommeil est conservé.",
        "La herida está limpia y el paciente no tiene fiebre, se retira la vía y tolera bien la dieta.",
    ] {
        let found = scanner.scan(text, None).unwrap();
        assert!(found.is_empty(), "{found:?}");
    }
}
