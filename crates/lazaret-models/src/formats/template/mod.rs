//! Jinja templates: chat templates and prompts, in files of their own or as texts in other formats.
//!
//! A template is a program that runs at every prompt. It is judged by its syntax tree, with constant expressions
//! computed: how a name is put together does not matter, only what it is in the end.
//!
//! | file | what is in it |
//! |---|---|
//! | `lex`, `parse`, `syntax` | the language, as Jinja2 3.1 reads it |
//! | `value` | what an expression may be, as far as the template itself says so |
//! | `written` | values padded, escaped, encoded |
//! | `flow`, `reach` | the walk that follows names and judges: statements, expressions |
//! | `growth` | texts and lists that grow |
//! | `recursion` | macros, loops and blocks that call themselves |
//! | `names` | what a template has no business with |

mod flow;
mod growth;
mod lex;
mod names;
mod parse;
mod reach;
mod recursion;
mod syntax;
mod value;
mod written;

use lazaret_core::{Finding, FormatId, Likeness, Limit, Locator, Severity, UNINSPECTABLE};

use self::flow::Wrong;
use self::lex::Token;
use self::syntax::{Expr, Template};
use crate::inside::Met;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;

/// Most bytes of one template.
pub(crate) const MAX_SIZE: Limit = Limit::new("template.max_size", 512 << 10);
/// Most bytes of values that are followed in one template.
pub(crate) const MAX_WORK: Limit = Limit::new("template.max_work", 8 << 20);
/// The longest chat templates in use have some 30,000 bytes.
pub(crate) const USUAL_SIZE: Limit = Limit::new("template.usual_size", 48 << 10);

pub(crate) use lex::unescape;
pub(crate) use value::slice;

/// Stand-alone templates.
pub(crate) struct TemplateFile;

impl ModelFormat for TemplateFile {
    fn id(&self) -> FormatId {
        FormatId("template")
    }

    fn about(&self) -> &'static str {
        "Jinja template"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jinja", "jinja2", "j2", "template"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let text = match std::str::from_utf8(head.bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(head.bytes.get(..error.valid_up_to()).unwrap_or_default())
                    .unwrap_or_default()
            }
            Err(_) => return Likeness::No,
        };
        let named = self.extensions().contains(&head.extension);
        let begins = ["{%", "{{", "{#"].iter().any(|mark| text.trim_start().starts_with(mark));
        match (named, begins) {
            (true, _) => Likeness::Possible,
            (false, true) if text.contains("%}") && head.extension.is_empty() => Likeness::Possible,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_SIZE))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            Unread::malformed(error.utf8_error().valid_up_to() as u64, "it is no UTF-8 text")
        })?;
        // Other languages of templates have the ending `.template`, too.
        if part.extension() == "template" && !is_jinja(&text) {
            return Ok(self.id());
        }
        judge(&text, part.place(), looking);
        Ok(self.id())
    }
}

/// Judges a text that a loader takes for a template.
pub(crate) fn judge(text: &str, place: Locator, looking: &mut Looking<'_>) {
    if !has_marks(text) {
        return;
    }
    let size = text.len() as u64;
    if let Err(reached) = looking.limits.get(MAX_SIZE).check(size) {
        looking.not_whole();
        looking.add(Finding::new(&UNINSPECTABLE, place, format!("a template was not inspected: {reached}")));
        return;
    }
    if looking.limits.get(USUAL_SIZE).check(size).is_err() {
        let message = format!("a template of {size} bytes: chat templates in use are far shorter");
        looking.find(&rules::TEMPLATE_MALFORMED, place.clone(), message);
    }
    let (template, fault) = parse::parse(text);
    if let Some(fault) = &fault {
        let line = text.get(..fault.at).unwrap_or_default().matches('\n').count().saturating_add(1);
        let message = format!("a template does not parse: line {line}: {}", fault.why);
        looking.find(&rules::TEMPLATE_MALFORMED, place.clone(), message);
        // A renderer with words of its own may read what Jinja does not.
        for word in internals(text) {
            let message = format!("a template that does not parse names `{}`", crate::part::printed(&word));
            looking.find(&rules::TEMPLATE_ESCAPE, place.clone(), message);
        }
    }
    tell(&template, place, looking);
}

/// Judges a text of a document. Where its key does not say that it is a template, it is one if it parses, and has a
/// statement or reads something.
pub(crate) fn judge_under(
    named: bool,
    text: &str,
    place: impl FnOnce() -> Locator,
    looking: &mut Looking<'_>,
) {
    if named {
        judge(text, place(), looking);
    } else if has_marks(text) && looking.limits.get(MAX_SIZE).check(text.len() as u64).is_ok() {
        let (template, fault) = parse::parse(text);
        if fault.is_none() && does_something(&template) {
            tell(&template, place(), looking);
        }
    }
}

/// Whether a key of a document names a template.
pub(crate) fn is_template_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key == "chat_template" || key.ends_with("_chat_template") || key == "chat_templates"
}

/// Whether anything in a text could be of a template.
pub(crate) fn has_marks(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Whether a text is of this language and not of another one with the same marks.
fn is_jinja(text: &str) -> bool {
    let (template, fault) = parse::parse(text);
    fault.is_none() && does_something(&template)
}

/// Whether a template has a statement, or reads or calls something.
fn does_something(template: &Template) -> bool {
    let reads = |expr: &Expr| {
        matches!(expr, Expr::Attr(..) | Expr::Item(..) | Expr::Call(..) | Expr::Filter(..) | Expr::Binary(..))
    };
    let states = |step: &syntax::Step| {
        !matches!(step, syntax::Step::Data(_) | syntax::Step::Print(_) | syntax::Step::End)
    };
    template.exprs.iter().any(reads) || template.steps.iter().any(|(_, step)| states(step))
}

fn tell(template: &Template, place: Locator, looking: &mut Looking<'_>) {
    let met = || Met::code("a Jinja template", "a loader renders it");
    looking.uses(met, || place.clone());
    let max_work = looking.limits.get(MAX_WORK);
    let (found, followed) = flow::judge(template, max_work.most());
    for (wrong, message) in found {
        let message = format!("a template: {message}");
        match wrong {
            Wrong::Escape => looking.find(&rules::TEMPLATE_ESCAPE, place.clone(), message),
            Wrong::Suspect => {
                looking.find_as(Severity::High, &rules::TEMPLATE_ESCAPE, place.clone(), message);
            }
            Wrong::Exhausts => looking.find(&rules::TEMPLATE_EXHAUSTS, place.clone(), message),
            Wrong::MayExhaust => {
                looking.find_as(Severity::High, &rules::TEMPLATE_EXHAUSTS, place.clone(), message);
            }
            Wrong::Backdoor => looking.find(&rules::TEMPLATE_BACKDOOR, place.clone(), message),
            Wrong::Other => looking.find(&rules::TEMPLATE_INCLUDES, place.clone(), message),
        }
    }
    if !followed {
        looking.not_whole();
        let message = format!(
            "a template computes more than is followed: limit `{}` reached; to raise it, set it under [limits]",
            max_work.key()
        );
        looking.add(Finding::new(&UNINSPECTABLE, place, message));
    }
}

/// Names of internals among the tokens of a text that does not parse.
fn internals(text: &str) -> Vec<String> {
    let (tokens, _) = lex::lex(text);
    let mut found: Vec<String> = tokens
        .into_iter()
        .filter_map(|(_, token)| match token {
            Token::Name(word) | Token::Text(word, _) if names::is_internal(&word) && word != "mro" => {
                Some(word)
            }
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(8);
    found
}

#[cfg(test)]
mod tests;
