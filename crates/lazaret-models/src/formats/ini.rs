//! Settings as Python's `configparser` reads them (`setup.cfg`, `tox.ini`; Darknet and spaCy write such files too), and what
//! setuptools does with those of a package.

use lazaret_core::{FormatId, Likeness, Severity};

use super::json::{limits, tell_document};
use super::text::{is_text, whole};
use super::{packages, python, requirements};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// A key with its value, as Python's `configparser` reads them.
pub(super) struct Setting<'t> {
    pub(super) at: u64,
    pub(super) section: &'t str,
    pub(super) key: String,
    pub(super) value: String,
}

/// All of a text.
pub(super) struct Ini<'t> {
    pub(super) settings: Vec<Setting<'t>>,
    /// Where the first line stands that is no setting.
    odd: Option<u64>,
}

impl<'t> Ini<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut settings: Vec<Setting<'_>> = Vec::new();
        let (mut at, mut section, mut odd) = (0_u64, "", None);
        // How far the key is indented whose value may go on.
        let mut open = None;
        for whole in text.split_inclusive(['\n', '\r']) {
            let begin = at;
            at = at.saturating_add(whole.len() as u64);
            let line = whole.trim_matches(is_space);
            // Neither ends a value.
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let indent = whole.chars().take_while(|c| is_space(*c)).count();
            if open.is_some_and(|open| indent > open)
                && let Some(setting) = settings.last_mut()
            {
                setting.value.push('\n');
                setting.value.push_str(line);
                continue;
            }
            open = None;
            if let Some((name, _)) = line.strip_prefix('[').and_then(|line| line.rsplit_once(']')) {
                section = name;
            } else if let Some((key, value)) = line.split_once(['=', ':']) {
                open = Some(indent);
                let (key, value) =
                    (key.trim_matches(is_space).to_lowercase(), value.trim_matches(is_space).to_owned());
                settings.push(Setting { at: begin, section, key, value });
            } else {
                odd = odd.or(Some(begin));
            }
        }
        Self { settings, odd }
    }
}

/// Whether Python takes a letter for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// The format.
pub(crate) struct Settings;

impl ModelFormat for Settings {
    fn id(&self) -> FormatId {
        FormatId("ini")
    }

    fn about(&self) -> &'static str {
        "settings in sections (setup.cfg, tox.ini)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cfg", "ini"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let named = self.extensions().contains(&head.extension);
        if named && is_text(head.bytes) { Likeness::ByName } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let text = whole(part, looking.limits.get(python::MAX_SOURCE))?;
        let ini = Ini::of(&text);
        for setting in &ini.settings {
            judge(setting, part, looking);
        }
        values(&ini.settings, part, looking);
        match ini.odd {
            Some(at) => Err(Unread::malformed(at, "a line that is no setting")),
            None => Ok(self.id()),
        }
    }
}

/// What the judges of JSON tell of any document: secrets, command lines, classes to be made.
fn values(settings: &[Setting<'_>], part: &Part, looking: &mut Looking<'_>) {
    let mut document = serde_json::Map::new();
    for setting in settings {
        let section = document.entry(setting.section).or_insert_with(|| serde_json::Map::new().into());
        let Some(section) = section.as_object_mut() else { continue };
        let same = section.entry(setting.key.as_str()).or_insert_with(|| Vec::<String>::new().into());
        same.as_array_mut().into_iter().for_each(|same| same.push(setting.value.as_str().into()));
    }
    // A key that is there once is no list.
    for section in document.values_mut().filter_map(serde_json::Value::as_object_mut) {
        for value in section.values_mut() {
            if let Some([one]) = value.as_array().map(Vec::as_slice) {
                *value = one.clone();
            }
        }
    }
    let written = serde_json::Value::from(document).to_string();
    let parsed = lazaret_input::json::parse(written.as_bytes(), &limits(looking.limits));
    match &parsed.document {
        Some(document) => _ = tell_document(document.root(), part, looking),
        None => looking.unread(part, &Unread::malformed(0, "its keys could not be read")),
    }
}

/// Keys whose value setuptools, or what builds packages by the same file, imports and runs.
const RUNS: &[(&str, &str)] = &[
    ("options", "cmdclass"),
    ("global", "command-packages"),
    ("global", "setup-hooks"),
    ("files", "hooks"),
    ("backwards-compat", "setup-hooks"),
];

/// Keys whose value is a list of requirements.
const REQUIRED: &[&str] = &["install-requires", "setup-requires", "tests-require", "requires-dist"];

/// Keys by which pip or setuptools take packages from elsewhere.
const SOURCES: &[&str] = &["index-url", "extra-index-url", "find-links", "trusted-host"];

fn judge(setting: &Setting<'_>, part: &Part, looking: &mut Looking<'_>) {
    let key = setting.key.replace('_', "-");
    let (section, value, at) =
        (setting.section.trim_matches(is_space), setting.value.as_str(), part.at(setting.at));
    let lines = || value.lines().map(str::trim).filter(|line| !line.is_empty());
    if RUNS.contains(&(section, key.as_str())) {
        let says = format!("`{}` names code that a build of the package runs", printed(&setting.key));
        looking.find(&rules::BUILD_CODE, at, says);
    } else if section == "options.entry_points"
        && ["distutils.", "setuptools."].iter().any(|group| key.starts_with(group))
    {
        let says = format!("`{}` has every build of a package run code of this one", printed(&setting.key));
        looking.find(&rules::BUILD_CODE, at, says);
    } else if matches!(section, "metadata" | "options") && value.trim_start().starts_with("attr:") {
        let says = "setuptools takes it from an attribute, and may import the package for it".to_owned();
        looking.find_as(Severity::Low, &rules::BUILD_CODE, at, says);
    } else if section == "options" && REQUIRED.contains(&key.as_str()) || section == "options.extras_require"
    {
        for line in lines().filter(|line| !line.starts_with("file:")) {
            packages::required(line, part.at(setting.at), "setup.cfg", looking);
            requirements::comes_from(line, || part.at(setting.at), looking);
        }
    } else if SOURCES.contains(&key.as_str()) {
        for line in lines() {
            requirements::comes_from(&format!("--{key} {line}"), || part.at(setting.at), looking);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::Inspected;

    const USUAL: &str = "[metadata]\nname = a\nversion = 1.0\n# So it is.\n[options]\npackages = find:\ninstall_requires =\n    \
        torch==2.1.0\n    numpy\n\n[options.entry_points]\nconsole_scripts =\n    a = a.cli:main\n\n[flake8]\nmax-line-length = 110\n";

    #[test]
    fn usual_settings_pass_and_code_of_the_folder_is_told() {
        let report = scan(USUAL, "setup.cfg");
        assert_eq!((report.format.0, report.inspected, told(&report)), ("ini", Inspected::Whole, Vec::new()));
        assert!(report.components.iter().any(|component| component.name == "torch"));
        let at = USUAL.len();
        for (more, is) in [
            ("[options]\ncmdclass = build = a.Build\n", "package.build-code"),
            ("[options]\nCmdClass =\n  build = a.Build\n", "package.build-code"),
            ("[global]\ncommand_packages = a.commands\n", "package.build-code"),
            ("[metadata]\nversion = attr: a.__version__\n", "package.build-code"),
            ("[options.entry_points]\ndistutils.commands =\n  x = a:X\n", "package.build-code"),
            ("[options]\nsetup_requires =\n  x @ https://a/x.whl\n", "requirements.foreign-source"),
            ("[easy_install]\nindex_url = https://a/simple\n", "requirements.foreign-source"),
            ("[global]\ntrusted-host = a\n", "requirements.foreign-source"),
        ] {
            let begin = at + more.find('\n').unwrap() + 1;
            assert_eq!(
                told(&scan(format!("{USUAL}{more}"), "setup.cfg")),
                [format!("{is} setup.cfg@{begin}")],
                "{more}"
            );
        }
    }

    #[test]
    fn what_is_no_setting_and_secrets_are_told() {
        assert_eq!(
            told(&scan("[net]\nbatch=1\n[convolutional]\nsize=3\n[convolutional]\nsize=3\n", "a.cfg")),
            [""; 0]
        );
        assert_eq!(told(&scan("[a]\nb = 1\nwhat is this\n", "a.cfg")), ["format.malformed a.cfg@10"]);
        assert_eq!(
            told(&scan("[a]\npassword = Xk3-9fLq02vZ\n", "a.ini")),
            ["config.secret a.ini!a.password"]
        );
        let binary = [&b"[a]\nb = 1\n"[..], &b"#".repeat(20_000), b"\n\0\x01\x02"].concat();
        assert_eq!(told(&scan(binary, "a.ini")), ["format.malformed a.ini@20011"]);
    }

    proptest! {
        #[test]
        fn any_settings_end(text in "(\\[options\\]|cmdclass|attr:|=|:|\n| |%|\\PC){0,60}") {
            scan(text, "setup.cfg");
        }
    }
}
