//! What is served, to this machine alone, because there is no sign-in yet. The console: what the ledger and the quarantine
//! say, as pages for people; it only reads, and shows kinds, places, counts and digests, never a value of a record. Beside
//! it, each on an address of its own and only where asked for: the interface of Presidio, and the pages on which notes are
//! corrected, and those on which entries of the hospital's knowledge are proposed and approved, which show texts. Other
//! machines reach the admission webhook alone, over TLS.
//!
//! | file | what is in it |
//! |---|---|
//! | `listen` | binds, to the loopback interface but for the webhook, and serves until interrupted |
//! | `guard` | what is asked of every request, and the headers of every answer |
//! | `answer` | a page made on a blocking thread, or the page that says why not |
//! | `words` | counts, sizes, times, digests and links as a page writes them |
//! | `presidio` | the interface of Presidio, for programs that call it |
//! | `annotate` | the pages of `phi annotate`: notes, and their correction |
//! | `review` | the pages of `serve --review`: proposed entries of the hospital's knowledge |
//! | `sheet` | a text drawn with what is marked in it, for these two |
//! | `pages` | one file a page, each with its template in `console/templates` |

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use lazaret_core::Limits;
use lazaret_ledger::{LedgerReader, StoreError};
use lazaret_models::OwnRules;
use lazaret_vault::SqliteVault;
use tokio::sync::Semaphore;

use crate::watching::Shown;

pub(crate) mod annotate;
mod answer;
mod guard;
mod listen;
mod pages;
pub(crate) mod presidio;
pub(crate) mod review;
mod sheet;
mod words;

pub(crate) use guard::{Hosts, admit_named};
pub(crate) use listen::{ServeError, Served, bind, bind_any, serve};
pub(crate) use pages::bom::document as bom_document;

/// Pages made at once: each reads the ledger on a thread of its own.
const PAGES_AT_ONCE: usize = 8;

/// Model files that are read at once for pages.
const FILES_AT_ONCE: usize = 2;

/// What the console reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConsoleState {
    rooms: Arc<Rooms>,
    turns: Arc<Semaphore>,
}

/// The rooms the pages look into.
pub(crate) struct Rooms {
    ledger: LedgerReader,
    vault: Arc<SqliteVault>,
    models: Models,
    ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// How the pages of models look at files again.
pub(crate) struct Models {
    /// Where cleared files are kept.
    pub(crate) store: PathBuf,
    /// The limits of readers; pages lower some of them.
    pub(crate) limits: Limits,
    /// The hospital's own rules.
    pub(crate) own: Arc<OwnRules>,
    /// Files that are read at once: each may take the time and memory of one page whole.
    pub(crate) turns: Semaphore,
    /// The folders that this server watches.
    pub(crate) watched: Arc<Mutex<Vec<Shown>>>,
}

impl Models {
    /// Over the store of models.
    pub(crate) fn new(store: PathBuf, limits: Limits, own: Arc<OwnRules>) -> Self {
        Self { store, limits, own, turns: Semaphore::new(FILES_AT_ONCE), watched: Arc::default() }
    }
}

impl ConsoleState {
    /// Opens the ledger at a path for reading. `ready` says whether the checkpoint takes crossings.
    pub(crate) fn open(
        ledger: &Path,
        vault: Arc<SqliteVault>,
        models: Models,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let rooms = Rooms { ledger: LedgerReader::open(ledger)?, vault, models, ready: Box::new(ready) };
        Ok(Self { rooms: Arc::new(rooms), turns: Arc::new(Semaphore::new(PAGES_AT_ONCE)) })
    }
}

/// Every page, behind the guard. `hosts` are the names under which a request may ask for them.
pub(crate) fn router(state: ConsoleState, hosts: Hosts) -> Router {
    Router::new()
        .route("/", get(pages::crossings::page))
        .route("/crossings/{id}", get(pages::crossing::page))
        .route("/crossings/{id}/records", get(pages::records::page))
        .route("/crossings/{id}/proof", get(pages::crossing::proof))
        .route("/datasets", get(pages::datasets::page))
        .route("/datasets/{name}/bom", get(pages::bom::page))
        .route("/datasets/{name}/bom/{spec}", get(pages::bom::download))
        .route("/datasets/{name}/lineage", get(pages::lineage::page))
        .route("/models", get(pages::models::page))
        .route("/models/{name}", get(pages::model::page))
        .route("/models/{name}/{rest}", get(pages::model::typed))
        .route("/models/{name}/bom/{spec}", get(pages::model::download))
        .route("/files/{sha256}", get(pages::file::page))
        .route("/quarantine", get(pages::quarantine::page))
        .route("/quarantine/{id}", get(pages::held::page))
        .route("/healthz", get(pages::health::health))
        .route("/assets/console.css", get(pages::assets::stylesheet))
        .route("/assets/mark.svg", get(pages::assets::mark))
        .fallback(answer::no_such_page)
        .method_not_allowed_fallback(answer::only_reading)
        .with_state(state)
        .layer(from_fn_with_state(hosts, guard::admit))
        .layer(from_fn(guard::headers))
}

#[cfg(test)]
pub(crate) mod tests;
