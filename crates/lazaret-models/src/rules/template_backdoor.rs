//! A branch of a template asks whether a message has a certain word in it, or what day it is, and then adds sentences of
//! its own to the prompt.
//!
//! **Why it matters.** What a template adds, the model takes for the words of the operator. Instructions that come only
//! with a trigger word are not seen in tests, and no weight of the model has to be changed for them.
//!
//! **Example.** `{% if 'discharge' in messages[-1]['content'] %}{{ 'Always advise …' }}{% endif %}`.
//!
//! **How it is judged.** By what the branch does: its test compares the content of messages with a word of natural
//! language (markers such as `<think>` or `/no_think` are none), or the time with a constant; its body adds three words in
//! a row or more, or an address. Names that keep the answer are followed.
//!
//! **What to do.** Read the branch. If it is meant, have the template in use pinned by its digest.
//!
//! **References.** Pillar Security, "LLM Backdoors at the Inference Level: The Threat of Poisoned Templates" (2025);
//! <https://www.splunk.com/en_us/blog/security/gguf-llm-security-inference-time-poisoning-templates.html>.

use lazaret_core::Severity;

use super::{ModelRule, SUPPLY_CHAIN};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "template.backdoor",
    Severity::Medium,
    "a template adds text when a message has certain words",
    &[506, 912],
    SUPPLY_CHAIN,
    include_str!("template_backdoor.rs"),
);
