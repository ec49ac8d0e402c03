//! The lake as a destination: what one crossing stages, and how it becomes visible or goes away.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::{Cleared, CrossingId, Destination, Ending, Output, Piece, Sealed, Undelivered};

use super::file::{self, LakeFile};
use super::manifest::{Manifest, ManifestFile};
use super::table::{self, Table};
use super::{Lake, LakeError, checked_name};

/// Where the cleared pieces of one crossing go.
pub struct LakeDestination {
    lake: Lake,
    crossing: CrossingId,
    kinds: BTreeMap<String, Kind>,
    files: Vec<ManifestFile>,
    waiting: usize,
    stage: Stage,
    sealed: bool,
}

enum Stage {
    /// Nothing is on disk yet.
    Fresh,
    /// Files are being written; the lock tells another process that they are not left over.
    Open(File),
    /// The manifest is durable.
    Finished(Option<File>),
    /// Committed or undone.
    Over,
}

struct Kind {
    table: Table,
    file: Option<(String, LakeFile)>,
    begun: usize,
}

impl LakeDestination {
    pub(crate) fn new(lake: Lake, crossing: CrossingId) -> Self {
        Self {
            lake,
            crossing,
            kinds: BTreeMap::new(),
            files: Vec::new(),
            waiting: 0,
            stage: Stage::Fresh,
            sealed: false,
        }
    }

    /// Stages one piece. Only what core cleared comes here.
    pub(crate) fn add(&mut self, piece: &Piece) -> Result<(), LakeError> {
        self.begin()?;
        let bytes = piece.content.bytes().ok_or(LakeError::NoRecord)?;
        self.put(&piece.kind, piece.record, None, bytes)?;
        if piece.kind == "Bundle" {
            for (entry, kind, resource) in table::entries(bytes)? {
                let own_table = kind.starts_with(|first: char| first.is_ascii_uppercase());
                if own_table && kind != "Bundle" && checked_name(&kind).is_ok() {
                    self.put(&kind, piece.record, Some(entry), resource.as_bytes())?;
                }
            }
        }
        while self.waiting > self.lake.max_buffered {
            self.write_largest()?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    fn begin(&mut self) -> Result<(), LakeError> {
        match self.stage {
            Stage::Fresh => {
                let staging = self.lake.staging(self.crossing);
                fs::create_dir(&staging).map_err(LakeError::io("make a staging folder"))?;
                let lock = File::create_new(staging.join(super::manifest::LOCK))
                    .map_err(LakeError::io("make a staging folder"))?;
                lock.lock().map_err(LakeError::io("lock a staging folder"))?;
                self.stage = Stage::Open(lock);
                Ok(())
            }
            Stage::Open(_) => Ok(()),
            Stage::Finished(_) | Stage::Over => Err(LakeError::Order("take a piece after the end")),
        }
    }

    fn put(&mut self, kind: &str, record: u64, entry: Option<usize>, bytes: &[u8]) -> Result<(), LakeError> {
        checked_name(kind)?;
        if !self.kinds.contains_key(kind) {
            self.lake
                .max_kinds
                .check(u64::try_from(self.kinds.len()).unwrap_or(u64::MAX).saturating_add(1))?;
            let table = Table::of(kind, self.lake.csv.get(kind).map(Arc::clone));
            self.kinds.insert(kind.to_owned(), Kind { table, file: None, begun: 0 });
        }
        if let Some(kind) = self.kinds.get_mut(kind) {
            let before = kind.table.bytes();
            kind.table.push(record, entry, bytes)?;
            self.waiting += kind.table.bytes() - before;
        }
        Ok(())
    }

    fn write_largest(&mut self) -> Result<(), LakeError> {
        let largest =
            self.kinds.iter().max_by_key(|(_, kind)| kind.table.bytes()).map(|(name, _)| name.clone());
        match largest {
            Some(name) => self.write(&name),
            None => Ok(()),
        }
    }

    /// Writes the rows of one kind that wait; ends its file where that has become large.
    fn write(&mut self, name: &str) -> Result<(), LakeError> {
        let Some(kind) = self.kinds.get_mut(name) else { return Ok(()) };
        self.waiting = self.waiting.saturating_sub(kind.table.bytes());
        kind.write(&self.lake, self.crossing, name)?;
        if kind.file.as_ref().is_some_and(|(_, file)| file.bytes() >= self.lake.max_file) {
            self.files.extend(kind.end(name)?);
        }
        Ok(())
    }

    pub(crate) fn finish_all(&mut self) -> Result<Vec<Output>, LakeError> {
        match &self.stage {
            Stage::Fresh => {
                self.stage = Stage::Finished(None);
                return Ok(Vec::new());
            }
            Stage::Open(_) => {}
            Stage::Finished(_) | Stage::Over => return Err(LakeError::Order("finish twice")),
        }
        let mut files = std::mem::take(&mut self.files);
        files.extend(end_all(&self.lake, self.crossing, std::mem::take(&mut self.kinds))?);
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let manifest = Manifest { files };
        manifest.write(&self.lake.staging(self.crossing))?;
        file::sync_dir(&self.lake.dir.join(super::STAGING))?;
        let outputs = manifest.files.iter().map(|file| file.output(&self.lake.name)).collect();
        if let Stage::Open(lock) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.stage = Stage::Finished(Some(lock));
        }
        Ok(outputs)
    }

    pub(crate) fn commit_sealed(&mut self, sealed: &Sealed) -> Result<(), LakeError> {
        if sealed.seal.crossing != self.crossing || sealed.seal.ending != Ending::Complete {
            return Err(LakeError::NotSealed);
        }
        match &self.stage {
            Stage::Finished(Some(_)) => {
                self.sealed = true;
                let staging = self.lake.staging(self.crossing);
                Manifest::read(&staging)?.make_visible(&self.lake.dir, &staging)?;
                self.stage = Stage::Over;
                super::manifest::remove(&staging)
            }
            Stage::Finished(None) | Stage::Over => Ok(()),
            Stage::Fresh | Stage::Open(_) => Err(LakeError::Order("commit before the end")),
        }
    }
}

impl Kind {
    /// Writes the rows that wait, into a new file if there is none.
    fn write(&mut self, lake: &Lake, crossing: CrossingId, name: &str) -> Result<(), LakeError> {
        if self.table.rows() == 0 {
            return Ok(());
        }
        if self.file.is_none() {
            let place = format!("{name}/{crossing}-{}.parquet", self.begun);
            let path = lake.staging(crossing).join(staged_name(name, self.begun));
            let dataset = lake.dataset(name);
            let file = LakeFile::create(&path, &self.table, lake.keys.as_ref(), &dataset, &place)?;
            self.file = Some((place, file));
            self.begun += 1;
        }
        match &mut self.file {
            Some((_, file)) => file.write(&mut self.table),
            None => Ok(()),
        }
    }

    /// Ends the open file.
    fn end(&mut self, name: &str) -> Result<Option<ManifestFile>, LakeError> {
        let Some((place, file)) = self.file.take() else { return Ok(None) };
        let written = file.end()?;
        Ok(Some(ManifestFile {
            staged: staged_name(name, self.begun.saturating_sub(1)),
            name: place,
            sha256: written.sha256,
            bytes: written.bytes,
            records: written.rows,
        }))
    }
}

/// Writes and ends what every kind still has, some side by side: nothing else is left to do meanwhile.
fn end_all(
    lake: &Lake,
    crossing: CrossingId,
    kinds: BTreeMap<String, Kind>,
) -> Result<Vec<ManifestFile>, LakeError> {
    let width = std::thread::available_parallelism().map_or(1, NonZero::get).min(kinds.len());
    let waiting = Mutex::new(kinds.into_iter());
    let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let end_some = || -> Result<Vec<ManifestFile>, LakeError> {
        let mut files = Vec::new();
        while let Some((name, mut kind)) = take() {
            kind.write(lake, crossing, &name)?;
            files.extend(kind.end(&name)?);
        }
        Ok(files)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..width).map(|_| scope.spawn(end_some)).collect();
        let mut files = end_some()?;
        for thread in threads {
            files.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(files)
    })
}

impl Destination for LakeDestination {
    fn stage(&mut self, piece: Cleared<Piece>) -> Result<(), Undelivered> {
        self.add(piece.piece()).map_err(|cause| undelivered("take a piece", cause))
    }

    fn finish(&mut self) -> Result<Vec<Output>, Undelivered> {
        self.finish_all().map_err(|cause| undelivered("end its files", cause))
    }

    fn commit(&mut self, sealed: &Sealed) -> Result<(), Undelivered> {
        self.commit_sealed(sealed).map_err(|cause| undelivered("make its files visible", cause))
    }

    /// What cannot be taken away now is taken away by [`Lake::recover`]. What is sealed stays, for it to finish.
    fn undo(&mut self) {
        if self.sealed {
            return;
        }
        self.kinds.clear();
        self.files.clear();
        let on_disk = !matches!(self.stage, Stage::Fresh | Stage::Finished(None) | Stage::Over);
        self.stage = Stage::Over;
        if on_disk {
            let _ = super::manifest::remove(&self.lake.staging(self.crossing));
        }
    }
}

fn staged_name(kind: &str, number: usize) -> String {
    format!("{kind}-{number}.parquet")
}

fn undelivered(what: &'static str, cause: LakeError) -> Undelivered {
    Undelivered { what, cause: Some(Box::new(cause)) }
}
