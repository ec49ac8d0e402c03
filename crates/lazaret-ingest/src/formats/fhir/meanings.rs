//! What each piece of a record means: one walk over the tree in a fixed order, giving every piece that may
//! identify, with its place, its label or the way it is to be looked at, and whose it is.

mod values;

use std::collections::HashMap;
use std::ops::Range;

use lazaret_core::{Flow, Label, Meaning, Place, Step};
use lazaret_input::charset::Charset;
use lazaret_input::json::{JsonKind, Node, NodeId};

use values::Value;

use super::nodes::text;
use super::phi::{self, Extended};
use super::subject::{self, Entries};
use super::table::{Element, ShapeId, Table, table};
use super::validate::contained_types;

/// What a piece holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'s> {
    Text(&'s str),
    Bytes(&'s [u8]),
}

/// Which part of its JSON value a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Bytes of the decoded string.
    Within(Range<usize>),
    /// The text within base64, in this charset.
    Decoded(Charset),
    /// What a reader of a narrative sees of it.
    Seen,
    /// What stands in a narrative where no reader sees it.
    Unseen,
}

/// One piece that may identify.
pub(crate) struct Spot<'s, 'd, 'a> {
    pub(crate) node: Node<'d, 'a>,
    pub(crate) place: &'s Place<'s>,
    pub(crate) held: Held<'s>,
    pub(crate) meaning: Meaning,
    pub(crate) domain: &'s str,
    /// The patient of a Bundle's entry.
    pub(crate) subject: Option<&'s str>,
    /// The type of the resource it stands in.
    pub(crate) resource: &'s str,
    pub(crate) part: Part,
    /// Where it is the id of a contained resource, or a reference to one.
    pub(crate) local: Option<Local<'d>>,
}

/// The name of a contained resource: it holds within one resource, and stands there in several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Local<'d> {
    /// The resource that contains.
    pub(crate) within: NodeId,
    pub(crate) id: &'d str,
}

/// Visits every piece of a document whose root is a resource of R4.
pub(crate) fn walk<'d, 'a>(root: Node<'d, 'a>, visit: &mut dyn FnMut(&Spot<'_, 'd, 'a>) -> Flow) -> Flow {
    let Some(name) = text(root, "resourceType").filter(|name| table().resource(name).is_some()) else {
        return Flow::On;
    };
    let entries = Entries::default();
    let mut walker =
        Walker { table: table(), visit, entries, contained: contained_types(root), outermost: root.id() };
    let about = About {
        resource: name,
        subject: None,
        has_subject: subject::of(root, &walker.entries).is_some(),
        is_about_a_patient: subject::may_name_one(name),
        is_contained: false,
    };
    walker.resource(root, &Place::root(name), about)
}

struct Walker<'v, 'd, 'a> {
    table: &'static Table,
    visit: &'v mut dyn FnMut(&Spot<'_, 'd, 'a>) -> Flow,
    entries: Entries<'d>,
    /// The ids and types of what the outermost resource contains.
    contained: HashMap<&'d str, &'d str>,
    outermost: NodeId,
}

/// What is known where the walk stands.
#[derive(Clone, Copy)]
struct About<'c, 'd> {
    /// The type of the resource.
    resource: &'d str,
    subject: Option<&'c str>,
    /// Whether a patient is named: then annotations are notes about that patient.
    has_subject: bool,
    /// Whether the type is one about patients: then its attachments are notes, even if nobody is named.
    is_about_a_patient: bool,
    is_contained: bool,
}

/// What is known of an object: the element it stands in and the path of its owner, and the extension around.
#[derive(Clone, Copy)]
struct Within {
    element: Option<&'static Element>,
    owner: &'static str,
    extended: Option<Extended>,
    /// What the data type around makes of unknown extensions.
    around: Option<Label>,
}

macro_rules! go_on {
    ($flow:expr) => {
        if $flow == Flow::Stop {
            return Flow::Stop;
        }
    };
}

impl<'d, 'a> Walker<'_, 'd, 'a> {
    fn resource(&mut self, node: Node<'d, 'a>, place: &Place<'_>, about: About<'_, 'd>) -> Flow {
        let Some(name) = text(node, "resourceType") else { return Flow::On };
        let Some(shape) = self.table.resource(name) else { return Flow::On };
        let about = About { resource: name, ..about };
        let within = Within { element: None, owner: "", extended: None, around: None };
        if name != "Bundle" {
            return self.object(node, shape, within, place, about);
        }
        let outer = std::mem::replace(&mut self.entries, Entries::of(node));
        let flow = self.object(node, shape, within, place, about);
        self.entries = outer;
        flow
    }

    /// A resource within another: contained, or the entry of a Bundle, which may be about another patient.
    fn inner(
        &mut self,
        node: Node<'d, 'a>,
        element: &Element,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        if element.stem == "contained" {
            return self.resource(node, place, About { is_contained: true, ..about });
        }
        let subject = subject::of(node, &self.entries);
        let name = text(node, "resourceType").unwrap_or("");
        let about = About {
            resource: name,
            subject: subject.as_deref(),
            has_subject: subject.is_some(),
            is_about_a_patient: subject::may_name_one(name),
            is_contained: false,
        };
        let outer = std::mem::replace(&mut self.contained, contained_types(node));
        let outermost = std::mem::replace(&mut self.outermost, node.id());
        let flow = self.resource(node, place, about);
        self.contained = outer;
        self.outermost = outermost;
        flow
    }

    fn object(
        &mut self,
        node: Node<'d, 'a>,
        shape: ShapeId,
        within: Within,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let of = self.table.shape(shape);
        let mut within = within;
        if of.name == "Extension" {
            let own = phi::extension(text(node, "url").unwrap_or(""));
            within.extended = Some(match (within.extended, own, within.around) {
                (Some(Extended::All(label)), ..) | (_, Extended::Unknown, Some(label)) => {
                    Extended::All(label)
                }
                (_, own, _) => own,
            });
        } else if let Some(label) = phi::around(of.name, within.owner) {
            within.around = Some(label);
        }
        for member in node.members() {
            if member.key == "resourceType" {
                continue;
            }
            if let Some(name) = member.key.strip_prefix('_')
                && self.table.element(shape, name).is_some()
            {
                let here = place.then(Step::Name(member.key));
                go_on!(self.beside(member.value, within, &here, about));
                continue;
            }
            let Some(element) = self.table.element(shape, member.key) else {
                // Unknown to the schema: every string of it is looked at.
                go_on!(self.unknown(member.value, &place.then(Step::UnknownKey(member.index)), about));
                continue;
            };
            let here = place.then(Step::Name(member.key));
            let value = Value {
                node: member.value,
                owner: node,
                shape: of.name,
                element,
                within,
                place: &here,
                about,
            };
            if member.value.kind() == JsonKind::Array {
                for (index, item) in member.value.items().enumerate() {
                    go_on!(self.value(Value { node: item, place: &here.then(Step::Index(index)), ..value }));
                }
            } else {
                go_on!(self.value(value));
            }
        }
        Flow::On
    }

    /// Extensions of a primitive.
    fn beside(
        &mut self,
        value: Node<'d, 'a>,
        within: Within,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let Some(shape) = self.table.named("Element") else { return Flow::On };
        if value.kind() == JsonKind::Array {
            for (index, item) in value.items().enumerate() {
                go_on!(self.object(item, shape, within, &place.then(Step::Index(index)), about));
            }
            return Flow::On;
        }
        self.object(value, shape, within, place, about)
    }

    fn unknown(&mut self, value: Node<'d, 'a>, place: &Place<'_>, about: About<'_, 'd>) -> Flow {
        match value.kind() {
            JsonKind::String => self.give(value, Meaning::ShortText, "", place, about),
            JsonKind::Array => {
                for (index, item) in value.items().enumerate() {
                    go_on!(self.unknown(item, &place.then(Step::Index(index)), about));
                }
                Flow::On
            }
            JsonKind::Object => {
                for member in value.members() {
                    go_on!(self.unknown(member.value, &place.then(Step::UnknownKey(member.index)), about));
                }
                Flow::On
            }
            _ => Flow::On,
        }
    }

    fn give(
        &mut self,
        node: Node<'d, 'a>,
        meaning: Meaning,
        domain: &str,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let held = node.as_str().or_else(|| node.as_number()).unwrap_or("");
        let held = Held::Text(held);
        let is_local = about.is_contained && meaning == Meaning::Identifier(Label::RECORD_ID);
        let local = node.as_str().filter(|_| is_local).map(|id| Local { within: self.outermost, id });
        let (subject, resource, part) = (about.subject, about.resource, Part::Whole);
        (self.visit)(&Spot { node, place, held, meaning, domain, subject, resource, part, local })
    }
}
