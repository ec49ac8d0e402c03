//! Model files as payloads, one record a file, whatever lies within it: on disk, to be looked at, and received, to cross.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use lazaret_core::{
    Body, DETECTOR_FAILED, Edits, Finding, Findings, Flow, Format, FormatId, Hint, Identity, Likeness,
    Limits, Locator, ModelOrigin, Payload, Reading, Record, RecordPlace, Refused, Segment, Source, Stored,
    SubjectRef, Timestamp, UNINSPECTABLE, chain, hex,
};
use lazaret_input::{FileSource, OpenError};

use rustc_hash::FxHashMap;

use crate::components::Component;
use crate::look::{Folder, Inspected, Report, Terms, UNKNOWN, folder_and_name, look_by, path_below};
use crate::part::printed;
use crate::signature::{HashKind, Standing, claimed};
use crate::vulnerabilities::{Advisories, MAX_MATCHES, Match, check};

/// The SHA-256 of a file's bytes, in lower-case hexadecimal; nothing if it cannot be read.
pub fn sha256_of(path: &Path) -> Option<String> {
    let file = FileSource::open(path).ok()?;
    let mut buffer = vec![0; 1 << 20];
    HashKind::Sha256.of(&file, 0, file.len(), &mut buffer).ok().map(|digest| hex(&digest))
}

/// Looks at one file on disk, with the files beside it.
pub fn look_file(path: &Path, limits: &Limits) -> Result<Report, OpenError> {
    look_file_by(path, limits, &Terms::default())
}

/// The same on other terms.
pub fn look_file_by(path: &Path, limits: &Limits, terms: &Terms) -> Result<Report, OpenError> {
    look_among(path, &Names::default(), limits, terms)
}

fn look_among(path: &Path, names: &Names, limits: &Limits, terms: &Terms) -> Result<Report, OpenError> {
    let file = FileSource::open(path)?;
    let len = file.len();
    let beside = Beside { folder: path.parent().unwrap_or(Path::new("")), names };
    Ok(look_by(Arc::new(file), len, &name_of(path), &beside, limits, terms))
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
    /// The files, in order, which are looked at on these terms, and what each turns out to be once it was looked at. Where a
    /// signature lies among them, the files of its folder are compared with it here.
    pub fn new(paths: Vec<PathBuf>, terms: &Terms, limits: &Limits) -> (Self, Vec<Arc<ModelFile>>) {
        let mut said: FxHashMap<usize, Vec<Finding>> = FxHashMap::default();
        for (number, finding) in claimed(&paths, limits) {
            said.entry(number).or_default().push(finding);
        }
        let names = Arc::<Names>::default();
        let files: Vec<Arc<ModelFile>> = (0..)
            .zip(paths)
            .map(|(at, path)| {
                let number = at as u64;
                let said = said.remove(&at).unwrap_or_default();
                let lies = Lies::OnDisk { path, names: Arc::clone(&names), said };
                Arc::new(ModelFile { number, lies, is: OnceLock::new(), terms: terms.clone() })
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

/// A file of the registry that is looked at again: a payload for [`lazaret_core::Checkpoint::inspect`].
pub struct KeptFile(Option<Arc<ModelFile>>);

impl KeptFile {
    /// The file, by its name in its model, with the others of it from its own folder on. `said` is what was found of it
    /// when it crossed that its bytes do not tell: by whom it was signed and built.
    pub fn new(
        file: Stored,
        beside: Arc<dyn Folder + Send + Sync>,
        said: Vec<Finding>,
        terms: &Terms,
    ) -> Self {
        let lies = Lies::Kept { file, beside, said };
        Self(Some(Arc::new(ModelFile { number: 0, lies, is: OnceLock::new(), terms: terms.clone() })))
    }
}

impl Payload for KeptFile {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        Ok(self.0.take().map(|file| file as Arc<dyn Record>))
    }

    fn position(&self) -> u64 {
        0
    }
}

/// The files of one model, received whole: a payload that may cross.
pub struct ModelPayload {
    /// Those that cross, and after them those beside them.
    model: Arc<[Stored]>,
    /// How many cross.
    crossing: usize,
    next: usize,
    read: u64,
    terms: Terms,
    standing: Standing,
}

impl ModelPayload {
    /// The files, in order. Each is looked at on these terms, with the others beside it, by their names. Who signed and
    /// built the model is checked here.
    pub fn new(files: Vec<Stored>, terms: &Terms, limits: &Limits) -> Self {
        Self::part(files, Vec::new(), terms, limits)
    }

    /// Some files of a model, `beside` others of it that crossed before ([`companions`](crate::companions)): those are
    /// read where one that crosses asks for them, and no records.
    pub fn part(mut files: Vec<Stored>, beside: Vec<Stored>, terms: &Terms, limits: &Limits) -> Self {
        let standing = terms.signatories.standing(&files, &beside, limits);
        let crossing = files.len();
        files.extend(beside);
        Self { model: files.into(), crossing, next: 0, read: 0, terms: terms.clone(), standing }
    }

    /// Says in the model's origin who signed and built it, as far as that is proven. What its sender says otherwise of its
    /// code is a finding.
    pub fn prove(&mut self, origin: &mut ModelOrigin) {
        self.standing.prove(self.model.get(..self.crossing).unwrap_or_default(), origin);
    }
}

impl Payload for ModelPayload {
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
        let at = self.next;
        let Some(stored) = self.model.get(at).filter(|_| at < self.crossing) else { return Ok(None) };
        self.next = at.saturating_add(1);
        self.read = self.read.saturating_add(stored.file.len);
        let said = self.standing.of_file(at);
        let lies = Lies::Received { model: Arc::clone(&self.model), at, said };
        let terms = self.terms.clone();
        Ok(Some(Arc::new(ModelFile { number: at as u64, lies, is: OnceLock::new(), terms })))
    }

    fn position(&self) -> u64 {
        self.read
    }
}

/// Any file as a model's, looked at on the terms of the time: what it is its own reader tells. The format of checkpoints
/// through which models cross.
pub struct AnyModel<T>(pub T);

impl<T: Fn() -> Terms + Send + Sync> Format for AnyModel<T> {
    fn id(&self) -> FormatId {
        FormatId("model")
    }

    fn recognise(&self, _: &[u8], _: &Hint) -> Likeness {
        Likeness::Possible
    }

    fn goes_by(&self) -> Vec<String> {
        (self.0)().named.to_vec()
    }

    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused> {
        let why = "a model crosses as a file that was received whole, and nobody else writes";
        let stored = Stored::of(&source).ok_or_else(|| Refused::new(UNINSPECTABLE.id, why))?;
        Ok(Box::new(ModelPayload::new(vec![stored], &(self.0)(), limits)))
    }
}

/// A database of vulnerabilities that files are checked against, and the time at which statements end.
pub struct Against {
    /// The database.
    pub advisories: Box<dyn Advisories>,
    /// The present time.
    pub now: Timestamp,
}

/// What is said of a link that leads to a folder.
const LINK: &str =
    "a link to a folder, which is not followed: nobody looked at what it leads to; name that folder too";

/// One model file.
pub struct ModelFile {
    number: u64,
    lies: Lies,
    is: OnceLock<Facts>,
    terms: Terms,
}

/// Where a model file lies.
enum Lies {
    /// On the operator's disk, where others may write it: it is looked at and does not cross; `said` is what signatures
    /// beside it say of it.
    OnDisk { path: PathBuf, names: Arc<Names>, said: Vec<Finding> },
    /// Received whole, with the other files of its model; `said` is what their signatures say of it.
    Received { model: Arc<[Stored]>, at: usize, said: Vec<Finding> },
    /// In the registry, where others of its model may lie too; `said` is what was said of it when it crossed.
    Kept { file: Stored, beside: Arc<dyn Folder + Send + Sync>, said: Vec<Finding> },
}

/// What a look told, beside its findings.
struct Facts {
    format: FormatId,
    inspected: Inspected,
    components: Vec<Component>,
    matches: Vec<Match>,
    sha256: Option<String>,
}

impl ModelFile {
    /// What it is, and how much of it was read. Unknown and nothing before it was looked at.
    pub fn is(&self) -> (FormatId, Inspected) {
        self.is.get().map_or((UNKNOWN, Inspected::None), |facts| (facts.format, facts.inspected))
    }

    /// Its own name.
    fn name(&self) -> String {
        match &self.lies {
            Lies::OnDisk { path, .. } => name_of(path),
            Lies::Received { model, at, .. } => {
                let hint = model.get(*at).map(|stored| stored.source.hint()).unwrap_or_default();
                hint.name.unwrap_or_default()
            }
            Lies::Kept { file, .. } => file.source.hint().name.unwrap_or_default(),
        }
    }

    /// The packages that it names; none before it was looked at.
    pub fn components(&self) -> &[Component] {
        self.is.get().map(|facts| facts.components.as_slice()).unwrap_or_default()
    }

    /// The known faults of those packages; none without a database.
    pub fn vulnerabilities(&self) -> &[Match] {
        self.is.get().map(|facts| facts.matches.as_slice()).unwrap_or_default()
    }

    /// The SHA-256 of its bytes, in hex; none unless it was asked for, and before it was looked at.
    pub fn sha256(&self) -> Option<&str> {
        self.is.get()?.sha256.as_deref()
    }

    fn digest(&self) -> Option<String> {
        match &self.lies {
            Lies::OnDisk { path, .. } => sha256_of(path),
            Lies::Received { model, at, .. } => model.get(*at).map(|stored| stored.file.sha256.to_string()),
            Lies::Kept { file, .. } => Some(file.file.sha256.to_string()),
        }
    }

    /// Looks at it. None where it cannot be opened, with a finding that says why.
    fn look(&self, limits: &Limits, findings: &mut Findings) -> Option<Report> {
        match &self.lies {
            Lies::OnDisk { path, names, .. } => match look_among(path, names, limits, &self.terms) {
                Ok(report) => Some(report),
                Err(error) => {
                    let at = Locator::printed(printed(&name_of(path)));
                    let why = if path.is_dir() { LINK.to_owned() } else { error.to_string() };
                    findings.fault(Finding::new(&UNINSPECTABLE, at, why));
                    None
                }
            },
            Lies::Received { model, at, .. } => {
                let Stored { source, file } = model.get(*at)?;
                let name = source.hint().name.unwrap_or_default();
                let (folder, own) = folder_and_name(&name);
                let among = Among { folder, model };
                Some(look_by(Arc::clone(source), file.len, own, &among, limits, &self.terms))
            }
            Lies::Kept { file: Stored { source, file }, beside, .. } => {
                let name = source.hint().name.unwrap_or_default();
                let (_, own) = folder_and_name(&name);
                Some(look_by(Arc::clone(source), file.len, own, beside.as_ref(), limits, &self.terms))
            }
        }
    }

    /// The faults of packages, as findings. A database that fails is one too: nothing may pass by it unseen.
    fn check(&self, components: &[Component], limits: &Limits, findings: &mut Findings) -> Vec<Match> {
        let Some(against) = &self.terms.against else { return Vec::new() };
        let most = limits.get(MAX_MATCHES);
        let mut digest = || self.digest();
        match check(components, against.advisories.as_ref(), against.now, &mut digest, most) {
            Ok(checked) => {
                checked.findings.into_iter().for_each(|finding| findings.fault(finding));
                checked.matches
            }
            Err(error) => {
                let at = Locator::printed(printed(&self.name()));
                findings.fault(Finding::new(&DETECTOR_FAILED, at, chain(&error)));
                Vec::new()
            }
        }
    }
}

impl Record for ModelFile {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: self.number, line: None }
    }

    fn format(&self) -> FormatId {
        self.is().0
    }

    /// Of a file on the operator's disk nothing: it is only looked at.
    fn body(&self) -> Body<'_> {
        match &self.lies {
            Lies::OnDisk { .. } => Body::Held(&[]),
            Lies::Received { model, at, .. } => model.get(*at).map_or(Body::Held(&[]), Body::Stored),
            Lies::Kept { file, .. } => Body::Stored(file),
        }
    }

    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        let (report, sha256) = std::thread::scope(|scope| {
            let hashing = self.terms.digest.then(|| scope.spawn(|| self.digest()));
            let report = self.look(limits, findings);
            (report, hashing.and_then(|hashing| hashing.join().ok()).flatten())
        });
        let (Lies::OnDisk { said, .. } | Lies::Received { said, .. } | Lies::Kept { said, .. }) = &self.lies;
        said.iter().cloned().for_each(|finding| findings.fault(finding));
        let report = report?;
        report.findings.into_iter().for_each(|finding| findings.fault(finding));
        let matches = self.check(&report.components, limits, findings);
        // Only the first look counts, and all say the same.
        let (format, inspected, components) = (report.format, report.inspected, report.components);
        let _first = self.is.set(Facts { format, inspected, components, matches, sha256 });
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

/// The other files of a model that was received.
struct Among<'a> {
    folder: &'a str,
    model: &'a [Stored],
}

impl Among<'_> {
    /// The path of each file below the folder, with the file.
    fn files(&self) -> impl Iterator<Item = (String, &Stored)> {
        self.model.iter().filter_map(|stored| {
            let name = stored.source.hint().name?;
            Some((path_below(&name, self.folder)?.to_owned(), stored))
        })
    }
}

impl Folder for Among<'_> {
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
        let (_, stored) = self.files().find(|(name, _)| name == path)?;
        Some((Arc::clone(&stored.source), stored.file.len))
    }

    fn names_ending(&self, ending: &str) -> Vec<String> {
        let here = self.files().map(|(name, _)| name).filter(|name| !name.contains('/'));
        let mut names: Vec<String> = here.filter(|name| name.ends_with(ending)).collect();
        names.sort_unstable();
        names
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
