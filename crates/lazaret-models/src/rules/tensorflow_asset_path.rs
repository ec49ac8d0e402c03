//! A TensorFlow model names an asset (a vocabulary, a table), or a checkpoint, by a path that leaves its folder.
//!
//! **Why it matters.** The loader gives the path to operators that read it: any file of the host comes into the graph.
//!
//! **Example.** An asset `../../../etc/passwd`.
//!
//! **How it is judged.** Assets are relative to the folder `assets`. The text `checkpoint` that trainers write has absolute
//! paths in good faith: those are told as info, `..` there as high.
//!
//! **What to do.** Do not load it.
//!
//! **References.** `AssetFileDef` in `tensorflow/core/protobuf/meta_graph.proto`. CWE-22.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "tensorflow.asset-path",
    Severity::Critical,
    "an asset of a TensorFlow model lies outside its folder",
    &[22],
    SUPPLY_CHAIN,
    include_str!("tensorflow_asset_path.rs"),
);
