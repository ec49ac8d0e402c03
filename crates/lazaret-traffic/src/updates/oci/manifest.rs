//! Manifests of images and artifacts (OCI Image 1.1, Docker schema 2), read strictly: what two clients could read in two ways,
//! and what would lead a client round the gate, is refused.

use std::collections::BTreeSet;

use lazaret_core::{Limit, LimitExceeded, Limits, Sha256};
use lazaret_input::JSON_MALFORMED;
use lazaret_input::json::{self, JsonKind, Node};
use ring::digest::{SHA256, digest};

use crate::updates::oci::naming::names_of;
use crate::updates::oci::route::{read_digest, written};

/// Longest manifest, as the standard recommends.
pub const MAX_MANIFEST: Limit = Limit::new("updates.max_manifest", 4 << 20);
/// Most layers, or manifests of a list.
pub const MAX_LAYERS: Limit = Limit::new("updates.max_layers", 1_000);

/// The media types of manifests that are passed on, with whether each is a list of others.
pub const KINDS: [(&str, bool); 4] = [
    ("application/vnd.oci.image.manifest.v1+json", false),
    ("application/vnd.oci.image.index.v1+json", true),
    ("application/vnd.docker.distribution.manifest.v2+json", false),
    ("application/vnd.docker.distribution.manifest.list.v2+json", true),
];

/// Media types that say no more than that something is JSON, or not even that.
const GENERIC: [&str; 4] = ["", "application/json", "application/octet-stream", "text/plain"];

/// The empty object, which artifacts without a configuration have in its place.
const EMPTY: &str = "e30=";

/// What was read of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub kind: &'static str,
    /// Its configuration and layers.
    pub blobs: Vec<Described>,
}

/// A blob of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Which.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub len: u64,
    /// The names of files that clients may take it for.
    pub names: BTreeSet<String>,
}

/// The keys of a manifest or index (OCI Image, `manifest.md`, `image-index.md`; Docker's have no others).
const KEYS: [&str; 8] =
    ["annotations", "artifactType", "config", "layers", "manifests", "mediaType", "schemaVersion", "subject"];
/// The keys of a descriptor (OCI Image, `descriptor.md`).
const DESCRIPTOR_KEYS: [&str; 8] =
    ["annotations", "artifactType", "data", "digest", "mediaType", "platform", "size", "urls"];
/// The keys of a descriptor's platform.
pub const PLATFORM_KEYS: [&str; 6] =
    ["architecture", "features", "os", "os.features", "os.version", "variant"];

/// Why a manifest is not passed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No JSON, or JSON that can be read in two ways.
    #[error("it is no JSON that every client reads alike: {0}")]
    Json(String),
    /// The first schema, whose digests are of another text than its own.
    #[error("it is of Docker's schema 1, which nobody should use any more")]
    Schema1,
    /// Another kind.
    #[error("it is no manifest of an image, an artifact or a list of them (OCI or Docker schema 2)")]
    Kind,
    /// The server says one kind, the manifest another.
    #[error("its media type is not the one it was sent as")]
    Disagrees,
    /// It can be taken for an image and for a list.
    #[error("it has both `layers` and `manifests`: clients read it in two ways")]
    Both,
    /// Something is missing or of another type.
    #[error("`{at}` is missing or is not what stands there in a manifest")]
    Shape {
        /// Where.
        at: String,
    },
    /// A digest that is no SHA-256.
    #[error(
        "`{at}.digest` is no SHA-256: lazaret passes on what is named by its SHA-256, and by no other digest"
    )]
    Digest {
        /// Where.
        at: String,
    },
    /// A layer that clients fetch from elsewhere.
    #[error("`{at}.urls` sends clients to other servers, round the gate")]
    Elsewhere {
        /// Where.
        at: String,
    },
    /// A layer that lies in the manifest.
    #[error("`{at}.data` holds the content itself, which would not be read as the file it is")]
    Within {
        /// Where.
        at: String,
    },
    /// A key that clients which compare keys without case read as another.
    #[error("a key of `{at}` is `{key}` in another spelling: clients read it in two ways")]
    Spelling {
        /// Where.
        at: String,
        /// As which it is read.
        key: &'static str,
    },
    /// A limit was reached.
    #[error("it is refused")]
    Limit(#[from] LimitExceeded),
}

impl Manifest {
    /// Reads a manifest that was sent as a media type, if it was as any.
    pub fn read(bytes: &[u8], sent_as: &str, limits: &Limits) -> Result<Self, ManifestError> {
        limits.get(MAX_MANIFEST).check(bytes.len() as u64)?;
        let sent_as = essence(sent_as);
        if sent_as.starts_with("application/vnd.docker.distribution.manifest.v1+") {
            return Err(ManifestError::Schema1);
        }
        let parsed = json::parse(bytes, limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(ManifestError::Json(fault.rule.id.to_owned()));
        }
        let document = parsed.document.ok_or_else(|| ManifestError::Json(JSON_MALFORMED.id.to_owned()))?;
        let root = document.root();
        match root.get("schemaVersion").and_then(|version| version.as_number()) {
            Some("2") => {}
            Some("1") => return Err(ManifestError::Schema1),
            _ => return Err(shape("schemaVersion")),
        }
        spelled(root, "manifest", &KEYS)?;
        let (kind, is_list) = kind(root, &sent_as)?;
        let mut blobs = Vec::new();
        if is_list {
            for (number, item) in listed(root, "manifests", limits)?.into_iter().enumerate() {
                described(item, &format!("manifests[{number}]"))?;
            }
        } else {
            let config = root.get("config").ok_or_else(|| shape("config"))?;
            blobs.push(described(config, "config")?);
            for (number, item) in listed(root, "layers", limits)?.into_iter().enumerate() {
                blobs.push(described(item, &format!("layers[{number}]"))?);
            }
        }
        if let Some(subject) = root.get("subject") {
            described(subject, "subject")?;
        }
        Ok(Self { kind, blobs })
    }
}

/// The SHA-256 of bytes.
pub(crate) fn sha256_of(bytes: &[u8]) -> Sha256 {
    let mut sha256 = Sha256([0; 32]);
    for (to, from) in sha256.0.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    sha256
}

/// Whether a key is another for those who compare keys without case, as Go's `encoding/json` does: it takes the sign of the
/// kelvin for a `k` and the long s for an `s`, too.
pub fn reads_as(key: &str, other: &str) -> bool {
    let folded = key.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    folded.eq(other.chars().map(|c| c.to_ascii_lowercase()))
}

/// The first of these keys that an object has in another spelling.
pub fn respelled<'k>(node: Node<'_, '_>, keys: &[&'k str]) -> Option<&'k str> {
    let is_other = |own: &str, key: &str| reads_as(own, key) && own != key;
    node.members().find_map(|member| keys.iter().find(|key| is_other(member.key, key)).copied())
}

/// Refuses keys that are read as one of these and spelled otherwise.
fn spelled(node: Node<'_, '_>, at: &str, keys: &[&'static str]) -> Result<(), ManifestError> {
    match respelled(node, keys) {
        Some(key) => Err(ManifestError::Spelling { at: at.to_owned(), key }),
        None => Ok(()),
    }
}

/// A media type without its parameters, in lower case.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn shape(at: &str) -> ManifestError {
    ManifestError::Shape { at: at.to_owned() }
}

/// What it is: as it says, and as it was sent. One that does not say is an image or a list of OCI's by what it has.
fn kind(root: Node<'_, '_>, sent_as: &str) -> Result<(&'static str, bool), ManifestError> {
    let named = |name: &str| KINDS.into_iter().find(|(kind, _)| *kind == name);
    let (layers, manifests) = (root.get("layers").is_some(), root.get("manifests").is_some());
    if layers && manifests {
        return Err(ManifestError::Both);
    }
    let own = match root.get("mediaType") {
        Some(own) => {
            let own = own.as_str().ok_or_else(|| shape("mediaType"))?;
            named(own).ok_or(ManifestError::Kind)?
        }
        None => KINDS.into_iter().find(|(_, is_list)| *is_list == manifests).ok_or(ManifestError::Kind)?,
    };
    let (_, is_list) = own;
    if if is_list { layers } else { manifests } {
        return Err(ManifestError::Both);
    }
    if GENERIC.contains(&sent_as) || sent_as == own.0 {
        return Ok(own);
    }
    Err(if named(sent_as).is_some() { ManifestError::Disagrees } else { ManifestError::Kind })
}

/// The items of a list of the manifest's.
fn listed<'d, 'a>(
    root: Node<'d, 'a>,
    key: &str,
    limits: &Limits,
) -> Result<Vec<Node<'d, 'a>>, ManifestError> {
    let list = root.get(key).filter(|list| list.kind() == JsonKind::Array).ok_or_else(|| shape(key))?;
    limits.get(MAX_LAYERS).check(list.len() as u64)?;
    Ok(list.items().collect())
}

/// A descriptor (OCI Image, `descriptor.md`).
fn described(node: Node<'_, '_>, at: &str) -> Result<Described, ManifestError> {
    spelled(node, at, &DESCRIPTOR_KEYS)?;
    if let Some(platform) = node.get("platform") {
        spelled(platform, &format!("{at}.platform"), &PLATFORM_KEYS)?;
    }
    let text = |key: &str| {
        let value = node.get(key).and_then(|value| value.as_str());
        value.ok_or_else(|| ManifestError::Shape { at: format!("{at}.{key}") })
    };
    let media_type = text("mediaType")?;
    let sha256 = read_digest(text("digest")?).ok_or_else(|| ManifestError::Digest { at: at.to_owned() })?;
    let len = node.get("size").and_then(|size| size.as_number()?.parse().ok());
    let len = len.ok_or_else(|| ManifestError::Shape { at: format!("{at}.size") })?;
    if node.get("urls").is_some_and(|urls| !urls.is_empty() || urls.kind() != JsonKind::Array) {
        return Err(ManifestError::Elsewhere { at: at.to_owned() });
    }
    if let Some(data) = node.get("data")
        && (data.as_str() != Some(EMPTY) || sha256 != sha256_of(b"{}"))
    {
        return Err(ManifestError::Within { at: at.to_owned() });
    }
    let annotations = node.get("annotations");
    let is_named = |annotations: &Node<'_, '_>| {
        annotations.kind() == JsonKind::Object && annotations.members().all(|m| m.value.as_str().is_some())
    };
    if !annotations.as_ref().is_none_or(is_named) {
        return Err(ManifestError::Shape { at: format!("{at}.annotations") });
    }
    let annotation = |key: &str| annotations.and_then(|annotations| annotations.get(key)?.as_str());
    let names = names_of(media_type, annotation, &written(sha256));
    Ok(Described { sha256, len, names })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OCI: &str = KINDS[0].0;

    fn read(text: &str, sent_as: &str) -> Result<Manifest, String> {
        let read = Manifest::read(text.as_bytes(), sent_as, &Limits::default());
        read.map_err(|error| error.to_string())
    }

    fn blob(more: &str) -> String {
        format!(r#"{{"mediaType":"x/y","digest":"sha256:{}","size":3{more}}}"#, "a".repeat(64))
    }

    fn manifest(layer: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI}","config":{},"layers":[{layer}],"x":[1.5,null]}}"#,
            blob("")
        )
    }

    #[test]
    fn manifests_and_lists_of_both_standards_are_read() {
        let named = manifest(&blob(r#","annotations":{"org.cncf.model.filepath":"a/model.gguf"}"#));
        let read_as = |kind| read(&named, kind).unwrap();
        assert_eq!(read_as(OCI), read_as("application/json; charset=utf-8"));
        assert_eq!(read_as(OCI), read_as(""));
        let layer = &read_as(OCI).blobs[1];
        assert_eq!((layer.len, layer.names.iter().next().unwrap().as_str()), (3, "a/model.gguf"));
        let docker = named.replace(OCI, KINDS[2].0);
        assert_eq!(read(&docker, KINDS[2].0).unwrap().kind, KINDS[2].0);
        let list = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, blob(r#","platform":{}"#));
        assert_eq!(read(&list, KINDS[1].0).unwrap(), Manifest { kind: KINDS[1].0, blobs: vec![] });
        let empty = sha256_of(b"{}");
        let empty = format!(r#"{{"mediaType":"x/y","digest":"sha256:{empty}","size":2,"data":"e30="}}"#);
        assert!(read(&manifest(&empty), OCI).is_ok());
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_leads_round_the_gate_is_refused() {
        for (text, sent_as, why) in [
            (manifest("").replace(r#""x":"#, r#""config":"#), OCI, "json.duplicate-key"),
            (manifest("").replace("1.5", "1.5}"), OCI, "json."),
            (manifest(""), KINDS[2].0, "not the one it was sent as"),
            (manifest(""), "text/html", "no manifest of an image"),
            (manifest(""), "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), "application/json", "schema 1"),
            (
                manifest("").replace(OCI, "application/vnd.oci.artifact.manifest.v1+json"),
                "",
                "no manifest of",
            ),
            (manifest("").replace(r#""x":"#, r#""manifests":"#), OCI, "both `layers` and `manifests`"),
            (manifest("").replace(r#""layers":"#, r#""manifests":"#), OCI, "both `layers` and `manifests`"),
            (manifest("1"), OCI, "`layers[0].mediaType` is missing"),
            (manifest(&blob("").replace("sha256:aa", "sha512:aa")), OCI, "`layers[0].digest` is no SHA-256"),
            (manifest(&blob("").replace(":3", ":-3")), OCI, "`layers[0].size`"),
            (manifest(&blob(r#","urls":["https://x.example/"]"#)), OCI, "`layers[0].urls` sends clients"),
            (manifest(&blob(r#","data":"e30=""#)), OCI, "`layers[0].data` holds"),
            (manifest("").replace(r#""x":"#, r#""Layers":"#), OCI, "a key of `manifest` is `layers`"),
            (manifest("").replace(r#""x":"#, "\"\u{17f}ubject\":"), OCI, "a key of `manifest` is `subject`"),
            (manifest(&blob(r#","URLs":[]"#)), OCI, "a key of `layers[0]` is `urls`"),
            (manifest(&blob(r#","Annotations":{}"#)), OCI, "a key of `layers[0]` is `annotations`"),
            (manifest(&blob(r#","platform":{"OS":"x"}"#)), OCI, "a key of `layers[0].platform` is `os`"),
            (manifest(&blob(r#","annotations":{"a":1}"#)), OCI, "`layers[0].annotations`"),
            (manifest(&["{}"; 1001].join(",")), OCI, "it is refused"),
            (manifest("").replace(r#""layers":[]"#, r#""layers":{}"#), OCI, "`layers` is missing"),
            ("[]".to_owned(), OCI, "`schemaVersion`"),
            (String::new(), OCI, "no JSON"),
        ] {
            let refused = read(&text, sent_as).unwrap_err();
            assert!(refused.contains(why), "{text} as {sent_as}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_manifest_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
            let mut bytes = manifest(&blob(r#","annotations":{"org.opencontainers.image.title":"../x\u0000"}"#)).into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(read) = Manifest::read(&bytes, "", &Limits::default()) {
                for name in read.blobs.iter().flat_map(|blob| &blob.names) {
                    prop_assert!(!name.is_empty() && !name.contains(|c: char| c.is_control()));
                    prop_assert!(name.split('/').all(|step| !matches!(step, "" | "." | "..")));
                }
            }
        }
    }
}
