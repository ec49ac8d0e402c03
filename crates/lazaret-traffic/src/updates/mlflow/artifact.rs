//! Files of models on their way to the server and from it: each is received whole, inspected, decided and recorded before
//! the other side is given its first byte.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use lazaret_core::{LimitExceeded, Sha256, Stored};
use lazaret_input::{FileSource, Spool};
use percent_encoding::percent_decode_str;

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::Answer;
use crate::net::download::{Bounds, Expected, MAX_FILE};
use crate::net::headers::{one, tag};
use crate::net::pace::{Late, Pace};
use crate::net::sent::Sent;
use crate::net::spooling::Spooling;
use crate::net::trouble::Trouble;
use crate::net::url::Url;
use crate::updates::TO_ASK;
use crate::updates::gate::{self, Asked, GateError, Held, Outcome, Pull};
use crate::updates::mlflow::beside;
use crate::updates::mlflow::route::Named;
use crate::updates::mlflow::server::{Asking, told};
use crate::updates::mlflow::source::plain;
use crate::updates::mlflow::waiting::{self, look_again, wait};
use crate::updates::mlflow::{ARTIFACTS, ROUTE, UPLOADS};
use crate::updates::obtain::{Wanted, blocking};

/// A file goes to the server, once it is cleared; from the store, so that what goes is what was inspected.
pub(crate) async fn put(
    asking: &Asking,
    path: &str,
    request: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    if request.headers.contains_key(CONTENT_ENCODING) {
        let why = "lazaret takes files as they are, and not encoded: what is kept must be what was inspected";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let (_, asked) = by_path(asking, path)?;
    let asked = Asked { route: UPLOADS, ..asked };
    let most = asking.updates.limits.get(MAX_FILE);
    let announced = one(&request.headers, CONTENT_LENGTH).and_then(|len| len.parse().ok());
    most.check(announced.unwrap_or(0)).map_err(too_large)?;
    asking.updates.gate.room.check(announced.unwrap_or(0))?;
    // What is on its way takes room on the disk: so many at once, and no more.
    let sending = tokio::time::timeout(TO_ASK, Arc::clone(&asking.updates.uploads).acquire_owned()).await;
    let sending = sending.map_err(|_| too_many())?.map_err(|_| broke_off())?;
    let spool = asking.updates.spool().await?;
    let pace = asking.updates.client.pace();
    let stored = receive(body, spool, asked.file.clone(), &asking.updates.bounds(), pace).await?;
    drop(sending);
    let judged = judge(asking, &asked, stored).await?;
    // Goes on where the client goes away, so that what came of it is recorded.
    let asking = asking.clone();
    let sending = tokio::spawn(async move {
        match judged {
            Judged::Cleared(sha256, file) => {
                let answer = send(&asking, &asked, sha256, file).await?;
                if answer.status().is_success() {
                    look_again(&asking, &asked).await?;
                }
                Ok(answer)
            }
            Judged::Held(held, stored) => wait(&asking, &asked, &held, stored).await,
        }
    });
    sending.await.map_err(|_| Refusal::from(Trouble::Ended))?
}

/// What became of a file that was received.
pub(crate) enum Judged {
    /// It is cleared, and in the store.
    Cleared(Sha256, FileSource),
    /// It is held.
    Held(Held, Stored),
}

/// Judges a file that is to go to the server, with what went there beside it.
pub(crate) async fn judge(asking: &Asking, asked: &Asked, stored: Stored) -> Result<Judged, Refusal> {
    let turn = asking.updates.turn().await?;
    let (gate, notes) = (Arc::clone(&asking.updates.gate), Arc::clone(&asking.updates.notes));
    let (key, asked) = (beside::key(asking, asked), asked.clone());
    blocking(move || {
        let beside = beside::files(&gate, &notes, &key, &asked.file)?;
        let passed = gate.pass(&stored, &asked, beside);
        drop(turn);
        match passed.map_err(|error| error.refusal())? {
            Outcome::Cleared(sha256) => {
                let file = gate.cleared(sha256, &asked.file).map_err(|error| error.refusal())?;
                let file = file.ok_or_else(|| GateError::Gone.refusal())?;
                Ok(Judged::Cleared(sha256, file))
            }
            Outcome::Held(held) => Ok(Judged::Held(held, stored)),
        }
    })
    .await?
}

/// Sends a file to the server from the store; if the server takes it, those that come beside it are judged with it.
pub(crate) async fn send(
    asking: &Asking,
    asked: &Asked,
    sha256: Sha256,
    file: FileSource,
) -> Result<Response, Refusal> {
    let len = file.len();
    record(asking, asked, sha256, gate::Sent::Goes).await?;
    let answer = asking.pass(Method::PUT, asked.from.clone(), Sent::File(Arc::new(file), len)).await;
    let came =
        answer.as_ref().map_or(gate::Sent::Unknown, |answer| gate::Sent::Answered(answer.status().as_u16()));
    record(asking, asked, sha256, came).await?;
    let answer = answer?;
    if answer.status().is_success() {
        beside::remember(asking, asked, sha256).await?;
        waiting::went(asking, asked).await?;
    }
    Ok(answer)
}

/// Records what comes of a file that is sent.
async fn record(asking: &Asking, asked: &Asked, sha256: Sha256, came: gate::Sent) -> Result<(), Refusal> {
    let gate = Arc::clone(&asking.updates.gate);
    let sent = Pull { sha256, asked: asked.clone() };
    let recorded = blocking(move || gate.pulls.sent(&sent, came)).await?;
    recorded.map_err(|error| GateError::from(error).refusal())
}

/// The body of a request, into a spool.
async fn receive(
    mut body: Body,
    spool: Spool,
    name: String,
    bounds: &Bounds,
    mut pace: Pace,
) -> Result<Stored, Refusal> {
    let to = Spooling::into(spool);
    let bring = async {
        let mut len = 0_u64;
        loop {
            let frame = pace.next(body.frame()).await.map_err(too_slow)?;
            let Some(frame) = frame else { return Ok(()) };
            let Ok(bytes) = frame.map_err(|_| broke_off())?.into_data() else { continue };
            pace.came(bytes.len() as u64);
            len = len.saturating_add(bytes.len() as u64);
            bounds.file.check(len).map_err(too_large)?;
            bounds.room.check_as_it_comes(len, bytes.len() as u64)?;
            to.write(bytes).await?;
        }
    };
    let brought = bring.await;
    to.end(name, brought).await
}

fn broke_off() -> Refusal {
    let why = "the file broke off on its way to lazaret; nothing of it is kept, send it again";
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

fn too_many() -> Refusal {
    let why =
        "as many files as `updates.max_uploads` allows are on their way to lazaret; send it again later";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn too_slow(late: Late) -> Refusal {
    let why = match late {
        Late::Silent => "nothing more of it came in `gates.models.wait_read`".to_owned(),
        Late::Slow(limit) => format!("it came too slowly: {limit}"),
    };
    Refusal::new(StatusCode::REQUEST_TIMEOUT, format!("lazaret refuses the file: {why}"))
}

fn too_large(limit: LimitExceeded) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("lazaret refuses the file: {limit}"))
}

/// A file comes from the server, once it is cleared.
pub(crate) async fn get(
    asking: &Asking,
    named: &Named,
    path: &str,
    request: &Parts,
) -> Result<Response, Refusal> {
    let (url, asked) = asked(asking, named, path, request.uri.query())?;
    let answer = asking.gets(url).await?;
    let headers = told(&answer);
    let beside = beside::key(asking, &asked);
    let (wanted, tag) = wanted(asking, asked, &answer);
    let obtained = asking.updates.obtain_from(wanted, answer, beside).await?;
    let tag = tag.unwrap_or_else(|| obtained.sha256.to_string());
    let told = Told { len: obtained.len, tag, headers };
    let answer = without_bytes(&request.method, &request.headers, &told);
    Ok(answer.unwrap_or_else(|| with_bytes(&request.headers, &told, obtained.file)))
}

/// A file as a request names it: its address at the server, and what the checkpoint is told of it.
fn asked(asking: &Asking, named: &Named, path: &str, query: Option<&str>) -> Result<(Url, Asked), Refusal> {
    let word = |name: &str| word(query, name);
    let (model, file) = match named {
        Named::Path(path) => return by_path(asking, path),
        Named::Run => (word("run_id").or_else(|| word("run_uuid")), word("path")),
        Named::Version => {
            (word("name").map(|name| [name, word("version").unwrap_or_default()].join("/")), word("path"))
        }
        Named::Logged(model) => (Some(model.clone()), word("artifact_file_path")),
        Named::Trace => (word("request_id"), Some(word("path").unwrap_or_else(|| "traces.json".to_owned()))),
    };
    let (Some(model), Some(file)) = (model, file) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the request names no file"));
    };
    // Without the `/` that the server drops: what is judged has the name under which it is kept.
    let file = plain(&file).ok_or_else(no_name)?.to_owned();
    let url = asking.url(path, query)?;
    Ok((
        url.clone(),
        Asked {
            by: asking.by.clone(),
            route: ROUTE,
            from: url,
            model: format!("mlflow/{model}"),
            revision: None,
            file,
        },
    ))
}

fn no_name() -> Refusal {
    let why = "lazaret does not pass on a file of this name: MLflow would read it as another (it has `%`, `?`, `#` or `;` in it, begins \
               or ends with a space, or begins like an address)";
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

/// The first value of a name in a query, as the server reads it.
fn word(query: Option<&str>, name: &str) -> Option<String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .find(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
        .filter(|value| !value.is_empty())
}

/// The model that a path of the server's artifacts is of, and the file's path in it: `1/models/m-1/artifacts/MLmodel` is
/// `MLmodel` of `mlflow/1/models/m-1`.
fn place(path: &str) -> (String, String) {
    let (model, file) =
        path.split_once("/artifacts/").or_else(|| path.rsplit_once('/')).unwrap_or(("", path));
    let model = if model.is_empty() { "mlflow".to_owned() } else { format!("mlflow/{model}") };
    (model, file.to_owned())
}

/// A file of the server by its path there, as the checkpoint is told of it, and its address.
pub(crate) fn by_path(asking: &Asking, path: &str) -> Result<(Url, Asked), Refusal> {
    let path = plain(path).ok_or_else(no_name)?;
    let url = asking.url(&format!("{ARTIFACTS}/{path}"), None)?;
    let (model, file) = place(path);
    let by = asking.by.clone();
    Ok((url.clone(), Asked { by, route: ROUTE, from: url, model, revision: None, file }))
}

/// A file that an answer begins to give, and the tag that it has there.
pub(crate) fn wanted(asking: &Asking, asked: Asked, answer: &Answer) -> (Wanted, Option<String>) {
    let tag = answer.header(ETAG).and_then(tag).map(str::to_owned);
    let key = ["mlflow-file", asking.workspace(), &asked.from.target()].map(str::to_owned).to_vec();
    let wanted = Wanted {
        asked,
        upstream: Arc::clone(&asking.server),
        secret: None,
        expected: Expected { sha256: None, len: answer.announced() },
        tag: tag.clone(),
        is_large: false,
        key,
        within: None,
    };
    (wanted, tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_a_model_and_a_query_is_read_as_the_server_does() {
        let of = |path: &str| {
            let (model, file) = place(path);
            format!("{model} {file}")
        };
        assert_eq!(of("1/models/m-1/artifacts/data/a.bin"), "mlflow/1/models/m-1 data/a.bin");
        assert_eq!((of("a/b.bin"), of("b.bin")), ("mlflow/a b.bin".to_owned(), "mlflow b.bin".to_owned()));
        let query = Some("run_id=a&path=x%2Fy+z&path=other&p%61th=third");
        assert_eq!(word(query, "path").as_deref(), Some("x/y z"));
        assert_eq!((word(Some("path="), "path"), word(None, "path")), (None, None));
    }
}
