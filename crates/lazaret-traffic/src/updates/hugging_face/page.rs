//! What the hub tells of a repository, passed on without what would lead round the gate: `xetHash` makes a client fetch the
//! file's chunks from another server.

use lazaret_core::Limits;
use lazaret_input::json;

/// Keys of the hub's pages that are left out.
pub(crate) const LEFT_OUT: [&str; 3] = ["xetHash", "xetEnabled", "xet"];

/// The commit that a page about a repository names.
pub fn commit(page: &[u8], limits: &Limits) -> Option<String> {
    let parsed = json::parse(page, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    let commit = document.root().get("sha")?.as_str()?;
    is_commit(commit).then(|| commit.to_owned())
}

/// The names of the files that a page about a repository lists.
pub fn files(page: &[u8], limits: &Limits) -> Option<Vec<String>> {
    let parsed = json::parse(page, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    let files = document.root().get("siblings")?.items();
    let names = files.filter_map(|file| file.get("rfilename")?.as_str());
    Some(names.filter(|name| !name.contains(char::is_control)).map(str::to_owned).collect())
}

/// Whether a text can be a commit.
pub fn is_commit(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lists_its_files() {
        let files = |page: &str| files(page.as_bytes(), &Limits::default());
        let page =
            r#"{"siblings":[{"rfilename":"a/b.onnx"},{"rfilename":1},{"x":"y"},{"rfilename":"a\nb"}]}"#;
        assert_eq!(files(page), Some(vec!["a/b.onnx".to_owned()]));
        assert_eq!((files("{}"), files("no page")), (None, None));
    }

    #[test]
    fn a_page_names_its_commit() {
        let commit = |page: &str| commit(page.as_bytes(), &Limits::default());
        assert_eq!(commit(r#"{"id":"a","sha":"00ff"}"#).as_deref(), Some("00ff"));
        assert_eq!((commit(r#"{"sha":"../x"}"#), commit("[]"), commit(r#"{"sha":1}"#)), (None, None, None));
    }
}
