//! Asking the server for a client: with what the client told, and nothing that was meant for others.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use lazaret_core::hex;
use lazaret_input::json::{self, Node};
use ring::digest::{SHA256, digest};

use crate::net::answer::Refusal;
use crate::net::client::{Answer, Call};
use crate::net::headers::{line, one};
use crate::net::sent::Sent;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::net::url::Url;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::obtain::blocking;
use crate::updates::path::{encoded, encoded_path};

/// Headers of requests that are not passed on: of this connection, of the body's form, conditions (answered here), and
/// cookies, which a browser sends to every port of this machine.
const NOT_ASKED: [HeaderName; 20] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    RANGE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Headers of answers that are passed on.
const TOLD: [HeaderName; 8] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_SECURITY_POLICY,
    CONTENT_TYPE,
    LAST_MODIFIED,
    WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
];

/// The header by which a client names its workspace.
const WORKSPACE: HeaderName = HeaderName::from_static("x-mlflow-workspace");
/// The workspace of who names none.
const DEFAULT: &str = "default";

/// One client's way to the server.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) updates: Arc<Updates>,
    pub(crate) server: Arc<Upstream>,
    /// Who asks.
    pub(crate) by: Asker,
    /// What the client says with every request.
    headers: HeaderMap,
}

impl Asking {
    pub(crate) fn new(
        updates: &Arc<Updates>,
        server: &Arc<Upstream>,
        request: &Parts,
    ) -> Result<Self, Refusal> {
        let headers = passed(&request.headers, &NOT_ASKED);
        // The server might read the other one.
        if headers.contains_key(WORKSPACE) && one(&headers, WORKSPACE).is_none() {
            let why = "lazaret passes on what names one workspace, and that in plain letters";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
        }
        let by = Asker::of(request);
        Ok(Self { updates: Arc::clone(updates), server: Arc::clone(server), by, headers })
    }

    /// Who asks, in the words that are recorded. What the server believes of it nobody else can say.
    pub(crate) async fn sender(&self) -> Result<String, Refusal> {
        let (gate, by) = (Arc::clone(&self.updates.gate), self.by.clone());
        blocking(move || gate.crossings.asked_by(&by)).await?.map_err(|error| error.refusal())
    }

    /// A digest of all that the client says of itself.
    pub(crate) fn who(&self) -> String {
        let said =
            self.headers.iter().map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()].join(&b':'));
        let mut said: Vec<Vec<u8>> = said.collect();
        said.sort_unstable();
        hex(digest(&SHA256, &said.join(&b'\n')).as_ref())
    }

    /// What the client says with every request.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The same server, asked for somebody else, with what was said then.
    pub(crate) fn saying(&self, by: Asker, headers: HeaderMap) -> Self {
        Self { updates: Arc::clone(&self.updates), server: Arc::clone(&self.server), by, headers }
    }

    /// The workspace that the client asks in: the same paths are other files in another.
    pub(crate) fn workspace(&self) -> &str {
        one(&self.headers, WORKSPACE).map(str::trim).filter(|named| !named.is_empty()).unwrap_or(DEFAULT)
    }

    /// An address below the server's, from steps that are not escaped.
    pub(crate) fn url(&self, path: &str, query: Option<&str>) -> Result<Url, Refusal> {
        let url = self.server.base().below(&encoded_path(path), query);
        url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    }

    /// Asks, and passes the answer on. Where the server sends elsewhere nobody is followed there or told of it: it may be
    /// a road round the gate.
    pub(crate) async fn pass(&self, method: Method, url: Url, body: Sent) -> Result<Response, Refusal> {
        let call = Call { method, url, headers: self.headers.clone(), body };
        let answer = self.updates.client.stay(&self.server, call).await?;
        let status = answer.response.status();
        if status.is_redirection() {
            let what = "sends elsewhere, which is not followed";
            return Err(Trouble::Answer { host: answer.url.host().to_owned(), what }.into());
        }
        let headers = told(&answer);
        let mut response = Response::new(Body::from(self.page(answer).await?));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Reads what the server tells.
    pub(crate) async fn told<T>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        read: impl FnOnce(Node<'_, '_>) -> Option<T>,
    ) -> Result<T, Refusal> {
        let query: Vec<String> =
            query.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let url = self.url(path, Some(&query.join("&")))?;
        let answer = self.gets(url).await?;
        let host = answer.url.host().to_owned();
        let page = self.page(answer).await?;
        let parsed = json::parse(&page, &self.updates.limits);
        let document = parsed.document.filter(|_| parsed.faults.is_empty());
        document.and_then(|document| read(document.root())).ok_or_else(|| {
            let what = "answers what an MLflow server would not: it is not read further";
            Trouble::Answer { host, what }.into()
        })
    }

    /// Asks for something that is there, also at the hosts that the server may send to; else the refusal is the server's own,
    /// in its words.
    pub(crate) async fn gets(&self, url: Url) -> Result<Answer, Refusal> {
        let mut call = Call::new(Method::GET, url);
        call.headers = self.headers.clone();
        call.headers.remove(CONTENT_TYPE);
        let answer = self.updates.client.follow(&self.server, call).await?;
        let status = answer.response.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let host = answer.url.host().to_owned();
        if !status.is_client_error() {
            return Err(Trouble::Status { host, status }.into());
        }
        let why = self.page(answer).await.ok().and_then(|page| self.message(&page));
        Err(Refusal::new(status, why.unwrap_or_else(|| format!("{host} answered {status}"))))
    }

    /// The message of an error.
    fn message(&self, page: &[u8]) -> Option<String> {
        let parsed = json::parse(page, &self.updates.limits);
        Some(line(parsed.document?.root().get("message")?.as_str()?))
    }

    async fn page(&self, answer: Answer) -> Result<Vec<u8>, Refusal> {
        Ok(answer.page(self.updates.client.max_page()).await?)
    }
}

/// The headers of an answer that are passed on.
pub(crate) fn told(answer: &Answer) -> HeaderMap {
    let said = answer.response.headers().iter().filter(|(name, _)| TOLD.contains(name));
    said.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Headers but for some, and for those that the connection claims for itself (RFC 9110, 7.6.1).
fn passed(headers: &HeaderMap, without: &[HeaderName]) -> HeaderMap {
    let of_connection = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let of_connection: Vec<&str> = of_connection.flat_map(|value| value.split(',')).map(str::trim).collect();
    let stays = |name: &HeaderName| {
        let is_claimed = of_connection.iter().any(|claimed| name.as_str().eq_ignore_ascii_case(claimed));
        !without.contains(name) && !is_claimed && !is_of_a_proxy(name)
    };
    let passed = headers.iter().filter(|(name, _)| stays(name));
    let mut passed: HeaderMap = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(secret) = passed.get_mut(AUTHORIZATION) {
        secret.set_sensitive(true); // so that it is never printed
    }
    passed
}

/// What proxies before this one said: nobody vouches for it.
fn is_of_a_proxy(name: &HeaderName) -> bool {
    name == "forwarded" || name == "x-real-ip" || name.as_str().starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_the_server_is_passed_on() {
        let said = [
            ("authorization", "Bearer a"),
            ("connection", "keep-alive, X-Own"),
            ("content-type", "application/json"),
            ("cookie", "console=1"),
            ("host", "127.0.0.1:1"),
            ("origin", "http://127.0.0.1:1"),
            ("range", "bytes=0-1"),
            ("transfer-encoding", "chunked"),
            ("x-forwarded-prefix", "/x"),
            ("x-mlflow-workspace", "a"),
            ("x-own", "1"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let passed = passed(&headers, &NOT_ASKED);
        let mut names: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-type", "origin", "x-mlflow-workspace"]);
        assert!(passed.contains_key(AUTHORIZATION));
    }
}
