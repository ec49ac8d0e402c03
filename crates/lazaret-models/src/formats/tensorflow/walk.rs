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
    Node(Node),
    Attribute {
        key: String,
        text: Option<String>,
        texts: Vec<String>,
    },
    Asset,
    AssetTensor,
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

/// A node, as far as it says something here.
#[derive(Default)]
struct Node {
    name: String,
    operator: String,
    file: Option<String>,
    source: Option<String>,
    /// The texts of a constant, if they are few.
    constants: Vec<String>,
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
    /// Constants that are paths out of the model: the name of the node, the path, where it stands.
    paths: Vec<(String, String, u64)>,
    /// Tensors whose value is put there by the loader: the path of an asset.
    assets: FxHashSet<String>,
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

/// Whether a text is a path to a place that is not the model's: absolute with a folder, of the home folder, one that climbs,
/// an address that TensorFlow opens.
fn is_path_out(text: &str) -> bool {
    const OPENED: &[&str] =
        &["file", "gs", "hdfs", "http", "https", "ram", "s3", "viewfs", "har", "az", "oss"];
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return false;
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return OPENED.contains(&scheme);
    }
    let steps = || text.split('/');
    let is_absolute = text.starts_with('/') && steps().filter(|step| !step.is_empty()).count() > 1;
    is_absolute || text.starts_with("~/") || steps().any(|step| step == "..")
}

/// The texts of a tensor; none if it has many, as vocabularies have.
fn few_texts(fields: &mut Fields<'_>, tensor: Span) -> Result<Vec<String>, Unread> {
    const FEW: usize = 16;
    let (mut tensor, mut texts) = (tensor, Vec::new());
    while let Some(field) = fields.next(&mut tensor)? {
        if let (8, Some(span)) = (field.number, field.span())
            && span.len() <= MAX_NAME as u64
        {
            texts.push(fields.text(span, MAX_NAME)?);
            if texts.len() > FEW {
                return Ok(Vec::new());
            }
        }
    }
    Ok(texts)
}

impl<'p> Judge<'p> {
    pub(super) fn new(part: &'p Part, looking: &Looking<'_>) -> Self {
        Self {
            part,
            operators: FxHashMap::default(),
            functions: FxHashSet::default(),
            paths: Vec::new(),
            assets: FxHashSet::default(),
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

    /// A text that a constant of this name holds.
    pub(super) fn constant(&mut self, name: &str, text: &str, at: u64) -> Result<(), Unread> {
        if is_path_out(text) {
            self.paths.push((name.to_owned(), text.to_owned(), at));
        }
        Ok(self.max_operators.check(self.paths.len() as u64)?)
    }

    /// A tensor that holds the path of an asset: `name:0`.
    pub(super) fn asset_tensor(&mut self, tensor: &str) -> Result<(), Unread> {
        let name = tensor.split(':').next().unwrap_or_default();
        self.assets.insert(name.to_owned());
        Ok(self.max_operators.check(self.assets.len() as u64)?)
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
        let node = || Message::Node(Node::default());
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
            (Message::Node(_), 5) => Message::Attribute { key: String::new(), text: None, texts: Vec::new() },
            (Message::Asset, 1) => Message::AssetTensor,
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
            (Message::Node(node), 1) => node.name = fields.text(span, MAX_NAME)?,
            (Message::Node(node), 2) => node.operator = fields.text(span, MAX_NAME)?,
            (Message::AssetTensor, 1) => {
                let name = fields.text(span, MAX_NAME)?;
                self.asset_tensor(&name)?;
            }
            (Message::Attribute { key, .. }, 1) => *key = fields.text(span, 64)?,
            (Message::Attribute { text, texts, .. }, 2) => {
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
                        (8, Some(tensor)) => *texts = few_texts(fields, tensor)?,
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
            Message::Node(Node { name, operator, file, source, constants }) => {
                for text in constants.iter().filter(|_| operator == "Const") {
                    self.constant(&name, text, done.at)?;
                }
                if let Some(source) = source {
                    self.described_by(&operator, &source, done.at, looking);
                }
                let to_file = file.filter(|_| matches!(ops::effect(&operator), Some(Effect::Prints)));
                if let Some(file) = to_file {
                    self.prints_to(&operator, &file, done.at, looking);
                }
                self.operator(operator, done.at)?;
            }
            Message::Attribute { key, text: Some(text), .. } if key == "output_stream" => {
                if let Some(Frame { message: Message::Node(node), .. }) = stack.last_mut() {
                    node.file = file_of(&text);
                }
            }
            Message::Attribute { key, text: Some(text), .. } if key == "descriptor_source" => {
                if let Some(Frame { message: Message::Node(node), .. }) = stack.last_mut() {
                    node.source = Some(text);
                }
            }
            Message::Attribute { key, texts, .. } if key == "value" => {
                if let Some(Frame { message: Message::Node(node), .. }) = stack.last_mut() {
                    node.constants = texts;
                }
            }
            Message::KerasNode { path, metadata: Some(span) } if span.len() > 2 => {
                looking.inside(&self.part.slice(span.at, span.len(), &format!("{path}.json")));
            }
            _ => {}
        }
        Ok(())
    }

    /// What saves and restores takes its path from a constant that is no asset.
    fn paths_out(&self, looking: &mut Looking<'_>) {
        let names = self.operators.keys().filter(|name| {
            matches!(ops::effect(name), Some(Effect::Usual | Effect::Saves)) && !ops::exports(name)
        });
        // The first by name: the same in each run.
        let Some(operator) = names.min() else { return };
        for (name, path, at) in &self.paths {
            if !self.assets.contains(name) {
                let message = format!(
                    "a constant is the path `{}`, which is no asset, and the graph has operators that take paths (`{operator}`)",
                    printed(path)
                );
                looking.find_as(Severity::High, &rules::TENSORFLOW_FILE_OPERATOR, self.part.at(*at), message);
            }
        }
    }

    pub(super) fn finish(self, looking: &mut Looking<'_>) {
        self.paths_out(looking);
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
