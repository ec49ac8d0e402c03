//! Whom the hospital trusts to sign models and to build them: keys, certificates and identities, as files and settings name
//! them.

use std::path::{Path, PathBuf};

use lazaret_core::Limits;
use lazaret_models::{
    Builder, MAX_KEY, PublicKey, Signatories, SignatureError, SigstoreTrust, Trust, TrustRoot, Trusted,
};

use crate::config::Config;
use crate::exit::{CliError, read_text};

/// What the names of signers stand under.
pub(crate) const SIGNERS: &str = "gates.models.signers.";
/// What the names of builders stand under.
pub(crate) const BUILDERS: &str = "gates.models.builders.";

/// What a line of the settings says of somebody: how they sign, and of a builder what it is to have built.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    how: How<'a>,
    builder_id: Option<&'a str>,
    source_uri: Option<&'a str>,
}

#[derive(Debug, PartialEq, Eq)]
enum How<'a> {
    Key(&'a str),
    Certificates(Vec<&'a str>),
    Sigstore { identity: &'a str, provider: &'a str, root: Option<&'a str> },
}

/// Whom the settings trust. Files are read anew at every call.
pub(crate) fn signatories(config: &Config) -> Result<Signatories, CliError> {
    let trusted = |key: &str, line: &str| -> Result<Builder, CliError> {
        let Line { how, builder_id, source_uri } = line_of(key, line).map_err(CliError::Usage)?;
        let limits = config.limits();
        let trust = match how {
            How::Key(file) => key_in(Path::new(file), &limits),
            How::Certificates(files) => {
                certificates_in(&files.into_iter().map(PathBuf::from).collect::<Vec<_>>(), &limits)
            }
            How::Sigstore { identity, provider, root } => {
                sigstore(identity, provider, root.map(Path::new), &limits)
            }
        };
        let trust = trust.map_err(|error| CliError::Usage(format!("`{key}`: {error}")))?;
        let (builder_id, source_uri) = (builder_id.map(str::to_owned), source_uri.map(str::to_owned));
        Ok(Builder { trust, builder_id, source_uri })
    };
    let of = |table: &'static str| {
        config.named(table).map(move |(name, line)| {
            trusted(&format!("{table}{name}"), line).map(|builder| (name.to_owned(), builder))
        })
    };
    let signers = of(SIGNERS).map(|one| one.map(|(name, builder)| (name, builder.trust)));
    Ok(Signatories {
        signers: signers.collect::<Result<_, _>>()?,
        builders: of(BUILDERS).collect::<Result<_, _>>()?,
    })
}

/// The files that the settings name for it.
pub(crate) fn files(config: &Config) -> Vec<PathBuf> {
    let lines = config.named(SIGNERS).chain(config.named(BUILDERS));
    let files = lines.filter_map(|(_, line)| line_of(BUILDERS, line).ok()).flat_map(|line| match line.how {
        How::Key(file) => vec![file],
        How::Certificates(files) => files,
        How::Sigstore { root, .. } => root.into_iter().collect(),
    });
    files.map(PathBuf::from).collect()
}

/// Whether a line of the settings can be read, before any file is.
pub(crate) fn check(key: &str, line: &str) -> Result<(), String> {
    line_of(key, line).map(drop)
}

/// A line: `key FILE`, `certificate FILE…` or `sigstore IDENTITY PROVIDER [FILE]`; of a builder also `id=…` and `source=…`.
fn line_of<'a>(key: &str, line: &'a str) -> Result<Line<'a>, String> {
    let is_builder = key.starts_with(BUILDERS);
    let (mut builder_id, mut source_uri) = (None, None);
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        match word.split_once('=') {
            Some(("id", id)) if is_builder => builder_id = Some(id),
            Some(("source", source)) if is_builder => source_uri = Some(source),
            _ => words.push(word),
        }
    }
    let how = match words.as_slice() {
        ["key", file] => How::Key(file),
        ["certificate", files @ ..] if !files.is_empty() => How::Certificates(files.to_vec()),
        ["sigstore", identity, provider, root @ ..] if root.len() < 2 => {
            How::Sigstore { identity, provider, root: root.first().copied() }
        }
        _ => {
            let of_builder = if is_builder { ", and for a builder `id=…` and `source=…`" } else { "" };
            return Err(format!(
                "is `key FILE`, `certificate FILE…` or `sigstore IDENTITY PROVIDER [FILE]` (the file has other authorities and \
                 logs than the public ones){of_builder}"
            ));
        }
    };
    Ok(Line { how, builder_id, source_uri })
}

/// Trust in the key of a file.
pub(crate) fn key_in(path: &Path, limits: &Limits) -> Result<Trust, CliError> {
    let key = PublicKey::from_pem(&read_text(path, limits.get(MAX_KEY))?);
    Ok(Trust::Key(key.map_err(|error| of_file(path, &error))?))
}

/// Trust in the certificates of files, of which there is one at least.
pub(crate) fn certificates_in(paths: &[PathBuf], limits: &Limits) -> Result<Trust, CliError> {
    let texts = paths.iter().map(|path| read_text(path, limits.get(MAX_KEY)));
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    let trusted = Trusted::from_pem(texts.iter().map(String::as_str));
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    Ok(Trust::Certificates(trusted.map_err(|error| of_file(first, &error))?))
}

/// Trust in an identity of Sigstore, by the public authorities and logs or by those of a file.
pub(crate) fn sigstore(
    identity: &str,
    provider: &str,
    root: Option<&Path>,
    limits: &Limits,
) -> Result<Trust, CliError> {
    let root = match root {
        None => TrustRoot::public_good(limits).map_err(|error| CliError::Usage(error.to_string()))?,
        Some(path) => {
            let text = read_text(path, limits.get(MAX_KEY))?;
            TrustRoot::read(text.as_bytes(), limits).map_err(|error| of_file(path, &error))?
        }
    };
    let (identity, identity_provider) = (identity.to_owned(), provider.to_owned());
    Ok(Trust::Sigstore(Box::new(SigstoreTrust { root, identity, identity_provider })))
}

/// A key, a certificate or another file of trust that cannot be used.
pub(crate) fn of_file(path: &Path, error: &SignatureError) -> CliError {
    CliError::Usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_somebody_signs() {
        let line = |line| line_of("gates.models.builders.ci", line);
        let how = |text| line(text).unwrap().how;
        assert_eq!(how("key a.pem"), How::Key("a.pem"));
        assert_eq!(how(" certificate  a.pem b.pem"), How::Certificates(vec!["a.pem", "b.pem"]));
        let built =
            line("sigstore https://x/wf https://issuer root.json id=https://b source=https://s@1").unwrap();
        let how =
            How::Sigstore { identity: "https://x/wf", provider: "https://issuer", root: Some("root.json") };
        assert_eq!(built, Line { how, builder_id: Some("https://b"), source_uri: Some("https://s@1") });
        for wrong in ["", "key", "key a b", "certificate", "sigstore a", "sigstore a b c d", "pgp a"] {
            assert!(line(wrong).unwrap_err().contains("for a builder"), "{wrong}");
        }
        let signer = line_of("gates.models.signers.ci", "key a.pem id=x").unwrap_err();
        assert!(!signer.contains("builder"), "{signer}");
    }
}
