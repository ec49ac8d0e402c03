//! How fast the JSON reader is: NDJSON lines made here, or those of a file named in `LAZARET_BENCH_NDJSON`.

#![expect(clippy::expect_used, reason = "a benchmark without its input cannot go on")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lazaret_core::Limits;

fn bench(criterion: &mut Criterion) {
    let text = std::env::var_os("LAZARET_BENCH_NDJSON").map_or_else(made_up, |path| {
        std::io::read_to_string(std::fs::File::open(path).expect("the file opens")).expect("the file is text")
    });
    let lines: Vec<&str> = text.lines().collect();
    let bytes = lines.iter().map(|line| line.len() as u64).sum();
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("lazaret_input::json", |bencher| {
        let limits = Limits::default();
        bencher.iter(|| {
            for line in &lines {
                let parsed = lazaret_input::json::parse(black_box(line.as_bytes()), &limits);
                assert!(parsed.faults.is_empty());
            }
        });
    });
    group.bench_function("serde_json::Value", |bencher| {
        bencher.iter(|| {
            for line in &lines {
                black_box(serde_json::from_str::<serde_json::Value>(line).expect("valid"));
            }
        });
    });
    group.finish();
}

/// A thousand lines of the shape and size of FHIR resources.
fn made_up() -> String {
    (0..1_000).map(line).collect()
}

fn line(n: u32) -> String {
    format!(
        concat!(
            r#"{{"resourceType":"Observation","id":"o-{0}","meta":{{"versionId":"1","lastUpdated":"2020-03-{1:02}T10:00:00.000+00:00","#,
            r#""profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]}},"status":"final","#,
            r#""category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}}]}}],"#,
            r#""code":{{"coding":[{{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}}],"text":"Glucose \"serum\""}},"#,
            r#""subject":{{"reference":"Patient/p-{0}"}},"encounter":{{"reference":"Encounter/e-{0}"}},"effectiveDateTime":"2020-03-{1:02}T09:30:00+00:00","#,
            r#""valueQuantity":{{"value":{0}.50,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}}}"#,
            "\n"
        ),
        n,
        n % 28 + 1
    )
}

criterion_group!(benches, bench);
criterion_main!(benches);
