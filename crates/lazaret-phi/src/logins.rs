//! Finds short words for people: user names (`qvmoor` beside Quilla Vanmoor, `jfenwic2`, `quorrellj`), the initials of who
//! writes a log's line (`0904 qv: …`), and short forms of given names (`Xanthi` beside Xanthia).
//!
//! A login is mostly made of its owner's names: letters before a surname, the surname cut short, letters and digits after
//! it. Such a word stands in no list; with the name in the same note it is no chance. Where the name is not in the note, a
//! word of no list is a login by its place: after a time, after what a system records, or before a short number.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::{Kind, Label};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::lexicon::{Lexicon, Marks};
use crate::names::clinical_form;
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::view::{Case, Note, Token};

/// Letters of a surname that a login must hold at least.
const STEM: usize = 4;
/// Letters before it, letters and digits after it: at most.
const LEAD: usize = 2;
const TAIL: usize = 3;
/// Letters that a short form shares with its name.
const HEAD: usize = 3;
/// Longest login, and most names that begin alike.
const LONGEST: usize = 24;
const ALIKE: usize = 8;
/// Most names that are looked for.
const NAMES: usize = 2_000;

/// Names by their first letters.
type Stems = FxHashMap<[u8; STEM], Vec<Vec<u8>>>;

/// Adds the user names and short forms that are made of names among the claims.
pub(crate) fn seek(note: &Note<'_>, out: &mut Vec<Found>) {
    let stems = stems(note, out);
    let heads: FxHashSet<[u8; HEAD]> = stems
        .values()
        .flatten()
        .filter(|name| name.len() > HEAD + 1)
        .filter_map(|name| name.first_chunk().copied())
        .collect();
    let mut logins = Vec::new();
    for token in note.tokens() {
        let odd =
            matches!(token.case, Case::Lower | Case::Mixed | Case::Upper) && token.marks == Marks::default();
        if odd
            && token.len() > STEM
            && token.len() <= LONGEST
            && (is_login(note, token, &stems)
                || in_brackets(note, token)
                || speaks(note, token)
                || did(note, token)
                || is_numbered(note, token))
        {
            logins.push(found(Label::OTHER_ID.sub("username"), token.start, token.end, Evidence::Likely));
        }
        if odd && token.case == Case::Lower && (2..=3).contains(&token.len()) && logs(note, token) {
            logins.push(found(Label::PROVIDER, token.start, token.end, Evidence::Likely));
        }
        if token.case == Case::Capital && is_short_form(note, token, &heads) {
            logins.push(found(Label::NAME, token.start, token.end, Evidence::Likely));
        }
    }
    out.append(&mut logins);
}

/// `Xanthi`, `Quilly`: the first letters of a name and an ending, in no list but of given names.
fn is_short_form(note: &Note<'_>, token: &Token, heads: &FxHashSet<[u8; HEAD]>) -> bool {
    let listed = Marks::GIVEN.or(Marks::GIVEN_FREQUENT).or(Marks::SURNAME);
    let other = token.marks != Marks::default() && !token.has(listed)
        || token.has(
            Marks::COMMON
                .or(Marks::CLINICAL)
                .or(Marks::FUNCTION)
                .or(Marks::CITY)
                .or(Marks::CALENDAR)
                .or(Marks::FACILITY),
        );
    if other || !(HEAD + 1..=HEAD + 3).contains(&token.len()) || !token.plain {
        return false;
    }
    let word = note.word(token).as_bytes();
    let [.., second, last] = *word else { return false };
    let fond = match last.to_ascii_lowercase() {
        b'i' | b'y' => true,
        b'e' => second.eq_ignore_ascii_case(&b'i'),
        _ => false,
    };
    let head = || word.first_chunk::<HEAD>().map(|head| head.map(|b| b.to_ascii_lowercase()));
    fond && head().is_some_and(|head| heads.contains(&head))
}

/// `6/22 0904 qv: PA denied`, `addendum qv: …`: the initials of who writes a log's line.
fn logs(note: &Note<'_>, token: &Token) -> bool {
    if note.byte(token.end) != b':' {
        return false;
    }
    let before = note.before(token.start, 10);
    let lead = before.trim_end_matches(' ');
    let clock = lead.bytes().rev().take_while(u8::is_ascii_digit).count();
    let begun = clock == 4
        || clock == 2 && lead.get(..lead.len() - 2).is_some_and(|head| head.ends_with(':'))
        || lead.ends_with("addendum");
    note.byte(token.end + 1) == b' ' && lead.len() < before.len() && begun
}

/// `Scanned by mquillada to`, `Completed 2025-12-10 06:05 by rquillim;`: a word of no list that did what a system records.
fn did(note: &Note<'_>, token: &Token) -> bool {
    const DONE: &str = "completed|exported|scanned|closed|slides|pulled|prepared|verified|entered|printed|signed|released|locked|saved|edited|posted|uploaded|transcribed|typed|opened|modified|updated|filed|resulted";
    token.case == Case::Lower
        && token.plain
        && note.before(token.start, 3).eq_ignore_ascii_case("by ")
        && note.cue_before(token.start - 3, 36, DONE)
        && !clinical_form(note.word(token))
}

/// `5/4/26 9:12a  jquilland: called`: a word of no list that speaks after a time.
fn speaks(note: &Note<'_>, token: &Token) -> bool {
    if note.byte(token.end) != b':' {
        return false;
    }
    let before = note.before(token.start, 16);
    let clock = before.trim_end().trim_end_matches(['a', 'p', 'm', 'A', 'P', 'M', ' ']);
    token.case == Case::Lower
        && note.byte(token.end + 1) == b' '
        && before.ends_with(' ')
        && clock.ends_with(|c: char| c.is_ascii_digit())
        && clock.contains(':')
}

/// `quillbel3`: small letters, so many at least, and a short number. The letters.
fn numbered(word: &str, least: usize) -> Option<&str> {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    (letters.len() >= least && (1..=3).contains(&digits) && letters.bytes().all(|b| b.is_ascii_lowercase()))
        .then_some(letters)
}

/// `cabinet log pquillight3`: no word, with a short number.
fn is_numbered(note: &Note<'_>, token: &Token) -> bool {
    let joins = |b: u8| matches!(b, b'-' | b'.' | b'/' | b'_' | b'@' | b'=' | b'"' | b'(');
    let joined = || {
        joins(note.byte_before(token.start))
            || joins(note.byte(token.end)) && note.byte(token.end + 1).is_ascii_alphanumeric()
    };
    let letters = numbered(note.word(token), 6).filter(|_| !joined());
    letters.is_some_and(|letters| Lexicon::get().marks(letters) == Marks::default())
}

/// `reset by IT (quillbel3)`: small letters and a number, alone in brackets.
fn in_brackets(note: &Note<'_>, token: &Token) -> bool {
    note.byte_before(token.start) == b'('
        && note.byte(token.end) == b')'
        && numbered(note.word(token), 5).is_some()
}

/// The names by their first letters: words of claims, and two beside each other run together.
fn stems(note: &Note<'_>, claims: &[Found]) -> Stems {
    let mut stems = Stems::default();
    let mut both = Vec::new(); // a word and the one before it
    let named = claims.iter().filter(|c| c.label.kind == Kind::Name && c.evidence >= Evidence::Likely);
    for claim in named.take(NAMES) {
        let mut last = None;
        for token in note.tokens().iter().skip(note.token_at(claim.start)).take_while(|t| t.start < claim.end)
        {
            if !last.is_some_and(|end| matches!(note.slice(end, token.start), "-" | " ")) {
                both.clear();
            }
            let own = both.len();
            both.extend(note.word(token).bytes().map(|b| b.to_ascii_lowercase()));
            if own > 0 {
                add(&mut stems, &both);
            }
            both.drain(..own);
            add(&mut stems, &both);
            last = Some(token.end);
        }
    }
    stems
}

/// Adds a name.
fn add(stems: &mut Stems, name: &[u8]) {
    let Some(stem) = name.first_chunk::<STEM>().copied() else { return };
    let alike = stems.entry(stem).or_default();
    if alike.len() < ALIKE
        && name.iter().all(u8::is_ascii_lowercase)
        && alike.iter().all(|known| known.as_slice() != name)
    {
        alike.push(name.to_vec());
    }
}

/// Whether a word is letters, a name or its beginning, and a few letters or digits.
fn is_login(note: &Note<'_>, token: &Token, stems: &Stems) -> bool {
    let word = note.word(token).to_ascii_lowercase();
    let word = word.as_bytes();
    // In capitals a word of the name's letters and one more is the name, misspelt.
    if token.case == Case::Upper && token.len() < STEM + 2
        || !word.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        return false;
    }
    (0..=LEAD).any(|lead| {
        let Some(rest) = word.get(lead..) else { return false };
        let Some(alike) = rest.first_chunk::<STEM>().and_then(|stem| stems.get(stem)) else { return false };
        alike.iter().any(|name| {
            let same = name.iter().zip(rest).take_while(|(a, b)| a == b).count();
            let tail = rest.get(same..).unwrap_or(&[]);
            let digits = tail.iter().filter(|b| b.is_ascii_digit()).count();
            // Without a letter before it the name stands whole, and something follows: `quorrellj`, `fenwick2`.
            let whole = same == name.len() && !tail.is_empty();
            // A word of the note's language seldom ends a name otherwise than `s` and `er` do.
            let ending = matches!(tail, b"s" | b"er" | b"ed" | b"es" | b"ing" | b"ly" | b"y" | b"ian" | b"e");
            tail.len() <= TAIL && (tail.len() - digits) <= 2 && !ending && (lead > 0 || whole)
        })
    })
}
