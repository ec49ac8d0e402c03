//! Configurations and layers: what the registry says of one, and its bytes, once they are cleared under every name that a
//! manifest which was given out has for them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use lazaret_core::{Limit, LimitExceeded, Sha256};

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::{Answer, Call};
use crate::net::download::Expected;
use crate::net::trouble::Trouble;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::gate::{Asked, Gate};
use crate::updates::notes::Notes;
use crate::updates::obtain::{Wanted, blocking, borrowed, here, is_noted, refusal};
use crate::updates::oci::login::{self, Caller};
use crate::updates::oci::manifest::{Described, Manifest};
use crate::updates::oci::route::{Repository, read_digest, written};
use crate::updates::oci::{described, offline, passed, unreached};

/// Most names that manifests of a repository may have for one blob.
pub const MAX_NAMES: Limit = Limit::new("updates.max_layer_names", 16);

/// What a manifest says of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// The file that clients take it for.
    file: String,
    /// Its length in bytes, where that is known.
    len: Option<u64>,
    /// The last manifest that says so.
    manifest: Option<Sha256>,
}

impl Name {
    /// As a line of a note.
    fn line(&self) -> String {
        let manifest = self.manifest.map(written).unwrap_or_default();
        let len = self.len.map(|len| len.to_string()).unwrap_or_default();
        format!("{manifest} {len} {}", self.file)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let (manifest, len, file) = (parts.next()?, parts.next()?, parts.next()?);
        let name = Self { file: file.to_owned(), len: len.parse().ok(), manifest: read_digest(manifest) };
        (!file.is_empty()).then_some(name)
    }
}

/// Answers a request for a blob.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    of: &Repository,
    sha256: Sha256,
    request: &Parts,
) -> Result<Response, Refusal> {
    let digest = written(sha256);
    let names = names(updates, of, sha256).await?;
    let by = Asker::of(request);
    let here = || offline_len(updates, of, sha256, &names, &by);
    let (len, secret, only_here) = if updates.upstreams.offline {
        (here().await?, None, true)
    } else {
        let url = of.url(&format!("blobs/{digest}"), None)?;
        let call = Call::new(Method::HEAD, url).with(ACCEPT, Some(HeaderValue::from_static("*/*")));
        match login::ask(updates, of, &Caller::of(&request.headers), call).await {
            Ok((answer, secret)) => (len(of, answer)?, secret, false),
            Err(refused) if unreached::gives(updates, of).await? => {
                (here().await.map_err(|_| refused)?, None, true)
            }
            Err(refused) => return Err(refused),
        }
    };
    let known = names.iter().find_map(|name| name.len);
    if let (Some(len), Some(known)) = (len, known)
        && len != known
    {
        let host = of.registry.base().host().to_owned();
        return Err(refusal(&Trouble::Other { host, what: "length" }));
    }
    let headers = described(&digest, "application/octet-stream");
    let len = len.or(known);
    let told = |len| Told { len, tag: digest.clone(), headers: headers.clone() };
    if request.method == Method::HEAD && len.is_none() {
        let host = of.registry.base().host().to_owned();
        return Err(refusal(&Trouble::Answer { host, what: "does not say how long the blob is" }));
    }
    if let Some(answer) = without_bytes(&request.method, &request.headers, &told(len.unwrap_or_default())) {
        return Ok(answer);
    }
    let mut last = None;
    for name in names {
        let asked = asked(of, sha256, &name, &by)?;
        if !only_here {
            let wanted = Wanted {
                asked: asked.clone(),
                upstream: Arc::clone(&of.registry),
                secret: secret.clone(),
                expected: Expected { sha256: Some(sha256), len },
                tag: None,
                is_large: false,
                key: key(of, sha256, &name),
                within: None,
            };
            updates.clear(wanted).await?;
        }
        last = Some(asked);
    }
    let asked = last.ok_or_else(|| offline(&digest, of))?;
    let obtained = updates.give(sha256, asked).await?;
    Ok(with_bytes(&request.headers, &told(obtained.len), obtained.file))
}

/// What a registry says of a blob's length. Where it sends on to a server that answers no such question, it is there.
fn len(of: &Repository, answer: Answer) -> Result<Option<u64>, Refusal> {
    let sent_on = !answer.url.is_same_server(of.registry.base());
    if sent_on && answer.response.status() != StatusCode::OK {
        return Ok(None);
    }
    Ok(passed(of, answer)?.announced())
}

/// Offline: the length of a blob that was cleared under all its names.
async fn offline_len(
    updates: &Updates,
    of: &Repository,
    sha256: Sha256,
    names: &[Name],
    by: &Asker,
) -> Result<Option<u64>, Refusal> {
    let mut len = None;
    for name in names {
        let (key, asked) = (key(of, sha256, name), asked(of, sha256, name, by)?);
        len = Some(updates.cleared(&key, &asked).await?.len);
    }
    Ok(len)
}

/// The names that manifests have for a blob; its digest where none that was given out has one.
async fn names(updates: &Updates, of: &Repository, sha256: Sha256) -> Result<Vec<Name>, Refusal> {
    let note = updates.note(&borrowed(&names_key(of, sha256))).await?;
    let mut names = parse(note.as_deref());
    if names.is_empty() {
        names.push(Name { file: written(sha256).replace(':', "-"), len: None, manifest: None });
    }
    Ok(names)
}

fn parse(note: Option<&str>) -> Vec<Name> {
    note.unwrap_or_default().lines().filter_map(Name::parse).collect()
}

/// Notes what a manifest that is given out says of its blobs. A name stays: the client that was given another manifest before
/// takes the blob for what that one says.
pub(crate) async fn remember_names(
    updates: &Updates,
    of: &Repository,
    manifest: Sha256,
    read: &Manifest,
) -> Result<(), Refusal> {
    let (notes, gate) = (Arc::clone(&updates.notes), Arc::clone(&updates.gate));
    let (of, blobs) = (of.clone(), read.blobs.clone());
    let most = updates.limits.get(MAX_NAMES);
    let turn = updates.naming.lock().await; // of two that add a name, none takes the other's away
    blocking(move || {
        let mut all: BTreeMap<Sha256, Vec<Name>> = BTreeMap::new();
        for Described { sha256, len, names } in blobs {
            let known = match all.entry(sha256) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let note = notes.get(&borrowed(&names_key(&of, sha256)));
                    place.insert(parse(note.map_err(here("read what it remembers"))?.as_deref()))
                }
            };
            for file in names {
                known.retain(|name| name.file != file);
                known.push(Name { file, len: Some(len), manifest: Some(manifest) });
            }
        }
        // Nothing of a manifest that is refused is kept.
        for (sha256, known) in &mut all {
            while let Err(limit) = most.check(known.len() as u64) {
                forget_one(&gate, &notes, &of, (*sha256, known), manifest, limit)?;
            }
        }
        for (sha256, known) in all {
            let lines: Vec<String> = known.iter().map(Name::line).collect();
            notes.put(&borrowed(&names_key(&of, sha256)), &lines.join("\n")).map_err(here("remember"))?;
        }
        Ok(())
    })
    .await
    .inspect(|_| drop(turn))?
}

/// Forgets the oldest name of a blob under which it is cleared: who was given a manifest with that name takes the blob for
/// what was inspected. Where there is none such a name more is refused, since nobody would look at the blob under one that is
/// forgotten.
fn forget_one(
    gate: &Gate,
    notes: &Notes,
    of: &Repository,
    (sha256, known): (Sha256, &mut Vec<Name>),
    manifest: Sha256,
    limit: LimitExceeded,
) -> Result<(), Refusal> {
    for (at, name) in known.iter().enumerate() {
        let is_cleared = name.manifest != Some(manifest)
            && is_noted(notes, sha256, &name.file, ROUTE)?
            && gate.has(sha256, &name.file).map_err(|error| error.refusal())?;
        if is_cleared {
            tracing::info!(
                limit = limit.key,
                "the oldest name of a layer that is cleared under it is forgotten"
            );
            known.remove(at);
            return Ok(());
        }
    }
    let why = format!(
        "lazaret does not pass a manifest of {} on: {limit}; of the names that manifests have for {}, none is forgotten under \
         which it was not cleared",
        of.model(),
        written(sha256)
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, why))
}

/// The route, as policies name it.
const ROUTE: &str = "images";

fn asked(of: &Repository, sha256: Sha256, name: &Name, by: &Asker) -> Result<Asked, Refusal> {
    Ok(Asked {
        by: by.clone(),
        route: ROUTE,
        from: of.url(&format!("blobs/{}", written(sha256)), None)?,
        model: of.model(),
        revision: name.manifest.map(written),
        file: name.file.clone(),
    })
}

fn key(of: &Repository, sha256: Sha256, name: &Name) -> Vec<String> {
    of.key("oci-blob", &[&written(sha256), &name.file])
}

fn names_key(of: &Repository, sha256: Sha256) -> Vec<String> {
    of.key("oci-names", &[&written(sha256)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_note_is_names_that_read_the_same_again(note in "((sha256:[0a]{64})? [0-9]{0,3} [a-z /.]{0,9}\n|.{0,9}\n){0,4}") {
            let names = parse(Some(&note));
            let again: Vec<String> = names.iter().map(Name::line).collect();
            prop_assert_eq!(parse(Some(&again.join("\n"))), names);
        }
    }
}
