//! The registry that models cross into: received, passed through the checkpoint, kept by their SHA-256. What is known of
//! them stands in the ledger alone.

use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::Arc;

use lazaret_core::{
    Checkpoint, Crossing, CrossingId, Finding, FormatId, Limits, Mode, ModelOrigin, Ordered, Receipt,
    RecordedFile, Sha256, Stopped, Stored, Verdict, Watch,
};
use lazaret_input::{Blobs, Durable, FileSource, SourceReader, parked};
use lazaret_models::{ModelPayload, Terms};
use lazaret_vault::{HeldRecord, HoldFilter, HoldState, Settlement, SqliteVault};
use serde::Serialize;

use crate::cli::one_line;
use crate::compose::{Crossings, Data};
use crate::config::Config;
use crate::exit::CliError;
use crate::reread::Reread;
use crate::{own_rules, signatories, vulnerabilities};

/// What receipts call the registry.
pub(crate) const REGISTRY: &str = "registry";
/// Bytes that are copied at once.
pub(crate) const BLOCK: usize = 1 << 20;

/// The registry over a data directory.
pub(crate) struct Registry {
    checkpoint: Arc<Checkpoint>,
    blobs: Arc<Blobs>,
    mode: Mode,
    crossings: Crossings,
    terms: Arc<Reread<Terms>>,
    limits: Limits,
}

/// What became of one file of a model.
#[derive(Debug, Serialize)]
pub(crate) struct FileFate {
    /// Its name in its model.
    pub(crate) path: String,
    /// Of all its bytes.
    pub(crate) sha256: Option<Sha256>,
    /// What it is.
    pub(crate) format: FormatId,
    /// What was decided; in mode observe, what would have been.
    pub(crate) verdict: Verdict,
    /// By which policies, or whose order.
    pub(crate) policies: Vec<String>,
    /// Whether it was kept back.
    pub(crate) held: bool,
    /// The crossing by which it was in the registry before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<CrossingId>,
    /// What was found.
    pub(crate) findings: Vec<Finding>,
}

/// A model that passed, as far as it did.
pub(crate) struct Passed {
    pub(crate) receipt: Receipt,
    pub(crate) files: Vec<FileFate>,
}

impl Registry {
    /// Opens it over a data directory.
    pub(crate) fn open(data: &Data, config: &Config) -> Result<Self, CliError> {
        let blobs = data.model_store()?;
        let crossings =
            Crossings::new(config, REGISTRY, None, Some("identified"), None)?.into_registry(&blobs);
        let terms = Arc::new(terms_of_now(config)?);
        let checkpoint = Arc::new(data.checkpoint_for_models(&terms)?);
        let (mode, limits) = (config.models_mode()?, config.limits());
        Ok(Self { checkpoint, blobs, mode, crossings, terms, limits })
    }

    /// Where cleared files are kept.
    pub(crate) fn blobs(&self) -> &Arc<Blobs> {
        &self.blobs
    }

    /// The checkpoint.
    pub(crate) fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    /// Whether its verdicts are enforced.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// By what it decides now.
    pub(crate) fn goes_by(&self) -> String {
        let limits: Vec<_> = self.limits.changed().collect();
        format!("{}\n{}\n{limits:?}", self.checkpoint.goes_by(), self.terms.state())
    }

    /// A crossing of a model into the registry. `from` is a path or an address.
    pub(crate) fn crossing(&self, from: &str, model: ModelOrigin) -> Result<Crossing, CliError> {
        let next = self.crossings.next(Path::new(from))?;
        Ok(Crossing { mode: self.mode, model: Some(model), ..next })
    }

    /// Receives a file of the disk: what is inspected is a copy that nobody else writes.
    pub(crate) fn receive(&self, path: &Path, name: &str) -> Result<Stored, CliError> {
        self.receive_from(&mut open_file(path, None)?, name, &path.display().to_string())
    }

    /// Receives a file from wherever it comes. `shown` is how errors name it.
    pub(crate) fn receive_from(
        &self,
        from: &mut dyn Read,
        name: &str,
        shown: &str,
    ) -> Result<Stored, CliError> {
        let failed = |error: io::Error| CliError::failed(shown, error);
        let mut spool = self.blobs.receive().map_err(failed)?;
        let mut block = vec![0; BLOCK];
        loop {
            let read = from.read(&mut block).map_err(failed)?;
            if read == 0 {
                return spool.finish(name).and_then(parked).map_err(failed);
            }
            spool.write_all(block.get(..read).unwrap_or_default()).map_err(failed)?;
        }
    }

    /// On what terms models are looked at now.
    pub(crate) fn terms(&self) -> Terms {
        self.terms.now()
    }

    /// The files of a model that crosses, each read with the others beside it, and with those of it that crossed before. The
    /// crossing is told what is proven of them, and which those are.
    pub(crate) fn payload(
        &self,
        files: Vec<Stored>,
        beside: Vec<Stored>,
        crossing: &mut Crossing,
    ) -> ModelPayload {
        let known = beside.iter().map(RecordedFile::of).collect();
        let mut payload = ModelPayload::part(files, beside, &self.terms.now(), &self.limits);
        if let Some(origin) = &mut crossing.model {
            origin.beside = known;
            payload.prove(origin);
        }
        payload
    }

    /// Passes the files of a model through the checkpoint. Each is decided on its own; what is cleared is in the registry
    /// once this returns.
    pub(crate) fn pass(&self, mut crossing: Crossing, files: Vec<Stored>) -> Result<Passed, Stopped> {
        let payload = self.payload(files, Vec::new(), &mut crossing);
        let model = crossing.model.as_ref().map_or("", |model| &model.name);
        let dataset = format!("{}/{model}", crossing.to);
        let to = self.blobs.passage(crossing.id, &dataset, Durable::BeforeItIsFound);
        let mut fates = Vec::new();
        let receipt = self.checkpoint.pass(crossing, Box::new(payload), to, &mut |seen| {
            if let Watch::Record(judgement) = seen {
                let entry = judgement.entry;
                fates.push(FileFate {
                    path: entry.file.as_ref().map(|file| file.name.clone()).unwrap_or_default(),
                    sha256: entry.file.as_ref().map(|file| file.sha256),
                    format: entry.format,
                    verdict: entry.verdict,
                    policies: entry.policies.clone(),
                    held: entry.held.is_some(),
                    again: entry.again,
                    findings: judgement.findings.to_vec(),
                });
            }
        })?;
        Ok(Passed { receipt, files: fates })
    }
}

/// The files of a model on their way into the registry.
pub(crate) trait Brings {
    /// Receives all of them, each by its name in its model.
    fn receive(&mut self, registry: &Registry) -> Result<Vec<Stored>, CliError>;
}

/// Opens a file of a model. What is no regular file (a pipe, a device) is refused before it is opened. Whoever writes into a
/// folder that is watched may put links to what only we may read there: in an inbox, none is followed.
pub(crate) fn open_file(path: &Path, inbox: Option<&Path>) -> Result<SourceReader, CliError> {
    let file = match inbox {
        Some(inbox) => FileSource::open_below(inbox, path.strip_prefix(inbox).unwrap_or(path)),
        None => FileSource::open(path),
    };
    let file = file.map_err(|error| CliError::failed(path.display().to_string(), error))?;
    Ok(SourceReader::new(Arc::new(file)))
}

/// On what terms models are looked at when they cross, or again.
pub(crate) fn terms(config: &Config) -> Result<Terms, CliError> {
    let (own, _) = own_rules::in_force(config, None)?;
    let database = config.path("data").join(vulnerabilities::FILE);
    let database = database.is_file().then(|| vulnerabilities::open_for_models(config, None)).transpose()?;
    let mut named = Vec::new();
    named.extend(own.sha256().map(|sha256| format!("{} sha256:{sha256}", own_rules::FILE)));
    if let Some(database) = &database {
        named.push(format!("{} {}", vulnerabilities::FILE, database.version()?));
    }
    let against = database.map(vulnerabilities::of_now);
    let signatories = Arc::new(signatories::signatories(config)?);
    Ok(Terms { own: Arc::new(own), against, named: named.into(), signatories, ..Terms::default() })
}

/// The terms of a server: read anew when a file of rules, of known faults or of keys changes.
fn terms_of_now(config: &Config) -> Result<Reread<Terms>, CliError> {
    let mut files = signatories::files(config);
    files.push(own_rules::place(config));
    files.push(config.path("data").join(vulnerabilities::FILE));
    let config = config.clone();
    Reread::new("the rules and facts that models are looked at by", files, move || terms(&config))
}

/// A model's name: letters, digits and `.`, `_`, `-`, in steps with `/` between, none of which is `.` or `..`.
pub(crate) fn model_name(text: &str) -> Result<String, CliError> {
    const MOST: usize = 200;
    let fits = |step: &str| {
        !step.is_empty()
            && step.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            && step.bytes().any(|b| b != b'.')
    };
    if text.len() <= MOST && text.split('/').all(fits) {
        return Ok(text.to_owned());
    }
    Err(CliError::Usage(format!(
        "`{text}` is no name of a model: letters, digits, `.`, `_` and `-`, with `/` between, at most {MOST} \
         (radiology/chest-xray)"
    )))
}

/// The name of a file in its model, as somebody else says it: steps with `/` between, none of which leads out of the model.
pub(crate) fn file_name(said: Vec<u8>) -> Result<String, CliError> {
    let leads_on = |step: &str| !matches!(step, "" | "." | "..") && !step.contains('\0');
    let name = String::from_utf8(said).ok().filter(|name| name.split('/').all(leads_on));
    name.ok_or_else(|| CliError::Usage("a file has no name that it could have in a model".to_owned()))
}

/// A word of a model's origin that is recorded as it stands.
pub(crate) fn origin_word(text: &str) -> Result<String, CliError> {
    const MOST: usize = 500;
    if text.len() > MOST {
        return Err(CliError::Usage(format!("longer than {MOST} bytes: `{text}`")));
    }
    one_line(text).map_err(CliError::Usage)
}

/// The holds of a file, in one state or in any.
pub(crate) fn holds_of(
    vault: &SqliteVault,
    file: Sha256,
    state: Option<HoldState>,
) -> Result<Vec<HeldRecord>, CliError> {
    let (mut found, mut after) = (Vec::new(), None);
    let file = file.to_string();
    loop {
        let page =
            vault.holds(&HoldFilter { after, state, ..HoldFilter::default() }).map_err(CliError::vault)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id);
        found.extend(page.into_iter().filter(|held| held.sha256.as_ref() == Some(&file)));
    }
}

/// Settles every hold of a file as persons ordered.
pub(crate) fn settle_holds(
    vault: &SqliteVault,
    file: Sha256,
    what: Ordered,
    by: &str,
    second: Option<&str>,
) -> Result<(), CliError> {
    for held in holds_of(vault, file, Some(HoldState::Held))? {
        settle_hold(vault, &held, what, by, second)?;
    }
    Ok(())
}

/// Settles one hold. One person may refuse what only two may admit: it stays held, and the order stands.
pub(crate) fn settle_hold(
    vault: &SqliteVault,
    held: &HeldRecord,
    what: Ordered,
    by: &str,
    second: Option<&str>,
) -> Result<(), CliError> {
    let how = if what == Ordered::AdmitModel { Settlement::Released } else { Settlement::Rejected };
    if held.releasable || second.is_some() {
        vault.settle(held.id, how, by, second).map_err(CliError::vault)?;
    }
    Ok(())
}
