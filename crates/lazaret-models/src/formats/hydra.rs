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
                || node.get("imports").is_some_and(|imports| imports.items().any(is_expression))
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
        expressions(root, part, looking);
    }
}

/// Texts that MONAI evaluates as Python when it reads a bundle: those that begin with `$`.
fn expressions(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let mut source = String::new();
    let mut begins = Vec::new();
    for node in Walk::new(root).filter(|node| is_expression(*node)) {
        let expression = node.as_str().unwrap_or_default().trim_start_matches('$');
        begins.push((source.len(), node));
        source.push_str(expression);
        source.push('\n');
    }
    if let Err(reached) = looking.limits.get(python::MAX_SOURCE).check(source.len() as u64) {
        looking.unread(part, &reached.into());
        return;
    }
    for expressed in python::expressed(&source) {
        let within = begins.partition_point(|(begin, _)| *begin <= expressed.at);
        let Some((_, node)) = within.checked_sub(1).and_then(|last| begins.get(last)) else { continue };
        let severity = if expressed.runs { Severity::Critical } else { Severity::High };
        let says = format!("the bundle's expression {}", expressed.says);
        looking.find_as(severity, &rules::CONFIG_TARGET, part.inner(&path(*node, "")), says);
    }
}

fn is_expression(node: Node<'_, '_>) -> bool {
    node.as_str().is_some_and(|text| text.starts_with('$'))
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
