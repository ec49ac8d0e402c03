//! The certificate that a signature is made with, and its chain to one that the hospital trusts (RFC 5280, 6.1). Web
//! verifiers cannot be used here: signing certificates of models in use say that they are authorities themselves.
//!
//! Kept small on purpose: RSA and ECDSA signatures, basic constraints, key usage, extended key usage, validity at one moment.
//! A certificate with any other critical extension (name constraints, policies) is refused, never half understood. Names are
//! compared byte for byte. Revocation is not asked for: that would need the network.

use lazaret_core::hex;
use ring::digest;
use ring::signature::{self as ring_signature, VerificationAlgorithm};

use super::SignatureError;
use super::der::{self, BIT_STRING, Der, INTEGER, NotDer, OCTET_STRING, OID, SEQUENCE};
use super::keys::{EC_PUBLIC_KEY, MAX_KEY, PublicKey, Sha};
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
        let mut search = Search { between, trusted, at: leaf.from, checks: 0, why: None };
        if !search.leads_to_trust(leaf) {
            return Err(search.why.unwrap_or_else(|| {
                format!(
                    "no certificate that is trusted or that the signature carries has signed the one of `{}`",
                    leaf.name()
                )
            }));
        }
    }
    Ok(Signing {
        key,
        name: leaf.name(),
        fingerprint: hex(digest::digest(&digest::SHA256, &leaf.der).as_ref()),
        from: date(leaf.from),
        until: date(leaf.until),
    })
}

/// `20250502233628` as digits.
type Moment = [u8; 14];

fn date(moment: Moment) -> String {
    let digits = moment.map(char::from);
    let text = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().iter().collect::<String>();
    [text(0, 4), text(4, 6), text(6, 8)].join("-")
}

struct Search<'a> {
    between: &'a [Certificate],
    trusted: &'a Trusted,
    at: Moment,
    checks: usize,
    /// Why the last candidate was refused.
    why: Option<String>,
}

impl Search<'_> {
    /// Goes up from a certificate, depth first, over every certificate that has signed it.
    fn leads_to_trust(&mut self, leaf: &Certificate) -> bool {
        let (between, trusted) = (self.between, self.trusted);
        // Each step: the certificate, and those below it, the leaf left out.
        let mut open: Vec<(&Certificate, Vec<&Certificate>)> = vec![(leaf, Vec::new())];
        while let Some((certificate, below)) = open.pop() {
            for anchor in &trusted.anchors {
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
            "was not valid when the signing certificate began"
        } else {
            return true;
        };
        self.why = Some(format!("the certificate of `{}` {refused}", issuer.name()));
        false
    }
}

/// digitalSignature, in the first byte of a key usage.
const DIGITAL_SIGNATURE: u8 = 0x80;
/// keyCertSign.
const KEY_CERT_SIGN: u8 = 0x04;
/// id-kp-codeSigning.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// anyExtendedKeyUsage.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// A certificate, as far as chains need it.
#[derive(Debug, Clone)]
struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    /// The object identifier of how it is signed.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    from: Moment,
    until: Moment,
    /// Its `SubjectPublicKeyInfo`.
    key: Vec<u8>,
    is_authority: bool,
    path_len: Option<u64>,
    usage: Option<u8>,
    /// Whether its extended usage, if it has one, has code signing in it.
    code_signing: Option<bool>,
    unknown_critical: bool,
}

impl Certificate {
    fn read(bytes: &[u8]) -> Result<Self, NotDer> {
        let mut outer = Der::only(bytes, SEQUENCE)?;
        let tbs = outer.take(SEQUENCE)?;
        let algorithm = outer.take(SEQUENCE)?;
        let signature = outer.bits()?;
        outer.end()?;

        let mut fields = Der::new(tbs.body);
        let version = fields.optional(0xa0)?.map(|version| version.body);
        if version != Some(&[2, 1, 2]) {
            return Err(NotDer); // without version 3 there is no saying what it may be used for
        }
        fields.take(INTEGER)?;
        if fields.take(SEQUENCE)?.whole != algorithm.whole {
            return Err(NotDer);
        }
        let issuer = fields.take(SEQUENCE)?;
        let mut validity = fields.open(SEQUENCE)?;
        let (from, until) = (moment(&mut validity)?, moment(&mut validity)?);
        let subject = fields.take(SEQUENCE)?;
        let key = fields.take(SEQUENCE)?;
        let mut certificate = Self {
            der: bytes.to_vec(),
            tbs: tbs.whole.to_vec(),
            algorithm: Der::new(algorithm.body).take(OID)?.body.to_vec(),
            signature: signature.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.whole.to_vec(),
            from,
            until,
            key: key.whole.to_vec(),
            is_authority: false,
            path_len: None,
            usage: None,
            code_signing: None,
            unknown_critical: false,
        };
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        if let Some(extensions) = fields.optional(0xa3)? {
            certificate.read_extensions(extensions.body)?;
        }
        fields.end()?;
        Ok(certificate)
    }

    fn read_extensions(&mut self, bytes: &[u8]) -> Result<(), NotDer> {
        let mut extensions = Der::only(bytes, SEQUENCE)?;
        let mut seen: Vec<&[u8]> = Vec::new();
        while !extensions.is_empty() {
            let mut extension = extensions.open(SEQUENCE)?;
            let id = extension.take(OID)?.body;
            let critical = extension.optional(0x01)?.is_some_and(|flag| flag.body != [0]);
            let value = extension.take(OCTET_STRING)?.body;
            extension.end()?;
            if seen.contains(&id) {
                return Err(NotDer);
            }
            seen.push(id);
            match id {
                [0x55, 0x1d, 0x13] => {
                    let mut constraints = Der::only(value, SEQUENCE)?;
                    self.is_authority = constraints.optional(0x01)?.is_some_and(|flag| flag.body != [0]);
                    self.path_len = match constraints.optional(INTEGER)? {
                        Some(len) => Some(small(len.body)?),
                        None => None,
                    };
                }
                [0x55, 0x1d, 0x0f] => {
                    let bits = Der::new(value).take(BIT_STRING)?.body;
                    self.usage = Some(bits.get(1).copied().unwrap_or(0));
                }
                [0x55, 0x1d, 0x25] => {
                    let mut usages = Der::only(value, SEQUENCE)?;
                    let mut signs = false;
                    while !usages.is_empty() {
                        let usage = usages.take(OID)?.body;
                        signs |= usage == CODE_SIGNING || usage == ANY_USAGE;
                    }
                    self.code_signing = Some(signs);
                }
                _ => self.unknown_critical |= critical,
            }
        }
        Ok(())
    }

    fn may_sign_models(&self) -> Result<(), String> {
        let refused = if self.unknown_critical {
            "has a critical extension that is not understood here"
        } else if self.usage.is_some_and(|usage| usage & DIGITAL_SIGNATURE == 0) {
            "may not be used for signatures (key usage)"
        } else if self.code_signing == Some(false) {
            "may not be used to sign code (extended key usage)"
        } else if self.usage.is_none() && self.code_signing.is_none() {
            "does not say that it may be used for signatures (no key usage)"
        } else {
            return Ok(());
        };
        Err(format!("the signing certificate of `{}` {refused}", self.name()))
    }

    fn is_signed_by(&self, issuer: &Self) -> bool {
        let sha = match self.algorithm.as_slice() {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, which] => {
                return self.is_signed_with_rsa(issuer, *which);
            }
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => Sha::Sha256,
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => Sha::Sha384,
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => Sha::Sha512,
            _ => return false,
        };
        PublicKey::from_der(&issuer.key).is_ok_and(|key| key.verifies_with(sha, &self.tbs, &self.signature))
    }

    fn is_signed_with_rsa(&self, issuer: &Self, which: u8) -> bool {
        let algorithm: &dyn VerificationAlgorithm = match which {
            0x0b => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
            0x0c => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
            0x0d => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            _ => return false,
        };
        let key = rsa_key(&issuer.key).unwrap_or_default();
        ring_signature::UnparsedPublicKey::new(algorithm, key).verify(&self.tbs, &self.signature).is_ok()
    }

    /// Its common name, else the last name that it has.
    fn name(&self) -> String {
        let mut name = "";
        let mut is_common = false;
        let mut sets = Der::only(&self.subject, SEQUENCE).unwrap_or(Der::new(&[]));
        while let Ok(set) = sets.next() {
            let mut pairs = Der::new(set.body);
            while let Ok(mut pair) = pairs.open(SEQUENCE) {
                let (Ok(kind), Ok(value)) = (pair.take(OID), pair.next()) else { break };
                let common = kind.body == [0x55, 0x04, 0x03];
                if let Some(text) = std::str::from_utf8(value.body).ok().filter(|_| common || !is_common) {
                    name = text;
                    is_common |= common;
                }
            }
        }
        printed(name)
    }
}

/// The `RSAPublicKey` within a `SubjectPublicKeyInfo`.
fn rsa_key(info: &[u8]) -> Result<&[u8], NotDer> {
    let mut info = Der::only(info, SEQUENCE)?;
    let kind = info.open(SEQUENCE)?.take(OID)?.body;
    if kind == EC_PUBLIC_KEY || kind != [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] {
        return Err(NotDer);
    }
    info.bits()
}

fn small(bytes: &[u8]) -> Result<u64, NotDer> {
    match bytes {
        [byte @ 0..=0x7f] => Ok(u64::from(*byte)),
        _ => Err(NotDer),
    }
}

/// `UTCTime` or `GeneralizedTime` (RFC 5280, 4.1.2.5).
fn moment(validity: &mut Der<'_>) -> Result<Moment, NotDer> {
    let item = validity.next()?;
    let digits = item.body.strip_suffix(b"Z").ok_or(NotDer)?;
    let mut moment = Vec::with_capacity(14);
    match item.tag {
        0x17 => moment.extend_from_slice(if digits.first() >= Some(&b'5') { b"19" } else { b"20" }),
        0x18 => {}
        _ => return Err(NotDer),
    }
    moment.extend_from_slice(digits);
    let moment: Moment = moment.try_into().map_err(|_| NotDer)?;
    if moment.iter().all(u8::is_ascii_digit) { Ok(moment) } else { Err(NotDer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_compare_as_times_do() {
        let read = |bytes: &[u8]| moment(&mut Der::new(bytes));
        let early = read(b"\x17\x0d991231235959Z").unwrap();
        let late = read(b"\x18\x0f20500101000000Z").unwrap();
        let between = read(b"\x17\x0d250502233628Z").unwrap();
        assert!(early < between && between < late);
        assert_eq!(date(between), "2025-05-02");
        assert!(read(b"\x17\x0b2505022336Z").is_err() && read(b"\x17\x0d25050223362aZ").is_err());
    }
}
