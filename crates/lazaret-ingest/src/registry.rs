//! What the ingest gate reads: one line a format. Help, pages and receipts derive from these lists.

use std::sync::Arc;

use lazaret_core::{Format, Limit, Rule};

use crate::formats::csv::{CsvFormat, Schema};
use crate::formats::note::NoteFormat;
use crate::formats::opaque::OpaqueFormat;
use crate::formats::{csv, fhir, refused};
use crate::lake;

/// The formats, in the order in which equals are preferred. CSV files are read by the schemas given, notes with
/// what was told of them.
pub fn formats(schemas: Vec<Arc<Schema>>, notes: NoteFormat) -> Vec<Arc<dyn Format>> {
    vec![
        Arc::new(fhir::FhirR4),
        Arc::new(CsvFormat::with_schemas(schemas)),
        Arc::new(notes),
        Arc::new(OpaqueFormat),
    ]
}

/// Every limit of this room.
pub const LIMITS: &[Limit] = &[
    csv::MAX_ROW,
    fhir::MAX_NARRATIVE_DEPTH,
    lake::MAX_BUFFERED,
    lake::MAX_FILE,
    lake::MAX_IDENTITY,
    lake::MAX_KINDS,
    lake::MAX_MANIFEST,
    refused::MAX_REFUSED,
];

/// Every rule of this room.
pub fn rules() -> Vec<&'static Rule> {
    let lists: [&[&'static Rule]; 2] = [fhir::RULES, &csv::RULES];
    let mut rules = lists.concat();
    rules.sort_unstable_by_key(|rule| rule.id);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_unique_and_described() {
        let rules = rules();
        assert!(rules.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(rules.iter().all(|rule| !rule.title.is_empty()));
    }

    #[test]
    fn limits_are_unique() {
        assert!(LIMITS.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    }
}
