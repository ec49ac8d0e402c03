//! Files and memory as sources, and reading them whole under a limit. Errors never name the path: the caller
//! adds it on the operator's own terminal.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, LimitExceeded, Source, SourceError};

use crate::decompress::is_ending;
use crate::platform;

/// How much is read at once.
pub(crate) const BLOCK: usize = 1 << 20;

/// A file could not be opened as a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The system refused: no such file, no permission, a loop of links.
    #[error("the file could not be opened")]
    System(#[source] io::Error),
    /// A folder, a pipe, a device or a socket.
    #[error("{0}, not a regular file")]
    NotAFile(&'static str),
}

/// A source could not be read whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is larger than allowed; nothing of it is given.
    #[error("refused whole")]
    Limit(#[from] LimitExceeded),
    /// Reading failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A regular file, read at any place. Its length is that at opening: what is appended later is not seen, and a
/// file that became shorter is an error.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
    hint: Hint,
}

impl FileSource {
    /// Opens a regular file. A link is followed; a folder, pipe, device or socket is refused before opening.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        regular(&std::fs::metadata(path).map_err(OpenError::System)?)?;
        Self::opened(File::open(path).map_err(OpenError::System)?, path)
    }

    /// Opens a regular file below a folder in which others may write: no link is followed, but that the folder itself may be.
    pub fn open_below(folder: &Path, below: &Path) -> Result<Self, OpenError> {
        Self::opened(platform::open_below(folder, below).map_err(OpenError::System)?, below)
    }

    fn opened(file: File, path: &Path) -> Result<Self, OpenError> {
        let metadata = file.metadata().map_err(OpenError::System)?;
        regular(&metadata)?; // what was opened may not be what was looked at
        let len = metadata.len();
        if len == 0 && platform::read_at(&file, 0, &mut [0]).map_err(OpenError::System)? > 0 {
            return Err(OpenError::NotAFile("a file without a length"));
        }
        Ok(Self { file, len, hint: hint_of(path) })
    }
}

impl FileSource {
    /// A source over an open file that is so long.
    pub(crate) const fn of(file: File, len: u64, hint: Hint) -> Self {
        Self { file, len, hint }
    }

    /// Length in bytes, at opening.
    #[expect(clippy::len_without_is_empty, reason = "no one asks a file whether it is empty")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Reads it whole, or refuses it whole; what is above the limit is not read at all.
    pub fn whole(&self, limit: Limit) -> Result<Vec<u8>, ReadError> {
        limit.check(self.len)?;
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(usize::MAX)];
        let read = self.read_at(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl Source for FileSource {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            match platform::read_at(&self.file, at, rest) {
                Ok(0) => return Err(SourceError { at, cause: io::ErrorKind::UnexpectedEof.into() }),
                Ok(read) => done = done.saturating_add(read),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(SourceError { at, cause }),
            }
        }
        Ok(done)
    }

    fn hint(&self) -> Hint {
        self.hint.clone()
    }
}

/// Bytes in memory as a source.
#[derive(Clone)]
pub struct MemorySource {
    bytes: Arc<[u8]>,
    hint: Hint,
}

impl MemorySource {
    /// A source over these bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>, hint: Hint) -> Self {
        Self { bytes: bytes.into(), hint }
    }
}

impl std::fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemorySource").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Source for MemorySource {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or(&[]);
        Ok(copy(rest, buffer))
    }

    fn hint(&self) -> Hint {
        self.hint.clone()
    }
}

/// Copies as much as fits; gives how much.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    count
}

/// A source from its start to its end, as a stream.
#[derive(Clone)]
pub struct SourceReader {
    source: Arc<dyn Source>,
    at: u64,
}

impl SourceReader {
    /// A stream over a source.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, at: 0 }
    }
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_at(self.at, buffer).map_err(|error| {
            let kind = error.cause.kind();
            io::Error::new(kind, error)
        })?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

/// The first bytes of a source: as many as there are, up to `most`.
pub fn head(source: &dyn Source, most: usize) -> Result<Vec<u8>, SourceError> {
    let mut bytes = vec![0; most];
    let read = source.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Reads a source whole, or refuses it whole.
pub fn read_whole(source: &dyn Source, limit: Limit) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let mut room = BLOCK / 16;
    loop {
        let begin = bytes.len();
        bytes.resize(begin.saturating_add(room), 0);
        let read = source.read_at(begin as u64, bytes.get_mut(begin..).unwrap_or(&mut []))?;
        bytes.truncate(begin.saturating_add(read));
        limit.check(bytes.len() as u64)?;
        if read < room {
            return Ok(bytes); // fewer than asked only at the end
        }
        room = BLOCK;
    }
}

/// Reads a stream to its end, or refuses it whole.
pub fn read_stream(stream: &mut dyn Read, limit: Limit) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let mut filled = 0;
    loop {
        if bytes.len().saturating_sub(filled) < BLOCK / 16 {
            bytes.resize(bytes.len().saturating_add(BLOCK.min(bytes.len().max(BLOCK / 8))), 0);
        }
        match stream.read(bytes.get_mut(filled..).unwrap_or(&mut [])) {
            Ok(0) => {
                bytes.truncate(filled);
                return Ok(bytes);
            }
            Ok(read) => filled = filled.saturating_add(read),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(SourceError { at: filled as u64, cause }.into()),
        }
        limit.check(filled as u64)?;
    }
}

/// Reads a regular file whole, or refuses it whole.
pub fn read_file(path: &Path, limit: Limit) -> Result<Vec<u8>, ReadError> {
    FileSource::open(path)?.whole(limit)
}

fn regular(metadata: &std::fs::Metadata) -> Result<(), OpenError> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(OpenError::NotAFile("a folder"))
    } else {
        Err(OpenError::NotAFile("a pipe, device or socket"))
    }
}

/// The ending of the name; with the one before it where it only says how the file is compressed: `ndjson.gz`.
fn hint_of(path: &Path) -> Hint {
    let ending =
        |path: &Path| path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let extension = ending(path).map(|last| {
        let before =
            is_ending(&last).then(|| path.file_stem().and_then(|stem| ending(Path::new(stem)))).flatten();
        before.map_or(last.clone(), |before| format!("{before}.{last}"))
    });
    Hint { extension, ..Hint::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Limit = Limit::new("test.max", 10);

    #[test]
    fn a_file_is_read_at_any_place_and_never_beyond_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.NDJSON");
        std::fs::write(&path, b"0123456789").unwrap();
        let source = FileSource::open(&path).unwrap();
        let mut buffer = [0; 4];
        assert_eq!((source.len(), source.read_at(8, &mut buffer).unwrap()), (10, 2));
        assert_eq!(&buffer[..2], b"89");
        assert_eq!(source.read_at(u64::MAX, &mut buffer).unwrap(), 0);
        assert_eq!(source.hint().extension.as_deref(), Some("ndjson"));
        assert_eq!(read_whole(&source, TEN).unwrap(), b"0123456789");
        assert!(matches!(read_whole(&source, TEN.with(9)), Err(ReadError::Limit(_))));
        assert_eq!(head(&source, 3).unwrap(), b"012");
        File::options().write(true).open(&path).unwrap().set_len(5).unwrap();
        assert_eq!(source.read_at(3, &mut buffer).unwrap_err().at, 5);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_the_error_has_no_path() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(FileSource::open(folder.path()).unwrap_err().to_string(), "a folder, not a regular file");
        let missing = FileSource::open(&folder.path().join("MRN-4711")).unwrap_err();
        assert!(!missing.to_string().contains("4711"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_devices_loops_and_files_without_a_length_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(FileSource::open(&pipe), Err(OpenError::NotAFile(_))));
        assert!(matches!(FileSource::open(Path::new("/dev/zero")), Err(OpenError::NotAFile(_))));
        assert!(matches!(FileSource::open(Path::new("/proc/self/status")), Err(OpenError::NotAFile(_))));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(matches!(FileSource::open(&link), Err(OpenError::System(_))));
    }

    #[cfg(unix)]
    #[test]
    fn below_a_folder_no_link_is_followed_and_nothing_above_it_is_opened() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().unwrap();
        let of = |name: &str| place.path().join(name);
        std::fs::create_dir_all(of("inbox/folder")).unwrap();
        std::fs::create_dir(of("other")).unwrap();
        for file in ["inbox/folder/a.bin", "inbox/b.bin", "other/secret", "secret"] {
            std::fs::write(of(file), file).unwrap();
        }
        symlink(of("inbox"), of("bucket")).unwrap();
        symlink(of("secret"), of("inbox/link.bin")).unwrap();
        symlink("b.bin", of("inbox/near.bin")).unwrap();
        symlink(of("other"), of("inbox/linked")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(of("inbox/pipe")).status().unwrap().success());
        for inbox in [of("inbox"), of("bucket")] {
            let open = |below: &str| FileSource::open_below(&inbox, Path::new(below));
            for file in ["folder/a.bin", "b.bin"] {
                let source = open(file).unwrap();
                assert_eq!(read_whole(&source, TEN.with(99)).unwrap(), format!("inbox/{file}").as_bytes());
                assert_eq!(source.hint().extension.as_deref(), Some("bin"));
            }
            let absolute = of("inbox/b.bin");
            for refused in [
                "link.bin",
                "near.bin",
                "linked/secret",
                "pipe",
                "folder",
                "../secret",
                "folder/../b.bin",
                "",
                absolute.to_str().unwrap(),
            ] {
                assert!(open(refused).is_err(), "{refused}");
            }
        }
    }

    #[test]
    fn a_stream_is_read_whole_or_refused_whole() {
        let memory = MemorySource::new(b"0123456789".as_slice(), Hint::default());
        let mut stream = SourceReader::new(Arc::new(memory));
        assert_eq!(read_stream(&mut stream.clone(), TEN).unwrap(), b"0123456789");
        assert!(matches!(read_stream(&mut stream, TEN.with(9)), Err(ReadError::Limit(_))));
        let endless = read_stream(&mut io::repeat(1), TEN.with(5 << 20));
        assert!(matches!(endless, Err(ReadError::Limit(_))));
    }
}
