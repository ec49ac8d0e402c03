//! What is said of a name that a document makes its loader import and call.

use lazaret_core::{Locator, Severity};
use lazaret_input::json::Node;

use crate::callables::documents;
use crate::callables::is_dangerous_builtin;
use crate::callables::recipes::{self, Call};
use crate::formats::json::path_of;
use crate::formats::requirements::without_login;
use crate::look::Looking;
use crate::own::{About, OwnRules};
use crate::part::{Part, printed};
use crate::rules;

/// How sure it is that a text is such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// Its key is of one dialect alone, and what it names is called: packages that are not known are told as grave.
    Called,
    /// Its key and those beside it say so.
    Likely,
    /// Its key is a word of many documents: only what runs programs or code beyond doubt counts.
    Word,
}

/// Whether a text is a dotted name: the values of many keys may be anything else.
pub(super) fn is_dotted(value: Node<'_, '_>) -> bool {
    let is_step = |step: &str| !step.is_empty() && step.chars().all(|c| c == '_' || c.is_alphanumeric());
    value.as_str().is_some_and(|text| text.contains('.') && text.trim().split('.').all(is_step))
}

/// Judges the text of a value.
pub(super) fn judge(value: Node<'_, '_>, sure: Sure, part: &Part, looking: &mut Looking<'_>) {
    if let Some(text) = value.as_str() {
        judge_text(text, sure, || part.inner(&path_of(value)), looking);
    }
}

/// Judges a name that stands at a place.
pub(super) fn judge_text(text: &str, sure: Sure, at: impl Fn() -> Locator, looking: &mut Looking<'_>) {
    let name = text.trim();
    if sure == Sure::Word && !recipes::is_unmistakable(looking.own, name) {
        return;
    }
    let (module, last) = documents::split(name);
    looking.met_callable(module, last, &at);
    let Some((severity, says)) = weigh(looking.own, name, sure) else { return };
    looking.find_about(severity, &rules::CONFIG_TARGET, About::callable(module, last), at(), says);
}

/// Tells of an address among the arguments of a call that loads a model from where it is told to.
pub(super) fn judge_arguments(name: &str, object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    if !recipes::is_builder(name) {
        return;
    }
    for argument in object.members().map(|member| member.value) {
        let within = argument.items().chain(argument.members().map(|member| member.value));
        for value in within.chain([argument]) {
            let Some(address) = value.as_str().filter(|text| text.contains("://")) else { continue };
            let says = format!(
                "{} loads a model that is fetched from `{}`, where it can change at any time",
                printed(name),
                printed(&without_login(address))
            );
            looking.find_as(Severity::High, &rules::CONFIG_TARGET, part.inner(&path_of(value)), says);
        }
    }
}

/// Tells of a name that is put together when the document is loaded, from what was not judged.
pub(super) fn computed(value: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let says = "the configuration makes its loader call what it puts together from other values, which was not judged";
    looking.find_as(Severity::Medium, &rules::CONFIG_TARGET, part.inner(&path_of(value)), says);
}

/// Judges a module that a document makes its loader import.
pub(super) fn judge_module(name: &str, at: Locator, looking: &mut Looking<'_>) {
    let name = name.trim();
    if recipes::is_known_module(name) {
        return;
    }
    let says =
        format!("the configuration makes its loader import {}, a module that is not known", printed(name));
    looking.find_as(Severity::Medium, &rules::CONFIG_TARGET, at, says);
}

fn weigh(own: &OwnRules, name: &str, sure: Sure) -> Option<(Severity, String)> {
    // A name without a package is one of the loader's own.
    if !name.contains('.') {
        let says = || format!("the configuration makes its loader call the built-in {}", printed(name));
        return is_dangerous_builtin(name).then(|| (Severity::Critical, says()));
    }
    let (severity, why) = match recipes::judge(own, name) {
        Call::Builds => return None,
        Call::Harms(does) => (Severity::Critical, format!(": it {does}")),
        _ if sure == Sure::Word => return None,
        Call::Borrowed => {
            (Severity::High, ", which lies in a module that its package has imported".to_owned())
        }
        Call::Unlisted => (Severity::Medium, ", which is in no list of what is harmless".to_owned()),
        Call::Foreign => {
            let severity = if sure == Sure::Called { Severity::High } else { Severity::Medium };
            (severity, ", of a package that is not known".to_owned())
        }
    };
    Some((severity, format!("the configuration makes its loader import and call {}{why}", printed(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graveness(name: &str) -> Option<Severity> {
        weigh(&OwnRules::none(), name, Sure::Called).map(|(severity, _)| severity)
    }

    #[test]
    fn names_are_judged_by_their_whole_way() {
        for name in [
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
            "eval",
            "torch.hub.load",
            "shutil.rmtree",
            "torch.os.system",
            "torch.utils.benchmark.Timer",
            "transformers.utils.import_utils.importlib.import_module",
            "torch._C._jit_load",
            "detectron2.config.LazyConfig.load",
            "accelerate.utils.launch.Popen",
            "fairseq.utils.import_user_module",
            "pandas.DataFrame.eval",
            "omegaconf.OmegaConf.register_new_resolver",
            "pytorch_lightning.strategies.launchers.subprocess_script._SubprocessScriptLauncher",
        ] {
            assert!(graveness(name) >= Some(Severity::Medium), "{name}");
        }
        for name in ["os.system", "torch.os.system", "torch.hub.load", "torch.utils.benchmark.Timer", "eval"]
        {
            assert_eq!(graveness(name), Some(Severity::Critical), "{name}");
        }
        for (name, severity) in [
            ("torchx.nn.Linear", Severity::High),
            ("nemo.utils.get_rank.logging.Thing", Severity::High),
            ("timm.models.load_checkpoint", Severity::Medium),
            ("torch.nn.functional._private", Severity::Medium),
        ] {
            assert_eq!(graveness(name), Some(severity), "{name}");
        }
    }

    #[test]
    fn names_of_honest_configurations_are_quiet() {
        for name in [
            "torch.nn.Linear",
            "torch.optim.Adam",
            "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "torch.nn.functional.relu",
            "torch.randn",
            "torch.compile",
            "torch.nn.modules.activation.Tanh",
            "torch.utils.data.DataLoader",
            "torch.utils.data.random_split",
            "torchvision.models.resnet18",
            "torchvision.transforms.InterpolationMode.BILINEAR",
            "torchvision.models.ResNet18_Weights.DEFAULT",
            "torchvision.datasets.CIFAR10",
            "transformers.AutoModel.from_pretrained",
            "transformers.get_linear_schedule_with_warmup",
            "transformers.models.llama.modeling_llama.LlamaModel",
            "pytorch_lightning.Trainer",
            "pytorch_lightning.callbacks.Timer",
            "lightning.pytorch.loggers.wandb.WandbLogger",
            "lightning.seed_everything",
            "monai.networks.nets.UNet",
            "monai.networks.nets.resnet50",
            "monai.transforms.io.array.LoadImage",
            "monai.apps.generation.maisi.networks.diffusion_model_unet_maisi.DiffusionModelUNetMaisi",
            "nemo.collections.asr.modules.ConvASREncoder",
            "nemo.collections.common.tokenizers.AutoTokenizer",
            "segmentation_models_pytorch.Unet",
            "albumentations.HueSaturationValue",
            "timm.create_model",
            "sklearn.svm._classes.SVC",
            "ldm.models.diffusion.ddpm.LatentDiffusion",
            "speechbrain.lobes.features.Fbank",
            "functools.partial",
            "pathlib.Path",
            "gluonts.time_feature._base.hour_of_day",
            "ignite.metrics.Accuracy",
            "speechbrain.decoders.ctc_greedy_decode",
            "torchio.transforms.RandomAffine",
            "pyannote.audio.pipelines.SpeakerDiarization",
            "e3nn.o3.Irreps",
            "escnn.nn.R2Conv",
            "torchtune.models.llama3.llama3_8b",
            "k_diffusion.sampling.sample_euler",
            "stable_baselines3.PPO",
            "scvi.model.SCVI",
            "anomalib.models.Patchcore",
            "hydra.utils.get_original_cwd",
            "nemo.collections.llm.gpt.model.base.gpt_data_step",
            "UNet",
        ] {
            assert_eq!(graveness(name), None, "{name}");
        }
    }
}
