//! What the header of a safetensors file says of a tensor does not agree with itself or with the file: tensors share
//! bytes, leave a hole, end outside the file, have another size than their shape and type make, or a type that does not
//! exist.
//!
//! **Why it matters.** The format's own reader refuses such files, others do not. Bytes that belong to no tensor are a
//! place to hide something; sizes that lie make careless readers read outside their memory.
//!
//! **Example.** A tensor of shape `[3]` and type `F32` in eight bytes.
//!
//! **How it is judged.** Offsets and lengths are whole numbers, written without sign, fraction or exponent; tensors in
//! the order of their offsets follow each other exactly. The first byte of the first is the first of the data.
//!
//! **What to do.** Do not load it with a reader that is less strict. Ask the sender for a file written by the
//! safetensors library.
//!
//! **References.** <https://github.com/huggingface/safetensors#format>; its security audit (Trail of Bits, 2023) asks for
//! files without holes. CWE-119, CWE-190.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "safetensors.layout",
    Severity::High,
    "the places, shapes and types of tensors do not agree",
    &[119, 190],
    SUPPLY_CHAIN,
    include_str!("safetensors_layout.rs"),
);
