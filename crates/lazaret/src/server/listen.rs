//! Binds to the loopback interface, and for what is served over TLS to others, and serves until interrupted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use lazaret_core::Limits;
use lazaret_traffic::admission::serve as admission;
use lazaret_traffic::admission::tls::Tls;
use lazaret_traffic::net::accept;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use crate::server::Hosts;

/// How long answers under way may take after the interrupt.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Threads that read requests; pages are made on others.
const THREADS: usize = 2;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    /// The address is not of this machine alone.
    #[error(
        "{0} can be reached from other machines; until sign-in exists lazaret is served on 127.0.0.1 or ::1 only"
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
    bind_any(address)
}

/// Binds to an address that other machines may reach, for what is served over TLS.
pub(crate) fn bind_any(address: SocketAddr) -> Result<Bound, ServeError> {
    let failed = |source| ServeError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address, with the port that was taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser finds it: `http://127.0.0.1:8790/`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What is served here: routes that know the names of this address.
    pub(crate) fn with(self, router: impl FnOnce(Hosts) -> Router, limits: Limits) -> Served {
        let router = router(Hosts::of(self.address));
        Served { listener: self.listener, router, tls: None, limits, apart: false }
    }

    /// What is served here over TLS, to whoever reaches it.
    pub(crate) fn over_tls(self, router: Router, tls: Tls, limits: Limits) -> Served {
        Served { listener: self.listener, router, tls: Some(tls), limits, apart: false }
    }
}

/// Routes and where they are served.
pub(crate) struct Served {
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    apart: bool,
}

impl Served {
    /// On threads of its own: who asks here does not wait until others, that scan or send, have threads to spare.
    pub(crate) fn apart(self) -> Self {
        Self { apart: true, ..self }
    }
}

/// Serves until the process is interrupted (Ctrl-C) or asked to end, as service managers do.
pub(crate) fn serve(served: Vec<Served>) -> Result<(), ServeError> {
    serve_until(served, async {
        let Ok(mut asked_to_end) = signal(SignalKind::terminate()) else {
            return std::future::pending().await; // no such signal here: the process is ended from outside
        };
        tokio::select! {
            Ok(()) = tokio::signal::ctrl_c() => {}
            Some(()) = asked_to_end.recv() => {}
            else => std::future::pending().await,
        }
    })
}

/// Serves until something happens.
pub(crate) fn serve_until(
    served: Vec<Served>,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let runtime = |name: &str| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name(name).enable_all().build().map_err(ServeError::Serve)
    };
    let shared = runtime("server")?;
    let apart = served.iter().any(|served| served.apart).then(|| runtime("apart")).transpose()?;
    let handles = (shared.handle(), apart.as_ref().unwrap_or(&shared).handle());
    let ended = shared.block_on(run(served, handles, end));
    for runtime in apart.into_iter().chain([shared]) {
        runtime.shutdown_timeout(LAST_ANSWERS);
    }
    ended.map_err(ServeError::Serve)
}

async fn run(
    served: Vec<Served>,
    (shared, apart): (&Handle, &Handle),
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if served.is_empty() {
        end.await; // what there is to do is done on threads of its own
        return Ok(());
    }
    let (say, heard) = tokio::sync::watch::channel(false);
    let mut answering = tokio::task::JoinSet::new();
    for served in served {
        let mut heard = heard.clone();
        let told = async move {
            let _ended = heard.wait_for(|ended| *ended).await; // an error too says that the end has come
        };
        let on = if served.apart { apart } else { shared };
        answering.spawn_on(answer(served, told), on);
    }
    let say_the_end = async move {
        end.await;
        let _nobody_listens = say.send(true);
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    let all = async {
        while let Some(ended) = answering.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        Ok(())
    };
    tokio::select! {
        ended = all => ended,
        () = say_the_end => Ok(()),
    }
}

async fn answer(served: Served, told: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(served.listener)?;
    match served.tls {
        None => accept::serve(listener, served.router, served.limits, told).await,
        Some(tls) => admission::serve(listener, tls, served.router, served.limits, told).await,
    }
    Ok(())
}
