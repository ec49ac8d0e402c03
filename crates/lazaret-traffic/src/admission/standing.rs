//! Where a model stands, and the form in which copies of the verdicts travel: a line of JSON for each model.

use lazaret_core::{Limits, Sha256};
use lazaret_input::json::{Node, parse};
use serde::Serialize;

use super::named::Model;

/// What was decided about a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It crossed, or was admitted, at least once. That never changes.
    Cleared,
    /// It came, and was held or blocked each time, or would have been where that was only observed.
    Held,
    /// It never came.
    Unseen,
}

/// Where a model stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// What was decided.
    pub word: Word,
    /// The files that it is, as far as they are known.
    pub files: Vec<Sha256>,
    /// What is wrong with it now, though it was cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Trouble>,
    /// Why it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

impl Standing {
    /// Of what never came.
    pub const UNSEEN: Self = Self { word: Word::Unseen, files: Vec::new(), troubles: Vec::new(), held: None };
}

/// What is wrong with a file that was cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The file.
    pub sha256: Sha256,
    /// The rules that find something in it, sorted. None where it was admitted for a time that is over.
    pub rules: Vec<String>,
    /// Who has to do with it.
    pub owner: String,
    /// Until when, as the ledger writes times.
    pub until: String,
}

/// Why a model is held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The file.
    pub sha256: String,
    /// The rules that find something in it.
    pub rules: Vec<String>,
    /// The crossing in which it was held.
    pub receipt: String,
    /// Whether it was let through all the same, because verdicts were only observed then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub observed: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(flatten)]
    standing: &'a Standing,
}

/// A model and where it stands, as a line.
pub fn line(model: &Model, standing: &Standing) -> Result<String, serde_json::Error> {
    let (sha256, name, revision) = match model {
        Model::Digest(sha256) => (Some(*sha256), None, None),
        Model::Revision { name, revision } => (None, Some(name.as_str()), Some(revision.as_str())),
    };
    serde_json::to_string(&Line { sha256, name, revision, standing })
}

/// Reads a line; none if it is none.
pub fn read(line: &[u8], limits: &Limits) -> Option<(Model, Standing)> {
    let parsed = parse(line, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    let root = document.root();
    let model = match (root.get("sha256"), root.get("name"), root.get("revision")) {
        (Some(sha256), None, None) => Model::Digest(Sha256::parse(sha256.as_str()?)?),
        (None, Some(name), Some(revision)) => {
            Model::Revision { name: name.as_str()?.to_owned(), revision: revision.as_str()?.to_owned() }
        }
        _ => return None,
    };
    let word = match root.get("word")?.as_str()? {
        "cleared" => Word::Cleared,
        "held" => Word::Held,
        "unseen" => Word::Unseen,
        _ => return None,
    };
    let files = root.get("files")?.items().map(|file| Sha256::parse(file.as_str()?));
    let troubles = root.get("troubles");
    let troubles = troubles.iter().flat_map(Node::items).map(|trouble| {
        Some(Trouble {
            sha256: Sha256::parse(trouble.get("sha256")?.as_str()?)?,
            rules: words(trouble.get("rules")?)?,
            owner: text(&trouble, "owner")?,
            until: text(&trouble, "until")?,
        })
    });
    let held = match root.get("held") {
        None => None,
        Some(held) => Some(Held {
            sha256: text(&held, "sha256")?,
            rules: words(held.get("rules")?)?,
            receipt: text(&held, "receipt")?,
            observed: held.get("observed").and_then(|observed| observed.as_bool()).unwrap_or(false),
        }),
    };
    let standing = Standing {
        word,
        files: files.collect::<Option<_>>()?,
        troubles: troubles.collect::<Option<_>>()?,
        held,
    };
    Some((model, standing))
}

pub(super) fn words(list: Node<'_, '_>) -> Option<Vec<String>> {
    list.items().map(|word| word.as_str().map(str::to_owned)).collect()
}

pub(super) fn text(node: &Node<'_, '_>, key: &str) -> Option<String> {
    node.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_reads_the_same_again(digest in any::<[u8; 32]>(), rules in prop::collection::vec("[a-z.-]{1,20}", 0..4), owner in ".{0,20}", named in any::<bool>()) {
            let sha256 = Sha256(digest);
            let model = if named {
                Model::Revision { name: owner.clone(), revision: "1".to_owned() }
            } else {
                Model::Digest(sha256)
            };
            let trouble = Trouble { sha256, rules: rules.clone(), owner: owner.clone(), until: "x".to_owned() };
            let held = Held { sha256: sha256.to_string(), rules, receipt: owner, observed: named };
            let standing = Standing { word: Word::Cleared, files: vec![sha256], troubles: vec![trouble], held: Some(held) };
            // A name with U+0000 is none that the reader takes.
            let line = line(&model, &standing).unwrap();
            if !line.contains("\\u0000") {
                prop_assert_eq!(read(line.as_bytes(), &Limits::default()), Some((model, standing)));
            }
        }

        #[test]
        fn any_line_is_read_or_is_none(line in ".{0,200}") {
            let _read = read(line.as_bytes(), &Limits::default());
        }
    }
}
