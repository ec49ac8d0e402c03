//! Components against records and statements in memory.

use std::collections::BTreeSet;

use lazaret_core::Limits;

use super::super::{MAX_NAMES, Named, Product, Record, join};
use super::*;
use crate::components::exact;

/// Records, joined, and statements: a database in memory.
#[derive(Default)]
struct Memory {
    records: Vec<Record>,
    statements: Vec<Statement>,
}

impl Advisories for Memory {
    fn of_package(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, AdvisoriesError> {
        let named = |record: &Record| Named {
            id: record.id.clone(),
            published: record.published.clone(),
            aliases: record.aliases.clone(),
        };
        let named: Vec<Named> = self.records.iter().map(named).collect();
        let joined = join(&named, &BTreeMap::new(), MAX_NAMES);
        let about = self.records.iter().filter(|record| {
            record.withdrawn.is_none()
                && record.affected.iter().any(|one| one.ecosystem == ecosystem && one.name == name)
        });
        let advisory = |record: &Record| {
            let joined = joined.iter().find(|joined| joined.names.contains(&record.id)).unwrap();
            Advisory { record: record.clone(), fault: joined.fault.clone(), names: joined.names.clone() }
        };
        Ok(about.map(advisory).collect())
    }

    fn statements(&self, names: &BTreeSet<String>) -> Result<Vec<Statement>, AdvisoriesError> {
        let about = |statement: &&Statement| statement.names.intersection(names).next().is_some();
        Ok(self.statements.iter().filter(about).cloned().collect())
    }
}

fn record(id: &str, published: &str, aliases: &str, name: &str, fixed: &str) -> Record {
    let text = format!(
        r#"{{"id":"{id}","published":"{published}T00:00:00Z","modified":"2025-06-01T00:00:00Z","aliases":[{aliases}],
        "summary":"a fault","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
        "affected":[{{"package":{{"ecosystem":"PyPI","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM",
        "events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    );
    Record::read(text.as_bytes(), &Limits::default()).unwrap()
}

fn memory() -> Memory {
    let records = vec![
        record("PYSEC-2025-41", "2025-04-30", "\"CVE-2025-32434\"", "Torch", "2.6.0"),
        record("GHSA-53q9-r3pm-6pq6", "2025-04-18", "\"CVE-2025-32434\"", "torch", "2.6.0"),
    ];
    Memory { records, statements: Vec::new() }
}

fn component(declared: Declared, role: Role) -> Component {
    Component::python("torch", declared, role, Locator::document(), "test").unwrap()
}

fn checked(memory: &Memory, component: Component) -> Checked {
    let now = Timestamp::from_millis(1_764_080_413_007); // 2025-11-25
    check(&[component.clone(), component], memory, now, &mut || None, MAX_MATCHES).unwrap()
}

fn ids(checked: &Checked) -> Vec<(&'static str, Severity)> {
    checked.findings.iter().map(|finding| (finding.id, finding.severity)).collect()
}

#[test]
fn two_records_of_one_fault_are_one_finding() {
    let found = checked(&memory(), component(exact("2.1.0"), Role::Required));
    assert_eq!(ids(&found), [("vulnerability.known", Severity::Critical)]);
    let message = &found.findings[0].message;
    for part in ["torch 2.1.0", "GHSA-53q9-r3pm-6pq6", "CVE-2025-32434", "PYSEC-2025-41", "2.6.0", "CVSS 9.8"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(found.matches[0].fingerprint, fingerprint_of("GHSA-53q9-r3pm-6pq6"));
    // Before the second record came, and the number, the ticket was the same.
    let first = Memory {
        records: vec![record("GHSA-53q9-r3pm-6pq6", "2025-04-18", "", "torch", "2.6.0")],
        ..Memory::default()
    };
    let before = checked(&first, component(exact("2.1.0"), Role::Required));
    assert_eq!(before.matches[0].fingerprint, found.matches[0].fingerprint);
    assert!(ids(&checked(&memory(), component(exact("2.6.0"), Role::Required))).is_empty());
}

fn fingerprint_of(fault: &str) -> String {
    super::super::fingerprint(fault, "pkg:pypi/torch", Role::Required)
}

#[test]
fn what_may_be_so_is_told_once_a_component() {
    let range = |text: &str| Declared::Range(text.to_owned());
    for (declared, role, expected) in [
        (range(">=2.0"), Role::Required, ("vulnerability.possible", Severity::Low)),
        (range("~=2.1.0"), Role::Required, ("vulnerability.known", Severity::Critical)),
        (exact("2.1.0"), Role::WrittenBy, ("vulnerability.writer", Severity::Info)),
        (Declared::Unknown, Role::CodeOf, ("vulnerability.unpinned", Severity::Info)),
        (exact("2.1.0.x"), Role::Required, ("vulnerability.unpinned", Severity::Low)),
    ] {
        assert_eq!(ids(&checked(&memory(), component(declared.clone(), role))), [expected], "{declared:?}");
    }
    assert!(ids(&checked(&memory(), component(range(">=2.6"), Role::Required))).is_empty());
}

fn statement(status: Status, at: &str, reason: Option<&str>, until: Option<&str>) -> Statement {
    Statement {
        names: ["CVE-2025-32434".to_owned()].into(),
        products: vec![Product { file: None, package: Some("pkg:pypi/torch".to_owned()), version: None }],
        status,
        justification: reason.map(str::to_owned),
        impact: None,
        action: None,
        author: "Ana".to_owned(),
        at: at.to_owned(),
        document: "urn:x".to_owned(),
        owner: Some("ward 7".to_owned()),
        until: until.map(str::to_owned),
    }
}

#[test]
fn a_statement_tells_and_never_drops() {
    let severity = |statements: Vec<Statement>| {
        let found = checked(&Memory { statements, ..memory() }, component(exact("2.1.0"), Role::Required));
        assert_eq!(found.findings.len(), 1);
        (found.findings[0].severity, found.findings[0].message.clone())
    };
    let (day, later) = ("2025-05-01T00:00:00Z", "2025-05-02T00:00:00Z");
    let reason = Some("vulnerable_code_not_present");
    let (is, message) =
        severity(vec![statement(Status::NotAffected, day, reason, Some("2026-01-01T00:00:00Z"))]);
    assert_eq!(is, Severity::Info);
    for part in
        ["not affected by Ana (urn:x)", "vulnerable_code_not_present", "until 2026-01-01", "owner ward 7"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    // Without a reason, after its end, or where a later one says otherwise, the finding stands.
    for statements in [
        vec![statement(Status::NotAffected, day, None, None)],
        vec![statement(Status::NotAffected, day, reason, Some("2025-06-01T00:00:00Z"))],
        vec![
            statement(Status::NotAffected, day, reason, None),
            statement(Status::Affected, later, None, None),
        ],
        vec![
            statement(Status::NotAffected, day, reason, None),
            statement(Status::UnderInvestigation, day, None, None),
        ],
    ] {
        assert_eq!(severity(statements).0, Severity::Critical);
    }
    // One that has ended gives way to one that has not.
    let ended = statement(Status::Affected, later, None, Some("2025-06-01T00:00:00Z"));
    assert_eq!(severity(vec![statement(Status::Fixed, day, None, None), ended]).0, Severity::Info);
}

#[test]
fn reaching_the_limit_is_said() {
    let found = check(
        &[component(exact("2.1.0"), Role::Required)],
        &memory(),
        Timestamp::default(),
        &mut || None,
        MAX_MATCHES.with(0),
    )
    .unwrap();
    assert!(found.findings.iter().any(|finding| finding.message.contains("vulns.max_matches")));
}
