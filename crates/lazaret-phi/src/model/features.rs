//! What the model sees of a word, as rows of its table.

use super::{BITS, LISTED, Line, Tag};
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

/// The number of a row.
pub(super) type Row = u32;

/// Where a row is in a table.
pub(super) fn place(row: Row) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// The row of a thing that is seen, apart from those of another kind.
pub(super) fn seen(salt: u64, value: u64) -> Row {
    let salted = value ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // Every bit of it counts in the highest bits of the product.
    u32::try_from(salted.wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> (u64::BITS - BITS)).unwrap_or(0)
}

/// Some bytes of a text as a number, in lower case.
pub(super) fn bytes(text: &[u8]) -> u64 {
    text.iter().take(6).fold(text.len() as u64, |sum, byte| (sum << 8) | u64::from(byte.to_ascii_lowercase()))
}

/// What stands between two words: its first bytes, digits and letters there are none.
#[inline]
fn gap(note: &Note<'_>, from: Option<&Token>, to: Option<&Token>) -> u64 {
    match (from, to) {
        // Most words are parted by one byte.
        (Some(from), Some(to)) if to.start == from.end + 1 => {
            1 << 8 | u64::from(note.byte(from.end).to_ascii_lowercase())
        }
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
    rows: [Row; MOST],
    count: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self { rows: [0; MOST], count: 0 }
    }
}

impl Rows {
    /// In a fixed order.
    pub(super) fn list(&self) -> &[Row] {
        self.rows.get(..self.count).unwrap_or(&[])
    }

    fn add(&mut self, salt: u64, value: u64) {
        if let Some(place) = self.rows.get_mut(self.count) {
            *place = seen(salt, value);
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
        let around: [Row; ALWAYS] = [
            seen(1, ascii),
            seen(36, own << 1 | ascii),
            seen(2, own),
            seen(8, tags << 40 ^ own),
            seen(9, hash_before),
            seen(10, hash_next),
            seen(11, hash_second ^ 3),
            seen(12, hash_after ^ 5),
            seen(13, hash_before.rotate_left(7) ^ hash_second),
            seen(14, hash_next.rotate_left(7) ^ hash_after),
            seen(15, hash_before.rotate_left(9) ^ hash_next),
            seen(16, hash_before.rotate_left(11) ^ own),
            seen(17, hash_next.rotate_left(13) ^ own),
            seen(18, left),
            seen(19, right),
            seen(20, left.rotate_left(21) ^ own),
            seen(21, right.rotate_left(21) ^ own),
            seen(22, kind(second)),
            seen(23, kind(after)),
            seen(24, gap_left.rotate_left(20) ^ gap_right),
            seen(25, gap_left.rotate_left(20) ^ own),
            seen(26, gap_right.rotate_left(20) ^ own),
            seen(27, gap_left.rotate_left(17) ^ hash_before),
            seen(28, gap_right.rotate_left(17) ^ hash_next),
            seen(29, line.case << 50 ^ own),
            seen(30, starts << 50 ^ own),
            seen(31, starts << 50 ^ right.rotate_left(3) ^ gap_right.rotate_left(33)),
            seen(32, tags << 50 ^ gap_left),
            seen(33, (token.len().min(9) as u64) << 8 | token.case as u64),
            seen(34, tags << 50 ^ hash_before),
            seen(35, left.rotate_left(19) ^ right.rotate_left(41) ^ gap_left.rotate_left(9)),
        ];
        if let Some(rows) = self.rows.first_chunk_mut() {
            *rows = around;
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
