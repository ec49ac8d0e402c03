//! Functions that a model defines, and how many nodes they make where each call is replaced by what it calls.

use lazaret_core::Limit;
use rustc_hash::FxHashMap;

use super::DOMAINS;
use crate::look::Looking;
use crate::part::{Part, Unread, printed};
use crate::rules;

/// The name of an operator or function: its domain, and its name there.
type Name = (String, String);

/// How many nodes calls may make: the largest models have a few hundred thousand.
const MOST_NODES: u64 = 50_000_000;

/// What is known of the functions so far.
pub(super) struct Functions {
    /// Where each begins, by its name.
    at: FxHashMap<Name, u64>,
    /// How many nodes each has, and how often it calls what is no operator of ONNX.
    bodies: FxHashMap<u64, Body>,
    calls: u64,
    max: Limit,
}

#[derive(Default)]
struct Body {
    nodes: u64,
    calls: FxHashMap<Name, u64>,
}

/// How far the count of a function is.
#[derive(Clone, Copy)]
enum Count {
    Open,
    Done(u64),
}

impl Functions {
    pub(super) fn new(max: Limit) -> Self {
        Self { at: FxHashMap::default(), bodies: FxHashMap::default(), calls: 0, max }
    }

    /// A node, of the function that stands there if it is of one.
    pub(super) fn node(&mut self, function: Option<u64>, domain: &str, operator: &str) -> Result<(), Unread> {
        let Some(function) = function else { return Ok(()) };
        let body = self.bodies.entry(function).or_default();
        body.nodes = body.nodes.saturating_add(1);
        if !DOMAINS.contains(&domain) {
            let calls = body.calls.entry((domain.to_owned(), operator.to_owned())).or_insert_with(|| {
                self.calls = self.calls.saturating_add(1);
                0
            });
            *calls = calls.saturating_add(1);
            self.max.check(self.calls)?;
        }
        Ok(())
    }

    /// A function that was read to its end.
    pub(super) fn function(&mut self, at: u64, domain: String, name: String) -> Result<(), Unread> {
        self.at.insert((domain, name), at);
        Ok(self.max.check(self.at.len() as u64)?)
    }

    pub(super) fn has(&self, name: &Name) -> bool {
        self.at.contains_key(name)
    }

    /// Tells functions that call themselves, and those that make more nodes than any model has.
    pub(super) fn judge(&self, part: &Part, looking: &mut Looking<'_>) {
        let mut counts: FxHashMap<u64, Count> = FxHashMap::default();
        let mut starts: Vec<_> = self.at.iter().collect();
        starts.sort_unstable();
        for (name, at) in starts {
            match self.count(*at, &mut counts) {
                Some(nodes) if nodes <= MOST_NODES => {}
                Some(_) => {
                    let message = format!(
                        "the function `{}` makes more than {MOST_NODES} nodes where its calls are replaced by what they call",
                        printed(&name.1)
                    );
                    looking.find(&rules::CLAIMED_SIZE, part.at(*at), message);
                    return;
                }
                None => {
                    let message = format!("the function `{}` comes to call itself", printed(&name.1));
                    looking.find(&rules::MALFORMED, part.at(*at), message);
                    return;
                }
            }
        }
    }

    /// How many nodes a function makes; none if it comes to call itself. On a stack of its own: calls may nest deep.
    fn count(&self, start: u64, counts: &mut FxHashMap<u64, Count>) -> Option<u64> {
        let mut stack = vec![start];
        while let Some(at) = stack.last().copied() {
            if let Some(Count::Done(_)) = counts.get(&at) {
                stack.pop();
                continue;
            }
            counts.insert(at, Count::Open);
            let Some(body) = self.bodies.get(&at) else {
                counts.insert(at, Count::Done(0));
                continue;
            };
            let mut nodes = body.nodes;
            let mut is_ready = true;
            for (name, times) in &body.calls {
                let Some(callee) = self.at.get(name) else { continue };
                match counts.get(callee) {
                    Some(Count::Done(inner)) => nodes = nodes.saturating_add(inner.saturating_mul(*times)),
                    Some(Count::Open) => return None,
                    None => {
                        stack.push(*callee);
                        is_ready = false;
                        break;
                    }
                }
            }
            if is_ready {
                counts.insert(at, Count::Done(nodes));
            }
        }
        match counts.get(&start) {
            Some(Count::Done(nodes)) => Some(*nodes),
            _ => None,
        }
    }
}
