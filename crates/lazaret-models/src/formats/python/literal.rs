//! Literals of Python: what `ast.literal_eval` reads, and nothing else.

use crate::formats::template::unescape;

/// How deep brackets may nest.
const MAX_DEPTH: u32 = 32;

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    /// Longer ones are the largest there is.
    Int(i128),
    Bool(bool),
    None,
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

/// It is no literal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoLiteral;

/// Reads one literal, with white space around it.
pub(crate) fn read(text: &str) -> Result<Literal, NoLiteral> {
    let mut reader = Reader { left: text, depth: 0 };
    let value = reader.value()?;
    reader.space();
    if reader.left.is_empty() { Ok(value) } else { Err(NoLiteral) }
}

struct Reader<'t> {
    left: &'t str,
    depth: u32,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.left = self.left.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    }

    fn take(&mut self, mark: char) -> bool {
        self.space();
        match self.left.strip_prefix(mark) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Result<Literal, NoLiteral> {
        self.space();
        let first = self.left.chars().next().ok_or(NoLiteral)?;
        match first {
            '(' | '[' | '{' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > MAX_DEPTH {
                    return Err(NoLiteral);
                }
                self.take(first);
                let value = match first {
                    '(' => self.tuple(),
                    '[' => self.items(']').map(|(items, _)| Literal::List(items)),
                    _ => self.dict(),
                };
                self.depth = self.depth.saturating_sub(1);
                value
            }
            '\'' | '"' => self.text(first),
            '0'..='9' | '-' | '+' => self.number(),
            _ => self.word(),
        }
    }

    /// Items up to a bracket, and whether a comma stood among them.
    fn items(&mut self, close: char) -> Result<(Vec<Literal>, bool), NoLiteral> {
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return Err(NoLiteral);
            }
            items.push(self.value()?);
            comma = self.take(',');
            if !comma && !self.left.starts_with(close) {
                return Err(NoLiteral);
            }
        }
        Ok((items, comma))
    }

    fn tuple(&mut self) -> Result<Literal, NoLiteral> {
        let (mut items, comma) = self.items(')')?;
        match items.pop() {
            Some(one) if items.is_empty() && !comma => Ok(one),
            last => {
                items.extend(last);
                Ok(Literal::Tuple(items))
            }
        }
    }

    fn dict(&mut self) -> Result<Literal, NoLiteral> {
        let mut pairs = Vec::new();
        while !self.take('}') {
            let key = self.value()?;
            if !self.take(':') {
                return Err(NoLiteral);
            }
            pairs.push((key, self.value()?));
            if !self.take(',') && !self.left.starts_with('}') {
                return Err(NoLiteral);
            }
        }
        Ok(Literal::Dict(pairs))
    }

    fn text(&mut self, quote: char) -> Result<Literal, NoLiteral> {
        let body = self.left.get(1..).ok_or(NoLiteral)?;
        let mut escaped = false;
        let end = body.find(|c: char| {
            let ends = !escaped && c == quote;
            escaped = !escaped && c == '\\';
            ends
        });
        let end = end.ok_or(NoLiteral)?;
        self.left = body.get(end.saturating_add(1)..).ok_or(NoLiteral)?;
        let (text, whole) = unescape(body.get(..end).ok_or(NoLiteral)?);
        if whole { Ok(Literal::Text(text)) } else { Err(NoLiteral) }
    }

    fn number(&mut self) -> Result<Literal, NoLiteral> {
        let negative = self.left.starts_with('-');
        let digits = self.left.trim_start_matches(['-', '+']);
        if self.left.len().saturating_sub(digits.len()) > 1 {
            return Err(NoLiteral);
        }
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(digits.len());
        let (number, rest) = digits.split_at_checked(end).ok_or(NoLiteral)?;
        let number: String = number.chars().filter(|c| *c != '_').collect();
        // Python 2 wrote long numbers with an `L`.
        self.left = rest.strip_prefix('L').unwrap_or(rest);
        if number.is_empty() || self.left.starts_with(|c: char| c.is_alphanumeric() || c == '.') {
            return Err(NoLiteral);
        }
        let number = number.parse::<i128>().unwrap_or(i128::MAX);
        Ok(Literal::Int(if negative { number.saturating_neg() } else { number }))
    }

    fn word(&mut self) -> Result<Literal, NoLiteral> {
        let end = self.left.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.left.len());
        let (word, rest) = self.left.split_at_checked(end).ok_or(NoLiteral)?;
        if matches!(word, "u" | "b" | "U" | "B") && rest.starts_with(['\'', '"']) {
            self.left = rest;
            return self.value();
        }
        self.left = rest;
        match word {
            "True" => Ok(Literal::Bool(true)),
            "False" => Ok(Literal::Bool(false)),
            "None" => Ok(Literal::None),
            _ => Err(NoLiteral),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read() {
        assert_eq!(
            read("{'a': (1,), \"b\": [True, None, -2L], 'c': ('x'),}  \n"),
            Ok(Literal::Dict(vec![
                (Literal::Text("a".into()), Literal::Tuple(vec![Literal::Int(1)])),
                (
                    Literal::Text("b".into()),
                    Literal::List(vec![Literal::Bool(true), Literal::None, Literal::Int(-2)])
                ),
                (Literal::Text("c".into()), Literal::Text("x".into())),
            ]))
        );
        assert_eq!(read("()"), Ok(Literal::Tuple(vec![])));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for text in [
            "f()",
            "{'a': __import__('os')}",
            "1 + 1",
            "[1 2]",
            "'a",
            "{1}",
            "(1",
            "1.5",
            "",
            "x",
            "[,]",
            "--1",
        ] {
            assert_eq!(read(text), Err(NoLiteral), "{text}");
        }
        assert_eq!(read(&"(".repeat(100_000)), Err(NoLiteral));
    }
}
