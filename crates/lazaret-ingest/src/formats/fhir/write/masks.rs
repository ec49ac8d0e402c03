//! Masks: what stands where a value may not be told and yet one is required.

use super::{Fate, Member, Writer};
use crate::formats::fhir::table::{Kind, ShapeId};

/// The extension that stands for a value that may not be told.
pub(super) const MASKED: &str = r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}"#;
/// That extension alone.
pub(super) const MASKED_EXTENSION: &str =
    r#"{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}"#;
/// The narrative that stands where one is required.
const NO_NARRATIVE: &str =
    r#"{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">[removed]</div>"}"#;

impl Writer {
    /// Turns wanted masks into what is written.
    pub(super) fn mask(&self, members: &mut [Member<'_, '_>]) {
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
}
