//! What is recorded: the opened receipt, an entry for each record, the sealed receipt.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Actor, Basis, CareCritical, Crossing, CrossingId, Finding, FormatId, Gate, HoldId, KeyedDigest, Locator,
    Mode, ModelOrigin, Order, Override, Purpose, Recipient, Sensitivity, Severity, Sha256, Stored, Timestamp,
    UNINSPECTABLE, Verdict,
};

/// The index of an entry in the ledger, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntryIndex(pub u64);

/// What is durable before the first piece leaves.
#[derive(Debug, Clone, Serialize)]
pub struct Opened {
    /// The crossing.
    pub crossing: CrossingId,
    /// Who sends.
    pub actor: Actor,
    /// Through which gate.
    pub gate: Gate,
    /// Keyed digest of the source's name.
    pub from: KeyedDigest,
    /// The source system.
    pub system: String,
    /// The destination's configured name.
    pub to: String,
    /// The one destination that bears the name now, where it can tell: it may be made anew under an old name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_id: Option<String>,
    /// Who receives there.
    pub recipient: Recipient,
    /// The route's configured name.
    pub route: String,
    /// For what.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// The profile that edits.
    pub profile: String,
    /// When.
    pub started: Timestamp,
    /// The other half of an exchange.
    pub exchange: Option<CrossingId>,
    /// Whether verdicts are enforced.
    pub mode: Mode,
    /// The route is care-critical, signed by these two.
    pub care_critical: Option<CareCritical>,
    /// Break-glass.
    pub override_by: Option<Override>,
    /// A person's order that the crossing carries out.
    pub order: Option<Order>,
    /// The model that crosses, and where it says it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelOrigin>,
    /// Digest of the policy set.
    pub policy: String,
    /// Names and versions of formats and detectors.
    pub detectors: Vec<String>,
}

impl Opened {
    /// The opened receipt of a crossing.
    pub fn of(
        crossing: &Crossing,
        from: KeyedDigest,
        profile: &str,
        policy: String,
        detectors: Vec<String>,
    ) -> Self {
        Self {
            crossing: crossing.id,
            actor: crossing.actor.clone(),
            gate: crossing.gate,
            from,
            system: crossing.system.clone(),
            to: crossing.to.clone(),
            to_id: crossing.to_id.clone(),
            recipient: crossing.recipient,
            route: crossing.route.clone(),
            purpose: crossing.purpose.clone(),
            basis: crossing.basis,
            profile: profile.to_owned(),
            started: crossing.started,
            exchange: crossing.exchange,
            mode: crossing.mode,
            care_critical: crossing.care_critical.clone(),
            override_by: crossing.override_by.clone(),
            order: crossing.order.clone(),
            model: crossing.model.clone(),
            policy,
            detectors,
        }
    }
}

/// A finding as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RecordedFinding {
    /// The rule's id.
    pub id: String,
    /// How grave.
    pub severity: Severity,
    /// Where.
    pub at: String,
}

/// Most bytes that a record's findings take in its entry: a ledger takes entries up to a size, and a record with very
/// many faults must be recorded as every other is.
const MOST_RECORDED: usize = 40 << 10;

impl RecordedFinding {
    /// Of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self { id: finding.id.to_owned(), severity: finding.severity, at: finding.at.to_string() }
    }

    /// The findings as they are recorded: the first ones, and if they are too long one more, as grave as the gravest of
    /// those left out.
    pub fn all(findings: &[Finding]) -> Vec<Self> {
        let mut all = Vec::new();
        let mut bytes = 0_usize;
        for (number, finding) in findings.iter().enumerate() {
            let one = Self::of(finding);
            bytes = bytes.saturating_add(one.id.len()).saturating_add(one.at.len()).saturating_add(48);
            if bytes > MOST_RECORDED {
                let rest = findings.get(number..).unwrap_or_default();
                let severity = rest.iter().map(|finding| finding.severity).max().unwrap_or(Severity::High);
                let at = Locator::document().to_string();
                all.push(Self { id: UNINSPECTABLE.id.to_owned(), severity, at });
                break;
            }
            all.push(one);
        }
        all
    }
}

/// A file as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RecordedFile {
    /// Its name in its model, as it may be printed. Must hold no patient data: the help says so.
    pub name: String,
    /// Of all its bytes.
    pub sha256: Sha256,
    /// Length in bytes.
    pub bytes: u64,
}

impl RecordedFile {
    /// A file that lies in one of lazaret's own.
    pub fn of(stored: &Stored) -> Self {
        /// Longest name that is recorded, in characters.
        const MOST_NAME: usize = 256;
        let name = stored.source.hint().name.unwrap_or_default();
        let name = name.chars().take(MOST_NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c });
        Self { name: name.collect(), sha256: stored.file.sha256, bytes: stored.file.len }
    }
}

/// What happened to one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its number in the payload, from 0.
    pub record: u64,
    /// Its line, where it has one.
    pub line: Option<u64>,
    /// Its format.
    pub format: FormatId,
    /// Its kind; empty if it could not be read.
    pub kind: String,
    /// Digest of type, id, version and content: what makes it the same record if it comes again.
    pub identity: KeyedDigest,
    /// Digest of the bytes that came in.
    pub digest_in: KeyedDigest,
    /// Digest of the bytes that went out, if any did.
    pub digest_out: Option<KeyedDigest>,
    /// The file that it is, if it is one that is about no patient: a model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<RecordedFile>,
    /// What was decided. In mode `observe`, what would have been.
    pub verdict: Verdict,
    /// Ids of the policies that decided.
    pub policies: Vec<String>,
    /// What was wrong with it.
    pub findings: Vec<RecordedFinding>,
    /// Identifiers found, by label.
    pub phi: BTreeMap<String, u64>,
    /// What became of them, by `label action`: `MRN token`.
    pub edits: BTreeMap<String, u64>,
    /// Special protection it claims.
    pub sensitivity: Vec<Sensitivity>,
    /// Where it is kept, if it was held.
    pub held: Option<HoldId>,
    /// It already crossed, by this crossing; nothing was written again.
    pub again: Option<CrossingId>,
    /// A care-critical route delivered it although inspection failed: why.
    pub uninspected: Option<String>,
}

/// How a crossing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// Every record was inspected, decided and recorded.
    Complete,
    /// It was stopped: nothing of it reached its destination.
    Cut,
}

/// One thing a destination made: a file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The dataset: `lake/Patient`.
    pub dataset: String,
    /// The file within the destination; a name the destination made, never one of the source.
    pub name: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
    /// How many records.
    pub records: u64,
}

/// Counts over a crossing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Records by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Records that had crossed before.
    pub again: u64,
    /// Records delivered without inspection on a care-critical route.
    pub uninspected: u64,
    /// Findings by rule id.
    pub findings: BTreeMap<String, u64>,
    /// Identifiers by label.
    pub phi: BTreeMap<String, u64>,
    /// What became of them, by `label action`.
    pub edits: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds one entry.
    pub fn add(&mut self, entry: &Entry) {
        fn bump<K: Ord>(map: &mut BTreeMap<K, u64>, key: K, by: u64) {
            let count = map.entry(key).or_default();
            *count = count.saturating_add(by);
        }
        self.records = self.records.saturating_add(1);
        self.again = self.again.saturating_add(u64::from(entry.again.is_some()));
        self.uninspected = self.uninspected.saturating_add(u64::from(entry.uninspected.is_some()));
        bump(&mut self.verdicts, entry.verdict, 1);
        for finding in &entry.findings {
            bump(&mut self.findings, finding.id.clone(), 1);
        }
        for (label, count) in &entry.phi {
            bump(&mut self.phi, label.clone(), *count);
        }
        for (edit, count) in &entry.edits {
            bump(&mut self.edits, edit.clone(), *count);
        }
    }

    /// Adds the counts of another crossing.
    pub fn merge(&mut self, other: &Self) {
        fn add<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (key, count) in from {
                let sum = to.entry(key.clone()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        self.records = self.records.saturating_add(other.records);
        self.again = self.again.saturating_add(other.again);
        self.uninspected = self.uninspected.saturating_add(other.uninspected);
        add(&mut self.verdicts, &other.verdicts);
        add(&mut self.findings, &other.findings);
        add(&mut self.phi, &other.phi);
        add(&mut self.edits, &other.edits);
    }

    /// How many were held.
    pub fn held(&self) -> u64 {
        self.verdicts.iter().filter(|(verdict, _)| verdict.holds()).map(|(_, count)| count).sum()
    }
}

/// What is asked of the ledger at the end of a crossing.
#[derive(Debug, Clone, Serialize)]
pub struct Seal {
    /// The crossing.
    pub crossing: CrossingId,
    /// How it ended.
    pub ending: Ending,
    /// Why it was cut.
    pub reason: Option<String>,
    /// When it ended.
    pub ended: Timestamp,
    /// Counts over its entries.
    pub counts: Counts,
    /// What its destination will make visible.
    pub outputs: Vec<Output>,
}

/// A crossing's end is durable.
#[derive(Debug, Clone, Serialize)]
pub struct Sealed {
    /// What was sealed.
    pub seal: Seal,
    /// Root over the entries (RFC 6962, 2.1), hex.
    pub record_root: String,
    /// The index of the opened entry.
    pub opened_at: EntryIndex,
    /// The index of the sealed entry.
    pub sealed_at: EntryIndex,
}

/// The proof that a crossing was inspected, decided and recorded. Its id is the crossing's.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// What was opened.
    pub opened: Opened,
    /// What was sealed.
    pub sealed: Sealed,
}
