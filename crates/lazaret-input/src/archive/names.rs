//! What a path of a file does to the folder that it is relative to: a member's name to the folder it is unpacked into, a
//! model's path to a file beside it. The one judge of that.

use std::fmt;

/// Why a path leaves its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// It begins at the root.
    Absolute,
    /// It begins at a drive of Windows.
    Drive,
    /// It has more `..` than folders before them.
    Climbs,
}

/// As said of a member: `it is absolute`.
impl fmt::Display for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "it is absolute",
            Self::Drive => "it names a drive",
            Self::Climbs => "its `..` lead out of the folder",
        })
    }
}

/// Why a path leaves the folder, if it does. Both kinds of slash separate: which one does depends on the system.
pub fn leaves(path: &str) -> Option<Leaves> {
    rooted(path).or_else(|| climbs(0, path).then_some(Leaves::Climbs))
}

/// The same for the target of a link, which counts from the folder that the link lies in.
pub fn leaves_by_link(link: &str, target: &str) -> Option<Leaves> {
    let deep = steps(link).filter(|step| !matches!(*step, "" | ".")).count().saturating_sub(1);
    rooted(target).or_else(|| climbs(deep, target).then_some(Leaves::Climbs))
}

fn rooted(name: &str) -> Option<Leaves> {
    if name.starts_with(['/', '\\']) {
        return Some(Leaves::Absolute);
    }
    matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()).then_some(Leaves::Drive)
}

/// Whether the steps lead out, beginning so many folders deep.
fn climbs(deep: usize, name: &str) -> bool {
    let mut depth = deep;
    for step in steps(name) {
        match step.trim_end_matches(' ') {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return true,
            },
            _ => depth = depth.saturating_add(1),
        }
    }
    false
}

fn steps(name: &str) -> impl Iterator<Item = &str> {
    name.split(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_told_from_those_that_stay() {
        for name in
            ["../a", "a/../../b", "/etc/passwd", "..\\..\\a", "C:\\a", "c:a", "\\\\host\\a", "a/..\\../b"]
        {
            assert!(leaves(name).is_some(), "{name}");
        }
        for name in ["a/b", "a/../b", "..a/b", "a..", "./a", "a/b/../../c", "archive/data.pkl", "é:x"] {
            assert_eq!(leaves(name), None, "{name}");
        }
    }

    #[test]
    fn a_link_counts_from_its_own_folder() {
        assert_eq!(leaves_by_link("a/b/link", "../other"), None);
        assert!(leaves_by_link("a/link", "../../other").is_some());
        assert!(leaves_by_link("link", "/etc").is_some());
        assert!(leaves_by_link("blobs/x/link", "C:/x").is_some());
    }
}
