//! `lazaret models bom`: a model's bill of materials.

use std::io::Write;

use lazaret_ledger::{CycloneDx, LedgerReader, model_bom};

use super::recall::RESCANNED;
use crate::cli::ModelsBomArgs;
use crate::commands::explain::rules;
use crate::commands::policy::of_ledger;
use crate::compose::ledger_of;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::json_document;

/// Names that are read at once.
const PAGE: u32 = 1_000;

/// Runs the command.
pub(super) fn run(
    args: &ModelsBomArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let reader = LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?;
    let models = names(&reader)?;
    let Some(model) = &args.model else {
        if json {
            json_document(out, &models)?;
        } else {
            models.iter().try_for_each(|model| writeln!(out, "{model}"))?;
        }
        return Ok(Exit::Clear);
    };
    if !models.contains(model) {
        let near = crate::config::nearest(model, models.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        return Err(CliError::Usage(format!("no model `{model}`{hint}; `lazaret models bom` lists them")));
    }
    let version = CycloneDx::parse(&args.spec).ok_or_else(|| {
        CliError::Usage(format!("`{}` is no CycloneDX version lazaret writes: 1.6 or 1.7", args.spec))
    })?;
    let rules = rules();
    let title =
        |id: &str| rules.iter().find(|(known, ..)| *known == id).map(|(.., title)| (*title).to_owned());
    let document = model_bom(&reader, model, args.revision.as_deref(), version, RESCANNED, &title)
        .map_err(|error| CliError::failed("the bill of materials", error))?;
    write!(out, "{document}")?;
    Ok(Exit::Clear)
}

fn names(reader: &LedgerReader) -> Result<Vec<String>, CliError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = reader.models(names.last().map(String::as_str), PAGE).map_err(of_ledger)?;
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page);
    }
}
