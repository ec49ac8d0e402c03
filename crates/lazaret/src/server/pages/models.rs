//! `/models`: the models that the ledger knows, and where each stands.

use std::sync::PoisonError;

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::response::{IntoResponse, Response};
use lazaret_core::{Clock as _, Sha256, SystemClock, Timestamp};
use lazaret_ledger::{ModelView, model_view};
use lazaret_vault::{HoldFilter, HoldState};
use serde::Deserialize;

use crate::commands::models::standing::{Standing, Stands, standing};
use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Count, Toned as _, When, named, segment};
use crate::server::{ConsoleState, Rooms};
use crate::watching::Shown;

/// Models of one page.
const ROWS: usize = 50;
/// Names that are read for one page, and of these models that are looked at.
const MOST_NAMES: usize = 10_000;
const MOST_LOOKED_AT: usize = 200;
/// Names that are read at once.
const AT_ONCE: u32 = 1_000;
/// Crossings and files of one model that are looked at for its line.
const MOST_CROSSINGS: u64 = 20;
const MOST_FILES: usize = 50;
/// Held records that are looked through for models that wait.
const MOST_HELD: u32 = 10_000;
/// Longest part of a name that is looked for.
const LONGEST: usize = 200;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    name: String,
    #[serde(default)]
    standing: Option<String>,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "models.html")]
struct Models {
    waiting: Count,
    /// There may be more that wait.
    waiting_cut: bool,
    choices: Vec<Choice>,
    /// The standing asked for; empty for all.
    standing: &'static str,
    name: String,
    name_link: String,
    rows: Vec<Line>,
    first_page: bool,
    next: Option<String>,
    /// The page ended before it was full.
    looked_at: Option<Count>,
    /// The folders that this server watches.
    watched: Vec<Watched>,
}

/// A folder that is watched.
struct Watched {
    name: String,
    looked: Option<When>,
    passed: Count,
    held: Count,
    not_passed: Count,
    fault: Option<String>,
}

impl From<Shown> for Watched {
    fn from(shown: Shown) -> Self {
        Self {
            name: shown.name,
            looked: shown.looked.map(|when| When(when.to_string())),
            passed: Count(shown.passed),
            held: Count(shown.held),
            not_passed: Count(shown.not_passed),
            fault: shown.fault,
        }
    }
}

struct Choice {
    key: &'static str,
    word: &'static str,
    chosen: bool,
}

/// One model.
struct Line {
    name: String,
    link: String,
    revision: Option<String>,
    revisions: Count,
    files: Count,
    worst: Worst,
    /// Not all of it was looked at.
    cut: bool,
}

/// Where a model stands: as the worst of its files.
pub(super) struct Worst {
    pub(super) word: &'static str,
    pub(super) since: Option<When>,
    pub(super) by: Option<String>,
    pub(super) second: Option<String>,
    pub(super) until: Option<When>,
    pub(super) stands: Option<Stands>,
}

impl Worst {
    /// What the person did: whoever brought a file did not decide about it.
    pub(super) fn verb(&self) -> &'static str {
        if matches!(self.stands, Some(Stands::Admitted | Stands::Refused)) { "by" } else { "brought by" }
    }

    pub(super) fn of(standing: Option<Standing>) -> Self {
        let Some(Standing { stands, since, by, second, until }) = standing else {
            return Self { word: "unknown", since: None, by: None, second: None, until: None, stands: None };
        };
        Self {
            word: stands.name(),
            since: Some(When(since)),
            by: by.as_deref().map(named),
            second: second.as_deref().map(named),
            until: until.map(When),
            stands: Some(stands),
        }
    }
}

/// `/models`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else {
        return Trouble::Asked("`name`, `standing` and `after` may be asked for").into_response();
    };
    made(state, move |rooms| models(rooms, &asks)).await
}

fn models(rooms: &Rooms, asks: &Asks) -> Result<Models, Trouble> {
    let wanted = match asks.standing.as_deref() {
        None | Some("" | "all") => None,
        Some(key) => Some(
            Stands::ALL
                .into_iter()
                .find(|stands| stands.key() == key)
                .ok_or(Trouble::Asked("no model has such a standing"))?,
        ),
    };
    if asks.name.len() > LONGEST {
        return Err(Trouble::Asked("no model has so long a name"));
    }
    let part = asks.name.trim().to_lowercase();
    let now = SystemClock.now();
    let (mut rows, mut next, mut after) = (Vec::new(), None, asks.after.clone());
    let (mut read, mut looked_at) = (0_usize, 0_usize);
    'reading: loop {
        let names = rooms.ledger.models(after.as_deref(), AT_ONCE)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            if rows.len() == ROWS || read == MOST_NAMES || looked_at == MOST_LOOKED_AT {
                next.clone_from(&after);
                break 'reading;
            }
            read += 1;
            after = Some(name.clone());
            if !name.to_lowercase().contains(&part) {
                continue;
            }
            looked_at += 1;
            let Some(line) = line(rooms, &name, now)? else { continue };
            if wanted.is_none() || line.worst.stands == wanted {
                rows.push(line);
            }
        }
    }
    let (waiting, waiting_cut) = waiting(rooms)?;
    let all = [Choice { key: "all", word: "all", chosen: wanted.is_none() }];
    let choices = Stands::ALL.into_iter().map(|stands| Choice {
        key: stands.key(),
        word: stands.name(),
        chosen: wanted == Some(stands),
    });
    Ok(Models {
        waiting,
        waiting_cut,
        choices: all.into_iter().chain(choices).collect(),
        standing: wanted.map_or("", Stands::key),
        name: named(asks.name.trim()),
        name_link: segment(asks.name.trim()),
        looked_at: (next.is_some() && rows.len() < ROWS).then_some(Count(read as u64)),
        rows,
        first_page: asks.after.is_none(),
        next: next.as_deref().map(segment),
        watched: shown(rooms),
    })
}

fn shown(rooms: &Rooms) -> Vec<Watched> {
    let watched = rooms.models.watched.lock().unwrap_or_else(PoisonError::into_inner);
    watched.iter().cloned().map(Watched::from).collect()
}

fn line(rooms: &Rooms, name: &str, now: Timestamp) -> Result<Option<Line>, Trouble> {
    let Some(view) = model_view(&rooms.ledger, name, None, (MOST_CROSSINGS, MOST_FILES))? else {
        return Ok(None);
    };
    Ok(Some(Line {
        link: segment(name),
        name: named(name),
        revision: view.words.revision.as_deref().map(named),
        revisions: Count(view.revisions.len() as u64),
        files: Count((view.files.len() + view.held.len()) as u64),
        worst: worst(rooms, &view, now)?,
        cut: !view.complete,
    }))
}

/// Where a model's revision stands: as the worst of its files.
pub(super) fn worst(rooms: &Rooms, view: &ModelView, now: Timestamp) -> Result<Worst, Trouble> {
    let mut worst: Option<Standing> = None;
    for file in view.held.values().chain(view.files.values()) {
        let Some(sha256) = Sha256::parse(&file.file.sha256) else { continue };
        let Some(found) = standing(&rooms.ledger, sha256, Some(&file.file.name), now)? else { continue };
        if worst.as_ref().is_none_or(|worst| found.stands < worst.stands) {
            worst = Some(found);
        }
    }
    Ok(Worst::of(worst))
}

/// How many files wait, and whether there may be more.
fn waiting(rooms: &Rooms) -> Result<(Count, bool), Trouble> {
    let filter = HoldFilter { state: Some(HoldState::Held), most: Some(MOST_HELD), ..HoldFilter::default() };
    let held = rooms.vault.holds(&filter)?;
    let files: std::collections::BTreeSet<&str> =
        held.iter().filter_map(|held| held.sha256.as_deref()).collect();
    Ok((Count(files.len() as u64), held.len() == MOST_HELD as usize))
}
