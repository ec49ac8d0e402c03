//! Attachments: base64, size and hash, and the text of those that are text.

use lazaret_core::{Limit, Limits};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::charset::{self, Charset};
use lazaret_input::sniff::{HEAD, Kind as Sniffed, sniff};
use lazaret_input::{MAX_RECORD, json};

use super::view::{Kind, Language, View};

/// What is decoded is smaller than its record, which has a limit of its own.
const AS_LARGE_AS_ITS_RECORD: Limit = MAX_RECORD.with(u64::MAX);

/// Decodes base64 as FHIR writes it: RFC 4648 with padding, white space allowed.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    base64::decode(text, Whitespace::Skipped, AS_LARGE_AS_ITS_RECORD).ok()
}

/// Encodes bytes as base64.
pub(crate) fn encode(bytes: &[u8]) -> String {
    base64::encode(bytes)
}

/// The hash FHIR R4 wants of an attachment: SHA-1, in base64. Not a protection, only what the standard asks.
pub(crate) fn sha1(bytes: &[u8]) -> String {
    encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

/// Whether a base64 hash is the SHA-1 of some bytes.
pub(crate) fn hash_holds(hash: &str, bytes: &[u8]) -> bool {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    decode(hash).is_some_and(|told| told == digest.as_ref())
}

/// What a content type says of a text: how it is written, and in which charset (empty for none declared).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared<'t> {
    kind: Kind,
    charset: &'t str,
}

impl Declared<'_> {
    /// What declares nothing.
    pub(crate) const NOTHING: Self = Self { kind: Kind::Plain, charset: "utf-8" };
}

/// Texts with escapes of their own, which nobody decodes here.
const UNREAD: [&str; 12] = [
    "rtf",
    "x-rtf",
    "richtext",
    "enriched",
    "vcard",
    "x-vcard",
    "directory",
    "calendar",
    "x-vcalendar",
    "troff",
    "x-tex",
    "x-latex",
];

/// Whether a content type is text that detectors can read.
pub(crate) fn declared(content_type: &str) -> Option<Declared<'_>> {
    let mut parts = content_type.split(';').map(str::trim);
    let full = parts.next()?.to_ascii_lowercase();
    let (top, sub) = full.split_once('/')?;
    let is = |known: &[&str], suffix: &str| known.contains(&sub) || sub.ends_with(suffix);
    let kind = match top {
        "text" if UNREAD.contains(&sub) => return None,
        "text" | "application" if is(&["html", "xhtml"], "xhtml+xml") => Kind::Markup(Language::Html),
        "text" | "application" if is(&["xml"], "+xml") => Kind::Markup(Language::Xml),
        "text" | "application" if is(&["json", "x-json", "ndjson", "x-ndjson"], "+json") => Kind::Json,
        "text" => Kind::Plain,
        _ => return None,
    };
    let charset = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    Some(Declared { kind, charset: charset.unwrap_or("") })
}

/// The text of an attachment, as its reader sees it, and how it was written. None where it is not what it is
/// declared to be, or cannot be looked through: no detector sees then what a reader sees.
pub(crate) fn look_into(bytes: &[u8], declared: Declared<'_>) -> Option<(View, Charset)> {
    let (text, charset) = charset::decode(bytes, Some(declared.charset)).ok()?;
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let head: String = start.chars().take(HEAD / 4).collect();
    let kind = match (sniff(head.as_bytes()), declared.kind) {
        (Sniffed::Json | Sniffed::Ndjson, Kind::Plain) if is_json(start) => Kind::Json,
        (Sniffed::Xml, Kind::Plain | Kind::Markup(_)) if is_html(&head) => Kind::Markup(Language::Html),
        (Sniffed::Xml, Kind::Plain) if start.starts_with("<?xml") => Kind::Markup(Language::Xml),
        (
            Sniffed::Empty | Sniffed::Csv | Sniffed::Text | Sniffed::Json | Sniffed::Ndjson | Sniffed::Xml,
            kind,
        ) => kind,
        _ => return None,
    };
    if has_control(&text) || !agrees(&text, declared.charset, charset) {
        return None;
    }
    let view = View::of(text.into_owned(), kind)?;
    (!is_veiled(view.text())).then_some((view, charset))
}

/// The text of bytes that declare nothing, such as `valueBase64Binary`.
pub(crate) fn look_into_undeclared(bytes: &[u8]) -> Option<(View, Charset)> {
    look_into(bytes, Declared::NOTHING)
}

fn is_json(text: &str) -> bool {
    let is_one = |text: &str| {
        let parsed = json::parse(text.as_bytes(), &Limits::default());
        parsed.document.is_some()
    };
    is_one(text) || text.lines().filter(|line| !line.trim().is_empty()).all(is_one)
}

fn is_html(head: &str) -> bool {
    let head = head.to_ascii_lowercase();
    ["<!doctype html", "<html", "<body", "<head"].iter().any(|mark| head.contains(mark))
}

/// Control characters that no text has.
fn has_control(text: &str) -> bool {
    text.chars()
        .any(|c| u32::from(c) < 0x20 && !matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1b}'))
}

/// How many charsets markup may name.
const MAX_LABELS: usize = 8;

/// Whether the charsets that markup names within read the text as it was read here. Where one is declared
/// outside, that one holds, and those within need only be known. UTF-16 within what is none is a habit of writers.
fn agrees(text: &str, declared: &str, charset: Charset) -> bool {
    let head: String = text.chars().take(HEAD / 4).collect::<String>().to_ascii_lowercase();
    if !head.contains('<') {
        return true;
    }
    let mut labels: Vec<&str> = Vec::new();
    for key in ["encoding=", "charset="] {
        for value in head.split(key).skip(1) {
            let value = value.trim_start_matches(['"', '\'', ' ']);
            let end = value.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
            labels.push(value.get(..end.unwrap_or(value.len())).unwrap_or(""));
        }
    }
    labels.sort_unstable();
    labels.dedup();
    labels.retain(|label| !label.is_empty() && !label.starts_with("utf-16"));
    let sample = if declared.is_empty() { charset.encode(text).ok() } else { Some(Vec::new()) };
    let is_read_alike = |label: &&str| {
        let again = sample.as_deref().and_then(|bytes| charset::decode(bytes, Some(label)).ok());
        again.is_some_and(|(again, _)| !declared.is_empty() || again == text)
    };
    labels.len() <= MAX_LABELS && labels.iter().all(is_read_alike)
}

/// Whether a text holds another that is not looked into: rich text, PDF, mail in a transfer encoding, base64.
fn is_veiled(text: &str) -> bool {
    let lower_head = text.chars().take(HEAD).collect::<String>().to_ascii_lowercase();
    let is_encoded_mail = lower_head.split("content-transfer-encoding:").skip(1).any(|rest| {
        ["base64", "quoted-printable"].iter().any(|encoding| rest.trim_start().starts_with(encoding))
    });
    is_encoded_mail
        || text.contains("{\\rtf")
        || text.contains("%PDF-1")
        || has_base64(text)
        || text.split(|c: char| !is_of_base64(c)).any(holds_text)
}

/// A run of so many characters is base64 and no word; of so many where there is nothing else.
const LONG_RUN: usize = 100;
const WHOLE_RUN: usize = 20;

/// Fewer characters than these hold hardly a name, and words may be base64 by chance.
const TEXT_RUN: usize = 24;

/// Whether a word is base64 that holds a text: next to no word does by chance.
fn holds_text(word: &str) -> bool {
    let has = |what: fn(&u8) -> bool| word.as_bytes().iter().any(what);
    word.len() >= TEXT_RUN
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && decode(&format!("{word}{}", "=".repeat(word.len().wrapping_neg() % 4))).is_some_and(|bytes| {
            std::str::from_utf8(&bytes).is_ok_and(|text| !has_control(text) && !text.contains('\u{7f}'))
        })
}

fn is_of_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/')
}

/// Base64 in lines of any length. Words, hexadecimal numbers and paths change their kind of letter seldom.
fn has_base64(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 0_u8,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let looks_like =
        |run: &Run| run.classes & 3 == 3 && run.changes.saturating_mul(5) >= run.length.saturating_mul(2);
    let mut run = Run::default();
    let mut line = 0_usize;
    let trimmed = text.trim();
    for (at, byte) in trimmed.bytes().enumerate() {
        if is_of_it(byte) {
            let class = class(byte);
            run.changes = run.changes.saturating_add(usize::from(run.last.is_some_and(|last| last != class)));
            run.classes |= 1 << class;
            run.last = Some(class);
            run.length = run.length.saturating_add(1);
            line = line.saturating_add(1);
            if run.length >= LONG_RUN && looks_like(&run) {
                return true;
            }
        } else if matches!(byte, b'\r' | b'\n') && (line >= 40 || line == 0) {
            line = 0;
        } else if byte != b'=' || trimmed.len().saturating_sub(at) > 2 {
            (run, line) = (Run::default(), 0);
        }
    }
    let is_whole =
        trimmed.bytes().filter(|byte| !byte.is_ascii_whitespace()).count() <= run.length.saturating_add(2);
    run.length >= WHOLE_RUN
        && is_whole
        && looks_like(&run)
        && decode(trimmed).is_some_and(|bytes| sniff(bytes.get(..HEAD).unwrap_or(&bytes)) != Sniffed::Unknown)
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    length: usize,
    changes: usize,
    /// Bits of the kinds of letter it has.
    classes: u8,
    last: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict_but_for_space() {
        for good in ["aGVsbG8=", "aGVs bG8=\n", ""] {
            assert!(decode(good).is_some(), "{good}");
        }
        for bad in ["@@@@", "aGVsbG8", "aGVsbG9=", "aGVsbG8==", "aGVs-G8=", "=", "aGVsbG8=aGVsbG8="] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_hash_is_of_the_data() {
        assert_eq!(sha1(b"hello"), "qvTGHdzF6KLavt4PO0gs2a6pQ00=");
        assert!(hash_holds("qvTGHdzF6KLavt4PO0gs2a6pQ00=", b"hello"));
        assert!(!hash_holds("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"hello"));
    }

    #[test]
    fn what_is_text() {
        let of = |of: &'static str| declared(of).map(|declared| (declared.kind, declared.charset));
        assert_eq!(of("text/plain"), Some((Kind::Plain, "")));
        assert_eq!(of("text/plain; charset=\"ISO-8859-1\""), Some((Kind::Plain, "ISO-8859-1")));
        assert_eq!(of("TEXT/HTML;charset=utf-8"), Some((Kind::Markup(Language::Html), "utf-8")));
        assert_eq!(of("application/xhtml+xml"), Some((Kind::Markup(Language::Html), "")));
        assert_eq!(of("application/hl7-cda+xml"), Some((Kind::Markup(Language::Xml), "")));
        assert_eq!(of("application/fhir+json"), Some((Kind::Json, "")));
        for other in ["application/pdf", "image/png", "image/svg+xml", "text/rtf", "text/vcard", "text", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    fn seen(of: &str, text: &str) -> Option<String> {
        look_into(text.as_bytes(), declared(of).unwrap()).map(|(view, _)| view.text().to_owned())
    }

    #[test]
    fn a_content_type_that_lies_is_told() {
        let long = encode(&(0..90_u8).map(|n| n.wrapping_mul(37)).collect::<Vec<_>>());
        let lines = long
            .as_bytes()
            .chunks(60)
            .map(|line| String::from_utf8_lossy(line))
            .collect::<Vec<_>>()
            .join("\r\n");
        for text in [
            r"{\rtf1\ansi M\'fcller}",
            "\n {\\rtf1 Quillan}",
            "Letter:\n{\\rtf1\\ansi Quillan}",
            "%PDF-1.4\n1 0 obj",
            "\r\n%PDF-1.7",
            "MSH|^~\\&|LAB\rPID|1||88\\X32\\13\r",
            &long,
            &lines,
            &format!("see {long} end"),
            &encode(b"Jane Quillan, MRN 88213377"),
            &format!("see data:text/plain;base64,{} below", encode("Jürgen Moor, 1958".as_bytes())),
            &format!("token={}", encode(b"Jane Quillan, MRN 882133").trim_end_matches('=')),
            &format!("{{\"data\":\"{}\"}}", encode(b"Jane Quillan, MRN 88213377")),
            "Content-Transfer-Encoding: quoted-printable\n\nJ=C3=BCrgen",
            "a\u{1}b",
        ] {
            assert_eq!(seen("text/plain", text), None, "{text}");
        }
    }

    #[test]
    fn plain_text_is_looked_at_as_it_is() {
        for text in [
            "Seen today, BP < 120 & HR > 60, temp <37. R&D; done.",
            "[x] seen today; \"quote\n",
            "{patient} seen\n",
            "a,b\n1,2\n",
            "sha512 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "ACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGTACGT",
            "https://intranet.example/departments/cardiology/patients/reports/2024/summary-of-the-last-visit/attachments/index",
            "hello",
            "",
            "Pneumonoultramicroscopicsilicovolcanoconiosis, HydroxychloroquineSulfateTabletsUSP200MilligramsDaily",
            "id 6fa459ea-ee8a-3ca4-894e-db77e160355e, Zm9vYmFyYmF6, VVVVVVVVVVVVVVVVVVVVVVVVVVVV, q83vEjRWeJCrze8SNFZ4kA==",
            "==========================================================================================================",
        ] {
            assert_eq!(seen("text/plain", text).as_deref(), Some(text));
        }
    }

    #[test]
    fn markup_that_says_another_charset_is_told() {
        assert!(seen("text/xml", "<?xml version='1.0' encoding='UTF-7'?><a>+AFE-uillan</a>").is_none());
        assert!(seen("text/html", "<meta charset=\"utf-8\">Seen").is_some());
        assert!(seen("text/xml", "<?xml version='1.0' encoding='utf-8'?><a>Müller</a>").is_some());
        assert!(seen("text/html", "<meta charset=windows-1251><p>Müller").is_none());
        assert!(seen("text/html; charset=utf-8", "<meta charset=windows-1251><p>Müller").is_some());
        assert!(seen("text/html; charset=utf-8", "<meta charset=utf-7><p>+AFE-uillan").is_none());
        assert!(seen("text/xml", "<?xml version='1.0' encoding='utf-16'?><a>Müller</a>").is_some());
    }
}
