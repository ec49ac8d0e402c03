//! The JSON reader: offsets of the cases, arbitrary bytes, and `serde_json` as a second opinion.

use std::fmt::Write as _;
use std::sync::Arc;

use lazaret_core::{Hint, Limits};
use lazaret_input::json::{JsonKind, Node, parse, parse_at};
use lazaret_input::{Lines, MemorySource};
use proptest::prelude::*;

use crate::testdata;

#[test]
fn equal_keys_of_the_case_are_named_by_their_offsets_in_the_file() {
    let mut found = Vec::new();
    each_line("duplicate-keys.ndjson", |number, offset, bytes| {
        let parsed = parse_at(bytes, offset, &Limits::default());
        let document = parsed.document.unwrap();
        for fault in &parsed.faults {
            let key = document.node(fault.node.unwrap()).unwrap().key().unwrap().to_owned();
            let (first, second) = (fault.first.unwrap() + offset, fault.offset + offset);
            assert!(fault.message.contains(&format!("at @{first} and @{second}")), "{}", fault.message);
            found.push((number, fault.rule.id, key, first, second));
        }
    });
    assert_eq!(
        found,
        [
            (2, "json.duplicate-key", "subject".to_owned(), 142, 207),
            (3, "json.duplicate-key", "reference".to_owned(), 297, 325),
        ]
    );
}

#[test]
fn bad_records_have_their_fault_at_its_place_and_mended_ones_none() {
    let mut found = Vec::new();
    each_line("bad.ndjson", |_, offset, bytes| {
        let parsed = parse_at(bytes, offset, &Limits::default());
        let document = parsed.document.unwrap();
        for fault in &parsed.faults {
            found.push((fault.rule.id, path(document.node(fault.node.unwrap()).unwrap())));
        }
    });
    assert_eq!(
        found,
        [
            ("json.duplicate-key", ".gender".to_owned()),
            ("json.not-a-number", ".valueQuantity.value".to_owned()),
            ("json.nul", ".name[0].family".to_owned()),
            ("json.lone-surrogate", ".name[0].family".to_owned()),
        ]
    );
    each_line("good.ndjson", |number, _, bytes| {
        assert_eq!(parse(bytes, &Limits::default()).faults, [], "line {number}");
    });
}

#[test]
fn faults_of_whole_files_are_at_their_offsets() {
    let first = |bytes: &[u8]| {
        let faults = parse(bytes, &Limits::default()).faults;
        assert_eq!(faults.len(), 1);
        (faults[0].rule.id, faults[0].offset)
    };
    assert_eq!(first(&testdata::read("json", "bad-trailing-bytes.json")), ("json.trailing-bytes", 51));
    assert_eq!(first(&testdata::read("json", "bad-invalid-utf8.json")), ("json.invalid-utf8", 61));
    let unit = r#"{"url":"http://stmary.example/fhir/n","extension":["#;
    let deep = unit.repeat(5_000);
    let bracket_65 = 32 * unit.len() as u64; // two brackets a unit
    assert_eq!(first(deep.as_bytes()), ("json.depth", bracket_65));
}

/// The printed place of a node, all keys named.
fn path(node: Node<'_, '_>) -> String {
    let mut steps = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        let index = || format!("[{}]", at.index_in_parent());
        steps.push(at.key().map_or_else(index, |key| format!(".{key}")));
        at = parent;
    }
    steps.into_iter().rev().collect()
}

fn each_line(name: &str, mut visit: impl FnMut(u64, u64, &[u8])) {
    let source = MemorySource::new(testdata::read("json", name), Hint::default());
    let mut lines = Lines::of_source(Arc::new(source), &Limits::default());
    while let Some(line) = lines.next().unwrap() {
        visit(line.number, line.offset, line.bytes.unwrap());
    }
}

/// What the reader read, written again, escapes and all; numbers as they were.
fn write_again(node: Node<'_, '_>, out: &mut String) {
    match node.kind() {
        JsonKind::Null => out.push_str("null"),
        JsonKind::Bool => write!(out, "{}", node.as_bool().unwrap()).unwrap(),
        JsonKind::Number => out.push_str(node.as_number().unwrap()),
        JsonKind::String => out.push_str(&serde_json::to_string(node.as_str().unwrap()).unwrap()),
        JsonKind::Array => {
            out.push('[');
            for (n, item) in node.items().enumerate() {
                assert_eq!((n, item.parent().unwrap().id()), (item.index_in_parent(), node.id()));
                out.push_str(if n > 0 { "," } else { "" });
                write_again(item, out);
            }
            out.push(']');
        }
        JsonKind::Object => {
            out.push('{');
            for member in node.members() {
                out.push_str(if member.index > 0 { "," } else { "" });
                out.push_str(&serde_json::to_string(member.key).unwrap());
                out.push(':');
                write_again(member.value, out);
            }
            out.push('}');
        }
    }
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        "[^\\x00]{0,20}".prop_map(serde_json::Value::from),
        "[a\"\\\\\u{1}ä😀]{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-z\"\\\\]{0,10}", inner, 0..40)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text made of the pieces of JSON, so that more of it is nearly valid.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\":",
        "\"\\u0061\":",
        "1",
        "-0.5e9",
        "true",
        "null",
        "NaN",
        " ",
        "\\",
        "\\u",
        "\\ud800",
        "\\udc00",
        "é",
        "\u{0}",
        "\n",
        "1e999",
        "Infinity",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_end_the_same_way_twice(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let limits = Limits::default();
        let (one, two) = (parse(&bytes, &limits), parse(&bytes, &limits));
        prop_assert_eq!(&one.faults, &two.faults);
        prop_assert!(one.document.is_some() || !one.faults.is_empty());
    }

    #[test]
    fn what_is_read_without_a_fault_is_json_to_others_too(text in nearly_json()) {
        let limits = Limits::default();
        let parsed = parse(text.as_bytes(), &limits);
        let other = serde_json::from_str::<serde_json::Value>(&text);
        for fault in &parsed.faults {
            prop_assert!(fault.offset <= text.len() as u64);
            prop_assert_eq!(fault.node.is_some(), parsed.document.is_some()
                && fault.rule.id != "json.trailing-bytes" && fault.rule.id != "input.byte-order-mark");
        }
        if parsed.faults.is_empty() {
            prop_assert!(other.is_ok(), "only we read {}", text);
        } else if let Ok(other) = other {
            // Others read equal keys, U+0000 and tiny numbers without a word; we never refuse more than that.
            prop_assert!(parsed.document.is_some(), "only we refuse {}", text);
            drop(other);
        }
    }

    #[test]
    fn valid_documents_come_back_as_they_were(value in values()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let parsed = parse(text.as_bytes(), &Limits::default());
        prop_assert_eq!(&parsed.faults, &[]);
        let document = parsed.document.unwrap();
        prop_assert_eq!(document.root().span().len(), text.len());
        let mut again = String::new();
        write_again(document.root(), &mut again);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        prop_assert_eq!(read(&again), read(&text)); // not `value`: numbers there are rounded when read
    }
}
