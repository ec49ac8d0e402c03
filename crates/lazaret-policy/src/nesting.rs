//! Bounds how deep a policy is nested, before it is parsed: Cedar's parser and evaluator go down one stack frame or
//! more for each level, and a stack that overflows ends the process. What is within the bounds runs with enough
//! stack, whatever thread asks.

use lazaret_core::{Limit, LimitExceeded};

/// Deepest brackets in a policy.
pub const MAX_POLICY_DEPTH: Limit = Limit::fixed("policy.max_depth", 32);
/// Most operators in one policy: a chain of them nests as deep as it is long.
pub const MAX_POLICY_OPERATORS: Limit = Limit::fixed("policy.max_operators", 250);

/// Words that nest what follows them.
const WORDS: [&str; 5] = ["if", "has", "like", "in", "is"];

/// Enough for the deepest policy within the limits, also without optimisation.
const STACK: usize = 16 << 20;

/// Runs Cedar with enough stack.
pub(crate) fn with_stack<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK / 2, STACK, run)
}

/// Refuses a text in which a policy is nested too deep; gives the place in bytes.
pub(crate) fn check(text: &str) -> Result<(), (usize, LimitExceeded)> {
    let (mut depth, mut operators) = (0_u64, 0_u64);
    let mut rest = text.char_indices().peekable();
    let mut word_start = None;
    while let Some((at, c)) = rest.next() {
        if c.is_alphanumeric() || c == '_' {
            word_start = word_start.or(Some(at));
            continue;
        }
        if word_start.take().and_then(|start| text.get(start..at)).is_some_and(|word| WORDS.contains(&word)) {
            operators = operators.saturating_add(1);
        }
        match c {
            '"' => {
                // To the end of the string; a backslash takes the next character with it.
                while let Some((_, c)) = rest.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(rest.next()),
                        _ => {}
                    }
                }
            }
            '/' if rest.peek().is_some_and(|(_, next)| *next == '/') => {
                while rest.next().is_some_and(|(_, c)| c != '\n') {}
            }
            '(' | '[' | '{' => depth = depth.saturating_add(1),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' => (depth, operators) = (0, 0),
            '&' | '|' | '.' | '+' | '-' | '*' | '=' | '!' | '<' | '>' | '?' | '%' | '/' => {
                operators = operators.saturating_add(1);
            }
            _ => {}
        }
        MAX_POLICY_DEPTH.check(depth).map_err(|limit| (at, limit))?;
        MAX_POLICY_OPERATORS.check(operators).map_err(|limit| (at, limit))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(usize, &'static str)> {
        check(text).err().map(|(at, limit)| (at, limit.key))
    }

    #[test]
    fn brackets_and_operators_are_counted_outside_strings_and_comments() {
        let deep = "(".repeat(33);
        assert_eq!(refused(&deep), Some((32, "policy.max_depth")));
        assert_eq!(refused(&"(".repeat(32)), None);
        assert_eq!(refused(&format!("\"{deep}\\\"{deep}\" // {deep}\n")), None);
        assert_eq!(refused(&"!".repeat(251)), Some((250, "policy.max_operators")));
        assert_eq!(refused(&"if x ".repeat(251)), Some((1_252, "policy.max_operators")));
        assert_eq!(refused(&"iffy hash ".repeat(501)), None);
        assert_eq!(refused(&"a && b;\n".repeat(10_000)), None, "each policy counts by itself");
        assert_eq!(refused("\"never closed"), None, "the parser says what is wrong with it");
    }
}
