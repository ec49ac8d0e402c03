//! Certificates (RFC 5280), as far as chains need them.
//!
//! Kept small on purpose: RSA and ECDSA signatures, basic constraints, key usage, extended key usage, alternative names,
//! validity. A certificate with any other critical extension (name constraints, policies) is refused, never half understood.

use super::any_key::AnyKey;
use super::der::{BIT_STRING, Der, INTEGER, NotDer, OCTET_STRING, OID, SEQUENCE, UTF8_STRING};
use super::keys::Sha;
use super::moment::{Moment, moment};
use crate::part::printed;

/// digitalSignature, in the first byte of a key usage.
const DIGITAL_SIGNATURE: u8 = 0x80;
/// keyCertSign.
pub(super) const KEY_CERT_SIGN: u8 = 0x04;
/// id-kp-codeSigning.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// anyExtendedKeyUsage.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// id-kp-timeStamping.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
/// The list of signed certificate timestamps (RFC 6962, 3.3).
pub(super) const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
/// What Fulcio's extensions begin with (1.3.6.1.4.1.57264.1).
const FULCIO: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01];
/// Most alternative names that are read.
const MAX_NAMES: usize = 100;

/// A certificate, as far as chains need it.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    pub(super) tbs: Vec<u8>,
    /// The object identifier of how it is signed.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    /// What its issuer numbered it by.
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) from: Moment,
    pub(super) until: Moment,
    /// Its `SubjectPublicKeyInfo`.
    pub(super) key: Vec<u8>,
    pub(super) is_authority: bool,
    pub(super) path_len: Option<u64>,
    pub(super) usage: Option<u8>,
    /// Whether its extended usage, if it has one, has code signing in it.
    code_signing: Option<bool>,
    /// Whether time stamping is its one extended usage.
    pub(super) only_time_stamping: bool,
    /// Its alternative names: mail addresses, URIs, and the names of Fulcio's own kind.
    pub(super) names: Vec<String>,
    /// Who said so to Fulcio: the issuer of the identity token.
    pub(super) identity_provider: Option<String>,
    /// Signed certificate timestamps, as they stand in their extension.
    pub(super) scts: Option<Vec<u8>>,
    pub(super) unknown_critical: bool,
}

impl Certificate {
    /// Reads DER.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NotDer> {
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
        let serial = fields.take(INTEGER)?;
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
            serial: serial.body.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.whole.to_vec(),
            from,
            until,
            key: key.whole.to_vec(),
            is_authority: false,
            path_len: None,
            usage: None,
            code_signing: None,
            only_time_stamping: false,
            names: Vec::new(),
            identity_provider: None,
            scts: None,
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
                    let (mut signs, mut stamps, mut others) = (false, false, false);
                    while !usages.is_empty() {
                        let usage = usages.take(OID)?.body;
                        signs |= usage == CODE_SIGNING || usage == ANY_USAGE;
                        stamps |= usage == TIME_STAMPING;
                        others |= usage != TIME_STAMPING;
                    }
                    self.code_signing = Some(signs);
                    self.only_time_stamping = stamps && !others;
                }
                [0x55, 0x1d, 0x11] => self.read_names(value)?,
                SCT_LIST => self.scts = Some(Der::new(value).take(OCTET_STRING)?.body.to_vec()),
                _ if id.strip_prefix(FULCIO) == Some(&[8]) => {
                    let issuer = Der::new(value).take(UTF8_STRING)?.body;
                    self.identity_provider = Some(text(issuer)?);
                }
                // Its form of old, which is no DER.
                _ if id.strip_prefix(FULCIO) == Some(&[1]) && self.identity_provider.is_none() => {
                    self.identity_provider = Some(text(value)?);
                }
                _ => self.unknown_critical |= critical,
            }
        }
        Ok(())
    }

    /// Alternative names (RFC 5280, 4.2.1.6): mail addresses, URIs, and what Fulcio writes as names of its own kind.
    fn read_names(&mut self, value: &[u8]) -> Result<(), NotDer> {
        let mut names = Der::only(value, SEQUENCE)?;
        while !names.is_empty() {
            let name = names.next()?;
            match name.tag {
                0x81 | 0x86 => self.names.push(text(name.body)?),
                0xa0 => {
                    let mut other = Der::new(name.body);
                    let kind = other.take(OID)?.body;
                    let value = other.take(0xa0)?.body;
                    if kind.strip_prefix(FULCIO) == Some(&[7]) {
                        self.names.push(text(Der::new(value).take(UTF8_STRING)?.body)?);
                    }
                }
                _ => {}
            }
            if self.names.len() > MAX_NAMES {
                return Err(NotDer);
            }
        }
        Ok(())
    }

    /// Whether it may sign a model; an error says why not.
    pub(super) fn may_sign_models(&self) -> Result<(), String> {
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

    /// Whether another's key has signed it.
    pub(super) fn is_signed_by(&self, issuer: &Self) -> bool {
        let (sha, is_rsa) = match self.algorithm.as_slice() {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, which] => match which {
                0x0b => (Sha::Sha256, true),
                0x0c => (Sha::Sha384, true),
                0x0d => (Sha::Sha512, true),
                _ => return false,
            },
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => (Sha::Sha256, false),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => (Sha::Sha384, false),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => (Sha::Sha512, false),
            _ => return false,
        };
        let key = AnyKey::from_der(&issuer.key);
        matches!(key, AnyKey::Rsa(_)) == is_rsa && key.verifies_with(sha, &self.tbs, &self.signature)
    }

    /// Its common name, else the last name that it has.
    pub(super) fn name(&self) -> String {
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

fn small(bytes: &[u8]) -> Result<u64, NotDer> {
    match bytes {
        [byte @ 0..=0x7f] => Ok(u64::from(*byte)),
        _ => Err(NotDer),
    }
}

fn text(bytes: &[u8]) -> Result<String, NotDer> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NotDer)
}
