//! Facts known of the subject (`Context.known`), sought in a note as whole words in any case, with any punctuation
//! between: `555-0137` finds `(555) 0137`. Of names, each part of three letters or more is sought too.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::rc::Rc;
use std::sync::LazyLock;

use lazaret_core::{Kind, Known, Label, Limit};

use crate::calendar;
use crate::lexicon::{Marks, hash};
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Most words of one fact that are compared; a longer fact is sought by its first ones.
const MAX_FACT_WORDS: Limit = Limit::new("phi.max_fact_words", 24);

/// Words of one fact, after the first.
struct Phrase {
    rest: Vec<u64>,
    label: Label,
    /// One word of a name: a common word must be capitalised.
    part: bool,
}

/// What is sought, by the hash of the first word.
pub(crate) struct Seeds {
    by_first: HashMap<u64, Vec<Phrase>>,
    /// Year, month and day of known dates: a date of the note is one of them in whatever form.
    dates: HashMap<(i64, i64, i64), Label>,
}

/// Subjects whose seeds a thread keeps.
const KEPT: usize = 32;

thread_local! {
    /// The seeds asked for last on this thread, the latest first: a record has many texts of one subject, and the
    /// records of a few subjects lie together. Hashes, no values.
    static LAST: RefCell<Vec<(Mark, Rc<Seeds>)>> = const { RefCell::new(Vec::new()) };
}

/// Tells the facts of one subject from those of another: 128 bits under keys of this process.
type Mark = [u64; 2];

fn mark_of(known: &Known) -> Mark {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    KEYS.each_ref().map(|key| {
        let mut hasher = key.build_hasher();
        known.facts.len().hash(&mut hasher);
        for fact in &known.facts {
            fact.label.hash(&mut hasher);
            fact.text.expose().hash(&mut hasher);
        }
        hasher.finish()
    })
}

impl Seeds {
    /// From the facts of a subject; those of the subjects asked for last are at hand.
    pub(crate) fn of(known: &Known) -> Rc<Self> {
        let mark = mark_of(known);
        LAST.with_borrow_mut(|last| {
            let at = last.iter().position(|(of, _)| *of == mark).unwrap_or_else(|| {
                last.truncate(KEPT.saturating_sub(1));
                last.push((mark, Rc::new(Self::new(known))));
                last.len().saturating_sub(1)
            });
            if let Some(before) = last.get_mut(..=at) {
                before.rotate_right(1);
            }
            last.first().map_or_else(|| Rc::new(Self::new(known)), |(_, seeds)| Rc::clone(seeds))
        })
    }

    /// From the facts of a subject.
    fn new(known: &Known) -> Self {
        let mut seeds = Self { by_first: HashMap::new(), dates: HashMap::new() };
        for fact in &known.facts {
            if fact.label.kind == Kind::Date
                && let Some(date) = calendar::parse(fact.text.expose()).and_then(|date| date.whole())
            {
                seeds.dates.insert(date, fact.label);
            }
            let note = Note::new(fact.text.expose());
            let most = usize::try_from(MAX_FACT_WORDS.most()).unwrap_or(usize::MAX);
            let words: Vec<&Token> = note.tokens().iter().take(most).collect();
            let signs: usize = words.iter().map(|word| word.len()).sum();
            if signs >= 3 {
                seeds.add(
                    &words.iter().map(|word| word.hash).collect::<Vec<_>>(),
                    fact.label,
                    words.len() == 1 && fact.label.kind == Kind::Name,
                );
            }
            if fact.label.kind == Kind::Name {
                for word in words
                    .iter()
                    .filter(|word| word.len() >= 3 && !word.has(Marks::TITLE.or(Marks::CREDENTIAL)))
                {
                    seeds.add(&[word.hash], fact.label, true);
                    // A generated name is also written without its digits.
                    let letters =
                        note.word(word).trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
                    if letters.len() >= 3 && letters.len() < word.len() {
                        seeds.add(&[hash(&letters)], fact.label, true);
                    }
                }
            }
        }
        seeds
    }

    fn add(&mut self, words: &[u64], label: Label, part: bool) {
        if let Some((first, rest)) = words.split_first() {
            self.by_first.entry(*first).or_default().push(Phrase { rest: rest.to_vec(), label, part });
        }
    }

    /// Reports every place where a fact stands.
    pub(crate) fn seek(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for claim in out.iter_mut().filter(|claim| claim.label.kind == Kind::Date && !self.dates.is_empty()) {
            let date = calendar::parse(note.slice(claim.start, claim.end)).and_then(|date| date.whole());
            if let Some(label) = date.and_then(|date| self.dates.get(&date)) {
                claim.label = *label;
                claim.evidence = Evidence::Known;
            }
        }
        if self.by_first.is_empty() {
            return;
        }
        for (index, token) in note.tokens().iter().enumerate() {
            for phrase in self.by_first.get(&token.hash).into_iter().flatten() {
                if phrase.part && !may_be_name(token) {
                    continue;
                }
                if let Some(end) = matches_at(note, index, &phrase.rest) {
                    out.push(found(phrase.label, token.start, end, Evidence::Known));
                }
            }
        }
    }
}

/// A word that is also a common one is the name only when capitalised, and not one in capitals among capitals.
pub(crate) fn may_be_name(token: &Token) -> bool {
    let common = token.has(Marks::COMMON.or(Marks::FUNCTION).or(Marks::MEDICAL));
    match token.case {
        Case::Lower | Case::Upper => !common,
        _ => !token.has(Marks::FUNCTION) || token.has(Marks::GIVEN),
    }
}

/// The end of the phrase whose first word is at `index`, if the rest follows with little between.
fn matches_at(note: &Note<'_>, index: usize, rest: &[u64]) -> Option<usize> {
    let mut last = note.tokens().get(index)?;
    for (offset, hash) in rest.iter().enumerate() {
        let next = note.tokens().get(index + 1 + offset)?;
        if next.hash != *hash || next.start - last.end > 4 {
            return None;
        }
        last = next;
    }
    Some(last.end)
}
