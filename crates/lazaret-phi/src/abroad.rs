//! Detectors that read German, French and Spanish: one file each in `detectors` and one line here. They see only the
//! parts of a note that are in one of these languages, so an English note costs and changes nothing.
//!
//! Numbers with a form or check of their own (`numbers_de`, `numbers_fr`, …) are not here: they are sought in every text.

use std::sync::LazyLock;

use lazaret_core::Language;

use crate::automaton::{Automata, Match};
use crate::detectors;
use crate::language::Languages;
use crate::overlap::Found;
use crate::registry::Hit;
use crate::view::{Note, Token};

/// One detector of other languages than English.
pub(crate) trait AbroadDetector: Send + Sync {
    /// `phi.name.abroad`. Forever.
    fn id(&self) -> &'static str;
    /// Its source: the lines that begin with `//!` are its page.
    fn source(&self) -> &'static str;
    /// A text in which it finds something, and one that looks alike in which it finds nothing.
    fn examples(&self) -> (&'static str, &'static str);
    /// What it looks for: regular expressions over bytes, any case of ASCII letters.
    fn shapes(&self) -> &'static [&'static str] {
        &[]
    }
    /// Looks at one match.
    fn judge(&self, _hit: Hit, _language: Language, _note: &Note<'_>, _out: &mut Vec<Found>) {}
    /// Looks at the word at `index`.
    fn read(&self, _index: usize, _language: Language, _note: &Note<'_>, _out: &mut Vec<Found>) {}
}

/// All of them.
pub(crate) const DETECTORS: &[&dyn AbroadDetector] = &[
    &detectors::age_abroad::AgeAbroad,
    &detectors::date_abroad::DateAbroad,
    &detectors::hospital_abroad::HospitalAbroad,
    &detectors::place_abroad::PlaceAbroad,
    &detectors::name_abroad::NameAbroad,
    &detectors::other_id_abroad::OtherIdAbroad,
    &detectors::phone_abroad::PhoneAbroad,
];

/// One automaton a detector: none of them hides another's matches.
static AUTOMATA: LazyLock<Result<Automata, String>> = LazyLock::new(|| {
    let shapes: Vec<Vec<&str>> = DETECTORS.iter().map(|detector| detector.shapes().to_vec()).collect();
    Automata::new(&shapes).map_err(|error| format!("the shapes for other languages do not compile: {error}"))
});

/// Whether the automata could be built: their error otherwise.
pub(crate) fn ready() -> Result<(), &'static str> {
    AUTOMATA.as_ref().map(|_| ()).map_err(String::as_str)
}

/// Runs the detectors over the parts that are not English.
pub(crate) fn detect(
    note: &Note<'_>,
    languages: &Languages,
    out: &mut Vec<Found>,
) -> Result<(), &'static str> {
    let automata = AUTOMATA.as_ref().map_err(String::as_str)?;
    if languages.is_empty() {
        return Ok(());
    }
    for (start, end, language) in languages.iter() {
        automata.seek(note, start..end, &mut |_, Match { automaton, shape, start, end }| {
            if let Some(detector) = DETECTORS.get(automaton) {
                note.count(end - start);
                detector.judge(Hit { start, end, shape: shape.as_usize() }, language, note, out);
            }
        });
        let first = note.token_at(start);
        let count = note.tokens().get(first..).unwrap_or(&[]).partition_point(|token| token.end <= end);
        for index in first..first + count {
            for detector in DETECTORS {
                detector.read(index, language, note, out);
            }
        }
    }
    Ok(())
}

/// The word before another.
pub(crate) fn previous<'n>(note: &'n Note<'_>, index: usize) -> Option<&'n Token> {
    index.checked_sub(1).and_then(|at| note.tokens().get(at))
}
