//! `lazaret keys`: status, export, rotation, shredding, legal hold. All but the first are crossings, recorded before
//! they are carried out.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Ordered, Signer as _, Subject};
use lazaret_ledger::note::VerifierKey;
use lazaret_vault::{Kms, LocalKms, ModelKey, SystemRandom, VaultFailure};

use super::export::{Asked, export};
use super::models::public_of;
use crate::cli::KeysCommand;
use crate::compose::{Crossings, Data, Reading, ask_passphrase};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::persons::is_one_person;
use crate::report::{json_document, thousands};

/// Runs the command.
pub(crate) fn run(
    command: &KeysCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    if matches!(command, KeysCommand::Status) {
        status(&Reading::open(config)?, config, json, out)?;
        return Ok(Exit::Clear);
    }
    if let KeysCommand::ModelSigningKey { name, make: false, .. } = command {
        let vault = Reading::open(config)?.vault;
        let key = vault.model_key(name).map_err(CliError::vault)?.ok_or_else(|| {
            let way_out = "to make it, add `--make --by WHO --reason WHY`";
            CliError::Usage(format!("the vault has no key of that name for models; {way_out}"))
        })?;
        model_key(&key, json, out)?;
        return Ok(Exit::Clear);
    }
    let data = Data::open(config)?;
    match command {
        KeysCommand::Status => {}
        KeysCommand::ModelSigningKey { name, by, reason, .. } => {
            let (by, reason) = (by.as_deref().unwrap_or_default(), reason.as_deref().unwrap_or_default());
            if data.vault.model_key(name).map_err(CliError::vault)?.is_some() {
                return Err(CliError::vault(VaultFailure::ModelKeyExists { name: name.clone() }));
            }
            let order = Crossings::order(Ordered::MakeModelKey, name, by, None, reason);
            data.carry_out(Crossings::new(config, "vault", None, None, None)?.ordered(order)?)?;
            model_key(&data.vault.make_model_key(name).map_err(CliError::vault)?, json, out)?;
        }
        KeysCommand::Export { datasets, columns, reader, by, second, reason, to } => {
            let asked =
                Asked { datasets, columns, reader, by, second: second.as_deref(), reason, to: to.as_path() };
            export(&data, config, &asked, json, out)?;
        }
        KeysCommand::Rotate { new_key_file, by, reason } => {
            rotate(&data, config, new_key_file.as_deref(), by, reason, out)?;
        }
        KeysCommand::Shred { subject, system, by, second, reason } => {
            let subject = named(config, subject, system.as_deref());
            shred(&data, config, &subject, by, second, reason, out)?;
        }
        KeysCommand::LegalHold { subject, system, lift, by, reason } => {
            let subject = named(config, subject, system.as_deref());
            legal_hold(&data, config, &subject, !lift, by, reason, out)?;
        }
    }
    data.close()?;
    Ok(Exit::Clear)
}

fn named(config: &Config, subject: &str, system: Option<&str>) -> Subject {
    let system = system.unwrap_or_else(|| config.text("crossing.system")).to_owned();
    Subject { system, id: subject.to_owned().into() }
}

/// The public half alone, so that the output is what others check by.
fn model_key(key: &ModelKey, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let public = public_of(key)?;
    if json {
        let key = serde_json::json!({
            "name": key.name(), "curve": public.curve().name(), "hint": public.hint(), "public_key": public.pem(),
        });
        json_document(out, &key)?;
        return Ok(());
    }
    write!(out, "{}", public.pem())?;
    Ok(())
}

fn status(data: &Reading, config: &Config, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let status = data.vault.status().map_err(CliError::vault)?;
    if json {
        json_document(out, &status)?;
        return Ok(());
    }
    writeln!(
        out,
        "key service   {} ({}), version {}",
        status.kms.provider, status.kms.key_id, status.kms_version
    )?;
    writeln!(out, "in use since  {} ({} days)", status.kms_since, status.kms_age_days)?;
    writeln!(out, "data keys     {} of datasets, {} of the vault", status.dataset_keys, status.vault_keys)?;
    writeln!(out, "subjects      {}, {} under legal hold", thousands(status.subjects), status.legal_holds)?;
    writeln!(
        out,
        "tokens        {}, {} shredded",
        thousands(status.tokens),
        thousands(status.shredded_tokens)
    )?;
    writeln!(out, "held records  {}, {} settled", thousands(status.held), thousands(status.settled))?;
    let key = VerifierKey::new(config.text("ledger.origin"), data.vault.public_key());
    let key = key.map_err(|error| CliError::Usage(chain(&error)))?;
    writeln!(out, "ledger key    {key}")?;
    Ok(())
}

/// The order stands in the ledger before the first key is wrapped anew; an entry afterwards says that it was done.
fn rotate(
    data: &Data,
    config: &Config,
    new: Option<&Path>,
    by: &str,
    reason: &str,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let crossings = Crossings::new(config, "vault", None, None, None)?;
    let usage = |error: lazaret_vault::KmsError| CliError::Usage(chain(&error));
    let kms: Arc<dyn Kms> = match new {
        Some(file) if file.exists() => Arc::new(LocalKms::key_file(file, &data.folder).map_err(usage)?),
        Some(file) => Arc::new(LocalKms::create_key_file(file, &data.folder, &SystemRandom).map_err(usage)?),
        None => {
            let passphrase = ask_passphrase("new passphrase for the keys: ").map_err(|error| {
                CliError::Usage(format!("{error}; for a new key file give --new-key-file FILE"))
            })?;
            Arc::new(LocalKms::new_passphrase(&passphrase, &SystemRandom).map_err(usage)?)
        }
    };
    let (from, to) = (data.vault.status().map_err(CliError::vault)?.kms, kms.describe());
    if from.key_id == to.key_id {
        return Err(CliError::Usage("the new key-encryption key is the one in force".to_owned()));
    }
    let object = format!("{} to {}", from.key_id, to.key_id);
    let order = Crossings::order(Ordered::RotateKeys, &object, by, None, reason);
    let receipt = data.carry_out(crossings.ordered(order)?)?;
    let rotated = data.vault.rotate(kms).map_err(CliError::vault)?;
    crate::unfinished::record_rotations(&data.vault, &data.ledger)?;
    writeln!(
        out,
        "{} keys wrapped anew under {}; no data was rewritten; receipt {receipt}",
        rotated.keys, rotated.to.key_id
    )?;
    if let Some(file) = new {
        writeln!(out, "from now on: --key-file {}", file.display())?;
    }
    Ok(())
}

fn legal_hold(
    data: &Data,
    config: &Config,
    subject: &Subject,
    put: bool,
    by: &str,
    reason: &str,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let what = if put { Ordered::LegalHold } else { Ordered::LiftLegalHold };
    let crossings = Crossings::new(config, "vault", None, None, Some(&subject.system))?;
    let digest = data.vault.digest_for_hold(subject).map_err(CliError::vault)?;
    let order = Crossings::order(what, &digest, by, None, reason);
    let receipt = data.carry_out(crossings.ordered(order)?)?;
    data.vault.legal_hold(subject, put, by).map_err(CliError::vault)?;
    let done = if put { "under legal hold: cannot be shredded" } else { "legal hold lifted" };
    writeln!(out, "{done}; receipt {receipt}")?;
    Ok(())
}

fn shred(
    data: &Data,
    config: &Config,
    subject: &Subject,
    by: &str,
    second: &str,
    reason: &str,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if is_one_person(by, second) {
        return Err(CliError::Usage("shredding takes two different persons (--by, --second)".to_owned()));
    }
    // Refused before the order is recorded; recorded, it will be carried out.
    let digest = match data.vault.may_be_shredded(subject) {
        Err(VaultFailure::LegalHold) => {
            return Err(CliError::Usage("the subject is under legal hold and cannot be shredded".to_owned()));
        }
        digest => digest.map_err(CliError::vault)?,
    };
    let crossings = Crossings::new(config, "shredded", None, None, Some(&subject.system))?;
    let order = Crossings::order(Ordered::Shred, &digest, by, Some(second), reason);
    let receipt = data.carry_out(crossings.ordered(order)?)?;
    let shredded = data.vault.shred(subject, by, second, reason).map_err(CliError::vault)?;
    writeln!(
        out,
        "shredded: {} tokens, {} known facts and {} held records of the subject mean nothing now; receipt {receipt}",
        thousands(shredded.tokens),
        thousands(shredded.facts),
        thousands(shredded.holds)
    )?;
    Ok(())
}
