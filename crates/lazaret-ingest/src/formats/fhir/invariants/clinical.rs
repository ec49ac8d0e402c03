//! Constraints of people and places, and of what is told of patients.

use std::collections::HashSet;

use lazaret_input::json::Node;

use super::dates::is_after;
use super::questions::{any, count, needs, not_both};
use super::{Constraint, UCUM, rule};
use crate::formats::fhir::nodes::{choice, has, items, number, text, truth};

pub(super) static CONSTRAINTS: &[Constraint] = &[
    // Patients, people, places
    rule("pat-1", &["Patient.contact"], "a name, telecom, address or organization", |n, _| {
        any(n, &["name", "telecom", "address", "organization"])
    }),
    rule("org-1", &["Organization"], "an identifier or a name", |n, _| any(n, &["identifier", "name"])),
    rule("org-2", &["Organization"], "no address of use `home`", |n, _| {
        items(n, "address").all(|a| text(a, "use") != Some("home"))
    }),
    rule("org-3", &["Organization"], "no telecom of use `home`", |n, _| {
        items(n, "telecom").all(|t| text(t, "use") != Some("home"))
    }),
    rule("ipn-1", &["InsurancePlan"], "an identifier or a name", |n, _| any(n, &["identifier", "name"])),
    rule("grp-1", &["Group"], "members only of an actual group", |n, _| {
        !has(n, "member") || truth(n, "actual")
    }),
    rule("lnk-1", &["Linkage"], "more than one item", |n, _| n.get("item").is_none_or(|item| item.len() > 1)),
    rule("fhs-1", &["FamilyMemberHistory"], "age or born, not both", |n, _| {
        !choice(n, "age") || !choice(n, "born")
    }),
    rule("fhs-2", &["FamilyMemberHistory"], "estimatedAge needs an age", |n, _| {
        choice(n, "age") || !has(n, "estimatedAge")
    }),
    // Clinical
    rule("ait-1", &["AllergyIntolerance"], "clinicalStatus unless entered in error", |n, _| {
        has(n, "clinicalStatus")
            || coded(n, "verificationStatus", ALLERGY_VERIFICATION, &["entered-in-error"])
    }),
    rule("ait-2", &["AllergyIntolerance"], "no clinicalStatus where entered in error", |n, _| {
        !has(n, "clinicalStatus")
            || !coded(n, "verificationStatus", ALLERGY_VERIFICATION, &["entered-in-error"])
    }),
    rule("con-1", &["Condition.stage"], "a summary or an assessment", |n, _| {
        any(n, &["summary", "assessment"])
    }),
    rule("con-2", &["Condition.evidence"], "a code or a detail", |n, _| any(n, &["code", "detail"])),
    rule("con-4", &["Condition"], "abatement means resolved, remission or inactive", |n, _| {
        let over = ["resolved", "remission", "inactive"];
        !choice(n, "abatement")
            || coded(n, "clinicalStatus", "http://terminology.hl7.org/CodeSystem/condition-clinical", &over)
    }),
    rule("con-5", &["Condition"], "no clinicalStatus where entered in error", |n, _| {
        let system = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
        !has(n, "clinicalStatus") || !coded(n, "verificationStatus", system, &["entered-in-error"])
    }),
    rule("obs-3", &["Observation.referenceRange"], "low, high or text", |n, _| {
        any(n, &["low", "high", "text"])
    }),
    rule("obs-6", &["Observation"], "no dataAbsentReason beside a value", |n, _| {
        !has(n, "dataAbsentReason") || !choice(n, "value")
    }),
    rule("obs-7", &["Observation"], "no value where a component has the code of the observation", |n, _| {
        !choice(n, "value") || !component_has_own_code(n)
    }),
    rule("cpl-3", &["CarePlan.activity"], "a detail or a reference, not both", |n, _| {
        not_both(n, "detail", "reference")
    }),
    rule("cmp-1", &["Composition.section"], "text, entries or sections", |n, _| {
        any(n, &["text", "entry", "section"])
    }),
    rule("cmp-2", &["Composition.section"], "emptyReason only without entries", |n, _| {
        not_both(n, "emptyReason", "entry")
    }),
    rule("gol-1", &["Goal.target"], "a detail needs a measure", |n, _| {
        !choice(n, "detail") || has(n, "measure")
    }),
    rule("imm-1", &["Immunization.education"], "documentType or reference", |n, _| {
        any(n, &["documentType", "reference"])
    }),
    rule("imr-1", &["ImmunizationRecommendation.recommendation"], "vaccineCode or targetDisease", |n, _| {
        any(n, &["vaccineCode", "targetDisease"])
    }),
    rule("lst-1", &["List"], "emptyReason only without entries", |n, _| not_both(n, "emptyReason", "entry")),
    rule("lst-2", &["List"], "deleted only in a list of changes", |n, _| {
        text(n, "mode") == Some("changes") || items(n, "entry").all(|entry| !has(entry, "deleted"))
    }),
    rule("lst-3", &["List"], "dates only in a working list", |n, _| {
        text(n, "mode") == Some("working") || items(n, "entry").all(|entry| !has(entry, "date"))
    }),
    rule("mad-1", &["MedicationAdministration.dosage"], "a dose or a rate", |n, _| {
        has(n, "dose") || choice(n, "rate")
    }),
    rule(
        "mdd-1",
        &["MedicationDispense"],
        "handed over after prepared",
        |n, _| !matches!((text(n, "whenPrepared"), text(n, "whenHandedOver")), (Some(a), Some(b)) if is_after(a, b)),
    ),
    rule("msq-3", &["MolecularSequence"], "coordinateSystem is 0 or 1", |n, _| {
        number(n, "coordinateSystem").is_none_or(|value| value == 0.0 || value.to_bits() == 1.0_f64.to_bits())
    }),
    rule(
        "msq-5",
        &["MolecularSequence.referenceSeq"],
        "chromosome and genomeBuild both or neither",
        |n, _| has(n, "chromosome") == has(n, "genomeBuild"),
    ),
    rule("msq-6", &["MolecularSequence.referenceSeq"], "exactly one form of the reference", |n, _| {
        count(n, &["genomeBuild", "referenceSeqId", "referenceSeqPointer", "referenceSeqString"]) == 1
    }),
    rule("prr-1", &["ServiceRequest"], "orderDetail needs a code", |n, _| needs(n, "orderDetail", "code")),
    rule("qrs-1", &["QuestionnaireResponse.item"], "answers or items, not both", |n, _| {
        not_both(n, "answer", "item")
    }),
    rule("ras-1", &["RiskAssessment.prediction"], "a range of probabilities is in percent", |n, _| {
        n.get("probabilityRange").is_none_or(|range| {
            ["low", "high"]
                .iter()
                .filter_map(|key| range.get(key))
                .all(|bound| text(bound, "code") == Some("%") && text(bound, "system") == Some(UCUM))
        })
    }),
    rule("ras-2", &["RiskAssessment.prediction"], "a probability is at most 100", |n, _| {
        number(n, "probabilityDecimal").is_none_or(|p| p <= 100.0)
    }),
    rule("rqg-1", &["RequestGroup.action"], "a resource or actions, not both", |n, _| {
        has(n, "resource") != has(n, "action")
    }),
];

const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

fn coded(node: Node<'_, '_>, key: &str, system: &str, codes: &[&str]) -> bool {
    node.get(key).is_some_and(|concept| {
        items(concept, "coding").any(|coding| {
            text(coding, "system") == Some(system)
                && text(coding, "code").is_some_and(|code| codes.contains(&code))
        })
    })
}

fn component_has_own_code(observation: Node<'_, '_>) -> bool {
    let Some(code) = observation.get("code") else { return false };
    let own: HashSet<(Option<&str>, Option<&str>)> = codings(code).collect();
    items(observation, "component")
        .filter_map(|component| component.get("code"))
        .any(|code| codings(code).any(|coding| own.contains(&coding)))
}

fn codings<'d, 'a: 'd>(concept: Node<'d, 'a>) -> impl Iterator<Item = (Option<&'d str>, Option<&'d str>)> {
    items(concept, "coding").map(|coding| (text(coding, "system"), text(coding, "code")))
}
