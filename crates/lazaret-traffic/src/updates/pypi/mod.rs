//! A simple index (PEP 503, PEP 691) through the gate, for an unmodified pip: its pages with the addresses of files turned
//! to this proxy and their digests kept; wheels and archives of sources only once they are cleared. Metadata beside the
//! files (PEP 658) is left out, so that what pip reads of a package is what was inspected.
//!
//! | file | what is in it |
//! |---|---|
//! | `simple` | pages of an index |
//! | `html` | the tags of a page of HTML |

pub mod html;
pub mod simple;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use lazaret_core::{Sha256, chain};

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::Call;
use crate::net::download::Expected;
use crate::net::headers::one;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::updates::asker::Asker;
use crate::updates::gate::Asked;
use crate::updates::obtain::{Wanted, refusal};
use crate::updates::path::encoded;
use crate::updates::{Updates, not_passed_on};
use simple::{ListedFile, Project, is_file_name, normalised};

/// The media type of a page of JSON.
const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// What an index is asked for, the better first.
const ACCEPTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// Answers a request for `simple/PROJECT/` or `files/PROJECT/FILE`.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    steps: &[&str],
    request: &Parts,
) -> Result<Response, Refusal> {
    let index = updates.upstreams.index.clone();
    let index = index.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "lazaret passes no index on: none is configured in `gates.models.index`",
        )
    })?;
    let project = |name: &str| {
        normalised(name).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no project has such a name"))
    };
    match steps {
        ["simple", name] => {
            let project = page(updates, &index, &project(name)?, request).await?;
            Ok(listed(&project, &request.headers))
        }
        ["files", name, file] if is_file_name(file) => {
            let name = project(name)?;
            let page = page(updates, &index, &name, request).await?;
            let listed = page.files.into_iter().find(|listed| listed.name == *file);
            let listed = listed.ok_or_else(|| {
                Refusal::new(StatusCode::NOT_FOUND, format!("the index lists no such file of {name}"))
            })?;
            give(updates, &index, &name, listed, request).await
        }
        _ => Err(not_passed_on(request.uri.path())),
    }
}

/// The page of a project; offline the one that came last, with the files that are cleared.
async fn page(
    updates: &Arc<Updates>,
    index: &Upstream,
    name: &str,
    request: &Parts,
) -> Result<Project, Refusal> {
    let base = index.base();
    let key = ["index-page", name];
    let broken = |host: &str, error: simple::PageError| {
        Refusal::new(
            StatusCode::BAD_GATEWAY,
            format!("lazaret does not pass a page of {host} on: {}", chain(&error)),
        )
    };
    if updates.upstreams.offline {
        let never = || {
            let why = format!("lazaret is offline and knows nothing of {name}; ask whoever runs lazaret");
            Refusal::new(StatusCode::NOT_FOUND, why)
        };
        let page = updates.note(&key).await?.ok_or_else(never)?;
        let project = Project::of_json(name, page.as_bytes(), base, &updates.limits);
        return only_here(updates, project.map_err(|error| broken(base.host(), error))?).await;
    }
    let url = base.below(&format!("{}/", encoded(name)), None);
    let url = url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let call = Call::new(Method::GET, url)
        .with(ACCEPT, Some(HeaderValue::from_static(ACCEPTED)))
        .with(AUTHORIZATION, request.headers.get(AUTHORIZATION).cloned());
    let answer = updates.client.stay(index, call).await.map_err(|trouble| refusal(&trouble))?;
    let (status, at) = (answer.response.status(), answer.url.clone());
    if !status.is_success() {
        let host = at.host().to_owned();
        return Err(match status.as_u16() {
            401 | 403 | 404 | 429 => Refusal::new(status, format!("{host} answered {status} for {name}")),
            _ => refusal(&Trouble::Status { host, status }),
        });
    }
    let is_json = answer.header(CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
    let page = answer.page(updates.client.max_page()).await.map_err(|trouble| refusal(&trouble))?;
    let project = if is_json {
        Project::of_json(name, &page, &at, &updates.limits)
    } else {
        Project::of_html(name, &String::from_utf8_lossy(&page), &at, &updates.limits)
    };
    let project = project.map_err(|error| broken(at.host(), error))?;
    updates.keep(&key, project.to_json(|file| file.url.whole())).await?;
    Ok(project)
}

/// The page with the files that are cleared and here: what else was listed cannot be had offline.
async fn only_here(updates: &Updates, mut project: Project) -> Result<Project, Refusal> {
    let keys = project.files.iter().map(|file| (key(&project.name, &file.name), file.name.clone())).collect();
    let mut are_here = updates.here(keys).await?.into_iter();
    project.files.retain(|_| are_here.next().unwrap_or(false));
    Ok(project)
}

fn key(project: &str, file: &str) -> Vec<String> {
    ["index-file", project, file].map(str::to_owned).to_vec()
}

/// A page as an answer, in the form that is asked for; its files are asked of this proxy.
fn listed(project: &Project, asked: &HeaderMap) -> Response {
    let wants_json = one(asked, ACCEPT).is_some_and(|accepted| {
        let kinds = accepted.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.into_iter().any(|kind| kind == JSON || kind == "application/vnd.pypi.simple.latest+json")
    });
    let address = |file: &ListedFile| format!("../../files/{}/{}", project.name, encoded(&file.name));
    let (kind, page) = if wants_json {
        (JSON, project.to_json(address))
    } else {
        ("text/html; charset=utf-8", project.to_html(address))
    };
    let mut response = Response::new(Body::from(page));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A file of a project.
async fn give(
    updates: &Arc<Updates>,
    index: &Arc<Upstream>,
    project: &str,
    listed: ListedFile,
    request: &Parts,
) -> Result<Response, Refusal> {
    let asked = Asked {
        by: Asker::of(request),
        route: "packages",
        from: listed.url.clone(),
        model: format!("pypi/{project}"),
        revision: None,
        file: listed.name.clone(),
    };
    let key = key(project, &listed.name);
    let sha256 = listed.hashes.get("sha256").and_then(|digest| Sha256::parse(digest));
    // A file's tag is its SHA-256: an index that lists none is not asked for the file twice in the same words.
    let tag = sha256.map(|sha256| sha256.to_string());
    if let (Some(tag), Some(len)) = (&tag, listed.size) {
        let told = Told { len, tag: tag.clone(), headers: HeaderMap::new() };
        if let Some(answer) = without_bytes(&request.method, &request.headers, &told) {
            return Ok(answer);
        }
    }
    let obtained = if updates.upstreams.offline {
        updates.offline(key, asked).await?
    } else {
        let secret = request.headers.get(AUTHORIZATION).cloned();
        let wanted = Wanted {
            secret: secret.filter(|_| listed.url.is_same_server(index.base())),
            upstream: Arc::clone(index),
            expected: Expected { sha256, len: listed.size },
            tag,
            is_large: false,
            key,
            asked,
            within: None,
        };
        updates.obtain(wanted).await?
    };
    let told = Told { len: obtained.len, tag: obtained.sha256.to_string(), headers: HeaderMap::new() };
    let answer = without_bytes(&request.method, &request.headers, &told);
    Ok(answer.unwrap_or_else(|| with_bytes(&request.headers, &told, obtained.file)))
}
