//! `/models/{name}`: one revision of a model: its files and what was found in them, where it comes from, who has it, and which
//! revision to go back to; and its bill of materials for machines.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query as Asked, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use lazaret_core::{Clock as _, Sha256, SystemClock, Timestamp};
use lazaret_ledger::{
    CycloneDx, ModelFile, ModelRevision, ModelView, Node, model_ancestry, model_bom, model_view,
};
use serde::Deserialize;

use super::crossing::gravity;
use super::file::{UsedBy, Users, add_uses};
use super::models::{Worst, worst};
use super::picture::{self, Cell, Column, Picture};
use crate::commands::explain::rules;
use crate::commands::models::recall::RESCANNED;
use crate::commands::models::standing::{Stands, standing};
use crate::server::answer::{Trouble, look, page as made};
use crate::server::words::{Code, Count, Size, Toned as _, When, named, segment};
use crate::server::{ConsoleState, Rooms};

/// Crossings of the model, and files of the revision, that are looked at.
const MOST_CROSSINGS: u64 = 1_000;
const MOST_FILES: usize = 500;
/// The same of the other revisions, for their standing.
const MOST_FILES_BEFORE: usize = 100;
/// Revisions that are listed, and of these whose standing is told.
const MOST_REVISIONS: usize = 100;
const MOST_STANDINGS: usize = 10;
/// Events of one file that tell who has it, the newest of each kind; and files of which these are read.
const MOST_USES: u32 = 500;
const MOST_FOLLOWED: usize = 20;
/// Lines of findings, and files named of one rule.
const MOST_RULES: usize = 200;
const MOST_NAMED: usize = 5;
/// Boxes of one column of the picture, and nodes of the walk to where identifiers came in raw.
const MOST_BOXES: usize = 30;
const MOST_NODES: usize = 200;

/// What may stand after the `?`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    revision: Option<String>,
}

#[derive(Template)]
#[template(path = "model.html")]
struct ModelPage {
    name: String,
    link: String,
    revision: Option<String>,
    /// `?revision=…`, where one is asked for.
    query: String,
    newest: bool,
    complete: bool,
    standing: Worst,
    files: Vec<FileLine>,
    bytes: Size,
    rules: Vec<RuleLine>,
    more_rules: usize,
    signatures: Vec<RuleLine>,
    datasets: Vec<(String, Option<String>)>,
    code: Option<String>,
    run: Option<String>,
    signer: Option<String>,
    builder: Option<String>,
    /// An ancestor held identifiers that were not edited.
    raw: bool,
    revisions: Vec<RevisionLine>,
    more_revisions: usize,
    back: Option<RevisionLine>,
    has_it: Vec<UsedBy>,
    runs: Vec<UsedBy>,
    picture: Picture,
}

struct FileLine {
    name: String,
    sha256: Code,
    format: String,
    bytes: Size,
    verdict: String,
    policies: Vec<String>,
    standing: Worst,
    findings: Count,
    held: bool,
    crossing: Code,
}

/// What one rule found.
struct RuleLine {
    id: String,
    severity: String,
    title: String,
    places: Count,
    files: Vec<(String, String)>,
    more_files: usize,
}

#[derive(Clone)]
struct RevisionLine {
    revision: Option<String>,
    link: Option<String>,
    first: When,
    last: When,
    crossing: Code,
    crossings: Count,
    standing: Option<&'static str>,
    shown: bool,
}

/// `/models/{name}`
pub(crate) async fn page(
    State(state): State<ConsoleState>,
    Path(name): Path<String>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else {
        return Trouble::Asked("`revision` may be asked for").into_response();
    };
    made(state, move |rooms| model(rooms, &name, asks.revision.as_deref())).await
}

/// `/models/radiology/chest-xray` as it is typed: its page is at one step.
pub(crate) async fn typed(Path((name, rest)): Path<(String, String)>) -> Redirect {
    Redirect::permanent(&format!("/models/{}", segment(&format!("{name}/{rest}"))))
}

/// `/models/{name}/bom/{spec}`: CycloneDX 1.6 or 1.7.
pub(crate) async fn download(
    State(state): State<ConsoleState>,
    Path((name, spec)): Path<(String, String)>,
    asked: Result<Asked<Asks>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let (Some(version), Ok(Asked(asks))) = (CycloneDx::parse(&spec), asked) else {
        return Trouble::NotFound("CycloneDX is written as 1.6 and as 1.7").into_response();
    };
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let made = look(state, move |rooms| {
        let rules = rules();
        let title = |id: &str| title_of(&rules, id);
        Ok(model_bom(&rooms.ledger, &name, asks.revision.as_deref(), version, RESCANNED, &title)?)
    });
    match made.await {
        Ok(text) => {
            let kind = format!("application/vnd.cyclonedx+json; version={}", version.name());
            let name = format!("attachment; filename=\"{file}-{}.cdx.json\"", version.name());
            ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], text).into_response()
        }
        Err(trouble) => trouble.into_response(),
    }
}

type Rules = [(&'static str, lazaret_core::Severity, &'static str)];

fn title_of(rules: &Rules, id: &str) -> Option<String> {
    rules.iter().find(|(known, ..)| *known == id).map(|(.., title)| (*title).to_owned())
}

fn model(rooms: &Rooms, name: &str, revision: Option<&str>) -> Result<ModelPage, Trouble> {
    let (ledger, now) = (&rooms.ledger, SystemClock.now());
    let view = model_view(ledger, name, revision, (MOST_CROSSINGS, MOST_FILES))?;
    let view =
        view.ok_or(Trouble::NotFound("no complete crossing brought such a model, or such a revision"))?;
    let known = rules();
    let (signatures, rules): (Vec<_>, Vec<_>) = by_rule(&view, &known)
        .into_iter()
        .partition(|line| line.id.starts_with("signature.") || line.id.starts_with("provenance."));
    let files: Vec<FileLine> = view
        .held
        .values()
        .map(|file| (file, true))
        .chain(view.files.values().map(|file| (file, false)))
        .map(|(file, held)| file_line(rooms, file, held, now))
        .collect::<Result<_, _>>()?;
    let (has_it, runs) = users(rooms, &view)?;
    let datasets = view
        .words
        .datasets
        .iter()
        .map(|dataset| {
            let known = !ledger.crossings_of_dataset(dataset, None)?.is_empty();
            Ok((named(dataset), known.then(|| segment(dataset))))
        })
        .collect::<Result<Vec<_>, Trouble>>()?;
    let revisions = revisions(rooms, name, &view, now)?;
    let standing = worst(rooms, &view, now)?;
    let shown = revisions.iter().position(|line| line.shown).unwrap_or(0);
    let fine = [Stands::Cleared, Stands::Admitted].map(Stands::name);
    let back = revisions
        .iter()
        .skip(shown + 1)
        .find(|line| line.standing.is_some_and(|standing| fine.contains(&standing)))
        .cloned();
    let words = &view.words;
    let told = |word: &Option<String>| word.as_deref().map(named);
    Ok(ModelPage {
        picture: draw(name, &view, &datasets, &has_it, &runs),
        raw: model_ancestry(ledger, name, MOST_NODES)?.raw_phi(),
        name: named(name),
        link: segment(name),
        revision: told(&words.revision),
        query: revision.map(|revision| format!("?revision={}", segment(revision))).unwrap_or_default(),
        newest: shown == 0,
        complete: view.complete,
        bytes: Size(view.files.values().fold(0, |sum, file| sum.saturating_add(file.file.bytes))),
        standing,
        files,
        more_rules: rules.len().saturating_sub(MOST_RULES),
        rules: rules.into_iter().take(MOST_RULES).collect(),
        signatures,
        code: told(&words.code),
        run: told(&words.run),
        signer: told(&words.signer),
        builder: told(&words.builder),
        datasets,
        more_revisions: view.revisions.len().saturating_sub(MOST_REVISIONS),
        revisions,
        back,
        has_it,
        runs,
    })
}

fn file_line(rooms: &Rooms, file: &ModelFile, held: bool, now: Timestamp) -> Result<FileLine, Trouble> {
    let found = match Sha256::parse(&file.file.sha256) {
        Some(sha256) => standing(&rooms.ledger, sha256, Some(&file.file.name), now)?,
        None => None,
    };
    Ok(FileLine {
        name: named(&file.file.name),
        sha256: Code(file.file.sha256.clone()),
        format: file.entry.format.clone(),
        bytes: Size(file.file.bytes),
        verdict: file.entry.verdict.clone(),
        policies: file.entry.policies.iter().map(|policy| named(policy)).collect(),
        standing: Worst::of(found),
        findings: Count(file.entry.findings.len() as u64),
        held,
        crossing: Code(file.crossing.clone()),
    })
}

/// What was found, by rule, the gravest first.
fn by_rule(view: &ModelView, known: &Rules) -> Vec<RuleLine> {
    /// Its places, and the files that they are in.
    type Places<'v> = (u64, BTreeMap<&'v str, &'v str>);
    let mut found: BTreeMap<(usize, &str, &str), Places<'_>> = BTreeMap::new();
    for file in view.held.values().chain(view.files.values()) {
        for finding in &file.entry.findings {
            let key = (gravity(&finding.severity), finding.severity.as_str(), finding.id.as_str());
            let (places, files) = found.entry(key).or_default();
            *places = places.saturating_add(1);
            files.insert(&file.file.name, &file.file.sha256);
        }
    }
    found
        .into_iter()
        .map(|((_, severity, id), (places, files))| RuleLine {
            id: id.to_owned(),
            severity: severity.to_owned(),
            title: title_of(known, id).unwrap_or_default(),
            places: Count(places),
            more_files: files.len().saturating_sub(MOST_NAMED),
            files: files
                .into_iter()
                .take(MOST_NAMED)
                .map(|(name, sha256)| (named(name), sha256.to_owned()))
                .collect(),
        })
        .collect()
}

/// Who fetched files of the revision, and where they run.
fn users(rooms: &Rooms, view: &ModelView) -> Result<(Vec<UsedBy>, Vec<UsedBy>), Trouble> {
    let (mut has_it, mut runs) = (Users::default(), Users::default());
    for file in view.files.values().take(MOST_FOLLOWED) {
        if let Some(sha256) = Sha256::parse(&file.file.sha256) {
            add_uses(&rooms.ledger, sha256, MOST_USES, &mut has_it, &mut runs)?;
        }
    }
    Ok((has_it.list(), runs.list()))
}

fn revisions(
    rooms: &Rooms,
    name: &str,
    view: &ModelView,
    now: Timestamp,
) -> Result<Vec<RevisionLine>, Trouble> {
    let line = |(number, of): (usize, &ModelRevision)| {
        let shown = of.revision == view.words.revision;
        // One without a name is the newest, or cannot be asked for.
        let standing = match &of.revision {
            _ if shown => worst(rooms, view, now)?.stands,
            Some(revision) if number < MOST_STANDINGS => {
                let most = (MOST_CROSSINGS, MOST_FILES_BEFORE);
                match model_view(&rooms.ledger, name, Some(revision), most)? {
                    Some(view) => worst(rooms, &view, now)?.stands,
                    None => None,
                }
            }
            _ => None,
        };
        let address = |revision: &String| format!("/models/{}?revision={}", segment(name), segment(revision));
        Ok(RevisionLine {
            revision: of.revision.as_deref().map(named),
            link: of.revision.as_ref().map(address),
            first: When(of.first.clone()),
            last: When(of.last.clone()),
            crossing: Code(of.crossing.clone()),
            crossings: Count(of.crossings),
            standing: standing.map(Stands::name),
            shown,
        })
    };
    view.revisions.iter().take(MOST_REVISIONS).enumerate().map(line).collect()
}

/// Datasets, the model, its revisions, and who has the one that is shown.
fn draw(
    name: &str,
    view: &ModelView,
    datasets: &[(String, Option<String>)],
    has_it: &[UsedBy],
    runs: &[UsedBy],
) -> Picture {
    let cell = |kind, label: String, link| Cell { kind, label, link };
    let mut of_datasets: Vec<Cell> = datasets
        .iter()
        .take(MOST_BOXES)
        .map(|(name, link)| {
            cell("dataset", name.clone(), link.as_ref().map(|link| format!("/datasets/{link}/lineage")))
        })
        .collect();
    if of_datasets.is_empty() {
        of_datasets.push(cell("untold", "not told".to_owned(), None));
    }
    let shown: Vec<&ModelRevision> = view.revisions.iter().take(MOST_BOXES).collect();
    let of_revisions: Vec<Cell> = shown
        .iter()
        .map(|of| {
            let label = of.revision.as_deref().map_or_else(|| "no revision named".to_owned(), named);
            cell("revision", label, Some(format!("/crossings/{}", segment(&of.crossing))))
        })
        .collect();
    let users: Vec<Cell> = has_it
        .iter()
        .map(|used| cell("user", used.who.clone(), None))
        .chain(runs.iter().map(|used| cell("runs", used.who.clone(), None)))
        .take(MOST_BOXES)
        .collect();
    let of_shown = shown.iter().position(|of| of.revision == view.words.revision).unwrap_or(0);
    let mut lines = Vec::new();
    lines.extend((0..of_datasets.len()).map(|row| ((0, row), (1, 0), "in")));
    lines.extend((0..of_revisions.len()).map(|row| ((1, 0), (2, row), "in")));
    lines.extend((0..users.len()).map(|row| ((2, of_shown), (3, row), "in")));
    let about = format!(
        "{} datasets lead to the model, it has {} revisions, and {} fetched or run the one that is shown. The tables say \
         the same.",
        datasets.len(),
        view.revisions.len(),
        has_it.len() + runs.len()
    );
    let own = Node::Model { name: name.to_owned() };
    let mut columns = vec![
        Column { head: "Trained on", cells: of_datasets },
        Column { head: "Model", cells: vec![cell(super::lineage::kind(&own), named(name), None)] },
        Column { head: "Revisions", cells: of_revisions },
    ];
    if !users.is_empty() {
        columns.push(Column { head: "Fetched by, runs in", cells: users });
    }
    picture::draw(format!("Lineage of {}", named(name)), about, columns, lines)
}
