//! A REST interface with the paths, requests and answers of Presidio's analyzer and anonymizer (2.2.366), so that what
//! calls Presidio may call lazaret instead: `/analyze`, `/anonymize`, `/deanonymize`, and what they say of themselves.
//!
//! `/analyze` looks, as `phi scan` does: nothing is recorded. Nothing of a text is logged. A part that fails is an
//! answer with status 500 and no text. Programs call it, pages do not: a request that a browser made from another site
//! is refused.
//!
//! | file | what is in it |
//! |---|---|
//! | `analyze` | what identifies someone in a text, under Presidio's names |
//! | `recognisers` | recognisers that a request brings along |
//! | `anonymize` | which spans are replaced, and how results are counted |
//! | `operators` | what stands there instead: replace, redact, mask, hash, encrypt, keep; decrypt |
//! | `python` | JSON as Python writes it |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lazaret_core::{Limit, LimitExceeded, Limits};
use lazaret_input::json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::knowledge::Watched;
use crate::server::Hosts;
use crate::server::guard::{headers, is_named};

mod analyze;
mod anonymize;
mod operators;
mod python;
mod recognisers;

pub(crate) use recognisers::MAX_PATTERNS;

/// Longest body of a request, in bytes.
pub(crate) const MAX_BODY: Limit = Limit::new("presidio.max_body", 16 << 20);
/// Longest answer, in bytes: operators may write more than they read, and results that overlap are read more than once.
pub(crate) const MAX_ANSWER: Limit = Limit::new("presidio.max_answer", 64 << 20);
/// Most texts that are looked at at once; others wait.
const AT_ONCE: usize = 4;
/// How long a request waits for its turn, and how long its body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the interface works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PresidioState {
    scanner: Arc<Watched>,
    limits: Arc<Limits>,
    turns: Arc<Semaphore>,
}

impl PresidioState {
    /// With a scanner that follows the hospital's knowledge.
    pub(crate) fn new(scanner: Watched, limits: Limits) -> Self {
        Self {
            scanner: Arc::new(scanner),
            limits: Arc::new(limits),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// Why a request has no result. The words are told to the caller: they name no value of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }

    /// The request is not of the form it should be.
    fn bad(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// A parameter has a value it cannot have: Presidio's anonymizer answers 422.
    fn invalid(why: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, why)
    }

    /// What Presidio's analyzer answers with 500.
    fn failed(why: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }

    /// Something of lazaret broke. Presidio's words.
    fn broke() -> Self {
        Self::failed("Internal server error")
    }

    /// The request asks for more than a limit allows.
    fn too_much(reached: &LimitExceeded) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reached.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, python::compact(&json!({ "error": self.why })));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn answer(status: StatusCode, json: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}

fn list(names: &[&str]) -> Response {
    answer(StatusCode::OK, python::compact(&names))
}

/// The routes.
pub(crate) fn router(state: PresidioState, hosts: Hosts) -> Router {
    Router::new()
        .route("/analyze", post(analyze))
        .route("/anonymize", post(anonymize))
        .route("/deanonymize", post(deanonymize))
        .route("/health", get(health))
        .route("/recognizers", get(recognizers))
        .route("/supportedentities", get(supported_entities))
        .route("/anonymizers", get(|| async { list(&operators::ANONYMIZERS) }))
        .route("/deanonymizers", get(|| async { list(&operators::DEANONYMIZERS) }))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed for this address")
        })
        .layer(from_fn_with_state(hosts, admit))
        .layer(from_fn(headers))
        .with_state(state)
}

/// Lets through what asks for this machine by its own name and was not sent by a page of another site.
async fn admit(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !is_named(&hosts, &request) {
        let why = "this server answers to localhost, 127.0.0.1 and [::1] with its port, and to no other name";
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    if from_a_page(request.headers()) {
        return Refusal::new(StatusCode::FORBIDDEN, "pages may not call this server").into_response();
    }
    next.run(request).await
}

/// Whether a browser sent it for a page.
fn from_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key("origin") || headers.get("sec-fetch-site").is_some_and(|site| site != "none")
}

async fn analyze(State(state): State<PresidioState>, body: Body) -> Response {
    work(state, body, |state, request| {
        let found = analyze::analyze(&state.scanner.scanner(), &state.limits, &request)?;
        python::json(&found, state.limits.get(MAX_ANSWER)).map_err(|reached| Refusal::too_much(&reached))
    })
    .await
}

async fn anonymize(State(state): State<PresidioState>, body: Body) -> Response {
    work(state, body, |state, request| anonymize::anonymize(&request, state.limits.get(MAX_ANSWER))).await
}

async fn deanonymize(State(state): State<PresidioState>, body: Body) -> Response {
    work(state, body, |state, request| anonymize::deanonymize(&request, state.limits.get(MAX_ANSWER))).await
}

/// Reads a body and works on it on a blocking thread, so many at once.
async fn work<R: DeserializeOwned + Send + 'static>(
    state: PresidioState,
    body: Body,
    on: impl FnOnce(&PresidioState, R) -> Result<Vec<u8>, Refusal> + Send + 'static,
) -> Response {
    let busy = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many texts at once; try again");
    let most = state.limits.get(MAX_BODY);
    let read =
        tokio::time::timeout(PATIENCE, to_bytes(body, usize::try_from(most.most()).unwrap_or(usize::MAX)));
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let why = format!(
                "the body is longer than {} bytes (limit `presidio.max_body`), or broke off; to raise the limit, set \
                 it under [limits]",
                most.most()
            );
            return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
        }
        Err(_) => return Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long").into_response(),
    };
    let turn = tokio::time::timeout(PATIENCE, Arc::clone(&state.turns).acquire_owned());
    let Ok(Ok(turn)) = turn.await else { return busy().into_response() };
    let done = tokio::task::spawn_blocking(move || {
        let done = read_request(&bytes, &state.limits).and_then(|request| on(&state, request));
        drop(turn); // here, not in the request: a request given up frees no thread
        done
    });
    match done.await {
        Ok(Ok(json)) => answer(StatusCode::OK, json),
        Ok(Err(refusal)) => {
            if refusal.status.is_server_error() {
                tracing::warn!(status = refusal.status.as_u16(), "a text was not looked at");
            }
            refusal.into_response()
        }
        Err(_) => Refusal::broke().into_response(),
    }
}

/// A request, strictly read: a key twice is refused, for one of its values would not be looked at.
fn read_request<R: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<R, Refusal> {
    let parsed = json::parse(bytes, limits);
    if let Some(fault) = parsed.faults.first() {
        return Err(Refusal::bad(format!(
            "Invalid request json: at byte {}: {}",
            fault.offset, fault.message
        )));
    }
    let text = parsed.document.as_ref().map(json::Document::text).unwrap_or_default();
    if !text.trim_start().starts_with('{') {
        return Err(Refusal::bad("Invalid request json: a request is an object"));
    }
    // The library's own words would quote a value.
    serde_json::from_str(text).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        Refusal::bad(format!("Invalid request json: {at}: a value is of another type than it should be"))
    })
}

async fn health(State(state): State<PresidioState>) -> Response {
    match state.scanner.broken() {
        None => {
            "lazaret is up, in the place of the Presidio Analyzer and Anonymizer services".into_response()
        }
        Some(why) => {
            format!("lazaret is up, but the hospital's knowledge as it is now could not be read: {why}")
                .into_response()
        }
    }
}

#[derive(Deserialize)]
struct OfLanguage {
    language: Option<String>,
}

async fn recognizers(Query(asked): Query<OfLanguage>) -> Response {
    of_language(&asked, || lazaret_phi::ids().collect())
}

async fn supported_entities(Query(asked): Query<OfLanguage>) -> Response {
    of_language(&asked, analyze::entities)
}

fn of_language(asked: &OfLanguage, names: impl Fn() -> Vec<&'static str>) -> Response {
    match analyze::check_language(asked.language.as_deref().unwrap_or("en")) {
        Ok(()) => list(&names()),
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests;
