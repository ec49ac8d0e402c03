//! Reading the lake back: with the key every row, with another key or after an alteration none.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::vec;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use lazaret_core::{CrossingId, DataKeys, Output, Sensitive, hex};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use ring::digest::{Context, SHA256};

use super::keys::{self, Unwrap};
use super::{Lake, LakeError, checked_name};

/// One row of the lake.
#[derive(Debug)]
pub struct LakeRow {
    /// The crossing it came by.
    pub crossing: CrossingId,
    /// Its number in the payload.
    pub record: u64,
    /// Which entry, if it came in a Bundle.
    pub entry: Option<u32>,
    /// The record as written.
    pub content: Sensitive<Vec<u8>>,
    /// The typed columns that have a value, by name, as text.
    pub columns: Vec<(String, Sensitive<String>)>,
}

/// The rows of a dataset, file by file. Each file is opened and authenticated whole before its first row is
/// given; after an error nothing more comes.
pub struct Rows {
    lake: Lake,
    keys: Arc<dyn DataKeys>,
    files: vec::IntoIter<(CrossingId, String)>,
    open: Option<(CrossingId, Batches)>,
    ready: vec::IntoIter<LakeRow>,
}

impl Lake {
    /// Whether a visible file is, byte for byte, the one that was sealed. Needs no key.
    pub fn check(&self, output: &Output) -> Result<(), LakeError> {
        let damaged = || LakeError::Damaged { name: output.name.clone() };
        let (kind, file) = output.name.split_once('/').ok_or(LakeError::Name)?;
        parts(file).ok_or(LakeError::Name)?;
        let path = self.dir.join(checked_name(kind)?).join(file);
        let mut file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LakeError::Missing { name: output.name.clone() });
            }
            file => file.map_err(LakeError::io("open a file"))?,
        };
        let mut digest = Context::new(&SHA256);
        let mut buffer = vec![0_u8; 64 << 10];
        loop {
            let read = file.read(&mut buffer).map_err(LakeError::io("read a file"))?;
            match buffer.get(..read) {
                None | Some([]) => break,
                Some(bytes) => digest.update(bytes),
            }
        }
        if hex(digest.finish().as_ref()) == output.sha256 { Ok(()) } else { Err(damaged()) }
    }

    /// Reads a dataset (`lake/Patient`) with these keys, in the order of crossings and records.
    pub fn read(&self, dataset: &str, keys: Arc<dyn DataKeys>) -> Result<Rows, LakeError> {
        let kind = dataset.strip_prefix(self.name.as_str()).and_then(|kind| kind.strip_prefix('/'));
        let kind = checked_name(kind.ok_or(LakeError::Name)?)?;
        let mut files = Vec::new();
        match fs::read_dir(self.dir.join(kind)) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(LakeError::io("list a dataset"))?.file_name();
                    let Some(name) = name.to_str() else { continue };
                    if let Some((crossing, number)) = parts(name) {
                        files.push((crossing, number, format!("{kind}/{name}")));
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(LakeError::io("list a dataset")(error)),
        }
        files.sort();
        let files: Vec<_> = files.into_iter().map(|(crossing, _, name)| (crossing, name)).collect();
        Ok(Rows {
            lake: self.clone(),
            keys,
            files: files.into_iter(),
            open: None,
            ready: Vec::new().into_iter(),
        })
    }
}

/// The crossing and the number in a file's name.
fn parts(name: &str) -> Option<(CrossingId, u32)> {
    let (crossing, number) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
    Some((CrossingId::parse(crossing)?, number.parse().ok()?))
}

impl Iterator for Rows {
    type Item = Result<LakeRow, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.open = None;
                    self.files = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Rows {
    /// Reads the next rows. False at the end.
    fn refill(&mut self) -> Result<bool, LakeError> {
        if let Some((crossing, batches)) = &mut self.open {
            match batches.next()? {
                Some(batch) => {
                    self.ready = rows_of(*crossing, &batches.name, &batch)?.into_iter();
                    return Ok(true);
                }
                None => self.open = None,
            }
        }
        let Some((crossing, name)) = self.files.next() else { return Ok(false) };
        let path = self.lake.dir.join(&name);
        // Once through without giving a row: each page is authenticated, so an alteration anywhere is seen now.
        let mut first = Batches::open(&path, &name, &self.keys)?;
        while let Some(batch) = first.next()? {
            rows_of(crossing, &name, &batch)?;
        }
        self.open = Some((crossing, Batches::open(&path, &name, &self.keys)?));
        Ok(true)
    }
}

/// The batches of one file.
struct Batches {
    name: String,
    unwrap: Arc<Unwrap>,
    reader: ParquetRecordBatchReader,
}

const ROWS_AT_ONCE: usize = 256;
/// First and last four bytes of a file whose footer is encrypted.
const MAGIC: [u8; 4] = *b"PARE";

impl Batches {
    fn open(path: &Path, name: &str, keys: &Arc<dyn DataKeys>) -> Result<Self, LakeError> {
        let damaged = || LakeError::Damaged { name: name.to_owned() };
        let mut file = File::open(path).map_err(LakeError::io("open a file"))?;
        let mut ends = [0_u8; 8];
        let (head, tail) = ends.split_at_mut(4);
        file.read_exact(head).map_err(|_| damaged())?;
        file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(tail)).map_err(|_| damaged())?;
        if *head != MAGIC || *tail != MAGIC {
            return Err(damaged());
        }
        let (unwrap, decryption) = keys::for_reading(Arc::clone(keys), name)?;
        let options = ArrowReaderOptions::new().with_file_decryption_properties(decryption);
        let reader = guarded(name, &unwrap, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
            builder.with_batch_size(ROWS_AT_ONCE).build()
        })?;
        Ok(Self { name: name.to_owned(), unwrap, reader })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        let reader = &mut self.reader;
        guarded(&self.name, &self.unwrap, || reader.next().transpose().map_err(ParquetError::from))
    }
}

/// Runs a step of the Parquet reader. It trusts lengths in the file, so a panic of it counts as damage.
fn guarded<T>(
    name: &str,
    unwrap: &Unwrap,
    step: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, LakeError> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) | Err(_) => {
            Err(unwrap.failure().unwrap_or_else(|| LakeError::Damaged { name: name.to_owned() }))
        }
    }
}

fn rows_of(crossing: CrossingId, name: &str, batch: &RecordBatch) -> Result<Vec<LakeRow>, LakeError> {
    let damaged = || LakeError::Damaged { name: name.to_owned() };
    let records = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>());
    let records = records.ok_or_else(damaged)?;
    let schema = batch.schema();
    let mut rows = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        let record = u64::try_from(records.value(at)).map_err(|_| damaged())?;
        let mut row =
            LakeRow { crossing, record, entry: None, content: Sensitive::default(), columns: Vec::new() };
        for (field, column) in schema.fields().iter().zip(batch.columns()).skip(1) {
            if column.is_null(at) {
                continue;
            }
            if let Some(bytes) = column.as_binary_opt::<i32>() {
                row.content = bytes.value(at).to_vec().into();
            } else if field.name() == "entry" && column.as_primitive_opt::<Int32Type>().is_some() {
                let entry = column.as_primitive::<Int32Type>().value(at);
                row.entry = Some(u32::try_from(entry).map_err(|_| damaged())?);
            } else {
                let text = cell_text(column.as_ref(), at).ok_or_else(damaged)?;
                row.columns.push((field.name().clone(), text.into()));
            }
        }
        // The content is the last column, unless the record is no text and stands in `bytes`.
        if row.content.expose().is_empty() {
            let last = schema.fields().iter().map(|field| field.name()).rfind(|name| *name != "bytes");
            if row.columns.last().map(|(name, _)| name) == last
                && let Some((_, text)) = row.columns.pop()
            {
                row.content = text.expose().as_bytes().to_vec().into();
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn cell_text(column: &dyn Array, at: usize) -> Option<String> {
    use arrow_array::types::{Decimal128Type, Float64Type};
    Some(if let Some(column) = column.as_string_opt::<i32>() {
        column.value(at).to_owned()
    } else if let Some(column) = column.as_primitive_opt::<Int64Type>() {
        column.value(at).to_string()
    } else if let Some(column) = column.as_primitive_opt::<Int32Type>() {
        column.value(at).to_string()
    } else if let Some(column) = column.as_primitive_opt::<Float64Type>() {
        column.value(at).to_string()
    } else if let Some(column) = column.as_primitive_opt::<Decimal128Type>() {
        column.value_as_string(at)
    } else {
        column.as_boolean_opt()?.value(at).to_string()
    })
}
