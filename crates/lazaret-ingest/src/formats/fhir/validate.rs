//! The validator: one pass over the tree of a document, against the embedded definitions.
//!
//! Nothing is allocated for a valid resource but what its narratives, attachments and references within
//! Bundles need. Messages name kinds, names of the schema and code points, never a value.

mod values;

use std::collections::HashMap;

use lazaret_core::{Finding, Findings, Limit, Limits, Place, Rule, Step};
use lazaret_input::json::{Document, JsonKind, Node};

use super::invariants::Around;
use super::narrative;
use super::nodes::{items, text};
use super::primitives::Primitive;
use super::rules::{CARDINALITY, EMPTY_OBJECT, INVARIANT, TYPE, UNKNOWN_ELEMENT};
use super::table::{Element, Kind, Shape, ShapeId, Table, table};

/// Holds a document against the definitions and reports every fault. Whether it holds data in base64.
pub(crate) fn validate(document: &Document<'_>, limits: &Limits, findings: &mut Findings) -> bool {
    let root = document.root();
    if root.kind() != JsonKind::Object {
        let message = format!("expected a resource (object), found {}", root.kind());
        findings.fault(Finding::new(&TYPE, lazaret_core::Locator::document(), message));
        return false;
    }
    let mut run = Run {
        table: table(),
        element: table().named("Element"),
        findings,
        around: Around { resource: root, contained: HashMap::new() },
        bundle: None,
        unknown: 0,
        has_data: false,
        narrative_depth: limits.get(narrative::MAX_NARRATIVE_DEPTH),
    };
    let name = text(root, "resourceType").filter(|name| run.table.resource(name).is_some());
    match name {
        Some(name) => run.resource(root, &Place::root(name), false),
        None => run.no_type(root, &Place::root("resourceType")),
    }
    run.has_data
}

struct Run<'d, 'a, 'f> {
    table: &'static Table,
    element: Option<ShapeId>,
    findings: &'f mut Findings,
    around: Around<'d, 'a>,
    /// What the entries of the Bundle around are called, and their types.
    bundle: Option<HashMap<&'d str, &'d str>>,
    unknown: usize,
    has_data: bool,
    narrative_depth: Limit,
}

/// For how many unknown elements the nearest name is sought.
const MAX_SUGGESTIONS: usize = 100;

impl<'d, 'a> Run<'d, 'a, '_> {
    fn fault(&mut self, rule: &Rule, place: &Place<'_>, message: impl Into<String>) {
        self.findings.fault(Finding::new(rule, place.locator(), message));
    }

    /// A resource whose type cannot be told.
    fn no_type(&mut self, node: Node<'d, 'a>, place: &Place<'_>) {
        match node.get("resourceType").map(|value| value.kind()) {
            None => self.fault(&CARDINALITY, place, "resourceType is missing: it says what the rest means"),
            Some(JsonKind::String) => self.fault(&TYPE, place, "no resource type of FHIR R4"),
            Some(kind) => self.fault(&TYPE, place, format!("expected string, found {kind}")),
        }
    }

    fn resource(&mut self, node: Node<'d, 'a>, place: &Place<'_>, is_contained: bool) {
        let shape = text(node, "resourceType").and_then(|name| self.table.resource(name));
        let Some(shape) = shape else {
            return self.no_type(node, &place.then(Step::Name("resourceType")));
        };
        let contained = if is_contained { None } else { Some(contained_types(node)) };
        let outer_resource = std::mem::replace(&mut self.around.resource, node);
        let outer_contained = contained.map(|new| std::mem::replace(&mut self.around.contained, new));
        let is_bundle = text(node, "resourceType") == Some("Bundle");
        let outer_bundle = is_bundle.then(|| self.bundle.replace(entry_types(node)));
        self.object(node, shape, None, place);
        self.around.resource = outer_resource;
        if let Some(outer) = outer_contained {
            self.around.contained = outer;
        }
        if let Some(outer) = outer_bundle {
            self.bundle = outer;
        }
    }

    /// An object of a shape; `within` is the element it stands in.
    fn object(&mut self, node: Node<'d, 'a>, shape: ShapeId, within: Option<&Element>, place: &Place<'_>) {
        let of = self.table.shape(shape);
        if node.is_empty() {
            return self.fault(
                &EMPTY_OBJECT,
                place,
                "empty object (ele-1: an element has a value or children)",
            );
        }
        let mut present = 0_u64;
        let mut told = 0_u64;
        for member in node.members() {
            if of.is_resource && member.key == "resourceType" {
                continue;
            }
            let (name, is_beside) = match member.key.strip_prefix('_') {
                Some(name) => (name, true),
                None => (member.key, false),
            };
            let element = self.table.element(shape, name);
            let element = element
                .filter(|e| !is_beside || matches!(e.kind, Kind::Primitive(p) if p != Primitive::Xhtml));
            let Some(element) = element else {
                self.unknown(shape, member.key, &place.then(Step::UnknownKey(member.index)));
                continue;
            };
            let here = place.then(Step::Name(member.key));
            if element.is_choice
                && present & element.bit != 0
                && told & element.bit == 0
                && is_second(self.table, shape, node, element, member.index)
            {
                told |= element.bit;
                self.fault(&CARDINALITY, &here, format!("second {}[x]; at most one", element.stem));
            }
            present |= element.bit;
            if is_beside {
                self.beside(member.value, node, element, &here);
            } else {
                self.value(member.value, node, element, &here);
            }
        }
        if of.required & !present != 0 {
            self.missing(of, present, place);
        }
        for constraint in &of.constraints {
            if !(constraint.holds)(node, &self.around) {
                self.fault(&INVARIANT, place, format!("{}: {}", constraint.key, constraint.human));
            }
        }
        match of.name {
            "Reference" => self.reference(node, within, place),
            "Attachment" => self.attachment(node, place),
            "CodeableConcept" => self.concept(node, within, place),
            _ => {}
        }
    }

    fn unknown(&mut self, shape: ShapeId, key: &str, place: &Place<'_>) {
        self.unknown = self.unknown.saturating_add(1);
        let near = if self.unknown <= MAX_SUGGESTIONS { self.table.nearest(shape, key) } else { None };
        let message = match near {
            Some(name) => format!("no such element; did you mean `{name}`"),
            None => "no such element".to_owned(),
        };
        self.fault(&UNKNOWN_ELEMENT, place, message);
    }

    fn missing(&mut self, shape: &Shape, present: u64, place: &Place<'_>) {
        let mut told = present;
        for element in shape.elements.iter().filter(|element| element.required) {
            if told & element.bit == 0 {
                told |= element.bit;
                let most = if element.many { "*" } else { "1" };
                self.fault(
                    &CARDINALITY,
                    &place.then(Step::Name(element.stem)),
                    format!("required element missing (1..{most})"),
                );
            }
        }
    }

    /// The value of an element: one, or an array of them.
    fn value(
        &mut self,
        value: Node<'d, 'a>,
        owner: Node<'d, 'a>,
        element: &'static Element,
        place: &Place<'_>,
    ) {
        if !element.many {
            return self.single(value, false, element, place);
        }
        if value.kind() != JsonKind::Array {
            return self.fault(&TYPE, place, format!("expected array, found {}", value.kind()));
        }
        if value.is_empty() {
            return self.fault(&EMPTY_OBJECT, place, "empty array");
        }
        let mut twins = match element.kind {
            Kind::Primitive(_) => beside_of(owner, element.name).map(|beside| beside.items()),
            _ => None,
        };
        for (index, item) in value.items().enumerate() {
            let twin = twins.as_mut().and_then(Iterator::next);
            let extended = twin.is_some_and(|twin| twin.kind() == JsonKind::Object);
            self.single(item, extended, element, &place.then(Step::Index(index)));
        }
    }

    /// One value; `extended` says that extensions stand for it where it is null.
    fn single(&mut self, value: Node<'d, 'a>, extended: bool, element: &'static Element, place: &Place<'_>) {
        match element.kind {
            Kind::Primitive(primitive) => self.primitive(value, extended, primitive, element, place),
            Kind::Shape(shape) if value.kind() == JsonKind::Object => {
                self.object(value, shape, Some(element), place);
            }
            Kind::Resource if value.kind() == JsonKind::Object => {
                self.resource(value, place, element.stem == "contained");
            }
            _ => self.fault(&TYPE, place, format!("expected object, found {}", value.kind())),
        }
    }

    /// `_x`: id and extensions of a primitive, or an array of them with null where there are none.
    fn beside(
        &mut self,
        value: Node<'d, 'a>,
        owner: Node<'d, 'a>,
        element: &'static Element,
        place: &Place<'_>,
    ) {
        let Some(shape) = self.element else { return };
        if !element.many {
            return match value.kind() {
                JsonKind::Object => self.object(value, shape, None, place),
                kind => self.fault(&TYPE, place, format!("expected object, found {kind}")),
            };
        }
        if value.kind() != JsonKind::Array {
            return self.fault(&TYPE, place, format!("expected array, found {}", value.kind()));
        }
        if value.is_empty() {
            return self.fault(&EMPTY_OBJECT, place, "empty array");
        }
        if let Some(values) = owner.get(element.name)
            && values.kind() == JsonKind::Array
            && values.len() != value.len()
        {
            self.fault(
                &TYPE,
                place,
                "an array beside another must have as many items, null where there are none",
            );
        }
        let alone = owner.get(element.name).is_none();
        for (index, item) in value.items().enumerate() {
            let here = place.then(Step::Index(index));
            match item.kind() {
                JsonKind::Object => self.object(item, shape, None, &here),
                JsonKind::Null if !alone => {}
                kind => self.fault(&TYPE, &here, format!("expected object, found {kind}")),
            }
        }
    }
}

/// Whether another type of the same choice stands before this member: `_valueString` beside `valueString` is
/// the same element.
fn is_second(table: &Table, shape: ShapeId, node: Node<'_, '_>, element: &Element, index: usize) -> bool {
    node.members().take(index).any(|member| {
        let name = member.key.strip_prefix('_').unwrap_or(member.key);
        name != element.name && table.element(shape, name).is_some_and(|other| other.bit == element.bit)
    })
}

/// `_x` for an element `x`.
fn beside_of<'d, 'a>(owner: Node<'d, 'a>, name: &str) -> Option<Node<'d, 'a>> {
    owner.members().find(|member| member.key.strip_prefix('_') == Some(name)).map(|member| member.value)
}

/// The ids and types of what a resource contains.
pub(crate) fn contained_types<'d>(resource: Node<'d, '_>) -> HashMap<&'d str, &'d str> {
    let typed = |inner: Node<'d, '_>| Some((text(inner, "id")?, text(inner, "resourceType")?));
    match resource.get("contained") {
        Some(contained) => contained.items().filter_map(typed).collect(),
        None => HashMap::new(),
    }
}

/// The full URLs of a Bundle's entries, with the types of their resources.
fn entry_types<'d>(bundle: Node<'d, '_>) -> HashMap<&'d str, &'d str> {
    items(bundle, "entry")
        .filter_map(|entry| Some((text(entry, "fullUrl")?, text(entry.get("resource")?, "resourceType")?)))
        .collect()
}
