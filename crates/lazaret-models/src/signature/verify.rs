//! Checks a model against its signature: the signed bytes first, then every name, then the files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lazaret_core::{Finding, Findings, Limits, Locator, Severity, hex};
use lazaret_input::{FileSource, OpenError};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::SignatureError;
use super::bundle::{Bundle, Material};
use super::certificates::{self, Trusted};
use super::dsse;
use super::folder::{HashError, Job, Kind, LeftOut, Model};
use super::keys::{PublicKey, Sha};
use super::manifest::{Fault, Manifest};
use crate::part::{MAX_WHOLE, printed};
use crate::rules::{self, ModelRule};

/// What a signature is checked by.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The public half of the key that signed.
    Key(PublicKey),
    /// Certificates that are trusted.
    Certificates(Trusted),
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
    /// Links to files are followed even where the signature does not allow them.
    pub allow_symlinks: bool,
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
        let mut check = Check {
            verify: self,
            model,
            limits,
            signature: shown,
            findings: Findings::new(),
            signer: None,
            name: None,
            subject: None,
            files: 0,
        };
        check.run(&bytes)?;
        Ok(check.outcome())
    }
}

struct Check<'a> {
    verify: &'a Verify,
    model: Model<'a>,
    limits: &'a Limits,
    /// The signature's name, as places begin.
    signature: String,
    findings: Findings,
    signer: Option<Signer>,
    name: Option<String>,
    subject: Option<String>,
    files: u64,
}

impl Check<'_> {
    fn outcome(self) -> Verification {
        let findings = self.findings.into_faults();
        let worst = findings.iter().map(|finding| finding.severity).max();
        Verification {
            verified: self.signer.is_some() && worst < Some(Severity::Medium),
            signer: self.signer,
            name: self.name,
            subject: self.subject,
            files: self.files,
            findings,
        }
    }

    fn find(&mut self, rule: &ModelRule, at: &str, message: impl Into<String>) {
        self.findings.fault(Finding::new(&rule.rule, Locator::printed(at), message));
    }

    fn find_as(&mut self, severity: Severity, rule: &ModelRule, at: &str, message: impl Into<String>) {
        self.findings.fault(Finding { severity, ..Finding::new(&rule.rule, Locator::printed(at), message) });
    }

    /// A fault of the signed statement.
    fn of_statement(&mut self, fault: Fault) {
        let at = [self.signature.as_str(), "dsseEnvelope.payload", &fault.at];
        self.find(fault.rule, at.join("!").trim_end_matches('!'), fault.message);
    }

    fn run(&mut self, bytes: &[u8]) -> Result<(), SignatureError> {
        let bundle = match Bundle::read(bytes, self.limits) {
            Ok(bundle) => bundle,
            Err(fault) => {
                let at = format!("{}!{}", self.signature, fault.at);
                self.find(fault.rule, at.trim_end_matches('!'), fault.message);
                return Ok(());
            }
        };
        let signer = self.check_signature(&bundle)?;
        let manifest = match Manifest::read(&bundle.payload, self.limits) {
            Ok(manifest) => manifest,
            Err(fault) => {
                self.of_statement(fault);
                return Ok(());
            }
        };
        // Names are looked at before any file is opened, and whoever signed them.
        let names = manifest.names_at_fault(Some(self.model.single));
        let names_are_right = names.is_empty();
        names.into_iter().for_each(|fault| self.of_statement(fault));
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
        shards.into_iter().for_each(|fault| self.of_statement(fault));
        self.signer = signer;
        if self.signer.is_none() || !names_are_right || !shards_are_right {
            return Ok(());
        }
        if manifest.is_0_2 {
            let message =
                "its statement is of release 0.2 of model_signing: it has no digest of the whole model";
            let at = self.signature.clone();
            self.find(&rules::SIGNATURE_LEGACY, &at, message);
        }
        self.check_files(&manifest)
    }

    /// Checks the signed bytes; gives who signed them, or finds why not.
    fn check_signature(&mut self, bundle: &Bundle) -> Result<Option<Signer>, SignatureError> {
        let verify = self.verify;
        let at = self.signature.clone();
        let (key, signer) = match (&bundle.material, &verify.trust) {
            (Material::Sigstore, _) => return Err(SignatureError::Unsupported(SIGSTORE.to_owned())),
            (Material::Key { .. }, Trust::Certificates(_)) => {
                let message = "the signature was made with a key: give its public half (`--public-key`)";
                return Err(SignatureError::Usage(message.to_owned()));
            }
            (Material::Certificates(_), Trust::Key(_)) => {
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
        if key.verifies(&dsse::encoded(&bundle.payload), &bundle.signature) {
            return Ok(Some(signer));
        }
        let old = dsse::encoded_before_1_0(&bundle.payload);
        // Certificates signed by SHA-256 in those releases, whatever their curve.
        let is_old = match signer {
            Signer::Key { .. } => key.verifies(&old, &bundle.signature),
            Signer::Certificate { .. } => key.verifies_with(Sha::Sha256, &old, &bundle.signature),
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

    fn check_files(&mut self, manifest: &Manifest) -> Result<(), SignatureError> {
        let left_out = self.left_out(manifest)?;
        let follow = manifest.allow_symlinks || self.verify.allow_symlinks;
        // What each signed file is on disk; a file that is not as it should be is found once, not for each shard.
        let mut files: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for resource in &manifest.resources {
            if !files.contains_key(resource.path.as_str()) {
                let len = self.signed_file(&resource.path, follow)?;
                files.insert(&resource.path, len);
            }
        }
        let resources: Vec<_> = manifest
            .resources
            .iter()
            .filter(|resource| matches!(files.get(resource.path.as_str()), Some(Some(_))))
            .collect();
        let jobs: Vec<Job<'_>> =
            resources.iter().map(|resource| Job { name: &resource.path, shard: resource.shard }).collect();
        let digests = self.model.digests(&jobs, manifest.hash);
        let mut changed: FxHashSet<&str> = FxHashSet::default();
        let mut covered: FxHashMap<&str, u64> = FxHashMap::default();
        for (resource, digest) in resources.iter().zip(digests) {
            if let Some((_, end)) = resource.shard {
                let most = covered.entry(&resource.path).or_default();
                *most = end.max(*most);
            }
            let why = match digest {
                Ok(digest) if digest == resource.digest => continue,
                Ok(digest) => {
                    let hash = manifest.hash.name();
                    format!("its {hash} is {}, signed was {}", hex(&digest), hex(&resource.digest))
                }
                Err(HashError::Shorter) => "it is shorter than the signed shards".to_owned(),
                Err(HashError::Open(OpenError::NotAFile(what))) => format!("it is {what}, not a file"),
                Err(error) => {
                    return Err(SignatureError::Unreadable {
                        what: printed(&resource.path),
                        cause: error.into_io(),
                    });
                }
            };
            if changed.insert(&resource.path) {
                self.find(
                    &rules::DIGEST_MISMATCH,
                    &self.place(&resource.path),
                    format!("the file was changed: {why}"),
                );
            }
        }
        for (path, end) in covered {
            let longer = matches!(files.get(path), Some(Some(len)) if *len > end);
            if longer && changed.insert(path) {
                let message = format!("the file was changed: signed were {end} bytes, and more follow");
                self.find(&rules::DIGEST_MISMATCH, &self.place(path), message);
            }
        }
        let right = files.iter().filter(|(path, len)| len.is_some() && !changed.contains(*path)).count();
        self.files = right as u64;
        self.check_others(manifest, &files, &left_out, follow)
    }

    /// Paths that are left out: as the signature says, as the caller says, and the signature itself.
    fn left_out(&self, manifest: &Manifest) -> Result<LeftOut, SignatureError> {
        let mut left_out = LeftOut::default();
        manifest.ignore_paths.iter().for_each(|path| left_out.add(path));
        if self.verify.ignore_git_paths {
            left_out.add_git();
        }
        for path in &self.verify.ignore_paths {
            left_out.add(&self.model.left_out(path)?);
        }
        if let Some(path) = self.model.within(&self.verify.signature) {
            left_out.add(&path);
        }
        Ok(left_out)
    }

    /// The length of a signed file, or a finding that says why it is not there.
    fn signed_file(&mut self, name: &str, follow: bool) -> Result<Option<u64>, SignatureError> {
        let at = self.place(name);
        if self.model.single != (name == ".") {
            let message = "the model given is one file, and a folder was signed: give the folder";
            self.find(&rules::MISSING_FILE, &at, message);
            return Ok(None);
        }
        match self.model.kind_of(name) {
            Ok((Kind::File, len)) => return Ok(Some(len)),
            Ok((Kind::LinkToFile, len)) if follow => return Ok(Some(len)),
            Ok((Kind::LinkToFile, _)) => {
                self.find(
                    &rules::SIGNATURE_SYMLINK,
                    &at,
                    "it is a link, and the signature allows none: it was not opened",
                );
            }
            Ok((Kind::LinkToFolder, _)) => {
                self.find(&rules::SIGNATURE_SYMLINK, &at, "a folder on its way is a link: it was not opened");
            }
            Ok((Kind::Other, _)) => self.find(&rules::MISSING_FILE, &at, "it is signed and no regular file"),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                self.find(&rules::MISSING_FILE, &at, "it is signed and not there");
            }
            Err(cause) => return Err(SignatureError::Unreadable { what: at, cause }),
        }
        Ok(None)
    }

    /// Files that no signature covers, and paths that are left out.
    fn check_others(
        &mut self,
        manifest: &Manifest,
        signed: &BTreeMap<&str, Option<u64>>,
        left_out: &LeftOut,
        follow: bool,
    ) -> Result<(), SignatureError> {
        let walk = self.model.walk(left_out, self.limits)?;
        let own = self.model.within(&self.verify.signature);
        for path in walk.left_out.iter().filter(|path| Some(*path) != own.as_ref()) {
            let by = if manifest.ignore_paths.iter().any(|ignored| ignored == path) {
                "the signature"
            } else {
                "the caller"
            };
            self.find(
                &rules::IGNORED_PATH,
                &printed(path),
                format!("left out as {by} says: it was not checked"),
            );
        }
        for entry in walk.entries {
            if entry.name.as_deref().is_some_and(|name| signed.contains_key(name)) {
                continue;
            }
            let (is_shards, is_empty) = (manifest.method != super::manifest::Method::Files, entry.len == 0);
            match entry.kind {
                Kind::LinkToFile if !follow => {
                    self.unsigned(&entry.shown, "it is a link that no signature covers");
                }
                Kind::File | Kind::LinkToFile if is_shards && is_empty => {
                    let message = "an empty file: signatures of shards cover none";
                    self.find_as(Severity::Info, &rules::UNSIGNED_FILE, &entry.shown, message);
                }
                Kind::File | Kind::LinkToFile => self.unsigned(&entry.shown, "no signature covers it"),
                Kind::LinkToFolder => {
                    self.unsigned(&entry.shown, "it is a link to a folder: no signature covers what is in it")
                }
                Kind::Other => {
                    self.unsigned(&entry.shown, "it is no regular file, and no signature covers it")
                }
            }
        }
        Ok(())
    }

    fn unsigned(&mut self, at: &str, message: &str) {
        let severity = if self.verify.ignore_unsigned_files {
            Severity::Info
        } else {
            rules::UNSIGNED_FILE.rule.severity
        };
        self.find_as(severity, &rules::UNSIGNED_FILE, at, message);
    }

    /// A file's place: its path in the model.
    fn place(&self, name: &str) -> String {
        if name == "." { printed(&self.model.name()) } else { printed(name) }
    }
}

const SIGSTORE: &str = "the signature is one of Sigstore (a short-lived certificate and an entry in a public log): checking it needs Sigstore's trust root, the certificate's transparency timestamp and the log's proof of inclusion, which are not built in; key and certificate signatures can be checked";
