//! Keys on the curves that signatures of models use (P-256, P-384, P-521), and the digest that goes with each.

use lazaret_core::{Limit, hex};
use p521::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use ring::rand::SystemRandom;
use ring::{digest, signature as ring_signature};
use zeroize::Zeroizing;

use super::SignatureError;
use super::der::{self, BIT_STRING, Block, Der, INTEGER, NotDer, OCTET_STRING, OID, SEQUENCE};

/// Most bytes of a file with a key or certificates.
pub const MAX_KEY: Limit = Limit::new("signature.max_key", 1 << 20);

/// id-ecPublicKey (RFC 5480).
pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// A curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256, with SHA-256.
    P256,
    /// NIST P-384, with SHA-384.
    P384,
    /// NIST P-521, with SHA-512.
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Its object identifier (RFC 5480).
    const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    /// What stands before the point in a `SubjectPublicKeyInfo`.
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => &[
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
                0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ],
            Self::P384 => &[
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
                0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
            ],
            Self::P521 => &[
                0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                0x05, 0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
            ],
        }
    }

    /// Bytes of a coordinate.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(super) fn of_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// The digest that goes with it.
    const fn digest(self) -> Sha {
        match self {
            Self::P256 => Sha::Sha256,
            Self::P384 => Sha::Sha384,
            Self::P521 => Sha::Sha512,
        }
    }
}

/// A digest that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sha {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Sha {
    /// The digest of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// A public key on one of the curves.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    curve: Curve,
    /// The point, uncompressed (SEC 1, 2.3.3).
    point: Vec<u8>,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey").field("curve", &self.curve).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Reads a PEM text with one `SubjectPublicKeyInfo`.
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        let blocks = der::blocks(text);
        let [block] = blocks.as_slice() else {
            return Err(SignatureError::Key("it is no PEM text with one public key".to_owned()));
        };
        if block.label != "PUBLIC KEY" {
            return Err(SignatureError::Key(format!(
                "it holds a {}, not a PUBLIC KEY",
                crate::part::printed(block.label)
            )));
        }
        let der = block.bytes(MAX_KEY).ok_or_else(not_base64)?;
        Self::from_der(&der).map_err(SignatureError::Key)
    }

    /// Reads a `SubjectPublicKeyInfo`; an error says what it is instead.
    pub(super) fn from_der(bytes: &[u8]) -> Result<Self, String> {
        let no_key = |NotDer| "it is no SubjectPublicKeyInfo".to_owned();
        let mut info = Der::only(bytes, SEQUENCE).map_err(no_key)?;
        let mut algorithm = info.open(SEQUENCE).map_err(no_key)?;
        let kind = algorithm.take(OID).map_err(no_key)?;
        let point = info.bits().map_err(no_key)?;
        info.end().map_err(no_key)?;
        if kind.body != EC_PUBLIC_KEY {
            return Err(OTHER_KEY.to_owned());
        }
        let curve = algorithm.take(OID).ok().and_then(|oid| Curve::of_oid(oid.body));
        Self::new(curve.ok_or(OTHER_KEY)?, point)
    }

    fn new(curve: Curve, point: &[u8]) -> Result<Self, String> {
        match point.split_first() {
            Some((4, coordinates)) if coordinates.len() == curve.width().saturating_mul(2) => {
                Ok(Self { curve, point: point.to_vec() })
            }
            Some((2 | 3, _)) => Err("its point is compressed: write it uncompressed".to_owned()),
            _ => Err(format!("it holds no point of {}", curve.name())),
        }
    }

    /// Of a token's attributes: the curve's object identifier in DER, and the point, in an OCTET STRING or without (PKCS#11 2.40,
    /// 2.3.3).
    pub fn from_parts(curve: &[u8], point: &[u8]) -> Result<Self, SignatureError> {
        let oid = Der::new(curve).take(OID).ok().and_then(|oid| Curve::of_oid(oid.body));
        let curve = oid.ok_or_else(|| SignatureError::Key(OTHER_KEY.to_owned()))?;
        let mut wrapped = Der::new(point);
        let inner = wrapped.take(OCTET_STRING).ok().filter(|_| wrapped.is_empty()).map(|item| item.body);
        Self::new(curve, inner.unwrap_or(point)).map_err(SignatureError::Key)
    }

    /// Of P-256, by its uncompressed point.
    pub fn p256(point: &[u8]) -> Result<Self, SignatureError> {
        Self::new(Curve::P256, point).map_err(SignatureError::Key)
    }

    /// The digest of a message that goes with the curve: what a token signs.
    pub fn digest(&self, message: &[u8]) -> Vec<u8> {
        self.curve.digest().of(message)
    }

    /// A signature in DER (RFC 3279, 2.2.3), of its two numbers one after the other, as tokens give them.
    pub fn der_of_halves(&self, halves: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let (r, s) =
            halves.split_at_checked(self.curve.width()).filter(|(r, s)| r.len() == s.len()).ok_or_else(
                || SignatureError::Key(format!("the token gave no signature of {}", self.curve.name())),
            )?;
        let number = |bytes: &[u8]| {
            let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            let digits = bytes.get(from..).unwrap_or_default();
            let positive = if digits.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
            der::wrapped(INTEGER, &[positive, digits].concat())
        };
        Ok(der::wrapped(SEQUENCE, &[number(r), number(s)].concat()))
    }

    /// Its curve.
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// Its PEM text, as OpenSSL writes it.
    pub fn pem(&self) -> String {
        let mut der = self.curve.prefix().to_vec();
        der.extend_from_slice(&self.point);
        der::pem("PUBLIC KEY", &der)
    }

    /// What signatures name it by: the SHA-256 of its PEM text.
    pub fn hint(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.pem().as_bytes()).as_ref())
    }

    /// Whether this signature (DER) is of this message, by the digest that goes with the curve.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifies_with(self.curve.digest(), message, signature)
    }

    /// The same by another digest.
    pub(super) fn verifies_with(&self, sha: Sha, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn ring_signature::VerificationAlgorithm = match (self.curve, sha) {
            (Curve::P256, Sha::Sha256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            (Curve::P256, Sha::Sha384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            (Curve::P384, Sha::Sha256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            (Curve::P384, Sha::Sha384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            (Curve::P521, Sha::Sha512) => return self.verifies_p521(message, signature),
            _ => return false,
        };
        ring_signature::UnparsedPublicKey::new(algorithm, &self.point).verify(message, signature).is_ok()
    }

    fn verifies_p521(&self, message: &[u8], signature: &[u8]) -> bool {
        let hashed = digest::digest(&digest::SHA512, message);
        let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&self.point);
        let signature = p521::ecdsa::Signature::from_der(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(hashed.as_ref(), &signature).is_ok())
    }
}

const OTHER_KEY: &str =
    "it is no key on P-256, P-384 or P-521: signatures of models take no other (no RSA, no Ed25519)";

fn not_base64() -> SignatureError {
    SignatureError::Key("its PEM text is not base64".to_owned())
}

/// A private key on one of the curves.
pub struct PrivateKey {
    public: PublicKey,
    signer: Signer,
}

enum Signer {
    Ring(Box<ring_signature::EcdsaKeyPair>),
    P521(Box<p521::ecdsa::SigningKey>),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Reads a PEM text with one private key: PKCS#8 (`PRIVATE KEY`, RFC 5958) or SEC 1 (`EC PRIVATE KEY`, RFC 5915).
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        let blocks = der::blocks(text);
        let keys: Vec<&Block<'_>> = blocks.iter().filter(|block| block.label != "EC PARAMETERS").collect();
        let [block] = keys.as_slice() else {
            return Err(SignatureError::Key("it is no PEM text with one private key".to_owned()));
        };
        if block.is_encrypted() {
            return Err(SignatureError::Key(
                "it is encrypted: decrypt it first (`openssl pkcs8 -in KEY -out PLAIN`)".to_owned(),
            ));
        }
        let is_pkcs8 = match block.label {
            "PRIVATE KEY" => true,
            "EC PRIVATE KEY" => false,
            label => {
                return Err(SignatureError::Key(format!(
                    "it holds a {}, not a PRIVATE KEY or EC PRIVATE KEY",
                    crate::part::printed(label)
                )));
            }
        };
        let der = Zeroizing::new(block.bytes(MAX_KEY).ok_or_else(not_base64)?);
        let no_key = |NotDer| SignatureError::Key("it is no private key of RFC 5958 or RFC 5915".to_owned());
        if is_pkcs8 {
            let (curve, inner) = inside_pkcs8(&der).map_err(no_key)?;
            let curve = curve.ok_or_else(|| SignatureError::Key(OTHER_KEY.to_owned()))?;
            Self::from_sec1(inner, Some(curve))
        } else {
            Self::from_sec1(&der, None)
        }
    }

    fn from_sec1(der: &[u8], curve: Option<Curve>) -> Result<Self, SignatureError> {
        let no_key = |NotDer| SignatureError::Key("it is no private key of RFC 5915".to_owned());
        let parts = inside_sec1(der).map_err(no_key)?;
        let curve = curve.or(parts.curve).ok_or_else(|| SignatureError::Key(OTHER_KEY.to_owned()))?;
        if curve == Curve::P521 {
            return Self::p521(&parts);
        }
        let point = parts.point.ok_or_else(|| {
            SignatureError::Key(
                "it holds its private half alone: write it anew with `openssl pkey -in KEY -out NEW`"
                    .to_owned(),
            )
        })?;
        let public = PublicKey::new(curve, point).map_err(SignatureError::Key)?;
        let algorithm = if curve == Curve::P256 {
            &ring_signature::ECDSA_P256_SHA256_ASN1_SIGNING
        } else {
            &ring_signature::ECDSA_P384_SHA384_ASN1_SIGNING
        };
        let random = SystemRandom::new();
        let pair = ring_signature::EcdsaKeyPair::from_private_key_and_public_key(
            algorithm,
            parts.secret,
            &public.point,
            &random,
        );
        let pair = pair.map_err(|refused| SignatureError::Key(format!("it is refused: {refused}")))?;
        Ok(Self { public, signer: Signer::Ring(Box::new(pair)) })
    }

    fn p521(parts: &Sec1<'_>) -> Result<Self, SignatureError> {
        let refused = |_| SignatureError::Key("it is no private key of P-521".to_owned());
        let signer = p521::ecdsa::SigningKey::from_slice(parts.secret).map_err(refused)?;
        let point = signer.verifying_key().to_sec1_point(false);
        let public = PublicKey::new(Curve::P521, point.as_bytes()).map_err(SignatureError::Key)?;
        if parts.point.is_some_and(|point| point != public.point) {
            return Err(SignatureError::Key("its public half is of another key".to_owned()));
        }
        Ok(Self { public, signer: Signer::P521(Box::new(signer)) })
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message by the digest that goes with the curve; DER.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let failed = || SignatureError::Key("signing failed".to_owned());
        match &self.signer {
            Signer::Ring(pair) => {
                let signed = pair.sign(&SystemRandom::new(), message).map_err(|_| failed())?;
                Ok(signed.as_ref().to_vec())
            }
            Signer::P521(key) => {
                let hashed = digest::digest(&digest::SHA512, message);
                let signed: p521::ecdsa::Signature =
                    key.sign_prehash(hashed.as_ref()).map_err(|_| failed())?;
                Ok(signed.to_der().as_bytes().to_vec())
            }
        }
    }
}

/// The curve and the key within a PKCS#8 key.
fn inside_pkcs8(der: &[u8]) -> Result<(Option<Curve>, &[u8]), NotDer> {
    let mut info = Der::only(der, SEQUENCE)?;
    info.take(INTEGER)?;
    let mut algorithm = info.open(SEQUENCE)?;
    let kind = algorithm.take(OID)?;
    let inner = info.take(OCTET_STRING)?;
    if kind.body != EC_PUBLIC_KEY {
        return Ok((None, inner.body));
    }
    Ok((algorithm.take(OID).ok().and_then(|oid| Curve::of_oid(oid.body)), inner.body))
}

/// What is in a SEC 1 key.
struct Sec1<'a> {
    secret: &'a [u8],
    curve: Option<Curve>,
    point: Option<&'a [u8]>,
}

fn inside_sec1(der: &[u8]) -> Result<Sec1<'_>, NotDer> {
    let mut key = Der::only(der, SEQUENCE)?;
    if key.take(INTEGER)?.body != [1] {
        return Err(NotDer);
    }
    let secret = key.take(OCTET_STRING)?.body;
    let curve = match key.optional(0xa0)? {
        Some(parameters) => Curve::of_oid(Der::new(parameters.body).take(OID)?.body),
        None => None,
    };
    let point = match key.optional(0xa1)? {
        Some(public) => Some(der::whole_bytes(Der::new(public.body).take(BIT_STRING)?.body)?),
        None => None,
    };
    Ok(Sec1 { secret, curve, point })
}
