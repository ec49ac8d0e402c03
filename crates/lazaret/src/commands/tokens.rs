//! `lazaret tokens reveal`: what a token stands for. A crossing, recorded before the value is shown.

use std::io::Write;

use lazaret_core::Ordered;
use lazaret_vault::{VaultFailure, token_in};

use crate::cli::TokensCommand;
use crate::compose::{Crossings, Data};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::json_document;

/// Runs the command.
pub(crate) fn run(
    command: &TokensCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let TokensCommand::Reveal { token, by, reason } = command;
    // What is no token could be a value, and an order stands in the ledger for good.
    let token = &token_in(token).ok_or_else(|| CliError::Usage(VaultFailure::NotAToken.to_string()))?;
    let data = Data::open(config)?;
    let crossings = Crossings::new(config, "terminal", None, None, None)?;
    let order = Crossings::order(Ordered::Reveal, token, by, None, reason);
    let receipt = data.carry_out(crossings.ordered(order)?)?;
    let revealed = data.vault.reveal(token).map_err(CliError::vault)?;
    if json {
        let document = serde_json::json!({
            "token": token,
            "value": revealed.value.expose(),
            "scope": revealed.scope,
            "purpose": revealed.purpose,
            "system": revealed.system.expose(),
            "receipt": receipt,
        });
        json_document(out, &document)?;
    } else {
        writeln!(out, "{}", revealed.value.expose())?;
    }
    data.close()?;
    Ok(Exit::Clear)
}
