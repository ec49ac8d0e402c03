//! Manifests as answers: those of the registry, checked, let through the gate as a file of the model, and noted, so that what
//! they say of their blobs is known when one is asked for.

use std::sync::Arc;

use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use lazaret_core::Sha256;
use lazaret_input::read_whole;

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::{Answer, Call};
use crate::net::download::Expected;
use crate::net::headers::set;
use crate::net::trouble::Trouble;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::gate::Asked;
use crate::updates::obtain::{Obtained, Wanted, borrowed, refusal};
use crate::updates::oci::blobs::remember_names;
use crate::updates::oci::login::{self, Caller};
use crate::updates::oci::manifest::{KINDS, MAX_MANIFEST, Manifest, essence, sha256_of};
use crate::updates::oci::route::{Reference, Repository, read_digest, written};
use crate::updates::oci::{DIGEST, described, offline, passed, unfit, unreached};

/// What a manifest is called as a file of its model.
const FILE: &str = "manifest";
/// Of how many manifests it is remembered that a tag meant them.
const MOST_MEANT: usize = 8;

/// Answers a request for a manifest.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    of: &Repository,
    reference: &Reference,
    request: &Parts,
) -> Result<Response, Refusal> {
    if updates.upstreams.offline {
        return from_here(updates, of, reference, request).await;
    }
    let url = of.url(&format!("manifests/{}", reference.text()), None)?;
    let method = if request.method == Method::HEAD { Method::HEAD } else { Method::GET };
    let call = Call::new(method, url).with(ACCEPT, HeaderValue::try_from(accepted(&request.headers)).ok());
    let (turn, caller) = (updates.tags.next(), Caller::of(&request.headers));
    let answer = login::ask(updates, of, &caller, call).await.and_then(|(answer, _)| passed(of, answer));
    unreached::remember(updates, of, &caller, &answer).await?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(refused) if unreached::gives(updates, of).await? => {
            return from_here(updates, of, reference, request).await.map_err(|_| refused);
        }
        Err(refused) => return Err(refused),
    };
    if request.method == Method::HEAD {
        return head(updates, of, reference, &answer, turn).await;
    }
    let said = said(&answer);
    let host = answer.url.host().to_owned();
    let kind = answer.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let bytes = answer.page(updates.limits.get(MAX_MANIFEST)).await.map_err(|trouble| refusal(&trouble))?;
    let sha256 = sha256_of(&bytes);
    let is_another = |digest: &Sha256| *digest != sha256;
    if said.as_ref().is_some_and(is_another)
        || matches!(reference, Reference::Digest(digest) if is_another(digest))
    {
        return Err(refusal(&Trouble::Other { host, what: "SHA-256" }));
    }
    let manifest = Manifest::read(&bytes, &kind, &updates.limits).map_err(|error| unfit(of, &error))?;
    let wanted = Wanted {
        asked: asked(of, sha256, request)?,
        upstream: Arc::clone(&of.registry),
        secret: None,
        expected: Expected { sha256: Some(sha256), len: Some(bytes.len() as u64) },
        tag: None,
        is_large: false,
        key: key(of, sha256),
        within: None,
    };
    updates.take(bytes, wanted).await?;
    remember_names(updates, of, sha256, &manifest).await?;
    if let Reference::Tag(tag) = reference {
        remember_tag(updates, of, tag, sha256, turn).await?;
    }
    let obtained = updates.give(sha256, asked(of, sha256, request)?).await?;
    Ok(given(request, &manifest, obtained))
}

/// What a registry says of a manifest without sending it. Whether the manifest passes is found when it is asked for.
async fn head(
    updates: &Updates,
    of: &Repository,
    reference: &Reference,
    answer: &Answer,
    turn: u64,
) -> Result<Response, Refusal> {
    let kind = essence(answer.header(CONTENT_TYPE).unwrap_or_default());
    let Some((kind, _)) = KINDS.into_iter().find(|(known, _)| *known == kind) else {
        let why = format!(
            "lazaret does not pass a manifest of {} on: it is of no media type that is (OCI, Docker schema 2)",
            of.model()
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, why));
    };
    let mut response = Response::default();
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, kind);
    if let Some(len) = answer.announced() {
        headers.insert(CONTENT_LENGTH, len.into());
    }
    let Some(sha256) = said(answer) else { return Ok(response) };
    if matches!(reference, Reference::Digest(digest) if *digest != sha256) {
        let host = answer.url.host().to_owned();
        return Err(refusal(&Trouble::Other { host, what: "SHA-256" }));
    }
    headers.extend(described(&written(sha256), kind));
    if let Reference::Tag(tag) = reference {
        // Clients ask so what a tag means, and then for that.
        remember_tag(updates, of, tag, sha256, turn).await?;
    }
    Ok(response)
}

/// Offline: the manifest of a digest, or the last that a tag meant, of those that were cleared.
async fn from_here(
    updates: &Updates,
    of: &Repository,
    reference: &Reference,
    request: &Parts,
) -> Result<Response, Refusal> {
    let meant = match reference {
        Reference::Digest(sha256) => vec![*sha256],
        Reference::Tag(tag) => meant(updates, of, tag).await?,
    };
    for sha256 in meant {
        let key = key(of, sha256);
        if !updates.here(vec![(key.clone(), FILE.to_owned())]).await?.contains(&true) {
            continue;
        }
        let obtained = updates.offline(key, asked(of, sha256, request)?).await?;
        let bytes = read_whole(obtained.file.as_ref(), updates.limits.get(MAX_MANIFEST));
        let bytes = bytes
            .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, lazaret_core::chain(&error)))?;
        let manifest = Manifest::read(&bytes, "", &updates.limits).map_err(|error| unfit(of, &error))?;
        return Ok(given(request, &manifest, obtained));
    }
    Err(offline(&format!("manifest {}", reference.text()), of))
}

/// Notes what a tag meant to who asked at a turn. What it meant before stays known: this may never be cleared.
async fn remember_tag(
    updates: &Updates,
    of: &Repository,
    tag: &str,
    sha256: Sha256,
    turn: u64,
) -> Result<(), Refusal> {
    let key = of.key("oci-tag", &[tag]);
    let _alone = updates.naming.lock().await;
    let mut meant = meant(updates, of, tag).await?;
    if updates.tags.is_latest(&key, turn) {
        meant.retain(|before| *before != sha256);
        meant.insert(0, sha256);
    } else if !meant.contains(&sha256) {
        meant.insert(meant.len().min(1), sha256);
    }
    meant.truncate(MOST_MEANT);
    let lines: Vec<String> = meant.into_iter().map(written).collect();
    updates.keep(&borrowed(&key), lines.join("\n")).await
}

/// What a tag means and meant, the latest first.
async fn meant(updates: &Updates, of: &Repository, tag: &str) -> Result<Vec<Sha256>, Refusal> {
    let note = updates.note(&borrowed(&of.key("oci-tag", &[tag]))).await?;
    Ok(note.unwrap_or_default().lines().filter_map(read_digest).collect())
}

fn given(request: &Parts, manifest: &Manifest, obtained: Obtained) -> Response {
    let digest = written(obtained.sha256);
    let headers = described(&digest, manifest.kind);
    let told = Told { len: obtained.len, tag: digest, headers };
    let answer = without_bytes(&request.method, &request.headers, &told);
    answer.unwrap_or_else(|| with_bytes(&request.headers, &told, obtained.file))
}

fn asked(of: &Repository, sha256: Sha256, request: &Parts) -> Result<Asked, Refusal> {
    let digest = written(sha256);
    Ok(Asked {
        by: Asker::of(request),
        route: "images",
        from: of.url(&format!("manifests/{digest}"), None)?,
        model: of.model(),
        revision: Some(digest),
        file: FILE.to_owned(),
    })
}

fn key(of: &Repository, sha256: Sha256) -> Vec<String> {
    of.key("oci-manifest", &[&written(sha256)])
}

/// The digest that a registry says, if it is of the kind that is passed on.
fn said(answer: &Answer) -> Option<Sha256> {
    answer.header(&DIGEST).and_then(read_digest)
}

/// What the client takes of what is passed on; where it says nothing of that, all of it.
fn accepted(headers: &HeaderMap) -> String {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let taken: Vec<String> = lines.flat_map(|line| line.split(',')).map(essence).collect();
    let known = || KINDS.iter().map(|(kind, _)| *kind);
    let both: Vec<&str> = known().filter(|kind| taken.iter().any(|taken| taken == kind)).collect();
    if both.is_empty() { known().collect::<Vec<_>>().join(", ") } else { both.join(", ") }
}
