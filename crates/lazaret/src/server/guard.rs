//! What is asked of every request, and the headers of every answer.
//!
//! A page in the user's browser may send requests to this machine. Browsers do not let it read the answers, unless
//! it gives its own name the address 127.0.0.1 (DNS rebinding); then the name in `Host` is its own, so only the
//! names of this machine are answered. There is no cross-origin permission (CORS), and no page of the
//! console runs a script, and its forms ask for pages of its own; those that show a text to be marked run one of their own and no other.
//! The console only reads; the pages that correct notes take changes from themselves alone (`Origin`).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::server::answer;

const HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The names under which this server answers.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Arc<[String]>);

impl Hosts {
    /// The names of the loopback interface with a port.
    pub(crate) fn of(address: SocketAddr) -> Self {
        let names = ["localhost", "127.0.0.1", "[::1]"];
        let port = address.port();
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names.map(str::to_owned)); // browsers leave the default port out
        }
        Self(hosts.into())
    }

    fn know(&self, host: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// Whether a request names this machine, and nothing else.
pub(crate) fn is_named(hosts: &Hosts, request: &Request) -> bool {
    let mut names = request.headers().get_all(HOST).iter();
    let one = names.next().and_then(|name| name.to_str().ok()).filter(|name| hosts.know(name));
    // A request may also name its host in its first line: `GET http://name/ HTTP/1.1`.
    let in_line = request.uri().authority().is_none_or(|name| hosts.know(name.as_str()));
    one.is_some() && names.next().is_none() && in_line
}

/// Lets through what only reads and asks for this machine by its own name.
pub(crate) async fn admit(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !is_named(&hosts, &request) {
        return answer::wrong_host();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer::only_reading().await;
    }
    next.run(request).await
}

/// Lets through what reads, and changes that come from these pages themselves: a form on a page of another origin says
/// so in `Origin`, and one that says nothing is not from a browser that we know.
pub(crate) async fn admit_changes(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !is_named(&hosts, &request) {
        return answer::wrong_host();
    }
    if may_change(&request) { next.run(request).await } else { answer::from_elsewhere() }
}

/// Lets through what asks for this machine by its own name: for programs, which look at what is asked themselves.
pub(crate) async fn admit_named(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if is_named(&hosts, &request) { next.run(request).await } else { answer::wrong_host() }
}

fn may_change(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let own = header(HOST).map(|host| format!("http://{host}"));
    match *request.method() {
        Method::GET | Method::HEAD => true,
        Method::POST => own.is_some() && header(ORIGIN) == own.as_deref(),
        _ => false,
    }
}

/// Sets the headers of answers that have forms: they may be sent back here, and say where they come from.
pub(crate) async fn headers_of_forms(request: Request, next: Next) -> Response {
    let mut response = headers(request, next).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                  base-uri 'none'; require-trusted-types-for 'script'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    // Under `no-referrer` a browser sends the origin of a form as `null`.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Sets the headers of every answer.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
