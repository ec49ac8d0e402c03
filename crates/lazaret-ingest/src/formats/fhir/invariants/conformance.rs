//! Constraints of questionnaires and of definitions: resources that describe systems and not patients.

use std::collections::HashSet;

use lazaret_input::json::Node;

use super::dates::is_after;
use super::questions::{any, count, needs, not_both};
use super::{Around, Constraint, rule};
use crate::formats::fhir::nodes::{has, items, text, truth};

pub(super) static CONSTRAINTS: &[Constraint] = &[
    // Questionnaires
    rule("que-1", &["Questionnaire.item"], "a group has items, a display none", |n, _| {
        match text(n, "type") {
            Some("group") => has(n, "item"),
            Some("display") => !has(n, "item"),
            _ => true,
        }
    }),
    rule("que-2", &["Questionnaire"], "one linkId once", |n, _| {
        let mut seen = HashSet::new();
        link_ids(n, &mut |id| seen.insert(id))
    }),
    rule("que-3", &["Questionnaire.item"], "a display has no code", |n, _| {
        text(n, "type") != Some("display") || !has(n, "code")
    }),
    rule("que-4", &["Questionnaire.item"], "answerOption or answerValueSet, not both", |n, _| {
        not_both(n, "answerOption", "answerValueSet")
    }),
    rule("que-5", &["Questionnaire.item"], "only some types have answers to choose from", |n, _| {
        let with =
            ["choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"];
        text(n, "type").is_some_and(|of| with.contains(&of)) || !any(n, &["answerValueSet", "answerOption"])
    }),
    rule("que-6", &["Questionnaire.item"], "a display is neither required nor repeated", |n, _| {
        text(n, "type") != Some("display") || !any(n, &["required", "repeats"])
    }),
    rule("que-7", &["Questionnaire.item.enableWhen"], "`exists` is answered by a boolean", |n, _| {
        text(n, "operator") != Some("exists") || has(n, "answerBoolean")
    }),
    rule("que-8", &["Questionnaire.item"], "groups and displays have no initial value", |n, _| {
        !matches!(text(n, "type"), Some("group" | "display")) || !has(n, "initial")
    }),
    rule("que-9", &["Questionnaire.item"], "a display is not readOnly", |n, _| {
        text(n, "type") != Some("display") || !has(n, "readOnly")
    }),
    rule("que-10", &["Questionnaire.item"], "maxLength only of simple types", |n, _| {
        let simple = ["boolean", "decimal", "integer", "string", "text", "url", "open-choice"];
        !has(n, "maxLength") || text(n, "type").is_some_and(|of| simple.contains(&of))
    }),
    rule("que-11", &["Questionnaire.item"], "no initial value beside answerOption", |n, _| {
        not_both(n, "answerOption", "initial")
    }),
    rule("que-12", &["Questionnaire.item"], "several conditions need enableBehavior", |n, _| {
        n.get("enableWhen").is_none_or(|w| w.len() <= 2) || has(n, "enableBehavior")
    }),
    rule("que-13", &["Questionnaire.item"], "several initial values only where repeated", |n, _| {
        truth(n, "repeats") || n.get("initial").is_none_or(|i| i.len() <= 1)
    }),
    // Definitions
    rule("cpb-1", &["CapabilityStatement"], "rest, messaging or document", |n, _| {
        any(n, &["rest", "messaging", "document"])
    }),
    rule("cpb-2", &["CapabilityStatement"], "a description, software or implementation", |n, _| {
        any(n, &["description", "software", "implementation"])
    }),
    rule("cpb-3", &["CapabilityStatement"], "endpoints only of an instance", |n, _| {
        text(n, "kind") == Some("instance") || items(n, "messaging").all(|m| !has(m, "endpoint"))
    }),
    rule("cpb-14", &["CapabilityStatement"], "an instance has an implementation", |n, _| {
        text(n, "kind") != Some("instance") || has(n, "implementation")
    }),
    rule("cpb-15", &["CapabilityStatement"], "a capability has software and no implementation", |n, _| {
        text(n, "kind") != Some("capability") || (has(n, "software") && !has(n, "implementation"))
    }),
    rule("cpb-16", &["CapabilityStatement"], "requirements have neither", |n, _| {
        text(n, "kind") != Some("requirements") || !any(n, &["implementation", "software"])
    }),
    rule("tcp-2", &["TerminologyCapabilities"], "a description, software or implementation", |n, _| {
        any(n, &["description", "software", "implementation"])
    }),
    rule("tcp-3", &["TerminologyCapabilities"], "an instance has an implementation", |n, _| {
        text(n, "kind") != Some("instance") || has(n, "implementation")
    }),
    rule("tcp-4", &["TerminologyCapabilities"], "a capability has software and no implementation", |n, _| {
        text(n, "kind") != Some("capability") || (has(n, "software") && !has(n, "implementation"))
    }),
    rule("tcp-5", &["TerminologyCapabilities"], "requirements have neither", |n, _| {
        text(n, "kind") != Some("requirements") || !any(n, &["implementation", "software"])
    }),
    rule("tcp-1", &["TerminologyCapabilities.codeSystem"], "several versions need codes", |n, _| {
        n.get("version").is_none_or(|v| v.len() <= 1 || v.items().all(|version| has(version, "code")))
    }),
    rule("cmd-1", &["ConceptMap.group.element.target"], "narrower and inexact need a comment", |n, _| {
        has(n, "comment") || !matches!(text(n, "equivalence"), Some("narrower" | "inexact"))
    }),
    rule("cmd-2", &["ConceptMap.group.unmapped"], "`fixed` needs a code", |n, _| {
        text(n, "mode") != Some("fixed") || has(n, "code")
    }),
    rule("cmd-3", &["ConceptMap.group.unmapped"], "`other-map` needs a url", |n, _| {
        text(n, "mode") != Some("other-map") || has(n, "url")
    }),
    rule("evv-1", &["EvidenceVariable.characteristic"], "one definition at most", |n, _| {
        count(
            n,
            &[
                "definitionReference",
                "definitionCanonical",
                "definitionCodeableConcept",
                "definitionId",
                "definitionByTypeAndValue",
                "definitionByCombination",
            ],
        ) < 2
    }),
    rule("md-1", &["MessageDefinition.focus"], "max is `*` or above 0", |n, _| {
        text(n, "max").is_none_or(|max| max == "*" || max.parse::<u64>().is_ok_and(|m| m > 0))
    }),
    rule("nsd-1", &["NamingSystem"], "a root has no uuid", |n, _| {
        text(n, "kind") != Some("root") || items(n, "uniqueId").all(|id| text(id, "type") != Some("uuid"))
    }),
    rule("opd-1", &["OperationDefinition.parameter"], "a type or parts", |n, _| any(n, &["type", "part"])),
    rule("opd-2", &["OperationDefinition.parameter"], "searchType is for strings", |n, _| {
        !has(n, "searchType") || text(n, "type") == Some("string")
    }),
    rule("opd-3", &["OperationDefinition.parameter"], "targetProfile is for references", |n, _| {
        !has(n, "targetProfile") || matches!(text(n, "type"), Some("Reference" | "canonical"))
    }),
    rule("spd-1", &["SearchParameter"], "xpath needs xpathUsage", |n, _| needs(n, "xpath", "xpathUsage")),
    rule("spd-2", &["SearchParameter"], "chain is for references", |n, _| {
        !has(n, "chain") || text(n, "type") == Some("reference")
    }),
    rule("sdf-2", &["StructureDefinition.mapping"], "a name or a uri", |n, _| any(n, &["name", "uri"])),
    rule("sdf-4", &["StructureDefinition"], "a base unless abstract", |n, _| {
        truth(n, "abstract") || has(n, "baseDefinition")
    }),
    rule("sdf-5", &["StructureDefinition"], "an extension has a context", |n, _| {
        text(n, "type") != Some("Extension")
            || text(n, "derivation") == Some("specialization")
            || has(n, "context")
    }),
    rule("sdf-6", &["StructureDefinition"], "a snapshot or a differential", |n, _| {
        any(n, &["snapshot", "differential"])
    }),
    rule("sdf-18", &["StructureDefinition"], "contextInvariant is for extensions", |n, _| {
        !has(n, "contextInvariant") || text(n, "type") == Some("Extension")
    }),
    rule("smp-1", &["StructureMap.group.rule.target"], "an element needs a context", |n, _| {
        needs(n, "element", "context")
    }),
    rule("smp-2", &["StructureMap.group.rule.target"], "a context needs its type", |n, _| {
        needs(n, "context", "contextType")
    }),
    rule("inv-2", &["TestReport.test.action"], "an operation or an assertion", |n, _| {
        has(n, "operation") != has(n, "assert")
    }),
    rule("inv-1", &["TestReport.setup.action"], "an operation or an assertion", |n, _| {
        has(n, "operation") != has(n, "assert")
    }),
    rule(
        "inv-1",
        &["Task"],
        "lastModified is not before authoredOn",
        |n, _| !matches!((text(n, "authoredOn"), text(n, "lastModified")), (Some(a), Some(b)) if is_after(a, b)),
    ),
    rule("tst-1", &["TestScript.setup.action"], "an operation or an assertion", |n, _| {
        has(n, "operation") != has(n, "assert")
    }),
    rule("tst-2", &["TestScript.test.action"], "an operation or an assertion", |n, _| {
        has(n, "operation") != has(n, "assert")
    }),
    rule("tst-3", &["TestScript.variable"], "one source of a variable", |n, _| {
        count(n, &["expression", "headerField", "path"]) < 3
    }),
    rule("eld-3", &["ElementDefinition"], "max is a number or `*`", |n, _| {
        text(n, "max").is_none_or(|max| max == "*" || max.parse::<u64>().is_ok())
    }),
    rule("sst-1", &["SubscriptionStatus"], "a notification of an event names it", |n, _| {
        text(n, "type") != Some("event-notification") || has(n, "notificationEvent")
    }),
    rule("tst-4", &["TestScript.metadata"], "a capability is required or validated", |n, _| {
        items(n, "capability").any(|c| any(c, &["required", "validated"]))
    }),
    rule(
        "tst-10",
        &["TestScript.setup.action.assert"],
        "compareToSourceId needs an expression or path, and they it",
        compares,
    ),
    rule(
        "tst-11",
        &["TestScript.test.action.assert"],
        "compareToSourceId needs an expression or path, and they it",
        compares,
    ),
    rule(
        "tst-12",
        &["TestScript.setup.action.assert"],
        "response and responseCode are of responses",
        asserts_response,
    ),
    rule(
        "tst-13",
        &["TestScript.test.action.assert"],
        "response and responseCode are of responses",
        asserts_response,
    ),
    rule("vsd-1", &["ValueSet.compose.include"], "a value set or a system", |n, _| {
        any(n, &["valueSet", "system"])
    }),
    rule("vsd-2", &["ValueSet.compose.include"], "concepts and filters need a system", |n, _| {
        !any(n, &["concept", "filter"]) || has(n, "system")
    }),
    rule("vsd-3", &["ValueSet.compose.include"], "concepts or filters, not both", |n, _| {
        not_both(n, "concept", "filter")
    }),
    rule("vsd-6", &["ValueSet.expansion.contains"], "a code or a display", |n, _| {
        any(n, &["code", "display"])
    }),
    rule("vsd-9", &["ValueSet.expansion.contains"], "a code unless abstract", |n, _| {
        has(n, "code") || truth(n, "abstract")
    }),
    rule("vsd-10", &["ValueSet.expansion.contains"], "a code needs a system", |n, _| {
        needs(n, "code", "system")
    }),
];

fn link_ids<'d>(node: Node<'d, '_>, visit: &mut dyn FnMut(&'d str) -> bool) -> bool {
    items(node, "item").all(|item| text(item, "linkId").is_none_or(&mut *visit) && link_ids(item, visit))
}

fn compares(assert: Node<'_, '_>, _: &Around<'_, '_>) -> bool {
    has(assert, "compareToSourceId") == any(assert, &["compareToSourceExpression", "compareToSourcePath"])
}

fn asserts_response(assert: Node<'_, '_>, _: &Around<'_, '_>) -> bool {
    match text(assert, "direction") {
        Some("request") => !any(assert, &["response", "responseCode"]),
        _ => true,
    }
}
