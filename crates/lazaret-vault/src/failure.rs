//! Why the vault did not do what it was asked. Kinds and ids, never values or key material.

use lazaret_core::{HoldId, LimitExceeded, RandomError, VaultError};

use crate::envelope::{NotOpened, NotSealed};
use crate::{HoldState, KmsError};

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultFailure {
    /// There is no vault in the data directory.
    #[error("there is no vault here; make one with `lazaret init`")]
    NoVault,
    /// There is one already.
    #[error("there is a vault here already; it is never overwritten")]
    VaultExists,
    /// The vault was made by another version.
    #[error("the vault has schema version {found}; this program knows {known}")]
    Schema {
        /// What the file says.
        found: i64,
        /// What this program writes.
        known: i64,
    },
    /// The key-encryption key is not the one the data keys are wrapped under.
    #[error(
        "wrong passphrase or key file: the vault's keys are wrapped under {kept}, the key given is {given}"
    )]
    WrongKey {
        /// Fingerprint of the right key.
        kept: String,
        /// Fingerprint of the key given.
        given: String,
    },
    /// Another process gave the vault a new key-encryption key.
    #[error("the key-encryption key was rotated by another process; restart with the new key")]
    Rotated,
    /// A key of this name is there already.
    #[error("there is a key `{name}` already; it is never replaced")]
    ModelKeyExists {
        /// Its name.
        name: String,
    },
    /// A name that keys do not have.
    #[error("a key's name is of 1 to 64 small letters, digits and `-`")]
    ModelKeyName,
    /// Rotation to the key in force.
    #[error("the new key-encryption key is the one in force")]
    SameKey,
    /// The database failed.
    #[error("vault.db: {0}")]
    Database(String),
    /// Writes were lost before they were durable.
    #[error(
        "the vault lost writes that were not yet durable and refuses everything; mend the disk and restart"
    )]
    Broken,
    /// Subjects were shredded again and again while one was asked for.
    #[error("the vault kept changing under this call; try again")]
    Contended,
    /// A file of the quarantine or a backup failed.
    #[error("a file of the vault could not be {what}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// What is kept cannot be opened.
    #[error("{what} does not open: it was changed, or belongs elsewhere")]
    NotOpened {
        /// What.
        what: &'static str,
    },
    /// Something could not be sealed.
    #[error("it could not be sealed")]
    NotSealed,
    /// The key service failed.
    #[error(transparent)]
    Kms(#[from] KmsError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A number does not fit.
    #[error("a number is too large for the vault")]
    TooLarge,
    /// No data key has this id.
    #[error("no data key `{0}` in this vault")]
    UnknownKey(String),
    /// A column without a name.
    #[error("a dataset and a column need a name")]
    NoName,
    /// The text is no token.
    #[error("not a token: a token reads `lz-` and twenty letters and digits")]
    NotAToken,
    /// No such token.
    #[error("no such token in this vault")]
    UnknownToken,
    /// Its subject was shredded.
    #[error("the token's value was shredded with its subject and cannot be had again")]
    ShreddedToken,
    /// No such patient.
    #[error("no such subject in this vault")]
    UnknownSubject,
    /// The subject is under legal hold.
    #[error("the subject is under legal hold; lift it first")]
    LegalHold,
    /// The same person twice, or a name missing.
    #[error("this needs two different persons")]
    TwoPersons,
    /// Nobody.
    #[error("this needs the name of the person who does it")]
    NoPerson,
    /// No such record.
    #[error("no record {0} is held")]
    UnknownHold(HoldId),
    /// It was settled before.
    #[error("record {id} is {}, not held", state.name())]
    Settled {
        /// Which.
        id: HoldId,
        /// How.
        state: HoldState,
    },
    /// Its subject was shredded.
    #[error("record {0} was shredded with its subject")]
    ShreddedHold(HoldId),
}

impl From<rusqlite::Error> for VaultFailure {
    /// Keeps SQLite's code and text, never parameters or rows.
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(match error {
            rusqlite::Error::SqliteFailure(code, _) => code.to_string(),
            rusqlite::Error::QueryReturnedNoRows => "a row is missing".to_owned(),
            rusqlite::Error::FromSqlConversionFailure(column, ..)
            | rusqlite::Error::IntegralValueOutOfRange(column, _)
            | rusqlite::Error::InvalidColumnType(column, ..) => {
                format!("column {column} holds another type than it should")
            }
            _ => "a statement failed".to_owned(),
        })
    }
}

impl From<NotSealed> for VaultFailure {
    fn from(_: NotSealed) -> Self {
        Self::NotSealed
    }
}

impl VaultFailure {
    /// For `map_err`: what did not open.
    pub(crate) fn not_opened(what: &'static str) -> impl FnOnce(NotOpened) -> Self {
        move |_| Self::NotOpened { what }
    }

    /// For `map_err`: what was tried on a file.
    pub(crate) fn file(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::File { what, cause }
    }

    /// As the port's error.
    pub(crate) fn of(what: &'static str) -> impl FnOnce(Self) -> VaultError {
        move |failure| VaultError { what, cause: Some(Box::new(failure)) }
    }
}
