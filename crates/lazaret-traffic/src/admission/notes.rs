//! What is to be recorded of answers, kept on disk until whoever records it has taken it: where models run, where they no
//! longer do, and what was found in them since.
//!
//! ```text
//! FOLDER/waiting    what was noted, a line of JSON each; a note is durable before its answer is given
//! FOLDER/sending    what is being handed over; handed over again after a crash
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_core::{LedgerError, Limit, Limits, Sha256};
use lazaret_input::json::parse;
use lazaret_input::{create_private_folder_durably, read_file, rename_durably};
use serde::Serialize;

use super::standing::{text, words};
use super::uses::is_name;

/// Most bytes of notes that wait to be taken.
pub const MAX_WAITING: Limit = Limit::new("admission.max_waiting", 64 << 20);

/// Notes that are remembered so as not to be made twice.
const MOST_REMEMBERED: usize = 200_000;
/// For so long the same pods and findings are not noted again.
const NOT_AGAIN_FOR: Duration = Duration::from_mins(1);
/// Longest note: a digest, names of Kubernetes, rules.
const LONGEST_NOTE: usize = 64 << 10;

/// Where something runs. Names of Kubernetes alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The cluster, as the settings call it.
    pub cluster: String,
    /// The namespace; empty for what is the cluster's.
    pub namespace: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// A file was let into a workload.
    Runs {
        /// Which.
        sha256: Sha256,
        /// As what it was named there.
        model: String,
        /// Whether that was cleared; in mode observe what is not is let in too.
        cleared: bool,
        /// Where.
        at: Place,
        /// When, as the ledger writes times.
        when: String,
        /// Whether a part of it was let in, a pod: there are many, and the workload was noted itself.
        #[serde(skip)]
        part: bool,
    },
    /// A workload with it was deleted, or has it no longer.
    Ended {
        /// Which.
        sha256: Sha256,
        /// Where.
        at: Place,
        /// When, as the ledger writes times.
        when: String,
    },
    /// Something is wrong with a file that was cleared and is used.
    Alert {
        /// Which.
        sha256: Sha256,
        /// What finds something in it.
        rules: Vec<String>,
    },
}

impl Note {
    /// Reads a line; none if it is no note.
    pub fn read(line: &[u8], limits: &Limits) -> Option<Self> {
        if line.len() > LONGEST_NOTE {
            return None;
        }
        let parsed = parse(line, limits);
        let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
        let root = document.root();
        let sha256 = Sha256::parse(root.get("sha256")?.as_str()?)?;
        let place = || {
            let at = root.get("at")?;
            let place = Place {
                cluster: text(&at, "cluster")?,
                namespace: text(&at, "namespace")?,
                kind: text(&at, "kind")?,
                name: text(&at, "name")?,
            };
            place.is_plain().then_some(place)
        };
        let when = || text(&root, "when").filter(|when| is_time(when));
        match root.get("note")?.as_str()? {
            "runs" => Some(Self::Runs {
                sha256,
                model: text(&root, "model")?,
                cleared: root.get("cleared").and_then(|cleared| cleared.as_bool()).unwrap_or(false),
                at: place()?,
                when: when()?,
                part: false,
            }),
            "ended" => Some(Self::Ended { sha256, at: place()?, when: when()? }),
            "alert" => Some(Self::Alert { sha256, rules: words(root.get("rules")?)? }),
            _ => None,
        }
    }
}

/// Whether a text has the form in which the ledger writes times: `2026-11-27T10:00:00.000Z`. Times of one form compare as text.
fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    text.len() == FORM.len() && text.bytes().zip(FORM).all(fits)
}

impl Place {
    /// Whether every word of it is a name that Kubernetes takes.
    fn is_plain(&self) -> bool {
        let is_kind = |kind: &str| {
            (1..=63).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        is_name(&self.cluster)
            && (self.namespace.is_empty() || is_name(&self.namespace))
            && is_kind(&self.kind)
            && is_name(&self.name)
    }
}

/// Takes what is to be recorded.
pub trait Records: Send + Sync {
    /// Takes notes. Returns when they are durable.
    fn record(&self, notes: Vec<Note>) -> Result<(), LedgerError>;
}

/// Notes on disk.
pub struct Waiting {
    folder: PathBuf,
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    /// None after it was handed over, and where it could not be put right after an error: it is opened before it is written to.
    file: Option<File>,
    size: u64,
    /// When each thing was noted last.
    known: HashMap<About, Instant>,
}

/// Notes that are handed over.
pub struct Batch(Vec<Note>);

impl Batch {
    /// The notes, in the order in which they were made.
    pub fn notes(&self) -> &[Note] {
        &self.0
    }
}

impl Waiting {
    /// Opens a folder of notes, making it if there is none.
    pub fn open(folder: &Path, limits: Limits) -> io::Result<Self> {
        create_private_folder_durably(folder)?;
        let (file, size) = open(&folder.join("waiting"))?;
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            state: Mutex::new(State { file: Some(file), size, known: HashMap::new() }),
        })
    }

    /// What waits, if anything does. It is handed over again until it is said to be [`done`](Self::done).
    pub fn take(&self) -> io::Result<Option<Batch>> {
        let sending = self.folder.join("sending");
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !sending.try_exists()? {
                if state.file.is_none() {
                    state.size = match std::fs::metadata(self.folder.join("waiting")) {
                        Ok(known) => known.len(),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                        Err(error) => return Err(error),
                    };
                }
                if state.size == 0 {
                    return Ok(None);
                }
                // Nothing is written to what is handed over, even if no other file can be made now.
                state.file = None;
                rename_durably(&self.folder.join("waiting"), &sending)?;
                state.size = 0;
            }
        }
        // As long as it was let become, whatever the limit is now: what lies here is to be recorded.
        let own = MAX_WAITING.with(std::fs::metadata(&sending)?.len());
        let bytes = read_file(&sending, own).map_err(io::Error::other)?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let read: Vec<Option<Note>> = lines.map(|line| Note::read(line, &self.limits)).collect();
        let unread = read.iter().filter(|note| note.is_none()).count();
        if unread > 0 {
            tracing::error!(unread, "notes of where models run cannot be read, and are left out");
        }
        Ok(Some(Batch(read.into_iter().flatten().collect())))
    }

    /// What was taken is recorded elsewhere.
    pub fn done(&self, _batch: Batch) -> io::Result<()> {
        std::fs::remove_file(self.folder.join("sending"))
    }

    fn write(&self, notes: &[Note]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        let mut new = Vec::new();
        for note in notes {
            let about = about(note);
            let was = about.as_ref().and_then(|about| state.known.get(about));
            if was.is_none_or(|was| was.elapsed() >= NOT_AGAIN_FOR) {
                serde_json::to_writer(&mut lines, note)?;
                lines.push(b'\n');
                new.extend(about.map(|about| (about, Instant::now())));
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let (mut file, size) = match state.file.take() {
            Some(file) => (file, state.size),
            None => open(&self.folder.join("waiting"))?,
        };
        let longer = size.saturating_add(lines.len() as u64);
        let written = match self.limits.get(MAX_WAITING).check(longer) {
            Err(limit) => Err(io::Error::other(limit)),
            Ok(()) => file.write_all(&lines).and_then(|()| file.sync_data()),
        };
        state.size = if written.is_ok() { longer } else { size };
        // What was written in part goes, so that the next note begins a line; where that fails too, before the next is written.
        if written.is_ok() || file.set_len(size).is_ok() {
            state.file = Some(file);
        }
        written?;
        if state.known.len().saturating_add(new.len()) > MOST_REMEMBERED {
            state.known.clear();
        }
        state.known.extend(new);
        Ok(())
    }
}

/// What is noted once in a while, however often it is seen.
#[derive(PartialEq, Eq, Hash)]
enum About {
    Part(Sha256, Place),
    Alert(Sha256, Vec<String>),
}

/// What a note is about, if it is one that comes often. Others are always noted: another webhook may have noted the opposite.
fn about(note: &Note) -> Option<About> {
    match note {
        Note::Runs { sha256, at, part: true, .. } => Some(About::Part(*sha256, at.clone())),
        Note::Alert { sha256, rules } => Some(About::Alert(*sha256, rules.clone())),
        Note::Runs { .. } | Note::Ended { .. } => None,
    }
}

/// The file of what waits. A line that a crash cut off goes, so that the next one is whole: it was not acknowledged, and to
/// make a file shorter takes no room on a full disk.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut size = file.metadata()?.len();
    let mut part = Vec::new();
    while size > 0 {
        let from = size.saturating_sub(LONGEST_NOTE as u64);
        file.seek(SeekFrom::Start(from))?;
        part.resize(usize::try_from(size.saturating_sub(from)).map_err(io::Error::other)?, 0);
        file.read_exact(&mut part)?;
        let last = part.iter().rposition(|byte| *byte == b'\n');
        size = last.map_or(from, |last| from.saturating_add(last as u64).saturating_add(1));
        if last.is_some() {
            break;
        }
    }
    file.set_len(size)?;
    Ok((file, size))
}

impl Records for Waiting {
    fn record(&self, notes: Vec<Note>) -> Result<(), LedgerError> {
        self.write(&notes).map_err(|error| LedgerError {
            what: "keep what is to be recorded",
            cause: Some(Box::new(error)),
        })
    }
}
