//! Registries that could not be reached: for a short while nobody waits for one again, and what is here is given meanwhile, of
//! repositories that anybody may read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::net::answer::Refusal;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::updates::Updates;
use crate::updates::obtain::borrowed;
use crate::updates::oci::login::Caller;
use crate::updates::oci::route::Repository;

/// How long a registry that could not be reached is not asked.
const ASKED_AGAIN: Duration = Duration::from_secs(15);

/// What is remembered of a repository that gave nobody in particular a manifest.
const OPEN: &str = "open";

/// The registries that could not be reached, each with the time from which on it is asked again.
#[derive(Default)]
pub(crate) struct Unreached(Mutex<HashMap<String, Instant>>);

impl Unreached {
    /// Whether a registry is not asked now.
    pub(crate) fn is(&self, registry: &Upstream) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name(registry)).copied();
        until.is_some_and(|until| until > Instant::now())
    }

    /// Fails at once where a registry is not asked now.
    pub(crate) fn check(&self, registry: &Upstream) -> Result<(), Refusal> {
        if !self.is(registry) {
            return Ok(());
        }
        let host = registry.base().host();
        let why = format!(
            "lazaret gives nothing out: {host} could not be reached a moment ago; it is asked again after {} seconds",
            ASKED_AGAIN.as_secs()
        );
        Err(Refusal::new(StatusCode::BAD_GATEWAY, why))
    }

    /// Notes why a registry gave nothing, if it was not reached.
    pub(crate) fn note(&self, registry: &Upstream, trouble: &Trouble) {
        let (Trouble::Connect { host, .. } | Trouble::Resolve { host, .. }) = trouble else { return };
        // A server that it sent on to is another.
        if host == registry.base().host()
            && let Some(until) = Instant::now().checked_add(ASKED_AGAIN)
        {
            // As many as there are registries in the settings.
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name(registry), until);
        }
    }
}

fn name(registry: &Upstream) -> String {
    registry.base().to_string()
}

/// Remembers whether a repository lets anybody read, as it has just answered somebody who said nothing of himself.
pub(crate) async fn remember<T>(
    updates: &Updates,
    of: &Repository,
    caller: &Caller,
    answered: &Result<T, Refusal>,
) -> Result<(), Refusal> {
    let said = match answered {
        _ if !matches!(caller, Caller::Nobody) => return Ok(()),
        Ok(_) => OPEN,
        // That something is not there, or asked for too often, says nothing of who may read.
        Err(refused) if matches!(refused.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => "",
        Err(_) => return Ok(()),
    };
    let key = of.key("oci-open", &[]);
    if said.is_empty() && updates.note(&borrowed(&key)).await?.is_none() {
        return Ok(()); // nothing is kept of what nobody was let see
    }
    updates.keep(&borrowed(&key), said.to_owned()).await
}

/// Whether what is here of a repository is given while its registry cannot be reached.
pub(crate) async fn gives(updates: &Updates, of: &Repository) -> Result<bool, Refusal> {
    if !updates.unreached.is(&of.registry) {
        return Ok(false);
    }
    Ok(updates.note(&borrowed(&of.key("oci-open", &[]))).await?.as_deref() == Some(OPEN))
}
