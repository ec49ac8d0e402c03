//! Binds to the loopback interface and serves until interrupted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::server::{ConsoleState, Hosts, router};

/// How long answers under way may take after the interrupt.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Threads that read requests; pages are made on others.
const THREADS: usize = 2;

/// Why the console is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// The address is not of this machine alone.
    #[error(
        "{0} can be reached from other machines; until sign-in exists the console is served on 127.0.0.1 or ::1 only"
    )]
    NotLoopback(SocketAddr),
    /// The address could not be taken.
    #[error("{address} could not be bound; if another program has the port, choose one with --port")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server broke off.
    #[error("the server broke off")]
    Serve(#[source] io::Error),
}

/// A bound address that is not yet served.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds to an address of the loopback interface; port 0 takes any free one.
pub(crate) fn bind(address: SocketAddr) -> Result<Bound, ServeError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let failed = |source| ServeError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address, with the port that was taken.
    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser finds it: `http://127.0.0.1:8790/`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves the console until the process is interrupted (Ctrl-C).
    pub(crate) fn serve(self, state: ConsoleState) -> Result<(), ServeError> {
        self.serve_until(state, async {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await; // no such signal here: the process is ended from outside
            }
        })
    }

    /// Serves the console until something happens.
    pub(crate) fn serve_until(
        self,
        state: ConsoleState,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("console")
            .enable_all()
            .build()
            .map_err(ServeError::Serve)?;
        let served = runtime.block_on(self.run(state, end));
        runtime.shutdown_timeout(LAST_ANSWERS);
        served.map_err(ServeError::Serve)
    }

    async fn run(
        self,
        state: ConsoleState,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (say, heard) = tokio::sync::oneshot::channel::<()>();
        let end = async move {
            end.await;
            drop(say);
        };
        let answering =
            axum::serve(listener, router(state, Hosts::of(self.address))).with_graceful_shutdown(end);
        let too_long = async move {
            let _ended = heard.await; // an error too says that the end has come
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            ended = answering => ended,
            () = too_long => Ok(()),
        }
    }
}
