//! The official R4 definitions as one compact embedded table, read once into flat arrays.
//!
//! A *shape* is a resource, a data type or a backbone element. Choice elements (`value[x]`) are spread into one
//! element for each type, as the keys stand in JSON.

mod draft;
mod hash;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use hash::{Hasher, hash};

use super::invariants::Constraint;
use super::primitives::Primitive;

static TEXT: &str = include_str!("../../../../../catalogue/fhir/r4.table");
static TABLE: LazyLock<Table> = LazyLock::new(|| draft::parse(TEXT));

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
}

static EMPTY: Shape =
    Shape { name: "", is_resource: false, elements: Vec::new(), required: 0, constraints: Vec::new() };

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
        let table = draft::parse(TEXT);
        assert!(table.shapes.len() > 600);
        assert!(start.elapsed().as_millis() < 2_000, "even unoptimised: {:?}", start.elapsed());
    }
}
