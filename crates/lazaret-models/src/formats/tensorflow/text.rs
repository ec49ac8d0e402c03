//! Graphs as text (`saved_model.pbtxt`, `graph.pbtxt`), which loaders read where there is no binary one.

use lazaret_core::{FormatId, Likeness};

use super::walk::{Judge, file_of};
use crate::formats::protobuf::MAX_DEPTH;
use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread};
use crate::registry::ModelFormat;

/// What a graph begins with.
const BEGINS: &[&str] = &[
    "collection_def",
    "graph_def",
    "library",
    "meta_graphs",
    "meta_info_def",
    "node",
    "saved_model_schema_version",
    "versions",
];

/// The format.
pub(crate) struct TextGraph;

impl ModelFormat for TextGraph {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-text")
    }

    fn about(&self) -> &'static str {
        "TensorFlow graph as text"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pbtxt", "prototxt"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let mut tokens = Tokens { text: head.bytes, at: 0 };
        let begins = match (tokens.next(), tokens.next()) {
            (Some((_, Token::Name(name))), Some((_, Token::Open | Token::Colon))) => BEGINS.contains(&name),
            _ => false,
        };
        match head.file_name {
            _ if begins => Likeness::Certain,
            "saved_model.pbtxt" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_WHOLE))?;
        let most = looking.limits.get(MAX_DEPTH);
        let mut judge = Judge::new(part, looking);
        let mut tokens = Tokens { text: &bytes, at: 0 };
        // The names of the blocks that are open, the last name, and whether a value is to follow it.
        let mut open: Vec<&str> = Vec::new();
        let (mut name, mut follows) = ("", false);
        let (mut operator, mut key, mut node) = (String::new(), String::new(), String::new());
        let mut texts: Option<(u64, Vec<u8>)> = None;
        loop {
            let next = tokens.next();
            if let Some((at, Token::Text(text))) = next {
                // Texts in a row are one text.
                texts.get_or_insert((at, Vec::new())).1.extend(unescaped(text));
                continue;
            }
            if let Some((at, text)) = texts.take().filter(|_| follows) {
                let text = String::from_utf8_lossy(&text).into_owned();
                match (open.last().copied().unwrap_or_default(), name) {
                    ("node" | "node_def", "op") => {
                        operator.clone_from(&text);
                        judge.operator(text, at)?;
                    }
                    ("node" | "node_def", "name") => node = text,
                    ("tensor", "string_val") => judge.constant(&node, &text, at)?,
                    ("tensor_info", "name") if open.contains(&"asset_file_def") => {
                        judge.asset_tensor(&text)?;
                    }
                    ("signature", "name") => judge.function(text)?,
                    ("asset_file_def", "filename") => judge.asset(&text, at, looking),
                    ("attr", "key") => key = text,
                    ("value", "s") if key == "output_stream" => {
                        if let Some(file) = file_of(&text) {
                            judge.prints_to(&operator, &file, at, looking);
                        }
                    }
                    ("value", "s") if key == "descriptor_source" => {
                        judge.described_by(&operator, &text, at, looking);
                    }
                    _ => {}
                }
            }
            match next {
                None => break,
                Some((_, Token::Name(next))) => (name, follows) = (next, false),
                Some((_, Token::Colon)) => follows = true,
                Some((_, Token::Open)) => {
                    if matches!(name, "node" | "node_def") {
                        node.clear();
                    }
                    open.push(name);
                    most.check(open.len() as u64)?;
                }
                Some((at, Token::Close)) => {
                    open.pop().ok_or_else(|| Unread::malformed(at, "a block ends that did not begin"))?;
                }
                Some((_, Token::Text(_) | Token::Other)) => {}
            }
        }
        judge.finish(looking);
        match open.last() {
            None => Ok(self.id()),
            Some(_) => Err(Unread::cut_off(part.len())),
        }
    }
}

#[derive(Clone, Copy)]
enum Token<'t> {
    /// A name, a number or a constant.
    Name(&'t str),
    Colon,
    Open,
    Close,
    /// What stands between quotes, as written.
    Text(&'t [u8]),
    /// Marks that say nothing here.
    Other,
}

struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = (u64, Token<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.at..)?;
            let at = self.at as u64;
            let (length, token) = match rest.first()? {
                b'#' => (rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()), None),
                byte if byte.is_ascii_whitespace() => (1, None),
                b':' => (1, Some(Token::Colon)),
                b'{' | b'<' => (1, Some(Token::Open)),
                b'}' | b'>' => (1, Some(Token::Close)),
                quote @ (b'"' | b'\'') => {
                    let length = quoted(rest, *quote);
                    let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
                    (length, Some(Token::Text(inside)))
                }
                byte if is_name(*byte) => {
                    let length = rest.iter().position(|byte| !is_name(*byte)).unwrap_or(rest.len());
                    let name = rest.get(..length).and_then(|name| std::str::from_utf8(name).ok());
                    (length, Some(Token::Name(name.unwrap_or_default())))
                }
                _ => (1, Some(Token::Other)),
            };
            self.at = self.at.saturating_add(length.max(1));
            if let Some(token) = token {
                return Some((at, token));
            }
        }
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

/// How long a text is with its quotes; to the end where it has no second one.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut escaped = false;
    for (index, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if *byte == quote => return index.saturating_add(1),
            _ => {}
        }
    }
    rest.len()
}

/// A text with its escapes decoded: names may be written in numbers.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let digits = |rest: &[u8], radix: u32, most: usize| {
            rest.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count()
        };
        let (from, count, radix) = match rest.first() {
            Some(b'x' | b'X') => (1, digits(rest.get(1..).unwrap_or_default(), 16, 2), 16),
            Some(b'0'..=b'7') => (0, digits(rest, 8, 3), 8),
            Some(byte) => {
                out.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            None => continue,
        };
        let end = count.saturating_add(from);
        let number = rest.get(from..end).and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.and_then(|digits| u32::from_str_radix(digits, radix).ok()).unwrap_or(0);
        out.push(u8::try_from(number & 0xff).unwrap_or(0));
        rest = rest.get(end..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use lazaret_core::Severity;
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn operators_are_judged_as_in_binary_graphs() {
        let quiet = "# a graph\nnode {\n  name: \"WriteFile\"\n  op: \"MatMul\"\n  attr { key: \"op\" value { s: \"PyFunc\" } }\n}\n";
        let report = scan(quiet, "graph.pbtxt");
        assert_eq!((report.format.0, told(&report)), ("tensorflow-text", vec![]));
        for (text, id, severity) in [
            ("node { op: \"WriteFile\" }", "tensorflow.file-operator", Severity::Critical),
            ("node < op: 'Write' \"File\" >", "tensorflow.file-operator", Severity::Critical),
            ("node{op:\"\\x50y\\106unc\"}", "tensorflow.python-operator", Severity::Critical),
            (
                "versions {} library { function { signature { name: \"f\" } node_def { op: \"Evil\" } } }",
                "tensorflow.unknown-operator",
                Severity::Medium,
            ),
            (
                "meta_graphs { asset_file_def { filename: \"../x\" } }",
                "tensorflow.asset-path",
                Severity::Critical,
            ),
            (
                "node { op: \"PrintV2\" attr { key: \"output_stream\" value { s: \"file:///x\" } } }",
                "tensorflow.file-operator",
                Severity::Critical,
            ),
            ("node { op: \"MatMul\"", "format.malformed", Severity::High),
        ] {
            let report = scan(text, "m.pbtxt");
            let worst = report.findings.iter().max_by_key(|finding| finding.severity).unwrap();
            assert_eq!((worst.id, worst.severity), (id, severity), "{text}");
        }
        let own = "node { op: \"f\" } library { function { signature { name: \"f\" } } }";
        assert_eq!(told(&scan(own, "m.pbtxt")), [""; 0]);
        assert_ne!(scan("node is no graph", "m.txt").format.0, "tensorflow-text");
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(node|op|:|\\{|\\}|\"|'|\\\\|x|7|#|\n| |<|>){0,60}") {
            scan(format!("node {{{text}"), "m.pbtxt");
        }
    }
}
