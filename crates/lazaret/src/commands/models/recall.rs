//! What was decided last about a file of the registry, under each of its names: in a crossing, or in a second look after that.

use std::collections::BTreeMap;

use lazaret_core::{Clock as _, Severity, Sha256, SystemClock, Verdict};
use lazaret_ledger::{AboutFile, FileEntry, LedgerReader, StoreError};
use lazaret_models::folder_and_name;

/// The kinds of events about files.
pub(crate) const PULLED: &str = "models.pulled";
pub(crate) const SENT: &str = "models.sent";
pub(crate) const DELIVERED: &str = "models.delivered";
pub(crate) const RESCANNED: &str = "models.rescanned";

/// What was decided last about a file under a name: in its last crossing under that name, or in a second look after that. What
/// a file does depends on what it is taken for, so that what was said of it under another name says nothing.
pub(crate) struct LastWord {
    /// The verdict.
    pub(crate) verdict: String,
    /// The rules that found something in the file, each with the gravest.
    pub(crate) rules: BTreeMap<String, Severity>,
    /// Whether it was cleared by an order, which may be over.
    pub(crate) by_order: bool,
    /// Whether it was kept back.
    pub(crate) held: bool,
    /// The crossing, and the index at which it was opened.
    pub(crate) receipt: String,
    pub(crate) opened_at: u64,
    /// When it was looked at again, if it was.
    pub(crate) looked: Option<String>,
}

impl LastWord {
    /// The worst of what was decided last about a file under its names, and of equals the last; none of a file that never
    /// came.
    pub(crate) fn of(ledger: &LedgerReader, file: Sha256) -> Result<Option<Self>, StoreError> {
        let mut worst: Option<Self> = None;
        let weight = |word: &Self| (word.is_bad(), word.by_order, word.opened_at);
        for step in ledger.steps_of_file(file) {
            let Some(word) = Self::under(ledger, file, &step?)? else { continue };
            if worst.as_ref().is_none_or(|worst| weight(&word) > weight(worst)) {
                worst = Some(word);
            }
        }
        Ok(worst)
    }

    /// What was decided last about a file under the last step of a name.
    pub(crate) fn under(ledger: &LedgerReader, file: Sha256, name: &str) -> Result<Option<Self>, StoreError> {
        let (_, step) = folder_and_name(name);
        let Some(last) = ledger.last_entry_of_file_named(file, step)? else { return Ok(None) };
        let FileEntry { crossing: receipt, opened_at, entry } = last;
        let by_order = entry.policies.iter().any(|policy| policy == "admitted-by-order");
        let held = entry.held.is_some();
        let looked = ledger.last_event_of_step(file, RESCANNED, step, opened_at)?;
        let (verdict, rules, looked) = if let Some(AboutFile::Event { when, event, .. }) = looked {
            let verdict = event.get("verdict").and_then(|verdict| verdict.as_str()).unwrap_or_default();
            let findings = event.get("findings").and_then(|findings| findings.as_array());
            let findings = findings.into_iter().flatten().filter_map(|finding| {
                let word = |key: &str| finding.get(key).and_then(|value| value.as_str());
                Some((word("id")?.to_owned(), severity(word("severity")?)))
            });
            (verdict.to_owned(), worst_by_rule(findings), Some(when))
        } else {
            let findings = entry.findings.iter();
            let findings = findings.map(|finding| (finding.id.clone(), severity(&finding.severity)));
            (entry.verdict, worst_by_rule(findings), None)
        };
        Ok(Some(Self { verdict, rules, by_order, held, receipt, opened_at, looked }))
    }

    /// Whether the verdict would hold the file.
    pub(crate) fn is_bad(&self) -> bool {
        Verdict::parse(&self.verdict).is_none_or(Verdict::holds)
    }

    /// Whether it takes two persons to let the file pass.
    pub(crate) fn takes_two(&self) -> bool {
        Verdict::parse(&self.verdict).is_none_or(|verdict| verdict == Verdict::Block)
    }

    /// Whether it lets the file leave the registry: by itself, or by an order that holds now.
    pub(crate) fn lets_go(&self, ledger: &LedgerReader, file: Sha256) -> Result<bool, StoreError> {
        if !self.by_order && !self.is_bad() {
            return Ok(true);
        }
        let admission = ledger.admission(file, SystemClock.now())?;
        Ok(admission.is_some_and(|admission| admission.by_two || !self.takes_two()))
    }
}

/// Whether what was decided last about a file under a name lets it leave the registry: by its last crossing, or by a second
/// look after that, or by an order that holds now.
pub(crate) fn may_leave(ledger: &LedgerReader, file: Sha256, name: &str) -> Result<bool, StoreError> {
    LastWord::under(ledger, file, name)?.map_or(Ok(false), |last| last.lets_go(ledger, file))
}

/// Whether a file that a crossing held still is: that was the last word about it, and no order admits it now.
pub(crate) fn still_held(
    ledger: &LedgerReader,
    file: Sha256,
    name: &str,
    receipt: &str,
) -> Result<bool, StoreError> {
    let Some(last) = LastWord::under(ledger, file, name)? else { return Ok(false) };
    let is_last = last.held && last.receipt == receipt && last.looked.is_none();
    Ok(is_last && ledger.admission(file, SystemClock.now())?.is_none())
}

fn severity(text: &str) -> Severity {
    Severity::parse(text).unwrap_or(Severity::Info)
}

/// The rules that found something, each with the gravest. What the crossing added is no finding of the file.
pub(super) fn worst_by_rule(
    findings: impl Iterator<Item = (String, Severity)>,
) -> BTreeMap<String, Severity> {
    let mut worst = BTreeMap::new();
    for (id, severity) in findings.filter(|(id, _)| id != lazaret_core::UNLINKED.id) {
        let known = worst.entry(id).or_insert(severity);
        *known = severity.max(*known);
    }
    worst
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::Ordered;
    use lazaret_ledger::SqliteLedger;

    use super::*;
    use crate::server::tests::models::{Crosses, SCALER, order, pass, sha256};
    use crate::server::tests::vault;

    #[test]
    fn a_second_look_under_a_name_speaks_for_that_name() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, path) = (vault(folder.path()), folder.path().join("ledger.db"));
        let ledger =
            SqliteLedger::start(&path, "ledger.test/lazaret", vault.clone(), Arc::new(SystemClock)).unwrap();
        let (bytes, file) = (b"os.system()", sha256(b"os.system()"));
        let code = Crosses { file: "a/m.py", bytes, held: Some("m.py@1"), kept: false, ..SCALER };
        pass(&ledger, &vault, folder.path(), &code);
        pass(&ledger, &vault, folder.path(), &Crosses { file: "m.txt", held: None, ..code });
        let leaves =
            || ["b/m.py", "m.txt", "m.bin"].map(|name| may_leave(ledger.reader(), file, name).unwrap());
        let look = |event: serde_json::Value| ledger.append_about(file, RESCANNED, &event).unwrap();
        assert_eq!(leaves(), [false, true, false]);
        look(serde_json::json!({ "verdict": "allow", "step": "m.txt" }));
        assert_eq!(leaves(), [false, true, false]);
        // As older versions recorded it: nobody knows of which name.
        look(serde_json::json!({ "verdict": "allow" }));
        assert_eq!(leaves(), [false, true, false]);
        look(serde_json::json!({ "verdict": "quarantine" }));
        assert_eq!(leaves(), [false, false, false]);
        assert!(LastWord::of(ledger.reader(), file).unwrap().unwrap().is_bad());
        look(serde_json::json!({ "verdict": "allow", "step": "m.txt" }));
        assert_eq!(leaves(), [false, true, false]);
        look(serde_json::json!({ "verdict": "allow", "step": "m.py" }));
        assert_eq!(leaves(), [true, true, false]);
        // One person admits what policy holds, and two what it blocks.
        look(serde_json::json!({ "verdict": "block", "step": "m.py" }));
        order(&ledger, file, Ordered::AdmitModel, None);
        assert_eq!(leaves(), [true, true, false]);
        ledger.close().unwrap();
    }
}
