//! The cache changes nothing but the time.

use std::collections::BTreeSet;

use lazaret_core::{
    Actor, Basis, Crossing, FindingSummary, Gate, Kind, Mode, Policy, Purpose, Recipient, Severity,
};
use lazaret_policy::{MAX_CACHED, Question};
use proptest::prelude::*;

use super::make::{
    RECIPIENTS, SENSITIVITIES, SEVERITIES, care_critical, crossing, embedded, findings, policies,
};

/// Policies in which every fact a policy may look at changes the answer.
const LOOKING_AT_ALL: &str = r#"
@id("a") permit(principal, action == Action::"Allow", resource == Gate::"ingest")
when { principal.role == "pipeline" && context.labels.isEmpty() };
@id("b") permit(principal == Actor::"etl", action == Action::"Tokenise", resource)
when { context.route == "nightly" || context.destination == Destination::"lake" };
@id("c") permit(principal, action == Action::"Redact", resource)
when { context.basis == Basis::"expert" || context.purpose == Purpose::"research" && context.protocol == "P-1" };
@id("d") permit(principal, action == Action::"Quarantine", resource)
when { context.recipient == Recipient::"internal" || context.mode == Mode::"observe" };
@id("e") forbid(principal, action == Action::"Allow", resource)
when { context.careCritical || context.rules.contains("csv.formula") };
@id("f") forbid(principal, action == Action::"Tokenise", resource)
when { context.highest > 3 || context.recordKind == "note" || !context.sensitivity.isEmpty() };
"#;

fn any_crossing() -> impl Strategy<Value = Crossing> {
    let pick = |words: [&'static str; 2]| proptest::sample::select(words.to_vec());
    (
        (
            pick(["etl", "nurse"]),
            pick(["pipeline", "clinician"]),
            pick(["lake", "vendor"]),
            pick(["nightly", "x"]),
        ),
        proptest::sample::select(vec![Gate::Ingest, Gate::Traffic]),
        proptest::sample::select(RECIPIENTS.to_vec()),
        proptest::sample::select(vec!["operations", "research:P-1", "research:P-2"]),
        proptest::sample::select(Basis::ALL.to_vec()),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|((id, role, to, route), gate, recipient, purpose, basis, observe, care)| Crossing {
            actor: Actor { id: id.into(), role: role.into() },
            to: to.into(),
            route: route.into(),
            gate,
            recipient,
            purpose: Purpose::parse(purpose).unwrap(),
            basis,
            mode: if observe { Mode::Observe } else { Mode::Enforce },
            care_critical: care_critical().filter(|_| care),
            ..crossing()
        })
}

fn any_findings() -> impl Strategy<Value = FindingSummary> {
    (
        proptest::sample::subsequence(vec!["csv.formula", "csv.quote", "fhir.type"], 0..=3),
        proptest::sample::select(SEVERITIES.to_vec()),
        proptest::sample::subsequence(vec![Kind::Name, Kind::Mrn], 0..=2),
        proptest::sample::subsequence(SENSITIVITIES.to_vec(), 0..=1),
        proptest::sample::select(vec!["Patient", "note"]),
    )
        .prop_map(|(rules, highest, labels, sensitivity, kind)| FindingSummary {
            rules: rules.into_iter().collect::<BTreeSet<_>>(),
            record_kind: kind.into(),
            ..findings(highest, &labels, &sensitivity)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cached_answer_is_the_uncached_one(
        asked in proptest::collection::vec((any_crossing(), any_findings()), 1..40)
    ) {
        let policy = policies(LOOKING_AT_ALL).unwrap();
        for _ in 0..2 {
            for (crossing, findings) in &asked {
                let fresh = policy.answer(&Question::from((crossing, findings))).unwrap();
                prop_assert_eq!(policy.decide(crossing, findings).unwrap(), fresh);
            }
        }
    }
}

#[test]
fn more_questions_than_fit_are_all_answered_rightly() {
    let policy = policies(
        "@id(\"even\") permit(principal, action == Action::\"Allow\", resource) when { context.route like \"*0\" };",
    )
    .unwrap();
    let summary = findings(Some(Severity::Low), &[], &[]);
    let mut crossing = Crossing { recipient: Recipient::Internal, ..crossing() };
    for number in 0..MAX_CACHED.most() + 512 {
        crossing.route = number.to_string();
        let decision = policy.decide(&crossing, &summary).unwrap();
        assert_eq!(decision.verdict.holds(), number % 10 != 0);
    }
}

#[test]
fn many_threads_get_the_same_answers() {
    let policy = embedded();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..200 {
                    let highest = SEVERITIES[(round + thread) % 6];
                    let asked = findings(highest, &[Kind::Name], &[]);
                    let fresh = policy.answer(&super::make::question(&asked)).unwrap();
                    assert_eq!(policy.decide(&crossing(), &asked).unwrap(), fresh);
                }
            });
        }
    });
}
