//! Whether a text is a structured file rather than prose: JSON, XML, rows with a delimiter, HL7 v2, SQL. As a note
//! only its words would be searched, and what its keys and columns say would be lost; so whoever reads prose asks
//! here first, and a doubt is decided against prose.
//!
//! Content is looked at as a reader would: decoded from UTF-16, byte order marks, blanks and invisible characters at
//! its start left out. Prose with commas, lists, tables or a snippet of JSON in its middle is prose.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};
use memchr::memmem;

use crate::sniff::HEAD;

/// Endings of names that say a structured format, each with its name in messages.
const ENDINGS: [(&str, &str); 48] = [
    ("json", "JSON"),
    ("ndjson", "NDJSON"),
    ("jsonl", "NDJSON"),
    ("json5", "JSON"),
    ("geojson", "JSON"),
    ("fhir", "FHIR"),
    ("csv", "CSV"),
    ("tsv", "CSV"),
    ("psv", "CSV"),
    ("tab", "CSV"),
    ("xml", "XML"),
    ("xsd", "XML"),
    ("xsl", "XML"),
    ("cda", "XML"),
    ("ccd", "XML"),
    ("ccda", "XML"),
    ("html", "HTML"),
    ("htm", "HTML"),
    ("xhtml", "HTML"),
    ("mhtml", "HTML"),
    ("svg", "XML"),
    ("hl7", "HL7 v2"),
    ("er7", "HL7 v2"),
    ("adt", "HL7 v2"),
    ("oru", "HL7 v2"),
    ("x12", "X12"),
    ("edi", "X12"),
    ("sql", "SQL"),
    ("dump", "SQL"),
    ("yaml", "YAML"),
    ("yml", "YAML"),
    ("toml", "TOML"),
    ("ini", "INI"),
    ("plist", "XML"),
    ("rtf", "rich text"),
    ("doc", "a word processor's file"),
    ("docx", "a word processor's file"),
    ("odt", "a word processor's file"),
    ("xls", "a spreadsheet"),
    ("xlsx", "a spreadsheet"),
    ("ods", "a spreadsheet"),
    ("parquet", "Parquet"),
    ("avro", "Avro"),
    ("db", "a database"),
    ("sqlite", "a database"),
    ("pdf", "PDF"),
    ("dcm", "DICOM"),
    ("zip", "zip"),
];

/// How far into a text its structure may begin, after a comment or a heading.
const BEGINS: usize = 512;

/// The structured format that the ending of a name says (`csv`, `json.gz`), in words for messages.
pub fn by_ending(ending: &str) -> Option<&'static str> {
    let first = ending.split('.').next().unwrap_or(ending);
    ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(first)).map(|(_, name)| *name)
}

/// The structured format that a media type says, in words for messages.
pub fn by_media_type(media_type: &str) -> Option<&'static str> {
    let lower = media_type.to_ascii_lowercase();
    let says = [("json", "JSON"), ("xml", "XML"), ("html", "HTML"), ("csv", "CSV"), ("tab-separated", "CSV")];
    let more = [("hl7", "HL7 v2"), ("sql", "SQL"), ("yaml", "YAML")];
    says.into_iter().chain(more).find(|(part, _)| lower.contains(part)).map(|(_, name)| name)
}

/// The structured format that the first bytes of a file look like.
pub fn of_bytes(head: &[u8]) -> Option<&'static str> {
    of_text(&text_of(head), head.len() >= HEAD)
}

/// The structured format that a text looks like; `cut` says that there may be more of it.
pub fn of_text(text: &str, cut: bool) -> Option<&'static str> {
    let text = text.trim_matches(is_blank);
    if memmem::find(text.as_bytes(), b"\"resourceType\"").is_some() {
        return Some("FHIR JSON");
    }
    if is_json(text, cut) {
        Some("JSON")
    } else if is_xml(text) {
        Some("XML")
    } else if is_hl7(text) {
        Some("HL7 v2")
    } else if is_sql(text) {
        Some("SQL")
    } else if is_rows(text, cut) {
        Some("CSV")
    } else {
        None
    }
}

/// The text of some bytes, as far as it can be told: UTF-16 by its mark or its zeros, else UTF-8.
fn text_of(head: &[u8]) -> Cow<'_, str> {
    let zeros = |at: usize| head.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let even = head.get(..head.len() & !1).unwrap_or(head);
    let mostly = even.len() / 4;
    match head {
        [0xff, 0xfe, ..] => UTF_16LE.decode_without_bom_handling(even).0,
        [0xfe, 0xff, ..] => UTF_16BE.decode_without_bom_handling(even).0,
        _ if mostly > 0 && zeros(1) > mostly && zeros(0) == 0 => UTF_16LE.decode_without_bom_handling(even).0,
        _ if mostly > 0 && zeros(0) > mostly && zeros(1) == 0 => UTF_16BE.decode_without_bom_handling(even).0,
        _ => String::from_utf8_lossy(head),
    }
}

/// Blanks, control characters, and what is not seen: marks, joiners, soft hyphens.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}' | '\u{fff9}'..='\u{fffb}' | '\u{fe00}'..='\u{fe0f}')
}

/// A document at the start; or one after a few words, a comment or a call, that is the rest and most of the text.
fn is_json(text: &str, cut: bool) -> bool {
    if begins_json(text) {
        return true;
    }
    let ends = cut || text.ends_with(['}', ']', ')', ';']);
    let begins = |at: usize| text.get(at..).is_some_and(|rest| has_key(rest) || has_items(rest));
    ends && text
        .char_indices()
        .take_while(|(at, _)| *at < BEGINS)
        .filter(|(_, c)| matches!(c, '{' | '['))
        .any(|(at, _)| begins(at) && at <= text.len() / 2)
}

fn begins_json(text: &str) -> bool {
    let inner = |from: usize| text.get(from..).unwrap_or("").trim_start_matches(is_blank);
    match text.as_bytes() {
        [b'{', ..] => {
            let rest = inner(1);
            let word = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
            rest.is_empty()
                || rest.starts_with(['"', '\'', '}'])
                || (word.len() < rest.len() && word.trim_start_matches(is_blank).starts_with(':'))
        }
        [b'[', ..] => {
            let rest = inner(1);
            let number =
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | 'e'));
            // `[ ] fever [x] cough` is a list to tick, `[12]` a reference.
            let numbers = number.len() < rest.len() && number.trim_start_matches(is_blank).starts_with(',');
            let alone = rest == "]" || rest.is_empty();
            alone || rest.starts_with(['{', '"', '[']) && !rest.starts_with("[*") || numbers
        }
        // `"x"`, then more of the same.
        [b'"', ..] => inner(1).split_once('"').is_some_and(|(_, rest)| {
            let rest = rest.trim_start_matches(is_blank);
            rest.starts_with(['{', '[', ':']) || rest.is_empty()
        }),
        _ => matches!(text, "null" | "true" | "false"),
    }
}

/// `{ "key":`
fn has_key(rest: &str) -> bool {
    let Some(inner) = rest.strip_prefix('{') else { return false };
    let Some(key) = inner.trim_start_matches(is_blank).strip_prefix('"') else { return false };
    key.split_once('"')
        .is_some_and(|(key, after)| key.len() <= 128 && after.trim_start_matches(is_blank).starts_with(':'))
}

/// `[ { "key":`
fn has_items(rest: &str) -> bool {
    rest.strip_prefix('[').is_some_and(|inner| has_key(inner.trim_start_matches(is_blank)))
}

/// A declaration, or an element that ends; or the marks of a clinical document near the start.
fn is_xml(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = match bytes {
        [b'<', b'?' | b'!', ..] => true,
        [b'<', first, ..] if first.is_ascii_alphabetic() => {
            memmem::find(bytes, b"</").is_some() || memmem::find(bytes, b"/>").is_some()
        }
        _ => false,
    };
    let near = bytes.get(..BEGINS).unwrap_or(bytes);
    begins
        || [&b"<?xml"[..], b"<ClinicalDocument", b"<!DOCTYPE", b"<html", b"urn:hl7-org:v3"]
            .iter()
            .any(|mark| memmem::find(near, mark).is_some())
}

fn is_hl7(text: &str) -> bool {
    let near = text.get(..floor(text, BEGINS)).unwrap_or(text);
    ["MSH|", "FHS|", "BHS|"].iter().any(|mark| text.starts_with(mark)) || near.contains("MSH|^~\\&")
}

/// A statement that makes or fills a table at the start of a line.
fn is_sql(text: &str) -> bool {
    let near = text.get(..floor(text, 4 << 10)).unwrap_or(text);
    near.lines().map(str::trim_start).any(|line| {
        ["insert into ", "create table ", "replace into ", "drop table ", "alter table ", "copy "].iter().any(
            |verb| {
                let begins = line.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb));
                begins && (*verb != "copy " || line.to_ascii_lowercase().contains(" from stdin"))
            },
        )
    })
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// How many lines are compared.
const LINES: usize = 200;

/// Three lines or more with a delimiter equally often, and few others; or a header of plain names and one row.
fn is_rows(text: &str, cut: bool) -> bool {
    let plain: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(LINES).collect();
    let joined = join_quoted(&plain);
    [',', ';', '\t', '|'].into_iter().any(|delimiter| {
        let plain: Vec<&str> = plain.iter().map(|line| line.trim_end()).collect();
        let joined: Vec<&str> = joined.iter().map(String::as_str).collect();
        [plain, joined].into_iter().any(|mut lines| {
            if cut && lines.len() > 3 {
                lines.pop();
            }
            is_table(&lines, delimiter)
        })
    })
}

fn is_table(lines: &[&str], delimiter: char) -> bool {
    let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, delimiter)).collect();
    let (mut most, mut columns, mut from) = (0, 0, 0);
    for (at, count) in counts.iter().enumerate() {
        let run = counts.iter().skip(at).take_while(|of| *of == count).count();
        if *count > 0 && run > most {
            (most, columns, from) = (run, *count, at);
        }
    }
    let rows = lines.get(from..from.saturating_add(most)).unwrap_or(&[]);
    let Some(header) = rows.first() else { return false };
    // A table of Markdown is a way to write a note.
    let rule = |row: &&str| row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    if delimiter == '|' && header.starts_with('|') && rows.get(1).is_some_and(rule) {
        return false;
    }
    let of_names = header.split(delimiter).all(is_column_name);
    // Of prose a blank follows the comma: `BP 120/80, HR 72`.
    let signs: usize = rows.iter().map(|row| row.matches(delimiter).count()).sum();
    let blanks: usize = rows.iter().map(|row| row.matches(&format!("{delimiter} ")).count()).sum();
    let apart = matches!(delimiter, ',' | ';') && blanks.saturating_mul(2) > signs;
    let all = most == lines.len();
    let nearly = most.saturating_mul(5) >= lines.len().saturating_mul(4);
    match most {
        0 | 1 => false,
        2 => all && columns >= 1 && of_names && !apart && (columns >= 2 || matches!(delimiter, '\t' | '|')),
        _ if apart => all && columns >= 2 && of_names,
        _ if columns == 1 => all,
        _ => nearly,
    }
}

/// `Id`, `"BIRTH_DATE"`, `last name`: letters, and no sentence.
fn is_column_name(cell: &str) -> bool {
    let cell = cell.trim().trim_matches('"');
    let words = cell.split([' ', '_', '-']).count();
    (1..=40).contains(&cell.len())
        && words <= 4
        && cell.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && cell.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | '(' | ')' | '/'))
        && !cell.ends_with('.')
}

/// Lines joined where a quote is open; each of at most some lines.
fn join_quoted(lines: &[&str]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        match joined.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(line.trim_end());
            }
            _ => joined.push(line.trim_end().to_owned()),
        }
        open ^= line.matches('"').count() % 2 == 1;
    }
    joined
}

fn outside_quotes(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    line.chars()
        .filter(|c| {
            quoted ^= *c == '"';
            !quoted && *c == delimiter
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, marked: bool) -> Vec<u8> {
        let mark = marked.then_some(0xfeff_u16);
        mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn structure_is_seen_through_marks_blanks_and_charsets() {
        let patient = "{\"name\": [{\"family\": \"Featherstone\"}]}";
        let table = "Id,LAST,FIRST\n1,Featherstone,Quillan\n";
        let document =
            "<?xml version=\"1.0\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"></ClinicalDocument>";
        for (before, after) in [
            ("", ""),
            ("\u{feff}", ""),
            ("\u{feff}\u{feff}", "\n"),
            ("\u{a0}", ""),
            ("\u{200b} \u{2060}\n", " "),
            ("// export\n", ""),
            ("# of today\r\n", ""),
            ("\"x\"\n", ""),
            ("#\n", ""),
            ("x", ""),
            ("var patients = ", ";"),
            ("callback(", ")"),
            ("[ ", " ]"),
        ] {
            let text = format!("{before}{patient}{after}");
            assert_eq!(of_bytes(text.as_bytes()), Some("JSON"), "{text:?}");
            for marked in [true, false] {
                assert_eq!(of_bytes(&utf16(&text, marked)), Some("JSON"), "{text:?} in UTF-16");
            }
        }
        for (text, what) in [
            (table, "CSV"),
            ("\u{feff}\u{feff}Id;LAST;FIRST\r\n1;Featherstone;Quillan\r\n2;Larue;Sumiko\r\n", "CSV"),
            ("Name\tBorn\nQuillan\t1971\nSumiko\t1948\n", "CSV"),
            ("1|Featherstone|Quillan|F\n2|Larue|Sumiko|F\n3|Vance|Ott|M\n", "CSV"),
            ("\"a\",\"b, c\"\n\"1\n2\",3\n4,5\n", "CSV"),
            ("Export of today\nId,LAST,FIRST,BORN\n1,A,B,1971\n2,C,D,1972\n3,E,F,1973\n4,G,H,1974\n", "CSV"),
            ("Id, LAST, FIRST\n1, Featherstone, Quillan\n2, Larue, Sumiko\n", "CSV"),
            (document, "XML"),
            ("<!-- export -->\n<patients><p/></patients>", "XML"),
            ("note\n<?xml version='1.0'?><a/>", "XML"),
            ("<table><tr><td>Featherstone</td></tr></table>", "XML"),
            ("MSH|^~\\&|LAB\rPID|1||7\r", "HL7 v2"),
            ("\u{feff}\u{b}MSH|^~\\&|LAB\rPID|1\r", "HL7 v2"),
            ("-- dump\nINSERT INTO patients VALUES (1, 'Featherstone');\n", "SQL"),
            ("{resourceType: 'Patient'}", "JSON"),
            ("[1, 2, 3]", "JSON"),
            ("null\n", "JSON"),
            ("{\"a\": 1}\n{\"a\": 2}\n", "JSON"),
            ("x\"resourceType\": \"Patient\"", "FHIR JSON"),
        ] {
            assert_eq!(of_bytes(text.as_bytes()), Some(what), "{text:?}");
            assert_eq!(of_bytes(&utf16(text, true)), Some(what), "{text:?} in UTF-16");
        }
    }

    #[test]
    fn prose_is_prose_with_commas_lists_tables_and_snippets() {
        let snippet =
            "She showed her app. It said {\"steps\": 4100, \"sleep\": 6} on the screen.\nWill walk more.";
        let table = "Seen today, well.\n\nTest|Value|Unit\nNa|138|mmol/L\nK|4.1|mmol/L\n\nPlan: home, rest.\nReturn in a week.";
        for text in [
            "",
            "Seen today.",
            "She came in, well, no pain.\nNo fever, no cough, sleeps.\nHome today, alone, by taxi.",
            "BP 120/80, HR 72\nTemp 98.6, RR 16\nSpO2 98, weight 70",
            "BP, HR and weight are fine\nSleep, appetite too",
            "1. Pain; better\n2. Cough; gone\n3. Sleep; poor",
            "- aspirin 81 mg, daily\n- metformin 500 mg, twice\n- none other, she says\n",
            "[ ] fever [x] cough\n[x] pain [ ] rash",
            "[12] as said before",
            "[** name **] was seen",
            "{name} was seen today, and {she} is well",
            "<3 of four doses taken",
            "<name> was seen",
            "\"I feel fine\" she said, and left.",
            "Name: Featherstone\nBorn: 1971\nSeen: today\n",
            "| time | event |\n|---|:--|\n| 08:02 | Arrived |\n| 08:10 | Port flushed |\n",
            "Dear colleague,\nthank you,\nyours",
            snippet,
            table,
        ] {
            assert_eq!(of_bytes(text.as_bytes()), None, "{text:?}");
            assert_eq!(of_bytes(&utf16(text, true)), None, "{text:?} in UTF-16");
        }
    }

    #[test]
    fn names_say_what_files_are() {
        assert_eq!(
            (by_ending("json"), by_ending("csv.gz"), by_ending("YML")),
            (Some("JSON"), Some("CSV"), Some("YAML"))
        );
        assert_eq!((by_ending("txt"), by_ending("note"), by_ending("txt.gz")), (None, None, None));
        assert_eq!(
            (by_media_type("application/fhir+json"), by_media_type("text/plain")),
            (Some("JSON"), None)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
            let _ = (of_bytes(&bytes), of_text(&text, true), of_text(&text, false));
        }
    }
}
