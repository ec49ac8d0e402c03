//! A configuration tells the loader to import Python that comes with the model, or from another repository: `auto_map`,
//! `custom_pipelines`, `custom_generate`, a module of a pipeline that is no library, `trust_remote_code` (in any document), an
//! attention that is a repository of kernels, code that Ray fetches from an address, a model of MLflow's that is fetched.
//!
//! **Why it matters.** With `trust_remote_code=True`, and in some libraries without it, the loader imports that code. Code
//! of another repository (`owner/name--module.Class`) can change at any time after the model was inspected; that is high.
//!
//! **Example.** `"auto_map": {"AutoModel": "modeling_x.X"}`.
//!
//! **What to do.** Prefer a model whose architecture is part of the library. Otherwise have the code read by somebody,
//! pin the revision, and never load from a repository that is not yours.
//!
//! **References.** <https://huggingface.co/docs/transformers/custom_models>;
//! <https://huggingface.co/docs/diffusers/using-diffusers/custom_pipeline_overview>.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "hf.remote-code",
    Severity::Medium,
    "a configuration names Python code to be loaded",
    &[829, 494],
    RUNS_CODE,
    include_str!("hf_remote_code.rs"),
);
