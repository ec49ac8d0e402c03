//! TOML (`pyproject.toml`, lock files): read whole, and told by its keys as JSON is.

use lazaret_core::{FormatId, Likeness, Limit};
use lazaret_input::json;

use super::json::{limits, tell_document};
use super::text::{is_text, whole};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// Most bytes of a TOML document.
pub(crate) const MAX_LEN: Limit = Limit::new("toml.max_len", 8 << 20);

/// Most signs that begin a key, a table or a value (`.`, `=`, `[`, `{`, `,`): each may take a kilobyte of memory.
pub(crate) const MAX_SIGNS: Limit = Limit::new("toml.max_signs", 200_000);

/// Files of other endings that are TOML.
const BY_NAME: &[&str] = &["pipfile", "poetry.lock", "uv.lock", "pdm.lock"];

/// Whether a file's name says that it is TOML.
pub(super) fn is_named(head: &Head<'_>) -> bool {
    head.extension == "toml" || BY_NAME.contains(&head.file_name)
}

/// The format.
pub(crate) struct Toml;

impl ModelFormat for Toml {
    fn id(&self) -> FormatId {
        FormatId("toml")
    }

    fn about(&self) -> &'static str {
        "TOML document"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["toml"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if is_named(head) && is_text(head.bytes) { Likeness::ByName } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let text = whole(part, looking.limits.get(MAX_LEN))?;
        let signs = text.bytes().filter(|byte| matches!(byte, b'.' | b'=' | b'[' | b'{' | b',')).count();
        looking.limits.get(MAX_SIGNS).check(signs as u64)?;
        // The judges read JSON; of numbers that JSON does not have they ask nothing.
        let value: serde_json::Value = ::toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start as u64);
            Unread::malformed(at, "it is not TOML from here on")
        })?;
        let written = value.to_string();
        let parsed = json::parse(written.as_bytes(), &limits(looking.limits));
        if parsed.faults.iter().any(|fault| fault.rule.id != lazaret_input::JSON_NUL.id) {
            looking.unread(part, &Unread::malformed(0, "its keys could not be read"));
        }
        let is = parsed.document.as_ref().and_then(|document| tell_document(document.root(), part, looking));
        Ok(is.unwrap_or(self.id()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::Inspected;

    #[test]
    fn a_document_is_read_whole_or_told() {
        let report = scan("a = 1\n[b]\nc = [1979-05-27, nan, \"\\u0000\"]\n", "conf.toml");
        assert_eq!(
            (report.format.0, report.inspected, told(&report)),
            ("toml", Inspected::Whole, Vec::new())
        );
        let pipfile =
            scan("[[source]]\nurl = \"https://pypi.org/simple\"\n[packages]\nnumpy = \"*\"\n", "Pipfile");
        assert_eq!((pipfile.format.0, told(&pipfile)), ("toml", Vec::new()));
        for (text, says) in [
            ("a = 1\nb = \n", "format.malformed conf.toml@10"),
            ("a = 1\na = 2\n", "format.malformed conf.toml@6"),
            ("[[a]]\nb = 1\n[[a]]\nb =\n", "format.malformed conf.toml@21"),
            ("[m]\n_target_ = \"os.system\"\n", "config.target conf.toml!m._target_"),
            ("[m]\npassword = \"Xk3-9fLq02vZ\"\n", "config.secret conf.toml!m.password"),
        ] {
            assert_eq!(told(&scan(text, "conf.toml")), [says], "{text}");
        }
        let tables = "a.b = 1\n".repeat(100_001);
        let report = scan(tables, "conf.toml");
        assert_ne!(report.inspected, Inspected::Whole);
        assert!(report.findings[0].message.contains("toml.max_signs"), "{:?}", report.findings);
    }

    proptest! {
        #[test]
        fn any_document_ends(text in "[-a.= \n\\[\\]{}\"'#,0-9]{0,200}") {
            scan(text, "pyproject.toml");
        }
    }
}
