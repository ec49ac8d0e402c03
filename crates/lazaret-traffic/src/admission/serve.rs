//! Answers reviews, within the time that the API server gives.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use lazaret_core::{Limit, Limits};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::judge::Judge;
use super::review::{Answer, MAX_REVIEW, document, review};
use super::tls::Tls;
use crate::net::accept::{accept, speak};
use crate::net::pace::MAX_SECONDS;

/// Most reviews that are answered at once.
pub const MAX_REVIEWS: Limit = Limit::new("admission.max_reviews", 64);
/// Most connections at once.
pub const MAX_CONNECTIONS: Limit = Limit::new("admission.max_connections", 512);

/// An answer is given within this time; the API server waits for two seconds.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// What could not be told by then is answered from memory within this time.
const LATE_WITHIN: Duration = Duration::from_millis(400);
/// Reviews that are read at once to be answered from memory: that waits for nothing, so more would not be faster.
const MOST_LATE: usize = 4;
/// How long a connection may take until TLS is spoken.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What answers.
pub struct Webhook {
    judge: Judge,
    /// Whether who asks has to bring a certificate.
    knows_clients: bool,
    limits: Limits,
    turns: Arc<Semaphore>,
    /// The same for those that are answered from memory.
    late_turns: Arc<Semaphore>,
    /// Reviews that are held in memory.
    reading: Semaphore,
}

/// Who asks brought a certificate that is believed.
#[derive(Debug, Clone, Copy)]
struct Known(bool);

impl Webhook {
    /// Over a judge. Where clients are known by their certificates, others are answered nothing.
    pub fn new(judge: Judge, knows_clients: bool, limits: Limits) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(count(&limits, MAX_REVIEWS)));
        let reading = Semaphore::new(count(&limits, MAX_REVIEWS).saturating_mul(2));
        let late_turns = Arc::new(Semaphore::new(MOST_LATE));
        Arc::new(Self { judge, knows_clients, limits, turns, late_turns, reading })
    }

    /// Its routes: `/validate`, `/healthz`, `/readyz`.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/validate", post(validate))
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .with_state(self)
    }

    /// The answer's JSON to the bytes of a review; none if they are none.
    fn answer(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let document = document(body, &self.limits).map_err(|error| error.to_string())?;
        let review = review(&document).map_err(|error| error.to_string())?;
        let answer = self.judge.answer(&review);
        answer.json(review.uid).map_err(|error| error.to_string())
    }

    /// What is answered to bytes that nobody had the time to judge.
    fn late(&self, body: &[u8], why: &'static str) -> Result<Vec<u8>, String> {
        let document = document(body, &self.limits).map_err(|error| error.to_string())?;
        let review = review(&document).map_err(|error| error.to_string())?;
        let answer: Answer = self.judge.late(&review, why);
        answer.json(review.uid).map_err(|error| error.to_string())
    }
}

fn count(limits: &Limits, limit: Limit) -> usize {
    usize::try_from(limits.get(limit).most()).unwrap_or(usize::MAX).clamp(1, 100_000)
}

async fn ready(State(webhook): State<Arc<Webhook>>) -> Response {
    let asked = tokio::task::spawn_blocking(move || webhook.judge.is_ready());
    if matches!(tokio::time::timeout(ANSWER_WITHIN, asked).await, Ok(Ok(true))) {
        return "ok".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "no verdicts can be told yet").into_response()
}

async fn validate(
    State(webhook): State<Arc<Webhook>>,
    known: Option<Extension<Known>>,
    request: Request,
) -> Response {
    if webhook.knows_clients && !known.is_some_and(|Extension(Known(known))| known) {
        let why = "an API server brings a certificate that `gates.models.admission_clients` believes";
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "a review is application/json").into_response();
    }
    // Few are read at once, and none for long: whoever reaches the port may send.
    let Ok(reading) = webhook.reading.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "as many reviews are read as may be at once")
            .into_response();
    };
    let most = usize::try_from(webhook.limits.get(MAX_REVIEW).most()).unwrap_or(usize::MAX);
    let body = match tokio::time::timeout(ANSWER_WITHIN, to_bytes(request.into_body(), most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let why = "the review broke off, or is longer than `admission.max_review` allows";
            return (StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
        }
        Err(_) => {
            return (StatusCode::REQUEST_TIMEOUT, "the review took too long to be said").into_response();
        }
    };
    let (turns, bytes) = (&webhook.turns, body.clone());
    let judged = in_turn(&webhook, turns, move |webhook| webhook.answer(&bytes));
    let why = match tokio::time::timeout(ANSWER_WITHIN, judged).await {
        Ok(Some(answered)) => return said(answered),
        Ok(None) => "tell it without breaking off",
        Err(_) => "tell it in time",
    };
    let late = in_turn(&webhook, &webhook.late_turns, move |webhook| webhook.late(&body, why));
    let answered = tokio::time::timeout(LATE_WITHIN, late).await;
    drop(reading);
    match answered {
        Ok(Some(answered)) => said(answered),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the review could not be read in time").into_response(),
    }
}

/// The answer to a review, or why there is none.
fn said(answered: Result<Vec<u8>, String>) -> Response {
    match answered {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(why) => {
            tracing::warn!(why, "no review");
            (StatusCode::BAD_REQUEST, why).into_response()
        }
    }
}

/// Works on a thread that may wait. None if it broke off. One that hangs keeps its turn, so that they stay few.
async fn in_turn(
    webhook: &Arc<Webhook>,
    turns: &Arc<Semaphore>,
    work: impl FnOnce(&Webhook) -> Result<Vec<u8>, String> + Send + 'static,
) -> Option<Result<Vec<u8>, String>> {
    let turn = Arc::clone(turns).acquire_owned().await.ok()?;
    let webhook = Arc::clone(webhook);
    let work = move || {
        let answered = work(&webhook);
        drop(turn);
        answered
    };
    tokio::task::spawn_blocking(work).await.ok()
}

/// Serves routes on a socket over TLS, until something happens.
pub async fn serve(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()> + Send,
) {
    let renewing = tokio::spawn(tls.clone().keep_renewed());
    let pace = limits.get(MAX_SECONDS);
    let answered = |stream, _from, heard| {
        let (router, tls) = (router.clone(), tls.clone());
        async move {
            let shaken = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                // What is not believed ends the handshake.
                let known = Known(stream.get_ref().1.peer_certificates().is_some());
                speak(stream, router.layer(Extension(known)), pace, heard).await;
            }
        }
    };
    accept(listener, limits.get(MAX_CONNECTIONS), answered, end).await;
    renewing.abort();
}
