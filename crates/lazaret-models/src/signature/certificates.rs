//! The certificate that a signature is made with, and its chain to one that the hospital trusts (RFC 5280, 6.1). Web
//! verifiers cannot be used here: signing certificates of models in use say that they are authorities themselves.
//!
//! Names are compared byte for byte. Revocation is not asked for: that would need the network.

use super::SignatureError;
use super::any_key::sha256_hex;
use super::der::{self, NotDer};
use super::keys::{MAX_KEY, PublicKey};
use super::moment::{Moment, date};
use super::x509::{Certificate, KEY_CERT_SIGN};
use crate::part::printed;

/// Most certificates between a signing certificate and a trusted one.
const MAX_BETWEEN: usize = 8;
/// Most signatures that are checked to find a chain.
const MAX_CHECKS: usize = 200;
/// Most certificates of a bundle or a file of trusted ones.
const MAX_CERTIFICATES: usize = 1_000;

/// Certificates that the hospital trusts: what they signed, directly or through others, is taken.
#[derive(Debug, Clone)]
pub struct Trusted {
    anchors: Vec<Certificate>,
}

impl Trusted {
    /// Reads the certificates of PEM texts.
    pub fn from_pem<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SignatureError> {
        let mut anchors = Vec::new();
        for text in texts {
            for block in der::blocks(text) {
                let number = anchors.len().saturating_add(1);
                let wrong = |why: &str| SignatureError::Certificates(format!("certificate {number}: {why}"));
                if block.label != "CERTIFICATE" {
                    return Err(wrong(&format!("a {}, not a CERTIFICATE", printed(block.label))));
                }
                let bytes = block.bytes(MAX_KEY).ok_or_else(|| wrong("its PEM text is not base64"))?;
                anchors.push(Certificate::read(&bytes).map_err(|NotDer| wrong("not of RFC 5280"))?);
                if anchors.len() > MAX_CERTIFICATES {
                    return Err(wrong("more than are taken"));
                }
            }
        }
        if anchors.is_empty() {
            return Err(SignatureError::Certificates("no certificate in PEM".to_owned()));
        }
        Ok(Self { anchors })
    }
}

/// What a model is signed with beside its key: the signing certificate, and those between it and a trusted one.
#[derive(Debug, Clone)]
pub struct SigningChain {
    /// DER, the signing one first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// The signing one's name.
    pub(super) name: String,
}

impl SigningChain {
    /// Reads PEM texts: one with the signing certificate, which must be that of the key and may sign models, and those with the
    /// rest of its chain.
    pub fn from_pem<'a>(
        signing: &str,
        chain: impl IntoIterator<Item = &'a str>,
        key: &PublicKey,
    ) -> Result<Self, SignatureError> {
        let wrong = |why: String| SignatureError::Certificates(why);
        let mut signing = Trusted::from_pem([signing])?.anchors;
        let leaf = signing.pop().filter(|_| signing.is_empty());
        let leaf = leaf.ok_or_else(|| wrong("more than one signing certificate".to_owned()))?;
        leaf.may_sign_models().map_err(wrong)?;
        if PublicKey::from_der(&leaf.key).as_ref() != Ok(key) {
            let why =
                format!("the signing certificate of `{}` is of another key than the one given", leaf.name());
            return Err(wrong(why));
        }
        let mut certificates = vec![leaf.der.clone()];
        for text in chain {
            certificates
                .extend(Trusted::from_pem([text])?.anchors.into_iter().map(|certificate| certificate.der));
        }
        if certificates.len() > MAX_CERTIFICATES {
            return Err(wrong("more certificates than are taken".to_owned()));
        }
        Ok(Self { certificates, name: leaf.name() })
    }
}

/// A signing certificate whose chain leads to a trusted one.
pub(super) struct Signing {
    pub(super) key: PublicKey,
    pub(super) name: String,
    /// SHA-256 of the certificate.
    pub(super) fingerprint: String,
    /// `2025-05-02`.
    pub(super) from: String,
    pub(super) until: String,
}

/// Checks the chain of a bundle, leaf first, at the moment from which the leaf is valid: when it signed is not known. An error
/// says why it is not trusted.
pub(super) fn check(chain: &[Vec<u8>], trusted: &Trusted) -> Result<Signing, String> {
    if chain.len() > MAX_CERTIFICATES {
        return Err(format!("the signature carries {} certificates", chain.len()));
    }
    let mut certificates = Vec::new();
    for (number, der) in chain.iter().enumerate() {
        let certificate = Certificate::read(der)
            .map_err(|NotDer| format!("certificate {number} of the signature is not of RFC 5280"))?;
        certificates.push(certificate);
    }
    let Some((leaf, between)) = certificates.split_first() else {
        return Err("the signature carries no certificate".to_owned());
    };
    leaf.may_sign_models()?;
    let key =
        PublicKey::from_der(&leaf.key).map_err(|why| format!("the signing certificate's key: {why}"))?;
    if !trusted.anchors.iter().any(|anchor| anchor.der == leaf.der) {
        leads_to_trust(leaf, between, &trusted.anchors, leaf.from)?;
    }
    Ok(Signing {
        key,
        name: leaf.name(),
        fingerprint: sha256_hex(&leaf.der),
        from: date(leaf.from),
        until: date(leaf.until),
    })
}

/// Whether a certificate leads to one of the anchors, directly or over those between, all of them valid at a moment. An error
/// says why not.
pub(super) fn leads_to_trust(
    leaf: &Certificate,
    between: &[Certificate],
    anchors: &[Certificate],
    at: Moment,
) -> Result<(), String> {
    let mut search = Search { between, anchors, at, checks: 0, why: None };
    if search.leads_to_trust(leaf) {
        return Ok(());
    }
    Err(search.why.unwrap_or_else(|| {
        format!(
            "no certificate that is trusted or that the signature carries has signed the one of `{}`",
            leaf.name()
        )
    }))
}

struct Search<'a> {
    between: &'a [Certificate],
    anchors: &'a [Certificate],
    at: Moment,
    checks: usize,
    /// Why the last candidate was refused.
    why: Option<String>,
}

impl Search<'_> {
    /// Goes up from a certificate, depth first, over every certificate that has signed it.
    fn leads_to_trust(&mut self, leaf: &Certificate) -> bool {
        let (between, anchors) = (self.between, self.anchors);
        // Each step: the certificate, and those below it, the leaf left out.
        let mut open: Vec<(&Certificate, Vec<&Certificate>)> = vec![(leaf, Vec::new())];
        while let Some((certificate, below)) = open.pop() {
            for anchor in anchors {
                if self.has_signed(anchor, certificate, &below) {
                    return true;
                }
            }
            if below.len() >= MAX_BETWEEN {
                continue;
            }
            for issuer in between {
                let is_new = !below.iter().any(|known| known.der == issuer.der);
                if is_new && self.has_signed(issuer, certificate, &below) {
                    let mut below = below.clone();
                    below.push(issuer);
                    open.push((issuer, below));
                }
            }
        }
        false
    }

    fn has_signed(
        &mut self,
        issuer: &Certificate,
        certificate: &Certificate,
        below: &[&Certificate],
    ) -> bool {
        if issuer.subject != certificate.issuer || self.checks >= MAX_CHECKS {
            return false;
        }
        self.checks = self.checks.saturating_add(1);
        if !certificate.is_signed_by(issuer) {
            return false;
        }
        // Certificates that only renew a name do not count (RFC 5280, 4.2.1.9).
        let counted = below.iter().filter(|certificate| certificate.subject != certificate.issuer).count();
        let refused = if !issuer.is_authority {
            "is no authority"
        } else if issuer.usage.is_some_and(|usage| usage & KEY_CERT_SIGN == 0) {
            "may not sign certificates"
        } else if issuer.path_len.is_some_and(|most| counted as u64 > most) {
            "allows fewer certificates below it"
        } else if issuer.unknown_critical {
            "has a critical extension that is not understood here"
        } else if self.at < issuer.from || self.at > issuer.until {
            "was not valid when the signing certificate was used"
        } else {
            return true;
        };
        self.why = Some(format!("the certificate of `{}` {refused}", issuer.name()));
        false
    }
}
