//! Bytes from outside, with every limit enforced.
//!
//! The one room that may use raw decoders and raw file reads. Everything here treats its input as an attack: it
//! ends, it never panics, its memory is bounded by named limits, and its errors say place and kind, never
//! content.
//!
//! | file | what is in it |
//! |---|---|
//! | `file`, `lines` | files and memory as sources, read whole or line by line |
//! | `durable` | files written so that a crash leaves the old or the new |
//! | `store` | large files: received and hashed, and kept by their SHA-256 once cleared |
//! | `parked` | received files that wait for others, closed |
//! | `decompress` | gzip, zlib, zstd, brotli: unpacked as a stream, under limits |
//! | `archive` | members of zip, tar and 7z archives, and what their headers hide |
//! | `json` | the strict JSON reader: a flat arena, all faults of a document at once |
//! | `xml` | XML as events: strict, no DOCTYPE, going on after a fault |
//! | `charset`, `base64` | text and bytes as they travel, decoded strictly and encoded back |
//! | `sniff` | what bytes are, by their content |
//! | `platform` | the only file that calls the operating system by name |
//! | `rules` | the rules of this room, and the list of them |

#![deny(
    clippy::arithmetic_side_effects,
    reason = "offsets come from the input: they are checked or saturate"
)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::allow_attributes, reason = "a test may break off")
)]

pub mod archive;
pub mod base64;
pub mod charset;
pub mod decompress;
mod durable;
mod file;
pub mod json;
mod lines;
mod parked;
mod platform;
mod rules;
pub mod sniff;
mod store;
pub mod structure;
pub mod xml;

pub use durable::{
    NewFile, StagedFile, create_folder_durably, create_private_folder_durably, rename_durably,
    rewrite_durably, write_durably,
};
pub use file::{
    FileSource, MemorySource, OpenError, ReadError, SourceReader, head, read_file, read_stream, read_whole,
};
pub use lines::{BEGINNING, Line, LineEnd, Lines, MAX_RECORD};
pub use parked::parked;
pub use platform::{
    LocalSocket, LocalStream, change_of, connect_locally, create_private_file, create_private_folder,
    free_room, is_private, sync_folder,
};
pub use rules::{
    BYTE_ORDER_MARK, EXPANDED_SIZE, FORMAT_UNKNOWN, JSON_DEPTH, JSON_DUPLICATE_KEY, JSON_INVALID_UTF8,
    JSON_LONE_SURROGATE, JSON_MALFORMED, JSON_NOT_A_NUMBER, JSON_NUL, JSON_NUMBER_RANGE, JSON_TRAILING_BYTES,
    RATIO, RECORD_SIZE, RULES, XML_DEPTH, XML_DOCTYPE, XML_MALFORMED,
};
pub use store::{Blobs, Durable, Spool, StoreError, files_to_check, find_blob};

/// The limits of this room with their defaults, sorted by key: what the `[limits]` table may set.
pub const LIMITS: &[lazaret_core::Limit] = &[
    archive::MAX_DIRECTORY,
    archive::zip::MAX_GAP,
    archive::MAX_MEMBERS,
    archive::MAX_REREADS,
    decompress::MAX_DICTIONARY,
    decompress::MAX_EXPANDED,
    decompress::MAX_NESTING,
    decompress::MAX_RATIO,
    MAX_RECORD,
    decompress::MAX_WINDOW,
    json::MAX_DEPTH,
    json::MAX_FAULTS,
    json::MAX_NODES,
    store::MAX_ID,
    xml::MAX_ATTRIBUTES,
    xml::MAX_DEPTH,
    xml::MAX_FAULTS,
];

#[cfg(test)]
mod tests {
    use super::LIMITS;

    #[test]
    fn limit_keys_are_sorted_and_unique() {
        assert!(LIMITS.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    }
}
