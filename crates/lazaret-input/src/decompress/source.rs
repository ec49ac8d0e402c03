//! An unpacked source that reads like any other, so that every format reads compressed files too.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use lazaret_core::{Hint, Limits, Source, SourceError};

use super::{Codec, UnpackError, codec, open_stream};
use crate::file::{BLOCK, copy};

/// A source without its layers of compression, and what they were. One that is not compressed comes back as it
/// is. A compressed one is unpacked as it is read, and memory stays one block; read from its start to its end it
/// is unpacked once. Bombs and damage are errors of the read that comes to them.
pub fn unpack(
    source: Arc<dyn Source>,
    limits: &Limits,
) -> Result<(Arc<dyn Source>, Vec<Codec>), UnpackError> {
    let opened = open_stream(Arc::clone(&source), limits)?;
    if opened.layers.is_empty() {
        return Ok((source, opened.layers));
    }
    let hint = inner_hint(source.hint());
    let forward = Forward { stream: opened.stream, block: vec![0; BLOCK], begin: 0, end: 0 };
    let forward = Mutex::new(forward);
    let unpacked = UnpackedSource { packed: source, limits: limits.clone(), hint, forward };
    Ok((Arc::new(unpacked), opened.layers))
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
    hint: Hint,
    forward: Mutex<Forward>,
}

/// A stream that goes forward, with the last block of it.
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
        if offset < forward.begin {
            let opened = open_stream(Arc::clone(&self.packed), &self.limits).map_err(io::Error::other)?;
            (forward.stream, forward.begin, forward.end) = (opened.stream, 0, 0);
        }
        while offset >= forward.end {
            forward.begin = forward.end;
            // A whole block, so that the head of a source can be looked at without beginning anew.
            let mut filled = 0_usize;
            while let Some(room) = forward.block.get_mut(filled..).filter(|room| !room.is_empty()) {
                match forward.stream.read(room) {
                    Ok(0) => break,
                    Ok(read) => filled = filled.saturating_add(read),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if filled == 0 {
                return Ok(false);
            }
            forward.end = forward.begin.saturating_add(filled as u64);
        }
        Ok(true)
    }
}

impl Source for UnpackedSource {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let failed = |at, cause| SourceError { at, cause };
        let mut forward =
            self.forward.lock().map_err(|_| failed(offset, io::Error::other("an earlier read panicked")))?;
        let mut done = 0;
        while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
            let at = offset.saturating_add(done as u64);
            if !self.reach(&mut forward, at).map_err(|cause| failed(at, cause))? {
                break;
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
