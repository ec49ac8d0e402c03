//! `lazaret bom`: a dataset's bill of materials.

use std::io::Write;

use lazaret_ledger::{CycloneDx, LedgerReader, bom, bom_view};

use crate::cli::BomArgs;
use crate::commands::policy::of_ledger;
use crate::compose::ledger_of;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::report::json_document;
use crate::server::bom_document;

/// Runs the command.
pub(crate) fn run(
    args: &BomArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let reader = LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?;
    let datasets = reader.datasets().map_err(of_ledger)?;
    let Some(dataset) = &args.dataset else {
        if json {
            json_document(out, &datasets)?;
        } else {
            datasets.iter().try_for_each(|dataset| writeln!(out, "{dataset}"))?;
        }
        return Ok(Exit::Clear);
    };
    let lakes = reader.destinations_of_dataset(dataset).map_err(of_ledger)?;
    if lakes.is_empty() {
        let near = crate::config::nearest(dataset, datasets.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        return Err(CliError::Usage(format!("no dataset `{dataset}`{hint}; `lazaret bom` lists them")));
    }
    let lake = args.lake.as_deref();
    if lake.is_some_and(|lake| !lakes.iter().flatten().any(|id| id == lake)) {
        let known: Vec<&str> = lakes.iter().flatten().map(String::as_str).collect();
        return Err(CliError::Usage(format!(
            "`{dataset}` was never in a lake of this id; it was in: {}",
            known.join(", ")
        )));
    }
    let failed = |error| CliError::failed("the bill of materials", error);
    if args.page {
        let view = bom_view(&reader, dataset, lake).map_err(failed)?;
        let page = bom_document(view).map_err(|error| CliError::failed("the page", error))?;
        writeln!(out, "{page}")?;
        return Ok(Exit::Clear);
    }
    let version = CycloneDx::parse(&args.spec).ok_or_else(|| {
        CliError::Usage(format!("`{}` is no CycloneDX version lazaret writes: 1.6 or 1.7", args.spec))
    })?;
    let document = bom(&reader, dataset, lake, version).map_err(failed)?;
    writeln!(out, "{document}")?;
    Ok(Exit::Clear)
}
