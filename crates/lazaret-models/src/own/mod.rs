//! The hospital's own rules: classes and functions of its own, an allow list, and patterns that it looks for itself. They
//! are read from a file ([`OwnRules::read`]); a value that exists is valid, and its entries were weighed against the day
//! it was read for.
//!
//! | file | what is in it |
//! |---|---|
//! | `file` | the file: TOML, every key known, every fault with its line |
//! | `words` | the words of the file, and what is said of a wrong one |
//! | `apply` | what a look does with the rules: patterns as facts are met, the allow list at the end |

mod apply;
mod file;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use lazaret_core::Severity;
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use self::apply::About;
pub use self::file::MAX_OWN_DAYS;
pub(crate) use self::file::{MAX_ENTRIES, MAX_FILE};
use crate::callables::modern;

/// What readers meet in a file that own rules may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum FactKind {
    /// A function or class by its dotted name, in any format that names Python's.
    Global,
    /// An operator of a graph: `name`, or `domain::name`.
    Operator,
    /// The class or type of a layer.
    Layer,
    /// What a file, or a part of one, is.
    Format,
    /// The package whose code is loaded.
    Package,
    /// A key of the metadata.
    Metadata,
    /// The name of a file or of a member, as a pattern.
    File,
}

impl FactKind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Global, Self::Operator, Self::Layer, Self::Format, Self::Package, Self::Metadata, Self::File];

    /// As the file names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Operator => "operator",
            Self::Layer => "layer",
            Self::Format => "format",
            Self::Package => "package",
            Self::Metadata => "metadata",
            Self::File => "file",
        }
    }
}

/// Who answers for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    owner: String,
    reason: String,
    /// The last day it holds: `2027-03-31`. Every entry that lowers something has one.
    until: Option<String>,
    /// The day has passed.
    expired: bool,
    /// Its line, from 1.
    line: usize,
}

/// What the hospital says of a function or class.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Own {
    /// It makes an object.
    Constructor(Answer),
    /// What it does; it is never harmless.
    Dangerous(&'static str),
}

/// What an entry of the allow list is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    /// The file of this SHA-256.
    File([u8; 32]),
    /// This place, as findings print it.
    Place(String),
    /// A thing of this name; a function or class as `module:name`.
    Named(FactKind, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowance {
    rule: &'static str,
    scope: Scope,
    answer: Answer,
}

/// A rule of the hospital's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRule {
    /// `user.` and its name.
    pub id: &'static str,
    /// How grave its findings are.
    pub severity: Severity,
    /// What it finds, in a line.
    pub what: String,
    /// Why it matters.
    pub why: String,
    matches: Vec<(FactKind, String)>,
    line: usize,
}

impl OwnRule {
    /// Its page: what it finds, why it matters, what it matches.
    pub fn page(&self) -> String {
        let matches: Vec<String> = self.matches.iter().map(matched).collect();
        format!("{}\n\n**Why it matters.** {}\n\n**Matches.** {}.\n", self.what, self.why, matches.join(", "))
    }
}

fn matched((kind, name): &(FactKind, String)) -> String {
    format!("{} `{name}`", kind.name())
}

/// What an entry of the file does, for `models rules check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnEntry {
    /// Its line, from 1.
    pub line: usize,
    /// What it does, in a line.
    pub does: String,
    /// Its last day has passed: it does nothing.
    pub expired: bool,
}

/// The hospital's own rules.
#[derive(Debug, Clone, Default)]
pub struct OwnRules {
    /// The SHA-256 of the file, in hexadecimal; empty where there is none.
    sha256: String,
    /// By module, then by name.
    callables: FxHashMap<Box<str>, FxHashMap<Box<str>, Own>>,
    allowances: Vec<Allowance>,
    /// Entries of the allow list by the rule they are for.
    by_rule: FxHashMap<&'static str, Vec<usize>>,
    rules: Vec<OwnRule>,
    /// Which rules match a name.
    names: FxHashMap<FactKind, FxHashMap<Box<str>, Vec<usize>>>,
    /// Patterns of file names, each with its rule.
    globs: Vec<(Glob, usize)>,
    entries: Vec<OwnEntry>,
}

impl OwnRules {
    /// No rules.
    pub fn none() -> Self {
        Self::default()
    }

    /// The SHA-256 of the file that they were read from, in hexadecimal; none where there is no file.
    pub fn sha256(&self) -> Option<&str> {
        Some(self.sha256.as_str()).filter(|digest| !digest.is_empty())
    }

    /// The patterns that are looked for, in the order of the file.
    pub fn rules(&self) -> &[OwnRule] {
        &self.rules
    }

    /// The pattern of an id.
    pub fn rule(&self, id: &str) -> Option<&OwnRule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// What each entry does, in the order of lines.
    pub fn entries(&self) -> &[OwnEntry] {
        &self.entries
    }

    /// What is said of a function or class, under its name of today or of Python 2.
    fn own(&self, module: &str, name: &str) -> Option<&Own> {
        if self.callables.is_empty() {
            return None;
        }
        let of = |module: &str, name: &str| self.callables.get(module)?.get(name);
        of(module, name).or_else(|| {
            let (module, name) = modern(module, name);
            of(module, name)
        })
    }

    /// Whether it is one of the hospital's own constructors, in force.
    pub(crate) fn constructs(&self, module: &str, name: &str) -> bool {
        matches!(self.own(module, name), Some(Own::Constructor(answer)) if !answer.expired)
    }

    /// What it does, if the hospital says that it does harm.
    pub(crate) fn forbids(&self, module: &str, name: &str) -> Option<&'static str> {
        match self.own(module, name) {
            Some(Own::Dangerous(does)) => Some(does),
            _ => None,
        }
    }

    /// Whether any rule or entry is about the function or class: it must be told when it is met.
    pub(crate) fn is_about(&self, module: &str, name: &str) -> bool {
        let ran_out = matches!(self.own(module, name), Some(Own::Constructor(answer)) if answer.expired);
        let wants = |kind| self.names.contains_key(&kind);
        ran_out
            || wants(FactKind::Global) && !self.matching(FactKind::Global, &dotted(module, name)).is_empty()
            || wants(FactKind::Package) && !self.matching(FactKind::Package, top(module)).is_empty()
    }

    /// The rules that match a name.
    fn matching(&self, kind: FactKind, name: &str) -> &[usize] {
        self.names.get(&kind).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
    }
}

fn dotted(module: &str, name: &str) -> String {
    format!("{module}.{name}")
}

fn top(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// A pattern of a file's name: `*` stands for any run of characters, case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob {
    /// What stands between the stars, in lower case.
    pieces: Vec<String>,
    /// It has a `/`: the whole path is meant and not the last step alone.
    path: bool,
}

impl Glob {
    fn new(pattern: &str) -> Self {
        let pieces = pattern.to_lowercase().split('*').map(str::to_owned).collect();
        Self { pieces, path: pattern.contains('/') }
    }

    /// Whether a path, in lower case and with `/` between its steps, is meant. Takes time by its length alone: the pieces
    /// are sought one after the other, and the first place of each is as good as any.
    fn matches(&self, path: &str) -> bool {
        let name = if self.path { path } else { path.rsplit('/').next().unwrap_or(path) };
        match self.pieces.as_slice() {
            [whole] => name == whole,
            [first, between @ .., last] => {
                let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
                for piece in between {
                    match rest.split_once(piece.as_str()) {
                        Some((_, after)) => rest = after,
                        None => return false,
                    }
                }
                rest.ends_with(last.as_str())
            }
            [] => false,
        }
    }
}

/// An id that findings bear: they hold ids for as long as the process lives, so each is kept once and never given back. How
/// many there are is bounded by the files of rules that a person had read.
fn forever(id: &str) -> &'static str {
    static IDS: Mutex<Option<FxHashSet<&'static str>>> = Mutex::new(None);
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let ids = ids.get_or_insert_default();
    if let Some(known) = ids.get(id) {
        return known;
    }
    let kept: &'static str = Box::leak(id.to_owned().into_boxed_str());
    ids.insert(kept);
    kept
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(digest) => write!(f, "the file of SHA-256 {}", lazaret_core::hex(digest)),
            Self::Place(place) => write!(f, "the place {place}"),
            Self::Named(kind, name) => write!(f, "the {} `{name}`", kind.name()),
        }
    }
}
