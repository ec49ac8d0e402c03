//! What reads bytes as text, documents and archives.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use lazaret_core::{Flow, Hint, Limit, Limits};
use lazaret_input::base64::Whitespace;
use lazaret_input::{Lines, MemorySource, SourceReader, archive, charset, decompress, sniff};

/// Base64: what decodes encodes to the same text; with white space between, to the same bytes.
pub fn base64(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let most = Limit::new("fuzz.max", 1 << 20);
    let strict = lazaret_input::base64::decode(&text, Whitespace::Refused, most);
    let skipped = lazaret_input::base64::decode(&text, Whitespace::Skipped, most);
    if let Ok(decoded) = &strict {
        assert_eq!(lazaret_input::base64::encode(decoded), text);
        assert_eq!(skipped.as_ref().ok(), Some(decoded));
    }
    format!("{strict:?} {skipped:?}")
}

/// Brotli, which only a name gives away.
pub fn brotli(bytes: &[u8]) -> String {
    let hint = Hint { extension: Some("br".into()), ..Hint::default() };
    let source = MemorySource::new(bytes, hint);
    match decompress::open_stream(Arc::new(source), &Limits::default()) {
        Ok(mut opened) => {
            format!("{:?}", io::copy(&mut opened.stream, &mut io::sink()).map_err(|error| error.to_string()))
        }
        Err(error) => error.to_string(),
    }
}

/// Charsets: what decodes comes back as the same bytes.
pub fn charset(bytes: &[u8]) -> String {
    let labels =
        [None, Some("latin1"), Some("utf-16"), Some("utf-16le"), Some("gb18030"), Some("iso-2022-jp")];
    let read = labels.map(|label| charset::decode(bytes, label));
    for (text, charset) in read.iter().flatten() {
        assert_eq!(charset.encode(text).as_deref(), Ok(bytes));
    }
    format!("{read:?}")
}

/// Unpacking, by what the bytes are.
pub fn decompress(bytes: &[u8]) -> String {
    let source = MemorySource::new(bytes, Hint::default());
    match decompress::unpack(Arc::new(source), &Limits::default()) {
        Ok((source, layers)) => {
            let mut stream = SourceReader::new(source);
            let read = io::copy(&mut stream, &mut io::sink()).map_err(|error| error.to_string());
            format!("{read:?} {layers:?}")
        }
        Err(error) => error.to_string(),
    }
}

/// 7z archives: their headers, and what their folders unpack to.
pub fn sevenz(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    match archive::sevenz::read(source, bytes.len() as u64, &limits) {
        Ok(archive) => {
            let unpacked = archive.unpack(0, ARCHIVED, &limits);
            format!("{:?} {:?} {unpacked:?}", archive.members, archive.faults)
        }
        Err(error) => error.to_string(),
    }
}

/// Tar archives: no member lies outside of the bytes.
pub fn tar(bytes: &[u8]) -> String {
    let len = bytes.len() as u64;
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    let mut tar = archive::tar::Tar::new(source, len, &Limits::default());
    let mut said = String::new();
    loop {
        match tar.next_member() {
            Ok(Some(member)) => {
                assert!(member.from.checked_add(member.len).is_some_and(|end| end <= len));
                let _ = write!(said, "{member:?} ");
            }
            Ok(None) => break,
            Err(error) => {
                let _ = write!(said, "{error} ");
                break;
            }
        }
    }
    format!("{said} {:?} {:?}", tar.faults, tar.end().ok())
}

/// Zip archives: every member is opened or a fault.
pub fn zip(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    match archive::zip::read(source, bytes.len() as u64, &limits) {
        Ok(zip) => {
            let mut said = format!("{:?} {:?}", zip.members, zip.faults);
            for index in 0..zip.members.len() {
                let opened = zip.open(index, ARCHIVED, &limits);
                let opened =
                    opened.map(|opened| (opened.len, opened.faults, opened.cut.map(|cut| cut.to_string())));
                let _ = write!(said, " {opened:?}");
            }
            said
        }
        Err(error) => error.to_string(),
    }
}

/// How much one member may unpack to.
const ARCHIVED: Limit = Limit::new("fuzz.max", 1 << 22);

/// JSON: a document or a fault, and every fault within the bytes.
pub fn json(bytes: &[u8]) -> String {
    let parsed = lazaret_input::json::parse(bytes, &Limits::default());
    assert!(parsed.document.is_some() || !parsed.faults.is_empty());
    assert!(parsed.faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
    format!("{parsed:?}")
}

/// Lines: no byte is lost, however short the limit.
pub fn lines(bytes: &[u8]) -> String {
    let mut limits = Limits::default();
    limits.set("input.max_record", 50);
    for limits in [Limits::default(), limits] {
        let mut lines = Lines::new(bytes, &limits);
        let mut again = 0;
        while let Ok(Some(line)) = lines.next() {
            let len = line.bytes.map_or_else(|reached| reached.found, |bytes| bytes.len() as u64);
            again += len + line.end.bytes().len() as u64;
        }
        assert_eq!((again, lines.offset()), (bytes.len() as u64, bytes.len() as u64));
    }
    bytes.len().to_string()
}

/// Sniffing: any bytes are something.
pub fn sniff(bytes: &[u8]) -> String {
    format!("{:?}", sniff::sniff(bytes))
}

/// XML: events, and every fault within the bytes.
pub fn xml(bytes: &[u8]) -> String {
    let mut told = 0;
    let faults = lazaret_input::xml::events_of_bytes(bytes, &Limits::default(), |_| {
        told += 1;
        Flow::On
    });
    assert!(faults.iter().all(|fault| fault.offset <= bytes.len() as u64));
    format!("{told} {faults:?}")
}
