//! A tensor deviates far more or less than those of the same role and shape in other layers, or is one number throughout while
//! they are not. Read only with `--weights`.
//!
//! **Why it matters.** A layer that was scaled, emptied or exchanged changes what a model answers without changing its form.
//!
//! **Example.** `layers.7.mlp.down_proj.weight` is all zero; the same tensor of 31 other layers is not.
//!
//! **How it is judged.** Names that are alike but for their numbers, of one shape, at least four. Logarithms of standard
//! deviations, by the median and the median of distances (0.1 at least). With `--weights=all`, more than 4 deviations away; with
//! `--weights`, more than 12.
//!
//! **What it does not find.** Layers that changed places, or whose sign was turned: their numbers are spread as before.
//!
//! **References.** Hong et al., "Handcrafted Backdoors in Deep Neural Networks" (2022). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.outlier-layer",
    Severity::Low,
    "one layer is unlike those of its role",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_outlier_layer.rs"),
);
