//! Who signed in: held in memory alone, so a new start asks everybody again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazaret_core::{Random as _, hex};
use lazaret_ledger::merkle::sha256;
use lazaret_vault::SystemRandom;

/// The cookie's name.
pub(super) const COOKIE: &str = "lazaret-review";
/// How long a sign-in holds.
const HOLDS: Duration = Duration::from_hours(8);
/// Most at once; the oldest goes.
const MOST: usize = 200;

#[derive(Default)]
pub(super) struct Sessions(Mutex<Vec<Session>>);

struct Session {
    /// Digest of what the cookie holds.
    digest: [u8; 32],
    who: Arc<str>,
    begun: Instant,
}

impl Sessions {
    /// Begins one. Gives what the cookie holds.
    pub(super) fn begin(&self, who: &str) -> Result<String, lazaret_core::RandomError> {
        let mut bytes = [0_u8; 32];
        SystemRandom.fill(&mut bytes)?;
        let session = hex(&bytes);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(Session::holds);
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push(Session { digest: sha256(session.as_bytes()), who: Arc::from(who), begun: Instant::now() });
        Ok(session)
    }

    /// Whose it is.
    pub(super) fn who(&self, session: Option<&str>) -> Option<Arc<str>> {
        // Digests are compared, so how long it takes tells nothing of a session.
        let digest = sha256(session?.as_bytes());
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|one| one.digest == digest && one.holds()).map(|one| Arc::clone(&one.who))
    }

    /// Ends one.
    pub(super) fn end(&self, session: Option<&str>) {
        let Some(session) = session else { return };
        let digest = sha256(session.as_bytes());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| one.digest != digest);
    }
}

impl Session {
    fn holds(&self) -> bool {
        self.begun.elapsed() < HOLDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_owners_until_it_ends() {
        let sessions = Sessions::default();
        let (one, two) = (sessions.begin("ana").unwrap(), sessions.begin("ben").unwrap());
        assert_eq!(sessions.who(Some(&one)).as_deref(), Some("ana"));
        assert_eq!(sessions.who(Some(&two)).as_deref(), Some("ben"));
        assert!(sessions.who(None).is_none() && sessions.who(Some("")).is_none());
        sessions.end(Some(&one));
        assert!(sessions.who(Some(&one)).is_none() && sessions.who(Some(&two)).is_some());
        for _ in 0..MOST {
            sessions.begin("cy").unwrap();
        }
        assert!(sessions.who(Some(&two)).is_none(), "the oldest went");
    }
}
