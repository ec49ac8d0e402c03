//! The header lines of a text, and which of them stands above a place. The one reader of them: what asks where in a note
//! it is asks here.
//!
//! A header line is `Plan: rest`, `PLAN`, or the name of a section alone on its line in any letters (`plan`, `## Past medical
//! history`). `catalogue/phi/sections/names.txt` holds those names.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

/// Longest name of a header line, in bytes.
const LONGEST: usize = 48;

/// Names that are a header line without a colon and without capitals.
static NAMES: LazyLock<FxHashSet<&str>> =
    LazyLock::new(|| include_str!("../../../catalogue/phi/sections/names.txt").lines().collect());

/// A name as it is compared: in lower case, single blanks, without punctuation at its ends.
pub(crate) fn plain(name: &str) -> String {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// The name and value of a header line: `Social history: lives alone`, `PLAN`, `assessment and plan`.
pub(crate) fn header(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    let (name, value) = match line.split_once(':') {
        Some((name, value)) => (name, value),
        None if line.chars().any(char::is_alphabetic) && !line.chars().any(char::is_lowercase) => (line, ""),
        None => return known(line).map(|name| (name, "")),
    };
    let named = (2..=LONGEST).contains(&name.len())
        && name.starts_with(char::is_alphabetic)
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '/' | '&' | '-' | '(' | ')' | '\'' | '.'));
    named.then(|| (plain(name), value))
}

/// The name of a section alone on its line, marks of headings beside it left out.
fn known(line: &str) -> Option<String> {
    let name = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '_' | '='));
    if name.len() > LONGEST
        || !name.starts_with(char::is_alphabetic)
        || !name.ends_with(char::is_alphanumeric)
    {
        return None; // an item of a list begins with its sign, a sentence ends with its full stop
    }
    let name = plain(name);
    let words = name.replace(['&', '/'], " and ");
    let words: Vec<&str> = words.split_whitespace().collect();
    NAMES.contains(words.join(" ").as_str()).then_some(name)
}

/// The section in which a place of a text stands, in bytes, as an entry of a hospital's knowledge names it.
pub fn section_at(text: &str, place: usize) -> Option<String> {
    Sections::of(text).at(place).map(str::to_owned)
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
    use proptest::prelude::*;

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
    fn the_name_of_a_section_alone_on_its_line_is_a_header_in_any_letters() {
        for (line, name) in [
            ("assessment", "assessment"),
            ("  Assessment & Plan  ", "assessment & plan"),
            ("Assessment/Plan", "assessment/plan"),
            ("## Past medical history", "past medical history"),
            ("**hospital  course**", "hospital course"),
        ] {
            assert_eq!(header(line), Some((name.to_owned(), "")), "{line}");
        }
        for line in
            ["assessment.", "plan is rest", "- labs", "2. allergies", "she had a plan", "", "##", "quillmoor"]
        {
            assert_eq!(header(line), None, "{line}");
        }
    }

    #[test]
    fn the_list_is_sorted_in_lower_case_and_short_enough_to_be_read() {
        let lines: Vec<&str> = include_str!("../../../catalogue/phi/sections/names.txt").lines().collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        for line in lines {
            assert_eq!(known(line).as_deref(), Some(line));
        }
    }

    proptest! {
        #[test]
        fn sections_of_any_text_are_in_order(text in "(plan|PLAN|: |\n|#|&|é|\u{0}|x){0,40}") {
            let sections = Sections::of(&text);
            prop_assert!(sections.0.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!((0..=text.len()).all(|at| sections.at(at).is_none_or(|name| name.len() <= 2 * LONGEST)));
        }
    }
}
