//! Files of the hub: what it says of one (commit, tag, length, SHA-256), and the bytes, once they are cleared.

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, ETAG, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use lazaret_core::Sha256;

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::{Answer, Call};
use crate::net::download::Expected;
use crate::net::headers::set;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::net::url::Url;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::gate::Asked;
use crate::updates::hugging_face::page::is_commit;
use crate::updates::hugging_face::route::Repository;
use crate::updates::hugging_face::within::{Caller, Within};
use crate::updates::hugging_face::{COMMIT, passed, tag_of};
use crate::updates::obtain::{Wanted, refusal};

/// The tag of a large file: its SHA-256.
const LINKED_TAG: HeaderName = HeaderName::from_static("x-linked-etag");
/// Its length.
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");

/// A file as it is asked for.
pub(crate) struct Named {
    pub(crate) repository: Repository,
    pub(crate) revision: String,
    pub(crate) file: String,
}

impl Named {
    fn key(&self, commit: &str) -> Vec<String> {
        ["hub-file", &self.repository.to_string(), commit, &self.file].map(str::to_owned).to_vec()
    }

    fn asked(&self, by: Asker, hub: &Upstream, commit: &str) -> Result<Asked, Refusal> {
        Ok(Asked {
            by,
            route: "hub",
            from: self.url(hub, commit)?,
            model: self.repository.to_string(),
            revision: Some(commit.to_owned()),
            file: self.file.clone(),
        })
    }

    fn url(&self, hub: &Upstream, revision: &str) -> Result<Url, Refusal> {
        let url = hub.base().below(&self.repository.file(revision, &self.file), None);
        url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    }
}

/// What the hub says of a file.
struct Facts {
    commit: String,
    tag: String,
    len: u64,
    /// Its SHA-256, if it is a large file.
    sha256: Option<Sha256>,
    is_large: bool,
}

/// Answers a request for a file.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    hub: &Arc<Upstream>,
    named: Named,
    request: &Parts,
) -> Result<Response, Refusal> {
    if updates.upstreams.offline {
        return offline(updates, hub, named, request).await;
    }
    let caller = Caller { by: Asker::of(request), secret: request.headers.get(AUTHORIZATION).cloned() };
    let facts = ask(updates, hub, &named, caller.secret.clone()).await?;
    let told = told(&facts);
    if let Some(answer) = without_bytes(&request.method, &request.headers, &told) {
        return Ok(answer);
    }
    let commit = facts.commit.clone();
    let obtained = updates.obtain(wanted(hub, &named, facts, caller)?).await?;
    if named.revision != commit {
        let key = ["hub-revision", &named.repository.to_string(), &named.revision];
        updates.keep(&key, commit).await?;
    }
    Ok(with_bytes(&request.headers, &told, obtained.file))
}

/// A file of a repository that is wanted for another of it; nobody is given it.
pub(super) async fn clear(
    updates: &Arc<Updates>,
    hub: &Arc<Upstream>,
    named: &Named,
    caller: Caller,
) -> Result<Sha256, Refusal> {
    let facts = ask(updates, hub, named, caller.secret.clone()).await?;
    updates.clear(wanted(hub, named, facts, caller)?).await
}

fn wanted(hub: &Arc<Upstream>, named: &Named, facts: Facts, caller: Caller) -> Result<Wanted, Refusal> {
    Ok(Wanted {
        asked: named.asked(caller.by.clone(), hub, &facts.commit)?,
        upstream: Arc::clone(hub),
        secret: caller.secret.clone(),
        expected: Expected { sha256: facts.sha256, len: Some(facts.len) },
        tag: Some(facts.tag),
        is_large: facts.is_large,
        key: named.key(&facts.commit),
        within: Some(Within {
            hub: Arc::clone(hub),
            repository: named.repository.clone(),
            commit: facts.commit,
            caller,
        }),
    })
}

/// Asks the hub about a file, with what the client told to be let in: who may not see it there is not given it here.
async fn ask(
    updates: &Updates,
    hub: &Upstream,
    named: &Named,
    secret: Option<HeaderValue>,
) -> Result<Facts, Refusal> {
    let call = Call::new(Method::HEAD, named.url(hub, &named.revision)?).with(AUTHORIZATION, secret);
    let answer = updates.client.stay(hub, call).await.map_err(|trouble| refusal(&trouble))?;
    // A large file lies elsewhere: the answer that sends there says what it is.
    let answer = if answer.response.status().is_redirection() { answer } else { passed(answer)? };
    facts(&answer).ok_or_else(|| {
        let host = answer.url.host().to_owned();
        let what = "does not say of the file what a hub says: its commit, its tag and its length";
        refusal(&Trouble::Answer { host, what })
    })
}

fn facts(answer: &Answer) -> Option<Facts> {
    let commit = answer.header(COMMIT).filter(|commit| is_commit(commit))?.to_owned();
    let linked = tag_of(answer, &LINKED_TAG);
    let size = answer.header(LINKED_SIZE).and_then(|size| size.parse().ok());
    let own = answer.announced().filter(|_| !answer.response.status().is_redirection());
    Some(Facts {
        commit,
        len: size.or(own)?,
        sha256: linked.as_deref().and_then(Sha256::parse),
        is_large: linked.is_some(),
        tag: linked.or_else(|| tag_of(answer, &ETAG))?,
    })
}

/// The headers that a client of the hub reads; none of them leads to another server.
fn told(facts: &Facts) -> Told {
    let mut headers = HeaderMap::new();
    set(&mut headers, COMMIT, &facts.commit);
    if facts.is_large {
        set(&mut headers, LINKED_TAG, &format!("\"{}\"", facts.tag));
        headers.insert(LINKED_SIZE, facts.len.into());
    }
    Told { len: facts.len, tag: facts.tag.clone(), headers }
}

/// The file that was cleared last under this name, as the hub described it then.
async fn offline(
    updates: &Arc<Updates>,
    hub: &Upstream,
    named: Named,
    request: &Parts,
) -> Result<Response, Refusal> {
    let repository = named.repository.to_string();
    let commit = updates.note(&["hub-revision", &repository, &named.revision]).await?;
    let commit = commit.unwrap_or_else(|| named.revision.clone());
    let key = named.key(&commit);
    let asked = named.asked(Asker::of(request), hub, &commit)?;
    let note = updates.cleared(&key, &asked).await?;
    let facts =
        Facts { commit, tag: note.tag, len: note.len, sha256: Some(note.sha256), is_large: note.is_large };
    let told = told(&facts);
    if let Some(answer) = without_bytes(&request.method, &request.headers, &told) {
        return Ok(answer);
    }
    let obtained = updates.offline(key, asked).await?;
    Ok(with_bytes(&request.headers, &told, obtained.file))
}
