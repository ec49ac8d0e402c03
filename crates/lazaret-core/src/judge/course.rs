//! What is done about a decision: what the policy decided, and what modes, break-glass, care-critical routes and
//! orders make of it.

use super::doing::{Doing, Grave};
use super::looking::Inspected;
use super::{Judge, Task};
use crate::{Decision, Mode, Ordered, Recipient, Verdict};

/// What is done with a record.
pub(super) struct Course {
    pub(super) verdict: Verdict,
    pub(super) release: Release,
    /// Why no detector looked, where it crosses all the same.
    pub(super) uninspected: Option<String>,
    /// The reason that is not the policy's own.
    pub(super) policy: Option<&'static str>,
}

/// In which form it goes on, if it does.
pub(super) enum Release {
    Held,
    AsItIs,
    Edited { redact_all: bool },
}

impl Judge {
    /// What is done about a decision: modes, break-glass and care-critical routes have their say here.
    pub(super) fn course(
        &self,
        task: Task<'_>,
        inspected: &Inspected<'_>,
        decision: &Decision,
    ) -> Result<Course, Grave> {
        let Task { crossing, record, doings, .. } = task;
        let mut course =
            Course { verdict: decision.verdict, release: Release::Held, uninspected: None, policy: None };
        let inside = crossing.recipient != Recipient::Public;
        if crossing.mode == Mode::Observe {
            course.release = Release::AsItIs;
            return Ok(course);
        }
        if let Some(glass) = &crossing.override_by {
            let digest = match &inspected.subject {
                Some(subject) if glass.is_for_subject() => {
                    Some(self.vault.digest(Some(subject), b"override")?.to_string())
                }
                _ => None,
            };
            if glass.holds(&crossing.route, digest.as_deref(), crossing.recipient, crossing.started) {
                course.verdict = Verdict::Override;
                course.release = Release::AsItIs;
                return Ok(course);
            }
        }
        if crossing.care_critical.is_some() && crossing.recipient == Recipient::Internal {
            if let Some(reason) = &inspected.failed {
                course.uninspected = Some(reason.clone());
                course.release = Release::AsItIs;
                course.verdict = Verdict::Allow;
                course.policy = Some("care-critical");
                return Ok(course);
            }
            // A care-critical route never redacts or shifts: what may cross, crosses as it is.
            if !decision.verdict.holds() {
                course.release = Release::AsItIs;
                course.verdict = Verdict::Allow;
                course.policy = Some("care-critical");
                return Ok(course);
            }
        }
        if inspected.reading.is_none() && !course.verdict.holds() {
            course.verdict = Verdict::Quarantine; // what cannot be read is never allowed
        }
        if course.verdict.holds()
            && inspected.failed.is_none()
            && let Some(sha256) = record.body().sha256()
        {
            doings.set(Doing::Ledger);
            let admission = self.ledger.admitted(sha256, crossing.started).map_err(Grave::Ledger)?;
            doings.set(Doing::Vault);
            // What policy blocks takes two persons.
            if admission.is_some_and(|admission| admission.by_two || course.verdict != Verdict::Block) {
                course.verdict = Verdict::Allow;
                course.policy = Some("admitted-by-order");
            }
        }
        let released = crossing.order.as_ref().is_some_and(|order| order.what == Ordered::Release);
        if released && course.verdict.holds() && inspected.reading.is_some() && inspected.failed.is_none() {
            // Persons let it through: never as it is, and never what no detector could look at.
            course.verdict = Verdict::Tokenise;
            course.policy = Some("released-by-order");
        }
        course.release = match course.verdict {
            Verdict::Allow if !inspected.hits.is_empty() && !inside => {
                // A policy that lets identifiers out to a public service is a mistake; the floor is redaction.
                course.verdict = Verdict::Redact;
                Release::Edited { redact_all: true }
            }
            Verdict::Allow => Release::AsItIs,
            Verdict::Tokenise => Release::Edited { redact_all: false },
            Verdict::Redact => Release::Edited { redact_all: true },
            Verdict::Quarantine | Verdict::Block | Verdict::Override => Release::Held,
        };
        Ok(course)
    }
}
