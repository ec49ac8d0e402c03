//! The states of the United States, their two letters, and the first three digits of their ZIP codes: a made-up code fits the
//! state it stands beside.
//!
//! The letters are those of USPS Publication 28 (appendix B), the digits a run of those that labeling list L002 of its
//! Domestic Mail Manual gives the state; not all of them.

use lazaret_core::{KeyedDigest, Label};

use crate::surrogate::{Stream, cased};

/// A state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    letters: &'static str,
    name: &'static str,
    /// First and last of a run of three digits.
    zip: (u32, u32),
}

const fn state(letters: &'static str, name: &'static str, first: u32, last: u32) -> State {
    State { letters, name, zip: (first, last) }
}

#[cfg(test)]
impl State {
    /// Whether a ZIP code begins as one of its run does.
    pub(crate) fn has(&self, zip: &str) -> bool {
        let three = zip.get(..3).and_then(|three| three.parse().ok());
        three.is_some_and(|three| (self.zip.0..=self.zip.1).contains(&three))
    }
}

static STATES: [State; 51] = [
    state("AL", "Alabama", 354, 369),
    state("AK", "Alaska", 995, 999),
    state("AZ", "Arizona", 850, 853),
    state("AR", "Arkansas", 716, 729),
    state("CA", "California", 930, 961),
    state("CO", "Colorado", 800, 816),
    state("CT", "Connecticut", 64, 69),
    state("DE", "Delaware", 197, 199),
    state("DC", "District of Columbia", 200, 200),
    state("FL", "Florida", 320, 339),
    state("GA", "Georgia", 300, 319),
    state("HI", "Hawaii", 967, 968),
    state("ID", "Idaho", 832, 838),
    state("IL", "Illinois", 600, 620),
    state("IN", "Indiana", 460, 479),
    state("IA", "Iowa", 500, 516),
    state("KS", "Kansas", 664, 679),
    state("KY", "Kentucky", 400, 427),
    state("LA", "Louisiana", 703, 708),
    state("ME", "Maine", 39, 49),
    state("MD", "Maryland", 206, 212),
    state("MA", "Massachusetts", 10, 27),
    state("MI", "Michigan", 480, 499),
    state("MN", "Minnesota", 553, 567),
    state("MS", "Mississippi", 386, 397),
    state("MO", "Missouri", 644, 658),
    state("MT", "Montana", 590, 599),
    state("NE", "Nebraska", 683, 693),
    state("NV", "Nevada", 893, 895),
    state("NH", "New Hampshire", 30, 38),
    state("NJ", "New Jersey", 70, 89),
    state("NM", "New Mexico", 877, 884),
    state("NY", "New York", 100, 149),
    state("NC", "North Carolina", 270, 289),
    state("ND", "North Dakota", 580, 588),
    state("OH", "Ohio", 430, 458),
    state("OK", "Oklahoma", 734, 741),
    state("OR", "Oregon", 970, 979),
    state("PA", "Pennsylvania", 150, 196),
    state("RI", "Rhode Island", 28, 29),
    state("SC", "South Carolina", 290, 299),
    state("SD", "South Dakota", 570, 577),
    state("TN", "Tennessee", 370, 385),
    state("TX", "Texas", 750, 770),
    state("UT", "Utah", 840, 847),
    state("VT", "Vermont", 50, 54),
    state("VA", "Virginia", 220, 246),
    state("WA", "Washington", 980, 986),
    state("WV", "West Virginia", 247, 268),
    state("WI", "Wisconsin", 537, 549),
    state("WY", "Wyoming", 820, 831),
];

/// The state that a text names whole.
pub(crate) fn named(text: &str) -> Option<&'static State> {
    let plain =
        |text: &str| text.split([' ', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let (name, letters) = (plain(text), text.replace(['.', ' '], ""));
    STATES
        .iter()
        .find(|state| state.name.eq_ignore_ascii_case(&name) || state.letters.eq_ignore_ascii_case(&letters))
}

/// The state that stands last in a text, with nothing but blanks and a comma behind it: two capitals, or its name.
pub(crate) fn last_in(text: &str) -> Option<&'static State> {
    let text = text.trim_end_matches([' ', ',', '\t', '\n', '\r', '.']);
    let ends = |word: &str, exactly: bool| {
        let rest = text.len().checked_sub(word.len()).and_then(|at| text.split_at_checked(at));
        rest.is_some_and(|(before, last)| {
            let same = if exactly { last == word } else { last.eq_ignore_ascii_case(word) };
            same && !before.ends_with(char::is_alphanumeric)
        })
    };
    // The longest name: `West Virginia` ends as `Virginia` does.
    let named = STATES.iter().filter(|state| ends(state.letters, true) || ends(state.name, false));
    named.max_by_key(|state| state.name.len())
}

/// Another state in the form of one: its letters or its name, in its case.
pub(crate) fn other(text: &str, stream: &mut Stream) -> Option<String> {
    let is = named(text)?;
    let most = u32::try_from(STATES.len()).unwrap_or(1);
    let first = usize::try_from(stream.below(most)).unwrap_or(0);
    let made = STATES.iter().cycle().skip(first).take(STATES.len()).find(|state| *state != is)?;
    let is_name = text.chars().filter(|c| c.is_alphabetic()).count() > 2;
    if !is_name {
        return Some(if text.contains(char::is_lowercase) {
            made.letters.to_lowercase()
        } else {
            made.letters.to_owned()
        });
    }
    let all_capitals = !text.contains(char::is_lowercase);
    let word = |word: &str| if word == "of" && !all_capitals { word.to_owned() } else { cased(word, text) };
    let words: Vec<String> = made.name.split(' ').map(word).collect();
    Some(words.join(" "))
}

/// The made-up five digits of a ZIP code of a state; never the five they stand for.
pub(crate) fn zip(five: &str, state: &State, seed: &KeyedDigest) -> String {
    let mut stream = Stream::new(seed, Label::ZIP, five);
    let (first, last) = state.zip;
    let mut made = (first + stream.below(last - first + 1)) * 100 + stream.below(100);
    if five.parse() == Ok(made) {
        made = if made % 100 == 99 { made - 1 } else { made + 1 };
    }
    format!("{made:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_in_its_forms() {
        let letters = |text: &str| last_in(text).map(|state| state.letters);
        for (text, wanted) in [
            (", MA ", Some("MA")),
            ("of Charleston, West Virginia, ", Some("WV")),
            ("new hampshire ", Some("NH")),
            ("came in ", None),
            ("BEAMA ", None),
            ("", None),
        ] {
            assert_eq!(letters(text), wanted, "{text}");
        }
        assert_eq!(named("N.Y.").map(|state| state.name), Some("New York"));
        assert_eq!(named("N. Y").map(|state| state.name), Some("New York"));
        assert_eq!(named("Tansy"), None);
    }

    #[test]
    fn another_state_has_the_form_and_codes_fit_their_state() {
        for seed in 0..60 {
            let seed = KeyedDigest([seed; 32]);
            let made = |text: &str| other(text, &mut Stream::new(&seed, Label::NAME, text)).unwrap();
            let (letters, name) = (made("MA"), made("NEW YORK"));
            assert!(letters.len() == 2 && letters != "MA" && named(&letters).is_some(), "{letters}");
            assert!(
                name == name.to_uppercase() && named(&name).is_some_and(|state| state.name != "New York"),
                "{name}"
            );
            let code = zip("02139", named("MA").unwrap(), &seed);
            assert!(named("MA").unwrap().has(&code) && code.len() == 5, "{code}");
            assert_ne!(code, "02139");
        }
    }
}
