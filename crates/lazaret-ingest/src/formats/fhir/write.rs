//! Writing a record again: what is edited changes, everything else stays byte for byte.
//!
//! An element that goes takes with it what it leaves empty. Where the definitions require an element, or where
//! a replacement is no value of its type (a year for an `instant`), `data-absent-reason` `masked` stands in its
//! place, so that what is written is valid FHIR again.

mod changes;
mod masks;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use lazaret_core::{Edits, Refused, UNINSPECTABLE};
use lazaret_input::json::{Document, JsonKind, Node, NodeId};

use changes::{Change, changed, changes, removed};
use masks::MASKED;

use super::attachment;
use super::nodes::text;
use super::table::{Element, Kind, ShapeId, Table, table};
use super::validate::{is_only_an_id, may_stand_beside};

/// The elements that make an object worth keeping: when those it had are gone, it goes whole.
const ESSENCE: &[(&str, &[&str])] = &[
    ("Identifier", &["value"]),
    ("ContactPoint", &["value"]),
    ("HumanName", &["text", "family", "given", "prefix", "suffix"]),
    ("Narrative", &["div"]),
    ("Attachment", &["data", "url"]),
    ("Annotation", &["text"]),
    ("Age", &["value"]),
    ("Signature", &["data"]),
    ("Location.position", &["longitude", "latitude"]),
    ("Device.udiCarrier", &["deviceIdentifier", "carrierAIDC", "carrierHRF"]),
    ("Device.deviceName", &["name"]),
    ("Coverage.class", &["value"]),
    ("Bundle.link", &["url"]),
];

/// Where a constraint asks for one of several elements, the last of them is masked and not removed.
const ONE_OF: &[(&str, &[&str])] = &[
    ("Patient.contact", &["name", "telecom", "address", "organization"]),
    ("Organization", &["identifier", "name"]),
    ("InsurancePlan", &["identifier", "name"]),
    ("Observation.referenceRange", &["low", "high", "text"]),
    ("Composition.section", &["text", "entry", "section"]),
];

/// The document with the edits made. `bytes` is the input the document was read from.
pub(crate) fn edited(
    document: &Document<'_>,
    is_valid: bool,
    bytes: &[u8],
    edits: &Edits,
) -> Result<Vec<u8>, Refused> {
    let root = document.root();
    let changes = changes(document, is_valid, edits)?;
    let mut touched = HashSet::new();
    for id in changes.keys() {
        let mut at = document.node(*id);
        while let Some(node) = at {
            touched.insert(node.id());
            at = node.parent();
        }
    }
    let mut writer = Writer { table: table(), changes, touched, patches: Vec::new() };
    let shape = text(root, "resourceType").and_then(|name| writer.table.resource(name));
    writer.object(root, shape, "");
    let mut patches = writer.patches;
    patches.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (range, with) in patches {
        out.extend_from_slice(bytes.get(at..range.start).ok_or_else(confused)?);
        out.extend_from_slice(with.as_bytes());
        at = range.end;
    }
    out.extend_from_slice(bytes.get(at..).ok_or_else(confused)?);
    Ok(out)
}

fn confused() -> Refused {
    Refused::new(
        UNINSPECTABLE.id,
        "the edits of this record overlap, or have a character its charset has not: it cannot be written",
    )
}

/// Bytes, and what stands there instead.
type Patch = (Range<usize>, String);

/// What becomes of a member or an item.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Keep,
    /// Another value stands there.
    Replace(String),
    /// Another member stands there, key and all.
    Instead(String),
    Remove,
    /// It would go, but a masked value is wanted in its place.
    Mask,
}

struct Writer {
    table: &'static Table,
    changes: HashMap<NodeId, Change>,
    touched: HashSet<NodeId>,
    patches: Vec<Patch>,
}

/// One member under way.
struct Member<'d, 'a> {
    key: &'d str,
    /// The name without the underscore of extensions beside a primitive.
    name: &'d str,
    is_beside: bool,
    value: Node<'d, 'a>,
    element: Option<&'static Element>,
    span: Range<usize>,
    fate: Fate,
}

impl Writer {
    /// Settles an object; true if it goes.
    fn object(&mut self, node: Node<'_, '_>, shape: Option<ShapeId>, owner: &str) -> bool {
        let mark = self.patches.len();
        let of = shape.map(|shape| self.table.shape(shape));
        let name = of.map_or("", |of| of.name);
        let is_resource = of.is_some_and(|of| of.is_resource);
        let mut members: Vec<Member<'_, '_>> = node.members().map(|m| self.member(m, shape)).collect();
        self.settle_members(&mut members, node, name);
        if name == "Attachment" {
            self.attachment(&mut members);
        }
        if name == "Identifier" && owner == "Bundle" {
            // A document Bundle must keep its identifier (bdl-9).
            members
                .iter_mut()
                .filter(|m| m.key == "value" && m.fate == Fate::Remove)
                .for_each(|m| m.fate = Fate::Mask);
        }
        let stays = |members: &[Member<'_, '_>], key: &str| {
            members.iter().any(|m| m.name == key && m.fate != Fate::Remove)
        };
        let went = |members: &[Member<'_, '_>], key: &str| {
            members.iter().any(|m| m.name == key && m.fate == Fate::Remove)
        };
        let essence = ESSENCE.iter().find(|(shape, _)| *shape == name).map_or(&[][..], |(_, keys)| keys);
        let is_lost =
            essence.iter().any(|key| went(&members, key)) && !essence.iter().any(|key| stays(&members, key));
        let is_hollow = name == "Extension"
            && members.iter().any(|m| m.fate == Fate::Remove)
            && !members
                .iter()
                .any(|m| m.fate != Fate::Remove && (m.name == "extension" || m.name.starts_with("value")));
        // An id alone says nothing (ele-1).
        let is_empty = members.iter().all(|m| m.fate == Fate::Remove || m.key == "id")
            && (members.iter().any(|m| m.fate == Fate::Remove) || members.is_empty());
        if !is_resource && (is_lost || is_hollow || is_empty) {
            self.patches.truncate(mark);
            return true;
        }
        if let Some(of) = of {
            let mut told = 0_u64;
            for element in of.elements.iter().filter(|element| element.required) {
                let same = |m: &Member<'_, '_>| m.element.is_some_and(|e| e.bit == element.bit);
                if told & element.bit == 0 && !members.iter().any(|m| same(m) && m.fate != Fate::Remove) {
                    told |= element.bit;
                    if let Some(member) = members.iter_mut().find(|m| same(m)) {
                        member.fate = Fate::Mask;
                    }
                }
            }
        }
        for (_, keys) in ONE_OF.iter().filter(|(shape, _)| *shape == name) {
            if keys.iter().any(|key| went(&members, key))
                && !keys.iter().any(|key| stays(&members, key))
                && let Some(member) = members.iter_mut().find(|m| keys.contains(&m.name))
            {
                member.fate = Fate::Mask;
            }
        }
        self.mask(&mut members);
        let children = members.into_iter().map(|m| (m.span, m.value.span(), m.fate)).collect();
        self.children(children);
        false
    }

    fn member<'d, 'a>(
        &self,
        member: lazaret_input::json::Member<'d, 'a>,
        shape: Option<ShapeId>,
    ) -> Member<'d, 'a> {
        let name = member.key.strip_prefix('_').unwrap_or(member.key);
        let element = shape.and_then(|shape| self.table.element(shape, name));
        let is_beside = name.len() != member.key.len() && element.is_some_and(may_stand_beside);
        Member {
            key: member.key,
            name: if is_beside { name } else { member.key },
            is_beside,
            value: member.value,
            element: if name.len() != member.key.len() && !is_beside { None } else { element },
            span: usize::try_from(member.key_offset).unwrap_or(0)..member.value.span().end,
            fate: Fate::Keep,
        }
    }

    /// The values first, then what stands beside them, so that arrays stay aligned.
    fn settle_members(&mut self, members: &mut [Member<'_, '_>], node: Node<'_, '_>, owner: &str) {
        let mut gone: HashMap<String, Vec<usize>> = HashMap::new();
        for member in members.iter_mut().filter(|member| !member.is_beside) {
            if !self.touched.contains(&member.value.id()) {
                continue;
            }
            if member.value.kind() == JsonKind::Array && !self.changes.contains_key(&member.value.id()) {
                let (fate, removed) = self.array(member.value, member.element, owner);
                member.fate = fate;
                if !removed.is_empty() {
                    gone.insert(member.name.to_owned(), removed);
                }
            } else {
                member.fate = self.value(member.value, member.element, owner);
            }
        }
        let lone: Vec<&str> = members
            .iter()
            .filter(|m| !m.is_beside && matches!(m.fate, Fate::Remove | Fate::Mask))
            .map(|m| m.name)
            .collect();
        for member in members.iter_mut().filter(|m| m.is_beside) {
            if lone.contains(&member.name) && is_only_an_id(member.value) {
                member.fate = Fate::Remove;
                continue;
            }
            let removed = gone.get(member.name).map_or(&[][..], Vec::as_slice);
            if removed.is_empty() && !self.touched.contains(&member.value.id()) {
                continue;
            }
            let twin = node.get(member.name);
            member.fate = if self.changes.contains_key(&member.value.id()) {
                Fate::Remove
            } else if member.value.kind() == JsonKind::Array {
                self.beside(member.value, twin, removed)
            } else if self.object(member.value, self.table.named("Element"), "") {
                Fate::Remove
            } else {
                Fate::Keep
            };
        }
    }

    /// Settles one value that is no array.
    fn value(&mut self, node: Node<'_, '_>, element: Option<&'static Element>, owner: &str) -> Fate {
        if let Some(change) = self.changes.get(&node.id()) {
            return changed(change, node, element, owner);
        }
        if node.kind() != JsonKind::Object {
            return Fate::Keep;
        }
        let shape = match element.map(|element| element.kind) {
            Some(Kind::Shape(shape)) => Some(shape),
            Some(Kind::Resource) => text(node, "resourceType").and_then(|name| self.table.resource(name)),
            _ => None,
        };
        if self.object(node, shape, owner) { removed(element) } else { Fate::Keep }
    }

    /// Settles an array: what becomes of it, and which of its items go.
    fn array(
        &mut self,
        node: Node<'_, '_>,
        element: Option<&'static Element>,
        owner: &str,
    ) -> (Fate, Vec<usize>) {
        let mark = self.patches.len();
        let mut children = Vec::new();
        let mut removed = Vec::new();
        for (index, item) in node.items().enumerate() {
            let mut fate = Fate::Keep;
            if self.touched.contains(&item.id()) {
                fate = match item.kind() {
                    JsonKind::Array if !self.changes.contains_key(&item.id()) => {
                        self.array(item, element, owner).0
                    }
                    _ => self.value(item, element, owner),
                };
            }
            if matches!(fate, Fate::Remove | Fate::Mask) {
                fate = Fate::Remove;
                removed.push(index);
            }
            children.push((item.span(), item.span(), fate));
        }
        if !children.is_empty() && removed.len() == children.len() {
            self.patches.truncate(mark);
            return (Fate::Remove, removed);
        }
        self.children(children);
        (Fate::Keep, removed)
    }

    /// Settles an array of what stands beside primitives: the items of removed ones go, those left empty become
    /// null, and where no value stands there they are masked.
    fn beside(&mut self, node: Node<'_, '_>, twin: Option<Node<'_, '_>>, removed: &[usize]) -> Fate {
        let mark = self.patches.len();
        let mut values = twin.map(|twin| twin.items());
        let mut removed = removed.iter().copied().peekable();
        let mut children = Vec::new();
        let mut is_bare = true;
        for (index, item) in node.items().enumerate() {
            let value = values.as_mut().and_then(Iterator::next);
            let goes = removed.next_if_eq(&index).is_some();
            let fate = if goes {
                Fate::Remove
            } else if self.touched.contains(&item.id()) {
                let is_gone = self.changes.contains_key(&item.id())
                    || self.object(item, self.table.named("Element"), "");
                match (is_gone, value.is_some_and(|value| value.kind() != JsonKind::Null)) {
                    (false, _) => Fate::Keep,
                    (true, true) => Fate::Replace("null".to_owned()),
                    (true, false) => Fate::Replace(MASKED.to_owned()),
                }
            } else {
                Fate::Keep
            };
            is_bare &= match &fate {
                Fate::Remove => true,
                Fate::Replace(with) => with == "null",
                _ => item.kind() == JsonKind::Null,
            };
            children.push((item.span(), item.span(), fate));
        }
        if is_bare {
            self.patches.truncate(mark);
            return Fate::Remove;
        }
        self.children(children);
        Fate::Keep
    }

    /// The size and hash of an attachment follow its data.
    fn attachment(&self, members: &mut [Member<'_, '_>]) {
        let Some(data) = members.iter_mut().find(|m| m.key == "data" && m.fate != Fate::Keep) else { return };
        let new = if let (Some(Change::Data(bytes)), Fate::Replace(_)) =
            (self.changes.get(&data.value.id()), &data.fate)
        {
            Some(bytes)
        } else {
            data.fate = Fate::Remove;
            None
        };
        for member in members.iter_mut() {
            match (member.key, new) {
                ("size" | "hash", None) => member.fate = Fate::Remove,
                ("size", Some(bytes)) => member.fate = Fate::Replace(bytes.len().to_string()),
                ("hash", Some(bytes)) => member.fate = Fate::Replace(json_string(&attachment::sha1(bytes))),
                _ => {}
            }
        }
    }

    /// Patches the members of an object or the items of an array: whole span, span of the value, fate. At least
    /// one stays.
    fn children(&mut self, children: Vec<(Range<usize>, Range<usize>, Fate)>) {
        let mut kept_before = false;
        let mut last_end = None;
        let starts: Vec<usize> = children.iter().map(|(span, ..)| span.start).collect();
        for (index, (span, value, fate)) in children.into_iter().enumerate() {
            match fate {
                Fate::Keep => kept_before = true,
                Fate::Replace(with) => {
                    kept_before = true;
                    self.patches.push((value, with));
                }
                Fate::Instead(with) => {
                    kept_before = true;
                    self.patches.push((span.clone(), with));
                }
                Fate::Remove | Fate::Mask => {
                    let range = match (kept_before, last_end, starts.get(index.saturating_add(1))) {
                        (true, Some(end), _) => end..span.end,
                        (_, _, Some(next)) => span.start..*next,
                        (_, _, None) => span.clone(),
                    };
                    self.patches.push((range, String::new()));
                }
            }
            last_end = Some(span.end);
        }
    }
}

/// A string as JSON.
pub(super) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c)); // a String takes all
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
