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
    pickle_extension_code as EXTENSION_CODE,
    pickle_module_dunder as MODULE_DUNDER,
    pickle_nested as NESTED_PICKLE,
    pickle_unknown_call as UNKNOWN_CALL,
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
}
