//! What finds what tells of persons, and what it learns from.

#[cfg(feature = "ner-model")]
use std::io;
use std::sync::{Arc, LazyLock};

#[cfg(feature = "ner-model")]
use lazaret_core::Limit;
use lazaret_core::{KeyedDigest, Known, KnownFact, Label, Limits, Rewriter as _, Sensitive, Timestamp};
#[cfg(feature = "ner-model")]
use lazaret_input::{OpenError, ReadError};
#[cfg(feature = "ner-model")]
use lazaret_ner::{LocalModel, ModelSettings};
#[cfg(feature = "ner-model")]
use lazaret_phi::TokenClassifier as _;
use lazaret_phi::corpus::{Note, brat, i2b2, jsonl};
use lazaret_phi::{
    Answers, Editor, EntryKind, Knowledge, NewEntry, PhiRewriter, Scanner, With, shape_of, with_lines,
};

/// Marked notes: JSON lines, i2b2 XML, and brat where a zero byte stands between text and annotations. What is read
/// and can be written is read the same.
pub fn corpus(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let mut notes: Vec<_> =
        bytes.split(|byte| *byte == b'\n').map(|line| jsonl::read(line, &limits)).collect();
    notes.push(i2b2::read("n", bytes, &limits));
    let (text, annotations) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(0));
    notes.push(brat::read("n", text, annotations.get(1..).unwrap_or(&[]), &limits));
    for note in notes.iter().flatten() {
        if let Ok(written) = i2b2::write(note) {
            let again = i2b2::read(&note.id, written.as_bytes(), &limits);
            assert!(again.is_ok_and(|again| again.text == note.text && same_spans(&again, note)));
        }
        if let Ok((text, annotations)) = brat::write(note) {
            let again = brat::read(&note.id, text.as_bytes(), annotations.as_bytes(), &limits);
            assert!(again.is_ok_and(|again| again.text == note.text && same_spans(&again, note)));
        }
    }
    format!("{notes:?}")
}

fn same_spans(a: &Note, b: &Note) -> bool {
    let spans = |note: &Note| -> Vec<_> {
        let spans = note.marks.iter().map(|mark| (mark.start, mark.end, format!("{:?}", mark.kind())));
        spans.collect()
    };
    spans(a) == spans(b)
}

/// A text found in and written anew, in every form.
pub fn phi_edit(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let found = match Scanner::new().and_then(|scanner| scanner.scan(&text, None)) {
        Ok(found) => found,
        Err(error) => return error.to_string(),
    };
    let forms = [With::Redact, With::Surrogate, With::Shift, With::Generalise];
    let edited = forms.map(|with| {
        let mut editor = Editor::new(with, KeyedDigest([7; 32]), Timestamp::from_millis(1_700_000_000_000));
        editor.edit(&text, &found).expect("what a scan finds is disjoint and on character boundaries").text
    });
    format!("{edited:?} {:?}", lazaret_phi::clinical_content(&text, &found))
}

/// A hospital's own knowledge, in TOML, used on a short note.
pub fn knowledge(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match Knowledge::read(&text, "", Timestamp::default(), &Limits::default()) {
        Ok(knowledge) => {
            let scanner = Scanner::new().map(|scanner| scanner.knowing(Arc::new(knowledge)));
            let note = "Ward: Tansy East\nfolder QH.4471, Mr. Larkspur saw Thrale\nAssessment: Larkspur 4\n";
            scanner
                .map_or_else(|error| error.to_string(), |scanner| format!("{:?}", scanner.scan(note, None)))
        }
        Err(error) => error.to_string(),
    }
}

/// An entry that somebody proposes, a field a line: refused, or one entry more in a file, which keeps all it had.
pub fn knowledge_entry(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut fields = text.split('\n');
    let mut field = || fields.next().map(|field| field.replace('\u{b}', "\n"));
    let entry = NewEntry {
        kind: field().and_then(|kind| EntryKind::parse(&kind)).unwrap_or(EntryKind::Allow),
        text: field().unwrap_or_default(),
        label: field().and_then(|label| Label::parse(&label)),
        after: field().filter(|word| !word.is_empty()).into_iter().collect(),
        ward: field().filter(|name| !name.is_empty()),
        author: field().filter(|name| !name.is_empty()),
        section: field().filter(|name| !name.is_empty()),
        until: field().filter(|day| !day.is_empty()),
    };
    // Who answers for it and why is asked for apart: neither is empty.
    let reason = format!("r{}", field().unwrap_or_default());
    let lines = entry.lines(&Answers { owner: "o", approver: "a", reason: &reason });
    let file = "version = 1   # ours\n[[ward]]\nnames = ['Tansy East']";
    let with = with_lines(file, &lines);
    assert!(with.starts_with(file), "what was in the file is as it was");
    let (now, limits) = (Timestamp::default(), Limits::default());
    let checked = entry.check(now, &limits);
    let read = Knowledge::read(&with, "", now, &limits).map(|read| read.size());
    if checked.is_ok() {
        let one_more = if entry.kind == EntryKind::Shape { (1, 1) } else { (2, 0) };
        assert_eq!(read.as_ref().ok(), Some(&one_more), "one entry more, and no other");
    }
    let shape = shape_of(&entry.text);
    format!("{checked:?} {shape:?} {}", entry.is_told_by(&reason))
}

/// The files of a token classifier, each after a line `%% NAME`, and a text that is read with it. Of the weights the header
/// stands for itself (`%% header`, then `%% values`): its length is put before it, so that a changed header is read.
/// Whatever they hold, the model is refused in words or marks the text in order, on boundaries.
#[cfg(feature = "ner-model")]
pub fn model(bytes: &[u8]) -> String {
    let mut files = std::collections::BTreeMap::new();
    let mut rest = bytes;
    while let Some(after) = rest.strip_prefix(b"%% ") {
        let Some(end) = after.iter().position(|byte| *byte == b'\n') else { break };
        let (name, behind) = (String::from_utf8_lossy(&after[..end]).into_owned(), &after[end + 1..]);
        let next = behind.windows(4).position(|four| four == b"\n%% ").map_or(behind.len(), |at| at + 1);
        // Values may hold anything.
        let next = if name == "values" { behind.len() } else { next };
        files.insert(name, behind[..next].to_vec());
        rest = &behind[next..];
    }
    let (mut header, values) = (files.remove("header").unwrap_or_default(), files.remove("values"));
    header.truncate(header.trim_ascii_end().len());
    let length = (header.len() as u64).to_le_bytes();
    files
        .insert("model.safetensors".to_owned(), [&length, &header[..], &values.unwrap_or_default()].concat());
    let text = files.remove("text").unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut limits = Limits::default();
    for (key, most) in [
        ("phi.model.max_config", 8 << 10),
        ("phi.model.max_tokenizer", 32 << 10),
        ("phi.model.max_weights", 64 << 10),
        ("phi.model.max_header", 16 << 10),
        ("phi.model.max_vocabulary", 1_000),
        ("phi.model.max_width", 64),
        ("phi.model.max_labels", 20),
    ] {
        limits.set(key, most);
    }
    let read = |file: &str, most: Limit| -> Result<Vec<u8>, ReadError> {
        let missing = || OpenError::System(io::ErrorKind::NotFound.into());
        let bytes = files.get(file).ok_or_else(missing)?;
        most.check(bytes.len() as u64)?;
        Ok(bytes.clone())
    };
    let settings = ModelSettings { threshold: 0.1, ..ModelSettings::default() };
    let model = match LocalModel::of_files(&read, &settings, &limits) {
        Ok(model) => model,
        Err(error) => return lazaret_core::chain(&error),
    };
    let Ok(marks) = model.classify(&text) else { return "the text failed".to_owned() };
    let mut last = 0;
    for mark in &marks {
        let part = text.get(mark.span.start..mark.span.end);
        assert!(part.is_some_and(|part| !part.is_empty()) && last <= mark.span.start);
        last = mark.span.end;
    }
    format!("{} {marks:?}", model.version())
}

/// Every label that values are rewritten under.
const LABELS: [Label; 8] = [
    Label::DATE,
    Label::BIRTH_DATE,
    Label::AGE,
    Label::ZIP,
    Label::PATIENT,
    Label::PHONE,
    Label::EMAIL,
    Label::RECORD_ID,
];

/// Values rewritten: the first four bytes are the days, the rest is the value.
pub fn phi_rewrite(bytes: &[u8]) -> String {
    let (days, value) =
        bytes.split_first_chunk::<4>().map_or((1, bytes), |(days, value)| (i32::from_le_bytes(*days), value));
    let text = String::from_utf8_lossy(value);
    let rewriter = PhiRewriter::new(Timestamp::from_millis(1_700_000_000_000));
    let made = LABELS.map(|label| {
        let shifts = [days, days % 366].map(|days| rewriter.shift(label, &text, days));
        (rewriter.generalise(label, &text), shifts, rewriter.surrogate(label, &text, &KeyedDigest([7; 32])))
    });
    format!("{made:?}")
}

/// Text scanned, with nothing known and with its own first words known: spans are in order, disjoint, on characters.
pub fn phi_text(bytes: &[u8]) -> String {
    static SCANNER: LazyLock<Option<Scanner>> = LazyLock::new(|| Scanner::new().ok());
    let text = String::from_utf8_lossy(bytes);
    let Some(scanner) = SCANNER.as_ref() else { return "no scanner".to_owned() };
    let facts = text.split(['\n', ';']).take(8).zip(LABELS);
    let facts =
        facts.map(|(text, label)| KnownFact { label, text: Sensitive::new(text.to_owned()) }).collect();
    let known = Known { facts, too_much: false };
    let found = [None, Some(&known)].map(|known| {
        let Ok(found) = scanner.scan(&text, known) else { return Vec::new() };
        let mut end = 0;
        for span in found.iter().map(|detection| detection.span) {
            assert!(span.start >= end && span.start < span.end, "spans are in order, disjoint, not empty");
            assert!(text.get(span.start..span.end).is_some(), "a span is not on characters");
            end = span.end;
        }
        let points = lazaret_phi::code_points(&text, &found);
        assert!(points.iter().all(|(start, end)| start < end), "code points are as the bytes are");
        let said = scanner.assess(&text, &found);
        assert!(
            said.len() <= 2 && said.iter().all(|a| (0.0..=1.0).contains(&a.confidence.value())),
            "scores"
        );
        found
    });
    format!("{found:?}")
}
