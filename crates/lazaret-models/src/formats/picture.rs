//! Pictures beside a model, as its page shows them: PNG, JPEG, GIF and WebP, walked to their end, so that nothing rides
//! along behind it.

use lazaret_core::{FormatId, Likeness};

use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::stream::Stream;

/// The format.
pub(crate) struct Picture;

impl ModelFormat for Picture {
    fn id(&self) -> FormatId {
        FormatId("picture")
    }

    fn about(&self) -> &'static str {
        "picture (PNG, JPEG, GIF, WebP)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["png", "jpg", "jpeg", "gif", "webp"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if kind(head.bytes).is_some() { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let head = part.bytes(0, HEAD.min(usize::try_from(part.len()).unwrap_or(HEAD)))?;
        let mut stream = part.stream(0);
        match kind(&head) {
            Some(Kind::Png) => png(&mut stream)?,
            Some(Kind::Jpeg) => jpeg(&mut stream)?,
            Some(Kind::Gif) => gif(&mut stream)?,
            Some(Kind::WebP) | None => webp(&mut stream)?,
        }
        looking.tail(part, stream.position());
        Ok(self.id())
    }
}

/// How many bytes tell a picture.
const HEAD: usize = 12;

#[derive(Clone, Copy)]
enum Kind {
    Png,
    Jpeg,
    Gif,
    WebP,
}

fn kind(head: &[u8]) -> Option<Kind> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Kind::Png),
        [0xff, 0xd8, 0xff, ..] => Some(Kind::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Kind::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Kind::WebP),
        _ => None,
    }
}

/// Chunks: a length, a name, data, a checksum; `IEND` is the last.
fn png(stream: &mut Stream<'_>) -> Result<(), Unread> {
    stream.skip(8)?;
    loop {
        let head = *stream.take(8)?.first_chunk::<8>().ok_or_else(|| Unread::cut_off(0))?;
        let [a, b, c, d, name @ ..] = head;
        stream.skip(u64::from(u32::from_be_bytes([a, b, c, d])).saturating_add(4))?;
        if &name == b"IEND" {
            return Ok(());
        }
    }
}

/// Segments: a marker and a length; behind a scan's its data, in which `FF` is followed by 0 or a restart marker.
fn jpeg(stream: &mut Stream<'_>) -> Result<(), Unread> {
    stream.skip(2)?;
    loop {
        let at = stream.position();
        if next(stream)? != 0xff {
            return Err(Unread::malformed(at, "no marker where a segment begins"));
        }
        let mut marker = next(stream)?;
        while marker == 0xff {
            marker = next(stream)?;
        }
        match marker {
            0xd9 => return Ok(()),
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let at = stream.position();
        let len = u64::from(next(stream)?).saturating_mul(256).saturating_add(u64::from(next(stream)?));
        let len = len.checked_sub(2).ok_or_else(|| Unread::malformed(at, "a segment of no length"))?;
        stream.skip(len)?;
        if marker == 0xda {
            scan(stream)?;
        }
    }
}

/// Passes the data of a scan, up to the marker behind it.
fn scan(stream: &mut Stream<'_>) -> Result<(), Unread> {
    loop {
        let block = stream.peek(2)?;
        let Some(marker) = memchr::memchr(0xff, block) else {
            let count = block.len();
            if count == 0 {
                return Err(Unread::cut_off(stream.position()));
            }
            stream.advance(count);
            continue;
        };
        stream.advance(marker);
        match stream.peek(2)? {
            [0xff, 0 | 0xd0..=0xd7, ..] => stream.advance(2),
            [0xff, _, ..] => return Ok(()),
            _ => return Err(Unread::cut_off(stream.position())),
        }
    }
}

/// A screen, its colours, then blocks; `3B` is the last.
fn gif(stream: &mut Stream<'_>) -> Result<(), Unread> {
    stream.skip(10)?;
    let flags = next(stream)?;
    stream.skip(colours(flags).saturating_add(2))?;
    loop {
        let at = stream.position();
        match next(stream)? {
            0x3b => return Ok(()),
            0x21 => stream.skip(1)?,
            0x2c => {
                stream.skip(8)?;
                let flags = next(stream)?;
                stream.skip(colours(flags).saturating_add(1))?;
            }
            _ => return Err(Unread::malformed(at, "no block of a GIF")),
        }
        loop {
            match next(stream)? {
                0 => break,
                count => stream.skip(u64::from(count))?,
            }
        }
    }
}

/// How many bytes of colours there are by the flags before them.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3_u64 << (flags & 7).saturating_add(1) }
}

/// RIFF says how long it is.
fn webp(stream: &mut Stream<'_>) -> Result<(), Unread> {
    stream.skip(4)?;
    let len = stream.number::<4>()?;
    // Its length is made even.
    stream.skip(len.saturating_add(len & 1))
}

fn next(stream: &mut Stream<'_>) -> Result<u8, Unread> {
    let at = stream.position();
    stream.byte()?.ok_or_else(|| Unread::cut_off(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};

    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0cccc\0\0\0\0IENDcccc";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04JF\xff\xda\0\x02ab\xff\0c\xff\xd0d\xff\xd9";
    const GIF: &[u8] =
        b"GIF89a\x01\0\x01\0\x80\0\0rgbRGB\x21\xf9\x01x\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x01z\0\x3b";
    const WEBP: &[u8] = b"RIFF\x05\0\0\0WEBPx\0";

    #[test]
    fn pictures_are_walked_to_their_end() {
        for picture in [PNG, JPEG, GIF, WEBP] {
            let report = scan(picture, "figure");
            assert_eq!((report.format.0, told(&report)), ("picture", Vec::new()));
            let behind = [picture, b"\x80\x04cposix\nsystem\n\x8c\x04true\x85R."].concat();
            let at = format!("figure@{}", picture.len());
            assert_eq!(told(&scan(behind, "figure"))[0], format!("format.trailing-bytes {at}"));
            let cut = &picture[..picture.len() - 3];
            assert!(!told(&scan(cut, "figure")).is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_picture_ends(which in 0_usize..4, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            scan([&[PNG, JPEG, GIF, WEBP][which][..8 + which], &bytes].concat(), "figure.png");
        }
    }
}
