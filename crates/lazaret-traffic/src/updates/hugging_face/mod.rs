//! The Hugging Face hub, read through the gate by an unmodified `huggingface_hub` (`HF_ENDPOINT`): what is told of
//! repositories as the hub tells it, files only once they are cleared, and nothing that leads round the gate.
//!
//! | file | what is in it |
//! |---|---|
//! | `route` | what a request asks for |
//! | `page` | what the hub tells, without what would lead round the gate |
//! | `file` | files: what the hub says of one, and its bytes |
//! | `within` | the files of a repository that one is judged beside |

mod file;
pub mod page;
pub mod route;
mod within;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use lazaret_core::Limit;

use crate::net::answer::Refusal;
use crate::net::client::{Answer, Call};
use crate::net::headers::{line, one, set, tag};
use crate::net::sent::Sent;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::net::without::without;
use crate::updates::obtain::refusal;
use crate::updates::{TO_ASK, Updates, not_passed_on, took_too_long};
use route::{Kind, Repository, Route};
pub(crate) use within::Within;

/// Longest body of a request: the names of files that are asked about.
pub const MAX_ASKED: Limit = Limit::new("updates.max_asked", 4 << 20);

/// The commit that a revision meant.
const COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");

/// The branch that is meant where no revision is named.
const DEFAULT_BRANCH: &str = "main";

/// Answers a request to the hub.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    steps: &[String],
    request: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let route = Route::of(steps).ok_or_else(|| not_passed_on(request.uri.path()))?;
    let hub = updates.upstreams.hub.clone().ok_or_else(no_hub)?;
    allowed(updates, route.repository())?;
    let is_paths = matches!(route, Route::Paths { .. });
    match request.method {
        Method::GET | Method::HEAD if !is_paths => {}
        Method::POST if is_paths => {}
        _ => {
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "lazaret passes on what reads the hub, and no more",
            ));
        }
    }
    match route {
        Route::File { repository, revision, file } => {
            file::answer(updates, &hub, file::Named { repository, revision, file }, request).await
        }
        route => page(updates, &hub, &route, request, body).await,
    }
}

fn no_hub() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "lazaret passes no hub on: none is configured in `gates.models.hub`")
}

fn allowed(updates: &Updates, repository: &Repository) -> Result<(), Refusal> {
    let (is_allowed, setting) = match repository.kind {
        Kind::Model => return Ok(()),
        Kind::Dataset => (updates.upstreams.datasets, "gates.models.hub_datasets"),
        Kind::Space => (updates.upstreams.spaces, "gates.models.hub_spaces"),
    };
    if is_allowed {
        return Ok(());
    }
    let why = format!(
        "lazaret passes models of the hub on, and no {}: {repository} is refused; to allow them, set `{setting}`",
        repository.kind.plural()
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, why).coded("GatedRepo"))
}

/// What is told of a repository, as the hub tells it but for what leads round the gate; offline, what it told last.
async fn page(
    updates: &Arc<Updates>,
    hub: &Upstream,
    route: &Route,
    request: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let most = usize::try_from(updates.limits.get(MAX_ASKED).most()).unwrap_or(usize::MAX);
    let too_long = |_| {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is longer than `updates.max_asked` allows")
    };
    let read = tokio::time::timeout(TO_ASK, to_bytes(body, most)).await;
    let body = read.map_err(|_| took_too_long())?.map_err(too_long)?;
    let url = hub.base().below(&route.path(), request.uri.query());
    let url = url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let target = url.target();
    let digest = lazaret_core::hex(ring::digest::digest(&ring::digest::SHA256, &body).as_ref());
    let key = ["hub-page", target.as_str(), digest.as_str()];
    if updates.upstreams.offline {
        let page = updates.note(&key).await?.ok_or_else(|| {
            let what = route.repository();
            let why = format!(
                "lazaret is offline and was not told this of {what} before; ask whoever runs lazaret"
            );
            Refusal::new(StatusCode::FORBIDDEN, why).coded("GatedRepo")
        })?;
        let (link, page) = page.split_once('\n').unwrap_or(("", &page));
        return Ok(told(link, page.as_bytes().to_vec(), &request.headers));
    }
    let call =
        Call { method: request.method.clone(), url, headers: HeaderMap::new(), body: Sent::Bytes(body) };
    let call = [ACCEPT, AUTHORIZATION, CONTENT_TYPE].into_iter().fold(call, |call, name| {
        let value = request.headers.get(&name).cloned();
        call.with(name, value)
    });
    let answer = updates.client.stay(hub, call).await.map_err(|trouble| refusal(&trouble))?;
    let answer = passed(answer)?;
    let next = hub.next_page(&answer);
    let host = answer.url.host().to_owned();
    let page = answer.page(updates.client.max_page()).await.map_err(|trouble| refusal(&trouble))?;
    if request.method == Method::HEAD {
        return Ok(told("", Vec::new(), &request.headers));
    }
    let page = without(&page::LEFT_OUT, &page, &updates.limits);
    let page =
        page.ok_or_else(|| refusal(&Trouble::Answer { host, what: "tells of the repository in no JSON" }))?;
    if let Route::Info { repository, revision } = route
        && let Some(commit) = page::commit(&page, &updates.limits)
    {
        let revision = revision.as_deref().unwrap_or(DEFAULT_BRANCH);
        updates.keep(&["hub-revision", &repository.to_string(), revision], commit).await?;
    }
    let link = next.unwrap_or_default();
    updates.keep(&key, format!("{link}\n{}", String::from_utf8_lossy(&page))).await?;
    Ok(told(&link, page, &request.headers))
}

/// A page as an answer; `link` is the path of the next one.
fn told(link: &str, page: Vec<u8>, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::from(page));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(host) = one(asked, HOST).filter(|_| !link.is_empty()) {
        set(headers, LINK, &format!("<http://{host}{link}>; rel=\"next\""));
    }
    response
}

/// An answer that has what was asked for; else the hub's own refusal, in the words that its client knows.
fn passed(answer: Answer) -> Result<Answer, Refusal> {
    let status = answer.response.status();
    if status.is_success() {
        return Ok(answer);
    }
    let host = answer.url.host().to_owned();
    if !matches!(status.as_u16(), 401 | 403 | 404 | 429) {
        return Err(refusal(&Trouble::Status { host, status }));
    }
    let known = ["RepoNotFound", "RevisionNotFound", "EntryNotFound", "GatedRepo"];
    let code = answer.header("x-error-code").and_then(|code| known.into_iter().find(|known| *known == code));
    let message = answer.header("x-error-message").map(line);
    let message = message.unwrap_or_else(|| format!("{host} answered {status}"));
    Err(Refusal { status, code, message })
}

/// A tag of a header, without quotes.
fn tag_of(answer: &Answer, name: &HeaderName) -> Option<String> {
    answer.header(name).and_then(tag).map(str::to_owned)
}
