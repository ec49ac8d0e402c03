//! What bytes are, by their content alone. A name is a hint that others may use; it never decides here.

use memchr::memmem;

use crate::decompress::{Codec, is_compressed};
use crate::json;

/// How many first bytes are enough to tell.
pub const HEAD: usize = 4 << 10;

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing.
    Empty,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// XML or HTML.
    Xml,
    /// Rows with a delimiter.
    Csv,
    /// HL7 v2, also in a batch or a frame.
    Hl7,
    /// Rich text.
    Rtf,
    /// Any other text.
    Text,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// zlib.
    Zlib,
    /// zip, and what is made of it (docx, pt, npz).
    Zip,
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// TIFF.
    Tiff,
    /// BMP.
    Bmp,
    /// WebP.
    Webp,
    /// DICOM, whatever its preamble is.
    Dicom,
    /// Windows executable.
    Pe,
    /// Linux executable.
    Elf,
    /// macOS executable.
    MachO,
    /// Python pickle.
    Pickle,
    /// HDF5 (Keras, `.mat`).
    Hdf5,
    /// Parquet.
    Parquet,
    /// Old Office documents.
    Ole,
    /// None of these.
    Unknown,
}

impl Kind {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Xml => "xml",
            Self::Csv => "csv",
            Self::Hl7 => "hl7-v2",
            Self::Rtf => "rtf",
            Self::Text => "text",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zlib => "zlib",
            Self::Zip => "zip",
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Gif => "gif",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Webp => "webp",
            Self::Dicom => "dicom",
            Self::Pe => "pe",
            Self::Elf => "elf",
            Self::MachO => "mach-o",
            Self::Pickle => "pickle",
            Self::Hdf5 => "hdf5",
            Self::Parquet => "parquet",
            Self::Ole => "ole",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is text of any kind.
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::Json
                | Self::Ndjson
                | Self::Xml
                | Self::Csv
                | Self::Hl7
                | Self::Rtf
                | Self::Text
        )
    }

    /// Whether it is a picture.
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Gif | Self::Tiff | Self::Bmp | Self::Webp)
    }
}

/// What bytes are, by the first of them ([`HEAD`], or all there are).
pub fn sniff(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    // DICOM first: its preamble may pretend to be anything.
    if head.get(128..132) == Some(b"DICM") {
        return Kind::Dicom;
    }
    by_signature(head).or_else(|| by_text(head)).unwrap_or(Kind::Unknown)
}

const SIGNATURES: [(&[u8], Kind); 26] = [
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"PK\x07\x08", Kind::Zip),
    (b"%PDF-", Kind::Pdf),
    (b"{\\rtf", Kind::Rtf),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"II+\0", Kind::Tiff),
    (b"MM\0+", Kind::Tiff),
    (b"\x7fELF", Kind::Elf),
    (b"\xfe\xed\xfa\xce", Kind::MachO),
    (b"\xfe\xed\xfa\xcf", Kind::MachO),
    (b"\xce\xfa\xed\xfe", Kind::MachO),
    (b"\xcf\xfa\xed\xfe", Kind::MachO),
    (b"\x89HDF\r\n\x1a\n", Kind::Hdf5),
    (b"PAR1", Kind::Parquet),
    (b"PARE", Kind::Parquet),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Ole),
    (b"\x80\x02", Kind::Pickle),
    (b"\x80\x03", Kind::Pickle),
    (b"\x80\x04", Kind::Pickle),
    (b"\x80\x05", Kind::Pickle),
];

fn by_signature(head: &[u8]) -> Option<Kind> {
    if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some(*kind);
    }
    match is_compressed(head) {
        Some(Codec::Gzip) => return Some(Kind::Gzip),
        Some(Codec::Zstd) => return Some(Kind::Zstd),
        Some(Codec::Zlib) => return Some(Kind::Zlib),
        Some(_) | None => {}
    }
    match head {
        // A fat Mach-O has few parts; in a Java class the same place holds a version above 44.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, parts, ..] if *parts < 45 => Some(Kind::MachO),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Kind::Webp),
        [b'M', b'Z', ..] if is_pe(head) => Some(Kind::Pe),
        [b'B', b'M', ..] if is_bmp(head) => Some(Kind::Bmp),
        _ if is_early_pickle(head) => Some(Kind::Pickle),
        // HDF5 may begin after a block of the user's.
        _ if [512_usize, 1024, 2048]
            .iter()
            .any(|at| head.get(*at..at.saturating_add(8)) == Some(b"\x89HDF\r\n\x1a\n")) =>
        {
            Some(Kind::Hdf5)
        }
        _ => None,
    }
}

/// `MZ` also begins words; a program is not text.
fn is_pe(head: &[u8]) -> bool {
    let place = head.get(60..64).and_then(|bytes| bytes.first_chunk::<4>()).map(|at| u32::from_le_bytes(*at));
    let marked = place
        .and_then(|at| head.get(usize::try_from(at).ok()?..))
        .is_some_and(|at| at.starts_with(b"PE\0\0"));
    marked || head.contains(&0)
}

/// The reserved field is zero and the second header has one of its known lengths.
fn is_bmp(head: &[u8]) -> bool {
    head.get(6..10) == Some(&[0; 4])
        && matches!(head.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// Protocols 0 and 1 have no mark: a name loaded and then used, or an empty container put away.
fn is_early_pickle(head: &[u8]) -> bool {
    let mut lines = head.splitn(3, |byte| *byte == b'\n');
    let (Some(first), Some(second), Some(rest)) = (lines.next(), lines.next(), lines.next()) else {
        return matches!(head, [b'(' | b']' | b'}', b'l' | b'd' | b't' | b'q', b'p' | 0..=9, ..]);
    };
    let is_name = |name: &[u8]| {
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    let loads = first.strip_prefix(b"c").is_some_and(is_name) && is_name(second);
    let uses = matches!(rest, [b'(' | b')' | b'q' | b'p' | b'.' | b'R', ..]);
    let puts_away = matches!(first, [b'(', b'l' | b'd' | b't', b'p', digits @ ..] if digits.iter().all(u8::is_ascii_digit));
    (loads && uses) || puts_away
}

fn by_text(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return head.len().is_multiple_of(2).then_some(Kind::Text); // UTF-16
    }
    let body = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let first = body.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(body.len());
    let start = body.get(first..).unwrap_or(&[]);
    // What begins as JSON or HL7 is for its own strict reader, whatever bytes follow.
    match start {
        [b'{' | b'[', ..] => return Some(if is_ndjson(start) { Kind::Ndjson } else { Kind::Json }),
        [0x0b, b'M', b'S', b'H', ..] => return Some(Kind::Hl7),
        _ if [&b"MSH|"[..], b"FHS|", b"BHS|"].iter().any(|mark| start.starts_with(mark)) => {
            return Some(Kind::Hl7);
        }
        _ => {}
    }
    if !is_text(body) {
        return None;
    }
    match start {
        [b'<', b'!' | b'?' | b'A'..=b'Z' | b'a'..=b'z', ..] => Some(Kind::Xml),
        _ if is_csv(body) => Some(Kind::Csv),
        _ => Some(Kind::Text),
    }
}

/// UTF-8 without control characters; the last character may be cut by the end of the head.
fn is_text(bytes: &[u8]) -> bool {
    let whole = match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && bytes.len() >= HEAD - 3,
    };
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    whole && !bytes.iter().any(control)
}

/// A whole document on the first line, and another one begins on a later line.
fn is_ndjson(start: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', start) else { return false };
    let (line, rest) = (start.get(..end).unwrap_or(&[]), start.get(end..).unwrap_or(&[]));
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    let faults = json::parse_at(line, 1, &lazaret_core::Limits::default());
    matches!(next, Some(b'{' | b'[')) && faults.document.is_some()
}

/// The first two lines have the same delimiter equally often, outside quotes.
fn is_csv(body: &[u8]) -> bool {
    let mut lines = body.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).take(2);
    let (Some(header), Some(row)) = (lines.next(), lines.next()) else { return false };
    b",;\t|".iter().any(|delimiter| {
        let columns = outside_quotes(header, *delimiter);
        columns > 0 && columns == outside_quotes(row, *delimiter)
    }) && memmem::find(header, b". ").is_none()
}

fn outside_quotes(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    line.iter()
        .filter(|byte| {
            quoted ^= **byte == b'"';
            !quoted && **byte == delimiter
        })
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dicom(preamble: &[u8]) -> Vec<u8> {
        let mut bytes = preamble.to_vec();
        bytes.resize(128, 0);
        bytes.extend_from_slice(b"DICM\x02\0");
        bytes
    }

    #[test]
    fn content_tells_what_it_is() {
        let pe = [b"MZ".to_vec(), vec![0; 58], vec![64, 0, 0, 0], b"PE\0\0".to_vec()].concat();
        let bmp = [b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec(), vec![0; 40]].concat();
        let cases: [(&[u8], Kind); 44] = [
            (b"", Kind::Empty),
            (b"{\"a\":1}", Kind::Json),
            (b"\xef\xbb\xbf [1,\n2]", Kind::Json),
            (b"{\"a\":1}\n{\"a\":2}\n", Kind::Ndjson),
            (b"{\"a\":1}\n", Kind::Json),
            (b"{\n \"a\": {\n", Kind::Json),
            (b"{\"a\":\"\xff\"}", Kind::Json),
            (b"<?xml version='1.0'?><a/>", Kind::Xml),
            (b"<!DOCTYPE html><html>", Kind::Xml),
            (b"<3 you all", Kind::Text),
            (b"a,b\n1,2\n", Kind::Csv),
            (b"\"a;x\";b\n1;2\n", Kind::Csv),
            (b"Seen today, well. No pain,\nno fever, sleeps,\n", Kind::Text),
            (b"MSH|^~\\&|LAB\rPID|1\r", Kind::Hl7),
            (b"\x0bMSH|^~\\&|LAB\r", Kind::Hl7),
            (b"{\\rtf1\\ansi}", Kind::Rtf),
            ("Patient schläft gut.".as_bytes(), Kind::Text),
            (b"MZ is a country code", Kind::Text),
            (b"BMI 23, stable", Kind::Text),
            (b"x^2 is no zlib", Kind::Text),
            (b"\xff\xfea\0", Kind::Text),
            (b"\x1f\x8b\x08\0", Kind::Gzip),
            (b"\x28\xb5\x2f\xfd\0", Kind::Zstd),
            (b"\x78\x9c\x03\0\0\0\0\x01", Kind::Zlib),
            (b"PK\x03\x04\0", Kind::Zip),
            (b"%PDF-1.7\n", Kind::Pdf),
            (b"\x89PNG\r\n\x1a\n\0", Kind::Png),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"GIF89a\x01", Kind::Gif),
            (b"II*\0\x08", Kind::Tiff),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Webp),
            (b"\x7fELF\x02", Kind::Elf),
            (b"\xcf\xfa\xed\xfe\x07", Kind::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Kind::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x3d", Kind::Unknown),
            (b"\x80\x04\x95\0", Kind::Pickle),
            (b"cos\nsystem\n(S'ls'\ntR.", Kind::Pickle),
            (b"(dp0\nS'a'\np1\nI1\ns.", Kind::Pickle),
            (b"cough\nfever\nnausea\n", Kind::Text),
            (b"\x89HDF\r\n\x1a\n\0", Kind::Hdf5),
            (b"PAR1\x15", Kind::Parquet),
            (b"\0\x01\x02", Kind::Unknown),
            (&pe, Kind::Pe),
            (&bmp, Kind::Bmp),
        ];
        for (bytes, kind) in cases {
            assert_eq!(sniff(bytes), kind, "{}", bytes.escape_ascii());
        }
        for preamble in [&b""[..], b"MZ\x90\0", b"II*\0", b"#!/bin/sh\n", b"{\"a\":1}"] {
            assert_eq!(sniff(&dicom(preamble)), Kind::Dicom);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..300_usize) {
            prop_assert_eq!(sniff(&bytes), sniff(&bytes));
            let _ = sniff(&bytes[..cut.min(bytes.len())]);
        }

        #[test]
        fn text_stays_text_wherever_its_head_is_cut(text in "[a-zäöü €]{1400,2000}") {
            let head = &text.as_bytes()[..text.len().min(HEAD)];
            prop_assert!(head.len() < HEAD || sniff(head).is_text());
        }
    }
}
