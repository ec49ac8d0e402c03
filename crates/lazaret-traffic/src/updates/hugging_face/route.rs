//! What a request to the hub asks for: the addresses that `huggingface_hub` uses to read repositories.

use std::fmt;

use crate::updates::path::{encoded, encoded_path};

/// What kind of repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A model.
    Model,
    /// A dataset.
    Dataset,
    /// A space: an application.
    Space,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Model, Self::Dataset, Self::Space];

    /// As addresses name it: `models`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }

    fn named(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == plural)
    }
}

/// A repository: its kind and its name of one or two steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Its kind.
    pub kind: Kind,
    /// `gpt2`, `org/model`.
    pub name: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Model => f.write_str(&self.name),
            kind => write!(f, "{}/{}", kind.plural(), self.name),
        }
    }
}

impl Repository {
    /// A repository of this name, if it is one.
    fn new(kind: Kind, steps: &[String]) -> Option<Self> {
        (matches!(steps.len(), 1 | 2) && steps.iter().all(|step| is_name(step)))
            .then(|| Self { kind, name: steps.join("/") })
    }

    /// The address of a file of it at a revision, below the hub's.
    pub fn file(&self, revision: &str, file: &str) -> String {
        format!("/{self}/resolve/{}/{}", encoded(revision), encoded_path(file))
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// What is told of a repository: its commit and files.
    Info {
        /// Which.
        repository: Repository,
        /// At which revision; the default branch if none is named.
        revision: Option<String>,
    },
    /// A list of its files with sizes and digests.
    Tree {
        /// Which.
        repository: Repository,
        /// At which revision.
        revision: String,
        /// Below which folder; empty for all.
        folder: String,
    },
    /// The same of some files, named in the request's body.
    Paths {
        /// Which.
        repository: Repository,
        /// At which revision.
        revision: String,
    },
    /// A file.
    File {
        /// Of which.
        repository: Repository,
        /// At which revision.
        revision: String,
        /// Its path in the repository.
        file: String,
    },
}

impl Route {
    /// Reads the decoded steps of a path; none for what is not passed on.
    pub fn of(steps: &[String]) -> Option<Self> {
        if let [api, kind, rest @ ..] = steps
            && api == "api"
        {
            return Self::of_api(Kind::named(kind)?, rest);
        }
        let (kind, rest) = match steps {
            [first, rest @ ..] if first == "datasets" || first == "spaces" => (Kind::named(first)?, rest),
            _ => (Kind::Model, steps),
        };
        let at = rest.iter().take(3).position(|step| step == "resolve").filter(|at| matches!(at, 1 | 2))?;
        let (name, rest) = rest.split_at_checked(at)?;
        let [_resolve, revision, file @ ..] = rest else { return None };
        let repository = Repository::new(kind, name)?;
        let file = Some(file.join("/")).filter(|file| !file.is_empty())?;
        Some(Self::File { repository, revision: is_revision(revision)?, file })
    }

    fn of_api(kind: Kind, steps: &[String]) -> Option<Self> {
        let is_word = |step: &String| matches!(step.as_str(), "revision" | "tree" | "paths-info");
        // A repository of two steps may bear such a word as its name; then nothing or another word follows it.
        let at = match steps {
            [_, word, _, ..] if is_word(word) => 1,
            [_, _, word, _, ..] if is_word(word) => 2,
            [_] | [_, _] => steps.len(),
            _ => return None,
        };
        let (name, rest) = steps.split_at_checked(at)?;
        let repository = Repository::new(kind, name)?;
        Some(match rest {
            [] => Self::Info { repository, revision: None },
            [word, revision] if word == "revision" => {
                Self::Info { repository, revision: Some(is_revision(revision)?) }
            }
            [word, revision, folder @ ..] if word == "tree" => {
                Self::Tree { repository, revision: is_revision(revision)?, folder: folder.join("/") }
            }
            [word, revision] if word == "paths-info" => {
                Self::Paths { repository, revision: is_revision(revision)? }
            }
            _ => return None,
        })
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        match self {
            Self::Info { repository, .. }
            | Self::Tree { repository, .. }
            | Self::Paths { repository, .. }
            | Self::File { repository, .. } => repository,
        }
    }

    /// Its address below the hub's.
    pub fn path(&self) -> String {
        let api = |repository: &Repository| format!("/api/{}/{}", repository.kind.plural(), repository.name);
        match self {
            Self::Info { repository, revision: None } => api(repository),
            Self::Info { repository, revision: Some(revision) } => {
                format!("{}/revision/{}", api(repository), encoded(revision))
            }
            Self::Tree { repository, revision, folder } => {
                let below =
                    if folder.is_empty() { String::new() } else { format!("/{}", encoded_path(folder)) };
                format!("{}/tree/{}{below}", api(repository), encoded(revision))
            }
            Self::Paths { repository, revision } => {
                format!("{}/paths-info/{}", api(repository), encoded(revision))
            }
            Self::File { repository, revision, file } => repository.file(revision, file),
        }
    }
}

/// A step of a repository's name, as the hub allows it.
fn is_name(step: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let at_an_end = |end: char| matches!(end, '-' | '.');
    (1..=96).contains(&step.len())
        && step.bytes().all(is_plain)
        && !step.starts_with(at_an_end)
        && !step.ends_with(at_an_end)
        && !step.contains("..")
        && !step.contains("--")
}

/// A revision: a branch, a tag, a commit, `refs/pr/1`.
fn is_revision(step: &str) -> Option<String> {
    (step.len() <= 256 && !step.contains(char::is_whitespace)).then(|| step.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::updates::path::steps;

    fn route(path: &str) -> Option<Route> {
        Route::of(&steps(path)?)
    }

    #[test]
    fn what_the_client_asks_is_read_and_asked_again_in_the_same_words() {
        for path in [
            "/api/models/gpt2",
            "/api/models/org/model",
            "/api/models/org/tree",
            "/api/models/org/model/revision/main",
            "/api/models/gpt2/revision/refs%2Fpr%2F1",
            "/api/datasets/org/data/tree/main/a/b%20c",
            "/api/models/gpt2/tree/abc",
            "/api/models/org/tree/tree/main",
            "/api/models/org/model/paths-info/main",
            "/gpt2/resolve/main/config.json",
            "/org/model/resolve/refs%2Fpr%2F1/unet/a%20b.bin",
            "/org/resolve/resolve/main/x",
            "/datasets/org/data/resolve/main/x.csv",
            "/spaces/org/app/resolve/main/app.py",
        ] {
            assert_eq!(route(path).unwrap_or_else(|| panic!("{path}")).path(), path);
        }
    }

    #[test]
    fn what_is_no_reading_of_a_repository_is_not_passed_on() {
        for path in [
            "/",
            "/api/models",
            "/api/whoami-v2",
            "/api/models/org/model/xet-read-token/main",
            "/api/models/org/model/commit/main",
            "/org/model/raw/main/x",
            "/org/model/resolve/main",
            "/org/model/resolve/main/",
            "/a/b/c/resolve/main/x",
            "/-org/model/resolve/main/x",
            "/org/mo..del/resolve/main/x",
            "/org/model/resolve/main/../x",
            "/api/models/org/model/paths-info/main/x",
            "/-/pypi/simple/resolve",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }
}
