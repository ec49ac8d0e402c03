//! Keys, tokens, subjects and records kept back.
