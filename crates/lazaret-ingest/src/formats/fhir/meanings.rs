//! What each piece of a record means: one walk over the tree in a fixed order, giving every piece that may
//! identify, with its place, its label or the way it is to be looked at, and whose it is.

use std::collections::HashMap;
use std::ops::Range;

use lazaret_core::{Flow, Label, Meaning, Place, Step};
use lazaret_input::charset::{self, Charset};
use lazaret_input::json::{JsonKind, Node, NodeId};

use super::attachment;
use super::invariants::text;
use super::phi::{self, Extended};
use super::primitives::Primitive;
use super::reference::Target;
use super::subject::{self, Entries};
use super::table::{Element, Kind, ShapeId, Table, table};
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
struct Within<'e> {
    element: Option<&'e Element>,
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
        within: Within<'_>,
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
            if member.value.kind() == JsonKind::Array {
                for (index, item) in member.value.items().enumerate() {
                    go_on!(self.value(
                        item,
                        node,
                        of.name,
                        element,
                        within,
                        &here.then(Step::Index(index)),
                        about
                    ));
                }
            } else {
                go_on!(self.value(member.value, node, of.name, element, within, &here, about));
            }
        }
        Flow::On
    }

    /// Extensions of a primitive.
    fn beside(
        &mut self,
        value: Node<'d, 'a>,
        within: Within<'_>,
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

    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of one value; a struct would only repeat the names"
    )]
    fn value(
        &mut self,
        value: Node<'d, 'a>,
        owner: Node<'d, 'a>,
        shape: &'static str,
        element: &'static Element,
        within: Within<'_>,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        match element.kind {
            Kind::Shape(inner) if value.kind() == JsonKind::Object => {
                let within = Within {
                    element: Some(element),
                    owner: shape,
                    extended: within.extended,
                    around: within.around,
                };
                self.object(value, inner, within, place, about)
            }
            Kind::Resource if value.kind() == JsonKind::Object => self.inner(value, element, place, about),
            Kind::Primitive(primitive) => {
                self.primitive(value, owner, shape, element, primitive, within, place, about)
            }
            // Of another type than the schema's: held anyway, and looked at.
            _ => self.unknown(value, place, about),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of one value; a struct would only repeat the names"
    )]
    fn primitive(
        &mut self,
        value: Node<'d, 'a>,
        owner: Node<'d, 'a>,
        shape: &'static str,
        element: &'static Element,
        primitive: Primitive,
        within: Within<'_>,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let identifier = |label| Some((Meaning::Identifier(label), ""));
        if value.kind() == JsonKind::Number {
            let label = match (shape, element.name, within.extended) {
                ("Age", "value", _) => is_over_89(value, owner).then_some(Label::AGE),
                ("Location.position", _, _) => Some(Label::LOCATION),
                ("Patient", "multipleBirthInteger", _) => Some(phi::BIRTH_ORDER),
                ("Extension", _, Some(Extended::All(label))) => Some(label),
                _ => None,
            };
            return match label {
                Some(label) => self.give(value, Meaning::Identifier(label), "", place, about),
                None => Flow::On,
            };
        }
        let Some(string) = value.as_str() else { return Flow::On };
        let found = match primitive {
            Primitive::Date | Primitive::DateTime | Primitive::Instant => match element.name {
                "birthDate" | "bornDate" => identifier(Label::BIRTH_DATE),
                _ => identifier(Label::DATE),
            },
            Primitive::Id if element.name == "id" => {
                Some((Meaning::Identifier(Label::RECORD_ID), about.resource))
            }
            Primitive::Xhtml => identifier(phi::NARRATIVE),
            Primitive::Uuid | Primitive::Oid | Primitive::Id if element.is_choice => {
                identifier(Label::OTHER_ID)
            }
            Primitive::Base64Binary if element.name != "hash" => {
                return self.base64(value, string, owner, shape, element, within, place, about);
            }
            Primitive::String | Primitive::Markdown => {
                match meaning_of_string(owner, shape, element, within, about, &self.entries) {
                    Some(Meaning::Identifier(Label::RECORD_ID)) => {
                        return self.reference(value, string, within, place, about);
                    }
                    Some(meaning) => Some((meaning, "")),
                    None => None,
                }
            }
            Primitive::Canonical if string.starts_with('#') => {
                return self.reference(value, string, within, place, about);
            }
            Primitive::Uri | Primitive::Url => match (shape, element.name) {
                ("Bundle.entry", "fullUrl") => return self.full_url(value, string, owner, place, about),
                ("Bundle.entry.request", "url") | ("Bundle.entry.response", "location") => {
                    return self.reference(value, string, within, place, about);
                }
                ("Extension", name) if name != "url" => match within.extended {
                    Some(Extended::Known) => None,
                    _ => identifier(Label::URL),
                },
                ("Attachment", "url") if is_photo(within) => identifier(Label::PHOTO),
                ("Identifier", "system") if !phi::is_public_system(string) => identifier(Label::URL),
                (shape, name) => match phi::by_name(shape, name) {
                    None if primitive == Primitive::Url || element.is_choice => identifier(Label::URL),
                    label => label.and_then(identifier),
                },
            },
            _ => None,
        };
        match found {
            Some((meaning, domain)) => self.give(value, meaning, domain, place, about),
            None => Flow::On,
        }
    }

    /// The id within a reference, scoped by the type it points to; every value of a conditional one.
    fn reference(
        &mut self,
        value: Node<'d, 'a>,
        string: &'d str,
        within: Within<'_>,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let allowed =
            within.element.and_then(|element| element.targets).map(|number| self.table.targets(number));
        // An entry that is not in the Bundle is of the one type the element may point to, if it is one.
        let only = allowed.filter(|types| types.len() == 1).and_then(<[&str]>::first).copied();
        let ids = match Target::of(string) {
            Target::Literal { of, id, .. } => vec![(id, of)],
            Target::Conditional { of, values } => values.into_iter().map(|range| (range, of)).collect(),
            Target::Contained(id) if !id.is_empty() => {
                vec![(1..string.len(), self.contained.get(id).copied().unwrap_or(""))]
            }
            Target::Urn { id } => vec![(id, self.entries.type_of(string).or(only).unwrap_or(""))],
            Target::Contained(_) => return Flow::On,
            // `Type`, as the url of a request that creates: no id.
            Target::Malformed if self.table.resource(string).is_some() => return Flow::On,
            Target::Elsewhere | Target::Malformed => {
                return self.give(value, Meaning::Identifier(Label::URL), "", place, about);
            }
        };
        for (range, domain) in ids {
            go_on!(self.give_within(value, string, range, domain, place, about));
        }
        Flow::On
    }

    /// The id within the full URL of an entry, scoped by the type of its resource.
    fn full_url(
        &mut self,
        value: Node<'d, 'a>,
        string: &'d str,
        entry: Node<'d, 'a>,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let of = entry.get("resource").and_then(|resource| text(resource, "resourceType")).unwrap_or("");
        match Target::of(string) {
            Target::Urn { id } | Target::Literal { id, .. } => {
                self.give_within(value, string, id, of, place, about)
            }
            _ => self.give(value, Meaning::Identifier(Label::URL), "", place, about),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of one value; a struct would only repeat the names"
    )]
    fn base64(
        &mut self,
        value: Node<'d, 'a>,
        string: &'d str,
        owner: Node<'d, 'a>,
        shape: &'static str,
        element: &Element,
        within: Within<'_>,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        if shape == "Attachment" && is_photo(within) {
            return self.give(value, Meaning::Identifier(Label::PHOTO), "", place, about);
        }
        if let Some(label) = phi::by_name(shape, element.name) {
            return self.give(value, Meaning::Identifier(label), "", place, about);
        }
        let bytes = attachment::decode(string);
        let declared = text(owner, "contentType")
            .filter(|_| matches!(shape, "Attachment" | "Binary"))
            .and_then(attachment::text_charset);
        let note = bytes
            .as_deref()
            .zip(declared)
            .and_then(|(bytes, declared)| charset::decode(bytes, Some(declared)).ok());
        match note {
            Some((note, charset)) => {
                let meaning = if about.has_subject || about.is_about_a_patient {
                    Meaning::Text
                } else {
                    Meaning::ShortText
                };
                (self.visit)(&Spot {
                    node: value,
                    place,
                    held: Held::Text(&note),
                    meaning,
                    domain: "",
                    subject: about.subject,
                    resource: about.resource,
                    part: Part::Decoded(charset),
                    local: None,
                })
            }
            None => (self.visit)(&Spot {
                node: value,
                place,
                held: Held::Bytes(bytes.as_deref().unwrap_or(string.as_bytes())),
                meaning: Meaning::Opaque,
                domain: "",
                subject: about.subject,
                resource: about.resource,
                part: Part::Whole,
                local: None,
            }),
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

    fn give_within(
        &mut self,
        node: Node<'d, 'a>,
        string: &'d str,
        range: Range<usize>,
        domain: &str,
        place: &Place<'_>,
        about: About<'_, 'd>,
    ) -> Flow {
        let held = Held::Text(string.get(range.clone()).unwrap_or(""));
        let meaning = Meaning::Identifier(Label::RECORD_ID);
        let part = Part::Within(range);
        let local = string.strip_prefix('#').map(|id| Local { within: self.outermost, id });
        let (subject, resource) = (about.subject, about.resource);
        (self.visit)(&Spot { node, place, held, meaning, domain, subject, resource, part, local })
    }
}

/// What a string is; a reference to be taken apart gives the label of record ids.
fn meaning_of_string(
    owner: Node<'_, '_>,
    shape: &'static str,
    element: &Element,
    within: Within<'_>,
    about: About<'_, '_>,
    entries: &Entries<'_>,
) -> Option<Meaning> {
    let label = match (shape, element.name) {
        (_, "id")
        | ("CodeableConcept" | "Coding", "version")
        | ("SampledData", "data")
        | ("Quantity" | "SimpleQuantity" | "Age" | "Duration", "unit") => return None,
        ("Reference", "reference") => Label::RECORD_ID,
        ("Reference", "display") => phi::reference_display(owner, within.element, entries),
        ("HumanName", _) => phi::whose_name(within.owner),
        ("ContactPoint", "value") => phi::contact_point(owner),
        ("Identifier", "value") => match (within.owner, about.resource) {
            ("Device", _) => Label::DEVICE,
            _ => phi::identifier(owner),
        },
        ("Address", "state" | "country") => match within.extended {
            Some(Extended::All(label)) => label,
            _ => return None,
        },
        ("Annotation", "text") => phi::ANNOTATION,
        ("Extension", _) => match within.extended {
            Some(Extended::All(label)) => label,
            Some(Extended::Known) => return None,
            _ => return Some(Meaning::ShortText),
        },
        (shape, name) => match phi::by_name(shape, name) {
            Some(label) => label,
            None => return Some(Meaning::ShortText),
        },
    };
    Some(Meaning::Identifier(label))
}

fn is_photo(within: Within<'_>) -> bool {
    within.element.is_some_and(|element| element.name == "photo")
}

/// Ages over 89 are of the kind that identifies; a unit other than years is brought to years.
fn is_over_89(value: Node<'_, '_>, age: Node<'_, '_>) -> bool {
    let years = match text(age, "code").or_else(|| text(age, "unit")) {
        Some("mo" | "months" | "month") => 12.0,
        Some("wk" | "weeks" | "week") => 52.0,
        Some("d" | "days" | "day") => 365.0,
        Some("h" | "min") => return false,
        _ => 1.0,
    };
    value.as_number().and_then(|number| number.parse::<f64>().ok()).is_none_or(|number| number / years > 89.0)
}
