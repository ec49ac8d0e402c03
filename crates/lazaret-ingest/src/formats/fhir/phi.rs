//! What each element identifies under the HIPAA Safe Harbor method (45 CFR 164.514(b)(2)(i)), by type and name.

use lazaret_core::Label;
use lazaret_input::json::Node;

use super::nodes::{items, text};
use super::reference::Target;
use super::subject::Entries;
use super::table::{Element, table};

/// A narrative: what it says of the patient stands in the elements, so it goes as a whole where the profile does not
/// read remarks, and everywhere if it has a fault.
pub(crate) const NARRATIVE: Label = Label::OTHER_ID.sub("narrative");
/// What no reader of a narrative sees: attributes and comments that may say something.
pub(crate) const NARRATIVE_UNSEEN: Label = Label::OTHER_ID.sub("narrative-unseen");
/// A remark that somebody added: written in passing about this one patient, so it goes as a whole where the profile
/// does not read remarks. What is a document of its own (attachments, conclusions) stays and is looked at.
pub(crate) const ANNOTATION: Label = Label::OTHER_ID.sub("annotation");
/// Which of several births a patient was: with a year and a place, a characteristic of few (R).
pub(crate) const BIRTH_ORDER: Label = Label::OTHER_ID.sub("birth-order");

/// Whether a resource describes a person, a place, an organisation or a number of one: its narrative says in words what
/// its elements identify, so no profile that takes those out reads it.
pub(crate) fn narrates_identity(resource: &str) -> bool {
    const TYPES: [&str; 16] = [
        "Account",
        "CareTeam",
        "Coverage",
        "Device",
        "Endpoint",
        "Group",
        "HealthcareService",
        "InsurancePlan",
        "Location",
        "Organization",
        "OrganizationAffiliation",
        "Patient",
        "Person",
        "Practitioner",
        "PractitionerRole",
        "RelatedPerson",
    ];
    TYPES.binary_search(&resource).is_ok()
}

/// Whether what bears a label in the record of a patient is worth seeking in that patient's notes. `Mrs.` and
/// `US` stand in everybody's.
pub(crate) fn is_sought_in_notes(label: Label, element: &str) -> bool {
    let is_one_of = |labels: &[Label]| labels.iter().any(|known| known.kind == label.kind);
    let is_common = matches!(
        element,
        "prefix" | "suffix" | "state" | "country" | "latitude" | "longitude" | "altitude" | "valueDecimal"
    );
    !is_common
        && (label == Label::BIRTH_DATE
            || label == Label::OTHER_ID
            || is_one_of(&[Label::NAME, Label::LOCATION, Label::PHONE, Label::FAX, Label::EMAIL])
            || is_one_of(&[Label::MRN, Label::SSN, Label::LICENSE, Label::HEALTH_PLAN, Label::ACCOUNT]))
}

/// The label of a string or URI that its shape and name settle alone.
pub(crate) fn by_name(shape: &str, name: &str) -> Option<Label> {
    Some(match (shape, name) {
        ("Address", "line" | "text") => Label::STREET,
        ("Address", "city") => Label::CITY,
        ("Address", "district") => Label::COUNTY,
        ("Address", "postalCode") => Label::ZIP,
        (
            "Organization" | "Location" | "HealthcareService" | "Endpoint" | "InsurancePlan" | "CareTeam",
            "name" | "alias",
        )
        | ("Location", "description") => Label::HOSPITAL,
        ("Account" | "Group" | "Contract", "name" | "alias" | "title" | "subtitle")
        | ("ContactDetail" | "Contributor" | "Organization.contact", "name")
        | ("Annotation", "authorString") => Label::NAME,
        ("FamilyMemberHistory", "name") => Label::RELATIVE,
        ("Coverage", "subscriberId" | "dependent" | "network") | ("Coverage.class", "value" | "name") => {
            Label::HEALTH_PLAN
        }
        (_, "preAuthRef" | "businessArrangement") => Label::HEALTH_PLAN,
        (
            "Device",
            "serialNumber" | "distinctIdentifier" | "lotNumber" | "manufacturer" | "modelNumber"
            | "partNumber",
        )
        | ("Device.deviceName", "name")
        | (
            "Device.udiCarrier" | "DeviceDefinition.udiDeviceIdentifier",
            "deviceIdentifier" | "carrierHRF" | "carrierAIDC" | "issuer" | "jurisdiction",
        )
        | ("Media", "deviceName") => Label::DEVICE,
        ("AuditEvent.agent", "name" | "altId") | ("AuditEvent.agent.network", "address") => Label::OTHER_ID,
        ("Signature", "data") => Label::BIOMETRIC,
        // Names of files and what people write of their absences: hospitals put names and numbers in both.
        ("Attachment", "title")
        | ("Bundle.entry.request", "ifNoneExist")
        | (_, "availabilityExceptions")
        | ("PractitionerRole.notAvailable" | "HealthcareService.notAvailable", "description") => {
            Label::OTHER_ID
        }
        // Times in words.
        (
            _,
            "onsetString" | "abatementString" | "performedString" | "occurrenceString" | "bornString"
            | "deceasedString" | "scheduledString",
        ) => Label::DATE,
        (_, "ageString") => Label::AGE,
        ("Attachment" | "Device" | "RelatedArtifact" | "Bundle.link", "url")
        | ("Endpoint", "address")
        | ("Meta", "source")
        | ("Immunization.education", "reference")
        | ("MessageHeader.source" | "MessageHeader.destination", "endpoint") => Label::URL,
        _ => return None,
    })
}

/// Whose name a `HumanName` is, by where it stands.
pub(crate) fn whose_name(owner: &str) -> Label {
    match owner {
        "Patient" | "Person" => Label::PATIENT,
        "Patient.contact" | "RelatedPerson" => Label::RELATIVE,
        "Practitioner" => Label::PROVIDER,
        _ => Label::NAME,
    }
}

/// What a contact point is, by its system.
pub(crate) fn contact_point(point: Node<'_, '_>) -> Label {
    match text(point, "system") {
        Some("phone" | "pager" | "sms") => Label::PHONE,
        Some("fax") => Label::FAX,
        Some("email") => Label::EMAIL,
        Some("url") => Label::URL,
        _ => Label::OTHER_ID,
    }
}

/// Whether the system of an identifier is one that a whole country or HL7 shares. Any other names the
/// institution that gave the number.
pub(crate) fn is_public_system(system: &str) -> bool {
    const SHARED: [&str; 3] =
        ["http://hl7.org/fhir/", "http://terminology.hl7.org/", "urn:oid:2.16.840.1.113883.4."];
    SHARED.iter().any(|shared| system.starts_with(shared)) && !system.starts_with(STATES)
        || matches!(system, "urn:ietf:rfc:3986" | "urn:oid:2.16.840.1.113883.4.6")
}

/// Licences of single states of the US.
const STATES: &str = "urn:oid:2.16.840.1.113883.4.3.";

/// What an identifier is, by its type (HL7 v2 table 0203) or its system.
pub(crate) fn identifier(identifier: Node<'_, '_>) -> Label {
    let code =
        identifier.get("type").and_then(|of| items(of, "coding").find_map(|coding| text(coding, "code")));
    let by_type = code.and_then(|code| {
        Some(match code {
            "MR" | "PI" | "MRT" | "PT" | "RRI" => Label::MRN,
            "SS" | "SB" => Label::SSN,
            "DL" | "PPN" | "NPI" | "MD" | "DEA" | "LN" | "RN" | "PRN" | "LIC" | "NP" | "DO" => Label::LICENSE,
            "MC" | "MA" | "HC" | "NIIP" | "MB" | "SN" | "PNT" | "MCN" => Label::HEALTH_PLAN,
            "AN" | "AC" | "BA" | "ACSN" => Label::ACCOUNT,
            "UDI" | "SNO" | "SERIAL" => Label::DEVICE,
            "VIN" => Label::VEHICLE,
            _ => return None,
        })
    });
    let by_system = || {
        let system = text(identifier, "system")?.to_ascii_lowercase();
        let is = |what: &str| system.contains(what);
        Some(if is("us-ssn") || is("2.16.840.1.113883.4.1") && !is("2.16.840.1.113883.4.1.") {
            Label::SSN
        } else if is("us-npi")
            || is("2.16.840.1.113883.4.6")
            || is("passport")
            || is("license")
            || is("licence")
        {
            Label::LICENSE
        } else if is("us-mbi") || is("us-medicare") || is("member") || is("subscriber") || is("nhs-number") {
            Label::HEALTH_PLAN
        } else if is("mrn") || is("medical-record") || is("medicalrecord") {
            Label::MRN
        } else if is("account") {
            Label::ACCOUNT
        } else {
            return None;
        })
    };
    by_type.or_else(by_system).unwrap_or(Label::OTHER_ID)
}

/// What the display of a reference is: by the type it points to, else by the types it may point to. It is a copy
/// of what stands in the record pointed to, so that it goes whatever it names.
pub(crate) fn reference_display(
    reference: Node<'_, '_>,
    within: Option<&Element>,
    entries: &Entries<'_>,
) -> Label {
    let string = text(reference, "reference");
    let pointed = match string.map(Target::of) {
        Some(Target::Literal { of, .. } | Target::Conditional { of, .. }) => Some(of),
        Some(Target::Urn { .. }) => string.and_then(|string| entries.type_of(string)),
        _ => text(reference, "type").map(|of| of.rsplit('/').next().unwrap_or(of)),
    };
    let label = if let Some(of) = pointed {
        of_type(of)
    } else {
        let allowed = within.and_then(|element| element.targets).map(|number| table().targets(number));
        let mut labels = allowed.unwrap_or(&[]).iter().filter_map(|of| of_type(of));
        labels.next().map(|label| if is_name(label) { Label::NAME } else { label })
    };
    label.unwrap_or(Label::OTHER_ID)
}

fn is_name(label: Label) -> bool {
    label.kind == Label::NAME.kind
}

fn of_type(of: &str) -> Option<Label> {
    Some(match of {
        "Patient" => Label::PATIENT,
        "Practitioner" | "PractitionerRole" => Label::PROVIDER,
        "RelatedPerson" => Label::RELATIVE,
        "Person" | "Group" | "CareTeam" => Label::NAME,
        "Organization" | "Location" | "HealthcareService" | "Endpoint" => Label::HOSPITAL,
        _ => return None,
    })
}

/// What an extension holds, by its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extended {
    /// Its values are as anywhere else.
    Known,
    /// Every string in it is of this label.
    All(Label),
    /// Unknown: strings are looked at, URIs and ids go.
    Unknown,
}

/// What every string of an unknown extension is where it stands within a data type that identifies.
pub(crate) fn around(shape: &str, owner: &str) -> Option<Label> {
    Some(match shape {
        "HumanName" => whose_name(owner),
        "Address" => Label::LOCATION,
        "ContactPoint" | "Identifier" => Label::OTHER_ID,
        _ => return None,
    })
}

/// What the URL of an extension says of its values.
pub(crate) fn extension(url: &str) -> Extended {
    let last = url.rsplit('/').next().unwrap_or("");
    match last {
        "patient-birthPlace" | "birthPlace" | "geolocation" | "latitude" | "longitude" => {
            Extended::All(Label::LOCATION)
        }
        "patient-mothersMaidenName" | "mothersMaidenName" => Extended::All(Label::RELATIVE),
        "patient-birthTime" => Extended::All(Label::BIRTH_DATE),
        "us-core-race"
        | "us-core-ethnicity"
        | "us-core-birthsex"
        | "us-core-genderIdentity"
        | "us-core-sex"
        | "ombCategory"
        | "detailed"
        | "data-absent-reason" => Extended::Known,
        _ => Extended::Unknown,
    }
}
