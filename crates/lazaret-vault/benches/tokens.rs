//! The vault's hot path: tokens of values seen before, of new values with their sync, digests, holds.
//!
//! `cargo bench -p lazaret-vault`

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lazaret_core::{
    Basis, Body, CrossingId, Hold, Label, Limits, Purpose, Sensitive, Subject, SystemClock, Timestamp,
    TokenForm, TokenRequest, Vault as _, VaultError,
};
use lazaret_vault::{LocalKms, SqliteVault, SystemRandom, VaultFailure};

const BATCH: u64 = 10_000;

fn vault(folder: &Path) -> Result<SqliteVault, VaultFailure> {
    let data = folder.join("data");
    let kms = LocalKms::create_key_file(&folder.join("kek"), &data, &SystemRandom)?;
    SqliteVault::init(&data, Arc::new(kms), Arc::new(SystemClock), &Limits::default())
}

fn subject(n: u64) -> Subject {
    Subject { system: "ehr".to_owned(), id: Sensitive::new(format!("patient-{n}")) }
}

fn token(vault: &SqliteVault, subject: &Subject, n: u64, basis: Basis) -> Result<String, VaultError> {
    vault.token(&TokenRequest {
        subject: Some(subject),
        label: Label::MRN,
        domain: "",
        system: "ehr",
        value: &format!("mrn-{n}"),
        purpose: &Purpose::Operations,
        basis,
        form: TokenForm::Id,
    })
}

fn tokens(c: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let Ok(vault) = vault(folder.path()) else { return };
    let mut group = c.benchmark_group("vault");
    let anna = subject(0);
    group.throughput(Throughput::Elements(1));
    group.bench_function("token seen before", |b| b.iter(|| token(&vault, &anna, 0, Basis::SafeHarbor)));
    group.bench_function("digest of 1 KiB", |b| b.iter(|| vault.digest(Some(&anna), &[7; 1024])));
    group.sample_size(10).throughput(Throughput::Elements(BATCH));
    let next = AtomicU64::new(1);
    let subjects: Vec<Subject> = (0..1_000).map(subject).collect();
    for (name, basis) in [("random", Basis::SafeHarbor), ("keyed", Basis::Expert)] {
        group.bench_function(format!("10,000 new {name} tokens with sync"), |b| {
            b.iter(|| {
                for subject in subjects.iter().cycle().take(10_000) {
                    token(&vault, subject, next.fetch_add(1, Ordering::Relaxed), basis)?;
                }
                vault.sync()
            });
        });
    }
    group.bench_function("10,000 new random tokens with sync, two threads", |b| {
        b.iter(|| {
            std::thread::scope(|scope| {
                for half in subjects.chunks(500) {
                    let (vault, next) = (&vault, &next);
                    scope.spawn(move || {
                        for subject in half.iter().cycle().take(5_000) {
                            token(vault, subject, next.fetch_add(1, Ordering::Relaxed), Basis::SafeHarbor)?;
                        }
                        Ok::<_, VaultError>(())
                    });
                }
            });
            vault.sync()
        });
    });
    group.bench_function("10,000 new subjects with sync", |b| {
        let make = || (0..BATCH).map(|_| subject(next.fetch_add(1, Ordering::Relaxed) + 5_000)).collect();
        let digest = |subjects: Vec<Subject>| {
            for subject in &subjects {
                vault.digest(Some(subject), b"x")?;
            }
            vault.sync()
        };
        b.iter_batched(make, digest, BatchSize::PerIteration);
    });
    group.bench_function("10,000 holds of 2 KiB with sync", |b| {
        b.iter(|| {
            let Ok(crossing) = CrossingId::new(Timestamp::default(), &SystemRandom) else { return Ok(()) };
            for record in 0..BATCH {
                let identity = vault.digest(
                    subjects.first(),
                    &[crossing.as_bytes(), record.to_be_bytes().as_slice()].concat(),
                )?;
                vault.hold(&Hold {
                    crossing,
                    record,
                    identity,
                    body: Body::Held(&[7; 2048]),
                    kind: "note",
                    subject: subjects.first(),
                    findings: &[],
                    releasable: true,
                })?;
            }
            vault.sync()
        });
    });
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
