//! The interpreter: the opcodes of a pickle on a stack and a memo of values that say only what matters. Nothing is built.
//!
//! What the opcodes do is in Python's `Lib/pickle.py` and `Modules/_pickle.c`; where the two differ, as the latter does.

use lazaret_core::{Limit, Limits};
use rustc_hash::FxHashMap;

use super::judge::{Array, Judge, MOST_SPELLED};
use super::packed;
use super::places::Places;
use super::probe::{PROBE, looks_like_pickle, may_be_pickle};
use super::tensors::Torch;
use super::values::{FIRST, Held, LONGEST_NAME, PLAIN, Size, Value};
use crate::part::Unread;
use crate::rules;
use crate::stream::{LONG, Stream};

/// Most values on the stack of a pickle.
pub(crate) const MAX_STACK: Limit = Limit::new("pickle.max_stack", 1_000_000);
/// Most values in the memo of a pickle that are kept.
pub(crate) const MAX_MEMO: Limit = Limit::new("pickle.max_memo", 2_000_000);

/// Values of the memo that are kept apart where their numbers are far from each other.
const MOST_SPARSE: usize = 100_000;
/// Beyond what was set a dense memo grows by this at most.
const GAP: usize = 1_024;
/// How deep containers may lie in each other before a walk over them ends the process.
const DEEP: u16 = 2_000;
/// How many values a walk may meet (a logarithm in quarters): 2^32.
const HEAVY: u16 = 32 * 4;
/// Magic number of torch files before they were zip archives: what the first of their pickles holds.
const TORCH_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// A pickle within the data of another.
#[derive(Debug)]
pub(super) struct Nested {
    /// Where its bytes are, if they lie in the file as they are.
    pub(super) at: u64,
    pub(super) len: u64,
    /// Its bytes, where they were packed in text.
    pub(super) unpacked: Option<Vec<u8>>,
    /// It is a zip archive, as torch writes them: read too, but no finding by itself.
    pub(super) archive: bool,
}

/// One pickle being read.
pub(super) struct Machine<'m, 'a> {
    input: &'m mut Stream<'a>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
    sparse: FxHashMap<u64, Value>,
    /// How many values were memoised: the number of the next.
    memoised: u64,
    most_stack: usize,
    most_memo: usize,
    /// Where the opcode that is carried out stands.
    at: u64,
    pub(super) judge: Judge<'m>,
    /// It is only tried whether this is a pickle: names that are none end the reading.
    pub(super) probes: bool,
    /// How many opcodes are read: all, but where it is only told what the bytes are.
    pub(super) most_steps: u64,
    /// It holds the number that torch files begin with.
    pub(super) is_torch: bool,
    /// Opcodes so far.
    pub(super) steps: u64,
    /// Texts in the order in which they came, where they are asked for.
    pub(super) texts: Option<Vec<String>>,
    pub(super) nested: Vec<Nested>,
    /// Storages and tensors, as torch writes them.
    pub(super) torch: Torch,
    /// Where parts of a checkpoint lie in other files, where that is asked for.
    pub(super) places: Option<Places>,
}

/// Most pickles within a pickle that are followed.
const MOST_NESTED: usize = 1_000;

impl<'m, 'a> Machine<'m, 'a> {
    pub(super) fn new(input: &'m mut Stream<'a>, limits: &Limits) -> Self {
        let most = |limit| usize::try_from(limits.get(limit).most()).unwrap_or(usize::MAX);
        Self {
            input,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            sparse: FxHashMap::default(),
            memoised: 0,
            most_stack: most(MAX_STACK),
            most_memo: most(MAX_MEMO),
            at: 0,
            judge: Judge::default(),
            probes: false,
            most_steps: u64::MAX,
            is_torch: false,
            steps: 0,
            texts: None,
            nested: Vec::new(),
            torch: Torch::default(),
            places: None,
        }
    }

    /// Reads to STOP. What was found stands in `judge`, also where the reading fails.
    pub(super) fn run(&mut self) -> Result<(), Unread> {
        loop {
            self.at = self.input.position();
            let Some(opcode) = self.input.byte()? else {
                return Err(Unread::malformed(self.at, "it ends without STOP"));
            };
            self.steps += 1;
            if self.steps > self.most_steps {
                return Err(self.malformed("more opcodes than were to be read"));
            }
            if opcode == b'.' {
                self.pop()?;
                return Ok(());
            }
            self.step(opcode)?;
            if self.stack.len() > self.most_stack || self.marks.len() > self.most_stack {
                let found = self.stack.len().max(self.marks.len()) as u64;
                return Err(MAX_STACK.with(self.most_stack as u64).exceeded(found).into());
            }
        }
    }

    fn malformed(&self, why: &str) -> Unread {
        Unread::malformed(self.at, why)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Takes the last value. Python refuses to take one from below a mark; it is taken here all the same, for a reader that
    /// is less strict than Python would go on.
    fn pop(&mut self) -> Result<Value, Unread> {
        let value =
            self.stack.pop().ok_or_else(|| self.malformed("an opcode takes a value that is not there"))?;
        self.below_mark(self.stack.len());
        Ok(value)
    }

    /// Tells, once, that a value below a mark was taken.
    #[inline]
    fn below_mark(&mut self, left: usize) {
        if self.marks.last().is_some_and(|mark| left < *mark) {
            self.judge.takes_below_mark(self.at);
        }
    }

    fn top(&self) -> Result<Value, Unread> {
        self.stack.last().copied().ok_or_else(|| self.malformed("an opcode needs a value that is not there"))
    }

    /// Where the values above the last mark begin; the mark is taken.
    fn mark(&mut self) -> Result<usize, Unread> {
        let mark =
            self.marks.pop().ok_or_else(|| self.malformed("an opcode needs a mark that is not there"))?;
        Ok(mark.min(self.stack.len()))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm an opcode, in the order of the documentation's groups"
    )]
    fn step(&mut self, opcode: u8) -> Result<(), Unread> {
        match opcode {
            // Numbers and constants
            b'K' => {
                let number = self.input.number::<1>()?;
                self.push_number(number.cast_signed());
            }
            b'M' => {
                let number = self.input.number::<2>()?;
                self.push_number(number.cast_signed());
            }
            b'J' => {
                let number = self.input.number::<4>()?;
                self.push(Value::Int(u32::try_from(number).unwrap_or(0).cast_signed()));
            }
            b'G' => {
                self.input.take(8)?;
                self.push(PLAIN);
            }
            0x88 | 0x89 if self.places.is_some() => self.push(Value::Int((opcode == 0x88).into())),
            b'N' | 0x88 | 0x89 | 0x97 => self.push(PLAIN),
            b'I' => self.int_line()?,
            b'L' => {
                let line = self.input.line()?;
                let number = line.strip_suffix(b"L").unwrap_or(line);
                if !is_int(number) {
                    return Err(self.malformed("LONG is no number"));
                }
                let number =
                    std::str::from_utf8(number).ok().and_then(|text| text.trim().parse::<i64>().ok());
                let value = number.map_or(PLAIN, |number| self.judge.values.number(number));
                self.push(value);
            }
            b'F' => {
                let line = self.input.line()?;
                let is_float = std::str::from_utf8(line).is_ok_and(|text| text.trim().parse::<f64>().is_ok());
                if !is_float {
                    return Err(self.malformed("FLOAT is no number"));
                }
                self.push(PLAIN);
            }
            0x8a => {
                let length = self.input.number::<1>()?;
                let digits = self.input.take(usize::try_from(length).unwrap_or(0))?;
                self.is_torch |= digits == TORCH_MAGIC;
                let number = digits.iter().rev().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
                if digits.len() <= 8 { self.push_number(number) } else { self.push(PLAIN) }
            }
            0x8b => {
                let length = self.input.number::<4>()?;
                if self.places.is_some() && length <= 8 {
                    let digits = self.input.take(usize::try_from(length).unwrap_or(0))?;
                    let number = digits.iter().rev().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
                    self.push_number(number);
                } else {
                    self.input.skip(length)?;
                    self.push(PLAIN);
                }
            }
            // Texts and bytes
            0x8c | b'U' => self.text::<1>()?,
            b'X' | b'T' => self.text::<4>()?,
            0x8d => self.text::<8>()?,
            b'S' => self.string_line()?,
            b'V' => self.unicode_line()?,
            b'C' => self.bytes::<1>()?,
            b'B' => self.bytes::<4>()?,
            0x8e | 0x96 => self.bytes::<8>()?,
            0x98 => {
                self.top()?;
            }
            // Containers
            b']' | b'}' | 0x8f => {
                let size = Size { depth: 1, weight: 0 };
                let value = self.judge.values.hold(Held { size, ..Held::default() });
                self.push(value);
            }
            b')' => self.push(Value::Empty),
            0x85 => self.tuple_of(1)?,
            0x86 => self.tuple_of(2)?,
            0x87 => self.tuple_of(3)?,
            b't' | b'l' | 0x91 => {
                let from = self.mark()?;
                self.gather(from, false);
            }
            b'd' => {
                let from = self.mark()?;
                self.gather(from, true);
            }
            b'a' => {
                let from = self.stack.len().saturating_sub(1);
                self.put_in(from, false)?;
            }
            b'e' | 0x90 => {
                let from = self.mark()?;
                self.put_in(from, false)?;
            }
            b's' => {
                let from = self.stack.len().saturating_sub(2);
                self.put_in(from, true)?;
            }
            b'u' => {
                let from = self.mark()?;
                self.put_in(from, true)?;
            }
            // The stack and the memo
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                let from = self.mark()?;
                self.stack.truncate(from);
            }
            b'2' => {
                let top = self.top()?;
                self.push(top);
            }
            0x94 => {
                let number = self.memoised;
                self.memoise(number)?;
            }
            b'q' => {
                let number = self.input.number::<1>()?;
                self.memoise(number)?;
            }
            b'r' => {
                let number = self.input.number::<4>()?;
                self.memoise(number)?;
            }
            b'p' => {
                let number = self.number_line()?;
                self.memoise(number)?;
            }
            b'h' => {
                let number = self.input.number::<1>()?;
                self.recall(number)?;
            }
            b'j' => {
                let number = self.input.number::<4>()?;
                self.recall(number)?;
            }
            b'g' => {
                let number = self.number_line()?;
                self.recall(number)?;
            }
            // Functions, calls, objects
            b'c' => {
                let (module, name) = self.two_lines()?;
                let value = self.judge.load(&module, &name, self.at);
                self.push(value);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let value = self.judge.load_computed(module, name, self.at);
                self.push(value);
            }
            b'R' => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let value = self.judge.call(callee, arguments, self.at);
                let tensor = self.torch.rebuilt(callee, arguments, &self.judge.values);
                self.push(tensor.unwrap_or(value));
            }
            0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                let value = self.judge.make(class, arguments, self.at);
                self.push(value);
            }
            0x92 => {
                let (keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                let value = self.judge.make(class, arguments, self.at);
                // They are attributes of what keeps them all.
                self.judge.attributes(keywords, self.at);
                self.push(value);
            }
            b'i' => {
                let (module, name) = self.two_lines()?;
                let from = self.mark()?;
                self.gather(from, false);
                let arguments = self.pop()?;
                let class = self.judge.load(&module, &name, self.at);
                let value = self.judge.call(class, arguments, self.at);
                self.push(value);
            }
            b'o' => {
                let from = self.mark()?;
                let class = *self.stack.get(from).ok_or_else(|| self.malformed("OBJ without a class"))?;
                self.gather(from.saturating_add(1), false);
                let arguments = self.pop()?;
                self.stack.truncate(from);
                let value = self.judge.call(class, arguments, self.at);
                self.push(value);
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.judge.build(object, state, self.at);
                if let Some(array) = self.judge.array_after(object) {
                    self.pass_array(array)?;
                }
            }
            // Persistent ids and extensions
            b'P' => {
                self.torch.is_partial = true;
                let id = self.input.line()?;
                // `PK`, of a zip archive, begins like a persistent id.
                if self.probes && !id.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                    return Err(self.malformed("a persistent id that is no text"));
                }
                self.push(Value::Persistent(0));
            }
            b'Q' => {
                let id = self.pop()?;
                let value = self.torch.persistent(id, &self.judge.values);
                self.push(value);
            }
            0x82 => self.extension::<1>()?,
            0x83 => self.extension::<2>()?,
            0x84 => self.extension::<4>()?,
            // Frames and protocol
            0x80 => {
                let version = self.input.number::<1>()?;
                if version > 5 {
                    return Err(self.malformed(&format!("protocol {version} is not known")));
                }
            }
            0x95 => {
                // Readers differ on frames that lie about their length; what is in them is read all the same.
                self.input.number::<8>()?;
            }
            other => return Err(self.malformed(&format!("0x{other:02x} is no opcode"))),
        }
        Ok(())
    }

    fn push_number(&mut self, number: i64) {
        let value = self.judge.values.number(number);
        self.push(value);
    }

    fn int_line(&mut self) -> Result<(), Unread> {
        let line = self.input.line()?;
        if !is_int(line) {
            return Err(self.malformed("INT is no number"));
        }
        let number = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse::<i64>().ok());
        let value = number.map_or(PLAIN, |number| self.judge.values.number(number));
        self.push(value);
        Ok(())
    }

    fn number_line(&mut self) -> Result<u64, Unread> {
        let line = self.input.line()?;
        let number = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse::<u64>().ok());
        number.ok_or_else(|| self.malformed("the memo is asked for something that is no number"))
    }

    fn two_lines(&mut self) -> Result<(String, String), Unread> {
        let module = String::from_utf8_lossy(self.input.line()?).into_owned();
        let name = String::from_utf8_lossy(self.input.line()?).into_owned();
        if module.len() > LONGEST_NAME || name.len() > LONGEST_NAME {
            return Err(self.malformed("a name without end"));
        }
        if self.probes && !(is_name(&module) && is_name(&name)) {
            return Err(self.malformed("a name that is none"));
        }
        Ok((module, name))
    }

    /// A text with its length before it.
    #[inline]
    fn text<const N: usize>(&mut self) -> Result<(), Unread> {
        let length = self.input.number::<N>()?;
        if length > LONG as u64 {
            return self.long_text(length);
        }
        let from = self.input.position();
        let text = self.input.take(usize::try_from(length).unwrap_or(0))?;
        if let Some(texts) = self.texts.as_mut().filter(|texts| texts.len() < MOST_SPARSE) {
            texts.push(String::from_utf8_lossy(text).into_owned());
        }
        let value = if text.len() <= LONGEST_NAME { self.judge.values.text(text) } else { PLAIN };
        let pickle = packed::begins(text).then(|| packed::unpack(text)).flatten();
        if let Some(pickle) = pickle.filter(|bytes| looks_like_pickle(bytes, true)) {
            self.nest(Nested { at: from, len: length, unpacked: Some(pickle), archive: false });
        }
        self.push(value);
        Ok(())
    }

    /// A text that is passed over. If it begins like a packed pickle, it is unpacked later.
    #[cold]
    fn long_text(&mut self, length: u64) -> Result<(), Unread> {
        let from = self.input.position();
        let is_packed = packed::begins(self.input.peek(64)?);
        self.input.skip(length)?;
        if is_packed {
            self.nest(Nested { at: from, len: length, unpacked: Some(Vec::new()), archive: false });
        }
        self.push(PLAIN);
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<(), Unread> {
        const SHORTEST: u64 = 8;
        let length = self.input.number::<N>()?;
        let from = self.input.position();
        if length >= SHORTEST {
            let most = usize::try_from(length).unwrap_or(usize::MAX).min(PROBE);
            let head = self.input.peek(most)?;
            let head = head.get(..most.min(head.len())).unwrap_or_default();
            let archive = head.starts_with(b"PK\x03\x04");
            if archive || may_be_pickle(head) && looks_like_pickle(head, head.len() as u64 == length) {
                self.nest(Nested { at: from, len: length, unpacked: None, archive });
            }
        }
        if length <= MOST_SPELLED {
            let bytes = self.input.take(usize::try_from(length).unwrap_or(0))?;
            self.judge.spelled(bytes, self.at);
        } else {
            self.input.skip(length)?;
        }
        self.push(PLAIN);
        Ok(())
    }

    fn nest(&mut self, nested: Nested) {
        self.judge.nested_before = true;
        if self.nested.len() < MOST_NESTED {
            self.nested.push(nested);
        }
    }

    /// A quoted text with escapes, as protocol 0 writes it.
    fn string_line(&mut self) -> Result<(), Unread> {
        let line = self.input.line()?;
        let line = line.trim_ascii();
        let ([b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\'']) = line else {
            return Err(self.malformed("STRING without its quotes"));
        };
        let text = unescaped(inner);
        self.push_line(&text);
        Ok(())
    }

    fn unicode_line(&mut self) -> Result<(), Unread> {
        let text = raw_unicode(self.input.line()?);
        self.push_line(&text);
        Ok(())
    }

    fn push_line(&mut self, text: &[u8]) {
        let value = if text.len() <= LONGEST_NAME { self.judge.values.text(text) } else { PLAIN };
        self.push(value);
        let pickle = if packed::begins(text) {
            packed::unpack(text).filter(|bytes| looks_like_pickle(bytes, true))
        } else {
            (may_be_pickle(text) && looks_like_pickle(text, true)).then(|| text.to_vec())
        };
        if let Some(pickle) = pickle {
            self.nest(Nested { at: self.at, len: 0, unpacked: Some(pickle), archive: false });
        }
    }

    fn tuple_of(&mut self, count: usize) -> Result<(), Unread> {
        let from = self.stack.len().checked_sub(count);
        let from = from.ok_or_else(|| self.malformed("a tuple of values that are not there"))?;
        self.below_mark(from);
        self.gather(from, false);
        Ok(())
    }

    /// Makes one value of those from a place on: a tuple, list or dict.
    fn gather(&mut self, from: usize, pairs: bool) {
        let parts = self.stack.get(from..).unwrap_or_default();
        if parts.is_empty() {
            self.push(if pairs { PLAIN } else { Value::Empty });
            return;
        }
        let values = &self.judge.values;
        let size = Size::around(parts.iter().map(|part| values.size_of(*part)));
        let plain = parts.iter().all(|part| matches!(part, Value::Data(_)));
        let value = if plain {
            Value::Data(size)
        } else {
            let (plants, adds) = if pairs { self.judge.reaches(parts) } else { (false, false) };
            if pairs {
                self.torch.name(parts, values);
                self.places.iter_mut().for_each(|places| places.note(parts, values));
                self.judge.leads(parts, self.at);
            }
            let first = parts.iter().take(FIRST).copied().collect();
            self.judge.kept(parts, self.at);
            if pairs {
                self.judge.notes_version(parts);
            }
            let held = self.judge.values.hold(Held { size, plants, adds, first });
            if !matches!(held, Value::Box(_)) {
                self.judge.adding.by_function |= adds;
                if plants {
                    self.judge.planted(self.at);
                }
            }
            held
        };
        self.stack.truncate(from);
        self.push(value);
        self.measure(size);
    }

    /// Puts the values from a place on into the container below them.
    fn put_in(&mut self, from: usize, pairs: bool) -> Result<(), Unread> {
        let below = from.checked_sub(1).and_then(|at| self.stack.get(at)).copied();
        self.below_mark(from.saturating_sub(1));
        let target = below.ok_or_else(|| self.malformed("values for a container that is not there"))?;
        let parts = self.stack.get(from..).unwrap_or_default();
        let values = &self.judge.values;
        let mut size = values.size_of(target);
        for part in parts {
            size = size.with(values.size_of(*part));
        }
        let plain = parts.iter().all(|part| matches!(part, Value::Data(_)));
        if !plain {
            if pairs {
                self.torch.name(parts, values);
                self.places.iter_mut().for_each(|places| places.note(parts, values));
                self.judge.leads(parts, self.at);
            }
            let (planted, adds) = if pairs { self.judge.reaches(parts) } else { (false, false) };
            self.judge.kept(parts, self.at);
            if pairs {
                self.judge.notes_version(parts);
            }
            if let Some(held) = self.judge.values.held_mut(target) {
                held.plants |= planted;
                held.adds |= adds;
                let room = FIRST.saturating_sub(held.first.len());
                held.first.extend(parts.iter().take(room));
            } else if planted {
                self.judge.planted(self.at);
            } else {
                self.judge.adding.by_function |= adds;
            }
        }
        // An object's own `append`, `extend` or `add` is called, and none is a list's.
        if !pairs && !matches!(target, Value::Box(_)) {
            self.judge.added_to(self.at);
        }
        if matches!(target, Value::Global(_)) {
            self.judge.writes_into(target, self.at);
        }
        self.stack.truncate(from);
        if let Some(held) = self.judge.values.held_mut(target) {
            held.size = size;
        } else if let (Value::Data(_), Some(top)) = (target, self.stack.last_mut()) {
            *top = Value::Data(size);
        }
        self.measure(size);
        Ok(())
    }

    /// Says where a value would exhaust who walks over it.
    fn measure(&mut self, size: Size) {
        if size.depth > DEEP || size.weight > HEAVY {
            self.judge.exhausts(size.depth > DEEP, self.at);
        }
    }

    fn memoise(&mut self, number: u64) -> Result<(), Unread> {
        let value = self.top()?;
        self.memoised = self.memoised.saturating_add(1);
        // The real reader makes room for all numbers below it.
        if number > self.input.part().len().saturating_mul(2).saturating_add(1 << 16) {
            self.judge.say(
                &rules::EXHAUSTS_MEMORY,
                self.at,
                format!("memo number {number}, far beyond what the file can hold"),
            );
        }
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        if place < self.most_memo && place <= self.memo.len().saturating_add(GAP) {
            if self.memo.len() <= place {
                self.memo.resize(place.saturating_add(1), None);
            }
            if let Some(slot) = self.memo.get_mut(place) {
                *slot = Some(value);
            }
        } else if self.sparse.len() < MOST_SPARSE {
            self.sparse.insert(number, value);
        }
        Ok(())
    }

    fn recall(&mut self, number: u64) -> Result<(), Unread> {
        let dense = usize::try_from(number).ok().and_then(|place| self.memo.get(place)).copied().flatten();
        let value = dense.or_else(|| self.sparse.get(&number).copied());
        let forgets = self.sparse.len() >= MOST_SPARSE || self.memo.len() >= self.most_memo;
        match value {
            Some(value) => self.push(value),
            // What was set may not have been kept.
            None if forgets => self.push(Value::Unknown),
            None => return Err(self.malformed("a memo number that was never set")),
        }
        Ok(())
    }

    fn extension<const N: usize>(&mut self) -> Result<(), Unread> {
        let code = self.input.number::<N>()?;
        self.judge.say(
            &rules::EXTENSION_CODE,
            self.at,
            format!("extension code {code}: what it stands for is not in the file"),
        );
        self.push(Value::Unknown);
        Ok(())
    }

    /// Passes over the bytes of an array that joblib wrote into the stream.
    fn pass_array(&mut self, array: Array) -> Result<(), Unread> {
        match array {
            Array::Objects => {
                // The array is a pickle of its own, up to its STOP, and then the outer one goes on.
                let depth = self.judge.inline.saturating_add(1);
                if depth > 8 {
                    return Err(self.malformed("arrays of objects in arrays of objects"));
                }
                let mut inner = Machine::new(&mut *self.input, &Limits::default());
                (inner.most_stack, inner.most_memo, inner.probes) =
                    (self.most_stack, self.most_memo, self.probes);
                inner.judge.inline = depth;
                (inner.judge.own, inner.judge.notes.all) = (self.judge.own, self.judge.notes.all);
                let read = inner.run();
                let (mut judge, nested) =
                    (std::mem::take(&mut inner.judge), std::mem::take(&mut inner.nested));
                judge.finish();
                self.judge.take_over(judge);
                self.nested.extend(nested);
                read
            }
            Array::Bytes { count, aligned } => {
                if aligned {
                    let padding = self.input.number::<1>()?;
                    self.input.skip(padding)?;
                }
                self.input.skip(count)
            }
            Array::Unknown => Err(self.malformed("an array of joblib whose size cannot be told")),
        }
    }
}

/// Whether a text is a dotted name of Python.
fn is_name(text: &str) -> bool {
    let is_step = |step: &str| {
        step.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && step.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    text.split('.').all(is_step)
}

fn is_int(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_')
}

/// A byte text of Python with its escapes undone.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [escape, after @ ..] = rest else { break };
        rest = after;
        match escape {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\n' => {}
            b'x' => {
                let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                if let Some(byte) = digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                    out.push(byte);
                    rest = rest.get(2..).unwrap_or_default();
                }
            }
            b'0'..=b'7' => {
                let mut byte = u32::from(escape - b'0');
                for _ in 0..2 {
                    let [digit @ b'0'..=b'7', after @ ..] = rest else { break };
                    byte = byte * 8 + u32::from(digit - b'0');
                    rest = after;
                }
                out.push(u8::try_from(byte & 0xff).unwrap_or(0));
            }
            b'\\' | b'\'' | b'"' => out.push(*escape),
            // An escape that Python does not know stands for itself.
            other => out.extend([b'\\', *other]),
        }
    }
    out
}

/// A text of Python with `\uXXXX` and `\UXXXXXXXX` undone, its other bytes Latin-1; as UTF-8.
fn raw_unicode(text: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let digits = match (first, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let code = rest.get(1..=digits).filter(|_| digits > 0).and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(c) = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32) {
            out.push(c);
            rest = rest.get(digits + 1..).unwrap_or_default();
        } else {
            out.push(char::from(*first));
        }
    }
    out.into_bytes()
}
