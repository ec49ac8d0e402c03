//! Every value of a document in the order of reading, and where it stands.

use std::fmt::Write as _;

use lazaret_input::json::{Items, JsonKind, Members, Node};

/// Values below one, itself first. No recursion: documents nest as deep as the reader allows.
pub(crate) struct Walk<'d, 'a> {
    first: Option<Node<'d, 'a>>,
    open: Vec<Level<'d, 'a>>,
}

enum Level<'d, 'a> {
    Items(Items<'d, 'a>),
    Members(Members<'d, 'a>),
}

impl<'d, 'a> Walk<'d, 'a> {
    pub(crate) fn new(root: Node<'d, 'a>) -> Self {
        Self { first: Some(root), open: Vec::new() }
    }
}

impl<'d, 'a> Iterator for Walk<'d, 'a> {
    type Item = Node<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let node = match self.first.take() {
            Some(root) => root,
            None => loop {
                let next = match self.open.last_mut()? {
                    Level::Items(items) => items.next(),
                    Level::Members(members) => members.next().map(|member| member.value),
                };
                match next {
                    Some(node) => break node,
                    None => drop(self.open.pop()),
                }
            },
        };
        match node.kind() {
            JsonKind::Array => self.open.push(Level::Items(node.items())),
            JsonKind::Object => self.open.push(Level::Members(node.members())),
            _ => {}
        }
        Some(node)
    }
}

/// The dotted path of a value, `[n]` from 0: `chat_template[1].template`; the document itself is empty.
pub(crate) fn path_of(node: Node<'_, '_>) -> String {
    let mut steps = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        steps.push(at);
        at = parent;
    }
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step.key() {
            Some(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            None => _ = write!(path, "[{}]", step.index_in_parent()),
        }
    }
    path
}

/// The keys that a value stands under, innermost first.
pub(super) fn names<'d>(node: &Node<'d, '_>) -> impl Iterator<Item = &'d str> {
    let mut at = Some(*node);
    std::iter::from_fn(move || {
        let node = at?;
        at = node.parent();
        Some(node.key().unwrap_or_default())
    })
    .filter(|key| !key.is_empty())
}
