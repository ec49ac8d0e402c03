//! The detectors: one file each and one line here. The shapes of all of them are compiled into four automata, which
//! are tried where one of their shapes can begin. A shape that may begin with any letters is tried at every word: seek a
//! sign or a last word instead, and look back from it.

use std::sync::LazyLock;

use lazaret_core::{Kind, Label, Rule, Severity};

use crate::abroad;
use crate::automaton::{Automata, Match, Work};
use crate::detectors;
use crate::overlap::{Evidence, Found};
use crate::residual;
use crate::view::Note;

/// Where a shape matched, in the folded text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Which of the detector's shapes.
    pub(crate) shape: usize,
}

/// In which of the four readings of the text a shape is sought. Within one, at each place only the first shape in
/// the order of the registry is seen; shapes that may begin at the same place belong in different readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Words that name what follows.
    Cues,
    /// Dates and ages.
    Dates,
    /// Numbers of a fixed form.
    Numbers,
    /// Signs such as `@` and `://`, from which a detector reads in both directions.
    Signs,
}

const PASSES: [Pass; 4] = [Pass::Cues, Pass::Dates, Pass::Numbers, Pass::Signs];

/// Bytes of text by which a reading makes about one claim where it makes many.
const CLAIM: usize = 128;

/// One detector.
pub(crate) trait ShapeDetector: Send + Sync {
    /// `phi.mrn`, or `phi.other-id.nhs` where a kind has several detectors. Forever.
    fn id(&self) -> &'static str;
    /// Its source: the lines that begin with `//!` are its page.
    fn source(&self) -> &'static str;
    /// A text in which it finds something, and one that looks alike in which it finds nothing.
    fn examples(&self) -> (&'static str, &'static str);
    /// What it looks for: regular expressions over ASCII, any case.
    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[]
    }
    /// Looks at one match.
    fn judge(&self, _hit: Hit, _note: &Note<'_>, _out: &mut Vec<Found>) {}
    /// Looks at the words of the whole note.
    fn read(&self, _note: &Note<'_>, _out: &mut Vec<Found>) {}
}

/// All detectors, sorted by id.
pub(crate) const DETECTORS: &[&dyn ShapeDetector] = &[
    &detectors::account::Account,
    &detectors::age::Age,
    &detectors::biometric::Biometric,
    &detectors::date::Dates,
    &detectors::date_words::DateWords,
    &detectors::device::Device,
    &detectors::email::Email,
    &detectors::health_plan::HealthPlan,
    &detectors::numbers_au::NumbersAustralia,
    &detectors::numbers_ca::NumbersCanada,
    &detectors::numbers_de::NumbersGerman,
    &detectors::hospital::Hospital,
    &detectors::hospital_form::HospitalForm,
    &detectors::ip::Ip,
    &detectors::license::License,
    &detectors::city::City,
    &detectors::street::Street,
    &detectors::street_form::StreetForm,
    &detectors::zip::Zip,
    &detectors::mrn::Mrn,
    &detectors::name_column::NameColumn,
    &detectors::name_credential::NameCredential,
    &detectors::name_dictionary::NameDictionary,
    &detectors::name_hl7::NameHl7,
    &detectors::name_initials::NameInitials,
    &detectors::name_key::NameKey,
    &detectors::name_relation::NameRelation,
    &detectors::name_roster::NameRoster,
    &detectors::name_staff::NameStaff,
    &detectors::name_title::NameTitle,
    &detectors::name_unlisted::NameUnlisted,
    &detectors::other_id::OtherId,
    &detectors::numbers_es::NumbersSpanish,
    &detectors::guid::Guid,
    &detectors::nhs::Nhs,
    &detectors::room::Room,
    &detectors::numbers_uk::NumbersUk,
    &detectors::username::Username,
    &detectors::phone::Phone,
    &detectors::phone_spoken::PhoneSpoken,
    &detectors::photo::Photo,
    &detectors::ssn::Ssn,
    &detectors::numbers_fr::NumbersFrench,
    &detectors::numbers_ie::NumbersIreland,
    &detectors::url::Url,
    &detectors::vehicle::Vehicle,
];

/// The readings of the text.
struct Readings {
    automata: Automata,
    /// By reading and shape: the detector, and which of its shapes.
    owners: Vec<Vec<(&'static dyn ShapeDetector, usize)>>,
}

impl Readings {
    fn compile() -> Result<Self, String> {
        let mut owners = Vec::new();
        let mut shapes = Vec::new();
        for pass in PASSES {
            let of_pass = DETECTORS.iter().flat_map(|detector| {
                let shapes = detector.shapes().iter().enumerate();
                shapes
                    .filter(move |(_, (of, _))| *of == pass)
                    .map(|(number, (_, shape))| (*detector, number, *shape))
            });
            let of_pass: Vec<_> = of_pass.collect();
            owners.push(of_pass.iter().map(|(detector, number, _)| (*detector, *number)).collect());
            shapes.push(of_pass.iter().map(|(.., shape)| *shape).collect());
        }
        let automata =
            Automata::new(&shapes).map_err(|error| format!("the shapes do not compile: {error}"))?;
        Ok(Self { automata, owners })
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let mut claims = PASSES.map(|_| Vec::with_capacity(note.text().len() / CLAIM));
        self.automata.seek(note, 0..note.text().len(), &mut |work, found| {
            let Some(claims) = claims.get_mut(found.automaton) else { return };
            let before = claims.len();
            self.ask(found, note, claims);
            // What one detector rejects is offered to the shapes after it: numbers look alike, and a word is a cue to many.
            if claims.len() == before {
                self.ask_others(work, found, note, claims);
            }
        });
        for mut claims in claims {
            out.append(&mut claims);
        }
    }

    fn ask(&self, Match { automaton, shape, start, end }: Match, note: &Note<'_>, out: &mut Vec<Found>) {
        let owner = self.owners.get(automaton).and_then(|owners| owners.get(shape.as_usize()));
        if let Some((detector, shape)) = owner {
            detector.judge(Hit { start, end, shape: *shape }, note, out);
        }
    }

    /// Offers the place to the shapes that come after the one whose detector rejected it.
    fn ask_others(&self, work: &mut Work, rejected: Match, note: &Note<'_>, out: &mut Vec<Found>) {
        let before = out.len();
        for shape in self.automata.others(work, note.text(), rejected) {
            let other = Match { shape, ..rejected };
            if let Some(end) = self.automata.at(work, note.text(), other) {
                note.count(end - other.start);
                self.ask(Match { end, ..other }, note, out);
                if out.len() > before {
                    return;
                }
            }
        }
    }
}

static READINGS: LazyLock<Result<Readings, String>> = LazyLock::new(Readings::compile);

/// Whether the automata could be built: their error otherwise.
pub(crate) fn ready() -> Result<(), &'static str> {
    READINGS.as_ref().map(|_| ()).map_err(String::as_str)?;
    abroad::ready()
}

/// Runs every detector over a note.
pub(crate) fn detect(note: &Note<'_>, out: &mut Vec<Found>) -> Result<(), &'static str> {
    READINGS.as_ref().map_err(String::as_str)?.read(note, out);
    for detector in DETECTORS {
        detector.read(note, out);
    }
    Ok(())
}

fn source(id: &str) -> Option<&'static str> {
    if residual::RULES.iter().any(|rule| rule.id == id) {
        return Some(residual::SOURCE);
    }
    let own = DETECTORS.iter().find(|detector| detector.id() == id).map(|detector| detector.source());
    own.or_else(|| {
        abroad::DETECTORS.iter().find(|detector| detector.id() == id).map(|detector| detector.source())
    })
}

/// The page of a detector: its id, and what its documentation says.
pub fn page(id: &str) -> Option<String> {
    let lines = source(id)?.lines().map_while(|line| line.strip_prefix("//!"));
    Some(lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n"))
}

/// A text in which the detector finds something, and one that looks alike in which it finds nothing.
pub fn examples(id: &str) -> Option<(&'static str, &'static str)> {
    let own = DETECTORS.iter().find(|detector| detector.id() == id).map(|detector| detector.examples());
    own.or_else(|| {
        abroad::DETECTORS.iter().find(|detector| detector.id() == id).map(|detector| detector.examples())
    })
}

/// The ids of all detectors, sorted.
pub fn ids() -> impl Iterator<Item = &'static str> {
    let mut ids: Vec<_> = DETECTORS.iter().map(|detector| detector.id()).collect();
    ids.extend(abroad::DETECTORS.iter().map(|detector| detector.id()));
    ids.sort_unstable();
    ids.into_iter()
}

/// Something found: the start and end on the folded text.
pub(crate) fn found(label: Label, start: usize, end: usize, evidence: Evidence) -> Found {
    Found { label, start, end, evidence }
}

const fn rule(kind: Kind, title: &'static str) -> Rule {
    Rule::new(kind.rule_id(), Severity::Info, title)
}

/// One rule a kind: what detections bear, and receipts count; and those of a text as a whole.
pub(crate) static RULES: [&Rule; 22] = [
    &const { rule(Kind::Account, "an account, card or bank number") },
    &const { rule(Kind::Age, "an age over 89") },
    &const { rule(Kind::Biometric, "a finger, voice, retina or face print") },
    &const { rule(Kind::Date, "a date more exact than its year") },
    &const { rule(Kind::Device, "a serial number or identifier of a device") },
    &const { rule(Kind::Email, "an e-mail address") },
    &const { rule(Kind::Fax, "a fax number") },
    &const { rule(Kind::HealthPlan, "a health plan beneficiary number") },
    &const { rule(Kind::Hospital, "a facility or employer") },
    &const { rule(Kind::Ip, "a network address") },
    &const { rule(Kind::License, "a certificate or licence number") },
    &const { rule(Kind::Location, "a place smaller than a state") },
    &const { rule(Kind::Mrn, "a medical record number") },
    &const { rule(Kind::Name, "a name of a person") },
    &const { rule(Kind::OtherId, "another identifying number or code") },
    &const { rule(Kind::Phone, "a telephone number") },
    &const { rule(Kind::Photo, "a picture or its file") },
    &const { rule(Kind::Ssn, "a social security number") },
    &const { rule(Kind::Url, "a web address") },
    &const { rule(Kind::Vehicle, "a vehicle identifier or plate") },
    &residual::CLINICAL_TEXT,
    &residual::RESIDUAL_RISK,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parts_most_words_is_not_looked_at() {
        assert!(READINGS.as_ref().unwrap().automata.skips_blanks(), "a shape begins with a blank");
    }
}
