//! Folders and buckets that are watched: what is put into one passes into the registry as soon as nobody writes it any more. A
//! server watches those of the settings (`gates.models.watch`), `lazaret models watch` one that is named.
//!
//! | file | what is in it |
//! |---|---|
//! | `folder` | a folder that is watched, as settings and commands name it |
//! | `place` | where models are put, a folder or a bucket, and what lies there |
//! | `inbox` | which of what lies there passes now |
//! | `model` | one model that was found: passed, unless these very files passed before |
//! | `waits` | models that are tried again, and when |
//! | `serving` | a server's threads, one for each folder, and what is shown of them |

mod folder;
mod inbox;
mod model;
mod place;
mod serving;
mod waits;

pub(crate) use self::folder::{Folder, INTERVAL, WATCHED};
pub(crate) use self::inbox::{Became, Inbox, Passes};
pub(crate) use self::model::{Outcome, is_admitted, pass};
pub(crate) use self::place::Place;
pub(crate) use self::serving::{Folders, Shown, Watching};
pub(crate) use self::waits::Waits;
