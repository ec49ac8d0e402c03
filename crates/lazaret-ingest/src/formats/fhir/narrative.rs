//! Narratives: the XHTML of `text.div`, held to txt-1 and txt-2 of R4.
//!
//! The reader goes on after a fault, so that a harmless one first cannot hide a harmful one behind it. It
//! expands nothing and opens nothing. Names are printed only where HTML itself has them: any other could be
//! data.

mod names;
mod reader;
mod values;

use lazaret_core::{Limit, Rule};

use reader::Reader;
pub(crate) use values::reference;

/// How deep elements of a narrative may nest.
pub const MAX_NARRATIVE_DEPTH: Limit = Limit::new("fhir.max_narrative_depth", 256);

const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// One fault of a narrative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) rule: &'static Rule,
    pub(crate) message: String,
}

/// Every kind of fault in a narrative, each once.
pub(crate) fn faults(div: &str, max_depth: Limit) -> Vec<Fault> {
    let mut reader = Reader::new(div, max_depth);
    reader.read();
    reader.into_faults()
}

/// Characters that show nothing: they can hide a difference from a reader.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::names::{ATTRIBUTES, BAD_SCHEMES, ELEMENTS, FORBIDDEN_ATTRIBUTES, FORBIDDEN_ELEMENTS};
    use super::*;

    fn faults(div: &str) -> Vec<Fault> {
        super::faults(div, MAX_NARRATIVE_DEPTH)
    }

    fn ids(inside: &str) -> Vec<&'static str> {
        let mut ids: Vec<_> =
            faults(&format!("<div xmlns=\"{XHTML}\">{inside}</div>")).iter().map(|f| f.rule.id).collect();
        ids.dedup();
        ids
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in [ELEMENTS, ATTRIBUTES, FORBIDDEN_ELEMENTS, FORBIDDEN_ATTRIBUTES, BAD_SCHEMES] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
    }

    #[test]
    fn good_narratives_have_no_fault() {
        for inside in [
            "x",
            "<p>a &lt; b &#x41; &#65;</p>",
            "<a href=\"#bp\" name='n'>BP</a><img src=\"#fig1\" alt=\"t\"/>",
            "<table border=\"1\"><tr><td colspan=\"2\" style=\"color: red; width:10%\">x</td></tr></table>",
            "<!-- a comment --><br/>x",
            "<a href=\"https://example.org/a:b\">x</a>",
            "<![CDATA[ <b> ]]>",
            "<p\n>x</p\n>",
            "<a href=\"Patient/1\" title=\"javascript: is a word\">x</a>",
            "<img src=\"img/a.png\"/>",
        ] {
            assert_eq!(ids(inside), [] as [&str; 0], "{inside}");
        }
    }

    #[test]
    fn bad_narratives_have_each_their_fault() {
        for (inside, id) in [
            ("<script>x</script>", "fhir.narrative-element"),
            ("<SCRIPT>x</SCRIPT>", "fhir.narrative-element"),
            ("<x:script>x</x:script>", "fhir.narrative-element"),
            ("<quellmoor>x</quellmoor>", "fhir.narrative-element"),
            ("<p onerror=\"x\">x</p>", "fhir.narrative-attribute"),
            ("<p ONERROR=\"x\">x</p>", "fhir.narrative-attribute"),
            ("<p style=\"background:u\\72l(x)\">x</p>", "fhir.narrative-attribute"),
            ("<p style=\"background:u/**/rl(x)\">x</p>", "fhir.narrative-attribute"),
            ("<a href=\"jAva&#x09;script:x\">x</a>", "fhir.narrative-link-scheme"),
            ("<a href=\" &#106;avascript&#58;x\">x</a>", "fhir.narrative-link-scheme"),
            ("<a href=\"data:text/html,x\">x</a>", "fhir.narrative-link-scheme"),
            ("<img src=\"//beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<img src=\"\\\\beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<img src=\"ht&#x0a;tp://beacon.example/a\"/>", "fhir.narrative-remote-image"),
            ("<p>x", "fhir.narrative-malformed"),
            ("</p>x", "fhir.narrative-malformed"),
            ("<b><i>x</b></i>", "fhir.narrative-malformed"),
            ("a & b", "fhir.narrative-malformed"),
            ("a &nbsp; b", "fhir.narrative-malformed"),
            ("<p title=x>x</p>", "fhir.narrative-malformed"),
            ("<p title=\"a\" title=\"b\">x</p>", "fhir.narrative-malformed"),
            ("<?php x ?>x", "fhir.narrative-malformed"),
            ("<!ENTITY x \"y\">x", "xml.doctype"),
            (" ", "fhir.invariant"),
        ] {
            assert_eq!(ids(inside), [id], "{inside}");
        }
        for whole in ["", "ruber", "<p>x</p>", "<div>x</div>", "<div xmlns=\"x\">x</div>", "<div", "<div "] {
            assert_eq!(faults(whole).first().map(|f| f.rule.id), Some("fhir.narrative-malformed"), "{whole}");
        }
    }

    #[test]
    fn the_first_fault_does_not_hide_the_second_and_no_name_of_the_record_is_printed() {
        assert_eq!(
            ids("<p><!-- kept --->x<blink>x</blink></p>"),
            ["fhir.narrative-malformed", "fhir.narrative-element"]
        );
        assert_eq!(
            ids("<!-- open <script>x</script><p onclick=\"x\">x</p>"),
            ["fhir.narrative-malformed", "fhir.narrative-element", "fhir.narrative-attribute"]
        );
        for fault in faults("<div><Quellmoor ilse=\"Quellmoor\" onquellmoor=\"1\">x</Quellmoor></div>") {
            assert!(!fault.message.to_lowercase().contains("quellmoor"), "{}", fault.message);
        }
    }

    #[test]
    fn hostile_lengths_end_in_little_time() {
        let start = std::time::Instant::now();
        assert!(ids(&"<!--".repeat(200_000)).contains(&"fhir.narrative-malformed"));
        let mut attributes = String::new();
        (0..100_000).for_each(|n| attributes.extend([" a", &n.to_string(), "=\"\""]));
        assert!(ids(&format!("<p{attributes}>x</p>")).contains(&"fhir.narrative-malformed"));
        assert!(ids(&"&lt".repeat(200_000)).contains(&"fhir.narrative-malformed"));
        assert!(start.elapsed().as_secs() < 10, "even unoptimised: {:?}", start.elapsed());
    }

    #[test]
    fn depth_ends() {
        let deep = "<b>".repeat(100_000);
        assert!(ids(&deep).contains(&"fhir.narrative-malformed"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(<|>|/|!|-|\\[|\\]|&|#|;|\"|'|=|a|div|script| |é|\\?){0,60}") {
            let _ = faults(&text);
            let _ = ids(&text);
        }
    }
}
