//! The walk over a model: every graph, node and tensor in it, on a stack of its own.

use lazaret_core::Limits;

use crate::formats::protobuf::{Field, Fields, Span};
use crate::part::{Part, Unread};
use crate::weights::Kind;

/// The longest name of an operator, domain or file that is taken.
const MAX_NAME: usize = 4096;
/// Most dimensions that are kept; a tensor with more is not read.
const MOST_DIMENSIONS: usize = 64;

/// A tensor whose data lie in another file.
#[derive(Debug, Clone, Default)]
pub(super) struct External {
    /// Where the tensor stands.
    pub(super) at: u64,
    pub(super) location: Option<String>,
    pub(super) offset: Option<String>,
    pub(super) length: Option<String>,
    /// How many bytes its shape and type make, if that is known.
    pub(super) size: Option<u64>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<u64>,
}

/// A tensor whose data lie in the graph.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) at: u64,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<u64>,
    /// How many bytes its shape and type make, if that is known.
    pub(super) size: Option<u64>,
    /// Its bytes, where they lie in one piece.
    pub(super) bytes: Span,
    /// Whether they are its `raw_data`, which has a length of its own.
    pub(super) raw: bool,
}

/// What is told of a model.
pub(super) enum Told {
    /// A node; `contexts` are the compiled model that it loads, and the one that it was made of.
    Node {
        at: u64,
        operator: String,
        domain: String,
        contexts: Vec<Context>,
        /// Where the function stands whose node it is.
        function: Option<u64>,
    },
    /// A function that the model defines.
    Function { at: u64, domain: String, name: String },
    /// A set of operators that the model asks for, by its version.
    Opset { domain: String, version: u64 },
    /// A tensor in another file.
    External(External),
    /// A tensor in the graph.
    Inner(Inner),
    /// A field that no version has.
    Unknown { at: u64, number: u32, bytes: Span },
}

/// A compiled model that a node loads.
#[derive(Debug)]
pub(super) enum Context {
    /// The path of its file.
    Path(String),
    /// Its bytes, in the node.
    Inside(Span),
}

#[derive(Default)]
struct Node {
    operator: String,
    domain: String,
    /// The text that names or is the compiled model, and where it lies.
    context: Option<(String, Span)>,
    /// The file of the model that was compiled.
    source: Option<String>,
    /// Whether the compiled model lies in the node.
    embedded: bool,
}

struct Tensor {
    external: External,
    is_external: bool,
    /// The number of values, until it is larger than any file.
    values: Option<u64>,
    kind: u64,
    name: String,
    shape: Vec<u64>,
    /// Its bytes, and whether they are `raw_data`; and how often such a field came.
    bytes: Option<(Span, bool)>,
    pieces: u32,
}

impl Tensor {
    fn dimension(&mut self, length: u64) {
        self.values = self.values.and_then(|values| values.checked_mul(length));
        if self.shape.len() < MOST_DIMENSIONS {
            self.shape.push(length);
        }
    }
}

/// A message that is being read.
enum Message {
    Model,
    Graph,
    Node(Node),
    Attribute { name: String, text: Option<(String, Span)>, number: Option<u64> },
    Opset { domain: String, version: u64 },
    Tensor(Tensor),
    Sparse,
    Training,
    Function { domain: String, name: String },
}

struct Frame {
    message: Message,
    at: u64,
    span: Span,
}

/// Tells all there is in a model; gives where it ends.
pub(super) fn walk(
    part: &Part,
    limits: &Limits,
    tell: &mut dyn FnMut(Told) -> Result<(), Unread>,
) -> Result<u64, Unread> {
    let mut fields = Fields::new(part, limits);
    let mut stack = vec![Frame { message: Message::Model, at: 0, span: fields.root() }];
    while let Some(frame) = stack.last_mut() {
        if let Some(field) = fields.next(&mut frame.span)? {
            if let Some(next) = take(&mut fields, frame, field, tell)? {
                stack.push(next);
                fields.check_depth(stack.len())?;
            }
        } else if let Some(done) = stack.pop() {
            finish(done, &mut stack, tell)?;
        }
    }
    Ok(part.len())
}

/// Where the fields of the outermost message that a model has end.
pub(super) fn good_fields(part: &Part, limits: &Limits) -> u64 {
    let mut fields = Fields::new(part, limits);
    let mut span = fields.root();
    loop {
        let at = span.at;
        match fields.next(&mut span) {
            Ok(Some(field)) if is_known(field.number) => {}
            Ok(None) => return part.len(),
            _ => return at,
        }
    }
}

const fn is_known(number: u32) -> bool {
    matches!(number, 1..=8 | 14 | 20 | 25 | 26)
}

/// Takes a field; gives the message in it if that is to be read.
fn take(
    fields: &mut Fields<'_>,
    frame: &mut Frame,
    field: Field,
    tell: &mut dyn FnMut(Told) -> Result<(), Unread>,
) -> Result<Option<Frame>, Unread> {
    let Some(span) = field.span() else {
        number(&mut frame.message, field);
        return Ok(None);
    };
    let attribute = || Message::Attribute { name: String::new(), text: None, number: None };
    let tensor = || {
        let external = External { at: field.at, ..External::default() };
        Message::Tensor(Tensor {
            external,
            is_external: false,
            values: Some(1),
            kind: 0,
            name: String::new(),
            shape: Vec::new(),
            bytes: None,
            pieces: 0,
        })
    };
    let next = match (&mut frame.message, field.number) {
        (Message::Model, 7) | (Message::Training, 1 | 2) | (Message::Attribute { .. }, 6 | 11) => {
            Message::Graph
        }
        (Message::Model, 8) => Message::Opset { domain: String::new(), version: 0 },
        (Message::Model, 20) => Message::Training,
        (Message::Model, 25) => Message::Function { domain: String::new(), name: String::new() },
        (Message::Model, number) if !is_known(number) => {
            tell(Told::Unknown { at: field.at, number, bytes: span })?;
            return Ok(None);
        }
        (Message::Graph, 1) | (Message::Function { .. }, 7) => Message::Node(Node::default()),
        (Message::Graph, 5) | (Message::Attribute { .. }, 5 | 10) | (Message::Sparse, 1 | 2) => tensor(),
        (Message::Graph, 15) | (Message::Attribute { .. }, 22 | 23) => Message::Sparse,
        (Message::Node(_), 5) | (Message::Function { .. }, 11) => attribute(),
        (message, number) => {
            text(fields, message, number, span)?;
            return Ok(None);
        }
    };
    Ok(Some(Frame { message: next, at: field.at, span }))
}

/// A field with a number.
fn number(message: &mut Message, field: Field) {
    let Some(value) = field.varint() else { return };
    match (message, field.number) {
        (Message::Tensor(tensor), 1) => tensor.dimension(value),
        (Message::Tensor(tensor), 2) => tensor.kind = value,
        (Message::Tensor(tensor), 14) => tensor.is_external |= value == 1,
        (Message::Attribute { number, .. }, 3) => *number = Some(value),
        (Message::Opset { version, .. }, 2) => *version = value,
        _ => {}
    }
}

/// A field with a text, or with numbers in a row.
fn text(fields: &mut Fields<'_>, message: &mut Message, number: u32, span: Span) -> Result<(), Unread> {
    match (message, number) {
        (Message::Node(node), 4) => node.operator = fields.text(span, MAX_NAME)?,
        (Message::Node(node), 7) => node.domain = fields.text(span, MAX_NAME)?,
        (Message::Function { domain, .. }, 10) | (Message::Opset { domain, .. }, 1) => {
            *domain = fields.text(span, MAX_NAME)?;
        }
        (Message::Function { name, .. } | Message::Attribute { name, .. }, 1) => {
            *name = fields.text(span, MAX_NAME)?;
        }
        (Message::Attribute { text, .. }, 4) => *text = Some((fields.text(span, MAX_NAME)?, span)),
        (Message::Tensor(tensor), 1) => {
            // Lengths in a row: they are numbers without tags.
            let bytes = fields.bytes(span, 256)?;
            let (mut value, mut shift) = (0_u64, 0_u32);
            for byte in bytes {
                value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift = shift.saturating_add(7);
                if byte & 0x80 == 0 {
                    tensor.dimension(value);
                    (value, shift) = (0, 0);
                }
            }
        }
        (Message::Tensor(tensor), 8) if span.len() <= MAX_NAME as u64 => {
            tensor.name = fields.text(span, MAX_NAME)?;
        }
        // Of `float_data` and `double_data` the bytes are those of `raw_data`.
        (Message::Tensor(tensor), 4 | 9 | 10) => {
            tensor.bytes = Some((span, number == 9));
            tensor.pieces = tensor.pieces.saturating_add(1);
        }
        (Message::Tensor(tensor), 13) => {
            tensor.is_external = true;
            let (mut key, mut value) = (String::new(), String::new());
            let mut entry = span;
            while let Some(field) = fields.next(&mut entry)? {
                match (field.number, field.span()) {
                    (1, Some(span)) => key = fields.text(span, MAX_NAME)?,
                    (2, Some(span)) => value = fields.text(span, MAX_NAME)?,
                    _ => {}
                }
            }
            match key.as_str() {
                "location" => tensor.external.location = Some(value),
                "offset" => tensor.external.offset = Some(value),
                "length" => tensor.external.length = Some(value),
                _ => {}
            }
        }
        _ => {}
    }
    Ok(())
}

/// Tells a message that was read to its end.
fn finish(
    done: Frame,
    stack: &mut [Frame],
    tell: &mut dyn FnMut(Told) -> Result<(), Unread>,
) -> Result<(), Unread> {
    match done.message {
        Message::Node(node) => tell(Told::Node {
            at: done.at,
            operator: node.operator,
            domain: node.domain,
            contexts: node
                .context
                .map(|(path, span)| if node.embedded { Context::Inside(span) } else { Context::Path(path) })
                .into_iter()
                .chain(node.source.map(Context::Path))
                .collect(),
            function: stack
                .iter()
                .rfind(|frame| matches!(frame.message, Message::Function { .. }))
                .map(|frame| frame.at),
        }),
        Message::Function { domain, name } => tell(Told::Function { at: done.at, domain, name }),
        Message::Opset { domain, version } => tell(Told::Opset { domain, version }),
        Message::Tensor(tensor) if tensor.is_external => {
            let size = bytes_of(tensor.kind, tensor.values);
            let (name, kind, shape) = (tensor.name, kind_of(tensor.kind), tensor.shape);
            tell(Told::External(External { size, name, kind, shape, ..tensor.external }))
        }
        Message::Tensor(Tensor {
            bytes: Some((bytes, raw)), pieces: 1, kind, values, name, shape, ..
        }) => {
            let size = bytes_of(kind, values);
            tell(Told::Inner(Inner { at: done.at, name, kind: kind_of(kind), shape, size, bytes, raw }))
        }
        Message::Attribute { name, text, number } => {
            if let Some(Frame { message: Message::Node(node), .. }) = stack.last_mut() {
                match name.as_str() {
                    "ep_cache_context" => node.context = text,
                    "onnx_model_filename" => node.source = text.map(|(path, _)| path),
                    "embed_mode" => node.embedded = number != Some(0),
                    _ => {}
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The types of `TensorProto.DataType`.
const fn kind_of(kind: u64) -> Kind {
    match kind {
        1 => Kind::F32,
        2 => Kind::Uint(1),
        3 => Kind::Int(1),
        4 => Kind::Uint(2),
        5 => Kind::Int(2),
        6 => Kind::Int(4),
        7 => Kind::Int(8),
        9 => Kind::Bool,
        10 => Kind::F16,
        11 => Kind::F64,
        12 => Kind::Uint(4),
        13 => Kind::Uint(8),
        16 => Kind::Bf16,
        17 => Kind::F8E4m3,
        19 => Kind::F8E5m2,
        _ => Kind::Unknown,
    }
}

/// How many bytes so many values of a type take, where that is fixed; of more values than any file has, more than that.
fn bytes_of(kind: u64, values: Option<u64>) -> Option<u64> {
    let bits = match kind {
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        21..=23 => 4,
        _ => return None,
    };
    Some(values.unwrap_or(u64::MAX).saturating_mul(bits).div_ceil(8))
}
