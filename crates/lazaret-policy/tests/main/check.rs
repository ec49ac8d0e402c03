//! What `policy check` says.

use std::fs;

use lazaret_core::Limits;
use lazaret_policy::{DEFAULTS, Diagnostic, EXAMPLES, Level, SCHEMA, check};

const RULES: [&str; 11] = [
    "csv.formula",
    "csv.quote",
    "fhir.narrative-attribute",
    "fhir.narrative-element",
    "fhir.narrative-link-scheme",
    "fhir.narrative-malformed",
    "fhir.narrative-remote-image",
    "input.uninspectable",
    "phi.clinical-text",
    "record.sensitive",
    "record.unknown-subject",
];

fn checked(files: &[(&str, &str)]) -> Vec<Diagnostic> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    check(folder.path(), &RULES, &Limits::default())
}

#[test]
fn the_defaults_the_examples_and_the_schema_are_clean() {
    let mut files: Vec<_> = DEFAULTS.iter().chain([&SCHEMA]).map(|file| (file.name, file.text)).collect();
    files.extend(EXAMPLES.iter().map(|file| (file.name.strip_prefix("examples/").unwrap(), file.text)));
    assert_eq!(checked(&files), []);
}

#[test]
fn a_rule_that_does_not_exist_is_told_with_the_nearest_one() {
    let text = "@id(\"x\")\n@why(\"Because.\")\nforbid(principal, action, resource)\nwhen {\n\
        context.rules.containsAny([\"csv.formulas\", \"csv.quote\"]) ||\n\
        [\"fhir.no-such-thing-at-all\"].containsAll(context.rules) ||\n\
        [\"nightly\"].contains(context.route)\n};\n";
    let found = checked(&[("a.cedar", text)]);
    let told: Vec<_> =
        found.iter().map(|doubt| (doubt.line, doubt.cause.as_str(), doubt.help.as_deref())).collect();
    assert_eq!(
        told,
        [
            (
                Some(1),
                "policy `x` names the rule `csv.formulas`, which does not exist",
                Some("did you mean `csv.formula`?")
            ),
            (Some(1), "policy `x` names the rule `fhir.no-such-thing-at-all`, which does not exist", None),
        ]
    );
    assert!(found.iter().all(|doubt| doubt.level == Level::Warning));
}

#[test]
fn a_policy_without_why_and_with_an_unread_annotation_is_told() {
    let found =
        checked(&[("a.cedar", "\n@id(\"x\")\n@wy(\"Because.\")\npermit(principal, action, resource);\n")]);
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("a.cedar:2:1: warning: policy `x` has no `@why`"), "{told:?}");
    assert!(told[1].ends_with("nobody reads the annotation `@wy`; did you mean `@why`?"), "{told:?}");
}

#[test]
fn errors_and_another_schema_are_told_together() {
    let found =
        checked(&[("a.cedar", "permit(principal, action, resource);"), (SCHEMA.name, "entity Actor;")]);
    let levels: Vec<_> = found.iter().map(|found| found.level).collect();
    assert_eq!(levels, [Level::Error, Level::Warning]);
    assert!(found[1].cause.contains("differs from the schema built in"));
    assert_eq!(
        check(std::path::Path::new("/no/such/folder"), &[], &Limits::default())[0].level,
        Level::Error
    );
}

#[test]
fn each_of_very_many_policies_is_looked_at_once() {
    let many: Vec<String> = (0..1_500)
        .map(|number| format!("@id(\"p{number}\") permit(principal, action, resource);\n"))
        .collect();
    let many = many.concat();
    assert_eq!(checked(&[("a.cedar", &many)]).len(), 1_500, "none has a `@why`");
}
