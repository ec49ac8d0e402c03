//! A page made on a blocking thread, or the page that says why not.

use askama::Template;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use lazaret_ledger::{BomError, ProofError, StoreError};
use lazaret_vault::VaultFailure;

use crate::exit::CliError;
use crate::server::{ConsoleState, Rooms};

/// What a browser is told of a page.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Why there is no page. Nothing here names a value of a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nothing of that name.
    #[error("{0}")]
    NotFound(&'static str),
    /// Not yet.
    #[error("{0}")]
    NotYet(String),
    /// The address makes no sense.
    #[error("{0}")]
    Asked(&'static str),
    /// The ledger failed.
    #[error("the ledger could not be read")]
    Ledger(#[from] StoreError),
    /// The vault failed.
    #[error("the quarantine could not be read")]
    Vault(#[from] VaultFailure),
    /// What is known of a model could not be put together.
    #[error("what is known of the model could not be read")]
    Model(#[from] CliError),
    /// The page could not be written.
    #[error("the page could not be written")]
    Template(#[from] askama::Error),
    /// The server is ending.
    #[error("the server is ending")]
    Ending,
    /// A page broke off.
    #[error("the page broke off while it was made")]
    Broke,
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotYet(_) => StatusCode::CONFLICT,
            Self::Asked(_) => StatusCode::BAD_REQUEST,
            Self::Ending => StatusCode::SERVICE_UNAVAILABLE,
            Self::Ledger(_) | Self::Vault(_) | Self::Model(_) | Self::Template(_) | Self::Broke => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl From<BomError> for Trouble {
    fn from(error: BomError) -> Self {
        match error {
            BomError::NoModel => Self::NotFound("no complete crossing brought a model of this name"),
            BomError::NoDataset => Self::NotFound("no complete crossing made a dataset of this name"),
            BomError::Store(error) => Self::Ledger(error),
            _ => Self::Broke,
        }
    }
}

impl From<ProofError> for Trouble {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::NoCrossing => Self::NotFound("no crossing of this id is in the ledger"),
            ProofError::NoRecord(_) => Self::NotFound("the crossing has no such record"),
            ProofError::Store(error) => Self::Ledger(error),
            other => Self::NotYet(other.to_string()),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            let cause = std::error::Error::source(&self).map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %self, cause, "console page");
        }
        failure(status, &self.to_string())
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure<'a> {
    code: u16,
    heading: &'a str,
    message: &'a str,
}

fn failure(status: StatusCode, message: &str) -> Response {
    let heading = status.canonical_reason().unwrap_or("Not shown");
    let text = Failure { code: status.as_u16(), heading, message }.render();
    let text = text.unwrap_or_else(|_| message.to_owned());
    (status, [(CONTENT_TYPE, HTML)], text).into_response()
}

/// Makes something from the rooms on a blocking thread, so many at once.
pub(crate) async fn look<T: Send + 'static>(
    state: ConsoleState,
    work: impl FnOnce(&Rooms) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let turn = state.turns.acquire_owned().await.map_err(|_| Trouble::Ending)?;
    let rooms = state.rooms;
    let made = tokio::task::spawn_blocking(move || {
        let made = work(&rooms);
        drop(turn); // here, not in the request: a request given up frees no thread
        made
    });
    made.await.map_err(|_| Trouble::Broke)?
}

/// Makes a page.
pub(crate) async fn page<T: Template>(
    state: ConsoleState,
    work: impl FnOnce(&Rooms) -> Result<T, Trouble> + Send + 'static,
) -> Response {
    match look(state, move |rooms| Ok(work(rooms)?.render()?)).await {
        Ok(text) => ([(CONTENT_TYPE, HTML)], text).into_response(),
        Err(trouble) => trouble.into_response(),
    }
}

/// The page for an address that has none.
pub(crate) async fn no_such_page() -> Response {
    failure(StatusCode::NOT_FOUND, "there is no page at this address")
}

/// The answer to anything but reading.
pub(crate) async fn only_reading() -> Response {
    let mut response = failure(
        StatusCode::METHOD_NOT_ALLOWED,
        "the console only reads; changes are made with the `lazaret` command",
    );
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// The answer to a change that another page sends.
pub(crate) fn from_elsewhere() -> Response {
    (StatusCode::FORBIDDEN, "only the pages of this server may change something\n").into_response()
}

/// The answer to a request for another host.
pub(crate) fn wrong_host() -> Response {
    failure(
        StatusCode::MISDIRECTED_REQUEST,
        "this server answers to localhost, 127.0.0.1 and [::1] with its port, and to no other name",
    )
}
