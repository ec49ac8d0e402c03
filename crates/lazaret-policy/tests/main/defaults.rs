//! The default policies, over all combinations of what they look at.

use std::collections::BTreeSet;

use lazaret_core::{
    Basis, Crossing, FindingSummary, Gate, Kind, Mode, Policy, Purpose, Recipient, Severity, Verdict,
};
use lazaret_policy::{CedarPolicy, DEFAULT_DENY, EXAMPLES, Question};
use proptest::prelude::*;

use super::make::{
    RECIPIENTS, SENSITIVITIES, SEVERITIES, care_critical, crossing, defaults_and, embedded, findings,
    policies, question,
};

/// What ARCHITECTURE says, in Rust.
fn expected(highest: Option<Severity>, phi: bool, sensitive: bool, basis: Basis, to: Recipient) -> Verdict {
    match highest {
        Some(Severity::Critical) => return Verdict::Block,
        Some(Severity::High | Severity::Medium) => return Verdict::Quarantine,
        _ if sensitive => return Verdict::Quarantine,
        _ if !phi => return Verdict::Allow,
        _ => {}
    }
    match (basis, to) {
        (Basis::Identified | Basis::LimitedDataSet, Recipient::Public) => Verdict::Redact,
        (Basis::Identified, _) => Verdict::Allow,
        _ => Verdict::Tokenise,
    }
}

#[test]
fn every_combination_of_severity_labels_basis_sensitivity_and_recipient() {
    let policy = embedded();
    let label_sets: [&[Kind]; 4] = [&[], &[Kind::Name], &[Kind::Date, Kind::Location], &Kind::ALL];
    let mut asked = 0;
    for highest in SEVERITIES {
        for labels in label_sets {
            for basis in Basis::ALL {
                for sensitivity in [None].into_iter().chain(SENSITIVITIES.map(Some)) {
                    for recipient in RECIPIENTS {
                        let mut crossing = crossing();
                        (crossing.basis, crossing.recipient) = (basis, recipient);
                        let findings = findings(highest, labels, sensitivity.as_slice());
                        let decision = policy.decide(&crossing, &findings).unwrap();
                        let wanted =
                            expected(highest, !labels.is_empty(), sensitivity.is_some(), basis, recipient);
                        assert_eq!(decision.verdict, wanted, "{findings:?} {basis} {recipient:?}");
                        assert!(!decision.policies.is_empty());
                        assert!(decision.policies.iter().all(|id| id != DEFAULT_DENY));
                        asked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(asked, 6 * 4 * 4 * 7 * 3);
}

#[test]
fn every_kind_of_identifier_is_edited_unless_the_basis_is_identified() {
    for kind in Kind::ALL {
        let asked = question(&findings(None, &[kind], &[]));
        assert_eq!(decided(embedded(), &asked).0, Verdict::Tokenise, "{}", kind.name());
        let identified = Question { basis: Basis::Identified, ..asked };
        assert_eq!(decided(embedded(), &identified).0, Verdict::Allow, "{}", kind.name());
    }
}

fn decided(policy: &CedarPolicy, question: &Question) -> (Verdict, Vec<String>) {
    let decision = policy.answer(question).unwrap();
    (decision.verdict, decision.policies.to_vec())
}

#[test]
fn a_decision_names_the_policies_that_made_it() {
    let policy = embedded();
    let ask = |findings: &FindingSummary| {
        let (verdict, ids) = decided(policy, &question(findings));
        format!("{verdict}: {}", ids.join(", "))
    };
    assert_eq!(ask(&findings(None, &[], &[])), "allow: nothing-found-crosses");
    assert_eq!(ask(&findings(None, &[Kind::Mrn], &[])), "tokenise: identifiers-are-edited");
    assert_eq!(
        ask(&findings(Some(Severity::High), &[Kind::Mrn], &[])),
        "quarantine: high-and-medium-are-held"
    );
    assert_eq!(ask(&findings(Some(Severity::Critical), &[], &[])), "block: critical-is-blocked");
    assert_eq!(
        ask(&findings(None, &[], &[SENSITIVITIES[0]])),
        "quarantine: sensitive-is-held, what-may-not-cross-is-held"
    );
}

#[test]
fn what_could_not_be_inspected_is_held_at_any_severity_short_of_critical() {
    let policy = embedded();
    for highest in SEVERITIES.into_iter().flatten() {
        let mut findings = findings(Some(highest), &[], &[]);
        findings.rules.insert("input.uninspectable");
        let (verdict, ids) = decided(policy, &question(&findings));
        let wanted = if highest == Severity::Critical { Verdict::Block } else { Verdict::Quarantine };
        assert_eq!(verdict, wanted, "{highest}");
        assert!(ids.contains(&"uninspectable-is-held".to_owned()));
    }
}

#[test]
fn a_care_critical_route_out_of_the_hospital_delivers_whole_or_holds() {
    let policy = embedded();
    for basis in Basis::ALL {
        for highest in SEVERITIES {
            for labels in [&[][..], &[Kind::Name]] {
                for recipient in RECIPIENTS {
                    let mut crossing = Crossing { basis, recipient, ..crossing() };
                    let plain = policy.decide(&crossing, &findings(highest, labels, &[])).unwrap().verdict;
                    crossing.care_critical = care_critical();
                    let critical = policy.decide(&crossing, &findings(highest, labels, &[])).unwrap().verdict;
                    let edits = matches!(plain, Verdict::Tokenise | Verdict::Redact);
                    // Inside, the checkpoint lets what may cross there cross whole.
                    let wanted =
                        if edits && recipient != Recipient::Internal { Verdict::Quarantine } else { plain };
                    assert_eq!(critical, wanted, "{basis} {highest:?} {recipient:?}");
                }
            }
        }
    }
}

#[test]
fn the_examples_do_what_their_comments_say() {
    let example = |name: &str| EXAMPLES.iter().find(|file| file.name.ends_with(name)).unwrap();
    let formula = {
        let mut found = findings(Some(Severity::Low), &[Kind::Name], &[]);
        found.rules = ["csv.formula"].into();
        question(&found)
    };
    let strict = defaults_and(&[("block-formula.cedar", example("block-formula.cedar").text)]);
    assert_eq!(decided(embedded(), &formula).0, Verdict::Tokenise);
    assert_eq!(
        decided(&strict, &formula),
        (Verdict::Quarantine, vec!["block-formula".into(), "what-may-not-cross-is-held".into()])
    );

    let unknown = {
        let mut found = findings(Some(Severity::Low), &[Kind::Name], &[]);
        found.rules = ["record.unknown-subject"].into();
        question(&found)
    };
    let careful = defaults_and(&[("unknown.cedar", example("hold-unknown-subject.cedar").text)]);
    assert_eq!(decided(embedded(), &unknown).0, Verdict::Tokenise);
    assert_eq!(
        decided(&careful, &unknown),
        (Verdict::Quarantine, vec!["hold-unknown-subject".into(), "what-may-not-cross-is-held".into()])
    );

    let nameless = {
        let mut found = findings(Some(Severity::Info), &[], &[]);
        found.rules = ["phi.clinical-text"].into();
        found
    };
    let discreet = defaults_and(&[("clinical.cedar", example("hold-clinical-text.cedar").text)]);
    for (recipient, wanted) in
        [(Recipient::Internal, Verdict::Allow), (Recipient::Public, Verdict::Quarantine)]
    {
        let crossing = Crossing { recipient, ..crossing() };
        assert_eq!(discreet.decide(&crossing, &nameless).unwrap().verdict, wanted, "{recipient:?}");
        assert_eq!(embedded().decide(&crossing, &nameless).unwrap().verdict, Verdict::Allow);
    }

    let repairing = defaults_and(&[("repair.cedar", example("repair-narrative.cedar").text)]);
    let narrative = |rules: &[&'static str]| {
        let mut found = findings(Some(Severity::High), &[Kind::Name], &[]);
        found.rules = rules.iter().copied().collect();
        question(&found)
    };
    let both = ["fhir.narrative-element", "fhir.narrative-malformed"];
    assert_eq!(decided(&repairing, &narrative(&both)), (Verdict::Tokenise, vec!["repair-narrative".into()]));
    assert_eq!(decided(&repairing, &narrative(&[both[0], "fhir.type"])).0, Verdict::Quarantine);
    assert_eq!(decided(&repairing, &narrative(&["fhir.type"])).0, Verdict::Quarantine);
    let mut identified = narrative(&both);
    identified.basis = lazaret_core::Basis::Identified;
    assert_eq!(decided(&repairing, &identified).0, Verdict::Quarantine, "there the narrative would stay");

    let clause = "unless { context.route == \"hiv-registry\" && [Sensitivity::\"hiv\"].containsAll(context.sensitivity) }";
    let route = example("sensitive-route.cedar").text;
    assert!(route.contains(clause), "the comment shows the clause that is tested here");
    let held = "when { !context.sensitivity.isEmpty() }";
    let texts: Vec<_> = lazaret_policy::DEFAULTS
        .iter()
        .map(|file| file.text.replace(&format!("{held};"), &format!("{held}\n{clause};")))
        .chain([route.to_owned()])
        .map(|text| lazaret_policy::PolicyText { name: format!("{}.cedar", text.len()), text })
        .collect();
    let registry = CedarPolicy::from_texts(&texts).unwrap();
    let mut asked =
        question(&findings(Some(Severity::Medium), &[Kind::Name], &[lazaret_core::Sensitivity::Hiv]));
    asked.rules = ["record.sensitive".to_owned()].into();
    assert_eq!(decided(&registry, &asked).0, Verdict::Quarantine);
    asked.route = "hiv-registry".into();
    assert_eq!(decided(&registry, &asked), (Verdict::Tokenise, vec!["hiv-registry".into()]));
    asked.sensitivity.insert(lazaret_core::Sensitivity::Part2);
    assert_eq!(decided(&registry, &asked).0, Verdict::Quarantine);
}

#[test]
fn whatever_no_policy_permits_is_blocked_by_default() {
    let nothing =
        policies("@id(\"allow-models\") permit(principal, action, resource == Gate::\"models\");").unwrap();
    let asked = question(&findings(None, &[], &[]));
    assert_eq!(decided(&nothing, &asked), (Verdict::Block, vec![DEFAULT_DENY.into()]));
    let models = Question { gate: Gate::Models, ..asked };
    assert_eq!(decided(&nothing, &models), (Verdict::Allow, vec!["allow-models".into()]));
}

#[test]
fn policies_may_look_at_everything_the_schema_offers() {
    let policy = policies(
        r#"
        @id("all")
        permit(principal, action == Action::"Redact", resource == Gate::"ingest")
        when {
            principal == Actor::"etl" && principal.role == "pipeline" &&
            context.destination == Destination::"lake" && context.recipient == Recipient::"internal" &&
            context.route == "nightly" && context.purpose == Purpose::"research" && context.protocol == "P-7" &&
            context.basis == Basis::"expert" && context.mode == Mode::"observe" && !context.careCritical &&
            context.recordKind == "Patient" && context.highest == 2 && context.rules == ["fhir.type"] &&
            context.labels.containsAny([Label::"HEALTH_PLAN"]) && context.sensitivity == [Sensitivity::"minor"]
        };"#,
    )
    .unwrap();
    let asked = Question {
        purpose: Purpose::Research { protocol: "P-7".into() },
        basis: Basis::Expert,
        mode: Mode::Observe,
        ..question(&findings(
            Some(Severity::Low),
            &[Kind::HealthPlan, Kind::Name],
            &[lazaret_core::Sensitivity::Minor],
        ))
    };
    assert_eq!(decided(&policy, &asked).0, Verdict::Redact);
    assert_eq!(decided(&policy, &Question { basis: Basis::SafeHarbor, ..asked.clone() }).0, Verdict::Block);
    assert_eq!(decided(&policy, &Question { highest: Some(Severity::Info), ..asked }).0, Verdict::Block);
}

#[test]
fn every_word_of_core_is_in_the_schema() {
    let policy = embedded();
    let plain = question(&findings(None, &[], &[]));
    let gates = [Gate::Ingest, Gate::Models, Gate::Traffic, Gate::Release, Gate::Posture];
    let purposes = ["treatment", "payment", "operations", "research:P-7", "public-health"];
    for gate in gates {
        policy.answer(&Question { gate, ..plain.clone() }).unwrap();
    }
    for purpose in purposes.map(|word| Purpose::parse(word).unwrap()) {
        policy.answer(&Question { purpose, ..plain.clone() }).unwrap();
    }
    for mode in [Mode::Observe, Mode::Enforce] {
        policy.answer(&Question { mode, ..plain.clone() }).unwrap();
    }
    // Labels, sensitivities, bases, recipients and severities are all asked in the table test above.
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_severe_is_never_less_intrusive(
        labels in proptest::sample::subsequence(Kind::ALL.to_vec(), 0..=20),
        sensitivity in proptest::sample::subsequence(SENSITIVITIES.to_vec(), 0..=6),
        basis in proptest::sample::select(Basis::ALL.to_vec()),
        recipient in proptest::sample::select(RECIPIENTS.to_vec()),
        rules in proptest::collection::btree_set(
            proptest::sample::select(vec!["input.uninspectable", "csv.formula", "fhir.type", "record.sensitive"]),
            0..4,
        ),
        gate in proptest::sample::select(vec![Gate::Ingest, Gate::Models, Gate::Traffic]),
        care in any::<bool>(),
    ) {
        let policy = embedded();
        let mut crossing = crossing();
        (crossing.basis, crossing.recipient, crossing.gate) = (basis, recipient, gate);
        crossing.care_critical = care_critical().filter(|_| care);
        let mut before = Verdict::Allow;
        for highest in SEVERITIES {
            let summary = FindingSummary { rules: rules.clone(), ..findings(highest, &labels, &sensitivity) };
            let verdict = policy.decide(&crossing, &summary).unwrap().verdict;
            prop_assert!(verdict >= before, "{verdict} after {before}");
            before = verdict;
        }
        prop_assert_eq!(before, Verdict::Block);
    }

    #[test]
    fn to_the_public_nothing_identified_ever_crosses(
        labels in proptest::sample::subsequence(Kind::ALL.to_vec(), 1..=20),
        basis in proptest::sample::select(Basis::ALL.to_vec()),
        highest in proptest::sample::select(SEVERITIES.to_vec()),
    ) {
        let asked = Question { basis, recipient: Recipient::Public, ..question(&findings(highest, &labels, &[])) };
        let verdict = embedded().answer(&asked).unwrap().verdict;
        prop_assert_ne!(verdict, Verdict::Allow);
        let still_phi = matches!(basis, Basis::Identified | Basis::LimitedDataSet);
        prop_assert!(!(still_phi && verdict == Verdict::Tokenise));
    }
}

#[test]
fn the_default_ids_are_those_that_pages_and_cases_name() {
    let policy = embedded();
    let ids: BTreeSet<_> = policy.notes().iter().map(|note| note.id.as_str()).collect();
    let wanted = [
        "care-critical-is-never-edited",
        "critical-is-blocked",
        "high-and-medium-are-held",
        "identified-data-crosses",
        "identifiers-are-edited",
        "identifiers-are-redacted",
        "nothing-found-crosses",
        "public-never-gets-identifiers",
        "public-never-gets-phi",
        "sensitive-is-held",
        "uninspectable-is-held",
        "what-may-not-cross-is-held",
    ];
    assert_eq!(ids, wanted.into());
    assert!(policy.notes().iter().all(|note| note.why.ends_with('.')), "every default says why");
}
