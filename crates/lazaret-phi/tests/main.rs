//! The detector from outside: the fixtures of `testdata/phi`, its registry, and any text at all.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "helpers of tests: a failure is a failed test")]

#[path = "main/cases.rs"]
mod cases;
#[path = "main/clinical.rs"]
mod clinical;
#[path = "main/context.rs"]
mod context;
#[path = "main/dates.rs"]
mod dates;
#[path = "../examples/train/inputs.rs"]
mod inputs;
#[path = "main/kinds.rs"]
mod kinds;
#[path = "main/knowledge.rs"]
mod knowledge;
#[path = "main/languages.rs"]
mod languages;
#[path = "main/provenance.rs"]
mod provenance;
#[path = "main/registry.rs"]
mod registry;
#[path = "main/residual.rs"]
mod residual;
#[path = "main/text.rs"]
mod text;
#[path = "main/training.rs"]
mod training;
