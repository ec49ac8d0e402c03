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
pub(crate) const MAX_FACT_WORDS: Limit = Limit::new("phi.max_fact_words", 24);

/// Where the words so far are a fact, or begin one.
#[derive(Default)]
struct Phrase {
    /// They are a fact.
    whole: Option<Label>,
    /// They are one word of a name: a common word must be capitalised.
    part: Option<Label>,
}

/// What is sought. However many facts begin alike, a word of the note is looked up once for each word of the
/// longest fact, and gives one claim.
pub(crate) struct Seeds {
    /// By the hash of a fact's first words, for each number of words.
    phrases: HashMap<u64, Phrase>,
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

fn mark_of(known: &Known, most_words: usize) -> Mark {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    KEYS.each_ref().map(|key| {
        let mut hasher = key.build_hasher();
        most_words.hash(&mut hasher);
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
    pub(crate) fn of(known: &Known, most_words: usize) -> Rc<Self> {
        let mark = mark_of(known, most_words);
        LAST.with_borrow_mut(|last| {
            let at = last.iter().position(|(of, _)| *of == mark).unwrap_or_else(|| {
                last.truncate(KEPT.saturating_sub(1));
                last.push((mark, Rc::new(Self::new(known, most_words))));
                last.len().saturating_sub(1)
            });
            if let Some(before) = last.get_mut(..=at) {
                before.rotate_right(1);
            }
            last.first().map_or_else(|| Rc::new(Self::new(known, most_words)), |(_, seeds)| Rc::clone(seeds))
        })
    }

    /// From the facts of a subject.
    fn new(known: &Known, most_words: usize) -> Self {
        let mut seeds = Self { phrases: HashMap::new(), dates: HashMap::new() };
        for fact in &known.facts {
            if fact.label.kind == Kind::Date
                && let Some(date) = calendar::parse(fact.text.expose()).and_then(|date| date.whole())
            {
                seeds.dates.insert(date, fact.label);
            }
            let note = Note::new(fact.text.expose());
            let words: Vec<&Token> = note.tokens().iter().take(most_words).collect();
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

    /// Of facts with the same words the first gives the label.
    fn add(&mut self, words: &[u64], label: Label, part: bool) {
        let mut so_far = None;
        for word in words {
            let next = after(so_far, *word);
            self.phrases.entry(next).or_default();
            so_far = Some(next);
        }
        if let Some(phrase) = so_far.and_then(|last| self.phrases.get_mut(&last)) {
            let place = if part { &mut phrase.part } else { &mut phrase.whole };
            place.get_or_insert(label);
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
        if self.phrases.is_empty() {
            return;
        }
        for (index, token) in note.tokens().iter().enumerate() {
            if let Some((label, end)) = self.longest_at(note, index) {
                out.push(found(label, token.start, end, Evidence::Known));
            }
        }
    }

    /// The longest fact whose first word is at `index`, with little between its words: its label and end.
    fn longest_at(&self, note: &Note<'_>, index: usize) -> Option<(Label, usize)> {
        let tokens = note.tokens().get(index..)?;
        let mut longest = None;
        let mut so_far = None;
        for (number, token) in tokens.iter().enumerate() {
            let last = number.checked_sub(1).and_then(|last| tokens.get(last));
            if last.is_some_and(|last| token.start - last.end > 4) {
                break;
            }
            let next = after(so_far, token.hash);
            let Some(phrase) = self.phrases.get(&next) else { break };
            let part = phrase.part.filter(|_| may_be_name(token));
            if let Some(label) = phrase.whole.or(part) {
                longest = Some((label, token.end));
            }
            so_far = Some(next);
        }
        longest
    }
}

/// The hash of some words and one more; of one word it is the word's.
pub(crate) fn after(words: Option<u64>, word: u64) -> u64 {
    words.map_or(word, |words| words.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word)
}

/// A word that is also a common one is the name only when capitalised, and not one in capitals among capitals.
pub(crate) fn may_be_name(token: &Token) -> bool {
    let common = token.has(Marks::COMMON.or(Marks::FUNCTION).or(Marks::MEDICAL));
    match token.case {
        Case::Lower | Case::Upper => !common,
        _ => !token.has(Marks::FUNCTION) || token.has(Marks::GIVEN),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{KnownFact, Sensitive};

    use super::*;

    fn seeds(facts: impl Iterator<Item = (Label, String)>) -> Seeds {
        let facts = facts.map(|(label, text)| KnownFact { label, text: Sensitive::new(text) }).collect();
        Seeds::new(&Known { facts, too_much: false }, 24)
    }

    fn claims(seeds: &Seeds, text: &str) -> Vec<Found> {
        let mut out = Vec::new();
        seeds.seek(&Note::new(text), &mut out);
        out
    }

    #[test]
    fn the_longest_fact_at_a_word_is_the_one_found() {
        let facts =
            [(Label::PATIENT, "Anna"), (Label::STREET, "Anna Lane 4"), (Label::MRN, "Anna Lane 4 0 0 7")];
        let seeds = seeds(facts.into_iter().map(|(label, text)| (label, text.to_owned())));
        let out = claims(&seeds, "Anna Lane, 4, not 0");
        assert_eq!((out.len(), out[0].label, out[0].start, out[0].end), (1, Label::STREET, 0, 12));
        assert!(claims(&seeds, "Anna     Lane 4").iter().all(|claim| claim.label == Label::PATIENT));
    }

    #[test]
    fn facts_that_begin_alike_do_not_multiply_the_claims() {
        let alike =
            |number: usize| format!("{} {number}", ["Quill", "Quill "].concat().repeat(number % 20 + 1));
        let alike = (0..1_000).map(|number| (Label::PATIENT, alike(number)));
        let same = (0..1_000).map(|number| (Label::PATIENT, format!("Quill{}", ".".repeat(number))));
        let seeds = seeds(alike.chain(same));
        let text = "Quill ".repeat(5_000);
        let out = claims(&seeds, &text);
        assert_eq!(out.len(), 5_000, "one a word");
    }
}
