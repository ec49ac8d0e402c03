//! `/datasets/{name}/lineage`: where a dataset comes from, and which models were trained on it, as a picture made here and as a table.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use lazaret_ledger::{Ancestry, Edge, Node, Phi, TrainedOn, ancestry};

use crate::server::answer::{Trouble, page as made};
use crate::server::pages::picture::{self, Cell, Column, Picture, Spot};
use crate::server::words::{Code, Toned as _, named, segment};
use crate::server::{ConsoleState, Rooms};

/// Nodes of one picture; past them it says that it was cut, and where.
const MOST_NODES: usize = 200;
/// Nodes named at which it was cut.
const MOST_CUT: usize = 100;
/// Crossings of models that are looked through for those trained on a dataset.
pub(super) const MOST_MODELS: u32 = 20_000;

#[derive(Template)]
#[template(path = "lineage.html")]
struct Lineage {
    dataset: String,
    link: String,
    complete: bool,
    raw: bool,
    most: usize,
    picture: Picture,
    edges: Vec<EdgeLine>,
    cut_at: Vec<(&'static str, String, Option<String>)>,
    more_cut: usize,
}

/// An edge in the table.
struct EdgeLine {
    from_kind: &'static str,
    from: String,
    from_label: String,
    from_link: Option<String>,
    to_kind: &'static str,
    to: String,
    to_label: String,
    to_link: Option<String>,
    /// None for an edge into a crossing, where what comes in comes in as it is, and into a model.
    phi: Option<&'static str>,
    at: u64,
}

impl EdgeLine {
    fn else_word(&self) -> &'static str {
        if self.to_kind == "model" { "as the dataset holds them" } else { "as they came" }
    }
}

/// `/datasets/{name}/lineage`
pub(crate) async fn page(State(state): State<ConsoleState>, Path(name): Path<String>) -> Response {
    made(state, move |rooms| lineage(rooms, name)).await
}

fn lineage(rooms: &Rooms, dataset: String) -> Result<Lineage, Trouble> {
    let found = ancestry(&rooms.ledger, &dataset, MOST_NODES)?;
    if found.nodes.is_empty() {
        return Err(Trouble::NotFound("no complete crossing made a dataset of this name"));
    }
    let trained: Vec<Edge> = rooms
        .ledger
        .models_trained_on(&dataset, MOST_MODELS)?
        .into_iter()
        .take(MOST_NODES)
        .map(|TrainedOn { model, at, crossing, .. }| Edge {
            from: found.of.clone(),
            to: Node::Model { name: model },
            crossing,
            ledger_index: at,
            phi: Phi::NoneFound,
        })
        .collect();
    let cut = found.cut_at.iter().take(MOST_CUT).map(|node| (kind(node), label(node), link(node)));
    Ok(Lineage {
        link: segment(&dataset),
        complete: found.complete,
        raw: found.raw_phi(),
        most: MOST_NODES,
        picture: draw(&found, &trained),
        edges: found.edges.iter().chain(&trained).map(edge).collect(),
        cut_at: cut.collect(),
        more_cut: found.cut_at.len().saturating_sub(MOST_CUT),
        dataset,
    })
}

/// The column of a node.
fn column(node: &Node) -> usize {
    match node {
        Node::Source { .. } => 0,
        Node::Crossing { .. } => 1,
        Node::Dataset { .. } => 2,
        Node::Model { .. } => 3,
    }
}

pub(super) fn kind(node: &Node) -> &'static str {
    match node {
        Node::Source { .. } => "source",
        Node::Crossing { .. } => "crossing",
        Node::Dataset { .. } => "dataset",
        Node::Model { .. } => "model",
    }
}

/// All of a node's name.
fn whole(node: &Node) -> String {
    match node {
        Node::Source { system, digest } => format!("{} {digest}", named(system)),
        Node::Crossing { id } => id.clone(),
        Node::Dataset { name } | Node::Model { name } => named(name),
    }
}

/// A node's name for eyes.
fn label(node: &Node) -> String {
    match node {
        Node::Source { system, digest } => format!("{} {}", named(system), Code(digest.clone()).head()),
        Node::Crossing { id } => Code(id.clone()).tail(),
        Node::Dataset { name } | Node::Model { name } => named(name),
    }
}

fn link(node: &Node) -> Option<String> {
    match node {
        Node::Source { .. } => None,
        Node::Crossing { id } => Some(format!("/crossings/{}", segment(id))),
        Node::Dataset { name } => Some(format!("/datasets/{}/bom", segment(name))),
        Node::Model { name } => Some(format!("/models/{}", segment(name))),
    }
}

fn phi(phi: Phi) -> &'static str {
    match phi {
        Phi::NoneFound => "none-found",
        Phi::Edited => "edited",
        Phi::Raw => "raw",
    }
}

fn edge(edge: &Edge) -> EdgeLine {
    EdgeLine {
        from_kind: kind(&edge.from),
        from: whole(&edge.from),
        from_label: label(&edge.from),
        from_link: link(&edge.from),
        to_kind: kind(&edge.to),
        to: whole(&edge.to),
        to_label: label(&edge.to),
        to_link: link(&edge.to),
        phi: matches!(edge.to, Node::Dataset { .. }).then(|| phi(edge.phi)),
        at: edge.ledger_index,
    }
}

/// Four columns; a crossing and its source stand in one row where they can.
fn draw(found: &Ancestry, trained: &[Edge]) -> Picture {
    let mut columns = HEADS.map(|head| Column { head, cells: Vec::new() });
    let mut places: BTreeMap<&Node, Spot> = BTreeMap::new();
    let nodes = || found.nodes.iter().chain([&found.of]);
    // A source stands where its first crossing does, so that lines cross little.
    let mut ordered: Vec<&Node> = nodes().filter(|node| column(node) == 1).collect();
    let sources: Vec<&Node> = ordered
        .iter()
        .flat_map(|crossing| found.edges.iter().filter(move |edge| edge.to == **crossing))
        .map(|edge| &edge.from)
        .collect();
    ordered.extend(sources);
    ordered.extend(nodes());
    ordered.extend(trained.iter().map(|edge| &edge.to));
    for node in ordered {
        let Some(of) = columns.get_mut(column(node)).filter(|_| !places.contains_key(node)) else { continue };
        places.insert(node, (column(node), of.cells.len()));
        of.cells.push(Cell { kind: kind(node), label: label(node), link: link(node) });
    }
    let lines: Vec<_> = found
        .edges
        .iter()
        .chain(trained)
        .filter_map(|edge| {
            let tone = if matches!(edge.to, Node::Dataset { .. }) { phi(edge.phi) } else { "in" };
            Some((*places.get(&edge.from)?, *places.get(&edge.to)?, tone))
        })
        .collect();
    let [sources, crossings, _, models] = columns.each_ref().map(|column| column.cells.len());
    let about = format!(
        "{sources} sources lead through {crossings} crossings to the dataset, and it to {models} models. The table below \
         says the same."
    );
    let mut columns = Vec::from(columns);
    if models == 0 {
        columns.pop();
    }
    picture::draw(format!("Lineage of {}", whole(&found.of)), about, columns, lines)
}

/// The heads of the columns.
const HEADS: [&str; 4] = ["Sources", "Crossings", "Dataset", "Models trained on it"];
