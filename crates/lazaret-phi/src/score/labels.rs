//! Label names of other tools, folded into seven coarse ones, so that predictions can be compared across tools.

use std::collections::{BTreeMap, BTreeSet};

/// Coarse labels, each with the names that Presidio, the i2b2 2014 task, Philter and cloud services have for it.
const COARSE: &[(&str, &str)] = &[
    (
        "NAME",
        "PERSON PATIENT DOCTOR PROVIDER STAFF HCW USERNAME FIRST_NAME LAST_NAME FULL_NAME PER NAME_PATIENT \
         NAME_RELATIVE NAME_PROVIDER PREFIX",
    ),
    (
        "LOCATION",
        "LOC GPE ADDRESS STREET STREET_ADDRESS CITY ZIP ZIP_CODE US_ZIP_CODE COUNTY COUNTRY FAC FACILITY \
         LOCATION-OTHER LOCATION_OTHER STATE LOCATION_STREET LOCATION_CITY LOCATION_ZIP",
    ),
    ("HOSPITAL", "ORGANIZATION ORG HOSP VENDOR COMPANY"),
    ("DATE", "DATE_TIME DATETIME DOB DATE_OF_BIRTH BIRTHDATE TIME"),
    ("AGE", "AGE_OVER_89"),
    (
        "CONTACT",
        "PHONE FAX EMAIL URL IP PHONE_NUMBER PHONE_FAX EMAIL_ADDRESS IP_ADDRESS DOMAIN_NAME PAGER IPADDRESS \
         MAC_ADDRESS IPADDR",
    ),
    (
        "ID",
        "SSN US_SSN MRN MEDICAL_RECORD MEDICALRECORD HEALTH_PLAN HEALTHPLAN ACCOUNT LICENSE VEHICLE DEVICE \
         BIOMETRIC BIOID PHOTO OTHER_ID IDNUM UNIQUE CREDIT_CARD US_DRIVER_LICENSE US_PASSPORT US_ITIN \
         US_BANK_NUMBER IBAN_CODE IBAN US_NPI NPI US_MBI MBI MEDICAL_LICENSE UK_NHS CRYPTO ID_NUMBER NATIONAL_ID \
         PASSPORT BANK_ACCOUNT DRIVER_LICENSE NHS_NUMBER",
    ),
];

/// How labels are compared.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// As written, the dot kept, in place of folded into coarse ones.
    pub raw: bool,
    /// Further names, in capitals, and what each is; an empty text drops a label. The whole label is looked up
    /// first, then what stands before its dot.
    pub map: BTreeMap<String, String>,
    /// The labels that count after that; none: all.
    pub only: Option<BTreeSet<String>>,
}

impl Labels {
    /// What a label counts as; none where it does not count.
    pub fn fold(&self, label: &str) -> Option<String> {
        let label = label.to_uppercase();
        let folded = match self.map.get(&label) {
            Some(mapped) => mapped.clone(),
            None if self.raw => label,
            None => {
                let kind = label.split('.').next().unwrap_or("");
                self.map.get(kind).map_or_else(|| coarse(kind), String::as_str).to_owned()
            }
        };
        let counts = !folded.is_empty() && self.only.as_ref().is_none_or(|only| only.contains(&folded));
        counts.then_some(folded)
    }
}

fn coarse(kind: &str) -> &str {
    let of = COARSE.iter().find(|(_, names)| names.split(' ').any(|name| name == kind));
    of.map_or(kind, |(coarse, _)| *coarse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_tools_fold_and_own_pairs_go_first() {
        let plain = Labels::default();
        let fold = |labels: &Labels, label: &str| labels.fold(label).unwrap_or_default();
        assert_eq!(fold(&plain, "name.patient"), "NAME");
        assert_eq!(fold(&plain, "OTHER_ID.nhs"), "ID");
        assert_eq!(fold(&plain, "DATE_TIME"), "DATE");
        assert_eq!(fold(&plain, "Strange"), "STRANGE");
        let raw = Labels { raw: true, ..Labels::default() };
        assert_eq!(fold(&raw, "name.patient"), "NAME.PATIENT");
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let map = BTreeMap::from([pair("NAME.PATIENT", "SUBJECT"), pair("NAME", "STAFF"), pair("AGE", "")]);
        let own = Labels { map, ..Labels::default() };
        assert_eq!(
            [fold(&own, "NAME.patient"), fold(&own, "NAME.x"), fold(&own, "AGE")],
            ["SUBJECT", "STAFF", ""]
        );
        let only = Labels { only: Some(BTreeSet::from(["ID".to_owned()])), ..Labels::default() };
        assert_eq!((only.fold("MRN"), only.fold("NAME")), (Some("ID".to_owned()), None));
    }
}
