//! Versions of Python packages: how they are written and which is newer (PEP 440, now
//! <https://packaging.python.org/en/latest/specifications/version-specifiers/>).

use std::cmp::Ordering;
use std::fmt;

/// A number of any length: its digits without leading zeros; nought is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Number(String);

impl Number {
    pub(super) fn of(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }

    fn is_nought(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_nought() { "0" } else { &self.0 })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What comes before a release: alpha, beta, candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Before {
    Alpha,
    Beta,
    Candidate,
}

/// One step of a local version; a number is above a word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Local {
    Word(String),
    Number(Number),
}

/// A version.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    epoch: Number,
    release: Vec<Number>,
    before: Option<(Before, Number)>,
    post: Option<Number>,
    dev: Option<Number>,
    local: Option<Vec<Local>>,
}

/// How its part before a release is ordered: a development release alone is before all of them, a release behind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum BeforeKey<'a> {
    DevelopmentAlone,
    Before(Before, &'a Number),
    Release,
}

impl Version {
    /// Reads a version as pip does, in any of its spellings.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let mut rest = Rest(lower.strip_prefix('v').unwrap_or(&lower));
        let first = rest.digits()?;
        let (epoch, first) = if rest.take("!") { (first, rest.digits()?) } else { ("", first) };
        let mut release = vec![Number::of(first)];
        while let Some(number) = rest.step() {
            release.push(Number::of(number));
        }
        let before = rest.tagged(BEFORE);
        let post = rest.implicit_post().or_else(|| rest.tagged(POST).map(|((), number)| number));
        let dev = rest.tagged(DEV).map(|((), number)| number);
        let local = if rest.take("+") { Some(rest.local()?) } else { None };
        rest.0.is_empty().then(|| Self { epoch: Number::of(epoch), release, before, post, dev, local })
    }

    /// Whether it comes before a release: `1.0a1`, `1.0.dev2`.
    pub(crate) const fn is_before_release(&self) -> bool {
        self.before.is_some() || self.dev.is_some()
    }

    /// Whether it comes behind a release: `1.0.post1`.
    pub(crate) const fn is_post(&self) -> bool {
        self.post.is_some()
    }

    /// Whether it is a local build: `1.0+cu118`.
    pub(crate) const fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// Without its local part.
    pub(crate) fn public(&self) -> Self {
        Self { local: None, ..self.clone() }
    }

    /// Its release alone.
    pub(crate) fn base(&self) -> Self {
        Self { before: None, post: None, dev: None, local: None, ..self.clone() }
    }

    /// The earliest version that comes before it.
    pub(crate) fn earliest(&self) -> Self {
        Self { dev: Some(Number::default()), local: None, ..self.clone() }
    }

    /// What it is a post-release of.
    pub(crate) fn without_post(&self) -> Self {
        Self { post: None, dev: None, local: None, ..self.clone() }
    }

    /// How many numbers its release has.
    pub(crate) const fn steps(&self) -> usize {
        self.release.len()
    }

    /// Whether it is a release and nothing else: no word, no local part.
    pub(crate) const fn is_release(&self) -> bool {
        !self.is_before_release() && !self.is_post() && !self.is_local()
    }

    /// Whether it begins with the epoch and the first numbers of another release (`==1.4.*`), short ones filled with noughts.
    pub(crate) fn begins_with(&self, prefix: &Self, steps: usize) -> bool {
        let step = |version: &Self, n: usize| version.release.get(n).cloned().unwrap_or_default();
        self.epoch == prefix.epoch && (0..steps).all(|n| step(self, n) == step(prefix, n))
    }

    /// The same release with one step more, above it and below whatever else is.
    pub(crate) fn just_above(&self) -> Self {
        let mut above = self.base();
        above.release.extend([Number::default(), Number::of("1")]);
        above
    }

    fn significant(&self) -> &[Number] {
        let end = self.release.iter().rposition(|number| !number.is_nought()).map_or(0, |last| last + 1);
        self.release.get(..end).unwrap_or_default()
    }

    fn before_key(&self) -> BeforeKey<'_> {
        match &self.before {
            Some((kind, number)) => BeforeKey::Before(*kind, number),
            None if self.post.is_none() && self.dev.is_some() => BeforeKey::DevelopmentAlone,
            None => BeforeKey::Release,
        }
    }
}

/// In the normal form of the specification.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.epoch.is_nought() {
            write!(f, "{}!", self.epoch)?;
        }
        for (n, number) in self.release.iter().enumerate() {
            write!(f, "{}{number}", if n > 0 { "." } else { "" })?;
        }
        if let Some((kind, number)) = &self.before {
            let letter = match kind {
                Before::Alpha => "a",
                Before::Beta => "b",
                Before::Candidate => "rc",
            };
            write!(f, "{letter}{number}")?;
        }
        if let Some(number) = &self.post {
            write!(f, ".post{number}")?;
        }
        if let Some(number) = &self.dev {
            write!(f, ".dev{number}")?;
        }
        for (n, step) in self.local.iter().flatten().enumerate() {
            f.write_str(if n > 0 { "." } else { "+" })?;
            match step {
                Local::Word(word) => f.write_str(word)?,
                Local::Number(number) => write!(f, "{number}")?,
            }
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // No development release is above every one: what is none sorts last.
        let dev = |version: &Self| (version.dev.is_none(), version.dev.clone());
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| self.significant().cmp(other.significant()))
            .then_with(|| self.before_key().cmp(&other.before_key()))
            .then_with(|| self.post.cmp(&other.post))
            .then_with(|| dev(self).cmp(&dev(other)))
            .then_with(|| self.local.cmp(&other.local))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Spellings, a longer one before the one it begins with.
const BEFORE: &[(&str, Before)] = &[
    ("alpha", Before::Alpha),
    ("a", Before::Alpha),
    ("beta", Before::Beta),
    ("b", Before::Beta),
    ("preview", Before::Candidate),
    ("pre", Before::Candidate),
    ("c", Before::Candidate),
    ("rc", Before::Candidate),
];
const POST: &[(&str, ())] = &[("post", ()), ("rev", ()), ("r", ())];
const DEV: &[(&str, ())] = &[("dev", ())];
const SEPARATORS: [char; 3] = ['-', '_', '.'];

/// What is left to be read, in lower case.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, what: &str) -> bool {
        let rest = self.0.strip_prefix(what);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn while_(&mut self, is: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.0.find(|c| !is(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(taken).filter(|taken| !taken.is_empty())
    }

    fn digits(&mut self) -> Option<&'a str> {
        self.while_(|c| c.is_ascii_digit())
    }

    /// A dot and a number.
    fn step(&mut self) -> Option<&'a str> {
        let mut ahead = Rest(self.0.strip_prefix('.')?);
        let number = ahead.digits()?;
        *self = ahead;
        Some(number)
    }

    fn separator(&mut self) {
        self.0 = self.0.strip_prefix(SEPARATORS).unwrap_or(self.0);
    }

    /// `-1`, which is `.post1`.
    fn implicit_post(&mut self) -> Option<Number> {
        let mut ahead = Rest(self.0.strip_prefix('-')?);
        let number = ahead.digits()?;
        *self = ahead;
        Some(Number::of(number))
    }

    /// A word and a number, separators before each; no number is nought.
    fn tagged<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<(T, Number)> {
        let mut ahead = *self;
        ahead.separator();
        let is = words.iter().find(|(word, _)| ahead.take(word)).map(|(_, is)| *is)?;
        ahead.separator();
        let number = ahead.digits().unwrap_or_default();
        *self = ahead;
        Some((is, Number::of(number)))
    }

    fn local(&mut self) -> Option<Vec<Local>> {
        let mut steps = Vec::new();
        loop {
            let word = self.while_(|c| c.is_ascii_alphanumeric())?;
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            steps.push(if is_number {
                Local::Number(Number::of(word))
            } else {
                Local::Word(word.to_owned())
            });
            let Some(rest) = self.0.strip_prefix(SEPARATORS) else { return Some(steps) };
            self.0 = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    /// The order that the specification prints, and what stands between.
    #[test]
    fn the_order_is_that_of_the_specification() {
        let ordered = [
            "0.dev0",
            "0",
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "20240101",
            "99999999999999999999999999999",
            "1!0.1",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (one, other) in [
            ("1.0", "1"),
            ("1.0", "1.0.0"),
            ("v1.0", " 1.0 "),
            ("1.0RC1", "1.0-rc.1"),
            ("1.0c1", "1.0pre1"),
            ("1.0-1", "1.0.post1"),
            ("1.0r4", "1.0.rev-4"),
            ("1.0a", "1.0alpha0"),
            ("1.0.dev", "1.0-DEV_0"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("0!1.00", "1.0"),
            ("1.0a--1", "1.0a0.post1"),
        ] {
            assert_eq!(version(one), version(other), "{one} {other}");
        }
        for text in
            ["", "v", "1.", "1.0+", "1.0+a..b", "1.0 beta", "french toast", "1.0.*", "1!", "1.0-", "٣"]
        {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_and_order_is_total(a in "[0-9a-z.!+_-]{0,24}", b in "[0-9.]{1,6}(a|b|rc|\\.post|\\.dev)?[0-9]{0,3}", c in "[0-9.]{1,6}") {
            let _read = Version::parse(&a);
            if let (Some(b), Some(c)) = (Version::parse(&b), Version::parse(&c)) {
                prop_assert_eq!(b.cmp(&c), c.cmp(&b).reverse());
                prop_assert!(c.just_above() > c);
            }
        }
    }
}
