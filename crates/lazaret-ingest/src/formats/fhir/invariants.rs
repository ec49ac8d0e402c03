//! The constraints of R4, written by hand as a table of functions, by the shape they hold for.
//!
//! Constraints of severity `warning` are best practice and not evaluated, nor are those in [`NOT_EVALUATED`].
//! `ele-1` (empty elements), `txt-1` and `txt-2` (narratives) are held by the validator and the narrative
//! reader themselves.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use lazaret_input::json::{JsonKind, Node};

/// Constraints of severity `error` that are not evaluated, each with its reason in the documentation: they
/// need `FHIRPath` over whole definitions (conformance resources, which describe systems and not patients), or
/// other resources than the record itself. `ppc-2` to `ppc-5` ask for a code system called `something`, so that
/// they hold of everything.
pub const NOT_EVALUATED: &[&str] = &[
    "cpb-7", "cpb-9", "cpb-12", "csd-1", "ctm-1", "eld-2", "eld-5", "eld-6", "eld-7", "eld-11", "eld-13",
    "eld-14", "eld-19", "ig-1", "ig-2", "mea-1", "mrp-2", "nsd-2", "ppc-2", "ppc-3", "ppc-4", "ppc-5",
    "sdf-1", "sdf-3", "sdf-8", "sdf-8a", "sdf-8b", "sdf-9", "sdf-10", "sdf-11", "sdf-14", "sdf-15",
    "sdf-15a", "sdf-16", "sdf-17", "sdf-19", "sdf-20", "sdf-21", "sdf-22", "sdf-23", "tst-5", "tst-6",
    "tst-7", "tst-8", "tst-9",
];

/// One constraint.
pub(crate) struct Constraint {
    /// Its key in the definitions.
    pub(crate) key: &'static str,
    on: &'static [&'static str],
    /// What it asks, in our words.
    pub(crate) human: &'static str,
    pub(crate) holds: fn(Node<'_, '_>, &Around<'_, '_>) -> bool,
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key)
    }
}

/// What stands around an object.
#[derive(Debug, Clone)]
pub(crate) struct Around<'d, 'a> {
    /// The resource it is in.
    pub(crate) resource: Node<'d, 'a>,
    /// The ids and types of what is contained in the outermost resource (not counting a Bundle around it).
    pub(crate) contained: HashMap<&'d str, &'d str>,
}

/// The constraints of a shape; those on `*` hold for every resource that may contain others.
pub(crate) fn of(shape: &str, is_domain_resource: bool) -> Vec<&'static Constraint> {
    let holds_for = |constraint: &&Constraint| {
        constraint.on.contains(&shape) || (is_domain_resource && constraint.on.contains(&"*"))
    };
    CONSTRAINTS.iter().filter(holds_for).collect()
}

/// The key of every constraint that is evaluated.
pub fn evaluated() -> impl Iterator<Item = &'static str> {
    CONSTRAINTS.iter().map(|constraint| constraint.key)
}

const fn rule(
    key: &'static str,
    on: &'static [&'static str],
    human: &'static str,
    holds: fn(Node<'_, '_>, &Around<'_, '_>) -> bool,
) -> Constraint {
    Constraint { key, on, human, holds }
}

const UCUM: &str = "http://unitsofmeasure.org";
const QUANTITIES: &[&str] =
    &["Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"];

static CONSTRAINTS: &[Constraint] = &[
    // Data types
    rule("ext-1", &["Extension"], "either a value or extensions", |n, _| {
        has(n, "extension") != choice(n, "value")
    }),
    rule("qty-3", QUANTITIES, "a code needs a system", |n, _| !has(n, "code") || has(n, "system")),
    rule("sqty-1", &["SimpleQuantity"], "no comparator here", |n, _| !has(n, "comparator")),
    rule("mqty-1", &["MoneyQuantity"], "a value needs a currency of ISO 4217", |n, _| {
        (has(n, "code") || !has(n, "value")) && system_is(n, "urn:iso:std:iso:4217")
    }),
    rule("age-1", &["Age"], "a positive value with a UCUM code", |n, _| {
        unit(n) && number(n, "value").is_none_or(|value| value > 0.0)
    }),
    rule("cnt-3", &["Count"], "a whole number with the UCUM code 1", |n, _| {
        unit(n)
            && text(n, "code").is_none_or(|code| code == "1")
            && n.get("value").and_then(|v| v.as_number()).is_none_or(|value| !value.contains('.'))
    }),
    rule("dis-1", &["Distance"], "a value with a UCUM code", |n, _| unit(n)),
    rule("drt-1", &["Duration"], "a code needs UCUM and a value", |n, _| {
        !has(n, "code") || (text(n, "system") == Some(UCUM) && has(n, "value"))
    }),
    rule("att-1", &["Attachment"], "data needs a contentType", |n, _| {
        !has(n, "data") || has(n, "contentType")
    }),
    rule("cpt-2", &["ContactPoint"], "a value needs a system", |n, _| !has(n, "value") || has(n, "system")),
    rule(
        "per-1",
        &["Period"],
        "start is not after end",
        |n, _| !matches!((text(n, "start"), text(n, "end")), (Some(start), Some(end)) if is_after(start, end)),
    ),
    rule("rng-2", &["Range"], "low is not above high", |n, _| {
        let bounds = (n.get("low"), n.get("high"));
        let (Some(low), Some(high)) = bounds else { return true };
        let same_unit = text(low, "code") == text(high, "code") && text(low, "unit") == text(high, "unit");
        !matches!((number(low, "value"), number(high, "value")), (Some(a), Some(b)) if same_unit && a > b)
    }),
    rule("rat-1", &["Ratio"], "numerator and denominator both or neither", |n, _| {
        has(n, "numerator") == has(n, "denominator") && (has(n, "numerator") || has(n, "extension"))
    }),
    rule("ref-1", &["Reference"], "`#id` must be contained in the resource", |n, around| {
        text(n, "reference")
            .and_then(|reference| reference.strip_prefix('#'))
            .is_none_or(|id| id.is_empty() || around.contained.contains_key(id))
    }),
    rule("exp-1", &["Expression"], "an expression or a reference", |n, _| {
        any(n, &["expression", "reference"])
    }),
    rule("tim-1", &["Timing.repeat"], "duration needs durationUnit", |n, _| {
        needs(n, "duration", "durationUnit")
    }),
    rule("tim-2", &["Timing.repeat"], "period needs periodUnit", |n, _| needs(n, "period", "periodUnit")),
    rule("tim-4", &["Timing.repeat"], "duration is not negative", |n, _| {
        number(n, "duration").is_none_or(|d| d >= 0.0)
    }),
    rule("tim-5", &["Timing.repeat"], "period is not negative", |n, _| {
        number(n, "period").is_none_or(|d| d >= 0.0)
    }),
    rule("tim-6", &["Timing.repeat"], "periodMax needs period", |n, _| needs(n, "periodMax", "period")),
    rule("tim-7", &["Timing.repeat"], "durationMax needs duration", |n, _| {
        needs(n, "durationMax", "duration")
    }),
    rule("tim-8", &["Timing.repeat"], "countMax needs count", |n, _| needs(n, "countMax", "count")),
    rule("tim-9", &["Timing.repeat"], "offset needs a when that is no meal", |n, _| {
        let meals = ["C", "CM", "CD", "CV"];
        !has(n, "offset")
            || (has(n, "when")
                && items(n, "when").all(|w| w.as_str().is_none_or(|code| !meals.contains(&code))))
    }),
    rule("tim-10", &["Timing.repeat"], "timeOfDay or when, not both", |n, _| {
        not_both(n, "timeOfDay", "when")
    }),
    rule("drq-1", &["DataRequirement.codeFilter"], "path or searchParam", |n, _| {
        has(n, "path") != has(n, "searchParam")
    }),
    rule("drq-2", &["DataRequirement.dateFilter"], "path or searchParam", |n, _| {
        has(n, "path") != has(n, "searchParam")
    }),
    rule("trd-1", &["TriggerDefinition"], "data or timing, not both", |n, _| {
        !has(n, "data") || !choice(n, "timing")
    }),
    rule("trd-2", &["TriggerDefinition"], "condition needs data", |n, _| needs(n, "condition", "data")),
    rule("trd-3", &["TriggerDefinition"], "what the type of the trigger needs", |n, _| {
        match text(n, "type") {
            Some("named-event") => has(n, "name"),
            Some("periodic") => choice(n, "timing"),
            Some(of) if of.starts_with("data-") => has(n, "data"),
            _ => true,
        }
    }),
    rule("eld-1", &["ElementDefinition.slicing"], "a discriminator or a description", |n, _| {
        any(n, &["discriminator", "description"])
    }),
    rule("eld-4", &["ElementDefinition.type"], "aggregation is for references", |n, _| {
        !has(n, "aggregation") || is_reference(n)
    }),
    rule("eld-8", &["ElementDefinition"], "a pattern or a fixed value, not both", |n, _| {
        !choice(n, "pattern") || !choice(n, "fixed")
    }),
    rule("eld-12", &["ElementDefinition.binding"], "valueSet is an http or urn URL", |n, _| {
        text(n, "valueSet")
            .is_none_or(|url| ["http:", "https", "urn:"].iter().any(|start| url.starts_with(start)))
    }),
    rule("eld-15", &["ElementDefinition"], "a default or its meaning when missing", |n, _| {
        !choice(n, "defaultValue") || !has(n, "meaningWhenMissing")
    }),
    rule("eld-16", &["ElementDefinition"], "form of sliceName", |n, _| {
        text(n, "sliceName")
            .is_none_or(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "/-_[]@".contains(c)))
    }),
    rule("eld-17", &["ElementDefinition.type"], "targetProfile is for references", |n, _| {
        !has(n, "targetProfile") || is_reference(n)
    }),
    rule("eld-18", &["ElementDefinition"], "a modifier needs its reason", |n, _| {
        !truth(n, "isModifier") || has(n, "isModifierReason")
    }),
    rule("eld-22", &["ElementDefinition"], "sliceIsConstraining needs sliceName", |n, _| {
        needs(n, "sliceIsConstraining", "sliceName")
    }),
    // Every resource
    rule("dom-2", &["*"], "what is contained contains nothing", |n, _| {
        items(n, "contained").all(|c| !has(c, "contained"))
    }),
    rule("dom-3", &["*"], "what is contained is referred to, or refers to its container", contained_is_used),
    rule("dom-4", &["*"], "what is contained has no version and no lastUpdated", |n, _| {
        items(n, "contained")
            .all(|c| c.get("meta").is_none_or(|m| !has(m, "versionId") && !has(m, "lastUpdated")))
    }),
    rule("dom-5", &["*"], "what is contained has no security label", |n, _| {
        items(n, "contained").all(|c| c.get("meta").is_none_or(|m| !has(m, "security")))
    }),
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

const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

/// Whether an element is there, by its value or by the extensions beside it.
pub(crate) fn has(node: Node<'_, '_>, key: &str) -> bool {
    node.members().any(|member| member.key == key || member.key.strip_prefix('_') == Some(key))
}

/// Whether some type of a choice element is there.
pub(crate) fn choice(node: Node<'_, '_>, stem: &str) -> bool {
    node.members().any(|member| {
        let key = member.key.strip_prefix('_').unwrap_or(member.key);
        key.strip_prefix(stem).is_some_and(|of| of.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

pub(crate) fn text<'d>(node: Node<'d, '_>, key: &str) -> Option<&'d str> {
    node.get(key).and_then(|value| value.as_str())
}

fn number(node: Node<'_, '_>, key: &str) -> Option<f64> {
    node.get(key).and_then(|value| value.as_number()).and_then(|value| value.parse().ok())
}

fn truth(node: Node<'_, '_>, key: &str) -> bool {
    node.get(key).and_then(|value| value.as_bool()) == Some(true)
}

/// The items of an array element.
pub(crate) fn items<'d, 'a>(node: Node<'d, 'a>, key: &str) -> impl Iterator<Item = Node<'d, 'a>> {
    node.get(key).into_iter().flat_map(|array| array.items())
}

fn any(node: Node<'_, '_>, keys: &[&str]) -> bool {
    keys.iter().any(|key| has(node, key))
}

fn count(node: Node<'_, '_>, keys: &[&str]) -> usize {
    keys.iter().filter(|key| has(node, key)).count()
}

fn needs(node: Node<'_, '_>, key: &str, other: &str) -> bool {
    !has(node, key) || has(node, other)
}

fn not_both(node: Node<'_, '_>, key: &str, other: &str) -> bool {
    !(has(node, key) && has(node, other))
}

fn unit(quantity: Node<'_, '_>) -> bool {
    (has(quantity, "code") || !has(quantity, "value")) && system_is(quantity, UCUM)
}

fn system_is(quantity: Node<'_, '_>, system: &str) -> bool {
    text(quantity, "system").is_none_or(|found| found == system)
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

fn is_reference(of_type: Node<'_, '_>) -> bool {
    matches!(text(of_type, "code"), Some("Reference" | "canonical"))
}

fn coded(node: Node<'_, '_>, key: &str, system: &str, codes: &[&str]) -> bool {
    node.get(key).is_some_and(|concept| {
        items(concept, "coding").any(|coding| {
            text(coding, "system") == Some(system)
                && text(coding, "code").is_some_and(|code| codes.contains(&code))
        })
    })
}

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

/// dom-3. Looks once at every string of the resource, whatever the number of contained resources.
fn contained_is_used(resource: Node<'_, '_>, _: &Around<'_, '_>) -> bool {
    let Some(contained) = resource.get("contained") else { return true };
    let mut named = HashSet::new();
    strings(resource, &mut |text| {
        if let Some(id) = text.strip_prefix('#') {
            named.insert(id);
        }
    });
    contained.items().all(|inner| {
        let mut refers_out = false;
        strings(inner, &mut |text| refers_out |= text == "#");
        refers_out || text(inner, "id").is_some_and(|id| named.contains(id))
    })
}

/// Every string below a node. Its depth is bounded by the reader's limit.
fn strings<'d>(node: Node<'d, '_>, visit: &mut dyn FnMut(&'d str)) {
    match node.kind() {
        JsonKind::String => {
            if let Some(text) = node.as_str() {
                visit(text);
            }
        }
        JsonKind::Array => node.items().for_each(|item| strings(item, visit)),
        JsonKind::Object => node.members().for_each(|member| strings(member.value, visit)),
        _ => {}
    }
}

fn link_ids<'d>(node: Node<'d, '_>, visit: &mut dyn FnMut(&'d str) -> bool) -> bool {
    items(node, "item").all(|item| text(item, "linkId").is_none_or(&mut *visit) && link_ids(item, visit))
}

/// Whether a date or time is certainly after another: at the precision both have.
fn is_after(a: &str, b: &str) -> bool {
    if let (Some(a), Some(b)) = (moment(a), moment(b)) {
        return a > b;
    }
    let day = |text: &str| text.get(..10).unwrap_or(text).len();
    let common = day(a).min(day(b));
    let are_dates = [a, b].iter().all(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    are_dates
        && matches!((a.get(..common), b.get(..common)), (Some(a), Some(b)) if a.cmp(b) == Ordering::Greater)
}

/// Minutes since the year 0 and the seconds as written, of a date and time with its zone.
fn moment(text: &str) -> Option<(i64, &str)> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let rest = text.get(17..)?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (seconds, zone) = (rest.get(..zone)?, rest.get(zone..)?);
    let offset = match zone.as_bytes().first()? {
        b'Z' => 0,
        sign => {
            let minutes = zone
                .get(1..3)?
                .parse::<i64>()
                .ok()?
                .checked_mul(60)?
                .checked_add(zone.get(4..6)?.parse().ok()?)?;
            if *sign == b'-' { minutes.checked_neg()? } else { minutes }
        }
    };
    // Days from the civil calendar, with March as the first month.
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let days = year
        .checked_mul(365)?
        .checked_add(year.div_euclid(4))?
        .checked_sub(year.div_euclid(100))?
        .checked_add(year.div_euclid(400))?
        .checked_add(month.checked_mul(153)?.checked_add(2)?.div_euclid(5))?
        .checked_add(day)?;
    let minutes = days
        .checked_mul(1_440)?
        .checked_add(hour.checked_mul(60)?)?
        .checked_add(minute)?
        .checked_sub(offset)?;
    Some((minutes, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_compared_at_the_precision_both_have() {
        assert!(is_after("2020-01-02", "2020-01-01"));
        assert!(is_after("2021", "2020-12-31"));
        assert!(!is_after("2020", "2020-12-31"));
        assert!(!is_after("2020-12-31", "2020"));
        assert!(is_after("2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"));
        assert!(!is_after("2020-01-01T01:00:00+02:00", "2020-01-01T00:00:00Z"));
        assert!(is_after("2020-03-01T00:00:00Z", "2020-02-29T23:59:59Z"));
        assert!(!is_after("nonsense", "2020"));
    }

    #[test]
    fn no_key_is_both_evaluated_and_not() {
        assert!(NOT_EVALUATED.iter().all(|key| evaluated().all(|other| other != *key)));
    }
}
