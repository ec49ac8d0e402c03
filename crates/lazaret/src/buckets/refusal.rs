//! Why a store did not give what it was asked for, in words of ours: its own may hold the names of objects, which are no
//! log's business.

use std::error::Error;
use std::fmt;

use lazaret_core::LimitExceeded;
use lazaret_traffic::net::trouble::Trouble;

use super::http::InTheClear;
use crate::exit::chain;

/// Longest word of a store's own for what is wrong.
const LONGEST_CODE: usize = 60;
const WHO_ASKS: &str =
    "; who asks is told by the environment (AWS_…, GOOGLE_…, AZURE_…), else by the machine's identity";

/// Why a store did not give what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal(String);

impl Refusal {
    /// From what `object_store` says of it.
    pub(super) fn of(error: &object_store::Error) -> Self {
        use object_store::Error as Kind;
        match error {
            Kind::NotFound { .. } => return Self("there is no such bucket or object".to_owned()),
            Kind::Precondition { .. } => return Self("it changed while it was read".to_owned()),
            Kind::InvalidPath { .. } => {
                return Self("the name of an object in it has an empty step, `.` or `..`".to_owned());
            }
            _ => {}
        }
        // What went wrong with the connection names the host alone, or a limit.
        let is_ours = |cause: &&(dyn Error + 'static)| {
            cause.is::<Trouble>() || cause.is::<InTheClear>() || cause.is::<LimitExceeded>()
        };
        if let Some(trouble) = causes(error).find(is_ours) {
            return Self(chain(trouble));
        }
        let words: String = causes(error).map(ToString::to_string).collect();
        let answer = answer(&words);
        let way_out = if [" with 401", " with 403"].iter().any(|status| answer.starts_with(status)) {
            WHO_ASKS
        } else {
            ""
        };
        Self(format!("the store refuses{answer}{way_out}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refusal {}

/// An error, what caused it, and so on.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

/// The status of a store's answer, and its own word for what is wrong: ` with 403 (AccessDenied)`. Digits and letters alone.
fn answer(words: &str) -> String {
    let after = |mark: &str, fits: fn(&char) -> bool| {
        let (_, rest) = words.split_once(mark)?;
        let word: String = rest.chars().take_while(fits).take(LONGEST_CODE).collect();
        (!word.is_empty()).then_some(word)
    };
    let status = after("status code: ", char::is_ascii_digit);
    let code = after("<Code>", char::is_ascii_alphanumeric);
    match (status, code) {
        (Some(status), Some(code)) => format!(" with {status} ({code})"),
        (Some(word), None) | (None, Some(word)) => format!(" with {word}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_an_object_is_told() {
        let generic = |words: &str| object_store::Error::Generic { store: "S3", source: words.into() };
        let denied = "GET http://x/ward%207 - status code: 403 Forbidden: <Error><Code>AccessDenied</Code><Key>jane</Key>";
        let denied =
            object_store::Error::PermissionDenied { path: "ward 7/jane".to_owned(), source: denied.into() };
        let missing = object_store::Error::NotFound { path: "jane".to_owned(), source: "jane".into() };
        for (error, told) in [
            (denied, "the store refuses with 403 (AccessDenied); who asks"),
            (generic("GET http://x/jane: status code: 500 Oops"), "the store refuses with 500"),
            (generic("jane"), "the store refuses"),
            (missing, "there is no such"),
        ] {
            let said = Refusal::of(&error).to_string();
            assert!(said.starts_with(told) && !said.contains("jane"), "{said}");
        }
    }
}
