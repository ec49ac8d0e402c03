//! Files only their owner may read, and folders made durable. The one place that calls Unix; elsewhere the
//! operating system's inherited access lists apply.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

pub(crate) use lazaret_input::sync_folder as sync_dir;

/// Creates a file only its owner may read or write. Fails if it exists.
#[cfg(unix)]
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Creates a file. Fails if it exists.
#[cfg(not(unix))]
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

/// Creates a folder, with those above it, that only its owner may enter.
#[cfg(unix)]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a folder, with those above it.
#[cfg(not(unix))]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Whether only the owner may read the file.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OF_OTHERS: u32 = 0o077;
    metadata.permissions().mode() & OF_OTHERS == 0
}

/// Whether only the owner may read the file: not known here.
#[cfg(not(unix))]
pub(crate) fn is_private(_metadata: &Metadata) -> bool {
    true
}
