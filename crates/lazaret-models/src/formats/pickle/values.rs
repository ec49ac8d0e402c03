//! The values that a pickle makes, as far as they matter: names, functions, what calls gave, what holds them. Plain data
//! are one value that says nothing. A value is eight bytes; what it refers to lies in lists that grow up to a limit.

use std::rc::Rc;

use rustc_hash::FxHashMap;

/// A value on the stack or in the memo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Plain data: numbers, bytes, long texts, containers that hold nothing of interest, with their size ([`Size`]).
    Data(Size),
    /// The empty tuple.
    Empty,
    /// A whole number that fits.
    Int(i32),
    /// A larger one, by its number, where those are asked for.
    Large(u32),
    /// A text that may be a name.
    Text(u32),
    /// A list, dict, set or tuple that is kept an eye on.
    Box(u32),
    /// A function, class or module by its name.
    Global(u32),
    /// What a call gave, or an object that is being built.
    Made(u32),
    /// What the loader puts in for an id: 0, or the number of a storage of torch, from 1.
    Persistent(u32),
    /// A tensor of torch, by its number.
    Tensor(u32),
    /// It cannot be known: an extension code, an operand that was not kept.
    Unknown,
}

/// How deep containers lie in each other, and how many values a walk over all of it meets, by its logarithm in quarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) depth: u16,
    pub(super) weight: u16,
}

impl Size {
    /// The size of what holds these.
    pub(super) fn around(parts: impl Iterator<Item = Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.depth = whole.depth.max(part.depth);
            whole.weight = add_logs(whole.weight, part.weight);
        }
        Self { depth: whole.depth.saturating_add(1), ..whole }
    }

    /// The size of what held `self` and now holds another too.
    pub(super) fn with(self, part: Self) -> Self {
        Self {
            depth: self.depth.max(part.depth.saturating_add(1)),
            weight: add_logs(self.weight, part.weight),
        }
    }
}

/// Nothing but a plain value.
pub(super) const PLAIN: Value = Value::Data(Size { depth: 0, weight: 0 });

/// A function or class.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) module: Box<str>,
    pub(super) name: Box<str>,
}

/// What holds other values.
#[derive(Debug, Default, Clone)]
pub(super) struct Held {
    /// How deep and heavy it is.
    pub(super) size: Size,
    /// It has a key by which Python calls into an object (`__setstate__`).
    pub(super) plants: bool,
    /// It has a function under a name that a pickle calls to add values to an object (`append`).
    pub(super) adds: bool,
    /// Its first values, where it is a tuple or a short dict (keys and values in turn).
    pub(super) first: Vec<Value>,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) callee: Value,
    pub(super) arguments: Value,
    /// Where it stands.
    pub(super) at: u64,
    /// Whether a state was set on what it gave.
    pub(super) built: bool,
    /// The state that was set.
    pub(super) state: Value,
}

/// Most bytes of texts that are kept; beyond them the last few are.
const MOST_TEXT: usize = 8 << 20;
/// Most texts that are kept.
const MOST_TEXTS: usize = 1 << 20;
/// How many of the last texts are kept beyond it.
const RECENT: u32 = 64;
/// Longest text that may be a name.
pub(super) const LONGEST_NAME: usize = 512;
/// Most containers and calls that are kept an eye on.
const MOST_HELD: usize = 100_000;
const MOST_CALLS: usize = 200_000;
/// Most different functions and classes.
const MOST_NAMES: usize = 100_000;
/// How many first values of a container are kept.
pub(super) const FIRST: usize = 16;

/// What values refer to.
#[derive(Default)]
pub(super) struct Values {
    text: Vec<u8>,
    /// Where each text ends in `text`.
    ends: Vec<u32>,
    /// The texts that came when there was no more room, by their number: only the last of them.
    recent: Vec<Vec<u8>>,
    texts: u32,
    pub(super) held: Vec<Held>,
    pub(super) calls: Vec<Call>,
    names: Vec<Rc<Name>>,
    by_name: FxHashMap<(Box<str>, Box<str>), u32>,
    /// The last whole numbers that do not fit, where they are asked for.
    large: Option<Vec<i64>>,
    large_so_far: u32,
}

impl Values {
    /// Keeps a text that may be a name.
    pub(super) fn text(&mut self, text: &[u8]) -> Value {
        let number = self.texts;
        let Some(more) = self.texts.checked_add(1) else { return PLAIN };
        self.texts = more;
        let has_room =
            self.text.len().saturating_add(text.len()) <= MOST_TEXT && self.ends.len() < MOST_TEXTS;
        if has_room && self.recent.is_empty() {
            self.text.extend_from_slice(text);
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        } else {
            self.recent.resize(RECENT as usize, Vec::new());
            if let Some(slot) = self.recent.get_mut((number % RECENT) as usize) {
                slot.clear();
                slot.extend_from_slice(text);
            }
        }
        Value::Text(number)
    }

    /// A text that is still kept.
    pub(super) fn text_of(&self, value: Value) -> Option<&[u8]> {
        let Value::Text(number) = value else { return None };
        let place = number as usize;
        if let Some(end) = self.ends.get(place) {
            let from = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            return self.text.get(from as usize..*end as usize);
        }
        let is_recent = self.texts.saturating_sub(number) <= RECENT;
        self.recent.get((number % RECENT) as usize).filter(|_| is_recent).map(Vec::as_slice)
    }

    /// The same as a string.
    pub(super) fn str_of(&self, value: Value) -> Option<&str> {
        std::str::from_utf8(self.text_of(value)?).ok()
    }

    /// Keeps the last whole numbers that do not fit from now on.
    pub(super) fn keep_large(&mut self) {
        self.large = Some(vec![0; RECENT as usize]);
    }

    /// A whole number.
    pub(super) fn number(&mut self, number: i64) -> Value {
        if let Ok(small) = i32::try_from(number) {
            return Value::Int(small);
        }
        let so_far = self.large_so_far;
        let slot = self.large.as_mut().and_then(|large| large.get_mut((so_far % RECENT) as usize));
        match (slot, so_far.checked_add(1)) {
            (Some(slot), Some(next)) => {
                *slot = number;
                self.large_so_far = next;
                Value::Large(so_far)
            }
            _ => PLAIN,
        }
    }

    /// A whole number that is still kept.
    pub(super) fn number_of(&self, value: Value) -> Option<i64> {
        match value {
            Value::Int(number) => Some(number.into()),
            Value::Large(number) if self.large_so_far.saturating_sub(number) <= RECENT => {
                self.large.as_ref()?.get((number % RECENT) as usize).copied()
            }
            _ => None,
        }
    }

    /// A function or class by its name; unknown where there are too many.
    pub(super) fn global(&mut self, module: &str, name: &str) -> Value {
        // Looked up by a pair of its own: names are few, their uses are many.
        let key = (Box::from(module), Box::from(name));
        if let Some(known) = self.by_name.get(&key) {
            return Value::Global(*known);
        }
        if self.names.len() >= MOST_NAMES {
            return Value::Unknown;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Rc::new(Name { module: module.into(), name: name.into() }));
        self.by_name.insert(key, number);
        Value::Global(number)
    }

    /// The name of a function or class.
    pub(super) fn name_of(&self, value: Value) -> Option<Rc<Name>> {
        let Value::Global(number) = value else { return None };
        self.names.get(number as usize).cloned()
    }

    /// A new container; plain data where too many are kept an eye on.
    pub(super) fn hold(&mut self, held: Held) -> Value {
        if self.held.len() >= MOST_HELD {
            return Value::Data(held.size);
        }
        let number = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        self.held.push(held);
        Value::Box(number)
    }

    pub(super) fn held_of(&self, value: Value) -> Option<&Held> {
        let Value::Box(number) = value else { return None };
        self.held.get(number as usize)
    }

    pub(super) fn held_mut(&mut self, value: Value) -> Option<&mut Held> {
        let Value::Box(number) = value else { return None };
        self.held.get_mut(number as usize)
    }

    /// A call that is kept an eye on, and what it gives; none where there are too many.
    pub(super) fn call(&mut self, call: Call) -> Option<Value> {
        if self.calls.len() >= MOST_CALLS {
            return None;
        }
        let number = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(call);
        Some(Value::Made(number))
    }

    pub(super) fn call_of(&self, value: Value) -> Option<Call> {
        let Value::Made(number) = value else { return None };
        self.calls.get(number as usize).copied()
    }

    /// How deep and how heavy a value is.
    pub(super) fn size_of(&self, value: Value) -> Size {
        match value {
            Value::Data(size) => size,
            Value::Box(_) => self.held_of(value).map(|held| held.size).unwrap_or_default(),
            _ => Size::default(),
        }
    }
}

/// The logarithm, in quarters, of the sum of two numbers given by theirs.
fn add_logs(a: u16, b: u16) -> u16 {
    let (high, low) = if a >= b { (a, b) } else { (b, a) };
    // Two of a size are one quarter times four more; of different sizes the larger is near enough, a little more each time.
    match high - low {
        0..=2 => high.saturating_add(4),
        3..=6 => high.saturating_add(1),
        _ => high,
    }
}
