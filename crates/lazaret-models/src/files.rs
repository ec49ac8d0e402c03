//! Model files on disk as a payload: one record a file, whatever lies within it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use lazaret_core::{
    Edits, Finding, Findings, Flow, FormatId, Identity, Limits, Locator, Payload, Reading, Record,
    RecordPlace, Refused, Segment, Source, SubjectRef, UNINSPECTABLE,
};
use lazaret_input::{FileSource, OpenError};

use rustc_hash::FxHashMap;

use crate::look::{Folder, Inspected, Report, UNKNOWN, look_at_weights};
use crate::part::printed;
use crate::weights::Statistics;

/// Looks at one file on disk, with the files beside it.
pub fn look_file(path: &Path, limits: &Limits) -> Result<Report, OpenError> {
    look_file_at_weights(path, limits, Statistics::Off)
}

/// The same, and at the numbers of its tensors too.
pub fn look_file_at_weights(
    path: &Path,
    limits: &Limits,
    statistics: Statistics,
) -> Result<Report, OpenError> {
    look_among(path, &Names::default(), limits, statistics)
}

fn look_among(
    path: &Path,
    names: &Names,
    limits: &Limits,
    statistics: Statistics,
) -> Result<Report, OpenError> {
    let file = FileSource::open(path)?;
    let len = file.len();
    let beside = Beside { folder: path.parent().unwrap_or(Path::new("")), names };
    Ok(look_at_weights(Arc::new(file), len, &name_of(path), &beside, limits, statistics))
}

/// A file's own name, as places begin with it.
fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Model files that are looked at. Their bytes are never held whole and are no part of the records: a payload for
/// [`lazaret_core::Checkpoint::inspect`], which looks and lets nothing cross.
pub struct ModelFiles {
    files: VecDeque<Arc<ModelFile>>,
}

impl ModelFiles {
    /// The files, in order, and what each turns out to be once it was looked at.
    pub fn new(
        paths: impl IntoIterator<Item = PathBuf>,
        statistics: Statistics,
    ) -> (Self, Vec<Arc<ModelFile>>) {
        let (numbered, names) = ((0_u64..).zip(paths), Arc::<Names>::default());
        let files: Vec<Arc<ModelFile>> = numbered
            .map(|(number, path)| {
                Arc::new(ModelFile {
                    number,
                    path,
                    is: OnceLock::new(),
                    names: Arc::clone(&names),
                    statistics,
                })
            })
            .collect();
        (Self { files: files.iter().cloned().collect() }, files)
    }
}

impl Payload for ModelFiles {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        Ok(self.files.pop_front().map(|file| file as Arc<dyn Record>))
    }

    fn position(&self) -> u64 {
        0
    }
}

/// One model file.
pub struct ModelFile {
    number: u64,
    path: PathBuf,
    is: OnceLock<(FormatId, Inspected)>,
    names: Arc<Names>,
    statistics: Statistics,
}

impl ModelFile {
    /// What it is, and how much of it was read. Unknown and nothing before it was looked at.
    pub fn is(&self) -> (FormatId, Inspected) {
        self.is.get().copied().unwrap_or((UNKNOWN, Inspected::None))
    }
}

impl Record for ModelFile {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: self.number, line: None }
    }

    fn format(&self) -> FormatId {
        self.is().0
    }

    /// None: a model is not held in memory.
    fn bytes(&self) -> &[u8] {
        &[]
    }

    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        let report = match look_among(&self.path, &self.names, limits, self.statistics) {
            Ok(report) => report,
            Err(error) => {
                let at = Locator::printed(printed(&name_of(&self.path)));
                findings.fault(Finding::new(&UNINSPECTABLE, at, error.to_string()));
                return None;
            }
        };
        // Only the first look counts, and all say the same.
        let _first = self.is.set((report.format, report.inspected));
        report.findings.into_iter().for_each(|finding| findings.fault(finding));
        (report.inspected != Inspected::None).then(|| Box::new(Looked) as Box<dyn Reading>)
    }
}

/// A model file that was read: it is about no patient, and cannot be edited.
struct Looked;

impl Reading for Looked {
    fn kind(&self) -> &'static str {
        "model-file"
    }

    fn identity(&self) -> Identity<'_> {
        Identity::default()
    }

    fn subject(&self) -> Option<SubjectRef<'_>> {
        None
    }

    fn segments(&self, _: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused> {
        Ok(())
    }

    fn write(&self, _: &Edits, _: &mut dyn std::io::Write) -> Result<(), Refused> {
        Err(Refused::new(UNINSPECTABLE.id, "a model file is not edited: it crosses whole or not at all"))
    }
}

/// The names of the files of each folder, listed once.
type Names = Mutex<FxHashMap<PathBuf, Arc<[String]>>>;

/// The files beside one on disk, and below its folder.
struct Beside<'a> {
    folder: &'a Path,
    names: &'a Names,
}

impl Folder for Beside<'_> {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let leaves = |step: &str| matches!(step, "" | "." | "..") || step.contains(['\\', '\0', ':']);
        if path.split('/').any(leaves) {
            return None;
        }
        let file = FileSource::open(&self.folder.join(path)).ok()?;
        let len = file.len();
        Some((Arc::new(file), len))
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        let Ok(mut listed) = self.names.lock() else { return Vec::new() };
        let names = listed.entry(self.folder.to_owned()).or_insert_with(|| names_in(self.folder));
        names.iter().filter(|name| name.ends_with(ending)).cloned().collect()
    }
}

/// The names of the files in a folder, in order.
fn names_in(folder: &Path) -> Arc<[String]> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(here).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names.into()
}
