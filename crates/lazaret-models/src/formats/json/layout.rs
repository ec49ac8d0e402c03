//! The blobs that a manifest or index of OCI names, as they lie in a layout beside it (`blobs/sha256/…`).

use std::collections::BTreeSet;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, UNINSPECTABLE, hex};
use lazaret_input::MemorySource;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::Node;

use super::{Walk, path_of};
use crate::formats::beside::points_elsewhere;
use crate::look::{Looking, is_known};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::rules;
use crate::signature::HashKind;

/// Most bytes of blobs that are hashed for one manifest.
pub(crate) const MAX_HASHED: Limit = Limit::new("oci.max_hashed", 1 << 40);

/// Holds each descriptor of a document against its blob.
pub(super) fn blobs(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let (mut seen, mut hashed) = (BTreeSet::new(), 0_u64);
    for descriptor in Walk::new(root) {
        let Some(named) = descriptor.get("digest") else { continue };
        let Some(digest) = named.as_str() else { continue };
        let place = || part.inner(&path_of(named));
        if points_elsewhere(digest) || digest.contains(['/', '\\']) {
            let message = format!("a digest is the path of a file: `{}`", printed(digest));
            looking.find(&rules::HF_PATH_ESCAPE, place(), message);
            continue;
        }
        let size =
            descriptor.get("size").and_then(|size| size.as_number()).and_then(|size| size.parse().ok());
        if let Some(data) = descriptor.get("data").and_then(|data| data.as_str()) {
            let bytes = base64::decode(data, Whitespace::Refused, looking.limits.get(MAX_WHOLE));
            let Ok(bytes) = bytes else {
                looking.unread(
                    part,
                    &Unread::of(&UNINSPECTABLE, "data in a descriptor are no base64, or too many"),
                );
                continue;
            };
            let len = bytes.len() as u64;
            let source = Arc::new(MemorySource::new(bytes, Hint::default()));
            let inner = part.member(source, len, &path_of(descriptor));
            compare(&inner, digest, size, &mut hashed, named, part, looking);
            if is_known(&inner) {
                looking.inside(&inner);
            }
        }
        if let Some(blob) = blob(digest, part, looking)
            && seen.insert(digest)
        {
            compare(&blob, digest, size, &mut hashed, named, part, looking);
        }
    }
}

/// The blob of a digest beside an index, or beside a manifest that is a blob itself.
fn blob(digest: &str, part: &Part, looking: &Looking<'_>) -> Option<Part> {
    let (algorithm, name) = digest.split_once(':')?;
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name(algorithm) || !is_name(name) {
        return None;
    }
    let own = part.file_name();
    let among_blobs = own.len() >= 64 && own.bytes().all(|byte| byte.is_ascii_hexdigit());
    let beside = among_blobs.then(|| looking.beside(part, name)).flatten();
    beside.or_else(|| looking.beside(part, &format!("blobs/{algorithm}/{name}")))
}

fn compare(
    blob: &Part,
    digest: &str,
    size: Option<u64>,
    hashed: &mut u64,
    named: Node<'_, '_>,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    let place = part.inner(&path_of(named));
    if let Some(size) = size.filter(|size| *size != blob.len()) {
        let message = format!("the descriptor says {size} bytes, its blob has {}", blob.len());
        return looking.find(&rules::OCI_DIGEST, place, message);
    }
    *hashed = hashed.saturating_add(blob.len());
    let allowed = looking.limits.get(MAX_HASHED).check(*hashed).map_err(Unread::from);
    let computed = allowed.and_then(|()| {
        let Some(said) = digest.strip_prefix("sha256:") else {
            let (algorithm, _) = digest.split_once(':').unwrap_or((digest, ""));
            let why =
                format!("digests by `{}` are not computed: a blob was not compared", printed(algorithm));
            return Err(Unread::of(&UNINSPECTABLE, why));
        };
        let own = HashKind::Sha256.of(blob, 0, blob.len(), &mut vec![0; 1 << 20])?;
        Ok(hex(&own).eq_ignore_ascii_case(said))
    });
    match computed {
        Ok(true) => {}
        Ok(false) => {
            looking.find(&rules::OCI_DIGEST, place, "the blob has another SHA-256 than the descriptor says")
        }
        Err(unread) => looking.unread(part, &unread),
    }
}
