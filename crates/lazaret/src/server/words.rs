//! Counts, sizes, times, digests and links as a page writes them. Escaping is the template's work.

use std::collections::BTreeMap;
use std::fmt;

use lazaret_core::Verdict;

use crate::commands::phi::visible::visible;
use crate::report::thousands;

/// A count with its thousands apart: `2,682`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&thousands(self.0))
    }
}

/// A length in bytes: `4.1 KiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut tenths = u128::from(self.0) * 10 / 1024;
        for unit in UNITS {
            if tenths < 10_240 || unit == "TiB" {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
            tenths /= 1024;
        }
        Ok(())
    }
}

/// Numbers as templates write them.
pub(crate) trait Shown {
    /// With its thousands apart.
    fn thousands(self) -> Count;
    /// As a length in bytes.
    fn in_bytes(self) -> Size;
}

impl Shown for u64 {
    fn thousands(self) -> Count {
        Count(self)
    }

    fn in_bytes(self) -> Size {
        Size(self)
    }
}

impl Shown for usize {
    fn thousands(self) -> Count {
        Count(self as u64)
    }

    fn in_bytes(self) -> Size {
        Size(self as u64)
    }
}

/// A time as the ledger has it (RFC 3339 in UTC); whatever else it has is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When(pub(crate) String);

impl When {
    /// For machines.
    pub(crate) fn full(&self) -> &str {
        &self.0
    }
}

/// To the second: `2026-11-25 15:08:03`.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.get(..10), self.0.get(10..11), self.0.get(11..19)) {
            (Some(date), Some("T"), Some(time)) => write!(f, "{date} {time}"),
            _ => f.write_str(&self.0),
        }
    }
}

/// An id or a digest: whole for machines, a part of it for eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) String);

impl Code {
    /// Its first twelve characters, after the algorithm's name: enough to tell digests apart.
    pub(crate) fn head(&self) -> String {
        let digest = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        shortened(digest, digest.chars().take(12), |part| format!("{part}…"))
    }

    /// Its last twelve characters: the random ones of an id that begins with the time.
    pub(crate) fn tail(&self) -> String {
        let skipped = self.0.chars().count().saturating_sub(12);
        shortened(&self.0, self.0.chars().skip(skipped), |part| format!("…{part}"))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn shortened(whole: &str, part: impl Iterator<Item = char>, mark: impl Fn(&str) -> String) -> String {
    let part: String = part.collect();
    if part == whole { part } else { mark(&part) }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.') {
            path.push(char::from(byte));
        } else {
            path.push('%');
            let halves = [byte >> 4, byte & 15].into_iter();
            path.extend(
                halves
                    .filter_map(|half| char::from_digit(u32::from(half), 16))
                    .map(|c| c.to_ascii_uppercase()),
            );
        }
    }
    path
}

/// A name from a file or from outside, as a page writes it: what would act is an escape, and it ends.
pub(crate) fn named(text: &str) -> String {
    const MOST: usize = 300;
    let text = visible(text);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// Verdicts with their counts, the least intrusive first.
pub(crate) fn in_order(verdicts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut ordered: Vec<_> = verdicts.iter().map(|(word, count)| (word.clone(), *count)).collect();
    // A word this version does not know comes last.
    ordered.sort_by_key(|(word, _)| Verdict::parse(word).map_or((true, None), |known| (false, Some(known))));
    ordered
}

/// Words that stand out, beside saying what they say.
pub(crate) trait Toned {
    /// The class of the word's badge.
    fn tone(&self) -> &'static str;
}

impl Toned for str {
    fn tone(&self) -> &'static str {
        match self {
            "allow" | "complete" | "released" | "enforce" | "none-found" | "cleared" => "calm",
            "tokenise" | "redact" | "edited" | "observe" | "admitted" | "let through" => "edit",
            "quarantine" | "held" | "medium" | "high" | "open" | "override" | "requested" => "hold",
            "block" | "cut" | "critical" | "raw" | "rejected" | "refused" | "found bad" => "stop",
            _ => "plain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_are_written_for_eyes() {
        let counts = [0, 12, 999, 1_000, 2_682, 1_234_567].map(|n| Count(n).to_string());
        assert_eq!(counts, ["0", "12", "999", "1,000", "2,682", "1,234,567"]);
        let sizes = [0, 1_023, 1_024, 4_200, 1 << 20, 5 << 30, u64::MAX].map(|n| Size(n).to_string());
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "4.1 KiB", "1.0 MiB", "5.0 GiB", "16777215.9 TiB"]);
    }

    #[test]
    fn times_and_codes_of_any_shape_are_shown() {
        assert_eq!(When("2026-11-25T15:08:03.120Z".into()).to_string(), "2026-11-25 15:08:03");
        for odd in ["", "soon", "2026-11-25T15:0", "ééééééééééééééééé"] {
            assert_eq!(When(odd.into()).to_string(), odd);
        }
        assert_eq!(Code("0123456789abcdef".into()).head(), "0123456789ab…");
        assert_eq!(Code("0123456789abcdef".into()).tail(), "…456789abcdef");
        assert_eq!(Code("sha256:0123456789abcdef".into()).head(), "0123456789ab…");
        assert_eq!(Code("ééé".into()).tail(), "ééé");
    }

    #[test]
    fn verdicts_stand_in_the_order_in_which_the_policy_is_asked() {
        let counts = ["block", "allow", "unheard-of", "tokenise"].map(|word| (word.to_owned(), 1)).into();
        let words: Vec<String> = in_order(&counts).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["allow", "tokenise", "block", "unheard-of"]);
    }

    #[test]
    fn names_end_and_do_not_act() {
        assert_eq!(named("a\u{202e}b\nc"), "a\\u{202e}b\\u{a}c");
        assert_eq!(named(&"é".repeat(10_000)).chars().count(), 301);
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(segment("lake/Patient"), "lake%2FPatient");
        assert_eq!(segment("a?b#c\"é"), "a%3Fb%23c%22%C3%A9");
    }
}
