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
    format_hidden_content as HIDDEN_CONTENT,
    format_malformed as MALFORMED,
    format_name_mismatch as NAME_MISMATCH,
    format_polyglot as POLYGLOT,
    format_trailing_bytes as TRAILING_BYTES,
    format_unknown as UNKNOWN_FORMAT,
    // The hospital's own rules
    allowlist_expired as ALLOWLIST_EXPIRED,
    // Archives
    archive_duplicate_member as DUPLICATE_MEMBER,
    archive_encrypted as ENCRYPTED,
    archive_gap as GAP,
    archive_header_mismatch as HEADER_MISMATCH,
    archive_hidden_member as HIDDEN_MEMBER,
    archive_link as LINK,
    archive_member_unreadable as MEMBER_UNREADABLE,
    archive_path_escapes as PATH_ESCAPES,
    archive_prefix as PREFIX,
    archive_special_file as SPECIAL_FILE,
    // Programs, and archives that carry code
    executable_compiled_engine as COMPILED_ENGINE,
    executable_program as PROGRAM,
    torch_package_code as PACKAGE_CODE,
    torchscript_custom_operator as TORCHSCRIPT_CUSTOM_OPERATOR,
    torchscript_reaches_out as TORCHSCRIPT_REACHES_OUT,
    torchserve_handler_code as HANDLER_CODE,
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
    paddle_unknown_operator as PADDLE_UNKNOWN_OPERATOR,
    safetensors_header as SAFETENSORS_HEADER,
    safetensors_layout as SAFETENSORS_LAYOUT,
    safetensors_metadata_code as SAFETENSORS_METADATA_CODE,
    tensorflow_asset_path as TENSORFLOW_ASSET_PATH,
    tensorflow_checkpoint as TENSORFLOW_CHECKPOINT,
    tensorflow_file_operator as TENSORFLOW_FILE_OPERATOR,
    tensorflow_python_operator as TENSORFLOW_PYTHON_OPERATOR,
    tensorflow_unknown_operator as TENSORFLOW_UNKNOWN_OPERATOR,
    tflite_custom_operator as TFLITE_CUSTOM_OPERATOR,
    xml_foreign_content as XML_FOREIGN_CONTENT,
    // Weights
    weights_architecture_mismatch as WEIGHTS_ARCHITECTURE,
    weights_embedded_payload as WEIGHTS_PAYLOAD,
    weights_hidden_tensor as WEIGHTS_HIDDEN,
    weights_index_mismatch as WEIGHTS_INDEX,
    weights_mixed_precision as WEIGHTS_MIXED,
    weights_not_numbers as WEIGHTS_NOT_NUMBERS,
    weights_outlier_layer as WEIGHTS_LAYER,
    weights_outlier_row as WEIGHTS_ROW,
    weights_replaced_bytes as WEIGHTS_REPLACED,
    weights_shape_mismatch as WEIGHTS_SHAPE,
    weights_unused_storage as WEIGHTS_UNUSED,
    // Templates
    template_backdoor as TEMPLATE_BACKDOOR,
    template_exhausts as TEMPLATE_EXHAUSTS,
    template_includes as TEMPLATE_INCLUDES,
    template_malformed as TEMPLATE_MALFORMED,
    template_sandbox_escape as TEMPLATE_ESCAPE,
    // Configurations and code of model repositories
    config_command as CONFIG_COMMAND,
    config_secret as CONFIG_SECRET,
    dockerfile_runs_download as RUNS_DOWNLOAD,
    hf_missing_shard as HF_MISSING_SHARD,
    hf_path_escape as HF_PATH_ESCAPE,
    hf_remote_code as HF_REMOTE_CODE,
    package_build_code as BUILD_CODE,
    notebook_active_output as NOTEBOOK_ACTIVE_OUTPUT,
    notebook_command as NOTEBOOK_COMMAND,
    oci_digest_mismatch as OCI_DIGEST,
    package_record_mismatch as RECORD_MISMATCH,
    package_start_up_code as START_UP_CODE,
    python_dangerous_call as PYTHON_DANGEROUS_CALL,
    python_remote_code as PYTHON_REMOTE_CODE,
    requirements_foreign_source as REQUIREMENTS_FOREIGN_SOURCE,
    // NumPy
    numpy_header_code as NUMPY_HEADER_CODE,
    numpy_object_array as NUMPY_OBJECT_ARRAY,
    numpy_size_mismatch as NUMPY_SIZE_MISMATCH,
    // Keras, HDF5, skops, R, YAML and what is written in it
    keras_lambda as KERAS_LAMBDA,
    keras_foreign_callable as KERAS_FOREIGN_CALLABLE,
    keras_custom_object as KERAS_CUSTOM_OBJECT,
    keras_reads_file as KERAS_READS_FILE,
    keras_config_unreadable as KERAS_CONFIG_UNREADABLE,
    hdf5_unreadable as HDF5_UNREADABLE,
    hdf5_external_link as HDF5_EXTERNAL_LINK,
    hdf5_external_storage as HDF5_EXTERNAL_STORAGE,
    hdf5_claimed_size as HDF5_CLAIMED_SIZE,
    skops_callable as SKOPS_CALLABLE,
    skops_untrusted_type as SKOPS_UNTRUSTED_TYPE,
    rds_promise as RDS_PROMISE,
    yaml_python_tag as YAML_PYTHON_TAG,
    yaml_alias_bomb as YAML_ALIAS_BOMB,
    config_target as CONFIG_TARGET,
    mlflow_loader as MLFLOW_LOADER,
    format_claimed_size as CLAIMED_SIZE,
    msgpack_unknown_extension as UNKNOWN_EXTENSION,
    // Known faults of packages
    vulnerability_known as VULNERABILITY_KNOWN,
    vulnerability_possible as VULNERABILITY_POSSIBLE,
    vulnerability_unpinned as VULNERABILITY_UNPINNED,
    vulnerability_writer as VULNERABILITY_WRITER,
    // Where models are from
    provenance_invalid as PROVENANCE_INVALID,
    provenance_malformed as PROVENANCE_MALFORMED,
    provenance_wrong_builder as PROVENANCE_WRONG_BUILDER,
    provenance_wrong_source as PROVENANCE_WRONG_SOURCE,
    provenance_wrong_subject as PROVENANCE_WRONG_SUBJECT,
    // Signatures of models
    signature_digest_mismatch as DIGEST_MISMATCH,
    signature_ignored_path as IGNORED_PATH,
    signature_invalid as SIGNATURE_INVALID,
    signature_legacy as SIGNATURE_LEGACY,
    signature_log_entry as SIGNATURE_LOG_ENTRY,
    signature_malformed as SIGNATURE_MALFORMED,
    signature_missing_file as MISSING_FILE,
    signature_path_escapes_model as PATH_ESCAPES_MODEL,
    signature_symlink as SIGNATURE_SYMLINK,
    signature_time_unknown as SIGNING_TIME_UNKNOWN,
    signature_timestamp as SIGNATURE_TIMESTAMP,
    signature_unsigned as UNSIGNED,
    signature_unsigned_file as UNSIGNED_FILE,
    signature_untrusted_certificate as UNTRUSTED_CERTIFICATE,
    signature_wrong_identity as SIGNATURE_WRONG_IDENTITY,
}
