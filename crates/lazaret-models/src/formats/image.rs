//! Pictures beside a model: PNG and JPEG, walked to their end. What follows the end is looked at as a file of its own.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// How a PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// How a JPEG begins.
const JPEG: &[u8] = b"\xff\xd8\xff";

/// PNG pictures.
pub(crate) struct Png;

impl ModelFormat for Png {
    fn id(&self) -> FormatId {
        FormatId("png")
    }

    fn about(&self) -> &'static str {
        "PNG picture"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["png"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(PNG) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut at = PNG.len() as u64;
        loop {
            let length = u64::from(u32::from_be_bytes(part.array(at)?));
            let kind: [u8; 4] = part.array(at.saturating_add(4))?;
            if !kind.iter().all(u8::is_ascii_alphabetic) {
                return Err(Unread::malformed(at, "no chunk stands where one is expected"));
            }
            // Length, kind and check sum take twelve bytes.
            at = at.saturating_add(length).saturating_add(12);
            if at > part.len() {
                return Err(Unread::cut_off(part.len()));
            }
            if &kind == b"IEND" {
                looking.tail(part, at);
                return Ok(self.id());
            }
        }
    }
}

/// JPEG pictures.
pub(crate) struct Jpeg;

impl ModelFormat for Jpeg {
    fn id(&self) -> FormatId {
        FormatId("jpeg")
    }

    fn about(&self) -> &'static str {
        "JPEG picture"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jpg", "jpeg"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(JPEG) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut at = 2;
        loop {
            let [mark, kind] = part.array::<2>(at)?;
            if mark != 0xff {
                return Err(Unread::malformed(at, "no segment stands where one is expected"));
            }
            match kind {
                // A byte that only fills.
                0xff => at = at.saturating_add(1),
                0xd9 => {
                    looking.tail(part, at.saturating_add(2));
                    return Ok(self.id());
                }
                0x01 | 0xd0..=0xd8 => at = at.saturating_add(2),
                _ => {
                    let [high, low] = part.array::<2>(at.saturating_add(2))?;
                    at = at.saturating_add(2).saturating_add(u64::from(u16::from_be_bytes([high, low])));
                    if kind == 0xda {
                        at = after_scan(part, at)?;
                    }
                }
            }
        }
    }
}

/// Where the coded picture ends that begins at a place: at a mark that is neither an escaped byte nor a restart.
fn after_scan(part: &Part, from: u64) -> Result<u64, Unread> {
    let mut stream = part.stream(from);
    let mut is_mark = false;
    loop {
        let at = stream.position();
        let block = stream.peek(1)?;
        if block.is_empty() {
            return Err(Unread::cut_off(part.len()));
        }
        for (step, byte) in (0_u64..).zip(block) {
            if is_mark && !matches!(byte, 0 | 0xd0..=0xd7 | 0xff) {
                return Ok(at.saturating_add(step).saturating_sub(1));
            }
            is_mark = *byte == 0xff;
        }
        let count = block.len();
        stream.advance(count);
    }
}
