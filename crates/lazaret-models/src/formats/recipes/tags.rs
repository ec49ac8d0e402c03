//! Tags of HyperPyYAML, which SpeechBrain's models are described in: the loader imports and calls what `!new:`, `!apply:` and
//! `!name:` name, imports what `!module:` names, and reads what `!include:` names.

use lazaret_core::{Locator, Severity};

use super::names::{self, Sure};
use crate::formats::beside::leaves;
use crate::look::Looking;
use crate::part::printed;
use crate::rules;

/// Judges a tag, if it is one of these.
pub(crate) fn judge(tag: &str, at: impl Fn() -> Locator, looking: &mut Looking<'_>) {
    let Some((kind, what)) = tag.split_once(':') else { return };
    match kind {
        "!new" | "!apply" | "!applyref" | "!name" => names::judge_text(what, Sure::Likely, at, looking),
        "!module" => names::judge_module(what, at(), looking),
        "!include" => {
            let Some(why) = leaves(what) else { return };
            let says = format!("the document includes `{}`, which {why}", printed(what));
            looking.find_as(Severity::High, &rules::HF_PATH_ESCAPE, at(), says);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn tags_that_run_something_are_found() {
        for (text, found) in [
            ("x: !apply:os.system [x]\n", "config.target h.yaml@3"),
            ("x: !new:subprocess.Popen\n  args: [x]\n", "config.target h.yaml@3"),
            ("x: !name:torch.hub.load\n  a: x\n", "config.target h.yaml@3"),
            ("x: !apply:torch.os.system [x]\n", "config.target h.yaml@3"),
            ("x: !new:evil.Thing {}\n", "config.target h.yaml@3"),
            ("x: !module:evil ''\n", "config.target h.yaml@3"),
            ("x: !include:/etc/passwd\n", "hf.path-escapes-model h.yaml@3"),
        ] {
            let told: Vec<String> = told(&scan(text, "h.yaml"));
            let told: Vec<&str> =
                told.iter().map(|said| said.split('@').next().unwrap_or_default()).collect();
            assert_eq!(told, [found.split('@').next().unwrap_or_default()], "{text}");
        }
    }

    #[test]
    fn tags_of_honest_models_are_quiet() {
        let text = "sample_rate: 16000\ncompute_features: !new:speechbrain.lobes.features.Fbank\n    n_mels: 80\nopt: !name:torch.optim.Adam\n    lr: 0.1\nall: !ref <sample_rate> * 2\nlabels: !include:labels.yaml\nseed: !apply:torch.manual_seed [1]\n";
        assert_eq!(told(&scan(text, "hyperparams.yaml")), [""; 0]);
    }
}
