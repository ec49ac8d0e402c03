//! Files of a logged model that came before the one that says what they are: MLflow's client sends the files of a folder one by
//! one and in any order, so the tensors of an ONNX graph may come before it. Such a file is held like any other of no known
//! format, and its bytes wait here: they go to the server if it is cleared with what comes beside it. The model does not get
//! ready while one waits, so that its client is told. Which files wait is remembered on the disk before their client is
//! answered, until they reach the server or it takes the model for one that failed; their bytes are not, and whoever finishes a
//! model whose files waited at a restart is told to send them again.
//!
//! Each sender has its own: what somebody else sent under a name takes the name from nobody, and keeps nobody's model from
//! getting ready. Only whom the server tells of the model has files that wait, and where no place is left, who has most of them
//! gives way.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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

/// Most files that wait for what comes beside them; of one sender's files of a model, a quarter of them.
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
    /// Who sent it, in the words that are recorded.
    sender: String,
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

/// Refuses to finish a logged model as ready while some of its files wait that the same sender sent, and says why they are held.
pub(crate) async fn ready(asking: &Asking, id: &str) -> Result<(), Refusal> {
    let sender = asking.sender().await?;
    let (waiting, others) = asking.updates.waiting.change(|files| {
        let of_it = || files.iter().filter(|waits| waits.is_of(id, asking.workspace()));
        let own = of_it().filter(|waits| waits.sender == sender);
        let waiting: Vec<_> = own.map(|waits| (waits.asked.file.clone(), waits.why.clone())).collect();
        let others = of_it().count().saturating_sub(waiting.len());
        (waiting, others)
    });
    if others > 0 {
        tracing::warn!(files = others, "a model is finished without files that wait from other senders");
    }
    let noted = note(asking, id, &sender, |_| ()).await?;
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

/// The server took a logged model for one that failed: no file of it waits any longer, whoever sent it.
pub(crate) async fn failed(asking: &Asking, id: &str) -> Result<(), Refusal> {
    let workspace = asking.workspace();
    let mut senders = asking.updates.waiting.change(|files| {
        let of_it = files.iter().filter(|waits| waits.is_of(id, workspace));
        of_it.map(|waits| waits.sender.clone()).collect::<BTreeSet<_>>()
    });
    senders.insert(asking.sender().await?);
    for sender in senders {
        note(asking, id, &sender, BTreeSet::clear).await?;
    }
    asking.updates.waiting.change(|files| files.retain(|waits| !waits.is_of(id, workspace)));
    Ok(())
}

/// A file went to the server: if it waited, it does no longer.
pub(crate) async fn went(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let Some(id) = logged_model(asked) else { return Ok(()) };
    let (file, sender) = (asked.file.clone(), asking.sender().await?);
    note(asking, id, &sender, move |files| files.retain(|name| *name != file)).await?;
    let workspace = asking.workspace();
    asking.updates.waiting.change(|files| files.retain(|waits| !waits.is(asked, workspace, &sender)));
    Ok(())
}

/// Changes which files of a logged model are remembered as waiting that one sender sent; gives those that were before.
async fn note(
    asking: &Asking,
    id: &str,
    sender: &str,
    change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
) -> Result<BTreeSet<String>, Refusal> {
    let key = ["mlflow-waiting", asking.workspace(), id, sender].map(str::to_owned);
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

/// Keeps the bytes of a file that was held because nobody knows yet what it is. It is refused where it is held for good, the
/// server does not tell its sender of the model, or no place is left.
pub(crate) async fn wait(
    asking: &Asking,
    asked: &Asked,
    held: &Held,
    stored: Stored,
) -> Result<Response, Refusal> {
    let refused = held.refusal(asked);
    let Some(id) = logged_model(asked).filter(|_| held.is_unknown) else { return Err(refused) };
    let model = format!("api/2.0/mlflow/logged-models/{id}");
    match asking.told(&model, &[], |root| root.get("model").map(drop)).await {
        Err(why) if why.status.is_client_error() => {
            let why = "the MLflow server does not tell its sender of the model";
            return Err(does_not_wait(&refused, why));
        }
        told => told?,
    }
    let sender = asking.sender().await?;
    let stored = blocking(move || parked(stored)).await?.map_err(Trouble::here("keep the file"))?;
    let turn = asking.updates.waiting.turn(beside::key(asking, asked));
    let _turn = turn.lock().await;
    let waits = Waits {
        asked: asked.clone(),
        workspace: asking.workspace().to_owned(),
        sender,
        sent: Some((asking.headers().clone(), stored)),
        why: refused.message.clone(),
        since: Instant::now(),
    };
    let file = asked.file.clone();
    let noted = note(asking, id, &waits.sender, move |files| files.extend([file])).await?;
    let (entering, most) = (waits.clone(), asking.updates.limits.get(MAX_WAITING));
    let entered = if noted.len() as u64 >= most.most() && !noted.contains(&asked.file) {
        // Also those whose bytes are here no longer.
        Err(format!("as many files of its model wait, or have waited, as may (`{}`)", most.key()))
    } else {
        asking.updates.waiting.change(|files| entering.enter(files, &asking.updates.limits))
    };
    if let Err(why) = entered {
        let file = asked.file.clone();
        if !noted.contains(&file) {
            note(asking, id, &waits.sender, move |files| files.retain(|name| *name != file)).await?;
        }
        return Err(does_not_wait(&refused, &why));
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

fn does_not_wait(refused: &Refusal, why: &str) -> Refusal {
    let message = format!("{}. It does not wait for what comes beside it: {why}", refused.message);
    Refusal { message, ..*refused }
}

impl Waits {
    /// Whether it is a file of a logged model.
    fn is_of(&self, id: &str, workspace: &str) -> bool {
        self.workspace == workspace && logged_model(&self.asked) == Some(id)
    }

    fn is(&self, asked: &Asked, workspace: &str, sender: &str) -> bool {
        self.is_beside(asked, workspace) && self.asked.file == asked.file && self.sender == sender
    }

    fn is_beside(&self, asked: &Asked, workspace: &str) -> bool {
        self.workspace == workspace
            && self.asked.model == asked.model
            && folder(&self.asked.file) == folder(&asked.file)
    }

    fn len(&self) -> u64 {
        self.sent.as_ref().map_or(0, |(_, stored)| stored.file.len)
    }

    /// Takes a place among those that wait, or that of what the same sender sent under its name before. Where there is none,
    /// who has more than its sender gives way, the first that came first.
    fn enter(self, files: &mut VecDeque<Self>, limits: &Limits) -> Result<(), String> {
        let (most, most_bytes) = (limits.get(MAX_WAITING), limits.get(MAX_WAITING_BYTES));
        most_bytes.check(self.len()).map_err(|limit| limit.to_string())?;
        let is_it = |other: &Self| other.is(&self.asked, &self.workspace, &self.sender);
        let is_of_it = |other: &&Self| {
            other.workspace == self.workspace
                && other.asked.model == self.asked.model
                && other.sender == self.sender
                && other.sent.is_some()
                && !is_it(other)
        };
        if files.iter().filter(is_of_it).count() as u64 >= most.most().div_ceil(4) {
            return Err(format!(
                "as many files of its model wait from its sender as may, a quarter of `{}`",
                most.key()
            ));
        }
        let mut left = files.clone(); // nobody gives way in vain
        loop {
            let others = || left.iter().filter(|other| !is_it(other));
            let bytes = others().fold(self.len(), |bytes, other| bytes.saturating_add(other.len()));
            let (too_long, too_many) =
                (most_bytes.check(bytes).err(), others().count() as u64 >= most.most());
            let why = match too_long {
                None if !too_many => break,
                Some(limit) => limit.to_string(),
                None => format!("as many files wait as may (`{}`)", most.key()),
            };
            // What waited too long is only a word for its sender.
            let late = left.iter().position(|other| other.sent.is_none() && !is_it(other));
            let gives_way = late.filter(|_| too_many).or_else(|| {
                let weight = |other: &Self| if too_many { 1 } else { other.len() };
                self.gives_way(&left, weight)
            });
            left.remove(gives_way.ok_or(why)?);
        }
        left.retain(|other| !other.is(&self.asked, &self.workspace, &self.sender));
        left.push_back(self);
        *files = left;
        Ok(())
    }

    /// The first file of who has most that waits, if that is more than the sender of this one would have.
    fn gives_way(&self, files: &VecDeque<Self>, weight: impl Fn(&Self) -> u64) -> Option<usize> {
        let mut shares = BTreeMap::from([(self.sender.as_str(), weight(self))]);
        for other in files.iter().filter(|other| !other.is(&self.asked, &self.workspace, &self.sender)) {
            let share = shares.entry(&other.sender).or_default();
            *share = share.saturating_add(weight(other));
        }
        let own = shares.get(self.sender.as_str())?;
        let (most, _) = shares.iter().filter(|(_, share)| *share > own).max_by_key(|(_, share)| **share)?;
        files.iter().position(|other| other.sender == *most && weight(other) > 0)
    }
}

/// Looks again at the files that wait beside one that went to the server, if it may say what they are: those that are
/// cleared now go after it, its own sender's first.
pub(crate) async fn look_again(asking: &Asking, asked: &Asked) -> Result<(), Refusal> {
    let sender = asking.sender().await?;
    let mut looked = Vec::new();
    let next = |looked: &[(String, String)]| {
        let is_next = |waits: &&Waits| {
            let is_looked = |(by, file): &(String, String)| *by == waits.sender && *file == waits.asked.file;
            waits.sent.is_some()
                && waits.is_beside(asked, asking.workspace())
                && !looked.iter().any(is_looked)
        };
        asking
            .updates
            .waiting
            .change(|files| files.iter().filter(is_next).min_by_key(|waits| waits.sender != sender).cloned())
    };
    if next(&looked).is_none() {
        return Ok(());
    }
    let turn = asking.updates.waiting.turn(beside::key(asking, asked));
    let _turn = turn.lock().await;
    while let Some(waits) = next(&looked) {
        looked.push((waits.sender.clone(), waits.asked.file.clone()));
        let went = again(asking, &waits, vec![asked.file.clone()]).await.and_then(|answer| {
            let status = answer.map(|answer| answer.status()).filter(|status| !status.is_success());
            status.map_or(Ok(()), |status| {
                let file = &waits.asked.file;
                let why = format!("the MLflow server did not take {file}: it answered {status}");
                Err(Refusal::new(StatusCode::BAD_GATEWAY, why))
            })
        });
        match went {
            // Whoever sent the one beside it is told, and sends that again.
            Err(why) if waits.sender == sender => return Err(why),
            Err(why) => {
                tracing::warn!(
                    status = why.status.as_u16(),
                    "a file that waited did not go after what it waited for"
                );
            }
            Ok(()) => {}
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
    let of_it = asking.saying(waits.asked.by.clone(), headers);
    match judge(&of_it, &waits.asked, stored).await? {
        Judged::Cleared(sha256, file) => send(&of_it, &waits.asked, sha256, file).await.map(Some),
        Judged::Held(..) => Ok(None),
    }
}
