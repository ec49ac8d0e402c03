//! `/datasets/{name}/lineage`: where a dataset comes from, as a picture made here and as a table.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use lazaret_ledger::{Ancestry, Node, Phi, ancestry};

use crate::server::answer::{Trouble, page as made};
use crate::server::words::{Code, Toned as _, segment};
use crate::server::{ConsoleState, Rooms};

/// Nodes of one picture; past them it says that it was cut, and where.
const MOST_NODES: usize = 200;
/// Nodes named at which it was cut.
const MOST_CUT: usize = 100;
/// A column's width, a row's height, and a box's size, in the picture's own units.
const COLUMN: u32 = 330;
const ROW: u32 = 40;
const BOX: (u32, u32) = (230, 30);
/// Twice the rows by which a short column is moved down at most.
const MOST_SHIFT: u32 = 8;
/// Room for the heads of the columns.
const TOP: u32 = 34;
/// Characters that fit into a box.
const FITS: usize = 26;

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

/// What is drawn.
struct Picture {
    width: u32,
    height: u32,
    sources: usize,
    crossings: usize,
    boxes: Vec<Drawn>,
    lines: Vec<Line>,
}

struct Drawn {
    kind: &'static str,
    label: String,
    link: Option<String>,
    x: u32,
    y: u32,
}

struct Line {
    tone: &'static str,
    x1: u32,
    y1: u32,
    x2: u32,
    y2: u32,
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
    /// None for an edge into a crossing: what comes in comes in as it is.
    phi: Option<&'static str>,
    at: u64,
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
    let cut = found.cut_at.iter().take(MOST_CUT).map(|node| (kind(node), label(node), link(node)));
    Ok(Lineage {
        link: segment(&dataset),
        complete: found.complete,
        raw: found.raw_phi(),
        most: MOST_NODES,
        picture: draw(&found),
        edges: found.edges.iter().map(edge).collect(),
        cut_at: cut.collect(),
        more_cut: found.cut_at.len().saturating_sub(MOST_CUT),
        dataset,
    })
}

/// The column of a node: sources, crossings, datasets.
fn column(node: &Node) -> u32 {
    match node {
        Node::Source { .. } => 0,
        Node::Crossing { .. } => 1,
        Node::Dataset { .. } => 2,
    }
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::Source { .. } => "source",
        Node::Crossing { .. } => "crossing",
        Node::Dataset { .. } => "dataset",
    }
}

/// All of a node's name.
fn whole(node: &Node) -> String {
    match node {
        Node::Source { system, digest } => format!("{system} {digest}"),
        Node::Crossing { id } => id.clone(),
        Node::Dataset { name } => name.clone(),
    }
}

/// A node's name for eyes.
fn label(node: &Node) -> String {
    match node {
        Node::Source { system, digest } => format!("{system} {}", Code(digest.clone()).head()),
        Node::Crossing { id } => Code(id.clone()).tail(),
        Node::Dataset { name } => name.clone(),
    }
}

fn link(node: &Node) -> Option<String> {
    match node {
        Node::Source { .. } => None,
        Node::Crossing { id } => Some(format!("/crossings/{}", segment(id))),
        Node::Dataset { name } => Some(format!("/datasets/{}/bom", segment(name))),
    }
}

fn phi(phi: Phi) -> &'static str {
    match phi {
        Phi::NoneFound => "none-found",
        Phi::Edited => "edited",
        Phi::Raw => "raw",
    }
}

fn edge(edge: &lazaret_ledger::Edge) -> EdgeLine {
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

/// Three columns; a crossing and its source stand in one row where they can.
fn draw(found: &Ancestry) -> Picture {
    let nodes: Vec<&Node> = found.nodes.iter().chain([&found.of]).collect();
    let of_column = |wanted: u32| nodes.iter().filter(|node| column(node) == wanted).count();
    let tallest = (0..3).map(of_column).max().unwrap_or(0);
    let mut taken = [0_u32; 3];
    let mut boxes = Vec::new();
    let mut places = BTreeMap::new();
    // A source stands where its first crossing does, so that lines cross little.
    let mut ordered: Vec<&Node> = nodes.iter().copied().filter(|node| column(node) == 1).collect();
    let sources: Vec<&Node> = ordered
        .iter()
        .flat_map(|crossing| found.edges.iter().filter(move |edge| edge.to == **crossing))
        .map(|edge| &edge.from)
        .collect();
    ordered.extend(sources);
    ordered.extend(nodes.iter().copied());
    for node in ordered {
        if places.contains_key(node) {
            continue;
        }
        let at = column(node);
        let Some(row) = taken.get_mut(at as usize) else { continue };
        let all = u32::try_from(of_column(at)).unwrap_or(u32::MAX);
        // A short column stands in the middle of the tallest, but never below what is seen first.
        let shift = u32::try_from(tallest).unwrap_or(u32::MAX).saturating_sub(all).min(MOST_SHIFT) * ROW / 2;
        let (x, y) = (at * COLUMN + 4, TOP + *row * ROW + shift);
        *row += 1;
        places.insert(node, (x, y));
        boxes.push(Drawn { kind: kind(node), label: fitting(&label(node)), link: link(node), x, y });
    }
    let lines = found.edges.iter().filter_map(|edge| {
        let (from, to) = (places.get(&edge.from)?, places.get(&edge.to)?);
        Some(Line {
            tone: if column(&edge.to) == 2 { phi(edge.phi) } else { "in" },
            x1: from.0 + BOX.0,
            y1: from.1 + BOX.1 / 2,
            x2: to.0,
            y2: to.1 + BOX.1 / 2,
        })
    });
    Picture {
        width: 2 * COLUMN + BOX.0 + 8,
        height: TOP + u32::try_from(tallest).unwrap_or(u32::MAX).saturating_mul(ROW),
        sources: of_column(0),
        crossings: of_column(1),
        lines: lines.collect(),
        boxes,
    }
}

/// A label that fits into a box; the table has all of it.
fn fitting(label: &str) -> String {
    let all = label.chars().count();
    if all <= FITS {
        return label.to_owned();
    }
    label.chars().take(FITS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_is_cut_between_characters() {
        assert_eq!(fitting("lake/Patient"), "lake/Patient");
        let cut = fitting(&"é".repeat(300));
        assert_eq!(cut.chars().count(), FITS);
        assert!(cut.ends_with('…'));
    }
}
