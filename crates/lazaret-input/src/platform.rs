//! The only file that calls the operating system by name. What a system lacks has a portable fallback here, so
//! that the rest of the code is the same everywhere.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Component, Path};

/// Reads at an offset, without a shared position where the system can.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads at an offset. Windows moves the handle's position, which nothing here relies on.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// Reads at an offset through a handle of its own.
#[cfg(not(any(unix, windows)))]
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};
    let mut own = file.try_clone()?;
    own.seek(SeekFrom::Start(offset))?;
    own.read(buffer)
}

/// Makes the names in a folder durable: files made, renamed or removed there.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be synced by itself; the file system's journal orders its changes.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Bytes that are free on the disk of a folder, for who is not its administrator.
#[cfg(unix)]
pub fn free_room(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Not known here.
#[cfg(not(unix))]
pub fn free_room(_folder: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Options for a new file that its owner alone may read.
#[cfg(unix)]
pub(crate) fn private_new_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

/// Options for a new file; it inherits its folder's access list.
#[cfg(not(unix))]
pub(crate) fn private_new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

/// Lets nobody but its owner enter a folder.
#[cfg(unix)]
pub(crate) fn for_owner_alone(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// A new folder inherits the access list of the one it is in.
#[cfg(not(unix))]
pub(crate) fn for_owner_alone(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// A way to speak with another process of this machine.
#[cfg(unix)]
pub type LocalStream = std::os::unix::net::UnixStream;
/// None is made where sockets have no place in a folder.
#[cfg(not(unix))]
pub type LocalStream = std::net::TcpStream;

/// A socket at a place in a folder, which its owner alone may connect to.
#[derive(Debug)]
pub struct LocalSocket {
    #[cfg(unix)]
    listener: std::os::unix::net::UnixListener,
}

#[cfg(unix)]
impl LocalSocket {
    /// Listens at a place where nothing is.
    pub fn listen(place: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let listener = std::os::unix::net::UnixListener::bind(place)?;
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener })
    }

    /// Who calls; an error of the kind `WouldBlock` where nobody does.
    pub fn accept(&self) -> io::Result<LocalStream> {
        let (caller, _) = self.listener.accept()?;
        caller.set_nonblocking(false)?;
        Ok(caller)
    }
}

#[cfg(not(unix))]
impl LocalSocket {
    /// Sockets have no place in a folder here.
    pub fn listen(_place: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Nobody calls.
    pub fn accept(&self) -> io::Result<LocalStream> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Connects to the socket at a place.
#[cfg(unix)]
pub fn connect_locally(place: &Path) -> io::Result<LocalStream> {
    LocalStream::connect(place)
}

/// Sockets have no place in a folder here.
#[cfg(not(unix))]
pub fn connect_locally(_place: &Path) -> io::Result<LocalStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Opens a regular file below a folder through no link, whoever changes names there meanwhile. The folder may be one.
#[cfg(unix)]
pub(crate) fn open_below(folder: &Path, below: &Path) -> io::Result<File> {
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, statat};
    let no_link = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let (steps, name) = steps(below)?;
    let mut at = openat(CWD, folder, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())?;
    for step in steps {
        at = openat(&at, step, no_link | OFlags::DIRECTORY, Mode::empty())?;
    }
    // Looked at before it is opened: to open a device may do something.
    let looked = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(looked.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("a link, folder, pipe, device or socket, not a regular file"));
    }
    let file = openat(&at, name, no_link | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())?;
    let opened = fstat(&file)?;
    if (opened.st_dev, opened.st_ino) != (looked.st_dev, looked.st_ino) {
        return Err(io::Error::other("it was replaced while it was opened"));
    }
    Ok(file.into())
}

/// Opens a file below a folder. Links are looked for before it is opened: nothing here keeps them out meanwhile.
#[cfg(not(unix))]
pub(crate) fn open_below(folder: &Path, below: &Path) -> io::Result<File> {
    steps(below)?;
    let place = folder.canonicalize()?.join(below);
    if place.canonicalize()? != place {
        return Err(io::Error::other("a link, not a regular file"));
    }
    File::open(place)
}

/// The folders to a file below a folder, and its name.
fn steps(below: &Path) -> io::Result<(Vec<&OsStr>, &OsStr)> {
    let names = below.components().map(|step| match step {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let mut steps: Vec<&OsStr> = names.collect::<Option<_>>().unwrap_or_default();
    let name = steps.pop().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((steps, name))
}

/// What differs when a file was changed or replaced, whatever its length and times say: its number on its disk, and when
/// the system saw it change.
#[cfg(unix)]
pub fn change_of(metadata: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

/// Not known here.
#[cfg(not(unix))]
pub fn change_of(_metadata: &Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

/// Creates a file that its owner alone may read or write. Fails if it exists.
#[cfg(unix)]
pub fn create_private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Creates a file, which inherits its folder's access list. Fails if it exists.
#[cfg(not(unix))]
pub fn create_private_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

/// Creates a folder, with those above it, that its owner alone may enter.
#[cfg(unix)]
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a folder, with those above it; it inherits the access list of the one it is in.
#[cfg(not(unix))]
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Whether only its owner may read a file.
#[cfg(unix)]
pub fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OF_OTHERS: u32 = 0o077;
    metadata.permissions().mode() & OF_OTHERS == 0
}

/// Whether only its owner may read a file: not known here.
#[cfg(not(unix))]
pub fn is_private(_metadata: &Metadata) -> bool {
    true
}
