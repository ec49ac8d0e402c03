//! `lazaret models watch`: what is put into a folder passes into the registry as soon as nobody writes it any more.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use lazaret_core::ModelOrigin;

use super::files_of;
use super::pass::{name_in_model, received, summary};
use crate::cli::ModelsWatchArgs;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::registry::{Registry, model_name};
use crate::report::json_line;

/// What tells that somebody still writes: the files of a model, each with its length and when it was written last.
type Shape = Vec<(PathBuf, u64, Option<std::time::SystemTime>)>;

/// Watches a folder.
pub(super) fn run(
    args: &ModelsWatchArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let config = config.with(&[("gates.models.mode", args.mode.as_deref())]);
    config.models_mode()?;
    let interval = crate::config::parse_duration(&args.interval)
        .filter(|interval| !interval.is_zero())
        .ok_or_else(|| CliError::Usage(format!("--interval: `{}` is no time (`10 s`)", args.interval)))?;
    if !args.inbox.is_dir() {
        return Err(CliError::Usage(format!("{}: no folder", args.inbox.display())));
    }
    let data = Data::open(&config)?;
    let registry = Registry::open(&data, &config)?;
    let mut watch = Watch { seen: BTreeMap::new(), done: BTreeMap::new(), held: false };
    loop {
        watch.poll(&args.inbox, args.once, &mut |model| {
            let passed = pass(&registry, model, out, json);
            data.remember()?;
            passed
        })?;
        if args.once {
            data.close()?;
            return Ok(if watch.held { Exit::Findings } else { Exit::Clear });
        }
        std::thread::sleep(interval);
    }
}

/// What is known of a folder.
struct Watch {
    /// As each model looked the last time.
    seen: BTreeMap<PathBuf, Shape>,
    /// As each looked when it passed.
    done: BTreeMap<PathBuf, Shape>,
    /// Whether something was held.
    held: bool,
}

impl Watch {
    /// Looks into the folder once. A model passes when it looks as it did the last time, so nobody writes it; `at_once`
    /// without waiting for a second look.
    fn poll(
        &mut self,
        inbox: &Path,
        at_once: bool,
        pass: &mut dyn FnMut(&Path) -> Result<bool, CliError>,
    ) -> Result<(), CliError> {
        let mut now = BTreeMap::new();
        for model in models_in(inbox)? {
            let shape = shape_of(&model)?;
            let is_still = at_once || self.seen.get(&model) == Some(&shape);
            if is_still && !shape.is_empty() && self.done.get(&model) != Some(&shape) {
                self.held |= pass(&model)?;
                self.done.insert(model.clone(), shape.clone());
            }
            now.insert(model, shape);
        }
        self.done.retain(|model, _| now.contains_key(model));
        self.seen = now;
        Ok(())
    }
}

/// What lies in the folder, in order: each file and each folder in it is a model. Hidden names are left alone: that is how
/// programs write what is not ready.
fn models_in(inbox: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable = |error: std::io::Error| CliError::failed(inbox.display().to_string(), error);
    let mut models = Vec::new();
    for entry in std::fs::read_dir(inbox).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            models.push(entry.path());
        }
    }
    models.sort();
    Ok(models)
}

/// What is gone meanwhile has no shape.
fn shape_of(model: &Path) -> Result<Shape, CliError> {
    let files = if model.exists() { files_of(&[model.to_owned()])? } else { Vec::new() };
    let about = files.into_iter().filter_map(|file| {
        let about = std::fs::metadata(&file.path).ok()?;
        Some((file.path, about.len(), about.modified().ok()))
    });
    Ok(about.collect())
}

/// Passes one model and says what became of it; gives whether something was held. A file that cannot be read or has no name
/// that can be recorded is told, and the next model goes on.
fn pass(registry: &Registry, model: &Path, out: &mut impl Write, json: bool) -> Result<bool, CliError> {
    let shown = model.display().to_string();
    let received = (|| {
        let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let origin = ModelOrigin { name: model_name(&name)?, ..ModelOrigin::default() };
        let files = files_of(&[model.to_owned()])?;
        Ok((
            origin,
            received(registry, files.iter().map(|file| &file.path), |path| name_in_model(model, path))?,
        ))
    })();
    let (origin, files) = match received {
        Ok(received) => received,
        Err(CliError::Failed { what, cause }) => {
            writeln!(out, "{shown}: not passed: {what}: {}", chain(cause.as_ref()))?;
            return Ok(true);
        }
        Err(error) => {
            writeln!(out, "{shown}: not passed: {error}")?;
            return Ok(true);
        }
    };
    let crossing = registry.crossing(&shown, origin)?;
    let passed =
        registry.pass(crossing, files).map_err(|stopped| CliError::failed(shown.clone(), stopped))?;
    let held = passed.files.iter().filter(|file| file.held).count();
    if json {
        json_line(
            out,
            &serde_json::json!({ "path": shown, "files": passed.files, "receipt": summary(&passed) }),
        )?;
    } else {
        let crossed = passed.files.len() - held;
        let receipt = passed.receipt.opened.crossing;
        writeln!(out, "{shown}: {crossed} crossed, {held} held; receipt {receipt}")?;
    }
    out.flush()?;
    Ok(held > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_passes_once_when_it_no_longer_changes_and_again_when_it_does() {
        let inbox = tempfile::tempdir().unwrap();
        let place = |name: &str| inbox.path().join(name);
        std::fs::create_dir(place("folder")).unwrap();
        std::fs::write(place("folder/model.bin"), "a").unwrap();
        std::fs::write(place(".coming"), "not ready").unwrap();
        let mut watch = Watch { seen: BTreeMap::new(), done: BTreeMap::new(), held: false };
        let mut poll = |at_once| {
            let mut passed = Vec::new();
            watch
                .poll(inbox.path(), at_once, &mut |model| {
                    passed.push(model.file_name().unwrap().to_string_lossy().into_owned());
                    Ok(false)
                })
                .unwrap();
            passed
        };
        assert_eq!(poll(false), [""; 0], "it was seen once");
        std::fs::write(place("folder/model.bin"), "ab").unwrap();
        assert_eq!(poll(false), [""; 0], "somebody writes it");
        assert_eq!(poll(false), ["folder"]);
        assert_eq!(poll(false), [""; 0]);
        std::fs::write(place("folder/config.json"), "{}").unwrap();
        std::fs::write(place("single.pkl"), "x").unwrap();
        assert_eq!(poll(false), [""; 0]);
        assert_eq!(poll(false), ["folder", "single.pkl"]);
        std::fs::remove_file(place("single.pkl")).unwrap();
        assert_eq!(poll(true), [""; 0]);
        std::fs::write(place("single.pkl"), "x").unwrap();
        assert_eq!(poll(true), ["single.pkl"]);
    }
}
