//! What is wrong with a policy file: where, why, and the way out.

use std::fmt;

use serde::Serialize;

/// Whether a policy set can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The set is refused.
    Error,
    /// The set can be used; it may not do what its writer meant.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The file or folder.
    pub file: String,
    /// The line, from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// How grave.
    pub level: Level,
    /// What is wrong.
    pub cause: String,
    /// The way out.
    pub help: Option<String>,
}

impl Diagnostic {
    /// About a whole file or folder.
    pub(crate) fn whole(level: Level, file: &str, cause: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, column: None, level, cause: cause.into(), help: None }
    }

    /// About a place in a file, given in bytes.
    pub(crate) fn at(level: Level, file: &str, text: &str, offset: usize, cause: impl Into<String>) -> Self {
        let (line, column) = place(text, offset);
        Self { line: Some(line), column: Some(column), ..Self::whole(level, file, cause) }
    }

    /// The same with a way out.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}: {}", self.level, self.cause)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// Line and column, from 1, of a byte offset; one past the end means the end.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = (0..=offset.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|c| *c != '\n').count().saturating_add(1);
    (line, column)
}

/// The policies cannot be used. Every reason is given, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoliciesRefused {
    /// Why.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for PoliciesRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policies cannot be used:")?;
        self.diagnostics.iter().try_for_each(|diagnostic| write!(f, "\n  {diagnostic}"))
    }
}

impl std::error::Error for PoliciesRefused {}

/// The word of a list that is nearest to another, if it is near: for "did you mean". What is longer than any word is
/// near none, and costs nothing.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    if word.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 5)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_and_never_leaves_the_text() {
        let text = "eins\nzwö drei\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 5), (2, 1));
        assert_eq!(place(text, 10), (2, 5));
        assert_eq!(place(text, 8), (2, 3), "inside a character: its begin");
        assert_eq!(place(text, 1_000), (3, 1));
    }

    #[test]
    fn the_nearest_word_is_near_or_none() {
        let known = ["fhir.narrative-element", "csv.formula", "csv.quote"];
        assert_eq!(nearest("fhir.narative-element", known), Some("fhir.narrative-element"));
        assert_eq!(nearest("csv.formulas", known), Some("csv.formula"));
        assert_eq!(nearest("pickle.dangerous-call", known), None);
        assert_eq!(nearest(&"csv.quote".repeat(100_000), known), None, "at once");
    }
}
