//! Texts that MONAI evaluates as Python when it reads a bundle: those that begin with `$`.

use lazaret_core::Severity;
use lazaret_input::json::Node;

use super::hydra::HydraConfig;
use crate::formats::json::{JsonKind, Walk};
use crate::formats::keras::path;
use crate::formats::python;
use crate::look::Looking;
use crate::part::Part;
use crate::rules;

/// Judges the expressions of a document. Any may be a bundle; where its keys do not say so, only what Python can read
/// counts, and only if something is called.
pub(super) fn judge(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let texts = || Walk::new(root).filter_map(|node| Some((node, expression(node)?)));
    if texts().next().is_none() {
        return;
    }
    let is_bundle = HydraConfig.recognise(root, "");
    let (mut read, mut len) = (Vec::new(), 0_usize);
    for (node, text) in texts().filter(|(_, text)| is_bundle || may_be_python(text)) {
        len = len.saturating_add(text.len());
        if let Err(reached) = looking.limits.get(python::MAX_SOURCE).check(len as u64) {
            looking.unread(part, &reached.into());
            break;
        }
        let expression = python::Expression::of(&without_references(text));
        if is_bundle || expression.is_likely() {
            read.push((node, text, expression));
        }
    }
    if !is_bundle && !read.iter().any(|(_, _, expression)| expression.calls()) {
        return;
    }
    let imports = read.iter().filter(|(_, _, expression)| expression.is_import());
    let imports: Vec<String> = imports.flat_map(|(node, text, _)| imported(*node, text)).collect();
    let imports = python::Imports::of(imports.iter().map(String::as_str));
    for (node, _, expression) in read {
        for expressed in expression.judge(&imports) {
            let severity = if expressed.runs { Severity::Critical } else { Severity::High };
            let says = format!("the bundle's expression {}", expressed.says);
            looking.find_as(severity, &rules::CONFIG_TARGET, part.inner(&path(node, "")), says);
        }
    }
}

/// An expression without its mark.
pub(super) fn expression<'d>(node: Node<'d, '_>) -> Option<&'d str> {
    Some(node.as_str()?.strip_prefix('$')?.trim_start_matches('$').trim_start())
}

/// Whether nothing before the first string or comment is foreign to Python: a second `$`, as in formulas and scripts.
fn may_be_python(text: &str) -> bool {
    let bare = text.split(['\'', '"', '#']).next().unwrap_or_default();
    !bare.contains(['$', '?', ';', '`'])
}

/// An import as it stands, and under the place of its value, by which others refer to it.
fn imported(node: Node<'_, '_>, text: &str) -> [String; 2] {
    let first = text.split([',', '\n', ';']).next().unwrap_or_default();
    let first = first.split(" as ").next().unwrap_or_default();
    let place: String = path(node, "").replace(['.', '['], "__").replace(']', "");
    [text.to_owned(), format!("{first} as {place}")]
}

/// An expression with the references of MONAI (`@net`, `@net::layers::0`, `@net#layers#0`) as plain names: `#` is no comment
/// there.
fn without_references(text: &str) -> String {
    let mut parts = text.split('@');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    for part in parts {
        let mut rest = part.trim_start_matches('#');
        plain.push('@');
        loop {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            plain.push_str(word);
            rest = after;
            let below = rest.strip_prefix("::").or_else(|| rest.strip_prefix('#'));
            let Some(below) = below.filter(|below| !word.is_empty() && below.starts_with(is_word)) else {
                break;
            };
            plain.push_str("__");
            rest = below;
        }
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn expressions_of_bundles_are_judged_as_python() {
        let bundle = |line: &str| {
            let text = format!("imports:\n- $import os\nnet: $@x.to(@device)\n{line}\n");
            let report = scan(text, "inference.yaml");
            assert_eq!(report.format.0, "hydra-config");
            told(&report)
        };
        for line in [
            "run: $os.system('true')",
            "run: \"$__import__('subprocess').run('true')\"",
            "a: {_disabled_: \"$eval('1')\"}",
        ] {
            assert!(!bundle(line).is_empty(), "{line}");
        }
        assert_eq!(bundle("run: $os.system('true')"), ["config.target inference.yaml!run"]);
        assert_eq!(
            bundle("out: $os.path.join(@root, 'eval')\ndevice: $torch.device('cpu')"),
            Vec::<String>::new()
        );
        assert_eq!(
            told(&scan("m:\n  class_path: subprocess.Popen\n", "config.yaml")),
            ["config.target config.yaml!m.class_path"]
        );
    }

    #[test]
    fn no_expression_hides_another() {
        let told = |text: &str, name| told(&scan(text, name));
        let found = ["config.target inference.json!b"];
        let bundle =
            r#"{"imports":["$import os"],"a":"$'''","b":"$os.system('true')","z":"$'''"}"#.replace('\\', "");
        assert_eq!(told(&bundle, "inference.json"), found);
        for (a, b) in [
            ("import json as os", "os.system('true')"),
            ("import os", "@a.system('true')"),
            ("import json as os", "@x#y or os.system('true')"),
        ] {
            let bundle = format!(r#"{{"imports":"$import os","a":"${a}","b":"${b}"}}"#);
            assert_eq!(told(&bundle, "inference.json"), found, "{a} {b}");
        }
        let bundle = r#"{"imports":["$import os"],"b":"$@imports::0.system('true')"}"#;
        assert_eq!(told(bundle, "inference.json"), found);
    }

    #[test]
    fn documents_without_marks_of_bundles_are_judged_too() {
        let run = "config.target x.json!run[0]";
        for text in [
            r#"{"a":1,"run":["$os.system('true')"]}"#,
            r#"{"imports":"$import os as o","run":["$o.system('true')"]}"#,
            r#"{"a":"$import os as o","run":["$o.system('echo $HOME; true')"]}"#,
        ] {
            assert_eq!(told(&scan(text, "x.json")), [run], "{text}");
        }
        let yaml = "a: 1\nrun:\n- $os.system('true')\n";
        assert_eq!(told(&scan(yaml, "x.yaml")), ["config.target x.yaml!run[0]"]);
        let import = "$__import__('os').system('true')";
        for (text, name) in [
            (format!(r#"{{"a":1,"run":["{import}"]}}"#), "x.json"),
            (format!(r#"{{"a":1,"run":["{import}"]}}"#), "x.yaml"),
            (format!("a: 1\nrun:\n- \"{import}\"\n"), "x.yaml"),
            (format!("a: 1\nrun: [\"{import}\"]\n"), "x.yaml"),
        ] {
            let report = scan(text.clone(), name);
            let found = report.findings.iter().find(|found| found.message.contains("`os.system`"));
            let found = found.map(|found| (found.id, found.at.to_string(), found.severity));
            let at = format!("{name}!run[0]");
            assert_eq!(
                found,
                Some(("config.target", at, Severity::Critical)),
                "{text}: {:?}",
                report.findings
            );
        }
        let passed = r##"{"$ref":"#/a","$schema":"$id","a":["${var}","$5 (or exec(x) of $6)","^a$","$f(x)$","$HOME/bin (x)",
            "$x = exec('ls');","$this->exec('x')","$(eval ssh-agent)","$@net(@x)","$math.sqrt(2)","${oc.env:HOME}","$"]}"##;
        assert_eq!(told(&scan(passed, "x.json")), Vec::<String>::new());
    }
}
