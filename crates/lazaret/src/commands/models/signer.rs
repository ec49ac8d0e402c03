//! What signs a model: a key in a file, in the vault, or in a token.

use std::path::Path;

use lazaret_models::{MAX_KEY, PrivateKey, PublicKey, SignatureError, SigningKey};
use lazaret_vault::ModelKey;
use zeroize::Zeroizing;

use super::pkcs11::Token;
use super::sign::cli_error;
use crate::cli::ModelsSignArgs;
use crate::compose::Reading;
use crate::config::Config;
use crate::exit::{CliError, read_text};
use crate::signatories::of_file;

/// The key that was asked for.
pub(super) fn signer(args: &ModelsSignArgs, config: &Config) -> Result<Box<dyn SigningKey>, CliError> {
    match (&args.private_key, &args.vault_key, &args.pkcs11_uri) {
        (Some(file), None, None) => in_file(file, config),
        (None, Some(name), None) => in_vault(name, config),
        (None, None, Some(uri)) => Ok(Box::new(Token::open(uri).map_err(cli_error)?)),
        _ => Err(CliError::Usage(
            "say which key signs: `--private-key FILE`, `--vault-key NAME` or `--pkcs11-uri URI`".to_owned(),
        )),
    }
}

fn in_file(file: &Path, config: &Config) -> Result<Box<dyn SigningKey>, CliError> {
    let text = Zeroizing::new(read_text(file, config.limits().get(MAX_KEY))?);
    Ok(Box::new(PrivateKey::from_pem(&text).map_err(|error| of_file(file, &error))?))
}

fn in_vault(name: &str, config: &Config) -> Result<Box<dyn SigningKey>, CliError> {
    let key = Reading::open(config)?.vault.model_key(name).map_err(CliError::vault)?;
    let key = key.ok_or_else(|| {
        let way_out = "make it with `lazaret keys model-signing-key NAME --make --by WHO --reason WHY`";
        CliError::Usage(format!("the vault has no key of that name for models; {way_out}"))
    })?;
    let public = public_of(&key)?;
    Ok(Box::new(VaultKey { key, public }))
}

/// The public half of a key of the vault.
pub(crate) fn public_of(key: &ModelKey) -> Result<PublicKey, CliError> {
    PublicKey::p256(key.point()).map_err(cli_error)
}

#[derive(Debug)]
struct VaultKey {
    key: ModelKey,
    public: PublicKey,
}

impl SigningKey for VaultKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.key.sign(message).map_err(|error| SignatureError::Key(lazaret_core::chain(&error)))
    }
}
