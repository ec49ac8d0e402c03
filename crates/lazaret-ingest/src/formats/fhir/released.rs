//! Records that were held and cross after all: nothing outside the schema stands in what is written.

use lazaret_core::{Content, Edit, Edits, Findings, Flow, Limits, Meaning, Record, RecordPlace, Span};

use super::record::{FhirRecord, read};

fn record(json: &str) -> FhirRecord {
    FhirRecord { bytes: json.as_bytes().to_vec(), place: RecordPlace { number: 1, line: None }, offset: 0 }
}

/// The record as a profile writes it that keeps no identifier but tokens for ids.
pub(super) fn released(json: &str) -> Result<String, String> {
    let record = record(json);
    let reading = record.read(&Limits::default(), &mut Findings::new()).ok_or("not read")?;
    let mut edits = Edits::none();
    let mut number = 0;
    reading
        .segments(&mut |segment| {
            if let (Meaning::Identifier(label), Content::Text(text)) = (segment.meaning, segment.content) {
                assert!(!text.is_empty(), "an empty piece is not looked at: {}", segment.place);
                let with = if label == lazaret_core::Label::RECORD_ID { "t1" } else { "" };
                let span = Span::new(0, text.len());
                edits.push(number, Edit { span, with: with.to_owned().into(), whole: true }).unwrap();
            }
            number += 1;
            Flow::On
        })
        .unwrap();
    let mut out = Vec::new();
    reading.write(&edits, &mut out).map_err(|refused| refused.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

fn faults(json: &str) -> Vec<(&'static str, String)> {
    let mut findings = Findings::new();
    read(json.as_bytes(), 0, &Limits::default(), &mut findings);
    findings.faults().iter().map(|fault| (fault.id, fault.at.to_string())).collect()
}

#[test]
fn what_lies_outside_the_schema_goes_with_its_key_and_leaves_a_valid_record() {
    for outside in [
        r#""surname":"Zzyzxova""#,
        r#""Zzyzxova Petronela":"x""#,
        r#""Zzyzxova":"""#,
        r#""ssn":"078051120""#,
        r#""ssn":78051120"#,
        r#""note":{"Zzyzxova":[["078051120",[]],{"a":{"b":true}}]}"#,
        r#""telecom":"Zzyzxova""#,
        r#""telecom":{"system":"phone","value":"Zzyzxova"}"#,
        r#""telecom":["Zzyzxova"]"#,
        r#""telecom":[["Zzyzxova"]]"#,
        r#""telecom":[{"system":"Zzyzxova"}]"#,
        r#""identifier":[{"value":78051120}]"#,
        r#""identifier":[{"system":"urn:Zzyzxova Petronela"}]"#,
        r#""gender":"Zzyzxova""#,
        r#""gender":["male","Zzyzxova"]"#,
        r#""gender":null"#,
        r#""active":"Zzyzxova Petronela""#,
        r#""birthDate":"Zzyzxova, 1944""#,
        r#""birthDate":["1944-03-04"]"#,
        r#""deceasedDateTime":"in Zzyzxova""#,
        r#""multipleBirthInteger":78051120.5"#,
        r#""contact":[{"name":"Zzyzxova"}]"#,
        r#""contact":[{"relationship":[{"Zzyzxova":1}]}]"#,
        r#""_active":"Zzyzxova""#,
        r#""_name":{"extension":[{"url":"http://h.example/a","valueString":"Zzyzxova"}]}"#,
        r#""maritalStatus":{"resourceType":"Zzyzxova","text":"married"}"#,
        r#""maritalStatus":{"text":"married","text":"Zzyzxova"}"#,
        r#""maritalStatus":{"coding":[{"userSelected":"Zzyzxova"}]}"#,
        r#""resourceType":"Zzyzxova""#,
        r#""photo":[{"data":"Zzyzxova!"}]"#,
        r#""contained":[{"resourceType":"Zzyzxova","id":"a"}]"#,
        r#""contained":[{"name":"Zzyzxova"}]"#,
        r#""contained":["Zzyzxova"]"#,
        r#""meta":"Zzyzxova""#,
        r#""language":5"#,
    ] {
        let json = format!(r#"{{"resourceType":"Patient","id":"a",{outside},"active":true}}"#);
        let json =
            if outside.starts_with(r#""active""#) { json.replace(r#","active":true"#, "") } else { json };
        assert!(!faults(&json).is_empty(), "{json}");
        let written = released(&json).unwrap_or_else(|why| panic!("{json}: {why}"));
        assert!(!written.contains("Zzyzxova") && !written.contains("78051120"), "{json}: {written}");
        assert_eq!(faults(&written), [], "{json}: {written}");
    }
}

#[test]
fn arrays_beside_each_other_stay_aligned_when_an_item_goes() {
    let name = |given: &str, beside: &str| {
        format!(
            r#"{{"resourceType":"Practitioner","name":[{{"use":"usual","given":{given},"_given":{beside}}}]}}"#
        )
    };
    let birth = r#"{"id":"x1","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#;
    for json in [
        name(r#"["A",5]"#, &format!("[{birth},null]")),
        name(r#"["A",null]"#, &format!(r"[null,{birth}]")),
        name(r#"["A",null]"#, r#"[null,"Zzyzxova"]"#),
        name(r#"["A","B"]"#, r#"[null,["Zzyzxova"]]"#),
    ] {
        let written = released(&json).unwrap();
        assert!(!written.contains("Zzyzxova"), "{written}");
        assert_eq!(faults(&written), [], "{json}: {written}");
    }
}

#[test]
fn where_the_schema_wants_an_element_a_mask_stands_for_what_lay_outside() {
    for status in [r#""Zzyzxova""#, "7", r#"{"Zzyzxova":1}"#, "null", r#"["final"]"#] {
        let json = format!(
            r#"{{"resourceType":"Observation","status":{status},"code":"Zzyzxova","subject":{{"reference":"Patient/a"}}}}"#
        );
        let written = released(&json).unwrap();
        assert!(!written.contains("Zzyzxova"), "{written}");
        assert_eq!(faults(&written), [], "{written}");
    }
    let json = r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/a"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"Zzyzxova"}]}}"#;
    let written = released(json).unwrap();
    assert!(!written.contains("Zzyzxova"), "{written}");
    assert!(faults(&written).iter().all(|(rule, _)| *rule == "fhir.invariant"), "{written}");
}

#[test]
fn bytes_behind_a_record_are_never_written() {
    let why = released(r#"{"resourceType":"Patient","active":true} Zzyzxova"#).unwrap_err();
    assert!(why.contains("after the record"), "{why}");
}

#[test]
fn objects_of_very_many_keys_are_walked_in_little_time() {
    let unknown: Vec<String> = (0..20_000).map(|number| format!(r#""k{number}":"Zzyzxova""#)).collect();
    let json = format!(r#"{{"resourceType":"Patient","active":true,{}}}"#, unknown.join(","));
    let written = released(&json).unwrap();
    assert_eq!(written, r#"{"resourceType":"Patient","active":true}"#);
}

/// A record of a patient with one element more, released: whether a text stands in it still.
fn keeps(json: &str, text: &str) -> bool {
    assert_eq!(faults(json), [], "{json}");
    let written = released(json).unwrap();
    assert_eq!(faults(&written), [], "{json}: {written}");
    written.contains(text)
}

#[test]
fn ages_above_89_go_wherever_an_age_can_stand_and_other_times_stay() {
    let observation = |code: &str, rest: &str| {
        format!(r#"{{"resourceType":"Observation","status":"final","code":{code},{rest}}}"#)
    };
    let loinc = r#"{"coding":[{"system":"http://loinc.org","code":"30525-0"}]}"#;
    let words = r#"{"text":"Age at diagnosis"}"#;
    let years = |value: &str| {
        format!(r#""valueQuantity":{{"value":{value},"system":"http://unitsofmeasure.org","code":"a"}}"#)
    };
    let condition = |rest: &str| {
        format!(r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/a"}},{rest}}}"#)
    };
    for (json, age) in [
        (observation(loinc, &years("93")), "93"),
        (observation(words, &years("91.5")), "91.5"),
        (observation(words, r#""valueInteger":97"#), "97"),
        (observation(words, r#""valueString":"97 years""#), "97"),
        (observation(words, r#""valueQuantity":{"value":1128,"unit":"months"}"#), "1128"),
        (observation(loinc, r#""valueRange":{"low":{"value":93},"high":{"value":94,"unit":"yrs"}}"#), "93"),
        (
            observation(r#"{"text":"x"}"#, &format!(r#""component":[{{"code":{loinc},{}}}]"#, years("93"))),
            "93",
        ),
        (condition(r#""onsetRange":{"low":{"value":93,"unit":"a"},"high":{"value":95,"unit":"a"}}"#), "95"),
        (
            condition(
                r#""clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"resolved"}]},"abatementRange":{"high":{"value":4900,"unit":"weeks"}}"#,
            ),
            "4900",
        ),
    ] {
        assert!(!keeps(&json, age), "{json}");
    }
    for (json, age) in [
        (observation(loinc, &years("61")), "61"),
        (observation(words, r#""valueQuantity":{"value":700,"unit":"months"}"#), "700"),
        (observation(r#"{"text":"Duration of treatment"}"#, &years("93")), "93"),
        (observation(r#"{"text":"Dosage"}"#, r#""valueQuantity":{"value":120,"unit":"mg"}"#), "120"),
        (
            observation(
                words,
                r#""valueQuantity":{"value":95,"system":"http://unitsofmeasure.org","code":"%"}"#,
            ),
            "95",
        ),
    ] {
        assert!(keeps(&json, age), "{json}");
    }
}

#[test]
fn what_is_answered_is_of_the_kind_that_was_asked_for() {
    let answered = |item: &str| {
        format!(
            r#"{{"resourceType":"QuestionnaireResponse","status":"completed","item":[{{"linkId":"1","item":[{item}]}}]}}"#
        )
    };
    for (item, answer) in [
        (r#"{"linkId":"2","text":"Phone","answer":[{"valueString":"5551234567"}]}"#, "5551234567"),
        (r#"{"linkId":"2","text":"Phone","answer":[{"valueInteger":555123456}]}"#, "555123456"),
        (r#"{"linkId":"homePhone","answer":[{"valueDecimal":5551234567}]}"#, "5551234567"),
        (r#"{"linkId":"2","text":"What is your name?","answer":[{"valueString":"Zzyzxova"}]}"#, "Zzyzxova"),
        (
            r#"{"linkId":"2","text":"Name","answer":[{"valueCoding":{"code":"1","display":"Zzyzxova"}}]}"#,
            "Zzyzxova",
        ),
        (r#"{"linkId":"2","text":"Age","answer":[{"valueInteger":93}]}"#, "93"),
        (r#"{"linkId":"2","text":"Age","answer":[{"valueQuantity":{"value":93,"unit":"a"}}]}"#, "93"),
    ] {
        assert!(!keeps(&answered(item), answer), "{item}");
    }
    for (item, answer) in [
        (r#"{"linkId":"2","text":"Pain","answer":[{"valueInteger":93}]}"#, "93"),
        (r#"{"linkId":"2","text":"Age","answer":[{"valueInteger":43}]}"#, "43"),
        (r#"{"linkId":"2","text":"Name of medication","answer":[{"valueString":"aspirin"}]}"#, "aspirin"),
        (
            r#"{"linkId":"2","text":"Phone","answer":[{"valueBoolean":true,"item":[{"linkId":"3","text":"Pain","answer":[{"valueString":"none"}]}]}]}"#,
            "none",
        ),
    ] {
        assert!(keeps(&answered(item), answer), "{item}");
    }
}

#[test]
fn an_extension_that_nobody_publishes_goes_with_its_url() {
    let patient = |rest: &str| format!(r#"{{"resourceType":"Patient","active":true,{rest}}}"#);
    let vendor = r#""url":"http://vendor.example/Quillan-Featherstone""#;
    for extension in [
        format!("{{{vendor},") + r#""valueInteger":78051120}"#,
        format!("{{{vendor},") + r#""valueDecimal":44.9537}"#,
        format!("{{{vendor},") + r#""valueBoolean":true}"#,
        format!("{{{vendor},") + r#""valueCode":"Quillan"}"#,
        format!("{{{vendor},") + r#""extension":[{"url":"Quillan","valueInteger":78051120}]}"#,
        r#"{"url":"http://vendor.example/Quillan/us-core-race","valueString":"Quillan"}"#.to_owned(),
        r#"{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"urn:Quillan","valueString":"Quillan"},{"url":"text","valueString":"Asian"}]}"#.to_owned(),
        r#"{"url":"http://hl7.org/fhir/?Quillan","valueDate":"1944-03-04"}"#.to_owned(),
    ] {
        for json in [
            patient(&format!(r#""extension":[{extension}]"#)),
            patient(&format!(r#""_birthDate":{{"extension":[{extension}]}}"#)),
            patient(&format!(r#""name":[{{"family":"A","extension":[{extension}]}}]"#)),
            patient(&format!(r#""modifierExtension":[{extension}]"#)),
        ] {
            for text in ["Quillan", "78051120", "44.9537"] {
                assert!(!keeps(&json, text), "{json}");
            }
            assert!(!json.contains("modifierExtension") || keeps(&json, "modifierExtension"), "{json}");
        }
    }
    let race = r#""extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"text","valueString":"Asian"}]}]"#;
    assert!(keeps(&patient(race), "Asian"));
}

#[test]
fn what_says_nothing_or_names_what_is_not_there_is_found() {
    let absent =
        r#"{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}"#;
    let patient = |rest: &str| format!(r#"{{"resourceType":"Patient",{rest}}}"#);
    let condition = |status: &str| {
        format!(
            r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/a"}},"clinicalStatus":{status}}}"#
        )
    };
    let bogus = r#""coding":[{"system":"urn:x","code":"bogus"}]"#;
    for (json, rule, at) in [
        (patient(r#""name":[{"id":"x"}]"#), "fhir.empty-object", "Patient.name[0]"),
        (patient(r#""contact":[{"id":"x"}]"#), "fhir.empty-object", "Patient.contact[0]"),
        (patient(r#""_birthDate":{"id":"x"}"#), "fhir.empty-object", "Patient._birthDate"),
        (
            patient(r#""name":[{"given":["A",null],"_given":[null,{"id":"x"}]}]"#),
            "fhir.empty-object",
            "Patient.name[0]._given[1]",
        ),
        (
            condition(&format!(r#"{{"extension":[{absent}],{bogus}}}"#)),
            "fhir.binding",
            "Condition.clinicalStatus",
        ),
        (
            condition(r#"{"extension":[{"url":"http://h.example/x","valueCode":"y"}],"text":"z"}"#),
            "fhir.binding",
            "Condition.clinicalStatus",
        ),
        (
            patient(
                r##""contained":[{"resourceType":"Organization","id":"a","name":"x"},{"resourceType":"Organization","id":"a","name":"y"}],"managingOrganization":{"reference":"#a"}"##,
            ),
            "fhir.id",
            "Patient.contained[1].id",
        ),
        (patient(r#""name":[{"family":" \n\t"}]"#), "fhir.format", "Patient.name[0].family"),
        (
            r##"{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#nope"}"##
                .to_owned(),
            "fhir.invariant",
            "QuestionnaireResponse.questionnaire",
        ),
    ] {
        assert_eq!(faults(&json), [(rule, at.to_owned())], "{json}");
    }
    let bundle = |url: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"{url}","resource":{{"resourceType":"Basic","code":{{"text":"x"}}}}}}]}}"#
        )
    };
    for url in ["urn:uuid:xyz", "urn:uuid:", "urn:uuid:c757873d-ec9a-4326-a141-556f4323952"] {
        assert_eq!(faults(&bundle(url)), [("fhir.format", "Bundle.entry[0].fullUrl".to_owned())], "{url}");
    }
    assert_eq!(faults(&bundle("urn:uuid:C757873D-EC9A-4326-a141-556f43239520")), []);
    for json in [
        patient(r#""birthDate":"1944","_birthDate":{"id":"x"}"#),
        patient(r#""name":[{"given":["A"],"_given":[{"id":"x"}]}]"#),
        patient(r#""name":[{"id":"x","family":"A"}],"maritalStatus":{"id":"y","text":"married"}"#),
        condition(&format!(r#"{{"extension":[{absent}]}}"#)),
        r##"{"resourceType":"QuestionnaireResponse","status":"completed","contained":[{"resourceType":"Questionnaire","id":"q","status":"active"}],"questionnaire":"#q"}"##.to_owned(),
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"issued":"2020-01-02T03:04:05Z","_issued":{"id":"x"}}"#.to_owned(),
    ] {
        assert_eq!(faults(&json), [], "{json}");
        let written = released(&json).unwrap();
        assert_eq!(faults(&written), [], "{json}: {written}");
    }
}
