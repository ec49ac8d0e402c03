//! The rules, one file each: the lines that begin with `//!` are the rule's page (`lazaret explain ID`).

use lazaret_core::{Rule, Severity};

/// A rule with what else is known of its kind.
#[derive(Debug)]
pub struct ModelRule {
    /// Id, severity, title.
    pub rule: Rule,
    /// Weaknesses (CWE numbers).
    pub cwe: &'static [u16],
    /// Techniques of MITRE ATLAS.
    pub atlas: &'static [&'static str],
    /// Its source, whose first lines are its page.
    source: &'static str,
}

impl ModelRule {
    const fn new(
        id: &'static str,
        severity: Severity,
        title: &'static str,
        cwe: &'static [u16],
        atlas: &'static [&'static str],
        source: &'static str,
    ) -> Self {
        Self { rule: Rule::new(id, severity, title), cwe, atlas, source }
    }

    /// Its page.
    pub(crate) fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

/// Model files that carry code (MITRE ATLAS: ML supply chain compromise, model).
const SUPPLY_CHAIN: &[&str] = &["AML.T0010.003"];
/// Unsafe ML artifacts that run code where they are loaded.
const RUNS_CODE: &[&str] = &["AML.T0010.003", "AML.T0011.000"];

/// Lists the files of rules and the names by which formats call them.
macro_rules! rules {
    ($($file:ident as $name:ident,)*) => {
        $(
            mod $file;
            pub(crate) use $file::RULE as $name;
        )*
        /// All rules.
        pub(crate) const ALL: &[&ModelRule] = &[$(&$name),*];
    };
}

rules! {
    // Files of any format
    format_malformed as MALFORMED,
    format_name_mismatch as NAME_MISMATCH,
    format_polyglot as POLYGLOT,
    format_trailing_bytes as TRAILING_BYTES,
    format_unknown as UNKNOWN_FORMAT,
    // Pickle, and what carries it
    pickle_build_plants_method as BUILD_PLANTS_METHOD,
    pickle_call_of_computed as CALL_OF_COMPUTED,
    pickle_code_of_package as CODE_OF_PACKAGE,
    pickle_dangerous_call as DANGEROUS_CALL,
    pickle_dangerous_global as DANGEROUS_GLOBAL,
    pickle_exhausts_memory as EXHAUSTS_MEMORY,
    pickle_extension_code as EXTENSION_CODE,
    pickle_module_dunder as MODULE_DUNDER,
    pickle_nested as NESTED_PICKLE,
    pickle_unknown_call as UNKNOWN_CALL,
    // Tensors and graphs
    coreml_custom_layer as COREML_CUSTOM_LAYER,
    executorch_delegate as EXECUTORCH_DELEGATE,
    gguf_byte_order as GGUF_BYTE_ORDER,
    gguf_duplicate_key as GGUF_DUPLICATE_KEY,
    gguf_header as GGUF_HEADER,
    gguf_tensor as GGUF_TENSOR,
    onnx_custom_operator as ONNX_CUSTOM_OPERATOR,
    onnx_external_data as ONNX_EXTERNAL_DATA,
    onnx_external_path as ONNX_EXTERNAL_PATH,
    onnx_python_operator as ONNX_PYTHON_OPERATOR,
    openvino_custom_layer as OPENVINO_CUSTOM_LAYER,
    openvino_weights as OPENVINO_WEIGHTS,
    paddle_operator as PADDLE_OPERATOR,
    safetensors_header as SAFETENSORS_HEADER,
    safetensors_layout as SAFETENSORS_LAYOUT,
    safetensors_metadata_code as SAFETENSORS_METADATA_CODE,
    tensorflow_asset_path as TENSORFLOW_ASSET_PATH,
    tensorflow_checkpoint as TENSORFLOW_CHECKPOINT,
    tensorflow_file_operator as TENSORFLOW_FILE_OPERATOR,
    tensorflow_python_operator as TENSORFLOW_PYTHON_OPERATOR,
    tensorflow_unknown_operator as TENSORFLOW_UNKNOWN_OPERATOR,
    tflite_custom_operator as TFLITE_CUSTOM_OPERATOR,
}
