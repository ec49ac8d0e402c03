//! A connection on which nobody is waited for without end: what is sent has to be taken, and has a time by its size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use lazaret_core::Limit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::net::pace::Pace;

/// A stream whose other end has to take what is sent.
pub(crate) struct Sending<S> {
    stream: S,
    /// How long it may take nothing.
    wait: Duration,
    pace: Pace,
    /// Since when it takes nothing, and when that is too long.
    blocked: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Sending<S> {
    pub(crate) fn new(stream: S, wait: Duration, most: Limit) -> Self {
        Self { stream, wait, pace: Pace::new(wait, most), blocked: None }
    }

    /// What came of sending, unless it waits too long, or has in all.
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> u64,
    ) -> Poll<io::Result<T>> {
        let wait = self.wait;
        let Poll::Ready(sent) = sent else {
            let (_, late) =
                self.blocked.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(wait))));
            ready!(late.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        let waited = self.blocked.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
        let sent = sent?;
        let in_time = self.pace.went(bytes(&sent), waited);
        Poll::Ready(in_time.map(|()| sent).map_err(|limit| io::Error::new(io::ErrorKind::TimedOut, limit)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sending<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sending<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timed(cx, sent, |sent| *sent as u64)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.timed(cx, sent, |sent| *sent as u64)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed(cx, sent, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.timed(cx, sent, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::net::pace::MAX_SECONDS;

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_is_slow_is_not() {
        let wait = Duration::from_millis(100);
        let (here, there) = tokio::io::duplex(16);
        let mut sending = Sending::new(here, wait, MAX_SECONDS);
        let late = sending.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        drop(there);

        let (here, mut there) = tokio::io::duplex(16);
        let mut sending = Sending::new(here, wait, MAX_SECONDS.with(1 << 30));
        let reads = async {
            let mut all = [0; 64];
            for part in all.chunks_mut(16) {
                tokio::time::sleep(wait / 2).await;
                there.read_exact(part).await.unwrap();
            }
        };
        let (sent, ()) = tokio::join!(sending.write_all(&[0; 64]), reads);
        sent.unwrap();
    }

    #[tokio::test]
    async fn what_is_taken_a_byte_at_a_time_has_a_time_in_all() {
        let wait = Duration::from_millis(100);
        let (here, mut there) = tokio::io::duplex(1);
        let mut sending = Sending::new(here, wait, MAX_SECONDS);
        let reads = async {
            while there.read_u8().await.is_ok() {
                tokio::time::sleep(wait / 4).await;
            }
        };
        let sends = async move { sending.write_all(&[0; 64]).await };
        let (sent, ()) = tokio::join!(sends, reads);
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
