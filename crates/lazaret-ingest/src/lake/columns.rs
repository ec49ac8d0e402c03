//! The typed columns of the lake, by kind of record.
//!
//! Every table has `record`, the number of the record in its crossing. A FHIR table has `entry` (the entry's
//! index where the resource came in a Bundle), the columns listed here and `resource`, the JSON as written. A
//! table of notes, or of anything that is not known here, has `text`, and `bytes` where they are not its UTF-8. A CSV
//! table has the columns of its schema and `row`, the row as written.
//!
//! A column holds what its paths find, the first that is there; of a list, its first item. Dates and decimals
//! stay text as written, beside a year and a binary number to compute with. What an edit has made into
//! something that is no number or no year is null there, and stays readable in the text.

/// Which key opens a column. A reader may be given one class and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Ids, and references to patients, staff and other records.
    Identity,
    /// What was found, done and prescribed.
    Clinical,
    /// The record as a whole, as written, and notes: text in which more may stand than was found.
    Content,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Clinical, Self::Content];

    /// The name by which its key is asked for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Clinical => "clinical",
            Self::Content => "content",
        }
    }
}

/// How a value becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// As written.
    Text,
    /// The year of a date.
    Year,
    /// A number to compute with.
    Number,
    /// True or false.
    Flag,
}

/// One typed column of a FHIR table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Which key opens it.
    pub(crate) class: Class,
    /// What it holds.
    pub(crate) take: Take,
    /// Where in the resource it is found.
    pub(crate) paths: &'static [&'static str],
}

type Group = &'static [Spec];

const fn identity(name: &'static str, paths: &'static [&'static str]) -> Spec {
    Spec { name, class: Class::Identity, take: Take::Text, paths }
}

const fn text(name: &'static str, paths: &'static [&'static str]) -> Spec {
    Spec { name, class: Class::Clinical, take: Take::Text, paths }
}

const fn year(name: &'static str, paths: &'static [&'static str]) -> Spec {
    Spec { name, class: Class::Clinical, take: Take::Year, paths }
}

const fn number(name: &'static str, paths: &'static [&'static str]) -> Spec {
    Spec { name, class: Class::Clinical, take: Take::Number, paths }
}

const fn flag(name: &'static str, paths: &'static [&'static str]) -> Spec {
    Spec { name, class: Class::Clinical, take: Take::Flag, paths }
}

/// A coded element: system, code, display, and the text beside them.
macro_rules! coded {
    ($path:literal) => {
        &[
            text("code_system", &[concat!($path, ".coding.system")]),
            text("code", &[concat!($path, ".coding.code")]),
            text("code_display", &[concat!($path, ".coding.display")]),
            text("code_text", &[concat!($path, ".text")]),
        ]
    };
}

/// A date as text, and its year.
macro_rules! dated {
    ($name:literal, $($path:literal),+) => {
        &[text($name, &[$($path),+]), year(concat!($name, "_year"), &[$($path),+])]
    };
}

const ID: Group = &[identity("id", &["id"])];
const SUBJECT: Group = &[identity("subject", &["subject.reference", "patient.reference"])];
const ENCOUNTER: Group =
    &[identity("encounter", &["encounter.reference", "context.encounter.reference", "context.reference"])];
const STATUS: Group = &[text("status", &["status"])];
const PLACE: Group = &[text("state", &["address.state"]), text("country", &["address.country"])];
const MONEY: Group = &[
    text("total", &["total.value", "total.amount.value"]),
    number("total_number", &["total.value", "total.amount.value"]),
    text("currency", &["total.currency", "total.amount.currency"]),
];
const CLINICAL_STATUS: Group = &[
    text("clinical_status", &["clinicalStatus.coding.code"]),
    text("verification_status", &["verificationStatus.coding.code"]),
    text("category", &["category.coding.code", "category"]),
];

const TABLES: &[(&str, &[Group])] = &[
    (
        "AllergyIntolerance",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            CLINICAL_STATUS,
            &[text("type", &["type"]), text("criticality", &["criticality"])],
            coded!("code"),
            dated!("onset", "onsetDateTime", "onsetPeriod.start", "onsetString"),
            dated!("recorded", "recordedDate"),
            &[text("reaction", &["reaction.manifestation.coding.code"])],
        ],
    ),
    (
        "Bundle",
        &[ID, &[text("type", &["type"]), text("timestamp", &["timestamp"]), number("total", &["total"])]],
    ),
    (
        "Claim",
        &[
            ID,
            SUBJECT,
            STATUS,
            &[text("use", &["use"])],
            coded!("type"),
            dated!("created", "created"),
            dated!("period_start", "billablePeriod.start"),
            &[text("period_end", &["billablePeriod.end"])],
            &[
                identity("provider", &["provider.reference"]),
                text("insurance", &["insurance.coverage.display"]),
            ],
            MONEY,
        ],
    ),
    (
        "Condition",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            CLINICAL_STATUS,
            coded!("code"),
            dated!("onset", "onsetDateTime", "onsetPeriod.start", "onsetString"),
            &[text("abatement", &["abatementDateTime", "abatementPeriod.end", "abatementString"])],
            dated!("recorded", "recordedDate"),
        ],
    ),
    (
        "Device",
        &[
            ID,
            SUBJECT,
            STATUS,
            coded!("type"),
            dated!("manufactured", "manufactureDate"),
            &[text("expires", &["expirationDate"]), text("device_name", &["deviceName.name"])],
        ],
    ),
    (
        "DocumentReference",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            STATUS,
            &[text("doc_status", &["docStatus"]), text("category", &["category.coding.code"])],
            coded!("type"),
            dated!("date", "date"),
            &[
                identity("author", &["author.reference"]),
                text("content_type", &["content.attachment.contentType"]),
            ],
        ],
    ),
    (
        "Encounter",
        &[
            ID,
            SUBJECT,
            STATUS,
            &[text("class", &["class.code"])],
            coded!("type"),
            dated!("start", "period.start"),
            &[
                text("end", &["period.end"]),
                text("reason_code", &["reasonCode.coding.code"]),
                text("reason_display", &["reasonCode.coding.display"]),
                identity("service_provider", &["serviceProvider.reference"]),
                identity("participant", &["participant.individual.reference"]),
            ],
        ],
    ),
    (
        "ExplanationOfBenefit",
        &[
            ID,
            SUBJECT,
            STATUS,
            &[text("use", &["use"]), text("outcome", &["outcome"])],
            coded!("type"),
            dated!("created", "created"),
            dated!("period_start", "billablePeriod.start"),
            &[text("period_end", &["billablePeriod.end"])],
            &[
                identity("claim", &["claim.reference"]),
                identity("provider", &["provider.reference"]),
                text("payment", &["payment.amount.value"]),
                number("payment_number", &["payment.amount.value"]),
            ],
            MONEY,
        ],
    ),
    (
        "Immunization",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            STATUS,
            coded!("vaccineCode"),
            dated!("occurrence", "occurrenceDateTime", "occurrenceString"),
            &[flag("primary_source", &["primarySource"]), identity("location", &["location.reference"])],
        ],
    ),
    (
        "Location",
        &[
            ID,
            STATUS,
            coded!("type"),
            &[
                text("name", &["name"]),
                identity("managing_organization", &["managingOrganization.reference"]),
            ],
            PLACE,
        ],
    ),
    (
        "MedicationRequest",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            STATUS,
            &[text("intent", &["intent"]), text("category", &["category.coding.code"])],
            coded!("medicationCodeableConcept"),
            dated!("authored", "authoredOn"),
            &[
                identity("medication", &["medicationReference.reference"]),
                identity("requester", &["requester.reference"]),
                text("reason_code", &["reasonCode.coding.code"]),
            ],
        ],
    ),
    (
        "Observation",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            STATUS,
            &[text("category", &["category.coding.code"])],
            coded!("code"),
            dated!("effective", "effectiveDateTime", "effectivePeriod.start", "effectiveInstant"),
            &[
                text("issued", &["issued"]),
                text("value", &["valueQuantity.value", "valueInteger"]),
                number("value_number", &["valueQuantity.value", "valueInteger"]),
                text("unit", &["valueQuantity.unit", "valueQuantity.code"]),
                text("unit_code", &["valueQuantity.code"]),
                text("value_code", &["valueCodeableConcept.coding.code"]),
                text(
                    "value_text",
                    &["valueString", "valueCodeableConcept.text", "valueCodeableConcept.coding.display"],
                ),
                flag("value_flag", &["valueBoolean"]),
                text("interpretation", &["interpretation.coding.code"]),
            ],
        ],
    ),
    ("Organization", &[ID, &[flag("active", &["active"]), text("name", &["name"])], coded!("type"), PLACE]),
    (
        "Patient",
        &[
            ID,
            &[
                flag("active", &["active"]),
                text("gender", &["gender"]),
                text("birth_date", &["birthDate"]),
                year("birth_year", &["birthDate"]),
                text("deceased", &["deceasedDateTime", "deceasedBoolean"]),
                text("marital_status", &["maritalStatus.coding.code"]),
                text("language", &["communication.language.coding.code"]),
            ],
            PLACE,
            &[text("postal_code", &["address.postalCode"])],
        ],
    ),
    ("Practitioner", &[ID, &[flag("active", &["active"]), text("gender", &["gender"])], PLACE]),
    (
        "PractitionerRole",
        &[
            ID,
            &[
                flag("active", &["active"]),
                identity("practitioner", &["practitioner.reference"]),
                identity("organization", &["organization.reference"]),
            ],
            coded!("code"),
            &[
                text("specialty", &["specialty.coding.code"]),
                text("specialty_display", &["specialty.coding.display"]),
            ],
        ],
    ),
    (
        "Procedure",
        &[
            ID,
            SUBJECT,
            ENCOUNTER,
            STATUS,
            coded!("code"),
            dated!("performed", "performedDateTime", "performedPeriod.start", "performedString"),
            &[
                text("performed_end", &["performedPeriod.end"]),
                text("reason_code", &["reasonCode.coding.code"]),
                identity("location", &["location.reference"]),
            ],
        ],
    ),
];

/// What a resource of any other type has.
const OTHER: &[Group] = &[
    ID,
    SUBJECT,
    ENCOUNTER,
    STATUS,
    coded!("code"),
    dated!(
        "date",
        "date",
        "effectiveDateTime",
        "authoredOn",
        "created",
        "issued",
        "period.start",
        "recorded"
    ),
];

/// The typed columns of a FHIR resource type.
pub(crate) fn of_resource(kind: &str) -> Vec<Spec> {
    let groups = TABLES
        .binary_search_by(|(known, _)| (*known).cmp(kind))
        .ok()
        .and_then(|at| TABLES.get(at))
        .map_or(OTHER, |(_, groups)| groups);
    groups.iter().flat_map(|group| group.iter().copied()).collect()
}

/// The year a date as written begins with.
pub(crate) fn year_of(date: &str) -> Option<i32> {
    let year = date.get(..4)?;
    let rest = date.get(4..)?;
    let whole = rest.is_empty() || rest.starts_with(['-', 'T', ' ']);
    if whole && year.bytes().all(|byte| byte.is_ascii_digit()) { year.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tables_are_sorted_and_no_table_names_a_column_twice() {
        assert!(TABLES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for kind in TABLES.iter().map(|(kind, _)| *kind).chain(["Goal"]) {
            let columns = of_resource(kind);
            let mut names: BTreeSet<&str> = columns.iter().map(|spec| spec.name).collect();
            assert_eq!(names.len(), columns.len(), "{kind}");
            for taken in ["record", "entry", "resource"] {
                assert!(names.insert(taken), "{kind}.{taken}");
            }
        }
    }

    #[test]
    fn a_year_is_read_only_from_what_begins_with_one() {
        for (date, year) in [
            ("1961-06-15", Some(1961)),
            ("1961", Some(1961)),
            ("[DATE tk1]", None),
            ("19610615", None),
            ("196", None),
            ("áááá", None),
        ] {
            assert_eq!(year_of(date), year, "{date}");
        }
    }
}
