//! The files of a repository at a commit, of which a client fetches one after the other: each is judged beside those that
//! say what it is or who signed it, fetched and let through before it.

use std::pin::Pin;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Method, StatusCode};
use lazaret_core::Stored;

use crate::net::answer::Refusal;
use crate::net::client::Call;
use crate::net::upstream::Upstream;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::hugging_face::file::{Named, clear};
use crate::updates::hugging_face::route::{Repository, Route};
use crate::updates::hugging_face::{page, passed};
use crate::updates::obtain::{Beside, blocking, refusal};

/// Who asks, and what it told the hub to be let in.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) by: Asker,
    pub(super) secret: Option<HeaderValue>,
}

/// A repository at a commit, and who asks.
#[derive(Clone)]
pub(crate) struct Within {
    pub(super) hub: Arc<Upstream>,
    pub(super) repository: Repository,
    pub(super) commit: String,
    pub(super) caller: Caller,
}

impl Within {
    /// The cleared files that one of it is judged beside. One that is held, or that the hub does not give, is not among them.
    pub(crate) fn beside(
        self,
        updates: Arc<Updates>,
        stored: Stored,
    ) -> Pin<Box<dyn Future<Output = Result<Beside, Refusal>> + Send>> {
        // What is beside it is fetched as it was: a future within itself.
        Box::pin(async move {
            let gate = Arc::clone(&updates.gate);
            let of = stored.clone();
            if !blocking(move || gate.crossings.has_companions(&of)).await? {
                return Ok(Beside::nothing());
            }
            let Some(names) = self.names(&updates).await? else {
                // Another client may be told, or a later one.
                return Ok(Beside { is_all: false, ..Beside::nothing() });
            };
            let gate = Arc::clone(&updates.gate);
            let companions = blocking(move || gate.crossings.companions(&stored, &names)).await?;
            let mut beside = Beside::nothing();
            for file in companions {
                let wanted = Named {
                    repository: self.repository.clone(),
                    revision: self.commit.clone(),
                    file: file.clone(),
                };
                let sha256 = match clear(&updates, &self.hub, &wanted, self.caller.clone()).await {
                    Ok(sha256) => sha256,
                    Err(refusal) if is_for_good(&refusal) => {
                        // It may be admitted, or be there for another client.
                        beside.is_all = false;
                        continue;
                    }
                    Err(refusal) => return Err(refusal),
                };
                let gate = Arc::clone(&updates.gate);
                let found = blocking(move || gate.beside(sha256, &file)).await?;
                match found.map_err(|error| error.refusal())? {
                    Some(found) => beside.files.push(found),
                    None => beside.is_all = false,
                }
            }
            Ok(beside)
        })
    }

    /// The names of its files, as the hub lists them. None where it does not list them, or not for this client.
    async fn names(&self, updates: &Updates) -> Result<Option<Vec<String>>, Refusal> {
        let repository = self.repository.to_string();
        let key = ["hub-files", repository.as_str(), self.commit.as_str()];
        if let Some(names) = updates.note(&key).await? {
            return Ok(Some(names.lines().map(str::to_owned).collect()));
        }
        let info = Route::Info { repository: self.repository.clone(), revision: Some(self.commit.clone()) };
        let url = self.hub.base().below(&info.path(), None);
        let url = url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        let call = Call::new(Method::GET, url).with(AUTHORIZATION, self.caller.secret.clone());
        let answer = updates.client.stay(&self.hub, call).await.map_err(|trouble| refusal(&trouble))?;
        let answer = match passed(answer) {
            Err(refusal) if is_for_good(&refusal) => return Ok(None),
            answer => answer?,
        };
        let page = answer.page(updates.client.max_page()).await.map_err(|trouble| refusal(&trouble))?;
        // A mirror may have files and no pages.
        let Some(names) = page::files(&page, &updates.limits) else { return Ok(None) };
        updates.keep(&key, names.join("\n")).await?;
        Ok(Some(names))
    }
}

/// Whether asking again would change nothing: it is held, not there, or not for this client.
fn is_for_good(refusal: &Refusal) -> bool {
    matches!(refusal.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED)
}
