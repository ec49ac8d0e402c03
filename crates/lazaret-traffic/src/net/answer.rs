//! Files as answers: whole or a part, under the conditions of the request (RFC 9110, 13 and 14). And refusals: a message
//! that every client shows in its own way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper::ext::ReasonPhrase;
use lazaret_core::Source;
use tokio::task::JoinHandle;

use crate::net::headers::{line, names, one, set, tag};
use crate::net::range::{Wanted, wanted};

/// How much of a file is read and sent at once.
const BLOCK: u64 = 256 << 10;

/// What is said of a file beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Length in bytes.
    pub len: u64,
    /// Its entity tag, without quotes.
    pub tag: String,
    /// More headers of the answer.
    pub headers: HeaderMap,
}

/// The answer about a file, without its bytes: to `HEAD`, or that the client has it already. None where the bytes are
/// wanted.
pub fn without_bytes(method: &Method, request: &HeaderMap, told: &Told) -> Option<Response> {
    let mut response = head(told);
    if one(request, IF_NONE_MATCH).is_some_and(|known| names(known, &told.tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(response);
    }
    if *method != Method::HEAD {
        return None;
    }
    response.headers_mut().insert(CONTENT_LENGTH, told.len.into());
    Some(response)
}

/// The answer with a file's bytes, or the part that is wanted.
pub fn with_bytes(request: &HeaderMap, told: &Told, file: Arc<dyn Source>) -> Response {
    let mut response = head(told);
    // A range counts only while the file is still the one that the client has the beginning of.
    let is_same = one(request, IF_RANGE).is_none_or(|had| tag(had) == Some(told.tag.as_str()));
    let range = one(request, RANGE).filter(|_| is_same);
    let (from, to) = match wanted(range, told.len) {
        Wanted::Whole => (0, told.len),
        Wanted::Part { from, to } => {
            let part = format!("bytes {from}-{}/{}", to.saturating_sub(1), told.len);
            set(response.headers_mut(), CONTENT_RANGE, &part);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (from, to)
        }
        Wanted::Nothing => {
            set(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{}", told.len));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            (0, 0)
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, to.saturating_sub(from).into());
    *response.body_mut() = Body::new(FileBody::part(file, from, to));
    response
}

fn head(told: &Told) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.clone_from(&told.headers);
    set(headers, ETAG, &format!("\"{}\"", told.tag));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    response
}

/// A part of a file, read block by block on threads that may wait.
pub(crate) struct FileBody {
    file: Arc<dyn Source>,
    at: u64,
    end: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// From one byte up to another, the second not included.
    pub(crate) fn part(file: Arc<dyn Source>, from: u64, to: u64) -> Self {
        Self { file, at: from, end: to, reading: None }
    }

    fn read(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        let len = self.end.saturating_sub(at).min(BLOCK);
        tokio::task::spawn_blocking(move || {
            let mut block = vec![0; usize::try_from(len).unwrap_or(0)];
            let read = file.read_at(at, &mut block).map_err(io::Error::other)?;
            if read as u64 == len { Ok(block.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        })
    }
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        let read = read.map_err(io::Error::other).flatten();
        match &read {
            Ok(bytes) => self.at = self.at.saturating_add(bytes.len() as u64),
            Err(_) => self.end = self.at, // nothing more is read; the connection is cut before its length is reached
        }
        Poll::Ready(Some(read.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end.saturating_sub(self.at))
    }
}

/// Why something is not given.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The word by which `huggingface_hub` knows what to raise.
    pub code: Option<&'static str>,
    /// For a person: why, and the way out.
    pub message: String,
}

/// What `huggingface_hub` reads of a refusal.
const ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");
/// The message that it shows.
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-error-message");

impl Refusal {
    /// A refusal without a word of the hub's.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into() }
    }

    /// The same with a word of the hub's.
    #[must_use]
    pub fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// As an answer. The message stands where each client looks: in the line of the status (pip, curl), in the hub's
    /// header, in a body of JSON (MLflow).
    pub fn answer(&self) -> Response {
        let word = error_word(self.status);
        let body = serde_json::json!({ "error": self.message, "error_code": word, "message": self.message });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let told = line(&self.message);
        if let Ok(reason) = ReasonPhrase::try_from(told.as_bytes()) {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        set(headers, ERROR_MESSAGE, &told);
        if let Some(code) = self.code {
            headers.insert(ERROR_CODE, HeaderValue::from_static(code));
        }
        response
    }
}

/// The word by which MLflow's client knows what went wrong.
fn error_word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "RESOURCE_DOES_NOT_EXIST",
        501 => "NOT_IMPLEMENTED",
        502..=504 | 507 => "TEMPORARILY_UNAVAILABLE",
        500.. => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use lazaret_core::Hint;
    use lazaret_input::MemorySource;

    use super::*;

    fn asked(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    async fn get(len: u64, request: &HeaderMap) -> (StatusCode, String, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let told = Told { len, tag: "t".to_owned(), headers: HeaderMap::new() };
        let response = with_bytes(request, &told, Arc::new(MemorySource::new(bytes, Hint::default())));
        let part = one(response.headers(), CONTENT_RANGE).unwrap_or("").to_owned();
        let announced: u64 = one(response.headers(), CONTENT_LENGTH).unwrap().parse().unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        assert_eq!(body.len() as u64, announced);
        (status, part, body)
    }

    #[tokio::test]
    async fn a_file_is_sent_whole_or_in_part() {
        let whole = get(BLOCK * 2 + 7, &asked(&[])).await;
        assert_eq!((whole.0, whole.2.len() as u64), (StatusCode::OK, BLOCK * 2 + 7));
        let part = get(1000, &asked(&[(RANGE, "bytes=998-")])).await;
        assert_eq!(part, (StatusCode::PARTIAL_CONTENT, "bytes 998-999/1000".to_owned(), vec![245, 246]));
        let none = get(1000, &asked(&[(RANGE, "bytes=1000-")])).await;
        assert_eq!(none, (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */1000".to_owned(), vec![]));
        let same = get(1000, &asked(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"t\"")])).await;
        let other = get(1000, &asked(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"u\"")])).await;
        assert_eq!((same.2.len(), other.2.len()), (2, 1000));
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_breaks_the_answer_off() {
        let told = Told { len: 10, tag: "t".to_owned(), headers: HeaderMap::new() };
        let short = MemorySource::new(vec![1, 2, 3], Hint::default());
        let response = with_bytes(&HeaderMap::new(), &told, Arc::new(short));
        assert!(response.into_body().collect().await.is_err());
    }

    #[test]
    fn what_the_client_has_is_not_sent_again_and_head_says_the_length() {
        let told = Told { len: 9, tag: "t".to_owned(), headers: asked(&[(CONTENT_TYPE, "text/plain")]) };
        let known = asked(&[(IF_NONE_MATCH, "W/\"t\"")]);
        assert_eq!(without_bytes(&Method::GET, &known, &told).unwrap().status(), StatusCode::NOT_MODIFIED);
        let head = without_bytes(&Method::HEAD, &HeaderMap::new(), &told).unwrap();
        assert_eq!(one(head.headers(), CONTENT_LENGTH), Some("9"));
        assert_eq!(one(head.headers(), CONTENT_TYPE), Some("text/plain"));
        assert!(without_bytes(&Method::GET, &HeaderMap::new(), &told).is_none());
    }

    #[test]
    fn a_refusal_is_one_line_whatever_its_message() {
        let answer = Refusal::new(StatusCode::FORBIDDEN, "a\r\nX-Y: z é").coded("GatedRepo").answer();
        assert_eq!(one(answer.headers(), ERROR_MESSAGE), Some("a??X-Y: z ?"));
        assert_eq!(answer.extensions().get::<ReasonPhrase>().unwrap().as_bytes(), b"a??X-Y: z ?");
    }
}
