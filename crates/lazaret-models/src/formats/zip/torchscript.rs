//! TorchScript: `torch.jit.save` writes the program of a model as source beside its pickles.

use lazaret_core::{FormatId, Locator};

use super::torch::{is_record, is_storage, tensors, top_of};
use super::{Members, ZipKind, is_python};
use crate::inside::Met;
use crate::look::Looking;
use crate::own::About;
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::rules;

/// The kind.
pub(super) struct TorchScript;

impl ZipKind for TorchScript {
    fn id(&self) -> FormatId {
        FormatId("torchscript")
    }

    fn about(&self) -> &'static str {
        "TorchScript program (torch.jit.save)"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        let top = top_of(names, "constants.pkl").or_else(|| top_of(names, "data.pkl"));
        top.is_some_and(|top| {
            let code = |name: &&str| name.strip_prefix(top).is_some_and(|rest| rest.starts_with("code/"));
            names.iter().any(|name| code(name) && is_python(name))
        })
    }

    fn member(&self, member: &Part, looking: &mut Looking<'_>) -> Result<bool, Unread> {
        if member.name().contains("code/") && member.extension() == "py" {
            let source = member.whole(looking.limits.get(MAX_WHOLE))?;
            let met = || Met::code("a TorchScript program", "run when the model is called");
            looking.uses(met, || member.place());
            judge(&source, member, looking);
            return Ok(true);
        }
        if member.file_name() == "bytecode.pkl" {
            bytecode(&member.whole(looking.limits.get(MAX_WHOLE))?, member, looking);
        }
        Ok(is_record(member)? || is_storage(member)?)
    }

    fn weights(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        tensors(members, "data.pkl", "data/", part, looking);
        tensors(members, "constants.pkl", "constants/", part, looking);
    }
}

/// Operators that read or write files or reach other hosts, without their namespace's `ops.`.
const REACH_OUT: &[&str] = &[
    "aten.from_file",
    "aten.load",
    "aten.save",
    "image.read_file",
    "image.write_file",
    "torchaudio.ffmpeg_open_output",
    "torchaudio.sox_effects_apply_effects_file",
    "torchaudio.sox_io_get_info",
    "torchaudio.sox_io_load_audio_file",
    "torchaudio.sox_io_save_audio_file",
    "video_reader.probe_video_from_file",
    "video_reader.read_video_from_file",
];

/// Namespaces of operators that come with PyTorch and its own libraries.
const KNOWN: &[&str] = &[
    "_caffe2",
    "_quantized",
    "aten",
    "fb",
    "higher_order",
    "image",
    "inductor",
    "mkldnn",
    "mkldnn_prepacked",
    "nnapi",
    "onnx",
    "prepacked",
    "prim",
    "prims",
    "profiler",
    "quantized",
    "quantized_decomposed",
    "sparse",
    "static_runtime",
    "symm_mem",
    "tensorexpr",
    "torchaudio",
    "torchtext",
    "torchvision",
    "video_reader",
    "xnnpack",
];

/// Namespaces that start work on other hosts.
const REMOTE: &[&str] = &["_c10d_functional", "c10d", "c10d_functional", "rpc"];

/// Classes of a namespace of their own: `__torch__.torch.classes.NAMESPACE.NAME`.
const KNOWN_CLASSES: &[&str] = &[
    "__torch__",
    "cuda",
    "mkldnn",
    "metal",
    "nnapi",
    "profiling",
    "quantized",
    "rnn",
    "sparse",
    "torchaudio",
    "torchtext",
    "vulkan",
    "xnnpack",
    "dist_rpc",
];

/// Says what the operators that a program names can do. Words in strings and comments are none.
fn judge(source: &[u8], member: &Part, looking: &mut Looking<'_>) {
    for path in paths(source) {
        let rest = match path.strip_prefix("ops.") {
            Some(rest) => rest.to_owned(),
            None => match path.strip_prefix("torch.ops.").or_else(|| path.strip_prefix("torch.")) {
                Some(rest) if rest.contains('.') && path.starts_with("torch.ops.") => rest.to_owned(),
                Some(rest) if !rest.contains('.') => format!("aten.{rest}"),
                _ => {
                    class(&path, member, looking);
                    continue;
                }
            },
        };
        let mut steps = rest.split('.');
        let (Some(namespace), Some(operator)) = (steps.next(), steps.next()) else { continue };
        self::operator(namespace, operator, || member.place(), looking);
    }
}

/// Says what an operator can do that a program calls.
pub(super) fn operator(namespace: &str, operator: &str, at: impl Fn() -> Locator, looking: &mut Looking<'_>) {
    let name = format!("{namespace}.{operator}");
    let shown = printed(&name.replacen('.', "::", 1));
    looking.met_operator(namespace, operator, &at);
    if REACH_OUT.contains(&name.as_str()) || REMOTE.contains(&namespace) {
        let message =
            format!("the program calls `{shown}`, which reads or writes files or reaches other hosts");
        let (rule, about) = (&rules::TORCHSCRIPT_REACHES_OUT, About::operator(namespace, operator));
        looking.find_about(rule.rule.severity, rule, about, at(), message);
    } else if !KNOWN.contains(&namespace) {
        let message = format!("the program calls `{shown}`, an operator that does not come with PyTorch");
        let (rule, about) = (&rules::TORCHSCRIPT_CUSTOM_OPERATOR, About::operator(namespace, operator));
        looking.find_about(rule.rule.severity, rule, about, at(), message);
    }
}

/// The program for phones is a pickle, whose operators stand in it by their names. It is read as a pickle too.
fn bytecode(program: &[u8], member: &Part, looking: &mut Looking<'_>) {
    for name in REACH_OUT {
        let name = name.replacen('.', "::", 1);
        // A string of its own: its length stands before it, in one byte or in four.
        let len = u8::try_from(name.len()).unwrap_or(0);
        let calls = memchr::memmem::find_iter(program, name.as_bytes()).any(|at| {
            let before = program.get(at.saturating_sub(5)..at).unwrap_or_default();
            before.ends_with(&[b'X', len, 0, 0, 0]) || before.ends_with(&[0x8c, len])
        });
        if calls {
            let message =
                format!("the program calls `{name}`, which reads or writes files or reaches other hosts");
            looking.find(&rules::TORCHSCRIPT_REACHES_OUT, member.place(), message);
        }
    }
}

fn class(path: &str, member: &Part, looking: &mut Looking<'_>) {
    let Some(rest) = path.strip_prefix("__torch__.torch.classes.") else { return };
    let namespace = rest.split('.').next().unwrap_or_default();
    if !KNOWN_CLASSES.contains(&namespace) {
        let message =
            format!("the program uses the class `{}`, which does not come with PyTorch", printed(rest));
        looking.find(&rules::TORCHSCRIPT_CUSTOM_OPERATOR, member.place(), message);
    }
}

/// The dotted names of a source, each once and in order; strings and comments are passed over.
fn paths(source: &[u8]) -> Vec<String> {
    let mut paths = Vec::new();
    let mut seen = rustc_hash::FxHashSet::default();
    let mut rest = source;
    while let [first, after @ ..] = rest {
        match first {
            b'#' => rest = memchr::memchr(b'\n', rest).and_then(|end| rest.get(end..)).unwrap_or_default(),
            b'"' | b'\'' => rest = behind_string(*first, after),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let in_path = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
                let end = rest.iter().position(in_path).unwrap_or(rest.len());
                let (path, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                let path = String::from_utf8_lossy(path);
                if path.contains('.') && !seen.contains(path.as_ref()) {
                    seen.insert(path.clone().into_owned());
                    paths.push(path.into_owned());
                }
                rest = behind;
            }
            _ => rest = after,
        }
    }
    paths
}

fn behind_string(quote: u8, mut rest: &[u8]) -> &[u8] {
    while let [first, after @ ..] = rest {
        match first {
            b'\\' => rest = after.get(1..).unwrap_or_default(),
            b'\n' => return after,
            byte if *byte == quote => return after,
            _ => rest = after,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_strings_and_comments_are_no_operators() {
        let source =
            b"x = ops.aten.add(a, \"ops.aten.save\\\" ops.evil.x\") # ops.evil.run\ny = torch.relu(x)\n";
        assert_eq!(paths(source), ["ops.aten.add", "torch.relu"]);
    }
}
