//! A vault in a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{
    Basis, Body, Clock, CrossingId, Finding, Hold, HoldId, Label, Limits, Locator, Purpose, Sensitive,
    Subject, SystemClock, Timestamp, TokenForm, TokenRequest, UNINSPECTABLE, Vault as _,
};
use lazaret_vault::{Kms, LocalKms, SqliteVault, SystemRandom};

pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("kek")
    }

    pub(crate) fn kms(&self) -> Arc<dyn Kms> {
        kms(&self.key(), &self.data())
    }

    pub(crate) fn init(&self) -> SqliteVault {
        LocalKms::create_key_file(&self.key(), &self.data(), &SystemRandom).unwrap();
        SqliteVault::init(&self.data(), self.kms(), clock(), &Limits::default()).unwrap()
    }

    pub(crate) fn open(&self) -> SqliteVault {
        SqliteVault::open(&self.data(), self.kms(), clock(), &Limits::default()).unwrap()
    }
}

pub(crate) fn kms(key: &Path, data: &Path) -> Arc<dyn Kms> {
    Arc::new(LocalKms::key_file(key, data).unwrap())
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

pub(crate) fn subject(id: &str) -> Subject {
    Subject { system: "ehr".to_owned(), id: Sensitive::new(id.to_owned()) }
}

pub(crate) fn research(protocol: &str) -> Purpose {
    Purpose::Research { protocol: protocol.to_owned() }
}

/// The request of an MRN in a research data set; change what matters.
pub(crate) fn mrn<'a>(
    subject: Option<&'a Subject>,
    value: &'a str,
    purpose: &'a Purpose,
    basis: Basis,
) -> TokenRequest<'a> {
    TokenRequest {
        subject,
        label: Label::MRN,
        domain: "",
        system: "ehr",
        value,
        purpose,
        basis,
        form: TokenForm::Id,
    }
}

pub(crate) fn crossing() -> CrossingId {
    CrossingId::new(Timestamp::from_millis(1_764_080_413_007), &SystemRandom).unwrap()
}

pub(crate) fn hold(
    vault: &SqliteVault,
    crossing: CrossingId,
    record: u64,
    bytes: &[u8],
    subject: Option<&Subject>,
    releasable: bool,
) -> HoldId {
    let findings = [Finding::new(&UNINSPECTABLE, Locator::offset(7), "unreadable")];
    let identity = vault
        .digest(subject, &[record.to_be_bytes().as_slice(), crossing.as_bytes(), bytes].concat())
        .unwrap();
    let hold = Hold {
        crossing,
        record,
        identity,
        body: Body::Held(bytes),
        kind: "note",
        subject,
        findings: &findings,
        releasable,
    };
    vault.hold(&hold).unwrap()
}
