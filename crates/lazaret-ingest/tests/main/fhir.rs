//! FHIR end to end: files into records, their meanings, and what is written again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{
    Content, Edit, Edits, Findings, Flow, Format, Hint, Kind, Label, Limits, Meaning, Record, Refused,
    Severity, Span,
};
use lazaret_ingest::formats::fhir::FhirR4;
use lazaret_input::decompress::unpack;
use lazaret_input::{FileSource, MAX_RECORD, MemorySource, read_file};
use proptest::prelude::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fhir").join(name)
}

fn records(path: &Path) -> Vec<Arc<dyn Record>> {
    let mut payload = FhirR4.open(Arc::new(FileSource::open(path).unwrap()), &Limits::default()).unwrap();
    let mut out = Vec::new();
    while let Some(record) = payload.next().unwrap() {
        out.push(record);
    }
    out
}

fn memory(bytes: &[u8], extension: &str) -> Vec<Arc<dyn Record>> {
    any_memory(bytes, extension).unwrap()
}

/// Bytes that look compressed and are not are refused.
fn any_memory(bytes: &[u8], extension: &str) -> Result<Vec<Arc<dyn Record>>, Refused> {
    let hint = Hint { extension: Some(extension.to_owned()), ..Hint::default() };
    let source = MemorySource::new(bytes.to_vec(), hint);
    let (source, _) = unpack(Arc::new(source), &Limits::default())?;
    let mut payload = FhirR4.open(source, &Limits::default())?;
    let mut out = Vec::new();
    while let Some(record) = payload.next()? {
        out.push(record);
    }
    Ok(out)
}

fn one(json: &str) -> Arc<dyn Record> {
    memory(json.as_bytes(), "json").remove(0)
}

fn held(record: &dyn Record) -> Vec<(&'static str, String)> {
    let mut findings = Findings::new();
    record.read(&Limits::default(), &mut findings);
    let held = findings.faults().iter().filter(|fault| fault.severity >= Severity::Medium);
    held.map(|fault| (fault.id, fault.at.to_string())).collect()
}

/// A segment, owned.
#[derive(Debug, Clone)]
struct Piece {
    at: String,
    text: String,
    meaning: Meaning,
    domain: String,
    subject: Option<String>,
}

fn pieces(record: &dyn Record) -> Vec<Piece> {
    let mut out = Vec::new();
    let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
    reading
        .segments(&mut |segment| {
            let text = match segment.content {
                Content::Text(text) => text.to_owned(),
                Content::Bytes(bytes) => format!("{} bytes", bytes.len()),
                Content::Fact(_) => unreachable!(),
            };
            out.push(Piece {
                at: segment.place.to_string(),
                text,
                meaning: segment.meaning,
                domain: segment.domain.to_owned(),
                subject: segment.subject.map(|subject| subject.id.to_owned()),
            });
            Flow::On
        })
        .unwrap();
    out
}

/// Writes a record with one whole edit for each piece that is asked for.
fn edited(record: &dyn Record, with: impl Fn(usize, &Piece) -> Option<String>) -> Result<String, String> {
    let mut edits = Edits::none();
    for (number, piece) in pieces(record).iter().enumerate() {
        if let Some(with) = with(number, piece) {
            let span = Span::new(0, piece.text.len());
            edits.push(number, Edit { span, with: with.into(), whole: true }).unwrap();
        }
    }
    let mut out = Vec::new();
    let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
    reading.write(&edits, &mut out).map_err(|refused| refused.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// What a profile of Safe Harbor does with a piece: dates keep their year, ids become codes, the rest goes.
fn safe_harbor(piece: &Piece) -> Option<String> {
    match piece.meaning {
        Meaning::Identifier(label) if label.kind == Kind::Date => Some(piece.text.chars().take(4).collect()),
        Meaning::Identifier(Label::RECORD_ID) => {
            Some(format!("lz-{:016x}", code(&piece.domain, &piece.text)))
        }
        Meaning::Identifier(_) | Meaning::Remark(_) => Some(String::new()),
        _ => None,
    }
}

fn code(domain: &str, text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (domain, text).hash(&mut hasher);
    hasher.finish()
}

fn valid_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(testdata("valid")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn valid_records() -> Vec<Arc<dyn Record>> {
    let mut all: Vec<_> = valid_files().iter().flat_map(|path| records(path)).collect();
    all.extend(records(&testdata("bad32/good32.ndjson")));
    all.extend(records(&testdata("valid-bundle/transaction.json")));
    all
}

#[test]
fn each_of_the_35_bad_inputs_is_held_at_its_place() {
    let expected = read_file(&testdata("bad32/expected.jsonl"), MAX_RECORD).unwrap();
    let expected = String::from_utf8(expected).unwrap();
    assert_eq!(expected.lines().count(), 35);
    for row in expected.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let found = records(&testdata("bad32").join(row["file"].as_str().unwrap()));
        let line = row["line"].as_u64();
        let record = found.iter().find(|record| record.place().line == line).unwrap();
        let held = held(record.as_ref());
        let wanted = (row["rule"].as_str().unwrap(), row["at"].as_str().unwrap().to_owned());
        assert!(held.iter().any(|(id, at)| *id == wanted.0 && *at == wanted.1), "{wanted:?}: {held:?}");
    }
    assert_eq!(records(&testdata("bad32/bad32.ndjson")).len(), 29);
    for record in records(&testdata("bad32/good32.ndjson")) {
        assert!(held(record.as_ref()).is_empty(), "twin on line {:?}", record.place().line);
    }
}

#[test]
fn no_message_holds_a_value() {
    for name in [
        "bad32/bad32.ndjson",
        "bad-narrative/patients.ndjson",
        "bad-types/mixed.ndjson",
        "bad-keys/conditions.ndjson",
    ] {
        for record in records(&testdata(name)) {
            let mut findings = Findings::new();
            record.read(&Limits::default(), &mut findings);
            for fault in findings.faults() {
                for value in [
                    "Quill",
                    "Quellmoor",
                    "favourite",
                    "birthdate",
                    "boy",
                    "passwd",
                    "example",
                    "@@@@",
                    "p-200",
                ] {
                    assert!(!fault.message.contains(value), "{}", fault.message);
                    assert!(!fault.at.as_str().contains(value), "{}", fault.at);
                }
            }
        }
    }
}

#[test]
fn lines_are_numbered_from_one_and_blank_lines_are_no_records() {
    let file = b"\xef\xbb\xbf{\"resourceType\":\"Patient\"}\r\n\r\n  \n{\"resourceType\":\"Nothing\"}\n";
    let records = memory(file, "ndjson");
    let lines: Vec<_> = records.iter().map(|record| record.place().line).collect();
    assert_eq!(lines, [Some(1), Some(4)]);
    assert!(held(records[0].as_ref()).is_empty());
    assert_eq!(held(records[1].as_ref()), [("fhir.type", "resourceType".to_owned())]);
    assert_eq!(held(one("{}").as_ref()), [("fhir.cardinality", "resourceType".to_owned())]);
    assert_eq!(held(one("[]").as_ref()), [("fhir.type", ".".to_owned())]);
}

#[test]
fn a_record_without_edits_is_written_as_it_arrived() {
    for record in valid_records() {
        let mut out = Vec::new();
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        reading.write(&Edits::none(), &mut out).unwrap();
        assert_eq!(out, record.body().held().unwrap());
    }
}

#[test]
fn what_safe_harbor_writes_is_valid_and_holds_no_identifier() {
    for record in valid_records() {
        let written = edited(record.as_ref(), |_, piece| safe_harbor(piece)).unwrap();
        assert!(held(one(&written).as_ref()).is_empty());
        for piece in pieces(record.as_ref()) {
            let is_name = matches!(piece.meaning, Meaning::Identifier(label) if label.kind == Kind::Name);
            if is_name && piece.text.len() > 4 {
                assert!(!written.contains(&piece.text), "{} stays", piece.at);
            }
        }
    }
}

#[test]
fn an_id_and_the_references_to_it_get_one_code() {
    let bundle = one(r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"fullUrl":"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a","resource":{"resourceType":"Patient","id":"61ebe359-bfdc-4613-8bf2-c5e300945f0a"}},
            {"resource":{"resourceType":"Condition","id":"61ebe359-bfdc-4613-8bf2-c5e300945f0a","subject":{"reference":"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}}},
            {"resource":{"resourceType":"Condition","subject":{"reference":"https://h.example/fhir/Patient/61ebe359-bfdc-4613-8bf2-c5e300945f0a"}}},
            {"resource":{"resourceType":"Condition","subject":{"reference":"Patient?identifier=http://h.example/mrn|61ebe359-bfdc-4613-8bf2-c5e300945f0a"}}}]}"#);
    assert!(held(bundle.as_ref()).is_empty());
    let pieces = pieces(bundle.as_ref());
    let ids: Vec<_> = pieces.iter().map(|piece| (piece.domain.as_str(), piece.text.len())).collect();
    assert_eq!(
        ids,
        [
            ("Patient", 36),
            ("Patient", 36),
            ("Condition", 36),
            ("Patient", 36),
            ("Patient", 36),
            ("Patient", 36)
        ]
    );
    assert!(
        pieces[1..5]
            .iter()
            .all(|piece| piece.subject.as_deref() == Some("Patient/61ebe359-bfdc-4613-8bf2-c5e300945f0a"))
    );
    assert!(pieces[5].subject.as_deref().is_some_and(|subject| subject.starts_with("Patient?identifier=")));
    let written = edited(bundle.as_ref(), |_, piece| safe_harbor(piece)).unwrap();
    let token = format!("lz-{:016x}", code("Patient", &pieces[0].text));
    assert_eq!(written.matches(&token).count(), 5, "{written}");
}

#[test]
fn labels_follow_type_and_place() {
    let patient = one(
        r#"{"resourceType":"Patient","id":"p","name":[{"family":"Moor","given":["Ilse"]}],"birthDate":"1931-02-03",
        "identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"1"},{"system":"http://hl7.org/fhir/sid/us-ssn","value":"2"},{"value":"3"}],
        "telecom":[{"system":"email","value":"a@b.example"},{"system":"fax","value":"5"}],
        "address":[{"line":["1 Way"],"city":"Town","district":"D","state":"MA","postalCode":"01027","country":"US"}],
        "contact":[{"name":{"text":"Ada"}}],"photo":[{"url":"http://x.example/p"}],
        "generalPractitioner":[{"reference":"Practitioner/d","display":"Dr. X"}],"managingOrganization":{"display":"St. M"},
        "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName","valueString":"Boyle"}]}"#,
    );
    assert!(held(patient.as_ref()).is_empty(), "{:?}", held(patient.as_ref()));
    let labels: Vec<String> = pieces(patient.as_ref())
        .iter()
        .map(|piece| match piece.meaning {
            Meaning::Identifier(label) => format!("{} {label}", piece.at),
            other => format!("{} {other:?}", piece.at),
        })
        .collect();
    for wanted in [
        "Patient.id OTHER_ID.record",
        "Patient.name[0].family NAME.patient",
        "Patient.name[0].given[0] NAME.patient",
        "Patient.birthDate DATE.birth",
        "Patient.identifier[0].value MRN",
        "Patient.identifier[1].value SSN",
        "Patient.identifier[2].value OTHER_ID",
        "Patient.telecom[0].value EMAIL",
        "Patient.telecom[1].value FAX",
        "Patient.address[0].line[0] LOCATION.street",
        "Patient.address[0].city LOCATION.city",
        "Patient.address[0].district LOCATION.county",
        "Patient.address[0].postalCode LOCATION.zip",
        "Patient.contact[0].name.text NAME.relative",
        "Patient.photo[0].url PHOTO",
        "Patient.generalPractitioner[0].display NAME.provider",
        "Patient.managingOrganization.display HOSPITAL",
        "Patient.extension[0].valueString NAME.relative",
    ] {
        assert!(labels.iter().any(|label| label == wanted), "{wanted}: {labels:#?}");
    }
    assert!(!labels.iter().any(|label| label.contains(".state") || label.contains(".country")));
}

#[test]
fn remarks_birth_orders_and_the_names_of_those_who_number_patients_identify() {
    let patient = one(r#"{"resourceType":"Patient","id":"p","multipleBirthInteger":3,"identifier":[
        {"system":"http://mrn.st-mary.example","type":{"coding":[{"code":"MR"}]},"value":"1"},
        {"system":"urn:oid:2.16.840.1.113883.4.3.25","value":"2"},
        {"system":"http://hl7.org/fhir/sid/us-ssn","value":"3"}]}"#);
    let goal = one(r#"{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"walk"},
        "subject":{"reference":"Patient/p"},"note":[{"text":"his brother is the mayor"}]}"#);
    let labels = |record: &dyn Record| -> Vec<String> {
        let identifies = |piece: &Piece| match piece.meaning {
            Meaning::Identifier(label) | Meaning::Remark(label) => Some(format!("{} {label}", piece.at)),
            _ => None,
        };
        pieces(record).iter().filter_map(identifies).collect()
    };
    let of_patient = labels(patient.as_ref());
    for wanted in [
        "Patient.multipleBirthInteger OTHER_ID.birth-order",
        "Patient.identifier[0].system URL",
        "Patient.identifier[1].system URL",
    ] {
        assert!(of_patient.iter().any(|label| label == wanted), "{wanted}: {of_patient:#?}");
    }
    assert!(!of_patient.iter().any(|label| label.starts_with("Patient.identifier[2].system")));
    assert!(labels(goal.as_ref()).iter().any(|label| label == "Goal.note[0].text OTHER_ID.annotation"));
}

#[test]
fn an_element_goes_with_what_it_leaves_empty_and_a_required_one_is_masked() {
    let patient = one(
        r#"{"resourceType":"Patient", "id":"p" ,"active":true,"name":[{"use":"official","family":"Moor"}, {"given":["A","B"],"_given":[null,{"id":"x"}]}],
  "contact":[{"relationship":[{"text":"aunt"}],"name":{"family":"Moor"}}],"birthDate":"1931-02-03" }"#,
    );
    let gone = edited(patient.as_ref(), |_, piece| piece.at.contains("name").then(String::new)).unwrap();
    assert_eq!(
        gone,
        "{\"resourceType\":\"Patient\", \"id\":\"p\" ,\"active\":true,\n  \"contact\":[{\"relationship\":[{\"text\":\"aunt\"}],\"name\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/data-absent-reason\",\"valueCode\":\"masked\"}]}}],\"birthDate\":\"1931-02-03\" }",
        "{gone}"
    );
    let first = edited(patient.as_ref(), |_, piece| (piece.text == "A").then(String::new)).unwrap();
    assert!(first.contains(r#"{"given":["B"],"_given":[{"id":"x"}]}"#), "{first}");
    let second = edited(patient.as_ref(), |_, piece| (piece.text == "B").then(String::new)).unwrap();
    assert!(second.contains(r#"{"given":["A"]}"#), "{second}");
}

#[test]
fn a_replacement_that_is_no_value_of_its_type_is_masked() {
    let report = one(
        r#"{"resourceType":"Observation","status":"final","code":{"text":"t"},"issued":"2011-02-02T16:30:49.825-05:00","effectiveDateTime":"2011-02-02","valueQuantity":{"value":37.10}}"#,
    );
    let written = edited(report.as_ref(), |_, piece| safe_harbor(piece)).unwrap();
    assert_eq!(
        written,
        r#"{"resourceType":"Observation","status":"final","code":{"text":"t"},"_issued":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]},"effectiveDateTime":"2011","valueQuantity":{"value":37.10}}"#
    );
}

#[test]
fn a_note_is_read_and_written_in_its_charset_with_size_and_hash() {
    for (charset, data, size) in [("utf-8", "TW9vciDDpA==", 7), ("iso-8859-1", "TW9vciDk", 6)] {
        let note = one(&format!(
            r#"{{"resourceType":"DocumentReference","status":"current","subject":{{"reference":"Patient/p"}},"content":[{{"attachment":{{"contentType":"text/plain; charset={charset}","data":"{data}","size":{size}}}}}]}}"#
        ));
        assert!(held(note.as_ref()).is_empty());
        let found = pieces(note.as_ref());
        let (number, text) =
            found.iter().enumerate().find(|(_, piece)| piece.meaning == Meaning::Text).unwrap();
        assert_eq!(text.text, "Moor ä");
        assert_eq!(text.at, "DocumentReference.content[0].attachment.data");
        let mut edits = Edits::none();
        edits
            .push(number, Edit { span: Span::new(0, 4), with: "[NAME]".to_owned().into(), whole: false })
            .unwrap();
        let mut out = Vec::new();
        note.read(&Limits::default(), &mut Findings::new()).unwrap().write(&edits, &mut out).unwrap();
        let written = one(std::str::from_utf8(&out).unwrap());
        assert!(held(written.as_ref()).is_empty());
        assert!(pieces(written.as_ref()).iter().any(|piece| piece.text == "[NAME] ä"));
        // Without its data nothing of it stays.
        let gone =
            edited(note.as_ref(), |_, piece| (piece.meaning == Meaning::Text).then(String::new)).unwrap();
        assert!(gone.contains("masked") && !gone.contains("size"), "{gone}");
    }
}

#[test]
fn labels_of_protection_are_read() {
    let labelled = |system: &str, code: &str| {
        let record = one(&format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"Patient","meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/{system}","code":"{code}"}}]}}}}}}]}}"#
        ));
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        reading.sensitivity().iter().map(|of| of.name()).collect::<Vec<_>>()
    };
    assert_eq!(labelled("v3-ActCode", "ETHUD"), ["part2"]);
    assert_eq!(labelled("v3-ActCode", "PSYTHPN"), ["psychotherapy"]);
    assert_eq!(labelled("v3-ActCode", "HIV"), ["hiv"]);
    assert_eq!(labelled("v3-ActCode", "GDIS"), ["genetic"]);
    assert_eq!(labelled("v3-Confidentiality", "R"), ["restricted"]);
    assert_eq!(labelled("v3-Confidentiality", "N"), Vec::<&str>::new());
    for code in [
        "SDV",
        "SEX",
        "VIO",
        "TBOO",
        "CEL",
        "PRS",
        "MST",
        "VIP",
        "PREGNANT",
        "DRGIS",
        "NORDSCLCD",
        "HIPAASelfPay",
    ] {
        assert_eq!(labelled("v3-ActCode", code), ["restricted"], "{code}");
    }
    assert_eq!(labelled("v3-ActCode", "ADOL"), ["minor"]);
    assert_eq!(labelled("v3-ActCode", "HIPAAPsyNotes"), ["psychotherapy"]);
    for code in ["AMB", "ALC"] {
        assert_eq!(labelled("v3-ActCode", code), Vec::<&str>::new(), "{code}");
    }
    let of = |json: &str| {
        let record = one(json);
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        reading.sensitivity().iter().map(|of| of.name()).collect::<Vec<_>>()
    };
    for system in [
        "http://hl7.org/fhir/v3/Confidentiality",
        "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "urn:oid:2.16.840.1.113883.5.25",
    ] {
        for code in ["R", "V"] {
            let coding = format!(r#"{{"system":"{system}","code":"{code}"}}"#);
            let patient = format!(r#"{{"resourceType":"Patient","meta":{{"security":[{coding}]}}}}"#);
            assert_eq!(of(&patient), ["restricted"], "{system} {code}");
            let document = format!(
                r#"{{"resourceType":"DocumentReference","securityLabel":[{{"coding":[{coding}]}}]}}"#
            );
            assert_eq!(of(&document), ["restricted"], "{system} {code}");
        }
    }
    let security = r#"[{"system":"http://hl7.org/fhir/v3/ActCode","code":"HIV"}]"#;
    assert_eq!(of(&format!(r#"{{"resourceType":"Patient","meta":{{"security":{security}}}}}"#)), ["hiv"]);
    assert_eq!(of(r#"{"resourceType":"Composition","confidentiality":"V"}"#), ["restricted"]);
    assert_eq!(of(r#"{"resourceType":"Composition","confidentiality":"N"}"#), Vec::<&str>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_edited_what_is_written_is_valid(which in any::<prop::sample::Index>(), seed in any::<u64>()) {
        let all = valid_records();
        let record = &all[which.index(all.len())];
        let written = edited(record.as_ref(), |number, piece| match code(&seed.to_string(), &number.to_string()) % 4 {
            0 => None,
            1 => Some(String::new()),
            2 if piece.meaning != Meaning::Opaque => Some("[REDACTED]".to_owned()),
            _ => safe_harbor(piece),
        });
        let written = written.unwrap();
        prop_assert!(held(one(&written).as_ref()).is_empty());
    }

    #[test]
    fn mutated_records_end_without_a_panic(which in any::<prop::sample::Index>(), cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6)) {
        let all = valid_records();
        let mut bytes = all[which.index(all.len())].body().held().unwrap().to_vec();
        for (at, byte, how) in cuts {
            if bytes.is_empty() { break; }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, b"\"{}[]:,\\0"[usize::from(byte) % 9]),
                _ => bytes.truncate(at),
            }
        }
        for record in memory(&bytes, "json") {
            let mut findings = Findings::new();
            if let Some(reading) = record.read(&Limits::default(), &mut findings) {
                let mut count = 0;
                reading.segments(&mut |_| { count += 1; Flow::On }).unwrap();
                let mut edits = Edits::none();
                for number in 0..count {
                    edits.push(number, Edit { span: Span::new(0, 0), with: String::new().into(), whole: true }).unwrap();
                }
                let _ = reading.write(&edits, &mut Vec::new());
            } else {
                prop_assert!(findings.faults().iter().any(|fault| fault.severity >= Severity::Medium));
            }
        }
    }

    #[test]
    fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for extension in ["json", "ndjson", "xml", ""] {
            for record in any_memory(&bytes, extension).unwrap_or_default() {
                let mut findings = Findings::new();
                if record.read(&Limits::default(), &mut findings).is_none() {
                    prop_assert!(findings.faults().iter().any(|fault| fault.severity >= Severity::Medium));
                }
            }
        }
    }
}

#[test]
fn what_no_detector_can_read_is_said_and_a_photo_goes() {
    let attachment = |of: &str, content: &str| {
        one(&format!(
            r#"{{"resourceType":"DocumentReference","status":"current","content":[{{"attachment":{{"contentType":"{of}","data":"{content}"}}}}]}}"#
        ))
    };
    let at = "DocumentReference.content[0].attachment.data".to_owned();
    for (of, content) in
        [("application/pdf", "JVBERi0="), ("text/plain", "//79"), ("text/plain; charset=x-none", "YQ==")]
    {
        assert_eq!(held(attachment(of, content).as_ref()), [("input.uninspectable", at.clone())], "{of}");
    }
    assert!(held(attachment("text/plain", "YQ==").as_ref()).is_empty());
    let photo = one(r#"{"resourceType":"Patient","photo":[{"contentType":"image/png","data":"iVBORw0="}]}"#);
    assert!(held(photo.as_ref()).is_empty());
    // A profile that keeps photos sees bytes: nobody has looked at them.
    let piece = pieces(photo.as_ref()).remove(0);
    assert_eq!((piece.meaning, piece.text.as_str()), (Meaning::Identifier(Label::PHOTO), "8 bytes"));
    let written = edited(photo.as_ref(), |_, piece| safe_harbor(piece)).unwrap();
    assert_eq!(written, r#"{"resourceType":"Patient"}"#);
}

#[test]
fn what_a_patient_is_called_is_told_and_what_others_are_is_not() {
    let facts = |record: &dyn Record| {
        let mut out = Vec::new();
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        reading
            .facts(&mut |subject, label, text| out.push(format!("{} {label} {text}", subject.id)))
            .unwrap();
        out
    };
    let bundle = one(r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"resource":{"resourceType":"Patient","id":"a","name":[{"family":"Moor","prefix":["Mrs."]}],"birthDate":"1931-02-03","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Moor</div>"}}},
            {"resource":{"resourceType":"Patient","id":"b","name":[{"family":"Vale"}]}},
            {"resource":{"resourceType":"Practitioner","name":[{"family":"Osei"}]}},
            {"resource":{"resourceType":"RelatedPerson","patient":{"reference":"Patient/b"},"name":[{"family":"Ash"}]}}]}"#);
    assert!(held(bundle.as_ref()).is_empty(), "{:?}", held(bundle.as_ref()));
    assert!(bundle.may_describe_subject());
    assert_eq!(
        facts(bundle.as_ref()),
        [
            "Patient/a NAME.patient Moor",
            "Patient/a DATE.birth 1931-02-03",
            "Patient/b NAME.patient Vale",
            "Patient/b NAME.relative Ash",
        ]
    );
    let condition =
        one(r#"{"resourceType":"Condition","subject":{"reference":"Patient/a","display":"Moor"}}"#);
    assert!(!condition.may_describe_subject() && facts(condition.as_ref()).is_empty());
}

#[test]
fn a_record_above_its_limit_is_held_and_the_next_is_read() {
    let long = "x".repeat(2_000);
    let file = format!(
        "{{\"resourceType\":\"Patient\",\"language\":\"{long}\"}}\n{{\"resourceType\":\"Patient\"}}\n"
    );
    let mut limits = Limits::default();
    limits.set("input.max_record", 1_000);
    let open = |extension: &str| {
        let hint = Hint { extension: Some(extension.to_owned()), ..Hint::default() };
        FhirR4.open(Arc::new(MemorySource::new(file.as_bytes().to_vec(), hint)), &limits)
    };
    let mut payload = open("ndjson").unwrap();
    let mut found = Vec::new();
    while let Some(record) = payload.next().unwrap() {
        let mut findings = Findings::new();
        record.read(&limits, &mut findings);
        found.push((record, findings.into_faults()));
    }
    let [(too_long, why), (_, nothing)] = found.as_slice() else { panic!("two records") };
    assert_eq!((why.len(), why[0].id, nothing.len()), (1, "limit.record-size", 0));
    assert!(why[0].message.contains("set `input.max_record` under [limits]"), "{}", why[0].message);
    let bytes = too_long.body().held().unwrap();
    assert!(file.as_bytes().starts_with(bytes) && bytes.len() > 2_000);
    // A file that is one record is refused whole.
    let Err(refused) = open("json") else { panic!("it is above the limit") };
    assert_eq!(refused.rule, "limit.record-size");
}

#[test]
fn compressed_files_are_read_as_what_is_in_them() {
    use std::io::Write as _;
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let lines = b"{\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Patient\",\"gender\":\"boy\"}\n";
    let found = memory(&pack(lines), "gz");
    assert_eq!(found.iter().map(|record| record.place().line).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(held(found[1].as_ref()), [("fhir.binding", "Patient.gender".to_owned())]);
    let pretty = memory(&pack(b"{\n \"resourceType\": \"Patient\"\n}\n"), "gz");
    assert_eq!(pretty.iter().map(|record| record.place().line).collect::<Vec<_>>(), [None]);
    let bomb = pack(&vec![b' '; 200 << 20]);
    let hint = Hint { extension: Some("ndjson".to_owned()), ..Hint::default() };
    let (source, _) = unpack(Arc::new(MemorySource::new(bomb, hint)), &Limits::default()).unwrap();
    let refused = match FhirR4.open(source, &Limits::default()) {
        Ok(mut payload) => loop {
            match payload.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a bomb ended as if it were whole"),
                Err(refused) => break refused,
            }
        },
        Err(refused) => refused,
    };
    assert_eq!(refused.rule, "limit.ratio");
}

#[test]
fn what_is_fhir_is_known_by_its_content() {
    use lazaret_core::Likeness::{ByName, Certain, No, Possible};
    let like = |head: &[u8], extension: &str| {
        FhirR4.recognise(head, &Hint { extension: Some(extension.to_owned()), ..Hint::default() })
    };
    assert_eq!(like(b"\xef\xbb\xbf {\"id\":\"a\",\"resourceType\":\"Patient\"}", "txt"), Certain);
    assert_eq!(like(b"<Patient xmlns=\"http://hl7.org/fhir\"/>", "txt"), Certain);
    assert_eq!(like(b"{\"a\":1}", "json"), Possible);
    assert_eq!(like(b"{\"a\":1}", "txt"), No);
    assert_eq!(like(b"\xff\xfe", "ndjson"), ByName);
    assert_eq!(like(b"a,b\n", "csv"), No);
}

#[test]
fn a_narrative_and_an_annotation_are_edited_where_the_profile_reads_them() {
    let observation = one(
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"Moor\">Seen: I<b>lse</b> Mo&#111;r &amp; son</p></div>"},"note":[{"text":"Ilse Moor called"}]}"#,
    );
    let all = pieces(observation.as_ref());
    let remarks: Vec<_> = all
        .iter()
        .filter_map(|piece| match piece.meaning {
            Meaning::Remark(label) => Some((label.sub.unwrap(), piece.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(remarks, [("narrative", "\nSeen: Ilse Moor & son\n"), ("annotation", "Ilse Moor called")]);
    let mut edits = Edits::none();
    for (number, piece) in all.iter().enumerate() {
        let at = piece.text.find("Ilse Moor").map(|at| Span::new(at, at + 9));
        let edit = match piece.meaning {
            Meaning::Remark(_) => Some((at.unwrap(), "[NAME]", false)),
            Meaning::Identifier(label) if label.sub == Some("narrative-unseen") => {
                assert_eq!(piece.text, "class=\"Moor\"");
                Some((Span::new(0, piece.text.len()), "", true))
            }
            _ => None,
        };
        if let Some((span, with, whole)) = edit {
            edits.push(number, Edit { span, with: with.to_owned().into(), whole }).unwrap();
        }
    }
    let mut out = Vec::new();
    let reading = observation.read(&Limits::default(), &mut Findings::new()).unwrap();
    reading.write(&edits, &mut out).unwrap();
    let written = String::from_utf8(out).unwrap();
    assert!(written.contains(r#"xhtml\"><p>Seen: [NAME]<b></b> &amp; son</p></div>"#), "{written}");
    assert!(written.contains(r#""note":[{"text":"[NAME] called"}]"#), "{written}");
    assert!(!edited(observation.as_ref(), |_, piece| safe_harbor(piece)).unwrap().contains("Moor"));
    // One with a fault is never read, nor that of a resource that describes somebody: they go whole.
    for (of, inside) in [("Observation", "<script>Moor</script>"), ("Patient", "Moor"), ("Location", "Moor")]
    {
        let whole = one(&format!(
            r#"{{"resourceType":"{of}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>"}}}}"#
        ));
        let pieces = pieces(whole.as_ref());
        let narrative = pieces.iter().find(|piece| piece.at.ends_with("text.div")).unwrap();
        assert!(
            matches!(narrative.meaning, Meaning::Identifier(label) if label.sub == Some("narrative")),
            "{of}"
        );
    }
}

fn base64(text: &str) -> String {
    lazaret_input::base64::encode(text.as_bytes())
}

fn document(of: &str, text: &str) -> Arc<dyn Record> {
    let data = base64(text);
    one(&format!(
        r#"{{"resourceType":"DocumentReference","status":"current","content":[{{"attachment":{{"contentType":"{of}","data":"{data}","size":{},"title":"t"}}}}]}}"#,
        text.len()
    ))
}

#[test]
fn markup_is_looked_at_as_it_reads_and_edited_where_it_stands() {
    for (of, text, what, expected) in [
        ("text/html", "<p>J&uuml;rgen <b>Qui</b>llan</p>", "Quillan", "<p>J&uuml;rgen <b>[X]</b></p>"),
        (
            "text/html; charset=utf-8",
            "<td>MRN</td><td>44&#55;1902</td>",
            "4471902",
            "<td>MRN</td><td>[X]</td>",
        ),
        ("application/xhtml+xml", "<p>218<span>-</span>555</p>", "218-555", "<p>[X]<span></span></p>"),
        ("text/xml", "<a><n>&#81;uillan</n></a>", "Quillan", "<a><n>[X]</n></a>"),
        ("application/xml", "<a n=\"&#x51;uillan\"/>", "Quillan", "<a n=\"[X]\"/>"),
        ("application/json", r#"{"n":"\u0051uillan"}"#, "Quillan", r#"{"n":"[X]"}"#),
        ("text/plain", "<html>&#81;uillan</html>", "Quillan", "<html>[X]</html>"),
        ("text/plain", r#"{"n":"\u0051uil\/lan"}"#, "Quil/lan", r#"{"n":"[X]"}"#),
        ("text/plain", "Seen: Quillan <b>x</b>", "Quillan", "Seen: [X] <b>x</b>"),
    ] {
        let record = document(of, text);
        assert!(held(record.as_ref()).is_empty(), "{text}");
        let all = pieces(record.as_ref());
        let number = all.iter().position(|piece| piece.at.ends_with("attachment.data")).unwrap();
        assert_eq!(all[number].meaning, Meaning::Text);
        let at = all[number].text.find(what).unwrap_or_else(|| panic!("{}", all[number].text));
        let mut edits = Edits::none();
        let edit = Edit { span: Span::new(at, at + what.len()), with: "[X]".to_owned().into(), whole: false };
        edits.push(number, edit).unwrap();
        let mut out = Vec::new();
        let reading = record.read(&Limits::default(), &mut Findings::new()).unwrap();
        reading.write(&edits, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.contains(&format!("\"data\":\"{}\",\"size\":{}", base64(expected), expected.len())),
            "{out}"
        );
    }
}

#[test]
fn an_attachment_that_is_not_what_it_says_is_told() {
    let at = "DocumentReference.content[0].attachment.data".to_owned();
    for (of, text) in [
        ("text/plain", "{\\rtf1\\ansi M\\'fcller}".to_owned()),
        ("text/html", "{\\rtf1\\ansi M\\'fcller}".to_owned()),
        ("text/plain", "%PDF-1.4 1 0 obj".to_owned()),
        ("text/plain", base64(&"Jane Quillan, MRN 88213377. ".repeat(9))),
        ("text/html", format!("<img src='data:image/png;base64,{}'>", base64(&"qZ7\u{e9}k".repeat(40)))),
        ("text/xml", "<!DOCTYPE a [<!ENTITY n 'Quillan'>]><a>&n;</a>".to_owned()),
        ("application/json", "[\"Quillan".to_owned()),
    ] {
        assert_eq!(held(document(of, &text).as_ref()), [("input.uninspectable", at.clone())], "{text}");
    }
}

#[test]
fn base64_that_holds_text_is_looked_at() {
    let extended = |data: &str| {
        one(&format!(
            r#"{{"resourceType":"Patient","extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/e","valueBase64Binary":"{data}"}}]}}"#
        ))
    };
    let hello = extended("aGVsbG8=");
    assert!(held(hello.as_ref()).is_empty());
    assert!(pieces(hello.as_ref()).iter().any(|piece| piece.text == "hello"));
    for other in ["//79", "AAEC", "JVBERi0xLjQK", &base64("{\\rtf1 x}"), &base64("a\u{0}b")] {
        let at = "Patient.extension[0].valueBase64Binary".to_owned();
        assert_eq!(held(extended(other).as_ref()), [("input.uninspectable", at)], "{other}");
    }
    let audit = one(&format!(
        r#"{{"resourceType":"AuditEvent","type":{{"code":"rest"}},"recorded":"2020-01-01T00:00:00Z","agent":[{{"requestor":true}}],"source":{{"observer":{{"display":"x"}}}},"entity":[{{"query":"{}"}}]}}"#,
        base64("name=Quillan&birthdate=1958-03-14")
    ));
    assert!(held(audit.as_ref()).is_empty(), "{:?}", held(audit.as_ref()));
    assert!(pieces(audit.as_ref()).iter().any(|piece| piece.text.contains("Quillan&birthdate")));
}
