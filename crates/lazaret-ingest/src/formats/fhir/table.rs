//! The official R4 definitions as one compact embedded table, read once into flat arrays.
//!
//! A *shape* is a resource, a data type or a backbone element. Choice elements (`value[x]`) are spread into one
//! element for each type, as the keys stand in JSON.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::invariants::{self, Constraint};
use super::primitives::Primitive;

static TEXT: &str = include_str!("../../../../../catalogue/fhir/r4.table");
static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(TEXT));

/// The number of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShapeId(u16);

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Primitive(Primitive),
    Shape(ShapeId),
    /// Any resource.
    Resource,
}

/// One key an object of a shape may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    pub(crate) name: &'static str,
    /// The name without its type where it is one of a choice: `value`.
    pub(crate) stem: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) many: bool,
    /// Its bit among what a shape requires and among its choices; 0 where it is neither.
    pub(crate) bit: u64,
    pub(crate) is_choice: bool,
    pub(crate) set: Option<u16>,
    pub(crate) targets: Option<u16>,
}

/// A resource, a data type or a backbone element.
#[derive(Debug)]
pub(crate) struct Shape {
    /// `Patient`, `HumanName`, `Observation.component`.
    pub(crate) name: &'static str,
    pub(crate) is_resource: bool,
    pub(crate) elements: Vec<Element>,
    /// The bits of what must be there, with the names for the message.
    pub(crate) required: u64,
    pub(crate) constraints: Vec<&'static Constraint>,
}

/// The codes of a required binding.
#[derive(Debug)]
pub(crate) struct CodeSet {
    pub(crate) name: &'static str,
    pub(crate) codes: Codes,
}

/// What is known of a value set's codes.
#[derive(Debug)]
pub(crate) enum Codes {
    /// The definitions do not enumerate it: the form of the code alone is checked.
    Open,
    /// Bare codes.
    Bare(HashSet<&'static str, Hasher>),
    /// `system|code`.
    WithSystem(HashSet<&'static str, Hasher>),
}

/// The definitions.
#[derive(Debug)]
pub(crate) struct Table {
    shapes: Vec<Shape>,
    by_name: HashMap<&'static str, ShapeId, Hasher>,
    /// (shape, key) to the element's number in its shape.
    keys: Vec<Slot>,
    sets: Vec<CodeSet>,
    targets: Vec<Vec<&'static str>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    shape: u16,
    element: u16,
}

const NO_SLOT: Slot = Slot { shape: u16::MAX, element: 0 };

/// The table of this program.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

impl Table {
    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        // Every id comes from this table.
        self.shapes.get(usize::from(id.0)).unwrap_or(&EMPTY)
    }

    /// A data type, a resource or the path of a backbone element.
    pub(crate) fn named(&self, name: &str) -> Option<ShapeId> {
        self.by_name.get(name).copied()
    }

    /// A concrete resource type.
    pub(crate) fn resource(&self, name: &str) -> Option<ShapeId> {
        self.named(name).filter(|id| self.shape(*id).is_resource)
    }

    /// The element a key of a shape stands for.
    pub(crate) fn element(&self, shape: ShapeId, key: &str) -> Option<&Element> {
        let mask = self.keys.len().wrapping_sub(1);
        let mut at = hash(shape.0, key) & mask;
        loop {
            let slot = *self.keys.get(at)?;
            if slot.shape == u16::MAX {
                return None;
            }
            if slot.shape == shape.0 {
                let element = self.shape(shape).elements.get(usize::from(slot.element))?;
                if element.name == key {
                    return Some(element);
                }
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    pub(crate) fn set(&self, number: u16) -> Option<&CodeSet> {
        self.sets.get(usize::from(number))
    }

    /// The types a reference element may point to.
    pub(crate) fn targets(&self, number: u16) -> &[&'static str] {
        self.targets.get(usize::from(number)).map_or(&[], Vec::as_slice)
    }

    /// The required value sets whose codes the definitions do not enumerate.
    pub(crate) fn open_sets(&self) -> impl Iterator<Item = &'static str> {
        self.sets.iter().filter(|set| matches!(set.codes, Codes::Open)).map(|set| set.name)
    }

    /// The element of a shape whose name is nearest to a key, if one is near.
    pub(crate) fn nearest(&self, shape: ShapeId, key: &str) -> Option<&'static str> {
        if key.len() > 64 {
            return None;
        }
        let most = if key.len() < 5 { 1 } else { 2 };
        let names = self.shape(shape).elements.iter().map(|element| element.name);
        let near = names.map(|name| (distance(key, name), name)).filter(|(distance, _)| *distance <= most);
        near.min().map(|(_, name)| name)
    }

    fn parse(text: &'static str) -> Self {
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
}

static EMPTY: Shape =
    Shape { name: "", is_resource: false, elements: Vec::new(), required: 0, constraints: Vec::new() };

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

fn key_slots(shapes: &[Shape]) -> Vec<Slot> {
    let count: usize = shapes.iter().map(|shape| shape.elements.len()).sum();
    let mut slots = vec![NO_SLOT; count.saturating_mul(2).next_power_of_two()];
    let mask = slots.len().wrapping_sub(1);
    for (shape, of) in shapes.iter().enumerate() {
        for (element, of) in of.elements.iter().enumerate() {
            let mut at = hash(number(shape), of.name) & mask;
            while slots.get(at).is_some_and(|slot| slot.shape != u16::MAX) {
                at = at.wrapping_add(1) & mask;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = Slot { shape: number(shape), element: number(element) };
            }
        }
    }
    slots
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// A fast hash; the keys of the table are fixed, so nobody can crowd one of its slots, and a key from outside
/// is looked up and never kept.
fn hash(shape: u16, key: &str) -> usize {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(shape).wrapping_mul(0xA24B_AED4_963E_E407);
    let mut chunks = key.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        state = (state.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
    let rest = chunks.remainder().iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    state = (state.rotate_left(5) ^ rest).wrapping_mul(0x517C_C1B7_2722_0A95);
    usize::try_from(state >> 32).unwrap_or(0)
}

/// The hasher of the table's own maps: see [`hash`].
pub(crate) type Hasher = std::hash::BuildHasherDefault<WordHasher>;

/// Hashes a string by words.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct WordHasher(u64);

impl std::hash::Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
        }
    }
}

/// How many letters must be put in, taken out or changed (in either case) to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX; // far enough, without counting
    }
    strsim::levenshtein(&a.to_ascii_lowercase(), &b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_resource_and_resolves_every_type() {
        let table = table();
        let resources = table.shapes.iter().filter(|shape| shape.is_resource).count();
        assert!(resources >= 147, "{resources}");
        for shape in &table.shapes {
            let mut bits = 0_u64;
            for element in &shape.elements {
                assert!(!element.name.contains(['[', '@']), "{} {}", shape.name, element.name);
                if let Kind::Resource = element.kind {
                    assert!(
                        matches!(element.stem, "resource" | "contained"),
                        "{} {}",
                        shape.name,
                        element.name
                    );
                }
                assert!(!(element.required || element.is_choice) || element.bit != 0, "{}", shape.name);
                bits |= element.bit;
                let id = table.named(shape.name).unwrap();
                assert_eq!(table.element(id, element.name).unwrap().name, element.name, "{}", shape.name);
            }
            assert_eq!(shape.required & !bits, 0);
        }
    }

    #[test]
    fn keys_are_found_in_their_shape_alone() {
        let table = table();
        let patient = table.resource("Patient").unwrap();
        assert_eq!(table.element(patient, "birthDate").unwrap().kind, Kind::Primitive(Primitive::Date));
        assert!(table.element(patient, "birthdate").is_none());
        assert!(table.element(patient, "valueQuantity").is_none());
        let observation = table.resource("Observation").unwrap();
        let value = table.element(observation, "valueQuantity").unwrap();
        assert!(value.is_choice && value.stem == "value" && !value.required);
        assert!(table.resource("HumanName").is_none() && table.resource("DomainResource").is_none());
    }

    #[test]
    fn the_nearest_name_is_said_when_one_is_near() {
        let table = table();
        let patient = table.resource("Patient").unwrap();
        assert_eq!(table.nearest(patient, "birthdate"), Some("birthDate"));
        assert_eq!(table.nearest(patient, "adress"), Some("address"));
        assert_eq!(table.nearest(patient, "favouriteColour"), None);
    }

    #[test]
    fn the_table_is_read_in_little_time() {
        let start = std::time::Instant::now();
        let table = Table::parse(TEXT);
        assert!(table.shapes.len() > 600);
        assert!(start.elapsed().as_millis() < 2_000, "even unoptimised: {:?}", start.elapsed());
    }
}
