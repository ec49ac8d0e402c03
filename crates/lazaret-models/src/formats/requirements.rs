//! Lists of requirements for pip (`requirements.txt`): where the packages come from.

use lazaret_core::{FormatId, Likeness, Locator, Severity};

use super::packages;
use super::text::is_text;
use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// The format.
pub(crate) struct Requirements;

impl Requirements {
    /// Whether a file of this name is such a list.
    pub(crate) fn is_named(file_name: &str) -> bool {
        let stem = file_name.strip_suffix(".txt").or_else(|| file_name.strip_suffix(".in"));
        stem.is_some_and(|stem| stem.contains("requirements") || stem == "constraints")
    }
}

impl ModelFormat for Requirements {
    fn id(&self) -> FormatId {
        FormatId("requirements")
    }

    fn about(&self) -> &'static str {
        "requirements for pip"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "in"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = Self::is_named(head.file_name) || is_metadata(head.file_name, head.bytes);
        if named && is_text(head.bytes) { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(MAX_WHOLE))?;
        let text = String::from_utf8_lossy(&bytes);
        if is_metadata(&part.file_name(), &bytes) {
            metadata(&text, part, looking);
            return Ok(self.id());
        }
        let (mut offset, mut begin, mut line) = (0_usize, 0_usize, String::new());
        for raw in text.split_inclusive('\n') {
            if line.is_empty() {
                begin = offset;
            }
            offset = offset.saturating_add(raw.len());
            let raw = raw.trim_end_matches(['\n', '\r']);
            if let Some(continued) = raw.strip_suffix('\\') {
                line.push_str(continued);
                line.push(' ');
                continue;
            }
            line.push_str(raw);
            packages::required(&line, part.at(begin as u64), "requirements", looking);
            comes_from(&line, || part.at(begin as u64), looking);
            line.clear();
        }
        packages::required(&line, part.at(begin as u64), "requirements", looking);
        comes_from(&line, || part.at(begin as u64), looking);
        Ok(self.id())
    }
}

/// Whether it is what a wheel or a source package says of itself.
fn is_metadata(file_name: &str, head: &[u8]) -> bool {
    matches!(file_name, "metadata" | "pkg-info") && head.starts_with(b"Metadata-Version:")
}

/// What a package needs: `Requires-Dist: torch>=2.1`, above its description.
fn metadata(text: &str, part: &Part, looking: &mut Looking<'_>) {
    let mut at = 0_u64;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at = at.saturating_add(raw.len() as u64);
        let line = raw.trim_end();
        if line.is_empty() {
            return;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        if key.eq_ignore_ascii_case("Requires-Dist") {
            // What follows `;` says when it is needed.
            let value = value.split_once(" ;").map_or(value, |(value, _)| value).trim();
            packages::required(value, part.at(begin), "requires-dist", looking);
            comes_from(value, || part.at(begin), looking);
        }
    }
}

/// Tells of a line for pip that takes packages from elsewhere.
pub(crate) fn comes_from(line: &str, at: impl FnOnce() -> Locator, looking: &mut Looking<'_>) {
    if let Some((severity, why)) = judge(line) {
        looking.find_as(severity, &rules::REQUIREMENTS_FOREIGN_SOURCE, at(), why);
    }
}

/// The same of a channel of conda.
pub(crate) fn channel(name: &str, at: impl FnOnce() -> Locator, looking: &mut Looking<'_>) {
    const OFFICIAL: &[&str] = &["https://conda.anaconda.org/", "https://repo.anaconda.com/"];
    let is_address = name.contains("://") || name.starts_with(['/', '.', '~']);
    if is_address && !OFFICIAL.iter().any(|official| name.starts_with(official)) {
        let says = format!("packages come from another channel: `{}`", printed(&without_login(name)));
        looking.find_as(Severity::High, &rules::REQUIREMENTS_FOREIGN_SOURCE, at(), says);
    }
}

/// What is wrong with a line.
fn judge(line: &str) -> Option<(Severity, String)> {
    // A comment begins at `#` at the start of a word.
    let comment = line.match_indices('#').find(|(at, _)| {
        line.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    });
    let line = comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line).trim();
    if line.is_empty() {
        return None;
    }
    let shown = |what: &str| format!("{what}: `{}`", printed(&without_login(line)));
    let option = line.split(['=', ' ', '\t']).next().unwrap_or_default();
    let value = line.get(option.len()..).unwrap_or_default().trim_start_matches(['=', ' ', '\t']);
    let official = ["https://pypi.org/simple", "https://download.pytorch.org/whl"];
    let is_official = official
        .iter()
        .any(|index| value.strip_prefix(index).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    // pip takes the beginning of a long option for the whole.
    let long = |name: &str, least: usize| option.len() >= least && name.starts_with(option);
    if option.starts_with("--") {
        return if long("--extra-index-url", 4) || long("--index-url", 5) || long("--pypi-url", 4) {
            (!is_official).then(|| (Severity::High, shown("packages come from another index")))
        } else if long("--find-links", 4) {
            (!is_official).then(|| (Severity::High, shown("packages come from another place")))
        } else if long("--trusted-host", 4) {
            Some((Severity::High, shown("a host is trusted without its certificate")))
        } else if long("--editable", 4) {
            Some((Severity::Medium, shown("a package is built from source that is at hand")))
        } else if option == "--global-option" || option == "--install-option" || option == "--config-settings"
        {
            Some((Severity::Medium, shown("an option is given to the build of a package")))
        } else {
            None
        };
    }
    if let Some(rest) = line.strip_prefix("-i").or_else(|| line.strip_prefix("-f")) {
        let value = rest.trim_start_matches(['=', ' ', '\t']);
        let fine = official.iter().any(|index| {
            value.strip_prefix(index).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        return (!fine).then(|| (Severity::High, shown("packages come from another index")));
    }
    if line.starts_with("-e") {
        return Some((Severity::Medium, shown("a package is built from source that is at hand")));
    }
    if let Some(rest) = line.strip_prefix("-r").or_else(|| line.strip_prefix("-c")) {
        let leaves = rest.contains("://") || rest.contains("..") || rest.trim_start().starts_with('/');
        return leaves.then(|| (Severity::Medium, shown("a list of requirements lies elsewhere")));
    }
    let target = line.split_once(" @ ").map_or(line, |(_, target)| target.trim());
    let target = target
        .split_once('@')
        .filter(|(name, _)| !name.contains([':', '/']))
        .map_or(target, |(_, at)| at.trim());
    let vcs = ["git+", "hg+", "svn+", "bzr+", "git:", "ssh:"];
    if vcs.iter().any(|kind| target.starts_with(kind)) {
        return Some((Severity::Medium, shown("a package is built from a repository")));
    }
    if let Some((scheme, _)) = target.split_once("://") {
        let severity = if scheme.eq_ignore_ascii_case("https") { Severity::Medium } else { Severity::High };
        return Some((severity, shown("a package comes from an address")));
    }
    if target.starts_with(['.', '/', '~']) || target.starts_with("file:") {
        return Some((Severity::Medium, shown("a package is built from a path")));
    }
    None
}

/// A line without the login of an address.
pub(crate) fn without_login(line: &str) -> String {
    let Some((before, after)) = line.split_once("://") else { return line.to_owned() };
    match after.split_once('/').map_or((after, ""), |(host, rest)| (host, rest)) {
        (host, _) if !host.contains('@') => line.to_owned(),
        (host, rest) => {
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{before}://{host}/{rest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sources_are_told() {
        for line in [
            "--index-url http://localhost/simple",
            "--extra-index-url=https://a/simple",
            "--extra https://a",
            "-i https://a/simple",
            "--find-links ./wheels",
            "--trusted-host a",
            "-e .",
            "git+https://a/x.git",
            "x @ git+https://a/x.git#egg=x",
            "x@https://a/x.whl",
            "https://a/x.whl",
            "./local",
            "-r ../other.txt",
        ] {
            assert!(judge(line).is_some(), "{line}");
        }
    }

    #[test]
    fn what_a_wheel_needs_is_read() {
        use crate::formats::protobuf::tests::{scan, told};
        let text = "Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: torch>=2.1 ; extra == 'x'\n";
        let more = "Requires-Dist: y @ https://a/y.whl\n\nIt needs:\nRequires-Dist: z @ https://a/z.whl\n";
        let report = scan(format!("{text}{more}"), "METADATA");
        assert!(report.components.iter().any(|component| component.name == "torch"));
        assert_eq!(told(&report), [format!("requirements.foreign-source METADATA@{}", text.len())]);
        assert_eq!(told(&scan(text, "PKG-INFO")), [""; 0]);
    }

    #[test]
    fn plain_pins_are_quiet() {
        for line in [
            "torch==2.1.0 --hash=sha256:abc",
            "transformers>=4.30,<5  # git+https://not.here",
            "# -e .",
            "numpy[extra]; python_version < '3.9'",
            "-r base.txt",
            "--index-url https://pypi.org/simple",
            "--extra-index-url https://download.pytorch.org/whl/cu118",
            "--require-hashes",
            "--pre",
            "",
        ] {
            assert_eq!(judge(line), None, "{line}");
        }
        assert_eq!(without_login("-i https://u:p@h/x"), "-i https://h/x");
    }
}
