//! The words and signs by which residual risk is read: `catalogue/phi/residual/cues.txt` (a class a line, then its words)
//! and `cues-abroad.txt` (the same of German, French and Spanish, without words that mean something else in English),
//! `catalogue/phi/residual/rare-conditions.txt` (how rare, then the condition), and forms of placeholders and masked values.

use std::sync::LazyLock;

use lazaret_core::Span;
use regex_automata::meta::Regex;
use rustc_hash::FxHashMap;

use super::Taken;
use crate::lexicon::hash;

/// What a word points at: one bit a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cue(u32);

macro_rules! classes {
    ($($name:ident $word:literal,)*) => {
        impl Cue {
            classes!(@bits 0; $($name,)*);
            const NAMES: &'static [(&'static str, Self)] = &[$(($word, Self::$name),)*];
        }
    };
    (@bits $bit:expr; $name:ident, $($rest:ident,)*) => {
        pub(super) const $name: Self = Self(1 << $bit);
        classes!(@bits $bit + 1; $($rest,)*);
    };
    (@bits $bit:expr;) => {};
}

classes! {
    SECTION "section",
    VITAL "vital",
    UNIT "unit",
    OFTEN "often",
    CHART "chart",
    PERSON "person",
    GENERAL "general",
    ROLE "role",
    KIN "kin",
    PLACE "place",
    ONLY "only",
    TRADE "trade",
    EVENT "event",
    CRASH "crash",
    SCENE "scene",
    PUBLIC "public",
    MANY "many",
    BIRTH "birth",
    CLINICAL "clinical",
}

impl Cue {
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The classes with their words, a line each.
fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = include_str!("../../../../catalogue/phi/residual/cues.txt").lines();
    let abroad = include_str!("../../../../catalogue/phi/residual/cues-abroad.txt").lines();
    own.chain(abroad).filter_map(|line| line.split_once(' '))
}

/// The words with their classes, and the rare conditions by the hash of their first word.
pub(super) struct Cues {
    words: FxHashMap<u64, Cue>,
    rare: FxHashMap<u64, Vec<(u8, Vec<&'static str>)>>,
}

static CUES: LazyLock<Cues> = LazyLock::new(|| {
    let mut words: FxHashMap<u64, Cue> = FxHashMap::default();
    for (name, rest) in lines() {
        let class =
            Cue::NAMES.iter().find(|(known, _)| *known == name).map(|(_, cue)| *cue).unwrap_or_default();
        for word in rest.split(' ') {
            let entry = words.entry(hash(word)).or_default();
            *entry = entry.or(class);
        }
    }
    let mut rare: FxHashMap<u64, Vec<(u8, Vec<&'static str>)>> = FxHashMap::default();
    for line in include_str!("../../../../catalogue/phi/residual/rare-conditions.txt").lines() {
        let Some((class, name)) = line.split_once(' ') else { continue };
        let mut parts = name.split(' ');
        let first = parts.next().map_or(0, hash);
        rare.entry(first).or_default().push((class.parse().unwrap_or(2), parts.collect()));
    }
    Cues { words, rare }
});

impl Cues {
    pub(super) fn get() -> &'static Self {
        &CUES
    }

    pub(super) fn of(&self, hash: u64) -> Cue {
        self.words.get(&hash).copied().unwrap_or_default()
    }
}

/// How rare the condition is that begins at the first of these words: 1 is under one in a million.
pub(super) fn rare_at(text: &str, mut words: impl Iterator<Item = (usize, usize, u64)>) -> Option<u8> {
    let (.., first) = words.next()?;
    let names = CUES.rare.get(&first)?;
    let following: Vec<&str> =
        words.take(5).map(|(start, end, _)| text.get(start..end).unwrap_or("")).collect();
    let matches = |rest: &[&str]| {
        rest.len() <= following.len() && rest.iter().zip(&following).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    names.iter().filter(|(_, rest)| matches(rest)).map(|(class, _)| *class).min()
}

/// `[NAME]`, `[**Known lastname 12**]`, `<PERSON>`, `{{PATIENT}}`, `___`, `XXXXX`, `[REDACTED]`.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\[\*\*[^\]\n]{0,60}\*\*\]|\[{1,2}(?:[A-Z][A-Z_ ]{2,24}(?:[ _-]?\d{1,4})?)\]{1,2}|",
        r"<(?:[A-Z][A-Z_ ]{2,24}(?:[ _-]?\d{1,4})?)>|\{\{?[A-Z][A-Z_ ]{2,24}\d{0,4}\}\}?|\b_{3,}|\bX{4,}\b"
    ))
    .ok()
});

/// Most placeholders that are looked at in one window.
const MOST: usize = 200;

/// Placeholders in a part that begins at `from`, and whether they are another tool's: lines to fill in (`____`) and
/// crosses may be a form's own.
pub(super) fn placeholders(part: &str, from: usize) -> Vec<(Span, bool)> {
    // Most texts have none of the signs that one is made of.
    let open = part.bytes().any(|b| matches!(b, b'[' | b'<' | b'{'));
    if !open && !part.contains("___") && !part.contains("XXXX") {
        return Vec::new();
    }
    let found = PLACEHOLDER.iter().flat_map(|regex| regex.find_iter(part));
    found
        .take(MOST)
        .map(|hit| {
            let of_a_tool = part.get(hit.range()).is_some_and(|text| text.starts_with(['[', '<', '{']));
            (Span::new(hit.start() + from, hit.end() + from), of_a_tool)
        })
        .collect()
}

/// `J***`, `###4471`, `XXX-XX-4471`, `**/**/1931`, `ending in 9921`, `L******n`.
static MASKED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\b[A-Z]\*{2,}[a-z]?|[#*]{2,}[- ]?\d{2,}|[xX*#]{3}[- .][xX*#]{2,3}[- .]\d{4}|\*{2}[/.-]\*{2}[/.-]\d{2,4}|",
        r"\bX{3,}\d{3,}\b|(?i:\b(?:card|account|acct|number|ssn|mrn|phone)(?: number)? ending (?:in|with)? ?\d{3,4}\b)"
    ))
    .ok()
});

/// Whether a value is masked in part and what is left of it was not detected.
pub(super) fn half_masked(part: &str, from: usize, detected: &[Taken]) -> bool {
    // Two signs of a mask side by side, or the word `ending`: most texts have neither.
    let sign = |byte: &u8| matches!(byte, b'*' | b'#' | b'X' | b'x');
    let masked = part.as_bytes().windows(2).any(|two| two.iter().all(sign));
    if !masked && !part.as_bytes().windows(6).any(|six| six.eq_ignore_ascii_case(b"ending")) {
        return false;
    }
    MASKED.as_ref().is_some_and(|regex| {
        regex.find_iter(part).take(200).any(|hit| {
            let span = Span::new(hit.start() + from, hit.end() + from);
            !detected.iter().any(|known| known.span.overlaps(span))
        })
    })
}

/// Persons whose age follows with `de`.
const PERSONS: &str = "homme|femme|patient|patiente|garçon|fille|enfant|nourrisson|âgé|âgée|dame|monsieur|varón|mujer|hombre|paciente|niño|niña|lactante|edad|señora|señor|bebé|bébé";

/// `67-jähriger Patient`, `femme de 34 ans`, `varón de 67 años`: the unit of an age in other languages. Without a person before
/// it, a number of years is how long.
pub(super) fn age_unit_abroad(before: &str, rest: &str) -> Option<AgeUnit> {
    let rest = rest.trim_start_matches([' ', '-']);
    // A plural speaks of many: `65-jährige Patienten`.
    let german =
        ["jähriger ", "jährige ", "jähriges ", "jährigen ", "Jahre alt", "Jahre alter", "Jahre alte "];
    let many = ["Patienten", "Patientinnen", "Menschen", "Personen"];
    if german.iter().any(|form| rest.starts_with(form)) {
        let noun = rest.split(|c: char| !c.is_alphabetic()).nth(1);
        return (!noun.is_some_and(|noun| many.contains(&noun))).then_some(AgeUnit::Years);
    }
    if ["Monate alt", "Wochen alt", "Tage alt", "monatige", "wöchige"]
        .iter()
        .any(|form| rest.starts_with(form))
    {
        return Some(AgeUnit::Less);
    }
    let unit = if rest.starts_with("ans") || rest.starts_with("años") {
        AgeUnit::Years
    } else if rest.starts_with("mois") || rest.starts_with("meses") {
        AgeUnit::Less
    } else {
        return None;
    };
    let person = before.strip_suffix(" de ")?.rsplit(|c: char| !c.is_alphabetic()).next()?;
    PERSONS.split('|').any(|known| known == person.to_lowercase()).then_some(unit)
}

/// What an age is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgeUnit {
    Years,
    /// Days, weeks or months: an infant.
    Less,
}

/// The unit behind a number that is an age: `-year-old`, ` yo`, `M` is not read.
pub(super) fn age_unit(rest: &str) -> Option<AgeUnit> {
    let rest: String =
        rest.chars().take(16).map(|c| if c == '-' { ' ' } else { c.to_ascii_lowercase() }).collect();
    let rest = rest.trim_start();
    let starts = |forms: &[&str]| forms.iter().any(|form| rest.starts_with(form));
    if starts(&[
        "year old",
        "years old",
        "yo ",
        "y/o",
        "yo,",
        "yr old",
        "year of age",
        "years of age",
        "y.o",
        "yom",
        "yof",
    ]) {
        Some(AgeUnit::Years)
    } else if starts(&["day old", "days old", "week old", "weeks old", "month old", "months old"]) {
        Some(AgeUnit::Less)
    } else {
        None
    }
}

fn one_of(text: &str, start: usize, end: usize, words: &[&str]) -> bool {
    let word = text.get(start..end).unwrap_or("");
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// `c/o`, `s/p`, `h/o`, `w/`, `f/u`: a letter, a stroke, and this letter.
pub(super) fn charted(text: &str, start: usize, end: usize) -> bool {
    let before = start.checked_sub(2).and_then(|at| text.get(at..start));
    end == start + 1
        && before.is_some_and(|before| {
            before.ends_with('/') && before.starts_with(|c: char| c.is_ascii_alphabetic())
        })
}

/// `118/70`: a blood pressure.
pub(super) fn pressure(text: &str, start: usize, end: usize) -> bool {
    let both = text.get(start..end).and_then(|both| both.split_once('/'));
    both.and_then(|(high, low)| Some((high.parse::<u16>().ok()?, low.parse::<u16>().ok()?)))
        .is_some_and(|(high, low)| (60..=260).contains(&high) && (30..=150).contains(&low) && high > low)
}

/// Words before a role that make it the patient's own.
pub(super) fn of_the_patient(text: &str, start: usize, end: usize) -> bool {
    one_of(
        text,
        start,
        end,
        &["retired", "former", "old", "patient", "our", "ex", "first", "only", "female", "sitting"],
    )
}

/// `the`, `our`, `state's`, `their`: before `only` and `first`.
pub(super) fn definite(text: &str, start: usize, end: usize) -> bool {
    one_of(
        text,
        start,
        end,
        &["the", "our", "is", "state", "county", "town", "its", "two", "child", "girl", "boy"],
    )
}

/// `… there.`, `survivors`: a superlative is of people of a place.
pub(super) fn there(text: &str, start: usize, end: usize) -> bool {
    one_of(text, start, end, &["there", "survivor", "survivors"])
}

/// Words before what a name or place follows.
pub(super) fn preposition(text: &str, start: usize, end: usize) -> bool {
    one_of(text, start, end, &["of", "from", "in", "near", "outside"])
}

/// Places of few people: not a state or a country.
pub(super) fn small(text: &str, start: usize, end: usize) -> bool {
    one_of(
        text,
        start,
        end,
        &["village", "hamlet", "township", "island", "valley", "reservation", "parish", "peninsula"],
    )
}

/// `on the radio`, `in the newspapers`, `was filmed`: not what somebody reads or watches at home.
pub(super) fn is_public(text: &str, start: usize, end: usize) -> bool {
    let mut from = start.saturating_sub(24);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = text.get(from..start).unwrap_or("").to_ascii_lowercase();
    if ["watch", "listen", "read"].iter().any(|word| before.contains(word)) {
        return false;
    }
    match text.get(start..end).unwrap_or("").to_ascii_lowercase().as_str() {
        "paper" | "papers" | "news" | "tv" => ["local ", "daily ", "evening ", "on the ", "on ", "in the "]
            .iter()
            .any(|word| before.ends_with(word)),
        "radio" => before.ends_with("on the ") || before.ends_with("local "),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_class_and_the_forms_compile() {
        assert!(PLACEHOLDER.is_some() && MASKED.is_some());
        assert!(lines().count() > 30);
        for (class, words) in lines() {
            assert!(Cue::NAMES.iter().any(|(name, _)| *name == class), "{class}");
            assert!(words.split(' ').all(|word| word.to_lowercase() == word), "{class}");
        }
        let rare = include_str!("../../../../catalogue/phi/residual/rare-conditions.txt");
        assert!(rare.lines().all(|line| line.starts_with("1 ") || line.starts_with("2 ")));
    }

    #[test]
    fn placeholders_of_other_tools_and_half_masked_values_are_told_apart() {
        for text in [
            "[NAME]",
            "[**Known lastname 12**]",
            "<PERSON>",
            "{{PATIENT}}",
            "seen on ___",
            "XXXXX",
            "[PATIENT 1]",
            "<NAME_1>",
        ] {
            assert_eq!(placeholders(text, 0).len(), 1, "{text}");
            assert!(!half_masked(text, 0, &[]), "{text}");
        }
        for text in
            ["J*** S****", "MRN ###4471", "XXX-XX-4471", "**/**/1931", "card ending in 9921", "L******n"]
        {
            assert!(half_masked(text, 0, &[]), "{text}");
        }
        for text in ["a[i] = 3", "<b>bold</b>", "a ** b", "# 12 gauge", "## Heading 3", "XXI"] {
            assert!(placeholders(text, 0).is_empty() && !half_masked(text, 0, &[]), "{text}");
        }
    }

    #[test]
    fn ages_of_one_person_are_read_in_other_languages() {
        let unit = |text: &str| {
            let (before, rest) = text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap());
            age_unit_abroad(before, rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        };
        for text in [
            "67-jähriger Patient",
            "34 Jahre alt",
            "femme de 34 ans",
            "Varón de 67 años",
            "patiente âgée de 91 ans",
        ] {
            assert_eq!(unit(text), Some(AgeUnit::Years), "{text}");
        }
        for text in ["5 Monate alter Säugling", "nourrisson de 4 mois", "lactante de 3 meses"] {
            assert_eq!(unit(text), Some(AgeUnit::Less), "{text}");
        }
        for text in
            ["65-jährige Patienten", "depuis 3 ans", "patients de 65 ans", "hace 3 años", "pendant 2 mois"]
        {
            assert_eq!(unit(text), None, "{text}");
        }
    }

    #[test]
    fn conditions_are_found_with_and_without_a_possessive() {
        let words = |text: &'static str| {
            let each = text.split(' ').scan(0, |at, word| {
                let start = *at;
                *at += word.len() + 1;
                Some((start, start + word.len(), hash(word)))
            });
            rare_at(text, each.collect::<Vec<_>>().into_iter())
        };
        assert_eq!(words("Menkes disease and seizures"), Some(2));
        assert_eq!(words("kuru"), Some(1));
        assert_eq!(words("Whipple procedure"), None);
    }
}
