//! Where a model is from: an in-toto statement of SLSA provenance (versions 1 and 0.2) by the one who built it. That it is
//! signed, that it is of these files, and which builder made them from which source.

#[cfg(test)]
pub(super) mod tests;

use std::path::PathBuf;

use lazaret_core::Limits;
use lazaret_input::FileSource;
use lazaret_input::json::{self, Node};
use rustc_hash::FxHashSet;
use serde::Serialize;

use super::SignatureError;
use super::bundle::{Bundle, Material};
use super::certificates;
use super::dsse;
use super::manifest::{Fault, unhex};
use super::verify::{Signer, Trust};
use crate::part::{MAX_WHOLE, printed};
use crate::rules;

/// Types of statements.
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
const SLSA_1: &str = "https://slsa.dev/provenance/v1";
const SLSA_0_2: &str = "https://slsa.dev/provenance/v0.2";
/// Most names of files that a finding tells.
const MOST_TOLD: usize = 5;

/// A file of provenance, and what it is to say.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// A bundle of Sigstore, or a DSSE envelope.
    pub file: PathBuf,
    /// What it is to say.
    pub builder: Builder,
}

/// Who is to have built a model, and from what.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Who is to have signed the statement: the builder, not the one who signed the model.
    pub trust: Trust,
    /// Who is to have built the model, exactly as the statement names it.
    pub builder_id: Option<String>,
    /// What it is to have been built from: `https://github.com/hospital/model`, with `@` and a commit if one is asked for.
    pub source_uri: Option<String>,
}

/// What provenance proves of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// Who signed the statement.
    pub signer: Signer,
    /// The type of the statement's predicate, with its version.
    pub predicate_type: String,
    /// Who built.
    pub builder: String,
    /// How.
    pub build_type: Option<String>,
    /// The repository that was built from.
    pub source: Option<String>,
    /// Its commit, in hexadecimal.
    pub commit: Option<String>,
    /// What the builder calls this run.
    pub invocation: Option<String>,
}

/// A statement that somebody has signed; of what, is yet to be checked.
#[derive(Debug)]
pub(super) struct Attested {
    proven: Proven,
    /// SHA-256 of subjects, in bytes.
    subjects: FxHashSet<Vec<u8>>,
}

impl Provenance {
    /// Reads the file and checks its signature.
    pub(super) fn attested(&self, limits: &Limits) -> Result<Result<Attested, Fault>, SignatureError> {
        let unreadable = |why: String| SignatureError::Signature(format!("{}: {why}", self.file.display()));
        let file = FileSource::open(&self.file).map_err(|error| unreadable(lazaret_core::chain(&error)))?;
        let bytes =
            file.whole(limits.get(MAX_WHOLE)).map_err(|error| unreadable(lazaret_core::chain(&error)))?;
        self.builder.attested(&bytes, limits)
    }
}

impl Builder {
    /// Reads a statement and checks its signature.
    pub(super) fn attested(
        &self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Result<Attested, Fault>, SignatureError> {
        let bundle = match Bundle::read_or_envelope(bytes, limits) {
            Ok(bundle) => bundle,
            Err(fault) => return Ok(Err(Fault { rule: &rules::PROVENANCE_MALFORMED, ..fault })),
        };
        let signer = match signer(&bundle, &self.trust, limits)? {
            Ok(signer) => signer,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Attested::read(&bundle.payload, signer, limits))
    }

    /// What is otherwise than it is to be.
    pub(super) fn faults(&self, proven: &Proven) -> Vec<Fault> {
        let mut faults = Vec::new();
        let fault = |rule, at: &str, message| Fault { rule, at: at.to_owned(), message };
        if let Some(wanted) = self.builder_id.as_ref().filter(|wanted| **wanted != proven.builder) {
            let message = format!("it was built by `{}`, not by `{}`", proven.builder, printed(wanted));
            faults.push(fault(&rules::PROVENANCE_WRONG_BUILDER, "predicate", message));
        }
        if let Some(wanted) = &self.source_uri {
            let (repository, commit) = repository_and_commit(wanted);
            let source = proven.source.as_deref();
            let is_right = source.is_some_and(|source| repository_of(source) == repository_of(repository))
                && commit.is_none_or(|commit| {
                    proven.commit.as_deref().is_some_and(|proven| proven.eq_ignore_ascii_case(commit))
                });
            if !is_right {
                let said = source.map_or_else(
                    || "it does not say from which source in a form that is understood".to_owned(),
                    |source| {
                        let commit = proven.commit.as_deref().unwrap_or("no commit");
                        format!("it was built from `{source}` at {commit}")
                    },
                );
                let message = format!("{said}, not from `{}`", printed(wanted));
                faults.push(fault(&rules::PROVENANCE_WRONG_SOURCE, "predicate", message));
            }
        }
        faults
    }
}

/// Who signed an envelope. The outer error means that what was given does not fit.
fn signer(bundle: &Bundle, trust: &Trust, limits: &Limits) -> Result<Result<Signer, Fault>, SignatureError> {
    let fault = |rule, message| Fault { rule, at: String::new(), message };
    let (key, signer) = match (&bundle.material, trust) {
        (Material::Key { .. }, Trust::Key(key)) => {
            (key.clone(), Signer::Key { curve: key.curve().name(), hint: key.hint() })
        }
        (Material::Certificates(chain), Trust::Certificates(trusted)) => {
            match certificates::check(chain, trusted) {
                Ok(signing) => {
                    let (name, fingerprint) = (signing.name, signing.fingerprint);
                    let (from, until) = (signing.from, signing.until);
                    (signing.key, Signer::Certificate { name, fingerprint, from, until })
                }
                Err(why) => return Ok(Err(fault(&rules::UNTRUSTED_CERTIFICATE, why))),
            }
        }
        (Material::Sigstore(material), Trust::Sigstore(trust)) => {
            let signature = bundle.signatures.first().map(Vec::as_slice).unwrap_or_default();
            match material.check(&bundle.payload, signature, trust, limits) {
                Ok(proof) => (proof.key.clone(), proof.into()),
                Err((rule, why)) => return Ok(Err(fault(rule, why))),
            }
        }
        _ => {
            let message = "the provenance is signed in another way than what is to check it: give `--provenance-key FILE` for a key, or `--provenance-identity` with `--provenance-identity-provider` for Sigstore";
            return Err(SignatureError::Usage(message.to_owned()));
        }
    };
    let encoded = dsse::encoded(&bundle.payload);
    // An envelope may have the signatures of several; that of the one who is asked for is enough.
    if bundle.signatures.iter().any(|signature| key.verifies(&encoded, signature)) {
        return Ok(Ok(signer));
    }
    let message = "no signature of the provenance is one of its bytes by this key".to_owned();
    Ok(Err(fault(&rules::PROVENANCE_INVALID, message)))
}

impl Attested {
    /// Reads the bytes that were signed.
    fn read(payload: &[u8], signer: Signer, limits: &Limits) -> Result<Self, Fault> {
        let malformed = |at: &str, message: String| Fault {
            rule: &rules::PROVENANCE_MALFORMED,
            at: ["dsseEnvelope.payload", at].join("!").trim_end_matches('!').to_owned(),
            message,
        };
        let parsed = json::parse(payload, limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(malformed("", format!("byte {} of the statement: {}", fault.offset, fault.message)));
        }
        let document = parsed.document.ok_or_else(|| malformed("", "the statement is no JSON".to_owned()))?;
        let root = document.root();
        if !text(Some(root), &["_type"]).is_some_and(|kind| STATEMENTS.contains(&kind)) {
            return Err(malformed("_type", "it is no in-toto statement of version 1 or 0.1".to_owned()));
        }
        let predicate = root.get("predicate");
        let predicate_type = text(Some(root), &["predicateType"]).unwrap_or_default();
        let proven = match predicate_type {
            SLSA_1 => of_slsa_1(predicate, signer),
            SLSA_0_2 => of_slsa_0_2(predicate, signer),
            other => {
                let message = format!("`{}` is not SLSA provenance of version 1 or 0.2", printed(other));
                return Err(malformed("predicateType", message));
            }
        };
        let proven = proven.ok_or_else(|| malformed("predicate", "it names no builder".to_owned()))?;
        let subjects = root.get("subject").into_iter().flat_map(|list| list.items());
        let subjects = subjects
            .filter_map(|subject| text(Some(subject), &["digest", "sha256"]).and_then(unhex))
            .filter(|digest| digest.len() == 32)
            .collect();
        Ok(Self { proven, subjects })
    }

    /// What is proven of a model with these files (name and SHA-256 of each) and this digest over them.
    pub(super) fn of_model(self, root: Option<&str>, files: &[(String, Vec<u8>)]) -> Result<Proven, Fault> {
        if root.and_then(unhex).is_some_and(|root| self.subjects.contains(&root)) {
            return Ok(self.proven);
        }
        let missing: Vec<_> = files.iter().filter(|(_, digest)| !self.subjects.contains(digest)).collect();
        if missing.is_empty() && !files.is_empty() {
            return Ok(self.proven);
        }
        let mut names: Vec<_> =
            missing.iter().take(MOST_TOLD).map(|(name, _)| format!("`{}`", printed(name))).collect();
        if missing.len() > MOST_TOLD {
            names.push("\u{2026}".to_owned());
        }
        Err(Fault {
            rule: &rules::PROVENANCE_WRONG_SUBJECT,
            at: "dsseEnvelope.payload!subject".to_owned(),
            message: format!(
                "{} of the model's {} files are not among what was built: {}",
                missing.len(),
                files.len(),
                names.join(", ")
            ),
        })
    }
}

/// SLSA provenance 1: <https://slsa.dev/spec/v1.0/provenance>.
fn of_slsa_1(predicate: Option<Node<'_, '_>>, signer: Signer) -> Option<Proven> {
    let definition = predicate.and_then(|predicate| predicate.get("buildDefinition"));
    let details = predicate.and_then(|predicate| predicate.get("runDetails"));
    let dependencies: Vec<Node<'_, '_>> = definition
        .and_then(|definition| definition.get("resolvedDependencies"))
        .into_iter()
        .flat_map(|list| list.items())
        .collect();
    // Which dependency is the source, the one who asked for the build says; where nobody does, only one that is alone can be.
    let asked = [
        &["externalParameters", "workflow", "repository"][..],
        &["externalParameters", "source"],
        &["externalParameters", "source", "uri"],
    ];
    let asked = asked.into_iter().find_map(|path| text(definition, path));
    let alone = match dependencies.as_slice() {
        [one] if commit_of(*one).is_some() => text(Some(*one), &["uri"]),
        _ => None,
    };
    let source = asked.or(alone).map(|source| repository_and_commit(source).0);
    let built = dependencies.iter().find(|dependency| {
        let uri = text(Some(**dependency), &["uri"]).map(|uri| repository_of(repository_and_commit(uri).0));
        uri.is_some() && uri == source.map(repository_of)
    });
    Some(Proven {
        signer,
        predicate_type: SLSA_1.to_owned(),
        builder: text(details, &["builder", "id"]).map(printed)?,
        build_type: text(definition, &["buildType"]).map(printed),
        source: source.map(printed),
        commit: built.and_then(|built| commit_of(*built)).map(printed),
        invocation: text(details, &["metadata", "invocationId"]).map(printed),
    })
}

/// SLSA provenance 0.2: <https://slsa.dev/spec/v0.2/provenance>.
fn of_slsa_0_2(predicate: Option<Node<'_, '_>>, signer: Signer) -> Option<Proven> {
    let source = predicate.and_then(|predicate| predicate.get("invocation"));
    let source = source.and_then(|invocation| invocation.get("configSource"));
    Some(Proven {
        signer,
        predicate_type: SLSA_0_2.to_owned(),
        builder: text(predicate, &["builder", "id"]).map(printed)?,
        build_type: text(predicate, &["buildType"]).map(printed),
        source: text(source, &["uri"]).map(|uri| printed(repository_and_commit(uri).0)),
        commit: source.and_then(commit_of).map(printed),
        invocation: text(predicate, &["metadata", "buildInvocationId"]).map(printed),
    })
}

fn text<'d>(node: Option<Node<'d, '_>>, path: &[&str]) -> Option<&'d str> {
    path.iter().try_fold(node?, |node, key| node.get(key))?.as_str().filter(|text| !text.is_empty())
}

fn commit_of<'d>(node: Node<'d, '_>) -> Option<&'d str> {
    text(Some(node), &["digest", "gitCommit"]).or_else(|| text(Some(node), &["digest", "sha1"]))
}

/// A repository, and what stands behind its last `@`: a commit or a branch. An `@` before the host's end is a user's.
fn repository_and_commit(uri: &str) -> (&str, Option<&str>) {
    match uri.rsplit_once('@') {
        Some((repository, commit))
            if repository.contains('.')
                && !commit.contains(':')
                && commit.split('/').next().is_none_or(|first| !first.contains('.')) =>
        {
            (repository, Some(commit))
        }
        _ => (uri, None),
    }
}

/// A repository without what does not tell it from another: how it is fetched, and endings.
fn repository_of(uri: &str) -> &str {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let uri = uri.strip_prefix("https://").unwrap_or(uri).trim_end_matches('/');
    uri.strip_suffix(".git").unwrap_or(uri)
}
