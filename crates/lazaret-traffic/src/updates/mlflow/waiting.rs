//! Files of a logged model that came before the one that says what they are: MLflow's client sends the files of a folder one by
//! one and in any order, so the tensors of an ONNX graph may come before it. Such a file is held like any other of no known
//! format, and its bytes wait here: they go to the server if it is cleared with what comes beside it. The model is not
//! finished while one waits, so that its client is told. Which files wait is remembered on the disk before their client is
//! answered; their bytes are not, and whoever finishes a model whose files waited at a restart is told to send them again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use lazaret_core::{Limit, Stored};
use lazaret_input::parked;

use crate::net::answer::Refusal;
use crate::net::trouble::Trouble;
use crate::updates::gate::{Asked, Held};
use crate::updates::mlflow::artifact::{Judged, judge, send};
use crate::updates::mlflow::beside::folder;
use crate::updates::mlflow::server::Asking;
use crate::updates::obtain::{blocking, borrowed, here};

/// Most files that wait for what comes beside them.
pub const MAX_WAITING: Limit = Limit::new("mlflow.max_waiting", 64);

/// How long the bytes of a file wait.
const WAIT: Duration = Duration::from_mins(15);

/// The files that wait, the first that came first.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<VecDeque<Waits>>);

/// A file that waits.
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
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for late in files.iter_mut().filter(|waits| waits.since.elapsed() >= WAIT) {
            late.sent = None;
        }
        change(&mut files)
    }
}

/// Refuses to finish a logged model some of whose files wait, and says why they are held; they wait no longer.
pub(crate) async fn end(asking: &Asking, id: &str) -> Result<(), Refusal> {
    let waited = asking.updates.waiting.change(|files| {
        let (of_it, others): (VecDeque<_>, VecDeque<_>) =
            files.drain(..).partition(|waits| logged_model(&waits.asked) == Some(id));
        *files = others;
        of_it
    });
    let noted = note(asking, id, BTreeSet::clear).await?;
    let mut why: Vec<String> = waited.iter().map(|waits| waits.why.clone()).collect();
    let lost = noted.iter().filter(|file| !waited.iter().any(|waits| waits.asked.file == **file));
    why.extend(lost.map(|file| format!("{file} waited when lazaret was ended: send it again")));
    if why.is_empty() {
        return Ok(());
    }
    let why = why.join("\n");
    let why = format!("the model is not whole, since nothing beside these files says what they are: {why}");
    Err(Refusal::new(StatusCode::FORBIDDEN, why))
}

/// A file went to the server: if it waited, it does no longer.
pub(crate) async fn went(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let file = asked.file.clone();
    match logged_model(asked) {
        Some(id) => note(asking, id, move |files| files.retain(|name| *name != file)).await.map(drop),
        None => Ok(()),
    }
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

/// Keeps the bytes of a file that was held because nobody knows yet what it is. None where it is held for good.
pub(crate) async fn wait(
    asking: &Asking,
    asked: &Asked,
    held: &Held,
    stored: Stored,
) -> Result<Option<Response>, Refusal> {
    let Some(id) = logged_model(asked).filter(|_| held.is_unknown) else { return Ok(None) };
    let stored = blocking(move || parked(stored)).await?.map_err(Trouble::here("keep the file"))?;
    let waits = Waits {
        asked: asked.clone(),
        workspace: asking.workspace().to_owned(),
        sent: Some((asking.headers().clone(), stored)),
        why: held.refusal(asked).message,
        since: Instant::now(),
    };
    let most = usize::try_from(asking.updates.limits.get(MAX_WAITING).most()).unwrap_or(usize::MAX);
    let waits = asking.updates.waiting.change(|files| {
        files.retain(|other| !other.is_in_place_of(&waits));
        // What waited too long is only a word for its client.
        if files.len() >= most && files.front().is_some_and(|first| first.sent.is_none()) {
            files.pop_front();
        }
        let is_room = files.len() < most;
        if is_room {
            files.push_back(waits);
        }
        is_room
    });
    if !waits {
        return Ok(None);
    }
    let file = asked.file.clone();
    note(asking, id, move |files| files.extend([file])).await?;
    let updates = Arc::downgrade(&asking.updates);
    tokio::spawn(async move {
        tokio::time::sleep(WAIT).await;
        if let Some(updates) = updates.upgrade() {
            updates.waiting.change(|_| ());
        }
    });
    let message = format!("it waits for what comes beside it. {}", held.refusal(asked).message);
    let mut response = Response::new(Body::from(serde_json::json!({ "message": message }).to_string()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Some(response))
}

impl Waits {
    fn is_in_place_of(&self, other: &Self) -> bool {
        self.is_beside(&other.asked, &other.workspace) && self.asked.file == other.asked.file
    }

    fn is_beside(&self, asked: &Asked, workspace: &str) -> bool {
        self.workspace == workspace
            && self.asked.model == asked.model
            && folder(&self.asked.file) == folder(&asked.file)
    }
}

/// Looks again at the files that wait beside one that went to the server: those that are cleared now go after it.
pub(crate) async fn look_again(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let mut looked = Vec::new();
    loop {
        let next = asking.updates.waiting.change(|files| {
            let is_next = |waits: &Waits| {
                waits.is_beside(asked, asking.workspace())
                    && waits.sent.is_some()
                    && !looked.contains(&waits.asked.file)
            };
            files.iter().position(is_next).and_then(|at| files.remove(at))
        });
        let Some(waits) = next else { return Ok(()) };
        looked.push(waits.asked.file.clone());
        let Some((headers, stored)) = waits.sent.clone() else { continue };
        let of_it = asking.saying(headers);
        let gone = match judge(&of_it, &waits.asked, stored).await {
            Ok(Judged::Cleared(sha256, file)) => send(&of_it, &waits.asked, sha256, file).await,
            Ok(Judged::Held(..)) => {
                asking.updates.waiting.change(|files| files.push_back(waits));
                continue;
            }
            Err(refused) => Err(refused),
        };
        // Whoever sent the one beside it is told, and sends that again.
        match gone {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => {
                let why = format!(
                    "the MLflow server did not take {}: it answered {}",
                    waits.asked.file,
                    answer.status()
                );
                asking.updates.waiting.change(|files| files.push_back(waits));
                return Err(Refusal::new(StatusCode::BAD_GATEWAY, why));
            }
            Err(refused) => {
                asking.updates.waiting.change(|files| files.push_back(waits));
                return Err(refused);
            }
        }
    }
}
