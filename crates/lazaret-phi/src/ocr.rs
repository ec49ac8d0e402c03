//! Text that was read from paper: `l0/O3/2024`, `Wil1iam`, `N0RTHGATE`.
//!
//! Where several words of a text are damaged so, digits among letters and letters among digits are put right, byte for
//! byte, and the detectors look at the mended text: every offset stays what it was. A text with a stray `O2` is left
//! alone.

use crate::view::{Case, Note};

/// Damaged words that a text must have.
const LEAST: usize = 3;
/// And one of them in so many words.
const EACH: usize = 150;

/// The text with its damage mended, if it is damaged. It has the same length, and the same characters beyond ASCII.
pub(crate) fn mended(text: &str, note: &Note<'_>) -> Option<String> {
    let damaged = note
        .tokens()
        .iter()
        .filter(|token| token.case == Case::Mixed && is_damaged(note.word(token).as_bytes()))
        .count();
    if damaged < LEAST || damaged * EACH < note.tokens().len() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes.iter().skip(at).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if length > 0 {
            let beside = beside(&bytes, at, at + length);
            if let Some(word) = bytes.get_mut(at..at + length) {
                mend(word, beside);
            }
        }
        at += length.max(1);
    }
    String::from_utf8(bytes).ok()
}

/// A letter that is read for a digit.
const fn digit_for(byte: u8) -> Option<u8> {
    match byte {
        b'O' | b'o' => Some(b'0'),
        b'l' | b'I' => Some(b'1'),
        _ => None,
    }
}

const fn numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || digit_for(byte).is_some()
}

fn is_damaged(word: &[u8]) -> bool {
    if word.len() < 3 {
        return false;
    }
    if word.iter().all(|byte| numeric(*byte)) {
        return true;
    }
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let plain = word.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'0' | b'1'));
    let within = word.windows(3).any(|three| match three {
        [before, b'0' | b'1', after] => {
            before.is_ascii_lowercase() && after.is_ascii_lowercase()
                || letters > 4 && before.is_ascii_alphabetic() && after.is_ascii_alphabetic()
        }
        _ => false,
    });
    letters >= 4 && plain && within
}

/// Whether a number, in digits or damaged, stands beside the word with a sign between.
fn beside(bytes: &[u8], start: usize, end: usize) -> bool {
    let sign = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'/' | b'-' | b'.'));
    let number = |run: &[u8]| run.iter().all(|byte| numeric(*byte)) && run.iter().any(u8::is_ascii_digit);
    let before = sign(start.checked_sub(1).and_then(|at| bytes.get(at))) && {
        let to = start - 1;
        let head = bytes.get(to.saturating_sub(12)..to).unwrap_or(&[]);
        let from = head.iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        head.get(from..).is_some_and(|run| !run.is_empty() && number(run))
    };
    let after = sign(bytes.get(end)) && {
        let tail = bytes.get(end + 1..(end + 13).min(bytes.len())).unwrap_or(&[]);
        let to = tail.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(tail.len());
        tail.get(..to).is_some_and(|run| !run.is_empty() && number(run))
    };
    before || after
}

fn mend(word: &mut [u8], beside: bool) {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let all_numeric = word.iter().all(|byte| numeric(*byte));
    let lone = word == b"I" || word == b"o" || word == b"O2" && !beside;
    if all_numeric && !lone && (digits > 0 || beside && word.len() <= 4) {
        for byte in word {
            *byte = digit_for(*byte).unwrap_or(*byte);
        }
        return;
    }
    // `l5th`, `2lst`
    let ordinal = [b"st", b"nd", b"rd", b"th"].iter().any(|ending| word.ends_with(*ending));
    let stem = word.len().saturating_sub(2);
    if ordinal && stem > 0 && word.get(..stem).is_some_and(|head| head.iter().all(|byte| numeric(*byte))) {
        word.iter_mut().take(stem).for_each(|byte| *byte = digit_for(*byte).unwrap_or(*byte));
        return;
    }
    // `N0.`, `D0B`, and `lns.` for `Ins.`
    match word {
        [b'N' | b'n', o @ b'0', b'V' | b'v']
        | [o @ b'0', b'C' | b'c', b'T' | b't']
        | [b'N' | b'n', o @ b'0']
        | [b'D', o @ b'0', b'A'..=b'Z'] => {
            *o = b'O';
            return;
        }
        [first @ b'l', b'n' | b'f' | b'v', rest @ ..] if rest.iter().all(u8::is_ascii_lowercase) => {
            *first = b'I';
            return;
        }
        _ => {}
    }
    // `VlLLAGE`, `CLlNlC`
    let small = word.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let thin = word.iter().map(|byte| usize::from(*byte == b'l')).sum::<usize>();
    if digits == 0 && thin > 0 && thin == small && word.len() >= thin + 3 {
        word.iter_mut().filter(|byte| **byte == b'l').for_each(|byte| *byte = b'I');
        return;
    }
    let letters = word.len() - digits;
    let lower = word.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let few = word.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'0' | b'1' | b'5' | b'6'));
    if digits > 0 && letters >= 2 && letters > digits && few && (lower > 0 || letters >= 4) {
        letters_for(word, lower * 2 > letters);
    } else if digits >= 2 {
        digits_for(word);
    }
}

/// `Wil1iam`, `0slo`, `Mi11`; in capitals what ends a word stays, as in `BRCA1`.
fn letters_for(word: &mut [u8], lower: bool) {
    let last = word.iter().rposition(u8::is_ascii_alphabetic).unwrap_or(0);
    for at in 0..word.len() {
        let next_lower = word.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let Some(byte) = word.get_mut(at) else { return };
        if at > last && (!lower || !matches!(*byte, b'0' | b'1')) {
            return;
        }
        *byte = match (*byte, lower && at > 0) {
            (b'0', true) => b'o',
            (b'0', false) => b'O',
            (b'1', true) => b'l',
            (b'1', false) => b'I',
            (b'5', true) => b's',
            (b'6', true) => b'b',
            (b'5', false) if !next_lower => b'S',
            (other, _) => other,
        };
    }
}

/// `W04O2`, `OO44l7`: letters that touch digits.
fn digits_for(word: &mut [u8]) {
    for _ in 0..2 {
        for at in 0..word.len() {
            let near = |at: Option<usize>| at.and_then(|at| word.get(at)).is_some_and(u8::is_ascii_digit);
            let touches = near(at.checked_sub(1)) || near(Some(at + 1));
            let between = near(at.checked_sub(1)) && near(Some(at + 1));
            if let Some(byte) = word.get_mut(at)
                && (matches!(byte, b'O' | b'l') && touches || *byte == b'I' && between)
            {
                *byte = digit_for(*byte).unwrap_or(*byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mend_all(text: &str) -> Option<String> {
        mended(text, &Note::new(text))
    }

    #[test]
    fn letters_among_digits_and_digits_among_letters_are_put_right() {
        let damaged =
            "Sa1ly Fenw1ck, N0. 5, D0B ll/O2/l96O, T0wnsend H0use, l2th, WO4l2, BRCA1, on O2 at 5OO ml";
        assert_eq!(
            mend_all(damaged).as_deref(),
            Some("Sally Fenwlck, NO. 5, DOB 11/02/1960, Townsend House, 12th, W0412, BRCA1, on O2 at 500 ml")
        );
    }

    #[test]
    fn what_is_not_damaged_is_left_alone() {
        for text in ["SpO2 94 on 2l O2, PaO2 61, HCO3 22, H1N1, A1c", "Sumiko254 Larue605", "one Wil1iam"] {
            assert_eq!(mend_all(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_mended_text_has_its_length(text in "([0-9OolI/. -]|é|[a-z0-1]{5} ){0,60}") {
            if let Some(mended) = mend_all(&text) {
                prop_assert_eq!(mended.len(), text.len());
            }
        }
    }
}
