//! `/quarantine`: records kept back and why. Their contents are not shown: a look at one is a crossing.

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::response::{IntoResponse, Response};
use lazaret_core::{CrossingId, HoldId};
use lazaret_vault::{HeldRecord, HoldFilter, HoldState};
use serde::Deserialize;

use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Code, Size, Toned as _, When};
use crate::server::{ConsoleState, Rooms};

/// Held records of one page.
const ROWS: u32 = 50;
/// Reasons shown of one record.
const MOST_REASONS: usize = 5;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    crossing: Option<String>,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Quarantine {
    states: Vec<Choice>,
    state: &'static str,
    crossing: Option<Code>,
    rows: Vec<HeldLine>,
    first_page: bool,
    next: Option<String>,
}

/// A state that may be chosen.
struct Choice {
    word: &'static str,
    chosen: bool,
}

/// One held record.
struct HeldLine {
    id: String,
    crossing: Code,
    record: u64,
    kind: String,
    /// Of a model's file.
    sha256: Option<Code>,
    reasons: Vec<(String, String, String)>,
    more_reasons: usize,
    received: When,
    bytes: Size,
    state: &'static str,
    cut: bool,
    releasable: bool,
}

impl HeldLine {
    fn of(held: HeldRecord) -> Self {
        let all = held.findings.len();
        let reasons = held.findings.into_iter().take(MOST_REASONS);
        Self {
            id: held.id.to_string(),
            crossing: Code(held.id.crossing.to_string()),
            record: held.id.record,
            kind: held.kind,
            sha256: held.sha256.map(Code),
            reasons: reasons.map(|finding| (finding.id, finding.severity, finding.at)).collect(),
            more_reasons: all.saturating_sub(MOST_REASONS),
            received: When(held.received.to_string()),
            bytes: Size(held.bytes),
            state: held.state.name(),
            cut: held.cut,
            releasable: held.releasable,
        }
    }
}

/// `/quarantine`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else {
        return Trouble::Asked("`state`, `crossing` and `after` may be asked for").into_response();
    };
    made(state, move |rooms| quarantine(rooms, &asks)).await
}

/// A held record's id from an address: `CROSSING:RECORD`.
pub(super) fn parse(id: &str) -> Result<HoldId, Trouble> {
    let parsed = id.split_once(':').and_then(|(crossing, record)| {
        let record = record.parse().ok().filter(|record| i64::try_from(*record).is_ok())?;
        Some(HoldId { crossing: CrossingId::parse(crossing)?, record })
    });
    parsed.ok_or(Trouble::NotFound("no held record has such an id: ids are CROSSING:RECORD"))
}

fn quarantine(rooms: &Rooms, asks: &Asks) -> Result<Quarantine, Trouble> {
    let state = match asks.state.as_deref() {
        None => Some(HoldState::Held),
        Some("all") => None,
        Some(word) => Some(HoldState::parse(word).ok_or(Trouble::Asked("no held record has such a state"))?),
    };
    let crossing = asks.crossing.as_deref().map(super::crossing::parse).transpose()?;
    let after = asks.after.as_deref().map(parse).transpose()?;
    let mut found = rooms.vault.holds(&HoldFilter { crossing, state, after, most: Some(ROWS + 1) })?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let next = found.last().filter(|_| more).map(|held| held.id.to_string());
    let word = state.map_or("all", HoldState::name);
    let words = HoldState::ALL.iter().map(|state| state.name()).chain(["all"]);
    Ok(Quarantine {
        states: words.map(|choice| Choice { word: choice, chosen: choice == word }).collect(),
        state: word,
        crossing: crossing.map(|id| Code(id.to_string())),
        rows: found.into_iter().map(HeldLine::of).collect(),
        first_page: after.is_none(),
        next,
    })
}
