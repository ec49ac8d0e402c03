//! Bytes from outside, with every limit enforced.
