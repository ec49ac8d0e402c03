//! What a model's file touches, summed up where it lies: under which names it came, who asked for it, and what was cleared
//! before it. However often it came, an answer has so many rows as it is asked for.

use lazaret_core::{Sha256, Verdict};
use rusqlite::params;
use serde::Serialize;

use crate::files::{FileCrossing, FileEntry};
use crate::read::{EntryWords, LedgerReader, ModelWords, parse, text};
use crate::store::{StoreError, int, opened_of_row, uint};

/// A name under which a file came, or was given out because it was cleared elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct NameOfFile {
    /// How often.
    pub times: u64,
    /// The index at which the first of these crossings was opened, or of the first event.
    pub first: u64,
    /// The last of them. Of what was given out only, the last crossing under that last step, as one of the model as which it was
    /// given, at the time at which it last was.
    pub last: FileCrossing,
}

/// Somebody who brought a file, or to whom it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UseOfFile {
    /// Who asked, as far as they said, else who was configured.
    pub who: String,
    /// When first.
    pub first: String,
    /// When last.
    pub last: String,
    /// How often.
    pub times: u64,
}

/// The newest of many, and how many are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest<T> {
    /// Newest first.
    pub list: Vec<T>,
    /// How many others there are.
    pub left_out: u64,
}

impl<T> Newest<T> {
    fn of(list: Vec<T>, all: u64) -> Self {
        let left_out = all.saturating_sub(list.len() as u64);
        Self { list, left_out }
    }
}

impl LedgerReader {
    /// The names under which a file came, each with its model and revision; so many that came last.
    pub fn names_of_file(&self, file: Sha256, limit: u32) -> Result<Newest<NameOfFile>, StoreError> {
        if !self.knows_files()? {
            return Ok(Newest::of(Vec::new(), 0));
        }
        let (mut rows_of, mut all) = (Vec::new(), 0);
        {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "SELECT count(*), min(entry.id), max(entry.id) AS last, count(*) OVER ()
                 FROM file JOIN entry ON entry.id = file.entry JOIN leaf ON leaf.idx = entry.id >> 28
                 WHERE sha256 = ?1
                 GROUP BY leaf.body ->> '$.opened.model.name', leaf.body ->> '$.opened.model.revision',
                   entry.body ->> '$.file.name'
                 ORDER BY last DESC LIMIT ?2",
            )?;
            let mut rows = statement.query(params![file.0, limit])?;
            while let Some(row) = rows.next()? {
                rows_of.push((uint(row.get(0)?)?, opened_of_row(row.get(1)?)?, row.get::<_, i64>(2)?));
                all = uint(row.get(3)?)?;
            }
        }
        let names = rows_of.into_iter().map(|(times, first, last)| {
            Ok(NameOfFile { times, first, last: self.file_crossing_of_row(last)? })
        });
        let mut names = names.collect::<Result<Vec<_>, StoreError>>()?;
        let given = self.names_given(file, limit)?;
        let all = all.saturating_add(given.list.len() as u64).saturating_add(given.left_out);
        names.extend(given.list);
        names.sort_by_cached_key(|name| std::cmp::Reverse(name.last.crossing.opened.started.clone()));
        names.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Newest::of(names, all))
    }

    /// The names under which a file was given out and never came.
    fn names_given(&self, file: Sha256, limit: u32) -> Result<Newest<NameOfFile>, StoreError> {
        let (mut given, mut all) = (Vec::new(), 0);
        {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "WITH given AS MATERIALIZED (
                   SELECT count(*) AS times, min(about.idx) AS first, max(about.idx) AS last, max(body ->> '$.at') AS at,
                     body ->> '$.event.model' AS model, body ->> '$.event.revision' AS revision, body ->> '$.event.file' AS name
                   FROM about CROSS JOIN leaf ON leaf.idx = about.idx
                   WHERE sha256 = ?1 AND about.kind = 'models.pulled' GROUP BY model, revision, name),
                 crossed AS MATERIALIZED (
                   SELECT DISTINCT leaf.body ->> '$.opened.model.name' AS model, leaf.body ->> '$.opened.model.revision' AS revision,
                     entry.body ->> '$.file.name' AS name
                   FROM file JOIN entry ON entry.id = file.entry JOIN leaf ON leaf.idx = entry.id >> 28 WHERE sha256 = ?1)
                 SELECT times, first, at, given.model, given.revision, given.name, count(*) OVER () FROM given
                 LEFT JOIN crossed ON crossed.model = given.model AND crossed.revision IS given.revision
                   AND crossed.name = given.name
                 WHERE crossed.model IS NULL AND given.model IS NOT NULL AND given.name IS NOT NULL
                 ORDER BY last DESC LIMIT ?2",
            )?;
            let mut rows = statement.query(params![file.0, limit])?;
            while let Some(row) = rows.next()? {
                let (model, revision): (String, Option<String>) = (row.get(3)?, row.get(4)?);
                let (at, name): (String, String) = (row.get(2)?, row.get(5)?);
                given.push((uint(row.get(0)?)?, uint(row.get(1)?)?, at, model, revision, name));
                all = uint(row.get(6)?)?;
            }
        }
        let mut names = Vec::new();
        for (times, first, at, model, revision, name) in given {
            let step = name.rsplit('/').next().unwrap_or_default();
            let by = self.last_entry_of_file_named(file, step)?;
            let crossing = by.as_ref().map(|by| self.crossing_at(by.opened_at)).transpose()?.flatten();
            let (Some(FileEntry { mut entry, .. }), Some(mut crossing)) = (by, crossing) else {
                all = all.saturating_sub(1);
                continue; // it never came under that name: older versions gave it out all the same
            };
            crossing.opened.started = at;
            crossing.opened.model = Some(ModelWords { name: model, revision, ..ModelWords::default() });
            if let Some(own) = &mut entry.file {
                own.name = name;
            }
            names.push(NameOfFile { times, first, last: FileCrossing { crossing, entry } });
        }
        Ok(Newest::of(names, all))
    }

    /// Who brought a file so that it was not kept back, and whom events of a kind name to whom it was given; so many that
    /// did so last.
    pub fn uses_of_file(
        &self,
        file: Sha256,
        given: &str,
        limit: u32,
    ) -> Result<Newest<UseOfFile>, StoreError> {
        if !self.knows_files()? {
            return Ok(Newest::of(Vec::new(), 0));
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "WITH used (who, at) AS (
               SELECT coalesce(body ->> '$.opened.model.asked_by', body ->> '$.opened.actor.id'), body ->> '$.opened.started'
               FROM file JOIN leaf ON leaf.idx = file.entry >> 28 WHERE sha256 = ?1 AND NOT file.held
               UNION ALL
               SELECT coalesce(body ->> '$.event.asked_by', body ->> '$.event.by', ''), body ->> '$.at'
               FROM about JOIN leaf ON leaf.idx = about.idx WHERE sha256 = ?1 AND about.kind = ?2)
             SELECT who, min(at), max(at) AS last, count(*), count(*) OVER () FROM used
             GROUP BY who ORDER BY last DESC, who LIMIT ?3",
        )?;
        let mut rows = statement.query(params![file.0, given, limit])?;
        let (mut uses, mut all) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let (who, first, last) = (row.get(0)?, row.get(1)?, row.get(2)?);
            uses.push(UseOfFile { who, first, last, times: uint(row.get(3)?)? });
            all = uint(row.get(4)?)?;
        }
        Ok(Newest::of(uses, all))
    }

    /// The last file of a model under this name that was cleared before an index, and is another than this.
    pub fn cleared_before(
        &self,
        model: &str,
        name: &str,
        before: u64,
        not: Sha256,
    ) -> Result<Option<FileCrossing>, StoreError> {
        if !self.knows_files()? {
            return Ok(None);
        }
        let found = {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "SELECT entry.id, entry.body FROM model CROSS JOIN crossing ON crossing.opened_at = model.opened_at
                 CROSS JOIN file ON file.entry >= model.opened_at << 28 AND file.entry < (model.opened_at + 1) << 28
                 CROSS JOIN entry ON entry.id = file.entry
                 WHERE model.name = ?1 AND model.opened_at < ?2 AND ending = 'complete' AND NOT file.held
                   AND sha256 <> ?3 AND entry.body ->> '$.file.name' = ?4 ORDER BY model.opened_at DESC",
            )?;
            let mut rows = statement.query(params![model, int(before)?, not.0, name])?;
            let mut found = None;
            while let Some(row) = rows.next()? {
                let at = opened_of_row(row.get(0)?)?;
                let entry: EntryWords = parse(text(row, 1)?, at)?;
                // In mode observe what would have been held is not.
                if Verdict::parse(&entry.verdict).is_some_and(|verdict| !verdict.holds()) {
                    found = Some((at, entry));
                    break;
                }
            }
            found
        };
        found.map(|(at, entry)| self.file_crossing(at, entry)).transpose()
    }
}
