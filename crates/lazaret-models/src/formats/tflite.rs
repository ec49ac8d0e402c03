//! TensorFlow Lite: the operators that a model declares, and where its buffers lie.

use lazaret_core::{FormatId, Likeness, Severity};

use super::flatbuffers::Flat;
use super::tensorflow::{Effect, effect, is_known};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

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
        for code in flat.tables(model, 1)? {
            let code = code?;
            let number = flat.i32(code, 3)?.unwrap_or(0).max(i32::from(flat.i8(code, 0)?.unwrap_or(0)));
            let name = flat.text(code, 1, 256)?.filter(|name| !name.is_empty());
            if let Some(name) = name.filter(|_| number == CUSTOM) {
                operator(&name, part, code.at, looking);
            }
        }
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
        }
        Ok(self.id())
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
        None if computes => Severity::Low,
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
            ("FlexErf", Some(Severity::Low)),
            ("FlexEvil", Some(Severity::Medium)),
            ("Evil", Some(Severity::Medium)),
            ("TFLite_Detection_PostProcess", None),
        ] {
            let report = scan(model(name, 32), "m.tflite");
            assert_eq!(report.format.0, "tflite");
            assert_eq!(report.findings.first().map(|finding| finding.severity), severity, "{name}");
        }
        assert_eq!(told(&scan(model("Evil", 9), "m.tflite")), [""; 0]);
        let broken = [&28_u32.to_le_bytes()[..], b"TFL3", &[0; 60]].concat();
        assert_eq!(told(&scan(broken, "m.tflite")), ["format.malformed m.tflite@28"]);
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
