//! `lazaret models verify`: a model against its signature.

use std::io::{ErrorKind, Write};
use std::path::Path;

use lazaret_core::{Finding, Limits, Locator, Severity};
use lazaret_models::{Builder, Provenance, Trust, Verification, Verify, rule};

use super::sign::{cli_error, files, method_and_model};
use crate::cli::ModelsVerifyArgs;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::json_document;
use crate::signatories::{certificates_in, key_in, sigstore};

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
    let verification = if verify.model.exists() && is_missing(&verify.signature) {
        not_signed(&verify.signature)?
    } else {
        verify.run(&config.limits()).map_err(cli_error)?
    };
    if json {
        json_document(out, &verification)?;
    } else {
        write(out, &verification)?;
    }
    Ok(if verification.verified { Exit::Clear } else { Exit::Findings })
}

fn is_missing(signature: &Path) -> bool {
    std::fs::symlink_metadata(signature).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// What is said of a model without the signature that was named.
fn not_signed(signature: &Path) -> Result<Verification, CliError> {
    let shown = signature.display().to_string();
    let unsigned =
        rule("signature.unsigned").ok_or_else(|| CliError::Usage(format!("{shown}: not there")))?;
    let why =
        "not signed: there is no such file; `--signature FILE` names the signature where it lies elsewhere";
    let finding = Finding {
        severity: Severity::Medium.max(unsigned.rule.severity),
        ..Finding::new(&unsigned.rule, Locator::printed(shown), why)
    };
    Ok(Verification {
        verified: false,
        signer: None,
        name: None,
        subject: None,
        files: 0,
        provenance: None,
        findings: vec![finding],
    })
}

fn trust(args: &ModelsVerifyArgs, method: Option<&str>, config: &Config) -> Result<Trust, CliError> {
    let limits = config.limits();
    match (method, &args.public_key, args.certificate_chain.as_slice(), &args.identity) {
        (None | Some("key"), Some(path), [], None) => key_in(path, &limits),
        (None | Some("certificate"), None, paths @ [_, ..], None) => certificates_in(paths, &limits),
        (None | Some("sigstore"), None, [], Some(identity)) => {
            known(args, identity, args.identity_provider.as_deref(), &limits)
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

/// Trust in an identity, which needs the one who knows it.
fn known(
    args: &ModelsVerifyArgs,
    identity: &str,
    provider: Option<&str>,
    limits: &Limits,
) -> Result<Trust, CliError> {
    let provider = provider.ok_or_else(|| {
        CliError::Usage("say who knows that identity: its provider, `https://accounts.google.com`".to_owned())
    })?;
    sigstore(identity, provider, args.trust_config.as_deref(), limits)
}

fn provenance(args: &ModelsVerifyArgs, config: &Config) -> Result<Option<Provenance>, CliError> {
    let Some(file) = &args.provenance else { return Ok(None) };
    let trust = match (&args.provenance_key, &args.provenance_identity) {
        (Some(path), None) => key_in(path, &config.limits())?,
        (None, Some(identity)) => {
            known(args, identity, args.provenance_identity_provider.as_deref(), &config.limits())?
        }
        _ => {
            return Err(CliError::Usage(
                "say who is to have signed the provenance: `--provenance-key FILE`, or `--provenance-identity` with `--provenance-identity-provider`"
                    .to_owned(),
            ));
        }
    };
    let (builder_id, source_uri) = (args.builder_id.clone(), args.source_uri.clone());
    let builder = Builder { trust, builder_id, source_uri };
    Ok(Some(Provenance { file: file.clone(), builder }))
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
        writeln!(out, "{signer}")?;
    }
    if let Some(proven) = &verification.provenance {
        writeln!(out, "built by: {}", proven.builder)?;
        if let Some(source) = &proven.source {
            writeln!(out, "from: {source} at {}", proven.commit.as_deref().unwrap_or("no commit"))?;
        }
        if let Some(run) = &proven.invocation {
            writeln!(out, "run: {run}")?;
        }
        writeln!(out, "provenance signed by {}", proven.signer)?;
    }
    Ok(())
}
