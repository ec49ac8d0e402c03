//! Paths by which a model names files beside it, and whether they leave its folder.

use lazaret_input::archive::{self, Leaves};

/// Why a path leaves the folder that it is relative to, if it does: on any system, as any loader may read it.
pub(crate) fn leaves(path: &str) -> Option<&'static str> {
    if path.contains('\0') {
        return Some("has a NUL, where other readers end it");
    }
    match archive::leaves(path) {
        Some(Leaves::Absolute) => Some("is absolute"),
        Some(Leaves::Drive) => Some("names a drive"),
        _ if is_address(path) => Some("is an address"),
        Some(Leaves::Climbs) => Some("leads out of the folder by `..`"),
        None => None,
    }
}

fn is_address(path: &str) -> bool {
    let scheme = path.split_once(':').map(|(scheme, _)| scheme);
    path.contains(":/")
        && scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
}

/// Whether a path that has no reason to be anything but the name of a file in the folder is more: one with any `..`, of
/// the home folder, an address.
pub(crate) fn points_elsewhere(path: &str) -> bool {
    path.starts_with(['/', '\\', '~'])
        || path.contains("://")
        || path.contains('\0')
        || path.as_bytes().get(1) == Some(&b':')
        || path.split(['/', '\\']).any(|step| step == "..")
}

/// What is odd of a path that stays in its folder, if anything is.
pub(crate) fn odd(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("is empty")
    } else if path.contains('\\') {
        Some("has a backslash, which is a step on some systems and part of a name on others")
    } else if path.split('/').any(|step| step == "..") {
        Some("has `..` in it")
    } else if path.chars().any(char::is_control) {
        Some("has control characters")
    } else {
        None
    }
}

/// The path as the folder is asked for it: without `.` and empty steps.
pub(crate) fn plain(path: &str) -> String {
    let steps: Vec<&str> = path.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_are_told_from_those_that_stay() {
        for path in [
            "../x",
            "/etc/x",
            "a/../../x",
            "..\\x",
            "./x/../../y",
            "ok\0/../x",
            "file:///x",
            "http://h/x",
            "C:\\x",
            "c:x",
            "\\\\host\\x",
            "a\\..\\..\\x",
            ".. /x",
        ] {
            assert!(leaves(path).is_some(), "{path}");
        }
        for path in ["x", "a/b.bin", "./x", "a..b", "...", "a/../b", "layer:0", "a\\b", "xy:0/y"] {
            assert_eq!(leaves(path), None, "{path}");
        }
        assert!(odd("a/../b").is_some() && odd("a\\b").is_some() && odd("").is_some());
        assert_eq!((odd("./a/b"), plain("./a//b")), (None, "a/b".to_owned()));
    }
}
