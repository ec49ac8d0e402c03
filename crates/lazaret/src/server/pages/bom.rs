//! `/datasets/{name}/bom`: a dataset's bill of materials, for people, and as CycloneDX for machines.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use lazaret_ledger::{BomView, CycloneDx, TrainedOn, bom, bom_view};

use crate::server::ConsoleState;
use crate::server::answer::{Trouble, look, page as made};
use crate::server::pages::assets::STYLESHEET;
use crate::server::pages::lineage::MOST_MODELS;
use crate::server::words::{Code, Count, Shown as _, Size, When, named, segment};

/// Entries named after a statement.
const MOST_NAMED: usize = 8;
/// Lines shown of each list; the JSON has all.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "bom.html")]
struct BomPage {
    bill: Bill,
    link: String,
    trained: Vec<Trained>,
    more_trained: usize,
}

/// A model that was trained on it.
struct Trained {
    model: String,
    link: String,
    dataset: String,
    crossing: String,
    at: u64,
}

/// The same as a file of its own.
#[derive(Template)]
#[template(path = "bom_document.html")]
struct BomDocument {
    bill: Bill,
    stylesheet: &'static str,
}

/// The bill, in lines.
struct Bill {
    view: BomView,
    timestamp: When,
    statements: Vec<Statements>,
    phi: Vec<PhiLine>,
    sources: Vec<(String, Code, String)>,
    crossings: Vec<CrossingLine>,
    files: Vec<FileLine>,
    /// Whether crossings have pages to link to.
    linked: bool,
    most: usize,
}

/// What is stated under one name.
struct Statements {
    name: &'static str,
    /// Each with the entries that state it.
    lines: Vec<(String, String)>,
    more: usize,
}

/// One kind of identifier.
struct PhiLine {
    label: String,
    found: Count,
    actions: Vec<(String, Count)>,
    unedited: u64,
    at: String,
}

struct CrossingLine {
    id: Code,
    started: When,
    records: Count,
    held: Count,
    opened_at: u64,
    sealed_at: u64,
}

struct FileLine {
    name: String,
    sha256: Code,
    bytes: Size,
    records: Count,
    at: u64,
}

/// `/datasets/{name}/bom`
pub(crate) async fn page(State(state): State<ConsoleState>, Path(name): Path<String>) -> Response {
    made(state, move |rooms| {
        let bill = Bill::of(bom_view(&rooms.ledger, &name, None)?, true);
        let models = rooms.ledger.models_trained_on(&name, MOST_MODELS)?;
        let more_trained = models.len().saturating_sub(MOST);
        let trained = models.into_iter().take(MOST).map(|TrainedOn { model, at, crossing, dataset }| {
            Trained { link: segment(&model), model: named(&model), dataset: named(&dataset), crossing, at }
        });
        Ok(BomPage { link: segment(&bill.view.dataset), bill, trained: trained.collect(), more_trained })
    })
    .await
}

/// `/datasets/{name}/bom/{spec}`: CycloneDX 1.6 or 1.7.
pub(crate) async fn download(
    State(state): State<ConsoleState>,
    Path((name, spec)): Path<(String, String)>,
) -> Response {
    let Some(version) = CycloneDx::parse(&spec) else {
        return Trouble::NotFound("CycloneDX is written as 1.6 and as 1.7").into_response();
    };
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    match look(state, move |rooms| Ok(bom(&rooms.ledger, &name, None, version)?)).await {
        Ok(text) => {
            let kind = format!("application/vnd.cyclonedx+json; version={}", version.name());
            let name = format!("attachment; filename=\"{file}-{}.cdx.json\"", version.name());
            ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], text).into_response()
        }
        Err(trouble) => trouble.into_response(),
    }
}

/// A bill of materials as one HTML file that needs nothing else: `lazaret bom --page`.
pub(crate) fn document(view: BomView) -> Result<String, askama::Error> {
    BomDocument { bill: Bill::of(view, false), stylesheet: STYLESHEET }.render()
}

impl Bill {
    fn of(view: BomView, linked: bool) -> Self {
        let crossings = view.crossings.len();
        let statements = [
            ("Legal basis", &view.bases),
            ("Purpose", &view.purposes),
            ("Profile", &view.profiles),
            ("Mode", &view.modes),
            ("Destination", &view.destinations),
            ("Special protection", &view.sensitivity),
            ("Policy sets", &view.policies),
            ("Formats and detectors", &view.detectors),
        ]
        .map(|(name, all)| Statements {
            name,
            lines: all
                .iter()
                .take(MOST)
                .map(|stated| (stated.value.clone(), stated_by(&stated.at, crossings)))
                .collect(),
            more: all.len().saturating_sub(MOST),
        });
        let phi = view.phi.iter().map(|phi| PhiLine {
            label: phi.label.clone(),
            found: Count(phi.found),
            actions: phi.actions.iter().map(|(action, n)| (action.clone(), Count(*n))).collect(),
            unedited: phi.unedited,
            at: stated_by(&phi.at, crossings),
        });
        let sources = view
            .sources
            .iter()
            .take(MOST)
            .map(|from| (from.system.clone(), Code(from.digest.clone()), stated_by(&from.at, crossings)));
        let crossings = view.crossings.iter().take(MOST).map(|crossing| CrossingLine {
            id: Code(crossing.crossing.clone()),
            started: When(crossing.started.clone()),
            records: Count(crossing.records),
            held: Count(crossing.held),
            opened_at: crossing.opened_at,
            sealed_at: crossing.sealed_at,
        });
        let files = view.outputs.iter().take(MOST).map(|file| FileLine {
            name: file.output.name.clone(),
            sha256: Code(file.output.sha256.clone()),
            bytes: Size(file.output.bytes),
            records: Count(file.output.records),
            at: file.at,
        });
        Self {
            timestamp: When(view.timestamp.clone()),
            statements: statements.into(),
            phi: phi.collect(),
            sources: sources.collect(),
            crossings: crossings.collect(),
            files: files.collect(),
            linked,
            most: MOST,
            view,
        }
    }
}

/// Which entries state something, in few words.
fn stated_by(at: &BTreeSet<u64>, crossings: usize) -> String {
    if at.len() > MOST_NAMED && at.len() == crossings {
        return "every crossing".to_owned();
    }
    let named: Vec<String> = at.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let word = if at.len() == 1 { "entry" } else { "entries" };
    match at.len().saturating_sub(MOST_NAMED) {
        0 => format!("{word} {}", named.join(", ")),
        more => format!("{word} {} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_named_in_few_words_and_never_fewer_than_there_are() {
        assert_eq!(stated_by(&[7].into(), 1), "entry 7");
        assert_eq!(stated_by(&[7, 9].into(), 5), "entries 7, 9");
        assert_eq!(stated_by(&(0..9).collect(), 9), "every crossing");
        assert_eq!(stated_by(&(0..9).collect(), 20), "entries 0, 1, 2, 3, 4, 5, 6, 7 and 1 more");
    }
}
