//! The same step for numbers that no rule has claimed: identifiers and dates by how they are written and what stands
//! around them (`hall 6`, `chart 2217`, `labs 2/19`), where no rule knows the words.
//!
//! What is judged is a run: words with a digit among them, joined by signs (`SO-0188/71`).

use lazaret_core::{Kind, Label};

use super::features::{Row, bytes, place, seen};
use super::{ROWS, best, covered};
use crate::calendar;
use crate::fnv::{START, fnv, mixed};
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::short_dates::is_free;
use crate::view::{Case, Note, Token};

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Nothing that identifies: a measure, a dose, a code, a count.
    Other,
    /// It identifies.
    Identifier,
    /// A date.
    Date,
    /// An age of ninety years or more.
    Age,
}

/// How many sorts there are.
pub(super) const SORTS: usize = 4;

impl Sort {
    /// In the order of the columns of the weights.
    pub const ALL: [Self; SORTS] = [Self::Other, Self::Identifier, Self::Date, Self::Age];

    pub(super) const fn column(self) -> usize {
        self as usize
    }

    const fn label(self) -> Option<Label> {
        match self {
            Self::Other => None,
            Self::Identifier => Some(Label::OTHER_ID),
            Self::Date => Some(Label::DATE),
            Self::Age => Some(Label::AGE),
        }
    }
}

/// The sort of a kind; none of a kind that is more than a number, which is not judged here.
pub(super) const fn sort_of(kind: Kind) -> Option<Sort> {
    match kind {
        Kind::Date => Some(Sort::Date),
        Kind::Age => Some(Sort::Age),
        Kind::Name | Kind::Hospital | Kind::Location | Kind::Email | Kind::Url | Kind::Photo => None,
        _ => Some(Sort::Identifier),
    }
}

/// What the file begins with: its form, then the least margin of each sort.
pub(super) const MAGIC: &[u8; 4] = b"LZN1";
const HEADER: usize = 4 + SORTS * 2;
const FILE: usize = HEADER + ROWS * SORTS;

type Scores = [i32; SORTS];

/// Weights and margins, as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    margins: Scores,
    rows: &'a [[u8; SORTS]],
}

/// A number that may identify.
#[derive(Debug, Clone, Copy)]
pub struct Guess {
    /// First byte, on the folded text (the text itself, if it is ASCII).
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What it is.
    pub sort: Sort,
    /// By how much that is ahead of `Other`.
    pub ahead: i32,
}

/// What is known of a word before numbers are judged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// What it is part of.
    pub(super) kind: Option<Kind>,
    /// It is not judged.
    pub(super) settled: bool,
}

impl<'a> Numbers<'a> {
    /// Reads what [`super::train_numbers`] wrote.
    pub fn parse(file: &'a [u8]) -> Option<Self> {
        let (head, rows) = file.split_at_checked(HEADER).filter(|_| file.len() == FILE)?;
        Some(Self { margins: super::margins(head, *MAGIC)?, rows: rows.as_chunks().0 })
    }

    fn scores(&self, rows: &[Row; SEEN as usize]) -> Scores {
        // As many of a byte as there are rows fit into two bytes.
        let mut sums = [0_u16; SORTS];
        for weights in rows.iter().filter_map(|row| self.rows.get(place(*row))) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += u16::from(*weight);
            }
        }
        sums.map(|sum| i32::from(sum) - super::ZERO * i32::from(SEEN))
    }

    /// What is made of the runs that no claim covers.
    fn guesses(&self, note: &Note<'_>, known: &[Known]) -> Vec<Guess> {
        let mut out = Vec::new();
        walk(note, known, |run, rows| {
            let scores = self.scores(rows);
            let sort = Sort::ALL.get(best(&scores)).copied().unwrap_or(Sort::Other);
            if sort != Sort::Other {
                let ahead =
                    scores.get(sort.column()).copied().unwrap_or(0) - scores.first().copied().unwrap_or(0);
                out.push(Guess { start: run.start, end: run.end, sort, ahead });
            }
            sort
        });
        out
    }

    /// What is made of an ASCII text by itself, whatever the margin: to measure it.
    pub fn guess_alone(&self, text: &str) -> Vec<Guess> {
        let note = Note::new(text);
        self.guesses(&note, &vec![Known::default(); note.tokens().len()])
    }
}

/// Adds the numbers among those that no rule has claimed.
pub(crate) fn guess(numbers: Numbers<'_>, note: &Note<'_>, out: &mut Vec<Found>) {
    let mut known = vec![Known::default(); note.tokens().len()];
    for claim in out.iter() {
        for word in covered(note, claim, &mut known) {
            *word = Known { kind: Some(claim.label.kind), settled: true };
        }
    }
    for Guess { start, end, sort, ahead } in numbers.guesses(note, &known) {
        let least = numbers.margins.get(sort.column()).copied().unwrap_or(i32::MAX);
        let times = times(note, start, end, sort);
        if let Some((label, times)) = sort.label().zip(times)
            && ahead >= least * times
        {
            out.push(found(label, start, end, Evidence::Likely));
        }
    }
}

/// How many times as far ahead a day and a month alone must be, and what no calendar reads: most of what is so written is a
/// score, a dose or a measure.
const DOUBTED: i32 = 3;
/// And what is a year, or stands behind a word that what is named after somebody has: `red cell 4500`.
const MEASURED: i32 = 5;

/// How many times as far ahead as others this must be; none of what cannot be what it was guessed to be.
fn times(note: &Note<'_>, start: usize, end: usize, sort: Sort) -> Option<i32> {
    let text = note.slice(start, end);
    match sort {
        Sort::Age => text.parse().is_ok_and(|age: u8| (90..120).contains(&age)).then_some(1),
        Sort::Date => {
            // A year alone may stay.
            let is_date = |text: &str| calendar::parse(text).is_some_and(|date| date.parts() > 1);
            let lettered = text.bytes().any(|byte| byte.is_ascii_alphabetic());
            let mut signs = text.bytes().filter(|byte| !byte.is_ascii_digit());
            let (first, count) = (signs.clone().next(), signs.clone().count());
            match is_date(text) {
                // `9-10/10` is a score.
                true if !lettered && signs.any(|sign| Some(sign) != first) => None,
                true if lettered || count != 1 => Some(1),
                true => is_free(note, note.token_at(start), start, end).then_some(DOUBTED),
                false => {
                    let range = text.split_once('-').is_some_and(|(from, to)| is_date(from) && is_date(to));
                    (range || lettered && count > 0).then_some(DOUBTED)
                }
            }
        }
        // `A1c`, `B12`: a word of the lists.
        Sort::Identifier | Sort::Other if is_listed(note, start, end) => None,
        Sort::Identifier | Sort::Other => {
            let before = note.token_at(start).checked_sub(1).and_then(|at| note.tokens().get(at));
            let before = before.filter(|word| note.slice(word.end, start) == " ");
            let signs = text.bytes().filter(|byte| !byte.is_ascii_digit());
            // `Tylenol-Codeine 300-30`
            if signs.clone().all(|sign| matches!(sign, b'-' | b'/' | b'.'))
                && before.is_some_and(|word| word.has(Marks::DRUG))
            {
                return None;
            }
            match before.filter(|_| signs.count() == 0) {
                // `Platelets 412`
                Some(word) if word.has(Marks::MEDICAL.or(Marks::DRUG).or(Marks::EPONYM)) => None,
                Some(word) if word.has(Marks::EPONYM_HEAD) => Some(MEASURED),
                _ if text.parse().is_ok_and(|year: u16| (1900..2040).contains(&year)) => Some(MEASURED),
                _ => Some(1),
            }
        }
    }
}

fn is_listed(note: &Note<'_>, start: usize, end: usize) -> bool {
    let word = note.tokens().get(note.token_at(start)).filter(|word| word.start == start && word.end == end);
    word.is_some_and(|word| word.has(Marks::COMMON.or(Marks::CLINICAL)))
}

/// Words with a digit among them, joined by signs.
pub(super) struct Run {
    pub(super) first: usize,
    pub(super) last: usize,
    start: usize,
    end: usize,
}

/// Bytes of a run that is judged: a digit alone is a count, a grade, the number of a row.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=64;
/// Most words on either side of the first digit of a run.
const REACH: usize = 12;

/// The runs of a text in order.
#[derive(Clone)]
struct Runs<'n> {
    note: &'n Note<'n>,
    /// The first word that is in no run so far.
    free: usize,
}

impl Runs<'_> {
    fn joined(&self, from: &Token, to: &Token) -> bool {
        let sign = || self.note.byte(from.end);
        to.start == from.end
            || to.start == from.end + 1
                && matches!(sign(), b'-' | b'/' | b'.' | b':' | b'*' | b'_' | b'#' | b'+' | b'&')
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let tokens = self.note.tokens();
        let digit = |token: &Token| matches!(token.case, Case::Number | Case::Mixed);
        let at = self.free + tokens.get(self.free..)?.iter().position(digit)?;
        let middle = tokens.get(at)?;
        let (mut first, mut last, mut start, mut end) = (at, at, middle, middle);
        while first > self.free.max(at.saturating_sub(REACH))
            && let Some(before) = tokens.get(first - 1).filter(|before| self.joined(before, start))
        {
            (first, start) = (first - 1, before);
        }
        while last < at + REACH
            && let Some(after) = tokens.get(last + 1).filter(|after| self.joined(end, after))
        {
            (last, end) = (last + 1, after);
        }
        self.free = last + 1;
        Some(Run { first, last, start: start.start, end: end.end })
    }
}

/// Goes over the runs in order: those that are settled keep what they are, the rest is decided.
pub(super) fn walk(
    note: &Note<'_>,
    known: &[Known],
    mut decide: impl FnMut(&Run, &[Row; SEEN as usize]) -> Sort,
) {
    let mut runs = Runs { note, free: 0 };
    let mut rows = Rows([0; SEEN as usize]);
    let mut line = Line::default();
    let mut previous = (Sort::Other, 0);
    while let Some(run) = runs.next() {
        line.reach(&run, &runs);
        let words = known.get(run.first..=run.last).unwrap_or(&[]);
        let sort = if let Some(settled) = words.iter().find(|word| word.settled) {
            settled.kind.and_then(sort_of).unwrap_or(Sort::Other)
        } else if !LENGTHS.contains(&(run.end - run.start)) {
            Sort::Other
        } else {
            let before = run.first.checked_sub(1).and_then(|at| known.get(at)?.kind);
            let far = run.first.saturating_sub(previous.1).min(4);
            rows.see(note, &run, &line, before, (previous.0, far));
            decide(&run, &rows.0)
        };
        previous = (sort, run.last);
    }
}

/// The line a run is in.
#[derive(Default)]
struct Line {
    start: usize,
    /// Behind its last byte, or behind a piece of a long one.
    end: usize,
    /// The hash of its first word.
    lead: u64,
    /// How many runs are in it from the first one on, six at most.
    runs: u64,
}

/// Bytes of a line that are looked at, to count its runs.
const LINE: usize = 400;

impl Line {
    /// Goes on to the line in which a run begins, before the rest of them.
    fn reach(&mut self, run: &Run, rest: &Runs<'_>) {
        let (note, at) = (rest.note, run.start);
        if at < self.end {
            return;
        }
        note.count(at - self.end);
        let gap = note.text().as_bytes().get(self.end..at);
        if let Some(begin) = gap.and_then(|gap| memchr::memrchr(b'\n', gap)) {
            self.start = self.end + begin + 1;
        }
        self.end = at + note.after(at, LINE).len().max(1);
        self.lead = note.tokens().get(note.token_at(self.start)).map_or(0, |token| token.hash);
        self.runs = 1 + rest.clone().take(5).take_while(|run| run.start < self.end).count() as u64;
    }
}

/// Things that are seen of a run, each a row.
const SEEN: u8 = 40;

/// What the model sees of a run, as rows of its table.
struct Rows([Row; SEEN as usize]);

/// What a byte of a run is in its shape.
const fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'9',
        b'A'..=b'Z' => b'A',
        b'a'..=b'z' | 128.. => b'a',
        other => other,
    }
}

/// How a run is written.
struct Written {
    /// Its classes.
    shape: u64,
    /// The same without repetitions.
    brief: u64,
    letters: u64,
    digits: u64,
}

impl Written {
    /// Of the first bytes of a run: further ones tell no more.
    fn of(text: &[u8]) -> Self {
        let mut out = Self { shape: START, brief: START, letters: START, digits: 0 };
        let mut last = 0;
        for byte in text.iter().take(18) {
            let class = class(*byte);
            out.shape = mixed(out.shape, class);
            if class != last {
                out.brief = mixed(out.brief, class);
            }
            last = class;
            match class {
                b'9' => out.digits += 1,
                b'A' | b'a' => out.letters = mixed(out.letters, byte.to_ascii_lowercase()),
                _ => {}
            }
        }
        out
    }
}

impl Rows {
    /// Looks at a run in a line, behind a word of some kind and a run of some sort so many words before.
    fn see(&mut self, note: &Note<'_>, run: &Run, line: &Line, kind: Option<Kind>, previous: (Sort, usize)) {
        let tokens = note.tokens();
        let text = note.slice(run.start, run.end).as_bytes();
        let Written { shape, brief, letters, digits } = Written::of(text);
        let long = text.len() as u64;
        let back = |by: usize| run.first.checked_sub(by).and_then(|at| tokens.get(at));
        let on = |by: usize| tokens.get(run.last + by);
        let hash = |token: Option<&Token>| {
            token.map_or(3, |token| {
                if token.case == Case::Number { 7 + token.len().min(5) as u64 } else { token.hash }
            })
        };
        let marks = |token: Option<&Token>| {
            token.map_or(1 << 40, |token| (token.case as u64) << 32 | u64::from(token.marks.bits()))
        };
        let [before, second, third] = [back(1), back(2), back(3)];
        let [next, after] = [on(1), on(2)];
        let [hash_before, hash_second, hash_third] = [before, second, third].map(hash);
        let [hash_next, hash_after] = [next, after].map(hash);
        let (left, right) = (marks(before), marks(next));
        let begins = before.is_none_or(|before| before.end <= line.start);
        let ends = next.is_none_or(|next| next.start >= line.end);
        let gap_left = if begins { 9 } else { gap(note, before.map_or(0, |token| token.end), run.start) };
        let gap_right = if ends { 9 } else { gap(note, run.end, next.map_or(0, |token| token.start)) };
        let key = key(note, run, line);
        let edges = u64::from(begins) << 1 | u64::from(ends);
        let zero = u64::from(text.first() == Some(&b'0'));
        let own = if text.len() <= 5 { bytes(text) } else { 0 };
        let tail = fnv(text.iter().rev().take(3).map(|byte| class(byte.to_ascii_lowercase())));
        let kind = kind.map_or(0, |kind| match kind {
            Kind::Date => 2,
            Kind::Name => 3,
            Kind::Hospital => 4,
            Kind::Location => 5,
            Kind::Age => 6,
            _ if sort_of(kind).is_none() => 7,
            _ => 1,
        });
        let before_it = (previous.0 as u64) << 8 | previous.1 as u64;
        self.0 = [
            seen(1, 0),
            seen(2, shape),
            seen(3, brief),
            seen(4, letters),
            seen(5, digits.min(14) << 8 | long.min(20)),
            seen(6, hash_before),
            seen(7, hash_second),
            seen(8, hash_third),
            seen(9, hash_next),
            seen(10, hash_after),
            seen(11, hash_before.rotate_left(7) ^ brief),
            seen(12, hash_next.rotate_left(9) ^ brief),
            seen(13, hash_before.rotate_left(7) ^ hash_second),
            seen(14, gap_left.rotate_left(5) ^ brief),
            seen(15, gap_right.rotate_left(6) ^ brief),
            seen(16, gap_left.rotate_left(5) ^ hash_before),
            seen(17, gap_right.rotate_left(6) ^ hash_next),
            seen(18, left),
            seen(19, right),
            seen(20, left.rotate_left(13) ^ brief),
            seen(21, right.rotate_left(13) ^ brief),
            seen(22, key),
            seen(23, key ^ brief),
            seen(24, line.lead),
            seen(25, line.lead ^ brief),
            seen(26, edges << 8 | zero),
            seen(27, edges << 40 ^ shape),
            seen(28, own),
            seen(29, before_it),
            seen(30, before_it ^ shape),
            seen(31, kind),
            seen(32, kind << 40 ^ brief),
            seen(33, line.runs),
            seen(34, line.runs << 40 ^ shape),
            seen(35, shape ^ hash_before.rotate_left(3)),
            seen(36, letters ^ hash_before.rotate_left(11)),
            seen(37, shape ^ gap_left.rotate_left(8) ^ gap_right.rotate_left(16)),
            seen(38, tail),
            seen(39, hash_second.rotate_left(5) ^ hash_third),
            seen(40, left.rotate_left(13) ^ right),
        ];
    }
}

/// The first signs between two words of one line.
fn gap(note: &Note<'_>, from: usize, to: usize) -> u64 {
    let text = note.slice(from, to.min(from + 12)).as_bytes();
    fnv(text.iter().copied().take(4))
}

/// Most words between a number and its key.
const TO_KEY: usize = 5;

/// The key of the field: the nearest word before, in the line, with a colon, an equals sign or a hash behind it.
fn key(note: &Note<'_>, run: &Run, line: &Line) -> u64 {
    let words = note.tokens().get(run.first.saturating_sub(TO_KEY)..run.first).unwrap_or(&[]);
    let mut far = 0_u64;
    for word in words.iter().rev().take_while(|word| word.start >= line.start) {
        far += 1;
        let sign = |byte| matches!(byte, b':' | b'=' | b'#');
        let next = note.byte(word.end);
        if sign(next) || next == b' ' && sign(note.byte(word.end + 1)) {
            return word.hash ^ far;
        }
    }
    5
}
