//! A file from the inside, as a tree: each part with its format, place and length, what loading it would use, and what was
//! found in it. The readers tell it on the way, where it is asked for ([`Terms::inside`](crate::Terms)); where it is not,
//! nothing is kept.

use std::collections::BTreeMap;

use lazaret_core::{Finding, FormatId, Limit, Limits, Locator, Severity};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};

use crate::callables::{Effect, documents};
use crate::look::Found;
use crate::own::About;
use crate::part::{Part, printed};

/// Most parts of one file that its tree shows; the findings of others stand at the part that they lie in.
pub(crate) const MAX_SHOWN_PARTS: Limit = Limit::new("models.max_shown_parts", 2_000);
/// Most names of one file that its tree shows.
pub(crate) const MAX_SHOWN_NAMES: Limit = Limit::new("models.max_shown_names", 5_000);

/// A file, or a part of one, and what lies in it.
#[derive(Debug, Serialize)]
pub struct Inside {
    /// Its name in what it lies in: `archive/data.pkl`, or where it begins there: `@120`.
    pub name: String,
    /// Its place, as findings have it.
    pub at: Locator,
    /// What it is; more than one where loaders may take it for different things.
    pub formats: Vec<FormatId>,
    /// Its length in bytes, unpacked.
    pub bytes: u64,
    /// What loading it would use, the gravest first.
    pub uses: Vec<Use>,
    /// How often names were met that are not kept, here and in parts that are not shown.
    pub more_uses: u64,
    /// What is wrong at this place.
    pub findings: Vec<Finding>,
    /// What lies in it, in the order in which it was read.
    pub parts: Vec<Inside>,
    /// How many parts more lie in it, and in those.
    pub more_parts: u64,
}

impl Inside {
    /// The limit of its parts, for what says that it was cut.
    pub const PARTS_LIMIT: &'static str = MAX_SHOWN_PARTS.key();
}

/// How loading a part uses something that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A function or class is loaded, and not called as far as the file shows.
    Loads,
    /// It is called, or an object of it is made.
    Calls,
    /// A state is set on an object (the opcode BUILD).
    SetsState,
    /// A document names a class or function, which its loader imports.
    Imports,
    /// A graph or program has an operator.
    Operator,
    /// A graph has a layer.
    Layer,
    /// Code or a template comes with it.
    Code,
}

impl How {
    /// As it is said of a part.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loads => "loads",
            Self::Calls => "calls",
            Self::SetsState => "sets a state on",
            Self::Imports => "imports",
            Self::Operator => "has the operator",
            Self::Layer => "has the layer",
            Self::Code => "brings",
        }
    }
}

impl Serialize for How {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something that loading a part would use.
#[derive(Debug, Clone, Serialize)]
pub struct Use {
    /// How it is used.
    pub how: How,
    /// Its exact name, without invisible characters.
    pub name: String,
    /// What it is known to do, where the catalogue has it.
    pub does: Option<&'static str>,
    /// How grave the gravest finding about it is, if there is one.
    pub severity: Option<Severity>,
    /// Where it was first met.
    pub at: Locator,
    /// How often it was met.
    pub times: u64,
}

/// What a function or class of a pickle does when it is called.
pub(crate) const fn words(effect: Effect) -> &'static str {
    match effect {
        Effect::Plain => "makes a plain value",
        Effect::Holder => "keeps a function for later",
        Effect::Doubtful => "calls its argument",
        Effect::Dangerous(does) => does,
        Effect::Dunder => "reaches a module's or an object's own dictionary, class or code",
        Effect::Unknown => "nobody has listed it",
    }
}

/// The same of a name in a document.
pub(crate) const fn words_of_document(effect: documents::Effect) -> Option<&'static str> {
    Some(match effect {
        documents::Effect::Harmless => {
            "makes a plain value, or an object of a library that models are made with"
        }
        documents::Effect::Own => "makes an object of the hospital's own",
        documents::Effect::Dangerous(does) => does,
        // Its own format may know more of it, and says what is wrong in a finding.
        documents::Effect::Unknown => return None,
    })
}

/// Something met by a reader.
pub(crate) struct Met {
    pub(crate) how: How,
    pub(crate) name: String,
    pub(crate) does: Option<&'static str>,
    /// As findings name what they are about, if they can be about it.
    pub(crate) about: Option<About>,
    pub(crate) times: u64,
}

impl Met {
    /// Code, or a template, of this kind.
    pub(crate) fn code(what: &str, does: &'static str) -> Self {
        Self { how: How::Code, name: what.to_owned(), does: Some(does), about: None, times: 1 }
    }
}

/// The tree while it grows.
pub(crate) struct Tree {
    most_parts: Limit,
    most_names: Limit,
    parts: u64,
    names: u64,
    /// From the file down to the part that is being read.
    open: Vec<Open>,
    file: Option<Open>,
}

/// A part that is being read, or was.
struct Open {
    at: Locator,
    name: String,
    formats: Vec<FormatId>,
    bytes: u64,
    uses: BTreeMap<(How, String), (Use, Option<About>)>,
    more_uses: u64,
    /// Which of the look's findings are its own.
    found: Vec<usize>,
    parts: Vec<Open>,
    more_parts: u64,
    shown: bool,
}

impl Tree {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most_parts: limits.get(MAX_SHOWN_PARTS),
            most_names: limits.get(MAX_SHOWN_NAMES),
            parts: 0,
            names: 0,
            open: Vec::new(),
            file: None,
        }
    }

    /// What follows is of this part, until it is left.
    pub(crate) fn enter(&mut self, part: &Part) {
        self.parts = self.parts.saturating_add(1);
        let at = part.place();
        let within = self.open.last().and_then(|outer| at.as_str().strip_prefix(outer.at.as_str()));
        let name = within.map_or(at.as_str(), |rest| rest.strip_prefix('!').unwrap_or(rest)).to_owned();
        self.open.push(Open {
            at,
            name,
            formats: Vec::new(),
            bytes: part.len(),
            uses: BTreeMap::new(),
            more_uses: 0,
            found: Vec::new(),
            parts: Vec::new(),
            more_parts: 0,
            shown: self.most_parts.check(self.parts).is_ok(),
        });
    }

    /// Its reading is over.
    pub(crate) fn leave(&mut self) {
        let Some(left) = self.open.pop() else { return };
        match self.open.last_mut() {
            None => self.file = Some(left),
            Some(outer) if left.shown => outer.parts.push(left),
            Some(outer) => {
                outer.more_parts = outer.more_parts.saturating_add(left.more_parts).saturating_add(1);
                outer.more_uses = outer.more_uses.saturating_add(left.more_uses);
                outer.found.extend(left.found);
            }
        }
    }

    /// What the part is.
    pub(crate) fn is(&mut self, format: FormatId) {
        if let Some(part) = self.open.last_mut().filter(|part| !part.formats.contains(&format)) {
            part.formats.push(format);
        }
    }

    /// The look's finding of this number is of the part.
    pub(crate) fn found(&mut self, number: usize) {
        // What is found once all was read is the file's.
        if let Some(part) = self.open.last_mut().or(self.file.as_mut()) {
            part.found.push(number);
        }
    }

    /// The part uses something.
    pub(crate) fn met(&mut self, met: Met, at: impl FnOnce() -> Locator) {
        let Some(part) = self.open.last_mut() else { return };
        let Met { how, name, does, about, times } = met;
        let name = printed(&name);
        let known = part.shown.then(|| part.uses.get_mut(&(how, name.clone()))).flatten();
        if let Some((known, _)) = known {
            known.times = known.times.saturating_add(times);
            return;
        }
        let count = self.names.saturating_add(1);
        if !part.shown || self.most_names.check(count).is_err() {
            part.more_uses = part.more_uses.saturating_add(1);
            return;
        }
        self.names = count;
        let used = Use { how, name: name.clone(), does, severity: None, at: at(), times };
        part.uses.insert((how, name), (used, about));
    }

    /// So many names of the part were not even counted one by one.
    pub(crate) fn left_out(&mut self, names: u64) {
        if let Some(part) = self.open.last_mut() {
            part.more_uses = part.more_uses.saturating_add(names);
        }
    }

    /// The whole, with what was found.
    pub(crate) fn finish(mut self, findings: &[Found]) -> Option<Inside> {
        while !self.open.is_empty() {
            self.leave();
        }
        self.file.map(|file| file.finish(findings))
    }
}

impl Open {
    /// Parts lie in each other no deeper than they are read (`models.max_depth`).
    fn finish(self, findings: &[Found]) -> Inside {
        let own: Vec<&Found> = self.found.iter().filter_map(|number| findings.get(*number)).collect();
        let mut gravest: FxHashMap<&About, Severity> = FxHashMap::default();
        for Found { finding, about } in &own {
            if let Some(about) = about {
                let known = gravest.entry(about).or_insert(finding.severity);
                *known = finding.severity.max(*known);
            }
        }
        let mut uses: Vec<Use> = self
            .uses
            .into_values()
            .map(|(used, about)| {
                let severity = about.and_then(|about| gravest.get(&about).copied());
                Use { severity, ..used }
            })
            .collect();
        uses.sort_by_key(|used| std::cmp::Reverse(used.severity));
        Inside {
            name: self.name,
            at: self.at,
            formats: self.formats,
            bytes: self.bytes,
            uses,
            more_uses: self.more_uses,
            findings: own.into_iter().map(|found| found.finding.clone()).collect(),
            parts: self.parts.into_iter().map(|part| part.finish(findings)).collect(),
            more_parts: self.more_parts,
        }
    }
}
