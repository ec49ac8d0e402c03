//! What lies where models are put, and which of it passes now: a model passes when it looks the same twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::place::{Place, Shape};
use crate::exit::CliError;

/// What became of a model that was to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// It passed, or never will as it is; whether some of it was held.
    Settled { held: bool },
    /// It is tried again at the next look.
    Again,
}

/// Who lets models pass.
pub(crate) trait Passes {
    /// These models lie there, or it could not be looked into.
    fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError>;
    /// A model passes.
    fn pass(&mut self, model: &Path) -> Result<Became, CliError>;
    /// Whether something of a model that was held was admitted since.
    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError>;
    /// A look is over: what was open for it is closed.
    fn rests(&mut self) -> Result<(), CliError> {
        Ok(())
    }
}

/// What is known of what lies there.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// As each model looked the last time.
    seen: BTreeMap<PathBuf, Shape>,
    /// As each looked when it was settled, and whether something of it was held.
    settled: BTreeMap<PathBuf, (Shape, bool)>,
}

impl Inbox {
    /// Looks there once. A model passes when it looks as it did the last time, so nobody writes it; `at_once`
    /// without waiting for a second look. One that was held passes again when it is admitted.
    pub(crate) fn look(
        &mut self,
        place: &Place,
        at_once: bool,
        passes: &mut dyn Passes,
    ) -> Result<(), CliError> {
        let lies = match place.look() {
            Ok(lies) => lies,
            Err(why) => return passes.looked(Err(why)), // what is known of it stays
        };
        let models = lies.models();
        passes.looked(Ok(&models))?;
        let mut now = BTreeMap::new();
        for model in models {
            let shape = lies.shape(&model);
            let is_still = at_once || self.seen.get(&model) == Some(&shape);
            let waits = match self.settled.get(&model) {
                Some((settled, held)) if *settled == shape => *held && passes.is_admitted(&model)?,
                _ => shape != Shape::Files(Vec::new()),
            };
            if is_still && waits {
                match passes.pass(&model)? {
                    Became::Settled { held } => {
                        self.settled.insert(model.clone(), (shape.clone(), held));
                    }
                    Became::Again => {}
                }
            }
            now.insert(model, shape);
        }
        self.settled.retain(|model, _| now.contains_key(model));
        self.seen = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[derive(Default)]
    struct Told {
        passed: Vec<String>,
        admitted: bool,
        held: bool,
        again: bool,
    }

    impl Passes for Told {
        fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError> {
            models.map(drop)
        }

        fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
            self.passed.push(model.file_name().unwrap().to_string_lossy().into_owned());
            Ok(if self.again { Became::Again } else { Became::Settled { held: self.held } })
        }

        fn is_admitted(&mut self, _model: &Path) -> Result<bool, CliError> {
            Ok(self.admitted)
        }
    }

    fn look(inbox: &mut Inbox, folder: &Path, at_once: bool, told: Told) -> Vec<String> {
        let mut told = told;
        inbox.look(&Place::Folder(folder.to_owned()), at_once, &mut told).unwrap();
        told.passed
    }

    #[test]
    fn a_model_passes_once_when_it_no_longer_changes_and_again_when_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("folder")).unwrap();
        std::fs::write(place("folder/model.bin"), "a").unwrap();
        std::fs::write(place(".coming"), "not ready").unwrap();
        let mut inbox = Inbox::default();
        let mut look = |at_once| look(&mut inbox, folder.path(), at_once, Told::default());
        assert_eq!(look(false), [""; 0], "it was seen once");
        std::fs::write(place("folder/model.bin"), "ab").unwrap();
        assert_eq!(look(false), [""; 0], "somebody writes it");
        assert_eq!(look(false), ["folder"]);
        assert_eq!(look(false), [""; 0]);
        std::fs::write(place("folder/config.json"), "{}").unwrap();
        std::fs::write(place("single.pkl"), "x").unwrap();
        assert_eq!(look(false), [""; 0]);
        assert_eq!(look(false), ["folder", "single.pkl"]);
        std::fs::remove_file(place("single.pkl")).unwrap();
        assert_eq!(look(true), [""; 0]);
        std::fs::write(place("single.pkl"), "x").unwrap();
        assert_eq!(look(true), ["single.pkl"]);
    }

    #[cfg(unix)]
    #[test]
    fn one_that_takes_the_place_of_another_of_its_length_and_time_passes() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &str| {
            std::fs::write(place(name), bytes).unwrap();
            let file = std::fs::File::options().write(true).open(place(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        };
        let mut inbox = Inbox::default();
        let mut look = || look(&mut inbox, folder.path(), true, Told::default());
        write("a.bin", "one");
        assert_eq!(look(), ["a.bin"]);
        assert_eq!(look(), [""; 0]);
        write(".next", "two");
        std::fs::rename(place(".next"), place("a.bin")).unwrap();
        assert_eq!(look(), ["a.bin"]);
    }

    #[cfg(unix)]
    #[test]
    fn one_file_under_two_names_is_two_models_and_passes_anew_when_it_changes_under_either() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = |name: &str| folder.path().join(name);
        std::fs::write(elsewhere.path().join("source.bin"), "one").unwrap();
        for name in ["a.bin", "b.bin"] {
            std::fs::hard_link(elsewhere.path().join("source.bin"), place(name)).unwrap();
        }
        let mut inbox = Inbox::default();
        let mut look = || look(&mut inbox, folder.path(), true, Told::default());
        assert_eq!((look().len(), look().len()), (2, 0));
        // Through the name outside, with the same length and time.
        let file = std::fs::File::options().write(true).open(elsewhere.path().join("source.bin")).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"two", 0).unwrap();
        file.set_modified(written).unwrap();
        assert_eq!((look(), look().len()), (vec!["a.bin".to_owned(), "b.bin".to_owned()], 0));
        std::fs::write(place(".next"), "two").unwrap();
        std::fs::rename(place(".next"), place("b.bin")).unwrap();
        // The other lost a name, which changes a file too: that its bytes passed before is found when it is hashed.
        assert_eq!((look(), look().len()), (vec!["a.bin".to_owned(), "b.bin".to_owned()], 0));
    }

    #[test]
    fn what_did_not_pass_is_tried_again_and_what_was_held_passes_when_it_is_admitted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.pkl"), "x").unwrap();
        let mut inbox = Inbox::default();
        let mut look = |told| look(&mut inbox, folder.path(), true, told);
        let again = || Told { again: true, ..Told::default() };
        let held = || Told { held: true, ..Told::default() };
        let admitted = || Told { admitted: true, ..Told::default() };
        assert_eq!(look(again()), ["a.pkl"]);
        assert_eq!(look(held()), ["a.pkl"], "it did not pass before");
        assert_eq!(look(held()), [""; 0], "nothing was decided");
        assert_eq!(look(admitted()), ["a.pkl"]);
        assert_eq!(look(admitted()), [""; 0], "nothing of it is held");
    }
}
