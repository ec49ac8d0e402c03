//! Detectors of identifying text.
