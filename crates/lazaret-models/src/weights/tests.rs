//! Weights end to end.
