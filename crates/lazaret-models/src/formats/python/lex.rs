//! Cuts Python source into tokens. Whatever the text, every byte is passed once.

use unicode_normalization::UnicodeNormalization as _;

use crate::formats::template::unescape;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// It stands within a function.
    pub(super) in_function: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// As Python compares it: compatibility forms of letters are the letters.
    Name(String),
    /// The flag is false where a part of it is not known.
    Text(String, bool),
    Number(Option<i128>),
    Op(char),
    /// The end of a logical line.
    Line,
}

impl Kind {
    pub(super) fn is(&self, operator: char) -> bool {
        matches!(self, Self::Op(op) if *op == operator)
    }

    #[cfg(test)]
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Name(name) if name == word)
    }
}

/// How deep expressions within formatted strings are read.
const MAX_DEPTH: u8 = 4;

/// The tokens of a text.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer =
        Lexer { text, at: 0, from: 0, tokens: Vec::new(), brackets: 0, functions: Vec::new(), depth: 0 };
    lexer.run();
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Where the text begins in the file.
    from: usize,
    tokens: Vec<Token>,
    brackets: usize,
    /// How far the functions that are open are indented.
    functions: Vec<usize>,
    depth: u8,
}

impl<'t> Lexer<'t> {
    fn left(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, at: usize, kind: Kind) {
        let in_function = !self.functions.is_empty();
        self.tokens.push(Token { at: self.from.saturating_add(at), kind, in_function });
    }

    fn run(&mut self) {
        self.indentation();
        while let Some(c) = self.left().chars().next() {
            let at = self.at;
            match c {
                '\n' => {
                    self.at = self.at.saturating_add(1);
                    if self.brackets == 0 {
                        self.push(at, Kind::Line);
                        self.indentation();
                    }
                }
                '#' => {
                    let left = self.left();
                    self.at = self.at.saturating_add(left.find('\n').unwrap_or(left.len()));
                }
                '\\' => {
                    // The line goes on.
                    let left = self.left();
                    let skipped = ["\\\r\n", "\\\n"].iter().find(|mark| left.starts_with(**mark));
                    self.at = self.at.saturating_add(skipped.map_or(1, |mark| mark.len()));
                }
                '"' | '\'' => self.string(at, "", c),
                _ if c == '_' || c.is_alphabetic() => self.name(at),
                _ if c.is_ascii_digit() => self.number(at),
                _ => {
                    self.at = self.at.saturating_add(c.len_utf8());
                    match c {
                        '(' | '[' | '{' => self.brackets = self.brackets.saturating_add(1),
                        ')' | ']' | '}' => self.brackets = self.brackets.saturating_sub(1),
                        _ => {}
                    }
                    if !c.is_whitespace() {
                        self.push(at, Kind::Op(c));
                    }
                }
            }
        }
    }

    /// A logical line begins: functions that are indented as far or farther have ended.
    fn indentation(&mut self) {
        let left = self.left();
        let line = left.trim_start_matches([' ', '\t', '\u{c}']);
        let indent = left.len().saturating_sub(line.len());
        if line.starts_with(['\n', '\r', '#']) || self.depth > 0 {
            return;
        }
        while self.functions.last().is_some_and(|function| *function >= indent) {
            self.functions.pop();
        }
        let is_function = line.starts_with("def ") || line.starts_with("async def ");
        if is_function {
            self.functions.push(indent);
        }
    }

    fn name(&mut self, at: usize) {
        let left = self.left();
        let end = left.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(left.len());
        let word = left.get(..end).unwrap_or_default();
        let after = left.get(end..).unwrap_or_default();
        if end <= 2
            && let Some(quote @ ('"' | '\'')) = after.chars().next()
            && word.chars().all(|c| matches!(c.to_ascii_lowercase(), 'r' | 'b' | 'u' | 'f' | 't'))
        {
            self.at = self.at.saturating_add(end);
            self.string(at, word, quote);
            return;
        }
        self.at = self.at.saturating_add(end);
        let name = if word.is_ascii() { word.to_owned() } else { word.nfkc().collect() };
        self.push(at, Kind::Name(name));
    }

    fn number(&mut self, at: usize) {
        let left = self.left();
        let end =
            left.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(left.len());
        let word = left.get(..end).unwrap_or_default();
        self.at = self.at.saturating_add(end);
        let digits: String = word.chars().filter(|c| *c != '_').collect();
        let value = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => i128::from_str_radix(digits.get(2..).unwrap_or_default(), 16).ok(),
            Some("0o") => i128::from_str_radix(digits.get(2..).unwrap_or_default(), 8).ok(),
            Some("0b") => i128::from_str_radix(digits.get(2..).unwrap_or_default(), 2).ok(),
            _ => digits.parse().ok(),
        };
        self.push(at, Kind::Number(value));
    }

    fn string(&mut self, at: usize, prefix: &str, quote: char) {
        let left = self.left();
        let triple = match quote {
            '"' => "\"\"\"",
            _ => "'''",
        };
        let long = left.starts_with(triple);
        let mark = if long { 3 } else { 1 };
        let body = left.get(mark..).unwrap_or_default();
        let mut escaped = false;
        let mut quotes = 0_usize;
        let end = body.char_indices().find_map(|(place, c)| {
            if !escaped && c == quote {
                quotes = quotes.saturating_add(1);
                if quotes == mark {
                    return Some((place.saturating_add(1).saturating_sub(mark), place.saturating_add(1)));
                }
            } else {
                quotes = 0;
            }
            if !long && c == '\n' && !escaped {
                return Some((place, place)); // it does not end: Python refuses it
            }
            escaped = !escaped && c == '\\';
            None
        });
        let (stop, next) = end.unwrap_or((body.len(), body.len()));
        let inner = body.get(..stop).unwrap_or_default();
        self.at = self.at.saturating_add(mark).saturating_add(next);
        let has = |letter: char| prefix.chars().any(|c| c.eq_ignore_ascii_case(&letter));
        let (text, whole) = if has('r') { (inner.to_owned(), true) } else { unescape(inner) };
        let formatted = has('f') || has('t');
        let holes = formatted && inner.contains('{');
        self.push(at, Kind::Text(text, whole && !holes));
        if holes && self.depth < MAX_DEPTH {
            self.formatted(at, inner);
        }
    }

    /// The expressions within a formatted string.
    fn formatted(&mut self, at: usize, inner: &str) {
        let (mut open, mut begin) = (0_usize, 0_usize);
        for (place, c) in inner.char_indices() {
            match c {
                '{' => {
                    open = open.saturating_add(1);
                    if open == 1 {
                        begin = place.saturating_add(1);
                    }
                }
                '}' if open > 0 => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.within(at, inner.get(begin..place).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
    }

    fn within(&mut self, at: usize, code: &str) {
        let mut lexer = Lexer {
            text: code,
            at: 0,
            from: self.from.saturating_add(at),
            tokens: Vec::new(),
            brackets: 1,
            functions: self.functions.clone(),
            depth: self.depth.saturating_add(1),
        };
        lexer.run();
        let whole = self.from.saturating_add(at);
        self.tokens.push(Token { at: whole, kind: Kind::Op('{'), in_function: !self.functions.is_empty() });
        self.tokens.append(&mut lexer.tokens);
        self.tokens.push(Token { at: whole, kind: Kind::Op('}'), in_function: !self.functions.is_empty() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        lex(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_in_strings_and_comments_are_no_names() {
        assert_eq!(kinds("# os.system\n'os.system'"), [Kind::Line, Kind::Text("os.system".into(), true)]);
        assert_eq!(kinds("\"\"\"a 'b' \"c\"\nd\"\"\"")[0], Kind::Text("a 'b' \"c\"\nd".into(), true));
        assert_eq!(
            kinds(r"rb'\x41' '\x41'"),
            [Kind::Text(r"\x41".into(), true), Kind::Text("A".into(), true)]
        );
        assert!(kinds("f'{eval(x)}'").contains(&Kind::Name("eval".into())));
    }

    #[test]
    fn names_are_compared_as_python_does() {
        assert_eq!(kinds("ｅｖａｌ"), [Kind::Name("eval".into())]);
        assert_eq!(kinds("a.\\\nb").len(), 3);
    }

    #[test]
    fn functions_are_known_by_indentation() {
        let tokens = lex("def f():\n    a\n\n  # c\n    b\nc\nclass X:\n  def g(self):\n    d\n  e\n");
        let of = |name: &str| tokens.iter().find(|token| token.kind.is_word(name)).unwrap().in_function;
        assert_eq!(["a", "b", "c", "d", "e"].map(of), [true, true, false, true, false]);
    }
}
