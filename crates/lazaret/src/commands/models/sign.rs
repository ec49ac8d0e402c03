//! `lazaret models sign`: a signature over the files of a model.

use std::io::Write;
use std::path::Path;

use lazaret_models::{MAX_KEY, PublicKey, Sign, SignatureError, SigningChain};

use super::signer::signer;
use crate::cli::{ModelsSignArgs, SignatureArgs};
use crate::config::Config;
use crate::exit::{CliError, Exit, read_text};
use crate::report::{json_document, thousands};
use crate::signatories::of_file;

/// Signs.
pub(super) fn run(
    args: &ModelsSignArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (method, model) = method_and_model(&args.common)?;
    fits(args, method)?;
    let key = signer(args, config)?;
    let chain = match &args.signing_certificate {
        Some(file) => Some(chain(args, file, key.public(), config)?),
        None => None,
    };
    let sign = Sign {
        model: model.to_owned(),
        signature: args.common.signature.clone(),
        key: key.as_ref(),
        chain: chain.as_ref(),
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
    if let Some(name) = &signed.certificate {
        writeln!(out, "certificate: {name}")?;
    }
    writeln!(out, "key: {}", signed.hint)?;
    Ok(Exit::Clear)
}

/// Whether the method that was named is that of the options; without one, the options say it.
fn fits(args: &ModelsSignArgs, method: Option<&str>) -> Result<(), CliError> {
    let (in_token, certified) = match method {
        None => return Ok(()),
        Some("key") => (false, false),
        Some("certificate") => (false, true),
        Some("pkcs11-key") => (true, false),
        Some("pkcs11-certificate") => (true, true),
        Some(method) => {
            let why = "it needs a sign-in over the network";
            return Err(CliError::Usage(format!("the method `{method}` is not built in for signing: {why}")));
        }
    };
    if in_token != args.pkcs11_uri.is_some() {
        return Err(CliError::Usage(
            "`--pkcs11-uri` goes with `pkcs11-key` and `pkcs11-certificate`".to_owned(),
        ));
    }
    if certified != args.signing_certificate.is_some() {
        let why = "`--signing-certificate` goes with `certificate` and `pkcs11-certificate`";
        return Err(CliError::Usage(why.to_owned()));
    }
    Ok(())
}

fn chain(
    args: &ModelsSignArgs,
    file: &Path,
    key: &PublicKey,
    config: &Config,
) -> Result<SigningChain, CliError> {
    let most = config.limits().get(MAX_KEY);
    let signing = read_text(file, most)?;
    let texts = args.certificate_chain.iter().map(|path| read_text(path, most));
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    SigningChain::from_pem(&signing, texts.iter().map(String::as_str), key)
        .map_err(|error| of_file(file, &error))
}

/// `3 files`.
pub(super) fn files(count: u64) -> String {
    format!("{} {}", thousands(count), if count == 1 { "file" } else { "files" })
}

/// Methods, as `model_signing` names them.
const METHODS: [&str; 5] = ["key", "certificate", "sigstore", "pkcs11-key", "pkcs11-certificate"];

/// `key MODEL` as `model_signing` has it, or `MODEL` alone.
pub(super) fn method_and_model(common: &SignatureArgs) -> Result<(Option<&str>, &Path), CliError> {
    match common.model.as_slice() {
        [model] => Ok((None, model)),
        [method, model] => match method.to_str().filter(|method| METHODS.contains(method)) {
            Some(method) => Ok((Some(method), model)),
            None => Err(CliError::Usage("one model at a time".to_owned())),
        },
        _ => Err(CliError::Usage("name the model".to_owned())),
    }
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
