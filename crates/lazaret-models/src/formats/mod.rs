//! The formats, one file or folder each.

pub(crate) mod beside;
pub(crate) mod coreml;
pub(crate) mod executorch;
pub(crate) mod flatbuffers;
pub(crate) mod gguf;
pub(crate) mod json;
pub(crate) mod onnx;
pub(crate) mod paddle;
pub(crate) mod pickle;
pub(crate) mod protobuf;
pub(crate) mod safetensors;
pub(crate) mod template;
pub(crate) mod tensorflow;
pub(crate) mod tflite;
pub(crate) mod xml;
pub(crate) mod zip;
