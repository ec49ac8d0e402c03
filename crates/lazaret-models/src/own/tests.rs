//! Files of rules, and what a look makes of them.

use std::sync::Arc;

use lazaret_core::{Faulty, Hint, Limits, Severity, Timestamp};
use lazaret_input::MemorySource;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};

use super::*;
use crate::look::{NoFolder, Report, Terms, look, look_by};

const NOW: Timestamp = Timestamp::from_millis(1_795_694_400_000); // 2026-11-26

fn read(text: &str) -> Result<OwnRules, Faulty> {
    OwnRules::read(&format!("version = 1\n{text}"), NOW, &Limits::default())
}

fn wrong(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

const ANSWER: &str = "owner = 'M. Tansy'\nreason = 'read it'\nuntil = 2027-03-31\n";

fn look_at(bytes: &[u8], name: &str, rules: &OwnRules) -> Report {
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let terms = Terms { own: Arc::new(rules.clone()), ..Terms::default() };
    look_by(source, bytes.len() as u64, name, &NoFolder, &Limits::default(), &terms)
}

fn scan(bytes: &[u8], rules: &str) -> Report {
    look_at(bytes, "m.pkl", &read(rules).unwrap())
}

fn graveness(report: &Report) -> Vec<(&str, Severity)> {
    report.findings.iter().map(|finding| (finding.id, finding.severity)).collect()
}

/// A pickle that calls `ourlab.util.rebuild` with a text.
const CALL: &[u8] = b"courlab.util\nrebuild\n(S'x'\ntR.";
/// The same of a name that sounds as if it ran something.
const RUN: &[u8] = b"courlab.util\nrun\n(S'x'\ntR.";
const SYSTEM: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

fn sha256(bytes: &[u8]) -> String {
    lazaret_core::hex(digest(&SHA256, bytes).as_ref())
}

#[test]
fn own_classes_are_known_by_their_exact_names() {
    let package = ("pickle.code-of-package", Severity::Info);
    assert_eq!(graveness(&scan(CALL, "")), [("pickle.unknown-call", Severity::Medium), package]);
    let own = |name: &str| format!("[[callable]]\nname = '{name}'\neffect = 'constructor'\n{ANSWER}");
    assert_eq!(graveness(&scan(CALL, &own("ourlab.util.rebuild"))), [package]);
    // Not by the package, not by another split of the same dotted name.
    for name in ["ourlab.util.other", "ourlab:util.rebuild"] {
        assert_eq!(graveness(&scan(CALL, &own(name))).len(), 2, "{name}");
    }
}

#[test]
fn what_is_forbidden_is_forbidden_however_it_is_reached() {
    let rules =
        "[[callable]]\nname = 'ourlab.util.rebuild'\neffect = 'runs-code'\nowner = 'a'\nreason = 'b'\n";
    for bytes in [CALL, b"courlab\nutil.rebuild\n(S'x'\ntR."] {
        let found = scan(bytes, rules);
        let ids = graveness(&found);
        assert!(ids.contains(&("pickle.dangerous-call", Severity::Critical)), "{ids:?}");
        assert!(found.findings[0].message.contains("by the hospital's own rules"));
    }
    // Also what the catalogue takes for harmless, under its old name too.
    let set = rules.replace("ourlab.util.rebuild", "builtins.set");
    assert_eq!(graveness(&scan(b"c__builtin__\nset\n)R.", &set))[0].1, Severity::Critical);
}

#[test]
fn what_is_dangerous_cannot_be_called_harmless() {
    for (name, why) in [
        ("os.system", "no entry makes it harmless"),
        ("ourlab.x.__globals__", "a way round"),
        ("functools.partial", "calls or keeps"),
        ("torch.hub.anything", "no entry makes it harmless"),
        ("ourlab.util.load_weights", "by its own name"),
        ("ourlab.*", "no package is trusted by the beginning of its names"),
        ("ourlab", "no name of a class"),
        ("our lab.x", "no name of a class"),
    ] {
        let told = wrong(&format!("[[callable]]\nname = '{name}'\neffect = 'constructor'\n{ANSWER}"));
        assert!(told.starts_with("line 3: ") && told.contains(why), "{told}");
    }
}

#[test]
fn an_entry_lowers_a_finding_and_says_for_whom() {
    for scope in
        ["global = 'ourlab.util.rebuild'", "place = 'm.pkl@28'", &format!("sha256 = '{}'", sha256(CALL))]
    {
        let report = scan(CALL, &format!("[[allow]]\nrule = 'pickle.unknown-call'\n{scope}\n{ANSWER}"));
        let finding = &report.findings[0];
        assert_eq!((finding.id, finding.severity), ("pickle.unknown-call", Severity::Info), "{scope}");
        assert!(
            finding
                .message
                .ends_with("; lowered from medium by the allow list: read it (M. Tansy, until 2027-03-31)"),
            "{}",
            finding.message
        );
    }
    for scope in ["global = 'ourlab.util.rebuilt'", "place = 'm.pkl'", &format!("sha256 = '{}'", sha256(RUN))]
    {
        let report = scan(CALL, &format!("[[allow]]\nrule = 'pickle.unknown-call'\n{scope}\n{ANSWER}"));
        assert_eq!(report.findings[0].severity, Severity::Medium, "{scope}");
    }
}

/// The rule of `refused`: critical findings are lowered by the digest of the file alone.
#[test]
fn critical_findings_are_lowered_by_the_digest_of_the_file_alone() {
    let by = |scope: &str| format!("[[allow]]\nrule = 'pickle.unknown-call'\n{scope}\n{ANSWER}");
    for scope in ["global = 'ourlab.util.run'", "place = 'm.pkl@24'"] {
        let report = scan(RUN, &by(scope));
        assert_eq!(report.findings[0].severity, Severity::Critical);
        assert!(report.findings[0].message.contains("line 2 of the rules does not lower it"), "{scope}");
    }
    let report = scan(RUN, &by(&format!("sha256 = '{}'", sha256(RUN).to_uppercase())));
    assert_eq!(report.findings[0].severity, Severity::Info);
    // A rule that is critical by itself is not taken with another scope.
    let told =
        wrong(&format!("[[allow]]\nrule = 'pickle.dangerous-call'\nglobal = 'posix.system'\n{ANSWER}"));
    assert!(told.contains("only `sha256`"), "{told}");
    let both = ["pickle.dangerous-call", "pickle.dangerous-global"]
        .map(|rule| format!("[[allow]]\nrule = '{rule}'\nsha256 = '{}'\n{ANSWER}", sha256(SYSTEM)));
    let report = scan(SYSTEM, &both.concat());
    assert!(report.findings.iter().all(|finding| finding.severity == Severity::Info));
    assert_eq!(report.findings.len(), 2);
}

#[test]
fn of_a_file_that_was_not_read_whole_only_the_digest_lowers() {
    let cut = &CALL[..CALL.len() - 1];
    let by = |scope: &str| format!("[[allow]]\nrule = 'pickle.unknown-call'\n{scope}\n{ANSWER}");
    let of_call = |report: &Report| {
        let mut calls = report.findings.iter().filter(|finding| finding.id == "pickle.unknown-call");
        calls.next().unwrap().severity
    };
    let report = scan(cut, &by("global = 'ourlab.util.rebuild'"));
    assert_eq!((of_call(&report), report.inspected), (Severity::Medium, crate::look::Inspected::Part));
    assert_eq!(of_call(&scan(cut, &by(&format!("sha256 = '{}'", sha256(cut))))), Severity::Info);
}

#[test]
fn what_has_run_out_does_nothing_and_is_told() {
    let past = ANSWER.replace("2027-03-31", "2026-11-25");
    let report = scan(
        CALL,
        &format!("[[allow]]\nrule = 'pickle.unknown-call'\nglobal = 'ourlab.util.rebuild'\n{past}"),
    );
    assert_eq!(report.findings[0].severity, Severity::Medium);
    let told = report.findings.last().unwrap();
    assert_eq!((told.id, told.severity), ("allowlist.expired", Severity::Low));
    assert!(told.message.contains("until 2026-11-25 (M. Tansy, line 2 of the rules)"), "{}", told.message);
    let own = format!("[[callable]]\nname = 'ourlab.util.rebuild'\neffect = 'constructor'\n{past}");
    let ids = scan(CALL, &own);
    let ids: Vec<&str> = ids.findings.iter().map(|finding| finding.id).collect();
    assert!(ids.contains(&"allowlist.expired") && ids.contains(&"pickle.unknown-call"), "{ids:?}");
    // The last day holds still, and a file without its name hears nothing.
    let today = ANSWER.replace("2027-03-31", "2026-11-26");
    let holds = format!("[[callable]]\nname = 'ourlab.util.rebuild'\neffect = 'constructor'\n{today}");
    assert_eq!(scan(CALL, &holds).findings.len(), 1);
    assert!(!scan(SYSTEM, &own).findings.iter().any(|finding| finding.id == "allowlist.expired"));
    assert!(read(&own).unwrap().entries()[0].expired);
}

fn rule(matches: &str) -> String {
    format!(
        "[[rule]]\nid = 'user.x'\nseverity = 'high'\nwhat = 'what we look for'\nwhy = 'since'\n{matches}\n"
    )
}

#[test]
fn patterns_are_told_where_readers_meet_them() {
    for (matches, at) in [
        ("global = ['other', 'ourlab.util.rebuild']", None),
        ("global = ['ourlab.util.rebuild']", Some("m.pkl@0")),
        ("global = ['ourlab:util.rebuild']", Some("m.pkl@0")),
        ("package = ['ourlab']", Some("m.pkl@0")),
        ("package = ['our']", Some("")),
        ("format = ['pickle']", Some("m.pkl")),
        ("format = ['safetensors']", Some("")),
        ("file = ['*.PKL']", Some("m.pkl")),
        ("file = ['m*l']", Some("m.pkl")),
        ("file = ['x*']", Some("")),
    ] {
        let Some(at) = at else {
            assert!(wrong(&rule(matches)).contains("`other` is no name"));
            continue;
        };
        let report = scan(CALL, &rule(matches));
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.id == "user.x").collect();
        assert_eq!(found.len(), usize::from(!at.is_empty()), "{matches}");
        if let Some(finding) = found.first() {
            assert_eq!((finding.at.as_str(), finding.severity), (at, Severity::High));
            assert!(finding.message.starts_with("what we look for ("), "{}", finding.message);
        }
    }
}

/// Keys of metadata, layers and operators; each kind of fact is yielded by a reader.
#[test]
fn patterns_are_told_of_other_formats_too() {
    let told = |bytes: &[u8], name: &str, matches: &str| {
        let report = look_at(bytes, name, &read(&rule(matches)).unwrap());
        let mut own = report.findings.iter().filter(|finding| finding.id == "user.x");
        own.next().map(|finding| finding.at.as_str().to_owned())
    };
    let header = br#"{"__metadata__":{"owner":"x"}}"#;
    let safetensors = [&(header.len() as u64).to_le_bytes()[..], header].concat();
    assert_eq!(
        told(&safetensors, "m.safetensors", "metadata = ['owner']").as_deref(),
        Some("m.safetensors!__metadata__.owner")
    );
    let keras = br#"{"class_name": "Attn", "module": "ourlab.layers", "registered_name": "ourlab>Attn", "config": {}}"#;
    for matches in [
        "layer = ['Attn']",
        "layer = ['ourlab>Attn']",
        "global = ['ourlab.layers.Attn']",
        "package = ['ourlab']",
    ] {
        assert!(told(keras, "config.json", matches).is_some(), "{matches}");
    }
    let skops = br#"{"__class__":"T","__module__":"ourlab.t","__loader__":"ObjectNode","content":{}}"#;
    assert!(told(skops, "schema.json", "global = ['ourlab.t.T']").is_some());
    let hydra = br#"{"a": {"_target_": "ourlab.t.T"}}"#;
    assert_eq!(told(hydra, "c.json", "global = ['ourlab.t.T']").as_deref(), Some("c.json!a._target_"));
    let yaml = b"a: !!python/object:ourlab.t.T {}\n";
    assert!(told(yaml, "c.yaml", "global = ['ourlab.t.T']").is_some());
    let onnx: &[u8] = b"\x08\x08\x3a\x12\x0a\x10\x0a\x01x\x12\x01y\x22\x03Foo\x3a\x03our";
    assert!(told(onnx, "m.onnx", "operator = ['our::Foo']").is_some());
    assert!(told(onnx, "m.onnx", "operator = ['Foo']").is_some());
}

#[test]
fn a_custom_operator_is_allowed_by_its_name() {
    let onnx: &[u8] = b"\x08\x08\x3a\x12\x0a\x10\x0a\x01x\x12\x01y\x22\x03Foo\x3a\x03our";
    for (name, severity) in
        [("Foo", Severity::Info), ("our::Foo", Severity::Info), ("their::Foo", Severity::High)]
    {
        let rules = read(&format!("[[allow]]\nrule = 'onnx.custom-operator'\noperator = '{name}'\n{ANSWER}"))
            .unwrap();
        let report = look_at(onnx, "m.onnx", &rules);
        let finding = report.findings.iter().find(|finding| finding.id == "onnx.custom-operator").unwrap();
        assert_eq!(
            finding.severity.min(Severity::High) == Severity::Info,
            severity == Severity::Info,
            "{name}"
        );
    }
}

#[test]
fn own_layers_are_known_or_allowed() {
    let keras = br#"{"class_name": "Attn", "module": "ourlab.layers", "registered_name": "ourlab>Attn", "config": {}}"#;
    let severity = |rules: &str| {
        look_at(keras, "config.json", &read(rules).unwrap()).findings.iter().map(|f| f.severity).max()
    };
    assert_eq!(severity(""), Some(Severity::High));
    assert_eq!(
        severity(&format!("[[callable]]\nname = 'ourlab.layers.Attn'\neffect = 'constructor'\n{ANSWER}")),
        Some(Severity::Info)
    );
    assert_eq!(
        severity(&format!("[[allow]]\nrule = 'keras.custom-object'\nlayer = 'ourlab>Attn'\n{ANSWER}")),
        Some(Severity::Info)
    );
    assert_eq!(
        severity(
            "[[callable]]\nname = 'ourlab.layers.Attn'\neffect = 'forbidden'\nowner = 'a'\nreason = 'b'"
        ),
        Some(Severity::Critical)
    );
}

#[test]
fn everything_wrong_is_told_with_its_line_and_the_way_out() {
    let allow = |lines: &str| format!("[[allow]]\nrule = 'pickle.unknown-call'\nglobal = 'a.b'\n{lines}");
    for (text, line, why) in [
        ("[[alow]]\n", 2, "no key `alow`; did you mean `allow`?"),
        ("allow = 3\n", 2, "each begins with `[[allow]]`"),
        ("[[allow]\n", 2, ""),
        (
            &allow("owner = 'a'\nreason = 'b'\n"),
            2,
            "`until` is missing: the last day it holds, at most 2027-11-27",
        ),
        (&allow("owner = 'a'\nuntil = 2027-03-31\n"), 2, "`reason` is missing"),
        (&allow("reason = 'a'\nuntil = 2027-03-31\n"), 2, "`owner` is missing"),
        (&allow("owner = ' '\nreason = 'b'\nuntil = 2027-03-31\n"), 5, "`owner` is one line"),
        (&allow("owner = \"a\\u202eb\"\nreason = 'b'\nuntil = 2027-03-31\n"), 5, "`owner` is one line"),
        (
            &allow("owner = 'a'\nreason = 'b'\nuntil = 2027-11-28\n"),
            7,
            "at most 366 days ahead, 2027-11-27 today",
        ),
        (&allow("owner = 'a'\nreason = 'b'\nuntil = '2027-03-31'\n"), 7, "is a day, without quotes"),
        (&allow("owner = 'a'\nreason = 'b'\nuntil = 2027-03-31T00:00:00Z\n"), 7, "is a day"),
        (&allow("owner = 'a'\nreason = 'b'\nuntil = 2027-02-30\n"), 7, ""),
        (
            &allow("owner = 'a'\nreason = 'b'\nuntil = 2027-03-31\nsha256 = 'ab'\n"),
            2,
            "one scope, and one alone",
        ),
        (&allow(&format!("{ANSWER}ruel = 'x'\n")), 8, "did you mean `rule`?"),
        (&allow(ANSWER).replace("unknown-call", "unknown-cal"), 3, "did you mean `pickle.unknown-call`?"),
        (&allow(ANSWER).replace("global = 'a.b'", "sha256 = 'ab'"), 4, "64 hexadecimal digits"),
        (&allow(ANSWER).replace("'a.b'", "'a.*'"), 4, "beginning of its names"),
        (&allow(ANSWER).replace("global = 'a.b'", "operator = 'a*'"), 4, "without `*`"),
        (&rule("format = ['pikle']"), 7, "did you mean `pickle`?"),
        (&rule("format = 'pickle'"), 7, "is a list"),
        (&rule("format = [3]"), 7, "is a text"),
        (&rule(""), 2, "it matches nothing"),
        (&rule("file = ['*']"), 7, "means every file"),
        (&rule("operator = ['a*']"), 7, "exact names alone"),
        (&rule("package = ['a.b']"), 7, "first step"),
        (&rule("file = ['a']").replace("user.x", "ours.x"), 3, "an id is `user.`"),
        (&rule("file = ['a']").replace("user.x", "user.X"), 3, "an id is `user.`"),
        (&rule("file = ['a']").replace("high", "hihg"), 4, "did you mean `high`?"),
        (&rule("file = ['a']").repeat(2), 9, "is the id of another rule"),
        (
            "[[callable]]\nname = 'a.b'\neffect = 'construct'\nowner = 'a'\nreason = 'b'\n",
            4,
            "did you mean `constructor`?",
        ),
        (
            "[[callable]]\nname = 'a.b'\neffect = 'constructor'\nowner = 'a'\nreason = 'b'\n",
            2,
            "`until` is missing",
        ),
    ] {
        let told = wrong(text);
        let first = told.lines().next().unwrap();
        assert!(first.starts_with(&format!("line {line}: ")) && first.contains(why), "{text}\n{told}");
    }
    let twice = format!("[[callable]]\nname = 'a.b'\neffect = 'constructor'\n{ANSWER}").repeat(2);
    assert!(wrong(&twice).contains("stands twice"));
    let both = wrong("[[rule]]\n[[allow]]\n");
    assert!(both.lines().count() > 5, "{both}");
    let version = OwnRules::read("version = 2\n", NOW, &Limits::default()).unwrap_err().to_string();
    assert!(version.contains("line 1: the file says `version = 1`"), "{version}");
}

#[test]
fn files_and_entries_are_limited() {
    let mut limits = Limits::default();
    limits.set("models.max_rules_file".to_owned(), 20);
    let told = OwnRules::read(&"# a\n".repeat(10), NOW, &limits).unwrap_err().to_string();
    assert!(told.contains("models.max_rules_file"), "{told}");
    limits.set("models.max_rules_file".to_owned(), 1 << 20);
    limits.set("models.max_rules".to_owned(), 2);
    let told = OwnRules::read(&format!("version = 1\n{}", "[[allow]]\n".repeat(3)), NOW, &limits);
    assert!(told.unwrap_err().to_string().contains("models.max_rules"));
    let many =
        (0..300).map(|n| rule("file = ['a']").replace("user.x", &format!("user.x{n}"))).collect::<String>();
    assert!(wrong(&many).contains("more than 200 patterns"));
    let endless = "[[rule]]\n".repeat(400);
    let error = read(&endless).unwrap_err();
    assert!(error.faults().len() == 50 && error.count() > 1_050);
}

#[test]
fn an_id_is_kept_once() {
    assert!(std::ptr::eq(forever("user.kept"), forever("user.kept")));
}

#[test]
fn stars_stand_for_any_run_of_characters() {
    for (pattern, name, is) in [
        ("*.exe", "dir/A.EXE", true),
        ("*.exe", "a.exe.txt", false),
        ("a*b*c", "axxbxxc", true),
        ("a*b*c", "axxcxxb", false),
        ("a*a", "a", false),
        ("**", "", true),
        ("pytorch_model*", "x/pytorch_model-00001.bin", true),
        ("x/*.bin", "x/y.bin", true),
        ("x/*.bin", "y.bin", false),
        ("model.bin", "x/model.bin", true),
    ] {
        assert_eq!(Glob::new(pattern).matches(&name.to_lowercase()), is, "{pattern} {name}");
    }
}

proptest! {
    /// Whatever stands in a file: it is read or refused, and what is read lowers nothing that it does not name.
    #[test]
    fn any_file_is_read_or_refused(text in "([\\[\\]a-z=' .\n0-9\"*:-]|rule|allow|callable|owner|until|version = 1\n){0,80}") {
        let _read = OwnRules::read(&text, NOW, &Limits::default());
    }

    /// With rules that name nothing in it, a file is judged as without rules.
    #[test]
    fn rules_of_other_names_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let rules = read(&format!("{}[[callable]]\nname = 'ourlab.x.Y'\neffect = 'constructor'\n{ANSWER}", rule("global = ['ourlab.x.Z']"))).unwrap();
        let with = look_at(&bytes, "m.bin", &rules);
        let source = Arc::new(MemorySource::new(&bytes[..], Hint::default()));
        let without = look(source, bytes.len() as u64, "m.bin", &NoFolder, &Limits::default());
        prop_assert_eq!(with.findings, without.findings);
    }
}
