//! The proposals, what one does to the gold, and the decision.

use askama::Template;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use lazaret_phi::score::effect::Effect;
use serde::Deserialize;

use super::{ReviewState, Rooms, Who, form_of, not_found, page as make, status, to, told, work};
use crate::commands::phi::visible::visible;
use crate::persons::is_one_person;
use crate::proposals::{
    Proposal, Refused, SHARES, ShareOf, Side, State as Stand, Weighed, Word, interval, percent, places,
};

/// So many that were decided are listed.
const DECIDED: usize = 100;

#[derive(Template)]
#[template(path = "review_list.html")]
struct ListPage<'a> {
    at: &'a str,
    who: &'a str,
    open: Vec<Row>,
    decided: Vec<Row>,
    broken: Option<String>,
}

struct Row {
    id: u64,
    entry: String,
    text: String,
    by: String,
    at: String,
    reason: String,
    state: String,
    tone: &'static str,
}

fn row(proposal: &Proposal) -> Row {
    let (state, tone) = match proposal.state {
        Stand::Open => {
            let verdict = proposal.weighed.as_ref().map_or("not measured", Weighed::verdict);
            let tone = match &proposal.weighed {
                None => "hold",
                Some(weighed) if weighed.worse => "stop",
                Some(_) => "calm",
            };
            (format!("gold: {verdict}"), tone)
        }
        Stand::Approving => (proposal.state.name().to_owned(), "hold"),
        Stand::Approved => (proposal.state.name().to_owned(), "calm"),
        Stand::Rejected => (proposal.state.name().to_owned(), "plain"),
    };
    Row {
        id: proposal.id,
        entry: proposal.entry.kind_and_scope(),
        text: visible(&proposal.entry.text).into_owned(),
        by: visible(&proposal.by).into_owned(),
        at: proposal.at.get(..10).unwrap_or("").to_owned(),
        reason: visible(&proposal.reason).into_owned(),
        state,
        tone,
    }
}

/// The first page.
pub(super) async fn list(State(state): State<ReviewState>, Extension(who): Extension<Who>) -> Response {
    work(state, move |rooms| {
        let all = rooms.proposals.all()?;
        let waits = |one: &&Proposal| matches!(one.state, Stand::Open | Stand::Approving);
        let (open, decided): (Vec<&Proposal>, Vec<&Proposal>) = all.iter().partition(waits);
        let _current = rooms.scanner.scanner(); // so that what is told of the file is of now
        let made = ListPage {
            at: &rooms.at,
            who: &who.0,
            open: open.into_iter().map(row).collect(),
            decided: decided.into_iter().rev().take(DECIDED).map(row).collect(),
            broken: rooms.scanner.broken(),
        };
        make(StatusCode::OK, &made)
    })
    .await
}

#[derive(Template)]
#[template(path = "review_proposal.html")]
struct ProposalPage<'a> {
    at: &'a str,
    who: &'a str,
    row: Row,
    /// The entry's lines; none once it was decided.
    lines: Option<String>,
    is_own: bool,
    is_open: bool,
    decided: Option<DecidedRow>,
    weighed: Option<&'a Weighed>,
    sentence: String,
    figures: Vec<Figure>,
    places: Vec<PlacesRow>,
    seen: String,
    wrong: Option<String>,
}

struct DecidedRow {
    by: String,
    at: String,
    reason: String,
    receipt: String,
}

struct Figure {
    name: &'static str,
    before: String,
    around_before: String,
    after: String,
    around_after: String,
}

struct PlacesRow {
    what: &'static str,
    count: u64,
    first: Vec<PlaceRow>,
}

struct PlaceRow {
    id: String,
    label: String,
    text: String,
}

fn figures(weighed: &Weighed) -> Vec<Figure> {
    let cells = |side: &Side, of: ShareOf| {
        let (part, whole) = of(side);
        (percent(part, whole), interval(part, whole))
    };
    let figure = |(name, of): (&'static str, ShareOf)| {
        let (before, around_before) = cells(&weighed.before, of);
        let (after, around_after) = cells(&weighed.after, of);
        Figure { name, before, around_before, after, around_after }
    };
    SHARES.into_iter().map(figure).collect()
}

fn rows(effect: &Effect) -> Vec<PlacesRow> {
    let shown = places(effect).into_iter().filter(|(_, places)| places.count > 0);
    shown
        .map(|(what, places)| PlacesRow {
            what,
            count: places.count,
            first: places
                .first
                .iter()
                .map(|place| PlaceRow {
                    id: visible(&place.id).into_owned(),
                    label: visible(&place.label).into_owned(),
                    text: visible(&place.text).into_owned(),
                })
                .collect(),
        })
        .collect()
}

fn proposal_page(
    rooms: &Rooms,
    who: &Who,
    id: u64,
    (code, wrong): (StatusCode, Option<String>),
) -> Result<Response, Refused> {
    let proposal = rooms.proposals.one(id)?;
    let is_open = proposal.state == Stand::Open;
    // What was decided is in the file, or is not to be.
    let view = is_open.then(|| rooms.proposals.view(&proposal)).transpose()?;
    let weighed = view.as_ref().and_then(|view| view.weighed.as_ref());
    let mut row = row(&proposal);
    row.at.clone_from(&proposal.at);
    let made = ProposalPage {
        at: &rooms.at,
        who: &who.0,
        row,
        lines: view.as_ref().map(|view| view.lines.clone()),
        is_own: is_one_person(&proposal.by, &who.0),
        is_open,
        decided: proposal.decision.as_ref().map(|decision| DecidedRow {
            by: visible(&decision.by).into_owned(),
            at: decision.at.clone(),
            reason: visible(&decision.reason).into_owned(),
            receipt: decision.receipt.clone(),
        }),
        sentence: weighed.map(Weighed::sentence).unwrap_or_default(),
        figures: weighed.map(figures).unwrap_or_default(),
        places: view.as_ref().and_then(|view| view.effect.as_ref()).map(rows).unwrap_or_default(),
        seen: view.as_ref().map(|view| view.seen.clone()).unwrap_or_default(),
        weighed,
        wrong,
    };
    make(code, &made)
}

/// `GET proposals/7`
pub(super) async fn page(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    Path(id): Path<u64>,
) -> Response {
    work(state, move |rooms| match proposal_page(rooms, &who, id, (StatusCode::OK, None)) {
        Err(Refused::Wrong(why)) => Ok(not_found(&why)),
        made => made,
    })
    .await
}

/// What the form of a decision sends.
#[derive(Deserialize)]
pub(super) struct Decide {
    what: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    despite: Option<String>,
    #[serde(default)]
    seen: String,
}

/// `POST proposals/7`
pub(super) async fn decide(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    Path(id): Path<u64>,
    form: Result<Form<Decide>, FormRejection>,
) -> Response {
    let asked = match form_of(form, None) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    work(state, move |rooms| {
        let word = Word {
            by: &who.0,
            reason: asked.reason.trim(),
            despite: asked.despite.is_some(),
            seen: Some(&asked.seen),
        };
        let decided = match asked.what.as_str() {
            "approve" => rooms.with_data(|data| rooms.proposals.approve(id, &word, data)),
            "reject" => rooms.with_data(|data| rooms.proposals.reject(id, &word, data)),
            _ => Err(Refused::Wrong("no such decision".to_owned())),
        };
        match decided {
            Ok(_) => {
                rooms.scanner.look_again();
                Ok(to(format!("{}proposals/{id}", rooms.at)))
            }
            Err(refused) => {
                let wrong = (status(&refused), Some(told(&refused)));
                proposal_page(rooms, &who, id, wrong)
            }
        }
    })
    .await
}
