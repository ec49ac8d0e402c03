//! Files of a logged model that came before the one that says what they are: MLflow's client sends the files of a folder one by
//! one and in any order, so the tensors of an ONNX graph may come before it. Such a file is held like any other of no known
//! format, and its bytes wait here: they go to the server if it is cleared with what comes beside it. The model does not get
//! ready while one waits, so that its client is told. Which files wait is remembered on the disk before their client is
//! answered, until they reach the server or it takes the model for one that failed; their bytes are not, and whoever finishes a
//! model whose files waited at a restart is told to send them again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use lazaret_core::{Limit, Limits, Stored};
use lazaret_input::parked;

use crate::net::answer::Refusal;
use crate::net::trouble::Trouble;
use crate::updates::gate::{Asked, Held};
use crate::updates::mlflow::artifact::{Judged, judge, send};
use crate::updates::mlflow::beside::{self, folder};
use crate::updates::mlflow::server::Asking;
use crate::updates::obtain::{blocking, borrowed, here};

/// Most files that wait for what comes beside them; of one model, a quarter of them.
pub const MAX_WAITING: Limit = Limit::new("mlflow.max_waiting", 64);
/// Most bytes of all files that wait.
pub const MAX_WAITING_BYTES: Limit = Limit::new("mlflow.max_waiting_bytes", 4 << 30);

/// How long the bytes of a file wait.
const WAIT: Duration = Duration::from_mins(15);

/// The files that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    /// The first that came first.
    files: Mutex<VecDeque<Waits>>,
    /// Turns among those that add to the files of a folder, or look at them again.
    turns: Mutex<HashMap<Vec<String>, Weak<tokio::sync::Mutex<()>>>>,
}

/// A file that waits.
#[derive(Clone)]
struct Waits {
    asked: Asked,
    workspace: String,
    /// What its client said with it, and its bytes; gone once it waited too long.
    sent: Option<(HeaderMap, Stored)>,
    /// Why it is held.
    why: String,
    since: Instant,
}

impl Waiting {
    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<Waits>) -> T) -> T {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for late in files.iter_mut().filter(|waits| waits.since.elapsed() >= WAIT) {
            late.sent = None;
        }
        change(&mut files)
    }

    /// The turn among those at the files of a folder.
    fn turn(&self, folder: Vec<String>) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let known = turns.get(&folder).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(folder, Arc::downgrade(&turn));
            turn
        })
    }
}

/// Refuses to finish a logged model as ready while some of its files wait, and says why they are held.
pub(crate) async fn ready(asking: &Asking, id: &str) -> Result<(), Refusal> {
    let waiting: Vec<(String, String)> = asking.updates.waiting.change(|files| {
        let of_it = files.iter().filter(|waits| waits.is_of(id, asking.workspace()));
        of_it.map(|waits| (waits.asked.file.clone(), waits.why.clone())).collect()
    });
    let noted = note(asking, id, |_| ()).await?;
    let lost = noted.iter().filter(|file| !waiting.iter().any(|(waits, _)| waits == *file));
    let lost = lost.map(|file| format!("{file} waited, and its bytes are here no longer: send it again"));
    let why: Vec<String> = waiting.iter().map(|(_, why)| why.clone()).chain(lost).collect();
    if why.is_empty() {
        return Ok(());
    }
    let why = format!(
        "the model is not whole, since nothing beside these files says what they are; send what does, or finish it as failed: {}",
        why.join("\n")
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, why))
}

/// The server took a logged model for one that failed: no file of it waits any longer.
pub(crate) async fn failed(asking: &Asking, id: &str) -> Result<(), Refusal> {
    note(asking, id, BTreeSet::clear).await?;
    let workspace = asking.workspace();
    asking.updates.waiting.change(|files| files.retain(|waits| !waits.is_of(id, workspace)));
    Ok(())
}

/// A file went to the server: if it waited, it does no longer.
pub(crate) async fn went(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let Some(id) = logged_model(asked) else { return Ok(()) };
    let file = asked.file.clone();
    note(asking, id, move |files| files.retain(|name| *name != file)).await?;
    let workspace = asking.workspace();
    asking.updates.waiting.change(|files| files.retain(|waits| !waits.is(asked, workspace)));
    Ok(())
}

/// Changes which files of a logged model are remembered as waiting; gives those that were before.
async fn note(
    asking: &Asking,
    id: &str,
    change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
) -> Result<BTreeSet<String>, Refusal> {
    let key = ["mlflow-waiting", asking.workspace(), id].map(str::to_owned);
    let notes = Arc::clone(&asking.updates.notes);
    let turn = asking.updates.naming.lock().await;
    let changed = blocking(move || {
        let kept = notes.get(&borrowed(&key)).map_err(here("read what it remembers"))?;
        let before: BTreeSet<String> =
            kept.iter().flat_map(|files| files.lines()).map(str::to_owned).collect();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            let files: Vec<&str> = after.iter().map(String::as_str).collect();
            notes.put(&borrowed(&key), &files.join("\n")).map_err(here("remember"))?;
        }
        Ok(before)
    });
    changed.await.inspect(|_| drop(turn))?
}

/// The logged model that a file is of: `m-1` of `mlflow/1/models/m-1`.
fn logged_model(asked: &Asked) -> Option<&str> {
    let (above, id) = asked.model.rsplit_once('/')?;
    above.ends_with("/models").then_some(id)
}

/// Keeps the bytes of a file that was held because nobody knows yet what it is. It is refused where it is held for good, or
/// no place is left.
pub(crate) async fn wait(
    asking: &Asking,
    asked: &Asked,
    held: &Held,
    stored: Stored,
) -> Result<Response, Refusal> {
    let refused = held.refusal(asked);
    let Some(id) = logged_model(asked).filter(|_| held.is_unknown) else { return Err(refused) };
    let stored = blocking(move || parked(stored)).await?.map_err(Trouble::here("keep the file"))?;
    let turn = asking.updates.waiting.turn(beside::key(asking, asked));
    let _turn = turn.lock().await;
    let waits = Waits {
        asked: asked.clone(),
        workspace: asking.workspace().to_owned(),
        sent: Some((asking.headers().clone(), stored)),
        why: refused.message.clone(),
        since: Instant::now(),
    };
    let file = asked.file.clone();
    let noted = note(asking, id, move |files| files.extend([file])).await?;
    let entering = waits.clone();
    let entered = asking.updates.waiting.change(|files| entering.enter(files, &asking.updates.limits));
    if let Err(why) = entered {
        let file = asked.file.clone();
        if !noted.contains(&file) {
            note(asking, id, move |files| files.retain(|name| *name != file)).await?;
        }
        let message = format!("{}. It does not wait for what comes beside it: {why}", refused.message);
        return Err(Refusal { message, ..refused });
    }
    let updates = Arc::downgrade(&asking.updates);
    tokio::spawn(async move {
        tokio::time::sleep(WAIT).await;
        if let Some(updates) = updates.upgrade() {
            updates.waiting.change(|_| ());
        }
    });
    // What says what it is may have gone to the server since it was judged.
    let beside = beside::names(asking, asked).await?;
    if let Some(answer) = again(asking, &waits, beside).await? {
        return Ok(answer);
    }
    let message = format!("it waits for what comes beside it. {}", refused.message);
    let mut response = Response::new(Body::from(serde_json::json!({ "message": message }).to_string()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl Waits {
    /// Whether it is a file of a logged model.
    fn is_of(&self, id: &str, workspace: &str) -> bool {
        self.workspace == workspace && logged_model(&self.asked) == Some(id)
    }

    fn is(&self, asked: &Asked, workspace: &str) -> bool {
        self.is_beside(asked, workspace) && self.asked.file == asked.file
    }

    fn is_beside(&self, asked: &Asked, workspace: &str) -> bool {
        self.workspace == workspace
            && self.asked.model == asked.model
            && folder(&self.asked.file) == folder(&asked.file)
    }

    fn len(&self) -> u64 {
        self.sent.as_ref().map_or(0, |(_, stored)| stored.file.len)
    }

    /// Takes a place among those that wait, or that of what the same client sent under its name before.
    fn enter(self, files: &mut VecDeque<Self>, limits: &Limits) -> Result<(), String> {
        let is_it = |other: &Self| other.is(&self.asked, &self.workspace);
        let said = |waits: &Self| waits.sent.as_ref().map(|(headers, _)| headers.clone());
        if files
            .iter()
            .filter(|other| is_it(other))
            .any(|other| said(other).is_some() && said(other) != said(&self))
        {
            return Err("what another client sent under its name waits already".to_owned());
        }
        let others = || files.iter().filter(|other| !is_it(other));
        let bytes = others().fold(self.len(), |bytes, other| bytes.saturating_add(other.len()));
        limits.get(MAX_WAITING_BYTES).check(bytes).map_err(|limit| limit.to_string())?;
        let most = limits.get(MAX_WAITING);
        let is_of_it =
            |other: &&Self| other.workspace == self.workspace && other.asked.model == self.asked.model;
        let of_it = others().filter(|other| other.sent.is_some()).filter(is_of_it).count() as u64;
        if of_it >= most.most().div_ceil(4) {
            return Err(format!("as many files of its model wait as may, a quarter of `{}`", most.key()));
        }
        // What waited too long is only a word for its client.
        if others().count() as u64 >= most.most() {
            let late = files.iter().position(|other| other.sent.is_none() && !is_it(other));
            let late = late.ok_or_else(|| format!("as many files wait as may (`{}`)", most.key()))?;
            files.remove(late);
        }
        files.retain(|other| !other.is(&self.asked, &self.workspace));
        files.push_back(self);
        Ok(())
    }
}

/// Looks again at the files that wait beside one that went to the server, if it may say what they are: those that are
/// cleared now go after it.
pub(crate) async fn look_again(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let mut looked = Vec::new();
    let next = |looked: &[String]| {
        let is_next = |waits: &&Waits| {
            waits.sent.is_some()
                && waits.is_beside(asked, asking.workspace())
                && !looked.contains(&waits.asked.file)
        };
        asking.updates.waiting.change(|files| files.iter().find(is_next).cloned())
    };
    if next(&looked).is_none() {
        return Ok(());
    }
    let turn = asking.updates.waiting.turn(beside::key(asking, asked));
    let _turn = turn.lock().await;
    while let Some(waits) = next(&looked) {
        looked.push(waits.asked.file.clone());
        // Whoever sent the one beside it is told, and sends that again.
        let answer = again(asking, &waits, vec![asked.file.clone()]).await?;
        if let Some(status) = answer.map(|answer| answer.status()).filter(|status| !status.is_success()) {
            let file = &waits.asked.file;
            let why = format!("the MLflow server did not take {file}: it answered {status}");
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, why));
        }
    }
    Ok(())
}

/// Judges a file that waits again, if one of these may say what it is, and sends it to the server if it is cleared.
async fn again(asking: &Asking, waits: &Waits, beside: Vec<String>) -> Result<Option<Response>, Refusal> {
    let Some((headers, stored)) = waits.sent.clone() else { return Ok(None) };
    let (gate, of) = (Arc::clone(&asking.updates.gate), stored.clone());
    if blocking(move || gate.crossings.companions(&of, &beside)).await?.is_empty() {
        return Ok(None);
    }
    let of_it = asking.saying(headers);
    match judge(&of_it, &waits.asked, stored).await? {
        Judged::Cleared(sha256, file) => send(&of_it, &waits.asked, sha256, file).await.map(Some),
        Judged::Held(..) => Ok(None),
    }
}
