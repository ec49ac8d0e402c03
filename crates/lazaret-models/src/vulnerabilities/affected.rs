//! Whether a version, or what a requirement allows, has a fault: the evaluation that the OSV format describes
//! (<https://ossf.github.io/osv-schema/#evaluation>).

use std::cmp::Ordering;

use super::osv::{Affected, Event, Range, RangeKind, Record};
use super::versions::specifier::Specifiers;
use super::versions::{Order, Version, order_of, pep440};

/// What is known of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has the fault.
    Affected,
    /// It does not.
    NotAffected,
    /// It cannot be told, and why.
    Unknown(&'static str),
}

/// What is known of all that a requirement allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeAnswer {
    /// All versions known here that it allows have the fault.
    All,
    /// Some have it.
    Some,
    /// None has.
    None,
    /// It cannot be told, and why.
    Unknown(&'static str),
}

const NO_ORDER: &str =
    "the order of this ecosystem's versions is not implemented, and the version is not listed";
const NO_VERSION: &str = "the version cannot be compared";
const NO_EVENT: &str = "a version in the record cannot be compared";

/// One affected package of a record, read once for many questions.
struct Prepared<'r> {
    affected: &'r Affected,
    order: Option<Order>,
    /// The versions that are listed and can be compared, in order.
    listed: Vec<Version>,
    ranges: Vec<Result<Events, &'static str>>,
}

/// The events of a range, in order.
struct Events {
    order: Order,
    /// A version (none is before all), and what happens: 0 comes in, 1 is gone, 2 was the last.
    list: Vec<(Option<Version>, u8)>,
    /// Nothing is said from these on.
    limits: Vec<Version>,
    /// Whether something is said of every version all the same.
    has_no_limit: bool,
}

/// Whether a version has the fault.
pub(crate) fn version_is_affected(affected: &Affected, version: &str) -> Answer {
    let prepared = Prepared::of(affected);
    if affected.versions.iter().any(|listed| listed == version) {
        return Answer::Affected;
    }
    prepared.ask(&|order| Version::parse(order, version))
}

impl<'r> Prepared<'r> {
    fn of(affected: &'r Affected) -> Self {
        let order = order_of(&affected.ecosystem);
        let parse = |text: &String| order.and_then(|order| Version::parse(order, text));
        let mut listed: Vec<Version> = affected.versions.iter().filter_map(parse).collect();
        listed.sort_by(compare);
        let ranges = affected.ranges.iter().filter_map(|range| Events::of(range, order)).collect();
        Self { affected, order, listed, ranges }
    }

    /// How many versions and events one question looks at.
    fn work(&self) -> usize {
        let events = self.ranges.iter().flatten();
        events
            .map(|events| events.list.len().saturating_add(events.limits.len()))
            .sum::<usize>()
            .saturating_add(1)
    }

    /// Whether a version has the fault, which is given as each order reads it.
    fn ask(&self, version: &dyn Fn(Order) -> Option<Version>) -> Answer {
        let own = self.order.and_then(version);
        // A local build (`2.1.0+cu118`) has the faults of the version it is built from.
        let is_listed = |own: &Version| self.listed.binary_search_by(|listed| compare(listed, own)).is_ok();
        if own.as_ref().is_some_and(is_listed) || own.map(public).as_ref().is_some_and(is_listed) {
            return Answer::Affected;
        }
        if self.affected.ranges.is_empty() {
            // Neither a version nor a range: the record is about the whole package.
            let is_whole = self.affected.versions.is_empty();
            return if is_whole { Answer::Affected } else { Answer::NotAffected };
        }
        let mut unknown = None;
        for range in &self.ranges {
            let answer = match range {
                Ok(events) => version(events.order)
                    .map(public)
                    .map_or(Answer::Unknown(NO_VERSION), |own| events.ask(&own)),
                Err(why) => Answer::Unknown(why),
            };
            match answer {
                Answer::Affected => return Answer::Affected,
                Answer::NotAffected => {}
                Answer::Unknown(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Answer::NotAffected, Answer::Unknown)
    }
}

impl Events {
    /// Reads a range; none of commits, which nothing here names.
    fn of(range: &Range, order: Option<Order>) -> Option<Result<Self, &'static str>> {
        let order = match (range.kind, order) {
            (RangeKind::Git, _) => return None,
            (RangeKind::Semver, _) => Order::Semver,
            (RangeKind::Ecosystem, Some(order)) => order,
            (RangeKind::Ecosystem, None) => return Some(Err(NO_ORDER)),
        };
        let (mut list, mut limits) = (Vec::with_capacity(range.events.len()), Vec::new());
        let mut has_no_limit = false;
        for event in &range.events {
            let (rank, text) = match event {
                Event::Introduced(text) if text == "0" => {
                    list.push((None, 0));
                    continue;
                }
                Event::Limit(text) if text == "*" => {
                    has_no_limit = true;
                    continue;
                }
                Event::Introduced(text) => (0, text),
                Event::Fixed(text) => (1, text),
                Event::LastAffected(text) => (2, text),
                Event::Limit(text) => (3, text),
            };
            let Some(at) = Version::parse(order, text) else { return Some(Err(NO_EVENT)) };
            if rank == 3 {
                limits.push(at);
            } else {
                list.push((Some(at), rank));
            }
        }
        has_no_limit |= limits.is_empty();
        // At one version the fault comes in before it goes: a record that says both says that it is gone.
        list.sort_by(|(one, rank), (other, other_rank)| {
            let order = match (one, other) {
                (Some(one), Some(other)) => compare(one, other),
                (one, other) => one.is_some().cmp(&other.is_some()),
            };
            order.then(rank.cmp(other_rank))
        });
        Some(Ok(Self { order, list, limits, has_no_limit }))
    }

    fn ask(&self, own: &Version) -> Answer {
        let is_within = |limit: &Version| compare(own, limit) == Ordering::Less;
        if !self.has_no_limit && !self.limits.iter().any(is_within) {
            return Answer::NotAffected;
        }
        let mut is_affected = false;
        for (at, rank) in &self.list {
            let than = at.as_ref().map_or(Ordering::Greater, |at| compare(own, at));
            match (rank, than) {
                (0, Ordering::Greater | Ordering::Equal) => is_affected = true,
                (1, Ordering::Greater | Ordering::Equal) | (2, Ordering::Greater) => is_affected = false,
                _ => {}
            }
        }
        if is_affected { Answer::Affected } else { Answer::NotAffected }
    }
}

/// Versions of one order are always comparable.
fn compare(one: &Version, other: &Version) -> Ordering {
    one.compare(other).unwrap_or(Ordering::Equal)
}

/// A local build is compared as the version it is built from.
fn public(version: Version) -> Version {
    match version {
        Version::Pep440(version) => Version::Pep440(version.public()),
        other => other,
    }
}

/// Most comparisons for one requirement and one record.
const MOST_WORK: usize = 20_000_000;

/// What is known of all that a requirement of Python allows. Asked is at the versions that the record and the requirement
/// name, at which alone an answer can change.
pub(crate) fn range_is_affected(affected: &Affected, specifiers: &str) -> RangeAnswer {
    if order_of(&affected.ecosystem) != Some(Order::Pep440) {
        return RangeAnswer::Unknown(NO_ORDER);
    }
    let Some(allowed) = Specifiers::parse(specifiers) else { return RangeAnswer::Unknown(NO_VERSION) };
    let of_events = affected.ranges.iter().flat_map(|range| &range.events).filter_map(|event| match event {
        Event::Introduced(version) | Event::Fixed(version) | Event::LastAffected(version) => Some(version),
        Event::Limit(_) => None,
    });
    let texts = affected.versions.iter().chain(of_events);
    let mut asked: Vec<pep440::Version> = texts.filter_map(|text| pep440::Version::parse(text)).collect();
    let above: Vec<pep440::Version> = asked.iter().map(pep440::Version::just_above).collect();
    asked.extend(allowed.begins());
    // Between two versions of a list there is none; in a range there may be.
    if !affected.ranges.is_empty() {
        asked.extend(above);
    }
    let prepared = Prepared::of(affected);
    if asked.len().saturating_mul(prepared.work()) > MOST_WORK {
        return RangeAnswer::Unknown("the record names too many versions");
    }
    let (mut bad, mut good) = (false, false);
    for version in asked.iter().filter(|version| allowed.allow(version)) {
        let as_order = |order| match order {
            Order::Pep440 => Some(Version::Pep440(version.clone())),
            order => Version::parse(order, &version.to_string()),
        };
        match prepared.ask(&as_order) {
            Answer::Affected => bad = true,
            Answer::NotAffected => good = true,
            Answer::Unknown(why) => return RangeAnswer::Unknown(why),
        }
        if bad && good {
            break;
        }
    }
    match (bad, good) {
        (true, false) => RangeAnswer::All,
        (true, true) => RangeAnswer::Some,
        (false, _) => RangeAnswer::None,
    }
}

/// Whether a version of a package has a record's fault; nothing where it cannot be told.
pub fn version_has(record: &Record, ecosystem: &str, name: &str, version: &str) -> Option<bool> {
    let packages = record.affected.iter().filter(|one| one.ecosystem == ecosystem && one.name == name);
    let answers: Vec<Answer> = packages.map(|affected| version_is_affected(affected, version)).collect();
    if answers.contains(&Answer::Affected) {
        Some(true)
    } else if answers.iter().all(|answer| *answer == Answer::NotAffected) {
        Some(false)
    } else {
        None
    }
}

/// Ranges for people: `from 1.0 before 2.0, listed: 3 versions`.
pub fn ranges_in_words(affected: &Affected) -> String {
    let events = affected.ranges.iter().flat_map(|range| &range.events);
    let mut words: Vec<String> = events
        .map(|event| match event {
            Event::Introduced(version) if version == "0" => "from the first".to_owned(),
            Event::Introduced(version) => format!("from {version}"),
            Event::Fixed(version) => format!("before {version}"),
            Event::LastAffected(version) => format!("up to {version}"),
            Event::Limit(version) => format!("nothing said from {version}"),
        })
        .collect();
    match affected.versions.len() {
        0 => {}
        1 => words.push("1 version listed".to_owned()),
        count => words.push(format!("{count} versions listed")),
    }
    if words.is_empty() {
        words.push("every version".to_owned());
    } else if affected.versions.is_empty() && order_of(&affected.ecosystem).is_none() {
        words.push("ranges of this ecosystem are not compared".to_owned());
    }
    words.join(", ")
}

/// Versions in which the fault is gone, newest last, those at or above a version alone.
pub(crate) fn fixed_versions<'r>(affected: &'r Affected, from: Option<&str>) -> Vec<&'r str> {
    let order = order_of(&affected.ecosystem);
    let parse = |text: &str| order.and_then(|order| Version::parse(order, text));
    let from = from.and_then(parse);
    let events = affected.ranges.iter().flat_map(|range| &range.events);
    let mut fixed: Vec<&str> = events
        .filter_map(|event| match event {
            Event::Fixed(version) => Some(version.as_str()),
            _ => None,
        })
        .filter(|fixed| {
            let than = from.as_ref().and_then(|from| parse(fixed)?.compare(from));
            than != Some(Ordering::Less)
        })
        .collect();
    fixed.sort_by(|one, other| {
        parse(one).zip(parse(other)).and_then(|(one, other)| one.compare(&other)).unwrap_or(Ordering::Equal)
    });
    fixed.dedup();
    fixed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn affected(ecosystem: &str, events: Vec<Event>, versions: &[&str]) -> Affected {
        let kind = RangeKind::Ecosystem;
        let ranges = if events.is_empty() { Vec::new() } else { vec![Range { kind, events }] };
        let versions = versions.iter().map(|version| (*version).to_owned()).collect();
        Affected {
            ecosystem: ecosystem.to_owned(),
            name: "x".to_owned(),
            ranges,
            versions,
            vectors: Vec::new(),
        }
    }

    fn event(text: &str) -> Event {
        let (kind, version) = text.split_once(' ').unwrap();
        let version = version.to_owned();
        match kind {
            "in" => Event::Introduced(version),
            "fix" => Event::Fixed(version),
            "last" => Event::LastAffected(version),
            _ => Event::Limit(version),
        }
    }

    fn events(texts: &[&str]) -> Vec<Event> {
        texts.iter().map(|text| event(text)).collect()
    }

    #[test]
    fn ranges_are_evaluated_as_the_format_says() {
        for (texts, yes, no) in [
            (
                &["in 0", "fix 2.6.0"][..],
                &["0.1", "2.5.1", "2.6.0rc1", "2.5.1+cu118"][..],
                &["2.6", "2.6.0+cpu"][..],
            ),
            (&["in 1.0", "last 1.5"], &["1.0", "1.5", "1.5.0"], &["0.9", "1.5.1"]),
            (&["fix 2", "in 1", "in 3", "fix 4"], &["1", "1.9", "3.5"], &["0.5", "2", "2.9", "4"]),
            (&["in 0", "limit 2"], &["1"], &["2", "3"]),
            (&["in 0", "limit *"], &["1", "99"], &[]),
            // Nonsense ends as what it says literally.
            (&["in 2", "fix 2"], &[], &["1", "2", "3"]),
            (&["in 5", "fix 2"], &["5", "6"], &["1", "3"]),
        ] {
            let affected = affected("PyPI", events(texts), &[]);
            for version in yes {
                assert_eq!(version_is_affected(&affected, version), Answer::Affected, "{texts:?} {version}");
            }
            for version in no {
                assert_eq!(
                    version_is_affected(&affected, version),
                    Answer::NotAffected,
                    "{texts:?} {version}"
                );
            }
        }
    }

    #[test]
    fn listed_versions_count_and_what_cannot_be_compared_is_said() {
        let listed = affected("PyPI", Vec::new(), &["1.0.0", "2.0-rc1"]);
        assert_eq!(version_is_affected(&listed, "1.0"), Answer::Affected);
        assert_eq!(version_is_affected(&listed, "2.0rc1"), Answer::Affected);
        assert_eq!(version_is_affected(&listed, "1.1"), Answer::NotAffected);
        // No order of Debian's versions: the list is all there is.
        let debian = affected("Debian:12", events(&["in 0", "fix 1:2.0~rc1-1"]), &["1:1.0-1"]);
        assert_eq!(version_is_affected(&debian, "1:1.0-1"), Answer::Affected);
        assert!(matches!(version_is_affected(&debian, "1:1.5-1"), Answer::Unknown(_)));
        let odd = affected("PyPI", events(&["in 0", "fix next"]), &[]);
        assert!(matches!(version_is_affected(&odd, "1.0"), Answer::Unknown(_)));
        assert!(matches!(
            version_is_affected(&affected("PyPI", events(&["in 0"]), &[]), "x"),
            Answer::Unknown(_)
        ));
        // The whole package, as records of malicious code say it.
        assert_eq!(version_is_affected(&affected("PyPI", Vec::new(), &[]), "7"), Answer::Affected);
    }

    #[test]
    fn requirements_are_asked_at_every_version_that_counts() {
        let torch = affected("PyPI", events(&["in 0", "fix 2.6.0"]), &["2.5.1", "2.5.0", "1.13.1"]);
        for (specifiers, expected) in [
            ("", RangeAnswer::Some),
            (">=2.0", RangeAnswer::Some),
            (">=2.6", RangeAnswer::None),
            (">2.5.1", RangeAnswer::Some),
            ("<2.6", RangeAnswer::All),
            ("~=2.5.0", RangeAnswer::All),
            ("==2.5.*", RangeAnswer::All),
            ("==2.6.*", RangeAnswer::None),
            ("<=2.6,>=2.5", RangeAnswer::Some),
        ] {
            assert_eq!(range_is_affected(&torch, specifiers), expected, "{specifiers}");
        }
        assert_eq!(fixed_versions(&torch, Some("2.1")), ["2.6.0"]);
        let listed = affected("PyPI", Vec::new(), &["2.5.0", "2.5.1"]);
        assert_eq!(range_is_affected(&listed, "~=2.5.0"), RangeAnswer::All);
        let two = affected("PyPI", events(&["in 3", "fix 3.9", "in 0", "fix 2.1"]), &[]);
        assert_eq!(fixed_versions(&two, Some("2.5")), ["3.9"]);
        assert_eq!(fixed_versions(&two, None), ["2.1", "3.9"]);
    }

    proptest! {
        #[test]
        fn any_events_end_whatever_their_order(
            list in proptest::collection::vec(("(in|fix|last|limit)", "[0-9]{1,2}(\\.[0-9]|a1|\\*)?"), 0..8),
            version in "[0-9]{1,2}(\\.[0-9])?",
            specifiers in "([<>=~!]=?[0-9](\\.[0-9])?,?){0,3}",
        ) {
            let list: Vec<Event> = list.iter().map(|(kind, version)| event(&format!("{kind} {version}"))).collect();
            let mut turned = list.clone();
            turned.reverse();
            let (one, other) = (affected("PyPI", list, &[]), affected("PyPI", turned, &[]));
            let said = version_is_affected(&one, &version);
            let same = said == version_is_affected(&other, &version)
                || matches!(said, Answer::Unknown(_));
            prop_assert!(same);
            let _range = range_is_affected(&one, &specifiers);
        }
    }
}
