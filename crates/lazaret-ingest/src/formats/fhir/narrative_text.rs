//! The text of a narrative as its reader sees it, and edits of that text put back into the XHTML.
//!
//! Only narratives without a fault are taken apart; any other goes as a whole. Tags stay where they are, so what was
//! well-formed stays so. What no reader sees (attributes, comments) cannot be looked at as text: it is told apart,
//! and where it may say something it goes.

use std::ops::Range;

use super::narrative;

/// A narrative taken apart.
#[derive(Debug)]
pub(crate) struct NarrativeText {
    /// What a reader sees; a line for each block.
    pub(crate) text: String,
    /// Pieces of the text, in order, and the XHTML each stands for.
    runs: Vec<Run>,
    /// Attributes and comments that may say something.
    unseen: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Run {
    text: Range<usize>,
    source: Range<usize>,
}

/// Inline elements do not part words; these two part cells; any other begins a line.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "img", "kbd", "q",
    "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
];

impl NarrativeText {
    /// None for a narrative with a fault, or with CDATA.
    pub(crate) fn of(div: &str) -> Option<Self> {
        if !narrative::faults(div, narrative::MAX_NARRATIVE_DEPTH).is_empty() {
            return None;
        }
        let mut parts = Self { text: String::with_capacity(div.len()), runs: Vec::new(), unseen: Vec::new() };
        let mut at = 0;
        while let Some(rest) = div.get(at..).filter(|rest| !rest.is_empty()) {
            let to = |length: usize| at..at.saturating_add(length);
            let length = if rest.starts_with("<!--") {
                let length = rest.find("-->")?.checked_add(3)?;
                parts.unseen.push(to(length));
                length
            } else if rest.starts_with("<!") || rest.starts_with("<?") {
                return None;
            } else if rest.starts_with('<') {
                parts.tag(rest, at)?
            } else if rest.starts_with('&') {
                let length = rest.find(';')?.checked_add(1)?;
                let c = narrative::reference(rest.get(1..length.checked_sub(1)?)?)?;
                parts.seen(c.encode_utf8(&mut [0; 4]), to(length));
                length
            } else {
                let length = rest.find(['<', '&']).unwrap_or(rest.len());
                parts.seen(rest.get(..length)?, to(length));
                length
            };
            at = at.saturating_add(length);
        }
        Some(parts)
    }

    fn seen(&mut self, text: &str, source: Range<usize>) {
        let start = self.text.len();
        self.text.push_str(text);
        self.runs.push(Run { text: start..self.text.len(), source });
    }

    /// One tag; gives its length.
    fn tag(&mut self, rest: &str, at: usize) -> Option<usize> {
        let inside = rest.get(1..)?;
        let name = inside.strip_prefix('/').unwrap_or(inside);
        let name = name.get(..name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?)?;
        match name {
            "td" | "th" if self.text.ends_with(char::is_whitespace) => {}
            "td" | "th" => self.text.push(' '),
            inline if INLINE.binary_search(&inline).is_ok() => {}
            _ if self.text.ends_with('\n') => {}
            _ => self.text.push('\n'),
        }
        // A `>` within quotes ends no tag.
        let mut place = 1;
        loop {
            let left = rest.get(place..)?;
            let next = left.find(['>', '"', '\''])?;
            if left.get(next..)?.starts_with('>') {
                return place.checked_add(next)?.checked_add(1);
            }
            let quote = left.get(next..)?.chars().next()?;
            let value_start = place.checked_add(next)?.checked_add(1)?;
            let value_length = rest.get(value_start..)?.find(quote)?;
            let before = left.get(..next)?.trim_end().strip_suffix('=')?.trim_end();
            let key_start = before.rfind(char::is_whitespace)?.checked_add(1)?;
            let key = before.get(key_start..)?;
            let value_end = value_start.checked_add(value_length)?;
            let value = rest.get(value_start..value_end)?;
            let end = value_end.checked_add(1)?;
            if !says_nothing(key, value) {
                // With the space before it; the space after it stays for the next.
                let gap = before.get(..key_start)?.trim_end().len();
                let start = at.checked_add(place)?.checked_add(gap)?;
                self.unseen.push(start..at.checked_add(end)?);
            }
            place = end;
        }
    }

    /// What stands where no reader sees it and may say something, a line each. Empty for nothing.
    pub(crate) fn unseen(&self, div: &str) -> String {
        let parts = self.unseen.iter().filter_map(|range| div.get(range.clone()));
        parts.map(str::trim).collect::<Vec<_>>().join("\n")
    }

    /// The narrative with pieces of its text replaced, in order and without overlap, and if wanted without what is
    /// unseen. None if a piece is of no text.
    pub(crate) fn edited(
        &self,
        div: &str,
        edits: &[(Range<usize>, String)],
        without_unseen: bool,
    ) -> Option<String> {
        let mut patches: Vec<(Range<usize>, String)> = Vec::new();
        for (span, with) in edits {
            let mut with = Some(escaped(with));
            let first = self.runs.partition_point(|run| run.text.end <= span.start);
            for run in self.runs.iter().skip(first).take_while(|run| run.text.start < span.end) {
                let is_as_it_stands = run.text.len() == run.source.len();
                let goes = if is_as_it_stands {
                    let from = span.start.saturating_sub(run.text.start);
                    let to = span.end.min(run.text.end).checked_sub(run.text.start)?;
                    run.source.start.checked_add(from)?..run.source.start.checked_add(to)?
                } else {
                    run.source.clone()
                };
                patches.push((goes, with.take().unwrap_or_default()));
            }
            if with.is_some() {
                return None;
            }
        }
        if without_unseen {
            patches.extend(self.unseen.iter().map(|range| (range.clone(), String::new())));
        }
        patches.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(div.len());
        let mut at = 0;
        for (range, with) in patches {
            out.push_str(div.get(at..range.start)?);
            out.push_str(&with);
            at = range.end;
        }
        out.push_str(div.get(at..)?);
        Some(out)
    }
}

/// Whether an attribute cannot say anything of a person: a number or a word of HTML.
fn says_nothing(key: &str, value: &str) -> bool {
    match key {
        "xmlns" => true, // its value was checked
        "colspan" | "rowspan" | "span" | "border" | "cellpadding" | "cellspacing" | "width" | "height" => {
            value.len() <= 4 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'%')
        }
        "align" | "valign" => {
            matches!(
                value,
                "left" | "right" | "center" | "justify" | "top" | "middle" | "bottom" | "baseline"
            )
        }
        "dir" => matches!(value, "ltr" | "rtl"),
        _ => false,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";

    fn div(inside: &str) -> String {
        format!("{HEAD}{inside}</div>")
    }

    fn without(inside: &str, what: &str) -> String {
        let div = div(inside);
        let parts = NarrativeText::of(&div).unwrap();
        let at = parts.text.find(what).unwrap();
        let edited = parts.edited(&div, &[(at..at + what.len(), "[NAME]".to_owned())], true).unwrap();
        assert!(narrative::faults(&edited, narrative::MAX_NARRATIVE_DEPTH).is_empty(), "{edited}");
        edited.strip_prefix(HEAD).unwrap().strip_suffix("</div>").unwrap().to_owned()
    }

    #[test]
    fn inline_elements_are_sorted() {
        assert!(INLINE.is_sorted());
    }

    #[test]
    fn a_name_goes_whatever_tags_and_references_are_in_it() {
        assert_eq!(without("<p>Ilse Moor came.</p>", "Ilse Moor"), "<p>[NAME] came.</p>");
        assert_eq!(without("<p>I<b>lse</b> Moor came.</p>", "Ilse Moor"), "<p>[NAME]<b></b> came.</p>");
        assert_eq!(without("<p>Zo&#235; &amp; &#x4D;oor</p>", "Zoë & Moor"), "<p>[NAME]</p>");
        assert_eq!(without("a&lt;b Moor &gt; c", "Moor"), "a&lt;b [NAME] &gt; c");
        assert_eq!(without("<table><tr><td>Ilse</td><td>Moor</td></tr></table>", "Ilse Moor"), {
            "<table><tr><td>[NAME]</td><td></td></tr></table>"
        });
    }

    #[test]
    fn what_no_reader_sees_goes_where_it_may_say_something() {
        let inside = "<p title='Ilse > Moor' align=\"left\"  class=\"p-4711\">x<!-- Moor --><a href=\"Patient/7\">y</a></p>";
        assert_eq!(without(inside, "x"), "<p align=\"left\">[NAME]<a>y</a></p>");
        let whole = div(inside);
        let parts = NarrativeText::of(&whole).unwrap();
        assert_eq!(parts.text, "\nxy\n");
        let unseen = parts.unseen(&whole);
        assert!(
            ["Ilse > Moor", "4711", "<!-- Moor -->", "Patient/7"].iter().all(|what| unseen.contains(what))
        );
        assert_eq!(parts.edited(&whole, &[], false).unwrap(), whole);
        assert!(NarrativeText::of(&div("plain")).unwrap().unseen.is_empty());
    }

    #[test]
    fn a_narrative_with_a_fault_is_not_taken_apart() {
        for inside in
            ["<script>x</script>", "<p>x", "x &nbsp; y", "<![CDATA[x]]>", "<p onclick='x'>x</p>", ""]
        {
            assert!(NarrativeText::of(&div(inside)).is_none(), "{inside}");
        }
    }

    proptest! {
        #[test]
        fn any_edit_leaves_a_narrative_valid_and_takes_its_text_out(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<p>", "</p>", "<b class='x'>", "</b>", "<br/>", "&amp;", "&#233;", "Moor", " é ", "<td>", "</td>", "<!-- c -->", "\"",
            ]), 0..24),
            from in any::<prop::sample::Index>(),
            length in 1..30_usize,
        ) {
            let whole = div(&format!("x{}", parts.concat()));
            if let Some(parts) = NarrativeText::of(&whole) {
                let floor = |at: usize| (0..=at.min(parts.text.len())).rev().find(|at| parts.text.is_char_boundary(*at)).unwrap_or(0);
                let start = floor(from.index(parts.text.len()));
                let end = floor(start + length);
                prop_assert_eq!(parts.edited(&whole, &[], false).unwrap(), whole.clone());
                if let Some(edited) = parts.edited(&whole, &[(start..end, "<&>".to_owned())], true) {
                    prop_assert!(narrative::faults(&edited, narrative::MAX_NARRATIVE_DEPTH).is_empty(), "{}", edited);
                    let again = NarrativeText::of(&edited).unwrap();
                    let seen = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                    let wanted = [parts.text.get(..start).unwrap(), "<&>", parts.text.get(end..).unwrap()].concat();
                    prop_assert_eq!(seen(&again.text), seen(&wanted));
                    prop_assert!(again.unseen.is_empty());
                }
            }
        }
    }
}
