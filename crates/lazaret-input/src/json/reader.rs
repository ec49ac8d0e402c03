//! The grammar of RFC 8259 as one loop over an explicit stack.

use std::borrow::Cow;

use lazaret_core::{Limit, LimitExceeded, Limits, Rule};

use super::keys::OpenKeys;
use super::node::{Document, Entry, JsonKind, KeyForm, NodeId};
use super::text::{Scanned, small};
use super::{Fault, MAX_DEPTH, MAX_FAULTS, MAX_NODES, Parsed};
use crate::rules::{
    BYTE_ORDER_MARK, JSON_DEPTH, JSON_DUPLICATE_KEY, JSON_INVALID_UTF8, JSON_MALFORMED, JSON_NOT_A_NUMBER,
    JSON_NUMBER_RANGE, JSON_TRAILING_BYTES, RECORD_SIZE,
};

/// Longer inputs do not fit the arena's 32-bit offsets.
const MAX_INPUT: usize = 0xffff_fff0;
/// A number this long can be outside binary64 without an exponent.
const LONG_NUMBER: usize = 300;
const NOT_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads one document.
pub(super) fn read<'a>(bytes: &'a [u8], file_offset: u64, limits: &Limits) -> Parsed<'a> {
    let mut faults = Vec::new();
    if bytes.len() > MAX_INPUT {
        faults.push(fault(
            &RECORD_SIZE,
            MAX_INPUT,
            "one JSON document may have 4 GiB at most, whatever the limits",
        ));
        return Parsed { document: None, faults };
    }
    let text = match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            faults.push(fault(
                &JSON_INVALID_UTF8,
                error.valid_up_to(),
                "this byte begins no UTF-8 character",
            ));
            return Parsed { document: None, faults };
        }
    };
    let mut reader = Reader {
        text,
        bytes,
        pos: 0,
        file_offset,
        max_depth: limits.get(MAX_DEPTH),
        max_nodes: limits.get(MAX_NODES),
        max_faults: limits.get(MAX_FAULTS),
        // FHIR has a value in about every 14 bytes; what is more grows as it is read.
        nodes: Vec::with_capacity((bytes.len() / 12).clamp(4, 1 << 16)),
        decoded: String::new(),
        escaped_keys: Vec::new(),
        keys: OpenKeys::default(),
        open: Vec::new(),
        faults,
    };
    let whole = reader.document().is_ok();
    let Reader { text, nodes, decoded, escaped_keys, mut faults, .. } = reader;
    if whole {
        return Parsed { document: Some(Document { text, nodes, decoded, escaped_keys }), faults };
    }
    for fault in &mut faults {
        fault.node = None; // the nodes are gone
    }
    Parsed { document: None, faults }
}

fn fault(rule: &'static Rule, offset: usize, message: impl Into<String>) -> Fault {
    Fault { rule, offset: offset as u64, first: None, node: None, message: message.into() }
}

/// The reading ended; the last fault says why.
pub(super) struct Stopped;

/// What is read so far.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
    file_offset: u64,
    max_depth: Limit,
    max_nodes: Limit,
    max_faults: Limit,
    nodes: Vec<Entry>,
    pub(super) decoded: String,
    escaped_keys: Vec<(u32, u32)>,
    keys: OpenKeys<'a>,
    open: Vec<Open>,
    faults: Vec<Fault>,
}

/// An array or object that is open.
struct Open {
    node: u32,
    object: bool,
    children: u32,
    keys_begin: usize,
    key: Key,
}

/// The key of the next member.
#[derive(Clone, Copy)]
struct Key {
    offset: u32,
    len: u32,
    form: KeyForm,
}

const NO_KEY: Key = Key { offset: 0, len: 0, form: KeyForm::None };

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<(), Stopped> {
        if self.file_offset == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            self.pos = 3;
            self.tell(fault(&BYTE_ORDER_MARK, 0, "UTF-8 byte order mark; it is skipped"))?;
        }
        loop {
            if self.value()? {
                continue; // a bracket opened and has content: its first value comes next
            }
            if self.after_value()? {
                break;
            }
        }
        self.space();
        if self.pos < self.bytes.len() {
            let trailing = fault(&JSON_TRAILING_BYTES, self.pos, "bytes after the value");
            self.tell(trailing)?;
        }
        Ok(())
    }

    /// Reads one value, or opens one; true if its first child comes next.
    fn value(&mut self) -> Result<bool, Stopped> {
        self.space();
        let start = self.pos;
        match self.bytes.get(start) {
            Some(b'"') => {
                let string = self.string()?;
                let mut entry = self.entry(JsonKind::String, start, string.end);
                if let Some((begin, end)) = string.decoded {
                    (entry.escaped, entry.a, entry.b) = (true, begin, end);
                }
                self.push(entry, start)?;
                Ok(false)
            }
            Some(b'{') => self.open_bracket(true),
            Some(b'[') => self.open_bracket(false),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number(),
            Some(b't') => self.word("true", JsonKind::Bool),
            Some(b'f') => self.word("false", JsonKind::Bool),
            Some(b'n') => self.word("null", JsonKind::Null),
            _ => Err(self.malformed(start, "expected a value")),
        }
    }

    /// What follows a value: true if the document is whole.
    fn after_value(&mut self) -> Result<bool, Stopped> {
        loop {
            let Some(object) = self.open.last().map(|open| open.object) else { return Ok(true) };
            self.space();
            match (self.bytes.get(self.pos), object) {
                (Some(b','), true) => {
                    self.skip(1);
                    self.space();
                    self.key()?;
                    return Ok(false);
                }
                (Some(b','), false) => {
                    self.skip(1);
                    return Ok(false);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.close_bracket(),
                (_, true) => return Err(self.malformed(self.pos, "expected `,` or `}`")),
                (_, false) => return Err(self.malformed(self.pos, "expected `,` or `]`")),
            }
        }
    }

    fn open_bracket(&mut self, object: bool) -> Result<bool, Stopped> {
        let start = self.pos;
        if let Err(reached) = self.max_depth.check((self.open.len() as u64).saturating_add(1)) {
            return Err(self.limit(&JSON_DEPTH, start, reached));
        }
        let kind = if object { JsonKind::Object } else { JsonKind::Array };
        let entry = self.entry(kind, start, start);
        let node = small(self.nodes.len());
        self.push(entry, start)?;
        self.open.push(Open { node, object, children: 0, keys_begin: self.keys.open(), key: NO_KEY });
        self.skip(1);
        self.space();
        let closing = if object { b'}' } else { b']' };
        if self.bytes.get(self.pos) == Some(&closing) {
            self.close_bracket();
            return Ok(false);
        }
        if object {
            self.key()?;
        }
        Ok(true)
    }

    fn close_bracket(&mut self) {
        self.skip(1);
        let Some(open) = self.open.pop() else { return };
        if open.object {
            self.keys.close(open.node, open.keys_begin);
        }
        let (end, after) = (small(self.pos), small(self.nodes.len()));
        if let Some(entry) = self.nodes.get_mut(open.node as usize) {
            (entry.end, entry.a, entry.b) = (end, open.children, after);
        }
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Result<(), Stopped> {
        let start = self.pos;
        if self.bytes.get(start) != Some(&b'"') {
            return Err(self.malformed(start, "expected a key in quotes"));
        }
        let string = self.string()?;
        let key = self.remember(&string)?;
        self.space();
        if self.bytes.get(self.pos) != Some(&b':') {
            return Err(self.malformed(self.pos, "expected `:`"));
        }
        self.skip(1);
        if let Some(open) = self.open.last_mut() {
            open.key = key;
        }
        Ok(())
    }

    /// Files a key under its object and reports it if it stood there before.
    fn remember(&mut self, string: &Scanned) -> Result<Key, Stopped> {
        let offset = small(string.start);
        let (text, key) = if let Some((begin, end)) = string.decoded {
            let text = self.decoded.get(begin as usize..end as usize).unwrap_or("").to_owned();
            self.escaped_keys.push((begin, end));
            let number = small(self.escaped_keys.len().saturating_sub(1));
            (Cow::Owned(text), Key { offset, len: number, form: KeyForm::Escaped })
        } else {
            let text: &'a str =
                self.text.get(string.start.saturating_add(1)..string.end.saturating_sub(1)).unwrap_or("");
            (Cow::Borrowed(text), Key { offset, len: small(text.len()), form: KeyForm::Plain })
        };
        let Some(open) = self.open.last() else { return Ok(key) };
        if let Some(first) = self.keys.add(open.node, open.keys_begin, text, offset) {
            let (before, now) = (u64::from(first), string.start as u64);
            let message = format!(
                "the key appears twice in one object, at @{} and @{}",
                self.file_offset.saturating_add(before),
                self.file_offset.saturating_add(now)
            );
            let node = Some(NodeId(small(self.nodes.len())));
            self.tell(Fault { rule: &JSON_DUPLICATE_KEY, offset: now, first: Some(before), node, message })?;
        }
        Ok(key)
    }

    fn word(&mut self, word: &'static str, kind: JsonKind) -> Result<bool, Stopped> {
        let start = self.pos;
        let end = start.saturating_add(word.len());
        if self.bytes.get(start..end) != Some(word.as_bytes()) {
            return Err(self.malformed(start, "expected a value"));
        }
        self.pos = end;
        self.push(self.entry(kind, start, end), start)?;
        Ok(false)
    }

    fn number(&mut self) -> Result<bool, Stopped> {
        let start = self.pos;
        let rest = self.bytes.get(start..).unwrap_or(&[]);
        let end = if let Some(word) = NOT_NUMBERS.iter().find(|word| rest.starts_with(word.as_bytes())) {
            self.fault_of_next(&JSON_NOT_A_NUMBER, start, "`NaN` and `Infinity` are no JSON numbers")?;
            start.saturating_add(word.len())
        } else {
            self.decimal(start)?
        };
        self.pos = end;
        self.push(self.entry(JsonKind::Number, start, end), start)?;
        Ok(false)
    }

    /// `-? (0 | [1-9][0-9]*) (\. [0-9]+)? ([eE] [+-]? [0-9]+)?`; gives its end.
    fn decimal(&mut self, start: usize) -> Result<usize, Stopped> {
        let mut pos = start;
        if self.bytes.get(pos) == Some(&b'-') {
            pos = pos.saturating_add(1);
        }
        pos = match self.bytes.get(pos) {
            Some(b'0') => pos.saturating_add(1),
            _ => self.digits(pos)?,
        };
        if self.bytes.get(pos) == Some(&b'.') {
            pos = self.digits(pos.saturating_add(1))?;
        }
        let exponent = matches!(self.bytes.get(pos), Some(b'e' | b'E'));
        if exponent {
            pos = pos.saturating_add(1);
            if matches!(self.bytes.get(pos), Some(b'+' | b'-')) {
                pos = pos.saturating_add(1);
            }
            pos = self.digits(pos)?;
        }
        if exponent || pos.saturating_sub(start) > LONG_NUMBER {
            self.check_range(start, pos)?;
        }
        Ok(pos)
    }

    fn digits(&mut self, from: usize) -> Result<usize, Stopped> {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            Err(self.malformed(from, "expected a digit"))
        } else {
            Ok(from.saturating_add(count))
        }
    }

    fn check_range(&mut self, start: usize, end: usize) -> Result<(), Stopped> {
        let written = self.text.get(start..end).unwrap_or("");
        let mantissa = written.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
        let is_zero = mantissa.filter(u8::is_ascii_digit).all(|digit| digit == b'0');
        let value: f64 = written.parse().unwrap_or(f64::INFINITY);
        if value.is_infinite() || (value == 0.0 && !is_zero) {
            self.fault_of_next(&JSON_NUMBER_RANGE, start, "number outside binary64")?;
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.pos = self.pos.saturating_add(bytes);
    }

    /// Skips what JSON calls white space.
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.pos) {
            self.skip(1);
        }
    }

    /// A node with the key that waits for it, as the next child of what is open.
    fn entry(&self, kind: JsonKind, start: usize, end: usize) -> Entry {
        let (parent, index, key) =
            self.open.last().map_or((0, 0, NO_KEY), |open| (open.node, open.children, open.key));
        Entry {
            start: small(start),
            end: small(end),
            key: key.offset,
            key_len: key.len,
            parent,
            index,
            a: 0,
            b: 0,
            kind,
            escaped: false,
            key_form: key.form,
        }
    }

    fn push(&mut self, entry: Entry, at: usize) -> Result<(), Stopped> {
        if let Err(reached) = self.max_nodes.check((self.nodes.len() as u64).saturating_add(1)) {
            return Err(self.limit(&RECORD_SIZE, at, reached));
        }
        self.nodes.push(entry);
        if let Some(open) = self.open.last_mut() {
            open.children = open.children.saturating_add(1);
        }
        Ok(())
    }

    /// Reports a fault of the value that is pushed next, and goes on.
    pub(super) fn fault_of_next(
        &mut self,
        rule: &'static Rule,
        at: usize,
        message: &'static str,
    ) -> Result<(), Stopped> {
        let node = Some(NodeId(small(self.nodes.len())));
        self.tell(Fault { node, ..fault(rule, at, message) })
    }

    pub(super) fn malformed(&mut self, at: usize, message: &'static str) -> Stopped {
        self.faults.push(fault(&JSON_MALFORMED, at, message));
        Stopped
    }

    fn limit(&mut self, rule: &'static Rule, at: usize, reached: LimitExceeded) -> Stopped {
        self.faults.push(fault(rule, at, reached.to_string()));
        Stopped
    }

    fn tell(&mut self, fault: Fault) -> Result<(), Stopped> {
        if let Err(reached) = self.max_faults.check((self.faults.len() as u64).saturating_add(1)) {
            let at = usize::try_from(fault.offset).unwrap_or(usize::MAX);
            return Err(self.limit(&RECORD_SIZE, at, reached));
        }
        self.faults.push(fault);
        Ok(())
    }
}
