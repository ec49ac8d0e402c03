//! Finds names, numbers and places in HL7 v2 segments by their field: `PID|1||70031877||QUILLMOOR^ILSE`.
//!
//! A line that begins with the name of a segment is read field by field: of a person's name (XPN, XCN) all components, of
//! an address (XAD) street, town and code each by itself. Text fields (`OBX-5`, `NTE-3`) are read as all text is.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(A), (B), (C), (D), (H), (J), (R).
//!
//! Example: `NK1|1|QUILLMOOR^ILSE|SPO` gives the name; `OBX|1|NM|718-7^HGB^LN` gives nothing.
//!
//! References: HL7 v2.5.1, chapters 2.A, 3 and 7.

use lazaret_core::Label;

use crate::detectors::name_column::line_at;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::digits;
use crate::view::Note;

/// See the page above.
pub(crate) struct NameHl7;

/// Longest segment that is read, in bytes.
const LONGEST: usize = 4_096;

/// What a field holds.
#[derive(Clone, Copy)]
enum Field {
    /// XPN: family, given, middle name.
    Person(Label),
    /// XCN: a number, then a name.
    Staff,
    /// CX, EI: a number, its authority in the fourth component.
    Id(Label),
    /// One value without parts.
    Plain(Label),
    /// XAD.
    Address,
    /// PL: the second component is the room, the fourth the facility.
    Place,
}

impl ShapeDetector for NameHl7 {
    fn id(&self) -> &'static str {
        "phi.name.hl7"
    }

    fn source(&self) -> &'static str {
        include_str!("name_hl7.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("NK1|1|QUILLMOOR^ILSE|SPO", "OBX|1|NM|718-7^HGB^LN||12.6|g/dL")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Signs, r"\b(?:MSH|EVN|PID|PD1|NK1|PV1|ORC|OBR|OBX|IN1|GT1|TXA|ZDS)\|")]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if !matches!(note.byte_before(hit.start), 0 | b'\n' | b'\r') {
            return;
        }
        let line = line_at(note, hit.start, LONGEST);
        let line = line.split('\r').next().unwrap_or(line);
        let segment = line.get(..3).unwrap_or("");
        // MSH-1 is the bar itself.
        let first = usize::from(segment == "MSH");
        let mut at = hit.start;
        for (number, value) in line.split('|').enumerate() {
            if number > 0
                && let Some(field) = field(segment, number + first)
            {
                let mut start = at;
                for repetition in value.split('~') {
                    read(field, start, repetition, out);
                    start += repetition.len() + 1;
                }
            }
            at += value.len() + 1;
        }
    }
}

fn field(segment: &str, number: usize) -> Option<Field> {
    Some(match (segment, number) {
        ("MSH", 4 | 6) | ("EVN", 7) | ("PD1", 3) => Field::Plain(Label::HOSPITAL),
        ("MSH", 7)
        | ("EVN", 2)
        | ("OBR", 6..=8 | 14 | 22)
        | ("ORC", 9 | 15)
        | ("OBX", 14 | 19)
        | ("PV1", 44 | 45)
        | ("IN1", 18)
        | ("GT1", 8)
        | ("TXA", 4 | 6) => Field::Plain(Label::DATE),
        ("MSH", 10) | ("ZDS", 1) => Field::Id(Label::OTHER_ID),
        ("PID", 2..=4) => Field::Id(Label::MRN),
        ("PID", 5 | 9) => Field::Person(Label::PATIENT),
        ("PID", 6) | ("NK1", 2) | ("IN1", 16) | ("GT1", 3) => Field::Person(Label::RELATIVE),
        ("PID", 7) => Field::Plain(Label::BIRTH_DATE),
        ("PID", 11) | ("NK1", 4) | ("IN1", 19) | ("GT1", 5) => Field::Address,
        ("PID", 13 | 14) | ("NK1", 5 | 6) | ("GT1", 6 | 7) => Field::Plain(Label::PHONE),
        ("PID", 18) | ("GT1", 2) => Field::Id(Label::ACCOUNT),
        ("PID", 19) | ("GT1", 12) => Field::Id(Label::SSN),
        ("PID", 20) => Field::Id(Label::LICENSE),
        ("PV1", 3) => Field::Place,
        ("PV1", 7..=9 | 17 | 52)
        | ("PD1", 4)
        | ("ORC", 10..=12)
        | ("OBR", 10 | 16 | 28)
        | ("OBX", 16)
        | ("TXA", 5 | 9)
        | ("EVN", 5) => Field::Staff,
        ("PV1", 19) => Field::Id(Label::OTHER_ID.sub("encounter")),
        ("ORC" | "OBR", 2 | 3) | ("TXA", 12) => Field::Id(Label::OTHER_ID.sub("accession")),
        ("OBX", 18) => Field::Id(Label::DEVICE),
        ("IN1", 8 | 36 | 49) => Field::Id(Label::HEALTH_PLAN),
        _ => return None,
    })
}

/// Reports one repetition of a field.
fn read(field: Field, start: usize, value: &str, out: &mut Vec<Found>) {
    let component = |wanted: usize| {
        let mut at = start;
        for (number, part) in value.split('^').enumerate() {
            if number == wanted {
                return (!part.trim().is_empty() && part != "\"\"").then_some((at, at + part.len()));
            }
            at += part.len() + 1;
        }
        None
    };
    let mut give = |label: Label, place: Option<(usize, usize)>| {
        if let Some((start, end)) = place {
            out.push(found(label, start, end, Evidence::Named));
        }
    };
    let whole = |first: usize, last: usize| {
        let parts = (first..=last).filter_map(component);
        let mut parts = parts.collect::<Vec<_>>().into_iter();
        let (start, first_end) = parts.next()?;
        let end = parts.next_back().map_or(first_end, |(_, end)| end);
        Some((start, end))
    };
    match field {
        Field::Person(label) => give(label, whole(0, 2)),
        Field::Staff => {
            // `204417`, or letters and digits: `QTECH44`.
            let number = component(0).filter(|(start_at, end)| {
                let text = value.get(start_at - start..end - start).unwrap_or("");
                digits(text) >= 4 || digits(text) > 0 && text.len() >= 5
            });
            give(
                if number.is_some_and(|(start, end)| end - start == 10) {
                    Label::LICENSE.sub("npi")
                } else {
                    Label::OTHER_ID
                },
                number,
            );
            give(Label::PROVIDER, whole(1, 3));
        }
        Field::Id(label) => {
            give(label, component(0).filter(|(start, end)| end - start >= 3));
            // The authority of a social security number or licence is a state's.
            let public = component(4)
                .and_then(|(from, to)| value.get(from - start..to - start))
                .is_some_and(|of| matches!(of, "SS" | "DL" | "MC" | "MA" | "NPI"));
            let authority = component(3).filter(|_| !public);
            give(Label::HOSPITAL, authority.filter(|_| matches!(label, Label::MRN | Label::ACCOUNT)));
        }
        Field::Plain(label) => give(label, component(0).filter(|(start, end)| end - start >= 3)),
        Field::Address => {
            give(Label::STREET, whole(0, 1));
            give(Label::CITY, component(2));
            give(Label::STATE, component(3));
            give(Label::ZIP, component(4));
            give(Label::COUNTRY, component(5));
            give(Label::COUNTY, component(8));
        }
        Field::Place => {
            give(Label::OTHER_ID.sub("room"), component(1));
            give(Label::HOSPITAL, component(3));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_are_read_by_their_place() {
        let text = "MSH|^~\\&|LIS|QUILL GENERAL|EHR||20250219||ORU^R01|Q1|P|2.5.1\rPID|1||700318^^^QGH^MR||QUILLMOOR^ILSE^M||19701102|F|||8 FEN WAY^^ZORVANY^OH^44917";
        let found = crate::Scanner::new().unwrap().scan(text, None).unwrap();
        let found: Vec<&str> = found.iter().map(|d| text.get(d.span.start..d.span.end).unwrap()).collect();
        let expected = [
            "QUILL GENERAL",
            "20250219",
            "700318",
            "QGH",
            "QUILLMOOR^ILSE^M",
            "19701102",
            "8 FEN WAY",
            "ZORVANY",
            "44917",
        ];
        assert_eq!(found, expected);
    }
}
