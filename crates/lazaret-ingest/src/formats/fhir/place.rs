//! Places of values the JSON reader found fault with: by their keys where the schema has them.

use lazaret_core::Locator;
use lazaret_input::json::{Document, Node, NodeId};

use super::nodes::text;
use super::table::{Kind, ShapeId, table};

/// The place of a value. Keys the schema does not have are printed by their number.
pub(crate) fn of(document: &Document<'_>, id: NodeId) -> Locator {
    let Some(node) = document.node(id) else { return Locator::document() };
    let mut path = vec![node];
    let mut at = node;
    while let Some(parent) = at.parent() {
        path.push(parent);
        at = parent;
    }
    let mut out = String::new();
    let mut within = None;
    let mut nodes = path.into_iter().rev();
    if let Some(root) = nodes.next() {
        within = resource_shape(root).map(Kind::Shape);
        if let Some(Kind::Shape(shape)) = within {
            out.push_str(table().shape(shape).name);
        }
    }
    for node in nodes {
        let Some(key) = node.key() else {
            out.push('[');
            out.push_str(&node.index_in_parent().to_string());
            out.push(']');
            within = below_item(within, node);
            continue;
        };
        let (name, next) = step(within, key, node);
        if let Some(name) = name {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(name);
        } else {
            out.push_str("[key#");
            out.push_str(&node.index_in_parent().to_string());
            out.push(']');
        }
        within = next;
    }
    if out.is_empty() { Locator::document() } else { Locator::printed(out) }
}

/// The printed name of a key, if the schema has it, and what stands below.
fn step<'k>(within: Option<Kind>, key: &'k str, node: Node<'_, '_>) -> (Option<&'k str>, Option<Kind>) {
    let Some(Kind::Shape(shape)) = within else { return (None, None) };
    if key == "resourceType" && table().shape(shape).is_resource {
        return (Some(key), None);
    }
    if let Some(name) = key.strip_prefix('_') {
        let known = table().element(shape, name).is_some_and(|e| matches!(e.kind, Kind::Primitive(_)));
        return (known.then_some(key), table().named("Element").filter(|_| known).map(Kind::Shape));
    }
    let Some(element) = table().element(shape, key) else { return (None, None) };
    let below = match element.kind {
        Kind::Resource => resource_shape(node).map_or(Some(Kind::Resource), |shape| Some(Kind::Shape(shape))),
        kind => Some(kind),
    };
    (Some(key), below)
}

/// An item of an array is what its array is; a resource among several is looked at again.
fn below_item(within: Option<Kind>, node: Node<'_, '_>) -> Option<Kind> {
    match within {
        Some(Kind::Resource) => resource_shape(node).map(Kind::Shape),
        other => other,
    }
}

fn resource_shape(node: Node<'_, '_>) -> Option<ShapeId> {
    table().resource(text(node, "resourceType")?)
}
