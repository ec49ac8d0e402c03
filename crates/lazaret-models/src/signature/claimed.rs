//! Signatures among files on disk that are looked at without keys: whether the files are as somebody has signed them,
//! whoever that was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lazaret_core::{Finding, Limits, Locator, UNINSPECTABLE, chain};
use lazaret_input::FileSource;

use super::bundle::Bundle;
use super::folder::Model;
use super::manifest::Manifest;
use super::received::{MAX_ATTESTATIONS, attests, of_one_file};
use super::verify::{Check, How};
use crate::part::{MAX_WHOLE, printed};
use crate::rules;

/// What is said by whoever reads it.
const UNCHECKED: &str = "who signed was not checked: `lazaret models verify` does, with a key";

/// What the signatures among files say of the files of their own folder, with the number of the file that it concerns. A
/// signature that fails to be checked is a finding of its own file.
pub(crate) fn claimed(paths: &[PathBuf], limits: &Limits) -> Vec<(usize, Finding)> {
    let numbers: BTreeMap<&Path, usize> = paths.iter().map(PathBuf::as_path).zip(0..).collect();
    let mut of_folders: BTreeMap<&Path, u64> = BTreeMap::new();
    let mut said = Vec::new();
    for (path, number) in paths.iter().zip(0..) {
        let Some((folder, name)) = path.parent().zip(path.file_name().and_then(|name| name.to_str())) else {
            continue;
        };
        if !attests(name) {
            continue;
        }
        let failed =
            |why: String| (number, Finding::new(&UNINSPECTABLE, Locator::printed(printed(name)), why));
        match statement(path, limits) {
            Ok(Some((bytes, manifest))) => {
                let signatures = of_folders.entry(folder).or_default();
                *signatures = signatures.saturating_add(1);
                if let Err(reached) = MAX_ATTESTATIONS.check(*signatures) {
                    said.push(failed(format!("what it signs was not compared: {reached}")));
                    continue;
                }
                let Some(model) = model_of(folder, name, &manifest, &numbers) else { continue };
                match compared(&model, path, &bytes, limits) {
                    Ok(findings) => said.extend(
                        findings.into_iter().filter_map(|found| concerned(found, folder, number, &numbers)),
                    ),
                    Err(why) => said.push(failed(why)),
                }
            }
            Ok(None) => {}
            Err(why) => said.push(failed(why)),
        }
    }
    said
}

/// The bytes and the statement of a signature of a model; none where it is none, or its names are at fault, which is told
/// where the signature itself is looked at.
fn statement(path: &Path, limits: &Limits) -> Result<Option<(Vec<u8>, Manifest)>, String> {
    // What cannot be opened or is too long is told when it is looked at.
    let Ok(file) = FileSource::open(path) else { return Ok(None) };
    let most = limits.get(MAX_WHOLE);
    if most.check(file.len()).is_err() {
        return Ok(None);
    }
    let bytes = file.whole(most).map_err(|error| chain(&error))?;
    let manifest = Bundle::read(&bytes, limits).and_then(|bundle| Manifest::read(&bundle.payload, limits));
    let manifest = manifest
        .ok()
        .filter(|manifest| manifest.names_at_fault(None).is_empty() && manifest.shards_at_fault().is_empty());
    Ok(manifest.map(|manifest| (bytes, manifest)))
}

/// The model that a signature signs: the one file that it is named after, or its own folder, where a file that it names lies
/// there.
fn model_of(
    folder: &Path,
    name: &str,
    manifest: &Manifest,
    numbers: &BTreeMap<&Path, usize>,
) -> Option<PathBuf> {
    let is_here = |path: &str| numbers.contains_key(folder.join(path).as_path());
    if manifest.resources.iter().all(|resource| resource.path == ".") {
        let named = [of_one_file(name), manifest.name.as_deref()].into_iter().flatten();
        return named
            .filter(|name| !name.contains('/'))
            .find(|name| is_here(name))
            .map(|name| folder.join(name));
    }
    manifest.resources.iter().any(|resource| is_here(&resource.path)).then(|| folder.to_owned())
}

fn compared(model: &Path, signature: &Path, bytes: &[u8], limits: &Limits) -> Result<Vec<Finding>, String> {
    let model = if model.as_os_str().is_empty() { Path::new(".") } else { model };
    let model = Model::open(model).map_err(|error| chain(&error))?;
    let shown = signature.file_name().map(|name| printed(&name.to_string_lossy())).unwrap_or_default();
    let how = How {
        trust: None,
        own: model.within(signature),
        ignore_paths: Vec::new(),
        ignore_git_paths: true,
        ignore_unsigned_files: false,
        // What a link leads to is looked at, and compared.
        allow_symlinks: true,
        provenance: None,
    };
    let checked = Check::new(how, &model, shown, limits).run(bytes).map_err(|error| chain(&error))?;
    Ok(checked.findings)
}

/// A finding with the file that it concerns: what concerns none that is here stays with the signature. Nothing where an
/// attestation beside the signature is only not signed, as none is.
fn concerned(
    finding: Finding,
    folder: &Path,
    signature: usize,
    numbers: &BTreeMap<&Path, usize>,
) -> Option<(usize, Finding)> {
    let at = finding.at.to_string();
    let message = format!("{}; {UNCHECKED}", finding.message);
    let mut path = at.as_str();
    let number = loop {
        if let Some(number) = numbers.get(folder.join(path).as_path()) {
            break Some(*number);
        }
        match path.rsplit_once('!') {
            Some((before, _)) => path = before,
            None => break None,
        }
    };
    if finding.id == rules::UNSIGNED_FILE.rule.id && attests(path) {
        return None;
    }
    let Some(number) = number else { return Some((signature, Finding { message, ..finding })) };
    // Places begin with a file's own name.
    let above = path.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    let at = Locator::printed(at.get(above..).unwrap_or_default());
    Some((number, Finding { at, message, ..finding }))
}
