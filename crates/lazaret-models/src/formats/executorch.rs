//! `ExecuTorch` programs: who runs their parts, and where their segments lie.

use lazaret_core::{FormatId, Likeness, Severity};

use super::flatbuffers::Flat;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// Backends that are part of `ExecuTorch`.
const BACKENDS: &[&str] = &[
    "AOTIBackend",
    "ArmBackend",
    "CadenceBackend",
    "CoreMLBackend",
    "CudaBackend",
    "EnnBackend",
    "EthosUBackend",
    "MPSBackend",
    "MetalBackend",
    "NeuropilotBackend",
    "NXPBackend",
    "NeutronBackend",
    "OpenvinoBackend",
    "QnnBackend",
    "VGF",
    "VgfBackend",
    "VulkanBackend",
    "XnnpackBackend",
];

/// Libraries of operators that are part of `ExecuTorch` or of its export.
const LIBRARIES: &[&str] = &[
    "aten",
    "cadence",
    "cortex_m",
    "dim_order_ops",
    "et_vk",
    "executorch_prim",
    "llama",
    "prims",
    "quantized_decomposed",
    "torchao",
];

/// The format.
pub(crate) struct ExecuTorch;

impl ModelFormat for ExecuTorch {
    fn id(&self) -> FormatId {
        FormatId("executorch")
    }

    fn about(&self) -> &'static str {
        "ExecuTorch program"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pte"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.bytes.get(4..8) {
            Some([b'E', b'T', a, b]) if a.is_ascii_digit() && b.is_ascii_digit() => Likeness::Certain,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        // The header that newer programs have says where tables end and segments begin.
        let header = match part.array::<32>(8) {
            Ok(header) if header.starts_with(b"eh00") => Some(header),
            _ => None,
        };
        let number = |at: usize| {
            let bytes =
                header.as_ref().and_then(|header| header.get(at..)).and_then(|rest| rest.first_chunk::<8>());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let (tables, segments) = (number(8), number(16));
        if tables > part.len() || segments > part.len() {
            return Err(Unread::malformed(8, "the header says more than the file has"));
        }
        let flat = Flat::new(part, looking.limits);
        let program = flat.root()?;
        for plan in flat.tables(program, 1)? {
            let plan = plan?;
            for operator in flat.tables(plan, 6)? {
                let operator = operator?;
                let name = flat.text(operator, 0, 256)?.unwrap_or_default();
                let library = name.split_once("::").map_or("", |(library, _)| library);
                if !LIBRARIES.contains(&library) {
                    let message = format!(
                        "the operator `{}` is of no known library: the app brings its code",
                        printed(&name)
                    );
                    looking.find(&rules::EXECUTORCH_DELEGATE, part.at(operator.at), message);
                }
            }
            for delegate in flat.tables(plan, 7)? {
                let delegate = delegate?;
                let id = flat.text(delegate, 0, 256)?.unwrap_or_default();
                let known = BACKENDS.contains(&id.as_str());
                let severity = if known { Severity::Info } else { Severity::Medium };
                let message = format!("the backend `{}` runs a part of the program", printed(&id));
                looking.find_as(severity, &rules::EXECUTORCH_DELEGATE, part.at(delegate.at), message);
            }
        }
        let mut end = tables;
        for segment in flat.tables(program, 4)? {
            let segment = segment?;
            let (offset, size) = (flat.u64(segment, 0)?.unwrap_or(0), flat.u64(segment, 1)?.unwrap_or(0));
            let last = segments.saturating_add(offset).saturating_add(size);
            if last > part.len() {
                return Err(Unread::malformed(segment.at, "a segment that lies outside the file"));
            }
            end = end.max(last);
        }
        if header.is_some() && end > 0 {
            looking.tail(part, end);
        } else {
            flat.tail(looking);
        }
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn a_program_without_tables_is_malformed() {
        let bytes = [&16_u32.to_le_bytes()[..], b"ET12", &[0; 60]].concat();
        let report = scan(bytes, "m.pte");
        assert_eq!(
            (report.format.0, told(&report)),
            ("executorch", vec!["format.malformed m.pte@16".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn any_program_ends(bytes in proptest::collection::vec(0_u8..48, 40..200)) {
            let mut bytes = bytes;
            bytes[..16].copy_from_slice(b"\x28\0\0\0ET12eh00\x20\0\0\0");
            scan(bytes, "m.pte");
        }
    }
}
