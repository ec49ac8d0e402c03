//! Signs a model with a key, with or without a certificate, so that `model_signing` 1.1 takes it too.

use std::path::PathBuf;

use lazaret_core::{Limits, hex};
use lazaret_input::write_durably;
use ring::digest;
use rustc_hash::FxHashSet;
use serde::Serialize;
use serde_json::json;
use unicode_normalization::UnicodeNormalization as _;

use super::certificates::SigningChain;
use super::folder::{Files as _, Job, Kind, LeftOut, Model, digests};
use super::hash::HashKind;
use super::keys::{PrivateKey, PublicKey};
use super::manifest::{PREDICATE, STATEMENT, leads_out};
use super::{SignatureError, bundle, dsse};
use crate::part::printed;

/// What signs: a key in memory, in a token, in a vault.
pub trait SigningKey: std::fmt::Debug {
    /// Its public half.
    fn public(&self) -> &PublicKey;

    /// Signs a message by ECDSA and the digest that goes with the curve; DER (RFC 3279, 2.2.3).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError>;
}

impl SigningKey for PrivateKey {
    fn public(&self) -> &PublicKey {
        Self::public(self)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Self::sign(self, message)
    }
}

/// What is signed, and how.
#[derive(Debug)]
pub struct Sign<'a> {
    /// A folder, or one file.
    pub model: PathBuf,
    /// Where the signature is written; what was there is replaced.
    pub signature: PathBuf,
    /// The key.
    pub key: &'a dyn SigningKey,
    /// Its certificate, with the chain: then the signature is checked by certificates, not by the key.
    pub chain: Option<&'a SigningChain>,
    /// Paths of the model that are left out, with all that is below them.
    pub ignore_paths: Vec<PathBuf>,
    /// What git keeps is left out too.
    pub ignore_git_paths: bool,
    /// Links to files are followed: what they lead to is signed.
    pub allow_symlinks: bool,
}

/// What was signed.
#[derive(Debug, Serialize)]
pub struct Signed {
    /// The model's name.
    pub name: String,
    /// The SHA-256 over the digests of all files.
    pub subject: String,
    /// How many files.
    pub files: u64,
    /// What the signature names the key by.
    pub hint: String,
    /// The name of the signing certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Paths that are there and were left out.
    pub left_out: Vec<String>,
}

impl Sign<'_> {
    /// Signs, and writes the signature.
    pub fn run(&self, limits: &Limits) -> Result<Signed, SignatureError> {
        let model = Model::open(&self.model)?;
        let mut left_out = LeftOut::default();
        if self.ignore_git_paths {
            left_out.add_git();
        }
        for path in &self.ignore_paths {
            left_out.add(&model.left_out(path)?);
        }
        let own = model.within(&self.signature);
        if let Some(path) = &own {
            left_out.add(path);
        }
        let walk = model.walk(&left_out, limits)?;
        let mut names = Vec::new();
        for entry in &walk.entries {
            names.push(self.name_to_sign(entry.name.as_deref(), &entry.shown, entry.kind)?);
        }
        if model.is_single() {
            names.push(".");
        }
        if names.is_empty() {
            return Err(SignatureError::Model(format!("{}: no file to sign", self.model.display())));
        }
        let mut forms: FxHashSet<String> = FxHashSet::default();
        if let Some(name) = names.iter().find(|name| !forms.insert(name.nfc().collect())) {
            let message = format!("{}: another name differs only by its Unicode form", printed(name));
            return Err(SignatureError::Model(message));
        }
        names.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        let jobs: Vec<Job<'_>> = names.iter().map(|name| Job { name, shard: None }).collect();
        let mut root = digest::Context::new(&digest::SHA256);
        let mut resources = Vec::new();
        for (name, digest) in names.iter().zip(digests(&model, &jobs, HashKind::Sha256)) {
            let digest = digest.map_err(|error| SignatureError::Unreadable {
                what: printed(name),
                cause: error.into_io(),
            })?;
            root.update(&digest);
            resources
                .push(json!({ "name": name, "algorithm": HashKind::Sha256.name(), "digest": hex(&digest) }));
        }
        let subject = hex(root.finish().as_ref());
        let ignored: Vec<&String> = left_out.paths().collect();
        let statement = json!({
            "_type": STATEMENT,
            "subject": [{ "name": model.name(), "digest": { "sha256": subject } }],
            "predicateType": PREDICATE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": HashKind::Sha256.name(),
                    "allow_symlinks": self.allow_symlinks,
                    "ignore_paths": ignored,
                },
                "resources": resources,
            },
        });
        let payload = statement.to_string().into_bytes();
        let encoded = dsse::encoded(&payload);
        let signature = self.key.sign(&encoded)?;
        if !self.key.public().verifies(&encoded, &signature) {
            let why = "the signature that was made does not hold by the public half of its key: nothing was written";
            return Err(SignatureError::Key(why.to_owned()));
        }
        let text = bundle::written(self.key.public(), self.chain, &payload, &signature);
        write_durably(&self.signature, text.as_bytes()).map_err(|cause| SignatureError::Unreadable {
            what: self.signature.display().to_string(),
            cause,
        })?;
        Ok(Signed {
            name: model.name(),
            subject,
            files: names.len() as u64,
            hint: self.key.public().hint(),
            certificate: self.chain.map(|chain| chain.name.clone()),
            left_out: walk.left_out.into_iter().filter(|path| Some(path) != own.as_ref()).collect(),
        })
    }

    /// A name that every verifier takes; what cannot be signed is refused whole.
    fn name_to_sign<'n>(
        &self,
        name: Option<&'n str>,
        shown: &str,
        kind: Kind,
    ) -> Result<&'n str, SignatureError> {
        let refused = |why: &str| {
            Err(SignatureError::Model(format!("{shown}: {why}; leave it out with --ignore-paths")))
        };
        match kind {
            Kind::File => {}
            Kind::LinkToFile if self.allow_symlinks => {}
            Kind::LinkToFile => return refused("it is a link (--allow-symlinks signs what it leads to)"),
            Kind::LinkToFolder => return refused("it is a link to a folder, which no signature covers"),
            Kind::Other => return refused("it is no regular file"),
        }
        let Some(name) = name else { return refused("its name is not UTF-8") };
        match leads_out(name) {
            Some(why) => refused(&format!("its name {why}")),
            None => Ok(name),
        }
    }
}
