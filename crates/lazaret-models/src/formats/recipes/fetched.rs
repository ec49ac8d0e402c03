//! Code and packages that a document has fetched from an address or from another repository.

use lazaret_core::Severity;
use lazaret_input::json::Node;

use crate::formats::json::path_of;
use crate::formats::requirements::without_login;
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

pub(super) fn judge(object: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for member in object.members() {
        let at = || part.inner(&path_of(member.value));
        match member.key.replace('-', "_").as_str() {
            "trust_remote_code" if is_true(member.value) => {
                let says = "it tells the loader to trust code that comes with models";
                looking.find(&rules::HF_REMOTE_CODE, at(), says);
            }
            "custom_pipeline" if object.get("_target_").is_some() => pipeline(member.value, part, looking),
            "attn_implementation" | "_attn_implementation" => {
                for kernel in member.value.members().map(|of| of.value).chain([member.value]) {
                    kernel_of(kernel, part, looking);
                }
            }
            "requirements" if object.get("spacy_version").is_some() => packages(member.value, part, looking),
            "python" => {
                if let Some(list) = member.value.get("packages") {
                    packages(list, part, looking);
                }
            }
            "runtime_env" => {
                for (key, list) in member.value.members().map(|of| (of.key, of.value)) {
                    match key {
                        "pip" => packages(list.get("packages").unwrap_or(list), part, looking),
                        "working_dir" | "py_modules" => code(list, part, looking),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a value is what Python, a reader of YAML or an argument of a command line takes for true.
fn is_true(value: Node<'_, '_>) -> bool {
    let words = ["true", "yes", "on", "1"];
    let is_nonzero = |number: &str| number.parse::<f64>().is_ok_and(|number| number != 0.0);
    value.as_bool() == Some(true)
        // YAML's numbers are texts here.
        || value.as_number().or(value.as_str()).is_some_and(is_nonzero)
        || value.as_str().is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// An attention that is named like a repository is one: transformers fetches its kernel and runs it.
fn kernel_of(value: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(name) = value.as_str() else { return };
    let repository = name.rsplit('|').next().unwrap_or(name);
    let Some((owner, _)) = repository.split_once('/') else { return };
    let severity = if owner == "kernels-community" { Severity::Medium } else { Severity::High };
    let says =
        format!("the loader fetches a kernel from the repository `{}` and runs it", printed(repository));
    looking.find_as(severity, &rules::HF_REMOTE_CODE, part.inner(&path_of(value)), says);
}

/// A pipeline of diffusers by its name is code of a repository, or of those of the community.
fn pipeline(value: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(name) = value.as_str() else { return };
    let says = format!("the loader fetches the code of a pipeline from `{}`", printed(&without_login(name)));
    looking.find_as(Severity::High, &rules::HF_REMOTE_CODE, part.inner(&path_of(value)), says);
}

/// Packages that pip takes from an address.
fn packages(list: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for item in list.items() {
        let Some(package) = item.as_str().filter(|text| text.contains("://")) else { continue };
        let says = format!("a package comes from an address: `{}`", printed(&without_login(package)));
        looking.find(&rules::REQUIREMENTS_FOREIGN_SOURCE, part.inner(&path_of(item)), says);
    }
}

/// Code that Ray fetches and imports.
fn code(value: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for item in value.items().chain([value]) {
        let Some(address) = item.as_str().filter(|text| text.contains("://")) else { continue };
        let says = format!(
            "the code that is run is fetched from `{}`, where it can change at any time",
            printed(&without_login(address))
        );
        looking.find_as(Severity::High, &rules::HF_REMOTE_CODE, part.inner(&path_of(item)), says);
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn what_is_fetched_and_run_is_told() {
        for (text, found) in [
            ("trust-remote-code: true\n", "hf.remote-code c.yaml!trust-remote-code"),
            ("trust_remote_code: 1\n", "hf.remote-code c.yaml!trust_remote_code"),
            ("a: {trust_remote_code: 2}\n", "hf.remote-code c.yaml!a.trust_remote_code"),
            (
                "_target_: diffusers.DiffusionPipeline.from_pretrained\ncustom_pipeline: a/b\n",
                "hf.remote-code c.yaml!custom_pipeline",
            ),
            ("a: {trust_remote_code: Yes}\n", "hf.remote-code c.yaml!a.trust_remote_code"),
            ("_attn_implementation: a/kernel\n", "hf.remote-code c.yaml!_attn_implementation"),
            (
                "a: {attn_implementation: 'paged|a/kernel@main:fn'}\n",
                "hf.remote-code c.yaml!a.attn_implementation",
            ),
            (
                "attn_implementation: {text_config: a/kernel}\n",
                "hf.remote-code c.yaml!attn_implementation.text_config",
            ),
            (
                "spacy_version: '>=3'\nrequirements: ['x @ http://a.example/x.whl']\n",
                "requirements.foreign-source c.yaml!requirements[0]",
            ),
            (
                "python:\n  packages: ['git+https://a.example/x']\n",
                "requirements.foreign-source c.yaml!python.packages[0]",
            ),
            (
                "runtime_env:\n  working_dir: https://a.example/x.zip\n",
                "hf.remote-code c.yaml!runtime_env.working_dir",
            ),
        ] {
            assert_eq!(told(&scan(text, "c.yaml")), [found], "{text}");
        }
        let report = scan("runtime_env:\n  working_dir: https://me:hunter2@a.example/x.zip\n", "c.yaml");
        assert!(!report.findings[0].message.contains("hunter2"), "{:?}", report.findings);
        for text in [
            "a: {trust_remote_code: 0, custom_pipeline: a/b}\n",
            "trust_remote_code: 0.0\n",
            "trust_remote_code: false\nattn_implementation: flash_attention_2\n",
            "spacy_version: '>=3'\nrequirements: ['spacy-transformers>=1.0']\npython:\n  packages: [torch]\n",
            "runtime_env:\n  working_dir: .\n  pip: [torch]\n",
        ] {
            assert_eq!(told(&scan(text, "c.yaml")), [""; 0], "{text}");
        }
    }
}
