//! The signed certificate timestamp within a certificate (RFC 6962, 3): a log of certificates has signed that it knows this one,
//! so that an authority cannot write certificates that nobody hears of.

use super::root::{Log, TrustRoot};
use crate::signature::any_key::sha256;
use crate::signature::der::{Der, NotDer, OID, SEQUENCE, wrapped};
use crate::signature::keys::Sha;
use crate::signature::moment::of_seconds;
use crate::signature::x509::{Certificate, SCT_LIST};

/// Most timestamps that are checked.
const MAX_TIMESTAMPS: usize = 16;

/// Whether a trusted log of certificates has signed for this one. An error says why not.
pub(super) fn check(leaf: &Certificate, issuer: &Certificate, root: &TrustRoot) -> Result<(), String> {
    let list = leaf.scts.as_deref().ok_or("no log of certificates knows the signing certificate (no SCT)")?;
    let without = tbs_without_scts(&leaf.tbs).map_err(|_| "the signing certificate cannot be read again")?;
    let issuer_key = sha256(&issuer.key);
    let stamps = stamps(list).ok_or("the timestamps of logs of certificates are malformed")?;
    let mut why = "no trusted log of certificates has signed for the signing certificate";
    for stamp in stamps {
        for log in root.certificate_logs.iter().filter(|log| log.id == stamp.log) {
            match stamp.is_right(&issuer_key, &without, log) {
                Ok(()) => return Ok(()),
                Err(wrong) => why = wrong,
            }
        }
    }
    Err(why.to_owned())
}

struct Stamp<'a> {
    log: &'a [u8],
    /// Milliseconds since 1970, as it stands there.
    time: &'a [u8],
    extensions: &'a [u8],
    signature: &'a [u8],
}

impl Stamp<'_> {
    fn is_right(&self, issuer_key: &[u8], tbs: &[u8], log: &Log) -> Result<(), &'static str> {
        // Version 1, a timestamp of a certificate; of one that was not yet signed (RFC 6962, 3.2).
        let mut signed = vec![0, 0];
        signed.extend_from_slice(self.time);
        signed.extend_from_slice(&[0, 1]);
        signed.extend_from_slice(issuer_key);
        signed.extend_from_slice(tbs.len().to_be_bytes().last_chunk::<3>().unwrap_or(&[0; 3]));
        signed.extend_from_slice(tbs);
        signed.extend_from_slice(self.extensions.len().to_be_bytes().last_chunk::<2>().unwrap_or(&[0; 2]));
        signed.extend_from_slice(self.extensions);
        if !log.key.verifies_with(Sha::Sha256, &signed, self.signature) {
            return Err("the log of certificates has not signed for this certificate");
        }
        let millis = self.time.iter().fold(0_u64, |millis, byte| (millis << 8) | u64::from(*byte));
        match of_seconds(millis / 1_000) {
            Some(time) if log.was_trusted(time) => Ok(()),
            _ => Err("the log of certificates was not trusted when it signed"),
        }
    }
}

/// The timestamps of version 1 that are signed by SHA-256.
fn stamps(list: &[u8]) -> Option<Vec<Stamp<'_>>> {
    let mut all = list;
    let mut all = vector(&mut all).filter(|_| all.is_empty())?;
    let mut stamps = Vec::new();
    while !all.is_empty() {
        let mut stamp = vector(&mut all)?;
        let [version] = take(&mut stamp, 1)? else { return None };
        if *version != 0 {
            continue; // of another version: not understood, and proves nothing
        }
        let (log, time) = (take(&mut stamp, 32)?, take(&mut stamp, 8)?);
        let extensions = vector(&mut stamp)?;
        let algorithm = take(&mut stamp, 2)?;
        let signature = vector(&mut stamp).filter(|_| stamp.is_empty())?;
        // SHA-256 with ECDSA or RSA (RFC 5246, 7.4.1.4.1).
        if matches!(algorithm, [4, 1 | 3]) {
            stamps.push(Stamp { log, time, extensions, signature });
        }
        if stamps.len() > MAX_TIMESTAMPS {
            return None;
        }
    }
    Some(stamps)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (first, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(first)
}

/// A vector with two bytes of length before it.
fn vector<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take(bytes, 2)?.iter().fold(0_usize, |len, byte| (len << 8) | usize::from(*byte));
    take(bytes, len)
}

/// What the authority showed the log: the certificate's content before the timestamps were put in.
fn tbs_without_scts(tbs: &[u8]) -> Result<Vec<u8>, NotDer> {
    let mut fields = Der::only(tbs, SEQUENCE)?;
    let mut out = Vec::new();
    while !fields.is_empty() {
        let field = fields.next()?;
        if field.tag != 0xa3 {
            out.extend_from_slice(field.whole);
            continue;
        }
        let mut extensions = Der::only(field.body, SEQUENCE)?;
        let mut kept = Vec::new();
        while !extensions.is_empty() {
            let extension = extensions.take(SEQUENCE)?;
            if Der::new(extension.body).take(OID)?.body != SCT_LIST {
                kept.extend_from_slice(extension.whole);
            }
        }
        out.extend(wrapped(0xa3, &wrapped(SEQUENCE, &kept)));
    }
    Ok(wrapped(SEQUENCE, &out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signature::der::OCTET_STRING;

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            stamps(&bytes);
            let _ = tbs_without_scts(&bytes);
            let _ = tbs_without_scts(&wrapped(SEQUENCE, &wrapped(0xa3, &wrapped(OCTET_STRING, &bytes))));
        }
    }
}
