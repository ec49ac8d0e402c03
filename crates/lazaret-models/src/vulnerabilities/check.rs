//! The components of a file against a database of vulnerabilities: what is found, and what somebody who answers for it says
//! of it.
//!
//! A pinned version with a known fault, or a range that allows no version without it, is one finding for each fault: one
//! ticket. What may be so (a range that allows such a version too, the version that wrote the file, no version at all) is one
//! finding for each component.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazaret_core::{Finding, Limit, Locator, Severity, Timestamp, UNINSPECTABLE};
use serde::Serialize;

use super::advisories::Advisory;
use super::affected::{Answer, RangeAnswer, fixed_versions, range_is_affected, version_is_affected};
use super::osv::{Affected, compared_name};
use super::severity::{Graveness, graveness};
use super::vex::{Statement, Status};
use crate::components::{Component, Declared, Ecosystem, Role};
use crate::part::printed;
use crate::rules::{self, ModelRule};

/// Most faults of the components of one file that are listed.
pub const MAX_MATCHES: Limit = Limit::new("vulns.max_matches", 20_000);

/// Most names of a fault, or faults, that a message lists.
const MOST_NAMED: usize = 8;

/// A database of vulnerabilities and of what is said of them.
pub trait Advisories: Send + Sync {
    /// The records that name a package and are not withdrawn, in order of their ids.
    fn of_package(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, AdvisoriesError>;

    /// The statements about a fault of any of these names, in the order in which they were imported.
    fn statements(&self, names: &BTreeSet<String>) -> Result<Vec<Statement>, AdvisoriesError>;
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("the database of vulnerabilities could not be read")]
pub struct AdvisoriesError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// How a component is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// The version that is declared has the fault, or every version that may be taken.
    Affected,
    /// A version that may be taken has it, others have not.
    Possible,
    /// The version that wrote the file has it.
    Writer,
}

/// A fault of a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// By what a ticket is kept.
    pub fingerprint: String,
    /// The id by which the fault is known for good.
    pub fault: String,
    /// All its names.
    pub names: BTreeSet<String>,
    /// The package, with its version where one is pinned.
    pub purl: String,
    /// What the package is to the model.
    pub role: &'static str,
    /// How it is concerned.
    pub concern: Concern,
    /// How grave the fault is; info where it is said not to matter here.
    pub severity: Severity,
    /// Its CVSS score, where there is one.
    pub score: Option<f64>,
    /// The fault in a line.
    pub summary: String,
    /// Versions without it.
    pub fixed: Vec<String>,
    /// Where the component stands.
    pub at: Locator,
    /// What somebody says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
    /// The rule under which it is found.
    pub rule: &'static str,
    /// What the finding says that tells it.
    pub message: String,
}

/// What somebody says of a fault in a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What.
    pub status: Status,
    /// Why, as given.
    pub reason: Option<String>,
    /// What is to be done.
    pub action: Option<String>,
    /// Who.
    pub author: String,
    /// When.
    pub at: String,
    /// In which document.
    pub document: String,
    /// Whether it counts: a `not_affected` without a reason does not, nor what has ended.
    pub counts: bool,
    /// Who answers for it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What a file's components came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The faults behind them.
    pub matches: Vec<Match>,
}

/// Checks the components of a file. `now` ends statements that have an end; `digest` gives the file's SHA-256, in lower-case
/// hexadecimal, and is asked at most once, only if a statement names a file.
pub fn check(
    components: &[Component],
    advisories: &dyn Advisories,
    now: Timestamp,
    digest: &mut dyn FnMut() -> Option<String>,
    most: Limit,
) -> Result<Checked, AdvisoriesError> {
    let mut known: Option<Option<String>> = None;
    let mut once = || known.get_or_insert_with(&mut *digest).clone();
    let mut checked = Checked::default();
    let mut seen = BTreeSet::new();
    for component in components.iter().filter(|component| !component.ecosystem.osv().is_empty()) {
        // What is declared twice is told where it stands first.
        if !seen.insert((component.purl(), &component.declared, component.role)) {
            continue;
        }
        let ecosystem = component.ecosystem.osv();
        let found = advisories.of_package(ecosystem, &compared_name(ecosystem, advised_name(component)))?;
        let judged = judge(component, &found);
        let mut matches = Vec::with_capacity(judged.matches.len());
        for (mut one, names) in judged.matches {
            one.said = said(&advisories.statements(&names)?, component, &now.to_string(), &mut once);
            if one.said.as_ref().is_some_and(|said| said.counts && said.status <= Status::Fixed) {
                one.severity = Severity::Info;
            }
            matches.push(one);
        }
        tell(component, &mut matches, judged.unversioned, &judged.unclear, &mut checked.findings);
        let all = checked.matches.len().saturating_add(matches.len()) as u64;
        if let Err(reached) = most.check(all) {
            checked.findings.push(Finding::new(&UNINSPECTABLE, component.at.clone(), reached.to_string()));
            break;
        }
        checked.matches.extend(matches);
    }
    Ok(checked)
}

/// The name under which advisories know a package of conda.
fn advised_name(component: &Component) -> &str {
    match (component.ecosystem, component.name.as_str()) {
        (Ecosystem::Conda, "pytorch" | "pytorch-cpu" | "pytorch-gpu") => "torch",
        (Ecosystem::Conda, "py-xgboost") => "xgboost",
        (Ecosystem::Conda, "opencv") => "opencv-python",
        (_, name) => name,
    }
}

/// What the records say of a component.
struct Judged {
    matches: Vec<(Match, BTreeSet<String>)>,
    /// How many faults are known of the package, where no version is declared.
    unversioned: usize,
    /// Faults of which it cannot be told, and why.
    unclear: BTreeMap<String, &'static str>,
}

fn judge(component: &Component, found: &[Advisory]) -> Judged {
    let mut faults: BTreeMap<&str, Vec<&Advisory>> = BTreeMap::new();
    for advisory in found {
        faults.entry(&advisory.fault).or_default().push(advisory);
    }
    let mut judged = Judged { matches: Vec::new(), unversioned: 0, unclear: BTreeMap::new() };
    if component.declared == Declared::Unknown {
        judged.unversioned = faults.len();
        return judged;
    }
    let name = compared_name(component.ecosystem.osv(), advised_name(component));
    for (fault, advisories) in faults {
        let mut concern: Option<Concern> = None;
        let mut grave: Option<Graveness> = None;
        let mut fixed = BTreeSet::new();
        let mut record = None;
        for advisory in &advisories {
            let packages = advisory.record.affected.iter();
            for affected in
                packages.filter(|one| one.ecosystem == component.ecosystem.osv() && one.name == name)
            {
                let is = match of_one(component, affected) {
                    Ok(Some(concern)) => concern,
                    Ok(None) => continue,
                    Err(why) => {
                        judged.unclear.insert(fault.to_owned(), why);
                        continue;
                    }
                };
                concern = concern.filter(|before| *before != Concern::Possible).or(Some(is));
                let this = graveness(&advisory.record, Some(affected));
                grave = grave.filter(|before| graver(before, &this)).or(Some(this));
                let from = match &component.declared {
                    Declared::Exact(version) => Some(version.as_str()),
                    Declared::Range(_) | Declared::Unknown => None,
                };
                fixed.extend(fixed_versions(affected, from).into_iter().map(str::to_owned));
                record = record.or(Some(&advisory.record));
            }
        }
        let (Some(concern), Some(grave), Some(record)) = (concern, grave, record) else { continue };
        judged.unclear.remove(fault);
        let names: BTreeSet<String> = advisories.iter().flat_map(|advisory| advisory.names.clone()).collect();
        let rule = match concern {
            Concern::Affected => &rules::VULNERABILITY_KNOWN,
            Concern::Possible => &rules::VULNERABILITY_POSSIBLE,
            Concern::Writer => &rules::VULNERABILITY_WRITER,
        };
        let one = Match {
            fingerprint: super::advisories::fingerprint(fault, &component.purl(), component.role),
            fault: fault.to_owned(),
            names: names.clone(),
            purl: component.purl_with_version(),
            role: component.role.name(),
            concern,
            severity: grave.severity,
            score: grave.score,
            summary: record.summary.clone(),
            fixed: fixed.into_iter().collect(),
            at: component.at.clone(),
            said: None,
            rule: rule.rule.id,
            message: String::new(),
        };
        judged.matches.push((one, names));
    }
    judged
}

fn graver(one: &Graveness, other: &Graveness) -> bool {
    (one.severity, one.score) >= (other.severity, other.score)
}

fn of_one(component: &Component, affected: &Affected) -> Result<Option<Concern>, &'static str> {
    let is = match &component.declared {
        Declared::Exact(version) => match version_is_affected(affected, version) {
            Answer::Affected => Concern::Affected,
            Answer::NotAffected => return Ok(None),
            Answer::Unknown(why) => return Err(why),
        },
        Declared::Range(range) => match range_is_affected(affected, range) {
            RangeAnswer::All => Concern::Affected,
            RangeAnswer::Some => Concern::Possible,
            RangeAnswer::None => return Ok(None),
            RangeAnswer::Unknown(why) => return Err(why),
        },
        Declared::Unknown => return Ok(None),
    };
    Ok(Some(if component.role == Role::Required { is } else { Concern::Writer }))
}

/// What is said of a fault in a component: of several statements the latest that has not ended, of two of the same time the
/// one that lets less through. Where all have ended, the latest of those, which then counts no more.
fn said(
    statements: &[Statement],
    component: &Component,
    now: &str,
    digest: &mut dyn FnMut() -> Option<String>,
) -> Option<Said> {
    let mut about: Vec<&Statement> = Vec::new();
    for statement in statements {
        if statement.products.iter().any(|product| product.is(component, digest)) {
            about.push(statement);
        }
    }
    let ended = |statement: &Statement| statement.until.as_deref().is_some_and(|until| until <= now);
    let last = about
        .into_iter()
        .max_by_key(|statement| (Reverse(ended(statement)), &statement.at, statement.status))?;
    let gives_reason = last.status != Status::NotAffected || last.reason().is_some();
    Some(Said {
        status: last.status,
        reason: last.reason().map(str::to_owned),
        action: last.action.clone(),
        author: last.author.clone(),
        at: last.at.clone(),
        document: last.document.clone(),
        counts: gives_reason && !ended(last),
        owner: last.owner.clone(),
        until: last.until.clone(),
    })
}

impl Said {
    /// For a message: who says what, why, and whether it counts.
    fn told(&self) -> String {
        let what = match self.status {
            Status::NotAffected => "not affected",
            Status::Fixed => "fixed",
            Status::UnderInvestigation => "under investigation",
            Status::Affected => "affected",
        };
        let reason = self.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", printed(reason)));
        let mut told =
            vec![format!("{what} by {} ({}){reason}", printed(&self.author), printed(&self.document))];
        told.extend(self.action.as_ref().map(|action| format!("to do: {}", printed(action))));
        let day = self.until.as_deref().and_then(|until| until.get(..10));
        match (self.counts, day) {
            (true, Some(day)) => told.push(format!("until {day}")),
            (false, _) if self.status == Status::NotAffected && self.reason.is_none() => {
                told.push("without a reason it does not count".to_owned());
            }
            (false, Some(day)) => told.push(format!("that ended on {day}")),
            _ => {}
        }
        told.extend(self.owner.as_ref().map(|owner| format!("owner {}", printed(owner))));
        told.join("; ")
    }
}

fn tell(
    component: &Component,
    matches: &mut [Match],
    unversioned: usize,
    unclear: &BTreeMap<String, &'static str>,
    findings: &mut Vec<Finding>,
) {
    let mut find = |rule: &'static ModelRule, severity: Severity, message: String| {
        findings.push(Finding { severity, ..Finding::new(&rule.rule, component.at.clone(), message) });
    };
    let name = printed(&component.name);
    let what = match &component.declared {
        Declared::Exact(version) => format!("{name} {}", printed(version)),
        Declared::Range(range) => format!("{name} ({})", printed(range)),
        Declared::Unknown => name.clone(),
    };
    let what = if component.ecosystem == Ecosystem::Conda {
        format!("{what} of conda, by the advisories of Python's index,")
    } else {
        what
    };
    for one in matches.iter_mut().filter(|one| one.concern == Concern::Affected) {
        let summary =
            if one.summary.is_empty() { String::new() } else { format!(": {}", printed(&one.summary)) };
        let mut told = vec![format!("{what} has {}{summary}", named(one))];
        told.extend(one.score.map(|score| format!("CVSS {score:.1}")));
        told.push(match one.fixed.as_slice() {
            [] => "no version without it is known".to_owned(),
            fixed => format!("gone in {}", listed(fixed.iter().map(String::as_str))),
        });
        told.extend(one.said.as_ref().map(Said::told));
        let message = told.join("; ");
        one.message.clone_from(&message);
        find(&rules::VULNERABILITY_KNOWN, one.severity, message);
    }
    for (concern, rule, begins, ends) in [
        (
            Concern::Possible,
            &rules::VULNERABILITY_POSSIBLE,
            "allows versions with",
            "pin a version without them",
        ),
        (
            Concern::Writer,
            &rules::VULNERABILITY_WRITER,
            "wrote the file and has",
            "what loads it may be another version",
        ),
    ] {
        let all: Vec<&Match> = matches.iter().filter(|one| one.concern == concern).collect();
        let open: Vec<&&Match> = all
            .iter()
            .filter(|one| one.said.as_ref().is_none_or(|said| !said.counts || said.status > Status::Fixed))
            .collect();
        let Some(worst) = all.iter().map(|one| one.severity).max() else { continue };
        let told = listed(all.iter().map(|one| one.fault.as_str()));
        let faults =
            if all.len() == 1 { "1 known fault".to_owned() } else { format!("{} known faults", all.len()) };
        let mut message = format!("{what} {begins} {faults}, at worst {worst} ({told}); {ends}");
        let dismissed = all.len().saturating_sub(open.len());
        if dismissed > 0 {
            message = format!("{message}; {dismissed} of them are said not to matter here");
        }
        let severity = if open.is_empty() { Severity::Info } else { rule.rule.severity };
        for one in matches.iter_mut().filter(|one| one.concern == concern) {
            one.message.clone_from(&message);
        }
        find(rule, severity, message);
    }
    if unversioned > 0 {
        let faults =
            if unversioned == 1 { "1 fault is".to_owned() } else { format!("{unversioned} faults are") };
        let message =
            format!("no version of {what} is said: {faults} known of some versions, so nothing can be told");
        find(&rules::VULNERABILITY_UNPINNED, rules::VULNERABILITY_UNPINNED.rule.severity, message);
    }
    if let Some(why) = unclear.values().next() {
        let told = listed(unclear.keys().map(String::as_str));
        let message = format!("whether {what} has {told} cannot be told: {why}");
        find(&rules::VULNERABILITY_UNPINNED, Severity::Low, message);
    }
}

/// The fault, and in brackets what else it is called.
fn named(one: &Match) -> String {
    let others: Vec<&str> = one.names.iter().map(String::as_str).filter(|name| *name != one.fault).collect();
    if others.is_empty() { one.fault.clone() } else { format!("{} ({})", one.fault, listed(others)) }
}

fn listed<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let mut shown: Vec<String> = all.iter().take(MOST_NAMED).map(|name| printed(name)).collect();
    if all.len() > MOST_NAMED {
        shown.push(format!("and {} more", all.len() - MOST_NAMED));
    }
    shown.join(", ")
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
