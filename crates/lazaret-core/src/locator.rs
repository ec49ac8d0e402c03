//! Places: where in a record something stands, without ever printing what stands there.
//!
//! While a record is read, a place is a chain of borrowed steps on the stack ([`Place`]) and costs nothing; it
//! becomes a [`Locator`], the printed form, only when a finding needs one. Forms: dotted path with `[n]`,
//! `[key#n]` for a key outside the schema (a key can be a name), `!` into text inside text or an archive
//! member, `@` before a byte offset.

use std::fmt;

use serde::Serialize;

/// A place as it is printed: `Patient.name[0].family`, `@51`, `COST`, `.` for the document itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Locator(String);

impl Locator {
    /// The document itself.
    pub fn document() -> Self {
        Self(String::from("."))
    }

    /// A byte offset from 0.
    pub fn offset(at: u64) -> Self {
        Self(format!("@{at}"))
    }

    /// A place that is already in its printed form. The caller answers for it: no key outside a schema, no
    /// value of a record may be in it.
    pub fn printed(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The printed form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The first step, or an element the schema knows: printed with a dot between.
    Name(&'a str),
    /// The n-th item of an array, from 0.
    Index(usize),
    /// The n-th key of its object, from 0, where the schema knows no such key. Never printed by its name.
    UnknownKey(usize),
    /// Into a decoded string (base64, JSON in JSON) or an archive member.
    Into,
}

/// A chain of borrowed steps; the last is nearest.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

impl<'a> Place<'a> {
    /// A place with one step.
    pub const fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Name(name) }
    }

    /// The place one step further in.
    #[must_use]
    pub const fn then(&'a self, step: Step<'a>) -> Self {
        Self { parent: Some(self), step }
    }

    /// The printed form.
    pub fn locator(&self) -> Locator {
        Locator(self.to_string())
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Name(name) => {
                let joined = self.parent.is_some_and(|parent| !matches!(parent.step, Step::Into));
                if joined {
                    f.write_str(".")?;
                }
                f.write_str(name)
            }
            Step::Index(n) => write!(f, "[{n}]"),
            Step::UnknownKey(n) => write!(f, "[key#{n}]"),
            Step::Into => f.write_str("!"),
        }
    }
}

/// Where a record stands in its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RecordPlace {
    /// The number of the record in its payload, from 0.
    pub number: u64,
    /// The line of its first character, from 1; none where the file is one record.
    pub line: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_print_as_the_rules_say() {
        let patient = Place::root("Patient");
        let names = patient.then(Step::Name("name"));
        let first = names.then(Step::Index(0));
        assert_eq!(first.then(Step::Name("family")).to_string(), "Patient.name[0].family");
        assert_eq!(patient.then(Step::UnknownKey(2)).to_string(), "Patient[key#2]");
        let data = patient.then(Step::Name("data"));
        let inside = data.then(Step::Into);
        assert_eq!(inside.then(Step::Name("messages")).to_string(), "Patient.data!messages");
    }
}
