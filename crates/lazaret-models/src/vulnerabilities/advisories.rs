//! Faults with all their names: which records are about the same one, and by which id it is known for good.
//!
//! Databases give one fault several ids (GHSA, PYSEC, CVE), and say so as aliases, sometimes later. Records that name each
//! other, also by way of a third name, are joined. The id of the fault is that of the record that was **published first**, of
//! two on the same day the lesser id; never that of an alias without a record. So a CVE number that is given later, or a
//! second database's record, changes nothing. Where a record is published later with an earlier date, [`join`] is given what
//! the fault was called before, and keeps that.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_core::Limit;
use ring::digest;
use rustc_hash::{FxHashMap, FxHashSet};

use super::osv::Record;
use crate::components::{Component, Role};

/// Most names that are taken for one fault. Where records join more, none of them is joined: a record that names hundreds of
/// others as its aliases would hide them behind one.
pub const MAX_NAMES: Limit = Limit::new("vulns.max_names", 200);

/// A fault: one record of it, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// What one database says.
    pub record: Record,
    /// The id by which the fault is known for good.
    pub fault: String,
    /// All its names, in order.
    pub names: BTreeSet<String>,
}

/// What is joined: an id with its date and its other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The record's id.
    pub id: String,
    /// When it was published.
    pub published: String,
    /// The record's aliases.
    pub aliases: Vec<String>,
}

/// One joined fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The id by which it is known for good.
    pub fault: String,
    /// All its names, in order.
    pub names: BTreeSet<String>,
    /// The records that are about it.
    pub records: BTreeSet<String>,
}

/// Joins records that are about the same fault. `before` gives, for ids, what their fault was called when it was first
/// joined: of several that meet in one fault, the one published first stays. The order of the records does not matter.
pub fn join(records: &[Named], before: &BTreeMap<String, String>, most: Limit) -> Vec<Joined> {
    let mut numbers: FxHashMap<&str, usize> = FxHashMap::default();
    let mut names: Vec<&str> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut number_of = |name, parents: &mut Vec<usize>| {
        *numbers.entry(name).or_insert_with(|| {
            names.push(name);
            parents.push(parents.len());
            parents.len().saturating_sub(1)
        })
    };
    for record in records {
        let own = number_of(record.id.as_str(), &mut parents);
        for alias in &record.aliases {
            let other = number_of(alias.as_str(), &mut parents);
            let (one, other) = (root(&mut parents, own), root(&mut parents, other));
            if let Some(parent) = parents.get_mut(one.max(other)) {
                *parent = one.min(other);
            }
        }
    }
    let mut groups: BTreeMap<usize, (BTreeSet<&str>, Vec<&Named>)> = BTreeMap::new();
    for (number, name) in names.iter().enumerate() {
        groups.entry(root(&mut parents, number)).or_default().0.insert(name);
    }
    for record in records {
        let Some(number) = numbers.get(record.id.as_str()) else { continue };
        groups.entry(root(&mut parents, *number)).or_default().1.push(record);
    }
    let known: FxHashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let mut joined = Vec::new();
    for (names, records) in groups.into_values() {
        if most.check(names.len() as u64).is_ok() {
            joined.extend(named(&names, &records, before, &known));
        } else {
            let alone = |record: &&Named| {
                let fault = before.get(&record.id).unwrap_or(&record.id).clone();
                Joined { fault, names: record_names(record), records: [record.id.clone()].into() }
            };
            joined.extend(records.iter().map(alone));
        }
    }
    joined.sort_by(|one, other| one.fault.cmp(&other.fault));
    joined
}

fn record_names(record: &Named) -> BTreeSet<String> {
    std::iter::once(&record.id).chain(&record.aliases).cloned().collect()
}

fn named(
    names: &BTreeSet<&str>,
    records: &[&Named],
    before: &BTreeMap<String, String>,
    all: &FxHashSet<&str>,
) -> Option<Joined> {
    let first = |records: &mut dyn Iterator<Item = &&Named>| {
        let first = records.min_by_key(|record| (record.published.as_str(), record.id.as_str()));
        first.map(|record| record.id.clone())
    };
    let called: BTreeSet<&str> =
        records.iter().filter_map(|record| before.get(&record.id)).map(String::as_str).collect();
    let kept = first(&mut records.iter().filter(|record| called.contains(record.id.as_str())));
    // A fault whose record is gone keeps its name all the same. One whose record is elsewhere now was taken for this one by
    // mistake: they are two.
    let kept =
        kept.or_else(|| called.iter().find(|name| !all.contains(*name)).map(|name| (*name).to_owned()));
    let fault = kept.or_else(|| first(&mut records.iter()))?;
    let mut names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.insert(fault.clone());
    let records = records.iter().map(|record| record.id.clone()).collect();
    Some(Joined { fault, names, records })
}

/// The representative of a set, halving the way to it.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while let Some(parent) = parents.get(at).copied().filter(|parent| *parent != at) {
        let above = parents.get(parent).copied().unwrap_or(parent);
        if let Some(own) = parents.get_mut(at) {
            *own = above;
        }
        at = above;
    }
    at
}

/// The fingerprint of a fault in a package: what a ticket is kept by. It is a digest (SHA-256, the first 16 bytes in
/// hexadecimal) over the id by which the fault is known for good, the package URL without a version, and what the package is
/// to the model; no path, no machine and no version is in it, so one ticket stands until the fault is gone.
pub fn fingerprint(fault: &str, purl: &str, role: Role) -> String {
    let mut text = Vec::new();
    for part in ["lazaret vulnerability 1", fault, purl, role.name()] {
        text.extend_from_slice(part.as_bytes());
        text.push(0);
    }
    let digest = digest::digest(&digest::SHA256, &text);
    lazaret_core::hex(digest.as_ref().get(..16).unwrap_or_default())
}

impl Advisory {
    /// The fingerprint of this fault in a component.
    pub fn fingerprint(&self, component: &Component) -> String {
        fingerprint(&self.fault, &component.purl(), component.role)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(id: &str, published: &str, aliases: &[&str]) -> Named {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Named { id: id.to_owned(), published: published.to_owned(), aliases }
    }

    fn faults(records: &[Named], before: &BTreeMap<String, String>) -> Vec<String> {
        join(records, before, MAX_NAMES).into_iter().map(|joined| joined.fault).collect()
    }

    fn after(records: &[Named]) -> BTreeMap<String, String> {
        let joined = join(records, &BTreeMap::new(), MAX_NAMES);
        let each = |joined: Joined| joined.names.into_iter().map(move |name| (name, joined.fault.clone()));
        joined.into_iter().flat_map(each).collect()
    }

    #[test]
    fn a_name_that_comes_later_opens_no_second_ticket() {
        let none = BTreeMap::new();
        let alone = [named("GHSA-1", "2025-01-10", &[])];
        assert_eq!(faults(&alone, &none), ["GHSA-1"]);
        // The CVE number is given later; then a second database has a record of its own.
        let later = [named("GHSA-1", "2025-01-10", &["CVE-9"]), named("PYSEC-1", "2025-02-01", &["CVE-9"])];
        assert_eq!(faults(&later, &none), ["GHSA-1"]);
        assert_eq!(join(&later, &none, MAX_NAMES)[0].names.len(), 3);
        // One that is dated back would be first; what was known before stays.
        let back = [named("PYSEC-1", "2025-01-05", &["GHSA-1"]), named("GHSA-1", "2025-01-10", &[])];
        assert_eq!(faults(&back, &none), ["PYSEC-1"]);
        assert_eq!(faults(&back, &after(&alone)), ["GHSA-1"]);
        // Two tickets that turn out to be one fault: the older stays.
        let two = [named("A-1", "2025-03-01", &[]), named("B-1", "2025-01-01", &[])];
        let one = [named("A-1", "2025-03-01", &["B-1"]), named("B-1", "2025-01-01", &[])];
        assert_eq!(faults(&one, &after(&two)), ["B-1"]);
    }

    #[test]
    fn what_was_joined_by_mistake_is_two_again() {
        let once = [named("GHSA-1", "1", &["CVE-9"]), named("PYSEC-1", "2", &["CVE-9"])];
        let now = [named("GHSA-1", "1", &[]), named("PYSEC-1", "2", &["CVE-9"])];
        assert_eq!(faults(&now, &after(&once)), ["GHSA-1", "PYSEC-1"]);
        // A record that is gone leaves its name behind.
        assert_eq!(faults(&now[1..], &after(&once)), ["GHSA-1"]);
    }

    #[test]
    fn cycles_join_and_a_record_that_names_all_joins_nothing() {
        let circle =
            [named("A-1", "2", &["B-1"]), named("B-1", "1", &["C-1"]), named("C-1", "3", &["A-1", "C-1"])];
        assert_eq!(faults(&circle, &BTreeMap::new()), ["B-1"]);
        let all: Vec<String> = (0..300).map(|n| format!("X-{n}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut records: Vec<Named> = all.iter().map(|id| named(id, "1", &[])).collect();
        records.push(named("EVIL-1", "0", &all));
        assert_eq!(join(&records, &BTreeMap::new(), MAX_NAMES).len(), 301);
    }

    #[test]
    fn fingerprints_are_forever() {
        assert_eq!(
            fingerprint("GHSA-53q9-r3pm-6pq6", "pkg:pypi/torch", Role::Required),
            "8a2cae5b0a0c45e88e3dda0dcde3a35b"
        );
    }

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter(
            list in proptest::collection::vec((0_u8..12, 0_u8..4, proptest::collection::vec(0_u8..12, 0..3)), 0..10),
        ) {
            let mut records: Vec<Named> = list
                .iter()
                .map(|(id, day, aliases)| {
                    let aliases: Vec<String> = aliases.iter().map(|id| format!("N-{id}")).collect();
                    Named { id: format!("N-{id}"), published: day.to_string(), aliases }
                })
                .collect();
            records.sort_by(|one, other| one.id.cmp(&other.id));
            records.dedup_by(|one, other| one.id == other.id);
            let straight = join(&records, &BTreeMap::new(), MAX_NAMES);
            records.reverse();
            prop_assert_eq!(straight, join(&records, &BTreeMap::new(), MAX_NAMES));
        }
    }
}
