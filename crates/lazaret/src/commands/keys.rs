//! `lazaret keys`: status, rotation, shredding, legal hold.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Ordered, Signer as _, Subject};
use lazaret_ledger::note::VerifierKey;
use lazaret_vault::{Kms, LocalKms, SystemRandom, VaultFailure};

use crate::cli::KeysCommand;
use crate::compose::{Crossings, Data, Reading, ask_passphrase};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
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
    let data = Data::open(config)?;
    match command {
        KeysCommand::Status => {}
        KeysCommand::Rotate { new_key_file } => rotate(&data, new_key_file.as_deref(), out)?,
        KeysCommand::Shred { subject, system, by, second, reason } => {
            let subject = named(config, subject, system.as_deref());
            shred(&data, config, &subject, by, second, reason, out)?;
        }
        KeysCommand::LegalHold { subject, system, lift, by } => {
            let subject = named(config, subject, system.as_deref());
            data.vault.legal_hold(&subject, !lift, by).map_err(CliError::vault)?;
            writeln!(
                out,
                "{}",
                if *lift { "legal hold lifted" } else { "under legal hold: cannot be shredded" }
            )?;
        }
    }
    data.close()?;
    Ok(Exit::Clear)
}

fn named(config: &Config, subject: &str, system: Option<&str>) -> Subject {
    let system = system.unwrap_or_else(|| config.text("crossing.system")).to_owned();
    Subject { system, id: subject.to_owned().into() }
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

fn rotate(data: &Data, new: Option<&Path>, out: &mut impl Write) -> Result<(), CliError> {
    let usage = |error: lazaret_vault::KmsError| CliError::Usage(chain(&error));
    let kms: Arc<dyn Kms> = match new {
        Some(file) if file.exists() => Arc::new(LocalKms::key_file(file, &data.folder).map_err(usage)?),
        Some(file) => Arc::new(LocalKms::create_key_file(file, &data.folder, &SystemRandom).map_err(usage)?),
        None => {
            let passphrase = ask_passphrase("new passphrase for the keys: ")?;
            Arc::new(LocalKms::new_passphrase(&passphrase, &SystemRandom).map_err(usage)?)
        }
    };
    let rotated = data.vault.rotate(kms).map_err(CliError::vault)?;
    crate::unfinished::record_rotations(&data.vault, &data.ledger)?;
    writeln!(out, "{} keys wrapped anew under {}; no data was rewritten", rotated.keys, rotated.to.key_id)?;
    if let Some(file) = new {
        writeln!(out, "from now on: --key-file {}", file.display())?;
    }
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
    if by.trim().eq_ignore_ascii_case(second.trim()) {
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
