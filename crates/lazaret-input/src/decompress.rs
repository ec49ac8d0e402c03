//! Compressed sources, unpacked as a stream under limits: how far they nest, how much they give, and how much
//! for each byte read. Recognised by content; brotli, which has no mark, by its name.
//!
//! A stream that is cut off, damaged or followed by other bytes is an error and never a shorter stream. Memory
//! is the windows of the codecs and one block, whatever is unpacked.
//!
//! | file | what is in it |
//! |---|---|
//! | `bzip2` | bzip2, in our own words |
//! | `codec` | which codecs, and how each is told from others |
//! | `raw` | zlib and brotli, driven step by step so that a cut or a tail is seen |
//! | `source` | an unpacked source that reads like any other |

mod bzip2;
mod codec;
mod raw;
mod source;

use std::io::{self, BufReader, Read};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lazaret_core::{Limit, LimitExceeded, Limits, Refused, Rule, Source, SourceError, UNINSPECTABLE};

use crate::file::SourceReader;
use crate::rules::{EXPANDED_SIZE, RATIO};

pub use codec::{Codec, is_compressed};
pub(crate) use codec::{dictionary_kib, is_ending};
pub use source::unpack;

/// How many bytes may be unpacked from one source.
pub const MAX_EXPANDED: Limit = Limit::new("input.max_expanded", 1 << 30);
/// How many bytes may be unpacked for each byte read; judged once [`RATIO_FROM`] bytes are unpacked.
pub const MAX_RATIO: Limit = Limit::new("input.max_ratio", 100);
/// How many layers of compression are undone.
pub const MAX_NESTING: Limit = Limit::new("input.max_nesting", 4);
/// How far back a codec may refer: the memory it needs.
pub const MAX_WINDOW: Limit = Limit::new("input.max_window", 32 << 20);
/// The dictionary of LZMA: that of `xz -9`. Only what is unpacked into it takes memory.
pub const MAX_DICTIONARY: Limit = Limit::new("input.max_dictionary", 64 << 20);
/// Below this the ratio is not judged: a few repeated lines are no attack.
pub const RATIO_FROM: u64 = 1 << 20;

const HEAD: usize = 4 << 10;
const CODEC_BLOCK: usize = 64 << 10;

/// A source could not be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// A limit was reached; what was unpacked so far is not the whole.
    #[error("{codec} at byte {at} of what it unpacks to: {reached}")]
    Limit {
        /// The rule that says so.
        rule: &'static Rule,
        /// The codec.
        codec: Codec,
        /// How much was unpacked.
        at: u64,
        /// The limit.
        reached: LimitExceeded,
    },
    /// The stream is cut off, damaged or followed by other bytes.
    #[error("{codec} at byte {at} of what it unpacks to: {what}")]
    Damaged {
        /// The codec.
        codec: Codec,
        /// How much was unpacked.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Too many layers.
    #[error("compressed within compressed: {0}")]
    Nesting(LimitExceeded),
    /// The source itself failed.
    #[error(transparent)]
    Source(SourceError),
}

impl UnpackError {
    /// The rule of the finding this becomes.
    pub fn rule(&self) -> &'static Rule {
        match self {
            Self::Limit { rule, .. } => rule,
            Self::Damaged { .. } | Self::Nesting(_) | Self::Source(_) => &UNINSPECTABLE,
        }
    }

    /// The unpacking error in an error of a stream, if that is what it is.
    pub fn within(error: &io::Error) -> Option<&Self> {
        let inner = error.get_ref()?;
        inner.downcast_ref::<Self>().or_else(|| Self::within(&inner.downcast_ref::<SourceError>()?.cause))
    }
}

impl From<UnpackError> for Refused {
    fn from(error: UnpackError) -> Self {
        Self::new(error.rule().id, error.to_string())
    }
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => match error.downcast::<SourceError>() {
                Ok(failed) => Self::Source(failed),
                Err(cause) => Self::Source(SourceError { at: 0, cause }),
            },
        }
    }
}

/// Why a source could not be read on, in the words of a refusal: the rule of the limit that was reached while
/// unpacking, or `input.uninspectable`.
pub fn refused(error: &SourceError) -> Refused {
    match UnpackError::within(&error.cause) {
        Some(unpacking) => Refused::new(unpacking.rule().id, unpacking.to_string()),
        None => Refused::new(UNINSPECTABLE.id, error.to_string()),
    }
}

/// A source, unpacked as a stream.
pub struct Unpacked {
    /// What is in it. Its errors are [`UnpackError`]s within [`io::Error`].
    pub stream: Box<dyn Read + Send>,
    /// The layers that were undone, outermost first.
    pub layers: Vec<Codec>,
    /// The first bytes of the stream, for recognising what it is; they come from the stream too.
    pub head: Vec<u8>,
}

/// Opens a source as a stream, undoing every layer of compression.
pub fn open_stream(source: Arc<dyn Source>, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let raw = Arc::new(AtomicU64::new(0));
    let by_name = codec::by_name(&source.hint());
    let counted = Counted { inner: SourceReader::new(source), count: Arc::clone(&raw) };
    let mut stream: Box<dyn Read + Send> = Box::new(counted);
    let mut layers = Vec::new();
    loop {
        let head = read_head(&mut stream)?;
        let hinted = if layers.is_empty() { by_name } else { None };
        let codec = is_compressed(&head).or(hinted.filter(|_| !head.is_empty()));
        stream = Box::new(io::Cursor::new(head.clone()).chain(stream));
        let Some(codec) = codec else { return Ok(Unpacked { stream, layers, head }) };
        layers.push(codec);
        limits.get(MAX_NESTING).check(layers.len() as u64).map_err(UnpackError::Nesting)?;
        let packed = BufReader::with_capacity(CODEC_BLOCK, stream);
        let decoder = codec.decoder(packed, limits)?;
        stream = capped(decoder, codec, Arc::clone(&raw), limits.get(MAX_EXPANDED), limits);
    }
}

/// A decoder under limits: how much it may give, and how much for each byte that was read (`raw` counts them).
pub(crate) fn capped(
    decoder: Box<dyn Read + Send>,
    codec: Codec,
    raw: Arc<AtomicU64>,
    max_expanded: Limit,
    limits: &Limits,
) -> Box<dyn Read + Send> {
    Box::new(Capped {
        inner: decoder,
        codec,
        expanded: 0,
        raw,
        max_expanded,
        max_ratio: limits.get(MAX_RATIO),
        max_window: limits.get(MAX_WINDOW),
        max_dictionary: limits.get(MAX_DICTIONARY),
        failed: false,
    })
}

fn read_head(stream: &mut dyn Read) -> Result<Vec<u8>, UnpackError> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while let Some(room) = head.get_mut(filled..).filter(|room| !room.is_empty()) {
        match stream.read(room) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// Counts what is read of the source itself.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// One layer under its limits. After an error it gives nothing but errors.
struct Capped {
    inner: Box<dyn Read + Send>,
    codec: Codec,
    expanded: u64,
    raw: Arc<AtomicU64>,
    max_expanded: Limit,
    max_ratio: Limit,
    max_window: Limit,
    max_dictionary: Limit,
    failed: bool,
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(self.damaged("it failed before"));
        }
        // A codec of others may meet a state it did not think of: that ends the stream and not the program.
        let inner = &mut self.inner;
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| inner.read(buffer)));
        let read = read.unwrap_or_else(|_| Err(io::ErrorKind::InvalidData.into()));
        let result = read.map_err(|error| self.explain(error)).and_then(|read| {
            self.expanded = self.expanded.saturating_add(read as u64);
            self.check()?;
            Ok(read)
        });
        self.failed = result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        result
    }
}

impl Capped {
    fn check(&self) -> io::Result<()> {
        self.max_expanded.check(self.expanded).map_err(|reached| self.limit(&EXPANDED_SIZE, reached))?;
        if self.expanded > RATIO_FROM {
            let ratio = self.expanded.div_ceil(self.raw.load(Ordering::Relaxed).max(1));
            self.max_ratio.check(ratio).map_err(|reached| self.limit(&RATIO, reached))?;
        }
        Ok(())
    }

    /// A codec's error in our words; what comes from a layer below or the source stays as it is.
    fn explain(&self, error: io::Error) -> io::Error {
        let is_ours =
            error.get_ref().is_some_and(|inner| inner.is::<UnpackError>() || inner.is::<SourceError>());
        if is_ours || error.kind() == io::ErrorKind::Interrupted {
            error
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            self.damaged("it is cut off")
        } else if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<raw::Tail>) {
            self.damaged("other bytes follow its end")
        } else if self.codec == Codec::Zstd && error.to_string().contains("too much memory") {
            let reached = self.max_window.exceeded(self.max_window.most().saturating_add(1));
            self.limit(&UNINSPECTABLE, reached)
        } else if error.kind() == io::ErrorKind::OutOfMemory {
            let reached = self.max_dictionary.exceeded(self.max_dictionary.most().saturating_add(1));
            self.limit(&UNINSPECTABLE, reached)
        } else {
            self.damaged("its bytes are damaged")
        }
    }

    fn damaged(&self, what: &'static str) -> io::Error {
        let error = UnpackError::Damaged { codec: self.codec, at: self.expanded, what };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    fn limit(&self, rule: &'static Rule, reached: LimitExceeded) -> io::Error {
        let error = UnpackError::Limit { rule, codec: self.codec, at: self.expanded, reached };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}
