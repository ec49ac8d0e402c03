//! The walk over graphs: every node of every graph and function.

use lazaret_core::{Limit, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

use super::MAX_OPERATORS;
use super::ops::{self, Effect};
use crate::formats::beside;
use crate::formats::protobuf::{Field, Fields, Span};
use crate::look::Looking;
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::rules;

/// The longest name of an operator, function or file that is taken.
const MAX_NAME: usize = 4096;

/// What a file is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outermost {
    SavedModel,
    MetaGraph,
    Graph,
    KerasMetadata,
}

/// A message that is being read.
enum Message {
    SavedModel,
    MetaGraph,
    Graph,
    Library,
    Function,
    Node {
        operator: String,
        file: Option<String>,
        source: Option<String>,
    },
    Attribute {
        key: String,
        text: Option<String>,
    },
    Asset,
    Objects,
    Object,
    UserObject,
    KerasMetadata,
    KerasNode {
        path: String,
        metadata: Option<Span>,
    },
    /// One whose texts alone count: the number of the field, and what it is.
    Signature,
}

struct Frame {
    message: Message,
    at: u64,
    span: Span,
}

/// Operators: where the first of a kind stands, and how many there are.
pub(super) struct Judge<'p> {
    part: &'p Part,
    operators: FxHashMap<String, (u64, u64)>,
    functions: FxHashSet<String>,
    max_operators: Limit,
}

/// Reads all there is and judges it.
pub(super) fn read(part: &Part, outermost: Outermost, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let mut judge = Judge::new(part, looking);
    let read = judge.walk(outermost, looking);
    judge.finish(looking);
    read.inspect_err(|_| looking.tail(part, good_fields(part, looking)))
}

/// Goes over the fields of the outermost message alone.
pub(super) fn check(part: &Part, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let mut fields = Fields::new(part, looking.limits);
    let mut span = fields.root();
    while fields.next(&mut span)?.is_some() {}
    Ok(())
}

/// Where the fields of the outermost message end.
fn good_fields(part: &Part, looking: &Looking<'_>) -> u64 {
    let mut fields = Fields::new(part, looking.limits);
    let mut span = fields.root();
    loop {
        let at = span.at;
        match fields.next(&mut span) {
            Ok(Some(field)) if field.number <= 16 => {}
            Ok(None) => return part.len(),
            _ => return at,
        }
    }
}

/// The file of an attribute `output_stream`, if it is one.
pub(super) fn file_of(stream: &str) -> Option<String> {
    stream.strip_prefix("file:").map(|path| path.trim_start_matches("//").to_owned())
}

impl<'p> Judge<'p> {
    pub(super) fn new(part: &'p Part, looking: &Looking<'_>) -> Self {
        Self {
            part,
            operators: FxHashMap::default(),
            functions: FxHashSet::default(),
            max_operators: looking.limits.get(MAX_OPERATORS),
        }
    }

    /// A node with this operator.
    pub(super) fn operator(&mut self, name: String, at: u64) -> Result<(), Unread> {
        let found = self.operators.entry(name).or_insert((at, 0));
        found.1 = found.1.saturating_add(1);
        Ok(self.max_operators.check(self.operators.len() as u64)?)
    }

    /// A function that the graph defines.
    pub(super) fn function(&mut self, name: String) -> Result<(), Unread> {
        self.functions.insert(name);
        Ok(self.max_operators.check(self.functions.len() as u64)?)
    }

    /// A file that the graph reads as an asset.
    pub(super) fn asset(&self, name: &str, at: u64, looking: &mut Looking<'_>) {
        if let Some(why) = beside::leaves(name) {
            let message = format!("an asset is the file `{}`, a path that {why}", printed(name));
            looking.find(&rules::TENSORFLOW_ASSET_PATH, self.part.at(at), message);
        }
    }

    /// An operator that reads how messages are made from a file: `local://` and `bytes://` are none.
    pub(super) fn described_by(&self, operator: &str, source: &str, at: u64, looking: &mut Looking<'_>) {
        if source.is_empty() || source.starts_with("local://") || source.starts_with("bytes://") {
            return;
        }
        let message = format!("the operator `{}` reads the file `{}`", printed(operator), printed(source));
        looking.find_as(Severity::High, &rules::TENSORFLOW_FILE_OPERATOR, self.part.at(at), message);
    }

    /// An operator that prints to a file.
    pub(super) fn prints_to(&self, operator: &str, file: &str, at: u64, looking: &mut Looking<'_>) {
        let message = format!(
            "the operator `{}` writes what it prints to the file `{}`",
            printed(operator),
            printed(file)
        );
        let at = self.part.at(at);
        looking.find_as(Severity::Critical, &rules::TENSORFLOW_FILE_OPERATOR, at, message);
    }

    fn walk(&mut self, outermost: Outermost, looking: &mut Looking<'_>) -> Result<(), Unread> {
        let mut fields = Fields::new(self.part, looking.limits);
        let message = match outermost {
            Outermost::SavedModel => Message::SavedModel,
            Outermost::MetaGraph => Message::MetaGraph,
            Outermost::Graph => Message::Graph,
            Outermost::KerasMetadata => Message::KerasMetadata,
        };
        let mut stack = vec![Frame { message, at: 0, span: fields.root() }];
        while let Some(frame) = stack.last_mut() {
            if let Some(field) = fields.next(&mut frame.span)? {
                if let Some(next) = self.take(&mut fields, frame, field, looking)? {
                    stack.push(next);
                    fields.check_depth(stack.len())?;
                }
            } else if let Some(done) = stack.pop() {
                self.done(done, &mut stack, looking)?;
            }
        }
        Ok(())
    }

    /// Takes a field; gives the message in it if that is to be read.
    fn take(
        &mut self,
        fields: &mut Fields<'_>,
        frame: &mut Frame,
        field: Field,
        looking: &mut Looking<'_>,
    ) -> Result<Option<Frame>, Unread> {
        let Some(span) = field.span() else { return Ok(None) };
        let node = || Message::Node { operator: String::new(), file: None, source: None };
        let next = match (&mut frame.message, field.number) {
            (Message::SavedModel, 2) => Message::MetaGraph,
            (Message::MetaGraph, 2) => Message::Graph,
            (Message::MetaGraph, 6) => Message::Asset,
            (Message::MetaGraph, 7) => Message::Objects,
            (Message::Objects, 1) => Message::Object,
            (Message::Object, 4) => Message::UserObject,
            (Message::Graph, 2) => Message::Library,
            (Message::Library, 1) => Message::Function,
            (Message::Function, 1) => Message::Signature,
            (Message::Graph, 1) | (Message::Function, 3) => node(),
            (Message::Node { .. }, 5) => Message::Attribute { key: String::new(), text: None },
            (Message::KerasMetadata, 1) => Message::KerasNode { path: String::new(), metadata: None },
            (message, number) => {
                self.text(fields, message, number, span, looking)?;
                return Ok(None);
            }
        };
        Ok(Some(Frame { message: next, at: field.at, span }))
    }

    fn text(
        &mut self,
        fields: &mut Fields<'_>,
        message: &mut Message,
        number: u32,
        span: Span,
        looking: &mut Looking<'_>,
    ) -> Result<(), Unread> {
        match (message, number) {
            (Message::Node { operator, .. }, 2) => *operator = fields.text(span, MAX_NAME)?,
            (Message::Attribute { key, .. }, 1) => *key = fields.text(span, 64)?,
            (Message::Attribute { text, .. }, 2) => {
                // The value of an attribute: a text, or a list of them.
                let mut value = span;
                while let Some(field) = fields.next(&mut value)? {
                    match (field.number, field.span()) {
                        (1, Some(mut list)) => {
                            while let Some(field) = fields.next(&mut list)? {
                                if let (2, Some(span)) = (field.number, field.span()) {
                                    *text = Some(fields.text(span, MAX_NAME)?);
                                }
                            }
                        }
                        (2, Some(span)) => *text = Some(fields.text(span, MAX_NAME)?),
                        _ => {}
                    }
                }
            }
            (Message::Signature, 1) => {
                let name = fields.text(span, MAX_NAME)?;
                self.function(name)?;
            }
            (Message::Asset, 2) => {
                let name = fields.text(span, MAX_NAME)?;
                self.asset(&name, span.at, looking);
            }
            (Message::UserObject, 3) if span.len() > 2 => {
                looking.inside(&self.part.slice(span.at, span.len(), "keras-metadata.json"));
            }
            (Message::KerasNode { path, .. }, 3) => *path = fields.text(span, 256)?,
            (Message::KerasNode { metadata, .. }, 5) => *metadata = Some(span),
            _ => {}
        }
        Ok(())
    }

    fn done(&mut self, done: Frame, stack: &mut [Frame], looking: &mut Looking<'_>) -> Result<(), Unread> {
        match done.message {
            Message::Node { operator, file, source } => {
                if let Some(source) = source {
                    self.described_by(&operator, &source, done.at, looking);
                }
                let to_file = file.filter(|_| matches!(ops::effect(&operator), Some(Effect::Prints)));
                if let Some(file) = to_file {
                    self.prints_to(&operator, &file, done.at, looking);
                }
                self.operator(operator, done.at)?;
            }
            Message::Attribute { key, text: Some(text) } if key == "output_stream" => {
                if let Some(Frame { message: Message::Node { file, .. }, .. }) = stack.last_mut() {
                    *file = file_of(&text);
                }
            }
            Message::Attribute { key, text: Some(text) } if key == "descriptor_source" => {
                if let Some(Frame { message: Message::Node { source, .. }, .. }) = stack.last_mut() {
                    *source = Some(text);
                }
            }
            Message::KerasNode { path, metadata: Some(span) } if span.len() > 2 => {
                looking.inside(&self.part.slice(span.at, span.len(), &format!("{path}.json")));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(self, looking: &mut Looking<'_>) {
        let mut operators: Vec<_> = self.operators.into_iter().collect();
        operators.sort_unstable();
        for (operator, (at, count)) in operators {
            looking.met_operator("", &operator, || self.part.at(at));
            let effect = ops::effect(&operator);
            if effect.is_none() && (ops::is_known(&operator) || self.functions.contains(&operator)) {
                continue;
            }
            let at = self.part.at(at);
            let nodes = match count {
                1 => "a node runs".to_owned(),
                count => format!("{count} nodes run"),
            };
            let name = printed(&operator);
            let (rule, severity, message) = match effect {
                None => {
                    let why = "which is no part of TensorFlow: a native library brings it";
                    let message = format!("{nodes} the operator `{name}`, {why}");
                    (
                        &rules::TENSORFLOW_UNKNOWN_OPERATOR,
                        rules::TENSORFLOW_UNKNOWN_OPERATOR.rule.severity,
                        message,
                    )
                }
                Some(Effect::Python) => {
                    let message =
                        format!("{nodes} the operator `{name}`: it calls Python code of the process");
                    (
                        &rules::TENSORFLOW_PYTHON_OPERATOR,
                        rules::TENSORFLOW_PYTHON_OPERATOR.rule.severity,
                        message,
                    )
                }
                Some(effect) => {
                    let message = format!("{nodes} the operator `{name}`: it {}", effect.words());
                    (&rules::TENSORFLOW_FILE_OPERATOR, effect.severity(), message)
                }
            };
            looking.find_about(severity, rule, About::operator("", &operator), at, message);
        }
    }
}
