//! Policies that are wrong are refused with file, line, cause and the way out; those that fail when asked stop
//! everything.

use std::fs;

use lazaret_core::{Kind, Limits, Policy, Severity, Verdict};
use lazaret_policy::{CedarPolicy, DEFAULTS, MAX_POLICY_BYTES};
use proptest::prelude::*;

use super::make::{crossing, findings, policies, question};

/// All that is wrong with a text, one a line.
fn wrong(text: &str) -> Vec<String> {
    let refused = policies(text).expect_err("refused");
    refused.diagnostics.iter().map(ToString::to_string).collect()
}

/// Asserts that exactly one error is told, at a place, with all the words.
fn assert_wrong(text: &str, place: &str, words: &[&str]) {
    let wrong = wrong(text);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert!(wrong[0].starts_with(&format!("p.cedar:{place}: error: ")), "{}", wrong[0]);
    for word in words {
        assert!(wrong[0].contains(word), "{word} not in {}", wrong[0]);
    }
}

const GOOD: &str = "@id(\"good\")\npermit(principal, action, resource);\n";

#[test]
fn text_that_is_no_policy_names_its_line() {
    assert_wrong(
        &format!("{GOOD}@id(\"x\")\npermit(principal, action, resource) wen {{ true }};\n"),
        "4:37",
        &["wen"],
    );
    assert_wrong("@id(\"x\")\npermit(principal, action, resource)", "2:36", &[]);
}

#[test]
fn a_name_outside_the_schema_names_its_line_and_the_nearest_name() {
    let with = |condition: &str| {
        format!("{GOOD}@id(\"x\")\npermit(principal, action, resource)\nwhen {{\n {condition} }};\n")
    };
    assert_wrong(&with("context.higest > 2"), "6:2", &["higest", "did you mean `highest`"]);
    assert_wrong(&with("principal.rol == \"x\""), "6:2", &["rol", "did you mean `role`"]);
    assert_wrong(&with("context.basis == Basis::\"identifed\""), "6:19", &["identifed"]);
    assert_wrong(&with("context.highest > \"high\""), "6:20", &["String"]);
    assert_wrong(&with("context.basis == \"identified\""), "6:2", &["String"]);
    let action = "@id(\"x\") permit(principal, action == Action::\"Tokenize\", resource);";
    assert_wrong(action, "1:38", &["Tokenize", "did you mean `Action::\"Tokenise\"`"]);
    let gate = "@id(\"x\") permit(principal, action, resource == Gat::\"ingest\");";
    assert!(wrong(gate).iter().any(|wrong| wrong.contains("Gat") && wrong.contains("did you mean `Gate`")));
    let gate = "@id(\"x\") permit(principal, action, resource == Gate::\"ingress\");";
    assert!(wrong(gate).iter().any(|wrong| wrong.starts_with("p.cedar:1:") && wrong.contains("ingress")));
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    assert_wrong(
        "@id(\"x\")\nforbid(principal, action, resource) when { context.highest > 1 && false };",
        "1:1",
        &["`x`"],
    );
}

#[test]
fn ids_are_asked_for_unique_and_fit() {
    assert_wrong("\npermit(principal, action, resource);", "2:1", &["no `@id`", "write `@id"]);
    assert_wrong("@idd(\"x\")\npermit(principal, action, resource);", "1:1", &["did you mean `@id`"]);
    assert_wrong("@id(\"A b\")\npermit(principal, action, resource);", "1:1", &["lower-case"]);
    assert_wrong("@id(\"default-deny\")\npermit(principal, action, resource);", "1:1", &["kept for"]);
    assert_wrong(&format!("{GOOD}\n{GOOD}"), "4:1", &["two policies have the id `good`", "p.cedar:1"]);
    assert_wrong("@id(\"care-critical\")\npermit(principal, action, resource);", "1:1", &["kept for"]);
    let long = "x".repeat(65);
    assert_wrong(&format!("@id(\"{long}\")\npermit(principal, action, resource);"), "1:1", &["64"]);
}

#[test]
fn templates_and_empty_sets_are_refused() {
    assert_wrong(
        &format!("{GOOD}@id(\"t\")\npermit(principal == ?principal, action, resource);"),
        "3:1",
        &["template"],
    );
    let none = wrong("// nothing\n");
    assert!(none[0].contains("no policy is switched on") && none[0].contains("lazaret init"), "{none:?}");
}

#[test]
fn all_errors_are_told_not_only_the_first() {
    let two = "permit(principal, action, resource);\n@id(\"x\")\npermit(principal, action, resource) when { context.nix };\n";
    let wrong = wrong(two);
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
    assert!(wrong[0].starts_with("p.cedar:1:1") && wrong[1].starts_with("p.cedar:3:44"), "{wrong:#?}");
}

#[test]
fn a_policy_that_fails_when_asked_stops_everything_even_if_another_permits() {
    let overflowing = "@id(\"adds\")\nforbid(principal, action == Action::\"Redact\", resource)\n\
        when { context.highest + 9223372036854775807 > 0 };\n";
    let policy = policies(&format!("{GOOD}{overflowing}")).unwrap();
    // Allow is permitted before the failing policy is ever asked.
    assert_eq!(
        policy.answer(&question(&findings(Some(Severity::Low), &[], &[]))).unwrap().verdict,
        Verdict::Allow
    );
    let always = overflowing.replace("action == Action::\"Redact\"", "action");
    let policy = policies(&format!("{GOOD}{always}")).unwrap();
    let asked = findings(Some(Severity::Low), &[Kind::Name], &[]);
    for _ in 0..2 {
        let error = policy.decide(&crossing(), &asked).unwrap_err();
        assert!(error.to_string().starts_with("the policy could not decide: "), "{error}");
        assert!(error.reason.contains("`adds`"), "{error}");
    }
    assert!(policy.explain(&question(&asked)).is_err());
    // Where it does not overflow it forbids nothing: 0 + the most is not above the most.
    let none = policies(&format!("{GOOD}{}", always.replace("> 0", "< 0"))).unwrap();
    assert_eq!(none.decide(&crossing(), &findings(None, &[], &[])).unwrap().verdict, Verdict::Allow);
}

#[test]
fn a_folder_is_loaded_sorted_and_without_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        CedarPolicy::load(&folder.path().join("none"), &Limits::default())
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    let empty = CedarPolicy::load(folder.path(), &Limits::default()).unwrap_err().to_string();
    assert!(empty.contains("no policy file (*.cedar)") && empty.contains("lazaret init"), "{empty}");

    for file in DEFAULTS {
        fs::write(folder.path().join(file.name), file.text).unwrap();
    }
    fs::create_dir(folder.path().join("examples.cedar")).unwrap();
    fs::write(folder.path().join("README.txt"), "not a policy").unwrap();
    let (loaded, embedded) =
        (CedarPolicy::load(folder.path(), &Limits::default()).unwrap(), CedarPolicy::embedded().unwrap());
    assert_eq!(loaded.version(), embedded.version(), "copied out, the defaults are the same policy");
    assert!(loaded.version().starts_with("sha256:") && loaded.version().len() == 71);
    let ids = |policy: &CedarPolicy| policy.notes().iter().map(|note| note.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&loaded), ids(&embedded));

    fs::write(folder.path().join("50-own.cedar"), GOOD).unwrap();
    assert_ne!(CedarPolicy::load(folder.path(), &Limits::default()).unwrap().version(), embedded.version());
    fs::write(folder.path().join("60-twice.cedar"), format!("\n\n{GOOD}")).unwrap();
    let twice = CedarPolicy::load(folder.path(), &Limits::default()).unwrap_err();
    assert_eq!(twice.diagnostics.len(), 1);
    assert!(twice.diagnostics[0].file.ends_with("60-twice.cedar") && twice.diagnostics[0].line == Some(3));
}

#[test]
fn a_file_that_is_no_text_or_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.cedar"), b"// \xff\n").unwrap();
    fs::write(
        folder.path().join("b.cedar"),
        vec![b' '; usize::try_from(MAX_POLICY_BYTES.most()).unwrap() + 1],
    )
    .unwrap();
    let refused = CedarPolicy::load(folder.path(), &Limits::default()).unwrap_err();
    assert_eq!(refused.diagnostics.len(), 2);
    assert!(refused.diagnostics[0].cause.contains("not UTF-8 text: byte 3"));
    assert!(refused.diagnostics[1].cause.contains("policy.max_file_bytes"));
}

#[test]
fn an_expression_nested_without_end_is_an_error_not_a_crash() {
    for (open, close) in
        [("(", ")"), ("!", ""), ("[", "]"), ("{a:", "}"), ("if true then ", " else false"), ("true && ", "")]
    {
        let text = format!(
            "{GOOD}@id(\"x\") permit(principal, action, resource) when {{ {}true{} }};",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        let wrong = wrong(&text);
        assert!(wrong.len() == 1 && wrong[0].starts_with("p.cedar:3:"), "{wrong:?}");
        assert!(
            wrong[0].contains("policy.max_depth") || wrong[0].contains("policy.max_operators"),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_policy_just_within_the_limits_is_parsed_checked_and_asked() {
    let conditions = [
        format!("{}context.highest < 5{}", "(".repeat(29), ")".repeat(29)),
        vec!["context.highest < 5"; 60].join(" && "),
        vec!["context.highest < 5"; 60].join(" || "),
        format!("{}context.highest < 5", "if context.careCritical then false else ".repeat(120)),
        format!("0 <= context.highest{}", " + context.highest".repeat(120)),
        format!("[{}].containsAll(context.rules)", vec!["\"fhir.type\""; 5_000].join(", ")),
    ];
    for condition in conditions {
        let policy =
            policies(&format!("@id(\"x\") permit(principal, action, resource) when {{ {condition} }};"));
        let policy = policy.unwrap_or_else(|refused| panic!("{refused}"));
        let asked = question(&findings(Some(Severity::Low), &[Kind::Name], &[]));
        assert_eq!(
            policy.answer(&asked).map(|decision| decision.verdict).ok(),
            Some(Verdict::Allow),
            "{condition}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_a_policy_set_or_an_error_with_a_place(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(DEFAULTS.iter().flat_map(|file| file.text.split_inclusive([' ', '\n'])).collect::<Vec<_>>())
                    .prop_map(ToOwned::to_owned),
                any::<String>(),
            ],
            0..60,
        )
    ) {
        if let Err(refused) = policies(&pieces.concat()) {
            prop_assert!(!refused.diagnostics.is_empty());
            prop_assert!(refused.diagnostics.iter().all(|wrong| wrong.file == "p.cedar"));
        }
    }

    #[test]
    fn a_default_with_one_character_changed_is_a_policy_set_or_an_error(
        file in proptest::sample::select(DEFAULTS.to_vec()),
        at in any::<proptest::sample::Index>(),
        with in any::<char>(),
    ) {
        let mut chars: Vec<char> = file.text.chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let text: String = chars.into_iter().collect();
        match policies(&text) {
            Ok(policy) => prop_assert!(!policy.notes().is_empty()),
            Err(refused) => prop_assert!(refused.diagnostics.iter().all(|wrong| wrong.line.is_some())),
        }
    }
}
