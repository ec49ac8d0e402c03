//! Where a dataset comes from, and a model: source → crossing → dataset → model, read from opened and sealed entries.
//!
//! Sources are known by their keyed digest, so the picture names no file of the hospital. A walk is bounded by
//! nodes, never by depth, and says when it was cut and where: an answer that is not whole never looks whole.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lazaret_core::{Rule, Severity};
use serde::Serialize;

use crate::bom::own_counts;
use crate::read::{CrossingWords, LedgerReader};
use crate::store::StoreError;

/// An answer about lineage was cut.
pub static INCOMPLETE: Rule =
    Rule::new("lineage.incomplete", Severity::High, "the answer was cut; what was left out is named");
/// An ancestor held PHI that was not edited.
pub static RAW_PHI: Rule = Rule::new(
    "lineage.raw-phi",
    Severity::Critical,
    "an ancestor held PHI untokenised; the path is in the message",
);

/// The rules of lineage.
pub const LINEAGE_RULES: [&Rule; 2] = [&INCOMPLETE, &RAW_PHI];

/// Most nodes that were left out which are named.
const MAX_CUT: usize = 1_000;

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Node {
    /// A source, by its system and the keyed digest of its name.
    Source {
        /// The source system.
        system: String,
        /// Keyed digest, hex.
        digest: String,
    },
    /// A crossing.
    Crossing {
        /// Its id.
        id: String,
    },
    /// A dataset.
    Dataset {
        /// Its name.
        name: String,
    },
    /// A model.
    Model {
        /// Its name.
        name: String,
    },
}

/// What PHI went along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phi {
    /// None was found.
    NoneFound,
    /// What was found was edited.
    Edited,
    /// Some or all of it went along as it was.
    Raw,
}

/// An edge, with the entry that states it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// From.
    pub from: Node,
    /// To.
    pub to: Node,
    /// The crossing that made it.
    pub crossing: String,
    /// The ledger's entry that states it.
    pub ledger_index: u64,
    /// What PHI went along it.
    pub phi: Phi,
}

impl Edge {
    /// An edge that leads to a model. What its datasets hold stands on the edges that lead to them.
    fn of_model(from: Node, model: &Node, crossing: &str, ledger_index: u64) -> Self {
        Self { from, to: model.clone(), crossing: crossing.to_owned(), ledger_index, phi: Phi::NoneFound }
    }
}

/// Everything a node comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ancestry {
    /// The node asked about.
    pub of: Node,
    /// Its ancestors, without itself, nearest first.
    pub nodes: Vec<Node>,
    /// The edges between all these.
    pub edges: Vec<Edge>,
    /// Whether this is all.
    pub complete: bool,
    /// The nodes at which the walk was cut; at most a thousand are named.
    pub cut_at: Vec<Node>,
}

impl Ancestry {
    /// Whether PHI that was not edited came in anywhere: the worst path counts.
    pub fn raw_phi(&self) -> bool {
        self.edges.iter().any(|edge| edge.phi == Phi::Raw)
    }
}

/// Edges, by where they lead.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    into: BTreeMap<Node, BTreeSet<Edge>>,
}

impl Graph {
    /// No edges yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an edge; the same edge again changes nothing.
    pub fn add(&mut self, edge: Edge) {
        self.into.entry(edge.to.clone()).or_default().insert(edge);
    }

    /// Adds what a crossing states: its source, and each dataset it made if it was sealed as complete; `phi`
    /// is what went along to these.
    pub fn add_crossing(&mut self, crossing: &CrossingWords, phi: Phi) {
        let id = &crossing.opened.crossing;
        let node = self.add_source(crossing);
        let Some(sealed) = crossing.sealed.as_ref().filter(|sealed| sealed.seal.ending == "complete") else {
            return;
        };
        for output in &sealed.seal.outputs {
            self.add(Edge {
                from: node.clone(),
                to: Node::Dataset { name: output.dataset.clone() },
                crossing: id.clone(),
                ledger_index: sealed.sealed_at,
                phi,
            });
        }
    }

    /// Adds the source of a crossing; gives the crossing.
    fn add_source(&mut self, crossing: &CrossingWords) -> Node {
        let opened = &crossing.opened;
        let node = Node::Crossing { id: opened.crossing.clone() };
        self.add(Edge {
            from: Node::Source { system: opened.system.clone(), digest: opened.from.clone() },
            to: node.clone(),
            crossing: opened.crossing.clone(),
            ledger_index: crossing.opened_at,
            // What comes in comes in as it is; what counts for a dataset is the edge that leads to it.
            phi: Phi::NoneFound,
        });
        node
    }

    /// Everything a node comes from, at most so many nodes.
    pub fn ancestry(&self, of: &Node, most_nodes: usize) -> Ancestry {
        let mut seen = BTreeSet::from([of.clone()]);
        let mut nodes = Vec::new();
        let mut edges = BTreeSet::new();
        let mut cut_at = BTreeSet::new();
        let mut complete = true;
        let mut waiting = VecDeque::from([of.clone()]);
        while let Some(node) = waiting.pop_front() {
            for edge in self.into.get(&node).into_iter().flatten() {
                if !seen.contains(&edge.from) {
                    if nodes.len() >= most_nodes {
                        complete = false;
                        if cut_at.len() < MAX_CUT {
                            cut_at.insert(edge.from.clone());
                        }
                        continue;
                    }
                    seen.insert(edge.from.clone());
                    nodes.push(edge.from.clone());
                    waiting.push_back(edge.from.clone());
                }
                edges.insert(edge.clone());
            }
        }
        let (edges, cut_at) = (edges.into_iter().collect(), cut_at.into_iter().collect());
        Ancestry { of: of.clone(), nodes, edges, complete, cut_at }
    }

    /// All paths from one node to another, at most so many; and whether that is all. A node is on a path once.
    pub fn paths(&self, from: &Node, to: &Node, most_paths: usize) -> (Vec<Vec<Node>>, bool) {
        /// Steps after which a search is given up: paths can be exponentially many.
        const MAX_STEPS: usize = 1_000_000;
        let mut paths = Vec::new();
        let mut steps = 0_usize;
        let mut waiting = vec![vec![to.clone()]];
        while let Some(path) = waiting.pop() {
            steps = steps.saturating_add(1);
            if steps > MAX_STEPS {
                return (paths, false);
            }
            let Some(first) = path.last() else { continue };
            if first == from {
                if paths.len() == most_paths {
                    return (paths, false);
                }
                paths.push(path.iter().rev().cloned().collect());
                continue;
            }
            let before: BTreeSet<&Node> =
                self.into.get(first).into_iter().flatten().map(|edge| &edge.from).collect();
            for node in before.into_iter().rev().filter(|node| !path.contains(node)) {
                let mut longer = path.clone();
                longer.push(node.clone());
                waiting.push(longer);
            }
        }
        (paths, true)
    }
}

/// What PHI went along with the records of a crossing that went out. Identifiers that were kept count as raw.
fn phi_along(reader: &LedgerReader, dataset: &str, crossing: &CrossingWords) -> Result<Phi, StoreError> {
    let Some(sealed) = &crossing.sealed else { return Ok(Phi::NoneFound) };
    let counts = &sealed.seal.counts;
    // What was held or came again did not go along, and is counted in the seal all the same.
    let own = if counts.held() > 0 || counts.again > 0 {
        own_counts(reader, dataset, crossing, sealed)?.map(|(counts, _)| counts)
    } else {
        None
    };
    let counts = own.as_ref().unwrap_or(counts);
    let sum = |sum: u64, count: &u64| sum.saturating_add(*count);
    let found = counts.phi.values().fold(0, sum);
    let edited = counts.edits.iter().filter(|(edit, _)| !edit.ends_with(" keep")).map(|(_, count)| count);
    let edited = edited.fold(0, sum);
    let carried_out = crossing.opened.mode == "enforce" && crossing.opened.basis != "identified";
    Ok(match found {
        0 => Phi::NoneFound,
        _ if carried_out && edited >= found => Phi::Edited,
        _ => Phi::Raw,
    })
}

/// Where a dataset comes from; `lake` also means `lake/Patient`. At most so many nodes.
pub fn ancestry(reader: &LedgerReader, dataset: &str, most_nodes: usize) -> Result<Ancestry, StoreError> {
    let of = Node::Dataset { name: dataset.to_owned() };
    let mut graph = Graph::new();
    let mut left_out = Vec::new();
    for (number, opened_at) in reader.crossings_of_dataset(dataset, None)?.into_iter().enumerate() {
        let row = reader.crossing_at(opened_at)?;
        let Some(crossing) = row else { return Err(StoreError::Damaged("a crossing is missing")) };
        // Each crossing is at least one node more: past the limit they are only named.
        if number > most_nodes {
            left_out.push(Node::Crossing { id: crossing.opened.crossing });
            if left_out.len() >= MAX_CUT {
                break;
            }
            continue;
        }
        let prefix = format!("{dataset}/");
        let phi = phi_along(reader, dataset, &crossing)?;
        let mut own = crossing;
        if let Some(sealed) = &mut own.sealed {
            sealed
                .seal
                .outputs
                .retain(|output| output.dataset == dataset || output.dataset.starts_with(&prefix));
            // A part of a dataset is that dataset here.
            for output in &mut sealed.seal.outputs {
                dataset.clone_into(&mut output.dataset);
            }
        }
        graph.add_crossing(&own, phi);
    }
    let mut found = graph.ancestry(&of, most_nodes);
    if !left_out.is_empty() {
        found.complete = false;
        found.cut_at.extend(left_out);
        found.cut_at.truncate(MAX_CUT);
    }
    Ok(found)
}

/// Where a model comes from: the crossings that brought it, and the datasets that it says it was trained on, with where those
/// come from. At most so many nodes.
pub fn model_ancestry(reader: &LedgerReader, model: &str, most_nodes: usize) -> Result<Ancestry, StoreError> {
    let of = Node::Model { name: model.to_owned() };
    let (mut graph, mut datasets) = (Graph::new(), BTreeSet::new());
    let limit = u32::try_from(most_nodes).unwrap_or(u32::MAX);
    let crossings = reader.crossings_of_model(model, None, limit)?;
    let mut complete = crossings.len() < most_nodes;
    for crossing in &crossings {
        let Some(words) = &crossing.opened.model else { continue };
        // What was held, or is not over, brought nothing.
        let Some(sealed) = crossing.sealed.as_ref().filter(|sealed| sealed.seal.ending == "complete") else {
            continue;
        };
        let (id, sealed_at) = (&crossing.opened.crossing, sealed.sealed_at);
        graph.add_source(crossing);
        let by = Node::Crossing { id: id.clone() };
        graph.add(Edge::of_model(by, &of, id, sealed_at));
        for dataset in &words.datasets {
            let from = Node::Dataset { name: dataset.clone() };
            graph.add(Edge::of_model(from, &of, id, crossing.opened_at));
            datasets.insert(dataset.clone());
        }
    }
    for dataset in &datasets {
        if graph.into.len() > most_nodes {
            complete = false;
            break;
        }
        let found = ancestry(reader, dataset, most_nodes)?;
        complete &= found.complete;
        found.edges.into_iter().for_each(|edge| graph.add(edge));
    }
    let mut found = graph.ancestry(&of, most_nodes);
    found.complete &= complete;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(name: &str) -> Node {
        Node::Dataset { name: name.to_owned() }
    }

    fn diamond() -> Graph {
        let mut graph = Graph::new();
        for (from, to, run, phi) in [
            ("cohort@v4", "vitals@v9", "r1", Phi::Edited),
            ("cohort@v4", "notes@v2", "r2", Phi::Raw),
            ("vitals@v9", "train@v7", "r3", Phi::Edited),
            ("notes@v2", "train@v7", "r3", Phi::Raw),
            ("train@v7", "model@1", "r4", Phi::Edited),
        ] {
            let edge =
                Edge { from: dataset(from), to: dataset(to), crossing: run.to_owned(), ledger_index: 0, phi };
            graph.add(edge.clone());
            graph.add(edge);
        }
        graph
    }

    /// cases/lineage/01, datahub-project/datahub#19072: "one of two paths returned, success signalled".
    #[test]
    fn a_diamond_has_both_its_paths_and_the_worst_counts() {
        let graph = diamond();
        let found = graph.ancestry(&dataset("model@1"), 100);
        assert_eq!((found.nodes.len(), found.edges.len(), found.complete), (4, 5, true));
        assert!(found.raw_phi());
        let (paths, all) = graph.paths(&dataset("cohort@v4"), &dataset("model@1"), 100);
        assert!(all);
        assert_eq!(paths.len(), 2);
        assert!(paths.iter().any(|path| path.contains(&dataset("notes@v2"))));
        assert!(!graph.paths(&dataset("cohort@v4"), &dataset("model@1"), 1).1);
    }

    #[test]
    fn a_cut_answer_says_so_and_names_what_is_missing() {
        let found = diamond().ancestry(&dataset("model@1"), 3);
        assert_eq!((found.nodes.len(), found.complete), (3, false));
        assert_eq!(found.cut_at, [dataset("cohort@v4")]);
    }

    #[test]
    fn a_circle_ends() {
        let mut graph = diamond();
        graph.add(Edge {
            from: dataset("model@1"),
            to: dataset("cohort@v4"),
            crossing: "r5".to_owned(),
            ledger_index: 0,
            phi: Phi::NoneFound,
        });
        assert_eq!(graph.ancestry(&dataset("model@1"), 100).nodes.len(), 4);
        assert_eq!(graph.paths(&dataset("cohort@v4"), &dataset("model@1"), 100).0.len(), 2);
    }
}
