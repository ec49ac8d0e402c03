//! A folder that is watched, as settings and commands name it.

use std::path::PathBuf;
use std::time::Duration;

use lazaret_core::ModelOrigin;

use crate::buckets::{NO_ADDRESS, is_bucket, is_plain};
use crate::config::{Config, parse_duration};
use crate::exit::CliError;
use crate::registry::model_name;

/// What the names of folders that a server watches stand under.
pub(crate) const WATCHED: &str = "gates.models.watch.";
/// How long between two looks, where nothing is said.
pub(crate) const INTERVAL: &str = "10 s";

/// A folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Where it lies: a folder, or the address of a bucket.
    pub(crate) inbox: PathBuf,
    /// What its models' names begin with.
    pub(crate) under: Option<String>,
    /// How long between two looks.
    pub(crate) interval: Duration,
    /// Whether verdicts are enforced, where it differs from `gates.models.mode`.
    pub(crate) mode: Option<String>,
}

impl Folder {
    /// From a line of the settings: the folder, then `every=…`, `under=…` and `mode=…` as needed.
    pub(crate) fn parse(name: &str, line: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err("the name stands in logs and pages: letters, digits, `-` and `_`".to_owned());
        }
        // From the end: the path may hold spaces.
        let (mut path, mut interval, mut under, mut mode) = (line.trim(), None, None, None);
        while let Some((before, last)) = path.rsplit_once(char::is_whitespace) {
            let said_twice = match last.split_once('=') {
                Some(("every", time)) => interval.replace(time),
                Some(("under", name)) => under.replace(name),
                Some(("mode", word)) => mode.replace(word),
                _ => break,
            };
            if said_twice.is_some() {
                return Err(format!("`{last}`: it is said twice"));
            }
            path = before.trim_end();
        }
        if path.is_empty() || ["every=", "under=", "mode="].iter().any(|key| path.starts_with(key)) {
            return Err(
                "is a folder, and as needed `every=1min`, `under=radiology` (what the models' names begin with), \
                 `mode=observe` or `mode=enforce`"
                    .to_owned(),
            );
        }
        Self::new(path.into(), interval.unwrap_or(INTERVAL), under, mode).map_err(|error| error.to_string())
    }

    /// From what was named.
    pub(crate) fn new(
        inbox: PathBuf,
        interval: &str,
        under: Option<&str>,
        mode: Option<&str>,
    ) -> Result<Self, CliError> {
        if inbox.to_str().is_some_and(|inbox| is_bucket(inbox) && !is_plain(inbox)) {
            return Err(CliError::Usage(NO_ADDRESS.to_owned()));
        }
        let time = parse_duration(interval)
            .filter(|interval| !interval.is_zero())
            .ok_or_else(|| CliError::Usage(format!("`{interval}` is no time between two looks (`10 s`)")))?;
        if let Some(mode) = mode
            && !matches!(mode, "observe" | "enforce")
        {
            return Err(CliError::Usage(format!("mode: `{mode}` is neither observe nor enforce")));
        }
        let under = under.map(model_name).transpose()?;
        Ok(Self { inbox, under, interval: time, mode: mode.map(str::to_owned) })
    }

    /// The settings by which its models pass.
    pub(crate) fn over(&self, config: &Config) -> Config {
        config.with(&[("gates.models.mode", self.mode.as_deref())])
    }

    /// A model by the name of its file or folder here.
    pub(crate) fn origin(&self, name: &str) -> Result<ModelOrigin, CliError> {
        let name = match &self.under {
            Some(under) => format!("{under}/{name}"),
            None => name.to_owned(),
        };
        Ok(ModelOrigin { name: model_name(&name)?, ..ModelOrigin::default() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_line_is_a_folder_or_refused(line in "(/srv|every=|under=|mode=|1min|enforce|[ \\PC]){0,8}") {
            if let Ok(folder) = Folder::parse("a", &line) {
                prop_assert!(!folder.inbox.as_os_str().is_empty() && !folder.interval.is_zero());
            }
        }
    }

    #[test]
    fn a_line_is_a_folder_and_what_is_said_of_it() {
        let plain = Folder::parse("inbox", "/srv/inbox").unwrap();
        assert_eq!((plain.inbox, plain.interval), (PathBuf::from("/srv/inbox"), Duration::from_secs(10)));
        let all =
            Folder::parse("x-ray", "/srv/new models  every=1min under=radiology mode=enforce ").unwrap();
        assert_eq!(all.inbox, PathBuf::from("/srv/new models"));
        assert_eq!((all.interval, all.mode.as_deref()), (Duration::from_mins(1), Some("enforce")));
        assert_eq!(all.origin("chest").unwrap().name, "radiology/chest");
        assert!(all.origin("no name").is_err());
        for (name, line, why) in [
            ("a b", "/x", "the name stands"),
            ("a", "", "is a folder"),
            ("a", "every=1min", "is a folder"),
            ("a", "/x every=soon", "no time"),
            ("a", "/x every=0s", "no time"),
            ("a", "/x every=1s every=2s", "said twice"),
            ("a", "/x mode=off", "neither observe nor enforce"),
            ("a", "/x under=../y", "no name of a model"),
            ("a", "az://c/p?sig=SECRET every=1min", "no address of a bucket"),
            ("a", "s3://user:SECRET@bucket/p", "no address of a bucket"),
            ("a", "s3:///p", "no address of a bucket"),
        ] {
            let refused = Folder::parse(name, line).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("SECRET"), "{line}: {refused}");
        }
    }
}
