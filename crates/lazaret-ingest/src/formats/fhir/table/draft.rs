//! Reading the embedded table: its lines, and the arrays they become.

use std::collections::HashMap;

use super::hash::Hasher;
use super::{CodeSet, Codes, Element, Kind, Shape, ShapeId, Table, key_slots, number};
use crate::formats::fhir::invariants;
use crate::formats::fhir::primitives::Primitive;

/// Reads the table.
pub(super) fn parse(text: &'static str) -> Table {
    let mut draft = Draft::default();
    for line in text.lines() {
        let mut fields = line.split('\t');
        match fields.next() {
            Some("V") => draft.value_set(fields),
            Some("S") => draft.shape(fields),
            Some("e") => draft.element(fields),
            _ => {}
        }
    }
    draft.finish()
}

/// The lines of the table, before types are resolved: a type may come after its use.
#[derive(Default)]
struct Draft {
    sets: Vec<CodeSet>,
    set_numbers: HashMap<&'static str, u16>,
    shapes: Vec<DraftShape>,
}

struct DraftShape {
    kind: &'static str,
    name: &'static str,
    base: &'static str,
    elements: Vec<DraftElement>,
}

#[derive(Clone, Copy)]
struct DraftElement {
    name: &'static str,
    required: bool,
    many: bool,
    types: &'static str,
    set: Option<u16>,
}

impl Draft {
    fn value_set(&mut self, mut fields: std::str::Split<'static, char>) {
        let (Some(name), Some(mode)) = (fields.next(), fields.next()) else { return };
        let codes = match mode {
            "codes" => Codes::Bare(fields.collect()),
            "systems" => Codes::WithSystem(fields.collect()),
            _ => Codes::Open,
        };
        self.set_numbers.insert(name, number(self.sets.len()));
        self.sets.push(CodeSet { name, codes });
    }

    fn shape(&mut self, mut fields: std::str::Split<'static, char>) {
        if let (Some(kind), Some(name), Some(base)) = (fields.next(), fields.next(), fields.next()) {
            self.shapes.push(DraftShape { kind, name, base, elements: Vec::new() });
        }
    }

    fn element(&mut self, mut fields: std::str::Split<'static, char>) {
        let mut next = || fields.next().unwrap_or("");
        let (name, min, max, types, set) = (next(), next(), next(), next(), next());
        let set = self.set_numbers.get(set).copied();
        if let Some(shape) = self.shapes.last_mut() {
            shape.elements.push(DraftElement { name, required: min != "0", many: max == "*", types, set });
        }
    }

    fn finish(self) -> Table {
        let by_name: HashMap<&'static str, ShapeId, Hasher> = self
            .shapes
            .iter()
            .enumerate()
            .map(|(index, shape)| (shape.name, ShapeId(number(index))))
            .collect();
        let mut targets = TargetLists::default();
        let shapes: Vec<Shape> = self
            .shapes
            .iter()
            .map(|draft| {
                let mut elements = Vec::new();
                let mut bits = 0_u32;
                for element in self.with_inherited(draft) {
                    spread(element, &by_name, &mut targets, &mut bits, &mut elements);
                }
                let required = elements.iter().filter(|e| e.required).fold(0, |all, e| all | e.bit);
                let is_domain = elements.iter().any(|element| element.name == "contained");
                Shape {
                    name: draft.name,
                    is_resource: draft.kind == "R",
                    elements,
                    required,
                    constraints: invariants::of(draft.name, draft.kind == "R" && is_domain),
                }
            })
            .collect();
        let keys = key_slots(&shapes);
        Table { shapes, by_name, keys, sets: self.sets, targets: targets.lists }
    }

    fn with_inherited(&self, shape: &DraftShape) -> Vec<DraftElement> {
        let mut chain = vec![shape];
        let mut base = shape.base;
        while let Some(next) = self.shapes.iter().find(|other| other.name == base) {
            chain.push(next);
            base = next.base;
        }
        chain.iter().rev().flat_map(|shape| shape.elements.iter().copied()).collect()
    }
}

#[derive(Default)]
struct TargetLists {
    lists: Vec<Vec<&'static str>>,
    numbers: HashMap<&'static str, u16>,
}

impl TargetLists {
    fn number(&mut self, joined: &'static str) -> u16 {
        if let Some(known) = self.numbers.get(joined) {
            return *known;
        }
        let new = number(self.lists.len());
        self.lists.push(joined.split('|').collect());
        self.numbers.insert(joined, new);
        new
    }
}

/// Turns one line into the elements it stands for: one, or one for each type of a choice.
fn spread(
    draft: DraftElement,
    by_name: &HashMap<&'static str, ShapeId, Hasher>,
    targets: &mut TargetLists,
    bits: &mut u32,
    out: &mut Vec<Element>,
) {
    let choice = draft.name.strip_suffix("[x]");
    let bit = if draft.required || choice.is_some() {
        let bit = 1_u64.checked_shl(*bits).unwrap_or(0);
        *bits = bits.saturating_add(1);
        bit
    } else {
        0
    };
    for of in draft.types.split(',') {
        let (code, to) = match of.split_once('(') {
            Some((code, to)) => (code, Some(targets.number(to.trim_end_matches(')')))),
            None => (of, None),
        };
        let code = code.trim_start_matches('@');
        let kind = match (Primitive::of(code), code, by_name.get(code)) {
            (Some(primitive), ..) => Kind::Primitive(primitive),
            (None, _, Some(id)) if code != "Resource" => Kind::Shape(*id),
            _ => Kind::Resource,
        };
        out.push(Element {
            name: choice.map_or(draft.name, |stem| choice_key(stem, code)),
            stem: choice.unwrap_or(draft.name),
            kind,
            required: draft.required,
            many: draft.many,
            bit,
            is_choice: choice.is_some(),
            set: draft.set,
            targets: to,
        });
    }
}

/// `value` and `dateTime` give `valueDateTime`. Made once for each of the table's choices and kept for as long
/// as the program runs.
fn choice_key(stem: &str, code: &str) -> &'static str {
    let code = match code {
        "SimpleQuantity" | "MoneyQuantity" => "Quantity",
        other => other,
    };
    let mut key = String::with_capacity(stem.len().saturating_add(code.len()));
    key.push_str(stem);
    let mut letters = code.chars();
    key.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
    key.push_str(letters.as_str());
    key.leak()
}
