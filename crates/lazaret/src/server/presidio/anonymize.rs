//! `POST /anonymize` and `POST /deanonymize`: what the caller says was found is operated on, as Presidio's anonymizer
//! does it, and answered byte for byte as it answers. The caller's results are trusted; nothing is sought here. Offsets
//! count code points, as Python counts.
//!
//! Results of one type that overlap become one, results within others go, neighbours of one type with spaces between
//! are joined; then operators run from the end of the text to its start, and of results that overlap the earlier is cut
//! where the later begins. There are two differences. An operator that shows its piece (`keep`, `mask`) is given what is
//! left after that cut: Presidio gives it all, and so shows what another operator was to remove. And a result that comes
//! to lie within another by the joining goes too: in Presidio a piece that the outer one covers then stays.

use std::collections::BTreeMap;

use lazaret_core::Limit;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::operators::{Operator, Type, of_type, truthy};
use super::{Refusal, python};

type Build = fn(&str, &Map<String, Value>) -> Result<Operator, Refusal>;

/// A text written anew, with what became of each result, from the end of the text to its start.
#[derive(Debug, Serialize)]
struct Rewritten {
    text: String,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    start: usize,
    end: usize,
    entity_type: String,
    text: String,
    operator: String,
    score: Option<Number>,
}

/// Answers `POST /anonymize`.
pub(super) fn anonymize(request: &Value, most: Limit) -> Result<Vec<u8>, Refusal> {
    let request = &full(request)?;
    let configs = Configs::of(request, "anonymizers", Operator::anonymizer)?;
    if configs.named.values().any(|(name, _)| name == "custom") {
        return Err(Refusal::bad("Custom type anonymizer is not supported"));
    }
    let all = each_text(request, "analyzer_results", |text, results| {
        let results = match results {
            None => return Err(invalid("Invalid input, request must contain analyzer results")),
            Some(results) => {
                list(results, "analyzer_results")?.iter().map(Found::scored).collect::<Result<_, _>>()?
            }
        };
        operate(text, resolved(text, results), &configs, most)
    })?;
    answer(&all, most)
}

/// Answers `POST /deanonymize`.
pub(super) fn deanonymize(request: &Value, most: Limit) -> Result<Vec<u8>, Refusal> {
    let request = &full(request)?;
    let configs = Configs::of(request, "deanonymizers", Operator::deanonymizer)?;
    let all = each_text(request, "anonymizer_results", |text, results| {
        let results = results.filter(|results| truthy(results));
        let results = results.map_or(Ok(&[][..]), |results| list(results, "anonymizer_results"))?;
        let mut found: Vec<Found> = results.iter().map(Found::of_an_anonymizer).collect::<Result<_, _>>()?;
        // From the end; of those that begin at one place the first is the last in the text.
        found.reverse();
        found.sort_by_key(|one| one.start);
        operate(text, found, &configs, most)
    })?;
    answer(&all, most)
}

/// A request that has a member at least.
fn full(request: &Value) -> Result<&Value, Refusal> {
    let full = request.as_object().is_some_and(|members| !members.is_empty());
    if full { Ok(request) } else { Err(Refusal::bad("Invalid request json")) }
}

fn invalid(why: &str) -> Refusal {
    Refusal::invalid(why.to_owned())
}

/// One text with its results, or several with as many lists of results.
enum All {
    One(Rewritten),
    Many(Vec<Rewritten>),
}

fn each_text(
    request: &Value,
    of_results: &str,
    mut run: impl FnMut(&str, Option<&Value>) -> Result<Rewritten, Refusal>,
) -> Result<All, Refusal> {
    let results = request.get(of_results).filter(|results| !results.is_null());
    match request.get("text") {
        None => run("", results).map(All::One),
        Some(Value::String(text)) => run(text, results).map(All::One),
        Some(Value::Array(texts)) => {
            let none = Value::Array(Vec::new());
            let lists = results.map(|results| list(results, of_results)).transpose()?;
            if let Some(lists) = lists.filter(|lists| lists.len() != texts.len()) {
                return Err(Refusal::invalid(format!(
                    "Invalid input, '{of_results}' must contain one list of results per item in 'text' when 'text' \
                     is a list ({} text items, {} '{of_results}' items)",
                    texts.len(),
                    lists.len()
                )));
            }
            let of =
                |number: usize| lists.map_or(Some(&none), |lists| lists.get(number).filter(|l| !l.is_null()));
            let texts = texts.iter().enumerate().map(|(number, text)| {
                let text = text.as_str().ok_or_else(|| invalid("Invalid parameter value for 'text'."))?;
                run(text, of(number))
            });
            texts.collect::<Result<_, _>>().map(All::Many)
        }
        Some(_) => Err(invalid("Invalid parameter value for 'text'.")),
    }
}

fn answer(all: &All, most: Limit) -> Result<Vec<u8>, Refusal> {
    let bytes = match all {
        All::One(one) => python::json(one, most),
        All::Many(many) => python::json(many, most),
    };
    bytes.map_err(|reached| Refusal::too_much(&reached))
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Refusal> {
    let list = value.as_array().map(Vec::as_slice);
    list.ok_or_else(|| Refusal::invalid(format!("Invalid parameter value for '{name}'.")))
}

/// Something found, in code points of the text.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    start: usize,
    end: usize,
    entity: String,
    score: Option<Number>,
}

impl Found {
    /// A result of an analyzer, which has a score.
    fn scored(value: &Value) -> Result<Self, Refusal> {
        let found = Self::read(value)?;
        if found.score.is_none() {
            return Err(invalid("Invalid input, analyzer result must contain score"));
        }
        Ok(found)
    }

    /// A result of an anonymizer: its score may be missing, and is a fraction.
    fn of_an_anonymizer(value: &Value) -> Result<Self, Refusal> {
        let found = Self::read(value)?;
        let score = found.score.as_ref().and_then(Number::as_f64).and_then(Number::from_f64);
        Ok(Self { score, ..found })
    }

    fn read(value: &Value) -> Result<Self, Refusal> {
        let members =
            value.as_object().ok_or_else(|| invalid("Invalid input, a result must be an object"))?;
        let member = |name: &str| members.get(name).unwrap_or(&Value::Null);
        let (start, end) = (place(member("start"), "start")?, place(member("end"), "end")?);
        if !truthy(member("entity_type")) {
            return Err(invalid("Invalid input, result must contain entity_type"));
        }
        of_type(member("entity_type"), "entity_type", Type::Text)?;
        let (Some(from), Some(to)) = (start, end) else {
            return Err(invalid("Invalid input, result start and end must be positive"));
        };
        if from > to {
            return Err(Refusal::invalid(format!(
                "Invalid input, start index '{from}' must be smaller than end index '{to}'"
            )));
        }
        let score = match member("score") {
            Value::Null => None,
            Value::Number(score) => Some(score.clone()),
            _ => return Err(invalid("Invalid parameter value for 'score'.")),
        };
        let entity = member("entity_type").as_str().unwrap_or_default().to_owned();
        Ok(Self { start: from, end: to, entity, score })
    }

    fn points(&self) -> f64 {
        self.score.as_ref().and_then(Number::as_f64).unwrap_or(0.0)
    }
}

/// An offset; none where it is negative.
fn place(value: &Value, name: &str) -> Result<Option<usize>, Refusal> {
    if value.is_null() {
        return Err(Refusal::invalid(format!("Invalid input, result must contain {name}")));
    }
    of_type(value, name, Type::Whole)?;
    match value {
        Value::Bool(truth) => Ok(Some(usize::from(*truth))),
        Value::Number(number) if number.is_u64() => {
            Ok(Some(number.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX)))
        }
        Value::Number(number) if number.is_i64() => Ok(None),
        _ => Err(Refusal::invalid(format!("Invalid parameter value for '{name}'."))),
    }
}

/// What is operated on, in order: of each place one result, or results of several types that overlap in part.
fn resolved(text: &str, mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|one| (one.start, one.end));
    let merged = without_contained(merge_alike(found));
    let mut all = without_contained(join_over_spaces(text, merged));
    all.sort_by_key(|one| (one.start, one.end));
    all
}

/// Joins results of one type that share a character. The joined one stands where the last of them stood.
fn merge_alike(found: Vec<Found>) -> Vec<Found> {
    let mut open: BTreeMap<String, (usize, Found)> = BTreeMap::new();
    let mut kept: Vec<(usize, Found)> = Vec::new();
    for (position, one) in found.into_iter().enumerate() {
        match open.get_mut(&one.entity) {
            Some((at, current)) if one.start < current.end && one.start < one.end => {
                current.end = current.end.max(one.end);
                if one.points() > current.points() {
                    current.score = one.score;
                }
                *at = position;
            }
            _ => kept.extend(open.insert(one.entity.clone(), (position, one))),
        }
    }
    kept.extend(open.into_values());
    kept.sort_by_key(|(position, _)| *position);
    kept.into_iter().map(|(_, one)| one).collect()
}

/// Drops what lies within another result. Of equal places the highest score stays, the last of equal scores.
fn without_contained(found: Vec<Found>) -> Vec<Found> {
    let mut order: Vec<(usize, &Found)> = found.iter().enumerate().collect();
    order.sort_by(|(place, one), (other_place, other)| {
        let key = (one.start, std::cmp::Reverse(one.end));
        let other_key = (other.start, std::cmp::Reverse(other.end));
        let best_first = other.points().total_cmp(&one.points()).then(other_place.cmp(place));
        key.cmp(&other_key).then(best_first)
    });
    let mut stays = vec![false; found.len()];
    let mut reached: Option<usize> = None;
    for (place, one) in order {
        if reached.is_none_or(|reached| reached < one.end) {
            reached = Some(one.end);
            if let Some(stays) = stays.get_mut(place) {
                *stays = true;
            }
        }
    }
    found.into_iter().zip(stays).filter_map(|(one, stays)| stays.then_some(one)).collect()
}

/// Joins neighbours of one type that only spaces part.
fn join_over_spaces(text: &str, found: Vec<Found>) -> Vec<Found> {
    let spaces = Spaces::of(text, &found);
    let mut joined: Vec<Found> = Vec::new();
    for mut one in found {
        let near = |last: &&Found| last.entity == one.entity && spaces.only(last.end, one.start);
        if let Some(start) = joined.last().filter(near).map(|last| last.start) {
            one.start = start;
            joined.pop();
        }
        joined.push(one);
    }
    joined
}

/// The runs of spaces of a text that begin where a result ends, in code points.
struct Spaces(BTreeMap<usize, (usize, bool)>);

impl Spaces {
    fn of(text: &str, found: &[Found]) -> Self {
        let mut ends: Vec<usize> = found.iter().map(|one| one.end).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut places = Places::new(text);
        let ends: Vec<(usize, usize)> =
            ends.into_iter().filter_map(|end| Some((end, places.byte(end)?))).collect();
        let mut runs = BTreeMap::new();
        // From the end, so that no space is counted twice.
        let (mut after, mut next) = (text.len(), (0, false));
        for (end, byte) in ends.into_iter().rev() {
            let part = text.get(byte..after).unwrap_or("");
            let run = part.len() - part.trim_start_matches(' ').len();
            if run < part.len() || after == text.len() {
                next = (run, part.get(run..).is_some_and(|rest| rest.starts_with('\n')));
            } else {
                next.0 += run;
            }
            runs.insert(end, next);
            after = byte;
        }
        Self(runs)
    }

    /// Whether only spaces are between two places, or spaces and a line's end.
    fn only(&self, from: usize, to: usize) -> bool {
        self.0.get(&from).is_some_and(|(run, line_end)| {
            let between = to.saturating_sub(from);
            between > 0 && *run > 0 && (between <= *run || (*line_end && between == run + 1))
        })
    }
}

/// The way from code points to bytes, for places in order.
struct Places<'a> {
    chars: std::str::CharIndices<'a>,
    number: usize,
    length: usize,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self { chars: text.char_indices(), number: 0, length: text.len() }
    }

    /// The byte where a code point begins; none beyond the text's end.
    fn byte(&mut self, place: usize) -> Option<usize> {
        while self.number < place {
            self.chars.next()?;
            self.number += 1;
        }
        Some(self.chars.offset()).filter(|at| *at <= self.length)
    }
}

/// Which operator each type of result is given.
struct Configs<'a> {
    named: BTreeMap<&'a str, (String, Map<String, Value>)>,
    build: Build,
    /// What is done where nothing is said: `replace` on the way there, nothing on the way back.
    fallback: Option<(String, Map<String, Value>)>,
}

impl<'a> Configs<'a> {
    fn of(request: &'a Value, name: &str, build: Build) -> Result<Self, Refusal> {
        let mut named = BTreeMap::new();
        let given = request.get(name).filter(|given| !given.is_null());
        let given = given.map(|given| given.as_object().ok_or_else(|| wrong(name))).transpose()?;
        for (entity, config) in given.into_iter().flatten() {
            let mut params = config.as_object().ok_or_else(|| wrong(name))?.clone();
            let kind = params.remove("type").filter(truthy);
            let kind =
                kind.ok_or_else(|| invalid("Invalid input, operator config must contain operator_name"))?;
            let kind = python::text(&kind).ok_or_else(|| wrong("type"))?;
            named.insert(entity.as_str(), (kind, params));
        }
        let fallback = (name == "anonymizers").then(|| ("replace".to_owned(), Map::new()));
        Ok(Self { named, build, fallback })
    }

    fn of_entity(&self, entity: &str) -> Result<(&str, Operator), Refusal> {
        let config = self.named.get(entity).or_else(|| self.named.get("DEFAULT")).or(self.fallback.as_ref());
        let (name, params) = config.ok_or_else(|| {
            Refusal::invalid(format!("Invalid input, no deanonymizer is given for {entity}, and no DEFAULT"))
        })?;
        Ok((name, (self.build)(name, params)?))
    }
}

fn wrong(name: &str) -> Refusal {
    Refusal::invalid(format!("Invalid parameter value for '{name}'."))
}

/// Runs the operators over results in order, each cut where the next begins. What is wrong first, from the end, is told.
fn operate(text: &str, found: Vec<Found>, configs: &Configs<'_>, most: Limit) -> Result<Rewritten, Refusal> {
    let edges = Edges::of(text, &found);
    let mut operators: BTreeMap<String, (&str, Operator)> = BTreeMap::new();
    let mut pieces: Vec<(String, &str, usize)> = Vec::new();
    let mut worked: u64 = 0;
    let mut next = edges.length;
    for one in found.iter().rev() {
        let whole = edges.slice(text, one.start, one.end).ok_or_else(|| {
            Refusal::invalid(format!(
                "Invalid analyzer result, start: {} and end: {}, while text length is only {}.",
                one.start, one.end, edges.length
            ))
        })?;
        let end = one.end.min(next);
        next = one.start;
        if !operators.contains_key(&one.entity) {
            operators.insert(one.entity.clone(), configs.of_entity(&one.entity)?);
        }
        let (name, operator) = operators.get(&one.entity).ok_or_else(Refusal::broke)?;
        let piece = if operator.shows() { edges.slice(text, one.start, end) } else { Some(whole) };
        let piece = piece.ok_or_else(Refusal::broke)?;
        let new = operator.operate(piece, &one.entity)?;
        // What is read counts, for results may overlap; what is written twice, in the text and in its item.
        let work = piece.len().saturating_add(new.len().saturating_mul(2));
        worked = worked.saturating_add(u64::try_from(work).unwrap_or(u64::MAX));
        most.check(worked).map_err(|reached| Refusal::too_much(&reached))?;
        pieces.push((new, *name, end));
    }
    let mut out = String::with_capacity(text.len());
    let mut items = Vec::with_capacity(found.len());
    let (mut count, mut done) = (0, 0);
    for (one, (new, name, end)) in found.into_iter().zip(pieces.into_iter().rev()) {
        out.push_str(edges.slice(text, done, one.start).ok_or_else(Refusal::broke)?);
        out.push_str(&new);
        let start = count + one.start.saturating_sub(done);
        (count, done) = (start + new.chars().count(), end);
        let Found { entity, score, .. } = one;
        items.push(Item {
            start,
            end: count,
            entity_type: entity,
            text: new,
            operator: name.to_owned(),
            score,
        });
    }
    out.push_str(edges.slice(text, done, edges.length).ok_or_else(Refusal::broke)?);
    items.reverse();
    Ok(Rewritten { text: out, items })
}

/// Where results begin and end in a text, in bytes, and how many code points the text has.
struct Edges {
    bytes: BTreeMap<usize, usize>,
    length: usize,
}

impl Edges {
    fn of(text: &str, found: &[Found]) -> Self {
        let length = text.chars().count();
        let mut edges: Vec<usize> = found.iter().flat_map(|one| [one.start, one.end]).collect();
        edges.extend([0, length]);
        edges.sort_unstable();
        edges.dedup();
        let mut places = Places::new(text);
        let bytes = edges.into_iter().map_while(|edge| Some((edge, places.byte(edge)?))).collect();
        Self { bytes, length }
    }

    /// The text between two edges; nothing where the first lies behind the second, none beyond the text's end.
    fn slice<'t>(&self, text: &'t str, start: usize, end: usize) -> Option<&'t str> {
        let (start, end) = (*self.bytes.get(&start)?, *self.bytes.get(&end)?);
        text.get(start..end.max(start))
    }
}
