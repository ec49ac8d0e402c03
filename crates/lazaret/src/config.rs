//! The configuration: one `lazaret.toml`; a flag goes before `LAZARET_*`, that before the file, that before the
//! default. Unknown keys are refused with the nearest known one.

mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_core::{Action, Basis, Deadlines, Label, Limit, Limits, Mode, Profile, Purpose};
use strsim::levenshtein;

pub(crate) use self::settings::SETTINGS;
use crate::cli::one_line;
use crate::exit::{CliError, read_text};
use crate::persons::is_one_person;
use crate::signatories::{self, BUILDERS, SIGNERS};
use crate::watching::{self, WATCHED};

/// Longest configuration file. It is read under this limit, so it cannot set it.
pub(crate) const MAX_CONFIG: Limit = Limit::fixed("config.max_size", 1 << 20);

/// What the names of a model's labels stand under.
const MODEL_LABELS: &str = "phi.model.labels.";
/// What the names of servers of models' files stand under.
pub(crate) const SERVERS: &str = "gates.models.servers.";
/// What the names of registries of images stand under.
pub(crate) const REGISTRIES: &str = "gates.models.registries.";
/// Tables of lines by name: what they stand under, and whether a line can be read.
const NAMED: [(&str, LineCheck); 5] = [
    (SERVERS, |key, line| crate::updates::server(key.strip_prefix(SERVERS).unwrap_or(key), line).map(drop)),
    (REGISTRIES, |key, line| {
        crate::updates::registry(key.strip_prefix(REGISTRIES).unwrap_or(key), line).map(drop)
    }),
    (SIGNERS, signatories::check),
    (BUILDERS, signatories::check),
    (WATCHED, |key, line| watching::Folder::parse(key.strip_prefix(WATCHED).unwrap_or(key), line).map(drop)),
];
/// What is wrong with a line, by its whole key.
type LineCheck = fn(&str, &str) -> Result<(), String>;
/// What is said of a model's label that identifies nobody.
const NO_LABEL: &str = "none";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// A line of a profile: its key, what it says, where it stands.
type Line = (String, String, Origin);

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    values: BTreeMap<String, (String, Origin)>,
    limits: BTreeMap<String, (u64, Origin)>,
    /// What a model's labels are here, by their names: a label, or `none`.
    model_labels: BTreeMap<String, (String, Origin)>,
    /// Profiles of the hospital's own, by name: what each line says, for `lazaret config`.
    profiles: BTreeMap<String, (Profile, Vec<Line>)>,
    /// Lines of the tables [`NAMED`], by their whole keys.
    named: BTreeMap<String, (String, Origin)>,
    /// Who may propose and approve, by name: the digest of each one's token, as `sha256:…`.
    reviewers: BTreeMap<String, (String, Origin)>,
}

impl Config {
    /// Layers the defaults, a file, the environment and the flags. A file named by a flag must exist;
    /// `lazaret.toml` in the working directory is read if it is there.
    pub(crate) fn load(
        file: Option<&Path>,
        known_limits: &[Limit],
        environment: impl Fn(&str) -> Option<String>,
        flags: &[(&str, Option<&str>)],
    ) -> Result<Self, CliError> {
        let defaults = SETTINGS.iter().map(|s| (s.key.to_owned(), (s.default.to_owned(), Origin::Default)));
        let mut config = Self {
            values: defaults.collect(),
            limits: BTreeMap::new(),
            model_labels: BTreeMap::new(),
            profiles: BTreeMap::new(),
            named: BTreeMap::new(),
            reviewers: BTreeMap::new(),
        };
        let named = file.map(Path::to_owned);
        let here = PathBuf::from("lazaret.toml");
        if let Some(path) = named.or_else(|| here.is_file().then_some(here)) {
            config.read(&path, known_limits)?;
        }
        for setting in SETTINGS {
            let name = format!("LAZARET_{}", setting.key.replace('.', "_").to_uppercase());
            if let Some(value) = environment(&name) {
                config.values.insert(setting.key.to_owned(), (value, Origin::Environment(name)));
            }
        }
        Ok(config.with(flags))
    }

    fn read(&mut self, path: &Path, known_limits: &[Limit]) -> Result<(), CliError> {
        self.read_text(path, &read_text(path, MAX_CONFIG)?, known_limits)
    }

    fn read_text(&mut self, path: &Path, text: &str, known_limits: &[Limit]) -> Result<(), CliError> {
        let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(0, |span| text.get(..span.start).unwrap_or("").matches('\n').count() + 1);
            wrong(format!("line {line}: {}", error.message()))
        })?;
        let mut of_profiles: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for (key, value) in flatten(&table) {
            let origin = Origin::File(path.to_owned());
            if let Some((name, line)) = key.strip_prefix("profiles.").and_then(|rest| rest.split_once('.')) {
                of_profiles.entry(name.to_owned()).or_default().push((line.to_owned(), value));
                continue;
            }
            if let Some(name) = key.strip_prefix(MODEL_LABELS) {
                if value != NO_LABEL && Label::parse(&value).is_none() {
                    return Err(wrong(format!("`{key}`: {}, nor `{NO_LABEL}`", no_label(&value))));
                }
                self.model_labels.insert(name.to_owned(), (value, origin));
                continue;
            }
            if let Some((_, check)) = NAMED.iter().find(|(table, _)| key.starts_with(table)) {
                check(&key, &value).map_err(|why| wrong(format!("`{key}`: {why}")))?;
                self.named.insert(key, (value, origin));
                continue;
            }
            if let Some(name) = key.strip_prefix("reviewers.") {
                self.add_reviewer(name, value, origin).map_err(|why| wrong(format!("`{key}`: {why}")))?;
                continue;
            }
            if let Some(limit) = key.strip_prefix("limits.") {
                match known_limits.iter().find(|known| known.key() == limit) {
                    None => {
                        let known = known_limits.iter().filter(|known| !known.is_fixed());
                        return Err(wrong(unknown(limit, known.map(Limit::key), "limit")));
                    }
                    Some(known) if known.is_fixed() => {
                        return Err(wrong(format!("limit `{limit}` is fixed at {}", known.most())));
                    }
                    Some(_) => {}
                }
                let size = parse_size(&value)
                    .ok_or_else(|| wrong(format!("`{key}`: `{value}` is no number or size (`64 MiB`)")))?;
                self.limits.insert(limit.to_owned(), (size, origin));
            } else if SETTINGS.iter().any(|setting| setting.key == key) {
                self.values.insert(key, (value, origin));
            } else {
                return Err(wrong(unknown(&key, SETTINGS.iter().map(|setting| setting.key), "setting")));
            }
        }
        for (name, lines) in of_profiles {
            let profile =
                read_profile(&name, &lines).map_err(|why| wrong(format!("profiles.{name}: {why}")))?;
            let origin = || Origin::File(path.to_owned());
            let lines = lines.into_iter().map(|(line, value)| (line, value, origin())).collect();
            self.profiles.insert(name, (profile, lines));
        }
        Ok(())
    }

    /// One name, one token: whoever has two of either could agree with themselves.
    fn add_reviewer(&mut self, name: &str, digest: String, origin: Origin) -> Result<(), String> {
        one_line(name).map_err(|_| "a reviewer has a name of one line".to_owned())?;
        let hex = digest.strip_prefix("sha256:").unwrap_or("");
        if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(
                "is the line that `lazaret phi knowledge reviewer` prints: sha256: and 64 digits".to_owned()
            );
        }
        for (other, (known, _)) in &self.reviewers {
            if is_one_person(other, name) {
                return Err(format!("`{other}` is the same name"));
            }
            if *known == digest {
                return Err(format!("is the token of `{other}` too; each person has their own"));
            }
        }
        self.reviewers.insert(name.to_owned(), (digest, origin));
        Ok(())
    }

    /// Who may propose entries of the hospital's knowledge and approve those of others: each name with the digest of
    /// its token.
    pub(crate) fn reviewers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reviewers.iter().map(|(name, (digest, _))| (name.as_str(), digest.as_str()))
    }

    /// The lines of a table of named lines (`gates.models.servers.`): each name with what it stands for.
    pub(crate) fn named(&self, table: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.named.iter();
        lines.filter_map(move |(key, (value, _))| Some((key.strip_prefix(table)?, value.as_str())))
    }

    /// A setting that is true or false.
    pub(crate) fn is_true(&self, key: &str) -> Result<bool, CliError> {
        let text = self.text(key);
        text.parse().map_err(|_| CliError::Usage(format!("`{key}`: `{text}` is neither true nor false")))
    }

    /// A setting that is a time.
    pub(crate) fn time(&self, key: &str) -> Result<Duration, CliError> {
        let text = self.text(key);
        parse_duration(text)
            .ok_or_else(|| CliError::Usage(format!("`{key}`: `{text}` is no time (`30 s`, `500 ms`)")))
    }

    /// A setting that is a size.
    pub(crate) fn size(&self, key: &str) -> Result<u64, CliError> {
        let text = self.text(key);
        parse_size(text).ok_or_else(|| CliError::Usage(format!("`{key}`: `{text}` is no size (`64 MiB`)")))
    }

    /// A profile by its name: built in, or of the configuration.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, CliError> {
        let own = self.profiles.get(name).map(|(profile, _)| profile.clone());
        own.or_else(|| Profile::named(name)).ok_or_else(|| {
            let known = Profile::BUILT_IN.into_iter().chain(self.profiles.keys().map(String::as_str));
            let known: Vec<&str> = known.collect();
            CliError::Usage(format!("no profile `{name}`; there are {}", known.join(", ")))
        })
    }

    /// What was given, by a file, the environment or a flag, of the settings below some tables (`actor.`).
    pub(crate) fn given(&self, tables: &[&str]) -> BTreeMap<String, String> {
        let below = |key: &&String| tables.iter().any(|table| key.starts_with(table)) && self.is_given(key);
        self.values.keys().filter(below).map(|key| (key.clone(), self.text(key).to_owned())).collect()
    }

    /// The same with some values set by flags.
    pub(crate) fn with(&self, flags: &[(&str, Option<&str>)]) -> Self {
        let mut config = self.clone();
        for (key, value) in flags {
            if let Some(value) = value {
                config.values.insert((*key).to_owned(), ((*value).to_owned(), Origin::Flag));
            }
        }
        config
    }

    /// One value as text.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |(value, _)| value)
    }

    /// One value as a path.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(self.text(key))
    }

    /// The purpose.
    pub(crate) fn purpose(&self) -> Result<Purpose, CliError> {
        let text = self.text("crossing.purpose");
        Purpose::parse(text).ok_or_else(|| {
            CliError::Usage(format!(
                "`{text}` is no purpose: treatment, payment, operations, research:PROTOCOL or public-health"
            ))
        })
    }

    /// The legal basis.
    pub(crate) fn basis(&self) -> Result<Basis, CliError> {
        let text = self.text("crossing.basis");
        Basis::parse(text).ok_or_else(|| {
            CliError::Usage(format!("`{text}` is no basis: {}", Basis::ALL.map(Basis::name).join(", ")))
        })
    }

    /// Whether the models gate enforces its verdicts.
    pub(crate) fn models_mode(&self) -> Result<Mode, CliError> {
        match self.text("gates.models.mode") {
            "observe" => Ok(Mode::Observe),
            "enforce" => Ok(Mode::Enforce),
            text => {
                Err(CliError::Usage(format!("`gates.models.mode`: `{text}` is neither observe nor enforce")))
            }
        }
    }

    /// The deadlines.
    pub(crate) fn deadlines(&self) -> Result<Deadlines, CliError> {
        Ok(Deadlines { record: self.time("deadlines.record")?, call: self.time("deadlines.call")? })
    }

    /// The number of worker threads.
    pub(crate) fn width(&self) -> Result<usize, CliError> {
        let text = self.text("workers.width");
        let width: usize =
            text.parse().map_err(|_| CliError::Usage(format!("`workers.width`: `{text}` is no number")))?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(if width == 0 { processors } else { width })
    }

    /// The limits.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (key, (most, _)) in &self.limits {
            limits.set(key.clone(), *most);
        }
        limits
    }

    /// What a model's labels are here; none for what identifies nobody.
    pub(crate) fn model_labels(&self) -> BTreeMap<String, Option<Label>> {
        let labels = self.model_labels.iter();
        labels.map(|(name, (value, _))| (name.clone(), Label::parse(value))).collect()
    }

    /// Whether a setting was given: by a file, the environment or a flag.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|(value, origin)| *origin != Origin::Default && !value.is_empty())
    }

    /// Every setting with its value and origin, then every limit.
    pub(crate) fn effective(&self, known_limits: &[Limit]) -> Vec<(String, String, String)> {
        let settings =
            self.values.iter().map(|(key, (value, origin))| (key.clone(), value.clone(), origin.to_string()));
        let limits = known_limits.iter().map(|limit| {
            let key = format!("limits.{}", limit.key());
            match self.limits.get(limit.key()) {
                Some((most, origin)) => (key, most.to_string(), origin.to_string()),
                None if limit.is_fixed() => (key, limit.most().to_string(), "fixed".to_owned()),
                None => (key, limit.most().to_string(), Origin::Default.to_string()),
            }
        });
        let profiles = self.profiles.iter().flat_map(|(name, (_, lines))| {
            let of_line = move |(line, value, origin): &Line| {
                (format!("profiles.{name}.{line}"), value.clone(), origin.to_string())
            };
            lines.iter().map(of_line)
        });
        let labels = self.model_labels.iter();
        let labels = labels.map(|(name, (value, origin))| {
            (format!("{MODEL_LABELS}{name}"), value.clone(), origin.to_string())
        });
        let named = self.named.iter();
        let named = named.map(|(key, (value, origin))| (key.clone(), value.clone(), origin.to_string()));
        let reviewers = self.reviewers.iter().map(|(name, (_, origin))| {
            (format!("reviewers.{name}"), "token set".to_owned(), origin.to_string())
        });
        settings.chain(named).chain(labels).chain(profiles).chain(reviewers).chain(limits).collect()
    }
}

/// A profile from its lines: the one it is made from, and what becomes of labels.
fn read_profile(name: &str, lines: &[(String, String)]) -> Result<Profile, String> {
    if Profile::BUILT_IN.contains(&name) {
        return Err("is built in; choose another name".to_owned());
    }
    let base = lines.iter().find(|(line, _)| line == "base").map(|(_, value)| value.as_str());
    let base = base.ok_or_else(|| {
        format!("has no `base`, the profile it is made from: {}", Profile::BUILT_IN.join(", "))
    })?;
    let profile = Profile::named(base).ok_or_else(|| {
        format!("no built-in profile `{base}`; `base` is one of {}", Profile::BUILT_IN.join(", "))
    })?;
    let mut profile = profile.called(name);
    for (line, value) in lines.iter().filter(|(line, _)| line != "base") {
        let label = Label::parse(line).ok_or_else(|| no_label(line))?;
        let action = Action::parse(value).ok_or_else(|| {
            format!("`{line}`: no action `{value}`; there are {}", Action::ALL.map(Action::name).join(", "))
        })?;
        if !action.applies_to(label) {
            return Err(format!(
                "`{line}`: there is no such thing as to {value} it; only dates are shifted, and only dates, ages \
                 and ZIP codes grow coarser"
            ));
        }
        profile = match label.sub {
            Some(sub) => profile.set_sub(label.kind, sub, action),
            None => profile.set(label.kind, action),
        };
    }
    Ok(profile)
}

/// What is said of a word that is no label.
fn no_label(word: &str) -> String {
    let known = Label::SUBS.map(|label| label.to_string());
    let kinds = lazaret_core::Kind::ALL.map(lazaret_core::Kind::name);
    unknown(word, kinds.into_iter().chain(known.iter().map(String::as_str)), "label")
}

/// The nearest known word, if any is near. What is longer than any word is near none.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    if word.len() > LONGEST {
        return None;
    }
    let (distance, nearest) = known.map(|candidate| (levenshtein(word, candidate), candidate)).min()?;
    (distance <= word.chars().count() / 3 + 1).then_some(nearest)
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>, what: &str) -> String {
    match nearest(key, known) {
        Some(near) => format!("no {what} `{key}`; did you mean `{near}`?"),
        None => format!("no {what} `{key}`; `lazaret config` lists them"),
    }
}

fn flatten(table: &toml::Table) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    for (key, value) in table {
        match value {
            // The keys of limits hold dots themselves: `"json.max_depth" = 64`, or `[limits.json] max_depth`.
            toml::Value::Table(inner) => {
                flat.extend(flatten(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            toml::Value::String(text) => flat.push((key.clone(), text.clone())),
            toml::Value::Integer(number) => flat.push((key.clone(), number.to_string())),
            toml::Value::Float(number) => flat.push((key.clone(), number.to_string())),
            toml::Value::Boolean(truth) => flat.push((key.clone(), truth.to_string())),
            // No setting is a date or a list: the value's check refuses it by this text.
            toml::Value::Datetime(_) | toml::Value::Array(_) => flat.push((key.clone(), "?".to_owned())),
        }
    }
    flat
}

/// `64 MiB`, `10 kB`, `4096`, `100_000`.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.replace('_', "").parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `30 s`, `500 ms`, `5 min`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    Some(match unit.trim() {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lazaret.toml");
        std::fs::write(&file, text).unwrap();
        let known = [Limit::new("json.max_depth", 64), Limit::fixed("config.max_size", 9)];
        Config::load(Some(&file), &known, |_| None, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_are_sorted_and_described() {
        assert!(SETTINGS.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert!(SETTINGS.iter().all(|setting| !setting.about.is_empty()));
    }

    #[test]
    fn a_profile_of_the_hospitals_own_is_checked_line_by_line() {
        let own =
            load("[profiles.registry]\nbase = 'safe-harbor'\n'LOCATION.city' = 'keep'\nDATE = 'shift'\n")
                .unwrap();
        let profile = own.profile("registry").unwrap();
        assert_eq!((profile.id(), profile.action(Label::CITY)), ("registry", Action::Keep));
        assert_eq!(
            (profile.action(Label::DATE), profile.action(Label::STREET)),
            (Action::Shift, Action::Redact)
        );
        assert!(
            own.effective(&[])
                .iter()
                .any(|(key, value, _)| key == "profiles.registry.DATE" && value == "shift")
        );
        assert!(
            own.profile("registri")
                .unwrap_err()
                .to_string()
                .contains("limited-data-set, expert, identified, registry")
        );
        for (lines, why) in [
            ("DATE = 'keep'", "has no `base`"),
            ("base = 'safe'", "no built-in profile `safe`"),
            ("base = 'i2b2'\nDATES = 'keep'", "no label `DATES`; did you mean `DATE`?"),
            ("base = 'i2b2'\nDATE = 'drop'", "no action `drop`; there are keep, token"),
            ("base = 'i2b2'\nNAME = 'shift'", "only dates are shifted"),
        ] {
            let error = load(&format!("[profiles.x]\n{lines}")).unwrap_err();
            assert!(error.contains(why) && error.contains("profiles.x"), "{error}");
        }
        assert!(load("[profiles.expert]\nbase = 'i2b2'").unwrap_err().contains("is built in"));
    }

    const LIMITS: [Limit; 2] = [Limit::new("json.max_depth", 64), Limit::new("xml.max_depth", 256)];

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::load(None, &[], |_| None, &[]).unwrap();
        let read = config.read_text(Path::new("x.toml"), text, &LIMITS);
        read.map(|()| config).map_err(|error| error.to_string())
    }

    /// Words of a configuration, well and badly put together.
    fn pieces() -> impl Strategy<Value = String> {
        let words = [
            "[limits]\n",
            "'json.max_depth'",
            "json.max_depth",
            " = ",
            "64 MiB",
            "'64 MiB'",
            "99999999999999999999",
            "[crossing]\n",
            "basis",
            "'expert'",
            "data",
            "'x'",
            "\n",
            "[",
            "]",
            "{",
            "}",
            "\"",
            "\\u0000",
            "#",
            ".",
            "deadlines.call = '5 min'\n",
            "workers.width = 0x7f\n",
            "1979-05-27",
            "-1",
            "1e400",
            "nan",
            "true",
        ];
        let piece =
            prop_oneof![prop::sample::select(words.to_vec()).prop_map(ToOwned::to_owned), any::<String>()];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_refused_with_the_file(text in pieces()) {
            match read(&text) {
                Ok(config) => {
                    let _all = (config.purpose(), config.basis(), config.deadlines(), config.width());
                    let _limits = config.limits();
                    prop_assert!(config.effective(&LIMITS).len() >= SETTINGS.len());
                }
                Err(error) => prop_assert!(error.starts_with("x.toml: "), "{error}"),
            }
            let _sizes = (parse_size(&text), parse_duration(&text));
        }
    }

    #[test]
    fn a_key_as_long_as_the_file_is_refused_at_once() {
        let error = read(&format!("{} = 1", "a".repeat(1 << 20))).err().unwrap();
        assert!(!error.contains("did you mean"));
        assert!(read(&format!("a = {}", "[".repeat(1 << 20))).is_err());
    }

    #[test]
    fn a_reviewer_is_one_name_with_one_token() {
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        let good = format!("[reviewers]\nana = 'sha256:{one}'\n'M. Tansy' = 'sha256:{two}'");
        let config = read(&good).unwrap();
        assert_eq!(config.reviewers().map(|(name, _)| name).collect::<Vec<_>>(), ["M. Tansy", "ana"]);
        let shown = config.effective(&LIMITS);
        assert!(shown.iter().any(|(key, value, _)| key == "reviewers.ana" && value == "token set"));
        for (lines, why) in [
            (format!("ana = 'sha256:{one}'\nben = 'sha256:{one}'"), "is the token of `ana` too"),
            (format!("ana = 'sha256:{one}'\n'ANA ' = 'sha256:{two}'"), "is the same name"),
            (format!("ana = '{one}'"), "the line that"),
            (format!("ana = 'sha256:{}'", one.to_uppercase()), "the line that"),
            (format!("\"a\\u001b\" = 'sha256:{one}'"), "a name of one line"),
        ] {
            let error = read(&format!("[reviewers]\n{lines}")).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        assert!(
            load("[crossing]\nbasiss = 'x'")
                .unwrap_err()
                .ends_with("no setting `crossing.basiss`; did you mean `crossing.basis`?")
        );
        assert!(
            load("[limits]\n'json.max_dept' = 3").unwrap_err().contains("did you mean `json.max_depth`?")
        );
        assert!(load("a = ").unwrap_err().contains("line 1"));
        assert!(load("[limits]\n'config.max_size' = 3").unwrap_err().ends_with("is fixed at 9"));
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_default() {
        let env = |name: &str| (name == "LAZARET_DATA").then(|| "from-env".to_owned());
        let config = Config::load(None, &[], env, &[]).unwrap();
        assert_eq!(config.text("data"), "from-env");
        let config = Config::load(None, &[], env, &[("data", Some("flag"))]).unwrap();
        assert_eq!(config.text("data"), "flag");
        assert_eq!(config.text("lake"), "lazaret-lake");
    }

    #[test]
    fn sizes_and_times_carry_units() {
        assert_eq!(parse_size("64 MiB"), Some(64 << 20));
        assert_eq!(parse_size("100_000"), Some(100_000));
        assert_eq!(parse_size("64 parsecs"), None);
        assert_eq!(parse_duration("500 ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), None);
        let config = load("[limits]\n'json.max_depth' = 12").unwrap();
        assert_eq!(config.limits().changed().collect::<Vec<_>>(), [("json.max_depth", 12)]);
    }
}
