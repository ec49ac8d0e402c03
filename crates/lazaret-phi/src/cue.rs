//! Cues: words that say what stands beside them. A list is written as words in lower case, parted by `|`.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

/// A list of cues, by the byte they begin with.
#[derive(Debug, Clone)]
pub(crate) struct Cues {
    sorted: Vec<Box<str>>,
    /// By byte: how many cues begin with a lower one; and how many there are.
    first: [u16; 257],
    /// By byte: whether one begins with it, in any case, or it ends a line: most bytes do neither.
    begins: [bool; 256],
}

thread_local! {
    /// The lists asked for so far. Such a list is a constant of the program: its address tells which.
    static CUES: RefCell<FxHashMap<(*const u8, usize), Cues>> = RefCell::default();
}

impl Cues {
    /// Sorts a list.
    pub(crate) fn new(list: &str) -> Self {
        let mut sorted: Vec<Box<str>> =
            list.split('|').filter(|cue| !cue.is_empty()).map(Box::from).collect();
        sorted.sort_unstable();
        let mut first = [0; 257];
        for (byte, place) in (0_u16..).zip(&mut first) {
            let lower = |cue: &str| cue.bytes().next().is_some_and(|b| u16::from(b) < byte);
            *place = u16::try_from(sorted.partition_point(|cue| lower(cue))).unwrap_or(u16::MAX);
        }
        let mut begins = [false; 256];
        for (byte, begins) in (0..=u8::MAX).zip(&mut begins) {
            *begins = byte == b'\n'
                || sorted.iter().any(|cue| cue.bytes().next() == Some(byte.to_ascii_lowercase()));
        }
        Self { sorted, first, begins }
    }

    /// Gives a list of the program, sorted at the first call of the thread.
    pub(crate) fn with<T>(list: &'static str, give: impl FnOnce(&Self) -> T) -> T {
        let key = (list.as_ptr(), list.len());
        CUES.with_borrow_mut(|lists| {
            // Asked for first: nearly always it is there, and an entry costs more.
            if let Some(known) = lists.get(&key) {
                return give(known);
            }
            give(lists.entry(key).or_insert_with(|| Self::new(list)))
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Those that begin with a byte.
    fn of(&self, byte: u8) -> &[Box<str>] {
        let at = |place: usize| self.first.get(place).map_or(0, |at| usize::from(*at));
        let place = usize::from(byte);
        self.sorted.get(at(place)..at(place + 1)).unwrap_or(&[])
    }

    /// Whether one of them stands in a text in any case, with no letter or digit on either side of what is one itself.
    pub(crate) fn stand_in(&self, text: &str) -> bool {
        self.places(text.as_bytes()).any(|cue| cue)
    }

    /// The same of the first line of a text, which may end within a character.
    pub(crate) fn stand_in_first_line(&self, text: &[u8]) -> bool {
        self.places(text).next() == Some(true)
    }

    /// The same of the last line of a text, which may begin within a character.
    pub(crate) fn stand_in_last_line(&self, text: &[u8]) -> bool {
        self.places(text).fold(false, |_, cue| cue)
    }

    /// In order, the cues (true) and the ends of lines (false).
    fn places(&self, text: &[u8]) -> impl Iterator<Item = bool> {
        let begin = |byte: &u8| self.begins.get(usize::from(*byte)) == Some(&true);
        let mut from = 0;
        std::iter::from_fn(move || {
            while let Some(at) = text.get(from..)?.iter().position(begin) {
                let place = from + at;
                let byte = text.get(place)?;
                from = place + 1;
                let inside = byte.is_ascii_alphanumeric()
                    && place
                        .checked_sub(1)
                        .and_then(|at| text.get(at))
                        .is_some_and(u8::is_ascii_alphanumeric);
                if *byte == b'\n' {
                    return Some(false);
                }
                if !inside && self.of(byte.to_ascii_lowercase()).iter().any(|cue| stands_at(text, place, cue))
                {
                    return Some(true);
                }
            }
            None
        })
    }
}

/// Whether a word is one of a list, as it is written.
pub(crate) fn is_one_of(word: &str, words: &'static str) -> bool {
    let known = |first| Cues::with(words, |words| words.of(first).iter().any(|known| **known == *word));
    word.bytes().next().is_some_and(known)
}

/// Whether a cue stands at a place where no word goes on.
fn stands_at(text: &[u8], place: usize, cue: &str) -> bool {
    let cue = cue.as_bytes();
    let inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let end = place + cue.len();
    text.get(place..end).is_some_and(|here| here.eq_ignore_ascii_case(cue))
        && !(inside(cue.last()) && inside(text.get(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_stands_as_a_whole_word_in_any_case() {
        let cues = Cues::new("mrn|hosp no|w/|#||°");
        for text in ["MRN", "the mrn.", "Hosp No 7", "w/husband", "a#1", "3°"] {
            assert!(cues.stand_in(text), "{text}");
        }
        for text in ["", "mrns", "xmrn", "hosp  no", "hosp nos", "w"] {
            assert!(!cues.stand_in(text), "{text}");
        }
        assert!(!Cues::new("").stand_in("mrn") && Cues::new("").is_empty());
    }

    #[test]
    fn a_cue_of_another_line_does_not_count() {
        let cues = Cues::new("mrn|°");
        for (text, first, last) in [
            ("mrn\n7", true, false),
            ("7\nmrn", false, true),
            ("3°\n\n3°", true, true),
            ("\n°\n", false, false),
        ] {
            assert_eq!(cues.stand_in_first_line(text.as_bytes()), first, "{text}");
            assert_eq!(cues.stand_in_last_line(text.as_bytes()), last, "{text}");
        }
        // Half of a character at an edge.
        assert!(
            !cues.stand_in_last_line(&"°".as_bytes()[1..]) && !cues.stand_in_first_line(&"°".as_bytes()[..1])
        );
    }

    #[test]
    fn a_word_is_one_of_a_list_as_it_is_written() {
        assert!(is_one_of("tel", "fax|tel"));
        assert!(!is_one_of("Tel", "fax|tel") && !is_one_of("te", "fax|tel") && !is_one_of("", "fax|tel"));
    }
}
