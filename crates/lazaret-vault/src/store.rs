//! The vault in `vault.db` and `quarantine/` of a data directory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use lazaret_core::{
    Clock, DataKey, Hold, HoldId, KeyedDigest, Known, KnownFact, Limit, Limits, Purpose, Sensitive, Signer,
    Subject, Timestamp, TokenRequest, Vault, VaultError,
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::cache::Cache;
use crate::data_keys::{OF_VAULT, keep_kms, kept_kms, make_key, newest_key};
use crate::database::Database;
use crate::envelope::{Binding, Derivation, MacKey, SealingKey};
use crate::facts::{MAX_FACT_BYTES, MAX_KNOWN_FACTS};
use crate::keeper::Keeper;
use crate::segments::Segments;
use crate::subjects::SubjectKeys;
use crate::tokens::Cached;
use crate::{Kms, KmsDescription, VaultFailure};

/// Most subjects whose derived keys are kept in memory (1 KiB each).
const MAX_CACHED_SUBJECTS: Limit = Limit::new("vault.max_cached_subjects", 16_384);
/// Most subjects whose facts are kept in memory.
const MAX_CACHED_KNOWN: Limit = Limit::new("vault.max_cached_known", 4_096);
/// Most tokens kept in memory (about 100 bytes each).
const MAX_CACHED_TOKENS: Limit = Limit::new("vault.max_cached_tokens", 262_144);

/// Every limit of the vault.
pub const LIMITS: &[Limit] =
    &[MAX_CACHED_KNOWN, MAX_CACHED_SUBJECTS, MAX_CACHED_TOKENS, MAX_FACT_BYTES, MAX_KNOWN_FACTS];

/// How often a thread looks whether the database is free before it sleeps: about 20 µs.
const SPINS: u32 = 1_000;

/// The vault's own data keys, by their use.
const LOOKUPS: &str = "lookups";
const SUBJECTS: &str = "subjects";
const INSTALLATION: &str = "installation";
const HOLDS: &str = "holds";
const SIGNING: &str = "signing";
const USES: [&str; 5] = [LOOKUPS, SUBJECTS, INSTALLATION, HOLDS, SIGNING];

/// Keys, tokens, subjects and records kept back, in SQLite. Clones of one `Arc` serve all threads; several
/// processes may have it open.
pub struct SqliteVault {
    database: Arc<Mutex<Database>>,
    keeper: Keeper,
    clock: Arc<dyn Clock>,
    kms: RwLock<Arc<dyn Kms>>,
    pub(crate) keys: VaultKeys,
    pub(crate) limits: VaultLimits,
    pub(crate) subjects: Cache<Arc<SubjectKeys>>,
    pub(crate) known: Cache<Arc<Known>>,
    pub(crate) tokens: Cache<Cached>,
    pub(crate) data_keys: Mutex<HashMap<(String, String), DataKey>>,
    /// Counts how often the caches were dropped; changed only under the database's lock.
    pub(crate) epoch: AtomicU64,
}

/// What the vault's own data keys give.
pub(crate) struct VaultKeys {
    /// Where subjects are found.
    pub(crate) lookups: MacKey,
    /// Seals subjects' secrets.
    pub(crate) subjects: SealingKey,
    /// Stands in for a subject's where there is none.
    pub(crate) installation: SubjectKeys,
    /// Seals held records of no subject, and what is known of all.
    pub(crate) holds: SealingKey,
    signing: Ed25519KeyPair,
    /// Seals the keys that sign models.
    pub(crate) model_keys: SealingKey,
}

/// The limits in force.
pub(crate) struct VaultLimits {
    pub(crate) facts: Limit,
    pub(crate) fact_bytes: Limit,
}

impl SqliteVault {
    /// Makes a vault in a data directory, under the key-encryption key of `kms`. Never overwrites one.
    pub fn init(
        data_dir: &Path,
        kms: Arc<dyn Kms>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<Self, VaultFailure> {
        lazaret_input::create_private_folder(data_dir).map_err(VaultFailure::file("made"))?;
        let file = data_dir.join("vault.db");
        match lazaret_input::create_private_file(&file) {
            Ok(_) => {}
            // An empty file is what an `init` cut short leaves.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(VaultFailure::file("made")(error)),
        }
        lazaret_input::sync_folder(data_dir).map_err(VaultFailure::file("made durable"))?;
        let mut database = Database::connect(&file, Segments::new(data_dir))?;
        let now = clock.now();
        database.begin()?;
        if database.schema()? != 0 {
            return Err(VaultFailure::VaultExists);
        }
        database.create_tables()?;
        database.at_once(|connection, _| fill(connection, kms.as_ref(), now))?;
        Self::start(database, kms, clock, limits)
    }

    /// Opens the vault of a data directory.
    pub fn open(
        data_dir: &Path,
        kms: Arc<dyn Kms>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<Self, VaultFailure> {
        let database = Self::connect(data_dir)?;
        Self::start(database, kms, clock, limits)
    }

    /// The key service that a vault's keys are wrapped under: what must be known to open it.
    pub fn kept_kms(data_dir: &Path) -> Result<KmsDescription, VaultFailure> {
        Ok(kept_kms(Self::connect(data_dir)?.reading()?)?.0)
    }

    /// Whether a data directory holds a vault.
    pub fn exists(data_dir: &Path) -> bool {
        Self::connect(data_dir).is_ok()
    }

    pub(crate) fn connect(data_dir: &Path) -> Result<Database, VaultFailure> {
        let file = data_dir.join("vault.db");
        if !file.is_file() {
            return Err(VaultFailure::NoVault);
        }
        let database = Database::connect(&file, Segments::new(data_dir))?;
        database.check_schema()?;
        Ok(database)
    }

    fn start(
        database: Database,
        kms: Arc<dyn Kms>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<Self, VaultFailure> {
        let keys = load(database.reading()?, kms.as_ref())?;
        let file = database.file();
        let database = Arc::new(Mutex::new(database));
        let keeper = Keeper::start(&database, file)?;
        Ok(Self {
            database,
            keeper,
            clock,
            kms: RwLock::new(kms),
            keys,
            limits: VaultLimits {
                facts: limits.get(MAX_KNOWN_FACTS),
                fact_bytes: limits.get(MAX_FACT_BYTES),
            },
            subjects: Cache::new(limits.get(MAX_CACHED_SUBJECTS).most()),
            known: Cache::new(limits.get(MAX_CACHED_KNOWN).most()),
            tokens: Cache::new(limits.get(MAX_CACHED_TOKENS).most()),
            data_keys: Mutex::default(),
            epoch: AtomicU64::new(0),
        })
    }

    pub(crate) fn database(&self) -> Result<MutexGuard<'_, Database>, VaultFailure> {
        // A statement takes microseconds, waking a sleeping thread ten times as long: better to look again first.
        for _ in 0..SPINS {
            match self.database.try_lock() {
                Ok(database) => return Ok(database),
                Err(TryLockError::Poisoned(_)) => return Err(VaultFailure::Broken),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        self.database.lock().map_err(|_| VaultFailure::Broken) // a thread panicked within a write
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn kms(&self) -> Arc<dyn Kms> {
        Arc::clone(&self.kms.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_kms(&self, kms: Arc<dyn Kms>) {
        *self.kms.write().unwrap_or_else(PoisonError::into_inner) = kms;
    }

    fn make_durable(&self) -> Result<(), VaultFailure> {
        let mut database = self.database()?;
        database.commit()?;
        if database.take_long_log() {
            self.keeper.copy_log();
        }
        database.look()?;
        if database.take_stale() {
            self.drop_caches();
        }
        Ok(())
    }

    fn keyed_digest(&self, subject: Option<&Subject>, bytes: &[u8]) -> Result<KeyedDigest, VaultFailure> {
        Ok(KeyedDigest(match subject {
            Some(subject) => self.subject(subject)?.digests.digest(bytes),
            None => self.keys.installation.digests.digest(bytes),
        }))
    }
}

impl Vault for SqliteVault {
    fn digest(&self, subject: Option<&Subject>, bytes: &[u8]) -> Result<KeyedDigest, VaultError> {
        self.keyed_digest(subject, bytes).map_err(VaultFailure::of("make a digest"))
    }

    fn token(&self, request: &TokenRequest<'_>) -> Result<String, VaultError> {
        self.make_token(request).map_err(VaultFailure::of("make a token"))
    }

    fn shift_days(&self, subject: &Subject, purpose: &Purpose) -> Result<i32, VaultError> {
        let days = self.subject(subject).and_then(|keys| keys.shift_days(purpose));
        days.map_err(VaultFailure::of("give a date shift"))
    }

    fn learn(&self, subject: &Subject, facts: &[KnownFact]) -> Result<(), VaultError> {
        self.learn_facts(subject, facts).map_err(VaultFailure::of("learn what a record says of its subject"))
    }

    fn known(&self, subject: &Subject) -> Result<Option<Arc<Known>>, VaultError> {
        self.known_facts(subject).map_err(VaultFailure::of("say what is known of a subject"))
    }

    fn hold(&self, hold: &Hold<'_>) -> Result<HoldId, VaultError> {
        self.keep_hold(hold).map_err(VaultFailure::of("keep a record back"))
    }

    fn sync(&self) -> Result<(), VaultError> {
        self.make_durable().map_err(VaultFailure::of("make its writes durable"))
    }
}

impl Signer for SqliteVault {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], VaultError> {
        let signature = self.keys.signing.sign(message);
        let bytes = signature.as_ref().first_chunk::<64>().copied();
        bytes.ok_or(VaultError { what: "sign", cause: None })
    }

    fn public_key(&self) -> [u8; 32] {
        self.keys.signing.public_key().as_ref().first_chunk::<32>().copied().unwrap_or_default()
    }
}

/// Milliseconds since 1970, as SQLite keeps them.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.millis()).unwrap_or(i64::MAX)
}

/// What a new vault holds: its own data keys, and the signing key sealed under one of them.
fn fill(connection: &Connection, kms: &dyn Kms, now: Timestamp) -> Result<(), VaultFailure> {
    keep_kms(connection, &kms.describe(), now)?;
    for usage in USES {
        let key = make_key(connection, kms, OF_VAULT, (usage, ""), now)?;
        if usage == SIGNING {
            let random = ring::rand::SystemRandom::new();
            let pair = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| VaultFailure::NotSealed)?;
            let sealed = SealingKey::new(&key.key).seal(&Binding::to("signing key"), pair.as_ref())?;
            let sql = "INSERT INTO signing (id, sealed, created) VALUES (1, ?1, ?2)";
            connection.execute(sql, params![sealed, millis(now)])?;
        }
    }
    Ok(())
}

/// Unwraps the vault's own data keys.
fn load(connection: &Connection, kms: &dyn Kms) -> Result<VaultKeys, VaultFailure> {
    let (kept, given) = (kept_kms(connection)?.0, kms.describe());
    if kept.key_id != given.key_id {
        return Err(VaultFailure::WrongKey { kept: kept.key_id, given: given.key_id });
    }
    let key = |usage| {
        let key = newest_key(connection, kms, OF_VAULT, (usage, ""))?;
        key.map(|key| key.key).ok_or(VaultFailure::NotOpened { what: "the vault" })
    };
    let sealed: Option<Vec<u8>> =
        connection.query_row("SELECT sealed FROM signing", [], |row| row.get(0)).optional()?;
    let sealed = sealed.ok_or(VaultFailure::NotOpened { what: "the vault" })?;
    let signing = SealingKey::new(&key(SIGNING)?).open(&Binding::to("signing key"), &sealed);
    let signing: Sensitive<Vec<u8>> = signing.map_err(VaultFailure::not_opened("the signing key"))?;
    Ok(VaultKeys {
        lookups: Derivation::of(&key(LOOKUPS)?).mac("subject lookup")?,
        subjects: SealingKey::new(&key(SUBJECTS)?),
        installation: SubjectKeys::of(0, [0; 16], &key(INSTALLATION)?)?,
        holds: SealingKey::new(&key(HOLDS)?),
        signing: Ed25519KeyPair::from_pkcs8(signing.expose())
            .map_err(|_| VaultFailure::NotOpened { what: "the signing key" })?,
        model_keys: Derivation::of(&key(SIGNING)?).sealing("model keys")?,
    })
}

impl std::fmt::Debug for SqliteVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqliteVault {{ kms: {} }}", self.kms().describe())
    }
}

impl Drop for SqliteVault {
    fn drop(&mut self) {
        if let Ok(mut database) = self.database.lock() {
            let _ = database.commit(); // nobody was told that it is durable
        }
        self.epoch.store(u64::MAX, Ordering::Release);
    }
}
