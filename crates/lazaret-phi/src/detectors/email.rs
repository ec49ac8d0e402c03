//! Finds e-mail addresses.
//!
//! From an `@` in both directions, and from `dot com` back over what was said (`jo dot vane at clinic dot com`). The suffix is not looked up: reserved (`.example`), new and misspelt ones are
//! found too. Two numbers around an `at` are no address.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(F).
//!
//! Example: `w.vane@clinic.example` is found; `2 tabs @ bedtime` is not.
//!
//! References: RFC 5322, 3.4.1; RFC 2606.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Email;

impl ShapeDetector for Email {
    fn id(&self) -> &'static str {
        "phi.email"
    }

    fn source(&self) -> &'static str {
        include_str!("email.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Write to w.vane@clinic.example, thanks.", "2 tabs @ bedtime, 5@noon.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Signs, r"@[A-Z0-9]"),
            (
                Pass::Numbers,
                r"\bdot (?:com|net|org|edu|gov|info|io|co|example|test|ca|uk|ie|au|us|de|fr|es|eu)\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 1 {
            spoken(hit, note, out);
            return;
        }
        let mut start = hit.start;
        while hit.start - start < 64 {
            let b = note.byte_before(start);
            if !(b.is_ascii_alphanumeric() || b >= 0x80 || b"._%+-'!#$&*/=?^`{|}~".contains(&b)) {
                break;
            }
            start -= 1;
        }
        while start < hit.start && !(note.byte(start).is_ascii_alphanumeric() || note.byte(start) >= 0xc0) {
            start += 1;
        }
        // `tel|name@host`: what stands before a bar, quote or equals sign is no part of it.
        if let Some(cut) = note.slice(start, hit.start).rfind(['|', '=', '\'', '{', '/']) {
            start += cut + 1;
        }
        let mut end = hit.start + 1;
        let mut dot = None;
        while end - hit.start < 254 {
            match note.byte(end) {
                b if b.is_ascii_alphanumeric() || b >= 0x80 => {}
                b'-' if note.byte(end + 1).is_ascii_alphanumeric() => {}
                b'.' if note.byte(end + 1).is_ascii_alphanumeric() => dot = Some(end),
                _ => break,
            }
            end += 1;
        }
        let suffix = dot.map_or("", |dot| note.slice(dot + 1, end));
        if start < hit.start && suffix.len() >= 2 && !suffix.bytes().any(|b| b.is_ascii_digit()) {
            out.push(found(Label::EMAIL, start, end, Evidence::Named));
        }
    }
}

/// Most words of an address that is said.
const SAID: usize = 12;

/// `jo dot vane at clinic dot example`: back over words that `dot`, `dash`, `underscore` and one `at` join.
fn spoken(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let dot = note.token_at(hit.start);
    let joins = |index: usize| {
        tokens.get(index).is_some_and(|t| {
            matches!(note.word(t), "dot" | "dash" | "hyphen" | "underscore" | "point" | "at")
        })
    };
    let apart = |index: usize| {
        tokens.get(index).zip(tokens.get(index + 1)).is_some_and(|(a, b)| note.slice(a.end, b.start) == " ")
    };
    // Words and joints by turns; numbers may follow a word.
    let (mut first, mut at) = (dot, None);
    while dot - first < SAID {
        let Some(word) = first.checked_sub(1).filter(|word| apart(*word) && !joins(*word)) else { break };
        first = word;
        let Some(link) = first.checked_sub(1).filter(|link| apart(*link) && joins(*link)) else {
            let digits = tokens.get(first).is_some_and(|t| t.digits);
            if digits {
                continue;
            }
            break;
        };
        if tokens.get(link).is_some_and(|t| note.word(t) == "at") {
            if at.is_some() {
                break;
            }
            at = Some(link);
        }
        first = link;
    }
    let words = joins(first);
    first += usize::from(words);
    if let (Some(at), Some(start)) = (at, tokens.get(first))
        && first < at
    {
        out.push(found(Label::EMAIL, start.start, hit.end, Evidence::Checked));
    }
}
