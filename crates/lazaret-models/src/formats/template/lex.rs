//! Cuts a template into text and tokens, as Jinja's own lexer does with its usual delimiters.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Text that is printed as it is.
    Data(String),
    /// `{{`
    PrintBegin,
    /// `}}`
    PrintEnd,
    /// `{%`
    BlockBegin,
    /// `%}`
    BlockEnd,
    Name(String),
    /// Decoded. The flag is false where an escape could not be decoded.
    Text(String, bool),
    Int(i128),
    Float,
    Op(&'static str),
}

/// Why a template is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The offset in the template.
    pub(super) at: usize,
    pub(super) why: &'static str,
}

const OPERATORS: &[&str] = &[
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";",
];

/// The tokens with their offsets. What was read before a fault is given with it.
pub(super) fn lex(text: &str) -> (Vec<(usize, Token)>, Option<Fault>) {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), strip_next: false };
    let fault = lexer.run().err();
    (lexer.tokens, fault)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<(usize, Token)>,
    /// The mark before ended with `-`: white space at the start of the next text is left out.
    strip_next: bool,
}

impl<'t> Lexer<'t> {
    fn left(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, why: &'static str) -> Fault {
        Fault { at: self.at, why }
    }

    fn push(&mut self, at: usize, token: Token) {
        self.tokens.push((at, token));
    }

    fn run(&mut self) -> Result<(), Fault> {
        while self.at < self.text.len() {
            let left = self.left();
            let mark = marks(left).next();
            let Some(mark) = mark else {
                self.data(left);
                return Ok(());
            };
            self.data(left.get(..mark).unwrap_or_default());
            let after = self.left();
            let kind = after.as_bytes().get(1).copied();
            self.at = self.at.saturating_add(2);
            if let Some(b'-' | b'+') = after.as_bytes().get(2) {
                self.at = self.at.saturating_add(1);
            }
            match kind {
                Some(b'#') => self.comment()?,
                Some(b'%') if self.raw()? => {}
                Some(b'%') => self.block(Token::BlockBegin, Token::BlockEnd, "%}")?,
                _ => self.block(Token::PrintBegin, Token::PrintEnd, "}}")?,
            }
        }
        Ok(())
    }

    /// Text up to a mark; white space that the marks strip is left out.
    fn data(&mut self, data: &str) {
        let begin = self.at;
        self.at = self.at.saturating_add(data.len());
        let mut kept = data;
        if self.strip_next {
            kept = kept.trim_start();
        }
        self.strip_next = false;
        if self.left().as_bytes().get(2) == Some(&b'-') {
            kept = kept.trim_end();
        }
        if !kept.is_empty() {
            self.push(begin, Token::Data(kept.to_owned()));
        }
    }

    fn comment(&mut self) -> Result<(), Fault> {
        let left = self.left();
        let Some(end) = left.find("#}") else { return Err(self.fault("a comment does not end")) };
        self.strip_next = left.get(..end).is_some_and(|comment| comment.ends_with('-'));
        self.at = self.at.saturating_add(end).saturating_add(2);
        Ok(())
    }

    /// `{% raw %}` up to `{% endraw %}`: text, whatever it looks like.
    fn raw(&mut self) -> Result<bool, Fault> {
        let left = self.left();
        let Some((true, begin)) = lone_word(left, "raw") else { return Ok(false) };
        let body = left.get(begin..).unwrap_or_default();
        let mut from = 0;
        while let Some(mark) = body.get(from..).and_then(|rest| rest.find("{%")) {
            let mark = from.saturating_add(mark);
            let inner = body.get(mark.saturating_add(2)..).unwrap_or_default();
            let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
            if let Some((true, length)) = lone_word(inner, "endraw") {
                let end = body.len().saturating_sub(inner.len()).saturating_add(length);
                let data = body.get(..mark).unwrap_or_default();
                self.push(self.at, Token::Data(data.to_owned()));
                self.at = self.at.saturating_add(begin).saturating_add(end);
                return Ok(true);
            }
            from = mark.saturating_add(2);
        }
        Err(self.fault("a raw block does not end"))
    }

    /// The tokens of `{{ … }}` or `{% … %}`.
    fn block(&mut self, begin: Token, end: Token, mark: &str) -> Result<(), Fault> {
        self.push(self.at, begin);
        let mut open: Vec<char> = Vec::new();
        loop {
            let left = self.left();
            let Some(first) = left.chars().next() else { return Err(self.fault("a block does not end")) };
            if first.is_whitespace() {
                self.at = self.at.saturating_add(first.len_utf8());
                continue;
            }
            if open.is_empty() {
                let bare = left.strip_prefix(['-', '+']).filter(|_| first == '-' || mark == "%}");
                if let Some(length) = [Some(left), bare]
                    .into_iter()
                    .flatten()
                    .find(|rest| rest.starts_with(mark))
                    .map(|rest| left.len().saturating_sub(rest.len()).saturating_add(2))
                {
                    self.push(self.at, end);
                    self.at = self.at.saturating_add(length);
                    self.strip_next = first == '-';
                    return Ok(());
                }
            }
            let at = self.at;
            let token = self.token(left, first, &mut open)?;
            self.push(at, token);
        }
    }

    fn token(&mut self, left: &str, first: char, open: &mut Vec<char>) -> Result<Token, Fault> {
        if first.is_ascii_digit() {
            return Ok(self.number(left));
        }
        if first == '_' || first.is_alphanumeric() {
            let name: String = left.chars().take_while(|c| *c == '_' || c.is_alphanumeric()).collect();
            self.at = self.at.saturating_add(name.len());
            return Ok(Token::Name(name));
        }
        if first == '"' || first == '\'' {
            return self.string(left, first);
        }
        let Some(operator) = OPERATORS.iter().find(|operator| left.starts_with(**operator)) else {
            return Err(self.fault("a character that no expression has"));
        };
        match first {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(first) => {
                return Err(self.fault("a bracket closes that was not opened"));
            }
            _ => {}
        }
        self.at = self.at.saturating_add(operator.len());
        Ok(Token::Op(operator))
    }

    fn number(&mut self, left: &str) -> Token {
        let bytes = left.as_bytes();
        let radix = match (bytes.first(), bytes.get(1).map(u8::to_ascii_lowercase)) {
            (Some(b'0'), Some(b'x')) => 16,
            (Some(b'0'), Some(b'o')) => 8,
            (Some(b'0'), Some(b'b')) => 2,
            _ => 10,
        };
        let prefix = if radix == 10 { 0 } else { 2 };
        let is_digit = |byte: &&u8| **byte == b'_' || char::from(**byte).is_digit(radix);
        let digits = bytes.iter().skip(prefix).take_while(is_digit).count();
        let mut end = prefix.saturating_add(digits);
        let digits: String =
            left.get(prefix..end).unwrap_or_default().chars().filter(|c| *c != '_').collect();
        let mut float = false;
        if radix == 10 {
            let tail = |from: usize| {
                bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count()
            };
            if bytes.get(end) == Some(&b'.') && tail(end.saturating_add(1)) > 0 {
                end = end.saturating_add(1).saturating_add(tail(end.saturating_add(1)));
                float = true;
            }
            if let Some(b'e' | b'E') = bytes.get(end) {
                let sign = usize::from(matches!(bytes.get(end.saturating_add(1)), Some(b'+' | b'-')));
                let from = end.saturating_add(1).saturating_add(sign);
                if tail(from) > 0 {
                    end = from.saturating_add(tail(from));
                    float = true;
                }
            }
        }
        self.at = self.at.saturating_add(end);
        if float {
            return Token::Float;
        }
        Token::Int(i128::from_str_radix(&digits, radix).unwrap_or(i128::MAX))
    }

    fn string(&mut self, left: &str, quote: char) -> Result<Token, Fault> {
        let mut escaped = false;
        let body = left.get(1..).unwrap_or_default();
        let end = body.find(|c: char| {
            let ends = !escaped && c == quote;
            escaped = !escaped && c == '\\';
            ends
        });
        let Some(end) = end else { return Err(self.fault("a string does not end")) };
        self.at = self.at.saturating_add(end).saturating_add(2);
        let (text, whole) = unescape(body.get(..end).unwrap_or_default());
        Ok(Token::Text(text, whole))
    }
}

/// Where `{{`, `{%` and `{#` stand.
fn marks(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices('{')
        .map(|(place, _)| place)
        .filter(|place| matches!(text.as_bytes().get(place.saturating_add(1)), Some(b'{' | b'%' | b'#')))
}

/// Whether a block holds one word and nothing else, and where it ends.
fn lone_word(block: &str, word: &str) -> Option<(bool, usize)> {
    let rest = block.trim_start().strip_prefix(word)?.trim_start();
    let bare = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let after = bare.strip_prefix("%}")?;
    Some((true, block.len().saturating_sub(after.len())))
}

/// Decodes the escapes of a Python string; false where one has no fixed value here.
pub(crate) fn unescape(text: &str) -> (String, bool) {
    if !text.contains('\\') {
        return (text.to_owned(), true);
    }
    let (mut out, mut whole) = (String::with_capacity(text.len()), true);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = rest.next() else {
            out.push('\\');
            break;
        };
        let hex = |digits: usize, rest: &mut std::str::Chars<'_>| {
            let tail = rest.as_str();
            let value = tail.get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if value.is_some() {
                *rest = tail.get(digits..).unwrap_or_default().chars();
            }
            value.and_then(char::from_u32)
        };
        let decoded = match escape {
            '\n' => continue,
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'v' => Some('\u{b}'),
            '\\' | '\'' | '"' => Some(escape),
            'x' => hex(2, &mut rest),
            'u' => hex(4, &mut rest),
            'U' => hex(8, &mut rest),
            '0'..='7' => {
                let mut value = escape.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = rest.clone().next().and_then(|c| c.to_digit(8)) else { break };
                    value = value.saturating_mul(8).saturating_add(digit);
                    rest.next();
                }
                char::from_u32(value)
            }
            'N' => {
                let tail = rest.as_str();
                let name = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
                if let Some((name, after)) = name {
                    rest = after.chars();
                    if name.eq_ignore_ascii_case("low line") { Some('_') } else { None }
                } else {
                    None
                }
            }
            _ => {
                out.push('\\');
                Some(escape)
            }
        };
        match decoded {
            Some(decoded) => out.push(decoded),
            None => whole = false,
        }
    }
    (out, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        let (tokens, fault) = lex(text);
        assert_eq!(fault, None, "{text}");
        tokens.into_iter().map(|(_, token)| token).collect()
    }

    #[test]
    fn text_and_blocks_are_cut() {
        assert_eq!(
            tokens("a {{- x }} b {%- if 1 -%}  c"),
            [
                Token::Data("a".into()),
                Token::PrintBegin,
                Token::Name("x".into()),
                Token::PrintEnd,
                Token::Data(" b".into()),
                Token::BlockBegin,
                Token::Name("if".into()),
                Token::Int(1),
                Token::BlockEnd,
                Token::Data("c".into()),
            ]
        );
        assert_eq!(tokens("{# {{ #}x"), [Token::Data("x".into())]);
        assert_eq!(tokens("{% raw %}{{ x }}{%- endraw %}"), [Token::Data("{{ x }}".into())]);
        assert_eq!(tokens("{{ {'a':{}} }}").len(), 8);
        assert_eq!(tokens("a { b } c"), [Token::Data("a { b } c".into())]);
    }

    #[test]
    fn strings_are_decoded_as_python_does() {
        assert_eq!(unescape(r"\x5f\u005f\137\U0000005f\N{LOW LINE}"), ("_____".into(), true));
        assert_eq!(unescape(r"a\d\'"), (r"a\d'".into(), true));
        assert!(!unescape(r"\N{BULLET}").1);
        assert_eq!(tokens(r"{{ 'it\'s' }}")[1], Token::Text("it's".into(), true));
    }

    #[test]
    fn numbers_are_read_in_every_form() {
        let numbers = tokens("{{ 0x1f 1_000 1.5 2e3 0b11 0o17 3.x }}");
        assert_eq!(numbers[1..4], [Token::Int(31), Token::Int(1000), Token::Float]);
        assert_eq!(numbers[4..7], [Token::Float, Token::Int(3), Token::Int(15)]);
        assert_eq!(numbers[7..10], [Token::Int(3), Token::Op("."), Token::Name("x".into())]);
    }

    #[test]
    fn what_does_not_end_is_a_fault() {
        for text in ["{{ x", "{% if", "{# a", "{% raw %} x", "{{ 'a }}", "{{ (] }}", "{{ ? }}"] {
            assert!(lex(text).1.is_some(), "{text}");
        }
    }
}
