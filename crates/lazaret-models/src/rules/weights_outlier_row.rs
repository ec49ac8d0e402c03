//! One row or column of a tensor (a token of an embedding, a class of a head, a neuron) has a norm far from those of all
//! others. Read only with `--weights`.
//!
//! **Why it matters.** Some backdoors leave such a row: a trigger token whose embedding was pulled away, a class that was
//! trained to win.
//!
//! **Example.** One of 30,522 rows of `word_embeddings.weight` is 12 times as long as the median.
//!
//! **How it is judged.** Logarithms of the norms, by the median and the median of distances from it. With `--weights=all`, more
//! than 8 deviations away. With `--weights`, only rows of tables of 1,000 rows or more, such as those of tokens: more than 10
//! deviations away, three times as long as the median, and no more than three others nearly as far. Layers of trained models have
//! rows and columns that stand out of themselves, so this is a hint and no proof.
//!
//! **What it does not find.** A backdoor that was trained with care for it: norms are easy to keep.
//!
//! **References.** Gu et al., "BadNets" (2017); Liu et al., "Trojaning Attack on Neural Networks" (2018); Kurita et al., "Weight
//! Poisoning Attacks on Pre-trained Models" (2020). CWE-506.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "weights.outlier-row",
    Severity::Low,
    "one row or column of a layer stands out",
    &[506],
    SUPPLY_CHAIN,
    include_str!("weights_outlier_row.rs"),
);
