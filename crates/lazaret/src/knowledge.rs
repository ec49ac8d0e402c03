//! The scanner as configured: with the limits in force, and the file of what the hospital knows of its own texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{Clock, SystemClock, hex};
use lazaret_ledger::merkle::sha256;
use lazaret_phi::{Knowledge, MAX_KNOWLEDGE, Scanner};

use crate::config::Config;
use crate::exit::{CliError, read_text};

/// The scanner of this configuration, with its knowledge as the file says it now.
pub(crate) fn scanner(config: &Config) -> Result<Scanner, CliError> {
    let scanner = Scanner::new()
        .map_err(|error| CliError::failed("the detectors of identifying text", error))?
        .with_limits(&config.limits());
    let Some(path) = path(config) else { return Ok(scanner) };
    Ok(scanner.knowing(Arc::new(read(&path, config)?)))
}

/// The file of the hospital's knowledge, if the configuration names one.
pub(crate) fn path(config: &Config) -> Option<PathBuf> {
    let path = config.path("phi.knowledge");
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Reads a file. All that is wrong in it is told with the line.
pub(crate) fn read(path: &Path, config: &Config) -> Result<Knowledge, CliError> {
    let text = read_text(path, config.limits().get(MAX_KNOWLEDGE))?;
    parse(path, &text, config)
}

/// The same of a text that is, or would be, the file's.
pub(crate) fn parse(path: &Path, text: &str, config: &Config) -> Result<Knowledge, CliError> {
    let digest = format!("sha256:{}", hex(&sha256(text.as_bytes())));
    Knowledge::read(text, &digest, SystemClock.now(), &config.limits()).map_err(|error| {
        let lines: Vec<String> =
            error.to_string().lines().map(|line| format!("{}: {line}", path.display())).collect();
        CliError::Usage(lines.join("\n"))
    })
}
