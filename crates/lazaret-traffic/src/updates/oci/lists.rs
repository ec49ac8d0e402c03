//! Lists of a repository: its tags, and what refers to a manifest (signatures, provenance). Offline, those that came last.

use std::sync::Arc;

use axum::http::header::{ACCEPT, HeaderName, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use lazaret_core::Sha256;
use lazaret_input::json::{self, JsonKind};

use crate::net::answer::Refusal;
use crate::net::client::{Answer, Call};
use crate::net::headers::{line, set};
use crate::net::trouble::Trouble;
use crate::updates::Updates;
use crate::updates::obtain::{borrowed, refusal};
use crate::updates::oci::login::{self, Caller};
use crate::updates::oci::manifest::{KINDS, MAX_MANIFEST, Manifest};
use crate::updates::oci::route::{Repository, written};
use crate::updates::oci::{offline, page, passed, unfit};

/// Which filter a registry applied to a list of referrers.
const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");
/// A list of manifests.
const INDEX: &str = KINDS[1].0;

/// The tags of a repository.
pub(crate) async fn tags(
    updates: &Arc<Updates>,
    of: &Repository,
    request: &Parts,
) -> Result<Response, Refusal> {
    let query = only(request.uri.query(), &["n", "last"]);
    let key = of.key("oci-tags", &[&query]);
    if updates.upstreams.offline {
        let note = updates.note(&borrowed(&key)).await?.ok_or_else(|| offline("the list of tags", of))?;
        let (next, tags) = note.split_once('\n').unwrap_or(("", &note));
        return Ok(listed(of, request, next, tags));
    }
    let answer = ask(updates, of, "tags/list", &query, "application/json", request).await?;
    let host = answer.url.host().to_owned();
    // Of the next page, what it is asked with: it is asked of this proxy.
    let next = of.registry.next_page(&answer);
    let next = next.as_deref().and_then(|next| next.split_once('?')).map_or("", |(_, query)| query);
    let next = only(Some(next), &["n", "last"]);
    let bytes = answer.page(updates.client.max_page()).await.map_err(|trouble| refusal(&trouble))?;
    let parsed = json::parse(&bytes, &updates.limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty());
    let tags = document.as_ref().and_then(|document| {
        let tags = document.root().get("tags")?;
        let tags: Option<Vec<&str>> = match tags.kind() {
            JsonKind::Null => Some(Vec::new()),
            JsonKind::Array => tags.items().map(|tag| tag.as_str()).collect(),
            _ => None,
        };
        tags
    });
    let tags = tags.ok_or_else(|| refusal(&Trouble::Answer { host, what: "sends no list of tags" }))?;
    let tags = serde_json::json!(tags).to_string();
    updates.keep(&borrowed(&key), format!("{next}\n{tags}")).await?;
    Ok(listed(of, request, &next, &tags))
}

/// A list of tags as an answer, by the name that the client has for the repository.
fn listed(of: &Repository, request: &Parts, next: &str, tags: &str) -> Response {
    let name = serde_json::json!(of.asked_as);
    let mut response = page(format!("{{\"name\":{name},\"tags\":{tags}}}"), "application/json");
    if !next.is_empty() {
        let mirror = only(request.uri.query(), &["ns"]);
        let query = [next, &mirror].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        let link = format!("</v2/{}/tags/list?{query}>; rel=\"next\"", of.asked_as);
        set(response.headers_mut(), LINK, &link);
    }
    response
}

/// What refers to a manifest. A registry without this answers that it is not there, and clients ask for a tag instead.
pub(crate) async fn referrers(
    updates: &Arc<Updates>,
    of: &Repository,
    sha256: Sha256,
    request: &Parts,
) -> Result<Response, Refusal> {
    let query = only(request.uri.query(), &["artifactType"]);
    let digest = written(sha256);
    let key = of.key("oci-referrers", &[&digest, &query]);
    let (filters, index) = if updates.upstreams.offline {
        let what = format!("what refers to {digest}");
        let note = updates.note(&borrowed(&key)).await?.ok_or_else(|| offline(&what, of))?;
        let (filters, index) = note.split_once('\n').unwrap_or(("", &note));
        (filters.to_owned(), index.to_owned())
    } else {
        let answer = ask(updates, of, &format!("referrers/{digest}"), &query, INDEX, request).await?;
        let filters = answer.header(&FILTERS).map(line).unwrap_or_default();
        let kind = answer.header(axum::http::header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let most = updates.limits.get(MAX_MANIFEST);
        let bytes = answer.page(most).await.map_err(|trouble| refusal(&trouble))?;
        Manifest::read(&bytes, &kind, &updates.limits).map_err(|error| unfit(of, &error))?;
        let index = String::from_utf8_lossy(&bytes).into_owned(); // JSON without faults is UTF-8
        updates.keep(&borrowed(&key), format!("{filters}\n{index}")).await?;
        (filters, index)
    };
    let mut response = page(index, INDEX);
    if !filters.is_empty() {
        set(response.headers_mut(), FILTERS, &filters);
    }
    Ok(response)
}

async fn ask(
    updates: &Updates,
    of: &Repository,
    rest: &str,
    query: &str,
    accepted: &'static str,
    request: &Parts,
) -> Result<Answer, Refusal> {
    let call = Call::new(Method::GET, of.url(rest, Some(query))?)
        .with(ACCEPT, Some(HeaderValue::from_static(accepted)));
    let (answer, _) = login::ask(updates, of, &Caller::of(&request.headers), call).await?;
    passed(of, answer)
}

/// Of a query, the parameters that a list is asked with, as they are written.
fn only(query: Option<&str>, names: &[&str]) -> String {
    let pairs = query.unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| pair.split_once('=').is_some_and(|(name, _)| names.contains(&name)));
    pairs.collect::<Vec<_>>().join("&")
}
