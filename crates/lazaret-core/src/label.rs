//! Labels: what kind of identifier a piece of text is.
//!
//! Twenty kinds, each with an optional sub-label. Each maps to one of the 18 identifiers of the HIPAA Safe
//! Harbor method (45 CFR 164.514(b)(2)(i)(A)-(R)).

use std::fmt;

use serde::{Serialize, Serializer};

/// The twenty kinds of identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Account numbers (J).
    Account,
    /// Ages over 89, and what gives them away (C).
    Age,
    /// Finger prints, voice prints, retina (P).
    Biometric,
    /// Dates other than the year (C).
    Date,
    /// Device identifiers and serial numbers (M).
    Device,
    /// E-mail addresses (F).
    Email,
    /// Fax numbers (E).
    Fax,
    /// Health plan beneficiary numbers (I).
    HealthPlan,
    /// Names of facilities and employers (B, and A for relatives' employers).
    Hospital,
    /// Network addresses (O).
    Ip,
    /// Certificate and licence numbers (K).
    License,
    /// Places smaller than a state (B).
    Location,
    /// Medical record numbers (H).
    Mrn,
    /// Names (A).
    Name,
    /// Any other unique number, code or characteristic (R).
    OtherId,
    /// Telephone numbers (D).
    Phone,
    /// Full-face photographs and their files (Q).
    Photo,
    /// Social security numbers (G).
    Ssn,
    /// Web addresses (N).
    Url,
    /// Vehicle identifiers and plates (L).
    Vehicle,
}

impl Kind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 20] = [
        Self::Account,
        Self::Age,
        Self::Biometric,
        Self::Date,
        Self::Device,
        Self::Email,
        Self::Fax,
        Self::HealthPlan,
        Self::Hospital,
        Self::Ip,
        Self::License,
        Self::Location,
        Self::Mrn,
        Self::Name,
        Self::OtherId,
        Self::Phone,
        Self::Photo,
        Self::Ssn,
        Self::Url,
        Self::Vehicle,
    ];

    /// The name as the corpora write it: `HEALTH_PLAN`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Age => "AGE",
            Self::Biometric => "BIOMETRIC",
            Self::Date => "DATE",
            Self::Device => "DEVICE",
            Self::Email => "EMAIL",
            Self::Fax => "FAX",
            Self::HealthPlan => "HEALTH_PLAN",
            Self::Hospital => "HOSPITAL",
            Self::Ip => "IP",
            Self::License => "LICENSE",
            Self::Location => "LOCATION",
            Self::Mrn => "MRN",
            Self::Name => "NAME",
            Self::OtherId => "OTHER_ID",
            Self::Phone => "PHONE",
            Self::Photo => "PHOTO",
            Self::Ssn => "SSN",
            Self::Url => "URL",
            Self::Vehicle => "VEHICLE",
        }
    }

    /// What it is, and which of the 18 identifiers it falls under (45 CFR 164.514(b)(2)(i)).
    pub const fn about(self) -> &'static str {
        match self {
            Self::Account => "account and card numbers (J)",
            Self::Age => "ages over 89, and what gives them away (C)",
            Self::Biometric => "finger prints, voice prints, other biometric identifiers (P)",
            Self::Date => "dates other than a year (C)",
            Self::Device => "device identifiers and serial numbers (M)",
            Self::Email => "e-mail addresses (F)",
            Self::Fax => "fax numbers (E)",
            Self::HealthPlan => "health plan beneficiary numbers (I)",
            Self::Hospital => "names of facilities and employers (B)",
            Self::Ip => "network addresses (O)",
            Self::License => "certificate and licence numbers (K)",
            Self::Location => "places smaller than a state (B)",
            Self::Mrn => "medical record numbers (H)",
            Self::Name => "names of patients, relatives, staff (A)",
            Self::OtherId => "any other unique number, code or characteristic (R)",
            Self::Phone => "telephone numbers (D)",
            Self::Photo => "full-face photographs and their files (Q)",
            Self::Ssn => "social security numbers (G)",
            Self::Url => "web addresses (N)",
            Self::Vehicle => "vehicle identifiers and plates (L)",
        }
    }

    /// The rule id of a finding of this kind: `phi.health-plan`.
    pub const fn rule_id(self) -> &'static str {
        match self {
            Self::Account => "phi.account",
            Self::Age => "phi.age",
            Self::Biometric => "phi.biometric",
            Self::Date => "phi.date",
            Self::Device => "phi.device",
            Self::Email => "phi.email",
            Self::Fax => "phi.fax",
            Self::HealthPlan => "phi.health-plan",
            Self::Hospital => "phi.hospital",
            Self::Ip => "phi.ip",
            Self::License => "phi.license",
            Self::Location => "phi.location",
            Self::Mrn => "phi.mrn",
            Self::Name => "phi.name",
            Self::OtherId => "phi.other-id",
            Self::Phone => "phi.phone",
            Self::Photo => "phi.photo",
            Self::Ssn => "phi.ssn",
            Self::Url => "phi.url",
            Self::Vehicle => "phi.vehicle",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A kind and, where known, its sub-label: `NAME.patient`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The kind.
    pub kind: Kind,
    /// What it is within its kind.
    pub sub: Option<&'static str>,
}

impl Label {
    /// A label without a sub-label.
    pub const fn of(kind: Kind) -> Self {
        Self { kind, sub: None }
    }

    /// The same kind with a sub-label.
    #[must_use]
    pub const fn sub(self, sub: &'static str) -> Self {
        Self { kind: self.kind, sub: Some(sub) }
    }

    /// A name.
    pub const NAME: Self = Self::of(Kind::Name);
    /// The patient's name.
    pub const PATIENT: Self = Self::NAME.sub("patient");
    /// A name of staff.
    pub const PROVIDER: Self = Self::NAME.sub("provider");
    /// A name of a relative or contact.
    pub const RELATIVE: Self = Self::NAME.sub("relative");
    /// A place.
    pub const LOCATION: Self = Self::of(Kind::Location);
    /// A street address.
    pub const STREET: Self = Self::LOCATION.sub("street");
    /// A town.
    pub const CITY: Self = Self::LOCATION.sub("city");
    /// A county or district.
    pub const COUNTY: Self = Self::LOCATION.sub("county");
    /// A postal code.
    pub const ZIP: Self = Self::LOCATION.sub("zip");
    /// A hospital, clinic or other facility.
    pub const HOSPITAL: Self = Self::of(Kind::Hospital);
    /// A date.
    pub const DATE: Self = Self::of(Kind::Date);
    /// A date of birth.
    pub const BIRTH_DATE: Self = Self::DATE.sub("birth");
    /// An age over 89.
    pub const AGE: Self = Self::of(Kind::Age);
    /// A telephone number.
    pub const PHONE: Self = Self::of(Kind::Phone);
    /// A fax number.
    pub const FAX: Self = Self::of(Kind::Fax);
    /// An e-mail address.
    pub const EMAIL: Self = Self::of(Kind::Email);
    /// A web address.
    pub const URL: Self = Self::of(Kind::Url);
    /// A network address.
    pub const IP: Self = Self::of(Kind::Ip);
    /// A social security number.
    pub const SSN: Self = Self::of(Kind::Ssn);
    /// A medical record number.
    pub const MRN: Self = Self::of(Kind::Mrn);
    /// A health plan number.
    pub const HEALTH_PLAN: Self = Self::of(Kind::HealthPlan);
    /// An account number.
    pub const ACCOUNT: Self = Self::of(Kind::Account);
    /// A licence number.
    pub const LICENSE: Self = Self::of(Kind::License);
    /// A vehicle.
    pub const VEHICLE: Self = Self::of(Kind::Vehicle);
    /// A device.
    pub const DEVICE: Self = Self::of(Kind::Device);
    /// A biometric identifier.
    pub const BIOMETRIC: Self = Self::of(Kind::Biometric);
    /// A photograph.
    pub const PHOTO: Self = Self::of(Kind::Photo);
    /// Any other identifying number, code or characteristic.
    pub const OTHER_ID: Self = Self::of(Kind::OtherId);
    /// The id of a record in its source system.
    pub const RECORD_ID: Self = Self::OTHER_ID.sub("record");
    /// A state or province.
    pub const STATE: Self = Self::LOCATION.sub("state");
    /// A country.
    pub const COUNTRY: Self = Self::LOCATION.sub("country");
    /// An age of 89 years or less.
    pub const AGE_UNDER_90: Self = Self::AGE.sub("under-90");
    /// A year without a day or month.
    pub const YEAR: Self = Self::DATE.sub("year");
    /// What someone works as.
    pub const PROFESSION: Self = Self::OTHER_ID.sub("profession");

    /// Whether the Safe Harbor method counts it among the identifiers that must go (45 CFR 164.514(b)(2)(i)). States,
    /// countries, ages under 90, years and professions may stay there; wider profiles report them.
    pub fn counts_for_safe_harbor(self) -> bool {
        !Self::WIDE.contains(&self)
    }

    /// What only profiles wider than Safe Harbor report.
    pub const WIDE: [Self; 5] =
        [Self::STATE, Self::COUNTRY, Self::AGE_UNDER_90, Self::YEAR, Self::PROFESSION];

    /// Every label that detectors and schemas give, but for its kind alone.
    pub const SUBS: [Self; 29] = [
        Self::AGE_UNDER_90,
        Self::BIRTH_DATE,
        Self::YEAR,
        Self::LICENSE.sub("dea"),
        Self::LICENSE.sub("npi"),
        Self::CITY,
        Self::COUNTRY,
        Self::COUNTY,
        Self::STATE,
        Self::STREET,
        Self::ZIP,
        Self::NAME.sub("maiden"),
        Self::NAME.sub("other"),
        Self::PATIENT,
        Self::PROVIDER,
        Self::RELATIVE,
        Self::OTHER_ID.sub("accession"),
        Self::OTHER_ID.sub("annotation"),
        Self::OTHER_ID.sub("birth-order"),
        Self::OTHER_ID.sub("encounter"),
        Self::OTHER_ID.sub("extension"),
        Self::OTHER_ID.sub("narrative"),
        Self::OTHER_ID.sub("nhs"),
        Self::OTHER_ID.sub("outside-schema"),
        Self::PROFESSION,
        Self::RECORD_ID,
        Self::OTHER_ID.sub("room"),
        Self::OTHER_ID.sub("tax"),
        Self::OTHER_ID.sub("username"),
    ];

    /// Reads `MRN` or `OTHER_ID.room`.
    pub fn parse(text: &str) -> Option<Self> {
        let known = Kind::ALL.into_iter().map(Self::of).chain(Self::SUBS);
        known.into_iter().find(|label| {
            let (kind, sub) = text.split_once('.').map_or((text, None), |(kind, sub)| (kind, Some(sub)));
            label.kind.name() == kind && label.sub == sub
        })
    }

    /// The letter of the identifier it falls under in 45 CFR 164.514(b)(2)(i); none where it may stay.
    pub fn safe_harbor(self) -> Option<char> {
        let letter = match self.kind {
            Kind::Name => 'A',
            Kind::Location | Kind::Hospital => 'B',
            Kind::Date | Kind::Age => 'C',
            Kind::Phone => 'D',
            Kind::Fax => 'E',
            Kind::Email => 'F',
            Kind::Ssn => 'G',
            Kind::Mrn => 'H',
            Kind::HealthPlan => 'I',
            Kind::Account => 'J',
            Kind::License => 'K',
            Kind::Vehicle => 'L',
            Kind::Device => 'M',
            Kind::Url => 'N',
            Kind::Ip => 'O',
            Kind::Biometric => 'P',
            Kind::Photo => 'Q',
            Kind::OtherId => 'R',
        };
        self.counts_for_safe_harbor().then_some(letter)
    }

    /// The tag of the i2b2 2014 de-identification task (Stubbs and Uzuner, "Annotating longitudinal clinical
    /// narratives for de-identification", J Biomed Inform 58, 2015). A name without a role is the patient's there.
    pub fn i2b2(self) -> &'static str {
        match (self.kind, self.sub) {
            (Kind::Name, Some("provider")) => "DOCTOR",
            (Kind::Name, _) => "PATIENT",
            (Kind::Location, Some("street")) => "STREET",
            (Kind::Location, Some("city")) => "CITY",
            (Kind::Location, Some("zip")) => "ZIP",
            (Kind::Location, Some("state")) => "STATE",
            (Kind::Location, Some("country")) => "COUNTRY",
            (Kind::Location, _) => "LOCATION-OTHER",
            (Kind::Hospital, _) => "HOSPITAL",
            (Kind::Date, _) => "DATE",
            (Kind::Age, _) => "AGE",
            (Kind::Phone, _) => "PHONE",
            (Kind::Fax, _) => "FAX",
            (Kind::Email, _) => "EMAIL",
            (Kind::Ssn, _) => "SSN",
            (Kind::Mrn, _) => "MEDICALRECORD",
            (Kind::HealthPlan, _) => "HEALTHPLAN",
            (Kind::Account, _) => "ACCOUNT",
            (Kind::License, _) => "LICENSE",
            (Kind::Vehicle, _) => "VEHICLE",
            (Kind::Device, _) => "DEVICE",
            (Kind::Url, _) => "URL",
            (Kind::Ip, _) => "IPADDR",
            (Kind::Biometric | Kind::Photo, _) => "BIOID",
            (Kind::OtherId, Some("username")) => "USERNAME",
            (Kind::OtherId, Some("profession")) => "PROFESSION",
            (Kind::OtherId, _) => "IDNUM",
        }
    }

    /// The entity as Presidio names it; where Presidio has no name, one in its manner.
    pub fn presidio(self) -> &'static str {
        match (self.kind, self.sub) {
            (Kind::Name, _) => "PERSON",
            (Kind::Location, _) => "LOCATION",
            (Kind::Hospital, _) => "ORGANIZATION",
            (Kind::Date, _) => "DATE_TIME",
            (Kind::Age, _) => "AGE",
            (Kind::Phone, _) => "PHONE_NUMBER",
            (Kind::Fax, _) => "FAX_NUMBER",
            (Kind::Email, _) => "EMAIL_ADDRESS",
            (Kind::Ssn, _) => "US_SSN",
            (Kind::Mrn, _) => "MEDICAL_RECORD_NUMBER",
            (Kind::HealthPlan, _) => "HEALTH_PLAN_NUMBER",
            (Kind::Account, _) => "ACCOUNT_NUMBER",
            (Kind::License, Some("npi")) => "US_NPI",
            (Kind::License, Some("dea")) => "MEDICAL_LICENSE",
            (Kind::License, _) => "LICENSE_NUMBER",
            (Kind::Vehicle, _) => "VEHICLE_ID",
            (Kind::Device, _) => "DEVICE_ID",
            (Kind::Url, _) => "URL",
            (Kind::Ip, _) => "IP_ADDRESS",
            (Kind::Biometric, _) => "BIOMETRIC_ID",
            (Kind::Photo, _) => "PHOTO",
            (Kind::OtherId, Some("nhs")) => "UK_NHS",
            (Kind::OtherId, Some("username")) => "USERNAME",
            (Kind::OtherId, Some("profession")) => "PROFESSION",
            (Kind::OtherId, _) => "ID",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        match self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_harbor_lets_states_years_and_ages_under_90_stay() {
        for label in [Label::STATE, Label::COUNTRY, Label::AGE_UNDER_90, Label::YEAR, Label::PROFESSION] {
            assert!(!label.counts_for_safe_harbor(), "{label}");
            assert!(Label::of(label.kind).counts_for_safe_harbor(), "{label}");
        }
        assert!(Label::CITY.counts_for_safe_harbor() && Label::BIRTH_DATE.counts_for_safe_harbor());
    }

    #[test]
    fn a_label_is_read_as_it_is_written_and_nothing_else_is() {
        for label in Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS) {
            assert_eq!(Label::parse(&label.to_string()), Some(label));
        }
        for text in ["", "mrn", "MRN.", "MRN.room", "OTHER_ID.Room", "NAME.patient.x", ".patient"] {
            assert_eq!(Label::parse(text), None, "{text}");
        }
        let names: Vec<String> = Label::SUBS.iter().map(ToString::to_string).collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn every_letter_of_safe_harbor_has_a_label_and_every_label_three_names() {
        let mut letters: Vec<char> =
            Kind::ALL.into_iter().filter_map(|kind| Label::of(kind).safe_harbor()).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters, ('A'..='R').collect::<Vec<_>>());
        assert_eq!(Label::STATE.safe_harbor(), None);
        assert_eq!((Label::PROVIDER.i2b2(), Label::PROVIDER.presidio()), ("DOCTOR", "PERSON"));
        assert_eq!((Label::STATE.i2b2(), Label::MRN.i2b2()), ("STATE", "MEDICALRECORD"));
    }

    #[test]
    fn the_kinds_are_sorted_and_their_rules_follow_from_their_names() {
        assert!(Kind::ALL.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        for kind in Kind::ALL {
            assert_eq!(kind.rule_id(), format!("phi.{}", kind.name().to_lowercase().replace('_', "-")));
        }
    }
}
