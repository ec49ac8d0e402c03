//! The scanner: one text in, disjoint detections out.
//!
//! A text longer than [`BLOCK`] is read block by block, each with some of the text before and after it, so that
//! memory beyond the text and the detections is bounded and no name or date is lost at an edge. Names learnt in one
//! block are sought in the following ones.

use lazaret_core::{
    Context, Detection, Detector, DetectorError, Finding, Findings, Kind, Known, Label, Limit, Limits,
    Meaning, Rule, Span, View,
};

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::abroad;
use crate::address;
use crate::classifier::{self, MAX_MODEL_TEXT, TokenClassifier};
use crate::edges;
use crate::knowledge::{Allowed, Applied, Knowledge, Local, Setting, drop_allowed};
use crate::known::{MAX_FACT_WORDS, Seeds, may_be_name};
use crate::language::Languages;
use crate::lexicon::{Lexicon, Marks};
use crate::logins;
use crate::model;
use crate::ocr;
use crate::overlap::{Evidence, Found, resolve};
use crate::registry::{self, RULES, found};
use crate::residual::{self, Assessment, CLINICAL_TEXT, Taken};
use crate::short_dates;
use crate::stays::clinical_stays;
use crate::view::{Case, Note, Token};
use crate::wide;
use crate::widen::widen;

/// Bytes of text that are looked at at once.
const BLOCK: usize = 1 << 20;
/// Bytes of context on either side of a block.
const EDGE: usize = 4 << 10;
/// Most words of names that are learnt in one text.
pub(crate) const MAX_LEARNT: Limit = Limit::new("phi.max_learnt_names", 10_000);

/// Looks for identifying text.
#[derive(Debug, Clone)]
pub struct Scanner {
    knowledge: Option<Arc<Knowledge>>,
    classifier: Option<Arc<dyn TokenClassifier>>,
    most_read: Limit,
    most_learnt: usize,
    most_fact_words: usize,
    wide: bool,
}

impl Scanner {
    /// Builds the automata and the dictionary, once a process.
    pub fn new() -> Result<Self, DetectorError> {
        let failed = |reason: &str| DetectorError { detector: NAME, reason: reason.to_owned() };
        registry::ready().map_err(failed)?;
        model::built_in().map_err(failed)?;
        Lexicon::get();
        let scanner = Self {
            knowledge: None,
            classifier: None,
            most_read: MAX_MODEL_TEXT,
            most_learnt: 0,
            most_fact_words: 0,
            wide: false,
        };
        Ok(scanner.with_limits(&Limits::default()))
    }

    /// The same under other limits.
    #[must_use]
    pub fn with_limits(self, limits: &Limits) -> Self {
        let most = |limit| usize::try_from(limits.get(limit).most()).unwrap_or(usize::MAX);
        Self {
            most_read: limits.get(MAX_MODEL_TEXT),
            most_learnt: most(MAX_LEARNT),
            most_fact_words: most(MAX_FACT_WORDS),
            ..self
        }
    }

    /// The same, reporting also what the Safe Harbor method lets stay: states, countries, ages under 90, bare years,
    /// professions ([`Label::counts_for_safe_harbor`] tells them apart).
    #[must_use]
    pub fn wide(self, wide: bool) -> Self {
        Self { wide, ..self }
    }

    /// The same with what the hospital knows of its own texts.
    #[must_use]
    pub fn knowing(self, knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge: Some(knowledge), ..self }
    }

    /// The same with a model that looks beside the rules. Where it fails, the whole text does; a text longer than
    /// `phi.model.max_text` is refused.
    #[must_use]
    pub fn classifying(self, classifier: Arc<dyn TokenClassifier>) -> Self {
        Self { classifier: Some(classifier), ..self }
    }

    /// The name and version, as receipts and bills of materials bear it: with the digests of the hospital's knowledge and
    /// of its model.
    pub fn version(&self) -> String {
        let mut version = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
        if let Some(knowledge) = &self.knowledge {
            version = format!("{version} knowledge {}", knowledge.digest());
        }
        if let Some(classifier) = &self.classifier {
            version = format!("{version} model {}", classifier.version());
        }
        version
    }

    /// What identifies someone in a text: disjoint, in order, in bytes of the text, on character boundaries.
    pub fn scan(&self, text: &str, known: Option<&Known>) -> Result<Vec<Detection>, DetectorError> {
        self.scan_in(text, known, Setting::default())
    }

    /// The same for a text whose ward or author is known: entries of the hospital's knowledge may hold there alone.
    pub fn scan_in(
        &self,
        text: &str,
        known: Option<&Known>,
        setting: Setting,
    ) -> Result<Vec<Detection>, DetectorError> {
        if self.classifier.is_some() {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            self.most_read
                .check(length)
                .map_err(|error| DetectorError { detector: NAME, reason: error.to_string() })?;
        }
        let applied = self.knowledge.as_deref().map(|knowledge| Applied::new(knowledge, setting, text));
        let seeds = known.map(|known| Seeds::of(known, self.most_fact_words));
        let mut learnt = Learnt { most: self.most_learnt, ..Learnt::default() };
        let mut out: Vec<Detection> = Vec::new();
        let mut at = 0;
        while at < text.len() || at == 0 {
            let from = floor(text, at.saturating_sub(EDGE));
            let until = cut(text, at);
            let to = floor(text, until.saturating_add(EDGE));
            let part = text.get(from..to).unwrap_or("");
            let local = applied.as_ref().map(|applied| applied.at(from));
            let looked = self.look(part, seeds.as_deref(), local.as_ref(), &mut learnt)?;
            out.reserve(looked.len());
            for detection in looked {
                let span = Span::new(detection.span.start + from, detection.span.end + from);
                let mine = span.start >= at && (span.start < until || until == text.len());
                if mine && out.last().is_none_or(|last| last.span.end <= span.start) {
                    out.push(Detection { span, ..detection });
                }
            }
            if until >= text.len() {
                break;
            }
            at = until;
        }
        Ok(out)
    }

    fn look(
        &self,
        text: &str,
        seeds: Option<&Seeds>,
        applied: Option<&Local<'_>>,
        learnt: &mut Learnt,
    ) -> Result<Vec<Detection>, DetectorError> {
        let note = Note::new(text);
        let model = self.classifier.as_deref();
        match ocr::mended(text, &note) {
            Some(mended) => look_at(text, &Note::new(&mended), seeds, applied, model, learnt, self.wide),
            None => look_at(text, &note, seeds, applied, model, learnt, self.wide),
        }
    }

    /// What there is to say of a text as a whole, once what was detected in it is taken out. The detections must be in
    /// order. Linear in the text; memory for one window of it.
    pub fn assess(&self, text: &str, detections: &[Detection]) -> Vec<Assessment> {
        let taken: Vec<Taken> = detections.iter().map(Taken::of).collect();
        residual::assess(text, &taken)
    }
}

const NAME: &str = "phi-text";
/// Bytes of text by which there is about one claim where many are.
const CLAIM: usize = 16;

/// Where the block that begins at `at` ends: at the text's end, or after the last line within it, if there is one.
fn cut(text: &str, at: usize) -> usize {
    let most = at.saturating_add(BLOCK);
    if most >= text.len() {
        return text.len();
    }
    let most = floor(text, most);
    let half = floor(text, at + BLOCK / 2);
    let tail = text.get(half..most).unwrap_or("");
    tail.rfind('\n').or_else(|| tail.rfind(' ')).map_or(most, |place| half + place + 1)
}

/// The nearest character boundary at or before an offset.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn look_at(
    text: &str,
    note: &Note<'_>,
    seeds: Option<&Seeds>,
    applied: Option<&Local<'_>>,
    classifier: Option<&dyn TokenClassifier>,
    learnt: &mut Learnt,
    wide: bool,
) -> Result<Vec<Detection>, DetectorError> {
    // Room for what a dense note has, or most of the copying would be of claims into larger room.
    let mut claims = Vec::with_capacity(note.text().len() / CLAIM);
    let failed = |reason: &str| DetectorError { detector: NAME, reason: reason.to_owned() };
    registry::detect(note, &mut claims).map_err(failed)?;
    let languages = Languages::of(note);
    languages.temper(&mut claims, 0);
    abroad::detect(note, &languages, &mut claims).map_err(failed)?;
    short_dates::seek(note, &mut claims);
    if let Some(seeds) = seeds {
        seeds.seek(note, &mut claims);
    }
    let allowed = applied.map(|applied| applied.seek(note, &mut claims)).unwrap_or_default();
    address::complete(note, &mut claims);
    widen(note, &mut claims);
    if wide {
        wide::seek(note, &mut claims);
    } else {
        claims.retain(|claim| claim.label.counts_for_safe_harbor());
    }
    let ruled = claims.len();
    model::guess(note, &mut claims).map_err(failed)?;
    languages.temper(&mut claims, ruled);
    widen(note, claims.get_mut(ruled..).unwrap_or(&mut []));
    edges::codes_stay(note, &mut claims);
    edges::results_stay(note, &mut claims);
    if !wide {
        edges::states_stay(note, &mut claims);
    }
    edges::widen(note, &mut claims);
    edges::complete_names(note, &mut claims);
    edges::names_in_row(note, &mut claims);
    edges::numbers_beside(note, &mut claims);
    let edged = claims.len();
    edges::leftover(note, &mut claims);
    languages.temper(&mut claims, edged);
    clinical_stays(note, &mut claims, 0);
    drop_allowed(note, &allowed, &mut claims);
    learnt.learn(note, &claims);
    let before = claims.len();
    learnt.seek(note, &mut claims);
    widen(note, claims.get_mut(before..).unwrap_or(&mut []));
    logins::seek(note, &mut claims);
    let numbers = claims.len();
    model::guess_numbers(note, &mut claims).map_err(failed)?;
    languages.temper(&mut claims, numbers);
    clinical_stays(note, &mut claims, before);
    drop_allowed(note, &allowed, &mut claims);
    edges::record_words(note, &mut claims);
    let mut found = resolve(&claims);
    if let Some(classifier) = classifier {
        let mut claims = classifier::claims(classifier, note, wide, &allowed, &found)?;
        let sure = classifier::sure(&claims);
        claims.extend(found);
        found = resolve(&claims);
        let again = learnt.of_model().again(note, &sure, &allowed, &found);
        found = resolve(&[again, found].concat());
    }
    let mut original = note.originals();
    Ok(found
        .into_iter()
        .map(|claim| Detection {
            label: claim.label,
            span: original(claim.start, claim.end),
            confidence: claim.evidence.confidence(),
            rule: claim.label.kind.rule_id(),
            language: languages.at(claim.start),
        })
        .filter(|detection| {
            text.get(detection.span.start..detection.span.end).is_some_and(|part| !part.is_empty())
        })
        .collect())
}

/// Words of names that a strong cue gave, by hash, and initials of whole names.
#[derive(Default)]
struct Learnt {
    most: usize,
    words: FxHashMap<u64, Label>,
    /// Which of them a word may be, by some bits of its hash: most words are none.
    may: Option<Box<[u64; MAY / 64]>>,
    initials: FxHashMap<String, Label>,
    /// Identifiers that a cue gave, as they are written, by the hash of their first word.
    numbers: FxHashMap<u64, Vec<(Box<str>, Label)>>,
    /// What the hospital's own model gave. Apart, for it changes nothing that the rules find.
    of_model: Option<Box<Learnt>>,
}

/// Most identifiers that begin with one word.
const ALIKE: usize = 4;
/// Longest identifier that is sought again, in bytes.
const LONGEST_NUMBER: usize = 40;

/// Kinds of which one number is one person's, visit's or thing's, so that it is the same wherever it stands.
fn is_number(label: Label) -> bool {
    matches!(
        label.kind,
        Kind::Mrn
            | Kind::Account
            | Kind::HealthPlan
            | Kind::License
            | Kind::Ssn
            | Kind::Device
            | Kind::Vehicle
            | Kind::OtherId
    )
}

/// Bits that tell learnt words from others: a power of two, some of them for each word that may be learnt.
const MAY: usize = 1 << 15;

/// Where the bit of a word is.
fn may(hash: u64) -> (usize, u64) {
    let bit = usize::try_from(hash >> 20).unwrap_or(0) % MAY;
    (bit / 64, 1 << (bit % 64))
}

impl Learnt {
    fn of_model(&mut self) -> &mut Self {
        let most = self.most;
        self.of_model.get_or_insert_with(|| Box::new(Self { most, ..Self::default() }))
    }

    /// Learns what is sure, and gives where it stands again while nothing is found there. Words of the language and of medicine
    /// are none of it: a model says of each of their places what it is.
    fn again(&mut self, note: &Note<'_>, sure: &[Found], allowed: &[Allowed], found: &[Found]) -> Vec<Found> {
        self.learn(note, sure);
        let mut again = Vec::new();
        self.seek(note, &mut again);
        widen(note, &mut again);
        again.retain(|claim| {
            let first = note.tokens().get(note.token_at(claim.start));
            let is_word = claim.label.kind == Kind::Name
                && first.is_some_and(|token| token.has(Marks::COMMON.or(Marks::MEDICAL).or(Marks::CLINICAL)));
            let before = found.partition_point(|other| other.end <= claim.start);
            !is_word && found.get(before).is_none_or(|other| claim.end <= other.start)
        });
        clinical_stays(note, &mut again, 0);
        drop_allowed(note, allowed, &mut again);
        again
    }

    /// Tells `may` of a word.
    fn mark(&mut self, hash: u64) {
        let (place, bit) = may(hash);
        let bits = self.may.get_or_insert_with(|| Box::new([0; MAY / 64]));
        bits.get_mut(place).into_iter().for_each(|bits| *bits |= bit);
    }

    /// Identifiers of five signs or more with a digit, and of fewer where they look like nothing else: `512-B`, `D2-114`.
    fn learn_numbers(&mut self, note: &Note<'_>, claims: &[Found]) {
        for claim in claims.iter().filter(|claim| claim.evidence >= Evidence::Shape && is_number(claim.label))
        {
            let text = note.slice(claim.start, claim.end).trim_start_matches('#');
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let signs = text.bytes().filter(u8::is_ascii_alphanumeric).count();
            let odd = text.contains('-') && text.bytes().any(|b| b.is_ascii_uppercase());
            let room = claim.label == Label::OTHER_ID.sub("room");
            let long = !room && signs >= 5 || digits >= 2 && signs >= 4 && odd;
            let start = claim.end - text.len();
            let Some(first) = note.tokens().get(note.token_at(start)).filter(|t| t.start == start) else {
                continue;
            };
            if digits == 0 || !long || text.len() > LONGEST_NUMBER || self.numbers.len() >= self.most {
                continue;
            }
            let hash = first.hash;
            let alike = self.numbers.entry(hash).or_default();
            if alike.len() < ALIKE && alike.iter().all(|(known, _)| **known != *text) {
                alike.push((text.into(), claim.label));
                self.mark(hash);
            }
        }
    }

    /// First letters of facilities of three words or more: `QGH` for Quill General Hospital.
    fn learn_facilities(&mut self, note: &Note<'_>, claims: &[Found]) {
        for claim in claims.iter().filter(|c| c.label.kind == Kind::Hospital && c.evidence >= Evidence::Shape)
        {
            let first = note.token_at(claim.start);
            let words = note
                .tokens()
                .iter()
                .skip(first)
                .take_while(|t| t.start < claim.end)
                .filter(|t| t.case == Case::Capital);
            let initials: String = words.filter_map(|t| note.word(t).chars().next()).collect();
            if (3..=5).contains(&initials.len()) && self.initials.len() < self.most {
                self.initials.entry(initials).or_insert(claim.label);
                self.may.get_or_insert_with(|| Box::new([0; MAY / 64]));
            }
        }
    }

    /// The identifier that begins with a word, where it stands whole.
    fn number(&self, note: &Note<'_>, token: &Token) -> Option<(Label, usize)> {
        let alike = self.numbers.get(&token.hash)?;
        let joins = |b: u8| matches!(b, b'-' | b'/' | b'.' | b'_' | b',' | b':');
        let before = note.byte_before(token.start);
        if joins(before) && note.byte_before(token.start - 1).is_ascii_alphanumeric() {
            return None;
        }
        let same = alike.iter().find(|(known, _)| {
            let end = token.start + known.len();
            note.slice(token.start, end).eq_ignore_ascii_case(known)
                && !note.byte(end).is_ascii_alphanumeric()
                && !(joins(note.byte(end)) && note.byte(end + 1).is_ascii_alphanumeric())
        });
        same.map(|(known, label)| (*label, token.start + known.len()))
    }

    fn learn(&mut self, note: &Note<'_>, claims: &[Found]) {
        let most = self.most;
        self.learn_numbers(note, claims);
        self.learn_facilities(note, claims);
        let mut initials = String::new();
        for claim in claims.iter().filter(|c| c.label.kind == Kind::Name && c.evidence >= Evidence::Shape) {
            let first = note.token_at(claim.start);
            let words = || {
                note.tokens()
                    .iter()
                    .skip(first)
                    .take_while(|t| t.start < claim.end)
                    .filter(|t| t.capitalised())
            };
            if (2..=4).contains(&words().take(5).count()) && self.initials.len() < most {
                initials.clear();
                initials.extend(words().filter_map(|t| note.word(t).chars().next()));
                if !self.initials.contains_key(&initials) {
                    self.initials.insert(initials.clone(), claim.label);
                }
            }
            for token in note.tokens().iter().skip(first).take_while(|t| t.start < claim.end) {
                let listed = token.has(
                    Marks::FUNCTION
                        .or(Marks::PARTICLE)
                        .or(Marks::TITLE)
                        .or(Marks::CREDENTIAL)
                        .or(Marks::FACILITY),
                );
                let whole =
                    token.start == claim.start && token.end == claim.end && claim.evidence >= Evidence::Named;
                let short = token.len() < 3 && !(token.len() == 2 && (token.case == Case::Capital || whole));
                if listed || short || self.words.len() >= most {
                    continue;
                }
                self.mark(token.hash);
                let entry = self.words.entry(token.hash).or_insert(claim.label);
                if entry.sub.is_none() {
                    *entry = claim.label;
                }
            }
        }
    }

    fn seek(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        let Some(bits) = &self.may else { return };
        for (index, token) in note.tokens().iter().enumerate() {
            if matches!(token.case, Case::Upper | Case::Initial)
                && let Some((label, end)) = self.signed(note, index)
            {
                out.push(found(label, token.start, end, Evidence::Likely));
                continue;
            }
            let (place, bit) = may(token.hash);
            if bits.get(place).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            if let Some((label, end)) = self.number(note, token) {
                out.push(found(label, token.start, end, Evidence::Likely));
                continue;
            }
            let Some(label) = self.words.get(&token.hash) else { continue };
            if !may_be_name(token) || token.has(Marks::CLINICAL) && token.case != Case::Capital {
                continue;
            }
            let next = note.tokens().get(index + 1);
            let thing = next.is_some_and(|n| {
                n.has(Marks::EPONYM_HEAD) && n.case == Case::Lower && note.slice(token.end, n.start) == " "
            });
            if !(thing || token.has(Marks::CLINICAL) && token.has(Marks::COMMON)) {
                out.push(found(*label, token.start, token.end, Evidence::Likely));
            }
        }
    }
}

impl Learnt {
    /// Initials of a name of the note: `AK`, `E.K.`, where no list knows them as something else.
    fn signed(&self, note: &Note<'_>, index: usize) -> Option<(Label, usize)> {
        let token = note.tokens().get(index)?;
        if token.case == Case::Upper
            && token.len() <= 4
            && !token.has(
                Marks::CLINICAL
                    .or(Marks::CREDENTIAL)
                    .or(Marks::STATE)
                    .or(Marks::FUNCTION)
                    .or(Marks::FACILITY),
            )
        {
            let joined = note.byte_before(token.start) == b'-' || note.byte(token.end) == b'-';
            return self.initials.get(note.word(token)).filter(|_| !joined).map(|label| (*label, token.end));
        }
        if token.case != Case::Initial || note.byte(token.end) != b'.' {
            return None;
        }
        let mut letters = String::new();
        let mut end = token.end;
        for (count, next) in note.tokens().iter().skip(index).take(4).enumerate() {
            if next.case != Case::Initial || (count > 0 && next.start != end) || note.byte(next.end) != b'.' {
                break;
            }
            letters.push_str(note.word(next));
            end = next.end + 1;
        }
        self.initials.get(&letters).map(|label| (*label, end))
    }
}

/// The scanner as core's checkpoint calls it.
#[derive(Debug, Clone)]
pub struct PhiText {
    scanner: Scanner,
}

impl PhiText {
    /// Builds the automata and the dictionary, once a process.
    pub fn new() -> Result<Self, DetectorError> {
        Ok(Self { scanner: Scanner::new()? })
    }

    /// The same under other limits.
    #[must_use]
    pub fn with_limits(self, limits: &Limits) -> Self {
        Self { scanner: self.scanner.with_limits(limits) }
    }
}

impl From<Scanner> for PhiText {
    fn from(scanner: Scanner) -> Self {
        Self { scanner }
    }
}

impl Detector for PhiText {
    fn rules(&self) -> &'static [&'static Rule] {
        &RULES
    }

    fn version(&self) -> String {
        self.scanner.version()
    }

    /// Looks at free text only: where the schema says what a segment is, there is nothing to guess.
    fn inspect(
        &self,
        view: &View<'_>,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Result<(), DetectorError> {
        if !matches!(view.meaning, Meaning::Text | Meaning::ShortText | Meaning::Remark(_)) {
            return Ok(());
        }
        let scanner = self.scanner.clone().wide(context.profile.is_wide());
        let detections = scanner.scan(view.text, context.known)?;
        // A short text says too little as a whole.
        if view.meaning == Meaning::Text {
            for finding in self.scanner.assess(view.text, &detections) {
                // Where the profile has something to edit, the labels tell that it is a patient's.
                if finding.rule.id != CLINICAL_TEXT.id || !detections.iter().any(|d| Taken::of(d).names()) {
                    findings.fault(Finding {
                        severity: finding.severity,
                        ..Finding::new(finding.rule, view.place.locator(), finding.message)
                    });
                }
            }
        }
        for detection in detections {
            findings.detect(detection);
        }
        Ok(())
    }
}

/// Spans in code points instead of bytes, as other tools count. The detections must be in order.
pub fn code_points(text: &str, detections: &[Detection]) -> Vec<(usize, usize)> {
    let mut chars = text.char_indices().map(|(at, _)| at).enumerate().peekable();
    let mut count = 0;
    let mut to = |offset: usize| {
        while let Some((number, at)) = chars.peek().copied() {
            if at >= offset {
                return number;
            }
            count = number + 1;
            chars.next();
        }
        count
    };
    detections.iter().map(|d| (to(d.span.start), to(d.span.end))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How much detectors look at beyond reading the text once, and how much they find.
    fn work(text: &str) -> usize {
        let note = Note::new(text);
        let found = look_at(text, &note, None, None, None, &mut Learnt::default(), true).unwrap();
        note.looked_at.get() + found.len() + note.tokens().len()
    }

    /// What shapes and cues begin with: repeated without end they are the worst texts.
    fn pieces() -> impl Strategy<Value = String> {
        let pieces = [
            "1",
            "12-",
            "1/",
            "1.",
            "1 ",
            "(1",
            "+1",
            "a",
            "A",
            "A. ",
            "Aa ",
            "Aa-",
            "AA ",
            "A'a",
            "a@",
            "a.",
            "@",
            "://",
            "http://a",
            "www.",
            "MRN ",
            "#",
            ": ",
            "Dr. ",
            "Herr ",
            "Mr. Smith",
            ", MD",
            "son ",
            "January ",
            "1st ",
            "Street",
            "MA ",
            "Hospital",
            "of ",
            "phone ",
            "x1",
            ".jpg",
            "a0b1-",
            "\n",
            "\t",
            "\"",
            "'s ",
            "e\u{301}",
            "\u{200b}",
            "１",
            "\u{fdfa}",
            "| by |\n",
            ",name,\n",
            "\nPID|",
            "one two ",
            "_a1: ",
            "QV/mj ",
            "by qv ",
            "l0O ",
            "der und ist ",
            "Am Aa 1 ",
            "80331 Aa ",
            "12 rue de la ",
            "la fille de la ",
            "calle de la ",
            "el hospital de ",
            "tel 0",
            "3 de mayo ",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..5).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn twice_the_text_is_twice_the_work(piece in pieces()) {
            // What looks back some thousand bytes at most does less in the first of them.
            let times = 8_000 / piece.len();
            let (once, twice) = (work(&piece.repeat(times)), work(&piece.repeat(times * 2)));
            prop_assert!(twice <= once * 5 / 2 + 1_000, "{once} became {twice} for {piece:?}");
            prop_assert!(once <= piece.len() * times * 600, "{once} for {piece:?}");
        }
    }
}
