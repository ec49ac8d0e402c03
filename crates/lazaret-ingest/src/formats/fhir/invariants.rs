//! The constraints of R4, written by hand as tables of functions, by the shape they hold for.
//!
//! Constraints of severity `warning` are best practice and not evaluated, nor are those in [`NOT_EVALUATED`].
//! `ele-1` (empty elements), `txt-1` and `txt-2` (narratives) are held by the validator and the narrative
//! reader themselves.

mod administrative;
mod clinical;
mod conformance;
mod dates;
mod questions;
mod types;

use std::collections::HashMap;

use lazaret_input::json::Node;

/// Constraints of severity `error` that are not evaluated, each with its reason in the documentation: they
/// need `FHIRPath` over whole definitions (conformance resources, which describe systems and not patients), or
/// other resources than the record itself. `ppc-2` to `ppc-5` ask for a code system called `something`, so that
/// they hold of everything.
pub const NOT_EVALUATED: &[&str] = &[
    "cpb-7", "cpb-9", "cpb-12", "csd-1", "ctm-1", "eld-2", "eld-5", "eld-6", "eld-7", "eld-11", "eld-13",
    "eld-14", "eld-19", "ig-1", "ig-2", "mea-1", "mrp-2", "nsd-2", "ppc-2", "ppc-3", "ppc-4", "ppc-5",
    "sdf-1", "sdf-3", "sdf-8", "sdf-8a", "sdf-8b", "sdf-9", "sdf-10", "sdf-11", "sdf-14", "sdf-15",
    "sdf-15a", "sdf-16", "sdf-17", "sdf-19", "sdf-20", "sdf-21", "sdf-22", "sdf-23", "tst-5", "tst-6",
    "tst-7", "tst-8", "tst-9",
];

/// One constraint.
pub(crate) struct Constraint {
    /// Its key in the definitions.
    pub(crate) key: &'static str,
    on: &'static [&'static str],
    /// What it asks, in our words.
    pub(crate) human: &'static str,
    pub(crate) holds: fn(Node<'_, '_>, &Around<'_, '_>) -> bool,
}

impl std::fmt::Debug for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key)
    }
}

/// What stands around an object.
#[derive(Debug, Clone)]
pub(crate) struct Around<'d, 'a> {
    /// The resource it is in.
    pub(crate) resource: Node<'d, 'a>,
    /// The ids and types of what is contained in the outermost resource (not counting a Bundle around it).
    pub(crate) contained: HashMap<&'d str, &'d str>,
}

/// The constraints of a shape; those on `*` hold for every resource that may contain others.
pub(crate) fn of(shape: &str, is_domain_resource: bool) -> Vec<&'static Constraint> {
    let holds_for = |constraint: &&Constraint| {
        constraint.on.contains(&shape) || (is_domain_resource && constraint.on.contains(&"*"))
    };
    constraints().filter(holds_for).collect()
}

/// The key of every constraint that is evaluated.
pub fn evaluated() -> impl Iterator<Item = &'static str> {
    constraints().map(|constraint| constraint.key)
}

const fn rule(
    key: &'static str,
    on: &'static [&'static str],
    human: &'static str,
    holds: fn(Node<'_, '_>, &Around<'_, '_>) -> bool,
) -> Constraint {
    Constraint { key, on, human, holds }
}

const UCUM: &str = "http://unitsofmeasure.org";

fn constraints() -> impl Iterator<Item = &'static Constraint> {
    let tables =
        [types::CONSTRAINTS, clinical::CONSTRAINTS, administrative::CONSTRAINTS, conformance::CONSTRAINTS];
    tables.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_both_evaluated_and_not() {
        assert!(NOT_EVALUATED.iter().all(|key| evaluated().all(|other| other != *key)));
    }
}
