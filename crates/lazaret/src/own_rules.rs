//! The hospital's own rules of the model gate: the file that is in force, read as of today.

use std::path::{Path, PathBuf};

use lazaret_core::{Clock as _, SystemClock};
use lazaret_models::OwnRules;

use crate::compose::is_data_directory;
use crate::config::Config;
use crate::exit::{CliError, read_text};

/// The file's name in a data directory.
pub(crate) const FILE: &str = "models.toml";

/// The rules in force and the file they are from: the one that a flag names, else the setting `models.rules`, else the data
/// directory's. Without any there are none.
pub(crate) fn in_force(
    config: &Config,
    named: Option<&Path>,
) -> Result<(OwnRules, Option<PathBuf>), CliError> {
    let Some(file) = path(config, named) else { return Ok((OwnRules::none(), None)) };
    Ok((read(&file, config)?, Some(file)))
}

fn path(config: &Config, named: Option<&Path>) -> Option<PathBuf> {
    if let Some(file) = named {
        return Some(file.to_owned());
    }
    let is_set = !config.path("models.rules").as_os_str().is_empty();
    let is_there = |file: &PathBuf| is_data_directory(&config.path("data")) && file.exists();
    Some(place(config)).filter(|file| is_set || is_there(file))
}

/// Where the file lies, or would: the setting `models.rules`, else the data directory's.
pub(crate) fn place(config: &Config) -> PathBuf {
    let set = config.path("models.rules");
    if set.as_os_str().is_empty() { config.path("data").join(FILE) } else { set }
}

/// Reads a file. All that is wrong in it is told with the line.
pub(crate) fn read(path: &Path, config: &Config) -> Result<OwnRules, CliError> {
    let limits = config.limits();
    let text = read_text(path, limits.get(OwnRules::MAX_FILE))?;
    OwnRules::read(&text, SystemClock.now(), &limits).map_err(|error| {
        let lines: Vec<String> =
            error.to_string().lines().map(|line| format!("{}: {line}", path.display())).collect();
        CliError::Usage(lines.join("\n"))
    })
}
