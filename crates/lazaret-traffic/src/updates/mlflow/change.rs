//! Requests that put a version of a model to use: it is made, gets an alias, or moves to a stage. Each is passed on once all
//! files of the version are cleared. What takes a version out of use always goes. And requests that finish a logged model: as
//! ready while none of its files waits, as failed always.

use std::sync::Arc;

use axum::http::StatusCode;
use lazaret_input::json::{self, Node};

use crate::net::answer::Refusal;
use crate::updates::gate::Asked;
use crate::updates::mlflow::ROUTE;
use crate::updates::mlflow::lineage::lineage;
use crate::updates::mlflow::model::{Version, cleared, text};
use crate::updates::mlflow::route::Route;
use crate::updates::mlflow::server::Asking;
use crate::updates::mlflow::source::Source;
use crate::updates::mlflow::waiting;
use crate::updates::obtain::blocking;

/// What the source of a prompt says: a prompt is a text, and has no files. The server takes no other for one.
const OF_PROMPTS: [&str; 2] = ["dummy-source", "prompt-template"];

/// Stages of versions that are not in use.
const OUT_OF_USE: [&str; 2] = ["archived", "none"];

/// How a logged model is finished that did not become one, by name and by number.
const FAILED: [&str; 2] = ["LOGGED_MODEL_UPLOAD_FAILED", "3"];

/// Whether a request may be passed on; gives the logged model that it finishes as failed, if it does.
pub(crate) async fn allowed<'r>(
    asking: &Asking,
    route: &'r Route,
    body: &[u8],
) -> Result<Option<&'r str>, Refusal> {
    let version = match route {
        Route::Finish(id) if fails(asking, id, body)? => return Ok(Some(id)),
        Route::Finish(id) => {
            waiting::ready(asking, id).await?;
            return Ok(None);
        }
        Route::Register => made(asking, body)?,
        Route::Alias | Route::Stage => {
            let Some((name, number)) = put_to_use(asking, route, body)? else { return Ok(None) };
            known(asking, name, number).await?
        }
        _ => return Ok(None),
    };
    if !OF_PROMPTS.contains(&version.said.as_str()) {
        cleared(asking, version).await?;
    }
    Ok(None)
}

/// Whether a request finishes a logged model as failed. The server goes by the model in the body, so it must be that of the
/// address.
fn fails(asking: &Asking, id: &str, body: &[u8]) -> Result<bool, Refusal> {
    read(asking, body, |root| {
        let named: Vec<Node<'_, '_>> =
            ["model_id", "modelId"].iter().filter_map(|key| root.get(key)).collect();
        if named.is_empty() || !named.iter().all(|named| named.as_str() == Some(id)) {
            return None;
        }
        let status = root.get("status")?;
        let status = status.as_str().or_else(|| status.as_number())?;
        Some(FAILED.contains(&status))
    })
}

/// The version that a request makes.
fn made(asking: &Asking, body: &[u8]) -> Result<Version, Refusal> {
    read(asking, body, |root| {
        let run = root.get("run_id").or_else(|| root.get("runId")).and_then(|run| run.as_str());
        let said = text(root, "source")?;
        Some(Version {
            name: text(root, "name")?,
            revision: None,
            source: Source::parse(&said),
            said,
            run: run.filter(|run| !run.is_empty()).map(str::to_owned),
        })
    })
}

/// The name and number of the version that a request puts to use; none where it takes it out.
fn put_to_use(asking: &Asking, route: &Route, body: &[u8]) -> Result<Option<(String, String)>, Refusal> {
    read(asking, body, |root| {
        let version = root.get("version")?;
        let version = version.as_str().or_else(|| version.as_number())?.to_owned();
        if *route == Route::Stage {
            let stage = root.get("stage")?.as_str()?;
            if OUT_OF_USE.iter().any(|out| stage.eq_ignore_ascii_case(out)) {
                return Some(None);
            }
        }
        Some(Some((text(root, "name")?, version)))
    })
}

/// Reads a request as strictly as its words weigh: what another reader could read otherwise is refused.
fn read<T>(asking: &Asking, body: &[u8], of: impl FnOnce(Node<'_, '_>) -> Option<T>) -> Result<T, Refusal> {
    let parsed = json::parse(body, &asking.updates.limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty());
    document.and_then(|document| of(document.root())).ok_or_else(|| {
        let why = "lazaret passes on what puts a model to use if it is one JSON object that names the model, and its source, \
                   version or status";
        Refusal::new(StatusCode::BAD_REQUEST, why)
    })
}

/// A version that is there already, as the server tells of it: from where it would be fetched.
async fn known(asking: &Asking, name: String, version: String) -> Result<Version, Refusal> {
    let query = [("name", name.as_str()), ("version", version.as_str())];
    let told = asking.told("api/2.0/mlflow/model-versions/get", &query, |root| {
        let version = root.get("model_version")?;
        Some((text(version, "source")?, text(version, "run_id").filter(|run| !run.is_empty())))
    });
    let (said, run) = told.await?;
    let source = Some(Source::Version { name: name.clone(), version: version.clone() });
    Ok(Version { name, revision: Some(version), source, said, run })
}

/// A version whose files cannot be read through the server: that it is put to use is recorded, and that nothing of it was
/// inspected. Where verdicts are only recorded it goes all the same.
pub(crate) async fn unread(asking: &Asking, version: &Version, why: &str) -> Result<(), Refusal> {
    let Version { name, said, .. } = version;
    let asked = Asked {
        by: asking.by.clone(),
        route: ROUTE,
        from: asking.url("api/2.0/mlflow/model-versions", None)?,
        model: name.clone(),
        revision: version.revision.clone(),
        file: String::new(),
    };
    let lineage = lineage(asking, version.run.as_ref()).await?;
    let (gate, why_unseen) = (Arc::clone(&asking.updates.gate), why.to_owned());
    let held = blocking(move || gate.pass_unseen(&asked, lineage, why_unseen)).await?;
    let Some(held) = held.map_err(|error| error.refusal())? else {
        tracing::warn!(
            route = ROUTE,
            "a model's files lie where the MLflow server does not list them: not inspected"
        );
        return Ok(());
    };
    let said: String = said.chars().take(200).collect();
    let why = format!(
        "lazaret refuses {name} from `{said}`: {why}, so its files were not inspected. Log the model to the server's own \
         artifacts (mlflow-artifacts:/…, runs:/RUN/PATH, models:/ID) and register it from there. Receipt {}",
        held.receipt
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, why))
}
