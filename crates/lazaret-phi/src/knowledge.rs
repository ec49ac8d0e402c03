//! What a hospital knows of its own texts: the shapes of its numbers, its staff, its wards, words that look like
//! identifiers and are none, and words that are although nothing shows it. One file, checked as it is read
//! ([`Knowledge::read`]); a scanner that was given it ([`crate::Scanner::knowing`]) does not change while it works.
//!
//! An entry may hold for one ward, one author or one section only. Ward and author come from the caller or else from
//! the text's own header lines; a section is the nearest header line above or at the place. What the record says of
//! its own patient goes before every `allow`.
//!
//! | file | what is in it |
//! |---|---|
//! | `file` | the file's form and what is refused |
//! | `setting` | the ward and author of a text |
//! | `entry` | an entry that is not in the file yet |

use lazaret_core::{Kind, Label};
use regex_automata::meta::Regex;
use rustc_hash::FxHashMap;

use crate::cue::Cues;
use crate::known::{after, may_be_name};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::section::Sections;
use crate::view::{Note, Token};

mod entry;
mod file;
mod setting;

pub use entry::{Answers, EntryKind, NewEntry, shape_of, with_lines};
pub use file::MAX_KNOWLEDGE;
pub(crate) use file::{MAX_PHRASES, MAX_SHAPES};
pub use setting::Setting;

/// Bytes before a number in which one of its words must stand.
const REACH: usize = 40;
/// Most bytes between two words of a phrase.
const GAP: usize = 4;
/// Most words of one phrase.
const MAX_WORDS: usize = 16;

/// A hospital's knowledge, ready for use.
#[derive(Debug, Clone)]
pub struct Knowledge {
    digest: String,
    entries: Vec<Entry>,
    /// By the hash of the words so far: the phrases that end there. A list without one is a beginning.
    phrases: FxHashMap<u64, Vec<Use>>,
    shapes: Option<Shapes>,
    by_section: bool,
    expired: Vec<String>,
}

#[derive(Debug, Clone)]
struct Shapes {
    regex: Regex,
    /// By pattern: the entry, and the words after one of which it counts.
    each: Vec<(usize, Cues)>,
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// These words are an identifier.
    Deny(Label),
    /// What is found of this kind, or of any, within these words is none.
    Allow(Option<Kind>),
}

#[derive(Debug, Clone)]
struct Entry {
    effect: Effect,
    scope: Scope,
}

/// Where an entry holds: everywhere, or where all that is said here is so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scope {
    ward: Option<String>,
    author: Option<String>,
    section: Option<String>,
}

/// One phrase of an entry.
#[derive(Debug, Clone, Copy)]
struct Use {
    entry: usize,
    /// A part of a name: counts where it is written as a name.
    part: bool,
}

/// A stretch of the folded text in which an `allow` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The index of its first word.
    word: usize,
    start: usize,
    end: usize,
    kind: Option<Kind>,
}

/// What is known of one text.
pub(crate) struct Applied<'k> {
    knowledge: &'k Knowledge,
    setting: Setting,
    sections: Sections,
}

/// The same for a part of the text that is looked at as one note.
pub(crate) struct Local<'k> {
    applied: &'k Applied<'k>,
    /// Where the part begins.
    base: usize,
}

impl Knowledge {
    /// The digest of the file it was read from, as the reader gave it: receipts bear it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many phrases and shapes it holds.
    pub fn size(&self) -> (usize, usize) {
        let phrases = self.phrases.values().map(Vec::len).sum();
        (phrases, self.shapes.as_ref().map_or(0, |shapes| shapes.each.len()))
    }

    /// Entries whose `until` has passed, by their place in the file: they do nothing.
    pub fn expired(&self) -> &[String] {
        &self.expired
    }

    fn holds(&self, entry: usize, place: Option<&str>, setting: &Setting) -> Option<Effect> {
        let Entry { effect, scope } = self.entries.get(entry)?;
        let same = |asked: &Option<String>, is: Option<&str>| {
            asked.as_deref().is_none_or(|asked| is.is_some_and(|is| is == asked))
        };
        (same(&scope.ward, setting.ward())
            && same(&scope.author, setting.author())
            && same(&scope.section, place))
        .then_some(*effect)
    }

    fn seek_phrases(
        &self,
        applied: &Local<'_>,
        note: &Note<'_>,
        out: &mut Vec<Found>,
        allowed: &mut Vec<Allowed>,
    ) {
        for (index, first) in note.tokens().iter().enumerate() {
            if !self.phrases.contains_key(&first.hash) {
                continue;
            }
            let mut so_far = None;
            let mut last: Option<&Token> = None;
            for token in note.tokens().iter().skip(index) {
                if last.is_some_and(|last| token.start - last.end > GAP) {
                    break;
                }
                let next = after(so_far, token.hash);
                let Some(uses) = self.phrases.get(&next) else { break };
                for one in uses.iter().filter(|one| !one.part || may_be_name(first)) {
                    match self.holds(one.entry, applied.section_at(note, first.start), applied.setting()) {
                        Some(Effect::Deny(label)) => {
                            out.push(found(label, first.start, token.end, Evidence::Known));
                        }
                        Some(Effect::Allow(kind)) => {
                            let one = Allowed { word: index, start: first.start, end: token.end, kind };
                            if !allowed
                                .iter()
                                .rev()
                                .take_while(|last| last.word == index)
                                .any(|last| *last == one)
                            {
                                allowed.push(one);
                            }
                        }
                        None => {}
                    }
                }
                so_far = Some(next);
                last = Some(token);
            }
        }
    }

    fn seek_shapes(&self, applied: &Local<'_>, note: &Note<'_>, out: &mut Vec<Found>) {
        let Some(Shapes { regex, each }) = &self.shapes else { return };
        let inside = |byte: u8| byte.is_ascii_alphanumeric();
        for hit in regex.find_iter(note.text()) {
            let Some((entry, cues)) = each.get(hit.pattern().as_usize()) else { continue };
            let goes_on = inside(note.byte_before(hit.start())) && inside(note.byte(hit.start()))
                || inside(note.byte(hit.end())) && inside(note.byte_before(hit.end()));
            if goes_on || !cues.is_empty() && !cues.stand_in(note.before(hit.start(), REACH)) {
                continue;
            }
            if let Some(Effect::Deny(label)) =
                self.holds(*entry, applied.section_at(note, hit.start()), applied.setting())
            {
                out.push(found(label, hit.start(), hit.end(), Evidence::Known));
            }
        }
    }
}

impl<'k> Applied<'k> {
    pub(crate) fn new(knowledge: &'k Knowledge, setting: Setting, text: &str) -> Self {
        let sections = if knowledge.by_section { Sections::of(text) } else { Sections::default() };
        Self { knowledge, setting: setting.or_from(text), sections }
    }

    /// For the part that begins at an offset.
    pub(crate) const fn at(&'k self, base: usize) -> Local<'k> {
        Local { applied: self, base }
    }
}

impl Local<'_> {
    /// Reports what the hospital says is an identifier, and gives where it says that none is.
    pub(crate) fn seek(&self, note: &Note<'_>, out: &mut Vec<Found>) -> Vec<Allowed> {
        let mut allowed = Vec::new();
        self.applied.knowledge.seek_phrases(self, note, out, &mut allowed);
        self.applied.knowledge.seek_shapes(self, note, out);
        allowed
    }

    const fn setting(&self) -> &Setting {
        &self.applied.setting
    }

    fn section_at(&self, note: &Note<'_>, at: usize) -> Option<&str> {
        self.applied.sections.at(note.original(at, at + 1).start + self.base)
    }
}

/// Takes away the claims that an `allow` covers whole, but what the record itself or a `deny` says stays. The allowed
/// stretches are in the order of their first words.
pub(crate) fn drop_allowed(note: &Note<'_>, allowed: &[Allowed], claims: &mut Vec<Found>) {
    if allowed.is_empty() {
        return;
    }
    claims.retain(|claim| {
        let word = note.token_at(claim.start);
        let near = allowed.partition_point(|one| one.start <= claim.start);
        let covers =
            |one: &Allowed| claim.end <= one.end && one.kind.is_none_or(|kind| kind == claim.label.kind);
        let mut before = allowed.iter().take(near).rev().take_while(|one| one.word + MAX_WORDS > word);
        claim.evidence >= Evidence::Known || !before.any(covers)
    });
}
