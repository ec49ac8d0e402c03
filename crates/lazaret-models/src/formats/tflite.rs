//! TensorFlow Lite: the operators that a model declares, and where its buffers lie.

use std::sync::Arc;

use lazaret_core::{FormatId, Likeness, Severity};

use super::flatbuffers::{Flat, Table};
use super::tensorflow::{Effect, effect, is_known};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Kind, Tensor, Tensors};

/// What stands at byte 4 of every model.
const MARK: &[u8] = b"TFL3";
/// The code of an operator that is told by its name.
const CUSTOM: i32 = 32;
/// Custom operators that the interpreter brings itself.
const OWN: &[&str] = &["AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"];

/// Whether a part begins as a model does.
pub(crate) fn begins(part: &Part) -> bool {
    part.array::<8>(0).is_ok_and(|head| head.ends_with(MARK))
}

/// The format.
pub(crate) struct TfLite;

impl ModelFormat for TfLite {
    fn id(&self) -> FormatId {
        FormatId("tflite")
    }

    fn about(&self) -> &'static str {
        "TensorFlow Lite model"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tflite", "lite"]
    }

    /// Labels and vocabularies are appended as a zip archive.
    fn carries(&self, other: FormatId) -> bool {
        other.0 == "zip"
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.bytes.get(4..8) {
            Some(MARK) => Likeness::Certain,
            _ if head.extension == "tflite" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let flat = Flat::new(part, looking.limits);
        let model = flat.root()?;
        let mut codes = 0_u64;
        for code in flat.tables(model, 1)? {
            let code = code?;
            codes = codes.saturating_add(1);
            let number = flat.i32(code, 3)?.unwrap_or(0).max(i32::from(flat.i8(code, 0)?.unwrap_or(0)));
            let name = flat.text(code, 1, 256)?.filter(|name| !name.is_empty());
            if let Some(name) = name.filter(|_| number == CUSTOM) {
                operator(&name, part, code.at, looking);
            } else if !(0..=NEWEST_OPERATOR).contains(&number) {
                let message =
                    format!("the built-in operator {number} is none of the interpreter as it is known here");
                looking.find(&rules::TFLITE_CUSTOM_OPERATOR, part.at(code.at), message);
            }
        }
        let mut buffers = Vec::new();
        for buffer in flat.tables(model, 4)? {
            let buffer = buffer?;
            let data = flat.row(buffer, 0, 1)?;
            let (offset, size) = (flat.u64(buffer, 1)?.unwrap_or(0), flat.u64(buffer, 2)?.unwrap_or(0));
            // 0 and 1 say that the data lie in the table.
            if offset > 1
                && (data.is_some_and(|data| data.count > 0) || offset.saturating_add(size) > part.len())
            {
                return Err(Unread::malformed(
                    buffer.at,
                    "a buffer that lies outside the file, or in two places",
                ));
            }
            let inner = data.map_or((0, 0), |data| (data.at, data.count));
            let (from, len) = if offset > 1 { (offset, size) } else { inner };
            buffers.push(Buffer { at: buffer.at, from, len, used: false });
        }
        tensors(&flat, model, &mut buffers, part, looking)?;
        graphs(&flat, model, codes)?;
        flat.tail(looking);
        Ok(self.id())
    }
}

/// Where the bytes of a tensor, or of other data, lie.
struct Buffer {
    at: u64,
    from: u64,
    len: u64,
    used: bool,
}

/// Hands over the tensors of all graphs, holds them against their buffers, and tells buffers that nothing refers to.
fn tensors(
    flat: &Flat<'_>,
    model: Table,
    buffers: &mut [Buffer],
    part: &Part,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let (file, mut read) = (Arc::new(part.clone()), Tensors::new(looking));
    for graph in flat.tables(model, 2)? {
        for tensor in flat.tables(graph?, 0)? {
            let tensor = tensor?;
            let number = usize::try_from(flat.i32(tensor, 2)?.unwrap_or(0)).unwrap_or(usize::MAX);
            let Some(buffer) = buffers.get_mut(number) else {
                return Err(Unread::malformed(tensor.at, "a tensor of a buffer that is not there"));
            };
            buffer.used = true;
            let shape = flat.i32s(tensor, 0, MOST_DIMENSIONS)?;
            let shape: Option<Vec<u64>> = shape.iter().map(|length| u64::try_from(*length).ok()).collect();
            // What is computed has no bytes; what is sparse has others than its shape makes.
            let (Some(shape), false, false) = (shape, buffer.len == 0, flat.has(tensor, 6)?) else {
                continue;
            };
            let name = flat.text(tensor, 3, 1024)?.unwrap_or_default();
            let kind = kind_of(flat.i8(tensor, 1)?.unwrap_or(0));
            let data = Some(Data { part: Arc::clone(&file), from: buffer.from, len: buffer.len });
            let tensor = Tensor { name, kind, shape, data };
            let size = tensor.count().and_then(|count| kind.bytes(count));
            if kind != Kind::Unknown && size != Some(buffer.len) {
                let message = format!(
                    "tensor `{}`: its shape and type do not make the {} bytes of its buffer",
                    printed(&tensor.name),
                    buffer.len
                );
                looking.find(&rules::WEIGHTS_SHAPE, part.at(buffer.at), message);
            }
            read.push(tensor);
        }
    }
    for metadata in flat.tables(model, 6)? {
        let number = usize::try_from(flat.i32(metadata?, 1)?.unwrap_or(0)).unwrap_or(usize::MAX);
        buffers.get_mut(number).into_iter().for_each(|buffer| buffer.used = true);
    }
    for number in flat.i32s(model, 5, MOST_BUFFERS)? {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        buffers.get_mut(number).into_iter().for_each(|buffer| buffer.used = true);
    }
    for buffer in buffers.iter().filter(|buffer| !buffer.used && buffer.len > 0) {
        let message = format!("{} bytes of a buffer that no tensor refers to", buffer.len);
        looking.find(&rules::WEIGHTS_UNUSED, part.at(buffer.at), message);
    }
    weights::judge(&read, part, looking);
    Ok(())
}

/// Holds what the graphs refer to by number against what there is: interpreters index arrays by these numbers.
fn graphs(flat: &Flat<'_>, model: Table, codes: u64) -> Result<(), Unread> {
    let graphs = flat.row(model, 2, 4)?.map_or(0, |row| row.count);
    for graph in flat.tables(model, 2)? {
        let graph = graph?;
        let tensors = flat.row(graph, 0, 4)?.map_or(0, |row| row.count);
        // An index of -1 is that of an input that is left out.
        let names = |table: Table, field: u64| -> Result<(), Unread> {
            let indexes = flat.i32s(table, field, MOST_INDEXES)?;
            if indexes
                .iter()
                .all(|index| *index == -1 || u64::try_from(*index).is_ok_and(|index| index < tensors))
            {
                return Ok(());
            }
            Err(Unread::malformed(table.at, "a tensor is named that is not there"))
        };
        names(graph, 1)?;
        names(graph, 2)?;
        for operator in flat.tables(graph, 3)? {
            let operator = operator?;
            names(operator, 1)?;
            names(operator, 2)?;
            let code = flat.u32(operator, 0)?.unwrap_or(0);
            if u64::from(code) >= codes {
                return Err(Unread::malformed(operator.at, "an operator of a code that is not there"));
            }
            // `If` and `While` name the graphs that they run in fields 0 and 1 of their options.
            if let (Some(IF | WHILE), Some(options)) = (flat.i8(operator, 3)?, flat.inner(operator, 4)?) {
                for field in 0..2 {
                    let number = flat.i32(options, field)?.unwrap_or(0);
                    if !u64::try_from(number).is_ok_and(|number| number < graphs) {
                        return Err(Unread::malformed(options.at, "a graph is run that is not there"));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The options of `If` and `While` among those of operators.
const IF: i8 = 92;
const WHILE: i8 = 93;
/// The newest built-in operator, and a few more: newer writers are no attack.
const NEWEST_OPERATOR: i32 = 255;
/// Most indexes of tensors that one operator or graph has.
const MOST_INDEXES: usize = 100_000;

/// Most dimensions of a tensor, and most buffers of metadata, that are read.
const MOST_DIMENSIONS: usize = 64;
const MOST_BUFFERS: usize = 100_000;

/// The types of the schema whose size is fixed.
const fn kind_of(kind: i8) -> Kind {
    match kind {
        0 => Kind::F32,
        1 => Kind::F16,
        2 => Kind::Int(4),
        3 => Kind::Uint(1),
        4 => Kind::Int(8),
        6 => Kind::Bool,
        7 => Kind::Int(2),
        8 => Kind::Bits(64),
        9 => Kind::Int(1),
        10 => Kind::F64,
        11 => Kind::Bits(128),
        12 => Kind::Uint(8),
        15 => Kind::Uint(4),
        16 => Kind::Uint(2),
        17 => Kind::Bits(4),
        18 => Kind::Bf16,
        _ => Kind::Unknown,
    }
}

fn operator(name: &str, part: &Part, at: u64, looking: &mut Looking<'_>) {
    looking.met_operator("", name, || part.at(at));
    if OWN.contains(&name) {
        return;
    }
    let of_tensorflow = name.strip_prefix("Flex");
    let does = of_tensorflow.and_then(effect).filter(|does| *does != Effect::Usual);
    let message = match (of_tensorflow, does) {
        (Some(operator), Some(does)) => {
            format!("it runs the TensorFlow operator `{}`, which {}", printed(operator), does.words())
        }
        (Some(operator), None) if is_known(operator) => {
            format!(
                "it runs the TensorFlow operator `{}`: the interpreter needs TensorFlow for it",
                printed(operator)
            )
        }
        _ => format!("it has the custom operator `{}`: a native library brings it", printed(name)),
    };
    // An operator of TensorFlow that only computes needs a library that Google ships, and no other.
    let computes = does.is_none() && of_tensorflow.is_some_and(is_known);
    let severity = match does {
        Some(does) => does.severity().max(Severity::Medium),
        None if computes => Severity::Info,
        None => Severity::Medium,
    };
    let about = About::operator("", name);
    looking.find_about(severity, &rules::TFLITE_CUSTOM_OPERATOR, about, part.at(at), message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    fn short(number: usize) -> u32 {
        u32::try_from(number).unwrap()
    }

    /// A model with one code of an operator, as flatbuffers lay it out.
    fn model(name: &str, code: i32) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes[4..8].copy_from_slice(b"TFL3");
        // The list of the model's fields: operator codes are its second.
        let list = short(bytes.len());
        bytes.extend([8_u16, 8, 0, 4].iter().flat_map(|n| n.to_le_bytes()));
        let root = short(bytes.len());
        bytes[..4].copy_from_slice(&root.to_le_bytes());
        bytes.extend((root - list).to_le_bytes());
        bytes.extend(4_u32.to_le_bytes());
        // A row of one offset.
        bytes.extend(1_u32.to_le_bytes());
        let to_code = bytes.len();
        bytes.extend([0; 4]);
        let list = short(bytes.len());
        bytes.extend([12_u16, 12, 0, 4, 0, 8].iter().flat_map(|n| n.to_le_bytes()));
        let table = short(bytes.len());
        bytes[to_code..to_code + 4].copy_from_slice(&(table - short(to_code)).to_le_bytes());
        bytes.extend((table - list).to_le_bytes());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend(code.to_le_bytes());
        bytes.extend(short(name.len()).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn custom_operators_are_told_and_flex_ones_by_what_they_do() {
        use lazaret_core::Severity;
        for (name, severity) in [
            ("FlexWriteFile", Some(Severity::Critical)),
            ("FlexPyFunc", Some(Severity::Critical)),
            ("FlexErf", Some(Severity::Info)),
            ("FlexEvil", Some(Severity::Medium)),
            ("Evil", Some(Severity::Medium)),
            ("TFLite_Detection_PostProcess", None),
        ] {
            let report = scan(model(name, 32), "m.tflite");
            assert_eq!(report.format.0, "tflite");
            assert_eq!(report.findings.first().map(|finding| finding.severity), severity, "{name}");
        }
        assert_eq!(told(&scan(model("Evil", 9), "m.tflite")), [""; 0]);
        assert_eq!(told(&scan(model("Evil", 9999), "m.tflite")).len(), 1);
        let broken = [&28_u32.to_le_bytes()[..], b"TFL3", &[0; 60]].concat();
        assert_eq!(told(&scan(broken, "m.tflite")), ["format.malformed m.tflite@28"]);
    }

    #[test]
    fn a_file_behind_the_tables_is_found() {
        let call = b"\x80\x04cposix\nsystem\n(X\x04\0\0\0truetR.";
        let mut bytes = model("FlexErf", 32);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        let quiet = scan(bytes.clone(), "m.tflite");
        assert_eq!(quiet.findings.len(), 1);
        let found = told(&scan([&bytes[..], call].concat(), "m.tflite"));
        assert!(found.iter().any(|told| told.starts_with("pickle.dangerous-call m.tflite@")), "{found:?}");
    }

    proptest! {
        #[test]
        fn a_changed_model_ends(at in 0_usize..80, byte in any::<u8>()) {
            let mut bytes = model("FlexErf", 32);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            scan(bytes, "m.tflite");
        }
    }
}
