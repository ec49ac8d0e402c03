//! The formats, one file or folder each.

mod archive;
pub(crate) mod beside;
pub(crate) mod coreml;
pub(crate) mod executable;
pub(crate) mod executorch;
pub(crate) mod flatbuffers;
pub(crate) mod gguf;
pub(crate) mod json;
pub(crate) mod numpy;
pub(crate) mod onnx;
pub(crate) mod packed;
pub(crate) mod paddle;
pub(crate) mod pickle;
pub(crate) mod protobuf;
pub(crate) mod python;
pub(crate) mod requirements;
pub(crate) mod safetensors;
pub(crate) mod sevenz;
pub(crate) mod tar;
pub(crate) mod template;
pub(crate) mod tensorflow;
pub(crate) mod text;
pub(crate) mod tflite;
pub(crate) mod xml;
pub(crate) mod zip;
