//! UBJSON (XGBoost's default since 2.1): walked to its end, values passed over.

use lazaret_core::{FormatId, Likeness, Limit};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;
use crate::stream::Stream;

/// How deep arrays and objects may nest.
pub(crate) const MAX_DEPTH: Limit = Limit::new("ubjson.max_depth", 256);
/// Most values that are not passed over as a block.
pub(crate) const MAX_NODES: Limit = Limit::new("ubjson.max_nodes", 50_000_000);

/// The format.
pub(crate) struct Ubjson;

impl ModelFormat for Ubjson {
    fn id(&self) -> FormatId {
        FormatId("ubjson")
    }

    fn about(&self) -> &'static str {
        "UBJSON document (XGBoost model)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ubj", "ubjson"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        // An object, then the length of its first key as a number of a told width, then the key.
        let key = match head.bytes {
            [b'{', b'L', 0, 0, 0, 0, 0, 0, 0, length, key @ ..]
            | [b'{', b'l', 0, 0, 0, length, key @ ..]
            | [b'{', b'I', 0, length, key @ ..]
            | [b'{', b'i' | b'U', length, key @ ..] => key.get(..usize::from(*length)),
            _ => None,
        };
        let is_key = key.is_some_and(|key| !key.is_empty() && key.iter().all(u8::is_ascii_graphic));
        match (is_key, self.extensions().contains(&head.extension)) {
            (true, _) => Likeness::Certain,
            (false, true) => Likeness::ByName,
            (false, false) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let limits = looking.limits;
        let mut walk = Walk { stream: part.stream(0), len: part.len(), open: Vec::new() };
        let (max_depth, max_nodes) = (limits.get(MAX_DEPTH), limits.get(MAX_NODES));
        let mut nodes = 0_u64;
        loop {
            nodes = nodes.saturating_add(1);
            max_nodes.check(nodes)?;
            match walk.step() {
                Ok(()) => {}
                Err(Stop::Claims(at, claimed)) => {
                    let says = format!(
                        "an array claims {claimed} values where {} bytes are left",
                        part.len().saturating_sub(at)
                    );
                    looking.find(&rules::CLAIMED_SIZE, part.at(at), says);
                    looking.not_whole();
                    return Ok(self.id());
                }
                Err(Stop::Unread(unread)) => return Err(unread),
            }
            max_depth.check(walk.open.len() as u64)?;
            if walk.open.is_empty() {
                break;
            }
        }
        let end = walk.stream.position();
        looking.tail(part, end);
        Ok(self.id())
    }
}

/// An array or object that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_object: bool,
    /// The type of all its values.
    kind: Option<u8>,
    /// How many are to come, where that was told.
    left: Option<u64>,
}

enum Stop {
    Unread(Unread),
    /// A count that cannot be, where it stands.
    Claims(u64, u64),
}

impl From<Unread> for Stop {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

struct Walk<'a> {
    stream: Stream<'a>,
    len: u64,
    open: Vec<Open>,
}

impl Walk<'_> {
    /// One value, or the end of what is open.
    fn step(&mut self) -> Result<(), Stop> {
        if let Some(open) = self.open.last_mut() {
            match open.left {
                Some(0) => {
                    self.open.pop();
                    return Ok(());
                }
                Some(left) => open.left = Some(left.saturating_sub(1)),
                None => {
                    let end = if open.is_object { b'}' } else { b']' };
                    if self.peek()? == end {
                        self.stream.advance(1);
                        self.open.pop();
                        return Ok(());
                    }
                }
            }
        }
        let open = self.open.last().copied();
        if open.is_some_and(|open| open.is_object) {
            let length = self.length()?;
            self.skip(length)?;
        }
        let kind = match open.and_then(|open| open.kind) {
            Some(kind) => kind,
            None => self.byte()?,
        };
        self.value(kind)
    }

    fn value(&mut self, kind: u8) -> Result<(), Stop> {
        if let Some(width) = width(kind) {
            return self.skip(width);
        }
        match kind {
            b'S' | b'H' => {
                let length = self.length()?;
                self.skip(length)
            }
            b'[' | b'{' => self.begin(kind == b'{'),
            _ => Err(self.malformed("a value of an unknown type").into()),
        }
    }

    fn begin(&mut self, is_object: bool) -> Result<(), Stop> {
        let mut open = Open { is_object, kind: None, left: None };
        if self.peek()? == b'$' {
            self.stream.advance(1);
            open.kind = Some(self.byte()?);
            if self.peek()? != b'#' {
                return Err(self.malformed("a type for all values without their count").into());
            }
        }
        if self.peek()? == b'#' {
            self.stream.advance(1);
            let at = self.stream.position();
            let count = self.length()?;
            let each = open.kind.and_then(width).unwrap_or(1).max(u64::from(is_object));
            let left = self.len.saturating_sub(self.stream.position());
            if count.saturating_mul(each) > left {
                return Err(Stop::Claims(at, count));
            }
            match open.kind.and_then(width) {
                Some(0) if !is_object => return Ok(()),
                Some(width) if !is_object => return self.skip(count.saturating_mul(width)),
                _ => open.left = Some(count),
            }
        }
        self.open.push(open);
        Ok(())
    }

    fn length(&mut self) -> Result<u64, Unread> {
        let kind = self.byte()?;
        let width = match kind {
            b'i' | b'U' => 1,
            b'I' => 2,
            b'l' => 4,
            b'L' => 8,
            _ => return Err(self.malformed("no length where one is expected")),
        };
        let bytes = self.stream.peek(width)?.get(..width).map(<[u8]>::to_vec);
        let bytes = bytes.ok_or_else(|| Unread::cut_off(self.len))?;
        self.stream.advance(width);
        let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let is_negative = kind != b'U' && bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        if is_negative { Err(self.malformed("a negative length")) } else { Ok(value) }
    }

    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        let to = self.stream.position().saturating_add(count);
        if to > self.len {
            return Err(Unread::cut_off(self.len).into());
        }
        self.stream.seek(to);
        Ok(())
    }

    fn peek(&mut self) -> Result<u8, Unread> {
        let byte = self.stream.peek(1)?.first().copied();
        byte.ok_or_else(|| Unread::cut_off(self.len))
    }

    fn byte(&mut self) -> Result<u8, Unread> {
        let byte = self.peek()?;
        self.stream.advance(1);
        Ok(byte)
    }

    fn malformed(&self, why: &str) -> Unread {
        Unread::malformed(self.stream.position(), why)
    }
}

/// How many bytes a value of a type takes, where that is always the same.
const fn width(kind: u8) -> Option<u64> {
    match kind {
        b'Z' | b'N' | b'T' | b'F' => Some(0),
        b'i' | b'U' | b'C' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits};
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use crate::look::{Inspected, NoFolder, Report, look};

    fn said(bytes: &[u8]) -> Report {
        let source = MemorySource::new(bytes, Hint::default());
        look(Arc::new(source), bytes.len() as u64, "m.ubj", &NoFolder, &Limits::default())
    }

    #[test]
    fn documents_are_walked_and_lies_are_told() {
        let good = b"{L\0\0\0\0\0\0\0\x01a[$d#L\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0i\x01b{i\x01cSi\x02hii\x01dT}i\x01e[]}";
        let report = said(good);
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert_eq!((report.format.0, report.inspected), ("ubjson", Inspected::Whole));
        let lie = b"{L\0\0\0\0\0\0\0\x07learner[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(said(lie).findings[0].id, "format.claimed-size");
        assert_eq!(said(b"{i\x01a[#").inspected, Inspected::Part);
    }

    proptest! {
        #[test]
        fn any_document_ends(body in "[\\[\\]{}$#iULSHdDZTF\\x00\\x01\\x7f]{0,60}") {
            let _report = said(format!("{{i\u{1}a{body}").as_bytes());
        }
    }
}
