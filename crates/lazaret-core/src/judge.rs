//! The road.
