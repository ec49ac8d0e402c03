//! `/healthz`: whether crossings are taken and the ledger can be read.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::server::ConsoleState;
use crate::server::answer::look;

/// 200 when ready, 503 when not.
pub(crate) async fn health(State(state): State<ConsoleState>) -> Response {
    let ready = look(state, |rooms| Ok((rooms.ready)() && rooms.ledger.size().is_ok())).await;
    if matches!(ready, Ok(true)) {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}
