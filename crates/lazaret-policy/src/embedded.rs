//! The schema, the default policies and the examples, as text. `lazaret init` copies them out.

/// One file of `policies/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedded {
    /// Its name within the folder, with `/`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! embedded {
    ($name:literal) => {
        Embedded { name: $name, text: include_str!(concat!("../../../policies/", $name)) }
    };
}

/// The schema every policy is checked against.
pub const SCHEMA: Embedded = embedded!("lazaret.cedarschema");

/// The default policies, sorted by name.
pub const DEFAULTS: &[Embedded] = &[
    embedded!("10-severity.cedar"),
    embedded!("20-identifiers.cedar"),
    embedded!("30-sensitivity.cedar"),
    embedded!("40-care.cedar"),
];

/// Policies that a hospital may switch on by copying them up one folder.
pub const EXAMPLES: &[Embedded] = &[
    embedded!("examples/block-formula.cedar"),
    embedded!("examples/hold-clinical-text.cedar"),
    embedded!("examples/hold-unknown-subject.cedar"),
    embedded!("examples/repair-narrative.cedar"),
    embedded!("examples/sensitive-route.cedar"),
];
