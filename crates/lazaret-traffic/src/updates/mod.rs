//! Model updates: one port on which a hub, an index of packages and servers of files are asked for through the gate.
//!
//! ```text
//! /…                        the Hugging Face hub, as `HF_ENDPOINT`
//! /-/pypi/simple/PROJECT/   a simple index, as pip's `--index-url`
//! /-/fetch/NAME/PATH        servers of files by their configured names
//! /v2/…                     registries of images and artifacts, as docker, skopeo, ORAS and ollama know them
//! /-/mlflow/…               an MLflow server, as `MLFLOW_TRACKING_URI`
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `gate` | the one road of a file: inspected, decided, recorded, given out |
//! | `asker` | who asks |
//! | `obtain` | a file that is wanted: known here, or fetched and let through |
//! | `held` | what is remembered of files that were held |
//! | `notes` | what is remembered: which cleared file a name means |
//! | `unseen` | a model whose files nobody here can read |
//! | `hugging_face`, `pypi`, `download`, `oci`, `mlflow` | one proxy each |
//! | `path` | the steps of a request's path |

pub mod asker;
pub mod download;
pub mod gate;
mod held;
pub mod hugging_face;
pub mod mlflow;
pub mod notes;
pub mod obtain;
pub mod oci;
pub mod path;
pub mod pypi;
mod unseen;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use lazaret_core::{Limit, Limits};
use tokio::sync::{Mutex, Semaphore};

use crate::net::answer::Refusal;
use crate::net::client::{Client, MAX_HEADERS};
use crate::net::shared::Shared;
use crate::net::shares::Shares;
use crate::net::upstream::Upstream;
use gate::Gate;
use notes::Notes;

/// Most files that are inspected at once.
pub const MAX_DOWNLOADS: Limit = Limit::new("updates.max_downloads", 4);
/// Most files that clients send at once, and as many that are fetched: more than are inspected, since who sends slowly would keep
/// others waiting.
pub const MAX_UPLOADS: Limit = Limit::new("updates.max_uploads", 64);
/// How long a request may take to be said, but for files that are sent.
pub(crate) const TO_ASK: Duration = Duration::from_mins(1);
/// Most requests that are answered at once.
pub const MAX_REQUESTS: Limit = Limit::new("updates.max_requests", 256);

/// Whom the proxies ask. What is not here is refused by name.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    /// The Hugging Face hub.
    pub hub: Option<Arc<Upstream>>,
    /// Whether the hub's datasets are passed on.
    pub datasets: bool,
    /// Whether the hub's spaces are passed on.
    pub spaces: bool,
    /// The folder of a simple index: `https://pypi.org/simple/`.
    pub index: Option<Arc<Upstream>>,
    /// Servers of files, by the names they go by here.
    pub servers: BTreeMap<String, Arc<Upstream>>,
    /// Registries of images and artifacts.
    pub registries: oci::route::Registries,
    /// The MLflow server.
    pub mlflow: Option<Arc<Upstream>>,
    /// Nobody is asked: only what was cleared before is given out.
    pub offline: bool,
}

/// The proxies and what they share.
pub struct Updates {
    client: Client,
    gate: Arc<Gate>,
    notes: Arc<Notes>,
    upstreams: Upstreams,
    limits: Limits,
    fetching: Shared<Result<lazaret_core::Sha256, Refusal>>,
    /// Versions of models whose files are fetched and inspected as one.
    judging: Shared<Result<(), Refusal>>,
    downloads: Arc<Semaphore>,
    /// Files that clients ask for and that may wait here for others beside them: twice as many as are fetched at once.
    places: Arc<Semaphore>,
    /// Files that are fetched.
    fetches: Semaphore,
    /// Files that clients send.
    uploads: Arc<Semaphore>,
    requests: Semaphore,
    /// Of one address, so that it leaves some to others.
    shares: Arc<Shares>,
    logins: oci::login::Logins,
    naming: Mutex<()>,
    waiting: mlflow::Waiting,
    unreached: oci::Unreached,
    tags: oci::Turns,
}

impl Updates {
    /// The proxies over a gate.
    pub fn new(client: Client, gate: Gate, notes: Notes, upstreams: Upstreams, limits: Limits) -> Arc<Self> {
        let most = |limit| usize::try_from(limits.get(limit).most()).unwrap_or(usize::MAX).clamp(1, 10_000);
        let (downloads, uploads, requests) = (most(MAX_DOWNLOADS), most(MAX_UPLOADS), most(MAX_REQUESTS));
        Arc::new(Self {
            client,
            gate: Arc::new(gate),
            notes: Arc::new(notes),
            upstreams,
            limits,
            fetching: Shared::new(),
            judging: Shared::new(),
            downloads: Arc::new(Semaphore::new(downloads)),
            places: Arc::new(Semaphore::new(downloads.saturating_mul(2))),
            fetches: Semaphore::new(uploads),
            uploads: Arc::new(Semaphore::new(uploads)),
            requests: Semaphore::new(requests),
            shares: Shares::of(requests),
            logins: oci::login::Logins::default(),
            naming: Mutex::default(),
            waiting: mlflow::Waiting::default(),
            unreached: oci::Unreached::default(),
            tags: oci::Turns::default(),
        })
    }

    /// Their routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self)
    }
}

async fn answer(State(updates): State<Arc<Updates>>, request: Request) -> Response {
    let asked = |refusal: Refusal| {
        tracing::warn!(status = refusal.status.as_u16(), "model update refused");
        refusal.answer()
    };
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(from)| from.ip());
    let (Some(_share), Ok(_turn)) = (updates.shares.take(from), updates.requests.try_acquire()) else {
        let busy = "lazaret answers as many requests as it may at once, of one address a quarter of them; ask again later, or raise \
                    `updates.max_requests`";
        return asked(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, busy));
    };
    let headers = request.headers().iter();
    let size = headers.map(|(name, value)| name.as_str().len().saturating_add(value.len()) as u64).sum();
    if let Err(limit) = updates.limits.get(MAX_HEADERS).check(size) {
        return asked(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, limit.to_string()));
    }
    // One would let in, the other be recorded.
    if request.headers().get_all(AUTHORIZATION).iter().nth(1).is_some() {
        let why = "a request says once what lets it in: this one has several `Authorization` headers";
        return asked(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    route(&updates, request).await.unwrap_or_else(asked)
}

/// Which proxy is asked.
async fn route(updates: &Arc<Updates>, request: Request) -> Result<Response, Refusal> {
    // Apart from its body, which no other thread may look at: what is asked is read on several.
    let (request, body) = request.into_parts();
    let path = request.uri.path();
    let steps = path::steps(path)
        .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "the address makes no sense"))?;
    let is_reading = matches!(request.method, Method::GET | Method::HEAD);
    let words: Vec<&str> = steps.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-", "pypi", rest @ ..] if is_reading => pypi::answer(updates, rest, &request).await,
        ["-", "fetch", name, file @ ..] if is_reading && !file.is_empty() => {
            download::answer(updates, name, &file.join("/"), &request).await
        }
        ["-", "oci", "token"] if is_reading => oci::token(&request),
        ["-", "mlflow", rest @ ..] => mlflow::answer(updates, rest, &request, body).await,
        // Where MLflow's client asks for the root of all artifacts, it drops the path of the server's address.
        ["api", "2.0", "mlflow-artifacts", ..] => mlflow::answer(updates, &words, &request, body).await,
        ["-", ..] => Err(not_passed_on(path)),
        ["v2", rest @ ..] => Ok(oci::answer(updates, rest, &request).await),
        _ => hugging_face::answer(updates, &steps, &request, body).await,
    }
}

pub(crate) fn took_too_long() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request took too long to be said")
}

/// What is said of an address that no proxy passes on.
fn not_passed_on(path: &str) -> Refusal {
    let path: String = path.chars().take(200).collect();
    let why = format!(
        "lazaret does not pass {path} on: it reads repositories of the Hugging Face hub, projects of /-/pypi/simple/, files of \
         the servers that are configured under `gates.models.servers` (as /-/fetch/NAME/PATH), registries of images below /v2, and \
         the MLflow server below /-/mlflow/"
    );
    Refusal::new(StatusCode::NOT_FOUND, why)
}
