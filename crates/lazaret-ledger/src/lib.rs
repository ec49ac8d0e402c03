//! The append-only log of what crossed, and what is read from it.
