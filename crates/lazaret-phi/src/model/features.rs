//! What the model sees of a word, as rows of its table.

use super::{LISTED, Line, Tag};
use crate::lexicon::Marks;
use crate::view::{Case, Note, Token};

/// Marks that tell kinds of words apart; frequent names count for themselves.
const TOLD: Marks = Marks::GIVEN_FREQUENT
    .or(Marks::GIVEN)
    .or(Marks::SURNAME_FREQUENT)
    .or(Marks::SURNAME)
    .or(Marks::CITY)
    .or(Marks::COMMON)
    .or(Marks::FUNCTION)
    .or(Marks::DRUG)
    .or(Marks::EPONYM)
    .or(Marks::DEVICE)
    .or(Marks::MEDICAL)
    .or(Marks::PAYER)
    .or(Marks::CITY_BEGINS)
    .or(Marks::FACILITY_HEAD)
    .or(Marks::TITLE)
    .or(Marks::RELATION)
    .or(Marks::STAFF)
    .or(Marks::CREDENTIAL)
    .or(Marks::FACILITY)
    .or(Marks::ORGANISATION)
    .or(Marks::STREET)
    .or(Marks::STATE)
    .or(Marks::COUNTRY)
    .or(Marks::CALENDAR)
    .or(Marks::EPONYM_HEAD)
    .or(Marks::PARTICLE);

/// Which of [`TOLD`] a word has, and how it is written.
fn kind(token: Option<&Token>) -> u64 {
    let Some(token) = token else { return 1 << 40 };
    (token.case as u64) << 32 | u64::from(token.marks.bits() & TOLD.bits())
}

const fn row(salt: u64, value: u64) -> u16 {
    let mixed = (value ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    let [.., low, high] = mixed.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Some bytes of a text as a number, in lower case.
fn bytes(text: &[u8]) -> u64 {
    text.iter().take(6).fold(text.len() as u64, |sum, byte| (sum << 8) | u64::from(byte.to_ascii_lowercase()))
}

/// What stands between two words: its first bytes, digits and letters there are none.
fn gap(note: &Note<'_>, from: Option<&Token>, to: Option<&Token>) -> u64 {
    match (from, to) {
        (Some(from), Some(to)) => {
            let end = to.start.min(from.end + 4);
            bytes(note.slice(from.end, end).as_bytes())
        }
        (None, _) => 1,
        (_, None) => 2 + u64::from(from.map_or(0, |from| note.byte(from.end))),
    }
}

/// A word and what surrounds it.
pub(super) struct Seen<'a> {
    pub(super) note: &'a Note<'a>,
    pub(super) index: usize,
    /// What the two words before are, the nearer first.
    pub(super) previous: [Tag; 2],
    pub(super) line: &'a Line,
}

impl Seen<'_> {
    /// Gives the rows of what is seen, in a fixed order.
    pub(super) fn rows(&self, mut to: impl FnMut(u16)) {
        let &Self { note, index, previous, line } = self;
        let tokens = note.tokens();
        let Some(token) = tokens.get(index) else { return };
        let before = index.checked_sub(1).and_then(|at| tokens.get(at));
        let second = index.checked_sub(2).and_then(|at| tokens.get(at));
        let next = tokens.get(index + 1);
        let after = tokens.get(index + 2);
        let hash = |token: Option<&Token>| {
            token.map_or(0, |token| if token.case == Case::Number { 7 } else { token.hash })
        };
        let (own, left, right) = (kind(Some(token)), kind(before), kind(next));
        let (gap_left, gap_right) = (gap(note, before, Some(token)), gap(note, Some(token), next));
        let tags = (previous[0] as u64) << 3 | previous[1] as u64;
        let starts = u64::from(index == line.first) << 1
            | u64::from(gap_left & 0xff == u64::from(b' ') && gap_left >> 8 & 0xff == u64::from(b'.'));
        let word = note.word(token).as_bytes();
        let tail = |most: usize| bytes(word.get(word.len().saturating_sub(most)..).unwrap_or(word));
        let head = bytes(word.get(..3).unwrap_or(word));
        let mut add = |salt: u64, value: u64| to(row(salt, value));
        add(1, u64::from(word.is_ascii()));
        add(36, own << 1 | u64::from(word.is_ascii()));
        add(2, own);
        let mut bits = token.marks.bits() & TOLD.bits();
        while bits != 0 {
            add(3, (token.case as u64) << 8 | u64::from(bits.trailing_zeros()));
            bits &= bits - 1;
        }
        let known = token.has(
            LISTED
                .or(Marks::FACILITY)
                .or(Marks::STREET)
                .or(Marks::STAFF)
                .or(Marks::TITLE)
                .or(Marks::STATE)
                .or(Marks::COUNTRY)
                .or(Marks::RELATION),
        );
        if known {
            add(4, token.hash);
        } else {
            add(5, tail(3));
            add(6, tail(2));
            add(7, head);
        }
        add(8, tags << 40 ^ own);
        add(9, hash(before));
        add(10, hash(next));
        add(11, hash(second) ^ 3);
        add(12, hash(after) ^ 5);
        add(13, hash(before).rotate_left(7) ^ hash(second));
        add(14, hash(next).rotate_left(7) ^ hash(after));
        add(15, hash(before).rotate_left(9) ^ hash(next));
        add(16, hash(before).rotate_left(11) ^ own);
        add(17, hash(next).rotate_left(13) ^ own);
        add(18, left);
        add(19, right);
        add(20, left.rotate_left(21) ^ own);
        add(21, right.rotate_left(21) ^ own);
        add(22, kind(second));
        add(23, kind(after));
        add(24, gap_left.rotate_left(20) ^ gap_right);
        add(25, gap_left.rotate_left(20) ^ own);
        add(26, gap_right.rotate_left(20) ^ own);
        add(27, gap_left.rotate_left(17) ^ hash(before));
        add(28, gap_right.rotate_left(17) ^ hash(next));
        add(29, line.case << 50 ^ own);
        add(30, starts << 50 ^ own);
        add(31, starts << 50 ^ right.rotate_left(3) ^ gap_right.rotate_left(33));
        add(32, tags << 50 ^ gap_left);
        add(33, (token.len().min(9) as u64) << 8 | token.case as u64);
        add(34, tags << 50 ^ hash(before));
        add(35, left.rotate_left(19) ^ right.rotate_left(41) ^ gap_left.rotate_left(9));
    }
}
