//! A file or a part of one (a member of an archive, what follows a pickle), read at any place and never held whole.

use std::fmt;
use std::sync::Arc;

use lazaret_core::{Hint, Limit, LimitExceeded, Locator, Rule, Source, SourceError, UNINSPECTABLE};
use lazaret_input::decompress;

use crate::rules;
use crate::stream::Stream;

/// Most bytes of a text, header or document that is read whole.
pub(crate) const MAX_WHOLE: Limit = Limit::new("models.max_document", 32 << 20);

/// Why a part could not be read on.
#[derive(Debug)]
pub(crate) struct Unread {
    /// The rule that says so.
    pub(crate) rule: &'static Rule,
    /// Where in the part, if that is known.
    pub(crate) at: Option<u64>,
    /// What is wrong, without content.
    pub(crate) why: String,
}

impl Unread {
    /// A fault of the format itself.
    pub(crate) fn malformed(at: u64, why: impl Into<String>) -> Self {
        Self { rule: &rules::MALFORMED.rule, at: Some(at), why: why.into() }
    }

    /// It ends before its format says that it does.
    pub(crate) fn cut_off(at: u64) -> Self {
        Self::malformed(at, "it is cut off")
    }

    /// Of another rule.
    pub(crate) fn of(rule: &'static Rule, why: impl Into<String>) -> Self {
        Self { rule, at: None, why: why.into() }
    }
}

impl From<LimitExceeded> for Unread {
    fn from(reached: LimitExceeded) -> Self {
        Self::of(&UNINSPECTABLE, reached.to_string())
    }
}

impl From<SourceError> for Unread {
    fn from(error: SourceError) -> Self {
        let rule = decompress::UnpackError::within(&error.cause).map_or(&UNINSPECTABLE, |error| error.rule());
        Self { rule, at: None, why: decompress::refused(&error).reason }
    }
}

/// A file or a part of one.
#[derive(Clone)]
pub(crate) struct Part {
    source: Arc<dyn Source>,
    from: u64,
    len: u64,
    /// Its name in what it lies in: a path, `/` between.
    name: String,
    /// Its place as findings print it.
    place: String,
    /// Its place is that of a member: offsets go into messages, not into places.
    member: bool,
    /// How deep it lies in others.
    depth: u64,
}

impl Part {
    /// A whole file.
    pub(crate) fn file(source: Arc<dyn Source>, len: u64, name: &str) -> Self {
        Self { source, from: 0, len, name: name.to_owned(), place: printed(name), member: false, depth: 0 }
    }

    /// A member with bytes of its own: `model.pt!archive/data.pkl`.
    pub(crate) fn member(&self, source: Arc<dyn Source>, len: u64, name: &str) -> Self {
        let place = format!("{}!{}", self.place, printed(name));
        Self {
            source,
            from: 0,
            len,
            name: name.to_owned(),
            place,
            member: true,
            depth: self.depth.saturating_add(1),
        }
    }

    /// A member that lies in these bytes as it is.
    pub(crate) fn slice(&self, from: u64, len: u64, name: &str) -> Self {
        let within = self.from.saturating_add(from);
        let len = len.min(self.len.saturating_sub(from));
        Self { from: within, len, ..self.member(Arc::clone(&self.source), len, name) }
    }

    /// A stretch of these bytes as a member of what they were unpacked from.
    pub(crate) fn within(&self, from: u64, len: u64, archive: &Self, name: &str) -> Self {
        let bytes = self.slice(from, len, name);
        let place = format!("{}!{}", archive.place, printed(name));
        Self { place, depth: archive.depth.saturating_add(1), ..bytes }
    }

    /// What follows from a place on, or lies there: `model.pkl@120`.
    pub(crate) fn rest(&self, from: u64, len: u64) -> Self {
        let place = format!("{}@{from}", self.place);
        let len = len.min(self.len.saturating_sub(from));
        Self {
            source: Arc::clone(&self.source),
            from: self.from.saturating_add(from),
            len,
            name: String::new(),
            place,
            member: true,
            depth: self.depth.saturating_add(1),
        }
    }

    /// Its length in bytes.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Its name in what it lies in; empty where it has none.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The last step of its name, in lower case.
    pub(crate) fn file_name(&self) -> String {
        let last = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        last.to_ascii_lowercase()
    }

    /// The ending of its name in lower case, without the dot.
    pub(crate) fn extension(&self) -> String {
        let name = self.file_name();
        name.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_owned())
    }

    /// How deep it lies in others.
    pub(crate) const fn depth(&self) -> u64 {
        self.depth
    }

    /// Whether it is a file of its own and not a part of one.
    pub(crate) const fn is_file(&self) -> bool {
        self.depth == 0
    }

    /// Its own place.
    pub(crate) fn place(&self) -> Locator {
        Locator::printed(self.place.clone())
    }

    /// The place of a byte of it: `model.pkl@17`. Of a member it is the member's, and the message says which byte.
    pub(crate) fn at(&self, offset: u64) -> Locator {
        if self.member { self.place() } else { Locator::printed(format!("{}@{offset}", self.place)) }
    }

    /// The place of something with a name or path in it: `config.json!auto_map.AutoModel`.
    pub(crate) fn inner(&self, path: &str) -> Locator {
        Locator::printed(format!("{}!{}", self.place, printed(path)))
    }

    /// Reads into the buffer from an offset; fewer bytes than asked only at the end.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unread> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        Ok(self.source.read_at(self.from.saturating_add(offset), room)?)
    }

    /// So many bytes from an offset on. The caller has checked the number against a limit; fewer are an error.
    pub(crate) fn bytes(&self, offset: u64, count: usize) -> Result<Vec<u8>, Unread> {
        if self.len.saturating_sub(offset) < count as u64 {
            return Err(Unread::cut_off(self.len));
        }
        let mut bytes = vec![0; count];
        let read = self.read_at(offset, &mut bytes)?;
        if read < count { Err(Unread::cut_off(offset.saturating_add(read as u64))) } else { Ok(bytes) }
    }

    /// So many bytes, as an array.
    pub(crate) fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N], Unread> {
        let mut bytes = [0; N];
        let read = self.read_at(offset, &mut bytes)?;
        if read < N { Err(Unread::cut_off(offset.saturating_add(read as u64))) } else { Ok(bytes) }
    }

    /// All of it, under a limit (mostly [`MAX_WHOLE`] as the configuration has it).
    pub(crate) fn whole(&self, limit: Limit) -> Result<Vec<u8>, Unread> {
        limit.check(self.len)?;
        self.bytes(0, usize::try_from(self.len).unwrap_or(usize::MAX))
    }

    /// Its bytes as a source of their own, for readers of archives.
    pub(crate) fn as_source(&self) -> Arc<dyn Source> {
        Arc::new(self.clone())
    }

    /// A forward reading from an offset on.
    pub(crate) const fn stream(&self, from: u64) -> Stream<'_> {
        Stream::new(self, from)
    }
}

impl Source for Part {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        self.source.read_at(self.from.saturating_add(offset), buffer.get_mut(..wanted).unwrap_or_default())
    }

    fn hint(&self) -> Hint {
        let extension = Some(self.extension()).filter(|ending| !ending.is_empty());
        Hint { extension, ..Hint::default() }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("len", &self.len).field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// A name of the input as it may be printed: no control or invisible characters, and not without end.
pub(crate) fn printed(name: &str) -> String {
    const MOST: usize = 160;
    let mut shown = String::new();
    for (count, c) in name.chars().enumerate() {
        if count == MOST {
            shown.push('…');
            break;
        }
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}
