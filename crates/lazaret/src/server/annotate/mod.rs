//! Pages on which people correct what was found in notes. They show the notes themselves, so they are served to this
//! machine alone and under an address that only who started them knows. A span is marked by its text, pasted, by its
//! offsets, or by selecting it: that takes the one script, which is part of the binary, writes the offsets of what is
//! selected into the form, and does nothing else. The pages work without it.

use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lazaret_core::Label;
use lazaret_phi::corpus::{Characters, Mark};
use lazaret_phi::score::{ANY, share, wilson};
use serde::Deserialize;

use crate::commands::phi::visible::visible;
use crate::commands::phi::{Look, label_of, marks_of};
use crate::exit::{CliError, chain};
use crate::server::answer::HTML;
use crate::server::sheet::{self, Drawn, Piece};
use crate::server::{Hosts, guard, pages};

mod desk;

pub(crate) use desk::Desk;
use desk::{Change, Refused};

/// What the pages are made of. Cheap to clone.
#[derive(Clone)]
struct Shared {
    desk: Arc<Mutex<Desk>>,
    look: Arc<Look>,
    /// Half the width an interval shall have, as a share.
    half_width: f64,
}

/// Every page under `/SECRET/`, behind the guard.
pub(crate) fn router(desk: Desk, look: Look, half_width: f64, secret: &str, hosts: Hosts) -> Router {
    let at = |path: &str| format!("/{secret}/{path}");
    Router::new()
        .route(&at(""), get(list))
        .route(&at("notes/{place}"), get(note).post(change))
        .route(&at("console.css"), get(pages::assets::stylesheet))
        .route(&at("select.js"), get(pages::assets::select))
        .with_state(Shared { desk: Arc::new(Mutex::new(desk)), look: Arc::new(look), half_width })
        .fallback(no_such_page)
        .layer(from_fn_with_state(hosts, guard::admit_changes))
        .layer(from_fn(guard::headers_of_forms))
}

/// In words alone: the console's page for this leads to pages that are not here.
async fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, "there is no page at this address\n").into_response()
}

/// Works on the notes on a blocking thread: a save waits for the disk.
async fn with_desk<T: Template>(
    shared: Shared,
    work: impl FnOnce(&mut Desk) -> Option<(StatusCode, T)> + Send + 'static,
) -> Response {
    let made = tokio::task::spawn_blocking(move || {
        let mut desk = shared.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let looked =
            desk.look_again(&shared.look.version(), |text| Ok(marks_of(text, &shared.look.scan(text)?)));
        if let Err::<_, CliError>(error) = looked {
            tracing::error!(why = chain(&error), "the notes were not looked at again");
        }
        work(&mut desk).map(|(status, page)| (status, page.render()))
    });
    match made.await {
        Ok(Some((status, Ok(text)))) => (status, [(CONTENT_TYPE, HTML)], text).into_response(),
        Ok(None) => no_such_page().await,
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Template)]
#[template(path = "annotate.html")]
struct ListPage {
    notes: Vec<ListRow>,
    figures: Vec<Figure>,
    done: usize,
    /// Half the width of the intervals that is asked for, in points.
    points: String,
}

struct ListRow {
    place: usize,
    id: String,
    spans: usize,
    state: &'static str,
}

struct Figure {
    label: String,
    recall: String,
    recall_more: String,
    precision: String,
    precision_more: String,
    gold: u64,
}

async fn list(State(shared): State<Shared>) -> Response {
    let half_width = shared.half_width;
    with_desk(shared, move |desk| {
        let rows = desk.items.iter().enumerate().map(|(place, item)| ListRow {
            place,
            id: visible(&item.note.id).into_owned(),
            spans: item.note.marks.len(),
            state: match (item.done, item.begun) {
                (true, _) => "done",
                (false, true) => "begun",
                (false, false) => "new",
            },
        });
        let notes = rows.collect();
        let score = desk.score();
        let named = score.overlap.iter().filter(|(label, _)| *label != ANY);
        let figures = named.chain(score.overlap.get_key_value(ANY)).map(|(label, hits)| Figure {
            label: if label == ANY {
                "overall, label ignored".to_owned()
            } else {
                visible(label).into_owned()
            },
            recall: interval(hits.found, hits.gold),
            recall_more: more(hits.found, hits.gold, half_width),
            precision: interval(hits.right, hits.predicted),
            precision_more: more(hits.right, hits.predicted, half_width),
            gold: hits.gold,
        });
        let done = desk.items.iter().filter(|item| item.done).count();
        let points = points(half_width);
        Some((StatusCode::OK, ListPage { notes, figures: figures.collect(), done, points }))
    })
    .await
}

fn interval(part: u64, of: u64) -> String {
    let (Some(share), Some(interval)) = (share(part, of), wilson::interval(part, of)) else {
        return "\u{2013}".to_owned();
    };
    let [share, low, high] = [share, interval.low, interval.high].map(|share| 100.0 * share);
    format!("{share:.1} % ({low:.1} to {high:.1})")
}

/// `2`, `0.5`.
fn points(half_width: f64) -> String {
    format!("{:.2}", 100.0 * half_width).trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn more(part: u64, of: u64, half_width: f64) -> String {
    wilson::still_needed(part, of, half_width).map_or_else(|| "\u{2013}".to_owned(), |more| more.to_string())
}

#[derive(Template)]
#[template(path = "annotate_note.html")]
struct NotePage {
    next: Option<usize>,
    id: String,
    done: bool,
    revision: u64,
    pieces: Vec<Piece>,
    marks: Vec<MarkRow>,
    labels: Vec<String>,
    wrong: Option<String>,
}

struct MarkRow {
    start: usize,
    end: usize,
    text: String,
    label: String,
}

fn note_page(desk: &Desk, place: usize, wrong: Option<String>) -> Option<NotePage> {
    let item = desk.items.get(place)?;
    let characters = Characters::of(&item.note.text);
    let text = |start: usize, end: usize| characters.get(start, end).unwrap_or("");
    let label = |mark: &Mark| visible(&label_of(mark)).into_owned();
    // Gold that others made may overlap; what overlaps is in the list below.
    let drawn = |mark: &Mark| Drawn { start: mark.start, end: mark.end, label: label(mark), tone: "" };
    let pieces = sheet::pieces(&characters, item.note.marks.iter().map(drawn));
    let marks = item.note.marks.iter().map(|mark| MarkRow {
        start: mark.start,
        end: mark.end,
        text: visible(text(mark.start, mark.end)).into_owned(),
        label: label(mark),
    });
    let open = desk.items.iter().enumerate().filter(|(other, item)| *other != place && !item.done);
    let next = open.clone().find(|(other, _)| *other > place).or_else(|| open.clone().next());
    Some(NotePage {
        next: next.map(|(other, _)| other),
        id: visible(&item.note.id).into_owned(),
        done: item.done,
        revision: item.revision,
        pieces,
        marks: marks.collect(),
        labels: sheet::labels(),
        wrong,
    })
}

async fn note(State(desk): State<Shared>, Path(place): Path<usize>) -> Response {
    with_desk(desk, move |desk| Some((StatusCode::OK, note_page(desk, place, None)?))).await
}

/// What a form sends.
#[derive(Deserialize)]
struct Asked {
    revision: u64,
    what: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    label: String,
}

impl Asked {
    fn change(&self) -> Result<Change, String> {
        let number = |text: &str| {
            text.trim().parse::<usize>().map_err(|_| "an offset is a whole number from 0".to_owned())
        };
        let label = || Label::parse(&self.label).ok_or_else(|| "no such label".to_owned());
        Ok(match self.what.as_str() {
            "add" => Change::Add(number(&self.start)?, number(&self.end)?, label()?),
            "add-text" => Change::AddText(self.text.clone(), label()?),
            "remove" => Change::Remove(number(&self.start)?, number(&self.end)?),
            "relabel" => Change::Relabel(number(&self.start)?, number(&self.end)?, label()?),
            "done" => Change::Done,
            "reopen" => Change::Reopen,
            _ => return Err("no such change".to_owned()),
        })
    }
}

async fn change(State(desk): State<Shared>, Path(place): Path<usize>, Form(asked): Form<Asked>) -> Response {
    let response = with_desk(desk, move |desk| {
        let made = asked.change().map_err(Refused::Wrong);
        let status_and_why = |status, error: Refused| {
            let made = matches!(error, Refused::Unconfirmed { .. });
            let why = chain(&error);
            (status, Some(if made { why } else { format!("Not changed: {why}") }))
        };
        let (status, why) = match made.and_then(|change| desk.change(place, asked.revision, &change)) {
            Ok(()) => (StatusCode::SEE_OTHER, None),
            Err(error @ Refused::Stale) => status_and_why(StatusCode::CONFLICT, error),
            Err(error @ Refused::Wrong(_)) => status_and_why(StatusCode::UNPROCESSABLE_ENTITY, error),
            Err(error @ (Refused::Disk { .. } | Refused::Unconfirmed { .. })) => {
                status_and_why(StatusCode::INTERNAL_SERVER_ERROR, error)
            }
        };
        Some((status, note_page(desk, place, why)?))
    })
    .await;
    if response.status() == StatusCode::SEE_OTHER {
        // To the same page, so that loading it again sends nothing twice.
        return (StatusCode::SEE_OTHER, [(LOCATION, place.to_string())]).into_response();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_in_points() {
        assert_eq!([0.02, 0.005, 0.1, 0.3333].map(points), ["2", "0.5", "10", "33.33"]);
    }
}
