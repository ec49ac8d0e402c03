//! All files of a version of a model: where they lie, the list of them, and the one crossing in which each is read with the
//! others beside it.

use std::sync::Arc;

use axum::http::StatusCode;
use lazaret_core::{Limit, LimitExceeded, Sha256, Stored};
use lazaret_input::json::Node;
use lazaret_input::parked;

use crate::net::answer::Refusal;
use crate::net::download::MAX_FILE;
use crate::net::trouble::Trouble;
use crate::updates::gate::{Asked, Lineage};
use crate::updates::held;
use crate::updates::mlflow::artifact::{by_path, wanted};
use crate::updates::mlflow::change::unread;
use crate::updates::mlflow::lineage::lineage;
use crate::updates::mlflow::server::Asking;
use crate::updates::mlflow::source::{Source, plain};
use crate::updates::mlflow::{ARTIFACTS, ROUTE};
use crate::updates::obtain::{
    Wanted, blocking, borrowed, here, is_same, noted, refusal, remember_here, said,
};

/// Most files and folders of one model.
pub const MAX_FILES: Limit = Limit::new("mlflow.max_files", 5_000);
/// How deep its folders may nest.
pub const MAX_DEPTH: Limit = Limit::new("mlflow.max_depth", 32);

/// How often a version may name another as its source.
const MOST_NAMED: usize = 4;

/// A version of a model that is put to use.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// The registered model.
    pub(crate) name: String,
    /// Its number, once it has one.
    pub(crate) revision: Option<String>,
    /// Where its files lie, if that can be listed.
    pub(crate) source: Option<Source>,
    /// The same in its own words.
    pub(crate) said: String,
    /// The run that made it.
    pub(crate) run: Option<String>,
}

/// Where the files of a version lie in the server's artifacts, and the run that is told of there.
#[derive(Debug)]
struct Place {
    path: String,
    run: Option<String>,
}

/// Whether all files of a version are cleared; those that are not known as such are fetched and passed as one model.
pub(crate) async fn cleared(asking: &Asking, version: Version) -> Result<(), Refusal> {
    let Some(source) = &version.source else {
        return unread(asking, &version, "that is not a place of the MLflow server's own").await;
    };
    let Some(place) = follow(asking, source.clone()).await? else {
        return unread(asking, &version, "its artifacts do not lie with the MLflow server").await;
    };
    // Whoever asks for the same at once waits for the same, but only who says the same of himself: not all may see all.
    let key = format!("{version:?}\n{place:?}\n{}", asking.who());
    let own = asking.clone();
    let judged =
        asking.updates.judging.of(&key, Box::pin(async move { judge(&own, version, place).await })).await;
    judged.ok_or_else(|| refusal(&Trouble::Ended))?
}

/// Follows a source to a path of the server's artifacts; none if it lies elsewhere.
async fn follow(asking: &Asking, mut source: Source) -> Result<Option<Place>, Refusal> {
    for _ in 0..MOST_NAMED {
        let uri = match &source {
            Source::Artifacts(path) => return Ok(Some(Place { path: path.clone(), run: None })),
            Source::Run { run, path } => {
                let uri = asking
                    .told("api/2.0/mlflow/runs/get", &[("run_id", run)], |root| {
                        text(root.get("run")?.get("info")?, "artifact_uri")
                    })
                    .await?;
                return Ok(in_artifacts(&uri, path).map(|path| Place { path, run: Some(run.clone()) }));
            }
            Source::Logged(model) => {
                let path = format!("api/2.0/mlflow/logged-models/{model}");
                let told = asking.told(&path, &[], |root| {
                    let info = root.get("model")?.get("info")?;
                    Some((text(info, "artifact_uri")?, text(info, "source_run_id")))
                });
                let (uri, run) = told.await?;
                let run = run.filter(|run| !run.is_empty());
                return Ok(in_artifacts(&uri, "").map(|path| Place { path, run }));
            }
            Source::Version { name, version } => {
                let query = [("name", name.as_str()), ("version", version.as_str())];
                let path = "api/2.0/mlflow/model-versions/get-download-uri";
                asking.told(path, &query, |root| text(root, "artifact_uri")).await?
            }
            Source::Alias { name, alias } => {
                let query = [("name", name.as_str()), ("alias", alias.as_str())];
                let version = asking.told("api/2.0/mlflow/registered-models/alias", &query, |root| {
                    let version = root.get("model_version")?.get("version")?;
                    version.as_str().or_else(|| version.as_number()).map(str::to_owned)
                });
                format!("models:/{name}/{}", version.await?)
            }
        };
        let Some(next) = Source::parse(&uri) else { return Ok(None) };
        source = next;
    }
    Ok(None)
}

/// A path below a place of the server's artifacts.
fn in_artifacts(uri: &str, path: &str) -> Option<String> {
    let Some(Source::Artifacts(root)) = Source::parse(uri) else { return None };
    Some(if path.is_empty() { root } else { format!("{root}/{path}") })
}

/// A text of an object.
pub(crate) fn text(node: Node<'_, '_>, key: &str) -> Option<String> {
    node.get(key)?.as_str().map(str::to_owned)
}

async fn judge(asking: &Asking, version: Version, place: Place) -> Result<(), Refusal> {
    let files = list(asking, &place.path).await?;
    if files.is_empty() {
        return unread(asking, &version, "no file lies there").await;
    }
    let lineage = lineage(asking, version.run.as_ref().or(place.run.as_ref())).await?;
    let key = key(asking, &version, &place, &lineage);
    if let Some(known) = known(asking, &key, &place, &files).await? {
        return known;
    }
    let turn = asking.updates.turn().await?;
    let (mut model, mut all) = (Vec::with_capacity(files.len()), Vec::with_capacity(files.len()));
    let most = asking.updates.limits.get(MAX_FILE);
    let mut bytes = 0_u64;
    for file in files {
        let (url, asked) = by_path(asking, &below(&place.path, &file))?;
        let answer = asking.gets(url).await?;
        let (wanted, _) = wanted(asking, asked, &answer);
        let stored = asking.updates.receive(answer, file).await?;
        bytes = bytes.saturating_add(stored.file.len);
        most.check(bytes).map_err(too_much)?;
        // Thousands at once must not all be open.
        let stored = blocking(move || parked(stored)).await?.map_err(Trouble::here("keep the file"))?;
        model.push(stored);
        all.push(wanted);
    }
    let asked = Asked {
        by: asking.by.clone(),
        route: ROUTE,
        from: asking.url(&format!("{ARTIFACTS}/{}", place.path), None)?,
        model: version.name.clone(),
        revision: version.revision.clone(),
        file: String::new(),
    };
    let (gate, notes) = (Arc::clone(&asking.updates.gate), Arc::clone(&asking.updates.notes));
    let passed = blocking(move || {
        let digests: Vec<_> =
            model.iter().map(|stored: &Stored| (stored.file.sha256, stored.file.len)).collect();
        let held = gate.pass_model(model, &asked, lineage).map_err(|error| error.refusal())?;
        drop(turn);
        if let Some(held) = held {
            let refused = held.refusal(&asked);
            if let Some(said) = said_of(&all) {
                held::remember(&gate, &notes, &key, &said, (&held, &refused))?;
            }
            return Err(refused);
        }
        for (wanted, (sha256, len)) in all.iter().zip(&digests) {
            remember_here(&notes, wanted, *sha256, *len)?;
        }
        let lines =
            all.iter().zip(&digests).map(|(wanted, (sha256, _))| format!("{sha256} {}", wanted.asked.file));
        notes.put(&borrowed(&key), &lines.collect::<Vec<_>>().join("\n")).map_err(here("remember"))
    });
    passed.await?
}

/// What is remembered of a version: that these files passed as this model, said to be from there and made in this way. One
/// that is said to be from elsewhere, or to be made otherwise, is another crossing, of which something else may be decided.
fn key(asking: &Asking, version: &Version, place: &Place, lineage: &Lineage) -> Vec<String> {
    let Lineage { run, code, datasets } = lineage;
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    let key = ["mlflow-model", asking.workspace(), &version.name, &version.said, &place.path];
    let made = [word(run), word(code)].into_iter().chain(datasets.iter().cloned());
    key.map(str::to_owned).into_iter().chain(made).collect()
}

/// What was decided of just these files as this model, while the server still has them: it says the same tag and length of
/// each. Cleared files may still leave, and held ones would be held again.
async fn known(
    asking: &Asking,
    key: &[String],
    place: &Place,
    files: &[String],
) -> Result<Option<Result<(), Refusal>>, Refusal> {
    let passed = asking.updates.note(&borrowed(key)).await?;
    let was_held = asking.updates.note(&borrowed(&held::key(key))).await?.is_some();
    if passed.is_none() && !was_held {
        return Ok(None);
    }
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        let (url, asked) = by_path(asking, &below(&place.path, file))?;
        // Its bytes are not read: the cleared ones are here.
        let answer = asking.gets(url).await?;
        all.push(wanted(asking, asked, &answer).0);
    }
    if let Some(passed) = passed
        && have_passed(asking, &passed, &all).await?
    {
        return Ok(Some(Ok(())));
    }
    let Some(said) = said_of(&all) else { return Ok(None) };
    let (gate, notes) = (Arc::clone(&asking.updates.gate), Arc::clone(&asking.updates.notes));
    let key = key.to_vec();
    let still = blocking(move || held::still(&gate, &notes, &key, &said)).await??;
    Ok(still.map(Err))
}

/// Whether a note that files passed as a model is of just these.
async fn have_passed(asking: &Asking, passed: &str, all: &[Wanted]) -> Result<bool, Refusal> {
    let mut lines = passed.lines();
    for wanted in all {
        let Some(sha256) = same(asking, wanted.clone()).await? else { return Ok(false) };
        if lines.next() != Some(&format!("{sha256} {}", wanted.asked.file)) {
            return Ok(false);
        }
    }
    Ok(lines.next().is_none())
}

/// What the server says of the files of a model, if that tells each from any other.
fn said_of(all: &[Wanted]) -> Option<String> {
    let said = all.iter().map(|wanted| Some(format!("{} {}", said(wanted)?, wanted.asked.file)));
    Some(said.collect::<Option<Vec<_>>>()?.join("\n"))
}

/// The SHA-256 of a file that was cleared, if the server says that it still has the same.
async fn same(asking: &Asking, wanted: Wanted) -> Result<Option<Sha256>, Refusal> {
    let (gate, notes) = (Arc::clone(&asking.updates.gate), Arc::clone(&asking.updates.notes));
    blocking(move || {
        let Some(note) = noted(&notes, &wanted.key)?.filter(|note| is_same(note, &wanted)) else {
            return Ok(None);
        };
        let may_leave = gate.has(note.sha256, &wanted.asked.file).map_err(|error| error.refusal())?;
        Ok(may_leave.then_some(note.sha256))
    })
    .await?
}

/// The files below a path of the server's artifacts, sorted, by their paths from there. A path that is one file has it under
/// its own name.
async fn list(asking: &Asking, root: &str) -> Result<Vec<String>, Refusal> {
    let (most, deepest) = (asking.updates.limits.get(MAX_FILES), asking.updates.limits.get(MAX_DEPTH));
    let (mut files, mut folders) = (Vec::new(), vec![(String::new(), 0_u64)]);
    let mut seen = 0_u64;
    while let Some((folder, depth)) = folders.pop() {
        deepest.check(depth).map_err(too_much)?;
        let path = below(root, &folder);
        let entries = asking.told(ARTIFACTS, &[("path", &path)], entries).await?;
        for (name, is_folder) in entries {
            seen = seen.saturating_add(1);
            most.check(seen).map_err(too_much)?;
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if is_folder {
                folders.push((path, depth.saturating_add(1)));
            } else {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn too_much(limit: LimitExceeded) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, format!("lazaret refuses the model: {limit}"))
}

/// The names in a list of artifacts, and which are folders. None if one is no name.
fn entries(root: Node<'_, '_>) -> Option<Vec<(String, bool)>> {
    let Some(files) = root.get("files") else { return Some(Vec::new()) };
    let entry = |file: Node<'_, '_>| {
        let name = file.get("path")?.as_str().filter(|name| plain(name).is_some())?;
        Some((name.to_owned(), file.get("is_dir").and_then(|is| is.as_bool()).unwrap_or(false)))
    };
    files.items().map(entry).collect()
}

fn below(root: &str, path: &str) -> String {
    if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") }
}
