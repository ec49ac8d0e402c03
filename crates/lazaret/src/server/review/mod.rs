//! The pages on which reviewers say what is no identifier and what was missed: each such word is a proposed entry of the
//! hospital's knowledge, weighed on its gold, and approved by another reviewer. They show texts, so they are served to this
//! machine alone, under an address that only who started them knows, and to those who signed in with their token. A text
//! that is pasted is kept nowhere; what is proposed is. The notes of the gold are read here and changed on the pages of
//! `phi annotate` alone. The one script is that of those pages.
//!
//! | file | what is in it |
//! |---|---|
//! | `sessions` | who signed in |
//! | `gold` | the notes of the gold, each beside what is found in it |
//! | `text` | a text with what is found in it, and the entry that a word about it would make |
//! | `proposal` | the proposals, what one does to the gold, and the decision |

use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use lazaret_core::{Limit, chain};
use lazaret_vault::SqliteVault;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::exit::CliError;
use crate::knowledge::Watched;
use crate::proposals::{Proposals, Refused, reviewers};
use crate::server::answer::HTML;
use crate::server::{Hosts, guard, pages};

mod gold;
mod proposal;
mod sessions;
mod text;

use sessions::Sessions;

/// Longest text that is looked at, in bytes.
pub(crate) const MAX_TEXT: Limit = Limit::new("review.max_text", 1 << 20);
/// Largest body of the other forms, in bytes.
const MAX_FORM: usize = 64 << 10;
/// A form sends a byte as three signs at most, a line end as six.
const AS_FORM: usize = 6;
/// Pages made at once; others wait.
const AT_ONCE: usize = 4;

/// What the pages work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReviewState(Arc<Rooms>);

struct Rooms {
    config: Config,
    proposals: Proposals,
    scanner: Watched,
    vault: Arc<SqliteVault>,
    sessions: Sessions,
    /// One decision at a time: each opens the ledger for writing.
    deciding: Mutex<()>,
    turns: Arc<Semaphore>,
    /// `/SECRET/`
    at: String,
}

/// Who signed in.
#[derive(Clone)]
struct Who(Arc<str>);

impl ReviewState {
    /// Over a vault that is open. Ends decisions that were cut short.
    pub(crate) fn new(config: &Config, vault: Arc<SqliteVault>, secret: &str) -> Result<Self, CliError> {
        if config.reviewers().next().is_none() {
            let why =
                "there are no reviewers: `lazaret phi knowledge reviewer NAME` makes one's token and line";
            return Err(CliError::Usage(why.to_owned()));
        }
        let rooms = Rooms {
            config: config.clone(),
            proposals: Proposals::open(config)?,
            scanner: Watched::new(config)?,
            vault,
            sessions: Sessions::default(),
            deciding: Mutex::new(()),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            at: format!("/{secret}/"),
        };
        if rooms.proposals.is_any_left()? {
            rooms.with_data(|data| rooms.proposals.end_left(data))?;
        }
        Ok(Self(Arc::new(rooms)))
    }
}

impl Rooms {
    /// Opens the ledger for as long as a decision takes: other commands may write between.
    fn with_data<T>(
        &self,
        work: impl FnOnce(&crate::compose::Data) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let _alone = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let data = crate::compose::Data::open_over(&self.config, Arc::clone(&self.vault))?;
        let done = work(&data);
        data.close()?;
        done
    }
}

/// Every page under `/SECRET/`, behind the guard; all but the sign-in for those who signed in.
pub(crate) fn router(state: ReviewState, hosts: Hosts) -> Router {
    let at = |path: &str| format!("{}{path}", state.0.at);
    let most = state.0.config.limits().get(MAX_TEXT).most();
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(AS_FORM).saturating_add(MAX_FORM);
    Router::new()
        .route(&at("gold"), get(gold::list))
        .route(&at("gold/{key}"), get(gold::note))
        .route(&at("text"), post(text::look).layer(DefaultBodyLimit::max(most)))
        .route(&at("draft"), post(text::draft).layer(DefaultBodyLimit::max(most)))
        .route(&at("propose"), post(text::propose).layer(DefaultBodyLimit::max(MAX_FORM)))
        .route(
            &at("proposals/{id}"),
            get(proposal::page).post(proposal::decide).layer(DefaultBodyLimit::max(MAX_FORM)),
        )
        .route(&at("sign-out"), post(sign_out))
        .layer(from_fn_with_state(state.clone(), signed_in))
        .route(&at(""), get(front))
        .route(&at("sign-in"), post(sign_in).layer(DefaultBodyLimit::max(MAX_FORM)))
        .route(&at("console.css"), get(pages::assets::stylesheet))
        .route(&at("select.js"), get(pages::assets::select))
        .with_state(state)
        .fallback(no_such_page)
        .layer(from_fn_with_state(hosts, guard::admit_changes))
        .layer(from_fn(guard::headers_of_forms))
}

/// In words alone: the console's page for this leads to pages that are not here.
async fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, "there is no page at this address\n").into_response()
}

/// The same with a reason.
fn not_found(why: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("{why}\n")).into_response()
}

async fn signed_in(State(state): State<ReviewState>, mut request: Request, next: Next) -> Response {
    let Some(who) = state.0.sessions.who(session_of(request.headers())) else {
        return sign_in_page(&state, None);
    };
    request.extensions_mut().insert(Who(who));
    next.run(request).await
}

/// The session a request bears.
fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).map(str::trim);
    pairs.find_map(|pair| pair.strip_prefix(sessions::COOKIE).and_then(|rest| rest.strip_prefix('=')))
}

#[derive(Template)]
#[template(path = "review_sign_in.html")]
struct SignInPage<'a> {
    at: &'a str,
    wrong: Option<&'a str>,
}

fn sign_in_page(state: &ReviewState, wrong: Option<&str>) -> Response {
    match (SignInPage { at: &state.0.at, wrong }).render() {
        Ok(text) => (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, HTML)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn front(state: State<ReviewState>, headers: HeaderMap) -> Response {
    match state.0.0.sessions.who(session_of(&headers)) {
        Some(who) => proposal::list(state, Extension(Who(who))).await,
        None => sign_in_page(&state.0, None),
    }
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

async fn sign_in(State(state): State<ReviewState>, form: Result<Form<SignIn>, FormRejection>) -> Response {
    let asked = match form_of(form, None) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let Some(who) = reviewers::who(&state.0.config, &asked.token) else {
        tracing::warn!("a sign-in with a token that no reviewer has");
        return sign_in_page(&state, Some("no reviewer has this token"));
    };
    let Ok(session) = state.0.sessions.begin(&who) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Sent to these pages alone: a server on another port of this machine has no page under this path. No `Secure`: there
    // is no TLS on the loopback interface.
    let cookie = format!("{}={session}; Path={}; HttpOnly; SameSite=Strict", sessions::COOKIE, state.0.at);
    (StatusCode::SEE_OTHER, [(LOCATION, state.0.at.clone()), (SET_COOKIE, cookie)]).into_response()
}

async fn sign_out(State(state): State<ReviewState>, headers: HeaderMap) -> Response {
    state.0.sessions.end(session_of(&headers));
    to(state.0.at.clone())
}

/// To a page, so that loading it again sends nothing twice.
fn to(place: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response()
}

/// What a form sent. Where it cannot be read, words without a value of it.
fn form_of<T>(form: Result<Form<T>, FormRejection>, limit: Option<Limit>) -> Result<T, Box<Response>> {
    match form {
        Ok(Form(form)) => Ok(form),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let why = limit.map_or_else(|| "the form is too long".to_owned(), too_long);
            Err(Box::new((StatusCode::PAYLOAD_TOO_LARGE, why).into_response()))
        }
        Err(rejection) => Err(Box::new((rejection.status(), "not a form of these pages\n").into_response())),
    }
}

fn too_long(limit: Limit) -> String {
    format!(
        "the text is longer than {} bytes (limit `{}`); to raise it, set it under [limits]\n",
        limit.most(),
        limit.key()
    )
}

/// Makes a page or another answer on a blocking thread, so many at once.
async fn work(
    state: ReviewState,
    work: impl FnOnce(&Rooms) -> Result<Response, Refused> + Send + 'static,
) -> Response {
    let Ok(turn) = Arc::clone(&state.0.turns).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&state.0);
        drop(turn); // here, not in the request: a request given up frees no thread
        done
    });
    match done.await {
        Ok(Ok(response)) => response,
        Ok(Err(refused)) => (status(&refused), format!("{}\n", told(&refused))).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn status(refused: &Refused) -> StatusCode {
    match refused {
        Refused::Wrong(_) | Refused::Unconfirmed(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Conflict(_) => StatusCode::CONFLICT,
        Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Why, for a page, and for the log where a person must act.
fn told(refused: &Refused) -> String {
    if let Refused::Failed(error) = refused {
        let why = chain(error);
        tracing::error!(why, "a page of proposals");
        return why;
    }
    refused.to_string()
}

/// A page, or that it could not be written.
fn page(status: StatusCode, page: &impl Template) -> Result<Response, Refused> {
    let text = page.render().map_err(|error| CliError::failed("the page could not be written", error))?;
    Ok((status, [(CONTENT_TYPE, HTML)], text).into_response())
}
