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

/// Marks of words that are seen whole.
const KNOWN: Marks = LISTED
    .or(Marks::FACILITY)
    .or(Marks::STREET)
    .or(Marks::STAFF)
    .or(Marks::TITLE)
    .or(Marks::STATE)
    .or(Marks::COUNTRY)
    .or(Marks::RELATION);

/// Which of [`TOLD`] a word has, and how it is written.
fn kind(token: Option<&Token>) -> u64 {
    let Some(token) = token else { return 1 << 40 };
    (token.case as u64) << 32 | u64::from(token.marks.bits() & TOLD.bits())
}

/// The number of a thing that is seen, apart from those of another kind.
const fn salted(salt: u64, value: u64) -> u64 {
    value ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

const fn row(salted: u64) -> u16 {
    // Every bit of it counts in the highest bits of the product.
    let [.., low, high] = salted.wrapping_mul(0xc4ce_b9fe_1a85_ec53).to_le_bytes();
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

/// Things that are seen of every word.
const ALWAYS: usize = 31;
/// Most rows of one word: those, three of its letters, and one for each mark.
const MOST: usize = ALWAYS + 3 + 32;

/// What the model sees of a word.
pub(super) struct Rows {
    rows: [u16; MOST],
    count: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self { rows: [0; MOST], count: 0 }
    }
}

impl Rows {
    /// In a fixed order.
    pub(super) fn list(&self) -> &[u16] {
        self.rows.get(..self.count).unwrap_or(&[])
    }

    fn add(&mut self, salt: u64, value: u64) {
        if let Some(place) = self.rows.get_mut(self.count) {
            *place = row(salted(salt, value));
            self.count += 1;
        }
    }

    /// Looks at a word that stands at `index`, after words of which the nearer is the first of `previous`.
    pub(super) fn see(
        &mut self,
        note: &Note<'_>,
        token: &Token,
        index: usize,
        previous: [Tag; 2],
        line: &Line,
    ) {
        let tokens = note.tokens();
        let before = index.checked_sub(1).and_then(|at| tokens.get(at));
        let second = index.checked_sub(2).and_then(|at| tokens.get(at));
        let next = tokens.get(index + 1);
        let after = tokens.get(index + 2);
        let hash = |token: Option<&Token>| {
            token.map_or(0, |token| if token.case == Case::Number { 7 } else { token.hash })
        };
        let [hash_second, hash_before, hash_next, hash_after] = [second, before, next, after].map(hash);
        let (own, left, right) = (kind(Some(token)), kind(before), kind(next));
        let (gap_left, gap_right) = (gap(note, before, Some(token)), gap(note, Some(token), next));
        let tags = (previous[0] as u64) << 3 | previous[1] as u64;
        let starts = u64::from(index == line.first) << 1
            | u64::from(gap_left & 0xff == u64::from(b' ') && gap_left >> 8 & 0xff == u64::from(b'.'));
        let word = note.word(token).as_bytes();
        let ascii = u64::from(token.plain || token.digits || word.is_ascii());
        let around: [u64; ALWAYS] = [
            salted(1, ascii),
            salted(36, own << 1 | ascii),
            salted(2, own),
            salted(8, tags << 40 ^ own),
            salted(9, hash_before),
            salted(10, hash_next),
            salted(11, hash_second ^ 3),
            salted(12, hash_after ^ 5),
            salted(13, hash_before.rotate_left(7) ^ hash_second),
            salted(14, hash_next.rotate_left(7) ^ hash_after),
            salted(15, hash_before.rotate_left(9) ^ hash_next),
            salted(16, hash_before.rotate_left(11) ^ own),
            salted(17, hash_next.rotate_left(13) ^ own),
            salted(18, left),
            salted(19, right),
            salted(20, left.rotate_left(21) ^ own),
            salted(21, right.rotate_left(21) ^ own),
            salted(22, kind(second)),
            salted(23, kind(after)),
            salted(24, gap_left.rotate_left(20) ^ gap_right),
            salted(25, gap_left.rotate_left(20) ^ own),
            salted(26, gap_right.rotate_left(20) ^ own),
            salted(27, gap_left.rotate_left(17) ^ hash_before),
            salted(28, gap_right.rotate_left(17) ^ hash_next),
            salted(29, line.case << 50 ^ own),
            salted(30, starts << 50 ^ own),
            salted(31, starts << 50 ^ right.rotate_left(3) ^ gap_right.rotate_left(33)),
            salted(32, tags << 50 ^ gap_left),
            salted(33, (token.len().min(9) as u64) << 8 | token.case as u64),
            salted(34, tags << 50 ^ hash_before),
            salted(35, left.rotate_left(19) ^ right.rotate_left(41) ^ gap_left.rotate_left(9)),
        ];
        for (place, salted) in self.rows.iter_mut().zip(&around) {
            *place = row(*salted);
        }
        self.count = ALWAYS;
        let mut marks = token.marks.bits() & TOLD.bits();
        while marks != 0 {
            self.add(3, (token.case as u64) << 8 | u64::from(marks.trailing_zeros()));
            marks &= marks - 1;
        }
        if token.has(KNOWN) {
            self.add(4, token.hash);
        } else {
            let tail = |most: usize| bytes(word.get(word.len().saturating_sub(most)..).unwrap_or(word));
            self.add(5, tail(3));
            self.add(6, tail(2));
            self.add(7, bytes(word.get(..3).unwrap_or(word)));
        }
    }
}
