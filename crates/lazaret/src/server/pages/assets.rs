//! What pages refer to, part of the binary: one stylesheet, the mark in the browser's tab, and the script of the pages on
//! which text is selected.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// The stylesheet of every page.
pub(crate) const STYLESHEET: &str = include_str!("../../../console/console.css");
const SELECT: &str = include_str!("../../../console/select.js");
const MARK: &str = include_str!("../../../console/mark.svg");

/// `/assets/console.css`
pub(crate) async fn stylesheet() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET)
}

/// `select.js` of the pages that show a text to be marked.
pub(crate) async fn select() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SELECT)
}

/// `/assets/mark.svg`
pub(crate) async fn mark() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml")], MARK)
}
