//! The binary as its user meets it, and the rules of the house.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that breaks off is a failed test; what it reads is its own"
)]

#[path = "main/admission.rs"]
mod admission;
#[path = "main/buckets.rs"]
mod buckets;
#[path = "main/canary.rs"]
mod canary;
#[path = "main/cli.rs"]
mod cli;
#[path = "main/console.rs"]
mod console;
#[path = "main/deploy.rs"]
mod deploy;
#[path = "main/docs.rs"]
mod docs;
#[path = "main/fuzz.rs"]
mod fuzz;
#[path = "main/house.rs"]
mod house;
#[path = "main/keys_export.rs"]
mod keys_export;
#[path = "main/killed.rs"]
mod killed;
#[path = "main/lakes.rs"]
mod lakes;
#[path = "main/litellm.rs"]
mod litellm;
#[cfg(unix)]
#[path = "main/mlflow.rs"]
mod mlflow;
#[path = "main/models_rules.rs"]
mod models_rules;
#[path = "main/models_scan.rs"]
mod models_scan;
#[path = "main/models_sign.rs"]
mod models_sign;
#[path = "main/ner.rs"]
mod ner;
#[path = "main/oci.rs"]
mod oci;
#[cfg(unix)]
#[path = "main/orders.rs"]
mod orders;
#[path = "main/phi_edit.rs"]
mod phi_edit;
#[path = "main/phi_tools.rs"]
mod phi_tools;
#[cfg(target_os = "linux")]
#[path = "main/power.rs"]
mod power;
#[path = "main/proposals.rs"]
mod proposals;
#[path = "main/recall.rs"]
mod recall;
#[path = "main/reference.rs"]
mod reference;
#[cfg(test)]
#[path = "main/registry.rs"]
mod registry;
#[path = "main/rollback.rs"]
mod rollback;
#[expect(unreachable_pub, reason = "the fuzzer's library, replayed here")]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;
#[cfg(feature = "ner-model")]
#[path = "../../lazaret-ner/tests/main/tiny.rs"]
mod tiny;
#[path = "main/updates.rs"]
mod updates;
#[path = "main/usage.rs"]
mod usage;
