//! What is known of a subject from the record that describes it: sealed under its own secret, sought in its
//! notes. A fact learnt twice is kept once.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lazaret_core::{Kind, Known, KnownFact, Label, Limit, Sensitive, Subject};
use rusqlite::{Connection, params};

use crate::envelope::{Binding, SealingKey};
use crate::subjects::SubjectKeys;
use crate::{SqliteVault, VaultFailure};

/// Most facts kept of one subject.
pub const MAX_KNOWN_FACTS: Limit = Limit::new("vault.max_known_facts", 1_000);
/// Most bytes of one fact.
pub const MAX_FACT_BYTES: Limit = Limit::new("vault.max_fact_bytes", 4_096);

impl SqliteVault {
    pub(crate) fn learn_facts(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultFailure> {
        self.limits.facts.check(facts.len() as u64)?;
        for fact in facts {
            self.limits.fact_bytes.check(fact.text.expose().len() as u64)?;
        }
        self.attempt(|epoch| {
            let keys = self.subject(subject)?;
            let (marks, sealing) = (keys.derivation.mac("fact mark")?, keys.derivation.sealing("fact")?);
            let mut rows = Vec::with_capacity(facts.len());
            for fact in facts {
                let plain = encode(fact);
                let mark = marks.lookup(&Binding::to("fact").and(plain.expose()));
                rows.push((mark, sealing.seal(&fact_binding(&keys.lookup, &mark), plain.expose())?));
            }
            self.write(epoch, |connection| {
                connection.execute_batch("SAVEPOINT learn")?;
                let learnt = insert(connection, &keys, &rows).and_then(|count| {
                    Ok(self.limits.facts.check(count)?) // over the limit, none of them is kept
                });
                let undo = if learnt.is_err() { "ROLLBACK TO learn; RELEASE learn" } else { "RELEASE learn" };
                connection.execute_batch(undo)?;
                self.known.remove(&keys.lookup);
                learnt
            })
        })
    }

    pub(crate) fn known_facts(&self, subject: &Subject) -> Result<Option<Arc<Known>>, VaultFailure> {
        if let Some(known) = self.known.get(&self.subject_lookup(subject)) {
            return Ok(Some(known));
        }
        let Some(keys) = self.find_subject(subject)? else { return Ok(None) };
        let sealing = keys.derivation.sealing("fact")?;
        let database = self.database()?;
        let connection = database.reading()?;
        let described: Option<bool> = {
            let mut select = connection.prepare_cached("SELECT described FROM subjects WHERE id = ?1")?;
            let mut rows = select.query([keys.row])?;
            rows.next()?.map(|row| row.get(0)).transpose()?
        };
        if described != Some(true) {
            return Ok(None);
        }
        let mut select =
            connection.prepare_cached("SELECT mark, sealed FROM facts WHERE subject = ?1 ORDER BY id")?;
        let mut rows = select.query([keys.row])?;
        let mut facts = Vec::new();
        while let Some(row) = rows.next()? {
            facts.push(open(&sealing, &keys, row.get(0)?, &row.get::<_, Vec<u8>>(1)?)?);
        }
        let known = Arc::new(Known { facts });
        self.known.put(keys.lookup, Arc::clone(&known));
        Ok(Some(known))
    }
}

/// Adds what is new; gives how many facts the subject has now.
fn insert(
    connection: &Connection,
    keys: &SubjectKeys,
    rows: &[([u8; 16], Vec<u8>)],
) -> Result<u64, VaultFailure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO facts (subject, mark, sealed) VALUES (?1, ?2, ?3) ON CONFLICT (subject, mark) DO NOTHING",
    )?;
    for (mark, sealed) in rows {
        insert.execute(params![keys.row, mark, sealed])?;
    }
    connection.prepare_cached("UPDATE subjects SET described = 1 WHERE id = ?1")?.execute([keys.row])?;
    let mut count = connection.prepare_cached("SELECT count(*) FROM facts WHERE subject = ?1")?;
    Ok(count.query_row([keys.row], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn open(
    sealing: &SealingKey,
    keys: &SubjectKeys,
    mark: [u8; 16],
    sealed: &[u8],
) -> Result<KnownFact, VaultFailure> {
    let broken = "what is known of a subject";
    let plain = sealing.open(&fact_binding(&keys.lookup, &mark), sealed);
    let plain = plain.map_err(VaultFailure::not_opened(broken))?;
    decode(plain.expose()).ok_or(VaultFailure::NotOpened { what: broken })
}

fn fact_binding(subject: &[u8; 16], mark: &[u8; 16]) -> Binding {
    Binding::to("fact").and(subject).and(mark)
}

/// `KIND.sub`, a nought, the text.
fn encode(fact: &KnownFact) -> Sensitive<Vec<u8>> {
    let (label, text) = (fact.label.to_string(), fact.text.expose());
    let mut plain = Vec::with_capacity(label.len().saturating_add(1).saturating_add(text.len()));
    plain.extend_from_slice(label.as_bytes());
    plain.push(0);
    plain.extend_from_slice(text.as_bytes());
    Sensitive::new(plain)
}

fn decode(plain: &[u8]) -> Option<KnownFact> {
    let (label, text) = std::str::from_utf8(plain).ok()?.split_once('\0')?;
    let (kind, sub) = match label.split_once('.') {
        Some((kind, sub)) => (kind, Some(sub)),
        None => (label, None),
    };
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    Some(KnownFact { label: Label { kind, sub: sub.map(static_sub) }, text: Sensitive::new(text.to_owned()) })
}

/// The sub-label as the program writes it. Sub-labels come from the program's own text, so there are few; one
/// that this process has not met yet is kept for its lifetime.
fn static_sub(sub: &str) -> &'static str {
    static MET: LazyLock<Mutex<Vec<&'static str>>> = LazyLock::new(|| Mutex::new(Vec::new()));
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = met.iter().find(|known| **known == sub) {
        return known;
    }
    let kept: &'static str = Box::leak(sub.to_owned().into_boxed_str());
    met.push(kept);
    kept
}
