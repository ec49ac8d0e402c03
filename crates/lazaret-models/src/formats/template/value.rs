//! What an expression may be, as far as the template itself says so: constants, and what is built of them.

use super::written;

/// Longest text that is followed.
pub(super) const MAX_TEXT: usize = 2_048;
/// Most bytes of memory of a value that is followed.
const MAX_WEIGHT: usize = 16 << 10;
/// What a value costs beside its text.
const CELL: usize = size_of::<Value>();
/// Most items of a list that is followed.
const MAX_ITEMS: usize = 128;
/// Most values one expression may have.
const MAX_ALTERNATIVES: usize = 8;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unknown,
    /// A text; the flag is false where parts of it are not known.
    Text(String, bool),
    Int(i128),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A name that the template does not assign.
    Global(String),
    /// What a user or a tool wrote.
    Content,
    /// The time of day.
    Clock,
    /// Whether somebody wrote certain words, or what day it is.
    Triggered,
    /// So many numbers in a row.
    Range(i128),
}

/// The values that an expression may have; none is an unknown one.
pub(super) type Values = Vec<Value>;

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into(), true)
    }

    /// As it is printed: the text, and whether it is all of it.
    pub(super) fn printed(&self) -> (String, bool) {
        match self {
            Self::Text(text, whole) => (text.clone(), *whole),
            Self::Int(number) => (number.to_string(), true),
            _ => (String::new(), false),
        }
    }

    /// What keeping it costs.
    pub(super) fn cost(&self) -> usize {
        self.weight(0).unwrap_or(MAX_WEIGHT)
    }

    /// How often a loop over it goes round.
    pub(super) fn rounds(&self) -> Option<i128> {
        match self {
            Self::Range(count) => Some(*count),
            _ => self.size(),
        }
    }

    /// The length of a text or list.
    pub(super) fn size(&self) -> Option<i128> {
        match self {
            Self::Text(text, _) => i128::try_from(text.len()).ok(),
            Self::List(items) => i128::try_from(items.len()).ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<i128> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// Kept if it is small enough to be followed.
    pub(super) fn bounded(self) -> Self {
        match self {
            Self::Text(text, _) if text.len() > MAX_TEXT => {
                let end = text.floor_char_boundary(MAX_TEXT);
                Self::Text(text.get(..end).unwrap_or_default().to_owned(), false)
            }
            value if value.weight(0).is_none_or(|weight| weight > MAX_WEIGHT) => Self::Unknown,
            value => value,
        }
    }

    /// How much it holds; none where it nests too deep.
    fn weight(&self, depth: u8) -> Option<usize> {
        if depth > 6 {
            return None;
        }
        let sum = |total: usize, value: &Self| {
            let weight = value.weight(depth.saturating_add(1))?;
            Some(total.saturating_add(weight))
        };
        match self {
            Self::Text(text, _) => Some(text.len().saturating_add(CELL)),
            Self::List(items) if items.len() > MAX_ITEMS => None,
            Self::Dict(pairs) if pairs.len() > MAX_ITEMS => None,
            Self::List(items) => items.iter().try_fold(CELL, sum),
            Self::Dict(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).try_fold(CELL, sum),
            _ => Some(CELL),
        }
    }

    /// Its items, where it has some.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Dict(pairs) => Some(pairs.iter().map(|(key, _)| key.clone()).collect()),
            Self::Text(text, true) => {
                Some(text.chars().take(MAX_TEXT).map(|c| Self::text(c.to_string())).collect())
            }
            _ => None,
        }
    }
}

/// Adds a value to others: of too many, the oldest are let go and what is left is not all.
pub(super) fn add_value(values: &mut Values, value: Value) {
    let value = value.bounded();
    if values.contains(&value) {
        return;
    }
    if values.len() >= MAX_ALTERNATIVES {
        values.remove(0);
    }
    values.push(value);
}

/// Adds values to others.
pub(super) fn add_all(values: &mut Values, more: &[Value]) {
    for value in more {
        add_value(values, value.clone());
    }
}

/// All pairs of two expressions' values.
pub(super) fn pairs(left: &Values, right: &Values, join: impl Fn(&Value, &Value) -> Value) -> Values {
    const UNKNOWN: &[Value] = &[Value::Unknown];
    let mut out = Vec::new();
    for a in if left.is_empty() { UNKNOWN } else { left } {
        for b in if right.is_empty() { UNKNOWN } else { right } {
            add_value(&mut out, join(a, b));
        }
    }
    out
}

/// `a + b`
pub(super) fn plus(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
        (Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()),
        (Value::Content, _) | (_, Value::Content) => Value::Content,
        (Value::Text(..), Value::Int(_)) | (Value::Int(_), Value::Text(..)) => Value::Unknown,
        (Value::Text(..), _) | (_, Value::Text(..)) => tilde(a, b),
        _ => Value::Unknown,
    }
}

/// `a ~ b`
pub(super) fn tilde(a: &Value, b: &Value) -> Value {
    if matches!(a, Value::Content) || matches!(b, Value::Content) {
        return Value::Content;
    }
    let ((left, whole_left), (right, whole_right)) = (a.printed(), b.printed());
    Value::Text(left + &right, whole_left && whole_right)
}

/// `a * b`
pub(super) fn times(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_mul(*b)),
        (Value::Text(text, whole), Value::Int(count)) | (Value::Int(count), Value::Text(text, whole)) => {
            let count = usize::try_from(*count).unwrap_or(0);
            let kept = count.min(MAX_TEXT.checked_div(text.len().max(1)).unwrap_or(0));
            Value::Text(text.repeat(kept), *whole && kept == count)
        }
        _ => Value::Unknown,
    }
}

/// `a[from:to:step]` of a text or list, as Python counts.
pub(super) fn slice_of(value: &Value, from: Option<i128>, to: Option<i128>, by: Option<i128>) -> Value {
    let Some(items) = value.items() else { return Value::Unknown };
    let step = by.unwrap_or(1);
    let len = i128::try_from(items.len()).unwrap_or(0);
    let bound = |bound: Option<i128>, default: i128| {
        let bound = bound.map_or(default, |at| if at < 0 { at.saturating_add(len) } else { at });
        if step < 0 { bound.clamp(-1, len.saturating_sub(1)) } else { bound.clamp(0, len) }
    };
    let mut kept = Vec::new();
    let (mut at, end) = match step {
        0 => return Value::Unknown,
        1.. => (bound(from, 0), bound(to, len)),
        _ => (bound(from, len.saturating_sub(1)), to.map_or(-1, |to| bound(Some(to), -1))),
    };
    while if step > 0 { at < end } else { at > end } {
        kept.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    if matches!(value, Value::Text(..)) { join(&kept, "") } else { Value::List(kept) }
}

/// A slice of a constant text.
pub(crate) fn slice(text: &str, from: Option<i128>, to: Option<i128>, by: Option<i128>) -> Option<String> {
    match slice_of(&Value::text(text), from, to, by) {
        Value::Text(text, true) => Some(text),
        _ => None,
    }
}

/// `a[key]`
pub(super) fn item(value: &Value, key: &Value) -> Value {
    match (value, key) {
        (Value::Dict(pairs), _) => {
            pairs.iter().find(|(own, _)| own == key).map_or(Value::Unknown, |(_, value)| value.clone())
        }
        (_, Value::Text(key, true)) if is_content(key) => Value::Content,
        (_, Value::Int(at)) => {
            let Some(items) = value.items() else { return Value::Unknown };
            let len = i128::try_from(items.len()).unwrap_or(0);
            let at = if *at < 0 { at.saturating_add(len) } else { *at };
            usize::try_from(at).ok().and_then(|at| items.get(at)).cloned().unwrap_or(Value::Unknown)
        }
        _ => Value::Unknown,
    }
}

/// The keys under which messages hold what was written.
pub(super) fn is_content(key: &str) -> bool {
    matches!(key, "content" | "text")
}

/// The texts of items in a row.
pub(super) fn join(items: &[Value], between: &str) -> Value {
    let (mut text, mut whole) = (String::new(), true);
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            text.push_str(between);
        }
        let (printed, known) = item.printed();
        text.push_str(&printed);
        whole &= known;
    }
    Value::Text(text, whole)
}

fn each(value: &Value, change: impl Fn(&str) -> String) -> Value {
    match value {
        Value::Text(text, whole) => Value::Text(change(text), *whole),
        Value::Content => Value::Content,
        _ => Value::Unknown,
    }
}

/// A filter, or a method of texts, lists and dicts, on a value.
pub(super) fn apply(name: &str, value: &Value, args: &[Value], named: &[(String, Value)]) -> Value {
    let first = args.first();
    let text = |at: usize| match args.get(at) {
        Some(Value::Text(text, true)) => Some(text.as_str()),
        _ => None,
    };
    if let Some(changed) = apply_to_text(name, value, args) {
        return changed;
    }
    if let Some(changed) = written::apply(name, value, args, named) {
        return changed;
    }
    match name {
        "reverse" => match value {
            Value::List(items) => Value::List(items.iter().rev().cloned().collect()),
            _ => each(value, |text| text.chars().rev().collect()),
        },
        "list" | "sort" | "unique" | "tuple" | "select" | "reject" | "keys" | "copy" => {
            value.items().map_or_else(|| value.clone(), Value::List)
        }
        "values" => match value {
            Value::Dict(pairs) => Value::List(pairs.iter().map(|(_, value)| value.clone()).collect()),
            _ => Value::Unknown,
        },
        "items" | "dictsort" => match value {
            Value::Dict(pairs) => Value::List(
                pairs.iter().map(|(key, value)| Value::List(vec![key.clone(), value.clone()])).collect(),
            ),
            _ => Value::Unknown,
        },
        "join" => match (value, first) {
            // A method of the separator, or a filter on the items.
            (Value::Text(between, true), Some(Value::List(items))) => join(items, between),
            (Value::Text(..), Some(items @ Value::Text(..))) => items.clone(),
            (Value::List(_) | Value::Dict(_), _) => {
                join(&value.items().unwrap_or_default(), text(0).unwrap_or_default())
            }
            (Value::Content, _) => Value::Content,
            _ => Value::Text(String::new(), false),
        },
        "first" => item(value, &Value::Int(0)),
        "last" | "pop" => item(value, &Value::Int(-1)),
        "get" => match (value, first) {
            (Value::Dict(_), Some(key)) => item(value, key),
            (_, Some(Value::Text(key, true))) if is_content(key) => Value::Content,
            _ => Value::Unknown,
        },
        "length" | "count" => {
            value.items().map_or(Value::Unknown, |items| Value::Int(i128::try_from(items.len()).unwrap_or(0)))
        }
        "int" | "abs" | "float" | "round" => match value {
            Value::Text(text, true) => text.trim().parse().map_or(Value::Unknown, Value::Int),
            other => other.clone(),
        },
        "split" | "rsplit" | "splitlines" => match (value, text(0)) {
            (Value::Text(own, true), Some(by)) if !by.is_empty() => {
                Value::List(own.split(by).take(MAX_ITEMS).map(Value::text).collect())
            }
            (Value::Text(own, true), None) => {
                Value::List(own.split_whitespace().take(MAX_ITEMS).map(Value::text).collect())
            }
            (Value::Content, _) => Value::List(vec![Value::Content, Value::Content]),
            _ => Value::Unknown,
        },
        "map" => match (value.items(), text(0)) {
            (Some(items), Some(name)) if name != "map" => {
                let rest = args.get(1..).unwrap_or_default();
                Value::List(items.iter().map(|item| apply(name, item, rest, &[])).collect())
            }
            _ => match named.iter().find(|(key, _)| key == "attribute") {
                Some((_, Value::Text(key, true))) if is_content(key) => Value::Content,
                _ => Value::Unknown,
            },
        },
        "to_bytes" => match (value, args.first(), args.get(1)) {
            (Value::Int(number), Some(Value::Int(count)), order) => {
                let count = usize::try_from(*count).unwrap_or(0).min(16);
                let bytes = number.to_be_bytes();
                let mut text: String =
                    bytes.iter().skip(16_usize.saturating_sub(count)).map(|b| char::from(*b)).collect();
                if matches!(order, Some(Value::Text(order, _)) if order == "little") {
                    text = text.chars().rev().collect();
                }
                Value::text(text)
            }
            _ => Value::Unknown,
        },
        // `'%s' | format(x)`; the method of the same name is told apart by the caller.
        "format" => percent(value, args, named),
        _ => Value::Unknown,
    }
}

/// What changes a text letter by letter or cuts it; none where the name is of something else.
fn apply_to_text(name: &str, value: &Value, args: &[Value]) -> Option<Value> {
    let text = |at: usize| match args.get(at) {
        Some(Value::Text(text, true)) => Some(text.as_str()),
        _ => None,
    };
    let strip = |c: char| text(0).map_or_else(|| c.is_whitespace(), |set| set.contains(c));
    Some(match name {
        "upper" => each(value, str::to_uppercase),
        "lower" | "casefold" => each(value, str::to_lowercase),
        "capitalize" | "title" => each(value, |text| {
            let mut begins = true;
            let change = |c: char| {
                let up = begins;
                begins = name == "title" && !c.is_alphanumeric();
                if up { c.to_uppercase().next() } else { c.to_lowercase().next() }.unwrap_or(c)
            };
            text.chars().map(change).collect()
        }),
        "swapcase" => each(value, |text| {
            let swap = |c: char| {
                if c.is_uppercase() { c.to_lowercase().next() } else { c.to_uppercase().next() }.unwrap_or(c)
            };
            text.chars().map(swap).collect()
        }),
        "trim" | "strip" => each(value, |text| text.trim_matches(strip).to_owned()),
        "lstrip" => each(value, |text| text.trim_start_matches(strip).to_owned()),
        "rstrip" => each(value, |text| text.trim_end_matches(strip).to_owned()),
        "removeprefix" => {
            each(value, |own| own.strip_prefix(text(0).unwrap_or_default()).unwrap_or(own).to_owned())
        }
        "removesuffix" => {
            each(value, |own| own.strip_suffix(text(0).unwrap_or_default()).unwrap_or(own).to_owned())
        }
        "replace" => match (text(0), text(1)) {
            (Some(from), Some(to)) if !from.is_empty() => each(value, |text| {
                if text.len().saturating_mul(to.len().max(1)) > MAX_TEXT.saturating_mul(64) {
                    return String::new();
                }
                text.replace(from, to)
            }),
            _ => match value {
                Value::Text(..) => Value::Text(String::new(), false),
                other => other.clone(),
            },
        },
        _ => return None,
    })
}

/// `'%s%c' % (a, b)`
pub(super) fn percent(value: &Value, args: &[Value], named: &[(String, Value)]) -> Value {
    let Value::Text(format, whole) = value else { return Value::Unknown };
    let (mut out, mut whole) = (String::new(), *whole);
    let mut args = args.iter();
    let mut rest = format.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut spec = after;
        let mut by_name = None;
        if let Some((name, tail)) = spec.strip_prefix('(').and_then(|tail| tail.split_once(')')) {
            by_name = Some(name);
            spec = tail;
        }
        let padding = spec;
        spec = spec.trim_start_matches(|c: char| c.is_ascii_digit() || "#+- .".contains(c));
        let padding = padding.strip_suffix(spec).unwrap_or_default();
        let Some(kind) = spec.chars().next() else { break };
        rest = spec.get(kind.len_utf8()..).unwrap_or_default();
        if kind == '%' {
            out.push('%');
            continue;
        }
        let argument = match by_name {
            Some(name) => named.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            None => args.next(),
        };
        let mut shown = String::new();
        whole &= write(&mut shown, argument, kind) && "sdiuxXobc".contains(kind);
        let padded = written::padded(&shown, written::Padding::of_percent(padding));
        whole &= padded.is_some();
        out.push_str(&padded.unwrap_or(shown));
    }
    out.push_str(rest);
    Value::Text(out, whole)
}

/// Writes an argument as a format asks; false where it is not known.
fn write(out: &mut String, argument: Option<&Value>, kind: char) -> bool {
    let Some(argument) = argument else { return false };
    if let (Value::Int(code), 'c') = (argument, kind) {
        let decoded = u32::try_from(*code).ok().and_then(char::from_u32);
        out.extend(decoded);
        return decoded.is_some();
    }
    if let (Value::Int(number), 'x' | 'X' | 'o' | 'b') = (argument, kind) {
        let digits = match kind {
            'x' => format!("{number:x}"),
            'X' => format!("{number:X}"),
            'o' => format!("{number:o}"),
            _ => format!("{number:b}"),
        };
        out.push_str(&digits);
        return true;
    }
    let (text, whole) = argument.printed();
    out.push_str(&text);
    whole
}

/// `'{}{0.x}{y[z]:c}'.format(…)`: the text, and the attributes and keys that its fields reach for.
pub(super) fn braces(format: &str, args: &[Value], named: &[(String, Value)]) -> (Value, Vec<String>) {
    let (mut out, mut whole, mut reached, mut next) = (String::new(), true, Vec::new(), 0_usize);
    let mut rest = format;
    while let Some(place) = rest.find(['{', '}']) {
        out.push_str(rest.get(..place).unwrap_or_default());
        let tail = rest.get(place..).unwrap_or_default();
        if let Some(after) = tail.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = tail.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some((field, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
            rest = after;
            let (name, spec) = field.split_once(':').unwrap_or((field, ""));
            let (name, shown) = name.split_once('!').unwrap_or((name, ""));
            let mut steps = name.split(['.', '[', ']']);
            let root = steps.next().unwrap_or_default();
            let steps: Vec<_> = steps.filter(|step| !step.is_empty()).map(str::to_owned).collect();
            let argument = if root.is_empty() {
                next = next.saturating_add(1);
                args.get(next.saturating_sub(1))
            } else if let Ok(number) = root.parse::<usize>() {
                args.get(number)
            } else {
                named.iter().find(|(key, _)| key == root).map(|(_, value)| value)
            };
            if steps.is_empty() && shown.is_empty() {
                let kind = spec.chars().last().filter(char::is_ascii_alphabetic).unwrap_or('s');
                let mut shown = String::new();
                whole &= write(&mut shown, argument, kind);
                let is_number = matches!(argument, Some(Value::Int(_)));
                let padded = written::padded(&shown, written::Padding::of_braces(spec, is_number));
                whole &= padded.is_some();
                out.push_str(&padded.unwrap_or(shown));
            } else {
                whole = false;
            }
            reached.extend(steps);
        } else {
            rest = tail.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    (Value::Text(out, whole), reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(text)
    }

    #[test]
    fn slices_count_as_python_does() {
        let word = text("abcdef");
        assert_eq!(slice_of(&word, None, None, Some(-1)), text("fedcba"));
        assert_eq!(slice_of(&word, Some(1), Some(-1), None), text("bcde"));
        assert_eq!(slice_of(&word, Some(-2), None, None), text("ef"));
        assert_eq!(slice_of(&word, Some(4), Some(1), Some(-2)), text("ec"));
        assert_eq!(slice_of(&word, Some(9), None, None), text(""));
        assert_eq!(slice_of(&word, None, None, Some(0)), Value::Unknown);
    }

    #[test]
    fn formats_are_filled_in() {
        assert_eq!(percent(&text("%s%c%%"), &[text("a"), Value::Int(95)], &[]), text("a_%"));
        assert_eq!(percent(&text("%(x)s"), &[], &[("x".into(), text("b"))]), text("b"));
        let (filled, reached) = braces("{{{}{1:c}{0.a.b[c]}", &[text("x"), Value::Int(95)], &[]);
        assert_eq!((filled, reached.join(" ")), (Value::Text("{x_".into(), false), "a b c".into()));
    }

    #[test]
    fn values_stay_small() {
        assert_eq!(times(&text("abc"), &Value::Int(1 << 60)).bounded().size(), Some(2_046));
        let mut deep = Value::Int(1);
        for _ in 0..50 {
            deep = Value::List(vec![deep]).bounded();
        }
        assert!(deep.weight(0).is_some());
        let mut many = Vec::new();
        (0..100).for_each(|number| add_value(&mut many, Value::Int(number)));
        assert_eq!(many.len(), MAX_ALTERNATIVES);
    }
}
