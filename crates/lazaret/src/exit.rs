//! Exit codes: what a pipeline may rely on.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use lazaret_core::Limit;
pub(crate) use lazaret_core::chain;
use lazaret_input::read_file;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing was held, no finding of medium or above.
    Clear,
    /// Something was held, or a finding of medium or above was made.
    Findings,
    /// Used wrongly: a flag, a file, the configuration.
    Usage,
    /// Could not inspect or record: nothing passed.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Clear => Self::from(0),
            Exit::Findings => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Failed => Self::from(3),
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// It was used wrongly.
    #[error("{0}")]
    Usage(String),
    /// What was given is no text that can be inspected; nothing passed.
    #[error("{0}")]
    Uninspectable(String),
    /// A part failed; nothing passed.
    #[error("{what}")]
    Failed {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CliError {
    /// A part failed while something was being done.
    pub(crate) fn failed(
        what: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { what: what.into(), cause: cause.into() }
    }

    /// The vault failed, or was asked for what it does not have.
    pub(crate) fn vault(error: lazaret_vault::VaultFailure) -> Self {
        use lazaret_vault::VaultFailure as Failure;
        let way_out = match &error {
            Failure::UnknownHold(_) => "; `lazaret quarantine list` lists them",
            Failure::UnknownSubject => "; name it as its records do, `Patient/129c`, and its --system",
            Failure::UnknownToken
            | Failure::NotAToken
            | Failure::Settled { .. }
            | Failure::LegalHold
            | Failure::TwoPersons
            | Failure::NoPerson
            | Failure::ModelKeyExists { .. }
            | Failure::ModelKeyName
            | Failure::SameKey => "",
            _ => return Self::failed("the vault", error),
        };
        Self::Usage(format!("{error}{way_out}"))
    }

    /// Whether the reader of the output went away, as `head` does.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let Self::Failed { cause, .. } = self else { return false };
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    }

    /// The exit code it gives.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Uninspectable(_) | Self::Failed { .. } => Exit::Failed,
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed("the output could not be written", error)
    }
}

/// A small text file of the operator's, whole; the error names it.
pub(crate) fn read_text(path: &Path, most: Limit) -> Result<String, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let bytes = read_file(path, most).map_err(|error| wrong(chain(&error)))?;
    String::from_utf8(bytes)
        .map_err(|error| wrong(format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
}
