//! Expressions of Python within other formats, as one of their loaders evaluates them.

use super::MOST_CALLS;
use super::judge::{self, Aliases, Call};
use super::lex::{self, Kind, Token};
use crate::part::printed;

/// One expression. Whatever it holds, it hides nothing of another one.
pub(crate) struct Expression(Vec<Token>);

/// What an expression runs, loads or fetches.
pub(crate) struct Expressed {
    /// What it says, for a person.
    pub(crate) says: String,
    /// Whether it runs programs or code itself.
    pub(crate) runs: bool,
}

/// What imports name for the expressions of one document.
pub(crate) struct Imports(Aliases);

impl Imports {
    /// None.
    pub(crate) fn none() -> Self {
        Self(Aliases::default())
    }

    /// Those that are written so.
    pub(crate) fn of<'s>(sources: impl Iterator<Item = &'s str>) -> Self {
        let mut tokens = Vec::new();
        for source in sources {
            tokens.append(&mut lex::lex(source));
            tokens.push(Token { at: 0, kind: Kind::Line, in_function: false });
        }
        Self(judge::learn(&tokens, &Aliases::default()))
    }
}

impl Expression {
    /// Reads one.
    pub(crate) fn of(source: &str) -> Self {
        Self(lex::lex(source))
    }

    /// Whether it is an import.
    pub(crate) fn is_import(&self) -> bool {
        matches!(self.0.first().map(|token| &token.kind), Some(Kind::Name(name)) if name == "import" || name == "from")
    }

    /// Whether anything is called in it.
    pub(crate) fn calls(&self) -> bool {
        self.0.iter().any(|token| token.kind.is('('))
    }

    /// The names in it, without texts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(name)
    }

    /// The names that are called.
    pub(crate) fn called(&self) -> impl Iterator<Item = &str> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        pairs.filter(|(_, next)| next.kind.is('(')).filter_map(|(token, _)| name(token))
    }

    /// What it does: by what the imports name, and by the names as they stand, since one import may cover another.
    pub(crate) fn judge(&self, imports: &Imports) -> Vec<Expressed> {
        let mut calls = judge::judge(&self.0, &imports.0);
        calls.extend(judge::judge(&self.0, &Aliases::default()));
        calls.sort_by_key(|call| !call.runs);
        let told = |call: Call| Expressed {
            says: format!("{} `{}`", call.does, printed(&call.path)),
            runs: call.runs,
        };
        calls.into_iter().take(MOST_CALLS).map(told).collect()
    }

    /// Whether Python could take it for an expression: prose, shell and the languages whose variables begin with `$` are
    /// none. No expression is refused.
    pub(crate) fn is_likely(&self) -> bool {
        let (mut depth, mut hole, mut ended, mut lambda) = (0_usize, None, false, false);
        let mut before: Option<&Token> = None;
        for (index, token) in self.0.iter().enumerate() {
            // The holes of a formatted string stand behind it, at its own place.
            if let Some(at) = hole {
                if token.at == at && token.kind.is('}') {
                    hole = None;
                }
                continue;
            }
            let text_at = before.filter(|token| matches!(token.kind, Kind::Text(..))).map(|token| token.at);
            if token.kind.is('{') && text_at == Some(token.at) {
                hole = Some(token.at);
                continue;
            }
            if token.kind == Kind::Line {
                ended |= before.is_some();
                continue;
            }
            let next = index.checked_add(1).and_then(|next| self.0.get(next)).map(|token| &token.kind);
            let is_next = |operator| next.is_some_and(|kind| kind.is(operator));
            lambda |= matches!(&token.kind, Kind::Name(name) if name == "lambda");
            let assigns = depth == 0
                && !lambda
                && token.kind.is('=')
                && !is_next('=')
                && !before.is_some_and(|before| matches!(before.kind, Kind::Op('=' | '!' | '<' | '>' | ':')));
            let arrow = token.kind.is('-') && is_next('>');
            let other =
                matches!(token.kind, Kind::Op('$' | '?' | '`' | ';')) || token.kind.is('!') && !is_next('=');
            if ended
                || assigns
                || arrow
                || other
                || before.is_some_and(|before| collide(&before.kind, &token.kind))
            {
                return false;
            }
            match token.kind {
                Kind::Op('(' | '[' | '{') => depth = depth.saturating_add(1),
                Kind::Op(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = Some(token);
        }
        true
    }
}

fn name(token: &Token) -> Option<&str> {
    match &token.kind {
        Kind::Name(name) => Some(name),
        _ => None,
    }
}

/// Words that may stand beside an operand.
const WORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "await", "async", "yield", "import",
    "from", "as",
];

/// Whether two tokens cannot stand side by side: two operands, as words of prose do.
fn collide(before: &Kind, after: &Kind) -> bool {
    let is_word = |name: &String| WORDS.contains(&name.as_str());
    let ends = match before {
        Kind::Name(name) => !is_word(name),
        // `1or x` is read as one number without a value.
        Kind::Number(value) => value.is_some(),
        Kind::Text(..) | Kind::Op(')' | ']') => true,
        Kind::Op(_) | Kind::Line => false,
    };
    let begins = match after {
        Kind::Name(name) => !is_word(name),
        Kind::Number(_) => true,
        Kind::Text(..) => !matches!(before, Kind::Text(..)),
        Kind::Op(_) | Kind::Line => false,
    };
    ends && begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_other_texts_with_a_dollar() {
        for text in [
            "os.system('true')",
            "f'{os.system(\"true\")!r:a b} {x}' + y",
            "1if os.system('a$b; c') else 2",
            "lambda x, *, y=1: not x <= y != 2",
            "{k: v for k, v in x.items()} if a == b else (y := eval('1'))",
            "\n(a\n+ b)\n",
            "'a' 'b'\"c\"",
            "torch.zeros(1, 2)[..., ::2] @ w",
            "import os as o",
        ] {
            assert!(Expression::of(text).is_likely(), "{text}");
        }
        for text in [
            "x = exec($cmd)",
            "this->exec('x')",
            "(eval ssh-agent)",
            "x = eval('1');",
            "5 for each exec(x) of all",
            "HOME/bin/exec (x); eval(y)",
            "a\nexec(b)",
            "(document).ready(function() { return eval(x) })",
        ] {
            assert!(!Expression::of(text).is_likely(), "{text}");
        }
    }
}
