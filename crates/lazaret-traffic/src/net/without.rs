//! A page of JSON passed on without what its client must not be told.

use lazaret_core::Limits;
use lazaret_input::json::{self, JsonKind, Node};

/// How deep a page may nest; those of hubs and servers do not go beyond ten.
const MAX_DEPTH: usize = 100;

/// A page of JSON without some keys at any depth; none if it is no JSON, or nests deeper than such pages do. Numbers and
/// texts stay as they were.
pub fn without(keys: &[&str], page: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let parsed = json::parse(page, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    let mut made = String::with_capacity(page.len());
    write(keys, &document.root(), MAX_DEPTH, &mut made)?;
    Some(made.into_bytes())
}

/// Writes a value that nests so deep at most.
fn write(keys: &[&str], node: &Node<'_, '_>, depth: usize, made: &mut String) -> Option<()> {
    let within = depth.checked_sub(1)?;
    match node.kind() {
        JsonKind::Object => {
            made.push('{');
            let mut is_first = true;
            for member in node.members().filter(|member| !keys.contains(&member.key)) {
                if !std::mem::take(&mut is_first) {
                    made.push(',');
                }
                text(member.key, made)?;
                made.push(':');
                write(keys, &member.value, within, made)?;
            }
            made.push('}');
        }
        JsonKind::Array => {
            made.push('[');
            for (number, item) in node.items().enumerate() {
                if number > 0 {
                    made.push(',');
                }
                write(keys, &item, within, made)?;
            }
            made.push(']');
        }
        JsonKind::String => text(node.as_str()?, made)?,
        JsonKind::Number => made.push_str(node.as_number()?),
        JsonKind::Bool => made.push_str(if node.as_bool()? { "true" } else { "false" }),
        JsonKind::Null => made.push_str("null"),
    }
    Some(())
}

fn text(text: &str, made: &mut String) -> Option<()> {
    made.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEFT_OUT: [&str; 1] = ["xetHash"];

    #[test]
    fn only_what_leads_round_the_gate_is_left_out() {
        let page = r#"[ {"type":"file","xetHash":"ab","lfs":{"oid":"\u00e9\n","xetHash":1},"size":1.50e3,"x":null,"y":[true, false,{}]} ]"#;
        let made = without(&LEFT_OUT, page.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(
            String::from_utf8(made).unwrap(),
            r#"[{"type":"file","lfs":{"oid":"é\n"},"size":1.50e3,"x":null,"y":[true,false,{}]}]"#
        );
        assert_eq!(without(&LEFT_OUT, b"{\"a\":1,\"a\":2}", &Limits::default()), None);
        assert_eq!(without(&LEFT_OUT, b"<html>", &Limits::default()), None);
    }

    proptest! {
        #[test]
        fn any_page_without_those_keys_stays_the_same(page in r#"([\[\]{},:"0-9a]|"xetHash":|"b":|null){0,40}"#) {
            if let Some(made) = without(&LEFT_OUT, page.as_bytes(), &Limits::default()) {
                prop_assert!(!String::from_utf8(made.clone()).unwrap().contains("xetHash\":"));
                prop_assert_eq!(without(&LEFT_OUT, &made, &Limits::default()), Some(made));
            }
        }
    }
}
