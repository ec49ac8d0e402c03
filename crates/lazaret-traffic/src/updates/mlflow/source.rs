//! Where a version of a model says that its files lie.

/// A source whose files can be listed through the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `mlflow-artifacts:/PATH`: a path of the server's artifacts.
    Artifacts(String),
    /// `runs:/RUN/PATH`
    Run {
        /// Which run.
        run: String,
        /// A path in its artifacts; empty for all.
        path: String,
    },
    /// `models:/ID`: a logged model.
    Logged(String),
    /// `models:/NAME/VERSION`
    Version {
        /// The registered model.
        name: String,
        /// Its version.
        version: String,
    },
    /// `models:/NAME@ALIAS`
    Alias {
        /// The registered model.
        name: String,
        /// The alias of one of its versions.
        alias: String,
    },
}

impl Source {
    /// Reads a source. None for one that the server does not list: of another store, another server, a file system; and
    /// for one that may mean another thing tomorrow (`models:/NAME/latest`, a stage).
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(":/")?;
        let path = plain(rest)?;
        match scheme {
            "mlflow-artifacts" => Some(Self::Artifacts(path.to_owned())),
            "runs" => {
                let (run, path) = path.split_once('/').unwrap_or((path, ""));
                Some(Self::Run { run: run.to_owned(), path: path.to_owned() })
            }
            "models" => match (path.split_once('/'), path.rsplit_once('@')) {
                (Some((name, version)), _) if is_number(version) => {
                    Some(Self::Version { name: name.to_owned(), version: version.to_owned() })
                }
                (Some(_), _) => None,
                (None, Some((name, alias))) => {
                    let are_words = !name.is_empty() && !alias.is_empty();
                    are_words.then(|| Self::Alias { name: name.to_owned(), alias: alias.to_owned() })
                }
                (None, None) => Some(Self::Logged(path.to_owned())),
            },
            _ => None,
        }
    }
}

/// A path of plain steps: nothing that climbs, and nothing that the server would take for the beginning of a query, an escape
/// or a scheme (it unescapes paths until nothing is left to unescape, and takes them apart as addresses): what is inspected
/// under a name is kept under it.
pub fn plain(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_read_otherwise = path.contains(['%', '?', '#', ';']) || path.trim() != path || loses_case(path);
    (path.split('/').all(is_name) && !is_read_otherwise).then_some(path)
}

/// Whether a path begins like an address with a scheme that is not written in small letters, as it would be kept.
fn loses_case(path: &str) -> bool {
    let Some((scheme, _)) = path.split_once(':') else { return false };
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && scheme.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a text is the name of a file or folder, whatever else is in it: it is escaped where it is asked for.
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    !matches!(text.trim(), "" | "." | "..") && text.chars().all(is_plain)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sources_that_the_server_lists_are_read_and_others_are_not() {
        let run = |run: &str, path: &str| Some(Source::Run { run: run.to_owned(), path: path.to_owned() });
        assert_eq!(Source::parse("runs:/abc/a/model/"), run("abc", "a/model"));
        assert_eq!(Source::parse("runs:/abc"), run("abc", ""));
        assert_eq!(Source::parse("models:/m-1"), Some(Source::Logged("m-1".to_owned())));
        let version = Source::Version { name: "a b".to_owned(), version: "12".to_owned() };
        assert_eq!(Source::parse("models:/a b/12"), Some(version));
        let alias = Source::Alias { name: "a@b".to_owned(), alias: "c".to_owned() };
        assert_eq!(Source::parse("models:/a@b@c"), Some(alias));
        assert_eq!(
            Source::parse("mlflow-artifacts:/1/models/m-1/artifacts"),
            Some(Source::Artifacts("1/models/m-1/artifacts".to_owned()))
        );
        for path in ["a/evil%2Epy", "evil.py?", "evil.py;", " evil.py", "a#b", "C:evil.py", "../a", "a//b"] {
            assert_eq!(plain(path), None, "{path}");
        }
        assert_eq!(plain("a/at 10:00 (1).txt"), Some("a/at 10:00 (1).txt"));
        for no in [
            "s3://bucket/model",
            "dbfs:/model",
            "/tmp/model",
            "file:/tmp/model",
            "file:///tmp/model",
            "mlflow-artifacts://other/1/model",
            "mlflow-artifacts:/",
            "mlflow-artifacts:/1/../2",
            "mlflow-artifacts:/1/%2e%2e/2",
            "runs://host/abc/model",
            "runs:/abc//model",
            "models:/name/latest",
            "models:/name/Production",
            "models:/name/1/2",
            "models:/name@",
            "models://host/name/1",
            "http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/1",
            "model",
            "",
        ] {
            assert_eq!(Source::parse(no), None, "{no}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_plain_source_or_none(text in "(runs:|models:|mlflow-artifacts:|s3:)?/{0,3}([a-z0-9@%]|/|\\.|\\\\|.){0,20}") {
            let path = match Source::parse(&text) {
                Some(Source::Artifacts(path)) => path,
                Some(Source::Run { run, path }) => if path.is_empty() { run } else { format!("{run}/{path}") },
                _ => return Ok(()),
            };
            prop_assert!(plain(&path) == Some(path.as_str()) && !path.starts_with('/'));
        }
    }
}
