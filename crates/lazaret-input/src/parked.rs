//! Files that were received and wait for others: a model may have thousands, and each that stayed open would take one of the
//! descriptors that a process has.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::{Hint, OwnFile, Source, SourceError, Stored};

use crate::store::{OwnPath, Received};
use crate::{FileSource, OpenError};

/// Most of these files that are open at once.
const MOST_OPEN: usize = 64;

/// Those that were read last, each with its number; those read least lately are closed.
static OPEN: Mutex<VecDeque<(u64, Arc<FileSource>)>> = Mutex::new(VecDeque::new());

/// A file that was received, closed until it is read. Where its file system knows no second name for a file it stays open.
pub fn parked(stored: Stored) -> io::Result<Stored> {
    let OwnFile { path, len, sha256 } = &stored.file;
    // One name is moved away by who takes the file; it is read by the other all the same.
    let (moved, read) = (beside(path, "parked"), OwnPath(beside(path, "read")));
    if std::fs::hard_link(path, &read.0).is_err() {
        return Ok(stored);
    }
    std::fs::rename(path, &moved)?;
    let own = OwnFile { path: moved.clone(), len: *len, sha256: *sha256 };
    let file = ClosedFile::new(read.0.clone(), stored.source.hint());
    let source = Received { file, own: own.clone(), _paths: [OwnPath(moved), read] };
    Ok(Stored { source: Arc::new(source), file: own })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-");
    name.push(ending);
    path.with_file_name(name)
}

/// A file that is opened when it is read, and may be closed after.
pub(crate) struct ClosedFile {
    number: u64,
    path: PathBuf,
    hint: Hint,
}

impl ClosedFile {
    /// A file at a place where nobody changes it.
    pub(crate) fn new(path: PathBuf, hint: Hint) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self { number: NUMBER.fetch_add(1, Ordering::Relaxed), path, hint }
    }

    /// The file, opened unless it is.
    fn open(&self) -> Result<Arc<FileSource>, OpenError> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().position(|(number, _)| *number == self.number);
        let (number, file) = match found.and_then(|at| open.remove(at)) {
            Some(found) => found,
            None => (self.number, Arc::new(FileSource::open(&self.path)?)),
        };
        if open.len() >= MOST_OPEN {
            open.pop_front();
        }
        open.push_back((number, Arc::clone(&file)));
        Ok(file)
    }
}

impl Drop for ClosedFile {
    fn drop(&mut self) {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != self.number);
    }
}

impl Source for ClosedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let file = self.open().map_err(|error| SourceError { at: offset, cause: io::Error::other(error) })?;
        file.read_at(offset, buffer)
    }

    fn hint(&self) -> Hint {
        self.hint.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use lazaret_core::{Random, RandomError};

    use super::*;
    use crate::Blobs;

    struct Ones;

    impl Random for Ones {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(1);
            Ok(())
        }
    }

    #[test]
    fn thousands_of_files_take_few_descriptors_and_are_read_where_they_were_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path(), &Ones, &|_| Ok(false)).unwrap();
        let stored = |number: usize| {
            let mut spool = blobs.receive().unwrap();
            spool.write_all(number.to_string().as_bytes()).unwrap();
            parked(spool.finish(&format!("a/{number}.bin")).unwrap()).unwrap()
        };
        let files: Vec<Stored> = (0..3000).map(stored).collect();
        for (number, stored) in files.iter().enumerate() {
            std::fs::rename(&stored.file.path, folder.path().join("moved")).unwrap();
            let mut bytes = [0; 8];
            let read = stored.source.read_at(0, &mut bytes).unwrap();
            assert_eq!(&bytes[..read], number.to_string().as_bytes());
            assert_eq!(stored.source.hint().name, Some(format!("a/{number}.bin")));
        }
        assert!(OPEN.lock().unwrap().len() <= MOST_OPEN);
        #[cfg(target_os = "linux")]
        assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() < 1000);
        drop(files);
        assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }
}
