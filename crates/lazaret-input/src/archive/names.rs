//! What a member's name would do to the folder it is unpacked into.

/// Why a name leaves the folder, if it does. Both kinds of slash separate: which one does depends on the system.
pub fn leaves(name: &str) -> Option<&'static str> {
    rooted(name).or_else(|| climbs(0, name).then_some("its `..` lead out of the folder"))
}

/// The same for the target of a link, which counts from the folder that the link lies in.
pub fn leaves_by_link(link: &str, target: &str) -> Option<&'static str> {
    let deep = steps(link).filter(|step| !matches!(*step, "" | ".")).count().saturating_sub(1);
    rooted(target).or_else(|| climbs(deep, target).then_some("its `..` lead out of the folder"))
}

fn rooted(name: &str) -> Option<&'static str> {
    if name.starts_with(['/', '\\']) {
        return Some("it is absolute");
    }
    matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
        .then_some("it names a drive")
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
