//! The rules of CSV.

use lazaret_core::{Rule, Severity};

/// A header names a column twice: readers keep the one or the other.
pub static DUPLICATE_COLUMN: Rule =
    Rule::new("csv.duplicate-column", Severity::High, "the header names a column twice");
/// A row or the header has other columns than the schema.
pub static EXTRA_COLUMN: Rule = Rule::new(
    "csv.extra-column",
    Severity::High,
    "a row or the header has more, fewer or other columns than the schema",
);
/// A spreadsheet would run it.
pub static FORMULA: Rule = Rule::new(
    "csv.formula",
    Severity::Low,
    "a cell that a spreadsheet would take for a formula; an export puts ' before it",
);
/// U+0000 in a cell.
pub static NUL: Rule =
    Rule::new("csv.nul", Severity::High, "a NUL character: readers end the text there, or do not");
/// Quotes that are not as RFC 4180 has them.
pub static QUOTE: Rule = Rule::new(
    "csv.quote",
    Severity::High,
    "a quote that never closes, or text after the closing one; the rows it swallowed are held together",
);
/// A cell is not of its column's type.
pub static TYPE: Rule = Rule::new("csv.type", Severity::High, "a cell is not of its column's type");

/// All of them, sorted by id.
pub static RULES: [&Rule; 6] = [&DUPLICATE_COLUMN, &EXTRA_COLUMN, &FORMULA, &NUL, &QUOTE, &TYPE];
