//! Explanations and dry runs.

use lazaret_core::{Basis, Kind, Recipient, Severity, Verdict};
use lazaret_policy::{EXAMPLES, Outcome, Question, dry_run};

use super::make::{SENSITIVITIES, defaults_and, embedded, findings, policies, question};

#[test]
fn an_explanation_says_who_permitted_and_forbade_what_and_why() {
    let asked = question(&findings(None, &[Kind::Name], &[SENSITIVITIES[0]]));
    let explained = embedded().explain(&asked).unwrap();
    assert_eq!(
        explained.to_string(),
        "quarantine: sensitive-is-held, what-may-not-cross-is-held
  allow: forbidden
    because of sensitive-is-held (30-sensitivity.cedar:8): The record claims special protection (42 CFR Part 2, psychotherapy, HIV, genetic, minor, restricted): it is kept back.
  tokenise: forbidden
    because of sensitive-is-held (30-sensitivity.cedar:8): The record claims special protection (42 CFR Part 2, psychotherapy, HIV, genetic, minor, restricted): it is kept back.
  redact: forbidden
    because of sensitive-is-held (30-sensitivity.cedar:8): The record claims special protection (42 CFR Part 2, psychotherapy, HIV, genetic, minor, restricted): it is kept back.
  quarantine: permitted
    by what-may-not-cross-is-held (10-severity.cedar:26): No finding of medium or above, yet another policy forbids that the record crosses: it is kept back.
"
    );
}

#[test]
fn a_block_is_explained_as_what_remains() {
    let asked = question(&findings(Some(Severity::Critical), &[], &[]));
    let explained = embedded().explain(&asked).unwrap().to_string();
    assert!(explained.starts_with("block: critical-is-blocked\n"), "{explained}");
    assert!(explained.ends_with("  block: what remains when nothing else is permitted\n"), "{explained}");
    let nothing = policies("@id(\"x\") permit(principal == Actor::\"y\", action, resource);").unwrap();
    let explained = nothing.explain(&asked).unwrap().to_string();
    assert!(explained.contains("  quarantine: no policy permits it (default-deny)\n"), "{explained}");
}

#[test]
fn an_explanation_agrees_with_the_decision_and_is_written_as_json() {
    let policy = embedded();
    let asked = question(&findings(Some(Severity::Low), &[Kind::Mrn], &[]));
    let explained = policy.explain(&asked).unwrap();
    assert_eq!(explained.verdict, policy.answer(&asked).unwrap().verdict);
    assert_eq!(explained.answers.iter().find(|answer| answer.permitted).unwrap().verdict, explained.verdict);
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["verdict"], "tokenise");
    assert_eq!(json["question"]["labels"][0], "MRN");
    assert_eq!(json["answers"][1]["policies"][0]["id"], "identifiers-are-edited");
    assert_eq!(json["answers"][1]["policies"][0]["effect"], "permit");
}

#[test]
fn a_dry_run_shows_what_would_change_and_in_which_direction() {
    let old = embedded();
    let formula = EXAMPLES.iter().find(|file| file.name.ends_with("block-formula.cedar")).unwrap();
    let new = defaults_and(&[("50.cedar", formula.text)]);
    let plain = question(&findings(None, &[], &[]));
    let mut row = question(&findings(Some(Severity::Low), &[Kind::Name], &[]));
    row.rules = ["csv.formula".to_owned()].into();
    let asked = [plain.clone(), row.clone(), row.clone(), plain.clone()];

    let run = dry_run(old, &new, asked.clone());
    assert_eq!((run.records, run.changed, run.tightened, run.loosened), (4, 2, 2, 0));
    assert_eq!(run.differences.len(), 1);
    let difference = &run.differences[0];
    assert_eq!((difference.records, difference.first, &difference.question), (2, 1, &row));
    assert_eq!(difference.old.verdict(), Some(Verdict::Tokenise));
    assert_eq!(difference.new.verdict(), Some(Verdict::Quarantine));

    let back = dry_run(&new, old, asked);
    assert_eq!((back.changed, back.tightened, back.loosened), (2, 0, 2));
    assert!(dry_run(old, embedded(), [plain, row]).differences.is_empty());
}

#[test]
fn a_dry_run_tells_of_policies_that_fail() {
    let failing = policies(
        "@id(\"adds\") permit(principal, action, resource) when { context.highest + 9223372036854775807 > 0 };",
    )
    .unwrap();
    let asked = Question {
        basis: Basis::Identified,
        recipient: Recipient::Internal,
        ..question(&findings(Some(Severity::Info), &[Kind::Name], &[]))
    };
    let run = dry_run(embedded(), &failing, [asked]);
    assert_eq!((run.changed, run.tightened), (1, 1));
    assert!(matches!(&run.differences[0].new, Outcome::Failed { reason } if reason.contains("adds")));
}
