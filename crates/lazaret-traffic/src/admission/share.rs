//! Gives the verdicts to webhooks on other hosts, and takes what they noted: for who knows the secret.
//!
//! ```text
//! GET  /verdicts    the list, with its entity tag
//! POST /notes       lines of notes; answered once they are durable
//! ```

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use lazaret_core::{LedgerError, Limits, chain};
use ring::digest::{SHA256, digest};

use super::notes::{Note, Records};
use crate::net::headers::{names, set};

/// Longest body of notes; whoever has more sends it in parts.
pub const MOST_NOTES: usize = 1 << 20;

/// The list of verdicts as it is given.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is in it, so that it is not sent twice.
    pub tag: String,
    /// The list.
    pub body: Bytes,
}

/// Makes the list.
pub trait List: Send + Sync {
    /// The list as it is now.
    fn list(&self) -> Result<Listed, LedgerError>;
}

/// What is shared.
struct Shared {
    list: Arc<dyn List>,
    records: Arc<dyn Records>,
    secret: [u8; 32],
    limits: Limits,
}

/// The routes, for who knows a secret.
pub fn router(list: Arc<dyn List>, records: Arc<dyn Records>, secret: &str, limits: Limits) -> Router {
    let shared = Arc::new(Shared { list, records, secret: of(secret.as_bytes()), limits });
    Router::new()
        .route("/verdicts", get(verdicts))
        .route("/notes", post(notes))
        .layer(DefaultBodyLimit::max(MOST_NOTES))
        .layer(from_fn_with_state(Arc::clone(&shared), admit))
        .with_state(shared)
}

/// Digests are compared: how long that takes says nothing about the secret.
fn of(secret: &[u8]) -> [u8; 32] {
    digest(&SHA256, secret).as_ref().first_chunk().copied().unwrap_or_default()
}

async fn admit(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let given =
        request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.is_some_and(|given| of(given) == shared.secret) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, "whoever asks here knows the secret of `gates.models.verdicts_secret`")
        .into_response()
}

async fn verdicts(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let list = Arc::clone(&shared.list);
    let listed = tokio::task::spawn_blocking(move || list.list()).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => return unwell(&chain(&error)),
        Err(_) => return unwell("the list broke off"),
    };
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known = known.is_some_and(|known| names(known, &listed.tag));
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(listed.body) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    set(response.headers_mut(), ETAG, &format!("\"{}\"", listed.tag));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn notes(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let notes: Option<Vec<Note>> = lines.map(|line| Note::read(line, &shared.limits)).collect();
    let Some(notes) = notes else {
        return (StatusCode::BAD_REQUEST, "a line is no note").into_response();
    };
    let kept = tokio::task::spawn_blocking(move || shared.records.record(notes)).await;
    match kept {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => unwell(&chain(&error)),
        Err(_) => unwell("the notes broke off"),
    }
}

fn unwell(why: &str) -> Response {
    tracing::error!(cause = why, "verdicts are not shared");
    (StatusCode::SERVICE_UNAVAILABLE, "lazaret cannot do that now; ask again").into_response()
}
