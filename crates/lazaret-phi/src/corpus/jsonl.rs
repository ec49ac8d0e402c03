//! Notes as JSON, one object a line: `{"id", "text", "spans": [{"start", "end", "label", "sub"?, "score"?}]}`, with
//! `neutral` and `traps` where the note is for scoring. Other members are read over.

use lazaret_core::Limits;
use lazaret_input::json::{self, JsonKind, Node};
use serde::Serialize;

use super::{Characters, CorpusError, Mark, Note, Trap, check_count};

/// Spans that someone predicted for a note. Their offsets are as written: in which unit, its reader knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The note's id.
    pub id: String,
    /// The spans.
    pub marks: Vec<Mark>,
}

/// Reads a note from one line.
pub fn read(line: &[u8], limits: &Limits) -> Result<Note, CorpusError> {
    with_root(line, limits, |root| {
        let text =
            root.get("text").and_then(|text| text.as_str()).ok_or_else(|| wrong("no string `text`"))?;
        let note = Note {
            id: id(root)?,
            text: text.to_owned(),
            marks: marks(root, None, limits)?,
            neutral: list(root, "neutral", limits)?.map(places).collect::<Result<_, _>>()?,
            traps: list(root, "traps", limits)?.map(trap).collect::<Result<_, _>>()?,
        };
        let characters = Characters::of(&note.text);
        note.marks.iter().try_for_each(|mark| characters.check(mark.start, mark.end))?;
        let others = note.neutral.iter().copied();
        others.chain(note.traps.iter().map(|trap| (trap.start, trap.end))).try_for_each(|(start, end)| {
            if start == end && end <= characters.count() { Ok(()) } else { characters.check(start, end) }
        })?;
        Ok(note)
    })
}

/// Reads the id and the text of a note, whatever else it has.
pub fn read_text(line: &[u8], limits: &Limits) -> Result<(String, String), CorpusError> {
    with_root(line, limits, |root| {
        let text =
            root.get("text").and_then(|text| text.as_str()).ok_or_else(|| wrong("no string `text`"))?;
        Ok((id(root)?, text.to_owned()))
    })
}

/// Reads what was predicted from one line. A span without a label is `PHI`.
pub fn read_prediction(line: &[u8], limits: &Limits) -> Result<Prediction, CorpusError> {
    with_root(line, limits, |root| Ok(Prediction { id: id(root)?, marks: marks(root, Some("PHI"), limits)? }))
}

/// Writes a note as one line, without the line end.
pub fn write(note: &Note) -> Result<String, CorpusError> {
    #[derive(Serialize)]
    struct Span<'n> {
        start: usize,
        end: usize,
        label: &'n str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sub: Option<&'n str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        score: Option<f64>,
    }
    #[derive(Serialize)]
    struct Place<'n> {
        start: usize,
        end: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'n str>,
    }
    #[derive(Serialize)]
    struct Line<'n> {
        id: &'n str,
        text: &'n str,
        spans: Vec<Span<'n>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        neutral: Vec<Place<'n>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        traps: Vec<Place<'n>>,
    }
    let span = |mark: &'_ Mark| (mark.start, mark.end);
    let line = Line {
        id: &note.id,
        text: &note.text,
        spans: note
            .marks
            .iter()
            .map(|mark| Span {
                start: span(mark).0,
                end: span(mark).1,
                label: &mark.label,
                sub: mark.sub.as_deref(),
                score: mark.score,
            })
            .collect(),
        neutral: note.neutral.iter().map(|&(start, end)| Place { start, end, kind: None }).collect(),
        traps: note
            .traps
            .iter()
            .map(|trap| Place { start: trap.start, end: trap.end, kind: Some(&trap.kind) })
            .collect(),
    };
    serde_json::to_string(&line).map_err(|_| wrong("the note has no form in JSON"))
}

fn wrong(why: &str) -> CorpusError {
    CorpusError::new(why)
}

/// Parses strictly: what has two readings is refused.
fn with_root<T>(
    line: &[u8],
    limits: &Limits,
    read: impl FnOnce(Node<'_, '_>) -> Result<T, CorpusError>,
) -> Result<T, CorpusError> {
    let parsed = json::parse(line, limits);
    if let Some(fault) = parsed.faults.first() {
        return Err(CorpusError::new(format!("at byte {}: {}", fault.offset, fault.message)));
    }
    let document = parsed.document.ok_or_else(|| wrong("is not JSON"))?;
    if document.root().kind() != JsonKind::Object {
        return Err(wrong("is not a JSON object"));
    }
    read(document.root())
}

/// A string, or a number as it is written.
fn id(root: Node<'_, '_>) -> Result<String, CorpusError> {
    let id = root.get("id").ok_or_else(|| wrong("has no `id`"))?;
    let text = id.as_str().map(str::to_owned).or_else(|| id.as_number().map(str::to_owned));
    text.ok_or_else(|| wrong("its `id` is neither a string nor a number"))
}

/// The items of a list that may be missing.
fn list<'d, 'a>(
    root: Node<'d, 'a>,
    key: &str,
    limits: &Limits,
) -> Result<impl Iterator<Item = Node<'d, 'a>>, CorpusError> {
    let list = root.get(key).filter(|list| list.kind() != JsonKind::Null);
    if let Some(list) = list {
        if list.kind() != JsonKind::Array {
            return Err(CorpusError::new(format!("`{key}` is not a list")));
        }
        check_count(list.len(), limits)?;
    }
    Ok(list.into_iter().flat_map(|list| list.items()))
}

fn marks(root: Node<'_, '_>, no_label: Option<&str>, limits: &Limits) -> Result<Vec<Mark>, CorpusError> {
    if root.get("spans").is_none() {
        return Err(wrong("has no `spans`"));
    }
    list(root, "spans", limits)?.map(|span| mark(span, no_label)).collect()
}

fn mark(span: Node<'_, '_>, no_label: Option<&str>) -> Result<Mark, CorpusError> {
    let (start, end) = places(span)?;
    let word = |key: &str| span.get(key).and_then(|word| word.as_str());
    let label = word("label").or(no_label).ok_or_else(|| wrong("a span has no string `label`"))?;
    let score = span.get("score").and_then(|score| score.as_number()).map(str::parse::<f64>);
    let score = score.transpose().map_err(|_| wrong("a span's `score` is no number"))?;
    Ok(Mark {
        start,
        end,
        label: label.to_owned(),
        sub: word("sub").filter(|sub| !sub.is_empty()).map(str::to_owned),
        score,
    })
}

fn places(span: Node<'_, '_>) -> Result<(usize, usize), CorpusError> {
    let number = |key: &str| {
        let number = span.get(key).and_then(|number| number.as_number());
        number
            .and_then(|number| number.parse::<usize>().ok())
            .ok_or_else(|| CorpusError::new(format!("a span's `{key}` is not a whole number from 0")))
    };
    Ok((number("start")?, number("end")?))
}

fn trap(span: Node<'_, '_>) -> Result<Trap, CorpusError> {
    let (start, end) = places(span)?;
    let kind =
        span.get("kind").and_then(|kind| kind.as_str()).ok_or_else(|| wrong("a trap has no `kind`"))?;
    Ok(Trap { start, end, kind: kind.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::notes;
    use super::*;

    fn told(line: &str) -> String {
        read(line.as_bytes(), &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        for (line, said) in [
            ("[]", "is not a JSON object"),
            (r#"{"text": "a", "spans": []}"#, "has no `id`"),
            (r#"{"id": [], "text": "a", "spans": []}"#, "neither a string nor a number"),
            (r#"{"id": 1, "spans": []}"#, "no string `text`"),
            (r#"{"id": 1, "text": "a"}"#, "has no `spans`"),
            (r#"{"id": 1, "text": "a", "spans": {}}"#, "`spans` is not a list"),
            (r#"{"id": 1, "text": "a", "spans": [{"end": 1}]}"#, "`start` is not a whole number"),
            (r#"{"id": 1, "text": "a", "spans": [{"start": -1, "end": 1}]}"#, "`start` is not a whole"),
            (r#"{"id": 1, "text": "a", "spans": [{"start": 0, "end": 1}]}"#, "no string `label`"),
            (
                r#"{"id": 1, "text": "a", "spans": [{"start": 0, "end": 2, "label": "X"}]}"#,
                "outside the text",
            ),
            (r#"{"id": 1, "text": "a", "spans": [{"start": 1, "end": 1, "label": "X"}]}"#, "is empty"),
            (r#"{"id": 1, "id": 2, "text": "a", "spans": []}"#, "at byte"),
        ] {
            let why = told(line);
            assert!(why.contains(said), "{line}: {why}");
        }
        let many = r#"{"start":0,"end":1,"label":"X"},"#.repeat(10_001);
        let line = format!(r#"{{"id":1,"text":"a","spans":[{}]}}"#, many.trim_end_matches(','));
        assert!(told(&line).contains("phi.max_marks"));
    }

    #[test]
    fn a_note_for_scoring_is_read_and_written_whole() {
        let line = concat!(
            r#"{"id":"n","text":"a b c","spans":[{"start":0,"end":1,"label":"NAME","sub":"patient","score":0.5}],"#,
            r#""neutral":[{"start":2,"end":3}],"traps":[{"start":4,"end":5,"kind":"dose"}]}"#
        );
        assert_eq!(write(&read(line.as_bytes(), &Limits::default()).unwrap()).unwrap(), line);
    }

    proptest! {
        #[test]
        fn round_trip(note in notes("(\\PC|[\r\n\t\u{0}\u{1f600}<>&\\]]){0,60}")) {
            let line = write(&note).unwrap();
            prop_assume!(!line.contains("\\u0000")); // the strict reader refuses it
            prop_assert!(read(line.as_bytes(), &Limits::default()).unwrap() == note);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, &Limits::default());
        }
    }
}
