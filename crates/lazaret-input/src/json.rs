//! The strict JSON reader (RFC 8259): one pass, no recursion, all faults of a document at once.
//!
//! A document is a flat arena of nodes in the order they were read. Strings and numbers are borrowed from the
//! input; only strings with escapes are decoded, into one shared buffer. Numbers stay as written, so `37.10`
//! is not `37.1`. What readers disagree on (equal keys, `NaN`, half characters, U+0000, numbers outside
//! binary64) is a fault and the reading goes on, so that every fault of a record is reported; what leaves no
//! tree to speak of (bad UTF-8, bad grammar, a limit) ends it.
//!
//! | file | what is in it |
//! |---|---|
//! | `node` | the document and how it is walked |
//! | `reader` | the grammar |
//! | `text` | strings: escapes and surrogates |
//! | `keys` | equal keys of one object |

mod keys;
mod node;
mod reader;
mod text;

use lazaret_core::{Limit, Limits, Rule};

pub use node::{Document, Items, JsonKind, Member, Members, Node, NodeId};

/// How deep brackets may nest; the outermost is 1.
pub const MAX_DEPTH: Limit = Limit::new("json.max_depth", 64);
/// How many values one document may have: memory is at most 36 bytes for each, and the input itself.
pub const MAX_NODES: Limit = Limit::new("json.max_nodes", 1_000_000);
/// How many faults one document may have before the reading ends.
pub const MAX_FAULTS: Limit = Limit::new("json.max_faults", 1_000);

/// What came of reading.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// The document, unless a fault ended the reading.
    pub document: Option<Document<'a>>,
    /// Every fault found, in the order of the input.
    pub faults: Vec<Fault>,
}

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub rule: &'static Rule,
    /// Where, in the bytes given.
    pub offset: u64,
    /// Where the equal key stood first, in the bytes given.
    pub first: Option<u64>,
    /// The value concerned; only where there is a document.
    pub node: Option<NodeId>,
    /// What is wrong, without content.
    pub message: String,
}

/// Reads one document.
pub fn parse<'a>(bytes: &'a [u8], limits: &Limits) -> Parsed<'a> {
    parse_at(bytes, 0, limits)
}

/// Reads one document that starts at an offset of its file: messages name offsets in the file, while
/// [`Fault::offset`] stays in the bytes given. A byte order mark is skipped at offset 0 of the file alone.
pub fn parse_at<'a>(bytes: &'a [u8], file_offset: u64, limits: &Limits) -> Parsed<'a> {
    reader::read(bytes, file_offset, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(bytes: &[u8]) -> Vec<(&'static str, u64)> {
        parse(bytes, &Limits::default()).faults.iter().map(|fault| (fault.rule.id, fault.offset)).collect()
    }

    #[test]
    fn valid_documents_have_no_faults() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "-12.50e+3",
            "\"\"",
            "[]",
            "{}",
            "[[],{}]",
            "\t[1 ,2]\r\n",
            r#"{"a":{"b":[1,"x",null]},"c":"\u00e4\ud83d\ude00\\\/\b\f\n\r\t\""}"#,
            "\"\u{2028}ä\u{7f}\"",
        ] {
            assert_eq!(rules(text.as_bytes()), [], "{text}");
            assert!(parse(text.as_bytes(), &Limits::default()).document.is_some());
        }
    }

    #[test]
    fn malformed_documents_name_the_place() {
        for (text, offset) in [
            ("", 0),
            ("  ", 2),
            ("{", 1),
            ("[", 1),
            ("[1", 2),
            ("[1,", 3),
            ("[1,]", 3),
            ("[,1]", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("{\"a\":1,}", 7),
            ("{a:1}", 1),
            ("{\"a\" 1}", 5),
            ("[1}", 2),
            ("{\"a\":1]", 6),
            ("tru", 0),
            ("nul", 0),
            ("01", 1),
            ("-", 1),
            ("1.", 2),
            (".5", 0),
            ("1e", 2),
            ("1e+", 3),
            ("+1", 0),
            ("\"a", 2),
            ("\"\\x\"", 1),
            ("\"\\u12\"", 1),
            ("\"\\", 1),
            ("\"\n\"", 1),
            ("'a'", 0),
            ("[1 2]", 3),
            ("\"\\u+123\"", 1),
            ("-x", 1),
            ("]", 0),
            ("nan", 0),
            ("[NaNa]", 4),
        ] {
            let parsed = parse(text.as_bytes(), &Limits::default());
            assert!(parsed.document.is_none() || text == "01", "{text}");
            let last = parsed.faults.last().unwrap();
            let rule = if text == "01" { "json.trailing-bytes" } else { "json.malformed" };
            assert_eq!((last.rule.id, last.offset), (rule, offset), "{text}");
        }
    }

    #[test]
    fn equal_keys_are_found_after_unescaping_and_at_any_depth() {
        assert_eq!(rules(br#"{"a":1,"b":2,"a":3}"#), [("json.duplicate-key", 13)]);
        assert_eq!(rules(br#"[{"x":{"ref":1,"r\u0065f":2}}]"#), [("json.duplicate-key", 15)]);
        assert_eq!(rules(br#"{"a":{"a":{"a":1}},"b":{"a":1}}"#), []);
        let parsed = parse_at(br#"{"a":1,"a":[2]}"#, 100, &Limits::default());
        let fault = &parsed.faults[0];
        assert_eq!((fault.first, fault.offset), (Some(1), 7));
        assert!(fault.message.contains("@101") && fault.message.contains("@107"), "{}", fault.message);
        let document = parsed.document.unwrap();
        assert_eq!(document.node(fault.node.unwrap()).unwrap().kind(), JsonKind::Array);
    }

    #[test]
    fn equal_keys_are_found_in_large_objects() {
        let members: Vec<String> = (0..500).map(|n| format!("\"k{n}\":{{\"k{n}\":0}},")).collect();
        let mut text = format!("{{{}", members.concat());
        let second = text.len() as u64;
        text.push_str("\"k\\u0037\":0}");
        assert_eq!(rules(text.as_bytes()), [("json.duplicate-key", second)]);
    }

    #[test]
    fn what_readers_disagree_on_is_a_fault_and_the_reading_goes_on() {
        assert_eq!(rules(b"[NaN,Infinity,-Infinity]").len(), 3);
        assert_eq!(
            rules(b"[1e400,-1e400,1e-400,0e999,1e308]"),
            [("json.number-range", 1), ("json.number-range", 7), ("json.number-range", 14)]
        );
        let long = format!("[0.{}1, {}]", "0".repeat(400), "9".repeat(310));
        assert_eq!(rules(long.as_bytes()).len(), 2);
        assert_eq!(
            rules(br#"["\u0000","\ud800","\udc00x","\ud800\u0041","a\ud800\ud800\udc00"]"#),
            [
                ("json.nul", 2),
                ("json.lone-surrogate", 11),
                ("json.lone-surrogate", 20),
                ("json.lone-surrogate", 30),
                ("json.lone-surrogate", 46),
            ]
        );
        assert_eq!(rules(b"[\"a\0b\"]"), [("json.nul", 3)]);
        let parsed = parse(br#"{"n":[{"f":"a\u0000b"}]}"#, &Limits::default());
        let document = parsed.document.unwrap();
        let node = document.node(parsed.faults[0].node.unwrap()).unwrap();
        assert_eq!((node.key(), node.as_str()), (Some("f"), Some("a\0b")));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_of_the_file_alone() {
        assert_eq!(rules(b"\xef\xbb\xbf{}"), [("input.byte-order-mark", 0)]);
        let later = parse_at(b"\xef\xbb\xbf{}", 10, &Limits::default());
        assert_eq!(later.faults[0].rule.id, "json.malformed");
    }

    #[test]
    fn bad_utf8_and_trailing_bytes_name_their_first_byte() {
        assert_eq!(rules(b"{\"a\":\"\xff\"}"), [("json.invalid-utf8", 6)]);
        assert_eq!(rules(b"{\"a\":\"x\xe2\x82"), [("json.invalid-utf8", 7)]);
        assert_eq!(rules(b"{} \n{}"), [("json.trailing-bytes", 4)]);
        assert!(parse(b"{}x", &Limits::default()).document.is_some());
    }

    #[test]
    fn limits_end_the_reading_and_say_how_to_raise_them() {
        let deep = "[".repeat(100_000);
        let parsed = parse(deep.as_bytes(), &Limits::default());
        assert_eq!((parsed.faults[0].rule.id, parsed.faults[0].offset), ("json.depth", 64));
        assert!(parsed.faults[0].message.contains("set `json.max_depth` under [limits]"));
        let ok = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert_eq!(rules(ok.as_bytes()), []);
        let mut limits = Limits::default();
        limits.set("json.max_nodes", 3);
        assert!(parse(b"[1,2]", &limits).faults.is_empty());
        let parsed = parse(b"[1,2,3]", &limits);
        assert_eq!((parsed.faults[0].rule.id, parsed.faults[0].offset), ("limit.record-size", 5));
        limits.set("json.max_nodes", 1_000);
        limits.set("json.max_faults", 2);
        let parsed = parse(b"[NaN,NaN,NaN,NaN]", &limits);
        assert!(parsed.document.is_none());
        assert_eq!(parsed.faults.len(), 3);
        assert_eq!(parsed.faults[2].rule.id, "limit.record-size");
    }

    #[test]
    fn a_document_is_walked_without_copies() {
        let bytes = br#"{"a":[1.50,"x\ty",true],"b\u0062":{"c":null}}"#;
        let parsed = parse(bytes, &Limits::default());
        let document = parsed.document.unwrap();
        let root = document.root();
        assert_eq!((root.kind(), root.len(), root.span()), (JsonKind::Object, 2, 0..bytes.len()));
        let a = root.get("a").unwrap();
        let items: Vec<_> = a.items().collect();
        assert_eq!(items[0].as_number(), Some("1.50"));
        assert_eq!(items[1].as_str(), Some("x\ty"));
        assert_eq!(&bytes[items[1].span()], br#""x\ty""#);
        assert_eq!((items[2].as_bool(), items[2].index_in_parent()), (Some(true), 2));
        let members: Vec<_> = root.members().map(|m| (m.key, m.key_offset, m.index)).collect();
        assert_eq!(members, [("a", 1, 0), ("bb", 24, 1)]);
        let c = root.get("bb").unwrap().get("c").unwrap();
        assert_eq!((c.kind(), c.key(), c.parent().unwrap().key()), (JsonKind::Null, Some("c"), Some("bb")));
        assert!(root.parent().is_none() && a.members().next().is_none() && root.items().next().is_none());
    }

    #[test]
    fn debug_shows_no_content() {
        let parsed = parse(br#"{"name":"Quillfeather"}"#, &Limits::default());
        let shown = format!("{parsed:?} {:?}", parsed.document.as_ref().map(Document::root));
        assert!(!shown.contains("Quill") && !shown.contains("name\""), "{shown}");
    }
}
