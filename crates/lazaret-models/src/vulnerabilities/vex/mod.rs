//! VEX: what somebody who answers for it says of a fault in a product, and how such documents are read and written.
//!
//! | file | what is in it |
//! |---|---|
//! | `openvex` | OpenVEX 0.2.0 |
//! | `cyclonedx` | CycloneDX 1.4 to 1.7 with `vulnerabilities` |
//! | `csaf` | CSAF 2.0 with `product_status` |
//! | `product` | which package or file a statement is about |
//! | `write` | OpenVEX and CycloneDX of what was found |

mod csaf;
mod cyclonedx;
mod openvex;
mod product;
mod write;

use std::collections::BTreeSet;
use std::fmt;

use lazaret_core::{Limit, Limits};
use lazaret_input::json::{self, JsonKind, Node};
use serde::{Deserialize, Serialize};

pub use product::Product;
pub use write::{VexFormat, VexHead, write_vex};

/// Most bytes of a VEX document.
pub const MAX_VEX: Limit = Limit::new("vulns.max_vex", 32 << 20);
/// Most statements of a document, and products of one of them.
pub const MAX_STATEMENTS: Limit = Limit::new("vulns.max_statements", 20_000);

/// Longest text of a statement that is kept, in characters.
const MOST_TEXT: usize = 500;

/// What is said of a fault in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The product does not have the fault, or nothing can come of it.
    NotAffected,
    /// The product has the repair.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
    /// The product has the fault, and something is to be done.
    Affected,
}

impl Status {
    /// As OpenVEX writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected => "affected",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The fault's names.
    pub names: BTreeSet<String>,
    /// What it is about.
    pub products: Vec<Product>,
    /// What is said.
    pub status: Status,
    /// Why a product is not affected, in one of OpenVEX's five words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// The same in words of the author's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<String>,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Who says it.
    pub author: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// The id of the document.
    pub document: String,
    /// Who answers for it here, as said when it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when it counts (RFC 3339, UTC), as said when it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Statement {
    /// The reason that it gives for a status by which a finding is no more than told; nothing if it gives none.
    pub fn reason(&self) -> Option<&str> {
        self.justification.as_deref().or(self.impact.as_deref())
    }
}

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexDocument {
    /// Its id.
    pub id: String,
    /// Which format it is in.
    pub format: &'static str,
    /// Who wrote it.
    pub author: String,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Statements about products that are named in no way that can be compared (no package URL and no SHA-256), or for
    /// ranges of versions.
    pub left_out: u64,
}

/// Why a document was refused: where in it, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct VexError {
    /// The path in the document.
    pub at: String,
    /// What is wrong.
    pub why: String,
}

fn wrong<T>(at: impl Into<String>, why: impl Into<String>) -> Result<T, VexError> {
    Err(VexError { at: at.into(), why: why.into() })
}

impl VexDocument {
    /// Reads a document of any of the three formats.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, VexError> {
        limits.get(MAX_VEX).check(bytes.len() as u64).or_else(|reached| wrong(".", reached.to_string()))?;
        let parsed = json::parse(bytes, limits);
        if let Some(fault) = parsed.faults.first() {
            return wrong(format!("@{}", fault.offset), fault.message.clone());
        }
        let Some(document) = &parsed.document else { return wrong(".", "it is no JSON") };
        let (root, most) = (document.root(), limits.get(MAX_STATEMENTS));
        let context = root.get("@context").and_then(|text| text.as_str()).unwrap_or_default();
        if context.starts_with("https://openvex.dev/ns") {
            openvex::read(root, most)
        } else if root.get("bomFormat").and_then(|text| text.as_str()) == Some("CycloneDX") {
            cyclonedx::read(root, most)
        } else if root.get("document").and_then(|head| head.get("csaf_version")).is_some() {
            csaf::read(root, most)
        } else {
            wrong(
                ".",
                "it is none of OpenVEX (`@context`), CycloneDX (`bomFormat`) and CSAF 2.0 (`document.csaf_version`)",
            )
        }
    }
}

/// The five justifications of OpenVEX, and what CSAF and CycloneDX call them.
const JUSTIFICATIONS: &[(&str, &str)] = &[
    ("component_not_present", "component_not_present"),
    ("vulnerable_code_not_present", "vulnerable_code_not_present"),
    ("vulnerable_code_not_in_execute_path", "vulnerable_code_not_in_execute_path"),
    (
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "vulnerable_code_cannot_be_controlled_by_adversary",
    ),
    ("inline_mitigations_already_exist", "inline_mitigations_already_exist"),
    ("code_not_present", "vulnerable_code_not_present"),
    ("code_not_reachable", "vulnerable_code_not_in_execute_path"),
    ("requires_configuration", "vulnerable_code_cannot_be_controlled_by_adversary"),
    ("requires_dependency", "component_not_present"),
    ("requires_environment", "vulnerable_code_cannot_be_controlled_by_adversary"),
    ("protected_by_compiler", "inline_mitigations_already_exist"),
    ("protected_at_runtime", "inline_mitigations_already_exist"),
    ("protected_at_perimeter", "inline_mitigations_already_exist"),
    ("protected_by_mitigating_control", "inline_mitigations_already_exist"),
];

/// Whether a word is one of the five.
fn is_of_openvex(word: &str) -> bool {
    JUSTIFICATIONS.iter().any(|(name, justification)| *name == word && name == justification)
}

fn justification(word: &str) -> Option<String> {
    let known = JUSTIFICATIONS.iter().find(|(name, _)| *name == word);
    known.map(|(_, justification)| (*justification).to_owned())
}

/// A text by its path of keys.
fn text<'d>(node: Node<'d, '_>, path: &[&str]) -> Option<&'d str> {
    let found = path.iter().try_fold(node, |node, key| node.get(key))?;
    found.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A text as it is kept: one line, not without end.
fn kept(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = match line.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    };
    crate::part::printable(&line)
}

/// A time in UTC. Documents may carry another zone, which is not compared with others here.
fn time(text: Option<&str>, at: &str) -> Result<String, VexError> {
    match text.and_then(utc_of_any_zone) {
        Some(time) => Ok(time),
        None => wrong(at, "a time is expected (RFC 3339)"),
    }
}

/// A time of any zone as one in UTC, to the second.
fn utc_of_any_zone(text: &str) -> Option<String> {
    if let Some(time) = super::osv::utc(text) {
        return Some(time);
    }
    let (head, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let head = super::osv::utc(&format!("{head}Z"))?;
    let sign = match zone.as_bytes() {
        [sign @ (b'+' | b'-'), a, b, b':', c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => {
            *sign
        }
        _ => return None,
    };
    let number = |text: Option<&str>| text?.parse::<i64>().ok();
    let shift = number(zone.get(1..3))? * 60 + number(zone.get(4..6))?;
    let minutes = minutes_since_1970(&head)?.checked_add(if sign == b'+' { -shift } else { shift })?;
    let millis = u64::try_from(minutes).ok()?.checked_mul(60_000)?;
    let time = lazaret_core::Timestamp::from_millis(millis).to_string();
    Some(format!("{}{}Z", time.get(..17)?, head.get(17..19)?))
}

/// Minutes from 1970 to a time in UTC (days by Howard Hinnant's `days_from_civil`).
fn minutes_since_1970(utc: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| utc.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute) = (number(11..13)?, number(14..16)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some((days * 24 + hour) * 60 + minute)
}

/// The items of a list, under a limit.
fn items<'d, 'a>(node: Node<'d, 'a>, key: &str, most: Limit) -> Result<Vec<Node<'d, 'a>>, VexError> {
    let Some(list) = node.get(key) else { return Ok(Vec::new()) };
    if list.kind() != JsonKind::Array {
        return wrong(key, format!("a list is expected, {} found", list.kind()));
    }
    most.check(list.len() as u64).or_else(|reached| wrong(key, reached.to_string()))?;
    Ok(list.items().collect())
}

/// Names of a fault, as far as they can be some.
fn names<'d>(all: impl Iterator<Item = &'d str>) -> BTreeSet<String> {
    let fine = |name: &&str| {
        (2..=200).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    all.filter(fine).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
