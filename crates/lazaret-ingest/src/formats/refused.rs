//! A file that was refused whole: a bomb, a damaged stream, a record above its limit. It is one record, its bytes
//! as they came, and its reading is the reason. So it is kept in the quarantine like any other record, and like
//! any record that cannot be read it never crosses.

use std::sync::Arc;

use lazaret_core::{Finding, FormatId, Limit, Record};

use super::one::Unread;

/// The id by which receipts and the quarantine name such a file. Nothing is ever recognised as it.
pub const FORMAT: FormatId = FormatId("refused-file");

/// A file refused whole is kept up to this many bytes; a larger one stays where it lies. It is sealed in one
/// piece, so this bounds memory too.
pub const MAX_REFUSED: Limit = Limit::new("quarantine.max_file", 64 << 20);

/// The file as a record: its bytes as they came, and why it was refused.
pub fn record(bytes: Vec<u8>, why: Finding) -> Arc<dyn Record> {
    Arc::new(Unread { format: FORMAT, bytes, why })
}
