//! What the proxies remember, each in a small file of its own: which cleared file a name means, and the pages that name
//! them. A note is found by the digest of its key, which may hold a query that lets somebody in, and counts only if it says that
//! digest itself; whether its file is still cleared is asked
//! of the folder of blobs each time.

use std::io;
use std::path::{Path, PathBuf};

use lazaret_core::{Limit, Limits, Sha256, hex};
use lazaret_input::{OpenError, ReadError, create_private_folder_durably, json, read_file, write_durably};
use ring::digest::{SHA256, digest};

/// Longest note: a page, with what JSON adds to it.
pub const MAX_NOTE: Limit = Limit::new("updates.max_note", 128 << 20);

/// A folder of notes.
#[derive(Debug)]
pub struct Notes {
    folder: PathBuf,
    limits: Limits,
}

impl Notes {
    /// Opens a folder, making it if there is none.
    pub fn open(folder: &Path, limits: Limits) -> io::Result<Self> {
        create_private_folder_durably(folder)?;
        Ok(Self { folder: folder.to_owned(), limits })
    }

    /// Keeps a text under a key, in place of what was there. Returns when it is durable.
    pub fn put(&self, key: &[&str], text: &str) -> io::Result<()> {
        if self.get(key)?.as_deref() == Some(text) {
            return Ok(());
        }
        let place = self.place(&name_of(key));
        if let Some(folder) = place.parent() {
            create_private_folder_durably(folder)?;
        }
        let note = serde_json::json!({ "key": name_of(key), "text": text }).to_string();
        write_durably(&place, note.as_bytes())
    }

    /// What was kept under a key. A note that is damaged or another's counts as none.
    pub fn get(&self, key: &[&str]) -> io::Result<Option<String>> {
        let name = name_of(key);
        let bytes = match read_file(&self.place(&name), self.limits.get(MAX_NOTE)) {
            Ok(bytes) => bytes,
            Err(ReadError::Open(OpenError::System(error))) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        let parsed = json::parse(&bytes, &self.limits);
        let Some(document) = parsed.document.filter(|_| parsed.faults.is_empty()) else { return Ok(None) };
        let root = document.root();
        let same = root.get("key").and_then(|said| said.as_str()) == Some(name.as_str());
        Ok(root.get("text").filter(|_| same).and_then(|text| text.as_str()).map(str::to_owned))
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name.get(..2).unwrap_or_default()).join(name)
    }
}

/// What the note of a key is called: its SHA-256.
fn name_of(key: &[&str]) -> String {
    hex(digest(&SHA256, serde_json::json!(key).to_string().as_bytes()).as_ref())
}

/// What a name means: a cleared file, and what its upstream said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    /// Which file.
    pub sha256: Sha256,
    /// Length in bytes.
    pub len: u64,
    /// Its entity tag at its upstream, without quotes; empty if it had none.
    pub tag: String,
    /// Whether the hub keeps it as a large file (LFS), and so says its SHA-256.
    pub is_large: bool,
}

impl FileNote {
    /// As a line.
    pub fn line(&self) -> String {
        let kind = if self.is_large { "large" } else { "small" };
        format!("{} {} {kind} {}", self.sha256, self.len, self.tag)
    }

    /// Reads a line.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ');
        let (sha256, len) = (Sha256::parse(parts.next()?)?, parts.next()?.parse().ok()?);
        let is_large = match parts.next()? {
            "large" => true,
            "small" => false,
            _ => return None,
        };
        Some(Self { sha256, len, is_large, tag: parts.next()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_note_is_found_by_its_key_and_counts_only_if_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path(), Limits::default()).unwrap();
        let key = ["file", "org/model", "main"];
        assert_eq!(notes.get(&key).unwrap(), None);
        notes.put(&key, "one\n\"two\"").unwrap();
        notes.put(&key, "é").unwrap();
        assert_eq!(notes.get(&key).unwrap().as_deref(), Some("é"));
        assert_eq!(notes.get(&["file", "org", "model/main"]).unwrap(), None);
        let other = ["file", "org/other", "main"];
        let place = notes.place(&name_of(&other));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(notes.place(&name_of(&key)), &place).unwrap();
        let text = read_file(&place, MAX_NOTE).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("org/model"), "a key is kept as its digest: {text}");
        assert_eq!(notes.get(&other).unwrap(), None);
        std::fs::write(&place, "{").unwrap();
        assert_eq!(notes.get(&other).unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_line_is_a_file_that_reads_the_same_again_or_none(line in "([0-9a-f]{64} )?([0-9]{1,25} )?(large |small )?.*") {
            if let Some(note) = FileNote::parse(&line) {
                prop_assert_eq!(FileNote::parse(&note.line()), Some(note));
            }
        }
    }
}
