//! A text with what was found in it marked: for eyes on a terminal, and as a page that needs nothing else.
//!
//! The text is of others: what would act on a terminal or a page is shown as an escape.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anstream::{AutoStream, ColorChoice as Found};
use askama::Template;
use clap::ColorChoice;
use lazaret_core::{Detection, Kind, Label};

use crate::commands::phi::text::name;
use crate::commands::phi::visible::{Part, shown, visible};
use crate::exit::CliError;

/// Whether a picture is drawn at all, and in colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) picture: bool,
    colours: bool,
}

impl Drawing {
    /// On a terminal a picture, in colours unless `NO_COLOR` or the flag says otherwise; in a pipe neither.
    pub(super) fn of(asked: ColorChoice) -> Self {
        use std::io::IsTerminal as _;
        let stdout = std::io::stdout();
        match asked {
            ColorChoice::Always => Self { picture: true, colours: true },
            ColorChoice::Never => Self { picture: stdout.is_terminal(), colours: false },
            ColorChoice::Auto => {
                let colours = AutoStream::choice(&stdout) != Found::Never;
                Self { picture: stdout.is_terminal(), colours: stdout.is_terminal() && colours }
            }
        }
    }
}

/// A piece of a text: found, or between what was found.
struct Piece<'t> {
    text: &'t str,
    found: Option<&'t Detection>,
}

/// The text in pieces. Detections are in order and disjoint.
fn pieces<'t>(text: &'t str, detections: &'t [Detection]) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut push = |start: usize, end: usize, found| {
        if let Some(text) = text.get(start..end).filter(|text| !text.is_empty()) {
            pieces.push(Piece { text, found });
        }
    };
    for detection in detections {
        push(at, detection.span.start, None);
        push(detection.span.start, detection.span.end, Some(detection));
        at = detection.span.end;
    }
    push(at, text.len(), None);
    pieces
}

/// What belongs together has one colour; the word says which kind it is.
fn group(kind: Kind) -> (&'static str, u8) {
    match kind {
        Kind::Name => ("name", 33),
        Kind::Location | Kind::Hospital => ("place", 32),
        Kind::Date | Kind::Age => ("time", 36),
        Kind::Phone | Kind::Fax | Kind::Email | Kind::Url | Kind::Ip => ("contact", 35),
        _ => ("number", 31),
    }
}

/// Draws a text on a terminal: `[Frayne NAME.patient]`.
pub(super) fn draw(
    path: &Path,
    text: &str,
    detections: &[Detection],
    drawing: Drawing,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let paint = |code: &str, text: &str| {
        if drawing.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    writeln!(out, "{}", paint("1", &visible(&name(path))))?;
    for Piece { text, found } in pieces(text, detections) {
        let Some(detection) = found else {
            write!(out, "{}", lines(text))?;
            continue;
        };
        let (_, colour) = group(detection.label.kind);
        // Each line is coloured for itself, so that no colour runs into what stands beside it.
        let lines: Vec<String> =
            lines(text).split('\n').map(|line| paint(&format!("1;4;{colour}"), line)).collect();
        let label = paint(&format!("7;{colour}"), &detection.label.to_string());
        write!(out, "[{} {label}]", lines.join("\n"))?;
    }
    let counts = counts(detections.iter().map(|detection| detection.label));
    let counts: Vec<String> = counts.iter().map(|(label, count)| format!("{label} {count}")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    writeln!(out, "{}found: {counts}", if text.ends_with('\n') { "" } else { "\n" })?;
    Ok(())
}

/// A text whose lines end as a terminal's do.
fn lines(text: &str) -> String {
    shown(text).into_iter().map(|part| part.text).collect()
}

fn counts(labels: impl Iterator<Item = Label>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    labels.for_each(|label| *counts.entry(label.to_string()).or_default() += 1);
    counts
}

/// A page of texts with what was found in them.
#[derive(Default, Template)]
#[template(path = "picture.html")]
pub(super) struct Page {
    texts: Vec<PageText>,
    legend: Vec<Row>,
}

struct PageText {
    name: String,
    pieces: Vec<PagePiece>,
}

struct PagePiece {
    parts: Vec<Part>,
    mark: Option<Mark>,
}

struct Mark {
    group: &'static str,
    label: String,
    letter: char,
    percent: String,
}

struct Row {
    group: &'static str,
    letter: char,
    label: String,
    about: &'static str,
    count: u64,
}

/// The letter of the identifier in 45 CFR 164.514(b)(2)(i), or a dash where it may stay.
fn letter(label: Label) -> char {
    label.safe_harbor().unwrap_or('\u{2013}')
}

impl Page {
    pub(super) fn add(&mut self, path: &Path, text: &str, detections: &[Detection]) {
        let mark = |detection: &Detection| Mark {
            group: group(detection.label.kind).0,
            label: detection.label.to_string(),
            letter: letter(detection.label),
            percent: format!("{:.0}", detection.confidence.value() * 100.0),
        };
        let pieces = pieces(text, detections)
            .into_iter()
            .map(|piece| PagePiece { parts: shown(piece.text), mark: piece.found.map(mark) })
            .collect();
        self.texts.push(PageText { name: visible(&name(path)).into_owned(), pieces });
        for Detection { label, .. } in detections {
            let name = label.to_string();
            match self.legend.iter_mut().find(|row| row.label == name) {
                Some(row) => row.count += 1,
                None => self.legend.push(Row {
                    group: group(label.kind).0,
                    letter: letter(*label),
                    label: name,
                    about: label.kind.about(),
                    count: 1,
                }),
            }
        }
        self.legend.sort_by(|a, b| a.label.cmp(&b.label));
    }

    pub(super) fn html(&self) -> Result<String, CliError> {
        self.render().map_err(|error| CliError::failed("the page could not be written", error))
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Confidence, Language, Span};

    use super::*;
    use crate::commands::phi::visible::acts;

    const HOSTILE: &str = "a\u{1b}[2Jb <script>alert(1)</script> \u{202e}Rook\r\nRowe\u{0} </style>\u{9b}m\n";

    fn found() -> Vec<Detection> {
        let start = HOSTILE.find("Rook").unwrap();
        let span = Span::new(start, start + "Rook\r\nRowe".len());
        vec![Detection {
            span,
            label: Label::PATIENT,
            confidence: Confidence::new(0.9),
            rule: "phi.name",
            language: Language::English,
        }]
    }

    #[test]
    fn nothing_of_the_text_acts_on_the_terminal() {
        for colours in [false, true] {
            let mut out = Vec::new();
            let drawing = Drawing { picture: true, colours };
            draw(Path::new("a\u{1b}.txt"), HOSTILE, &found(), drawing, &mut out).unwrap();
            let drawn = String::from_utf8(out).unwrap();
            let mut own = drawn.clone();
            for code in ["0", "1", "1;4;33", "7;33"] {
                own = own.replace(&format!("\u{1b}[{code}m"), "");
            }
            assert_eq!(
                own,
                "a\\u{1b}.txt\na\\u{1b}[2Jb <script>alert(1)</script> \\u{202e}[Rook\nRowe NAME.patient]\\u{0} </style>\\u{9b}m\nfound: NAME.patient 1\n"
            );
            assert_eq!(own != drawn, colours);
        }
    }

    #[test]
    fn nothing_of_the_text_acts_on_the_page() {
        let mut page = Page::default();
        page.add(Path::new("<b>.txt"), HOSTILE, &found());
        let html = page.html().unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>.txt"), "{html}");
        assert_eq!(html.matches("</style>").count(), 1);
        assert!(!html.chars().any(|c| acts(c) && c != '\n'), "{html:?}");
        assert!(html.contains("Rook\nRowe") && html.contains("NAME.patient") && html.contains("\\u{202e}"));
        assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("src="));
    }
}
