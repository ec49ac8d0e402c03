//! FHIR R4 (4.0.1) in JSON: a resource, a Bundle or NDJSON, held strictly against the official definitions.
//!
//! | file | what is in it |
//! |---|---|
//! | `table` | the definitions, embedded as one compact table |
//! | `validate` | the one pass that holds a document against them |
//! | `primitives`, `reference`, `attachment`, `narrative` | forms of values |
//! | `invariants` | the constraints, as tables of functions |
//! | `place` | where the JSON reader's faults stand |
//! | `nodes` | short questions to JSON nodes |
//! | `format`, `record` | which sources are FHIR, and how they come apart into records |
//! | `reading` | a record as it was understood |
//! | `meanings`, `phi`, `subject` | what each piece means, and whose it is |
//! | `write`, `narrative_text` | a record with edits made |
//! | `rules` | the rules, and the list of them |

mod attachment;
#[cfg(test)]
mod cases;
mod format;
mod invariants;
mod meanings;
mod narrative;
mod narrative_text;
mod nodes;
mod phi;
mod place;
mod primitives;
mod reading;
mod record;
mod reference;
mod rules;
mod subject;
mod table;
mod validate;
mod write;

pub use format::FhirR4;
pub use invariants::{NOT_EVALUATED, evaluated as evaluated_constraints};
pub use narrative::MAX_NARRATIVE_DEPTH;
pub use record::FHIR_R4;
pub use rules::RULES;

/// The required value sets whose codes the definitions do not enumerate (media types, currencies, UCUM): of
/// these the form of the code alone is checked.
pub fn open_value_sets() -> impl Iterator<Item = &'static str> {
    table::table().open_sets()
}
