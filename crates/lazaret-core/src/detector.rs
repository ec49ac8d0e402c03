//! Detectors: look at one view of one segment and say what is there. No I/O, no state of their own.

use crate::{Findings, Known, Meaning, Place, Profile, Rule, Segment};

/// One segment as a detector sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The segment.
    pub segment: &'a Segment<'a>,
    /// Its text, where it is text.
    pub text: &'a str,
    /// Where it stands.
    pub place: &'a Place<'a>,
    /// What the schema says it is.
    pub meaning: Meaning,
}

impl<'a> View<'a> {
    /// The view of a segment.
    pub fn of(segment: &'a Segment<'a>) -> Self {
        Self { segment, text: segment.text().unwrap_or(""), place: segment.place, meaning: segment.meaning }
    }
}

/// What is known around a segment.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Names, addresses and numbers known for this subject.
    pub known: Option<&'a Known>,
    /// The profile in force.
    pub profile: &'a Profile,
    /// The kind of record.
    pub record_kind: &'a str,
}

/// A detector failed: nothing crosses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("detector `{detector}` failed: {reason}")]
pub struct DetectorError {
    /// Which.
    pub detector: &'static str,
    /// Why, without data.
    pub reason: String,
}

/// Looks at a view and reports what it finds: faults, or identifying text.
pub trait Detector: Send + Sync {
    /// The rules it may report.
    fn rules(&self) -> &'static [&'static Rule];
    /// Its name and version, as receipts and bills of materials bear it.
    fn version(&self) -> String;
    /// Looks at one view.
    fn inspect(
        &self,
        view: &View<'_>,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Result<(), DetectorError>;
}
