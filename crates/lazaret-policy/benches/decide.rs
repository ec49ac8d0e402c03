//! How long a decision takes: answered before, and for the first time.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lazaret_core::{Kind, Policy as _, Severity};
use lazaret_policy::Question;

#[path = "../tests/main/make.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the tests use all of it, and stop where it does not hold")]
mod make;

fn decisions(criterion: &mut Criterion) {
    let policy = make::embedded();
    let crossing = make::crossing();
    let labels = [Kind::Name, Kind::Mrn, Kind::Date, Kind::Location, Kind::Phone];
    let findings = make::findings(Some(Severity::Low), &labels, &[]);
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
