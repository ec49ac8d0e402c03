//! An MLflow server behind the gate (`MLFLOW_TRACKING_URI`): what is told of runs and models goes through as it is, files go
//! to the server and come from it only once they are cleared, and a version of a model is made, named or staged only if all
//! its files are.
//!
//! | file | what is in it |
//! |---|---|
//! | `route` | what a request asks for: passed on, gated, or refused by name |
//! | `server` | asking the server for a client |
//! | `artifact` | files on their way to the server and from it |
//! | `beside` | files that went to the server beside another, which say what it is |
//! | `waiting` | files that came before what says what they are |
//! | `change` | requests that finish a model, or put a version of one to use |
//! | `source` | where a version says that its files lie |
//! | `model` | all files of a version: listed, fetched, passed as one model |
//! | `lineage` | what a run tells of the model that it made |

mod artifact;
pub(crate) mod beside;
mod change;
mod lineage;
mod model;
pub mod route;
mod server;
pub mod source;
mod waiting;

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use lazaret_core::Limit;

use crate::net::answer::Refusal;
use crate::net::sent::Sent;
use crate::net::without::without;
use crate::updates::{TO_ASK, Updates, took_too_long};
use route::Route;
use server::Asking;

pub use model::{MAX_DEPTH, MAX_FILES};
pub(crate) use waiting::Waiting;
pub use waiting::{MAX_WAITING, MAX_WAITING_BYTES};

/// Longest body of a request that is no file: metrics, traces, tags.
pub const MAX_BODY: Limit = Limit::new("mlflow.max_body", 32 << 20);

/// As policies name this proxy: what comes from the server, and is put to use there.
const ROUTE: &str = "mlflow";
/// And what goes to it.
const UPLOADS: &str = "mlflow-upload";
/// Where the server keeps files, below its address.
const ARTIFACTS: &str = "api/2.0/mlflow-artifacts/artifacts";

/// What the server offers that would lead round the gate: clients then ask for it.
const LEFT_OUT: [&str; 4] = [
    "multipart_uploads_enabled",
    "multipart_downloads_enabled",
    "presigned_upload_run_id_supported",
    "presigned_upload_model_id_supported",
];

/// How MLflow's client knows that a large file may go whole instead of in parts: by the beginning of the message.
const NO_UPLOAD: &str = "Multipart upload is not supported for the current artifact repository: lazaret takes files whole, \
                         to inspect them before the server has them";
const NO_DOWNLOAD: &str =
    "Multipart download is not supported for the current artifact repository: lazaret gives files out itself";

/// Answers a request to the server.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    steps: &[&str],
    request: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    // As the server reads them: an escaped `/` parts steps too.
    let path = steps.join("/");
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let route = Route::of(&request.method, &steps).ok_or_else(|| not_known(&path))?;
    let server = updates.upstreams.mlflow.as_ref().ok_or_else(no_server)?;
    if updates.upstreams.offline {
        let why = "lazaret is offline (`gates.models.offline`) and asks no MLflow server";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
    }
    let asking = Asking::new(updates, server, request)?;
    match &route {
        Route::Put(path) => artifact::put(&asking, path, request, body).await,
        Route::File(named) => artifact::get(&asking, named, &path, request).await,
        // No refusal that anybody need look at: the client then sends or asks for the file whole.
        Route::Upload => Ok(Refusal::new(StatusCode::NOT_IMPLEMENTED, NO_UPLOAD).answer()),
        Route::Download => Ok(Refusal::new(StatusCode::NOT_IMPLEMENTED, NO_DOWNLOAD).answer()),
        Route::Refused(why) => {
            let why = format!("lazaret does not pass {} on: {why}", shown(&path));
            Err(Refusal::new(StatusCode::FORBIDDEN, why))
        }
        Route::Info => info(&asking, &path, request).await,
        Route::Plain | Route::Finish(_) | Route::Register | Route::Alias | Route::Stage => {
            let body = whole(updates, body).await?;
            let failed = change::allowed(&asking, &route, &body).await?;
            let url = asking.url(&path, request.uri.query())?;
            let answer = asking.pass(request.method.clone(), url, Sent::Bytes(body)).await?;
            if let Some(model) = failed.filter(|_| answer.status().is_success()) {
                waiting::failed(&asking, model).await?;
            }
            Ok(answer)
        }
    }
}

async fn whole(updates: &Updates, body: Body) -> Result<Bytes, Refusal> {
    let most = usize::try_from(updates.limits.get(MAX_BODY).most()).unwrap_or(usize::MAX);
    let read = tokio::time::timeout(TO_ASK, to_bytes(body, most)).await;
    read.map_err(|_| took_too_long())?.map_err(|_| {
        let why = "the request broke off, or is longer than `mlflow.max_body` allows";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    })
}

/// What the server can do, without what would lead round the gate.
async fn info(asking: &Asking, path: &str, request: &Parts) -> Result<Response, Refusal> {
    let url = asking.url(path, request.uri.query())?;
    let answered = asking.pass(Method::GET, url, Sent::Bytes(Bytes::new())).await?;
    let (mut head, body) = answered.into_parts();
    if head.status != StatusCode::OK {
        return Ok(Response::from_parts(head, body));
    }
    head.headers.remove(CONTENT_LENGTH);
    let page = whole(&asking.updates, body).await?;
    let page = without(&LEFT_OUT, &page, &asking.updates.limits).ok_or_else(|| {
        Refusal::new(StatusCode::BAD_GATEWAY, "the MLflow server does not say in JSON what it can do")
    })?;
    Ok(Response::from_parts(head, Body::from(page)))
}

fn no_server() -> Refusal {
    let why = "lazaret passes no MLflow server on: none is configured in `gates.models.mlflow`";
    Refusal::new(StatusCode::NOT_FOUND, why)
}

fn not_known(path: &str) -> Refusal {
    let why = format!(
        "lazaret does not pass {} on: it is no address of MLflow's that it knows, or not asked in this way",
        shown(path)
    );
    Refusal::new(StatusCode::NOT_FOUND, why)
}

/// As much of a path as a message shows.
fn shown(path: &str) -> String {
    let path: String = path.chars().take(200).collect();
    format!("/{path}")
}
