//! Python pickles, protocols 0 to 5: what loading one would do, told without building anything.
//!
//! | file | what is in it |
//! |---|---|
//! | `machine` | the opcodes, on a stack and a memo of abstract values |
//! | `values` | those values |
//! | `judge` | what each function, call and state means |
//! | `reach`, `makers` | what plain operations reach, modules and their functions; objects that are made with keywords |
//! | `notes` | which functions and classes are used, and how |
//! | `tensors` | tensors of torch, as its pickles rebuild them |
//! | `places`, `checkpoint` | where a checkpoint of torch lies in other files, and what is judged of it |
//! | `probe`, `packed` | whether bytes are a pickle, also in base64 and hexadecimal |

mod checkpoint;
mod judge;
mod machine;
mod makers;
mod notes;
mod packed;
mod places;
mod probe;
mod reach;
mod tensors;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use lazaret_core::{FormatId, Hint, Likeness, Limit, Limits, Severity};
use lazaret_input::MemorySource;
use rustc_hash::FxHashMap;

pub(crate) use self::machine::{MAX_MEMO, MAX_STACK};
use self::machine::{Machine, Nested};
use self::notes::Used;
pub(crate) use self::packed::MAX_PACKED;
pub(crate) use self::places::Places;
use self::probe::{PROBE, Probe, probe, probe_on};
pub(crate) use self::probe::{begins_at, may_be_pickle};
pub(crate) use self::tensors::Torch;
use super::packages;
use crate::callables::effect_by;
use crate::inside::{How, Met, words};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{MAX_WHOLE, Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;
use crate::stream::Stream;
use crate::weights::{self, Data};

/// The format.
pub(crate) struct Pickle;

const ID: FormatId = FormatId("pickle");
/// Torch's files before they were zip archives: five pickles and the storages.
pub(crate) const TORCH_LEGACY: FormatId = FormatId("torch-legacy");
/// Bytes between two pickles of a file that are taken for padding.
const PADDING: usize = 4 << 10;
/// Most pickles one after the other.
const MOST_STREAMS: u64 = 10_000;

impl ModelFormat for Pickle {
    fn id(&self) -> FormatId {
        ID
    }

    fn about(&self) -> &'static str {
        "Python pickle, protocols 0 to 5: also dill, cloudpickle, joblib, torch before zip, Paddle"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pkl", "pickle", "p", "dill", "joblib", "pdparams", "pdopt", "pt", "pth", "ckpt", "bin", "model"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let whole = head.bytes.len() as u64 == head.part.len();
        let mut probed = probe(head.bytes, whole);
        if probed == Probe::No && head.part.len() > PROBE as u64 && may_be_pickle(head.bytes) {
            probed = probe_on(head.part);
        }
        match (probed, head.bytes) {
            (Probe::Acts, _) | (Probe::Plain, [0x80, 2..=5, ..]) => Likeness::Certain,
            (Probe::Plain, _) | (Probe::No, [0x80, 2..=5, ..]) => Likeness::Possible,
            (Probe::No, _) if matches!(head.extension, "pkl" | "pickle" | "dill" | "joblib") => {
                Likeness::ByName
            }
            (Probe::No, _) => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut input = part.stream(0);
        let (mut packages, mut versions) = (BTreeSet::new(), BTreeSet::new());
        let read = streams(part, &mut input, &mut packages, &mut versions, looking);
        packages::of_pickle(packages.iter(), versions.iter(), part, looking);
        if !packages.is_empty() {
            let message = format!("code of these packages runs when it is loaded: {}", listed(&packages));
            looking.find(&rules::CODE_OF_PACKAGE, part.place(), message);
        }
        read
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    const MOST: usize = 12;
    let mut shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    if names.len() > MOST {
        shown.push("…");
    }
    shown.join(", ")
}

/// The pickles of a file, one after the other, and what follows them.
fn streams(
    part: &Part,
    input: &mut Stream<'_>,
    packages: &mut BTreeSet<String>,
    versions: &mut BTreeSet<String>,
    looking: &mut Looking<'_>,
) -> Result<FormatId, Unread> {
    let mut number = 0_u64;
    let mut is_torch = false;
    let mut torch = Torch::default();
    loop {
        let mut machine = Machine::new(input, looking.limits);
        (machine.judge.own, machine.judge.notes.all) = (Some(looking.own), looking.tree.is_some());
        if is_torch && number == 4 {
            machine.texts = Some(Vec::new());
        }
        let read = machine.run();
        machine.judge.finish();
        is_torch |= number == 0 && machine.is_torch;
        if is_torch && number == 3 {
            torch = std::mem::take(&mut machine.torch);
        }
        let keys = machine.texts.take();
        let nested = std::mem::take(&mut machine.nested);
        let judge = std::mem::take(&mut machine.judge);
        for said in judge.said {
            let at = part.at(said.at);
            let message =
                if part.is_file() { said.message } else { format!("{} (byte {})", said.message, said.at) };
            match said.about {
                Some((module, name)) => {
                    let about = About::callable(&module, &name);
                    looking.find_about(said.severity, said.rule, about, at, message);
                }
                None => looking.find_as(said.severity, said.rule, at, message),
            }
        }
        if let Some(tree) = &mut looking.tree {
            tree.left_out(judge.notes.left_out);
        }
        if let Some((at, times)) = judge.notes.states {
            let name = "objects made by a class or call".to_owned();
            let met = || Met { how: How::SetsState, name, does: None, about: None, times };
            looking.uses(met, || part.at(at));
        }
        for ((module, name), used) in judge.notes.used {
            tell(&module, &name, used, part, looking);
        }
        packages.extend(judge.packages);
        versions.extend(judge.sklearn_versions);
        for pickle in nested {
            follow(part, pickle, judge.loads_nested, looking);
        }
        read?;
        number += 1;
        if let Some(keys) = keys {
            let found = pass_storages(input, &keys, &torch)?;
            looking.tail(part, input.position());
            let tensors = torch.hand_over(&mut |key| found.get(key).cloned(), part, looking);
            weights::judge(&tensors, part, looking);
            return Ok(TORCH_LEGACY);
        }
        if !goes_on(input, looking)? {
            return Ok(if is_torch { TORCH_LEGACY } else { ID });
        }
        if number >= MOST_STREAMS {
            return Err(Unread::malformed(input.position(), format!("more than {MOST_STREAMS} pickles")));
        }
    }
}

/// How a function or class is used, and what the hospital's own rules say of it.
fn tell(module: &str, name: &str, used: Used, part: &Part, looking: &mut Looking<'_>) {
    let (own, at) = (looking.own, || part.at(used.at));
    let met = |how, times, does| Met {
        how,
        name: format!("{module}.{name}"),
        does,
        about: Some(About::callable(module, name)),
        times,
    };
    let does = || Some(words(effect_by(Some(own), module, name)));
    let called = used.called > 0;
    let (how, times) = if called { (How::Calls, used.called) } else { (How::Loads, used.loaded) };
    looking.uses(|| met(how, times, does()), at);
    if used.states > 0 {
        looking.uses(|| met(How::SetsState, used.states, None), at);
    }
    looking.own_callable(module, name, at);
}

/// Whether another pickle follows; what else does is looked at and told.
fn goes_on(input: &mut Stream<'_>, looking: &mut Looking<'_>) -> Result<bool, Unread> {
    let (end, len) = (input.position(), input.part().len());
    let ahead = input.peek(PADDING + PROBE)?;
    if ahead.is_empty() {
        return Ok(false);
    }
    let padding =
        ahead.iter().take(PADDING).take_while(|byte| matches!(byte, 0 | b'\n' | b'\r' | b' ')).count();
    let next = ahead.get(padding..).unwrap_or_default();
    let whole = end.saturating_add(ahead.len() as u64) >= len;
    let follows = match probe(next, whole) {
        Probe::Acts => true,
        Probe::Plain => matches!(next, [0x80, 2..=5, ..]) || padding == 0,
        Probe::No => false,
    };
    if follows {
        input.seek(end.saturating_add(padding as u64));
    } else {
        looking.tail(input.part(), end);
    }
    Ok(follows)
}

/// A pickle within the data: it is read like any other.
fn follow(part: &Part, nested: Nested, on_purpose: bool, looking: &mut Looking<'_>) {
    let place = part.at(nested.at);
    let inner = match nested.unpacked {
        None => part.rest(nested.at, nested.len),
        Some(bytes) => {
            let bytes =
                if bytes.is_empty() { unpack(part, nested.at, nested.len, looking) } else { Some(bytes) };
            let Some(bytes) = bytes else { return };
            let len = bytes.len() as u64;
            part.member(Arc::new(MemorySource::new(bytes, Hint::default())), len, &format!("@{}", nested.at))
        }
    };
    if !on_purpose && !nested.archive {
        let message = format!("the value at byte {} is a pickle itself", nested.at);
        looking.find(&rules::NESTED_PICKLE, place, message);
    }
    looking.inside(&inner);
}

/// The bytes that a long text packs.
fn unpack(part: &Part, at: u64, len: u64, looking: &mut Looking<'_>) -> Option<Vec<u8>> {
    let most = looking.limits.get(MAX_WHOLE);
    let text = most
        .check(len)
        .map_err(Unread::from)
        .and_then(|()| part.bytes(at, usize::try_from(len).unwrap_or(0)));
    match text {
        Ok(text) => packed::unpack(&text).filter(|bytes| probe::looks_like_pickle(bytes, true)),
        Err(unread) => {
            looking.unread(part, &unread);
            None
        }
    }
}

/// Passes over the storages of a torch file: each is a count of 8 bytes and so many elements. Gives where they lie.
fn pass_storages(
    input: &mut Stream<'_>,
    keys: &[String],
    torch: &Torch,
) -> Result<FxHashMap<String, Data>, Unread> {
    let file = Arc::new(input.part().clone());
    let widths: FxHashMap<&str, u64> =
        torch.storages.iter().map(|storage| (storage.key.as_str(), storage.width)).collect();
    let mut found = FxHashMap::default();
    for key in keys {
        let width = widths.get(key.as_str()).copied().unwrap_or(1);
        let count = input.number::<8>()?;
        let bytes = count.checked_mul(width);
        let bytes = bytes.ok_or_else(|| Unread::malformed(input.position(), "a storage without end"))?;
        let from = input.position();
        input.skip(bytes)?;
        found.insert(key.clone(), Data { part: Arc::clone(&file), from, len: bytes });
    }
    Ok(found)
}

/// What the pickle of a torch archive says of tensors. What is wrong with it is told where it is looked at.
pub(crate) fn torch(part: &Part, looking: &Looking<'_>) -> Option<Torch> {
    let mut input = part.stream(0);
    let mut machine = Machine::new(&mut input, looking.limits);
    machine.run().ok()?;
    Some(machine.torch)
}

/// Where parts of a checkpoint of torch lie in one file, as the pickle says that stands beside it: at most so many.
pub(crate) fn places(part: &Part, file: &str, most: Limit, limits: &Limits) -> Result<Places, Unread> {
    let mut input = part.stream(0);
    let mut machine = Machine::new(&mut input, limits);
    machine.places = Some(Places::new(file, most.most()));
    machine.judge.values.keep_large();
    machine.judge.notes.all = true;
    machine.run()?;
    machine.judge.finish();
    let mut places = machine.places.take().unwrap_or_else(|| Places::new(file, 0));
    let used = machine.judge.notes.used.iter().filter(|(_, used)| used.called > 0);
    used.for_each(|((module, name), _)| places.called(module, name));
    // What is told of it where it is looked at may have made a place as well.
    places.is_partial |= machine.judge.makes_dict();
    places.is_partial |= machine.judge.said.iter().any(|said| said.severity >= Severity::Medium);
    Ok(places)
}
