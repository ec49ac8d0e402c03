//! Clinical records into the lake: read strictly, understood, written again.
//!
//! | file | what is in it |
//! |---|---|
//! | `formats` | one file or folder a format: what arrives, read strictly and written again unchanged |
//! | `registry` | the formats and the rules, listed |

pub mod formats;
mod registry;

pub use registry::{FORMATS, RULES};
