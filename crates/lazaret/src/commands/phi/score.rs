//! `lazaret phi score`: predictions against gold, in tables or as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use lazaret_core::Limits;
use lazaret_input::json;
use lazaret_phi::corpus::{Mark, Note, jsonl};
use lazaret_phi::score::wilson::{self, Interval};
use lazaret_phi::score::{ANY, Hits, Labels, Score, Scorer, share};

use crate::cli::{PhiFormat, PhiLabels, PhiPredUnit, PhiScoreArgs};
use crate::commands::phi::look::MAX_CONTEXT;
use crate::commands::phi::notes::{each_line, each_note, format_of};
use crate::commands::phi::python::{self, Value};
use crate::commands::phi::visible::visible;
use crate::config::Config;
use crate::exit::{CliError, Exit, read_text};

/// Half the width an interval shall have, where nothing else is said.
pub(crate) const HALF_WIDTH: f64 = 0.02;

/// Runs the command.
pub(crate) fn run(
    args: &PhiScoreArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let limits = &config.limits();
    let scorer = Scorer {
        labels: labels(args, limits)?,
        unit: match args.pred_unit {
            PhiPredUnit::Codepoint => lazaret_phi::score::Unit::CodePoint,
            PhiPredUnit::Byte => lazaret_phi::score::Unit::Byte,
            PhiPredUnit::Utf16 => lazaret_phi::score::Unit::Utf16,
        },
        least_score: args.min_score,
        kept: (args.show_misses, args.show_false),
    };
    let predictions = predictions(args, limits)?;
    let mut score = Score::default();
    let mut seen = BTreeSet::new();
    let mut add = |note: &Note, told: &str| {
        let predicted = predictions.get(&note.id);
        if !seen.insert(note.id.clone()) {
            return Err(TWICE.to_owned());
        }
        let same = predicted.and_then(|one| one.text.as_ref()).is_none_or(|text| *text == note.text);
        if !same {
            return Err(format!("{} has another text for it", args.pred.display()));
        }
        let added = scorer.add(&mut score, note, predicted.map(|one| one.marks.as_slice()));
        added.map_err(|error| format!("what {} has for {told}: {error}", args.pred.display()))
    };
    match format_of(&args.gold)? {
        PhiFormat::Jsonl => each_line(&args.gold, limits, |number, line| {
            let note = jsonl::read(line, limits).map_err(|error| error.to_string())?;
            add(&note, &format!("line {number}"))
        })?,
        format => each_note(format, std::slice::from_ref(&args.gold), limits, |note, wrong| {
            add(note, &format!("`{}`", visible(&note.id))).map_err(wrong)
        })?,
    }
    let half_width =
        (args.wilson || args.half_width.is_some()).then(|| args.half_width.unwrap_or(HALF_WIDTH));
    if json {
        let mut document = document(&score);
        document.extend(half_width.map(|half| ("wilson", intervals(&score, half))));
        python::write_json(out, &Value::map(document))?;
        return Ok(Exit::Clear);
    }
    write_tables(&score, out)?;
    if let Some(half_width) = half_width {
        write_intervals(&score, half_width, out)?;
    }
    write_kept(&score, args, out)?;
    Ok(Exit::Clear)
}

/// What is wrong where one note stands twice.
const TWICE: &str = "the same `id` stands on an earlier line";

/// What is predicted for a note.
struct Predicted {
    marks: Vec<Mark>,
    /// The text it is predicted for, where the format holds it.
    text: Option<String>,
}

fn predictions(args: &PhiScoreArgs, limits: &Limits) -> Result<BTreeMap<String, Predicted>, CliError> {
    let mut predictions = BTreeMap::new();
    let mut keep = |id: String, predicted: Predicted| match predictions.insert(id, predicted) {
        None => Ok(()),
        Some(_) => Err(TWICE.to_owned()),
    };
    match format_of(&args.pred)? {
        PhiFormat::Jsonl => each_line(&args.pred, limits, |_, line| {
            let prediction = jsonl::read_prediction(line, limits).map_err(|error| error.to_string())?;
            keep(prediction.id, Predicted { marks: prediction.marks, text: None })
        })?,
        _ if args.pred_unit != PhiPredUnit::Codepoint => {
            let why = format!("{}: i2b2 and brat count code points: no --pred-unit", args.pred.display());
            return Err(CliError::Usage(why));
        }
        format => each_note(format, std::slice::from_ref(&args.pred), limits, |note, wrong| {
            let predicted = Predicted { marks: note.marks.clone(), text: Some(note.text.clone()) };
            keep(note.id.clone(), predicted).map_err(wrong)
        })?,
    }
    Ok(predictions)
}

fn labels(args: &PhiScoreArgs, limits: &Limits) -> Result<Labels, CliError> {
    let mut map = BTreeMap::new();
    if let Some(path) = &args.map {
        let wrong = |why: &str| CliError::Usage(format!("{}: {why}", path.display()));
        let text = read_text(path, limits.get(MAX_CONTEXT))?;
        let parsed = json::parse(text.as_bytes(), limits);
        if let Some(fault) = parsed.faults.first() {
            return Err(wrong(&format!("at byte {}: {}", fault.offset, fault.message)));
        }
        let form = "is not of the form {\"FROM\": \"TO\"}";
        let document = parsed.document.ok_or_else(|| wrong(form))?;
        if document.root().kind() != json::JsonKind::Object {
            return Err(wrong(form));
        }
        for pair in document.root().members() {
            let to = pair.value.as_str().ok_or_else(|| wrong(form))?;
            map.insert(pair.key.to_uppercase(), to.to_owned());
        }
    }
    let only = args.only.as_ref().map(|only| only.split(',').map(str::to_owned).collect());
    Ok(Labels { raw: args.labels == PhiLabels::Raw, map, only })
}

/// The labels, [`ANY`] last.
fn in_order(table: &BTreeMap<String, Hits>) -> impl Iterator<Item = (&str, &Hits)> {
    let named = table.iter().filter(|(label, _)| *label != ANY);
    named.chain(table.get_key_value(ANY)).map(|(label, hits)| (label.as_str(), hits))
}

fn document(score: &Score) -> Vec<(&'static str, Value)> {
    let hits = |table: &BTreeMap<String, Hits>| {
        Value::map(in_order(table).map(|(label, hits)| {
            let figures = [
                ("gold", Value::Count(hits.gold)),
                ("pred", Value::Count(hits.predicted)),
                ("precision", Value::Share(hits.precision())),
                ("recall", Value::Share(hits.recall())),
                ("f1", Value::Share(Some(hits.f(1.0)))),
                ("f2", Value::Share(Some(hits.f(4.0)))),
            ];
            (label, Value::map(figures))
        }))
    };
    let coverage = |table: &BTreeMap<String, lazaret_phi::score::Coverage>| {
        Value::map(table.iter().map(|(label, row)| {
            let figures = [
                ("spans", Value::Count(row.spans)),
                ("whole", Value::Count(row.whole)),
                ("untouched", Value::Count(row.untouched)),
                ("characters", Value::Count(row.characters)),
                ("covered", Value::Count(row.covered)),
                ("share", Value::Share(share(row.covered, row.characters))),
            ];
            (label, Value::map(figures))
        }))
    };
    let traps = score.traps.iter().map(|(kind, (all, masked))| {
        (kind, Value::map([("n", Value::Count(*all)), ("masked", Value::Count(*masked))]))
    });
    vec![
        ("documents", Value::Count(score.notes)),
        ("documents_without_prediction", Value::Count(score.absent)),
        ("exact", hits(&score.exact)),
        ("overlap", hits(&score.overlap)),
        ("phi_characters", Value::Count(score.phi)),
        ("phi_character_recall", Value::Share(share(score.phi_covered, score.phi))),
        ("spans_partly_leaked", Value::Count(score.in_part)),
        ("spans_wholly_leaked", Value::Count(score.missed)),
        ("documents_with_leak", Value::Count(score.leaky)),
        ("over_redaction", Value::Share(share(score.other_covered, score.other))),
        ("non_phi_characters", Value::Count(score.other)),
        ("traps", Value::map(traps)),
        (
            "label_right",
            Value::map([
                ("found", Value::Count(score.found)),
                ("right", Value::Count(score.right)),
                ("share", Value::Share(share(score.right, score.found))),
            ]),
        ),
        ("by_gold_label", coverage(&score.kinds)),
        ("by_gold_sublabel", coverage(&score.subs)),
    ]
}

/// A share in hundredths, six characters.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "     -".to_owned(), |share| format!("{:6.2}", 100.0 * share))
}

fn write_tables(score: &Score, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(
        out,
        "{:<12}{:>6}{:>6} | {:>7}{:>7}{:>7}{:>7} | {:>9}{:>7}{:>7}{:>7}",
        "label", "gold", "pred", "exact P", "R", "F1", "F2", "overlap P", "R", "F1", "F2"
    )?;
    for (label, exact) in in_order(&score.exact) {
        let overlap = score.overlap.get(label).copied().unwrap_or_default();
        let four = |hits: &Hits| {
            [hits.precision(), hits.recall(), Some(hits.f(1.0)), Some(hits.f(4.0))].map(percent)
        };
        let ([p, r, f1, f2], [op, or, of1, of2]) = (four(exact), four(&overlap));
        let label = visible(label);
        writeln!(
            out,
            "{label:<12}{:>6}{:>6} | {p:>7}{r:>7}{f1:>7}{f2:>7} | {op:>9}{or:>7}{of1:>7}{of2:>7}",
            exact.gold, exact.predicted
        )?;
    }
    let Score { notes, absent, leaky, missed, in_part, phi, other, right, found, .. } = score;
    writeln!(out, "\ndocuments {notes} (without prediction: {absent}); with a leak: {leaky}")?;
    writeln!(out, "PHI character recall  {} %  of {phi}", percent(share(score.phi_covered, *phi)))?;
    writeln!(out, "spans leaked          {missed} wholly, {in_part} in part")?;
    let over = percent(share(score.other_covered, *other));
    writeln!(out, "over-redaction        {over} %  of {other} non-PHI characters")?;
    if !score.traps.is_empty() {
        let sum = |of: fn(&(u64, u64)) -> u64| score.traps.values().map(of).sum::<u64>();
        let kinds =
            score.traps.iter().map(|(kind, (all, masked))| format!("{} {masked}/{all}", visible(kind)));
        let kinds: Vec<String> = kinds.collect();
        writeln!(out, "traps masked          {} of {}: {}", sum(|t| t.1), sum(|t| t.0), kinds.join(", "))?;
    }
    let labels = percent(share(*right, *found));
    writeln!(out, "label right for found spans {labels} %  {right} of {found}")?;
    writeln!(out, "\n{:<14}{:>6}{:>7} | % of characters covered", "gold label", "spans", "whole")?;
    for (kind, row) in &score.kinds {
        let covered = percent(share(row.covered, row.characters));
        let (kind, characters) = (visible(kind), row.characters);
        writeln!(out, "{kind:<14}{:>6}{:>7} | {covered} %  of {characters}", row.spans, row.whole)?;
    }
    Ok(())
}

fn intervals(score: &Score, half_width: f64) -> Value {
    let of = |hits: u64, of: u64| {
        let interval = wilson::interval(hits, of);
        let more = wilson::still_needed(hits, of, half_width).map_or(Value::Share(None), Value::Count);
        Value::map([
            ("hits", Value::Count(hits)),
            ("of", Value::Count(of)),
            ("low", Value::Share(interval.map(|interval| interval.low))),
            ("high", Value::Share(interval.map(|interval| interval.high))),
            ("more", more),
        ])
    };
    let each = |one: fn(&Hits) -> (u64, u64)| {
        Value::map(in_order(&score.overlap).map(|(label, hits)| {
            let (part, whole) = one(hits);
            (label, of(part, whole))
        }))
    };
    Value::map([
        ("z", Value::Share(Some(wilson::Z))),
        ("half_width", Value::Share(Some(half_width))),
        ("recall", each(|hits| (hits.found, hits.gold))),
        ("precision", each(|hits| (hits.right, hits.predicted))),
    ])
}

fn write_intervals(score: &Score, half_width: f64, out: &mut impl Write) -> Result<(), CliError> {
    let points = 100.0 * half_width;
    writeln!(out, "\n95 % intervals (Wilson 1927) of overlap; more: spans until ± {points:.2} points")?;
    writeln!(
        out,
        "{:<12}{:>7}{:>8}{:>8}{:>8} | {:>9}{:>8}{:>8}{:>8}",
        "label", "R", "from", "to", "more", "P", "from", "to", "more"
    )?;
    for (label, hits) in in_order(&score.overlap) {
        let cells = |part: u64, whole: u64| {
            let interval = wilson::interval(part, whole);
            let end = |end: fn(Interval) -> f64| percent(interval.map(end));
            let more = wilson::still_needed(part, whole, half_width);
            let more = more.map_or_else(|| "-".to_owned(), |more| more.to_string());
            (percent(share(part, whole)), end(|i| i.low), end(|i| i.high), more)
        };
        let (r, r_low, r_high, r_more) = cells(hits.found, hits.gold);
        let (p, p_low, p_high, p_more) = cells(hits.right, hits.predicted);
        let label = visible(label);
        writeln!(
            out,
            "{label:<12}{r:>7}{r_low:>8}{r_high:>8}{r_more:>8} | {p:>9}{p_low:>8}{p_high:>8}{p_more:>8}"
        )?;
    }
    Ok(())
}

fn write_kept(score: &Score, args: &PhiScoreArgs, out: &mut impl Write) -> Result<(), CliError> {
    if args.show_misses > 0 {
        writeln!(out, "\nuncovered gold ({}):", score.missed_or_in_part)?;
        for miss in &score.misses {
            let how = if miss.in_part { "part" } else { "all" };
            let words = [&miss.label, &miss.text, how].map(python::repr);
            writeln!(out, "  {} | {}", visible(&miss.id), words.join(" | "))?;
        }
    }
    if args.show_false > 0 {
        writeln!(out, "\npredictions on no gold ({}):", score.on_no_gold)?;
        for (id, text) in &score.falses {
            writeln!(out, "  {} | {}", visible(id), python::repr(text))?;
        }
    }
    Ok(())
}
