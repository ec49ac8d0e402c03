//! What pages refer to: one stylesheet and the mark in the browser's tab, both part of the binary.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// The stylesheet of every page.
pub(crate) const STYLESHEET: &str = include_str!("../../../console/console.css");
const MARK: &str = include_str!("../../../console/mark.svg");

/// `/assets/console.css`
pub(crate) async fn stylesheet() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET)
}

/// `/assets/mark.svg`
pub(crate) async fn mark() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml")], MARK)
}
