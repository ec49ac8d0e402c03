//! Vectors of words: word2vec's binary files, and the texts of word2vec, fastText and `GloVe` (`.vec`).

use lazaret_core::{FormatId, Likeness};
use lazaret_input::Lines;

use super::text::is_text;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// Longest word.
const LONGEST: usize = 4096;
/// Most numbers of a word.
const MOST_NUMBERS: u64 = 65_536;
/// Longest first line: how many words, and how many numbers each has.
const LONGEST_HEADER: usize = 40;

/// How many words there are, how many numbers each has, and where the first begins.
fn header(head: &[u8]) -> Option<(u64, u64, usize)> {
    let end = head.iter().take(LONGEST_HEADER).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(head.get(..end)?).ok()?;
    let (words, numbers) = line.trim_end_matches('\r').split_once(' ')?;
    let count = |text: &str| {
        let text = text.trim_end();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    let numbers = count(numbers).filter(|numbers| (1..=MOST_NUMBERS).contains(numbers))?;
    Some((count(words)?, numbers, end.saturating_add(1)))
}

/// The binary file of word2vec: a line with the sizes, then each word, a space, and its numbers of four bytes.
pub(crate) struct Word2Vec;

impl ModelFormat for Word2Vec {
    fn id(&self) -> FormatId {
        FormatId("word2vec")
    }

    fn about(&self) -> &'static str {
        "vectors of words (word2vec, binary)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        // They go by `.bin`, as much else does.
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let Some((words, numbers, begin)) = header(head.bytes) else { return Likeness::No };
        let rest = head.bytes.get(begin..).unwrap_or_default();
        // A word of a letter, a space, its numbers.
        let least = numbers.checked_mul(4).and_then(|bytes| bytes.checked_add(2)?.checked_mul(words));
        let fits = least
            .and_then(|least| least.checked_add(begin as u64))
            .is_some_and(|least| least <= head.part.len());
        let first = rest.iter().take(LONGEST).position(|byte| *byte == b' ');
        let is_word = first.and_then(|end| rest.get(..end)).is_some_and(is_word);
        // In a text the numbers are digits.
        let is_binary =
            !is_text(rest) || std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_some());
        if words > 0 && fits && is_word && is_binary { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut stream = part.stream(0);
        let wrong =
            || Unread::malformed(0, "its first line does not say how many words and numbers there are");
        let (words, numbers, begin) = header(stream.peek(LONGEST_HEADER)?).ok_or_else(wrong)?;
        stream.advance(begin);
        let bytes = numbers.saturating_mul(4);
        for _ in 0..words {
            // The first program of its kind ends each word's line.
            if stream.peek(1)?.first() == Some(&b'\n') {
                stream.advance(1);
            }
            let at = stream.position();
            let ahead = stream.peek(LONGEST)?;
            let end = ahead.iter().take(LONGEST).position(|byte| *byte == b' ');
            let end = end.filter(|end| ahead.get(..*end).is_some_and(is_word));
            let end = end.ok_or_else(|| Unread::malformed(at, "a word that is none"))?;
            stream.advance(end.saturating_add(1));
            stream.skip(bytes)?;
        }
        if stream.peek(1)?.first() == Some(&b'\n') {
            stream.advance(1);
        }
        looking.tail(part, stream.position());
        Ok(self.id())
    }
}

/// Whether bytes may be a word: not empty, and without what no text has.
fn is_word(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| *byte >= b' ')
}

/// The same as text: a line a word. A first line with the sizes is word2vec's and fastText's, none is `GloVe`'s.
pub(crate) struct WordVectors;

impl ModelFormat for WordVectors {
    fn id(&self) -> FormatId {
        FormatId("word-vectors")
    }

    fn about(&self) -> &'static str {
        "vectors of words (word2vec, fastText, GloVe, as text)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["vec"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let sizes = header(head.bytes);
        let begin = sizes.map_or(0, |(_, _, begin)| begin);
        let rest = head.bytes.get(begin..).unwrap_or_default();
        let first = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_whole = first.len() < rest.len() || begin.saturating_add(rest.len()) as u64 == head.part.len();
        let numbers = numbers_of(first);
        let fits = match sizes {
            Some((_, count, _)) => numbers == Some(count) || !is_whole,
            None => head.extension == "vec" && numbers.is_some_and(|numbers| numbers > 0),
        };
        // As plain text they are read whole too, and may be any table of numbers.
        let is_plain = matches!(head.extension, "txt" | "csv" | "tsv" | "log" | "names");
        if fits && !is_plain && is_text(head.bytes) { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut head = [0; LONGEST_HEADER];
        let read = part.read_at(0, &mut head)?;
        let sizes = header(head.get(..read).unwrap_or_default());
        let begin = sizes.map_or(0, |(_, _, begin)| begin as u64);
        let mut numbers = sizes.map(|(_, numbers, _)| numbers);
        let body = part.rest(begin, part.len());
        let (mut lines, mut found) = (Lines::of_source(body.as_source(), looking.limits), 0_u64);
        while let Some(line) = lines.next()? {
            let at = begin.saturating_add(line.offset);
            let count = line.bytes.ok().and_then(numbers_of);
            let count = count.filter(|count| *count == *numbers.get_or_insert(*count));
            if count.is_none() {
                return Err(Unread::malformed(at, "a line that is no word with its numbers"));
            }
            found = found.saturating_add(1);
        }
        match sizes {
            Some((words, ..)) if words != found => Err(Unread::malformed(
                0,
                format!("its first line says that there are {words} words, there are {found}"),
            )),
            _ => Ok(self.id()),
        }
    }
}

/// How many numbers follow the word of a line; none where it is another line. A word may have spaces in it, which are no
/// numbers.
fn numbers_of(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii_end();
    let mut steps = line.split(|byte| *byte == b' ');
    let word = steps.next()?;
    if !(is_word(word) && word.len() <= LONGEST) || line.contains(&0) {
        return None;
    }
    let mut count = 0_u64;
    for step in steps {
        let is_number = step.len() <= 40
            && step.first().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.'))
            && std::str::from_utf8(step).is_ok_and(|step| step.parse::<f64>().is_ok());
        // Only before the first number.
        if !is_number && (count > 0 || step.len() > LONGEST) {
            return None;
        }
        count = count.saturating_add(u64::from(is_number));
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::Inspected;

    const CALL: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

    fn binary(end: &[u8]) -> Vec<u8> {
        let word = |word: &str| {
            [word.as_bytes(), b" ", &1.5_f32.to_le_bytes(), &(-2.25_f32).to_le_bytes(), end].concat()
        };
        [&b"3 2\n"[..], &word("</s>"), &word("heart"), &word("\u{0440}\u{043e}\u{0442}")].concat()
    }

    #[test]
    fn binary_vectors_are_read_to_the_end() {
        for end in [&b""[..], b"\n"] {
            let bytes = binary(end);
            let report = scan(bytes.clone(), "vectors.bin");
            assert_eq!(
                (report.format.0, report.inspected, told(&report)),
                ("word2vec", Inspected::Whole, Vec::new())
            );
            let found = told(&scan([&bytes[..], CALL].concat(), "v.bin"));
            let at = bytes.len();
            assert!(found.contains(&format!("format.trailing-bytes v.bin@{at}")), "{found:?}");
            assert!(found.contains(&format!("pickle.dangerous-call v.bin@{at}")), "{found:?}");
        }
        let cut = [&b"4 2\n"[..], &binary(b"")[4..], &[1; 12]].concat();
        assert_eq!(told(&scan(cut, "v.bin")), ["format.malformed v.bin@46"]);
    }

    #[test]
    fn texts_are_read_line_by_line() {
        for text in ["2 3\nheart 0.1 -2 3e-5\n. . 1 2 3\n", "heart 0.1 -2 3e-5\nthe 1 2 3\n"] {
            let report = scan(text, "wiki.vec");
            assert_eq!(
                (report.format.0, report.inspected, told(&report)),
                ("word-vectors", Inspected::Whole, Vec::new()),
                "{text}"
            );
        }
        assert_eq!(scan("2 3\nheart 0.1 -2 3e-5\nthe 1 2 3\n", "vectors").format.0, "word-vectors");
        for (text, says) in [
            ("2 3\nheart 0.1 -2 3\nthe 1 2\n", "format.malformed a.vec@19"),
            ("2 3\nheart 0.1 -2 3\nos system ('x')\n", "format.malformed a.vec@19"),
            ("3 3\nheart 0.1 -2 3\nthe 1 2 3\n", "format.malformed a.vec@0"),
            ("heart 0.1 -2 3\nimport os\n", "format.malformed a.vec@15"),
            ("2 1\na 1\nb 1\n\n", "format.malformed a.vec@12"),
        ] {
            assert!(
                told(&scan(text, "a.vec")).iter().any(|told| told == says),
                "{text} {:?}",
                told(&scan(text, "a.vec"))
            );
        }
    }

    proptest! {
        #[test]
        fn any_vectors_end(words in 0_u64..5, numbers in 0_u64..5, bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[a-c0-9 .\n]{0,80}") {
            let head = format!("{words} {numbers}\n").into_bytes();
            scan([head.clone(), bytes].concat(), "v.bin");
            scan([head, text.into_bytes()].concat(), "v.vec");
        }
    }
}
