//! The entry of a signature in Rekor, the log of signatures: that what the log holds is this signature, and that the log has
//! signed for it. Kinds `dsse` 0.0.1 and 0.0.2, `intoto` 0.0.2 and `hashedrekord` 0.0.2, in which envelopes are entered.

use lazaret_core::{Limits, hex};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{self, Node};
use serde_json::json;

use super::root::{Log, TrustRoot};
use super::{items, tree, whole};
use crate::part::printed;
use crate::signature::any_key::sha256;
use crate::signature::bundle::{bytes_of, malformed};
use crate::signature::der;
use crate::signature::dsse;
use crate::signature::keys::{MAX_KEY, Sha};
use crate::signature::manifest::Fault;
use crate::signature::moment::{Moment, of_seconds};
use crate::signature::x509::Certificate;

/// Most hashes of a proof: a tree has no more than 2^64 leaves.
const MAX_PROOF: usize = 64;

/// An entry, as a bundle carries it.
#[derive(Debug)]
pub(super) struct LogEntry {
    /// Its number in the log, over all trees that the log has had.
    index: u64,
    log: Vec<u8>,
    kind: String,
    /// Seconds since 1970; only the log's promise signs for it.
    time: Option<u64>,
    /// The log's signature over the entry and its time.
    promise: Option<Vec<u8>>,
    proof: Option<Proof>,
    /// The entry itself, JSON.
    body: Vec<u8>,
}

#[derive(Debug)]
struct Proof {
    /// The entry's number in the tree.
    index: u64,
    size: u64,
    root: Vec<u8>,
    hashes: Vec<Vec<u8>>,
    checkpoint: String,
}

impl LogEntry {
    pub(super) const fn index(&self) -> u64 {
        self.index
    }

    pub(super) fn read(entry: Node<'_, '_>, at: &str, limits: &Limits) -> Result<Self, Fault> {
        let inner = |key: &str| format!("{at}.{key}");
        let version = entry.get("kindVersion");
        let part = |key| version.and_then(|version| version.get(key)).and_then(|part| part.as_str());
        let promise = entry.get("inclusionPromise").and_then(|promise| promise.get("signedEntryTimestamp"));
        Ok(Self {
            // Protocol buffers leave out what is nought.
            index: whole_or_nought(entry.get("logIndex"), &inner("logIndex"))?,
            log: bytes_of(entry.get("logId").and_then(|id| id.get("keyId")), &inner("logId.keyId"), limits)?,
            kind: format!("{} {}", part("kind").unwrap_or_default(), part("version").unwrap_or_default()),
            time: Some(whole_or_nought(entry.get("integratedTime"), &inner("integratedTime"))?)
                .filter(|time| *time > 0),
            promise: match promise {
                Some(_) => Some(bytes_of(promise, &inner("inclusionPromise.signedEntryTimestamp"), limits)?),
                None => None,
            },
            proof: match entry.get("inclusionProof") {
                Some(proof) => Some(Proof::read(proof, &inner("inclusionProof"), limits)?),
                None => None,
            },
            body: bytes_of(entry.get("canonicalizedBody"), &inner("canonicalizedBody"), limits)?,
        })
    }

    /// Checks it; gives the log, and the time that the log has signed for, if it has. An error says what is wrong.
    pub(super) fn check<'r>(
        &self,
        payload: &[u8],
        signature: &[u8],
        leaf: &Certificate,
        root: &'r TrustRoot,
        limits: &Limits,
    ) -> Result<(&'r Log, Option<Moment>), String> {
        self.is_about(payload, signature, leaf, limits)?;
        let named = root.logs.iter().find(|log| log.id == self.log);
        let log = named.ok_or_else(|| format!("its log {} is none that is trusted", hex(&self.log)))?;
        let proof = self.proof.as_ref().ok_or("it has no proof that the log holds it")?;
        let found = tree::root_of(&self.body, proof.index, proof.size, &proof.hashes);
        if found.is_none_or(|found| found.as_slice() != proof.root) {
            return Err("its proof of inclusion does not lead to the root of the log's tree".to_owned());
        }
        let (size, signed_root) = tree::checkpoint(&proof.checkpoint, log)?;
        if size != proof.size || signed_root != proof.root {
            return Err("its checkpoint is of another tree than its proof".to_owned());
        }
        let Some(promise) = &self.promise else { return Ok((log, None)) };
        Ok((log, Some(self.promised(promise, log)?)))
    }

    /// The time, where the log's signature over entry and time is right.
    fn promised(&self, promise: &[u8], log: &Log) -> Result<Moment, String> {
        let time = self.time.ok_or("the log promised an entry without a time")?;
        // RFC 8785: names in order, no space. The values need no escape.
        let signed = json!({
            "body": base64::encode(&self.body),
            "integratedTime": time,
            "logID": hex(&self.log),
            "logIndex": self.index,
        });
        if !log.key.verifies_with(Sha::Sha256, signed.to_string().as_bytes(), promise) {
            return Err("the log has not signed for this entry at this time".to_owned());
        }
        of_seconds(time).ok_or_else(|| "the time of its entry is no time".to_owned())
    }

    /// That what the log holds is this envelope's signature by this certificate.
    fn is_about(
        &self,
        payload: &[u8],
        signature: &[u8],
        leaf: &Certificate,
        limits: &Limits,
    ) -> Result<(), String> {
        let parsed = json::parse(&self.body, limits);
        let document = parsed.document.filter(|_| parsed.faults.is_empty());
        let document = document.ok_or("the entry is no strict JSON")?;
        let root = document.root();
        let text = |key| root.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        let kind = format!("{} {}", text("kind"), text("apiVersion"));
        if kind != self.kind {
            return Err(format!("the entry is a `{}`, not a `{}`", printed(&kind), printed(&self.kind)));
        }
        let spec = root.get("spec").ok_or("the entry has no `spec`")?;
        let held = match kind.as_str() {
            "dsse 0.0.1" => Held::dsse_1(spec),
            "dsse 0.0.2" => spec.get("dsseV002").and_then(Held::dsse_2),
            "hashedrekord 0.0.2" => spec.get("hashedRekordV002").and_then(Held::hashed),
            "intoto 0.0.2" => spec.get("content").and_then(Held::intoto_2),
            _ => return Err(format!("an entry of kind `{}` is not one of an envelope", printed(&kind))),
        };
        let held = held.ok_or("the entry is not of the form of its kind")?;
        let content = if held.is_of_encoding { sha256(&dsse::encoded(payload)) } else { sha256(payload) };
        if held.content != content {
            return Err("the entry is about other content".to_owned());
        }
        if held.signature != signature {
            return Err("the entry is about another signature".to_owned());
        }
        if held.certificate != leaf.der {
            return Err("the entry is about another certificate".to_owned());
        }
        Ok(())
    }
}

impl Proof {
    fn read(proof: Node<'_, '_>, at: &str, limits: &Limits) -> Result<Self, Fault> {
        let inner = |key: &str| format!("{at}.{key}");
        let mut hashes = Vec::new();
        for (number, hash) in items(proof.get("hashes")).enumerate() {
            let at = inner(&format!("hashes[{number}]"));
            if number >= MAX_PROOF {
                return Err(malformed(&at, "it has more hashes than any tree has levels"));
            }
            hashes.push(bytes_of(Some(hash), &at, limits)?);
        }
        let checkpoint = proof.get("checkpoint").and_then(|checkpoint| checkpoint.get("envelope"));
        let checkpoint = checkpoint.and_then(|envelope| envelope.as_str());
        Ok(Self {
            index: whole_or_nought(proof.get("logIndex"), &inner("logIndex"))?,
            size: whole_or_nought(proof.get("treeSize"), &inner("treeSize"))?,
            root: bytes_of(proof.get("rootHash"), &inner("rootHash"), limits)?,
            hashes,
            checkpoint: checkpoint
                .ok_or_else(|| malformed(&inner("checkpoint"), "it is missing"))?
                .to_owned(),
        })
    }
}

fn whole_or_nought(node: Option<Node<'_, '_>>, at: &str) -> Result<u64, Fault> {
    match node {
        None => Ok(0),
        Some(_) => whole(node).ok_or_else(|| malformed(at, "it is no whole number")),
    }
}

/// What the log holds of an envelope.
struct Held {
    /// SHA-256 of the payload, or of the bytes that are signed.
    content: Vec<u8>,
    is_of_encoding: bool,
    signature: Vec<u8>,
    /// DER.
    certificate: Vec<u8>,
}

impl Held {
    fn dsse_1(spec: Node<'_, '_>) -> Option<Self> {
        let signature = only(spec.get("signatures"))?;
        Some(Self {
            is_of_encoding: false,
            content: sha256_of(spec.get("payloadHash")?)?,
            signature: decoded(signature.get("signature"))?,
            certificate: certificate(signature.get("verifier"))?,
        })
    }

    fn dsse_2(spec: Node<'_, '_>) -> Option<Self> {
        Self::second(spec.get("payloadHash")?, only(spec.get("signatures"))?, false)
    }

    /// Of what is signed, whatever it is: here an envelope's encoding.
    fn hashed(spec: Node<'_, '_>) -> Option<Self> {
        Self::second(spec.get("data")?, spec.get("signature")?, true)
    }

    /// As the second version of Rekor writes them.
    fn second(hash: Node<'_, '_>, signature: Node<'_, '_>, is_of_encoding: bool) -> Option<Self> {
        let is_sha256 = hash.get("algorithm").and_then(|name| name.as_str()) == Some("SHA2_256");
        let certificate = signature.get("verifier")?.get("x509Certificate")?;
        Some(Self {
            content: decoded(hash.get("digest")).filter(|_| is_sha256)?,
            is_of_encoding,
            signature: decoded(signature.get("content"))?,
            certificate: decoded(certificate.get("rawBytes"))?,
        })
    }

    /// Here the signature is encoded twice.
    fn intoto_2(content: Node<'_, '_>) -> Option<Self> {
        let signature = only(content.get("envelope")?.get("signatures"))?;
        let once = String::from_utf8(decoded(signature.get("sig"))?).ok()?;
        Some(Self {
            is_of_encoding: false,
            content: sha256_of(content.get("payloadHash")?)?,
            signature: base64::decode(&once, Whitespace::Refused, MAX_KEY).ok()?,
            certificate: certificate(signature.get("publicKey"))?,
        })
    }
}

fn only<'d, 'a>(list: Option<Node<'d, 'a>>) -> Option<Node<'d, 'a>> {
    let mut all = items(list);
    all.next().filter(|_| all.next().is_none())
}

fn decoded(node: Option<Node<'_, '_>>) -> Option<Vec<u8>> {
    base64::decode(node?.as_str()?, Whitespace::Refused, MAX_KEY).ok()
}

fn sha256_of(hash: Node<'_, '_>) -> Option<Vec<u8>> {
    let is_sha256 = hash.get("algorithm").and_then(|name| name.as_str()) == Some("sha256");
    crate::signature::manifest::unhex(hash.get("value")?.as_str()?).filter(|_| is_sha256)
}

/// A certificate in PEM, encoded once more.
fn certificate(node: Option<Node<'_, '_>>) -> Option<Vec<u8>> {
    let pem = String::from_utf8(decoded(node)?).ok()?;
    match der::blocks(&pem).as_slice() {
        [block] if block.label == "CERTIFICATE" => block.bytes(MAX_KEY),
        _ => None,
    }
}
