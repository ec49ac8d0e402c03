//! `lazaret models verify`: a model against its signature.

use std::io::Write;

use lazaret_core::Limit;
use lazaret_models::{MAX_KEY, PublicKey, Signer, Trust, Trusted, Verification, Verify};

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
        trust: trust(args, method, config.limits().get(MAX_KEY))?,
        ignore_paths: args.common.ignore_paths.clone(),
        ignore_git_paths: !args.common.no_ignore_git_paths,
        ignore_unsigned_files: args.ignore_unsigned_files,
        allow_symlinks: args.common.allow_symlinks,
    };
    let verification = verify.run(&config.limits()).map_err(cli_error)?;
    if json {
        json_document(out, &verification)?;
    } else {
        write(out, &verification)?;
    }
    Ok(if verification.verified { Exit::Clear } else { Exit::Findings })
}

fn trust(args: &ModelsVerifyArgs, method: Option<&str>, most: Limit) -> Result<Trust, CliError> {
    match (method, &args.public_key, args.certificate_chain.as_slice()) {
        (None | Some("key"), Some(path), []) => {
            let key = PublicKey::from_pem(&read_text(path, most)?);
            Ok(Trust::Key(key.map_err(|error| of_file(path, &error))?))
        }
        (None | Some("certificate"), None, paths @ [first, ..]) => {
            let texts: Vec<String> =
                paths.iter().map(|path| read_text(path, most)).collect::<Result<_, _>>()?;
            let trusted = Trusted::from_pem(texts.iter().map(String::as_str));
            Ok(Trust::Certificates(trusted.map_err(|error| of_file(first, &error))?))
        }
        _ => Err(CliError::Usage(
            "say what you trust: `--public-key FILE` of the signer, or `--certificate-chain FILE` with certificates"
                .to_owned(),
        )),
    }
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
    match &verification.signer {
        Some(Signer::Key { curve, hint }) => writeln!(out, "key: {hint} ({curve})")?,
        Some(Signer::Certificate { name, fingerprint, from, until }) => {
            writeln!(out, "certificate: {name}, {fingerprint}, valid from {from} to {until}")?;
        }
        None => {}
    }
    Ok(())
}
