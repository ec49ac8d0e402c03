//! The detectors: one file each and one line here. The shapes of all of them are compiled into four automata,
//! so that a note is read four times whatever their number.

use std::sync::LazyLock;

use lazaret_core::{Kind, Label, Rule, Severity};
use regex_automata::meta::Regex;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use crate::detectors;
use crate::overlap::{Evidence, Found};
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
    &detectors::hospital::Hospital,
    &detectors::hospital_form::HospitalForm,
    &detectors::ip::Ip,
    &detectors::license::License,
    &detectors::city::City,
    &detectors::street::Street,
    &detectors::street_form::StreetForm,
    &detectors::zip::Zip,
    &detectors::mrn::Mrn,
    &detectors::name_credential::NameCredential,
    &detectors::name_dictionary::NameDictionary,
    &detectors::name_key::NameKey,
    &detectors::name_relation::NameRelation,
    &detectors::name_staff::NameStaff,
    &detectors::name_title::NameTitle,
    &detectors::name_unlisted::NameUnlisted,
    &detectors::other_id::OtherId,
    &detectors::guid::Guid,
    &detectors::nhs::Nhs,
    &detectors::room::Room,
    &detectors::username::Username,
    &detectors::phone::Phone,
    &detectors::photo::Photo,
    &detectors::ssn::Ssn,
    &detectors::url::Url,
    &detectors::vehicle::Vehicle,
];

/// One reading of the text.
struct Automaton {
    regex: Regex,
    /// By pattern: the detector and the number of its shape.
    owners: Vec<(&'static dyn ShapeDetector, usize)>,
    /// Whether a match that its detector rejects is offered to the shapes after it: numbers look alike.
    retries: bool,
}

impl Automaton {
    fn ask(&self, pattern: PatternID, start: usize, end: usize, note: &Note<'_>, out: &mut Vec<Found>) {
        if let Some((detector, shape)) = self.owners.get(pattern.as_usize()) {
            detector.judge(Hit { start, end, shape: *shape }, note, out);
        }
    }

    /// Offers the place to the shapes that come after the one whose detector rejected it.
    fn ask_others(&self, rejected: PatternID, start: usize, note: &Note<'_>, out: &mut Vec<Found>) {
        let before = out.len();
        for pattern in
            (rejected.as_usize() + 1..self.owners.len()).filter_map(|number| PatternID::new(number).ok())
        {
            let input = Input::new(note.text()).range(start..).anchored(Anchored::Pattern(pattern));
            if let Some(end) = self.regex.search_half(&input) {
                note.count(end.offset() - start);
                self.ask(pattern, start, end.offset(), note, out);
                if out.len() > before {
                    return;
                }
            }
        }
    }
}

static AUTOMATA: LazyLock<Result<Vec<Automaton>, String>> =
    LazyLock::new(|| PASSES.into_iter().map(|pass| compile(DETECTORS, pass)).collect());

fn compile(detectors: &[&'static dyn ShapeDetector], pass: Pass) -> Result<Automaton, String> {
    let mut owners = Vec::new();
    let mut patterns = Vec::new();
    for detector in detectors {
        for (number, (of, shape)) in detector.shapes().iter().enumerate() {
            if *of == pass {
                owners.push((*detector, number));
                patterns.push(*shape);
            }
        }
    }
    let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
    let config = Regex::config().hybrid_cache_capacity(8 << 20).utf8_empty(false);
    Regex::builder()
        .syntax(syntax)
        .configure(config)
        .build_many(&patterns)
        .map(|regex| Automaton { regex, owners, retries: pass == Pass::Numbers })
        .map_err(|error| format!("the shapes of reading {pass:?} do not compile: {error}"))
}

/// Whether the automata could be built: their error otherwise.
pub(crate) fn ready() -> Result<(), &'static str> {
    AUTOMATA.as_ref().map(|_| ()).map_err(String::as_str)
}

/// Runs every detector over a note.
pub(crate) fn detect(note: &Note<'_>, out: &mut Vec<Found>) -> Result<(), &'static str> {
    for automaton in AUTOMATA.as_ref().map_err(String::as_str)? {
        for found in automaton.regex.find_iter(note.text()) {
            let before = out.len();
            automaton.ask(found.pattern(), found.start(), found.end(), note, out);
            if out.len() == before && automaton.retries {
                automaton.ask_others(found.pattern(), found.start(), note, out);
            }
        }
    }
    for detector in DETECTORS {
        detector.read(note, out);
    }
    Ok(())
}

/// The page of a detector: its id, and what its documentation says.
pub fn page(id: &str) -> Option<String> {
    let detector = DETECTORS.iter().find(|detector| detector.id() == id)?;
    let lines = detector.source().lines().map_while(|line| line.strip_prefix("//!"));
    Some(lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n"))
}

/// A text in which the detector finds something, and one that looks alike in which it finds nothing.
pub fn examples(id: &str) -> Option<(&'static str, &'static str)> {
    DETECTORS.iter().find(|detector| detector.id() == id).map(|detector| detector.examples())
}

/// The ids of all detectors, sorted.
pub fn ids() -> impl Iterator<Item = &'static str> {
    DETECTORS.iter().map(|detector| detector.id())
}

/// Something found: the start and end on the folded text.
pub(crate) fn found(label: Label, start: usize, end: usize, evidence: Evidence) -> Found {
    Found { label, start, end, evidence }
}

const fn rule(kind: Kind, title: &'static str) -> Rule {
    Rule::new(kind.rule_id(), Severity::Info, title)
}

/// One rule a kind: what detections bear, and receipts count.
pub(crate) static RULES: [&Rule; 20] = [
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
];
