//! Data keys, rotation, signatures, making and opening, backup.

use std::sync::Arc;

use lazaret_core::{Basis, DataKeys as _, Limits, Sensitive, Signer as _, Vault as _};
use lazaret_vault::{
    Kms, KmsDescription, KmsError, LocalKms, SqliteVault, SystemRandom, VaultFailure, WrapContext,
};
use ring::signature;

use super::support::{Home, clock, crossing, hold, kms, mrn, research, subject};

#[test]
fn a_vault_is_made_once_and_opens_only_with_its_key() {
    let home = Home::new();
    assert!(matches!(SqliteVault::kept_kms(&home.data()), Err(VaultFailure::NoVault)));
    drop(home.init());
    assert!(SqliteVault::exists(&home.data()));
    let again = SqliteVault::init(&home.data(), home.kms(), clock(), &Limits::default());
    assert!(matches!(again, Err(VaultFailure::VaultExists)));
    let other = home.folder.path().join("other");
    let other = Arc::new(LocalKms::create_key_file(&other, &home.data(), &SystemRandom).unwrap());
    let error = SqliteVault::open(&home.data(), other, clock(), &Limits::default()).unwrap_err();
    assert!(error.to_string().starts_with("wrong passphrase or key file"), "{error}");
    let secret = std::fs::read_to_string(home.key()).unwrap();
    assert!(!format!("{error} {error:?}").contains(secret.trim()), "no key material");
    home.open();
}

#[test]
fn a_passphrase_opens_what_it_made() {
    let home = Home::new();
    let passphrase = Sensitive::new("seven ravens over the lake".to_owned());
    let kms = Arc::new(LocalKms::new_passphrase(&passphrase, &SystemRandom).unwrap());
    let made = SqliteVault::init(&home.data(), kms, clock(), &Limits::default()).unwrap();
    let digest = made.digest(None, b"x").unwrap();
    drop(made);
    let kept = SqliteVault::kept_kms(&home.data()).unwrap();
    assert!(LocalKms::wants_passphrase(&kept.parameters));
    let kms = Arc::new(LocalKms::passphrase(&kept.parameters, &passphrase).unwrap());
    let vault = SqliteVault::open(&home.data(), kms, clock(), &Limits::default()).unwrap();
    assert_eq!(vault.digest(None, b"x").unwrap(), digest);
}

#[cfg(unix)]
#[test]
fn the_files_of_a_vault_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let vault = home.init();
    hold(&vault, crossing(), 0, b"x", None, true);
    vault.sync().unwrap();
    let mut seen = 0;
    for folder in [home.data(), home.data().join("quarantine")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
            seen += 1;
        }
    }
    assert_eq!(seen, 5, "vault.db, its two companions, quarantine, one file in it");
}

#[test]
fn an_init_cut_short_can_be_done_again_and_a_newer_schema_is_refused() {
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    std::fs::write(home.data().join("vault.db"), b"").unwrap();
    assert!(!SqliteVault::exists(&home.data()));
    drop(home.init());
    let raw = rusqlite::Connection::open(home.data().join("vault.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let error = SqliteVault::open(&home.data(), home.kms(), clock(), &Limits::default()).unwrap_err();
    assert!(matches!(error, VaultFailure::Schema { found: 99, .. }));
}

#[test]
fn each_dataset_and_column_has_its_own_key_and_old_ones_still_read() {
    let home = Home::new();
    let vault = home.init();
    let keys = [
        vault.current("lake/Patient", None).unwrap(),
        vault.current("lake/Patient", Some("resource")).unwrap(),
        vault.current("lake/Observation", None).unwrap(),
    ];
    assert!(keys[0].key != keys[1].key && keys[0].key != keys[2].key && keys[1].key != keys[2].key);
    assert_eq!(vault.current("lake/Patient", None).unwrap().id, keys[0].id);
    let renewed = vault.renew_data_key("lake/Patient", None).unwrap();
    assert_ne!(renewed.id, keys[0].id);
    assert_eq!(vault.current("lake/Patient", None).unwrap().id, renewed.id);
    assert!(vault.current("", None).is_err());
    assert!(vault.current("lake", Some("")).is_err());
    drop(vault); // without a sync: a key given out is durable
    let vault = home.open();
    for key in &keys {
        assert_eq!(vault.by_id(&key.id).unwrap().key, key.key);
    }
    assert_eq!(vault.current("lake/Patient", None).unwrap().key, renewed.key);
    let error = vault.by_id("dk-none").unwrap_err().cause.unwrap().to_string();
    assert_eq!(error, "no data key `dk-none` in this vault");
}

#[test]
fn the_keys_of_a_dataset_are_listed_with_their_versions_and_only_its_own() {
    let home = Home::new();
    let vault = home.init();
    let footer = vault.current("lake/Patient", None).unwrap();
    let first = vault.current("lake/Patient", Some("content")).unwrap();
    let other = vault.current("lake/Patient2", None).unwrap();
    let second = vault.renew_data_key("lake/Patient", Some("content")).unwrap();
    let listed = vault.dataset_keys("lake/Patient").unwrap();
    let listed: Vec<_> =
        listed.iter().map(|key| (key.id.as_str(), key.column.as_deref(), key.version)).collect();
    assert_eq!(
        listed,
        [
            (footer.id.as_str(), None, 1),
            (first.id.as_str(), Some("content"), 1),
            (second.id.as_str(), Some("content"), 2),
        ]
    );
    assert_eq!(vault.dataset_keys("lake/Patient2").unwrap()[0].id, other.id);
    assert_eq!(vault.datasets().unwrap(), ["lake/Patient", "lake/Patient2"]);
    for name in ["", "vault", "subjects", "lake/%", "' OR 1=1 --"] {
        assert!(
            vault.dataset_keys(name).unwrap().is_empty(),
            "{name}: the vault's own keys are none of a dataset's"
        );
    }
}

#[test]
fn the_vaults_own_keys_are_not_given_out() {
    let home = Home::new();
    let vault = home.init();
    let raw = rusqlite::Connection::open(home.data().join("vault.db")).unwrap();
    let id: String = raw.query_row("SELECT id FROM data_keys LIMIT 1", [], |row| row.get(0)).unwrap();
    assert!(vault.by_id(&id).is_err());
    let mine = vault.current("subjects", None).unwrap();
    assert_ne!(mine.id, id, "a dataset named as a use of the vault's gets a key of its own");
}

#[test]
fn rotation_rewraps_everything_and_the_old_key_no_longer_opens() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    let token = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    let key = vault.current("lake/Patient", None).unwrap();
    let held = hold(&vault, crossing(), 0, b"kept", Some(&anna), true);
    let public = vault.public_key();
    assert_eq!(vault.rotations().unwrap(), []);
    let new = home.folder.path().join("new");
    let rotated = vault
        .rotate(Arc::new(LocalKms::create_key_file(&new, &home.data(), &SystemRandom).unwrap()))
        .unwrap();
    assert_eq!(rotated.keys, 6);
    assert_eq!(vault.rotations().unwrap(), [rotated]);
    assert!(matches!(vault.rotate(kms(&new, &home.data())), Err(VaultFailure::SameKey)));
    let later = vault.current("lake/Observation", None).unwrap();
    vault.sync().unwrap();
    drop(vault);
    let old = SqliteVault::open(&home.data(), home.kms(), clock(), &Limits::default());
    assert!(matches!(old, Err(VaultFailure::WrongKey { .. })));
    let vault =
        SqliteVault::open(&home.data(), kms(&new, &home.data()), clock(), &Limits::default()).unwrap();
    assert_eq!(vault.reveal(&token).unwrap().value.expose(), "4711");
    assert_eq!(vault.by_id(&key.id).unwrap().key, key.key);
    assert_eq!(vault.by_id(&later.id).unwrap().key, later.key);
    assert_eq!(vault.open_hold(held).unwrap().expose(), b"kept");
    assert_eq!(vault.public_key(), public);
    assert_eq!(vault.status().unwrap().kms_version, 2);
}

/// Wraps a few keys and then fails, as a key service whose network breaks.
struct Failing(LocalKms, std::sync::atomic::AtomicU32);

impl Kms for Failing {
    fn describe(&self) -> KmsDescription {
        self.0.describe()
    }
    fn wrap(&self, context: &WrapContext<'_>, key: &Sensitive<[u8; 32]>) -> Result<Vec<u8>, KmsError> {
        if self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3 {
            return Err(KmsError::NotWrapped);
        }
        self.0.wrap(context, key)
    }
    fn unwrap(&self, context: &WrapContext<'_>, wrapped: &[u8]) -> Result<Sensitive<[u8; 32]>, KmsError> {
        self.0.unwrap(context, wrapped)
    }
}

#[test]
fn a_rotation_that_fails_half_way_leaves_the_old_key_in_force() {
    let home = Home::new();
    let vault = home.init();
    let key = vault.current("lake/Patient", None).unwrap();
    let new =
        LocalKms::create_key_file(&home.folder.path().join("new"), &home.data(), &SystemRandom).unwrap();
    let failed = vault.rotate(Arc::new(Failing(new, 0.into())));
    assert!(matches!(failed, Err(VaultFailure::Kms(_))));
    vault.current("lake/Other", None).unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.by_id(&key.id).unwrap().key, key.key);
    assert_eq!(vault.status().unwrap().kms_version, 1);
}

#[test]
fn another_process_notices_a_rotation() {
    let home = Home::new();
    let ours = home.init();
    let theirs = home.open();
    let new =
        LocalKms::create_key_file(&home.folder.path().join("new"), &home.data(), &SystemRandom).unwrap();
    ours.rotate(Arc::new(new)).unwrap();
    let error = theirs.current("lake/Patient", None).unwrap_err().cause.unwrap().to_string();
    assert!(error.contains("rotated by another process"), "{error}");
}

#[test]
fn signatures_verify_and_the_key_stays() {
    let home = Home::new();
    let vault = home.init();
    let public = vault.public_key();
    let signed = vault.sign(b"checkpoint").unwrap();
    drop(vault);
    assert_eq!(home.open().public_key(), public);
    let key = signature::UnparsedPublicKey::new(&signature::ED25519, public);
    key.verify(b"checkpoint", &signed).unwrap();
    assert!(key.verify(b"another", &signed).is_err());
}

#[test]
fn a_backup_holds_everything_and_is_restored_only_where_no_vault_is() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    let token = vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    let held = hold(&vault, crossing(), 0, b"kept", Some(&anna), true);
    let copy = home.folder.path().join("copy");
    vault.backup(&copy).unwrap();
    assert!(matches!(vault.backup(&copy), Err(VaultFailure::VaultExists)));
    vault.shred(&anna, "kim", "lee", "").unwrap();
    drop(vault);
    assert!(matches!(SqliteVault::restore(&copy, &home.data()), Err(VaultFailure::VaultExists)));
    assert!(matches!(
        SqliteVault::restore(&home.folder.path().join("none"), &home.folder.path().join("there")),
        Err(VaultFailure::NoVault)
    ));
    let there = home.folder.path().join("there");
    SqliteVault::restore(&copy, &there).unwrap();
    let vault = SqliteVault::open(&there, kms(&home.key(), &there), clock(), &Limits::default()).unwrap();
    assert_eq!(vault.reveal(&token).unwrap().value.expose(), "4711");
    assert_eq!(vault.open_hold(held).unwrap().expose(), b"kept");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let home = Home::new();
    let vault = home.init();
    let copy = home.folder.path().join("copy");
    vault.backup(&copy).unwrap();
    let file = copy.join("vault.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 4_096);
    std::fs::write(&file, bytes).unwrap();
    let there = home.folder.path().join("there");
    assert!(SqliteVault::restore(&copy, &there).is_err());
    assert!(!SqliteVault::exists(&there));
}

#[test]
fn the_status_counts() {
    let home = Home::new();
    let vault = home.init();
    let (anna, one) = (subject("anna"), research("1"));
    vault.token(&mrn(Some(&anna), "4711", &one, Basis::SafeHarbor)).unwrap();
    vault.current("lake/Patient", None).unwrap();
    hold(&vault, crossing(), 0, b"kept", Some(&anna), true);
    vault.legal_hold(&anna, true, "counsel").unwrap();
    let status = vault.status().unwrap();
    assert_eq!((status.vault_keys, status.dataset_keys, status.kms_version), (5, 1, 1));
    assert_eq!((status.subjects, status.tokens, status.held, status.legal_holds), (1, 1, 1, 1));
    assert_eq!((status.kms.provider.as_str(), status.schema, status.kms_age_days), ("local", 2, 0));
    assert_eq!(status.signing_key.len(), 64);
}

#[test]
fn keys_that_sign_models_stay_in_the_vault() {
    let home = Home::new();
    let vault = home.init();
    assert!(vault.model_keys().unwrap().is_empty() && vault.model_key("registry").unwrap().is_none());
    let made = vault.make_model_key("registry").unwrap();
    let again = vault.make_model_key("registry").unwrap_err();
    assert!(matches!(again, VaultFailure::ModelKeyExists { .. }), "{again}");
    for name in ["", "Registry", "a b", "../x", &"a".repeat(65)] {
        assert!(matches!(vault.make_model_key(name), Err(VaultFailure::ModelKeyName)), "{name}");
    }
    vault.make_model_key("second").unwrap();
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.model_keys().unwrap(), ["registry", "second"]);
    let opened = vault.model_key("registry").unwrap().unwrap();
    assert_eq!((opened.point(), opened.point().len()), (made.point(), 65));
    assert_ne!(vault.model_key("second").unwrap().unwrap().point(), made.point());
    let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, made.point());
    key.verify(b"message", &opened.sign(b"message").unwrap()).unwrap();
    assert!(key.verify(b"other", &opened.sign(b"message").unwrap()).is_err());
    // A row moved to another name does not open.
    let file = home.data().join("vault.db");
    drop(vault);
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute("UPDATE model_keys SET name = 'third' WHERE name = 'second'", []).unwrap();
    drop(connection);
    assert!(matches!(home.open().model_key("third"), Err(VaultFailure::NotOpened { .. })));
}
