//! What identifies someone in a text, told as Presidio's analyzer tells it: entity, score, and offsets in code points.

use lazaret_core::{Detection, Kind, Label, Limits};
use lazaret_phi::{Scanner, code_points};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refusal;
use super::recognisers::{AdHoc, Recogniser, compile};
use crate::report::two_places;

/// The languages that the scanner reads.
const LANGUAGES: [&str; 4] = ["en", "de", "fr", "es"];
/// What Presidio answers where nothing serves a request.
const NOTHING_SERVES: &str = "No matching recognizers were found to serve the request.";

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// A request to `/analyze`. What else Presidio takes (`correlation_id`, `nlp_artifacts`) changes no result.
#[derive(Deserialize)]
pub(super) struct Analyze {
    #[serde(default)]
    text: Option<Texts>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    entities: Option<Vec<String>>,
    #[serde(default)]
    score_threshold: Option<f64>,
    #[serde(default)]
    return_decision_process: Option<bool>,
    #[serde(default)]
    ad_hoc_recognizers: Option<Vec<AdHoc>>,
    /// Words that raise the score of recognisers the request brings along; those of lazaret read the text itself.
    #[serde(default)]
    context: Option<Vec<String>>,
    #[serde(default)]
    allow_list: Option<Vec<String>>,
    #[serde(default)]
    allow_list_match: Option<String>,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) entity: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) score: f64,
    /// Before a word of the context raised it.
    pub(super) original_score: f64,
    /// What found it, and for a pattern its name and expression.
    pub(super) recogniser: String,
    pub(super) pattern: Option<(String, String)>,
}

/// Every entity it may tell of, sorted.
pub(super) fn entities() -> Vec<&'static str> {
    let labels = Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS);
    let counted = labels.filter(|label| label.counts_for_safe_harbor());
    let mut names: Vec<&str> = counted.map(Label::presidio).chain(["CREDIT_CARD", "US_MBI"]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Refuses a language that nothing reads.
pub(super) fn check_language(language: &str) -> Result<(), Refusal> {
    if LANGUAGES.contains(&language) { Ok(()) } else { Err(Refusal::failed(NOTHING_SERVES)) }
}

/// Answers `/analyze`.
pub(super) fn analyze(scanner: &Scanner, limits: &Limits, request: &Analyze) -> Result<Value, Refusal> {
    let no_text = || Refusal::failed("No text provided");
    let texts = match request.text.as_ref().ok_or_else(no_text)? {
        Texts::One(text) if text.is_empty() => return Err(no_text()),
        Texts::Many(texts) if texts.is_empty() => return Err(no_text()),
        Texts::One(text) => std::slice::from_ref(text),
        Texts::Many(texts) => texts.as_slice(),
    };
    let language = request.language.as_deref().filter(|language| !language.is_empty());
    check_language(language.ok_or_else(|| Refusal::failed("No language provided"))?)?;
    let own = compile(request.ad_hoc_recognizers.as_deref().unwrap_or_default(), limits)?;
    if let Some(asked) = request.entities.as_ref().filter(|asked| !asked.is_empty()) {
        let known = entities();
        let served =
            |name: &String| known.contains(&name.as_str()) || own.iter().any(|one| one.entity == *name);
        if !asked.iter().any(served) {
            return Err(Refusal::failed(NOTHING_SERVES));
        }
    }
    let allowed = Allowed::new(request.allow_list.as_deref(), request.allow_list_match.as_deref())?;
    let told = |text: &String| {
        let found = look(scanner, &own, &allowed, request, text)?;
        let explained = request.return_decision_process.unwrap_or(false);
        Ok(Value::Array(found.iter().map(|one| tell(one, explained)).collect()))
    };
    match &request.text {
        Some(Texts::Many(_)) => texts.iter().map(told).collect(),
        _ => texts.first().map_or_else(|| Err(no_text()), told),
    }
}

fn look(
    scanner: &Scanner,
    own: &[Recogniser],
    allowed: &Allowed,
    request: &Analyze,
    text: &str,
) -> Result<Vec<Found>, Refusal> {
    // Fail closed: no result is no permission.
    let detections = scanner
        .scan(text, None)
        .map_err(|error| Refusal::failed(format!("the text could not be inspected: {error}")))?;
    let places = code_points(text, &detections);
    let mut found: Vec<Found> = detections
        .iter()
        .zip(places)
        .map(|(detection, (start, end))| Found {
            entity: entity(detection, text).to_owned(),
            start,
            end,
            score: two_places(detection.confidence),
            original_score: two_places(detection.confidence),
            recogniser: detection.rule.to_owned(),
            pattern: None,
        })
        .collect();
    let context = request.context.as_deref().unwrap_or_default();
    for recogniser in own {
        recogniser.seek(text, context, &mut found);
    }
    found.retain(|one| {
        let asked =
            request.entities.as_ref().is_none_or(|asked| asked.is_empty() || asked.contains(&one.entity));
        asked && request.score_threshold.is_none_or(|least| one.score >= least)
    });
    if !allowed.is_empty() {
        let begins: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        found.retain(|one| {
            let place = begins.get(one.start).zip(begins.get(one.end));
            !place.and_then(|(start, end)| text.get(*start..*end)).is_some_and(|value| allowed.has(value))
        });
    }
    // The best first, as Presidio tells them; the same result once.
    found.sort_by(|one, two| {
        two.score
            .total_cmp(&one.score)
            .then(one.start.cmp(&two.start))
            .then(two.end.cmp(&one.end))
            .then(one.entity.cmp(&two.entity))
    });
    found.dedup_by(|next, last| (next.start, next.end, &next.entity) == (last.start, last.end, &last.entity));
    Ok(found)
}

/// The entity of a detection. Presidio has names for some numbers that lazaret keeps under one label.
fn entity(detection: &Detection, text: &str) -> &'static str {
    let digits = || {
        let value = text.get(detection.span.start..detection.span.end).unwrap_or("");
        value.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0')).collect::<Vec<u32>>()
    };
    match detection.label.kind {
        Kind::Account if is_card(&digits()) => "CREDIT_CARD",
        Kind::HealthPlan if is_mbi(text.get(detection.span.start..detection.span.end).unwrap_or("")) => {
            "US_MBI"
        }
        _ => detection.label.presidio(),
    }
}

/// 13 to 19 digits of which the last is Luhn's check digit (ISO/IEC 7812-1).
fn is_card(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// The form of a Medicare Beneficiary Identifier: eleven places, letters at the second, fifth, eighth and ninth (CMS,
/// "Understanding the Medicare Beneficiary Identifier Format").
fn is_mbi(value: &str) -> bool {
    let signs: Vec<u8> = value.bytes().filter(|byte| *byte != b'-').collect();
    signs.len() == 11
        && signs.iter().enumerate().all(|(place, sign)| match place {
            1 | 4 | 7 | 8 => sign.is_ascii_alphabetic(),
            2 | 5 => sign.is_ascii_alphanumeric(),
            _ => sign.is_ascii_digit(),
        })
}

fn tell(found: &Found, explained: bool) -> Value {
    let two = |score: f64| (score * 100.0).round() / 100.0;
    let explanation = explained.then(|| {
        json!({
            "recognizer": found.recogniser,
            "pattern_name": found.pattern.as_ref().map(|(name, _)| name),
            "pattern": found.pattern.as_ref().map(|(_, pattern)| pattern),
            "original_score": found.original_score,
            "score": found.score,
            "textual_explanation": null,
            "score_context_improvement": two(found.score - found.original_score),
            "supportive_context_word": "",
            "validation_result": null,
            "regex_flags": null,
        })
    });
    json!({
        "analysis_explanation": explanation,
        "end": found.end,
        "entity_type": found.entity,
        "score": found.score,
        "start": found.start,
    })
}

/// Values that are no result.
enum Allowed {
    Exact(Vec<String>),
    Pattern(regex_automata::meta::Regex),
}

impl Allowed {
    fn new(list: Option<&[String]>, matched: Option<&str>) -> Result<Self, Refusal> {
        let list = list.unwrap_or_default();
        match matched.unwrap_or("exact") {
            "exact" => Ok(Self::Exact(list.to_vec())),
            "regex" if list.is_empty() => Ok(Self::Exact(Vec::new())),
            "regex" => super::recognisers::regex(list).map(Self::Pattern),
            _ => Err(Refusal::failed("allow_list_match must either be set to 'exact' or 'regex'.")),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Exact(list) if list.is_empty())
    }

    fn has(&self, value: &str) -> bool {
        match self {
            Self::Exact(list) => list.iter().any(|allowed| allowed == value),
            Self::Pattern(regex) => regex.is_match(value),
        }
    }
}
