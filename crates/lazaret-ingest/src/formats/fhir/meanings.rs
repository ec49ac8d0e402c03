//! What each piece of a record means: one walk over the tree in a fixed order, giving every piece that may
//! identify, with its place, its label or the way it is to be looked at, and whose it is.

mod values;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use lazaret_core::{Flow, Label, Meaning, Place, Step};
use lazaret_input::charset::Charset;
use lazaret_input::json::{JsonKind, Member, Node, NodeId};

use values::Value;

use super::nodes::text;
use super::phi::{self, Extended};
use super::questions::{self, Asked};
use super::subject::{self, Entries};
use super::table::{Element, ShapeId, Table, table};
use super::validate::{self, contained_types};
use super::view::View;

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
    /// The text within base64, in this charset, as its reader sees it.
    Decoded(Charset, Rc<View>),
    /// What a reader of a narrative sees of it.
    Seen,
    /// What stands in a narrative where no reader sees it.
    Unseen,
    /// All of it with its key: it is nothing known here, so that it can only go or stay.
    Outside,
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

/// Visits every piece of a document whose root is a resource of R4. Where it is not known to be valid, whatever
/// lies outside the schema is a piece too: unknown elements with their keys, values of a wrong type or form, codes
/// outside a required value set, keys that come again.
pub(crate) fn walk<'d, 'a>(
    root: Node<'d, 'a>,
    is_valid: bool,
    visit: &mut dyn FnMut(&Spot<'_, 'd, 'a>) -> Flow,
) -> Flow {
    let Some(name) = text(root, "resourceType").filter(|name| table().resource(name).is_some()) else {
        return Flow::On;
    };
    let entries = Entries::default();
    let mut walker = Walker {
        table: table(),
        visit,
        is_valid,
        entries,
        contained: contained_types(root),
        outermost: root.id(),
    };
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
    /// Whether the document is known to hold nothing outside the schema.
    is_valid: bool,
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
    /// What the question around asks for.
    asked: Option<Asked>,
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
        let Some(name) = text(node, "resourceType") else { return self.outside(node, place, about) };
        let Some(shape) = self.table.resource(name) else { return self.outside(node, place, about) };
        let about = About { resource: name, ..about };
        let asked = (name == "FamilyMemberHistory").then_some(Asked::Age);
        let within = Within { element: None, owner: "", extended: None, around: None, asked };
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
            let own = phi::extension(text(node, "url").unwrap_or(""), within.extended.is_some());
            if own.is_foreign {
                go_on!(self.whole(node, phi::EXTENSION, place, about));
                if own.holds == Extended::Unknown && within.around.is_none() {
                    return Flow::On;
                }
                // What it says of a patient is learnt all the same.
            }
            within.extended = Some(match (within.extended, own.holds, within.around) {
                (Some(Extended::All(label)), ..) | (_, Extended::Unknown, Some(label)) => {
                    Extended::All(label)
                }
                (_, own, _) => own,
            });
        } else if let Some(label) = phi::around(of.name, within.owner) {
            within.around = Some(label);
        }
        if questions::ASKING.contains(&of.name) {
            within.asked = questions::asked(of.name, node);
        }
        let mut keys = Keys::of(node, self.is_valid);
        for member in node.members() {
            let is_again = keys.is_again(node, member);
            if member.key == "resourceType" && of.is_resource && !is_again {
                continue;
            }
            let beside = member.key.strip_prefix('_').and_then(|name| self.table.element(shape, name));
            let beside = beside.filter(|of| validate::may_stand_beside(of)).filter(|_| !is_again);
            if let Some(element) = beside {
                let here = place.then(Step::Name(member.key));
                let primitive = Primitive { element, owner: node };
                go_on!(self.beside(member.value, primitive, within, &here, about));
                continue;
            }
            let Some(element) = self.table.element(shape, member.key).filter(|_| !is_again) else {
                go_on!(self.outside(member.value, &place.then(Step::UnknownKey(member.index)), about));
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
            match (member.value.kind() == JsonKind::Array, element.many) {
                (true, true) => {
                    let twins = if self.is_valid { None } else { validate::beside_of(node, element.name) };
                    let mut twins = twins.map(|twins| twins.items());
                    for (index, item) in member.value.items().enumerate() {
                        let twin = twins.as_mut().and_then(Iterator::next);
                        let is_extended = twin.is_some_and(|twin| twin.kind() == JsonKind::Object);
                        let item = Value { node: item, place: &here.then(Step::Index(index)), ..value };
                        go_on!(self.value(item, is_extended));
                    }
                }
                (false, false) => go_on!(self.value(value, false)),
                _ => go_on!(self.outside(member.value, &here, about)),
            }
        }
        Flow::On
    }

    /// Extensions of a primitive.
    fn beside(
        &mut self,
        value: Node<'d, 'a>,
        of: Primitive<'d, 'a>,
        within: Within,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let Some(shape) = self.table.named("Element") else { return Flow::On };
        match value.kind() {
            JsonKind::Array if of.element.many => {
                let is_alone = of.owner.get(of.element.name).is_none();
                for (index, item) in value.items().enumerate() {
                    let here = place.then(Step::Index(index));
                    go_on!(match item.kind() {
                        JsonKind::Object => self.object(item, shape, within, &here, about),
                        JsonKind::Null if !is_alone => Flow::On,
                        _ => self.outside(item, &here, about),
                    });
                }
                Flow::On
            }
            JsonKind::Object if !of.element.many => self.object(value, shape, within, place, about),
            _ => self.outside(value, place, about),
        }
    }

    /// A value that lies outside the schema: it goes whole, with its key, whatever it holds.
    fn outside(&mut self, node: Node<'d, 'a>, place: &Place<'_>, about: About<'_, 'd>) -> Flow {
        self.whole(node, phi::OUTSIDE, place, about)
    }

    /// A value, or a whole object, that can only go or stay.
    fn whole(&mut self, node: Node<'d, 'a>, label: Label, place: &Place<'_>, about: About<'_, 'd>) -> Flow {
        let written = node.as_str().or_else(|| node.as_number()).or_else(|| node.key());
        // What holds no text of its own is told by a mark: an empty piece would be none.
        let held = Held::Text(written.filter(|text| !text.is_empty()).unwrap_or("?"));
        let meaning = Meaning::Identifier(label);
        let (subject, resource, part) = (about.subject, about.resource, Part::Outside);
        (self.visit)(&Spot { node, place, held, meaning, domain: "", subject, resource, part, local: None })
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

/// A primitive that may have extensions beside it.
#[derive(Clone, Copy)]
struct Primitive<'d, 'a> {
    element: &'static Element,
    owner: Node<'d, 'a>,
}

/// The keys of an object met so far.
enum Keys<'d> {
    /// None comes again.
    Unique,
    /// So few that a look back is quicker than a set.
    Few,
    Many(HashSet<&'d str>),
}

impl<'d> Keys<'d> {
    const FEW: usize = 32;

    fn of(node: Node<'d, '_>, is_valid: bool) -> Self {
        match (is_valid, node.len() > Self::FEW) {
            (true, _) => Self::Unique,
            (false, false) => Self::Few,
            (false, true) => Self::Many(HashSet::new()),
        }
    }

    fn is_again(&mut self, node: Node<'d, '_>, member: Member<'d, '_>) -> bool {
        match self {
            Self::Unique => false,
            Self::Few => node.members().take(member.index).any(|before| before.key == member.key),
            Self::Many(met) => !met.insert(member.key),
        }
    }
}
