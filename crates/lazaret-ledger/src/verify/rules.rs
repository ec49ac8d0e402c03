//! What a check of the ledger can find wrong.

use lazaret_core::{Rule, Severity};

/// A stored body does not give its leaf.
pub static BODY_MISMATCH: Rule =
    Rule::new("ledger.body-mismatch", Severity::Critical, "a stored body does not give its leaf");
/// The root at a size differs from a signed checkpoint.
pub static ROOT_MISMATCH: Rule = Rule::new(
    "ledger.root-mismatch",
    Severity::Critical,
    "the root at a size differs from a signed checkpoint",
);
/// Fewer entries than a signed checkpoint.
pub static HISTORY_CUT: Rule = Rule::new(
    "ledger.history-cut",
    Severity::Critical,
    "there are fewer entries than a signed checkpoint says",
);
/// The entries of a crossing do not give its record root.
pub static RECORD_MISMATCH: Rule = Rule::new(
    "ledger.record-mismatch",
    Severity::Critical,
    "the entries of a crossing's records do not give the record root in its sealed entry",
);
/// An index row does not follow from the log.
pub static INDEX_MISMATCH: Rule = Rule::new(
    "ledger.index-mismatch",
    Severity::Critical,
    "a stored index or tile does not follow from the entries it is made from",
);
/// A checkpoint that the trusted key did not sign.
pub static CHECKPOINT_FORGED: Rule = Rule::new(
    "ledger.checkpoint-forged",
    Severity::Critical,
    "a checkpoint is not one that the trusted key signed",
);
/// Another history than the vault remembers.
pub static ROLLBACK: Rule = Rule::new(
    "ledger.rollback",
    Severity::Critical,
    "the ledger is not the one the vault remembers signing, or fewer entries of it: history was taken away",
);
/// No checkpoint where there was one.
pub static UNSIGNED: Rule = Rule::new(
    "ledger.unsigned",
    Severity::Medium,
    "signed checkpoints are missing that were there: nothing says that no entry was taken away with them",
);
/// The newest entries are not signed yet.
pub static UNSIGNED_TAIL: Rule = Rule::new(
    "ledger.unsigned-tail",
    Severity::Low,
    "the newest entries are under no signed checkpoint yet, so nobody else can vouch for them",
);

/// The rules of the ledger itself.
pub const LEDGER_RULES: [&Rule; 9] = [
    &BODY_MISMATCH,
    &CHECKPOINT_FORGED,
    &HISTORY_CUT,
    &INDEX_MISMATCH,
    &RECORD_MISMATCH,
    &ROLLBACK,
    &ROOT_MISMATCH,
    &UNSIGNED,
    &UNSIGNED_TAIL,
];
