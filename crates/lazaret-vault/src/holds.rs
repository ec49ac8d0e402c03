//! Records kept back: sealed contents in files of their crossing, what is known of each sealed in `vault.db`.
//!
//! The content is sealed under its subject's secret where the subject is known, so shredding the subject makes
//! it unreadable. A held record is settled once: released or rejected; a quarantined one by one person, a
//! blocked one by two. The caller records the crossing that a release, a rejection or a look is.

use std::sync::atomic::Ordering;

use lazaret_core::{CrossingId, Finding, Hold, HoldId, KeyedDigest, Sensitive, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use crate::envelope::{Binding, SealingKey};
use crate::shred::{person, two_persons};
use crate::store::millis;
use crate::{SqliteVault, VaultFailure};

/// Where a held record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// Kept back.
    Held,
    /// Let through by persons.
    Released,
    /// Refused by persons; its content stays as evidence.
    Rejected,
    /// Its subject was shredded: the content is gone.
    Shredded,
}

impl HoldState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Held, Self::Released, Self::Rejected, Self::Shredded];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Rejected => "rejected",
            Self::Shredded => "shredded",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// How a held record is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It may cross.
    Released,
    /// It may not.
    Rejected,
}

/// A finding as it is kept with a held record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFinding {
    /// The rule's id.
    pub id: String,
    /// How grave: the word.
    pub severity: String,
    /// Where.
    pub at: String,
    /// For people. Never a value of the record.
    pub message: String,
}

impl From<&Finding> for HeldFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id.to_owned(),
            severity: finding.severity.name().to_owned(),
            at: finding.at.as_str().to_owned(),
            message: finding.message.clone(),
        }
    }
}

/// A held record without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldRecord {
    /// Its id.
    pub id: HoldId,
    /// What kind of record; empty if it could not be read.
    pub kind: String,
    /// Why it is held.
    pub findings: Vec<HeldFinding>,
    /// Whether one person may release it: quarantined, not blocked.
    pub releasable: bool,
    /// When it came.
    pub received: Timestamp,
    /// Length of its content in bytes.
    pub bytes: u64,
    /// SHA-256 of a file that is about no patient (a model's): it stays with its sender, and is not kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it is sealed under a patient's secret.
    pub of_subject: bool,
    /// Whether its crossing was cut short.
    pub cut: bool,
    /// Where it stands.
    pub state: HoldState,
    /// Who settled it.
    pub settled_by: Option<String>,
    /// The second person.
    pub settled_second: Option<String>,
    /// When it was settled.
    pub settled: Option<Timestamp>,
}

/// Which held records are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct HoldFilter {
    /// Of one crossing only.
    pub crossing: Option<CrossingId>,
    /// In one state only.
    pub state: Option<HoldState>,
    /// After this one, in the order of ids.
    pub after: Option<HoldId>,
    /// At most so many; none for 10,000.
    pub most: Option<u32>,
}

const MOST_LISTED: u32 = 10_000;

/// What is sealed about a held record.
#[derive(Serialize, Deserialize)]
struct Meta {
    kind: String,
    findings: Vec<HeldFinding>,
    releasable: bool,
    received: u64,
    bytes: u64,
    /// Of a file: its content stays with its sender, and nothing of it is sealed.
    #[serde(default)]
    sha256: Option<String>,
}

const COLUMNS: &str =
    "crossing, record, start, length, subject, meta, state, cut, settled_by, settled_second, settled";

struct HoldRow {
    id: HoldId,
    start: i64,
    length: i64,
    subject: Option<i64>,
    meta: Vec<u8>,
    state: String,
    cut: bool,
    by: Option<String>,
    second: Option<String>,
    settled: Option<i64>,
}

impl SqliteVault {
    pub(crate) fn keep_hold(&self, hold: &Hold<'_>) -> Result<HoldId, VaultFailure> {
        let id = HoldId { crossing: hold.crossing, record: hold.record };
        if let Some(kept) = kept_before(self.database()?.reading()?, &hold.identity)? {
            return Ok(kept); // an ingest resumed: seen before anything is sealed
        }
        let meta = Meta {
            kind: hold.kind.to_owned(),
            findings: hold.findings.iter().map(HeldFinding::from).collect(),
            releasable: hold.releasable,
            received: self.now().millis(),
            bytes: hold.body.len(),
            sha256: hold.body.sha256().map(|sha256| sha256.to_string()),
        };
        let meta = serde_json::to_vec(&meta).map_err(|_| VaultFailure::NotSealed)?;
        let meta = self.keys.holds.seal(&binding("held record's findings", id), &meta)?;
        self.attempt(|epoch| {
            let subject = hold.subject.map(|subject| self.subject(subject)).transpose()?;
            let sealing = subject.as_ref().map(|keys| keys.derivation.sealing("held record")).transpose()?;
            let sealing = sealing.as_ref().unwrap_or(&self.keys.holds);
            let sealed = sealing.seal(&binding("held record", id), hold.body.held().unwrap_or_default())?;
            let row = subject.map(|keys| keys.row);
            self.append_hold(epoch, (id, &hold.identity), row, &sealed, &meta)
        })
    }

    fn append_hold(
        &self,
        epoch: u64,
        (id, identity): (HoldId, &KeyedDigest),
        subject: Option<i64>,
        sealed: &[u8],
        meta: &[u8],
    ) -> Result<Option<HoldId>, VaultFailure> {
        let record = i64::try_from(id.record).map_err(|_| VaultFailure::TooLarge)?;
        let length = i64::try_from(sealed.len()).map_err(|_| VaultFailure::TooLarge)?;
        let mut database = self.database()?;
        database.begin()?;
        if database.take_stale() {
            self.drop_caches();
        }
        if self.epoch.load(Ordering::Acquire) != epoch {
            return Ok(None);
        }
        if let Some(kept) = kept_before(database.reading()?, identity)? {
            return Ok(Some(kept)); // another thread was first
        }
        let start = database.segments.append(id.crossing, sealed)?;
        let start = i64::try_from(start).map_err(|_| VaultFailure::TooLarge)?;
        // The same number with another content: the newer one stands, unless the older was settled.
        let changed = database
            .reading()?
            .prepare_cached(
                "INSERT INTO holds (crossing, record, start, length, subject, meta, identity)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (crossing, record) DO UPDATE SET start = excluded.start,
                   length = excluded.length, subject = excluded.subject, meta = excluded.meta,
                   identity = excluded.identity
                 WHERE state = 'held'",
            )?
            .execute(params![id.crossing.as_bytes(), record, start, length, subject, meta, identity.0])?;
        if changed == 0 {
            let state = read(database.reading()?, id)?.state()?;
            return Err(VaultFailure::Settled { id, state });
        }
        database.wrote()?;
        Ok(Some(id))
    }

    /// Held records without their contents, in the order of their ids: oldest crossing first.
    pub fn holds(&self, filter: &HoldFilter) -> Result<Vec<HeldRecord>, VaultFailure> {
        let rows = {
            let database = self.database()?;
            let mut select = database.reading()?.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM holds WHERE (?1 IS NULL OR crossing = ?1) AND (?2 IS NULL OR state = ?2)
                 AND (?3 IS NULL OR (crossing, record) > (?3, ?4)) ORDER BY crossing, record LIMIT ?5"
            ))?;
            let after = filter.after.map(|after| i64::try_from(after.record).unwrap_or(i64::MAX));
            let crossing = filter.crossing.map(|crossing| *crossing.as_bytes());
            let after_crossing = filter.after.map(|after| *after.crossing.as_bytes());
            let state = filter.state.map(HoldState::name);
            let most = filter.most.unwrap_or(MOST_LISTED).min(MOST_LISTED);
            let found = select.query_map(params![crossing, state, after_crossing, after, most], row_of)?;
            found.collect::<Result<Vec<_>, _>>()?
        };
        rows.into_iter().map(|row| self.understand(row)).collect()
    }

    /// One held record without its content.
    pub fn held(&self, id: HoldId) -> Result<HeldRecord, VaultFailure> {
        let row = read(self.database()?.reading()?, id)?;
        self.understand(row)
    }

    /// The content of a held record. A look at it is a crossing: the caller records it first.
    pub fn open_hold(&self, id: HoldId) -> Result<Sensitive<Vec<u8>>, VaultFailure> {
        let (row, sealed) = {
            let database = self.database()?;
            let row = read(database.reading()?, id)?;
            if row.state()? == HoldState::Shredded {
                return Err(VaultFailure::ShreddedHold(id));
            }
            let sealed =
                database.segments.read(id.crossing, row.start.unsigned_abs(), row.length.unsigned_abs())?;
            (row, sealed)
        };
        let place = binding("held record", id);
        let opened = match row.subject {
            None => self.keys.holds.open(&place, &sealed),
            Some(subject) => {
                let keys = self.subject_of_row(subject)?.ok_or(VaultFailure::ShreddedHold(id))?;
                keys.derivation.sealing("held record")?.open(&place, &sealed)
            }
        };
        opened.map_err(VaultFailure::not_opened("a held record"))
    }

    /// Settles a held record, durably: a quarantined one by one person, a blocked one by two. The caller
    /// records the crossing.
    pub fn settle(
        &self,
        id: HoldId,
        how: Settlement,
        by: &str,
        second: Option<&str>,
    ) -> Result<HeldRecord, VaultFailure> {
        let now = millis(self.now());
        let sealing = &self.keys.holds;
        let row = self.database()?.at_once(|connection, _| {
            let row = read(connection, id)?;
            let state = row.state()?;
            if state != HoldState::Held {
                return Err(VaultFailure::Settled { id, state });
            }
            let (by, second) = match (open_meta(sealing, &row)?.releasable, second) {
                (true, None) => (person(by)?, None),
                (false, None) => return Err(VaultFailure::TwoPersons),
                (_, Some(second)) => two_persons(by, second).map(|(by, second)| (by, Some(second)))?,
            };
            let state = match how {
                Settlement::Released => HoldState::Released,
                Settlement::Rejected => HoldState::Rejected,
            };
            connection.execute(
                "UPDATE holds SET state = ?3, settled_by = ?4, settled_second = ?5, settled = ?6
                 WHERE crossing = ?1 AND record = ?2",
                params![id.crossing.as_bytes(), i64_of(id.record)?, state.name(), by, second, now],
            )?;
            read(connection, id)
        })?;
        self.understand(row)
    }

    /// Marks the records held by a crossing that was cut short; they stay. Durable. Gives how many.
    pub fn mark_cut(&self, crossing: CrossingId) -> Result<u64, VaultFailure> {
        self.database()?.at_once(|connection, _| {
            let marked =
                connection.execute("UPDATE holds SET cut = 1 WHERE crossing = ?1", [crossing.as_bytes()])?;
            Ok(marked as u64)
        })
    }

    fn understand(&self, row: HoldRow) -> Result<HeldRecord, VaultFailure> {
        let meta = open_meta(&self.keys.holds, &row)?;
        Ok(HeldRecord {
            id: row.id,
            kind: meta.kind,
            findings: meta.findings,
            releasable: meta.releasable,
            received: Timestamp::from_millis(meta.received),
            bytes: meta.bytes,
            sha256: meta.sha256,
            of_subject: row.subject.is_some(),
            cut: row.cut,
            state: row.state()?,
            settled_by: row.by,
            settled_second: row.second,
            settled: row.settled.map(|at| Timestamp::from_millis(at.unsigned_abs())),
        })
    }
}

impl HoldRow {
    fn state(&self) -> Result<HoldState, VaultFailure> {
        HoldState::parse(&self.state).ok_or(VaultFailure::NotOpened { what: "a held record's state" })
    }
}

fn open_meta(sealing: &SealingKey, row: &HoldRow) -> Result<Meta, VaultFailure> {
    let broken = "what is known of a held record";
    let plain = sealing.open(&binding("held record's findings", row.id), &row.meta);
    let plain = plain.map_err(VaultFailure::not_opened(broken))?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| VaultFailure::NotOpened { what: broken })?;
    serde_json::from_str(text).map_err(|_| VaultFailure::NotOpened { what: broken })
}

fn read(connection: &Connection, id: HoldId) -> Result<HoldRow, VaultFailure> {
    let sql = format!("SELECT {COLUMNS} FROM holds WHERE crossing = ?1 AND record = ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row(params![id.crossing.as_bytes(), i64_of(id.record)?], row_of).optional()?;
    row.ok_or(VaultFailure::UnknownHold(id))
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    let crossing = CrossingId::from_bytes(row.get(0)?);
    Ok(HoldRow {
        id: HoldId { crossing, record: row.get::<_, i64>(1)?.unsigned_abs() },
        start: row.get(2)?,
        length: row.get(3)?,
        subject: row.get(4)?,
        meta: row.get(5)?,
        state: row.get(6)?,
        cut: row.get(7)?,
        by: row.get(8)?,
        second: row.get(9)?,
        settled: row.get(10)?,
    })
}

/// The record of this identity that is kept and not settled, if there is one.
fn kept_before(connection: &Connection, identity: &KeyedDigest) -> Result<Option<HoldId>, VaultFailure> {
    let mut select = connection.prepare_cached(
        "SELECT crossing, record FROM holds WHERE identity = ?1 AND state = 'held' LIMIT 1",
    )?;
    let kept = select.query_row([identity.0], |row| {
        let crossing = CrossingId::from_bytes(row.get(0)?);
        Ok(HoldId { crossing, record: row.get::<_, i64>(1)?.unsigned_abs() })
    });
    Ok(kept.optional()?)
}

fn i64_of(number: u64) -> Result<i64, VaultFailure> {
    i64::try_from(number).map_err(|_| VaultFailure::TooLarge)
}

fn binding(what: &str, id: HoldId) -> Binding {
    Binding::to(what).and(id.crossing.as_bytes()).and(&id.record.to_be_bytes())
}
