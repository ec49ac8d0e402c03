//! brat standoff (<https://brat.nlplab.org/standoff.html>): the text in one file, beside it its annotations, a line
//! each: `T1<tab>NAME 0 5<tab>Maren`. A span over several lines is written in pieces, one a line: `NAME 0 5;6 9`.
//! A sub-label is an attribute: `A1<tab>Sub T1 patient`. Relations, events and remarks are read over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lazaret_core::Limits;

use super::{Characters, CorpusError, Mark, Note, check_count, same_words, split};

/// Reads a text and its annotations.
pub fn read(id: &str, text: &[u8], annotations: &[u8], limits: &Limits) -> Result<Note, CorpusError> {
    let text = utf8(text, "the text")?;
    let annotations = utf8(annotations, "the annotations")?;
    let characters = Characters::of(text);
    let mut marks: Vec<Mark> = Vec::new();
    let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut subs = Vec::new();
    for (number, line) in (1_u64..).zip(annotations.lines()) {
        let here = |why: &str| CorpusError::new(format!("line {number} of the annotations: {why}"));
        let mut columns = line.splitn(3, '\t');
        let (name, place) = (columns.next().unwrap_or(""), columns.next());
        match name.as_bytes().first() {
            Some(b'T') => {
                let place = place.ok_or_else(|| here("is not `T1<tab>LABEL START END<tab>TEXT`"))?;
                let (label, pieces) = pieces_of(place).ok_or_else(|| here("is not `LABEL START END`"))?;
                let mut covered = Vec::new();
                for &(start, end) in &pieces {
                    characters.check(start, end).map_err(|error| here(&error.to_string()))?;
                    covered.push(characters.get(start, end).unwrap_or(""));
                }
                if columns.next().is_some_and(|said| !same_words(said, &covered.join(" "))) {
                    return Err(here("the text is not what stands at its offsets"));
                }
                if by_id.contains_key(name) {
                    return Err(here("its name stands twice"));
                }
                let (label, sub) = split(label);
                if label.is_empty() {
                    return Err(here("has no label"));
                }
                let of = by_id.entry(name).or_default();
                for (start, end) in joined(&pieces, &characters) {
                    of.push(marks.len());
                    let (label, sub) = (label.to_owned(), sub.map(str::to_owned));
                    marks.push(Mark { start, end, label, sub, score: None });
                    check_count(marks.len(), limits)?;
                }
            }
            Some(b'A' | b'M') => {
                if let Some(("Sub", rest)) = place.and_then(|place| place.split_once(' ')) {
                    let (of, sub) =
                        rest.split_once(' ').ok_or_else(|| here("is not `A1<tab>Sub T1 VALUE`"))?;
                    subs.push((number, of, sub));
                    check_count(subs.len(), limits)?;
                }
            }
            _ => {}
        }
    }
    for (number, of, sub) in subs {
        let of = by_id.get(of).ok_or_else(|| {
            CorpusError::new(format!("line {number} of the annotations: there is no such annotation"))
        })?;
        for &at in of {
            if let Some(mark) = marks.get_mut(at) {
                mark.sub = Some(sub.to_owned()).filter(|sub| !sub.is_empty());
            }
        }
    }
    Ok(Note { id: id.to_owned(), text: text.to_owned(), marks, neutral: Vec::new(), traps: Vec::new() })
}

fn utf8<'b>(bytes: &'b [u8], what: &str) -> Result<&'b str, CorpusError> {
    std::str::from_utf8(bytes)
        .map_err(|error| CorpusError::new(format!("{what} is not UTF-8 at byte {}", error.valid_up_to())))
}

/// `LABEL 0 5;6 9`.
fn pieces_of(place: &str) -> Option<(&str, Vec<(usize, usize)>)> {
    let (label, rest) = place.split_once(' ')?;
    let piece = |piece: &str| {
        let (start, end) = piece.split_once(' ')?;
        Some((start.parse().ok()?, end.parse().ok()?))
    };
    Some((label, rest.split(';').map(piece).collect::<Option<_>>()?))
}

/// Pieces with nothing but line ends between them are one span.
fn joined(pieces: &[(usize, usize)], characters: &Characters<'_>) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for &(start, end) in pieces {
        match spans.last_mut() {
            Some(last) if characters.get(last.1, start).is_some_and(is_line_ends) => last.1 = end,
            _ => spans.push((start, end)),
        }
    }
    spans
}

fn is_line_ends(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, '\r' | '\n'))
}

/// Writes a text and its annotations.
pub fn write(note: &Note) -> Result<(String, String), CorpusError> {
    let characters = Characters::of(&note.text);
    let mut out = String::new();
    let mut attributes = 0_usize;
    for (number, mark) in (1_usize..).zip(&note.marks) {
        let here = |why: &str| CorpusError::new(format!("span {}..{}: {why}", mark.start, mark.end));
        characters.check(mark.start, mark.end)?;
        let (kind, sub) = mark.kind();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if kind.is_empty() || !kind.chars().all(is_word) {
            return Err(here("its label is no name that brat takes: letters, digits, `-` and `_`"));
        }
        let covered = characters.get(mark.start, mark.end).unwrap_or("");
        if covered.starts_with(['\r', '\n']) || covered.ends_with(['\r', '\n']) {
            return Err(here("begins or ends with a line end, which brat cannot hold"));
        }
        let _ = write!(out, "T{number}\t{kind} "); // writing to a String cannot fail
        let mut at = mark.start;
        let mut is_first = true;
        for line in covered.split(['\r', '\n']) {
            let end = at.saturating_add(line.chars().count());
            if at < end {
                let between = if is_first { "" } else { ";" };
                let _ = write!(out, "{between}{at} {end}");
                is_first = false;
            }
            at = end.saturating_add(1);
        }
        let lines: Vec<&str> = covered.split(['\r', '\n']).filter(|line| !line.is_empty()).collect();
        let _ = writeln!(out, "\t{}", lines.join(" "));
        if let Some(sub) = sub {
            if sub.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err(here("its sub-label is no word"));
            }
            attributes = attributes.saturating_add(1);
            let _ = writeln!(out, "A{attributes}\tSub T{number} {sub}");
        }
    }
    Ok((note.text.clone(), out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::notes;
    use super::*;

    fn read_text(text: &str, annotations: &str) -> Result<Note, CorpusError> {
        read("n-1", text.as_bytes(), annotations.as_bytes(), &Limits::default())
    }

    #[test]
    fn spans_in_pieces_sub_labels_and_what_is_no_span() {
        let text = "Ottoline\r\nFrayne, \u{1f600} 5";
        let annotations = "T1\tNAME 0 8;10 16\tOttoline Frayne\nA1\tSub T1 provider\nT2\tX 18 19;20 21\t\u{1f600} 5\n\
            R1\tKin Arg1:T1 Arg2:T2\t\n#1\tAnnotatorNotes T1\tsure\nT3\tDATE.birth 20 21\t5\n";
        let note = read_text(text, annotations).unwrap();
        let spans: Vec<_> = note.marks.iter().map(|mark| (mark.start, mark.end, mark.kind())).collect();
        assert_eq!(
            spans,
            [
                (0, 16, ("NAME", Some("provider"))),
                (18, 19, ("X", None)),
                (20, 21, ("X", None)),
                (20, 21, ("DATE", Some("birth")))
            ]
        );
        let (text, annotations) = write(&note).unwrap();
        assert!(annotations.starts_with("T1\tNAME 0 8;10 16\tOttoline Frayne\nA1\tSub T1 provider\n"));
        assert!(read_text(&text, &annotations).unwrap() == note);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (annotations, said) in [
            ("T1\n", "line 1"),
            ("T1\tNAME 0\tx\n", "is not `LABEL START END`"),
            ("\nT1\tNAME 0 9\tx\n", "line 2 of the annotations: span 0..9 is outside"),
            ("T1\tNAME 2 1\tx\n", "is empty"),
            ("T1\tNAME 0 1\tb\n", "not what stands at its offsets"),
            ("T1\tNAME 0 1\ta\nT1\tNAME 1 2\tb\n", "stands twice"),
            ("A1\tSub T9 x\n", "no such annotation"),
            ("T1\t.x 0 1\ta\n", "has no label"),
        ] {
            let told = read_text("ab", annotations).unwrap_err().to_string();
            assert!(told.contains(said), "{annotations}: {told}");
        }
        assert!(read("n", b"\xff", b"", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(note in notes("(\\PC|\\]\\]>|\r\n|[\r\n\t\u{0}\u{2028}\u{1f600}<>&]){0,60}")) {
            let (text, annotations) = write(&note).unwrap();
            prop_assert!(text == note.text);
            prop_assert!(read_text(&text, &annotations).unwrap() == note, "{annotations:?}");
        }

        #[test]
        fn any_text_ends(text in "(T1\t|NAME |0 1|;|\n|A1\t|Sub |\\PC){0,40}") {
            let _ = read_text("abc", &text);
        }
    }
}
