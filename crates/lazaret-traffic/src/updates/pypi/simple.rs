//! Pages of a simple index: HTML (PEP 503) and JSON (PEP 691), read strictly and written anew. Nothing of the page that came
//! is passed on but names, digests, and what a resolver goes by.

use std::collections::BTreeMap;

use lazaret_core::{Limit, LimitExceeded, Limits};
use lazaret_input::json::{self, Node};

use crate::net::url::{Url, UrlError};
use crate::updates::pypi::html::{self, Tag};

/// Most files of one project.
pub const MAX_FILES: Limit = Limit::new("updates.max_project_files", 50_000);

/// A page of a project: its files, as an index lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// The project's name, normalised (PEP 503).
    pub name: String,
    /// Its files, in order.
    pub files: Vec<ListedFile>,
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its name: `torch-2.4.0-cp312-cp312-linux_x86_64.whl`.
    pub name: String,
    /// Where the index says that it is.
    pub url: Url,
    /// Its digests by algorithm, in hex: `sha256`.
    pub hashes: BTreeMap<String, String>,
    /// Which versions of Python it is for (PEP 345).
    pub requires_python: Option<String>,
    /// Withdrawn, and why (PEP 592).
    pub yanked: Option<String>,
    /// Length in bytes (PEP 700).
    pub size: Option<u64>,
}

/// Why a page is not passed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// Not what its media type says.
    #[error("the page is no {0}")]
    Malformed(&'static str),
    /// A version of the interface that is not known.
    #[error("the page is of a version of the simple index that is not known: 1.x is")]
    Version,
    /// A file's address is none.
    #[error("the address of file {number} is none")]
    Address {
        /// Which, from 0.
        number: usize,
        /// Why.
        source: UrlError,
    },
    /// A limit was reached.
    #[error("the page is refused")]
    Limit(#[from] LimitExceeded),
}

/// A project's name as every index writes it (PEP 503); none if it is no name of a project.
pub fn normalised(name: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let at_its_ends = |end: Option<char>| end.is_some_and(|end| end.is_ascii_alphanumeric());
    if name.len() > 200
        || !name.bytes().all(is_name)
        || !at_its_ends(name.chars().next())
        || !at_its_ends(name.chars().last())
    {
        return None;
    }
    let steps = name.split(['-', '_', '.']).filter(|step| !step.is_empty());
    Some(steps.collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

/// Whether a text is a plain name of a file of a project.
pub fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!~".contains(&byte);
    !name.is_empty() && name.len() <= 400 && !name.starts_with('.') && name.bytes().all(is_plain)
}

impl Project {
    /// Reads a page of HTML that came from an address. A link whose text is no name of a file is no file.
    pub fn of_html(name: &str, page: &str, at: &Url, limits: &Limits) -> Result<Self, PageError> {
        let mut files = Vec::new();
        let mut base = at.clone();
        let mut open: Option<(Vec<(String, String)>, String)> = None;
        for piece in html::pieces(page) {
            match piece {
                html::Piece::Tag(Tag { name, attributes, .. }) if name == "base" && files.is_empty() => {
                    if let Some(href) = value(&attributes, "href") {
                        base = at.join(href).map_err(|source| PageError::Address { number: 0, source })?;
                    }
                }
                html::Piece::Tag(Tag { name, is_end: false, attributes }) if name == "a" => {
                    open = Some((attributes, String::new()));
                }
                html::Piece::Text(text) => {
                    if let Some((_, label)) = &mut open {
                        label.push_str(&text);
                    }
                }
                html::Piece::Tag(Tag { name, is_end: true, .. }) if name == "a" => {
                    let Some((attributes, label)) = open.take() else { continue };
                    if let Some(file) = anchor(files.len(), &base, &attributes, label.trim())? {
                        files.push(file);
                        limits.get(MAX_FILES).check(files.len() as u64)?;
                    }
                }
                html::Piece::Tag(_) => {}
            }
        }
        Ok(Self { name: name.to_owned(), files })
    }

    /// Reads a page of JSON that came from an address.
    pub fn of_json(name: &str, page: &[u8], at: &Url, limits: &Limits) -> Result<Self, PageError> {
        let parsed = json::parse(page, limits);
        let document =
            parsed.document.filter(|_| parsed.faults.is_empty()).ok_or(PageError::Malformed("JSON"))?;
        let root = document.root();
        let version = root.get("meta").and_then(|meta| meta.get("api-version")).and_then(|v| v.as_str());
        if !version.is_some_and(|version| version.starts_with("1.")) {
            return Err(PageError::Version);
        }
        let listed = root.get("files").ok_or(PageError::Malformed("list of files"))?;
        let mut files = Vec::new();
        for file in listed.items() {
            limits.get(MAX_FILES).check((files.len() as u64).saturating_add(1))?;
            if let Some(file) = entry(files.len(), at, &file)? {
                files.push(file);
            }
        }
        Ok(Self { name: name.to_owned(), files })
    }

    /// As HTML (PEP 503), each file with the address that is given for it.
    pub fn to_html(&self, address: impl Fn(&ListedFile) -> String) -> String {
        let title = escaped(&self.name);
        let mut page = format!(
            "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.0\"><title>{title}</title>\
             </head><body>\n<h1>{title}</h1>\n"
        );
        for file in &self.files {
            let digest =
                file.hashes.get("sha256").map(|digest| format!("#sha256={digest}")).unwrap_or_default();
            let attribute = |name: &str, value: &Option<String>| {
                value.as_ref().map(|value| format!(" {name}=\"{}\"", escaped(value))).unwrap_or_default()
            };
            page += &[
                "<a href=\"",
                &escaped(&address(file)),
                &digest,
                "\"",
                &attribute("data-requires-python", &file.requires_python),
                &attribute("data-yanked", &file.yanked),
                ">",
                &escaped(&file.name),
                "</a><br>\n",
            ]
            .concat();
        }
        page.push_str("</body></html>\n");
        page
    }

    /// As JSON (PEP 691), each file with the address that is given for it.
    pub fn to_json(&self, address: impl Fn(&ListedFile) -> String) -> String {
        let files = self.files.iter().map(|file| {
            let mut entry = serde_json::json!({
                "filename": file.name, "url": address(file), "hashes": file.hashes,
                "yanked": file.yanked.as_ref().map_or(serde_json::Value::Bool(false), |why| match why.as_str() {
                    "" => serde_json::Value::Bool(true),
                    why => why.into(),
                }),
            });
            if let (Some(fields), Some(python)) = (entry.as_object_mut(), &file.requires_python) {
                fields.insert("requires-python".to_owned(), python.as_str().into());
            }
            if let (Some(fields), Some(size)) = (entry.as_object_mut(), file.size) {
                fields.insert("size".to_owned(), size.into());
            }
            entry
        });
        let files: Vec<_> = files.collect();
        serde_json::json!({ "meta": { "api-version": "1.0" }, "name": self.name, "files": files }).to_string()
    }
}

/// A link of a page of HTML, if it is a file.
fn anchor(
    number: usize,
    base: &Url,
    attributes: &[(String, String)],
    label: &str,
) -> Result<Option<ListedFile>, PageError> {
    let Some(href) = value(attributes, "href").filter(|_| is_file_name(label)) else { return Ok(None) };
    let url = base.join(href).map_err(|source| PageError::Address { number, source })?;
    let digest = href.rsplit_once('#').and_then(|(_, fragment)| fragment.split_once('='));
    let hashes = digest.into_iter().filter_map(|(algorithm, digest)| hash(algorithm, digest)).collect();
    Ok(Some(ListedFile {
        name: label.to_owned(),
        url,
        hashes,
        requires_python: value(attributes, "data-requires-python").and_then(words),
        yanked: value(attributes, "data-yanked").map(|why| words(why).unwrap_or_default()),
        size: None,
    }))
}

/// An entry of a page of JSON, if it is a file whose name is plain.
fn entry(number: usize, at: &Url, file: &Node<'_, '_>) -> Result<Option<ListedFile>, PageError> {
    let text = |key: &str| file.get(key).and_then(|value| value.as_str());
    let (Some(name), Some(url)) = (text("filename").filter(|name| is_file_name(name)), text("url")) else {
        return Ok(None);
    };
    let url = at.join(url).map_err(|source| PageError::Address { number, source })?;
    let hashes = file.get("hashes").map(|hashes| {
        let digests = hashes.members().filter_map(|member| hash(member.key, member.value.as_str()?));
        digests.collect()
    });
    let yanked = file.get("yanked").and_then(|yanked| match (yanked.as_bool(), yanked.as_str()) {
        (Some(true), _) => Some(String::new()),
        (_, Some(why)) => Some(words(why).unwrap_or_default()),
        _ => None,
    });
    Ok(Some(ListedFile {
        name: name.to_owned(),
        url,
        hashes: hashes.unwrap_or_default(),
        requires_python: text("requires-python").and_then(words),
        yanked,
        size: file.get("size").and_then(|size| size.as_number()).and_then(|size| size.parse().ok()),
    }))
}

/// A digest with the name of its algorithm, if they are that.
fn hash(algorithm: &str, digest: &str) -> Option<(String, String)> {
    let is_name = !algorithm.is_empty()
        && algorithm.len() <= 20
        && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_digest =
        !digest.is_empty() && digest.len() <= 256 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_name && is_digest).then(|| (algorithm.to_ascii_lowercase(), digest.to_ascii_lowercase()))
}

/// A line of text that is passed on; none if it is empty, long or more than a line.
fn words(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= 1000 && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn value<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at() -> Url {
        Url::parse("https://index.example/simple/torch/").unwrap()
    }

    const PAGE: &str = r#"<!DOCTYPE html><html><head><title>x</title></head><body><!-- <a href="no">no.whl</a> -->
        <a href="../../packages/t-1.0-py3-none-any.whl#sha256=AB12" data-requires-python="&gt;=3.8">t-1.0-py3-none-any.whl</a>
        <A HREF='https://files.example/t-1.1.tar.gz' data-yanked data-dist-info-metadata="sha256=00">
          t-1.1.tar.gz </A><a href="/help">how to use this</a>
        <a data-yanked="bad &#38; worse" href=t-2.zip>t-2.zip</a></body>"#;

    #[test]
    fn a_page_of_html_is_read_and_written_anew() {
        let project = Project::of_html("torch", PAGE, &at(), &Limits::default()).unwrap();
        let [one, two, three] = project.files.as_slice() else { panic!("{project:?}") };
        assert_eq!(one.url, Url::parse("https://index.example/packages/t-1.0-py3-none-any.whl").unwrap());
        assert_eq!(one.hashes["sha256"], "ab12");
        assert_eq!((one.requires_python.as_deref(), &one.yanked), (Some(">=3.8"), &None));
        assert_eq!((two.name.as_str(), two.yanked.as_deref()), ("t-1.1.tar.gz", Some("")));
        assert_eq!(three.yanked.as_deref(), Some("bad & worse"));
        assert_eq!(three.url.path(), "/simple/torch/t-2.zip");
        let written = project.to_html(|file| format!("/files/{}", file.name));
        assert!(
            !written.contains("metadata") && !written.contains("files.example") && !written.contains("help")
        );
        let again = Project::of_html("torch", &written, &at(), &Limits::default()).unwrap();
        let but_url = |project: &Project| {
            let files = project.files.iter().cloned();
            files.map(|file| ListedFile { url: at(), ..file }).collect::<Vec<_>>()
        };
        assert_eq!(but_url(&again), but_url(&project));
        let json = project.to_json(|file| format!("/files/{}", file.name));
        let again = Project::of_json("torch", json.as_bytes(), &at(), &Limits::default()).unwrap();
        assert_eq!(but_url(&again), but_url(&project));
    }

    #[test]
    fn a_page_of_json_is_read_strictly() {
        let read = |text: &str| Project::of_json("t", text.as_bytes(), &at(), &Limits::default());
        let page = r#"{"meta":{"api-version":"1.1"},"name":"t","files":[
            {"filename":"t-1.whl","url":"https://f.example/t-1.whl","hashes":{"sha256":"00ff"},"size":7,"yanked":"old",
             "core-metadata":{"sha256":"11"},"requires-python":null},
            {"filename":"../t.whl","url":"x","hashes":{}}]}"#;
        let project = read(page).unwrap();
        assert_eq!((project.files.len(), project.files[0].size), (1, Some(7)));
        assert_eq!(project.files[0].yanked.as_deref(), Some("old"));
        assert!(!project.to_json(|file| file.name.clone()).contains("core-metadata"));
        assert!(matches!(read("{"), Err(PageError::Malformed(_))));
        assert!(matches!(read(r#"{"meta":{"api-version":"2.0"},"files":[]}"#), Err(PageError::Version)));
        assert!(matches!(read(r#"{"meta":{"api-version":"1.0"}}"#), Err(PageError::Malformed(_))));
        let bad = r#"{"meta":{"api-version":"1.0"},"files":[{"filename":"a","url":"file:///etc/passwd"}]}"#;
        assert!(matches!(read(bad), Err(PageError::Address { .. })));
        let mut few = Limits::default();
        few.set("updates.max_project_files", 1);
        assert!(matches!(Project::of_html("torch", PAGE, &at(), &few), Err(PageError::Limit(_))));
    }

    #[test]
    fn names_are_normalised() {
        assert_eq!(normalised("Foo._-Bar").as_deref(), Some("foo-bar"));
        assert_eq!(
            (normalised("../x"), normalised("-a"), normalised(""), normalised("a/b")),
            (None, None, None, None)
        );
        assert!(
            is_file_name("a-1.0+cu118!x.whl")
                && !is_file_name("..")
                && !is_file_name("a/b")
                && !is_file_name("a b")
        );
    }

    proptest! {
        #[test]
        fn any_page_is_read_to_plain_names_or_refused(page in "([<>/a \"'=&#;-]|<a href=|</a>|data-yanked|<!--|-->|.){0,80}") {
            if let Ok(project) = Project::of_html("t", &page, &at(), &Limits::default()) {
                prop_assert!(project.files.iter().all(|file| is_file_name(&file.name)));
                let written = project.to_html(|file| format!("/f/{}", file.name));
                let again = Project::of_html("t", &written, &at(), &Limits::default()).unwrap();
                prop_assert_eq!(again.files.len(), project.files.len());
            }
            let _json = Project::of_json("t", page.as_bytes(), &at(), &Limits::default());
        }
    }
}
