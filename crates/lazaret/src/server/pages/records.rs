//! `/crossings/{id}/records`: what happened to each record.

use askama::Template;
use axum::extract::{Path, Query as Asked, State};
use axum::response::{IntoResponse, Response};
use lazaret_ledger::{EntryWords, MAX_RECORDS};
use serde::Deserialize;

use crate::server::answer::{Trouble, page as made};
use crate::server::pages::crossing::{find, parse};
use crate::server::words::{Code, Count, Toned as _, named};
use crate::server::{ConsoleState, Rooms};

/// Records of one page.
const ROWS: usize = 100;
/// Entries looked at for one page of those held.
const MOST_LOOKED_AT: usize = 20_000;
/// Entries read at once.
const AT_ONCE: u32 = 2_000;
/// Findings shown of one record.
const MOST_FINDINGS: usize = 20;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    from: u64,
    #[serde(default)]
    only: Option<Only>,
}

/// Which records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    Held,
    Findings,
}

#[derive(Template)]
#[template(path = "records.html")]
struct Records {
    id: Code,
    all: Option<Count>,
    only: Option<Only>,
    from: u64,
    rows: Vec<RecordLine>,
    next: Option<u64>,
    looked_at: Count,
}

/// One record.
pub(super) struct RecordLine {
    pub(super) number: u64,
    pub(super) line: Option<u64>,
    pub(super) kind: String,
    pub(super) format: String,
    /// The name and SHA-256 of a model's file.
    pub(super) file: Option<(String, String)>,
    pub(super) verdict: String,
    pub(super) findings: Vec<(String, String, String)>,
    pub(super) more_findings: usize,
    pub(super) identifiers: Count,
    pub(super) policies: Vec<String>,
    pub(super) held: Option<String>,
    pub(super) again: Option<Code>,
    pub(super) uninspected: Option<String>,
}

impl RecordLine {
    pub(super) fn of(entry: EntryWords) -> Self {
        let all = entry.findings.len();
        let findings = entry.findings.into_iter().take(MOST_FINDINGS);
        Self {
            number: entry.record,
            line: entry.line,
            kind: entry.kind,
            format: entry.format,
            file: entry.file.map(|file| (named(&file.name), file.sha256)),
            verdict: entry.verdict,
            findings: findings.map(|finding| (finding.id, finding.severity, finding.at)).collect(),
            more_findings: all.saturating_sub(MOST_FINDINGS),
            identifiers: Count(entry.phi.values().fold(0, |sum, n| sum.saturating_add(*n))),
            policies: entry.policies,
            held: entry.held,
            again: entry.again.map(Code),
            uninspected: entry.uninspected,
        }
    }
}

/// `/crossings/{id}/records`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    Path(id): Path<String>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else {
        return Trouble::Asked("`from` is a record's number, `only` is `held` or `findings`").into_response();
    };
    made(state, move |rooms| records(rooms, &id, &asks)).await
}

fn records(rooms: &Rooms, id: &str, asks: &Asks) -> Result<Records, Trouble> {
    if asks.from > MAX_RECORDS.most() {
        return Err(Trouble::Asked("no crossing has a record of so high a number"));
    }
    let id = parse(id)?;
    let crossing = find(rooms, id)?;
    let (mut rows, mut next, mut looked_at, mut from) = (Vec::new(), None, 0_usize, asks.from);
    'reading: loop {
        if from > MAX_RECORDS.most() {
            break;
        }
        let entries = rooms.ledger.entries(id, from, AT_ONCE)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if rows.len() == ROWS || looked_at == MOST_LOOKED_AT {
                next = Some(entry.record);
                break 'reading;
            }
            looked_at += 1;
            from = entry.record.saturating_add(1);
            let wanted = match asks.only {
                None => true,
                Some(Only::Held) => entry.held.is_some(),
                Some(Only::Findings) => !entry.findings.is_empty(),
            };
            if wanted {
                rows.push(RecordLine::of(entry));
            }
        }
    }
    Ok(Records {
        id: Code(crossing.opened.crossing),
        all: crossing.sealed.map(|sealed| Count(sealed.seal.counts.records)),
        only: asks.only,
        from: asks.from,
        rows,
        next,
        looked_at: Count(looked_at as u64),
    })
}
