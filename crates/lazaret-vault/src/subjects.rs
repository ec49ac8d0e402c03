//! Subjects: each patient of each source system has a random secret, found by a keyed digest of system and id.
//! Digests, tokens, date shifts and the sealing of what is known derive from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lazaret_core::{Purpose, Subject};
use rusqlite::{OptionalExtension as _, params};

use crate::envelope::{Binding, Derivation, MacKey, SealingKey, Secret, new_secret};
use crate::store::millis;
use crate::{SqliteVault, VaultFailure};

/// What derives from one subject's secret, or from the installation's.
pub(crate) struct SubjectKeys {
    /// Its row; 0 for the installation.
    pub(crate) row: i64,
    /// Where it is found.
    pub(crate) lookup: [u8; 16],
    /// Derives what is used seldom.
    pub(crate) derivation: Derivation,
    /// Digests of records.
    pub(crate) digests: MacKey,
    /// Where its tokens are found.
    pub(crate) lookups: MacKey,
    /// Seals the values of its tokens.
    pub(crate) values: SealingKey,
}

impl SubjectKeys {
    /// Derives the keys of a secret.
    pub(crate) fn of(row: i64, lookup: [u8; 16], secret: &Secret) -> Result<Self, VaultFailure> {
        let derivation = Derivation::of(secret);
        let (digests, lookups) = (derivation.mac("digest")?, derivation.mac("token lookup")?);
        let values = derivation.sealing("token value")?;
        Ok(Self { row, lookup, derivation, digests, lookups, values })
    }

    /// By how many days dates move for a purpose: 1 to 365 either way. The remainder of 64 bits by 730 favours
    /// no day by more than 1 in 10^16.
    pub(crate) fn shift_days(&self, purpose: &Purpose) -> Result<i32, VaultFailure> {
        let binding = Binding::to("shift").and(purpose.to_string().as_bytes());
        let digest = self.derivation.mac("shift")?.digest(binding.bytes());
        let number = u64::from_be_bytes(digest.first_chunk::<8>().copied().unwrap_or_default());
        let step = i32::try_from(number % 730).unwrap_or_default(); // 0 to 729
        Ok(if step < 365 { step - 365 } else { step - 364 })
    }
}

impl SqliteVault {
    /// The keys of a subject; made if there are none.
    pub(crate) fn subject(&self, subject: &Subject) -> Result<Arc<SubjectKeys>, VaultFailure> {
        let lookup = self.subject_lookup(subject);
        if let Some(keys) = self.subjects.get(&lookup) {
            return Ok(keys);
        }
        if let Some(keys) = self.read_subject(lookup)? {
            return Ok(keys);
        }
        let secret = new_secret()?;
        let sealed = self.keys.subjects.seal(&secret_binding(&lookup), secret.expose())?;
        let now = millis(self.now());
        self.attempt(|epoch| {
            self.write(epoch, |connection| {
                let mut insert = connection.prepare_cached(
                    "INSERT INTO subjects (lookup, secret, created) VALUES (?1, ?2, ?3)
                     ON CONFLICT (lookup) DO NOTHING",
                )?;
                insert.execute(params![lookup, sealed, now])?;
                Ok(())
            })
        })?;
        // Another thread or process may have been first: what the table holds is the subject's secret.
        self.read_subject(lookup)?.ok_or(VaultFailure::Contended)
    }

    /// The keys of a subject, if there are any.
    pub(crate) fn find_subject(&self, subject: &Subject) -> Result<Option<Arc<SubjectKeys>>, VaultFailure> {
        let lookup = self.subject_lookup(subject);
        match self.subjects.get(&lookup) {
            Some(keys) => Ok(Some(keys)),
            None => self.read_subject(lookup),
        }
    }

    /// The keys of a subject by its row, if they were not shredded.
    pub(crate) fn subject_of_row(&self, row: i64) -> Result<Option<Arc<SubjectKeys>>, VaultFailure> {
        let lookup: Option<[u8; 16]> = {
            let database = self.database()?;
            let mut select =
                database.reading()?.prepare_cached("SELECT lookup FROM subjects WHERE id = ?1")?;
            select.query_row([row], |row| row.get(0)).optional()?
        };
        let Some(lookup) = lookup else { return Ok(None) };
        match self.subjects.get(&lookup) {
            Some(keys) if keys.row == row => Ok(Some(keys)),
            _ => self.read_subject(lookup),
        }
    }

    /// Where a subject is found. `Patient/1`, `urn:uuid:1` and `1` are one.
    pub(crate) fn subject_lookup(&self, subject: &Subject) -> [u8; 16] {
        let id = bare_id(subject.id.expose());
        self.keys.lookups.lookup(&Binding::to("subject").and(subject.system.as_bytes()).and(id.as_bytes()))
    }

    fn read_subject(&self, lookup: [u8; 16]) -> Result<Option<Arc<SubjectKeys>>, VaultFailure> {
        let database = self.database()?;
        let row: Option<(i64, Vec<u8>)> = {
            let mut select =
                database.reading()?.prepare_cached("SELECT id, secret FROM subjects WHERE lookup = ?1")?;
            select.query_row([lookup], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
        };
        let Some((row, sealed)) = row else { return Ok(None) };
        let secret = self.keys.subjects.open_secret(&secret_binding(&lookup), &sealed);
        let secret = secret.map_err(VaultFailure::not_opened("a subject's secret"))?;
        let keys = Arc::new(SubjectKeys::of(row, lookup, &secret)?);
        // Still under the database's lock, so no shredding lies between the reading and this.
        self.subjects.put(lookup, Arc::clone(&keys));
        drop(database);
        Ok(Some(keys))
    }

    /// Runs something that reads the caches and then writes. If a subject was shredded in between (by another
    /// thread or process), it runs again.
    pub(crate) fn attempt<T>(
        &self,
        mut work: impl FnMut(u64) -> Result<Option<T>, VaultFailure>,
    ) -> Result<T, VaultFailure> {
        for _ in 0..16 {
            if let Some(done) = work(self.epoch.load(Ordering::Acquire))? {
                return Ok(done);
            }
        }
        Err(VaultFailure::Contended)
    }

    /// Writes within the shared transaction; nothing is written and none is given if the caches were dropped
    /// since `epoch`.
    pub(crate) fn write<T>(
        &self,
        epoch: u64,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, VaultFailure>,
    ) -> Result<Option<T>, VaultFailure> {
        let mut database = self.database()?;
        database.begin()?;
        if database.take_stale() {
            self.drop_caches();
        }
        if self.epoch.load(Ordering::Acquire) != epoch {
            return Ok(None);
        }
        let done = work(database.reading()?)?;
        database.wrote()?;
        Ok(Some(done))
    }

    /// Forgets what was read; to be called under the database's lock.
    pub(crate) fn drop_caches(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.subjects.clear();
        self.tokens.clear();
        self.known.clear();
    }
}

/// An id without what a reference puts before it.
pub(crate) fn bare_id(id: &str) -> &str {
    id.strip_prefix("Patient/").or_else(|| id.strip_prefix("urn:uuid:")).unwrap_or(id)
}

fn secret_binding(lookup: &[u8; 16]) -> Binding {
    Binding::to("subject secret").and(lookup)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lazaret_core::Sensitive;

    use super::*;

    #[test]
    fn shifts_stay_within_a_year_and_are_never_nought() {
        let mut seen = BTreeSet::new();
        for n in 0..200_u8 {
            let keys = SubjectKeys::of(1, [0; 16], &Sensitive::new([n; 32])).unwrap();
            for protocol in 0..20 {
                let purpose = Purpose::Research { protocol: protocol.to_string() };
                let days = keys.shift_days(&purpose).unwrap();
                assert!((-365..=365).contains(&days) && days != 0);
                assert_eq!(days, keys.shift_days(&purpose).unwrap());
                seen.insert(days);
            }
        }
        assert!(seen.len() > 700, "{} of 730 days occur in 4,000 draws", seen.len());
    }
}
