//! Made-up values: of the same form, never the same value, and the same one for the same seed and value.
//!
//! A surrogate number is of the same shape (digits for digits, letters for letters) and holds to no check digit:
//! systems that check one refuse it. Telephone numbers end in 555-01xx, which no subscriber has (NANP, "555 line
//! numbers"); addresses of mail and web are under `.example` (RFC 2606), network addresses from the blocks for
//! documentation (RFC 5737, RFC 3849).

use std::sync::LazyLock;

use lazaret_core::{KeyedDigest, Kind, Label};
use rustc_hash::FxHashSet;

use crate::entities::{sameness, word_before};
use crate::fnv::fnv;
use crate::lexicon::{Lexicon, Marks};
use crate::states;

/// Which sex's names a person is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gender {
    Female,
    Male,
}

const FEMALE: &str = include_str!("../../../catalogue/phi/given-female.txt");
const MALE: &str = include_str!("../../../catalogue/phi/given-male.txt");
const SURNAMES: &str = include_str!("../../../catalogue/phi/surrogate-surnames.txt");
/// Given names of either sex.
const EITHER: [&str; 12] = [
    "Avery", "Casey", "Dakota", "Emerson", "Finley", "Harper", "Jordan", "Morgan", "Quinn", "Reese", "Rowan",
    "Taylor",
];
const STREETS: [&str; 24] = [
    "Alder",
    "Aspen",
    "Birchwood",
    "Briar",
    "Cedar",
    "Chestnut",
    "Clover",
    "Cypress",
    "Dogwood",
    "Elm",
    "Fern",
    "Hawthorn",
    "Hazel",
    "Hickory",
    "Juniper",
    "Laurel",
    "Linden",
    "Magnolia",
    "Maple",
    "Poplar",
    "Spruce",
    "Sycamore",
    "Walnut",
    "Willow",
];
const TOWNS: [&str; 24] = [
    "Ashby",
    "Brookfield",
    "Clearwater",
    "Cedarville",
    "Eastbrook",
    "Elmhurst",
    "Fairview",
    "Glenwood",
    "Greenfield",
    "Hillcrest",
    "Kingsbury",
    "Lakewood",
    "Maplewood",
    "Millbrook",
    "Northfield",
    "Oakdale",
    "Pinehurst",
    "Ridgewood",
    "Riverton",
    "Springdale",
    "Stonebridge",
    "Summerville",
    "Westfield",
    "Woodbury",
];
const FACILITIES: [&str; 16] = [
    "Beacon",
    "Bridgeway",
    "Cornerstone",
    "Crestview",
    "Evergreen",
    "Harborview",
    "Highland",
    "Lakeside",
    "Meadowbrook",
    "Northgate",
    "Parkside",
    "Pinecrest",
    "Ridgeview",
    "Riverside",
    "Summit",
    "Valleyview",
];

static FEMALE_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(FEMALE));
static MALE_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(MALE));
static SURNAME_LIST: LazyLock<Vec<&'static str>> = LazyLock::new(|| SURNAMES.lines().collect());

struct Names {
    list: Vec<&'static str>,
    set: FxHashSet<&'static str>,
}

impl Names {
    fn of(text: &'static str) -> Self {
        let list: Vec<&str> = text.lines().collect();
        Self { set: list.iter().copied().collect(), list }
    }
}

/// The sex that mostly bears a given name, where one does.
pub(crate) fn gender_of(lower: &str) -> Option<Gender> {
    if FEMALE_NAMES.set.contains(lower) {
        return Some(Gender::Female);
    }
    MALE_NAMES.set.contains(lower).then_some(Gender::Male)
}

/// A made-up value; none for what has no such form: then it is redacted.
pub(crate) fn surrogate(label: Label, text: &str, seed: &KeyedDigest) -> Option<String> {
    // The word that says what it is stays.
    let (word, text) = text.split_at_checked(word_before(label.kind, text)).unwrap_or(("", text));
    let made = value(label, text, seed)?;
    Some(if word.is_empty() { made } else { format!("{word}{made}") })
}

fn value(label: Label, text: &str, seed: &KeyedDigest) -> Option<String> {
    // One thing becomes one thing, however it is written.
    let mut stream = Stream::new(seed, label, &sameness(label.kind, text));
    let made = match label.kind {
        Kind::Name => name(text, seed, None),
        Kind::Phone | Kind::Fax => phone(text, &mut stream),
        Kind::Email => {
            let (local, _) = text.split_once('@')?;
            format!("{}@mail.example", shape(local, &mut stream))
        }
        Kind::Url => url(text, &mut stream),
        Kind::Ip => address(text, &mut stream),
        Kind::Ssn => ssn(text, &mut stream),
        Kind::Photo => {
            let (stem, ending) = text.rsplit_once('.').unwrap_or((text, ""));
            let dot = if ending.is_empty() { "" } else { "." };
            format!("{}{dot}{ending}", shape(stem, &mut stream))
        }
        Kind::Location => match label.sub {
            Some("city" | "county") => words(text, &TOWNS, &mut stream, |_| false),
            Some("zip") => shape(text, &mut stream),
            Some("state") => match states::other(text, &mut stream) {
                Some(state) => state,
                None => words(text, &TOWNS, &mut stream, |_| false),
            },
            Some("street") => street(text, &mut stream),
            _ => words(text, &TOWNS, &mut stream, |_| false),
        },
        Kind::Hospital => words(text, &FACILITIES, &mut stream, is_head),
        Kind::Age => age(text, &mut stream)?,
        Kind::Date => return None,
        _ => shape(text, &mut stream),
    };
    // Short shapes can come out as they were.
    if made == text { differs(text) } else { Some(made) }
}

/// The same text with its last letter or digit made the next of its class.
fn differs(text: &str) -> Option<String> {
    let (at, last) = text.char_indices().rfind(|(_, c)| c.is_ascii_alphanumeric())?;
    let next = match last {
        '9' => '0',
        'z' => 'a',
        'Z' => 'A',
        other => char::from(u8::try_from(other).ok()? + 1),
    };
    Some(format!("{}{next}{}", text.get(..at)?, text.get(at + 1..)?))
}

/// Digits and letters each give way to another of their class; signs stay.
pub(crate) fn shape(text: &str, stream: &mut Stream) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => stream.digit(),
            'a'..='z' => stream.letter(b'a'),
            'A'..='Z' => stream.letter(b'A'),
            other if other.is_alphanumeric() => stream.letter(b'a'),
            other => other,
        })
        .collect()
}

/// The digits of a telephone number: of ten and more the last seven become 555-01xx, an extension too changes.
fn phone(text: &str, stream: &mut Stream) -> String {
    let (main, rest) = split_extension(text);
    let digits = main.chars().filter(char::is_ascii_digit).count();
    let mut number = 0;
    let main: String = main
        .chars()
        .map(|c| {
            if !c.is_ascii_digit() {
                return c;
            }
            number += 1;
            match digits - number {
                _ if digits < 7 => stream.digit(),
                4..=6 => '5',
                3 => '0',
                2 => '1',
                // The first of an area code is 2 to 9.
                9 => char::from(b'2' + u8::try_from(stream.below(8)).unwrap_or(0)),
                0 | 1 | 7 | 8 => stream.digit(),
                _ => c,
            }
        })
        .collect();
    format!("{main}{}", shape_digits(rest, stream))
}

/// What begins at `ext`, `x`, `#` after a number.
fn split_extension(text: &str) -> (&str, &str) {
    let digits_before = |at: usize| text.get(..at).unwrap_or("").chars().filter(char::is_ascii_digit).count();
    let at =
        text.char_indices().find(|(at, c)| (c.is_ascii_alphabetic() || *c == '#') && digits_before(*at) >= 7);
    at.and_then(|(at, _)| text.split_at_checked(at)).unwrap_or((text, ""))
}

fn shape_digits(text: &str, stream: &mut Stream) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { stream.digit() } else { c }).collect()
}

/// 900 to 999 in front: no such number was ever given out (SSA, "Social Security Number Randomization").
fn ssn(text: &str, stream: &mut Stream) -> String {
    let mut first = true;
    text.chars()
        .map(|c| {
            if c.is_ascii_digit() && std::mem::take(&mut first) {
                '9'
            } else if c.is_ascii_digit() {
                stream.digit()
            } else {
                c
            }
        })
        .collect()
}

fn url(text: &str, stream: &mut Stream) -> String {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let parted = if scheme.is_empty() { "" } else { "://" };
    let page: String = (0..8).map(|_| stream.letter(b'a')).collect();
    format!("{scheme}{parted}site.example/{page}")
}

fn address(text: &str, stream: &mut Stream) -> String {
    let octets = text.split('.').filter(|part| part.parse::<u8>().is_ok()).count();
    if octets == 4 && !text.contains(':') {
        return format!("192.0.2.{}", stream.below(254) + 1);
    }
    if text.contains("::") || text.matches(':').count() == 7 {
        return format!("2001:db8::{:x}", stream.below(0xffff) + 1);
    }
    // A hardware address: locally administered.
    let mut number = 0;
    text.chars()
        .map(|c| {
            if !c.is_ascii_hexdigit() {
                return c;
            }
            number += 1;
            if number == 2 { '2' } else { char::from_digit(stream.below(16), 16).unwrap_or('0') }
        })
        .collect()
}

/// Another age in the nineties, or one within two years: `103` → `97`, `44` → `43`.
fn age(text: &str, stream: &mut Stream) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end =
        text.get(start..)?.find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| start + length);
    let was: u32 = text.get(start..end)?.parse().ok()?;
    let near = if was >= 90 { 90 + stream.below(9) } else { (was + 1 + stream.below(2)).min(89) };
    let near = match near {
        same if same == was && was >= 90 => was.min(98) + 1,
        same if same == was => was.saturating_sub(1),
        other => other,
    };
    Some(format!("{}{near}{}", text.get(..start)?, text.get(end..)?))
}

/// A house number of as many digits, another street's name; what says street, flat, box or direction stays.
fn street(text: &str, stream: &mut Stream) -> String {
    words(text, &STREETS, stream, |word| {
        let lower = word.to_lowercase();
        let kept = [
            "n", "s", "e", "w", "ne", "nw", "se", "sw", "apt", "unit", "suite", "ste", "floor", "fl", "box",
            "po", "p", "o", "rr", "rural", "route", "hwy", "highway", "county", "road", "north", "south",
            "east", "west", "the", "and", "of", "at", "no",
        ];
        kept.contains(&lower.as_str()) || Lexicon::get().marks(&lower).has(Marks::STREET)
    })
}

/// Whether a word says what a facility is: it stays.
fn is_head(word: &str) -> bool {
    Lexicon::get().marks(&word.to_lowercase()).has(Marks::FACILITY.or(Marks::FUNCTION).or(Marks::MEDICAL))
}

/// Runs of words that do not stay give way to one of a list, in their case; digits to digits.
fn words(text: &str, list: &[&str], stream: &mut Stream, stays: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut replaced = false;
    for (word, is_word) in parts(text) {
        if !is_word {
            out.push_str(word);
        } else if word.chars().any(|c| c.is_ascii_digit()) {
            let made = shape(word, stream);
            // A number does not begin with nought.
            out.push_str(&if made.starts_with('0') { made.replacen('0', "1", 1) } else { made });
            replaced = false;
        } else if stays(word) {
            out.push_str(word);
            replaced = false;
        } else if replaced {
            // One made-up word stands for a name of several.
            let kept = out.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
            out.truncate(kept);
        } else {
            out.push_str(&pick(list, word, stream));
            replaced = true;
        }
    }
    out
}

/// One of a list in the case of the word it stands for, and never that word.
fn pick(list: &[&str], word: &str, stream: &mut Stream) -> String {
    let many = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let first = usize::try_from(stream.below(many)).unwrap_or(0);
    let made = list.iter().cycle().skip(first).take(list.len()).find(|made| !made.eq_ignore_ascii_case(word));
    cased(made.copied().unwrap_or("Other"), word)
}

/// A word in the case of another.
pub(crate) fn cased(made: &str, like: &str) -> String {
    let letters = like.chars().filter(|c| c.is_alphabetic()).count();
    let upper = letters > 1 && !like.chars().any(char::is_lowercase);
    if upper {
        return made.to_uppercase();
    }
    if like.chars().next().is_some_and(char::is_uppercase) {
        let mut letters = made.chars();
        return letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    }
    made.to_lowercase()
}

/// A text as words and what stands between them.
pub(crate) fn parts(text: &str) -> Vec<(&str, bool)> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’');
    let mut out = Vec::new();
    let mut start = 0;
    let mut was = None;
    for (at, c) in text.char_indices() {
        let is = inside(c);
        if was.is_some_and(|was| was != is) {
            out.extend(text.get(start..at).map(|part| (part, !is)));
            start = at;
        }
        was = Some(is);
    }
    out.extend(text.get(start..).filter(|part| !part.is_empty()).zip(was));
    out
}

/// Each word of a name gives way to another of its role: given names to given names of the same sex, surnames to
/// surnames; initials to the initial of what the name they stand for becomes, where that is known (`of`).
fn name(text: &str, seed: &KeyedDigest, gender: Option<Gender>) -> String {
    let words: Vec<&str> =
        parts(text).into_iter().filter(|(_, is_word)| *is_word).map(|(word, _)| word).collect();
    let roles = roles(text, &words);
    let gender = gender.or_else(|| words.iter().find_map(|word| gender_of(&word.to_lowercase())));
    let mut at = 0;
    let mut out = String::new();
    for (part, is_word) in parts(text) {
        if is_word {
            let role = roles.get(at).copied().unwrap_or(Role::Surname);
            out.push_str(&name_word(part, role, gender, seed));
            at += 1;
        } else {
            out.push_str(part);
        }
    }
    out
}

/// What a word of a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Given,
    Surname,
    /// A title, particle or suffix: stays.
    Stays,
}

/// The role of each word of a name, in order: `Quill Q. Vane`, `VANE, QUILL`, `Quill`.
pub(crate) fn roles(text: &str, words: &[&str]) -> Vec<Role> {
    let turned = text.contains(',');
    let stays = |word: &str| {
        let marks = Lexicon::get().marks(&word.to_lowercase());
        marks.has(Marks::TITLE.or(Marks::PARTICLE).or(Marks::CREDENTIAL)) && !marks.has(Marks::GIVEN)
            || ["jr", "sr", "ii", "iii", "iv"].contains(&word.to_lowercase().as_str())
    };
    let named: Vec<bool> = words.iter().map(|word| !stays(word)).collect();
    let surname = if turned { named.iter().position(|is| *is) } else { named.iter().rposition(|is| *is) };
    let is_single = named.iter().filter(|is| **is).count() == 1;
    let role = |(at, (word, is_named)): (usize, (&&str, bool))| {
        let lower = word.to_lowercase();
        let is_given =
            || gender_of(&lower).is_some() || Lexicon::get().marks(&lower).has(Marks::GIVEN_FREQUENT);
        match is_named {
            false => Role::Stays,
            true if surname == Some(at) && !(is_single && is_given()) => Role::Surname,
            true => Role::Given,
        }
    };
    words.iter().zip(named).enumerate().map(role).collect()
}

/// What one word of a name becomes.
pub(crate) fn name_word(word: &str, role: Role, gender: Option<Gender>, seed: &KeyedDigest) -> String {
    let mut stream = Stream::new(seed, Label::NAME, word);
    if role == Role::Stays {
        return word.to_owned();
    }
    if word.chars().count() == 1 {
        let made = stream.letter(b'a').to_string();
        let made = if made.eq_ignore_ascii_case(word) { differs(&made).unwrap_or(made) } else { made };
        return cased(&made, word);
    }
    match (role, gender) {
        (Role::Surname | Role::Stays, _) => pick(&SURNAME_LIST, word, &mut stream),
        (Role::Given, Some(Gender::Female)) => pick(&FEMALE_NAMES.list, word, &mut stream),
        (Role::Given, Some(Gender::Male)) => pick(&MALE_NAMES.list, word, &mut stream),
        (Role::Given, None) => pick(&EITHER, word, &mut stream),
    }
}

/// A stream of numbers from the seed (`SplitMix64` over the digest and the value): no secret beyond the seed's.
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: &KeyedDigest, label: Label, text: &str) -> Self {
        let bytes =
            seed.0.iter().copied().chain(label.kind.name().bytes()).chain(text.to_lowercase().into_bytes());
        Self(fnv(bytes))
    }

    /// A number below `most`, which is not 0.
    pub(crate) fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(most.max(1))).unwrap_or(0)
    }

    pub(crate) fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.below(10)).unwrap_or(0))
    }

    fn letter(&mut self, first: u8) -> char {
        char::from(first + u8::try_from(self.below(26)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: KeyedDigest = KeyedDigest([1; 32]);
    const B: KeyedDigest = KeyedDigest([2; 32]);

    #[test]
    fn a_surrogate_has_the_shape_and_depends_on_the_seed() {
        let made = surrogate(Label::MRN, "HN-7714 0036", &A).unwrap();
        assert_eq!(made.len(), 12);
        assert_eq!((made.as_bytes()[2], made.as_bytes()[7]), (b'-', b' '));
        assert_eq!(surrogate(Label::MRN, "HN-7714 0036", &A).unwrap(), made);
        assert_ne!(surrogate(Label::MRN, "HN-7714 0036", &B).unwrap(), made);
        assert_eq!(surrogate(Label::DATE, "2024-03-01", &A), None);
    }

    #[test]
    fn a_name_keeps_order_case_sex_and_title() {
        let made = surrogate(Label::PATIENT, "VANE, Barbara Q.", &A).unwrap();
        let (surname, given) = made.split_once(", ").unwrap();
        assert!(SURNAME_LIST.contains(&surname.to_lowercase().as_str()) && surname == surname.to_uppercase());
        assert!(made.ends_with('.'));
        let first = given.split(' ').next().unwrap().to_lowercase();
        assert_eq!(gender_of(&first), Some(Gender::Female), "{made}");
        let junior = surrogate(Label::PATIENT, "robert vane jr", &A).unwrap();
        assert!(junior.ends_with(" jr") && junior == junior.to_lowercase(), "{junior}");
        assert_eq!(gender_of(junior.split(' ').next().unwrap()), Some(Gender::Male));
    }

    #[test]
    fn places_and_numbers_read_well() {
        let made = |label, text| surrogate(label, text, &A).unwrap();
        let street = made(Label::STREET, "1047 N Quillmoor Vale Street Apt 4B");
        assert!(
            street.contains(" N ") && street.contains(" Street Apt ") && !street.contains("Quillmoor"),
            "{street}"
        );
        let hospital = made(Label::HOSPITAL, "St. Quillmoor General Hospital");
        assert!(hospital.ends_with("Hospital") && !hospital.contains("Quillmoor"), "{hospital}");
        let phone = made(Label::PHONE, "(617) 322-8841 ext 22");
        assert!(phone.contains(") 555-01") && phone.contains(" ext "), "{phone}");
        assert!(made(Label::SSN, "219-09-9999").starts_with('9'));
        assert!(made(Label::IP, "10.4.7.1").starts_with("192.0.2."));
        assert!(made(Label::EMAIL, "q.vane@tansy.example").ends_with("@mail.example"));
        assert!(made(Label::AGE, "93-year-old").ends_with("-year-old"));
        let photo = made(Label::PHOTO, "vane_0012.jpg");
        assert_eq!(photo.rsplit_once('.').unwrap().1, "jpg");
    }

    proptest! {
        #[test]
        fn no_surrogate_is_the_value(text in "[A-Za-z0-9]([A-Za-z0-9 .,'-]{0,20}[A-Za-z0-9])?", kind in 0_usize..20) {
            let label = Label::of(Kind::ALL[kind]);
            if let Some(made) = surrogate(label, &text, &A) {
                prop_assert!(made != text, "{label}");
            }
        }
    }
}
