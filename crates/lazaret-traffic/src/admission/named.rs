//! By what a workload names a model, read from the texts that Kubernetes and `KServe` have for it.

use lazaret_core::Sha256;

/// Longest name or revision that is looked up.
const LONGEST: usize = 500;

/// A model, named so that it is the same tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Model {
    /// One file, or a manifest that lists several, by its SHA-256.
    Digest(Sha256),
    /// What a registry or hub has under a name and a revision.
    Revision {
        /// Its name: `radiology/chest-xray`.
        name: String,
        /// Its revision there.
        revision: String,
    },
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Digest(sha256) => write!(f, "sha256:{sha256}"),
            Self::Revision { name, revision } => write!(f, "{name}@{revision}"),
        }
    }
}

/// What a text of a workload names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// A model.
    Model(Model),
    /// An image that is a model's only if its digest is known as one.
    Perhaps(Sha256),
    /// A model, but not which: nobody can tell what was decided about it.
    Open(Open),
}

/// Why nobody can tell which model is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Open {
    /// A name that may mean another model tomorrow.
    Mutable,
    /// A place that has no digests.
    Place,
    /// No name of a model.
    Nonsense,
}

impl Open {
    /// For a person: why, and the way out.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Mutable => "may mean another model tomorrow; name it with its digest or its commit",
            Self::Place => {
                "is a place, and what lies there is not known; name the model in the annotation lazaret.io/models"
            }
            Self::Nonsense => "names no model; write sha256:… or NAME@REVISION",
        }
    }
}

/// An image by its reference, `registry/name:tag@sha256:…`, as a model.
pub fn image(text: &str) -> Named {
    match digest_of(text) {
        Some(sha256) => Named::Model(Model::Digest(sha256)),
        None => Named::Open(Open::Mutable),
    }
}

/// An image of a container: a model's only if its digest is known as one.
pub fn container_image(text: &str) -> Option<Named> {
    digest_of(text).map(Named::Perhaps)
}

fn digest_of(text: &str) -> Option<Sha256> {
    let (_, digest) = text.rsplit_once('@')?;
    Sha256::parse(digest.strip_prefix("sha256:")?)
}

/// Where a model is fetched from, as `KServe` writes it.
pub fn storage(uri: &str) -> Named {
    let Some((scheme, rest)) = uri.split_once("://") else { return Named::Open(Open::Place) };
    match scheme.to_ascii_lowercase().as_str() {
        "oci" => image(rest),
        "hf" => hub(rest),
        _ => Named::Open(Open::Place),
    }
}

/// `org/model:commit`. What is no commit is a branch or a tag, which moves.
fn hub(rest: &str) -> Named {
    let commit = rest.rsplit_once(':').filter(|(_, commit)| {
        commit.len() == 40 && commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    match commit {
        Some((name, commit)) if is_word(name) => {
            Named::Model(Model::Revision { name: name.to_owned(), revision: commit.to_owned() })
        }
        _ => Named::Open(Open::Mutable),
    }
}

/// One word of the annotation: `sha256:…` or `NAME@REVISION`.
pub fn annotated(word: &str) -> Named {
    if let Some(digits) = word.strip_prefix("sha256:") {
        let digest = Sha256::parse(digits);
        return digest.map_or(Named::Open(Open::Nonsense), |sha256| Named::Model(Model::Digest(sha256)));
    }
    match word.split_once('@') {
        Some((name, revision)) if is_word(name) && is_word(revision) => {
            Named::Model(Model::Revision { name: name.to_owned(), revision: revision.to_owned() })
        }
        _ => Named::Open(Open::Nonsense),
    }
}

fn is_word(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    const COMMIT: &str = "4f1c2e94f1c2e94f1c2e94f1c2e94f1c2e94f1c2";

    #[test]
    fn what_does_not_move_is_a_model() {
        let digest = Named::Model(Model::Digest(Sha256::parse(DIGEST).unwrap()));
        let revision = |name: &str, revision: &str| {
            Named::Model(Model::Revision { name: name.to_owned(), revision: revision.to_owned() })
        };
        for (found, wanted) in [
            (image(&format!("r.example:5000/m:1@sha256:{DIGEST}")), digest.clone()),
            (storage(&format!("oci://r.example/m@sha256:{DIGEST}")), digest.clone()),
            (storage(&format!("hf://org/model:{COMMIT}")), revision("org/model", COMMIT)),
            (annotated(&format!("sha256:{DIGEST}")), digest),
            (annotated("radiology/chest@1.2"), revision("radiology/chest", "1.2")),
        ] {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn what_moves_or_names_nothing_is_open() {
        for (found, why) in [
            (image("r.example/m:1"), Open::Mutable),
            (image("r.example/m@sha512:00"), Open::Mutable),
            (storage("hf://org/model"), Open::Mutable),
            (storage("hf://org/model:main"), Open::Mutable),
            (storage("oci://r.example/m:latest"), Open::Mutable),
            (storage("s3://bucket/m"), Open::Place),
            (storage("pvc://claim/m"), Open::Place),
            (storage("/mnt"), Open::Place),
            (annotated("chest"), Open::Nonsense),
            (annotated("@1"), Open::Nonsense),
            (annotated("sha256:12"), Open::Nonsense),
        ] {
            assert_eq!(found, Named::Open(why));
        }
        assert_eq!(container_image("nginx:1.29"), None);
    }

    proptest! {
        #[test]
        fn any_text_names_something_or_nothing(text in "(oci://|hf://|s3://)?.{0,80}(@sha256:[0-9a-f]{60,66})?") {
            let _all = (image(&text), storage(&text), annotated(&text), container_image(&text));
        }
    }
}
