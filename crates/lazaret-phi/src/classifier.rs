//! A model of the hospital's own beside the rules: what it must offer, its limits, and how what it marks joins what the
//! rules found.
//!
//! The model reads the folded text, as the detectors do. It only adds: what the rules found keeps its label and is never
//! shortened. A span of the model that reaches over one of a rule with the same label is joined to it; over one with
//! another label it is cut there, for a profile may keep what the one label says and not what the other does. A model
//! that fails, or answers what is not in the text, fails the whole text.
//!
//! A name or number that the model is sure of at one place is sought in the rest of the note, as those of the rules are, where
//! nothing is found yet; but what is also a word of the language or of medicine is left to what the model says at each place.

use std::fmt;

use lazaret_core::{Confidence, DetectorError, Kind, Label, Limit, Span};

use crate::knowledge::{Allowed, drop_allowed};
use crate::overlap::{Evidence, Found, resolve};
use crate::registry::found;
use crate::view::Note;

/// Longest `config.json` or `tokenizer_config.json` of a model, in bytes.
pub const MAX_MODEL_CONFIG: Limit = Limit::new("phi.model.max_config", 1 << 20);
/// Most heads of attention in a layer: memory for a window grows with them.
pub const MAX_MODEL_HEADS: Limit = Limit::new("phi.model.max_heads", 64);
/// Most labels of a model.
pub const MAX_MODEL_LABELS: Limit = Limit::new("phi.model.max_labels", 1_000);
/// Longest header of a safetensors file, in bytes.
pub const MAX_MODEL_HEADER: Limit = Limit::new("phi.model.max_header", 4 << 20);
/// Longest text that a model reads, in bytes: it takes some thousand times as long as the rules.
pub const MAX_MODEL_TEXT: Limit = Limit::new("phi.model.max_text", 1 << 20);
/// Longest `tokenizer.json` or `vocab.txt` of a model, in bytes.
pub const MAX_MODEL_TOKENIZER: Limit = Limit::new("phi.model.max_tokenizer", 64 << 20);
/// Most pieces of words that a model knows.
pub const MAX_MODEL_VOCABULARY: Limit = Limit::new("phi.model.max_vocabulary", 1_000_000);
/// Largest file of weights, in bytes.
pub const MAX_MODEL_WEIGHTS: Limit = Limit::new("phi.model.max_weights", 4 << 30);
/// From this probability on, what a model claims is sought in the rest of the note: what is learnt wrongly is found wrongly
/// many times.
const SURE: f32 = 0.9;
/// Widest layer: memory for a window grows with it.
pub const MAX_MODEL_WIDTH: Limit = Limit::new("phi.model.max_width", 16_384);

/// A stretch of text that a model takes for identifying.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marked {
    /// What it is.
    pub label: Label,
    /// Where, in bytes of the text that was given, on character boundaries.
    pub span: Span,
    /// The probability the model gives it.
    pub confidence: Confidence,
}

/// A model that marks identifying stretches of a text. It has no state: equal texts get equal marks.
pub trait TokenClassifier: fmt::Debug + Send + Sync {
    /// What it is, as receipts bear it: with the digest of its weights, and of all else that decides what it marks.
    fn version(&self) -> String;

    /// What it marks in a text. Any doubt that the text was read whole is an error.
    fn classify(&self, text: &str) -> Result<Vec<Marked>, DetectorError>;
}

/// What the model marks, beside what the rules found: the latter is disjoint and in order.
pub(crate) fn claims(
    model: &dyn TokenClassifier,
    note: &Note<'_>,
    wide: bool,
    allowed: &[Allowed],
    rules: &[Found],
) -> Result<Vec<Found>, DetectorError> {
    let text = note.text();
    let mut marks = Vec::new();
    for Marked { label, span, confidence } in model.classify(text)? {
        let Some(words) = text.get(span.start..span.end).filter(|words| !words.is_empty()) else {
            let reason = "the model marks what is not in the text".to_owned();
            return Err(DetectorError { detector: "phi-model", reason });
        };
        let label = narrowed(label, words);
        if wide || label.counts_for_safe_harbor() {
            marks.push(found(label, span.start, span.end, Evidence::model(confidence)));
        }
    }
    let mut claims = Vec::new();
    // Disjoint before they are cut: two that overlap could bridge two spans of rules.
    for mark in resolve(&marks) {
        let first = rules.partition_point(|rule| rule.end <= mark.start);
        let mut from = mark.start;
        for rule in rules.iter().skip(first).take_while(|rule| rule.start < mark.end) {
            if rule.label != mark.label {
                claims.extend(trimmed(text, Found { start: from, end: rule.start, ..mark }));
                from = rule.end;
            }
        }
        claims.extend(trimmed(text, Found { start: from, ..mark }));
    }
    drop_allowed(note, allowed, &mut claims);
    Ok(claims)
}

/// Of a model's claims those that it is sure of, as what may be sought in the rest of the note.
pub(crate) fn sure(claims: &[Found]) -> Vec<Found> {
    let is_sure = |claim: &&Found| claim.evidence.confidence().value() >= SURE;
    claims.iter().filter(is_sure).map(|claim| Found { evidence: Evidence::Shape, ..*claim }).collect()
}

/// A claim without the blanks and signs at its ends; nothing, if nothing else is in it.
fn trimmed(text: &str, claim: Found) -> Option<Found> {
    let words = text.get(claim.start..claim.end)?;
    let inner = words.trim_start_matches(|c: char| !c.is_alphanumeric());
    let start = claim.end - inner.len();
    let inner = inner.trim_end_matches(|c: char| !c.is_alphanumeric());
    (!inner.is_empty()).then_some(Found { start, end: start + inner.len(), ..claim })
}

/// Models mark every age and every year; some of them may stay ([`Label::WIDE`]).
fn narrowed(label: Label, words: &str) -> Label {
    let number = words.trim().parse::<u16>().ok();
    match (label.kind, label.sub, number) {
        (Kind::Age, None, Some(..=89)) => Label::AGE_UNDER_90,
        (Kind::Date, None, Some(1000..=2999)) => Label::YEAR,
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Scanner;
    use crate::knowledge::Knowledge;

    /// Marks every place of some words.
    #[derive(Debug)]
    struct Words(&'static [(&'static str, Label, f32)]);

    impl TokenClassifier for Words {
        fn version(&self) -> String {
            "words 1".to_owned()
        }

        fn classify(&self, text: &str) -> Result<Vec<Marked>, DetectorError> {
            let of_word = |(word, label, confidence): &(&'static str, Label, f32)| {
                let (len, label, confidence) = (word.len(), *label, Confidence::new(*confidence));
                let places: Vec<_> = text.match_indices(word).map(|(at, _)| at).collect();
                places.into_iter().map(move |at| Marked { label, span: Span::new(at, at + len), confidence })
            };
            Ok(self.0.iter().flat_map(of_word).collect())
        }
    }

    fn scanner(words: &'static [(&'static str, Label, f32)]) -> Scanner {
        Scanner::new().unwrap().classifying(Arc::new(Words(words)))
    }

    fn spans(scanner: &Scanner, text: &str) -> Vec<(String, String, f32)> {
        let found = scanner.scan(text, None).unwrap();
        found
            .iter()
            .map(|d| {
                (
                    text.get(d.span.start..d.span.end).unwrap().to_owned(),
                    d.label.to_string(),
                    d.confidence.value(),
                )
            })
            .collect()
    }

    #[test]
    fn what_only_the_model_sees_is_found_with_its_probability() {
        let model = scanner(&[("zorblat", Label::PATIENT, 0.8125)]);
        let text = "some zorblat pain; \u{ff5a}orblat\u{301} too";
        let found = spans(&model, text);
        assert_eq!(found[0], ("zorblat".to_owned(), "NAME.patient".to_owned(), 0.8125));
        assert_eq!(spans(&Scanner::new().unwrap(), "some zorblat pain"), []);
        assert_eq!(model.version(), format!("{} model words 1", Scanner::new().unwrap().version()));
    }

    #[test]
    fn spans_are_on_the_original_where_the_folded_text_differs() {
        let model = scanner(&[("zorblat", Label::PATIENT, 0.75)]);
        let text = "pain \u{2013} \u{ff5a}or\u{200b}blat left";
        assert_eq!(spans(&model, text)[0].0, "\u{ff5a}or\u{200b}blat");
    }

    fn owned(text: &str, label: &str, score: f32) -> (String, String, f32) {
        (text.to_owned(), label.to_owned(), score)
    }

    #[test]
    fn what_a_rule_found_keeps_its_label_and_the_rest_is_the_models() {
        let model = scanner(&[("zorblat MRN 30917745, 04/17/2024 quen", Label::PATIENT, 0.75)]);
        let found = spans(&model, "pain, zorblat MRN 30917745, 04/17/2024 quen left");
        let rules: Vec<_> = found.iter().filter(|(_, label, _)| label != "NAME.patient").cloned().collect();
        let plain = spans(&Scanner::new().unwrap(), "pain, zorblat MRN 30917745, 04/17/2024 quen left");
        assert_eq!(rules, plain);
        assert_eq!(found.first(), Some(&owned("zorblat", "NAME.patient", 0.75)));
        assert_eq!(found.last(), Some(&owned("quen", "NAME.patient", 0.75)));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn spans_of_one_label_are_joined() {
        let model = scanner(&[("04/17/2024 noonish", Label::DATE, 0.75)]);
        let found = spans(&model, "pain since 04/17/2024 noonish");
        let rule = spans(&Scanner::new().unwrap(), "pain since 04/17/2024 noonish");
        assert_eq!(found, [owned("04/17/2024 noonish", "DATE", rule[0].2)]);
    }

    /// Marks a word where another stands before it.
    #[derive(Debug)]
    struct After(&'static str, &'static str, Label, f32);

    impl TokenClassifier for After {
        fn version(&self) -> String {
            "after 1".to_owned()
        }

        fn classify(&self, text: &str) -> Result<Vec<Marked>, DetectorError> {
            let cue = format!("{} {}", self.0, self.1);
            let places =
                text.match_indices(&cue).map(|(at, _)| Span::new(at + self.0.len() + 1, at + cue.len()));
            let (label, confidence) = (self.2, Confidence::new(self.3));
            Ok(places.map(|span| Marked { label, span, confidence }).collect())
        }
    }

    fn after(cue: &'static str, word: &'static str, label: Label, sure: f32) -> Scanner {
        Scanner::new().unwrap().classifying(Arc::new(After(cue, word, label, sure)))
    }

    #[test]
    fn what_the_model_is_sure_of_at_one_place_is_found_in_the_rest_of_the_note() {
        let text = "pain since zorblat left. zorblat slept; the zorblat cradle. on ZORBLAT again";
        let places = |scanner: &Scanner, text: &str| -> Vec<String> {
            spans(scanner, text).into_iter().map(|(part, label, _)| format!("{part} {label}")).collect()
        };
        let name = "zorblat NAME.patient";
        let all = [name, name, name, "ZORBLAT NAME.patient"];
        assert_eq!(places(&after("since", "zorblat", Label::PATIENT, 0.95), text), all);
        // Its own place keeps the model's probability.
        let own = spans(&after("since", "zorblat", Label::PATIENT, 0.9375), text);
        assert_eq!(own.first(), Some(&owned("zorblat", "NAME.patient", 0.9375)));
        assert_eq!(places(&after("since", "zorblat", Label::PATIENT, 0.85), text), [name]);
        // A word of the language or of medicine stands for itself elsewhere.
        for word in ["window", "fever"] {
            let text = format!("pain since {word} left. {word} again, the {word} too");
            let found = places(&after("since", word, Label::PATIENT, 0.99), &text);
            assert_eq!(found, [format!("{word} NAME.patient")]);
        }
        // A number, whole; and what the hospital allows stays.
        let text = "pain since zq4bl left, later zq4bl and zq4bl-7";
        assert_eq!(spans(&Scanner::new().unwrap(), text), []);
        let number = "zq4bl MRN";
        assert_eq!(places(&after("since", "zq4bl", Label::MRN, 0.99), text), [number, number]);
        let knowledge = "version = 1\n[[allow]]\ntexts = ['zorblat']\nreason = 'a brand'\nowner = 'lab'\n";
        let now = lazaret_core::Timestamp::from_millis(0);
        let knowledge =
            Knowledge::read(knowledge, "sha256:0", now, &lazaret_core::Limits::default()).unwrap();
        let model = after("since", "zorblat", Label::PATIENT, 0.99).knowing(Arc::new(knowledge));
        assert_eq!(places(&model, "pain since zorblat left, zorblat slept"), [] as [&str; 0]);
    }

    #[test]
    fn what_the_model_teaches_changes_nothing_that_rules_found() {
        let text = "since Quillmoor left. Seen at Quillmoor General Hospital by Dr. Fernleigh, MRN 30917745";
        let model = after("since", "Quillmoor", Label::PATIENT, 0.99);
        let (rules, both) = (spans(&Scanner::new().unwrap(), text), spans(&model, text));
        assert!(rules.iter().all(|rule| both.contains(rule)), "{rules:?} {both:?}");
    }

    #[test]
    fn what_may_stay_is_left_to_wider_profiles() {
        let words = &[("1998", Label::DATE, 0.9), ("44", Label::AGE, 0.9), ("Vermont", Label::STATE, 0.9)];
        let text = "age group 44, batch 1998, cheddar from Vermont";
        assert_eq!(spans(&scanner(words), text), []);
        let labels: Vec<_> = spans(&scanner(words).wide(true), text).into_iter().map(|(_, l, _)| l).collect();
        assert_eq!(labels, ["AGE.under-90", "DATE.year", "LOCATION.state"]);
        assert_eq!(narrowed(Label::AGE, "93"), Label::AGE);
        assert_eq!(narrowed(Label::DATE, "12"), Label::DATE);
    }

    #[test]
    fn what_the_hospital_lets_stay_stays() {
        let text = "version = 1\n[[allow]]\ntexts = ['zorblat']\nreason = 'a brand'\nowner = 'lab'\n";
        let now = lazaret_core::Timestamp::from_millis(0);
        let knowledge = Knowledge::read(text, "sha256:0", now, &lazaret_core::Limits::default()).unwrap();
        let model = scanner(&[("zorblat", Label::PATIENT, 0.99)]).knowing(Arc::new(knowledge));
        assert_eq!(spans(&model, "some zorblat pain"), []);
    }

    /// Fails, or answers nonsense.
    #[derive(Debug)]
    struct Broken(Option<Span>);

    impl TokenClassifier for Broken {
        fn version(&self) -> String {
            String::new()
        }

        fn classify(&self, _: &str) -> Result<Vec<Marked>, DetectorError> {
            let failed = DetectorError { detector: "phi-model", reason: "broken".to_owned() };
            let span = self.0.ok_or(failed)?;
            Ok(vec![Marked { label: Label::NAME, span, confidence: Confidence::HIGH }])
        }
    }

    #[test]
    fn nothing_is_found_where_the_model_fails_or_answers_nonsense() {
        for span in [None, Some(Span::new(1, 1)), Some(Span::new(0, 1)), Some(Span::new(3, 99))] {
            let broken = Scanner::new().unwrap().classifying(Arc::new(Broken(span)));
            assert!(broken.scan("\u{e4}\u{e4}\u{e4} MRN 30917745", None).is_err(), "{span:?}");
        }
    }

    #[test]
    fn what_rules_found_is_not_less_whatever_a_model_marks() {
        use proptest::prelude::*;
        /// Marks every stretch between two numbers of bytes as each of some labels in turn.
        #[derive(Debug)]
        struct Anything(Vec<(usize, usize)>);
        impl TokenClassifier for Anything {
            fn version(&self) -> String {
                String::new()
            }

            fn classify(&self, text: &str) -> Result<Vec<Marked>, DetectorError> {
                let labels = [Label::CITY, Label::PATIENT, Label::DATE, Label::MRN];
                let spans = self.0.iter().map(|(from, len)| Span::new(*from, (from + len).min(text.len())));
                let spans = spans.filter(|span| span.start < span.end).zip(labels.into_iter().cycle());
                let confidence = Confidence::new(1.0);
                Ok(spans.map(|(span, label)| Marked { label, span, confidence }).collect())
            }
        }
        let text = "Mrs. Quillmoor, MRN 30917745, seen 04/17/2024 by Dr. Fernleigh, Larkton, OH 44917 (614) 555-0137";
        let rules = Scanner::new().unwrap().scan(text, None).unwrap();
        assert!(rules.len() > 5);
        proptest!(|(spans in prop::collection::vec((0_usize..90, 1_usize..60), 0..12))| {
            let model = Scanner::new().unwrap().classifying(Arc::new(Anything(spans)));
            let found = model.scan(text, None).unwrap();
            prop_assert!(found.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
            for rule in &rules {
                let same = |d: &&lazaret_core::Detection| {
                    d.label == rule.label && d.span.start <= rule.span.start && rule.span.end <= d.span.end
                };
                prop_assert!(found.iter().any(|d| same(&d)), "{:?} of {found:?}", rule.label);
            }
        });
    }

    #[test]
    fn a_text_too_long_for_the_model_is_refused_with_the_way_out() {
        let mut limits = lazaret_core::Limits::default();
        limits.set(MAX_MODEL_TEXT.key(), 10);
        let model = scanner(&[]).with_limits(&limits);
        assert!(model.scan("0123456789", None).is_ok());
        let error = model.scan("0123456789a", None).unwrap_err().to_string();
        assert!(error.contains("`phi.model.max_text`") && error.contains("under [limits]"), "{error}");
    }
}
