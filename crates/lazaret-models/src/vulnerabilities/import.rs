//! Files of records as they are published: one record, a list of them, one a line, or a zip of them (`all.zip` of an
//! ecosystem). A zip and lines are read one record after the other.

use std::sync::Arc;

use lazaret_core::{Limit, LimitExceeded, Limits, Source, SourceError};
use lazaret_input::archive::{self, ArchiveError};
use lazaret_input::json::{self, JsonKind};
use lazaret_input::{Lines, read_whole};

use super::osv::{MAX_RECORD, OsvError, Record};

/// Most records of one import. All of OSV has some 700,000.
pub const MAX_RECORDS: Limit = Limit::new("vulns.max_records", 2_000_000);
/// Most bytes of a document that is a list of records; more come as lines or in a zip.
pub const MAX_DOCUMENT: Limit = Limit::new("vulns.max_document", 256 << 20);
/// Most values of such a document.
const MAX_VALUES: u64 = 20_000_000;

/// Why a file could not be read as records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file.
    #[error("the file could not be read")]
    Source(#[from] SourceError),
    /// The zip.
    #[error("the zip could not be read")]
    Archive(#[from] ArchiveError),
    /// A limit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// It is none of the forms.
    #[error("it is neither JSON nor a zip of JSON: {0}")]
    Form(String),
}

/// A record, or why one was refused; with its place in the file.
pub type Taken<'a> = (&'a str, Result<Record, OsvError>);

/// Gives every record of a file to `take`, which says whether to go on. Returns how many there were.
pub fn read_records(
    source: &Arc<dyn Source>,
    len: u64,
    limits: &Limits,
    take: &mut dyn FnMut(Taken<'_>) -> bool,
) -> Result<u64, ImportError> {
    let mut begin = [0; 4096];
    let read = source.read_at(0, &mut begin)?;
    let begin = begin.get(..read).unwrap_or_default();
    let text = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
    match text.first() {
        _ if begin.starts_with(b"PK\x03\x04") => of_zip(source, len, limits, take),
        Some(b'[') => of_list(source, limits, take),
        Some(b'{') => of_lines(source, limits, take),
        _ => Err(ImportError::Form("it begins with neither `{`, `[` nor a zip's header".to_owned())),
    }
}

fn of_zip(
    source: &Arc<dyn Source>,
    len: u64,
    limits: &Limits,
    take: &mut dyn FnMut(Taken<'_>) -> bool,
) -> Result<u64, ImportError> {
    let most = limits.get(MAX_RECORDS);
    let mut own = limits.clone();
    // The operator's own file, of as many members as there may be records.
    own.set(archive::MAX_MEMBERS.key(), most.most());
    own.set(archive::MAX_DIRECTORY.key(), most.most().saturating_mul(160));
    let zip = archive::zip::read(Arc::clone(source), len, &own)?;
    let mut number = 0_u64;
    for (index, member) in zip.members.iter().enumerate() {
        if member.is_folder() || !is_json(&member.name) {
            continue;
        }
        number = number.saturating_add(1);
        most.check(number)?;
        let bytes =
            zip.open(index, limits.get(MAX_RECORD), &own).map_err(|fault| fault.why).and_then(|opened| {
                let whole = usize::try_from(opened.len).unwrap_or(usize::MAX);
                limits.get(MAX_RECORD).check(opened.len).map_err(|reached| reached.to_string())?;
                if let Some(cut) = &opened.cut {
                    return Err(lazaret_core::chain(cut));
                }
                if let Some(fault) = opened.faults.first() {
                    return Err(fault.why.clone());
                }
                let mut bytes = vec![0; whole];
                let read = opened
                    .source
                    .read_at(opened.from, &mut bytes)
                    .map_err(|error| lazaret_core::chain(&error))?;
                bytes.truncate(read);
                if read < whole { Err("it is cut off".to_owned()) } else { Ok(bytes) }
            });
        let record = match bytes {
            Ok(bytes) => Record::read(&bytes, limits),
            Err(why) => Err(OsvError { at: ".".to_owned(), why }),
        };
        if !take((&member.name, record)) {
            break;
        }
    }
    if number == 0 {
        return Err(ImportError::Form("the zip has no member that ends in `.json`".to_owned()));
    }
    Ok(number)
}

fn is_json(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("json"))
}

fn of_list(
    source: &Arc<dyn Source>,
    limits: &Limits,
    take: &mut dyn FnMut(Taken<'_>) -> bool,
) -> Result<u64, ImportError> {
    let bytes = whole(source, limits)?;
    let mut own = limits.clone();
    own.set(json::MAX_NODES.key(), MAX_VALUES.max(limits.get(json::MAX_NODES).most()));
    let parsed = json::parse(&bytes, &own);
    if let Some(fault) = parsed.faults.first() {
        return Err(ImportError::Form(format!("byte {}: {}", fault.offset, fault.message)));
    }
    let Some(document) = &parsed.document else { return Err(ImportError::Form("it is no JSON".to_owned())) };
    let mut number = 0_u64;
    for node in document.root().items() {
        limits.get(MAX_RECORDS).check(number.saturating_add(1))?;
        let place = format!("[{number}]");
        number = number.saturating_add(1);
        let size = node.span().len() as u64;
        let record = match limits.get(MAX_RECORD).check(size) {
            Ok(()) => Record::of(node, limits),
            Err(reached) => Err(OsvError { at: ".".to_owned(), why: reached.to_string() }),
        };
        if !take((&place, record)) {
            break;
        }
    }
    Ok(number)
}

fn whole(source: &Arc<dyn Source>, limits: &Limits) -> Result<Vec<u8>, ImportError> {
    read_whole(source.as_ref(), limits.get(MAX_DOCUMENT))
        .map_err(|error| ImportError::Form(lazaret_core::chain(&error)))
}

/// One record, or one a line: if the first line is a document of its own, lines.
fn of_lines(
    source: &Arc<dyn Source>,
    limits: &Limits,
    take: &mut dyn FnMut(Taken<'_>) -> bool,
) -> Result<u64, ImportError> {
    let mut own = limits.clone();
    own.set(lazaret_input::MAX_RECORD.key(), limits.get(MAX_RECORD).most());
    let mut lines = Lines::of_source(Arc::clone(source), &own);
    let mut number = 0_u64;
    while let Some(line) = lines.next()? {
        let place = format!("line {}", line.number);
        let bytes = match line.bytes {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => continue,
            Ok(bytes) => bytes,
            Err(reached) => {
                number = number.saturating_add(1);
                if !take((&place, Err(OsvError { at: ".".to_owned(), why: reached.to_string() }))) {
                    break;
                }
                continue;
            }
        };
        let parsed = json::parse(bytes, limits);
        let is_document =
            parsed.document.as_ref().is_some_and(|document| document.root().kind() == JsonKind::Object);
        if number == 0 && !is_document {
            // One record over many lines.
            let bytes = whole(source, limits)?;
            take((".", Record::read(&bytes, limits)));
            return Ok(1);
        }
        number = number.saturating_add(1);
        limits.get(MAX_RECORDS).check(number)?;
        if !take((&place, Record::read(bytes, limits))) {
            break;
        }
    }
    Ok(number)
}
