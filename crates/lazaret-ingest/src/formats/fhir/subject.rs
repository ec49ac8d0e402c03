//! Whose record it is: the patient a resource names, and the special protection it claims.

use std::collections::{BTreeSet, HashMap};

use lazaret_core::Sensitivity;
use lazaret_input::json::{JsonKind, Node};

use super::nodes::{items, text};
use super::reference::Target;
use super::table::table;

/// What the entries of a Bundle are called.
#[derive(Debug, Default)]
pub(crate) struct Entries<'d> {
    by_url: HashMap<&'d str, (&'d str, Option<&'d str>)>,
}

impl<'d> Entries<'d> {
    /// The entries of a Bundle; none for any other resource.
    pub(crate) fn of(bundle: Node<'d, '_>) -> Self {
        let named = items(bundle, "entry").filter_map(|entry| {
            let resource = entry.get("resource")?;
            Some((text(entry, "fullUrl")?, (text(resource, "resourceType")?, text(resource, "id"))))
        });
        Self { by_url: named.collect() }
    }

    /// The type of the resource with this full URL.
    pub(crate) fn type_of(&self, url: &str) -> Option<&'d str> {
        self.by_url.get(url).map(|(of, _)| *of)
    }
}

/// The elements by which resources name their patient, nearest first.
const NAMING: &[&str] =
    &["subject", "patient", "beneficiary", "individual", "for", "subscriber", "participant", "member"];

/// The patient a resource is about: `Patient/id`, or the reference as it stands where it has no id to give.
pub(crate) fn of(resource: Node<'_, '_>, entries: &Entries<'_>) -> Option<String> {
    match text(resource, "resourceType")? {
        "Patient" => text(resource, "id").map(|id| format!("Patient/{id}")),
        "Bundle" => the_one_patient(resource).and_then(|patient| of(patient, entries)),
        _ => NAMING.iter().find_map(|key| named(resource.get(key)?, entries)),
    }
}

/// The Patient of a Bundle that has exactly one.
pub(crate) fn the_one_patient<'d, 'a>(bundle: Node<'d, 'a>) -> Option<Node<'d, 'a>> {
    let mut patients = items(bundle, "entry")
        .filter_map(|entry| entry.get("resource"))
        .filter(|resource| text(*resource, "resourceType") == Some("Patient"));
    let first = patients.next()?;
    patients.next().is_none().then_some(first)
}

/// The types of resources whose names, addresses and numbers are sought in a patient's notes.
pub(crate) const DESCRIBING: &[&str] = &["Patient", "RelatedPerson"];

/// Whether a resource, or an entry of a Bundle, is of those types.
pub(crate) fn describes(resource: Node<'_, '_>) -> bool {
    let is_one =
        |resource: Node<'_, '_>| text(resource, "resourceType").is_some_and(|of| DESCRIBING.contains(&of));
    is_one(resource) || items(resource, "entry").filter_map(|entry| entry.get("resource")).any(is_one)
}

/// Whether bytes may hold such a resource: a cheap look. A type written with escapes is not seen, so that its
/// patient's notes are held as of an unknown subject.
pub(crate) fn may_describe(bytes: &[u8]) -> bool {
    DESCRIBING.iter().any(|of| {
        memchr::memmem::find_iter(bytes, of.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let after = at.checked_add(of.len()).and_then(|after| bytes.get(after));
            before == Some(&b'"') && after == Some(&b'"')
        })
    })
}

/// Whether resources of a type have an element that names a patient: their long texts are notes about one.
pub(crate) fn may_name_one(resource: &str) -> bool {
    let Some(shape) = table().resource(resource) else { return false };
    resource == "Patient"
        || resource == "Binary"
        || ["subject", "patient", "beneficiary", "individual"].iter().any(|key| {
            let targets = table().element(shape, key).and_then(|element| element.targets);
            targets.is_some_and(|number| table().targets(number).contains(&"Patient"))
        })
}

/// The patient a value names: a reference, an array of them, or objects that hold one (`participant.actor`).
fn named(value: Node<'_, '_>, entries: &Entries<'_>) -> Option<String> {
    match value.kind() {
        JsonKind::Array => value.items().find_map(|item| named(item, entries)),
        JsonKind::Object => match text(value, "reference") {
            Some(reference) => referred(reference, entries),
            None => ["actor", "entity", "individual"]
                .iter()
                .find_map(|key| referred(text(value.get(key)?, "reference")?, entries)),
        },
        _ => None,
    }
}

fn referred(reference: &str, entries: &Entries<'_>) -> Option<String> {
    if let Some(("Patient", id)) = entries.by_url.get(reference) {
        return Some(id.map_or_else(|| reference.to_owned(), |id| format!("Patient/{id}")));
    }
    match Target::of(reference) {
        Target::Literal { of: "Patient", id, .. } => reference.get(id).map(|id| format!("Patient/{id}")),
        Target::Conditional { of: "Patient", .. } => Some(reference.to_owned()),
        _ => None,
    }
}

/// Special protection claimed by the security labels of a resource, of what it contains and of a Bundle's
/// entries.
pub(crate) fn sensitivity(resource: Node<'_, '_>) -> Vec<Sensitivity> {
    let mut found = BTreeSet::new();
    labels(resource, &mut found);
    found.into_iter().collect()
}

fn labels(resource: Node<'_, '_>, found: &mut BTreeSet<Sensitivity>) {
    let security = resource.get("meta").into_iter().flat_map(|meta| items(meta, "security"));
    found.extend(security.filter_map(label));
    match text(resource, "resourceType") {
        Some("Composition") => found.extend(text(resource, "confidentiality").and_then(confidentiality)),
        Some("DocumentReference" | "DocumentManifest") => {
            let concepts = items(resource, "securityLabel");
            found.extend(concepts.flat_map(|concept| items(concept, "coding")).filter_map(label));
        }
        _ => {}
    }
    for contained in items(resource, "contained") {
        labels(contained, found);
    }
    for entry in items(resource, "entry").filter_map(|entry| entry.get("resource")) {
        labels(entry, found);
    }
}

/// HL7 v3 `ActCode` (information sensitivity policies) and Confidentiality, under the URIs of every version and
/// their OIDs. A code that stands without its system counts too: holding one record more is the safer error.
fn label(coding: Node<'_, '_>) -> Option<Sensitivity> {
    let system = text(coding, "system").unwrap_or("").trim_end_matches('/');
    let code = text(coding, "code")?;
    let is = |names: [&str; 3]| system.is_empty() || names.iter().any(|name| system.ends_with(name));
    let by_policy = || policy(code).filter(|_| is(["v3-ActCode", "v3/ActCode", "2.16.840.1.113883.5.4"]));
    let is_degree = is(["v3-Confidentiality", "v3/Confidentiality", "2.16.840.1.113883.5.25"]);
    by_policy().or_else(|| confidentiality(code).filter(|_| is_degree))
}

fn confidentiality(code: &str) -> Option<Sensitivity> {
    matches!(code, "R" | "V").then_some(Sensitivity::Restricted)
}

/// By the protection they ask for: the codes of `InformationSensitivityPolicy`, of the US privacy laws among
/// `ActPrivacyLaw`, and of those `RefrainPolicy` codes that forbid disclosure (value sets of HL7 Terminology,
/// `v3-ActCode` 8.0.0). Those of other kinds are restricted without a word of their own.
fn policy(code: &str) -> Option<Sensitivity> {
    Some(match code {
        "42CFRPart2" | "ETH" | "ETHUD" | "SUD" | "OPIOIDUD" => Sensitivity::Part2,
        "HIPAAPsyNotes" | "PSY" | "PSYTHPN" | "MH" | "BH" | "COGN" | "DVD" | "EMOTDIS" => {
            Sensitivity::Psychotherapy
        }
        "HIV" | "STD" => Sensitivity::Hiv,
        "GDIS" | "SCA" | "SICKLE" => Sensitivity::Genetic,
        "ADOL" => Sensitivity::Minor,
        code if RESTRICTED.contains(&code) => Sensitivity::Restricted,
        _ => return None,
    })
}

const RESTRICTED: [&str; 46] = [
    "_InformationSensitivityPolicy",
    "_ActInformationSensitivityPolicy",
    "_EntitySensitivityPolicyType",
    "_RoleInformationSensitivityPolicy",
    // For what the information is about.
    "DIA",
    "DRGIS",
    "IDS",
    "MST",
    "PREGNANT",
    "SDV",
    "SEX",
    "SPI",
    "TBOO",
    "VIO",
    // For whom it is about, or who wants it kept.
    "B",
    "CEL",
    "DEMO",
    "DOB",
    "EMP",
    "EMPL",
    "GENDER",
    "LIVARG",
    "LOCIS",
    "MARST",
    "PATLOC",
    "PDS",
    "PHY",
    "PRS",
    "RACE",
    "REL",
    "SSP",
    "VIP",
    // By law.
    "HIPAASelfPay",
    "Title38Section7332",
    // Not to be disclosed without somebody's consent.
    "NOAUTH",
    "NODSCLCD",
    "NODSCLCDS",
    "NOLIST",
    "NOMOU",
    "NOORGPOL",
    "NORDSCLCD",
    "NORDSCLCDS",
    "NORDSCLW",
    "NORDSLCD",
    "NOVIP",
    "ORCON",
];
