//! `lazaret init`: makes a data directory.

use std::io::Write;

use crate::cli::InitArgs;
use crate::compose::{Data, key_file};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::json_document;

/// Runs the command.
pub(crate) fn run(
    args: &InitArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let data = Data::init(config, args.passphrase)?;
    let verifier = data.ledger.key().to_string();
    let key = (!args.passphrase).then(|| key_file(config, &data.folder));
    data.close()?;
    if json {
        let document = serde_json::json!({
            "data": data.folder.display().to_string(),
            "key_file": key.map(|key| key.display().to_string()),
            "ledger_key": verifier,
        });
        json_document(out, &document)?;
        return Ok(Exit::Clear);
    }
    writeln!(out, "data directory  {}", data.folder.display())?;
    match key {
        Some(key) => {
            writeln!(
                out,
                "key file        {}  (keep a copy elsewhere: without it nothing can be read)",
                key.display()
            )?;
        }
        None => writeln!(
            out,
            "passphrase      asked for at every start (keep a copy: without it nothing can be read)"
        )?,
    }
    writeln!(out, "ledger key      {verifier}  (give it to whoever verifies)")?;
    Ok(Exit::Clear)
}
