//! Connections that others open: so many at once and of one address no more than its share, none that says or takes nothing for
//! long, and at the end what is being answered is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lazaret_core::{Limit, Limits};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::net::pace::MAX_SECONDS;
use crate::net::sending::Sending;
use crate::net::shares::Shares;

/// Most connections to one port at once.
pub const MAX_CONNECTIONS: Limit = Limit::new("traffic.max_connections", 512);

/// How long a connection may lie idle, and how long it may take to say what it asks: longer than the API server and the usual
/// clients keep it, so that it is never closed under a request.
const IDLE: Duration = Duration::from_mins(2);
/// How long a connection may take to say what it asks first.
const FIRST: Duration = Duration::from_secs(10);
/// How long it may take nothing of what is sent.
const STALLED: Duration = Duration::from_mins(1);
/// How long what is being answered at the end may take.
const LAST_ANSWERS: Duration = Duration::from_millis(1_500);
/// How long nothing is accepted after that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// That the end has come.
pub(crate) type Heard = watch::Receiver<()>;

/// Serves routes on a socket, until something happens. Each request is told who asks (`ConnectInfo`).
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()> + Send,
) {
    let pace = limits.get(MAX_SECONDS);
    let answered = |stream, from: SocketAddr, heard| {
        speak(stream, router.clone().layer(Extension(ConnectInfo(from))), pace, heard)
    };
    accept(listener, limits.get(MAX_CONNECTIONS), answered, end).await;
}

/// Accepts connections, so many at once, until something happens; then what is being answered is answered, and nothing new is
/// taken.
pub(crate) async fn accept<W: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    most: Limit,
    answered: impl Fn(TcpStream, SocketAddr, Heard) -> W,
    end: impl Future<Output = ()> + Send,
) {
    let most = usize::try_from(most.most()).unwrap_or(usize::MAX).clamp(1, 100_000);
    let (turns, shares) = (Arc::new(Semaphore::new(most)), Shares::of(most));
    let mut tasks = tokio::task::JoinSet::new();
    let (say, heard) = watch::channel(());
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = async {
            let turn = Arc::clone(&turns).acquire_owned().await;
            (turn, listener.accept().await)
        };
        let (turn, accepted) = tokio::select! {
            () = &mut end => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let Some(share) = shares.take(Some(from.ip())) else {
                    tracing::debug!("a connection was closed: its address has its share of them");
                    continue;
                };
                let _no_delay = stream.set_nodelay(true);
                let work = answered(stream, from, heard.clone());
                tasks.spawn(async move {
                    let _places = (turn, share);
                    work.await;
                });
            }
            Err(error) => {
                // Of one connection, or there are no more files: neither is for good.
                tracing::warn!(kind = %error.kind(), "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    let _all_hear = say.send(());
    let all = async { while tasks.join_next().await.is_some() {} };
    let _in_time = tokio::time::timeout(LAST_ANSWERS, all).await;
}

/// Answers what a connection asks.
pub(crate) async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    pace: Limit,
    mut heard: Heard,
) {
    let stream = Sending::new(stream, STALLED, pace);
    let has_asked = Arc::new(AtomicBool::new(false));
    let (asks, service) = (Arc::clone(&has_asked), TowerToHyperService::new(router));
    let service = service_fn(move |request| {
        asks.store(true, Ordering::Relaxed);
        service.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut first = std::pin::pin!(tokio::time::sleep(FIRST));
    // A client that breaks off is told nothing more.
    loop {
        tokio::select! {
            _ended = connection.as_mut() => return,
            _end = heard.changed() => break,
            () = &mut first, if !has_asked.load(Ordering::Relaxed) => {
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ended = connection.await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn said(stream: &mut TcpStream) -> String {
        let mut answer = vec![0; 1_024];
        let read = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn so_many_at_once_are_answered_and_others_wait_for_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.to_string() }));
        let mut limits = Limits::default();
        limits.set(MAX_CONNECTIONS.key(), 2);
        let (ends, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, router, limits, async move {
            let _told = ended.await;
        }));
        // Two that say half of what they ask hold both places.
        let mut silent = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HT").await.unwrap();
            silent.push(stream);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(200), said(&mut third)).await;
        assert!(early.is_err(), "{early:?}");
        drop(silent.pop());
        let answer = said(&mut third).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with(&third.local_addr().unwrap().to_string()), "{answer}");
        // At the end nobody waits for those who say nothing.
        ends.send(()).unwrap();
        serving.await.unwrap();
    }
}
