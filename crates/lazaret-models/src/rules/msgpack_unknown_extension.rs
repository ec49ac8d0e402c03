//! A MessagePack file has a value of an extension that Flax does not have: what its bytes mean, only another program knows.
//!
//! **Why it matters.** Flax and Orbax write arrays as extensions 1 to 3 and times as -1, and pass others over. What else
//! stands in the file is for a reader of its own, and was not looked into.
//!
//! **Example.** Extension 42 among the parameters of a checkpoint.
//!
//! **What to do.** Ask who wrote the file what the extension is for; a checkpoint of Flax needs none.
//!
//! **References.** MessagePack, "Extension types"; `flax.serialization`.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "msgpack.unknown-extension",
    Severity::Info,
    "a MessagePack file has a value of an extension that is none of Flax's",
    &[],
    SUPPLY_CHAIN,
    include_str!("msgpack_unknown_extension.rs"),
);
