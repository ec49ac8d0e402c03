//! The file a hospital's knowledge is kept in: TOML, every key known, every error with its line.
//!
//! ```toml
//! version = 1
//!
//! [[identifier]]                  # numbers of a shape of the hospital's own
//! label = "MRN"
//! shape = 'QH-\d{7}'              # a regular expression over ASCII, in any case, whole words
//! after = ["hosp no", "folder"]   # only after one of these in its line; absent: wherever it stands
//!
//! [[staff]]                       # names of staff; also `Vane, Quill`, also by one name alone
//! names = ["Quill Vane"]
//!
//! [[ward]]                        # names of wards, clinics, buildings
//! names = ["Larkspur East"]
//!
//! [[allow]]                       # looks like an identifier and is none
//! texts = ["Larkspur score"]
//! label = "NAME"                  # only what is found of this kind; absent: of any
//! section = "Assessment"          # also `ward`, `author`: only there; for every kind of entry
//! owner = "M. Tansy"
//! reason = "our own delirium score"
//! until = 2027-03-31              # the last day it holds
//!
//! [[deny]]                        # an identifier although nothing shows it
//! texts = ["bay seven"]
//! label = "OTHER_ID.room"
//! owner = "M. Tansy"
//! reason = "single-bed isolation bay"
//! ```

use lazaret_core::{Faulty, Kind, Label, Limit, Limits, Timestamp, line_of};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use toml::Spanned;

use super::{Effect, Entry, Knowledge, MAX_WORDS, Scope, Shapes, Use, after};
use crate::cue::Cues;
use crate::lexicon::Marks;
use crate::section::plain;
use crate::view::Note;

/// Longest knowledge file, in bytes.
pub const MAX_KNOWLEDGE: Limit = Limit::new("knowledge.max_size", 16 << 20);
/// Most phrases of one file: names, wards, texts.
pub(crate) const MAX_PHRASES: Limit = Limit::new("knowledge.max_phrases", 500_000);
/// Most shapes of one file.
pub(crate) const MAX_SHAPES: Limit = Limit::new("knowledge.max_shapes", 500);
/// Most bytes that the compiled shapes may take.
const COMPILED: usize = 16 << 20;

/// The form of this file that is read.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    identifier: Vec<Spanned<Identifier>>,
    #[serde(default)]
    staff: Vec<Spanned<NameEntry>>,
    #[serde(default)]
    ward: Vec<Spanned<NameEntry>>,
    #[serde(default)]
    allow: Vec<Spanned<TextEntry>>,
    #[serde(default)]
    deny: Vec<Spanned<TextEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identifier {
    label: Spanned<String>,
    shape: Spanned<String>,
    #[serde(default)]
    after: Vec<Spanned<String>>,
    ward: Option<String>,
    author: Option<String>,
    section: Option<String>,
    until: Option<Spanned<toml::value::Datetime>>,
    #[serde(default, rename = "owner")]
    _owner: Option<String>,
    #[serde(default, rename = "reason")]
    _reason: Option<String>,
    /// Who agreed, where it began as a proposal.
    #[serde(default, rename = "approver")]
    _approver: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameEntry {
    names: Vec<Spanned<String>>,
    ward: Option<String>,
    author: Option<String>,
    section: Option<String>,
    until: Option<Spanned<toml::value::Datetime>>,
    #[serde(default, rename = "owner")]
    _owner: Option<String>,
    #[serde(default, rename = "reason")]
    _reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEntry {
    texts: Vec<Spanned<String>>,
    label: Option<Spanned<String>>,
    ward: Option<String>,
    author: Option<String>,
    section: Option<String>,
    until: Option<Spanned<toml::value::Datetime>>,
    owner: String,
    reason: String,
    /// Who agreed, where it began as a proposal.
    #[serde(default, rename = "approver")]
    _approver: Option<String>,
}

impl Knowledge {
    /// Reads a file. `digest` names its content, as receipts bear it; entries whose last day is before `now` do
    /// nothing. All that is wrong is told at once; a file with anything wrong in it is refused whole.
    pub fn read(text: &str, digest: &str, now: Timestamp, limits: &Limits) -> Result<Self, Faulty> {
        let size = limits.get(MAX_KNOWLEDGE).check(text.len() as u64);
        size.map_err(|error| Faulty::whole(error.to_string()))?;
        let file: File = toml::from_str(text)
            .map_err(|error| Faulty::ending(text, error.span().map(|span| span.start), error.message()))?;
        let mut reading = Reading {
            text,
            today: now.to_string().get(..10).unwrap_or("").to_owned(),
            most_phrases: limits.get(MAX_PHRASES),
            known: Knowledge {
                digest: digest.to_owned(),
                entries: Vec::new(),
                phrases: FxHashMap::default(),
                shapes: None,
                by_section: false,
                expired: Vec::new(),
            },
            phrases: 0,
            wrong: Faulty::default(),
        };
        if *file.version.get_ref() != VERSION {
            reading.tell(file.version.span().start, format!("`version` is {VERSION}"));
        }
        reading.identifiers(file.identifier, limits.get(MAX_SHAPES));
        for (names, label) in [(file.staff, Label::PROVIDER), (file.ward, Label::HOSPITAL)] {
            for one in names {
                reading.names(one, label);
            }
        }
        for one in file.allow {
            reading.texts(one, true);
        }
        for one in file.deny {
            reading.texts(one, false);
        }
        let Reading { known, wrong, .. } = reading;
        wrong.or_else(known)
    }
}

struct Reading<'t> {
    text: &'t str,
    /// `2026-11-26`.
    today: String,
    most_phrases: Limit,
    known: Knowledge,
    phrases: u64,
    wrong: Faulty,
}

impl Reading<'_> {
    fn tell(&mut self, at: usize, why: String) {
        self.wrong.add(self.text, at, why);
    }

    /// The number of a new entry; none where its last day has passed.
    fn entry(
        &mut self,
        at: usize,
        effect: Effect,
        scope: [Option<String>; 3],
        until: Option<Spanned<toml::value::Datetime>>,
    ) -> Option<usize> {
        if let Some(until) = until {
            let day = until.get_ref().to_string();
            if until.get_ref().date.is_none() || until.get_ref().time.is_some() {
                self.tell(until.span().start, "`until` is a day: 2027-03-31".to_owned());
                return None;
            }
            // Days written year first are in the order of time.
            if day < self.today {
                let line = line_of(self.text, at);
                self.known.expired.push(format!("line {line}: held until {day}"));
                return None;
            }
        }
        let [ward, author, section] = scope.map(|name| name.map(|name| plain(&name)));
        self.known.by_section |= section.is_some();
        self.known.entries.push(Entry { effect, scope: Scope { ward, author, section } });
        Some(self.known.entries.len() - 1)
    }

    fn identifiers(&mut self, identifiers: Vec<Spanned<Identifier>>, most: Limit) {
        if let (Err(error), Some(first)) = (most.check(identifiers.len() as u64), identifiers.first()) {
            return self.tell(first.span().start, error.to_string());
        }
        let mut shapes = Vec::new();
        let mut each = Vec::new();
        for identifier in identifiers {
            let at = identifier.span().start;
            let of = identifier.into_inner();
            let Some(label) = self.label(&of.label) else { continue };
            if let Err(why) = check_shape(of.shape.get_ref()) {
                self.tell(of.shape.span().start, why);
                continue;
            }
            let Some(cues) = self.cues(&of.after) else { continue };
            let scope = [of.ward, of.author, of.section];
            let Some(entry) = self.entry(at, Effect::Deny(label), scope, of.until) else { continue };
            shapes.push(of.shape.into_inner());
            each.push((entry, cues));
        }
        if shapes.is_empty() {
            return;
        }
        match compile(&shapes) {
            Ok(regex) => self.known.shapes = Some(Shapes { regex, each }),
            Err(why) => self.tell(0, format!("the shapes together: {why}")),
        }
    }

    /// The words after one of which a number counts, as the search for cues takes them.
    fn cues(&mut self, words: &[Spanned<String>]) -> Option<Cues> {
        let mut cues = Vec::new();
        for word in words {
            let cue = word.get_ref().trim().to_ascii_lowercase();
            if cue.is_empty() || !cue.is_ascii() || cue.contains('|') || cue.len() > 40 {
                self.tell(
                    word.span().start,
                    "a word of `after` is ASCII, without `|`, 40 signs at most".to_owned(),
                );
                return None;
            }
            cues.push(cue);
        }
        Some(Cues::new(&cues.join("|")))
    }

    fn label(&mut self, written: &Spanned<String>) -> Option<Label> {
        let label = Label::parse(written.get_ref());
        if label.is_none() {
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let why = format!("no label `{}`; the kinds are {}", written.get_ref(), kinds.join(", "));
            self.tell(written.span().start, why);
        }
        label
    }

    fn names(&mut self, names: Spanned<NameEntry>, label: Label) {
        let at = names.span().start;
        let of = names.into_inner();
        let scope = [of.ward, of.author, of.section];
        let Some(entry) = self.entry(at, Effect::Deny(label), scope, of.until) else { return };
        for name in &of.names {
            let Some(words) = self.words(name) else { continue };
            self.phrase(&words, Use { entry, part: false });
            if label != Label::PROVIDER {
                continue;
            }
            // A person is also written `Vane, Quill`, and called by one name alone.
            if let Some((family, given)) = words.split_last()
                && !given.is_empty()
            {
                let turned: Vec<u64> = std::iter::once(*family).chain(given.iter().copied()).collect();
                self.phrase(&turned, Use { entry, part: false });
            }
            let note = Note::new(name.get_ref());
            for word in note.tokens().iter().filter(|_| words.len() > 1) {
                if word.len() >= 3 && !word.has(Marks::TITLE.or(Marks::CREDENTIAL).or(Marks::PARTICLE)) {
                    self.phrase(&[word.hash], Use { entry, part: true });
                }
            }
        }
    }

    fn texts(&mut self, texts: Spanned<TextEntry>, allow: bool) {
        let at = texts.span().start;
        let of = texts.into_inner();
        for (word, name) in [(&of.owner, "owner"), (&of.reason, "reason")] {
            if word.trim().is_empty() {
                self.tell(at, format!("`{name}` is empty: who answers for this entry, and why it is here"));
            }
        }
        let effect = match (&of.label, allow) {
            (Some(label), _) => match self.label(label) {
                Some(label) if allow => Effect::Allow(Some(label.kind)),
                Some(label) => Effect::Deny(label),
                None => return,
            },
            (None, true) => Effect::Allow(None),
            (None, false) => {
                return self.tell(at, "`deny` needs a `label`: what the texts are".to_owned());
            }
        };
        let scope = [of.ward, of.author, of.section];
        let Some(entry) = self.entry(at, effect, scope, of.until) else { return };
        for text in &of.texts {
            if let Some(words) = self.words(text) {
                self.phrase(&words, Use { entry, part: false });
            }
        }
    }

    /// The words of a phrase, as they are compared.
    fn words(&mut self, text: &Spanned<String>) -> Option<Vec<u64>> {
        let note = Note::new(text.get_ref());
        let letters: usize = note.tokens().iter().map(|token| note.word(token).chars().count()).sum();
        let words = note.tokens().len();
        let why = if letters < 2 {
            "a phrase has two letters or digits at least".to_owned()
        } else if words > MAX_WORDS {
            format!("a phrase has {MAX_WORDS} words at most, this one {words}")
        } else {
            return Some(note.tokens().iter().map(|token| token.hash).collect());
        };
        self.tell(text.span().start, why);
        None
    }

    fn phrase(&mut self, words: &[u64], one: Use) {
        self.phrases += 1;
        if self.phrases > self.most_phrases.most() {
            if self.phrases == self.most_phrases.most() + 1 {
                self.tell(0, self.most_phrases.exceeded(self.phrases).to_string());
            }
            return;
        }
        let mut so_far = None;
        for word in words {
            let next = after(so_far, *word);
            self.known.phrases.entry(next).or_default();
            so_far = Some(next);
        }
        if let Some(uses) = so_far.and_then(|last| self.known.phrases.get_mut(&last)) {
            uses.push(one);
        }
    }
}

/// A shape compiles, asks for two signs at least, and is no such thing as "any word".
fn check_shape(shape: &str) -> Result<(), String> {
    let regex = compile(std::slice::from_ref(&shape))?;
    if regex.is_match("") || ["a", "1", "A", "-", " "].iter().any(|one| whole(&regex, one)) {
        return Err("the shape matches a single sign; say more of it".to_owned());
    }
    // Words every note has: a shape that takes them would hide the note.
    if ["patient", "and", "history", "the"].iter().all(|word| whole(&regex, word)) {
        return Err("the shape matches every word; say more of it, or name the words it follows".to_owned());
    }
    Ok(())
}

fn whole(regex: &Regex, text: &str) -> bool {
    regex.find(text).is_some_and(|hit| hit.range() == (0..text.len()))
}

fn compile<S: AsRef<str>>(shapes: &[S]) -> Result<Regex, String> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
    let config = Regex::config().nfa_size_limit(Some(COMPILED)).utf8_empty(true);
    Regex::builder().syntax(syntax).configure(config).build_many(shapes).map_err(|error| {
        error.size_limit().map_or_else(
            || match error.syntax_error() {
                Some(error) => format!("no regular expression: {error}"),
                None => error.to_string(),
            },
            |limit| format!("the shape is too large: at most {limit} bytes compiled"),
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_694_400_000); // 2026-11-26

    fn read(text: &str) -> Result<Knowledge, String> {
        Knowledge::read(text, "digest", NOW, &Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_of_this_page_is_read() {
        let page: Vec<&str> =
            include_str!("file.rs").lines().map_while(|line| line.strip_prefix("//!")).collect();
        let page = page.join("\n");
        let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let example: Vec<&str> = example.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        let known = read(&example.join("\n")).unwrap();
        assert_eq!(known.size(), (7, 1));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, why) in [
            ("", "missing field `version`"),
            ("version = 2", "line 1: `version` is 1"),
            ("version = 1\nwards = []", "line 2: unknown field `wards`"),
            ("version = 1\n[[ward]]\nnames = ['x']", "line 3: a phrase has two letters"),
            (
                "version = 1\n[[allow]]\ntexts = ['Tansy']\nowner = ''\nreason = 'r'",
                "line 2: `owner` is empty",
            ),
            ("version = 1\n[[allow]]\ntexts = ['Tansy']", "line 2: missing field `owner`"),
            (
                "version = 1\n[[deny]]\ntexts = ['ab']\nowner = 'o'\nreason = 'r'",
                "line 2: `deny` needs a `label`",
            ),
            ("version = 1\n[[identifier]]\nlabel = 'MNR'\nshape = 'Q\\d{4}'", "line 3: no label `MNR`"),
            ("version = 1\n[[identifier]]\nlabel = 'MRN'\nshape = 'Q\\d{4'", "line 4: no regular expression"),
            (
                "version = 1\n[[identifier]]\nlabel = 'MRN'\nshape = '.*'",
                "line 4: the shape matches a single sign",
            ),
            (
                "version = 1\n[[identifier]]\nlabel = 'MRN'\nshape = '\\w{2,30}'",
                "line 4: the shape matches every word",
            ),
            (
                "version = 1\n[[identifier]]\nlabel = 'MRN'\nshape = '(\\w{500}){500}x'",
                "the shape is too large",
            ),
            ("version = 1\n[[staff]]\nnames = ['Quill Vane']\nuntil = 10:00:00", "line 4: `until` is a day"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}\n{error}");
        }
    }

    #[test]
    fn limits_are_named() {
        let mut limits = Limits::default();
        limits.set("knowledge.max_phrases", 2);
        let text = "version = 1\n[[ward]]\nnames = ['Tansy one', 'Tansy two', 'Tansy three', 'Tansy four']";
        let error = Knowledge::read(text, "", NOW, &limits).unwrap_err().to_string();
        assert!(error.contains("knowledge.max_phrases") && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn what_has_run_out_does_nothing_and_is_told() {
        let text = |day| format!("version = 1\n[[ward]]\nnames = ['Tansy one']\nuntil = {day}");
        let past = read(&text("2026-11-25")).unwrap();
        assert_eq!(
            (past.size(), past.expired()),
            ((0, 0), ["line 2: held until 2026-11-25".to_owned()].as_slice())
        );
        assert_eq!(read(&text("2026-11-26")).unwrap().size(), (1, 0));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "version = 1\n", "[[staff]]\n", "[[identifier]]\n", "[[allow]]\n", "names = ['A B', 'C']\n",
                    "texts = ['x y']\n", "label = 'MRN'\n", "shape = '", "'\n", "(a|", "\\d{9}", ")*", "[", "until = 2026-01-01\n",
                    "owner = 'o'\n", "reason = 'r'\n", "after = ['mrn']\n", "section = 'Plan'\n", "\"", "\u{0}", "é",
                ]),
                0..14,
            )
        ) {
            if let Err(error) = read(&pieces.concat()) {
                prop_assert!(!error.is_empty());
            }
        }
    }
}
