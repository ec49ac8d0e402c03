//! What macOS leaves beside files, in folders and archives: `._NAME` with what it knows of a file (`AppleDouble`, RFC 1740),
//! and `.DS_Store` with how a folder is shown. No loader reads either.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::{Depth, ModelFormat};

/// The format.
pub(crate) struct AppleMetadata;

const DOUBLE: &[u8] = b"\0\x05\x16\x07\0\x02\0\0";
const STORE: &[u8] = b"\0\0\0\x01Bud1";

impl ModelFormat for AppleMetadata {
    fn id(&self) -> FormatId {
        FormatId("apple-metadata")
    }

    fn about(&self) -> &'static str {
        "what macOS leaves beside files (._*, .DS_Store)"
    }

    fn depth(&self) -> Depth {
        Depth::Header
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let double = head.bytes.starts_with(DOUBLE) && head.part.file_name().starts_with("._");
        let store = head.bytes.starts_with(STORE) && head.part.file_name() == ".ds_store";
        if double || store { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, _looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        if part.bytes(0, STORE.len())? == STORE {
            // Where its root block lies, twice, behind its length.
            let [at, len, again] = [8, 12, 16].map(|at| part.array::<4>(at).map(u32::from_be_bytes));
            let (at, len) = (at?, len?);
            if at != again? || u64::from(at).saturating_add(u64::from(len)) > part.len() {
                return Err(Unread::malformed(8, "its root block lies outside it"));
            }
            return Ok(self.id());
        }
        let count = u64::from(u16::from_be_bytes(part.array::<2>(24)?));
        for entry in 0..count {
            let at = entry.saturating_mul(12).saturating_add(26);
            let [from, len] =
                [4, 8].map(|within| part.array::<4>(at.saturating_add(within)).map(u32::from_be_bytes));
            if u64::from(from?).saturating_add(u64::from(len?)) > part.len() {
                return Err(Unread::malformed(at, "an entry that lies outside it"));
            }
        }
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DOUBLE;
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn entries_lie_within() {
        let double =
            |len: u8| [DOUBLE, b"Mac OS X        \0\x01\0\0\0\x02\0\0\0\x26\0\0\0", &[len], b"abcd"].concat();
        let report = scan(double(4), "._model.pkl");
        assert_eq!((report.format.0, told(&report)), ("apple-metadata", Vec::new()));
        assert_eq!(told(&scan(double(9), "._model.pkl")), ["format.malformed ._model.pkl@26"]);
        assert_ne!(scan(double(4), "model.pkl").format.0, "apple-metadata");
        let store =
            |len: u8| [b"\0\0\0\x01Bud1\0\0\0\x14\0\0\0", &[len][..], b"\0\0\0\x14", &[0; 16]].concat();
        assert_eq!(told(&scan(store(16), ".DS_Store")), Vec::<String>::new());
        assert_eq!(told(&scan(store(99), ".DS_Store")), ["format.malformed .DS_Store@8"]);
    }

    proptest! {
        #[test]
        fn any_metadata_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            scan([DOUBLE, &bytes].concat(), "._x");
        }
    }
}
