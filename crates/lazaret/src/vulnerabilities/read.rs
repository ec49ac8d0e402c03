//! What is asked of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use lazaret_core::hex;
use lazaret_models::vulnerabilities::{Advisories, AdvisoriesError, Advisory, Record, Statement};
use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::{DatabaseError, MOST_CACHED, Source, Vulnerabilities};

/// What is in the database.
#[derive(Debug, Serialize)]
pub(crate) struct DatabaseStatus {
    /// Records that were not withdrawn, by ecosystem.
    pub(crate) ecosystems: BTreeMap<String, u64>,
    /// Records.
    pub(crate) records: u64,
    /// Those that were withdrawn.
    pub(crate) withdrawn: u64,
    /// Statements about faults.
    pub(crate) statements: u64,
    /// The latest change of a record.
    pub(crate) newest: String,
    /// The imports, the latest last.
    pub(crate) sources: Vec<Source>,
}

impl Vulnerabilities {
    /// Drops what is kept in memory.
    pub(super) fn forget(&self) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What is in it.
    pub(crate) fn status(&self) -> Result<DatabaseStatus, DatabaseError> {
        self.with(|connection| {
            let count = |what: &str| connection.query_row(what, [], |row| row.get::<_, i64>(0)).map(unsigned);
            let mut ecosystems = connection.prepare(
                "SELECT ecosystem, count(DISTINCT record) FROM affects JOIN record ON record.id = affects.record
                 WHERE withdrawn IS NULL GROUP BY ecosystem",
            )?;
            let ecosystems = ecosystems.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
            let mut sources = connection.prepare(
                "SELECT name, sha256, imported, ecosystems, records, taken, older, refused, removed, newest
                 FROM source ORDER BY id",
            )?;
            let sources = sources.query_map([], source)?;
            Ok(DatabaseStatus {
                ecosystems: ecosystems.collect::<Result<_, _>>()?,
                records: count("SELECT count(*) FROM record")?,
                withdrawn: count("SELECT count(*) FROM record WHERE withdrawn IS NOT NULL")?,
                statements: count("SELECT count(*) FROM statement")?,
                newest: connection
                    .query_row("SELECT coalesce(max(modified), '') FROM record", [], |row| row.get(0))?,
                sources: sources.collect::<Result<_, _>>()?,
            })
        })
    }

    /// What tells this state of it from others: a digest over its imports and the statements in it.
    pub(crate) fn version(&self) -> Result<String, DatabaseError> {
        self.with(|connection| {
            let mut context = Context::new(&SHA256);
            let of = [
                "SELECT sha256, imported FROM source ORDER BY id",
                "SELECT document, body FROM statement ORDER BY id",
            ];
            for query in of {
                let mut query = connection.prepare(query)?;
                let mut rows = query.query([])?;
                while let Some(row) = rows.next()? {
                    for column in 0..2 {
                        let text: String = row.get(column)?;
                        context.update(&(text.len() as u64).to_be_bytes());
                        context.update(text.as_bytes());
                    }
                }
            }
            Ok(format!("sha256:{}", hex(context.finish().as_ref())))
        })
    }

    /// Whether there are records of an ecosystem.
    pub(crate) fn covers(&self, ecosystem: &str) -> Result<bool, DatabaseError> {
        self.with(|connection| {
            let asked = "SELECT 1 FROM affects WHERE ecosystem = ?1 LIMIT 1";
            Ok(connection.query_row(asked, [ecosystem], |_| Ok(())).optional()?.is_some())
        })
    }

    /// The packages with the most records, and how many each has.
    pub(crate) fn packages(&self, most: u32) -> Result<Vec<(String, String, u64)>, DatabaseError> {
        self.with(|connection| {
            let mut asked = connection.prepare(
                "SELECT ecosystem, package, count(*) AS number FROM affects JOIN record ON record.id = affects.record
                 WHERE withdrawn IS NULL GROUP BY ecosystem, package ORDER BY number DESC, ecosystem, package LIMIT ?1",
            )?;
            let rows = asked.query_map([most], |row| Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// All records of a fault, by any of its names, also those that were withdrawn.
    pub(crate) fn by_name(&self, name: &str) -> Result<Vec<Advisory>, DatabaseError> {
        self.with(|connection| {
            let mut asked = connection.prepare(
                "SELECT DISTINCT record.body, fault.fault FROM called JOIN fault ON fault.fault = called.fault
                 JOIN record ON record.id = fault.record WHERE called.name = ?1 ORDER BY record.id",
            )?;
            let rows = asked.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
            rows.into_iter().map(|(body, fault)| advisory(connection, &body, fault)).collect()
        })
    }

    /// All statements, in the order in which they were imported.
    pub(crate) fn all_statements(&self) -> Result<Vec<Statement>, DatabaseError> {
        self.with(|connection| {
            let mut asked = connection.prepare("SELECT body FROM statement ORDER BY id")?;
            let bodies = asked.query_map([], |row| row.get::<_, String>(0))?;
            bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
        })
    }

    fn load(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, DatabaseError> {
        let key = (ecosystem.to_owned(), name.to_owned());
        if let Some(known) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[Advisory]> = self.with(|connection| {
            let mut asked = connection.prepare_cached(
                "SELECT record.body, fault.fault FROM affects JOIN record ON record.id = affects.record
                 JOIN fault ON fault.record = record.id
                 WHERE affects.ecosystem = ?1 AND affects.package = ?2 AND record.withdrawn IS NULL ORDER BY record.id",
            )?;
            let rows = asked.query_map([ecosystem, name], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
            let found: Result<Vec<Advisory>, _> =
                rows.into_iter().map(|(body, fault)| advisory(connection, &body, fault)).collect();
            found.map(Arc::from)
        })?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MOST_CACHED {
            cache.clear();
        }
        cache.insert(key, Arc::clone(&found));
        Ok(found)
    }

    fn said(&self, names: &BTreeSet<String>) -> Result<Vec<Statement>, DatabaseError> {
        self.with(|connection| {
            let mut ids = BTreeSet::new();
            let mut asked = connection.prepare_cached("SELECT statement FROM about WHERE name = ?1")?;
            for name in names {
                for id in asked.query_map([name], |row| row.get::<_, i64>(0))? {
                    ids.insert(id?);
                }
            }
            let mut body = connection.prepare_cached("SELECT body FROM statement WHERE id = ?1")?;
            let statements = ids.into_iter().map(|id| {
                let body: String = body.query_row(params![id], |row| row.get(0))?;
                Ok(serde_json::from_str(&body)?)
            });
            statements.collect()
        })
    }
}

impl Advisories for Vulnerabilities {
    fn of_package(&self, ecosystem: &str, name: &str) -> Result<Arc<[Advisory]>, AdvisoriesError> {
        self.load(ecosystem, name).map_err(|error| AdvisoriesError(error.into()))
    }

    fn statements(&self, names: &BTreeSet<String>) -> Result<Vec<Statement>, AdvisoriesError> {
        self.said(names).map_err(|error| AdvisoriesError(error.into()))
    }
}

fn advisory(connection: &Connection, body: &str, fault: String) -> Result<Advisory, DatabaseError> {
    let record: Record = serde_json::from_str(body)?;
    let mut asked = connection.prepare_cached("SELECT name FROM called WHERE fault = ?1")?;
    let names = asked.query_map([&fault], |row| row.get::<_, String>(0))?.collect::<Result<_, _>>()?;
    Ok(Advisory { record, fault, names })
}

fn source(row: &Row<'_>) -> Result<Source, rusqlite::Error> {
    let ecosystems: String = row.get(3)?;
    Ok(Source {
        name: row.get(0)?,
        sha256: row.get(1)?,
        imported: row.get(2)?,
        ecosystems: serde_json::from_str(&ecosystems).unwrap_or_default(),
        records: unsigned(row.get(4)?),
        taken: unsigned(row.get(5)?),
        older: unsigned(row.get(6)?),
        refused: unsigned(row.get(7)?),
        removed: unsigned(row.get(8)?),
        newest: row.get(9)?,
    })
}

fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}
