//! The plumbing of every proxy: asking other servers, and answering with files that were cleared.
//!
//! | file | what is in it |
//! |---|---|
//! | `accept`, `shares`, `sending` | connections that others open, what one address may have of them, how slowly it may take |
//! | `url`, `range`, `headers` | what requests and answers carry, read strictly |
//! | `addresses`, `upstream` | whom a proxy may ask |
//! | `tls`, `client`, `sent` | asking: connections, time limits, redirects, what is sent |
//! | `pace` | how slowly bytes may come or go |
//! | `spooling` | bytes that arrive, into a spool |
//! | `download` | a file of an upstream's, into a spool, whole or not at all |
//! | `room` | room on the disk that files come to |
//! | `shared` | work that several wait for and that is done once |
//! | `answer` | files as answers (ranges, conditions), and refusals |
//! | `without` | a page of JSON without what a client must not be told |
//! | `trouble` | why an upstream gave nothing |

pub mod accept;
pub mod addresses;
pub mod answer;
pub mod client;
pub mod download;
pub mod headers;
pub mod pace;
pub mod range;
pub mod room;
mod sending;
pub mod sent;
pub mod shared;
pub(crate) mod shares;
pub mod spooling;
pub mod tls;
pub mod trouble;
pub mod upstream;
pub mod url;
pub mod without;
