//! Semantic versions (SemVer 2.0.0, 11): which is newer. A leading `v` is passed over, missing numbers are nought, as OSV's
//! records and the tools of the ecosystems write them.

use std::cmp::Ordering;

use super::pep440::Number;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Semver {
    numbers: [Number; 3],
    /// What comes before the release; a release has none and is above.
    before: Vec<Step>,
}

/// One step before a release; a word is above a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Number(Number),
    Word(String),
}

impl Semver {
    /// Reads a version.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = text.split_once('+').unwrap_or((text, "0"));
        let (core, before) = text.split_once('-').map_or((text, None), |(core, before)| (core, Some(before)));
        let is_word = |step: &str| {
            !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_number = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        let mut steps = core.split('.');
        let mut numbers: [Number; 3] = Default::default();
        for (n, number) in numbers.iter_mut().enumerate() {
            match steps.next() {
                Some(step) if is_number(step) => *number = Number::of(step),
                None if n > 0 => {}
                _ => return None,
            }
        }
        let before: Vec<&str> = before.map(|before| before.split('.').collect()).unwrap_or_default();
        let fine = steps.next().is_none()
            && before.iter().all(|step| is_word(step))
            && build.split('.').all(is_word);
        let step = |step: &&str| {
            if is_number(step) { Step::Number(Number::of(step)) } else { Step::Word((*step).to_owned()) }
        };
        fine.then(|| Self { numbers, before: before.iter().map(step).collect() })
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Self) -> Ordering {
        let release = |version: &Self| version.before.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release(self).cmp(&release(other)))
            .then_with(|| self.before.cmp(&other.before))
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_specification() {
        let ordered = [
            "0.0.0-0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "v1.2",
            "2",
            "10.0.0",
        ];
        for pair in ordered.windows(2) {
            assert!(Semver::parse(pair[0]).unwrap() < Semver::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(Semver::parse("1.0.0+a"), Semver::parse("1.0.0+b"));
        for text in ["", "1.0.0.0", "a", "1..0", "1.0.0-", "1.0.0-a..b", "1.0.0+", "-1", "1.x"] {
            assert_eq!(Semver::parse(text), None, "{text}");
        }
    }
}
