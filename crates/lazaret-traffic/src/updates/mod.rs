//! Model updates: what the proxies share, and one file each.

pub mod hugging_face;
pub mod path;
pub mod pypi;
