//! Clinical records into the lake: read strictly, understood, written again.
//!
//! | file | what is in it |
//! |---|---|
//! | `formats` | one format each: reading, meaning, writing |

pub mod formats;
