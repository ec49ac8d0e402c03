//! How the commands of `phi` look at a text: which labels count, and what is known around it.

use std::path::Path;

use lazaret_core::{Detection, Known, KnownFact, Label, Limit, Limits, Profile};
use lazaret_input::{json, read_file};
use lazaret_phi::corpus::Mark;
use lazaret_phi::{Assessment, Scanner, Setting, code_points};
use serde::Deserialize;

use crate::cli::PhiLookArgs;
use crate::config::Config;
use crate::exit::{CliError, chain};
use crate::knowledge::{self, Watched};

/// Longest file of what is known around a text, in bytes.
pub(crate) const MAX_CONTEXT: Limit = Limit::new("phi.max_context", 1 << 20);

/// The scanner with what it is told.
pub(crate) struct Look {
    scanner: Eyes,
    profile: Profile,
    known: Option<Known>,
    setting: Setting,
}

/// How long the hospital's knowledge is what it was.
enum Eyes {
    /// As long as the command runs: all its texts are looked at by the same.
    Still(Scanner),
    /// Until the file changes.
    Watching(Box<Watched>),
}

impl Look {
    /// As the flags say, for a command that ends.
    pub(crate) fn new(args: &PhiLookArgs, config: &Config) -> Result<Self, CliError> {
        Self::by(args, config, Eyes::Still(knowledge::scanner(config)?))
    }

    /// The same for pages that are served: a changed file of the hospital's knowledge counts from then on.
    pub(crate) fn watching(args: &PhiLookArgs, config: &Config) -> Result<Self, CliError> {
        Self::by(args, config, Eyes::Watching(Box::new(Watched::new(config)?)))
    }

    fn by(args: &PhiLookArgs, config: &Config, scanner: Eyes) -> Result<Self, CliError> {
        let known = args.context.as_deref().map(|path| read_context(path, &config.limits())).transpose()?;
        let profile = config.profile(&args.profile)?;
        Ok(Self {
            scanner,
            profile,
            known,
            setting: Setting::new(args.ward.as_deref(), args.author.as_deref()),
        })
    }

    /// What the vault knows of the patient is sought besides.
    pub(crate) fn know(&mut self, known: Option<&Known>) -> Result<(), CliError> {
        let Some(known) = known else { return Ok(()) };
        if known.too_much {
            let why = "more is known of this patient than the vault keeps, so not all of it can be sought";
            return Err(CliError::Usage(why.to_owned()));
        }
        let all = self.known.get_or_insert_default();
        all.facts.extend(known.facts.iter().cloned());
        Ok(())
    }

    fn scanner(&self) -> Scanner {
        let scanner = match &self.scanner {
            Eyes::Still(scanner) => scanner.clone(),
            Eyes::Watching(watched) => watched.scanner(),
        };
        scanner.wide(self.profile.is_wide())
    }

    /// By what it looks now: the detectors' version, with the digest of the hospital's knowledge.
    pub(crate) fn version(&self) -> String {
        self.scanner().version()
    }

    /// What identifies someone under the profile.
    pub(crate) fn scan(&self, text: &str) -> Result<Vec<Detection>, CliError> {
        let found = self.scanner().scan_in(text, self.known.as_ref(), self.setting.clone());
        let mut found = found.map_err(|error| CliError::failed("the text could not be inspected", error))?;
        found.retain(|detection| self.profile.reports(detection.label));
        Ok(found)
    }

    /// What there is to say of a text as a whole. What the profile does not report is left in it.
    pub(crate) fn assess(&self, text: &str, detections: &[Detection]) -> Vec<Assessment> {
        self.scanner().assess(text, detections)
    }
}

/// What was found, as marks of a note: in code points.
pub(crate) fn marks_of(text: &str, found: &[Detection]) -> Vec<Mark> {
    let mark = |((start, end), detection): ((usize, usize), &Detection)| Mark {
        start,
        end,
        label: detection.label.kind.name().to_owned(),
        sub: detection.label.sub.map(str::to_owned),
        score: None,
    };
    code_points(text, found).into_iter().zip(found).map(mark).collect()
}

/// `NAME.patient`
pub(crate) fn label_of(mark: &Mark) -> String {
    match mark.kind() {
        (kind, Some(sub)) => format!("{kind}.{sub}"),
        (kind, None) => kind.to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextFile {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    #[serde(default)]
    numbers: Vec<String>,
    #[serde(default)]
    dates: Vec<String>,
}

/// Reads `{"names": [], "addresses": [], "numbers": [], "dates": []}`.
fn read_context(path: &Path, limits: &Limits) -> Result<Known, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let bytes = read_file(path, limits.get(MAX_CONTEXT)).map_err(|error| wrong(chain(&error)))?;
    let parsed = json::parse(&bytes, limits);
    if let Some(fault) = parsed.faults.first() {
        return Err(wrong(format!("at byte {}: {}", fault.offset, fault.message)));
    }
    let text =
        parsed.document.as_ref().map(json::Document::text).ok_or_else(|| wrong("is not JSON".to_owned()))?;
    let file: ContextFile = serde_json::from_str(text).map_err(|error| {
        // Its own words would quote a value.
        let form = r#"{"names": [], "addresses": [], "numbers": [], "dates": []}, lists of strings"#;
        wrong(format!("line {}: is not of the form {form}", error.line()))
    })?;
    let mut facts = Vec::new();
    let mut add = |label: Label, text: &str| {
        if !text.trim().is_empty() {
            facts.push(KnownFact { label, text: text.trim().to_owned().into() });
        }
    };
    file.names.iter().for_each(|name| add(Label::NAME, name));
    for address in &file.addresses {
        add(Label::STREET, address);
        // A note rarely has the whole of it.
        let parts = address.split([',', ';', '\n']).filter(|part| part.len() < address.len());
        parts.for_each(|part| {
            let label = if part.contains(|c: char| c.is_ascii_digit()) { Label::STREET } else { Label::CITY };
            add(label, part);
        });
    }
    file.numbers.iter().for_each(|number| add(Label::OTHER_ID, number));
    file.dates.iter().for_each(|date| add(Label::DATE, date));
    Ok(Known { facts, too_much: false })
}
