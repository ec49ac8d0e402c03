//! Payloads, records and their readings: what a format hands to the checkpoint.
//!
//! A [`Payload`] is read as a visitor and never held whole. It gives [`Record`]s: the bytes as they arrived,
//! with their place. Understanding them ([`Record::read`]) is the worker's job, so that records are read in
//! parallel and a reader that fails, hangs or panics stops one record.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use serde::Serialize;

use crate::{Body, Edits, Findings, Label, Limits, Place, RecordPlace, Sensitivity, Source};

/// The id of a format: `fhir-r4`, `csv`, `note`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FormatId(pub &'static str);

impl fmt::Display for FormatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How sure a format is that a source is its own. Content decides; the name is a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Not this format.
    No,
    /// Only the name says so.
    ByName,
    /// The content could be it.
    Possible,
    /// The content is it.
    Certain,
}

/// What is known of a source beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct Hint {
    /// The ending of the file's name in lower case, without the dot.
    pub extension: Option<String>,
    /// A media type that came with it.
    pub media_type: Option<String>,
    /// Its name where it comes from, with the folders of its model: `unet/model.bin`. Only of files that are about no
    /// patient; a record's file name may hold a record number and is never told.
    pub name: Option<String>,
}

/// Why a payload could not be read on. Place and kind, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// The rule that says so.
    pub rule: &'static str,
    /// Where and why, without data.
    pub reason: String,
}

impl Refused {
    /// A refusal.
    pub fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// One file format: one file and one line in its room's registry.
pub trait Format: Send + Sync {
    /// Its id.
    fn id(&self) -> FormatId;
    /// What its readers go by that is not built in, as receipts name it: a file of rules with its digest.
    fn goes_by(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether a source, by its first bytes (at least 4 KiB where there are as many), is of this format.
    fn recognise(&self, head: &[u8], hint: &Hint) -> Likeness;
    /// Opens a source. Reads no further than it must.
    fn open(&self, source: Arc<dyn Source>, limits: &Limits) -> Result<Box<dyn Payload>, Refused>;
}

/// What crosses, opened.
pub trait Payload: Send {
    /// The next record, or none at the end. A record that cannot be understood is still given (its reading
    /// says why), so one bad record never ends the batch; an error ends it.
    fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused>;
    /// How many bytes of the source have been read, for progress.
    fn position(&self) -> u64;
}

/// The unit of decision, as it arrived.
pub trait Record: Send + Sync {
    /// Where it stands in its payload.
    fn place(&self) -> RecordPlace;
    /// Its format.
    fn format(&self) -> FormatId;
    /// What it holds, as it arrived: what is digested, and what is held if it must be.
    fn body(&self) -> Body<'_>;
    /// Whether it may describe a patient (FHIR `Patient`), by a cheap look at its bytes: such records are read
    /// first, to learn the names and numbers that are then sought in notes.
    fn may_describe_subject(&self) -> bool {
        false
    }
    /// Reads it strictly and reports every fault found. None if it cannot be understood at all; then at least
    /// one fault of medium or above was reported.
    fn read<'r>(&'r self, limits: &Limits, findings: &mut Findings) -> Option<Box<dyn Reading + 'r>>;
}

/// A patient, as the source names it: `Patient/129c…` of one source system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectRef<'a> {
    /// The id within the crossing's source system. A value: never printed.
    pub id: &'a str,
}

/// What makes two records the same: type, id, version. The content digest is added by the passage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity<'a> {
    /// The id in its source, if any. A value: never printed.
    pub id: Option<&'a str>,
    /// The version (FHIR `meta.versionId`), if any.
    pub version: Option<&'a str>,
}

/// A record as its format understood it.
pub trait Reading {
    /// What kind of record it is: `Patient`, `note`, `csv-row`. A word of the format, never of the data.
    fn kind(&self) -> &str;
    /// What makes it the same record if it comes again.
    fn identity(&self) -> Identity<'_>;
    /// The patient it is about, if it names one.
    fn subject(&self) -> Option<SubjectRef<'_>>;
    /// Whether it is the record that describes its subject (FHIR `Patient`): its names and numbers are learnt
    /// before notes about that subject are read.
    fn describes_subject(&self) -> bool {
        false
    }
    /// Special protection it claims.
    fn sensitivity(&self) -> Vec<Sensitivity> {
        Vec::new()
    }
    /// Visits what it says of the patients it describes. By default, if it describes its subject, every segment
    /// that the schema says identifies.
    fn facts(&self, visit: &mut dyn FnMut(SubjectRef<'_>, Label, &str)) -> Result<(), Refused> {
        let Some(subject) = self.subject().filter(|_| self.describes_subject()) else { return Ok(()) };
        self.segments(&mut |segment| {
            if let (Meaning::Identifier(label), Some(text)) = (segment.meaning, segment.text()) {
                visit(segment.subject.unwrap_or(subject), label, text);
            }
            Flow::On
        })
    }
    /// Visits every segment in a fixed order; the n-th visited is edited by its number n.
    fn segments(&self, visit: &mut dyn FnMut(Segment<'_>) -> Flow) -> Result<(), Refused>;
    /// Writes the record with the edits made and everything else as it was, byte for byte. With no edits it
    /// writes [`Record::body`]. A format that cannot be edited says so: its records are allowed or held only.
    fn write(&self, edits: &Edits, out: &mut dyn Write) -> Result<(), Refused>;
}

/// Whether a visitor wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    On,
    /// Enough.
    Stop,
}

/// What the schema says a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The schema says it identifies: the whole segment is of this label. Bytes (a photo) are not inspected
    /// where the profile keeps them.
    Identifier(Label),
    /// Free text about the subject: detectors look.
    Text,
    /// Free text in passing (a narrative, a remark): a profile that does not read such takes it out whole, by this
    /// label; where one does, detectors look.
    Remark(Label),
    /// Free text that is no note (a display, a title): detectors look, but no known subject is required.
    ShortText,
    /// Bytes that no detector of text reads (an image).
    Opaque,
    /// A fact about a program (a pickle's call, a template's syntax tree).
    Fact,
}

/// What a segment holds.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Text, decoded.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A fact; detectors of that gate know its type.
    Fact(&'a dyn Fact),
}

/// A structured thing a format found and a detector of the same gate judges.
pub trait Fact: fmt::Debug + Send + Sync {
    /// For downcasting.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// One addressed piece of a record.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Where it stands.
    pub place: &'a Place<'a>,
    /// What it holds.
    pub content: Content<'a>,
    /// What the schema says it is.
    pub meaning: Meaning,
    /// The patient this piece is about, where it is not the record's (an entry of a Bundle).
    pub subject: Option<SubjectRef<'a>>,
    /// What a token of this segment is scoped by, so that an id and the references to it get one token:
    /// `Patient`. Empty for none.
    pub domain: &'a str,
}

impl Segment<'_> {
    /// Its text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match self.content {
            Content::Text(text) => Some(text),
            Content::Bytes(_) | Content::Fact(_) => None,
        }
    }
}
