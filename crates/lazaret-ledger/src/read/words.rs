//! Stored bodies as plain words: what core wrote, read back without core's types, so that an old ledger stays
//! readable when core's words grow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorWords {
    /// A user name or service account.
    pub id: String,
    /// The role.
    pub role: String,
}

/// An opened receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedWords {
    /// The crossing.
    pub crossing: String,
    /// Who sent.
    pub actor: ActorWords,
    /// Through which gate.
    pub gate: String,
    /// Keyed digest of the source's name.
    pub from: String,
    /// The source system.
    pub system: String,
    /// The destination's configured name.
    pub to: String,
    /// The one destination that bore the name then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_id: Option<String>,
    /// Who receives there.
    pub recipient: String,
    /// The route.
    pub route: String,
    /// For what.
    pub purpose: String,
    /// On which basis.
    pub basis: String,
    /// The profile.
    pub profile: String,
    /// When.
    pub started: String,
    /// The other half of an exchange.
    #[serde(default)]
    pub exchange: Option<String>,
    /// `observe` or `enforce`.
    pub mode: String,
    /// Who signed a care-critical route.
    #[serde(default)]
    pub care_critical: Option<Value>,
    /// Break-glass.
    #[serde(default)]
    pub override_by: Option<Value>,
    /// A person's order that the crossing carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderWords>,
    /// The model that crossed, and where it said it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelWords>,
    /// Digest of the policy set.
    pub policy: String,
    /// Names and versions of formats and detectors.
    pub detectors: Vec<String>,
}

/// A person's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderWords {
    /// `release`, `reject`, `look`, `reveal`, `shred`, `legal-hold`, `lift-legal-hold`, `export-keys`,
    /// `rotate-keys`, `make-model-key`, `approve-knowledge`, `reject-knowledge`, `request-model`, `admit-model`,
    /// `refuse-model`, `revoke-model`.
    pub what: String,
    /// With what: a hold's id, a token, a keyed digest of a subject or an entry, the ids of keys, a model file's SHA-256.
    pub object: String,
    /// Who ordered it.
    pub by: String,
    /// The second person, where two are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// Why, in the person's words.
    pub reason: String,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A model that crossed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelWords {
    /// Its name in the registry.
    pub name: String,
    /// Its revision there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The datasets it was trained on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<String>,
    /// The commit of the code that trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The run that trained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Who asked for it through a proxy or sent it there, as far as they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Who signed it, where that was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Who built it, where that was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// Files of it that crossed before, and that were read where this one asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<FileWords>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingWords {
    /// The rule's id.
    pub id: String,
    /// How grave.
    pub severity: String,
    /// Where.
    pub at: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWords {
    /// Its name in its model.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// What happened to one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryWords {
    /// Its number.
    pub record: u64,
    /// Its line.
    #[serde(default)]
    pub line: Option<u64>,
    /// Its format.
    pub format: String,
    /// Its kind.
    pub kind: String,
    /// What makes it the same record if it comes again.
    pub identity: String,
    /// Digest of the bytes in.
    pub digest_in: String,
    /// Digest of the bytes out.
    #[serde(default)]
    pub digest_out: Option<String>,
    /// The file that it was, if it was one that is about no patient: a model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileWords>,
    /// What was decided.
    pub verdict: String,
    /// By which policies.
    #[serde(default)]
    pub policies: Vec<String>,
    /// What was wrong.
    #[serde(default)]
    pub findings: Vec<FindingWords>,
    /// Identifiers by label.
    #[serde(default)]
    pub phi: BTreeMap<String, u64>,
    /// What became of them, by `label action`.
    #[serde(default)]
    pub edits: BTreeMap<String, u64>,
    /// Special protection it claims.
    #[serde(default)]
    pub sensitivity: Vec<String>,
    /// Where it is kept, if held.
    #[serde(default)]
    pub held: Option<String>,
    /// By which crossing it had crossed before.
    #[serde(default)]
    pub again: Option<String>,
    /// Why it was delivered without inspection.
    #[serde(default)]
    pub uninspected: Option<String>,
}

impl OpenedWords {
    /// Who asked through a proxy, as far as they said; else who was configured.
    pub fn asked_by(&self) -> &str {
        let asked_by = self.model.as_ref().and_then(|model| model.asked_by.as_deref());
        asked_by.unwrap_or(&self.actor.id)
    }
}

impl EntryWords {
    /// Whether its record went out by this crossing.
    pub fn went_out(&self) -> bool {
        self.held.is_none() && self.again.is_none() && self.digest_out.is_some()
    }
}

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputWords {
    /// The dataset.
    pub dataset: String,
    /// The file.
    pub name: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
    /// Records.
    pub records: u64,
}

/// Counts over a crossing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountWords {
    /// Records.
    pub records: u64,
    /// By verdict.
    #[serde(default)]
    pub verdicts: BTreeMap<String, u64>,
    /// Had crossed before.
    #[serde(default)]
    pub again: u64,
    /// Delivered without inspection.
    #[serde(default)]
    pub uninspected: u64,
    /// Findings by rule.
    #[serde(default)]
    pub findings: BTreeMap<String, u64>,
    /// Identifiers by label.
    #[serde(default)]
    pub phi: BTreeMap<String, u64>,
    /// What became of them.
    #[serde(default)]
    pub edits: BTreeMap<String, u64>,
}

impl CountWords {
    /// How many were held.
    pub fn held(&self) -> u64 {
        ["quarantine", "block"].iter().filter_map(|verdict| self.verdicts.get(*verdict)).sum()
    }
}

/// How a crossing ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealWords {
    /// The crossing.
    pub crossing: String,
    /// `complete` or `cut`.
    pub ending: String,
    /// Why it was cut.
    #[serde(default)]
    pub reason: Option<String>,
    /// When.
    pub ended: String,
    /// Counts.
    pub counts: CountWords,
    /// What the destination made.
    #[serde(default)]
    pub outputs: Vec<OutputWords>,
}

/// A sealed receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedWords {
    /// How it ended.
    pub seal: SealWords,
    /// Root over the records' entries, hex.
    pub record_root: String,
    /// How many entries that root is over.
    pub entries: u64,
    /// The index of the opened entry.
    pub opened_at: u64,
    /// The index of the sealed entry.
    pub sealed_at: u64,
}

/// One crossing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossingWords {
    /// What was opened.
    pub opened: OpenedWords,
    /// The index of the opened entry.
    pub opened_at: u64,
    /// What was sealed; none while it is open.
    pub sealed: Option<SealedWords>,
}

/// The body of an opened leaf.
#[derive(Debug, Deserialize)]
pub(crate) struct OpenedBody {
    pub(crate) opened: OpenedWords,
}

/// The body of a sealed leaf.
#[derive(Debug, Deserialize)]
pub(crate) struct SealedBody {
    pub(crate) kind: String,
    pub(crate) seal: SealWords,
    pub(crate) record_root: String,
    pub(crate) entries: u64,
    pub(crate) opened_at: u64,
    pub(crate) output_parts: u64,
}

/// The body of an outputs leaf.
#[derive(Debug, Deserialize)]
pub(crate) struct OutputsBody {
    pub(crate) crossing: String,
    pub(crate) outputs: Vec<OutputWords>,
}
