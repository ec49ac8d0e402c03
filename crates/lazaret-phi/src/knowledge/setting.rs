//! Where a text was written, by whom, and which of its header lines stands above a place.

/// Longest name of a header line, in bytes.
const LONGEST: usize = 48;
/// Longest value that names a ward or author, in bytes.
const LONGEST_VALUE: usize = 120;
/// How far into a text its ward and author are looked for, in bytes: in the letter head, not in what follows.
const HEAD: usize = 4 << 10;

/// Headers whose value is the ward.
const WARD: [&str; 5] = ["ward", "unit", "location", "department", "service"];
/// Headers whose value is the author.
const AUTHOR: [&str; 6] =
    ["author", "dictated by", "signed by", "electronically signed by", "written by", "provider"];

/// The ward and author of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting {
    ward: Option<String>,
    author: Option<String>,
}

impl Setting {
    /// As the caller knows them.
    pub fn new(ward: Option<&str>, author: Option<&str>) -> Self {
        Self { ward: ward.map(plain), author: author.map(plain) }
    }

    /// What the caller does not know is taken from the text's own first header lines.
    #[must_use]
    pub(crate) fn or_from(mut self, text: &str) -> Self {
        let mut end = text.len().min(HEAD);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        for line in text.get(..end).unwrap_or("").lines() {
            let Some((name, value)) = header(line) else { continue };
            let value = value.trim();
            if value.is_empty() || value.len() > LONGEST_VALUE {
                continue;
            }
            let place = if WARD.contains(&name.as_str()) {
                &mut self.ward
            } else if AUTHOR.contains(&name.as_str()) {
                &mut self.author
            } else {
                continue;
            };
            place.get_or_insert_with(|| plain(value));
        }
        self
    }

    pub(crate) fn ward(&self) -> Option<&str> {
        self.ward.as_deref()
    }

    pub(crate) fn author(&self) -> Option<&str> {
        self.author.as_deref()
    }
}

/// A name as it is compared: in lower case, single blanks, without punctuation at its ends.
pub(super) fn plain(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// The name and value of a header line: `Social history: lives alone`, `PLAN`.
fn header(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    let (name, value) = match line.split_once(':') {
        Some((name, value)) => (name, value),
        None if line.chars().any(char::is_alphabetic) && !line.chars().any(char::is_lowercase) => (line, ""),
        None => return None,
    };
    let named = (2..=LONGEST).contains(&name.len())
        && name.starts_with(char::is_alphabetic)
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '/' | '&' | '-' | '(' | ')' | '\'' | '.'));
    named.then(|| (plain(name), value))
}

/// The header lines of a text, in order: where each begins, and its name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sections(Vec<(usize, String)>);

impl Sections {
    pub(crate) fn of(text: &str) -> Self {
        let mut at = 0;
        let mut each = Vec::new();
        for line in text.split_inclusive('\n') {
            each.extend(header(line).map(|(name, _)| (at, name)));
            at += line.len();
        }
        Self(each)
    }

    /// The header line that stands above or at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&str> {
        let after = self.0.partition_point(|(start, _)| *start <= place);
        self.0.get(after.checked_sub(1)?).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_belongs_to_the_nearest_header_above() {
        let text = "Note\nSOCIAL HISTORY\nLives alone.\nPlan : rest; 12:30 walk\nand more\n";
        let sections = Sections::of(text);
        let at = |part: &str| sections.at(text.find(part).unwrap());
        assert_eq!(at("Note"), None);
        assert_eq!(at("alone"), Some("social history"));
        assert_eq!(at("walk"), Some("plan"));
        assert_eq!(at("more"), Some("plan"));
    }

    #[test]
    fn the_caller_names_ward_and_author_or_the_text_does() {
        let text = "Ward: Larkspur  East\nDictated by: Dr. Q. Vane\n\nWard: other\n";
        let read = Setting::default().or_from(text);
        assert_eq!((read.ward(), read.author()), (Some("larkspur east"), Some("dr. q. vane")));
        let told = Setting::new(Some("Tansy"), None).or_from(text);
        assert_eq!((told.ward(), told.author()), (Some("tansy"), Some("dr. q. vane")));
    }
}
