//! A YAML document as JSON text, so that whoever judges JSON judges YAML too: every scalar is a string, aliases and merge
//! keys are written out, tags are told apart. Memory and time are bounded by what an expanded document may have.

use lazaret_core::{Limit, LimitExceeded, Limits};
use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Parser};

/// How deep collections may nest.
pub(crate) const MAX_DEPTH: Limit = Limit::new("yaml.max_depth", 60);
/// How many values a document may have, with its aliases written out.
pub(crate) const MAX_NODES: Limit = Limit::new("yaml.max_nodes", 500_000);
/// How many bytes a document may have, with its aliases written out.
pub(crate) const MAX_EXPANDED: Limit = Limit::new("yaml.max_expanded", 32 << 20);

/// Why a document was not read to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not YAML from this byte on.
    Malformed(usize),
    /// A limit was reached.
    Limit(LimitExceeded),
    /// Aliases multiply what is written to more than a limit lets through.
    Bomb(LimitExceeded),
}

impl From<LimitExceeded> for Fault {
    fn from(reached: LimitExceeded) -> Self {
        Self::Limit(reached)
    }
}

/// What was read of a stream.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Each document as JSON text.
    pub(super) documents: Vec<String>,
    /// Every tag with the byte at which its node begins.
    pub(super) tags: Vec<(String, usize)>,
    /// Why the reading ended early.
    pub(super) fault: Option<Fault>,
}

enum Node {
    Scalar(String),
    Seq(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    Alias(usize),
}

/// Reads a stream of documents.
pub(super) fn read(text: &str, limits: &Limits) -> Read {
    let mut read = Read::default();
    read.fault = stream(text, limits, &mut read).err();
    read
}

fn stream(text: &str, limits: &Limits, read: &mut Read) -> Result<(), Fault> {
    let (max_depth, max_nodes) = (limits.get(MAX_DEPTH), limits.get(MAX_NODES));
    let mut nodes: Vec<Node> = Vec::new();
    let mut anchors: FxHashMap<usize, usize> = FxHashMap::default();
    let mut open: Vec<usize> = Vec::new();
    let mut count = 0_u64;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault::Malformed(error.marker().index()))?;
        let (node, anchor, tag) = match event {
            Event::Scalar(text, _, anchor, tag) => (Node::Scalar(text.into_owned()), anchor, tag),
            Event::SequenceStart(anchor, tag) => (Node::Seq(Vec::new()), anchor, tag),
            Event::MappingStart(anchor, tag) => (Node::Map(Vec::new()), anchor, tag),
            Event::Alias(anchor) => (Node::Alias(anchor), 0, None),
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                continue;
            }
            Event::DocumentEnd => {
                let mut writer =
                    Writer { nodes: &nodes, anchors: &anchors, out: String::new(), written: 0, limits };
                if !nodes.is_empty() {
                    writer.node(0, 0)?;
                    read.documents.push(writer.out);
                }
                nodes.clear();
                anchors.clear();
                open.clear();
                continue;
            }
            _ => continue,
        };
        count = count.saturating_add(1);
        max_nodes.check(count)?;
        if let Some(tag) = tag {
            read.tags.push((format!("{}{}", tag.handle, tag.suffix), span.start.index()));
        }
        let number = nodes.len();
        if anchor != 0 {
            anchors.insert(anchor, number);
        }
        if let Some(Node::Seq(children) | Node::Map(children)) = open.last().and_then(|at| nodes.get_mut(*at))
        {
            children.push(number);
        }
        if matches!(node, Node::Seq(_) | Node::Map(_)) {
            open.push(number);
            max_depth.check(open.len() as u64)?;
        }
        nodes.push(node);
    }
    Ok(())
}

struct Writer<'a> {
    nodes: &'a [Node],
    /// Each anchor's node; every anchor has a number of its own, also where names are used again.
    anchors: &'a FxHashMap<usize, usize>,
    out: String,
    written: u64,
    limits: &'a Limits,
}

impl Writer<'_> {
    fn node(&mut self, number: usize, depth: u64) -> Result<(), Fault> {
        self.written = self.written.saturating_add(1);
        self.limits.get(MAX_NODES).check(self.written).map_err(Fault::Bomb)?;
        self.limits.get(MAX_EXPANDED).check(self.out.len() as u64).map_err(Fault::Bomb)?;
        self.limits.get(MAX_DEPTH).check(depth).map_err(Fault::Bomb)?;
        let depth = depth.saturating_add(1);
        match self.nodes.get(number) {
            Some(Node::Scalar(text)) => self.string(text),
            Some(Node::Seq(children)) => {
                self.out.push('[');
                for (count, child) in children.iter().enumerate() {
                    if count > 0 {
                        self.out.push(',');
                    }
                    self.node(*child, depth)?;
                }
                self.out.push(']');
            }
            Some(Node::Map(_)) => {
                self.out.push('{');
                self.members(number, depth)?;
                self.out.push('}');
            }
            Some(Node::Alias(anchor)) => match self.target(*anchor) {
                Some(target) => self.node(target, depth)?,
                None => self.out.push_str("null"),
            },
            None => self.out.push_str("null"),
        }
        Ok(())
    }

    /// The members of a mapping; those of a merged one among them.
    fn members(&mut self, number: usize, depth: u64) -> Result<(), Fault> {
        self.limits.get(MAX_DEPTH).check(depth).map_err(Fault::Bomb)?;
        let nodes = self.nodes;
        let Some(Node::Map(children)) = nodes.get(number) else { return Ok(()) };
        for pair in children.chunks_exact(2) {
            let [key, value] = pair else { continue };
            let is_merge = matches!(nodes.get(*key), Some(Node::Scalar(text)) if text == "<<");
            if is_merge {
                let merged = self.resolved(*value);
                let all = match nodes.get(merged) {
                    Some(Node::Seq(items)) => items.iter().map(|item| self.resolved(*item)).collect(),
                    _ => vec![merged],
                };
                for one in all {
                    self.written = self.written.saturating_add(1);
                    self.limits.get(MAX_NODES).check(self.written).map_err(Fault::Bomb)?;
                    self.members(one, depth.saturating_add(1))?;
                }
                continue;
            }
            if !self.out.ends_with('{') {
                self.out.push(',');
            }
            if let Some(Node::Scalar(text)) = nodes.get(self.resolved(*key)) {
                self.string(text);
            } else {
                // A collection as a key: JSON has none, so it goes beside the value.
                self.out.push_str("\"?\":[");
                self.node(*key, depth)?;
                self.out.push(',');
                self.node(*value, depth)?;
                self.out.push(']');
                continue;
            }
            self.out.push(':');
            self.node(*value, depth)?;
        }
        Ok(())
    }

    /// The node itself, or the one that it is an alias of.
    fn resolved(&self, number: usize) -> usize {
        match self.nodes.get(number) {
            Some(Node::Alias(anchor)) => self.target(*anchor).unwrap_or(number),
            _ => number,
        }
    }

    fn target(&self, anchor: usize) -> Option<usize> {
        self.anchors.get(&anchor).copied()
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                // U+0000 cannot be in the text of a document; the other controls read as a blank.
                c if c.is_control() => self.out.push(' '),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Vec<String> {
        let read = read(text, &Limits::default());
        assert!(read.fault.is_none(), "{:?}", read.fault);
        read.documents
    }

    #[test]
    fn yaml_is_told_as_json() {
        assert_eq!(documents("a: 1\nb: [x, {c: 'd\"'}]\n"), [r#"{"a":"1","b":["x",{"c":"d\""}]}"#]);
        assert_eq!(documents("--- a\n--- b\n"), [r#""a""#, r#""b""#]);
        assert_eq!(
            documents("x: &a {m: os}\ny: *a\nz: {<<: *a, n: 1}\n"),
            [r#"{"x":{"m":"os"},"y":{"m":"os"},"z":{"m":"os","n":"1"}}"#]
        );
        assert_eq!(documents("? [a]\n: b\n"), [r#"{"?":[["a"],"b"]}"#]);
    }

    #[test]
    fn tags_are_whole() {
        let read = read(
            "%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!name:os.system\nb: !!str x\n",
            &Limits::default(),
        );
        let tags: Vec<_> = read.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(tags, ["tag:yaml.org,2002:python/name:os.system", "tag:yaml.org,2002:str"]);
    }

    #[test]
    fn bombs_and_depth_end() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let before = level - 1;
            let items = vec![format!("*a{before}"); 10].join(", ");
            bomb += &["a", &level.to_string(), ": &a", &level.to_string(), " [", &items, "]\n"].concat();
        }
        assert!(matches!(read(&bomb, &Limits::default()).fault, Some(Fault::Bomb(_))));
        assert!(matches!(read("a: &a [*a]\n", &Limits::default()).fault, Some(Fault::Bomb(_)) | None));
        assert!(read(&"[".repeat(5000), &Limits::default()).fault.is_some());
    }
}
