//! References: what type a reference points to, and which part of it is an id.

use std::ops::Range;

use super::table::table;

/// A reference string, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target<'t> {
    /// `#id`: within the resource; empty for the container itself.
    Contained(&'t str),
    /// `urn:uuid:…` or `urn:oid:…`: an entry of the Bundle.
    Urn { id: Range<usize> },
    /// `Type/id`, alone or at the end of an absolute URL.
    Literal { of: &'t str, id: Range<usize>, is_absolute: bool },
    /// `Type?query`: the values of the query's parameters.
    Conditional { of: &'t str, values: Vec<Range<usize>> },
    /// Some other absolute URL.
    Elsewhere,
    /// Nothing a reference may be.
    Malformed,
}

impl<'t> Target<'t> {
    /// Takes a reference apart.
    pub(crate) fn of(text: &'t str) -> Self {
        if let Some(id) = text.strip_prefix('#') {
            return Self::Contained(id);
        }
        for prefix in ["urn:uuid:", "urn:oid:"] {
            if text.starts_with(prefix) {
                return Self::Urn { id: prefix.len()..text.len() };
            }
        }
        let path_end = text.find('?').unwrap_or(text.len());
        let is_absolute = is_absolute(text);
        if path_end < text.len() {
            let of = text.get(..path_end).unwrap_or("").rsplit('/').next().unwrap_or("");
            return match table().resource(of) {
                Some(_) => Self::Conditional { of, values: query_values(text, path_end) },
                None if is_absolute => Self::Elsewhere,
                None => Self::Malformed,
            };
        }
        match literal(text, is_absolute) {
            Some(found) => found,
            None if is_absolute => Self::Elsewhere,
            None => Self::Malformed,
        }
    }
}

fn is_absolute(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// `[base/]Type/id[/_history/version]`, with an optional fragment.
fn literal(text: &str, is_absolute: bool) -> Option<Target<'_>> {
    let end = text.find('#').unwrap_or(text.len());
    let path = text.get(..end)?;
    let path = path.split_once("/_history/").map_or(path, |(before, _)| before);
    let (before, id) = path.rsplit_once('/')?;
    let of = before.rsplit('/').next()?;
    table().resource(of)?;
    if !is_absolute && of.len() != before.len() {
        return None;
    }
    let fine = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    let start = path.len().checked_sub(id.len())?;
    fine.then_some(Target::Literal { of, id: start..path.len(), is_absolute })
}

/// The values of a query: behind each `=`, and behind the last `|` of a token.
fn query_values(text: &str, from: usize) -> Vec<Range<usize>> {
    let mut at = from.saturating_add(1);
    let mut out = Vec::new();
    for part in text.get(at..).unwrap_or("").split('&') {
        let end = at.saturating_add(part.len());
        if let Some(equals) = part.find('=') {
            let mut start = at.saturating_add(equals).saturating_add(1);
            if let Some(bar) = text.get(start..end).and_then(|value| value.rfind('|')) {
                start = start.saturating_add(bar).saturating_add(1);
            }
            if start < end {
                out.push(start..end);
            }
        }
        at = end.saturating_add(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_come_apart() {
        let id = |text: &'static str| match Target::of(text) {
            Target::Literal { of, id, .. } => (of, text.get(id).unwrap()),
            other => panic!("{other:?}"),
        };
        assert_eq!(id("Patient/a-1"), ("Patient", "a-1"));
        assert_eq!(id("Patient/a/_history/2"), ("Patient", "a"));
        assert_eq!(id("https://h.example/fhir/Patient/a"), ("Patient", "a"));
        assert_eq!(Target::of("#p"), Target::Contained("p"));
        assert_eq!(Target::of("urn:uuid:x"), Target::Urn { id: 9..10 });
        assert_eq!(Target::of("http://h.example/x"), Target::Elsewhere);
        for bad in ["", "x", "Patient", "Patient/", "Patient/a b", "../Patient/a", "Foo/1", "x/Patient/1"] {
            assert_eq!(Target::of(bad), Target::Malformed, "{bad}");
        }
        let text = "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|99&a=b";
        let Target::Conditional { of, values } = Target::of(text) else { panic!() };
        let values: Vec<_> = values.into_iter().map(|value| text.get(value).unwrap()).collect();
        assert_eq!((of, values), ("Practitioner", vec!["99", "b"]));
    }

    proptest! {
        #[test]
        fn any_text_comes_apart_within_itself(text in "(Patient|/|\\?|=|\\||&|#|:|é|urn:uuid:|x){0,12}") {
            match Target::of(&text) {
                Target::Urn { id } | Target::Literal { id, .. } => prop_assert!(text.get(id).is_some()),
                Target::Conditional { values, .. } => {
                    for value in values {
                        prop_assert!(text.get(value).is_some_and(|value| !value.is_empty()));
                    }
                }
                _ => {}
            }
        }
    }
}
