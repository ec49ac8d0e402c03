//! What constraints ask of an object, over and over.

use lazaret_input::json::Node;

use crate::formats::fhir::nodes::has;

pub(super) fn any(node: Node<'_, '_>, keys: &[&str]) -> bool {
    keys.iter().any(|key| has(node, key))
}

pub(super) fn count(node: Node<'_, '_>, keys: &[&str]) -> usize {
    keys.iter().filter(|key| has(node, key)).count()
}

pub(super) fn needs(node: Node<'_, '_>, key: &str, other: &str) -> bool {
    !has(node, key) || has(node, other)
}

pub(super) fn not_both(node: Node<'_, '_>, key: &str, other: &str) -> bool {
    !(has(node, key) && has(node, other))
}
