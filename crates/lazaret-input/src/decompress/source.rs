//! An unpacked source that reads like any other, so that every format reads compressed files too.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use lazaret_core::{Hint, Limits, Source, SourceError};

use super::{Codec, UnpackError, codec, open_stream};
use crate::file::{BLOCK, copy};

/// A source without its layers of compression, and what they were. One that is not compressed comes back as it
/// is. A compressed one is unpacked once to its end at this point: bombs and damage are known before anything
/// of it crosses, and so is its length. Then it is unpacked again as it is read; memory stays one block.
pub fn unpack(
    source: Arc<dyn Source>,
    limits: &Limits,
) -> Result<(Arc<dyn Source>, Vec<Codec>), UnpackError> {
    let mut first = open_stream(Arc::clone(&source), limits)?;
    if first.layers.is_empty() {
        return Ok((source, first.layers));
    }
    let mut block = vec![0; BLOCK];
    let mut len = 0_u64;
    loop {
        match first.stream.read(&mut block) {
            Ok(0) => break,
            Ok(read) => len = len.saturating_add(read as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let hint = inner_hint(source.hint());
    let forward = Mutex::new(Forward { stream: Box::new(io::empty()), block, begin: 0, end: u64::MAX });
    let unpacked = UnpackedSource { packed: source, limits: limits.clone(), len, hint, forward };
    Ok((Arc::new(unpacked), first.layers))
}

/// The hint of what is inside: `ndjson.gz` becomes `ndjson`.
fn inner_hint(mut hint: Hint) -> Hint {
    hint.extension = hint.extension.and_then(|extension| {
        let inner = extension.split('.').find(|part| !codec::is_ending(part))?;
        Some(inner.to_owned())
    });
    hint.media_type = None;
    hint
}

struct UnpackedSource {
    packed: Arc<dyn Source>,
    limits: Limits,
    len: u64,
    hint: Hint,
    forward: Mutex<Forward>,
}

/// A stream that goes forward, with the last block of it. Not yet opened: its end is the largest number.
struct Forward {
    stream: Box<dyn Read + Send>,
    block: Vec<u8>,
    /// Where the block begins and ends in the stream.
    begin: u64,
    end: u64,
}

impl UnpackedSource {
    /// Makes the block hold the byte at an offset; false at the end of the stream.
    fn reach(&self, forward: &mut Forward, offset: u64) -> io::Result<bool> {
        if offset < forward.begin || forward.end == u64::MAX {
            let opened = open_stream(Arc::clone(&self.packed), &self.limits).map_err(io::Error::other)?;
            (forward.stream, forward.begin, forward.end) = (opened.stream, 0, 0);
        }
        while offset >= forward.end {
            forward.begin = forward.end;
            match forward.stream.read(&mut forward.block) {
                Ok(0) => return Ok(false),
                Ok(read) => forward.end = forward.begin.saturating_add(read as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Source for UnpackedSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let failed = |at, cause| SourceError { at, cause };
        let mut forward =
            self.forward.lock().map_err(|_| failed(offset, io::Error::other("an earlier read panicked")))?;
        let mut done = 0;
        while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
            let at = offset.saturating_add(done as u64);
            if at >= self.len {
                break;
            }
            if !self.reach(&mut forward, at).map_err(|cause| failed(at, cause))? {
                return Err(failed(at, io::ErrorKind::UnexpectedEof.into()));
            }
            let within =
                |place: u64| usize::try_from(place.saturating_sub(forward.begin)).unwrap_or(usize::MAX);
            let held = forward.block.get(within(at)..within(forward.end)).unwrap_or(&[]);
            done = done.saturating_add(copy(held, room));
        }
        Ok(done)
    }

    fn hint(&self) -> Hint {
        self.hint.clone()
    }
}
