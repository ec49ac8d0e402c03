//! How a value is written: padded, escaped, encoded. What comes of it is exact where all that it depends on is constant;
//! otherwise it is a text that is not all known.

use super::value::{MAX_TEXT, Value};

/// A filter or a method that writes a value in another form; none where the name is of something else.
pub(super) fn apply(name: &str, value: &Value, args: &[Value], named: &[(String, Value)]) -> Option<Value> {
    let change: fn(&str, &Arguments<'_>) -> Option<String> = match name {
        "string" | "safe" => |text, _| Some(text.to_owned()),
        "e" | "escape" | "forceescape" => |text, _| same_unless(text, &['&', '<', '>', '\'', '"']),
        "striptags" => |text, _| same_unless(text, &['&', '<']).filter(|text| !text.contains("  ")),
        "expandtabs" => |text, _| same_unless(text, &['\t']),
        "indent" => |text, given| given.is_empty().then(|| same_unless(text, &['\n']))?,
        "pprint" => |text, _| same_unless(text, &['\'', '\\']).map(|text| format!("'{text}'")),
        "tojson" => |text, given| {
            let plain = same_unless(text, &['\'', '"', '\\', '&', '<', '>']);
            given.is_empty().then_some(plain)?.map(|text| format!("\"{text}\""))
        },
        "encode" | "decode" => |text, given| given.is_plain_codec().then(|| text.to_owned()),
        "center" => |text, given| padded(text, given.padding(Side::Both)?),
        "ljust" => |text, given| padded(text, given.padding(Side::Right)?),
        "rjust" => |text, given| padded(text, given.padding(Side::Left)?),
        _ => return None,
    };
    Some(match value {
        Value::Text(text, true) => {
            let changed = change(text, &Arguments { plain: args, named });
            let is_known = changed.is_some();
            // Tags are taken out where it is not known what else is: the rest of a name may be all of it.
            let rest = || if name == "striptags" { without_tags(text) } else { text.clone() };
            Value::Text(changed.unwrap_or_else(rest), is_known)
        }
        Value::Int(number) => {
            let text = number.to_string();
            let changed = change(&text, &Arguments { plain: args, named });
            // A number has no quotes.
            let changed = changed.map(|changed| changed.trim_matches(['\'', '"']).to_owned());
            let is_known = changed.is_some();
            Value::Text(changed.unwrap_or(text), is_known)
        }
        Value::Global(name) if name == "messages" => Value::Content,
        Value::List(_) | Value::Dict(_) => Value::Text(String::new(), false),
        other => other.clone(),
    })
}

/// What a filter or a method is given.
struct Arguments<'v> {
    plain: &'v [Value],
    named: &'v [(String, Value)],
}

impl<'v> Arguments<'v> {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.named.is_empty()
    }

    fn get(&self, at: usize, name: &str) -> Option<&'v Value> {
        let named = || self.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        self.plain.get(at).or_else(named)
    }

    /// Whether ASCII stays as it is by the codec; a text of other characters never does for sure.
    fn is_plain_codec(&self) -> bool {
        match self.get(0, "encoding") {
            None => self.is_empty(),
            Some(Value::Text(codec, true)) => {
                let codec = codec.to_ascii_lowercase().replace('-', "_");
                matches!(codec.as_str(), "utf_8" | "utf8" | "ascii" | "us_ascii" | "latin_1" | "latin1")
            }
            Some(_) => false,
        }
    }

    fn padding(&self, side: Side) -> Option<Padding> {
        let width = match self.get(0, "width") {
            // The filter's own; the methods need one.
            None if side == Side::Both => 80,
            width => usize::try_from(width?.number()?).unwrap_or(0),
        };
        let fill = match self.get(1, "fillchar") {
            None => ' ',
            Some(Value::Text(text, true)) => text.chars().next()?,
            Some(_) => return None,
        };
        Some(Padding { side, fill, width, most: None })
    }
}

/// On which side of a text something is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// As the method `center` does it: what is odd goes to the left where the width is odd.
    Both,
    /// As a format does it: what is odd goes to the right.
    Middle,
}

/// How a text is cut and filled up.
#[derive(Clone, Copy)]
pub(super) struct Padding {
    side: Side,
    fill: char,
    width: usize,
    most: Option<usize>,
}

impl Padding {
    /// Of what stands between `%` and the letter: `-7`, `.5`, `07`.
    pub(super) fn of_percent(text: &str) -> Self {
        let is_flag = |c: char| "#+- 0".contains(c);
        let flags = text.get(..text.find(|c| !is_flag(c)).unwrap_or(text.len())).unwrap_or_default();
        let side = if flags.contains('-') { Side::Right } else { Side::Left };
        let (width, most) = numbers(text.trim_start_matches(is_flag));
        let is_zero = flags.contains('0') && side == Side::Left;
        Self { side, fill: if is_zero { '0' } else { ' ' }, width, most }
    }

    /// Of what stands behind the colon of a field: `_^9`, `.5`, `>7s`.
    pub(super) fn of_braces(spec: &str, is_number: bool) -> Self {
        let side_of = |c: char| match c {
            '<' => Some(Side::Right),
            '>' | '=' => Some(Side::Left),
            '^' => Some(Side::Middle),
            _ => None,
        };
        let mut chars = spec.chars();
        let (first, second) = (chars.next(), chars.next());
        let usual = if is_number { Side::Left } else { Side::Right };
        let (side, fill, rest) = match (first, second) {
            (Some(fill), Some(sign)) if side_of(sign).is_some() => (side_of(sign), fill, chars.as_str()),
            (Some(sign), _) if side_of(sign).is_some() => {
                (side_of(sign), ' ', spec.get(sign.len_utf8()..).unwrap_or_default())
            }
            _ => (None, if spec.starts_with('0') { '0' } else { ' ' }, spec),
        };
        let (width, most) = numbers(rest.trim_start_matches(['+', '-', ' ', '#', '0']));
        Self { side: side.unwrap_or(usual), fill, width, most }
    }
}

/// A width and what stands behind the point.
fn numbers(text: &str) -> (usize, Option<usize>) {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end).unwrap_or_default().parse().ok()
    };
    (number(text).unwrap_or(0), text.split_once('.').and_then(|(_, most)| number(most)))
}

/// A text cut and filled up; none where it gets longer than is followed.
pub(super) fn padded(text: &str, padding: Padding) -> Option<String> {
    if padding.width > MAX_TEXT {
        return None;
    }
    let cut: String = text.chars().take(padding.most.unwrap_or(usize::MAX)).collect();
    let missing = padding.width.saturating_sub(cut.chars().count());
    let half = missing >> 1;
    let left = match padding.side {
        Side::Left => missing,
        Side::Right => 0,
        Side::Middle => half,
        Side::Both => half.saturating_add(missing & padding.width & 1),
    };
    let fill = |count: usize| padding.fill.to_string().repeat(count);
    Some([fill(left), cut, fill(missing.saturating_sub(left))].concat())
}

/// A text that has nothing in it that would be written in another way.
fn same_unless(text: &str, changed: &[char]) -> Option<String> {
    let stays = |c: char| !changed.contains(&c) && (c == ' ' || !c.is_control() && c.is_ascii());
    text.chars().all(stays).then(|| text.to_owned())
}

/// A text without what stands in angle brackets.
fn without_tags(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, tag)) = rest.split_once('<') {
        let Some((_, after)) = tag.split_once('>') else { break };
        out.push_str(before);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &str, args: &[Value]) -> Value {
        apply(name, &Value::text(value), args, &[]).unwrap()
    }

    #[test]
    fn texts_are_padded_as_python_does() {
        let (nine, under) = (Value::Int(9), Value::text("_"));
        assert_eq!(written("center", "class", &[nine.clone(), under.clone()]), Value::text("__class__"));
        assert_eq!(written("center", "ab", &[Value::Int(5), under.clone()]), Value::text("__ab_"));
        assert_eq!(written("center", "abc", &[Value::Int(6), under.clone()]), Value::text("_abc__"));
        assert_eq!(written("ljust", "pope", &[Value::Int(5), Value::text("n")]), Value::text("popen"));
        assert_eq!(written("rjust", "a", &[nine]), Value::text("        a"));
        assert_eq!(written("ljust", "a", &[Value::Unknown, under]), Value::Text("a".into(), false));
        for (spec, found) in [
            ("_^9", "__class__"),
            (".3", "cla"),
            ("_>7", "__class"),
            ("<7", "class  "),
            ("_^8.4s", "__clas__"),
        ] {
            assert_eq!(padded("class", Padding::of_braces(spec, false)).unwrap(), found, "{spec}");
        }
        for (spec, found) in [("7", "  class"), ("-7", "class  "), (".3", "cla"), ("", "class")] {
            assert_eq!(padded("class", Padding::of_percent(spec)).unwrap(), found, "{spec}");
        }
        assert_eq!(padded("7", Padding::of_braces("03d", true)).unwrap(), "007");
        assert_eq!(padded("a", Padding::of_braces("999999999", false)), None);
    }

    #[test]
    fn what_is_written_otherwise_is_known_or_told_to_be_unknown() {
        assert_eq!(written("e", "user", &[]), Value::text("user"));
        assert_eq!(written("e", "__c&lass__", &[]), Value::Text("__c&lass__".into(), false));
        assert_eq!(written("striptags", "__c<b>lass__", &[]), Value::Text("__class__".into(), false));
        assert_eq!(written("tojson", "a", &[]), Value::text("\"a\""));
        assert_eq!(written("pprint", "a", &[]), Value::text("'a'"));
        assert_eq!(written("decode", "a", &[Value::text("utf-8")]), Value::text("a"));
        assert_eq!(written("decode", "mm", &[Value::text("cp037")]), Value::Text("mm".into(), false));
        assert_eq!(
            written("indent", "a", &[Value::text("__c"), Value::Unknown]),
            Value::Text("a".into(), false)
        );
        assert_eq!(apply("tojson", &Value::Int(4), &[], &[]), Some(Value::text("4")));
        assert_eq!(apply("center", &Value::Content, &[], &[]), Some(Value::Content));
    }
}
