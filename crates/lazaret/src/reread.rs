//! What a server made of files, made anew when they change. A file that cannot be read, or has anything wrong in it, changes
//! nothing: the last good one stays in force, and the log says so.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lazaret_core::{Clock as _, SystemClock};

use crate::exit::CliError;

/// How long a server goes without looking at the files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const DAY: u64 = 86_400_000;

/// Something made of files.
pub(crate) struct Reread<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T, CliError> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    made: T,
    looked: Instant,
    seen: Seen,
    broken: Option<String>,
}

/// When each file was written and how long it was, and the day: entries run out at midnight.
type Seen = (Vec<Option<(SystemTime, u64)>>, u64);

impl<T: Clone> Reread<T> {
    /// Reads for the first time; a server does not start with a broken file. `what` is how the log names it.
    pub(crate) fn new(
        what: &'static str,
        files: Vec<PathBuf>,
        read: impl Fn() -> Result<T, CliError> + Send + Sync + 'static,
    ) -> Result<Self, CliError> {
        let seen = seen(&files);
        let state = State { made: read()?, looked: Instant::now(), seen, broken: None };
        Ok(Self { what, files, read: Box::new(read), state: Mutex::new(state) })
    }

    /// As the files say now.
    pub(crate) fn now(&self) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_AGAIN {
            state.looked = Instant::now();
            let now = seen(&self.files);
            if now != state.seen {
                state.seen = now;
                match (self.read)() {
                    Ok(made) => {
                        tracing::info!(what = self.what, "read again");
                        state.made = made;
                        state.broken = None;
                    }
                    Err(error) => {
                        let why = lazaret_core::chain(&error);
                        tracing::error!(
                            what = self.what,
                            why,
                            "it could not be read; the last good one stays in force"
                        );
                        state.broken = Some(why);
                    }
                }
            }
        }
        state.made.clone()
    }

    /// When the files that are in force were written, and the day: where this is another text, something else may be in force.
    pub(crate) fn state(&self) -> String {
        drop(self.now());
        format!("{:?}", self.state.lock().unwrap_or_else(PoisonError::into_inner).seen)
    }

    /// Looks at the files at the next call: one was just written.
    pub(crate) fn look_again(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.1 = 0;
        state.looked = state.looked.checked_sub(LOOK_AGAIN).unwrap_or(state.looked);
    }

    /// Why the files as they lie there are not in force.
    pub(crate) fn broken(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).broken.clone()
    }
}

fn seen(files: &[PathBuf]) -> Seen {
    let of_file = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    (files.iter().map(of_file).collect(), SystemClock.now().millis() / DAY)
}
