//! The file that a signature is: a bundle of Sigstore's form (v0.3) with a DSSE envelope and what it is checked by.

use lazaret_core::Limits;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{self, Node};
use serde_json::json;

use super::certificates::SigningChain;
use super::dsse::PAYLOAD_TYPE;
use super::keys::{MAX_KEY, PublicKey};
use super::manifest::Fault;
use super::sigstore;
use crate::part::MAX_WHOLE;
use crate::rules;

/// What every bundle's type begins with.
const MEDIA_TYPES: &str = "application/vnd.dev.sigstore.bundle";
/// The type that is written.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The types that are checked: what each asks for beyond the others is asked for of all.
const READ_TYPES: [&str; 4] = [
    MEDIA_TYPE,
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

/// Most signatures of an envelope.
const MAX_SIGNATURES: usize = 16;

/// What a signature is checked by.
#[derive(Debug)]
pub(super) enum Material {
    /// A key that the one who checks has; the SHA-256 of its PEM text, in hexadecimal. Releases before 1.1 gave none.
    Key { hint: Option<String> },
    /// Certificates, the signing one first.
    Certificates(Vec<Vec<u8>>),
    /// A short-lived certificate and an entry in a public log.
    Sigstore(Box<sigstore::Material>),
}

/// A bundle.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) material: Material,
    /// The bytes that were signed.
    pub(super) payload: Vec<u8>,
    /// DER. A bundle has one; a bare envelope may have several.
    pub(super) signatures: Vec<Vec<u8>>,
}

pub(super) fn malformed(at: &str, message: impl Into<String>) -> Fault {
    Fault { rule: &rules::SIGNATURE_MALFORMED, at: at.to_owned(), message: message.into() }
}

/// Whether a document is a bundle, of whatever version.
pub(crate) fn is_bundle(root: Node<'_, '_>) -> bool {
    let media_type = root.get("mediaType").and_then(|value| value.as_str());
    media_type.is_some_and(|text| text.starts_with(MEDIA_TYPES)) && root.get("verificationMaterial").is_some()
}

/// Whether a document is a bundle or an envelope and nothing beside it, so that no loader finds anything else in it.
pub(super) fn is_bare(root: Node<'_, '_>) -> bool {
    const BUNDLE: [&str; 3] = ["mediaType", "verificationMaterial", "dsseEnvelope"];
    const ENVELOPE: [&str; 3] = ["payload", "payloadType", "signatures"];
    let is = |keys: [&str; 3]| {
        keys.iter().all(|key| root.get(key).is_some())
            && root.members().all(|member| keys.contains(&member.key))
    };
    is(BUNDLE) || is(ENVELOPE)
}

impl Bundle {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let parsed = json::parse(bytes, limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(malformed("", format!("byte {}: {}", fault.offset, fault.message)));
        }
        let document = parsed.document.ok_or_else(|| malformed("", "it is no JSON"))?;
        Self::of(document.root(), limits)
    }

    /// Reads a document.
    pub(super) fn of(root: Node<'_, '_>, limits: &Limits) -> Result<Self, Fault> {
        let media_type = root.get("mediaType").and_then(|value| value.as_str()).unwrap_or_default();
        if !READ_TYPES.contains(&media_type) {
            return Err(malformed("mediaType", format!("it is not `{MEDIA_TYPE}`")));
        }
        let material = root.get("verificationMaterial");
        let material = material.ok_or_else(|| malformed("verificationMaterial", "it is missing"))?;
        let envelope = root.get("dsseEnvelope").ok_or_else(|| malformed("dsseEnvelope", "it is missing"))?;
        let bundle = Self::of_envelope(envelope, material_of(material, limits)?, limits)?;
        match bundle.signatures.len() {
            1 => Ok(bundle),
            count => Err(malformed("dsseEnvelope.signatures", format!("it has {count} signatures, not one"))),
        }
    }

    /// Reads a bundle, or a bare envelope, which is checked by a key that the one who checks has.
    pub(super) fn read_or_envelope(bytes: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let parsed = json::parse(bytes, limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(malformed("", format!("byte {}: {}", fault.offset, fault.message)));
        }
        let document = parsed.document.ok_or_else(|| malformed("", "it is no JSON"))?;
        let root = document.root();
        if root.get("payload").is_some() && root.get("mediaType").is_none() {
            return Self::of_envelope(root, Material::Key { hint: None }, limits);
        }
        Self::of(root, limits)
    }

    fn of_envelope(envelope: Node<'_, '_>, material: Material, limits: &Limits) -> Result<Self, Fault> {
        let payload = payload_of(envelope, limits)?;
        if envelope.get("payloadType").and_then(|value| value.as_str()) != Some(PAYLOAD_TYPE) {
            return Err(malformed("dsseEnvelope.payloadType", format!("it is not `{PAYLOAD_TYPE}`")));
        }
        let mut signatures = Vec::new();
        let listed = envelope.get("signatures").into_iter().flat_map(|list| list.items());
        for (number, signature) in listed.enumerate() {
            let at = format!("dsseEnvelope.signatures[{number}].sig");
            if number >= MAX_SIGNATURES {
                return Err(malformed(&at, format!("it has more than {MAX_SIGNATURES} signatures")));
            }
            signatures.push(bytes_of(signature.get("sig"), &at, limits)?);
        }
        Ok(Self { material, payload, signatures })
    }
}

/// The bytes that an envelope says were signed.
pub(super) fn payload_of(envelope: Node<'_, '_>, limits: &Limits) -> Result<Vec<u8>, Fault> {
    bytes_of(envelope.get("payload"), "dsseEnvelope.payload", limits)
}

fn material_of(material: Node<'_, '_>, limits: &Limits) -> Result<Material, Fault> {
    let key = material.get("publicKey");
    let chain = material.get("x509CertificateChain");
    let certificate = material.get("certificate");
    match (key, chain, certificate) {
        (Some(key), None, None) => {
            let hint = key.get("hint").and_then(|hint| hint.as_str());
            Ok(Material::Key { hint: hint.filter(|hint| !hint.is_empty()).map(str::to_owned) })
        }
        // Before version 0.3, Sigstore too wrote a chain; what has an entry in a log is one of its own.
        (None, Some(chain), None)
            if material.get("tlogEntries").is_some_and(|entries| !entries.is_empty()) =>
        {
            let first = chain.get("certificates").and_then(|list| list.items().next());
            Ok(Material::Sigstore(Box::new(sigstore::Material::read(first, material, limits)?)))
        }
        (None, Some(chain), None) => {
            let certificates = chain.get("certificates").into_iter().flat_map(|list| list.items());
            let mut chain = Vec::new();
            for (number, certificate) in certificates.enumerate() {
                let at = format!("verificationMaterial.x509CertificateChain.certificates[{number}].rawBytes");
                let text = certificate.get("rawBytes").and_then(|bytes| bytes.as_str()).unwrap_or_default();
                let bytes = base64::decode(text, Whitespace::Refused, MAX_KEY);
                chain.push(bytes.map_err(|error| malformed(&at, error.to_string()))?);
            }
            Ok(Material::Certificates(chain))
        }
        (None, None, Some(_)) => {
            Ok(Material::Sigstore(Box::new(sigstore::Material::read(certificate, material, limits)?)))
        }
        _ => Err(malformed(
            "verificationMaterial",
            "it has not exactly one of publicKey, x509CertificateChain, certificate",
        )),
    }
}

/// Bytes in base64; where they are missing or are none, that place is at fault.
pub(super) fn bytes_of(node: Option<Node<'_, '_>>, at: &str, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let text = node.and_then(|node| node.as_str()).ok_or_else(|| malformed(at, "it is missing"))?;
    base64::decode(text, Whitespace::Refused, limits.get(MAX_WHOLE))
        .map_err(|error| malformed(at, error.to_string()))
}

/// A bundle as it is written: with the certificates, or with what names the key.
pub(super) fn written(
    key: &PublicKey,
    chain: Option<&SigningChain>,
    payload: &[u8],
    signature: &[u8],
) -> String {
    let material = match chain {
        Some(chain) => {
            let certificates: Vec<_> = chain
                .certificates
                .iter()
                .map(|certificate| json!({ "rawBytes": base64::encode(certificate) }))
                .collect();
            json!({ "x509CertificateChain": { "certificates": certificates }, "tlogEntries": [] })
        }
        None => json!({ "publicKey": { "hint": key.hint() }, "tlogEntries": [] }),
    };
    let bundle = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": base64::encode(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": base64::encode(signature), "keyid": "" }],
        },
    });
    bundle.to_string()
}
