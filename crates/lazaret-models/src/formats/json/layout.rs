//! The blobs that a manifest or index of OCI names, as they lie in a layout beside it (`blobs/sha256/…`).

use std::collections::BTreeSet;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, UNINSPECTABLE, hex};
use lazaret_input::MemorySource;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::Node;

use super::{Walk, path_of};
use crate::formats::beside::points_elsewhere;
use crate::look::Looking;
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
            looking.passed_over(&inner, 0, len);
        }
        if let Some(blob) = blob(digest, part, looking)
            && seen.insert((digest, size))
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
            looking.find(&rules::OCI_DIGEST, place, "the blob has another SHA-256 than the descriptor says");
        }
        Err(unread) => looking.unread(part, &unread),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits, Severity, Source, hex};
    use lazaret_input::{MemorySource, base64};

    use crate::{Folder, look};

    #[derive(Default)]
    struct Files(BTreeMap<String, Vec<u8>>);

    impl Files {
        fn put(&mut self, named_for: &[u8], bytes: &[u8]) -> String {
            let digest = hex(ring::digest::digest(&ring::digest::SHA256, named_for).as_ref());
            self.0.insert(format!("blobs/sha256/{digest}"), bytes.to_vec());
            self.0.insert(digest.clone(), bytes.to_vec());
            format!("sha256:{digest}")
        }

        fn told(&self, name: &str, text: &str) -> Vec<(&'static str, String, Severity)> {
            let source = Arc::new(MemorySource::new(text.as_bytes(), Hint::default()));
            let report = look(source, text.len() as u64, name, self, &Limits::default());
            assert_eq!(report.format.0, "oci-manifest");
            report
                .findings
                .into_iter()
                .map(|found| (found.id, found.at.to_string(), found.severity))
                .collect()
        }
    }

    impl Folder for Files {
        fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
            let bytes = self.0.get(path)?.clone();
            let len = bytes.len() as u64;
            Some((Arc::new(MemorySource::new(bytes, Hint::default())), len))
        }
    }

    #[test]
    fn blobs_that_are_not_what_their_manifest_names_are_told() {
        let mut files = Files::default();
        let good = files.put(b"{\"a\":1}", b"{\"a\":1}");
        let bad = files.put(b"{\"a\":2}", b"{\"a\":3}");
        let missing = format!("sha256:{}", "0".repeat(64));
        let manifest = |layers: &str| format!(r#"{{"schemaVersion":2,"layers":[{layers}]}}"#);
        let layer = |digest: &str, size: u64| format!(r#"{{"digest":"{digest}","size":{size}}}"#);
        let own = good.trim_start_matches("sha256:");
        for name in ["index.json", own] {
            let well = manifest(&[layer(&good, 7), layer(&missing, 9)].join(","));
            assert_eq!(files.told(name, &well), [], "{name}");
            let told =
                files.told(name, &manifest(&[layer(&good, 7), layer(&bad, 7), layer(&good, 8)].join(",")));
            let at =
                |number| ("oci.digest-mismatch", format!("{name}!layers[{number}].digest"), Severity::High);
            assert_eq!(told, [at(1), at(2)], "{name}");
        }
        // Digests whose algorithm is not computed here, and that are paths.
        files.0.insert("blobs/sha512/aa".to_owned(), b"x".to_vec());
        assert_eq!(files.told("m.json", &manifest(&layer("sha512:aa", 1)))[0].0, "input.uninspectable");
        assert_eq!(
            files.told("m.json", &manifest(&layer("sha256:../../x", 1)))[0].0,
            "hf.path-escapes-model"
        );
    }

    #[test]
    fn data_within_a_descriptor_are_held_against_it_and_looked_at() {
        let files = Files::default();
        let said = |named_for: &[u8], bytes: &[u8]| {
            let digest = hex(ring::digest::digest(&ring::digest::SHA256, named_for).as_ref());
            let (len, data) = (bytes.len(), base64::encode(bytes));
            let text = format!(
                r#"{{"schemaVersion":2,"layers":[{{"digest":"sha256:{digest}","size":{len},"data":"{data}"}}]}}"#
            );
            files.told("m.json", &text).into_iter().map(|(id, _, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(said(b"{}", b"{}"), [""; 0]);
        assert_eq!(said(b"{}", b"[]"), ["oci.digest-mismatch"]);
        let call = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.";
        assert!(said(call, call).contains(&"pickle.dangerous-call"));
    }
}
