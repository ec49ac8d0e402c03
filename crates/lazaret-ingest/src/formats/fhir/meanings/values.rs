//! What one value of a known element means: its type says how to look at it, its element whose it is.

use std::ops::Range;

use lazaret_core::{Flow, Label, Meaning, Place};
use lazaret_input::charset;
use lazaret_input::json::{JsonKind, Node};

use super::{About, Held, Local, Part, Spot, Walker, Within};
use crate::formats::fhir::attachment;
use crate::formats::fhir::narrative_text::NarrativeText;
use crate::formats::fhir::nodes::text;
use crate::formats::fhir::phi::{self, Extended};
use crate::formats::fhir::primitives::Primitive;
use crate::formats::fhir::reference::Target;
use crate::formats::fhir::subject::Entries;
use crate::formats::fhir::table::{Element, Kind};

/// One value, and all that is known of it.
#[derive(Clone, Copy)]
pub(super) struct Value<'p, 'd, 'a> {
    pub(super) node: Node<'d, 'a>,
    /// The object it stands in.
    pub(super) owner: Node<'d, 'a>,
    /// The type of that object.
    pub(super) shape: &'static str,
    pub(super) element: &'static Element,
    pub(super) within: Within,
    pub(super) place: &'p Place<'p>,
    pub(super) about: About<'p, 'd>,
}

impl<'d, 'a> Walker<'_, 'd, 'a> {
    pub(super) fn value(&mut self, value: Value<'_, 'd, 'a>) -> Flow {
        let Value { node, element, place, about, .. } = value;
        match element.kind {
            Kind::Shape(inner) if node.kind() == JsonKind::Object => {
                let within = Within { element: Some(element), owner: value.shape, ..value.within };
                self.object(node, inner, within, place, about)
            }
            Kind::Resource if node.kind() == JsonKind::Object => self.inner(node, element, place, about),
            Kind::Primitive(_) if node.kind() == JsonKind::Number => self.number(value),
            Kind::Primitive(primitive) => match node.as_str() {
                Some(string) => self.string(value, string, primitive),
                None => Flow::On,
            },
            // Of another type than the schema's: held anyway, and looked at.
            _ => self.unknown(node, place, about),
        }
    }

    fn number(&mut self, value: Value<'_, 'd, 'a>) -> Flow {
        let label = match (value.shape, value.element.name, value.within.extended) {
            ("Age", "value", _) => is_over_89(value.node, value.owner).then_some(Label::AGE),
            ("Location.position", _, _) => Some(Label::LOCATION),
            ("Patient", "multipleBirthInteger", _) => Some(phi::BIRTH_ORDER),
            ("Extension", _, Some(Extended::All(label))) => Some(label),
            _ => None,
        };
        label.map_or(Flow::On, |label| self.identifier(value, label))
    }

    fn string(&mut self, value: Value<'_, 'd, 'a>, string: &'d str, primitive: Primitive) -> Flow {
        let Value { element, about, .. } = value;
        let label = match primitive {
            Primitive::Date | Primitive::DateTime | Primitive::Instant => match element.name {
                "birthDate" | "bornDate" => Some(Label::BIRTH_DATE),
                _ => Some(Label::DATE),
            },
            Primitive::Id if element.name == "id" => {
                let meaning = Meaning::Identifier(Label::RECORD_ID);
                return self.give(value.node, meaning, about.resource, value.place, about);
            }
            Primitive::Xhtml => return self.narrative(value, string),
            Primitive::Uuid | Primitive::Oid | Primitive::Id if element.is_choice => Some(Label::OTHER_ID),
            Primitive::Base64Binary if element.name != "hash" => return self.base64(value, string),
            Primitive::String | Primitive::Markdown => {
                return match meaning_of_string(value, &self.entries) {
                    Some(Meaning::Identifier(Label::RECORD_ID)) => self.reference(value, string),
                    Some(meaning) => self.give(value.node, meaning, "", value.place, about),
                    None => Flow::On,
                };
            }
            Primitive::Canonical if string.starts_with('#') => return self.reference(value, string),
            Primitive::Uri | Primitive::Url => match (value.shape, element.name) {
                ("Bundle.entry", "fullUrl") => return self.full_url(value, string),
                ("Bundle.entry.request", "url") | ("Bundle.entry.response", "location") => {
                    return self.reference(value, string);
                }
                ("Extension", name) if name != "url" => match value.within.extended {
                    Some(Extended::Known) => None,
                    _ => Some(Label::URL),
                },
                ("Attachment", "url") if is_photo(value.within) => Some(Label::PHOTO),
                ("Identifier", "system") if !phi::is_public_system(string) => Some(Label::URL),
                (shape, name) => match phi::by_name(shape, name) {
                    None if primitive == Primitive::Url || element.is_choice => Some(Label::URL),
                    label => label,
                },
            },
            _ => None,
        };
        label.map_or(Flow::On, |label| self.identifier(value, label))
    }

    /// A narrative as its reader sees it, and what stands there unseen. One with a fault, and that of a resource that
    /// describes somebody, goes whole.
    fn narrative(&mut self, value: Value<'_, 'd, 'a>, string: &'d str) -> Flow {
        let Value { node, place, about, .. } = value;
        let is_read = !phi::narrates_identity(about.resource);
        let Some(parts) = is_read.then(|| NarrativeText::of(string)).flatten() else {
            return self.identifier(value, phi::NARRATIVE);
        };
        let unseen = parts.unseen(string);
        let pieces = [
            (parts.text.as_str(), Meaning::Remark(phi::NARRATIVE), Part::Seen),
            (unseen.as_str(), Meaning::Identifier(phi::NARRATIVE_UNSEEN), Part::Unseen),
        ];
        let (subject, resource) = (about.subject, about.resource);
        for (text, meaning, part) in pieces {
            let held = Held::Text(text);
            let spot = Spot { node, place, held, meaning, domain: "", subject, resource, part, local: None };
            if !text.is_empty() && (self.visit)(&spot) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::On
    }

    /// The id within a reference, scoped by the type it points to; every value of a conditional one.
    fn reference(&mut self, value: Value<'_, 'd, 'a>, string: &'d str) -> Flow {
        let element = value.within.element;
        let allowed = element.and_then(|element| element.targets).map(|number| self.table.targets(number));
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
            Target::Elsewhere | Target::Malformed => return self.identifier(value, Label::URL),
        };
        for (range, domain) in ids {
            if self.id_within(value, string, range, domain) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::On
    }

    /// The id within the full URL of an entry, scoped by the type of its resource.
    fn full_url(&mut self, value: Value<'_, 'd, 'a>, string: &'d str) -> Flow {
        let resource = value.owner.get("resource");
        let of = resource.and_then(|resource| text(resource, "resourceType")).unwrap_or("");
        match Target::of(string) {
            Target::Urn { id } | Target::Literal { id, .. } => self.id_within(value, string, id, of),
            _ => self.identifier(value, Label::URL),
        }
    }

    fn base64(&mut self, value: Value<'_, 'd, 'a>, string: &'d str) -> Flow {
        let Value { node, shape, place, about, .. } = value;
        if shape == "Attachment" && is_photo(value.within) {
            return self.identifier(value, Label::PHOTO);
        }
        if let Some(label) = phi::by_name(shape, value.element.name) {
            return self.identifier(value, label);
        }
        let bytes = attachment::decode(string);
        let declared = text(value.owner, "contentType")
            .filter(|_| matches!(shape, "Attachment" | "Binary"))
            .and_then(attachment::text_charset);
        let note = bytes
            .as_deref()
            .zip(declared)
            .and_then(|(bytes, declared)| charset::decode(bytes, Some(declared)).ok());
        let (held, meaning, part) = if let Some((note, charset)) = &note {
            let is_note = about.has_subject || about.is_about_a_patient;
            let meaning = if is_note { Meaning::Text } else { Meaning::ShortText };
            (Held::Text(note), meaning, Part::Decoded(*charset))
        } else {
            let bytes = bytes.as_deref().unwrap_or(string.as_bytes());
            (Held::Bytes(bytes), Meaning::Opaque, Part::Whole)
        };
        let (subject, resource) = (about.subject, about.resource);
        (self.visit)(&Spot { node, place, held, meaning, domain: "", subject, resource, part, local: None })
    }

    fn identifier(&mut self, value: Value<'_, 'd, 'a>, label: Label) -> Flow {
        self.give(value.node, Meaning::Identifier(label), "", value.place, value.about)
    }

    /// A record's id that is a part of a string.
    fn id_within(
        &mut self,
        value: Value<'_, 'd, 'a>,
        string: &'d str,
        range: Range<usize>,
        domain: &str,
    ) -> Flow {
        let Value { node, place, about, .. } = value;
        let held = Held::Text(string.get(range.clone()).unwrap_or(""));
        let meaning = Meaning::Identifier(Label::RECORD_ID);
        let part = Part::Within(range);
        let local = string.strip_prefix('#').map(|id| Local { within: self.outermost, id });
        let (subject, resource) = (about.subject, about.resource);
        (self.visit)(&Spot { node, place, held, meaning, domain, subject, resource, part, local })
    }
}

/// What a string is; a reference to be taken apart gives the label of record ids.
fn meaning_of_string(value: Value<'_, '_, '_>, entries: &Entries<'_>) -> Option<Meaning> {
    let Value { owner, within, .. } = value;
    let label = match (value.shape, value.element.name) {
        (_, "id")
        | ("CodeableConcept" | "Coding", "version")
        | ("SampledData", "data")
        | ("Quantity" | "SimpleQuantity" | "Age" | "Duration", "unit") => return None,
        ("Reference", "reference") => Label::RECORD_ID,
        ("Reference", "display") => phi::reference_display(owner, within.element, entries),
        ("HumanName", _) => phi::whose_name(within.owner),
        ("ContactPoint", "value") => phi::contact_point(owner),
        ("Identifier", "value") => match (within.owner, value.about.resource) {
            ("Device", _) => Label::DEVICE,
            _ => phi::identifier(owner),
        },
        ("Address", "state" | "country") => match within.extended {
            Some(Extended::All(label)) => label,
            _ => return None,
        },
        ("Annotation", "text") => return Some(Meaning::Remark(phi::ANNOTATION)),
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

fn is_photo(within: Within) -> bool {
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
