//! What a file says of a tensor (shape, type, place, strides) needs other bytes than it has.
//!
//! **Why it matters.** A careless loader reads beyond the bytes of the tensor; a careful one refuses. Bytes that no shape
//! covers are a place to hide something.
//!
//! **Example.** A PyTorch tensor of `[1000, 1000]` over a storage of 16 bytes. An ONNX initialiser of `[2]` binary32 numbers
//! with twelve bytes.
//!
//! **How it is judged.** PyTorch: the last element that offset, sizes and strides reach, against the storage and the member
//! that holds it. ONNX: dimensions times type against `raw_data`. TensorFlow checkpoints: shape times type against the size in
//! the index. Keras and other HDF5: dimensions times type against the stored length. safetensors, GGUF and NumPy have rules of
//! their own (`safetensors.layout`, `gguf.tensor`, `numpy.size-mismatch`).
//!
//! **What to do.** Do not load it. Ask the sender for the file as the library wrote it.
//!
//! **References.** `torch/_utils.py` (`_rebuild_tensor`), `onnx.proto` (`TensorProto`). CWE-119, CWE-1284.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.shape-mismatch",
    Severity::Medium,
    "the shape and type of a tensor do not fit its bytes",
    &[119, 1284],
    SUPPLY_CHAIN,
    include_str!("weights_shape_mismatch.rs"),
);
