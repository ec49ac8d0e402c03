//! Whether bytes are a pickle: they are read as one, for a little, and what comes of it decides.

use std::sync::Arc;

use lazaret_core::{Hint, Limits};
use lazaret_input::MemorySource;

use super::machine::Machine;
use crate::part::Part;

/// How many bytes are enough to tell.
pub(super) const PROBE: usize = 4 << 10;
/// How many opcodes are, of what goes on beyond those bytes. Nothing but a pickle has so many in a row.
const PROBE_STEPS: u64 = 1 << 20;

/// How sure a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Probe {
    /// It breaks off at something that no pickle has.
    No,
    /// It ends as a pickle does, and does nothing but make plain values.
    Plain,
    /// It loads or calls something.
    Acts,
}

/// Whether bytes may begin a pickle, by the first of them: most data do not. Every opcode is among them that asks for nothing
/// on the stack: whatever it makes, the rest of the pickle may leave it there.
pub(crate) fn may_be_pickle(head: &[u8]) -> bool {
    const FIRST: &[u8] = b"c(]})iISVUXKMJNLFGPTBC\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96";
    matches!(head, [0x80, 0..=5, ..]) || head.first().is_some_and(|first| FIRST.contains(first))
}

/// Whether these bytes, all of a value or its beginning, are a pickle: one that says so with its first two bytes and
/// reads well, or an earlier one that does something.
pub(super) fn looks_like_pickle(bytes: &[u8], whole: bool) -> bool {
    if !may_be_pickle(bytes) {
        return false;
    }
    let probed = probe(bytes, whole);
    probed == Probe::Acts || probed == Probe::Plain && matches!(bytes, [0x80, 2..=5, ..])
}

/// Whether a part, which begins with these bytes, is a pickle in the same way, however long its first operand is.
pub(crate) fn begins_at(part: &Part, head: &[u8]) -> bool {
    let whole = head.len() as u64 >= part.len();
    looks_like_pickle(head, whole) || !whole && may_be_pickle(head) && probe_on(part) == Probe::Acts
}

/// Reads a part as a pickle whose first bytes do not tell: an operand may be longer than they are.
pub(super) fn probe_on(part: &Part) -> Probe {
    let mut input = part.stream(0);
    let mut machine = Machine::new(&mut input, &Limits::default());
    (machine.probes, machine.most_steps) = (true, PROBE_STEPS);
    let ended = machine.run();
    let (loads, calls) = (loads(&machine), machine.judge.calls());
    let is_long = machine.steps > PROBE_STEPS;
    match ended {
        Ok(()) if loads => Probe::Acts,
        Err(_) if calls || is_long => Probe::Acts,
        _ => Probe::No,
    }
}

/// Whether it loads something by its name, or calls what its loader gives. What calls anything else is no pickle that runs
/// something, and two values and a call stand in many random data.
fn loads(machine: &Machine<'_, '_>) -> bool {
    machine.judge.loads() || machine.judge.calls_outer()
}

/// Reads bytes as a pickle. Where they are only the beginning of more, that they break off is no fault.
pub(super) fn probe(bytes: &[u8], whole: bool) -> Probe {
    let head = bytes.get(..PROBE.min(bytes.len())).unwrap_or_default();
    let is_cut = !whole || head.len() < bytes.len();
    let part = Part::file(Arc::new(MemorySource::new(head, Hint::default())), head.len() as u64, "");
    let mut input = part.stream(0);
    let mut machine = Machine::new(&mut input, &Limits::default());
    machine.probes = true;
    let ended = machine.run();
    let (loads, calls, steps) = (loads(&machine), machine.judge.calls(), machine.steps);
    let said = matches!(head, [0x80, 2..=5, ..]);
    let end = input.position();
    match ended {
        Ok(()) if loads => Probe::Acts,
        // `N.` and `I1\n.` are pickles, and so are many short data: one that does not say so must be one as a whole.
        Ok(()) if said && steps > 2 || steps > 3 && end == bytes.len() as u64 => Probe::Plain,
        Ok(()) => Probe::No,
        Err(_) if calls || loads && said => Probe::Acts,
        Err(error) => {
            let at_end = error.at.is_none_or(|at| at >= head.len() as u64);
            let breaks_off = is_cut && (at_end || end >= head.len() as u64);
            if breaks_off && loads {
                Probe::Acts
            } else if breaks_off && said && steps > 2 {
                Probe::Plain
            } else {
                Probe::No
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_is_what_loads_by_name_or_ends() {
        for bytes in [
            &b"cos\nsystem\n(S'x'\ntR9"[..],
            b"(S'x'\nios\nsystem\n9",
            b"N0\x82\x01)R.",
            b"Pid\n)R.",
            b"\x80\x02\x82\x01)R9",
            b"cos\nsystem\np0\n0g0\n(S'x'\ntR9",
        ] {
            assert!(looks_like_pickle(bytes, true), "{}", bytes.escape_ascii());
        }
        for bytes in [
            &b"N)R9 rubbish"[..],
            b"I1\nI2\nRKK",
            b"](R\x00\x00",
            b"\x84\xf7\x57\xf3\x41)Rv",
            b"K\x01K\x02R\xc2",
            b"MAARNDCQ",
            b"\x8fN\x81b\x19\xca",
            b"N]}\x92\x08",
        ] {
            assert!(!looks_like_pickle(bytes, true), "{}", bytes.escape_ascii());
        }
    }
}
