//! Consistent copies of the vault: `vault.db` as of one moment, and the quarantine with at least every record
//! that it names. A copy is as sealed as the vault; it opens with the key-encryption key of that moment.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::segments::Segments;
use crate::{SqliteVault, VaultFailure};

const DATABASE: &str = "vault.db";
const QUARANTINE: &str = "quarantine";
/// `vault.db` while it is copied.
const COMING: &str = "vault.db.coming";

impl SqliteVault {
    /// Copies the vault into a folder, which is made if need be and must hold no vault. Durable. Other threads
    /// and processes may go on meanwhile. The copy of `vault.db` gets its name last: without it, there is no
    /// backup.
    pub fn backup(&self, to: &Path) -> Result<(), VaultFailure> {
        let (target, coming) = (to.join(DATABASE), to.join(COMING));
        if target.exists() {
            return Err(VaultFailure::VaultExists);
        }
        lazaret_input::create_private_folder(to).map_err(VaultFailure::file("made"))?;
        let name = coming.to_str().ok_or_else(|| {
            VaultFailure::file("named")(std::io::Error::other("the folder's name is not Unicode"))
        })?;
        remove_if_there(&coming)?;
        // An empty file of the owner only, which VACUUM INTO accepts and fills.
        lazaret_input::create_private_file(&coming).map_err(VaultFailure::file("made"))?;
        let quarantine = {
            let mut database = self.database()?;
            database.commit()?;
            database.reading()?.execute("VACUUM INTO ?1", [name])?;
            database.segments.folder().to_owned()
        };
        sync_file(&coming)?;
        // Contents are only ever added to the files, so copies made later hold what the database names.
        copy_folder(&quarantine, &to.join(QUARANTINE))?;
        std::fs::rename(&coming, &target).map_err(VaultFailure::file("renamed"))?;
        lazaret_input::sync_folder(to).map_err(VaultFailure::file("made durable"))
    }

    /// Copies a backup into a data directory that holds no vault. Durable. Opening it afterwards checks the key.
    pub fn restore(from: &Path, data_dir: &Path) -> Result<(), VaultFailure> {
        Self::begin_restore(from, data_dir)?.finish()
    }

    /// Copies a backup beside where the vault will be. There is no vault until [`Restoring::finish`], so that
    /// the rest of a data directory can be put in place before; cut short, it can be begun again.
    pub fn begin_restore(from: &Path, data_dir: &Path) -> Result<Restoring, VaultFailure> {
        if data_dir.join(DATABASE).exists() {
            return Err(VaultFailure::VaultExists);
        }
        if !from.join(DATABASE).is_file() {
            return Err(VaultFailure::NoVault);
        }
        lazaret_input::create_private_folder(data_dir).map_err(VaultFailure::file("made"))?;
        copy_folder(&from.join(QUARANTINE), Segments::new(data_dir).folder())?;
        let coming = data_dir.join(COMING);
        remove_if_there(&coming)?;
        copy_file(&from.join(DATABASE), &coming)?;
        Self::check_copy(&coming)?;
        Ok(Restoring { data_dir: data_dir.to_owned() })
    }

    /// Whether a restore was begun in a data directory and not finished.
    pub fn is_restoring(data_dir: &Path) -> bool {
        data_dir.join(COMING).is_file() && !data_dir.join(DATABASE).exists()
    }

    /// Reads every page of a copy.
    fn check_copy(file: &Path) -> Result<(), VaultFailure> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(file, flags)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(VaultFailure::NotOpened { what: "the copy of vault.db" }) }
    }
}

/// A vault whose copy is there and has not its name yet.
#[derive(Debug)]
#[must_use = "there is no vault until `finish`"]
pub struct Restoring {
    data_dir: PathBuf,
}

impl Restoring {
    /// Gives the copy its name. Durable.
    pub fn finish(self) -> Result<(), VaultFailure> {
        std::fs::rename(self.data_dir.join(COMING), self.data_dir.join(DATABASE))
            .map_err(VaultFailure::file("renamed"))?;
        lazaret_input::sync_folder(&self.data_dir).map_err(VaultFailure::file("made durable"))
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), VaultFailure> {
    let entries = match std::fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(VaultFailure::file("listed")(error)),
    };
    lazaret_input::create_private_folder(to).map_err(VaultFailure::file("made"))?;
    for entry in entries {
        let entry = entry.map_err(VaultFailure::file("listed"))?;
        let is_file = entry.file_type().map_err(VaultFailure::file("listed"))?.is_file();
        if is_file && entry.path().extension().is_some_and(|extension| extension == "held") {
            let target = to.join(entry.file_name());
            remove_if_there(&target)?;
            copy_file(&entry.path(), &target)?;
        }
    }
    lazaret_input::sync_folder(to).map_err(VaultFailure::file("made durable"))
}

fn copy_file(from: &Path, to: &Path) -> Result<(), VaultFailure> {
    let mut source = File::open(from).map_err(VaultFailure::file("opened"))?;
    let mut target = lazaret_input::create_private_file(to).map_err(VaultFailure::file("made"))?;
    std::io::copy(&mut source, &mut target).map_err(VaultFailure::file("copied"))?;
    target.sync_all().map_err(VaultFailure::file("made durable"))
}

fn remove_if_there(path: &Path) -> Result<(), VaultFailure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(VaultFailure::file("removed")(error))
        }
        _ => Ok(()),
    }
}

fn sync_file(path: &Path) -> Result<(), VaultFailure> {
    let file = File::options().read(true).write(true).open(path);
    file.and_then(|file| file.sync_all()).map_err(VaultFailure::file("made durable"))
}
