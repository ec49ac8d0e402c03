//! What a reader sees of a text attachment, for detectors, and the way back from it to the source.
//!
//! Identifiers hide in markup: `J&uuml;rgen`, `Qui<b>llan</b>`, `\u0051uillan`. A view is the text with these
//! decoded, made in layers, because JSON may hold HTML and HTML escaped HTML. Everything of the source is in
//! it: attributes, comments and scripts stand at its end. An edit of the view goes back through the layers to
//! the characters it came from; tags between them stay.
//!
//! | file | what is in it |
//! |---|---|
//! | `json` | JSON: escapes of strings |
//! | `markup` | HTML, XML, and what looks like it in a plain text |
//! | `references` | character references |

mod json;
mod markup;
mod references;

use std::ops::Range;

use lazaret_core::Edit;

pub(crate) use markup::Language;

/// How many layers of markup within markup are looked through.
const MAX_LAYERS: usize = 5;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Json,
    Markup(Language),
}

/// A text as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    source: String,
    layers: Vec<Layer>,
}

impl View {
    /// None where it cannot be looked through: a declaration of entities, an unknown reference, a tag or string
    /// without an end, layers without end.
    pub(crate) fn of(source: String, kind: Kind) -> Option<Self> {
        let first = match kind {
            Kind::Plain => None,
            Kind::Json => Some(json::layer(&source)?),
            Kind::Markup(language) => Some(markup::layer(&source, language)?),
        };
        let mut view = Self { source, layers: Vec::new() };
        view.layers.extend(first);
        // What is left may be markup again.
        while let Some(next) = markup::loose(view.text()).ok()? {
            if view.layers.len() == MAX_LAYERS {
                return None;
            }
            view.layers.push(next);
        }
        Some(view)
    }

    /// What detectors look at.
    pub(crate) fn text(&self) -> &str {
        self.layers.last().map_or(&self.source, |layer| &layer.text)
    }

    /// The source with edits of the view made. None if they cannot be brought back to it.
    pub(crate) fn edited(&self, edits: &[Edit]) -> Option<String> {
        let mut patches = Vec::with_capacity(edits.len());
        for edit in edits {
            self.text().get(edit.span.start..edit.span.end)?;
            patches.push((edit.span.start..edit.span.end, edit.with.expose().clone()));
        }
        for layer in self.layers.iter().rev() {
            patches = layer.back(patches)?;
        }
        let mut out = String::with_capacity(self.source.len());
        let mut at = 0;
        for (range, with) in patches {
            out.push_str(self.source.get(at..range.start)?);
            out.push_str(&with);
            at = range.end;
        }
        out.push_str(self.source.get(at..)?);
        Some(out)
    }
}

/// A range of a text, and what stands there instead.
type Patch = (Range<usize>, String);

/// One decoding: the text it gives, and where each piece came from. What is in no piece (line breaks put in for
/// tags, brackets of JSON) cannot be edited and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Layer {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Where it is in the decoded text.
    at: Range<usize>,
    source: Range<usize>,
    /// It stands there as in the source, so that parts of it can be edited.
    is_literal: bool,
    context: Context,
}

/// What surrounds a piece in its source: how a replacement is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// A plain text.
    Text,
    /// Text or an attribute of markup.
    Markup,
    /// A JSON string.
    String,
    /// A number or word of JSON outside strings.
    Bare,
    /// A comment or a program: only what can end neither is written.
    Raw,
}

impl Context {
    fn write(self, with: &str) -> Option<String> {
        match self {
            Self::Text => Some(with.to_owned()),
            Self::Markup => {
                let escaped = with.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                Some(escaped.replace('"', "&quot;").replace('\'', "&#39;"))
            }
            Self::String => {
                let quoted = super::write::json_string(with);
                quoted.get(1..quoted.len().saturating_sub(1)).map(str::to_owned)
            }
            Self::Bare if with.is_empty() => Some("null".to_owned()),
            Self::Bare => Some(super::write::json_string(with)),
            Self::Raw => (!with.contains(['<', '>', '&', '"', '\'', '\\', '\n', '\r'])
                && !with.contains("--"))
            .then(|| with.to_owned()),
        }
    }
}

impl Layer {
    /// Brings patches of the decoded text back to its source.
    fn back(&self, patches: Vec<Patch>) -> Option<Vec<Patch>> {
        let mut out: Vec<Patch> = Vec::with_capacity(patches.len());
        for (range, with) in patches {
            let mut with = Some(with);
            let first = self.pieces.partition_point(|piece| piece.at.end <= range.start);
            for piece in self.pieces.get(first..)?.iter().take_while(|piece| piece.at.start < range.end) {
                let source = if piece.is_literal && piece.context != Context::Bare {
                    let from = range.start.saturating_sub(piece.at.start);
                    let to = range.end.min(piece.at.end).saturating_sub(piece.at.start);
                    piece.source.start.saturating_add(from)..piece.source.start.saturating_add(to)
                } else {
                    piece.source.clone()
                };
                out.push((source, piece.context.write(&with.take().unwrap_or_default())?));
            }
            if with.is_some_and(|with| !with.is_empty()) {
                return None; // there is no place for it
            }
        }
        out.sort_by_key(|(range, _)| (range.start, range.end));
        // One character that stands for several, edited twice.
        out.dedup_by(|second, first| {
            let is_same = first.0 == second.0;
            if is_same {
                first.1.push_str(&second.1);
            }
            is_same
        });
        out.windows(2).all(|pair| matches!(pair, [a, b] if a.0.end <= b.0.start)).then_some(out)
    }

    /// What stands in the source as it is.
    fn literal(&mut self, source: &str, range: Range<usize>, context: Context) {
        let start = self.text.len();
        self.text.push_str(source.get(range.clone()).unwrap_or(""));
        let end = self.text.len();
        if let Some(last) = self.pieces.last_mut()
            && last.is_literal
            && last.context == context
            && context != Context::Bare
            && last.at.end == start
            && last.source.end == range.start
        {
            last.at.end = end;
            last.source.end = range.end;
        } else if start < end {
            self.pieces.push(Piece { at: start..end, source: range, is_literal: true, context });
        }
    }

    /// What stands for something else: it is edited whole or not at all.
    fn decoded(&mut self, range: Range<usize>, text: &str, context: Context) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece { at: start..self.text.len(), source: range, is_literal: false, context });
    }

    /// One decoded character: spaces of all widths are a space, what shows nothing is nothing.
    fn character(&mut self, range: Range<usize>, c: char, context: Context) {
        if super::narrative::is_invisible(c) {
            self.decoded(range, "", context);
        } else if c.is_whitespace() && c != '\n' {
            self.decoded(range, " ", context);
        } else {
            self.decoded(range, c.encode_utf8(&mut [0; 4]), context);
        }
    }

    /// What stands for no character of the source.
    fn boundary(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Another text behind this one, with a line for itself.
    fn append(&mut self, other: Self) {
        if other.text.is_empty() {
            return;
        }
        self.boundary("\n");
        let shift = self.text.len();
        self.text.push_str(&other.text);
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece {
            at: piece.at.start.saturating_add(shift)..piece.at.end.saturating_add(shift),
            ..piece
        }));
    }
}

/// Four hexadecimal digits at a place.
fn four_hex(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at.checked_add(4)?)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The character of `\uXXXX` at a place, both halves of a pair together, and how long it is written.
fn unicode_escape(text: &str, at: usize) -> Option<(char, usize)> {
    let first = text.get(at..)?.strip_prefix("\\u").and_then(|_| four_hex(text, at.saturating_add(2)))?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    let second = at.saturating_add(6);
    text.get(second..)?.strip_prefix("\\u")?;
    let second = four_hex(text, second.saturating_add(2))?;
    char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?])
        .next()?
        .ok()
        .map(|c| (c, 12))
}

#[cfg(test)]
mod tests {
    use lazaret_core::Span;
    use proptest::prelude::*;

    use super::*;

    const HTML: Kind = Kind::Markup(Language::Html);
    const XML: Kind = Kind::Markup(Language::Xml);
    const KINDS: [Kind; 4] = [Kind::Plain, Kind::Json, HTML, XML];

    fn seen(kind: Kind, source: &str) -> String {
        View::of(source.to_owned(), kind).map_or_else(|| "-".to_owned(), |view| view.text().to_owned())
    }

    /// The source with all that reads so replaced.
    fn redacted(kind: Kind, source: &str, what: &str) -> Option<String> {
        let view = View::of(source.to_owned(), kind)?;
        let edits: Vec<Edit> = view
            .text()
            .match_indices(what)
            .map(|(at, _)| Edit {
                span: Span::new(at, at + what.len()),
                with: "[X]".to_owned().into(),
                whole: false,
            })
            .collect();
        assert!(!edits.is_empty(), "`{what}` in {:?}", view.text());
        view.edited(&edits)
    }

    #[test]
    fn what_hides_an_identifier_is_decoded_and_what_is_outside_stays() {
        for (kind, source, what, expected) in [
            (HTML, "<p>Fr. J&uuml;rgen B&amp;B</p>", "Jürgen", "<p>Fr. [X] B&amp;B</p>"),
            (HTML, "MRN&nbsp;88213377.", "MRN 88213377", "[X]."),
            (HTML, "SSN 123&#45;45&#x2d;6789", "123-45-6789", "SSN [X]"),
            (HTML, "Ms &#81;uillan &amp; &lt;3", "Quillan", "Ms [X] &amp; &lt;3"),
            (XML, "<d>03&#47;14&#47;1958</d>", "03/14/1958", "<d>[X]</d>"),
            (HTML, "a <b>Qui</b><!-- x -->l<wbr>lan</p>", "Quillan", "a <b>[X]</b><!-- x --><wbr></p>"),
            (HTML, "218<span class='k'>-</span>555-0143", "218-555-0143", "[X]<span class='k'></span>"),
            (HTML, "Qui&shy;l&#8203;lan", "Quillan", "[X]"),
            (HTML, "<td>MRN</td>\n <td>4471902</td>", "MRN 4471902", "<td>[X]</td>\n <td></td>"),
            (HTML, "<x-y>Qui</x-y>llan", "Quillan", "<x-y>[X]</x-y>"),
            (HTML, "M&uumlller &amp;uuml;", "Müller", "[X] &amp;uuml;"),
            (HTML, "J&amp;uuml;rgen", "Jürgen", "[X]"),
            (XML, "<t>&lt;b&gt;Qui&lt;/b&gt;llan</t>", "Quillan", "<t>&lt;b&gt;[X]&lt;/b&gt;</t>"),
            (XML, "<t><![CDATA[Qui<b>llan</b>]]></t>", "Quillan", "<t><![CDATA[[X]<b></b>]]></t>"),
            (
                XML,
                "<a><given>Jane</given><family>Quillan</family></a>",
                "Jane Quillan",
                "<a><given>[X]</given><family></family></a>",
            ),
            (HTML, "Qui<img src=x><script></script>llan", "Quillan", "[X]<img src=x><script></script>"),
            (XML, "<a><x>218</x><x>-</x><x>555</x></a>", "218 - 555", "<a><x>[X]</x><x></x><x></x></a>"),
            (XML, "<t>Qui<z>llan</z></t>", "Quillan", "<t>[X]<z></z></t>"),
            (XML, "<n v=\"O&apos;Hara &quot;\"/>", "O'Hara", "<n v=\"[X] &quot;\"/>"),
            (XML, "<!-- J&#252;rgen --><a/>", "Jürgen", "<!-- [X] --><a/>"),
            (HTML, "<script>n = '\\u0051uil\\x6can'</script>", "Quillan", "<script>n = '[X]'</script>"),
            (
                HTML,
                "<style>p:after{content:'\\51 uillan'}</style>",
                "Quillan",
                "<style>p:after{content:'[X]'}</style>",
            ),
            (HTML, "<textarea>Qui\nllan</textarea>", "Qui\nllan", "<textarea>[X]</textarea>"),
            (HTML, "218-\r\n  555", "218- 555", "[X]"),
            (Kind::Json, r#"{"n":"\u0051uillan\t\"x\""}"#, "Quillan", r#"{"n":"[X]\t\"x\""}"#),
            (Kind::Json, r#"{"mrn":4471902,"x":[1]}"#, "4471902", r#"{"mrn":"[X]","x":[1]}"#),
            (Kind::Json, r#"["03\/14\/1958"]"#, "03/14/1958", r#"["[X]"]"#),
            (Kind::Json, r#"{"h":"Qui<b>l\u006ca&#110;</b>"}"#, "Quillan", r#"{"h":"[X]<b></b>"}"#),
            (Kind::Json, r#"["\\u0051uillan"]"#, "Quillan", r#"["[X]"]"#),
            (Kind::Plain, "J&uuml;rgen <b>Qui</b>llan", "Jürgen Quillan", "[X]<b></b>"),
            (Kind::Plain, "Jane Quillan", "Quillan", "Jane [X]"),
        ] {
            assert_eq!(redacted(kind, source, what).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_looked_through_is_told() {
        for (kind, source) in [
            (XML, "<!DOCTYPE a [<!ENTITY n \"Quillan\">]><a>&n;</a>"),
            (XML, "<!DOCTYPE a SYSTEM 'x'><a/>"),
            (HTML, "<!DOCTYPE html [<!ENTITY n 'Quillan'>]>&n;"),
            (HTML, "J&quilian;rgen"),
            (HTML, "<p title='J&quilian;rgen'>"),
            (HTML, "a<!-- Quillan"),
            (HTML, "a <b Quillan"),
            (HTML, "<script>Quillan"),
            (HTML, "&#0;"),
            (Kind::Plain, "x <!DOCTYPE a [<!ENTITY n 'Quillan'>]> &n;"),
            (Kind::Json, "[\"Quillan"),
            (Kind::Json, r#"["\q"]"#),
            (Kind::Json, r#"["\ud800"]"#),
            (HTML, &format!("&{}uuml;", "amp;".repeat(9))),
        ] {
            assert_eq!(seen(kind, source), "-", "{source}");
        }
    }

    #[test]
    fn lines_cells_and_programs_stay_apart() {
        assert_eq!(
            seen(HTML, "<!DOCTYPE html><p>One<p>two<br>three<td>4<td>5"),
            "One\ntwo\nthree 4 5\nDOCTYPE html\n"
        );
        assert_eq!(seen(HTML, "a < b &c d&e=1"), "a < b &c d&e=1");
        assert_eq!(
            seen(Kind::Plain, "BP <120 & <b and> R&D; <x> C:\\users"),
            "BP <120 & <b and> R&D; <x> C:\\users"
        );
        let data = "<r><code>4471902</code><time>1958</time></r>";
        assert_eq!(seen(XML, data), "code: 4471902 time: 1958");
        let row = "<p1><mrn>4471902</mrn>\n <given>Jane</given><family>Moor</family><t/>x</p1>";
        assert_eq!(seen(XML, row), "mrn: 4471902 Jane Moor x");
        assert_eq!(seen(XML, "<a xmlns=\"http://www.w3.org/1999/xhtml\" b='c'/>"), "\na  b='c'/\n");
    }

    #[test]
    fn hostile_texts_are_read_once() {
        for piece in [
            "<!--",
            "<a",
            "<a b='",
            "<a b=>",
            "&",
            "<![CDATA[",
            "<?x",
            "&amp;",
            "\\u",
            "<script",
            "</",
            "{\"",
            "<b>x",
        ] {
            let source = piece.repeat(50_000 / piece.len());
            let start = std::time::Instant::now();
            for kind in KINDS {
                let _ = View::of(source.clone(), kind);
            }
            assert!(start.elapsed().as_secs() < 10, "{piece}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through_or_told_and_comes_back(
            source in "([<>&;/!'\"=#\\\\ \n-]|<b>|</b>|<td>|<!--|-->|&amp;|&#81;|&uuml;|\\\\u0051|<script>|</script>|[a-cß1-3]){0,40}",
            kind in prop::sample::select(KINDS.to_vec()),
            cuts in prop::collection::vec(0_usize..80, 0..6),
        ) {
            if let Some(view) = View::of(source.clone(), kind) {
                prop_assert_eq!(view.edited(&[]), Some(source));
                let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| view.text().is_char_boundary(*cut)).collect();
                cuts.sort_unstable();
                let edits: Vec<Edit> = cuts
                    .chunks_exact(2)
                    .map(|pair| Edit { span: Span::new(pair[0], pair[1]), with: "x".to_owned().into(), whole: false })
                    .collect();
                let _ = view.edited(&edits);
            }
        }

        #[test]
        fn what_is_edited_away_is_gone(
            before in "[a-z <>&]{0,8}", tags in "(<b>|</i>|<!-- z -->|<span>|&shy;){0,3}", after in "[a-z ]{0,8}",
        ) {
            let source = format!("{before} Qu{tags}illan {after}");
            if let Some(out) = View::of(source.clone(), HTML).filter(|view| view.text().contains("Quillan")).and_then(|_| redacted(HTML, &source, "Quillan")) {
                prop_assert!(!out.contains("illan") && !out.contains("Qu"), "{}", out);
                let (from, to) = (format!("{before} "), format!(" {after}"));
                prop_assert!(out.starts_with(&from) && out.ends_with(&to), "{}", out);
            }
        }
    }
}
