//! Joins the rooms: the data directory and its parts, checkpoints, crossings. Nothing else knows how they fit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazaret_core::{
    Actor, Basis, Checkpoint, CheckpointParts, Clock, Crossing, CrossingId, Destination, Detector, Format,
    Gate, Ledger, LedgerError, Limit, Limits, Mode, Order, Ordered, Policy, Profile, Purpose, Random as _,
    Recipient, Sensitive, Signer, SystemClock, ThreadWorkers, Vault,
};
use lazaret_ingest::formats::csv::Schema;
use lazaret_ingest::formats::note::NoteFormat;
use lazaret_ingest::lake::Lake;
use lazaret_input::{Blobs, charset};
use lazaret_ledger::{LedgerReader, SqliteLedger};
use lazaret_models::{AnyModel, Terms};
use lazaret_phi::{PhiRewriter, PhiText};
use lazaret_policy::CedarPolicy;
use lazaret_vault::{Kms, LocalKms, SqliteVault, SystemRandom};

use crate::admission::replica::MAX_SECRET;
use crate::admission::verdicts::{MAX_CROSSINGS, MAX_MANIFEST};
use crate::cli::one_line;
use crate::commands::demo::MAX_EXPECTED;
use crate::commands::phi::{MAX_ANNOTATED, MAX_CONTEXT};
use crate::config::{Config, MAX_CONFIG};
use crate::exit::{CliError, chain, read_text};
use crate::lakes;
use crate::looking::{MemoryOfSubjects, NoLedger};
use crate::orders::{MAX_FILES, MAX_ORDER, MAX_TOLD};
use crate::persons::{check_person, is_one_person};
use crate::proposals::{MAX_PROPOSALS, MAX_PROPOSALS_FILE};
use crate::reread::Reread;
use crate::server::presidio::{MAX_ANSWER, MAX_BODY, MAX_PATTERNS};
use crate::server::review::MAX_TEXT;

/// Workers that may hang before everything is refused.
const MOST_LOST_WORKERS: usize = 16;
/// The passphrase, where there is no terminal to ask on.
pub(crate) const PASSPHRASE: &str = "LAZARET_PASSPHRASE";

/// Every limit of every room. The `[limits]` table changes those that are not fixed.
pub(crate) fn known_limits() -> Vec<Limit> {
    let mut limits: Vec<Limit> = [
        lazaret_core::CORE_LIMITS,
        lazaret_input::LIMITS,
        lazaret_phi::LIMITS,
        lazaret_policy::LIMITS,
        lazaret_ledger::LIMITS,
        lazaret_vault::LIMITS,
        lazaret_ingest::LIMITS,
        lazaret_models::LIMITS,
        lazaret_traffic::LIMITS,
        &[
            MAX_CROSSINGS,
            MAX_MANIFEST,
            MAX_SECRET,
            MAX_SCHEMA,
            MAX_CONFIG,
            MAX_FILES,
            crate::buckets::MAX_OBJECTS,
            MAX_ORDER,
            MAX_TOLD,
            MAX_EXPECTED,
            MAX_ANNOTATED,
            MAX_CONTEXT,
            MAX_ANSWER,
            MAX_BODY,
            MAX_PATTERNS,
            MAX_PROPOSALS,
            MAX_PROPOSALS_FILE,
            MAX_TEXT,
            lakes::MAX_LIST,
        ],
    ]
    .concat();
    limits.sort_by_key(Limit::key);
    limits
}

/// Longest schema file.
const MAX_SCHEMA: Limit = Limit::new("csv.max_schema", 1 << 20);

/// Reads a CSV schema file.
pub(crate) fn read_schema(path: &Path, limits: &Limits) -> Result<Arc<Schema>, CliError> {
    let schema = Schema::parse(&read_text(path, limits.get(MAX_SCHEMA))?);
    schema.map(Arc::new).map_err(|error| CliError::Usage(format!("{}: {}", path.display(), chain(&error))))
}

/// A patient's id as records write it, from `--subject`: `129c` is `Patient/129c`.
pub(crate) fn subject_id(subject: &str) -> Result<String, CliError> {
    let id = subject.trim();
    if id.is_empty() || id.ends_with('/') || id.chars().any(char::is_whitespace) {
        return Err(CliError::Usage("--subject: an id, as `Patient/129c` or `129c`".to_owned()));
    }
    Ok(if id.contains('/') { id.to_owned() } else { format!("Patient/{id}") })
}

/// What the operator tells of the files: it cannot be read from them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'a> {
    /// The schema file of CSV files.
    pub(crate) schema: Option<&'a Path>,
    /// The patient that text notes are about.
    pub(crate) subject: Option<&'a str>,
    /// The charset of text notes.
    pub(crate) charset: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// A schema alone.
    pub(crate) fn schema(schema: &'a Path) -> Self {
        Self { schema: Some(schema), ..Self::default() }
    }

    /// The formats of the ingest gate.
    fn formats(self, limits: &Limits) -> Result<Vec<Arc<dyn Format>>, CliError> {
        let mut notes = NoteFormat::new();
        if let Some(subject) = self.subject {
            notes = notes.about(&subject_id(subject)?);
        }
        if let Some(charset) = self.charset {
            charset::decode(b"", Some(charset))
                .map_err(|error| CliError::Usage(format!("--charset: {error}")))?;
            notes = notes.in_charset(charset);
        }
        Ok(lazaret_ingest::formats(
            self.schema.map(|path| read_schema(path, limits)).transpose()?.into_iter().collect(),
            notes,
        ))
    }
}

fn detectors(config: &Config) -> Result<Vec<Arc<dyn Detector>>, CliError> {
    Ok(vec![Arc::new(PhiText::from(crate::knowledge::scanner(config)?))])
}

fn checkpoint_of(
    config: &Config,
    told: Told<'_>,
    policy: Arc<dyn Policy>,
    vault: Arc<dyn Vault>,
    ledger: Arc<dyn Ledger>,
    profiles: BTreeMap<Basis, Profile>,
) -> Result<Checkpoint, CliError> {
    let (formats, detectors) = (told.formats(&config.limits())?, detectors(config)?);
    let parts = Looking { formats, detectors, more_time: Duration::ZERO };
    joined(config, parts, policy, vault, ledger, profiles)
}

/// Who reads and who looks.
struct Looking {
    formats: Vec<Arc<dyn Format>>,
    detectors: Vec<Arc<dyn Detector>>,
    /// What a record may take beyond its deadline.
    more_time: Duration,
}

fn joined(
    config: &Config,
    looking: Looking,
    policy: Arc<dyn Policy>,
    vault: Arc<dyn Vault>,
    ledger: Arc<dyn Ledger>,
    profiles: BTreeMap<Basis, Profile>,
) -> Result<Checkpoint, CliError> {
    let mut deadlines = config.deadlines()?;
    deadlines.record = deadlines.record.saturating_add(looking.more_time);
    Ok(Checkpoint::new(CheckpointParts {
        formats: looking.formats,
        detectors: looking.detectors,
        policy,
        vault,
        ledger,
        rewriter: Arc::new(PhiRewriter::new(SystemClock.now())),
        workers: ThreadWorkers::new(config.width()?, MOST_LOST_WORKERS),
        clock: Arc::new(SystemClock),
        deadlines,
        limits: config.limits(),
        profiles,
    }))
}

/// A checkpoint that looks at model files: they bring their own reader, and hold no text about a patient that detectors
/// would read. Where every number is read, a file takes `more_time` than the deadline of a record.
pub(crate) fn checkpoint_for_models(
    config: &Config,
    policy: CedarPolicy,
    more_time: Duration,
) -> Result<Checkpoint, CliError> {
    joined(
        config,
        Looking { formats: Vec::new(), detectors: Vec::new(), more_time },
        Arc::new(policy),
        Arc::new(MemoryOfSubjects::new(&config.limits())),
        Arc::new(NoLedger),
        BTreeMap::new(),
    )
}

/// A checkpoint that looks only: nothing is written, and no key is needed.
pub(crate) fn checkpoint_that_looks(
    config: &Config,
    told: Told<'_>,
    policy: CedarPolicy,
) -> Result<Checkpoint, CliError> {
    checkpoint_of(
        config,
        told,
        Arc::new(policy),
        Arc::new(MemoryOfSubjects::new(&config.limits())),
        Arc::new(NoLedger),
        BTreeMap::new(),
    )
}

/// Which policies a look decides by, and where they are from: a folder that was named, else the data directory's if
/// there is one, else the built-in ones. Policies are plain files, so no key is needed.
pub(crate) fn policies_to_look_by(
    config: &Config,
    named: Option<&Path>,
) -> Result<(CedarPolicy, String), CliError> {
    let data = config.path("data");
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None if is_data_directory(&data) => data.join("policies"),
        None => {
            let built_in = CedarPolicy::embedded();
            let built_in = built_in.map_err(|error| CliError::failed("the built-in policies", error))?;
            return Ok((built_in, "built-in".to_owned()));
        }
    };
    let policy =
        CedarPolicy::load(&folder, &config.limits()).map_err(|error| CliError::Usage(chain(&error)))?;
    Ok((policy, folder.display().to_string()))
}

/// The parts of a data directory that only reading needs: another process may be writing.
pub(crate) struct Reading {
    pub(crate) folder: PathBuf,
    pub(crate) vault: Arc<SqliteVault>,
    pub(crate) ledger: LedgerReader,
    limits: Limits,
}

impl Reading {
    /// Opens a data directory for reading.
    pub(crate) fn open(config: &Config) -> Result<Self, CliError> {
        let (folder, vault) = open_vault(config)?;
        let ledger = LedgerReader::open(&folder.join("ledger.db"))
            .map_err(|error| CliError::failed("the ledger could not be opened", error))?;
        Ok(Self { folder, vault, ledger, limits: config.limits() })
    }

    /// The policies of the data directory.
    pub(crate) fn policy(&self) -> Result<CedarPolicy, CliError> {
        policy_of(&self.folder, &self.limits)
    }
}

/// The data directory's ledger, which only reading needs no key for.
pub(crate) fn ledger_of(config: &Config) -> Result<PathBuf, CliError> {
    let path = config.path("data").join("ledger.db");
    if path.is_file() {
        return Ok(path);
    }
    Err(CliError::Usage(format!("{} is no ledger; make one with `lazaret init`", path.display())))
}

/// Only a missing vault means that there is no data directory; one that cannot be read says why itself.
pub(crate) fn is_data_directory(folder: &Path) -> bool {
    folder.join("vault.db").is_file()
}

fn open_vault(config: &Config) -> Result<(PathBuf, Arc<SqliteVault>), CliError> {
    let folder = config.path("data");
    if !is_data_directory(&folder) {
        let why = format!("{} is no data directory; make one with `lazaret init`", folder.display());
        return Err(CliError::Usage(why));
    }
    // A new ledger is made by `init` alone: one made here would hide that the old one is lost.
    if !folder.join("ledger.db").is_file() {
        let folder = folder.display();
        let why = format!(
            "{folder} has no ledger: if `lazaret init` was cut short, run it again; else restore a backup"
        );
        return Err(CliError::Usage(why));
    }
    let kms = kms(config, &folder)?;
    let vault = SqliteVault::open(&folder, kms, Arc::new(SystemClock), &config.limits())
        .map_err(|error| CliError::failed("the vault could not be opened", error))?;
    Ok((folder, Arc::new(vault)))
}

fn write_policies(folder: &Path) -> Result<(), CliError> {
    for folder in [folder, &folder.join("examples")] {
        lazaret_input::create_folder_durably(folder)
            .map_err(|error| CliError::failed("the policies' folder", error))?;
    }
    for policy in
        lazaret_policy::DEFAULTS.iter().chain(lazaret_policy::EXAMPLES).chain([&lazaret_policy::SCHEMA])
    {
        let place = folder.join(policy.name);
        if !place.exists() {
            lazaret_input::write_durably(&place, policy.text.as_bytes())
                .map_err(|error| CliError::failed(place.display().to_string(), error))?;
        }
    }
    Ok(())
}

fn policy_of(folder: &Path, limits: &Limits) -> Result<CedarPolicy, CliError> {
    CedarPolicy::load(&folder.join("policies"), limits).map_err(|error| CliError::Usage(chain(&error)))
}

/// The parts of a data directory.
pub(crate) struct Data {
    pub(crate) folder: PathBuf,
    pub(crate) vault: Arc<SqliteVault>,
    pub(crate) ledger: Arc<SqliteLedger>,
    /// Opened when it is first asked for.
    models: Mutex<Option<Arc<Blobs>>>,
    config: Config,
}

impl Data {
    /// Makes a data directory: policies, vault, ledger. Nothing there is ever overwritten; what an `init` cut
    /// short left is made whole.
    pub(crate) fn init(config: &Config, passphrase: bool) -> Result<Self, CliError> {
        let folder = config.path("data");
        if SqliteVault::exists(&folder) {
            return Self::finish_init(config, folder);
        }
        lazaret_input::create_private_folder_durably(&folder)
            .map_err(|error| CliError::failed(folder.display().to_string(), error))?;
        let kms: Arc<dyn Kms> = if passphrase {
            let first = ask_passphrase("passphrase for the keys: ")?;
            if std::env::var_os(PASSPHRASE).is_none() && ask_passphrase("the same once more: ")? != first {
                return Err(CliError::Usage("the two passphrases differ".to_owned()));
            }
            Arc::new(
                LocalKms::new_passphrase(&first, &SystemRandom)
                    .map_err(|error| CliError::Usage(chain(&error)))?,
            )
        } else {
            let file = key_file(config, &folder);
            let made = if file.exists() {
                LocalKms::key_file(&file, &folder)
            } else {
                LocalKms::create_key_file(&file, &folder, &SystemRandom)
            };
            Arc::new(made.map_err(|error| CliError::Usage(format!("{}: {}", file.display(), chain(&error))))?)
        };
        // Before the vault: where there is a vault, there are policies.
        write_policies(&folder.join("policies"))?;
        let vault = SqliteVault::init(&folder, kms, Arc::new(SystemClock), &config.limits())
            .map_err(|error| CliError::failed("the vault could not be made", error))?;
        Self::with(config, folder, Arc::new(vault))
    }

    /// An `init` cut short left a vault and no ledger, or one without its first checkpoint. The ledger of a vault
    /// that was used is never made anew: its history would be gone.
    fn finish_init(config: &Config, folder: PathBuf) -> Result<Self, CliError> {
        let ledger = LedgerReader::open(&folder.join("ledger.db")).and_then(|ledger| ledger.checkpoint());
        let made = matches!(ledger, Ok(Some(_)));
        let already = || CliError::Usage(format!("{} is a data directory already", folder.display()));
        if made {
            return Err(already());
        }
        let vault =
            SqliteVault::open(&folder, kms(config, &folder)?, Arc::new(SystemClock), &config.limits())
                .map_err(|error| CliError::failed("the vault could not be opened", error))?;
        if !vault.status().map_err(CliError::vault)?.is_new() {
            return Err(already());
        }
        Self::with(config, folder, Arc::new(vault))
    }

    /// Opens a data directory: its key, vault and ledger. What a crash left is ended first.
    pub(crate) fn open(config: &Config) -> Result<Self, CliError> {
        let (folder, vault) = open_vault(config)?;
        Self::with(config, folder, vault)
    }

    /// The same over a vault that is open already: nobody is asked for its passphrase again.
    pub(crate) fn open_over(config: &Config, vault: Arc<SqliteVault>) -> Result<Self, CliError> {
        Self::with(config, config.path("data"), vault)
    }

    fn with(config: &Config, folder: PathBuf, vault: Arc<SqliteVault>) -> Result<Self, CliError> {
        let signer = Arc::clone(&vault) as Arc<dyn Signer>;
        let origin = config.text("ledger.origin");
        let remembered = vault.remembered_log().map_err(CliError::vault)?;
        if let Some(note) = remembered {
            lazaret_ledger::check_remembered(&folder.join("ledger.db"), signer.public_key(), &note)
                .map_err(|error| CliError::failed("the ledger could not be opened", error))?;
        }
        private_file(&folder.join("ledger.db")).map_err(|error| CliError::failed("the ledger", error))?;
        let ledger = SqliteLedger::start(&folder.join("ledger.db"), origin, signer, Arc::new(SystemClock))
            .map_err(|error| CliError::failed("the ledger could not be opened", error))?;
        crate::unfinished::end(&vault, &ledger)?;
        let (ledger, models) = (Arc::new(ledger), Mutex::default());
        let data = Self { folder, vault, ledger, models, config: config.clone() };
        data.remember()?;
        Ok(data)
    }

    /// Lets the vault remember how far the ledger is signed.
    pub(crate) fn remember(&self) -> Result<(), CliError> {
        let failed = |error| CliError::failed("the ledger's checkpoint", error);
        let Some(note) = self.ledger.reader().checkpoint().map_err(failed)? else { return Ok(()) };
        let size = lazaret_ledger::note::Checkpoint::parse(&note).map_err(|error| failed(error.into()))?.size;
        self.vault.remember_log(size, &note).map_err(CliError::vault)
    }

    /// The policies of the data directory.
    pub(crate) fn policy(&self) -> Result<CedarPolicy, CliError> {
        policy_of(&self.folder, &self.config.limits())
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> Limits {
        self.config.limits()
    }

    /// The checkpoint over this data.
    pub(crate) fn checkpoint(&self, told: Told<'_>) -> Result<Checkpoint, CliError> {
        self.checkpoint_under(told, BTreeMap::new())
    }

    /// The same with other profiles for some bases.
    pub(crate) fn checkpoint_under(
        &self,
        told: Told<'_>,
        profiles: BTreeMap<Basis, Profile>,
    ) -> Result<Checkpoint, CliError> {
        let policy = Arc::new(self.policy()?);
        let vault = Arc::clone(&self.vault) as Arc<dyn Vault>;
        let ledger = Arc::clone(&self.ledger) as Arc<dyn Ledger>;
        checkpoint_of(&self.config, told, policy, vault, ledger, profiles)
    }

    fn is_sealed(&self, crossing: CrossingId) -> Result<bool, LedgerError> {
        self.ledger
            .is_sealed_complete(crossing)
            .map_err(|error| LedgerError { what: "tell how a crossing ended", cause: Some(Box::new(error)) })
    }

    /// A lake, with what a crash left in it finished or undone. A name given is the lake's from now on.
    pub(crate) fn lake(
        &self,
        folder: &Path,
        name: Option<&str>,
        schema: Option<&Path>,
    ) -> Result<OpenLake, CliError> {
        let keys = Arc::clone(&self.vault) as Arc<dyn lazaret_core::DataKeys>;
        let failed = |error| CliError::failed(format!("the lake {}", folder.display()), error);
        let filled = |name: &str| {
            let datasets =
                self.ledger.reader().datasets().map_err(|error| CliError::failed("the ledger", error))?;
            Ok(datasets.iter().any(|dataset| dataset.rsplit_once('/').is_some_and(|(lake, _)| lake == name)))
        };
        let known = lakes::settle(&self.folder, folder, name, &filled)?;
        let mut lake = Lake::open(folder, keys, &self.config.limits()).map_err(failed)?;
        lakes::keep(&self.folder, folder, &known)?;
        lake = lake.named(&known.name).map_err(failed)?;
        if let Some(schema) = schema {
            lake = lake.with_table(read_schema(schema, &self.config.limits())?);
        }
        lake.recover(&|crossing| self.is_sealed(crossing))
            .map_err(|error| CliError::failed(format!("the lake {}", folder.display()), error))?;
        Ok(OpenLake { lake, id: known.id })
    }

    /// The checkpoint through which models cross: they bring their own reader.
    pub(crate) fn checkpoint_for_models(&self, terms: &Arc<Reread<Terms>>) -> Result<Checkpoint, CliError> {
        let terms = Arc::clone(terms);
        let looking = Looking {
            formats: vec![Arc::new(AnyModel(move || terms.now()))],
            detectors: Vec::new(),
            more_time: Duration::ZERO,
        };
        let policy = Arc::new(self.policy()?);
        let vault = Arc::clone(&self.vault) as Arc<dyn Vault>;
        let ledger = Arc::clone(&self.ledger) as Arc<dyn Ledger>;
        joined(&self.config, looking, policy, vault, ledger, BTreeMap::new())
    }

    /// Where cleared model files are kept, with what a crash left there finished or undone. All who pass models over this data
    /// have the same one: what one of them has under way is not what a crash left.
    pub(crate) fn model_store(&self) -> Result<Arc<Blobs>, CliError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(models) = models.as_ref() {
            return Ok(Arc::clone(models));
        }
        let folder = model_store_folder(&self.config, &self.folder);
        let failed = |error| CliError::failed(format!("the store of models {}", folder.display()), error);
        let files = lazaret_input::files_to_check(&folder).map_err(failed)?;
        if files > 0 {
            tracing::warn!(files, "files of models that a crash may have cut are read to their end first");
        }
        let opened =
            Blobs::open(&folder, &SystemRandom, &|crossing| self.is_sealed(crossing)).map_err(failed)?;
        if opened.cut() > 0 {
            tracing::warn!(
                files = opened.cut(),
                "files of models that a crash had cut are removed: fetch them again"
            );
        }
        Ok(Arc::clone(models.insert(Arc::new(opened))))
    }

    /// Records a person's order as a crossing of its own, sealed before it is carried out. Gives its receipt.
    pub(crate) fn carry_out(&self, crossing: Crossing) -> Result<CrossingId, CliError> {
        let id = crossing.id;
        let checkpoint = self.checkpoint(Told::default())?;
        let failed =
            |stopped| CliError::failed("the order could not be recorded, so it was not carried out", stopped);
        checkpoint.open(crossing).map_err(failed)?.seal(Vec::new()).map_err(failed)?;
        Ok(id)
    }

    /// Ends cleanly: the last checkpoint is signed.
    pub(crate) fn close(&self) -> Result<(), CliError> {
        self.ledger.checkpoint().map_err(|error| CliError::failed("the ledger's checkpoint", error))?;
        self.remember()
    }
}

/// Where cleared model files are kept.
pub(crate) fn model_store_folder(config: &Config, data: &Path) -> PathBuf {
    let set = config.path("gates.models.store");
    if set.as_os_str().is_empty() { data.join("models") } else { set }
}

/// What only who started some pages knows: other users of this machine reach their port too.
pub(crate) fn secret() -> Result<String, CliError> {
    let mut bytes = [0_u8; 16];
    SystemRandom.fill(&mut bytes).map_err(|error| CliError::failed("no random numbers", error))?;
    Ok(lazaret_core::hex(&bytes))
}

/// Makes an empty file of the owner's where there is none: SQLite fills it, and gives the files beside it the same
/// permissions.
pub(crate) fn private_file(file: &Path) -> std::io::Result<()> {
    if file.exists() { Ok(()) } else { lazaret_input::NewFile::create(file)?.commit() }
}

/// A lake ready to be written.
pub(crate) struct OpenLake {
    pub(crate) lake: Lake,
    /// Which lake it is, whatever it is called.
    id: String,
}

impl OpenLake {
    /// Its name in receipts.
    pub(crate) fn name(&self) -> &str {
        self.lake.name()
    }

    /// The destination of one crossing.
    pub(crate) fn passage(&self, crossing: CrossingId) -> Box<dyn Destination> {
        Box::new(self.lake.passage(crossing))
    }
}

/// Where the key file lies: as set, or beside the data directory.
pub(crate) fn key_file(config: &Config, folder: &Path) -> PathBuf {
    let set = config.path("keys.file");
    if !set.as_os_str().is_empty() {
        return set;
    }
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    folder.with_file_name(name)
}

/// The key service that opens a data directory's vault.
pub(crate) fn kms(config: &Config, folder: &Path) -> Result<Arc<dyn Kms>, CliError> {
    let kept =
        SqliteVault::kept_kms(folder).map_err(|error| CliError::failed("the vault's key service", error))?;
    let opened = if LocalKms::wants_passphrase(&kept.parameters) {
        LocalKms::passphrase(&kept.parameters, &ask_passphrase("passphrase for the keys: ")?)
    } else {
        LocalKms::key_file(&key_file(config, folder), folder)
    };
    let opened =
        opened.map_err(|error| CliError::failed("the key-encryption key could not be read", error))?;
    Ok(Arc::new(opened))
}

/// A passphrase from the environment, or asked for on the terminal without echo.
pub(crate) fn ask_passphrase(prompt: &str) -> Result<Sensitive<String>, CliError> {
    if let Ok(passphrase) = std::env::var(PASSPHRASE) {
        return Ok(passphrase.into());
    }
    let asked = rpassword::prompt_password(prompt);
    asked.map(Sensitive::new).map_err(|_| {
        CliError::Usage(format!("no passphrase: there is no terminal to ask on, and {PASSPHRASE} is not set"))
    })
}

/// Makes the crossings of one command: who, for what, on which basis, to where.
pub(crate) struct Crossings {
    actor: Actor,
    system: String,
    to: String,
    to_id: Option<String>,
    purpose: Purpose,
    basis: Basis,
    gate: Gate,
}

impl Crossings {
    /// From the settings, changed by flags.
    pub(crate) fn new(
        config: &Config,
        to: &str,
        purpose: Option<&str>,
        basis: Option<&str>,
        system: Option<&str>,
    ) -> Result<Self, CliError> {
        let config = config.with(&[
            ("crossing.purpose", purpose),
            ("crossing.basis", basis),
            ("crossing.system", system),
        ]);
        Ok(Self {
            actor: Actor {
                id: config.text("actor.id").to_owned(),
                role: config.text("actor.role").to_owned(),
            },
            system: config.text("crossing.system").to_owned(),
            to: to.to_owned(),
            to_id: None,
            purpose: config.purpose()?,
            basis: config.basis()?,
            gate: Gate::Ingest,
        })
    }

    /// Crossings through another gate than ingest.
    #[must_use]
    pub(crate) fn through(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Crossings into this lake.
    #[must_use]
    pub(crate) fn into_lake(self, lake: &OpenLake) -> Self {
        Self { to: lake.name().to_owned(), to_id: Some(lake.id.clone()), ..self }
    }

    /// Crossings of models into the registry.
    #[must_use]
    pub(crate) fn into_registry(self, blobs: &Blobs) -> Self {
        Self { to_id: Some(blobs.id().to_owned()), gate: Gate::Models, ..self }
    }

    /// A person's order.
    pub(crate) fn order(what: Ordered, object: &str, by: &str, second: Option<&str>, reason: &str) -> Order {
        Order {
            what,
            object: object.to_owned(),
            by: by.to_owned(),
            second: second.map(str::to_owned),
            reason: reason.to_owned(),
            until: None,
        }
    }

    /// The crossing that carries an order out. Somebody orders it, for a reason, and a second person is another.
    pub(crate) fn ordered(&self, order: Order) -> Result<Crossing, CliError> {
        // Auditors read these on a terminal.
        for word in [Some(&order.by), order.second.as_ref(), Some(&order.reason), Some(&self.to)] {
            word.map_or(Ok(()), |word| one_line(word).map(drop)).map_err(CliError::Usage)?;
        }
        for person in [Some(&order.by), order.second.as_ref()].into_iter().flatten() {
            check_person(person).map_err(CliError::Usage)?;
        }
        if order.second.as_ref().is_some_and(|second| is_one_person(&order.by, second)) {
            return Err(CliError::Usage("--second is another person than --by".to_owned()));
        }
        let actor = Actor { id: order.by.clone(), role: self.actor.role.clone() };
        Ok(Crossing { actor, order: Some(order), ..self.next(Path::new("vault"))? })
    }

    /// The next crossing, from a file.
    pub(crate) fn next(&self, from: &Path) -> Result<Crossing, CliError> {
        let started = SystemClock.now();
        let id =
            CrossingId::new(started, &SystemRandom).map_err(|error| CliError::failed("a new id", error))?;
        Ok(Crossing {
            id,
            actor: self.actor.clone(),
            gate: self.gate,
            from: from.to_string_lossy().into_owned().into(),
            system: self.system.clone(),
            to: self.to.clone(),
            to_id: self.to_id.clone(),
            recipient: Recipient::Internal,
            route: self.gate.name().to_owned(),
            purpose: self.purpose.clone(),
            basis: self.basis,
            started,
            exchange: None,
            // The ingest gate always enforces: raw records are never written to see what would happen.
            mode: Mode::Enforce,
            care_critical: None,
            override_by: None,
            order: None,
            model: None,
        })
    }
}
