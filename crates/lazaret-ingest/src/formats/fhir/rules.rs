//! The rules of the FHIR reader, and the list of them.

use lazaret_core::{Rule, Severity};

/// The JSON type is another.
pub(crate) static TYPE: Rule =
    Rule::new("fhir.type", Severity::High, "JSON type differs from the element's, or null where none may be");
/// No such element.
pub(crate) static UNKNOWN_ELEMENT: Rule =
    Rule::new("fhir.unknown-element", Severity::High, "the schema has no such element here");
/// Missing, too many, or a second choice.
pub(crate) static CARDINALITY: Rule = Rule::new(
    "fhir.cardinality",
    Severity::High,
    "required element missing, too many, or a second `value[x]`",
);
/// Code outside a required value set.
pub(crate) static BINDING: Rule =
    Rule::new("fhir.binding", Severity::High, "code outside a required value set");
/// Nothing in it.
pub(crate) static EMPTY_OBJECT: Rule = Rule::new(
    "fhir.empty-object",
    Severity::High,
    "empty object or array, or an object with an id alone (ele-1)",
);
/// Not an id.
pub(crate) static ID: Rule = Rule::new(
    "fhir.id",
    Severity::High,
    "id with a wrong character, above 64, or of two contained resources",
);
/// Not in the calendar.
pub(crate) static DATE: Rule =
    Rule::new("fhir.date", Severity::High, "date, dateTime, instant or time that cannot be");
/// Another primitive of the wrong form.
pub(crate) static FORMAT: Rule =
    Rule::new("fhir.format", Severity::High, "primitive of the wrong form (uri, oid, uuid, code, integer)");
/// Points to a type it must not.
pub(crate) static REFERENCE_TARGET: Rule =
    Rule::new("fhir.reference-target", Severity::High, "reference to a type the element does not allow");
/// A constraint fails.
pub(crate) static INVARIANT: Rule = Rule::new(
    "fhir.invariant",
    Severity::High,
    "a constraint of the definitions fails; its key is in the message",
);
/// Not base64.
pub(crate) static BASE64: Rule = Rule::new("fhir.base64", Severity::High, "base64 that does not decode");
/// Says another size or hash than its data has.
pub(crate) static ATTACHMENT_MISMATCH: Rule =
    Rule::new("fhir.attachment-mismatch", Severity::High, "size or hash differs from the attachment's data");
/// Not an XHTML `div`.
pub(crate) static NARRATIVE_MALFORMED: Rule =
    Rule::new("fhir.narrative-malformed", Severity::High, "narrative is no XHTML `div`, or not well-formed");
/// Element outside txt-1.
pub(crate) static NARRATIVE_ELEMENT: Rule =
    Rule::new("fhir.narrative-element", Severity::High, "narrative has an element outside txt-1");
/// Attribute outside txt-1.
pub(crate) static NARRATIVE_ATTRIBUTE: Rule = Rule::new(
    "fhir.narrative-attribute",
    Severity::High,
    "narrative has an attribute outside txt-1: event handler, style that loads",
);
/// A link that runs.
pub(crate) static NARRATIVE_LINK_SCHEME: Rule = Rule::new(
    "fhir.narrative-link-scheme",
    Severity::High,
    "narrative has a link whose scheme runs code or carries data",
);
/// An image that tells its host.
pub(crate) static NARRATIVE_REMOTE_IMAGE: Rule = Rule::new(
    "fhir.narrative-remote-image",
    Severity::High,
    "narrative shows an image from another host, which would learn that the record was opened",
);

/// The rules, sorted by id.
pub const RULES: &[&Rule] = &[
    &ATTACHMENT_MISMATCH,
    &BASE64,
    &BINDING,
    &CARDINALITY,
    &DATE,
    &EMPTY_OBJECT,
    &FORMAT,
    &ID,
    &INVARIANT,
    &NARRATIVE_ATTRIBUTE,
    &NARRATIVE_ELEMENT,
    &NARRATIVE_LINK_SCHEME,
    &NARRATIVE_MALFORMED,
    &NARRATIVE_REMOTE_IMAGE,
    &REFERENCE_TARGET,
    &TYPE,
    &UNKNOWN_ELEMENT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
        assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
