//! `/datasets`: what complete crossings made.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::response::{IntoResponse, Response};
use lazaret_ledger::LedgerReader;
use serde::Deserialize;

use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Count, When, segment};
use crate::server::{ConsoleState, Rooms};

/// Datasets of one page.
const ROWS: usize = 100;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "datasets.html")]
struct Datasets {
    all: Count,
    rows: Vec<Line>,
    from: usize,
    next: Option<usize>,
}

struct Line {
    name: String,
    link: String,
    /// Whether it stands for datasets under its name.
    whole: bool,
    crossings: Count,
    last: Option<(String, When)>,
}

/// `/datasets`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(Asks { from })) = asked else {
        return Trouble::Asked("`from` is a number").into_response();
    };
    made(state, move |rooms| datasets(rooms, from)).await
}

fn datasets(rooms: &Rooms, from: usize) -> Result<Datasets, Trouble> {
    let ledger = &rooms.ledger;
    let made: BTreeSet<String> = ledger.datasets()?.into_iter().collect();
    // `lake/Patient` is a part of `lake`, which has materials and lineage too.
    let wholes = made.iter().filter_map(|name| name.split_once('/')).map(|(whole, _)| whole.to_owned());
    let names: BTreeSet<String> =
        wholes.filter(|name| !name.is_empty()).chain(made.iter().cloned()).collect();
    let next = from.saturating_add(ROWS);
    let rows = names.iter().skip(from).take(ROWS).map(|name| line(ledger, name, !made.contains(name)));
    Ok(Datasets {
        all: Count(names.len() as u64),
        rows: rows.collect::<Result<_, _>>()?,
        from,
        next: (next < names.len()).then_some(next),
    })
}

fn line(ledger: &LedgerReader, name: &str, whole: bool) -> Result<Line, Trouble> {
    let crossings = ledger.crossings_of_dataset(name, None)?;
    let last = crossings.last().map(|at| ledger.crossing_at(*at)).transpose()?.flatten();
    Ok(Line {
        name: name.to_owned(),
        link: segment(name),
        whole,
        crossings: Count(crossings.len() as u64),
        last: last.map(|crossing| (crossing.opened.crossing, When(crossing.opened.started))),
    })
}
