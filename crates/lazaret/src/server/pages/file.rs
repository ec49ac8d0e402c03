//! `/files/{sha256}`: one file of a model: where it stands, each crossing, what was ordered and what happened about it, and its
//! inside.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use lazaret_core::{Clock as _, Sha256, SystemClock};
use lazaret_ledger::{AboutFile, FileCrossing, FindingWords, LedgerReader, StoreError};
use lazaret_models::Inside;
use serde_json::Value;

use super::inside::{self, Shown};
use super::models::Worst;
use crate::admission::recorded::{ENDED, RUNS};
use crate::commands::models::queue::{Standing, request, waited};
use crate::commands::models::recall::{PULLED, RESCANNED};
use crate::commands::models::standing::standing;
use crate::server::answer::{Trouble, page as made};
use crate::server::pages::quarantine;
use crate::server::words::{Code, Count, Size, Toned as _, When, named, segment};
use crate::server::{ConsoleState, Rooms};

/// Crossings that are shown: the newest.
const MOST_CROSSINGS: u32 = 200;
/// Orders and events that are read, and of each kind that are shown one by one: the newest.
const MOST_ABOUT: u32 = 5_000;
const MOST_SHOWN: usize = 200;
/// Rules named of one change.
const MOST_RULES: usize = 30;

#[derive(Template)]
#[template(path = "file.html")]
struct FilePage {
    sha256: Code,
    name: String,
    format: String,
    bytes: Size,
    standing: Worst,
    waits: Option<Waits>,
    crossings: Vec<CrossingLine>,
    more_crossings: bool,
    orders: Vec<OrderLine>,
    looks: Vec<LookLine>,
    others: Vec<(When, String, u64)>,
    more_about: bool,
    has_it: Vec<UsedBy>,
    runs: Vec<UsedBy>,
    inside: Shown,
    /// The limit by which parts are left out where the file is read.
    parts_limit: &'static str,
}

/// A file that policy holds.
struct Waits {
    held: String,
    standing: &'static str,
    since: When,
    waiting: String,
    owner: Option<String>,
    reason: Option<String>,
    blocked: bool,
    /// Whether anybody still decides.
    open: bool,
}

struct CrossingLine {
    id: Code,
    when: When,
    model: Option<(String, String)>,
    revision: Option<String>,
    file: String,
    by: String,
    mode: String,
    verdict: String,
    policies: Vec<String>,
    held: Option<String>,
    findings: Count,
}

struct OrderLine {
    crossing: Code,
    when: When,
    what: String,
    by: String,
    second: Option<String>,
    reason: String,
    until: Option<When>,
}

/// A second look that differed.
struct LookLine {
    when: When,
    /// As which name; empty where it was not recorded.
    step: String,
    verdict: String,
    new: Vec<String>,
    gone: Vec<String>,
    at: u64,
}

/// Somebody or something that uses a file.
pub(super) struct UsedBy {
    pub(super) who: String,
    pub(super) first: When,
    pub(super) last: When,
    pub(super) times: Count,
}

/// Users by their names, with the first and the last time.
#[derive(Default)]
pub(super) struct Users(BTreeMap<String, (String, String, u64)>);

impl Users {
    pub(super) fn add(&mut self, who: &str, when: &str) {
        /// Most that are told apart.
        const MOST: usize = 1_000;
        let who = named(who);
        if self.0.len() >= MOST && !self.0.contains_key(&who) {
            return;
        }
        let known = self.0.entry(who).or_insert_with(|| (when.to_owned(), when.to_owned(), 0));
        // Times of one form compare as text.
        known.0 = known.0.as_str().min(when).to_owned();
        known.1 = known.1.as_str().max(when).to_owned();
        known.2 = known.2.saturating_add(1);
    }

    /// Whoever used it does so no longer.
    fn end(&mut self, who: &str, when: &str) {
        if let Some(times) = self.0.remove(who) {
            self.0.insert(format!("{who}, until {when}"), times);
        }
    }

    pub(super) fn list(self) -> Vec<UsedBy> {
        let used = |(who, (first, last, times))| UsedBy {
            who,
            first: When(first),
            last: When(last),
            times: Count(times),
        };
        self.0.into_iter().map(used).collect()
    }
}

/// Who uses a file by the newest events about it, so many of a kind: who fetched it, and where it runs. Tells whether there may
/// be more.
pub(super) fn add_uses(
    ledger: &LedgerReader,
    file: Sha256,
    most: u32,
    has_it: &mut Users,
    runs: &mut Users,
) -> Result<bool, StoreError> {
    let pulls = ledger.events_about(file, PULLED, most)?;
    let mut places = ledger.events_about(file, RUNS, most)?;
    places.extend(ledger.events_about(file, ENDED, most)?);
    let is_cut = [pulls.len(), places.len()].into_iter().any(|events| events >= most as usize);
    // Whoever let go of it after the rest had it before.
    places.sort_by_key(AboutFile::at);
    for about in pulls {
        let AboutFile::Event { when, event, .. } = about else { continue };
        let word = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        has_it.add(Some(word("asked_by")).filter(|by| !by.is_empty()).unwrap_or(word("by")), &when);
    }
    for about in places {
        let AboutFile::Event { kind, when, event, .. } = about else { continue };
        let word = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let place = ["cluster", "namespace", "kind", "name"].map(word).into_iter();
        let place = place.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" / ");
        // It may have been recorded later than it was.
        let when = Some(word("when")).filter(|when| !when.is_empty()).unwrap_or(&when);
        if kind == RUNS { runs.add(&place, when) } else { runs.end(&place, when) }
    }
    Ok(is_cut)
}

/// `/files/{sha256}`
pub(crate) async fn page(State(state): State<ConsoleState>, Path(sha256): Path<String>) -> Response {
    made(state, move |rooms| file(rooms, &sha256)).await
}

fn file(rooms: &Rooms, sha256: &str) -> Result<FilePage, Trouble> {
    let unknown = "no file of a model with this SHA-256 is in the ledger";
    let file =
        Sha256::parse(sha256).ok_or(Trouble::NotFound("no file has such a SHA-256: it has 64 hex digits"))?;
    let ledger = &rooms.ledger;
    let mut crossings = ledger.crossings_of_file(file, MOST_CROSSINGS + 1)?;
    let more_crossings = crossings.len() > MOST_CROSSINGS as usize;
    crossings.truncate(MOST_CROSSINGS as usize);
    let about = ledger.newest_about_file(file, &[PULLED, RUNS, ENDED], MOST_ABOUT)?;
    let (mut has_it, mut runs) = (Users::default(), Users::default());
    let more_uses = add_uses(ledger, file, MOST_ABOUT, &mut has_it, &mut runs)?;
    let (has_it, runs) = (has_it.list(), runs.list());
    if crossings.is_empty() && about.is_empty() && has_it.is_empty() && runs.is_empty() {
        return Err(Trouble::NotFound(unknown));
    }
    let more_about = about.len() == MOST_ABOUT as usize;
    let last = ledger.last_crossing_of_file(file)?;
    let own = last.as_ref().and_then(|last| last.entry.file.as_ref());
    let name = own.map(|file| file.name.clone()).unwrap_or_default();
    let findings = last.as_ref().map(|last| last.entry.findings.as_slice()).unwrap_or_default();
    // What a crossing added is no finding of the file.
    let findings: Vec<FindingWords> =
        findings.iter().filter(|finding| finding.id != lazaret_core::UNLINKED.id).cloned().collect();
    let mut told = About::default();
    for about in about {
        told.add(about);
    }
    let told = told.oldest_first();
    let more_about = more_about || more_uses || told.cut;
    Ok(FilePage {
        sha256: Code(file.to_string()),
        name: named(&name),
        format: last.as_ref().map(|last| last.entry.format.clone()).unwrap_or_default(),
        bytes: Size(own.map_or(0, |file| file.bytes)),
        standing: Worst::of(standing(ledger, file, None, SystemClock.now())?),
        waits: waits(rooms, file, &crossings)?,
        parts_limit: Inside::PARTS_LIMIT,
        inside: inside::of(rooms, file, &name, &findings)?,
        crossings: crossings.iter().map(crossing_line).collect(),
        more_crossings,
        orders: told.orders,
        looks: told.looks,
        others: told.others,
        more_about,
        has_it,
        runs,
    })
}

/// What was ordered and what happened, by its kind.
#[derive(Default)]
struct About {
    orders: Vec<OrderLine>,
    looks: Vec<LookLine>,
    others: Vec<(When, String, u64)>,
    cut: bool,
}

impl About {
    /// The newest come first; of each kind they are kept.
    fn add(&mut self, about: AboutFile) {
        let known = match &about {
            AboutFile::Order { .. } => self.orders.len(),
            AboutFile::Event { kind, .. } if kind == RESCANNED => self.looks.len(),
            AboutFile::Event { .. } => self.others.len(),
        };
        if known >= MOST_SHOWN {
            self.cut = true;
            return;
        }
        match about {
            AboutFile::Order { crossing, when, order, .. } => self.orders.push(OrderLine {
                crossing: Code(crossing),
                when: When(when),
                what: order.what,
                by: named(&order.by),
                second: order.second.as_deref().map(named),
                reason: named(&order.reason),
                until: order.until.map(When),
            }),
            AboutFile::Event { at, kind, when, event } => {
                if kind == RESCANNED {
                    self.looks.push(look(at, when, &event));
                } else {
                    self.others.push((When(when), named(&kind), at));
                }
            }
        }
    }

    fn oldest_first(mut self) -> Self {
        self.orders.reverse();
        self.looks.reverse();
        self.others.reverse();
        self
    }
}

fn look(at: u64, when: String, event: &Value) -> LookLine {
    let rules = |key: &str| {
        let rules = event.get(key).and_then(Value::as_array).into_iter().flatten();
        rules.filter_map(Value::as_str).take(MOST_RULES).map(named).collect()
    };
    let verdict = event.get("verdict").and_then(Value::as_str).map(named).unwrap_or_default();
    let step = event.get("step").and_then(Value::as_str).map(named).unwrap_or_default();
    LookLine { when: When(when), step, verdict, new: rules("new"), gone: rules("gone"), at }
}

/// What is held of a file, by the last of its crossings that was.
fn waits(rooms: &Rooms, file: Sha256, crossings: &[FileCrossing]) -> Result<Option<Waits>, Trouble> {
    let Some(id) = crossings.iter().find_map(|crossing| crossing.entry.held.as_deref()) else {
        return Ok(None);
    };
    let held = rooms.vault.held(quarantine::parse(id)?)?;
    let request = request(&rooms.ledger, file.to_string(), held)?;
    Ok(Some(Waits {
        held: id.to_owned(),
        standing: request.standing.name(),
        since: When(request.received.to_string()),
        waiting: waited(request.waiting_seconds),
        owner: request.owner.as_deref().map(named),
        reason: request.reason.as_deref().map(named),
        blocked: request.blocked,
        open: matches!(request.standing, Standing::Held | Standing::Requested),
    }))
}

fn crossing_line(FileCrossing { crossing, entry }: &FileCrossing) -> CrossingLine {
    let opened = &crossing.opened;
    let model = opened.model.as_ref();
    CrossingLine {
        id: Code(opened.crossing.clone()),
        when: When(opened.started.clone()),
        model: model.map(|model| (named(&model.name), segment(&model.name))),
        revision: model.and_then(|model| model.revision.as_deref()).map(named),
        file: entry.file.as_ref().map(|file| named(&file.name)).unwrap_or_default(),
        by: named(opened.asked_by()),
        mode: opened.mode.clone(),
        verdict: entry.verdict.clone(),
        policies: entry.policies.iter().map(|policy| named(policy)).collect(),
        held: entry.held.clone(),
        findings: Count(entry.findings.len() as u64),
    }
}
