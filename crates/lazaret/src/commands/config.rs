//! `lazaret config`: the settings in force and where each came from.

use std::io::Write;

use lazaret_core::Limit;

use crate::config::{Config, SETTINGS};
use crate::exit::{CliError, Exit};
use crate::report::{json_document, table};

/// Runs the command.
pub(crate) fn run(
    config: &Config,
    limits: &[Limit],
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let effective = config.effective(limits);
    if json {
        let rows: Vec<_> = effective
            .iter()
            .map(|(key, value, origin)| serde_json::json!({ "key": key, "value": value, "from": origin }))
            .collect();
        json_document(out, &rows)?;
        return Ok(Exit::Clear);
    }
    let mut rows = table(["setting", "value", "from", "what it is"]);
    for (key, value, origin) in effective {
        let about = match SETTINGS.iter().find(|setting| setting.key == key) {
            Some(setting) => setting.about,
            None if key.starts_with("reviewers.") => {
                "who proposes entries of the knowledge and approves others'"
            }
            None if key.starts_with("profiles.") => "a line of a profile of the hospital's own",
            None if key.starts_with("limits.") => "a limit",
            None => "a line of a table",
        };
        rows.add_row([key, value, origin, about.to_owned()]);
    }
    writeln!(out, "{rows}")?;
    Ok(Exit::Clear)
}
