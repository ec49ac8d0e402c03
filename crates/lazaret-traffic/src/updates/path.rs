//! The steps of a request's path, decoded and encoded again: nothing that climbs, and nothing that a server could read as
//! more than one step.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a step of a path as it is (RFC 3986, 3.3, without what marks more).
const AS_IT_IS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'+')
    .remove(b'=')
    .remove(b',')
    .remove(b'@');

/// The most bytes of a step.
const MAX_STEP: usize = 512;

/// The steps of a path that begins with `/`, decoded. None where a step is empty (but for one at the end), climbs, or holds
/// what no name of a file should.
pub fn steps(path: &str) -> Option<Vec<String>> {
    let rest = path.strip_prefix('/')?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.split('/').map(step).collect()
}

fn step(escaped: &str) -> Option<String> {
    let step = percent_decode_str(escaped).decode_utf8().ok()?;
    is_file(&step).then(|| step.into_owned())
}

/// Whether a text is the path of a file: not long, and no step of it is empty, climbs or holds what no name should.
pub fn is_file(path: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && c != '\\';
    let names_something = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    names_something && path.len() <= MAX_STEP && path.chars().all(is_plain)
}

/// One step, encoded: a `/` in it too.
pub fn encoded(step: &str) -> String {
    utf8_percent_encode(step, AS_IT_IS).to_string()
}

/// The steps of a file's path, encoded and joined by `/`.
pub fn encoded_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_decoded_and_never_climb() {
        let some = |path: &str| steps(path).map(|steps| steps.join("|"));
        assert_eq!(some("/a/b%20c/refs%2Fpr%2F1/").as_deref(), Some("a|b c|refs/pr/1"));
        assert_eq!(some("/").as_deref(), Some(""));
        for bad in [
            "a",
            "//a",
            "/a//b",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a%2f..%2fb",
            "/a/%00",
            "/a/%5c",
            "/a/%ff",
            "/a/.",
        ] {
            assert_eq!(some(bad), None, "{bad}");
        }
        assert_eq!(encoded_path("a b/c#d?e%f"), "a%20b/c%23d%3Fe%25f");
    }

    proptest! {
        #[test]
        fn any_path_is_steps_that_encode_to_the_same_or_none(path in "/([a-z%./]|%2[ef]|\\\\|.){0,40}") {
            if let Some(read) = steps(&path) {
                let again: Vec<String> = read.iter().map(|step| encoded(step)).collect();
                prop_assert_eq!(steps(&format!("/{}", again.join("/"))), Some(read));
            }
        }
    }
}
