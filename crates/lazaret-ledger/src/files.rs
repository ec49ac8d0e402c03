//! What is known of a model's file, by its SHA-256: each crossing it was in, who asked for it and who admitted it, and who
//! fetched it.

use std::collections::BTreeSet;

use lazaret_core::{Admission, CrossingId, Sha256, Timestamp};
use rusqlite::{OptionalExtension as _, ToSql, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::read::{
    CrossingWords, EntryWords, LedgerReader, OpenedBody, OpenedWords, OrderWords, parse, text,
};
use crate::store::{StoreError, crossing_id, entry_rows, int, opened_of_row, uint};

/// A file in one of its crossings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileCrossing {
    /// The crossing.
    pub crossing: CrossingWords,
    /// What happened to the file in it.
    pub entry: EntryWords,
}

/// What happened to a file in one of its crossings; of the crossing only which it is, so that many can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// The crossing.
    pub crossing: String,
    /// The index of its opened entry.
    pub opened_at: u64,
    /// What happened to the file.
    pub entry: EntryWords,
}

/// A crossing of a revision of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionCrossing {
    /// The index of its opened entry.
    pub opened_at: u64,
    /// By which way it came.
    pub route: String,
    /// `complete` or `cut`; none while it is open.
    pub ending: Option<String>,
    /// Its files so far.
    pub files: Vec<RevisionFile>,
}

/// A file of a revision of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFile {
    /// Which.
    pub sha256: Sha256,
    /// The last step of its name.
    pub step: String,
    /// Whether it was kept back, or would have been if verdicts had been enforced.
    pub held: bool,
}

/// Since when a file is known under a name: indexes of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinceNamed {
    /// Where the first crossing was opened in which it came under that name.
    pub came: u64,
    /// The first leaf by which it was cleared under it, if it ever was.
    pub cleared: Option<u64>,
}

/// Something that was ordered or that happened about a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum AboutFile {
    /// A person's order, carried out.
    Order {
        /// The index of the opened entry.
        at: u64,
        /// The crossing that carried it out.
        crossing: String,
        /// When.
        when: String,
        /// The order.
        order: OrderWords,
    },
    /// An event.
    Event {
        /// Its index.
        at: u64,
        /// Its kind.
        kind: String,
        /// When.
        when: String,
        /// What it says.
        event: Value,
    },
}

/// A model that says it was trained on a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrainedOn {
    /// Its name.
    pub model: String,
    /// The index of the newest opened entry that says so.
    pub at: u64,
    /// That crossing.
    pub crossing: String,
    /// The dataset, as it names it.
    pub dataset: String,
}

/// What leaves are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpokenOf {
    /// Files.
    pub files: BTreeSet<Sha256>,
    /// Names of models, each with a revision.
    pub revisions: BTreeSet<(String, String)>,
}

/// Which orders about a file.
#[derive(Clone, Copy)]
enum Orders<'w> {
    /// Those of a kind, the last first.
    Last(&'w str),
    /// All after an index, the first first.
    After(Option<u64>),
}

/// The body of an event.
#[derive(Deserialize)]
struct EventWords {
    at: String,
    event: Value,
}

impl AboutFile {
    /// The index of its leaf.
    pub const fn at(&self) -> u64 {
        match self {
            Self::Order { at, .. } | Self::Event { at, .. } => *at,
        }
    }
}

impl OrderWords {
    /// Whether it admits a model at a time.
    pub fn admits(&self, at: Timestamp) -> bool {
        // Times of one form compare as text.
        self.what == "admit-model" && self.until.as_ref().is_none_or(|until| *until > at.to_string())
    }
}

impl LedgerReader {
    /// The files that crossed or were held, in the order of their SHA-256, after one of them.
    pub fn files(&self, after: Option<Sha256>, limit: u32) -> Result<Vec<Sha256>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT sha256 FROM file WHERE ?1 IS NULL OR sha256 > ?1 ORDER BY sha256 LIMIT ?2",
        )?;
        let files = statement.query_map(params![after.map(|after| after.0), limit], |row| row.get(0))?;
        Ok(files.map(|file| file.map(Sha256)).collect::<Result<_, _>>()?)
    }

    /// The files that crossed, were held, or about which something was ordered or happened, in the order of their SHA-256,
    /// after one of them.
    pub fn files_spoken_of(&self, after: Option<Sha256>, limit: u32) -> Result<Vec<Sha256>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT sha256 FROM (SELECT DISTINCT sha256 FROM file WHERE ?1 IS NULL OR sha256 > ?1 ORDER BY sha256 LIMIT ?2)
             UNION SELECT sha256 FROM (SELECT DISTINCT sha256 FROM about WHERE ?1 IS NULL OR sha256 > ?1 ORDER BY sha256 LIMIT ?2)
             ORDER BY sha256 LIMIT ?2",
        )?;
        let files = statement.query_map(params![after.map(|after| after.0), limit], |row| row.get(0))?;
        Ok(files.map(|file| file.map(Sha256)).collect::<Result<_, _>>()?)
    }

    /// The files and the revisions of models that leaves are about, from an index on up to another: what an event is about, and
    /// of what was sealed the files, the model, and the file that was ordered about.
    pub fn spoken_of(&self, from: u64, to: u64) -> Result<SpokenOf, StoreError> {
        let mut spoken_of = SpokenOf::default();
        if !self.knows_files()? {
            return Ok(spoken_of);
        }
        let connection = self.connection();
        let mut events = connection.prepare_cached(
            "SELECT body ->> '$.about', body ->> '$.event.model', body ->> '$.event.revision' FROM leaf
             WHERE idx >= ?1 AND idx < ?2 AND kind NOT IN ('opened', 'sealed', 'outputs') AND body ->> '$.about' IS NOT NULL",
        )?;
        let mut rows = events.query([int(from)?, int(to)?])?;
        while let Some(row) = rows.next()? {
            spoken_of.files.extend(Sha256::parse(text(row, 0)?));
            if let (Some(model), Some(revision)) = (row.get(1)?, row.get(2)?) {
                spoken_of.revisions.insert((model, revision));
            }
        }
        let mut sealed = connection.prepare_cached(
            "SELECT opened.idx, opened.body FROM leaf CROSS JOIN leaf AS opened ON opened.idx = leaf.body ->> '$.opened_at'
             WHERE leaf.idx >= ?1 AND leaf.idx < ?2 AND leaf.kind = 'sealed'",
        )?;
        let mut files =
            connection.prepare_cached("SELECT DISTINCT sha256 FROM file WHERE entry >= ?1 AND entry < ?2")?;
        let mut rows = sealed.query([int(from)?, int(to)?])?;
        while let Some(row) = rows.next()? {
            let opened_at = uint(row.get(0)?)?;
            let OpenedBody { opened } = parse(text(row, 1)?, opened_at)?;
            spoken_of.files.extend(opened.order.and_then(|order| Sha256::parse(&order.object)));
            spoken_of
                .revisions
                .extend(opened.model.and_then(|model| model.revision.map(|revision| (model.name, revision))));
            let (from, to) = entry_rows(opened_at)?;
            let mut rows = files.query([from, to])?;
            while let Some(row) = rows.next()? {
                spoken_of.files.insert(Sha256(row.get(0)?));
            }
        }
        Ok(spoken_of)
    }

    /// The names of all models that crossed or were held, after one of them.
    pub fn models(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT name FROM model WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2",
        )?;
        let names = statement.query_map(params![after, limit], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The crossings of a model by its name, newest first, before an index.
    pub fn crossings_of_model(
        &self,
        name: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CrossingWords>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let indexes: Vec<u64> = {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "SELECT opened_at FROM model WHERE name = ?1 AND opened_at < ?2 ORDER BY opened_at DESC LIMIT ?3",
            )?;
            let mut rows = statement.query(params![name, before.map_or(Ok(i64::MAX), int)?, limit])?;
            let mut indexes = Vec::new();
            while let Some(row) = rows.next()? {
                indexes.push(uint(row.get(0)?)?);
            }
            indexes
        };
        let missing = || StoreError::Damaged("an entry is missing");
        indexes.into_iter().map(|index| self.crossing_at(index)?.ok_or_else(missing)).collect()
    }

    /// The models that say they were trained on a dataset, on a part of it, or on what it is a part of; the newest so many
    /// crossings of models are looked at.
    pub fn models_trained_on(&self, dataset: &str, most: u32) -> Result<Vec<TrainedOn>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT name, max(opened_at), leaf.body ->> '$.opened.crossing', value
             FROM (SELECT name, opened_at FROM model ORDER BY opened_at DESC LIMIT ?2) AS newest
             JOIN leaf ON leaf.idx = opened_at
             JOIN json_each(leaf.body, '$.opened.model.datasets')
             WHERE value = ?1 OR substr(value, 1, length(?1) + 1) = ?1 || '/'
                OR substr(?1, 1, length(value) + 1) = value || '/'
             GROUP BY name ORDER BY name",
        )?;
        let mut rows = statement.query(params![dataset, most])?;
        let mut models = Vec::new();
        while let Some(row) = rows.next()? {
            let (model, crossing, dataset) = (row.get(0)?, row.get(2)?, row.get(3)?);
            models.push(TrainedOn { model, at: uint(row.get(1)?)?, crossing, dataset });
        }
        Ok(models)
    }

    /// The names of all models with each of their revisions, as which files crossed or were given out, after one of them.
    pub fn revisions(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT name, revision FROM (SELECT DISTINCT name, revision FROM model
               WHERE revision IS NOT NULL AND (name, revision) > (?1, ?2) ORDER BY name, revision LIMIT ?3)
             UNION SELECT name, revision FROM (SELECT DISTINCT body ->> '$.event.model' AS name, body ->> '$.event.revision' AS revision
               FROM leaf WHERE kind = 'models.pulled' AND body ->> '$.event.revision' IS NOT NULL
                 AND (body ->> '$.event.model', body ->> '$.event.revision') > (?1, ?2) ORDER BY 1, 2 LIMIT ?3)
             ORDER BY name, revision LIMIT ?3",
        )?;
        let (name, revision) = after.unwrap_or_default(); // no model is without a name
        let found =
            statement.query_map(params![name, revision, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The crossings of one revision of a model with their files, oldest first, from an index on.
    pub fn crossings_of_revision(
        &self,
        name: &str,
        revision: &str,
        from: u64,
        limit: u32,
    ) -> Result<Vec<RevisionCrossing>, StoreError> {
        let mut crossings: Vec<RevisionCrossing> = Vec::new();
        if !self.knows_files()? {
            return Ok(crossings);
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT page.opened_at, route, ending, sha256, coalesce(step, ''),
               file.held OR entry.body ->> '$.verdict' IN ('quarantine', 'block') FROM
               (SELECT opened_at, route FROM model WHERE name = ?1 AND revision = ?2 AND opened_at >= ?3
                ORDER BY opened_at LIMIT ?4) AS page
             CROSS JOIN crossing ON crossing.opened_at = page.opened_at
             LEFT JOIN file ON file.entry >= page.opened_at << 28 AND file.entry < (page.opened_at + 1) << 28
             LEFT JOIN entry ON entry.id = file.entry
             ORDER BY page.opened_at",
        )?;
        let mut rows = statement.query(params![name, revision, int(from)?, limit])?;
        while let Some(row) = rows.next()? {
            let opened_at = uint(row.get(0)?)?;
            if crossings.last().is_none_or(|last| last.opened_at != opened_at) {
                let (route, ending) = (row.get(1)?, row.get(2)?);
                crossings.push(RevisionCrossing { opened_at, route, ending, files: Vec::new() });
            }
            if let (Some(crossing), Some(file)) = (crossings.last_mut(), row.get(3)?) {
                let (step, held) = (row.get(4)?, row.get(5)?);
                crossing.files.push(RevisionFile { sha256: Sha256(file), step, held });
            }
        }
        Ok(crossings)
    }

    /// The files that were given out as ones of a revision of a model, whether or not they crossed as such, each with its
    /// name and the index of the event, oldest first, from an index on.
    pub fn given_of_revision(
        &self,
        name: &str,
        revision: &str,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Sha256, String)>, StoreError> {
        let mut given = Vec::new();
        if !self.knows_files()? {
            return Ok(given);
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT idx, body ->> '$.about', body ->> '$.event.file' FROM leaf
             WHERE kind = 'models.pulled' AND body ->> '$.event.model' = ?1 AND body ->> '$.event.revision' = ?2
               AND idx >= ?3 ORDER BY idx LIMIT ?4",
        )?;
        let mut rows = statement.query(params![name, revision, int(from)?, limit])?;
        while let Some(row) = rows.next()? {
            let at = uint(row.get(0)?)?;
            let sha256 =
                Sha256::parse(text(row, 1)?).ok_or(StoreError::Damaged("an event is about no file"))?;
            given.push((at, sha256, row.get::<_, Option<String>>(2)?.unwrap_or_default()));
        }
        Ok(given)
    }

    /// Since when a file is known under a name whose last step is this: cleared by a crossing that came to its end, did not keep
    /// it back and would not have where verdicts were only observed; or by an event of a kind that says so of this step.
    pub fn since_named(
        &self,
        file: Sha256,
        step: &str,
        again: &str,
    ) -> Result<Option<SinceNamed>, StoreError> {
        let first = |sql| -> Result<Option<u64>, StoreError> {
            Ok(self.indexes(params![file.0, step], sql)?.first().copied())
        };
        let came =
            first("SELECT entry >> 28 FROM file WHERE sha256 = ?1 AND step = ?2 ORDER BY entry LIMIT 1")?;
        let Some(came) = came else { return Ok(None) };
        let crossed = first(
            "SELECT opened_at FROM file CROSS JOIN crossing ON opened_at = file.entry >> 28
             CROSS JOIN entry ON entry.id = file.entry
             WHERE sha256 = ?1 AND step = ?2 AND file.entry >= (SELECT entry FROM cleared WHERE sha256 = ?1)
               AND ending = 'complete' AND NOT file.held AND body ->> '$.verdict' NOT IN ('quarantine', 'block') ORDER BY file.entry LIMIT 1",
        )?;
        let looked = self.indexes(
            params![file.0, step, again],
            "SELECT about.idx FROM about CROSS JOIN leaf ON leaf.idx = about.idx
             WHERE sha256 = ?1 AND about.kind = ?3 AND body ->> '$.event.step' = ?2
               AND body ->> '$.event.verdict' NOT IN ('quarantine', 'block') ORDER BY about.idx LIMIT 1",
        )?;
        let cleared = crossed.into_iter().chain(looked).min();
        Ok(Some(SinceNamed { came, cleared }))
    }

    /// Whether a model has a file under a name whose last step is this: its last crossing there did not keep it back, whatever its
    /// verdict was. That it was kept back of another model takes nothing away from that one.
    pub fn is_in_a_model(&self, file: Sha256, step: &str) -> Result<bool, StoreError> {
        let found = self.indexes(
            params![file.0, step],
            "SELECT at FROM (
               SELECT max(entry) AS last, entry >> 28 AS at, file.held AS held FROM file CROSS JOIN crossing ON opened_at = entry >> 28
               CROSS JOIN leaf ON leaf.idx = opened_at WHERE sha256 = ?1 AND step = ?2 AND ending = 'complete'
               GROUP BY leaf.body ->> '$.opened.model.name')
             WHERE NOT held LIMIT 1",
        )?;
        Ok(!found.is_empty())
    }

    /// What was opened by the entry at an index.
    pub fn opened_at(&self, index: u64) -> Result<Option<OpenedWords>, StoreError> {
        let leaf = self.leaf(index)?.filter(|leaf| leaf.kind == "opened");
        leaf.map(|leaf| Ok(parse::<OpenedBody>(&leaf.body, index)?.opened)).transpose()
    }

    /// What happened to a file in the first crossing that came to its end and did not keep it back.
    pub fn first_clear_entry_of_file(&self, file: Sha256) -> Result<Option<FileEntry>, StoreError> {
        self.file_entry(
            file,
            "SELECT entry.id, crossing.id, body FROM cleared JOIN entry ON entry.id = cleared.entry
             JOIN crossing ON opened_at = entry.id >> 28 WHERE sha256 = ?1",
        )
    }

    /// What happened to a file in its last crossing under a name whose last step is this.
    pub fn last_entry_of_file_named(
        &self,
        file: Sha256,
        step: &str,
    ) -> Result<Option<FileEntry>, StoreError> {
        self.file_entry_by(
            params![file.0, step],
            "SELECT entry.id, crossing.id, body FROM file JOIN entry ON entry.id = file.entry
             JOIN crossing ON opened_at = entry.id >> 28
             WHERE sha256 = ?1 AND step = ?2 ORDER BY entry DESC LIMIT 1",
        )
    }

    /// The last steps of the names under which a file came, in their order.
    pub fn steps_of_file(&self, file: Sha256) -> impl Iterator<Item = Result<String, StoreError>> {
        // The least step that is not one of those before, and so on: a look at each, however often the file came.
        let mut least = Some(String::new());
        std::iter::from_fn(move || {
            let from = least.take()?;
            let step = self.step_of_file(file, &from).transpose()?;
            least = step.as_ref().ok().map(|step| format!("{step}\0"));
            Some(step)
        })
    }

    fn step_of_file(&self, file: Sha256, from: &str) -> Result<Option<String>, StoreError> {
        if !self.knows_files()? {
            return Ok(None);
        }
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT step FROM file WHERE sha256 = ?1 AND step >= ?2 ORDER BY step LIMIT 1")?;
        Ok(statement.query_row(params![file.0, from], |row| row.get(0)).optional()?)
    }

    fn file_entry(&self, file: Sha256, sql: &str) -> Result<Option<FileEntry>, StoreError> {
        self.file_entry_by(params![file.0], sql)
    }

    fn file_entry_by(&self, wanted: &[&dyn ToSql], sql: &str) -> Result<Option<FileEntry>, StoreError> {
        if !self.knows_files()? {
            return Ok(None);
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(wanted)?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let opened_at = opened_of_row(row.get(0)?)?;
        Ok(Some(FileEntry {
            crossing: crossing_id(&row.get::<_, [u8; 16]>(1)?)?.to_string(),
            opened_at,
            entry: parse(text(row, 2)?, opened_at)?,
        }))
    }

    /// The crossings of a file, newest first.
    pub fn crossings_of_file(&self, file: Sha256, limit: u32) -> Result<Vec<FileCrossing>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "SELECT entry.id, body FROM file JOIN entry ON entry.id = file.entry
                 WHERE sha256 = ?1 ORDER BY entry DESC LIMIT ?2",
            )?;
            let mut rows = statement.query(params![file.0, limit])?;
            while let Some(row) = rows.next()? {
                let opened_at = opened_of_row(row.get(0)?)?;
                entries.push((opened_at, parse::<EntryWords>(text(row, 1)?, opened_at)?));
            }
        }
        entries.into_iter().map(|(opened_at, entry)| self.file_crossing(opened_at, entry)).collect()
    }

    /// An entry with the crossing that was opened at an index.
    pub(crate) fn file_crossing(&self, at: u64, entry: EntryWords) -> Result<FileCrossing, StoreError> {
        let crossing = self.crossing_at(at)?;
        let crossing = crossing.ok_or(StoreError::Damaged("an entry belongs to no crossing"))?;
        Ok(FileCrossing { crossing, entry })
    }

    /// The same by the row of the entry.
    pub(crate) fn file_crossing_of_row(&self, row: i64) -> Result<FileCrossing, StoreError> {
        let at = opened_of_row(row)?;
        let body: String = {
            let connection = self.connection();
            let mut statement = connection.prepare_cached("SELECT body FROM entry WHERE id = ?1")?;
            statement.query_row([row], |row| row.get(0))?
        };
        self.file_crossing(at, parse(&body, at)?)
    }

    /// What was ordered and what happened about a file, oldest first, after an index: of orders only those that were carried
    /// out, of events those of no kind that is left out.
    pub fn about_file(
        &self,
        file: Sha256,
        without: &[&str],
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AboutFile>, StoreError> {
        let without = Value::from(without).to_string();
        let indexes = self.indexes(
            params![file.0, after.map_or(Ok(-1), int)?, limit, without],
            "SELECT idx FROM about LEFT JOIN crossing ON opened_at = idx
             WHERE sha256 = ?1 AND idx > ?2 AND (kind <> 'opened' OR ending = 'complete')
               AND kind NOT IN (SELECT value FROM json_each(?4)) ORDER BY idx LIMIT ?3",
        )?;
        let mut about = Vec::with_capacity(indexes.len());
        for index in indexes {
            about.extend(self.about_at(index)?);
        }
        Ok(about)
    }

    /// The same, so many that came last, newest first.
    pub fn newest_about_file(
        &self,
        file: Sha256,
        without: &[&str],
        limit: u32,
    ) -> Result<Vec<AboutFile>, StoreError> {
        let without = Value::from(without).to_string();
        let indexes = self.indexes(
            params![file.0, limit, without],
            "SELECT idx FROM about LEFT JOIN crossing ON opened_at = idx
             WHERE sha256 = ?1 AND (kind <> 'opened' OR ending = 'complete')
               AND kind NOT IN (SELECT value FROM json_each(?3)) ORDER BY idx DESC LIMIT ?2",
        )?;
        indexes.into_iter().filter_map(|index| self.about_at(index).transpose()).collect()
    }

    /// The last word on whether a file may pass: an order that admits, refuses or revokes, with the crossing that carried it
    /// out and when.
    pub fn last_word(&self, file: Sha256) -> Result<Option<(String, String, OrderWords)>, StoreError> {
        let mut last = None;
        for what in ["admit-model", "refuse-model", "revoke-model"] {
            last = last.max(self.orders_at(file, Orders::Last(what), 1)?.pop());
        }
        self.order_at(last)
    }

    /// The last order of a kind about a file that was carried out: `request-model`, `admit-model`.
    pub fn last_order(&self, file: Sha256, what: &str) -> Result<Option<OrderWords>, StoreError> {
        let last = self.orders_at(file, Orders::Last(what), 1)?.pop();
        Ok(self.order_at(last)?.map(|(_, _, order)| order))
    }

    /// The indexes of orders about a file that were carried out.
    fn orders_at(&self, file: Sha256, which: Orders<'_>, limit: u32) -> Result<Vec<u64>, StoreError> {
        macro_rules! of {
            ($which:literal) => {
                concat!(
                    "SELECT idx FROM about CROSS JOIN crossing ON opened_at = idx
                     WHERE sha256 = ?1 AND kind = 'opened' AND ending = 'complete' AND ",
                    $which,
                    " LIMIT ?3"
                )
            };
        }
        match which {
            Orders::Last(what) => {
                self.indexes(params![file.0, what, limit], of!("word = ?2 ORDER BY idx DESC"))
            }
            Orders::After(after) => {
                let after = after.map_or(Ok(-1), int)?;
                self.indexes(params![file.0, after, limit], of!("idx > ?2 ORDER BY idx"))
            }
        }
    }

    fn order_at(&self, index: Option<u64>) -> Result<Option<(String, String, OrderWords)>, StoreError> {
        let about = index.map(|index| self.about_at(index)).transpose()?.flatten();
        Ok(about.and_then(|about| match about {
            AboutFile::Order { crossing, when, order, .. } => Some((crossing, when, order)),
            AboutFile::Event { .. } => None,
        }))
    }

    /// The order by which a file is admitted at a time, if one holds: the last word counts.
    pub fn admission(&self, file: Sha256, at: Timestamp) -> Result<Option<Admission>, StoreError> {
        let Some((crossing, _, order)) = self.last_word(file)? else { return Ok(None) };
        let holds = order.admits(at);
        let order_of = CrossingId::parse(&crossing).filter(|_| holds);
        Ok(order_of.map(|id| Admission { order: id, by_two: order.second.is_some() }))
    }

    /// The last crossing of a file.
    pub fn last_crossing_of_file(&self, file: Sha256) -> Result<Option<FileCrossing>, StoreError> {
        if !self.knows_files()? {
            return Ok(None);
        }
        let found = {
            let connection = self.connection();
            let mut statement = connection.prepare_cached(
                "SELECT entry.id, body FROM file JOIN entry ON entry.id = file.entry
                 WHERE sha256 = ?1 ORDER BY entry DESC LIMIT 1",
            )?;
            let mut rows = statement.query([file.0])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let opened_at = opened_of_row(row.get(0)?)?;
            (opened_at, parse::<EntryWords>(text(row, 1)?, opened_at)?)
        };
        let crossing = self.crossing_at(found.0)?;
        Ok(crossing.map(|crossing| FileCrossing { crossing, entry: found.1 }))
    }

    /// The newest events of a kind about a file, newest first.
    pub fn events_about(&self, file: Sha256, kind: &str, limit: u32) -> Result<Vec<AboutFile>, StoreError> {
        let indexes = self.indexes(
            params![file.0, kind, limit],
            "SELECT idx FROM about WHERE sha256 = ?1 AND kind = ?2 ORDER BY idx DESC LIMIT ?3",
        )?;
        indexes.into_iter().filter_map(|index| self.about_at(index).transpose()).collect()
    }

    /// The last event of a kind after an index that says what became of a file as one whose name ends in this step. One that
    /// names none (older versions did not) may be of any name, and is one of this where it holds the file.
    pub fn last_event_of_step(
        &self,
        file: Sha256,
        kind: &str,
        step: &str,
        after: u64,
    ) -> Result<Option<AboutFile>, StoreError> {
        let indexes = self.indexes(
            params![file.0, kind, step, int(after)?],
            "SELECT about.idx FROM about CROSS JOIN leaf ON leaf.idx = about.idx
             WHERE sha256 = ?1 AND about.kind = ?2 AND about.idx > ?4
               AND (body ->> '$.event.step' = ?3
                 OR (body ->> '$.event.step' IS NULL AND body ->> '$.event.verdict' IN ('quarantine', 'block')))
             ORDER BY about.idx DESC LIMIT 1",
        )?;
        Ok(indexes.first().map(|index| self.about_at(*index)).transpose()?.flatten())
    }

    /// Whether there is an event of a kind about a file that names this model.
    pub fn has_event_of_model(&self, file: Sha256, kind: &str, model: &str) -> Result<bool, StoreError> {
        let indexes = self.indexes(
            params![file.0, kind, model],
            "SELECT idx FROM about WHERE sha256 = ?1 AND kind = ?2 AND word = ?3 LIMIT 1",
        )?;
        Ok(!indexes.is_empty())
    }

    /// Orders about a file that were carried out, oldest first, after an index.
    pub fn orders_about(
        &self,
        file: Sha256,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AboutFile>, StoreError> {
        let indexes = self.orders_at(file, Orders::After(after), limit)?;
        indexes.into_iter().filter_map(|index| self.about_at(index).transpose()).collect()
    }

    /// Leaves about a file, by a question for their indexes.
    fn indexes(&self, wanted: &[&dyn ToSql], sql: &str) -> Result<Vec<u64>, StoreError> {
        if !self.knows_files()? {
            return Ok(Vec::new());
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(wanted)?;
        let mut indexes = Vec::new();
        while let Some(row) = rows.next()? {
            indexes.push(uint(row.get(0)?)?);
        }
        Ok(indexes)
    }

    /// What one leaf says about a file; none for an order that was not carried out.
    fn about_at(&self, index: u64) -> Result<Option<AboutFile>, StoreError> {
        let leaf = self.leaf(index)?.ok_or(StoreError::Damaged("an entry is missing"))?;
        if leaf.kind != "opened" {
            let EventWords { at, event } = parse(&leaf.body, index)?;
            return Ok(Some(AboutFile::Event { at: index, kind: leaf.kind, when: at, event }));
        }
        let crossing = self.crossing_at(index)?.ok_or(StoreError::Damaged("an entry is missing"))?;
        let complete = crossing.sealed.is_some_and(|sealed| sealed.seal.ending == "complete");
        let order = crossing.opened.order.filter(|_| complete);
        let (crossing, when) = (crossing.opened.crossing, crossing.opened.started);
        Ok(order.map(|order| AboutFile::Order { at: index, crossing, when, order }))
    }
}
