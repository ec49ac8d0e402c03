//! What this room reads, in one place: the formats and the rules.

use lazaret_core::{Format, Rule};

use crate::formats::fhir;

/// The formats, one line each.
pub const FORMATS: &[&dyn Format] = &[&fhir::FhirR4];

/// The rules of each format.
pub const RULES: &[&[&Rule]] = &[fhir::RULES];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique() {
        let formats: BTreeSet<_> = FORMATS.iter().map(|format| format.id()).collect();
        assert_eq!(formats.len(), FORMATS.len());
        let rules: BTreeSet<_> = RULES.iter().flat_map(|rules| rules.iter().map(|rule| rule.id)).collect();
        assert_eq!(rules.len(), RULES.iter().map(|rules| rules.len()).sum::<usize>());
    }
}
