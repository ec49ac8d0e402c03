//! DER (ITU-T X.690) and PEM (RFC 7468), as far as keys and certificates need them: definite lengths in their shortest
//! form, one byte of tag.

use lazaret_core::Limit;
use lazaret_input::base64::{self, Whitespace};

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// `UTF8String`.
pub(super) const UTF8_STRING: u8 = 0x0c;
/// `GeneralizedTime`.
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// SET.
pub(super) const SET: u8 = 0x31;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;

/// Bytes that are not the DER that is expected there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotDer;

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// Its tag.
    pub(super) tag: u8,
    /// What is in it.
    pub(super) body: &'a [u8],
    /// The value with its tag and length.
    pub(super) whole: &'a [u8],
}

/// Values read one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
}

impl<'a> Der<'a> {
    /// Reads these bytes.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One value that is all there is.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Result<Self, NotDer> {
        let mut der = Self::new(bytes);
        let item = der.take(tag)?;
        der.end()?;
        Ok(Self::new(item.body))
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Result<Item<'a>, NotDer> {
        let [tag, first, ..] = *self.rest else { return Err(NotDer) };
        if tag & 0x1f == 0x1f {
            return Err(NotDer); // a tag of several bytes
        }
        let (len, head) = if first < 0x80 {
            (usize::from(first), 2)
        } else {
            let count = usize::from(first & 0x7f);
            let digits = self.rest.get(2..2_usize.saturating_add(count)).ok_or(NotDer)?;
            if count == 0 || count > 4 || digits.first() == Some(&0) {
                return Err(NotDer);
            }
            let len = digits.iter().fold(0_usize, |len, digit| (len << 8) | usize::from(*digit));
            if len < 0x80 {
                return Err(NotDer);
            }
            (len, count.saturating_add(2))
        };
        let end = len.saturating_add(head);
        let (Some(whole), Some(body)) = (self.rest.get(..end), self.rest.get(head..end)) else {
            return Err(NotDer);
        };
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(Item { tag, body, whole })
    }

    /// The next value, of this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<Item<'a>, NotDer> {
        self.next().and_then(|item| if item.tag == tag { Ok(item) } else { Err(NotDer) })
    }

    /// The next value, read into.
    pub(super) fn open(&mut self, tag: u8) -> Result<Self, NotDer> {
        self.take(tag).map(|item| Self::new(item.body))
    }

    /// The next value if it is of this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Item<'a>>, NotDer> {
        if self.rest.first() == Some(&tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    /// A BIT STRING of whole bytes.
    pub(super) fn bits(&mut self) -> Result<&'a [u8], NotDer> {
        whole_bytes(self.take(BIT_STRING)?.body)
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Result<(), NotDer> {
        if self.is_empty() { Ok(()) } else { Err(NotDer) }
    }
}

/// A value written, with the shortest length.
pub(super) fn wrapped(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = body.len().to_be_bytes();
    let digits = len.iter().position(|byte| *byte != 0).and_then(|from| len.get(from..)).unwrap_or(&[0]);
    match digits {
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(body);
    out
}

/// The bytes of a BIT STRING's body that has no unused bits.
pub(super) fn whole_bytes(body: &[u8]) -> Result<&[u8], NotDer> {
    match body {
        [0, bytes @ ..] => Ok(bytes),
        _ => Err(NotDer),
    }
}

/// One block of a PEM text.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// `PUBLIC KEY`, `CERTIFICATE` …
    pub(super) label: &'a str,
    /// Its lines, base64 (and headers, in files of old).
    body: &'a str,
}

impl Block<'_> {
    /// Its bytes, or none where it is not base64.
    pub(super) fn bytes(&self, limit: Limit) -> Option<Vec<u8>> {
        base64::decode(self.body, Whitespace::Skipped, limit).ok()
    }

    /// Whether it says that it is encrypted, in its label or (OpenSSL of old) in a header.
    pub(super) fn is_encrypted(&self) -> bool {
        self.label.contains("ENCRYPTED") || self.body.contains("ENCRYPTED")
    }
}

/// The blocks of a PEM text; what stands between them is passed over, as OpenSSL does.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = after.split_once(end.as_str()) else { break };
        blocks.push(Block { label, body });
        rest = after;
    }
    blocks
}

/// A PEM text as OpenSSL writes it: 64 characters a line, and a last line end.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64::encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + "-----END " + label + "-----\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_shortest_length_is_taken() {
        assert_eq!(Der::new(&[4, 1, 7]).take(OCTET_STRING).unwrap().body, [7]);
        for wrong in [
            &[4, 0x81, 1, 7][..],
            &[4, 0x80, 7, 0, 0],
            &[4, 2, 7],
            &[4],
            &[0x1f, 1, 7],
            &[4, 0x85, 1, 1, 1, 1, 1],
        ] {
            assert_eq!(Der::new(wrong).next().unwrap_err(), NotDer);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 127, 128, 255, 256, 70_000] {
            let body = vec![7; len];
            assert_eq!(Der::only(&wrapped(OCTET_STRING, &body), OCTET_STRING).unwrap().rest, body);
        }
    }

    #[test]
    fn pem_is_read_and_written() {
        let text = pem("X", &[7; 100]);
        let blocks = blocks(&text);
        assert_eq!((blocks.len(), blocks[0].label), (1, "X"));
        assert_eq!(blocks[0].bytes(Limit::new("test", 1000)).unwrap(), [7; 100]);
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,64}") {
            let mut der = Der::new(&bytes);
            while der.next().is_ok() {}
            blocks(&text);
            blocks(&format!("-----BEGIN {text}"));
        }
    }
}
