//! A picture of what comes from what, made here: boxes in columns, lines from left to right.

/// A column's width, a row's height, and a box's size, in the picture's own units.
const COLUMN: u32 = 300;
const ROW: u32 = 40;
const BOX: (u32, u32) = (230, 30);
/// Twice the rows by which a short column is moved down at most.
const MOST_SHIFT: u32 = 8;
/// Room for the heads of the columns.
const TOP: u32 = 34;
/// Characters that fit into a box.
const FITS: usize = 26;

/// What is drawn; a template of its own draws it (`picture_svg.html`).
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) heads: Vec<(u32, &'static str)>,
    pub(super) boxes: Vec<Drawn>,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Drawn {
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) link: Option<String>,
    pub(super) x: u32,
    pub(super) y: u32,
}

pub(super) struct Line {
    pub(super) tone: &'static str,
    pub(super) x1: u32,
    pub(super) y1: u32,
    pub(super) x2: u32,
    pub(super) y2: u32,
}

/// A box before it has its place.
pub(super) struct Cell {
    /// Its class.
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) link: Option<String>,
}

/// A column with its head.
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A cell by its column and its row.
pub(super) type Spot = (usize, usize);

/// Draws columns, and lines between their cells with their tones.
pub(super) fn draw(
    title: String,
    about: String,
    columns: Vec<Column>,
    lines: impl IntoIterator<Item = (Spot, Spot, &'static str)>,
) -> Picture {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let heights: Vec<u32> = columns.iter().map(|column| number(column.cells.len())).collect();
    let tallest = heights.iter().copied().max().unwrap_or(0);
    let place = |(column, row): Spot| {
        let own = heights.get(column).copied().unwrap_or(0);
        // A short column stands in the middle of the tallest, but never below what is seen first.
        let shift = tallest.saturating_sub(own).min(MOST_SHIFT) * ROW / 2;
        let y = number(row).saturating_mul(ROW).saturating_add(TOP).saturating_add(shift);
        (number(column).saturating_mul(COLUMN).saturating_add(4), y)
    };
    let lines = lines.into_iter().map(|(from, to, tone)| {
        let (from, to) = (place(from), place(to));
        Line { tone, x1: from.0 + BOX.0, y1: from.1 + BOX.1 / 2, x2: to.0, y2: to.1 + BOX.1 / 2 }
    });
    Picture {
        title,
        about,
        width: number(columns.len().saturating_sub(1)) * COLUMN + BOX.0 + 8,
        height: tallest.saturating_mul(ROW).saturating_add(TOP),
        lines: lines.collect(),
        heads: columns.iter().enumerate().map(|(at, column)| (place((at, 0)).0 + 4, column.head)).collect(),
        boxes: columns
            .into_iter()
            .enumerate()
            .flat_map(|(at, column)| {
                column.cells.into_iter().enumerate().map(move |(row, cell)| (at, row, cell))
            })
            .map(|(at, row, Cell { kind, label, link })| {
                let (x, y) = place((at, row));
                Drawn { kind, label: fitting(&label), link, x, y }
            })
            .collect(),
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

    #[test]
    fn lines_lead_from_the_right_edge_of_a_box_to_the_left_edge_of_the_next() {
        let cell = |label: &str| Cell { kind: "dataset", label: label.to_owned(), link: None };
        let columns = vec![
            Column { head: "Datasets", cells: vec![cell("a"), cell("b")] },
            Column { head: "Model", cells: vec![cell("m")] },
        ];
        let drawn = draw(String::new(), String::new(), columns, [((0, 1), (1, 0), "in")]);
        let (box_b, box_m, line) = (&drawn.boxes[1], &drawn.boxes[2], &drawn.lines[0]);
        assert_eq!((line.x1, line.y1), (box_b.x + BOX.0, box_b.y + BOX.1 / 2));
        assert_eq!((line.x2, line.y2), (box_m.x, box_m.y + BOX.1 / 2));
        assert_eq!(drawn.heads, [(8, "Datasets"), (308, "Model")]);
        assert!(drawn.height >= box_b.y + BOX.1 && drawn.width >= box_m.x + BOX.0);
    }
}
