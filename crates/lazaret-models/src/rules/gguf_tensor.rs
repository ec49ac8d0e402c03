//! What a GGUF file says of a tensor cannot be: dimensions whose product is beyond any file, an unknown type, rows that
//! are not made of whole blocks, a place outside the file, bytes shared with another tensor, bytes of no tensor between
//! two, a name that stands twice.
//!
//! **Why it matters.** Loaders map tensors by these numbers into their own memory. Bytes of no tensor are a place to
//! hide something.
//!
//! **Example.** Dimensions `[2^32, 2^32, 2^32, 2^32]`: the product is 0 in 64 bits.
//!
//! **How it is judged.** The size of each tensor by its type's blocks; offsets from the start of the data, at multiples
//! of the alignment.
//!
//! **What to do.** Do not load it. Types newer than this release are unknown to it: ask which tool wrote the file.
//!
//! **References.** CVE-2024-21836, CVE-2024-23605; <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. CWE-119,
//! CWE-190.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "gguf.tensor",
    Severity::High,
    "the shape, type or place of a GGUF tensor cannot be",
    &[119, 190],
    SUPPLY_CHAIN,
    include_str!("gguf_tensor.rs"),
);
