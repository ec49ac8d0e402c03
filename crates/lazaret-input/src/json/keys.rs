//! Equal keys of one object: a scan over fingerprints while it is small, a hash table when it grows.

use std::borrow::Cow;
use std::collections::HashMap;

/// Up to so many members an object is scanned.
const SCANNED: usize = 32;

/// The keys of all objects that are open. The hash is the standard library's, seeded at random, so that nobody
/// can make keys that collide.
#[derive(Default)]
pub(super) struct OpenKeys<'a> {
    /// The keys of the open objects, innermost last; at most [`SCANNED`] of each.
    seen: Vec<Seen<'a>>,
    /// The tables of those open objects that have more keys, innermost last.
    large: Vec<Large<'a>>,
}

struct Seen<'a> {
    print: u64,
    offset: u32,
    key: Cow<'a, str>,
}

struct Large<'a> {
    object: u32,
    keys: HashMap<Cow<'a, str>, u32>,
}

impl<'a> OpenKeys<'a> {
    /// An object opens: where its keys will begin.
    pub(super) fn open(&self) -> usize {
        self.seen.len()
    }

    /// An object closes.
    pub(super) fn close(&mut self, object: u32, begin: usize) {
        self.seen.truncate(begin);
        if self.large.last().is_some_and(|large| large.object == object) {
            self.large.pop();
        }
    }

    /// Adds a key of the innermost open object; gives the offset of the same key if it stood there already.
    pub(super) fn add(&mut self, object: u32, begin: usize, key: Cow<'a, str>, offset: u32) -> Option<u32> {
        if let Some(large) = self.large.last_mut().filter(|large| large.object == object) {
            return add_to_table(&mut large.keys, key, offset);
        }
        let print = fingerprint(key.as_bytes());
        let mine = self.seen.get(begin..).unwrap_or(&[]);
        if let Some(equal) = mine.iter().find(|seen| seen.print == print && seen.key == key) {
            return Some(equal.offset);
        }
        if mine.len() < SCANNED {
            self.seen.push(Seen { print, offset, key });
            return None;
        }
        let mut keys: HashMap<_, _> = self.seen.drain(begin..).map(|seen| (seen.key, seen.offset)).collect();
        let first = add_to_table(&mut keys, key, offset);
        self.large.push(Large { object, keys });
        first
    }
}

fn add_to_table<'a>(keys: &mut HashMap<Cow<'a, str>, u32>, key: Cow<'a, str>, offset: u32) -> Option<u32> {
    if let Some(first) = keys.get(&key) {
        return Some(*first);
    }
    keys.insert(key, offset);
    None
}

/// The first and last eight bytes and the length, mixed; equal keys have equal fingerprints.
fn fingerprint(key: &[u8]) -> u64 {
    let (head, tail) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (key.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)), 0),
    };
    (head ^ tail.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.len() as u64
}
