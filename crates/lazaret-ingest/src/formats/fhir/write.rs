//! Writing a record again: what is edited changes, everything else stays byte for byte.
//!
//! An element that goes takes with it what it leaves empty. Where the definitions require an element, or where
//! a replacement is no value of its type (a year for an `instant`), `data-absent-reason` `masked` stands in its
//! place, so that what is written is valid FHIR again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use lazaret_core::{Edits, Flow, Refused, UNINSPECTABLE};
use lazaret_input::json::{Document, JsonKind, Node, NodeId};

use super::attachment;
use super::meanings::{Held, Local, Part, walk};
use super::narrative;
use super::nodes::text;
use super::primitives::{Primitive, Written};
use super::reference::Target;
use super::table::{Element, Kind, ShapeId, Table, table};

/// The extension that stands for a value that may not be told.
const MASKED: &str = r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}"#;
/// The narrative that stands where one is required.
const NO_NARRATIVE: &str =
    r#"{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">[removed]</div>"}"#;

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
pub(crate) fn edited(document: &Document<'_>, bytes: &[u8], edits: &Edits) -> Result<Vec<u8>, Refused> {
    let root = document.root();
    let changes = changes(document, edits)?;
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

/// What becomes of one JSON value.
enum Change {
    Remove,
    Text(String),
    Data(Vec<u8>),
}

/// The edits of segments, as changes of JSON values.
fn changes(document: &Document<'_>, edits: &Edits) -> Result<HashMap<NodeId, Change>, Refused> {
    let mut changes = HashMap::new();
    let mut within: BTreeMap<NodeId, (String, Vec<Patch>)> = BTreeMap::new();
    let mut locals: BTreeMap<Local<'_>, Vec<NodeId>> = BTreeMap::new();
    let mut failed = None;
    let mut number = 0_usize;
    walk(document.root(), &mut |spot| {
        if let Some(local) = spot.local {
            locals.entry(local).or_default().push(spot.node.id());
        }
        let own = edits.of(number);
        let edited = |text: &str| edits.apply(number, text);
        let goes = own.iter().any(|edit| edit.whole && edit.with.expose().is_empty());
        if !own.is_empty() {
            let change = match (&spot.held, &spot.part) {
                _ if goes => Some(Change::Remove),
                (Held::Bytes(_), _) => None,
                (Held::Text(text), Part::Decoded(charset)) => {
                    edited(text).and_then(|new| charset.encode(&new).ok()).map(Change::Data)
                }
                (Held::Text(text), Part::Whole) => edited(text).map(Change::Text),
                (Held::Text(text), Part::Within(range)) => edited(text).map(|new| {
                    if !is_id(&new) {
                        return Change::Remove; // a placeholder is no id, and the same one for many would join them
                    }
                    let whole = || (spot.node.as_str().unwrap_or("").to_owned(), Vec::new());
                    within.entry(spot.node.id()).or_insert_with(whole).1.push((range.clone(), new));
                    Change::Text(String::new()) // put together below
                }),
            };
            match change {
                Some(change) => {
                    let goes = matches!(change, Change::Remove);
                    let known = changes.entry(spot.node.id()).or_insert(change);
                    if goes {
                        *known = Change::Remove;
                    }
                }
                None => failed = Some(confused()),
            }
        }
        number = number.saturating_add(1);
        if failed.is_some() { Flow::Stop } else { Flow::On }
    });
    if let Some(refused) = failed {
        return Err(refused);
    }
    for (id, (whole, parts)) in within {
        let Some(Change::Text(text)) = changes.get_mut(&id) else { continue };
        let mut at = 0;
        for (range, with) in parts {
            text.push_str(whole.get(at..range.start).ok_or_else(confused)?);
            text.push_str(&with);
            at = range.end;
        }
        text.push_str(whole.get(at..).ok_or_else(confused)?);
    }
    rename(document, &locals, &mut changes);
    Ok(changes)
}

/// A contained resource and the references to it bear one name. Where an edit changes any of them, all get the
/// name the edit gives the resource, or one made of its number where it gives none.
fn rename(
    document: &Document<'_>,
    locals: &BTreeMap<Local<'_>, Vec<NodeId>>,
    changes: &mut HashMap<NodeId, Change>,
) {
    for (number, nodes) in locals.values().enumerate() {
        if !nodes.iter().any(|node| changes.contains_key(node)) {
            continue;
        }
        let given = nodes.iter().find_map(|node| match changes.get(node) {
            Some(Change::Text(name)) if is_id(name) => Some(name.clone()),
            _ => None,
        });
        let name = given.unwrap_or_else(|| format!("local-{number}"));
        for node in nodes {
            let is_reference =
                document.node(*node).and_then(|node| node.as_str()).is_some_and(|text| text.starts_with('#'));
            let new = if is_reference { format!("#{name}") } else { name.clone() };
            changes.insert(*node, Change::Text(new));
        }
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

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
        let is_empty = members.iter().all(|m| m.fate == Fate::Remove);
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
        let is_beside = name.len() != member.key.len() && element.is_some();
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
            if member.value.kind() == JsonKind::Array {
                let (fate, removed) = self.array(member.value, member.element, owner);
                member.fate = fate;
                if !removed.is_empty() {
                    gone.insert(member.name.to_owned(), removed);
                }
            } else {
                member.fate = self.value(member.value, member.element, owner);
            }
        }
        for member in members.iter_mut().filter(|m| m.is_beside) {
            let removed = gone.get(member.name).map_or(&[][..], Vec::as_slice);
            if removed.is_empty() && !self.touched.contains(&member.value.id()) {
                continue;
            }
            let twin = node.get(member.name);
            member.fate = if member.value.kind() == JsonKind::Array {
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
        if self.object(node, shape, owner) { Fate::Remove } else { Fate::Keep }
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
                    JsonKind::Array => self.array(item, element, owner).0,
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
            } else if item.kind() == JsonKind::Object && self.touched.contains(&item.id()) {
                let is_gone = self.object(item, self.table.named("Element"), "");
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

    /// Turns wanted masks into what is written.
    fn mask(&self, members: &mut [Member<'_, '_>]) {
        for at in 0..members.len() {
            let Some(member) = members.get(at).filter(|m| m.fate == Fate::Mask) else { continue };
            let has_beside =
                members.iter().any(|m| m.is_beside && m.name == member.name && m.fate != Fate::Remove);
            let fate = match member.element.map(|element| (element, element.kind)) {
                _ if has_beside && !member.is_beside => Fate::Remove,
                Some((element, Kind::Primitive(_))) => {
                    let value = if element.many { format!("[{MASKED}]") } else { MASKED.to_owned() };
                    Fate::Instead(format!("\"_{}\":{value}", element.name))
                }
                Some((element, Kind::Shape(shape))) => {
                    let value = self.masked(shape, 0);
                    Fate::Replace(if element.many { format!("[{value}]") } else { value })
                }
                _ => Fate::Remove,
            };
            if let Some(member) = members.get_mut(at) {
                member.fate = fate;
            }
        }
    }

    /// A masked object of a shape: what it requires is masked within it.
    fn masked(&self, shape: ShapeId, depth: usize) -> String {
        let of = self.table.shape(shape);
        if of.name == "Narrative" {
            return NO_NARRATIVE.to_owned();
        }
        let mut out = MASKED.to_owned();
        let mut told = 0_u64;
        for element in of.elements.iter().filter(|element| element.required && depth < 8) {
            if told & element.bit != 0 {
                continue;
            }
            told |= element.bit;
            let (key, value) = match element.kind {
                Kind::Primitive(_) => (format!("_{}", element.name), MASKED.to_owned()),
                Kind::Shape(inner) => (element.name.to_owned(), self.masked(inner, depth.saturating_add(1))),
                Kind::Resource => continue,
            };
            let value = if element.many { format!("[{value}]") } else { value };
            out.truncate(out.len().saturating_sub(1));
            out.extend([",\"", &key, "\":", &value, "}"]);
        }
        out
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

/// What becomes of a value with a change: the new one if its type has it, else a mask.
fn changed(change: &Change, node: Node<'_, '_>, element: Option<&'static Element>, owner: &str) -> Fate {
    let new = match change {
        Change::Remove => return Fate::Remove,
        Change::Data(bytes) if bytes.is_empty() => return Fate::Remove,
        Change::Data(bytes) => return Fate::Replace(json_string(&attachment::encode(bytes))),
        Change::Text(new) => new,
    };
    let Some(Element { kind: Kind::Primitive(primitive), name, .. }) = element else {
        return if node.kind() == JsonKind::String { Fate::Replace(json_string(new)) } else { Fate::Remove };
    };
    if new.trim().is_empty() {
        return Fate::Remove;
    }
    if primitive.check(new).is_err() {
        return Fate::Mask;
    }
    match (primitive.written(), primitive) {
        (Written::Number, _) if is_json_number(new) => Fate::Replace(new.clone()),
        (Written::Number | Written::Boolean, _) => Fate::Mask,
        (_, Primitive::Xhtml) if !narrative::faults(new, narrative::MAX_NARRATIVE_DEPTH).is_empty() => {
            Fate::Remove
        }
        (_, Primitive::Base64Binary) if attachment::decode(new).is_none() => Fate::Remove,
        _ if owner == "Reference" && *name == "reference" && Target::of(new) == Target::Malformed => {
            Fate::Remove
        }
        _ => Fate::Replace(json_string(new)),
    }
}

fn is_json_number(text: &str) -> bool {
    let parsed = lazaret_input::json::parse(text.as_bytes(), &lazaret_core::Limits::default());
    parsed.faults.is_empty()
        && parsed.document.is_some_and(|document| document.root().kind() == JsonKind::Number)
}

/// A string as JSON.
fn json_string(text: &str) -> String {
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
