//! The file that the hospital's own rules are kept in: TOML, every key known, all faults told at once with their lines. A
//! file with anything wrong in it is refused whole.
//!
//! ```toml
//! version = 1
//!
//! [[callable]]                       # a class or function of the hospital's own
//! name = "ourlab.layers.Attention"   # by its exact name; a class within a class: "ourlab.layers:Outer.Inner"
//! effect = "constructor"             # or what makes it dangerous: runs-code, opens-files …
//! owner = "M. Tansy"
//! reason = "our attention layer, read on 2026-11-02"
//! until = 2027-10-31                 # the last day; a constructor needs one, at most a year ahead
//!
//! [[allow]]                          # findings of a rule become information, for a scope
//! rule = "pickle.unknown-call"
//! global = "ourlab.util.rebuild"     # or sha256, place, operator, layer: one of them
//! owner = "M. Tansy"
//! reason = "rebuilds the tokenizer, read"
//! until = 2027-03-31
//!
//! [[rule]]                           # something to look for
//! id = "user.no-vendor-x"
//! severity = "high"
//! what = "code of vendor X"
//! why = "the contract ended"
//! package = ["vendorx"]              # also global, operator, layer, format, metadata, file
//! ```

use lazaret_core::{CORE_RULES, Faulty, Limit, Limits, Severity, Timestamp, line_of};
use ring::digest::{SHA256, digest};
use rustc_hash::FxHashSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::{is_own_id, is_step, may_construct, no_format, no_such, parts_of, splits, unhex};
use super::{Allowance, Answer, FactKind, Glob, Own, OwnEntry, OwnRule, OwnRules, Scope, forever, matched};
use crate::part::printed;
use crate::registry;

/// Longest file of own rules, in bytes.
pub(crate) const MAX_FILE: Limit = Limit::new("models.max_rules_file", 1 << 20);
/// Most entries of one file.
pub(crate) const MAX_ENTRIES: Limit = Limit::new("models.max_rules", 5_000);
/// How many days ahead the last day of an entry may lie that lowers something: a year, also a leap year.
pub const MAX_OWN_DAYS: u64 = 366;
/// Longest text of an entry, in bytes.
const LONGEST: usize = 400;
/// Most patterns of file names in one file: each is tried on each name.
const MOST_GLOBS: usize = 200;
/// The form of this file that is read.
const VERSION: &str = "1";

/// What an own callable may be said to do, beside making an object, and how findings word it.
const EFFECTS: &[(&str, &str)] = &[
    ("runs-code", "runs code, by the hospital's own rules"),
    ("starts-programs", "starts programs, by the hospital's own rules"),
    ("opens-files", "reads, writes or removes files, by the hospital's own rules"),
    ("opens-connections", "opens connections, by the hospital's own rules"),
    ("loads", "loads further models, pickles or modules, by the hospital's own rules"),
    ("forbidden", "is forbidden by the hospital's own rules"),
];
const CONSTRUCTOR: &str = "constructor";

impl OwnRules {
    /// The longest file that is read.
    pub const MAX_FILE: Limit = MAX_FILE;

    /// Reads a file, as of a day: entries whose last day is before `now` do nothing.
    ///
    /// # Errors
    /// All that is wrong in the file, each with its line and the way out.
    pub fn read(text: &str, now: Timestamp, limits: &Limits) -> Result<Self, Faulty> {
        limits.get(MAX_FILE).check(text.len() as u64).map_err(|error| Faulty::whole(error.to_string()))?;
        let document = DeTable::parse(text)
            .map_err(|error| Faulty::ending(text, error.span().map(|span| span.start), error.message()))?;
        let day = |at: Timestamp| at.to_string().get(..10).unwrap_or_default().to_owned();
        let mut reading = Reading {
            text,
            today: day(now),
            last: day(now.plus_millis(MAX_OWN_DAYS * 86_400_000)),
            own: Self {
                sha256: lazaret_core::hex(digest(&SHA256, text.as_bytes()).as_ref()),
                ..Self::default()
            },
            most_entries: limits.get(MAX_ENTRIES),
            ids: FxHashSet::default(),
            wrong: Faulty::default(),
        };
        reading.document(document.get_ref());
        let Reading { mut own, wrong, .. } = reading;
        own.entries.sort_by_key(|one| one.line);
        wrong.or_else(own)
    }
}

/// One table of the file and where it begins.
#[derive(Clone, Copy)]
struct Entry<'v> {
    at: usize,
    fields: &'v DeTable<'v>,
}

impl<'v> Entry<'v> {
    fn get(self, key: &str) -> Option<&'v Spanned<DeValue<'v>>> {
        self.fields.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }
}

struct Reading<'t> {
    text: &'t str,
    /// `2026-11-26`.
    today: String,
    /// The last day that a last day may be.
    last: String,
    own: OwnRules,
    most_entries: Limit,
    /// Ids of rules that exist.
    ids: FxHashSet<&'static str>,
    wrong: Faulty,
}

impl Reading<'_> {
    fn tell(&mut self, at: usize, why: impl Into<String>) {
        self.wrong.add(self.text, at, why);
    }

    fn document(&mut self, document: &DeTable<'_>) {
        let whole = Entry { at: 0, fields: document };
        self.known_keys(whole, &["version", "callable", "allow", "rule"]);
        match whole.get("version").map(Spanned::get_ref) {
            Some(DeValue::Integer(number)) if number.as_str() == VERSION => {}
            _ => {
                let at = whole.get("version").map_or(0, |value| value.span().start);
                self.tell(at, format!("the file says `version = {VERSION}` at its top: the form it is in"));
            }
        }
        let (callables, rules, allows) =
            (self.tables(whole, "callable"), self.tables(whole, "rule"), self.tables(whole, "allow"));
        let count = callables.len().saturating_add(rules.len()).saturating_add(allows.len());
        if let Err(error) = self.most_entries.check(count as u64) {
            return self.tell(0, error.to_string());
        }
        self.ids = registry::rules()
            .into_iter()
            .chain(lazaret_input::RULES.iter().copied())
            .chain(CORE_RULES)
            .map(|rule| rule.id)
            .collect();
        for entry in callables {
            self.callable(entry);
        }
        for entry in rules {
            self.rule(entry);
        }
        for entry in allows {
            self.allow(entry);
        }
    }

    fn tables<'v>(&mut self, whole: Entry<'v>, key: &str) -> Vec<Entry<'v>> {
        let Some(value) = whole.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.tell(
                value.span().start,
                format!("`{key}` is a list of tables: each begins with `[[{key}]]`"),
            );
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(fields) => tables.push(Entry { at: item.span().start, fields }),
                _ => self.tell(item.span().start, format!("`{key}` is a list of tables")),
            }
        }
        tables
    }

    fn known_keys(&mut self, entry: Entry<'_>, known: &[&str]) {
        for key in entry.fields.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let why = no_such("key", key.get_ref(), known.iter().copied());
                self.tell(key.span().start, why);
            }
        }
    }

    /// A text of one line; its absence is told.
    fn text<'v>(&mut self, entry: Entry<'v>, key: &str, for_what: &str) -> Option<(&'v str, usize)> {
        let Some(value) = entry.get(key) else {
            self.tell(entry.at, format!("`{key}` is missing: {for_what}"));
            return None;
        };
        self.line_text(value, key).map(|text| (text, value.span().start))
    }

    fn line_text<'v>(&mut self, value: &'v Spanned<DeValue<'v>>, key: &str) -> Option<&'v str> {
        let DeValue::String(text) = value.get_ref() else {
            self.tell(value.span().start, format!("`{key}` is a text, in quotes"));
            return None;
        };
        let is_shown =
            text.chars().map(|c| printed(c.encode_utf8(&mut [0; 4]))).all(|c| c.chars().count() == 1);
        if text.trim().is_empty() || text.len() > LONGEST || !is_shown {
            let why = format!("`{key}` is one line of 1 to {LONGEST} bytes, of characters that are seen");
            self.tell(value.span().start, why);
            return None;
        }
        Some(text.as_ref())
    }

    /// Owner, reason and last day.
    fn answer(&mut self, entry: Entry<'_>, needs_end: bool) -> Option<Answer> {
        let owner = self.text(entry, "owner", "who answers for the entry").map(|(text, _)| text.to_owned());
        let reason = self.text(entry, "reason", "why it is here").map(|(text, _)| text.to_owned());
        let until = match entry.get("until") {
            None if needs_end => {
                let why = format!("`until` is missing: the last day it holds, at most {}", self.last);
                self.tell(entry.at, why);
                return None;
            }
            None => None,
            Some(value) => Some(self.day(value)?),
        };
        // Days written year first are in the order of time.
        let expired = until.as_ref().is_some_and(|day| *day < self.today);
        Some(Answer { owner: owner?, reason: reason?, until, expired, line: line_of(self.text, entry.at) })
    }

    fn day(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let at = value.span().start;
        let day = match value.get_ref() {
            DeValue::Datetime(day) if day.date.is_some() && day.time.is_none() => day.to_string(),
            _ => {
                self.tell(at, "`until` is a day, without quotes: 2027-03-31");
                return None;
            }
        };
        if day > self.last {
            let why = format!(
                "`until` is {day}: at most {MAX_OWN_DAYS} days ahead, {} today; whoever answers for it looks again by then",
                self.last
            );
            self.tell(at, why);
            return None;
        }
        Some(day)
    }

    fn callable(&mut self, entry: Entry<'_>) {
        self.known_keys(entry, &["name", "effect", "owner", "reason", "until"]);
        let name = self.text(entry, "name", "the exact name of the class or function");
        let effect = self.text(entry, "effect", "constructor, or what makes it dangerous");
        let does = effect.and_then(|(effect, at)| {
            let does = EFFECTS.iter().find(|(known, _)| *known == effect).map(|(_, does)| *does);
            if does.is_none() && effect != CONSTRUCTOR {
                let known = std::iter::once(CONSTRUCTOR).chain(EFFECTS.iter().map(|(known, _)| *known));
                self.tell(at, no_such("effect", effect, known));
                return None;
            }
            Some(does)
        });
        let answer = self.answer(entry, matches!(does, Some(None)));
        let Some((name, at)) = name else { return };
        let parts = match parts_of(name) {
            Ok(parts) => parts,
            Err(why) => return self.tell(at, why),
        };
        let (Some(does), Some(answer)) = (does, answer) else { return };
        let shown = name.replacen(':', ".", 1);
        if does.is_none()
            && let Err(why) = may_construct(parts.0, parts.1)
        {
            return self.tell(at, format!("`{shown}` {why}"));
        }
        let (words, own) = match does {
            Some(does) => (does.to_owned(), Own::Dangerous(does)),
            None => (
                "makes an object, and its code is the hospital's own".to_owned(),
                Own::Constructor(answer.clone()),
            ),
        };
        self.list(answer.line, format!("`{shown}` {words} ({})", signed(&answer)), answer.expired);
        // What is forbidden is forbidden however it is reached; what is allowed, by its module and name alone.
        let pairs = if does.is_some() { splits(&shown) } else { vec![parts] };
        let mut twice = false;
        for (module, name) in pairs {
            let names = self.own.callables.entry(module.into()).or_default();
            twice |= names.insert(name.into(), own.clone()).is_some();
        }
        if twice {
            self.tell(at, format!("`{shown}` stands twice, or is forbidden and allowed: keep one"));
        }
    }

    fn rule(&mut self, entry: Entry<'_>) {
        let kinds = FactKind::ALL.map(FactKind::name);
        self.known_keys(entry, &[&["id", "severity", "what", "why"], kinds.as_slice()].concat());
        let id = self.text(entry, "id", "`user.` and a name of your choice");
        let severity = self.text(entry, "severity", "info, low, medium, high or critical");
        let severity = severity.and_then(|(name, at)| {
            let severity = Severity::parse(name);
            if severity.is_none() {
                self.tell(
                    at,
                    no_such("severity", name, Severity::ALL.iter().map(|severity| severity.name())),
                );
            }
            severity
        });
        let what = self.text(entry, "what", "what it finds, in a line");
        let why = self.text(entry, "why", "why it matters");
        let before = self.wrong.count();
        let mut matches = Vec::new();
        for kind in FactKind::ALL {
            if let Some(value) = entry.get(kind.name()) {
                matches.extend(self.names(kind, value).into_iter().map(|name| (kind, name)));
            }
        }
        if matches.is_empty() && self.wrong.count() == before {
            self.tell(
                entry.at,
                format!("it matches nothing: name what it looks for by {}", kinds.join(", ")),
            );
        }
        let Some((id, at)) = id else { return };
        if !is_own_id(id) {
            return self.tell(
                at,
                "an id is `user.` and words of a-z and 0-9 with `-` or `.` between: `user.no-vendor-x`",
            );
        }
        let id = forever(id);
        if !self.ids.insert(id) {
            return self.tell(at, format!("`{id}` is the id of another rule"));
        }
        let (Some(severity), Some((what, _)), Some((why, _))) = (severity, what, why) else { return };
        let line = line_of(self.text, entry.at);
        let shown: Vec<String> = matches.iter().map(matched).collect();
        self.list(line, format!("{id}: {severity} where there is {}", shown.join(" or ")), false);
        let number = self.own.rules.len();
        for (kind, name) in &matches {
            if *kind == FactKind::File {
                self.own.globs.push((Glob::new(name), number));
            } else {
                let names = self.own.names.entry(*kind).or_default();
                names.entry(name.as_str().into()).or_default().push(number);
            }
        }
        if self.own.globs.len() > MOST_GLOBS {
            self.tell(entry.at, format!("more than {MOST_GLOBS} patterns of file names in the file"));
        }
        let (what, why) = (what.to_owned(), why.to_owned());
        self.own.rules.push(OwnRule { id, severity, what, why, matches, line });
    }

    /// The names that a rule matches.
    fn names(&mut self, kind: FactKind, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        let key = kind.name();
        let DeValue::Array(items) = value.get_ref() else {
            self.tell(value.span().start, format!("`{key}` is a list: {key} = [\"…\"]"));
            return Vec::new();
        };
        let mut names = Vec::new();
        for item in items {
            let Some(name) = self.line_text(item, key) else { continue };
            let at = item.span().start;
            let wrong = match kind {
                FactKind::Global => parts_of(name).err(),
                FactKind::Format => no_format(name),
                FactKind::Package if !is_step(name) => {
                    Some("a package is the first step of a name: `vendorx`".to_owned())
                }
                FactKind::File if name.chars().all(|c| c == '*' || c == '/') => {
                    Some("the pattern means every file: name some of its letters".to_owned())
                }
                _ if kind != FactKind::File && kind != FactKind::Metadata && name.contains('*') => {
                    Some(format!("`{key}` takes exact names alone; only `file` takes `*`"))
                }
                _ => None,
            };
            match wrong {
                Some(why) => self.tell(at, why),
                None if kind == FactKind::Global => names.push(name.replacen(':', ".", 1)),
                None => names.push(name.to_owned()),
            }
        }
        names
    }

    fn allow(&mut self, entry: Entry<'_>) {
        const SCOPES: [&str; 5] = ["sha256", "place", "global", "operator", "layer"];
        self.known_keys(entry, &[&["rule", "owner", "reason", "until"], SCOPES.as_slice()].concat());
        let rule = self.text(entry, "rule", "the id of the rule whose findings it lowers");
        let rule = rule.and_then(|(id, at)| {
            let known = self.ids.get(id).copied();
            if known.is_none() {
                let why = no_such("rule", id, self.ids.iter().copied());
                self.tell(at, why);
            }
            known
        });
        let answer = self.answer(entry, true);
        let given: Vec<&str> = SCOPES.into_iter().filter(|key| entry.get(key).is_some()).collect();
        let [key] = given.as_slice() else {
            return self
                .tell(entry.at, format!("an entry has one scope, and one alone: {}", SCOPES.join(", ")));
        };
        let Some((text, at)) = self.text(entry, key, "its scope") else { return };
        let scope = match *key {
            "sha256" => match unhex(text) {
                Some(digest) => Scope::File(digest),
                None => {
                    return self
                        .tell(at, "`sha256` is 64 hexadecimal digits, as `sha256sum FILE` prints them");
                }
            },
            "place" => Scope::Place(text.to_owned()),
            "global" => match parts_of(text) {
                Ok((module, name)) => Scope::Named(FactKind::Global, format!("{module}:{name}")),
                Err(why) => return self.tell(at, why),
            },
            _ if text.contains('*') => {
                return self.tell(at, format!("`{key}` is an exact name, without `*`"));
            }
            "operator" => Scope::Named(FactKind::Operator, text.to_owned()),
            _ => Scope::Named(FactKind::Layer, text.to_owned()),
        };
        let (Some(rule), Some(answer)) = (rule, answer) else { return };
        let is_critical = registry::rule(rule).is_some_and(|rule| rule.rule.severity == Severity::Critical)
            || self.own.rule(rule).is_some_and(|rule| rule.severity == Severity::Critical);
        if is_critical && !matches!(scope, Scope::File(_)) {
            let why = format!(
                "findings of `{rule}` are critical: only `sha256`, the digest of one file, lowers them"
            );
            return self.tell(at, why);
        }
        self.list(
            answer.line,
            format!("`{rule}` of {scope} becomes information ({})", signed(&answer)),
            answer.expired,
        );
        self.own.by_rule.entry(rule).or_default().push(self.own.allowances.len());
        self.own.allowances.push(Allowance { rule, scope, answer });
    }

    fn list(&mut self, line: usize, does: String, expired: bool) {
        self.own.entries.push(OwnEntry { line, does, expired });
    }
}

/// Who answers for it, and until when.
fn signed(answer: &Answer) -> String {
    match &answer.until {
        Some(day) => format!("{}, until {day}", answer.owner),
        None => answer.owner.clone(),
    }
}
