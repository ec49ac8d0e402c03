//! A timestamp of an authority of time (RFC 3161, with the signed message of RFC 5652): that a signature was there at a moment.

use super::root::{Authority, TrustRoot};
use crate::signature::any_key::{AnyKey, sha256};
use crate::signature::certificates;
use crate::signature::der::{
    Der, GENERALIZED_TIME, INTEGER, NotDer, OCTET_STRING, OID, SEQUENCE, SET, wrapped,
};
use crate::signature::keys::Sha;
use crate::signature::moment::Moment;
use crate::signature::x509::Certificate;

/// id-signedData.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// id-ct-TSTInfo.
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// id-contentType.
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// id-messageDigest.
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// id-aa-signingCertificateV2 (RFC 5035).
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
/// Most certificates of a timestamp.
const MAX_CERTIFICATES: usize = 16;

/// Checks the answer of an authority over a signature; gives the time. An error says why it does not count.
pub(super) fn check(answer: &[u8], signature: &[u8], root: &TrustRoot) -> Result<Moment, String> {
    let token = Token::read(answer).map_err(|_| "its timestamp is not of RFC 3161")?;
    if token.imprint.0.of(signature) != token.imprint.1 {
        return Err("its timestamp is of another signature".to_owned());
    }
    if token.content_type != TST_INFO || token.digest.of(token.content) != token.message_digest {
        return Err("its timestamp signs for other content than it carries".to_owned());
    }
    let signed = wrapped(SET, token.attributes);
    let mut why = "no authority of time that is trusted has signed its timestamp".to_owned();
    for authority in root.time_authorities.iter().filter(|authority| authority.was_trusted(token.time)) {
        let mut known: Vec<&Certificate> = authority.all().collect();
        known.extend(&token.certificates);
        for certificate in known {
            let is_named = certificate.serial == token.serial && certificate.issuer == token.issuer;
            if is_named
                && AnyKey::from_der(&certificate.key).verifies_with(token.digest, &signed, token.signature)
            {
                match token.may_be_by(certificate, authority) {
                    Ok(()) => return Ok(token.time),
                    Err(refused) => why = refused,
                }
            }
        }
    }
    Err(why)
}

struct Token<'a> {
    /// `TSTInfo`.
    content: &'a [u8],
    imprint: (Sha, &'a [u8]),
    time: Moment,
    certificates: Vec<Certificate>,
    /// Which certificate signed.
    issuer: &'a [u8],
    serial: &'a [u8],
    digest: Sha,
    /// The signed attributes, without their tag.
    attributes: &'a [u8],
    content_type: &'a [u8],
    message_digest: &'a [u8],
    /// SHA-256 of the certificate that signed, where it is named so.
    certificate_digest: Option<&'a [u8]>,
    signature: &'a [u8],
}

impl<'a> Token<'a> {
    fn read(answer: &'a [u8]) -> Result<Self, NotDer> {
        let mut answer = Der::only(answer, SEQUENCE)?;
        // Granted, or granted with changes.
        if !matches!(answer.open(SEQUENCE)?.take(INTEGER)?.body, [0 | 1]) {
            return Err(NotDer);
        }
        let mut content = answer.open(SEQUENCE)?;
        answer.end()?;
        if content.take(OID)?.body != SIGNED_DATA {
            return Err(NotDer);
        }
        let mut data = Der::only(content.take(0xa0)?.body, SEQUENCE)?;
        data.take(INTEGER)?;
        data.take(SET)?;
        let mut inner = data.open(SEQUENCE)?;
        if inner.take(OID)?.body != TST_INFO {
            return Err(NotDer);
        }
        let content = Der::new(inner.take(0xa0)?.body).take(OCTET_STRING)?.body;
        let mut certificates = Vec::new();
        if let Some(list) = data.optional(0xa0)? {
            let mut list = Der::new(list.body);
            while !list.is_empty() {
                certificates.push(Certificate::read(list.take(SEQUENCE)?.whole)?);
                if certificates.len() > MAX_CERTIFICATES {
                    return Err(NotDer);
                }
            }
        }
        data.optional(0xa1)?;
        let mut signers = data.open(SET)?;
        let mut signer = signers.open(SEQUENCE)?;
        signers.end()?;
        signer.take(INTEGER)?;
        let mut named = signer.open(SEQUENCE)?;
        let (issuer, serial) = (named.take(SEQUENCE)?.whole, named.take(INTEGER)?.body);
        let digest = sha(&mut signer)?;
        let attributes = signer.take(0xa0)?.body;
        signer.take(SEQUENCE)?;
        let signature = signer.take(OCTET_STRING)?.body;

        let mut info = Der::only(content, SEQUENCE)?;
        info.take(INTEGER)?;
        info.take(OID)?;
        let mut imprint = info.open(SEQUENCE)?;
        let imprint = (sha(&mut imprint)?, imprint.take(OCTET_STRING)?.body);
        info.take(INTEGER)?;
        let time = time(info.take(GENERALIZED_TIME)?.body)?;
        let mut token = Self {
            content,
            imprint,
            time,
            certificates,
            issuer,
            serial,
            digest,
            attributes,
            content_type: &[],
            message_digest: &[],
            certificate_digest: None,
            signature,
        };
        token.read_attributes()?;
        Ok(token)
    }

    fn read_attributes(&mut self) -> Result<(), NotDer> {
        let mut attributes = Der::new(self.attributes);
        let mut seen: Vec<&[u8]> = Vec::new();
        while !attributes.is_empty() {
            let mut attribute = attributes.open(SEQUENCE)?;
            let kind = attribute.take(OID)?.body;
            let mut value = attribute.open(SET)?;
            if seen.contains(&kind) || seen.len() > MAX_CERTIFICATES {
                return Err(NotDer);
            }
            seen.push(kind);
            match kind {
                CONTENT_TYPE => self.content_type = value.take(OID)?.body,
                MESSAGE_DIGEST => self.message_digest = value.take(OCTET_STRING)?.body,
                SIGNING_CERTIFICATE => {
                    let mut first = value.open(SEQUENCE)?.open(SEQUENCE)?.open(SEQUENCE)?;
                    // Another digest than SHA-256, which is the one left out, is not understood here.
                    let is_sha256 = match first.optional(SEQUENCE)? {
                        Some(named) => Der::new(named.body).take(OID)?.body.last() == Some(&1),
                        None => true,
                    };
                    self.certificate_digest = Some(first.take(OCTET_STRING)?.body).filter(|_| is_sha256);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether this certificate may sign timestamps, and leads to this authority.
    fn may_be_by(&self, certificate: &Certificate, authority: &Authority) -> Result<(), String> {
        if self.certificate_digest.is_some_and(|digest| digest != sha256(&certificate.der)) {
            return Err("its timestamp names another certificate than the one that signed it".to_owned());
        }
        if !certificate.only_time_stamping || certificate.unknown_critical {
            return Err(format!("the certificate of `{}` may not sign timestamps", certificate.name()));
        }
        if self.time < certificate.from || self.time > certificate.until {
            return Err(format!(
                "the certificate of `{}` was not valid at its timestamp",
                certificate.name()
            ));
        }
        let mut between = authority.between.clone();
        between.extend(self.certificates.iter().cloned());
        certificates::leads_to_trust(certificate, &between, &authority.anchors, self.time)
    }
}

/// The digest that an `AlgorithmIdentifier` names.
fn sha(der: &mut Der<'_>) -> Result<Sha, NotDer> {
    match der.open(SEQUENCE)?.take(OID)?.body {
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => Ok(Sha::Sha256),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => Ok(Sha::Sha384),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => Ok(Sha::Sha512),
        _ => Err(NotDer),
    }
}

/// A `GeneralizedTime`, with a fraction or without (RFC 3161, 2.4.2).
fn time(text: &[u8]) -> Result<Moment, NotDer> {
    let digits = text.strip_suffix(b"Z").ok_or(NotDer)?;
    let (time, fraction) = digits.split_at_checked(14).ok_or(NotDer)?;
    let fraction_is_right = fraction.is_empty()
        || fraction.strip_prefix(b".").is_some_and(|rest| rest.iter().all(u8::is_ascii_digit));
    if time.iter().all(u8::is_ascii_digit) && fraction_is_right {
        time.try_into().map_err(|_| NotDer)
    } else {
        Err(NotDer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_fractions_or_none() {
        assert_eq!(time(b"20251010021220Z").unwrap(), *b"20251010021220");
        assert_eq!(time(b"20251010021220.25Z").unwrap(), *b"20251010021220");
        assert!(time(b"20251010021220").is_err() && time(b"2025101002122xZ").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Token::read(&bytes);
            let granted = [&[0x30, 3, 2, 1, 0][..], &wrapped(SEQUENCE, &bytes)].concat();
            let _ = Token::read(&wrapped(SEQUENCE, &granted));
        }
    }
}
