//! What goes into the database: records of a file, statements of a document; each import one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{Limits, Timestamp, chain};
use lazaret_input::FileSource;
use lazaret_models::sha256_of;
use lazaret_models::vulnerabilities::{
    ImportError, MAX_NAMES, Named, OsvError, Record, VexDocument, join, read_records,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{DatabaseError, Source, Vulnerabilities};
use crate::exit::CliError;

/// Most refused records whose reasons are kept for the report.
const MOST_REASONS: usize = 20;

/// What an import came to: the source, and why records were refused, with their places.
pub(crate) type Imported = (Source, Vec<(String, OsvError)>);

impl Vulnerabilities {
    /// Imports the records of a file. With `replace`, records about packages of the file's ecosystems that are not in the
    /// file are removed.
    pub(crate) fn import(
        &self,
        path: &Path,
        replace: bool,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Imported, CliError> {
        let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
        let file = FileSource::open(path).map_err(|error| wrong(chain(&error)))?;
        let sha256 = sha256_of(path).ok_or_else(|| wrong("it cannot be read".to_owned()))?;
        let len = file.len();
        let source: Arc<dyn lazaret_core::Source> = Arc::new(file);
        let mut taking = Taking::default();
        let imported = self.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID; DELETE FROM seen;",
            )?;
            let mut failed = None;
            let read = read_records(&source, len, limits, &mut |(place, record)| match record {
                Ok(record) => match taking.take(&transaction, &record) {
                    Ok(()) => true,
                    Err(error) => {
                        failed = Some(error);
                        false
                    }
                },
                Err(error) => {
                    taking.refuse(place, error);
                    true
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
            let records = match read {
                Ok(records) => records,
                Err(error) => return Ok(Err(error)),
            };
            let removed = if replace { taking.remove_others(&transaction)? } else { 0 };
            rejoin(&transaction, limits)?;
            let source = Source {
                name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                sha256: sha256.clone(),
                imported: now.to_string(),
                ecosystems: taking.ecosystems.iter().cloned().collect(),
                records,
                taken: taking.taken,
                older: taking.older,
                refused: taking.refused,
                removed,
                newest: taking.newest.clone(),
            };
            note(&transaction, &source)?;
            transaction.commit()?;
            Ok(Ok(source))
        })?;
        self.forget();
        match imported {
            Ok(source) => Ok((source, taking.reasons)),
            Err(error @ (ImportError::Form(_) | ImportError::Archive(_) | ImportError::Limit(_))) => {
                Err(wrong(chain(&error)))
            }
            Err(error) => Err(CliError::failed(path.display().to_string(), error)),
        }
    }

    /// Imports the statements of a document. One with the same id is replaced.
    pub(crate) fn import_vex(&self, document: &VexDocument) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let old = "SELECT id FROM statement WHERE document = ?1";
            transaction.execute(&format!("DELETE FROM about WHERE statement IN ({old})"), [&document.id])?;
            transaction.execute("DELETE FROM statement WHERE document = ?1", [&document.id])?;
            for statement in &document.statements {
                let body = serde_json::to_string(statement)?;
                transaction.execute(
                    "INSERT INTO statement (document, body) VALUES (?1, ?2)",
                    params![document.id, body],
                )?;
                let id = transaction.last_insert_rowid();
                for name in &statement.names {
                    transaction
                        .execute("INSERT INTO about (name, statement) VALUES (?1, ?2)", params![name, id])?;
                }
            }
            Ok(transaction.commit()?)
        })
    }
}

/// What was taken of a file so far.
#[derive(Default)]
struct Taking {
    ecosystems: BTreeSet<String>,
    taken: u64,
    older: u64,
    refused: u64,
    newest: String,
    reasons: Vec<(String, OsvError)>,
}

impl Taking {
    fn take(&mut self, connection: &Connection, record: &Record) -> Result<(), DatabaseError> {
        self.ecosystems.extend(record.affected.iter().map(|affected| affected.ecosystem.clone()));
        if record.modified > self.newest {
            self.newest.clone_from(&record.modified);
        }
        connection.prepare_cached("INSERT OR IGNORE INTO seen (id) VALUES (?1)")?.execute([&record.id])?;
        let there: Option<String> = connection
            .prepare_cached("SELECT modified FROM record WHERE id = ?1")?
            .query_row([&record.id], |row| row.get(0))
            .optional()?;
        if there.is_some_and(|there| there > record.modified) {
            self.older = self.older.saturating_add(1);
            return Ok(());
        }
        self.taken = self.taken.saturating_add(1);
        remove(connection, &record.id)?;
        connection
            .prepare_cached(
                "INSERT INTO record (id, modified, published, withdrawn, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                record.id,
                record.modified,
                record.published,
                record.withdrawn,
                serde_json::to_string(record)?
            ])?;
        let mut affects = connection.prepare_cached(
            "INSERT OR IGNORE INTO affects (ecosystem, package, record) VALUES (?1, ?2, ?3)",
        )?;
        for affected in &record.affected {
            affects.execute([&affected.ecosystem, &affected.name, &record.id])?;
        }
        let mut alias = connection.prepare_cached("INSERT INTO alias (record, name) VALUES (?1, ?2)")?;
        for name in &record.aliases {
            alias.execute([&record.id, name])?;
        }
        Ok(())
    }

    fn refuse(&mut self, place: &str, error: OsvError) {
        self.refused = self.refused.saturating_add(1);
        if self.reasons.len() < MOST_REASONS {
            self.reasons.push((place.to_owned(), error));
        }
    }

    fn remove_others(&self, connection: &Connection) -> Result<u64, DatabaseError> {
        let mut removed = 0_u64;
        for ecosystem in &self.ecosystems {
            let mut others = connection.prepare_cached(
                "SELECT DISTINCT record FROM affects WHERE ecosystem = ?1 AND record NOT IN (SELECT id FROM seen)",
            )?;
            let others: Vec<String> =
                others.query_map([ecosystem], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for id in &others {
                remove(connection, id)?;
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }
}

fn remove(connection: &Connection, id: &str) -> Result<(), DatabaseError> {
    for statement in [
        "DELETE FROM record WHERE id = ?1",
        "DELETE FROM affects WHERE record = ?1",
        "DELETE FROM alias WHERE record = ?1",
    ] {
        connection.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

/// Joins all records anew, with what their faults were called before.
fn rejoin(connection: &Connection, limits: &Limits) -> Result<(), DatabaseError> {
    let mut named: BTreeMap<String, Named> = BTreeMap::new();
    let mut records = connection.prepare("SELECT id, published FROM record")?;
    for row in records.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (id, published): (String, String) = row?;
        named.insert(id.clone(), Named { id, published, aliases: Vec::new() });
    }
    let mut aliases = connection.prepare("SELECT record, name FROM alias")?;
    for row in aliases.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (id, name): (String, String) = row?;
        if let Some(record) = named.get_mut(&id) {
            record.aliases.push(name);
        }
    }
    let mut before = connection.prepare("SELECT record, fault FROM fault")?;
    let before: BTreeMap<String, String> =
        before.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let records: Vec<Named> = named.into_values().collect();
    let joined = join(&records, &before, limits.get(MAX_NAMES));
    connection.execute("DELETE FROM called", [])?;
    let mut called = connection.prepare("INSERT OR IGNORE INTO called (fault, name) VALUES (?1, ?2)")?;
    let mut fault = connection.prepare("INSERT OR REPLACE INTO fault (record, fault) VALUES (?1, ?2)")?;
    let known: BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    for joined in &joined {
        for name in &joined.names {
            called.execute([&joined.fault, name])?;
        }
        for record in &joined.records {
            if known.contains(record.as_str()) && before.get(record) != Some(&joined.fault) {
                fault.execute([record, &joined.fault])?;
            }
        }
    }
    Ok(())
}

fn note(connection: &Connection, source: &Source) -> Result<(), DatabaseError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT INTO source (name, sha256, imported, ecosystems, records, taken, older, refused, removed, newest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            source.name,
            source.sha256,
            source.imported,
            serde_json::to_string(&source.ecosystems)?,
            number(source.records),
            number(source.taken),
            number(source.older),
            number(source.refused),
            number(source.removed),
            source.newest,
        ],
    )?;
    Ok(())
}
