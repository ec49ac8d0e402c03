//! `lazaret backup` and `restore`: the data directory, whole and consistent.

use std::io::{ErrorKind, Write};
use std::path::Path;

use lazaret_core::{Limit, Limits};
use lazaret_input::{read_file, write_durably};
use lazaret_ledger::SqliteLedger;
use lazaret_models::OwnRules;
use lazaret_policy::MAX_POLICY_BYTES;
use lazaret_vault::SqliteVault;

use crate::cli::{BackupArgs, RestoreArgs};
use crate::compose::{Data, private_file};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::lakes;
use crate::own_rules;
use crate::vulnerabilities::{self, Vulnerabilities};

/// Copies ledger, policies, quarantine and vault. The vault is copied after the ledger, so every hold and token
/// an entry names is in the copy; it is copied last, and without it there is no backup.
pub(crate) fn backup(args: &BackupArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let to = &args.to;
    if to.exists() {
        return Err(CliError::Usage(format!("{} exists: a backup needs a new folder", to.display())));
    }
    if is_in(to, &config.path("data")) {
        return Err(CliError::Usage(format!(
            "{} is in the data directory: a backup lies elsewhere, or what takes the one takes the other",
            to.display()
        )));
    }
    let data = Data::open(config)?;
    let failed = |what: &str| {
        let what = format!("{what} could not be copied to {}", to.display());
        move |error: Box<dyn std::error::Error + Send + Sync>| CliError::failed(what, error)
    };
    lazaret_input::create_private_folder_durably(to)
        .map_err(|error| failed("the data directory")(error.into()))?;
    private_file(&to.join("ledger.db")).map_err(|error| failed("the ledger")(error.into()))?;
    data.ledger.backup(&to.join("ledger.db")).map_err(|error| failed("the ledger")(error.into()))?;
    copy_policies(&data.folder, to, &config.limits()).map_err(|error| failed("the policies")(error))?;
    let copy = |name, most| copy_if_there(name, most, &data.folder, to);
    copy(lakes::LIST, lakes::MAX_LIST).map_err(|error| failed("the list of lakes")(error))?;
    copy(own_rules::FILE, config.limits().get(OwnRules::MAX_FILE))
        .map_err(|error| failed("the rules for models")(error))?;
    copy_vulnerabilities(&data.folder, to).map_err(|error| failed("the known faults")(error))?;
    data.vault.backup(to).map_err(|error| failed("the vault")(error.into()))?;
    data.close()?;
    writeln!(
        out,
        "backed up to {}; the key-encryption key is not in it: keep a copy of that too",
        to.display()
    )?;
    Ok(Exit::Clear)
}

/// Restores a backup into the data directory, which must not exist. The vault gets its name last: without it,
/// there is no data directory, and a restore cut short is begun again.
pub(crate) fn restore(args: &RestoreArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let folder = config.path("data");
    let ledger = folder.join("ledger.db");
    // A ledger without its vault may be all that is left of a data directory; that of a restore cut short is not.
    if folder.join("vault.db").exists() || (ledger.exists() && !SqliteVault::is_restoring(&folder)) {
        return Err(CliError::Usage(format!(
            "{} is a data directory already; restore into a new one",
            folder.display()
        )));
    }
    if !args.from.join("vault.db").is_file() {
        return Err(CliError::Usage(format!("{} is no backup: it has no vault.db", args.from.display())));
    }
    let begun =
        !folder.exists() || std::fs::read_dir(&folder).is_ok_and(|mut inside| inside.next().is_none());
    let was_there = folder.exists();
    if let Err(error) = restore_into(&args.from, &folder, config) {
        let place = folder.display();
        // Nothing was there before, so all that is there now came from the backup.
        let gone = begun && taken_away(&folder, was_there).is_ok();
        let now = if gone {
            format!("nothing is left in {place}")
        } else {
            format!("what came so far is still in {place}: take it away before you try again")
        };
        return Err(match error {
            CliError::Usage(why) => CliError::Usage(format!("{why}; {now}")),
            CliError::Uninspectable(why) => CliError::Uninspectable(format!("{why}; {now}")),
            CliError::Failed { what, cause } => CliError::Failed { what: format!("{what} ({now})"), cause },
        });
    }
    writeln!(out, "restored into {}; run `lazaret ledger verify`", folder.display())?;
    Ok(Exit::Clear)
}

fn restore_into(from: &Path, folder: &Path, config: &Config) -> Result<(), CliError> {
    let ledger = folder.join("ledger.db");
    let failed = |what: &str| {
        let what = format!("{what} could not be restored from {}", from.display());
        move |error: Box<dyn std::error::Error + Send + Sync>| CliError::failed(what, error)
    };
    // The folder's own name first: what is restored must not go with it in a power cut.
    lazaret_input::create_private_folder_durably(folder)
        .map_err(|error| failed("the data directory")(error.into()))?;
    if ledger.exists() {
        std::fs::remove_file(&ledger).map_err(|error| failed("the ledger")(error.into()))?;
    }
    let vault =
        SqliteVault::begin_restore(from, folder).map_err(|error| failed("the vault")(error.into()))?;
    copy_policies(from, folder, &config.limits()).map_err(|error| failed("the policies")(error))?;
    let copy = |name, most| copy_if_there(name, most, from, folder);
    copy(lakes::LIST, lakes::MAX_LIST).map_err(|error| failed("the list of lakes")(error))?;
    copy(own_rules::FILE, config.limits().get(OwnRules::MAX_FILE))
        .map_err(|error| failed("the rules for models")(error))?;
    copy_vulnerabilities(from, folder).map_err(|error| failed("the known faults")(error))?;
    restore_ledger(&from.join("ledger.db"), &ledger).map_err(failed("the ledger"))?;
    vault.finish().map_err(|error| failed("the vault")(error.into()))?;
    Data::open(config)?.close()
}

/// Takes what a failed restore made away again; a folder that was there stays, empty.
fn taken_away(folder: &Path, was_there: bool) -> std::io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(folder)?;
    if was_there { lazaret_input::create_private_folder_durably(folder) } else { Ok(()) }
}

/// Whether a place that does not exist yet would lie in a folder.
fn is_in(place: &Path, folder: &Path) -> bool {
    let place = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let above = place.ancestors().find_map(|above| above.canonicalize().ok());
    match (above, folder.canonicalize()) {
        (Some(above), Ok(folder)) => above.starts_with(folder),
        _ => false,
    }
}

/// Into a file beside it, so that a ledger in its place is a whole one.
fn restore_ledger(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let coming = to.with_extension("db.coming");
    match std::fs::remove_file(&coming) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {} // what a restore cut short left
    }
    private_file(&coming)?;
    SqliteLedger::restore(from, &coming)?;
    Ok(lazaret_input::rename_durably(&coming, to)?)
}

/// Known faults of packages, what is said of them, and by which ids they are known for good; there may be none.
fn copy_vulnerabilities(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (from, to) = (from.join(vulnerabilities::FILE), to.join(vulnerabilities::FILE));
    if !from.exists() {
        return Ok(());
    }
    match std::fs::remove_file(&to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {} // what a restore cut short left
    }
    Vulnerabilities::copy(&from, &to)
}

/// A file of the data directory that need not be there: which folders hold lakes, the hospital's own rules.
fn copy_if_there(
    name: &str,
    most: Limit,
    from: &Path,
    to: &Path,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let file = from.join(name);
    if file.exists() {
        write_durably(&to.join(name), &read_file(&file, most)?)?;
    }
    Ok(())
}

fn copy_policies(
    from: &Path,
    to: &Path,
    limits: &Limits,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (from, to) = (from.join("policies"), to.join("policies"));
    lazaret_input::create_folder_durably(&to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "cedar") {
            write_durably(
                &to.join(entry.file_name()),
                &read_file(&entry.path(), limits.get(MAX_POLICY_BYTES))?,
            )?;
        }
    }
    Ok(())
}
