//! Decisions by Cedar policies.
