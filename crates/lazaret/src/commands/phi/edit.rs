//! `lazaret phi edit`: a text written anew without what was found in it.
//!
//! Tokens stand in the vault and can be revealed again, so a text with tokens is a crossing: opened, recorded and
//! sealed before its first byte is written. The other forms only look; nothing is recorded.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use lazaret_core::{
    Action, Cleared, Clock as _, Crossing, Destination, Format as _, Hint, KeyedDigest, Kind, Label, Output,
    Piece, Profile, Random as _, Sealed, Source, Subject, SystemClock, Undelivered, Vault as _, Verdict,
    Watch, hex,
};
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_input::{FileSource, MemorySource, charset};
use lazaret_ledger::merkle::sha256;
use lazaret_phi::{Editor, With, clinical_content};
use lazaret_vault::SystemRandom;
use serde::Serialize;

use crate::cli::{PhiEditArgs, PhiEditWith};
use crate::commands::phi::look::Look;
use crate::commands::phi::text::{Text, is_stdin, name, read, uninspectable};
use crate::compose::{Crossings, Data, Reading, Told, subject_id};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::report::json_document;

/// What was done to a text, as `--json` tells of it.
#[derive(Serialize)]
struct Report<'a> {
    path: String,
    text: &'a str,
    /// The same in the charset of the file.
    #[serde(skip)]
    bytes: &'a [u8],
    /// How many edits, by label and what was done: `MRN token`.
    edits: BTreeMap<String, u64>,
    /// How many edits took clinical content, by its kind.
    clinical: BTreeMap<&'static str, u64>,
    /// The receipt, where it was a crossing.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// Runs the command.
pub(crate) fn run(
    args: &PhiEditArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let with = match args.with {
        PhiEditWith::Token => return tokens(args, config, json, out),
        PhiEditWith::Redact => With::Redact,
        PhiEditWith::Surrogate => With::Surrogate,
        PhiEditWith::Shift => With::Shift,
        PhiEditWith::Generalise => With::Generalise,
    };
    let mut look = Look::new(&args.look, config)?;
    let editor = if let Some(subject) = args.subject.as_deref() {
        of_subject(with, subject, config, &mut look)?
    } else {
        let mut seed = [0_u8; 32];
        SystemRandom.fill(&mut seed).map_err(|error| CliError::failed("a random seed", error))?;
        Editor::new(with, KeyedDigest(seed), SystemClock.now())
    };
    edit_files(editor, args, &look, config, json, out)
}

/// The editor of a patient: made-up values and moved dates follow from the patient's secret in the vault.
fn of_subject(with: With, subject: &str, config: &Config, look: &mut Look) -> Result<Editor, CliError> {
    let reading = Reading::open(config)?;
    let system = config.text("crossing.system").to_owned();
    let subject = Subject { system, id: subject_id(subject)?.into() };
    let failed = |error| CliError::failed("the vault", error);
    let seed = reading.vault.digest(Some(&subject), b"phi edit").map_err(failed)?;
    let days = reading.vault.shift_days(&subject, &config.purpose()?).map_err(failed)?;
    look.know(reading.vault.known(&subject).map_err(failed)?.as_deref())?;
    Ok(Editor::new(with, seed, SystemClock.now()).moving_by(days))
}

/// Every file in turn, by one editor: texts of one command are of one patient or conversation.
fn edit_files(
    mut editor: Editor,
    args: &PhiEditArgs,
    look: &Look,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    // All of them before the first is written: a file that cannot be read stops the command with nothing written.
    let limits = &config.limits();
    let texts: Vec<Text> =
        args.paths.iter().map(|path| Text::read(path, limits)).collect::<Result<_, _>>()?;
    let mut edited = Vec::new();
    for (path, original) in args.paths.iter().zip(&texts) {
        let text = &original.text;
        let found = look.scan(text)?;
        let made = editor.edit(text, &found).ok_or_else(|| {
            CliError::Usage(format!("{}: the edits overlap; please report this", name(path)))
        })?;
        let mut edits = BTreeMap::new();
        for ((label, done), many) in &made.made {
            *edits.entry(format!("{label} {done}")).or_insert(0) += many;
        }
        let bytes = original.encode(&made.text)?;
        edited.push((path, made.text, bytes, edits, clinical_content(text, &found)));
    }
    let reports: Vec<Report<'_>> = edited
        .iter()
        .map(|(path, text, bytes, edits, clinical)| Report {
            path: name(path),
            text,
            bytes,
            edits: edits.clone(),
            clinical: clinical.clone(),
            receipt: None,
        })
        .collect();
    write(&reports, json, out)?;
    Ok(Exit::Clear)
}

/// The texts on stdout, what was done on stderr; or all of it as one document.
fn write(reports: &[Report<'_>], json: bool, out: &mut impl Write) -> Result<(), CliError> {
    if json {
        return Ok(json_document(out, &reports)?);
    }
    let mut err = std::io::stderr().lock();
    for report in reports {
        out.write_all(report.bytes)?;
        let told =
            |counts: Vec<String>| if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
        let edits = told(report.edits.iter().map(|(what, many)| format!("{many} {what}")).collect());
        writeln!(err, "{}: edited: {edits}", report.path)?;
        if !report.clinical.is_empty() {
            let lost = told(report.clinical.iter().map(|(kind, many)| format!("{many} {kind}")).collect());
            writeln!(err, "{}: looks like clinical content, and was edited: {lost}", report.path)?;
        }
        if let Some(receipt) = &report.receipt {
            writeln!(err, "{}: receipt {receipt}", report.path)?;
        }
    }
    Ok(())
}

/// A crossing for every file: each is sealed before its text is written.
fn tokens(args: &PhiEditArgs, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    if args.look.context.is_some() || args.look.ward.is_some() || args.look.author.is_some() {
        let why = "--context, --ward and --author do not go with tokens: name the patient with --subject, and what \
                   the vault knows of the patient is sought";
        return Err(CliError::Usage(why.to_owned()));
    }
    let profile = token_profile(&config.profile(&args.look.profile)?);
    let mut look = Look::new(&args.look, config)?;
    let data = Data::open(config)?;
    let basis = config.basis()?;
    let checkpoint = data.checkpoint_under(Told::default(), [(basis, profile)].into())?;
    let crossings = Crossings::new(config, "stdout", None, None, None)?;
    let mut notes = NoteFormat::new();
    if let Some(subject) = args.subject.as_deref() {
        let id = subject_id(subject)?;
        notes = notes.about(&id);
        let subject = Subject { system: config.text("crossing.system").to_owned(), id: id.into() };
        let known = data.vault.known(&subject).map_err(|error| CliError::failed("the vault", error))?;
        // Where more is known than can be sought the checkpoint holds the text.
        look.know(known.as_deref().filter(|known| !known.too_much))?;
    }
    let mut held = false;
    let mut texts = Vec::new();
    for path in &args.paths {
        let name = name(path);
        let wrong = |why: String| CliError::Usage(format!("{name}: {why}"));
        // Standard input can be read once: what is looked at again is kept.
        let kept = if is_stdin(path) { Some(read(path, &config.limits())?) } else { None };
        let source: Arc<dyn Source> = match &kept {
            Some(bytes) => Arc::new(MemorySource::new(bytes.clone(), Hint::default())),
            None => Arc::new(FileSource::open(path).map_err(|error| wrong(chain(&error)))?),
        };
        let payload = notes.open(source, &config.limits()).map_err(|refused| wrong(chain(&refused)))?;
        let staged = Staged::default();
        let mut why: Vec<(Verdict, Vec<String>)> = Vec::new();
        let crossing = crossings.next(Path::new(&name))?;
        // The terminal keeps nothing: each time is a destination of its own, and what was written once is written again.
        let crossing = Crossing { to_id: Some(format!("stdout/{}", crossing.id)), ..crossing };
        let passed = checkpoint.pass(crossing, payload, Box::new(staged.clone()), &mut |seen| {
            if let Watch::Record(judgement) = seen
                && judgement.entry.verdict.holds()
            {
                why.push((
                    judgement.entry.verdict,
                    judgement.findings.iter().map(|f| f.id.to_owned()).collect(),
                ));
            }
        });
        let receipt = passed.map_err(|stopped| CliError::failed(name.clone(), stopped))?;
        let receipt_id = receipt.opened.crossing.to_string();
        for (verdict, rules) in why {
            held = true;
            tell_held(&name, verdict, &rules, &receipt_id)?;
        }
        let edits = receipt.sealed.seal.counts.edits.clone();
        let Some((bytes, text)) = staged.take()? else { continue };
        let original = match kept {
            Some(bytes) => Text::decode(bytes).map_err(|error| uninspectable(&name, &error))?,
            None => Text::read(path, &config.limits())?,
        };
        let clinical = clinical_of(&original.text, &look)?;
        texts.push((name, bytes, text, edits, clinical, receipt_id));
    }
    data.close()?;
    let reports: Vec<Report<'_>> = texts
        .iter()
        .map(|(path, bytes, text, edits, clinical, receipt)| Report {
            path: path.clone(),
            text,
            bytes,
            edits: edits.clone(),
            clinical: clinical.clone(),
            receipt: Some(receipt.clone()),
        })
        .collect();
    write(&reports, json, out)?;
    Ok(if held { Exit::Findings } else { Exit::Clear })
}

/// What looks like clinical content in what tokens stand for now. The checkpoint tells counts alone, so the text is looked
/// at once more, by the same detectors with what the vault knows.
fn clinical_of(text: &str, look: &Look) -> Result<BTreeMap<&'static str, u64>, CliError> {
    Ok(clinical_content(text, &look.scan(text)?))
}

fn tell_held(name: &str, verdict: Verdict, rules: &[String], receipt: &str) -> Result<(), CliError> {
    let rules = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
    let mut err = std::io::stderr().lock();
    let verdict = verdict.name();
    writeln!(err, "{name}: {verdict}{rules}; nothing of it is written; receipt {receipt}")?;
    Ok(())
}

/// What the profile reports gives way to tokens; the rest stays.
fn token_profile(of: &Profile) -> Profile {
    let action = |label: Label| if of.reports(label) { Action::Token } else { Action::Keep };
    let whole = Profile::redacting(of.id()).reading_remarks();
    let kinds = Kind::ALL.into_iter().fold(whole, |made, kind| made.set(kind, action(Label::of(kind))));
    Label::SUBS.into_iter().fold(kinds, |made, label| match label.sub {
        Some(sub) => made.set_sub(label.kind, sub, action(label)),
        None => made,
    })
}

/// The text of one crossing, kept until its seal.
#[derive(Debug, Clone, Default)]
struct Staged(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    bytes: Vec<u8>,
    records: u64,
    sealed: bool,
}

impl Staged {
    fn with<T>(&self, what: impl FnOnce(&mut Written) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The text, as it is written and as it is read, where it was cleared and sealed.
    fn take(&self) -> Result<Option<(Vec<u8>, String)>, CliError> {
        let bytes =
            self.with(|text| (text.sealed && text.records > 0).then(|| std::mem::take(&mut text.bytes)));
        let Some(bytes) = bytes else { return Ok(None) };
        let read = charset::decode(&bytes, None).map(|(text, _)| text.into_owned());
        let text = read.map_err(|error| CliError::failed("the edited text", error))?;
        Ok(Some((bytes, text)))
    }
}

impl Destination for Staged {
    fn stage(&mut self, piece: Cleared<Piece>) -> Result<(), Undelivered> {
        let piece = piece.into_piece();
        let Some(bytes) = piece.content.bytes() else {
            return Err(Undelivered { what: "take a file as text", cause: None });
        };
        self.with(|text| {
            text.bytes.extend(bytes);
            text.records += 1;
        });
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Output>, Undelivered> {
        Ok(self.with(|text| {
            let output = Output {
                dataset: "stdout/note".to_owned(),
                name: "text".to_owned(),
                sha256: hex(&sha256(&text.bytes)),
                bytes: text.bytes.len() as u64,
                records: text.records,
            };
            (text.records > 0).then_some(output).into_iter().collect()
        }))
    }

    fn commit(&mut self, _: &Sealed) -> Result<(), Undelivered> {
        self.with(|text| text.sealed = true);
        Ok(())
    }

    fn undo(&mut self) {
        self.with(|text| *text = Written::default());
    }
}
