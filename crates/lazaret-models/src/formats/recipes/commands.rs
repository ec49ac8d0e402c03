//! Programs and handlers that a document has started: kernels of notebooks, TorchServe, chains of LangChain.

use lazaret_core::Severity;
use lazaret_input::json::Node;

use crate::formats::beside::leaves;
use crate::formats::json::path_of;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Chains of LangChain that run what a model writes, as programs or as Python.
const RUNNERS: &[&str] = &["llm_bash_chain", "pal_chain"];

/// Handlers that TorchServe brings itself.
pub(crate) const HANDLERS: &[&str] = &[
    "base_handler",
    "image_classifier",
    "image_segmenter",
    "object_detector",
    "text_classifier",
    "text_handler",
    "vision_handler",
];

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    kernel(object, part, looking);
    chain(object, part, looking);
    if object.parent().is_none() {
        handler(object, part, looking);
    }
}

/// The command line that Jupyter starts a kernel by.
fn kernel(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(line) = object.get("argv").filter(|_| object.get("display_name").is_some()) else { return };
    let words: Vec<&str> = line.items().filter_map(|word| word.as_str()).collect();
    let is_connected = words.iter().any(|word| word.contains("{connection_file}"));
    let program = words.first().and_then(|word| word.rsplit(['/', '\\']).next()).unwrap_or_default();
    let is_shell =
        matches!(program, "sh" | "bash" | "dash" | "zsh" | "cmd" | "cmd.exe" | "powershell" | "pwsh");
    if is_connected && !is_shell && !words.contains(&"-c") {
        return;
    }
    let says = format!("Jupyter starts `{}` as a kernel, which is no usual one", printed(&words.join(" ")));
    looking.find(&rules::CONFIG_COMMAND, part.inner(&path_of(line)), says);
}

/// What LangChain makes by `_type`, and the files it is made from.
fn chain(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(kind) = object.get("_type") else { return };
    if let Some(name) = kind.as_str().filter(|name| RUNNERS.contains(name)) {
        let says = format!("the chain `{name}` runs what its model writes");
        looking.find_as(Severity::Critical, &rules::CONFIG_TARGET, part.inner(&path_of(kind)), says);
    }
    for member in object.members() {
        let is_path =
            matches!(member.key, "template_path" | "prefix_path" | "suffix_path" | "example_prompt_path")
                || matches!(
                    member.key,
                    "llm_chain_path" | "llm_path" | "prompt_path" | "combine_documents_chain_path"
                );
        let Some(path) = member.value.as_str().filter(|_| is_path) else { continue };
        let Some(why) = leaves(path) else { continue };
        let says = format!("a part of the chain is read from `{}`, which {why}", printed(path));
        looking.find_as(Severity::High, &rules::HF_PATH_ESCAPE, part.inner(&path_of(member.value)), says);
    }
}

/// The manifest of a model archive that lies by itself: its handler is code that was not seen.
fn handler(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let model = root.get("model").filter(|_| root.get("archiverVersion").is_some());
    let Some(node) = model.and_then(|model| model.get("handler")) else { return };
    let Some(name) = node.as_str().filter(|name| !HANDLERS.contains(name)) else { return };
    if !part.is_file() && part.name() == "MAR-INF/MANIFEST.json" {
        return; // the archive that it is in is asked for the handler
    }
    let says = format!("TorchServe imports the handler `{}`, which is none of its own", printed(name));
    looking.find_as(Severity::Medium, &rules::HANDLER_CODE, part.inner(&path_of(node)), says);
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn what_is_started_is_told() {
        for (text, found) in [
            (
                r#"{"argv":["sh","-c","true"],"display_name":"Python 3","language":"python"}"#,
                "config.command x.json!argv",
            ),
            (
                r#"{"argv":["python","-c","x","{connection_file}"],"display_name":"Python 3"}"#,
                "config.command x.json!argv",
            ),
            (r#"{"_type":"llm_bash_chain","llm_chain":{"_type":"llm_chain"}}"#, "config.target x.json!_type"),
            (
                r#"{"_type":"prompt","template_path":"/etc/passwd"}"#,
                "hf.path-escapes-model x.json!template_path",
            ),
            (
                r#"{"model":{"handler":"evil.py:run","modelName":"x"},"archiverVersion":"0.9"}"#,
                "torchserve.handler-code x.json!model.handler",
            ),
        ] {
            assert_eq!(told(&scan(text, "x.json")), [found], "{text}");
        }
        for text in [
            r#"{"argv":["/usr/bin/python3","-m","ipykernel_launcher","-f","{connection_file}"],"display_name":"Python 3"}"#,
            r#"{"argv":["R","--slave","-e","IRkernel::main()","--args","{connection_file}"],"display_name":"R"}"#,
            r#"{"_type":"prompt","input_variables":["x"],"template_path":"a.txt"}"#,
            r#"{"model":{"handler":"image_classifier","modelName":"x"},"archiverVersion":"0.9"}"#,
        ] {
            assert_eq!(told(&scan(text, "x.json")), [""; 0], "{text}");
        }
    }
}
