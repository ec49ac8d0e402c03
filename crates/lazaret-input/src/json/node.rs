//! The document and how it is walked.

use std::fmt;
use std::ops::Range;

/// What kind of value a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, as written.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// The name for messages: `object`, `null`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The number of a value in its document, in the order of reading; the root is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// A document that was read. Its `Debug` shows counts alone.
pub struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) nodes: Vec<Entry>,
    pub(super) decoded: String,
    /// Where keys with escapes stand in `decoded`.
    pub(super) escaped_keys: Vec<(u32, u32)>,
}

/// One value. Offsets are 32 bits: longer inputs are refused before reading.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Offset of the key's opening quote.
    pub(super) key: u32,
    /// Length of the key as written, or its number in `escaped_keys`.
    pub(super) key_len: u32,
    pub(super) parent: u32,
    pub(super) index: u32,
    /// Container: number of children. String with escapes: start in `decoded`.
    pub(super) a: u32,
    /// Container: the node after its last descendant. String with escapes: end in `decoded`.
    pub(super) b: u32,
    pub(super) kind: JsonKind,
    pub(super) escaped: bool,
    pub(super) key_form: KeyForm,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    None,
    Plain,
    Escaped,
}

const NOTHING: Entry = Entry {
    start: 0,
    end: 0,
    key: 0,
    key_len: 0,
    parent: 0,
    index: 0,
    a: 0,
    b: 0,
    kind: JsonKind::Null,
    escaped: false,
    key_form: KeyForm::None,
};

impl<'a> Document<'a> {
    /// The outermost value.
    pub fn root(&self) -> Node<'_, 'a> {
        Node { document: self, id: 0 }
    }

    /// A value by its number, if there is one.
    pub fn node(&self, id: NodeId) -> Option<Node<'_, 'a>> {
        ((id.0 as usize) < self.nodes.len()).then_some(Node { document: self, id: id.0 })
    }

    /// The whole input.
    pub fn text(&self) -> &'a str {
        self.text
    }

    fn input(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn decoded(&self, start: u32, end: u32) -> &str {
        self.decoded.get(start as usize..end as usize).unwrap_or("")
    }

    pub(super) fn key_of(&self, entry: &Entry) -> Option<&str> {
        match entry.key_form {
            KeyForm::None => None,
            KeyForm::Plain => {
                let begin = entry.key.saturating_add(1);
                Some(self.input(begin, begin.saturating_add(entry.key_len)))
            }
            KeyForm::Escaped => {
                let (start, end) = self.escaped_keys.get(entry.key_len as usize)?;
                Some(self.decoded(*start, *end))
            }
        }
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("bytes", &self.text.len()).field("nodes", &self.nodes.len()).finish()
    }
}

/// One value of a document. Its `Debug` shows its number and kind alone.
#[derive(Clone, Copy)]
pub struct Node<'d, 'a> {
    document: &'d Document<'a>,
    id: u32,
}

impl<'d, 'a> Node<'d, 'a> {
    /// Its number.
    pub fn id(&self) -> NodeId {
        NodeId(self.id)
    }

    /// What kind of value it is.
    pub fn kind(&self) -> JsonKind {
        self.entry().kind
    }

    /// The string, decoded.
    pub fn as_str(&self) -> Option<&'d str> {
        let entry = self.entry();
        match (entry.kind, entry.escaped) {
            (JsonKind::String, false) => {
                Some(self.document.input(entry.start.saturating_add(1), entry.end.saturating_sub(1)))
            }
            (JsonKind::String, true) => Some(self.document.decoded(entry.a, entry.b)),
            _ => None,
        }
    }

    /// The number, as written.
    pub fn as_number(&self) -> Option<&'a str> {
        let entry = self.entry();
        (entry.kind == JsonKind::Number).then(|| self.document.input(entry.start, entry.end))
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        let entry = self.entry();
        (entry.kind == JsonKind::Bool).then(|| entry.end.saturating_sub(entry.start) == 4)
    }

    /// The items of an array; nothing for other kinds.
    pub fn items(&self) -> Items<'d, 'a> {
        Items(self.children(JsonKind::Array))
    }

    /// The members of an object; nothing for other kinds.
    pub fn members(&self) -> Members<'d, 'a> {
        Members(self.children(JsonKind::Object))
    }

    /// The first member with this key.
    pub fn get(&self, key: &str) -> Option<Node<'d, 'a>> {
        self.members().find(|member| member.key == key).map(|member| member.value)
    }

    /// How many items or members it has; 0 for other kinds.
    pub fn len(&self) -> usize {
        let entry = self.entry();
        if is_container(entry.kind) { entry.a as usize } else { 0 }
    }

    /// Whether it has no items or members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it stands in the input, with its quotes or brackets.
    pub fn span(&self) -> Range<usize> {
        let entry = self.entry();
        entry.start as usize..entry.end as usize
    }

    /// The array or object it is in.
    pub fn parent(&self) -> Option<Node<'d, 'a>> {
        (self.id != 0).then(|| Node { document: self.document, id: self.entry().parent })
    }

    /// Its key, decoded, if it is a member of an object.
    pub fn key(&self) -> Option<&'d str> {
        self.document.key_of(self.entry())
    }

    /// The offset of its key's opening quote, if it is a member of an object.
    pub fn key_offset(&self) -> Option<u64> {
        let entry = self.entry();
        (entry.key_form != KeyForm::None).then_some(u64::from(entry.key))
    }

    /// Its number among the items or members it stands with, from 0.
    pub fn index_in_parent(&self) -> usize {
        self.entry().index as usize
    }

    fn entry(&self) -> &'d Entry {
        self.document.nodes.get(self.id as usize).unwrap_or(&NOTHING)
    }

    fn children(&self, kind: JsonKind) -> Children<'d, 'a> {
        let entry = self.entry();
        let (next, end) = if entry.kind == kind { (self.id.saturating_add(1), entry.b) } else { (0, 0) };
        Children { document: self.document, next, end }
    }
}

impl fmt::Debug for Node<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}, {})", self.id, self.kind())
    }
}

fn is_container(kind: JsonKind) -> bool {
    matches!(kind, JsonKind::Array | JsonKind::Object)
}

#[derive(Clone)]
struct Children<'d, 'a> {
    document: &'d Document<'a>,
    next: u32,
    end: u32,
}

impl<'d, 'a> Children<'d, 'a> {
    fn step(&mut self) -> Option<(Node<'d, 'a>, &'d Entry)> {
        if self.next >= self.end {
            return None;
        }
        let entry = self.document.nodes.get(self.next as usize)?;
        let node = Node { document: self.document, id: self.next };
        self.next = if is_container(entry.kind) { entry.b } else { self.next.saturating_add(1) };
        Some((node, entry))
    }
}

/// The items of an array.
#[derive(Clone)]
pub struct Items<'d, 'a>(Children<'d, 'a>);

impl<'d, 'a> Iterator for Items<'d, 'a> {
    type Item = Node<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step().map(|(node, _)| node)
    }
}

/// One member of an object.
#[derive(Clone, Copy)]
pub struct Member<'d, 'a> {
    /// The key, decoded.
    pub key: &'d str,
    /// The offset of the key's opening quote.
    pub key_offset: u64,
    /// The value.
    pub value: Node<'d, 'a>,
    /// The number of the member in its object, from 0.
    pub index: usize,
}

/// The members of an object, in the order of the input; equal keys come as often as they stand there.
#[derive(Clone)]
pub struct Members<'d, 'a>(Children<'d, 'a>);

impl<'d, 'a> Iterator for Members<'d, 'a> {
    type Item = Member<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (value, entry) = self.0.step()?;
        let key = self.0.document.key_of(entry).unwrap_or("");
        Some(Member { key, key_offset: u64::from(entry.key), value, index: entry.index as usize })
    }
}
