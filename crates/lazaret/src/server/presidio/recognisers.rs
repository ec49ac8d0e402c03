//! Recognisers that a request brings along: patterns and lists of words. Regular expressions are matched in linear time, so
//! look-around and back-references are refused; what they may take is bounded.

use lazaret_core::{Limit, Limits};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde::Deserialize;

use super::Refusal;
use super::analyze::Found;

/// Most patterns and words that one request may bring along.
pub(crate) const MAX_PATTERNS: Limit = Limit::new("presidio.max_patterns", 1_000);
/// Most results of them in one text.
const MOST_RESULTS: usize = 100_000;
/// Most bytes that a compiled pattern may take.
const COMPILED: usize = 4 << 20;
/// Words before a result in which a word of the context raises its score.
const WORDS_BEFORE: usize = 5;
/// What a word of the context adds, and the least score it then has (Presidio's `LemmaContextAwareEnhancer`).
const RAISED: f64 = 0.35;
const RAISED_TO: f64 = 0.4;

/// A recogniser as a request writes it.
#[derive(Deserialize)]
pub(super) struct AdHoc {
    #[serde(default)]
    name: Option<String>,
    supported_entity: Option<String>,
    #[serde(default)]
    patterns: Option<Vec<Pattern>>,
    #[serde(default)]
    deny_list: Option<Vec<String>>,
    #[serde(default)]
    deny_list_score: Option<f64>,
    #[serde(default)]
    context: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Pattern {
    #[serde(default)]
    name: Option<String>,
    regex: String,
    score: f64,
}

/// One ready for use.
pub(super) struct Recogniser {
    pub(super) entity: String,
    name: String,
    patterns: Vec<(String, String, Regex, f64)>,
    context: Vec<String>,
}

/// Makes them ready.
pub(super) fn compile(named: &[AdHoc], limits: &Limits) -> Result<Vec<Recogniser>, Refusal> {
    let many = named
        .iter()
        .map(|one| one.patterns.as_ref().map_or(0, Vec::len) + one.deny_list.as_ref().map_or(0, Vec::len));
    limits
        .get(MAX_PATTERNS)
        .check(many.sum::<usize>() as u64)
        .map_err(|error| Refusal::bad(error.to_string()))?;
    named.iter().map(ready).collect()
}

fn ready(named: &AdHoc) -> Result<Recogniser, Refusal> {
    let entity = named.supported_entity.clone().filter(|name| !name.is_empty());
    let entity = entity.ok_or_else(|| Refusal::bad("an ad hoc recognizer has no supported_entity"))?;
    let mut patterns = Vec::new();
    for pattern in named.patterns.iter().flatten() {
        if !(0.0..=1.0).contains(&pattern.score) {
            return Err(Refusal::bad("the score of a pattern is between 0 and 1"));
        }
        let compiled = regex(std::slice::from_ref(&pattern.regex))?;
        patterns.push((
            pattern.name.clone().unwrap_or_default(),
            pattern.regex.clone(),
            compiled,
            pattern.score,
        ));
    }
    if let Some(words) = named.deny_list.as_ref().filter(|words| !words.is_empty()) {
        // Whole words; the longest of those that begin alike.
        let mut words: Vec<String> = words.iter().map(|word| escape(word)).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let whole = format!(r"(?:\b|^)(?:{})(?:\b|$)", words.join("|"));
        let compiled = regex(std::slice::from_ref(&whole))?;
        patterns.push(("deny_list".to_owned(), whole, compiled, named.deny_list_score.unwrap_or(1.0)));
    }
    if patterns.is_empty() {
        return Err(Refusal::bad("an ad hoc recognizer has neither patterns nor a deny_list"));
    }
    let context = named.context.iter().flatten().map(|word| word.to_lowercase()).collect();
    Ok(Recogniser { name: named.name.clone().unwrap_or_else(|| entity.clone()), entity, patterns, context })
}

fn escape(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        if !c.is_alphanumeric() && c.is_ascii() && !c.is_ascii_whitespace() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// One expression of several, with the flags that Presidio sets: in any case, `^` and `$` at lines, `.` everything.
pub(super) fn regex(patterns: &[String]) -> Result<Regex, Refusal> {
    let syntax = syntax::Config::new().case_insensitive(true).multi_line(true).dot_matches_new_line(true);
    let config = Regex::config().nfa_size_limit(Some(COMPILED));
    let built = Regex::builder().syntax(syntax).configure(config).build_many(patterns);
    built.map_err(|error| match error.size_limit() {
        Some(limit) => {
            Refusal::bad(format!("a regular expression is too large: at most {limit} bytes compiled"))
        }
        None => Refusal::bad(
            "a regular expression could not be read; look-around and back-references are not supported",
        ),
    })
}

/// To two places: `0.65` and not what a binary fraction makes of it.
fn raise(score: f64) -> f64 {
    ((score + RAISED).clamp(RAISED_TO, 1.0) * 100.0).round() / 100.0
}

impl Recogniser {
    /// Adds what it finds.
    pub(super) fn seek(&self, text: &str, context: &[String], found: &mut Vec<Found>) {
        let mut added = 0;
        for (name, pattern, regex, score) in &self.patterns {
            let mut counted = (0, 0); // bytes, code points
            for hit in regex.find_iter(text).filter(|hit| !hit.is_empty()) {
                if added >= MOST_RESULTS {
                    return;
                }
                let before = text.get(counted.0..hit.start()).map_or(0, |part| part.chars().count());
                let start = counted.1 + before;
                counted = (hit.start(), start);
                let value = text.get(hit.range()).unwrap_or("");
                let near = text.get(..hit.start()).unwrap_or("");
                let raised = self.is_raised(near, context);
                let (original_score, score) = (*score, if raised { raise(*score) } else { *score });
                found.push(Found {
                    entity: self.entity.clone(),
                    start,
                    end: start + value.chars().count(),
                    score,
                    original_score,
                    recogniser: self.name.clone(),
                    pattern: Some((name.clone(), pattern.clone())),
                });
                added += 1;
            }
        }
    }

    /// Whether a word of the context stands before a place, or the request gives one.
    fn is_raised(&self, before: &str, given: &[String]) -> bool {
        if self.context.is_empty() {
            return false;
        }
        let is = |word: &str| self.context.iter().any(|known| known == &word.to_lowercase());
        let near =
            before.rsplit(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS_BEFORE);
        near.into_iter().any(is) || given.iter().any(|word| is(word))
    }
}
