//! Hydra and NeMo configurations: `_target_` names what `instantiate` imports and calls.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::Node;

use crate::callables::documents::{self as names, Effect, judge_by};
use crate::callables::is_dangerous_builtin;
use crate::formats::json::{JsonKind, Walk};
use crate::formats::keras::path;
use crate::formats::python;
use crate::look::Looking;
use crate::own::{About, OwnRules};
use crate::part::{Part, printed};
use crate::rules;

/// A configuration with `_target_` in it, or NeMo's `target`.
pub(crate) struct HydraConfig;

/// Packages whose classes training configurations name.
const KNOWN: &[&str] = &[
    "torch",
    "torchvision",
    "torchaudio",
    "torchmetrics",
    "torchtext",
    "nemo",
    "nemo_text_processing",
    "lightning",
    "pytorch_lightning",
    "lightning_fabric",
    "transformers",
    "diffusers",
    "accelerate",
    "peft",
    "timm",
    "monai",
    "megatron",
    "apex",
    "sklearn",
    "numpy",
    "scipy",
    "pandas",
    "omegaconf",
    "hydra",
    "datasets",
    "tokenizers",
    "sentencepiece",
    "kornia",
    "albumentations",
    "einops",
    "xgboost",
    "lightgbm",
    "catboost",
    "fairseq",
    "fairseq2",
    "detectron2",
    "segmentation_models_pytorch",
    "nnunetv2",
    "wandb",
    "optuna",
    "torchdata",
    "torch_geometric",
];

impl JsonKind for HydraConfig {
    fn id(&self) -> FormatId {
        FormatId("hydra-config")
    }

    fn about(&self) -> &'static str {
        "Hydra or NeMo configuration"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        any(root, &mut |node| {
            ["_target_", "class_path"].iter().any(|key| node.get(key).is_some())
                || node.get("imports").is_some_and(|imports| {
                    expression(imports).is_some() || imports.items().any(|item| expression(item).is_some())
                })
                || node.get("target").and_then(|target| target.as_str()).is_some_and(runs_programs)
        })
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        any(root, &mut |node| {
            for member in node.members() {
                let Some(text) = member.value.as_str() else { continue };
                let instantiated = match member.key {
                    "_target_" => true,
                    // NeMo's key, and that of Lightning's command line.
                    "target" | "class_path" if runs_programs(text) => false,
                    // `hydra.utils.get_method` and its like take a name as `path`.
                    "path" if node.get("_target_").is_some() && runs_programs(text) => false,
                    _ => continue,
                };
                let place = || part.inner(&path(member.value, ""));
                let (module, name) = names::split(text.trim());
                looking.met_callable(module, name, place);
                let Some((severity, says)) = judge(looking.own, text, instantiated) else { continue };
                let about = About::callable(module, name);
                looking.find_about(severity, &rules::CONFIG_TARGET, about, place(), says);
            }
            false
        });
    }
}

/// Texts that MONAI evaluates as Python when it reads a bundle: those that begin with `$`. Any document may be one; where
/// its keys do not say so, only what Python can read counts, and only if something is called.
pub(crate) fn expressions(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
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
fn expression<'d>(node: Node<'d, '_>) -> Option<&'d str> {
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

fn judge(own: &OwnRules, target: &str, instantiated: bool) -> Option<(Severity, String)> {
    let target = target.trim();
    let (module, name) = names::split(target);
    // A name without a package is one of the loader's own.
    if module.is_empty() {
        let says = || format!("the configuration makes its loader call the built-in {name}");
        return is_dangerous_builtin(name).then(|| (Severity::Critical, says()));
    }
    let root = module.split('.').next().unwrap_or_default();
    match judge_by(own, module, name) {
        Effect::Dangerous(does) => Some((
            Severity::Critical,
            format!("the configuration makes its loader call {}: it {does}", printed(target)),
        )),
        _ if !instantiated || KNOWN.contains(&root) => None,
        Effect::Harmless | Effect::Own => None,
        Effect::Unknown => {
            let says = format!(
                "the configuration makes its loader import and call {}, of a package that is not known",
                printed(target)
            );
            Some((Severity::High, says))
        }
    }
}

/// Whether a text can only be the dotted name of what runs programs or code. Where a key does not say that a name stands
/// there, names of other worlds (`io.netty.Channel`) must not be taken for Python's.
fn runs_programs(text: &str) -> bool {
    const MODULES: &[&str] = &[
        "os",
        "posix",
        "nt",
        "subprocess",
        "builtins",
        "importlib",
        "runpy",
        "shutil",
        "pickle",
        "marshal",
        "ctypes",
        "pty",
        "socket",
    ];
    let is_name =
        |step: &str| !step.is_empty() && step.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    text.len() < 300
        && text.split_once('.').is_some_and(|(root, _)| MODULES.contains(&root))
        && text.split('.').all(is_name)
}

/// Whether anything holds of an object of the document.
fn any<'d, 'a>(root: Node<'d, 'a>, holds: &mut impl FnMut(Node<'d, 'a>) -> bool) -> bool {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if holds(node) {
            return true;
        }
        open.extend(
            node.items().chain(node.members().map(|member| member.value)).filter(|child| !child.is_empty()),
        );
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn other_keys_count_only_where_they_name_what_runs_programs() {
        assert!(runs_programs("os.system") && runs_programs("builtins.eval"));
        assert!(!runs_programs("io.netty.Channel") && !runs_programs("os") && !runs_programs("os.x y"));
    }

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

    #[test]
    fn targets_are_judged_by_exact_names() {
        let graveness = |target| judge(&OwnRules::none(), target, true).map(|(severity, _)| severity);
        for target in
            ["os.system", "subprocess.Popen", "builtins.eval", "eval", "torch.hub.load", "shutil.rmtree"]
        {
            assert_eq!(graveness(target), Some(Severity::Critical), "{target}");
        }
        assert_eq!(graveness("torchx.nn.Linear"), Some(Severity::High));
        for target in [
            "torch.nn.Linear",
            "nemo.collections.asr.modules.ConvASREncoder",
            "UNet",
            "pathlib.Path",
            "torch.utils.data.DataLoader",
        ] {
            assert_eq!(graveness(target), None, "{target}");
        }
    }
}
