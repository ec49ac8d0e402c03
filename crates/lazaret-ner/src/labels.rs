//! What a model's tags are here: the label of each, and whether it begins a stretch.
//!
//! Tags are `O` or a name, alone or after the letter of a scheme: `B-` and `I-` (BIO), `L-` and `U-` (BILOU), `E-` and
//! `S-` (BIOES). The names known are those of the i2b2 tasks of 2006 and 2014, of models trained on them, of Presidio, of
//! `CoNLL` 2003 and `OntoNotes`, and lazaret's own. What is not known must be said in the settings.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_core::{Kind, Label};

use crate::error::ModelError;

/// What one row of the classifier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Which of the labels; none where it identifies nobody.
    pub(crate) label: Option<usize>,
    /// A stretch begins with it.
    pub(crate) begins: bool,
}

/// The labels of a model and what each of its rows says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) labels: Vec<Label>,
    pub(crate) rows: Vec<Tag>,
}

/// Names of well-known models. Here as [`plain`] makes them.
const NAMES: &[(&str, Label)] = &[
    // i2b2 2014 (Stubbs and Uzuner, J Biomed Inform 58, 2015) and 2006 (Uzuner et al., JAMIA 14, 2007)
    ("PATIENT", Label::PATIENT),
    ("DOCTOR", Label::PROVIDER),
    ("USERNAME", Label::OTHER_ID.sub("username")),
    ("PROFESSION", Label::PROFESSION),
    ("ROOM", Label::OTHER_ID.sub("room")),
    ("DEPARTMENT", Label::HOSPITAL),
    ("HOSPITAL", Label::HOSPITAL),
    ("ORGANIZATION", Label::HOSPITAL),
    ("STREET", Label::STREET),
    ("CITY", Label::CITY),
    ("STATE", Label::STATE),
    ("COUNTRY", Label::COUNTRY),
    ("ZIP", Label::ZIP),
    ("LOCATION", Label::LOCATION),
    ("LOCATION-OTHER", Label::LOCATION),
    ("AGE", Label::AGE),
    ("DATE", Label::DATE),
    ("PHONE", Label::PHONE),
    ("FAX", Label::FAX),
    ("EMAIL", Label::EMAIL),
    ("URL", Label::URL),
    ("IPADDR", Label::IP),
    ("IPADDRESS", Label::IP),
    ("SSN", Label::SSN),
    ("MEDICALRECORD", Label::MRN),
    ("HEALTHPLAN", Label::HEALTH_PLAN),
    ("ACCOUNT", Label::ACCOUNT),
    ("LICENSE", Label::LICENSE),
    ("VEHICLE", Label::VEHICLE),
    ("DEVICE", Label::DEVICE),
    ("BIOID", Label::BIOMETRIC),
    ("IDNUM", Label::OTHER_ID),
    ("ID", Label::OTHER_ID),
    // Models trained on them
    ("STAFF", Label::PROVIDER),
    ("HCW", Label::PROVIDER),
    ("HOSP", Label::HOSPITAL),
    ("PATORG", Label::HOSPITAL),
    ("VENDOR", Label::HOSPITAL),
    ("OTHERPHI", Label::OTHER_ID),
    // Presidio; the rest of its names are those of `Label::presidio`
    ("US-DRIVER-LICENSE", Label::LICENSE),
    ("US-PASSPORT", Label::OTHER_ID),
    ("US-BANK-NUMBER", Label::ACCOUNT),
    ("CREDIT-CARD", Label::ACCOUNT),
    ("IBAN-CODE", Label::ACCOUNT),
    // CoNLL 2003 and OntoNotes; `MISC` and `NORP` are for the settings to say
    ("PER", Label::NAME),
    ("LOC", Label::LOCATION),
    ("ORG", Label::HOSPITAL),
    ("GPE", Label::LOCATION),
    ("FAC", Label::LOCATION),
];

/// A name as names are compared: capitals, `-` for blanks and `_`.
fn plain(name: &str) -> String {
    name.trim().to_uppercase().replace([' ', '_'], "-")
}

/// What a name is without the settings.
fn known(name: &str) -> Option<Label> {
    let of_presidio = || {
        let labels = Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS);
        labels.into_iter().find(|label| plain(label.presidio()) == name)
    };
    let own = || {
        let labels = Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS);
        labels.into_iter().find(|label| plain(&label.to_string()) == name)
    };
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, label)| *label).or_else(of_presidio).or_else(own)
}

/// A tag's name, and whether it begins a stretch.
fn split(tag: &str) -> (&str, bool) {
    match tag.split_at_checked(2) {
        Some(("B-" | "U-" | "S-" | "B_" | "U_" | "S_", name)) if !name.is_empty() => (name, true),
        Some(("I-" | "L-" | "E-" | "I_" | "L_" | "E_", name)) if !name.is_empty() => (name, false),
        _ => (tag, false),
    }
}

impl Tags {
    /// What the tags are; `own` is what the settings say of their names, none for what identifies nobody.
    pub(crate) fn read(tags: &[String], own: &BTreeMap<String, Option<Label>>) -> Result<Self, ModelError> {
        let mut unused: BTreeMap<String, &str> =
            own.keys().map(|name| (plain(name), name.as_str())).collect();
        let own: BTreeMap<String, Option<Label>> =
            own.iter().map(|(name, label)| (plain(name), *label)).collect();
        let (mut labels, mut rows) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        for tag in tags {
            let (name, begins) = split(tag);
            names.insert(name);
            let name = plain(name);
            unused.remove(&name);
            let label = match own.get(&name) {
                Some(label) => *label,
                None if name == "O" => None,
                None => Some(known(&name).ok_or_else(|| ModelError::UnknownLabel(split(tag).0.to_owned()))?),
            };
            let label = label.map(|label| {
                labels.iter().position(|one| *one == label).unwrap_or_else(|| {
                    labels.push(label);
                    labels.len() - 1
                })
            });
            rows.push(Tag { label, begins });
        }
        if let Some((_, name)) = unused.first_key_value() {
            let names: Vec<&str> = names.into_iter().filter(|name| *name != "O").collect();
            return Err(ModelError::NoSuchLabel((*name).to_owned(), names.join(", ")));
        }
        if labels.is_empty() || rows.iter().all(|tag| tag.label.is_some()) {
            let why = "`id2label` must name what identifies and what does not (`O`)";
            return Err(ModelError::malformed(crate::config::CONFIG, why));
        }
        Ok(Self { labels, rows })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(tags: &[&str], own: &[(&str, Option<Label>)]) -> Result<Tags, String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let own = own.iter().map(|(name, label)| ((*name).to_owned(), *label)).collect();
        Tags::read(&tags, &own).map_err(|error| error.to_string())
    }

    #[test]
    fn schemes_and_names_of_well_known_models_are_read() {
        let tags = read(&["O", "B-PER", "I-PER", "U-DATE_TIME", "L-MEDICALRECORD", "hosp"], &[]).unwrap();
        assert_eq!(tags.labels, [Label::NAME, Label::DATE, Label::MRN, Label::HOSPITAL]);
        let rows: Vec<_> = tags.rows.iter().map(|tag| (tag.label, tag.begins)).collect();
        let wanted = [
            (None, false),
            (Some(0), true),
            (Some(0), false),
            (Some(1), true),
            (Some(2), false),
            (Some(3), false),
        ];
        assert_eq!(rows, wanted);
        for (name, label) in [
            ("LOCATION-OTHER", Label::LOCATION),
            ("US_SSN", Label::SSN),
            ("MEDICAL_LICENSE", Label::LICENSE.sub("dea")),
            ("NAME.patient", Label::PATIENT),
            ("OTHER_ID.room", Label::OTHER_ID.sub("room")),
        ] {
            assert_eq!(read(&["O", &format!("I-{name}")], &[]).unwrap().labels, [label], "{name}");
        }
    }

    #[test]
    fn every_label_is_read_under_its_own_its_i2b2_and_its_presidio_name() {
        for label in Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS) {
            for name in [label.to_string(), label.i2b2().to_owned(), label.presidio().to_owned()] {
                let read = known(&plain(&name)).unwrap_or_else(|| panic!("{name} is not known"));
                // Presidio's and i2b2's names are coarser; photographs are i2b2's BIOID.
                assert!(read.kind == label.kind || name == "BIOID", "{name}: {read}");
            }
        }
    }

    #[test]
    fn an_unknown_label_is_named_and_the_settings_may_say_what_it_is() {
        let error = read(&["O", "B-PER", "B-MISC"], &[]).unwrap_err();
        assert!(error.contains("label `MISC`") && error.contains("[phi.model.labels]"), "{error}");
        let tags = read(&["O", "B-PER", "B-MISC"], &[("misc", None)]).unwrap();
        assert_eq!((tags.labels, tags.rows[2].label), (vec![Label::NAME], None));
        let tags = read(&["LABEL_0", "LABEL_1"], &[("LABEL_0", None), ("LABEL_1", Some(Label::MRN))]);
        assert_eq!(tags.unwrap().labels, [Label::MRN]);
        let error = read(&["O", "B-PER"], &[("PRE", None)]).unwrap_err();
        assert!(error.contains("speaks of `PRE`") && error.ends_with("labels: PER"), "{error}");
    }

    #[test]
    fn a_model_must_tell_two_things_apart() {
        assert!(read(&["O"], &[]).unwrap_err().contains("what identifies and what does not"));
        assert!(read(&["B-PER", "I-PER"], &[]).unwrap_err().contains("what identifies and what does not"));
    }

    proptest! {
        #[test]
        fn any_tags_are_read_row_by_row_or_refused(
            tags in prop::collection::vec("(B-|I-|U_|)(O|PER|DATE|AGE|\\PC{0,6})", 0..8)
        ) {
            if let Ok(read) = Tags::read(&tags, &BTreeMap::new()) {
                prop_assert_eq!(read.rows.len(), tags.len());
                for tag in &read.rows {
                    prop_assert!(tag.label.is_none_or(|label| label < read.labels.len()));
                }
            }
        }
    }
}
