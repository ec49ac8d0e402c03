//! Profiles: what becomes of each kind of identifier. A profile is the table of a legal basis.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Basis, Kind, Label};

/// What becomes of one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Stays.
    Keep,
    /// Gives way to a token from the vault; the same value gives the same token within its scope.
    Token,
    /// Is taken out; in text a typed placeholder stands for it.
    Redact,
    /// Gives way to a made-up value of the same shape.
    Surrogate,
    /// A date moves by the subject's offset; intervals stay.
    Shift,
    /// Becomes coarser: a date its year, an age over 89 `90+`, a ZIP its first three digits.
    Generalise,
}

/// A table from label to action; a label with a sub-label is looked up first with it, then by its kind.
#[derive(Debug, Clone)]
pub struct Profile {
    id: String,
    by_kind: BTreeMap<Kind, Action>,
    by_sub: Vec<(Kind, String, Action)>,
    reads_remarks: bool,
}

impl Profile {
    /// A profile in which everything is redacted until [`Profile::set`] says otherwise.
    pub fn redacting(id: impl Into<String>) -> Self {
        Self { id: id.into(), by_kind: BTreeMap::new(), by_sub: Vec::new(), reads_remarks: false }
    }

    /// Sets the action of a kind.
    #[must_use]
    pub fn set(mut self, kind: Kind, action: Action) -> Self {
        self.by_kind.insert(kind, action);
        self
    }

    /// Sets the action of one sub-label.
    #[must_use]
    pub fn set_sub(mut self, kind: Kind, sub: impl Into<String>, action: Action) -> Self {
        let sub = sub.into();
        self.by_sub.retain(|(k, s, _)| (*k, s) != (kind, &sub));
        self.by_sub.push((kind, sub, action));
        self
    }

    /// Narratives and remarks are looked at and edited, not taken out whole.
    #[must_use]
    pub fn reading_remarks(mut self) -> Self {
        self.reads_remarks = true;
        self
    }

    /// Whether narratives and remarks are looked at, not taken out whole.
    pub fn reads_remarks(&self) -> bool {
        self.reads_remarks
    }

    /// The name, as receipts and bills of materials bear it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a label is an identifier under this profile: it does not simply stay.
    pub fn reports(&self, label: Label) -> bool {
        self.action(label) != Action::Keep
    }

    /// Whether it asks for what the Safe Harbor method lets stay ([`Label::WIDE`]).
    pub fn is_wide(&self) -> bool {
        Label::WIDE.into_iter().any(|label| self.reports(label))
    }

    /// The names of the profiles that are built in, for text that is looked at alone.
    pub const BUILT_IN: [&str; 5] = ["safe-harbor", "i2b2", "limited-data-set", "expert", "identified"];

    /// A built-in profile by its name: that of a basis, or `i2b2`, which takes out all that the i2b2 2014 task marks:
    /// also states, countries, years, professions and every age.
    pub fn named(name: &str) -> Option<Self> {
        if name == "i2b2" {
            return Some(Self::redacting(name));
        }
        Basis::parse(name).map(Self::of)
    }

    /// What a profile made from another is called.
    #[must_use]
    pub fn called(self, id: impl Into<String>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// What becomes of a label. A label no line names is redacted.
    pub fn action(&self, label: Label) -> Action {
        let by_sub = label.sub.and_then(|sub| {
            self.by_sub
                .iter()
                .find(|(kind, name, _)| *kind == label.kind && name == sub)
                .map(|(.., action)| *action)
        });
        by_sub.or_else(|| self.by_kind.get(&label.kind).copied()).unwrap_or(Action::Redact)
    }

    /// What the Safe Harbor method lets stay, stays.
    fn keeping_wide(self) -> Self {
        Label::WIDE.into_iter().fold(self, |profile, label| match label.sub {
            Some(sub) => profile.set_sub(label.kind, sub, Action::Keep),
            None => profile,
        })
    }

    /// The built-in profile of a basis.
    pub fn of(basis: Basis) -> Self {
        let profile = match basis {
            // 164.514(b)(2)(i): dates keep the year, ages over 89 become one class, ZIP codes three digits;
            // record ids become codes that are not derived from the person (164.514(c)).
            Basis::SafeHarbor => Self::redacting("safe-harbor")
                .set(Kind::Date, Action::Generalise)
                .set(Kind::Age, Action::Generalise)
                .set_sub(Kind::Location, "zip", Action::Generalise)
                .set_sub(Kind::OtherId, "record", Action::Token)
                .set(Kind::Mrn, Action::Token),
            // What an expert's report commonly allows: codes keyed per purpose, dates moved with intervals kept.
            Basis::Expert => Self::redacting("expert")
                .reading_remarks()
                .set_sub(Kind::OtherId, "birth-order", Action::Keep)
                .set(Kind::Date, Action::Shift)
                .set(Kind::Age, Action::Generalise)
                .set_sub(Kind::Location, "zip", Action::Generalise)
                .set_sub(Kind::OtherId, "record", Action::Token)
                .set(Kind::Mrn, Action::Token)
                .set(Kind::Account, Action::Token)
                .set(Kind::HealthPlan, Action::Token)
                .set(Kind::Device, Action::Token),
            // 164.514(e)(2): town, state, ZIP, dates and ages stay; the direct identifiers go. Birth order is none of
            // them, and free text may stay without them.
            Basis::LimitedDataSet => Self::redacting("limited-data-set")
                .reading_remarks()
                .set_sub(Kind::OtherId, "birth-order", Action::Keep)
                .set(Kind::Date, Action::Keep)
                .set(Kind::Age, Action::Keep)
                .set_sub(Kind::Location, "zip", Action::Keep)
                .set_sub(Kind::Location, "city", Action::Keep)
                .set_sub(Kind::Location, "county", Action::Keep)
                .set_sub(Kind::OtherId, "record", Action::Token)
                .set(Kind::Mrn, Action::Token),
            Basis::Identified => {
                let nothing = Self::redacting("identified").reading_remarks();
                Kind::ALL.into_iter().fold(nothing, |profile, kind| profile.set(kind, Action::Keep))
            }
        };
        profile.keeping_wide()
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Keep, Self::Token, Self::Redact, Self::Surrogate, Self::Shift, Self::Generalise];

    /// The name, as configurations and receipts write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Token => "token",
            Self::Redact => "redact",
            Self::Surrogate => "surrogate",
            Self::Shift => "shift",
            Self::Generalise => "generalise",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether there is such a form of a label at all: only dates move, only dates, ages and ZIP codes grow coarser.
    pub fn applies_to(self, label: Label) -> bool {
        match self {
            Self::Keep | Self::Token | Self::Redact | Self::Surrogate => true,
            Self::Shift => label.kind == Kind::Date,
            Self::Generalise => {
                matches!(label.kind, Kind::Date | Kind::Age)
                    || label == Label::ZIP
                    || label == Label::LOCATION
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_harbor_keeps_nothing() {
        let profile = Profile::of(Basis::SafeHarbor);
        for kind in Kind::ALL {
            assert_ne!(profile.action(Label::of(kind)), Action::Keep, "{}", kind.name());
        }
        assert_eq!(profile.action(Label::CITY), Action::Redact);
        assert_eq!(profile.action(Label::ZIP), Action::Generalise);
        assert_eq!(profile.action(Label::RECORD_ID), Action::Token);
    }

    #[test]
    fn i2b2_takes_out_what_safe_harbor_lets_stay() {
        let (narrow, wide) = (Profile::named("safe-harbor").unwrap(), Profile::named("i2b2").unwrap());
        assert!(wide.is_wide() && !narrow.is_wide());
        for label in Label::WIDE {
            assert!(wide.reports(label) && !narrow.reports(label), "{label}");
        }
        assert!(Profile::BUILT_IN.into_iter().all(|name| Profile::named(name).unwrap().id() == name));
        assert!(Profile::named("i2b3").is_none());
    }

    #[test]
    fn a_limited_data_set_keeps_dates_and_towns_but_no_streets_or_names() {
        let profile = Profile::of(Basis::LimitedDataSet);
        assert_eq!(profile.action(Label::DATE), Action::Keep);
        assert_eq!(profile.action(Label::CITY), Action::Keep);
        assert_eq!(profile.action(Label::STREET), Action::Redact);
        assert_eq!(profile.action(Label::PATIENT), Action::Redact);
    }
}
