//! From policy files to a checked policy set, or to a list of all that is wrong with them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator};
use lazaret_core::{Limit, Limits, chain};
use serde::Serialize;

use crate::diagnostic::{nearest, place};
use crate::engine::DEFAULT_DENY;
use crate::{DEFAULTS, Diagnostic, Level, SCHEMA, nesting};

/// Most policy files in a folder.
pub const MAX_POLICY_FILES: Limit = Limit::new("policy.max_files", 256);
/// Longest policy file.
pub const MAX_POLICY_BYTES: Limit = Limit::new("policy.max_file_bytes", 1 << 20);

/// Longest id of a policy.
const MAX_ID_CHARS: usize = 64;
/// Ids that stand in decisions and are no policy's: nothing was permitted; the checkpoint delivered on a
/// care-critical route.
const KEPT_IDS: [&str; 2] = [DEFAULT_DENY, "care-critical"];
/// The actions of the schema.
const ACTIONS: [&str; 5] = ["Allow", "Tokenise", "Redact", "Quarantine", "Block"];
/// The annotations lazaret reads.
const ANNOTATIONS: [&str; 2] = ["id", "why"];

/// A policy file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Its name, for messages.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Whether a policy permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It permits.
    Permit,
    /// It forbids, which wins over every permit.
    Forbid,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        })
    }
}

/// One policy: what it is called, what it is for, where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyNote {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// Its `@why`: a sentence for people. Empty if there is none.
    pub why: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins at, from 1.
    pub line: usize,
}

/// A policy set that was checked.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) set: PolicySet,
    pub(crate) schema: Schema,
    /// In the order of files and lines.
    pub(crate) notes: Vec<PolicyNote>,
}

/// The default policies.
pub(crate) fn embedded() -> Vec<PolicyText> {
    let text = |file: &crate::Embedded| PolicyText { name: file.name.to_owned(), text: file.text.to_owned() };
    DEFAULTS.iter().map(text).collect()
}

/// Reads all `*.cedar` of a folder, sorted by name. Folders within it are not looked into.
pub(crate) fn read_folder(folder: &Path, limits: &Limits) -> Result<Vec<PolicyText>, Vec<Diagnostic>> {
    let shown = folder.display().to_string();
    let refuse = |cause: String| vec![Diagnostic::whole(Level::Error, &shown, cause)];
    let entries =
        std::fs::read_dir(folder).map_err(|error| refuse(format!("the folder cannot be read: {error}")))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| refuse(format!("the folder cannot be read: {error}")))?.path();
        if path.extension().is_some_and(|ending| ending == "cedar") && !path.is_dir() {
            paths.push(path);
            let most = limits.get(MAX_POLICY_FILES);
            most.check(paths.len() as u64).map_err(|error| refuse(error.to_string()))?;
        }
    }
    if paths.is_empty() {
        let nothing = Diagnostic::whole(Level::Error, &shown, "no policy file (*.cedar) in this folder");
        return Err(vec![nothing.help("`lazaret init` writes the default policies")]);
    }
    paths.sort();
    let (mut texts, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.display().to_string();
        match read_file(&path, limits) {
            Ok(text) => texts.push(PolicyText { name, text }),
            Err(cause) => wrong.push(Diagnostic::whole(Level::Error, &name, cause)),
        }
    }
    if wrong.is_empty() { Ok(texts) } else { Err(wrong) }
}

/// Reads one text file within the limit.
pub(crate) fn read_file(path: &Path, limits: &Limits) -> Result<String, String> {
    let bytes =
        lazaret_input::read_file(path, limits.get(MAX_POLICY_BYTES)).map_err(|error| chain(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        format!("not UTF-8 text: byte {} fits in no character", error.utf8_error().valid_up_to())
    })
}

/// Parses and checks a policy set. All errors are found, not only the first.
pub(crate) fn compile(texts: &[PolicyText]) -> Result<Compiled, Vec<Diagnostic>> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA.text)
        .map_err(|error| vec![Diagnostic::whole(Level::Error, SCHEMA.name, error.to_string())])?;
    let mut gathered = Gathered { set: PolicySet::new(), notes: Vec::new(), wrong: Vec::new() };
    for text in texts {
        gathered.take_file(text);
    }
    if gathered.wrong.is_empty() && gathered.notes.is_empty() {
        let file = texts.first().map_or("policies", |text| text.name.as_str());
        let none =
            Diagnostic::whole(Level::Error, file, "no policy is switched on: everything would be blocked");
        gathered.wrong.push(none.help("`lazaret init` writes the default policies"));
    }
    // Policies that were read are checked even where others could not be, so that one run tells everything.
    gathered.validate(&schema, texts);
    let Gathered { set, notes, mut wrong } = gathered;
    if wrong.is_empty() {
        return Ok(Compiled { set, schema, notes });
    }
    wrong.sort();
    wrong.dedup();
    Err(wrong)
}

struct Gathered {
    set: PolicySet,
    notes: Vec<PolicyNote>,
    wrong: Vec<Diagnostic>,
}

impl Gathered {
    /// Adds the policies of one file.
    fn take_file(&mut self, PolicyText { name, text }: &PolicyText) {
        if let Err((offset, limit)) = nesting::check(text) {
            self.wrong.push(Diagnostic::at(Level::Error, name, text, offset, limit.to_string()));
            return;
        }
        let parsed = match PolicySet::from_str(text) {
            Ok(parsed) => parsed,
            Err(errors) => {
                self.wrong.extend(errors.iter().map(|error| told(error, name, text, text.len())));
                return;
            }
        };
        for template in parsed.templates() {
            let offset = text.find(&template.to_cedar()).unwrap_or_default();
            let cause =
                "templates (`?principal`, `?resource`) are never linked, so this would decide nothing";
            let wrong = Diagnostic::at(Level::Error, name, text, offset, cause);
            self.wrong.push(wrong.help("name the actor or gate in the policy itself"));
        }
        // Cedar numbers the policies of a text `policy0`, `policy1`, …; its iterator knows no order.
        let numbered = parsed.policies().map(|policy| (number(policy), policy));
        let mut from = 0;
        for policy in numbered.collect::<BTreeMap<_, _>>().into_values() {
            let source = policy.to_cedar().unwrap_or_default();
            let found = text.get(from..).and_then(|rest| rest.find(&source));
            let offset = found.map_or(from, |found| from.saturating_add(found));
            from = offset.saturating_add(source.len());
            self.take_policy(policy, name, text, offset);
        }
    }

    /// Adds one policy under its `@id`.
    fn take_policy(&mut self, policy: &Policy, file: &str, text: &str, offset: usize) {
        let wrong = |cause: String| Diagnostic::at(Level::Error, file, text, offset, cause);
        let Some(id) = policy.annotation("id") else {
            let near = policy.annotations().find(|(key, _)| nearest(key, ["id"]).is_some());
            let help = near.map_or_else(
                || "write `@id(\"a-name\")` before it: decisions name the policies that made them".to_owned(),
                |(key, _)| format!("did you mean `@id` instead of `@{key}`?"),
            );
            self.wrong.push(wrong("the policy has no `@id`".to_owned()).help(help));
            return;
        };
        if let Err(cause) = id_is_fit(id) {
            self.wrong.push(wrong(cause));
            return;
        }
        if let Some(first) = self.notes.iter().find(|note| note.id == id) {
            let cause =
                format!("two policies have the id `{id}`: the other is at {}:{}", first.file, first.line);
            self.wrong.push(wrong(cause));
            return;
        }
        if let Err(error) = self.set.add(policy.new_id(PolicyId::new(id))) {
            self.wrong.push(wrong(error.to_string()));
            return;
        }
        self.notes.push(PolicyNote {
            id: id.to_owned(),
            effect: match policy.effect() {
                cedar_policy::Effect::Permit => Effect::Permit,
                cedar_policy::Effect::Forbid => Effect::Forbid,
            },
            why: policy.annotation("why").unwrap_or_default().trim().to_owned(),
            file: file.to_owned(),
            line: place(text, offset).0,
        });
    }

    /// Checks what was gathered strictly against the schema. A warning of Cedar's (a policy that can never
    /// apply, text that reads otherwise than it is) is an error here: such a policy does not do what it says.
    fn validate(&mut self, schema: &Schema, texts: &[PolicyText]) {
        let result = Validator::new(schema.clone()).validate(&self.set, ValidationMode::Strict);
        // A wrong name also makes a policy "impossible" or without an action; that follows from it and is not told.
        let follows = |error: &ValidationError| matches!(error, ValidationError::InvalidActionApplication(_));
        let causes: HashSet<_> = result
            .validation_errors()
            .filter(|error| !follows(error))
            .map(ValidationError::policy_id)
            .collect();
        let errors = result
            .validation_errors()
            .filter(|error| !(follows(error) && causes.contains(error.policy_id())))
            .map(|error| (error.policy_id(), error as &dyn miette::Diagnostic));
        let erring: HashSet<_> = result.validation_errors().map(ValidationError::policy_id).collect();
        let warnings = result
            .validation_warnings()
            .filter(|warning| !erring.contains(warning.policy_id()))
            .map(|warning| (warning.policy_id(), warning as &dyn miette::Diagnostic));
        for (id, problem) in errors.chain(warnings) {
            let id: &str = id.as_ref();
            let note = self.notes.iter().find(|note| note.id == id);
            let text = note.and_then(|note| texts.iter().find(|text| text.name == note.file));
            let (Some(note), Some(text)) = (note, text) else {
                self.wrong.push(Diagnostic::whole(Level::Error, id, problem.to_string()));
                continue;
            };
            let mut told = told(problem, &text.name, &text.text, text.text.len());
            if problem.labels().is_none() {
                (told.line, told.column) = (Some(note.line), Some(1));
            }
            self.wrong.push(told);
        }
    }
}

/// One of Cedar's errors with its place and its help.
fn told(error: &dyn miette::Diagnostic, file: &str, text: &str, otherwise: usize) -> Diagnostic {
    // The same fault is found once for each action a policy is about; one line is enough.
    let cause = ACTIONS
        .iter()
        .fold(error.to_string(), |cause, action| cause.replace(&format!(" for Action::\"{action}\""), ""));
    let offset =
        error.labels().and_then(|mut labels| labels.next()).map_or(otherwise, |label| label.offset());
    let told = Diagnostic::at(Level::Error, file, text, offset, cause);
    match error.help() {
        Some(help) => told.help(help.to_string()),
        None => told,
    }
}

fn number(policy: &Policy) -> u64 {
    let id: &str = policy.id().as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

/// Ids stand in receipts, tables and pages: kebab-case words, with dots.
fn id_is_fit(id: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if KEPT_IDS.contains(&id) {
        return Err(format!("the id `{id}` is kept for what lazaret itself decides"));
    }
    if id.is_empty() || !id.chars().all(fits) {
        return Err("an `@id` is written in lower-case letters, digits, `-` and `.`".to_owned());
    }
    if id.len() > MAX_ID_CHARS {
        return Err(format!("an `@id` has at most {MAX_ID_CHARS} characters"));
    }
    Ok(())
}

/// Annotations nobody reads, for `check`.
pub(crate) fn unread_annotations(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.annotations().map(|(key, _)| key).filter(|key| !ANNOTATIONS.contains(key))
}

/// The annotation a misspelt one is nearest to.
pub(crate) fn nearest_annotation(key: &str) -> Option<&'static str> {
    nearest(key, ANNOTATIONS)
}
