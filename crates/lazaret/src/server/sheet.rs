//! A text drawn with what is marked in it, for the pages on which people correct notes and review findings. Each part says
//! where it stands in the text: the one script of these pages (`console/select.js`) writes the offsets of what is selected
//! into the form below it.

use lazaret_core::{Kind, Label};
use lazaret_phi::corpus::Characters;

use crate::commands::phi::visible::{acts, escape};

/// A span as it is drawn.
pub(crate) struct Drawn {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What is said of it, behind it.
    pub(crate) label: String,
    /// Its class; empty: as every mark.
    pub(crate) tone: &'static str,
}

/// A piece of a text: a span, or what stands between two.
pub(crate) struct Piece {
    pub(crate) parts: Vec<Part>,
    /// None between spans.
    pub(crate) label: Option<String>,
    pub(crate) tone: &'static str,
}

/// A part of a text as it is drawn.
pub(crate) struct Part {
    pub(crate) text: String,
    /// The character of the text at which it begins.
    pub(crate) at: usize,
    /// How many characters of the text it stands for, where it is drawn as others than those; else 0.
    pub(crate) whole: usize,
    /// Whether it stands for a character that would act.
    pub(crate) is_escape: bool,
}

/// A text in pieces. The spans are in order; what overlaps the one before is drawn as far as it is free.
pub(crate) fn pieces(characters: &Characters<'_>, spans: impl IntoIterator<Item = Drawn>) -> Vec<Piece> {
    let text = |start: usize, end: usize| parts(characters.get(start, end).unwrap_or(""), start);
    let mut pieces = Vec::new();
    let mut at = 0;
    for Drawn { start, end, label, tone } in spans {
        let start = start.max(at);
        pieces.push(Piece { parts: text(at, start), label: None, tone: "" });
        if start < end {
            pieces.push(Piece { parts: text(start, end), label: Some(label), tone });
        }
        at = at.max(end);
    }
    pieces.push(Piece { parts: text(at, characters.count()), label: None, tone: "" });
    pieces
}

/// The parts of a text that begins at a character of the whole: what would act is an escape of its own, and so is a line end
/// of two characters.
fn parts(text: &str, start: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut characters = text.chars().zip(start..).peekable();
    while let Some((character, at)) = characters.next() {
        if character == '\r' && characters.next_if(|(next, _)| *next == '\n').is_some() {
            parts.push(Part { text: "\n".to_owned(), at, whole: 2, is_escape: false });
        } else if acts(character) && !matches!(character, '\n' | '\t') {
            parts.push(Part { text: escape(character), at, whole: 1, is_escape: true });
        } else if let Some(last) = parts.last_mut().filter(|last| last.whole == 0) {
            last.text.push(character);
        } else {
            parts.push(Part { text: character.to_string(), at, whole: 0, is_escape: false });
        }
    }
    parts
}

/// What a span may be marked as.
pub(crate) fn labels() -> Vec<String> {
    Kind::ALL.into_iter().map(Label::of).chain(Label::SUBS).map(|label| label.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_says_where_it_stands_in_the_text() {
        let text = "a\u{1f600}\r\nb\u{1b}\u{202e}c\nd\r";
        let drawn: Vec<(usize, usize, String)> =
            parts(text, 10).into_iter().map(|part| (part.at, part.whole, part.text)).collect();
        let part = |at, whole, text: &str| (at, whole, text.to_owned());
        let expected = [
            part(10, 0, "a\u{1f600}"),
            part(12, 2, "\n"),
            part(14, 0, "b"),
            part(15, 1, "\\u{1b}"),
            part(16, 1, "\\u{202e}"),
            part(17, 0, "c\nd"),
            part(20, 1, "\\u{d}"),
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn spans_that_overlap_are_drawn_as_far_as_they_are_free() {
        let span = |start, end| Drawn { start, end, label: format!("{start}"), tone: "" };
        let text = Characters::of("abcdefgh");
        let drawn: Vec<_> = pieces(&text, [span(1, 4), span(2, 3), span(3, 6)])
            .into_iter()
            .map(|piece| (piece.parts.into_iter().map(|part| part.text).collect::<String>(), piece.label))
            .filter(|(text, _)| !text.is_empty())
            .collect();
        let piece = |text: &str, label: Option<&str>| (text.to_owned(), label.map(str::to_owned));
        let expected = [piece("a", None), piece("bcd", Some("1")), piece("ef", Some("3")), piece("gh", None)];
        assert_eq!(drawn, expected);
    }
}
