//! Single values held against the definitions: forms of primitives, codes, references, attachments.

use std::fmt::Write as _;

use lazaret_core::{Place, Step};
use lazaret_input::json::{JsonKind, Node};

use super::Run;
use crate::formats::fhir::nodes::{items, text};
use crate::formats::fhir::primitives::{Fault, Primitive, Written};
use crate::formats::fhir::reference::Target;
use crate::formats::fhir::rules::{
    ATTACHMENT_MISMATCH, BASE64, BINDING, DATE, FORMAT, ID, REFERENCE_TARGET, TYPE,
};
use crate::formats::fhir::table::{Codes, Element};
use crate::formats::fhir::{attachment, narrative};

impl<'d, 'a> Run<'d, 'a, '_> {
    pub(super) fn primitive(
        &mut self,
        value: Node<'d, 'a>,
        extended: bool,
        primitive: Primitive,
        element: &'static Element,
        place: &Place<'_>,
    ) {
        let (text, expected) = match primitive.written() {
            Written::Boolean => (value.as_bool().map(|_| ""), "boolean"),
            Written::Number => (value.as_number(), "JSON number"),
            Written::String => (value.as_str(), "JSON string"),
        };
        let Some(text) = text else {
            if !(extended && value.kind() == JsonKind::Null) {
                let message = match primitive.written() {
                    Written::Boolean => format!("expected boolean, found {}", value.kind()),
                    Written::String if primitive == Primitive::String => {
                        format!("expected string, found {}", value.kind())
                    }
                    _ => format!("expected {} ({expected}), found {}", primitive.name(), value.kind()),
                };
                self.fault(&TYPE, place, message);
            }
            return;
        };
        if let Err((fault, why)) = primitive.check(text) {
            let rule = match fault {
                Fault::Id => &ID,
                Fault::Date => &DATE,
                Fault::Format => &FORMAT,
            };
            self.fault(rule, place, why);
            return;
        }
        self.has_data |= primitive == Primitive::Base64Binary;
        match primitive {
            Primitive::Code if element.set.is_some() => self.code(text, element, place),
            Primitive::Base64Binary if text.is_empty() || attachment::decode(text).is_none() => {
                self.fault(&BASE64, place, "not base64 (RFC 4648, with padding)");
            }
            Primitive::Xhtml => {
                for fault in narrative::faults(text, self.narrative_depth) {
                    self.fault(fault.rule, place, fault.message);
                }
            }
            _ => {}
        }
    }

    fn code(&mut self, code: &str, element: &Element, place: &Place<'_>) {
        let Some(set) = element.set.and_then(|number| self.table.set(number)) else { return };
        let holds = match &set.codes {
            Codes::Open => true,
            Codes::Bare(codes) => codes.contains(code),
            Codes::WithSystem(codes) => codes.iter().any(|known| known.rsplit('|').next() == Some(code)),
        };
        if !holds {
            let mut message = format!("code is not in the required value set `{}`", set.name);
            name_invisible(code, &mut message);
            self.fault(&BINDING, place, message);
        }
    }

    /// A concept bound to a required value set has a coding from it.
    pub(super) fn concept(&mut self, node: Node<'d, 'a>, within: Option<&Element>, place: &Place<'_>) {
        let Some(set) = within.and_then(|element| element.set).and_then(|number| self.table.set(number))
        else {
            return;
        };
        let Codes::WithSystem(codes) = &set.codes else { return };
        let mut key = String::new();
        let holds = items(node, "coding").any(|coding| {
            key.clear();
            key.push_str(text(coding, "system").unwrap_or(""));
            key.push('|');
            key.push_str(text(coding, "code").unwrap_or(""));
            codes.contains(key.as_str())
        });
        if !holds && node.get("extension").is_none() {
            let message = format!("no coding is in the required value set `{}`", set.name);
            self.fault(&BINDING, place, message);
        }
    }

    pub(super) fn reference(&mut self, node: Node<'d, 'a>, within: Option<&Element>, place: &Place<'_>) {
        let allowed = within.and_then(|element| element.targets).map(|number| self.table.targets(number));
        let judge = |of: &str| allowed.is_none_or(|allowed| allowed.contains(&of));
        if let Some(reference) = text(node, "reference") {
            let here = place.then(Step::Name("reference"));
            let of = match Target::of(reference) {
                Target::Literal { of, .. } | Target::Conditional { of, .. } => Some(of),
                Target::Contained(id) => self.around.contained.get(id).copied(),
                Target::Urn { .. } => {
                    self.bundle.as_ref().and_then(|entries| entries.get(reference)).copied()
                }
                Target::Elsewhere => None,
                Target::Malformed => {
                    let message =
                        "not a reference: neither `#id`, `Type/id` of R4, a search, nor an absolute URL";
                    self.fault(&FORMAT, &here, message);
                    None
                }
            };
            if let Some(of) = of.filter(|of| !judge(of)).and_then(|of| self.table.resource(of)) {
                let message = format!("a reference to `{}` is not allowed here", self.table.shape(of).name);
                self.fault(&REFERENCE_TARGET, &here, message);
            }
        }
        if let Some(of) = text(node, "type") {
            let of = of.strip_prefix("http://hl7.org/fhir/StructureDefinition/").unwrap_or(of);
            if self.table.resource(of).is_some() && !judge(of) {
                let here = place.then(Step::Name("type"));
                self.fault(&REFERENCE_TARGET, &here, "a reference to this type is not allowed here");
            }
        }
    }

    pub(super) fn attachment(&mut self, node: Node<'d, 'a>, place: &Place<'_>) {
        let Some(data) = text(node, "data") else { return };
        let size = node.get("size").and_then(|size| size.as_number());
        let hash = text(node, "hash");
        if size.is_none() && hash.is_none() {
            return;
        }
        let Some(bytes) = attachment::decode(data) else { return };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size.is_some_and(|size| size.parse::<u64>().is_ok_and(|size| size != length)) {
            self.fault(
                &ATTACHMENT_MISMATCH,
                &place.then(Step::Name("size")),
                "size differs from that of the data",
            );
        }
        if hash.is_some_and(|hash| !attachment::hash_holds(hash, &bytes)) {
            self.fault(&ATTACHMENT_MISMATCH, &place.then(Step::Name("hash")), "SHA-1 of the data differs");
        }
    }
}

/// Names the characters that show nothing: they may be why a code looks right.
fn name_invisible(code: &str, message: &mut String) {
    let mut named: Vec<char> = Vec::new();
    for c in code.chars().filter(|c| narrative::is_invisible(*c) || c.is_control() || *c == '\u{A0}') {
        if !named.contains(&c) && named.len() < 8 {
            named.push(c);
            let joined = if named.len() == 1 { "; contains" } else { "," };
            let _ = write!(message, "{joined} U+{:04X}", u32::from(c)); // a String takes all
        }
    }
}
