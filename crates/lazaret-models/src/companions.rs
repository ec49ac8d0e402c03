//! The files that one which crosses alone is judged beside: what may vouch for it, and what says what it is.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use lazaret_core::{Source, Stored};

use crate::formats::distcp;
use crate::look::{Folder, NoFolder, Terms, folder_and_name, is_known_among, path_below};
use crate::part::Part;
use crate::signature::{MAX_ATTESTATIONS, attests, of_one_file};

/// Whether other files of its model may have to be known before one is judged that crosses without them
/// ([`companions`]): whoever does not know their names asks for them then.
pub fn has_companions(stored: &Stored, terms: &Terms) -> bool {
    let name = stored.source.hint().name.unwrap_or_default();
    let part = part_of(stored, &name);
    !attests(&name) && (asks_who_vouches(terms) || is_read_beside(&part) || !is_known_among(&part, &NoFolder))
}

fn asks_who_vouches(terms: &Terms) -> bool {
    !terms.signatories.signers.is_empty() || !terms.signatories.builders.is_empty()
}

/// Whether a file is read by what is beside it, although some format knows it alone: the first part of a checkpoint.
fn is_read_beside(part: &Part) -> bool {
    part.extension() == distcp::ENDING
}

fn part_of(stored: &Stored, name: &str) -> Part {
    let (_, own) = folder_and_name(name);
    Part::file(Arc::clone(&stored.source), stored.file.len, own)
}

/// Which files of a model are to be known before one of them is judged that crosses without the others, of all their `names`
/// (paths, `/` between). Signatures and provenance, where somebody is trusted to make them; and of a file that no format
/// knows alone, those that formats ask for to know it: a graph that names it as its data, an index. Of these none needs
/// one that needs it, however the files are named.
pub fn companions(stored: &Stored, names: &[String], terms: &Terms) -> Vec<String> {
    let name = stored.source.hint().name.unwrap_or_default();
    if attests(&name) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if asks_who_vouches(terms) {
        let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        // That of another file says nothing of this one.
        let may = |path: &&String| {
            attests(path) && of_one_file(path).is_none_or(|signed| signed == name || !all.contains(signed))
        };
        // Its own first: more than are ever read are not asked for.
        let mut attestations: Vec<&String> = names.iter().filter(may).collect();
        attestations.sort_by_key(|path| (of_one_file(path) != Some(&name), path.matches('/').count()));
        let most = usize::try_from(MAX_ATTESTATIONS.most()).unwrap_or(usize::MAX);
        found.extend(attestations.into_iter().take(most).cloned());
    }
    let (folder, _) = folder_and_name(&name);
    let asking = Asking { folder, names, asked: RefCell::default() };
    let part = part_of(stored, &name);
    if !is_known_among(&part, &asking) || is_read_beside(&part) {
        found.extend(asking.asked.into_inner());
    }
    found
}

/// A folder of names without files, that remembers which of them are asked for.
struct Asking<'a> {
    folder: &'a str,
    names: &'a [String],
    asked: RefCell<BTreeSet<String>>,
}

impl Asking<'_> {
    /// The paths of all files below the folder, from it, with those from the root.
    fn below(&self) -> impl Iterator<Item = (&str, &String)> {
        self.names.iter().filter_map(|name| Some((path_below(name, self.folder)?, name)))
    }
}

impl Folder for Asking<'_> {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        if let Some((_, name)) = self.below().find(|(below, _)| *below == path) {
            self.asked.borrow_mut().insert(name.clone());
        }
        None
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        let here = self.below().map(|(below, _)| below).filter(|path| !path.contains('/'));
        here.filter(|path| path.ends_with(ending)).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lazaret_core::{Hint, OwnFile, Sha256};
    use lazaret_input::MemorySource;

    use super::*;
    use crate::signature::tests::keys;
    use crate::{Signatories, Trust};

    fn asked(name: &str, bytes: &[u8], names: &[&str], terms: &Terms) -> Vec<String> {
        let hint = Hint { name: Some(name.to_owned()), ..Hint::default() };
        let file = OwnFile { path: PathBuf::new(), len: bytes.len() as u64, sha256: Sha256([0; 32]) };
        let stored = Stored { source: Arc::new(MemorySource::new(bytes.to_vec(), hint)), file };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        companions(&stored, &names, terms)
    }

    #[test]
    fn what_no_format_knows_alone_asks_for_what_may_name_it() {
        let names = [
            "onnx/model.onnx",
            "onnx/model.onnx_data",
            "onnx/deeper/other.onnx",
            "README.md",
            "step/.metadata",
            "step/__0_0.distcp",
            "variables/variables.index",
        ];
        let asked = |name, bytes: &[u8]| asked(name, bytes, &names, &Terms::default());
        assert_eq!(asked("onnx/model.onnx_data", &[7; 64]), ["onnx/model.onnx"]);
        assert_eq!(asked("variables/variables.data-00000-of-00001", &[7; 64]), ["variables/variables.index"]);
        // Alone it is an archive of its last part.
        assert_eq!(asked("step/__0_0.distcp", b"PK\x03\x04"), ["step/.metadata"]);
        // A format knows it, nothing beside it names it, nothing is in it, or it would be asked for itself.
        for (name, bytes) in [
            ("onnx/config.json", b"{}".as_slice()),
            ("x.bin", &[7; 64]),
            ("onnx/empty", b""),
            ("onnx/model.onnx", &[7; 64]),
        ] {
            assert_eq!(asked(name, bytes), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn what_may_vouch_is_asked_for_where_somebody_is_trusted() {
        let names = [
            "a.safetensors",
            "a.safetensors.sig",
            "b.safetensors",
            "b.safetensors.sig",
            "model.sig",
            "x.intoto.jsonl",
        ];
        let [key, ..] = keys();
        let signatories = Signatories {
            signers: vec![("ci".to_owned(), Trust::Key(key.public().clone()))],
            builders: Vec::new(),
        };
        let terms = Terms { signatories: Arc::new(signatories), ..Terms::default() };
        assert_eq!(
            asked("a.safetensors", b"{}", &names, &terms),
            ["a.safetensors.sig", "model.sig", "x.intoto.jsonl"]
        );
        assert_eq!(asked("model.sig", &[7; 64], &names, &terms), Vec::<String>::new());
        assert_eq!(asked("a.safetensors", b"{}", &names, &Terms::default()), Vec::<String>::new());
    }

    fn walk(name: &str, names: &[&str], above: &mut Vec<String>) {
        assert!(!above.iter().any(|one| one == name), "{name} waits for itself: {above:?}");
        above.push(name.to_owned());
        for next in asked(name, &[7; 64], names, &Terms::default()) {
            walk(&next, names, above);
        }
        above.pop();
    }

    #[test]
    fn however_files_are_named_none_waits_for_itself() {
        let names = [
            ".metadata",
            "a.distcp",
            "a.bin",
            "a.xml",
            "a.onnx",
            "a.index",
            "a.data-00000-of-00001",
            "a.bin.onnx",
            "a.data-00000-of-00001.index",
        ];
        for name in names {
            walk(name, &names, &mut Vec::new());
        }
    }
}
