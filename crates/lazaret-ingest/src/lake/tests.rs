//! What the lake promises, held against a fake key service, damaged files and crashes.

mod contents;
mod crashes;
mod damage;
mod pyarrow;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use lazaret_core::{
    Counts, DataKey, Destination, Ending, EntryIndex, LedgerError, Output, Piece, PieceContent, Seal, Sealed,
    Timestamp,
};

use super::*;

/// Keys in memory: made when first asked for.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<String, [u8; 32]>>);

impl Keys {
    fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The same ids, every key another.
    fn wrong(&self) -> Arc<Self> {
        let keys = self.0.lock().unwrap();
        Arc::new(Self(Mutex::new(keys.iter().map(|(id, key)| (id.clone(), key.map(|byte| !byte))).collect())))
    }
}

impl DataKeys for Keys {
    fn current(&self, dataset: &str, column: Option<&str>) -> Result<DataKey, VaultError> {
        let id = format!("{dataset}#{}@1", column.unwrap_or("footer"));
        let mut keys = self.0.lock().unwrap();
        let made = keys.len();
        let key = *keys.entry(id.clone()).or_insert_with(|| {
            let mut key = [0_u8; 32];
            ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key).unwrap();
            key[0] = u8::try_from(made).unwrap();
            key
        });
        Ok(DataKey { id, key: key.into() })
    }

    fn by_id(&self, id: &str) -> Result<DataKey, VaultError> {
        match self.0.lock().unwrap().get(id) {
            Some(key) => Ok(DataKey { id: id.to_owned(), key: (*key).into() }),
            None => Err(VaultError { what: "find a data key", cause: None }),
        }
    }
}

struct FixedRandom(u8);

impl lazaret_core::Random for FixedRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), lazaret_core::RandomError> {
        buffer.fill(self.0);
        Ok(())
    }
}

fn crossing(n: u8) -> CrossingId {
    CrossingId::new(Timestamp::from_millis(1_764_080_413_007), &FixedRandom(n)).unwrap()
}

fn sealed(crossing: CrossingId, ending: Ending, outputs: Vec<Output>) -> Sealed {
    let seal = Seal {
        crossing,
        ending,
        reason: None,
        ended: Timestamp::default(),
        counts: Counts::default(),
        outputs,
    };
    Sealed { seal, record_root: String::new(), opened_at: EntryIndex(0), sealed_at: EntryIndex(1) }
}

fn piece(record: u64, kind: &str, bytes: impl Into<Vec<u8>>) -> Piece {
    Piece { record, kind: kind.to_owned(), content: PieceContent::Bytes(bytes.into()) }
}

const SECRET: &str = "Quillmoor-Featherstone";

fn patient(n: u64) -> Piece {
    let json = format!(
        r#"{{"resourceType":"Patient","id":"p{n}","name":[{{"family":"{SECRET}"}}],"gender":"female","birthDate":"19{:02}-06-15","active":true}}"#,
        n % 100
    );
    piece(n, "Patient", json)
}

fn observation(n: u64) -> Piece {
    let json = format!(
        r#"{{"resourceType":"Observation","id":"o{n}","status":"final","subject":{{"reference":"Patient/p{n}"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"8302-2","display":"Body \"Height\""}}]}},"effectiveDateTime":"2023-10-10T04:17:47Z","valueQuantity":{{"value":127.90,"unit":"cm"}}}}"#
    );
    piece(n, "Observation", json)
}

fn open(dir: &Path, keys: &Arc<Keys>) -> Lake {
    Lake::open(dir, Arc::<Keys>::clone(keys), &Limits::default()).unwrap()
}

fn new_lake() -> (tempfile::TempDir, Arc<Keys>, Lake) {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Keys::new());
    let lake = open(dir.path(), &keys);
    (dir, keys, lake)
}

/// Writes one crossing and makes it visible.
fn write(lake: &Lake, id: CrossingId, pieces: &[Piece]) -> Vec<Output> {
    let mut to = lake.passage(id);
    for piece in pieces {
        to.add(piece).unwrap();
    }
    let outputs = to.finish().unwrap();
    to.commit(&sealed(id, Ending::Complete, outputs.clone())).unwrap();
    outputs
}

fn rows(lake: &Lake, dataset: &str, keys: &Arc<Keys>) -> Result<Vec<LakeRow>, LakeError> {
    lake.read(dataset, Arc::<Keys>::clone(keys))?.collect()
}

/// Every file under a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "tests look at the bytes of files they made")]
fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}
