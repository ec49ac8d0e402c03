//! Care first: modes, break-glass, care-critical routes. Blocking can hurt a patient, so enforcement is a dial,
//! and every turn of it is recorded.

use serde::Serialize;

use crate::{Recipient, Timestamp};

/// Whether verdicts are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything is inspected and recorded, nothing is changed; the receipt holds the verdict that would have
    /// been.
    Observe,
    /// The verdict is carried out.
    Enforce,
}

/// Longest time a break-glass override may last.
pub const MAX_OVERRIDE_MILLIS: u64 = 30 * 60 * 1_000;
/// A break-glass override must be reviewed within this time.
pub const OVERRIDE_REVIEW_MILLIS: u64 = 72 * 60 * 60 * 1_000;
/// A sign-in older than this is not "signed in anew".
pub const FRESH_SIGN_IN_MILLIS: u64 = 5 * 60 * 1_000;

/// What an override is for: one route or one patient, never everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OverrideScope {
    /// One configured route.
    Route(String),
    /// One patient, by keyed digest.
    Subject(String),
}

/// Break-glass (45 CFR 164.312(a)(2)(ii)): an emergency access that is granted, recorded and reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Override {
    by: String,
    role: String,
    reason: String,
    scope: OverrideScope,
    granted: Timestamp,
    expires: Timestamp,
    review_due: Timestamp,
}

/// Who asks for an override, and how.
#[derive(Debug, Clone)]
pub struct OverrideRequest {
    /// The person.
    pub by: String,
    /// The role under which the person asks.
    pub role: String,
    /// When the person last proved who they are.
    pub signed_in: Timestamp,
    /// Why, in the person's words. Must hold no patient data: the page says so.
    pub reason: String,
    /// For what.
    pub scope: OverrideScope,
    /// For how long, in milliseconds.
    pub lasts_millis: u64,
    /// Who would receive.
    pub recipient: Recipient,
}

/// Why an override was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideRefused {
    /// The role is not among those the policy names.
    #[error("this role may not break the glass; the roles that may are set under [override] roles")]
    Role,
    /// The sign-in is too old.
    #[error("sign in anew: the last sign-in is older than five minutes")]
    SignIn,
    /// No reason given.
    #[error("give a reason of at least ten characters")]
    Reason,
    /// Longer than allowed.
    #[error("an override lasts at most 30 minutes")]
    TooLong,
    /// Not to a public AI.
    #[error(
        "an override never reaches a public AI service: only internal destinations or vendors with a BAA"
    )]
    Recipient,
}

impl Override {
    /// Grants an override, or says why not.
    pub fn grant(
        request: OverrideRequest,
        roles_that_may: &[String],
        now: Timestamp,
    ) -> Result<Self, OverrideRefused> {
        if !roles_that_may.contains(&request.role) {
            return Err(OverrideRefused::Role);
        }
        if now.since(request.signed_in) > FRESH_SIGN_IN_MILLIS || request.signed_in > now {
            return Err(OverrideRefused::SignIn);
        }
        if request.reason.trim().chars().count() < 10 {
            return Err(OverrideRefused::Reason);
        }
        if request.lasts_millis == 0 || request.lasts_millis > MAX_OVERRIDE_MILLIS {
            return Err(OverrideRefused::TooLong);
        }
        if request.recipient == Recipient::Public {
            return Err(OverrideRefused::Recipient);
        }
        Ok(Self {
            by: request.by,
            role: request.role,
            reason: request.reason,
            scope: request.scope,
            granted: now,
            expires: now.plus_millis(request.lasts_millis),
            review_due: now.plus_millis(OVERRIDE_REVIEW_MILLIS),
        })
    }

    /// Whether it holds for a route, or a subject's digest, to a recipient, at a time.
    pub fn holds(&self, route: &str, subject: Option<&str>, recipient: Recipient, now: Timestamp) -> bool {
        let in_scope = match &self.scope {
            OverrideScope::Route(name) => name == route,
            OverrideScope::Subject(digest) => subject == Some(digest.as_str()),
        };
        in_scope && recipient != Recipient::Public && now >= self.granted && now < self.expires
    }

    /// When the privacy officer's review is due.
    pub fn review_due(&self) -> Timestamp {
        self.review_due
    }

    /// Whether it is about one patient.
    pub fn is_for_subject(&self) -> bool {
        matches!(self.scope, OverrideScope::Subject(_))
    }
}

/// A route that delivers even when a detector fails, because care needs it: declared in policy, signed by two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CareCritical {
    signed_by: [String; 2],
}

impl CareCritical {
    /// Declares a care-critical route; none if the two signatures are one person's, or one is empty.
    pub fn declared(first: &str, second: &str) -> Option<Self> {
        let (first, second) = (first.trim(), second.trim());
        if first.is_empty() || second.is_empty() || first.eq_ignore_ascii_case(second) {
            return None;
        }
        Some(Self { signed_by: [first.to_owned(), second.to_owned()] })
    }

    /// The two who signed.
    pub fn signed_by(&self) -> &[String; 2] {
        &self.signed_by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn request() -> OverrideRequest {
        OverrideRequest {
            by: "m.osei".into(),
            role: "clinician".into(),
            signed_in: Timestamp::from_millis(NOW.millis() - 1_000),
            reason: "stroke team needs the route now".into(),
            scope: OverrideScope::Route("scribe".into()),
            lasts_millis: 60_000,
            recipient: Recipient::BusinessAssociate,
        }
    }

    fn grant(change: impl FnOnce(&mut OverrideRequest)) -> Result<Override, OverrideRefused> {
        let mut request = request();
        change(&mut request);
        Override::grant(request, &["clinician".to_owned()], NOW)
    }

    #[test]
    fn an_override_is_refused_without_role_fresh_sign_in_reason_end_or_agreement() {
        assert!(grant(|_| {}).is_ok());
        assert_eq!(grant(|r| r.role = "analyst".into()), Err(OverrideRefused::Role));
        assert_eq!(grant(|r| r.signed_in = Timestamp::from_millis(0)), Err(OverrideRefused::SignIn));
        assert_eq!(grant(|r| r.signed_in = NOW.plus_millis(1)), Err(OverrideRefused::SignIn));
        assert_eq!(grant(|r| r.reason = "because".into()), Err(OverrideRefused::Reason));
        assert_eq!(grant(|r| r.lasts_millis = MAX_OVERRIDE_MILLIS + 1), Err(OverrideRefused::TooLong));
        assert_eq!(grant(|r| r.lasts_millis = 0), Err(OverrideRefused::TooLong));
        assert_eq!(grant(|r| r.recipient = Recipient::Public), Err(OverrideRefused::Recipient));
    }

    #[test]
    fn an_override_holds_for_its_scope_and_time_and_never_for_a_public_service() {
        let glass = grant(|_| {}).unwrap();
        assert!(glass.holds("scribe", None, Recipient::Internal, NOW));
        assert!(!glass.holds("other", None, Recipient::Internal, NOW));
        assert!(!glass.holds("scribe", None, Recipient::Public, NOW));
        assert!(!glass.holds("scribe", None, Recipient::Internal, NOW.plus_millis(60_000)));
    }

    #[test]
    fn a_care_critical_route_needs_two_persons() {
        assert!(CareCritical::declared("a.reyes", "m.osei").is_some());
        assert!(CareCritical::declared("a.reyes", " A.Reyes ").is_none());
        assert!(CareCritical::declared("", "m.osei").is_none());
    }
}
