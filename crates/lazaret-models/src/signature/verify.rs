//! Checks a model against its signature: the signed bytes first, then every name, then the files.

use std::fmt;
use std::path::PathBuf;

use lazaret_core::{Finding, Findings, Limits, Locator, Severity};
use lazaret_input::FileSource;
use serde::Serialize;

use super::SignatureError;
use super::bundle::{Bundle, Material};
use super::certificates::{self, Trusted};
use super::dsse;
use super::folder::{Files, Model};
use super::keys::{PublicKey, Sha};
use super::manifest::{Fault, Manifest};
use super::provenance::{Proven, Provenance};
use super::sigstore::{Proof, SigstoreTrust};
use crate::part::{MAX_WHOLE, printed};
use crate::rules::{self, ModelRule};

/// What a signature is checked by.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The public half of the key that signed.
    Key(PublicKey),
    /// Certificates that are trusted.
    Certificates(Trusted),
    /// Authorities and logs of Sigstore, and who is to have signed.
    Sigstore(Box<SigstoreTrust>),
}

/// What is checked, and how.
#[derive(Debug, Clone)]
pub struct Verify {
    /// A folder, or one file.
    pub model: PathBuf,
    /// The signature.
    pub signature: PathBuf,
    /// What it is checked by.
    pub trust: Trust,
    /// Paths of the model that are left out, beside those that the signature leaves out.
    pub ignore_paths: Vec<PathBuf>,
    /// What git keeps is left out too.
    pub ignore_git_paths: bool,
    /// Files that are not signed are told, and no fault.
    pub ignore_unsigned_files: bool,
    /// Links to files are followed. What the signature says of it is the signer's wish: who checks decides.
    pub allow_symlinks: bool,
    /// Where the model is to be from, and the file that says so.
    pub provenance: Option<Provenance>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Signer {
    /// A key.
    Key {
        /// P-256, P-384 or P-521.
        curve: &'static str,
        /// SHA-256 of its PEM text.
        hint: String,
    },
    /// A certificate.
    Certificate {
        /// The common name of its subject.
        name: String,
        /// SHA-256 of the certificate.
        fingerprint: String,
        /// The first day it is valid.
        from: String,
        /// The last.
        until: String,
    },
    /// Someone who signed in to Sigstore.
    Sigstore {
        /// Who: a mail address, or the URI of a workflow.
        identity: String,
        /// Who knows them.
        identity_provider: String,
        /// The earliest time that an authority or the log has signed for.
        signed_at: String,
        /// The entry's number in the log.
        log_index: u64,
    },
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { curve, hint } => write!(f, "key: {hint} ({curve})"),
            Self::Certificate { name, fingerprint, from, until } => {
                write!(f, "certificate: {name}, {fingerprint}, valid from {from} to {until}")
            }
            Self::Sigstore { identity, identity_provider, signed_at, log_index } => write!(
                f,
                "identity: {identity}, known to {identity_provider}, at {signed_at}, entry {log_index} of the log"
            ),
        }
    }
}

impl From<Proof> for Signer {
    fn from(proof: Proof) -> Self {
        Self::Sigstore {
            identity: proof.identity,
            identity_provider: proof.identity_provider,
            signed_at: proof.signed_at,
            log_index: proof.log_index,
        }
    }
}

/// What a check came to.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The signature is right, every file is as it was signed, and nothing of medium or above was found.
    pub verified: bool,
    /// Who signed; none if the signature is not right.
    pub signer: Option<Signer>,
    /// The name of the model when it was signed.
    pub name: Option<String>,
    /// The SHA-256 over the digests of all files: what records may name the model by.
    pub subject: Option<String>,
    /// How many files are signed and as they were.
    pub files: u64,
    /// What is proven of where the model is from; none where provenance was not asked for or does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Proven>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Verify {
    /// Checks. An error means that it could not be checked: nothing was verified.
    pub fn run(&self, limits: &Limits) -> Result<Verification, SignatureError> {
        let model = Model::open(&self.model)?;
        let shown =
            self.signature.file_name().map(|name| printed(&name.to_string_lossy())).unwrap_or_default();
        let unreadable =
            |why: String| SignatureError::Signature(format!("{}: {why}", self.signature.display()));
        let file =
            FileSource::open(&self.signature).map_err(|error| unreadable(lazaret_core::chain(&error)))?;
        let bytes =
            file.whole(limits.get(MAX_WHOLE)).map_err(|error| unreadable(lazaret_core::chain(&error)))?;
        let ignored = self.ignore_paths.iter().map(|path| model.left_out(path));
        let how = How {
            trust: Some(&self.trust),
            own: model.within(&self.signature),
            ignore_paths: ignored.collect::<Result<_, _>>()?,
            ignore_git_paths: self.ignore_git_paths,
            ignore_unsigned_files: self.ignore_unsigned_files,
            allow_symlinks: self.allow_symlinks,
            provenance: self.provenance.as_ref(),
        };
        Check::new(how, &model, shown, limits).run(&bytes)
    }
}

/// How a model is checked, wherever it lies.
pub(super) struct How<'a> {
    /// Whom it is to be signed by; none compares the files alone, whoever signed them.
    pub(super) trust: Option<&'a Trust>,
    /// The path of the signature, where it lies in the model.
    pub(super) own: Option<String>,
    /// Paths of the model that are left out.
    pub(super) ignore_paths: Vec<String>,
    pub(super) ignore_git_paths: bool,
    pub(super) ignore_unsigned_files: bool,
    pub(super) allow_symlinks: bool,
    pub(super) provenance: Option<&'a Provenance>,
}

pub(super) struct Check<'a> {
    pub(super) how: How<'a>,
    pub(super) model: &'a dyn Files,
    pub(super) limits: &'a Limits,
    /// The signature's name, as places begin.
    signature: String,
    findings: Findings,
    signer: Option<Signer>,
    name: Option<String>,
    subject: Option<String>,
    pub(super) files: u64,
    provenance: Option<Proven>,
}

impl<'a> Check<'a> {
    /// A check that is yet to be run; `signature` is the name of the signature, as places begin.
    pub(super) fn new(how: How<'a>, model: &'a dyn Files, signature: String, limits: &'a Limits) -> Self {
        Self {
            how,
            model,
            limits,
            signature,
            findings: Findings::new(),
            signer: None,
            name: None,
            subject: None,
            files: 0,
            provenance: None,
        }
    }

    /// Checks by the bytes of the signature.
    pub(super) fn run(mut self, bytes: &[u8]) -> Result<Verification, SignatureError> {
        self.check(bytes)?;
        Ok(self.outcome())
    }

    fn outcome(self) -> Verification {
        let findings = self.findings.into_faults();
        // What nobody has signed is not passed on as if someone had.
        let is_signed = self.signer.is_some();
        let worst = findings.iter().map(|finding| finding.severity).max();
        Verification {
            verified: is_signed && worst < Some(Severity::Medium),
            signer: self.signer,
            name: self.name.filter(|_| is_signed),
            subject: self.subject.filter(|_| is_signed),
            files: self.files,
            provenance: self.provenance,
            findings,
        }
    }

    pub(super) fn find(&mut self, rule: &ModelRule, at: &str, message: impl Into<String>) {
        self.findings.fault(Finding::new(&rule.rule, Locator::printed(at), message));
    }

    pub(super) fn find_as(
        &mut self,
        severity: Severity,
        rule: &ModelRule,
        at: &str,
        message: impl Into<String>,
    ) {
        self.findings.fault(Finding { severity, ..Finding::new(&rule.rule, Locator::printed(at), message) });
    }

    /// A fault of the signed statement.
    fn of_statement(&mut self, fault: Fault) {
        let at = [self.signature.as_str(), "dsseEnvelope.payload", &fault.at];
        self.find(fault.rule, at.join("!").trim_end_matches('!'), fault.message);
    }

    fn check(&mut self, bytes: &[u8]) -> Result<(), SignatureError> {
        let bundle = match Bundle::read(bytes, self.limits) {
            Ok(bundle) => bundle,
            Err(fault) => {
                let at = format!("{}!{}", self.signature, fault.at);
                self.find(fault.rule, at.trim_end_matches('!'), fault.message);
                return Ok(());
            }
        };
        let signer = match self.how.trust {
            Some(trust) => self.check_signature(&bundle, trust)?,
            None => None,
        };
        let manifest = match Manifest::read(&bundle.payload, self.limits) {
            Ok(manifest) => manifest,
            Err(fault) => {
                self.of_statement(fault);
                return Ok(());
            }
        };
        // Names are looked at before any file is opened, and whoever signed them.
        let names = manifest.names_at_fault(Some(self.model.is_single()));
        let names_are_right = names.is_empty();
        for fault in names {
            self.of_statement(fault);
        }
        self.name = manifest.name.as_deref().map(printed);
        self.subject = Some(manifest.computed_root());
        if manifest.root.is_some() && manifest.root != self.subject {
            self.of_statement(Fault {
                rule: &rules::SIGNATURE_INVALID,
                at: "subject[0].digest.sha256".to_owned(),
                message: "the digest of the model is not that over the digests of its files".to_owned(),
            });
            return Ok(());
        }
        let shards = manifest.shards_at_fault();
        let shards_are_right = shards.is_empty();
        for fault in shards {
            self.of_statement(fault);
        }
        self.signer = signer;
        let is_of_nobody = self.how.trust.is_some() && self.signer.is_none();
        if is_of_nobody || !names_are_right || !shards_are_right {
            return Ok(());
        }
        if manifest.is_0_2 {
            let message =
                "its statement is of release 0.2 of model_signing: it has no digest of the whole model";
            let at = self.signature.clone();
            self.find(&rules::SIGNATURE_LEGACY, &at, message);
        }
        self.check_files(&manifest)?;
        let provenance = self.how.provenance;
        // Of what is not as it was signed, nothing can be proven.
        let worst = self.findings.faults().iter().map(|finding| finding.severity).max();
        match provenance.filter(|_| worst < Some(Severity::Medium)) {
            Some(provenance) => self.check_provenance(provenance, &manifest),
            None => Ok(()),
        }
    }

    /// Checks where the model is from.
    fn check_provenance(
        &mut self,
        provenance: &Provenance,
        manifest: &Manifest,
    ) -> Result<(), SignatureError> {
        let name = provenance.file.file_name().map(|name| printed(&name.to_string_lossy()));
        let name = name.unwrap_or_default();
        let files = self.sha256_of_files(manifest)?;
        let attested = provenance.attested(self.limits)?;
        let proven = attested.and_then(|attested| attested.of_model(self.subject.as_deref(), &files));
        let faults = match proven {
            Ok(proven) => {
                let faults = provenance.builder.faults(&proven);
                self.provenance = Some(proven).filter(|_| faults.is_empty());
                faults
            }
            Err(fault) => vec![fault],
        };
        for fault in faults {
            let at = [name.as_str(), &fault.at].join("!");
            self.find(fault.rule, at.trim_end_matches('!'), fault.message);
        }
        Ok(())
    }

    /// Checks the signed bytes; gives who signed them, or finds why not.
    fn check_signature(&mut self, bundle: &Bundle, trust: &Trust) -> Result<Option<Signer>, SignatureError> {
        let at = self.signature.clone();
        // A bundle has one.
        let signature = bundle.signatures.first().map(Vec::as_slice).unwrap_or_default();
        let (key, signer) = match (&bundle.material, trust) {
            (Material::Sigstore(material), Trust::Sigstore(trust)) => {
                match material.check(&bundle.payload, signature, trust, self.limits) {
                    Ok(proof) => (proof.key.clone(), proof.into()),
                    Err((rule, why)) => {
                        self.find(rule, &at, why);
                        return Ok(None);
                    }
                }
            }
            (Material::Sigstore(_), _) => {
                let message = "the signature is one of Sigstore: say who is to have signed it (`--identity` and `--identity-provider`)";
                return Err(SignatureError::Usage(message.to_owned()));
            }
            (Material::Key { .. }, Trust::Certificates(_) | Trust::Sigstore(_)) => {
                let message = "the signature was made with a key: give its public half (`--public-key`)";
                return Err(SignatureError::Usage(message.to_owned()));
            }
            (Material::Certificates(_), Trust::Key(_) | Trust::Sigstore(_)) => {
                let message =
                    "the signature was made with a certificate: give those you trust (`--certificate-chain`)";
                return Err(SignatureError::Usage(message.to_owned()));
            }
            (Material::Key { hint }, Trust::Key(key)) => {
                match hint {
                    Some(hint) if *hint != key.hint() => {
                        let message = format!(
                            "it was made with another key: it names {}, the key given is {}",
                            printed(hint),
                            key.hint()
                        );
                        self.find(&rules::SIGNATURE_INVALID, &at, message);
                        return Ok(None);
                    }
                    Some(_) => {}
                    None => {
                        let message =
                            "it does not name its key, as releases before 1.1 of model_signing did not";
                        self.find(&rules::SIGNATURE_LEGACY, &at, message);
                    }
                }
                (key.clone(), Signer::Key { curve: key.curve().name(), hint: key.hint() })
            }
            (Material::Certificates(chain), Trust::Certificates(trusted)) => {
                match certificates::check(chain, trusted) {
                    Ok(signing) => {
                        let message = format!(
                            "when it was signed is not known: the chain was checked as of {}, from when the certificate of `{}` is valid (until {}); revocation was not asked for",
                            signing.from, signing.name, signing.until
                        );
                        self.find(&rules::SIGNING_TIME_UNKNOWN, &at, message);
                        let (name, fingerprint) = (signing.name, signing.fingerprint);
                        let (from, until) = (signing.from, signing.until);
                        (signing.key, Signer::Certificate { name, fingerprint, from, until })
                    }
                    Err(why) => {
                        self.find(&rules::UNTRUSTED_CERTIFICATE, &at, why);
                        return Ok(None);
                    }
                }
            }
        };
        if key.verifies(&dsse::encoded(&bundle.payload), signature) {
            return Ok(Some(signer));
        }
        let old = dsse::encoded_before_1_0(&bundle.payload);
        // Certificates signed by SHA-256 in those releases, whatever their curve.
        let is_old = match signer {
            Signer::Key { .. } => key.verifies(&old, signature),
            Signer::Certificate { .. } => key.verifies_with(Sha::Sha256, &old, signature),
            // What the log has is signed in the form that DSSE has.
            Signer::Sigstore { .. } => false,
        };
        if is_old {
            let message =
                "it signs the faulty encoding of releases before 1.0 of model_signing: sign the model anew";
            self.find(&rules::SIGNATURE_LEGACY, &at, message);
            return Ok(Some(signer));
        }
        self.find(&rules::SIGNATURE_INVALID, &at, "the signature is not one of these bytes by this key");
        Ok(None)
    }
}
