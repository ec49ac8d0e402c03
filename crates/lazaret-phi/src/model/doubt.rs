//! What speaks against a guess that a word is part of a name: what it never is, and how much further ahead it must be.

use super::{Guess, LISTED, Tag};
use crate::cue::is_one_of;
use crate::lexicon::{Lexicon, Marks};
use crate::names::clinical_form;
use crate::value::unit_follows;
use crate::view::{Case, Note, Token};

/// Small words, and verbs, after a verb at a line's beginning.
const AFTER_VERB: &str = "from|to|of|for|on|under|up|out|before|at|I|we|the|not|be|have|go|need|return|take|use|drive|shower|start|resume|continue|consider|increase|repeat";

/// Whether the guess is what names never are: a common word alone that begins a sentence or a line (`End of list`), or a
/// word and a short number where a street was guessed (`Bili 5`, `Walk 0-15`), which is a score or a measure.
pub(super) fn no_name(note: &Note<'_>, guess: &Guess, count: i32) -> bool {
    let Some(first) = note.tokens().get(note.token_at(guess.start)) else { return false };
    let before = note.before(guess.start, 3);
    let begins = before.trim_end().is_empty() || before.trim_end().ends_with(['.', ';', '!', '?', '-', '*']);
    // `Section K`: a word and a letter, a letter's point at most.
    let rest = note.slice(first.end, guess.end).trim_matches([' ', '.']);
    let lone = count == 1 || count == 2 && rest.len() == 1;
    let common = lone
        && begins
        && first.case == Case::Capital
        && first.has(Marks::COMMON)
        && !first.has(Marks::GIVEN_FREQUENT);
    let shouted = count == 1
        && first.case == Case::Upper
        && first.has(Marks::COMMON)
        && !first.has(Marks::GIVEN_FREQUENT.or(Marks::SURNAME_FREQUENT).or(Marks::CITY));
    let text = note.slice(first.end, guess.end);
    let number = text.trim_start();
    let measure = guess.tag == Tag::Street
        && first.capitalised()
        && !first.has(Marks::STREET)
        && !number.is_empty()
        && text.len() > number.len()
        && number.len() <= 5
        && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && !["str", "straße", "strasse", "weg", "gasse", "platz", "allee", "laan", "straat", "vej", "gata"]
            .iter()
            .any(|end| note.word(first).to_lowercase().ends_with(end));
    // `Rose from bed`, `May I ask`: a verb, by the small word after it.
    let verb = count == 1 && begins && first.has(Marks::COMMON.or(Marks::MONTH)) && {
        let next = note.tokens().get(note.token_at(guess.end));
        next.is_some_and(|t| note.slice(guess.end, t.start) == " " && is_one_of(note.word(t), AFTER_VERB))
    };
    // A state or country may stay, whatever it is guessed to be.
    let state = count == 1
        && first.len() > 3
        && first.has(Marks::STATE.or(Marks::COUNTRY))
        && !first.has(Marks::GIVEN);
    // `DermVue`, `LiteQuill`: a capital inside a word makes a product's name, but for `McQuill` and its like.
    let word = note.word(first);
    let camel = count == 1
        && guess.tag == Tag::Person
        && first.case == Case::Capital
        && word.bytes().skip(1).any(|b| b.is_ascii_uppercase())
        && word.bytes().position(|b| b.is_ascii_uppercase()) == Some(0)
        && ![
            "Mc", "Mac", "O'", "D'", "De", "Di", "Du", "Da", "La", "Le", "Van", "Fitz", "St", "Ni", "Del",
            "Ver",
        ]
        .iter()
        .any(|head| word.strip_prefix(head).is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase())));
    // `St leads`: a common word in small letters ends no town.
    let last = note.tokens().get(note.token_at(guess.end.saturating_sub(1)));
    let trailing = count == 2
        && guess.tag == Tag::Town
        && first.capitalised()
        && last.is_some_and(|t| {
            t.case == Case::Lower && t.has(Marks::COMMON) && !t.has(Marks::STREET.or(Marks::CITY))
        });
    // `Biochem: …`, `Encl. (14)`: a key or a short form of no list. A name that is one is found by what else says so.
    let unlisted = count == 1 && first.case == Case::Capital && first.marks == Marks::default();
    let rest = note.after(first.end, 3);
    let key = unlisted && first.plain && begins && (rest.starts_with(": ") || rest.starts_with(" :"));
    let short = unlisted
        && first.len() <= 6
        && rest.starts_with('.')
        && rest
            .trim_start_matches(['.', ' '])
            .starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '(');
    // `exon 19 del`, `J collar`: a small word of grammar alone; a letter and what is named by it.
    let grammar = count == 1 && first.case == Case::Lower && first.has(Marks::PARTICLE);
    let lettered = count == 2
        && first.case == Case::Initial
        && last.is_some_and(|t| t.case == Case::Lower && t.has(Marks::CLINICAL.or(Marks::EPONYM_HEAD)));
    // `Senna tea`: a word of the language in small letters ends no name that begins with a capital.
    let before = note.token_at(guess.start).checked_sub(1).and_then(|at| note.tokens().get(at));
    let tail = count == 1
        && first.case == Case::Lower
        && first.has(Marks::COMMON)
        && before.is_some_and(|t| t.case == Case::Capital && note.slice(t.end, first.start) == " ");
    // `Vienna 4, Barcelona C`: scores, not a house and its street; `30 MG SQ`: a dose.
    let scores = guess.tag == Tag::Street
        && first.digits
        && (unit_follows(note, first.end)
            || note.slice(first.end, first.end + 2) == ", " && last.is_some_and(|t| t.case == Case::Initial));
    tail || scores
        || common
        || shouted
        || measure
        || verb
        || state
        || camel
        || trailing
        || key
        || short
        || grammar
        || lettered
}

/// What [`doubt`] says of words for clinical things.
pub(super) const DOUBTED: i32 = 4;
/// And of what cannot be a name.
pub(super) const NEVER: i32 = 1_000;
/// Most bytes of a phrase of two words.
const PHRASE: usize = 40;

/// How many times as far ahead a name of this word alone must be.
pub(super) fn doubt(note: &Note<'_>, index: usize) -> i32 {
    let tokens = note.tokens();
    let Some(token) = tokens.get(index) else { return DOUBTED };
    // `Quillby spots`, `BLAKE DRAIN`, `Quillby Fern prosthesis`: named after someone.
    let named = |from: &Token, to: Option<&Token>| {
        to.is_some_and(|next| {
            next.has(Marks::EPONYM_HEAD)
                && next.start - from.end <= 3
                && (next.case == Case::Lower || from.case == Case::Upper)
        })
    };
    let second = tokens.get(index + 1).filter(|next| next.capitalised() && next.start - token.end == 1);
    // `Alka Seltzer`, `da Vinci`: a phrase of the lists.
    let phrase = |first: Option<&Token>, last: Option<&Token>| {
        let may = |(first, _): &(&Token, _)| Lexicon::get().begins_phrase(first.hash);
        first.zip(last).filter(may).is_some_and(|(first, last)| {
            let words = note.slice(first.start, last.end.min(first.start + PHRASE));
            Lexicon::get().marks(&words.replace('-', " ")).has(Marks::CLINICAL)
                || Lexicon::get().marks(words).has(Marks::CLINICAL)
        })
    };
    let before = index.checked_sub(1).and_then(|at| tokens.get(at));
    // `Quillby Scientific Ingenio`: what a maker makes.
    let made = || phrase(index.checked_sub(2).and_then(|at| tokens.get(at)), before);
    if made() || phrase(before, Some(token)) || phrase(Some(token), tokens.get(index + 1)) {
        return NEVER;
    }
    // `CITROBACTER`: no part of any name.
    if token.has(Marks::ORGANISM) {
        return NEVER;
    }
    if named(token, tokens.get(index + 1)) || second.is_some_and(|next| named(next, tokens.get(index + 2))) {
        NEVER
    } else if token.has(Marks::CLINICAL.or(Marks::FACILITY)) || clinical_form(note.word(token)) {
        DOUBTED
    } else if token.case == Case::Lower
        || token.has(LISTED.or(Marks::STREET).or(Marks::STAFF).or(Marks::PAYER))
    {
        2
    } else {
        1
    }
}
