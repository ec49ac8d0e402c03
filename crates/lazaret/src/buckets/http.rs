//! The connections to object stores: those of [`Client`], so that time limits, authorities and which addresses may be asked are
//! the same as for every other server.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::Response;
use http_body_util::BodyExt as _;
use lazaret_core::Limit;
use lazaret_traffic::net::client::{Answer, Call, Client};
use lazaret_traffic::net::sent::Sent;
use lazaret_traffic::net::trouble::Trouble;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::{Scheme, Url};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio::sync::mpsc::{Receiver, channel};

/// A server would be told who asks where others can read it.
#[derive(Debug, thiserror::Error)]
#[error("{0} would be asked in the clear, and its address was not given so")]
pub(super) struct InTheClear(String);

/// Connects by one client, in the clear only to hosts that are named with such an address.
#[derive(Clone)]
pub(super) struct Connections {
    client: Arc<Client>,
    in_the_clear: Arc<[String]>,
    /// How long the object is that is read: no answer is longer, nor than a page.
    reading: Arc<AtomicU64>,
}

impl Connections {
    pub(super) fn new(
        client: Client,
        in_the_clear: impl IntoIterator<Item = String>,
        reading: Arc<AtomicU64>,
    ) -> Self {
        Self { client: Arc::new(client), in_the_clear: in_the_clear.into_iter().collect(), reading }
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

impl HttpConnector for Connections {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connections {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        if url.scheme() == Scheme::Http && !self.in_the_clear.iter().any(|host| host == url.host()) {
            return Err(HttpError::new(HttpErrorKind::Unknown, InTheClear(url.host().to_owned())));
        }
        let body = body.collect().await?.to_bytes();
        let call =
            Call { method: parts.method, url: url.clone(), headers: parts.headers, body: Sent::Bytes(body) };
        let upstream = Upstream::new(url, [], "the address of the bucket");
        let answer = self.client.stay(&upstream, call).await.map_err(told)?;
        let (parts, ()) = Response::new(()).into_parts();
        let mut response = Response::from_parts(parts, ());
        *response.status_mut() = answer.response.status();
        response.headers_mut().clone_from(answer.response.headers());
        // An object is read as it comes; what says something of objects, keys or identities is held in memory.
        let most = (self.client.max_page(), self.reading.load(Ordering::Relaxed));
        Ok(response.map(|()| HttpResponseBody::new(Arriving(arriving(answer, most)))))
    }
}

/// The bytes of an answer as they come, one piece ahead of whoever reads them: no more than a page or an object may have.
fn arriving(mut answer: Answer, (page, object): (Limit, u64)) -> Receiver<Result<Bytes, HttpError>> {
    let (to, from) = channel(1);
    tokio::spawn(async move {
        let mut came = 0_u64;
        loop {
            let piece = match answer.next().await {
                Ok(None) => return,
                Ok(Some(bytes)) => {
                    came = came.saturating_add(bytes.len() as u64);
                    let within = if came > object { page.check(came) } else { Ok(()) };
                    within.map(|()| bytes).map_err(|limit| HttpError::new(HttpErrorKind::Decode, limit))
                }
                Err(trouble) => Err(told(trouble)),
            };
            let ends = piece.is_err();
            // Whoever read it has enough.
            if to.send(piece).await.is_err() || ends {
                return;
            }
        }
    });
    from
}

/// Why a server could not be asked, and whether it is worth asking again.
fn told(trouble: Trouble) -> HttpError {
    let kind = match &trouble {
        Trouble::Connect { .. } | Trouble::Resolve { .. } => HttpErrorKind::Connect,
        Trouble::Slow { .. } => HttpErrorKind::Timeout,
        Trouble::Broke { .. } => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, trouble)
}

/// The body of an answer.
struct Arriving(Receiver<Result<Bytes, HttpError>>);

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, HttpError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
}
