//! A file that is wanted: known here, or fetched, let through, and remembered.

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Method, StatusCode};
use lazaret_core::{Sha256, Source, Stored};
use lazaret_input::{FileSource, Spool};
use tokio::sync::OwnedSemaphorePermit;

use crate::net::answer::Refusal;
use crate::net::client::{Answer, Call};
use crate::net::download::{Bounds, Expected, MAX_BREAKS, MAX_FILE, download, receive};
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::updates::Updates;
use crate::updates::gate::{Asked, Gate, GateError, Outcome, last_step};
use crate::updates::held;
use crate::updates::hugging_face::Within;
use crate::updates::mlflow::beside;
use crate::updates::notes::{FileNote, Notes};
use crate::updates::oci::manifest::sha256_of;

/// A file that is wanted.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// What the crossing is told.
    pub(crate) asked: Asked,
    /// Whom to ask.
    pub(crate) upstream: Arc<Upstream>,
    /// What the client told it to be let in.
    pub(crate) secret: Option<HeaderValue>,
    /// What its upstream announced.
    pub(crate) expected: Expected,
    /// Its entity tag there, without quotes, if it has one.
    pub(crate) tag: Option<String>,
    /// Whether it is a large file of the hub.
    pub(crate) is_large: bool,
    /// What it is remembered under.
    pub(crate) key: Vec<String>,
    /// The repository whose files cross one by one, if it is of one.
    pub(crate) within: Option<Within>,
}

/// The cleared files that one is judged beside.
pub(crate) struct Beside {
    pub(crate) files: Vec<Stored>,
    /// No other will come to be among them.
    pub(crate) is_all: bool,
}

impl Beside {
    /// None, and none will.
    pub(crate) const fn nothing() -> Self {
        Self { files: Vec::new(), is_all: true }
    }
}

/// A cleared file, ready to be given out: that it is asked for is recorded.
pub(crate) struct Obtained {
    pub(crate) file: Arc<dyn Source>,
    pub(crate) len: u64,
    pub(crate) sha256: Sha256,
}

impl Obtained {
    fn new(file: FileSource, sha256: Sha256) -> Self {
        Self { len: file.len(), file: Arc::new(file), sha256 }
    }
}

impl Updates {
    /// A file that is wanted, from here if it was cleared before, else fetched and let through.
    pub(crate) async fn obtain(self: &Arc<Self>, wanted: Wanted) -> Result<Obtained, Refusal> {
        let asked = wanted.asked.clone();
        let sha256 = if wanted.within.is_some() {
            let fetching = Box::pin(Arc::clone(self).fetch_first(wanted.clone()));
            self.known_or(&wanted, "first", fetching).await?
        } else {
            self.clear(wanted).await?
        };
        self.give(sha256, asked).await
    }

    /// The same without giving it to anybody yet.
    pub(crate) async fn clear(self: &Arc<Self>, wanted: Wanted) -> Result<Sha256, Refusal> {
        let fetching = Box::pin(Arc::clone(self).fetch(wanted.clone()));
        self.known_or(&wanted, "", fetching).await
    }

    /// A file whose upstream answers already: what it says now is what the wanted file was read from. It is judged with the
    /// files that are remembered beside it.
    pub(crate) async fn obtain_from(
        self: &Arc<Self>,
        wanted: Wanted,
        answer: Answer,
        beside: Vec<String>,
    ) -> Result<Obtained, Refusal> {
        let taking = Box::pin(Arc::clone(self).take_answer(wanted.clone(), answer, beside));
        let sha256 = self.known_or(&wanted, "", taking).await?;
        self.give(sha256, wanted.asked).await
    }

    /// A file that came already, from here if it was cleared before, else let through; not given to anybody yet.
    pub(crate) async fn take(self: &Arc<Self>, bytes: Vec<u8>, wanted: Wanted) -> Result<Sha256, Refusal> {
        let taking = Box::pin(Arc::clone(self).take_bytes(wanted.clone(), bytes));
        self.known_or(&wanted, "", taking).await
    }

    /// A file that was cleared, once it is recorded who asks.
    pub(crate) async fn give(&self, sha256: Sha256, asked: Asked) -> Result<Obtained, Refusal> {
        let gate = Arc::clone(&self.gate);
        let opened = blocking(move || gate.open(sha256, &asked)).await?;
        let file = opened.map_err(|error| error.refusal())?.ok_or_else(|| GateError::Gone.refusal())?;
        Ok(Obtained::new(file, sha256))
    }

    /// The file if it was cleared before, else what the work of this name gives; who asks for the same meanwhile shares it.
    async fn known_or(
        &self,
        wanted: &Wanted,
        name: &str,
        work: impl Future<Output = Result<Sha256, Refusal>> + Send + 'static,
    ) -> Result<Sha256, Refusal> {
        if let Some(known) = self.known(wanted).await? {
            return Ok(known);
        }
        if let Some(refused) = self.held_before(wanted).await? {
            return Err(refused);
        }
        let Expected { sha256, len } = &wanted.expected;
        // An upstream that said nothing of the file has not said who may have it either: each asks with what lets him in.
        let is_told = sha256.is_some() || len.is_some() || wanted.tag.is_some();
        let secret = wanted.secret.as_ref().filter(|_| !is_told).map(|secret| sha256_of(secret.as_bytes()));
        let under_way =
            format!("{name}\n{}\n{:?}\n{sha256:?}\n{len:?}\n{secret:?}", wanted.key.join("\n"), wanted.tag);
        let done = self.fetching.of(&under_way, work).await;
        done.ok_or_else(|| refusal(&Trouble::Ended))?
    }

    /// The file, if it was cleared before: its upstream says the same SHA-256 or tag as then.
    async fn known(&self, wanted: &Wanted) -> Result<Option<Sha256>, Refusal> {
        let (notes, gate, wanted) = (Arc::clone(&self.notes), Arc::clone(&self.gate), wanted.clone());
        blocking(move || {
            let sha256 = match wanted.expected.sha256 {
                Some(sha256) if is_noted(&notes, sha256, &wanted.asked.file, wanted.asked.route)? => {
                    Some(sha256)
                }
                _ => {
                    noted(&notes, &wanted.key)?.filter(|note| is_same(note, &wanted)).map(|note| note.sha256)
                }
            };
            let Some(sha256) = sha256 else { return Ok(None) };
            let file = gate.cleared(sha256, &wanted.asked.file).map_err(|error| error.refusal())?;
            // An upstream that says another length means another file, or is wrong: fetching it tells.
            let file = file.filter(|file| wanted.expected.len.is_none_or(|len| len == file.len()));
            if let Some(file) = &file {
                remember_here(&notes, &wanted, sha256, file.len())?;
            }
            Ok(file.map(|_| sha256))
        })
        .await?
    }

    /// The refusal, if it was held before: its upstream says the same of it as then, and nothing else would be decided now.
    async fn held_before(&self, wanted: &Wanted) -> Result<Option<Refusal>, Refusal> {
        let Some(said) = said(wanted) else { return Ok(None) };
        let (notes, gate, key) = (Arc::clone(&self.notes), Arc::clone(&self.gate), wanted.key.clone());
        blocking(move || held::still(&gate, &notes, &key, &said)).await?
    }

    /// Without asking anybody: the file that its name meant when it was last cleared.
    pub(crate) async fn offline(&self, key: Vec<String>, asked: Asked) -> Result<Obtained, Refusal> {
        let sha256 = self.cleared(&key, &asked).await?.sha256;
        let (gate, of_work) = (Arc::clone(&self.gate), asked.clone());
        let opened = blocking(move || gate.open(sha256, &of_work)).await?.map_err(|error| error.refusal())?;
        opened.map(|file| Obtained::new(file, sha256)).ok_or_else(|| not_cleared(&asked))
    }

    /// What its name meant when it was last cleared, if the file is here.
    pub(crate) async fn cleared(&self, key: &[String], asked: &Asked) -> Result<FileNote, Refusal> {
        let (notes, gate, key) = (Arc::clone(&self.notes), Arc::clone(&self.gate), key.to_vec());
        let file = asked.file.clone();
        let note = blocking(move || match noted(&notes, &key)? {
            Some(note) if gate.has(note.sha256, &file).map_err(|error| error.refusal())? => Ok(Some(note)),
            _ => Ok::<_, Refusal>(None),
        });
        note.await??.ok_or_else(|| not_cleared(asked))
    }

    /// Reads a note.
    pub(crate) async fn note(&self, key: &[&str]) -> Result<Option<String>, Refusal> {
        let (notes, key) = (Arc::clone(&self.notes), owned(key));
        blocking(move || notes.get(&borrowed(&key)).map_err(here("read what it remembers"))).await?
    }

    /// Keeps a note, where the disk has room for it.
    pub(crate) async fn keep(&self, key: &[&str], text: String) -> Result<(), Refusal> {
        let (notes, gate, key) = (Arc::clone(&self.notes), Arc::clone(&self.gate), owned(key));
        let put = move || {
            gate.room.check(text.len() as u64)?;
            notes.put(&borrowed(&key), &text).map_err(here("remember"))
        };
        blocking(put).await?
    }

    /// Of these files, each with what it is remembered under and its name, those that are cleared and here.
    pub(crate) async fn here(&self, files: Vec<(Vec<String>, String)>) -> Result<Vec<bool>, Refusal> {
        let (notes, gate) = (Arc::clone(&self.notes), Arc::clone(&self.gate));
        blocking(move || {
            let is_here = |(key, name): &(Vec<String>, String)| match noted(&notes, key)? {
                Some(note) => gate.has(note.sha256, name).map_err(|error| error.refusal()),
                None => Ok(false),
            };
            files.iter().map(is_here).collect()
        })
        .await?
    }

    /// Clears a file that a client asks for, which may have to lie here until others beside it are cleared: so many at once,
    /// and no more. Those others take no place, else each of two could wait for the other's.
    async fn fetch_first(self: Arc<Self>, wanted: Wanted) -> Result<Sha256, Refusal> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let _place = place.map_err(|_| refusal(&Trouble::Ended))?;
        self.clear(wanted).await
    }

    /// Fetches a file, lets it through, remembers it. Goes on where those who asked go away.
    async fn fetch(self: Arc<Self>, wanted: Wanted) -> Result<Sha256, Refusal> {
        // A server that sends slowly keeps nobody from being judged.
        let fetching = self.fetches.acquire().await.map_err(|_| refusal(&Trouble::Ended))?;
        let spool = self.spool().await?;
        let call =
            Call::new(Method::GET, wanted.asked.from.clone()).with(AUTHORIZATION, wanted.secret.clone());
        let name = wanted.asked.file.clone();
        let fetched =
            download(&self.client, &wanted.upstream, call, spool, name, &wanted.expected, self.bounds())
                .await;
        let stored = fetched?;
        drop(fetching); // what it is judged beside is fetched too
        let beside = match wanted.within.clone() {
            Some(within) => within.beside(Arc::clone(&self), stored.clone()).await?,
            None => Beside::nothing(),
        };
        let turn = self.turn().await?;
        self.judge(wanted, stored, beside, turn).await
    }

    /// Takes a file from an answer, lets it through, remembers it.
    async fn take_answer(
        self: Arc<Self>,
        wanted: Wanted,
        answer: Answer,
        beside: Vec<String>,
    ) -> Result<Sha256, Refusal> {
        let turn = self.turn().await?;
        let stored = self.receive(answer, wanted.asked.file.clone()).await?;
        let (gate, notes, file) =
            (Arc::clone(&self.gate), Arc::clone(&self.notes), wanted.asked.file.clone());
        let files = blocking(move || beside::files(&gate, &notes, &beside, &file)).await??;
        self.judge(wanted, stored, Beside { files, is_all: false }, turn).await
    }

    /// Lets a file through that came already, and remembers it.
    async fn take_bytes(self: Arc<Self>, wanted: Wanted, bytes: Vec<u8>) -> Result<Sha256, Refusal> {
        let turn = self.turn().await?;
        let (mut spool, name) = (self.spool().await?, wanted.asked.file.clone());
        let written = blocking(move || spool.write_all(&bytes).and_then(|()| spool.finish(&name))).await?;
        self.judge(wanted, written.map_err(here("write the file"))?, Beside::nothing(), turn).await
    }

    /// What an answer gives, into a spool.
    pub(crate) async fn receive(&self, answer: Answer, name: String) -> Result<Stored, Refusal> {
        let spool = self.spool().await?;
        Ok(receive(answer, spool, name, &self.bounds()).await?)
    }

    /// The bounds of a file that comes.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            file: self.limits.get(MAX_FILE),
            breaks: self.limits.get(MAX_BREAKS),
            room: self.gate.room.clone(),
        }
    }

    /// A place for a file.
    pub(crate) async fn spool(&self) -> Result<Spool, Refusal> {
        let gate = Arc::clone(&self.gate);
        blocking(move || gate.receive().map_err(here("make room for the file"))).await?
    }

    /// A turn among the files that are inspected at once.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.downloads).acquire_owned().await.map_err(|_| refusal(&Trouble::Ended))
    }

    async fn judge(
        &self,
        wanted: Wanted,
        stored: Stored,
        beside: Beside,
        turn: OwnedSemaphorePermit,
    ) -> Result<Sha256, Refusal> {
        let (notes, gate) = (Arc::clone(&self.notes), Arc::clone(&self.gate));
        blocking(move || {
            let passed = pass(&gate, &notes, &stored, beside, &wanted);
            drop(turn); // here, not with the request: one given up frees no thread
            passed
        })
        .await?
    }
}

fn pass(
    gate: &Gate,
    notes: &Notes,
    stored: &Stored,
    beside: Beside,
    wanted: &Wanted,
) -> Result<Sha256, Refusal> {
    let is_alone = beside.files.is_empty();
    match gate.pass(stored, &wanted.asked, beside.files).map_err(|error| error.refusal())? {
        Outcome::Cleared(sha256) if is_alone => {
            remember(notes, wanted, sha256, stored.file.len)?;
            Ok(sha256)
        }
        // Beside others, elsewhere, something else might be decided.
        Outcome::Cleared(sha256) => {
            remember_here(notes, wanted, sha256, stored.file.len)?;
            Ok(sha256)
        }
        Outcome::Held(held) => {
            let refused = held.refusal(&wanted.asked);
            // With what may still come beside it, something else may be decided.
            if let Some(said) = said(wanted).filter(|_| beside.is_all) {
                held::remember(gate, notes, &wanted.key, &said, (&held, &refused))?;
            }
            Err(refused)
        }
    }
}

/// What an upstream says of a file, if that tells it from any other.
pub(crate) fn said(wanted: &Wanted) -> Option<String> {
    let len = wanted.expected.len;
    match (wanted.expected.sha256, &wanted.tag) {
        (Some(sha256), _) => Some(format!("{sha256} {}", wanted.asked.file)),
        (None, Some(tag)) => Some(format!("{len:?} {tag}")),
        (None, None) => None,
    }
}

/// Remembers which file a name means, and under which name and by which route the file was cleared: what a file would do depends
/// on what it is taken for, and policies may let by one route what they hold by another, so it is known only as that.
fn remember(notes: &Notes, wanted: &Wanted, sha256: Sha256, len: u64) -> Result<(), Refusal> {
    remember_here(notes, wanted, sha256, len)?;
    let Asked { file, route, .. } = &wanted.asked;
    notes.put(&["cleared", &sha256.to_string(), last_step(file), route], "").map_err(here("remember"))
}

/// Remembers which file a name means.
pub(crate) fn remember_here(notes: &Notes, wanted: &Wanted, sha256: Sha256, len: u64) -> Result<(), Refusal> {
    let note =
        FileNote { sha256, len, tag: wanted.tag.clone().unwrap_or_default(), is_large: wanted.is_large };
    notes.put(&borrowed(&wanted.key), &note.line()).map_err(here("remember"))
}

/// Whether a file was cleared under the last step of a name and by a route.
pub(crate) fn is_noted(notes: &Notes, sha256: Sha256, file: &str, route: &str) -> Result<bool, Refusal> {
    let note = notes.get(&["cleared", &sha256.to_string(), last_step(file), route]);
    Ok(note.map_err(here("read what it remembers"))?.is_some())
}

pub(crate) fn noted(notes: &Notes, key: &[String]) -> Result<Option<FileNote>, Refusal> {
    let line = notes.get(&borrowed(key)).map_err(here("read what it remembers"))?;
    Ok(line.and_then(|line| FileNote::parse(&line)))
}

fn not_cleared(asked: &Asked) -> Refusal {
    let why = format!(
        "lazaret is offline and {} of {} was not cleared before; ask whoever runs lazaret",
        asked.file, asked.model
    );
    Refusal::new(StatusCode::FORBIDDEN, why).coded("GatedRepo")
}

/// Whether its upstream still has the file that was cleared, as far as a tag says.
pub(crate) fn is_same(note: &FileNote, wanted: &Wanted) -> bool {
    wanted.tag.as_ref().is_some_and(|tag| *tag == note.tag)
        && wanted.expected.sha256.is_none_or(|sha256| sha256 == note.sha256)
        && wanted.expected.len.is_none_or(|len| len == note.len)
}

pub(crate) fn borrowed(key: &[String]) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}

fn owned(key: &[&str]) -> Vec<String> {
    key.iter().map(|step| (*step).to_owned()).collect()
}

pub(crate) fn here(what: &'static str) -> impl FnOnce(io::Error) -> Refusal {
    move |error| refusal(&Trouble::here(what)(error))
}

/// Why an upstream gave nothing, as an answer.
pub(crate) fn refusal(trouble: &Trouble) -> Refusal {
    Refusal::new(trouble.status(), format!("lazaret gives nothing out: {}", trouble.line()))
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        refusal(&trouble)
    }
}

/// Work that may wait for files, on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| refusal(&Trouble::Ended))
}
