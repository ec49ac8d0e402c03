//! `lazaret models sign`: a signature over the files of a model.

use std::io::Write;
use std::path::Path;

use lazaret_models::{MAX_KEY, PrivateKey, Sign, SignatureError};
use zeroize::Zeroizing;

use crate::cli::{ModelsSignArgs, SignatureArgs};
use crate::config::Config;
use crate::exit::{CliError, Exit, read_text};
use crate::report::{json_document, thousands};

/// Signs.
pub(super) fn run(
    args: &ModelsSignArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (method, model) = method_and_model(&args.common)?;
    if method == Some("certificate") {
        return Err(CliError::Usage(
            "signing with a certificate is not built in: sign with its key".to_owned(),
        ));
    }
    let text = Zeroizing::new(read_text(&args.private_key, config.limits().get(MAX_KEY))?);
    let key = PrivateKey::from_pem(&text).map_err(|error| of_file(&args.private_key, &error))?;
    let sign = Sign {
        model: model.to_owned(),
        signature: args.common.signature.clone(),
        key: &key,
        ignore_paths: args.common.ignore_paths.clone(),
        ignore_git_paths: !args.common.no_ignore_git_paths,
        allow_symlinks: args.common.allow_symlinks,
    };
    let signed = sign.run(&config.limits()).map_err(cli_error)?;
    if json {
        json_document(out, &signed)?;
        return Ok(Exit::Clear);
    }
    for path in &signed.left_out {
        writeln!(out, "left out: {path}")?;
    }
    writeln!(out, "signed: {} of {}, as {}", files(signed.files), signed.name, sign.signature.display())?;
    writeln!(out, "model sha256: {}", signed.subject)?;
    writeln!(out, "key: {}", signed.hint)?;
    Ok(Exit::Clear)
}

/// `3 files`.
pub(super) fn files(count: u64) -> String {
    format!("{} {}", thousands(count), if count == 1 { "file" } else { "files" })
}

/// `key MODEL` as `model_signing` has it, or `MODEL` alone.
pub(super) fn method_and_model(common: &SignatureArgs) -> Result<(Option<&str>, &Path), CliError> {
    match common.model.as_slice() {
        [model] => Ok((None, model)),
        [method, model] => match method.to_str() {
            Some(method @ ("key" | "certificate")) => Ok((Some(method), model)),
            Some(method @ ("sigstore" | "pkcs11-key" | "pkcs11-certificate")) => Err(CliError::Usage(
                format!("the method `{method}` is not built in: there are `key` and `certificate`"),
            )),
            _ => Err(CliError::Usage("one model at a time".to_owned())),
        },
        _ => Err(CliError::Usage("name the model".to_owned())),
    }
}

/// A fault of a file of the operator's: its path, and what is wrong with it.
pub(super) fn of_file(path: &Path, error: &SignatureError) -> CliError {
    CliError::Usage(format!("{}: {error}", path.display()))
}

/// A model that could not be signed or checked.
pub(super) fn cli_error(error: SignatureError) -> CliError {
    match error {
        SignatureError::Key(_)
        | SignatureError::Certificates(_)
        | SignatureError::Usage(_)
        | SignatureError::Model(_) => CliError::Usage(error.to_string()),
        SignatureError::Unsupported(_) | SignatureError::Signature(_) => {
            CliError::Uninspectable(error.to_string())
        }
        other => CliError::failed("the model could not be read, or its signature not be written", other),
    }
}
