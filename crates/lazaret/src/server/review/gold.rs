//! The notes of the gold, each beside what is found in it. They are read here; `phi annotate` alone changes them.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use lazaret_phi::corpus::{Characters, Mark, Note};

use super::text::{Asked, Looked, Row, text_page};
use super::{ReviewState, Rooms, Who, not_found, page, work};
use crate::commands::phi::visible::visible;
use crate::proposals::beside::{Beside, Line, Stand};
use crate::proposals::{Found, FoundIn, Refused};
use crate::server::sheet::Drawn;

#[derive(Template)]
#[template(path = "review_gold.html")]
struct ListPage<'a> {
    at: &'a str,
    who: &'a str,
    /// None where no gold is named.
    notes: Option<Vec<ListRow>>,
    differing: usize,
    broken: Option<String>,
}

struct ListRow {
    key: String,
    id: String,
    spans: usize,
    found: usize,
    missed: usize,
    extra: usize,
}

/// `GET gold`
pub(super) async fn list(State(state): State<ReviewState>, Extension(who): Extension<Who>) -> Response {
    work(state, move |rooms| {
        let gold = rooms.proposals.gold(&rooms.scanner.scanner())?;
        let row = |one: &Arc<FoundIn>| ListRow {
            key: one.key.clone(),
            id: visible(&one.note.id).into_owned(),
            spans: one.note.marks.len(),
            found: one.marks.len(),
            missed: one.missed,
            extra: one.extra,
        };
        let differing = gold.iter().flat_map(|gold| &gold.notes).filter(|one| one.differs()).count();
        let made = ListPage {
            at: &rooms.at,
            who: &who.0,
            notes: gold.map(|gold| gold.notes.iter().map(row).collect()),
            differing,
            broken: rooms.scanner.broken(),
        };
        page(StatusCode::OK, &made)
    })
    .await
}

/// `GET gold/0f3a…`
pub(super) async fn note(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    Path(key): Path<String>,
) -> Response {
    work(state, move |rooms| {
        let asked = Asked::of_gold(key);
        match Looked::of(rooms, &asked) {
            Ok(looked) => text_page(rooms, &who, &asked, &looked, (StatusCode::OK, None)),
            Err(Refused::Conflict(why)) => Ok(not_found(&why)),
            Err(other) => Err(other),
        }
    })
    .await
}

/// A note of the gold, with the notes around it.
pub(super) struct OfGold {
    one: Arc<FoundIn>,
    gold: Arc<Found>,
    place: usize,
}

impl OfGold {
    /// The note that a key names now.
    pub(super) fn of(rooms: &Rooms, key: &str) -> Result<Self, Refused> {
        let gold = rooms.proposals.gold(&rooms.scanner.scanner())?;
        let found = gold.and_then(|gold| {
            let place = gold.notes.iter().position(|one| one.key == key)?;
            Some(Self { one: Arc::clone(gold.notes.get(place)?), gold, place })
        });
        found.ok_or_else(|| {
            Refused::Conflict("the gold has no such note now; open it from the list".to_owned())
        })
    }

    pub(super) fn note(&self) -> &Note {
        &self.one.note
    }

    /// What is found in it.
    pub(super) fn found(&self) -> &[Mark] {
        &self.one.marks
    }

    /// For the page's address and forms.
    pub(super) fn key(&self) -> &str {
        &self.one.key
    }

    pub(super) fn id(&self) -> String {
        visible(&self.one.note.id).into_owned()
    }

    /// `3 of 40`
    pub(super) fn place(&self) -> String {
        format!("{} of {}", self.place.saturating_add(1), self.gold.notes.len())
    }

    /// The key of the next note.
    pub(super) fn next(&self) -> Option<&str> {
        self.behind(|_| true)
    }

    /// The key of the next note in which gold and findings are not the same.
    pub(super) fn next_differing(&self) -> Option<&str> {
        self.behind(FoundIn::differs)
    }

    fn behind(&self, wanted: impl Fn(&FoundIn) -> bool) -> Option<&str> {
        let mut behind = self.gold.notes.iter().skip(self.place.saturating_add(1));
        behind.find(|one| wanted(one)).map(|one| one.key.as_str())
    }

    /// Its spans as they are drawn, and the rows that something can be said of.
    pub(super) fn shown(&self, characters: &Characters<'_>) -> (Vec<Drawn>, Vec<Row>) {
        let beside = Beside::of(self.note(), self.found());
        let drawn = beside.stretches().into_iter().map(|one| Drawn {
            start: one.start,
            end: one.end,
            label: visible(&one.label).into_owned(),
            tone: match one.stand {
                Stand::Missed | Stand::InPart => "missed",
                Stand::Extra => "extra",
                Stand::Right | Stand::Open => "",
            },
        });
        let row = |line: Line| {
            let gold = visible(line.gold.as_deref().unwrap_or("")).into_owned();
            Row {
                start: line.start,
                end: line.end,
                text: visible(characters.get(line.start, line.end).unwrap_or("")).into_owned(),
                found: line.found,
                gold: match line.stand {
                    Stand::Right | Stand::Missed => gold,
                    Stand::InPart => format!("{gold}, found in part"),
                    Stand::Open => "left open".to_owned(),
                    Stand::Extra => "nothing".to_owned(),
                },
            }
        };
        (drawn.collect(), beside.lines().into_iter().map(row).collect())
    }
}
