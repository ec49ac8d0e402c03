//! What lies in bytes that loaders pass over: comments, extra fields, padding. They are searched for the marks of what can be
//! loaded or run, and what is something beyond doubt is told and looked at like any other part.

use lazaret_core::{Finding, FormatId, Limit, UNINSPECTABLE};

use crate::formats::pickle::may_be_pickle;
use crate::look::{Looking, is_certainly_also};
use crate::part::Part;
use crate::rules;

/// Most bytes of one file that loaders pass over and that are searched. A place that looks like something counts for
/// [`COST`].
pub(crate) const MAX_PASSED_OVER: Limit = Limit::new("models.max_passed_over", 256 << 20);

/// How much is read at once.
const BLOCK: usize = 64 << 10;
/// How far two blocks overlap: a mark is no longer.
const OVERLAP: usize = 160;
/// What looking at one place counts for, in bytes searched.
const COST: u64 = 4 << 10;
/// Longest name in the mark of a pickle.
const LONGEST_NAME: usize = 64;

impl Looking<'_> {
    /// Searches bytes of a part in which its format has nothing to load; `what` says what they are.
    pub(crate) fn hidden(&mut self, part: &Part, from: u64, len: u64, what: &str) {
        let end = from.saturating_add(len).min(part.len());
        let mut at = from;
        while at < end {
            let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(BLOCK).min(BLOCK);
            let mut block = vec![0; wanted];
            let read = match part.read_at(at, &mut block) {
                Ok(read) => read,
                Err(unread) => return self.unread(part, &unread),
            };
            block.truncate(read);
            if !self.may_search(part, read as u64) {
                return;
            }
            let beginning = if at == from { block.iter().position(|byte| !is_padding(*byte)) } else { None };
            let mut next = 0;
            while let Some(within) = mark(&block, next, beginning) {
                next = within.saturating_add(1);
                if !self.may_search(part, COST) {
                    return;
                }
                let place = at.saturating_add(begin_of_call(&block, within) as u64);
                let rest = part.rest(place, end.saturating_sub(place));
                // A header of an archive is one, whatever letter its name begins with.
                if is_certainly_also(&rest, FormatId("tar")) {
                    let format = self.inside(&rest);
                    let message =
                        format!("{what} (byte {place}) is more than that: {format}, which readers pass over");
                    return self.find(&rules::HIDDEN_CONTENT, part.at(place), message);
                }
            }
            let read = read as u64;
            if read < wanted as u64 || at.saturating_add(read) >= end {
                return;
            }
            at = at.saturating_add(read.saturating_sub(OVERLAP as u64));
        }
    }

    /// Counts bytes that are searched; false, and a finding, where there are too many.
    fn may_search(&mut self, part: &Part, bytes: u64) -> bool {
        self.searched = self.searched.saturating_add(bytes);
        let reached = self.limits.get(MAX_PASSED_OVER).check(self.searched).err();
        if let Some(reached) = &reached {
            self.not_whole();
            let message = format!("bytes that loaders pass over are not searched to their end: {reached}");
            self.add(Finding::new(&UNINSPECTABLE, part.place(), message));
        }
        reached.is_none()
    }
}

/// The next place, from one on, at which something may begin. Early pickles have no mark of their own: they are tried where
/// the bytes begin.
fn mark(block: &[u8], from: usize, beginning: Option<usize>) -> Option<usize> {
    (from..block.len()).find(|at| {
        let rest = block.get(*at..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| block.get(before));
        is_mark(rest, before.is_none_or(|byte| is_padding(*byte)))
            || beginning == Some(*at) && may_be_pickle(rest)
    })
}

const fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b' ' | b'\n' | b'\r' | b'\t')
}

fn is_mark(rest: &[u8], begins_line: bool) -> bool {
    match rest {
        [0x80, 2..=5, ..] | [b'M', b'Z', ..] => true,
        // GLOBAL and INST, and the names of STACK_GLOBAL.
        [b'c' | b'i', names @ ..] => line(names).and_then(line).is_some(),
        [0x8c, len, name @ ..] | [b'X', len, 0, 0, 0, name @ ..] => {
            let len = usize::from(*len);
            (2..=LONGEST_NAME).contains(&len)
                && name.get(..len).is_some_and(|name| name.iter().copied().all(is_of_name))
        }
        [b'#', b'!', b'/', ..] => begins_line,
        _ => MARKS.iter().any(|mark| rest.starts_with(mark)),
    }
}

/// Whether bytes begin as a program, an archive or a packed stream does.
pub(crate) fn begins_as_other(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ") || MARKS.iter().any(|mark| bytes.starts_with(mark))
}

/// Programs, archives, packed streams.
const MARKS: &[&[u8]] = &[
    b"\x7fELF",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
];

/// What follows a line that is a dotted name.
fn line(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(LONGEST_NAME).position(|byte| !is_of_name(*byte))?;
    let (name, rest) = text.split_at_checked(end)?;
    rest.strip_prefix(b"\n").filter(|_| !name.is_empty())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// INST takes its arguments from a mark before it: a pickle that has it begins there.
fn begin_of_call(block: &[u8], at: usize) -> usize {
    if block.get(at) != Some(&b'i') {
        return at;
    }
    let before = block.get(at.saturating_sub(OVERLAP)..at).unwrap_or_default();
    let back = before.iter().rev().position(|byte| *byte == b'(');
    back.map_or(at, |back| at.saturating_sub(back).saturating_sub(1))
}
