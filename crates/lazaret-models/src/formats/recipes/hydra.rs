//! Hydra, NeMo and MONAI: `_target_` names what `instantiate` imports and calls.

use std::borrow::Cow;

use lazaret_core::FormatId;
use lazaret_input::json::Node;

use super::expressions::expression;
use super::names::{self, Sure};
use crate::callables::recipes::is_unmistakable;
use crate::formats::json::{JsonKind, Walk, path_of};
use crate::look::Looking;
use crate::own::OwnRules;
use crate::part::Part;

/// A configuration with `_target_` in it, or NeMo's `target`.
pub(crate) struct HydraConfig;

/// Functions that give back what their `path` names.
const LOOKED_UP: &[&str] = &[
    "hydra.utils.get_class",
    "hydra.utils.get_method",
    "hydra.utils.get_static_method",
    "hydra.utils.get_object",
    "hydra_zen.funcs.get_obj",
];

/// How often a name is put together from values that are put together themselves.
const MAX_ROUNDS: usize = 8;
/// The longest name that is looked at.
const MAX_NAME: usize = 1000;

impl JsonKind for HydraConfig {
    fn id(&self) -> FormatId {
        FormatId("hydra-config")
    }

    fn about(&self) -> &'static str {
        "Hydra or NeMo configuration"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        let own = OwnRules::none();
        let is_listed = |name: &str| is_unmistakable(&own, name);
        Walk::new(root).any(|node| {
            ["_target_", "_component_", "class_path"].iter().any(|key| node.get(key).is_some())
                || node.get("imports").is_some_and(|imports| {
                    expression(imports).is_some() || imports.items().any(|item| expression(item).is_some())
                })
                || node.get("target").and_then(|target| target.as_str()).is_some_and(is_listed)
        })
    }

    /// What it makes its loader call is told of every document.
    fn read(&self, _: Node<'_, '_>, _: &Part, _: &mut Looking<'_>) {}
}

/// Judges the targets of an object.
pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    // A key may stand twice, and readers differ in which of the two they take.
    for target in object.members() {
        match target.key {
            "_target_" | "_zen_target" | "_component_" => {}
            "_zen_wrappers" => {
                wrappers(target.value, part, looking);
                continue;
            }
            _ => continue,
        }
        let Some(name) = resolved(target.value, part, looking) else { continue };
        let path = object.get("path").filter(|_| LOOKED_UP.contains(&&*name));
        let (value, name) = match path {
            Some(path) => {
                let Some(name) = resolved(path, part, looking) else { continue };
                (path, name)
            }
            None => (target.value, name),
        };
        names::judge_text(&name, Sure::Called, || part.inner(&path_of(value)), looking);
        names::judge_arguments(&name, object, part, looking);
    }
}

/// Functions that hydra-zen calls with what it is to call, and calls what they give: a name, or a list of names.
fn wrappers(names: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for wrapper in Walk::new(names) {
        let is_named = wrapper.key().is_none() || wrapper.id() == names.id();
        let Some(name) = resolved(wrapper, part, looking).filter(|_| is_named) else { continue };
        names::judge_text(&name, Sure::Called, || part.inner(&path_of(wrapper)), looking);
    }
}

/// The name that a value gives when references to other values are replaced; if it cannot be told, that is told.
fn resolved<'d>(value: Node<'d, '_>, part: &Part, looking: &mut Looking<'_>) -> Option<Cow<'d, str>> {
    let text = value.as_str()?.trim();
    let mut name = Cow::Borrowed(text);
    for _ in 0..MAX_ROUNDS {
        let Some(next) = replaced(&name, value) else { break };
        name = Cow::Owned(next);
    }
    let is_name = |c: char| !matches!(c, '$' | '@' | '%' | '{' | '}' | '\'' | '"' | '(' | '+');
    if name.len() <= MAX_NAME && name.chars().all(is_name) {
        return Some(name);
    }
    names::computed(value, part, looking);
    None
}

/// A name with the first reference in it replaced: OmegaConf's `${a.b}`, MONAI's `@a::b` and `%a::b`, an expression that is
/// a name.
fn replaced(name: &str, value: Node<'_, '_>) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    let root = || root_of(value);
    if let Some((before, rest)) = name.split_once("${") {
        let (inner, after) = rest.split_once('}')?;
        let dots = inner.len().saturating_sub(inner.trim_start_matches('.').len());
        let mut from = value;
        for _ in 0..dots {
            from = from.parent()?;
        }
        let from = if dots == 0 { root() } else { from };
        let found = find(from, inner.trim_start_matches('.').split(['.', '[', ']']))?;
        return Some([before, found, after].concat());
    }
    if let Some(reference) = name.strip_prefix(['@', '%']) {
        return find(root(), reference.split("::").flat_map(|steps| steps.split('#'))).map(str::to_owned);
    }
    name.strip_prefix('$').map(|rest| rest.trim_start().to_owned())
}

fn root_of<'d, 'a>(node: Node<'d, 'a>) -> Node<'d, 'a> {
    std::iter::successors(Some(node), Node::parent).last().unwrap_or(node)
}

fn find<'d, 's>(from: Node<'d, '_>, steps: impl Iterator<Item = &'s str>) -> Option<&'d str> {
    let mut at = from;
    for step in steps.filter(|step| !step.is_empty()) {
        at = match at.get(step) {
            Some(next) => next,
            None => at.items().nth(step.parse().ok()?)?,
        };
    }
    at.as_str().filter(|text| text.len() <= MAX_NAME)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn targets_are_judged_where_they_stand() {
        let report = scan("m:\n  _target_: torch.os.system\n", "config.yaml");
        assert_eq!(report.format.0, "hydra-config");
        assert_eq!(told(&report), ["config.target config.yaml!m._target_"]);
        let honest = "m:\n  _target_: monai.networks.nets.UNet\n  act:\n    _target_: hydra.utils.get_class\n    path: torch.nn.ReLU\n";
        assert_eq!(told(&scan(honest, "config.yaml")), [""; 0]);
        assert_eq!(
            told(&scan("a: {_target_: hydra.utils.get_method, path: os.system}\n", "c.yaml")),
            ["config.target c.yaml!a.path"]
        );
    }

    #[test]
    fn what_is_called_beside_the_target_and_with_it_is_judged() {
        let build = "_target_: pytorch_lightning.demos.boring_classes.BoringModel.load_from_checkpoint";
        let zen = "_target_: hydra_zen.funcs.zen_processing, _zen_target: torch.nn.Linear";
        for (text, found) in [
            (format!("a: {{{zen}, _zen_wrappers: evil.run}}\n"), "config.target c.yaml!a._zen_wrappers"),
            (
                format!("a: {{{zen}, _zen_wrappers: [[os.system]]}}\n"),
                "config.target c.yaml!a._zen_wrappers[0][0]",
            ),
            ("a: {_component_: os.system}\n".to_owned(), "config.target c.yaml!a._component_"),
            (
                format!("{build}\ncheckpoint_path: http://a.example/x.ckpt\n"),
                "config.target c.yaml!checkpoint_path",
            ),
            (format!("{build}\n_args_: [s3://a/x.ckpt]\n"), "config.target c.yaml!_args_[0]"),
            (
                "_target_: torch.UntypedStorage.from_file\n_args_: [x, true, 16]\n".to_owned(),
                "config.target c.yaml!_target_",
            ),
            ("_target_: monai.data.CSVSaver\n".to_owned(), "config.target c.yaml!_target_"),
            (
                "_target_: monai.losses.perceptual.MedicalNetPerceptualSimilarity\n".to_owned(),
                "config.target c.yaml!_target_",
            ),
        ] {
            assert_eq!(told(&scan(text.as_str(), "c.yaml")), [found], "{text}");
        }
        for text in [
            format!("a: {{{zen}, _zen_wrappers: [lightning.seed_everything]}}\n"),
            format!("{build}\ncheckpoint_path: model.ckpt\n"),
            "_target_: lightning.pytorch.loggers.wandb.WandbLogger\nhost: https://a.example\n".to_owned(),
            "_target_: hydra.utils.get_original_cwd\n".to_owned(),
            "tokenizer: {_component_: torchtune.models.llama3.llama3_tokenizer, path: a}\n".to_owned(),
        ] {
            assert_eq!(told(&scan(text.as_str(), "c.yaml")), [""; 0], "{text}");
        }
    }

    #[test]
    fn references_do_not_hide_a_name() {
        for (text, found) in [
            ("f: os.system\nm:\n  _target_: ${f}\n", true),
            ("a: os\nb: [system]\nm:\n  _target_: ${a}.${b[0]}\n", true),
            ("m:\n  f: os.system\n  _target_: ${.f}\n", true),
            ("f: ${g}\ng: os.system\nm:\n  _target_: ${f}\n", true),
            ("f: os.system\nm:\n  _target_: '@f'\n", true),
            ("m:\n  _target_: $os.system\n", true),
            ("m:\n  _target_: \"$'os.sys' + 'tem'\"\n", true),
            ("m:\n  _target_: ${elsewhere}\n", true),
            ("f: ${f}\nm:\n  _target_: ${f}\n", true),
            ("f: torch.nn\nm:\n  _target_: ${f}.Linear\n", false),
        ] {
            let told = told(&scan(text, "c.yaml"));
            assert_eq!(!told.is_empty(), found, "{text}: {told:?}");
            assert!(told.iter().all(|said| said == "config.target c.yaml!m._target_"), "{text}: {told:?}");
        }
    }

    proptest! {
        #[test]
        fn any_reference_ends(texts in prop::collection::vec("[ab.$@%:#{}\\[\\]]{0,20}", 3)) {
            let [a, b, target] = texts.as_slice() else { return Ok(()) };
            scan(format!("a: \"{a}\"\nb: \"{b}\"\nm:\n  _target_: \"{target}\"\n"), "c.yaml");
        }
    }
}
