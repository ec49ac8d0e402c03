//! Short questions to a node of a JSON document: what an object has under a key.

use lazaret_input::json::Node;

/// Whether an element is there, by its value or by the extensions beside it.
pub(crate) fn has(node: Node<'_, '_>, key: &str) -> bool {
    node.members().any(|member| member.key == key || member.key.strip_prefix('_') == Some(key))
}

/// Whether some type of a choice element is there.
pub(crate) fn choice(node: Node<'_, '_>, stem: &str) -> bool {
    node.members().any(|member| {
        let key = member.key.strip_prefix('_').unwrap_or(member.key);
        key.strip_prefix(stem).is_some_and(|of| of.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

/// The items of an array element.
pub(crate) fn items<'d, 'a>(node: Node<'d, 'a>, key: &str) -> impl Iterator<Item = Node<'d, 'a>> {
    node.get(key).into_iter().flat_map(|array| array.items())
}

pub(crate) fn text<'d>(node: Node<'d, '_>, key: &str) -> Option<&'d str> {
    node.get(key).and_then(|value| value.as_str())
}

pub(crate) fn number(node: Node<'_, '_>, key: &str) -> Option<f64> {
    node.get(key).and_then(|value| value.as_number()).and_then(|value| value.parse().ok())
}

pub(crate) fn truth(node: Node<'_, '_>, key: &str) -> bool {
    node.get(key).and_then(|value| value.as_bool()) == Some(true)
}
