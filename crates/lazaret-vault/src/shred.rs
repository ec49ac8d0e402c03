//! Shredding a subject: its secret, what is known of it, the values of its tokens and its held records go, so
//! that what left lazaret no longer leads back to it. Two persons, never under legal hold.
//!
//! A subject that appears again gets a new secret; that it was shredded before stays on record. Copies made
//! before (backups) still hold the secret: they must be retired with their own key or kept under their own rule.

use std::io::ErrorKind;

use lazaret_core::{CrossingId, Subject, Timestamp, hex};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use crate::envelope::Binding;
use crate::kms::unhex;
use crate::random::random_bytes;
use crate::segments::Segments;
use crate::store::millis;
use crate::{SqliteVault, VaultFailure};

/// What a shredding took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shredded {
    /// Tokens that can no longer be reversed.
    pub tokens: u64,
    /// Facts forgotten.
    pub facts: u64,
    /// Held records erased.
    pub holds: u64,
    /// How often this subject was shredded before.
    pub before: u64,
}

impl SqliteVault {
    /// Shreds a subject, durably. Refused under legal hold and without two different persons. The reason is
    /// kept sealed: people write names into reasons.
    pub fn shred(
        &self,
        subject: &Subject,
        by: &str,
        second: &str,
        reason: &str,
    ) -> Result<Shredded, VaultFailure> {
        self.shred_lookup(self.subject_lookup(subject), by, second, reason)
    }

    /// Fails if a subject cannot be shredded: it is unknown, or under legal hold. Gives the keyed digest that
    /// stands for it in the order to shred it.
    pub fn may_be_shredded(&self, subject: &Subject) -> Result<String, VaultFailure> {
        let lookup = self.subject_lookup(subject);
        match self.legal_hold_of(lookup)? {
            None => Err(VaultFailure::UnknownSubject),
            Some(true) => Err(VaultFailure::LegalHold),
            Some(false) => Ok(hex(&lookup)),
        }
    }

    /// Ends a shredding that was ordered, given the digest of [`SqliteVault::may_be_shredded`] and the moment of
    /// the order: the process may have ended before, within or after it. Can be done again.
    pub fn end_shred(
        &self,
        digest: &str,
        ordered: Timestamp,
        by: &str,
        second: &str,
        reason: &str,
    ) -> Result<(), VaultFailure> {
        let Some(lookup) = unhex::<16>(digest) else { return Ok(()) };
        let holds = {
            let database = self.database()?;
            let connection = database.reading()?;
            let sql = "SELECT count(*) > 0 FROM shreds WHERE lookup = ?1 AND at >= ?2";
            let done = connection.query_row(sql, params![lookup, millis(ordered)], |row| row.get(0))?;
            let mut shredded =
                connection.prepare("SELECT crossing, start, length FROM holds WHERE state = 'shredded'")?;
            if done { Some(shredded.query_map([], place_of)?.collect::<Result<Vec<_>, _>>()?) } else { None }
        };
        let Some(holds) = holds else {
            return match self.shred_lookup(lookup, by, second, reason) {
                Err(VaultFailure::UnknownSubject | VaultFailure::LegalHold) => Ok(()),
                done => done.map(drop),
            };
        };
        let mut database = self.database()?;
        erase(&database.segments, &holds)?;
        database.truncate_log()
    }

    fn shred_lookup(
        &self,
        lookup: [u8; 16],
        by: &str,
        second: &str,
        reason: &str,
    ) -> Result<Shredded, VaultFailure> {
        let (by, second) = two_persons(by, second)?;
        let now = millis(self.now());
        let place = Binding::to("reason of shredding").and(&lookup).and(&now.to_be_bytes());
        let reason = self.keys.subjects.seal(&place, reason.as_bytes())?;
        let mut database = self.database()?;
        let (shredded, holds) = database.at_once(|connection, _| {
            let (shredded, holds) = shred_rows(connection, &lookup)?;
            let one_row = "INSERT INTO shreds (lookup, at, one, two, reason, tokens, facts, holds)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let counts = [shredded.tokens, shredded.facts, shredded.holds];
            let [tokens, facts, held] = counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
            connection.execute(one_row, params![lookup, now, by, second, reason, tokens, facts, held])?;
            Ok((shredded, holds))
        })?;
        self.drop_caches();
        // From here on nothing opens; what follows takes the sealed bytes away too.
        erase(&database.segments, &holds)?;
        database.truncate_log()?;
        Ok(shredded)
    }

    /// The keyed digest that stands for a subject in the order to put it under legal hold or to lift that. A
    /// subject nobody has heard of yet is made, so that a hold can come before its data.
    pub fn digest_for_hold(&self, subject: &Subject) -> Result<String, VaultFailure> {
        self.subject(subject)?;
        self.database()?.commit()?;
        Ok(hex(&self.subject_lookup(subject)))
    }

    /// Puts a subject under legal hold or lifts it, durably. A subject not seen yet is put under it too.
    pub fn legal_hold(&self, subject: &Subject, put: bool, by: &str) -> Result<(), VaultFailure> {
        self.subject(subject)?;
        self.hold_lookup(self.subject_lookup(subject), put, by)
    }

    /// Ends an order to put a subject under legal hold, or to lift that, given the digest of
    /// [`SqliteVault::digest_for_hold`]: the process may have ended before it or after it. Can be done again.
    pub fn end_legal_hold(&self, digest: &str, put: bool, by: &str) -> Result<(), VaultFailure> {
        let Some(lookup) = unhex::<16>(digest) else { return Ok(()) };
        match self.legal_hold_of(lookup)? {
            Some(now) if now != put => self.hold_lookup(lookup, put, by),
            _ => Ok(()),
        }
    }

    fn hold_lookup(&self, lookup: [u8; 16], put: bool, by: &str) -> Result<(), VaultFailure> {
        let (by, now) = (person(by)?, millis(self.now()));
        self.database()?.at_once(|connection, _| {
            let changed = connection
                .execute("UPDATE subjects SET legal_hold = ?2 WHERE lookup = ?1", params![lookup, put])?;
            if changed == 0 {
                return Err(VaultFailure::UnknownSubject);
            }
            connection.execute(
                "INSERT INTO legal_holds (lookup, at, put, one) VALUES (?1, ?2, ?3, ?4)",
                params![lookup, now, put, by],
            )?;
            Ok(())
        })
    }

    /// Whether a subject is under legal hold.
    pub fn under_legal_hold(&self, subject: &Subject) -> Result<bool, VaultFailure> {
        Ok(self.legal_hold_of(self.subject_lookup(subject))?.unwrap_or(false))
    }

    /// None where there is no such subject.
    fn legal_hold_of(&self, lookup: [u8; 16]) -> Result<Option<bool>, VaultFailure> {
        let database = self.database()?;
        let sql = "SELECT legal_hold FROM subjects WHERE lookup = ?1";
        Ok(database.reading()?.query_row(sql, [lookup], |row| row.get(0)).optional()?)
    }
}

type Place = (CrossingId, u64, u64);

fn shred_rows(connection: &Connection, lookup: &[u8; 16]) -> Result<(Shredded, Vec<Place>), VaultFailure> {
    let row: Option<(i64, bool)> = connection
        .query_row("SELECT id, legal_hold FROM subjects WHERE lookup = ?1", [lookup], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (id, held) = row.ok_or(VaultFailure::UnknownSubject)?;
    if held {
        return Err(VaultFailure::LegalHold);
    }
    let facts = connection.execute("DELETE FROM facts WHERE subject = ?1", [id])?;
    // The token stays, so that it is never given again; where it is found becomes random.
    let mut owned = connection.prepare("SELECT lookup FROM tokens WHERE owner = ?1")?;
    let lookups: Vec<[u8; 16]> = owned.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut blank = connection.prepare("UPDATE tokens SET lookup = ?2, sealed = NULL WHERE lookup = ?1")?;
    for lookup in &lookups {
        blank.execute(params![lookup, random_bytes::<16>()?])?;
    }
    let mut held = connection.prepare("SELECT crossing, start, length FROM holds WHERE subject = ?1")?;
    let holds: Vec<Place> = held.query_map([id], place_of)?.collect::<Result<_, _>>()?;
    connection.execute("UPDATE holds SET state = 'shredded' WHERE subject = ?1", [id])?;
    connection.execute("DELETE FROM subjects WHERE id = ?1", [id])?;
    let before: i64 =
        connection.query_row("SELECT count(*) FROM shreds WHERE lookup = ?1", [lookup], |row| row.get(0))?;
    let shredded = Shredded {
        tokens: lookups.len() as u64,
        facts: facts as u64,
        holds: holds.len() as u64,
        before: before.unsigned_abs(),
    };
    Ok((shredded, holds))
}

fn place_of(row: &Row<'_>) -> rusqlite::Result<Place> {
    let crossing = CrossingId::from_bytes(row.get(0)?);
    Ok((crossing, row.get::<_, i64>(1)?.unsigned_abs(), row.get::<_, i64>(2)?.unsigned_abs()))
}

fn erase(segments: &Segments, holds: &[Place]) -> Result<(), VaultFailure> {
    holds.iter().try_for_each(|(crossing, start, length)| {
        match segments.erase(*crossing, *start, *length) {
            // What is not there needs no erasing.
            Err(VaultFailure::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(()),
            erased => erased,
        }
    })
}

/// A person's name, trimmed; none is an error.
pub(crate) fn person(name: &str) -> Result<&str, VaultFailure> {
    let name = name.trim();
    if name.is_empty() { Err(VaultFailure::NoPerson) } else { Ok(name) }
}

/// Two names of different persons: upper and lower case make no difference.
pub(crate) fn two_persons<'n>(one: &'n str, two: &'n str) -> Result<(&'n str, &'n str), VaultFailure> {
    let (one, two) = (person(one)?, person(two).map_err(|_| VaultFailure::TwoPersons)?);
    if one.to_lowercase() == two.to_lowercase() { Err(VaultFailure::TwoPersons) } else { Ok((one, two)) }
}
