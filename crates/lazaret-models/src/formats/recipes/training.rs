//! Configurations of training that are not Hydra's: `target` with `params` (latent diffusion), `class_path` with `init_args`
//! (Lightning), `type` with `init_parameters` (Haystack) or alone (AllenNLP, mmengine), and what mmengine imports or takes
//! over.

use lazaret_core::Severity;
use lazaret_input::json::Node;

use super::names::{self, Sure};
use crate::callables::documents::split;
use crate::formats::json::path_of;
use crate::formats::requirements::without_login;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Keys of names, with those beside them that say that it is one.
const NAMED: &[(&str, &[&str])] =
    &[("class_path", &["init_args", "dict_kwargs"]), ("target", &["params"]), ("type", &["init_parameters"])];

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in object.members() {
        if let Some((key, beside)) = NAMED.iter().find(|(key, _)| *key == member.key) {
            let is_named = names::is_dotted(member.value);
            let is_called = beside.iter().any(|key| object.get(key).is_some());
            // A class without arguments stands alone; that of a model of NeMo stands at the root beside the version.
            let is_alone = matches!(*key, "class_path" | "target") && object.len() == 1;
            let sure = if is_named && member.key == "target" && object.get("nemo_version").is_some() {
                Sure::Called
            } else if is_named && (is_called || is_alone && is_class(member.value)) {
                Sure::Likely
            } else {
                Sure::Word
            };
            names::judge(member.value, sure, part, looking);
            if sure != Sure::Word {
                let name = member.value.as_str().unwrap_or_default();
                for arguments in beside.iter().filter_map(|key| object.get(key)) {
                    names::judge_arguments(name, arguments, part, looking);
                }
            }
        } else if member.key == "custom_imports" {
            let imports = member.value.get("imports").unwrap_or(member.value);
            for module in imports.items().chain([imports]) {
                if let Some(name) = module.as_str() {
                    names::judge_module(name, part.inner(&path_of(module)), looking);
                }
            }
        } else if member.key == "_base_" {
            for base in member.value.items().chain([member.value]) {
                is_taken_over(base, part, looking);
            }
        }
    }
}

/// Whether a dotted name is written as that of a class in a module: `package.module.Class`.
fn is_class(name: Node<'_, '_>) -> bool {
    let (module, class) = split(name.as_str().unwrap_or_default().trim());
    let is_module = |step: &str| step.starts_with(|c: char| c == '_' || c.is_ascii_lowercase());
    module.split('.').all(is_module) && class.starts_with(|c: char| c.is_ascii_uppercase())
}

/// mmengine runs the configuration that another one is based on, if it is Python.
fn is_taken_over(base: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(address) = base.as_str().filter(|text| text.contains("://")) else { return };
    let says = format!(
        "the configuration is based on one that is fetched, `{}`, and that may be Python",
        printed(&without_login(address))
    );
    looking.find_as(Severity::High, &rules::CONFIG_TARGET, part.inner(&path_of(base)), says);
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn what_is_called_is_judged() {
        for (text, at) in [
            ("model:\n  target: timeit.timeit\n  params: {stmt: x}\n", "model.target"),
            ("model:\n  target: code.interact\n", "model.target"),
            ("model:\n  target: torch.hub.load\n  params: {model: x}\n", "model.target"),
            ("model:\n  target: pandas.read_pickle\n", "model.target"),
            ("model:\n  target: evil.mod.run\n  params: {}\n", "model.target"),
            ("m:\n  class_path: timeit.Timer\n  init_args: {stmt: x}\n", "m.class_path"),
            ("m:\n  class_path: subprocess.Popen\n", "m.class_path"),
            ("a:\n  type: subprocess.Popen\n  init_parameters: {args: x}\n", "a.type"),
            ("model: {type: os.system, command: x}\n", "model.type"),
            ("custom_imports: {imports: [evil.module]}\n", "custom_imports.imports[0]"),
            ("model: {type: mmengine.utils.package_utils.call_command, cmd: x}\n", "model.type"),
            ("model: {type: mmengine.Config.fromfile, filename: x.py}\n", "model.type"),
            ("model: {type: distutils.spawn.spawn, cmd: [x]}\n", "model.type"),
            ("model: {type: setuptools._distutils.spawn.spawn, cmd: [x]}\n", "model.type"),
            ("model: {type: timm.utils.os.system, command: x}\n", "model.type"),
            ("model: {type: platform.os.system, command: x}\n", "model.type"),
            (
                "model: {type: torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler}\n",
                "model.type",
            ),
            ("m:\n  class_path: evil.M\n", "m.class_path"),
            ("m:\n  target: evil.mod.X\n", "m.target"),
            ("target: evil.Model\nnemo_version: 1.20.0\noptim: {}\n", "target"),
            (
                "m:\n  class_path: lightning.M.load_from_checkpoint\n  init_args: {checkpoint_path: 'http://a.example/x'}\n",
                "m.init_args.checkpoint_path",
            ),
            ("_base_: https://a.example/x.py\n", "_base_"),
        ] {
            assert_eq!(told(&scan(text, "c.yaml")), [format!("config.target c.yaml!{at}")], "{text}");
        }
    }

    #[test]
    fn what_honest_configurations_name_is_quiet() {
        for text in [
            "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    unet_config:\n      target: ldm.modules.diffusionmodules.openaimodel.UNetModel\n      params: {}\n",
            "model:\n  target: sgm.models.diffusion.DiffusionEngine\n  params: {}\n",
            "trainer:\n  class_path: lightning.pytorch.Trainer\n  init_args: {max_epochs: 1}\n",
            "components:\n  a:\n    type: haystack.components.builders.prompt_builder.PromptBuilder\n    init_parameters: {}\n",
            "a: {type: io.netty.Channel}\nb: {type: code.block}\nc: {type: test.case, target: http.request}\nd: {target: 'a b.c', params: 1}\n",
            "a: {type: org.apache.http.Client}\nb: {type: acme.code.block}\nc: {target: System.Web}\nd: {target: a.b.C, port: 1}\ne: {target: www.example}\n",
            "a: {target: torch.ops.aten.linear.default, type: torch.Tensor}\nf: {target: _operator.getitem}\nb: {type: numpy.ndarray}\nc: {type: pandas.DataFrame}\n",
            "_base_: [../_base_/default.py, 'mmdet::x.py']\ncustom_imports: {imports: [mmpretrain.models]}\nmodel: {type: ResNet}\n",
        ] {
            assert_eq!(told(&scan(text, "c.yaml")), [""; 0], "{text}");
        }
    }
}
