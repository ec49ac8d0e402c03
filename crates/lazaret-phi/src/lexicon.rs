//! The word lists of `catalogue/phi` as one packed set: a word gives its marks in one probe.
//!
//! Built once from the embedded lists: 4 MiB, some ten milliseconds. Keys are lower-case; a phrase is its words
//! joined by single spaces. The set holds 32-bit fingerprints beside the bucket's own 16 bits, so a word that is in
//! no list is taken for one that is about once in some hundred million lookups.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

/// What the lists say of a word: one bit a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks(u32);

impl Marks {
    pub(crate) const GIVEN: Self = Self(1);
    pub(crate) const GIVEN_FREQUENT: Self = Self(1 << 1);
    pub(crate) const SURNAME: Self = Self(1 << 2);
    pub(crate) const SURNAME_FREQUENT: Self = Self(1 << 3);
    pub(crate) const CITY: Self = Self(1 << 4);
    pub(crate) const CITY_BEGINS: Self = Self(1 << 5);
    pub(crate) const COMMON: Self = Self(1 << 6);
    pub(crate) const FUNCTION: Self = Self(1 << 7);
    pub(crate) const DRUG: Self = Self(1 << 8);
    pub(crate) const EPONYM: Self = Self(1 << 9);
    pub(crate) const DEVICE: Self = Self(1 << 10);
    pub(crate) const MEDICAL: Self = Self(1 << 11);
    pub(crate) const TITLE: Self = Self(1 << 12);
    pub(crate) const RELATION: Self = Self(1 << 13);
    pub(crate) const ACQUAINTANCE: Self = Self(1 << 14);
    pub(crate) const STAFF: Self = Self(1 << 15);
    pub(crate) const CREDENTIAL: Self = Self(1 << 16);
    pub(crate) const PARTICLE: Self = Self(1 << 17);
    pub(crate) const FACILITY: Self = Self(1 << 18);
    pub(crate) const FACILITY_HEAD: Self = Self(1 << 19);
    pub(crate) const ORGANISATION: Self = Self(1 << 20);
    pub(crate) const STREET: Self = Self(1 << 21);
    pub(crate) const STATE: Self = Self(1 << 22);
    pub(crate) const COUNTRY: Self = Self(1 << 23);
    pub(crate) const MONTH: Self = Self(1 << 24);
    pub(crate) const WEEKDAY: Self = Self(1 << 25);
    pub(crate) const PAYER: Self = Self(1 << 26);
    pub(crate) const EPONYM_HEAD: Self = Self(1 << 27);
    pub(crate) const COUNTY: Self = Self(1 << 28);
    /// A germ, by its genus or species: no word of its list is a name of people or places.
    pub(crate) const ORGANISM: Self = Self(1 << 29);
    /// In a list of names of people.
    pub(crate) const PERSON: Self = Self::GIVEN.or(Self::SURNAME);
    /// Named after people or places, but not people or places.
    pub(crate) const CLINICAL: Self = Self::DRUG.or(Self::EPONYM).or(Self::DEVICE).or(Self::MEDICAL);
    /// Names of days and months.
    pub(crate) const CALENDAR: Self = Self::MONTH.or(Self::WEEKDAY);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// One bit a list.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether any mark of `other` is set.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The lists, each with its mark. A frequent name is a name too.
const LISTS: [(&str, Marks); 26] = [
    (include_str!("../../../catalogue/phi/given-frequent.txt"), Marks::GIVEN.or(Marks::GIVEN_FREQUENT)),
    (include_str!("../../../catalogue/phi/given.txt"), Marks::GIVEN),
    (
        include_str!("../../../catalogue/phi/surnames-frequent.txt"),
        Marks::SURNAME.or(Marks::SURNAME_FREQUENT),
    ),
    (include_str!("../../../catalogue/phi/surnames.txt"), Marks::SURNAME),
    (include_str!("../../../catalogue/phi/cities.txt"), Marks::CITY),
    (include_str!("../../../catalogue/phi/counties.txt"), Marks::COUNTY),
    (include_str!("../../../catalogue/phi/common-words.txt"), Marks::COMMON),
    (include_str!("../../../catalogue/phi/function-words.txt"), Marks::FUNCTION),
    (include_str!("../../../catalogue/phi/drugs.txt"), Marks::DRUG),
    (include_str!("../../../catalogue/phi/eponyms.txt"), Marks::EPONYM),
    (include_str!("../../../catalogue/phi/devices.txt"), Marks::DEVICE),
    (include_str!("../../../catalogue/phi/medical-words.txt"), Marks::MEDICAL),
    (include_str!("../../../catalogue/phi/titles.txt"), Marks::TITLE),
    (include_str!("../../../catalogue/phi/relations.txt"), Marks::RELATION),
    (include_str!("../../../catalogue/phi/acquaintances.txt"), Marks::ACQUAINTANCE),
    (include_str!("../../../catalogue/phi/staff.txt"), Marks::STAFF),
    (include_str!("../../../catalogue/phi/credentials.txt"), Marks::CREDENTIAL),
    (include_str!("../../../catalogue/phi/particles.txt"), Marks::PARTICLE),
    (include_str!("../../../catalogue/phi/facilities.txt"), Marks::FACILITY),
    (include_str!("../../../catalogue/phi/facility-heads.txt"), Marks::FACILITY.or(Marks::FACILITY_HEAD)),
    (include_str!("../../../catalogue/phi/org-suffixes.txt"), Marks::ORGANISATION),
    (include_str!("../../../catalogue/phi/street-suffixes.txt"), Marks::STREET),
    (include_str!("../../../catalogue/phi/states.txt"), Marks::STATE),
    (include_str!("../../../catalogue/phi/countries.txt"), Marks::COUNTRY),
    (include_str!("../../../catalogue/phi/months.txt"), Marks::MONTH),
    (include_str!("../../../catalogue/phi/weekdays.txt"), Marks::WEEKDAY),
];
const MORE_LISTS: [(&str, Marks); 4] = [
    (include_str!("../../../catalogue/phi/organisms.txt"), Marks::MEDICAL.or(Marks::ORGANISM)),
    (include_str!("../../../catalogue/phi/things.txt"), Marks::MEDICAL),
    (include_str!("../../../catalogue/phi/payers.txt"), Marks::PAYER),
    (include_str!("../../../catalogue/phi/eponym-heads.txt"), Marks::EPONYM_HEAD),
];

/// Buckets of the table: a power of two.
const BUCKETS: usize = 1 << 16;
/// Words of a bucket.
const ROOM: usize = 8;

/// Words whose hashes begin alike: one line of the processor's cache, which is looked at as a whole and without a branch.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    prints: [u32; ROOM],
    /// None where there is no word.
    marks: [Marks; ROOM],
}

impl Bucket {
    fn marks(&self, print: u32) -> Marks {
        let each = self.prints.iter().zip(&self.marks);
        each.fold(Marks::default(), |sum, (known, marks)| {
            sum.or(Marks(if *known == print { marks.0 } else { 0 }))
        })
    }

    /// Whether words that belong here may stand in the next one.
    fn is_full(&self) -> bool {
        self.marks.last().is_some_and(|marks| *marks != Marks::default())
    }
}

/// The packed set.
pub(crate) struct Lexicon {
    buckets: Vec<Bucket>,
    /// By some bits of a word's hash: whether a phrase for something clinical, or a state, may begin with it.
    begins: Vec<u64>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);

impl Lexicon {
    /// The one set; built at the first call.
    pub(crate) fn get() -> &'static Self {
        &LEXICON
    }

    fn build() -> Self {
        let mut lexicon = Self { buckets: vec![Bucket::default(); BUCKETS], begins: vec![0; BEGINS / 64] };
        for (list, marks) in LISTS.into_iter().chain(MORE_LISTS) {
            for word in list.lines().filter(|line| !line.is_empty()) {
                lexicon.insert(hash(word), marks);
                if marks.has(Marks::CITY)
                    && let Some((first, _)) = word.split_once(' ')
                {
                    lexicon.insert(hash(first), Marks::CITY_BEGINS);
                }
                if marks.has(Marks::CLINICAL.or(Marks::STATE))
                    && let Some((first, _)) = word.split_once([' ', '-', '/'])
                {
                    // `s. heidelberg`, `bell's palsy`: the first word as it is read.
                    let first = first.split(['.', '\'']).next().unwrap_or(first);
                    let (place, bit) = begins(hash(first));
                    lexicon.begins.get_mut(place).into_iter().for_each(|bits| *bits |= bit);
                }
            }
        }
        lexicon
    }

    fn insert(&mut self, hash: u64, marks: Marks) {
        let print = fingerprint(hash);
        let mut at = bucket(hash);
        for _ in 0..BUCKETS {
            let Some(Bucket { prints, marks: known }) = self.buckets.get_mut(at) else { return };
            let mut places = prints.iter_mut().zip(known);
            if let Some((place, known)) =
                places.find(|(place, known)| **known == Marks::default() || **place == print)
            {
                (*place, *known) = (print, known.or(marks));
                return;
            }
            at = (at + 1) % BUCKETS;
        }
    }

    /// The marks of a word or phrase. Letters beyond ASCII must be in lower case.
    pub(crate) fn marks(&self, lower: &str) -> Marks {
        self.marks_of_hash(hash(lower))
    }

    /// The same, whatever the case of its letters.
    pub(crate) fn marks_in_any_case(&self, words: &str) -> Marks {
        if words.is_ascii() { self.marks(words) } else { self.marks(&words.to_lowercase()) }
    }

    /// Whether the word with this hash may begin a phrase for something clinical, or the name of a state. False is certain.
    pub(crate) fn begins_phrase(&self, hash: u64) -> bool {
        let (place, bit) = begins(hash);
        self.begins.get(place).is_some_and(|bits| bits & bit != 0)
    }

    /// The marks of two words and what joins them.
    pub(crate) fn marks_of_two(&self, first: &str, joint: char, second: &str) -> Marks {
        let mut phrase = [0_u8; 96];
        let length = first.len() + 1 + second.len();
        let Some((before, rest)) =
            phrase.get_mut(..length).and_then(|all| all.split_at_mut_checked(first.len()))
        else {
            return Marks::default();
        };
        let Some((between, after)) = rest.split_first_mut().filter(|_| joint.is_ascii()) else {
            return Marks::default();
        };
        before.copy_from_slice(first.as_bytes());
        *between = joint as u8;
        after.copy_from_slice(second.as_bytes());
        let phrase = phrase.get(..length).unwrap_or(&[]);
        if phrase.is_ascii() {
            return self.marks_of_hash(hash_of(phrase));
        }
        str::from_utf8(phrase).map_or(Marks::default(), |phrase| self.marks(&phrase.to_lowercase()))
    }

    /// The marks of the word with this hash.
    pub(crate) fn marks_of_hash(&self, hash: u64) -> Marks {
        let print = fingerprint(hash);
        let mut at = bucket(hash);
        while let Some(bucket) = self.buckets.get(at) {
            let marks = bucket.marks(print);
            if marks != Marks::default() || !bucket.is_full() {
                return marks;
            }
            at = (at + 1) % BUCKETS;
        }
        Marks::default()
    }
}

/// A few words that a detector asks of every word: nearly all are turned away by some bits of their hash.
pub(crate) struct WordSet {
    filter: [u64; 16],
    hashes: FxHashSet<u64>,
}

impl WordSet {
    pub(crate) fn new(words: &[&str]) -> Self {
        let hashes: FxHashSet<u64> = words.iter().map(|word| hash(word)).collect();
        let mut filter = [0; 16];
        for hash in &hashes {
            let (place, bit) = Self::bit(*hash);
            filter.get_mut(place).into_iter().for_each(|bits| *bits |= 1 << bit);
        }
        Self { filter, hashes }
    }

    /// Whether the word with this hash is one of them, in any case.
    pub(crate) fn has(&self, hash: u64) -> bool {
        let (place, bit) = Self::bit(hash);
        self.filter.get(place).is_some_and(|bits| bits >> bit & 1 == 1) && self.hashes.contains(&hash)
    }

    /// Where the bit of a word is: by the highest bits, which take the fewest steps to get.
    fn bit(hash: u64) -> (usize, u64) {
        (usize::try_from(hash >> 60).unwrap_or(0), hash >> 54 & 63)
    }
}

/// A word's hash. The case of its ASCII letters does not count, that of others does: the caller lowers theirs.
pub(crate) fn hash(word: &str) -> u64 {
    hash_of(word.as_bytes())
}

/// The same of a word's bytes.
pub(crate) fn hash_of(word: &[u8]) -> u64 {
    let mut hasher = Hasher((word.len() as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
    hasher.push(word);
    hasher.finish()
}

struct Hasher(u64);

impl Hasher {
    /// Eight bytes at a time.
    fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((eight, more)) = rest.split_first_chunk::<8>() {
            self.mix(u64::from_le_bytes(*eight));
            rest = more;
        }
        if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            self.mix(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32);
        } else if let (Some(first), Some(middle), Some(last)) =
            (rest.first(), rest.get(rest.len() / 2), rest.last())
        {
            self.mix(u64::from(*first) | u64::from(*middle) << 8 | u64::from(*last) << 16);
        }
    }

    const fn mix(&mut self, eight: u64) {
        let folded = (self.0 ^ lower(eight)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = folded ^ (folded >> 32);
    }

    const fn finish(self) -> u64 {
        let mixed = self.0.wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 29)
    }
}

/// Eight bytes with their ASCII capitals made small.
const fn lower(eight: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let seven = eight & (EACH * 0x7f);
    let from_a = seven.wrapping_add(EACH * (0x80 - b'A' as u64));
    let past_z = seven.wrapping_add(EACH * (0x7f - b'Z' as u64));
    let capital = (from_a ^ past_z) & !eight & (EACH * 0x80);
    eight | (capital >> 2)
}

/// Bits that tell the first words of phrases: a power of two.
const BEGINS: usize = 1 << 16;

/// Where the bit of a first word is.
fn begins(hash: u64) -> (usize, u64) {
    let bit = usize::try_from(hash >> 16).unwrap_or(0) % BEGINS;
    (bit / 64, 1 << (bit % 64))
}

fn bucket(hash: u64) -> usize {
    usize::try_from(hash).unwrap_or(0) % BUCKETS
}

fn fingerprint(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_marks_of_their_lists() {
        let lexicon = Lexicon::get();
        assert!(lexicon.marks("rose").has(Marks::GIVEN_FREQUENT) && lexicon.marks("rose").has(Marks::COMMON));
        assert!(lexicon.marks("smith").has(Marks::SURNAME_FREQUENT));
        assert!(lexicon.marks("grand rapids").has(Marks::CITY));
        assert!(lexicon.marks("grand").has(Marks::CITY_BEGINS));
        assert!(lexicon.marks("hodgkin").has(Marks::EPONYM));
        assert!(lexicon.marks("ureaplasma").has(Marks::ORGANISM));
        assert!(lexicon.begins_phrase(hash("s")) && lexicon.marks("s. heidelberg").has(Marks::ORGANISM));
        assert_eq!(lexicon.marks("qqxzvw"), Marks::default());
    }

    #[test]
    fn a_word_of_any_length_is_found_in_any_case() {
        for word in
            ["a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "o'driscoll-abcdefghij", "josé", "@[`{az09"]
        {
            assert_eq!(hash(word), hash(&word.to_ascii_uppercase()), "{word}");
            let longer = format!("{word}a");
            assert_ne!(hash(word), hash(&longer), "{word}");
        }
        assert_ne!(hash("@"), hash("`"));
        assert_ne!(hash("["), hash("{"));
    }

    /// The weights of the statistical step are learnt under these hashes: whoever changes them trains anew.
    #[test]
    fn a_hash_is_for_good() {
        assert_eq!(hash("quillmoor"), 0xb075_066b_5367_e234);
    }

    /// The model never takes a germ for a part of a name.
    #[test]
    fn no_germ_is_a_name_of_people_or_places() {
        for germ in include_str!("../../../catalogue/phi/organisms.txt").lines() {
            let marks = Lexicon::get().marks(germ);
            assert!(!marks.has(Marks::PERSON.or(Marks::CITY).or(Marks::STATE)), "{germ}");
        }
    }

    #[test]
    fn every_list_is_sorted_without_doubles_and_the_table_has_room() {
        let mut words = 0;
        let mut hashes = std::collections::BTreeMap::new();
        for (list, _) in LISTS.into_iter().chain(MORE_LISTS) {
            let lines: Vec<&str> = list.lines().collect();
            assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "after {:?}", lines.first());
            assert!(lines.iter().all(|line| line.to_lowercase() == **line));
            for word in &lines {
                let hash = hash(word);
                assert_eq!(*hashes.entry((fingerprint(hash), bucket(hash))).or_insert(*word), *word);
            }
            words += lines.len();
        }
        assert!(words < BUCKETS * ROOM * 3 / 4, "{words}");
    }
}
