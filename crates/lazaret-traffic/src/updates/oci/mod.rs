//! Registries of images and artifacts (OCI Distribution 1.1, the side that pulls), read through the gate by clients as they
//! are: docker and containerd, skopeo, ORAS, kit, ollama. Manifests are checked, every blob is given only once it is cleared,
//! and nothing is pushed.
//!
//! ```text
//! /v2/NAME/org/model/…    of the registry that goes by NAME here
//! /v2/org/model/…         of the registry for all others
//! /v2/org/model/…?ns=HOST of the registry at HOST, for who takes this for its mirror (containerd)
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `route` | what a request asks for, and of which registry |
//! | `login`, `challenge` | who asks, and how a registry is told |
//! | `unreached` | registries that could not be reached, and what is given meanwhile |
//! | `turns` | in which order tags were asked for |
//! | `manifest`, `naming` | what a manifest says, and what its blobs are called |
//! | `manifests`, `blobs`, `lists` | answers: manifests; configurations and layers; tags and referrers |

mod blobs;
pub mod challenge;
mod lists;
pub mod login;
pub mod manifest;
mod manifests;
mod naming;
pub mod route;
mod turns;
mod unreached;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::net::answer::Refusal;
use crate::net::client::Answer;
use crate::net::headers::{one, set};
use crate::net::trouble::Trouble;
use crate::updates::Updates;
use crate::updates::obtain::refusal;
pub use blobs::MAX_NAMES;
use login::Caller;
use manifest::ManifestError;
pub use naming::given_names;
use route::{Repository, Route, only_pulls, parameter};
pub(crate) use turns::Turns;
pub(crate) use unreached::Unreached;

/// The digest of what an answer holds.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// What every registry says of itself.
const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// Where tokens are given.
const REALM: &str = "/-/oci/token";

/// Answers a request below `/v2`.
pub(crate) async fn answer(updates: &Arc<Updates>, steps: &[&str], request: &Parts) -> Response {
    let route = match request.method {
        Method::GET | Method::HEAD => Route::of(steps),
        _ => Err(only_pulls()),
    };
    let answered = match &route {
        Ok(route) => of_route(updates, route, request).await,
        Err(refused) => Err(refused.clone()),
    };
    let mut response = answered.unwrap_or_else(|refused| {
        tracing::warn!(status = refused.status.as_u16(), "pull from a registry refused");
        told(&refused, route.as_ref().ok(), request)
    });
    response.headers_mut().insert(VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn of_route(updates: &Arc<Updates>, route: &Route, request: &Parts) -> Result<Response, Refusal> {
    let of = |name: &[String]| updates.upstreams.registries.choose(name, request.uri.query());
    match route {
        Route::Base => base(updates, request).await,
        Route::Manifest(name, reference) => manifests::answer(updates, &of(name)?, reference, request).await,
        Route::Blob(name, sha256) => blobs::answer(updates, &of(name)?, *sha256, request).await,
        Route::Tags(name) => lists::tags(updates, &of(name)?, request).await,
        Route::Referrers(name, sha256) => lists::referrers(updates, &of(name)?, *sha256, request).await,
    }
}

/// Whether a registry is here. Many clients say who asks only if they are told so here: they are where a registry that they
/// may mean wants to know. What they say is weighed by the registry, when it is asked for something.
async fn base(updates: &Updates, request: &Parts) -> Result<Response, Refusal> {
    let registries = &updates.upstreams.registries;
    if registries.all().next().is_none() {
        let why = "lazaret passes no registry on: none is configured in `gates.models.registry` or [gates.models.registries]";
        return Err(Refusal::new(StatusCode::NOT_FOUND, why));
    }
    if !updates.upstreams.offline && !request.headers.contains_key(AUTHORIZATION) {
        let mirrored = parameter(request.uri.query(), "ns");
        let meant = registries.all().filter(|registry| {
            mirrored
                .as_deref()
                .is_none_or(|host| registries.at(host).is_some_and(|at| Arc::ptr_eq(at, registry)))
        });
        for registry in meant {
            if login::wants_to_know(updates, registry).await {
                return Err(Refusal::new(
                    StatusCode::UNAUTHORIZED,
                    "say who asks, or take a token for nobody",
                ));
            }
        }
    }
    Ok(page("{}".to_owned(), "application/json"))
}

/// A token for who asks here: what the client said, in the form that all clients know. It opens nothing by itself; the
/// registry is told what the client said.
pub(crate) fn token(request: &Parts) -> Result<Response, Refusal> {
    let token = Caller::of(&request.headers).token();
    let token =
        token.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "the name and password make no header"))?;
    let body = serde_json::json!({ "token": token, "access_token": token, "expires_in": 3600 });
    let mut response = page(body.to_string(), "application/json");
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A refusal in the form of registries, which their clients show; with the way to say who asks, where that is wanted.
fn told(refused: &Refusal, route: Option<&Route>, request: &Parts) -> Response {
    let code = match (refused.status, route) {
        (StatusCode::UNAUTHORIZED, _) => "UNAUTHORIZED",
        (StatusCode::FORBIDDEN, _) => "DENIED",
        (StatusCode::NOT_FOUND, Some(Route::Manifest(..) | Route::Referrers(..))) => "MANIFEST_UNKNOWN",
        (StatusCode::NOT_FOUND, Some(Route::Blob(..))) => "BLOB_UNKNOWN",
        (StatusCode::NOT_FOUND, _) => "NAME_UNKNOWN",
        (StatusCode::TOO_MANY_REQUESTS, _) => "TOOMANYREQUESTS",
        (StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED, _) => "UNSUPPORTED",
        _ => "UNAVAILABLE",
    };
    let mut response = refused.answer();
    let body = serde_json::json!({ "errors": [{ "code": code, "message": refused.message }] });
    *response.body_mut() = Body::from(body.to_string());
    // Some clients (ORAS for Python) take any refusal for one of who asks, and show no other reason unless they may say it anew.
    if matches!(refused.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        && let Some(host) = one(&request.headers, HOST)
    {
        let scope = route.and_then(Route::name).map(|name| name.join("/"));
        let scope = scope.map_or_else(String::new, |name| format!(",scope=\"repository:{name}:pull\""));
        let challenge = format!("Bearer realm=\"http://{host}{REALM}\",service=\"lazaret\"{scope}");
        set(response.headers_mut(), WWW_AUTHENTICATE, &challenge);
    }
    response
}

/// An answer that has what was asked for, or leads to it; else the registry's own refusal.
fn passed(of: &Repository, answer: Answer) -> Result<Answer, Refusal> {
    let status = answer.response.status();
    let host = answer.url.host().to_owned();
    match status.as_u16() {
        200 => Ok(answer),
        403 | 404 | 429 if answer.url.is_same_server(of.registry.base()) => {
            Err(Refusal::new(status, format!("{host} answered {status} for {}", of.name)))
        }
        _ => Err(refusal(&Trouble::Status { host, status })),
    }
}

/// A manifest, or a list in the form of one, that is not passed on.
fn unfit(of: &Repository, error: &ManifestError) -> Refusal {
    let why =
        format!("lazaret does not pass a manifest of {} on: {}", of.model(), lazaret_core::chain(error));
    Refusal::new(StatusCode::FORBIDDEN, why)
}

/// What is refused offline.
fn offline(what: &str, of: &Repository) -> Refusal {
    let why = format!(
        "lazaret is offline and {what} of {} was not cleared before; ask whoever runs lazaret",
        of.model()
    );
    Refusal::new(StatusCode::FORBIDDEN, why)
}

/// A page of JSON as an answer.
fn page(text: String, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Headers that say a digest and a media type.
fn described(digest: &str, kind: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, DIGEST, digest);
    set(&mut headers, CONTENT_TYPE, kind);
    headers
}
