//! `/`: what crossed, newest first.

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::response::{IntoResponse, Response};
use lazaret_core::hex;
use lazaret_ledger::note::Checkpoint;
use lazaret_ledger::{CrossingRow, LedgerReader, MAX_ENTRIES, Query, Totals};
use serde::Deserialize;

use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Code, Count, Shown as _, Toned as _, When, in_order};
use crate::server::{ConsoleState, Rooms};

/// Crossings of one page.
const ROWS: u32 = 50;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "crossings.html")]
struct Crossings {
    totals: Totals,
    log: Log,
    rows: Vec<Line>,
    first_page: bool,
    older: Option<u64>,
}

/// The log as its last checkpoint signs it.
struct Log {
    origin: String,
    checkpoint: Option<(Count, Code)>,
}

/// One crossing.
struct Line {
    id: Code,
    when: When,
    gate: String,
    route: String,
    to: String,
    purpose: String,
    basis: String,
    mode: String,
    /// None while it is open.
    end: Option<End>,
}

struct End {
    ending: String,
    at: u64,
    records: Count,
    held: u64,
    verdicts: Vec<(String, Count)>,
}

/// `/`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(Asks { before })) = asked else {
        return Trouble::Asked("`before` is the index of an entry").into_response();
    };
    made(state, move |rooms| crossings(rooms, before)).await
}

fn crossings(rooms: &Rooms, before: Option<u64>) -> Result<Crossings, Trouble> {
    let ledger = &rooms.ledger;
    if before.is_some_and(|before| MAX_ENTRIES.check(before).is_err()) {
        return Err(Trouble::Asked("the ledger has no entry of so high an index"));
    }
    let mut found = ledger.crossings(&Query { before, limit: ROWS + 1, ..Query::default() })?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let older = found.last().filter(|_| more).map(|row| row.opened_at);
    let rows = found.iter().map(|row| line(ledger, row)).collect::<Result<_, _>>()?;
    Ok(Crossings { totals: ledger.totals()?, log: log(ledger)?, rows, first_page: before.is_none(), older })
}

fn log(ledger: &LedgerReader) -> Result<Log, Trouble> {
    let checkpoint = ledger.checkpoint()?.and_then(|note| Checkpoint::parse(&note).ok());
    Ok(Log {
        origin: ledger.origin()?,
        checkpoint: checkpoint.map(|signed| (Count(signed.size), Code(hex(&signed.root)))),
    })
}

fn line(ledger: &LedgerReader, row: &CrossingRow) -> Result<Line, Trouble> {
    let Some(crossing) = ledger.crossing_at(row.opened_at)? else {
        return Err(Trouble::NotFound("a crossing is missing from the ledger; run `lazaret ledger verify`"));
    };
    let opened = crossing.opened;
    let end = crossing.sealed.map(|sealed| End {
        ending: sealed.seal.ending,
        at: sealed.sealed_at,
        records: Count(sealed.seal.counts.records),
        held: row.held.unwrap_or(0),
        verdicts: in_order(&sealed.seal.counts.verdicts)
            .into_iter()
            .map(|(word, n)| (word, Count(n)))
            .collect(),
    });
    Ok(Line {
        id: Code(opened.crossing),
        when: When(opened.started),
        gate: opened.gate,
        route: opened.route,
        to: opened.to,
        purpose: opened.purpose,
        basis: opened.basis,
        mode: opened.mode,
        end,
    })
}
