//! `lazaret models verify`: a model against its signature.

use std::io::Write;
use std::path::Path;

use lazaret_core::Limit;
use lazaret_models::{
    MAX_KEY, Provenance, PublicKey, Signer, SigstoreTrust, Trust, TrustRoot, Trusted, Verification, Verify,
};

use super::sign::{cli_error, files, method_and_model, of_file};
use crate::cli::ModelsVerifyArgs;
use crate::config::Config;
use crate::exit::{CliError, Exit, read_text};
use crate::report::json_document;

/// Checks.
pub(super) fn run(
    args: &ModelsVerifyArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (method, model) = method_and_model(&args.common)?;
    let verify = Verify {
        model: model.to_owned(),
        signature: args.common.signature.clone(),
        trust: trust(args, method, config)?,
        ignore_paths: args.common.ignore_paths.clone(),
        ignore_git_paths: !args.common.no_ignore_git_paths,
        ignore_unsigned_files: args.ignore_unsigned_files,
        allow_symlinks: args.common.allow_symlinks,
        provenance: provenance(args, config)?,
    };
    let verification = verify.run(&config.limits()).map_err(cli_error)?;
    if json {
        json_document(out, &verification)?;
    } else {
        write(out, &verification)?;
    }
    Ok(if verification.verified { Exit::Clear } else { Exit::Findings })
}

fn trust(args: &ModelsVerifyArgs, method: Option<&str>, config: &Config) -> Result<Trust, CliError> {
    let most = config.limits().get(MAX_KEY);
    match (method, &args.public_key, args.certificate_chain.as_slice(), &args.identity) {
        (None | Some("key"), Some(path), [], None) => key(path, most),
        (None | Some("certificate"), None, paths @ [first, ..], None) => {
            let texts: Vec<String> =
                paths.iter().map(|path| read_text(path, most)).collect::<Result<_, _>>()?;
            let trusted = Trusted::from_pem(texts.iter().map(String::as_str));
            Ok(Trust::Certificates(trusted.map_err(|error| of_file(first, &error))?))
        }
        (None | Some("sigstore"), None, [], Some(identity)) => {
            sigstore(args, identity, args.identity_provider.as_deref(), config)
        }
        (Some(method @ ("pkcs11-key" | "pkcs11-certificate")), ..) => {
            let method = method.trim_start_matches("pkcs11-");
            Err(CliError::Usage(format!("what a token signed is checked as any other: `models verify {method}`")))
        }
        _ => Err(CliError::Usage(
            "say what you trust: `--public-key FILE` of the signer, `--certificate-chain FILE` with certificates, or `--identity` with `--identity-provider` for Sigstore"
                .to_owned(),
        )),
    }
}

fn key(path: &Path, most: Limit) -> Result<Trust, CliError> {
    let key = PublicKey::from_pem(&read_text(path, most)?);
    Ok(Trust::Key(key.map_err(|error| of_file(path, &error))?))
}

fn sigstore(
    args: &ModelsVerifyArgs,
    identity: &str,
    provider: Option<&str>,
    config: &Config,
) -> Result<Trust, CliError> {
    let provider = provider.ok_or_else(|| {
        CliError::Usage("say who knows that identity: its provider, `https://accounts.google.com`".to_owned())
    })?;
    let limits = config.limits();
    let root = match &args.trust_config {
        None => TrustRoot::public_good(&limits).map_err(cli_error)?,
        Some(path) => {
            let text = read_text(path, limits.get(MAX_KEY))?;
            TrustRoot::read(text.as_bytes(), &limits).map_err(|error| of_file(path, &error))?
        }
    };
    let (identity, identity_provider) = (identity.to_owned(), provider.to_owned());
    Ok(Trust::Sigstore(Box::new(SigstoreTrust { root, identity, identity_provider })))
}

fn provenance(args: &ModelsVerifyArgs, config: &Config) -> Result<Option<Provenance>, CliError> {
    let Some(file) = &args.provenance else { return Ok(None) };
    let trust = match (&args.provenance_key, &args.provenance_identity) {
        (Some(path), None) => key(path, config.limits().get(MAX_KEY))?,
        (None, Some(identity)) => {
            sigstore(args, identity, args.provenance_identity_provider.as_deref(), config)?
        }
        _ => {
            return Err(CliError::Usage(
                "say who is to have signed the provenance: `--provenance-key FILE`, or `--provenance-identity` with `--provenance-identity-provider`"
                    .to_owned(),
            ));
        }
    };
    let (builder_id, source_uri) = (args.builder_id.clone(), args.source_uri.clone());
    Ok(Some(Provenance { file: file.clone(), trust, builder_id, source_uri }))
}

fn write(out: &mut impl Write, verification: &Verification) -> Result<(), CliError> {
    for finding in &verification.findings {
        writeln!(out, "{}: {}: {}: {}", finding.at, finding.severity, finding.id, finding.message)?;
    }
    if !verification.verified {
        writeln!(out, "not verified")?;
        return Ok(());
    }
    writeln!(out, "verified: {}", files(verification.files))?;
    if let Some(subject) = &verification.subject {
        writeln!(out, "model sha256: {subject}")?;
    }
    if let Some(signer) = &verification.signer {
        writeln!(out, "{}", told(signer))?;
    }
    if let Some(proven) = &verification.provenance {
        writeln!(out, "built by: {}", proven.builder)?;
        if let Some(source) = &proven.source {
            writeln!(out, "from: {source} at {}", proven.commit.as_deref().unwrap_or("no commit"))?;
        }
        if let Some(run) = &proven.invocation {
            writeln!(out, "run: {run}")?;
        }
        writeln!(out, "provenance signed by {}", told(&proven.signer))?;
    }
    Ok(())
}

fn told(signer: &Signer) -> String {
    match signer {
        Signer::Key { curve, hint } => format!("key: {hint} ({curve})"),
        Signer::Certificate { name, fingerprint, from, until } => {
            format!("certificate: {name}, {fingerprint}, valid from {from} to {until}")
        }
        Signer::Sigstore { identity, identity_provider, signed_at, log_index } => {
            format!(
                "identity: {identity}, known to {identity_provider}, at {signed_at}, entry {log_index} of the log"
            )
        }
    }
}
