//! How long a decision takes: answered before, and for the first time.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lazaret_core::{
    Actor, Basis, Crossing, CrossingId, FindingSummary, Gate, Kind, Mode, Policy, Purpose, Recipient,
    Sensitive, Severity, Timestamp,
};
use lazaret_policy::{CedarPolicy, Question};

fn decisions(criterion: &mut Criterion) {
    let (Ok(policy), Some(id)) =
        (CedarPolicy::embedded(), CrossingId::parse("01936f2e-8a50-7000-8000-000000000000"))
    else {
        return;
    };
    let crossing = Crossing {
        id,
        actor: Actor { id: "etl".into(), role: "pipeline".into() },
        gate: Gate::Ingest,
        from: Sensitive::new("patients.ndjson".into()),
        system: "ehr".into(),
        to: "lake".into(),
        recipient: Recipient::Internal,
        route: "nightly".into(),
        purpose: Purpose::Operations,
        basis: Basis::SafeHarbor,
        started: Timestamp::from_millis(1),
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
    };
    let findings = FindingSummary {
        rules: ["csv.formula"].into(),
        highest: Some(Severity::Low),
        labels: [Kind::Name, Kind::Mrn, Kind::Date, Kind::Location, Kind::Phone].into(),
        sensitivity: [].into(),
        record_kind: "Patient".into(),
    };
    let question = Question::from((&crossing, &findings));
    criterion.bench_function("answered before", |bencher| {
        bencher.iter(|| black_box(policy.decide(&crossing, &findings)));
    });
    criterion.bench_function("for the first time", |bencher| {
        bencher.iter(|| black_box(policy.answer(&question)));
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
