//! Which spans of a text are replaced, and what is told of them. Offsets count code points, as Python counts.
//!
//! Of results that overlap Presidio keeps the text that both cover in both replacements, so that parts of a value appear
//! twice. Here every character belongs to one result: to the one with the higher score, of equal ones to the earlier.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Refusal;
use super::operators::Operator;

/// One text, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// A request to `/anonymize`.
#[derive(Deserialize)]
pub(super) struct Anonymize {
    #[serde(default)]
    text: Option<Texts>,
    #[serde(default)]
    analyzer_results: Option<Value>,
    #[serde(default)]
    anonymizers: Option<BTreeMap<String, Map<String, Value>>>,
}

/// A request to `/deanonymize`.
#[derive(Deserialize)]
pub(super) struct Deanonymize {
    #[serde(default)]
    text: Option<Texts>,
    #[serde(default)]
    anonymizer_results: Option<Value>,
    #[serde(default)]
    deanonymizers: Option<BTreeMap<String, Map<String, Value>>>,
}

/// A span that a caller names.
#[derive(Debug, Clone, Deserialize)]
struct Named {
    start: Option<i64>,
    end: Option<i64>,
    entity_type: Option<String>,
    #[serde(default)]
    score: Option<serde_json::Number>,
}

/// A span of a text, in code points.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    start: usize,
    end: usize,
    entity: String,
    score: Option<serde_json::Number>,
}

impl Part {
    fn score(&self) -> f64 {
        self.score.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(0.0)
    }
}

#[derive(Serialize)]
struct Item<'a> {
    start: usize,
    end: usize,
    entity_type: &'a str,
    text: String,
    operator: &'a str,
    score: Option<&'a serde_json::Number>,
}

/// Answers `/anonymize`.
pub(super) fn anonymize(request: Anonymize) -> Result<Value, Refusal> {
    let operators = operators(request.anonymizers, true)?;
    of_each(request.text, request.analyzer_results, "analyzer_results", |text, results| {
        let results = results
            .ok_or_else(|| Refusal::invalid("Invalid input, request must contain analyzer results"))?;
        let places = places(text);
        let parts = named(results, places.len() - 1, true)?;
        let parts = merged_over_blanks(text, &places, disjoint(without_contained(one_of_each_type(parts))));
        written(text, &places, &parts, &operators, Operator::anonymize)
    })
}

/// Answers `/deanonymize`.
pub(super) fn deanonymize(request: Deanonymize) -> Result<Value, Refusal> {
    let operators = operators(request.deanonymizers, false)?;
    of_each(request.text, request.anonymizer_results, "anonymizer_results", |text, results| {
        let places = places(text);
        let parts = disjoint(named(results.unwrap_or(Value::Array(Vec::new())), places.len() - 1, false)?);
        written(text, &places, &parts, &operators, |operator, text, _| operator.deanonymize(text))
    })
}

/// One answer, or a list of them where the request has a list of texts.
fn of_each(
    texts: Option<Texts>,
    results: Option<Value>,
    name: &str,
    one: impl Fn(&str, Option<Value>) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    match texts {
        None => one("", results),
        Some(Texts::One(text)) => one(&text, results),
        Some(Texts::Many(texts)) => {
            let each = match results {
                None | Some(Value::Null) => vec![Value::Array(Vec::new()); texts.len()],
                Some(Value::Array(each)) if each.len() == texts.len() => each,
                Some(_) => {
                    return Err(Refusal::invalid(format!(
                        "Invalid input, '{name}' must contain one list of results per item in 'text' when 'text' is a list"
                    )));
                }
            };
            texts.iter().zip(each).map(|(text, results)| one(text, Some(results))).collect()
        }
    }
}

fn operators(
    named: Option<BTreeMap<String, Map<String, Value>>>,
    anonymizers: bool,
) -> Result<HashMap<String, Operator>, Refusal> {
    let mut operators = HashMap::new();
    for (entity, parameters) in named.unwrap_or_default() {
        let operator = Operator::read(parameters)?;
        if anonymizers && operator.name == "custom" {
            return Err(Refusal::bad("Custom type anonymizer is not supported"));
        }
        operators.insert(entity, operator);
    }
    if anonymizers {
        operators.entry("DEFAULT".to_owned()).or_insert_with(Operator::replace);
    }
    Ok(operators)
}

/// The byte at which each code point begins, and the end of the text.
fn places(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

/// The spans a caller names, checked as Presidio checks them, in order.
fn named(results: Value, length: usize, scored: bool) -> Result<Vec<Part>, Refusal> {
    let results: Vec<Named> = serde_json::from_value(results).map_err(|_| {
        Refusal::invalid("Invalid input, a result has a value of another type than it should have")
    })?;
    let mut parts = Vec::with_capacity(results.len());
    for result in results {
        let missing = |name: &str| Refusal::invalid(format!("Invalid input, result must contain {name}"));
        let start = result.start.ok_or_else(|| missing("start"))?;
        let end = result.end.ok_or_else(|| missing("end"))?;
        let entity =
            result.entity_type.filter(|name| !name.is_empty()).ok_or_else(|| missing("entity_type"))?;
        let positive = || Refusal::invalid("Invalid input, result start and end must be positive");
        let (start, end) =
            (usize::try_from(start).map_err(|_| positive())?, usize::try_from(end).map_err(|_| positive())?);
        if start > end {
            return Err(Refusal::invalid(format!(
                "Invalid input, start index '{start}' must be smaller than end index '{end}'"
            )));
        }
        if scored && result.score.is_none() {
            return Err(Refusal::invalid("Invalid input, analyzer result must contain score"));
        }
        if end > length {
            return Err(Refusal::invalid(format!(
                "Invalid analyzer result, start: {start} and end: {end}, while text length is only {length}."
            )));
        }
        parts.push(Part { start, end, entity, score: result.score });
    }
    parts.sort_by_key(|part| (part.start, part.end));
    Ok(parts)
}

/// Results of one type that share characters become one, with the best score.
fn one_of_each_type(parts: Vec<Part>) -> Vec<Part> {
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        if let Some(before) = last.get(&part.entity).and_then(|at| kept.get_mut(*at))
            && before.end > part.start
        {
            before.end = before.end.max(part.end);
            if part.score() > before.score() {
                before.score = part.score;
            }
            continue;
        }
        last.insert(part.entity.clone(), kept.len());
        kept.push(part);
    }
    kept
}

/// What lies within another goes; of equal spans the best score stays, of equal scores the last.
fn without_contained(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|part| (part.start, Reverse(part.end)));
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    let mut farthest = None;
    for part in parts {
        match kept.last_mut() {
            Some(last) if last.start == part.start && last.end == part.end => {
                if part.score() >= last.score() {
                    *last = part;
                }
            }
            _ if farthest.is_some_and(|end| end >= part.end) => {}
            _ => {
                farthest = Some(part.end);
                kept.push(part);
            }
        }
    }
    kept
}

/// Of two that overlap the one with the lower score is cut, of equal ones the later. In order, none empty.
fn disjoint(parts: Vec<Part>) -> Vec<Part> {
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    for mut part in parts {
        while let Some(last) = kept.last_mut() {
            if last.end <= part.start {
                break;
            }
            if last.score() >= part.score() || last.start >= part.start {
                part.start = last.end.min(part.end);
                break;
            }
            last.end = part.start;
            if last.start < last.end {
                break;
            }
            kept.pop();
        }
        if part.start < part.end {
            kept.push(part);
        }
    }
    kept
}

/// Neighbours of one type with nothing but blanks between them become one.
fn merged_over_blanks(text: &str, places: &[usize], parts: Vec<Part>) -> Vec<Part> {
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    for mut part in parts {
        if let Some(last) = kept.last()
            && last.entity == part.entity
            && last.end < part.start
            && slice(text, places, last.end, part.start)
                .is_some_and(|between| between.bytes().all(|b| b == b' '))
        {
            part.start = last.start;
            kept.pop();
        }
        kept.push(part);
    }
    kept
}

fn slice<'t>(text: &'t str, places: &[usize], start: usize, end: usize) -> Option<&'t str> {
    text.get(*places.get(start)?..*places.get(end)?)
}

/// The text with each part replaced, and the items, last first as Presidio tells them.
fn written(
    text: &str,
    places: &[usize],
    parts: &[Part],
    operators: &HashMap<String, Operator>,
    replace: impl Fn(&Operator, &str, &str) -> Result<String, Refusal>,
) -> Result<Value, Refusal> {
    let mut out = String::with_capacity(text.len());
    let mut items = Vec::with_capacity(parts.len());
    let (mut at, mut written) = (0, 0);
    let cut = || Refusal::failed("Internal server error");
    for part in parts {
        let operator = operators
            .get(&part.entity)
            .or_else(|| operators.get("DEFAULT"))
            .ok_or_else(|| Refusal::invalid(format!("no operator for `{}` and no `DEFAULT`", part.entity)))?;
        out.push_str(slice(text, places, at, part.start).ok_or_else(cut)?);
        written += part.start - at;
        let with =
            replace(operator, slice(text, places, part.start, part.end).ok_or_else(cut)?, &part.entity)?;
        let length = with.chars().count();
        out.push_str(&with);
        items.push(Item {
            start: written,
            end: written + length,
            entity_type: &part.entity,
            text: with,
            operator: &operator.name,
            score: part.score.as_ref(),
        });
        written += length;
        at = part.end;
    }
    out.push_str(slice(text, places, at, places.len() - 1).ok_or_else(cut)?);
    items.reverse();
    Ok(json!({ "text": out, "items": items }))
}
