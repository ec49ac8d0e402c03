//! How `phi scan` and `phi edit` look at a text: which labels count, and what is known around it.

use std::path::Path;

use lazaret_core::{Detection, Known, KnownFact, Label, Limit, Limits, Profile};
use lazaret_input::{json, read_file};
use lazaret_phi::{Assessment, Scanner, Setting};
use serde::Deserialize;

use crate::cli::PhiLookArgs;
use crate::config::Config;
use crate::exit::{CliError, chain};
use crate::knowledge;

/// Longest file of what is known around a text, in bytes.
pub(crate) const MAX_CONTEXT: Limit = Limit::new("phi.max_context", 1 << 20);

/// The scanner with what it is told.
pub(crate) struct Look {
    scanner: Scanner,
    profile: Profile,
    known: Option<Known>,
    setting: Setting,
}

impl Look {
    /// As the flags say.
    pub(crate) fn new(args: &PhiLookArgs, config: &Config) -> Result<Self, CliError> {
        let known = args.context.as_deref().map(|path| read_context(path, &config.limits())).transpose()?;
        let profile = config.profile(&args.profile)?;
        Ok(Self {
            scanner: knowledge::scanner(config)?.wide(profile.is_wide()),
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

    /// What identifies someone under the profile.
    pub(crate) fn scan(&self, text: &str) -> Result<Vec<Detection>, CliError> {
        let found = self.scanner.scan_in(text, self.known.as_ref(), self.setting.clone());
        let mut found = found.map_err(|error| CliError::failed("the text could not be inspected", error))?;
        found.retain(|detection| self.profile.reports(detection.label));
        Ok(found)
    }

    /// What there is to say of a text as a whole. What the profile does not report is left in it.
    pub(crate) fn assess(&self, text: &str, detections: &[Detection]) -> Vec<Assessment> {
        self.scanner.assess(text, detections)
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
