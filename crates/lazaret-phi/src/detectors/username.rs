//! Finds user names and logins.
//!
//! The word after `username`, `login`, `user=`, `handle is`, `printed by`, what speaks in a chat (`@qvmoor:`), small letters
//! and digits with points in brackets after a name (`(ilse.qv.68)`), and what is said (`quill underscore barn two`): a
//! user name mostly holds its owner's name.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `login is vnakai58` gives `vnakai58`; `user of tobacco` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::begin;
use crate::view::{Case, Note};

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
        &[
            (
                Pass::Cues,
                r"(?:\x22agent|\b(?:transmitted by|uploaded by|entered by|keyed by|released by|posted by|edited by|user ?name|user ?id|login(?: name| id)?|log-in|user|handle|screen name|printed by|transcribed(?: by)?|scribe(?:d by)?|by tech|app user|portal user|log(?:s|ged)? (?:on|in) as|sign(?:s|ed)? (?:on|in) as|e-?sig|e-?signed(?: by)?|by|co-?signed by|locked by|usr|synced by|host|account name|operator)\b(?: is| was)?)\x22?[ =:]",
            ),
            (Pass::Signs, r"\\[a-z][a-z0-9]{2,30}\b"),
            (
                Pass::Numbers,
                r"\b(?:by tech|transcribed by|printed by|scribe|signed|cosigned by|host|usr|user) ",
            ),
            (Pass::Numbers, r"@[a-z0-9_][a-z0-9_.-]{3,30}\b"),
            (Pass::Signs, r"_[a-z0-9]{1,20}\b"),
            (Pass::Numbers, r"\bby [a-z]{1,8}[._][a-z]{3,20}\b"),
            (Pass::Numbers, r"\.[a-z0-9]{1,16}\)"),
            (
                Pass::Numbers,
                r"\bunderscore [a-z]{2,20}(?: (?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety))*\b",
            ),
            (Pass::Cues, r"\b(?:pw|pwd|password|passphrase|code ?word|safe ?word)\b:? \x22?"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 8 {
            password(hit, note, out);
            return;
        }
        if hit.shape == 5 {
            // `by rph.qvmoor`: small letters with a point.
            let name = note.slice(hit.start + 3, hit.end);
            if !name.bytes().any(|b| b.is_ascii_uppercase())
                && !matches!(note.byte(hit.end), b'.' | b'/' | b'@')
            {
                out.push(found(Label::OTHER_ID.sub("username"), hit.start + 3, hit.end, Evidence::Shape));
            }
            return;
        }
        if hit.shape == 7 {
            // `quill underscore barn thirty one`: with the word before.
            let before = note.token_at(hit.start).checked_sub(1).and_then(|at| note.tokens().get(at));
            let start = before.filter(|t| t.case == Case::Lower && note.slice(t.end, hit.start) == " ");
            out.push(found(
                Label::OTHER_ID.sub("username"),
                start.map_or(hit.start, |t| t.start),
                hit.end,
                Evidence::Checked,
            ));
            return;
        }
        if hit.shape == 6 {
            bracketed(hit, note, out);
            return;
        }
        if hit.shape == 4 {
            underscored(hit, note, out);
            return;
        }
        if matches!(hit.shape, 1 | 3) {
            account(hit, note, out);
            return;
        }
        let mut start = begin(note, hit.end - 1);
        start += usize::from(note.byte(start) == b'@');
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
        // `e-signed QVK 08/11/2025`: initials.
        let initials = (2..=4).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_uppercase())
            && note.slice(hit.start, hit.end).to_ascii_lowercase().contains("signed")
            && note.byte(end) == b' '
            && note.byte(end + 1).is_ascii_digit();
        if initials {
            out.push(found(Label::PROVIDER, start, end, Evidence::Checked));
            return;
        }
        let odd = name.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'\\' | b'.' | b'/'));
        let plain = note.slice(hit.start, hit.end).ends_with('=') && name.len() >= 4;
        // `by` alone names one that has a digit at its end, and nothing between: `BY=QUILLA2`.
        let by = note.slice(hit.start, hit.end);
        if by.len() <= 4 && by.get(..2).is_some_and(|by| by.eq_ignore_ascii_case("by")) {
            if by.ends_with('=') && odd && name.len() >= 4 && name.bytes().any(|b| b.is_ascii_alphabetic()) {
                out.push(found(Label::OTHER_ID.sub("username"), start, end, Evidence::Named));
            }
            return;
        }
        // `E-SIG QVMOOR`, `user QVMOOR`: in capitals, a word of no list.
        let shouted = name.len() >= 5
            && note.tokens().get(note.token_at(start)).is_some_and(|t| {
                t.start == start && t.end == end && t.case == Case::Upper && t.marks == Marks::default()
            });
        // `printed by qvmoor`: a word that is no other.
        let sole = note.tokens().get(note.token_at(start)).is_some_and(|token| {
            token.start == start
                && token.end == end
                && token.case == Case::Lower
                && token.marks == Marks::default()
        }) && {
            let cue = note.slice(hit.start, hit.end).to_ascii_lowercase();
            cue.contains("by")
                || cue.contains("signed")
                || cue.contains("agent")
                || cue.contains("sig")
                || cue.contains("scribe") && name.len() >= 5
                || cue.contains("user") && name.len() >= 5
                || cue.contains("as")
        };
        if name.len() >= 4
            && (odd || plain || sole || shouted)
            && name.bytes().any(|b| b.is_ascii_alphabetic())
        {
            out.push(found(Label::OTHER_ID.sub("username"), start, end, Evidence::Named));
        }
    }
}

/// `FENLAND\\qvmoor2`, `@qv.moor77`: a domain's user, a handle.
fn account(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let before = note.byte_before(hit.start);
    let name = note.slice(hit.start + 1, hit.end);
    if hit.shape == 3 {
        // In a chat a handle speaks (`@qvm:`) or is a word that no list knows; `@home`, `@0130` are none.
        let token = note.tokens().get(note.token_at(hit.start + 1));
        let unlisted = token.is_some_and(|t| t.end >= hit.end && t.marks == Marks::default());
        let speaks = note.byte(hit.end) == b':' && matches!(note.byte(hit.end + 1), b' ' | b'\n');
        let odd =
            speaks || unlisted || name.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'));
        if odd && !before.is_ascii_alphanumeric() && name.bytes().filter(u8::is_ascii_alphabetic).count() >= 4
        {
            let end = hit.end - usize::from(name.ends_with('.'));
            out.push(found(Label::OTHER_ID.sub("username"), hit.start, end, Evidence::Shape));
        }
        return;
    }
    let head = note.before(hit.start, 24);
    let domain = head.bytes().rev().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
    let start = hit.start - domain;
    let path = matches!(note.byte_before(start), b'\\' | b':' | b'/') || note.byte(hit.end) == b'\\';
    if (2..=15).contains(&domain) && !path {
        out.push(found(Label::OTHER_ID.sub("username"), start, hit.end, Evidence::Shape));
    }
}

/// `pw garnet61`, `GAVE PASSWORD QUILLBERRY`: the word that lets someone in.
fn password(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    const OTHERS: &str = "is|was|reset|protected|changed|expired|given|provided|and|for|to|required|not|on|in|or|needed|manager|set|of|with|by|lock|locked|from|the|a|we|wave|waves";
    let token = note.tokens().get(note.token_at(hit.end)).filter(|t| t.start == hit.end);
    let Some(token) =
        token.filter(|t| t.len() >= 4 && !is_one_of(&note.word(t).to_ascii_lowercase(), OTHERS))
    else {
        return;
    };
    let quoted = note.byte_before(token.start) == b'"';
    let odd = token.case == Case::Mixed || token.digits;
    let named = note.slice(hit.start, hit.end).to_ascii_lowercase().contains("word");
    if quoted || odd || named && matches!(note.byte(token.end), b',' | b'.' | b';' | b')' | b'\n' | 0) {
        out.push(found(Label::OTHER_ID, token.start, token.end, Evidence::Shape));
    }
}

/// `Quorrell, Jo (jo.quor.68)`: small letters and digits with points, alone in brackets after a name.
fn bracketed(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let head = note.before(hit.start, 32);
    let length = head
        .bytes()
        .rev()
        .take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
        .count();
    let start = hit.start - length;
    let text = note.slice(start, hit.end - 1);
    let letters = text.bytes().take_while(u8::is_ascii_lowercase).count();
    let named = note.byte_before(start) == b'(' && note.byte_before(start - 1) == b' ' && {
        let before = note.token_at(start).checked_sub(1).and_then(|at| note.tokens().get(at));
        before.is_some_and(|t| t.capitalised() && !t.has(Marks::CLINICAL))
    };
    let small = !text.bytes().any(|b| b.is_ascii_uppercase());
    if named && small && letters >= 2 && text.bytes().any(|b| b.is_ascii_digit()) && text.len() >= 6 {
        out.push(found(Label::OTHER_ID.sub("username"), start, hit.end - 1, Evidence::Shape));
    }
}

/// `jo_h88:`, `by tech ml_quorrell`: a word with an underscore and a digit, or one that speaks or is named.
fn underscored(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let head = note.before(hit.start, 24);
    let letters = head.bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    let start = hit.start - letters;
    let text = note.slice(start, hit.end);
    let before = note.byte_before(start);
    let after = note.byte(hit.end);
    let digit = text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().all(|b| !b.is_ascii_uppercase());
    let speaks = after == b':' && note.byte(hit.end + 1) == b' ' && digit;
    let named = note.cue_before(start, 14, "by tech|tech|user|login|by|from|transcribed|typed|scribed|keyed|entered|transmitted|uploaded|mtx|scribe|posted|sent|signed");
    let code = matches!(before, b'.' | b'_' | b'"' | b'/' | b',' | b'<')
        || matches!(after, b'=' | b'(' | b'"' | b'_' | b',' | b'/')
        || after == b'.' && note.byte(hit.end + 1).is_ascii_alphanumeric();
    if letters >= 2 && !code && (speaks || named) {
        out.push(found(Label::OTHER_ID.sub("username"), start, hit.end, Evidence::Shape));
    }
}
