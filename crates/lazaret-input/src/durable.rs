//! Files written so that a crash leaves either the old one or the new one: a file beside it, synced, renamed,
//! and the folder synced. [`NewFile`] is for what may never replace anything.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::platform;

/// A file being written beside its place. It appears by [`StagedFile::commit`]; dropped before, it is removed.
#[derive(Debug)]
pub struct StagedFile {
    file: File,
    beside: PathBuf,
    place: PathBuf,
    committed: bool,
}

impl StagedFile {
    /// Begins a file that its owner alone may read.
    pub fn create(place: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            hidden.push(format!(".{}-{number}.tmp", std::process::id()));
            let beside = place.with_file_name(hidden);
            match platform::private_new_file().open(&beside) {
                Ok(file) => return Ok(Self { file, beside, place: place.to_owned(), committed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Puts the file in its place, in stead of what was there. Returns when that is durable.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.beside, &self.place)?;
        self.committed = true;
        sync_folder_of(&self.place)
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.committed {
            drop(std::fs::remove_file(&self.beside)); // nothing can be done about a failure here
        }
    }
}

/// A new file where none was, that its owner alone may read. Dropped before [`NewFile::commit`], it is removed.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    place: PathBuf,
    committed: bool,
}

impl NewFile {
    /// Makes the file, empty. Fails where there is one, or a link to one.
    pub fn create(place: &Path) -> io::Result<Self> {
        let file = platform::private_new_file().open(place)?;
        Ok(Self { file, place: place.to_owned(), committed: false })
    }

    /// Keeps the file. Returns when it is durable.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        sync_folder_of(&self.place)?;
        self.committed = true;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.committed {
            drop(std::fs::remove_file(&self.place)); // nothing can be done about a failure here
        }
    }
}

/// Makes a folder, and those above it that are missing. Returns when its name is durable: a file in it that is
/// synced is lost all the same if the folder's own name is.
pub fn create_folder_durably(folder: &Path) -> io::Result<()> {
    let above = match folder.parent() {
        None => return Ok(()), // the root, or no name at all
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
    };
    if !above.is_dir() {
        create_folder_durably(above)?;
    }
    let was_there = match std::fs::create_dir(folder) {
        Ok(()) => false,
        Err(_) if folder.is_dir() => true,
        Err(error) => return Err(error),
    };
    // Also where it was there: whoever made it may have ended before its name was durable.
    match platform::sync_folder(above) {
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Makes a folder as [`create_folder_durably`] does; where it was not there, its owner alone may enter it.
pub fn create_private_folder_durably(folder: &Path) -> io::Result<()> {
    let was_there = folder.is_dir();
    create_folder_durably(folder)?;
    if was_there { Ok(()) } else { platform::for_owner_alone(folder) }
}

/// Renames a file within its folder. Returns when that is durable; what is in the file must be already.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder_of(to)
}

fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    platform::sync_folder(folder.unwrap_or_else(|| Path::new(".")))
}

/// Writes a file whole, or leaves what was there. Returns when that is durable.
pub fn write_durably(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = StagedFile::create(place)?;
    staged.write_all(bytes)?;
    staged.commit()
}

/// Writes a file anew, whole, as [`write_durably`] does, and leaves to it who might read and write the one before. A link
/// stays one: what it leads to is written. Fails where there is no file.
pub fn rewrite_durably(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = place.canonicalize()?;
    let permissions = std::fs::metadata(&place)?.permissions();
    let mut staged = StagedFile::create(&place)?;
    staged.write_all(bytes)?;
    staged.file.set_permissions(permissions)?;
    staged.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_written_anew_keeps_its_permissions_and_links_to_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (place, link) = (folder.path().join("a"), folder.path().join("link"));
        assert!(rewrite_durably(&place, b"").is_err());
        write_durably(&place, b"one").unwrap();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&place, &link).unwrap();
        rewrite_durably(&link, b"two").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o640);
        let source = crate::file::FileSource::open(&place).unwrap();
        assert_eq!(crate::file::head(&source, 9).unwrap(), b"two");
    }

    #[test]
    fn folders_are_made_with_those_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_folder_durably(&deep).unwrap();
        create_folder_durably(&deep).unwrap();
        create_folder_durably(Path::new("/")).unwrap();
        assert!(deep.is_dir());
        std::fs::write(deep.join("file"), b"").unwrap();
        assert!(create_folder_durably(&deep.join("file")).is_err());
        assert!(create_folder_durably(&deep.join("file/d")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_folder_is_its_owners_and_one_that_was_there_stays_as_it_was() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode_of = |place: &Path| std::fs::metadata(place).unwrap().permissions().mode() & 0o777;
        let (made, there) = (folder.path().join("a/b"), folder.path().join("c"));
        create_private_folder_durably(&made).unwrap();
        assert_eq!(mode_of(&made), 0o700);
        std::fs::create_dir(&there).unwrap();
        std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o750)).unwrap();
        create_private_folder_durably(&there).unwrap();
        assert_eq!(mode_of(&there), 0o750);
    }

    #[test]
    fn a_new_file_never_stands_over_another_and_goes_if_it_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        let mut given_up = NewFile::create(&place).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert!(!place.exists());
        let mut kept = NewFile::create(&place).unwrap();
        kept.write_all(b"one").unwrap();
        kept.commit().unwrap();
        assert_eq!(NewFile::create(&place).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let source = crate::file::FileSource::open(&place).unwrap();
        assert_eq!(crate::file::head(&source, 9).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt as _, symlink};
            assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
            let link = folder.path().join("link");
            symlink(folder.path().join("elsewhere"), &link).unwrap();
            assert!(NewFile::create(&link).is_err());
        }
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        write_durably(&place, b"one").unwrap();
        write_durably(&place, b"two").unwrap();
        let mut left = StagedFile::create(&place).unwrap();
        left.write_all(b"three").unwrap();
        drop(left);
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["a"]);
        let source = crate::file::FileSource::open(&place).unwrap();
        assert_eq!(crate::file::head(&source, 9).unwrap(), b"two");
        assert!(write_durably(&folder.path().join("none").join("a"), b"").is_err());
        assert!(write_durably(Path::new("/"), b"").is_err());
    }
}
