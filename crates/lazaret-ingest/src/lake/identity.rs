//! Which lake a folder holds. A folder's name does not say it: two folders bear one name, and a lake is moved, or
//! deleted and made anew. So a lake has an id of its own, in a file of its folder.

use std::path::Path;

use lazaret_core::Limit;
use lazaret_input::{read_file, write_durably};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::{LakeError, STAGING, checked_name};

/// The largest `.lake.json` that is read.
pub const MAX_IDENTITY: Limit = Limit::fixed("lake.max_identity", 4 << 10);
const FILE: &str = ".lake.json";

/// Which lake it is, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeIdentity {
    /// Its own, and no other lake's: `lake:` and 32 hex digits. A lake that was made before lakes had ids keeps the
    /// name it had then.
    pub id: String,
    /// Its datasets, keys and receipts bear the name.
    pub name: String,
}

impl LakeIdentity {
    /// A new lake.
    pub fn fresh(name: &str) -> Result<Self, LakeError> {
        let mut random = [0_u8; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| LakeError::Random)?;
        let id = u128::from_be_bytes(random);
        Ok(Self { id: format!("lake:{id:032x}"), name: checked_name(name)?.to_owned() })
    }

    /// A lake that was known by its name alone.
    pub fn by_name(id: &str, name: &str) -> Result<Self, LakeError> {
        Ok(Self { id: checked_name(id)?.to_owned(), name: checked_name(name)?.to_owned() })
    }

    /// The same lake by another name.
    pub fn called(&self, name: &str) -> Result<Self, LakeError> {
        Ok(Self { id: self.id.clone(), name: checked_name(name)?.to_owned() })
    }

    /// The lake in a folder; none where no file says.
    pub fn read(folder: &Path) -> Result<Option<Self>, LakeError> {
        let file = folder.join(FILE);
        if !file.exists() {
            return Ok(None);
        }
        let bytes = read_file(&file, MAX_IDENTITY).map_err(|_| LakeError::Identity)?;
        let text = String::from_utf8(bytes).map_err(|_| LakeError::Identity)?;
        let read: Self = serde_json::from_str(&text).map_err(|_| LakeError::Identity)?;
        let id = read.id.strip_prefix("lake:").unwrap_or(&read.id);
        match (checked_name(id), checked_name(&read.name)) {
            (Ok(_), Ok(_)) => Ok(Some(read)),
            _ => Err(LakeError::Identity),
        }
    }

    /// Writes it into its folder. Returns when that is durable.
    pub fn write(&self, folder: &Path) -> Result<(), LakeError> {
        let text = serde_json::to_vec(self).map_err(LakeError::Manifest)?;
        write_durably(&folder.join(FILE), &text).map_err(LakeError::io("write `.lake.json`"))
    }

    /// Whether a folder holds nothing of a lake: no visible file, and nothing staged.
    pub fn is_empty(folder: &Path) -> Result<bool, LakeError> {
        let what = LakeError::io("list its folders");
        if !folder.exists() {
            return Ok(true);
        }
        for entry in std::fs::read_dir(folder).map_err(&what)? {
            let entry = entry.map_err(&what)?;
            let name = entry.file_name();
            let staging = name == STAGING;
            if !(staging || name.to_str().is_some_and(|name| checked_name(name).is_ok()))
                || !entry.path().is_dir()
            {
                continue;
            }
            for inside in std::fs::read_dir(entry.path()).map_err(&what)? {
                let inside = inside.map_err(&what)?;
                if staging || inside.path().extension().is_some_and(|extension| extension == "parquet") {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lake_is_known_again_and_no_two_are_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LakeIdentity::read(folder.path()).unwrap(), None);
        let one = LakeIdentity::fresh("lake").unwrap();
        assert_ne!(one, LakeIdentity::fresh("lake").unwrap());
        one.write(folder.path()).unwrap();
        assert_eq!(LakeIdentity::read(folder.path()).unwrap(), Some(one));
        for damaged in ["", "{", r#"{"id":"","name":"lake"}"#, r#"{"id":"lake","name":"../x"}"#, "[1]"] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            assert!(matches!(LakeIdentity::read(folder.path()), Err(LakeError::Identity)), "{damaged}");
        }
        assert!(LakeIdentity::fresh("a/b").is_err());
    }

    #[test]
    fn only_files_of_a_lake_fill_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        assert!(LakeIdentity::is_empty(&place("none")).unwrap());
        LakeIdentity::fresh("lake").unwrap().write(folder.path()).unwrap();
        for other in ["Patient", STAGING, "docs"] {
            std::fs::create_dir(place(other)).unwrap();
        }
        std::fs::write(place("docs/a.md"), b"").unwrap();
        assert!(LakeIdentity::is_empty(folder.path()).unwrap());
        std::fs::create_dir(place(".staging/x")).unwrap();
        assert!(!LakeIdentity::is_empty(folder.path()).unwrap());
        std::fs::remove_dir(place(".staging/x")).unwrap();
        std::fs::write(place("Patient/a.parquet"), b"").unwrap();
        assert!(!LakeIdentity::is_empty(folder.path()).unwrap());
    }
}
