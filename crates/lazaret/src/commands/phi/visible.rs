//! Text of others on a terminal or a page: what would act there is shown as an escape.

use std::borrow::Cow;

/// One line: control characters, line ends and marks that turn the text round are shown as `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| if acts(c) { escape(c) } else { c.to_string() });
    Cow::Owned(shown.collect())
}

/// A part of a text as it is shown.
pub(crate) struct Part {
    pub(crate) text: String,
    /// Whether it stands for a character that would act.
    pub(crate) is_escape: bool,
}

/// Line ends and tabs stay.
pub(crate) fn shown(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for character in text.replace("\r\n", "\n").chars() {
        let is_escape = acts(character) && !matches!(character, '\n' | '\t');
        let shown = if is_escape { escape(character) } else { character.to_string() };
        match parts.last_mut().filter(|last| last.is_escape == is_escape) {
            Some(last) => last.text.push_str(&shown),
            None => parts.push(Part { text: shown, is_escape }),
        }
    }
    parts
}

/// `\u{1b}`.
pub(crate) fn escape(character: char) -> String {
    format!("\\u{{{:x}}}", u32::from(character))
}

/// Whether a character moves the cursor, turns the text round, hides, or is drawn as another.
pub(crate) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_acts_is_shown() {
        assert_eq!(visible("Frayne \u{e9}\u{1f600}"), "Frayne \u{e9}\u{1f600}");
        assert_eq!(
            visible("a\u{1b}[1m\n\u{202e}\u{9b}x\u{200b}"),
            "a\\u{1b}[1m\\u{a}\\u{202e}\\u{9b}x\\u{200b}"
        );
    }
}
