//! Safetensors: a length, a JSON header that says where each tensor lies, the tensors.
//!
//! The header is read whole and held to what the format's own reader asks: tensors follow each other without hole or
//! overlap, each as long as its shape and type say, and nothing comes after the last. Tensors are handed over to `weights`.

mod metadata;

pub(crate) use metadata::runs_in_page;

use std::sync::Arc;

use lazaret_core::{Finding, FormatId, Likeness, Limit, Limits};
use lazaret_input::json::{self, JsonKind, Node};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Kind, Tensor, Tensors};

/// The longest header, as in the format's own reader.
pub(crate) const MAX_HEADER: Limit = Limit::new("safetensors.max_header", 100_000_000);

/// The length before the header.
const PREFIX: u64 = 8;

/// The types.
const TYPES: &[(&str, Kind)] = &[
    ("BF16", Kind::Bf16),
    ("BOOL", Kind::Bool),
    ("C64", Kind::Bits(64)),
    ("F16", Kind::F16),
    ("F32", Kind::F32),
    ("F4", Kind::Bits(4)),
    ("F64", Kind::F64),
    ("F6_E2M3", Kind::Bits(6)),
    ("F6_E3M2", Kind::Bits(6)),
    ("F8_E4M3", Kind::F8E4m3),
    ("F8_E4M3FNUZ", Kind::Bits(8)),
    ("F8_E5M2", Kind::F8E5m2),
    ("F8_E5M2FNUZ", Kind::Bits(8)),
    ("F8_E8M0", Kind::Bits(8)),
    ("I16", Kind::Int(2)),
    ("I32", Kind::Int(4)),
    ("I64", Kind::Int(8)),
    ("I8", Kind::Int(1)),
    ("U16", Kind::Uint(2)),
    ("U32", Kind::Uint(4)),
    ("U64", Kind::Uint(8)),
    ("U8", Kind::Uint(1)),
];

/// The format.
pub(crate) struct Safetensors;

impl ModelFormat for Safetensors {
    fn id(&self) -> FormatId {
        FormatId("safetensors")
    }

    fn about(&self) -> &'static str {
        "safetensors: tensors behind a JSON header"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["safetensors"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let (length, rest) = head.bytes.split_at_checked(8).unwrap_or_default();
        // No header is 256 TiB long: other binary files end here.
        let length_is_possible = length.get(6..).is_some_and(|high| high == [0, 0]);
        let begins = rest.iter().take(16).position(|byte| !byte.is_ascii_whitespace());
        let mut first = begins.and_then(|at| rest.get(at..)).unwrap_or_default().iter();
        let opens = first.next() == Some(&b'{');
        let goes_on = first.find(|byte| !byte.is_ascii_whitespace());
        match () {
            () if length_is_possible && opens && matches!(goes_on, None | Some(b'"' | b'}')) => {
                Likeness::Certain
            }
            () if head.extension == "safetensors" => Likeness::ByName,
            () => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let length = u64::from_le_bytes(part.array(0)?);
        let refused = |why: String| Unread { rule: &rules::SAFETENSORS_HEADER.rule, at: Some(0), why };
        looking.limits.get(MAX_HEADER).check(length).map_err(|reached| refused(reached.to_string()))?;
        let left = part.len().saturating_sub(PREFIX);
        if length > left {
            return Err(refused(format!("the header is said to have {length} bytes; {left} are left")));
        }
        let bytes = part.bytes(PREFIX, usize::try_from(length).unwrap_or(usize::MAX))?;
        if bytes.first() != Some(&b'{') {
            let why = "the header does not begin with `{`, as the format asks";
            looking.find(&rules::SAFETENSORS_HEADER, part.at(PREFIX), why);
        }
        let parsed = json::parse_at(&bytes, PREFIX, looking.limits);
        for fault in &parsed.faults {
            let at = fault.offset.saturating_add(PREFIX);
            let message = format!("in the header, byte {at}: {}", fault.message);
            looking.add(Finding::new(fault.rule, part.at(at), message));
        }
        // Where the JSON ends, or breaks off, the header may go on.
        if let Some(first) = parsed.faults.iter().map(|fault| fault.offset).min() {
            looking.hidden(part, PREFIX.saturating_add(first), length.saturating_sub(first), "its header");
        }
        let Some(document) = parsed.document else {
            looking.not_whole();
            return Ok(self.id());
        };
        let root = document.root();
        if root.kind() != JsonKind::Object {
            return Err(refused("the header is no JSON object".to_owned()));
        }
        let data = PREFIX.saturating_add(length);
        let mut tensors = Tensors::new(looking);
        let end = Layout { part, data, looking, places: Vec::new() }.read(root, &mut tensors);
        looking.tail(part, end);
        weights::judge(&tensors, part, looking);
        Ok(self.id())
    }
}

/// The header, held against the file.
struct Layout<'l, 'a> {
    part: &'l Part,
    /// Where the first tensor begins.
    data: u64,
    looking: &'l mut Looking<'a>,
    /// Begin and end of each tensor, and where in the header it is said.
    places: Vec<(u64, u64, u64)>,
}

impl Layout<'_, '_> {
    /// Reads all entries; gives where the last tensor ends.
    fn read(mut self, root: Node<'_, '_>, tensors: &mut Tensors) -> u64 {
        let file = Arc::new(self.part.clone());
        for member in root.members() {
            let at = member.key_offset.saturating_add(PREFIX);
            if member.key == "__metadata__" {
                metadata::read(member.value, self.part, self.looking);
                continue;
            }
            match extent(member.value) {
                Ok((begin, end, kind, shape)) => {
                    self.places.push((begin, end, at));
                    let from = self.data.saturating_add(begin);
                    let is_there = self.data.saturating_add(end) <= self.part.len();
                    let data = Data { part: Arc::clone(&file), from, len: end.saturating_sub(begin) };
                    let name = member.key.to_owned();
                    tensors.push(Tensor { name, kind, shape, data: Some(data).filter(|_| is_there) });
                }
                Err(why) => {
                    let message = format!("tensor `{}`: {why}", printed(member.key));
                    self.looking.find(&rules::SAFETENSORS_LAYOUT, self.part.at(at), message);
                }
            }
        }
        self.places.sort_unstable();
        let length = self.part.len().saturating_sub(self.data);
        let mut expected = 0;
        for &(begin, end, at) in &self.places {
            let why = if end > length {
                format!("a tensor ends at byte {end} of the data, which has {length}")
            } else if begin < expected {
                format!("two tensors share bytes: one begins at {begin}, the one before ends at {expected}")
            } else if begin > expected {
                let hole = begin.saturating_sub(expected);
                let from = self.data.saturating_add(expected);
                self.looking.hidden(self.part, from, hole, "bytes between its tensors");
                format!("{hole} bytes of no tensor lie before byte {begin} of the data")
            } else {
                expected = expected.max(end);
                continue;
            };
            expected = expected.max(end);
            self.looking.find(&rules::SAFETENSORS_LAYOUT, self.part.at(at), why);
        }
        self.data.saturating_add(expected.min(length))
    }
}

/// The names of the tensors of a file; none where its header cannot be read, which is told where the file is looked at.
pub(crate) fn names(part: &Part, limits: &Limits) -> Option<Vec<String>> {
    let length = u64::from_le_bytes(part.array(0).ok()?);
    limits.get(MAX_HEADER).check(length).ok()?;
    let bytes = part.bytes(PREFIX, usize::try_from(length).ok()?).ok()?;
    let document = json::parse_at(&bytes, PREFIX, limits).document?;
    let names = document.root().members().map(|member| member.key).filter(|name| *name != "__metadata__");
    Some(names.map(str::to_owned).collect())
}

/// Where a tensor lies in the data, its type and its shape, if all that is said of it agrees.
fn extent(entry: Node<'_, '_>) -> Result<(u64, u64, Kind, Vec<u64>), String> {
    if entry.kind() != JsonKind::Object {
        return Err("its entry is no object".to_owned());
    }
    if entry.members().any(|member| !matches!(member.key, "dtype" | "shape" | "data_offsets")) {
        return Err("its entry says more than type, shape and place".to_owned());
    }
    let name = entry.get("dtype").and_then(|node| node.as_str()).ok_or("it has no type")?;
    let known = TYPES.iter().find(|(known, _)| *known == name);
    let (_, kind) = known.ok_or_else(|| format!("its type `{}` is unknown", printed(name)))?;
    let shape = entry.get("shape").filter(|node| node.kind() == JsonKind::Array).ok_or("it has no shape")?;
    let too_large = "its shape is larger than any file";
    let (mut numbers, mut lengths) = (1_u64, Vec::new());
    for length in shape.items() {
        let length = whole(length).ok_or("its shape has a length that is no whole number")?;
        numbers = numbers.checked_mul(length).ok_or(too_large)?;
        lengths.push(length);
    }
    let whole_bytes =
        !matches!(kind, Kind::Bits(bits) if numbers.checked_mul(*bits).is_none_or(|bits| bits % 8 != 0));
    let size = kind.bytes(numbers).ok_or(too_large)?;
    let offsets = entry.get("data_offsets").filter(|node| node.len() == 2).ok_or("it has no place")?;
    let mut ends = offsets.items().map(whole);
    let (Some(Some(begin)), Some(Some(end))) = (ends.next(), ends.next()) else {
        return Err("its place is not given by two whole numbers".to_owned());
    };
    let length = end.checked_sub(begin).ok_or("it ends before it begins")?;
    if !whole_bytes || size != length {
        return Err(format!("its shape and type make {size} bytes, its place has {length}"));
    }
    Ok((begin, end, *kind, lengths))
}

/// A whole number, written as one: no sign, no fraction, no exponent.
fn whole(node: Node<'_, '_>) -> Option<u64> {
    node.as_number().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    const W: &str = r#""w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;

    #[test]
    fn well_made_files_are_quiet() {
        for (header, data) in [
            ("{}".to_owned(), 0),
            (format!("{{{W}}}"), 8),
            (format!("{{{W}}}     "), 8),
            (format!(r#"{{"__metadata__":{{"format":"pt"}},{W}}}"#), 8),
            (r#"{"s":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}"#.to_owned(), 2),
            (r#"{"q":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}"#.to_owned(), 2),
            (format!(r#"{{"b":{{"dtype":"U8","shape":[3,0],"data_offsets":[8,8]}},{W}}}"#), 8),
        ] {
            let report = scan(file(&header, &vec![0x80; data]), "m.safetensors");
            assert_eq!(told(&report), [""; 0], "{header}");
            assert_eq!(report.format.0, "safetensors");
        }
    }

    #[test]
    fn what_the_header_says_is_held_against_the_file() {
        for entry in [
            r#"{"dtype":"F32","shape":[2],"data_offsets":[0,800]}"#,
            r#"{"dtype":"F32","shape":[200],"data_offsets":[0,800]}"#,
            r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#,
            r#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#,
            r#"{"dtype":"F32","shape":[8589934592,8589934592],"data_offsets":[0,8]}"#,
            r#"{"dtype":"OBJ","shape":[2],"data_offsets":[0,8]}"#,
            r#"{"dtype":"F32","shape":[2],"data_offsets":[0.0,8e0]}"#,
            r#"{"dtype":"F32","shape":[2],"data_offsets":[-0,8]}"#,
            r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8],"run":1}"#,
            r#"{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#,
            "[]",
        ] {
            let report = scan(file(&format!("{{\"w\":{entry}}}"), &[0; 8]), "m.safetensors");
            assert_eq!(told(&report)[0], "safetensors.layout m.safetensors@9", "{entry}");
        }
        let twice = r#","v":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#;
        let report = scan(file(&format!("{{{W}{twice}}}"), &[0; 12]), "m.safetensors");
        assert_eq!(told(&report).len(), 1);
    }

    #[test]
    fn headers_that_readers_disagree_on_are_told() {
        let long = [&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat();
        assert_eq!(told(&scan(long, "m.safetensors")), ["safetensors.header m.safetensors@0"]);
        let space = file(&format!(" {{{W}}}"), &[0; 8]);
        assert_eq!(told(&scan(space, "m.safetensors")), ["safetensors.header m.safetensors@8"]);
        let twice = file(&format!("{{{W},{W}}}"), &[0; 8]);
        assert!(told(&scan(twice, "m"))[0].starts_with("json.duplicate-key m@"));
        let more = file(&format!("{{{W}}}"), &[0x61; 90]);
        assert_eq!(told(&scan(more, "m")), ["format.trailing-bytes m@70"]);
    }

    #[test]
    fn a_file_in_the_metadata_is_looked_at() {
        let at = |text: &str| {
            let header = format!(r#"{{"__metadata__":{{"a":"{text}"}}}}"#);
            scan(file(&header, &[]), "m.safetensors").findings
        };
        // A pickle that calls os.system, one that is a list, and a text.
        let calls = at("gAJjb3MKc3lzdGVtCnEAWAQAAAB0cnVlcQGFcQJScQMu");
        assert!(calls.iter().any(|f| f.severity == lazaret_core::Severity::Critical), "{calls:?}");
        assert_eq!(at("gAJdcQAoSwFLAksDSwRLBWUu").len(), 1);
        assert_eq!(at("gAtherings of the clinic").len(), 0);
    }

    proptest! {
        #[test]
        fn any_header_ends(header in "\\PC{0,80}", data in proptest::collection::vec(any::<u8>(), 0..40)) {
            scan(file(&format!("{{{header}"), &data), "m.safetensors");
        }

        #[test]
        fn a_changed_file_ends(at in 0_usize..70, byte in any::<u8>()) {
            let mut bytes = file(&format!("{{{W}}}"), &[0; 8]);
            bytes[at] = byte;
            scan(bytes, "m.safetensors");
        }
    }
}
