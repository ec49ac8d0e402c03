//! Signatures of Sigstore: made with a key that lived for minutes, for which an authority (Fulcio) wrote a certificate with the
//! name of who had signed in, and entered in a public log (Rekor). Checked without any network, from what the bundle carries
//! and a file of trust.
//!
//! | file | what is in it |
//! |---|---|
//! | `root` | what is trusted: authorities, logs, authorities of time (`trusted_root.json`) |
//! | `log` | the entry in the log: that it is of this signature, and that the log has signed for it |
//! | `tree` | proofs of inclusion (RFC 6962) and signed checkpoints (C2SP signed note) |
//! | `sct` | the timestamp of the log of certificates (RFC 6962, 3) |
//! | `timestamp` | timestamps of an authority of time (RFC 3161) |

mod log;
mod root;
mod sct;
#[cfg(test)]
mod tests;
mod timestamp;
mod tree;

use lazaret_core::Limits;
use lazaret_input::json::Node;

use self::log::LogEntry;
pub use self::root::TrustRoot;
use super::bundle::{self, Bundle, bytes_of, malformed};
use super::certificates;
use super::dsse;
use super::keys::PublicKey;
use super::manifest::Fault;
use super::moment::{Moment, shown};
use super::verify::Signer;
use super::x509::Certificate;
use crate::part::printed;
use crate::rules::{self, ModelRule};

/// Most entries and most timestamps of a bundle.
const MAX_PROOFS: usize = 16;

/// Who is to have signed, and what says so.
#[derive(Debug, Clone)]
pub struct SigstoreTrust {
    /// Authorities and logs.
    pub root: TrustRoot,
    /// Who: a mail address, or the URI of a workflow, exactly as the certificate has it.
    pub identity: String,
    /// Who knows them: the issuer of the identity token, `https://accounts.google.com`.
    pub identity_provider: String,
}

impl SigstoreTrust {
    /// Who signed a bundle, whatever its statement is of. An error says why nobody that is trusted did.
    pub fn signer_of(&self, bundle: &[u8], limits: &Limits) -> Result<Signer, String> {
        let bundle = Bundle::read(bundle, limits).map_err(|fault| fault.message)?;
        let bundle::Material::Sigstore(material) = &bundle.material else {
            return Err("it is no bundle of Sigstore".to_owned());
        };
        let signature = bundle.signatures.first().map(Vec::as_slice).unwrap_or_default();
        let proof = material.check(&bundle.payload, signature, self, limits).map_err(|(_, why)| why)?;
        if proof.key.verifies(&dsse::encoded(&bundle.payload), signature) {
            Ok(proof.into())
        } else {
            Err("the signature is not one of these bytes by this key".to_owned())
        }
    }
}

/// What a bundle of Sigstore carries.
#[derive(Debug)]
pub(in crate::signature) struct Material {
    /// DER.
    certificate: Vec<u8>,
    entries: Vec<LogEntry>,
    /// Answers of authorities of time, DER.
    timestamps: Vec<Vec<u8>>,
}

/// What was proven.
#[derive(Debug)]
pub(in crate::signature) struct Proof {
    /// The key that signed.
    pub(in crate::signature) key: PublicKey,
    pub(in crate::signature) identity: String,
    pub(in crate::signature) identity_provider: String,
    /// `2025-05-02 23:36:28 UTC`.
    pub(in crate::signature) signed_at: String,
    /// The entry's number in the log.
    pub(in crate::signature) log_index: u64,
}

/// Why nothing was proven: the rule, and what it says.
pub(in crate::signature) type Refused = (&'static ModelRule, String);

fn untrusted(why: impl Into<String>) -> Refused {
    (&rules::UNTRUSTED_CERTIFICATE, why.into())
}

impl Material {
    /// Reads the `verificationMaterial` of a bundle, with the certificate that is in it.
    pub(in crate::signature) fn read(
        certificate: Option<Node<'_, '_>>,
        material: Node<'_, '_>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let at = "verificationMaterial";
        let certificate = certificate.and_then(|certificate| certificate.get("rawBytes"));
        let certificate = bytes_of(certificate, &format!("{at}.certificate.rawBytes"), limits)?;
        let mut entries = Vec::new();
        for (number, entry) in items(material.get("tlogEntries")).enumerate() {
            let at = format!("{at}.tlogEntries[{number}]");
            if number >= MAX_PROOFS {
                return Err(malformed(&at, format!("it has more than {MAX_PROOFS} entries")));
            }
            entries.push(LogEntry::read(entry, &at, limits)?);
        }
        let stamps = material.get("timestampVerificationData");
        let stamps = stamps.and_then(|stamps| stamps.get("rfc3161Timestamps"));
        let mut timestamps = Vec::new();
        for (number, stamp) in items(stamps).enumerate() {
            let at = format!("{at}.timestampVerificationData.rfc3161Timestamps[{number}]");
            if number >= MAX_PROOFS {
                return Err(malformed(&at, format!("it has more than {MAX_PROOFS} timestamps")));
            }
            timestamps.push(bytes_of(stamp.get("signedTimestamp"), &at, limits)?);
        }
        Ok(Self { certificate, entries, timestamps })
    }

    /// Checks everything but the signature itself: who signed, and when, and that the log has it.
    pub(in crate::signature) fn check(
        &self,
        payload: &[u8],
        signature: &[u8],
        trust: &SigstoreTrust,
        limits: &Limits,
    ) -> Result<Proof, Refused> {
        let leaf = Certificate::read(&self.certificate)
            .map_err(|_| untrusted("the signing certificate is not of RFC 5280"))?;
        leaf.may_sign_models().map_err(untrusted)?;
        let key = PublicKey::from_der(&leaf.key)
            .map_err(|why| untrusted(format!("the signing certificate's key: {why}")))?;

        // When: what authorities of time and the log have signed for; never what the bundle merely says.
        let mut times = Vec::new();
        for stamp in &self.timestamps {
            let time = timestamp::check(stamp, signature, &trust.root);
            times.push(time.map_err(|why| (&rules::SIGNATURE_TIMESTAMP, why))?);
        }
        let (mut log_index, mut logs) = (None, Vec::new());
        for entry in &self.entries {
            let checked = entry.check(payload, signature, &leaf, &trust.root, limits);
            let (log, time) = checked.map_err(|why| (&rules::SIGNATURE_LOG_ENTRY, why))?;
            logs.push(log);
            times.extend(time);
            log_index = log_index.or(Some(entry.index()));
        }
        let log_index = log_index.ok_or_else(|| {
            (&rules::SIGNATURE_LOG_ENTRY, "it has no entry in a log of signatures".to_owned())
        })?;
        let Some(first) = times.iter().min().copied() else {
            let why = "nobody has signed for the time: neither the log nor an authority of time";
            return Err((&rules::SIGNATURE_TIMESTAMP, why.to_owned()));
        };
        for time in &times {
            if logs.iter().any(|log| !log.was_trusted(*time)) {
                return Err((&rules::SIGNATURE_LOG_ENTRY, "its log was not trusted then".to_owned()));
            }
            is_trusted_at(&leaf, &trust.root, *time)?;
        }

        // Who.
        let provider = leaf.identity_provider.clone().unwrap_or_default();
        if provider != trust.identity_provider {
            let why = format!(
                "the one who signed was known to `{}`, not to `{}`",
                printed(&provider),
                printed(&trust.identity_provider)
            );
            return Err((&rules::SIGNATURE_WRONG_IDENTITY, why));
        }
        if !leaf.names.contains(&trust.identity) {
            let names: Vec<String> = leaf.names.iter().map(|name| printed(name)).collect();
            let why =
                format!("it was signed by `{}`, not by `{}`", names.join("`, `"), printed(&trust.identity));
            return Err((&rules::SIGNATURE_WRONG_IDENTITY, why));
        }
        Ok(Proof {
            key,
            identity: printed(&trust.identity),
            identity_provider: printed(&provider),
            signed_at: shown(first),
            log_index,
        })
    }
}

/// Whether the certificate was valid at a moment and leads to an authority that was trusted then, and that a log of
/// certificates knows it.
fn is_trusted_at(leaf: &Certificate, root: &TrustRoot, at: Moment) -> Result<(), Refused> {
    if at < leaf.from || at > leaf.until {
        return Err(untrusted(format!(
            "it was signed at {}, and the signing certificate is valid from {} to {}",
            shown(at),
            shown(leaf.from),
            shown(leaf.until)
        )));
    }
    let mut why = None;
    for authority in root.authorities.iter().filter(|authority| authority.was_trusted(at)) {
        match certificates::leads_to_trust(leaf, &authority.between, &authority.anchors, at) {
            Ok(()) => {
                let issuer =
                    authority.all().find(|issuer| leaf.issuer == issuer.subject && leaf.is_signed_by(issuer));
                let issuer =
                    issuer.ok_or_else(|| untrusted("no certificate of its authority has signed it"))?;
                return sct::check(leaf, issuer, root).map_err(untrusted);
            }
            Err(refused) => why = Some(refused),
        }
    }
    let nobody = || "no authority was trusted when it was signed".to_owned();
    Err(untrusted(why.unwrap_or_else(nobody)))
}

/// The items of a list; none where there is none.
fn items<'d, 'a>(list: Option<Node<'d, 'a>>) -> impl Iterator<Item = Node<'d, 'a>> {
    list.into_iter().flat_map(|list| list.items())
}

/// A whole number: the JSON of protocol buffers writes long ones as text.
fn whole(node: Option<Node<'_, '_>>) -> Option<u64> {
    let node = node?;
    node.as_str().or_else(|| node.as_number())?.parse().ok()
}
