//! Orders while a server has the ledger open for writing: what is typed about models is handed to it over a socket in the data
//! directory, and carried out there.
//!
//! The socket is its owner's alone (mode 0600), so whoever may connect is the server's own user, or root: somebody who could
//! write the data directory, and read its keys, without it. It gives no right that its caller does not have. Files of models are
//! read by the caller and sent: the server opens no path that it is told, so that nobody reads with its rights, and a path means
//! what it means where it was typed (a service has its own `/tmp`, or no home). The settings of the server are in force, but for
//! who sends and for what (`actor.…`, `crossing.…`).
//!
//! | file | what is in it |
//! |---|---|
//! | `pieces` | what is said over the socket, piece by piece |
//! | `take` | the server's end |
//! | `hand` | the caller's end |

mod hand;
mod pieces;
mod take;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use lazaret_core::Limit;
use serde::{Deserialize, Serialize};

pub(crate) use self::hand::{Handed, broken, hand_over, hand_over_typed, is_taking};
pub(crate) use self::take::Taking;
use crate::buckets::{Bucket, Object};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::registry::open_file;

/// The socket's name in the data directory.
const NAME: &str = "orders.sock";
/// Longest order, longest name of a file, and longest answer.
pub(crate) const MAX_ORDER: Limit = Limit::fixed("orders.max_order", 64 << 10);
pub(crate) const MAX_TOLD: Limit = Limit::fixed("orders.max_answer", 64 << 20);
/// Most files that come with one order.
pub(crate) const MAX_FILES: Limit = Limit::new("orders.max_files", 10_000);
/// Settings that are the caller's, where they are given.
const OF_THE_CALLER: [&str; 2] = ["actor.", "crossing."];

/// An order, as it was typed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    words: Vec<String>,
    settings: BTreeMap<String, String>,
    /// The path of the model whose files come with it, where a folder of models was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
}

impl Order {
    /// What was typed to start this process.
    pub(crate) fn typed(config: &Config) -> Result<Self, CliError> {
        let words: Option<Vec<String>> = std::env::args_os().map(|word| word.into_string().ok()).collect();
        let words = words.ok_or_else(|| CliError::Usage("the order is not UTF-8".to_owned()))?;
        Ok(Self { words, settings: config.given(&OF_THE_CALLER), model: None })
    }

    /// The settings of a server with those of the caller.
    fn over(&self, config: &Config) -> Result<Config, CliError> {
        if let Some(key) =
            self.settings.keys().find(|key| !OF_THE_CALLER.iter().any(|of| key.starts_with(of)))
        {
            return Err(CliError::Usage(format!("`{key}` is no setting of an order")));
        }
        let settings: Vec<_> =
            self.settings.iter().map(|(key, value)| (key.as_str(), Some(value.as_str()))).collect();
        Ok(config.with(&settings))
    }
}

/// A file that goes with an order, by its name in its model.
#[derive(Debug)]
pub(crate) struct Named<'p> {
    pub(crate) name: String,
    pub(crate) lies: Lies<'p>,
}

/// Where a file lies.
#[derive(Debug)]
pub(crate) enum Lies<'p> {
    /// On the disk; in the folder that is watched, if there is one.
    OnDisk { path: PathBuf, inbox: Option<PathBuf> },
    /// In a bucket.
    InBucket(&'p Bucket, Object),
}

impl Named<'_> {
    /// Opens it.
    pub(crate) fn open(&self) -> Result<Box<dyn io::Read + '_>, CliError> {
        match &self.lies {
            Lies::OnDisk { path, inbox } => Ok(Box::new(open_file(path, inbox.as_deref())?)),
            Lies::InBucket(bucket, object) => bucket.read(object),
        }
    }

    /// How errors name it.
    pub(crate) fn shown(&self) -> String {
        match &self.lies {
            Lies::OnDisk { path, .. } => path.display().to_string(),
            Lies::InBucket(bucket, object) => bucket.shown(object),
        }
    }
}

/// What became of an order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    exit: u8,
    out: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// It was not begun, and may be if it is given again.
    #[serde(default)]
    pub(crate) busy: bool,
}

impl Told {
    /// Prints what the server printed, and ends as it ended: an error beside the exit code of an order that was carried out
    /// is that not all of its answer came.
    pub(crate) fn end(self, out: &mut impl io::Write) -> Result<Exit, CliError> {
        out.write_all(self.out.as_bytes())?;
        match (self.error, self.exit) {
            (error, exit @ (0 | 1)) => {
                if let Some(why) = error {
                    tracing::warn!(why, "the answer is not whole");
                }
                Ok(if exit == 0 { Exit::Clear } else { Exit::Findings })
            }
            (None, 2) => Ok(Exit::Usage), // it says so itself
            (Some(error), 2) => Err(CliError::Usage(error)),
            (error, _) => Err(CliError::Uninspectable(error.unwrap_or_default())),
        }
    }
}
