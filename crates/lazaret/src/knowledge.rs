//! The scanner as configured: with the limits in force, the file of what the hospital knows of its own texts, and its
//! model. Whatever looks at text gets its scanner here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{Clock as _, SystemClock, hex};
use lazaret_ledger::merkle::sha256;
use lazaret_phi::{Knowledge, MAX_KNOWLEDGE, Scanner, TokenClassifier};

use crate::config::Config;
use crate::exit::{CliError, read_text};
use crate::model;
use crate::reread::Reread;

/// The scanner of this configuration, with its knowledge as the file says it now.
pub(crate) fn scanner(config: &Config) -> Result<Scanner, CliError> {
    scanner_with(model::open(config)?, config)
}

/// The same with a model that is open already: weights are read once a process.
fn scanner_with(model: Option<Arc<dyn TokenClassifier>>, config: &Config) -> Result<Scanner, CliError> {
    let known = path(config).map(|path| read(&path, config)).transpose()?;
    made_of(model, known.map(Arc::new), config)
}

/// The scanner of this configuration with knowledge that is not, or not yet, in the file.
pub(crate) fn scanner_knowing(config: &Config, known: Option<Arc<Knowledge>>) -> Result<Scanner, CliError> {
    made_of(model::open(config)?, known, config)
}

fn made_of(
    model: Option<Arc<dyn TokenClassifier>>,
    known: Option<Arc<Knowledge>>,
    config: &Config,
) -> Result<Scanner, CliError> {
    let mut scanner = Scanner::new()
        .map_err(|error| CliError::failed("the detectors of identifying text", error))?
        .with_limits(&config.limits());
    if let Some(model) = model {
        scanner = scanner.classifying(model);
    }
    Ok(match known {
        Some(known) => scanner.knowing(known),
        None => scanner,
    })
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

/// The scanner of a server: the file is read again when it changes (the model is not).
pub(crate) struct Watched(Reread<Scanner>);

impl Watched {
    /// Reads the file for the first time; a server does not start with a broken one.
    pub(crate) fn new(config: &Config) -> Result<Self, CliError> {
        let model = model::open(config)?;
        let (files, config) = (path(config).into_iter().collect(), config.clone());
        let read = move || scanner_with(model.clone(), &config);
        Ok(Self(Reread::new("the hospital's knowledge", files, read)?))
    }

    /// The scanner now.
    pub(crate) fn scanner(&self) -> Scanner {
        self.0.now()
    }

    /// Looks at the file at the next call: it was just written.
    pub(crate) fn look_again(&self) {
        self.0.look_again();
    }

    /// Why the file as it lies there is not in force.
    pub(crate) fn broken(&self) -> Option<String> {
        self.0.broken()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(file: &Path) -> Config {
        Config::load(None, &[], |_| None, &[("phi.knowledge", Some(&file.display().to_string()))]).unwrap()
    }

    #[test]
    fn a_server_takes_a_changed_file_up_and_keeps_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("knowledge.toml");
        let write = |ward: &str| std::fs::write(&file, format!("version = 1\n{ward}")).unwrap();
        let found = |watched: &Watched| {
            watched.look_again();
            watched.scanner().scan("the tufted end was quiet", None).unwrap().len()
        };
        write("");
        let watched = Watched::new(&config(&file)).unwrap();
        assert_eq!(found(&watched), 0);
        write("[[ward]]\nnames = ['Tufted End']\n");
        assert_eq!((found(&watched), watched.broken()), (1, None));
        write("[[wards]]\nnames = ['Tufted End, once more']\n");
        assert_eq!(found(&watched), 1);
        assert!(watched.broken().unwrap().contains("line 2: unknown field `wards`"));
        write("");
        assert_eq!((found(&watched), watched.broken()), (0, None));
    }

    #[test]
    fn a_server_does_not_start_with_a_broken_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("knowledge.toml");
        assert!(Watched::new(&config(&file)).is_err());
        std::fs::write(&file, "version = 7").unwrap();
        assert!(Watched::new(&config(&file)).is_err());
    }
}
