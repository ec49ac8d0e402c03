//! Finds user names and logins.
//!
//! The word after `username`, `login`, `user=`, `handle is`, `printed by`: a user name mostly holds its owner's name.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `login is vnakai58` gives `vnakai58`; `user of tobacco` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::begin;
use crate::view::Note;

/// See the page above.
pub(crate) struct Username;

impl ShapeDetector for Username {
    fn id(&self) -> &'static str {
        "phi.other-id.username"
    }

    fn source(&self) -> &'static str {
        include_str!("username.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Her login is vnakai58.", "A user of tobacco, login failed.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(
            Pass::Cues,
            r"\b(?:user ?name|user ?id|login(?: name| id)?|log-in|user|handle|screen name|printed by|transcribed by|by tech|app user|portal user)\b(?: is| was)?[ =:]",
        )]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let start = begin(note, hit.end - 1);
        let mut end = start;
        while end - start < 40 {
            let b = note.byte(end);
            let joins = matches!(b, b'.' | b'-' | b'_' | b'\\' | b'/')
                && end > start
                && note.byte(end + 1).is_ascii_alphanumeric();
            if !(b.is_ascii_alphanumeric() || joins) {
                break;
            }
            end += 1;
        }
        let name = note.slice(start, end);
        let odd = name.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'\\' | b'.' | b'/'));
        let plain = note.slice(hit.start, hit.end).ends_with('=') && name.len() >= 4;
        if name.len() >= 4 && (odd || plain) && name.bytes().any(|b| b.is_ascii_alphabetic()) {
            out.push(found(Label::OTHER_ID.sub("username"), start, end, Evidence::Named));
        }
    }
}
