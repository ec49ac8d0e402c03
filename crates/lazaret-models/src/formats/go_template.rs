//! Templates of Go (`text/template`), in which Ollama writes prompts. A program of Go gives them the few functions that they
//! may call, so none of them runs code; one that is a template of Jinja too is judged as that, since others may take it so.

use lazaret_core::{FormatId, Likeness};

use super::{template, text};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// The format.
pub(crate) struct GoTemplate;

impl ModelFormat for GoTemplate {
    fn id(&self) -> FormatId {
        FormatId("go-template")
    }

    fn about(&self) -> &'static str {
        "template of Go, as Ollama's prompts are"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["gotmpl"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension);
        if named && text::is_text(head.bytes) { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        text::check(part)?;
        let bytes = part.whole(looking.limits.get(template::MAX_SIZE))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Unread::malformed(error.utf8_error().valid_up_to() as u64, "it is no UTF-8 text")
        })?;
        template::judge_under(false, &text, || part.place(), looking);
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use crate::Inspected;
    use crate::formats::json::tests::look_at;

    #[test]
    fn a_template_of_go_is_text_unless_jinja_would_run_it() {
        let of_ollama = "{{- if .System }}<|system|>{{ .System }}{{ end }}{{ range $i, $_ := .Messages }}{{ .Content }}{{ end }}";
        let looked = look_at(of_ollama.as_bytes(), "template.gotmpl");
        assert_eq!((looked.format.0, looked.inspected), ("go-template", Inspected::Whole));
        assert!(looked.findings.is_empty(), "{:?}", looked.findings);
        let both = "{{ cycler.__init__.__globals__.os.popen('true') }}";
        let found = look_at(both.as_bytes(), "template.gotmpl").findings;
        assert_eq!(found[0].id, "template.sandbox-escape");
    }
}
