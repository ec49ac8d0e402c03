//! Finds what a text still says when nothing identifying is detected in it, or when what was detected is taken out: that
//! it is a patient's record (`phi.clinical-text`, info), and that what is left may single a person out
//! (`phi.residual-risk`, medium; low where the score is below 0.7).
//!
//! Both are scores over a window of a text, a note of at most 16 KiB; the highest counts. What was detected is read as
//! taken out, so a profile that keeps some of it (dates, towns) leaves more than is scored here.
//!
//! Clinical text: words are counted that records have (sections with a colon, vitals and laboratory values with their
//! number, doses, words of charting such as `denies`, clinical words of the lists, one person in the singular), and words of
//! texts that speak of patients in general (`patients`, `should`, `trial`) are taken off. From 0.45 on it is a record. It is
//! told where there is hardly a name or number of a person: elsewhere the labels say that it is somebody's. English,
//! German, French and Spanish are read (`klagt`, `TA 145/85`, `varón de 67 años`, `1-0-1`); texts of a sentence or two say too little.
//!
//! Residual risk: each kind of quasi-identifier has a weight, and the risk is one minus the product of what each
//! leaves; no single kind but a half-masked value (0.75) reaches 0.5. A condition of under one in a million 0.45, another rare one
//! 0.35; a superlative of a place (`the only … in the county`) 0.45; identifiers left beside the placeholders of another tool
//! 0.45; a public role of the patient or kin (`the mayor's wife`) 0.4; an event that was public 0.35; an age over 89 0.3; an
//! accident or crime that is told of 0.25; an unusual occupation 0.25; a place left over 0.2; a small place 0.15; an age over 80 or of
//! an infant 0.12; twins 0.1; placeholders 0.1. From 0.5 on it is told and crosses (low), from 0.7 on the record is held for a person
//! (medium). Roles, events and places are read in English alone. The weights are judgement and no measured chances of
//! re-identification.
//!
//! Why: 45 CFR 164.514(b)(2)(ii): nobody may know that what is left could identify someone. HHS's guidance names
//! the same kinds: a revealing occupation, a rare diagnosis, an event that was public.
//!
//! Example: `MRN ###4471` and `the mayor's wife, with Kuru, in the newspapers` are told; `known cystinosis` is not.
//!
//! References: 45 CFR 164.514(b); HHS, Guidance Regarding Methods for De-identification of Protected Health Information
//! (2012), 2.6-2.8, 3.7; Orphanet, classes of prevalence.

mod cues;

use lazaret_core::{Confidence, Detection, Kind, Rule, Severity, Span};

use crate::lexicon::{Lexicon, Marks, hash};
use crate::overlap::Evidence;
use cues::{Cue, Cues, rare_at};

/// A patient's record with hardly a name or number of a person in it.
pub(crate) static CLINICAL_TEXT: Rule = Rule::new(
    "phi.clinical-text",
    Severity::Info,
    "a patient's record with hardly a name or number of a person in it",
);

/// What is left may single a person out.
pub(crate) static RESIDUAL_RISK: Rule = Rule::new(
    "phi.residual-risk",
    Severity::Medium,
    "half-masked values, or a rare condition, place, role, event or age that together may single a person out",
);

/// The rules of a text as a whole.
pub const RULES: [&Rule; 2] = [&CLINICAL_TEXT, &RESIDUAL_RISK];

/// Most bytes that are scored together: longer texts are cut at blank lines.
const WINDOW: usize = 16 << 10;
/// From which score on a text is a patient's record.
const CLINICAL: f32 = 0.45;
/// From which score on the risk is told (low: recorded, crosses).
const TOLD: f32 = 0.5;
/// From which score on the record is held for a person (medium).
const HELD: f32 = 0.7;
/// A text with a name or number of a person in fewer words than these is identified as it is; in more it is as good as
/// without: what is left of a note that another tool has edited, or a title that was taken for a name.
const WORDS_A_NAME: usize = 40;
/// How clinical a text must be for its quasi-identifiers to count, unless half-masked values or placeholders do.
const OF_A_PATIENT: f32 = 0.2;

/// The quasi-identifiers: what each is called, and its weight.
const KINDS: [(&str, f32); 15] = [
    ("half-masked values", 0.75),
    ("a public role of the patient or of kin", 0.4),
    ("a superlative of a place (`the only … in the county`)", 0.45),
    ("an event that was public", 0.35),
    ("an accident or crime that is told of", 0.25),
    ("an unusual occupation", 0.25),
    ("a condition of under one in a million", 0.45),
    ("a rare condition", 0.35),
    ("a place left over", 0.2),
    ("a small place", 0.15),
    ("an age over 89", 0.3),
    ("an age over 80, or of an infant", 0.12),
    ("twins, or a number of children", 0.1),
    ("placeholders beside it", 0.1),
    ("identifiers that another tool left beside its placeholders", 0.45),
];
const MASKED: usize = 0;
const ROLE: usize = 1;
const SUPERLATIVE: usize = 2;
const PUBLIC: usize = 3;
const EVENT: usize = 4;
const TRADE: usize = 5;
const RARE: usize = 6;
const LEFT_OVER: usize = 8;
const SMALL: usize = 9;
const OLD: usize = 10;
const AGE: usize = 11;
const MANY: usize = 12;
const PLACEHOLDER: usize = 13;
const MISSED: usize = 14;

/// The page of the two rules.
pub(crate) const SOURCE: &str = include_str!("residual.rs");

/// One finding about a text as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The rule.
    pub rule: &'static Rule,
    /// How grave: the rule's severity, or less.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// For people: which kinds were seen. Never a word of the text.
    pub message: String,
}

/// A span that was detected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) span: Span,
    /// By more than word lists.
    pub(crate) sure: bool,
    /// It points at a person by itself: a name, a number, an address of a network. A date or place does not.
    pub(crate) direct: bool,
}

impl Taken {
    pub(crate) fn of(detection: &Detection) -> Self {
        let direct = !matches!(
            detection.label.kind,
            Kind::Date | Kind::Location | Kind::Hospital | Kind::Age | Kind::Device | Kind::OtherId
        );
        let sure = detection.confidence.value() >= Evidence::Shape.confidence().value();
        Self { span: detection.span, sure, direct }
    }

    /// Whether it is a name or number of a person beyond doubt.
    pub(crate) const fn names(&self) -> bool {
        self.sure && self.direct
    }
}

/// What there is to say of a text of which these spans were detected, in order.
pub(crate) fn assess(text: &str, detected: &[Taken]) -> Vec<Assessment> {
    let mut clinical = 0.0_f32;
    let mut named = false;
    let mut worst: Option<(f32, [bool; KINDS.len()])> = None;
    for (from, to) in windows(text) {
        let counts = Counts::of(text, from, to, detected);
        let score = counts.clinical();
        clinical = clinical.max(score);
        named |= counts.named;
        let left = counts.kinds.get(MASKED).copied() == Some(true) || counts.placeholders > 0;
        if score >= OF_A_PATIENT || left {
            let risk = risk(&counts.kinds);
            if worst.as_ref().is_none_or(|(most, _)| risk > *most) {
                worst = Some((risk, counts.kinds));
            }
        }
    }
    let mut out = Vec::new();
    if !named && clinical >= CLINICAL {
        out.push(Assessment {
            rule: &CLINICAL_TEXT,
            severity: CLINICAL_TEXT.severity,
            confidence: Confidence::new(clinical),
            message: "reads as one patient's record, with hardly a name or number of a person in it"
                .to_owned(),
        });
    }
    if let Some((risk, kinds)) = worst.filter(|(risk, _)| *risk >= TOLD) {
        let seen: Vec<&str> =
            KINDS.iter().zip(kinds).filter(|(_, there)| *there).map(|((name, _), _)| *name).collect();
        out.push(Assessment {
            rule: &RESIDUAL_RISK,
            severity: if risk >= HELD { RESIDUAL_RISK.severity } else { Severity::Low },
            confidence: Confidence::new(risk),
            message: format!("what is left has {}", seen.join("; ")),
        });
    }
    out
}

fn risk(kinds: &[bool; KINDS.len()]) -> f32 {
    let left: f32 =
        KINDS.iter().zip(kinds).filter(|(_, seen)| **seen).map(|((_, weight), _)| 1.0 - weight).product();
    1.0 - left
}

/// The parts that are scored: at most [`WINDOW`] bytes each, cut at the last blank line, line or blank.
fn windows(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let from = at;
        let mut to = (from + WINDOW).min(text.len());
        while !text.is_char_boundary(to) {
            to -= 1;
        }
        if to < text.len() {
            let part = text.get(from..to).unwrap_or("");
            let half = part.len() / 2;
            let cut = part.rfind("\n\n").filter(|at| *at > half);
            let cut = cut.or_else(|| part.rfind('\n').filter(|at| *at > half)).or_else(|| part.rfind(' '));
            to = cut.map_or(to, |cut| from + cut + 1);
        }
        at = to;
        Some((from, to))
    })
}

/// A word that is left: a run of letters and digits.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    hash: u64,
    cue: Cue,
    marks: Marks,
    number: bool,
    capital: bool,
}

/// What was counted in one window.
#[derive(Debug, Default)]
struct Counts {
    words: usize,
    clinical_words: usize,
    sections: usize,
    values: usize,
    doses: usize,
    often: usize,
    chart: usize,
    person: usize,
    ages: usize,
    placeholders: usize,
    general: usize,
    /// Names or numbers of persons were detected, more than hardly any.
    named: bool,
    kinds: [bool; KINDS.len()],
}

impl Counts {
    /// How much the text is one patient's record, from 0 to 1.
    ///
    /// Evidence of each kind counts up to a most, so that no kind decides alone: a section 0.07 (most 3), a value or dose
    /// 0.06 (most 5), words of charting 0.08 (most 4), an age with a sex 0.2, the patient in the singular by their share of the
    /// words, clinical words by theirs. Words of general texts take off by theirs.
    fn clinical(&self) -> f32 {
        let most = |count: usize, most: usize| f32::from(u16::try_from(count.min(most)).unwrap_or(u16::MAX));
        let words = most(self.words.max(20), 60_000);
        let share = |count: usize| most(count, 60_000) / words;
        let evidence = 0.07 * most(self.sections, 3)
            + 0.06 * most(self.values + self.doses, 5)
            + 0.03 * most(self.often, 2)
            + 0.08 * most(self.chart, 4)
            + 0.2 * most(self.ages, 1)
            + (2.5 * share(self.person + self.placeholders)).min(0.25)
            + (1.9 * share(self.clinical_words)).min(0.4);
        (evidence - (4.5 * share(self.general)).min(0.7)).clamp(0.0, 1.0)
    }

    fn of(text: &str, from: usize, to: usize, detected: &[Taken]) -> Self {
        let mut counts = Self::default();
        let words = words(text, from, to, detected);
        counts.words = words.len();
        let part = text.get(from..to).unwrap_or("");
        let placeholders = cues::placeholders(part, from);
        counts.placeholders = placeholders.len();
        counts.see(PLACEHOLDER, counts.placeholders > 0);
        let first = detected.partition_point(|taken| taken.span.end <= from);
        let detected = detected.get(first..).unwrap_or(&[]);
        let detected = detected.get(..detected.partition_point(|taken| taken.span.start < to)).unwrap_or(&[]);
        counts.see(MASKED, cues::half_masked(part, from, detected));
        for index in 0..words.len() {
            counts.read(text, &words, index);
        }
        // Spans that were taken out speak of one person too, but not `Dr. [NAME]`, where only the title was detected.
        let beside = |span: Span| {
            let wider = Span::new(span.start.saturating_sub(3), span.end + 3);
            !placeholders.iter().any(|(placeholder, _)| placeholder.overlaps(wider))
        };
        let own: Vec<&Taken> = detected.iter().filter(|taken| beside(taken.span)).collect();
        counts.person += own.len().min(10);
        let direct = own.iter().filter(|taken| taken.names()).count();
        counts.named = direct * WORDS_A_NAME > counts.words;
        let missed =
            own.iter().any(|taken| taken.sure) && placeholders.iter().any(|(_, of_a_tool)| *of_a_tool);
        counts.see(MISSED, missed);
        counts
    }

    fn see(&mut self, kind: usize, seen: bool) {
        if let Some(known) = self.kinds.get_mut(kind) {
            *known |= seen;
        }
    }

    fn read(&mut self, text: &str, words: &[Word], index: usize) {
        let Some(word) = words.get(index) else { return };
        let next = words.get(index + 1);
        let gap = |next: &Word| text.get(word.end..next.start).unwrap_or("");
        let cue = word.cue;
        let clinical = word.marks.has(Marks::CLINICAL) || cue.has(Cue::CLINICAL);
        self.clinical_words += usize::from(clinical || cue.has(Cue::VITAL.or(Cue::CHART)));
        let colon = text.as_bytes().get(word.end) == Some(&b':');
        self.sections += usize::from(cue.has(Cue::SECTION) && colon);
        self.often += usize::from(cue.has(Cue::OFTEN));
        self.chart += usize::from(cue.has(Cue::CHART) || cues::charted(text, word.start, word.end));
        self.person += usize::from(cue.has(Cue::PERSON));
        self.general += usize::from(cue.has(Cue::GENERAL));
        let number = next.filter(|next| next.number && gap(next).len() <= 3);
        self.values += usize::from(
            number.is_some() && (cue.has(Cue::VITAL) || clinical && !word.marks.has(Marks::COMMON)),
        );
        // `118/70`
        self.values += usize::from(
            word.number
                && word.end - word.start > 1
                && next.is_some_and(|next| {
                    next.number && gap(next) == "/" && cues::pressure(text, word.start, next.end)
                }),
        );
        self.doses +=
            usize::from(word.number && next.is_some_and(|n| n.cue.has(Cue::UNIT) && gap(n).len() <= 1));
        // `1-0-1`: how many in the morning, at noon, at night.
        let digit = |word: &Word| word.number && word.end - word.start == 1;
        let times = next.zip(words.get(index + 2)).is_some_and(|(noon, night)| {
            digit(word)
                && digit(noon)
                && digit(night)
                && gap(noon) == "-"
                && text.get(noon.end..night.start) == Some("-")
        });
        self.doses += usize::from(times);
        self.age(text, words, index);
        self.quasi(text, words, index);
    }

    /// `54-year-old man`, `9 days old`, `71M`.
    fn age(&mut self, text: &str, words: &[Word], index: usize) {
        let Some(word) = words.get(index) else { return };
        self.see(AGE, word.cue.has(Cue::BIRTH));
        if !word.number {
            return;
        }
        let age = text.get(word.start..word.end).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or(0);
        let rest = text.get(word.end..).unwrap_or("");
        let mut from = word.start.saturating_sub(24);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = text.get(from..word.start).unwrap_or("");
        let Some(unit) = cues::age_unit(rest).or_else(|| cues::age_unit_abroad(before, rest)) else { return };
        let years = unit == cues::AgeUnit::Years;
        self.ages += 1;
        self.see(OLD, years && (90..=125).contains(&age));
        self.see(AGE, !years || (81..90).contains(&age));
    }

    fn quasi(&mut self, text: &str, words: &[Word], index: usize) {
        let (Some(word), rest) = (words.get(index), words.get(index..).unwrap_or(&[])) else { return };
        let near = |cue: Cue, most: usize| rest.iter().skip(1).take(most).any(|word| word.cue.has(cue));
        let before = words.get(index.saturating_sub(6)..index).unwrap_or(&[]);
        let cue = word.cue;
        if let Some(class) = rare_at(text, rest.iter().map(|word| (word.start, word.end, word.hash))) {
            self.see(RARE + usize::from(class > 1), true);
            self.clinical_words += 1;
        }
        // `the mayor's wife`, `wife of the sheriff`; a role by itself where it is the patient's: `retired bishop`.
        let kin = || near(Cue::KIN, 1) || before.iter().rev().take(3).any(|word| word.cue.has(Cue::KIN));
        let own = || before.iter().rev().take(3).any(|word| cues::of_the_patient(text, word.start, word.end));
        self.see(ROLE, cue.has(Cue::ROLE) && (kin() || own()));
        let person = |word: &Word| word.cue.has(Cue::PLACE) || cues::there(text, word.start, word.end);
        let of_a_place = || {
            rest.iter().skip(1).take(8).any(person)
                || before.iter().rev().take(2).any(|word| word.cue.has(Cue::PLACE))
                || near(Cue::ROLE, 4)
        };
        let first = || before.last().is_some_and(|word| cues::definite(text, word.start, word.end));
        self.see(SUPERLATIVE, cue.has(Cue::ONLY) && of_a_place() && (first() || near(Cue::PLACE, 4)));
        self.see(TRADE, cue.has(Cue::TRADE));
        let scene = before.last().is_some_and(|word| word.cue.has(Cue::SCENE));
        self.see(EVENT, cue.has(Cue::EVENT) || cue.has(Cue::CRASH) && scene);
        self.see(PUBLIC, cue.has(Cue::PUBLIC) && cues::is_public(text, word.start, word.end));
        self.see(SMALL, cue.has(Cue::PLACE) && cues::small(text, word.start, word.end));
        self.see(MANY, cue.has(Cue::MANY));
        // A word with a capital that no list has, after `of`, `from`, `in`: a name or place that was not taken out.
        let after = || before.last().is_some_and(|word| cues::preposition(text, word.start, word.end));
        let unlisted = word.marks == Marks::default() && cue == Cue::default();
        self.see(LEFT_OVER, word.capital && unlisted && after());
    }
}

/// The words of a window that are left.
fn words(text: &str, from: usize, to: usize, detected: &[Taken]) -> Vec<Word> {
    let (lexicon, cues) = (Lexicon::get(), Cues::get());
    let part = text.get(from..to).unwrap_or("");
    let mut words = Vec::with_capacity(part.len() / 6);
    let mut spans = detected
        .get(detected.partition_point(|taken| taken.span.end <= from)..)
        .unwrap_or(&[])
        .iter()
        .peekable();
    let mut at = from;
    let bytes = text.as_bytes();
    let inside = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
    while at < to {
        if !inside(at) {
            at += 1;
            continue;
        }
        let start = at;
        while at < to && inside(at) {
            at += 1;
        }
        while spans.peek().is_some_and(|taken| taken.span.end <= start) {
            spans.next();
        }
        let taken = spans.peek().is_some_and(|taken| taken.span.start < at);
        let word = text.get(start..at).unwrap_or("");
        // The `s` of a possessive is no word.
        let possessive = word.eq_ignore_ascii_case("s") && start > 0 && !inside(start - 1) && {
            bytes.get(start - 1) == Some(&b'\'') || text.get(..start).is_some_and(|t| t.ends_with('’'))
        };
        if taken || possessive || word.is_empty() {
            continue;
        }
        let hash = if word.is_ascii() { hash(word) } else { hash(&word.to_lowercase()) };
        let number = word.bytes().all(|b| b.is_ascii_digit());
        let marks = if number { Marks::default() } else { lexicon.marks_of_hash(hash) };
        let capital = word.len() > 3
            && word.starts_with(|c: char| c.is_uppercase())
            && !word.chars().all(char::is_uppercase);
        words.push(Word { start, end: at, hash, cue: cues.of(hash), marks, number, capital });
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(text: &str) -> Vec<(&'static str, Severity)> {
        assess(text, &[]).into_iter().map(|found| (found.rule.id, found.severity)).collect()
    }

    #[test]
    fn a_record_without_a_name_is_told_and_a_textbook_is_not() {
        let record = "54-year-old man with hypertension, denies chest pain. BP 138/84, HR 88. Continue metformin 500 mg bid.";
        assert_eq!(ids(record), [("phi.clinical-text", Severity::Info)]);
        assert_eq!(assess(record, &[Taken { span: Span::new(0, 11), sure: true, direct: true }]), []);
        let textbook =
            "Patients with hypertension should usually be treated with drugs; most adults need two of them.";
        assert_eq!(ids(textbook), []);
    }

    #[test]
    fn kinds_add_up_and_one_alone_stays_below() {
        for (number, (name, weight)) in KINDS.iter().enumerate() {
            let mut kinds = [false; KINDS.len()];
            kinds[number] = true;
            assert!(number == MASKED || *weight < TOLD, "{name}");
            assert!((risk(&kinds) - weight).abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn any_text_and_any_spans_end(text in any::<String>(), spans in prop::collection::vec((0_usize..200, 0_usize..9), 0..6)) {
            let mut spans: Vec<Span> = spans.iter().map(|(start, len)| Span::new(*start, start + len)).collect();
            spans.sort_unstable();
            let spans: Vec<Taken> = spans.into_iter().map(|span| Taken { span, sure: true, direct: true }).collect();
            assess(&text, &spans);
        }

        #[test]
        fn windows_cover_a_text_once(text in "([a-z]{0,9}[ \n]{0,3}é?){0,4000}") {
            let mut at = 0;
            for (from, to) in windows(&text) {
                prop_assert_eq!(from, at);
                prop_assert!(to > from && to - from <= WINDOW && text.is_char_boundary(to));
                at = to;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
