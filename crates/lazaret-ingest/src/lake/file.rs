//! One Parquet file being written: encrypted, digested as it is written, and durable when it ends.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use lazaret_core::hex;
use lazaret_input::sync_folder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use ring::digest::{Context, SHA256};

use super::LakeError;
use super::keys;
use super::table::Table;

/// A file being written.
pub(crate) struct LakeFile {
    writer: ArrowWriter<Digested>,
    rows: u64,
}

/// A file that is written and durable.
#[derive(Debug)]
pub(crate) struct Written {
    /// SHA-256 of its bytes, hex.
    pub(crate) sha256: String,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// How many rows.
    pub(crate) rows: u64,
}

impl LakeFile {
    /// Begins a file of a table. `place` is where it will stand in its dataset; it is authenticated with it.
    pub(crate) fn create(
        path: &Path,
        table: &Table,
        data_keys: &dyn lazaret_core::DataKeys,
        dataset: &str,
        place: &str,
    ) -> Result<Self, LakeError> {
        let columns: Vec<_> = table.classed().collect();
        let encryption = keys::for_writing(data_keys, dataset, place, &columns)?;
        let mut properties = WriterProperties::builder()
            .with_file_encryption_properties(encryption)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(LakeError::parquet("set up"))?))
            .set_created_by(format!("lazaret {}", env!("CARGO_PKG_VERSION")))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        for column in table.content_columns() {
            let column = ColumnPath::from(column);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None);
        }
        let file = File::create_new(path).map_err(LakeError::io("make a file"))?;
        let writer =
            ArrowWriter::try_new(Digested::new(file), Arc::clone(table.schema()), Some(properties.build()))
                .map_err(LakeError::parquet("begin"))?;
        Ok(Self { writer, rows: 0 })
    }

    /// Writes the rows that wait in the table as a row group.
    pub(crate) fn write(&mut self, table: &mut Table) -> Result<(), LakeError> {
        let rows = table.take()?;
        self.rows += u64::try_from(rows.num_rows()).unwrap_or(u64::MAX);
        self.writer.write(&rows).map_err(LakeError::parquet("write"))?;
        self.writer.flush().map_err(LakeError::parquet("write"))
    }

    /// How many bytes were written.
    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Ends the file. Returns when it is durable.
    pub(crate) fn end(self) -> Result<Written, LakeError> {
        let rows = self.rows;
        let digested = self.writer.into_inner().map_err(LakeError::parquet("end"))?;
        let (sha256, bytes) = digested.end().map_err(LakeError::io("make a file durable"))?;
        Ok(Written { sha256, bytes, rows })
    }
}

struct Digested {
    file: BufWriter<File>,
    digest: Context,
    bytes: u64,
}

impl Digested {
    fn new(file: File) -> Self {
        Self { file: BufWriter::with_capacity(64 << 10, file), digest: Context::new(&SHA256), bytes: 0 }
    }

    fn end(mut self) -> io::Result<(String, u64)> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok((hex(self.digest.finish().as_ref()), self.bytes))
    }
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), LakeError> {
    sync_folder(dir).map_err(LakeError::io("make a folder durable"))
}
