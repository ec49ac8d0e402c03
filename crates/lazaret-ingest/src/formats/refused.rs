//! A file that was refused whole: a bomb, a damaged stream, a record above its limit. It is one record, its bytes
//! as they came, and its reading is the reason. So it is kept in the quarantine like any other record, and like
//! any record that cannot be read it never crosses.

use lazaret_core::{Finding, Findings, FormatId, Limit, Limits, Reading, Record, RecordPlace};

/// The id by which receipts and the quarantine name such a file. Nothing is ever recognised as it.
pub const FORMAT: FormatId = FormatId("refused-file");

/// A file refused whole is kept up to this many bytes; a larger one stays where it lies. It is sealed in one
/// piece, so this bounds memory too.
pub const MAX_REFUSED: Limit = Limit::new("quarantine.max_file", 64 << 20);

/// The file, as a record.
pub struct RefusedFile {
    bytes: Vec<u8>,
    why: Finding,
}

impl RefusedFile {
    /// The file's bytes as they came, and why it was refused.
    pub fn new(bytes: Vec<u8>, why: Finding) -> Self {
        Self { bytes, why }
    }
}

impl Record for RefusedFile {
    fn place(&self) -> RecordPlace {
        RecordPlace { number: 0, line: None }
    }

    fn format(&self) -> FormatId {
        FORMAT
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn read<'r>(&'r self, _limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
        findings.fault(self.why.clone());
        None
    }
}
