//! Asks other servers: one connection a request, over addresses that were checked, with a time limit on every wait.
//! Redirects are followed to configured hosts alone, and what a client told one server is not told another.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, IF_RANGE, LOCATION,
    RANGE, USER_AGENT,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lazaret_core::{Limit, Limits};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::net::addresses::is_public;
use crate::net::pace::{Late, MAX_SECONDS, Pace};
use crate::net::sent::{Counted, Sent};
use crate::net::tls::{self, MAX_AUTHORITIES, TlsError};
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::net::url::{Scheme, Url};

/// Most redirects that are followed for one request.
pub const MAX_REDIRECTS: Limit = Limit::new("traffic.max_redirects", 5);
/// Most bytes of an answer's headers.
pub const MAX_HEADERS: Limit = Limit::new("traffic.max_headers", 64 << 10);
/// Longest answer that is read into memory: a page of names, not a file.
pub const MAX_PAGE: Limit = Limit::new("traffic.max_page", 32 << 20);

/// The smallest buffer that hyper takes.
const SMALLEST_BUFFER: usize = 8 << 10;

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// For a name, a connection and its TLS, each.
    pub connect: Duration,
    /// For the head of an answer, and for each of its next bytes.
    pub read: Duration,
}

/// Asks other servers.
pub struct Client {
    tls: TlsConnector,
    waits: Waits,
    /// Hosts that may lie at addresses of this house, in lower case.
    private: Vec<String>,
    limits: Limits,
}

/// One question to a server.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST` and what else the upstream knows.
    pub method: Method,
    /// Of whom.
    pub url: Url,
    /// What is said with it; `Host`, `User-Agent` and `Accept-Encoding` are added.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Sent,
}

impl Call {
    /// A question without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Sent::Bytes(Bytes::new()) }
    }

    /// The same with a header, if there is one.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        if let Some(mut value) = value {
            value.set_sensitive(name == AUTHORIZATION); // so that it is never printed
            self.headers.insert(name, value);
        }
        self
    }
}

/// An answer, and where it is from: the last of the redirects.
pub struct Answer {
    /// Where it is from.
    pub url: Url,
    /// The answer.
    pub response: Response<Incoming>,
    pace: Pace,
}

impl Client {
    /// A client that believes the authorities of a file, or the system's, and asks hosts of this house only where they
    /// are named.
    pub fn new(
        authorities: Option<&Path>,
        private: impl IntoIterator<Item = String>,
        waits: Waits,
        limits: Limits,
    ) -> Result<Self, TlsError> {
        let tls = tls::connector(authorities, limits.get(MAX_AUTHORITIES))?;
        let private = private.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { tls, waits, private, limits })
    }

    /// Asks, and follows redirects: within the server, and to the hosts that the upstream may send to.
    pub async fn follow(&self, upstream: &Upstream, call: Call) -> Result<Answer, Trouble> {
        self.ask(upstream, call, |_| true).await
    }

    /// Asks, and follows redirects within the server alone; one that leads elsewhere is the answer.
    pub async fn stay(&self, upstream: &Upstream, call: Call) -> Result<Answer, Trouble> {
        let first = call.url.clone();
        self.ask(upstream, call, move |to| to.is_same_server(&first)).await
    }

    async fn ask(
        &self,
        upstream: &Upstream,
        mut call: Call,
        follows: impl Fn(&Url) -> bool + Send + Sync,
    ) -> Result<Answer, Trouble> {
        let most = self.limits.get(MAX_REDIRECTS);
        let mut redirects = 0;
        loop {
            upstream.may_ask(&call.url)?;
            let response = self.send(&call).await?;
            let Some(to) = redirect(&call.url, &response)?.filter(&follows) else {
                return Ok(Answer { url: call.url, response, pace: self.pace() });
            };
            redirects = u64::saturating_add(redirects, 1);
            most.check(redirects).map_err(|limit| Trouble::limit(&call.url, "the redirects", limit))?;
            if !to.is_same_server(&call.url) {
                call.headers = elsewhere(&call.headers);
                if call.url.scheme() == Scheme::Https && to.scheme() == Scheme::Http {
                    return Err(answer_of(&call.url, "sends from TLS to a server in the clear"));
                }
            }
            call.url = to;
        }
    }

    /// Asks one server once.
    async fn send(&self, call: &Call) -> Result<Response<Incoming>, Trouble> {
        let url = &call.url;
        let host = || url.host().to_owned();
        let stream = self.connect(url).await?;
        match url.scheme() {
            Scheme::Http => self.speak(stream, call).await,
            Scheme::Https => {
                let name = ServerName::try_from(host()).map_err(|_| answer_of(url, "has no name for TLS"))?;
                let tls = in_time(url, self.waits.connect, self.tls.connect(name, stream)).await?;
                self.speak(tls.map_err(|source| Trouble::Connect { host: host(), source })?, call).await
            }
        }
    }

    /// A connection to an address of the host that may be asked. The name is resolved once, and the connection made to
    /// the address that was checked.
    async fn connect(&self, url: &Url) -> Result<TcpStream, Trouble> {
        let host = url.host().to_owned();
        let addresses: Vec<SocketAddr> = if let Ok(address) = host.parse::<IpAddr>() {
            vec![SocketAddr::new(address, url.port())]
        } else {
            let looked_up = tokio::net::lookup_host((host.as_str(), url.port()));
            let looked_up = or_late(self.waits.connect, looked_up).await;
            looked_up.map_err(|source| Trouble::Resolve { host: host.clone(), source })?.collect()
        };
        let is_of_the_house = self.private.contains(&host);
        let may = |address: &&SocketAddr| is_of_the_house || is_public(address.ip());
        let mut last = Trouble::Private { host: host.clone() };
        for address in addresses.iter().filter(may) {
            match or_late(self.waits.connect, TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(source) => last = Trouble::Connect { host: host.clone(), source },
            }
        }
        Err(last)
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        call: &Call,
    ) -> Result<Response<Incoming>, Trouble> {
        let url = &call.url;
        let broke = |source| Trouble::Broke { host: url.host().to_owned(), source };
        let most = self.limits.get(MAX_HEADERS);
        let mut http = http1::Builder::new();
        http.max_buf_size(usize::try_from(most.most()).unwrap_or(usize::MAX).max(SMALLEST_BUFFER));
        let spoken = http.handshake(TokioIo::new(stream));
        let (mut sender, connection) = in_time(url, self.waits.connect, spoken).await?.map_err(broke)?;
        // Ends with the connection: when the answer was read, given up, or the server broke off.
        tokio::spawn(async move {
            let _told_by_the_answer = connection.await;
        });
        let sent = Arc::<AtomicU64>::default();
        let mut asked = pin!(sender.send_request(request(call, Arc::clone(&sent))?));
        // A long body takes its time: what is waited for is that enough of it goes.
        let mut pace = self.pace();
        let response = loop {
            let before = sent.load(Ordering::Relaxed);
            match in_time(url, self.waits.read, asked.as_mut()).await {
                Err(_slow) if sent.load(Ordering::Relaxed) > before => {
                    let went = sent.load(Ordering::Relaxed).saturating_sub(before);
                    let slow = |limit| Trouble::limit(url, "the slowness", limit);
                    pace.went(went, self.waits.read).map_err(slow)?;
                }
                answered => break answered?.map_err(broke)?,
            }
        };
        // The buffer bounds memory; it may hold more than the limit.
        let headers = response.headers().iter();
        let size = headers.map(|(name, value)| name.as_str().len().saturating_add(value.len()) as u64).sum();
        most.check(size).map_err(|limit| Trouble::limit(url, "the headers", limit))?;
        let encoding = response.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(answer_of(url, "sends encoded what was asked for as it is"));
        }
        Ok(response)
    }

    /// How slowly bytes may come or go.
    pub(crate) fn pace(&self) -> Pace {
        Pace::new(self.waits.read, self.limits.get(MAX_SECONDS))
    }

    /// Longest answer that is read into memory.
    pub fn max_page(&self) -> Limit {
        self.limits.get(MAX_PAGE)
    }
}

fn request(call: &Call, sent: Arc<AtomicU64>) -> Result<Request<Counted>, Trouble> {
    let bad = |_| answer_of(&call.url, "has an address that no request can hold");
    let mut request = Request::builder().method(call.method.clone()).uri(call.url.target());
    if let Some(headers) = request.headers_mut() {
        headers.clone_from(&call.headers);
        headers.insert(HOST, HeaderValue::try_from(call.url.authority()).map_err(|e| bad(e.into()))?);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("lazaret"));
    }
    request.body(Counted::new(&call.body, sent)).map_err(bad)
}

/// What comes of it, or that it took too long.
async fn or_late<T>(wait: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(wait, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn in_time<T>(url: &Url, wait: Duration, work: impl Future<Output = T>) -> Result<T, Trouble> {
    tokio::time::timeout(wait, work).await.map_err(|_| Trouble::Slow { host: url.host().to_owned() })
}

impl Answer {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let frame =
                self.pace.next(self.response.body_mut().frame()).await.map_err(|late| match late {
                    Late::Silent => Trouble::Slow { host: self.url.host().to_owned() },
                    Late::Slow(limit) => Trouble::limit(&self.url, "the slowness", limit),
                })?;
            let Some(frame) = frame else { return Ok(None) };
            let broke = |source| Trouble::Broke { host: self.url.host().to_owned(), source };
            match frame.map_err(broke)?.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.pace.came(bytes.len() as u64);
                    return Ok(Some(bytes));
                }
                Err(_trailers) => {}
            }
        }
    }

    /// All of it, if it is within a limit.
    pub async fn page(mut self, most: Limit) -> Result<Vec<u8>, Trouble> {
        let refused = |url: &Url, limit| Trouble::limit(url, "a page", limit);
        most.check(self.announced().unwrap_or(0)).map_err(|limit| refused(&self.url, limit))?;
        let mut page = Vec::new();
        while let Some(bytes) = self.next().await? {
            page.extend_from_slice(&bytes);
            most.check(page.len() as u64).map_err(|limit| refused(&self.url, limit))?;
        }
        Ok(page)
    }

    /// One of its headers, where it is text.
    pub fn header(&self, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The length in bytes that it announces.
    pub fn announced(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }
}

/// What is said to another server than the one that a client told something: nothing but what is wanted.
fn elsewhere(headers: &HeaderMap) -> HeaderMap {
    let stays = |name: &HeaderName| [ACCEPT, IF_RANGE, RANGE].contains(name);
    let told = headers.iter().filter(|(name, _)| stays(name));
    told.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Where an answer sends us, if it does.
fn redirect(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, Trouble> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(to) = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()) else { return Ok(None) };
    let to = from.join(to).map_err(|source| Trouble::Address { host: from.host().to_owned(), source })?;
    Ok(Some(to))
}

fn answer_of(url: &Url, what: &'static str) -> Trouble {
    Trouble::Answer { host: url.host().to_owned(), what }
}
