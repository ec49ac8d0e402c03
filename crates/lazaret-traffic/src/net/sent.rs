//! What is sent with a question: bytes, or a file that is read while it goes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Frame, SizeHint};
use lazaret_core::Source;

use crate::net::answer::FileBody;

/// The body of a question.
#[derive(Clone)]
pub enum Sent {
    /// Held in memory.
    Bytes(Bytes),
    /// A file of this many bytes, read while it is sent.
    File(Arc<dyn Source>, u64),
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        };
        write!(f, "[{len} bytes]")
    }
}

/// A body that counts what went of it.
pub(crate) struct Counted {
    body: Either<Full<Bytes>, FileBody>,
    sent: Arc<AtomicU64>,
}

impl Counted {
    /// The body of a question; `sent` is how much of it went.
    pub(crate) fn new(body: &Sent, sent: Arc<AtomicU64>) -> Self {
        let body = match body {
            Sent::Bytes(bytes) => Either::Left(Full::new(bytes.clone())),
            Sent::File(file, len) => Either::Right(FileBody::part(Arc::clone(file), 0, *len)),
        };
        Self { body, sent }
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let len = frame.data_ref().map_or(0, Bytes::len);
            self.sent.fetch_add(len as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
