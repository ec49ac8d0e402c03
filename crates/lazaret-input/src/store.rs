//! Large files on their way and at their place: a private file that is hashed while it is written ([`Spool`]), and a folder
//! of files by their SHA-256 ([`Blobs`]) that takes only what was cleared.
//!
//! ```text
//! FOLDER/lock           held while the folder is open for writing
//! FOLDER/id             which folder this is: one made anew in its place is another
//! FOLDER/incoming/      what is being received; gone at the next start
//! FOLDER/staged/ID/     what a crossing cleared and has not sealed; finished or undone at the next start
//! FOLDER/blobs/ab/ab…   what was sealed, by SHA-256
//! FOLDER/unsynced/ab…-1 a mark that a loss of power may cut the file of that SHA-256; looked at at the next start
//! ```

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazaret_core::{
    Cleared, CrossingId, Destination, Ending, Hint, LedgerError, Limit, Output, OwnFile, Piece, PieceContent,
    Random, Sealed, Sha256, Source, SourceError, Stored, Undelivered,
};
use ring::digest;

use crate::parked::ClosedFile;
use crate::{
    FileSource, OpenError, ReadError, create_private_folder_durably, platform, read_file, write_durably,
};

/// Where files are marked that are not safe from a loss of power yet.
const UNSYNCED: &str = "unsynced";
/// Most files that are made safe behind somebody's back; one more is waited for.
const MOST_SYNCED: u64 = 64;
/// How long that is put off. A file system that writes the bytes of one file lets every `fsync` of another wait, and the ledger's
/// is what the receiver of this file waits for.
const PUT_OFF: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// Longest file that names a folder of blobs.
pub(crate) const MAX_ID: Limit = Limit::fixed("store.max_id", 64);

/// A folder of blobs could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system said no.
    #[error("the store could not {what}")]
    Io {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another process has it.
    #[error("another process has the store open for writing")]
    InUse,
    /// The ledger did not say how a crossing ended.
    #[error("the store could not be put right")]
    Ledger(#[from] LedgerError),
    /// A blob that is there could not be opened.
    #[error("a file of the store could not be opened")]
    Open(#[from] OpenError),
    /// Its id cannot be read.
    #[error("the store's id cannot be read")]
    Read(#[source] ReadError),
    /// Its id is damaged.
    #[error("`id`, which says which store this is, is damaged")]
    Id,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// A cleared piece is no file, or not one of this store's own.
    #[error("what was cleared is no file that was received here")]
    NotOurs,
}

impl StoreError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }
}

/// When the bytes of a file are safe from a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// Before it can be found: what was taken in is never lost.
    BeforeItIsFound,
    /// Soon after. A loss of power before that loses the file and nothing else: the next start finds that it is not whole, and
    /// removes it. For what can be fetched again, so that nobody waits for the disk.
    SoonAfter,
}

/// A folder of files by their SHA-256.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    id: String,
    /// Files are put in their places one after the other.
    placing: Mutex<()>,
    /// Files that a loss of power had cut, and that went.
    cut: u64,
    _lock: File,
}

impl Blobs {
    /// Opens a folder for writing, making it if there is none. What a crash left is put right: what was being received
    /// goes, and what was staged is made visible where its crossing was sealed as complete, else it goes.
    pub fn open(
        folder: &Path,
        random: &dyn Random,
        sealed: &dyn Fn(CrossingId) -> Result<bool, LedgerError>,
    ) -> Result<Self, StoreError> {
        create_private_folder_durably(folder).map_err(StoreError::io("make its folders"))?;
        for name in ["incoming", "staged", "blobs", UNSYNCED] {
            create_private_folder_durably(&folder.join(name)).map_err(StoreError::io("make its folders"))?;
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(StoreError::io("be locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(std::fs::TryLockError::Error(error)) => return Err(StoreError::io("be locked")(error)),
        }
        let mut blobs = Self {
            folder: folder.to_owned(),
            id: id_of(folder, random)?,
            placing: Mutex::default(),
            cut: 0,
            _lock: lock,
        };
        for left in entries(&folder.join("incoming"))? {
            std::fs::remove_file(left).map_err(StoreError::io("remove what was being received"))?;
        }
        blobs.check_unsynced()?;
        for left in entries(&folder.join("staged"))? {
            let id = left.file_name().and_then(|name| CrossingId::parse(name.to_str()?));
            match id {
                // What was cut is gone, and the rest was made safe just now.
                Some(id) if sealed(id)? => blobs.make_visible(&left, Durable::BeforeItIsFound)?,
                _ => remove(&left)?,
            }
        }
        Ok(blobs)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many files went when it was opened, because a loss of power had cut them.
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// Which folder it is, in hex: for the destination's id in receipts.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins to receive a file.
    pub fn receive(&self) -> io::Result<Spool> {
        Spool::create(&self.folder.join("incoming"))
    }

    /// The cleared file of a SHA-256, if it is here.
    pub fn find(&self, sha256: Sha256) -> Result<Option<FileSource>, StoreError> {
        find_blob(&self.folder, sha256)
    }

    /// The same as a file of a model, by its name there. It stays where it is: no crossing takes it anew.
    pub fn stored(&self, sha256: Sha256, name: &str) -> Result<Option<Stored>, StoreError> {
        let Some(file) = self.find(sha256)? else { return Ok(None) };
        let own = OwnFile { path: place_of(&self.folder, sha256), len: file.len(), sha256 };
        let source = ClosedFile::new(own.path.clone(), hint_of(name));
        Ok(Some(Stored { source: Arc::new(source), file: own }))
    }

    /// Where the cleared files of one crossing go: into this folder, as the outputs of a dataset or model of that name.
    pub fn passage(
        self: &Arc<Self>,
        crossing: CrossingId,
        dataset: &str,
        durable: Durable,
    ) -> Box<dyn Destination> {
        let staged = self.folder.join("staged").join(crossing.to_string());
        Box::new(BlobsPassage {
            blobs: Arc::clone(self),
            crossing,
            dataset: dataset.to_owned(),
            durable,
            staged,
            outputs: Vec::new(),
            sealed: false,
        })
    }

    /// Files that a loss of power may have cut: those that are not what they are named after go. Each is read once, however
    /// many marks it has: one stays for each time that the disk failed to make the file safe.
    fn check_unsynced(&mut self) -> Result<(), StoreError> {
        let mut seen = BTreeSet::new();
        for mark in entries(&self.folder.join(UNSYNCED))? {
            if let Some(sha256) = marked(&mark).filter(|sha256| seen.insert(*sha256)) {
                let staged = entries(&self.folder.join("staged"))?;
                let staged = staged.into_iter().map(|folder| folder.join(sha256.to_string()));
                for file in staged.chain([place_of(&self.folder, sha256)]) {
                    let is_cut =
                        !is_whole(&file, sha256).map_err(StoreError::io("look at a file after a crash"))?;
                    self.cut = self.cut.saturating_add(u64::from(is_cut));
                }
            }
            std::fs::remove_file(mark).map_err(StoreError::io("look at a file after a crash"))?;
        }
        Ok(())
    }

    /// Makes a file safe behind the back of whoever goes on with it. Until then a mark says that it may be cut.
    fn sync_later(&self, file: File, sha256: Sha256) -> Result<(), StoreError> {
        static SYNCING: AtomicU64 = AtomicU64::new(0);
        // One mark a file: two of the same bytes may be on their way.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if SYNCING.load(Ordering::Relaxed) >= MOST_SYNCED {
            return file.sync_data().map_err(StoreError::io("make a file safe"));
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(UNSYNCED);
        let mark = folder.join(format!("{sha256}-{number}"));
        File::create(&mark)
            .and_then(|_| platform::sync_folder(&folder))
            .map_err(StoreError::io("mark a file as not safe yet"))?;
        // Whatever keeps it from being synced, the mark stays, and the next start looks at the file.
        SYNCING.fetch_add(1, Ordering::Relaxed);
        let sync = move || {
            std::thread::sleep(PUT_OFF);
            drop(file.sync_data().and_then(|()| std::fs::remove_file(&mark)));
            SYNCING.fetch_sub(1, Ordering::Relaxed);
        };
        let thread = std::thread::Builder::new().name("sync-blob".to_owned()).spawn(sync);
        thread.map(drop).map_err(|cause| {
            SYNCING.fetch_sub(1, Ordering::Relaxed);
            StoreError::io("make a file safe")(cause)
        })
    }

    /// Moves what a sealed crossing staged to where it is found. May be done again after a crash. A copy that is not safe yet
    /// never takes the place of one that is there.
    fn make_visible(&self, staged: &Path, durable: Durable) -> Result<(), StoreError> {
        let _alone = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        for file in entries(staged)? {
            let name = file.file_name().and_then(|name| Sha256::parse(name.to_str()?));
            let Some(sha256) = name else { continue };
            let place = place_of(&self.folder, sha256);
            if let Some(parent) = place.parent() {
                create_private_folder_durably(parent).map_err(StoreError::io("make a folder"))?;
            }
            if durable == Durable::SoonAfter && self.find(sha256)?.is_some() {
                continue; // what is left in the folder goes with it
            }
            std::fs::rename(&file, &place).map_err(StoreError::io("make a file visible"))?;
            if let Some(parent) = place.parent() {
                platform::sync_folder(parent).map_err(StoreError::io("make a file visible"))?;
            }
        }
        remove(staged)
    }
}

/// The file that a mark is of.
fn marked(mark: &Path) -> Option<Sha256> {
    Sha256::parse(mark.file_name()?.to_str()?.split('-').next()?)
}

/// How many files the next that opens a folder reads to their end, because a loss of power may have cut them.
pub fn files_to_check(folder: &Path) -> Result<usize, StoreError> {
    let marks = folder.join(UNSYNCED);
    if !marks.is_dir() {
        return Ok(0);
    }
    Ok(entries(&marks)?.iter().filter_map(|mark| marked(mark)).collect::<BTreeSet<_>>().len())
}

/// Whether a file is what it is named after; one that is not goes, and one that is not there is no matter.
fn is_whole(path: &Path, sha256: Sha256) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        opened => opened?,
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(block.get(..read).unwrap_or_default());
    }
    let is_whole = hash.finish().as_ref() == sha256.0;
    if is_whole {
        file.sync_data()?;
    } else {
        std::fs::remove_file(path)?;
    }
    Ok(is_whole)
}

/// The cleared file of a SHA-256 in a folder of blobs that another process may have open for writing.
pub fn find_blob(folder: &Path, sha256: Sha256) -> Result<Option<FileSource>, StoreError> {
    match FileSource::open(&place_of(folder, sha256)) {
        Ok(file) => Ok(Some(file)),
        Err(OpenError::System(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The id of a folder, made if it has none.
fn id_of(folder: &Path, random: &dyn Random) -> Result<String, StoreError> {
    let place = folder.join("id");
    match read_file(&place, MAX_ID) {
        Ok(bytes) => {
            let id = String::from_utf8(bytes).ok().map(|id| id.trim().to_owned());
            id.filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).ok_or(StoreError::Id)
        }
        Err(ReadError::Open(OpenError::System(error))) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 16];
            random.fill(&mut bytes).map_err(|_| StoreError::Random)?;
            let id = lazaret_core::hex(&bytes);
            write_durably(&place, id.as_bytes()).map_err(StoreError::io("be named"))?;
            Ok(id)
        }
        Err(error) => Err(StoreError::Read(error)),
    }
}

fn place_of(folder: &Path, sha256: Sha256) -> PathBuf {
    let name = sha256.to_string();
    let first = name.get(..2).unwrap_or_default();
    folder.join("blobs").join(first).join(&name)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(StoreError::io("list a folder")),
    }
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(StoreError::io("remove what was staged")),
    }
}

/// The cleared files of one crossing.
struct BlobsPassage {
    blobs: Arc<Blobs>,
    crossing: CrossingId,
    dataset: String,
    durable: Durable,
    staged: PathBuf,
    outputs: Vec<Output>,
    sealed: bool,
}

impl BlobsPassage {
    fn add(&mut self, piece: &Piece) -> Result<(), StoreError> {
        let PieceContent::Stored(stored) = &piece.content else { return Err(StoreError::NotOurs) };
        let OwnFile { path, len, sha256 } = &stored.file;
        if !path.starts_with(self.blobs.folder.join("incoming")) {
            return Err(StoreError::NotOurs);
        }
        create_private_folder_durably(&self.staged).map_err(StoreError::io("make a staging folder"))?;
        let place = self.staged.join(sha256.to_string());
        let file = File::open(path).map_err(StoreError::io("stage a file"))?;
        // One that takes the place of a file which is safe is safe before.
        if self.durable == Durable::SoonAfter && self.blobs.find(*sha256)?.is_none() {
            self.blobs.sync_later(file, *sha256)?;
        } else {
            file.sync_data().map_err(StoreError::io("stage a file"))?;
        }
        std::fs::rename(path, &place).map_err(StoreError::io("stage a file"))?;
        let name = stored.source.hint().name.unwrap_or_default();
        self.outputs.push(Output {
            dataset: self.dataset.clone(),
            name: if name.is_empty() { sha256.to_string() } else { name },
            sha256: sha256.to_string(),
            bytes: *len,
            records: 1,
        });
        Ok(())
    }
}

impl Destination for BlobsPassage {
    fn stage(&mut self, piece: Cleared<Piece>) -> Result<(), Undelivered> {
        self.add(piece.piece()).map_err(|cause| undelivered("take a file", cause))
    }

    fn finish(&mut self) -> Result<Vec<Output>, Undelivered> {
        if !self.outputs.is_empty() {
            platform::sync_folder(&self.staged)
                .map_err(|cause| undelivered("stage a file", StoreError::io("stage a file")(cause)))?;
        }
        Ok(self.outputs.clone())
    }

    fn commit(&mut self, sealed: &Sealed) -> Result<(), Undelivered> {
        if sealed.seal.crossing != self.crossing || sealed.seal.ending != Ending::Complete {
            return Err(Undelivered { what: "make files visible that are not sealed", cause: None });
        }
        self.sealed = true;
        let visible = self.blobs.make_visible(&self.staged, self.durable);
        visible.map_err(|cause| undelivered("make its files visible", cause))
    }

    /// What cannot be taken away now goes at the next start. What is sealed stays, to be made visible then.
    fn undo(&mut self) {
        if !self.sealed {
            let _left = remove(&self.staged);
        }
    }
}

fn undelivered(what: &'static str, cause: StoreError) -> Undelivered {
    Undelivered { what, cause: Some(Box::new(cause)) }
}

/// A private file that is being received: hashed while it is written, and gone if it is dropped before a destination took
/// it.
#[derive(Debug)]
pub struct Spool {
    file: File,
    path: OwnPath,
    len: u64,
    hash: Hash,
}

/// `digest::Context` has no `Debug`.
struct Hash(digest::Context);

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash")
    }
}

/// A path whose file goes with it.
#[derive(Debug)]
pub(crate) struct OwnPath(pub(crate) PathBuf);

impl Drop for OwnPath {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0)); // it may have been moved, and what is left goes at the next start
    }
}

impl Spool {
    fn create(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}", std::process::id()));
        let file = platform::private_new_file().read(true).open(&path)?;
        let hash = Hash(digest::Context::new(&digest::SHA256));
        Ok(Self { file, path: OwnPath(path), len: 0, hash })
    }

    /// Bytes received so far.
    #[expect(clippy::len_without_is_empty, reason = "no one asks whether anything came yet")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Ends the file. `name` is its name where it comes from, with the folders of its model.
    pub fn finish(self, name: &str) -> io::Result<Stored> {
        let Self { file, path, len, hash } = self;
        let mut sha256 = [0; 32];
        for (to, from) in sha256.iter_mut().zip(hash.0.finish().as_ref()) {
            *to = *from;
        }
        let own = OwnFile { path: path.0.clone(), len, sha256: Sha256(sha256) };
        let file = FileSource::of(file, len, hint_of(name));
        let source: Arc<dyn Source> = Arc::new(Received { file, own: own.clone(), _paths: [path] });
        Ok(Stored { source, file: own })
    }
}

/// What the name of a file in its model says of it.
fn hint_of(name: &str) -> Hint {
    let last = name.rsplit('/').next().unwrap_or_default();
    let extension = last.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    Hint { extension, name: Some(name.to_owned()), ..Hint::default() }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.0.update(bytes.get(..written).unwrap_or_default());
        self.len = self.len.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that was received whole: its bytes, and the places that go with it.
pub(crate) struct Received<S, const N: usize> {
    pub(crate) file: S,
    pub(crate) own: OwnFile,
    pub(crate) _paths: [OwnPath; N],
}

impl<S: Source, const N: usize> Source for Received<S, N> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        self.file.read_at(offset, buffer)
    }

    fn hint(&self) -> Hint {
        self.file.hint()
    }

    fn own_file(&self) -> Option<&OwnFile> {
        Some(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Clock as _, RandomError, SystemClock};

    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            buffer.fill(u8::try_from(NEXT.fetch_add(1, Ordering::Relaxed) % 251).unwrap_or(0));
            Ok(())
        }
    }

    fn open(folder: &Path) -> Result<Arc<Blobs>, StoreError> {
        Blobs::open(folder, &Counting, &|_| Ok(false)).map(Arc::new)
    }

    fn received(blobs: &Blobs, bytes: &[u8]) -> Stored {
        let mut spool = blobs.receive().unwrap();
        spool.write_all(bytes).unwrap();
        spool.finish("unet/model.PT").unwrap()
    }

    #[test]
    fn a_file_is_hashed_while_it_is_received_and_goes_when_nobody_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = open(folder.path()).unwrap();
        let stored = received(&blobs, b"abc");
        // FIPS 180-4, its first example
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((stored.file.sha256.to_string().as_str(), stored.file.len), (expected, 3));
        let hint = stored.source.hint();
        assert_eq!((hint.extension.as_deref(), hint.name.as_deref()), (Some("pt"), Some("unet/model.PT")));
        let mut bytes = [0; 8];
        assert_eq!(stored.source.read_at(1, &mut bytes).unwrap(), 2);
        let path = stored.file.path.clone();
        assert!(path.is_file());
        drop(stored);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_has_one_writer_and_one_id() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(StoreError::InUse)));
        let id = blobs.id().to_owned();
        drop(blobs);
        assert_eq!(open(folder.path()).unwrap().id(), id);
        std::fs::write(folder.path().join("id"), "x").unwrap();
        assert!(matches!(open(folder.path()), Err(StoreError::Id)));
    }

    #[test]
    fn what_a_crash_left_is_finished_where_it_was_sealed_and_goes_where_it_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let new_id = || CrossingId::new(SystemClock.now(), &Counting).unwrap();
        let (done, cut) = (new_id(), new_id());
        let mut files = Vec::new();
        {
            let blobs = open(folder.path()).unwrap();
            for (id, bytes) in [(done, b"done".as_slice()), (cut, b"cut")] {
                let stored = received(&blobs, bytes);
                let staged = folder.path().join("staged").join(id.to_string());
                std::fs::create_dir(&staged).unwrap();
                std::fs::rename(&stored.file.path, staged.join(stored.file.sha256.to_string())).unwrap();
                files.push(stored.file.sha256);
            }
            std::mem::forget(received(&blobs, b"half a file"));
        }
        let blobs = Blobs::open(folder.path(), &Counting, &|id| Ok(id == done)).unwrap();
        let found: Vec<bool> = files.iter().map(|file| blobs.find(*file).unwrap().is_some()).collect();
        assert_eq!(found, [true, false]);
        for empty in ["incoming", "staged"] {
            assert_eq!(std::fs::read_dir(folder.path().join(empty)).unwrap().count(), 0, "{empty}");
        }
    }

    #[test]
    fn a_file_that_a_loss_of_power_cut_goes_and_a_whole_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let whole =
            Sha256::parse("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        let cut = Sha256([7; 32]);
        let unmarked = Sha256([9; 32]);
        {
            let blobs = open(folder.path()).unwrap();
            for (sha256, marked) in [(whole, true), (cut, true), (unmarked, false)] {
                let place = place_of(folder.path(), sha256);
                std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                std::fs::write(&place, "abc").unwrap();
                let name = if sha256 == whole { format!("{sha256}-0") } else { format!("{sha256}-17") };
                if marked {
                    std::fs::write(folder.path().join(UNSYNCED).join(name), "").unwrap();
                }
            }
            for name in ["no mark".to_owned(), format!("{cut}-18")] {
                std::fs::write(folder.path().join(UNSYNCED).join(name), "").unwrap();
            }
            drop(blobs);
        }
        assert_eq!(files_to_check(folder.path()).unwrap(), 2);
        let blobs = open(folder.path()).unwrap();
        assert_eq!((blobs.cut(), files_to_check(folder.path()).unwrap()), (1, 0));
        let found = [whole, cut, unmarked].map(|file| blobs.find(file).unwrap().is_some());
        assert_eq!(found, [true, false, true], "what has no mark was safe before it was found");
        assert_eq!(entries(&folder.path().join(UNSYNCED)).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_copy_that_is_not_safe_yet_takes_the_place_of_none() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let blobs = open(folder.path()).unwrap();
        let staged = folder.path().join("staged/x");
        let place = |durable| {
            let stored = received(&blobs, b"abc");
            std::fs::create_dir(&staged).unwrap();
            let name = stored.file.sha256.to_string();
            std::fs::rename(&stored.file.path, staged.join(name)).unwrap();
            blobs.make_visible(&staged, durable).unwrap();
            assert!(!staged.exists());
            std::fs::metadata(place_of(folder.path(), stored.file.sha256)).unwrap().ino()
        };
        let first = place(Durable::SoonAfter);
        let safe = place(Durable::BeforeItIsFound);
        assert_ne!(first, safe);
        assert_eq!(place(Durable::SoonAfter), safe);
    }

    #[test]
    fn a_mark_goes_when_the_file_is_safe() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = open(folder.path()).unwrap();
        let stored = received(&blobs, b"abc");
        for _ in 0..2 {
            blobs.sync_later(File::open(&stored.file.path).unwrap(), stored.file.sha256).unwrap();
        }
        let marks = || entries(&folder.path().join(UNSYNCED)).unwrap().len();
        let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while marks() > 0 && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(marks(), 0);
    }
}
