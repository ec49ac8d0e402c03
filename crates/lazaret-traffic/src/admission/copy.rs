//! Verdicts from a copy: of a webhook that is on another host than the ledger.
//!
//! A copy that has become old is still good for what was cleared, because that never changes. How old it is, is said.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use lazaret_core::{LedgerError, Limit, LimitExceeded, Limits};

use super::judge::Verdicts;
use super::named::Model;
use super::standing::{Standing, read};

/// Longest copy of the verdicts.
pub const MAX_LIST: Limit = Limit::new("admission.max_list", 128 << 20);

/// A copy that was not heard to be right for so long is called old.
const OLD: Duration = Duration::from_mins(5);

/// A copy of the verdicts.
#[derive(Default)]
pub struct Copied(RwLock<State>);

#[derive(Default)]
struct State {
    models: HashMap<Model, Arc<Standing>>,
    /// When it was made, as its maker wrote it.
    made: Option<String>,
    /// When its maker was heard last.
    heard: Option<Instant>,
}

/// Why a copy is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A line is none.
    #[error("line {0} of the verdicts cannot be read")]
    Line(usize),
    /// It is too long.
    #[error("the verdicts are refused")]
    Limit(#[from] LimitExceeded),
    /// It was made before the one that is here.
    #[error("they were made before those that are here")]
    Older,
}

impl Copied {
    /// Takes a copy in place of what is here: all of it, or nothing. `heard` says that its maker gave it now.
    pub fn take(&self, lines: &str, made: &str, heard: bool, limits: &Limits) -> Result<(), CopyError> {
        limits.get(MAX_LIST).check(lines.len() as u64)?;
        let mut models = HashMap::new();
        for (number, line) in (1..).zip(lines.lines()) {
            let (model, standing) = read(line.as_bytes(), limits).ok_or(CopyError::Line(number))?;
            models.insert(model, Arc::new(standing));
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Times of one form compare as text.
        if state.made.as_deref().is_some_and(|known| made < known) {
            return Err(CopyError::Older);
        }
        *state = State { models, made: Some(made.to_owned()), heard: heard.then(Instant::now) };
        Ok(())
    }

    /// Its maker says that it is still right.
    pub fn still(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).heard = Some(Instant::now());
    }
}

impl Verdicts for Copied {
    fn look_up(&self, model: &Model) -> Result<Arc<Standing>, LedgerError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if state.made.is_none() {
            return Err(LedgerError {
                what: "tell where a model stands: no verdicts have come yet",
                cause: None,
            });
        }
        Ok(state.models.get(model).cloned().unwrap_or_else(|| Arc::new(Standing::UNSEEN)))
    }

    fn caution(&self) -> Option<String> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = state.heard.is_some_and(|heard| heard.elapsed() < OLD);
        let made = state.made.as_ref().filter(|_| !is_fresh)?;
        Some(format!("its verdicts are of {made}; the server that has the ledger is not reached"))
    }

    fn is_ready(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).made.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::standing::{Word, line};

    #[test]
    fn a_copy_is_taken_whole_or_not_and_never_an_older_one() {
        let copied = Copied::default();
        let limits = Limits::default();
        let model = Model::Revision { name: "m".to_owned(), revision: "1".to_owned() };
        let known = Standing { word: Word::Cleared, ..Standing::UNSEEN };
        assert!(!copied.is_ready() && copied.look_up(&model).is_err());
        let text = line(&model, &known).unwrap() + "\n";
        copied.take(&text, "2026-11-27T10:00:00.000Z", true, &limits).unwrap();
        assert!(matches!(
            copied.take(&(text.clone() + "{}\n"), "2026-11-28", true, &limits),
            Err(CopyError::Line(2))
        ));
        assert!(matches!(copied.take("", "2026-11-27T09:59:59.999Z", true, &limits), Err(CopyError::Older)));
        assert_eq!(copied.look_up(&model).unwrap().word, Word::Cleared);
        assert_eq!(copied.caution(), None);
        let kept = Copied::default();
        kept.take(&text, "2026-11-27T10:00:00.000Z", false, &limits).unwrap();
        assert!(kept.caution().unwrap().contains("2026-11-27T10:00"));
        kept.still();
        assert_eq!(kept.caution(), None);
    }
}
