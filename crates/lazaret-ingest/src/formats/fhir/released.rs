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
        let json = if outside.starts_with(r#""active""#) { json.replace(r#","active":true"#, "") } else { json };
        assert!(!faults(&json).is_empty(), "{json}");
        let written = released(&json).unwrap_or_else(|why| panic!("{json}: {why}"));
        assert!(!written.contains("Zzyzxova") && !written.contains("78051120"), "{json}: {written}");
        assert_eq!(faults(&written), [], "{json}: {written}");
    }
}

#[test]
fn arrays_beside_each_other_stay_aligned_when_an_item_goes() {
    let name = |given: &str, beside: &str| {
        format!(r#"{{"resourceType":"Practitioner","name":[{{"use":"usual","given":{given},"_given":{beside}}}]}}"#)
    };
    let birth = r#"{"id":"x1","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#;
    for json in [
        name(r#"["A",5]"#, &format!("[{birth},null]")),
        name(r#"["A",null]"#, &format!(r#"[null,{birth}]"#)),
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
