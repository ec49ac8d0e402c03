//! Statements in each format: what is read, what is refused, what is written and read again.

use lazaret_core::{Limits, Locator, Severity};
use proptest::prelude::*;

use super::*;
use crate::components::{Component, Declared, Role};
use crate::vulnerabilities::check::{Concern, Match, Said};

fn read(text: &str) -> Result<VexDocument, VexError> {
    VexDocument::read(text.as_bytes(), &Limits::default())
}

fn torch(version: &str) -> Component {
    let declared = Declared::Exact(version.to_owned());
    Component::python("torch", declared, Role::Required, Locator::document(), "test").unwrap()
}

fn is_about(document: &VexDocument, version: &str, digest: Option<&str>) -> Vec<Status> {
    let mut file = || digest.map(str::to_owned);
    let about = document
        .statements
        .iter()
        .filter(|statement| statement.products.iter().any(|product| product.is(&torch(version), &mut file)));
    about.map(|statement| statement.status).collect()
}

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

#[test]
fn openvex_names_packages_files_and_packages_in_files() {
    let document = read(&format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://hospital.example/vex/1","author":"Security Office",
        "timestamp":"2025-05-01T10:00:00+02:00","version":1,"statements":[
        {{"vulnerability":{{"name":"CVE-2025-32434","aliases":["GHSA-53q9-r3pm-6pq6"]}},"products":[{{"@id":"pkg:pypi/torch@2.1.0"}}],
          "status":"not_affected","justification":"vulnerable_code_not_in_execute_path"}},
        {{"vulnerability":{{"name":"CVE-2"}},"products":[{{"hashes":{{"sha-256":"{DIGEST}"}},"subcomponents":[{{"identifiers":{{"purl":"pkg:pypi/Torch"}}}}]}}],
          "status":"affected","action_statement":"upgrade"}},
        {{"vulnerability":{{"name":"CVE-3"}},"products":[{{"@id":"pkg:oci/app@sha256%3Aab","subcomponents":[{{"@id":"pkg:pypi/torch"}}]}}],
          "status":"fixed"}}]}}"#
    ))
    .unwrap();
    assert_eq!((document.author.as_str(), document.left_out), ("Security Office", 1));
    let first = &document.statements[0];
    assert_eq!((first.names.len(), first.at.as_str()), (2, "2025-05-01T08:00:00Z"));
    assert_eq!(first.reason(), Some("vulnerable_code_not_in_execute_path"));
    assert_eq!(is_about(&document, "2.1", Some(DIGEST)), [Status::NotAffected, Status::Affected]);
    assert_eq!(is_about(&document, "2.2.0", Some(DIGEST)), [Status::Affected]);
    assert_eq!(is_about(&document, "2.2.0", None), []);
}

#[test]
fn cyclonedx_and_csaf_say_the_same() {
    let document = read(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:1","metadata":{"timestamp":"2025-05-01T10:00:00Z",
        "authors":[{"name":"Ana"}]},"components":[{"type":"library","bom-ref":"t","name":"torch","purl":"pkg:pypi/torch@2.1.0"}],
        "vulnerabilities":[{"id":"CVE-1","references":[{"id":"GHSA-1","source":{"name":"GitHub"}}],"affects":[{"ref":"t"}],
        "analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"never called"}},
        {"id":"CVE-2","affects":[{"ref":"urn:cdx:1/1#t","versions":[{"version":"2.0.0","status":"affected"}]}],"analysis":{"state":"exploitable"}},
        {"id":"CVE-3","affects":[{"ref":"t","versions":[{"range":"vers:pypi/<2"}]}],"analysis":{"state":"in_triage"}}]}"#,
    )
    .unwrap();
    assert_eq!((document.format, document.left_out, document.statements.len()), ("CycloneDX", 1, 2));
    assert_eq!(is_about(&document, "2.1.0", None), [Status::NotAffected]);
    assert_eq!(is_about(&document, "2.0.0", None), [Status::Affected]);
    assert_eq!(document.statements[0].reason(), Some("vulnerable_code_not_in_execute_path"));
    let document = read(
        r#"{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"name":"Vendor"},
        "tracking":{"id":"V-1","current_release_date":"2025-05-01T10:00:00.000Z"}},
        "product_tree":{"branches":[{"branches":[{"product":{"product_id":"T","product_identification_helper":{"purl":"pkg:pypi/torch@2.1.0"}}}]}]},
        "vulnerabilities":[{"cve":"CVE-2025-32434","product_status":{"known_not_affected":["T","X"]},
        "flags":[{"label":"vulnerable_code_not_present","product_ids":["T"]}]}]}"#,
    )
    .unwrap();
    assert_eq!((document.format, document.left_out, document.author.as_str()), ("CSAF", 1, "Vendor"));
    assert_eq!(is_about(&document, "2.1.0", None), [Status::NotAffected]);
    assert_eq!(document.statements[0].justification.as_deref(), Some("vulnerable_code_not_present"));
}

#[test]
fn what_nobody_says_or_nobody_knows_is_refused() {
    for (text, at) in [
        ("{}", "."),
        (r#"{"@context":"https://openvex.dev/ns","@id":"x","statements":[]}"#, "author"),
        (
            r#"{"@context":"https://openvex.dev/ns","@id":"x","author":"a","timestamp":"2025-01-01T00:00:00Z","statements":[{"status":"fine"}]}"#,
            "statements[0].status",
        ),
        (r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#, "specVersion"),
        (r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#, "metadata.authors"),
        (r#"{"document":{"csaf_version":"2.1"}}"#, "document.csaf_version"),
        (r#"{"a":1,"a":2}"#, "@7"),
    ] {
        assert_eq!(read(text).map_err(|error| error.at), Err(at.to_owned()), "{text}");
    }
}

fn found(fault: &str, concern: Concern, said: Option<Said>) -> Match {
    Match {
        fingerprint: crate::vulnerabilities::fingerprint(fault, "pkg:pypi/torch", Role::Required),
        fault: fault.to_owned(),
        names: [fault, "CVE-2025-32434"].map(str::to_owned).into(),
        purl: "pkg:pypi/torch@2.1.0".to_owned(),
        role: "required",
        concern,
        severity: Severity::Critical,
        score: Some(9.3),
        summary: "a fault".to_owned(),
        fixed: vec!["2.6.0".to_owned()],
        at: Locator::document(),
        said,
        rule: "vulnerability.known",
        message: String::new(),
    }
}

#[test]
fn what_is_written_is_read_again_and_fits_the_schema() {
    let said = Said {
        status: Status::NotAffected,
        reason: Some("vulnerable_code_not_present".to_owned()),
        action: None,
        author: "Ana".to_owned(),
        at: "2025-05-01T10:00:00Z".to_owned(),
        document: "urn:x".to_owned(),
        counts: true,
        owner: None,
        until: None,
    };
    let files = [
        (
            Some(DIGEST.to_owned()),
            vec![found("GHSA-1", Concern::Affected, None), found("GHSA-2", Concern::Possible, None)],
        ),
        (None, vec![found("GHSA-3", Concern::Affected, Some(said))]),
    ];
    let head = VexHead {
        author: "Hospital".to_owned(),
        at: "2025-05-01T10:00:00Z".to_owned(),
        uuid: "3e671687-395b-41f5-a30f-a58921a69b79".to_owned(),
    };
    for format in [VexFormat::OpenVex, VexFormat::CycloneDx] {
        assert_eq!(write_vex(format, &head, &[]), None);
        let written = write_vex(format, &head, &files).unwrap();
        let document = read(&written.to_string()).unwrap();
        assert_eq!(document.left_out, 0);
        let mut statuses: Vec<Status> =
            document.statements.iter().map(|statement| statement.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [Status::NotAffected, Status::UnderInvestigation, Status::Affected]);
        let third = document.statements.iter().find(|statement| statement.names.contains("GHSA-3")).unwrap();
        assert_eq!(third.reason(), Some("vulnerable_code_not_present"));
    }
}

proptest! {
    #[test]
    fn any_document_ends(
        head in "(\"@context\":\"https://openvex.dev/ns\",\"@id\":\"x\",\"author\":\"a\"|\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"|\"document\":\\{\"csaf_version\":\"2.0\"\\})",
        rest in "[\\[\\]{}\":,a-z0-9]{0,80}",
        purl in "(pkg:pypi/)?[a-zA-Z0-9@/%._-]{0,30}",
    ) {
        let _document = read(&format!("{{{head},{rest}}}"));
        let _product = Product::of_purl(&purl);
    }
}
