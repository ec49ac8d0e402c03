//! What is known of a subject from the record that describes it: sealed under its own secret, sought in its
//! notes. A fact learnt twice is kept once. Of whom more is said than is kept, nothing is known any more but that
//! it was too much: a record must not stop those beside it, nor hide a name among thousands.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lazaret_core::{Kind, Known, KnownFact, Label, Limit, Sensitive, Subject};
use rusqlite::{Connection, params};

use crate::envelope::{Binding, SealingKey};
use crate::subjects::SubjectKeys;
use crate::{SqliteVault, VaultFailure};

/// `subjects.described`: a record describes the subject.
const DESCRIBED: i64 = 1;
/// `subjects.described`: more was said of it than is kept.
const TOO_MUCH: i64 = 2;

/// Most facts kept of one subject.
pub const MAX_KNOWN_FACTS: Limit = Limit::new("vault.max_known_facts", 1_000);
/// Most bytes of one fact.
pub const MAX_FACT_BYTES: Limit = Limit::new("vault.max_fact_bytes", 4_096);

impl SqliteVault {
    pub(crate) fn learn_facts(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultFailure> {
        let mut bytes = facts.iter().map(|fact| fact.text.expose().len() as u64);
        let fits = self.limits.facts.check(facts.len() as u64).is_ok()
            && bytes.all(|bytes| self.limits.fact_bytes.check(bytes).is_ok());
        self.attempt(|epoch| {
            let keys = self.subject(subject)?;
            let (marks, sealing) = (keys.derivation.mac("fact mark")?, keys.derivation.sealing("fact")?);
            let facts = if fits { facts } else { &[] };
            let mut rows = Vec::with_capacity(facts.len());
            for fact in facts {
                let plain = encode(fact);
                let mark = marks.lookup(&Binding::to("fact").and(plain.expose()));
                rows.push((mark, sealing.seal(&fact_binding(&keys.lookup, &mark), plain.expose())?));
            }
            self.write(epoch, |connection| {
                connection.execute_batch("SAVEPOINT learn")?;
                let learnt = if fits { insert(connection, &keys, &rows) } else { Ok(u64::MAX) };
                let learnt = learnt.and_then(|count| match self.limits.facts.check(count) {
                    Ok(()) => Ok(()),
                    Err(_) => forget(connection, &keys),
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
        let described: Option<i64> = {
            let mut select = connection.prepare_cached("SELECT described FROM subjects WHERE id = ?1")?;
            let mut rows = select.query([keys.row])?;
            rows.next()?.map(|row| row.get(0)).transpose()?
        };
        let too_much = described == Some(TOO_MUCH);
        if described != Some(DESCRIBED) && !too_much {
            return Ok(None);
        }
        let mut select =
            connection.prepare_cached("SELECT mark, sealed FROM facts WHERE subject = ?1 ORDER BY id")?;
        let mut rows = select.query([keys.row])?;
        let mut facts = Vec::new();
        while let Some(row) = rows.next()? {
            facts.push(open(&sealing, &keys, row.get(0)?, &row.get::<_, Vec<u8>>(1)?)?);
        }
        let known = Arc::new(Known { facts, too_much });
        self.known.put(keys.lookup, Arc::clone(&known));
        Ok(Some(known))
    }
}

/// Adds what is new, unless too much was said already; gives how many facts the subject has now.
fn insert(
    connection: &Connection,
    keys: &SubjectKeys,
    rows: &[([u8; 16], Vec<u8>)],
) -> Result<u64, VaultFailure> {
    let described = connection
        .prepare_cached("SELECT described FROM subjects WHERE id = ?1")?
        .query_row([keys.row], |row| row.get::<_, i64>(0))?;
    if described == TOO_MUCH {
        return Ok(0);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO facts (subject, mark, sealed) VALUES (?1, ?2, ?3) ON CONFLICT (subject, mark) DO NOTHING",
    )?;
    for (mark, sealed) in rows {
        insert.execute(params![keys.row, mark, sealed])?;
    }
    describe(connection, keys, DESCRIBED)?;
    let mut count = connection.prepare_cached("SELECT count(*) FROM facts WHERE subject = ?1")?;
    Ok(count.query_row([keys.row], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Marks a subject of whom too much is said.
fn forget(connection: &Connection, keys: &SubjectKeys) -> Result<(), VaultFailure> {
    connection.prepare_cached("DELETE FROM facts WHERE subject = ?1")?.execute([keys.row])?;
    describe(connection, keys, TOO_MUCH)
}

fn describe(connection: &Connection, keys: &SubjectKeys, how: i64) -> Result<(), VaultFailure> {
    let sql = "UPDATE subjects SET described = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([keys.row, how])?;
    Ok(())
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
