//! What is trusted: a `trusted_root.json` of Sigstore (media type `…trustedroot+json;version=0.1`), or the configuration of a
//! client that has one in it. The one of Sigstore's public service is built in.

use lazaret_core::Limits;
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json::{self, Node};

use super::items;
use crate::signature::SignatureError;
use crate::signature::any_key::AnyKey;
use crate::signature::keys::MAX_KEY;
use crate::signature::moment::{Moment, of_rfc_3339};
use crate::signature::x509::Certificate;

/// Sigstore's public service; where it is from is in `catalogue/models/SOURCE.md`.
const PUBLIC_GOOD: &str = include_str!("../../../../../catalogue/models/sigstore_trusted_root.json");
const TRUSTED_ROOT: &str = "application/vnd.dev.sigstore.trustedroot";
const CLIENT_CONFIG: &str = "application/vnd.dev.sigstore.clienttrustconfig";
/// Most logs and authorities of a kind, and most certificates of one.
const MAX_ENTRIES: usize = 100;

/// Authorities, logs and authorities of time that are trusted, each for a time.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    pub(super) authorities: Vec<Authority>,
    pub(super) logs: Vec<Log>,
    pub(super) certificate_logs: Vec<Log>,
    pub(super) time_authorities: Vec<Authority>,
}

/// From when, and until when if that is known.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: Moment,
    until: Option<Moment>,
}

impl Period {
    fn has(self, at: Moment) -> bool {
        self.from <= at && self.until.is_none_or(|until| at <= until)
    }
}

/// Who writes certificates or timestamps.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// The last of its chain.
    pub(super) anchors: Vec<Certificate>,
    /// The others.
    pub(super) between: Vec<Certificate>,
    period: Period,
}

impl Authority {
    pub(super) fn was_trusted(&self, at: Moment) -> bool {
        self.period.has(at)
    }

    /// All certificates of its chain.
    pub(super) fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.between.iter().chain(&self.anchors)
    }
}

/// A log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// What entries name it by.
    pub(super) id: Vec<u8>,
    pub(super) key: AnyKey,
    period: Period,
}

impl Log {
    pub(super) fn was_trusted(&self, at: Moment) -> bool {
        self.period.has(at)
    }
}

impl TrustRoot {
    /// That of Sigstore's public service, as it is built in.
    pub fn public_good(limits: &Limits) -> Result<Self, SignatureError> {
        Self::read(PUBLIC_GOOD.as_bytes(), limits)
    }

    /// Reads a `trusted_root.json`, or a `ClientTrustConfig` with one in it.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, SignatureError> {
        let parsed = json::parse(bytes, limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(wrong("", format!("byte {}: {}", fault.offset, fault.message)));
        }
        let document = parsed.document.ok_or_else(|| wrong("", "it is no JSON"))?;
        let mut root = document.root();
        let media_type = text(root, "mediaType").unwrap_or_default();
        if media_type.starts_with(CLIENT_CONFIG) {
            root = root.get("trustedRoot").ok_or_else(|| wrong("trustedRoot", "it is missing"))?;
        } else if !media_type.starts_with(TRUSTED_ROOT) {
            return Err(wrong("mediaType", "it is neither a trusted root nor the configuration of a client"));
        }
        let trust = Self {
            authorities: authorities(root, "certificateAuthorities")?,
            logs: logs(root, "tlogs")?,
            certificate_logs: logs(root, "ctlogs")?,
            time_authorities: authorities(root, "timestampAuthorities")?,
        };
        if trust.authorities.is_empty() || trust.logs.is_empty() {
            return Err(wrong("", "it names no certificate authority or no log: nothing could be checked"));
        }
        Ok(trust)
    }
}

fn wrong(at: &str, why: impl Into<String>) -> SignatureError {
    let why = why.into();
    let text = if at.is_empty() { why } else { format!("{at}: {why}") };
    SignatureError::Certificates(format!("no trusted root of Sigstore: {text}"))
}

fn text<'d>(node: Node<'d, '_>, key: &str) -> Option<&'d str> {
    node.get(key).and_then(|value| value.as_str())
}

fn bytes(node: Option<Node<'_, '_>>, at: &str) -> Result<Vec<u8>, SignatureError> {
    let text = node.and_then(|node| node.as_str()).ok_or_else(|| wrong(at, "it is missing"))?;
    base64::decode(text, Whitespace::Refused, MAX_KEY).map_err(|error| wrong(at, error.to_string()))
}

fn listed<'d, 'a>(root: Node<'d, 'a>, key: &str) -> Result<Vec<Node<'d, 'a>>, SignatureError> {
    let list: Vec<_> = items(root.get(key)).take(MAX_ENTRIES.saturating_add(1)).collect();
    if list.len() > MAX_ENTRIES { Err(wrong(key, format!("more than {MAX_ENTRIES}"))) } else { Ok(list) }
}

fn period(node: Option<Node<'_, '_>>, at: &str) -> Result<Period, SignatureError> {
    let read = |key: &str| match node.and_then(|node| node.get(key)) {
        None => Ok(None),
        Some(time) => {
            let moment = time.as_str().and_then(of_rfc_3339);
            moment
                .map(Some)
                .ok_or_else(|| wrong(at, format!("`validFor.{key}` is no time in UTC (RFC 3339)")))
        }
    };
    let from = read("start")?.ok_or_else(|| wrong(at, "it has no `validFor.start`"))?;
    Ok(Period { from, until: read("end")? })
}

fn logs(root: Node<'_, '_>, key: &str) -> Result<Vec<Log>, SignatureError> {
    let read = |(number, log): (usize, Node<'_, '_>)| {
        let at = format!("{key}[{number}]");
        let public = log.get("publicKey");
        let key = bytes(public.and_then(|key| key.get("rawBytes")), &format!("{at}.publicKey.rawBytes"))?;
        Ok(Log {
            id: bytes(log.get("logId").and_then(|id| id.get("keyId")), &format!("{at}.logId.keyId"))?,
            key: AnyKey::from_der(&key),
            period: period(public.and_then(|key| key.get("validFor")), &at)?,
        })
    };
    listed(root, key)?.into_iter().enumerate().map(read).collect()
}

fn authorities(root: Node<'_, '_>, key: &str) -> Result<Vec<Authority>, SignatureError> {
    let read = |(number, authority): (usize, Node<'_, '_>)| {
        let at = format!("{key}[{number}]");
        let chain = authority.get("certChain").ok_or_else(|| wrong(&at, "it has no `certChain`"))?;
        let mut between = Vec::new();
        for certificate in listed(chain, "certificates")? {
            let der = bytes(certificate.get("rawBytes"), &at)?;
            between
                .push(Certificate::read(&der).map_err(|_| wrong(&at, "a certificate is not of RFC 5280"))?);
        }
        let anchor = between.pop().ok_or_else(|| wrong(&at, "it has no certificates"))?;
        Ok(Authority { anchors: vec![anchor], between, period: period(authority.get("validFor"), &at)? })
    };
    listed(root, key)?.into_iter().enumerate().map(read).collect()
}
