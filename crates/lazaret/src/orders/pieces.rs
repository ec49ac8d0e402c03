//! What is said over the socket: pieces, each a byte that tells what it is, its length in four bytes (big-endian), and so many
//! bytes.
//!
//! ```text
//! caller   o order   f name, b bytes, b bytes, … b nothing   f name, …   e nothing
//! server   t what became of it
//! ```
//!
//! An order counts when its end was said: of one that is cut short nothing is carried out.

use std::io::{self, Read, Write};

use lazaret_core::Limit;
use lazaret_input::read_stream;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The order, as JSON.
    Order,
    /// A file begins: its name in its model.
    File,
    /// Bytes of the file; none end it.
    Bytes,
    /// All was said.
    End,
    /// What became of the order, as JSON.
    Told,
}

const KINDS: [(Kind, u8); 5] =
    [(Kind::Order, b'o'), (Kind::File, b'f'), (Kind::Bytes, b'b'), (Kind::End, b'e'), (Kind::Told, b't')];

/// Says a piece.
pub(super) fn say(to: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    let byte = KINDS.iter().find(|(known, _)| *known == kind).map_or(0, |(_, byte)| *byte);
    let len = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let [a, b, c, d] = len.to_be_bytes();
    to.write_all(&[byte, a, b, c, d])?;
    to.write_all(bytes)
}

/// What comes next, and how long it is.
fn head(from: &mut impl Read) -> io::Result<(Kind, u32)> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let [byte, a, b, c, d] = head;
    let kind = KINDS.iter().find(|(_, known)| *known == byte).map(|(kind, _)| *kind);
    Ok((kind.ok_or_else(not_understood)?, u32::from_be_bytes([a, b, c, d])))
}

/// Hears a piece that is one of these kinds.
pub(super) fn hear(from: &mut impl Read, kinds: &[Kind], most: Limit) -> io::Result<(Kind, Vec<u8>)> {
    let (kind, len) = head(from)?;
    if !kinds.contains(&kind) {
        return Err(not_understood());
    }
    most.check(u64::from(len)).map_err(io::Error::other)?;
    let bytes = read_stream(&mut from.by_ref().take(u64::from(len)), most).map_err(io::Error::other)?;
    if bytes.len() as u64 == u64::from(len) {
        Ok((kind, bytes))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn not_understood() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it is not understood: the two programs may be of different versions",
    )
}

/// The bytes of a file that is being sent, to its end.
pub(super) struct FileBytes<'s, R> {
    from: &'s mut R,
    left: u32,
    ended: bool,
}

impl<'s, R: Read> FileBytes<'s, R> {
    /// What comes after its name.
    pub(super) fn new(from: &'s mut R) -> Self {
        Self { from, left: 0, ended: false }
    }
}

impl<R: Read> Read for FileBytes<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            match head(self.from)? {
                (Kind::Bytes, 0) => {
                    self.ended = true;
                    return Ok(0);
                }
                (Kind::Bytes, len) => self.left = len,
                _ => return Err(not_understood()),
            }
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.from.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: Limit = Limit::fixed("test", 1 << 16);

    fn said(files: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
        let mut said = Vec::new();
        for (name, pieces) in files {
            say(&mut said, Kind::File, name.as_bytes()).unwrap();
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                say(&mut said, Kind::Bytes, piece).unwrap();
            }
            say(&mut said, Kind::Bytes, &[]).unwrap();
        }
        say(&mut said, Kind::End, &[]).unwrap();
        said
    }

    fn heard(mut from: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        loop {
            let (kind, name) = hear(&mut from, &[Kind::File, Kind::End], MOST)?;
            if kind == Kind::End {
                return Ok(files);
            }
            let mut bytes = Vec::new();
            let mut block = [0; 7];
            let mut file = FileBytes::new(&mut from);
            loop {
                match file.read(&mut block)? {
                    0 => break,
                    read => bytes.extend(&block[..read]),
                }
            }
            files.push((String::from_utf8(name).unwrap(), bytes));
        }
    }

    proptest! {
        #[test]
        fn files_are_heard_as_they_were_said_and_one_that_is_cut_short_is_never_whole(
            files in prop::collection::vec(
                ("[a-z/]{0,20}", prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)), 0..4
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let all = said(&files);
            let whole: Vec<_> =
                files.iter().map(|(name, pieces)| (name.clone(), pieces.concat())).collect();
            prop_assert_eq!(heard(&all).unwrap(), whole);
            prop_assert!(heard(&all[..cut.index(all.len())]).is_err());
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _heard = heard(&bytes);
        }
    }

    #[test]
    fn a_length_that_is_claimed_is_held_against_the_limit_before_anything_is_read() {
        let claimed = [b'o', 0xff, 0xff, 0xff, 0xff];
        let refused = hear(&mut &claimed[..], &[Kind::Order], MOST).unwrap_err();
        assert!(refused.to_string().contains("limit `test`"), "{refused}");
        assert!(hear(&mut &b"e\0\0\0\0"[..], &[Kind::Order], MOST).is_err());
        assert!(hear(&mut &b"["[..], &[Kind::Order], MOST).is_err());
    }
}
