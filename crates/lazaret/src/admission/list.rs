//! The list of all verdicts, signed by the ledger's key: made where the ledger is, checked where a copy of it is used.
//!
//! ```text
//! lazaret verdicts
//! <the ledger's origin>
//! <when it was made>
//! <SHA-256 of the lines>
//!
//! — <origin> <signature>
//!
//! {"sha256":…,"word":"cleared",…}     a line for each file, and for each model's revision
//! ```

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use lazaret_core::{Clock as _, LedgerError, Limits, Signer, SystemClock, hex};
use lazaret_ledger::note::{NoteError, VerifierKey, sign_note, verify_note};
use lazaret_traffic::admission::copy::MAX_LIST;
use lazaret_traffic::admission::share::{List, Listed};
use ring::digest::{SHA256, digest};

use crate::admission::judged::{Judged, SETTLES};
use crate::admission::verdicts::LedgerVerdicts;

/// The first line of what is signed.
const TITLE: &str = "lazaret verdicts";
/// Admissions end without a word in the ledger, so the list is made anew after this even if nothing was recorded.
const GOOD_FOR: Duration = Duration::from_mins(1);
/// It is made anew for what was recorded since only after so many times what it took: where many models are, not all the time.
const REST: u32 = 4;

/// Makes the list, and keeps it while nothing changes.
pub(crate) struct Lists {
    signer: Arc<dyn Signer>,
    origin: String,
    limits: Limits,
    making: Mutex<Making>,
    /// The last one, for who asks while another is being made.
    last: Mutex<Option<Listed>>,
}

struct Making {
    judged: Judged,
    made: Option<Made>,
}

struct Made {
    /// Entries of the ledger then.
    size: u64,
    /// How long it took.
    took: Duration,
    when: Instant,
    listed: Listed,
}

impl Lists {
    /// Over verdicts, signed under the ledger's name.
    pub(crate) fn new(
        verdicts: LedgerVerdicts,
        signer: Arc<dyn Signer>,
        origin: &str,
        limits: Limits,
    ) -> Self {
        let making = Mutex::new(Making { judged: Judged::new(verdicts), made: None });
        Self { signer, origin: origin.to_owned(), limits, making, last: Mutex::default() }
    }

    fn make(&self, judged: &mut Judged) -> Result<Listed, LedgerError> {
        let anew = judged.renew()?;
        tracing::debug!(anew, "the list of verdicts is made");
        let mut lines = String::new();
        for line in judged.lines() {
            lines.push_str(line);
            lines.push('\n');
            self.limits.get(MAX_LIST).check(lines.len() as u64).map_err(because)?;
        }
        let tag = hex(digest(&SHA256, lines.as_bytes()).as_ref());
        let text = format!("{TITLE}\n{}\n{}\n{tag}\n", self.origin, SystemClock.now());
        let note = sign_note(&text, &self.origin, &*self.signer).map_err(because)?;
        Ok(Listed { tag, body: format!("{note}\n{lines}").into() })
    }
}

pub(super) fn because(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LedgerError {
    LedgerError { what: "list the verdicts", cause: Some(error.into()) }
}

impl List for Lists {
    fn list(&self) -> Result<Listed, LedgerError> {
        let mut making = match self.making.try_lock() {
            Ok(making) => making,
            // While one is being made, the last one is given.
            Err(TryLockError::WouldBlock) => {
                let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let busy =
                    || LedgerError { what: "list the verdicts: the first list is being made", cause: None };
                return last.ok_or_else(busy);
            }
            Err(TryLockError::Poisoned(making)) => making.into_inner(),
        };
        let Making { judged, made } = &mut *making;
        let size = judged.ledger_size()?;
        let good_for = if judged.settles() { SETTLES } else { GOOD_FOR };
        let is_good = |made: &&Made| {
            let age = made.when.elapsed();
            age < made.took.saturating_mul(REST) || (made.size == size && age < good_for)
        };
        if let Some(made) = made.as_ref().filter(is_good) {
            return Ok(made.listed.clone());
        }
        let began = Instant::now();
        let listed = self.make(judged)?;
        let took = began.elapsed();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed.clone());
        *made = Some(Made { size, took, when: Instant::now(), listed: listed.clone() });
        Ok(listed)
    }
}

/// Why a list is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// It has not the form of one.
    #[error("it is no list of verdicts")]
    Form,
    /// It is not signed by the trusted key.
    #[error("its signature does not hold")]
    Note(#[from] NoteError),
    /// The lines are not those that were signed.
    #[error("its lines are not those that were signed")]
    Lines,
}

/// A list that is believed: when it was made, its tag, its lines.
#[derive(Debug)]
pub(crate) struct Believed<'a> {
    pub(crate) made: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) lines: &'a str,
}

/// Reads a list that a trusted key has signed.
pub(crate) fn believed<'a>(list: &'a str, trusted: &VerifierKey) -> Result<Believed<'a>, ListError> {
    // The note is two blocks, each with an empty line after it.
    let text = list.find("\n\n").ok_or(ListError::Form)?;
    let signatures = list.get(text..).and_then(|rest| rest.get(2..)).ok_or(ListError::Form)?;
    let end = signatures.find("\n\n").ok_or(ListError::Form)?;
    let at = text.saturating_add(2).saturating_add(end).saturating_add(1);
    let (note, lines) = list.split_at_checked(at).ok_or(ListError::Form)?;
    let lines = lines.strip_prefix('\n').ok_or(ListError::Form)?;
    let signed: Vec<&str> = verify_note(note, trusted)?.lines().collect();
    let [TITLE, origin, made, tag] = signed.as_slice() else { return Err(ListError::Form) };
    if *origin != trusted.name() {
        return Err(ListError::Form);
    }
    if hex(digest(&SHA256, lines.as_bytes()).as_ref()) != *tag {
        return Err(ListError::Lines);
    }
    Ok(Believed { made, tag, lines })
}

#[cfg(test)]
mod tests {
    use lazaret_vault::SystemRandom;
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    struct Key(Ed25519KeyPair);

    impl Signer for Key {
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], lazaret_core::VaultError> {
            Ok(self.0.sign(message).as_ref().try_into().unwrap())
        }
        fn public_key(&self) -> [u8; 32] {
            self.0.public_key().as_ref().try_into().unwrap()
        }
    }

    fn signed(lines: &str) -> (String, VerifierKey) {
        let mut seed = [0; 32];
        lazaret_core::Random::fill(&SystemRandom, &mut seed).unwrap();
        let key = Key(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap());
        let tag = hex(digest(&SHA256, lines.as_bytes()).as_ref());
        let text = format!("{TITLE}\na.example/ledger\n2026-11-27T10:00:00.000Z\n{tag}\n");
        let note = sign_note(&text, "a.example/ledger", &key).unwrap();
        (format!("{note}\n{lines}"), VerifierKey::new("a.example/ledger", key.public_key()).unwrap())
    }

    #[test]
    fn a_list_is_believed_as_it_was_signed() {
        for lines in ["", "{}\n", "{}\n{}\n"] {
            let (list, key) = signed(lines);
            let believed = believed(&list, &key).unwrap();
            assert_eq!((believed.made, believed.lines), ("2026-11-27T10:00:00.000Z", lines));
        }
        let (list, _) = signed("{}\n");
        assert!(believed(&list, &signed("").1).is_err(), "another key");
    }

    proptest! {
        #[test]
        fn a_list_with_one_byte_changed_is_not_believed(at in 0_usize..400, by in 1_u8..255) {
            let (list, key) = signed("{\"word\":\"cleared\"}\n");
            let mut bytes = list.into_bytes();
            let at = at % bytes.len();
            bytes[at] = bytes[at].wrapping_add(by);
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(believed(&text, &key).is_err());
            }
        }
    }
}
