//! The edits of a record's pieces, as changes of its JSON values.

use std::collections::{BTreeMap, HashMap};

use lazaret_core::{Edits, Flow, Refused};
use lazaret_input::json::{Document, JsonKind, Node, NodeId};

use super::{Fate, Patch, confused, json_string};
use crate::formats::fhir::meanings::{Held, Local, Part, walk};
use crate::formats::fhir::narrative_text::NarrativeText;
use crate::formats::fhir::primitives::{Primitive, Written};
use crate::formats::fhir::reference::Target;
use crate::formats::fhir::table::{Element, Kind};
use crate::formats::fhir::{attachment, narrative};

/// What becomes of one JSON value.
pub(super) enum Change {
    Remove,
    Text(String),
    Data(Vec<u8>),
}

/// The edits of segments, as changes of JSON values.
pub(super) fn changes(document: &Document<'_>, edits: &Edits) -> Result<HashMap<NodeId, Change>, Refused> {
    let mut changes = HashMap::new();
    let mut within: BTreeMap<NodeId, (String, Vec<Patch>)> = BTreeMap::new();
    let mut locals: BTreeMap<Local<'_>, Vec<NodeId>> = BTreeMap::new();
    let mut narratives: BTreeMap<NodeId, (Vec<Patch>, bool)> = BTreeMap::new();
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
                (_, Part::Unseen) => {
                    narratives.entry(spot.node.id()).or_default().1 = true;
                    Some(Change::Text(String::new())) // put together below
                }
                _ if goes => Some(Change::Remove),
                (Held::Bytes(_), _) => None,
                (Held::Text(text), Part::Decoded(charset)) => {
                    edited(text).and_then(|new| charset.encode(&new).ok()).map(Change::Data)
                }
                (_, Part::Seen) => {
                    let pieces = own
                        .iter()
                        .map(|edit| (edit.span.start..edit.span.end, edit.with.expose().to_owned()));
                    narratives.entry(spot.node.id()).or_default().0.extend(pieces);
                    Some(Change::Text(String::new())) // put together below
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
    for (id, (pieces, without_unseen)) in narratives {
        let Some(change @ Change::Text(_)) = changes.get_mut(&id) else { continue };
        let div = document.node(id).and_then(|node| node.as_str()).ok_or_else(confused)?;
        let parts = NarrativeText::of(div).ok_or_else(confused)?;
        // An edit that meets no text (a narrative of one picture) leaves nothing that could be told apart.
        *change = parts.edited(div, &pieces, without_unseen).map_or(Change::Remove, Change::Text);
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

/// What becomes of a value with a change: the new one if its type has it, else a mask.
pub(super) fn changed(
    change: &Change,
    node: Node<'_, '_>,
    element: Option<&'static Element>,
    owner: &str,
) -> Fate {
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
