//! Clinical records into the lake: the formats that are read, and the encrypted lake they are written to.
//!
//! | file | what is in it |
//! |---|---|
//! | `registry` | every format, rule and limit of this gate |
//! | `formats` | one file or folder a format: what arrives, read strictly and written again unchanged |
//! | `lake` | the destination: encrypted Parquet, staged, then visible at once or not at all |

pub mod formats;
pub mod lake;
mod registry;

pub use registry::{LIMITS, formats, rules};
