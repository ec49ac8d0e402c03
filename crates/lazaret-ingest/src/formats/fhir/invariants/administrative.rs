//! Constraints of appointments, consents and coverage, and of Bundles and Parameters, which carry resources.

use std::collections::HashSet;

use lazaret_input::json::Node;

use super::questions::{any, not_both};
use super::{Constraint, rule};
use crate::formats::fhir::nodes::{choice, has, items, text};

pub(super) static CONSTRAINTS: &[Constraint] = &[
    // Administration
    rule("app-1", &["Appointment.participant"], "a type or an actor", |n, _| any(n, &["type", "actor"])),
    rule("app-2", &["Appointment"], "start and end both or neither", |n, _| has(n, "start") == has(n, "end")),
    rule("app-3", &["Appointment"], "start and end unless proposed, cancelled or waitlist", |n, _| {
        (has(n, "start") && has(n, "end"))
            || matches!(text(n, "status"), Some("proposed" | "cancelled" | "waitlist"))
    }),
    rule("app-4", &["Appointment"], "a reason only where cancelled or noshow", |n, _| {
        !has(n, "cancelationReason") || matches!(text(n, "status"), Some("noshow" | "cancelled"))
    }),
    rule("apr-1", &["AppointmentResponse"], "a participantType or an actor", |n, _| {
        any(n, &["participantType", "actor"])
    }),
    rule("sev-1", &["AuditEvent.entity"], "a name or a query, not both", |n, _| not_both(n, "name", "query")),
    rule("ppc-1", &["Consent"], "a policy or a policyRule", |n, _| any(n, &["policy", "policyRule"])),
    rule("ces-1", &["CoverageEligibilityResponse.insurance.item"], "a category or a product", |n, _| {
        has(n, "category") != has(n, "productOrService")
    }),
    rule("mrp-1", &["MeasureReport"], "no groups in a report of data collection", |n, _| {
        text(n, "type") != Some("data-collection") || !has(n, "group")
    }),
    // Bundles and parameters
    rule("bdl-1", &["Bundle"], "total only of a search or history", |n, _| {
        !has(n, "total") || bundle(n, &["searchset", "history"])
    }),
    rule("bdl-2", &["Bundle"], "entry.search only of a search", |n, _| {
        bundle(n, &["searchset"]) || entries_all(n, |e| !has(e, "search"))
    }),
    rule("bdl-3", &["Bundle"], "entry.request where the type needs it, and only there", |n, _| {
        let needed = bundle(n, &["batch", "transaction", "history"]);
        entries_all(n, |entry| has(entry, "request") == needed)
    }),
    rule("bdl-4", &["Bundle"], "entry.response where the type needs it, and only there", |n, _| {
        let needed = bundle(n, &["batch-response", "transaction-response", "history"]);
        entries_all(n, |entry| has(entry, "response") == needed)
    }),
    rule("bdl-5", &["Bundle.entry"], "a resource, request or response", |n, _| {
        any(n, &["resource", "request", "response"])
    }),
    rule("bdl-7", &["Bundle"], "one fullUrl and version once", |n, _| {
        bundle(n, &["history"]) || full_urls_differ(n)
    }),
    rule("bdl-8", &["Bundle.entry"], "fullUrl names no version", |n, _| {
        text(n, "fullUrl").is_none_or(|url| !url.contains("/_history/"))
    }),
    rule("bdl-9", &["Bundle"], "a document has an identifier with system and value", |n, _| {
        !bundle(n, &["document"])
            || n.get("identifier").is_some_and(|id| has(id, "system") && has(id, "value"))
    }),
    rule("bdl-10", &["Bundle"], "a document has a timestamp", |n, _| {
        !bundle(n, &["document"]) || has(n, "timestamp")
    }),
    rule("bdl-11", &["Bundle"], "a document begins with a Composition", |n, _| {
        !bundle(n, &["document"]) || first_entry_is(n, "Composition")
    }),
    rule("bdl-12", &["Bundle"], "a message begins with a MessageHeader", |n, _| {
        !bundle(n, &["message"]) || first_entry_is(n, "MessageHeader")
    }),
    rule("inv-1", &["Parameters.parameter"], "a value, a resource or parts: one of them", |n, _| {
        let (part, value, resource) = (has(n, "part"), choice(n, "value"), has(n, "resource"));
        usize::from(part).saturating_add(usize::from(value)).saturating_add(usize::from(resource)) == 1
    }),
];

fn bundle(node: Node<'_, '_>, types: &[&str]) -> bool {
    text(node, "type").is_some_and(|of| types.contains(&of))
}

fn entries_all(node: Node<'_, '_>, holds: impl Fn(Node<'_, '_>) -> bool) -> bool {
    items(node, "entry").all(holds)
}

fn first_entry_is(node: Node<'_, '_>, of: &str) -> bool {
    items(node, "entry").next().and_then(|entry| entry.get("resource")).and_then(|r| text(r, "resourceType"))
        == Some(of)
}

fn full_urls_differ(node: Node<'_, '_>) -> bool {
    let mut seen = HashSet::new();
    items(node, "entry").all(|entry| {
        let version = entry.get("resource").and_then(|r| r.get("meta")).and_then(|m| text(m, "versionId"));
        text(entry, "fullUrl").is_none_or(|url| seen.insert((url, version)))
    })
}
