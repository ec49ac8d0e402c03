//! `/crossings/{id}`: one crossing: who sent what, what was found and decided, its receipt and the proof of it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use lazaret_core::CrossingId;
use lazaret_ledger::{CountWords, CrossingWords, EntryWords, OpenedWords, OrderWords, prove};

use crate::server::answer::{Trouble, look, page as made};
use crate::server::pages::records::RecordLine;
use crate::server::words::{Code, Count, Shown as _, Size, Toned as _, When, in_order, named, segment};
use crate::server::{ConsoleState, Rooms};

/// Entries read for one page; past them the page says that its places are not all.
const MOST_ENTRIES: u64 = 100_000;
/// Entries read at once.
const AT_ONCE: u32 = 2_000;
/// Places shown, the gravest and most frequent first.
const MOST_PLACES: usize = 200;
/// Held records shown here; the others stand on the pages of records.
const MOST_HELD: usize = 50;
/// Output files shown.
const MOST_OUTPUTS: usize = 200;
/// Places kept while they are counted.
const MOST_COUNTED: usize = 20_000;

#[derive(Template)]
#[template(path = "crossing.html")]
struct CrossingPage {
    id: Code,
    opened: OpenedWords,
    started: When,
    from: Code,
    policy: Code,
    exchange: Option<Code>,
    care_critical: Option<String>,
    override_by: Option<String>,
    order: Option<OrderWords>,
    model: Option<(String, String)>,
    revision: Option<String>,
    opened_at: Count,
    sealed: Option<SealedPart>,
    seen: Seen,
}

/// What stands in the sealed entry.
struct SealedPart {
    ending: String,
    reason: Option<String>,
    ended: When,
    at: Count,
    root: Code,
    entries: Count,
    records: Count,
    held: Count,
    again: u64,
    uninspected: u64,
    verdicts: Vec<Share>,
    identifiers: Vec<Identifier>,
    rules: Vec<(String, Count)>,
    outputs: Vec<OutputLine>,
    more_outputs: usize,
}

/// One verdict's part of the records, with its place in the bar (of 1,000).
struct Share {
    verdict: String,
    records: Count,
    start: u64,
    width: u64,
}

/// One kind of identifier and what became of it.
struct Identifier {
    label: String,
    found: Count,
    actions: Vec<(String, Count)>,
}

struct OutputLine {
    dataset: String,
    link: String,
    name: String,
    sha256: Code,
    bytes: Size,
    records: Count,
}

/// What the entries of its records say.
#[derive(Default)]
struct Seen {
    places: Vec<PlaceLine>,
    more_places: usize,
    policies: Vec<(String, String, Count)>,
    sensitivity: Vec<(String, Count)>,
    held: Vec<RecordLine>,
    more_held: bool,
    entries: u64,
    /// Where reading stopped, if it did before the end.
    cut: Option<Count>,
}

struct PlaceLine {
    id: String,
    severity: String,
    at: String,
    count: u64,
}

/// `/crossings/{id}`
pub(crate) async fn page(State(state): State<ConsoleState>, Path(id): Path<String>) -> Response {
    made(state, move |rooms| crossing(rooms, &id)).await
}

/// `/crossings/{id}/proof`
pub(crate) async fn proof(State(state): State<ConsoleState>, Path(id): Path<String>) -> Response {
    let made = look(state, move |rooms| {
        let id = parse(&id)?;
        Ok((id, prove(&rooms.ledger, id, None)?))
    });
    match made.await {
        Ok((id, text)) => {
            let name = format!("attachment; filename=\"lazaret-proof-{id}.json\"");
            ([(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name)], text)
                .into_response()
        }
        Err(trouble) => trouble.into_response(),
    }
}

/// A crossing's id from an address.
pub(super) fn parse(id: &str) -> Result<CrossingId, Trouble> {
    CrossingId::parse(id).ok_or(Trouble::NotFound("no crossing has such an id: ids are UUIDs"))
}

/// A crossing by its id.
pub(super) fn find(rooms: &Rooms, id: CrossingId) -> Result<CrossingWords, Trouble> {
    rooms.ledger.crossing(id)?.ok_or(Trouble::NotFound("no crossing of this id is in the ledger"))
}

fn crossing(rooms: &Rooms, id: &str) -> Result<CrossingPage, Trouble> {
    let id = parse(id)?;
    let CrossingWords { opened, opened_at, sealed } = find(rooms, id)?;
    let sealed = sealed.map(|sealed| {
        let counts = &sealed.seal.counts;
        let all = sealed.seal.outputs.len();
        SealedPart {
            at: Count(sealed.sealed_at),
            root: Code(sealed.record_root),
            entries: Count(sealed.entries),
            records: Count(counts.records),
            held: Count(counts.held()),
            again: counts.again,
            uninspected: counts.uninspected,
            verdicts: shares(counts),
            identifiers: identifiers(counts),
            rules: counts.findings.iter().map(|(id, n)| (id.clone(), Count(*n))).collect(),
            ending: sealed.seal.ending,
            reason: sealed.seal.reason,
            ended: When(sealed.seal.ended),
            outputs: sealed.seal.outputs.into_iter().take(MOST_OUTPUTS).map(output).collect(),
            more_outputs: all.saturating_sub(MOST_OUTPUTS),
        }
    });
    Ok(CrossingPage {
        id: Code(opened.crossing.clone()),
        started: When(opened.started.clone()),
        from: Code(opened.from.clone()),
        policy: Code(opened.policy.clone()),
        exchange: opened.exchange.clone().map(Code),
        care_critical: opened.care_critical.as_ref().map(ToString::to_string),
        override_by: opened.override_by.as_ref().map(ToString::to_string),
        order: opened.order.clone(),
        model: opened.model.as_ref().map(|model| (named(&model.name), segment(&model.name))),
        revision: opened.model.as_ref().and_then(|model| model.revision.as_deref()).map(named),
        opened_at: Count(opened_at),
        seen: entries(rooms, id)?,
        sealed,
        opened,
    })
}

fn output(output: lazaret_ledger::OutputWords) -> OutputLine {
    OutputLine {
        link: segment(&output.dataset),
        dataset: output.dataset,
        name: output.name,
        sha256: Code(output.sha256),
        bytes: Size(output.bytes),
        records: Count(output.records),
    }
}

fn shares(counts: &CountWords) -> Vec<Share> {
    let all: u128 = counts.verdicts.values().map(|n| u128::from(*n)).sum();
    let mut before = 0_u128;
    let part = |n: u128| u64::try_from(n * 1_000 / all.max(1)).unwrap_or(1_000);
    let mut shares = Vec::new();
    for (verdict, records) in in_order(&counts.verdicts) {
        let start = part(before);
        before += u128::from(records);
        // Even one record in a million shows.
        let width = part(before).saturating_sub(start).max(u64::from(records > 0) * 4);
        shares.push(Share { verdict, records: Count(records), start: start.min(996), width });
    }
    shares
}

fn identifiers(counts: &CountWords) -> Vec<Identifier> {
    let mut actions: BTreeMap<&str, Vec<(String, Count)>> = BTreeMap::new();
    for (edit, count) in &counts.edits {
        let (label, action) = edit.rsplit_once(' ').unwrap_or((edit, "edited"));
        actions.entry(label).or_default().push((action.to_owned(), Count(*count)));
    }
    let mut labels: Vec<&str> =
        counts.phi.keys().map(String::as_str).chain(actions.keys().copied()).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
        .into_iter()
        .map(|label| Identifier {
            label: label.to_owned(),
            found: Count(counts.phi.get(label).copied().unwrap_or(0)),
            actions: actions.get(label).cloned().unwrap_or_default(),
        })
        .collect()
}

/// Counts over the entries.
#[derive(Default)]
struct Tally {
    places: BTreeMap<(String, String, String), u64>,
    policies: BTreeMap<(String, String), u64>,
    sensitivity: BTreeMap<String, u64>,
    uncounted: usize,
}

impl Tally {
    fn add(&mut self, entry: &EntryWords) {
        for finding in &entry.findings {
            let key = (finding.id.clone(), finding.severity.clone(), finding.at.clone());
            if self.places.len() < MOST_COUNTED || self.places.contains_key(&key) {
                *self.places.entry(key).or_default() += 1;
            } else {
                self.uncounted += 1;
            }
        }
        for policy in &entry.policies {
            *self.policies.entry((policy.clone(), entry.verdict.clone())).or_default() += 1;
        }
        for word in &entry.sensitivity {
            *self.sensitivity.entry(word.clone()).or_default() += 1;
        }
    }
}

/// Reads the entries of a crossing's records and counts what they say.
fn entries(rooms: &Rooms, id: CrossingId) -> Result<Seen, Trouble> {
    let mut tally = Tally::default();
    let mut seen = Seen::default();
    let mut from = 0;
    loop {
        let entries = rooms.ledger.entries(id, from, AT_ONCE)?;
        let Some(last) = entries.last() else { break };
        from = last.record.saturating_add(1);
        for entry in entries {
            tally.add(&entry);
            seen.entries += 1;
            if entry.held.is_some() {
                if seen.held.len() < MOST_HELD {
                    seen.held.push(RecordLine::of(entry));
                } else {
                    seen.more_held = true;
                }
            }
        }
        if seen.entries >= MOST_ENTRIES {
            seen.cut = rooms.ledger.entries(id, from, 1)?.first().map(|_| Count(seen.entries));
            break;
        }
    }
    let mut places: Vec<PlaceLine> = tally
        .places
        .into_iter()
        .map(|((id, severity, at), count)| PlaceLine { id, severity, at, count })
        .collect();
    places.sort_by_key(|line| (gravity(&line.severity), std::cmp::Reverse(line.count)));
    seen.more_places = places.len().saturating_sub(MOST_PLACES) + tally.uncounted;
    places.truncate(MOST_PLACES);
    seen.places = places;
    seen.policies = tally.policies.into_iter().map(|((id, word), n)| (id, word, Count(n))).collect();
    seen.sensitivity = tally.sensitivity.into_iter().map(|(word, n)| (word, Count(n))).collect();
    Ok(seen)
}

/// The gravest first.
pub(super) fn gravity(severity: &str) -> usize {
    let words = ["critical", "high", "medium", "low", "info"];
    words.iter().position(|word| *word == severity).unwrap_or(words.len())
}
