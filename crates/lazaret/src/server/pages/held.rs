//! `/quarantine/{id}`: why one record is kept back, and how it is settled.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use lazaret_vault::{HeldFinding, HoldState, VaultFailure};

use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Code, Size, Toned as _, When};
use crate::server::{ConsoleState, Rooms};

/// Findings shown.
const MOST_FINDINGS: usize = 500;

#[derive(Template)]
#[template(path = "held.html")]
struct Held {
    id: Code,
    crossing: Code,
    record: u64,
    kind: String,
    findings: Vec<HeldFinding>,
    more_findings: usize,
    releasable: bool,
    received: When,
    bytes: Size,
    sealed_under: &'static str,
    open: bool,
    cut: bool,
    state: &'static str,
    /// Of a model's file.
    sha256: Option<Code>,
    settled: Option<When>,
    settled_by: Option<String>,
    settled_second: Option<String>,
}

/// `/quarantine/{id}`
pub(crate) async fn page(State(state): State<ConsoleState>, Path(id): Path<String>) -> Response {
    made(state, move |rooms| held(rooms, &id)).await
}

fn held(rooms: &Rooms, id: &str) -> Result<Held, Trouble> {
    let held = rooms.vault.held(super::quarantine::parse(id)?).map_err(|error| match error {
        VaultFailure::UnknownHold(_) => Trouble::NotFound("no record of this id is kept back"),
        other => Trouble::Vault(other),
    })?;
    let mut findings = held.findings;
    let more_findings = findings.len().saturating_sub(MOST_FINDINGS);
    findings.truncate(MOST_FINDINGS);
    Ok(Held {
        id: Code(held.id.to_string()),
        crossing: Code(held.id.crossing.to_string()),
        record: held.id.record,
        kind: held.kind,
        findings,
        more_findings,
        releasable: held.releasable,
        received: When(held.received.to_string()),
        bytes: Size(held.bytes),
        sealed_under: if held.of_subject { "the secret of its patient" } else { "the key of the quarantine" },
        open: held.state == HoldState::Held,
        cut: held.cut,
        state: held.state.name(),
        sha256: held.sha256.map(Code),
        settled: held.settled.map(|at| When(at.to_string())),
        settled_by: held.settled_by,
        settled_second: held.settled_second,
    })
}
