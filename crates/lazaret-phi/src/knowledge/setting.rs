//! Where a text was written and by whom.

use crate::section::{header, plain};

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
    pub fn or_from(mut self, text: &str) -> Self {
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

    /// The ward, as it is compared.
    pub fn ward(&self) -> Option<&str> {
        self.ward.as_deref()
    }

    /// The author, as they are compared.
    pub fn author(&self) -> Option<&str> {
        self.author.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_names_ward_and_author_or_the_text_does() {
        let text = "Ward: Larkspur  East\nDictated by: Dr. Q. Vane\n\nWard: other\n";
        let read = Setting::default().or_from(text);
        assert_eq!((read.ward(), read.author()), (Some("larkspur east"), Some("dr. q. vane")));
        let told = Setting::new(Some("Tansy"), None).or_from(text);
        assert_eq!((told.ward(), told.author()), (Some("tansy"), Some("dr. q. vane")));
    }
}
