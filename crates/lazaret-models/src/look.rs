//! The one road: recognise what a part is by its content, let its format read it, go on into what lies within.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use lazaret_core::{
    Finding, FormatId, Likeness, Limit, LimitExceeded, Limits, Locator, Severity, Source, UNINSPECTABLE,
};
use lazaret_input::decompress::MAX_RATIO;
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::Against;
use crate::components::{self, Component, Declared, MAX_COMPONENTS, Role};
use crate::inside::{Inside, Met, Tree};
use crate::own::{About, FactKind, OwnRules};
use crate::part::{Part, Unread};
use crate::registry::{self, ModelFormat};
use crate::rules::{self, ModelRule};
use crate::signature::Signatories;
use crate::weights::Statistics;

/// How deep parts may lie in each other: archives in archives, pickles in pickles.
pub(crate) const MAX_DEPTH: Limit = Limit::new("models.max_depth", 8);
/// Most findings of one file; one more says how many were left out, and how grave they were.
pub(crate) const MAX_FINDINGS: Limit = Limit::new("models.max_findings", 10_000);
/// Most parts of one file that are looked at.
pub(crate) const MAX_PARTS: Limit = Limit::new("models.max_parts", 100_000);
/// How many bytes of packed members are unpacked for one file.
pub(crate) const MAX_EXPANDED: Limit = Limit::new("models.max_expanded", 16 << 30);

/// How much any file may unpack to, however small it is.
const RATIO_FREE: u64 = 64 << 20;

/// Bytes from which formats tell what they are.
const HEAD: usize = 16 << 10;

/// How much of a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inspected {
    /// All that a loader would read.
    Whole,
    /// Some of it.
    Part,
    /// Nothing: no known format.
    None,
}

/// What was found in a file.
#[derive(Debug)]
pub struct Report {
    /// What it is.
    pub format: FormatId,
    /// How much of it was read.
    pub inspected: Inspected,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// The packages that it names.
    pub components: Vec<Component>,
    /// What lies in it, where that was asked for.
    pub inside: Option<Inside>,
}

/// The files beside the one looked at: a graph's weights, a repository's code. Paths are relative to it, `/` between;
/// what leaves the folder is not given.
pub trait Folder {
    /// A file beside it with its length, if there is one.
    fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)>;

    /// The names of files in the folder itself that end so: graphs, one of which may name this file as its data. It is
    /// asked for every file, so a folder of many files keeps its list.
    fn names_ending(&self, _ending: &str) -> Vec<String> {
        Vec::new()
    }
}

/// The folder that a path of a model names a file in, and the file's own name.
pub fn folder_and_name(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of a file from a folder, if it lies below it; both are named from the model's root, whose name is empty.
pub fn path_below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

/// No file is beside it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFolder;

impl Folder for NoFolder {
    fn open(&self, _: &str) -> Option<(Arc<dyn Source>, u64)> {
        None
    }
}

/// Looks at one file. `name` is what places begin with, and a hint; never more.
pub fn look(source: Arc<dyn Source>, len: u64, name: &str, folder: &dyn Folder, limits: &Limits) -> Report {
    look_by(source, len, name, folder, limits, &Terms::default())
}

/// On what terms files are looked at, beside the rules that are built in. Nothing by default.
#[derive(Clone, Default)]
pub struct Terms {
    /// What these terms are, as receipts name them: each file of rules or facts with its digest.
    pub named: Arc<[String]>,
    /// Whom the hospital trusts to sign models that cross, by [`ModelPayload`](crate::ModelPayload).
    pub signatories: Arc<Signatories>,
    /// The hospital's own rules, weighed against their day when they were read.
    pub own: Arc<OwnRules>,
    /// A database that the packages which files name are checked against, by [`ModelFile`](crate::ModelFile).
    pub against: Option<Arc<Against>>,
    /// Whether the numbers of tensors are read too.
    pub statistics: Statistics,
    /// Whether the SHA-256 of every byte is told, by [`ModelFile`](crate::ModelFile).
    pub digest: bool,
    /// Whether the file is told from the inside, as a tree ([`Report::inside`]).
    pub inside: bool,
}

/// The same on other terms. The same bytes, limits and terms give the same report.
pub fn look_by(
    source: Arc<dyn Source>,
    len: u64,
    name: &str,
    folder: &dyn Folder,
    limits: &Limits,
    terms: &Terms,
) -> Report {
    let part = Part::file(source, len, name);
    let mut looking = Looking {
        own: &terms.own,
        statistics: terms.statistics,
        file_len: len,
        tree: terms.inside.then(|| Tree::new(limits)),
        ..Looking::new(limits, folder)
    };
    let format = looking.inside(&part);
    looking.allow(&part);
    looking.report(format)
}

/// A file being looked at.
pub(crate) struct Looking<'a> {
    pub(crate) limits: &'a Limits,
    /// The hospital's own rules.
    pub(crate) own: &'a OwnRules,
    pub(crate) statistics: Statistics,
    folder: &'a dyn Folder,
    pub(crate) inspected: Inspected,
    pub(crate) findings: Vec<Found>,
    components: BTreeSet<Component>,
    seen: FxHashSet<(&'static str, String, String, Option<About>)>,
    left_out: u64,
    worst_left_out: Option<Severity>,
    parts: u64,
    expanded: u64,
    file_len: u64,
    /// How many bytes that loaders pass over were searched.
    pub(crate) searched: u64,
    /// The file from the inside, where it is asked for.
    pub(crate) tree: Option<Tree>,
}

/// A finding, and what it is about where that has a name.
pub(crate) struct Found {
    pub(crate) finding: Finding,
    pub(crate) about: Option<About>,
}

/// The first bytes of a part, and the part.
pub(crate) struct Head<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) part: &'a Part,
    pub(crate) extension: &'a str,
    pub(crate) file_name: &'a str,
    folder: &'a dyn Folder,
}

impl<'a> Head<'a> {
    /// Bytes without a name, and nothing beside them.
    pub(crate) const fn nameless(bytes: &'a [u8], part: &'a Part) -> Self {
        Self { bytes, part, extension: "", file_name: "", folder: &NoFolder }
    }

    /// A file beside the one looked at; never for a part of one.
    pub(crate) fn beside(&self, path: &str) -> Option<Part> {
        beside(self.folder, self.part, path)
    }

    /// The names of files beside the one looked at that end so; none for a part of one.
    pub(crate) fn names_beside(&self, ending: &str) -> Vec<String> {
        names_beside(self.folder, self.part, ending)
    }
}

fn beside(folder: &dyn Folder, part: &Part, path: &str) -> Option<Part> {
    let (source, len) = part.is_file().then(|| folder.open(path)).flatten()?;
    Some(Part::file(source, len, path))
}

fn names_beside(folder: &dyn Folder, part: &Part, ending: &str) -> Vec<String> {
    if part.is_file() { folder.names_ending(ending) } else { Vec::new() }
}

/// What nobody reads.
pub(crate) const UNKNOWN: FormatId = FormatId("unknown");
/// Nothing is in it.
pub(crate) const EMPTY: FormatId = FormatId("empty");

impl<'a> Looking<'a> {
    pub(crate) fn new(limits: &'a Limits, folder: &'a dyn Folder) -> Self {
        static NONE: LazyLock<OwnRules> = LazyLock::new(OwnRules::none);
        Self {
            limits,
            own: &NONE,
            statistics: Statistics::Off,
            folder,
            inspected: Inspected::Whole,
            findings: Vec::new(),
            components: BTreeSet::new(),
            seen: FxHashSet::default(),
            left_out: 0,
            worst_left_out: None,
            parts: 0,
            expanded: 0,
            file_len: 0,
            searched: 0,
            tree: None,
        }
    }

    pub(crate) fn report(mut self, format: FormatId) -> Report {
        let mut inside = self.tree.take().and_then(|tree| tree.finish(&self.findings));
        let mut findings: Vec<Finding> = self.findings.into_iter().map(|found| found.finding).collect();
        if let Some(severity) = self.worst_left_out {
            let most = self.limits.get(MAX_FINDINGS).most();
            let more = Finding {
                id: UNINSPECTABLE.id,
                severity: severity.max(UNINSPECTABLE.severity),
                at: Locator::document(),
                message: format!(
                    "{} more findings; only the first {most} are listed (`{}`)",
                    self.left_out,
                    MAX_FINDINGS.key()
                ),
            };
            if let Some(file) = &mut inside {
                file.findings.push(more.clone());
            }
            findings.push(more);
        }
        let components = self.components.into_iter().collect();
        Report { format, inspected: self.inspected, findings, components, inside }
    }

    /// Recognises a part and lets its format read it; gives what it is. Whatever goes wrong is a finding.
    pub(crate) fn inside(&mut self, part: &Part) -> FormatId {
        self.within(part, |looking| looking.read(part))
    }

    /// What is met and found meanwhile is of this part.
    pub(crate) fn within<T>(&mut self, part: &Part, work: impl FnOnce(&mut Self) -> T) -> T {
        self.tree.iter_mut().for_each(|tree| tree.enter(part));
        let done = work(self);
        self.tree.iter_mut().for_each(Tree::leave);
        done
    }

    /// The part is told to use something.
    pub(crate) fn uses(&mut self, met: impl FnOnce() -> Met, at: impl FnOnce() -> Locator) {
        if let Some(tree) = &mut self.tree {
            tree.met(met(), at);
        }
    }

    /// The same as [`Self::inside`] for a part that was entered.
    pub(crate) fn read(&mut self, part: &Part) -> FormatId {
        self.parts = self.parts.saturating_add(1);
        let allowed = self
            .limits
            .get(MAX_DEPTH)
            .check(part.depth())
            .and_then(|()| self.limits.get(MAX_PARTS).check(self.parts));
        if let Err(reached) = allowed {
            self.unread(part, &reached.into());
            return UNKNOWN;
        }
        self.met_file(part.name(), || part.place());
        if part.len() == 0 {
            return self.ends_as(part, EMPTY);
        }
        let mut head = vec![0; HEAD];
        match part.read_at(0, &mut head) {
            Ok(read) => head.truncate(read),
            Err(unread) => {
                self.unread(part, &unread);
                return UNKNOWN;
            }
        }
        let (extension, file_name) = (part.extension(), part.file_name());
        let head =
            Head { bytes: &head, part, extension: &extension, file_name: &file_name, folder: self.folder };
        let readers = recognise(&head);
        let [first, others @ ..] = readers.as_slice() else {
            self.unknown(part);
            return self.ends_as(part, UNKNOWN);
        };
        if let [second, ..] = others
            && !first.carries(second.id())
            && !second.carries(first.id())
        {
            let message = format!(
                "it is {} and {} at once: what a loader takes it for depends on the loader",
                first.id(),
                second.id()
            );
            self.find(&rules::POLYGLOT, part.place(), message);
        }
        self.compare_with_name(&head, *first);
        let mut is = None;
        for reader in &readers {
            let id = reader.read(part, self).unwrap_or_else(|unread| {
                self.unread(part, &unread);
                // What a fault leaves unread may be another file, glued to this one.
                if let Some(at) = unread.at.filter(|at| *at > 0 && *at < part.len()) {
                    self.passed_over(part, at, part.len().saturating_sub(at));
                }
                reader.id()
            });
            // What it is, and what it is more exactly.
            self.is(part, reader.id());
            if id != reader.id() {
                self.is(part, id);
            }
            self.tree.iter_mut().for_each(|tree| tree.is(id));
            is = is.or(Some(id));
        }
        is.unwrap_or(UNKNOWN)
    }

    /// Nothing reads it further.
    fn ends_as(&mut self, part: &Part, id: FormatId) -> FormatId {
        self.tree.iter_mut().for_each(|tree| tree.is(id));
        self.is(part, id)
    }

    fn is(&mut self, part: &Part, id: FormatId) -> FormatId {
        self.met(FactKind::Format, id.0, || part.place());
        id
    }

    /// What follows the end of a format: nothing, padding, or something that is looked at and told.
    pub(crate) fn tail(&mut self, part: &Part, from: u64) {
        let left = part.len().saturating_sub(from);
        if left == 0 {
            return;
        }
        let rest = part.rest(from, left);
        let mut first = [0; 64];
        let read = rest.read_at(0, &mut first).unwrap_or(0);
        let is_padding = |byte: &u8| matches!(byte, 0 | b'\n' | b'\r' | b' ' | b'\t');
        if left <= first.len() as u64 && first.get(..read).is_some_and(|bytes| bytes.iter().all(is_padding)) {
            return;
        }
        self.find(
            &rules::TRAILING_BYTES,
            part.at(from),
            format!(
                "{left} bytes follow the end of the format, from byte {from} on: a loader does not read them"
            ),
        );
        self.passed_over(part, from, left);
    }

    /// Bytes that loaders pass over: what is recognised there is looked at too, at their beginning or within them.
    pub(crate) fn passed_over(&mut self, part: &Part, from: u64, len: u64) {
        let rest = part.rest(from, len);
        let likeness = likeness_of(&rest);
        if likeness != Likeness::No {
            self.inside(&rest);
        }
        // What only looks like a format may have anything in it.
        if likeness != Likeness::Certain {
            self.hidden(part, from, len, "bytes that loaders pass over");
        }
    }

    /// Adds a finding of a rule.
    pub(crate) fn find(&mut self, rule: &'static ModelRule, at: Locator, message: impl Into<String>) {
        self.add(Finding::new(&rule.rule, at, message));
    }

    /// Adds a finding that is graver or less grave than its rule is by default.
    pub(crate) fn find_as(
        &mut self,
        severity: Severity,
        rule: &'static ModelRule,
        at: Locator,
        message: impl Into<String>,
    ) {
        self.add(Finding { severity, ..Finding::new(&rule.rule, at, message) });
    }

    /// Adds a finding about something that has a name.
    pub(crate) fn find_about(
        &mut self,
        severity: Severity,
        rule: &'static ModelRule,
        about: About,
        at: Locator,
        message: impl Into<String>,
    ) {
        self.add_about(Finding { severity, ..Finding::new(&rule.rule, at, message) }, Some(about));
    }

    /// Adds a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.add_about(finding, None);
    }

    /// Adds a finding, once: a pickle may make the same call a million times. What it is about counts too, since a message
    /// shortens long names.
    pub(crate) fn add_about(&mut self, finding: Finding, about: Option<About>) {
        if self.findings.len() as u64 >= self.limits.get(MAX_FINDINGS).most() {
            self.left_out = self.left_out.saturating_add(1);
            self.worst_left_out = self.worst_left_out.max(Some(finding.severity));
            return;
        }
        let key = (finding.id, finding.at.as_str().to_owned(), finding.message.clone(), about.clone());
        if self.seen.insert(key) {
            let number = self.findings.len();
            self.tree.iter_mut().for_each(|tree| tree.found(number));
            self.findings.push(Found { finding, about });
        }
    }

    /// Notes a package that a part names, if there is one. More than may be noted is a finding.
    pub(crate) fn component(&mut self, component: Option<Component>) {
        let Some(component) = component.filter(|component| !self.components.contains(component)) else {
            return;
        };
        let count = (self.components.len() as u64).saturating_add(1);
        match self.limits.get(MAX_COMPONENTS).check(count) {
            Ok(()) => drop(self.components.insert(component)),
            Err(reached) => self.add(Finding::new(&UNINSPECTABLE, Locator::document(), reached.to_string())),
        }
    }

    /// Notes a package of Python that wrote a part, by a version that stands in it.
    pub(crate) fn written_by(&mut self, name: &str, version: &str, at: Locator, because: &'static str) {
        let declared = components::exact(version);
        if declared != Declared::Unknown {
            self.component(Component::python(name, declared, Role::WrittenBy, at, because));
        }
    }

    /// A part, or the rest of one, could not be read: a finding that says so.
    pub(crate) fn unread(&mut self, part: &Part, unread: &Unread) {
        self.not_whole();
        let at = unread.at.map_or_else(|| part.place(), |offset| part.at(offset));
        let message = match unread.at {
            Some(offset) => format!("byte {offset}: {}; what follows was not inspected", unread.why),
            None => format!("{}; not inspected whole", unread.why),
        };
        self.add(Finding::new(unread.rule, at, message));
    }

    /// Says that something was not read; the caller has told why.
    pub(crate) const fn not_whole(&mut self) {
        if matches!(self.inspected, Inspected::Whole) {
            self.inspected = Inspected::Part;
        }
    }

    /// Counts bytes that were unpacked, under the limit of the whole file.
    pub(crate) fn unpacked(&mut self, bytes: u64) -> Result<(), LimitExceeded> {
        self.expanded = self.expanded.saturating_add(bytes);
        self.limits.get(MAX_EXPANDED).check(self.expanded)
    }

    /// How many more bytes may be unpacked for this file: under [`MAX_EXPANDED`], and under `input.max_ratio` over the
    /// whole of it, since archives in archives, and members that share their bytes, multiply.
    pub(crate) fn room(&self) -> Limit {
        let ratio = self.limits.get(MAX_RATIO);
        let by_ratio = self.file_len.saturating_mul(ratio.most()).saturating_add(RATIO_FREE);
        let most = self.limits.get(MAX_EXPANDED);
        let smaller = if by_ratio < most.most() { ratio.with(by_ratio) } else { most };
        smaller.with(smaller.most().saturating_sub(self.expanded))
    }

    /// The names of files beside the one looked at that end so; none for a part of one.
    pub(crate) fn names_beside(&self, part: &Part, ending: &str) -> Vec<String> {
        names_beside(self.folder, part, ending)
    }

    /// A file beside the one looked at; never for a part of one.
    pub(crate) fn beside(&self, part: &Part, path: &str) -> Option<Part> {
        beside(self.folder, part, path)
    }

    fn unknown(&mut self, part: &Part) {
        if part.is_file() {
            self.inspected = Inspected::None;
        } else {
            self.not_whole();
        }
        self.find(&rules::UNKNOWN_FORMAT, part.place(), "no known format: it was not inspected");
    }

    /// A name that promises plain data while the content is a format that can run code.
    fn compare_with_name(&mut self, head: &Head<'_>, format: &'static dyn ModelFormat) {
        // What has no ending of its own goes by any name.
        let own = format.extensions();
        if head.extension.is_empty() || own.is_empty() || own.contains(&head.extension) {
            return;
        }
        let promised = registry::all().find(|other| other.extensions().contains(&head.extension));
        let Some(promised) = promised else { return };
        let message = format!("its name says {}, its content is {}", promised.id(), format.id());
        let severity =
            if promised.runs_nothing() && !format.runs_nothing() { Severity::High } else { Severity::Info };
        self.find_as(severity, &rules::NAME_MISMATCH, head.part.place(), message);
    }
}

/// Whether any format reads a part, by its bytes alone.
pub(crate) fn is_known(part: &Part) -> bool {
    !by_content(part).is_empty()
}

/// Whether some format knows a file, by its first bytes and by the files beside it. What cannot be read is nobody's.
pub(crate) fn is_known_among(part: &Part, folder: &dyn Folder) -> bool {
    let head = head_of(part);
    let (extension, file_name) = (part.extension(), part.file_name());
    let head = Head { bytes: &head, part, extension: &extension, file_name: &file_name, folder };
    part.len() == 0 || !recognise(&head).is_empty()
}

/// Whether the bytes of a part leave no doubt that it is of some format.
pub(crate) fn is_certain(part: &Part) -> bool {
    likeness_of(part) == Likeness::Certain
}

/// How sure it is, by the bytes of a part, that it is of some format.
fn likeness_of(part: &Part) -> Likeness {
    let bytes = head_of(part);
    let head = Head::nameless(&bytes, part);
    registry::all().map(|format| format.recognise(&head)).max().unwrap_or(Likeness::No)
}

/// Whether the bytes of a part leave no doubt that it is of some format besides this one.
pub(crate) fn is_certainly_also(part: &Part, id: FormatId) -> bool {
    let bytes = head_of(part);
    let head = Head::nameless(&bytes, part);
    registry::all().any(|format| format.id() != id && format.recognise(&head) == Likeness::Certain)
}

/// Whether a part is of a format besides this one, so that it is read as both.
pub(crate) fn is_also(part: &Part, id: FormatId) -> bool {
    by_content(part).iter().any(|format| format.id() != id)
}

/// The formats that read a part of a file, without a name.
fn by_content(part: &Part) -> Vec<&'static dyn ModelFormat> {
    recognise(&Head::nameless(&head_of(part), part))
}

fn head_of(part: &Part) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    let read = part.read_at(0, &mut head).unwrap_or(0);
    head.truncate(read);
    head
}

/// The formats that read a part: all whose content is certain; else the likeliest one.
fn recognise(head: &Head<'_>) -> Vec<&'static dyn ModelFormat> {
    let likely: Vec<(Likeness, &'static dyn ModelFormat)> = registry::all()
        .map(|format| (format.recognise(head), format))
        .filter(|(likeness, _)| *likeness != Likeness::No)
        .collect();
    let certain: Vec<_> = likely
        .iter()
        .filter(|(likeness, _)| *likeness == Likeness::Certain)
        .map(|(_, format)| *format)
        .collect();
    if !certain.is_empty() {
        let taken_apart = |format: &&dyn ModelFormat| certain.iter().any(|by| by.takes_apart(format.id()));
        return certain.iter().copied().filter(|format| !taken_apart(format)).collect();
    }
    // Of equals the first registered.
    let best = likely.iter().rev().max_by_key(|(likeness, _)| *likeness);
    best.map(|(_, format)| *format).into_iter().collect()
}
