//! What `torch.save` writes, and packages of `torch.package`.

use std::sync::Arc;

use lazaret_core::{FormatId, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{executable, pickle};
use super::{Members, ZipKind, is_python};
use crate::look::Looking;
use crate::part::{Part, Unread};
use crate::rules;
use crate::weights::{self, Data};

/// A file of `torch.save` since 1.6: `archive/data.pkl`, and the bytes of tensors in `archive/data/0` and so on.
pub(super) struct TorchZip;

impl ZipKind for TorchZip {
    fn id(&self) -> FormatId {
        FormatId("torch-zip")
    }

    fn about(&self) -> &'static str {
        "PyTorch file (torch.save): a pickle and the bytes of its tensors in a zip"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        top_of(names, "data.pkl").is_some_and(|top| {
            names.iter().filter_map(|name| name.strip_prefix(top)).any(|rest| {
                matches!(rest, "version" | "byteorder" | ".format_version" | "constants.pkl")
                    || rest.starts_with("data/")
            })
        })
    }

    fn member(&self, member: &Part, _: &mut Looking<'_>) -> Result<bool, Unread> {
        Ok(is_record(member)? || is_storage(member)?)
    }

    fn weights(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        tensors(members, "data.pkl", "data/", part, looking);
    }
}

/// Hands over the tensors that one pickle of an archive rebuilds from the storages in a folder, and tells storages that it
/// does not name.
pub(super) fn tensors(
    members: &Members<'_>,
    pickle: &str,
    folder: &str,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let names: Vec<&str> = members.names().collect();
    let Some(top) = top_of(&names, pickle) else { return };
    let torch = members.open(&format!("{top}{pickle}"), part, looking);
    let Some(torch) = torch.and_then(|member| pickle::torch(&member, looking)) else { return };
    let folder = format!("{top}{folder}");
    let keys: FxHashSet<&str> = torch.storages.iter().map(|storage| storage.key.as_str()).collect();
    if !torch.is_partial {
        unused(&names, &folder, &keys, part, looking);
    }
    let order = members.open(&format!("{top}byteorder"), part, looking);
    let is_big = order.is_some_and(|order| order.array(0).is_ok_and(|bytes| bytes == *b"big"));
    let mut found: FxHashMap<String, Data> = FxHashMap::default();
    for key in keys.into_iter().filter(|_| !is_big) {
        let Some(member) = members.stored(&format!("{folder}{key}"), part, looking) else { continue };
        let len = member.len();
        found.insert(key.to_owned(), Data { part: Arc::new(member), from: 0, len });
    }
    let tensors = torch.hand_over(&mut |key| found.get(key).cloned(), part, looking);
    weights::judge(&tensors, part, looking);
}

/// Storages that nothing refers to.
fn unused(names: &[&str], folder: &str, keys: &FxHashSet<&str>, part: &Part, looking: &mut Looking<'_>) {
    const MOST: usize = 20;
    let is_unused =
        |name: &&&str| name.strip_prefix(folder).is_some_and(|key| !key.is_empty() && !keys.contains(key));
    let mut unused: Vec<&str> = names.iter().filter(is_unused).copied().collect();
    unused.sort_unstable();
    // A pickle without any tensor was not written for these members; there is nothing that they hide behind.
    let severity = if keys.is_empty() { Severity::Info } else { rules::WEIGHTS_UNUSED.rule.severity };
    for name in unused.iter().take(MOST) {
        let message = "the bytes of a tensor that nothing in the pickle refers to";
        looking.find_as(severity, &rules::WEIGHTS_UNUSED, part.inner(name), message);
    }
    if unused.len() > MOST {
        let message = format!(
            "{} more members that nothing in the pickle refers to",
            unused.len().saturating_sub(MOST)
        );
        looking.find_as(severity, &rules::WEIGHTS_UNUSED, part.place(), message);
    }
}

/// A package of `torch.package`: pickles, and the Python source of the classes in them.
pub(super) struct TorchPackage;

impl ZipKind for TorchPackage {
    fn id(&self) -> FormatId {
        FormatId("torch-package")
    }

    fn about(&self) -> &'static str {
        "PyTorch package (torch.package): pickles with the Python source they need"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        top_of(names, ".data/extern_modules").is_some()
    }

    fn member(&self, member: &Part, _: &mut Looking<'_>) -> Result<bool, Unread> {
        let lists = matches!(member.file_name().as_str(), "extern_modules" | "python_version");
        Ok((lists && member.name().contains(".data/")) || is_record(member)? || is_storage(member)?)
    }

    fn whole(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        let sources = || members.in_order().filter(|name| is_python(name));
        let Some(first) = sources().next() else { return };
        let message = format!(
            "it carries {} files of Python source, which loading its pickles imports and so runs",
            sources().count()
        );
        looking.find(&rules::PACKAGE_CODE, part.inner(first), message);
    }
}

/// The folder, with its slash, in which a member of this name lies.
pub(super) fn top_of<'a>(names: &[&'a str], last: &str) -> Option<&'a str> {
    let tops = names.iter().filter_map(|name| name.strip_suffix(last));
    tops.filter(|top| top.is_empty() || top.ends_with('/')).min_by_key(|top| top.len())
}

/// The small records that PyTorch writes beside the pickle: a number or a word each, which nothing runs.
pub(super) fn is_record(member: &Part) -> Result<bool, Unread> {
    let name = member.file_name();
    let named = matches!(
        name.as_str(),
        "version"
            | "byteorder"
            | ".format_version"
            | ".storage_alignment"
            | "serialization_id"
            | "archive_format"
            | "archive_version"
    );
    if !named || member.len() > 64 {
        return Ok(false);
    }
    let bytes = member.bytes(0, usize::try_from(member.len()).unwrap_or(0))?;
    Ok(bytes.iter().all(|byte| {
        byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || matches!(*byte, b'_' | b'.')
    }))
}

/// Whether a member is the bytes of a tensor, which are data whatever they look like. What is a pickle from its first
/// byte to its last is none, nor is what has the whole header of a program: no tensor is, and some readers load every
/// pickle of an archive.
pub(super) fn is_storage(member: &Part) -> Result<bool, Unread> {
    let mut steps = member.name().rsplit('/');
    let last = steps.next().unwrap_or_default();
    let number = last.strip_suffix(".storage").unwrap_or(last);
    let folder = steps.next().unwrap_or_default();
    let named = matches!(folder, "data" | ".data" | "constants" | "weights" | "xl_model_weights")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !named {
        return Ok(false);
    }
    // Exported programs keep what is more than a tensor as a file of `torch.save` under such a name.
    let is_zip = member.len() > 4 && member.array(0)? == *b"PK\x03\x04";
    Ok(!is_zip && !is_whole_pickle(member)? && !executable::is_surely(member)?)
}

/// Begins as a pickle of protocol 2 to 5 with an opcode, and ends as one.
fn is_whole_pickle(member: &Part) -> Result<bool, Unread> {
    let Some(last) = member.len().checked_sub(1).filter(|last| *last >= 3) else { return Ok(false) };
    let [proto, version, opcode] = member.array(0)?;
    let opcodes = b"c}])(KMJIGFXVUSNBC\x8a\x8b\x8c\x8d\x8e\x8f\x80\x85\x86\x87\x88\x89\x93\x94\x95\x96";
    let begins = proto == 0x80 && (2..=5).contains(&version) && opcodes.contains(&opcode);
    Ok(begins && member.array(last)? == [b'.'])
}
