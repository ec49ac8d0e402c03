//! The low bits of a tensor, window by window.
//!
//! The low bits of weights that were trained look like chance, and so do those of a payload that is packed or encrypted:
//! in bits that carry nothing it cannot be seen. What can be seen is a payload as it is (text, programs), one that reaches
//! into bits that do carry something, and one in numbers whose low bits are empty:
//! - *Texture*: the low byte of odd numbers is spread evenly whatever rounding came before (multiples of a power of two are
//!   even), and no bit depends on where in a row of eight numbers it stands.
//! - *Replaced bytes*: where the three low bytes of binary32 were replaced, or the low one of bfloat16, the lowest bit of the
//!   exponent is chance too: exponents come in pairs that are equally frequent while neighbouring pairs are not.
//! - *Holes*: numbers that were rounded have empty low bits, never empty bits above filled ones.
//! - *Mixed precision*: stretches of rounded numbers beside stretches of numbers that are not.

use super::kind::Kind;
use super::payload::{self, Mark};
use super::sums::as_float;

/// How many numbers are judged together.
pub(super) const WINDOW: usize = 8192;
/// Fewer numbers say nothing.
const LEAST: u32 = 1024;
/// Fewer numbers of a pair of exponents are not compared.
const LEAST_PAIR: u32 = 64;
/// Bits below this are empty in binary32 that was rounded to bfloat16 (16) or binary16 (13).
const ROUNDED: u32 = (1 << 13) - 1;

/// Where something was seen first, and in how many windows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The first number of the first window.
    pub(super) first: u64,
    pub(super) windows: u64,
}

impl Seen {
    fn add(seen: &mut Option<Self>, at: u64) {
        let seen = seen.get_or_insert(Self { first: at, windows: 0 });
        seen.windows = seen.windows.saturating_add(1);
    }
}

/// What the windows of a tensor had in common.
#[derive(Debug)]
pub(super) struct Bits {
    kind: Kind,
    /// Windows that were long enough to be judged.
    pub(super) windows: u64,
    pub(super) texture: Option<Seen>,
    /// The most that was seen of a texture.
    pub(super) most: Texture,
    pub(super) replaced: Option<Seen>,
    pub(super) hole: Option<Seen>,
    /// Windows of rounded numbers, and of numbers that are not.
    pub(super) rounded: u64,
    pub(super) exact: u64,
    /// What was recognised in the low bits, and from which number on.
    pub(super) mark: Option<(Mark, u64)>,
}

impl Bits {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            windows: 0,
            texture: None,
            most: Texture::default(),
            replaced: None,
            hole: None,
            rounded: 0,
            exact: 0,
            mark: None,
        }
    }

    /// Whether low bits of this type are judged.
    pub(super) const fn reads(kind: Kind) -> bool {
        matches!(kind, Kind::F64 | Kind::F32 | Kind::F16 | Kind::Bf16)
    }

    /// Judges the next numbers, by their bits and by how many have each exponent.
    pub(super) fn window(&mut self, words: &[u32], exponents: &[u32; 256], at: u64) {
        let low = Low::of(words, self.kind);
        if low.filled < LEAST {
            return;
        }
        self.windows = self.windows.saturating_add(1);
        if self.kind == Kind::F32 {
            let share = f64::from(low.rounded) / f64::from(low.filled);
            self.rounded = self.rounded.saturating_add(u64::from(share > 0.995));
            self.exact = self.exact.saturating_add(u64::from(share < 0.005));
        }
        let sign = sign_of(self.kind);
        let replaced = matches!(self.kind, Kind::F32 | Kind::Bf16) && come_in_pairs(exponents);
        let hole = self.kind == Kind::F32 && low.has_hole() && is_varied(words, sign, 4);
        let texture = low.texture(self.kind);
        let is_texture =
            texture.is_odd() && is_varied(words, sign, if self.kind == Kind::F32 { 2 } else { 4 });
        if replaced {
            Seen::add(&mut self.replaced, at);
        }
        if hole {
            Seen::add(&mut self.hole, at);
        }
        if is_texture {
            Seen::add(&mut self.texture, at);
            self.most = self.most.max(texture);
        }
        let is_searched = replaced || hole || is_texture || texture.is_doubtful() || low.is_thin();
        if is_searched && self.mark.is_none() {
            self.mark = payload::find(words).map(|mark| (mark, at));
        }
    }
}

/// The bit of the sign, where a word has it.
const fn sign_of(kind: Kind) -> u32 {
    match kind {
        Kind::F32 => 0x8000_0000,
        Kind::F64 => 0,
        _ => 0x8000,
    }
}

/// Counts over the low bits of a window.
struct Low {
    /// Numbers that are not zero.
    filled: u32,
    zeros: u32,
    /// Numbers, not zero, whose low bits are.
    rounded: u32,
    /// How often the low byte of an odd number is each.
    odd: [u32; 128],
    /// How many odd numbers there are.
    odds: u32,
    /// How often each of the four low bits is set at each of eight places.
    places: [[u32; 8]; 4],
    /// All bits that are set in any number.
    any: u32,
    /// Numbers at each place.
    rows: u32,
}

impl Low {
    fn of(words: &[u32], kind: Kind) -> Self {
        let sign = !sign_of(kind);
        let mut low = Self {
            filled: 0,
            zeros: 0,
            rounded: 0,
            odd: [0; 128],
            odds: 0,
            places: [[0; 8]; 4],
            any: 0,
            rows: 0,
        };
        let (eights, rest) = words.as_chunks::<8>();
        for eight in eights {
            let [first, second, third, fourth] = &mut low.places;
            for ((((word, first), second), third), fourth) in
                eight.iter().zip(first).zip(second).zip(third).zip(fourth)
            {
                *first = first.wrapping_add(word & 1);
                *second = second.wrapping_add(word >> 1 & 1);
                *third = third.wrapping_add(word >> 2 & 1);
                *fourth = fourth.wrapping_add(word >> 3 & 1);
            }
            low.any |= eight.iter().fold(0, |any, word| any | word);
            low.zeros = low.zeros.wrapping_add(eight.iter().map(|word| u32::from(word & sign == 0)).sum());
            low.rounded =
                low.rounded.wrapping_add(eight.iter().map(|word| u32::from(word & ROUNDED == 0)).sum());
        }
        for word in eights.iter().flatten() {
            if word & 1 == 1 {
                let [byte, ..] = word.to_le_bytes();
                if let Some(slot) = low.odd.get_mut(usize::from(byte >> 1)) {
                    *slot = slot.wrapping_add(1);
                }
            }
        }
        low.odds = low.odd.iter().sum();
        low.rows = u32::try_from(eights.len()).unwrap_or(u32::MAX);
        low.zeros = low.zeros.saturating_add(
            u32::try_from(rest.iter().filter(|word| **word & sign == 0).count()).unwrap_or(0),
        );
        low.filled = u32::try_from(words.len()).unwrap_or(u32::MAX).saturating_sub(low.zeros);
        low.rounded = low.rounded.saturating_sub(low.zeros);
        low
    }

    /// Bits are set below bits that no number has set, where rounding would have emptied both.
    fn has_hole(&self) -> bool {
        let low = self.any & ROUNDED;
        low != 0 && low != ROUNDED && (low.wrapping_add(1) & low) == 0
    }

    /// The lowest bit is set less often than chance would set it, though not by rounding alone: bytes of programs are mostly
    /// small. Too many honest tensors are like that to say so; marks are searched.
    fn is_thin(&self) -> bool {
        let [lowest, ..] = &self.places;
        let set: u32 = lowest.iter().sum();
        self.any & ROUNDED != 0 && f64::from(set) < 0.42 * f64::from(self.filled)
    }

    fn texture(&self, kind: Kind) -> Texture {
        // Of bfloat16 the low byte has a bit of the exponent.
        let bytes =
            if kind == Kind::Bf16 || self.odds < LEAST { 0.0 } else { unevenness(&self.odd, self.odds) };
        let places = if self.zeros.saturating_mul(64) < self.filled { self.place() } else { 0.0 };
        // A share of so many numbers has a deviation of half over their root.
        let chance = 4.0 / f64::from(self.rows.max(1)).sqrt();
        Texture { bytes, places: if places > chance { places } else { 0.0 } }
    }

    /// By how much a bit is set more or less often at one of the places than at all, in the ways to lay bytes into bits: one,
    /// two or four bits of each number.
    fn place(&self) -> f64 {
        let rows = f64::from(self.rows.max(1));
        let differ = |places: &[u32; 8], period: usize| {
            let shares: Vec<f64> = (0..period)
                .map(|place| {
                    let of: u32 = places.iter().skip(place).step_by(period).sum();
                    f64::from(of) * as_float(period as u64) / (8.0 * rows)
                })
                .collect();
            let mean = shares.iter().sum::<f64>() / as_float(period as u64);
            shares.iter().map(|share| (share - mean).abs()).fold(0.0, f64::max)
        };
        let [first, second, third, fourth] = &self.places;
        [(first, 8), (first, 4), (second, 4), (first, 2), (second, 2), (third, 2), (fourth, 2)]
            .into_iter()
            .map(|(places, period)| differ(places, period))
            .fold(0.0, f64::max)
    }
}

/// How far low bits are from those of trained numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Texture {
    /// How unevenly the low bytes of odd numbers are spread: chi-squared beyond what chance gives, over their number.
    pub(super) bytes: f64,
    /// By how much a bit depends on its place.
    pub(super) places: f64,
}

/// Programs and texts have 2 and more; tensors made of products of few numbers up to a half.
const BYTES: f64 = 1.0;
/// So much, and eight deviations of chance.
const PLACES: f64 = 0.12;

impl Texture {
    fn is_odd(self) -> bool {
        self.bytes > BYTES || self.places > PLACES
    }

    /// Not odd enough to say so, but to search marks.
    fn is_doubtful(self) -> bool {
        self.bytes > BYTES / 8.0 || self.places > PLACES / 2.0
    }

    fn max(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), places: self.places.max(other.places) }
    }
}

fn unevenness(counts: &[u32], all: u32) -> f64 {
    let classes = as_float(counts.len() as u64);
    let expected = f64::from(all) / classes;
    let distance: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    (distance - classes + 1.0) / f64::from(all)
}

/// Whether exponents are equally frequent within pairs that differ in the lowest bit, and not between neighbouring pairs.
fn come_in_pairs(exponents: &[u32; 256]) -> bool {
    let compared = |pairs: &mut dyn Iterator<Item = (u32, u32)>| {
        let (mut sum, mut count) = (0.0, 0_u32);
        for (one, other) in pairs {
            let both = one.saturating_add(other);
            if both >= LEAST_PAIR {
                sum += (f64::from(one) - f64::from(other)).powi(2) / f64::from(both);
                count = count.saturating_add(1);
            }
        }
        (sum / f64::from(count.max(1)), count)
    };
    let (_, middle) = exponents.split_at(1);
    let mut within = exponents.as_chunks::<2>().0.iter().map(|[even, odd]| (*even, *odd));
    let mut across = middle.as_chunks::<2>().0.iter().map(|[odd, even]| (*odd, *even));
    let ((within, pairs), (across, _)) = (compared(&mut within), compared(&mut across));
    pairs >= 3 && within < 2.5 && across > 20.0
}

/// Whether at least one number in so many is unlike all others but for its sign: tables of few values have a texture of their
/// own.
fn is_varied(words: &[u32], sign: u32, one_in: usize) -> bool {
    let mut sorted: Vec<u32> = words.iter().map(|word| word & !sign).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len().saturating_mul(one_in) > words.len()
}
